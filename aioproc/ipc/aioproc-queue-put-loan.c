/* aioproc-queue-put-loan.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-private.h"

#include "core/aioproc-debug-private.h"

/**
 * aioproc_queue_try_loan:
 * @self: a queue
 * @size: how many bytes the item may have
 * @error: return location for an error
 *
 * Reserves room for an item in the queue's own memory, if there is some. Never blocks.
 *
 * Memory that the queue has not yet is allocated in the calling thread, which takes about a
 * millisecond for 4 MiB. See [class@QueueLoan] for what is done with it.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.WOULD_BLOCK] if the queue is full, if asynchronous puts of this process
 *   are under way, or if a process is stopped in the middle of an operation
 * - [error@Gio.IOErrorEnum.CLOSED] if any process has closed the queue, or this one disposed of it
 * - [error@Gio.IOErrorEnum.MESSAGE_TOO_LARGE] if @size is more than 8 GiB, or than
 *   [property@Queue:max-bytes] allows
 * - [error@Gio.IOErrorEnum.NO_SPACE] if there is no memory for it, or no address space
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: (transfer full): a loan, or `NULL` with @error set
 *
 * Since: 0.1
 */
AioprocQueueLoan *
aioproc_queue_try_loan (AioprocQueue  *self,
                        gsize          size,
                        GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), NULL);

  if (!aioproc_queue_check (self, error))
    return NULL;

  return self->backend->try_loan (self->impl, size, error);
}

/**
 * aioproc_queue_loan:
 * @self: a queue
 * @size: how many bytes the item may have
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Reserves room for an item in the queue's own memory, and blocks the calling thread while it is
 * full.
 *
 * See [class@QueueLoan] for what is done with it.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if @timeout_usec went by first
 * - [error@Gio.IOErrorEnum.CANCELLED] if @cancellable was cancelled first; nothing is reserved then
 * - [error@Gio.IOErrorEnum.CLOSED] if any process has closed the queue, or this one disposed of it
 * - [error@Gio.IOErrorEnum.MESSAGE_TOO_LARGE] if @size is more than 8 GiB, or than
 *   [property@Queue:max-bytes] allows
 * - [error@Gio.IOErrorEnum.NO_SPACE] if there is no memory for it, or no address space
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: (transfer full): a loan, or `NULL` with @error set
 *
 * Since: 0.1
 */
AioprocQueueLoan *
aioproc_queue_loan (AioprocQueue  *self,
                    gsize          size,
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

  return self->backend->loan (self->impl, size, timeout_usec, cancellable, error);
}

/**
 * aioproc_queue_loan_async:
 * @self: a queue
 * @size: how many bytes the item may have
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the room is there, or is not going to be
 * @user_data: data for @callback
 *
 * Reserves room for an item in the queue's own memory without blocking.
 *
 * What fits is reserved at once; @callback is called later nevertheless. Memory for more than
 * 64 KiB is allocated on a thread of the library. The operations of one process that need room
 * get it in the order in which they were started.
 *
 * An operation that is cancelled reserves nothing. If @cancellable is cancelled when the room was
 * reserved already, the operation succeeds, and the caller gets the loan.
 *
 * Since: 0.1
 */
void
aioproc_queue_loan_async (AioprocQueue        *self,
                          gsize                size,
                          gint64               timeout_usec,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  GError *error = NULL;

  g_return_if_fail (AIOPROC_IS_QUEUE (self));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_queue_loan_async);

  /* What was reserved must reach the caller. */
  g_task_set_check_cancellable (task, FALSE);

  if (!aioproc_queue_check (self, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  self->backend->loan_start (self->impl, size, g_steal_pointer (&task), timeout_usec);
}

/**
 * aioproc_queue_loan_finish:
 * @self: a queue
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Queue.loan_async] has started.
 *
 * Fails as [method@Queue.loan] does, and with [error@Gio.IOErrorEnum.NO_SPACE] if no thread
 * could be started to wait in.
 *
 * A result that nobody takes gives its room back when it is finalized.
 *
 * Returns: (transfer full): a loan, or `NULL` with @error set
 *
 * Since: 0.1
 */
AioprocQueueLoan *
aioproc_queue_loan_finish (AioprocQueue  *self,
                           GAsyncResult  *result,
                           GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_queue_loan_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
