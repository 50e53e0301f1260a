/* context.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Runs a function in a process that has its own environment, folder and limits. */

#include <aioproc.h>

static GVariant *
look_around (AioprocCall  *call,
             GError      **error)
{
  g_autofree char *folder = g_get_current_dir ();

  return g_variant_new ("(sms)", folder, g_getenv ("COLOUR"));
}

static const AioprocFunctionEntry functions[] = { { "look-around", look_around } };

static AioprocContext *
new_context (void)
{
  g_auto(GStrv) environment = g_environ_setenv (g_get_environ (), "COLOUR", "green", TRUE);
  AioprocContext *context = aioproc_context_new ();

  aioproc_context_set_start_method (context, AIOPROC_START_METHOD_SPAWN);
  aioproc_context_set_environment (context, (const char * const *) environment);
  aioproc_context_set_working_directory (context, "/");
  aioproc_context_set_cpu_time_limit (context, 60);
  aioproc_context_set_exit_timeout (context, 10 * G_TIME_SPAN_SECOND);

  return context;
}

int
main (void)
{
  g_autoptr(AioprocContext) context = NULL;
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(GVariant) result = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *text = NULL;

  aioproc_init (functions, G_N_ELEMENTS (functions));

  context = new_context ();
  process = aioproc_process_new (context, "look-around", NULL);

  if (aioproc_process_start (process, NULL, &error) &&
      aioproc_process_join (process, -1, NULL, &error))
    result = aioproc_process_dup_result (process, &error);

  if (result == NULL)
    g_error ("%s", error->message);

  text = g_variant_print (result, FALSE);
  g_print ("%s\n", text);

  return 0;
}
