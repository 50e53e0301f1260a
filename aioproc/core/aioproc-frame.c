/* aioproc-frame.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-frame-private.h"

#include <poll.h>
#include <string.h>

#include "core/aioproc-message-private.h"
#include "core/aioproc-sealed-bytes-private.h"
#include "core/aioproc-shareable-private.h"
#include "core/aioproc-variant-scan-private.h"

/* Sections below this size are copied into the buffer of the frame, so that a frame of small ones
 * goes out with one sendmsg(); larger ones are sent from where they are: from here on a copy costs
 * more than another call.
 */
#define COPY_MAX (32 * 1024)

/* What is sent by one call, if the socket takes it. */
typedef struct {
  const guint8 *data;
  gsize         length;
} Piece;

struct _AioprocFrame {
  AioprocMessage *message;      /* (owned) (nullable) has descriptors and bytes that are sent */
  GVariant       *body;         /* (owned) (nullable) in normal form */
  gsize           body_size;    /* with its type; 0: no body */

  guint8         *buffer;       /* (owned) header, table and all small sections */
  Piece          *pieces;       /* (owned) (array length=n_pieces) */
  Piece           only_piece;   /* instead of those, of a frame that is in one piece of memory */
  guint           n_pieces;
  guint           piece;        /* the one that is sent next */
  gsize           offset;       /* in it */
  guint64         length;

  int            *fds;          /* (owned) (array length=n_fds) not the descriptors themselves */
  guint           n_fds;
  GArray         *own_fds;      /* (owned) (nullable) (element-type int) those that are ours */
  GPtrArray      *lent;         /* (owned) (nullable) (element-type AioprocShareable) to settle */
  gboolean        fds_are_gone; /* the receiver has the descriptors */
  gboolean        is_offered;   /* a carrier may have passed on a part */
};

/* What becomes of one handle, in host byte order. */
typedef struct {
  AioprocFramePart wire;
  int              fds[AIOPROC_SHAREABLE_MAX_FDS];
} PartPlan;

/* Fills the frame from the front. */
typedef struct {
  AioprocFrame *frame;
  gsize         offset;   /* in the buffer */
  gsize         begun;    /* where the piece begins that is not yet finished */
} Layout;

static void
aioproc_frame_close_own_fds (AioprocFrame *self)
{
  if (self->own_fds != NULL)
    aioproc_fds_close_all ((gpointer) self->own_fds->data, self->own_fds->len);

  g_clear_pointer (&self->own_fds, g_array_unref);
}

static void
aioproc_frame_take_fds (AioprocFrame *self,
                        const int    *fds,
                        guint         n_fds)
{
  if (self->own_fds == NULL)
    self->own_fds = g_array_new (FALSE, FALSE, sizeof (int));

  g_array_append_vals (self->own_fds, fds, n_fds);
}

static void
aioproc_frame_add_lent (AioprocFrame     *self,
                        AioprocShareable *object)
{
  if (self->lent == NULL)
    self->lent = g_ptr_array_new_with_free_func (g_object_unref);

  g_ptr_array_add (self->lent, g_object_ref (object));
}

static gboolean
too_many_fds (guint    n_fds,
              guint    max_fds,
              GError **error)
{
  if (n_fds <= max_fds)
    return FALSE;

  if (max_fds == 0)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                 "A message with objects or descriptors can only be sent over a Unix socket");
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                 "The objects and descriptors of the message need %u descriptors or more, and at "
                 "most %u travel with a message", n_fds, max_fds);

  return TRUE;
}

/* Objects and descriptors: what cannot travel in another way. */
static gboolean
aioproc_frame_plan_handles (AioprocFrame  *self,
                            PartPlan      *plans,
                            guint          n_parts,
                            guint          max_fds,
                            GError       **error)
{
  for (guint i = 0; i < n_parts; i++)
    {
      const AioprocPart *part = aioproc_message_peek_part (self->message, i);
      PartPlan *plan = &plans[i];
      guint n_fds;

      switch (part->kind)
        {
        case AIOPROC_PART_OBJECT:
          if (too_many_fds (self->n_fds + 1, max_fds, error) ||
              !aioproc_shareable_export (part->object, &plan->wire.object_kind, plan->fds, &n_fds,
                                         error))
            return FALSE;

          if (aioproc_shareable_is_lent (part->object))
            aioproc_frame_add_lent (self, part->object);

          plan->wire.type = AIOPROC_FRAME_PART_OBJECT;
          plan->wire.n_fds = n_fds;
          aioproc_frame_take_fds (self, plan->fds, n_fds);
          self->n_fds += n_fds;
          break;

        case AIOPROC_PART_FD:
          plan->wire.type = AIOPROC_FRAME_PART_FD;
          plan->wire.n_fds = 1;
          plan->fds[0] = part->fd;
          self->n_fds += 1;
          break;

        case AIOPROC_PART_BYTES:
          plan->wire.type = AIOPROC_FRAME_PART_INLINE;
          plan->wire.size = g_bytes_get_size (part->bytes);
          break;

        default:
          g_assert_not_reached ();
        }

      if (too_many_fds (self->n_fds, max_fds, error))
        return FALSE;
    }

  return TRUE;
}

/* Large bytes, as far as there are descriptors left for them. */
static gboolean
aioproc_frame_plan_sealed (AioprocFrame  *self,
                           PartPlan      *plans,
                           guint          n_parts,
                           guint          max_fds,
                           GError       **error)
{
  for (guint i = 0; i < n_parts && self->n_fds < max_fds; i++)
    {
      PartPlan *plan = &plans[i];
      GBytes *bytes;

      if (plan->wire.type != AIOPROC_FRAME_PART_INLINE ||
          plan->wire.size < AIOPROC_FRAME_SEALED_MIN)
        continue;

      bytes = aioproc_message_peek_part (self->message, i)->bytes;
      plan->fds[0] = aioproc_sealed_bytes_new (g_bytes_get_data (bytes, NULL),
                                               g_bytes_get_size (bytes), error);

      if (plan->fds[0] < 0)
        return FALSE;

      plan->wire.type = AIOPROC_FRAME_PART_SEALED;
      plan->wire.n_fds = 1;
      aioproc_frame_take_fds (self, plan->fds, 1);
      self->n_fds += 1;
    }

  return TRUE;
}

static gboolean
aioproc_frame_plan (AioprocFrame  *self,
                    PartPlan      *plans,
                    guint          n_parts,
                    guint          max_fds,
                    GError       **error)
{
  guint n = 0;

  if (!aioproc_frame_plan_handles (self, plans, n_parts, max_fds, error) ||
      !aioproc_frame_plan_sealed (self, plans, n_parts, max_fds, error))
    return FALSE;

  if (self->n_fds > 0)
    self->fds = g_new (int, self->n_fds);

  for (guint i = 0; i < n_parts; i++)
    for (guint j = 0; j < plans[i].wire.n_fds; j++)
      self->fds[n++] = plans[i].fds[j];

  return TRUE;
}

/* Adds @size to what the buffer holds, or counts a piece that is sent from where it is. */
static void
measure (guint64  size,
         guint64 *buffer_size,
         guint   *n_large)
{
  if (size <= COPY_MAX)
    {
      *buffer_size += AIOPROC_FRAME_ALIGN (size);
    }
  else
    {
      *buffer_size += AIOPROC_FRAME_ALIGN (size) - size;
      *n_large += 1;
    }
}

static void
layout_add_piece (Layout       *layout,
                  const guint8 *data,
                  gsize         length)
{
  Piece *piece = &layout->frame->pieces[layout->frame->n_pieces++];

  piece->data = data;
  piece->length = length;
}

/* Ends the piece that is in the buffer, if there is one. */
static void
layout_flush (Layout *layout)
{
  if (layout->offset > layout->begun)
    layout_add_piece (layout, layout->frame->buffer + layout->begun,
                      layout->offset - layout->begun);

  layout->begun = layout->offset;
}

static void
layout_pad (Layout  *layout,
            guint64  size)
{
  gsize n_zeros = (gsize) (AIOPROC_FRAME_ALIGN (size) - size);

  memset (layout->frame->buffer + layout->offset, 0, n_zeros);
  layout->offset += n_zeros;
}

static void
layout_add_bytes (Layout       *layout,
                  const guint8 *data,
                  gsize         size)
{
  if (size > COPY_MAX)
    {
      layout_flush (layout);
      layout_add_piece (layout, data, size);
    }
  else if (size > 0)
    {
      memcpy (layout->frame->buffer + layout->offset, data, size);
      layout->offset += size;
    }

  layout_pad (layout, size);
}

static void
layout_add_body (Layout *layout)
{
  AioprocFrame *self = layout->frame;

  if (self->body_size <= COPY_MAX)
    {
      aioproc_codec_variant_store (self->body, self->buffer + layout->offset);
      layout->offset += self->body_size;
    }
  else
    {
      layout->offset += aioproc_codec_variant_store_type (self->body,
                                                          self->buffer + layout->offset);
      layout_flush (layout);
      layout_add_piece (layout, g_variant_get_data (self->body), g_variant_get_size (self->body));
    }

  layout_pad (layout, self->body_size);
}

static gboolean
aioproc_frame_layout (AioprocFrame            *self,
                      const AioprocFrameInfo  *info,
                      const PartPlan          *plans,
                      guint                    n_parts,
                      GError                 **error)
{
  AioprocFrameHeader header = { 0 };
  Layout layout = { .frame = self };
  guint64 buffer_size = sizeof header + n_parts * sizeof (AioprocFramePart);
  guint n_large = 0;

  self->length = buffer_size + AIOPROC_FRAME_ALIGN (self->body_size);
  measure (self->body_size, &buffer_size, &n_large);

  /* The type of a body is always in the buffer. */
  if (n_large > 0)
    buffer_size += AIOPROC_FRAME_ALIGN (AIOPROC_VARIANT_MAX_TYPE_LENGTH + 1);

  /* The sum is looked at each time: the same bytes may have been appended any number of times. */
  for (guint i = 0; i < n_parts && self->length - sizeof header <= AIOPROC_FRAME_MAX_LENGTH; i++)
    if (plans[i].wire.type == AIOPROC_FRAME_PART_INLINE)
      {
        self->length += AIOPROC_FRAME_ALIGN (plans[i].wire.size);
        measure (plans[i].wire.size, &buffer_size, &n_large);
      }

  if (self->length - sizeof header > AIOPROC_FRAME_MAX_LENGTH)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                   "The message has more than the %" G_GUINT64_FORMAT " bytes that can be sent: "
                   "append data in bulk as bytes, and at most %d of them",
                   AIOPROC_FRAME_MAX_LENGTH, AIOPROC_FDS_MAX);
      return FALSE;
    }

  self->buffer = g_try_malloc (buffer_size);
  self->pieces = g_try_new (Piece, 2 * (gsize) n_large + 1);

  if (self->buffer == NULL || self->pieces == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                   "There is no memory for a message of %" G_GUINT64_FORMAT " bytes", self->length);
      return FALSE;
    }

  header.magic = GUINT32_TO_LE (AIOPROC_FRAME_MAGIC);
  header.kind = GUINT16_TO_LE (info->kind);
  header.n_fds = GUINT16_TO_LE (self->n_fds);
  header.serial = GUINT32_TO_LE (info->serial);
  header.n_parts = GUINT32_TO_LE (n_parts);
  header.body_length = GUINT32_TO_LE (self->body_size);
  header.length = GUINT64_TO_LE (self->length - sizeof header);
  layout_add_bytes (&layout, (const guint8 *) &header, sizeof header);

  for (guint i = 0; i < n_parts; i++)
    {
      AioprocFramePart part = plans[i].wire;

      part.type = GUINT16_TO_LE (part.type);
      part.n_fds = GUINT16_TO_LE (part.n_fds);
      part.object_kind = GUINT32_TO_LE (part.object_kind);
      part.size = GUINT64_TO_LE (part.size);
      layout_add_bytes (&layout, (const guint8 *) &part, sizeof part);
    }

  if (self->body != NULL)
    layout_add_body (&layout);

  for (guint i = 0; i < n_parts; i++)
    if (plans[i].wire.type == AIOPROC_FRAME_PART_INLINE)
      {
        GBytes *bytes = aioproc_message_peek_part (self->message, i)->bytes;

        layout_add_bytes (&layout, g_bytes_get_data (bytes, NULL), plans[i].wire.size);
      }

  layout_flush (&layout);

  return TRUE;
}

AioprocFrame *
aioproc_frame_new_full (const AioprocFrameInfo  *info,
                        AioprocMessage          *message,
                        guint                    max_fds,
                        GError                 **error)
{
  g_autoptr(AioprocFrame) self = g_new0 (AioprocFrame, 1);
  g_autofree PartPlan *plans = NULL;
  guint n_parts = 0;

  g_assert (info->kind <= AIOPROC_FRAME_LAST);
  g_assert (max_fds <= AIOPROC_FDS_MAX);

  if (message != NULL)
    {
      GVariant *body = aioproc_message_peek_body (message);

      self->message = g_object_ref (message);
      n_parts = aioproc_message_get_n_handles (message);

      if (body != NULL)
        {
          self->body = aioproc_codec_variant_prepare (body, TRUE, error);

          if (self->body == NULL)
            return NULL;

          self->body_size = aioproc_codec_variant_size (self->body);
        }
    }

  if (n_parts > AIOPROC_FRAME_MAX_PARTS)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                   "The message has %u handles, more than the %d that can be sent",
                   n_parts, AIOPROC_FRAME_MAX_PARTS);
      return NULL;
    }

  if (n_parts > 0)
    {
      plans = g_new0 (PartPlan, n_parts);

      if (!aioproc_frame_plan (self, plans, n_parts, max_fds, error))
        return NULL;
    }

  if (!aioproc_frame_layout (self, info, plans, n_parts, error))
    return NULL;

  return g_steal_pointer (&self);
}

AioprocFrame *
aioproc_frame_new (const AioprocFrameInfo  *info,
                   AioprocMessage          *message,
                   GError                 **error)
{
  return aioproc_frame_new_full (info, message, AIOPROC_FDS_MAX, error);
}

AioprocFrame *
aioproc_frame_new_for_bytes (GBytes *bytes)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  const guint64 length = sizeof (AioprocFramePart) + AIOPROC_FRAME_ALIGN (size);
  const AioprocFrameHeader header = {
    .magic = GUINT32_TO_LE (AIOPROC_FRAME_MAGIC),
    .kind = GUINT16_TO_LE (AIOPROC_FRAME_MESSAGE),
    .n_parts = GUINT32_TO_LE (1),
    .length = GUINT64_TO_LE (length),
  };
  const AioprocFramePart part = {
    .type = GUINT16_TO_LE (AIOPROC_FRAME_PART_INLINE),
    .size = GUINT64_TO_LE (size),
  };
  AioprocFrame *self;
  guint8 *to;

  if (size > COPY_MAX)
    return NULL;

  self = g_malloc (sizeof *self + sizeof header + length);
  memset (self, 0, sizeof *self);
  to = (guint8 *) (self + 1);
  self->only_piece.data = to;
  self->only_piece.length = sizeof header + length;
  self->pieces = &self->only_piece;
  self->n_pieces = 1;
  self->length = sizeof header + length;

  memcpy (to, &header, sizeof header);
  to += sizeof header;
  memcpy (to, &part, sizeof part);
  to += sizeof part;

  if (size > 0)
    memcpy (to, data, size);

  memset (to + size, 0, AIOPROC_FRAME_ALIGN (size) - size);

  return self;
}

void
aioproc_frame_free (AioprocFrame *self)
{
  for (guint i = 0; self->lent != NULL && i < self->lent->len; i++)
    aioproc_shareable_settle (g_ptr_array_index (self->lent, i), self->fds_are_gone);

  g_clear_pointer (&self->lent, g_ptr_array_unref);
  aioproc_frame_close_own_fds (self);
  g_clear_object (&self->message);
  g_clear_pointer (&self->body, g_variant_unref);
  g_free (self->fds);

  if (self->pieces != &self->only_piece)
    g_free (self->pieces);

  g_free (self->buffer);
  g_free (self);
}

guint64
aioproc_frame_get_length (AioprocFrame *self)
{
  return self->length;
}

gboolean
aioproc_frame_is_begun (AioprocFrame *self)
{
  return self->piece > 0 || self->offset > 0 || self->is_offered;
}

static void
aioproc_frame_advance (AioprocFrame *self,
                       gsize         n_done)
{
  self->offset += n_done;

  if (self->offset == self->pieces[self->piece].length)
    {
      self->piece++;
      self->offset = 0;
    }
}

gboolean
aioproc_frame_write_to (AioprocFrame    *self,
                        AioprocCarrier  *carrier,
                        gboolean        *done,
                        GError         **error)
{
  g_assert (self->n_fds == 0);

  *done = FALSE;

  while (self->piece < self->n_pieces)
    {
      const Piece *piece = &self->pieces[self->piece];
      gsize n_done;

      switch (carrier->send (carrier, piece->data + self->offset, piece->length - self->offset,
                             &n_done, error))
        {
        case AIOPROC_IO_OK:
          aioproc_frame_advance (self, n_done);
          break;

        case AIOPROC_IO_AGAIN:
          self->is_offered = TRUE;
          return TRUE;

        case AIOPROC_IO_EOF:
        case AIOPROC_IO_ERROR:
        default:
          return FALSE;
        }
    }

  *done = TRUE;

  return TRUE;
}

gboolean
aioproc_frame_write (AioprocFrame  *self,
                     int            socket_fd,
                     gboolean       dont_wait,
                     gboolean      *done,
                     GError       **error)
{
  *done = FALSE;

  while (self->piece < self->n_pieces)
    {
      const Piece *piece = &self->pieces[self->piece];
      gsize n_done;

      switch (aioproc_fds_send (socket_fd, piece->data + self->offset, piece->length - self->offset,
                                self->fds, self->n_fds, dont_wait, &n_done, error))
        {
        case AIOPROC_IO_OK:
          break;

        case AIOPROC_IO_AGAIN:
          if (dont_wait)
            return TRUE;

          /* The socket is non-blocking by itself. */
          aioproc_fds_poll (socket_fd, POLLOUT, -1);
          continue;

        case AIOPROC_IO_EOF:
        case AIOPROC_IO_ERROR:
        default:
          return FALSE;
        }

      /* They went with the first byte, and are the receiver's now. */
      if (n_done > 0 && self->n_fds > 0)
        {
          self->n_fds = 0;
          self->fds_are_gone = TRUE;
          aioproc_frame_close_own_fds (self);
        }

      aioproc_frame_advance (self, n_done);
    }

  *done = TRUE;

  return TRUE;
}
