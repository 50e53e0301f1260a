/* aioproc-listener.h
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

#define AIOPROC_TYPE_LISTENER (aioproc_listener_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocListener, aioproc_listener, AIOPROC, LISTENER, GObject)

AIOPROC_AVAILABLE_IN_ALL
AioprocListener   *aioproc_listener_new               (GSocketAddress       *address,
                                                       AioprocSecurity      *security,
                                                       GError              **error)
                                                       G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
GSocketAddress    *aioproc_listener_get_address       (AioprocListener      *self);
AIOPROC_AVAILABLE_IN_ALL
guint              aioproc_listener_get_backlog       (AioprocListener      *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean           aioproc_listener_is_closed         (AioprocListener      *self);
AIOPROC_AVAILABLE_IN_ALL
GSocketAddress    *aioproc_listener_dup_last_accepted (AioprocListener      *self)
                                                       G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
guint64            aioproc_listener_get_n_refused     (AioprocListener      *self);
AIOPROC_AVAILABLE_IN_ALL
GError            *aioproc_listener_dup_last_refusal  (AioprocListener      *self)
                                                       G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
AioprocConnection *aioproc_listener_try_accept        (AioprocListener      *self,
                                                       GError              **error)
                                                       G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
AioprocConnection *aioproc_listener_accept            (AioprocListener      *self,
                                                       gint64                timeout_usec,
                                                       GCancellable         *cancellable,
                                                       GError              **error)
                                                       G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
void               aioproc_listener_accept_async      (AioprocListener      *self,
                                                       gint64                timeout_usec,
                                                       GCancellable         *cancellable,
                                                       GAsyncReadyCallback   callback,
                                                       gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
AioprocConnection *aioproc_listener_accept_finish     (AioprocListener      *self,
                                                       GAsyncResult         *result,
                                                       GError              **error)
                                                       G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
void               aioproc_listener_close             (AioprocListener      *self);

G_END_DECLS
