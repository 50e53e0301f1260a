/* aioproc-queue.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined (AIOPROC_INSIDE) && !defined (AIOPROC_COMPILATION)
# error "Only <aioproc.h> can be included directly."
#endif

#include <gio/gio.h>

#include "aioproc-queue-failure.h"
#include "aioproc-queue-lease.h"
#include "aioproc-queue-loan.h"
#include "aioproc-version-macros.h"

G_BEGIN_DECLS

#define AIOPROC_TYPE_QUEUE       (aioproc_queue_get_type ())
#define AIOPROC_QUEUE(object)    (G_TYPE_CHECK_INSTANCE_CAST ((object), AIOPROC_TYPE_QUEUE, \
                                                              AioprocQueue))
#define AIOPROC_IS_QUEUE(object) (G_TYPE_CHECK_INSTANCE_TYPE ((object), AIOPROC_TYPE_QUEUE))

typedef struct _AioprocQueue      AioprocQueue;
typedef struct _AioprocQueueClass AioprocQueueClass;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocQueue, g_object_unref)

AIOPROC_AVAILABLE_IN_ALL
GType         aioproc_queue_get_type         (void);

AIOPROC_AVAILABLE_IN_ALL
AioprocQueue *aioproc_queue_new              (guint                 max_items,
                                              GError              **error)
                                              G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
const char   *aioproc_queue_get_name         (AioprocQueue         *self);
AIOPROC_AVAILABLE_IN_ALL
guint         aioproc_queue_get_max_items    (AioprocQueue         *self);
AIOPROC_AVAILABLE_IN_ALL
guint         aioproc_queue_get_max_deliveries (AioprocQueue       *self);
AIOPROC_AVAILABLE_IN_ALL
guint64       aioproc_queue_get_max_bytes    (AioprocQueue         *self);
AIOPROC_AVAILABLE_IN_ALL
guint         aioproc_queue_get_peak_items   (AioprocQueue         *self);
AIOPROC_AVAILABLE_IN_ALL
guint64       aioproc_queue_get_peak_bytes   (AioprocQueue         *self);
AIOPROC_AVAILABLE_IN_ALL
guint         aioproc_queue_get_size         (AioprocQueue         *self);
AIOPROC_AVAILABLE_IN_ALL
guint64       aioproc_queue_get_n_bytes      (AioprocQueue         *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_queue_is_empty         (AioprocQueue         *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_queue_is_full          (AioprocQueue         *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_queue_is_closed        (AioprocQueue         *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_queue_try_put          (AioprocQueue         *self,
                                              GVariant             *value,
                                              GError              **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_queue_put              (AioprocQueue         *self,
                                              GVariant             *value,
                                              gint64                timeout_usec,
                                              GCancellable         *cancellable,
                                              GError              **error);
AIOPROC_AVAILABLE_IN_ALL
void          aioproc_queue_put_async        (AioprocQueue         *self,
                                              GVariant             *value,
                                              gint64                timeout_usec,
                                              GCancellable         *cancellable,
                                              GAsyncReadyCallback   callback,
                                              gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_queue_put_finish       (AioprocQueue         *self,
                                              GAsyncResult         *result,
                                              GError              **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_queue_try_put_bytes    (AioprocQueue         *self,
                                              GBytes               *bytes,
                                              GError              **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_queue_put_bytes        (AioprocQueue         *self,
                                              GBytes               *bytes,
                                              gint64                timeout_usec,
                                              GCancellable         *cancellable,
                                              GError              **error);
AIOPROC_AVAILABLE_IN_ALL
void          aioproc_queue_put_bytes_async  (AioprocQueue         *self,
                                              GBytes               *bytes,
                                              gint64                timeout_usec,
                                              GCancellable         *cancellable,
                                              GAsyncReadyCallback   callback,
                                              gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_queue_put_bytes_finish (AioprocQueue         *self,
                                              GAsyncResult         *result,
                                              GError              **error);
AIOPROC_AVAILABLE_IN_ALL
AioprocQueueLoan *aioproc_queue_try_loan     (AioprocQueue         *self,
                                              gsize                 size,
                                              GError              **error)
                                              G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
AioprocQueueLoan *aioproc_queue_loan         (AioprocQueue         *self,
                                              gsize                 size,
                                              gint64                timeout_usec,
                                              GCancellable         *cancellable,
                                              GError              **error)
                                              G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
void          aioproc_queue_loan_async       (AioprocQueue         *self,
                                              gsize                 size,
                                              gint64                timeout_usec,
                                              GCancellable         *cancellable,
                                              GAsyncReadyCallback   callback,
                                              gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
AioprocQueueLoan *aioproc_queue_loan_finish  (AioprocQueue         *self,
                                              GAsyncResult         *result,
                                              GError              **error)
                                              G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
GVariant     *aioproc_queue_try_get          (AioprocQueue         *self,
                                              GError              **error)
                                              G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
GVariant     *aioproc_queue_get              (AioprocQueue         *self,
                                              gint64                timeout_usec,
                                              GCancellable         *cancellable,
                                              GError              **error)
                                              G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
void          aioproc_queue_get_async        (AioprocQueue         *self,
                                              gint64                timeout_usec,
                                              GCancellable         *cancellable,
                                              GAsyncReadyCallback   callback,
                                              gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
GVariant     *aioproc_queue_get_finish       (AioprocQueue         *self,
                                              GAsyncResult         *result,
                                              GError              **error)
                                              G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
GBytes       *aioproc_queue_try_get_bytes    (AioprocQueue         *self,
                                              GError              **error)
                                              G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
GBytes       *aioproc_queue_get_bytes        (AioprocQueue         *self,
                                              gint64                timeout_usec,
                                              GCancellable         *cancellable,
                                              GError              **error)
                                              G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
void          aioproc_queue_get_bytes_async  (AioprocQueue         *self,
                                              gint64                timeout_usec,
                                              GCancellable         *cancellable,
                                              GAsyncReadyCallback   callback,
                                              gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
GBytes       *aioproc_queue_get_bytes_finish (AioprocQueue         *self,
                                              GAsyncResult         *result,
                                              GError              **error)
                                              G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
AioprocQueueLease *aioproc_queue_try_get_leased    (AioprocQueue         *self,
                                                    GError              **error)
                                                    G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
AioprocQueueLease *aioproc_queue_get_leased        (AioprocQueue         *self,
                                                    gint64                timeout_usec,
                                                    GCancellable         *cancellable,
                                                    GError              **error)
                                                    G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
void               aioproc_queue_get_leased_async  (AioprocQueue         *self,
                                                    gint64                timeout_usec,
                                                    GCancellable         *cancellable,
                                                    GAsyncReadyCallback   callback,
                                                    gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
AioprocQueueLease *aioproc_queue_get_leased_finish (AioprocQueue         *self,
                                                    GAsyncResult         *result,
                                                    GError              **error)
                                                    G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
guint                aioproc_queue_get_n_failed    (AioprocQueue         *self);
AIOPROC_AVAILABLE_IN_ALL
AioprocQueueFailure *aioproc_queue_try_get_failed  (AioprocQueue         *self,
                                                    GError              **error)
                                                    G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
guint         aioproc_queue_try_put_many     (AioprocQueue         *self,
                                              GVariant            **values,
                                              guint                 n_values,
                                              GError              **error);
AIOPROC_AVAILABLE_IN_ALL
guint         aioproc_queue_put_many         (AioprocQueue         *self,
                                              GVariant            **values,
                                              guint                 n_values,
                                              gint64                timeout_usec,
                                              GCancellable         *cancellable,
                                              GError              **error);
AIOPROC_AVAILABLE_IN_ALL
void          aioproc_queue_put_many_async   (AioprocQueue         *self,
                                              GVariant            **values,
                                              guint                 n_values,
                                              gint64                timeout_usec,
                                              GCancellable         *cancellable,
                                              GAsyncReadyCallback   callback,
                                              gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
guint         aioproc_queue_put_many_finish  (AioprocQueue         *self,
                                              GAsyncResult         *result,
                                              GError              **error);
AIOPROC_AVAILABLE_IN_ALL
guint         aioproc_queue_try_put_many_bytes (AioprocQueue         *self,
                                                GBytes              **items,
                                                guint                 n_items,
                                                GError              **error);
AIOPROC_AVAILABLE_IN_ALL
guint         aioproc_queue_put_many_bytes   (AioprocQueue         *self,
                                              GBytes              **items,
                                              guint                 n_items,
                                              gint64                timeout_usec,
                                              GCancellable         *cancellable,
                                              GError              **error);
AIOPROC_AVAILABLE_IN_ALL
void          aioproc_queue_put_many_bytes_async (AioprocQueue         *self,
                                                  GBytes              **items,
                                                  guint                 n_items,
                                                  gint64                timeout_usec,
                                                  GCancellable         *cancellable,
                                                  GAsyncReadyCallback   callback,
                                                  gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
guint         aioproc_queue_put_many_bytes_finish (AioprocQueue         *self,
                                                   GAsyncResult         *result,
                                                   GError              **error);
AIOPROC_AVAILABLE_IN_ALL
GPtrArray    *aioproc_queue_try_get_many     (AioprocQueue         *self,
                                              guint                 max_items,
                                              GError              **error)
                                              G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
GPtrArray    *aioproc_queue_get_many         (AioprocQueue         *self,
                                              guint                 max_items,
                                              gint64                timeout_usec,
                                              GCancellable         *cancellable,
                                              GError              **error)
                                              G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
void          aioproc_queue_get_many_async   (AioprocQueue         *self,
                                              guint                 max_items,
                                              gint64                timeout_usec,
                                              GCancellable         *cancellable,
                                              GAsyncReadyCallback   callback,
                                              gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
GPtrArray    *aioproc_queue_get_many_finish  (AioprocQueue         *self,
                                              GAsyncResult         *result,
                                              GError              **error)
                                              G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
GPtrArray    *aioproc_queue_try_get_many_bytes (AioprocQueue         *self,
                                                guint                 max_items,
                                                GError              **error)
                                                G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
GPtrArray    *aioproc_queue_get_many_bytes   (AioprocQueue         *self,
                                              guint                 max_items,
                                              gint64                timeout_usec,
                                              GCancellable         *cancellable,
                                              GError              **error)
                                              G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
void          aioproc_queue_get_many_bytes_async (AioprocQueue         *self,
                                                  guint                 max_items,
                                                  gint64                timeout_usec,
                                                  GCancellable         *cancellable,
                                                  GAsyncReadyCallback   callback,
                                                  gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
GPtrArray    *aioproc_queue_get_many_bytes_finish (AioprocQueue         *self,
                                                   GAsyncResult         *result,
                                                   GError              **error)
                                                   G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
gboolean      aioproc_queue_close            (AioprocQueue         *self,
                                              gboolean              immediate,
                                              GError              **error);

G_END_DECLS
