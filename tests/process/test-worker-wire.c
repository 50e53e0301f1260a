/* test-worker-wire.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>
#include <string.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "process-functions.h"

#define PYTHON "/usr/bin/python3"

static AioprocContext *
new_python_context (const char *script,
                    const char *argument)
{
  AioprocContext *context = test_context_new (AIOPROC_START_METHOD_SPAWN);
  g_autofree char *path = g_build_filename (AIOPROC_TEST_SOURCE_DIR, script, NULL);
  const char *argv[] = { PYTHON, path, argument, NULL };

  aioproc_context_set_program (context, argv);

  return context;
}

static gboolean
has_python (void)
{
  if (g_file_test (PYTHON, G_FILE_TEST_IS_EXECUTABLE))
    return TRUE;

  g_test_skip ("There is no " PYTHON);

  return FALSE;
}

static gboolean
has_pygobject (void)
{
  const char * const argv[] = { PYTHON, "-c", "import gi", NULL };
  g_autoptr(GError) error = NULL;
  int status;

  g_assert_true (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                               NULL, NULL, &status, &error));
  g_assert_no_error (error);

  if (status == 0)
    return TRUE;

  g_test_skip (PYTHON " has no gi");

  return FALSE;
}

static void
test_worker_wire_python (gconstpointer script)
{
  g_autoptr(AioprocContext) context = NULL;
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code = -1;

  g_test_summary ("A few lines of Python that speak the wire are a worker program");

  if (!has_python () || (g_str_equal (script, "worker-short.py") && !has_pygobject ()))
    return;

  context = new_python_context (script, NULL);
  process = test_start (context, "square", g_variant_new ("(i)", -9));
  test_join (process);
  value = aioproc_process_dup_result (process, &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (value, g_variant_new ("(i)", 81));
  g_assert_true (aioproc_process_get_exit_code (process, &exit_code));
  g_assert_cmpint (exit_code, ==, 0);

  g_assert_null (test_run (context, "cube", g_variant_new ("(i)", 1), &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_FOUND);
  g_assert_cmpstr (error->message, ==, "There is no cube");
}

/* Runs one that has to fail, by its start or its result. */
static void
check_bad (const char *how,
           gboolean    start_succeeds,
           GQuark      domain,
           int         code,
           int         expected_exit_code)
{
  g_autoptr(AioprocContext) context = new_python_context ("worker-bad.py", how);
  g_autoptr(AioprocProcess) process = aioproc_process_new (context, "any", NULL);
  g_autoptr(GError) error = NULL;
  int exit_code = 99;

  g_test_message ("%s", how);

  if (aioproc_process_start (process, NULL, &error))
    {
      g_assert_true (start_succeeds);
      test_join (process);
      g_assert_null (aioproc_process_dup_result (process, &error));
    }
  else
    {
      g_assert_false (start_succeeds);
      test_join (process);
    }

  g_assert_error (error, domain, code);
  g_test_message ("%s: %s", how, error->message);
  g_assert_true (aioproc_process_get_exit_code (process, &exit_code));
  g_assert_cmpint (exit_code, ==, expected_exit_code);
}

static void
test_worker_wire_bad_start (void)
{
  g_test_summary ("A worker that begins badly is killed, and the start tells why");

  if (!has_python ())
    return;

  check_bad ("close-at-once", FALSE, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED, 0);
  check_bad ("die-before", FALSE, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED, -SIGKILL);
  check_bad ("garbage", FALSE, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, -SIGKILL);
  check_bad ("truncated", FALSE, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED, 0);
  check_bad ("result-before-ready", FALSE, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, -SIGKILL);
  check_bad ("wrong-direction", FALSE, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, -SIGKILL);
  check_bad ("bad-failed", FALSE, AIOPROC_ERROR, AIOPROC_ERROR_REMOTE, 1);
}

static void
test_worker_wire_bad_later (void)
{
  g_test_summary ("A worker that goes on badly is killed, and the result tells why");

  if (!has_python ())
    return;

  check_bad ("ready-twice", TRUE, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, -SIGKILL);
  check_bad ("failed-late", TRUE, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, -SIGKILL);
  check_bad ("bad-log", TRUE, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, -SIGKILL);
  check_bad ("bad-progress", TRUE, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, -SIGKILL);
  check_bad ("no-value", TRUE, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, -SIGKILL);
  check_bad ("huge-length", TRUE, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE, -SIGKILL);
  check_bad ("no-result", TRUE, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED, 0);
  check_bad ("error", TRUE, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, 3);
}

static void
test_worker_wire_silent (void)
{
  g_autoptr(AioprocContext) context = NULL;
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("The start of a worker that says nothing can be cancelled, which kills it");

  if (!has_python ())
    return;

  context = new_python_context ("worker-bad.py", "silent");
  process = aioproc_process_new (context, "any", NULL);
  aioproc_process_start_async (process, cancellable, aioproc_test_store_result, &result);
  while (aioproc_process_get_pid (process) == 0)
    g_main_context_iteration (NULL, FALSE);
  g_cancellable_cancel (cancellable);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_process_start_finish (process, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  test_join (process);
}

static void
test_worker_wire_odd (void)
{
  const char *odd[] = { "two-results", "wild-progress", "exit-record" };

  g_test_summary ("What is odd but harmless is taken");

  if (!has_python ())
    return;

  for (guint i = 0; i < G_N_ELEMENTS (odd); i++)
    {
      g_autoptr(AioprocContext) context = new_python_context ("worker-bad.py", odd[i]);
      g_autoptr(AioprocProcess) process = test_start (context, "any", NULL);
      g_autoptr(GVariant) value = NULL;
      g_autoptr(GError) error = NULL;

      test_join (process);
      value = aioproc_process_dup_result (process, &error);
      g_assert_no_error (error);
      aioproc_test_assert_variant (value, g_variant_new ("(i)", 7));

      if (g_str_equal (odd[i], "wild-progress"))
        {
          g_assert_cmpfloat (aioproc_process_get_progress (process), ==, 1.0);
          g_assert_null (aioproc_process_dup_progress_text (process));
        }
    }
}

int
main (int   argc,
      char *argv[])
{
  test_functions_init ();
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_data_func ("/aioproc/worker-wire/python", "worker.py",
                              test_worker_wire_python);
  aioproc_test_add_data_func ("/aioproc/worker-wire/python-short", "worker-short.py",
                              test_worker_wire_python);
  aioproc_test_add_func ("/aioproc/worker-wire/bad-start", test_worker_wire_bad_start);
  aioproc_test_add_func ("/aioproc/worker-wire/bad-later", test_worker_wire_bad_later);
  aioproc_test_add_func ("/aioproc/worker-wire/silent", test_worker_wire_silent);
  aioproc_test_add_func ("/aioproc/worker-wire/odd", test_worker_wire_odd);

  return g_test_run ();
}
