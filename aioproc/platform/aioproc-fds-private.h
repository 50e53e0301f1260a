/* aioproc-fds-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The most descriptors that travel with one message. */
#define AIOPROC_FDS_MAX 253

typedef enum {
  AIOPROC_IO_OK,
  AIOPROC_IO_AGAIN,   /* would block */
  AIOPROC_IO_EOF,
  AIOPROC_IO_ERROR,
} AioprocIOStatus;

/* One sendmsg()/recvmsg() on a Unix socket; MSG_NOSIGNAL, MSG_CMSG_CLOEXEC, EINTR retried.
 * @dont_wait: MSG_DONTWAIT. @length is at least 1. Partial transfers are told by @n_done; the
 * descriptors go with the first byte.
 * Receive: at most @max_fds descriptors are taken into @fds; MSG_CTRUNC or more descriptors than
 * that is an error (G_IO_ERROR_INVALID_DATA), and every received one is closed: nothing leaks. So
 * is a packet that is longer than @length.
 */
AioprocIOStatus aioproc_fds_send    (int           socket_fd,
                                     const void   *data,
                                     gsize         length,
                                     const int    *fds,
                                     guint         n_fds,
                                     gboolean      dont_wait,
                                     gsize        *n_done,
                                     GError      **error);
AioprocIOStatus aioproc_fds_receive (int           socket_fd,
                                     void         *data,
                                     gsize         length,
                                     int          *fds,
                                     guint         max_fds,
                                     guint        *n_fds,
                                     gboolean      dont_wait,
                                     gsize        *n_done,
                                     GError      **error);
/* socketpair(), both ends O_CLOEXEC. @type: SOCK_STREAM or SOCK_SEQPACKET. */
gboolean        aioproc_fds_socketpair (int           type,
                                        int           fds[2],
                                        GError      **error);
/* Whether this process can have @n more descriptors now: for who is about to call what ends the
 * program where it cannot, as GLib does for a main context or a cancellable that is waited for.
 * Another thread may take them in between.
 */
gboolean        aioproc_fds_check_free (guint         n,
                                        GError      **error);
/* accept4(), O_CLOEXEC and not blocking, of a listening socket that does not block. -1 with errno:
 * EAGAIN where nobody is there, or is any more; else this process, or the system, has run out of
 * something.
 */
int             aioproc_fds_accept  (int           listening_fd);
int             aioproc_fds_dup     (int           fd,
                                     GError      **error);
void            aioproc_fds_close_all (int        *fds,
                                       guint       n_fds);
/* poll() of one descriptor until @deadline_usec (-1 never). FALSE: deadline passed. */
gboolean        aioproc_fds_poll    (int           fd,
                                     short         events,
                                     gint64        deadline_usec);
/* Asks the kernel to send SIGKILL to this process when the peer of @fd, which must carry
 * nothing else, hangs up. G_IO_ERROR_CONNECTION_CLOSED: it has done so already.
 */
gboolean        aioproc_fds_kill_on_hangup (int           fd,
                                            GError      **error);

G_END_DECLS
