/* gapplication.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* An application whose workers are its own executable, and which shows what they do. */

#include <aioproc.h>

static GVariant *
count_primes (AioprocCall  *call,
              GError      **error)
{
  guint limit, n_primes = 0;

  if (!aioproc_call_get_arguments (call, error, "(u)", &limit))
    return NULL;

  for (guint number = 2; number <= limit; number++)
    {
      guint divisor = 2;

      while (number % divisor != 0 && divisor * divisor <= number)
        divisor++;
      n_primes += number % divisor != 0 || number == divisor;

      if (g_cancellable_set_error_if_cancelled (aioproc_call_get_cancellable (call), error))
        return NULL;
      aioproc_call_report_progress (call, (double) number / limit, "Counting");
    }
  return g_variant_new ("(u)", n_primes);
}

static const AioprocFunctionEntry functions[] = { { "count-primes", count_primes } };

static void
progress_cb (GObject    *object,
             GParamSpec *pspec,
             gpointer    user_data)
{
  g_print ("%3.0f %%\n", aioproc_process_get_progress (AIOPROC_PROCESS (object)) * 100);
}

static void
joined_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr(GApplication) app = user_data;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;
  guint n_primes;

  if (aioproc_process_join_finish (AIOPROC_PROCESS (source), result, &error))
    value = aioproc_process_dup_result (AIOPROC_PROCESS (source), &error);
  if (value == NULL)
    g_error ("%s", error->message);
  g_variant_get (value, "(u)", &n_primes);
  g_print ("There are %u primes up to 300000.\n", n_primes);
  g_application_release (app);
}

static void
started_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr(GError) error = NULL;

  if (!aioproc_process_start_finish (AIOPROC_PROCESS (source), result, &error))
    g_error ("%s", error->message);
  aioproc_process_join_async (AIOPROC_PROCESS (source), -1, NULL, joined_cb, user_data);
}

static void
activate_cb (GApplication *app,
             gpointer      user_data)
{
  g_autoptr(AioprocProcess) process =
    aioproc_process_new (NULL, "count-primes", g_variant_new ("(u)", 300000));

  g_signal_connect (process, "notify::progress", G_CALLBACK (progress_cb), NULL);
  g_application_hold (app);
  aioproc_process_start_async (process, NULL, started_cb, g_object_ref (app));
}

int
main (int   argc,
      char *argv[])
{
  g_autoptr(GApplication) app = NULL;

  aioproc_init (functions, G_N_ELEMENTS (functions));

  app = g_application_new (NULL, G_APPLICATION_NON_UNIQUE);
  g_signal_connect (app, "activate", G_CALLBACK (activate_cb), NULL);
  return g_application_run (app, argc, argv);
}
