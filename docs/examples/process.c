/* process.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Runs a function in a process of its own. */

#include <aioproc.h>

static GVariant *
count (AioprocCall  *call,
       GError      **error)
{
  GCancellable *cancellable = aioproc_call_get_cancellable (call);
  guint n;

  if (!aioproc_call_get_arguments (call, error, "(u)", &n))
    return NULL;

  for (guint i = 0; i < n; i++)
    {
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return NULL;
      aioproc_call_report_progress (call, (double) i / n, "Counting");
    }

  return g_variant_new ("(u)", n);
}

static const AioprocFunctionEntry functions[] = { { "count", count } };

static void
joined_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  AioprocProcess *process = AIOPROC_PROCESS (source);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  if (aioproc_process_join_finish (process, result, &error))
    value = aioproc_process_dup_result (process, &error);

  if (value != NULL)
    {
      g_autofree char *text = g_variant_print (value, FALSE);

      g_print ("The result is %s.\n", text);
    }
  else
    {
      g_warning ("%s", error->message);
    }

  g_main_loop_quit (user_data);
}

static void
started_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  AioprocProcess *process = AIOPROC_PROCESS (source);
  g_autoptr(GError) error = NULL;

  if (aioproc_process_start_finish (process, result, &error))
    {
      aioproc_process_join_async (process, -1, NULL, joined_cb, user_data);
    }
  else
    {
      g_warning ("%s", error->message);
      g_main_loop_quit (user_data);
    }
}

int
main (void)
{
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(GMainLoop) loop = NULL;

  aioproc_init (functions, G_N_ELEMENTS (functions));

  loop = g_main_loop_new (NULL, FALSE);
  process = aioproc_process_new (NULL, "count", g_variant_new ("(u)", 100000));
  aioproc_process_start_async (process, NULL, started_cb, loop);
  g_main_loop_run (loop);

  return 0;
}
