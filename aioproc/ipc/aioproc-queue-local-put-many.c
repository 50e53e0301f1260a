/* aioproc-queue-local-put-many.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-local-put-private.h"

#include "ipc/aioproc-queue-lists-private.h"

/* Items are prepared, and put, so many at a time. */
#define WINDOW_ITEMS 64
#define WINDOW_BYTES (16 * 1024)

/* A batch on its way in. It is a sequence of puts, of which the ones that are there stay. */
typedef struct {
  PutRequest           order;      /* its place among the puts of this process, and its turn */
  GPtrArray           *items;      /* (owned) of GBytes or GVariant */
  gboolean             as_bytes;
  guint               *n_put;      /* the caller's */
  guint                n_prepared; /* items of which the window has the last ones */
  guint                n_window;
  guint                position;   /* in the window */
  GError              *bad;        /* (owned) (nullable) why the item after the window is none */
  gsize                n_copied;   /* bytes, since somebody has waited */
  gboolean             begun;      /* the part at @position is to be copied */
  gint64               deadline_usec;
  GCancellable        *cancellable; /* (owned) (nullable) */
  GError              *error;      /* (owned) (nullable) the outcome */
  PutRequest           window[WINDOW_ITEMS];
  guint64              buffer[WINDOW_BYTES / sizeof (guint64)];
} PutBatch;

typedef struct {
  AioprocWaitRequest  parent;
  PutBatch           *batch;       /* (owned) of an async one */
  gboolean            async;
} PutManyRequest;

static PutBatch *
put_batch_new (GPtrArray *items,
               gboolean   as_bytes,
               guint     *n_put)
{
  PutBatch *self = g_new0 (PutBatch, 1);

  self->items = g_ptr_array_ref (items);
  self->as_bytes = as_bytes;
  self->n_put = n_put;

  return self;
}

static void
put_batch_clear_window (PutBatch *self)
{
  for (guint i = 0; i < self->n_window; i++)
    put_request_clear (&self->window[i]);

  self->n_window = 0;
  self->position = 0;
}

static void
put_batch_free (PutBatch *self)
{
  put_batch_clear_window (self);
  put_request_clear (&self->order);
  g_ptr_array_unref (self->items);
  g_clear_error (&self->bad);
  g_clear_error (&self->error);
  g_clear_object (&self->cancellable);
  g_free (self);
}

static void
put_many_request_free (gpointer data)
{
  PutManyRequest *self = data;

  put_batch_free (self->batch);
  g_free (self);
}

static gboolean
put_batch_is_small (const PutRequest *part)
{
  return part->payload.length <= AIOPROC_QUEUE_COPY_MAX;
}

/* Prepares the next items. FALSE: there is none, or the error is set. */
static gboolean
put_batch_prepare (PutBatch   *self,
                   LocalQueue *queue)
{
  gsize used = 0;

  put_batch_clear_window (self);

  while (self->bad == NULL && self->n_prepared < self->items->len &&
         self->n_window < WINDOW_ITEMS &&
         sizeof (self->buffer) - used >= AIOPROC_QUEUE_COPY_MAX)
    {
      gpointer item = g_ptr_array_index (self->items, self->n_prepared);
      const AioprocQueueItem put = {
        .variant = self->as_bytes ? NULL : item,
        .bytes = self->as_bytes ? item : NULL,
      };
      PutRequest *part = &self->window[self->n_window];

      *part = (PutRequest) { 0 };

      if (!put_request_set_item (part, queue, &put, &self->bad))
        {
          put_request_clear (part);
          break;
        }

      put_request_encode (part, (guint8 *) self->buffer + used);

      /* Aligned as the codec wants it. */
      if (part->payload.kind == AIOPROC_QUEUE_VARIANT && put_batch_is_small (part))
        used += (part->payload.length + 7) / 8 * 8;

      self->n_window++;
      self->n_prepared++;
    }

  if (self->n_window == 0 && self->bad != NULL)
    self->error = g_steal_pointer (&self->bad);

  return self->n_window > 0;
}

static void
put_batch_advance (PutBatch *self,
                   guint     n_parts)
{
  for (guint i = 0; i < n_parts; i++)
    self->n_copied += self->window[self->position + i].payload.length;

  self->position += n_parts;
  *self->n_put += n_parts;
}

/* The copy of a large part, beside the lock. */
static void
put_batch_transfer (PutBatch   *self,
                    LocalQueue *queue)
{
  PutRequest *part = &self->window[self->position];

  self->begun = FALSE;
  put_request_transfer (part, queue);

  if (part->error != NULL)
    self->error = g_steal_pointer (&part->error);
  else
    put_batch_advance (self, 1);
}

/* Puts the small parts that are next, or begins the large one that is. */
static AioprocQueueStatus
put_batch_step (PutBatch          *self,
                LocalQueue        *queue,
                AioprocQueueSleep *sleep)
{
  AioprocQueuePayload payloads[WINDOW_ITEMS];
  AioprocQueueStatus status;
  guint n_small = 0;
  guint n_put = 0;

  while (self->position + n_small < self->n_window &&
         put_batch_is_small (&self->window[self->position + n_small]))
    {
      payloads[n_small] = self->window[self->position + n_small].payload;
      n_small++;
    }

  if (n_small == 0)
    {
      PutRequest *part = &self->window[self->position];

      status = aioproc_queue_slots_put (&queue->slots, &part->payload, sleep, &part->transfer,
                                        &self->error);
      self->begun = status == AIOPROC_QUEUE_BEGUN;

      return status;
    }

  status = aioproc_queue_slots_put_many (&queue->slots, payloads, n_small, sleep, &n_put,
                                         &self->error);
  put_batch_advance (self, n_put);

  return status;
}

/* What takes long is not done by the thread that started an async operation. */
static gboolean
put_many_request_give_to_pool (PutManyRequest *self,
                               LocalQueue     *queue,
                               gsize           n_more)
{
  if (!self->async || self->batch->n_copied + n_more <= AIOPROC_QUEUE_WORK_MIN)
    return FALSE;

  self->parent.has_work = TRUE;
  atomic_store (&queue->put_works, LOCAL_QUEUE_WORK_COPIES);

  return TRUE;
}

static gboolean
local_queue_put_many_attempt (gpointer            object,
                              AioprocWaitRequest *base_request,
                              guint32            *expected)
{
  LocalQueue *self = object;
  PutManyRequest *request = (PutManyRequest *) base_request;
  PutBatch *batch = request->batch;

  if (!put_request_is_next (&batch->order, self, base_request, request->async, expected))
    return FALSE;

  while (batch->error == NULL &&
         (batch->position < batch->n_window || put_batch_prepare (batch, self)))
    {
      AioprocQueueSleep sleep = { .trying = batch->order.trying, .turn_usec = -1 };

      if (put_many_request_give_to_pool (request, self, 0))
        return TRUE;

      sleep.ticket = put_request_get_ticket (&batch->order, self, base_request->slept);

      switch (put_batch_step (batch, self, &sleep))
        {
        case AIOPROC_QUEUE_DONE:
          break;

        case AIOPROC_QUEUE_BEGUN:
          if (put_many_request_give_to_pool (request, self,
                                             batch->window[batch->position].payload.length))
            return TRUE;

          put_batch_transfer (batch, self);
          break;

        case AIOPROC_QUEUE_WAIT:
          *expected = sleep.expected;
          base_request->retry_usec = sleep.turn_usec;
          batch->n_copied = 0;
          return FALSE;

        case AIOPROC_QUEUE_BUSY:
          base_request->retry_usec = local_queue_get_retry (batch->order.n_busy++);
          return FALSE;

        case AIOPROC_QUEUE_CLOSED:
          local_queue_set_closed (self, "put into", &batch->error);
          break;

        case AIOPROC_QUEUE_MISMATCH:
        case AIOPROC_QUEUE_FAILED:
        default:
          break;
        }
    }

  if (request->async)
    local_queue_wake_behind (self);

  return TRUE;
}

static const AioprocWaitOps put_many_sync_ops = {
  .verb = "put into",
  .attempt = local_queue_put_many_attempt,
  .defers = local_queue_put_defers,
  .withdraw = aioproc_queue_word_pass_on,
};

/* The rest of an async batch that has much to copy. Other async puts of this process wait until it
 * is over, so at most one thread a queue waits for room here.
 */
static void
local_queue_put_many_work (gpointer            object,
                           AioprocWaitRequest *base_request)
{
  LocalQueue *self = object;
  PutBatch *batch = ((PutManyRequest *) base_request)->batch;
  PutManyRequest request = { .batch = batch };
  guint32 expected;

  if (batch->begun)
    put_batch_transfer (batch, self);

  if (!local_queue_put_many_attempt (self, &request.parent, &expected))
    {
      aioproc_waiter_work_begin_sleep ();
      (void) aioproc_wait_queue_wait (self->putters, &put_many_sync_ops, &request.parent,
                                      aioproc_wait_rest (batch->deadline_usec), batch->cancellable,
                                      &batch->error);
      aioproc_waiter_work_end_sleep ();
    }

  atomic_store (&self->put_works, LOCAL_QUEUE_WORK_DONE);
}

static void
local_queue_put_many_complete (gpointer            object,
                               GTask              *task,
                               AioprocWaitRequest *base_request)
{
  PutBatch *batch = ((PutManyRequest *) base_request)->batch;

  if (batch->error != NULL)
    g_task_return_error (task, g_steal_pointer (&batch->error));
  else
    g_task_return_boolean (task, TRUE);
}

static const AioprocWaitOps put_many_ops = {
  .verb = "put into",
  .attempt = local_queue_put_many_attempt,
  .defers = local_queue_put_defers,
  .work = local_queue_put_many_work,
  .worked = local_queue_put_worked,
  .ref = local_queue_keep,
  .unref = local_queue_let_go,
  .withdraw = aioproc_queue_word_pass_on,
  .complete = local_queue_put_many_complete,
};

gboolean
local_queue_put_many (gpointer       impl,
                      GPtrArray     *items,
                      gboolean       as_bytes,
                      guint         *n_put,
                      gboolean       try,
                      gint64         timeout_usec,
                      GCancellable  *cancellable,
                      GError       **error)
{
  LocalQueue *self = impl;
  PutManyRequest request = { 0 };
  gboolean success;

  if (!local_queue_check (self, error) ||
      (cancellable != NULL && g_cancellable_set_error_if_cancelled (cancellable, error)))
    return FALSE;

  request.batch = put_batch_new (items, as_bytes, n_put);
  success = put_request_run (&request.batch->order, self, &put_many_sync_ops, &request.parent,
                             !try, timeout_usec, cancellable, error);

  if (success && request.batch->error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&request.batch->error));
      success = FALSE;
    }

  put_batch_free (request.batch);

  if (*n_put > 0)
    local_queue_serve_getters (self);

  return success;
}

void
local_queue_put_many_start (gpointer   impl,
                            GPtrArray *items,
                            gboolean   as_bytes,
                            guint     *n_put,
                            GTask     *task,
                            gint64     timeout_usec)
{
  LocalQueue *self = impl;
  PutManyRequest *request = g_new0 (PutManyRequest, 1);
  GCancellable *cancellable = g_task_get_cancellable (task);
  GError *error = NULL;

  request->batch = put_batch_new (items, as_bytes, n_put);
  request->async = TRUE;
  request->batch->deadline_usec = aioproc_wait_deadline (timeout_usec);

  if (cancellable != NULL)
    request->batch->cancellable = g_object_ref (cancellable);

  g_task_set_task_data (task, request, put_many_request_free);

  if (!local_queue_check (self, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  if (G_UNLIKELY (local_queue_count_unfinished (self) != 0))
    local_queue_check_fork (self);

  atomic_fetch_add (&self->n_put_starts, 1);

  /* The task may be gone when the start returns, and the queue with it. */
  local_queue_ref (self);
  aioproc_wait_queue_start (self->putters, &put_many_ops, task, timeout_usec);
  local_queue_serve_getters (self);
  local_queue_unref (self);
}
