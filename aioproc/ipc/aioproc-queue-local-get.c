/* aioproc-queue-local-get.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-local-private.h"

#include "core/aioproc-codec-private.h"
#include "ipc/aioproc-queue-lists-private.h"

typedef struct {
  AioprocWaitRequest    parent;
  AioprocQueueTransfer  transfer;
  gpointer              result;     /* (owned) (nullable) the outcome, unless … */
  GError               *error;      /* (owned) (nullable) … this is set */
  guint                 n_busy;
  AioprocQueueForm      form;
  gboolean              async;
  gboolean              trying;     /* sync: it will not sleep on what the attempt says */
} GetRequest;

/* How a result of each form is let go. */
static const GDestroyNotify free_funcs[] = {
  (GDestroyNotify) g_variant_unref,
  (GDestroyNotify) g_bytes_unref,
  g_object_unref,
};

/* All but the transfer, which the get writes: this is much of what a small one costs. */
static void
get_request_init (GetRequest       *self,
                  AioprocQueueForm  form)
{
  self->parent = (AioprocWaitRequest) { 0 };
  self->result = NULL;
  self->error = NULL;
  self->n_busy = 0;
  self->form = form;
  self->async = FALSE;
  self->trying = FALSE;
}

static void
get_request_free (gpointer data)
{
  GetRequest *self = data;

  if (self->result != NULL)
    free_funcs[self->form] (self->result);

  g_clear_error (&self->error);
  g_free (self);
}

/* Whether the item stays in the queue, leased. */
static gboolean
get_request_keeps (GetRequest *self,
                   LocalQueue *queue)
{
  return self->form == AIOPROC_QUEUE_AS_LEASE || queue->joiners != NULL;
}

/* Makes the outcome of a payload that was copied out. Takes @bytes. */
static void
get_request_set_payload (GetRequest *self,
                         LocalQueue *queue,
                         GBytes     *bytes)
{
  gboolean task = self->form != AIOPROC_QUEUE_AS_LEASE && get_request_keeps (self, queue);
  GVariant *value;

  if (self->form == AIOPROC_QUEUE_AS_BYTES)
    {
      self->result = bytes;

      if (task)
        local_queue_add_task (queue, &self->transfer);

      return;
    }

  if (self->transfer.kind == AIOPROC_QUEUE_BYTES)
    {
      value = g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE);
      g_variant_ref_sink (value);
    }
  else
    {
      value = aioproc_codec_variant_load (bytes, &self->error);
      g_clear_pointer (&bytes, g_bytes_unref);
    }

  if (value == NULL)
    {
      g_prefix_error (&self->error, "An item of %s was dropped: ", queue->slots.description);

      if (get_request_keeps (self, queue))
        (void) aioproc_queue_slots_ack (&queue->slots, &self->transfer);

      return;
    }

  if (self->form == AIOPROC_QUEUE_AS_LEASE)
    {
      self->result = local_queue_make_lease (queue, &self->transfer, value, bytes);
    }
  else
    {
      self->result = value;
      g_clear_pointer (&bytes, g_bytes_unref);

      if (task)
        local_queue_add_task (queue, &self->transfer);
    }
}

GBytes *
local_queue_copy_out (LocalQueue                  *self,
                      const AioprocQueueTransfer  *transfer,
                      GError                     **error)
{
  AioprocQueueMemory *memory = &self->slots.memory;
  gsize length = transfer->length;
  g_autofree gpointer data = g_try_malloc (length);

  if (data == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                   "Could not get from %s: no memory for an item of %" G_GSIZE_FORMAT " bytes",
                   self->slots.description, length);
      return NULL;
    }

  if (!aioproc_queue_memory_copy_out (memory, transfer->offset, data, length))
    {
      aioproc_queue_memory_set_error (memory, error);
      return NULL;
    }

  return g_bytes_new_take (g_steal_pointer (&data), length);
}

/* The part of a large get that is done beside the lock. */
static void
get_request_transfer (GetRequest *self,
                      LocalQueue *queue)
{
  GBytes *bytes = local_queue_copy_out (queue, &self->transfer, &self->error);

  if (bytes == NULL)
    {
      (void) aioproc_queue_slots_give_back (&queue->slots, &self->transfer);
      return;
    }

  if (!get_request_keeps (self, queue))
    (void) aioproc_queue_slots_ack (&queue->slots, &self->transfer);

  get_request_set_payload (self, queue, bytes);
}

/* --- Memory that a burst has left behind --- */

static void
local_queue_trim (gpointer data)
{
  LocalQueue *self = data;

  /* Before it looks: who asks again from here on has seen what it may miss. */
  atomic_store (&self->trims, 0);
  aioproc_queue_slots_trim (&self->slots);
  local_queue_unref (self);
}

void
local_queue_start_trim (LocalQueue *self)
{
  if (atomic_exchange (&self->trims, 1) != 0)
    return;

  local_queue_ref (self);

  if (!aioproc_waiter_run_work (local_queue_trim, self))
    {
      atomic_store (&self->trims, 0);
      local_queue_unref (self);
    }
}

void
local_queue_plan_trim (LocalQueue         *self,
                       gint64              idle_usec,
                       AioprocWaitRequest *request)
{
  if (g_get_monotonic_time () < idle_usec)
    {
      request->retry_usec = idle_usec;
      return;
    }

  local_queue_start_trim (self);
}

/* --- The wait --- */

static AioprocQueueGetFlags
get_request_get_flags (GetRequest *self,
                       LocalQueue *queue)
{
  AioprocQueueGetFlags flags = 0;

  if (self->form == AIOPROC_QUEUE_AS_BYTES)
    flags |= AIOPROC_QUEUE_GET_BYTES_ONLY | AIOPROC_QUEUE_GET_HOLD;

  /* What stays in the queue may be got by another one again. */
  if (get_request_keeps (self, queue))
    flags = (flags | AIOPROC_QUEUE_GET_KEEP) & ~AIOPROC_QUEUE_GET_HOLD;

  return flags;
}

static gboolean
local_queue_get_attempt (gpointer            object,
                         AioprocWaitRequest *base_request,
                         guint32            *expected)
{
  LocalQueue *self = object;
  GetRequest *request = (GetRequest *) base_request;
  AioprocQueueSleep sleep = { .trying = request->trying };
  /* Aligned as the codec wants it. */
  guint64 buffer[AIOPROC_QUEUE_COPY_MAX / sizeof (guint64)];

  /* Before anything else is looked at: it changes when that does. */
  *expected = atomic_load (&self->slots.header->items);

  if (request->async && atomic_load (&self->get_works))
    return FALSE;

  switch (aioproc_queue_slots_get (&self->slots, get_request_get_flags (request, self), &sleep,
                                   (guint8 *) buffer, &request->transfer, &request->error))
    {
    case AIOPROC_QUEUE_WAIT:
      *expected = sleep.expected;

      if (sleep.idle_usec >= 0)
        local_queue_plan_trim (self, sleep.idle_usec, base_request);

      return FALSE;

    case AIOPROC_QUEUE_BUSY:
      base_request->retry_usec = local_queue_get_retry (request->n_busy++);
      return FALSE;

    case AIOPROC_QUEUE_DONE:
      local_queue_tend (self, request->transfer.sequence);
      get_request_set_payload (request, self, g_bytes_new (buffer, request->transfer.length));
      return TRUE;

    case AIOPROC_QUEUE_IN_PLACE:
      local_queue_begin_tending (self);
      request->result = local_queue_hold (self, &request->transfer);
      return TRUE;

    case AIOPROC_QUEUE_BEGUN:
      local_queue_begin_tending (self);

      if (request->async && request->transfer.length > AIOPROC_QUEUE_WORK_MIN)
        {
          base_request->has_work = TRUE;
          atomic_store (&self->get_works, 1);
        }
      else
        {
          get_request_transfer (request, self);
        }

      return TRUE;

    case AIOPROC_QUEUE_MISMATCH:
      local_queue_set_mismatch (self, &request->error);
      return TRUE;

    case AIOPROC_QUEUE_CLOSED:
      local_queue_set_closed (self, "get from", &request->error);
      return TRUE;

    case AIOPROC_QUEUE_FAILED:
    default:
      return TRUE;
    }
}

static void
local_queue_get_work (gpointer            object,
                      AioprocWaitRequest *base_request)
{
  get_request_transfer ((GetRequest *) base_request, object);
}

void
local_queue_get_worked (gpointer object)
{
  LocalQueue *self = object;

  atomic_store (&self->get_works, 0);
  aioproc_wait_queue_serve (self->getters);
  aioproc_wait_queue_serve (self->putters);
}

static void
local_queue_get_complete (gpointer            object,
                          GTask              *task,
                          AioprocWaitRequest *base_request)
{
  GetRequest *request = (GetRequest *) base_request;

  if (request->error != NULL)
    g_task_return_error (task, g_steal_pointer (&request->error));
  else
    g_task_return_pointer (task, g_steal_pointer (&request->result),
                           free_funcs[request->form]);
}

static const AioprocWaitOps get_ops = {
  .verb = "get from",
  .attempt = local_queue_get_attempt,
  .defers = local_queue_get_defers,
  .work = local_queue_get_work,
  .worked = local_queue_get_worked,
  .ref = local_queue_keep,
  .unref = local_queue_let_go,
  .withdraw = aioproc_queue_word_pass_on,
  .complete = local_queue_get_complete,
};

static gboolean
get_request_try (GetRequest *self,
                 LocalQueue *queue)
{
  gboolean over;

  self->trying = TRUE;
  over = local_queue_try (queue, &get_ops, &self->parent, &self->n_busy);
  self->trying = FALSE;

  return over;
}

static gpointer
get_request_finish (GetRequest  *self,
                    LocalQueue  *queue,
                    GError     **error)
{
  if (self->error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&self->error));
      return NULL;
    }

  local_queue_serve_putters (queue);

  return g_steal_pointer (&self->result);
}

/* What most gets are: of bytes that are small, and there. NULL: it is not so, and nothing has
 * happened.
 */
static GBytes *
local_queue_get_at_once (LocalQueue *self)
{
  AioprocQueueTransfer transfer;
  guint8 buffer[AIOPROC_QUEUE_COPY_MAX];

  if (self->joiners != NULL || G_UNLIKELY (aioproc_wait_queue_is_closed (self->getters)) ||
      aioproc_queue_slots_get (&self->slots,
                               AIOPROC_QUEUE_GET_BYTES_ONLY | AIOPROC_QUEUE_GET_SMALL_ONLY, NULL,
                               buffer, &transfer, NULL) != AIOPROC_QUEUE_DONE)
    return NULL;

  local_queue_tend (self, transfer.sequence);
  local_queue_serve_putters (self);

  return g_bytes_new (buffer, transfer.length);
}

gpointer
local_queue_try_get (gpointer           impl,
                     AioprocQueueForm   form,
                     GError           **error)
{
  LocalQueue *self = impl;
  GetRequest request;
  GBytes *bytes = form == AIOPROC_QUEUE_AS_BYTES ? local_queue_get_at_once (self) : NULL;

  if (bytes != NULL)
    return bytes;

  if (!local_queue_check (self, error))
    return NULL;

  get_request_init (&request, form);

  if (get_request_try (&request, self))
    return get_request_finish (&request, self, error);

  local_queue_set_would_block (self, "empty, or in use", error);

  return NULL;
}

gpointer
local_queue_get (gpointer           impl,
                 AioprocQueueForm   form,
                 gint64             timeout_usec,
                 GCancellable      *cancellable,
                 GError           **error)
{
  LocalQueue *self = impl;
  GetRequest request;
  GBytes *bytes;

  if (cancellable != NULL && g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;

  bytes = form == AIOPROC_QUEUE_AS_BYTES ? local_queue_get_at_once (self) : NULL;

  if (bytes != NULL)
    return bytes;

  if (!local_queue_check (self, error))
    return NULL;

  get_request_init (&request, form);

  if (get_request_try (&request, self) ||
      (local_queue_await_item (self, timeout_usec) && get_request_try (&request, self)) ||
      aioproc_wait_queue_wait (self->getters, &get_ops, &request.parent, timeout_usec, cancellable,
                               error))
    return get_request_finish (&request, self, error);

  return NULL;
}

void
local_queue_get_start (gpointer          impl,
                       AioprocQueueForm  form,
                       GTask            *task,
                       gint64            timeout_usec)
{
  LocalQueue *self = impl;
  GetRequest *request = g_new0 (GetRequest, 1);
  GError *error = NULL;

  g_task_set_task_data (task, request, get_request_free);
  request->form = form;
  request->async = TRUE;

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
  aioproc_wait_queue_start (self->getters, &get_ops, task, timeout_usec);
  local_queue_serve_putters (self);
  local_queue_unref (self);
}
