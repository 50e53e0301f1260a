/* aioproc-exit-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-process.h"

G_BEGIN_DECLS

/* What this process does when it ends by exit(), or by returning from main(); nothing of it is
 * done in a process that was forked from it, if that does not inherit the handlers.
 */

/* First in a worker that a forkserver has forked. */
void       aioproc_exit_inherit_handlers (void);

/* Runs the exit handlers of this process, the latest first, each once. */
void       aioproc_exit_run_handlers     (void);

/* Registers a process that has been started by this one; from the first one on, the end of this
 * process sees to those that still run.
 */
void       aioproc_exit_add_child        (AioprocProcess *process);
void       aioproc_exit_remove_child     (AioprocProcess *process);
/* (transfer full) (element-type AioprocProcess) */
GPtrArray *aioproc_exit_dup_children     (void);
/* Terminates daemons, waits for all, as long as their contexts say, and kills what is left. */
void       aioproc_exit_finish_children  (void);

G_END_DECLS
