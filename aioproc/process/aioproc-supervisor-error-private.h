/* aioproc-supervisor-error-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "process/aioproc-supervision-private.h"

G_BEGIN_DECLS

/* Why a worker could not be started, from what its supervisor, whose program is @program, said. */

GError *aioproc_supervisor_error_from_failure (const char                     *program,
                                               const AioprocSupervisionPacket *packet,
                                               const char                     *text);
/* @payload: two strings, the domain and the message. */
GError *aioproc_supervisor_error_from_refusal (int                             code,
                                               const char                     *payload,
                                               gsize                           length);
/* It ended without having answered. @wait_status: (nullable) unknown. */
GError *aioproc_supervisor_error_from_end     (const char                     *program,
                                               int                             pid,
                                               gboolean                        is_unready_server,
                                               const int                      *wait_status);

G_END_DECLS
