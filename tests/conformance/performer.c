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
  g_assert_true (result == (error == NULL));

  if (error == NULL)
    return OUTCOME_TRUE;

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

  return OUTCOME_OTHER;
}

Outcome
performer_block (gpointer      object,
                 Operation     operation,
                 gint64        timeout_usec,
                 GCancellable *cancellable)
{
  g_autoptr(GError) error = NULL;
  gboolean result;

  switch (operation)
    {
    case OPERATION_ACQUIRE:
      result = aioproc_lock_acquire (object, timeout_usec, cancellable, &error);
      return get_outcome (result, error);

    case OPERATION_TRY_ACQUIRE:
      result = aioproc_lock_try_acquire (object, &error);
      return get_outcome (result, error);

    case OPERATION_RELEASE:
      result = aioproc_lock_release (object, &error);
      return get_outcome (result, error);

    case OPERATION_IS_LOCKED:
      return aioproc_lock_is_locked (object) ? OUTCOME_TRUE : OUTCOME_FALSE;

    case OPERATION_WAS_ABANDONED:
      return aioproc_lock_get_was_abandoned (object) ? OUTCOME_TRUE : OUTCOME_FALSE;

    case OPERATION_SET:
      result = aioproc_event_set (object, &error);
      return get_outcome (result, error);

    case OPERATION_CLEAR:
      result = aioproc_event_clear (object, &error);
      return get_outcome (result, error);

    case OPERATION_IS_SET:
      return aioproc_event_is_set (object) ? OUTCOME_TRUE : OUTCOME_FALSE;

    case OPERATION_WAIT:
      result = aioproc_event_wait (object, timeout_usec, cancellable, &error);
      return get_outcome (result, error);

    case OPERATION_DISPOSE:
      g_object_run_dispose (object);
      return OUTCOME_TRUE;

    case OPERATION_END:
    case OPERATION_CANCEL:
    default:
      g_assert_not_reached ();
    }
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
acquired_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autofree Performance *performance = user_data;
  g_autoptr(GError) error = NULL;
  gboolean acquired = aioproc_lock_acquire_finish (AIOPROC_LOCK (source), result, &error);

  performance->func (get_outcome (acquired, error), performance->data);
}

static void
waited_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autofree Performance *performance = user_data;
  g_autoptr(GError) error = NULL;
  gboolean waited = aioproc_event_wait_finish (AIOPROC_EVENT (source), result, &error);

  performance->func (get_outcome (waited, error), performance->data);
}

void
performer_start (gpointer       object,
                 Operation      operation,
                 gint64         timeout_usec,
                 GCancellable  *cancellable,
                 PerformerFunc  func,
                 gpointer       data)
{
  Performance *performance;

  if (!performer_is_async (operation))
    {
      func (performer_block (object, operation, timeout_usec, cancellable), data);
      return;
    }

  performance = g_new (Performance, 1);
  performance->func = func;
  performance->data = data;

  if (operation == OPERATION_ACQUIRE)
    aioproc_lock_acquire_async (object, timeout_usec, cancellable, acquired_cb, performance);
  else
    aioproc_event_wait_async (object, timeout_usec, cancellable, waited_cb, performance);
}
