/* aioproc-connection-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-connection.h"
#include "ipc/aioproc-link-private.h"

G_BEGIN_DECLS

struct _AioprocConnection {
  GObject      parent_instance;

  AioprocLink *link;   /* (owned) (nullable) immutable after construction */
};

/* What a peer can have this process allocate with one message, unless the program says otherwise.
 * Bytes in bulk are the sender's memory, and not counted.
 */
#define AIOPROC_CONNECTION_DEFAULT_MAX (G_GUINT64_CONSTANT (64) << 20)

/* In the kind of one that is sent. */
#define AIOPROC_CONNECTION_KIND_RECEIVES 1
#define AIOPROC_CONNECTION_KIND_SENDS    2

/* Over a connected Unix socket that belongs to GIO, and stays so. */
AioprocConnection *aioproc_connection_new_for_socket (GSocketConnection *socket);

/* A new operation, or NULL: G_IO_ERROR_NOT_INITIALIZED. */
AioprocLinkOp *aioproc_connection_begin (AioprocConnection  *self,
                                         AioprocLinkKind     kind,
                                         GError            **error);

G_END_DECLS
