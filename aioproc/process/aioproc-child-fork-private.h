/* aioproc-child-fork-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <sys/types.h>

#include <gio/gio.h>

#include "process/aioproc-child-spec-private.h"

G_BEGIN_DECLS

/* Forks this process, which becomes the parent of the worker, in the calling thread (FORK).
 * AIOPROC_ERROR_FORK_REFUSED while it has threads that Aioproc has not started.
 *
 * In the new process: @clean (@data) lets go of what is the parent's, then @worker is called, which
 * never returns.
 */
gboolean aioproc_child_fork (const AioprocChildSpec  *spec,
                             int                      control_fd,
                             int                      hangup_fd,
                             void                   (*clean) (gpointer data),
                             gpointer                 data,
                             void                   (*worker) (int control_fd,
                                                               int hangup_fd),
                             pid_t                   *pid,
                             int                     *pidfd,
                             GError                 **error);

G_END_DECLS
