/* test-connection.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "connection-test.h"

/* What holds over anything else, too, is in the table of test-connection-stream.c. */

static void
test_connection_messages (void)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(AioprocMessage) received = NULL;
  g_autoptr(AioprocMessage) back = NULL;
  g_autoptr(AioprocQueue) queue = NULL;
  g_autoptr(GObject) object = NULL;
  g_autoptr(GBytes) bytes = g_bytes_new_static ("bulk", 4);
  g_autoptr(GBytes) received_bytes = NULL;
  g_autoptr(GVariant) body = NULL;
  g_autoptr(GError) error = NULL;
  AioprocConnection *a, *b;
  int fd;

  g_test_summary ("A message arrives with its body, objects, bytes and descriptors, either way");

  connection_test_pipe (&a, &b);
  queue = aioproc_queue_new (0, &error);
  g_assert_no_error (error);
  g_assert_cmpint (aioproc_message_append_object (message, G_OBJECT (queue), &error), ==, 0);
  g_assert_cmpint (aioproc_message_append_bytes (message, bytes), ==, 1);
  g_assert_cmpint (aioproc_message_append_fd (message, STDERR_FILENO, &error), ==, 2);
  aioproc_message_set_body (message, g_variant_new ("(hhh)", 0, 1, 2));

  g_assert_true (aioproc_connection_send (a, message, -1, NULL, &error));
  g_assert_no_error (error);
  received = aioproc_connection_recv (b, -1, NULL, &error);
  g_assert_no_error (error);

  body = aioproc_message_dup_body (received);
  aioproc_test_assert_variant (body, g_variant_new ("(hhh)", 0, 1, 2));
  object = aioproc_message_dup_object (received, 0, &error);
  g_assert_no_error (error);
  g_assert_true (object == G_OBJECT (queue));
  received_bytes = aioproc_message_dup_bytes (received, 1, &error);
  g_assert_no_error (error);
  g_assert_cmpmem ("bulk", 4, g_bytes_get_data (received_bytes, NULL),
                   g_bytes_get_size (received_bytes));
  fd = aioproc_message_dup_fd (received, 2, &error);
  g_assert_no_error (error);
  close (fd);

  /* What was received is sent on as it is. */
  g_assert_true (aioproc_connection_try_send (b, received, &error));
  g_assert_no_error (error);
  back = aioproc_connection_try_recv (a, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (aioproc_message_get_n_handles (back), ==, 3);

  connection_test_release (a, b);
}

static void
test_connection_one_way (void)
{
  g_autoptr(GBytes) bytes = g_bytes_new_static ("x", 1);
  g_autoptr(GBytes) received = NULL;
  g_autoptr(GError) error = NULL;
  AioprocConnection *receiver, *sender;

  g_test_summary ("The ends of a one-way pipe refuse what they are not for");

  g_assert_true (aioproc_pipe (FALSE, &receiver, &sender, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_connection_is_readable (receiver));
  g_assert_false (aioproc_connection_is_writable (receiver));
  g_assert_false (aioproc_connection_is_readable (sender));
  g_assert_true (aioproc_connection_is_writable (sender));

  connection_test_assert_send (receiver, G_IO_ERROR_PERMISSION_DENIED);
  connection_test_assert_recv (sender, G_IO_ERROR_PERMISSION_DENIED);
  g_assert_false (aioproc_connection_poll (sender, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_clear_error (&error);
  g_assert_false (aioproc_connection_close_send (receiver, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_clear_error (&error);

  g_assert_true (aioproc_connection_send_bytes (sender, bytes, 0, -1, -1, NULL, &error));
  g_assert_no_error (error);
  received = aioproc_connection_recv_bytes (receiver, -1, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (bytes, received));

  /* The system knows, too. */
  g_assert_cmpint (send (aioproc_connection_get_fd (receiver), "x", 1, MSG_NOSIGNAL), ==, -1);

  aioproc_connection_close (receiver);
  connection_test_assert_send (sender, G_IO_ERROR_BROKEN_PIPE);

  connection_test_release (receiver, sender);
}

static void
test_connection_no_wait (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GError) error = NULL;
  AioprocConnection *a, *b;
  gint64 before;

  g_test_summary ("Nothing is received before it was sent; timeouts and cancellables end a wait");

  connection_test_pipe (&a, &b);
  g_assert_null (aioproc_connection_try_recv (a, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);

  g_assert_null (aioproc_connection_recv (a, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);

  before = g_get_monotonic_time ();
  g_assert_null (aioproc_connection_recv_bytes (a, -1, 20000, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - before, >=, 20000);
  g_clear_error (&error);

  g_cancellable_cancel (cancellable);
  connection_test_send_number (b, 7);
  g_assert_null (aioproc_connection_recv (a, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  message = connection_test_new_number (8);
  g_assert_false (aioproc_connection_send (a, message, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  g_assert_cmpuint (connection_test_recv_number (a), ==, 7);
  g_assert_null (aioproc_connection_try_recv (b, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);

  connection_test_release (a, b);
}

static void
count_notify_cb (GObject    *object,
                 GParamSpec *pspec,
                 gpointer    user_data)
{
  guint *n_notified = user_data;

  (*n_notified)++;
}

static void
test_connection_close (void)
{
  g_autoptr(GAsyncResult) recv_result = NULL;
  g_autoptr(GAsyncResult) poll_result = NULL;
  g_autoptr(GError) error = NULL;
  AioprocConnection *a, *b;
  guint n_notified = 0;

  g_test_summary ("A close ends what is pending; the peer gets what was sent, then the end");

  connection_test_pipe (&a, &b);
  g_signal_connect (a, "notify", G_CALLBACK (count_notify_cb), &n_notified);
  connection_test_send_number (a, 1);
  connection_test_send_number (a, 2);
  aioproc_connection_recv_async (a, -1, NULL, aioproc_test_store_result, &recv_result);
  aioproc_connection_poll_async (a, -1, NULL, aioproc_test_store_result, &poll_result);

  aioproc_connection_close (a);
  g_assert_cmpuint (n_notified, ==, 3);
  aioproc_connection_close (a);
  g_assert_cmpuint (n_notified, ==, 3);
  g_assert_true (aioproc_connection_is_closed (a));
  g_assert_false (aioproc_connection_is_readable (a));
  g_assert_false (aioproc_connection_is_writable (a));
  g_assert_cmpint (aioproc_connection_get_fd (a), ==, -1);

  connection_test_finish_recv (a, &recv_result, G_IO_ERROR_CLOSED);
  aioproc_test_wait (&poll_result);
  g_assert_false (aioproc_connection_poll_finish (a, poll_result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_clear_object (&poll_result);
  connection_test_assert_recv (a, G_IO_ERROR_CLOSED);
  connection_test_assert_send (a, G_IO_ERROR_CLOSED);
  g_assert_false (aioproc_connection_close_send (a, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);

  g_assert_false (aioproc_connection_is_closed (b));
  connection_test_assert_send (b, G_IO_ERROR_BROKEN_PIPE);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 1);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 2);
  connection_test_assert_recv (b, G_IO_ERROR_CLOSED);
  connection_test_assert_recv (b, G_IO_ERROR_CLOSED);

  connection_test_release (a, b);
}

static void
test_connection_unread (void)
{
  AioprocConnection *a, *b;

  g_test_summary ("Who closes with messages unread is told apart from who has read all");

  connection_test_pipe (&a, &b);
  connection_test_send_number (a, 1);
  aioproc_connection_close (b);
  connection_test_assert_recv (a, G_IO_ERROR_CONNECTION_CLOSED);
  connection_test_assert_recv (a, G_IO_ERROR_CONNECTION_CLOSED);

  connection_test_release (a, b);
}

static void
test_connection_close_send (void)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(AioprocMessage) large = connection_test_new_large (3);
  g_autoptr(GError) error = NULL;
  AioprocConnection *a, *b;
  guint n_notified = 0;

  g_test_summary ("A half-close lets through what is pending, and the other direction");

  connection_test_pipe (&a, &b);
  g_signal_connect (a, "notify::writable", G_CALLBACK (count_notify_cb), &n_notified);
  connection_test_send_number (a, 1);
  connection_test_send_number (b, 2);
  aioproc_connection_send_async (a, large, -1, NULL, aioproc_test_store_result, &result);

  g_assert_true (aioproc_connection_close_send (a, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_connection_close_send (a, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (n_notified, ==, 1);
  g_assert_false (aioproc_connection_is_writable (a));
  g_assert_true (aioproc_connection_is_readable (a));
  connection_test_assert_send (a, G_IO_ERROR_CLOSED);

  g_assert_cmpuint (connection_test_recv_number (a), ==, 2);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 1);
  {
    g_autoptr(GAsyncResult) recv_result = NULL;

    aioproc_connection_recv_async (b, -1, NULL, aioproc_test_store_result, &recv_result);
    g_assert_cmpuint (connection_test_finish_number (b, &recv_result), ==, 3);
  }
  connection_test_finish_send (a, &result, -1);
  connection_test_assert_recv (b, G_IO_ERROR_CLOSED);

  connection_test_send_number (b, 4);
  g_assert_cmpuint (connection_test_recv_number (a), ==, 4);

  connection_test_release (a, b);
}

static void
test_connection_full (void)
{
  g_autoptr(AioprocMessage) message = connection_test_new_number (0);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  AioprocConnection *a, *b;
  guint32 n;

  g_test_summary ("A send waits for room, and what was sent before it comes first");

  connection_test_pipe (&a, &b);
  n = connection_test_fill (a, 0);
  g_assert_cmpuint (n, >, 10);

  g_assert_false (aioproc_connection_send (a, message, 1000, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_object (&message);

  message = connection_test_new_number (n);
  aioproc_connection_send_async (a, message, -1, NULL, aioproc_test_store_result, &result);

  for (guint32 i = 0; i < n; i++)
    g_assert_cmpuint (connection_test_recv_number (b), ==, i);

  connection_test_finish_send (a, &result, -1);
  g_assert_cmpuint (connection_test_recv_number (b), ==, n);

  connection_test_release (a, b);
}

static void
test_connection_send_late (void)
{
  g_autoptr(AioprocMessage) large = connection_test_new_large (1);
  g_autoptr(AioprocMessage) large_2 = connection_test_new_large (2);
  g_autoptr(GError) error = NULL;
  AioprocConnection *a, *b;

  g_test_summary ("A blocking send that is late in its midst succeeds, and comes whole");

  connection_test_pipe (&a, &b);
  g_assert_true (aioproc_connection_try_send (a, large, &error));
  g_assert_no_error (error);
  g_assert_false (aioproc_connection_try_send (a, large_2, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 1);
  g_assert_true (aioproc_connection_send (a, large_2, 1000, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 2);

  /* A close does not wait for it. */
  g_assert_true (aioproc_connection_send (a, large_2, 1000, NULL, &error));
  g_assert_no_error (error);
  aioproc_connection_close (a);
  connection_test_assert_recv (b, G_IO_ERROR_PARTIAL_INPUT);
  connection_test_assert_recv (b, G_IO_ERROR_PARTIAL_INPUT);
  connection_test_assert_send (b, G_IO_ERROR_CLOSED);

  connection_test_release (a, b);
}

static void
test_connection_too_large (void)
{
  g_autoptr(AioprocMessage) large = connection_test_new_large (1);
  g_autoptr(GBytes) bytes = g_bytes_new_take (g_malloc0 (4 * 1024 * 1024), 4 * 1024 * 1024);
  g_autoptr(GBytes) received = NULL;
  g_autoptr(GError) error = NULL;
  AioprocConnection *a, *b;
  guint n_notified = 0;

  g_test_summary ("A message beyond the limit is not sent, and ends the connection if it comes");

  connection_test_pipe (&a, &b);
  g_signal_connect (a, "notify::max-message-size", G_CALLBACK (count_notify_cb), &n_notified);
  g_assert_cmpuint (aioproc_connection_get_max_message_size (a), ==, 64 * 1024 * 1024);
  aioproc_connection_set_max_message_size (a, 1000);
  aioproc_connection_set_max_message_size (a, 1000);
  g_assert_cmpuint (n_notified, ==, 1);

  g_assert_false (aioproc_connection_send (a, large, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_clear_error (&error);
  connection_test_send_number (a, 1);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 1);

  /* What is mapped is not allocated. */
  g_assert_true (aioproc_connection_send_bytes (b, bytes, 0, -1, -1, NULL, &error));
  received = aioproc_connection_recv_bytes (a, -1, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (bytes, received));

  g_assert_true (aioproc_connection_try_send (b, large, &error));
  g_assert_no_error (error);
  connection_test_assert_recv (a, G_IO_ERROR_MESSAGE_TOO_LARGE);
  connection_test_assert_recv (a, G_IO_ERROR_MESSAGE_TOO_LARGE);
  connection_test_assert_send (a, G_IO_ERROR_CLOSED);
  connection_test_assert_send (b, G_IO_ERROR_BROKEN_PIPE);

  connection_test_release (a, b);
}

static void
test_connection_bad_message (void)
{
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) deep = g_variant_ref_sink (g_variant_new_uint32 (1));
  AioprocConnection *a, *b;

  g_test_summary ("A message that cannot be sent is refused, and the connection goes on");

  connection_test_pipe (&a, &b);

  for (guint i = 0; i < 40; i++)
    {
      GVariant *outer = g_variant_ref_sink (g_variant_new_variant (deep));

      g_variant_unref (deep);
      deep = outer;
    }

  message = aioproc_message_new (deep);
  g_assert_false (aioproc_connection_send (a, message, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  aioproc_connection_send_async (a, message, -1, NULL, aioproc_test_store_result, &result);
  connection_test_finish_send (a, &result, G_IO_ERROR_INVALID_ARGUMENT);

  connection_test_send_number (a, 1);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 1);

  connection_test_release (a, b);
}

static void
test_connection_disposed (void)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GAsyncResult) send_result = NULL;
  g_autoptr(AioprocMessage) large = connection_test_new_large (1);
  AioprocConnection *a, *b;

  g_test_summary ("Pending operations keep a connection, and end when it is disposed of");

  connection_test_pipe (&a, &b);
  aioproc_connection_recv_async (a, -1, NULL, aioproc_test_store_result, &result);
  aioproc_connection_send_async (a, large, -1, NULL, aioproc_test_store_result, &send_result);
  g_object_run_dispose (G_OBJECT (a));
  connection_test_finish_recv (a, &result, G_IO_ERROR_CLOSED);
  connection_test_finish_send (a, &send_result, G_IO_ERROR_CLOSED);
  g_object_unref (a);
  g_assert_finalize_object (b);
}

static void
test_connection_uninitialized (void)
{
  g_autoptr(AioprocConnection) connection = g_object_new (AIOPROC_TYPE_CONNECTION, NULL);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A connection that was made of nothing says so");

  connection_test_assert_recv (connection, G_IO_ERROR_NOT_INITIALIZED);
  connection_test_assert_send (connection, G_IO_ERROR_NOT_INITIALIZED);
  aioproc_connection_recv_async (connection, -1, NULL, aioproc_test_store_result, &result);
  connection_test_finish_recv (connection, &result, G_IO_ERROR_NOT_INITIALIZED);
  g_assert_false (aioproc_connection_close_send (connection, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_assert_false (aioproc_connection_is_readable (connection));
  g_assert_false (aioproc_connection_is_writable (connection));
  g_assert_false (aioproc_connection_is_closed (connection));
  g_assert_cmpint (aioproc_connection_get_fd (connection), ==, -1);
  /* To be told so. */
  g_assert_true (aioproc_waitable_is_ready (AIOPROC_WAITABLE (connection)));
  aioproc_connection_set_max_message_size (connection, 1);
  aioproc_connection_close (connection);
}

static void
test_connection_descriptor (void)
{
  g_autoptr(AioprocConnection) a = NULL;
  g_autoptr(AioprocConnection) b = NULL;
  g_autoptr(GError) error = NULL;
  int fds[2];
  int fd;

  g_test_summary ("Only a connected Unix stream socket is taken for a connection");

  g_assert_null (aioproc_connection_new_for_fd (-1, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);

  g_assert_cmpint (pipe (fds), ==, 0);
  g_assert_null (aioproc_connection_new_for_fd (fds[0], &error));
  g_assert_nonnull (error);
  g_clear_error (&error);
  close (fds[0]);
  close (fds[1]);

  fd = socket (AF_UNIX, SOCK_STREAM, 0);
  g_assert_null (aioproc_connection_new_for_fd (fd, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED);
  g_clear_error (&error);
  g_assert_cmpint (close (fd), ==, 0);

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET, 0, fds), ==, 0);
  g_assert_null (aioproc_connection_new_for_fd (fds[0], &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  close (fds[0]);
  close (fds[1]);

  /* Whether it blocks does not matter. */
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), ==, 0);
  a = aioproc_connection_new_for_fd (fds[0], &error);
  g_assert_no_error (error);
  b = aioproc_connection_new_for_fd (fds[1], &error);
  g_assert_no_error (error);
  g_assert_cmpint (aioproc_connection_get_fd (a), ==, fds[0]);
  connection_test_send_number (a, 1);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 1);
}

static void
test_connection_cycles (void)
{
  guint n_fds;
  AioprocConnection *a, *b;

  g_test_summary ("Connections that come and go leave nothing behind");

  connection_test_pipe (&a, &b);
  connection_test_release (a, b);
  n_fds = aioproc_test_count_fds ();

  for (guint32 i = 0; i < 1000; i++)
    {
      connection_test_pipe (&a, &b);
      connection_test_send_number (a, i);
      g_assert_cmpuint (connection_test_recv_number (b), ==, i);
      connection_test_send_number (b, i);
      g_assert_cmpuint (connection_test_recv_number (a), ==, i);

      if (i % 2 == 0)
        aioproc_connection_close (a);

      connection_test_release (a, b);
    }

  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/connection/messages", test_connection_messages);
  aioproc_test_add_func ("/aioproc/connection/one-way", test_connection_one_way);
  aioproc_test_add_func ("/aioproc/connection/no-wait", test_connection_no_wait);
  aioproc_test_add_func ("/aioproc/connection/close", test_connection_close);
  aioproc_test_add_func ("/aioproc/connection/unread", test_connection_unread);
  aioproc_test_add_func ("/aioproc/connection/close-send", test_connection_close_send);
  aioproc_test_add_func ("/aioproc/connection/full", test_connection_full);
  aioproc_test_add_func ("/aioproc/connection/send/late", test_connection_send_late);
  aioproc_test_add_func ("/aioproc/connection/too-large", test_connection_too_large);
  aioproc_test_add_func ("/aioproc/connection/bad-message", test_connection_bad_message);
  aioproc_test_add_func ("/aioproc/connection/disposed", test_connection_disposed);
  aioproc_test_add_func ("/aioproc/connection/uninitialized", test_connection_uninitialized);
  aioproc_test_add_func ("/aioproc/connection/descriptor", test_connection_descriptor);
  aioproc_test_add_func ("/aioproc/connection/cycles", test_connection_cycles);

  return g_test_run ();
}
