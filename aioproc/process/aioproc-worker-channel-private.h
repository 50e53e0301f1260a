/* aioproc-worker-channel-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-codec-private.h"

G_BEGIN_DECLS

/* The worker's end of its control socket: there is one a process. */

void            aioproc_worker_channel_open          (int                control_fd);
/* Leaves the socket open. */
void            aioproc_worker_channel_close         (void);
/* Waits for a frame; one thread at a time. As aioproc_frame_reader_read(). */
AioprocIOStatus aioproc_worker_channel_read          (AioprocFrameInfo  *info,
                                                      AioprocMessage   **message,
                                                      GError           **error);
/* Writes a frame to the end, any thread: waits while the program that reads it does not, and ends
 * when that program does. FALSE: it cannot be sent; where only this one cannot, because of what is
 * in it, others still can.
 */
gboolean        aioproc_worker_channel_send          (AioprocFrameKind   kind,
                                                      AioprocMessage    *message,
                                                      GError           **error);
/* The same for a body without handles, which may be floating, and with nobody to tell an error. */
gboolean        aioproc_worker_channel_send_body     (AioprocFrameKind   kind,
                                                      GVariant          *body);
/* Whether this thread may send now: there is a channel, this process is not a fork of the worker
 * that had it, and this thread is not in the middle of sending.
 */
gboolean        aioproc_worker_channel_is_usable     (void);

G_END_DECLS
