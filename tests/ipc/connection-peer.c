/* connection-peer.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* The other end of a connection, in a process of its own: `peer FD echo` sends back all that it
 * receives, `peer FD flood` sends numbers for ever.
 */

#include <stdlib.h>

#include <aioproc.h>

static int
echo (AioprocConnection *connection)
{
  for (;;)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(AioprocMessage) message = aioproc_connection_recv (connection, -1, NULL, &error);

      if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
        return 0;

      if (message == NULL || !aioproc_connection_send (connection, message, -1, NULL, &error))
        {
          g_printerr ("%s\n", error->message);
          return 1;
        }
    }
}

static int
flood (AioprocConnection *connection)
{
  for (guint32 i = 0; ; i++)
    {
      g_autoptr(AioprocMessage) message = aioproc_message_new (g_variant_new ("(us)", i, "flood"));

      if (!aioproc_connection_send (connection, message, -1, NULL, NULL))
        return 0;
    }
}

int
main (int   argc,
      char *argv[])
{
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocConnection) connection = NULL;

  if (argc != 3)
    return 2;

  connection = aioproc_connection_new_for_fd (atoi (argv[1]), &error);

  if (connection == NULL)
    {
      g_printerr ("%s\n", error->message);
      return 2;
    }

  return g_str_equal (argv[2], "echo") ? echo (connection) : flood (connection);
}
