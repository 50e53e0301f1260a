/* aioproc-lock.h
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

#define AIOPROC_TYPE_LOCK (aioproc_lock_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocLock, aioproc_lock, AIOPROC, LOCK, GObject)

AIOPROC_AVAILABLE_IN_ALL
AioprocLock *aioproc_lock_new               (GError              **error) G_GNUC_WARN_UNUSED_RESULT;

AIOPROC_AVAILABLE_IN_ALL
const char  *aioproc_lock_get_name          (AioprocLock          *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean     aioproc_lock_get_strict        (AioprocLock          *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean     aioproc_lock_get_was_abandoned (AioprocLock          *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean     aioproc_lock_is_locked         (AioprocLock          *self);

AIOPROC_AVAILABLE_IN_ALL
gboolean     aioproc_lock_try_acquire       (AioprocLock          *self,
                                             GError              **error) G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
gboolean     aioproc_lock_acquire           (AioprocLock          *self,
                                             gint64                timeout_usec,
                                             GCancellable         *cancellable,
                                             GError              **error) G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
void         aioproc_lock_acquire_async     (AioprocLock          *self,
                                             gint64                timeout_usec,
                                             GCancellable         *cancellable,
                                             GAsyncReadyCallback   callback,
                                             gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
gboolean     aioproc_lock_acquire_finish    (AioprocLock          *self,
                                             GAsyncResult         *result,
                                             GError              **error) G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
gboolean     aioproc_lock_release           (AioprocLock          *self,
                                             GError              **error);

G_END_DECLS
