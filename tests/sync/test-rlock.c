/* test-rlock.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"

static AioprocRLock *
new_lock (void)
{
  g_autoptr(GError) error = NULL;
  AioprocRLock *lock = aioproc_rlock_new (&error);

  g_assert_no_error (error);
  g_assert_nonnull (lock);

  return lock;
}

static void
acquire (AioprocRLock *lock,
         guint64       owner)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_rlock_acquire (lock, owner, -1, NULL, &error));
  g_assert_no_error (error);
}

static void
release (AioprocRLock *lock,
         guint64       owner)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_rlock_release (lock, owner, &error));
  g_assert_no_error (error);
}

static void
assert_not_owner (AioprocRLock *lock,
                  guint64       owner)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (aioproc_rlock_release (lock, owner, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);
}

static void
test_rlock_acquire_depth (void)
{
  AioprocRLock *lock = new_lock ();

  g_test_summary ("A lock is free when it was released as often as it was acquired");

  g_assert_false (aioproc_rlock_is_locked (lock));

  for (guint64 owner = 0; owner < 3; owner++)
    {
      for (guint i = 0; i < 1000; i++)
        {
          g_assert_cmpuint (aioproc_rlock_get_depth (lock, owner), ==, i);
          acquire (lock, owner);
        }

      for (guint i = 1000; i > 0; i--)
        {
          g_assert_true (aioproc_rlock_is_locked (lock));
          g_assert_true (aioproc_rlock_is_owned (lock, owner));
          g_assert_cmpuint (aioproc_rlock_get_depth (lock, owner), ==, i);
          release (lock, owner);
        }

      g_assert_false (aioproc_rlock_is_locked (lock));
      g_assert_false (aioproc_rlock_is_owned (lock, owner));
      assert_not_owner (lock, owner);
    }

  g_assert_finalize_object (lock);
}

static void
test_rlock_acquire_owners (void)
{
  AioprocRLock *lock = new_lock ();
  const guint64 owners[] = { 0, 1, 2, G_MAXUINT64 };
  g_autoptr(GError) error = NULL;

  g_test_summary ("Owners of one thread exclude each other, and the thread itself");

  for (guint i = 0; i < G_N_ELEMENTS (owners); i++)
    {
      acquire (lock, owners[i]);

      for (guint j = 0; j < G_N_ELEMENTS (owners); j++)
        {
          if (j == i)
            continue;

          g_assert_false (aioproc_rlock_is_owned (lock, owners[j]));
          g_assert_cmpuint (aioproc_rlock_get_depth (lock, owners[j]), ==, 0);
          g_assert_false (aioproc_rlock_try_acquire (lock, owners[j], &error));
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
          g_clear_error (&error);
          g_assert_false (aioproc_rlock_acquire (lock, owners[j], 0, NULL, &error));
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
          g_clear_error (&error);
          assert_not_owner (lock, owners[j]);
        }

      release (lock, owners[i]);
    }

  g_assert_finalize_object (lock);
}

static gpointer
try_as_thread (gpointer data)
{
  AioprocRLock *lock = data;

  return GINT_TO_POINTER (aioproc_rlock_is_owned (lock, 0) ||
                          aioproc_rlock_try_acquire (lock, 0, NULL) ||
                          aioproc_rlock_release (lock, 0, NULL));
}

static void
test_rlock_acquire_thread_ended (void)
{
  AioprocRLock *lock = new_lock ();
  GThread *thread;

  g_test_summary ("A thread is not taken for one that held the lock before and has ended");

  thread = g_thread_new ("holder", try_as_thread, lock);
  g_assert_true (GPOINTER_TO_INT (g_thread_join (thread)));
  g_assert_true (aioproc_rlock_is_locked (lock));

  /* Some of them are at the same address. */
  for (guint i = 0; i < 20; i++)
    {
      thread = g_thread_new ("other", try_as_thread, lock);
      g_assert_false (GPOINTER_TO_INT (g_thread_join (thread)));
    }

  g_assert_finalize_object (lock);
}

static gpointer
use_as_owner (gpointer data)
{
  AioprocRLock *lock = data;

  g_assert_true (aioproc_rlock_is_owned (lock, 5));
  acquire (lock, 5);
  release (lock, 5);
  release (lock, 5);

  return NULL;
}

static void
test_rlock_acquire_number_elsewhere (void)
{
  AioprocRLock *lock = new_lock ();

  g_test_summary ("An owner that has a number is the same in all threads");

  acquire (lock, 5);
  g_thread_join (g_thread_new ("owner", use_as_owner, lock));
  g_assert_false (aioproc_rlock_is_locked (lock));
  g_assert_finalize_object (lock);
}

static void
test_rlock_acquire_async_recursive (void)
{
  AioprocRLock *lock = new_lock ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  GAsyncResult *behind = NULL;
  GAsyncResult *again = NULL;

  g_test_summary ("An owner acquires again past those that wait, unless it is cancelled");

  acquire (lock, 1);
  aioproc_rlock_acquire_async (lock, 2, -1, NULL, aioproc_test_store_result, &behind);
  aioproc_rlock_acquire_async (lock, 1, -1, NULL, aioproc_test_store_result, &again);
  g_assert_null (again);
  g_assert_cmpuint (aioproc_rlock_get_depth (lock, 1), ==, 2);
  aioproc_test_wait (&again);
  g_assert_true (aioproc_rlock_acquire_finish (lock, again, &error));
  g_assert_no_error (error);
  g_clear_object (&again);

  g_cancellable_cancel (cancellable);
  aioproc_rlock_acquire_async (lock, 1, -1, cancellable, aioproc_test_store_result, &again);
  aioproc_test_wait (&again);
  g_assert_false (aioproc_rlock_acquire_finish (lock, again, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_clear_object (&again);
  g_assert_cmpuint (aioproc_rlock_get_depth (lock, 1), ==, 2);

  release (lock, 1);
  g_assert_null (behind);
  release (lock, 1);
  aioproc_test_wait (&behind);
  g_assert_true (aioproc_rlock_acquire_finish (lock, behind, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_rlock_is_owned (lock, 2));
  g_clear_object (&behind);
  release (lock, 2);
  g_assert_false (aioproc_rlock_is_locked (lock));
  g_assert_finalize_object (lock);
}

static void
test_rlock_acquire_async_order (void)
{
  AioprocRLock *lock = new_lock ();
  g_autoptr(GError) error = NULL;
  GAsyncResult *results[100] = { NULL };

  g_test_summary ("Operations of one process get the lock in their order, one owner at a time");

  acquire (lock, 0);

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    aioproc_rlock_acquire_async (lock, i + 1, -1, NULL, aioproc_test_store_result, &results[i]);

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    {
      g_assert_null (results[i]);
      release (lock, i);
      aioproc_test_wait (&results[i]);
      g_assert_true (aioproc_rlock_acquire_finish (lock, results[i], &error));
      g_assert_no_error (error);
      g_assert_cmpuint (aioproc_rlock_get_depth (lock, i + 1), ==, 1);
      g_clear_object (&results[i]);
    }

  release (lock, G_N_ELEMENTS (results));
  g_assert_finalize_object (lock);
}

static void
test_rlock_acquire_async_thread (void)
{
  AioprocRLock *lock = new_lock ();
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;

  g_test_summary ("The owner 0 of an asynchronous operation is the thread that started it");

  acquire (lock, 1);
  aioproc_rlock_acquire_async (lock, 0, -1, NULL, aioproc_test_store_result, &result);
  release (lock, 1);
  aioproc_test_wait (&result);
  g_assert_true (aioproc_rlock_acquire_finish (lock, result, &error));
  g_assert_no_error (error);
  g_clear_object (&result);
  g_assert_false (GPOINTER_TO_INT (g_thread_join (g_thread_new ("other", try_as_thread, lock))));
  release (lock, 0);
  g_assert_finalize_object (lock);
}

static void
test_rlock_not_initialized (void)
{
  AioprocRLock *lock = aioproc_test_new_uninitialized (AIOPROC_TYPE_RLOCK);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A lock that could not be initialised says so, from every function");

  g_assert_false (aioproc_rlock_is_locked (lock));
  g_assert_false (aioproc_rlock_is_owned (lock, 0));
  g_assert_cmpuint (aioproc_rlock_get_depth (lock, 1), ==, 0);
  g_assert_false (aioproc_rlock_get_was_abandoned (lock));

  g_assert_false (aioproc_rlock_try_acquire (lock, 0, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);

  g_assert_false (aioproc_rlock_acquire (lock, 1, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);

  g_assert_false (aioproc_rlock_release (lock, 0, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);

  aioproc_rlock_acquire_async (lock, 0, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_rlock_acquire_finish (lock, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_object (&result);

  g_assert_finalize_object (lock);
}

static void
test_rlock_initialize_anew (void)
{
  g_autoptr(AioprocRLock) lock = aioproc_test_new_uninitialized (AIOPROC_TYPE_RLOCK);
  g_autoptr(GError) error = NULL;

  g_test_summary ("An initialisation tells once that construction has failed, then tries again");

  g_assert_false (g_initable_init (G_INITABLE (lock), NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  g_clear_error (&error);
  g_assert_true (g_initable_init (G_INITABLE (lock), NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_rlock_try_acquire (lock, 0, &error));
  g_assert_no_error (error);
  g_assert_finalize_object (g_steal_pointer (&lock));
}

static void
test_rlock_construct (void)
{
  g_autoptr(AioprocRLock) lock = g_object_new (AIOPROC_TYPE_RLOCK, "name", "plain", NULL);
  g_autoptr(GError) error = NULL;

  g_test_summary ("An object that was only constructed is ready");

  g_assert_true (aioproc_rlock_try_acquire (lock, 0, &error));
  g_assert_no_error (error);
  g_assert_true (g_initable_init (G_INITABLE (lock), NULL, &error));
  g_assert_no_error (error);
  g_assert_finalize_object (g_steal_pointer (&lock));
}

typedef struct {
  AioprocRLock *lock;
  guint64       owner;
  guint        *inside;
} Hammer;

static gpointer
hammer (gpointer data)
{
  Hammer *self = data;

  for (guint i = 0; i < 5000; i++)
    {
      guint depth = 1 + i % 3;

      for (guint j = 0; j < depth; j++)
        acquire (self->lock, self->owner);

      /* Plain: the lock alone makes it right. */
      g_assert_cmpuint (*self->inside, ==, 0);
      *self->inside += 1;
      g_assert_cmpuint (aioproc_rlock_get_depth (self->lock, self->owner), ==, depth);
      *self->inside -= 1;

      for (guint j = 0; j < depth; j++)
        release (self->lock, self->owner);
    }

  return NULL;
}

static void
test_rlock_threads (void)
{
  AioprocRLock *lock = new_lock ();
  Hammer hammers[6];
  GThread *threads[G_N_ELEMENTS (hammers)];
  guint inside = 0;

  g_test_summary ("Threads exclude each other, by themselves and by numbers");

  for (guint i = 0; i < G_N_ELEMENTS (hammers); i++)
    {
      /* The first two by themselves; of the others each by a number of its own. */
      hammers[i] = (Hammer) { .lock = lock, .owner = i < 2 ? 0 : i, .inside = &inside };
      threads[i] = g_thread_new ("hammer", hammer, &hammers[i]);
    }

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);

  g_assert_false (aioproc_rlock_is_locked (lock));
  g_assert_finalize_object (lock);
}

static gpointer
hammer_shared (gpointer data)
{
  AioprocRLock *lock = data;

  /* Two that act as one owner at the same time: the count has to be right. */
  for (guint i = 0; i < 20000; i++)
    {
      acquire (lock, 7);
      g_assert_cmpuint (aioproc_rlock_get_depth (lock, 7), >, 0);
      release (lock, 7);
    }

  return NULL;
}

static gpointer
hammer_other (gpointer data)
{
  AioprocRLock *lock = data;

  for (guint i = 0; i < 20000; i++)
    {
      acquire (lock, 8);
      /* Nobody adds to the hold of another. */
      g_assert_cmpuint (aioproc_rlock_get_depth (lock, 8), ==, 1);
      g_assert_cmpuint (aioproc_rlock_get_depth (lock, 7), ==, 0);
      release (lock, 8);
    }

  return NULL;
}

static void
test_rlock_threads_one_owner (void)
{
  AioprocRLock *lock = new_lock ();
  GThread *threads[3];

  g_test_summary ("Threads that act for one owner together count right");

  threads[0] = g_thread_new ("shared", hammer_shared, lock);
  threads[1] = g_thread_new ("shared", hammer_shared, lock);
  threads[2] = g_thread_new ("other", hammer_other, lock);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);

  g_assert_false (aioproc_rlock_is_locked (lock));
  g_assert_finalize_object (lock);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/rlock/acquire/depth", test_rlock_acquire_depth);
  aioproc_test_add_func ("/aioproc/rlock/acquire/owners", test_rlock_acquire_owners);
  aioproc_test_add_func ("/aioproc/rlock/acquire/thread-ended", test_rlock_acquire_thread_ended);
  aioproc_test_add_func ("/aioproc/rlock/acquire/number-elsewhere",
                         test_rlock_acquire_number_elsewhere);
  aioproc_test_add_func ("/aioproc/rlock/acquire/async-recursive",
                         test_rlock_acquire_async_recursive);
  aioproc_test_add_func ("/aioproc/rlock/acquire/async-order", test_rlock_acquire_async_order);
  aioproc_test_add_func ("/aioproc/rlock/acquire/async-thread", test_rlock_acquire_async_thread);
  aioproc_test_add_func ("/aioproc/rlock/not-initialized", test_rlock_not_initialized);
  aioproc_test_add_func ("/aioproc/rlock/construct", test_rlock_construct);
  aioproc_test_add_func ("/aioproc/rlock/initialize-anew", test_rlock_initialize_anew);
  aioproc_test_add_func ("/aioproc/rlock/threads", test_rlock_threads);
  aioproc_test_add_func ("/aioproc/rlock/threads-one-owner", test_rlock_threads_one_owner);

  return g_test_run ();
}
