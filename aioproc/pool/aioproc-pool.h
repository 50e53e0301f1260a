/* aioproc-pool.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined (AIOPROC_INSIDE) && !defined (AIOPROC_COMPILATION)
# error "Only <aioproc.h> can be included directly."
#endif

#include <gio/gio.h>

#include "aioproc-context.h"
#include "aioproc-message.h"
#include "aioproc-task.h"
#include "aioproc-version-macros.h"

G_BEGIN_DECLS

#define AIOPROC_TYPE_POOL (aioproc_pool_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocPool, aioproc_pool, AIOPROC, POOL, GObject)

AIOPROC_AVAILABLE_IN_ALL
AioprocPool    *aioproc_pool_new                  (AioprocContext       *context,
                                                   guint                 n_workers,
                                                   GError              **error)
                                                   G_GNUC_WARN_UNUSED_RESULT;

AIOPROC_AVAILABLE_IN_ALL
AioprocContext *aioproc_pool_get_context          (AioprocPool          *self);
AIOPROC_AVAILABLE_IN_ALL
const char     *aioproc_pool_get_name             (AioprocPool          *self);
AIOPROC_AVAILABLE_IN_ALL
guint           aioproc_pool_get_n_workers        (AioprocPool          *self);
AIOPROC_AVAILABLE_IN_ALL
gint64          aioproc_pool_get_task_timeout     (AioprocPool          *self);
AIOPROC_AVAILABLE_IN_ALL
void            aioproc_pool_set_task_timeout     (AioprocPool          *self,
                                                   gint64                timeout_usec);
AIOPROC_AVAILABLE_IN_ALL
guint           aioproc_pool_get_max_retries      (AioprocPool          *self);
AIOPROC_AVAILABLE_IN_ALL
void            aioproc_pool_set_max_retries      (AioprocPool          *self,
                                                   guint                 max_retries);

AIOPROC_AVAILABLE_IN_ALL
GVariant       *aioproc_pool_apply                (AioprocPool          *self,
                                                   const char           *function,
                                                   GVariant             *arguments,
                                                   GCancellable         *cancellable,
                                                   GError              **error);
AIOPROC_AVAILABLE_IN_ALL
void            aioproc_pool_apply_async          (AioprocPool          *self,
                                                   const char           *function,
                                                   GVariant             *arguments,
                                                   GCancellable         *cancellable,
                                                   GAsyncReadyCallback   callback,
                                                   gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
GVariant       *aioproc_pool_apply_finish         (AioprocPool          *self,
                                                   GAsyncResult         *result,
                                                   GError              **error);
AIOPROC_AVAILABLE_IN_ALL
AioprocMessage *aioproc_pool_apply_message        (AioprocPool          *self,
                                                   const char           *function,
                                                   AioprocMessage       *message,
                                                   GCancellable         *cancellable,
                                                   GError              **error);
AIOPROC_AVAILABLE_IN_ALL
void            aioproc_pool_apply_message_async  (AioprocPool          *self,
                                                   const char           *function,
                                                   AioprocMessage       *message,
                                                   GCancellable         *cancellable,
                                                   GAsyncReadyCallback   callback,
                                                   gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
AioprocMessage *aioproc_pool_apply_message_finish (AioprocPool          *self,
                                                   GAsyncResult         *result,
                                                   GError              **error);

AIOPROC_AVAILABLE_IN_ALL
gboolean        aioproc_pool_submit               (AioprocPool          *self,
                                                   AioprocTask          *task,
                                                   GError              **error);

AIOPROC_AVAILABLE_IN_ALL
GPtrArray      *aioproc_pool_map                  (AioprocPool          *self,
                                                   const char           *function,
                                                   GVariant            **items,
                                                   gsize                 n_items,
                                                   guint                 chunk_size,
                                                   GCancellable         *cancellable,
                                                   GError              **error);
AIOPROC_AVAILABLE_IN_ALL
void            aioproc_pool_map_async            (AioprocPool          *self,
                                                   const char           *function,
                                                   GVariant            **items,
                                                   gsize                 n_items,
                                                   guint                 chunk_size,
                                                   GCancellable         *cancellable,
                                                   GAsyncReadyCallback   callback,
                                                   gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
GPtrArray      *aioproc_pool_map_finish           (AioprocPool          *self,
                                                   GAsyncResult         *result,
                                                   GError              **error);

AIOPROC_AVAILABLE_IN_ALL
void            aioproc_pool_close                (AioprocPool          *self);
AIOPROC_AVAILABLE_IN_ALL
void            aioproc_pool_terminate            (AioprocPool          *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean        aioproc_pool_join                 (AioprocPool          *self,
                                                   gint64                timeout_usec,
                                                   GCancellable         *cancellable,
                                                   GError              **error);
AIOPROC_AVAILABLE_IN_ALL
void            aioproc_pool_join_async           (AioprocPool          *self,
                                                   gint64                timeout_usec,
                                                   GCancellable         *cancellable,
                                                   GAsyncReadyCallback   callback,
                                                   gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
gboolean        aioproc_pool_join_finish          (AioprocPool          *self,
                                                   GAsyncResult         *result,
                                                   GError              **error);

G_END_DECLS
