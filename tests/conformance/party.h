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
  OUTCOME_OTHER,
} Outcome;

/* How an object comes into being, and reaches another process: all that a case must not know. */
typedef struct {
  const char *name;
  gpointer  (*create)  (GType     type);
  void      (*send)    (gpointer  object,
                        int       socket_fd);
  gpointer  (*receive) (int       socket_fd);
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
/* The pending operation, which ends by itself then; or, with none, the next one. */
void     party_cancel     (Party         *self);
/* A process. Returns when it is dead. */
void     party_kill       (Party         *self);

/* The other process: never returns. */
void     party_serve      (const Backend *backend,
                           int            socket_fd,
                           gboolean       blocking);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Party, party_free)

G_END_DECLS
