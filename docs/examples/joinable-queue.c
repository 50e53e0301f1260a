/* joinable-queue.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Waits until all tasks of a queue are done, while the main loop goes on. */

#include <aioproc.h>

static void
joined_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  GMainLoop *loop = user_data;
  g_autoptr(GError) error = NULL;

  if (!aioproc_joinable_queue_join_finish (AIOPROC_JOINABLE_QUEUE (source), result, &error))
    g_error ("%s", error->message);

  g_print ("All is done.\n");
  g_main_loop_quit (loop);
}

/* Here the worker is this program itself: that makes no difference. */
static void
got_cb (GObject      *source,
        GAsyncResult *result,
        gpointer      user_data)
{
  AioprocQueue *queue = AIOPROC_QUEUE (source);
  g_autoptr(GVariant) task = NULL;
  g_autoptr(GError) error = NULL;

  task = aioproc_queue_get_finish (queue, result, &error);

  if (task == NULL)
    return;

  g_print ("Did task %d.\n", g_variant_get_int32 (task));

  if (!aioproc_joinable_queue_task_done (AIOPROC_JOINABLE_QUEUE (queue), &error))
    g_error ("%s", error->message);

  aioproc_queue_get_async (queue, -1, G_CANCELLABLE (user_data), got_cb, user_data);
}

int
main (void)
{
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocJoinableQueue) tasks = aioproc_joinable_queue_new (0, &error);

  if (tasks == NULL)
    g_error ("%s", error->message);

  for (int i = 1; i <= 3; i++)
    {
      if (!aioproc_queue_try_put (AIOPROC_QUEUE (tasks), g_variant_new_int32 (i), &error))
        g_error ("%s", error->message);
    }

  aioproc_queue_get_async (AIOPROC_QUEUE (tasks), -1, cancellable, got_cb, cancellable);
  aioproc_joinable_queue_join_async (tasks, -1, NULL, joined_cb, loop);
  g_main_loop_run (loop);

  /* The worker still waits for more. */
  g_cancellable_cancel (cancellable);

  while (g_main_context_iteration (NULL, FALSE))
    continue;

  return 0;
}
