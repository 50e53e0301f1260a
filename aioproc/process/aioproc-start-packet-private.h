/* aioproc-start-packet-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "process/aioproc-child-spec-private.h"
#include "process/aioproc-parent-fd-private.h"
#include "process/aioproc-supervision-private.h"

G_BEGIN_DECLS

/* What a supervisor is asked for, with the descriptors that go with it, until it was sent. */
typedef struct _AioprocStartPacket AioprocStartPacket;

/* A worker. Takes the descriptors of @control and @hangup, unless it fails. */
AioprocStartPacket *aioproc_start_packet_new       (AioprocChildSpec    *spec,
                                                    char               **environment,
                                                    guint32              serial,
                                                    AioprocParentFd     *control,
                                                    AioprocParentFd     *hangup,
                                                    GError             **error);
/* What a forkserver has to do before the first. */
AioprocStartPacket *aioproc_start_packet_new_setup (AioprocChildSpec    *spec,
                                                    GError             **error);
void                aioproc_start_packet_free      (AioprocStartPacket  *self);
/* Never waits. Returns 0, EAGAIN, EPIPE where the peer is gone, or another errno. */
int                 aioproc_start_packet_send      (AioprocStartPacket  *self,
                                                    int                  socket_fd);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocStartPacket, aioproc_start_packet_free)

G_END_DECLS
