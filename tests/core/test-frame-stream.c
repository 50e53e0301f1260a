/* test-frame-stream.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include "core/aioproc-message-private.h"

#include "aioproc-test-frame.h"
#include "aioproc-test.h"

static const AioprocFrameInfo plain = { AIOPROC_FRAME_MESSAGE, 0 };

/* A message with one part of each kind. */
static AioprocMessage *
make_mixed_message (const char *text)
{
  AioprocMessage *message = aioproc_message_new (g_variant_new ("(sv)", text,
                                                                g_variant_new_handle (1)));
  g_autoptr(GBytes) small = g_bytes_new (text, strlen (text));
  g_autoptr(GBytes) large = aioproc_test_frame_pattern (AIOPROC_FRAME_SEALED_MIN);

  aioproc_message_append_bytes (message, small);
  aioproc_message_take_fd (message, aioproc_test_frame_file (text));
  aioproc_message_append_bytes (message, large);

  return message;
}

static void
assert_mixed_message (AioprocMessage *message,
                      const char     *text)
{
  g_autoptr(GVariant) body = aioproc_message_dup_body (message);
  g_autoptr(GBytes) small = NULL;
  g_autoptr(GBytes) large = NULL;
  g_autoptr(GBytes) expected = aioproc_test_frame_pattern (AIOPROC_FRAME_SEALED_MIN);
  g_autoptr(GError) error = NULL;
  const char *received_text;
  int fd;

  g_assert_cmpstr (g_variant_get_type_string (body), ==, "(sv)");
  g_variant_get_child (body, 0, "&s", &received_text);
  g_assert_cmpstr (received_text, ==, text);
  g_assert_cmpuint (aioproc_message_get_n_handles (message), ==, 3);
  small = aioproc_message_dup_bytes (message, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (small, NULL), g_bytes_get_size (small), text, strlen (text));
  fd = aioproc_message_dup_fd (message, 1, &error);
  g_assert_no_error (error);
  aioproc_test_frame_assert_file (fd, text);
  close (fd);
  large = aioproc_message_dup_bytes (message, 2, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (large, expected));
}

static GBytes *
flatten_mixed_message (const char *text,
                       int        *fds,
                       guint      *n_fds)
{
  g_autoptr(AioprocMessage) message = make_mixed_message (text);
  g_autoptr(GError) error = NULL;
  AioprocFrame *frame;

  frame = aioproc_frame_new (&plain, message, &error);
  g_assert_no_error (error);

  return aioproc_test_frame_flatten (frame, fds, n_fds);
}

static void
test_frame_reader_resume (void)
{
  guint n_before = aioproc_test_count_fds ();
  int fds[AIOPROC_FDS_MAX];
  guint n_fds;
  g_autoptr(GBytes) flat = flatten_mixed_message ("one", fds, &n_fds);
  gsize length = g_bytes_get_size (flat);
  const guint8 *data = g_bytes_get_data (flat, NULL);

  g_test_summary ("A frame is read in any two pieces, and byte by byte");

  for (gsize at = 0; at <= length; at++)
    {
      g_autoptr(AioprocFrameReader) reader = NULL;
      g_autoptr(AioprocMessage) message = NULL;
      g_autoptr(GError) error = NULL;
      AioprocFrameInfo info;
      gsize step = at == 0 ? 1 : at;
      int sockets[2];

      g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, sockets, &error));
      reader = aioproc_frame_reader_new (sockets[1], G_MAXUINT64);
      g_assert_cmpint (aioproc_frame_reader_read (reader, TRUE, &info, &message, &error), ==,
                       AIOPROC_IO_AGAIN);

      for (gsize done = 0; done < length; )
        {
          gsize size = at > 0 && done > 0 ? length - done : step;

          aioproc_test_frame_send_raw (sockets[0], data + done, size, fds, done == 0 ? n_fds : 0);
          done += size;
          g_assert_cmpint (aioproc_frame_reader_read (reader, TRUE, &info, &message, &error), ==,
                           done < length ? AIOPROC_IO_AGAIN : AIOPROC_IO_OK);
          g_assert_no_error (error);
        }

      assert_mixed_message (message, "one");
      aioproc_fds_close_all (sockets, 2);
    }

  aioproc_fds_close_all (fds, n_fds);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
}

static void
test_frame_reader_sequence (void)
{
  guint n_before = aioproc_test_count_fds ();
  g_autoptr(AioprocFrameReader) reader = NULL;
  g_autoptr(GError) error = NULL;
  AioprocFrameInfo info;
  int sockets[2];

  g_test_summary ("Frames that lie in the socket one after the other keep their own descriptors");

  g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, sockets, &error));
  reader = aioproc_frame_reader_new (sockets[1], G_MAXUINT64);

  for (guint i = 0; i < 20; i++)
    {
      g_autofree char *text = g_strdup_printf ("text %u", i);
      g_autoptr(AioprocMessage) message = i % 3 == 2 ? NULL : make_mixed_message (text);
      g_autoptr(AioprocFrame) frame = NULL;
      const AioprocFrameInfo sent = { AIOPROC_FRAME_PROGRESS, i };
      gboolean done;

      frame = aioproc_frame_new (&sent, message, &error);
      g_assert_no_error (error);
      g_assert_true (aioproc_frame_write (frame, sockets[0], TRUE, &done, &error));
      g_assert_true (done);
    }

  aioproc_fds_close_all (sockets, 1);

  for (guint i = 0; i < 20; i++)
    {
      g_autofree char *text = g_strdup_printf ("text %u", i);
      g_autoptr(AioprocMessage) message = NULL;

      /* Waits: both forms have to work. */
      g_assert_cmpint (aioproc_frame_reader_read (reader, i % 2, &info, &message, &error), ==,
                       AIOPROC_IO_OK);
      g_assert_no_error (error);
      g_assert_cmpint (info.kind, ==, AIOPROC_FRAME_PROGRESS);
      g_assert_cmpuint (info.serial, ==, i);

      if (i % 3 == 2)
        g_assert_cmpuint (aioproc_message_get_n_handles (message), ==, 0);
      else
        assert_mixed_message (message, text);
    }

  for (int i = 0; i < 2; i++)
    {
      g_autoptr(AioprocMessage) message = NULL;

      g_assert_cmpint (aioproc_frame_reader_read (reader, i, &info, &message, &error), ==,
                       AIOPROC_IO_EOF);
      g_assert_no_error (error);
    }

  aioproc_fds_close_all (sockets, 2);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
}

static void
test_frame_reader_truncated (void)
{
  guint n_before = aioproc_test_count_fds ();
  int fds[AIOPROC_FDS_MAX];
  guint n_fds;
  g_autoptr(GBytes) flat = flatten_mixed_message ("one", fds, &n_fds);
  gsize length = g_bytes_get_size (flat);

  g_test_summary ("An end inside a frame is an error that stays, and leaks nothing");

  for (gsize at = 1; at < length; at++)
    {
      g_autoptr(AioprocFrameReader) reader = NULL;
      g_autoptr(AioprocMessage) message = NULL;
      g_autoptr(GError) error = NULL;
      guint n_open;
      AioprocFrameInfo info;
      int sockets[2];

      g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, sockets, &error));
      reader = aioproc_frame_reader_new (sockets[1], G_MAXUINT64);
      aioproc_test_frame_send_raw (sockets[0], g_bytes_get_data (flat, NULL), at, fds, n_fds);
      aioproc_fds_close_all (sockets, 1);
      n_open = aioproc_test_count_fds ();

      for (int i = 0; i < 2; i++)
        {
          g_assert_cmpint (aioproc_frame_reader_read (reader, at % 2, &info, &message, &error), ==,
                           AIOPROC_IO_ERROR);
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT);
          g_assert_null (message);
          g_clear_error (&error);
          g_assert_cmpuint (aioproc_test_count_fds (), ==, n_open);
        }

      aioproc_fds_close_all (sockets, 2);
    }

  /* Given up in the middle. */
  for (gsize at = 1; at < length; at += 7)
    {
      g_autoptr(AioprocFrameReader) reader = NULL;
      g_autoptr(AioprocMessage) message = NULL;
      AioprocFrameInfo info;
      int sockets[2];

      g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, sockets, NULL));
      reader = aioproc_frame_reader_new (sockets[1], G_MAXUINT64);
      aioproc_test_frame_send_raw (sockets[0], g_bytes_get_data (flat, NULL), at, fds, n_fds);
      g_assert_cmpint (aioproc_frame_reader_read (reader, TRUE, &info, &message, NULL), ==,
                       AIOPROC_IO_AGAIN);
      aioproc_fds_close_all (sockets, 2);
    }

  aioproc_fds_close_all (fds, n_fds);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
}

typedef struct {
  AioprocFrame *frame;
  int           socket_fd;
} WriteJob;

static gpointer
write_thread (gpointer data)
{
  WriteJob *job = data;
  g_autoptr(GError) error = NULL;
  gboolean done = FALSE;

  g_assert_true (aioproc_frame_write (job->frame, job->socket_fd, FALSE, &done, &error));
  g_assert_no_error (error);
  g_assert_true (done);

  return NULL;
}

static void
test_frame_write_waits (void)
{
  g_autoptr(GBytes) bytes = aioproc_test_frame_pattern (4 * 1024 * 1024);
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);

  g_test_summary ("Writer and reader wait for each other, on sockets of both kinds");

  aioproc_message_append_bytes (message, bytes);

  for (int flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK)
    {
      g_autoptr(AioprocFrameReader) reader = NULL;
      g_autoptr(AioprocFrame) frame = NULL;
      g_autoptr(AioprocMessage) received = NULL;
      g_autoptr(GBytes) found = NULL;
      g_autoptr(GError) error = NULL;
      AioprocFrameInfo info;
      WriteJob job;
      GThread *thread;
      int sockets[2];

      g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, sockets, &error));
      g_assert_cmpint (fcntl (sockets[0], F_SETFL, flags), ==, 0);
      g_assert_cmpint (fcntl (sockets[1], F_SETFL, flags), ==, 0);
      reader = aioproc_frame_reader_new (sockets[1], G_MAXUINT64);
      frame = aioproc_frame_new_full (&plain, message, 0, &error);
      g_assert_no_error (error);
      job.frame = frame;
      job.socket_fd = sockets[0];
      thread = g_thread_new ("writer", write_thread, &job);
      g_assert_cmpint (aioproc_frame_reader_read (reader, FALSE, &info, &received, &error), ==,
                       AIOPROC_IO_OK);
      g_assert_no_error (error);
      g_thread_join (thread);
      found = aioproc_message_dup_bytes (received, 0, &error);
      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (found, bytes));
      aioproc_fds_close_all (sockets, 2);
    }
}

static void
test_frame_write_closed (void)
{
  guint n_before = aioproc_test_count_fds ();
  g_autoptr(AioprocMessage) message = make_mixed_message ("one");
  g_autoptr(AioprocFrame) frame = NULL;
  g_autoptr(AioprocFrame) second = NULL;
  g_autoptr(AioprocFrameReader) reader = NULL;
  g_autoptr(AioprocMessage) received = NULL;
  g_autoptr(GError) error = NULL;
  AioprocFrameInfo info;
  gboolean done;
  int sockets[2];

  g_test_summary ("A peer that is gone is an error, and no signal");

  g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, sockets, &error));
  frame = aioproc_frame_new (&plain, message, &error);
  g_assert_no_error (error);
  aioproc_fds_close_all (sockets + 1, 1);
  g_assert_false (aioproc_frame_write (frame, sockets[0], FALSE, &done, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_assert_false (done);
  g_clear_error (&error);
  aioproc_fds_close_all (sockets, 1);

  /* A peer that goes with frames unread resets the stream. */
  g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, sockets, &error));
  second = aioproc_frame_new (&plain, message, &error);
  g_assert_true (aioproc_frame_write (second, sockets[0], FALSE, &done, &error));
  g_assert_true (done);
  aioproc_fds_close_all (sockets + 1, 1);
  reader = aioproc_frame_reader_new (sockets[0], G_MAXUINT64);
  g_assert_cmpint (aioproc_frame_reader_read (reader, FALSE, &info, &received, &error), ==,
                   AIOPROC_IO_ERROR);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
  aioproc_fds_close_all (sockets, 1);

  g_clear_pointer (&frame, aioproc_frame_free);
  g_clear_pointer (&second, aioproc_frame_free);
  g_clear_object (&message);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/frame/reader/resume", test_frame_reader_resume);
  aioproc_test_add_func ("/aioproc/frame/reader/sequence", test_frame_reader_sequence);
  aioproc_test_add_func ("/aioproc/frame/reader/truncated", test_frame_reader_truncated);
  aioproc_test_add_func ("/aioproc/frame/write/waits", test_frame_write_waits);
  aioproc_test_add_func ("/aioproc/frame/write/closed", test_frame_write_closed);

  return g_test_run ();
}
