/* connection-test.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "connection-test.h"

#include <string.h>

#include "aioproc-test.h"

void
connection_test_pipe (AioprocConnection **a,
                      AioprocConnection **b)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_pipe (TRUE, a, b, &error));
  g_assert_no_error (error);
}

void
connection_test_release (AioprocConnection *a,
                         AioprocConnection *b)
{
  g_assert_finalize_object (a);
  g_assert_finalize_object (b);
}

AioprocMessage *
connection_test_new_number (guint32 number)
{
  return aioproc_message_new (g_variant_new ("(us)", number, "small"));
}

AioprocMessage *
connection_test_new_large (guint32 number)
{
  g_autofree char *text = g_strnfill (CONNECTION_TEST_LARGE, 'x');

  return aioproc_message_new (g_variant_new ("(us)", number, text));
}

guint32
connection_test_take_number (AioprocMessage *message)
{
  g_autoptr(AioprocMessage) owned G_GNUC_UNUSED = message;
  g_autoptr(GVariant) body = aioproc_message_dup_body (message);
  const char *text;
  guint32 number;

  g_assert_nonnull (body);
  g_assert_cmpstr (g_variant_get_type_string (body), ==, "(us)");
  g_variant_get (body, "(u&s)", &number, &text);

  if (text[0] == 'x')
    g_assert_cmpuint (strspn (text, "x"), ==, CONNECTION_TEST_LARGE);

  return number;
}

guint32
connection_test_recv_number (AioprocConnection *connection)
{
  g_autoptr(GError) error = NULL;
  AioprocMessage *message = aioproc_connection_recv (connection, -1, NULL, &error);

  g_assert_no_error (error);

  return connection_test_take_number (message);
}

void
connection_test_send_number (AioprocConnection *connection,
                             guint32            number)
{
  g_autoptr(AioprocMessage) message = connection_test_new_number (number);
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_connection_send (connection, message, -1, NULL, &error));
  g_assert_no_error (error);
}

guint32
connection_test_fill (AioprocConnection *connection,
                      guint32            first)
{
  for (guint32 number = first; ; number++)
    {
      g_autoptr(AioprocMessage) message = connection_test_new_number (number);
      g_autoptr(GError) error = NULL;

      if (!aioproc_connection_try_send (connection, message, &error))
        {
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
          return number - first;
        }
    }
}

void
connection_test_assert_send (AioprocConnection *connection,
                             int                code)
{
  g_autoptr(AioprocMessage) message = connection_test_new_number (0);
  g_autoptr(GError) error = NULL;

  g_assert_false (aioproc_connection_send (connection, message, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, code);
}

void
connection_test_assert_recv (AioprocConnection *connection,
                             int                code)
{
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GError) error = NULL;

  message = aioproc_connection_recv (connection, -1, NULL, &error);
  g_assert_error (error, G_IO_ERROR, code);
  g_assert_null (message);
}

guint32
connection_test_finish_number (AioprocConnection  *connection,
                               GAsyncResult      **result)
{
  g_autoptr(GError) error = NULL;
  AioprocMessage *message;

  aioproc_test_wait (result);
  message = aioproc_connection_recv_finish (connection, *result, &error);
  g_assert_no_error (error);
  g_clear_object (result);

  return connection_test_take_number (message);
}

void
connection_test_finish_recv (AioprocConnection  *connection,
                             GAsyncResult      **result,
                             int                 code)
{
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GError) error = NULL;

  aioproc_test_wait (result);
  message = aioproc_connection_recv_finish (connection, *result, &error);
  g_assert_error (error, G_IO_ERROR, code);
  g_assert_null (message);
  g_clear_object (result);
}

void
connection_test_finish_send (AioprocConnection  *connection,
                             GAsyncResult      **result,
                             int                 code)
{
  g_autoptr(GError) error = NULL;

  aioproc_test_wait (result);

  if (code < 0)
    {
      g_assert_true (aioproc_connection_send_finish (connection, *result, &error));
      g_assert_no_error (error);
    }
  else
    {
      g_assert_false (aioproc_connection_send_finish (connection, *result, &error));
      g_assert_error (error, G_IO_ERROR, code);
    }

  g_clear_object (result);
}
