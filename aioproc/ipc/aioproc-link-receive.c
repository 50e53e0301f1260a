/* aioproc-link-receive.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <poll.h>

#include "core/aioproc-message-private.h"
#include "core/aioproc-waiter-private.h"
#include "ipc/aioproc-link-private.h"

/* (nullable) The bytes of a message that has nothing else. */
static GBytes *
peek_bytes (AioprocMessage *message)
{
  const AioprocPart *part;

  if (aioproc_message_peek_body (message) != NULL || aioproc_message_get_n_handles (message) != 1)
    return NULL;

  part = aioproc_message_peek_part (message, 0);

  return part->kind == AIOPROC_PART_BYTES ? part->bytes : NULL;
}

gboolean
aioproc_link_has_held_locked (AioprocLink *self)
{
  return self->held != NULL || self->held_bytes != NULL;
}

gboolean
aioproc_link_is_ready_locked (AioprocLink *self)
{
  if (aioproc_link_has_held_locked (self) || self->receive_end != NULL || self->is_closed)
    return TRUE;

  return !self->is_parsing && (aioproc_frame_reader_is_ahead (self->reader) ||
                               aioproc_fds_poll (self->fd, POLLIN, 0));
}

gboolean
aioproc_link_is_ready (AioprocLink *self)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return aioproc_link_is_ready_locked (self);
}

static void
take_held_locked (AioprocLink   *self,
                  AioprocLinkOp *op)
{
  g_autoptr(AioprocMessage) held = g_steal_pointer (&self->held);
  g_autoptr(GBytes) bytes = g_steal_pointer (&self->held_bytes);

  if (op->kind == AIOPROC_LINK_RECEIVE_BYTES)
    {
      op->bytes = bytes != NULL ? g_steal_pointer (&bytes) : g_bytes_ref (peek_bytes (held));
      /* Not to be freed with the mutex. */
      op->message = g_steal_pointer (&held);
      return;
    }

  if (held == NULL)
    {
      held = aioproc_message_new (NULL);
      aioproc_message_take_bytes (held, g_steal_pointer (&bytes));
    }

  op->message = g_steal_pointer (&held);
}

/* What one operation cannot take stays for the next. */
static void
offer_locked (AioprocLink   *self,
              AioprocLinkOp *op,
              GQueue        *done)
{
  GError *error = NULL;

  if (op->kind == AIOPROC_LINK_RECEIVE_BYTES)
    {
      GBytes *bytes = self->held_bytes != NULL ? self->held_bytes : peek_bytes (self->held);

      if (bytes == NULL)
        g_set_error (&error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                     "The next message is not bytes and nothing else: it is still there, to be "
                     "received as a message");
      else if (op->max_length >= 0 && g_bytes_get_size (bytes) > (guint64) op->max_length)
        g_set_error (&error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                     "The next message has %" G_GSIZE_FORMAT " bytes, more than the %"
                     G_GINT64_FORMAT " asked for: it is still there", g_bytes_get_size (bytes),
                     op->max_length);
    }

  if (error == NULL)
    take_held_locked (self, op);

  aioproc_link_pop_locked (self, op, error, done);
}

void
aioproc_link_parse (AioprocLink     *self,
                    AioprocMessage **message,
                    GError         **error)
{
  AioprocFrameInfo info;

  if (!aioproc_frame_reader_parse (self->reader, &info, message, error))
    return;

  if (info.kind != AIOPROC_FRAME_MESSAGE || info.serial != 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "A message of kind %u with number %u was received, which has no meaning for a "
                   "connection", info.kind, info.serial);
      aioproc_frame_reader_refuse (self->reader, *error);
      g_clear_object (message);
    }
}

void
aioproc_link_set_parsing_locked (AioprocLink *self,
                                 gboolean     is_parsing)
{
  self->is_parsing = is_parsing;
  aioproc_watches_notify (&self->watches);
}

void
aioproc_link_parsed_locked (AioprocLink    *self,
                            AioprocMessage *message,
                            GError         *error,
                            GQueue         *done)
{
  g_assert (self->is_parsing && !aioproc_link_has_held_locked (self));

  aioproc_link_set_parsing_locked (self, FALSE);

  if (message != NULL)
    self->held = message;
  else
    aioproc_link_break_locked (self, error, done);
}

static void
parse_work (gpointer data)
{
  g_autoptr(AioprocLink) self = data;
  AioprocMessage *message = NULL;
  GError *error = NULL;
  GQueue done = G_QUEUE_INIT;

  aioproc_link_parse (self, &message, &error);
  aioproc_link_lock (self);
  aioproc_link_parsed_locked (self, message, error, &done);
  aioproc_link_serve_and_unlock (self, TRUE, &done);
}

/* FALSE: there is no thread for it. */
static gboolean
parse_in_pool_locked (AioprocLink *self)
{
  aioproc_link_set_parsing_locked (self, TRUE);

  if (aioproc_waiter_run_work (parse_work, aioproc_link_ref (self)))
    return TRUE;

  aioproc_link_set_parsing_locked (self, FALSE);
  aioproc_link_unref (self);

  return FALSE;
}

/* Reads, until a frame is there or the peer has to go on. */
static AioprocIOStatus
fill_locked (AioprocLink *self,
             gboolean     may_work,
             GQueue      *done)
{
  GError *error = NULL;
  AioprocIOStatus status;

  aioproc_frame_reader_set_max_length (self->reader, self->max_length);

  if (self->is_watched)
    aioproc_frame_reader_set_reads_ahead (self->reader, FALSE);

  status = aioproc_frame_reader_fill (self->reader, TRUE, may_work ? 0 : AIOPROC_LINK_TURN, &error);

  if (status == AIOPROC_IO_EOF)
    {
      self->receive_end = g_error_new (G_IO_ERROR, G_IO_ERROR_CLOSED,
                                       "The peer has closed the connection");
      aioproc_watches_notify (&self->watches);
    }
  else if (status == AIOPROC_IO_ERROR)
    {
      aioproc_link_break_locked (self, error, done);
    }

  return status;
}

gboolean
aioproc_link_receive_locked (AioprocLink *self,
                             gboolean     may_work,
                             GQueue      *done)
{
  while (self->receives.head != NULL)
    {
      AioprocLinkOp *op = self->receives.head->data;

      if (aioproc_link_has_held_locked (self))
        {
          offer_locked (self, op, done);
          continue;
        }

      if (self->receive_end != NULL)
        {
          aioproc_link_pop_locked (self, op, g_error_copy (self->receive_end), done);
          continue;
        }

      if (self->is_parsing)
        break;

      switch (fill_locked (self, may_work, done))
        {
        case AIOPROC_IO_OK:
          /* There is nothing to be made of them. */
          self->held_bytes = aioproc_frame_reader_take_bytes (self->reader);

          if (self->held_bytes != NULL)
            continue;

          if (!may_work &&
              aioproc_frame_reader_get_length (self->reader) > AIOPROC_LINK_WORK_MIN &&
              parse_in_pool_locked (self))
            break;

          return TRUE;

        case AIOPROC_IO_EOF:
        case AIOPROC_IO_ERROR:
          continue;

        case AIOPROC_IO_AGAIN:
        default:
          break;
        }

      break;
    }

  /* What they wait for does not show at the socket. */
  if (!aioproc_watches_is_empty (&self->watches) && !self->is_closed && !self->is_parsing &&
      (aioproc_link_has_held_locked (self) || aioproc_frame_reader_is_ahead (self->reader)))
    aioproc_watches_notify (&self->watches);

  if (self->polls.head != NULL && aioproc_link_is_ready_locked (self))
    while (self->polls.head != NULL)
      aioproc_link_pop_locked (self, self->polls.head->data, NULL, done);

  return FALSE;
}
