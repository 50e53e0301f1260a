/* queue-steps.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <sys/types.h>

#include <aioproc.h>

G_BEGIN_DECLS

/* One operation of a peer, instruction by instruction. */

/* Before anything else in main(). */
void     queue_steps_init  (void);
/* A process that has stopped where its operation begins. */
pid_t    queue_steps_start (AioprocQueue *queue,
                            int           log_fd,
                            const char   *what,
                            guint32       size);
/* FALSE: the operation has ended. */
gboolean queue_steps_step  (pid_t         pid);
/* Lets it go on by itself, until SIGUSR2 or SIGQUIT ends it. */
void     queue_steps_resume (pid_t        pid);
/* Kills it, and waits until its death was announced, so that the queue can know of it. */
void     queue_steps_kill  (AioprocQueue *queue,
                            pid_t         pid);
/* Whether @item, all of it, lies in the private memory of a process that is stopped. */
gboolean queue_steps_has_in_memory (pid_t     pid,
                                    GBytes   *item);
/* Copies what is allocated of a memfd. */
void     queue_steps_copy_file     (int       from,
                                    int       to);

/* Leaves memory behind that the queue does not need: a large extent, whose place is returned, and
 * small ones. Of the large one most is gone, so that there is little to copy.
 */
guint64  queue_steps_leave_memory (AioprocQueue *queue);
/* What is not needed can be given back, also what a victim had begun to. FALSE: it is there yet. */
gboolean queue_steps_give_back    (AioprocQueue *queue,
                                   guint64       large_offset);

G_END_DECLS
