/* aioproc-test-frame.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-frame-private.h"

G_BEGIN_DECLS

/* What a peer would see of a frame: all its bytes, and descriptors that the caller closes. Frees
 * the frame.
 */
GBytes         *aioproc_test_frame_flatten  (AioprocFrame      *frame,
                                             int               *fds,    /* AIOPROC_FDS_MAX */
                                             guint             *n_fds);
/* Writes and reads a frame by turns, over a pair of sockets that nobody waits for. */
AioprocMessage *aioproc_test_frame_transfer (AioprocFrame      *frame,
                                             AioprocFrameInfo  *info);
/* The same for a message, which has to be sendable. */
AioprocMessage *aioproc_test_frame_send     (AioprocMessage    *message);
/* One sendmsg() of all of it, which has to succeed. */
void            aioproc_test_frame_send_raw (int                socket_fd,
                                             gconstpointer      data,
                                             gsize              length,
                                             const int         *fds,
                                             guint              n_fds);
GBytes         *aioproc_test_frame_pattern  (gsize              length);
/* A descriptor that is none of the standard ones, of a file that reads as @text. */
int             aioproc_test_frame_file     (const char        *text);
void            aioproc_test_frame_assert_file (int             fd,
                                                const char     *text);

G_END_DECLS
