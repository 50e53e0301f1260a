/* test-sync-fork.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/core-test.h"
#include "platform/platform-test.h"

/* A child that was forked, without exec, by a process which uses the object already. */

static int
stranger_run (gpointer data)
{
  AioprocLock *lock = data;
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_lock_is_locked (lock));
  g_assert_false (aioproc_lock_try_acquire (lock, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  g_assert_false (aioproc_lock_release (lock, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);
  g_clear_error (&error);
  g_assert_false (aioproc_lock_acquire (lock, 1000, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);

  return 0;
}

static int
holder_run (gpointer data)
{
  AioprocLock *lock = data;
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_lock_acquire (lock, -1, NULL, &error));
  g_assert_no_error (error);

  /* And ends. */
  return 0;
}

static void
test_lock_fork (void)
{
  g_autoptr(AioprocLock) lock = NULL;
  g_autoptr(GError) error = NULL;
  pid_t pid;

  g_test_summary ("A forked child holds nothing of what its parent holds, and can hold it itself");

#ifdef CORE_TEST_TSAN
  g_test_skip ("ThreadSanitizer is lost in a forked child that has threads");
  return;
#endif

  lock = aioproc_lock_new (&error);
  g_assert_no_error (error);
  g_assert_true (aioproc_lock_acquire (lock, -1, NULL, &error));
  g_assert_no_error (error);

  /* The end of the child lets nothing go, either. */
  for (guint i = 0; i < 2; i++)
    {
      platform_test_wait_success (platform_test_fork (stranger_run, lock));
      g_assert_true (aioproc_lock_is_locked (lock));
    }

  /* It waits, or comes later. */
  pid = platform_test_fork (holder_run, lock);
  g_assert_true (aioproc_lock_release (lock, &error));
  g_assert_no_error (error);
  platform_test_wait_success (pid);

  g_assert_true (aioproc_lock_acquire (lock, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_lock_get_was_abandoned (lock));
  g_assert_true (aioproc_lock_release (lock, &error));
  g_assert_no_error (error);
  g_assert_finalize_object (g_steal_pointer (&lock));
}

#define N_PENDING 100

static guint n_acquired;

static void
acquired_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_lock_acquire_finish (AIOPROC_LOCK (source), result, &error));
  g_assert_no_error (error);
  n_acquired++;
  g_assert_true (aioproc_lock_release (AIOPROC_LOCK (source), &error));
  g_assert_no_error (error);
}

static int
heir_run (gpointer data)
{
  AioprocLock *lock = data;
  /* That of the parent has the parent's descriptor to be woken by. */
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_main_context_push_thread_default (context);

  /* An operation of its own, of which the parent's are not in front. */
  aioproc_lock_acquire_async (lock, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_true (aioproc_lock_acquire_finish (lock, result, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (n_acquired, ==, 0);
  g_assert_true (aioproc_lock_release (lock, &error));
  g_assert_no_error (error);
  g_main_context_pop_thread_default (context);

  return 0;
}

static void
test_lock_fork_pending (void)
{
  g_autoptr(AioprocLock) lock = NULL;
  g_autoptr(GError) error = NULL;
  pid_t pid;

  g_test_summary ("Waits that are pending during a fork are the parent's; the child has others");

#ifdef CORE_TEST_TSAN
  g_test_skip ("ThreadSanitizer is lost in a forked child that has threads");
  return;
#endif

  lock = aioproc_lock_new (&error);
  g_assert_no_error (error);
  g_assert_true (aioproc_lock_acquire (lock, -1, NULL, &error));
  g_assert_no_error (error);

  for (guint i = 0; i < N_PENDING; i++)
    aioproc_lock_acquire_async (lock, -1, NULL, acquired_cb, NULL);

  pid = platform_test_fork (heir_run, lock);
  g_assert_true (aioproc_lock_release (lock, &error));
  g_assert_no_error (error);
  aioproc_test_wait_until (n_acquired == N_PENDING);
  platform_test_wait_success (pid);
  g_assert_false (aioproc_lock_is_locked (lock));
  g_assert_finalize_object (g_steal_pointer (&lock));
}

static int
setter_run (gpointer data)
{
  AioprocEvent *event = data;
  g_autoptr(GError) error = NULL;

  g_assert_false (aioproc_event_is_set (event));
  g_assert_true (aioproc_event_set (event, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_event_wait (event, -1, NULL, &error));
  g_assert_no_error (error);

  return 0;
}

static void
test_event_fork (void)
{
  g_autoptr(AioprocEvent) event = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A forked child releases what its parent waits for, and has no part in the wait");

#ifdef CORE_TEST_TSAN
  g_test_skip ("ThreadSanitizer is lost in a forked child that has threads");
  return;
#endif

  event = aioproc_event_new (&error);
  g_assert_no_error (error);
  aioproc_event_wait_async (event, -1, NULL, aioproc_test_store_result, &result);
  platform_test_wait_success (platform_test_fork (setter_run, event));

  aioproc_test_wait (&result);
  g_assert_true (aioproc_event_wait_finish (event, result, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_event_is_set (event));
  g_clear_object (&result);
  g_assert_finalize_object (g_steal_pointer (&event));
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/sync-fork/lock", test_lock_fork);
  aioproc_test_add_func ("/aioproc/sync-fork/lock/pending", test_lock_fork_pending);
  aioproc_test_add_func ("/aioproc/sync-fork/event", test_event_fork);

  return g_test_run ();
}
