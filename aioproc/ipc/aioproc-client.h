/* aioproc-client.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined (AIOPROC_INSIDE) && !defined (AIOPROC_COMPILATION)
# error "Only <aioproc.h> can be included directly."
#endif

#include <gio/gio.h>

#include "aioproc-connection.h"
#include "aioproc-security.h"
#include "aioproc-version-macros.h"

G_BEGIN_DECLS

#define AIOPROC_TYPE_CLIENT (aioproc_client_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocClient, aioproc_client, AIOPROC, CLIENT, GObject)

AIOPROC_AVAILABLE_IN_ALL
AioprocClient     *aioproc_client_new               (AioprocSecurity      *security)
                                                     G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
AioprocConnection *aioproc_client_connect_to        (AioprocClient        *self,
                                                     GSocketConnectable   *connectable,
                                                     gint64                timeout_usec,
                                                     GCancellable         *cancellable,
                                                     GError              **error)
                                                     G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
void               aioproc_client_connect_to_async  (AioprocClient        *self,
                                                     GSocketConnectable   *connectable,
                                                     gint64                timeout_usec,
                                                     GCancellable         *cancellable,
                                                     GAsyncReadyCallback   callback,
                                                     gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
AioprocConnection *aioproc_client_connect_to_finish (AioprocClient        *self,
                                                     GAsyncResult         *result,
                                                     GError              **error)
                                                     G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
