/* aioproc-task.h
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

/**
 * AioprocTaskState:
 * @AIOPROC_TASK_STATE_NEW: It has not been submitted to a pool.
 * @AIOPROC_TASK_STATE_QUEUED: No worker has begun with it.
 * @AIOPROC_TASK_STATE_RUNNING: A worker is at it.
 * @AIOPROC_TASK_STATE_SUCCEEDED: It has a result.
 * @AIOPROC_TASK_STATE_FAILED: It has an error.
 * @AIOPROC_TASK_STATE_CANCELLED: It was cancelled, or its pool terminated.
 *
 * How far a task is.
 *
 * Since: 0.1
 */
typedef enum
{
  AIOPROC_TASK_STATE_NEW = 1,
  AIOPROC_TASK_STATE_QUEUED,
  AIOPROC_TASK_STATE_RUNNING,
  AIOPROC_TASK_STATE_SUCCEEDED,
  AIOPROC_TASK_STATE_FAILED,
  AIOPROC_TASK_STATE_CANCELLED,
} AioprocTaskState;

#define AIOPROC_TYPE_TASK_STATE (aioproc_task_state_get_type ())
#define AIOPROC_TYPE_TASK       (aioproc_task_get_type ())

AIOPROC_AVAILABLE_IN_ALL
GType             aioproc_task_state_get_type    (void);

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocTask, aioproc_task, AIOPROC, TASK, GObject)

AIOPROC_AVAILABLE_IN_ALL
AioprocTask      *aioproc_task_new                (const char           *function,
                                                   GVariant             *arguments)
                                                   G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
AioprocTask      *aioproc_task_new_with_message   (const char           *function,
                                                   AioprocMessage       *message)
                                                   G_GNUC_WARN_UNUSED_RESULT;

AIOPROC_AVAILABLE_IN_ALL
const char       *aioproc_task_get_function       (AioprocTask          *self);
AIOPROC_AVAILABLE_IN_ALL
int               aioproc_task_get_priority       (AioprocTask          *self);
AIOPROC_AVAILABLE_IN_ALL
void              aioproc_task_set_priority       (AioprocTask          *self,
                                                   int                   priority);
AIOPROC_AVAILABLE_IN_ALL
gint64            aioproc_task_get_timeout        (AioprocTask          *self);
AIOPROC_AVAILABLE_IN_ALL
void              aioproc_task_set_timeout        (AioprocTask          *self,
                                                   gint64                timeout_usec);
AIOPROC_AVAILABLE_IN_ALL
AioprocTaskState  aioproc_task_get_state          (AioprocTask          *self);
AIOPROC_AVAILABLE_IN_ALL
double            aioproc_task_get_progress       (AioprocTask          *self);
AIOPROC_AVAILABLE_IN_ALL
char             *aioproc_task_dup_progress_text  (AioprocTask          *self);
AIOPROC_AVAILABLE_IN_ALL
int               aioproc_task_get_worker_pid     (AioprocTask          *self);
AIOPROC_AVAILABLE_IN_ALL
gint64            aioproc_task_get_started_time   (AioprocTask          *self);
AIOPROC_AVAILABLE_IN_ALL
gint64            aioproc_task_get_finished_time  (AioprocTask          *self);

AIOPROC_AVAILABLE_IN_ALL
void              aioproc_task_cancel             (AioprocTask          *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_task_wait               (AioprocTask          *self,
                                                   gint64                timeout_usec,
                                                   GCancellable         *cancellable,
                                                   GError              **error);
AIOPROC_AVAILABLE_IN_ALL
void              aioproc_task_wait_async         (AioprocTask          *self,
                                                   gint64                timeout_usec,
                                                   GCancellable         *cancellable,
                                                   GAsyncReadyCallback   callback,
                                                   gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_task_wait_finish        (AioprocTask          *self,
                                                   GAsyncResult         *result,
                                                   GError              **error);
AIOPROC_AVAILABLE_IN_ALL
GVariant         *aioproc_task_dup_result         (AioprocTask          *self,
                                                   GError              **error);
AIOPROC_AVAILABLE_IN_ALL
AioprocMessage   *aioproc_task_dup_result_message (AioprocTask          *self,
                                                   GError              **error);

G_END_DECLS
