/* wait.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Hears what others have to say, whichever of them says it first. */

#include <aioproc.h>

typedef struct {
  GMainLoop *loop;
  GPtrArray *connections;   /* (element-type AioprocConnection) of those who have not ended */
} Audience;

/* What would run in another process. */
static gpointer
talk (gpointer data)
{
  g_autoptr(AioprocConnection) connection = data;

  for (guint32 i = 1; i <= 3; i++)
    {
      g_autoptr(AioprocMessage) message = aioproc_message_new (g_variant_new_uint32 (i));
      g_autoptr(GError) error = NULL;

      if (!aioproc_connection_send (connection, message, -1, NULL, &error))
        g_error ("%s", error->message);
    }

  return NULL;
}

static void
hear (Audience          *audience,
      AioprocConnection *connection)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocMessage) message = aioproc_connection_try_recv (connection, &error);
  g_autoptr(GVariant) body = NULL;

  if (message != NULL)
    {
      body = aioproc_message_dup_body (message);
      g_print ("Number %u.\n", g_variant_get_uint32 (body));
    }
  else if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    {
      g_print ("One has ended.\n");
      g_ptr_array_remove (audience->connections, connection);
    }
}

static void
ready_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  Audience *audience = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) ready = aioproc_wait_finish (result, &error);

  if (ready == NULL)
    g_error ("%s", error->message);

  for (guint i = 0; i < ready->len; i++)
    hear (audience, g_ptr_array_index (ready, i));

  if (audience->connections->len > 0)
    aioproc_wait_async ((AioprocWaitable **) audience->connections->pdata,
                        audience->connections->len, -1, NULL, ready_cb, audience);
  else
    g_main_loop_quit (audience->loop);
}

int
main (void)
{
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr(GPtrArray) connections = g_ptr_array_new_with_free_func (g_object_unref);
  Audience audience = { loop, connections };

  for (guint i = 0; i < 2; i++)
    {
      AioprocConnection *ours;
      AioprocConnection *theirs;
      g_autoptr(GError) error = NULL;

      if (!aioproc_pipe (TRUE, &ours, &theirs, &error))
        g_error ("%s", error->message);

      g_ptr_array_add (connections, ours);
      g_thread_unref (g_thread_new ("talk", talk, theirs));
    }

  aioproc_wait_async ((AioprocWaitable **) connections->pdata, connections->len, -1, NULL,
                      ready_cb, &audience);
  g_main_loop_run (loop);

  return 0;
}
