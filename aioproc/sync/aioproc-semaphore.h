/* aioproc-semaphore.h
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

#define AIOPROC_TYPE_SEMAPHORE            (aioproc_semaphore_get_type ())
#define AIOPROC_SEMAPHORE(object)         (G_TYPE_CHECK_INSTANCE_CAST ((object),          \
                                                                       AIOPROC_TYPE_SEMAPHORE, \
                                                                       AioprocSemaphore))
#define AIOPROC_IS_SEMAPHORE(object)      (G_TYPE_CHECK_INSTANCE_TYPE ((object),          \
                                                                       AIOPROC_TYPE_SEMAPHORE))

typedef struct _AioprocSemaphore      AioprocSemaphore;
typedef struct _AioprocSemaphoreClass AioprocSemaphoreClass;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocSemaphore, g_object_unref)

AIOPROC_AVAILABLE_IN_ALL
GType             aioproc_semaphore_get_type          (void);

AIOPROC_AVAILABLE_IN_ALL
AioprocSemaphore *aioproc_semaphore_new               (guint                 initial_value,
                                                       GError              **error)
                                                       G_GNUC_WARN_UNUSED_RESULT;

AIOPROC_AVAILABLE_IN_ALL
const char       *aioproc_semaphore_get_name          (AioprocSemaphore     *self);
AIOPROC_AVAILABLE_IN_ALL
guint             aioproc_semaphore_get_initial_value (AioprocSemaphore     *self);
AIOPROC_AVAILABLE_IN_ALL
guint             aioproc_semaphore_get_value         (AioprocSemaphore     *self);
AIOPROC_AVAILABLE_IN_ALL
guint             aioproc_semaphore_get_held          (AioprocSemaphore     *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_semaphore_is_locked         (AioprocSemaphore     *self);

AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_semaphore_try_acquire       (AioprocSemaphore     *self,
                                                       GError              **error)
                                                       G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_semaphore_acquire           (AioprocSemaphore     *self,
                                                       gint64                timeout_usec,
                                                       GCancellable         *cancellable,
                                                       GError              **error)
                                                       G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
void              aioproc_semaphore_acquire_async     (AioprocSemaphore     *self,
                                                       gint64                timeout_usec,
                                                       GCancellable         *cancellable,
                                                       GAsyncReadyCallback   callback,
                                                       gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_semaphore_acquire_finish    (AioprocSemaphore     *self,
                                                       GAsyncResult         *result,
                                                       GError              **error)
                                                       G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_semaphore_release           (AioprocSemaphore     *self,
                                                       GError              **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_semaphore_post              (AioprocSemaphore     *self,
                                                       GError              **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_semaphore_consume           (AioprocSemaphore     *self,
                                                       GError              **error);

G_END_DECLS
