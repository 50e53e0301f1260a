/* test-frame-ahead.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Readers that read ahead. */

#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include "core/aioproc-frame-private.h"

#include "aioproc-test-frame.h"
#include "aioproc-test.h"

#define N_FRAMES 400

static AioprocFrameReader *
open_reader (int *sockets)
{
  g_autoptr(GError) error = NULL;
  AioprocFrameReader *reader;

  g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, sockets, &error));
  reader = aioproc_frame_reader_new (sockets[1], G_MAXUINT64);
  aioproc_frame_reader_set_reads_ahead (reader, TRUE);

  return reader;
}

/* Bytes in every frame, but a descriptor beside them in each seventh. */
static gboolean
has_fd (guint number)
{
  return number % 7 == 5;
}

static char *
make_text (guint number)
{
  /* Now and then a frame that is longer than what is read at once. */
  gsize length = number % 90 == 60 ? 20000 : number % 50;

  return g_strdup_printf ("%u %*s", number, (int) length, "");
}

static GBytes *
flatten_number (guint  number,
                int   *fds,
                guint *n_fds)
{
  const AioprocFrameInfo info = { AIOPROC_FRAME_MESSAGE, 0 };
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autofree char *text = make_text (number);
  g_autoptr(GBytes) bytes = g_bytes_new (text, strlen (text));
  g_autoptr(GError) error = NULL;
  AioprocFrame *frame;

  aioproc_message_append_bytes (message, bytes);

  if (has_fd (number))
    {
      int fd = aioproc_test_frame_file (text);

      g_assert_cmpint (aioproc_message_append_fd (message, fd, &error), ==, 1);
      close (fd);
    }

  frame = aioproc_frame_new (&info, message, &error);
  g_assert_no_error (error);

  return aioproc_test_frame_flatten (frame, fds, n_fds);
}

static void
send_number (int   socket_fd,
             guint number)
{
  int fds[AIOPROC_FDS_MAX];
  guint n_fds;
  g_autoptr(GBytes) flat = flatten_number (number, fds, &n_fds);

  aioproc_test_frame_send_raw (socket_fd, g_bytes_get_data (flat, NULL), g_bytes_get_size (flat),
                               fds, n_fds);
  aioproc_fds_close_all (fds, n_fds);
}

static void
assert_number (AioprocFrameReader *reader,
               guint               number)
{
  g_autofree char *text = make_text (number);
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;
  AioprocFrameInfo info;

  g_assert_cmpint (aioproc_frame_reader_fill (reader, TRUE, 0, &error), ==, AIOPROC_IO_OK);
  g_assert_no_error (error);

  /* What is nothing but bytes need not be parsed. */
  if (number % 2 == 0)
    bytes = aioproc_frame_reader_take_bytes (reader);

  if (has_fd (number))
    g_assert_null (bytes);
  else if (number % 2 == 0)
    g_assert_nonnull (bytes);

  if (bytes == NULL)
    {
      g_assert_true (aioproc_frame_reader_parse (reader, &info, &message, &error));
      bytes = aioproc_message_dup_bytes (message, 0, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (aioproc_message_get_n_handles (message), ==, has_fd (number) ? 2 : 1);
    }

  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), text, strlen (text));

  if (has_fd (number))
    {
      int fd = aioproc_message_dup_fd (message, 1, &error);

      g_assert_no_error (error);
      aioproc_test_frame_assert_file (fd, text);
      close (fd);
    }
}

static void
test_ahead_sequence (void)
{
  guint n_before = aioproc_test_count_fds ();
  g_autoptr(AioprocFrameReader) reader = NULL;
  g_autoptr(GError) error = NULL;
  guint n_sent = 0;
  int sockets[2];

  g_test_summary ("Frames come out one by one, each with its own descriptors, however many lie "
                  "there");

  reader = open_reader (sockets);

  for (guint number = 0; number < N_FRAMES; )
    {
      guint n_batch = 1 + number % 23;

      for (guint i = 0; i < n_batch && n_sent < N_FRAMES; i++)
        send_number (sockets[0], n_sent++);

      while (number < n_sent)
        assert_number (reader, number++);

      g_assert_true (aioproc_frame_reader_is_idle (reader));
      g_assert_false (aioproc_frame_reader_is_ahead (reader));
      g_assert_cmpint (aioproc_frame_reader_fill (reader, TRUE, 0, &error), ==, AIOPROC_IO_AGAIN);
    }

  send_number (sockets[0], 0);
  send_number (sockets[0], 5);
  aioproc_fds_close_all (sockets, 1);
  assert_number (reader, 0);
  g_assert_true (aioproc_frame_reader_is_ahead (reader));
  assert_number (reader, 5);
  g_assert_cmpint (aioproc_frame_reader_fill (reader, TRUE, 0, &error), ==, AIOPROC_IO_EOF);

  aioproc_fds_close_all (sockets, 2);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
}

/* Three frames of 0, 1 and 0 descriptors, in two pieces. */
static void
test_ahead_pieces (void)
{
  guint n_before = aioproc_test_count_fds ();
  g_autoptr(GByteArray) stream = g_byte_array_new ();
  int fds[AIOPROC_FDS_MAX];
  guint n_fds = 0;
  guint ends[3];

  g_test_summary ("Frames that were read ahead in part are completed");

  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      guint n_here;
      g_autoptr(GBytes) flat = flatten_number (4 + i, fds + n_fds, &n_here);

      n_fds += n_here;
      g_byte_array_append (stream, g_bytes_get_data (flat, NULL), g_bytes_get_size (flat));
      ends[i] = stream->len;
    }

  g_assert_cmpuint (n_fds, ==, 1);

  for (guint at = 1; at < stream->len; at++)
    {
      g_autoptr(AioprocFrameReader) reader = NULL;
      g_autoptr(GError) error = NULL;
      gboolean is_second = at <= ends[0];
      guint n_read = 0;
      int sockets[2];

      reader = open_reader (sockets);
      aioproc_test_frame_send_raw (sockets[0], stream->data, at, fds, is_second ? 0 : 1);

      while (n_read < 3 && at >= ends[n_read])
        assert_number (reader, 4 + n_read++);

      g_assert_cmpint (aioproc_frame_reader_fill (reader, TRUE, 0, &error), ==, AIOPROC_IO_AGAIN);
      aioproc_test_frame_send_raw (sockets[0], stream->data + at, stream->len - at, fds,
                                   is_second ? 1 : 0);

      /* They go with a piece of the frame before, where that is in two: then they are nobody's. */
      if (is_second && at < ends[0])
        {
          g_assert_cmpint (aioproc_frame_reader_fill (reader, TRUE, 0, &error), ==,
                           at < sizeof (AioprocFrameHeader) ? AIOPROC_IO_OK : AIOPROC_IO_ERROR);
        }
      else
        {
          while (n_read < 3)
            assert_number (reader, 4 + n_read++);
        }

      aioproc_fds_close_all (sockets, 2);
    }

  aioproc_fds_close_all (fds, n_fds);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
}

static void
test_ahead_bad (void)
{
  guint n_before = aioproc_test_count_fds ();
  int fds[AIOPROC_FDS_MAX];
  guint n_fds;
  g_autoptr(GBytes) plain = flatten_number (2, fds, &n_fds);
  gsize length = g_bytes_get_size (plain);
  int file = aioproc_test_frame_file ("nobody's");

  g_test_summary ("Descriptors that belong to no frame are an error, and closed");

  for (guint n_frames = 1; n_frames < 4; n_frames++)
    {
      g_autoptr(GByteArray) stream = g_byte_array_new ();
      g_autoptr(AioprocFrameReader) reader = NULL;
      g_autoptr(GError) error = NULL;
      int sockets[2];

      for (guint i = 0; i < n_frames; i++)
        g_byte_array_append (stream, g_bytes_get_data (plain, NULL), length);

      reader = open_reader (sockets);
      aioproc_test_frame_send_raw (sockets[0], stream->data, stream->len, &file, 1);

      for (guint i = 0; i + 1 < n_frames; i++)
        assert_number (reader, 2);

      g_assert_cmpint (aioproc_frame_reader_fill (reader, TRUE, 0, &error), ==, AIOPROC_IO_ERROR);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
      aioproc_fds_close_all (sockets, 2);
    }

  close (file);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
}

static void
test_ahead_take_bytes (void)
{
  guint n_fds;
  int fds[AIOPROC_FDS_MAX];
  g_autoptr(GBytes) flat = flatten_number (3, fds, &n_fds);
  gsize length = g_bytes_get_size (flat);

  g_test_summary ("Only a frame that the parser would take for plain bytes is taken as such");

  /* A bit of each byte is turned. */
  for (gsize at = 0; at < length; at++)
    {
      g_autofree guint8 *data = g_memdup2 (g_bytes_get_data (flat, NULL), length);
      g_autoptr(GBytes) frame = NULL;
      g_autoptr(GBytes) bytes = NULL;
      g_autoptr(GBytes) expected = NULL;
      g_autoptr(AioprocMessage) message = NULL;
      g_autoptr(AioprocFrameReader) reader = NULL;
      AioprocFrameInfo info;
      gboolean is_plain;
      int sockets[2];

      data[at] ^= 1 << at % 8;
      frame = g_bytes_new (data, length);
      is_plain = aioproc_frame_parse (frame, fds, 0, G_MAXUINT64, &info, &message, NULL) &&
                 info.kind == AIOPROC_FRAME_MESSAGE && info.serial == 0 &&
                 aioproc_message_get_n_handles (message) == 1;

      reader = open_reader (sockets);
      aioproc_test_frame_send_raw (sockets[0], data, length, NULL, 0);

      if (aioproc_frame_reader_fill (reader, TRUE, 0, NULL) == AIOPROC_IO_OK)
        bytes = aioproc_frame_reader_take_bytes (reader);

      g_assert_cmpint (bytes != NULL, ==, is_plain);

      if (is_plain)
        {
          expected = aioproc_message_dup_bytes (message, 0, NULL);
          g_assert_true (g_bytes_equal (bytes, expected));
        }

      aioproc_fds_close_all (sockets, 2);
    }
}

static void
test_ahead_unread (void)
{
  guint n_before = aioproc_test_count_fds ();

  g_test_summary ("What was read ahead, or in part, goes on in another reader");

  for (guint n_read = 0; n_read < 8; n_read++)
    {
      g_autoptr(AioprocFrameReader) reader = NULL;
      g_autoptr(AioprocFrameReader) other = NULL;
      g_autoptr(GError) error = NULL;
      int head[AIOPROC_FDS_MAX];
      guint n_head;
      g_autoptr(GBytes) flat = flatten_number (8, head, &n_head);
      int sockets[2];
      int fd;

      reader = open_reader (sockets);

      for (guint number = 0; number < 8; number++)
        send_number (sockets[0], number);

      /* And the beginning of one more. */
      aioproc_test_frame_send_raw (sockets[0], g_bytes_get_data (flat, NULL), 35, head, n_head);

      for (guint number = 0; number < n_read; number++)
        assert_number (reader, number);

      if (n_read == 0)
        {
          g_assert_cmpint (aioproc_frame_reader_fill (reader, TRUE, 0, &error), ==, AIOPROC_IO_OK);
          g_assert_no_error (error);
        }

      other = aioproc_frame_reader_new (sockets[1], G_MAXUINT64);

      if (!aioproc_frame_reader_is_idle (reader))
        {
          fd = aioproc_frame_reader_dup_unread (reader, &error);
          g_assert_no_error (error);
          g_clear_pointer (&reader, aioproc_frame_reader_free);
          g_assert_true (aioproc_frame_reader_take_unread (other, fd, &error));
          g_assert_no_error (error);
          close (fd);
          g_assert_true (aioproc_frame_reader_is_ahead (other));
        }

      for (guint number = n_read; number < 8; number++)
        assert_number (other, number);

      aioproc_test_frame_send_raw (sockets[0], (guint8 *) g_bytes_get_data (flat, NULL) + 35,
                                   g_bytes_get_size (flat) - 35, NULL, 0);
      assert_number (other, 8);
      aioproc_fds_close_all (head, n_head);
      aioproc_fds_close_all (sockets, 2);
    }

  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
}

static void
test_ahead_unread_refused (void)
{
  guint n_before = aioproc_test_count_fds ();
  g_autoptr(AioprocFrameReader) reader = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree guint8 *data = g_malloc0 (100 * 1000);
  AioprocFrameHeader header = {
    .magic = GUINT32_TO_LE (AIOPROC_FRAME_MAGIC),
    .n_parts = GUINT32_TO_LE (1),
    .length = GUINT64_TO_LE (200 * 1000),
  };
  int sockets[2];

  g_test_summary ("Too much of a frame that was begun stays; what is no socket, or has nothing, "
                  "is refused");

  reader = open_reader (sockets);
  g_assert_false (aioproc_frame_reader_take_unread (reader, sockets[1], &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_clear_error (&error);
  g_assert_false (aioproc_frame_reader_take_unread (reader, -1, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);

  memcpy (data, &header, sizeof header);
  aioproc_test_frame_send_raw (sockets[0], data, 100 * 1000, NULL, 0);
  g_assert_cmpint (aioproc_frame_reader_fill (reader, TRUE, 0, &error), ==, AIOPROC_IO_AGAIN);
  g_assert_cmpint (aioproc_frame_reader_dup_unread (reader, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);

  aioproc_fds_close_all (sockets, 2);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
}

/* A frame of @length bytes, with as many descriptors. */
static void
send_frame (int   socket_fd,
            gsize length,
            guint n_files)
{
  const AioprocFrameInfo info = { AIOPROC_FRAME_MESSAGE, 0 };
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  gsize n_bytes = length - sizeof (AioprocFrameHeader) - (1 + n_files) * sizeof (AioprocFramePart);
  g_autoptr(GBytes) bytes = aioproc_test_frame_pattern (n_bytes);
  g_autoptr(GBytes) flat = NULL;
  g_autoptr(GError) error = NULL;
  int fds[AIOPROC_FDS_MAX];
  guint n_fds;

  aioproc_message_append_bytes (message, bytes);

  for (guint i = 0; i < n_files; i++)
    {
      int fd = aioproc_test_frame_file ("file");

      aioproc_message_append_fd (message, fd, &error);
      g_assert_no_error (error);
      close (fd);
    }

  flat = aioproc_test_frame_flatten (aioproc_frame_new (&info, message, &error), fds, &n_fds);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (flat), ==, length);
  aioproc_test_frame_send_raw (socket_fd, g_bytes_get_data (flat, NULL), length, fds, n_fds);
  aioproc_fds_close_all (fds, n_fds);
}

static void
assert_frame (AioprocFrameReader *reader,
              gsize               length,
              guint               n_files)
{
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GBytes) expected = NULL;
  g_autoptr(GError) error = NULL;
  AioprocFrameInfo info;

  aioproc_frame_reader_read (reader, TRUE, &info, &message, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (aioproc_message_get_n_handles (message), ==, 1 + n_files);
  bytes = aioproc_message_dup_bytes (message, 0, &error);
  g_assert_no_error (error);
  expected = aioproc_test_frame_pattern (length - sizeof (AioprocFrameHeader) -
                                         (1 + n_files) * sizeof (AioprocFramePart));
  g_assert_true (g_bytes_equal (bytes, expected));
}

/* What is read ahead at once. */
#define CHUNK (16 * 1024)

static void
test_ahead_edge (void)
{
  g_test_summary ("Descriptors of a header that is read in part are not those of a later frame");

  for (gsize before = 0; before <= 64; before += 8)
    {
      g_autoptr(AioprocFrameReader) reader = NULL;
      int sockets[2];

      reader = open_reader (sockets);
      send_frame (sockets[0], CHUNK - before, 0);
      send_frame (sockets[0], 128, 1);
      send_frame (sockets[0], 128, 0);
      send_frame (sockets[0], 128, 2);
      send_frame (sockets[0], 128, 0);

      assert_frame (reader, CHUNK - before, 0);
      assert_frame (reader, 128, 1);
      assert_frame (reader, 128, 0);
      assert_frame (reader, 128, 2);
      assert_frame (reader, 128, 0);
      aioproc_fds_close_all (sockets, 2);
    }
}

static void
test_ahead_unread_large (void)
{
  g_test_summary ("So does as much as may go along, which the system cuts in pieces");

  for (gsize length = 8 * 1024; length <= 64 * 1024; length += 8 * 1024)
    {
      g_autoptr(AioprocFrameReader) reader = NULL;
      g_autoptr(AioprocFrameReader) other = NULL;
      g_autoptr(GError) error = NULL;
      g_autoptr(GBytes) bytes = aioproc_test_frame_pattern (100000);
      g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
      g_autoptr(AioprocMessage) received = NULL;
      g_autoptr(GBytes) flat = NULL;
      g_autoptr(GBytes) received_bytes = NULL;
      const AioprocFrameInfo info = { AIOPROC_FRAME_MESSAGE, 0 };
      AioprocFrameInfo received_info;
      int file = aioproc_test_frame_file ("file");
      int fds[AIOPROC_FDS_MAX];
      guint n_fds;
      int sockets[2];
      int fd;

      aioproc_message_append_bytes (message, bytes);
      aioproc_message_append_fd (message, file, &error);
      g_assert_no_error (error);
      close (file);
      flat = aioproc_test_frame_flatten (aioproc_frame_new (&info, message, &error), fds, &n_fds);
      reader = open_reader (sockets);
      aioproc_test_frame_send_raw (sockets[0], g_bytes_get_data (flat, NULL), length, fds, n_fds);
      aioproc_fds_close_all (fds, n_fds);
      g_assert_cmpint (aioproc_frame_reader_fill (reader, TRUE, 0, &error), ==, AIOPROC_IO_AGAIN);

      fd = aioproc_frame_reader_dup_unread (reader, &error);
      g_assert_no_error (error);
      other = aioproc_frame_reader_new (sockets[1], G_MAXUINT64);
      g_assert_true (aioproc_frame_reader_take_unread (other, fd, &error));
      g_assert_no_error (error);
      close (fd);
      aioproc_test_frame_send_raw (sockets[0], (guint8 *) g_bytes_get_data (flat, NULL) + length,
                                   g_bytes_get_size (flat) - length, NULL, 0);
      aioproc_frame_reader_read (other, TRUE, &received_info, &received, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (aioproc_message_get_n_handles (received), ==, 2);
      received_bytes = aioproc_message_dup_bytes (received, 0, &error);
      g_assert_true (g_bytes_equal (received_bytes, bytes));
      aioproc_fds_close_all (sockets, 2);
    }
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/frame/ahead/sequence", test_ahead_sequence);
  aioproc_test_add_func ("/aioproc/frame/ahead/pieces", test_ahead_pieces);
  aioproc_test_add_func ("/aioproc/frame/ahead/bad", test_ahead_bad);
  aioproc_test_add_func ("/aioproc/frame/ahead/take-bytes", test_ahead_take_bytes);
  aioproc_test_add_func ("/aioproc/frame/ahead/unread", test_ahead_unread);
  aioproc_test_add_func ("/aioproc/frame/ahead/edge", test_ahead_edge);
  aioproc_test_add_func ("/aioproc/frame/ahead/unread-large", test_ahead_unread_large);
  aioproc_test_add_func ("/aioproc/frame/ahead/unread-refused", test_ahead_unread_refused);

  return g_test_run ();
}
