/* test-lock-kill.c
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
# define N_KILLS 1000
#endif

/* What the lock guards. Those without atomics: by the lock alone. */
typedef struct {
  _Atomic guint32 inside;
  guint32         before;
  guint32         after;
  _Atomic guint32 n_abandoned;
} State;

static void
hold (AioprocLock *lock,
      gpointer     data,
      GRand       *random)
{
  State *state = data;
  g_autoptr(GError) error = NULL;
  gboolean abandoned = aioproc_lock_get_was_abandoned (lock);
  guint32 nobody = 0;

  /* Whoever died inside was announced as such, and is the only reason to find anybody there. */
  if (abandoned)
    {
      atomic_fetch_add (&state->n_abandoned, 1);
      atomic_store (&state->inside, 0);
      state->after = state->before;
    }

  g_assert_true (atomic_compare_exchange_strong (&state->inside, &nobody, 1));
  g_assert_cmpuint (state->before, ==, state->after);
  state->before++;

  for (guint n = g_rand_int_range (random, 0, 200); n > 0; n--)
    atomic_signal_fence (memory_order_seq_cst);

  state->after++;
  g_assert_cmpuint (state->before, ==, state->after);
  atomic_store (&state->inside, 0);
  g_assert_true (aioproc_lock_release (lock, &error));
  g_assert_no_error (error);
}

static void
hammer (gpointer  object,
        gboolean  async,
        gpointer  state,
        GRand    *random)
{
  AioprocLock *lock = object;

  if (torture_acquire (lock, async, random))
    hold (lock, state, random);

  if (g_rand_int_range (random, 0, 4) == 0 && aioproc_lock_try_acquire (lock, NULL))
    hold (lock, state, random);
}

static void
check_abandoned (gconstpointer data)
{
  State *state = (State *) data;

  g_test_message ("%u times inside, abandoned %u times", state->after,
                  atomic_load (&state->n_abandoned));
  g_assert_cmpuint (state->after, >, 0);
  g_assert_cmpuint (atomic_load (&state->n_abandoned), >, 0);
}

static TortureSetup
lock_setup (gboolean orphans)
{
  return (TortureSetup) {
    .type = AIOPROC_TYPE_LOCK,
    .state_size = sizeof (State),
    .n_processes = 4,
    .steps = { hammer, hammer },
    .orphans = orphans,
    .check = check_abandoned,
  };
}

static void
test_lock_kill_random (void)
{
  TortureSetup setup = lock_setup (FALSE);

  g_test_summary ("Processes are killed at random: the lock excludes, tells, and none waits on");

  torture (&setup, N_KILLS, 8, 5000);
}

static void
test_lock_kill_orphans (void)
{
  TortureSetup setup = lock_setup (TRUE);

  g_test_summary ("The same with processes that are nobody's children");

  torture (&setup, N_KILLS, 3, 5000);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/lock-kill/random", test_lock_kill_random);
  aioproc_test_add_func ("/aioproc/lock-kill/orphans", test_lock_kill_orphans);

  return g_test_run ();
}
