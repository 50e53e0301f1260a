/* platform-test.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdatomic.h>
#include <sys/types.h>

#include <glib.h>

G_BEGIN_DECLS

typedef int (*PlatformTestFunc) (gpointer user_data);

/* Forks a child that ends with @func's return value as its exit code, or with this process. */
pid_t    platform_test_fork           (PlatformTestFunc   func,
                                       gpointer           user_data);
/* Returns the wait status. */
int      platform_test_wait           (pid_t              pid);
/* The same, and fails unless the child exited with 0. */
void     platform_test_wait_success   (pid_t              pid);

/* The letter of /proc: R, S, T, Z… */
char     platform_test_get_state      (pid_t              pid,
                                       pid_t              tid);
/* Whether it runs no instruction any more, or is gone: a moment before it is a zombie. */
gboolean platform_test_is_exiting     (pid_t              pid);
void     platform_test_wait_for_state (pid_t              pid,
                                       pid_t              tid,
                                       char               state);

/* Zeroed memory that forked children share. */
gpointer platform_test_map_shared     (gsize              length);
void     platform_test_unmap          (gpointer           base,
                                       gsize              length);
void     platform_test_wait_for_word  (_Atomic guint32   *word,
                                       guint32            value);

/* From now on system call @number fails with @errno_value in this process. FALSE where no filter
 * can be installed.
 */
gboolean platform_test_deny_syscall   (long               number,
                                       int                errno_value);
/* The same, for calls whose argument @arg has one of the bits of @flags only. */
gboolean platform_test_deny_flags     (long               number,
                                       guint              arg,
                                       guint32            flags,
                                       int                errno_value);
/* Lowers RLIMIT_NOFILE so far that @n_free more descriptors can be opened. */
void     platform_test_leave_fds      (guint              n_free);

G_END_DECLS
