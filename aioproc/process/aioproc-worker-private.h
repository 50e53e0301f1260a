/* aioproc-worker-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What this process is to Aioproc. */
typedef enum
{
  AIOPROC_ROLE_PROGRAM,       /* not started by Aioproc, or not yet known to be */
  AIOPROC_ROLE_FORKSERVER,
  AIOPROC_ROLE_BOOTSTRAP,     /* a worker that has not yet found its function */
  AIOPROC_ROLE_WORKER,
} AioprocRole;

AioprocRole     aioproc_worker_get_role     (void);
void            aioproc_worker_set_role     (AioprocRole   role);

/* Each serves the one call that arrives on @control_fd, runs exit handlers, and ends the process.
 * @hangup_fd hangs up when the program that started the worker ends, of which the worker dies.
 */

/* In a run of the worker program of its own (SPAWN). */
G_NORETURN void aioproc_worker_main_spawned (int           control_fd,
                                             int           hangup_fd);
/* In a child of the forkserver (FORKSERVER). */
G_NORETURN void aioproc_worker_main_served  (int           control_fd,
                                             int           hangup_fd);
/* In a child of the program (FORK). */
G_NORETURN void aioproc_worker_main_forked  (int           control_fd,
                                             int           hangup_fd);

/* In the forkserver, before it serves: makes its workers start faster. */
void            aioproc_worker_rehearse     (void);
/* Runs one preload function by name, in the forkserver. */
gboolean        aioproc_worker_preload      (const char   *name,
                                             GError      **error);

G_END_DECLS
