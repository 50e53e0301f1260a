/* aioproc-connection-send.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-debug-private.h"
#include "ipc/aioproc-connection-private.h"

static AioprocLinkOp *
begin_send (AioprocConnection  *self,
            AioprocMessage     *message,
            GError            **error)
{
  AioprocLinkOp *op = aioproc_connection_begin (self, AIOPROC_LINK_SEND, error);

  if (op != NULL)
    op->message = g_object_ref (message);

  return op;
}

static AioprocLinkOp *
begin_send_bytes (AioprocConnection  *self,
                  GBytes             *bytes,
                  gint64              offset,
                  gint64              size,
                  GError            **error)
{
  gint64 length = (gint64) g_bytes_get_size (bytes);
  AioprocLinkOp *op;

  if (offset < 0 || offset > length || size < -1 || size > length - offset)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "Could not send %" G_GINT64_FORMAT " bytes from %" G_GINT64_FORMAT " on: there "
                   "are %" G_GINT64_FORMAT, size, offset, length);
      return NULL;
    }

  op = aioproc_connection_begin (self, AIOPROC_LINK_SEND, error);

  if (op != NULL)
    op->bytes = g_bytes_new_from_bytes (bytes, offset, size < 0 ? length - offset : size);

  return op;
}

/* Takes @op. */
static gboolean
run (AioprocLinkOp  *op,
     gint64          timeout_usec,
     GIOErrorEnum    late_code,
     GCancellable   *cancellable,
     GError        **error)
{
  g_autoptr(AioprocLinkOp) owned = op;

  return owned != NULL &&
         aioproc_link_op_run (owned, timeout_usec, late_code, cancellable, error);
}

static void
complete (GTask         *task,
          AioprocLinkOp *op)
{
  g_task_return_boolean (task, TRUE);
}

/* Takes @op, and what it could not be made for. */
static void
start (GTask         *task,
       AioprocLinkOp *op,
       gint64         timeout_usec,
       GError        *error)
{
  /* What was sent was sent, whatever happens until the callback runs. */
  g_task_set_check_cancellable (task, FALSE);

  if (op == NULL)
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  aioproc_link_op_start (op, task, timeout_usec, complete);
}

/**
 * aioproc_connection_try_send:
 * @self: a connection
 * @message: a message
 * @error: return location for an error
 *
 * Sends a message if the system takes it at once. Never waits for the peer.
 *
 * If it takes a part of the message, that is enough: the connection sends the rest by itself.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.WOULD_BLOCK] if there is no room, or a message before this one is not
 *   sent yet
 * - else as [method@Connection.send] does
 *
 * Returns: `TRUE` if the message was sent, or `FALSE` with @error set
 *
 * Since: 0.1
 */
gboolean
aioproc_connection_try_send (AioprocConnection  *self,
                             AioprocMessage     *message,
                             GError            **error)
{
  g_return_val_if_fail (AIOPROC_IS_CONNECTION (self), FALSE);
  g_return_val_if_fail (AIOPROC_IS_MESSAGE (message), FALSE);

  return run (begin_send (self, message, error), 0, G_IO_ERROR_WOULD_BLOCK, NULL, error);
}

/**
 * aioproc_connection_send:
 * @self: a connection
 * @message: a message
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Sends a message, and blocks the calling thread until the system has taken it.
 *
 * That it was sent does not say that it was received. A peer that does not receive fills the room
 * that the system has for the connection, some 200 KiB; then a send waits.
 *
 * If @timeout_usec goes by, or @cancellable is cancelled, when a part of the message was sent
 * already, the send succeeds, and the connection sends the rest by itself.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if @timeout_usec went by first; nothing is sent then
 * - [error@Gio.IOErrorEnum.CANCELLED] if @cancellable was cancelled first; nothing is sent then
 * - [error@Gio.IOErrorEnum.BROKEN_PIPE] if there is nobody to receive it any more
 * - [error@Gio.IOErrorEnum.CLOSED] if this end was closed, or closed for sending, or was given up
 *   since something came that was not in order; or if one in the message has come to its end
 * - [error@Gio.IOErrorEnum.MESSAGE_TOO_LARGE] if the message is larger than
 *   [property@Connection:max-message-size], or has too many handles
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if its body has a type of more than 255 characters, or
 *   is nested more than 32 levels deep
 * - [error@Gio.IOErrorEnum.PERMISSION_DENIED] if this end can only receive
 * - [error@Gio.IOErrorEnum.BUSY] if this connection is being sent to another process; or if one in
 *   the message has operations pending, or something left behind, or is being sent already
 * - [error@Gio.IOErrorEnum.NOT_SUPPORTED] if the message has objects or descriptors, and this
 *   connection, or one in the message, is over a stream
 * - [error@Gio.IOErrorEnum.NO_SPACE] or [error@Gio.IOErrorEnum.TOO_MANY_OPEN_FILES] if the system
 *   has no memory or descriptors left for it
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the connection has nothing to be connected by, or
 *   an object of the message has no memory
 *
 * Returns: `TRUE` if the message was sent, or `FALSE` with @error set
 *
 * Since: 0.1
 */
gboolean
aioproc_connection_send (AioprocConnection  *self,
                         AioprocMessage     *message,
                         gint64              timeout_usec,
                         GCancellable       *cancellable,
                         GError            **error)
{
  g_return_val_if_fail (AIOPROC_IS_CONNECTION (self), FALSE);
  g_return_val_if_fail (AIOPROC_IS_MESSAGE (message), FALSE);
  g_return_val_if_fail (timeout_usec >= -1, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  return run (begin_send (self, message, error), timeout_usec, G_IO_ERROR_TIMED_OUT, cancellable,
              error);
}

/**
 * aioproc_connection_send_async:
 * @self: a connection
 * @message: a message, which is not to be changed any more
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the message was sent, or is not going to be
 * @user_data: data for @callback
 *
 * Sends a message without blocking.
 *
 * Messages are sent in the order in which their operations were started. What the system takes is
 * sent at once; @callback is called later nevertheless. It is good style to wait for it before the
 * next message is sent, since messages that wait stay in the memory of this process.
 *
 * If @timeout_usec goes by, or @cancellable is cancelled, when a part of the message was sent
 * already, the send succeeds, and the connection sends the rest by itself.
 *
 * Since: 0.1
 */
void
aioproc_connection_send_async (AioprocConnection   *self,
                               AioprocMessage      *message,
                               gint64               timeout_usec,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data)
{
  GError *error = NULL;
  GTask *task;

  g_return_if_fail (AIOPROC_IS_CONNECTION (self));
  g_return_if_fail (AIOPROC_IS_MESSAGE (message));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_connection_send_async);
  start (task, begin_send (self, message, &error), timeout_usec, error);
}

/**
 * aioproc_connection_send_finish:
 * @self: a connection
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Connection.send_async] has started.
 *
 * Fails as [method@Connection.send] does.
 *
 * Returns: `TRUE` if the message was sent, or `FALSE` with @error set
 *
 * Since: 0.1
 */
gboolean
aioproc_connection_send_finish (AioprocConnection  *self,
                                GAsyncResult       *result,
                                GError            **error)
{
  g_return_val_if_fail (AIOPROC_IS_CONNECTION (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_connection_send_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * aioproc_connection_try_send_bytes:
 * @self: a connection
 * @bytes: bytes
 * @offset: where in @bytes to begin
 * @size: how many of them, or -1 for all from @offset on
 * @error: return location for an error
 *
 * Sends bytes if the system takes them at once. Never waits for the peer.
 *
 * Fails as [method@Connection.try_send] does, and with [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if
 * @bytes has no such part.
 *
 * Returns: `TRUE` if the bytes were sent, or `FALSE` with @error set
 *
 * Since: 0.1
 */
gboolean
aioproc_connection_try_send_bytes (AioprocConnection  *self,
                                   GBytes             *bytes,
                                   gint64              offset,
                                   gint64              size,
                                   GError            **error)
{
  g_return_val_if_fail (AIOPROC_IS_CONNECTION (self), FALSE);
  g_return_val_if_fail (bytes != NULL, FALSE);

  return run (begin_send_bytes (self, bytes, offset, size, error), 0, G_IO_ERROR_WOULD_BLOCK, NULL,
              error);
}

/**
 * aioproc_connection_send_bytes:
 * @self: a connection
 * @bytes: bytes
 * @offset: where in @bytes to begin
 * @size: how many of them, or -1 for all from @offset on
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Sends bytes as one message, and blocks the calling thread until the system has taken them.
 *
 * No bytes at all are a message, too. Over a Unix socket, 4 MiB and more are copied once, into
 * memory that the peer maps, and are not limited by [property@Connection:max-message-size].
 *
 * Fails as [method@Connection.send] does, and with [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if
 * @bytes has no such part.
 *
 * Returns: `TRUE` if the bytes were sent, or `FALSE` with @error set
 *
 * Since: 0.1
 */
gboolean
aioproc_connection_send_bytes (AioprocConnection  *self,
                               GBytes             *bytes,
                               gint64              offset,
                               gint64              size,
                               gint64              timeout_usec,
                               GCancellable       *cancellable,
                               GError            **error)
{
  g_return_val_if_fail (AIOPROC_IS_CONNECTION (self), FALSE);
  g_return_val_if_fail (bytes != NULL, FALSE);
  g_return_val_if_fail (timeout_usec >= -1, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  return run (begin_send_bytes (self, bytes, offset, size, error), timeout_usec,
              G_IO_ERROR_TIMED_OUT, cancellable, error);
}

/**
 * aioproc_connection_send_bytes_async:
 * @self: a connection
 * @bytes: bytes
 * @offset: where in @bytes to begin
 * @size: how many of them, or -1 for all from @offset on
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the bytes were sent, or are not going to be
 * @user_data: data for @callback
 *
 * Sends bytes as one message without blocking, as [method@Connection.send_async] does.
 *
 * Since: 0.1
 */
void
aioproc_connection_send_bytes_async (AioprocConnection   *self,
                                     GBytes              *bytes,
                                     gint64               offset,
                                     gint64               size,
                                     gint64               timeout_usec,
                                     GCancellable        *cancellable,
                                     GAsyncReadyCallback  callback,
                                     gpointer             user_data)
{
  GError *error = NULL;
  GTask *task;

  g_return_if_fail (AIOPROC_IS_CONNECTION (self));
  g_return_if_fail (bytes != NULL);
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_connection_send_bytes_async);
  start (task, begin_send_bytes (self, bytes, offset, size, &error), timeout_usec, error);
}

/**
 * aioproc_connection_send_bytes_finish:
 * @self: a connection
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Connection.send_bytes_async] has started.
 *
 * Fails as [method@Connection.send_bytes] does.
 *
 * Returns: `TRUE` if the bytes were sent, or `FALSE` with @error set
 *
 * Since: 0.1
 */
gboolean
aioproc_connection_send_bytes_finish (AioprocConnection  *self,
                                      GAsyncResult       *result,
                                      GError            **error)
{
  g_return_val_if_fail (AIOPROC_IS_CONNECTION (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_connection_send_bytes_async),
                        FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
