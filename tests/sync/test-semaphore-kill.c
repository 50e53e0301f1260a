/* test-semaphore-kill.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/core-test.h"
#include "platform/platform-test.h"
#include "sync-torture.h"

#ifdef AIOPROC_TEST_STRESS
# define N_KILLS 5000
#else
# define N_KILLS 250
#endif

static gboolean
is_dead (pid_t pid)
{
  return pid != getpid () && (kill (pid, 0) != 0 || platform_test_get_state (pid, pid) == 'Z');
}

/* --- Units that are held --- */

#define N_UNITS  3
#define N_PLACES 8
#define CLAIMED  0x80000000u

/* Each process has a place, where it counts its threads that hold a unit. All counts are in one
 * word, so that who adds one knows them all, at that moment.
 */
typedef struct {
  _Atomic guint64 inside;              /* eight bits a place */
  _Atomic guint32 pids[N_PLACES];      /* 0: nobody's; CLAIMED: not quite yet */
  _Atomic guint32 n_held;
  _Atomic guint32 n_died;              /* that held units */
} State;

/* For a process that has none yet. */
static guint
claim_place (State *state)
{
  for (guint i = 0;; i = (i + 1) % N_PLACES)
    {
      guint32 pid = atomic_load (&state->pids[i]);
      guint64 mask = G_GUINT64_CONSTANT (0xff) << 8 * i;

      if ((pid != 0 && !is_dead (pid & ~CLAIMED)) ||
          !atomic_compare_exchange_strong (&state->pids[i], &pid, getpid () | CLAIMED))
        continue;

      /* Nobody takes for ours what the dead one left there. */
      if ((atomic_fetch_and (&state->inside, ~mask) & mask) != 0)
        atomic_fetch_add (&state->n_died, 1);

      atomic_store (&state->pids[i], getpid ());

      return i;
    }
}

static guint
get_place (State *state)
{
  static gsize place;

  /* The value of the children, which are forked before the first call. */
  if (g_once_init_enter (&place))
    g_once_init_leave (&place, claim_place (state) + 1);

  return place - 1;
}

/* Goes inside, and tells how many are there. */
static guint
enter (State   *state,
       guint64  one)
{
  guint32 pids[N_PLACES];
  guint64 inside;
  guint n = 0;

  for (guint i = 0; i < N_PLACES; i++)
    pids[i] = atomic_load (&state->pids[i]);

  inside = atomic_fetch_add (&state->inside, one) + one;

  /* What the dead held is not held, whether or not it came back yet. It does once their descriptors
   * are closed, which is before they are seen to be dead.
   */
  for (guint i = 0; i < N_PLACES; i++)
    {
      guint n_here = inside >> 8 * i & 0xff;

      if (pids[i] != 0 && n_here > 0 && atomic_load (&state->pids[i]) == pids[i] &&
          !is_dead (pids[i]) && !platform_test_is_exiting (pids[i]))
        n += n_here;
    }

  return n;
}

static void
hold (AioprocSemaphore *semaphore,
      State            *state,
      GRand            *random)
{
  guint64 one = G_GUINT64_CONSTANT (1) << 8 * get_place (state);
  g_autoptr(GError) error = NULL;

  g_assert_cmpuint (enter (state, one), <=, N_UNITS);
  g_assert_cmpuint (aioproc_semaphore_get_held (semaphore), >=, 1);
  g_assert_cmpuint (aioproc_semaphore_get_held (semaphore), <=, N_UNITS);
  g_assert_cmpuint (aioproc_semaphore_get_value (semaphore), <, N_UNITS);
  atomic_fetch_add (&state->n_held, 1);

  for (guint n = g_rand_int_range (random, 0, 200); n > 0; n--)
    atomic_signal_fence (memory_order_seq_cst);

  atomic_fetch_sub (&state->inside, one);
  g_assert_true (aioproc_semaphore_release (semaphore, &error));
  g_assert_no_error (error);
}

static void
hammer (gpointer  object,
        gboolean  async,
        gpointer  state,
        GRand    *random)
{
  AioprocSemaphore *semaphore = object;

  if (torture_acquire_unit (semaphore, async, random))
    hold (semaphore, state, random);

  if (g_rand_int_range (random, 0, 4) == 0 && aioproc_semaphore_try_acquire (semaphore, NULL))
    hold (semaphore, state, random);
}

static void
check_held (gconstpointer data)
{
  State *state = (State *) data;

  g_test_message ("Held %u times; %u died so", atomic_load (&state->n_held),
                  atomic_load (&state->n_died));
  g_assert_cmpuint (atomic_load (&state->n_held), >, 0);
#ifndef CORE_TEST_TSAN
  g_assert_cmpuint (atomic_load (&state->n_died), >, 0);
#endif
}

/* All units are back: none lost, none made. */
static void
check_all_free (gpointer      object,
                gconstpointer state)
{
  AioprocSemaphore *semaphore = object;
  guint value;

  while ((value = aioproc_semaphore_get_value (semaphore)) < N_UNITS)
    g_thread_yield ();

  g_assert_cmpuint (value, ==, N_UNITS);
  g_assert_cmpuint (aioproc_semaphore_get_held (semaphore), ==, 0);

  /* One may be kept for those who have slept, and are dead now: not for long. */
  for (guint i = 0; i < N_UNITS; i++)
    g_assert_true (aioproc_semaphore_acquire (semaphore, -1, NULL, NULL));

  g_assert_false (aioproc_semaphore_try_acquire (semaphore, NULL));
}

static TortureSetup
held_setup (gboolean orphans)
{
  return (TortureSetup) {
    .type = AIOPROC_TYPE_SEMAPHORE,
    .property = "initial-value",
    .value = N_UNITS,
    .state_size = sizeof (State),
    .n_processes = 4,
    .steps = { hammer, hammer },
    .orphans = orphans,
    .check = check_held,
    .check_object = check_all_free,
  };
}

static void
test_semaphore_kill_random (void)
{
  TortureSetup setup = held_setup (FALSE);

  g_test_summary ("Processes are killed at random: no unit is lost or made, and none waits on");

  torture (&setup, N_KILLS, 8, 5000);
}

static void
test_semaphore_kill_orphans (void)
{
  TortureSetup setup = held_setup (TRUE);

  g_test_summary ("The same with processes that are nobody's children");

  torture (&setup, N_KILLS, 3, 5000);
}

/* --- Units that come and go --- */

#define N_FREE_MOST 50

/* What was begun was done, or its process was killed amid it. */
typedef struct {
  _Atomic guint32 n_posts_begun;
  _Atomic guint32 n_posts;
  _Atomic guint32 n_consumes_begun;
  _Atomic guint32 n_consumes;
} Flow;

static void
produce (gpointer  object,
         gboolean  async,
         gpointer  data,
         GRand    *random)
{
  AioprocSemaphore *semaphore = object;
  Flow *flow = data;
  g_autoptr(GError) error = NULL;

  if (aioproc_semaphore_get_value (semaphore) > N_FREE_MOST)
    {
      g_thread_yield ();
      return;
    }

  atomic_fetch_add (&flow->n_posts_begun, 1);
  g_assert_true (aioproc_semaphore_post (semaphore, &error));
  g_assert_no_error (error);
  atomic_fetch_add (&flow->n_posts, 1);
}

static void
take (gpointer  object,
      gboolean  async,
      gpointer  data,
      GRand    *random)
{
  AioprocSemaphore *semaphore = object;
  Flow *flow = data;
  g_autoptr(GError) error = NULL;

  if (!torture_acquire_unit (semaphore, async, random))
    return;

  if (g_rand_int_range (random, 0, 4) == 0)
    {
      g_assert_true (aioproc_semaphore_release (semaphore, &error));
      g_assert_no_error (error);
      return;
    }

  atomic_fetch_add (&flow->n_consumes_begun, 1);
  g_assert_true (aioproc_semaphore_consume (semaphore, &error));
  g_assert_no_error (error);
  atomic_fetch_add (&flow->n_consumes, 1);
}

static void
check_flow (gconstpointer data)
{
  Flow *flow = (Flow *) data;

  g_test_message ("%u posted, %u consumed", atomic_load (&flow->n_posts),
                  atomic_load (&flow->n_consumes));
  g_assert_cmpuint (atomic_load (&flow->n_consumes), >, 0);
}

static void
check_balance (gpointer      object,
               gconstpointer data)
{
  Flow *flow = (Flow *) data;
  AioprocSemaphore *semaphore = object;
  gint64 least = (gint64) atomic_load (&flow->n_posts) - atomic_load (&flow->n_consumes_begun);
  gint64 most = (gint64) atomic_load (&flow->n_posts_begun) - atomic_load (&flow->n_consumes);

  while (aioproc_semaphore_get_value (semaphore) < least)
    g_thread_yield ();

  g_assert_cmpint (aioproc_semaphore_get_value (semaphore), <=, most);
}

static void
test_semaphore_kill_flow (void)
{
  const TortureSetup setup = {
    .type = AIOPROC_TYPE_SEMAPHORE,
    .property = "initial-value",
    .state_size = sizeof (Flow),
    .n_processes = 4,
    .steps = { produce, take },
    .check = check_flow,
    .check_object = check_balance,
  };

  g_test_summary ("Those who post and those who take are killed: what is left adds up");

  torture (&setup, N_KILLS, 4, 5000);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/semaphore-kill/random", test_semaphore_kill_random);
  aioproc_test_add_func ("/aioproc/semaphore-kill/orphans", test_semaphore_kill_orphans);
  aioproc_test_add_func ("/aioproc/semaphore-kill/flow", test_semaphore_kill_flow);

  return g_test_run ();
}
