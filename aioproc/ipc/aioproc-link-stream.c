/* aioproc-link-stream.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <sys/socket.h>
#include <unistd.h>

#include "ipc/aioproc-link-private.h"

/* The socket of a stream that is nothing but that, which is read and written past the stream: the
 * streams of a subclass may add something of their own to what goes through it, as TLS does.
 */
static GSocket *
peek_socket (GIOStream *stream)
{
  g_autoptr(GTypeClass) klass = NULL;
  GIOStreamClass *plain;
  GIOStreamClass *own;

  if (!G_IS_SOCKET_CONNECTION (stream))
    return NULL;

  klass = g_type_class_ref (G_TYPE_SOCKET_CONNECTION);
  plain = G_IO_STREAM_CLASS (klass);
  own = G_IO_STREAM_GET_CLASS (stream);

  if (own->get_input_stream != plain->get_input_stream ||
      own->get_output_stream != plain->get_output_stream)
    return NULL;

  return g_socket_connection_get_socket (G_SOCKET_CONNECTION (stream));
}

static gboolean
check_stream (GIOStream  *stream,
              GSocket    *socket,
              GError    **error)
{
  if (g_io_stream_is_closed (stream))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                   "Could not use a stream as a connection: it is closed");
      return FALSE;
    }

  if (g_io_stream_has_pending (stream))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PENDING,
                   "Could not use a stream as a connection: it has an operation pending");
      return FALSE;
    }

  if (socket != NULL && g_socket_get_socket_type (socket) != G_SOCKET_TYPE_STREAM)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                   "Could not use a stream as a connection: its socket keeps no order");
      return FALSE;
    }

  if (socket != NULL && !g_socket_is_connected (socket))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED,
                   "Could not use a stream as a connection: its socket is not connected");
      return FALSE;
    }

  return TRUE;
}

AioprocLink *
aioproc_link_new_for_stream (GIOStream  *stream,
                             guint64     max_length,
                             GError    **error)
{
  GSocket *socket = peek_socket (stream);
  AioprocStreamPort *port;
  AioprocLink *self;

  if (!check_stream (stream, socket, error))
    return NULL;

  if (socket != NULL)
    {
      self = aioproc_link_new_full (g_socket_get_fd (socket), NULL, 0, TRUE, TRUE, max_length);
      self->stream = g_object_ref (stream);
      self->is_tcp = aioproc_stream_port_tune_socket (socket);

      return self;
    }

  port = aioproc_stream_port_new (stream, error);

  if (port == NULL)
    return NULL;

  return aioproc_link_new_full (aioproc_stream_port_get_receive_fd (port), port, 0,
                                g_io_stream_get_input_stream (stream) != NULL,
                                g_io_stream_get_output_stream (stream) != NULL, max_length);
}

AioprocLink *
aioproc_link_new_for_socket (GSocketConnection *socket,
                             guint64            max_length)
{
  int fd = g_socket_get_fd (g_socket_connection_get_socket (socket));
  AioprocLink *self = aioproc_link_new (fd, TRUE, TRUE, max_length);

  self->stream = G_IO_STREAM (g_object_ref (socket));

  return self;
}

/* TCP goes on to take what comes after a shutdown() until there is no room, and then leaves the
 * peer to wait for ever. This resets the connection, and keeps the descriptor.
 */
static void
reset_tcp (int fd)
{
  const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

  connect (fd, &nowhere, sizeof nowhere);
}

void
aioproc_link_shut_locked (AioprocLink *self,
                          gboolean     both)
{
  if (self->port != NULL && both)
    aioproc_stream_port_close (self->port);
  else if (self->port != NULL)
    aioproc_stream_port_close_send (self->port);
  else
    shutdown (self->fd, both ? SHUT_RDWR : SHUT_WR);

  if (self->is_tcp && both)
    reset_tcp (self->fd);
}

void
aioproc_link_close_stream (AioprocLink *self)
{
  if (self->port != NULL)
    aioproc_stream_port_close (self->port);

  /* Not the stream, which may wait for its peer. */
  if (self->stream != NULL)
    g_socket_close (peek_socket (self->stream), NULL);
}

void
aioproc_link_clear_stream (AioprocLink *self)
{
  g_clear_pointer (&self->port, aioproc_stream_port_unref);

  if (self->stream == NULL)
    return;

  /* A forked child has copies. The socket may be closed, but no object is to come to its end: what
   * it does then may reach the peer.
   */
  if (self->pid != getpid ())
    aioproc_fds_close_all (&self->fd, 1);
  else
    g_clear_object (&self->stream);
}
