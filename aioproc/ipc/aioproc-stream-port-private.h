/* aioproc-stream-port-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "core/aioproc-carrier-private.h"

G_BEGIN_DECLS

/* A GIOStream as something that frames travel over and that can be waited for by descriptors: one
 * thread of the library reads and writes all of them, by their own asynchronous functions, so that
 * no stream is ever waited for in a thread of the program, whatever kind of stream it is. It reads
 * one piece ahead, and writes one piece at a time.
 */
typedef struct _AioprocStreamPort AioprocStreamPort;

/* Begins to read. Keeps @stream, and closes it in the end. G_IO_ERROR_TOO_MANY_OPEN_FILES,
 * G_IO_ERROR_NO_SPACE for a thread.
 */
AioprocStreamPort *aioproc_stream_port_new             (GIOStream          *stream,
                                                        GError            **error);
AioprocStreamPort *aioproc_stream_port_ref             (AioprocStreamPort  *self);
void               aioproc_stream_port_unref           (AioprocStreamPort  *self);
AioprocCarrier    *aioproc_stream_port_get_carrier     (AioprocStreamPort  *self);
/* Readable while a receive would not say _AGAIN. */
int                aioproc_stream_port_get_receive_fd  (AioprocStreamPort  *self);
/* Writable while a send would not say _AGAIN because of one before it. */
int                aioproc_stream_port_get_send_fd     (AioprocStreamPort  *self);
/* Neither waits. Half of it: after the last send was _OK. All of it: what is under way is given
 * up; from then on the carrier is not to be used.
 */
void               aioproc_stream_port_close_send      (AioprocStreamPort  *self);
void               aioproc_stream_port_close           (AioprocStreamPort  *self);

/* A message is to be on its way when it was sent. Whether it is a TCP socket. */
gboolean           aioproc_stream_port_tune_socket     (GSocket            *socket);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocStreamPort, aioproc_stream_port_unref)

G_END_DECLS
