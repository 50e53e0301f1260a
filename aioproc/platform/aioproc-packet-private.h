/* aioproc-packet-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Packets with descriptors over a SOCK_SEQPACKET socket. No GLib: the launcher is linked with libc
 * only. Unlike aioproc_fds_receive() the receiving side gets the bytes of a packet whose
 * descriptors were lost.
 */

/* The most descriptors that travel with one packet. */
#define AIOPROC_PACKET_MAX_FDS 4

/* False: errno is set (EAGAIN with @dont_wait; EMSGSIZE: longer than the socket's buffer). Never
 * raises SIGPIPE. The packet must not be empty.
 */
bool    aioproc_packet_send    (int                 socket_fd,
                                const struct iovec *pieces,
                                unsigned            n_pieces,
                                const int          *fds,
                                unsigned            n_fds,
                                bool                dont_wait);
/* Returns the length; 0 once the peer has hung up; -1 with errno (EAGAIN with @dont_wait, EMSGSIZE
 * for a packet that is longer than @length). Descriptors are O_CLOEXEC. @fds_lost: this process
 * could not take all of them, and has none of them then.
 */
ssize_t aioproc_packet_receive (int                 socket_fd,
                                void               *data,
                                size_t              length,
                                int                 fds[AIOPROC_PACKET_MAX_FDS],
                                unsigned           *n_fds,
                                bool               *fds_lost,
                                bool                dont_wait);
