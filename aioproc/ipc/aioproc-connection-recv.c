/* aioproc-connection-recv.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "core/aioproc-debug-private.h"
#include "ipc/aioproc-connection-private.h"

/* A link's operation of @kind, run to its end. NULL: it failed. */
static AioprocLinkOp *
run (AioprocConnection  *self,
     AioprocLinkKind     kind,
     gint64              max_length,
     gint64              timeout_usec,
     GIOErrorEnum        late_code,
     GCancellable       *cancellable,
     GError            **error)
{
  g_autoptr(AioprocLinkOp) op = aioproc_connection_begin (self, kind, error);

  if (op == NULL)
    return NULL;

  op->max_length = max_length;

  if (!aioproc_link_op_run (op, timeout_usec, late_code, cancellable, error))
    return NULL;

  return g_steal_pointer (&op);
}

static AioprocMessage *
run_message (AioprocConnection  *self,
             gint64              timeout_usec,
             GIOErrorEnum        late_code,
             GCancellable       *cancellable,
             GError            **error)
{
  g_autoptr(AioprocLinkOp) op = run (self, AIOPROC_LINK_RECEIVE, -1, timeout_usec, late_code,
                                     cancellable, error);

  return op != NULL ? g_steal_pointer (&op->message) : NULL;
}

static GBytes *
run_bytes (AioprocConnection  *self,
           gint64              max_length,
           gint64              timeout_usec,
           GIOErrorEnum        late_code,
           GCancellable       *cancellable,
           GError            **error)
{
  g_autoptr(AioprocLinkOp) op = run (self, AIOPROC_LINK_RECEIVE_BYTES, max_length, timeout_usec,
                                     late_code, cancellable, error);

  return op != NULL ? g_steal_pointer (&op->bytes) : NULL;
}

static void
complete_message (GTask         *task,
                  AioprocLinkOp *op)
{
  g_task_return_pointer (task, g_steal_pointer (&op->message), g_object_unref);
}

static void
complete_bytes (GTask         *task,
                AioprocLinkOp *op)
{
  g_task_return_pointer (task, g_steal_pointer (&op->bytes), (GDestroyNotify) g_bytes_unref);
}

static void
complete_poll (GTask         *task,
               AioprocLinkOp *op)
{
  g_task_return_boolean (task, TRUE);
}

/* Takes @task. */
static void
start (AioprocConnection  *self,
       GTask              *task,
       AioprocLinkKind     kind,
       gint64              max_length,
       gint64              timeout_usec,
       void              (*complete) (GTask         *task,
                                      AioprocLinkOp *op))
{
  GError *error = NULL;
  AioprocLinkOp *op = aioproc_connection_begin (self, kind, &error);

  /* Once taken, a message must reach the caller even if the cancellable fires before the callback
   * runs: otherwise it would be lost.
   */
  g_task_set_check_cancellable (task, FALSE);

  if (op == NULL)
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  op->max_length = max_length;
  aioproc_link_op_start (op, task, timeout_usec, complete);
}

/**
 * aioproc_connection_try_recv:
 * @self: a connection
 * @error: return location for an error
 *
 * Receives a message if all of it has come. Never waits for the peer.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.WOULD_BLOCK] if no message, or not all of one, has come, or receives
 *   that were started before wait for it
 * - else as [method@Connection.recv] does
 *
 * Returns: (transfer full): the message, or `NULL` with @error set
 *
 * Since: 0.1
 */
AioprocMessage *
aioproc_connection_try_recv (AioprocConnection  *self,
                             GError            **error)
{
  g_return_val_if_fail (AIOPROC_IS_CONNECTION (self), NULL);

  return run_message (self, 0, G_IO_ERROR_WOULD_BLOCK, NULL, error);
}

/**
 * aioproc_connection_recv:
 * @self: a connection
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Receives a message, and blocks the calling thread until there is one.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if @timeout_usec went by first; nothing is taken then
 * - [error@Gio.IOErrorEnum.CANCELLED] if @cancellable was cancelled first; nothing is taken then
 * - [error@Gio.IOErrorEnum.CLOSED] if the peer has closed its end, or has ended, and nothing is
 *   left to be received; or if this end was closed
 * - [error@Gio.IOErrorEnum.CONNECTION_CLOSED] if the peer is gone, and has not read all that was
 *   sent to it
 * - [error@Gio.IOErrorEnum.PARTIAL_INPUT] if it has gone in the middle of a message
 * - [error@Gio.IOErrorEnum.INVALID_DATA] if what came is not in order, or came with descriptors
 *   that this process could not take
 * - [error@Gio.IOErrorEnum.MESSAGE_TOO_LARGE] if the message is larger than
 *   [property@Connection:max-message-size]
 * - [error@Gio.IOErrorEnum.NO_SPACE] if there is no memory for it
 * - [error@Gio.IOErrorEnum.PERMISSION_DENIED] if this end can only send
 * - [error@Gio.IOErrorEnum.BUSY] if the connection is being sent to another process
 * - [error@Gio.IOErrorEnum.TOO_MANY_OPEN_FILES] if there is no descriptor left to wait with
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the connection has nothing to be connected by
 *
 * From `CONNECTION_CLOSED` to `NO_SPACE`, these are the end of the connection: every later receive
 * fails with the same error.
 *
 * Returns: (transfer full): the message, or `NULL` with @error set
 *
 * Since: 0.1
 */
AioprocMessage *
aioproc_connection_recv (AioprocConnection  *self,
                         gint64              timeout_usec,
                         GCancellable       *cancellable,
                         GError            **error)
{
  g_return_val_if_fail (AIOPROC_IS_CONNECTION (self), NULL);
  g_return_val_if_fail (timeout_usec >= -1, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  return run_message (self, timeout_usec, G_IO_ERROR_TIMED_OUT, cancellable, error);
}

/**
 * aioproc_connection_recv_async:
 * @self: a connection
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when a message was received, or is not going to be
 * @user_data: data for @callback
 *
 * Receives a message without blocking.
 *
 * Any number of receives may be pending: they get the messages in the order in which they were
 * started. One that is cancelled takes none. If @cancellable is cancelled when a message was taken
 * already, the operation succeeds, and the caller gets it.
 *
 * Since: 0.1
 */
void
aioproc_connection_recv_async (AioprocConnection   *self,
                               gint64               timeout_usec,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data)
{
  GTask *task;

  g_return_if_fail (AIOPROC_IS_CONNECTION (self));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_connection_recv_async);
  start (self, task, AIOPROC_LINK_RECEIVE, -1, timeout_usec, complete_message);
}

/**
 * aioproc_connection_recv_finish:
 * @self: a connection
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Connection.recv_async] has started.
 *
 * Fails as [method@Connection.recv] does.
 *
 * Returns: (transfer full): the message, or `NULL` with @error set
 *
 * Since: 0.1
 */
AioprocMessage *
aioproc_connection_recv_finish (AioprocConnection  *self,
                                GAsyncResult       *result,
                                GError            **error)
{
  g_return_val_if_fail (AIOPROC_IS_CONNECTION (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_connection_recv_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * aioproc_connection_try_recv_bytes:
 * @self: a connection
 * @max_length: the most bytes that are to be received, or -1 for any number
 * @error: return location for an error
 *
 * Receives bytes if all of a message has come. Never waits for the peer.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.WOULD_BLOCK] if no message, or not all of one, has come, or receives
 *   that were started before wait for it
 * - else as [method@Connection.recv_bytes] does
 *
 * Returns: (transfer full): the bytes, or `NULL` with @error set
 *
 * Since: 0.1
 */
GBytes *
aioproc_connection_try_recv_bytes (AioprocConnection  *self,
                                   gint64              max_length,
                                   GError            **error)
{
  g_return_val_if_fail (AIOPROC_IS_CONNECTION (self), NULL);
  g_return_val_if_fail (max_length >= -1, NULL);

  return run_bytes (self, max_length, 0, G_IO_ERROR_WOULD_BLOCK, NULL, error);
}

/**
 * aioproc_connection_recv_bytes:
 * @self: a connection
 * @max_length: the most bytes that are to be received, or -1 for any number
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Receives bytes, and blocks the calling thread until there is a message.
 *
 * Fails as [method@Connection.recv] does, and, with the message left for the next receive, with:
 *
 * - [error@Gio.IOErrorEnum.MESSAGE_TOO_LARGE] if it has more than @max_length bytes
 * - [error@Gio.IOErrorEnum.INVALID_DATA] if it is not bytes and nothing else
 *
 * Returns: (transfer full): the bytes, or `NULL` with @error set
 *
 * Since: 0.1
 */
GBytes *
aioproc_connection_recv_bytes (AioprocConnection  *self,
                               gint64              max_length,
                               gint64              timeout_usec,
                               GCancellable       *cancellable,
                               GError            **error)
{
  g_return_val_if_fail (AIOPROC_IS_CONNECTION (self), NULL);
  g_return_val_if_fail (max_length >= -1, NULL);
  g_return_val_if_fail (timeout_usec >= -1, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  return run_bytes (self, max_length, timeout_usec, G_IO_ERROR_TIMED_OUT, cancellable, error);
}

/**
 * aioproc_connection_recv_bytes_async:
 * @self: a connection
 * @max_length: the most bytes that are to be received, or -1 for any number
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when bytes were received, or are not going to be
 * @user_data: data for @callback
 *
 * Receives bytes without blocking, as [method@Connection.recv_async] does.
 *
 * Since: 0.1
 */
void
aioproc_connection_recv_bytes_async (AioprocConnection   *self,
                                     gint64               max_length,
                                     gint64               timeout_usec,
                                     GCancellable        *cancellable,
                                     GAsyncReadyCallback  callback,
                                     gpointer             user_data)
{
  GTask *task;

  g_return_if_fail (AIOPROC_IS_CONNECTION (self));
  g_return_if_fail (max_length >= -1);
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_connection_recv_bytes_async);
  start (self, task, AIOPROC_LINK_RECEIVE_BYTES, max_length, timeout_usec, complete_bytes);
}

/**
 * aioproc_connection_recv_bytes_finish:
 * @self: a connection
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Connection.recv_bytes_async] has started.
 *
 * Fails as [method@Connection.recv_bytes] does.
 *
 * Returns: (transfer full): the bytes, or `NULL` with @error set
 *
 * Since: 0.1
 */
GBytes *
aioproc_connection_recv_bytes_finish (AioprocConnection  *self,
                                      GAsyncResult       *result,
                                      GError            **error)
{
  g_return_val_if_fail (AIOPROC_IS_CONNECTION (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_connection_recv_bytes_async),
                        NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * aioproc_connection_recv_bytes_into: (skip)
 * @self: a connection
 * @buffer: (nullable): where the bytes go, of @size bytes
 * @size: the most bytes that are to be received
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Receives bytes into memory of the caller, and blocks the calling thread until there is a message.
 *
 * It has no form that does not block: [method@Connection.recv_bytes_async] gets the bytes where the
 * system has put them, with no copy in between.
 *
 * Fails as [method@Connection.recv_bytes] does, with @size as the most bytes.
 *
 * Returns: how many bytes are in @buffer, or -1 with @error set
 *
 * Since: 0.1
 */
gssize
aioproc_connection_recv_bytes_into (AioprocConnection  *self,
                                    void               *buffer,
                                    gsize               size,
                                    gint64              timeout_usec,
                                    GCancellable       *cancellable,
                                    GError            **error)
{
  g_autoptr(GBytes) bytes = NULL;
  const guint8 *data;
  gsize length;

  g_return_val_if_fail (AIOPROC_IS_CONNECTION (self), -1);
  g_return_val_if_fail (buffer != NULL || size == 0, -1);
  g_return_val_if_fail (timeout_usec >= -1, -1);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), -1);

  bytes = aioproc_connection_recv_bytes (self, (gint64) MIN (size, G_MAXSSIZE), timeout_usec,
                                         cancellable, error);

  if (bytes == NULL)
    return -1;

  data = g_bytes_get_data (bytes, &length);

  if (length > 0)
    memcpy (buffer, data, length);

  return (gssize) length;
}

/**
 * aioproc_connection_poll:
 * @self: a connection
 * @timeout_usec: microseconds, 0 to look once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Blocks the calling thread until there is something to be received, and takes nothing of it.
 *
 * Something is a message, or a part of one that no receive has read yet, and the end of the
 * connection, too: a receive tells which.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if @timeout_usec went by first
 * - [error@Gio.IOErrorEnum.CANCELLED] if @cancellable was cancelled first
 * - [error@Gio.IOErrorEnum.CLOSED] if this end was closed
 * - [error@Gio.IOErrorEnum.PERMISSION_DENIED] if this end can only send
 * - [error@Gio.IOErrorEnum.BUSY] if the connection is being sent to another process
 * - [error@Gio.IOErrorEnum.TOO_MANY_OPEN_FILES] if there is no descriptor left to wait with
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the connection has nothing to be connected by
 *
 * Returns: `TRUE` if there is something, or `FALSE` with @error set
 *
 * Since: 0.1
 */
gboolean
aioproc_connection_poll (AioprocConnection  *self,
                         gint64              timeout_usec,
                         GCancellable       *cancellable,
                         GError            **error)
{
  g_autoptr(AioprocLinkOp) op = NULL;

  g_return_val_if_fail (AIOPROC_IS_CONNECTION (self), FALSE);
  g_return_val_if_fail (timeout_usec >= -1, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  op = run (self, AIOPROC_LINK_POLL, -1, timeout_usec, G_IO_ERROR_TIMED_OUT, cancellable, error);

  return op != NULL;
}

/**
 * aioproc_connection_poll_async:
 * @self: a connection
 * @timeout_usec: microseconds, 0 to look once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when there is something, or the wait is over
 * @user_data: data for @callback
 *
 * Waits without blocking until there is something to be received, and takes nothing of it.
 *
 * Since: 0.1
 */
void
aioproc_connection_poll_async (AioprocConnection   *self,
                               gint64               timeout_usec,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data)
{
  GTask *task;

  g_return_if_fail (AIOPROC_IS_CONNECTION (self));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_connection_poll_async);
  start (self, task, AIOPROC_LINK_POLL, -1, timeout_usec, complete_poll);
}

/**
 * aioproc_connection_poll_finish:
 * @self: a connection
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Connection.poll_async] has started.
 *
 * Fails as [method@Connection.poll] does.
 *
 * Returns: `TRUE` if there is something, or `FALSE` with @error set
 *
 * Since: 0.1
 */
gboolean
aioproc_connection_poll_finish (AioprocConnection  *self,
                                GAsyncResult       *result,
                                GError            **error)
{
  g_return_val_if_fail (AIOPROC_IS_CONNECTION (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_connection_poll_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
