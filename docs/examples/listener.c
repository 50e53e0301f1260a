/* listener.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Listens, connects, and says hello, in one main loop. */

#include <aioproc.h>

static void
received_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GVariant) body = NULL;
  g_autoptr(GError) error = NULL;

  message = aioproc_connection_recv_finish (AIOPROC_CONNECTION (source), result, &error);

  if (message == NULL)
    g_error ("%s", error->message);

  body = aioproc_message_dup_body (message);

  if (body == NULL || !g_variant_is_of_type (body, G_VARIANT_TYPE_STRING))
    g_error ("This is no greeting");

  g_print ("A client says: %s\n", g_variant_get_string (body, NULL));
  g_main_loop_quit (user_data);
}

static void
accepted_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr(AioprocConnection) connection = NULL;
  g_autoptr(GError) error = NULL;

  connection = aioproc_listener_accept_finish (AIOPROC_LISTENER (source), result, &error);

  if (connection == NULL)
    g_error ("%s", error->message);

  aioproc_connection_recv_async (connection, -1, NULL, received_cb, user_data);
}

/* What would run in another process, which knows the address and the key. */
static void
connected_cb (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (g_variant_new_string ("hello"));
  g_autoptr(AioprocConnection) connection = NULL;
  g_autoptr(GError) error = NULL;

  connection = aioproc_client_connect_to_finish (AIOPROC_CLIENT (source), result, &error);

  if (connection == NULL)
    g_error ("%s", error->message);

  aioproc_connection_send_async (connection, message, -1, NULL, NULL, NULL);
}

int
main (void)
{
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  /* A real one is random, and kept in a file that nobody else can read. */
  g_autoptr(GBytes) key = g_bytes_new_static ("32 bytes that no one else knows.", 32);
  g_autoptr(AioprocSecurity) security = aioproc_security_new (key);
  g_autoptr(AioprocClient) client = aioproc_client_new (security);
  g_autoptr(AioprocListener) listener = NULL;
  g_autoptr(GError) error = NULL;
  GSocketAddress *address;

  listener = aioproc_listener_new (NULL, security, &error);

  if (listener == NULL)
    g_error ("%s", error->message);

  address = aioproc_listener_get_address (listener);
  aioproc_listener_accept_async (listener, -1, NULL, accepted_cb, loop);
  aioproc_client_connect_to_async (client, G_SOCKET_CONNECTABLE (address), -1, NULL, connected_cb,
                                   NULL);
  g_main_loop_run (loop);

  return 0;
}
