/* aioproc-spawn-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <sys/types.h>

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  int source;   /* in this process */
  int target;   /* in the child */
} AioprocSpawnFd;

/* posix_spawn(): never a fork of a large process. In the child: exactly descriptors 0 to 2 and
 * the targets of @fds exist (one of 0 to 2 that is closed here, or close-on-exec, and no target, is
 * /dev/null there), all signals have their default disposition, none is blocked. @path is not
 * searched for. A source may be another's target, but no two targets may be the same.
 *
 * Returns the pid and a pidfd opened before the child can have been reaped, as long as nothing
 * else in this process reaps it: then the error is G_IO_ERROR_NOT_FOUND.
 */
gboolean aioproc_spawn           (const char           *path,
                                  const char * const   *argv,
                                  const char * const   *envp,
                                  const AioprocSpawnFd *fds,
                                  guint                 n_fds,
                                  pid_t                *pid,
                                  int                  *pidfd,
                                  GError              **error);

/* Threads of this process, from /proc/self/task; -1 where that cannot be read. Needs no
 * descriptor.
 */
int      aioproc_process_count_threads (void);

G_END_DECLS
