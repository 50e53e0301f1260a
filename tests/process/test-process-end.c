/* test-process-end.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "process-functions.h"

static void
check_end (AioprocContext *context,
           const char     *function,
           int             argument,
           int             expected_exit_code,
           const char     *expected_text)
{
  g_autoptr(AioprocProcess) process = test_start (context, function,
                                                  g_variant_new ("(i)", argument));
  g_autofree char *pid = g_strdup_printf ("(pid %d)", aioproc_process_get_pid (process));
  g_autoptr(GError) error = NULL;
  int exit_code = 99;

  test_join (process);
  g_assert_true (aioproc_process_get_exit_code (process, &exit_code));
  g_assert_cmpint (exit_code, ==, expected_exit_code);
  g_assert_null (aioproc_process_dup_result (process, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);
  g_assert_nonnull (strstr (error->message, pid));
  g_assert_nonnull (strstr (error->message, expected_text));
}

static void
test_process_exit_codes (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocProcess) failing = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code = 99;

  g_test_summary ("A worker that ends before its function did is told by status or signal");

  check_end (context, "exit", 0, 0, "status 0");
  check_end (context, "exit", 42, 42, "status 42");
  check_end (context, "exit", 255, 255, "status 255");
  check_end (context, "die", SIGKILL, -SIGKILL, "signal 9");
  check_end (context, "die", SIGTERM, -SIGTERM, "signal 15");
  check_end (context, "die", SIGABRT, -SIGABRT, "signal 6");

  failing = test_start (context, "fail", g_variant_new ("(s)", "Gone"));
  test_join (failing);
  g_assert_true (aioproc_process_get_exit_code (failing, &exit_code));
  g_assert_cmpint (exit_code, ==, 1);
  g_assert_null (aioproc_process_dup_result (failing, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_cmpstr (error->message, ==, "Gone");
}

static void
test_process_signals (AioprocStartMethod method)
{
  const int signals[] = { SIGTERM, SIGKILL, SIGUSR1, SIGINT };
  g_autoptr(AioprocContext) context = test_context_new (method);

  g_test_summary ("Signals reach the process, which handles none of them by itself");

  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    {
      g_autoptr(AioprocProcess) process = test_start (context, "block", NULL);
      g_autoptr(GError) error = NULL;
      int exit_code = 99;

      switch (signals[i])
        {
        case SIGTERM:
          g_assert_true (aioproc_process_terminate (process, &error));
          break;

        case SIGKILL:
          g_assert_true (aioproc_process_kill (process, &error));
          break;

        default:
          g_assert_true (aioproc_process_send_signal (process, signals[i], &error));
        }
      g_assert_no_error (error);

      test_join (process);
      g_assert_true (aioproc_process_get_exit_code (process, &exit_code));
      g_assert_cmpint (exit_code, ==, -signals[i]);
    }
}

static void
test_process_kill_at_once (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);

  g_test_summary ("A process is killed at any moment of its start");

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr(AioprocProcess) process = aioproc_process_new (context, "block", NULL);
      g_autoptr(GAsyncResult) result = NULL;
      g_autoptr(GError) error = NULL;
      int exit_code = 99;

      aioproc_process_start_async (process, NULL, aioproc_test_store_result, &result);
      for (guint j = 0; j < i && result == NULL; j++)
        g_main_context_iteration (NULL, FALSE);
      g_assert_true (aioproc_process_kill (process, &error));
      g_assert_no_error (error);

      aioproc_test_wait (&result);
      if (!aioproc_process_start_finish (process, result, &error))
        g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);

      test_join (process);
      g_assert_true (aioproc_process_get_exit_code (process, &exit_code));
      g_assert_cmpint (exit_code, ==, -SIGKILL);
      g_assert_null (aioproc_process_dup_result (process, NULL));
    }
}

static void
test_process_start_cancelled (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocProcess) untouched = aioproc_process_new (context, "block", NULL);
  g_autoptr(GCancellable) cancelled = g_cancellable_new ();
  g_autoptr(GError) untouched_error = NULL;

  g_test_summary ("A cancelled start leaves no worker behind");

  g_cancellable_cancel (cancelled);
  g_assert_false (aioproc_process_start (untouched, cancelled, &untouched_error));
  g_assert_error (untouched_error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (aioproc_process_get_pid (untouched), ==, 0);
  g_assert_false (aioproc_process_is_alive (untouched));

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr(AioprocProcess) process = aioproc_process_new (context, "block", NULL);
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      g_autoptr(GAsyncResult) result = NULL;
      g_autoptr(GError) error = NULL;

      aioproc_process_start_async (process, cancellable, aioproc_test_store_result, &result);
      for (guint j = 0; j < i && result == NULL; j++)
        g_main_context_iteration (NULL, FALSE);
      g_cancellable_cancel (cancellable);
      aioproc_test_wait (&result);

      if (aioproc_process_start_finish (process, result, &error))
        {
          g_assert_true (aioproc_process_is_alive (process));
          g_assert_true (aioproc_process_kill (process, &error));
          g_assert_no_error (error);
          test_join (process);
        }
      else
        {
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
          g_clear_error (&error);
          test_join (process);
          g_assert_null (aioproc_process_dup_result (process, &error));
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
        }
    }
}

static void
test_process_sentinel (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocProcess) process = test_start (context, "block", NULL);
  g_autoptr(GError) error = NULL;
  struct pollfd poll_fd = { .events = POLLIN };

  g_test_summary ("The sentinel is readable once the process has ended, and not before");

  poll_fd.fd = aioproc_process_get_sentinel (process, &error);
  g_assert_no_error (error);
  g_assert_cmpint (poll (&poll_fd, 1, 0), ==, 0);
  aioproc_process_kill (process, NULL);
  g_assert_cmpint (poll (&poll_fd, 1, -1), ==, 1);
  test_join (process);
  g_assert_cmpint (poll (&poll_fd, 1, 0), ==, 1);
}

static gboolean
count_cb (gpointer data)
{
  guint *count = data;

  (*count)++;

  return G_SOURCE_CONTINUE;
}

static void
test_process_waitable (void)
{
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORKSERVER);
  g_autoptr(AioprocProcess) process = test_start (context, "block", NULL);

  g_test_summary ("A process is ready as a waitable once it has ended");

  g_assert_true (AIOPROC_IS_WAITABLE (process));
  g_assert_false (aioproc_waitable_is_ready (AIOPROC_WAITABLE (process)));
  aioproc_process_kill (process, NULL);
  test_join (process);
  g_assert_true (aioproc_waitable_is_ready (AIOPROC_WAITABLE (process)));
}

static void
test_process_children (void)
{
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORKSERVER);
  g_autoptr(GPtrArray) children = aioproc_process_get_active_children ();
  AioprocProcess *first;
  AioprocProcess *second;
  gconstpointer address;

  g_test_summary ("Running processes are listed, and live on without a reference of the program");

  g_assert_cmpuint (children->len, ==, 0);
  g_clear_pointer (&children, g_ptr_array_unref);

  first = test_start (context, "block", NULL);
  second = test_start (context, "block", NULL);
  address = first;
  g_object_unref (first);

  children = aioproc_process_get_active_children ();
  g_assert_cmpuint (children->len, ==, 2);
  g_assert_true (g_ptr_array_index (children, 0) == address);
  first = g_object_ref (g_ptr_array_index (children, 0));
  g_assert_true (g_ptr_array_index (children, 1) == second);

  for (guint i = 0; i < children->len; i++)
    {
      aioproc_process_kill (g_ptr_array_index (children, i), NULL);
      test_join (g_ptr_array_index (children, i));
    }
  g_clear_pointer (&children, g_ptr_array_unref);

  children = aioproc_process_get_active_children ();
  g_assert_cmpuint (children->len, ==, 0);

  test_release (first);
  test_release (second);
}

static gpointer
start_in_thread (gpointer data)
{
  return test_start (data, "block", NULL);
}

static void
test_process_short_lived_thread (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(GError) error = NULL;
  GThread *thread;

  g_test_summary ("A process outlives the thread that started it");

  thread = g_thread_new ("short-lived", start_in_thread, context);
  process = g_thread_join (thread);

  g_assert_false (aioproc_process_join (process, 100000, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_true (aioproc_process_is_alive (process));
  aioproc_process_kill (process, NULL);
  test_join (process);
}

static void
test_process_does_not_block (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocProcess) process = aioproc_process_new (context, "block", NULL);
  g_autoptr(GSource) ticker = g_timeout_source_new (1);
  g_autoptr(GAsyncResult) started = NULL;
  g_autoptr(GAsyncResult) joined = NULL;
  g_autoptr(GError) error = NULL;
  guint n_ticks = 0;

  g_test_summary ("The main loop runs while a join waits");

  g_source_set_callback (ticker, count_cb, &n_ticks, NULL);
  g_source_attach (ticker, NULL);

  aioproc_process_start_async (process, NULL, aioproc_test_store_result, &started);
  aioproc_test_wait (&started);
  g_assert_true (aioproc_process_start_finish (process, started, &error));
  g_assert_no_error (error);

  aioproc_process_join_async (process, -1, NULL, aioproc_test_store_result, &joined);
  aioproc_test_wait_until (n_ticks > 50);
  g_assert_null (joined);

  aioproc_process_kill (process, NULL);
  aioproc_test_wait (&joined);
  g_assert_true (aioproc_process_join_finish (process, joined, &error));
  g_assert_no_error (error);
  g_source_destroy (ticker);
}

/* The parent of a process, which is its supervisor. */
static pid_t
get_parent_pid (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", (int) pid);
  g_autofree char *contents = NULL;
  g_autoptr(GError) error = NULL;
  int parent = 0;

  g_file_get_contents (path, &contents, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (sscanf (strrchr (contents, ')'), ") %*c %d", &parent), ==, 1);

  return parent;
}

static void
test_process_supervisor_killed (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocProcess) process = test_start (context, "block", NULL);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;
  pid_t supervisor = get_parent_pid (aioproc_process_get_pid (process));

  g_test_summary ("Where the status of a worker is lost, it is said so, and the next one starts");

  g_assert_cmpint (supervisor, !=, getpid ());
  g_assert_cmpint (kill (supervisor, SIGKILL), ==, 0);
  test_join (process);
  g_assert_false (aioproc_process_get_exit_code (process, NULL));
  value = aioproc_process_dup_result (process, &error);
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_STATUS_LOST);
  g_assert_null (value);
  g_clear_error (&error);

  value = test_run (context, "square", g_variant_new ("(i)", 4), &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (value, g_variant_new ("(i)", 16));
}

/* All descriptors that can be had. */
static GArray *
use_up_fds (guint n_left)
{
  GArray *fds = g_array_new (FALSE, FALSE, sizeof (int));
  int fd;

  while ((fd = dup (STDERR_FILENO)) >= 0)
    g_array_append_val (fds, fd);

  for (guint i = 0; i < n_left; i++)
    {
      close (g_array_index (fds, int, fds->len - 1));
      g_array_set_size (fds, fds->len - 1);
    }

  return fds;
}

static void
test_process_no_fds (AioprocStartMethod method)
{
  g_test_summary ("A start without descriptors left is an error, and works once there are some");

  if (g_test_subprocess ())
    {
      const struct rlimit limit = { 128, 128 };
      g_autoptr(AioprocContext) context = test_context_new (method);
      gboolean succeeded = FALSE;

      g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);

      /* With none left at first, then one more each time, until there are enough. */
      for (guint n_left = 0; !succeeded; n_left++)
        {
          GArray *fds = use_up_fds (n_left);
          g_autoptr(GVariant) value = NULL;
          g_autoptr(GError) error = NULL;

          value = test_run (context, "square", g_variant_new ("(i)", 4), &error);
          succeeded = value != NULL;

          for (guint i = 0; i < fds->len; i++)
            close (g_array_index (fds, int, i));
          g_array_unref (fds);

          if (!succeeded)
            g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
          g_assert_cmpuint (n_left, <, 64);
        }

      return;
    }

  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
}

int
main (int   argc,
      char *argv[])
{
  test_functions_init ();
  aioproc_test_init (&argc, &argv);

  test_add_for_methods ("/aioproc/process/exit-codes", test_process_exit_codes);
  test_add_for_methods ("/aioproc/process/signals", test_process_signals);
  test_add_for_methods ("/aioproc/process/start/killed", test_process_kill_at_once);
  test_add_for_methods ("/aioproc/process/start/cancelled", test_process_start_cancelled);
  test_add_for_methods ("/aioproc/process/sentinel", test_process_sentinel);
  aioproc_test_add_func ("/aioproc/process/waitable", test_process_waitable);
  aioproc_test_add_func ("/aioproc/process/children", test_process_children);
  test_add_for_methods ("/aioproc/process/short-lived-thread", test_process_short_lived_thread);
  test_add_for_methods ("/aioproc/process/does-not-block", test_process_does_not_block);
  test_add_for_methods ("/aioproc/process/supervisor-killed", test_process_supervisor_killed);
  test_add_for_methods ("/aioproc/process/no-descriptors", test_process_no_fds);

  return g_test_run ();
}
