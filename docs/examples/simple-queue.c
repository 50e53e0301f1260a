/* simple-queue.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Gets one value, while the main loop goes on. */

#include <aioproc.h>

static void
got_cb (GObject      *source,
        GAsyncResult *result,
        gpointer      user_data)
{
  AioprocSimpleQueue *queue = AIOPROC_SIMPLE_QUEUE (source);
  GMainLoop *loop = user_data;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  value = aioproc_simple_queue_get_finish (queue, result, &error);

  if (value == NULL)
    g_error ("%s", error->message);

  g_print ("Got “%s”.\n", g_variant_get_string (value, NULL));
  g_main_loop_quit (loop);
}

int
main (void)
{
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocSimpleQueue) queue = aioproc_simple_queue_new (&error);

  if (queue == NULL)
    g_error ("%s", error->message);

  aioproc_simple_queue_get_async (queue, -1, NULL, got_cb, loop);

  if (!aioproc_simple_queue_put (queue, g_variant_new_string ("a value"), -1, NULL, &error))
    g_error ("%s", error->message);

  g_main_loop_run (loop);

  return 0;
}
