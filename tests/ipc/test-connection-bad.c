/* test-connection-bad.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Peers that send what is not in order, or go away: the other end is the socket itself. */

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <aioproc.h>

#include "../core/aioproc-test-frame.h"
#include "aioproc-test.h"
#include "connection-test.h"

#define HEADER_SIZE sizeof (AioprocFrameHeader)

typedef struct {
  AioprocConnection *connection;
  int                fd;
} Pair;

static void
pair_init (Pair *self)
{
  g_autoptr(GError) error = NULL;
  int fds[2];

  g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, fds, &error));
  self->connection = aioproc_connection_new_for_fd (fds[0], &error);
  g_assert_no_error (error);
  self->fd = fds[1];
}

static void
pair_clear (Pair *self)
{
  aioproc_fds_close_all (&self->fd, 1);
  g_assert_finalize_object (self->connection);
}

static void
send_raw (Pair          *self,
          gconstpointer  data,
          gsize          length)
{
  if (length > 0)
    aioproc_test_frame_send_raw (self->fd, data, length, NULL, 0);
}

/* A message with a body and two parts, as a peer would send it. */
static GBytes *
make_frame (AioprocFrameKind kind,
            guint32          number)
{
  const AioprocFrameInfo info = { .kind = kind };
  g_autoptr(AioprocMessage) message = connection_test_new_number (number);
  g_autoptr(GBytes) bytes = g_bytes_new_static ("0123456789", 10);
  g_autoptr(GError) error = NULL;
  AioprocFrame *frame;
  int fds[AIOPROC_FDS_MAX];
  guint n_fds;

  aioproc_message_append_bytes (message, bytes);
  aioproc_message_append_bytes (message, bytes);
  frame = aioproc_frame_new (&info, message, &error);
  g_assert_no_error (error);

  return aioproc_test_frame_flatten (frame, fds, &n_fds);
}

/* The connection has ended with @code, for both sides. */
static void
assert_broken (Pair *self,
               int   code)
{
  char buffer[64];
  ssize_t n_read;

  connection_test_assert_recv (self->connection, code);
  connection_test_assert_send (self->connection, G_IO_ERROR_CLOSED);
  connection_test_assert_recv (self->connection, code);
  g_assert_false (aioproc_connection_is_closed (self->connection));

  if (self->fd < 0)
    return;

  /* ECONNRESET, where something was not read. */
  n_read = read (self->fd, buffer, sizeof buffer);
  g_assert_cmpint (n_read, <=, 0);
}

static void
test_bad_truncated (void)
{
  g_autoptr(GBytes) frame = make_frame (AIOPROC_FRAME_MESSAGE, 1);
  gsize length;
  const guint8 *data = g_bytes_get_data (frame, &length);

  g_test_summary ("A peer that closes at any byte ends the connection, in order only between two");

  for (gsize at = 0; at <= length; at++)
    {
      g_autoptr(GAsyncResult) result = NULL;
      Pair pair, async_pair;

      pair_init (&pair);
      pair_init (&async_pair);
      send_raw (&pair, data, at);
      send_raw (&async_pair, data, at);
      aioproc_fds_close_all (&pair.fd, 1);

      if (at == length)
        {
          g_assert_cmpuint (connection_test_recv_number (pair.connection), ==, 1);
          g_assert_cmpuint (connection_test_recv_number (async_pair.connection), ==, 1);
        }

      aioproc_connection_recv_async (async_pair.connection, -1, NULL, aioproc_test_store_result,
                                     &result);
      g_main_context_iteration (NULL, FALSE);
      aioproc_fds_close_all (&async_pair.fd, 1);

      if (at == 0 || at == length)
        {
          connection_test_assert_recv (pair.connection, G_IO_ERROR_CLOSED);
          connection_test_assert_recv (pair.connection, G_IO_ERROR_CLOSED);
          connection_test_finish_recv (async_pair.connection, &result, G_IO_ERROR_CLOSED);
          connection_test_assert_send (pair.connection, G_IO_ERROR_BROKEN_PIPE);
        }
      else
        {
          assert_broken (&pair, G_IO_ERROR_PARTIAL_INPUT);
          connection_test_finish_recv (async_pair.connection, &result, G_IO_ERROR_PARTIAL_INPUT);
        }

      pair_clear (&pair);
      pair_clear (&async_pair);
    }
}

static void
test_bad_slow (void)
{
  g_autoptr(GBytes) frame = make_frame (AIOPROC_FRAME_MESSAGE, 5);
  gsize length;
  const guint8 *data = g_bytes_get_data (frame, &length);
  Pair pair;

  g_test_summary ("Receives that end at any byte, in any way, leave the message to the next");

  pair_init (&pair);

  for (gsize at = 0; at < length; at++)
    {
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      g_autoptr(GAsyncResult) result = NULL;
      g_autoptr(AioprocMessage) none = NULL;
      g_autoptr(GError) error = NULL;

      switch (at % 3)
        {
        case 0:
          aioproc_connection_recv_async (pair.connection, -1, cancellable,
                                         aioproc_test_store_result, &result);
          send_raw (&pair, data + at, 1);
          g_assert_true (at == 0 || length > 0);
          g_main_context_iteration (NULL, FALSE);

          if (at + 1 < length)
            {
              g_cancellable_cancel (cancellable);
              connection_test_finish_recv (pair.connection, &result, G_IO_ERROR_CANCELLED);
            }
          else
            {
              g_assert_cmpuint (connection_test_finish_number (pair.connection, &result), ==, 5);
            }
          break;

        case 1:
          none = aioproc_connection_recv (pair.connection, 100, NULL, &error);
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
          send_raw (&pair, data + at, 1);
          break;

        default:
          send_raw (&pair, data + at, 1);

          if (at + 1 < length)
            {
              none = aioproc_connection_try_recv (pair.connection, &error);
              g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
            }
          break;
        }
    }

  if (length % 3 != 1)
    g_assert_cmpuint (connection_test_recv_number (pair.connection), ==, 5);

  /* Still in step. */
  send_raw (&pair, data, length);
  g_assert_cmpuint (connection_test_recv_number (pair.connection), ==, 5);

  pair_clear (&pair);
}

static void
test_bad_poll (void)
{
  g_autoptr(GBytes) frame = make_frame (AIOPROC_FRAME_MESSAGE, 5);
  g_autoptr(GError) error = NULL;
  gsize length;
  const guint8 *data = g_bytes_get_data (frame, &length);
  Pair pair;

  g_test_summary ("Polls amid a message consume nothing");

  pair_init (&pair);
  send_raw (&pair, data, 1);
  g_assert_true (aioproc_connection_poll (pair.connection, -1, NULL, &error));
  g_assert_null (aioproc_connection_try_recv (pair.connection, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);

  /* The first byte is nothing new. */
  g_assert_false (aioproc_connection_poll (pair.connection, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  send_raw (&pair, data + 1, length - 1);
  g_assert_true (aioproc_connection_poll (pair.connection, -1, NULL, &error));
  g_assert_cmpuint (connection_test_recv_number (pair.connection), ==, 5);

  pair_clear (&pair);
}

static void
test_bad_header (void)
{
  g_autoptr(GBytes) frame = make_frame (AIOPROC_FRAME_MESSAGE, 1);
  gsize length;
  const guint8 *data = g_bytes_get_data (frame, &length);

  g_test_summary ("A header with any byte changed is refused, or announces more than comes");

  for (gsize at = 0; at < HEADER_SIZE; at++)
    {
      static const guint8 changes[] = { 0x01, 0x80, 0xff };

      for (guint i = 0; i < G_N_ELEMENTS (changes); i++)
        {
          g_autofree guint8 *copy = g_memdup2 (data, length);
          g_autoptr(AioprocMessage) message = NULL;
          g_autoptr(GError) error = NULL;
          Pair pair;

          pair_init (&pair);
          copy[at] ^= changes[i];
          send_raw (&pair, copy, length);
          aioproc_fds_close_all (&pair.fd, 1);
          message = aioproc_connection_recv (pair.connection, -1, NULL, &error);
          g_assert_null (message);
          g_assert_true (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA) ||
                         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE) ||
                         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT));
          assert_broken (&pair, error->code);
          pair_clear (&pair);
        }
    }
}

static void
test_bad_length (void)
{
  g_autoptr(GBytes) frame = make_frame (AIOPROC_FRAME_MESSAGE, 1);
  const guint64 lengths[] = {
    64 * 1024 * 1024 + 1, G_GUINT64_CONSTANT (1) << 30, G_GUINT64_CONSTANT (1) << 32,
    G_GUINT64_CONSTANT (1) << 62, G_MAXINT64, G_MAXUINT64 - 7, G_MAXUINT64,
  };

  g_test_summary ("A length beyond the limit is refused before anything is allocated");

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      AioprocFrameHeader header;
      Pair pair;

      memcpy (&header, g_bytes_get_data (frame, NULL), sizeof header);
      header.length = GUINT64_TO_LE (lengths[i]);
      pair_init (&pair);
      send_raw (&pair, &header, sizeof header);
      assert_broken (&pair, G_IO_ERROR_MESSAGE_TOO_LARGE);
      pair_clear (&pair);
    }
}

static void
test_bad_kind (void)
{
  g_test_summary ("What is said to workers means nothing to a connection");

  for (int kind = AIOPROC_FRAME_START; kind <= AIOPROC_FRAME_LAST; kind++)
    {
      g_autoptr(GBytes) frame = make_frame (kind, 1);
      Pair pair;

      pair_init (&pair);
      send_raw (&pair, g_bytes_get_data (frame, NULL), g_bytes_get_size (frame));
      assert_broken (&pair, G_IO_ERROR_INVALID_DATA);
      pair_clear (&pair);
    }
}

static void
test_bad_kind_ahead (void)
{
  g_autoptr(GBytes) bad = make_frame (AIOPROC_FRAME_START, 1);
  g_autoptr(GBytes) good = make_frame (AIOPROC_FRAME_MESSAGE, 2);
  AioprocConnection *a, *b;
  const int fds[] = { STDERR_FILENO };
  guint n_fds;
  int fd;

  g_test_summary ("Nothing is kept of what came behind it");

  connection_test_pipe (&a, &b);
  fd = aioproc_connection_get_fd (a);
  n_fds = aioproc_test_count_fds ();
  aioproc_test_frame_send_raw (fd, g_bytes_get_data (bad, NULL), g_bytes_get_size (bad), NULL, 0);
  aioproc_test_frame_send_raw (fd, g_bytes_get_data (good, NULL), g_bytes_get_size (good), fds, 1);
  connection_test_assert_recv (b, G_IO_ERROR_INVALID_DATA);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
  connection_test_release (a, b);
}

static void
test_bad_descriptors (void)
{
  g_autoptr(GBytes) frame = make_frame (AIOPROC_FRAME_MESSAGE, 1);
  guint n_fds = aioproc_test_count_fds ();
  gsize length;
  const guint8 *data = g_bytes_get_data (frame, &length);
  const int fds[] = { STDERR_FILENO, STDERR_FILENO };

  g_test_summary ("Descriptors that were not announced, or come too few, end the connection");

  for (guint i = 0; i < 3; i++)
    {
      g_autofree guint8 *copy = g_memdup2 (data, length);
      Pair pair;

      pair_init (&pair);

      switch (i)
        {
        case 0:
          aioproc_test_frame_send_raw (pair.fd, data, length, fds, 2);
          break;

        case 1:
          copy[6] = 2;
          aioproc_test_frame_send_raw (pair.fd, copy, length, fds, 1);
          break;

        default:
          send_raw (&pair, data, HEADER_SIZE + 8);
          aioproc_test_frame_send_raw (pair.fd, data + HEADER_SIZE + 8, length - HEADER_SIZE - 8,
                                       fds, 1);
          break;
        }

      assert_broken (&pair, G_IO_ERROR_INVALID_DATA);
      pair_clear (&pair);
    }

  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
}

static void
test_bad_too_many_files (void)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (g_variant_new ("(h)", 0));
  g_autoptr(GError) error = NULL;
  AioprocConnection *a, *b;
  struct rlimit limit, low;
  int probe;

  g_test_summary ("Descriptors for which there is no room end the connection, and none is lost");

  connection_test_pipe (&a, &b);

  for (guint i = 0; i < 3; i++)
    g_assert_cmpint (aioproc_message_append_fd (message, STDERR_FILENO, &error), >=, 0);

  g_assert_true (aioproc_connection_send (a, message, -1, NULL, &error));
  g_assert_no_error (error);

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  probe = fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
  g_assert_cmpint (probe, >=, 0);
  close (probe);
  low = limit;
  low.rlim_cur = probe + 1;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &low), ==, 0);
  connection_test_assert_recv (b, G_IO_ERROR_INVALID_DATA);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);

  g_assert_cmpint (fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, 0), ==, probe);
  close (probe);
  connection_test_assert_send (b, G_IO_ERROR_CLOSED);
  connection_test_assert_send (a, G_IO_ERROR_BROKEN_PIPE);

  g_assert_finalize_object (a);
  g_assert_finalize_object (b);
}

static void
test_bad_pending (void)
{
  g_autoptr(GAsyncResult) first = NULL;
  g_autoptr(GAsyncResult) second = NULL;
  g_autoptr(GAsyncResult) poll_result = NULL;
  g_autoptr(GAsyncResult) send_result = NULL;
  g_autoptr(AioprocMessage) large = connection_test_new_large (1);
  g_autoptr(GError) error = NULL;
  Pair pair;

  g_test_summary ("Rubbish ends all that is pending, each with its own error");

  pair_init (&pair);
  aioproc_connection_recv_async (pair.connection, -1, NULL, aioproc_test_store_result, &first);
  aioproc_connection_recv_async (pair.connection, -1, NULL, aioproc_test_store_result, &second);
  aioproc_connection_poll_async (pair.connection, -1, NULL, aioproc_test_store_result,
                                 &poll_result);
  aioproc_connection_send_async (pair.connection, large, -1, NULL, aioproc_test_store_result,
                                 &send_result);
  send_raw (&pair, "What is this? It is not what it should be.", 42);
  connection_test_finish_recv (pair.connection, &first, G_IO_ERROR_INVALID_DATA);
  connection_test_finish_recv (pair.connection, &second, G_IO_ERROR_INVALID_DATA);
  connection_test_finish_send (pair.connection, &send_result, G_IO_ERROR_CLOSED);
  aioproc_test_wait (&poll_result);
  g_assert_true (aioproc_connection_poll_finish (pair.connection, poll_result, &error));
  g_assert_no_error (error);
  g_clear_object (&poll_result);

  pair_clear (&pair);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/connection/bad/truncated", test_bad_truncated);
  aioproc_test_add_func ("/aioproc/connection/bad/slow", test_bad_slow);
  aioproc_test_add_func ("/aioproc/connection/bad/poll", test_bad_poll);
  aioproc_test_add_func ("/aioproc/connection/bad/header", test_bad_header);
  aioproc_test_add_func ("/aioproc/connection/bad/length", test_bad_length);
  aioproc_test_add_func ("/aioproc/connection/bad/kind", test_bad_kind);
  aioproc_test_add_func ("/aioproc/connection/bad/kind-ahead", test_bad_kind_ahead);
  aioproc_test_add_func ("/aioproc/connection/bad/descriptors", test_bad_descriptors);
  aioproc_test_add_func ("/aioproc/connection/bad/too-many-files", test_bad_too_many_files);
  aioproc_test_add_func ("/aioproc/connection/bad/pending", test_bad_pending);

  return g_test_run ();
}
