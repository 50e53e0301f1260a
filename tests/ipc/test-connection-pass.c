/* test-connection-pass.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Connections that are sent over connections. */

#include <aioproc.h>

#include "aioproc-test.h"
#include "connection-test.h"
#include "ipc/aioproc-connection-private.h"

static AioprocMessage *
message_with (AioprocConnection *connection)
{
  AioprocMessage *message = aioproc_message_new (g_variant_new ("(us)", 7, "a connection"));
  g_autoptr(GError) error = NULL;

  g_assert_cmpint (aioproc_message_append_object (message, G_OBJECT (connection), &error), ==, 0);
  g_assert_no_error (error);

  return message;
}

/* A message that carries @connection, and takes long to be encoded, and parsed. */
static AioprocMessage *
new_long (AioprocConnection *connection)
{
  g_autoptr(GVariantBuilder) builder = g_variant_builder_new (G_VARIANT_TYPE ("as"));
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < 100000; i++)
    g_variant_builder_add (builder, "s", "a string");

  message = aioproc_message_new (g_variant_builder_end (builder));
  g_assert_cmpint (aioproc_message_append_object (message, G_OBJECT (connection), &error), ==, 0);
  g_assert_no_error (error);

  return g_steal_pointer (&message);
}

static AioprocConnection *
take_connection (AioprocConnection *carrier)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocMessage) message = aioproc_connection_recv (carrier, -1, NULL, &error);
  GObject *object;

  g_assert_no_error (error);
  object = aioproc_message_dup_object (message, 0, &error);
  g_assert_no_error (error);
  g_assert_true (AIOPROC_IS_CONNECTION (object));

  return AIOPROC_CONNECTION (object);
}

static void
send_connection (AioprocConnection *carrier,
                 AioprocConnection *connection)
{
  g_autoptr(AioprocMessage) message = message_with (connection);
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_connection_send (carrier, message, -1, NULL, &error));
  g_assert_no_error (error);
}

static void
refuse_connection (AioprocConnection *carrier,
                   AioprocConnection *connection,
                   int                code)
{
  g_autoptr(AioprocMessage) message = message_with (connection);
  g_autoptr(GError) error = NULL;

  g_assert_false (aioproc_connection_send (carrier, message, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, code);
}

static void
test_pass (void)
{
  AioprocConnection *from, *to, *a, *b, *received;
  guint n_fds;

  g_test_summary ("Who sends a connection gives it away, with what nobody received");

  connection_test_pipe (&from, &to);
  connection_test_pipe (&a, &b);
  n_fds = aioproc_test_count_fds ();
  connection_test_send_number (a, 1);
  connection_test_send_number (b, 2);

  send_connection (from, b);
  g_assert_true (aioproc_connection_is_closed (b));
  connection_test_assert_recv (b, G_IO_ERROR_CLOSED);
  refuse_connection (from, b, G_IO_ERROR_CLOSED);

  received = take_connection (to);
  g_assert_true (received != b);
  g_assert_true (aioproc_connection_is_readable (received));
  g_assert_true (aioproc_connection_is_writable (received));
  g_assert_cmpuint (connection_test_recv_number (received), ==, 1);
  g_assert_cmpuint (connection_test_recv_number (a), ==, 2);
  connection_test_send_number (received, 3);
  g_assert_cmpuint (connection_test_recv_number (a), ==, 3);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);

  g_assert_finalize_object (b);
  g_assert_finalize_object (received);
  connection_test_assert_recv (a, G_IO_ERROR_CLOSED);
  g_assert_finalize_object (a);
  g_assert_finalize_object (from);
  g_assert_finalize_object (to);
}

static void
test_pass_directions (void)
{
  AioprocConnection *from, *to, *receiver, *sender, *received;
  g_autoptr(GError) error = NULL;

  g_test_summary ("The ends of a one-way pipe stay what they are, and so does a half-closed one");

  connection_test_pipe (&from, &to);
  g_assert_true (aioproc_pipe (FALSE, &receiver, &sender, &error));
  send_connection (from, receiver);
  received = take_connection (to);
  g_assert_false (aioproc_connection_is_writable (received));
  connection_test_assert_send (received, G_IO_ERROR_PERMISSION_DENIED);
  g_object_unref (receiver);
  receiver = received;

  send_connection (from, sender);
  received = take_connection (to);
  g_assert_false (aioproc_connection_is_readable (received));
  connection_test_send_number (received, 5);
  g_assert_cmpuint (connection_test_recv_number (receiver), ==, 5);
  g_object_unref (sender);
  g_object_unref (received);
  g_object_unref (receiver);

  connection_test_pipe (&receiver, &sender);
  g_assert_true (aioproc_connection_close_send (receiver, &error));
  send_connection (from, receiver);
  received = take_connection (to);
  connection_test_assert_send (received, G_IO_ERROR_PERMISSION_DENIED);
  connection_test_send_number (sender, 6);
  g_assert_cmpuint (connection_test_recv_number (received), ==, 6);
  g_object_unref (sender);
  g_object_unref (received);
  g_object_unref (receiver);

  g_assert_finalize_object (from);
  g_assert_finalize_object (to);
}

static void
test_pass_busy (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(AioprocMessage) twice = NULL;
  g_autoptr(GError) error = NULL;
  AioprocConnection *from, *to, *a, *b;

  g_test_summary ("A connection with something pending stays, and goes on");

  connection_test_pipe (&from, &to);
  connection_test_pipe (&a, &b);

  aioproc_connection_recv_async (a, -1, cancellable, aioproc_test_store_result, &result);
  refuse_connection (from, a, G_IO_ERROR_BUSY);
  g_cancellable_cancel (cancellable);
  connection_test_finish_recv (a, &result, G_IO_ERROR_CANCELLED);

  /* A message that was received, but by nobody. */
  connection_test_send_number (b, 1);
  g_assert_null (aioproc_connection_recv_bytes (a, -1, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_clear_error (&error);
  refuse_connection (from, a, G_IO_ERROR_BUSY);
  g_assert_cmpuint (connection_test_recv_number (a), ==, 1);

  /* Twice in one message, and over itself. */
  twice = message_with (a);
  g_assert_cmpint (aioproc_message_append_object (twice, G_OBJECT (a), &error), ==, 1);
  g_assert_false (aioproc_connection_send (from, twice, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);
  g_clear_error (&error);
  refuse_connection (a, a, G_IO_ERROR_BUSY);

  connection_test_send_number (a, 2);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 2);

  g_clear_object (&twice);
  g_assert_finalize_object (a);
  g_assert_finalize_object (b);
  g_assert_finalize_object (from);
  g_assert_finalize_object (to);
}

static void
test_pass_failed (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  AioprocConnection *from, *to, *a, *b;

  g_test_summary ("A connection that was not sent after all can be used again");

  connection_test_pipe (&from, &to);
  connection_test_pipe (&a, &b);
  connection_test_fill (from, 0);

  message = message_with (a);
  aioproc_connection_send_async (from, message, -1, cancellable, aioproc_test_store_result,
                                 &result);
  connection_test_assert_send (a, G_IO_ERROR_BUSY);
  connection_test_assert_recv (a, G_IO_ERROR_BUSY);
  g_cancellable_cancel (cancellable);
  connection_test_finish_send (from, &result, G_IO_ERROR_CANCELLED);
  connection_test_send_number (a, 1);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 1);

  aioproc_connection_close (to);
  refuse_connection (from, a, G_IO_ERROR_BROKEN_PIPE);
  connection_test_send_number (b, 2);
  g_assert_cmpuint (connection_test_recv_number (a), ==, 2);

  g_clear_object (&message);
  g_assert_finalize_object (a);
  g_assert_finalize_object (b);
  g_assert_finalize_object (from);
  g_assert_finalize_object (to);
}

/* The connection, and what has become of it when its sender was called back. */
typedef struct {
  AioprocConnection *connection;
  int                code;       /* of the send; -1: none */
  gboolean           is_called;
} Passed;

static void
passed_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Passed *self = user_data;
  g_autoptr(GError) error = NULL;

  aioproc_connection_send_finish (AIOPROC_CONNECTION (source), result, &error);

  if (self->code < 0)
    g_assert_no_error (error);
  else
    g_assert_error (error, G_IO_ERROR, self->code);

  g_assert_cmpint (aioproc_connection_is_closed (self->connection), ==, self->code < 0);

  if (self->code >= 0)
    connection_test_send_number (self->connection, 5);

  self->is_called = TRUE;
}

static void
test_pass_called_back (void)
{
  AioprocConnection *from, *to, *a, *b;

  g_test_summary ("Whoever is called back finds the connection given away, or its own again");

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr(AioprocMessage) message = NULL;
      Passed passed = { .code = i == 0 ? G_IO_ERROR_TIMED_OUT : -1 };

      connection_test_pipe (&from, &to);
      connection_test_pipe (&a, &b);
      passed.connection = a;

      if (i == 0)
        connection_test_fill (from, 0);

      message = message_with (a);
      aioproc_connection_send_async (from, message, i == 0 ? 1000 : -1, NULL, passed_cb, &passed);
      aioproc_test_wait_until (passed.is_called);

      if (i == 0)
        g_assert_cmpuint (connection_test_recv_number (b), ==, 5);

      g_clear_object (&message);
      connection_test_release (a, b);
      connection_test_release (from, to);
    }
}

static void
test_pass_called_back_early (gconstpointer data)
{
  gboolean is_closed = GPOINTER_TO_INT (data);

  g_test_summary ("The same where the send is over before its message is encoded");

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      g_autoptr(AioprocMessage) message = NULL;
      Passed passed = { .code = is_closed ? G_IO_ERROR_CLOSED : G_IO_ERROR_CANCELLED };
      AioprocConnection *from, *to, *a, *b;

      connection_test_pipe (&from, &to);
      connection_test_pipe (&a, &b);
      connection_test_fill (from, 0);
      passed.connection = a;
      message = new_long (a);
      aioproc_connection_send_async (from, message, -1, cancellable, passed_cb, &passed);

      if (is_closed)
        aioproc_connection_close (from);
      else
        g_cancellable_cancel (cancellable);

      aioproc_test_wait_until (passed.is_called);
      g_assert_finalize_object (g_steal_pointer (&message));
      g_assert_cmpuint (connection_test_recv_number (b), ==, 5);
      connection_test_release (a, b);
      connection_test_release (from, to);
    }
}

static void
test_pass_lost (void)
{
  AioprocConnection *from, *to, *a, *b;

  g_test_summary ("A connection that is lost on its way has ended");

  connection_test_pipe (&from, &to);
  connection_test_pipe (&a, &b);
  send_connection (from, a);
  g_assert_finalize_object (to);
  connection_test_assert_recv (b, G_IO_ERROR_CLOSED);

  g_assert_finalize_object (a);
  g_assert_finalize_object (b);
  g_assert_finalize_object (from);
}

static gboolean
is_parsing (AioprocConnection *connection)
{
  AIOPROC_MUTEX_AUTO_LOCK (&connection->link->mutex, locker);

  return connection->link->is_parsing;
}

static gboolean
has_part (AioprocConnection *connection)
{
  AIOPROC_MUTEX_AUTO_LOCK (&connection->link->mutex, locker);

  return !aioproc_frame_reader_is_idle (connection->link->reader);
}

/* Sends @passed so that @to has it when it is closed, in part or while it is parsed, but has not
 * given it to anybody. FALSE: it was too late for that.
 */
static gboolean
lose_connection (AioprocConnection *from,
                 AioprocConnection *to,
                 AioprocConnection *passed,
                 gboolean           in_part)
{
  g_autoptr(AioprocMessage) message = new_long (passed);
  g_autoptr(AioprocMessage) received = NULL;
  g_autoptr(GAsyncResult) sent = NULL;
  g_autoptr(GAsyncResult) got = NULL;
  g_autoptr(GError) error = NULL;

  aioproc_connection_send_async (from, message, -1, NULL, aioproc_test_store_result, &sent);

  if (in_part)
    {
      while (!has_part (to))
        {
          g_main_context_iteration (NULL, FALSE);
          g_assert_null (aioproc_connection_try_recv (to, &error));
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
          g_clear_error (&error);
        }
    }
  else
    {
      aioproc_connection_recv_async (to, -1, NULL, aioproc_test_store_result, &got);

      while (!is_parsing (to) && got == NULL)
        g_main_context_iteration (NULL, FALSE);
    }

  aioproc_connection_close (to);

  if (!in_part)
    {
      aioproc_test_wait (&got);
      received = aioproc_connection_recv_finish (to, got, &error);
    }

  aioproc_test_wait (&sent);
  (void) aioproc_connection_send_finish (from, sent, NULL);

  return received == NULL;
}

static void
test_pass_closed (gconstpointer data)
{
  gboolean in_part = GPOINTER_TO_INT (data);
  gboolean lost;

  g_test_summary ("Who closes a connection keeps nothing that has come by it");

  do
    {
      AioprocConnection *from, *to, *a, *b;

      connection_test_pipe (&from, &to);
      connection_test_pipe (&a, &b);
      lost = lose_connection (from, to, b, in_part);
      g_assert_finalize_object (b);

      /* For ever, if anybody had the other end yet. */
      if (lost)
        connection_test_assert_recv (a, G_IO_ERROR_CLOSED);

      g_object_unref (a);
      g_assert_finalize_object (to);
      g_object_unref (from);
    }
  while (!lost);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/connection/pass", test_pass);
  aioproc_test_add_func ("/aioproc/connection/pass/directions", test_pass_directions);
  aioproc_test_add_func ("/aioproc/connection/pass/busy", test_pass_busy);
  aioproc_test_add_func ("/aioproc/connection/pass/failed", test_pass_failed);
  aioproc_test_add_func ("/aioproc/connection/pass/called-back", test_pass_called_back);
  aioproc_test_add_data_func ("/aioproc/connection/pass/called-back/cancelled",
                              GINT_TO_POINTER (FALSE), test_pass_called_back_early);
  aioproc_test_add_data_func ("/aioproc/connection/pass/called-back/closed",
                              GINT_TO_POINTER (TRUE), test_pass_called_back_early);
  aioproc_test_add_func ("/aioproc/connection/pass/lost", test_pass_lost);

  aioproc_test_add_data_func ("/aioproc/connection/pass/closed/in-part", GINT_TO_POINTER (TRUE),
                              test_pass_closed);
  aioproc_test_add_data_func ("/aioproc/connection/pass/closed/parsed", GINT_TO_POINTER (FALSE),
                              test_pass_closed);

  return g_test_run ();
}
