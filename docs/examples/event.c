/* event.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Waits until an event is set, and gives up after five seconds. */

#include <aioproc.h>

static void
ready_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  AioprocEvent *event = AIOPROC_EVENT (source);
  GMainLoop *loop = user_data;
  g_autoptr(GError) error = NULL;

  if (aioproc_event_wait_finish (event, result, &error))
    g_print ("The event is set.\n");
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    g_error ("Nobody has set the event in five seconds");
  else
    g_error ("%s", error->message);

  g_main_loop_quit (loop);
}

static gboolean
set_cb (gpointer user_data)
{
  AioprocEvent *event = user_data;
  g_autoptr(GError) error = NULL;

  /* Releases all who wait, in all processes. */
  if (!aioproc_event_set (event, &error))
    g_error ("%s", error->message);

  return G_SOURCE_REMOVE;
}

int
main (void)
{
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocEvent) event = aioproc_event_new (&error);

  if (event == NULL)
    g_error ("%s", error->message);

  aioproc_event_wait_async (event, 5 * G_TIME_SPAN_SECOND, NULL, ready_cb, loop);

  g_timeout_add (20, set_cb, event);
  g_main_loop_run (loop);

  return 0;
}
