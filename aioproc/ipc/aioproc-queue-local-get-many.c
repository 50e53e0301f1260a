/* aioproc-queue-local-get-many.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-local-private.h"

#include "core/aioproc-codec-private.h"
#include "ipc/aioproc-queue-lists-private.h"

/* A batch on its way out: waits for one item, then takes what is there. */
typedef struct {
  AioprocWaitRequest    parent;
  GPtrArray            *result;     /* (owned) */
  guint                 max_items;
  gboolean              as_bytes;
  gboolean              async;
  gboolean              trying;     /* sync: it will not sleep on what the attempt says */
  gsize                 n_copied;   /* bytes */
  gboolean              begun;      /* the item of the transfer is to be copied */
  AioprocQueueTransfer  transfer;
  GError               *error;      /* (owned) (nullable) the outcome, unless there is a result */
  guint                 n_busy;
} GetManyRequest;

static void
get_many_request_init (GetManyRequest *self,
                       gboolean        as_bytes,
                       guint           max_items)
{
  *self = (GetManyRequest) { .as_bytes = as_bytes, .max_items = max_items };
  self->result = g_ptr_array_new_with_free_func (as_bytes ? (GDestroyNotify) g_bytes_unref
                                                          : (GDestroyNotify) g_variant_unref);
}

static void
get_many_request_clear (GetManyRequest *self)
{
  g_clear_pointer (&self->result, g_ptr_array_unref);
  g_clear_error (&self->error);
}

/* An item that turned out to be damaged when others had been taken is told to the next batch. */
static void
get_many_request_keep_error (GetManyRequest *self,
                             LocalQueue     *queue)
{
  gpointer none = NULL;

  if (self->error != NULL && self->result->len > 0 &&
      g_error_matches (self->error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA) &&
      atomic_compare_exchange_strong (&queue->dropped, &none, self->error))
    self->error = NULL;
}

static void
get_many_request_free (gpointer data)
{
  get_many_request_clear (data);
  g_free (data);
}

/* Whether the items stay in the queue, leased, until they are done. Then they come one by one. */
static gboolean
get_many_request_keeps (LocalQueue *queue)
{
  return queue->joiners != NULL;
}

/* Takes @bytes. */
static void
get_many_request_add (GetManyRequest   *self,
                      LocalQueue       *queue,
                      AioprocQueueKind  kind,
                      GBytes           *bytes)
{
  guint n_items = self->result->len;
  g_autoptr(GBytes) owned = bytes;
  g_autoptr(GError) local_error = NULL;
  GVariant *value;

  self->n_copied += g_bytes_get_size (owned);

  if (self->as_bytes)
    value = NULL;
  else if (kind == AIOPROC_QUEUE_BYTES)
    value = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, owned, TRUE));
  else
    value = aioproc_codec_variant_load (owned, &local_error);

  if (self->as_bytes)
    g_ptr_array_add (self->result, g_steal_pointer (&owned));
  else if (value != NULL)
    g_ptr_array_add (self->result, value);

  if (get_many_request_keeps (queue))
    {
      if (self->result->len > n_items)
        local_queue_add_task (queue, &self->transfer);
      else
        (void) aioproc_queue_slots_ack (&queue->slots, &self->transfer);
    }

  if (self->result->len > n_items)
    return;

  if (self->error == NULL)
    g_propagate_prefixed_error (&self->error, g_steal_pointer (&local_error),
                                "An item of %s was dropped: ", queue->slots.description);
}

/* The copy of a large item, beside the lock. */
static void
get_many_request_transfer (GetManyRequest *self,
                           LocalQueue     *queue)
{
  GBytes *bytes = local_queue_copy_out (queue, &self->transfer, &self->error);

  self->begun = FALSE;

  if (bytes == NULL)
    {
      (void) aioproc_queue_slots_give_back (&queue->slots, &self->transfer);
      return;
    }

  if (!get_many_request_keeps (queue))
    (void) aioproc_queue_slots_ack (&queue->slots, &self->transfer);

  get_many_request_add (self, queue, self->transfer.kind, bytes);
}

/* What takes long is not done by the thread that started an async operation. */
static gboolean
get_many_request_give_to_pool (GetManyRequest *self,
                               LocalQueue     *queue,
                               gsize           n_more)
{
  if (!self->async || self->n_copied + n_more <= AIOPROC_QUEUE_WORK_MIN)
    return FALSE;

  self->parent.has_work = TRUE;
  atomic_store (&queue->get_works, 1);

  return TRUE;
}

/* TRUE: there may be more to take. */
static gboolean
get_many_request_step (GetManyRequest     *self,
                       LocalQueue         *queue,
                       AioprocQueueSleep  *sleep,
                       AioprocQueueStatus *status)
{
  AioprocQueueBatch batch;
  AioprocQueueGetFlags flags = 0;

  if (self->as_bytes)
    flags |= AIOPROC_QUEUE_GET_BYTES_ONLY | AIOPROC_QUEUE_GET_HOLD;

  if (get_many_request_keeps (queue))
    flags = (flags | AIOPROC_QUEUE_GET_KEEP) & ~AIOPROC_QUEUE_GET_HOLD;

  *status = aioproc_queue_slots_get_many (&queue->slots, flags, sleep, &batch,
                                          self->max_items - self->result->len, &self->transfer,
                                          &self->error);

  if (*status == AIOPROC_QUEUE_BEGUN || *status == AIOPROC_QUEUE_DONE ||
      *status == AIOPROC_QUEUE_IN_PLACE)
    local_queue_begin_tending (queue);

  if (*status == AIOPROC_QUEUE_BEGUN)
    {
      self->begun = TRUE;

      if (get_many_request_give_to_pool (self, queue, self->transfer.length))
        return FALSE;

      get_many_request_transfer (self, queue);
    }
  else if (*status == AIOPROC_QUEUE_IN_PLACE)
    {
      g_ptr_array_add (self->result, local_queue_hold (queue, &self->transfer));
    }
  else if (*status == AIOPROC_QUEUE_DONE)
    {
      for (guint i = 0; i < batch.n_items; i++)
        get_many_request_add (self, queue, batch.items[i].kind,
                              g_bytes_new ((guint8 *) batch.buffer + batch.items[i].offset,
                                           batch.items[i].length));
    }
  else
    {
      return FALSE;
    }

  return self->error == NULL && self->result->len < self->max_items;
}

static gboolean
local_queue_get_many_attempt (gpointer            object,
                              AioprocWaitRequest *base_request,
                              guint32            *expected)
{
  LocalQueue *self = object;
  GetManyRequest *request = (GetManyRequest *) base_request;
  AioprocQueueSleep sleep = { .trying = request->trying };
  AioprocQueueStatus status;

  /* Before anything else is looked at: it changes when that does. */
  *expected = atomic_load (&self->slots.header->items);

  if (request->async && atomic_load (&self->get_works))
    return FALSE;

  if (G_UNLIKELY (atomic_load (&self->dropped) != NULL))
    {
      request->error = atomic_exchange (&self->dropped, NULL);

      if (request->error != NULL)
        return TRUE;
    }

  while (get_many_request_step (request, self, request->result->len == 0 ? &sleep : NULL, &status))
    {
      if (get_many_request_give_to_pool (request, self, 0))
        return TRUE;
    }

  /* What stopped it is told to the next call. */
  if (request->result->len > 0 || status == AIOPROC_QUEUE_BEGUN || request->error != NULL)
    return TRUE;

  switch (status)
    {
    case AIOPROC_QUEUE_WAIT:
      *expected = sleep.expected;

      if (sleep.idle_usec >= 0)
        local_queue_plan_trim (self, sleep.idle_usec, base_request);

      return FALSE;

    case AIOPROC_QUEUE_BUSY:
      base_request->retry_usec = local_queue_get_retry (request->n_busy++);
      return FALSE;

    case AIOPROC_QUEUE_MISMATCH:
      local_queue_set_mismatch (self, &request->error);
      return TRUE;

    case AIOPROC_QUEUE_CLOSED:
      local_queue_set_closed (self, "get from", &request->error);
      return TRUE;

    case AIOPROC_QUEUE_DONE:
    case AIOPROC_QUEUE_BEGUN:
    case AIOPROC_QUEUE_IN_PLACE:
    case AIOPROC_QUEUE_FAILED:
    default:
      return TRUE;
    }
}

static void
local_queue_get_many_work (gpointer            object,
                           AioprocWaitRequest *base_request)
{
  LocalQueue *self = object;
  GetManyRequest *request = (GetManyRequest *) base_request;
  AioprocQueueStatus status;

  request->async = FALSE;

  if (request->begun)
    get_many_request_transfer (request, self);

  /* It waits for no more. */
  while (request->error == NULL && request->result->len < request->max_items &&
         get_many_request_step (request, self, NULL, &status))
    ;
}

static void
local_queue_get_many_complete (gpointer            object,
                               GTask              *task,
                               AioprocWaitRequest *base_request)
{
  GetManyRequest *request = (GetManyRequest *) base_request;

  get_many_request_keep_error (request, object);

  if (request->result->len == 0)
    g_task_return_error (task, g_steal_pointer (&request->error));
  else
    g_task_return_pointer (task, g_steal_pointer (&request->result),
                           (GDestroyNotify) g_ptr_array_unref);
}

static const AioprocWaitOps get_many_ops = {
  .verb = "get from",
  .attempt = local_queue_get_many_attempt,
  .defers = local_queue_get_defers,
  .work = local_queue_get_many_work,
  .worked = local_queue_get_worked,
  .ref = local_queue_keep,
  .unref = local_queue_let_go,
  .withdraw = aioproc_queue_word_pass_on,
  .complete = local_queue_get_many_complete,
};

static gboolean
get_many_request_try (GetManyRequest *self,
                      LocalQueue     *queue)
{
  gboolean over;

  self->trying = TRUE;
  over = local_queue_try (queue, &get_many_ops, &self->parent, &self->n_busy);
  self->trying = FALSE;

  return over;
}

GPtrArray *
local_queue_get_many (gpointer       impl,
                      gboolean       as_bytes,
                      guint          max_items,
                      gboolean       try,
                      gint64         timeout_usec,
                      GCancellable  *cancellable,
                      GError       **error)
{
  LocalQueue *self = impl;
  g_autoptr(GPtrArray) result = NULL;
  GetManyRequest request;
  gboolean done;

  if (!local_queue_check (self, error) ||
      (cancellable != NULL && g_cancellable_set_error_if_cancelled (cancellable, error)))
    return NULL;

  get_many_request_init (&request, as_bytes, max_items);
  done = get_many_request_try (&request, self) ||
         (!try && local_queue_await_item (self, timeout_usec) &&
          get_many_request_try (&request, self));

  if (!done && try)
    local_queue_set_would_block (self, "empty, or in use", error);
  else if (!done)
    done = aioproc_wait_queue_wait (self->getters, &get_many_ops, &request.parent, timeout_usec,
                                    cancellable, error);

  get_many_request_keep_error (&request, self);

  if (done && request.result->len == 0)
    g_propagate_error (error, g_steal_pointer (&request.error));
  else if (done)
    result = g_steal_pointer (&request.result);

  get_many_request_clear (&request);

  if (result != NULL)
    local_queue_serve_putters (self);

  return g_steal_pointer (&result);
}

void
local_queue_get_many_start (gpointer  impl,
                            gboolean  as_bytes,
                            guint     max_items,
                            GTask    *task,
                            gint64    timeout_usec)
{
  LocalQueue *self = impl;
  GetManyRequest *request = g_new (GetManyRequest, 1);
  GError *error = NULL;

  get_many_request_init (request, as_bytes, max_items);
  request->async = TRUE;
  g_task_set_task_data (task, request, get_many_request_free);

  if (!local_queue_check (self, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  if (G_UNLIKELY (atomic_load (&self->get_works) != 0))
    local_queue_check_fork (self);

  /* The task may be gone when the start returns, and the queue with it. */
  local_queue_ref (self);
  aioproc_wait_queue_start (self->getters, &get_many_ops, task, timeout_usec);
  local_queue_serve_putters (self);
  local_queue_unref (self);
}
