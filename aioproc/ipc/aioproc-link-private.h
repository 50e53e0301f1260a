/* aioproc-link-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "core/aioproc-codec-private.h"
#include "core/aioproc-mutex-private.h"
#include "core/aioproc-wait-haste-private.h"
#include "core/aioproc-waitable-private.h"
#include "ipc/aioproc-stream-port-private.h"

G_BEGIN_DECLS

/* What a connection is inside: a socket or another stream, the frames that are on their way in both
 * directions, and the operations of this process that wait for them.
 *
 * Operations of a direction are in a FIFO. Whoever is awake serves it, for all: a thread that waits
 * in a blocking form, or the *pump* of a main context, a source that watches the socket as long as
 * operations of that context are pending. So the order holds, and neither a main context that does
 * not run nor a thread that is busy holds up operations of others. A frame that is read or written
 * in part stays here, not in an operation, so that one that is cancelled leaves the stream whole.
 *
 * aioproc-link.c has the whole, aioproc-link-op.c operations from start to end, aioproc-link-pump.c
 * the main contexts, aioproc-link-receive.c and aioproc-link-send.c the two directions,
 * aioproc-link-stream.c what is not just a descriptor.
 */
typedef struct _AioprocLink     AioprocLink;
typedef struct _AioprocLinkOp   AioprocLinkOp;
typedef struct _AioprocLinkPump AioprocLinkPump;

typedef enum {
  AIOPROC_LINK_RECEIVE,         /* a message */
  AIOPROC_LINK_RECEIVE_BYTES,   /* a message that is bytes and nothing else */
  AIOPROC_LINK_POLL,            /* something to be received */
  AIOPROC_LINK_SEND,
} AioprocLinkKind;

/* Larger ones are encoded and decoded on the library's own pool, if their operation is
 * asynchronous.
 */
#define AIOPROC_LINK_WORK_MIN (64 * 1024)

/* How much is read for one dispatch of a main context. */
#define AIOPROC_LINK_TURN (256 * 1024)

struct _AioprocLinkOp {
  GList             link;          /* in a FIFO, then among those that are over */
  gatomicrefcount   ref_count;
  AioprocLink      *owner;         /* (owned) */

  /* Immutable once it is started. */
  AioprocLinkKind   kind;
  gint64            max_length;    /* of bytes, -1: any */
  GTask            *task;          /* (owned) (nullable) until it is over; NULL: blocking */
  void            (*complete)      (GTask         *task,
                                    AioprocLinkOp *op);
  int               wake_fd;       /* of a blocking one, while it sleeps, else -1 */
  gint64            deadline_usec; /* -1: none */
  gulong            cancelled_id;
  gint64            iteration_usec; /* of the main context that has started it, or 0 */

  /* Protected by the mutex. */
  AioprocLinkPump  *pump;          /* (nullable) of an asynchronous one, while it is pending */
  gboolean          pending;       /* in a FIFO */
  gboolean          cancelled;     /* before that */
  gboolean          dozes;         /* a blocking one that sleeps without looking at the socket */
  gboolean          is_encoding;   /* its frame is being made on the pool */
  gboolean          is_rest;       /* nobody's: what is left of a frame that was begun */

  /* The outcome, and what is sent. */
  GError           *error;         /* (owned) (nullable) it ended without its way */
  AioprocMessage   *message;       /* (owned) (nullable) */
  GBytes           *bytes;         /* (owned) (nullable) instead of a message */
  AioprocFrame     *frame;         /* (owned) (nullable) */
};

struct _AioprocLink {
  gatomicrefcount     ref_count;

  /* Immutable after construction. */
  gboolean            can_receive;
  gboolean            can_send;
  int                 pid;            /* of the process that made it */
  guint               max_fds;        /* that travel with a frame */
  GIOStream          *stream;         /* (owned) (nullable) whose socket @fd is, and not ours */
  gboolean            is_tcp;         /* and it is one of these */
  AioprocStreamPort  *port;           /* (owned) (nullable) of a stream that is no socket */

  AioprocMutex        mutex;
  AioprocMutex        order;          /* held while completing; taken before @mutex is let go */

  /* All protected by @mutex. */
  int                 fd;             /* (owned), as a rule; -1 once it is closed */
  int                 send_fd;        /* the same, or the port's */
  int                 spare_wake_fd;  /* (owned) for the next that sleeps, or -1 */
  _Atomic guint64     max_length;     /* (atomic) to be read */
  GQueue              receives;       /* (element-type AioprocLinkOp) */
  GQueue              polls;          /* (element-type AioprocLinkOp) */
  GQueue              sends;          /* (element-type AioprocLinkOp) and rests of frames */
  GSList             *pumps;          /* (owned) (element-type AioprocLinkPump) */
  AioprocWatches      watches;
  gint64              first_deadline_usec; /* of asynchronous ones, or earlier; -1: none */
  guint               n_dozing;
  guint               n_unlikely;     /* blocking receives to come that wait before they try */
  AioprocWaitHaste    receive_haste;  /* those that sleep at once */
  AioprocWaitHaste    send_haste;     /* the same of blocking sends */
  gboolean            has_writer;     /* a thread writes rests of frames */
  int                 writer_wake_fd; /* what wakes it, or -1 */
  gboolean            is_send_closed; /* nothing is to be sent any more */
  gboolean            is_shut;        /* and the socket knows */
  gboolean            is_closed;
  gboolean            is_lent;        /* it is on its way to another process, or not, in a moment */
  GError             *receive_end;    /* (owned) (nullable) why nothing more will come */
  GError             *send_end;       /* (owned) (nullable) why nothing more can be sent */
  AioprocMessage     *held;           /* (owned) (nullable) received, but by nobody yet */
  GBytes             *held_bytes;     /* (owned) (nullable) the same, and bytes only */
  gboolean            is_watched;     /* by the program: nothing may be read ahead */

  /* Of the thread that parses while @is_parsing, else protected by @mutex. */
  AioprocFrameReader *reader;         /* (owned) (nullable) until it is closed */
  gboolean            is_parsing;
};

/* Takes @fd. */
AioprocLink   *aioproc_link_new               (int                  fd,
                                               gboolean             can_receive,
                                               gboolean             can_send,
                                               guint64              max_length);
/* G_IO_ERROR_CLOSED, _PENDING, _NOT_CONNECTED, _NOT_SUPPORTED, or what a port fails with. */
AioprocLink   *aioproc_link_new_for_stream    (GIOStream           *stream,
                                               guint64              max_length,
                                               GError             **error);
/* Of a Unix socket, which is written past its stream, so that descriptors travel along. */
AioprocLink   *aioproc_link_new_for_socket    (GSocketConnection   *socket,
                                               guint64              max_length);
AioprocLink   *aioproc_link_ref               (AioprocLink         *self);
void           aioproc_link_unref             (AioprocLink         *self);
/* Ends all operations, those that wait and those to come, with G_IO_ERROR_CLOSED. FALSE: it was
 * closed already.
 */
gboolean       aioproc_link_close             (AioprocLink         *self);
/* The peer has the end of the stream behind what was sent by now. */
gboolean       aioproc_link_close_send        (AioprocLink         *self);
/* Whether a receive would not have to wait for the peer to begin. */
gboolean       aioproc_link_is_ready          (AioprocLink         *self);
/* FALSE: it was that already. */
gboolean       aioproc_link_set_max_length    (AioprocLink         *self,
                                               guint64              max_length);
/* From the next receive on; the program may know the descriptor. */
void           aioproc_link_stop_reading_ahead (AioprocLink        *self);
/* Nothing is pending or held: a duplicate of the descriptor, one of a socket that has what was read
 * already, if something was, and which directions are left. Operations fail with G_IO_ERROR_BUSY
 * from then on. 0: G_IO_ERROR_BUSY, G_IO_ERROR_CLOSED, or no descriptor is left.
 */
guint          aioproc_link_lend              (AioprocLink         *self,
                                               gboolean            *can_receive,
                                               gboolean            *can_send,
                                               int                 *fds,
                                               GError             **error);
/* What the second of these was, of a new link. */
gboolean       aioproc_link_take_unread       (AioprocLink         *self,
                                               int                  fd,
                                               GError             **error);
/* It was not given away. */
void           aioproc_link_take_back         (AioprocLink         *self);

AioprocLinkOp *aioproc_link_op_new            (AioprocLink         *self,
                                               AioprocLinkKind      kind);
void           aioproc_link_op_unref          (AioprocLinkOp       *op);
/* What can be known before: that the direction is there. */
gboolean       aioproc_link_op_check          (AioprocLinkOp       *op,
                                               GError             **error);
/* Blocks. 0 as @timeout_usec: @late_code, if it cannot be had at once. */
gboolean       aioproc_link_op_run            (AioprocLinkOp       *op,
                                               gint64               timeout_usec,
                                               GIOErrorEnum         late_code,
                                               GCancellable        *cancellable,
                                               GError             **error);
/* Takes @op, and @task, which @complete is to return, unless it returns with an error. */
void           aioproc_link_op_start          (AioprocLinkOp       *op,
                                               GTask               *task,
                                               gint64               timeout_usec,
                                               void               (*complete) (GTask         *task,
                                                                               AioprocLinkOp *op));

/* --- Of the files of the link --- */

/* @port (nullable) is taken, and then @fd is its. */
AioprocLink   *aioproc_link_new_full          (int                  fd,
                                               AioprocStreamPort   *port,
                                               guint                max_fds,
                                               gboolean             can_receive,
                                               gboolean             can_send,
                                               guint64              max_length);
/* Nothing more will be sent, or (@both) received. The descriptors stay. */
void           aioproc_link_shut_locked       (AioprocLink         *self,
                                               gboolean             both);
/* Closes what the stream has, once, without the mutex. */
void           aioproc_link_close_stream      (AioprocLink         *self);
void           aioproc_link_clear_stream      (AioprocLink         *self);

void           aioproc_link_lock              (AioprocLink         *self);
/* Lets go of the mutex, and completes @done, which ended under it. */
void           aioproc_link_unlock            (AioprocLink         *self,
                                               GQueue              *done);
/* Does all that can be done without waiting for the peer, and lets go of the mutex. @may_work: it
 * is not the thread of a main context, which others wait for.
 */
void           aioproc_link_serve_and_unlock  (AioprocLink         *self,
                                               gboolean             may_work,
                                               GQueue              *done);
/* The same by a source of a main context that is being dispatched, which may call back at once. */
void           aioproc_link_unlock_from       (AioprocLink         *self,
                                               GSource             *source,
                                               GQueue              *done);
void           aioproc_link_serve_from        (AioprocLink         *self,
                                               GSource             *source,
                                               gboolean             may_work,
                                               GQueue              *done);
void           aioproc_link_expire_locked     (AioprocLink         *self,
                                               GQueue              *done);
/* Moves @op from its FIFO to @done. @error (nullable) is taken. */
void           aioproc_link_pop_locked        (AioprocLink         *self,
                                               AioprocLinkOp       *op,
                                               GError              *error,
                                               GQueue              *done);
GError        *aioproc_link_error_new         (AioprocLinkOp       *op,
                                               GIOErrorEnum         code);
/* Nothing that comes can be understood, or nothing comes: takes @error. */
void           aioproc_link_break_locked      (AioprocLink         *self,
                                               GError              *error,
                                               GQueue              *done);
/* ppoll() without the mutex, until @deadline_usec. @fd -1: for a wake-up only. */
void           aioproc_link_sleep             (int                  fd,
                                               short                events,
                                               int                  wake_fd,
                                               gint64               deadline_usec);
int            aioproc_link_take_wake_fd_locked (AioprocLink       *self,
                                               GError             **error);
void           aioproc_link_give_wake_fd_locked (AioprocLink       *self,
                                               int                  wake_fd);
void           aioproc_link_wake              (int                  wake_fd);

/* Gives @op the pump of its context. */
void           aioproc_link_pump_add_locked   (AioprocLink         *self,
                                               AioprocLinkOp       *op);
void           aioproc_link_pump_remove_locked (AioprocLinkOp      *op);
/* After each change of what is waited for. */
void           aioproc_link_pumps_update_locked (AioprocLink       *self);
short          aioproc_link_wanted_locked     (AioprocLink         *self);
/* As those of a waitable. */
gboolean       aioproc_link_watch             (AioprocLink         *self,
                                               AioprocWatch        *watch);
void           aioproc_link_unwatch           (AioprocLink         *self,
                                               AioprocWatch        *watch);

/* TRUE: a frame is there that the caller is to parse. */
gboolean       aioproc_link_receive_locked    (AioprocLink         *self,
                                               gboolean             may_work,
                                               GQueue              *done);
/* In between: without the mutex. */
void           aioproc_link_parse             (AioprocLink         *self,
                                               AioprocMessage     **message,
                                               GError             **error);
/* Meanwhile what comes is not looked at, and so not waited for. */
void           aioproc_link_set_parsing_locked (AioprocLink        *self,
                                               gboolean             is_parsing);
void           aioproc_link_parsed_locked     (AioprocLink         *self,
                                               AioprocMessage      *message,
                                               GError              *error,
                                               GQueue              *done);
gboolean       aioproc_link_is_ready_locked   (AioprocLink         *self);
gboolean       aioproc_link_has_held_locked   (AioprocLink         *self);

/* FALSE: the message cannot be sent. */
gboolean       aioproc_link_encode            (AioprocLinkOp       *op,
                                               GError             **error);
gboolean       aioproc_link_is_long           (AioprocLinkOp       *op);
void           aioproc_link_encode_in_pool    (AioprocLinkOp       *op);
void           aioproc_link_send_locked       (AioprocLink         *self,
                                               GQueue              *done);
/* An operation whose frame was begun is over: the rest will be written all the same. */
void           aioproc_link_detach_locked     (AioprocLink         *self,
                                               AioprocLinkOp       *op,
                                               GQueue              *done);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocLink, aioproc_link_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocLinkOp, aioproc_link_op_unref)

G_END_DECLS
