/* aioproc-link-op.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/aioproc-waiter-private.h"
#include "ipc/aioproc-link-private.h"
#include "platform/aioproc-self-private.h"

/* How many receives are not tried before they wait, after one that was in vain. */
#define UNLIKELY_MAX 15

/* Twice as long as for a word of memory: a peer that is woken at a socket has two calls of the
 * kernel to make before it has answered, and what wakes it is slower.
 */
#define AWAKE_USEC (2 * AIOPROC_WAIT_AWAKE_USEC)

AioprocLinkOp *
aioproc_link_op_new (AioprocLink     *self,
                     AioprocLinkKind  kind)
{
  AioprocLinkOp *op = g_new0 (AioprocLinkOp, 1);

  g_atomic_ref_count_init (&op->ref_count);
  op->link.data = op;
  op->owner = aioproc_link_ref (self);
  op->kind = kind;
  op->max_length = -1;
  op->wake_fd = -1;
  op->deadline_usec = -1;

  return op;
}

static AioprocLinkOp *
op_ref (AioprocLinkOp *op)
{
  g_atomic_ref_count_inc (&op->ref_count);

  return op;
}

void
aioproc_link_op_unref (AioprocLinkOp *op)
{
  if (!g_atomic_ref_count_dec (&op->ref_count))
    return;

  g_assert (!op->pending && op->pump == NULL);
  g_clear_object (&op->task);
  g_clear_error (&op->error);
  g_clear_object (&op->message);
  g_clear_pointer (&op->bytes, g_bytes_unref);
  g_clear_pointer (&op->frame, aioproc_frame_free);
  aioproc_link_unref (op->owner);
  g_free (op);
}

static const char *
describe (AioprocLinkKind kind)
{
  switch (kind)
    {
    case AIOPROC_LINK_RECEIVE:
    case AIOPROC_LINK_RECEIVE_BYTES:
      return "receive a message";

    case AIOPROC_LINK_POLL:
      return "poll the connection";

    case AIOPROC_LINK_SEND:
      return "send a message";

    default:
      g_assert_not_reached ();
    }
}

GError *
aioproc_link_error_new (AioprocLinkOp *op,
                        GIOErrorEnum   code)
{
  const char *what = describe (op->kind);

  switch ((int) code)
    {
    case G_IO_ERROR_TIMED_OUT:
      return g_error_new (G_IO_ERROR, code, "Timed out waiting to %s", what);

    case G_IO_ERROR_WOULD_BLOCK:
      return g_error_new (G_IO_ERROR, code, "Could not %s without waiting", what);

    case G_IO_ERROR_CANCELLED:
      return g_error_new (G_IO_ERROR, code, "The wait to %s was cancelled", what);

    case G_IO_ERROR_CLOSED:
      return g_error_new (G_IO_ERROR, code, "Could not %s: the connection was closed here", what);

    default:
      g_assert_not_reached ();
    }
}

gboolean
aioproc_link_op_check (AioprocLinkOp  *op,
                       GError        **error)
{
  gboolean sends = op->kind == AIOPROC_LINK_SEND;

  if (sends ? op->owner->can_send : op->owner->can_receive)
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
               "This end of the connection can only %s", sends ? "receive" : "send");

  return FALSE;
}

static GQueue *
get_fifo (AioprocLink   *self,
          AioprocLinkOp *op)
{
  switch (op->kind)
    {
    case AIOPROC_LINK_RECEIVE:
    case AIOPROC_LINK_RECEIVE_BYTES:
      return &self->receives;

    case AIOPROC_LINK_POLL:
      return &self->polls;

    case AIOPROC_LINK_SEND:
      return &self->sends;

    default:
      g_assert_not_reached ();
    }
}

void
aioproc_link_pop_locked (AioprocLink   *self,
                         AioprocLinkOp *op,
                         GError        *error,
                         GQueue        *done)
{
  g_assert (op->pending);

  op->pending = FALSE;
  op->error = error;
  g_queue_unlink (get_fifo (self, op), &op->link);

  if (op->pump != NULL)
    aioproc_link_pump_remove_locked (op);

  /* Who encodes it completes it: until then a connection in it may be lent. */
  if (op->wake_fd >= 0)
    aioproc_link_wake (op->wake_fd);
  else if ((op->task != NULL && !op->is_encoding) || op->is_rest)
    g_queue_push_tail_link (done, &op->link);
}

/* It ends without its way: because of its deadline, or its cancellable. */
static void
give_up_locked (AioprocLink   *self,
                AioprocLinkOp *op,
                GIOErrorEnum   code,
                GQueue        *done)
{
  /* The peer has a part of the message, so it gets all of it. */
  if (op->frame != NULL && aioproc_frame_is_begun (op->frame))
    aioproc_link_detach_locked (self, op, done);
  else
    aioproc_link_pop_locked (self, op, aioproc_link_error_new (op, code), done);
}

static gboolean
is_late (AioprocLinkOp *op,
         gint64         now_usec)
{
  return op->deadline_usec >= 0 && op->deadline_usec <= now_usec;
}

static void
expire_fifo_locked (AioprocLink *self,
                    GQueue      *ops,
                    gint64       now_usec,
                    GQueue      *done)
{
  GList *next;

  for (GList *link = ops->head; link != NULL; link = next)
    {
      AioprocLinkOp *op = link->data;

      next = link->next;

      /* Who blocks looks at the clock by itself. And what takes time here is no wait. */
      if (op->task == NULL || op->is_encoding)
        continue;

      if (is_late (op, now_usec))
        give_up_locked (self, op, G_IO_ERROR_TIMED_OUT, done);
      else if (op->deadline_usec >= 0 && (self->first_deadline_usec < 0 ||
                                          op->deadline_usec < self->first_deadline_usec))
        self->first_deadline_usec = op->deadline_usec;
    }
}

void
aioproc_link_expire_locked (AioprocLink *self,
                            GQueue      *done)
{
  gint64 now_usec = g_get_monotonic_time ();

  if (self->first_deadline_usec < 0 || now_usec < self->first_deadline_usec)
    return;

  self->first_deadline_usec = -1;
  expire_fifo_locked (self, &self->receives, now_usec, done);
  expire_fifo_locked (self, &self->polls, now_usec, done);
  expire_fifo_locked (self, &self->sends, now_usec, done);
}

static void
cancelled_cb (GCancellable *cancellable,
              gpointer      user_data)
{
  AioprocLinkOp *op = user_data;
  AioprocLink *self = op->owner;
  GQueue done = G_QUEUE_INIT;

  aioproc_link_lock (self);

  if (!op->pending)
    {
      op->cancelled = TRUE;
      aioproc_link_unlock (self, &done);
      return;
    }

  give_up_locked (self, op, G_IO_ERROR_CANCELLED, &done);
  /* One before the others may have been what they waited for. */
  aioproc_link_serve_and_unlock (self, FALSE, &done);
}

/* Before it is pending, and without the mutex, which the handler takes. */
static void
set_limits (AioprocLinkOp *op,
            gint64         timeout_usec,
            GCancellable  *cancellable)
{
  op->deadline_usec = aioproc_wait_deadline (timeout_usec);

  if (cancellable != NULL)
    op->cancelled_id = g_cancellable_connect (cancellable, G_CALLBACK (cancelled_cb), op_ref (op),
                                              (GDestroyNotify) aioproc_link_op_unref);
}

/* FALSE: it is over already. */
static gboolean
push_locked (AioprocLink   *self,
             AioprocLinkOp *op)
{
  const GError *end = op->kind == AIOPROC_LINK_SEND ? self->send_end : NULL;

  if (op->cancelled)
    op->error = aioproc_link_error_new (op, G_IO_ERROR_CANCELLED);
  else if (self->is_closed)
    op->error = aioproc_link_error_new (op, G_IO_ERROR_CLOSED);
  else if (self->is_lent)
    op->error = g_error_new (G_IO_ERROR, G_IO_ERROR_BUSY,
                             "The connection is being sent to another process");
  else if (end != NULL)
    op->error = g_error_copy (end);
  else if (op->kind == AIOPROC_LINK_SEND && self->is_send_closed)
    op->error = g_error_new (G_IO_ERROR, G_IO_ERROR_CLOSED,
                             "Could not send a message: this end was closed for sending");

  if (op->error != NULL)
    return FALSE;

  op->pending = TRUE;
  g_queue_push_tail_link (get_fifo (self, op), &op->link);

  return TRUE;
}

/* --- Blocking forms --- */

void
aioproc_link_sleep (int    fd,
                    short  events,
                    int    wake_fd,
                    gint64 deadline_usec)
{
  struct pollfd fds[2] = {
    { .fd = events != 0 ? fd : -1, .events = events },
    { .fd = wake_fd, .events = POLLIN },
  };
  struct timespec timeout = { 0, 0 };
  eventfd_t value;

  if (deadline_usec >= 0)
    {
      gint64 left = MAX (deadline_usec - g_get_monotonic_time (), 0);

      timeout.tv_sec = left / G_USEC_PER_SEC;
      timeout.tv_nsec = (left % G_USEC_PER_SEC) * 1000;
    }

  /* Whoever sleeps looks again, whatever has ended it. */
  if (ppoll (fds, G_N_ELEMENTS (fds), deadline_usec >= 0 ? &timeout : NULL, NULL) > 0 &&
      fds[1].revents != 0)
    eventfd_read (wake_fd, &value);
}

void
aioproc_link_wake (int wake_fd)
{
  eventfd_write (wake_fd, 1);
}

int
aioproc_link_take_wake_fd_locked (AioprocLink  *self,
                                  GError      **error)
{
  int fd;

  if (self->spare_wake_fd >= 0)
    return g_steal_fd (&self->spare_wake_fd);

  fd = aioproc_self_lift_fd (eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK));

  if (fd < 0)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not wait for a connection: %s", g_strerror (saved_errno));
    }

  return fd;
}

void
aioproc_link_give_wake_fd_locked (AioprocLink *self,
                                  int          wake_fd)
{
  eventfd_t value;

  if (wake_fd < 0)
    return;

  if (self->spare_wake_fd >= 0 || self->is_closed)
    {
      close (wake_fd);
      return;
    }

  /* Nobody knows it any more: from now on it says nothing. */
  eventfd_read (wake_fd, &value);
  self->spare_wake_fd = wake_fd;
}

/* With the mutex, which is let go and taken again. */
static void
wait_locked (AioprocLink   *self,
             AioprocLinkOp *op)
{
  short wanted = aioproc_link_wanted_locked (self);
  int fd = op->kind == AIOPROC_LINK_SEND ? self->send_fd : self->fd;

  wanted &= op->kind == AIOPROC_LINK_SEND ? POLLOUT : POLLIN;
  op->dozes = wanted == 0;
  self->n_dozing += op->dozes;
  aioproc_mutex_unlock (&self->mutex);

  aioproc_link_sleep (fd, wanted, op->wake_fd, op->deadline_usec);

  aioproc_link_lock (self);
  self->n_dozing -= op->dozes;
  op->dozes = FALSE;
}

/* The peer may be about to make way for it on another processor, and then is faster than a wake-up;
 * or it waits for this one, and then to let it run costs half of what it costs to sleep and to be
 * woken. Nobody is kept from anything meanwhile. With the mutex, which is let go and taken again.
 */
static void
stay_awake_locked (AioprocLink   *self,
                   AioprocLinkOp *op,
                   GQueue        *done)
{
  gboolean sends = op->kind == AIOPROC_LINK_SEND;
  AioprocWaitHaste *haste = sends ? &self->send_haste : &self->receive_haste;
  gint64 began_usec = g_get_monotonic_time ();
  gint64 now_usec = began_usec;

  if (is_late (op, began_usec) || aioproc_wait_haste_take (haste))
    return;

  do
    {
      aioproc_link_unlock (self, done);
      g_thread_yield ();
      aioproc_link_lock (self);

      if (!op->pending)
        break;

      aioproc_link_serve_and_unlock (self, TRUE, done);
      aioproc_link_lock (self);
      now_usec = g_get_monotonic_time ();
    }
  while (op->pending && !is_late (op, now_usec) &&
         now_usec - began_usec < AWAKE_USEC);

  aioproc_wait_haste_learn (haste, op->pending || now_usec - began_usec >= AIOPROC_WAIT_LATE_USEC);
}

/* Of a receive that nothing else is to be served with. Where one has found nothing to be read,
 * those after it will not, either, as a rule: they wait first, which saves a call. But not for
 * ever, since in vain it costs one.
 */
static gboolean
is_likely_to_wait_locked (AioprocLink   *self,
                          AioprocLinkOp *op)
{
  if (self->n_unlikely == 0 || op->kind == AIOPROC_LINK_SEND || op->kind == AIOPROC_LINK_POLL ||
      is_late (op, g_get_monotonic_time ()))
    return FALSE;

  self->n_unlikely--;

  return self->receives.length == 1 && self->polls.length == 0 && self->sends.length == 0 &&
         !aioproc_link_has_held_locked (self) && self->receive_end == NULL &&
         !self->is_parsing && self->pumps == NULL && self->spare_wake_fd >= 0 &&
         !aioproc_frame_reader_is_ahead (self->reader);
}

static void
run_locked (AioprocLink   *self,
            AioprocLinkOp *op,
            GIOErrorEnum   late_code)
{
  GQueue done = G_QUEUE_INIT;
  gboolean is_first = TRUE;
  gboolean waits_first;

  if (!push_locked (self, op))
    return;

  waits_first = is_likely_to_wait_locked (self, op);

  for (;;)
    {
      if (!waits_first || !is_first)
        {
          aioproc_link_serve_and_unlock (self, TRUE, &done);
          aioproc_link_lock (self);
        }

      if (op->pending && is_first)
        stay_awake_locked (self, op, &done);

      if (op->pending && is_late (op, g_get_monotonic_time ()))
        give_up_locked (self, op, late_code, &done);

      if (op->pending && op->wake_fd < 0)
        {
          g_autoptr(GError) error = NULL;

          op->wake_fd = aioproc_link_take_wake_fd_locked (self, &error);

          if (op->wake_fd < 0)
            aioproc_link_pop_locked (self, op, g_steal_pointer (&error), &done);
        }

      if (!op->pending)
        return;

      if (is_first && !waits_first && op->kind != AIOPROC_LINK_SEND)
        self->n_unlikely = UNLIKELY_MAX;

      is_first = FALSE;
      wait_locked (self, op);
    }
}

gboolean
aioproc_link_op_run (AioprocLinkOp  *op,
                     gint64          timeout_usec,
                     GIOErrorEnum    late_code,
                     GCancellable   *cancellable,
                     GError        **error)
{
  AioprocLink *self = op->owner;
  GQueue done = G_QUEUE_INIT;

  if (!aioproc_link_op_check (op, error) ||
      g_cancellable_set_error_if_cancelled (cancellable, error) ||
      (op->kind == AIOPROC_LINK_SEND && !aioproc_link_encode (op, error)))
    return FALSE;

  set_limits (op, timeout_usec, cancellable);
  aioproc_link_lock (self);
  run_locked (self, op, late_code);
  aioproc_link_give_wake_fd_locked (self, g_steal_fd (&op->wake_fd));
  /* Others may have to look at the socket instead of this thread. */
  aioproc_link_pumps_update_locked (self);
  aioproc_link_unlock (self, &done);

  if (op->cancelled_id != 0)
    g_signal_handler_disconnect (cancellable, op->cancelled_id);

  if (op->error == NULL)
    return TRUE;

  g_propagate_error (error, g_steal_pointer (&op->error));

  return FALSE;
}

/* --- Asynchronous forms --- */

static gboolean
is_something_here_locked (AioprocLink *self)
{
  return aioproc_link_has_held_locked (self) || self->receive_end != NULL ||
         (!self->is_parsing && aioproc_frame_reader_is_ahead (self->reader));
}

static void
update_and_unlock (AioprocLink *self,
                   GQueue      *done)
{
  aioproc_link_pumps_update_locked (self);
  aioproc_link_unlock (self, done);
}

void
aioproc_link_op_start (AioprocLinkOp *op,
                       GTask         *task,
                       gint64         timeout_usec,
                       void         (*complete) (GTask         *task,
                                                 AioprocLinkOp *op))
{
  g_autoptr(AioprocLinkOp) owned = op_ref (op);
  AioprocLink *self = op->owner;
  GCancellable *cancellable = g_task_get_cancellable (task);
  GQueue done = G_QUEUE_INIT;
  GSource *source = g_main_current_source ();
  GError *error = NULL;
  gboolean is_long = op->kind == AIOPROC_LINK_SEND && aioproc_link_is_long (op);

  op->task = task;
  op->complete = complete;
  op->iteration_usec = source != NULL ? g_source_get_time (source) : 0;

  if (!aioproc_link_op_check (op, &error) ||
      g_cancellable_set_error_if_cancelled (cancellable, &error) ||
      (op->kind == AIOPROC_LINK_SEND && !is_long && !aioproc_link_encode (op, &error)))
    op->error = error;
  else
    set_limits (op, timeout_usec, cancellable);

  op->is_encoding = is_long;
  aioproc_link_lock (self);

  if (op->error != NULL || !push_locked (self, op))
    {
      g_queue_push_tail_link (&done, &op->link);
      aioproc_link_unlock (self, &done);
      return;
    }

  aioproc_link_pump_add_locked (self, op);

  if (op->deadline_usec >= 0 && (self->first_deadline_usec < 0 ||
                                 op->deadline_usec < self->first_deadline_usec))
    self->first_deadline_usec = op->deadline_usec;

  if (op->kind == AIOPROC_LINK_SEND && !self->is_closed)
    aioproc_link_send_locked (self, &done);

  /* The context looks at the socket in a moment, in any case. */
  if (timeout_usec == 0 || is_something_here_locked (self))
    aioproc_link_serve_and_unlock (self, FALSE, &done);
  else
    update_and_unlock (self, &done);

  if (is_long)
    {
      aioproc_link_encode_in_pool (owned);
    }
  else if (timeout_usec == 0)
    {
      aioproc_link_lock (self);
      aioproc_link_expire_locked (self, &done);
      aioproc_link_serve_and_unlock (self, FALSE, &done);
    }
}
