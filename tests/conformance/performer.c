/* performer.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "performer.h"

static Outcome
get_outcome (gboolean      result,
             const GError *error)
{
  if (error == NULL)
    return result ? OUTCOME_TRUE : OUTCOME_FALSE;

  g_assert_false (result);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return OUTCOME_WOULD_BLOCK;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    return OUTCOME_TIMED_OUT;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return OUTCOME_CANCELLED;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    return OUTCOME_CLOSED;

  if (g_error_matches (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER))
    return OUTCOME_NOT_OWNER;

  if (g_error_matches (error, AIOPROC_ERROR, AIOPROC_ERROR_OWNER_DIED))
    return OUTCOME_OWNER_DIED;

  if (g_error_matches (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE))
    return OUTCOME_INVALID_STATE;

  return OUTCOME_OTHER;
}

/* How the operations are done with objects of one class. */
typedef struct {
  GType    (*get_type) (void);
  /* The outcome is that of the operation; @error says why it is FALSE. */
  gboolean (*block)    (gpointer             object,
                        guint64              owner,
                        Operation            operation,
                        gint64               timeout_usec,
                        GCancellable        *cancellable,
                        GError             **error);
  void     (*start)    (gpointer             object,
                        guint64              owner,
                        Operation            operation,
                        gint64               timeout_usec,
                        GCancellable        *cancellable,
                        GAsyncReadyCallback  callback,
                        gpointer             user_data);
  gboolean (*finish)   (gpointer             object,
                        GAsyncResult        *result,
                        GError             **error);
} Performer;

/* --- Lock --- */

static gboolean
lock_block (gpointer       object,
            guint64        owner,
            Operation      operation,
            gint64         timeout_usec,
            GCancellable  *cancellable,
            GError       **error)
{
  switch ((int) operation)
    {
    case OPERATION_ACQUIRE:
      return aioproc_lock_acquire (object, timeout_usec, cancellable, error);

    case OPERATION_TRY_ACQUIRE:
      return aioproc_lock_try_acquire (object, error);

    case OPERATION_RELEASE:
      return aioproc_lock_release (object, error);

    case OPERATION_IS_LOCKED:
      return aioproc_lock_is_locked (object);

    case OPERATION_WAS_ABANDONED:
      return aioproc_lock_get_was_abandoned (object);

    default:
      g_assert_not_reached ();
    }
}

static void
lock_start (gpointer             object,
            guint64              owner,
            Operation            operation,
            gint64               timeout_usec,
            GCancellable        *cancellable,
            GAsyncReadyCallback  callback,
            gpointer             user_data)
{
  aioproc_lock_acquire_async (object, timeout_usec, cancellable, callback, user_data);
}

static gboolean
lock_finish (gpointer       object,
             GAsyncResult  *result,
             GError       **error)
{
  return aioproc_lock_acquire_finish (object, result, error);
}

/* --- RLock --- */

static gboolean
rlock_block (gpointer       object,
             guint64        owner,
             Operation      operation,
             gint64         timeout_usec,
             GCancellable  *cancellable,
             GError       **error)
{
  switch ((int) operation)
    {
    case OPERATION_ACQUIRE:
      return aioproc_rlock_acquire (object, owner, timeout_usec, cancellable, error);

    case OPERATION_TRY_ACQUIRE:
      return aioproc_rlock_try_acquire (object, owner, error);

    case OPERATION_RELEASE:
      return aioproc_rlock_release (object, owner, error);

    case OPERATION_IS_LOCKED:
      return aioproc_rlock_is_locked (object);

    case OPERATION_IS_OWNED:
      g_assert_cmpint (aioproc_rlock_is_owned (object, owner), ==,
                       aioproc_rlock_get_depth (object, owner) > 0);
      return aioproc_rlock_is_owned (object, owner);

    case OPERATION_WAS_ABANDONED:
      return aioproc_rlock_get_was_abandoned (object);

    default:
      g_assert_not_reached ();
    }
}

static void
rlock_start (gpointer             object,
             guint64              owner,
             Operation            operation,
             gint64               timeout_usec,
             GCancellable        *cancellable,
             GAsyncReadyCallback  callback,
             gpointer             user_data)
{
  aioproc_rlock_acquire_async (object, owner, timeout_usec, cancellable, callback, user_data);
}

static gboolean
rlock_finish (gpointer       object,
              GAsyncResult  *result,
              GError       **error)
{
  return aioproc_rlock_acquire_finish (object, result, error);
}

/* --- Semaphore, also a bounded one --- */

static gboolean
semaphore_block (gpointer       object,
                 guint64        owner,
                 Operation      operation,
                 gint64         timeout_usec,
                 GCancellable  *cancellable,
                 GError       **error)
{
  switch ((int) operation)
    {
    case OPERATION_ACQUIRE:
      return aioproc_semaphore_acquire (object, timeout_usec, cancellable, error);

    case OPERATION_TRY_ACQUIRE:
      return aioproc_semaphore_try_acquire (object, error);

    case OPERATION_RELEASE:
      return aioproc_semaphore_release (object, error);

    case OPERATION_POST:
      return aioproc_semaphore_post (object, error);

    case OPERATION_CONSUME:
      return aioproc_semaphore_consume (object, error);

    case OPERATION_IS_LOCKED:
      g_assert_cmpint (aioproc_semaphore_is_locked (object), ==,
                       aioproc_semaphore_get_value (object) == 0);
      return aioproc_semaphore_is_locked (object);

    case OPERATION_WAS_ABANDONED:
      /* A unit that comes back is as good as any. */
      return FALSE;

    default:
      g_assert_not_reached ();
    }
}

static void
semaphore_start (gpointer             object,
                 guint64              owner,
                 Operation            operation,
                 gint64               timeout_usec,
                 GCancellable        *cancellable,
                 GAsyncReadyCallback  callback,
                 gpointer             user_data)
{
  aioproc_semaphore_acquire_async (object, timeout_usec, cancellable, callback, user_data);
}

static gboolean
semaphore_finish (gpointer       object,
                  GAsyncResult  *result,
                  GError       **error)
{
  return aioproc_semaphore_acquire_finish (object, result, error);
}

/* --- Event --- */

static gboolean
event_block (gpointer       object,
             guint64        owner,
             Operation      operation,
             gint64         timeout_usec,
             GCancellable  *cancellable,
             GError       **error)
{
  switch ((int) operation)
    {
    case OPERATION_SET:
      return aioproc_event_set (object, error);

    case OPERATION_CLEAR:
      return aioproc_event_clear (object, error);

    case OPERATION_IS_SET:
      return aioproc_event_is_set (object);

    case OPERATION_WAIT:
      return aioproc_event_wait (object, timeout_usec, cancellable, error);

    default:
      g_assert_not_reached ();
    }
}

static void
event_start (gpointer             object,
             guint64              owner,
             Operation            operation,
             gint64               timeout_usec,
             GCancellable        *cancellable,
             GAsyncReadyCallback  callback,
             gpointer             user_data)
{
  aioproc_event_wait_async (object, timeout_usec, cancellable, callback, user_data);
}

static gboolean
event_finish (gpointer       object,
              GAsyncResult  *result,
              GError       **error)
{
  return aioproc_event_wait_finish (object, result, error);
}

/* --- Condition, and its lock --- */

static gboolean
condition_block (gpointer       object,
                 guint64        owner,
                 Operation      operation,
                 gint64         timeout_usec,
                 GCancellable  *cancellable,
                 GError       **error)
{
  switch ((int) operation)
    {
    case OPERATION_WAIT:
      return aioproc_condition_wait (object, owner, timeout_usec, cancellable, error);

    case OPERATION_NOTIFY:
      return aioproc_condition_notify_n (object, owner, 1, error);

    case OPERATION_NOTIFY_ALL:
      return aioproc_condition_notify_all (object, owner, error);

    default:
      return rlock_block (aioproc_condition_get_lock (object), owner, operation, timeout_usec,
                          cancellable, error);
    }
}

static void
condition_start (gpointer             object,
                 guint64              owner,
                 Operation            operation,
                 gint64               timeout_usec,
                 GCancellable        *cancellable,
                 GAsyncReadyCallback  callback,
                 gpointer             user_data)
{
  if (operation == OPERATION_WAIT)
    aioproc_condition_wait_async (object, owner, timeout_usec, cancellable, callback, user_data);
  else
    rlock_start (aioproc_condition_get_lock (object), owner, operation, timeout_usec, cancellable,
                 callback, user_data);
}

static gboolean
condition_finish (gpointer       object,
                  GAsyncResult  *result,
                  GError       **error)
{
  return aioproc_condition_wait_finish (object, result, error);
}

/* --- All --- */

static const Performer performers[] = {
  { aioproc_condition_get_type, condition_block, condition_start, condition_finish },
  { aioproc_event_get_type, event_block, event_start, event_finish },
  { aioproc_lock_get_type, lock_block, lock_start, lock_finish },
  { aioproc_rlock_get_type, rlock_block, rlock_start, rlock_finish },
  { aioproc_semaphore_get_type, semaphore_block, semaphore_start, semaphore_finish },
};

static const Performer *
get_performer (gpointer object)
{
  for (guint i = 0; i < G_N_ELEMENTS (performers); i++)
    {
      if (G_TYPE_CHECK_INSTANCE_TYPE (object, performers[i].get_type ()))
        return &performers[i];
    }

  g_assert_not_reached ();
}

Outcome
performer_block (gpointer      object,
                 guint64       owner,
                 Operation     operation,
                 gint64        timeout_usec,
                 GCancellable *cancellable)
{
  g_autoptr(GError) error = NULL;
  gboolean result;

  if (operation == OPERATION_DISPOSE)
    {
      g_object_run_dispose (object);
      return OUTCOME_TRUE;
    }

  result = get_performer (object)->block (object, owner, operation, timeout_usec, cancellable,
                                          &error);

  return get_outcome (result, error);
}

gboolean
performer_is_async (Operation operation)
{
  return operation == OPERATION_ACQUIRE || operation == OPERATION_WAIT;
}

typedef struct {
  PerformerFunc func;
  gpointer      data;
} Performance;

static void
performed_cb (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autofree Performance *performance = user_data;
  g_autoptr(GError) error = NULL;
  gboolean done = get_performer (source)->finish (source, result, &error);

  performance->func (get_outcome (done, error), performance->data);
}

void
performer_start (gpointer       object,
                 guint64        owner,
                 Operation      operation,
                 gint64         timeout_usec,
                 GCancellable  *cancellable,
                 PerformerFunc  func,
                 gpointer       data)
{
  Performance *performance;

  if (!performer_is_async (operation))
    {
      func (performer_block (object, owner, operation, timeout_usec, cancellable), data);
      return;
    }

  performance = g_new (Performance, 1);
  performance->func = func;
  performance->data = data;
  get_performer (object)->start (object, owner, operation, timeout_usec, cancellable, performed_cb,
                                 performance);
}
