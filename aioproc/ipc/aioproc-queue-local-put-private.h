/* aioproc-queue-local-put-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ipc/aioproc-queue-local-private.h"

G_BEGIN_DECLS

/* Sync puts behind async ones are woken when one of these ends well; when one is cancelled, they
 * look for themselves.
 */
#define LOCAL_QUEUE_BEHIND_USEC (20 * G_TIME_SPAN_MILLISECOND)

/* A put of one process: a request of its own, or a part of one. */
typedef struct {
  AioprocWaitRequest    parent;
  AioprocQueuePayload   payload;
  GVariant             *variant;     /* (owned) (nullable) what is stored, in its normal form */
  GBytes               *bytes;       /* (owned) (nullable) of an async one */
  AioprocQueueTransfer  transfer;
  GError               *error;       /* (owned) (nullable) the outcome */
  guint                 n_busy;
  gboolean              async;
  gboolean              trying;      /* sync: it will not sleep on what the attempt says */
  gboolean              behind;      /* sync: async puts were not over when this one began … */
  guint32               barrier;     /* … which so many had been by then */
  LocalQueue           *turn;        /* (owned) (nullable) where it may have its turn … */
  guint32               ticket;      /* … by this */
  guint8               *buffer;      /* room for COPY_MAX bytes, of a value in its stored form */
} PutRequest;

void     put_request_clear            (PutRequest              *self);
/* G_IO_ERROR_MESSAGE_TOO_LARGE: the payload has more bytes than the queue takes. */
gboolean put_request_check_length     (PutRequest              *self,
                                       LocalQueue              *queue,
                                       GError                 **error);
/* Bytes, and arrays of bytes, go as they are; other values with their type before them. */
gboolean put_request_set_item         (PutRequest              *self,
                                       LocalQueue              *queue,
                                       const AioprocQueueItem  *item,
                                       GError                 **error);
/* Small values are put into their stored form before the queue is locked. */
void     put_request_encode           (PutRequest              *self,
                                       guint8                  *buffer);
/* The part of a large put that is done beside the lock. */
void     put_request_transfer         (PutRequest              *self,
                                       LocalQueue              *queue);
/* What each attempt begins with: FALSE, if it has to come behind others of this process. */
gboolean put_request_is_next          (PutRequest              *self,
                                       LocalQueue              *queue,
                                       AioprocWaitRequest      *request,
                                       gboolean                 async,
                                       guint32                 *expected);
/* Runs a sync one, or only tries. @request: what @ops are for, which may be more than @self.
 * FALSE: it has not come to its outcome, and @error says why.
 */
gboolean put_request_run              (PutRequest              *self,
                                       LocalQueue              *queue,
                                       const AioprocWaitOps    *ops,
                                       AioprocWaitRequest      *request,
                                       gboolean                 wait,
                                       gint64                   timeout_usec,
                                       GCancellable            *cancellable,
                                       GError                 **error);
/* What gives it a turn, once it has slept. */
guint32  put_request_get_ticket       (PutRequest              *self,
                                       LocalQueue              *queue,
                                       gboolean                 slept);
/* Async puts that are not over. */
guint32  local_queue_count_unfinished (LocalQueue              *self);
/* An async put is over. */
void     local_queue_wake_behind      (LocalQueue              *self);
/* After the copy of one that another thread has made. */
void     local_queue_put_worked       (gpointer                 object);

G_END_DECLS
