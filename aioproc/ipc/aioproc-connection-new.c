/* aioproc-connection-new.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/aioproc-shareable-private.h"
#include "ipc/aioproc-connection-private.h"

static AioprocConnection *
aioproc_connection_new_for_link (AioprocLink *link)
{
  AioprocConnection *self = g_object_new (AIOPROC_TYPE_CONNECTION, NULL);

  self->link = link;

  return self;
}

/* Whether @fd is a connected Unix stream socket. */
static gboolean
check_socket (int      fd,
              GError **error)
{
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  socklen_t type_length = sizeof (int);
  int type = 0;

  if (getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &type_length) != 0 ||
      getpeername (fd, (struct sockaddr *) &address, &length) != 0)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not use descriptor %d as a connection: %s", fd,
                   g_strerror (saved_errno));
      return FALSE;
    }

  if (type != SOCK_STREAM || address.ss_family != AF_UNIX)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                   "Could not use descriptor %d as a connection: it is not a Unix stream socket",
                   fd);
      return FALSE;
    }

  return TRUE;
}

static AioprocShareable *
aioproc_connection_import (guint32     kind,
                           const int  *fds,
                           guint       n_fds,
                           GError    **error)
{
  guint32 directions = kind - AIOPROC_SHAREABLE_FIRST_LENT;
  int unread_fd = n_fds > 1 ? fds[1] : -1;
  g_autoptr(AioprocLink) link = NULL;
  g_autoptr(GError) local_error = NULL;

  if (check_socket (fds[0], &local_error))
    link = aioproc_link_new (fds[0], (directions & AIOPROC_CONNECTION_KIND_RECEIVES) != 0,
                             (directions & AIOPROC_CONNECTION_KIND_SENDS) != 0,
                             AIOPROC_CONNECTION_DEFAULT_MAX);
  else
    close (fds[0]);

  if (unread_fd >= 0 && link != NULL)
    aioproc_link_take_unread (link, unread_fd, &local_error);

  aioproc_fds_close_all (&unread_fd, 1);

  if (local_error != NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "A connection was received that is none: %s", local_error->message);
      return NULL;
    }

  return AIOPROC_SHAREABLE (aioproc_connection_new_for_link (g_steal_pointer (&link)));
}

__attribute__ ((constructor)) static void
aioproc_connection_register (void)
{
  aioproc_shareable_register_lent (aioproc_connection_import);
}

/**
 * aioproc_connection_new_for_fd:
 * @fd: a connected Unix stream socket
 * @error: return location for an error
 *
 * Makes a connection of a socket that the program has.
 *
 * On success @fd belongs to the connection, which closes it; on error it is left alone. Programs
 * that this process starts do not inherit it from then on (`O_CLOEXEC`). Whether it blocks does not
 * matter.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.NOT_SUPPORTED] if @fd is another kind of socket
 * - [error@Gio.IOErrorEnum.NOT_CONNECTED] if it is not connected
 * - another [error@Gio.IOErrorEnum] if it is no socket
 *
 * Returns: (transfer full): a new connection, or `NULL` with @error set
 *
 * Since: 0.1
 */
AioprocConnection *
aioproc_connection_new_for_fd (int      fd,
                               GError **error)
{
  AioprocLink *link;

  if (!check_socket (fd, error))
    return NULL;

  if (fcntl (fd, F_SETFD, FD_CLOEXEC) != 0)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not use descriptor %d as a connection: %s", fd,
                   g_strerror (saved_errno));
      return NULL;
    }

  link = aioproc_link_new (fd, TRUE, TRUE, AIOPROC_CONNECTION_DEFAULT_MAX);
  /* The program knows the descriptor, and may watch it. */
  aioproc_link_stop_reading_ahead (link);

  return aioproc_connection_new_for_link (link);
}

/**
 * aioproc_connection_new_for_stream:
 * @stream: a stream of bytes that keeps their order
 * @error: return location for an error
 *
 * Makes a connection of a stream: a [class@Gio.SocketConnection], a [class@Gio.TlsConnection] or
 * any other.
 *
 * The stream belongs to the connection, which closes it; nobody else is to use it, or its two
 * halves, from then on. Settings of it that matter must be made before, such as the certificates of
 * TLS, whose handshake begins at once. A stream that has only one half makes a connection that only
 * sends or only receives.
 *
 * A message over a stream is values and bytes. One with descriptors or objects fails with
 * [error@Gio.IOErrorEnum.NOT_SUPPORTED], before anything of it is sent, and so does the attempt to
 * send the connection itself. All bytes count for [property@Connection:max-message-size].
 *
 * A plain socket is read and written as such. Any other stream is, by a thread of the library: it
 * reads up to 64 KiB ahead, and a message that was handed over to it is sent, whatever the timeout
 * of its send. A receive, or a send, may also fail with an error of the stream's own.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.CLOSED] if @stream is closed
 * - [error@Gio.IOErrorEnum.PENDING] if it has an operation pending
 * - [error@Gio.IOErrorEnum.NOT_CONNECTED] if its socket is not connected
 * - [error@Gio.IOErrorEnum.NOT_SUPPORTED] if its socket sends packets
 * - [error@Gio.IOErrorEnum.TOO_MANY_OPEN_FILES] if there is no descriptor left to wait with
 * - [error@Gio.IOErrorEnum.NO_SPACE] if no thread can be started
 *
 * Returns: (transfer full): a new connection, or `NULL` with @error set
 *
 * Since: 0.1
 */
AioprocConnection *
aioproc_connection_new_for_stream (GIOStream  *stream,
                                   GError    **error)
{
  AioprocLink *link;

  g_return_val_if_fail (G_IS_IO_STREAM (stream), NULL);

  link = aioproc_link_new_for_stream (stream, AIOPROC_CONNECTION_DEFAULT_MAX, error);

  return link != NULL ? aioproc_connection_new_for_link (link) : NULL;
}

AioprocConnection *
aioproc_connection_new_for_socket (GSocketConnection *socket)
{
  return aioproc_connection_new_for_link (aioproc_link_new_for_socket (
    socket, AIOPROC_CONNECTION_DEFAULT_MAX));
}

/**
 * aioproc_pipe:
 * @duplex: whether both ends send and receive
 * @receiver: (out) (transfer full): an end, which only receives unless @duplex
 * @sender: (out) (transfer full): the other end, which only sends unless @duplex
 * @error: return location for an error
 *
 * Makes two connections to each other.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.TOO_MANY_OPEN_FILES] if this process cannot have a few more descriptors
 *
 * Returns: (skip): `TRUE`, or `FALSE` with @error set
 *
 * Since: 0.1
 */
gboolean
aioproc_pipe (gboolean            duplex,
              AioprocConnection **receiver,
              AioprocConnection **sender,
              GError            **error)
{
  int fds[2];

  g_return_val_if_fail (receiver != NULL, FALSE);
  g_return_val_if_fail (sender != NULL, FALSE);

  *receiver = NULL;
  *sender = NULL;

  if (!aioproc_fds_socketpair (SOCK_STREAM, fds, error))
    return FALSE;

  /* The system holds what the ends promise, whoever has them. */
  if (!duplex)
    {
      shutdown (fds[0], SHUT_WR);
      shutdown (fds[1], SHUT_RD);
    }

  *receiver = aioproc_connection_new_for_link (aioproc_link_new (fds[0], TRUE, duplex,
                                                                 AIOPROC_CONNECTION_DEFAULT_MAX));
  *sender = aioproc_connection_new_for_link (aioproc_link_new (fds[1], duplex, TRUE,
                                                               AIOPROC_CONNECTION_DEFAULT_MAX));

  return TRUE;
}
