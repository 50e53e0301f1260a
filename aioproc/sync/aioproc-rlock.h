/* aioproc-rlock.h
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

#define AIOPROC_TYPE_RLOCK (aioproc_rlock_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocRLock, aioproc_rlock, AIOPROC, RLOCK, GObject)

AIOPROC_AVAILABLE_IN_ALL
AioprocRLock *aioproc_rlock_new               (GError              **error)
                                               G_GNUC_WARN_UNUSED_RESULT;

AIOPROC_AVAILABLE_IN_ALL
const char   *aioproc_rlock_get_name          (AioprocRLock         *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_rlock_get_strict        (AioprocRLock         *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_rlock_get_was_abandoned (AioprocRLock         *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_rlock_is_locked         (AioprocRLock         *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_rlock_is_owned          (AioprocRLock         *self,
                                               guint64               owner);
AIOPROC_AVAILABLE_IN_ALL
guint64       aioproc_rlock_get_depth         (AioprocRLock         *self,
                                               guint64               owner);

AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_rlock_try_acquire       (AioprocRLock         *self,
                                               guint64               owner,
                                               GError              **error)
                                               G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_rlock_acquire           (AioprocRLock         *self,
                                               guint64               owner,
                                               gint64                timeout_usec,
                                               GCancellable         *cancellable,
                                               GError              **error)
                                               G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
void          aioproc_rlock_acquire_async     (AioprocRLock         *self,
                                               guint64               owner,
                                               gint64                timeout_usec,
                                               GCancellable         *cancellable,
                                               GAsyncReadyCallback   callback,
                                               gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_rlock_acquire_finish    (AioprocRLock         *self,
                                               GAsyncResult         *result,
                                               GError              **error)
                                               G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_rlock_release           (AioprocRLock         *self,
                                               guint64               owner,
                                               GError              **error);

G_END_DECLS
