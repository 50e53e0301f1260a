/* test-process-exit.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include <glib/gstdio.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "process-functions.h"

static char *
new_file (void)
{
  char *path = NULL;
  g_autoptr(GError) error = NULL;
  int fd = g_file_open_tmp ("aioproc-test-XXXXXX", &path, &error);

  g_assert_no_error (error);
  g_close (fd, NULL);

  return path;
}

static char *
read_and_remove (const char *path)
{
  char *contents = NULL;
  g_autoptr(GError) error = NULL;

  g_file_get_contents (path, &contents, NULL, &error);
  g_assert_no_error (error);
  g_unlink (path);

  return contents;
}

/* Runs the program, and waits for the end of all that have its standard error: that is, of all
 * workers too. What they have written.
 */
static char *
run_program (const char         *name,
             AioprocStartMethod  method,
             int                *wait_status)
{
  g_autofree char *program = aioproc_test_build_helper_path ("aioproc-test-exit");
  g_autofree char *method_string = g_strdup_printf ("%d", (int) method);
  g_autofree char *path = new_file ();
  const char *argv[] = { program, name, method_string, path, NULL };
  g_auto(GStrv) environment = g_get_environ ();
  g_autofree char *output = NULL;
  g_autoptr(GError) error = NULL;

  /* What the threads of its parent hold is lost to a forked child. */
  if (g_str_equal (name, "forks"))
    environment = g_environ_setenv (environment, "ASAN_OPTIONS", "detect_leaks=0", TRUE);

  g_spawn_sync (NULL, (char **) argv, environment, G_SPAWN_DEFAULT, NULL, NULL, NULL, &output,
                wait_status, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (output, ==, "");

  return read_and_remove (path);
}

static void
test_process_exit_joins (AioprocStartMethod method)
{
  g_autofree char *written = NULL;
  int wait_status;

  g_test_summary ("The end of a program waits for its workers");

  written = run_program ("joins", method, &wait_status);
  g_assert_cmpint (wait_status, ==, 0);
  g_assert_cmpstr (written, ==, "finished ");
}

static void
test_process_exit_terminates (AioprocStartMethod method)
{
  g_autofree char *written = NULL;
  int wait_status;

  g_test_summary ("The end of a program terminates daemonic workers");

  written = run_program ("terminates", method, &wait_status);
  g_assert_cmpint (wait_status, ==, 0);
  g_assert_cmpstr (written, ==, "terminated ");
}

static void
test_process_exit_kills (AioprocStartMethod method)
{
  g_autofree char *written = NULL;
  int wait_status;

  g_test_summary ("The end of a program kills what does not end in time");

  written = run_program ("kills", method, &wait_status);
  g_assert_cmpint (wait_status, ==, 0);
  g_assert_cmpstr (written, ==, "");
}

static void
test_process_exit_killed (AioprocStartMethod method)
{
  g_autofree char *written = NULL;
  int wait_status;

  g_test_summary ("No worker outlives a program that is killed");

  written = run_program ("killed", method, &wait_status);
  g_assert_true (WIFSIGNALED (wait_status));
  g_assert_cmpint (WTERMSIG (wait_status), ==, SIGKILL);
}

static void
test_process_exit_floods (AioprocStartMethod method)
{
  g_autofree char *written = NULL;
  int wait_status;

  g_test_summary ("A worker that logs without end does not outlive the program either");

  written = run_program ("floods", method, &wait_status);
  g_assert_cmpint (wait_status, ==, 0);
}

static void
test_process_exit_starting (AioprocStartMethod method)
{
  g_autofree char *written = NULL;
  int wait_status;

  g_test_summary ("A program may end while it starts a worker");

  for (guint i = 0; i < 10; i++)
    {
      written = run_program ("starting", method, &wait_status);
      g_assert_cmpint (wait_status, ==, 0);
      g_clear_pointer (&written, g_free);
    }
}

static void
test_process_exit_forks (AioprocStartMethod method)
{
  g_autofree char *written = NULL;
  int wait_status;

  g_test_summary ("A forked child that ends does nothing that its parent is to do");

  written = run_program ("forks", method, &wait_status);
  g_assert_cmpint (wait_status, ==, 0);
  g_assert_true (g_str_equal (written, "forked finished handler ") ||
                 g_str_equal (written, "finished forked handler "));
}

static void
test_process_exit_grandchildren (AioprocStartMethod method)
{
  g_autofree char *written = NULL;
  int wait_status;

  g_test_summary ("The end of a worker sees to the processes that it has started");

  written = run_program ("grandchildren", method, &wait_status);
  g_assert_cmpint (wait_status, ==, 0);
  g_assert_cmpstr (written, ==, "joined ");
}

static void
test_process_exit_handlers (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autofree char *path = new_file ();
  g_autofree char *other_path = new_file ();
  g_autofree char *written = NULL;
  g_autofree char *other_written = NULL;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Exit handlers of a worker run once, the latest first, also if it calls exit()");

  value = test_run (context, "exit-handler", g_variant_new ("(sb)", path, FALSE), &error);
  g_assert_no_error (error);
  written = read_and_remove (path);
  g_assert_cmpstr (written, ==, "21");

  g_assert_null (test_run (context, "exit-handler", g_variant_new ("(sb)", other_path, TRUE),
                           &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);
  other_written = read_and_remove (other_path);
  g_assert_cmpstr (other_written, ==, "21");
}

int
main (int   argc,
      char *argv[])
{
  test_functions_init ();
  aioproc_test_init (&argc, &argv);

  test_add_for_methods ("/aioproc/process-exit/joins", test_process_exit_joins);
  test_add_for_methods ("/aioproc/process-exit/terminates", test_process_exit_terminates);
  test_add_for_methods ("/aioproc/process-exit/kills", test_process_exit_kills);
  test_add_for_methods ("/aioproc/process-exit/killed", test_process_exit_killed);
  test_add_for_methods ("/aioproc/process-exit/floods", test_process_exit_floods);
  test_add_for_methods ("/aioproc/process-exit/starting", test_process_exit_starting);
  test_add_for_methods ("/aioproc/process-exit/forks", test_process_exit_forks);
  test_add_for_methods ("/aioproc/process-exit/grandchildren", test_process_exit_grandchildren);
  test_add_for_methods ("/aioproc/process-exit/handlers", test_process_exit_handlers);

  return g_test_run ();
}
