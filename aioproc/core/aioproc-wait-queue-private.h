/* aioproc-wait-queue-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-mutex-private.h"
#include "core/aioproc-wait-group-private.h"
#include "core/aioproc-wait-haste-private.h"

G_BEGIN_DECLS

/* The waiter's inside: what a wait queue and its operations are made of, for the files that share
 * the work. aioproc-wait-queue.c keeps the FIFO, aioproc-wait-entry.c takes an operation from its
 * start to its completion, aioproc-waiter.c has what classes call, and aioproc-waiter-sync.c the
 * waits in the caller's own thread.
 */

/* One async operation. */
typedef struct _AioprocWaitEntry AioprocWaitEntry;

struct _AioprocWaitEntry {
  GList                 link;           /* in the queue's FIFO; protected by the queue's mutex */
  AioprocWaitQueue     *queue;          /* (owned) */
  const AioprocWaitOps *ops;
  GTask                *task;           /* (owned) (nullable) until its completion is pushed */
  AioprocWaitRequest   *request;        /* the task data, if it has a task */
  gint64                deadline_usec;  /* -1: none */
  gulong                cancelled_id;   /* written before the entry is in the FIFO, 0: none */
  guint                 fork_generation; /* of the process that started it */
  gboolean              pending;        /* in the FIFO; protected by the queue's mutex */
  gboolean              cancelled;      /* before that; protected by the queue's mutex */
  GError               *error;          /* (owned) (nullable) it ended without having its way */
  gatomicrefcount       ref_count;      /* of the FIFO or completion, of the handler */
};

struct _AioprocWaitQueue {
  gatomicrefcount  ref_count;

  /* Immutable after construction. */
  AioprocShm      *shm;                 /* (owned) */
  AioprocFamily   *family;
  _Atomic guint32 *word;
  gpointer         object;              /* valid while an operation runs or is pending */

  /* Serialises attempts, so that the FIFO is one. Never held across completions. Taken before the
   * mutex of the groups.
   */
  AioprocMutex     mutex;
  AioprocMutex     order;               /* held while completing; taken before @mutex is let go */
  GQueue           entries;             /* (element-type AioprocWaitEntry); protected by @mutex */
  gint64           first_deadline_usec; /* or earlier, -1: none; protected by @mutex */
  void           (*withdraw) (_Atomic guint32 *word); /* of the last entry; protected by @mutex */
  guint            fork_generation;     /* of this process; protected by @mutex */
  _Atomic guint    n_pending;           /* (atomic) the length of @entries */
  _Atomic guint32  closed;              /* (atomic) a futex that sync operations watch: 0 or 1 */
  AioprocWaitWatch watch;               /* what the groups keep of a queue */
  AioprocWaitHaste sleep_haste;         /* sync operations that are to sleep at once … */
  AioprocWaitHaste wake_haste;          /* … and to go on at once when they are woken */
};

/* The earlier of two moments, where -1 is never. */
gint64            aioproc_wait_earlier             (gint64                a_usec,
                                                    gint64                b_usec);
/* The error of an operation that ends without its way: TIMED_OUT, CANCELLED or CLOSED. */
GError           *aioproc_wait_error_new           (AioprocWaitQueue     *self,
                                                    const AioprocWaitOps *ops,
                                                    GIOErrorEnum          code);
gboolean          aioproc_wait_queue_attempt       (AioprocWaitQueue     *self,
                                                    const AioprocWaitOps *ops,
                                                    AioprocWaitRequest   *request,
                                                    guint32              *expected);

/* It ends without its way. TRUE: it was over before. */
gboolean          aioproc_wait_queue_give_up       (AioprocWaitQueue     *self,
                                                    const AioprocWaitOps *ops,
                                                    AioprocWaitRequest   *request);

void              aioproc_wait_queue_lock          (AioprocWaitQueue     *self);
/* Lets go of the mutex, and completes @done, which was popped under it. */
void              aioproc_wait_queue_unlock        (AioprocWaitQueue     *self,
                                                    GQueue               *done);
void              aioproc_wait_queue_push_locked   (AioprocWaitQueue     *self,
                                                    AioprocWaitEntry     *entry);
/* Moves @entry from the FIFO to @done; the reference goes along. With @error (nullable), which is
 * taken, it gives up.
 */
void              aioproc_wait_queue_pop_locked    (AioprocWaitQueue     *self,
                                                    AioprocWaitEntry     *entry,
                                                    GError               *error,
                                                    GQueue               *done);
/* The same, with the error that aioproc_wait_error_new() makes. */
void              aioproc_wait_queue_fail_locked   (AioprocWaitQueue     *self,
                                                    AioprocWaitEntry     *entry,
                                                    GIOErrorEnum          code,
                                                    GQueue               *done);
void              aioproc_wait_queue_expire_locked (AioprocWaitQueue     *self,
                                                    gint64                now_usec,
                                                    GQueue               *done);
/* Tries for the entries in their order, until one must wait. */
void              aioproc_wait_queue_try_locked    (AioprocWaitQueue     *self,
                                                    gboolean              slept,
                                                    guint32              *expected,
                                                    gint64               *retry_usec,
                                                    GQueue               *done);

/* Takes @task (nullable). */
AioprocWaitEntry *aioproc_wait_entry_new           (AioprocWaitQueue     *self,
                                                    const AioprocWaitOps *ops,
                                                    GTask                *task,
                                                    AioprocWaitRequest   *request);
void              aioproc_wait_entry_unref         (AioprocWaitEntry     *entry);
/* Before the entry is in the FIFO, and without the mutex, which the handler takes. */
void              aioproc_wait_entry_set_limits    (AioprocWaitEntry     *entry,
                                                    gint64                timeout_usec);
/* Sends @entry to the context of its task, where it completes. Takes @entry. */
void              aioproc_wait_entry_push          (AioprocWaitEntry     *entry);

G_END_DECLS
