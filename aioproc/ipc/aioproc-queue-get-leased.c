/* aioproc-queue-get-leased.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-private.h"

#include "core/aioproc-debug-private.h"

/**
 * aioproc_queue_try_get_leased:
 * @self: a queue
 * @error: return location for an error
 *
 * Leases the first item of the queue, if there is one. Never blocks.
 *
 * Nobody else gets the item until the lease ends: see [class@QueueLease].
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.WOULD_BLOCK] if the queue is empty, or if a process is stopped in the
 *   middle of an operation
 * - [error@Gio.IOErrorEnum.CLOSED] if any process has closed the queue, and nothing is left in it
 *   or leased, or this process disposed of it
 * - [error@Gio.IOErrorEnum.INVALID_DATA] if the first item was damaged, and is dropped
 * - [error@Gio.IOErrorEnum.NO_SPACE] if there is no memory for the copy; the item stays in the
 *   queue
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: (transfer full): a lease, or `NULL` with @error set
 *
 * Since: 0.1
 */
AioprocQueueLease *
aioproc_queue_try_get_leased (AioprocQueue  *self,
                              GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), NULL);

  if (!aioproc_queue_check (self, error))
    return NULL;

  return self->backend->try_get (self->impl, AIOPROC_QUEUE_AS_LEASE, error);
}

/**
 * aioproc_queue_get_leased:
 * @self: a queue
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Leases the first item of the queue, and blocks the calling thread until there is one.
 *
 * Nobody else gets the item until the lease ends: see [class@QueueLease].
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if @timeout_usec went by first
 * - [error@Gio.IOErrorEnum.CANCELLED] if @cancellable was cancelled first; nothing is leased then
 * - [error@Gio.IOErrorEnum.CLOSED] if any process has closed the queue, and nothing is left in it
 *   or leased, or this process disposed of it
 * - [error@Gio.IOErrorEnum.INVALID_DATA] if the first item was damaged, and is dropped
 * - [error@Gio.IOErrorEnum.NO_SPACE] if there is no memory for the copy; the item stays in the
 *   queue
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: (transfer full): a lease, or `NULL` with @error set
 *
 * Since: 0.1
 */
AioprocQueueLease *
aioproc_queue_get_leased (AioprocQueue  *self,
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

  return self->backend->get (self->impl, AIOPROC_QUEUE_AS_LEASE, timeout_usec, cancellable, error);
}

/**
 * aioproc_queue_get_leased_async:
 * @self: a queue
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when an item was leased, or is not going to be
 * @user_data: data for @callback
 *
 * Leases the first item of the queue without blocking.
 *
 * An item that is there is leased at once; @callback is called later nevertheless. Operations of
 * one process get items in the order in which they were started, those without a lease included.
 *
 * An operation that is cancelled leases nothing. If @cancellable is cancelled when an item was
 * leased already, the operation succeeds, and the caller gets the lease.
 *
 * Since: 0.1
 */
void
aioproc_queue_get_leased_async (AioprocQueue        *self,
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
  g_task_set_source_tag (task, aioproc_queue_get_leased_async);
  aioproc_queue_start_get (self, AIOPROC_QUEUE_AS_LEASE, g_steal_pointer (&task), timeout_usec);
}

/**
 * aioproc_queue_get_leased_finish:
 * @self: a queue
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Queue.get_leased_async] has started.
 *
 * Fails as [method@Queue.get_leased] does, and with [error@Gio.IOErrorEnum.NO_SPACE] if no thread
 * could be started to wait in.
 *
 * A result that nobody takes gives its item back when it is finalized.
 *
 * Returns: (transfer full): a lease, or `NULL` with @error set
 *
 * Since: 0.1
 */
AioprocQueueLease *
aioproc_queue_get_leased_finish (AioprocQueue  *self,
                                 GAsyncResult  *result,
                                 GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_queue_get_leased_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
