/* scale-kinds.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "scale-kinds.h"

#include "core/core-test.h"

/* Each has 16 GiB of addresses, of which ThreadSanitizer leaves 1.5 TiB. */
#ifdef CORE_TEST_TSAN
# define N_QUEUES 32
#else
# define N_QUEUES 1000
#endif

/* Nobody else's. */
#define MAKER G_MAXUINT64

static gpointer
make (GType type)
{
  g_autoptr(GError) error = NULL;
  gpointer object = g_initable_new (type, NULL, &error, NULL);

  g_assert_no_error (error);

  return object;
}

/* --- Lock --- */

static void
let_lock (gpointer object,
          guint    n_operations)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_lock_release (object, &error));
  g_assert_no_error (error);
}

static gpointer
make_lock (void)
{
  g_autoptr(GError) error = NULL;
  AioprocLock *lock = make (AIOPROC_TYPE_LOCK);

  g_assert_true (aioproc_lock_try_acquire (lock, &error));
  g_assert_no_error (error);

  return lock;
}

static void
start_lock (gpointer             object,
            guint64              owner,
            GCancellable        *cancellable,
            GAsyncReadyCallback  callback,
            gpointer             user_data)
{
  aioproc_lock_acquire_async (object, -1, cancellable, callback, user_data);
}

static gboolean
finish_lock (gpointer       object,
             guint64        owner,
             GAsyncResult  *result,
             GError       **error)
{
  if (!aioproc_lock_acquire_finish (object, result, error))
    return FALSE;

  let_lock (object, 1);

  return TRUE;
}

static void
check_lock (gpointer object,
            guint    n_operations,
            guint    n_let)
{
  g_assert_false (aioproc_lock_is_locked (object));
}

/* --- RLock --- */

static void
release_rlock (gpointer object,
               guint64  owner)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_rlock_release (object, owner, &error));
  g_assert_no_error (error);
}

static gpointer
make_rlock (void)
{
  g_autoptr(GError) error = NULL;
  AioprocRLock *lock = make (AIOPROC_TYPE_RLOCK);

  g_assert_true (aioproc_rlock_try_acquire (lock, MAKER, &error));
  g_assert_no_error (error);

  return lock;
}

static void
start_rlock (gpointer             object,
             guint64              owner,
             GCancellable        *cancellable,
             GAsyncReadyCallback  callback,
             gpointer             user_data)
{
  aioproc_rlock_acquire_async (object, owner, -1, cancellable, callback, user_data);
}

static gboolean
finish_rlock (gpointer       object,
              guint64        owner,
              GAsyncResult  *result,
              GError       **error)
{
  if (!aioproc_rlock_acquire_finish (object, result, error))
    return FALSE;

  g_assert_cmpuint (aioproc_rlock_get_depth (object, owner), ==, 1);
  release_rlock (object, owner);

  return TRUE;
}

static void
let_rlock (gpointer object,
           guint    n_operations)
{
  release_rlock (object, MAKER);
}

static void
check_rlock (gpointer object,
             guint    n_operations,
             guint    n_let)
{
  g_assert_false (aioproc_rlock_is_locked (object));
}

/* --- Semaphore, of two units --- */

static void
release_semaphore (gpointer object)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_semaphore_release (object, &error));
  g_assert_no_error (error);
}

static gpointer
make_semaphore (void)
{
  g_autoptr(GError) error = NULL;
  AioprocSemaphore *semaphore = aioproc_semaphore_new (2, &error);

  g_assert_no_error (error);

  for (guint i = 0; i < 2; i++)
    {
      g_assert_true (aioproc_semaphore_try_acquire (semaphore, &error));
      g_assert_no_error (error);
    }

  return semaphore;
}

static void
start_semaphore (gpointer             object,
                 guint64              owner,
                 GCancellable        *cancellable,
                 GAsyncReadyCallback  callback,
                 gpointer             user_data)
{
  aioproc_semaphore_acquire_async (object, -1, cancellable, callback, user_data);
}

static gboolean
finish_semaphore (gpointer       object,
                  guint64        owner,
                  GAsyncResult  *result,
                  GError       **error)
{
  if (!aioproc_semaphore_acquire_finish (object, result, error))
    return FALSE;

  release_semaphore (object);

  return TRUE;
}

static void
let_semaphore (gpointer object,
               guint    n_operations)
{
  release_semaphore (object);
  release_semaphore (object);
}

static void
check_semaphore (gpointer object,
                 guint    n_operations,
                 guint    n_let)
{
  g_assert_cmpuint (aioproc_semaphore_get_value (object), ==, 2);
  g_assert_cmpuint (aioproc_semaphore_get_held (object), ==, 0);
}

/* --- Condition, over a lock of its own, which is held from a prepare to a start, by a let, and by
 * each operation when it ends ---
 */

static gpointer
make_condition (void)
{
  g_autoptr(AioprocLock) lock = make (AIOPROC_TYPE_LOCK);
  g_autoptr(GError) error = NULL;
  AioprocCondition *condition = aioproc_condition_new (AIOPROC_SHAREABLE (lock), &error);

  g_assert_no_error (error);

  return condition;
}

static void
prepare_condition (gpointer object)
{
  AioprocLock *lock = AIOPROC_LOCK (aioproc_condition_get_lock (object));
  GMainContext *context = g_main_context_get_thread_default ();

  /* Operations that have ended hold it until they are called back, here or in another thread. */
  while (!aioproc_lock_try_acquire (lock, NULL))
    {
      g_main_context_iteration (context, FALSE);
      g_thread_yield ();
    }
}

static void
release_condition (gpointer object)
{
  let_lock (aioproc_condition_get_lock (object), 1);
}

static void
start_condition (gpointer             object,
                 guint64              owner,
                 GCancellable        *cancellable,
                 GAsyncReadyCallback  callback,
                 gpointer             user_data)
{
  aioproc_condition_wait_async (object, 0, -1, cancellable, callback, user_data);
}

static gboolean
finish_condition (gpointer       object,
                  guint64        owner,
                  GAsyncResult  *result,
                  GError       **error)
{
  gboolean done = aioproc_condition_wait_finish (object, result, error);

  /* However it ended. */
  release_condition (object);

  return done;
}

static void
let_condition (gpointer object,
               guint    n_operations)
{
  g_autoptr(GError) error = NULL;

  prepare_condition (object);
  g_assert_true (aioproc_condition_notify_n (object, 0, n_operations, &error));
  g_assert_no_error (error);
  release_condition (object);
}

static void
check_condition (gpointer object,
                 guint    n_operations,
                 guint    n_let)
{
  g_assert_cmpuint (n_let, <=, n_operations);
  check_lock (aioproc_condition_get_lock (object), 0, 0);
}

/* --- Event --- */

static gpointer
make_event (void)
{
  return make (AIOPROC_TYPE_EVENT);
}

static void
start_event (gpointer             object,
             guint64              owner,
             GCancellable        *cancellable,
             GAsyncReadyCallback  callback,
             gpointer             user_data)
{
  aioproc_event_wait_async (object, -1, cancellable, callback, user_data);
}

static gboolean
finish_event (gpointer       object,
              guint64        owner,
              GAsyncResult  *result,
              GError       **error)
{
  return aioproc_event_wait_finish (object, result, error);
}

static void
let_event (gpointer object,
           guint    n_operations)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_event_set (object, &error));
  g_assert_no_error (error);
}

/* --- Queue --- */

static gpointer
make_queue (void)
{
  return make (AIOPROC_TYPE_QUEUE);
}

static void
start_queue (gpointer             object,
             guint64              owner,
             GCancellable        *cancellable,
             GAsyncReadyCallback  callback,
             gpointer             user_data)
{
  aioproc_queue_get_async (object, -1, cancellable, callback, user_data);
}

static gboolean
finish_queue (gpointer       object,
              guint64        owner,
              GAsyncResult  *result,
              GError       **error)
{
  g_autoptr(GVariant) value = aioproc_queue_get_finish (object, result, error);

  return value != NULL;
}

static void
let_queue (gpointer object,
           guint    n_operations)
{
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < n_operations; i++)
    {
      g_assert_true (aioproc_queue_put (object, g_variant_new_uint32 (i), -1, NULL, &error));
      g_assert_no_error (error);
    }
}

static void
check_queue (gpointer object,
             guint    n_operations,
             guint    n_let)
{
  /* None was lost. */
  g_assert_cmpuint (aioproc_queue_get_size (object) + n_let, ==, n_operations);
}

const ScaleKind scale_kinds[] = {
  { "lock", 1000, 1, make_lock, NULL, start_lock, finish_lock, let_lock, check_lock },
  { "rlock", 1000, 1, make_rlock, NULL, start_rlock, finish_rlock, let_rlock, check_rlock },
  { "semaphore", 1000, 1, make_semaphore, NULL, start_semaphore, finish_semaphore, let_semaphore,
    check_semaphore },
  { "condition", 1000, 2, make_condition, prepare_condition, start_condition, finish_condition,
    let_condition, check_condition },
  { "event", 1000, 1, make_event, NULL, start_event, finish_event, let_event, NULL },
  { "queue", N_QUEUES, 1, make_queue, NULL, start_queue, finish_queue, let_queue,
    check_queue },
};

const guint n_scale_kinds = G_N_ELEMENTS (scale_kinds);
