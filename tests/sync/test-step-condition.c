/* test-step-condition.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/core-test.h"
#include "step-test.h"

/* See step-test.h. Each with a condition over a lock, and over a recursive lock that is held
 * twice.
 */

#define STRIDE 307

#define WAIT 1

/* What the next case is about. */
static AioprocCondition *condition;
static gpointer lock;

static AioprocCondition *conditions[2];      /* (owned) */
static AioprocCondition *warm_conditions[2]; /* (owned) for the linker, and what is done once */
static StepHelper *waiters[2];

static void
acquire (void)
{
  g_autoptr(GError) error = NULL;

  if (!AIOPROC_IS_RLOCK (lock))
    g_assert_true (aioproc_lock_acquire (lock, -1, NULL, &error));

  for (guint i = 0; AIOPROC_IS_RLOCK (lock) && i < 2; i++)
    g_assert_true (aioproc_rlock_acquire (lock, 0, -1, NULL, &error));

  g_assert_no_error (error);
}

static void
release (void)
{
  g_autoptr(GError) error = NULL;

  if (!AIOPROC_IS_RLOCK (lock))
    {
      g_assert_true (aioproc_lock_release (lock, &error));
      g_assert_no_error (error);
      return;
    }

  g_assert_cmpuint (aioproc_rlock_get_depth (lock, 0), ==, 2);

  for (guint i = 0; i < 2; i++)
    {
      g_assert_true (aioproc_rlock_release (lock, 0, &error));
      g_assert_no_error (error);
    }
}

static gboolean
was_abandoned (void)
{
  return AIOPROC_IS_RLOCK (lock) ? aioproc_rlock_get_was_abandoned (lock)
                                 : aioproc_lock_get_was_abandoned (lock);
}

static void
choose (AioprocCondition *of)
{
  condition = of;
  lock = aioproc_condition_get_lock (of);
}

/* --- The operations --- */

static void
do_wait (void)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_condition_wait (condition, 0, -1, NULL, &error));
  g_assert_no_error (error);
}

static void
do_wait_in_vain (void)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (aioproc_condition_wait (condition, 0, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

static void
do_notify (void)
{
  g_assert_true (aioproc_condition_notify_n (condition, 0, 1, NULL));
}

static void
do_notify_all (void)
{
  g_assert_true (aioproc_condition_notify_all (condition, 0, NULL));
}

/* --- Those who wait, too --- */

static void
waiter_run (StepHelper *self,
            guint32     command)
{
  choose (conditions[command - WAIT]);
  acquire ();
  step_test_helper_begin (self);
  do_wait ();
  release ();
}

static void
start_one (void)
{
  step_test_helper_start (waiters[0], WAIT + (condition == conditions[1] ? 1 : 0));
}

static void
start_two (void)
{
  start_one ();
  step_test_helper_start (waiters[1], WAIT + (condition == conditions[1] ? 1 : 0));
}

/* --- How it goes on --- */

static void
notify_victim (void)
{
  acquire ();
  do_notify ();
  release ();
  /* Not before the victim was chosen. */
  start_one ();
}

static void
notify_victim_and_hold (void)
{
  notify_victim ();
  acquire ();
}

/* --- What must hold --- */

/* With what there is left to do for one who finds the lock abandoned, or not. */
static void
notify_rest (gboolean abandoned,
             guint    n_waiters)
{
  acquire ();
  g_assert_cmpint (was_abandoned (), ==, abandoned);
  g_assert_true (aioproc_condition_notify_n (condition, 0, n_waiters, NULL));
  release ();
}

/* The victim waits no more: what comes now is for the other. */
static void
check_skipped (gboolean owned)
{
  g_assert_true (step_test_helper_is_up (waiters[0]));
  notify_rest (owned, 1);
  step_test_helper_end (waiters[0]);
}

/* The victim was chosen. If it was not through, the other is told in its place, by nobody of us. */
static void
check_passed_on (gboolean owned)
{
  if (owned)
    {
      /* The other may have had the lock by now. */
      acquire ();
      do_notify ();
      release ();
    }

  step_test_helper_end (waiters[0]);
}

static void
check_passed_on_held (gboolean owned)
{
  g_assert_false (owned);
  release ();
  step_test_helper_end (waiters[0]);
}

/* The victim has notified, or holds the lock; who finds that abandoned notifies those that there
 * are.
 */
static void
check_one_notified (gboolean owned)
{
  g_assert_true (owned);
  acquire ();
  do_notify ();
  release ();
  step_test_helper_end (waiters[0]);
}

static void
check_all_notified (gboolean owned)
{
  g_assert_true (owned);
  acquire ();
  do_notify_all ();
  release ();
  step_test_helper_end (waiters[0]);
  step_test_helper_end (waiters[1]);
}

static const StepOperation operations[] = {
  { "wait/begin", start_one, acquire, NULL, do_wait, STEP_TO_SLEEP, { NULL }, check_skipped },
  { "wait/in-vain", start_one, acquire, NULL, do_wait_in_vain, STEP_TO_SLEEP, { NULL },
    check_skipped },
  { "wait/woken", NULL, acquire, NULL, do_wait, STEP_WOKEN, { notify_victim }, check_passed_on },
  { "wait/lock-held", NULL, acquire, NULL, do_wait, STEP_WOKEN, { notify_victim_and_hold },
    check_passed_on_held },
  { "wait/lock-freed", NULL, acquire, NULL, do_wait, STEP_WOKEN_TWICE,
    { notify_victim_and_hold, release }, check_passed_on },
  { "notify/one", start_one, acquire, NULL, do_notify, STEP_TO_SLEEP, { NULL },
    check_one_notified },
  { "notify/one-of-two", start_two, acquire, NULL, do_notify, STEP_TO_SLEEP, { NULL },
    check_all_notified },
  { "notify/all", start_two, acquire, NULL, do_notify_all, STEP_TO_SLEEP, { NULL },
    check_all_notified },
};

static AioprocCondition *
make (gboolean recursive)
{
  g_autoptr(AioprocLock) own_lock = recursive ? NULL : aioproc_lock_new (NULL);

  return aioproc_condition_new ((AioprocShareable *) own_lock, NULL);
}

static void
set_up (void)
{
  if (conditions[0] != NULL)
    return;

  step_test_init ();

  for (guint i = 0; i < 2; i++)
    {
      conditions[i] = make (i == 1);
      warm_conditions[i] = make (i == 1);
    }

  waiters[0] = step_test_helper_new (waiter_run);
  waiters[1] = step_test_helper_new (waiter_run);

  for (guint i = 0; i < 4; i++)
    {
      choose (warm_conditions[i % 2]);
      acquire ();
      g_assert_false (aioproc_condition_wait (condition, 0, 1, NULL, NULL));
      do_wait_in_vain ();
      do_notify ();
      do_notify_all ();
      release ();
    }
}

static void
test_step_condition (gconstpointer data)
{
  guint index = GPOINTER_TO_UINT (data);

  g_test_summary ("A process is killed after any instruction of an operation");

  set_up ();
  choose (conditions[index % 2]);
  step_test_run (&operations[index / 2], STRIDE, step_test_get_word (lock));
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  for (guint i = 0; i < 2 * G_N_ELEMENTS (operations); i++)
    {
      g_autofree char *path = g_strdup_printf ("/aioproc/step-condition/%s/%s",
                                               operations[i / 2].path,
                                               i % 2 == 0 ? "lock" : "rlock");

      aioproc_test_add_data_func (path, GUINT_TO_POINTER (i), test_step_condition);
    }

  return g_test_run ();
}
