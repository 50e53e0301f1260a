/* test-connection-stream-bad.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Streams that are of no use, and peers that send what is not in order over those that are. */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <aioproc.h>

#include "../core/aioproc-test-frame.h"
#include "../platform/platform-test.h"
#include "aioproc-test.h"
#include "connection-kinds.h"
#include "connection-test.h"

typedef struct {
  AioprocConnection *connection;
  GIOStream         *peer;
} Pair;

static void
pair_init (Pair                 *self,
           const ConnectionKind *kind)
{
  g_autoptr(GIOStream) stream = NULL;
  g_autoptr(GError) error = NULL;

  kind->make_streams (&stream, &self->peer);
  self->connection = aioproc_connection_new_for_stream (stream, &error);
  g_assert_no_error (error);
}

static void
pair_clear (Pair *self)
{
  g_assert_finalize_object (self->connection);
  g_clear_object (&self->peer);
}

static void
write_raw (Pair          *self,
           gconstpointer  data,
           gsize          length)
{
  GOutputStream *output = g_io_stream_get_output_stream (self->peer);
  g_autoptr(GError) error = NULL;

  g_assert_true (g_output_stream_write_all (output, data, length, NULL, NULL, &error) &&
                 g_output_stream_flush (output, NULL, &error));
  g_assert_no_error (error);
}

static void
close_peer (Pair *self)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (g_io_stream_close (self->peer, NULL, &error));
  g_assert_no_error (error);
}

static GBytes *
make_frame (guint32 number)
{
  const AioprocFrameInfo info = { .kind = AIOPROC_FRAME_MESSAGE };
  g_autoptr(AioprocMessage) message = connection_test_new_number (number);
  g_autoptr(GError) error = NULL;
  AioprocFrame *frame = aioproc_frame_new (&info, message, &error);
  int fds[AIOPROC_FDS_MAX];
  guint n_fds;

  g_assert_no_error (error);

  return aioproc_test_frame_flatten (frame, fds, &n_fds);
}

static void
assert_broken (Pair *self,
               int   code)
{
  connection_test_assert_recv (self->connection, code);
  connection_test_assert_recv (self->connection, code);
  connection_test_assert_send (self->connection, G_IO_ERROR_CLOSED);
  g_assert_false (aioproc_connection_is_closed (self->connection));
}

static void
test_bad_truncated (const ConnectionKind *kind)
{
  g_autoptr(GBytes) frame = make_frame (1);
  gsize length;
  const guint8 *data = g_bytes_get_data (frame, &length);

  g_test_summary ("A peer that closes at any byte ends the connection, in order only between two");

  for (gsize at = 0; at <= length; at++)
    {
      Pair pair;

      pair_init (&pair, kind);
      /* With nothing written, TLS would not have begun yet. */
      write_raw (&pair, data, length);

      if (at > 0)
        write_raw (&pair, data, at);

      g_assert_cmpuint (connection_test_recv_number (pair.connection), ==, 1);
      close_peer (&pair);

      if (at == length)
        g_assert_cmpuint (connection_test_recv_number (pair.connection), ==, 1);

      if (at == 0 || at == length)
        connection_test_assert_recv (pair.connection, G_IO_ERROR_CLOSED);
      else
        assert_broken (&pair, G_IO_ERROR_PARTIAL_INPUT);

      pair_clear (&pair);
    }
}

static void
test_bad_slow (const ConnectionKind *kind)
{
  g_autoptr(GBytes) frame = make_frame (7);
  gsize length;
  const guint8 *data = g_bytes_get_data (frame, &length);
  Pair pair;

  g_test_summary ("A peer that sends a byte at a time is received from, whoever gives up");

  pair_init (&pair, kind);

  for (guint n = 0; n < 3; n++)
    {
      for (gsize i = 0; i < length; i++)
        {
          g_autoptr(GError) error = NULL;

          if (i % 5 == 2)
            {
              g_assert_null (aioproc_connection_recv (pair.connection, 1, NULL, &error));
              g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
            }

          write_raw (&pair, data + i, 1);
        }

      g_assert_cmpuint (connection_test_recv_number (pair.connection), ==, 7);
    }

  pair_clear (&pair);
}

static void
test_bad_header (const ConnectionKind *kind)
{
  const struct {
    AioprocFrameHeader header;
    int                code;
  } bad[] = {
    { { .magic = AIOPROC_FRAME_MAGIC ^ 1 }, G_IO_ERROR_INVALID_DATA },
    { { .magic = AIOPROC_FRAME_MAGIC, .kind = 99 }, G_IO_ERROR_INVALID_DATA },
    { { .magic = AIOPROC_FRAME_MAGIC, .kind = AIOPROC_FRAME_LOG }, G_IO_ERROR_INVALID_DATA },
    { { .magic = AIOPROC_FRAME_MAGIC, .n_fds = 1 }, G_IO_ERROR_INVALID_DATA },
    { { .magic = AIOPROC_FRAME_MAGIC, .length = G_GUINT64_CONSTANT (1) << 62 },
      G_IO_ERROR_MESSAGE_TOO_LARGE },
    { { .magic = AIOPROC_FRAME_MAGIC, .length = G_MAXUINT64 }, G_IO_ERROR_MESSAGE_TOO_LARGE },
  };

  g_test_summary ("What is not in order, or too long, is told before anything is allocated for it");

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      AioprocFrameHeader wire = bad[i].header;
      Pair pair;

      wire.magic = GUINT32_TO_LE (wire.magic);
      wire.kind = GUINT16_TO_LE (wire.kind);
      wire.n_fds = GUINT16_TO_LE (wire.n_fds);
      wire.length = GUINT64_TO_LE (wire.length);
      pair_init (&pair, kind);
      write_raw (&pair, &wire, sizeof wire);
      assert_broken (&pair, bad[i].code);
      pair_clear (&pair);
    }
}

/* Of TLS: until the other side has closed its socket. Nothing is read. */
static void
wait_for_end (GIOStream *stream)
{
  g_autoptr(GSocketConnection) base = NULL;
  struct pollfd fd = { .events = POLLRDHUP };

  g_object_get (stream, "base-io-stream", &base, NULL);
  fd.fd = g_socket_get_fd (g_socket_connection_get_socket (base));

  while (poll (&fd, 1, -1) != 1)
    g_assert_cmpint (errno, ==, EINTR);
}

/* As a blocking receive, which keeps a descriptor for the next. */
static void
wait_for_message (AioprocConnection *connection)
{
  g_autoptr(AioprocMessage) message = NULL;

  while (message == NULL)
    {
      g_autoptr(GError) error = NULL;

      message = aioproc_connection_try_recv (connection, &error);

      if (message == NULL)
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
    }
}

/* Until for some time nothing more has gone into the stream. */
static void
fill (AioprocConnection *connection)
{
  gint64 end_usec = 0;

  while (end_usec == 0 || g_get_monotonic_time () < end_usec)
    {
      g_autoptr(AioprocMessage) message = connection_test_new_large (1);
      g_autoptr(GError) error = NULL;

      if (aioproc_connection_try_send (connection, message, &error))
        end_usec = g_get_monotonic_time () + G_USEC_PER_SEC / 5;
      else
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
    }
}

static void
test_bad_no_descriptor (const ConnectionKind *kind)
{
  g_autoptr(GBytes) frame = make_frame (1);
  g_autofree guint8 *data = g_malloc (CONNECTION_TEST_LARGE);
  GInputStream *input;
  struct rlimit saved, limit;
  Pair pair;

  g_test_summary ("Without descriptors a stream is closed, whose peer takes nothing");

  pair_init (&pair, kind);
  /* With nothing written, TLS would not have begun yet. */
  write_raw (&pair, g_bytes_get_data (frame, NULL), g_bytes_get_size (frame));
  wait_for_message (pair.connection);
  fill (pair.connection);

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &saved), ==, 0);
  /* Also when some are closed: 0, 1 and 2 are open. poll() takes no more than so many. */
  limit = saved;
  limit.rlim_cur = 3;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  g_assert_finalize_object (pair.connection);

  /* Its good-bye would have to wait for the peer. */
  if (kind->is_tls)
    wait_for_end (pair.peer);

  input = g_io_stream_get_input_stream (pair.peer);

  /* Until the end, or an error that says that it comes too early. */
  while (g_input_stream_read (input, data, CONNECTION_TEST_LARGE, NULL, NULL) > 0)
    ;

  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &saved), ==, 0);
  g_clear_object (&pair.peer);
}

/* So long that what is going to happen has, as a rule. */
static void
wait_for_nothing (AioprocConnection *connection)
{
  gint64 end_usec = g_get_monotonic_time () + G_USEC_PER_SEC / 5;

  while (g_get_monotonic_time () < end_usec)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (aioproc_connection_try_recv (connection, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
    }
}

/* Until the handshake of TLS has begun, and waits for the peer, in a thread of GIO. */
static void
wait_for_hello (GIOStream *peer)
{
  g_autoptr(GSocketConnection) base = NULL;
  GSocket *socket;

  g_object_get (peer, "base-io-stream", &base, NULL);
  socket = g_socket_connection_get_socket (base);
  g_assert_true (g_socket_condition_wait (socket, G_IO_IN, NULL, NULL));
}

static void
test_bad_half_closed (const ConnectionKind *kind)
{
  g_test_summary ("Without descriptors a stream is closed for sending later, but at once for all");

  for (guint i = 0; i < 6; i++)
    {
      gboolean is_half = i % 2 == 0;
      g_autofree guint8 *data = g_malloc (CONNECTION_TEST_LARGE);
      g_autoptr(GError) error = NULL;
      struct rlimit saved;
      Pair pair;

      pair_init (&pair, kind);

      if (kind->is_tls)
        wait_for_hello (pair.peer);

      g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &saved), ==, 0);
      platform_test_leave_fds (i / 2);
      g_assert_true (aioproc_connection_close_send (pair.connection, &error));
      g_assert_no_error (error);
      wait_for_nothing (pair.connection);

      if (!is_half)
        g_assert_finalize_object (g_steal_pointer (&pair.connection));

      /* It has heard nothing from the peer, and would wait for ever. */
      if (!is_half && kind->is_tls)
        wait_for_end (pair.peer);

      g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &saved), ==, 0);

      while (g_input_stream_read (g_io_stream_get_input_stream (pair.peer), data,
                                  CONNECTION_TEST_LARGE, NULL, &error) > 0)
        ;

      if (is_half)
        {
          g_assert_no_error (error);
          g_assert_finalize_object (pair.connection);
        }

      g_clear_object (&pair.peer);
    }
}

static void
test_bad_few_descriptors (const ConnectionKind *kind)
{
  g_autoptr(GBytes) frame = make_frame (1);
  g_autoptr(GIOStream) stream = NULL;
  g_autoptr(GError) error = NULL;
  struct rlimit saved;
  Pair pair = { NULL, NULL };

  g_test_summary ("Without descriptors for all that it may need later a stream is not taken");

  kind->make_streams (&stream, &pair.peer);
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &saved), ==, 0);

  /* It would begin its handshake, which makes contexts. */
  if (!kind->is_tls)
    write_raw (&pair, g_bytes_get_data (frame, NULL), g_bytes_get_size (frame));

  for (guint n_free = 0; pair.connection == NULL; n_free++)
    {
      g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &saved), ==, 0);
      platform_test_leave_fds (n_free);
      g_clear_error (&error);
      pair.connection = aioproc_connection_new_for_stream (stream, &error);

      if (pair.connection == NULL)
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
    }

  if (!kind->is_tls)
    wait_for_message (pair.connection);

  g_clear_object (&stream);
  pair_clear (&pair);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &saved), ==, 0);
}

static void
test_bad_streams (void)
{
  g_autoptr(GIOStream) a = NULL;
  g_autoptr(GIOStream) b = NULL;
  g_autoptr(GSocket) packets = NULL;
  g_autoptr(GSocket) unconnected = NULL;
  g_autoptr(GIOStream) stream = NULL;
  g_autoptr(GError) error = NULL;
  int fds[2];

  g_test_summary ("A stream that is closed, busy, not connected or of packets is refused");

  connection_kinds[1].make_streams (&a, &b);
  g_assert_true (g_io_stream_set_pending (a, &error));
  g_assert_null (aioproc_connection_new_for_stream (a, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);
  g_io_stream_clear_pending (a);
  g_assert_true (g_io_stream_close (a, NULL, &error));
  g_assert_null (aioproc_connection_new_for_stream (a, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);

  unconnected = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP,
                              &error);
  g_assert_no_error (error);
  stream = G_IO_STREAM (g_socket_connection_factory_create_connection (unconnected));
  g_assert_null (aioproc_connection_new_for_stream (stream, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED);
  g_clear_error (&error);
  g_clear_object (&stream);

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  packets = g_socket_new_from_fd (fds[0], &error);
  g_assert_no_error (error);
  stream = g_object_new (G_TYPE_SOCKET_CONNECTION, "socket", packets, NULL);
  g_assert_null (aioproc_connection_new_for_stream (stream, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  aioproc_fds_close_all (&fds[1], 1);
}

static const struct {
  const char  *name;
  void       (*func) (const ConnectionKind *kind);
} cases[] = {
  { "truncated", test_bad_truncated },
  { "slow", test_bad_slow },
  { "header", test_bad_header },
  { "no-descriptor", test_bad_no_descriptor },
  { "few-descriptors", test_bad_few_descriptors },
  { "half-closed", test_bad_half_closed },
};

typedef struct {
  const ConnectionKind *kind;
  guint                 index;
} Run;

static void
run_case (gconstpointer data)
{
  const Run *run = data;
  const char *lack = connection_kind_get_lack (run->kind);

  if (lack != NULL)
    g_test_skip (lack);
  else
    cases[run->index].func (run->kind);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  for (guint i = 0; i < n_connection_kinds; i++)
    for (guint j = 0; j < G_N_ELEMENTS (cases); j++)
      {
        const ConnectionKind *kind = &connection_kinds[i];
        g_autofree char *path = NULL;
        Run *run;

        if (kind->is_tls != WITH_TLS || kind->make_streams == NULL)
          continue;

        path = g_strdup_printf ("/aioproc/connection/bad/%s/%s", kind->name, cases[j].name);
        run = g_new (Run, 1);
        run->kind = kind;
        run->index = j;
        aioproc_test_add_data_func_full (path, run, run_case, g_free);
      }

  if (!WITH_TLS)
    aioproc_test_add_func ("/aioproc/connection/bad/streams", test_bad_streams);

  return g_test_run ();
}
