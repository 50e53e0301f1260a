/* test-connection-stream.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What holds for connections over anything, in one table, for each kind of stream. */

#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "connection-kinds.h"
#include "connection-test.h"

typedef struct {
  const char  *name;
  void       (*func) (const ConnectionKind *kind);
} Case;

typedef struct {
  const ConnectionKind *kind;
  const Case           *test_case;
} Run;

static GBytes *
make_bytes (gsize size)
{
  guint8 *data = g_malloc (size);

  for (gsize i = 0; i < size; i++)
    data[i] = (guint8) (i * 31 + i / 251);

  return g_bytes_new_take (data, size);
}

static void
test_sizes (const ConnectionKind *kind)
{
  const gsize sizes[] = {
    0, 1, 32768, 32769, 65536, 65537, 1024 * 1024, 3 * 1024 * 1024 + 1,
  };
  AioprocConnection *a, *b;

  g_test_summary ("Bytes of all sizes come as they were, either way");

  connection_kind_make (kind, &a, &b);

  for (guint i = 0; i < 2 * G_N_ELEMENTS (sizes); i++)
    {
      AioprocConnection *from = i % 2 == 0 ? a : b;
      AioprocConnection *to = i % 2 == 0 ? b : a;
      g_autoptr(GAsyncResult) send_result = NULL;
      g_autoptr(GAsyncResult) recv_result = NULL;
      g_autoptr(GBytes) bytes = make_bytes (sizes[i / 2]);
      g_autoptr(GBytes) received = NULL;
      g_autoptr(GError) error = NULL;

      aioproc_connection_recv_bytes_async (to, -1, -1, NULL, aioproc_test_store_result,
                                           &recv_result);
      aioproc_connection_send_bytes_async (from, bytes, 0, -1, -1, NULL,
                                           aioproc_test_store_result, &send_result);
      aioproc_test_wait (&recv_result);
      received = aioproc_connection_recv_bytes_finish (to, recv_result, &error);
      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (bytes, received));
      aioproc_test_wait (&send_result);
      g_assert_true (aioproc_connection_send_bytes_finish (from, send_result, &error));
      g_assert_no_error (error);
    }

  connection_test_release (a, b);
}

static gpointer
echo_thread (gpointer data)
{
  AioprocConnection *connection = data;

  for (;;)
    {
      g_autoptr(AioprocMessage) message = NULL;
      g_autoptr(GError) error = NULL;

      message = aioproc_connection_recv (connection, -1, NULL, &error);

      if (message == NULL)
        {
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
          return NULL;
        }

      g_assert_true (aioproc_connection_send (connection, message, -1, NULL, &error));
      g_assert_no_error (error);
    }
}

static gboolean
must_not_run_cb (gpointer user_data)
{
  g_assert_not_reached ();
}

static void
test_blocking (const ConnectionKind *kind)
{
  g_autoptr(GError) error = NULL;
  AioprocConnection *a, *b;
  GThread *thread;
  guint id;

  g_test_summary ("Blocking forms need no context, and never iterate the caller's");

  connection_kind_make (kind, &a, &b);
  id = g_idle_add (must_not_run_cb, NULL);
  thread = g_thread_new ("echo", echo_thread, b);

  for (guint32 i = 0; i < 50; i++)
    {
      g_autoptr(AioprocMessage) message = i % 10 == 5 ? connection_test_new_large (i)
                                                      : connection_test_new_number (i);

      g_assert_true (aioproc_connection_send (a, message, -1, NULL, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (connection_test_recv_number (a), ==, i);
    }

  g_assert_true (aioproc_connection_close_send (a, &error));
  g_assert_no_error (error);
  g_thread_join (thread);
  g_source_remove (id);

  connection_test_release (a, b);
}

static void
test_refused (const ConnectionKind *kind)
{
  g_autoptr(AioprocMessage) with_fd = connection_test_new_number (1);
  g_autoptr(AioprocMessage) with_queue = connection_test_new_number (2);
  g_autoptr(AioprocMessage) with_end = connection_test_new_number (3);
  g_autoptr(AioprocQueue) queue = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  AioprocConnection *a, *b, *c, *d;

  g_test_summary ("What a stream cannot carry is refused, and nothing of it is sent");

  if (kind->make_streams == NULL)
    {
      g_test_skip ("Over a descriptor all of that can be sent");
      return;
    }

  connection_kind_make (kind, &a, &b);
  connection_test_pipe (&c, &d);
  queue = aioproc_queue_new (0, &error);
  g_assert_no_error (error);
  aioproc_message_append_fd (with_fd, STDERR_FILENO, &error);
  g_assert_no_error (error);
  aioproc_message_append_object (with_queue, G_OBJECT (queue), &error);
  g_assert_no_error (error);

  connection_test_send_number (a, 1);
  g_assert_false (aioproc_connection_send (a, with_fd, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  g_assert_false (aioproc_connection_try_send (a, with_queue, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  aioproc_connection_send_async (a, with_queue, -1, NULL, aioproc_test_store_result, &result);
  connection_test_finish_send (a, &result, G_IO_ERROR_NOT_SUPPORTED);
  connection_test_send_number (a, 2);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 1);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 2);

  /* Nor can the connection itself be given away. */
  aioproc_message_append_object (with_end, G_OBJECT (b), &error);
  g_assert_no_error (error);
  g_assert_false (aioproc_connection_send (c, with_end, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_clear_object (&with_end);
  connection_test_send_number (b, 3);
  g_assert_cmpuint (connection_test_recv_number (a), ==, 3);

  connection_test_release (a, b);
  connection_test_release (c, d);
}

static void
test_close (const ConnectionKind *kind)
{
  g_autoptr(GAsyncResult) recv_result = NULL;
  g_autoptr(GAsyncResult) own_result = NULL;
  AioprocConnection *a, *b;

  g_test_summary ("A close ends what is pending; the peer gets what was sent, then the end");

  connection_kind_make (kind, &a, &b);
  connection_test_send_number (a, 1);
  connection_test_send_number (a, 2);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 1);
  aioproc_connection_recv_async (a, -1, NULL, aioproc_test_store_result, &own_result);
  aioproc_connection_close (a);
  connection_test_finish_recv (a, &own_result, G_IO_ERROR_CLOSED);
  connection_test_assert_recv (a, G_IO_ERROR_CLOSED);
  connection_test_assert_send (a, G_IO_ERROR_CLOSED);
  g_assert_cmpint (aioproc_connection_get_fd (a), ==, -1);

  g_assert_cmpuint (connection_test_recv_number (b), ==, 2);
  aioproc_connection_recv_async (b, -1, NULL, aioproc_test_store_result, &recv_result);
  connection_test_finish_recv (b, &recv_result, G_IO_ERROR_CLOSED);
  connection_test_assert_recv (b, G_IO_ERROR_CLOSED);

  connection_test_release (a, b);
}

static void
test_close_send (const ConnectionKind *kind)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GAsyncResult) recv_result = NULL;
  g_autoptr(AioprocMessage) large = connection_test_new_large (3);
  g_autoptr(GError) error = NULL;
  AioprocConnection *a, *b;

  g_test_summary ("A half-close lets through what is pending, and the other direction");

  connection_kind_make (kind, &a, &b);
  connection_test_send_number (a, 1);
  connection_test_send_number (b, 2);
  aioproc_connection_send_async (a, large, -1, NULL, aioproc_test_store_result, &result);
  g_assert_true (aioproc_connection_close_send (a, &error));
  g_assert_no_error (error);
  connection_test_assert_send (a, G_IO_ERROR_CLOSED);

  g_assert_cmpuint (connection_test_recv_number (a), ==, 2);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 1);
  aioproc_connection_recv_async (b, -1, NULL, aioproc_test_store_result, &recv_result);
  g_assert_cmpuint (connection_test_finish_number (b, &recv_result), ==, 3);
  connection_test_finish_send (a, &result, -1);
  connection_test_assert_recv (b, G_IO_ERROR_CLOSED);
  connection_test_send_number (b, 4);
  g_assert_cmpuint (connection_test_recv_number (a), ==, 4);

  connection_test_release (a, b);
}

static void
recv_in_order_cb (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  g_autoptr(GError) error = NULL;
  guint32 *next = user_data;
  AioprocMessage *message;

  message = aioproc_connection_recv_finish (AIOPROC_CONNECTION (source), result, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (connection_test_take_number (message), ==, *next);
  (*next)++;
}

static void
count_sent_cb (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr(GError) error = NULL;
  guint *n_sent = user_data;

  g_assert_true (aioproc_connection_send_finish (AIOPROC_CONNECTION (source), result, &error));
  g_assert_no_error (error);
  (*n_sent)++;
}

#define N_PENDING 40

static void
test_pending (const ConnectionKind *kind)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) cancelled = NULL;
  g_autoptr(GAsyncResult) late = NULL;
  AioprocConnection *a, *b;
  guint32 next = 0;
  guint n_sent = 0;

  g_test_summary ("Pending receives get messages in order, large ones too, and none is lost");

  connection_kind_make (kind, &a, &b);

  for (guint i = 0; i < N_PENDING; i++)
    {
      if (i == N_PENDING / 2)
        {
          aioproc_connection_recv_async (b, -1, cancellable, aioproc_test_store_result,
                                         &cancelled);
          aioproc_connection_recv_async (b, 1000, NULL, aioproc_test_store_result, &late);
        }

      aioproc_connection_recv_async (b, -1, NULL, recv_in_order_cb, &next);
    }

  g_cancellable_cancel (cancellable);
  connection_test_finish_recv (b, &cancelled, G_IO_ERROR_CANCELLED);
  connection_test_finish_recv (b, &late, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpuint (next, ==, 0);

  for (guint32 i = 0; i < N_PENDING; i++)
    {
      g_autoptr(AioprocMessage) message = i % 10 == 3 ? connection_test_new_large (i)
                                                      : connection_test_new_number (i);

      aioproc_connection_send_async (a, message, -1, NULL, count_sent_cb, &n_sent);
    }

  aioproc_test_wait_until (next == N_PENDING && n_sent == N_PENDING);

  connection_test_release (a, b);
}

/* What TCP has no room for, either. */
#define HUGE_LENGTH (40 * 1024 * 1024)

static AioprocMessage *
new_huge (guint32 number)
{
  g_autofree char *text = g_strnfill (HUGE_LENGTH, 'y');

  return aioproc_message_new (g_variant_new ("(us)", number, text));
}

static void
test_send_cancelled (const ConnectionKind *kind)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(AioprocMessage) large = new_huge (1);
  g_autoptr(AioprocMessage) never = connection_test_new_number (99);
  g_autoptr(AioprocMessage) last = connection_test_new_number (2);
  g_autoptr(GAsyncResult) begun = NULL;
  g_autoptr(GAsyncResult) waiting = NULL;
  g_autoptr(GAsyncResult) other = NULL;
  g_autoptr(GError) error = NULL;
  AioprocConnection *a, *b;

  g_test_summary ("A send that is cancelled in its midst comes whole, one before that never comes");

  connection_kind_make (kind, &a, &b);
  aioproc_connection_send_async (a, large, -1, cancellable, aioproc_test_store_result, &begun);
  aioproc_connection_send_async (a, never, -1, cancellable, aioproc_test_store_result, &waiting);
  aioproc_connection_send_async (a, last, -1, NULL, aioproc_test_store_result, &other);
  g_assert_true (aioproc_connection_poll (b, -1, NULL, &error));
  g_assert_no_error (error);
  g_cancellable_cancel (cancellable);
  connection_test_finish_send (a, &begun, -1);
  connection_test_finish_send (a, &waiting, G_IO_ERROR_CANCELLED);

  g_assert_cmpuint (connection_test_recv_number (b), ==, 1);
  connection_test_finish_send (a, &other, -1);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 2);

  connection_test_release (a, b);
}

static void
test_recv_late (const ConnectionKind *kind)
{
  g_autoptr(AioprocMessage) large = connection_test_new_large (1);
  AioprocConnection *a, *b;
  guint n_sent = 0;

  g_test_summary ("Receives that give up in the midst of a message leave it for the next");

  connection_kind_make (kind, &a, &b);

  for (guint32 i = 0; i < 5; i++)
    {
      g_autoptr(AioprocMessage) message = NULL;

      aioproc_connection_send_async (a, large, -1, NULL, count_sent_cb, &n_sent);

      while (message == NULL)
        {
          g_autoptr(GError) error = NULL;

          message = aioproc_connection_recv (b, 1, NULL, &error);

          if (message == NULL)
            {
              g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
              g_main_context_iteration (NULL, FALSE);
            }
        }

      g_assert_cmpuint (connection_test_take_number (g_steal_pointer (&message)), ==, 1);
    }

  aioproc_test_wait_until (n_sent == 5);

  connection_test_release (a, b);
}

static void
test_recv_ahead (const ConnectionKind *kind)
{
  g_autoptr(GError) error = NULL;
  AioprocConnection *a, *b;

  g_test_summary ("Receives that had to wait do not make those wait that need not");

  connection_kind_make (kind, &a, &b);

  for (guint i = 0; i < 5; i++)
    {
      g_assert_null (aioproc_connection_recv (b, 1000, NULL, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
      g_clear_error (&error);

      for (guint32 j = 0; j < 40; j++)
        connection_test_send_number (a, j);

      for (guint32 j = 0; j < 40; j++)
        {
          g_autoptr(AioprocMessage) message = NULL;

          /* It has come, or is about to. */
          g_assert_true (aioproc_connection_poll (b, -1, NULL, &error));
          g_assert_no_error (error);

          /* All of it may be there a moment later. */
          while (message == NULL)
            {
              g_clear_error (&error);
              message = j % 2 == 0 ? aioproc_connection_try_recv (b, &error)
                                   : aioproc_connection_recv (b, 0, NULL, &error);
            }

          g_assert_no_error (error);
          g_assert_cmpuint (connection_test_take_number (g_steal_pointer (&message)), ==, j);
        }
    }

  connection_test_release (a, b);
}

static void
test_send_full (const ConnectionKind *kind)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(AioprocMessage) last = NULL;
  g_autoptr(GError) error = NULL;
  AioprocConnection *a, *b;
  guint32 n = 0;

  g_test_summary ("Who is not received from waits, and what it has sent by then comes first");

  connection_kind_make (kind, &a, &b);

  for (;;)
    {
      g_autoptr(AioprocMessage) message = connection_test_new_large (n);

      if (!aioproc_connection_send (a, message, 10000, NULL, &error))
        break;

      n++;
    }

  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpuint (n, >, 0);
  last = connection_test_new_number (n);
  aioproc_connection_send_async (a, last, -1, NULL, aioproc_test_store_result, &result);

  for (guint32 i = 0; i <= n; i++)
    g_assert_cmpuint (connection_test_recv_number (b), ==, i);

  connection_test_finish_send (a, &result, -1);

  connection_test_release (a, b);
}

static void
test_too_large (const ConnectionKind *kind)
{
  g_autoptr(AioprocMessage) large = connection_test_new_large (1);
  g_autoptr(GBytes) bytes = make_bytes (2 * 1024 * 1024);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GAsyncResult) end_result = NULL;
  g_autoptr(GError) error = NULL;
  AioprocConnection *a, *b;

  g_test_summary ("A message beyond the limit is not sent, and ends the connection if it comes");

  connection_kind_make (kind, &a, &b);
  aioproc_connection_set_max_message_size (a, 1000);
  g_assert_false (aioproc_connection_send (a, large, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_clear_error (&error);

  /* Over a stream nothing is mapped, and all counts. */
  if (kind->make_streams != NULL)
    {
      g_assert_false (aioproc_connection_send_bytes (a, bytes, 0, -1, -1, NULL, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
      g_clear_error (&error);
    }

  connection_test_send_number (a, 1);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 1);
  aioproc_connection_send_async (b, large, -1, NULL, aioproc_test_store_result, &result);
  aioproc_connection_recv_async (a, -1, NULL, aioproc_test_store_result, &end_result);
  connection_test_finish_recv (a, &end_result, G_IO_ERROR_MESSAGE_TOO_LARGE);
  connection_test_assert_recv (a, G_IO_ERROR_MESSAGE_TOO_LARGE);
  connection_test_assert_send (a, G_IO_ERROR_CLOSED);

  /* The system may have taken some; then the peer is told, in a way that depends on the stream. */
  aioproc_test_wait (&result);
  g_clear_object (&result);

  while (aioproc_connection_send (b, large, -1, NULL, &error))
    continue;

  g_assert_nonnull (error);

  connection_test_release (a, b);
}

static void
test_descriptor (const ConnectionKind *kind)
{
  g_autoptr(GError) error = NULL;
  AioprocConnection *a, *b;
  GPollFD poll_fd = { .events = G_IO_IN };

  g_test_summary ("The descriptor is ready when something has come, and not before");

  connection_kind_make (kind, &a, &b);
  poll_fd.fd = aioproc_connection_get_fd (b);
  g_assert_cmpint (poll_fd.fd, >=, 0);
  g_assert_null (aioproc_connection_try_recv (b, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  g_assert_false (aioproc_waitable_is_ready (AIOPROC_WAITABLE (b)));
  g_assert_cmpint (g_poll (&poll_fd, 1, 0), ==, 0);

  connection_test_send_number (a, 1);
  g_assert_cmpint (g_poll (&poll_fd, 1, -1), ==, 1);
  g_assert_true (aioproc_waitable_is_ready (AIOPROC_WAITABLE (b)));
  g_assert_true (aioproc_connection_poll (b, 0, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 1);
  g_assert_false (aioproc_waitable_is_ready (AIOPROC_WAITABLE (b)));
  g_assert_cmpint (g_poll (&poll_fd, 1, 0), ==, 0);

  aioproc_connection_close (a);
  g_assert_cmpint (g_poll (&poll_fd, 1, -1), ==, 1);
  g_assert_true (aioproc_waitable_is_ready (AIOPROC_WAITABLE (b)));

  connection_test_release (a, b);
}

static void
test_cycles (const ConnectionKind *kind)
{
  AioprocConnection *a, *b;
  guint n_fds;

  g_test_summary ("Connections that come and go leave nothing behind");

  /* What is made once, for all. */
  connection_kind_make (kind, &a, &b);
  connection_test_send_number (a, 0);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 0);
  n_fds = aioproc_test_count_fds ();
  connection_test_release (a, b);

  for (guint32 i = 0; i < 50; i++)
    {
      connection_kind_make (kind, &a, &b);
      connection_test_send_number (a, i);
      g_assert_cmpuint (connection_test_recv_number (b), ==, i);
      connection_test_release (a, b);
    }

  /* The last streams may be closed a moment later. */
  while (aioproc_test_count_fds () >= n_fds)
    g_thread_yield ();
}

static const Case cases[] = {
  { "sizes", test_sizes },
  { "blocking", test_blocking },
  { "refused", test_refused },
  { "close", test_close },
  { "close-send", test_close_send },
  { "pending", test_pending },
  { "send/cancelled", test_send_cancelled },
  { "send/full", test_send_full },
  { "recv/late", test_recv_late },
  { "recv/ahead", test_recv_ahead },
  { "too-large", test_too_large },
  { "descriptor", test_descriptor },
  { "cycles", test_cycles },
};

static void
run_case (gconstpointer data)
{
  const Run *run = data;
  const char *lack = connection_kind_get_lack (run->kind);

  if (lack != NULL)
    g_test_skip (lack);
  else
    run->test_case->func (run->kind);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  for (guint i = 0; i < n_connection_kinds; i++)
    for (guint j = 0; j < G_N_ELEMENTS (cases) && connection_kinds[i].is_tls == WITH_TLS; j++)
      {
        g_autofree char *path = g_strdup_printf ("/aioproc/connection/over/%s/%s",
                                                 connection_kinds[i].name, cases[j].name);
        Run *run = g_new (Run, 1);

        run->kind = &connection_kinds[i];
        run->test_case = &cases[j];
        aioproc_test_add_data_func_full (path, run, run_case, g_free);
      }

  return g_test_run ();
}
