/* aioproc-fds.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "platform/aioproc-fds-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <gio/gio.h>

#include "platform/aioproc-self-private.h"

/* Room for one message with the most descriptors, aligned as the kernel wants it. */
typedef union {
  struct cmsghdr header;
  char           bytes[CMSG_SPACE (AIOPROC_FDS_MAX * sizeof (int))];
} ControlBuffer;

AioprocIOStatus
aioproc_fds_send (int           socket_fd,
                  const void   *data,
                  gsize         length,
                  const int    *fds,
                  guint         n_fds,
                  gboolean      dont_wait,
                  gsize        *n_done,
                  GError      **error)
{
  struct iovec vector = { .iov_base = (gpointer) data, .iov_len = length };
  struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
  ControlBuffer control;
  gssize result;
  int saved_errno;

  /* A stream carries descriptors beside a byte, and an empty packet looks like the end. */
  g_assert (length > 0);

  *n_done = 0;

  if (n_fds > AIOPROC_FDS_MAX)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "A message cannot carry %u descriptors, but %d at most",
                   n_fds, AIOPROC_FDS_MAX);
      return AIOPROC_IO_ERROR;
    }

  if (n_fds > 0)
    {
      struct cmsghdr *header;

      memset (&control, 0, sizeof control);
      message.msg_control = &control;
      message.msg_controllen = CMSG_SPACE (n_fds * sizeof (int));

      header = CMSG_FIRSTHDR (&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN (n_fds * sizeof (int));
      memcpy (CMSG_DATA (header), fds, n_fds * sizeof (int));
    }

  do
    result = sendmsg (socket_fd, &message, MSG_NOSIGNAL | (dont_wait ? MSG_DONTWAIT : 0));
  while (result < 0 && errno == EINTR);

  if (result >= 0)
    {
      *n_done = (gsize) result;
      return AIOPROC_IO_OK;
    }

  saved_errno = errno;

  if (saved_errno == EAGAIN)
    return AIOPROC_IO_AGAIN;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
               "Could not send a message of %" G_GSIZE_FORMAT " bytes and %u descriptors: %s",
               length, n_fds, g_strerror (saved_errno));

  return AIOPROC_IO_ERROR;
}

/* Moves up to @max_fds descriptors into @fds and closes the others. Returns how many came. */
static guint
take_fds (struct msghdr *message,
          int           *fds,
          guint          max_fds)
{
  guint n_taken = 0;
  guint n_total = 0;

  for (struct cmsghdr *header = CMSG_FIRSTHDR (message);
       header != NULL;
       header = CMSG_NXTHDR (message, header))
    {
      guint n_here;

      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
          header->cmsg_len < CMSG_LEN (0))
        continue;

      n_here = (header->cmsg_len - CMSG_LEN (0)) / sizeof (int);

      for (guint i = 0; i < n_here; i++)
        {
          int fd;

          memcpy (&fd, CMSG_DATA (header) + i * sizeof (int), sizeof fd);

          if (n_taken < max_fds)
            fds[n_taken++] = fd;
          else
            close (fd);
        }

      n_total += n_here;
    }

  return n_total;
}

/* FALSE: there was no room, and all are closed. */
static gboolean
lift_all (int   *fds,
          guint  n_fds)
{
  gboolean success = TRUE;

  for (guint i = 0; i < n_fds; i++)
    {
      fds[i] = aioproc_self_lift_fd (fds[i]);
      success = success && fds[i] >= 0;
    }

  if (!success)
    aioproc_fds_close_all (fds, n_fds);

  return success;
}

AioprocIOStatus
aioproc_fds_receive (int       socket_fd,
                     void     *data,
                     gsize     length,
                     int      *fds,
                     guint     max_fds,
                     guint    *n_fds,
                     gboolean  dont_wait,
                     gsize    *n_done,
                     GError  **error)
{
  struct iovec vector = { .iov_base = data, .iov_len = length };
  struct msghdr message;
  ControlBuffer control;
  gssize result;
  guint n_received;

  g_assert (length > 0);
  g_assert (max_fds <= AIOPROC_FDS_MAX);

  *n_done = 0;
  *n_fds = 0;

  do
    {
      memset (&message, 0, sizeof message);
      message.msg_iov = &vector;
      message.msg_iovlen = 1;

      /* Room for exactly @max_fds (CMSG_SPACE() could hold one more), so that no descriptor is
       * even made that nobody has asked for.
       */
      if (max_fds > 0)
        {
          message.msg_control = &control;
          message.msg_controllen = CMSG_LEN (max_fds * sizeof (int));
        }

      result = recvmsg (socket_fd, &message,
                        MSG_CMSG_CLOEXEC | (dont_wait ? MSG_DONTWAIT : 0));
    }
  while (result < 0 && errno == EINTR);

  if (result < 0)
    {
      int saved_errno = errno;

      if (saved_errno == EAGAIN)
        return AIOPROC_IO_AGAIN;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not receive a message: %s", g_strerror (saved_errno));
      return AIOPROC_IO_ERROR;
    }

  n_received = take_fds (&message, fds, max_fds);

  if (n_received > max_fds || (message.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0 ||
      !lift_all (fds, n_received))
    {
      aioproc_fds_close_all (fds, MIN (n_received, max_fds));

      if ((message.msg_flags & MSG_TRUNC) != 0)
        g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                     "A message longer than %" G_GSIZE_FORMAT " bytes was received", length);
      else
        g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                     "Descriptors of a message were lost: it carries more than the %u expected, "
                     "or this process has too many open files", max_fds);

      return AIOPROC_IO_ERROR;
    }

  *n_fds = n_received;
  *n_done = (gsize) result;

  return result == 0 ? AIOPROC_IO_EOF : AIOPROC_IO_OK;
}

gboolean
aioproc_fds_socketpair (int      type,
                        int      fds[2],
                        GError **error)
{
  fds[0] = -1;
  fds[1] = -1;

  if (socketpair (AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0 || !lift_all (fds, 2))
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not create a pair of sockets: %s", g_strerror (saved_errno));
      return FALSE;
    }

  return TRUE;
}

gboolean
aioproc_fds_check_free (guint    n,
                        GError **error)
{
  int fd = eventfd (0, EFD_CLOEXEC);
  gboolean are_free;

  if (fd < 0)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not have one more descriptor: %s", g_strerror (saved_errno));
      return FALSE;
    }

  /* All at the same time. */
  are_free = n <= 1 || aioproc_fds_check_free (n - 1, error);
  close (fd);

  return are_free;
}

int
aioproc_fds_accept (int listening_fd)
{
  for (;;)
    {
      int fd = accept4 (listening_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

      if (fd >= 0)
        return aioproc_self_lift_fd (fd);

      switch (errno)
        {
        case EAGAIN:
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
          return -1;

        /* They are of one who was on its way: the next one may be there. */
        case EINTR:
        case ECONNABORTED:
        case EPERM:
        case EPROTO:
        case ENETDOWN:
        case ENETUNREACH:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case ENONET:
        case ENOPROTOOPT:
        case EOPNOTSUPP:
        case ETIMEDOUT:
          break;

        /* It was shut down, and nobody will come. */
        default:
          errno = EAGAIN;
          return -1;
        }
    }
}

int
aioproc_fds_dup (int      fd,
                 GError **error)
{
  /* From 3 on: a copy must never become a standard stream that happens to be closed. */
  int new_fd = fcntl (fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

  if (new_fd < 0)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not duplicate descriptor %d: %s", fd, g_strerror (saved_errno));
    }

  return new_fd;
}

void
aioproc_fds_close_all (int   *fds,
                       guint  n_fds)
{
  int saved_errno = errno;

  for (guint i = 0; i < n_fds; i++)
    {
      if (fds[i] >= 0)
        close (fds[i]);

      fds[i] = -1;
    }

  errno = saved_errno;
}

gboolean
aioproc_fds_poll (int    fd,
                  short  events,
                  gint64 deadline_usec)
{
  struct pollfd poll_fd = { .fd = fd, .events = events };

  for (;;)
    {
      struct timespec timeout = { 0, 0 };
      int result;

      if (deadline_usec >= 0)
        {
          gint64 left = MAX (deadline_usec - g_get_monotonic_time (), 0);

          timeout.tv_sec = left / G_USEC_PER_SEC;
          timeout.tv_nsec = (left % G_USEC_PER_SEC) * 1000;
        }

      result = ppoll (&poll_fd, 1, deadline_usec >= 0 ? &timeout : NULL, NULL);

      if (result > 0)
        return TRUE;

      if (result == 0)
        return FALSE;

      if (errno != EINTR && errno != EAGAIN)
        g_error ("Could not poll descriptor %d: %s", fd, g_strerror (errno));
    }
}

gboolean
aioproc_fds_kill_on_hangup (int      fd,
                            GError **error)
{
  if (!aioproc_self_kill_on_hangup (fd))
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR,
                   saved_errno == ECONNRESET ? G_IO_ERROR_CONNECTION_CLOSED
                                             : (int) g_io_error_from_errno (saved_errno),
                   "Could not bind this process's life to a socket: %s",
                   g_strerror (saved_errno));
      return FALSE;
    }

  return TRUE;
}
