/* waiter-test.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "core/aioproc-lock-word-private.h"
#include "core/aioproc-waiter-private.h"

G_BEGIN_DECLS

/* A word of shared memory that counts tokens, with a wait queue. An operation takes one. */
typedef struct {
  AioprocShm         *shm;            /* (owned) */
  _Atomic guint32    *word;           /* the tokens; behind it, how often the queue withdrew */
  AioprocWaitQueue   *queue;          /* (owned) */
  GObject            *object;         /* (owned) the source of tasks */
  GCancellable       *cancellable;    /* (owned) (nullable) for the test to use */
  _Atomic guint32     sleeper;        /* the same: a thread's id */
  GThread            *thread;         /* (nullable) adds tokens later */

  /* How attempts behave. */
  _Atomic gint64      ready_usec;     /* nothing is taken before */
  gboolean            with_work;
  gboolean            with_worked;
  gboolean            with_two;       /* who has taken a token goes on, and takes another */
  gboolean            is_over;        /* what ends without its way was over before */
  gboolean            with_lock;      /* work takes the lock behind the word, and frees it */
  _Atomic guint32     work_stops;     /* (atomic) work waits while it is 1 */
  _Atomic guint32     worked_stops;   /* (atomic) what comes behind the work waits while it is 1 */

  guint               n_peeks_needed; /* until one adds a token; 0: none does */
  guint               n_peeks;
  guint               n_peeked_attempts; /* of waiter_test_take_awake() */

  /* What has happened. Those without atomics: on the test's main context. */
  _Atomic guint32     n_working;      /* has begun; a futex */
  _Atomic guint32     n_worked;
  _Atomic guint32     n_refs;         /* for what comes behind the work; a futex */
  _Atomic gboolean    worked_here;    /* in the main thread */
  _Atomic guint32     n_given_up;     /* (atomic) have ended without their way */
  guint               n_started;
  guint               n_ended;
  guint               n_taken;
  guint               n_timed_out;
  guint               n_cancelled;
  guint               n_closed;
  guint               n_failed;
  int                 last_ended;     /* which one, counted in the order they were started */
  gboolean            in_order;       /* they ended in that order */
  GArray             *ended_usec;     /* (owned) (element-type gint64) when, in that order */
  guint               depth;          /* for the test to use */
} WaiterTest;

WaiterTest *waiter_test_new           (void);
/* All operations must have ended. */
void        waiter_test_free          (WaiterTest           *self);

guint       waiter_test_count         (WaiterTest           *self);
/* How often this process has passed a wake-up on. */
guint       waiter_test_count_withdrawn (WaiterTest         *self);
/* As another process would. */
void        waiter_test_add           (WaiterTest           *self,
                                       guint                 n_tokens);
void        waiter_test_add_later     (WaiterTest           *self,
                                       guint                 n_tokens);
void        waiter_test_join          (WaiterTest           *self);
/* The lock that work takes. */
AioprocLockWord *waiter_test_get_lock (WaiterTest           *self);
void        waiter_test_let_work      (WaiterTest           *self);
/* Lets the other threads go on, and waits until they have let go. */
void        waiter_test_let_worked    (WaiterTest           *self);
GThread    *waiter_test_add_in_thread (WaiterTest           *self,
                                       guint                 n_tokens);

gboolean    waiter_test_take          (WaiterTest           *self,
                                       gint64                timeout_usec,
                                       GCancellable         *cancellable,
                                       GError              **error);

/* A blocking operation that peeks before it sleeps: it finds a token at its first attempt if it has
 * peeked often enough, and else at its second one, without having slept.
 */
void        waiter_test_take_awake    (WaiterTest           *self,
                                       gint64                timeout_usec);

/* Starts an operation that @callback, or waiter_test_ended_cb(), ends with the test as its data. */
void        waiter_test_start_with    (WaiterTest           *self,
                                       gint64                timeout_usec,
                                       GCancellable         *cancellable,
                                       GAsyncReadyCallback   callback);
void        waiter_test_start         (WaiterTest           *self,
                                       gint64                timeout_usec,
                                       GCancellable         *cancellable);
void        waiter_test_start_many    (WaiterTest           *self,
                                       guint                 n_operations,
                                       gint64                timeout_usec,
                                       GCancellable         *cancellable);
/* When the operation ended that was started as the @index-th; 0: not yet. */
gint64      waiter_test_get_ended     (WaiterTest           *self,
                                       guint                 index);
void        waiter_test_ended_cb      (GObject              *source,
                                       GAsyncResult         *result,
                                       gpointer              user_data);
/* A task that takes a token, for other callbacks. */
void        waiter_test_start_task    (WaiterTest           *self,
                                       GTask                *task,
                                       gint64                timeout_usec);
void        waiter_test_wait_for_all  (WaiterTest           *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (WaiterTest, waiter_test_free)

G_END_DECLS
