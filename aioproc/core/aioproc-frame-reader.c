/* aioproc-frame-reader.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "core/aioproc-frame-private.h"

/* How much is read at once by who reads ahead. */
#define AHEAD_LENGTH (16 * 1024)

/* How much of frames to come goes along to another process: what was read ahead, and some of a
 * frame that was begun. A new socket takes it at once.
 */
#define UNREAD_MAX (64 * 1024)

/* A frame is read in two steps, its header and then exactly the rest: what follows may belong to
 * somebody else. Who has a stream for itself *reads ahead* where a frame begins: it takes what
 * there is, and later frames out of that.
 *
 * Descriptors come with the first byte of the sendmsg() that carried them, which is the first of a
 * frame; a read ends after the piece that has come with some. So those that came with what was read
 * ahead belong to the last frame in it that has any, and frames before it have none. But what is
 * left of a piece that was read in part comes with none, and does not end a read: so the rest of a
 * header whose descriptors are there is read by itself.
 */
struct _AioprocFrameReader {
  int                 socket_fd;      /* not owned */
  AioprocCarrier     *carrier;        /* (nullable) not owned, instead of it */
  guint               max_fds;
  guint64             max_length;
  GError             *failure;        /* (owned) (nullable) what broke the stream */

  guint8              header_data[sizeof (AioprocFrameHeader)];
  gsize               header_done;    /* of header_data */
  AioprocFrameHeader  header;         /* once header_data is whole */

  guint8             *payload;        /* (owned) (nullable) once the header is whole */
  gsize               payload_done;

  gboolean            reads_ahead;
  guint8             *ahead_memory;   /* (owned) (nullable) where @ahead is, between two fills */
  const guint8       *ahead;          /* (nullable) what was read, and belongs to later frames */
  gsize               ahead_left;     /* bytes from there on */

  gsize               turn_left;      /* how much may be read without a wait */

  guint               n_fds;
  int                 fds[AIOPROC_FDS_MAX];   /* (owned) (array length=n_fds) */
};

AioprocFrameReader *
aioproc_frame_reader_new_full (int             socket_fd,
                               AioprocCarrier *carrier,
                               guint           max_fds,
                               guint64         max_length)
{
  AioprocFrameReader *self = g_new0 (AioprocFrameReader, 1);

  g_assert (max_fds <= AIOPROC_FDS_MAX && (carrier == NULL || max_fds == 0));

  self->socket_fd = socket_fd;
  self->carrier = carrier;
  self->max_fds = max_fds;
  self->max_length = max_length;

  return self;
}

AioprocFrameReader *
aioproc_frame_reader_new (int     socket_fd,
                          guint64 max_length)
{
  return aioproc_frame_reader_new_full (socket_fd, NULL, AIOPROC_FDS_MAX, max_length);
}

/* Goes on to the next frame. */
static void
aioproc_frame_reader_reset (AioprocFrameReader *self)
{
  g_clear_pointer (&self->payload, g_free);
  self->payload_done = 0;
  self->header_done = 0;
}

static void
aioproc_frame_reader_clear (AioprocFrameReader *self)
{
  aioproc_frame_reader_reset (self);
  aioproc_fds_close_all (self->fds, self->n_fds);
  self->n_fds = 0;
  g_clear_pointer (&self->ahead_memory, g_free);
  self->ahead = NULL;
  self->ahead_left = 0;
}

void
aioproc_frame_reader_free (AioprocFrameReader *self)
{
  aioproc_frame_reader_clear (self);
  g_clear_error (&self->failure);
  g_free (self);
}

void
aioproc_frame_reader_set_max_length (AioprocFrameReader *self,
                                     guint64             max_length)
{
  self->max_length = max_length;
}

void
aioproc_frame_reader_set_reads_ahead (AioprocFrameReader *self,
                                      gboolean            reads_ahead)
{
  g_assert (!reads_ahead || self->carrier == NULL);

  self->reads_ahead = reads_ahead;
}

gboolean
aioproc_frame_reader_is_idle (AioprocFrameReader *self)
{
  return self->header_done == 0 && self->ahead_left == 0;
}

gboolean
aioproc_frame_reader_is_ahead (AioprocFrameReader *self)
{
  return self->ahead_left > 0;
}

guint64
aioproc_frame_reader_get_length (AioprocFrameReader *self)
{
  return self->header.length;
}

static AioprocIOStatus
aioproc_frame_reader_fail (AioprocFrameReader  *self,
                           GError              *failure,
                           GError             **error)
{
  aioproc_frame_reader_clear (self);
  self->failure = failure;

  if (error != NULL)
    *error = g_error_copy (failure);

  return AIOPROC_IO_ERROR;
}

static AioprocIOStatus
aioproc_frame_reader_receive (AioprocFrameReader  *self,
                              guint8              *data,
                              gsize                length,
                              guint                max_fds,
                              gboolean             dont_wait,
                              gsize               *n_done,
                              GError             **error)
{
  AioprocIOStatus status;
  guint n_fds;

  if (self->carrier != NULL)
    return self->carrier->receive (self->carrier, data, length, n_done, error);

  status = aioproc_fds_receive (self->socket_fd, data, length, self->fds + self->n_fds,
                                max_fds - self->n_fds, &n_fds, dont_wait, n_done, error);
  self->n_fds += n_fds;

  return status;
}

static void
aioproc_frame_reader_take_ahead (AioprocFrameReader *self,
                                 guint8             *data,
                                 gsize               length,
                                 gsize              *done)
{
  gsize n = MIN (length - *done, self->ahead_left);

  if (n == 0)
    return;

  memcpy (data + *done, self->ahead, n);
  self->ahead += n;
  self->ahead_left -= n;
  *done += n;

  if (self->ahead_left == 0)
    g_clear_pointer (&self->ahead_memory, g_free);
}

/* Reads until @length bytes of @data are there. @chunk: (nullable) where more is read to, of
 * AHEAD_LENGTH bytes, to be used as long as the caller is.
 */
static AioprocIOStatus
aioproc_frame_reader_read_to (AioprocFrameReader  *self,
                              guint8              *data,
                              gsize                length,
                              gsize               *done,
                              guint8              *chunk,
                              guint                max_fds,
                              gboolean             dont_wait,
                              GError             **error)
{
  aioproc_frame_reader_take_ahead (self, data, length, done);

  while (*done < length)
    {
      /* Those that are there are of this frame, and not to be mixed with those of a later one. */
      guint8 *to = self->n_fds == 0 ? chunk : NULL;
      AioprocIOStatus status;
      gsize n_done;

      if (dont_wait && self->turn_left == 0)
        return AIOPROC_IO_AGAIN;

      if (to != NULL)
        status = aioproc_frame_reader_receive (self, to, AHEAD_LENGTH, max_fds, dont_wait, &n_done,
                                               error);
      else
        status = aioproc_frame_reader_receive (self, data + *done, length - *done, max_fds,
                                               dont_wait, &n_done, error);

      if (status == AIOPROC_IO_AGAIN && !dont_wait)
        {
          /* The socket is non-blocking by itself. */
          aioproc_fds_poll (self->socket_fd, POLLIN, -1);
          continue;
        }

      if (status != AIOPROC_IO_OK)
        return status;

      self->turn_left -= MIN (n_done, self->turn_left);

      if (to != NULL)
        {
          self->ahead = to;
          self->ahead_left = n_done;
          aioproc_frame_reader_take_ahead (self, data, length, done);
        }
      else
        {
          *done += n_done;
        }
    }

  return AIOPROC_IO_OK;
}

/* Whether the descriptors that have come can be those that the header tells of. */
static gboolean
aioproc_frame_reader_check_fds (AioprocFrameReader  *self,
                                GError             **error)
{
  if (self->header.n_fds == self->n_fds ||
      (self->header.n_fds == 0 && self->ahead_left > self->header.length))
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "A message was received with %u descriptors where its header says %u",
               self->n_fds, self->header.n_fds);

  return FALSE;
}

static AioprocIOStatus
aioproc_frame_reader_read_header (AioprocFrameReader  *self,
                                  guint8              *chunk,
                                  gboolean             dont_wait,
                                  GError             **error)
{
  AioprocIOStatus status;

  status = aioproc_frame_reader_read_to (self, self->header_data, sizeof self->header_data,
                                         &self->header_done, chunk, self->max_fds, dont_wait,
                                         error);

  if (status == AIOPROC_IO_EOF && self->header_done > 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT,
                   "The peer closed the stream after %" G_GSIZE_FORMAT " bytes of the header of a "
                   "message", self->header_done);
      return AIOPROC_IO_ERROR;
    }

  if (status != AIOPROC_IO_OK)
    return status;

  if (!aioproc_frame_parse_header (self->header_data, self->max_length, &self->header, error) ||
      !aioproc_frame_reader_check_fds (self, error))
    return AIOPROC_IO_ERROR;

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
  status = aioproc_frame_reader_read_to (self, self->payload, self->header.length,
                                         &self->payload_done, NULL, self->n_fds, dont_wait,
                                         error);

  if (status == AIOPROC_IO_EOF)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT,
                   "The peer closed the stream after %" G_GSIZE_FORMAT " of %" G_GUINT64_FORMAT
                   " bytes of a message", self->payload_done, self->header.length);
      return AIOPROC_IO_ERROR;
    }

  return status;
}

static AioprocIOStatus
aioproc_frame_reader_fail_again (AioprocFrameReader  *self,
                                 GError             **error)
{
  if (error != NULL)
    *error = g_error_copy (self->failure);

  return AIOPROC_IO_ERROR;
}

AioprocIOStatus
aioproc_frame_reader_fill (AioprocFrameReader  *self,
                           gboolean             dont_wait,
                           gsize                max_turn,
                           GError             **error)
{
  guint8 chunk[AHEAD_LENGTH];
  GError *failure = NULL;
  AioprocIOStatus status = AIOPROC_IO_OK;

  g_assert (dont_wait || self->carrier == NULL);

  if (self->failure != NULL)
    return aioproc_frame_reader_fail_again (self, error);

  self->turn_left = max_turn > 0 ? max_turn : G_MAXSIZE;

  if (self->header_done < sizeof self->header_data)
    status = aioproc_frame_reader_read_header (self, self->reads_ahead ? chunk : NULL, dont_wait,
                                               &failure);

  if (status == AIOPROC_IO_OK)
    status = aioproc_frame_reader_read_payload (self, dont_wait, &failure);

  if (status == AIOPROC_IO_ERROR)
    return aioproc_frame_reader_fail (self, failure, error);

  /* It is about to go. */
  if (self->ahead_left > 0 && self->ahead_memory == NULL)
    {
      self->ahead_memory = g_memdup2 (self->ahead, self->ahead_left);
      self->ahead = self->ahead_memory;
    }

  return status;
}

GBytes *
aioproc_frame_reader_take_bytes (AioprocFrameReader *self)
{
  AioprocFramePart part;
  guint8 *payload;
  guint64 size;

  g_assert (self->header_done == sizeof self->header_data);

  if (self->header.kind != AIOPROC_FRAME_MESSAGE || self->header.serial != 0 ||
      self->header.n_parts != 1 || self->header.body_length != 0 || self->header.n_fds != 0)
    return NULL;

  memcpy (&part, self->payload, sizeof part);
  size = GUINT64_FROM_LE (part.size);

  /* Anything but what a library writes is for the parser to complain about. */
  if (GUINT16_FROM_LE (part.type) != AIOPROC_FRAME_PART_INLINE || part.n_fds != 0 ||
      part.object_kind != 0 || size > self->header.length ||
      sizeof part + AIOPROC_FRAME_ALIGN (size) != self->header.length)
    return NULL;

  for (guint64 i = sizeof part + size; i < self->header.length; i++)
    if (self->payload[i] != 0)
      return NULL;

  payload = g_steal_pointer (&self->payload);
  aioproc_frame_reader_reset (self);

  return g_bytes_new_with_free_func (payload + sizeof part, size, g_free, payload);
}

gboolean
aioproc_frame_reader_parse (AioprocFrameReader  *self,
                            AioprocFrameInfo    *info,
                            AioprocMessage     **message,
                            GError             **error)
{
  g_autoptr(GBytes) payload = NULL;
  GError *failure = NULL;

  g_assert (self->header_done == sizeof self->header_data);

  payload = g_bytes_new_take (g_steal_pointer (&self->payload), self->header.length);
  *message = aioproc_frame_parse_payload (&self->header, payload, self->fds, &failure);

  if (self->header.n_fds > 0)
    self->n_fds = 0;

  if (*message == NULL)
    {
      aioproc_frame_reader_fail (self, failure, error);
      return FALSE;
    }

  info->kind = self->header.kind;
  info->serial = self->header.serial;
  aioproc_frame_reader_reset (self);

  return TRUE;
}

void
aioproc_frame_reader_refuse (AioprocFrameReader *self,
                             const GError       *error)
{
  aioproc_frame_reader_fail (self, g_error_copy (error), NULL);
}

AioprocIOStatus
aioproc_frame_reader_read (AioprocFrameReader  *self,
                           gboolean             dont_wait,
                           AioprocFrameInfo    *info,
                           AioprocMessage     **message,
                           GError             **error)
{
  AioprocIOStatus status = aioproc_frame_reader_fill (self, dont_wait, 0, error);

  if (status != AIOPROC_IO_OK)
    return status;

  return aioproc_frame_reader_parse (self, info, message, error) ? AIOPROC_IO_OK
                                                                 : AIOPROC_IO_ERROR;
}

int
aioproc_frame_reader_dup_unread (AioprocFrameReader  *self,
                                 GError             **error)
{
  g_autoptr(GByteArray) unread = g_byte_array_new ();
  AioprocIOStatus status = AIOPROC_IO_AGAIN;
  gsize n_done = 0;
  int fds[2];

  g_assert (!aioproc_frame_reader_is_idle (self) && self->failure == NULL);

  if (self->header_done + self->payload_done + self->ahead_left <= UNREAD_MAX)
    {
      if (!aioproc_fds_socketpair (SOCK_STREAM, fds, error))
        return -1;

      g_byte_array_append (unread, self->header_data, self->header_done);

      if (self->payload_done > 0)
        g_byte_array_append (unread, self->payload, self->payload_done);

      if (self->ahead_left > 0)
        g_byte_array_append (unread, self->ahead, self->ahead_left);

      status = aioproc_fds_send (fds[0], unread->data, unread->len, self->fds, self->n_fds, TRUE,
                                 &n_done, error);
      aioproc_fds_close_all (fds, 1);

      if (status == AIOPROC_IO_OK && n_done == unread->len)
        return fds[1];

      aioproc_fds_close_all (fds + 1, 1);
    }

  if (status != AIOPROC_IO_ERROR)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY,
                 "The beginning of a message was received that is too large to be passed on");

  return -1;
}

gboolean
aioproc_frame_reader_take_unread (AioprocFrameReader  *self,
                                  int                  fd,
                                  GError             **error)
{
  g_autofree guint8 *unread = g_malloc (UNREAD_MAX);
  AioprocIOStatus status = AIOPROC_IO_OK;
  gsize n_unread = 0;

  g_assert (aioproc_frame_reader_is_idle (self) && self->carrier == NULL);

  /* The system may have cut it, and a read ends behind what came with descriptors. */
  while (n_unread < UNREAD_MAX)
    {
      gsize n_done;
      guint n_fds;

      status = aioproc_fds_receive (fd, unread + n_unread, UNREAD_MAX - n_unread,
                                    self->fds + self->n_fds, self->max_fds - self->n_fds, &n_fds,
                                    TRUE, &n_done, error);

      if (status != AIOPROC_IO_OK)
        break;

      self->n_fds += n_fds;
      n_unread += n_done;
    }

  if (status == AIOPROC_IO_ERROR)
    return FALSE;

  if (status == AIOPROC_IO_AGAIN || n_unread == 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "What was there to be read was nothing, or did not end");
      return FALSE;
    }

  self->ahead_memory = g_steal_pointer (&unread);
  self->ahead = self->ahead_memory;
  self->ahead_left = n_unread;

  return TRUE;
}
