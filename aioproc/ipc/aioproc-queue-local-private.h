/* aioproc-queue-local-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-mutex-private.h"
#include "core/aioproc-waiter-private.h"
#include "core/aioproc-word-watch-private.h"
#include "ipc/aioproc-queue-private.h"
#include "ipc/aioproc-queue-slots-private.h"

G_BEGIN_DECLS

/* Larger payloads of async operations are copied, encoded and decoded on the library's own
 * threads.
 */
#define AIOPROC_QUEUE_WORK_MIN (64 * 1024)

/* How often a call that may not wait lets others run, when it finds the queue's lock held. */
#define LOCAL_QUEUE_MAX_YIELDS 8

/* What another thread does for an async put: those of async puts that were started later wait until
 * it is over. Those of puts that block, or only try, wait until it is DONE: that is told to the
 * caller before it is over.
 */
typedef enum {
  LOCAL_QUEUE_WORK_COPIES = 1,
  LOCAL_QUEUE_WORK_DONE,
} LocalQueueWork;

/* One process's end of a queue in shared memory. */
typedef struct {
  gatomicrefcount    ref_count;      /* of the object, and of work that it has left behind */

  /* Immutable after construction. */
  AioprocShm        *shm;            /* (owned) */
  AioprocQueueSlots  slots;
  AioprocWaitQueue  *getters;        /* (owned) on the items word */
  AioprocWaitQueue  *putters;        /* (owned) on the room word */
  AioprocWaitQueue  *joiners;        /* (owned) (nullable) on the idle word, if it is joinable */
  AioprocWordWatch  *watch;          /* (owned) on the watch word */
  const _Atomic guint *pending_gets; /* (atomic) how many async operations wait in each */
  const _Atomic guint *pending_puts; /* (atomic) */

  /* An async operation whose payload is being copied by another thread: async ones behind it wait,
   * so that a large item is not overtaken by a small one.
   */
  _Atomic guint32    put_works;      /* (atomic) 0, or of LocalQueueWork */
  _Atomic guint32    get_works;      /* (atomic) 0 or 1 */
  _Atomic guint32    n_put_starts;   /* (atomic) async puts, ever */
  _Atomic guint32    n_puts_behind;  /* (atomic) sync puts that wait for async ones before them */
  _Atomic gpointer   dropped;        /* (owned) (nullable) (atomic) error that no batch has told */
  _Atomic guint32    n_tickets;      /* (atomic) of puts that have waited */
  _Atomic guint32    trims;          /* (atomic) whether memory is about to be given back */
  /* What the thread that looks after memory knows of it: protected by its mutex, but for @tended,
   * which says in which process it does so.
   */
  GList              tend_link;
  gint64             tend_usec;      /* when it looks next */
  _Atomic guint      tended;         /* (atomic) generation of the process + 1 */
  _Atomic guint      fork_generation; /* (atomic) of the process that all these are about */

  /* What was got from a joinable queue and is not done, oldest first. */
  AioprocMutex       tasks_mutex;
  GQueue             tasks;          /* (element-type AioprocQueueTransfer) by @tasks_mutex */
  guint              tasks_generation; /* of the process that got them; by @tasks_mutex */

  /* How long it has been worth to stay awake for a change, in looks. */
  _Atomic guint32    get_looks;      /* (atomic) */
  _Atomic guint32    put_looks;      /* (atomic) */
  _Atomic guint32    n_waits;        /* (atomic) */
} LocalQueue;

/* For one of the counts above. */
static inline gboolean
local_queue_has_pending (const _Atomic guint *n_pending)
{
  return atomic_load (n_pending) > 0;
}

/* What waits in this process needs no kernel to be woken. */
static inline void
local_queue_serve_getters (LocalQueue *self)
{
  if (G_UNLIKELY (local_queue_has_pending (self->pending_gets)))
    aioproc_wait_queue_serve (self->getters);
}

static inline void
local_queue_serve_putters (LocalQueue *self)
{
  if (G_UNLIKELY (local_queue_has_pending (self->pending_puts)))
    aioproc_wait_queue_serve (self->putters);
}

/* Sees to it that this process looks after memory that the queue, which is not empty, does not need
 * any more: once a second for as long as there may be some.
 */
void local_queue_begin_tending (LocalQueue *self);

/* An item was got, and behind it others, perhaps, which needed memory. @sequence: that of the item.
 * Of small items it is enough to ask now and then: so many do not need much.
 */
static inline void
local_queue_tend (LocalQueue *self,
                  guint64     sequence)
{
  if (G_UNLIKELY (sequence % 256 == 0))
    local_queue_begin_tending (self);
}

LocalQueue *local_queue_ref           (LocalQueue              *self);
void        local_queue_unref         (LocalQueue              *self);
/* The same, as the waiter calls them. */
void        local_queue_keep          (gpointer                 object);
void        local_queue_let_go        (gpointer                 object);
/* When to try again after the lock was BUSY for the @n_busy-th time. */
gint64      local_queue_get_retry     (guint                    n_busy);
/* One try of a sync operation. FALSE: it would have to wait. Who holds the lock of the queue for
 * long is not running, which can be helped if it waits for this processor. @n_busy: where @request
 * counts how often the lock was BUSY.
 */
gboolean    local_queue_try           (LocalQueue              *self,
                                       const AioprocWaitOps    *ops,
                                       AioprocWaitRequest      *request,
                                       const guint             *n_busy);
/* After the copy of an async get that another thread has made. */
void        local_queue_get_worked    (gpointer                 object);
/* Stays awake for some microseconds, as long as that has paid lately. TRUE: try again, it has
 * changed.
 */
gboolean    local_queue_await_item    (LocalQueue              *self,
                                       gint64                   timeout_usec);
gboolean    local_queue_await_room    (LocalQueue              *self,
                                       gint64                   timeout_usec);
/* For wait queues: whether the other side ran last on the processor of the caller. */
gboolean    local_queue_get_defers    (gpointer                 object);
gboolean    local_queue_put_defers    (gpointer                 object);
void        local_queue_set_closed    (LocalQueue              *self,
                                       const char              *verb,
                                       GError                 **error);
void        local_queue_set_would_block (LocalQueue            *self,
                                         const char            *reason,
                                         GError               **error);
void        local_queue_set_mismatch  (LocalQueue              *self,
                                       GError                 **error);
/* What an operation asks that finds async ones before it: they may be those of a process that this
 * one was forked from, which nobody here will end.
 */
void        local_queue_check_fork    (LocalQueue              *self);
/* An empty queue has memory that it will not need before @idle_usec. */
void        local_queue_plan_trim     (LocalQueue              *self,
                                       gint64                   idle_usec,
                                       AioprocWaitRequest      *request);
/* The payload of an item that was leased. G_IO_ERROR_NO_SPACE. */
GBytes     *local_queue_copy_out      (LocalQueue                  *self,
                                       const AioprocQueueTransfer  *transfer,
                                       GError                     **error);
/* The payload of an item that is IN_PLACE: bytes that release it. */
GBytes     *local_queue_hold          (LocalQueue                  *self,
                                       const AioprocQueueTransfer  *transfer);
/* Gives memory back, on the library's own pool. */
void        local_queue_start_trim    (LocalQueue              *self);
/* The object is gone. */
void        local_queue_end_tending   (LocalQueue              *self);
/* FALSE: the object was disposed of, or this process cannot join the family. */
gboolean    local_queue_check         (LocalQueue              *self,
                                       GError                 **error);

/* Whether an item is leased to this process, and not to one that it was forked from. */
gboolean    local_queue_owns          (LocalQueue              *self,
                                       const AioprocQueueTransfer *transfer);
gboolean    local_queue_end_lease     (LocalQueue              *self,
                                       const AioprocQueueTransfer *transfer,
                                       AioprocQueueEnd          end,
                                       GError                 **error);
/* Takes @value and @bytes (nullable). */
AioprocQueueLease *local_queue_make_lease (LocalQueue          *self,
                                       const AioprocQueueTransfer *transfer,
                                       GVariant                *value,
                                       GBytes                  *bytes);

/* An item was got that is to be done. */
void        local_queue_add_task      (LocalQueue              *self,
                                       const AioprocQueueTransfer *transfer);
void        local_queue_give_tasks_back (LocalQueue            *self);

gboolean    local_queue_try_put       (gpointer                 impl,
                                       const AioprocQueueItem  *item,
                                       GError                 **error);
gboolean    local_queue_put           (gpointer                 impl,
                                       const AioprocQueueItem  *item,
                                       gint64                   timeout_usec,
                                       GCancellable            *cancellable,
                                       GError                 **error);
void        local_queue_put_start     (gpointer                 impl,
                                       const AioprocQueueItem  *item,
                                       GTask                   *task,
                                       gint64                   timeout_usec);
AioprocQueueLoan *local_queue_try_loan (gpointer                impl,
                                       gsize                    size,
                                       GError                 **error);
AioprocQueueLoan *local_queue_loan    (gpointer                 impl,
                                       gsize                    size,
                                       gint64                   timeout_usec,
                                       GCancellable            *cancellable,
                                       GError                 **error);
void        local_queue_loan_start    (gpointer                 impl,
                                       gsize                    size,
                                       GTask                   *task,
                                       gint64                   timeout_usec);
gpointer    local_queue_try_get       (gpointer                 impl,
                                       AioprocQueueForm         form,
                                       GError                 **error);
AioprocWordWatch *local_queue_watch_new (LocalQueue            *self);
gboolean    local_queue_is_ready      (gpointer                 impl);
gboolean    local_queue_watch         (gpointer                 impl,
                                       AioprocWatch            *watch,
                                       GError                 **error);
void        local_queue_unwatch       (gpointer                 impl,
                                       AioprocWatch            *watch);
gpointer    local_queue_get           (gpointer                 impl,
                                       AioprocQueueForm         form,
                                       gint64                   timeout_usec,
                                       GCancellable            *cancellable,
                                       GError                 **error);
void        local_queue_get_start     (gpointer                 impl,
                                       AioprocQueueForm         form,
                                       GTask                   *task,
                                       gint64                   timeout_usec);
AioprocQueueFailure *local_queue_try_get_failed (gpointer       impl,
                                       GError                 **error);
guint       local_queue_count_failed  (gpointer                 impl);
gboolean    local_queue_task_done     (gpointer                 impl,
                                       GError                 **error);
gboolean    local_queue_try_join      (gpointer                 impl,
                                       GError                 **error);
gboolean    local_queue_join          (gpointer                 impl,
                                       gint64                   timeout_usec,
                                       GCancellable            *cancellable,
                                       GError                 **error);
void        local_queue_join_start    (gpointer                 impl,
                                       GTask                   *task,
                                       gint64                   timeout_usec);

gboolean    local_queue_put_many      (gpointer                 impl,
                                       GPtrArray               *items,
                                       gboolean                 as_bytes,
                                       guint                   *n_put,
                                       gboolean                 try,
                                       gint64                   timeout_usec,
                                       GCancellable            *cancellable,
                                       GError                 **error);
void        local_queue_put_many_start (gpointer                impl,
                                       GPtrArray               *items,
                                       gboolean                 as_bytes,
                                       guint                   *n_put,
                                       GTask                   *task,
                                       gint64                   timeout_usec);
GPtrArray  *local_queue_get_many      (gpointer                 impl,
                                       gboolean                 as_bytes,
                                       guint                    max_items,
                                       gboolean                 try,
                                       gint64                   timeout_usec,
                                       GCancellable            *cancellable,
                                       GError                 **error);
void        local_queue_get_many_start (gpointer                impl,
                                       gboolean                 as_bytes,
                                       guint                    max_items,
                                       GTask                   *task,
                                       gint64                   timeout_usec);

G_END_DECLS
