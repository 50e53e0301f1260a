/* aioproc-queue-get-many.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-private.h"

#include "core/aioproc-debug-private.h"

/* Takes @task. */
static void
aioproc_queue_start_get_many (AioprocQueue *self,
                              gboolean      as_bytes,
                              guint         max_items,
                              GTask        *task,
                              gint64        timeout_usec)
{
  g_autoptr(GTask) owned = task;
  GError *error = NULL;

  /* Once taken, items must reach the caller even if @cancellable fires before the callback runs. */
  g_task_set_check_cancellable (owned, FALSE);

  if (!aioproc_queue_check (self, &error))
    {
      g_task_return_error (owned, error);
      return;
    }

  self->backend->get_many_start (self->impl, as_bytes, max_items, g_steal_pointer (&owned),
                                 timeout_usec);
}

/**
 * aioproc_queue_try_get_many:
 * @self: a queue
 * @max_items: how many items to take, at least 1
 * @error: return location for an error
 *
 * Gets values from the queue, those that are there. Never blocks.
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
 * Returns: (transfer container) (element-type GLib.Variant): the items, at least one, in their
 *   order, or `NULL` with @error set
 *
 * Since: 0.1
 */
GPtrArray *
aioproc_queue_try_get_many (AioprocQueue  *self,
                            guint          max_items,
                            GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), NULL);
  g_return_val_if_fail (max_items > 0, NULL);

  if (!aioproc_queue_check (self, error))
    return NULL;

  return self->backend->get_many (self->impl, FALSE, max_items, TRUE, 0, NULL, error);
}

/**
 * aioproc_queue_get_many:
 * @self: a queue
 * @max_items: how many items to take, at least 1
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Gets values from the queue, and blocks the calling thread until there is an item.
 *
 * It waits for one, and takes with it what is there by then, under few locks. Others may get items
 * between these.
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
 * Returns: (transfer container) (element-type GLib.Variant): the items, at least one, in their
 *   order, or `NULL` with @error set
 *
 * Since: 0.1
 */
GPtrArray *
aioproc_queue_get_many (AioprocQueue  *self,
                        guint          max_items,
                        gint64         timeout_usec,
                        GCancellable  *cancellable,
                        GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), NULL);
  g_return_val_if_fail (max_items > 0, NULL);
  g_return_val_if_fail (timeout_usec >= -1, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  if (!aioproc_queue_check (self, error))
    return NULL;

  return self->backend->get_many (self->impl, FALSE, max_items, FALSE, timeout_usec, cancellable,
                                  error);
}

/**
 * aioproc_queue_get_many_async:
 * @self: a queue
 * @max_items: how many items to take, at least 1
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when items were got, or are not going to be
 * @user_data: data for @callback
 *
 * Gets values from the queue without blocking.
 *
 * It waits for one, and takes with it what is there by then. Operations of one process get items in
 * the order in which they were started.
 *
 * An operation that is cancelled takes nothing. If @cancellable is cancelled when items were taken
 * already, the operation succeeds, and the caller gets them.
 *
 * Since: 0.1
 */
void
aioproc_queue_get_many_async (AioprocQueue        *self,
                              guint                max_items,
                              gint64               timeout_usec,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (AIOPROC_IS_QUEUE (self));
  g_return_if_fail (max_items > 0);
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_queue_get_many_async);
  aioproc_queue_start_get_many (self, FALSE, max_items, g_steal_pointer (&task), timeout_usec);
}

/**
 * aioproc_queue_get_many_finish:
 * @self: a queue
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Queue.get_many_async] has started.
 *
 * Fails as [method@Queue.get_many] does, and with [error@Gio.IOErrorEnum.NO_SPACE] if no thread
 * could be started to wait in.
 *
 * Returns: (transfer container) (element-type GLib.Variant): the items, at least one, in their
 *   order, or `NULL` with @error set
 *
 * Since: 0.1
 */
GPtrArray *
aioproc_queue_get_many_finish (AioprocQueue  *self,
                               GAsyncResult  *result,
                               GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_queue_get_many_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * aioproc_queue_try_get_many_bytes:
 * @self: a queue
 * @max_items: how many items to take, at least 1
 * @error: return location for an error
 *
 * Gets bytes from the queue, those that are there. Never blocks.
 *
 * More than 4 KiB are not copied, see [method@Queue.get_bytes].
 *
 * Of items that are no bytes the first ends the batch, and stays in the queue.
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
 * Returns: (transfer container) (element-type GLib.Bytes): the items, at least one, in their
 *   order, or `NULL` with @error set
 *
 * Since: 0.1
 */
GPtrArray *
aioproc_queue_try_get_many_bytes (AioprocQueue  *self,
                                  guint          max_items,
                                  GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), NULL);
  g_return_val_if_fail (max_items > 0, NULL);

  if (!aioproc_queue_check (self, error))
    return NULL;

  return self->backend->get_many (self->impl, TRUE, max_items, TRUE, 0, NULL, error);
}

/**
 * aioproc_queue_get_many_bytes:
 * @self: a queue
 * @max_items: how many items to take, at least 1
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Gets bytes from the queue, and blocks the calling thread until there is an item.
 *
 * More than 4 KiB are not copied, see [method@Queue.get_bytes].
 *
 * It waits for one, and takes with it what is there by then, under few locks. Others may get items
 * between these.
 *
 * Of items that are no bytes the first ends the batch, and stays in the queue.
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
 * Returns: (transfer container) (element-type GLib.Bytes): the items, at least one, in their
 *   order, or `NULL` with @error set
 *
 * Since: 0.1
 */
GPtrArray *
aioproc_queue_get_many_bytes (AioprocQueue  *self,
                              guint          max_items,
                              gint64         timeout_usec,
                              GCancellable  *cancellable,
                              GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), NULL);
  g_return_val_if_fail (max_items > 0, NULL);
  g_return_val_if_fail (timeout_usec >= -1, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  if (!aioproc_queue_check (self, error))
    return NULL;

  return self->backend->get_many (self->impl, TRUE, max_items, FALSE, timeout_usec, cancellable,
                                  error);
}

/**
 * aioproc_queue_get_many_bytes_async:
 * @self: a queue
 * @max_items: how many items to take, at least 1
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when items were got, or are not going to be
 * @user_data: data for @callback
 *
 * Gets bytes from the queue without blocking.
 *
 * More than 4 KiB are not copied, see [method@Queue.get_bytes].
 *
 * It waits for one, and takes with it what is there by then. Operations of one process get items in
 * the order in which they were started.
 *
 * An operation that is cancelled takes nothing. If @cancellable is cancelled when items were taken
 * already, the operation succeeds, and the caller gets them.
 *
 * Since: 0.1
 */
void
aioproc_queue_get_many_bytes_async (AioprocQueue        *self,
                                    guint                max_items,
                                    gint64               timeout_usec,
                                    GCancellable        *cancellable,
                                    GAsyncReadyCallback  callback,
                                    gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (AIOPROC_IS_QUEUE (self));
  g_return_if_fail (max_items > 0);
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_queue_get_many_bytes_async);
  aioproc_queue_start_get_many (self, TRUE, max_items, g_steal_pointer (&task), timeout_usec);
}

/**
 * aioproc_queue_get_many_bytes_finish:
 * @self: a queue
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Queue.get_many_bytes_async] has started.
 *
 * Fails as [method@Queue.get_many_bytes] does, and with [error@Gio.IOErrorEnum.NO_SPACE] if no
 * thread could be started to wait in.
 *
 * Returns: (transfer container) (element-type GLib.Bytes): the items, at least one, in their
 *   order, or `NULL` with @error set
 *
 * Since: 0.1
 */
GPtrArray *
aioproc_queue_get_many_bytes_finish (AioprocQueue  *self,
                                     GAsyncResult  *result,
                                     GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_queue_get_many_bytes_async),
                        NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
