/* test-rlock-kill.c
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

/* What the lock guards. Those without atomics: by the lock alone. */
typedef struct {
  _Atomic guint32 inside;
  guint32         before;
  guint32         after;
  _Atomic guint32 n_abandoned;
} State;

/* The lock was acquired once. */
static void
hold (AioprocRLock *lock,
      guint64       owner,
      gpointer      data,
      GRand        *random)
{
  State *state = data;
  g_autoptr(GError) error = NULL;
  guint depth = g_rand_int_range (random, 1, 4);
  guint32 nobody = 0;

  /* However deep the one was that died. */
  g_assert_cmpuint (aioproc_rlock_get_depth (lock, owner), ==, 1);

  if (aioproc_rlock_get_was_abandoned (lock))
    {
      atomic_fetch_add (&state->n_abandoned, 1);
      atomic_store (&state->inside, 0);
      state->after = state->before;
    }

  g_assert_true (atomic_compare_exchange_strong (&state->inside, &nobody, 1));
  g_assert_cmpuint (state->before, ==, state->after);
  state->before++;

  for (guint i = 1; i < depth; i++)
    {
      g_assert_true (aioproc_rlock_try_acquire (lock, owner, &error));
      g_assert_no_error (error);
    }

  for (guint n = g_rand_int_range (random, 0, 200); n > 0; n--)
    atomic_signal_fence (memory_order_seq_cst);

  for (guint i = 1; i < depth; i++)
    {
      g_assert_true (aioproc_rlock_release (lock, owner, &error));
      g_assert_no_error (error);
    }

  g_assert_cmpuint (aioproc_rlock_get_depth (lock, owner), ==, 1);
  state->after++;
  g_assert_cmpuint (state->before, ==, state->after);
  atomic_store (&state->inside, 0);
  g_assert_true (aioproc_rlock_release (lock, owner, &error));
  g_assert_no_error (error);
}

static void
hammer (gpointer  object,
        gboolean  async,
        gpointer  state,
        GRand    *random)
{
  AioprocRLock *lock = object;
  /* The thread itself, or by a number that no other thread has. */
  guint64 owner = async ? GPOINTER_TO_SIZE (random) : 0;

  if (torture_acquire_rlock (lock, owner, async, random))
    hold (lock, owner, state, random);

  if (g_rand_int_range (random, 0, 4) == 0 && aioproc_rlock_try_acquire (lock, owner, NULL))
    hold (lock, owner, state, random);
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

static void
test_rlock_kill (gconstpointer data)
{
  const TortureSetup setup = {
    .type = AIOPROC_TYPE_RLOCK,
    .state_size = sizeof (State),
    .n_processes = 4,
    .steps = { hammer, hammer },
    .orphans = GPOINTER_TO_INT (data),
    .check = check_abandoned,
  };

  g_test_summary ("Processes are killed at random: the lock excludes, tells, and none waits on");

  torture (&setup, N_KILLS, setup.orphans ? 3 : 8, 5000);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_data_func ("/aioproc/rlock-kill/random", GINT_TO_POINTER (FALSE),
                              test_rlock_kill);
  aioproc_test_add_data_func ("/aioproc/rlock-kill/orphans", GINT_TO_POINTER (TRUE),
                              test_rlock_kill);

  return g_test_run ();
}
