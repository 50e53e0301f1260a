/* semaphore.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Five jobs are ready at once, and two at a time may run. */

#include <aioproc.h>

#define N_JOBS 5

typedef struct {
  AioprocSemaphore *slots;
  GMainLoop        *loop;
  int               n_left;
} Jobs;

static gboolean
job_done_cb (gpointer user_data)
{
  Jobs *jobs = user_data;

  g_print ("One is done.\n");
  aioproc_semaphore_release (jobs->slots, NULL);

  if (--jobs->n_left == 0)
    g_main_loop_quit (jobs->loop);

  return G_SOURCE_REMOVE;
}

static void
acquired_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  Jobs *jobs = user_data;
  g_autoptr(GError) error = NULL;

  if (!aioproc_semaphore_acquire_finish (jobs->slots, result, &error))
    g_error ("%s", error->message);

  g_print ("One runs.\n");
  g_timeout_add (20, job_done_cb, jobs);
}

int
main (void)
{
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocSemaphore) slots = aioproc_semaphore_new (2, &error);
  Jobs jobs = { slots, loop, N_JOBS };

  if (slots == NULL)
    g_error ("%s", error->message);

  for (int i = 0; i < N_JOBS; i++)
    aioproc_semaphore_acquire_async (slots, -1, NULL, acquired_cb, &jobs);

  g_main_loop_run (loop);

  return 0;
}
