/* aioproc-parent-fd-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A descriptor by which this process owns others: channels of workers and of supervisors. A forked
 * child must not keep it, else workers outlive the program; so it is closed there, by a handler of
 * pthread_atfork(), and is -1 from then on.
 *
 * Statically, or with all zeros and aioproc_parent_fd_init(), it begins as -1. Each one is used by
 * one thread at a time, except for aioproc_parent_fd_shut_down_all().
 */
typedef struct _AioprocParentFd AioprocParentFd;

/* What tells a descriptor from another one that has the same number later, as far as the kernel has
 * numbers for what they refer to; 0: there is no such descriptor. Async-signal-safe.
 */
guint64 aioproc_fd_identify (int fd);

struct _AioprocParentFd {
  int              fd;
  guint64          identity;   /* of what it is, see aioproc_fd_identify() */
  AioprocParentFd *previous;   /* protected by the mutex of the module, with next */
  AioprocParentFd *next;
};

#define AIOPROC_PARENT_FD_INIT { -1, 0, NULL, NULL }

void     aioproc_parent_fd_init          (AioprocParentFd  *self);
/* Takes @fd. */
void     aioproc_parent_fd_set           (AioprocParentFd  *self,
                                          int               fd);
/* Both ends belong to this process: no fork can come between making and keeping them. */
gboolean aioproc_parent_fd_set_pair      (AioprocParentFd  *self,
                                          AioprocParentFd  *other,
                                          int               type,
                                          GError          **error);
void     aioproc_parent_fd_close         (AioprocParentFd  *self);
/* Closes nothing: for what is known to be lost. */
void     aioproc_parent_fd_forget        (AioprocParentFd  *self);
/* FALSE: it is none, or somebody has closed it behind our back, so that its number is another
 * one's, or nobody's. It is not closed then either.
 */
gboolean aioproc_parent_fd_is_own        (AioprocParentFd  *self);
/* Where the pidfd of a child process of this one is lost: gets a new one. FALSE: there is none. */
gboolean aioproc_parent_fd_reopen_pidfd  (AioprocParentFd  *self,
                                          pid_t             pid);
/* Moves the descriptor of @from, which is -1 then, to @self. */
void     aioproc_parent_fd_move          (AioprocParentFd  *self,
                                          AioprocParentFd  *from);
/* shutdown() of every socket, which their peers cannot tell from the end of this process. */
void     aioproc_parent_fd_shut_down_all (void);
/* @func is called in forked children, after all descriptors are closed; async-signal-safe. */
void     aioproc_parent_fd_add_handler   (void            (*func) (void));

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (AioprocParentFd, aioproc_parent_fd_close)

G_END_DECLS
