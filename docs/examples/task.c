/* task.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Shows how far a task of a pool is, as a progress bar would. */

#include <aioproc.h>

#define N_TERMS  50000000
#define N_PIECES 20

/* In a worker. */
static GVariant *
compute_pi (AioprocCall  *call,
            GError      **error)
{
  GCancellable *cancellable = aioproc_call_get_cancellable (call);
  double sum = 0.0;

  for (int i = 0; i < N_TERMS; i++)
    {
      if (i % (N_TERMS / N_PIECES) == 0)
        {
          if (g_cancellable_set_error_if_cancelled (cancellable, error))
            return NULL;

          aioproc_call_report_progress (call, (double) i / N_TERMS, "Adding terms");
        }

      sum += (i % 2 == 0 ? 4.0 : -4.0) / (2 * i + 1);
    }

  return g_variant_new_double (sum);
}

static const AioprocFunctionEntry functions[] = { { "compute-pi", compute_pi } };

/* In the program, in its main context. */
static void
progress_cb (AioprocTask *task,
             GParamSpec  *pspec,
             gpointer     user_data)
{
  g_autofree char *text = aioproc_task_dup_progress_text (task);

  g_print ("%3.0f %% %s\n", 100.0 * aioproc_task_get_progress (task), text);
}

static void
ended_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  AioprocTask *task = AIOPROC_TASK (source);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  if (!aioproc_task_wait_finish (task, result, &error)
      || (value = aioproc_task_dup_result (task, &error)) == NULL)
    g_error ("%s", error->message);

  g_print ("Process %d computed %.5f.\n", aioproc_task_get_worker_pid (task),
           g_variant_get_double (value));

  g_main_loop_quit (user_data);
}

int
main (void)
{
  g_autoptr(AioprocPool) pool = NULL;
  g_autoptr(AioprocTask) task = NULL;
  g_autoptr(GMainLoop) loop = NULL;
  g_autoptr(GError) error = NULL;

  aioproc_init (functions, G_N_ELEMENTS (functions));

  loop = g_main_loop_new (NULL, FALSE);
  task = aioproc_task_new ("compute-pi", NULL);
  g_signal_connect (task, "notify::progress", G_CALLBACK (progress_cb), NULL);

  pool = aioproc_pool_new (NULL, 1, &error);
  if (pool == NULL || !aioproc_pool_submit (pool, task, &error))
    g_error ("%s", error->message);

  aioproc_task_wait_async (task, -1, NULL, ended_cb, loop);
  g_main_loop_run (loop);

  return 0;
}
