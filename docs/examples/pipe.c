/* pipe.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Asks a question over a pipe, and gets the answer while the main loop goes on. */

#include <aioproc.h>

/* What would run in another process. */
static gpointer
answer (gpointer data)
{
  AioprocConnection *connection = data;

  for (;;)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(AioprocMessage) question = NULL;
      g_autoptr(AioprocMessage) reply = NULL;
      g_autoptr(GVariant) body = NULL;

      question = aioproc_connection_recv (connection, -1, NULL, &error);

      if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
        return NULL;

      if (question == NULL)
        g_error ("%s", error->message);

      body = aioproc_message_dup_body (question);

      if (body == NULL || !g_variant_is_of_type (body, G_VARIANT_TYPE_UINT32))
        g_error ("This is no question");

      reply = aioproc_message_new (g_variant_new_uint32 (2 * g_variant_get_uint32 (body)));

      if (!aioproc_connection_send (connection, reply, -1, NULL, &error))
        g_error ("%s", error->message);
    }
}

static void
received_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  GMainLoop *loop = user_data;
  g_autoptr(AioprocMessage) reply = NULL;
  g_autoptr(GVariant) body = NULL;
  g_autoptr(GError) error = NULL;

  reply = aioproc_connection_recv_finish (AIOPROC_CONNECTION (source), result, &error);

  if (reply == NULL)
    g_error ("%s", error->message);

  body = aioproc_message_dup_body (reply);
  g_print ("Twice 21 is %u.\n", g_variant_get_uint32 (body));
  g_main_loop_quit (loop);
}

int
main (void)
{
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr(AioprocMessage) question = aioproc_message_new (g_variant_new_uint32 (21));
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocConnection) ours = NULL;
  g_autoptr(AioprocConnection) theirs = NULL;
  GThread *thread;

  if (!aioproc_pipe (TRUE, &ours, &theirs, &error))
    g_error ("%s", error->message);

  thread = g_thread_new ("answer", answer, theirs);
  aioproc_connection_recv_async (ours, -1, NULL, received_cb, loop);
  aioproc_connection_send_async (ours, question, -1, NULL, NULL, NULL);
  g_main_loop_run (loop);

  /* The other side notices. */
  aioproc_connection_close (ours);
  g_thread_join (thread);

  return 0;
}
