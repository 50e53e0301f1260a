/* aioproc-packet.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "platform/aioproc-packet-private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/aioproc-self-private.h"

/* Aligned as the kernel wants it. */
typedef union {
  struct cmsghdr header;
  char           bytes[CMSG_SPACE (AIOPROC_PACKET_MAX_FDS * sizeof (int))];
} ControlBuffer;

bool
aioproc_packet_send (int                 socket_fd,
                     const struct iovec *pieces,
                     unsigned            n_pieces,
                     const int          *fds,
                     unsigned            n_fds,
                     bool                dont_wait)
{
  struct msghdr message = { .msg_iov = (struct iovec *) pieces, .msg_iovlen = n_pieces };
  ControlBuffer control;
  ssize_t result;

  if (n_fds > AIOPROC_PACKET_MAX_FDS)
    {
      errno = EINVAL;
      return false;
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

  return result >= 0;
}

static void
close_all (int      *fds,
           unsigned *n_fds)
{
  while (*n_fds > 0)
    close (fds[--*n_fds]);
}

/* False: there was no room for one, which is -1 then. */
static bool
lift_all (int      *fds,
          unsigned  n_fds)
{
  bool success = true;

  for (unsigned i = 0; i < n_fds; i++)
    {
      fds[i] = aioproc_self_lift_fd (fds[i]);
      success = success && fds[i] >= 0;
    }

  return success;
}

/* Returns how many came. */
static unsigned
take_fds (struct msghdr *message,
          int           *fds)
{
  unsigned n_fds = 0;

  for (struct cmsghdr *header = CMSG_FIRSTHDR (message);
       header != NULL;
       header = CMSG_NXTHDR (message, header))
    {
      size_t length;

      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
          header->cmsg_len < CMSG_LEN (0))
        continue;

      length = header->cmsg_len - CMSG_LEN (0);

      /* There was no room for more. */
      if (length > (AIOPROC_PACKET_MAX_FDS - n_fds) * sizeof (int))
        length = (AIOPROC_PACKET_MAX_FDS - n_fds) * sizeof (int);

      memcpy (fds + n_fds, CMSG_DATA (header), length);
      n_fds += length / sizeof (int);
    }

  return n_fds;
}

ssize_t
aioproc_packet_receive (int       socket_fd,
                        void     *data,
                        size_t    length,
                        int       fds[AIOPROC_PACKET_MAX_FDS],
                        unsigned *n_fds,
                        bool     *fds_lost,
                        bool      dont_wait)
{
  struct iovec vector = { .iov_base = data, .iov_len = length };
  struct msghdr message;
  ControlBuffer control;
  ssize_t result;

  *n_fds = 0;
  *fds_lost = false;

  do
    {
      memset (&message, 0, sizeof message);
      message.msg_iov = &vector;
      message.msg_iovlen = 1;
      message.msg_control = &control;
      /* CMSG_SPACE() could hold one more, which would be a descriptor that nobody closes. */
      message.msg_controllen = CMSG_LEN (AIOPROC_PACKET_MAX_FDS * sizeof (int));

      result = recvmsg (socket_fd, &message,
                        MSG_CMSG_CLOEXEC | (dont_wait ? MSG_DONTWAIT : 0));
    }
  while (result < 0 && errno == EINTR);

  if (result < 0)
    return -1;

  *n_fds = take_fds (&message, fds);

  if ((message.msg_flags & MSG_CTRUNC) != 0 || !lift_all (fds, *n_fds))
    {
      close_all (fds, n_fds);
      *fds_lost = true;
    }

  if ((message.msg_flags & MSG_TRUNC) != 0)
    {
      close_all (fds, n_fds);
      errno = EMSGSIZE;
      return -1;
    }

  return result;
}
