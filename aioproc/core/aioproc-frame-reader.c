/* aioproc-frame-reader.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <poll.h>

#include "core/aioproc-frame-private.h"

/* A frame is read in two steps, its header and then exactly the rest. Descriptors come with the
 * first byte of the sendmsg() that carried them: a read that went on into the next frame could
 * not tell whose they are.
 */
struct _AioprocFrameReader {
  int                 socket_fd;      /* not owned */
  guint64             max_length;
  GError             *failure;        /* (owned) (nullable) what broke the stream */

  guint8              header_data[sizeof (AioprocFrameHeader)];
  gsize               header_done;    /* of header_data */
  AioprocFrameHeader  header;         /* once header_data is whole */

  guint8             *payload;        /* (owned) (nullable) once the header is whole */
  gsize               payload_done;

  guint               n_fds;
  int                 fds[AIOPROC_FDS_MAX];   /* (owned) (array length=n_fds) */
};

AioprocFrameReader *
aioproc_frame_reader_new (int     socket_fd,
                          guint64 max_length)
{
  AioprocFrameReader *self = g_new0 (AioprocFrameReader, 1);

  self->socket_fd = socket_fd;
  self->max_length = max_length;

  return self;
}

static void
aioproc_frame_reader_reset (AioprocFrameReader *self)
{
  aioproc_fds_close_all (self->fds, self->n_fds);
  self->n_fds = 0;
  g_clear_pointer (&self->payload, g_free);
  self->payload_done = 0;
  self->header_done = 0;
}

void
aioproc_frame_reader_free (AioprocFrameReader *self)
{
  aioproc_frame_reader_reset (self);
  g_clear_error (&self->failure);
  g_free (self);
}

static AioprocIOStatus
aioproc_frame_reader_fail (AioprocFrameReader  *self,
                           GError              *failure,
                           GError             **error)
{
  aioproc_frame_reader_reset (self);
  self->failure = failure;

  if (error != NULL)
    *error = g_error_copy (failure);

  return AIOPROC_IO_ERROR;
}

/* Reads until @length bytes of @data are there. */
static AioprocIOStatus
aioproc_frame_reader_fill (AioprocFrameReader  *self,
                           guint8              *data,
                           gsize                length,
                           gsize               *done,
                           guint                max_fds,
                           gboolean             dont_wait,
                           GError             **error)
{
  while (*done < length)
    {
      AioprocIOStatus status;
      gsize n_done;
      guint n_fds;

      status = aioproc_fds_receive (self->socket_fd, data + *done, length - *done,
                                    self->fds + self->n_fds, max_fds - self->n_fds, &n_fds,
                                    dont_wait, &n_done, error);

      if (status == AIOPROC_IO_AGAIN && !dont_wait)
        {
          /* The socket is non-blocking by itself. */
          aioproc_fds_poll (self->socket_fd, POLLIN, -1);
          continue;
        }

      if (status != AIOPROC_IO_OK)
        return status;

      self->n_fds += n_fds;
      *done += n_done;
    }

  return AIOPROC_IO_OK;
}

static AioprocIOStatus
aioproc_frame_reader_read_header (AioprocFrameReader  *self,
                                  gboolean             dont_wait,
                                  GError             **error)
{
  AioprocIOStatus status;

  status = aioproc_frame_reader_fill (self, self->header_data, sizeof self->header_data,
                                      &self->header_done, AIOPROC_FDS_MAX, dont_wait, error);

  if (status == AIOPROC_IO_EOF && self->header_done > 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT,
                   "The peer closed the stream after %" G_GSIZE_FORMAT " bytes of the header of a "
                   "message", self->header_done);
      return AIOPROC_IO_ERROR;
    }

  if (status != AIOPROC_IO_OK)
    return status;

  if (!aioproc_frame_parse_header (self->header_data, self->max_length, &self->header, error))
    return AIOPROC_IO_ERROR;

  if (self->header.n_fds != self->n_fds)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "A message was received with %u descriptors where its header says %u",
                   self->n_fds, self->header.n_fds);
      return AIOPROC_IO_ERROR;
    }

  if (self->header.length > 0)
    {
      self->payload = g_try_malloc (self->header.length);

      if (self->payload == NULL)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                       "There is no memory to receive a message of %" G_GUINT64_FORMAT " bytes",
                       self->header.length);
          return AIOPROC_IO_ERROR;
        }
    }

  return AIOPROC_IO_OK;
}

static AioprocIOStatus
aioproc_frame_reader_read_payload (AioprocFrameReader  *self,
                                   gboolean             dont_wait,
                                   GError             **error)
{
  AioprocIOStatus status;

  /* All descriptors are there already: no more than these, which is none. */
  status = aioproc_frame_reader_fill (self, self->payload, self->header.length,
                                      &self->payload_done, self->n_fds, dont_wait, error);

  if (status == AIOPROC_IO_EOF)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT,
                   "The peer closed the stream after %" G_GSIZE_FORMAT " of %" G_GUINT64_FORMAT
                   " bytes of a message", self->payload_done, self->header.length);
      return AIOPROC_IO_ERROR;
    }

  return status;
}

AioprocIOStatus
aioproc_frame_reader_read (AioprocFrameReader  *self,
                           gboolean             dont_wait,
                           AioprocFrameInfo    *info,
                           AioprocMessage     **message,
                           GError             **error)
{
  g_autoptr(GBytes) payload = NULL;
  GError *failure = NULL;
  AioprocIOStatus status = AIOPROC_IO_OK;

  if (self->failure != NULL)
    {
      if (error != NULL)
        *error = g_error_copy (self->failure);

      return AIOPROC_IO_ERROR;
    }

  if (self->header_done < sizeof self->header_data)
    status = aioproc_frame_reader_read_header (self, dont_wait, &failure);

  if (status == AIOPROC_IO_OK)
    status = aioproc_frame_reader_read_payload (self, dont_wait, &failure);

  if (status == AIOPROC_IO_ERROR)
    return aioproc_frame_reader_fail (self, failure, error);

  if (status != AIOPROC_IO_OK)
    return status;

  payload = g_bytes_new_take (g_steal_pointer (&self->payload), self->header.length);
  *message = aioproc_frame_parse_payload (&self->header, payload, self->fds, &failure);
  self->n_fds = 0;

  if (*message == NULL)
    return aioproc_frame_reader_fail (self, failure, error);

  info->kind = self->header.kind;
  info->serial = self->header.serial;
  aioproc_frame_reader_reset (self);

  return AIOPROC_IO_OK;
}
