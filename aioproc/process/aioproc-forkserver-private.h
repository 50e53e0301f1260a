/* aioproc-forkserver-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The supervisor of workers that are forked from a program (FORKSERVER): that program itself, when
 * its environment says `AIOPROC_WORKER=forkserver:SOCKET:HANGUP`.
 */

/* Runs one preload function by name. */
typedef gboolean (*AioprocForkserverPreload) (const char *name,
                                              GError    **error);
/* What a forked worker does; it must not return. */
typedef void     (*AioprocForkserverWorker)  (int         control_fd,
                                              int         hangup_fd);

/* Runs the preloads, then forks on request until the application hangs up. To be called while the
 * process has one thread.
 */
G_NORETURN void aioproc_forkserver_main   (int                      socket_fd,
                                           int                      hangup_fd,
                                           AioprocForkserverPreload preload,
                                           AioprocForkserverWorker  worker);
/* Instead of it: tells every start that it fails with @error, and ends the process. */
G_NORETURN void aioproc_forkserver_refuse (int                      socket_fd,
                                           const GError            *error);

G_END_DECLS
