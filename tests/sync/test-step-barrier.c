/* test-step-barrier.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/core-test.h"
#include "platform/platform-test.h"
#include "step-test.h"

/* See step-test.h. The barrier has two parties. */

#define STRIDE 17

#define MEET 1

static AioprocBarrier *barrier;        /* (owned) */
static AioprocBarrier *warm_barrier;   /* (owned) for the linker, and what is done once */
static StepHelper *partner;

/* Shared. */
static struct {
  _Atomic gint32  index;               /* of the partner, -1: it was broken */
  _Atomic guint32 n_actions;           /* of the victim */
} *shared;

static int
wait_at (AioprocBarrier *self,
         gint64          timeout_usec)
{
  g_autoptr(GError) error = NULL;
  int index = aioproc_barrier_wait (self, timeout_usec, NULL, &error);

  if (index < 0 && timeout_usec < 0)
    g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_BROKEN_BARRIER);

  return index;
}

static void
partner_run (StepHelper *self,
             guint32     command)
{
  step_test_helper_begin (self);
  atomic_store (&shared->index, wait_at (barrier, -1));
}

static void
start_partner (void)
{
  step_test_helper_start (partner, MEET);
}

static void
end_partner (int index)
{
  step_test_helper_end (partner);
  g_assert_cmpint (atomic_load (&shared->index), ==, index);
}

static void
reset (void)
{
  g_assert_true (aioproc_barrier_reset (barrier, NULL));
  g_assert_false (aioproc_barrier_is_broken (barrier));
}

static void
come_last (void)
{
  g_assert_cmpint (wait_at (barrier, -1), ==, 1);
}

static void
meet (void)
{
  start_partner ();
  g_assert_cmpuint (aioproc_barrier_get_n_waiting (barrier), ==, 1);
  come_last ();
  end_partner (0);
}

/* --- How it begins --- */

static void
act (AioprocBarrier  *self,
     gpointer         user_data,
     GError         **error)
{
  atomic_fetch_add (&shared->n_actions, 1);
}

static void
start_partner_without_action (void)
{
  atomic_store (&shared->n_actions, 0);
  start_partner ();
}

static void
set_action (void)
{
  aioproc_barrier_set_action (barrier, act, NULL, NULL);
}

static void
abort_barrier (void)
{
  g_assert_true (aioproc_barrier_abort (barrier, NULL));
}

static int
dying_party_run (gpointer user_data)
{
  wait_at (barrier, -1);

  return 1;
}

/* The first seat of the next round is a dead one's. */
static void
let_party_die (void)
{
  pid_t pid = platform_test_fork (dying_party_run, NULL);

  while (aioproc_barrier_get_n_waiting (barrier) == 0)
    g_thread_yield ();

  core_test_kill (pid);
  g_assert_true (aioproc_barrier_is_broken (barrier));
  reset ();
  meet ();
}

/* The partner needs the seat of the victim, which has not left it. */
static void
come_last_and_return (void)
{
  come_last ();
  meet ();
  start_partner ();
  g_assert_cmpuint (aioproc_barrier_get_n_waiting (barrier), ==, 0);
}

/* --- The operations --- */

static void
do_wait (void)
{
  wait_at (barrier, -1);
}

static void
do_wait_briefly (void)
{
  wait_at (barrier, 0);
}

static void
do_reset (void)
{
  aioproc_barrier_reset (barrier, NULL);
}

/* --- What must hold --- */

/* In either bank. */
static void
check_rounds (void)
{
  meet ();
  meet ();
  meet ();
  g_assert_false (aioproc_barrier_is_broken (barrier));
}

static void
check_alone (gboolean owned)
{
  /* It had arrived, or not. */
  if (aioproc_barrier_is_broken (barrier))
    reset ();

  g_assert_cmpuint (aioproc_barrier_get_n_waiting (barrier), ==, 0);
  check_rounds ();
}

static void
check_last (gboolean owned)
{
  if (aioproc_barrier_is_broken (barrier))
    {
      end_partner (-1);
      reset ();
    }
  else if (aioproc_barrier_get_n_waiting (barrier) == 1)
    {
      /* It had not arrived. */
      come_last ();
      end_partner (0);
    }
  else
    {
      end_partner (0);
    }

  check_rounds ();
}

static void
check_action (gboolean owned)
{
  guint n_actions = atomic_load (&shared->n_actions);

  if (aioproc_barrier_is_broken (barrier) || aioproc_barrier_get_n_waiting (barrier) == 1)
    g_assert_cmpuint (n_actions, <=, 1);
  else
    g_assert_cmpuint (n_actions, ==, 1);

  check_last (owned);
}

static void
check_left (gboolean owned)
{
  g_assert_false (aioproc_barrier_is_broken (barrier));
  check_rounds ();
}

static void
check_broken (gboolean owned)
{
  g_assert_true (aioproc_barrier_is_broken (barrier));
  reset ();
  check_rounds ();
}

static void
check_drained (gboolean owned)
{
  /* Whoever is the first one. */
  int index = wait_at (barrier, -1);

  g_assert_cmpint (index, >=, 0);
  end_partner (1 - index);
  check_rounds ();
}

static void
check_aborted (gboolean owned)
{
  abort_barrier ();
  end_partner (-1);
  reset ();
  check_rounds ();
}

static void
check_reset (gboolean owned)
{
  reset ();
  end_partner (-1);
  check_rounds ();
}

static const StepOperation operations[] = {
  { "wait/first", NULL, NULL, NULL, do_wait, STEP_TO_SLEEP, { NULL }, check_alone },
  { "wait/dead", let_party_die, NULL, NULL, do_wait, STEP_TO_SLEEP, { NULL }, check_alone },
  { "wait/times-out", NULL, NULL, NULL, do_wait_briefly, STEP_TO_SLEEP, { NULL }, check_alone },
  { "wait/last", start_partner, NULL, NULL, do_wait, STEP_TO_SLEEP, { NULL }, check_last },
  { "wait/action", start_partner_without_action, set_action, NULL, do_wait, STEP_TO_SLEEP,
    { NULL }, check_action },
  { "leave/met", NULL, NULL, NULL, do_wait, STEP_WOKEN, { come_last }, check_left },
  { "leave/broken", NULL, NULL, NULL, do_wait, STEP_WOKEN, { abort_barrier }, check_broken },
  { "leave/drain", NULL, NULL, NULL, do_wait, STEP_WOKEN, { come_last_and_return },
    check_drained },
  { "abort/waiter", start_partner, NULL, NULL, abort_barrier, STEP_TO_SLEEP, { NULL },
    check_aborted },
  { "reset/waiter", start_partner, NULL, NULL, do_reset, STEP_TO_SLEEP, { NULL }, check_reset },
  { "reset/broken", abort_barrier, NULL, NULL, do_reset, STEP_TO_SLEEP, { NULL }, check_alone },
};

static void
set_up (void)
{
  if (barrier != NULL)
    return;

  step_test_init ();
  barrier = aioproc_barrier_new (2, NULL);
  warm_barrier = aioproc_barrier_new (1, NULL);
  shared = platform_test_map_shared (sizeof *shared);
  partner = step_test_helper_new (partner_run);

  for (guint i = 0; i < 2; i++)
    {
      aioproc_barrier_set_action (warm_barrier, act, NULL, NULL);
      g_assert_cmpint (wait_at (warm_barrier, -1), ==, 0);
      g_assert_true (aioproc_barrier_abort (warm_barrier, NULL));
      g_assert_cmpint (wait_at (warm_barrier, -1), ==, -1);
      g_assert_true (aioproc_barrier_reset (warm_barrier, NULL));
      g_assert_cmpint (wait_at (barrier, 1), ==, -1);
      reset ();
      meet ();
    }
}

static void
test_step_barrier (gconstpointer data)
{
  g_test_summary ("A process is killed after any instruction of an operation");

  set_up ();
  step_test_run (data, STRIDE, step_test_get_word (barrier));
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (operations); i++)
    {
      g_autofree char *path = g_strconcat ("/aioproc/step-barrier/", operations[i].path, NULL);

      aioproc_test_add_data_func (path, &operations[i], test_step_barrier);
    }

  return g_test_run ();
}
