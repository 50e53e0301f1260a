/* test-barrier-kill.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/core-test.h"
#include "platform/platform-test.h"
#include "sync-torture.h"

#ifdef AIOPROC_TEST_STRESS
# define N_KILLS 5000
#else
# define N_KILLS 150
#endif

#define N_PARTIES 3

/* The action counts rounds. A party that has seen @n_actions grow by just one from before its wait
 * to after it knows which round it was in, and writes down that it had its index in that.
 */
typedef struct {
  _Atomic guint32 n_actions;
  _Atomic guint32 n_met;
  _Atomic guint32 n_known;         /* of these */
  _Atomic guint32 n_broken;
  _Atomic guint64 indices[4096];   /* of the latest rounds: round | a bit for each index */
} State;

static void
act (AioprocBarrier  *barrier,
     gpointer         user_data,
     GError         **error)
{
  State *state = user_data;

  atomic_fetch_add (&state->n_actions, 1);
}

static void
note_index (State  *state,
            guint32 round,
            int     index)
{
  _Atomic guint64 *word = &state->indices[round % G_N_ELEMENTS (state->indices)];
  guint64 bit = G_GUINT64_CONSTANT (1) << index;
  guint64 before = atomic_load (word);
  guint64 next;

  do
    {
      /* Another thread may have noted a later one by now. */
      if (before >> 32 > round)
        return;

      if (before >> 32 == round)
        g_assert_cmpuint (before & bit, ==, 0);

      next = before >> 32 == round ? before | bit : (guint64) round << 32 | bit;
    }
  while (!atomic_compare_exchange_weak (word, &before, next));

  atomic_fetch_add (&state->n_known, 1);
}

static void
meet (gpointer  object,
      gboolean  async,
      gpointer  data,
      GRand    *random)
{
  AioprocBarrier *barrier = object;
  State *state = data;
  guint32 before;
  guint32 after;
  int index;

  aioproc_barrier_set_action (barrier, act, state, NULL);
  before = atomic_load (&state->n_actions);
  index = torture_meet (barrier, async, random);
  after = atomic_load (&state->n_actions);

  if (index >= 0)
    {
      g_assert_cmpint (index, <, N_PARTIES);
      /* Nobody goes on before all are there. */
      g_assert_cmpuint (after - before, >=, 1);
      atomic_fetch_add (&state->n_met, 1);

      if (after - before == 1)
        note_index (state, after, index);

      return;
    }

  atomic_fetch_add (&state->n_broken, 1);

  if (g_rand_int_range (random, 0, 16) == 0)
    g_assert_true (aioproc_barrier_abort (barrier, NULL));

  if (aioproc_barrier_is_broken (barrier))
    g_assert_true (aioproc_barrier_reset (barrier, NULL));
}

static void
check_state (gconstpointer data)
{
  State *state = (State *) data;

  g_test_message ("%u met, of which %u are known, in %u rounds; %u did not",
                  atomic_load (&state->n_met), atomic_load (&state->n_known),
                  atomic_load (&state->n_actions), atomic_load (&state->n_broken));
  g_assert_cmpuint (atomic_load (&state->n_known), >, 0);
  g_assert_cmpuint (atomic_load (&state->n_broken), >, 0);
  /* Each round has an action of its own. */
  g_assert_cmpuint (atomic_load (&state->n_met), <=,
                    N_PARTIES * atomic_load (&state->n_actions));
}

/* It is as good as new. */
static void
check_barrier (gpointer      object,
               gconstpointer data)
{
  AioprocBarrier *barrier = object;

  aioproc_barrier_set_action (barrier, NULL, NULL, NULL);
  g_assert_true (aioproc_barrier_reset (barrier, NULL));
  g_assert_false (aioproc_barrier_is_broken (barrier));

  for (guint i = 0; i < 4; i++)
    {
      GAsyncResult *results[N_PARTIES] = { NULL };

      for (guint j = 0; j < N_PARTIES; j++)
        aioproc_barrier_wait_async (barrier, -1, NULL, aioproc_test_store_result, &results[j]);

      for (guint j = 0; j < N_PARTIES; j++)
        {
          g_autoptr(GError) error = NULL;

          aioproc_test_wait (&results[j]);
          g_assert_cmpint (aioproc_barrier_wait_finish (barrier, results[j], &error), ==, j);
          g_assert_no_error (error);
          g_clear_object (&results[j]);
        }
    }
}

static TortureSetup
new_setup (gboolean orphans)
{
  return (TortureSetup) {
    .type = AIOPROC_TYPE_BARRIER,
    .property = "parties",
    .value = N_PARTIES,
    .state_size = sizeof (State),
    .n_processes = 4,
    .steps = { meet, meet },
    .orphans = orphans,
    .check = check_state,
    .check_object = check_barrier,
  };
}

static void
test_barrier_kill_random (void)
{
  TortureSetup setup = new_setup (FALSE);

  g_test_summary ("Processes are killed at random: no rounds mix, and nobody waits on");

  torture (&setup, N_KILLS, 8, 3000);
}

static void
test_barrier_kill_orphans (void)
{
  TortureSetup setup = new_setup (TRUE);

  g_test_summary ("The same with processes that are nobody's children");

  torture (&setup, N_KILLS, 4, 3000);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/barrier-kill/random", test_barrier_kill_random);
  aioproc_test_add_func ("/aioproc/barrier-kill/orphans", test_barrier_kill_orphans);

  return g_test_run ();
}
