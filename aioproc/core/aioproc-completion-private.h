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

G_END_DECLS
