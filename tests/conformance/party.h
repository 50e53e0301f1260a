/* party.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <aioproc.h>

G_BEGIN_DECLS

/* Somebody who uses an object: a flow of this thread, a thread that blocks, a process. All do the
 * same operations and tell their outcome, so that one table of cases is for all of them.
 */
typedef struct _Party Party;

typedef enum {
  PARTY_FLOW,         /* asynchronous operations of the main thread */
  PARTY_THREAD,       /* blocking ones of another thread */
  PARTY_PROCESS,      /* asynchronous ones of another process */
  PARTY_BLOCKED,      /* blocking ones of another process, which cannot be cancelled */
  PARTY_GRANDCHILD,   /* asynchronous ones of a process that has the object from another process */
} PartyKind;

/* Numbers are part of what crosses to the other process. */
typedef enum {
  OPERATION_END,
  OPERATION_ACQUIRE,
  OPERATION_TRY_ACQUIRE,
  OPERATION_RELEASE,
  OPERATION_IS_LOCKED,
  OPERATION_IS_OWNED,
  OPERATION_WAS_ABANDONED,
  OPERATION_SET,
  OPERATION_CLEAR,
  OPERATION_IS_SET,
  OPERATION_WAIT,
  OPERATION_POST,
  OPERATION_CONSUME,
  OPERATION_CANCEL,   /* what is pending, or begins next */
  OPERATION_DISPOSE,
  OPERATION_NOTIFY,
  OPERATION_NOTIFY_ALL,
  OPERATION_PUT,
  OPERATION_TRY_PUT,
  OPERATION_GET,
  OPERATION_TRY_GET,
  OPERATION_PUT_BYTES,
  OPERATION_TRY_PUT_BYTES,
  OPERATION_GET_BYTES,
  OPERATION_TRY_GET_BYTES,
  OPERATION_PUT_MANY,        /* so many numbers from 0 on, or items of that size; how many are */
  OPERATION_TRY_PUT_MANY,
  OPERATION_PUT_MANY_BYTES,
  OPERATION_GET_MANY,        /* so many at most; how many there were, in their order */
  OPERATION_TRY_GET_MANY,
  OPERATION_GET_MANY_BYTES,
  OPERATION_CLOSE,
  OPERATION_CLOSE_NOW,
  OPERATION_IS_CLOSED,
  OPERATION_IS_EMPTY,
  OPERATION_IS_FULL,
  OPERATION_GET_SIZE,
  OPERATION_GET_MAX_ITEMS,
  OPERATION_GET_MAX_BYTES,
  OPERATION_GET_N_BYTES,
  OPERATION_GET_PEAK_ITEMS,
  OPERATION_GET_PEAK_BYTES,
  OPERATION_ABORT,
  OPERATION_RESET,
  OPERATION_IS_BROKEN,
  OPERATION_GET_N_WAITING,
  OPERATION_SET_ACTION,      /* 1: that fails */
  OPERATION_GET_N_ACTIONS,   /* done by this process */
  OPERATION_WAIT_FOR,   /* until it has looked so often */
  OPERATION_GET_VALUE,
  OPERATION_GET_HELD,
  OPERATION_LOAD,
  OPERATION_STORE,
  OPERATION_RESIZE,
  OPERATION_ADD,
  OPERATION_SWAP,   /* from 0 */
  OPERATION_LEASE,            /* what was got is the number of the item … */
  OPERATION_TRY_LEASE,
  OPERATION_ACK,              /* … that these are about: FALSE: it is not leased here */
  OPERATION_NACK,
  OPERATION_DROP,             /* without either */
  OPERATION_GET_N_FAILURES,
  OPERATION_LOAN,             /* of so many bytes, by which these know it: */
  OPERATION_TRY_LOAN,
  OPERATION_COMMIT,
  OPERATION_COMMIT_HALF,
  OPERATION_ABORT_LOAN,
  OPERATION_DROP_LOAN,        /* without any */
  OPERATION_GET_N_FAILED,
  OPERATION_TRY_GET_FAILED,   /* the number of the item, and its failures times 1000 */
  OPERATION_TASK_DONE,
  OPERATION_JOIN,
  OPERATION_TRY_JOIN,
} Operation;

typedef enum {
  OUTCOME_FALSE,
  OUTCOME_TRUE,
  OUTCOME_WOULD_BLOCK,
  OUTCOME_TIMED_OUT,
  OUTCOME_CANCELLED,
  OUTCOME_CLOSED,
  OUTCOME_NOT_OWNER,
  OUTCOME_OWNER_DIED,
  OUTCOME_INVALID_STATE,
  OUTCOME_INVALID_DATA,
  OUTCOME_TOO_LARGE,
  OUTCOME_BROKEN,
  OUTCOME_OTHER,
} Outcome;

/* How an object comes into being, and reaches another process: all that a case must not know. */
typedef struct {
  const char *name;
  /* Properties as in g_object_new(); objects among them are of the same backend. */
  gpointer  (*create)  (GType       type,
                        const char *first_property,
                        ...);
  /* Of one that cannot be: why not. */
  GError   *(*refuse)  (GType       type,
                        const char *property,
                        guint       value);
  void      (*send)    (gpointer    object,
                        int         socket_fd);
  gpointer  (*receive) (int         socket_fd);
  /* Whether its objects are in memory of this machine: some classes are nothing else. */
  gboolean    has_memory;
} Backend;

extern const Backend backends[];
extern const guint   n_backends;

/* @object is the same for all parties of this process. */
Party   *party_new        (PartyKind      kind,
                           const Backend *backend,
                           gpointer       object);
void     party_free       (Party         *self);
gboolean party_is_here    (Party         *self);   /* in this process */
gboolean party_can_cancel (Party         *self);

/* Begins what may take time, and returns when it has begun for others to see. One at a time. */
void     party_begin      (Party         *self,
                           Operation      operation,
                           gint64         timeout_usec);
gboolean party_is_pending (Party         *self);
Outcome  party_end        (Party         *self);
/* Both. */
Outcome  party_do         (Party         *self,
                           Operation      operation,
                           gint64         timeout_usec);
/* The same, with a number: what is put, or what was got by what has ended last. */
void     party_begin_with (Party         *self,
                           Operation      operation,
                           guint64        value,
                           gint64         timeout_usec);
Outcome  party_do_with    (Party         *self,
                           Operation      operation,
                           guint64        value,
                           gint64         timeout_usec);
guint64  party_get_value  (Party         *self);
/* The pending operation, which ends by itself then; or, with none, the next one. */
void     party_cancel     (Party         *self);
/* A process. Returns when it is dead. */
void     party_kill       (Party         *self);

/* What a process that is a party finds: its commands, and in a grandchild the object, which comes
 * with the commands otherwise.
 */
#define PARTY_SOCKET_FD 3
#define PARTY_OBJECT_FD 4

/* The other process: never returns. */
void     party_serve      (const Backend *backend,
                           int            socket_fd,
                           int            object_fd,
                           gboolean       blocking);
/* The one between, which runs @program for the grandchild: the status to exit with. */
int      party_relay      (const Backend *backend,
                           int            socket_fd,
                           const char    *program);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Party, party_free)

G_END_DECLS
