/* test-event-kill.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/core-test.h"
#include "sync-torture.h"

#ifdef AIOPROC_TEST_STRESS
# define N_KILLS 5000
#else
# define N_KILLS 250
#endif

static void
set_and_clear (gpointer  object,
               gboolean  async,
               gpointer  state,
               GRand    *random)
{
  AioprocEvent *event = object;
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_event_set (event, &error));
  g_assert_no_error (error);
  atomic_fetch_add ((_Atomic guint64 *) state, 1);

  for (guint n = g_rand_int_range (random, 0, 2000); n > 0; n--)
    atomic_signal_fence (memory_order_seq_cst);

  g_assert_true (aioproc_event_clear (event, &error));
  g_assert_no_error (error);

  for (guint n = g_rand_int_range (random, 0, 2000); n > 0; n--)
    atomic_signal_fence (memory_order_seq_cst);
}

static void
wait_for_set (gpointer  object,
              gboolean  async,
              gpointer  state,
              GRand    *random)
{
  torture_wait (object, async, random);
}

static void
check_sets (gconstpointer state)
{
  g_assert_cmpuint (*(const guint64 *) state, >, 0);
}

static TortureSetup
event_setup (gboolean orphans)
{
  return (TortureSetup) {
    .type = AIOPROC_TYPE_EVENT,
    .state_size = sizeof (guint64),
    .n_processes = 4,
    .steps = { set_and_clear, wait_for_set },
    .orphans = orphans,
    .check = check_sets,
  };
}

static void
test_event_kill_random (void)
{
  TortureSetup setup = event_setup (FALSE);

  g_test_summary ("Who sets and who waits is killed at random, and no waiter waits for ever");

  torture (&setup, N_KILLS, 8, 5000);
}

static void
test_event_kill_orphans (void)
{
  TortureSetup setup = event_setup (TRUE);

  g_test_summary ("The same with processes that are nobody's children");

  torture (&setup, N_KILLS, 4, 5000);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/event-kill/random", test_event_kill_random);
  aioproc_test_add_func ("/aioproc/event-kill/orphans", test_event_kill_orphans);

  return g_test_run ();
}
