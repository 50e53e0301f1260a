/* aioproc-supervisor-spawn-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <sys/types.h>

#include <gio/gio.h>

#include "process/aioproc-parent-fd-private.h"

G_BEGIN_DECLS

/* Starts the process of a supervisor, which gets one end each of two new pairs of sockets. It is
 * the launcher, or the forkserver that the launcher becomes: @forkserver_argv is not NULL then.
 */
gboolean aioproc_supervisor_spawn   (char            **forkserver_argv,
                                     char            **forkserver_environment,
                                     AioprocParentFd  *socket_fd,
                                     AioprocParentFd  *hangup_fd,
                                     AioprocParentFd  *pidfd,
                                     pid_t            *pid,
                                     GError          **error);

/* The file name of a program of the library, in $AIOPROC_LIBEXECDIR, beside a library that is not
 * installed, or where it was installed.
 */
char    *aioproc_build_program_path (const char       *name);

G_END_DECLS
