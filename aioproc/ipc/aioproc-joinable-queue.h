/* aioproc-joinable-queue.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined (AIOPROC_INSIDE) && !defined (AIOPROC_COMPILATION)
# error "Only <aioproc.h> can be included directly."
#endif

#include "aioproc-queue.h"

G_BEGIN_DECLS

#define AIOPROC_TYPE_JOINABLE_QUEUE       (aioproc_joinable_queue_get_type ())
#define AIOPROC_JOINABLE_QUEUE(object)    (G_TYPE_CHECK_INSTANCE_CAST ((object),       \
                                             AIOPROC_TYPE_JOINABLE_QUEUE,              \
                                             AioprocJoinableQueue))
#define AIOPROC_IS_JOINABLE_QUEUE(object) (G_TYPE_CHECK_INSTANCE_TYPE ((object),       \
                                             AIOPROC_TYPE_JOINABLE_QUEUE))

typedef struct _AioprocJoinableQueue      AioprocJoinableQueue;
typedef struct _AioprocJoinableQueueClass AioprocJoinableQueueClass;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocJoinableQueue, g_object_unref)

AIOPROC_AVAILABLE_IN_ALL
GType                 aioproc_joinable_queue_get_type    (void);

AIOPROC_AVAILABLE_IN_ALL
AioprocJoinableQueue *aioproc_joinable_queue_new         (guint                  max_items,
                                                          GError               **error)
                                                          G_GNUC_WARN_UNUSED_RESULT;

AIOPROC_AVAILABLE_IN_ALL
gboolean              aioproc_joinable_queue_task_done   (AioprocJoinableQueue  *self,
                                                          GError               **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean              aioproc_joinable_queue_try_join    (AioprocJoinableQueue  *self,
                                                          GError               **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean              aioproc_joinable_queue_join        (AioprocJoinableQueue  *self,
                                                          gint64                 timeout_usec,
                                                          GCancellable          *cancellable,
                                                          GError               **error);
AIOPROC_AVAILABLE_IN_ALL
void                  aioproc_joinable_queue_join_async  (AioprocJoinableQueue  *self,
                                                          gint64                 timeout_usec,
                                                          GCancellable          *cancellable,
                                                          GAsyncReadyCallback    callback,
                                                          gpointer               user_data);
AIOPROC_AVAILABLE_IN_ALL
gboolean              aioproc_joinable_queue_join_finish (AioprocJoinableQueue  *self,
                                                          GAsyncResult          *result,
                                                          GError               **error);

G_END_DECLS
