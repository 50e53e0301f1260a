/* test-process-connection.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Connections that are arguments of processes. */

#include <aioproc.h>

#include "aioproc-test.h"
#include "process-functions.h"

static AioprocMessage *
new_message (AioprocStartMethod   method,
             AioprocConnection   *connection,
             GError             **error)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  int handle = aioproc_message_append_object (message, G_OBJECT (connection), error);

  if (handle < 0)
    return NULL;

  aioproc_message_set_body (message, g_variant_new ("(ih)", method, handle));

  return g_steal_pointer (&message);
}

static AioprocConnection *
receive (AioprocCall         *call,
         AioprocStartMethod  *method,
         GError             **error)
{
  int number;
  int handle;

  if (!aioproc_call_get_arguments (call, error, "(ih)", &number, &handle))
    return NULL;

  *method = (AioprocStartMethod) number;

  return AIOPROC_CONNECTION (aioproc_call_dup_object (call, handle, error));
}

/* Sends back what comes, until the end; returns how much that was. */
static GVariant *
echo_all (AioprocCall  *call,
          gpointer      user_data,
          GError      **error)
{
  g_autoptr(AioprocConnection) connection = NULL;
  AioprocStartMethod method;

  connection = receive (call, &method, error);

  if (connection == NULL)
    return NULL;

  for (guint32 n = 0; ; n++)
    {
      g_autoptr(GError) local_error = NULL;
      g_autoptr(AioprocMessage) message = NULL;

      message = aioproc_connection_recv (connection, -1, NULL, &local_error);

      if (g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_CLOSED))
        return g_variant_new ("(u)", n);

      if (message == NULL)
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return NULL;
        }

      if (!aioproc_connection_send (connection, message, -1, NULL, error))
        return NULL;
    }
}

/* Gives it to a worker of its own, whose result is its own, too. */
static GVariant *
pass_on (AioprocCall  *call,
         gpointer      user_data,
         GError      **error)
{
  g_autoptr(AioprocConnection) connection = NULL;
  g_autoptr(AioprocContext) context = NULL;
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(AioprocMessage) message = NULL;
  AioprocStartMethod method;

  connection = receive (call, &method, error);

  if (connection == NULL)
    return NULL;

  context = test_context_new (method);
  message = new_message (method, connection, error);

  if (message == NULL)
    return NULL;

  process = aioproc_process_new_with_message (context, "echo-all", message);

  if (!aioproc_process_start (process, NULL, error) ||
      !aioproc_process_join (process, -1, NULL, error))
    return NULL;

  return aioproc_process_dup_result (process, error);
}

static void
exchange (AioprocConnection *connection,
          guint32            number)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (g_variant_new_uint32 (number));
  g_autoptr(AioprocMessage) answer = NULL;
  g_autoptr(GVariant) body = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_connection_send (connection, message, -1, NULL, &error));
  g_assert_no_error (error);
  answer = aioproc_connection_recv (connection, -1, NULL, &error);
  g_assert_no_error (error);
  body = aioproc_message_dup_body (answer);
  g_assert_cmpuint (g_variant_get_uint32 (body), ==, number);
}

static void
test_process_connection_used (AioprocStartMethod  method,
                              const char         *function)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(AioprocConnection) ours = NULL;
  g_autoptr(AioprocConnection) theirs = NULL;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_pipe (TRUE, &ours, &theirs, &error));
  g_assert_no_error (error);
  message = new_message (method, theirs, &error);
  g_assert_no_error (error);
  process = test_start_with_message (context, function, message);

  for (guint32 i = 0; i < 10; i++)
    exchange (ours, i);

  /* It was given away, or the end would not come. */
  g_assert_true (aioproc_connection_close_send (ours, &error));
  g_assert_no_error (error);
  g_assert_null (aioproc_connection_recv (ours, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_true (aioproc_connection_is_closed (theirs));

  test_join (process);
  value = aioproc_process_dup_result (process, &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (value, g_variant_new ("(u)", 10));
}

static void
test_process_connection (gconstpointer data)
{
  AioprocStartMethod method = GPOINTER_TO_INT (data);

  g_test_summary ("A connection goes to a worker, and on to a worker of that, and is used there");

  test_process_connection_used (method, "echo-all");
  test_process_connection_used (method, "pass-on");
}

static void
test_process_connection_killed (void)
{
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_SPAWN);
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(AioprocConnection) ours = NULL;
  g_autoptr(AioprocConnection) theirs = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A worker that is killed ends the connection that it was given");

  g_assert_true (aioproc_pipe (TRUE, &ours, &theirs, &error));
  message = new_message (AIOPROC_START_METHOD_SPAWN, theirs, &error);
  process = test_start_with_message (context, "echo-all", message);
  exchange (ours, 1);
  g_assert_true (aioproc_process_kill (process, &error));
  g_assert_no_error (error);
  g_assert_null (aioproc_connection_recv (ours, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_true (aioproc_process_join (process, -1, NULL, &error));
}

static void
test_process_connection_never (void)
{
  const char * const argv[] = { "/nonexistent/program", NULL };
  g_autoptr(AioprocContext) context = aioproc_context_new ();
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(AioprocConnection) ours = NULL;
  g_autoptr(AioprocConnection) theirs = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A connection that was given to a worker that never came to be has ended");

  aioproc_context_set_start_method (context, AIOPROC_START_METHOD_SPAWN);
  aioproc_context_set_program (context, argv);
  g_assert_true (aioproc_pipe (TRUE, &ours, &theirs, &error));
  message = new_message (AIOPROC_START_METHOD_SPAWN, theirs, &error);
  g_assert_no_error (error);
  process = aioproc_process_new_with_message (context, "echo-all", message);
  g_assert_false (aioproc_process_start (process, NULL, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_clear_object (&message);

  g_assert_null (aioproc_connection_recv (ours, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_assert_true (aioproc_connection_is_closed (theirs));
}

int
main (int   argc,
      char *argv[])
{
  aioproc_worker_add_function ("echo-all", echo_all, NULL, NULL);
  aioproc_worker_add_function ("pass-on", pass_on, NULL, NULL);
  test_functions_init ();
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_data_func ("/aioproc/process-connection/spawn",
                              GINT_TO_POINTER (AIOPROC_START_METHOD_SPAWN),
                              test_process_connection);
  aioproc_test_add_data_func ("/aioproc/process-connection/forkserver",
                              GINT_TO_POINTER (AIOPROC_START_METHOD_FORKSERVER),
                              test_process_connection);
  aioproc_test_add_func ("/aioproc/process-connection/killed", test_process_connection_killed);
  aioproc_test_add_func ("/aioproc/process-connection/never", test_process_connection_never);

  return g_test_run ();
}
