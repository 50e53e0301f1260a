/* test-process.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "process-functions.h"

static void
test_process_run (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code = -1;

  g_test_summary ("A process is started, runs its function, and is joined for the result");

  process = aioproc_process_new (context, "square", g_variant_new ("(i)", 12));
  g_assert_true (aioproc_process_get_context (process) == context);
  g_assert_cmpstr (aioproc_process_get_function (process), ==, "square");
  g_assert_false (aioproc_process_is_alive (process));
  g_assert_cmpint (aioproc_process_get_pid (process), ==, 0);
  g_assert_false (aioproc_process_get_exit_code (process, &exit_code));

  g_assert_true (aioproc_process_start (process, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (aioproc_process_get_pid (process), >, 0);

  g_assert_true (aioproc_process_join (process, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (aioproc_process_is_alive (process));
  g_assert_true (aioproc_process_get_exit_code (process, &exit_code));
  g_assert_cmpint (exit_code, ==, 0);

  value = aioproc_process_dup_result (process, &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (value, g_variant_new ("(i)", 144));

  /* Again, as often as one likes. */
  g_assert_true (aioproc_process_join (process, 0, NULL, &error));
  g_assert_no_error (error);
}

static void
test_process_run_async (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(GMainContext) main_context = g_main_context_new ();
  g_autoptr(GAsyncResult) started = NULL;
  GAsyncResult *joined[3] = { NULL };
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Start and joins complete in the context of the thread that began them");

  g_main_context_push_thread_default (main_context);

  process = aioproc_process_new (context, "square", g_variant_new ("(i)", 5));
  aioproc_process_start_async (process, NULL, aioproc_test_store_result, &started);

  /* A join may begin while the start goes on. */
  aioproc_process_join_async (process, -1, NULL, aioproc_test_store_result, &joined[0]);
  g_assert_null (started);
  aioproc_test_wait (&started);
  g_assert_true (aioproc_process_start_finish (process, started, &error));
  g_assert_no_error (error);

  aioproc_process_join_async (process, -1, NULL, aioproc_test_store_result, &joined[1]);
  aioproc_test_wait (&joined[0]);
  aioproc_test_wait (&joined[1]);

  aioproc_process_join_async (process, 0, NULL, aioproc_test_store_result, &joined[2]);
  g_assert_null (joined[2]);
  aioproc_test_wait (&joined[2]);

  for (guint i = 0; i < G_N_ELEMENTS (joined); i++)
    {
      g_assert_true (aioproc_process_join_finish (process, joined[i], &error));
      g_assert_no_error (error);
      g_clear_object (&joined[i]);
    }

  value = aioproc_process_dup_result (process, &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (value, g_variant_new ("(i)", 25));

  g_clear_object (&started);
  g_main_context_pop_thread_default (main_context);
}

static gpointer
join_thread (gpointer data)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_process_join (data, -1, NULL, &error));
  g_assert_no_error (error);

  return NULL;
}

static void
test_process_join_many (void)
{
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORKSERVER);
  g_autoptr(AioprocProcess) process = test_start (context, "block", NULL);
  GThread *threads[8];
  GAsyncResult *results[50] = { NULL };
  g_autoptr(GError) error = NULL;

  g_test_summary ("Any number of threads and operations join one process");

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("join", join_thread, process);
  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    aioproc_process_join_async (process, -1, NULL, aioproc_test_store_result, &results[i]);

  g_assert_true (aioproc_process_kill (process, &error));
  g_assert_no_error (error);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    {
      aioproc_test_wait (&results[i]);
      g_assert_true (aioproc_process_join_finish (process, results[i], &error));
      g_assert_no_error (error);
      g_object_unref (results[i]);
    }
}

static gpointer
cancel_thread (gpointer data)
{
  g_cancellable_cancel (data);

  return NULL;
}

static void
test_process_join_gives_up (void)
{
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORKSERVER);
  g_autoptr(AioprocProcess) process = test_start (context, "block", NULL);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  GThread *thread;
  gint64 before_usec;

  g_test_summary ("A join ends by its timeout or its cancellable, and the process runs on");

  g_assert_false (aioproc_process_join (process, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);

  before_usec = g_get_monotonic_time ();
  g_assert_false (aioproc_process_join (process, 20000, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - before_usec, >=, 20000);
  g_clear_error (&error);

  before_usec = g_get_monotonic_time ();
  aioproc_process_join_async (process, 20000, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_process_join_finish (process, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - before_usec, >=, 20000);
  g_clear_error (&error);
  g_clear_object (&result);

  aioproc_process_join_async (process, -1, cancellable, aioproc_test_store_result, &result);
  g_cancellable_cancel (cancellable);
  g_assert_null (result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_process_join_finish (process, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_clear_object (&result);

  /* Cancelled before. */
  g_assert_false (aioproc_process_join (process, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  aioproc_process_join_async (process, -1, cancellable, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_process_join_finish (process, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  g_cancellable_reset (cancellable);
  thread = g_thread_new ("cancel", cancel_thread, cancellable);
  g_assert_false (aioproc_process_join (process, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_thread_join (thread);

  g_assert_true (aioproc_process_is_alive (process));
  aioproc_process_kill (process, NULL);
  test_join (process);
}

static void
test_process_names (void)
{
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORKSERVER);
  g_autoptr(AioprocProcess) first = aioproc_process_new (context, "who", NULL);
  g_autoptr(AioprocProcess) second = aioproc_process_new (context, "nested", NULL);
  g_autofree char *first_name = aioproc_process_dup_name (first);
  g_autofree char *second_name = aioproc_process_dup_name (second);
  g_autofree char *expected_child = NULL;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GVariant) answer = NULL;
  g_autoptr(GError) error = NULL;
  const char *name;
  const char *parent_name;
  int pid;
  int parent_pid;
  gboolean is_daemon;
  gboolean parent_is_alive;
  guint64 first_number = 0;
  guint64 second_number = 0;

  g_test_summary ("Processes have numbered names, and know theirs, their parent and their flags");

  g_assert_true (g_str_has_prefix (first_name, "Process-"));
  g_ascii_string_to_unsigned (first_name + strlen ("Process-"), 10, 1, G_MAXINT, &first_number,
                              &error);
  g_assert_no_error (error);
  g_ascii_string_to_unsigned (second_name + strlen ("Process-"), 10, 1, G_MAXINT, &second_number,
                              &error);
  g_assert_no_error (error);
  g_assert_cmpuint (second_number, ==, first_number + 1);

  aioproc_process_set_name (first, "Röntgen");
  g_assert_false (aioproc_process_get_daemon (first));
  g_assert_true (aioproc_process_set_daemon (first, TRUE, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_process_get_daemon (first));

  g_assert_true (aioproc_process_start (first, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (aioproc_process_set_daemon (first, FALSE, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  test_join (first);

  value = aioproc_process_dup_result (first, &error);
  g_assert_no_error (error);
  g_variant_get (value, "(&sbi&sib)", &name, &is_daemon, &pid, &parent_name, &parent_pid,
                 &parent_is_alive);
  g_assert_cmpstr (name, ==, "Röntgen");
  g_assert_true (is_daemon);
  g_assert_cmpint (pid, ==, aioproc_process_get_pid (first));
  g_assert_cmpstr (parent_name, ==, "MainProcess");
  g_assert_cmpint (parent_pid, ==, getpid ());
  g_assert_true (parent_is_alive);
  g_clear_pointer (&value, g_variant_unref);

  /* Its child: the name tells the place in the tree, the flag is inherited. */
  g_assert_true (aioproc_process_set_daemon (second, TRUE, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_process_start (second, NULL, &error));
  g_assert_no_error (error);
  test_join (second);
  value = aioproc_process_dup_result (second, &error);
  g_assert_no_error (error);
  g_variant_get (value, "(&s@(sbisib))", &name, &answer);
  expected_child = g_strconcat (second_name, ":1", NULL);
  g_assert_cmpstr (name, ==, expected_child);
  g_variant_get (answer, "(&sbi&sib)", &name, &is_daemon, &pid, &parent_name, &parent_pid,
                 &parent_is_alive);
  g_assert_cmpstr (name, ==, expected_child);
  g_assert_true (is_daemon);
  g_assert_cmpstr (parent_name, ==, second_name);
  g_assert_cmpint (parent_pid, ==, aioproc_process_get_pid (second));
}

static void
test_process_parent (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A worker can wait for its parent, with a timeout and a cancellable");

  value = test_run (context, "ask-parent", NULL, &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (value, g_variant_new ("()"));
}

static void
test_process_current (void)
{
  AioprocProcess *current = aioproc_process_get_current ();
  g_autofree char *name = aioproc_process_dup_name (current);
  g_autoptr(GError) error = NULL;

  g_test_summary ("The program itself has an object, to which nothing can be done");

  g_assert_true (current == aioproc_process_get_current ());
  g_assert_cmpstr (name, ==, "MainProcess");
  g_assert_cmpint (aioproc_process_get_pid (current), ==, getpid ());
  g_assert_true (aioproc_process_is_alive (current));
  g_assert_false (aioproc_process_get_daemon (current));
  g_assert_null (aioproc_process_get_context (current));
  g_assert_null (aioproc_process_get_function (current));
  g_assert_false (aioproc_process_get_exit_code (current, NULL));
  g_assert_null (aioproc_process_get_parent ());

  g_assert_false (aioproc_process_start (current, NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_false (aioproc_process_join (current, -1, NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_false (aioproc_process_kill (current, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_false (aioproc_process_cancel (current, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_false (aioproc_process_close (current, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_false (aioproc_process_set_daemon (current, TRUE, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_cmpint (aioproc_process_get_sentinel (current, &error), ==, -1);
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_null (aioproc_process_dup_result (current, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
}

static void
test_process_wrong_state (void)
{
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORKSERVER);
  g_autoptr(AioprocProcess) process = aioproc_process_new (context, "block", NULL);
  g_autoptr(AioprocProcess) nameless = g_object_new (AIOPROC_TYPE_PROCESS, NULL);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("What comes at the wrong time is an error of its own");

  /* Before the start */
  g_assert_false (aioproc_process_join (process, -1, NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  aioproc_process_join_async (process, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_process_join_finish (process, result, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_clear_object (&result);
  g_assert_false (aioproc_process_terminate (process, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_false (aioproc_process_cancel (process, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_cmpint (aioproc_process_get_sentinel (process, &error), ==, -1);
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_null (aioproc_process_dup_result (process, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);

  /* While it runs */
  g_assert_true (aioproc_process_start (process, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (aioproc_process_start (process, NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  aioproc_process_start_async (process, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_process_start_finish (process, result, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_false (aioproc_process_close (process, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_null (aioproc_process_dup_result (process, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);

  /* After its end, signals are no error: they would be a race. */
  aioproc_process_kill (process, NULL);
  test_join (process);
  g_assert_true (aioproc_process_kill (process, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_process_cancel (process, &error));
  g_assert_no_error (error);
  g_assert_false (aioproc_process_start (process, NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);

  /* Made by a binding, without a function */
  g_assert_false (aioproc_process_start (nameless, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

static void
test_process_close (void)
{
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORKSERVER);
  g_autoptr(AioprocProcess) process = test_start (context, "square", g_variant_new ("(i)", 1));
  g_autoptr(AioprocProcess) unstarted = aioproc_process_new (context, "square", NULL);
  g_autofree char *name = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code = -1;
  int pid;

  g_test_summary ("A closed process has its name, pid and exit code, and nothing else");

  test_join (process);
  pid = aioproc_process_get_pid (process);
  g_assert_cmpint (aioproc_process_get_sentinel (process, &error), >=, 0);
  g_assert_no_error (error);

  for (guint i = 0; i < 2; i++)
    {
      g_assert_true (aioproc_process_close (process, &error));
      g_assert_no_error (error);
    }

  name = aioproc_process_dup_name (process);
  g_assert_true (g_str_has_prefix (name, "Process-"));
  g_assert_cmpint (aioproc_process_get_pid (process), ==, pid);
  g_assert_true (aioproc_process_get_exit_code (process, &exit_code));
  g_assert_cmpint (exit_code, ==, 0);
  g_assert_false (aioproc_process_is_alive (process));

  g_assert_false (aioproc_process_join (process, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_null (aioproc_process_dup_result (process, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_false (aioproc_process_kill (process, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_false (aioproc_process_cancel (process, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_cmpint (aioproc_process_get_sentinel (process, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_false (aioproc_process_set_daemon (process, TRUE, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);

  g_assert_true (aioproc_process_close (unstarted, &error));
  g_assert_no_error (error);
  g_assert_false (aioproc_process_start (unstarted, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

int
main (int   argc,
      char *argv[])
{
  test_functions_init ();
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/process/current", test_process_current);
  test_add_for_methods ("/aioproc/process/parent", test_process_parent);
  test_add_for_methods ("/aioproc/process/run", test_process_run);
  test_add_for_methods ("/aioproc/process/run-async", test_process_run_async);
  aioproc_test_add_func ("/aioproc/process/join/many", test_process_join_many);
  aioproc_test_add_func ("/aioproc/process/join/gives-up", test_process_join_gives_up);
  aioproc_test_add_func ("/aioproc/process/names", test_process_names);
  aioproc_test_add_func ("/aioproc/process/wrong-state", test_process_wrong_state);
  aioproc_test_add_func ("/aioproc/process/close", test_process_close);

  return g_test_run ();
}
