/* aioproc-completion-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Returns @task, by g_task_return_*(). */
typedef void (*AioprocCompletionFunc) (GTask    *task,
                                       gpointer  data);

/* Has @func called on the main context of @task, never from inside this call. What is pushed for
 * one context is done in order, in batches, by one source. Takes @task. Any thread.
 */
void aioproc_completion_push (GTask                 *task,
                              AioprocCompletionFunc  func,
                              gpointer               data);

/* Whether all that was pushed for a context was begun: then what its own thread returns by itself
 * passes nothing.
 */
gboolean aioproc_completion_is_idle (GMainContext *context);

G_END_DECLS
