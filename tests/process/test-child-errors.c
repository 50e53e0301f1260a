/* test-child-errors.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <glib/gstdio.h>
#include <unistd.h>

#include "aioproc-error.h"
#include "aioproc-test.h"
#include "child-test.h"

/* The error of a child that never came to be, which has to have @text in it. */
static void
assert_fails (AioprocChildSpec *spec,
              GQuark            domain,
              int               code,
              const char       *text)
{
  AioprocTestChild *child = aioproc_test_child_new (spec, "exit", 0);
  int wait_status;

  aioproc_test_child_wait_ended (child);
  g_assert_error (child->error, domain, code);
  g_assert_nonnull (strstr (child->error->message, text));
  g_assert_false (child->is_started);
  g_assert_cmpuint (child->frames->len, ==, 0);
  g_assert_cmpint (aioproc_child_get_pid (child->child), ==, 0);
  g_assert_cmpint (aioproc_child_get_pidfd (child->child), ==, -1);
  g_assert_false (aioproc_child_get_wait_status (child->child, &wait_status));
  g_assert_true (aioproc_child_send_signal (child->child, 9, NULL));

  aioproc_test_child_free (child);
}

static void
assert_works (AioprocChildSpec *spec)
{
  AioprocTestChild *child = aioproc_test_child_new (spec, "exit", 0);

  g_assert_cmpint (aioproc_test_child_get_status (child), ==, 0);
  aioproc_test_child_free (child);
}

static AioprocChildSpec *
spec_for_program (AioprocChildMethod  method,
                  const char         *first_argument,
                  ...)
{
  AioprocChildSpec *spec = aioproc_child_spec_new (method);
  g_autoptr(GPtrArray) arguments = g_ptr_array_new ();
  const char *argument = first_argument;
  va_list list;

  va_start (list, first_argument);

  for (; argument != NULL; argument = va_arg (list, const char *))
    g_ptr_array_add (arguments, g_strdup (argument));

  va_end (list);

  g_ptr_array_add (arguments, NULL);
  spec->argv = (char **) g_ptr_array_steal (arguments, NULL);

  return spec;
}

static void
test_child_errors_program (gconstpointer data)
{
  AioprocChildMethod method = GPOINTER_TO_INT (data);
  g_autoptr(AioprocChildSpec) missing = spec_for_program (method, "/nowhere/program", NULL);
  g_autoptr(AioprocChildSpec) text = spec_for_program (method, "/proc/self/status", NULL);
  g_autoptr(AioprocChildSpec) folder = spec_for_program (method, "/tmp", NULL);

  g_test_summary ("A program that cannot be executed is named, with the reason");

  assert_fails (missing, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "/nowhere/program");
  assert_fails (text, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED, "/proc/self/status");
  assert_fails (folder, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED, "/tmp");
}

static void
test_child_errors_directory (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));

  g_test_summary ("A working directory that does not exist is named");

  spec->working_directory = g_strdup ("/nowhere/folder");
  assert_fails (spec, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "/nowhere/folder");
}

static void
test_child_errors_not_initialized (void)
{
  AioprocChildMethod method = AIOPROC_CHILD_FORKSERVER;
  g_autoptr(AioprocChildSpec) success = spec_for_program (method, "/bin/true", NULL);
  g_autoptr(AioprocChildSpec) failure = spec_for_program (method, "/bin/sh", "-c", "exit 9", NULL);
  g_autoptr(AioprocChildSpec) crash = spec_for_program (method, "/bin/sh", "-c", "kill -11 $$",
                                                        NULL);

  g_test_summary ("A program that does not serve as a forkserver is named, with its end");

  assert_fails (success, AIOPROC_ERROR, AIOPROC_ERROR_NOT_INITIALIZED, "“/bin/true” ended with");
  assert_fails (failure, AIOPROC_ERROR, AIOPROC_ERROR_NOT_INITIALIZED, "exit status 9");
  assert_fails (crash, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED, "signal 11");
}

static void
test_child_errors_no_retry (void)
{
  g_autofree char *folder = g_dir_make_tmp ("aioproc-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "starts", NULL);
  g_autofree char *command = g_strdup_printf ("echo >>%s", path);
  g_autoptr(AioprocChildSpec) spec = NULL;
  g_autofree char *text = NULL;

  g_test_summary ("A forkserver that fails is started once for each start of a worker");

  spec = spec_for_program (AIOPROC_CHILD_FORKSERVER, "/bin/sh", "-c", command, NULL);
  assert_fails (spec, AIOPROC_ERROR, AIOPROC_ERROR_NOT_INITIALIZED, "/bin/sh");
  assert_fails (spec, AIOPROC_ERROR, AIOPROC_ERROR_NOT_INITIALIZED, "/bin/sh");

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "\n\n");

  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

static void
test_child_errors_refused (void)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (AIOPROC_CHILD_FORKSERVER);
  AioprocTestChild *children[3];

  g_test_summary ("A forkserver can say itself why it cannot serve, and every start hears it");

  spec->argv = g_renew (char *, spec->argv, 3);
  spec->argv[1] = g_strdup ("refuse");
  spec->argv[2] = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (children); i++)
    children[i] = aioproc_test_child_new (spec, "exit", 0);

  for (guint i = 0; i < G_N_ELEMENTS (children); i++)
    {
      aioproc_test_child_wait_ended (children[i]);
      g_assert_error (children[i]->error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
      g_assert_cmpstr (children[i]->error->message, ==, "No module “refuse”");
      aioproc_test_child_free (children[i]);
    }
}

static void
test_child_errors_answer_early (void)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (AIOPROC_CHILD_FORKSERVER);

  g_test_summary ("A forkserver that answers before it serves is not believed, and is killed");

  spec->argv = g_renew (char *, spec->argv, 3);
  spec->argv[1] = g_strdup ("answer-early");
  spec->argv[2] = NULL;

  assert_fails (spec, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED, "signal 9");
}

static AioprocChildSpec *
spec_for_preload (const char *name)
{
  AioprocChildSpec *spec = aioproc_test_child_spec_new (AIOPROC_CHILD_FORKSERVER);

  spec->preload = g_strsplit (name, " ", -1);

  return spec;
}

static void
test_child_errors_preload (void)
{
  g_autoptr(AioprocChildSpec) fail = spec_for_preload ("count fail");
  g_autoptr(AioprocChildSpec) leave = spec_for_preload ("exit");
  g_autoptr(AioprocChildSpec) crash G_GNUC_UNUSED = spec_for_preload ("crash");

  g_test_summary ("A preload function that fails, exits or crashes fails the starts");

  assert_fails (fail, AIOPROC_ERROR, AIOPROC_ERROR_NOT_FOUND, "no preload function “fail”");
  assert_fails (leave, AIOPROC_ERROR, AIOPROC_ERROR_NOT_INITIALIZED, "exit status 7");
#ifndef AIOPROC_SANITIZED
  assert_fails (crash, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED, "signal 11");
#endif
}

static void
test_child_errors_preload_thread (void)
{
  g_autoptr(AioprocChildSpec) thread = spec_for_preload ("thread");
  g_autoptr(AioprocChildSpec) joined = spec_for_preload ("joined-thread");

  g_test_summary ("A forkserver does not fork while it has threads, and says who made them");

  assert_fails (thread, AIOPROC_ERROR, AIOPROC_ERROR_FORK_REFUSED, "preload");
  assert_works (joined);
}

static gpointer
thread_cb (gpointer data)
{
  g_mutex_lock (data);
  g_mutex_unlock (data);

  return NULL;
}

static void
test_child_errors_fork_refused (void)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (AIOPROC_CHILD_FORK);
  GMutex mutex;
  GThread *thread;

  g_test_summary ("A program is not forked while it has threads of others than Aioproc");

  g_mutex_init (&mutex);
  g_mutex_lock (&mutex);
  thread = g_thread_new ("own", thread_cb, &mutex);

  assert_fails (spec, AIOPROC_ERROR, AIOPROC_ERROR_FORK_REFUSED, "threads that Aioproc did not");

  g_mutex_unlock (&mutex);
  g_thread_join (thread);
  g_mutex_clear (&mutex);

  assert_works (spec);
}

static void
test_child_errors_launcher (void)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (AIOPROC_CHILD_SPAWN);
  g_autofree char *folder = g_strdup (g_getenv ("AIOPROC_LIBEXECDIR"));

  g_test_summary ("A launcher that is not there is named, and used as soon as it is there");

  g_setenv ("AIOPROC_LIBEXECDIR", "/nowhere", TRUE);
  assert_fails (spec, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "/nowhere/aioproc-launcher");

  if (folder != NULL)
    g_setenv ("AIOPROC_LIBEXECDIR", folder, TRUE);
  else
    g_unsetenv ("AIOPROC_LIBEXECDIR");

  assert_works (spec);
}

static void
test_child_errors_no_leak (void)
{
  guint n_fds = aioproc_test_count_fds ();

  g_test_summary ("Starts that fail leave no descriptors and zombies behind");

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr(AioprocChildSpec) spec = spec_for_preload ("fail");
      g_autoptr(AioprocChildSpec) missing = spec_for_program (AIOPROC_CHILD_SPAWN, "/nowhere/x",
                                                              NULL);

      assert_fails (spec, AIOPROC_ERROR, AIOPROC_ERROR_NOT_FOUND, "fail");
      assert_fails (missing, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "/nowhere/x");
    }

  while (aioproc_test_count_fds () > n_fds)
    g_thread_yield ();
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  /* First: there is no launcher yet. */
  aioproc_test_add_func ("/aioproc/child/errors/launcher", test_child_errors_launcher);
  aioproc_test_add_data_func ("/aioproc/child/errors/program/spawn",
                              GINT_TO_POINTER (AIOPROC_CHILD_SPAWN), test_child_errors_program);
  aioproc_test_add_data_func ("/aioproc/child/errors/program/forkserver",
                              GINT_TO_POINTER (AIOPROC_CHILD_FORKSERVER),
                              test_child_errors_program);
  aioproc_test_add_data_func ("/aioproc/child/errors/directory/spawn",
                              GINT_TO_POINTER (AIOPROC_CHILD_SPAWN), test_child_errors_directory);
  aioproc_test_add_data_func ("/aioproc/child/errors/directory/forkserver",
                              GINT_TO_POINTER (AIOPROC_CHILD_FORKSERVER),
                              test_child_errors_directory);
  aioproc_test_add_func ("/aioproc/child/errors/not-initialized",
                         test_child_errors_not_initialized);
  aioproc_test_add_func ("/aioproc/child/errors/no-retry", test_child_errors_no_retry);
  aioproc_test_add_func ("/aioproc/child/errors/refused", test_child_errors_refused);
  aioproc_test_add_func ("/aioproc/child/errors/answer-early", test_child_errors_answer_early);
  aioproc_test_add_func ("/aioproc/child/errors/preload", test_child_errors_preload);
  aioproc_test_add_func ("/aioproc/child/errors/preload-thread", test_child_errors_preload_thread);
  aioproc_test_add_func ("/aioproc/child/errors/fork-refused", test_child_errors_fork_refused);
  aioproc_test_add_func ("/aioproc/child/errors/no-leak", test_child_errors_no_leak);

  return g_test_run ();
}
