/* aioproc-simple-queue.h
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

#define AIOPROC_TYPE_SIMPLE_QUEUE (aioproc_simple_queue_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocSimpleQueue, aioproc_simple_queue, AIOPROC, SIMPLE_QUEUE, GObject)

AIOPROC_AVAILABLE_IN_ALL
AioprocSimpleQueue *aioproc_simple_queue_new               (GError **error)
                                                            G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
const char         *aioproc_simple_queue_get_name          (AioprocSimpleQueue *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean            aioproc_simple_queue_is_empty          (AioprocSimpleQueue *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean            aioproc_simple_queue_put               (AioprocSimpleQueue  *self,
                                                            GVariant            *value,
                                                            gint64               timeout_usec,
                                                            GCancellable        *cancellable,
                                                            GError             **error);
AIOPROC_AVAILABLE_IN_ALL
void                aioproc_simple_queue_put_async         (AioprocSimpleQueue  *self,
                                                            GVariant            *value,
                                                            gint64               timeout_usec,
                                                            GCancellable        *cancellable,
                                                            GAsyncReadyCallback  callback,
                                                            gpointer             user_data);
AIOPROC_AVAILABLE_IN_ALL
gboolean            aioproc_simple_queue_put_finish        (AioprocSimpleQueue  *self,
                                                            GAsyncResult        *result,
                                                            GError             **error);
AIOPROC_AVAILABLE_IN_ALL
GVariant           *aioproc_simple_queue_get               (AioprocSimpleQueue  *self,
                                                            gint64               timeout_usec,
                                                            GCancellable        *cancellable,
                                                            GError             **error)
                                                            G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
void                aioproc_simple_queue_get_async         (AioprocSimpleQueue  *self,
                                                            gint64               timeout_usec,
                                                            GCancellable        *cancellable,
                                                            GAsyncReadyCallback  callback,
                                                            gpointer             user_data);
AIOPROC_AVAILABLE_IN_ALL
GVariant           *aioproc_simple_queue_get_finish        (AioprocSimpleQueue  *self,
                                                            GAsyncResult        *result,
                                                            GError             **error)
                                                            G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
gboolean            aioproc_simple_queue_put_bytes         (AioprocSimpleQueue  *self,
                                                            GBytes              *bytes,
                                                            gint64               timeout_usec,
                                                            GCancellable        *cancellable,
                                                            GError             **error);
AIOPROC_AVAILABLE_IN_ALL
void                aioproc_simple_queue_put_bytes_async   (AioprocSimpleQueue  *self,
                                                            GBytes              *bytes,
                                                            gint64               timeout_usec,
                                                            GCancellable        *cancellable,
                                                            GAsyncReadyCallback  callback,
                                                            gpointer             user_data);
AIOPROC_AVAILABLE_IN_ALL
gboolean            aioproc_simple_queue_put_bytes_finish  (AioprocSimpleQueue  *self,
                                                            GAsyncResult        *result,
                                                            GError             **error);
AIOPROC_AVAILABLE_IN_ALL
GBytes             *aioproc_simple_queue_get_bytes         (AioprocSimpleQueue  *self,
                                                            gint64               timeout_usec,
                                                            GCancellable        *cancellable,
                                                            GError             **error)
                                                            G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
void                aioproc_simple_queue_get_bytes_async   (AioprocSimpleQueue  *self,
                                                            gint64               timeout_usec,
                                                            GCancellable        *cancellable,
                                                            GAsyncReadyCallback  callback,
                                                            gpointer             user_data);
AIOPROC_AVAILABLE_IN_ALL
GBytes             *aioproc_simple_queue_get_bytes_finish  (AioprocSimpleQueue  *self,
                                                            GAsyncResult        *result,
                                                            GError             **error)
                                                            G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
gboolean            aioproc_simple_queue_close             (AioprocSimpleQueue  *self,
                                                            GError             **error);

G_END_DECLS
