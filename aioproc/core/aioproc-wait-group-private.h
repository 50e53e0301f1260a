/* aioproc-wait-group-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-waiter-private.h"

G_BEGIN_DECLS

/* The waiter's inside: threads that sleep on the words of many wait queues. Used by the wait queue
 * alone, so that a faster backend can take its place.
 */

typedef struct _AioprocWaitGroup AioprocWaitGroup;

/* A queue's side of being watched. */
typedef struct {
  AioprocWaitQueue *queue;    /* immutable */
  AioprocWaitGroup *group;    /* NULL: not watched; protected by the queue's mutex */
  _Atomic guint32   poked;    /* (atomic) the group's thread must look at the queue */
} AioprocWaitWatch;

void             aioproc_wait_watch_init            (AioprocWaitWatch  *self,
                                                     AioprocWaitQueue  *queue);
/* A thread watches the queue's word from now on, polls it at once where it did not watch before,
 * and at @wake_usec at the latest (-1: never).
 */
gboolean         aioproc_wait_watch_begin_locked    (AioprocWaitWatch  *self,
                                                     gint64             wake_usec,
                                                     GError           **error);
/* A watched queue must be polled at @wake_usec at the latest. */
void             aioproc_wait_watch_hurry_locked    (AioprocWaitWatch  *self,
                                                     gint64             wake_usec);
/* A queue that is watched, if it is, must be polled now. */
void             aioproc_wait_watch_kick_locked     (AioprocWaitWatch  *self);
/* By the poll: the thread need not watch any more. */
void             aioproc_wait_watch_end_locked      (AioprocWaitWatch  *self);
/* How many forks lie between this process and the one that loaded the library. */
guint            aioproc_wait_group_get_fork_generation (void);

/* What the group's thread asks of a queue: tries for its operations and expires those that are
 * due. FALSE: none is left, and the watch has ended. @expected and @wake_usec say until when the
 * thread may sleep.
 */
gboolean         aioproc_wait_queue_poll            (AioprocWaitQueue  *self,
                                                     gint64             now_usec,
                                                     gboolean           slept,
                                                     guint32           *expected,
                                                     gint64            *wake_usec);
AioprocFamily   *aioproc_wait_queue_get_family      (AioprocWaitQueue  *self);
_Atomic guint32 *aioproc_wait_queue_get_word        (AioprocWaitQueue  *self);
gboolean         aioproc_wait_queue_take_poke       (AioprocWaitQueue  *self);
AioprocWaitQueue *aioproc_wait_queue_ref            (AioprocWaitQueue  *self);
void             aioproc_wait_queue_unref           (AioprocWaitQueue  *self);

G_END_DECLS
