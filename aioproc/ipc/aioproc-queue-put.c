/* aioproc-queue-put.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-private.h"

#include "core/aioproc-debug-private.h"

/* Takes @task. */
static void
aioproc_queue_start_put (AioprocQueue           *self,
                         const AioprocQueueItem *item,
                         GTask                  *task,
                         gint64                  timeout_usec)
{
  g_autoptr(GTask) owned = task;
  GError *error = NULL;

  /* Once it is put, nothing takes it back. */
  g_task_set_check_cancellable (owned, FALSE);

  if (!aioproc_queue_check (self, &error))
    {
      g_task_return_error (owned, error);
      return;
    }

  self->backend->put_start (self->impl, item, g_steal_pointer (&owned), timeout_usec);
}

/**
 * aioproc_queue_try_put:
 * @self: a queue
 * @value: a value, which is consumed if it is floating
 * @error: return location for an error
 *
 * Puts a value into the queue if that is possible at once. Never blocks.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.WOULD_BLOCK] if the queue is full, if asynchronous puts of this process
 *   are under way, or if a process is stopped in the middle of an operation
 * - [error@Gio.IOErrorEnum.CLOSED] if any process has closed the queue, or this one disposed of it
 * - [error@Gio.IOErrorEnum.MESSAGE_TOO_LARGE] if it has more than 8 GiB, or by itself more than
 *   [property@Queue:max-bytes] allows
 * - [error@Gio.IOErrorEnum.NO_SPACE] if there is no memory for it
 * - [error@Gio.IOErrorEnum.NOT_SUPPORTED] if it holds a handle (`h`)
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if it is nested more than 32 levels deep, or a type in
 *   it has more than 255 characters
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: `TRUE` if the item is in the queue now
 *
 * Since: 0.1
 */
gboolean
aioproc_queue_try_put (AioprocQueue  *self,
                       GVariant      *value,
                       GError       **error)
{
  const AioprocQueueItem item = { .variant = value };
  g_autoptr(GVariant) owned = NULL;

  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);

  owned = g_variant_ref_sink (value);

  return aioproc_queue_check (self, error) &&
         self->backend->try_put (self->impl, &item, error);
}

/**
 * aioproc_queue_put:
 * @self: a queue
 * @value: a value, which is consumed if it is floating
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Puts a value into the queue, and blocks the calling thread while it is full.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if @timeout_usec went by first
 * - [error@Gio.IOErrorEnum.CANCELLED] if @cancellable was cancelled first; nothing is put then
 * - [error@Gio.IOErrorEnum.CLOSED] if any process has closed the queue, or this one disposed of it
 * - [error@Gio.IOErrorEnum.MESSAGE_TOO_LARGE] if it has more than 8 GiB, or by itself more than
 *   [property@Queue:max-bytes] allows
 * - [error@Gio.IOErrorEnum.NO_SPACE] if there is no memory for it
 * - [error@Gio.IOErrorEnum.NOT_SUPPORTED] if it holds a handle (`h`)
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if it is nested more than 32 levels deep, or a type in
 *   it has more than 255 characters
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: `TRUE` if the item is in the queue now
 *
 * Since: 0.1
 */
gboolean
aioproc_queue_put (AioprocQueue  *self,
                   GVariant      *value,
                   gint64         timeout_usec,
                   GCancellable  *cancellable,
                   GError       **error)
{
  const AioprocQueueItem item = { .variant = value };
  g_autoptr(GVariant) owned = NULL;

  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);
  g_return_val_if_fail (timeout_usec >= -1, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  owned = g_variant_ref_sink (value);

  return aioproc_queue_check (self, error) &&
         self->backend->put (self->impl, &item, timeout_usec, cancellable, error);
}

/**
 * aioproc_queue_put_async:
 * @self: a queue
 * @value: a value, which is consumed if it is floating
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the item is in the queue, or is not going to be
 * @user_data: data for @callback
 *
 * Puts a value into the queue without blocking.
 *
 * What fits is put at once; @callback is called later nevertheless. The puts of one process arrive
 * in the order in which they were started. If @cancellable is cancelled when the item was put
 * already, the operation succeeds.
 *
 * Since: 0.1
 */
void
aioproc_queue_put_async (AioprocQueue        *self,
                         GVariant            *value,
                         gint64               timeout_usec,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  const AioprocQueueItem item = { .variant = value };
  g_autoptr(GVariant) owned = NULL;
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (AIOPROC_IS_QUEUE (self));
  g_return_if_fail (value != NULL);
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  owned = g_variant_ref_sink (value);
  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_queue_put_async);
  aioproc_queue_start_put (self, &item, g_steal_pointer (&task), timeout_usec);
}

/**
 * aioproc_queue_put_finish:
 * @self: a queue
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Queue.put_async] has started.
 *
 * Fails as [method@Queue.put] does, and with [error@Gio.IOErrorEnum.NO_SPACE] if no thread
 * could be started to wait in.
 *
 * Returns: `TRUE` if the item is in the queue
 *
 * Since: 0.1
 */
gboolean
aioproc_queue_put_finish (AioprocQueue  *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_queue_put_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * aioproc_queue_try_put_bytes:
 * @self: a queue
 * @bytes: the bytes to put
 * @error: return location for an error
 *
 * Puts bytes into the queue if that is possible at once. Never blocks.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.WOULD_BLOCK] if the queue is full, if asynchronous puts of this process
 *   are under way, or if a process is stopped in the middle of an operation
 * - [error@Gio.IOErrorEnum.CLOSED] if any process has closed the queue, or this one disposed of it
 * - [error@Gio.IOErrorEnum.MESSAGE_TOO_LARGE] if it has more than 8 GiB, or by itself more than
 *   [property@Queue:max-bytes] allows
 * - [error@Gio.IOErrorEnum.NO_SPACE] if there is no memory for it
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: `TRUE` if the item is in the queue now
 *
 * Since: 0.1
 */
gboolean
aioproc_queue_try_put_bytes (AioprocQueue  *self,
                             GBytes        *bytes,
                             GError       **error)
{
  const AioprocQueueItem item = { .bytes = bytes };

  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), FALSE);
  g_return_val_if_fail (bytes != NULL, FALSE);

  return aioproc_queue_check (self, error) &&
         self->backend->try_put (self->impl, &item, error);
}

/**
 * aioproc_queue_put_bytes:
 * @self: a queue
 * @bytes: the bytes to put
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Puts bytes into the queue, and blocks the calling thread while it is full.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if @timeout_usec went by first
 * - [error@Gio.IOErrorEnum.CANCELLED] if @cancellable was cancelled first; nothing is put then
 * - [error@Gio.IOErrorEnum.CLOSED] if any process has closed the queue, or this one disposed of it
 * - [error@Gio.IOErrorEnum.MESSAGE_TOO_LARGE] if it has more than 8 GiB, or by itself more than
 *   [property@Queue:max-bytes] allows
 * - [error@Gio.IOErrorEnum.NO_SPACE] if there is no memory for it
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: `TRUE` if the item is in the queue now
 *
 * Since: 0.1
 */
gboolean
aioproc_queue_put_bytes (AioprocQueue  *self,
                         GBytes        *bytes,
                         gint64         timeout_usec,
                         GCancellable  *cancellable,
                         GError       **error)
{
  const AioprocQueueItem item = { .bytes = bytes };

  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), FALSE);
  g_return_val_if_fail (bytes != NULL, FALSE);
  g_return_val_if_fail (timeout_usec >= -1, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  return aioproc_queue_check (self, error) &&
         self->backend->put (self->impl, &item, timeout_usec, cancellable, error);
}

/**
 * aioproc_queue_put_bytes_async:
 * @self: a queue
 * @bytes: the bytes to put
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the item is in the queue, or is not going to be
 * @user_data: data for @callback
 *
 * Puts bytes into the queue without blocking.
 *
 * What fits is put at once; @callback is called later nevertheless. The puts of one process arrive
 * in the order in which they were started. If @cancellable is cancelled when the item was put
 * already, the operation succeeds.
 *
 * Since: 0.1
 */
void
aioproc_queue_put_bytes_async (AioprocQueue        *self,
                               GBytes              *bytes,
                               gint64               timeout_usec,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data)
{
  const AioprocQueueItem item = { .bytes = bytes };
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (AIOPROC_IS_QUEUE (self));
  g_return_if_fail (bytes != NULL);
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_queue_put_bytes_async);
  aioproc_queue_start_put (self, &item, g_steal_pointer (&task), timeout_usec);
}

/**
 * aioproc_queue_put_bytes_finish:
 * @self: a queue
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Queue.put_bytes_async] has started.
 *
 * Fails as [method@Queue.put_bytes] does, and with [error@Gio.IOErrorEnum.NO_SPACE] if no thread
 * could be started to wait in.
 *
 * Returns: `TRUE` if the item is in the queue
 *
 * Since: 0.1
 */
gboolean
aioproc_queue_put_bytes_finish (AioprocQueue  *self,
                                GAsyncResult  *result,
                                GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_queue_put_bytes_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
