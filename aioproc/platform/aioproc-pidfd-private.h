/* aioproc-pidfd-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <sys/types.h>

#include <glib.h>

G_BEGIN_DECLS

int      aioproc_pidfd_open        (pid_t        pid,
                                    GError     **error);
/* A process that is gone already is no error. */
gboolean aioproc_pidfd_send_signal (int          pidfd,
                                    int          signum,
                                    GError     **error);
/* To all processes that are in the group that was made by this one, which may be gone. FALSE: the
 * kernel cannot do that (before Linux 6.9), or the group is empty.
 */
gboolean aioproc_pidfd_signal_group (int          pidfd,
                                     int          signum);
/* Whether the process has ended (zombie or reaped). Never blocks. */
gboolean aioproc_pidfd_is_exited   (int          pidfd);
/* Waits for a child of this process (waitid (P_PIDFD)). @wait_status as from waitpid(). @hang:
 * block until it ends. FALSE without error: not ended yet. G_IO_ERROR_NOT_FOUND: not ours to reap
 * (anymore); where the kernel keeps the exit information (PIDFD_GET_INFO) it is used instead.
 */
gboolean aioproc_pidfd_reap        (int          pidfd,
                                    gboolean     hang,
                                    int         *wait_status,
                                    GError     **error);

G_END_DECLS
