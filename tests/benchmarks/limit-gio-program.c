/* limit-gio-program.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gio/gio.h>

/* Gets a descriptor, with a byte. FALSE: the other side has hung up. */
static gboolean
receive_fd (int  socket_fd,
            int *fd)
{
  char control[CMSG_SPACE (sizeof (int))] __attribute__ ((aligned (8)));
  char byte;
  struct iovec piece = { &byte, 1 };
  struct msghdr header = {
    .msg_iov = &piece,
    .msg_iovlen = 1,
    .msg_control = control,
    .msg_controllen = sizeof control,
  };

  if (recvmsg (socket_fd, &header, MSG_CMSG_CLOEXEC) != 1)
    return FALSE;

  memcpy (fd, CMSG_DATA (CMSG_FIRSTHDR (&header)), sizeof (int));

  return TRUE;
}

/* What any process that is there for a call has to do: get its arguments, give back its result. */
static int
call (int fd)
{
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GVariant) request = NULL;
  g_autoptr(GVariant) arguments = NULL;
  g_autoptr(GVariant) result = NULL;
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autofree char *function = NULL;
  char buffer[4096];
  gssize length = read (fd, buffer, sizeof buffer);

  if (length < 0 || g_cancellable_is_cancelled (cancellable))
    return EXIT_FAILURE;

  bytes = g_bytes_new (buffer, length);
  request = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE ("(sv)"), bytes, FALSE));

  if (!g_variant_is_normal_form (request))
    return EXIT_FAILURE;

  g_variant_get (request, "(sv)", &function, &arguments);
  result = g_variant_ref_sink (g_variant_new ("()"));
  length = g_variant_get_size (result);

  return write (fd, g_variant_get_data (result), length) == length ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Without arguments, a program that is linked to GIO and ends. With a socket, one that forks a
 * child for each socket that it gets there, and answers when the child has ended. The child gets
 * its call from the socket that came.
 */
int
main (int   argc,
      char *argv[])
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  int control_fd;
  int fd;

  if (argc == 1)
    return g_cancellable_is_cancelled (cancellable);

  control_fd = atoi (argv[1]);

  while (receive_fd (control_fd, &fd))
    {
      pid_t pid = fork ();
      int status;

      if (pid == 0)
        exit (call (fd));

      close (fd);

      if (pid < 0 || waitpid (pid, &status, 0) != pid || status != 0 ||
          write (control_fd, "", 1) != 1)
        return 1;
    }

  return 0;
}
