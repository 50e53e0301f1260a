/* aioproc-queue-local-put.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-local-put-private.h"

#include "core/aioproc-codec-private.h"
#include "ipc/aioproc-queue-lists-private.h"
#include "platform/aioproc-futex-private.h"

/* So much of a queue stays in the cache of a processor that puts more: half of what many have of
 * their own.
 */
#define CACHED_BYTES (512 * 1024)

void
put_request_clear (PutRequest *self)
{
  if (self->turn != NULL)
    {
      aioproc_queue_slots_give_up (&self->turn->slots, self->ticket);
      g_clear_pointer (&self->turn, local_queue_unref);
    }

  g_clear_pointer (&self->variant, g_variant_unref);
  g_clear_pointer (&self->bytes, g_bytes_unref);
  g_clear_error (&self->error);
}

static void
put_request_free (gpointer data)
{
  PutRequest *self = data;

  put_request_clear (self);
  g_free (self->buffer);
  g_free (self);
}

gboolean
put_request_check_length (PutRequest  *self,
                          LocalQueue  *queue,
                          GError     **error)
{
  if (queue->slots.max_bytes != 0 && self->payload.length > queue->slots.max_bytes)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                   "Could not put %" G_GUINT64_FORMAT " bytes into %s: all of its items have %"
                   G_GUINT64_FORMAT " at most", self->payload.length, queue->slots.description,
                   queue->slots.max_bytes);
      return FALSE;
    }

  if (self->payload.length > AIOPROC_QUEUE_PAYLOAD_MAX)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                   "Could not put %" G_GUINT64_FORMAT " bytes into %s: an item has %"
                   G_GUINT64_FORMAT " at most", self->payload.length, queue->slots.description,
                   AIOPROC_QUEUE_PAYLOAD_MAX);
      return FALSE;
    }

  return TRUE;
}

gboolean
put_request_set_item (PutRequest              *self,
                      LocalQueue              *queue,
                      const AioprocQueueItem  *item,
                      GError                 **error)
{
  g_autoptr(GError) local_error = NULL;

  if (item->bytes != NULL)
    {
      gsize length;

      self->bytes = self->async ? g_bytes_ref (item->bytes) : NULL;
      self->payload.kind = AIOPROC_QUEUE_BYTES;
      self->payload.data = g_bytes_get_data (item->bytes, &length);
      self->payload.length = length;
    }
  else if (g_variant_is_of_type (item->variant, G_VARIANT_TYPE_BYTESTRING))
    {
      self->variant = g_variant_ref (item->variant);
      self->payload.kind = AIOPROC_QUEUE_BYTES;
      self->payload.data = g_variant_get_data (item->variant);
      self->payload.length = g_variant_get_size (item->variant);
    }
  else
    {
      self->variant = aioproc_codec_variant_prepare (item->variant, FALSE, &local_error);

      if (self->variant == NULL)
        {
          gboolean handle = g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);

          g_set_error (error, local_error->domain, local_error->code,
                       "Could not put a value into %s: %s%s", queue->slots.description,
                       local_error->message, handle ? ": send it over a Connection" : "");
          return FALSE;
        }

      self->payload.kind = AIOPROC_QUEUE_VARIANT;
      self->payload.length = aioproc_codec_variant_size (self->variant);
    }

  return put_request_check_length (self, queue, error);
}

void
put_request_encode (PutRequest *self,
                    guint8     *buffer)
{
  if (self->payload.kind != AIOPROC_QUEUE_VARIANT ||
      self->payload.length > AIOPROC_QUEUE_COPY_MAX)
    return;

  aioproc_codec_variant_store (self->variant, buffer);
  self->payload.data = buffer;
}

/* Puts a value into its stored form in the slot that was got for it. */
static gboolean
put_request_store (PutRequest  *self,
                   LocalQueue  *queue,
                   GError     **error)
{
  AioprocQueueSlots *slots = &queue->slots;
  g_autofree guint8 *stored = NULL;
  gpointer to;

  to = aioproc_queue_memory_at (&slots->memory, self->transfer.offset, self->payload.length);

  if (to != NULL)
    {
      if (!aioproc_queue_slots_allocate (slots, &self->transfer, error))
        return FALSE;

      aioproc_codec_variant_store (self->variant, to);

      return TRUE;
    }

  /* It lies in several pieces. */
  stored = g_try_malloc (self->payload.length);

  if (stored == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                   "Could not put a value into %s: no memory for its %" G_GUINT64_FORMAT " bytes",
                   slots->description, self->payload.length);
      return FALSE;
    }

  aioproc_codec_variant_store (self->variant, stored);

  return aioproc_queue_slots_fill (slots, &self->transfer, stored, error);
}

void
put_request_transfer (PutRequest *self,
                      LocalQueue *queue)
{
  AioprocQueueSlots *slots = &queue->slots;
  gboolean success;

  if (self->payload.kind == AIOPROC_QUEUE_VARIANT)
    success = put_request_store (self, queue, &self->error);
  else
    success = aioproc_queue_slots_fill (slots, &self->transfer, self->payload.data, &self->error);

  if (success)
    aioproc_queue_slots_commit (slots, &self->transfer);
  else
    aioproc_queue_slots_abort (slots, &self->transfer);
}

/* --- The order of the puts of one process --- */

guint32
local_queue_count_unfinished (LocalQueue *self)
{
  return atomic_load (self->pending_puts) +
         (atomic_load (&self->put_works) == LOCAL_QUEUE_WORK_COPIES);
}

/* A sync put, or a try: are there async ones that began before it? */
static gboolean
put_request_is_behind (PutRequest *self,
                       LocalQueue *queue)
{
  guint32 n_finished = atomic_load (&queue->n_put_starts) - local_queue_count_unfinished (queue);

  return self->behind && (gint32) (n_finished - self->barrier) < 0;
}

gboolean
put_request_is_next (PutRequest         *self,
                     LocalQueue         *queue,
                     AioprocWaitRequest *request,
                     gboolean            async,
                     guint32            *expected)
{
  /* Before anything else is looked at: it changes when that does. */
  *expected = atomic_load (&queue->slots.header->room);

  if (async && atomic_load (&queue->put_works))
    return FALSE;

  if (G_LIKELY (!put_request_is_behind (self, queue)))
    return TRUE;

  request->retry_usec = g_get_monotonic_time () + LOCAL_QUEUE_BEHIND_USEC;

  return FALSE;
}

static void
put_request_begin (PutRequest *self,
                   LocalQueue *queue)
{
  if (G_LIKELY (local_queue_count_unfinished (queue) == 0))
    return;

  local_queue_check_fork (queue);
  self->behind = TRUE;
  self->barrier = atomic_load (&queue->n_put_starts);
  atomic_fetch_add (&queue->n_puts_behind, 1);
}

static void
put_request_end (PutRequest *self,
                 LocalQueue *queue)
{
  if (self->behind)
    atomic_fetch_sub (&queue->n_puts_behind, 1);
}

void
local_queue_wake_behind (LocalQueue *self)
{
  if (G_LIKELY (atomic_load (&self->n_puts_behind) == 0))
    return;

  atomic_fetch_add (&self->slots.header->room, AIOPROC_QUEUE_CHANGE);
  aioproc_futex_wake (&self->slots.header->room, G_MAXINT);
}

guint32
put_request_get_ticket (PutRequest *self,
                        LocalQueue *queue,
                        gboolean    slept)
{
  /* Who only tries has no turn. */
  if (queue->slots.max_bytes != 0 && slept && self->turn == NULL)
    {
      self->turn = local_queue_ref (queue);
      self->ticket = atomic_fetch_add (&queue->n_tickets, 1) + 1;
    }

  return self->ticket;
}

static gboolean
put_request_try (PutRequest           *self,
                 LocalQueue           *queue,
                 const AioprocWaitOps *ops,
                 AioprocWaitRequest   *request)
{
  gboolean over;

  self->trying = TRUE;
  over = local_queue_try (queue, ops, request, &self->n_busy);
  self->trying = FALSE;

  return over;
}

gboolean
put_request_run (PutRequest            *self,
                 LocalQueue            *queue,
                 const AioprocWaitOps  *ops,
                 AioprocWaitRequest    *request,
                 gboolean               wait,
                 gint64                 timeout_usec,
                 GCancellable          *cancellable,
                 GError               **error)
{
  gboolean over;

  put_request_begin (self, queue);
  over = put_request_try (self, queue, ops, request) ||
         (wait && local_queue_await_room (queue, timeout_usec) &&
          put_request_try (self, queue, ops, request));

  if (!over && wait)
    over = aioproc_wait_queue_wait (queue->putters, ops, request, timeout_usec, cancellable, error);
  else if (!over)
    local_queue_set_would_block (queue, "full, or in use", error);

  put_request_end (self, queue);

  return over;
}

/* --- The wait --- */

static gboolean
local_queue_put_attempt (gpointer            object,
                         AioprocWaitRequest *base_request,
                         guint32            *expected)
{
  LocalQueue *self = object;
  PutRequest *request = (PutRequest *) base_request;
  AioprocQueueSleep sleep = { .trying = request->trying, .turn_usec = -1 };

  if (!put_request_is_next (request, self, base_request, request->async, expected))
    return FALSE;

  sleep.ticket = put_request_get_ticket (request, self, base_request->slept);

  switch (aioproc_queue_slots_put (&self->slots, &request->payload, &sleep, &request->transfer,
                                   &request->error))
    {
    case AIOPROC_QUEUE_WAIT:
      *expected = sleep.expected;
      base_request->retry_usec = sleep.turn_usec;
      return FALSE;

    case AIOPROC_QUEUE_BUSY:
      base_request->retry_usec = local_queue_get_retry (request->n_busy++);
      return FALSE;

    case AIOPROC_QUEUE_BEGUN:
      if (request->async && request->payload.length > AIOPROC_QUEUE_WORK_MIN)
        {
          base_request->has_work = TRUE;
          atomic_store (&self->put_works, LOCAL_QUEUE_WORK_COPIES);
          return TRUE;
        }

      put_request_transfer (request, self);
      break;

    case AIOPROC_QUEUE_CLOSED:
      local_queue_set_closed (self, "put into", &request->error);
      break;

    case AIOPROC_QUEUE_DONE:
    case AIOPROC_QUEUE_MISMATCH:
    case AIOPROC_QUEUE_FAILED:
    default:
      break;
    }

  if (request->async)
    local_queue_wake_behind (self);

  return TRUE;
}

static void
local_queue_put_work (gpointer            object,
                      AioprocWaitRequest *base_request)
{
  LocalQueue *self = object;

  put_request_transfer ((PutRequest *) base_request, self);
  atomic_store (&self->put_works, LOCAL_QUEUE_WORK_DONE);
}

void
local_queue_put_worked (gpointer object)
{
  LocalQueue *self = object;

  atomic_store (&self->put_works, 0);
  local_queue_wake_behind (self);
  aioproc_wait_queue_serve (self->putters);
  aioproc_wait_queue_serve (self->getters);
}

static void
local_queue_put_complete (gpointer            object,
                          GTask              *task,
                          AioprocWaitRequest *base_request)
{
  PutRequest *request = (PutRequest *) base_request;

  if (request->error != NULL)
    g_task_return_error (task, g_steal_pointer (&request->error));
  else
    g_task_return_boolean (task, TRUE);
}

static const AioprocWaitOps put_ops = {
  .verb = "put into",
  .attempt = local_queue_put_attempt,
  .defers = local_queue_put_defers,
  .work = local_queue_put_work,
  .worked = local_queue_put_worked,
  .ref = local_queue_keep,
  .unref = local_queue_let_go,
  .withdraw = aioproc_queue_word_pass_on,
  .complete = local_queue_put_complete,
};

static gboolean
put_request_finish (PutRequest  *self,
                    LocalQueue  *queue,
                    GError     **error)
{
  gboolean success = self->error == NULL;

  if (!success)
    g_propagate_error (error, g_steal_pointer (&self->error));

  if (success)
    local_queue_serve_getters (queue);

  return success;
}

/* What most puts are: bytes that fit, into a queue that has room for them. FALSE: it is not so, and
 * nothing has happened.
 */
static gboolean
local_queue_put_at_once (LocalQueue             *self,
                         const AioprocQueueItem *item)
{
  AioprocQueuePayload payload = { .kind = AIOPROC_QUEUE_BYTES };
  gsize length;

  if (item->bytes == NULL || local_queue_count_unfinished (self) != 0 ||
      G_UNLIKELY (aioproc_wait_queue_is_closed (self->getters)))
    return FALSE;

  payload.data = g_bytes_get_data (item->bytes, &length);
  payload.length = length;

  if (length > AIOPROC_QUEUE_COPY_MAX ||
      aioproc_queue_slots_put (&self->slots, &payload, NULL, NULL, NULL) != AIOPROC_QUEUE_DONE)
    return FALSE;

  local_queue_serve_getters (self);

  return TRUE;
}

/* Much was put. If whoever gets it needs this processor, it is taken while it is in a cache yet,
 * and its memory is used for the next one, rather than memory that is new.
 */
static void
local_queue_let_getter_run (LocalQueue *self)
{
  if (aioproc_queue_peek (&self->slots.header->n_bytes) > CACHED_BYTES &&
      local_queue_put_defers (self))
    g_thread_yield ();
}

/* Anything else. Apart from the above, so that this need not pay for the room that it wants. */
static G_GNUC_NO_INLINE gboolean
local_queue_put_item (LocalQueue              *self,
                      const AioprocQueueItem  *item,
                      gboolean                 wait,
                      gint64                   timeout_usec,
                      GCancellable            *cancellable,
                      GError                 **error)
{
  PutRequest request = { 0 };
  gboolean success = FALSE;
  /* Values up to this size are stored in it, aligned as the codec wants it. */
  guint64 buffer[AIOPROC_QUEUE_COPY_MAX / sizeof (guint64)];

  if (put_request_set_item (&request, self, item, error))
    {
      put_request_encode (&request, (guint8 *) buffer);
      success = put_request_run (&request, self, &put_ops, &request.parent, wait, timeout_usec,
                                 cancellable, error) &&
                put_request_finish (&request, self, error);

      if (wait && success && request.payload.length > AIOPROC_QUEUE_COPY_MAX)
        local_queue_let_getter_run (self);
    }

  put_request_clear (&request);

  return success;
}

gboolean
local_queue_try_put (gpointer                 impl,
                     const AioprocQueueItem  *item,
                     GError                 **error)
{
  LocalQueue *self = impl;

  return local_queue_put_at_once (self, item) ||
         (local_queue_check (self, error) &&
          local_queue_put_item (self, item, FALSE, 0, NULL, error));
}

gboolean
local_queue_put (gpointer                 impl,
                 const AioprocQueueItem  *item,
                 gint64                   timeout_usec,
                 GCancellable            *cancellable,
                 GError                 **error)
{
  LocalQueue *self = impl;

  if (cancellable != NULL && g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  return local_queue_put_at_once (self, item) ||
         (local_queue_check (self, error) &&
          local_queue_put_item (self, item, TRUE, timeout_usec, cancellable, error));
}

void
local_queue_put_start (gpointer                impl,
                       const AioprocQueueItem *item,
                       GTask                  *task,
                       gint64                  timeout_usec)
{
  LocalQueue *self = impl;
  PutRequest *request = g_new0 (PutRequest, 1);
  GError *error = NULL;

  g_task_set_task_data (task, request, put_request_free);
  request->async = TRUE;

  if (!local_queue_check (self, &error) || !put_request_set_item (request, self, item, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  if (request->payload.kind == AIOPROC_QUEUE_VARIANT &&
      request->payload.length <= AIOPROC_QUEUE_COPY_MAX)
    {
      request->buffer = g_malloc (request->payload.length);
      put_request_encode (request, request->buffer);
    }

  if (G_UNLIKELY (local_queue_count_unfinished (self) != 0))
    local_queue_check_fork (self);

  atomic_fetch_add (&self->n_put_starts, 1);

  /* The task may be gone when the start returns, and the queue with it. */
  local_queue_ref (self);
  aioproc_wait_queue_start (self->putters, &put_ops, task, timeout_usec);
  local_queue_serve_getters (self);
  local_queue_unref (self);
}
