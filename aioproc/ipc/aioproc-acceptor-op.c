/* aioproc-acceptor-op.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-completion-private.h"
#include "core/aioproc-waiter-private.h"
#include "ipc/aioproc-acceptor-private.h"
#include "ipc/aioproc-stream-thread-private.h"
#include "platform/aioproc-futex-private.h"

/* One accept that waits. Whoever takes it out of the FIFO completes it. */
struct _AioprocAcceptorOp {
  GList              link;
  gatomicrefcount    ref_count;
  AioprocAcceptor   *acceptor;       /* (owned) */
  _Atomic guint32    is_over;        /* (atomic) a futex of a blocking one */

  /* Written before it is in the FIFO. */
  GTask             *task;           /* (owned) (nullable) of an asynchronous one */
  GSource           *timeout;        /* (owned) (nullable) of an asynchronous one */
  gulong             cancelled_id;

  /* Protected by the mutex. */
  gboolean           pending;        /* in the FIFO */
  GIOErrorEnum       early_code;     /* why it is over before that, or 0 */

  /* The outcome: of who completes it, and then of who has started it. */
  AioprocConnection *connection;     /* (owned) (nullable) */
  GError            *error;          /* (owned) (nullable) */
};

static AioprocAcceptorOp *
op_new (AioprocAcceptor *self)
{
  AioprocAcceptorOp *op = g_new0 (AioprocAcceptorOp, 1);

  g_atomic_ref_count_init (&op->ref_count);
  op->link.data = op;
  op->acceptor = aioproc_acceptor_ref (self);

  return op;
}

static AioprocAcceptorOp *
op_ref (AioprocAcceptorOp *op)
{
  g_atomic_ref_count_inc (&op->ref_count);

  return op;
}

static void
op_unref (AioprocAcceptorOp *op)
{
  if (!g_atomic_ref_count_dec (&op->ref_count))
    return;

  g_assert (!op->pending);
  g_clear_object (&op->task);
  g_clear_object (&op->connection);
  g_clear_error (&op->error);
  g_clear_pointer (&op->timeout, g_source_unref);
  aioproc_acceptor_unref (op->acceptor);
  g_free (op);
}

static GError *
error_new (GIOErrorEnum code)
{
  switch ((int) code)
    {
    case G_IO_ERROR_TIMED_OUT:
      return g_error_new (G_IO_ERROR, code, "Timed out waiting for a connection");

    case G_IO_ERROR_WOULD_BLOCK:
      return g_error_new (G_IO_ERROR, code, "Nobody has connected yet");

    case G_IO_ERROR_CANCELLED:
      return g_error_new (G_IO_ERROR, code, "The wait for a connection was cancelled");

    case G_IO_ERROR_CLOSED:
      return g_error_new (G_IO_ERROR, code,
                          "Could not accept a connection: the listener was closed");

    default:
      g_assert_not_reached ();
    }
}

/* In the context of @task. */
static void
complete (GTask    *task,
          gpointer  data)
{
  AioprocAcceptorOp *op = data;

  if (op->cancelled_id != 0)
    g_signal_handler_disconnect (g_task_get_cancellable (task), op->cancelled_id);

  if (op->connection != NULL)
    g_task_return_pointer (task, g_steal_pointer (&op->connection), g_object_unref);
  else
    g_task_return_error (task, g_steal_pointer (&op->error));

  op_unref (op);
}

/* Takes @op, with its outcome; without the mutex. */
static void
finish (AioprocAcceptorOp *op)
{
  if (op->timeout != NULL)
    g_source_destroy (op->timeout);

  if (op->task != NULL)
    {
      aioproc_completion_push (g_steal_pointer (&op->task), complete, op);
      return;
    }

  atomic_store_explicit (&op->is_over, 1, memory_order_release);
  aioproc_futex_wake (&op->is_over, 1);
  op_unref (op);
}

/* The reference of the FIFO goes along. */
static void
pop_locked (AioprocAcceptorOp *op)
{
  op->pending = FALSE;
  g_queue_unlink (&op->acceptor->ops, &op->link);
}

/* It ends without its way, unless it has ended. */
static void
give_up (AioprocAcceptorOp *op,
         GIOErrorEnum       code)
{
  AioprocAcceptor *self = op->acceptor;
  gboolean was_pending;

  aioproc_mutex_lock (&self->mutex);
  was_pending = op->pending;

  if (was_pending)
    pop_locked (op);
  else if (op->early_code == 0)
    op->early_code = code;

  aioproc_mutex_unlock (&self->mutex);

  if (!was_pending)
    return;

  op->error = error_new (code);
  finish (op);
}

static void
cancelled_cb (GCancellable *cancellable,
              gpointer      user_data)
{
  give_up (user_data, G_IO_ERROR_CANCELLED);
}

/* In the streams' thread. */
static gboolean
aioproc_acceptor_op_late_cb (gpointer user_data)
{
  give_up (user_data, G_IO_ERROR_TIMED_OUT);

  return G_SOURCE_REMOVE;
}

/* Puts it into the FIFO, with a reference. FALSE: it has its outcome at once. */
static gboolean
try_or_push (AioprocAcceptorOp *op,
             gboolean           may_wait,
             GIOErrorEnum       late_code)
{
  AioprocAcceptor *self = op->acceptor;
  g_autoptr(AioprocArrival) arrival = NULL;
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (op->early_code != 0)
    op->error = error_new (op->early_code);
  else if (self->fd < 0)
    op->error = error_new (G_IO_ERROR_CLOSED);
  else if ((arrival = aioproc_acceptor_take_locked (self)) != NULL)
    op->connection = g_steal_pointer (&arrival->connection);
  else if (!may_wait)
    op->error = error_new (late_code);

  if (op->error != NULL || op->connection != NULL)
    return FALSE;

  op->pending = TRUE;
  g_queue_push_tail_link (&self->ops, &op_ref (op)->link);

  return TRUE;
}

static void
watch_cancellable (AioprocAcceptorOp *op,
                   GCancellable      *cancellable)
{
  if (cancellable != NULL)
    op->cancelled_id = g_cancellable_connect (cancellable, G_CALLBACK (cancelled_cb), op_ref (op),
                                              (GDestroyNotify) op_unref);
}

static void
wait_for (AioprocAcceptorOp *op,
          gint64             deadline_usec,
          GIOErrorEnum       late_code)
{
  while (atomic_load_explicit (&op->is_over, memory_order_acquire) == 0)
    {
      if (deadline_usec >= 0 && g_get_monotonic_time () >= deadline_usec)
        {
          give_up (op, late_code);
          /* Another thread may have it, which will wake this one. */
          deadline_usec = -1;
        }
      else
        {
          aioproc_futex_wait (&op->is_over, 0, deadline_usec);
        }
    }
}

AioprocConnection *
aioproc_acceptor_accept (AioprocAcceptor  *self,
                         gint64            timeout_usec,
                         GIOErrorEnum      late_code,
                         GCancellable     *cancellable,
                         GError          **error)
{
  AioprocAcceptorOp *op;
  AioprocConnection *connection;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;

  op = op_new (self);
  watch_cancellable (op, cancellable);

  if (try_or_push (op, timeout_usec != 0, late_code))
    wait_for (op, aioproc_wait_deadline (timeout_usec), late_code);

  if (op->cancelled_id != 0)
    g_signal_handler_disconnect (cancellable, op->cancelled_id);

  connection = g_steal_pointer (&op->connection);

  if (connection == NULL)
    g_propagate_error (error, g_steal_pointer (&op->error));

  op_unref (op);

  return connection;
}

void
aioproc_acceptor_accept_async (AioprocAcceptor *self,
                               GTask           *task,
                               gint64           timeout_usec)
{
  AioprocAcceptorOp *op = op_new (self);

  op->task = task;

  if (timeout_usec > 0)
    {
      op->timeout = aioproc_stream_thread_new_timeout (timeout_usec,
                                                       "[aioproc] an accept is late");
      g_source_set_callback (op->timeout, aioproc_acceptor_op_late_cb, op_ref (op),
                             (GDestroyNotify) op_unref);
      g_source_attach (op->timeout, self->context);
    }

  watch_cancellable (op, g_task_get_cancellable (task));

  if (try_or_push (op, timeout_usec != 0, G_IO_ERROR_TIMED_OUT))
    op_unref (op);
  else
    finish (op);
}

void
aioproc_acceptor_arrived (AioprocAcceptor *self,
                          AioprocArrival  *arrival)
{
  AioprocAcceptorOp *op;

  aioproc_mutex_lock (&self->mutex);
  op = g_queue_peek_head (&self->ops);

  if (op != NULL)
    {
      pop_locked (op);
      aioproc_acceptor_note_locked (self, arrival);
      op->connection = g_steal_pointer (&arrival->connection);
    }
  else if (self->fd >= 0)
    {
      g_queue_push_tail (&self->arrivals, g_steal_pointer (&arrival));
      aioproc_watches_notify (&self->watches);
    }

  aioproc_mutex_unlock (&self->mutex);

  if (arrival != NULL)
    aioproc_arrival_free (arrival);

  if (op != NULL)
    finish (op);
}

void
aioproc_acceptor_end_ops (AioprocAcceptor *self)
{
  for (;;)
    {
      AioprocAcceptorOp *op;

      aioproc_mutex_lock (&self->mutex);
      op = g_queue_peek_head (&self->ops);

      if (op != NULL)
        pop_locked (op);

      aioproc_mutex_unlock (&self->mutex);

      if (op == NULL)
        return;

      op->error = error_new (G_IO_ERROR_CLOSED);
      finish (op);
    }
}
