/* aioproc-queue-get.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-private.h"

#include "core/aioproc-debug-private.h"

void
aioproc_queue_start_get (AioprocQueue     *self,
                         AioprocQueueForm  form,
                         GTask            *task,
                         gint64            timeout_usec)
{
  g_autoptr(GTask) owned = task;
  GError *error = NULL;

  /* Once taken, an item must reach the caller even if @cancellable fires before the callback
   * runs: otherwise it would be lost.
   */
  g_task_set_check_cancellable (owned, FALSE);

  if (!aioproc_queue_check (self, &error))
    {
      g_task_return_error (owned, error);
      return;
    }

  self->backend->get_start (self->impl, form, g_steal_pointer (&owned), timeout_usec);
}

/**
 * aioproc_queue_try_get:
 * @self: a queue
 * @error: return location for an error
 *
 * Gets a value from the queue if there is an item. Never blocks.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.WOULD_BLOCK] if the queue is empty, or if a process is stopped in the
 *   middle of an operation
 * - [error@Gio.IOErrorEnum.CLOSED] if any process has closed the queue and nothing is left in it,
 *   or this process disposed of it
 * - [error@Gio.IOErrorEnum.INVALID_DATA] if the first item was damaged, and is dropped
 * - [error@Gio.IOErrorEnum.NO_SPACE] if there is no memory for the copy; the item stays in the
 *   queue
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: (transfer full): the value, or `NULL` with @error set
 *
 * Since: 0.1
 */
GVariant *
aioproc_queue_try_get (AioprocQueue  *self,
                       GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), NULL);

  if (!aioproc_queue_check (self, error))
    return NULL;

  return self->backend->try_get (self->impl, AIOPROC_QUEUE_AS_VALUE, error);
}

/**
 * aioproc_queue_get:
 * @self: a queue
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Gets a value from the queue, and blocks the calling thread until there is one.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if @timeout_usec went by first
 * - [error@Gio.IOErrorEnum.CANCELLED] if @cancellable was cancelled first; nothing is taken then
 * - [error@Gio.IOErrorEnum.CLOSED] if any process has closed the queue and nothing is left in it,
 *   or this process disposed of it
 * - [error@Gio.IOErrorEnum.INVALID_DATA] if the first item was damaged, and is dropped
 * - [error@Gio.IOErrorEnum.NO_SPACE] if there is no memory for the copy; the item stays in the
 *   queue
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: (transfer full): the value, or `NULL` with @error set
 *
 * Since: 0.1
 */
GVariant *
aioproc_queue_get (AioprocQueue  *self,
                   gint64         timeout_usec,
                   GCancellable  *cancellable,
                   GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), NULL);
  g_return_val_if_fail (timeout_usec >= -1, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  if (!aioproc_queue_check (self, error))
    return NULL;

  return self->backend->get (self->impl, AIOPROC_QUEUE_AS_VALUE, timeout_usec, cancellable, error);
}

/**
 * aioproc_queue_get_async:
 * @self: a queue
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when an item was got, or is not going to be
 * @user_data: data for @callback
 *
 * Gets a value from the queue without blocking.
 *
 * An item that is there is taken at once; @callback is called later nevertheless. Operations of
 * one process get items in the order in which they were started.
 *
 * An operation that is cancelled takes no item. If @cancellable is cancelled when an item was taken
 * already, the operation succeeds, and the caller gets it.
 *
 * Since: 0.1
 */
void
aioproc_queue_get_async (AioprocQueue        *self,
                         gint64               timeout_usec,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (AIOPROC_IS_QUEUE (self));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_queue_get_async);
  aioproc_queue_start_get (self, AIOPROC_QUEUE_AS_VALUE, g_steal_pointer (&task), timeout_usec);
}

/**
 * aioproc_queue_get_finish:
 * @self: a queue
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Queue.get_async] has started.
 *
 * Fails as [method@Queue.get] does, and with [error@Gio.IOErrorEnum.NO_SPACE] if no thread
 * could be started to wait in.
 *
 * Returns: (transfer full): the value, or `NULL` with @error set
 *
 * Since: 0.1
 */
GVariant *
aioproc_queue_get_finish (AioprocQueue  *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_queue_get_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * aioproc_queue_try_get_bytes:
 * @self: a queue
 * @error: return location for an error
 *
 * Gets bytes from the queue if there is an item. Never blocks.
 *
 * More than 4 KiB are not copied, see [method@Queue.get_bytes].
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.WOULD_BLOCK] if the queue is empty, or if a process is stopped in the
 *   middle of an operation
 * - [error@Gio.IOErrorEnum.CLOSED] if any process has closed the queue and nothing is left in it,
 *   or this process disposed of it
 * - [error@Gio.IOErrorEnum.INVALID_DATA] if the first item is a value of another type than
 *   `ay`, and stays there; or if it was damaged, and is dropped
 * - [error@Gio.IOErrorEnum.NO_SPACE] if there is no memory for the copy; the item stays in the
 *   queue
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: (transfer full): the bytes, or `NULL` with @error set
 *
 * Since: 0.1
 */
GBytes *
aioproc_queue_try_get_bytes (AioprocQueue  *self,
                             GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), NULL);

  if (!aioproc_queue_check (self, error))
    return NULL;

  return self->backend->try_get (self->impl, AIOPROC_QUEUE_AS_BYTES, error);
}

/**
 * aioproc_queue_get_bytes:
 * @self: a queue
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Gets bytes from the queue, and blocks the calling thread until there are some.
 *
 * More than 4 KiB are not copied: they lie in the memory of the queue until the last reference to
 * them is dropped, by any thread, also after the end of @self. The item itself is gone from the
 * queue. A process that has 256 MiB or 1024 items of a queue so gets copies.
 *
 * Nobody writes to them, but other processes of the family could. Who must be sure that they stay
 * what they are gets a copy by [method@Queue.get]. A forked child can read what its parent has; the
 * memory is not used again then until the parent ends.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if @timeout_usec went by first
 * - [error@Gio.IOErrorEnum.CANCELLED] if @cancellable was cancelled first; nothing is taken then
 * - [error@Gio.IOErrorEnum.CLOSED] if any process has closed the queue and nothing is left in it,
 *   or this process disposed of it
 * - [error@Gio.IOErrorEnum.INVALID_DATA] if the first item is a value of another type than
 *   `ay`, and stays there; or if it was damaged, and is dropped
 * - [error@Gio.IOErrorEnum.NO_SPACE] if there is no memory for the copy; the item stays in the
 *   queue
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: (transfer full): the bytes, or `NULL` with @error set
 *
 * Since: 0.1
 */
GBytes *
aioproc_queue_get_bytes (AioprocQueue  *self,
                         gint64         timeout_usec,
                         GCancellable  *cancellable,
                         GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), NULL);
  g_return_val_if_fail (timeout_usec >= -1, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  if (!aioproc_queue_check (self, error))
    return NULL;

  return self->backend->get (self->impl, AIOPROC_QUEUE_AS_BYTES, timeout_usec, cancellable, error);
}

/**
 * aioproc_queue_get_bytes_async:
 * @self: a queue
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when an item was got, or is not going to be
 * @user_data: data for @callback
 *
 * Gets bytes from the queue without blocking.
 *
 * More than 4 KiB are not copied, see [method@Queue.get_bytes].
 *
 * An item that is there is taken at once; @callback is called later nevertheless. Operations of
 * one process get items in the order in which they were started.
 *
 * An operation that is cancelled takes no item. If @cancellable is cancelled when an item was taken
 * already, the operation succeeds, and the caller gets it.
 *
 * Since: 0.1
 */
void
aioproc_queue_get_bytes_async (AioprocQueue        *self,
                               gint64               timeout_usec,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (AIOPROC_IS_QUEUE (self));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_queue_get_bytes_async);
  aioproc_queue_start_get (self, AIOPROC_QUEUE_AS_BYTES, g_steal_pointer (&task), timeout_usec);
}

/**
 * aioproc_queue_get_bytes_finish:
 * @self: a queue
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Queue.get_bytes_async] has started.
 *
 * Fails as [method@Queue.get_bytes] does, and with [error@Gio.IOErrorEnum.NO_SPACE] if no thread
 * could be started to wait in.
 *
 * Returns: (transfer full): the bytes, or `NULL` with @error set
 *
 * Since: 0.1
 */
GBytes *
aioproc_queue_get_bytes_finish (AioprocQueue  *self,
                                GAsyncResult  *result,
                                GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_queue_get_bytes_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
