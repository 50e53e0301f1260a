/* aioproc-pool-apply.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "pool/aioproc-pool-private.h"

#include "core/aioproc-completion-private.h"
#include "core/aioproc-debug-private.h"

/* One call of a function. */
typedef struct {
  AioprocPoolJob   parent;

  /* Of an async operation */
  GTask           *task;           /* (owned) (nullable) until it is completed */
  AioprocPoolCore *core;           /* (owned) */
  gulong           cancelled_id;   /* immutable once it is submitted; 0: none */
} ApplyJob;

static void
apply_job_complete (GTask    *task,
                    gpointer  data)
{
  ApplyJob *self = data;

  /* Waits for the handler, if that runs in another thread, which waits for nothing here. */
  g_cancellable_disconnect (g_task_get_cancellable (task), self->cancelled_id);

  if (self->parent.error != NULL)
    g_task_return_error (task, g_steal_pointer (&self->parent.error));
  else if (self->parent.result != NULL)
    g_task_return_pointer (task, g_object_ref (self->parent.result), g_object_unref);
  else
    g_task_return_pointer (task, aioproc_message_new (self->parent.value), g_object_unref);

  aioproc_pool_job_unref (&self->parent);
}

static void
apply_job_ended (AioprocPoolJob *job)
{
  ApplyJob *self = (ApplyJob *) job;

  aioproc_pool_job_ref (job);
  aioproc_completion_push (g_steal_pointer (&self->task), apply_job_complete, self);
}

static void
apply_job_clear (AioprocPoolJob *job)
{
  ApplyJob *self = (ApplyJob *) job;

  g_clear_object (&self->task);
  g_clear_pointer (&self->core, aioproc_pool_core_unref);
}

static const AioprocPoolJobOps async_ops = {
  .size = sizeof (ApplyJob),
  .ended = apply_job_ended,
  .clear = apply_job_clear,
};

static const AioprocPoolJobOps sync_ops = {
  .size = sizeof (AioprocPoolJob),
};

AioprocPoolJob *
aioproc_pool_new_call (AioprocPool              *self,
                       const AioprocPoolJobOps  *ops,
                       const char               *function,
                       GVariant                 *arguments,
                       AioprocMessage           *message,
                       GError                  **error)
{
  g_autoptr(AioprocPoolJob) job = NULL;
  g_autoptr(GVariant) body = NULL;
  char *name = g_ref_string_new (function);

  job = aioproc_pool_job_new (ops, AIOPROC_POOL_TASK_CALL, name);
  g_ref_string_release (name);
  aioproc_pool_set_up_job (self, job);

  if (message != NULL && aioproc_message_get_n_handles (message) > 0)
    {
      job->message = g_object_ref (message);
      return g_steal_pointer (&job);
    }

  if (message != NULL)
    body = aioproc_message_dup_body (message);
  else if (arguments != NULL)
    body = g_variant_ref (arguments);
  if (body == NULL)
    body = g_variant_ref_sink (g_variant_new ("()"));

  job->arguments = aioproc_codec_variant_prepare (body, FALSE, error);
  if (job->arguments == NULL)
    {
      g_prefix_error (error, "Could not send the arguments of “%s”: ", function);
      return NULL;
    }

  return g_steal_pointer (&job);
}

/* The job once it has ended, or NULL. */
static AioprocPoolJob *
apply_sync (AioprocPool     *self,
            const char      *function,
            GVariant        *arguments,
            AioprocMessage  *message,
            GCancellable    *cancellable,
            GError         **error)
{
  g_autoptr(AioprocPoolJob) job = NULL;
  AioprocPoolCore *core = aioproc_pool_get_core (self, error);
  GError *wait_error = NULL;

  if (core == NULL || g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;

  job = aioproc_pool_new_call (self, &sync_ops, function, arguments, message, error);
  if (job == NULL)
    return NULL;

  job->is_waited_for = TRUE;

  if (!aioproc_pool_core_submit (core, job, error))
    return NULL;

  /* One that has ended while its wait was cancelled has its own outcome. */
  if (!aioproc_pool_core_wait (core, &job->has_ended, cancellable, &wait_error))
    aioproc_pool_core_end_job (core, job, wait_error);

  if (job->error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&job->error));
      return NULL;
    }

  return g_steal_pointer (&job);
}

static void
apply_cancelled_cb (GCancellable *cancellable,
                    gpointer      user_data)
{
  ApplyJob *self = user_data;

  aioproc_pool_core_end_job (self->core, &self->parent,
                             g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED,
                                          "The call of “%s” was cancelled",
                                          self->parent.function));
}

static void
apply_job_release (gpointer data)
{
  aioproc_pool_job_unref (data);
}

static void
apply_start (AioprocPool    *self,
             const char     *function,
             GVariant       *arguments,
             AioprocMessage *message,
             GTask          *task)
{
  GCancellable *cancellable = g_task_get_cancellable (task);
  AioprocPoolCore *core;
  g_autoptr(AioprocPoolJob) job = NULL;
  ApplyJob *apply;
  GError *error = NULL;

  g_task_set_check_cancellable (task, FALSE);

  if (g_task_return_error_if_cancelled (task))
    return;

  core = aioproc_pool_get_core (self, &error);
  if (core != NULL)
    job = aioproc_pool_new_call (self, &async_ops, function, arguments, message, &error);

  if (job == NULL)
    {
      g_task_return_error (task, error);
      return;
    }

  apply = (ApplyJob *) job;
  apply->core = aioproc_pool_core_ref (core);
  apply->task = g_object_ref (task);

  /* What comes before the submission finds no job to cancel, and is seen to after it. */
  if (cancellable != NULL)
    apply->cancelled_id = g_cancellable_connect (cancellable, G_CALLBACK (apply_cancelled_cb),
                                                 aioproc_pool_job_ref (job), apply_job_release);

  if (!aioproc_pool_core_submit (core, job, &error))
    {
      g_cancellable_disconnect (cancellable, apply->cancelled_id);
      g_task_return_error (task, error);
      return;
    }

  if (g_cancellable_is_cancelled (cancellable))
    apply_cancelled_cb (cancellable, apply);
}

/**
 * aioproc_pool_apply:
 * @self: a pool
 * @function: the name of a function of the worker program
 * @arguments: (nullable): its arguments, of any type without handles; `NULL` for `()`. If it is
 *   floating, it is consumed
 * @cancellable: (nullable): a [class@Gio.Cancellable], or `NULL`
 * @error: return location for a [type@GLib.Error]
 *
 * Has a worker call a function, and waits for its result.
 *
 * See [method@Pool.apply_async], which is the form for programs with a main loop.
 *
 * Errors: those of [method@Pool.apply_async].
 *
 * Returns: (transfer full): what the function returned, or `NULL`
 *
 * Since: 0.1
 */
GVariant *
aioproc_pool_apply (AioprocPool   *self,
                    const char    *function,
                    GVariant      *arguments,
                    GCancellable  *cancellable,
                    GError       **error)
{
  g_autoptr(AioprocPoolJob) job = NULL;
  g_autoptr(GVariant) owned = arguments != NULL ? g_variant_ref_sink (arguments) : NULL;

  g_return_val_if_fail (AIOPROC_IS_POOL (self), NULL);
  g_return_val_if_fail (function != NULL, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  AIOPROC_DEBUG_CHECK_BLOCKING (-1);

  job = apply_sync (self, function, owned, NULL, cancellable, error);
  if (job == NULL)
    return NULL;

  return job->result != NULL ? aioproc_message_dup_body (job->result)
                             : g_steal_pointer (&job->value);
}

/**
 * aioproc_pool_apply_async:
 * @self: a pool
 * @function: the name of a function of the worker program
 * @arguments: (nullable): its arguments, of any type without handles; `NULL` for `()`. If it is
 *   floating, it is consumed
 * @cancellable: (nullable): a [class@Gio.Cancellable], or `NULL`
 * @callback: (scope async): what to call when there is a result
 * @user_data: data for @callback
 *
 * Has a worker call a function.
 *
 * When it is cancelled, it ends at once: whether the function is called then, and how far it gets,
 * see [class@Pool].
 *
 * Errors:
 *
 * - that of the function, or `AIOPROC_ERROR_REMOTE` if its domain is not known here.
 * - `AIOPROC_ERROR_NOT_FOUND`: the worker program has no function of that name.
 * - `AIOPROC_ERROR_WORKER_DIED`: the worker ended while it was at it, or too many workers ended
 *   without ever having been at a task.
 * - `G_IO_ERROR_CANCELLED`: the call was cancelled, or the pool terminated.
 * - `G_IO_ERROR_TIMED_OUT`: it has run for longer than [property@Pool:task-timeout].
 * - `G_IO_ERROR_CLOSED`: the pool was closed or terminated before.
 * - `G_IO_ERROR_NOT_SUPPORTED`: there are handles in @arguments, which
 *   [method@Pool.apply_message_async] can send.
 * - `G_IO_ERROR_INVALID_ARGUMENT`: @arguments, or the result, are nested more than 30 levels deep.
 * - `G_IO_ERROR_MESSAGE_TOO_LARGE`: they are more than a frame can carry.
 * - `G_IO_ERROR_INVALID_DATA`: the result was damaged.
 * - `G_IO_ERROR_NOT_INITIALIZED`: the pool could not be made.
 * - `AIOPROC_ERROR_INVALID_STATE`: the pool belongs to the process that this one was forked from.
 * - why workers cannot be started: see [ctor@Pool.new].
 *
 * Since: 0.1
 */
void
aioproc_pool_apply_async (AioprocPool         *self,
                          const char          *function,
                          GVariant            *arguments,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  g_autoptr(GVariant) owned = arguments != NULL ? g_variant_ref_sink (arguments) : NULL;
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (AIOPROC_IS_POOL (self));
  g_return_if_fail (function != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_pool_apply_async);
  apply_start (self, function, owned, NULL, task);
}

/**
 * aioproc_pool_apply_finish:
 * @self: a pool
 * @result: the result given to the callback
 * @error: return location for a [type@GLib.Error]
 *
 * Finishes [method@Pool.apply_async].
 *
 * Errors: those of [method@Pool.apply_async].
 *
 * Returns: (transfer full): what the function returned, or `NULL`
 *
 * Since: 0.1
 */
GVariant *
aioproc_pool_apply_finish (AioprocPool   *self,
                           GAsyncResult  *result,
                           GError       **error)
{
  g_autoptr(AioprocMessage) message = NULL;

  g_return_val_if_fail (AIOPROC_IS_POOL (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_pool_apply_async), NULL);

  message = g_task_propagate_pointer (G_TASK (result), error);

  return message != NULL ? aioproc_message_dup_body (message) : NULL;
}

/**
 * aioproc_pool_apply_message:
 * @self: a pool
 * @function: the name of a function of the worker program
 * @message: its arguments, with objects, bytes and descriptors
 * @cancellable: (nullable): a [class@Gio.Cancellable], or `NULL`
 * @error: return location for a [type@GLib.Error]
 *
 * Has a worker call a function with a message, and waits for its result.
 *
 * See [method@Pool.apply_message_async], which is the form for programs with a main loop.
 *
 * Errors: those of [method@Pool.apply_message_async].
 *
 * Returns: (transfer full): what the function returned, or `NULL`
 *
 * Since: 0.1
 */
AioprocMessage *
aioproc_pool_apply_message (AioprocPool     *self,
                            const char      *function,
                            AioprocMessage  *message,
                            GCancellable    *cancellable,
                            GError         **error)
{
  g_autoptr(AioprocPoolJob) job = NULL;

  g_return_val_if_fail (AIOPROC_IS_POOL (self), NULL);
  g_return_val_if_fail (function != NULL, NULL);
  g_return_val_if_fail (AIOPROC_IS_MESSAGE (message), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  AIOPROC_DEBUG_CHECK_BLOCKING (-1);

  job = apply_sync (self, function, NULL, message, cancellable, error);
  if (job == NULL)
    return NULL;

  return job->result != NULL ? g_steal_pointer (&job->result) : aioproc_message_new (job->value);
}

/**
 * aioproc_pool_apply_message_async:
 * @self: a pool
 * @function: the name of a function of the worker program
 * @message: its arguments, with objects, bytes and descriptors
 * @cancellable: (nullable): a [class@Gio.Cancellable], or `NULL`
 * @callback: (scope async): what to call when there is a result
 * @user_data: data for @callback
 *
 * Has a worker call a function with a message.
 *
 * Objects of the message are the same in the worker, and bytes are not copied if they are large;
 * nor are those of the result, which [method@Call.return_message] gives. Do not change the message
 * before the operation has ended.
 *
 * A message with a [class@Connection] is sent once: if the worker dies, the connection is gone.
 *
 * Errors: those of [method@Pool.apply_async], and those of [method@Connection.send_async] for what
 * is in the message.
 *
 * Since: 0.1
 */
void
aioproc_pool_apply_message_async (AioprocPool         *self,
                                  const char          *function,
                                  AioprocMessage      *message,
                                  GCancellable        *cancellable,
                                  GAsyncReadyCallback  callback,
                                  gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (AIOPROC_IS_POOL (self));
  g_return_if_fail (function != NULL);
  g_return_if_fail (AIOPROC_IS_MESSAGE (message));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_pool_apply_message_async);
  apply_start (self, function, NULL, message, task);
}

/**
 * aioproc_pool_apply_message_finish:
 * @self: a pool
 * @result: the result given to the callback
 * @error: return location for a [type@GLib.Error]
 *
 * Finishes [method@Pool.apply_message_async].
 *
 * Errors: those of [method@Pool.apply_message_async].
 *
 * Returns: (transfer full): what the function returned, or `NULL`
 *
 * Since: 0.1
 */
AioprocMessage *
aioproc_pool_apply_message_finish (AioprocPool   *self,
                                   GAsyncResult  *result,
                                   GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_POOL (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_pool_apply_message_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
