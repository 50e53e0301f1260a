/* test-worker-program.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include <glib/gstdio.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "process-functions.h"

static AioprocContext *
new_program_context (AioprocStartMethod  method,
                     const char         *program,
                     const char         *argument)
{
  AioprocContext *context = test_context_new (method);
  const char *argv[] = { program, argument, NULL };

  aioproc_context_set_program (context, argv);

  return context;
}

static AioprocContext *
new_module_context (AioprocStartMethod  method,
                    const char         *module)
{
  AioprocContext *context = test_context_new (method);

  aioproc_context_set_module (context, module);

  return context;
}

static void
test_worker_module (AioprocStartMethod method)
{
  g_autofree char *path = aioproc_test_build_helper_path ("libaioproc-test-worker-module.so");
  g_autoptr(AioprocContext) context = new_module_context (method, path);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("The functions of a module are its symbols");

  value = test_run (context, "cube", g_variant_new ("(i)", 3), &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (value, g_variant_new ("(i)", 27));

  /* Not there, and those of libraries that the module uses, or that all programs have */
  {
    const char *names[] = { "no_such_symbol", "g_free", "exit", "aioproc_init", "main" };

    for (guint i = 0; i < G_N_ELEMENTS (names); i++)
      {
        g_assert_null (test_run (context, names[i], NULL, &error));
        g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_FOUND);
        g_assert_nonnull (strstr (error->message, names[i]));
        g_assert_nonnull (strstr (error->message, path));
        g_clear_error (&error);
      }
  }
}

static void
test_worker_module_preload (void)
{
  const char * const preload[] = { "module_preload", NULL };
  g_autofree char *path = aioproc_test_build_helper_path ("libaioproc-test-worker-module.so");
  g_autoptr(AioprocContext) context = new_module_context (AIOPROC_START_METHOD_FORKSERVER, path);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A symbol of a module can be a preload");

  aioproc_context_set_preload (context, preload);
  value = test_run (context, "module_preloads", NULL, &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (value, g_variant_new ("(u)", 1));
}

static void
test_worker_module_missing (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = new_module_context (method, "/no/such/libmodule.so");
  g_autoptr(AioprocContext) both = new_module_context (method, "libboth.so");
  const char * const argv[] = { "true", NULL };
  g_autoptr(GError) error = NULL;

  g_test_summary ("A module that cannot be loaded is an error of the start");

  g_assert_null (test_run (context, "cube", g_variant_new ("(i)", 3), &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "/no/such/libmodule.so"));
  g_clear_error (&error);

  aioproc_context_set_program (both, argv);
  g_assert_null (test_run (both, "cube", NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

static void
test_worker_program (AioprocStartMethod method)
{
  g_autofree char *path = aioproc_test_build_helper_path ("aioproc-test-impatient");
  g_autoptr(AioprocContext) context = new_program_context (method, path, NULL);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A worker that starts a process before its bootstrap is told so");

  value = test_run (context, "get-early-code", NULL, &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (value, g_variant_new ("(i)", AIOPROC_ERROR_BOOTSTRAPPING));
}

static void
test_worker_not_initialized (void)
{
  g_autofree char *path = aioproc_test_build_helper_path ("aioproc-test-impatient");
  g_autofree char *expected = g_strdup_printf ("%d ", AIOPROC_ERROR_NOT_INITIALIZED);
  const char *argv[] = { path, "never", NULL };
  g_autofree char *output = NULL;
  g_autoptr(GError) error = NULL;
  int wait_status;

  g_test_summary ("A program that is its own worker, but never says so, starts none");

  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &output, NULL,
                &wait_status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (wait_status, ==, 0);
  g_assert_true (g_str_has_prefix (output, expected));
  g_assert_nonnull (strstr (output, "aioproc_init()"));
}

static void
test_worker_not_executable (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) plain = NULL;
  g_autoptr(AioprocContext) folder = new_program_context (method, "/", NULL);
  g_autoptr(AioprocContext) absent = new_program_context (method, "/no/such/program", NULL);
  g_autoptr(AioprocContext) nowhere = new_program_context (method, "no-such-program-at-all", NULL);
  g_autofree char *path = NULL;
  g_autoptr(GError) error = NULL;
  int fd;

  g_test_summary ("A worker program that cannot be run is an error of the start");

  fd = g_file_open_tmp ("aioproc-test-XXXXXX", &path, &error);
  g_assert_no_error (error);
  g_close (fd, NULL);
  plain = new_program_context (method, path, NULL);

  g_assert_null (test_run (plain, "square", NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_assert_nonnull (strstr (error->message, path));
  g_clear_error (&error);

  g_assert_null (test_run (folder, "square", NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_clear_error (&error);

  g_assert_null (test_run (absent, "square", NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "/no/such/program"));
  g_clear_error (&error);

  g_assert_null (test_run (nowhere, "square", NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "no-such-program-at-all"));

  g_unlink (path);
}

static void
check_other_program (AioprocStartMethod  method,
                     const char         *program,
                     int                 code,
                     const char         *text)
{
  g_autoptr(AioprocContext) context = new_program_context (method, program, NULL);
  g_autoptr(GError) error = NULL;

  g_assert_null (test_run (context, "square", g_variant_new ("(i)", 1), &error));
  g_assert_error (error, AIOPROC_ERROR, code);
  g_assert_nonnull (strstr (error->message, "aioproc_init()"));
  g_assert_nonnull (strstr (error->message, text));
}

static void
test_worker_other_program (void)
{
  g_test_summary ("A program that is no worker program ends, which is an error of the start");

  check_other_program (AIOPROC_START_METHOD_SPAWN, "true", AIOPROC_ERROR_WORKER_DIED, "status 0");
  check_other_program (AIOPROC_START_METHOD_SPAWN, "false", AIOPROC_ERROR_WORKER_DIED, "status 1");
  check_other_program (AIOPROC_START_METHOD_SPAWN, "cat", AIOPROC_ERROR_WORKER_DIED, "status 0");
  check_other_program (AIOPROC_START_METHOD_FORKSERVER, "true", AIOPROC_ERROR_NOT_INITIALIZED,
                       "status 0");
  check_other_program (AIOPROC_START_METHOD_FORKSERVER, "false", AIOPROC_ERROR_NOT_INITIALIZED,
                       "status 1");
}

static void
test_worker_by_hand (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("AIOPROC_LIBEXECDIR"), "aioproc-worker",
                                            NULL);
  const char *argv[] = { path, NULL };
  g_auto(GStrv) environment = g_environ_setenv (g_get_environ (), "AIOPROC_WORKER", "worker:8:9",
                                                TRUE);
  g_autofree char *output = NULL;
  g_autoptr(GError) error = NULL;
  int wait_status;

  g_test_summary ("A worker program that is run by hand, or inherits a marker, says what is wrong");

  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, &output,
                &wait_status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (wait_status, !=, 0);
  g_assert_nonnull (strstr (output, "started by programs that use Aioproc"));
  g_clear_pointer (&output, g_free);

  g_spawn_sync (NULL, (char **) argv, environment, G_SPAWN_DEFAULT, NULL, NULL, NULL, &output,
                &wait_status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (wait_status, !=, 0);
  g_assert_nonnull (strstr (output, "does not name sockets"));
}

int
main (int   argc,
      char *argv[])
{
  test_functions_init ();
  aioproc_test_init (&argc, &argv);

  test_add_for_methods ("/aioproc/worker-program/module", test_worker_module);
  aioproc_test_add_func ("/aioproc/worker-program/module/preload", test_worker_module_preload);
  test_add_for_methods ("/aioproc/worker-program/module/missing", test_worker_module_missing);
  test_add_for_methods ("/aioproc/worker-program/bootstrapping", test_worker_program);
  aioproc_test_add_func ("/aioproc/worker-program/not-initialized", test_worker_not_initialized);
  test_add_for_methods ("/aioproc/worker-program/not-executable", test_worker_not_executable);
  aioproc_test_add_func ("/aioproc/worker-program/other", test_worker_other_program);
  aioproc_test_add_func ("/aioproc/worker-program/by-hand", test_worker_by_hand);

  return g_test_run ();
}
