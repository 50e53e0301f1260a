/* aioproc-connection.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined (AIOPROC_INSIDE) && !defined (AIOPROC_COMPILATION)
# error "Only <aioproc.h> can be included directly."
#endif

#include <gio/gio.h>

#include "aioproc-message.h"
#include "aioproc-version-macros.h"

G_BEGIN_DECLS

#define AIOPROC_TYPE_CONNECTION (aioproc_connection_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocConnection, aioproc_connection, AIOPROC, CONNECTION, GObject)

AIOPROC_AVAILABLE_IN_ALL
AioprocConnection *aioproc_connection_new_for_fd        (int                   fd,
                                                         GError              **error)
                                                         G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
AioprocConnection *aioproc_connection_new_for_stream    (GIOStream            *stream,
                                                         GError              **error)
                                                         G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
gboolean           aioproc_pipe                         (gboolean              duplex,
                                                         AioprocConnection   **receiver,
                                                         AioprocConnection   **sender,
                                                         GError              **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean           aioproc_connection_is_readable       (AioprocConnection    *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean           aioproc_connection_is_writable       (AioprocConnection    *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean           aioproc_connection_is_closed         (AioprocConnection    *self);
AIOPROC_AVAILABLE_IN_ALL
guint64            aioproc_connection_get_max_message_size (AioprocConnection *self);
AIOPROC_AVAILABLE_IN_ALL
void               aioproc_connection_set_max_message_size (AioprocConnection *self,
                                                         guint64               max_message_size);
AIOPROC_AVAILABLE_IN_ALL
int                aioproc_connection_get_fd            (AioprocConnection    *self);
AIOPROC_AVAILABLE_IN_ALL
void               aioproc_connection_close             (AioprocConnection    *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean           aioproc_connection_close_send        (AioprocConnection    *self,
                                                         GError              **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean           aioproc_connection_try_send          (AioprocConnection    *self,
                                                         AioprocMessage       *message,
                                                         GError              **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean           aioproc_connection_send              (AioprocConnection    *self,
                                                         AioprocMessage       *message,
                                                         gint64                timeout_usec,
                                                         GCancellable         *cancellable,
                                                         GError              **error);
AIOPROC_AVAILABLE_IN_ALL
void               aioproc_connection_send_async        (AioprocConnection    *self,
                                                         AioprocMessage       *message,
                                                         gint64                timeout_usec,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
gboolean           aioproc_connection_send_finish       (AioprocConnection    *self,
                                                         GAsyncResult         *result,
                                                         GError              **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean           aioproc_connection_try_send_bytes    (AioprocConnection    *self,
                                                         GBytes               *bytes,
                                                         gint64                offset,
                                                         gint64                size,
                                                         GError              **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean           aioproc_connection_send_bytes        (AioprocConnection    *self,
                                                         GBytes               *bytes,
                                                         gint64                offset,
                                                         gint64                size,
                                                         gint64                timeout_usec,
                                                         GCancellable         *cancellable,
                                                         GError              **error);
AIOPROC_AVAILABLE_IN_ALL
void               aioproc_connection_send_bytes_async  (AioprocConnection    *self,
                                                         GBytes               *bytes,
                                                         gint64                offset,
                                                         gint64                size,
                                                         gint64                timeout_usec,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
gboolean           aioproc_connection_send_bytes_finish (AioprocConnection    *self,
                                                         GAsyncResult         *result,
                                                         GError              **error);
AIOPROC_AVAILABLE_IN_ALL
AioprocMessage    *aioproc_connection_try_recv          (AioprocConnection    *self,
                                                         GError              **error)
                                                         G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
AioprocMessage    *aioproc_connection_recv              (AioprocConnection    *self,
                                                         gint64                timeout_usec,
                                                         GCancellable         *cancellable,
                                                         GError              **error)
                                                         G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
void               aioproc_connection_recv_async        (AioprocConnection    *self,
                                                         gint64                timeout_usec,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
AioprocMessage    *aioproc_connection_recv_finish       (AioprocConnection    *self,
                                                         GAsyncResult         *result,
                                                         GError              **error)
                                                         G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
GBytes            *aioproc_connection_try_recv_bytes    (AioprocConnection    *self,
                                                         gint64                max_length,
                                                         GError              **error)
                                                         G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
GBytes            *aioproc_connection_recv_bytes        (AioprocConnection    *self,
                                                         gint64                max_length,
                                                         gint64                timeout_usec,
                                                         GCancellable         *cancellable,
                                                         GError              **error)
                                                         G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
void               aioproc_connection_recv_bytes_async  (AioprocConnection    *self,
                                                         gint64                max_length,
                                                         gint64                timeout_usec,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
GBytes            *aioproc_connection_recv_bytes_finish (AioprocConnection    *self,
                                                         GAsyncResult         *result,
                                                         GError              **error)
                                                         G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
gssize             aioproc_connection_recv_bytes_into   (AioprocConnection    *self,
                                                         void                 *buffer,
                                                         gsize                 size,
                                                         gint64                timeout_usec,
                                                         GCancellable         *cancellable,
                                                         GError              **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean           aioproc_connection_poll              (AioprocConnection    *self,
                                                         gint64                timeout_usec,
                                                         GCancellable         *cancellable,
                                                         GError              **error);
AIOPROC_AVAILABLE_IN_ALL
void               aioproc_connection_poll_async        (AioprocConnection    *self,
                                                         gint64                timeout_usec,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
gboolean           aioproc_connection_poll_finish       (AioprocConnection    *self,
                                                         GAsyncResult         *result,
                                                         GError              **error);

G_END_DECLS
