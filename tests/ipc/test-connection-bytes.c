/* test-connection-bytes.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"
#include "connection-test.h"

static void
test_connection_bytes (void)
{
  g_autoptr(GBytes) bytes = g_bytes_new_static ("0123456789", 10);
  g_autoptr(GBytes) received = NULL;
  g_autoptr(GBytes) empty = NULL;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GError) error = NULL;
  const gint64 bad[][2] = {
    { -1, 1 }, { 11, 0 }, { 11, -1 }, { 0, 11 }, { 5, 6 }, { 0, -2 }, { 1, G_MAXINT64 },
    { G_MAXINT64, G_MAXINT64 },
  };
  AioprocConnection *a, *b;
  char buffer[4];

  g_test_summary ("Bytes are sent in part, received up to a limit, and kept when it is too low");

  connection_test_pipe (&a, &b);

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_false (aioproc_connection_send_bytes (a, bytes, bad[i][0], bad[i][1], -1, NULL,
                                                     &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
    }

  g_assert_true (aioproc_connection_send_bytes (a, bytes, 2, 3, -1, NULL, &error));
  g_assert_true (aioproc_connection_send_bytes (a, bytes, 10, -1, -1, NULL, &error));
  g_assert_true (aioproc_connection_try_send_bytes (a, bytes, 6, -1, &error));
  connection_test_send_number (a, 1);
  g_assert_no_error (error);

  g_assert_null (aioproc_connection_recv_bytes (b, 2, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_clear_error (&error);
  received = aioproc_connection_recv_bytes (b, 3, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem ("234", 3, g_bytes_get_data (received, NULL), g_bytes_get_size (received));

  empty = aioproc_connection_try_recv_bytes (b, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (empty), ==, 0);

  g_assert_cmpint (aioproc_connection_recv_bytes_into (b, buffer, 3, -1, NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_clear_error (&error);
  g_assert_cmpint (aioproc_connection_recv_bytes_into (b, buffer, 4, -1, NULL, &error), ==, 4);
  g_assert_no_error (error);
  g_assert_cmpmem ("6789", 4, buffer, 4);

  g_assert_null (aioproc_connection_recv_bytes (b, -1, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_clear_error (&error);
  g_assert_true (aioproc_connection_poll (b, 0, NULL, &error));
  g_assert_cmpuint (connection_test_recv_number (b), ==, 1);

  /* As a message they are one handle. */
  g_assert_true (aioproc_connection_send_bytes (a, bytes, 0, -1, -1, NULL, &error));
  message = aioproc_connection_recv (b, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_null (aioproc_message_dup_body (message));
  g_assert_cmpuint (aioproc_message_get_n_handles (message), ==, 1);

  connection_test_release (a, b);
}

static void
test_connection_bytes_async (void)
{
  const gsize sizes[] = { 0, 1, 65536, 65537, 1024 * 1024, 9 * 1024 * 1024 + 1 };
  AioprocConnection *a, *b;

  g_test_summary ("Bytes of all sizes come as they were, also those that are mapped");

  connection_test_pipe (&a, &b);

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr(GAsyncResult) send_result = NULL;
      g_autoptr(GAsyncResult) recv_result = NULL;
      g_autoptr(GBytes) bytes = NULL;
      g_autoptr(GBytes) received = NULL;
      g_autoptr(GError) error = NULL;
      guint8 *data = g_malloc (sizes[i]);

      for (gsize j = 0; j < sizes[i]; j++)
        data[j] = (guint8) (j * 31 + j / 251);

      bytes = g_bytes_new_take (data, sizes[i]);
      aioproc_connection_recv_bytes_async (b, -1, -1, NULL, aioproc_test_store_result,
                                           &recv_result);
      aioproc_connection_send_bytes_async (a, bytes, 0, -1, -1, NULL, aioproc_test_store_result,
                                           &send_result);
      aioproc_test_wait (&send_result);
      g_assert_true (aioproc_connection_send_bytes_finish (a, send_result, &error));
      g_assert_no_error (error);
      aioproc_test_wait (&recv_result);
      received = aioproc_connection_recv_bytes_finish (b, recv_result, &error);
      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (bytes, received));
    }

  connection_test_release (a, b);
}

static void
test_connection_poll (void)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  AioprocConnection *a, *b;

  g_test_summary ("A poll tells of messages and of the end, and consumes nothing");

  connection_test_pipe (&a, &b);
  g_assert_false (aioproc_connection_poll (b, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);

  aioproc_connection_poll_async (b, 1000, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_connection_poll_finish (b, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_clear_object (&result);

  aioproc_connection_poll_async (b, -1, cancellable, aioproc_test_store_result, &result);
  g_cancellable_cancel (cancellable);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_connection_poll_finish (b, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_clear_object (&result);

  aioproc_connection_poll_async (b, -1, NULL, aioproc_test_store_result, &result);
  connection_test_send_number (a, 1);
  aioproc_test_wait (&result);
  g_assert_true (aioproc_connection_poll_finish (b, result, &error));
  g_assert_no_error (error);
  g_clear_object (&result);

  for (guint i = 0; i < 10; i++)
    g_assert_true (aioproc_connection_poll (b, -1, NULL, &error));

  g_assert_true (aioproc_waitable_is_ready (AIOPROC_WAITABLE (b)));
  g_assert_cmpuint (connection_test_recv_number (b), ==, 1);
  g_assert_false (aioproc_waitable_is_ready (AIOPROC_WAITABLE (b)));

  aioproc_connection_close (a);
  g_assert_true (aioproc_connection_poll (b, -1, NULL, &error));
  g_assert_true (aioproc_connection_poll (b, 0, NULL, &error));
  connection_test_assert_recv (b, G_IO_ERROR_CLOSED);
  g_assert_true (aioproc_connection_poll (b, 0, NULL, &error));
  g_assert_no_error (error);

  connection_test_release (a, b);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/connection/bytes", test_connection_bytes);
  aioproc_test_add_func ("/aioproc/connection/bytes/async", test_connection_bytes_async);
  aioproc_test_add_func ("/aioproc/connection/poll", test_connection_poll);

  return g_test_run ();
}
