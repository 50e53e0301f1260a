/* fuzz-stream.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What comes over a stream, in any pieces: frames, which have to be those that they are in one
 * piece, and are written again; and sealed records, of which nothing may be read that was changed.
 */

#include <sys/socket.h>

#include "core/aioproc-seal-private.h"
#include "fuzz-frame.h"
#include "fuzz-pieces.h"
#include "ipc/aioproc-sealed-input-private.h"
#include "ipc/aioproc-sealed-output-private.h"

/* The most that a frame may say. */
#define MAX_LENGTH  (64 * 1024)
#define MAX_FRAMES  4
#define MAX_RECORDS 8

/* One byte of what is read is another one. */
gboolean fuzz_has_fault;

/* --- Frames --- */

/* What was read of a stream: frames, then an error or none. */
typedef struct {
  GPtrArray *frames;   /* (element-type GBytes) */
  GError    *error;
} Outcome;

static void
outcome_init (Outcome *self)
{
  self->frames = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  self->error = NULL;
}

static void
outcome_clear (Outcome *self)
{
  g_ptr_array_unref (self->frames);
  g_clear_error (&self->error);
}

static void
outcome_add (Outcome      *self,
             AioprocFrame *frame,
             FuzzPieces   *pieces)
{
  g_autoptr(FuzzCarrier) carrier = fuzz_carrier_new (NULL, 0, pieces);
  g_autoptr(GError) error = NULL;
  gboolean done = FALSE;

  while (!done)
    g_assert_true (aioproc_frame_write_to (frame, &carrier->carrier, &done, &error));

  g_assert_cmpuint (carrier->sent->len, ==, aioproc_frame_get_length (frame));
  carrier->sent->data[0] ^= fuzz_has_fault;
  g_ptr_array_add (self->frames, g_bytes_new (carrier->sent->data, carrier->sent->len));
}

static void
outcome_add_message (Outcome                *self,
                     AioprocMessage         *message,
                     const AioprocFrameInfo *info,
                     FuzzPieces             *pieces)
{
  g_autoptr(AioprocFrame) frame = NULL;
  g_autoptr(GError) error = NULL;

  frame = aioproc_frame_new (info, message, &error);
  g_assert_no_error (error);
  outcome_add (self, frame, pieces);
}

/* As they come. */
static void
read_frames (Outcome      *outcome,
             const guint8 *data,
             gsize         length,
             FuzzPieces   *pieces)
{
  g_autoptr(FuzzCarrier) carrier = fuzz_carrier_new (data, length, pieces);
  g_autoptr(AioprocFrameReader) reader = NULL;
  g_autoptr(GError) again = NULL;
  AioprocIOStatus status;

  reader = aioproc_frame_reader_new_full (-1, &carrier->carrier, 0, MAX_LENGTH);

  do
    {
      g_autoptr(AioprocMessage) message = NULL;
      AioprocFrameInfo info;

      status = aioproc_frame_reader_read (reader, TRUE, &info, &message, &outcome->error);
      g_assert_true ((status == AIOPROC_IO_OK) == (message != NULL));
      g_assert_true ((status == AIOPROC_IO_ERROR) == (outcome->error != NULL));

      if (status == AIOPROC_IO_OK)
        outcome_add_message (outcome, message, &info, pieces);
    }
  while (status == AIOPROC_IO_OK || status == AIOPROC_IO_AGAIN);

  if (status == AIOPROC_IO_EOF)
    return;

  /* It stays so. */
  g_assert_cmpint (aioproc_frame_reader_fill (reader, TRUE, 0, &again), ==, AIOPROC_IO_ERROR);
  g_assert_error (again, outcome->error->domain, outcome->error->code);
}

/* What is there to be read. FALSE: nothing more will come. */
static gboolean
read_what_is_there (Outcome            *outcome,
                    AioprocFrameReader *reader,
                    FuzzPieces         *pieces)
{
  for (;;)
    {
      AioprocIOStatus status = aioproc_frame_reader_fill (reader, TRUE, 0, &outcome->error);
      g_autoptr(AioprocMessage) message = NULL;
      g_autoptr(AioprocFrame) frame = NULL;
      g_autoptr(GBytes) bytes = NULL;
      AioprocFrameInfo info;

      if (status != AIOPROC_IO_OK)
        return status == AIOPROC_IO_AGAIN;

      if (fuzz_pieces_next (pieces) % 2 == 0)
        bytes = aioproc_frame_reader_take_bytes (reader);

      if (bytes != NULL)
        {
          frame = aioproc_frame_new_for_bytes (bytes);
          g_assert_nonnull (frame);
          outcome_add (outcome, frame, pieces);
        }
      else if (aioproc_frame_reader_parse (reader, &info, &message, &outcome->error))
        {
          outcome_add_message (outcome, message, &info, pieces);
        }
      else
        {
          return FALSE;
        }
    }
}

/* Another reader goes on, as in another process. Takes @reader, and returns one of them. */
static AioprocFrameReader *
pass_on (AioprocFrameReader *reader,
         int                 socket_fd,
         gboolean            reads_ahead)
{
  AioprocFrameReader *other;
  g_autoptr(GError) error = NULL;
  int fd = -1;

  if (!aioproc_frame_reader_is_idle (reader))
    {
      fd = aioproc_frame_reader_dup_unread (reader, &error);

      if (fd < 0)
        {
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);
          return reader;
        }
    }

  other = aioproc_frame_reader_new (socket_fd, MAX_LENGTH);
  aioproc_frame_reader_set_reads_ahead (other, reads_ahead);

  if (fd >= 0)
    g_assert_true (aioproc_frame_reader_take_unread (other, fd, &error));

  aioproc_fds_close_all (&fd, 1);
  aioproc_frame_reader_free (reader);

  return other;
}

/* The same over a socket, by readers that take more than they need. */
static void
read_frames_ahead (Outcome      *outcome,
                   const guint8 *data,
                   gsize         length,
                   FuzzPieces   *pieces)
{
  AioprocFrameReader *reader;
  gboolean more = TRUE;
  int sockets[2];

  g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, sockets, NULL));
  reader = aioproc_frame_reader_new (sockets[1], MAX_LENGTH);
  aioproc_frame_reader_set_reads_ahead (reader, TRUE);

  while (length > 0 && more)
    {
      gsize n_done;
      gsize n = fuzz_pieces_choose (pieces, length);

      if (n == 0)
        {
          reader = pass_on (reader, sockets[1], fuzz_pieces_next (pieces) % 4 != 3);
          continue;
        }

      g_assert_cmpint (aioproc_fds_send (sockets[0], data, n, NULL, 0, TRUE, &n_done, NULL), ==,
                       AIOPROC_IO_OK);
      data += n_done;
      length -= n_done;
      more = read_what_is_there (outcome, reader, pieces);
    }

  aioproc_fds_close_all (sockets, 1);

  if (more)
    g_assert_false (read_what_is_there (outcome, reader, pieces));

  aioproc_frame_reader_free (reader);
  aioproc_fds_close_all (sockets + 1, 1);
}

/* All of it is there. */
static void
split_frames (Outcome      *outcome,
              const guint8 *data,
              gsize         length)
{
  while (length > 0 && outcome->error == NULL)
    {
      AioprocFrameHeader header;
      g_autoptr(GBytes) frame = NULL;
      AioprocMessage *message = NULL;
      AioprocFrameInfo info;
      int no_fds[1];
      gsize size;

      if (length < sizeof header)
        {
          outcome->error = g_error_new (G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT, "Within a header");
          return;
        }

      if (!aioproc_frame_parse_header (data, MAX_LENGTH, &header, &outcome->error))
        return;

      if (header.n_fds > 0)
        {
          outcome->error = g_error_new (G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "Descriptors");
          return;
        }

      if (header.length > length - sizeof header)
        {
          outcome->error = g_error_new (G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT, "Within a frame");
          return;
        }

      size = sizeof header + header.length;
      frame = g_bytes_new (data, size);

      if (aioproc_frame_parse (frame, no_fds, 0, MAX_LENGTH, &info, &message, &outcome->error))
        g_ptr_array_add (outcome->frames, g_bytes_ref (frame));

      g_clear_object (&message);
      data += size;
      length -= size;
    }
}

static void
fuzz_frames (FuzzInput *input,
             gboolean   is_ahead)
{
  guint n_frames = 1 + fuzz_input_take_byte (input) % MAX_FRAMES;
  gsize n_missing = fuzz_input_take_byte (input);
  g_autoptr(GByteArray) bytes = g_byte_array_new ();
  FuzzPieces pieces;
  Outcome whole;
  Outcome read;

  fuzz_pieces_take (&pieces, input);

  for (guint i = 0; i < n_frames; i++)
    {
      gsize length = i + 1 < n_frames ? fuzz_input_take_byte (input) * 2 : input->left;
      FuzzInput part = { input->data, MIN (length, input->left) };
      g_autoptr(GBytes) frame = NULL;

      input->data += part.left;
      input->left -= part.left;
      frame = fuzz_frame_take (&part, 0);
      g_byte_array_append (bytes, g_bytes_get_data (frame, NULL), g_bytes_get_size (frame));
    }

  g_byte_array_set_size (bytes, bytes->len - MIN (n_missing % 64, bytes->len));
  outcome_init (&whole);
  outcome_init (&read);
  split_frames (&whole, bytes->data, bytes->len);

  if (is_ahead)
    read_frames_ahead (&read, bytes->data, bytes->len, &pieces);
  else
    read_frames (&read, bytes->data, bytes->len, &pieces);

  if (whole.error != NULL)
    g_assert_error (read.error, whole.error->domain, whole.error->code);
  else
    g_assert_no_error (read.error);

  g_assert_cmpuint (read.frames->len, ==, whole.frames->len);

  for (guint i = 0; i < read.frames->len; i++)
    g_assert_true (g_bytes_equal (read.frames->pdata[i], whole.frames->pdata[i]));

  outcome_clear (&whole);
  outcome_clear (&read);
}

/* --- Records that are read --- */

static const guint8 key[AIOPROC_SEAL_KEY_SIZE] = "a key that both have";

typedef struct {
  GByteArray *bytes;                   /* all records */
  GByteArray *data;                    /* what is in them */
  gsize       ends[MAX_RECORDS];       /* in @bytes */
  gsize       data_ends[MAX_RECORDS];  /* in @data */
  guint       n;
  gboolean    is_ended;
} Records;

static void
records_init (Records   *self,
              FuzzInput *input)
{
  g_autoptr(AioprocSeal) seal = aioproc_seal_new (key);
  guint n = fuzz_input_take_byte (input) % (MAX_RECORDS + 1);

  self->bytes = g_byte_array_new ();
  self->data = g_byte_array_new ();
  self->n = 0;
  self->is_ended = FALSE;

  while (self->n < n && !self->is_ended)
    {
      gsize length = fuzz_input_take_byte (input);
      g_autofree guint8 *record = NULL;
      gsize size;

      /* The largest that there can be would only take their time. */
      length = length == 255 ? 2000 : length;
      record = g_malloc (AIOPROC_SEAL_SIZE (length));

      for (gsize i = 0; i < length; i++)
        record[AIOPROC_SEAL_HEAD + i] = (guint8) (i + self->n);

      size = aioproc_seal_close (seal, record, length);
      g_byte_array_append (self->bytes, record, size);
      g_byte_array_append (self->data, record + AIOPROC_SEAL_HEAD, length);
      self->ends[self->n] = self->bytes->len;
      self->data_ends[self->n] = self->data->len;
      self->is_ended = length == 0;
      self->n++;
    }
}

static void
records_clear (Records *self)
{
  g_byte_array_unref (self->bytes);
  g_byte_array_unref (self->data);
}

/* Where record @index begins. */
static gsize
records_begin (Records *self,
               guint    index)
{
  return index == 0 ? 0 : self->ends[index - 1];
}

/* What somebody makes of them. */
static GByteArray *
meddle (Records   *records,
        FuzzInput *input)
{
  GByteArray *bytes = g_byte_array_new ();
  guint n_changes = fuzz_input_take_byte (input) % 4;

  g_byte_array_append (bytes, records->bytes->data, records->bytes->len);

  for (guint i = 0; i < n_changes; i++)
    {
      guint kind = fuzz_input_take_byte (input);
      gsize at = fuzz_input_take_uint16 (input);
      guint8 byte = fuzz_input_take_byte (input);
      gsize n, begin, size;
      guint index;

      at = MIN (at, bytes->len);
      n = MIN (byte, bytes->len - at);

      switch (kind % 6)
        {
        case 0:
          if (at < bytes->len)
            bytes->data[at] ^= byte;
          break;

        case 1:
          g_byte_array_set_size (bytes, at);
          break;

        case 2:
          if (n > 0)
            g_byte_array_remove_range (bytes, at, n);
          break;

        case 3:
          n = MIN (byte, input->left);
          g_byte_array_append (bytes, input->data, n);
          break;

        /* Records leave, and come again. */
        case 4:
          if (records->n > 0)
            {
              index = byte % records->n;
              begin = records_begin (records, index);
              size = records->ends[index] - begin;

              if (begin + size <= bytes->len)
                g_byte_array_remove_range (bytes, begin, size);
            }

          break;

        default:
          if (records->n > 0)
            {
              index = byte % records->n;
              begin = records_begin (records, index);
              size = records->ends[index] - begin;
              g_byte_array_append (bytes, records->bytes->data + begin, size);
            }

          break;
        }
    }

  return bytes;
}

static void
fuzz_read_records (FuzzInput *input)
{
  g_autoptr(GByteArray) bytes = NULL;
  g_autoptr(GByteArray) read = g_byte_array_new ();
  g_autoptr(GInputStream) base = NULL;
  g_autoptr(GInputStream) stream = NULL;
  g_autoptr(GError) error = NULL;
  FuzzPieces pieces;
  Records records;
  gboolean is_prefix;
  guint n_good = 0;
  gsize same = 0;
  gssize n;

  fuzz_pieces_take (&pieces, input);
  records_init (&records, input);
  bytes = meddle (&records, input);

  while (same < MIN (bytes->len, records.bytes->len) &&
         bytes->data[same] == records.bytes->data[same])
    same++;

  while (n_good < records.n && records.ends[n_good] <= same)
    n_good++;

  is_prefix = same == bytes->len;
  base = fuzz_input_stream_new (bytes->data, bytes->len, &pieces);
  stream = aioproc_sealed_input_new (base, key);

  do
    {
      guint8 buffer[512];
      gsize size = 1 + fuzz_pieces_next (&pieces) * 2;

      n = g_input_stream_read (stream, buffer, size, NULL, &error);

      if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        {
          g_clear_error (&error);
          n = 1;
          continue;
        }

      if (n > 0)
        g_byte_array_append (read, buffer, (guint) n);
    }
  while (n > 0);

  if (read->len > 0)
    read->data[0] ^= fuzz_has_fault;

  /* All that was good, and nothing else. */
  g_assert_cmpmem (read->data, read->len, records.data->data,
                   n_good > 0 ? records.data_ends[n_good - 1] : 0);

  if (records.is_ended && n_good == records.n)
    {
      g_assert_no_error (error);
    }
  else
    {
      g_assert_nonnull (error);

      if (is_prefix || !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA))
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT);
    }

  g_assert_true (g_input_stream_close (stream, NULL, NULL));
  records_clear (&records);
}

/* --- Records that are written --- */

static void
unseal (GByteArray   *bytes,
        const guint8 *data,
        gsize         length)
{
  g_autoptr(AioprocSeal) seal = aioproc_seal_new (key);
  gboolean is_ended = FALSE;
  gsize at = 0;
  gsize done = 0;

  while (at < bytes->len)
    {
      g_autoptr(GError) error = NULL;
      gssize n;

      g_assert_false (is_ended);
      g_assert_true (aioproc_seal_open (seal, bytes->data + at, bytes->len - at, &n, &error));
      g_assert_cmpint (n, >=, 0);
      g_assert_cmpuint (done + (gsize) n, <=, length);

      if (n > 0)
        g_assert_cmpmem (bytes->data + at + AIOPROC_SEAL_HEAD, n, data + done, n);

      is_ended = n == 0;
      done += (gsize) n;
      at += AIOPROC_SEAL_SIZE ((gsize) n);
    }

  g_assert_true (is_ended);
  g_assert_cmpuint (done, ==, length);
}

/* The stream below takes what it likes of it, and fails in between. */
static void
fuzz_write_records (FuzzInput *input)
{
  g_autoptr(GByteArray) written = g_byte_array_new ();
  g_autoptr(GByteArray) bytes = g_byte_array_new ();
  g_autoptr(GOutputStream) base = NULL;
  g_autoptr(GOutputStream) stream = NULL;
  g_autoptr(GError) close_error = NULL;
  guint8 data[4096];
  FuzzPieces pieces;
  guint8 n_operations;

  fuzz_pieces_take (&pieces, input);
  n_operations = fuzz_input_take_byte (input) % 32;
  base = fuzz_output_stream_new (bytes, &pieces);
  stream = aioproc_sealed_output_new (base, key);

  for (gsize i = 0; i < sizeof data; i++)
    data[i] = (guint8) (i * 7);

  for (guint i = 0; i < n_operations; i++)
    {
      g_autoptr(GError) error = NULL;
      guint8 what = fuzz_input_take_byte (input);
      gsize length = 1 + (what % 64) * (what % 64);
      gssize n = 0;

      if (what >= 192)
        g_output_stream_flush (stream, NULL, &error);
      else
        n = g_output_stream_write (stream, data, length, NULL, &error);

      if (error != NULL)
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      else
        g_byte_array_append (written, data, (guint) n);
    }

  /* To the end it goes well. */
  pieces.is_patient = TRUE;
  g_assert_true (g_output_stream_close (stream, NULL, &close_error));

  if (written->len > 0)
    written->data[0] ^= fuzz_has_fault;

  unseal (bytes, written->data, written->len);
}

int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  FuzzInput input = { data, size };

  switch (fuzz_input_take_byte (&input) % 4)
    {
    case 0:
      fuzz_frames (&input, FALSE);
      break;

    case 1:
      fuzz_frames (&input, TRUE);
      break;

    case 2:
      fuzz_read_records (&input);
      break;

    default:
      fuzz_write_records (&input);
      break;
    }

  return 0;
}
