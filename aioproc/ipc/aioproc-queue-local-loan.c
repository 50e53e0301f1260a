/* aioproc-queue-local-loan.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-local-put-private.h"

#include "aioproc-error.h"
#include "ipc/aioproc-queue-lists-private.h"
#include "ipc/aioproc-queue-loan-private.h"
#include "platform/aioproc-memfd-private.h"

/* A loan keeps this process's end of the queue, and not the object that its user has. */
typedef struct {
  LocalQueue           *queue;     /* (owned) */
  AioprocQueueTransfer  transfer;
  gpointer              mapping;   /* (owned) (nullable) of an item that lies in several pieces */
} LocalLoan;

/* What waits for room: a put that has nothing to copy. */
typedef struct {
  PutRequest            order;     /* its place among the puts of this process, and the error */
  AioprocQueueLoan     *loan;      /* (owned) (nullable) the outcome */
} LoanRequest;

/* --- A loan --- */

static gboolean
local_loan_check (LocalLoan  *self,
                  GError    **error)
{
  /* Never attach for this: a child that was forked owns nothing. */
  if (local_queue_owns (self->queue, &self->transfer))
    return TRUE;

  g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER,
               "This loan of %s is of the process that this one was forked from",
               self->queue->slots.description);

  return FALSE;
}

static void
local_loan_set_lost (LocalLoan  *self,
                     GError    **error)
{
  g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER,
               "The room of this loan of %s is not this process's any more",
               self->queue->slots.description);
}

static gboolean
local_loan_abort (gpointer   impl,
                  GError   **error)
{
  LocalLoan *self = impl;
  LocalQueue *queue = self->queue;

  if (!local_loan_check (self, error))
    return FALSE;

  if (!aioproc_queue_slots_abort (&queue->slots, &self->transfer))
    {
      local_loan_set_lost (self, error);
      return FALSE;
    }

  local_queue_serve_putters (queue);

  /* Who waits for items may wait for the last loan of a closed queue. */
  local_queue_serve_getters (queue);

  if (aioproc_queue_is_dropped (queue->slots.header))
    local_queue_start_trim (queue);

  return TRUE;
}

static gboolean
local_loan_commit (gpointer   impl,
                   gsize      length,
                   GError   **error)
{
  LocalLoan *self = impl;
  LocalQueue *queue = self->queue;

  if (!local_loan_check (self, error))
    return FALSE;

  /* An immediate close from here on drops what was put before it. */
  if (aioproc_queue_is_dropped (queue->slots.header))
    {
      if (local_loan_abort (self, error))
        local_queue_set_closed (queue, "put into", error);

      return FALSE;
    }

  if (!aioproc_queue_slots_commit_part (&queue->slots, &self->transfer, length))
    {
      local_loan_set_lost (self, error);
      return FALSE;
    }

  local_queue_serve_getters (queue);

  if (length < self->transfer.length)
    local_queue_serve_putters (queue);

  return TRUE;
}

static gboolean
local_loan_is_ours (gpointer impl)
{
  LocalLoan *self = impl;

  return local_queue_owns (self->queue, &self->transfer);
}

static void
local_loan_free (gpointer impl)
{
  LocalLoan *self = impl;

  aioproc_memfd_unmap (self->mapping, self->transfer.length);
  local_queue_unref (self->queue);
  g_free (self);
}

static const AioprocQueueLoanBackend local_loan_backend = {
  .commit = local_loan_commit,
  .abort = local_loan_abort,
  .is_ours = local_loan_is_ours,
  .free = local_loan_free,
};

/* Where the room is in this process: in what is mapped of the queue, or, where that is pieces which
 * are smaller than it, in a mapping of its own.
 */
static gpointer
local_queue_map_loan (LocalQueue                  *self,
                      const AioprocQueueTransfer  *transfer,
                      gpointer                    *mapping,
                      GError                     **error)
{
  AioprocQueueMemory *memory = &self->slots.memory;
  gpointer data = aioproc_queue_memory_at (memory, transfer->offset, transfer->length);

  if (data == NULL && transfer->length > AIOPROC_QUEUE_PIECE_SIZE)
    data = *mapping = aioproc_memfd_map (aioproc_shm_get_fd (self->shm), transfer->offset,
                                         transfer->length, TRUE, NULL);

  if (data == NULL)
    aioproc_queue_memory_set_error (memory, error);

  return data;
}

/* The part that is done beside the lock: what was reserved gets memory, and an object. */
static void
loan_request_transfer (LoanRequest *self,
                       LocalQueue  *queue)
{
  const AioprocQueueTransfer *transfer = &self->order.transfer;
  gpointer mapping = NULL;
  gpointer data = local_queue_map_loan (queue, transfer, &mapping, &self->order.error);
  LocalLoan *loan;

  if (data == NULL || !aioproc_queue_slots_allocate (&queue->slots, transfer, &self->order.error))
    {
      aioproc_memfd_unmap (mapping, transfer->length);
      (void) aioproc_queue_slots_abort (&queue->slots, transfer);
      return;
    }

  loan = g_new (LocalLoan, 1);
  loan->queue = local_queue_ref (queue);
  loan->transfer = *transfer;
  loan->mapping = mapping;
  self->loan = aioproc_queue_loan_new (&local_loan_backend, loan, data, transfer->length);
}

/* --- The wait --- */

static void
loan_request_free (gpointer data)
{
  LoanRequest *self = data;

  g_clear_object (&self->loan);
  put_request_clear (&self->order);
  g_free (self);
}

static gboolean
local_queue_loan_attempt (gpointer            object,
                          AioprocWaitRequest *base_request,
                          guint32            *expected)
{
  LocalQueue *self = object;
  LoanRequest *request = (LoanRequest *) base_request;
  PutRequest *order = &request->order;
  AioprocQueueSleep sleep = { .trying = order->trying, .turn_usec = -1 };

  if (!put_request_is_next (order, self, base_request, order->async, expected))
    return FALSE;

  sleep.ticket = put_request_get_ticket (order, self, base_request->slept);

  switch (aioproc_queue_slots_loan (&self->slots, order->payload.length, &sleep, &order->transfer,
                                    &order->error))
    {
    case AIOPROC_QUEUE_WAIT:
      *expected = sleep.expected;
      base_request->retry_usec = sleep.turn_usec;
      return FALSE;

    case AIOPROC_QUEUE_BUSY:
      base_request->retry_usec = local_queue_get_retry (order->n_busy++);
      return FALSE;

    case AIOPROC_QUEUE_BEGUN:
      /* Others need not come behind it: its place is that of its commit. */
      if (order->async && order->payload.length > AIOPROC_QUEUE_WORK_MIN)
        base_request->has_work = TRUE;
      else
        loan_request_transfer (request, self);

      break;

    case AIOPROC_QUEUE_CLOSED:
      local_queue_set_closed (self, "put into", &order->error);
      break;

    case AIOPROC_QUEUE_DONE:
    case AIOPROC_QUEUE_MISMATCH:
    case AIOPROC_QUEUE_FAILED:
    default:
      break;
    }

  if (order->async)
    local_queue_wake_behind (self);

  return TRUE;
}

static void
local_queue_loan_work (gpointer            object,
                       AioprocWaitRequest *base_request)
{
  loan_request_transfer ((LoanRequest *) base_request, object);
}

/* There may be room again, if there was no memory. */
static void
local_queue_loan_worked (gpointer object)
{
  LocalQueue *self = object;

  aioproc_wait_queue_serve (self->putters);
}

static void
local_queue_loan_complete (gpointer            object,
                           GTask              *task,
                           AioprocWaitRequest *base_request)
{
  LoanRequest *request = (LoanRequest *) base_request;

  if (request->order.error != NULL)
    g_task_return_error (task, g_steal_pointer (&request->order.error));
  else
    g_task_return_pointer (task, g_steal_pointer (&request->loan), g_object_unref);
}

static const AioprocWaitOps loan_ops = {
  .verb = "put into",
  .attempt = local_queue_loan_attempt,
  .defers = local_queue_put_defers,
  .work = local_queue_loan_work,
  .worked = local_queue_loan_worked,
  .ref = local_queue_keep,
  .unref = local_queue_let_go,
  .withdraw = aioproc_queue_word_pass_on,
  .complete = local_queue_loan_complete,
};

/* NULL: with an error. */
static AioprocQueueLoan *
local_queue_reserve (LocalQueue    *self,
                     gsize          size,
                     gboolean       wait,
                     gint64         timeout_usec,
                     GCancellable  *cancellable,
                     GError       **error)
{
  LoanRequest request = { .order.payload.length = size };

  if (put_request_check_length (&request.order, self, error) &&
      put_request_run (&request.order, self, &loan_ops, &request.order.parent, wait, timeout_usec,
                       cancellable, error) &&
      request.order.error != NULL)
    g_propagate_error (error, g_steal_pointer (&request.order.error));

  put_request_clear (&request.order);

  return request.loan;
}

AioprocQueueLoan *
local_queue_try_loan (gpointer   impl,
                      gsize      size,
                      GError   **error)
{
  LocalQueue *self = impl;

  if (!local_queue_check (self, error))
    return NULL;

  return local_queue_reserve (self, size, FALSE, 0, NULL, error);
}

AioprocQueueLoan *
local_queue_loan (gpointer       impl,
                  gsize          size,
                  gint64         timeout_usec,
                  GCancellable  *cancellable,
                  GError       **error)
{
  LocalQueue *self = impl;

  if (!local_queue_check (self, error) ||
      (cancellable != NULL && g_cancellable_set_error_if_cancelled (cancellable, error)))
    return NULL;

  return local_queue_reserve (self, size, TRUE, timeout_usec, cancellable, error);
}

void
local_queue_loan_start (gpointer  impl,
                        gsize     size,
                        GTask    *task,
                        gint64    timeout_usec)
{
  LocalQueue *self = impl;
  LoanRequest *request = g_new0 (LoanRequest, 1);
  GError *error = NULL;

  g_task_set_task_data (task, request, loan_request_free);
  request->order.async = TRUE;
  request->order.payload.length = size;

  if (!local_queue_check (self, &error) ||
      !put_request_check_length (&request->order, self, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  if (G_UNLIKELY (local_queue_count_unfinished (self) != 0))
    local_queue_check_fork (self);

  atomic_fetch_add (&self->n_put_starts, 1);
  aioproc_wait_queue_start (self->putters, &loan_ops, task, timeout_usec);
}
