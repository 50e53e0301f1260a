/* aioproc-self-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What a process does to itself between its birth and its program. No GLib: the launcher is
 * linked with libc only, and a forked child of a process with threads may call nothing else.
 * Everything here is async-signal-safe but the two forks. Functions that can fail return false, or
 * -1, and set errno.
 */

/* Has the kernel send SIGKILL when the thread that is the parent ends. False with ESRCH: the
 * parent is not @expected_parent, because it has ended already.
 */
bool  aioproc_self_die_with_parent  (pid_t           expected_parent);
/* Has the kernel send SIGKILL when the peer of @fd, a socket that must carry nothing else, hangs
 * up: works on a stopped process too, and is not bound to a thread. It holds across exec while
 * @fd stays open, and is not inherited by forked children. False with ECONNRESET: the peer has
 * hung up already.
 */
bool  aioproc_self_kill_on_hangup   (int             fd);
/* Adopts orphaned descendants, so that they can be reaped and killed. */
bool  aioproc_self_become_subreaper (void);
/* Default disposition for all signals, none blocked. */
void  aioproc_self_reset_signals    (void);
/* A descriptor that the kernel has just made is given the lowest free number, which is that of a
 * standard stream in a program that has closed one: all that is printed would go there, and
 * children would take it for theirs. Returns @fd, or a copy from 3 on instead. -1: there is no
 * room for that, and @fd is closed. @fd may be -1, which stays so, with its errno.
 */
int   aioproc_self_lift_fd          (int             fd);
/* Closes all descriptors from @lowest on. */
bool  aioproc_self_close_fds_from   (int             lowest);
/* The same, but keeps those in @keep, which is sorted in ascending order. */
bool  aioproc_self_close_fds_except (int             lowest,
                                     const int      *keep,
                                     unsigned        n_keep);
/* Lowers both limits of RLIMIT_* @resource to @value; they are never raised. */
bool  aioproc_self_limit            (int             resource,
                                     uint64_t        value);
/* fork(). In the parent: returns the child's id and stores an open pidfd of it; the child is
 * killed and reaped again if there is none. For processes that are the only ones to reap. In the
 * child all signals are blocked, so that those sent to it early reach it once it has called
 * aioproc_self_reset_signals().
 */
pid_t aioproc_self_fork             (int            *pidfd);
/* The same by vfork(), for a child that executes a program: this process stands still until it has
 * done so. @func runs in the child, on this process's memory, and must do nothing but system
 * calls. It returns only where it failed, with a note of that in @data: the child then has ended
 * with status 127, and waits to be reaped.
 */
pid_t aioproc_self_vfork            (void          (*func) (void *data),
                                     void           *data,
                                     int            *pidfd);
