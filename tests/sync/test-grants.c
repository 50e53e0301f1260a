/* test-grants.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "aioproc-test.h"
#include "core/core-test.h"
#include "core/trace-test.h"
#include "platform/platform-test.h"
#include "sync/aioproc-grants-private.h"

#define MAX_PROCESSES 4

typedef struct {
  AioprocGrantsState state;
  _Atomic guint32    owners[MAX_PROCESSES];
  _Atomic guint32    begun[MAX_PROCESSES];    /* how many of its waiters wait */
  _Atomic guint32    chosen[MAX_PROCESSES];   /* how many were given a grant */
  _Atomic guint32    go;
} Shared;

typedef struct {
  Shared       *shared;
  AioprocGrants grants;         /* of this process */
} Fixture;

typedef struct {
  Fixture *fixture;
  guint    index;
  guint    n_waiters;
} Waiters;

static void
fixture_init (Fixture *fixture)
{
  AioprocFamily *family = core_test_get_family ();

  memset (fixture, 0, sizeof *fixture);
  core_test_attach (family);
  fixture->shared = platform_test_map_shared (sizeof *fixture->shared);
  aioproc_grants_init (&fixture->grants, &fixture->shared->state, family);
}

static void
fixture_clear (Fixture *fixture)
{
  aioproc_grants_clear (&fixture->grants);
  platform_test_unmap (fixture->shared, sizeof *fixture->shared);
}

static gboolean
is_chosen (Fixture             *fixture,
           AioprocGrantsWaiter *waiter)
{
  guint32 expected;
  gint64 retry_usec;

  return aioproc_grants_is_chosen (&fixture->grants, waiter, &expected, &retry_usec);
}

/* In all processes, without a grant: see the layout of the counts. */
static guint
count_waiting (Fixture *fixture)
{
  guint n_waiting = 0;

  for (guint i = 0; i < AIOPROC_GRANTS_N_SLOTS; i++)
    n_waiting += atomic_load (&fixture->grants.state->slots[i].counts) >> 17 & AIOPROC_GRANTS_MAX;

  return n_waiting;
}

static guint
give (Fixture *fixture,
      guint    n)
{
  gboolean own;

  return aioproc_grants_give (&fixture->grants, n, &own);
}

/* Sleeps, as a wait queue would, until @waiter is chosen. */
static void
wait_until_chosen (Fixture             *fixture,
                   AioprocGrantsWaiter *waiter)
{
  AioprocFamily *family = core_test_get_family ();

  for (;;)
    {
      guint32 sequence = atomic_load (aioproc_family_get_sequence (family));
      guint32 expected;
      gint64 retry_usec;

      if (aioproc_grants_is_chosen (&fixture->grants, waiter, &expected, &retry_usec))
        return;

      aioproc_family_sleep (family, sequence, aioproc_grants_get_word (&fixture->grants), expected,
                            retry_usec);
    }
}

static int
waiters_run (gpointer user_data)
{
  Waiters *self = user_data;
  Fixture *fixture = self->fixture;
  Shared *shared = fixture->shared;
  AioprocFamily *family = core_test_get_family ();
  g_autofree AioprocGrantsWaiter *waiters = g_new0 (AioprocGrantsWaiter, self->n_waiters);

  core_test_store (&shared->owners[self->index], core_test_attach (family));
  aioproc_grants_init (&fixture->grants, &shared->state, family);

  for (guint i = 0; i < self->n_waiters; i++)
    g_assert_true (aioproc_grants_begin (&fixture->grants, &waiters[i]));

  core_test_store (&shared->begun[self->index], self->n_waiters);

  for (guint i = 0; i < self->n_waiters; i++)
    {
      wait_until_chosen (fixture, &waiters[i]);
      g_assert_true (aioproc_grants_end (&fixture->grants, &waiters[i]));
      core_test_store (&shared->chosen[self->index], i + 1);
    }

  return 0;
}

/* One that does not look at what it is given. */
static int
sleeper_run (gpointer user_data)
{
  Waiters *self = user_data;
  Fixture *fixture = self->fixture;
  Shared *shared = fixture->shared;
  AioprocGrantsWaiter waiter = { 0 };
  AioprocFamily *family = core_test_get_family ();

  core_test_store (&shared->owners[self->index], core_test_attach (family));
  aioproc_grants_init (&fixture->grants, &shared->state, family);
  g_assert_true (aioproc_grants_begin (&fixture->grants, &waiter));
  core_test_store (&shared->begun[self->index], 1);
  core_test_wait_for (&shared->go, G_MAXUINT32);

  return 0;
}

static pid_t
start (Waiters *waiters,
       int    (*func) (gpointer data),
       Fixture *fixture,
       guint    index,
       guint    n_waiters)
{
  pid_t pid;

  waiters[index] = (Waiters) { fixture, index, n_waiters };
  pid = platform_test_fork (func, &waiters[index]);
  core_test_wait_for (&fixture->shared->begun[index], n_waiters);

  return pid;
}

static void
test_grants_order (void)
{
  AioprocGrantsWaiter waiters[4] = { { { 0 } } };
  Fixture fixture;

  g_test_summary ("In one process the longest waiting is chosen, and a latecomer is not");

  fixture_init (&fixture);
  g_assert_cmpuint (give (&fixture, 1), ==, 0);

  for (guint i = 0; i < 3; i++)
    {
      g_assert_true (aioproc_grants_begin (&fixture.grants, &waiters[i]));
      g_assert_false (is_chosen (&fixture, &waiters[i]));
    }

  g_assert_cmpuint (count_waiting (&fixture), ==, 3);
  g_assert_cmpuint (give (&fixture, 2), ==, 2);
  g_assert_cmpuint (count_waiting (&fixture), ==, 1);

  /* Nobody has looked yet, and here is one more. */
  g_assert_true (aioproc_grants_begin (&fixture.grants, &waiters[3]));
  g_assert_false (is_chosen (&fixture, &waiters[3]));
  g_assert_false (is_chosen (&fixture, &waiters[2]));
  g_assert_true (is_chosen (&fixture, &waiters[1]));
  g_assert_true (is_chosen (&fixture, &waiters[0]));

  g_assert_true (aioproc_grants_end (&fixture.grants, &waiters[1]));
  g_assert_false (aioproc_grants_end (&fixture.grants, &waiters[2]));
  g_assert_true (aioproc_grants_end (&fixture.grants, &waiters[0]));
  g_assert_cmpuint (give (&fixture, G_MAXUINT), ==, 1);
  g_assert_true (aioproc_grants_end (&fixture.grants, &waiters[3]));
  g_assert_cmpuint (count_waiting (&fixture), ==, 0);
  g_assert_cmpuint (give (&fixture, G_MAXUINT), ==, 0);
  fixture_clear (&fixture);
}

static void
test_grants_end_late (void)
{
  AioprocGrantsWaiter waiter = { { 0 } };
  Fixture fixture;

  g_test_summary ("One who gives up, and was given a grant before, is told so");

  fixture_init (&fixture);

  for (guint i = 0; i < 3; i++)
    {
      g_assert_true (aioproc_grants_begin (&fixture.grants, &waiter));

      if (i % 2 == 0)
        g_assert_cmpuint (give (&fixture, 5), ==, 1);

      g_assert_cmpint (aioproc_grants_end (&fixture.grants, &waiter), ==, i % 2 == 0);
      /* Once. */
      g_assert_false (aioproc_grants_end (&fixture.grants, &waiter));
      g_assert_cmpuint (give (&fixture, 5), ==, 0);
    }

  fixture_clear (&fixture);
}

static void
test_grants_turns (void)
{
  Waiters waiters[3];
  pid_t pids[3];
  Fixture fixture;

  g_test_summary ("Processes are given to in turn, and each as often as it was asked for");

  fixture_init (&fixture);

  for (guint i = 0; i < 3; i++)
    pids[i] = start (waiters, waiters_run, &fixture, i, 3);

  for (guint n = 1; n <= 3; n++)
    {
      g_assert_cmpuint (count_waiting (&fixture), ==, 3 * (4 - n));
      g_assert_cmpuint (give (&fixture, 3), ==, 3);

      for (guint i = 0; i < 3; i++)
        core_test_wait_for (&fixture.shared->chosen[i], n);
    }

  g_assert_cmpuint (give (&fixture, 1), ==, 0);

  for (guint i = 0; i < 3; i++)
    platform_test_wait_success (pids[i]);

  fixture_clear (&fixture);
}

static void
test_grants_killed (gconstpointer data)
{
  gboolean all_die = data != NULL;

  g_test_summary ("A grant of one that is killed goes to another that waits, or to nobody");

  for (guint i = 0; i < 10; i++)
    {
      AioprocGrantsWaiter waiter = { { 0 } };
      AioprocFamily *family = core_test_get_family ();
      Waiters waiters[2];
      Fixture fixture;
      pid_t pid;

      fixture_init (&fixture);
      pid = start (waiters, sleeper_run, &fixture, 0, 1);
      g_assert_cmpuint (give (&fixture, 1), ==, 1);

      if (!all_die)
        {
          g_assert_true (aioproc_grants_begin (&fixture.grants, &waiter));
          g_assert_false (is_chosen (&fixture, &waiter));
        }

      core_test_kill (pid);

      if (all_die)
        {
          core_test_wait_for_death (family, atomic_load (&fixture.shared->owners[0]));
          g_assert_true (aioproc_grants_begin (&fixture.grants, &waiter));
          g_assert_false (is_chosen (&fixture, &waiter));
          g_assert_false (aioproc_grants_end (&fixture.grants, &waiter));
        }
      else
        {
          wait_until_chosen (&fixture, &waiter);
          g_assert_true (aioproc_grants_end (&fixture.grants, &waiter));
        }

      g_assert_cmpuint (give (&fixture, G_MAXUINT), ==, 0);
      fixture_clear (&fixture);
    }
}

static void
test_grants_skipped (void)
{
  Waiters waiters[2];
  pid_t pids[2];
  Fixture fixture;

  g_test_summary ("One that was killed while it waited is given nothing");

  fixture_init (&fixture);
  pids[0] = start (waiters, sleeper_run, &fixture, 0, 1);
  pids[1] = start (waiters, waiters_run, &fixture, 1, 1);
  core_test_kill (pids[0]);
  g_assert_cmpuint (give (&fixture, 1), ==, 1);
  core_test_wait_for (&fixture.shared->chosen[1], 1);
  platform_test_wait_success (pids[1]);
  g_assert_cmpuint (give (&fixture, G_MAXUINT), ==, 0);
  fixture_clear (&fixture);
}

static int
holder_run (gpointer user_data)
{
  Fixture *fixture = user_data;
  AioprocFamily *family = core_test_get_family ();

  core_test_attach (family);
  g_assert_cmpint (aioproc_lock_word_try (&fixture->shared->state.lock, family), ==,
                   AIOPROC_LOCK_TAKEN);
  core_test_store (&fixture->shared->go, 1);
  core_test_wait_for (&fixture->shared->go, 2);

  return 0;
}

static void
test_grants_stopped (void)
{
  AioprocGrantsWaiter waiter = { { 0 } };
  Waiters waiters[1];
  Fixture fixture;
  pid_t pid;
  pid_t holder;

  g_test_summary ("One that stands still while it passes on keeps nobody from waiting or giving");

  fixture_init (&fixture);
  holder = platform_test_fork (holder_run, &fixture);
  core_test_wait_for (&fixture.shared->go, 1);

  g_assert_true (aioproc_grants_begin (&fixture.grants, &waiter));
  g_assert_false (is_chosen (&fixture, &waiter));
  g_assert_cmpuint (give (&fixture, 1), ==, 1);
  g_assert_true (is_chosen (&fixture, &waiter));
  g_assert_true (aioproc_grants_end (&fixture.grants, &waiter));

  /* What it should pass on comes when it is gone. */
  pid = start (waiters, sleeper_run, &fixture, 0, 1);
  g_assert_cmpuint (give (&fixture, 1), ==, 1);
  g_assert_true (aioproc_grants_begin (&fixture.grants, &waiter));
  core_test_kill (pid);
  core_test_kill (holder);
  wait_until_chosen (&fixture, &waiter);
  g_assert_true (aioproc_grants_end (&fixture.grants, &waiter));
  fixture_clear (&fixture);
}

#if !defined (CORE_TEST_TSAN)

/* --- Killed after each instruction --- */

/* In the default suite another part of them each time. A wait that passes on takes thousands. */
#ifdef AIOPROC_TEST_STRESS
# define GIVE_STRIDE 1
# define WAIT_STRIDE 1
#else
# define GIVE_STRIDE 7
# define WAIT_STRIDE 101
#endif

static int
stepped_giver_run (gpointer user_data)
{
  Fixture *fixture = user_data;
  AioprocFamily *family = core_test_get_family ();
  gboolean own;

  core_test_attach (family);
  aioproc_grants_init (&fixture->grants, &fixture->shared->state, family);
  aioproc_grants_give (&fixture->grants, 0, &own);
  trace_test_mark ();
  aioproc_grants_give (&fixture->grants, 1, &own);
  trace_test_mark ();

  return 1;
}

static int
stepped_waiter_run (gpointer user_data)
{
  Fixture *fixture = user_data;
  AioprocFamily *family = core_test_get_family ();
  AioprocGrantsWaiter waiter = { { 0 } };
  guint32 expected;
  gint64 retry_usec;

  core_test_attach (family);
  aioproc_grants_init (&fixture->grants, &fixture->shared->state, family);
  trace_test_mark ();
  g_assert_true (aioproc_grants_begin (&fixture->grants, &waiter));
  aioproc_grants_is_chosen (&fixture->grants, &waiter, &expected, &retry_usec);
  aioproc_grants_end (&fixture->grants, &waiter);
  trace_test_mark ();

  return 1;
}

/* One of this process waits. Whatever the victim did, one more grant lets it go on. */
static void
test_grants_step (gconstpointer data)
{
  int (*run) (gpointer) = data != NULL ? stepped_waiter_run : stepped_giver_run;
  AioprocFamily *family = core_test_get_family ();
  TraceTestStep last = TRACE_TEST_STEPPED;
  guint stride = data != NULL ? WAIT_STRIDE : GIVE_STRIDE;
  guint n;

  g_test_summary ("A process is killed after any instruction of a wait, or of giving");

  for (n = g_test_rand_int_range (0, stride); last == TRACE_TEST_STEPPED; n += stride)
    {
      AioprocGrantsWaiter waiter = { { 0 } };
      Fixture fixture;
      pid_t pid;

      fixture_init (&fixture);
      g_assert_true (aioproc_grants_begin (&fixture.grants, &waiter));

      /* Something to pass on, in the slot of one that is dead. */
      if (data != NULL)
        {
          Waiters waiters[1];

          pid = start (waiters, sleeper_run, &fixture, 0, 1);
          g_assert_cmpuint (give (&fixture, G_MAXUINT), ==, 2);
          g_assert_true (aioproc_grants_end (&fixture.grants, &waiter));
          core_test_kill (pid);
          core_test_wait_for_death (family, atomic_load (&fixture.shared->owners[0]));
          g_assert_cmpuint (give (&fixture, 1), ==, 0);
          memset (&waiter, 0, sizeof waiter);
        }

      pid = trace_test_fork (run, &fixture);
      trace_test_step_many (pid, n, &last);
      core_test_kill (pid);

      if (data != NULL)
        g_assert_true (aioproc_grants_begin (&fixture.grants, &waiter));

      if (!is_chosen (&fixture, &waiter))
        g_assert_cmpuint (give (&fixture, G_MAXUINT), >=, 1);

      wait_until_chosen (&fixture, &waiter);
      g_assert_true (aioproc_grants_end (&fixture.grants, &waiter));
      fixture_clear (&fixture);
      aioproc_test_arm_watchdog (60);
    }

  g_test_message ("%u instructions", n);
  g_assert_cmpuint (n, >, 10);
}

/* One is about to be given to when it dies: everything that looks for the dead has looked before it
 * is.
 */
static void
test_grants_step_dying (void)
{
  AioprocFamily *family = core_test_get_family ();
  TraceTestStep last = TRACE_TEST_STEPPED;
  guint n;

  g_test_summary ("Who dies while it is given a grant, at any instruction, does not keep it");

  for (n = g_test_rand_int_range (0, GIVE_STRIDE); last == TRACE_TEST_STEPPED; n += GIVE_STRIDE)
    {
      AioprocGrantsWaiter waiter = { { 0 } };
      Waiters waiters[1];
      Fixture fixture;
      pid_t target;
      pid_t giver;

      fixture_init (&fixture);
      target = start (waiters, sleeper_run, &fixture, 0, 1);
      atomic_store (&fixture.shared->state.cursor, atomic_load (&fixture.shared->owners[0]));
      g_assert_true (aioproc_grants_begin (&fixture.grants, &waiter));
      giver = trace_test_fork (stepped_giver_run, &fixture);
      trace_test_step_many (giver, n, &last);
      core_test_kill (target);
      core_test_wait_for_death (family, atomic_load (&fixture.shared->owners[0]));
      (void) is_chosen (&fixture, &waiter);

      if (last == TRACE_TEST_STEPPED)
        trace_test_run_to_mark (giver);

      /* The giver lives: no other death wakes us. */
      wait_until_chosen (&fixture, &waiter);
      g_assert_true (aioproc_grants_end (&fixture.grants, &waiter));
      core_test_kill (giver);
      fixture_clear (&fixture);
      aioproc_test_arm_watchdog (60);
    }

  g_test_message ("%u instructions", n);
  g_assert_cmpuint (n, >, 10);
}

#endif

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/grants/order", test_grants_order);
  aioproc_test_add_func ("/aioproc/grants/end-late", test_grants_end_late);
  aioproc_test_add_func ("/aioproc/grants/turns", test_grants_turns);
  aioproc_test_add_data_func ("/aioproc/grants/killed/passed-on", NULL, test_grants_killed);
  aioproc_test_add_data_func ("/aioproc/grants/killed/for-nobody", GINT_TO_POINTER (1),
                              test_grants_killed);
  aioproc_test_add_func ("/aioproc/grants/skipped", test_grants_skipped);
  aioproc_test_add_func ("/aioproc/grants/stopped", test_grants_stopped);
#if !defined (CORE_TEST_TSAN)
  aioproc_test_add_data_func ("/aioproc/grants/step/give", NULL, test_grants_step);
  aioproc_test_add_func ("/aioproc/grants/step/dying", test_grants_step_dying);
  aioproc_test_add_data_func ("/aioproc/grants/step/wait", GINT_TO_POINTER (1), test_grants_step);
#endif

  return g_test_run ();
}
