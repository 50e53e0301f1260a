/* aioproc-queue-put-many.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-private.h"

#include "core/aioproc-debug-private.h"

static G_DEFINE_QUARK (aioproc-queue-n-put, n_put)

static gboolean
is_filled (gpointer *items,
           guint     n_items)
{
  if (items == NULL && n_items > 0)
    return FALSE;

  for (guint i = 0; i < n_items; i++)
    {
      if (items[i] == NULL)
        return FALSE;
    }

  return TRUE;
}

/* What becomes of the caller's array meanwhile is no matter. */
static GPtrArray *
copy_items (gpointer *items,
            guint     n_items,
            gboolean  as_bytes)
{
  GPtrArray *copy = g_ptr_array_new_full (n_items, as_bytes ? (GDestroyNotify) g_bytes_unref
                                                            : (GDestroyNotify) g_variant_unref);

  for (guint i = 0; i < n_items; i++)
    g_ptr_array_add (copy, as_bytes ? (gpointer) g_bytes_ref (items[i])
                                    : (gpointer) g_variant_ref_sink (items[i]));

  return copy;
}

/* Some items are a success. Takes @local_error. */
static guint
propagate (guint    n_put,
           GError  *local_error,
           GError **error)
{
  if (n_put == 0 && local_error != NULL)
    g_propagate_error (error, local_error);
  else
    g_clear_error (&local_error);

  return n_put;
}

static guint
aioproc_queue_do_put_many (AioprocQueue  *self,
                           gpointer      *items,
                           guint          n_items,
                           gboolean       as_bytes,
                           gboolean       try,
                           gint64         timeout_usec,
                           GCancellable  *cancellable,
                           GError       **error)
{
  g_autoptr(GPtrArray) copy = copy_items (items, n_items, as_bytes);
  GError *local_error = NULL;
  guint n_put = 0;

  if (!aioproc_queue_check (self, error))
    return 0;

  (void) self->backend->put_many (self->impl, copy, as_bytes, &n_put, try, timeout_usec,
                                  cancellable, &local_error);

  return propagate (n_put, local_error, error);
}

/* Takes @task. */
static void
aioproc_queue_start_put_many (AioprocQueue *self,
                              gpointer     *items,
                              guint         n_items,
                              gboolean      as_bytes,
                              GTask        *task,
                              gint64        timeout_usec)
{
  g_autoptr(GTask) owned = task;
  g_autoptr(GPtrArray) copy = copy_items (items, n_items, as_bytes);
  guint *n_put = g_new0 (guint, 1);
  GError *error = NULL;

  /* What was put stays, and is told. */
  g_task_set_check_cancellable (owned, FALSE);
  g_object_set_qdata_full (G_OBJECT (owned), n_put_quark (), n_put, g_free);

  if (!aioproc_queue_check (self, &error))
    {
      g_task_return_error (owned, error);
      return;
    }

  self->backend->put_many_start (self->impl, copy, as_bytes, n_put, g_steal_pointer (&owned),
                                 timeout_usec);
}

static guint
aioproc_queue_finish_put_many (GTask   *task,
                               GError **error)
{
  guint *n_put = g_object_get_qdata (G_OBJECT (task), n_put_quark ());
  GError *local_error = NULL;

  (void) g_task_propagate_boolean (task, &local_error);

  return propagate (*n_put, local_error, error);
}

/**
 * aioproc_queue_try_put_many:
 * @self: a queue
 * @values: (array length=n_values): values, of which floating ones are consumed
 * @n_values: how many there are
 * @error: return location for an error
 *
 * Puts as many values into the queue as is possible at once. Never blocks.
 *
 * A batch is a sequence of puts that needs fewer locks, and no transaction: others may get the
 * first ones before the last are there, and put items between them. What is put stays. If something
 * ends the batch half-way, this succeeds with the number of those that are in the queue; a call
 * with the rest tells the reason. Only if there are none, it fails with:
 *
 * - [error@Gio.IOErrorEnum.WOULD_BLOCK] if the queue is full, if asynchronous puts of this process
 *   are under way, or if a process is stopped in the middle of an operation
 * - [error@Gio.IOErrorEnum.CLOSED] if any process has closed the queue, or this one disposed of it
 * - [error@Gio.IOErrorEnum.MESSAGE_TOO_LARGE] if the first has more than 8 GiB, or by itself more
 *   than [property@Queue:max-bytes] allows
 * - [error@Gio.IOErrorEnum.NO_SPACE] if there is no memory for the first
 * - [error@Gio.IOErrorEnum.NOT_SUPPORTED] if the first holds a handle (`h`)
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if the first is nested more than 32 levels deep, or a
 *   type in it has more than 255 characters
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: how many, from the first, are in the queue now; 0 with @error set if none is, or
 *   without if there are none
 *
 * Since: 0.1
 */
guint
aioproc_queue_try_put_many (AioprocQueue  *self,
                            GVariant     **values,
                            guint          n_values,
                            GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), 0);
  g_return_val_if_fail (is_filled ((gpointer *) values, n_values), 0);

  return aioproc_queue_do_put_many (self, (gpointer *) values, n_values, FALSE, TRUE, 0, NULL,
                                    error);
}

/**
 * aioproc_queue_put_many:
 * @self: a queue
 * @values: (array length=n_values): values, of which floating ones are consumed
 * @n_values: how many there are
 * @timeout_usec: microseconds for all of them, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Puts values into the queue, and blocks the calling thread while it is full.
 *
 * A batch is a sequence of puts that needs fewer locks, and no transaction: others may get the
 * first ones before the last are there, and put items between them. What is put stays. If something
 * ends the batch half-way, this succeeds with the number of those that are in the queue; a call
 * with the rest tells the reason. Only if there are none, it fails with:
 *
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if @timeout_usec went by first
 * - [error@Gio.IOErrorEnum.CANCELLED] if @cancellable was cancelled first
 * - [error@Gio.IOErrorEnum.CLOSED] if any process has closed the queue, or this one disposed of it
 * - [error@Gio.IOErrorEnum.MESSAGE_TOO_LARGE] if the first has more than 8 GiB, or by itself more
 *   than [property@Queue:max-bytes] allows
 * - [error@Gio.IOErrorEnum.NO_SPACE] if there is no memory for the first
 * - [error@Gio.IOErrorEnum.NOT_SUPPORTED] if the first holds a handle (`h`)
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if the first is nested more than 32 levels deep, or a
 *   type in it has more than 255 characters
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: how many, from the first, are in the queue now; 0 with @error set if none is, or
 *   without if there are none
 *
 * Since: 0.1
 */
guint
aioproc_queue_put_many (AioprocQueue  *self,
                        GVariant     **values,
                        guint          n_values,
                        gint64         timeout_usec,
                        GCancellable  *cancellable,
                        GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), 0);
  g_return_val_if_fail (is_filled ((gpointer *) values, n_values), 0);
  g_return_val_if_fail (timeout_usec >= -1, 0);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), 0);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  return aioproc_queue_do_put_many (self, (gpointer *) values, n_values, FALSE, FALSE,
                                    timeout_usec, cancellable, error);
}

/**
 * aioproc_queue_put_many_async:
 * @self: a queue
 * @values: (array length=n_values): values, of which floating ones are consumed
 * @n_values: how many there are
 * @timeout_usec: microseconds for all of them, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when all are in the queue, or no more are going to be
 * @user_data: data for @callback
 *
 * Puts values into the queue without blocking, in their order, and in that of the other puts of
 * this process.
 *
 * Since: 0.1
 */
void
aioproc_queue_put_many_async (AioprocQueue        *self,
                              GVariant           **values,
                              guint                n_values,
                              gint64               timeout_usec,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (AIOPROC_IS_QUEUE (self));
  g_return_if_fail (is_filled ((gpointer *) values, n_values));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_queue_put_many_async);
  aioproc_queue_start_put_many (self, (gpointer *) values, n_values, FALSE,
                                g_steal_pointer (&task), timeout_usec);
}

/**
 * aioproc_queue_put_many_finish:
 * @self: a queue
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Queue.put_many_async] has started.
 *
 * Succeeds and fails as [method@Queue.put_many] does, and fails with
 * [error@Gio.IOErrorEnum.NO_SPACE] if no thread could be started to wait in.
 *
 * Returns: how many, from the first, are in the queue now; 0 with @error set if none is, or
 *   without if there are none
 *
 * Since: 0.1
 */
guint
aioproc_queue_put_many_finish (AioprocQueue  *self,
                               GAsyncResult  *result,
                               GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), 0);
  g_return_val_if_fail (g_task_is_valid (result, self), 0);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_queue_put_many_async), 0);

  return aioproc_queue_finish_put_many (G_TASK (result), error);
}

/**
 * aioproc_queue_try_put_many_bytes:
 * @self: a queue
 * @items: (array length=n_items): the items
 * @n_items: how many there are
 * @error: return location for an error
 *
 * Puts as many bytes into the queue as is possible at once. Never blocks.
 *
 * A batch is a sequence of puts that needs fewer locks, and no transaction: others may get the
 * first ones before the last are there, and put items between them. What is put stays. If something
 * ends the batch half-way, this succeeds with the number of those that are in the queue; a call
 * with the rest tells the reason. Only if there are none, it fails with:
 *
 * - [error@Gio.IOErrorEnum.WOULD_BLOCK] if the queue is full, if asynchronous puts of this process
 *   are under way, or if a process is stopped in the middle of an operation
 * - [error@Gio.IOErrorEnum.CLOSED] if any process has closed the queue, or this one disposed of it
 * - [error@Gio.IOErrorEnum.MESSAGE_TOO_LARGE] if the first has more than 8 GiB, or by itself more
 *   than [property@Queue:max-bytes] allows
 * - [error@Gio.IOErrorEnum.NO_SPACE] if there is no memory for the first
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: how many, from the first, are in the queue now; 0 with @error set if none is, or
 *   without if there are none
 *
 * Since: 0.1
 */
guint
aioproc_queue_try_put_many_bytes (AioprocQueue  *self,
                                  GBytes       **items,
                                  guint          n_items,
                                  GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), 0);
  g_return_val_if_fail (is_filled ((gpointer *) items, n_items), 0);

  return aioproc_queue_do_put_many (self, (gpointer *) items, n_items, TRUE, TRUE, 0, NULL,
                                    error);
}

/**
 * aioproc_queue_put_many_bytes:
 * @self: a queue
 * @items: (array length=n_items): the items
 * @n_items: how many there are
 * @timeout_usec: microseconds for all of them, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Puts bytes into the queue, and blocks the calling thread while it is full.
 *
 * A batch is a sequence of puts that needs fewer locks, and no transaction: others may get the
 * first ones before the last are there, and put items between them. What is put stays. If something
 * ends the batch half-way, this succeeds with the number of those that are in the queue; a call
 * with the rest tells the reason. Only if there are none, it fails with:
 *
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if @timeout_usec went by first
 * - [error@Gio.IOErrorEnum.CANCELLED] if @cancellable was cancelled first
 * - [error@Gio.IOErrorEnum.CLOSED] if any process has closed the queue, or this one disposed of it
 * - [error@Gio.IOErrorEnum.MESSAGE_TOO_LARGE] if the first has more than 8 GiB, or by itself more
 *   than [property@Queue:max-bytes] allows
 * - [error@Gio.IOErrorEnum.NO_SPACE] if there is no memory for the first
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: how many, from the first, are in the queue now; 0 with @error set if none is, or
 *   without if there are none
 *
 * Since: 0.1
 */
guint
aioproc_queue_put_many_bytes (AioprocQueue  *self,
                              GBytes       **items,
                              guint          n_items,
                              gint64         timeout_usec,
                              GCancellable  *cancellable,
                              GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), 0);
  g_return_val_if_fail (is_filled ((gpointer *) items, n_items), 0);
  g_return_val_if_fail (timeout_usec >= -1, 0);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), 0);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  return aioproc_queue_do_put_many (self, (gpointer *) items, n_items, TRUE, FALSE,
                                    timeout_usec, cancellable, error);
}

/**
 * aioproc_queue_put_many_bytes_async:
 * @self: a queue
 * @items: (array length=n_items): the items
 * @n_items: how many there are
 * @timeout_usec: microseconds for all of them, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when all are in the queue, or no more are going to be
 * @user_data: data for @callback
 *
 * Puts bytes into the queue without blocking, in their order, and in that of the other puts of
 * this process.
 *
 * Since: 0.1
 */
void
aioproc_queue_put_many_bytes_async (AioprocQueue        *self,
                                    GBytes             **items,
                                    guint                n_items,
                                    gint64               timeout_usec,
                                    GCancellable        *cancellable,
                                    GAsyncReadyCallback  callback,
                                    gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (AIOPROC_IS_QUEUE (self));
  g_return_if_fail (is_filled ((gpointer *) items, n_items));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_queue_put_many_bytes_async);
  aioproc_queue_start_put_many (self, (gpointer *) items, n_items, TRUE,
                                g_steal_pointer (&task), timeout_usec);
}

/**
 * aioproc_queue_put_many_bytes_finish:
 * @self: a queue
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Queue.put_many_bytes_async] has started.
 *
 * Succeeds and fails as [method@Queue.put_many_bytes] does, and fails with
 * [error@Gio.IOErrorEnum.NO_SPACE] if no thread could be started to wait in.
 *
 * Returns: how many, from the first, are in the queue now; 0 with @error set if none is, or
 *   without if there are none
 *
 * Since: 0.1
 */
guint
aioproc_queue_put_many_bytes_finish (AioprocQueue  *self,
                                     GAsyncResult  *result,
                                     GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), 0);
  g_return_val_if_fail (g_task_is_valid (result, self), 0);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_queue_put_many_bytes_async), 0);

  return aioproc_queue_finish_put_many (G_TASK (result), error);
}
