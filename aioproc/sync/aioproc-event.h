/* aioproc-event.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined (AIOPROC_INSIDE) && !defined (AIOPROC_COMPILATION)
# error "Only <aioproc.h> can be included directly."
#endif

#include <gio/gio.h>

#include "aioproc-version-macros.h"

G_BEGIN_DECLS

#define AIOPROC_TYPE_EVENT (aioproc_event_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocEvent, aioproc_event, AIOPROC, EVENT, GObject)

AIOPROC_AVAILABLE_IN_ALL
AioprocEvent *aioproc_event_new         (GError              **error) G_GNUC_WARN_UNUSED_RESULT;

AIOPROC_AVAILABLE_IN_ALL
const char   *aioproc_event_get_name    (AioprocEvent         *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_event_is_set      (AioprocEvent         *self);

AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_event_set         (AioprocEvent         *self,
                                         GError              **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_event_clear       (AioprocEvent         *self,
                                         GError              **error);

AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_event_wait        (AioprocEvent         *self,
                                         gint64                timeout_usec,
                                         GCancellable         *cancellable,
                                         GError              **error);
AIOPROC_AVAILABLE_IN_ALL
void          aioproc_event_wait_async  (AioprocEvent         *self,
                                         gint64                timeout_usec,
                                         GCancellable         *cancellable,
                                         GAsyncReadyCallback   callback,
                                         gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_event_wait_finish (AioprocEvent         *self,
                                         GAsyncResult         *result,
                                         GError              **error);

G_END_DECLS
