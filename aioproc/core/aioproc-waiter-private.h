/* aioproc-waiter-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "core/aioproc-shm-private.h"

G_BEGIN_DECLS

/* How everything in the library waits on a word of shared memory.
 *
 * A wait queue belongs to one word of one object. It is the FIFO of this process's pending async
 * operations on that word, which threads of an own pool watch, many words a thread; and it is
 * where sync operations wait, which sleep in their own thread. Both go through one function of
 * the class, the attempt.
 */
typedef struct _AioprocWaitQueue AioprocWaitQueue;

/* Begins each class's own request, which lives on the stack for a sync operation and is the task
 * data of an async one.
 */
typedef struct {
  gint64   retry_usec;   /* set by the attempt: try again then at the latest; -1 before each */
  gboolean slept;        /* set by the waiter: the operation has slept since it began */
  gboolean has_work;     /* set by an attempt that says TRUE: see work() */
} AioprocWaitRequest;

/* How many attempts may succeed by now, or 1 for some: a look without a trace, at what changes when
 * they do. As restricted as the attempt.
 */
typedef guint (*AioprocWaitPeekFunc) (gpointer            object,
                                      AioprocWaitRequest *request);

typedef struct {
  /* What the operation does, for messages: "acquire", "get from". */
  const char *verb;

  /* Tries what the operation wants, without waiting, in any thread. TRUE: it is over, and its
   * outcome, which may be an error, is in @request. FALSE: not yet; @expected is the value of the
   * queue's word that says so, and the word is marked so that the process that changes it wakes
   * its sleepers. Must not call functions of any wait queue.
   */
  gboolean (*attempt)  (gpointer            object,
                        AioprocWaitRequest *request,
                        guint32            *expected);
  /* (nullable) A sync operation of a class that has it stays awake before it tries and sleeps. */
  AioprocWaitPeekFunc peek;
  /* (nullable) Whether who makes the changes that a sync operation waits for runs on this
   * processor: then one that was woken lets it go on before it tries. As restricted as the attempt.
   */
  gboolean (*defers)   (gpointer            object);
  /* (nullable) The long part, a copy of many bytes, say, of an operation whose attempt has said
   * TRUE and has_work. No mutex is held, and it may sleep on internal locks: it runs in the
   * thread of a sync operation, and on the library's own pool for an async one.
   */
  void     (*work)     (gpointer            object,
                        AioprocWaitRequest *request);
  /* (nullable) After the work of an async operation, once its completion is on its way, and perhaps
   * done: for what must come behind it. Functions of wait queues may be called.
   */
  void     (*worked)   (gpointer            object);
  /* Keep the object, but not what its users hold, until worked() has returned. For those that have
   * it.
   */
  void     (*ref)      (gpointer            object);
  void     (*unref)    (gpointer            object);
  /* (nullable) This process stops to look at @word, and may have taken a wake-up that another
   * sleeper needs: passes it on. As restricted as the attempt.
   */
  void     (*withdraw) (_Atomic guint32    *word);
  /* (nullable) An operation, sync or async, ends without its way: undoes what it had begun, now,
   * and in the thread that ends it. TRUE: it was over before that, and its outcome is in @request.
   * As restricted as the attempt.
   */
  gboolean (*give_up)  (gpointer            object,
                        AioprocWaitRequest *request);
  /* (nullable) Instead of complete(): the attempt of an async operation has said TRUE, and there is
   * more that it waits for. Takes @task, which it may give to another queue. Called in any thread,
   * with no mutex held; functions of wait queues may be called, but not those that try for this
   * queue, which may be on the stack.
   */
  void     (*go_on)    (gpointer            object,
                        GTask              *task);
  /* Returns @task by what is in @request. Called on the context of @task, or inside the call that
   * started the operation.
   */
  void     (*complete) (gpointer            object,
                        GTask              *task,
                        AioprocWaitRequest *request);
  /* Of an operation without a task, instead of these two: it is over, with its way or without it.
   * Called once, in any thread, with no mutex held, perhaps inside the call that started it. May
   * start another, but must not try for this queue otherwise.
   */
  void     (*ended)    (gpointer            object,
                        AioprocWaitRequest *request);
} AioprocWaitOps;

/* Writes the outcome of an operation that was completed for it. */
typedef void (*AioprocWaitFillFunc) (AioprocWaitRequest *request);

/* When @timeout_usec from now is, of an operation with several waits; -1: never. And how much of
 * that is left.
 */
gint64            aioproc_wait_deadline          (gint64                 timeout_usec);
gint64            aioproc_wait_rest              (gint64                 deadline_usec);

/* @word lies in @shm, which stays mapped as long as the queue lives. @object is what the functions
 * get; it is not referenced, since tasks reference their source object.
 */
AioprocWaitQueue *aioproc_wait_queue_new         (AioprocShm            *shm,
                                                  _Atomic guint32       *word,
                                                  gpointer               object);
/* Closes, and lets go. */
void              aioproc_wait_queue_free        (AioprocWaitQueue      *self);

/* Waits in the calling thread. TRUE: the attempt said so. FALSE: G_IO_ERROR_TIMED_OUT, CANCELLED or
 * CLOSED. @timeout_usec: 0 tries once, -1 waits for ever.
 */
gboolean          aioproc_wait_queue_wait        (AioprocWaitQueue      *self,
                                                  const AioprocWaitOps  *ops,
                                                  AioprocWaitRequest    *request,
                                                  gint64                 timeout_usec,
                                                  GCancellable          *cancellable,
                                                  GError               **error);
/* Looks for some microseconds, and lets others run meanwhile, if that has paid lately. TRUE: it has
 * seen what it waits for. For a class that knows better when to do that than before each wait.
 */
gboolean          aioproc_wait_queue_stay_awake  (AioprocWaitQueue      *self,
                                                  AioprocWaitPeekFunc    peek,
                                                  AioprocWaitRequest    *request,
                                                  gint64                 timeout_usec);
/* Takes @task, whose task data is the request, and whose source tag and check-cancellable FALSE
 * are set. Tries at once, unless others of this queue wait already, then waits in the FIFO.
 * @task returns once, never inside this call: through the complete function, or with
 * G_IO_ERROR_TIMED_OUT, CANCELLED, CLOSED, or NO_SPACE: a thread could not be started. Or it goes
 * on, perhaps inside this call.
 */
void              aioproc_wait_queue_start       (AioprocWaitQueue      *self,
                                                  const AioprocWaitOps  *ops,
                                                  GTask                 *task,
                                                  gint64                 timeout_usec);
/* Starts an operation without a task, with neither an end in time nor a cancellable; @request,
 * which is all zeros, and the object live until ended() is called. FALSE: G_IO_ERROR_NO_SPACE, and
 * ended() is not called.
 */
gboolean          aioproc_wait_queue_start_bare  (AioprocWaitQueue      *self,
                                                  const AioprocWaitOps  *ops,
                                                  AioprocWaitRequest    *request,
                                                  GError               **error);
gboolean          aioproc_wait_queue_has_pending (AioprocWaitQueue      *self);
/* This process has changed the object: tries for the pending operations, in order, in the calling
 * thread, with no kernel in between.
 */
void              aioproc_wait_queue_serve       (AioprocWaitQueue      *self);
/* Completes the first pending operation as though its attempt had just said TRUE, once @fill
 * (nullable) has written the outcome. FALSE: none is pending.
 */
gboolean          aioproc_wait_queue_hand_over   (AioprocWaitQueue      *self,
                                                  AioprocWaitFillFunc    fill);
/* Where the number of pending operations stands: for fast paths. */
const _Atomic guint *aioproc_wait_queue_peek_pending (AioprocWaitQueue   *self);
gboolean          aioproc_wait_queue_is_closed   (AioprocWaitQueue      *self);
/* All operations of this process on the word, pending and to come, end with G_IO_ERROR_CLOSED. */
void              aioproc_wait_queue_close       (AioprocWaitQueue      *self);

/* Runs @func once on the library's own pool: for blocking work that is no wait on a word. FALSE: no
 * thread could be started, and @func will not run.
 */
gboolean          aioproc_waiter_run             (void                 (*func) (gpointer data),
                                                  gpointer               data,
                                                  GError               **error);
/* The same for work that computes or copies: there are as many threads for it as processors, at
 * least two. FALSE: there is not one, and none could be started.
 */
gboolean          aioproc_waiter_run_work        (void                 (*func) (gpointer data),
                                                  gpointer               data);
/* Work is about to sleep on something that other processes have, and is awake again. In a thread
 * that does no work nothing happens.
 */
void              aioproc_waiter_work_begin_sleep (void);
void              aioproc_waiter_work_end_sleep  (void);
/* The threads that the library has started in this process. */
guint             aioproc_waiter_count_threads   (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocWaitQueue, aioproc_wait_queue_free)

G_END_DECLS
