/* test-lock.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include <aioproc.h>

#include "aioproc-test.h"

static AioprocLock *
new_lock (void)
{
  g_autoptr(GError) error = NULL;
  AioprocLock *lock = aioproc_lock_new (&error);

  g_assert_no_error (error);
  g_assert_nonnull (lock);

  return lock;
}

static void
test_lock_acquire_free (void)
{
  g_autoptr(AioprocLock) lock = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A free lock is acquired, is held, and is free again once released");

  lock = new_lock ();
  g_assert_false (aioproc_lock_is_locked (lock));

  g_assert_true (aioproc_lock_acquire (lock, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_lock_is_locked (lock));
  g_assert_false (aioproc_lock_get_was_abandoned (lock));

  g_assert_false (aioproc_lock_try_acquire (lock, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);

  g_assert_true (aioproc_lock_release (lock, &error));
  g_assert_no_error (error);
  g_assert_false (aioproc_lock_is_locked (lock));

  g_assert_true (aioproc_lock_try_acquire (lock, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_lock_release (lock, &error));
  g_assert_no_error (error);

  g_assert_finalize_object (g_steal_pointer (&lock));
}

static void
test_lock_acquire_timeout (void)
{
  g_autoptr(AioprocLock) lock = NULL;
  g_autoptr(GError) error = NULL;
  gint64 before;

  g_test_summary ("A held lock is waited for as long as asked, no less");

  lock = new_lock ();
  g_assert_true (aioproc_lock_acquire (lock, 0, NULL, &error));
  g_assert_no_error (error);

  before = g_get_monotonic_time ();
  g_assert_false (aioproc_lock_acquire (lock, 20 * G_TIME_SPAN_MILLISECOND, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_cmpint (g_get_monotonic_time () - before, >=, 20 * G_TIME_SPAN_MILLISECOND);

  g_assert_false (aioproc_lock_acquire (lock, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);

  g_assert_finalize_object (g_steal_pointer (&lock));
}

static void
test_lock_acquire_async_order (void)
{
  g_autoptr(AioprocLock) lock = NULL;
  g_autoptr(GError) error = NULL;
  GAsyncResult *results[100] = { NULL };

  g_test_summary ("Operations of one process get the lock in their order, one at a time");

  lock = new_lock ();
  g_assert_true (aioproc_lock_acquire (lock, -1, NULL, &error));

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    aioproc_lock_acquire_async (lock, -1, NULL, aioproc_test_store_result, &results[i]);

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    {
      g_assert_null (results[i]);
      g_assert_true (aioproc_lock_release (lock, &error));
      g_assert_no_error (error);

      aioproc_test_wait (&results[i]);
      g_assert_true (aioproc_lock_acquire_finish (lock, results[i], &error));
      g_assert_no_error (error);
      g_clear_object (&results[i]);
    }

  g_assert_true (aioproc_lock_release (lock, &error));
  g_assert_no_error (error);
  g_assert_finalize_object (g_steal_pointer (&lock));
}

static void
test_lock_acquire_async_cancelled (void)
{
  g_autoptr(AioprocLock) lock = NULL;
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GAsyncResult) other = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A cancelled operation holds no lock, and the one behind it gets it");

  lock = new_lock ();
  g_assert_true (aioproc_lock_acquire (lock, -1, NULL, &error));

  aioproc_lock_acquire_async (lock, -1, cancellable, aioproc_test_store_result, &result);
  aioproc_lock_acquire_async (lock, -1, NULL, aioproc_test_store_result, &other);
  g_cancellable_cancel (cancellable);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_lock_acquire_finish (lock, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_clear_object (&result);

  g_assert_true (aioproc_lock_release (lock, &error));
  aioproc_test_wait (&other);
  g_assert_true (aioproc_lock_acquire_finish (lock, other, &error));
  g_assert_no_error (error);
  g_clear_object (&other);

  g_assert_true (aioproc_lock_release (lock, &error));
  g_assert_false (aioproc_lock_is_locked (lock));
  g_assert_finalize_object (g_steal_pointer (&lock));
}

static void
test_lock_acquire_cancelled_late (void)
{
  g_autoptr(AioprocLock) lock = NULL;
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A lock acquired before cancellation is still delivered to the caller");

  lock = new_lock ();
  aioproc_lock_acquire_async (lock, -1, cancellable, aioproc_test_store_result, &result);
  g_cancellable_cancel (cancellable);
  aioproc_test_wait (&result);

  g_assert_true (aioproc_lock_acquire_finish (lock, result, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_lock_is_locked (lock));

  g_clear_object (&result);
  g_assert_finalize_object (g_steal_pointer (&lock));
}

static void
test_lock_release_not_held (void)
{
  g_autoptr(AioprocLock) lock = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A free lock cannot be released");

  lock = new_lock ();
  g_assert_false (aioproc_lock_release (lock, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);
  g_assert_finalize_object (g_steal_pointer (&lock));
}

static void
test_lock_not_initialized (void)
{
  g_autoptr(AioprocLock) lock = aioproc_test_new_uninitialized (AIOPROC_TYPE_LOCK);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A lock that could not be initialised says so, from every function");

  g_assert_false (aioproc_lock_is_locked (lock));
  g_assert_false (aioproc_lock_get_was_abandoned (lock));

  g_assert_false (aioproc_lock_try_acquire (lock, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);

  g_assert_false (aioproc_lock_acquire (lock, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);

  g_assert_false (aioproc_lock_release (lock, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);

  aioproc_lock_acquire_async (lock, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_lock_acquire_finish (lock, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_object (&result);

  g_assert_finalize_object (g_steal_pointer (&lock));
}

static void
test_lock_initialize_anew (void)
{
  g_autoptr(AioprocLock) lock = aioproc_test_new_uninitialized (AIOPROC_TYPE_LOCK);
  g_autoptr(GError) error = NULL;

  g_test_summary ("An initialisation tells once that construction has failed, then tries again");

  g_assert_false (g_initable_init (G_INITABLE (lock), NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  g_clear_error (&error);
  g_assert_true (g_initable_init (G_INITABLE (lock), NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_lock_try_acquire (lock, &error));
  g_assert_no_error (error);
  g_assert_finalize_object (g_steal_pointer (&lock));
}

static void
test_lock_construct (void)
{
  g_autoptr(AioprocLock) lock = g_object_new (AIOPROC_TYPE_LOCK, "name", "plain", NULL);
  g_autoptr(GError) error = NULL;

  g_test_summary ("An object that was only constructed is ready");

  g_assert_true (aioproc_lock_try_acquire (lock, &error));
  g_assert_no_error (error);
  g_assert_true (g_initable_init (G_INITABLE (lock), NULL, &error));
  g_assert_no_error (error);
  g_assert_finalize_object (g_steal_pointer (&lock));
}

static void
test_lock_dispose_pending (void)
{
  g_autoptr(AioprocLock) lock = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Pending operations of a lock that is disposed of end as closed");

  lock = new_lock ();
  g_assert_true (aioproc_lock_acquire (lock, -1, NULL, &error));
  aioproc_lock_acquire_async (lock, -1, NULL, aioproc_test_store_result, &result);
  g_object_run_dispose (G_OBJECT (lock));
  aioproc_test_wait (&result);
  g_assert_false (aioproc_lock_acquire_finish (lock, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_clear_object (&result);

  g_assert_false (aioproc_lock_acquire (lock, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_assert_finalize_object (g_steal_pointer (&lock));
}

static void
test_lock_initialize_twice (void)
{
  g_autoptr(AioprocLock) lock = new_lock ();
  g_autoptr(GError) error = NULL;

  g_test_summary ("To initialise a lock again changes nothing");

  g_assert_true (aioproc_lock_acquire (lock, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (g_initable_init (G_INITABLE (lock), NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_lock_is_locked (lock));
  g_assert_true (aioproc_lock_release (lock, &error));
  g_assert_no_error (error);
  g_assert_finalize_object (g_steal_pointer (&lock));
}

static void
test_lock_name (void)
{
  g_autoptr(AioprocLock) lock = NULL;
  g_autoptr(AioprocLock) nameless = new_lock ();
  g_autoptr(GError) error = NULL;

  g_test_summary ("Errors name the lock");

  g_assert_null (aioproc_lock_get_name (nameless));

  lock = g_initable_new (AIOPROC_TYPE_LOCK, NULL, &error, "name", "Türschloss", NULL);
  g_assert_no_error (error);
  g_assert_cmpstr (aioproc_lock_get_name (lock), ==, "Türschloss");

  g_assert_false (aioproc_lock_release (lock, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);
  g_assert_nonnull (strstr (error->message, "“Türschloss”"));
  g_clear_error (&error);

  g_assert_true (aioproc_lock_try_acquire (lock, &error));
  g_assert_no_error (error);
  g_assert_false (aioproc_lock_try_acquire (lock, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_assert_nonnull (strstr (error->message, "“Türschloss”"));
  g_clear_error (&error);
  g_assert_false (aioproc_lock_acquire (lock, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_nonnull (strstr (error->message, "“Türschloss”"));

  g_assert_finalize_object (g_steal_pointer (&lock));
}

static void
assert_owner_cb (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  g_assert_true (g_main_context_is_owner (g_main_context_get_thread_default ()));
  aioproc_test_store_result (source, result, user_data);
}

static gpointer
acquire_on_own_context (gpointer data)
{
  AioprocLock *lock = data;
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GError) error = NULL;

  g_main_context_push_thread_default (context);

  for (guint i = 0; i < 200; i++)
    {
      g_autoptr(GAsyncResult) result = NULL;

      aioproc_lock_acquire_async (lock, -1, NULL, assert_owner_cb, &result);
      aioproc_test_wait (&result);
      g_assert_true (aioproc_lock_acquire_finish (lock, result, &error));
      g_assert_no_error (error);
      g_assert_true (aioproc_lock_release (lock, &error));
      g_assert_no_error (error);
    }

  g_main_context_pop_thread_default (context);

  return NULL;
}

static void
test_lock_acquire_contexts (void)
{
  g_autoptr(AioprocLock) lock = new_lock ();
  GThread *threads[4];

  g_test_summary ("Operations end on the context of the thread that started them, and no other");

  /* Nobody iterates the default context meanwhile. */
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("own-context", acquire_on_own_context, lock);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);

  g_assert_false (aioproc_lock_is_locked (lock));
  g_assert_finalize_object (g_steal_pointer (&lock));
}

static gpointer
hammer (gpointer data)
{
  AioprocLock *lock = data;
  static guint inside;
  guint taken = 0;

  for (guint i = 0; i < 20000; i++)
    {
      g_assert_true (aioproc_lock_acquire (lock, -1, NULL, NULL));
      /* Plain: the lock alone makes it right. */
      g_assert_cmpuint (inside, ==, 0);
      inside++;
      inside--;
      taken++;
      g_assert_true (aioproc_lock_release (lock, NULL));
    }

  return GUINT_TO_POINTER (taken);
}

static void
test_lock_threads (void)
{
  g_autoptr(AioprocLock) lock = NULL;
  GThread *threads[4];

  g_test_summary ("Threads of one process exclude each other");

  lock = new_lock ();

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("hammer", hammer, lock);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_assert_cmpuint (GPOINTER_TO_UINT (g_thread_join (threads[i])), ==, 20000);

  g_assert_finalize_object (g_steal_pointer (&lock));
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/lock/acquire/free", test_lock_acquire_free);
  aioproc_test_add_func ("/aioproc/lock/acquire/timeout", test_lock_acquire_timeout);
  aioproc_test_add_func ("/aioproc/lock/acquire/async-order", test_lock_acquire_async_order);
  aioproc_test_add_func ("/aioproc/lock/acquire/async-cancelled",
                         test_lock_acquire_async_cancelled);
  aioproc_test_add_func ("/aioproc/lock/acquire/cancelled-late", test_lock_acquire_cancelled_late);
  aioproc_test_add_func ("/aioproc/lock/release/not-held", test_lock_release_not_held);
  aioproc_test_add_func ("/aioproc/lock/not-initialized", test_lock_not_initialized);
  aioproc_test_add_func ("/aioproc/lock/construct", test_lock_construct);
  aioproc_test_add_func ("/aioproc/lock/initialize-anew", test_lock_initialize_anew);
  aioproc_test_add_func ("/aioproc/lock/dispose/pending", test_lock_dispose_pending);
  aioproc_test_add_func ("/aioproc/lock/initialize-twice", test_lock_initialize_twice);
  aioproc_test_add_func ("/aioproc/lock/name", test_lock_name);
  aioproc_test_add_func ("/aioproc/lock/acquire/contexts", test_lock_acquire_contexts);
  aioproc_test_add_func ("/aioproc/lock/threads", test_lock_threads);

  return g_test_run ();
}
