/* test-step-rlock.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/aioproc-lock-word-private.h"
#include "core/core-test.h"
#include "platform/platform-test.h"
#include "step-test.h"

/* See step-test.h. */

#define STRIDE 17

#define ACQUIRE 1

static AioprocRLock *lock;        /* (owned) */
static AioprocRLock *warm_lock;   /* (owned) for the linker, and what is done once */
static StepHelper *waiter;
static guint32 *waiter_was_told;  /* shared: that the lock was abandoned */

static void
acquire (AioprocRLock *self)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_rlock_acquire (self, 0, -1, NULL, &error));
  g_assert_no_error (error);
}

static void
release (AioprocRLock *self)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_rlock_release (self, 0, &error));
  g_assert_no_error (error);
}

static void
waiter_run (StepHelper *self,
            guint32     command)
{
  step_test_helper_begin (self);
  acquire (lock);
  *waiter_was_told = aioproc_rlock_get_was_abandoned (lock);
  g_assert_cmpuint (aioproc_rlock_get_depth (lock, 0), ==, 1);
  release (lock);
}

/* --- How it begins --- */

static void
start_waiter (void)
{
  step_test_helper_start (waiter, ACQUIRE);
}

static void
hold (void)
{
  acquire (lock);
}

static void
hold_and_start_waiter (void)
{
  hold ();
  start_waiter ();
}

static int
dying_holder_run (gpointer user_data)
{
  acquire (lock);
  acquire (lock);

  return 0;
}

static void
let_holder_die (void)
{
  platform_test_wait_success (platform_test_fork (dying_holder_run, NULL));
  core_test_wait_for_death (step_test_init (),
                            atomic_load (step_test_get_word (lock)) & AIOPROC_OWNER_MASK);
}

static void
wake_victim (void)
{
  /* Behind the victim, which is woken first. */
  start_waiter ();
  release (lock);
}

/* --- The operations --- */

static void
do_acquire (void)
{
  acquire (lock);
}

static void
do_release (void)
{
  release (lock);
}

static void
do_acquire_twice (void)
{
  acquire (lock);
  acquire (lock);
}

static void
do_release_twice (void)
{
  release (lock);
  release (lock);
}

/* --- What must hold --- */

static void
check_lock (gboolean abandoned)
{
  acquire (lock);
  g_assert_cmpint (aioproc_rlock_get_was_abandoned (lock), ==, abandoned);
  /* However deep the victim was. */
  g_assert_cmpuint (aioproc_rlock_get_depth (lock, 0), ==, 1);
  release (lock);
  g_assert_false (aioproc_rlock_is_locked (lock));
}

static void
check_abandoned (gboolean owned)
{
  /* Of the one who died before, if not of the victim. */
  check_lock (TRUE);
}

static void
check_owned (gboolean owned)
{
  g_assert_true (owned);
  check_lock (TRUE);
}

static void
check_waited (gboolean owned)
{
  step_test_helper_end (waiter);
  g_assert_cmpint (*waiter_was_told, ==, owned);
  check_lock (FALSE);
}

static void
check_waited_owned (gboolean owned)
{
  g_assert_true (owned);
  check_waited (owned);
}

static void
check_held (gboolean owned)
{
  /* We hold it, not the victim. */
  g_assert_false (owned);
  release (lock);
  check_waited (FALSE);
}

static const StepOperation operations[] = {
  { "acquire/free", NULL, NULL, NULL, do_acquire, STEP_TO_SLEEP, { NULL }, check_lock },
  { "acquire/abandoned", let_holder_die, NULL, NULL, do_acquire, STEP_TO_SLEEP, { NULL },
    check_abandoned },
  { "acquire/again", NULL, do_acquire, NULL, do_acquire, STEP_TO_SLEEP, { NULL }, check_owned },
  { "acquire/held", hold_and_start_waiter, NULL, NULL, do_acquire, STEP_TO_SLEEP, { NULL },
    check_held },
  { "acquire/woken", hold, NULL, NULL, do_acquire, STEP_WOKEN, { wake_victim }, check_waited },
  { "acquire/twice", NULL, NULL, NULL, do_acquire_twice, STEP_TO_SLEEP, { NULL }, check_lock },
  { "release/alone", NULL, do_acquire, NULL, do_release, STEP_TO_SLEEP, { NULL }, check_lock },
  { "release/waiter", NULL, do_acquire, start_waiter, do_release, STEP_TO_SLEEP, { NULL },
    check_waited },
  { "release/one-of-two", NULL, do_acquire_twice, start_waiter, do_release, STEP_TO_SLEEP,
    { NULL }, check_waited_owned },
  { "release/twice", NULL, do_acquire_twice, start_waiter, do_release_twice, STEP_TO_SLEEP,
    { NULL }, check_waited },
};

static void
set_up (void)
{
  if (lock != NULL)
    return;

  step_test_init ();
  lock = aioproc_rlock_new (NULL);
  warm_lock = aioproc_rlock_new (NULL);
  waiter_was_told = platform_test_map_shared (sizeof *waiter_was_told);
  waiter = step_test_helper_new (waiter_run);

  for (guint i = 0; i < 2; i++)
    {
      acquire (warm_lock);
      acquire (warm_lock);
      g_assert_false (aioproc_rlock_acquire (warm_lock, 7, 1, NULL, NULL));
      release (warm_lock);
      release (warm_lock);
    }
}

static void
test_step_rlock (gconstpointer data)
{
  g_test_summary ("A process is killed after any instruction of an operation");

  set_up ();
  step_test_run (data, STRIDE, step_test_get_word (lock));
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (operations); i++)
    {
      g_autofree char *path = g_strconcat ("/aioproc/step-rlock/", operations[i].path, NULL);

      aioproc_test_add_data_func (path, &operations[i], test_step_rlock);
    }

  return g_test_run ();
}
