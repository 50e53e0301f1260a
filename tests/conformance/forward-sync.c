/* forward-sync.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "forward-private.h"

/* --- Lock --- */

static gboolean
forward_lock_try_acquire (gpointer   impl,
                          GError   **error)
{
  forward_note (G_STRFUNC);

  return aioproc_lock_try_acquire (impl, error);
}

static gboolean
forward_lock_acquire (gpointer       impl,
                      gint64         timeout_usec,
                      GCancellable  *cancellable,
                      GError       **error)
{
  forward_note (G_STRFUNC);

  return aioproc_lock_acquire (impl, timeout_usec, cancellable, error);
}

static void
forward_lock_acquired_cb (GObject      *source,
                          GAsyncResult *result,
                          gpointer      user_data)
{
  GError *error = NULL;
  gboolean done = aioproc_lock_acquire_finish (AIOPROC_LOCK (source), result, &error);

  forward_return (user_data, done, error);
}

static void
forward_lock_acquire_start (gpointer  impl,
                            GTask    *task,
                            gint64    timeout_usec)
{
  forward_note (G_STRFUNC);

  aioproc_lock_acquire_async (impl, timeout_usec, g_task_get_cancellable (task),
                              forward_lock_acquired_cb, task);
}

static gboolean
forward_lock_release (gpointer   impl,
                      GError   **error)
{
  forward_note (G_STRFUNC);

  return aioproc_lock_release (impl, error);
}

static gboolean
forward_lock_is_locked (gpointer impl)
{
  forward_note (G_STRFUNC);

  return aioproc_lock_is_locked (impl);
}

static gboolean
forward_lock_is_mine (gpointer impl)
{
  forward_note (G_STRFUNC);

  return aioproc_lock_is_mine (impl);
}

static gboolean
forward_lock_was_abandoned (gpointer impl)
{
  forward_note (G_STRFUNC);

  return aioproc_lock_get_was_abandoned (impl);
}

const AioprocLockBackend forward_lock_backend = {
  .try_acquire = forward_lock_try_acquire,
  .acquire = forward_lock_acquire,
  .acquire_start = forward_lock_acquire_start,
  .release = forward_lock_release,
  .is_locked = forward_lock_is_locked,
  .is_mine = forward_lock_is_mine,
  .was_abandoned = forward_lock_was_abandoned,
  .get_shm = forward_get_no_shm,
  .close = forward_close,
  .free = g_object_unref,
};

/* --- RLock --- */

/* As the public functions have it. Whoever calls a backend holds for itself. */
static guint64
get_owner (const AioprocHold *hold)
{
  g_assert_cmpuint (hold->depth, ==, 1);

  if (!hold->of_thread)
    return hold->owner;

  g_assert_cmpuint (hold->owner, ==, aioproc_hold_get_thread ());

  return 0;
}

static gboolean
forward_rlock_try_acquire (gpointer            impl,
                           const AioprocHold  *hold,
                           GError            **error)
{
  forward_note (G_STRFUNC);

  return aioproc_rlock_try_acquire (impl, get_owner (hold), error);
}

static gboolean
forward_rlock_acquire (gpointer            impl,
                       const AioprocHold  *hold,
                       gint64              timeout_usec,
                       GCancellable       *cancellable,
                       GError            **error)
{
  forward_note (G_STRFUNC);

  return aioproc_rlock_acquire (impl, get_owner (hold), timeout_usec, cancellable, error);
}

static void
forward_rlock_acquired_cb (GObject      *source,
                           GAsyncResult *result,
                           gpointer      user_data)
{
  GError *error = NULL;
  gboolean done = aioproc_rlock_acquire_finish (AIOPROC_RLOCK (source), result, &error);

  forward_return (user_data, done, error);
}

static void
forward_rlock_acquire_start (gpointer           impl,
                             const AioprocHold *hold,
                             GTask             *task,
                             gint64             timeout_usec)
{
  forward_note (G_STRFUNC);

  aioproc_rlock_acquire_async (impl, get_owner (hold), timeout_usec,
                               g_task_get_cancellable (task), forward_rlock_acquired_cb, task);
}

static gboolean
forward_rlock_release (gpointer      impl,
                       AioprocHold  *hold,
                       gboolean      all,
                       GError      **error)
{
  forward_note (G_STRFUNC);

  if (all)
    return aioproc_rlock_release_hold (impl, hold, error);

  return aioproc_rlock_release (impl, get_owner (hold), error);
}

static guint64
forward_rlock_count (gpointer           impl,
                     const AioprocHold *hold)
{
  forward_note (G_STRFUNC);

  return aioproc_rlock_count_hold (impl, hold);
}

static gboolean
forward_rlock_is_locked (gpointer impl)
{
  forward_note (G_STRFUNC);

  return aioproc_rlock_is_locked (impl);
}

static gboolean
forward_rlock_was_abandoned (gpointer impl)
{
  forward_note (G_STRFUNC);

  return aioproc_rlock_get_was_abandoned (impl);
}

const AioprocRLockBackend forward_rlock_backend = {
  .try_acquire = forward_rlock_try_acquire,
  .acquire = forward_rlock_acquire,
  .acquire_start = forward_rlock_acquire_start,
  .release = forward_rlock_release,
  .count = forward_rlock_count,
  .is_locked = forward_rlock_is_locked,
  .was_abandoned = forward_rlock_was_abandoned,
  .get_shm = forward_get_no_shm,
  .close = forward_close,
  .free = g_object_unref,
};

/* --- Semaphore --- */

static gboolean
forward_semaphore_try_acquire (gpointer   impl,
                               GError   **error)
{
  forward_note (G_STRFUNC);

  return aioproc_semaphore_try_acquire (impl, error);
}

static gboolean
forward_semaphore_acquire (gpointer       impl,
                           gint64         timeout_usec,
                           GCancellable  *cancellable,
                           GError       **error)
{
  forward_note (G_STRFUNC);

  return aioproc_semaphore_acquire (impl, timeout_usec, cancellable, error);
}

static void
forward_semaphore_acquired_cb (GObject      *source,
                               GAsyncResult *result,
                               gpointer      user_data)
{
  GError *error = NULL;
  gboolean done = aioproc_semaphore_acquire_finish (AIOPROC_SEMAPHORE (source), result, &error);

  forward_return (user_data, done, error);
}

static void
forward_semaphore_acquire_start (gpointer  impl,
                                 GTask    *task,
                                 gint64    timeout_usec)
{
  forward_note (G_STRFUNC);

  aioproc_semaphore_acquire_async (impl, timeout_usec, g_task_get_cancellable (task),
                                   forward_semaphore_acquired_cb, task);
}

static gboolean
forward_semaphore_release (gpointer   impl,
                           GError   **error)
{
  forward_note (G_STRFUNC);

  return aioproc_semaphore_release (impl, error);
}

static gboolean
forward_semaphore_post (gpointer   impl,
                        GError   **error)
{
  forward_note (G_STRFUNC);

  return aioproc_semaphore_post (impl, error);
}

static gboolean
forward_semaphore_consume (gpointer   impl,
                           GError   **error)
{
  forward_note (G_STRFUNC);

  return aioproc_semaphore_consume (impl, error);
}

static guint
forward_semaphore_get_value (gpointer impl)
{
  forward_note (G_STRFUNC);

  return aioproc_semaphore_get_value (impl);
}

static guint
forward_semaphore_get_held (gpointer impl)
{
  forward_note (G_STRFUNC);

  return aioproc_semaphore_get_held (impl);
}

static guint
forward_semaphore_get_initial (gpointer impl)
{
  forward_note (G_STRFUNC);

  return aioproc_semaphore_get_initial_value (impl);
}

const AioprocSemaphoreBackend forward_semaphore_backend = {
  .try_acquire = forward_semaphore_try_acquire,
  .acquire = forward_semaphore_acquire,
  .acquire_start = forward_semaphore_acquire_start,
  .release = forward_semaphore_release,
  .post = forward_semaphore_post,
  .consume = forward_semaphore_consume,
  .get_value = forward_semaphore_get_value,
  .get_held = forward_semaphore_get_held,
  .get_initial = forward_semaphore_get_initial,
  .get_shm = forward_get_no_shm,
  .close = forward_close,
  .free = g_object_unref,
};

/* --- Event --- */

static gboolean
forward_event_set (gpointer   impl,
                   GError   **error)
{
  forward_note (G_STRFUNC);

  return aioproc_event_set (impl, error);
}

static gboolean
forward_event_clear (gpointer   impl,
                     GError   **error)
{
  forward_note (G_STRFUNC);

  return aioproc_event_clear (impl, error);
}

static gboolean
forward_event_is_set (gpointer impl)
{
  forward_note (G_STRFUNC);

  return aioproc_event_is_set (impl);
}

static gboolean
forward_event_wait (gpointer       impl,
                    gint64         timeout_usec,
                    GCancellable  *cancellable,
                    GError       **error)
{
  forward_note (G_STRFUNC);

  return aioproc_event_wait (impl, timeout_usec, cancellable, error);
}

static void
forward_event_waited_cb (GObject      *source,
                         GAsyncResult *result,
                         gpointer      user_data)
{
  GError *error = NULL;
  gboolean done = aioproc_event_wait_finish (AIOPROC_EVENT (source), result, &error);

  forward_return (user_data, done, error);
}

static void
forward_event_wait_start (gpointer  impl,
                          GTask    *task,
                          gint64    timeout_usec)
{
  forward_note (G_STRFUNC);

  aioproc_event_wait_async (impl, timeout_usec, g_task_get_cancellable (task),
                            forward_event_waited_cb, task);
}

const AioprocEventBackend forward_event_backend = {
  .set = forward_event_set,
  .clear = forward_event_clear,
  .is_set = forward_event_is_set,
  .wait = forward_event_wait,
  .wait_start = forward_event_wait_start,
  .get_shm = forward_get_no_shm,
  .close = forward_close,
  .free = g_object_unref,
};

/* --- Condition --- */

static gboolean
forward_condition_wait (gpointer            impl,
                        const AioprocHold  *hold,
                        gint64              timeout_usec,
                        GCancellable       *cancellable,
                        GError            **error)
{
  forward_note (G_STRFUNC);

  return aioproc_condition_wait (impl, get_owner (hold), timeout_usec, cancellable, error);
}

static void
forward_condition_waited_cb (GObject      *source,
                             GAsyncResult *result,
                             gpointer      user_data)
{
  GError *error = NULL;
  gboolean done = aioproc_condition_wait_finish (AIOPROC_CONDITION (source), result, &error);

  forward_return (user_data, done, error);
}

static void
forward_condition_wait_start (gpointer           impl,
                              const AioprocHold *hold,
                              GTask             *task,
                              gint64             timeout_usec)
{
  forward_note (G_STRFUNC);

  aioproc_condition_wait_async (impl, get_owner (hold), timeout_usec,
                                g_task_get_cancellable (task), forward_condition_waited_cb, task);
}

static gboolean
forward_condition_notify (gpointer            impl,
                          const AioprocHold  *hold,
                          guint               n_waiters,
                          GError            **error)
{
  forward_note (G_STRFUNC);

  return aioproc_condition_notify_n (impl, get_owner (hold), n_waiters, error);
}

const AioprocConditionBackend forward_condition_backend = {
  .wait = forward_condition_wait,
  .wait_start = forward_condition_wait_start,
  .notify = forward_condition_notify,
  .get_shm = forward_get_no_shm,
  .close = forward_close,
  .free = g_object_unref,
};
