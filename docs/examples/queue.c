/* queue.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Gets what comes out of a queue until it is closed, while the main loop goes on. */

#include <aioproc.h>

static void
got_cb (GObject      *source,
        GAsyncResult *result,
        gpointer      user_data)
{
  AioprocQueue *queue = AIOPROC_QUEUE (source);
  GMainLoop *loop = user_data;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  value = aioproc_queue_get_finish (queue, result, &error);

  if (value != NULL)
    {
      g_print ("Got %d.\n", g_variant_get_int32 (value));
      aioproc_queue_get_async (queue, -1, NULL, got_cb, loop);
    }
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    {
      g_print ("There is no more.\n");
      g_main_loop_quit (loop);
    }
  else
    {
      g_error ("%s", error->message);
    }
}

/* Here the one who puts is this program itself: that makes no difference. */
static gboolean
put_cb (gpointer user_data)
{
  AioprocQueue *queue = user_data;
  g_autoptr(GError) error = NULL;
  static int number;

  if (number++ < 3)
    {
      if (!aioproc_queue_try_put (queue, g_variant_new_int32 (number), &error))
        g_error ("%s", error->message);

      return G_SOURCE_CONTINUE;
    }

  if (!aioproc_queue_close (queue, FALSE, &error))
    g_error ("%s", error->message);

  return G_SOURCE_REMOVE;
}

int
main (void)
{
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocQueue) queue = aioproc_queue_new (0, &error);

  if (queue == NULL)
    g_error ("%s", error->message);

  aioproc_queue_get_async (queue, -1, NULL, got_cb, loop);

  g_timeout_add (20, put_cb, queue);
  g_main_loop_run (loop);

  return 0;
}
