/* aioproc-acceptor-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-mutex-private.h"
#include "core/aioproc-waitable-private.h"
#include "ipc/aioproc-greeting-private.h"
#include "ipc/aioproc-socket-path-private.h"

G_BEGIN_DECLS

/* What a listener is inside. The thread of all streams takes who connects, and has a handshake with
 * each. Those who have passed it are *arrived*, and wait for somebody who accepts them, or the
 * other way round.
 *
 * aioproc-acceptor.c has the whole, aioproc-acceptor-door.c what the streams' thread does, and
 * aioproc-acceptor-op.c operations that wait.
 */
typedef struct _AioprocAcceptor   AioprocAcceptor;
typedef struct _AioprocAcceptorOp AioprocAcceptorOp;

typedef struct {
  AioprocConnection *connection;   /* (owned) */
  GSocketAddress    *address;      /* (owned) */
} AioprocArrival;

struct _AioprocAcceptor {
  gatomicrefcount    ref_count;

  /* Immutable after construction. */
  int                pid;             /* of the process that made it */
  GMainContext      *context;         /* not owned, never freed */
  AioprocSecurity   *security;        /* (owned) */
  guint              backlog;
  GSocketAddress    *address;         /* (owned) */
  AioprocSocketPath *path;            /* (owned) (nullable) until it is closed */

  AioprocMutex       mutex;

  /* All protected by @mutex. */
  int                fd;              /* (owned) -1 once it is closed */
  GSource           *door;            /* (owned) (nullable) until it is closed */
  gboolean           is_full;         /* and who accepts is to wake the door */
  GQueue             arrivals;        /* (owned) (element-type AioprocArrival) */
  GQueue             ops;             /* (owned) (element-type AioprocAcceptorOp) */
  AioprocWatches     watches;
  GSocketAddress    *last_accepted;   /* (owned) (nullable) */
  guint64            n_refused;
  GError            *last_refusal;    /* (owned) (nullable) */

  /* Streams' thread only. */
  GQueue             greetings;       /* (element-type AioprocGreeting) in order of their start */
  gint64             next_log_usec;
};

/* @address NULL: that of a fresh Unix socket. */
AioprocAcceptor *aioproc_acceptor_new            (GSocketAddress      *address,
                                                  AioprocSecurity     *security,
                                                  guint                backlog,
                                                  GError             **error);
AioprocAcceptor *aioproc_acceptor_ref            (AioprocAcceptor     *self);
void             aioproc_acceptor_unref          (AioprocAcceptor     *self);
/* FALSE: it was closed already. */
gboolean         aioproc_acceptor_close          (AioprocAcceptor     *self);
gboolean         aioproc_acceptor_is_closed      (AioprocAcceptor     *self);
gboolean         aioproc_acceptor_is_ready       (AioprocAcceptor     *self);
/* As those of a waitable. */
gboolean         aioproc_acceptor_watch          (AioprocAcceptor     *self,
                                                  AioprocWatch        *watch);
void             aioproc_acceptor_unwatch        (AioprocAcceptor     *self,
                                                  AioprocWatch        *watch);

/* Blocks. 0 as @timeout_usec: @late_code, if nobody has arrived. */
AioprocConnection *aioproc_acceptor_accept       (AioprocAcceptor     *self,
                                                  gint64               timeout_usec,
                                                  GIOErrorEnum         late_code,
                                                  GCancellable        *cancellable,
                                                  GError             **error);
/* Takes @task. */
void             aioproc_acceptor_accept_async   (AioprocAcceptor     *self,
                                                  GTask               *task,
                                                  gint64               timeout_usec);

/* --- Of the files of the acceptor --- */

/* The source of the streams' thread that takes who connects. */
GSource         *aioproc_acceptor_new_door       (AioprocAcceptor     *self);
/* Takes @arrival, for the first operation, or to keep it. */
void             aioproc_acceptor_arrived        (AioprocAcceptor     *self,
                                                  AioprocArrival      *arrival);
/* Without the mutex: what an object does when it ends is its own. */
void             aioproc_arrival_free            (AioprocArrival      *arrival);
/* The first that has arrived, if any. */
AioprocArrival  *aioproc_acceptor_take_locked    (AioprocAcceptor     *self);
/* @arrival is accepted, and gets the address of the one before. */
void             aioproc_acceptor_note_locked    (AioprocAcceptor     *self,
                                                  AioprocArrival      *arrival);
/* Ends all operations, without the mutex. */
void             aioproc_acceptor_end_ops        (AioprocAcceptor     *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocAcceptor, aioproc_acceptor_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocArrival, aioproc_arrival_free)

G_END_DECLS
