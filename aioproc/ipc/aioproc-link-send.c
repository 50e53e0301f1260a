/* aioproc-link-send.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <poll.h>
#include <stdatomic.h>

#include "core/aioproc-frame-private.h"
#include "core/aioproc-message-private.h"
#include "core/aioproc-waiter-private.h"
#include "ipc/aioproc-link-private.h"

/* How long a writer sleeps that nobody can wake, since there is no descriptor for it. */
#define BLIND_USEC (100 * 1000)

gboolean
aioproc_link_is_long (AioprocLinkOp *op)
{
  AioprocMessage *message = op->message;
  guint n_parts;
  guint64 size;
  GVariant *body;

  if (message == NULL)
    return g_bytes_get_size (op->bytes) > AIOPROC_LINK_WORK_MIN;

  body = aioproc_message_peek_body (message);
  n_parts = aioproc_message_get_n_handles (message);
  size = body != NULL ? g_variant_get_size (body) : 0;

  for (guint i = 0; i < n_parts && size <= AIOPROC_LINK_WORK_MIN; i++)
    {
      const AioprocPart *part = aioproc_message_peek_part (message, i);

      if (part->kind == AIOPROC_PART_BYTES)
        size += g_bytes_get_size (part->bytes);
    }

  return size > AIOPROC_LINK_WORK_MIN;
}

static AioprocFrame *
make_frame (AioprocLinkOp  *op,
            GError        **error)
{
  const AioprocFrameInfo info = { .kind = AIOPROC_FRAME_MESSAGE };
  g_autoptr(AioprocMessage) message = NULL;
  AioprocFrame *frame;

  if (op->message != NULL)
    return aioproc_frame_new_full (&info, op->message, op->owner->max_fds, error);

  frame = aioproc_frame_new_for_bytes (op->bytes);

  if (frame != NULL)
    return frame;

  message = aioproc_message_new (NULL);
  aioproc_message_take_bytes (message, g_bytes_ref (op->bytes));

  return aioproc_frame_new_full (&info, message, op->owner->max_fds, error);
}

gboolean
aioproc_link_encode (AioprocLinkOp  *op,
                     GError        **error)
{
  guint64 max_length = atomic_load_explicit (&op->owner->max_length, memory_order_relaxed);
  guint64 length;

  op->frame = make_frame (op, error);

  if (op->frame == NULL)
    return FALSE;

  /* As the peer would say, as a rule, but without an end of the stream. */
  length = aioproc_frame_get_length (op->frame) - sizeof (AioprocFrameHeader);

  if (length > max_length)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                   "The message has %" G_GUINT64_FORMAT " bytes, more than the %" G_GUINT64_FORMAT
                   " that the connection allows", length, max_length);
      return FALSE;
    }

  return TRUE;
}

/* Takes @op. Nothing here keeps the message any longer than until whoever waits for it is told, nor
 * a connection in it lent.
 */
static void
encode_work (gpointer data)
{
  AioprocLinkOp *op = data;
  g_autoptr(AioprocLinkOp) encoder = NULL;
  AioprocLink *self = op->owner;
  GQueue done = G_QUEUE_INIT;
  GError *error = NULL;

  /* In one of its own, since the operation may be over before this is. */
  encoder = aioproc_link_op_new (self, AIOPROC_LINK_SEND);
  g_set_object (&encoder->message, op->message);
  encoder->bytes = op->bytes != NULL ? g_bytes_ref (op->bytes) : NULL;
  aioproc_link_encode (encoder, &error);
  g_clear_object (&encoder->message);
  g_clear_pointer (&encoder->bytes, g_bytes_unref);

  aioproc_link_lock (self);
  op->is_encoding = FALSE;
  op->frame = g_steal_pointer (&encoder->frame);

  if (!op->pending)
    {
      g_clear_error (&error);
      g_queue_push_tail_link (&done, &op->link);
    }
  else if (error != NULL)
    {
      aioproc_link_pop_locked (self, op, g_steal_pointer (&error), &done);
    }
  else
    {
      aioproc_link_send_locked (self, &done);

      /* Its deadline was not looked at meanwhile. */
      self->first_deadline_usec = 0;
      aioproc_link_expire_locked (self, &done);
    }

  /* Not the last reference, since it is completed without the mutex. */
  aioproc_link_op_unref (op);
  aioproc_link_serve_and_unlock (self, TRUE, &done);
}

void
aioproc_link_encode_in_pool (AioprocLinkOp *op)
{
  g_atomic_ref_count_inc (&op->ref_count);

  if (!aioproc_waiter_run_work (encode_work, op))
    encode_work (op);
}

/* Whether an error says that nothing can be sent any more, and not only this. */
static gboolean
is_end (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED);
}

static void
fail_locked (AioprocLink   *self,
             AioprocLinkOp *op,
             GError        *error,
             GQueue        *done)
{
  if (!aioproc_frame_is_begun (op->frame) && !is_end (error))
    {
      aioproc_link_pop_locked (self, op, error, done);
      return;
    }

  self->send_end = error;

  while (self->sends.head != NULL)
    aioproc_link_pop_locked (self, self->sends.head->data, g_error_copy (error), done);
}

static gboolean
write_locked (AioprocLink    *self,
              AioprocFrame   *frame,
              gboolean       *is_done,
              GError        **error)
{
  if (self->port != NULL)
    return aioproc_frame_write_to (frame, aioproc_stream_port_get_carrier (self->port), is_done,
                                   error);

  return aioproc_frame_write (frame, self->fd, TRUE, is_done, error);
}

void
aioproc_link_send_locked (AioprocLink *self,
                          GQueue      *done)
{
  while (self->sends.head != NULL)
    {
      AioprocLinkOp *op = self->sends.head->data;
      GError *error = NULL;
      gboolean is_done;

      if (op->is_encoding)
        return;

      if (!write_locked (self, op->frame, &is_done, &error))
        fail_locked (self, op, error, done);
      else if (is_done)
        aioproc_link_pop_locked (self, op, NULL, done);
      else
        return;
    }

  if (self->is_send_closed && !self->is_shut)
    {
      self->is_shut = TRUE;
      aioproc_link_shut_locked (self, FALSE);
    }
}

gboolean
aioproc_link_close_send (AioprocLink *self)
{
  GQueue done = G_QUEUE_INIT;
  gboolean is_new;

  aioproc_link_lock (self);
  is_new = !self->is_send_closed;
  self->is_send_closed = TRUE;
  aioproc_link_serve_and_unlock (self, FALSE, &done);

  return is_new;
}

/* Writes what is left of frames that nobody waits for any more. */
static void
writer_main (gpointer data)
{
  g_autoptr(AioprocLink) self = data;
  GQueue done = G_QUEUE_INIT;

  aioproc_link_lock (self);
  self->writer_wake_fd = aioproc_link_take_wake_fd_locked (self, NULL);

  for (;;)
    {
      int wake_fd = self->writer_wake_fd;
      int fd = self->send_fd;
      AioprocLinkOp *op;

      if (!self->is_closed)
        aioproc_link_send_locked (self, &done);

      op = g_queue_peek_head (&self->sends);

      /* A rest is the first, since it was begun. */
      if (op == NULL || !op->is_rest)
        break;

      aioproc_link_unlock (self, &done);
      aioproc_link_sleep (fd, POLLOUT, wake_fd,
                          wake_fd < 0 ? g_get_monotonic_time () + BLIND_USEC : -1);
      aioproc_link_lock (self);
    }

  self->has_writer = FALSE;
  aioproc_link_give_wake_fd_locked (self, g_steal_fd (&self->writer_wake_fd));
  aioproc_link_pumps_update_locked (self);
  aioproc_link_unlock (self, &done);
}

void
aioproc_link_detach_locked (AioprocLink   *self,
                            AioprocLinkOp *op,
                            GQueue        *done)
{
  AioprocLinkOp *rest = aioproc_link_op_new (self, AIOPROC_LINK_SEND);

  g_assert (self->sends.head == &op->link);

  rest->is_rest = TRUE;
  rest->pending = TRUE;
  rest->frame = g_steal_pointer (&op->frame);
  aioproc_link_pop_locked (self, op, NULL, done);
  g_queue_push_head_link (&self->sends, &rest->link);

  if (self->has_writer)
    return;

  /* Without a thread, whoever uses the connection next writes it. */
  self->has_writer = aioproc_waiter_run (writer_main, aioproc_link_ref (self), NULL);

  if (!self->has_writer)
    aioproc_link_unref (self);
}
