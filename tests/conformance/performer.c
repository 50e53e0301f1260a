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

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA))
    return OUTCOME_INVALID_DATA;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE))
    return OUTCOME_TOO_LARGE;

  if (g_error_matches (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER))
    return OUTCOME_NOT_OWNER;

  if (g_error_matches (error, AIOPROC_ERROR, AIOPROC_ERROR_OWNER_DIED))
    return OUTCOME_OWNER_DIED;

  if (g_error_matches (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE))
    return OUTCOME_INVALID_STATE;

  if (g_error_matches (error, AIOPROC_ERROR, AIOPROC_ERROR_BROKEN_BARRIER))
    return OUTCOME_BROKEN;

  return OUTCOME_OTHER;
}

/* --- Lock --- */

static gboolean
lock_block (gpointer   object,
            Act       *act,
            GError   **error)
{
  switch ((int) act->operation)
    {
    case OPERATION_ACQUIRE:
      return aioproc_lock_acquire (object, act->timeout_usec, act->cancellable, error);

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
            const Act           *act,
            GAsyncReadyCallback  callback,
            gpointer             user_data)
{
  aioproc_lock_acquire_async (object, act->timeout_usec, act->cancellable, callback, user_data);
}

static gboolean
lock_finish (gpointer        object,
             Act            *act,
             GAsyncResult   *result,
             GError        **error)
{
  return aioproc_lock_acquire_finish (object, result, error);
}

/* --- RLock --- */

static gboolean
rlock_block (gpointer   object,
             Act       *act,
             GError   **error)
{
  switch ((int) act->operation)
    {
    case OPERATION_ACQUIRE:
      return aioproc_rlock_acquire (object, act->owner, act->timeout_usec, act->cancellable, error);

    case OPERATION_TRY_ACQUIRE:
      return aioproc_rlock_try_acquire (object, act->owner, error);

    case OPERATION_RELEASE:
      return aioproc_rlock_release (object, act->owner, error);

    case OPERATION_IS_LOCKED:
      return aioproc_rlock_is_locked (object);

    case OPERATION_IS_OWNED:
      g_assert_cmpint (aioproc_rlock_is_owned (object, act->owner), ==,
                       aioproc_rlock_get_depth (object, act->owner) > 0);
      return aioproc_rlock_is_owned (object, act->owner);

    case OPERATION_WAS_ABANDONED:
      return aioproc_rlock_get_was_abandoned (object);

    default:
      g_assert_not_reached ();
    }
}

static void
rlock_start (gpointer             object,
             const Act           *act,
             GAsyncReadyCallback  callback,
             gpointer             user_data)
{
  aioproc_rlock_acquire_async (object, act->owner, act->timeout_usec, act->cancellable, callback,
                               user_data);
}

static gboolean
rlock_finish (gpointer        object,
              Act            *act,
              GAsyncResult   *result,
              GError        **error)
{
  return aioproc_rlock_acquire_finish (object, result, error);
}

/* --- Semaphore, also a bounded one --- */

static gboolean
semaphore_block (gpointer   object,
                 Act       *act,
                 GError   **error)
{
  switch ((int) act->operation)
    {
    case OPERATION_ACQUIRE:
      return aioproc_semaphore_acquire (object, act->timeout_usec, act->cancellable, error);

    case OPERATION_TRY_ACQUIRE:
      return aioproc_semaphore_try_acquire (object, error);

    case OPERATION_RELEASE:
      return aioproc_semaphore_release (object, error);

    case OPERATION_POST:
      return aioproc_semaphore_post (object, error);

    case OPERATION_CONSUME:
      return aioproc_semaphore_consume (object, error);

    case OPERATION_GET_VALUE:
      act->value = aioproc_semaphore_get_value (object);
      return TRUE;

    case OPERATION_GET_HELD:
      act->value = aioproc_semaphore_get_held (object);
      return TRUE;

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
                 const Act           *act,
                 GAsyncReadyCallback  callback,
                 gpointer             user_data)
{
  aioproc_semaphore_acquire_async (object, act->timeout_usec, act->cancellable, callback,
                                   user_data);
}

static gboolean
semaphore_finish (gpointer        object,
                  Act            *act,
                  GAsyncResult   *result,
                  GError        **error)
{
  return aioproc_semaphore_acquire_finish (object, result, error);
}

/* --- Event --- */

static gboolean
event_block (gpointer   object,
             Act       *act,
             GError   **error)
{
  switch ((int) act->operation)
    {
    case OPERATION_SET:
      return aioproc_event_set (object, error);

    case OPERATION_CLEAR:
      return aioproc_event_clear (object, error);

    case OPERATION_IS_SET:
      return aioproc_event_is_set (object);

    case OPERATION_WAIT:
      return aioproc_event_wait (object, act->timeout_usec, act->cancellable, error);

    default:
      g_assert_not_reached ();
    }
}

static void
event_start (gpointer             object,
             const Act           *act,
             GAsyncReadyCallback  callback,
             gpointer             user_data)
{
  aioproc_event_wait_async (object, act->timeout_usec, act->cancellable, callback, user_data);
}

static gboolean
event_finish (gpointer        object,
              Act            *act,
              GAsyncResult   *result,
              GError        **error)
{
  return aioproc_event_wait_finish (object, result, error);
}

/* --- Condition, and its lock --- */

static const Performer *get_performer (gpointer object);

static gboolean
look_cb (AioprocCondition *condition,
         gpointer          user_data)
{
  guint64 *n_looks = user_data;

  return --*n_looks == 0;
}

static gboolean
condition_block (gpointer   object,
                 Act       *act,
                 GError   **error)
{
  guint64 n_looks;
  AioprocShareable *lock = aioproc_condition_get_lock (object);

  switch ((int) act->operation)
    {
    case OPERATION_WAIT:
      return aioproc_condition_wait (object, act->owner, act->timeout_usec, act->cancellable,
                                     error);

    case OPERATION_WAIT_FOR:
      n_looks = act->value;
      return aioproc_condition_wait_for (object, act->owner, look_cb, &n_looks,
                                         act->timeout_usec, act->cancellable, error);

    case OPERATION_NOTIFY:
      return aioproc_condition_notify_n (object, act->owner, MAX (act->value, 1), error);

    case OPERATION_NOTIFY_ALL:
      return aioproc_condition_notify_all (object, act->owner, error);

    default:
      return get_performer (lock)->block (lock, act, error);
    }
}

static void
condition_start (gpointer             object,
                 const Act           *act,
                 GAsyncReadyCallback  callback,
                 gpointer             user_data)
{
  AioprocShareable *lock = aioproc_condition_get_lock (object);

  if (act->operation == OPERATION_WAIT)
    aioproc_condition_wait_async (object, act->owner, act->timeout_usec, act->cancellable,
                                  callback, user_data);
  else if (act->operation == OPERATION_WAIT_FOR)
    aioproc_condition_wait_for_async (object, act->owner, look_cb,
                                      g_memdup2 (&act->value, sizeof act->value), g_free,
                                      act->timeout_usec, act->cancellable, callback, user_data);
  else
    get_performer (lock)->start (lock, act, callback, user_data);
}

static gboolean
condition_finish (gpointer       object,
                  Act           *act,
                  GAsyncResult  *result,
                  GError       **error)
{
  if (act->operation == OPERATION_WAIT_FOR)
    return aioproc_condition_wait_for_finish (object, result, error);

  return aioproc_condition_wait_finish (object, result, error);
}

/* --- Value and one number of an array, and their lock --- */

static gboolean
value_block (gpointer   object,
             Act       *act,
             GError   **error)
{
  g_autoptr(GVariant) number = NULL;
  AioprocShareable *lock = aioproc_value_get_lock (object);
  gboolean done;
  gint64 old = 0;

  switch ((int) act->operation)
    {
    case OPERATION_LOAD:
      number = aioproc_value_get (object, error);
      act->value = number != NULL ? g_variant_get_uint64 (number) : 0;
      return number != NULL;

    case OPERATION_STORE:
      return aioproc_value_set (object, g_variant_new_uint64 (act->value), error);

    case OPERATION_ADD:
      done = aioproc_value_add (object, (gint64) act->value, &old, error);
      act->value = (guint64) old;
      return done;

    case OPERATION_SWAP:
      done = aioproc_value_compare_and_swap (object, 0, (gint64) act->value, &old, error);
      act->value = (guint64) old;
      return done;

    default:
      return get_performer (lock)->block (lock, act, error);
    }
}

#define PLACE 70

static gboolean
array_block (gpointer   object,
             Act       *act,
             GError   **error)
{
  g_autoptr(GVariant) number = NULL;
  AioprocShareable *lock = aioproc_array_get_lock (object);
  gboolean done;
  gint64 old = 0;

  switch ((int) act->operation)
    {
    case OPERATION_LOAD:
      number = aioproc_array_get (object, PLACE, error);
      act->value = number != NULL ? g_variant_get_uint64 (number) : 0;
      return number != NULL;

    case OPERATION_STORE:
      return aioproc_array_set (object, PLACE, g_variant_new_uint64 (act->value), error);

    case OPERATION_ADD:
      done = aioproc_array_add (object, PLACE, (gint64) act->value, &old, error);
      act->value = (guint64) old;
      return done;

    case OPERATION_SWAP:
      done = aioproc_array_compare_and_swap (object, PLACE, 0, (gint64) act->value, &old, error);
      act->value = (guint64) old;
      return done;

    default:
      return get_performer (lock)->block (lock, act, error);
    }
}

static AioprocShareable *
get_lock_of (gpointer object)
{
  return AIOPROC_IS_VALUE (object) ? aioproc_value_get_lock (object)
                                   : aioproc_array_get_lock (object);
}

static void
locked_start (gpointer             object,
              const Act           *act,
              GAsyncReadyCallback  callback,
              gpointer             user_data)
{
  AioprocShareable *lock = get_lock_of (object);

  get_performer (lock)->start (lock, act, callback, user_data);
}

/* --- All --- */

static const Performer performers[] = {
  { aioproc_array_get_type, array_block, locked_start, NULL },
  { aioproc_barrier_get_type, performer_barrier_block, performer_barrier_start,
    performer_barrier_finish },
  { aioproc_condition_get_type, condition_block, condition_start, condition_finish },
  { aioproc_event_get_type, event_block, event_start, event_finish },
  { aioproc_lock_get_type, lock_block, lock_start, lock_finish },
  { aioproc_queue_get_type, performer_queue_block, performer_queue_start, performer_queue_finish },
  { aioproc_rlock_get_type, rlock_block, rlock_start, rlock_finish },
  { aioproc_shared_list_get_type, performer_list_block, NULL, NULL },
  { aioproc_shared_memory_get_type, performer_memory_block, NULL, NULL },
  { aioproc_simple_queue_get_type, performer_simple_queue_block, performer_simple_queue_start,
    performer_simple_queue_finish },
  { aioproc_semaphore_get_type, semaphore_block, semaphore_start, semaphore_finish },
  { aioproc_value_get_type, value_block, locked_start, NULL },
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
performer_block (gpointer  object,
                 Act      *act)
{
  g_autoptr(GError) error = NULL;
  gboolean result;

  if (act->operation == OPERATION_DISPOSE)
    {
      g_object_run_dispose (object);
      return OUTCOME_TRUE;
    }

  result = get_performer (object)->block (object, act, &error);

  return get_outcome (result, error);
}

gboolean
performer_is_async (Operation operation)
{
  switch ((int) operation)
    {
    case OPERATION_ACQUIRE:
    case OPERATION_WAIT:
    case OPERATION_WAIT_FOR:
    case OPERATION_PUT:
    case OPERATION_GET:
    case OPERATION_PUT_BYTES:
    case OPERATION_GET_BYTES:
    case OPERATION_LEASE:
    case OPERATION_LOAN:
    case OPERATION_JOIN:
    case OPERATION_PUT_MANY:
    case OPERATION_PUT_MANY_BYTES:
    case OPERATION_GET_MANY:
    case OPERATION_GET_MANY_BYTES:
      return TRUE;

    default:
      return FALSE;
    }
}

typedef struct {
  Act           act;
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
  gboolean done = get_performer (source)->finish (source, &performance->act, result, &error);

  performance->func (get_outcome (done, error), performance->act.value, performance->data);
}

void
performer_start (gpointer       object,
                 const Act     *act,
                 PerformerFunc  func,
                 gpointer       data)
{
  Performance *performance = g_new (Performance, 1);

  *performance = (Performance) { *act, func, data };

  if (performer_is_async (act->operation))
    {
      get_performer (object)->start (object, act, performed_cb, performance);
    }
  else
    {
      Outcome outcome = performer_block (object, &performance->act);

      func (outcome, performance->act.value, data);
      g_free (performance);
    }
}
