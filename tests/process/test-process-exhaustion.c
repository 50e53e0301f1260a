/* test-process-exhaustion.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>
#include <sys/wait.h>

#include <aioproc.h>

#include "adverse-functions.h"
#include "aioproc-test.h"
#include "process-functions.h"
#include "process-tree.h"

#define EXIT_SKIPPED 77

/* What came of the starts under one limit after another. */
typedef struct
{
  guint n_successes;
  guint n_errors;
} Tally;

/* FALSE: it cannot be tested here. */
static gboolean
run_program (const char         *name,
             AioprocStartMethod  method,
             guint64             number,
             const char * const *expected_errors,
             Tally              *tally)
{
  g_autofree char *method_string = g_strdup_printf ("%d", (int) method);
  g_autofree char *number_string = g_strdup_printf ("%" G_GUINT64_FORMAT, number);
  TestProgram program;
  int wait_status;

  test_program_start (&program, "aioproc-test-exhaustion", name, method_string, number_string,
                      NULL);

  for (;;)
    {
      g_autofree char *line = test_program_read_line (&program);
      gboolean is_expected = FALSE;

      if (line == NULL)
        break;

      g_test_message ("%s: %s", number_string, line);

      if (g_str_has_suffix (line, ": works"))
        {
          tally->n_successes++;
          continue;
        }

      tally->n_errors++;
      for (guint i = 0; expected_errors[i] != NULL; i++)
        is_expected = is_expected || strstr (line, expected_errors[i]) != NULL;
      g_assert_true (is_expected);
    }

  wait_status = test_program_wait (&program);
  g_assert_true (WIFEXITED (wait_status));
  if (WEXITSTATUS (wait_status) == EXIT_SKIPPED)
    return FALSE;

  g_assert_cmpint (WEXITSTATUS (wait_status), ==, 0);
  test_program_wait_for_rest ();

  return TRUE;
}

static void
test_process_exhaustion_files (AioprocStartMethod method)
{
  const char * const expected[] = { "g-io-error-quark 31: ", NULL };
  Tally tally = { 0 };

  g_test_summary ("Whichever descriptor is one too many, the start fails, and the next one works");
  G_STATIC_ASSERT (G_IO_ERROR_TOO_MANY_OPEN_FILES == 31);

  for (guint number = 3; number < 28; number++)
    g_assert_true (run_program ("files", method, number, expected, &tally));

  g_assert_cmpuint (tally.n_errors, >, 0);
  g_assert_cmpuint (tally.n_successes, >, 0);
}

static void
test_process_exhaustion_processes (AioprocStartMethod method)
{
  /* That of the thread that could not be started here, or of one that an object needs in the
   * worker, or of the process.
   */
  const char * const expected[] = {
    "g-io-error-quark 12: ", "g_thread_error 0: ", "g-io-error-quark 27: ", NULL,
  };
  Tally tally = { 0 };

  g_test_summary ("Where processes or threads run out, the start fails, and the next one works");
  G_STATIC_ASSERT (G_IO_ERROR_WOULD_BLOCK == 27);

  for (guint number = 1; number < 10; number++)
    {
      if (!run_program ("processes", method, number, expected, &tally))
        {
          g_test_skip ("Only root can become a user without processes");
          return;
        }
    }

  g_assert_cmpuint (tally.n_errors, >, 0);
  g_assert_cmpuint (tally.n_successes, >, 0);
}

#ifndef AIOPROC_SANITIZED
static void
test_process_exhaustion_memory (AioprocStartMethod method)
{
  /* A thread takes 8 MiB. With less than some 100 KiB beside it, it is GLib that ends the program:
   * it does so whenever malloc() fails.
   */
  const guint too_little[] = { 128, 1024, 4096, 8000 };
  const guint enough[] = { 16384, 65536 };
  const char * const expected[] = { "g_thread_error 0: ", "g-io-error-quark 12: ", NULL };
  Tally tally = { 0 };

  g_test_summary ("Where address space runs out, the start fails, and the next one works");
  G_STATIC_ASSERT (G_IO_ERROR_NO_SPACE == 12);

  for (guint i = 0; i < G_N_ELEMENTS (too_little); i++)
    g_assert_true (run_program ("memory", method, too_little[i], expected, &tally));
  g_assert_cmpuint (tally.n_errors, ==, G_N_ELEMENTS (too_little));

  for (guint i = 0; i < G_N_ELEMENTS (enough); i++)
    g_assert_true (run_program ("memory", method, enough[i], expected, &tally));
  g_assert_cmpuint (tally.n_successes, ==, G_N_ELEMENTS (enough));
}

static void
test_process_exhaustion_worker_memory (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocContext) tiny = test_context_new (method);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;
  guint64 total;

  g_test_summary ("A worker that uses up its memory fails or dies, and nothing else does");

  aioproc_context_set_memory_limit (context, (guint64) 1 << 30);

  value = test_run (context, "eat", g_variant_new ("(b)", FALSE), &error);
  g_assert_no_error (error);
  g_variant_get (value, "(t)", &total);
  g_assert_cmpuint (total, >, (guint64) 1 << 28);
  g_assert_cmpuint (total, <, (guint64) 1 << 30);
  g_clear_pointer (&value, g_variant_unref);

  g_assert_null (test_run (context, "eat", g_variant_new ("(b)", TRUE), &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);
  g_clear_error (&error);

  value = test_run (context, "square", g_variant_new ("(i)", 3), &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (value, g_variant_new ("(i)", 9));
  g_clear_pointer (&value, g_variant_unref);

  /* Too little even to begin, unless all that it needs was there before. */
  aioproc_context_set_memory_limit (tiny, 1 << 20);
  value = test_run (tiny, "square", g_variant_new ("(i)", 3), &error);
  if (method == AIOPROC_START_METHOD_SPAWN)
    g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);
  else
    g_assert_true ((value != NULL) == (error == NULL));
}
#endif

static void
test_process_exhaustion_file_size (AioprocStartMethod method)
{
  const guint sizes[] = { 0, 16384, 65536, 200000, 10 << 20 };
  const char * const expected[] = { "g-io-error-quark 12: ", NULL };
  Tally tally = { 0 };

  g_test_summary ("Where files may not be large enough, the start fails, and the next one works");
  G_STATIC_ASSERT (G_IO_ERROR_NO_SPACE == 12);

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    g_assert_true (run_program ("file-size", method, sizes[i], expected, &tally));

  g_assert_cmpuint (tally.n_errors, >, 0);
  g_assert_cmpuint (tally.n_successes, >, 0);
}

int
main (int   argc,
      char *argv[])
{
  test_adverse_functions_init ();
  aioproc_test_init (&argc, &argv);

  test_add_for_methods ("/aioproc/process-exhaustion/files", test_process_exhaustion_files);
  test_add_for_methods ("/aioproc/process-exhaustion/processes",
                        test_process_exhaustion_processes);
  test_add_for_methods ("/aioproc/process-exhaustion/file-size",
                        test_process_exhaustion_file_size);
#ifndef AIOPROC_SANITIZED
  test_add_for_methods ("/aioproc/process-exhaustion/memory", test_process_exhaustion_memory);
  /* Last: this program has children of its own then. */
  test_add_for_methods ("/aioproc/process-exhaustion/worker-memory",
                        test_process_exhaustion_worker_memory);
#endif

  return g_test_run ();
}
