/* aioproc-frame-parser.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "core/aioproc-frame-private.h"
#include "core/aioproc-message-private.h"
#include "core/aioproc-sealed-bytes-private.h"
#include "core/aioproc-shareable-private.h"

/* Where the parser is in a payload, all of which is private memory. */
typedef struct {
  GBytes       *payload;
  const guint8 *data;
  gsize         length;
  gsize         offset;
  int          *fds;
  guint         n_fds;
  guint         next_fd;
} Parser;

gboolean
aioproc_frame_parse_header (const guint8        *data,
                            guint64              max_length,
                            AioprocFrameHeader  *header,
                            GError             **error)
{
  AioprocFrameHeader wire;
  guint64 least;

  memcpy (&wire, data, sizeof wire);
  header->magic = GUINT32_FROM_LE (wire.magic);
  header->kind = GUINT16_FROM_LE (wire.kind);
  header->n_fds = GUINT16_FROM_LE (wire.n_fds);
  header->serial = GUINT32_FROM_LE (wire.serial);
  header->n_parts = GUINT32_FROM_LE (wire.n_parts);
  header->reserved = GUINT32_FROM_LE (wire.reserved);
  header->body_length = GUINT32_FROM_LE (wire.body_length);
  header->length = GUINT64_FROM_LE (wire.length);

  if (header->magic != AIOPROC_FRAME_MAGIC || header->reserved != 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "What was received is not a message, or one of an unknown version (0x%08x)",
                   header->magic);
      return FALSE;
    }

  if (header->kind > AIOPROC_FRAME_LAST)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "A message of unknown kind %u was received", header->kind);
      return FALSE;
    }

  if (header->length > MIN (max_length, AIOPROC_FRAME_MAX_LENGTH))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                   "A message of %" G_GUINT64_FORMAT " bytes was received, more than the %"
                   G_GUINT64_FORMAT " that are allowed",
                   header->length, MIN (max_length, AIOPROC_FRAME_MAX_LENGTH));
      return FALSE;
    }

  if (header->n_fds > AIOPROC_FDS_MAX || header->n_parts > AIOPROC_FRAME_MAX_PARTS)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "A message with %u descriptors and %u handles was received, more than are "
                   "possible", header->n_fds, header->n_parts);
      return FALSE;
    }

  least = (guint64) header->n_parts * sizeof (AioprocFramePart) +
          AIOPROC_FRAME_ALIGN (header->body_length);

  if (header->length < least || (header->n_parts == 0 && header->length != least))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "A message of %" G_GUINT64_FORMAT " bytes was received whose body and %u "
                   "handles need %" G_GUINT64_FORMAT, header->length, header->n_parts, least);
      return FALSE;
    }

  return TRUE;
}

/* Moves over the next section, which ends with zeros up to a multiple of 8. */
static gboolean
next_section (Parser   *self,
              guint64   size,
              gsize    *offset,
              GError  **error)
{
  gsize left = self->length - self->offset;
  gsize end;

  if (size > left || AIOPROC_FRAME_ALIGN (size) > left)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "A message was received with a section of %" G_GUINT64_FORMAT " bytes where %"
                   G_GSIZE_FORMAT " are left", size, left);
      return FALSE;
    }

  *offset = self->offset;
  end = self->offset + (gsize) AIOPROC_FRAME_ALIGN (size);

  for (gsize i = self->offset + (gsize) size; i < end; i++)
    if (self->data[i] != 0)
      {
        g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                     "A message was received with padding that is not zero");
        return FALSE;
      }

  self->offset = end;

  return TRUE;
}

/* Checks one entry of the table as far as the types of parts differ. */
static gboolean
check_part (const AioprocFramePart  *part,
            guint                    fds_left,
            GError                 **error)
{
  gboolean valid = FALSE;

  switch ((AioprocFramePartType) part->type)
    {
    case AIOPROC_FRAME_PART_INLINE:
      valid = part->n_fds == 0 && part->object_kind == 0;
      break;

    case AIOPROC_FRAME_PART_SEALED:
      valid = part->n_fds == 1 && part->object_kind == 0 && part->size > 0;
      break;

    case AIOPROC_FRAME_PART_FD:
      valid = part->n_fds == 1 && part->object_kind == 0 && part->size == 0;
      break;

    case AIOPROC_FRAME_PART_OBJECT:
      valid = part->n_fds >= 1 && part->n_fds <= AIOPROC_SHAREABLE_MAX_FDS && part->size == 0;
      break;

    default:
      break;
    }

  if (!valid || part->n_fds > fds_left)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "A message was received with an invalid handle of type %u, object kind %u, %u "
                   "descriptors of %u left and %" G_GUINT64_FORMAT " bytes",
                   part->type, part->object_kind, part->n_fds, fds_left, part->size);
      return FALSE;
    }

  return TRUE;
}

static gboolean
parse_part (Parser                  *self,
            const AioprocFramePart  *part,
            AioprocMessage          *message,
            GError                 **error)
{
  int *fds = self->fds + self->next_fd;
  AioprocShareable *object;
  GBytes *bytes;
  gsize offset;

  if (!check_part (part, self->n_fds - self->next_fd, error))
    return FALSE;

  switch ((AioprocFramePartType) part->type)
    {
    case AIOPROC_FRAME_PART_INLINE:
      if (!next_section (self, part->size, &offset, error))
        return FALSE;

      bytes = g_bytes_new_from_bytes (self->payload, offset, (gsize) part->size);
      aioproc_message_take_bytes (message, bytes);
      break;

    case AIOPROC_FRAME_PART_SEALED:
      bytes = aioproc_sealed_bytes_map (fds[0], part->size, error);

      if (bytes == NULL)
        return FALSE;

      self->next_fd += 1;
      aioproc_fds_close_all (fds, 1);
      aioproc_message_take_bytes (message, bytes);
      break;

    case AIOPROC_FRAME_PART_FD:
      self->next_fd += 1;
      aioproc_message_take_fd (message, fds[0]);
      break;

    case AIOPROC_FRAME_PART_OBJECT:
      self->next_fd += part->n_fds;
      object = aioproc_shareable_import (part->object_kind, fds, part->n_fds, error);

      if (object == NULL)
        return FALSE;

      aioproc_message_take_object (message, object);
      break;

    default:
      g_assert_not_reached ();
    }

  return TRUE;
}

static gboolean
parse_payload (Parser                    *self,
               const AioprocFrameHeader  *header,
               AioprocMessage           **message,
               GError                   **error)
{
  g_autoptr(AioprocMessage) result = NULL;
  GVariant *body = NULL;
  gsize table;

  if (!next_section (self, header->n_parts * sizeof (AioprocFramePart), &table, error))
    return FALSE;

  if (header->body_length > 0)
    {
      gsize offset;

      if (!next_section (self, header->body_length, &offset, error))
        return FALSE;

      body = aioproc_codec_variant_load_part (self->data + offset, header->body_length,
                                              self->payload, error);

      if (body == NULL)
        return FALSE;
    }

  result = aioproc_message_new (body);
  g_clear_pointer (&body, g_variant_unref);

  for (guint i = 0; i < header->n_parts; i++)
    {
      AioprocFramePart part;

      memcpy (&part, self->data + table + i * sizeof part, sizeof part);
      part.type = GUINT16_FROM_LE (part.type);
      part.n_fds = GUINT16_FROM_LE (part.n_fds);
      part.object_kind = GUINT32_FROM_LE (part.object_kind);
      part.size = GUINT64_FROM_LE (part.size);

      if (!parse_part (self, &part, result, error))
        return FALSE;
    }

  if (self->offset != self->length || self->next_fd != self->n_fds)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "A message was received with %" G_GSIZE_FORMAT " bytes and %u descriptors that "
                   "belong to nothing",
                   self->length - self->offset, self->n_fds - self->next_fd);
      return FALSE;
    }

  *message = g_steal_pointer (&result);

  return TRUE;
}

AioprocMessage *
aioproc_frame_parse_payload (const AioprocFrameHeader  *header,
                             GBytes                    *payload,
                             int                       *fds,
                             GError                   **error)
{
  Parser parser = { .payload = payload, .fds = fds, .n_fds = header->n_fds };
  AioprocMessage *message = NULL;

  parser.data = g_bytes_get_data (payload, &parser.length);

  g_assert (parser.length == header->length);

  if (!parse_payload (&parser, header, &message, error))
    aioproc_fds_close_all (fds + parser.next_fd, parser.n_fds - parser.next_fd);

  return message;
}

gboolean
aioproc_frame_parse (GBytes            *frame,
                     int               *fds,
                     guint              n_fds,
                     guint64            max_length,
                     AioprocFrameInfo  *info,
                     AioprocMessage   **message,
                     GError           **error)
{
  g_autoptr(GBytes) payload = NULL;
  AioprocFrameHeader header;
  const guint8 *data;
  gsize length;

  data = g_bytes_get_data (frame, &length);

  if (length < sizeof header)
    {
      aioproc_fds_close_all (fds, n_fds);
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT,
                   "A message ends after %" G_GSIZE_FORMAT " bytes of its header", length);
      return FALSE;
    }

  if (!aioproc_frame_parse_header (data, max_length, &header, error))
    {
      aioproc_fds_close_all (fds, n_fds);
      return FALSE;
    }

  if (header.n_fds != n_fds || header.length != length - sizeof header)
    {
      aioproc_fds_close_all (fds, n_fds);
      g_set_error (error, G_IO_ERROR,
                   header.length > length - sizeof header ? G_IO_ERROR_PARTIAL_INPUT
                                                          : G_IO_ERROR_INVALID_DATA,
                   "A message of %" G_GUINT64_FORMAT " bytes and %u descriptors came as %"
                   G_GSIZE_FORMAT " bytes and %u descriptors",
                   header.length, header.n_fds, length - sizeof header, n_fds);
      return FALSE;
    }

  payload = g_bytes_new_from_bytes (frame, sizeof header, header.length);
  *message = aioproc_frame_parse_payload (&header, payload, fds, error);

  if (*message == NULL)
    return FALSE;

  info->kind = header.kind;
  info->serial = header.serial;

  return TRUE;
}
