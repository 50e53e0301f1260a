/* leaving-main.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A program that ends in an unusual way while it has workers: leaving-main CASE METHOD. What it
 * writes is for the test to compare.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <aioproc.h>

#include "adverse-functions.h"
#include "aioproc-test.h"
#include "process-functions.h"

/* No worker of this program ends by itself within the first, and none is waited for longer than
 * the second.
 */
#define PATIENCE_USEC     (600 * G_USEC_PER_SEC)
#define IMPATIENCE_USEC   (50 * 1000)

static AioprocStartMethod start_method;

static AioprocContext *
new_context (gint64 exit_timeout_usec)
{
  AioprocContext *context = test_context_new (start_method);

  aioproc_context_set_exit_timeout (context, exit_timeout_usec);

  return context;
}

static AioprocProcess *
start_daemon (AioprocContext *context,
              const char     *function)
{
  AioprocProcess *process = aioproc_process_new (context, function, NULL);
  g_autoptr(GError) error = NULL;

  aioproc_process_set_daemon (process, TRUE, &error);
  g_assert_no_error (error);
  aioproc_process_start (process, NULL, &error);
  g_assert_no_error (error);

  return process;
}

static void
start_both (AioprocContext *context)
{
  test_start (context, "block", NULL);
  start_daemon (context, "block");
}

static gpointer
join_thread (gpointer data)
{
  aioproc_process_join (data, -1, NULL, NULL);

  return NULL;
}

static gpointer
exit_thread (gpointer data)
{
  exit (GPOINTER_TO_INT (data));
}

/* --- The cases --- */

/* The main thread waits for a worker meanwhile, and so does another one. */
static void
leave_from_thread (void)
{
  AioprocProcess *process = test_start (new_context (IMPATIENCE_USEC), "block", NULL);

  g_thread_unref (g_thread_new ("join", join_thread, process));
  g_thread_unref (g_thread_new ("exit", exit_thread, GINT_TO_POINTER (3)));
  join_thread (process);
  pause ();
}

static void
exit_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  exit (3);
}

static void
leave_from_callback (void)
{
  AioprocContext *context = new_context (IMPATIENCE_USEC);
  AioprocProcess *process = test_start (context, "square", g_variant_new ("(i)", 1));

  start_both (context);
  aioproc_process_join_async (process, -1, NULL, exit_cb, NULL);
  for (;;)
    g_main_context_iteration (NULL, TRUE);
}

static GLogWriterOutput
exit_for_record_cb (GLogLevelFlags   level,
                    const GLogField *fields,
                    gsize            n_fields,
                    gpointer         user_data)
{
  exit (3);
}

/* The thread that the library hears of its workers in. */
static void
leave_from_log_writer (void)
{
  AioprocContext *context = new_context (IMPATIENCE_USEC);
  AioprocProcess *process;

  start_both (context);
  g_log_set_writer_func (exit_for_record_cb, NULL, NULL);
  process = aioproc_process_new (context, "log", g_variant_new ("(us)", G_LOG_LEVEL_MESSAGE, "x"));
  aioproc_process_start_async (process, NULL, NULL, NULL);
  for (;;)
    pause ();
}

static void
leave_at_once (void)
{
  start_both (new_context (PATIENCE_USEC));
  _exit (3);
}

static void
leave_quickly (void)
{
  start_both (new_context (PATIENCE_USEC));
  quick_exit (3);
}

static void
leave_by_abort (void)
{
  start_both (new_context (PATIENCE_USEC));
  abort ();
}

static void
leave_by_exec (void)
{
  start_both (new_context (PATIENCE_USEC));
  execl ("/bin/sh", "sh", "-c", "echo executed; exit 3", NULL);
}

static gboolean
quit_cb (gpointer user_data)
{
  g_main_loop_quit (user_data);

  return G_SOURCE_REMOVE;
}

static void
never_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  printf ("called\n");
}

/* With operations that nobody will ever complete. */
static void
leave_main_loop (void)
{
  AioprocContext *context = new_context (IMPATIENCE_USEC);
  GMainLoop *loop = g_main_loop_new (NULL, FALSE);
  AioprocProcess *process = test_start (context, "block", NULL);
  g_autoptr(GSource) source = g_timeout_source_new (20);

  start_both (context);
  aioproc_process_join_async (process, -1, NULL, never_cb, NULL);
  aioproc_process_join_async (process, 60 * G_USEC_PER_SEC, NULL, never_cb, NULL);
  g_source_set_callback (source, quit_cb, loop, NULL);
  g_source_attach (source, NULL);
  g_main_loop_run (loop);
  g_main_loop_unref (loop);
  exit (3);
}

/* A worker that is stopped cannot be told to end. */
static void
leave_stopped (void)
{
  AioprocContext *context = new_context (IMPATIENCE_USEC);
  AioprocProcess *process = test_start (context, "block", NULL);
  AioprocProcess *daemon_process = start_daemon (context, "block");

  kill (aioproc_process_get_pid (process), SIGSTOP);
  kill (aioproc_process_get_pid (daemon_process), SIGSTOP);
  exit (3);
}

/* The start waits for a forkserver that never comes so far, or for a worker that never says so. */
static void
leave_starting (void)
{
  AioprocContext *context = new_context (IMPATIENCE_USEC);
  const char *argv[] = { "/bin/sh", "-c", "exec sleep 1000", NULL };
  AioprocProcess *process;

  aioproc_context_set_program (context, argv);

  process = aioproc_process_new (context, "any", NULL);
  aioproc_process_start_async (process, NULL, never_cb, NULL);
  process = aioproc_process_new (context, "any", NULL);
  aioproc_process_set_daemon (process, TRUE, NULL);
  aioproc_process_start_async (process, NULL, never_cb, NULL);
  exit (3);
}

static gpointer
start_thread (gpointer data)
{
  for (;;)
    {
      AioprocProcess *process = aioproc_process_new (data, "block", NULL);

      aioproc_process_start (process, NULL, NULL);
      aioproc_process_kill (process, NULL);
      g_object_unref (process);
    }

  return NULL;
}

/* Other threads go on starting processes. */
static void
leave_busily (void)
{
  AioprocContext *context = new_context (IMPATIENCE_USEC);

  start_both (context);
  for (guint i = 0; i < 3; i++)
    g_thread_unref (g_thread_new ("start", start_thread, context));

  /* They are in the midst of it. */
  for (guint i = 0; i < 20; i++)
    {
      g_autoptr(GVariant) value = test_run (context, "square", g_variant_new ("(i)", 1), NULL);

      g_assert_nonnull (value);
    }

  exit (3);
}

/* Workers that never stop to talk, while this program has no more time for them. */
static GLogWriterOutput
drop_record_cb (GLogLevelFlags   level,
                const GLogField *fields,
                gsize            n_fields,
                gpointer         user_data)
{
  return G_LOG_WRITER_HANDLED;
}

static void
leave_talking (void)
{
  AioprocContext *context = new_context (IMPATIENCE_USEC);

  g_log_set_writer_func (drop_record_cb, NULL, NULL);
  for (guint i = 0; i < 3; i++)
    {
      test_start (context, "log-for-ever", NULL);
      start_daemon (context, "log-for-ever");
    }
  exit (3);
}

/* Daemons end at once, and are known to have, although others are waited for. */
static void
check_daemon_cb (gpointer user_data)
{
  AioprocProcess **processes = user_data;
  int exit_code = 99;

  aioproc_process_get_exit_code (processes[0], &exit_code);
  printf ("daemon %d\n", exit_code);
  aioproc_process_get_exit_code (processes[1], &exit_code);
  printf ("other %d\n", exit_code);
  fflush (stdout);
}

static void
leave_in_order (void)
{
  static AioprocProcess *processes[2];
  AioprocContext *context = new_context (PATIENCE_USEC);

  /* The end of the daemon is what the other one waits for. */
  processes[0] = start_daemon (context, "block");
  processes[1] = test_start (context, "await-end",
                             g_variant_new ("(i)", aioproc_process_get_pid (processes[0])));
  aioproc_worker_add_exit_handler (check_daemon_cb, processes, NULL);
  exit (3);
}

static void
start_late_cb (gpointer user_data)
{
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  value = test_run (user_data, "square", g_variant_new ("(i)", 3), &error);
  printf ("late %s\n", value != NULL ? "works" : error->message);
  fflush (stdout);
  test_start (user_data, "block", NULL);
}

/* What handlers start is not waited for, and ends with the program. */
static void
leave_starting_late (void)
{
  AioprocContext *context = new_context (PATIENCE_USEC);

  test_join (test_start (context, "square", g_variant_new ("(i)", 3)));
  aioproc_worker_add_exit_handler (start_late_cb, context, NULL);
  exit (3);
}

static const struct
{
  const char  *name;
  void       (*leave) (void);
} cases[] = {
  { "from-thread", leave_from_thread },
  { "from-callback", leave_from_callback },
  { "from-log-writer", leave_from_log_writer },
  { "at-once", leave_at_once },
  { "quickly", leave_quickly },
  { "by-abort", leave_by_abort },
  { "by-exec", leave_by_exec },
  { "main-loop", leave_main_loop },
  { "stopped", leave_stopped },
  { "starting", leave_starting },
  { "busily", leave_busily },
  { "talking", leave_talking },
  { "in-order", leave_in_order },
  { "starting-late", leave_starting_late },
};

int
main (int   argc,
      char *argv[])
{
  test_adverse_functions_init ();

  g_assert_cmpint (argc, ==, 3);
  start_method = (AioprocStartMethod) atoi (argv[2]);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      if (g_str_equal (cases[i].name, argv[1]))
        cases[i].leave ();
    }

  return EXIT_FAILURE;
}
