/* aioproc-listening-socket.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-listening-socket-private.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gio/gunixsocketaddress.h>

#include "ipc/aioproc-address-private.h"
#include "platform/aioproc-fds-private.h"
#include "platform/aioproc-self-private.h"

typedef union {
  struct sockaddr         any;
  struct sockaddr_storage storage;
} Address;

/* FALSE, with errno set: the system does not want it. */
static gboolean
bind_to (int            fd,
         const Address *address,
         socklen_t      length)
{
  int one = 1;

  /* A port can be listened at again while connections of a listener before are still there. */
  if (address->any.sa_family != AF_UNIX &&
      setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0)
    return FALSE;

  return bind (fd, &address->any, length) == 0;
}

/* What bind() has made in the file system. */
static void
remove_file (GSocketAddress *address)
{
  if (aioproc_address_is_unix (address) &&
      g_unix_socket_address_get_address_type (G_UNIX_SOCKET_ADDRESS (address)) ==
        G_UNIX_SOCKET_ADDRESS_PATH)
    unlink (g_unix_socket_address_get_path (G_UNIX_SOCKET_ADDRESS (address)));
}

int
aioproc_listening_socket_new (GSocketAddress  *address,
                              GSocketAddress **bound_address,
                              GError         **error)
{
  gssize size = g_socket_address_get_native_size (address);
  g_autofree char *text = aioproc_address_describe (address);
  Address native;
  socklen_t length = sizeof native;
  gboolean is_bound;
  int saved_errno;
  int fd;

  g_assert (size > 0 && (gsize) size <= sizeof native);

  if (!g_socket_address_to_native (address, &native, sizeof native, error))
    return -1;

  fd = aioproc_self_lift_fd (socket (native.any.sa_family,
                                     SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));

  is_bound = fd >= 0 && bind_to (fd, &native, (socklen_t) size);

  /* Who is there waits in the system for as long as this process cannot take more. */
  if (is_bound && listen (fd, SOMAXCONN) == 0 && getsockname (fd, &native.any, &length) == 0)
    {
      *bound_address = g_socket_address_new_from_native (&native, length);
      return fd;
    }

  saved_errno = errno;

  if (is_bound)
    remove_file (address);

  aioproc_fds_close_all (&fd, 1);
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
               "Could not listen at %s: %s", text, g_strerror (saved_errno));

  return -1;
}
