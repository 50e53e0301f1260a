/* aioproc-link.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-link-private.h"

#include <unistd.h>

#include "core/aioproc-completion-private.h"

AioprocLink *
aioproc_link_new_full (int                fd,
                       AioprocStreamPort *port,
                       guint              max_fds,
                       gboolean           can_receive,
                       gboolean           can_send,
                       guint64            max_length)
{
  AioprocLink *self = g_new0 (AioprocLink, 1);
  AioprocCarrier *carrier = port != NULL ? aioproc_stream_port_get_carrier (port) : NULL;

  g_atomic_ref_count_init (&self->ref_count);
  aioproc_mutex_init (&self->mutex);
  aioproc_mutex_init (&self->order);
  self->can_receive = can_receive;
  self->can_send = can_send;
  self->pid = getpid ();
  self->max_fds = max_fds;
  self->port = port;
  self->fd = fd;
  self->send_fd = port != NULL ? aioproc_stream_port_get_send_fd (port) : fd;
  self->spare_wake_fd = -1;
  self->writer_wake_fd = -1;
  self->max_length = max_length;
  self->first_deadline_usec = -1;
  self->reader = aioproc_frame_reader_new_full (fd, carrier, max_fds, max_length);
  aioproc_frame_reader_set_reads_ahead (self->reader, port == NULL);

  return self;
}

AioprocLink *
aioproc_link_new (int      fd,
                  gboolean can_receive,
                  gboolean can_send,
                  guint64  max_length)
{
  return aioproc_link_new_full (fd, NULL, AIOPROC_FDS_MAX, can_receive, can_send, max_length);
}

AioprocLink *
aioproc_link_ref (AioprocLink *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
aioproc_link_unref (AioprocLink *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_assert (self->pumps == NULL && aioproc_watches_is_empty (&self->watches));

  if (self->stream != NULL || self->port != NULL)
    aioproc_link_clear_stream (self);
  else
    aioproc_fds_close_all (&self->fd, 1);

  aioproc_fds_close_all (&self->spare_wake_fd, 1);
  g_clear_pointer (&self->reader, aioproc_frame_reader_free);
  g_clear_object (&self->held);
  g_clear_pointer (&self->held_bytes, g_bytes_unref);
  g_clear_error (&self->receive_end);
  g_clear_error (&self->send_end);
  aioproc_mutex_clear (&self->mutex);
  aioproc_mutex_clear (&self->order);
  g_free (self);
}

void
aioproc_link_lock (AioprocLink *self)
{
  aioproc_mutex_lock (&self->mutex);
}

static void
aioproc_link_complete_cb (GTask    *task,
                          gpointer  data)
{
  AioprocLinkOp *op = data;

  /* Does not wait for a handler that runs, as g_cancellable_disconnect() does: a program may
   * iterate its context inside of another handler. Ours has a reference of its own.
   */
  if (op->cancelled_id != 0)
    g_signal_handler_disconnect (g_task_get_cancellable (task), op->cancelled_id);

  /* Connections in it are given away by that, or can be used again, before anybody is called. */
  g_clear_pointer (&op->frame, aioproc_frame_free);

  if (op->error != NULL)
    g_task_return_error (task, g_steal_pointer (&op->error));
  else
    op->complete (task, op);

  aioproc_link_op_unref (op);
}

/* Whether the one operation that is over can be completed by the source that runs, which saves its
 * context an iteration. Nothing may be passed by that, nor may GTask put it off, as it does in the
 * iteration that has started it.
 */
static gboolean
is_direct (GQueue  *done,
           GSource *source)
{
  AioprocLinkOp *op = done->head->data;
  GMainContext *context = g_source_get_context (source);

  return done->length == 1 && op->task != NULL && g_task_get_context (op->task) == context &&
         op->iteration_usec != g_source_get_time (source) && aioproc_completion_is_idle (context);
}

void
aioproc_link_unlock (AioprocLink *self,
                     GQueue      *done)
{
  aioproc_link_unlock_from (self, NULL, done);
}

void
aioproc_link_unlock_from (AioprocLink *self,
                          GSource     *source,
                          GQueue      *done)
{
  g_autoptr(GTask) direct = NULL;
  GQueue rests = G_QUEUE_INIT;
  GList *link;

  if (done->length == 0)
    {
      aioproc_mutex_unlock (&self->mutex);
      return;
    }

  /* Two threads that come here one after the other complete in that order, since the second cannot
   * pass the first on its way from the one mutex to the other.
   */
  aioproc_mutex_lock (&self->order);
  aioproc_mutex_unlock (&self->mutex);

  if (source != NULL && is_direct (done, source))
    {
      AioprocLinkOp *op = g_queue_pop_head_link (done)->data;

      direct = g_steal_pointer (&op->task);
      aioproc_mutex_unlock (&self->order);
      aioproc_link_complete_cb (direct, op);
      return;
    }

  while ((link = g_queue_pop_head_link (done)) != NULL)
    {
      AioprocLinkOp *op = link->data;

      if (op->task == NULL)
        g_queue_push_tail_link (&rests, link);
      else
        aioproc_completion_push (g_steal_pointer (&op->task), aioproc_link_complete_cb, op);
    }

  aioproc_mutex_unlock (&self->order);

  while ((link = g_queue_pop_head_link (&rests)) != NULL)
    aioproc_link_op_unref (link->data);
}

/* What has come, in part or whole, and nobody is going to receive: it may hold descriptors that
 * others wait to see closed. For the caller to free without the mutex.
 */
static void
steal_unwanted_locked (AioprocLink         *self,
                       AioprocMessage     **message,
                       GBytes             **bytes,
                       AioprocFrameReader **reader)
{
  if (!self->is_closed || self->is_parsing)
    return;

  *message = g_steal_pointer (&self->held);
  *bytes = g_steal_pointer (&self->held_bytes);
  *reader = g_steal_pointer (&self->reader);
}

void
aioproc_link_serve_and_unlock (AioprocLink *self,
                               gboolean     may_work,
                               GQueue      *done)
{
  aioproc_link_serve_from (self, NULL, may_work, done);
}

void
aioproc_link_serve_from (AioprocLink *self,
                         GSource     *source,
                         gboolean     may_work,
                         GQueue      *done)
{
  g_autoptr(AioprocFrameReader) unwanted_reader = NULL;
  g_autoptr(AioprocMessage) unwanted = NULL;
  g_autoptr(GBytes) unwanted_bytes = NULL;

  for (;;)
    {
      AioprocMessage *message = NULL;
      GError *error = NULL;

      if (!self->is_closed)
        aioproc_link_send_locked (self, done);

      if (!aioproc_link_receive_locked (self, may_work, done))
        break;

      /* Objects are made of what has come, which is nothing to be done under a mutex. */
      aioproc_link_set_parsing_locked (self, TRUE);
      aioproc_link_unlock (self, done);
      aioproc_link_parse (self, &message, &error);
      aioproc_link_lock (self);
      aioproc_link_parsed_locked (self, message, error, done);
    }

  /* It was closed while it parsed. */
  steal_unwanted_locked (self, &unwanted, &unwanted_bytes, &unwanted_reader);
  aioproc_link_pumps_update_locked (self);
  aioproc_link_unlock_from (self, source, done);
}

static void
end_all_locked (AioprocLink  *self,
                GQueue       *ops,
                const GError *reason,
                GQueue       *done)
{
  while (ops->head != NULL)
    {
      AioprocLinkOp *op = ops->head->data;

      aioproc_link_pop_locked (self, op,
                               reason != NULL ? g_error_copy (reason)
                                              : aioproc_link_error_new (op, G_IO_ERROR_CLOSED),
                               done);
    }
}

void
aioproc_link_break_locked (AioprocLink *self,
                           GError      *error,
                           GQueue      *done)
{
  g_assert (self->receive_end == NULL);

  self->receive_end = error;

  if (self->send_end == NULL)
    self->send_end = g_error_new (G_IO_ERROR, G_IO_ERROR_CLOSED,
                                  "The connection was given up: %s", error->message);

  /* The peer is to know. The descriptor stays: a loop of the program may be watching it. */
  if (!self->is_closed)
    aioproc_link_shut_locked (self, TRUE);

  end_all_locked (self, &self->sends, self->send_end, done);
  aioproc_watches_notify (&self->watches);

  if (self->writer_wake_fd >= 0)
    aioproc_link_wake (self->writer_wake_fd);
}

gboolean
aioproc_link_close (AioprocLink *self)
{
  g_autoptr(AioprocFrameReader) reader = NULL;
  g_autoptr(AioprocMessage) held = NULL;
  g_autoptr(GBytes) held_bytes = NULL;
  GQueue done = G_QUEUE_INIT;
  int fds[2];

  /* What a forked child has is a copy, whose mutex may be locked for ever. */
  if (self->pid != getpid ())
    return FALSE;

  aioproc_link_lock (self);

  if (self->is_closed)
    {
      aioproc_link_unlock (self, &done);
      return FALSE;
    }

  self->is_closed = TRUE;
  steal_unwanted_locked (self, &held, &held_bytes, &reader);
  end_all_locked (self, &self->receives, NULL, &done);
  end_all_locked (self, &self->polls, NULL, &done);
  end_all_locked (self, &self->sends, NULL, &done);
  aioproc_link_pumps_update_locked (self);
  aioproc_watches_notify (&self->watches);

  if (self->writer_wake_fd >= 0)
    aioproc_link_wake (self->writer_wake_fd);

  fds[0] = self->stream == NULL && self->port == NULL ? self->fd : -1;
  fds[1] = self->spare_wake_fd;
  self->fd = -1;
  self->send_fd = -1;
  self->spare_wake_fd = -1;
  aioproc_link_unlock (self, &done);
  aioproc_fds_close_all (fds, G_N_ELEMENTS (fds));
  aioproc_link_close_stream (self);

  return TRUE;
}

gboolean
aioproc_link_set_max_length (AioprocLink *self,
                             guint64      max_length)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (self->max_length == max_length)
    return FALSE;

  self->max_length = max_length;

  return TRUE;
}

void
aioproc_link_stop_reading_ahead (AioprocLink *self)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  self->is_watched = TRUE;
}

gboolean
aioproc_link_take_unread (AioprocLink  *self,
                          int           fd,
                          GError      **error)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return aioproc_frame_reader_take_unread (self->reader, fd, error);
}

static gboolean
is_busy_locked (AioprocLink *self)
{
  return self->receives.length > 0 || self->polls.length > 0 || self->sends.length > 0 ||
         self->is_parsing || self->held != NULL || self->held_bytes != NULL || self->is_lent;
}

guint
aioproc_link_lend (AioprocLink  *self,
                   gboolean     *can_receive,
                   gboolean     *can_send,
                   int          *fds,
                   GError      **error)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);
  guint n_fds = 1;

  if (self->max_fds == 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                   "A connection over a stream cannot be sent to another process");
      return 0;
    }

  if (self->is_closed || self->receive_end != NULL || self->send_end != NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                   "A connection that has come to its end cannot be sent");
      return 0;
    }

  if (is_busy_locked (self))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY,
                   "A connection cannot be sent while it has operations, or a message that a "
                   "receive has left behind");
      return 0;
    }

  fds[0] = aioproc_fds_dup (self->fd, error);

  if (fds[0] < 0)
    return 0;

  if (!aioproc_frame_reader_is_idle (self->reader))
    {
      fds[1] = aioproc_frame_reader_dup_unread (self->reader, error);
      n_fds = 2;

      if (fds[1] < 0)
        {
          aioproc_fds_close_all (fds, 1);
          return 0;
        }
    }

  *can_receive = self->can_receive;
  *can_send = self->can_send && !self->is_send_closed;
  self->is_lent = TRUE;

  return n_fds;
}

void
aioproc_link_take_back (AioprocLink *self)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  self->is_lent = FALSE;
}
