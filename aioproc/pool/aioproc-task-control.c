/* aioproc-task-control.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "pool/aioproc-task-private.h"

#include "aioproc-error.h"
#include "aioproc-wait.h"
#include "core/aioproc-debug-private.h"

/* What it can be cancelled with. */
static gboolean
dup_job (AioprocTask      *self,
         AioprocPoolCore **core,
         AioprocPoolJob  **job)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (self->job == NULL || aioproc_task_has_ended_locked (self))
    return FALSE;

  *core = aioproc_pool_core_ref (self->core);
  *job = aioproc_pool_job_ref (self->job);

  return TRUE;
}

/**
 * aioproc_task_cancel:
 * @self: a task
 *
 * Ends a task that was submitted and has not ended, at once, with `G_IO_ERROR_CANCELLED`.
 *
 * What becomes of the worker, see [class@Pool]. Of any other task nothing happens.
 *
 * Since: 0.1
 */
void
aioproc_task_cancel (AioprocTask *self)
{
  g_autoptr(AioprocPoolCore) core = NULL;
  g_autoptr(AioprocPoolJob) job = NULL;

  g_return_if_fail (AIOPROC_IS_TASK (self));

  if (dup_job (self, &core, &job))
    aioproc_pool_core_end_job (core, job,
                               g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED,
                                            "The task of “%s” was cancelled", self->function));
}

static gboolean
check_submitted (AioprocTask  *self,
                 GError      **error)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (self->state != AIOPROC_TASK_STATE_NEW)
    return TRUE;

  g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE,
               "The task of “%s” has not been submitted to a pool", self->function);

  return FALSE;
}

/**
 * aioproc_task_wait:
 * @self: a task
 * @timeout_usec: microseconds to wait, or -1 to wait for ever
 * @cancellable: (nullable): a [class@Gio.Cancellable], or `NULL`; it cancels the wait, not the task
 * @error: return location for a [type@GLib.Error]
 *
 * Waits until the task has ended, in whatever way.
 *
 * See [method@Task.wait_async], which is the form for programs with a main loop.
 *
 * Errors: those of [method@Task.wait_async].
 *
 * Returns: whether it has ended
 *
 * Since: 0.1
 */
gboolean
aioproc_task_wait (AioprocTask   *self,
                   gint64         timeout_usec,
                   GCancellable  *cancellable,
                   GError       **error)
{
  AioprocWaitable *waitable = AIOPROC_WAITABLE (self);
  g_autoptr(GPtrArray) ready = NULL;

  g_return_val_if_fail (AIOPROC_IS_TASK (self), FALSE);
  g_return_val_if_fail (timeout_usec >= -1, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  if (!check_submitted (self, error))
    return FALSE;

  ready = aioproc_wait (&waitable, 1, timeout_usec, cancellable, error);

  return ready != NULL;
}

static void
wait_ended_cb (GObject      *source_object,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  g_autoptr(GPtrArray) ready = NULL;
  GError *error = NULL;

  ready = aioproc_wait_finish (result, &error);
  if (ready != NULL)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/**
 * aioproc_task_wait_async:
 * @self: a task
 * @timeout_usec: microseconds to wait, or -1 to wait for ever
 * @cancellable: (nullable): a [class@Gio.Cancellable], or `NULL`; it cancels the wait, not the task
 * @callback: (scope async): what to call when the task has ended
 * @user_data: data for @callback
 *
 * Waits until the task has ended, in whatever way.
 *
 * Errors:
 *
 * - `AIOPROC_ERROR_INVALID_STATE`: the task has not been submitted.
 * - `G_IO_ERROR_TIMED_OUT`: it takes longer.
 * - `G_IO_ERROR_CANCELLED`: the wait was cancelled.
 *
 * Since: 0.1
 */
void
aioproc_task_wait_async (AioprocTask         *self,
                         gint64               timeout_usec,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  AioprocWaitable *waitable = AIOPROC_WAITABLE (self);
  g_autoptr(GTask) task = NULL;
  GError *error = NULL;

  g_return_if_fail (AIOPROC_IS_TASK (self));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_task_wait_async);

  if (!check_submitted (self, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  aioproc_wait_async (&waitable, 1, timeout_usec, cancellable, wait_ended_cb,
                      g_steal_pointer (&task));
}

/**
 * aioproc_task_wait_finish:
 * @self: a task
 * @result: the result given to the callback
 * @error: return location for a [type@GLib.Error]
 *
 * Finishes [method@Task.wait_async].
 *
 * Errors: those of [method@Task.wait_async].
 *
 * Returns: whether the task has ended
 *
 * Since: 0.1
 */
gboolean
aioproc_task_wait_finish (AioprocTask   *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_TASK (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_task_wait_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* Whether it has a result. */
static gboolean
check_outcome (AioprocTask  *self,
               GError      **error)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (!aioproc_task_has_ended_locked (self))
    g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE,
                 "The task of “%s” has no result yet", self->function);
  else if (self->error != NULL)
    g_propagate_error (error, g_error_copy (self->error));

  return self->value != NULL || self->result != NULL;
}

/**
 * aioproc_task_dup_result:
 * @self: a task
 * @error: return location for a [type@GLib.Error]
 *
 * Gets what the function returned, or why it did not.
 *
 * Errors:
 *
 * - `AIOPROC_ERROR_INVALID_STATE`: the task has not ended.
 * - those of [method@Pool.apply_async].
 *
 * Returns: (transfer full): the result, or `NULL`
 *
 * Since: 0.1
 */
GVariant *
aioproc_task_dup_result (AioprocTask  *self,
                         GError      **error)
{
  g_return_val_if_fail (AIOPROC_IS_TASK (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!check_outcome (self, error))
    return NULL;

  /* Once it is there, it stays. */
  return self->result != NULL ? aioproc_message_dup_body (self->result)
                              : g_variant_ref (self->value);
}

/**
 * aioproc_task_dup_result_message:
 * @self: a task
 * @error: return location for a [type@GLib.Error]
 *
 * The same, with the objects, bytes and descriptors that the function returned.
 *
 * Errors: those of [method@Task.dup_result].
 *
 * Returns: (transfer full): the result, or `NULL`
 *
 * Since: 0.1
 */
AioprocMessage *
aioproc_task_dup_result_message (AioprocTask  *self,
                                 GError      **error)
{
  g_return_val_if_fail (AIOPROC_IS_TASK (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!check_outcome (self, error))
    return NULL;

  return self->result != NULL ? g_object_ref (self->result) : aioproc_message_new (self->value);
}
