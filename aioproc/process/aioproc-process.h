/* aioproc-process.h
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
#include "aioproc-version-macros.h"

G_BEGIN_DECLS

#define AIOPROC_TYPE_PROCESS (aioproc_process_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocProcess, aioproc_process, AIOPROC, PROCESS, GObject)

AIOPROC_AVAILABLE_IN_ALL
AioprocProcess *aioproc_process_new                 (AioprocContext       *context,
                                                     const char           *function,
                                                     GVariant             *arguments)
                                                     G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
AioprocProcess *aioproc_process_new_with_message    (AioprocContext       *context,
                                                     const char           *function,
                                                     AioprocMessage       *message)
                                                     G_GNUC_WARN_UNUSED_RESULT;

AIOPROC_AVAILABLE_IN_ALL
AioprocProcess *aioproc_process_get_current         (void);
AIOPROC_AVAILABLE_IN_ALL
AioprocProcess *aioproc_process_get_parent          (void);
AIOPROC_AVAILABLE_IN_ALL
GPtrArray      *aioproc_process_get_active_children (void) G_GNUC_WARN_UNUSED_RESULT;

AIOPROC_AVAILABLE_IN_ALL
AioprocContext *aioproc_process_get_context         (AioprocProcess       *self);
AIOPROC_AVAILABLE_IN_ALL
const char     *aioproc_process_get_function        (AioprocProcess       *self);
AIOPROC_AVAILABLE_IN_ALL
char           *aioproc_process_dup_name            (AioprocProcess       *self);
AIOPROC_AVAILABLE_IN_ALL
void            aioproc_process_set_name            (AioprocProcess       *self,
                                                     const char           *name);
AIOPROC_AVAILABLE_IN_ALL
gboolean        aioproc_process_get_daemon          (AioprocProcess       *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean        aioproc_process_set_daemon          (AioprocProcess       *self,
                                                     gboolean              is_daemon,
                                                     GError              **error);
AIOPROC_AVAILABLE_IN_ALL
double          aioproc_process_get_progress        (AioprocProcess       *self);
AIOPROC_AVAILABLE_IN_ALL
char           *aioproc_process_dup_progress_text   (AioprocProcess       *self);

AIOPROC_AVAILABLE_IN_ALL
gboolean        aioproc_process_start               (AioprocProcess       *self,
                                                     GCancellable         *cancellable,
                                                     GError              **error);
AIOPROC_AVAILABLE_IN_ALL
void            aioproc_process_start_async         (AioprocProcess       *self,
                                                     GCancellable         *cancellable,
                                                     GAsyncReadyCallback   callback,
                                                     gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
gboolean        aioproc_process_start_finish        (AioprocProcess       *self,
                                                     GAsyncResult         *result,
                                                     GError              **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean        aioproc_process_join                (AioprocProcess       *self,
                                                     gint64                timeout_usec,
                                                     GCancellable         *cancellable,
                                                     GError              **error);
AIOPROC_AVAILABLE_IN_ALL
void            aioproc_process_join_async          (AioprocProcess       *self,
                                                     gint64                timeout_usec,
                                                     GCancellable         *cancellable,
                                                     GAsyncReadyCallback   callback,
                                                     gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
gboolean        aioproc_process_join_finish         (AioprocProcess       *self,
                                                     GAsyncResult         *result,
                                                     GError              **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean        aioproc_process_cancel              (AioprocProcess       *self,
                                                     GError              **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean        aioproc_process_terminate           (AioprocProcess       *self,
                                                     GError              **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean        aioproc_process_kill                (AioprocProcess       *self,
                                                     GError              **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean        aioproc_process_send_signal         (AioprocProcess       *self,
                                                     int                   signum,
                                                     GError              **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean        aioproc_process_close               (AioprocProcess       *self,
                                                     GError              **error);

AIOPROC_AVAILABLE_IN_ALL
gboolean        aioproc_process_is_alive            (AioprocProcess       *self);
AIOPROC_AVAILABLE_IN_ALL
int             aioproc_process_get_pid             (AioprocProcess       *self);
AIOPROC_AVAILABLE_IN_ALL
int             aioproc_process_get_sentinel        (AioprocProcess       *self,
                                                     GError              **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean        aioproc_process_get_exit_code       (AioprocProcess       *self,
                                                     int                  *exit_code);
AIOPROC_AVAILABLE_IN_ALL
GVariant       *aioproc_process_dup_result          (AioprocProcess       *self,
                                                     GError              **error);
AIOPROC_AVAILABLE_IN_ALL
AioprocMessage *aioproc_process_dup_result_message  (AioprocProcess       *self,
                                                     GError              **error);

G_END_DECLS
