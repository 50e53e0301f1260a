/* test-context.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "process-functions.h"

static void
count_notify_cb (GObject    *object,
                 GParamSpec *pspec,
                 gpointer    user_data)
{
  guint *count = user_data;

  (*count)++;
}

static void
test_context_properties (void)
{
  const char * const strv[] = { "one", "two", NULL };
  g_autoptr(AioprocContext) context = aioproc_context_new ();
  g_auto(GStrv) program = NULL;
  g_auto(GStrv) preload = NULL;
  g_auto(GStrv) environment = NULL;
  g_autofree char *module = NULL;
  g_autofree char *directory = NULL;
  guint64 memory_limit;
  guint64 cpu_time_limit;
  guint64 file_limit;
  guint log_forwarding;
  gboolean log_fatal;
  gint64 exit_timeout;
  AioprocStartMethod start_method;
  guint n_notified = 0;

  g_test_summary ("Properties are set and read back, and notified when they change");

  g_object_get (context,
                "start-method", &start_method,
                "program", &program,
                "module", &module,
                "log-fatal", &log_fatal,
                "exit-timeout", &exit_timeout,
                NULL);
  g_assert_cmpint (start_method, ==, AIOPROC_START_METHOD_FORKSERVER);
  g_assert_null (program);
  g_assert_null (module);
  g_assert_false (log_fatal);
  g_assert_cmpint (exit_timeout, ==, 2 * G_USEC_PER_SEC);

  g_signal_connect (context, "notify", G_CALLBACK (count_notify_cb), &n_notified);

  for (guint i = 0; i < 2; i++)
    {
      g_object_set (context,
                    "start-method", AIOPROC_START_METHOD_SPAWN,
                    "program", strv,
                    "module", "libwork.so",
                    "preload", strv,
                    "environment", strv,
                    "working-directory", "/tmp",
                    "memory-limit", G_GUINT64_CONSTANT (1) << 33,
                    "cpu-time-limit", (guint64) 60,
                    "file-limit", (guint64) 100,
                    "log-forwarding", (guint) G_LOG_LEVEL_DEBUG,
                    "log-fatal", TRUE,
                    "exit-timeout", (gint64) 5,
                    NULL);
      g_assert_cmpuint (n_notified, ==, 12);
    }

  g_object_get (context,
                "start-method", &start_method,
                "program", &program,
                "module", &module,
                "preload", &preload,
                "environment", &environment,
                "working-directory", &directory,
                "memory-limit", &memory_limit,
                "cpu-time-limit", &cpu_time_limit,
                "file-limit", &file_limit,
                "log-forwarding", &log_forwarding,
                "log-fatal", &log_fatal,
                "exit-timeout", &exit_timeout,
                NULL);
  g_assert_cmpint (start_method, ==, AIOPROC_START_METHOD_SPAWN);
  g_assert_cmpstrv (program, strv);
  g_assert_cmpstr (module, ==, "libwork.so");
  g_assert_cmpstrv (preload, strv);
  g_assert_cmpstrv (environment, strv);
  g_assert_cmpstr (directory, ==, "/tmp");
  g_assert_cmpuint (memory_limit, ==, G_GUINT64_CONSTANT (1) << 33);
  g_assert_cmpuint (cpu_time_limit, ==, 60);
  g_assert_cmpuint (file_limit, ==, 100);
  g_assert_cmpuint (log_forwarding, ==, G_LOG_LEVEL_DEBUG);
  g_assert_true (log_fatal);
  g_assert_cmpint (exit_timeout, ==, 5);

  g_assert_finalize_object (g_steal_pointer (&context));
}

static void
test_context_frozen (void)
{
  g_test_summary ("After the first start, setting a property is a critical warning");

  if (g_test_subprocess ())
    {
      g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_SPAWN);
      g_autoptr(AioprocProcess) process = test_start (context, "square", NULL);

      test_join (process);
      aioproc_context_set_module (context, "late");
      return;
    }

  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*CRITICAL*module*cannot be set after the first start*");
}

static void
test_context_start_method (void)
{
  g_test_summary ("The start method of the program is set once, before it is used");

  if (g_test_subprocess ())
    {
      g_autoptr(AioprocContext) before = aioproc_context_new ();
      g_autoptr(AioprocContext) after = NULL;
      AioprocContext *fallback = aioproc_context_get_default ();
      g_autoptr(GError) error = NULL;

      g_assert_true (fallback == aioproc_context_get_default ());
      g_assert_cmpint (aioproc_get_start_method (), ==, AIOPROC_START_METHOD_FORKSERVER);

      g_assert_true (aioproc_set_start_method (AIOPROC_START_METHOD_SPAWN, &error));
      g_assert_no_error (error);
      g_assert_cmpint (aioproc_get_start_method (), ==, AIOPROC_START_METHOD_SPAWN);
      g_assert_cmpint (aioproc_context_get_start_method (fallback), ==,
                       AIOPROC_START_METHOD_SPAWN);

      after = aioproc_context_new ();
      g_assert_cmpint (aioproc_context_get_start_method (before), ==,
                       AIOPROC_START_METHOD_FORKSERVER);
      g_assert_cmpint (aioproc_context_get_start_method (after), ==, AIOPROC_START_METHOD_SPAWN);

      g_assert_false (aioproc_set_start_method (AIOPROC_START_METHOD_SPAWN, &error));
      g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
      return;
    }

  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
}

static void
test_context_start_method_late (void)
{
  g_test_summary ("The start method cannot be set once a process was started with the default");

  if (g_test_subprocess ())
    {
      g_autoptr(GVariant) value = NULL;
      g_autoptr(GError) error = NULL;

      value = test_run (NULL, "square", g_variant_new ("(i)", 3), &error);
      g_assert_no_error (error);
      aioproc_test_assert_variant (value, g_variant_new ("(i)", 9));

      g_assert_false (aioproc_set_start_method (AIOPROC_START_METHOD_SPAWN, &error));
      g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
      return;
    }

  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
}

static void
test_context_surroundings (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = aioproc_context_new ();
  g_auto(GStrv) environment = g_get_environ ();
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;
  const char *variable;
  const char *folder;
  guint64 memory;
  guint64 cpu;
  guint64 files;

  g_test_summary ("Environment, folder and limits of a worker are those of its context");

  /* The rest is kept, as it says where the library is. */
  environment = g_environ_setenv (environment, "AIOPROC_TEST_COLOUR", "grün", TRUE);
  environment = g_environ_unsetenv (environment, "HOME");

  aioproc_context_set_start_method (context, method);
  aioproc_context_set_environment (context, (const char * const *) environment);
  aioproc_context_set_working_directory (context, "/");
#ifndef AIOPROC_SANITIZED
  aioproc_context_set_memory_limit (context, G_GUINT64_CONSTANT (1) << 36);
#endif
  aioproc_context_set_cpu_time_limit (context, 1000);
  aioproc_context_set_file_limit (context, 123);

  value = test_run (context, "surroundings", g_variant_new ("(s)", "AIOPROC_TEST_COLOUR"), &error);
  g_assert_no_error (error);
  g_variant_get (value, "(m&s&sttt)", &variable, &folder, &memory, &cpu, &files);
  g_assert_cmpstr (variable, ==, "grün");
  g_assert_cmpstr (folder, ==, "/");
#ifndef AIOPROC_SANITIZED
  g_assert_cmpuint (memory, ==, G_GUINT64_CONSTANT (1) << 36);
#endif
  g_assert_cmpuint (cpu, ==, 1000);
  g_assert_cmpuint (files, ==, 123);
  g_clear_pointer (&value, g_variant_unref);

  value = test_run (context, "surroundings", g_variant_new ("(s)", "HOME"), &error);
  g_assert_no_error (error);
  g_variant_get (value, "(m&s&sttt)", &variable, &folder, &memory, &cpu, &files);
  g_assert_null (variable);
}

static void
test_context_no_marker (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GVariant) variable = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A worker does not pass on what made it a worker");

  value = test_run (context, "surroundings", g_variant_new ("(s)", "AIOPROC_WORKER"), &error);
  g_assert_no_error (error);
  variable = g_variant_get_child_value (value, 0);
  aioproc_test_assert_variant (variable, g_variant_new ("ms", NULL));
}

static void
test_context_cpu_time (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocProcess) process = NULL;
  int exit_code = 0;

  g_test_summary ("A worker that uses more processor time than it may is killed by SIGXCPU");

  aioproc_context_set_cpu_time_limit (context, 1);
  process = test_start (context, "spin", NULL);
  test_join (process);
  g_assert_true (aioproc_process_get_exit_code (process, &exit_code));
  g_assert_cmpint (exit_code, ==, -SIGXCPU);
}

/* A descriptor that nobody marked as close-on-exec, as that of gtester. */
static void
test_context_descriptors (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autofree char *path = NULL;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GVariantIter) iter = NULL;
  g_autoptr(GError) error = NULL;
  const char *descriptor;
  int fd;

  g_test_summary ("A worker inherits no descriptor of the program but the standard ones");

  fd = g_file_open_tmp ("aioproc-test-XXXXXX", &path, &error);
  g_assert_no_error (error);
  g_assert_cmpint (fcntl (fd, F_SETFD, 0), ==, 0);

  value = test_run (context, "descriptors", NULL, &error);
  g_assert_no_error (error);
  g_variant_get (value, "(as)", &iter);
  while (g_variant_iter_loop (iter, "&s", &descriptor))
    {
      guint64 number = g_ascii_strtoull (descriptor, NULL, 10);

      if (number > STDERR_FILENO)
        g_assert_true (strstr (descriptor, ":socket:") != NULL
                       || strstr (descriptor, ":/memfd:") != NULL);
      g_assert_null (strstr (descriptor, path));
    }

  g_unlink (path);
  close (fd);
}

static void
test_context_preload (void)
{
  const char * const preload[] = { "preload", "preload", NULL };
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORKSERVER);

  g_test_summary ("Preloads run once, in the forkserver, of which each worker has the outcome");

  aioproc_context_set_preload (context, preload);

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr(GVariant) value = NULL;
      g_autoptr(GError) error = NULL;

      value = test_run (context, "preloaded", NULL, &error);
      g_assert_no_error (error);
      aioproc_test_assert_variant (value, g_variant_new ("(ub)", 2, TRUE));
    }
}

static void
check_bad_preload (const char *name,
                   GQuark      domain,
                   int         code,
                   const char *text)
{
  const char * const preload[] = { name, NULL };
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORKSERVER);
  g_autoptr(GError) error = NULL;

  aioproc_context_set_preload (context, preload);

  for (guint i = 0; i < 2; i++)
    {
      g_assert_null (test_run (context, "preloaded", NULL, &error));
      g_assert_error (error, domain, code);
      g_assert_nonnull (strstr (error->message, text));
      g_clear_error (&error);
    }
}

static void
test_context_preload_bad (void)
{
  g_test_summary ("A preload that fails, or is not there, fails each start");

  check_bad_preload ("preload-fail", G_IO_ERROR, G_IO_ERROR_NO_SPACE, "No room");
  check_bad_preload ("no-such-preload", AIOPROC_ERROR, AIOPROC_ERROR_NOT_FOUND,
                     "no-such-preload");
  check_bad_preload ("nothing", AIOPROC_ERROR, AIOPROC_ERROR_REMOTE, "nothing");
  check_bad_preload ("defer", G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "defer");
  check_bad_preload ("preload-start", AIOPROC_ERROR, AIOPROC_ERROR_BOOTSTRAPPING, "preload");
}

static void
test_context_processor_count (void)
{
  g_test_summary ("There is at least one processor, and none more than the system has");

  g_assert_cmpuint (aioproc_get_processor_count (), >=, 1);
  g_assert_cmpuint (aioproc_get_processor_count (), <=, g_get_num_processors ());
}

static gpointer
idle_thread (gpointer data)
{
  g_mutex_lock (data);
  g_mutex_unlock (data);

  return NULL;
}

static void
test_context_fork (void)
{
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORK);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;
  GThread *thread;
  GMutex mutex;

  g_test_summary ("A fork is a worker too, and is refused while there are other threads");

#ifdef AIOPROC_SANITIZED
  g_test_skip ("The runtime of a sanitizer has threads");
  return;
#endif

  value = test_run (context, "square", g_variant_new ("(i)", 8), &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (value, g_variant_new ("(i)", 64));
  g_clear_pointer (&value, g_variant_unref);

  value = test_run (context, "defer", g_variant_new ("(i)", 8), &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (value, g_variant_new ("(i)", 8));
  g_clear_pointer (&value, g_variant_unref);

  value = test_run (context, "nested", NULL, &error);
  g_assert_no_error (error);

  g_mutex_init (&mutex);
  g_mutex_lock (&mutex);
  thread = g_thread_new ("other", idle_thread, &mutex);
  g_assert_null (test_run (context, "square", g_variant_new ("(i)", 8), &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_FORK_REFUSED);
  g_mutex_unlock (&mutex);
  g_thread_join (thread);
  g_mutex_clear (&mutex);
}

static void
test_context_fork_surroundings (void)
{
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORK);
  g_autoptr(GError) error = NULL;

  g_test_summary ("A fork has environment, folder and limits of its context as any worker");

#ifdef AIOPROC_SANITIZED
  g_test_skip ("The runtime of a sanitizer has threads");
  return;
#endif

  test_context_surroundings (AIOPROC_START_METHOD_FORK);

  aioproc_context_set_working_directory (context, "/nowhere");
  g_assert_null (test_run (context, "square", g_variant_new ("(i)", 8), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

int
main (int   argc,
      char *argv[])
{
  test_functions_init ();
  aioproc_test_init (&argc, &argv);

  /* Before there are threads of others. */
  aioproc_test_add_func ("/aioproc/context/fork", test_context_fork);
  aioproc_test_add_func ("/aioproc/context/fork-surroundings", test_context_fork_surroundings);
  aioproc_test_add_func ("/aioproc/context/properties", test_context_properties);
  aioproc_test_add_func ("/aioproc/context/frozen", test_context_frozen);
  aioproc_test_add_func ("/aioproc/context/start-method", test_context_start_method);
  aioproc_test_add_func ("/aioproc/context/start-method/late", test_context_start_method_late);
  test_add_for_methods ("/aioproc/context/surroundings", test_context_surroundings);
  test_add_for_methods ("/aioproc/context/no-marker", test_context_no_marker);
  test_add_for_methods ("/aioproc/context/cpu-time", test_context_cpu_time);
  test_add_for_methods ("/aioproc/context/descriptors", test_context_descriptors);
  aioproc_test_add_func ("/aioproc/context/preload", test_context_preload);
  aioproc_test_add_func ("/aioproc/context/preload/bad", test_context_preload_bad);
  aioproc_test_add_func ("/aioproc/context/processor-count", test_context_processor_count);

  return g_test_run ();
}
