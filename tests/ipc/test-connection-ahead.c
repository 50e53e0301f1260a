/* test-connection-ahead.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What a connection has read of messages that nobody has asked for yet. */

#include <poll.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "connection-test.h"

static void
send_bytes (AioprocConnection *connection,
            const char        *text)
{
  g_autoptr(GBytes) bytes = g_bytes_new (text, strlen (text));
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_connection_send_bytes (connection, bytes, 0, -1, -1, NULL, &error));
  g_assert_no_error (error);
}

static void
send_object (AioprocConnection *connection,
             gpointer           object)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(GError) error = NULL;

  g_assert_cmpint (aioproc_message_append_object (message, object, &error), ==, 0);
  g_assert_true (aioproc_connection_send (connection, message, -1, NULL, &error));
  g_assert_no_error (error);
}

static gpointer
recv_object (AioprocConnection *connection)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocMessage) message = aioproc_connection_recv (connection, -1, NULL, &error);
  GObject *object;

  g_assert_no_error (error);
  object = aioproc_message_dup_object (message, 0, &error);
  g_assert_no_error (error);

  return object;
}

static void
assert_bytes (AioprocConnection *connection,
              const char        *text)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = aioproc_connection_recv_bytes (connection, -1, -1, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), text, strlen (text));
}

static void
test_ahead_kinds (void)
{
  g_autoptr(AioprocEvent) event = NULL;
  g_autoptr(AioprocEvent) received = NULL;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;
  AioprocConnection *a, *b;

  g_test_summary ("Messages of all kinds that came together are received one by one");

  event = aioproc_event_new (&error);
  g_assert_no_error (error);
  connection_test_pipe (&a, &b);

  for (guint32 i = 0; i < 10; i++)
    {
      send_bytes (a, "some bytes");
      connection_test_send_number (a, i);
      send_object (a, event);
      send_bytes (a, "");
      send_bytes (a, "more of them");
    }

  for (guint32 i = 0; i < 10; i++)
    {
      assert_bytes (b, "some bytes");
      g_assert_cmpuint (connection_test_recv_number (b), ==, i);
      received = recv_object (b);
      g_assert_true (received == event);
      g_clear_object (&received);
      assert_bytes (b, "");

      /* One that cannot be taken stays the next. */
      g_assert_null (aioproc_connection_try_recv_bytes (b, 3, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
      g_clear_error (&error);
      message = aioproc_connection_try_recv (b, &error);
      g_assert_no_error (error);
      bytes = aioproc_message_dup_bytes (message, 0, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (g_bytes_get_size (bytes), ==, strlen ("more of them"));
      g_clear_pointer (&bytes, g_bytes_unref);
      g_clear_object (&message);
    }

  g_assert_null (aioproc_connection_try_recv (b, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  connection_test_release (a, b);
}

static void
test_ahead_ready (void)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  AioprocConnection *a, *b;

  g_test_summary ("It is ready for what it has read already, and its operations get that");

  connection_test_pipe (&a, &b);

  for (guint32 i = 0; i < 4; i++)
    connection_test_send_number (a, i);

  g_assert_cmpuint (connection_test_recv_number (b), ==, 0);
  g_assert_true (aioproc_connection_poll (b, 0, NULL, &error));
  g_assert_true (aioproc_connection_poll (b, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_waitable_is_ready (AIOPROC_WAITABLE (b)));
  aioproc_connection_poll_async (b, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_true (aioproc_connection_poll_finish (b, result, &error));
  g_clear_object (&result);

  aioproc_connection_recv_async (b, -1, NULL, aioproc_test_store_result, &result);
  g_assert_cmpuint (connection_test_finish_number (b, &result), ==, 1);
  aioproc_connection_recv_async (b, 0, NULL, aioproc_test_store_result, &result);
  g_assert_cmpuint (connection_test_finish_number (b, &result), ==, 2);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 3);

  g_assert_false (aioproc_waitable_is_ready (AIOPROC_WAITABLE (b)));
  g_assert_false (aioproc_connection_poll (b, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  connection_test_release (a, b);
}

static gboolean
can_read (int fd)
{
  struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

  return poll (&poll_fd, 1, 0) == 1;
}

static void
test_ahead_watched (void)
{
  AioprocConnection *a, *b;
  int fd;

  g_test_summary ("Who watches the descriptor sees each message there");

  connection_test_pipe (&a, &b);
  fd = aioproc_connection_get_fd (b);
  g_assert_false (can_read (fd));

  for (guint32 i = 0; i < 5; i++)
    connection_test_send_number (a, i);

  for (guint32 i = 0; i < 5; i++)
    {
      g_assert_true (can_read (fd));
      g_assert_cmpuint (connection_test_recv_number (b), ==, i);
    }

  g_assert_false (can_read (fd));
  connection_test_release (a, b);
}

static void
test_ahead_pass (void)
{
  g_autoptr(AioprocEvent) event = NULL;
  g_autoptr(GError) error = NULL;
  AioprocConnection *from, *to, *a, *b;
  guint n_fds;

  g_test_summary ("What a connection has read goes along when it is passed on, again and again");

  event = aioproc_event_new (&error);
  g_assert_no_error (error);
  connection_test_pipe (&from, &to);
  connection_test_pipe (&a, &b);
  n_fds = aioproc_test_count_fds ();

  for (guint32 i = 0; i < 20; i++)
    {
      connection_test_send_number (a, i);
      send_bytes (a, "and bytes");

      if (i % 4 == 3)
        send_object (a, event);
    }

  for (guint32 i = 0; i < 20; i++)
    {
      g_assert_cmpuint (connection_test_recv_number (b), ==, i);

      if (i % 3 == 1)
        {
          send_object (from, b);
          g_assert_true (aioproc_connection_is_closed (b));
          g_object_unref (b);
          b = recv_object (to);
        }

      assert_bytes (b, "and bytes");

      if (i % 4 == 3)
        {
          AioprocEvent *received = recv_object (b);

          g_assert_true (received == event);
          g_object_unref (received);
        }
    }

  g_assert_false (aioproc_waitable_is_ready (AIOPROC_WAITABLE (b)));
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
  connection_test_release (a, b);
  connection_test_release (from, to);
}

static void
test_ahead_refused (void)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(GError) error = NULL;
  AioprocConnection *from, *to, *a, *b;

  g_test_summary ("A connection that was not given away has what it had read");

  connection_test_pipe (&from, &to);
  connection_test_pipe (&a, &b);
  connection_test_send_number (a, 1);
  connection_test_send_number (a, 2);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 1);
  aioproc_connection_close (to);

  g_assert_cmpint (aioproc_message_append_object (message, G_OBJECT (b), &error), ==, 0);
  g_assert_false (aioproc_connection_send (from, message, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_clear_object (&message);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 2);

  connection_test_release (a, b);
  connection_test_release (from, to);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/connection/ahead/kinds", test_ahead_kinds);
  aioproc_test_add_func ("/aioproc/connection/ahead/ready", test_ahead_ready);
  aioproc_test_add_func ("/aioproc/connection/ahead/watched", test_ahead_watched);
  aioproc_test_add_func ("/aioproc/connection/ahead/pass", test_ahead_pass);
  aioproc_test_add_func ("/aioproc/connection/ahead/refused", test_ahead_refused);

  return g_test_run ();
}
