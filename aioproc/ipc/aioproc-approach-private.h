/* aioproc-approach-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-connection.h"
#include "ipc/aioproc-security-private.h"

G_BEGIN_DECLS

/* A client on its way to a listener: it connects, and has the handshake, in the thread of all
 * streams. NULL as @security: the default. Both fail as aioproc_client_connect_to() says.
 */
AioprocConnection *aioproc_approach_run   (AioprocSecurity     *security,
                                           GSocketConnectable  *connectable,
                                           gint64               timeout_usec,
                                           GCancellable        *cancellable,
                                           GError             **error);
/* Takes @task. */
void               aioproc_approach_start (AioprocSecurity     *security,
                                           GSocketConnectable  *connectable,
                                           gint64               timeout_usec,
                                           GTask               *task);

G_END_DECLS
