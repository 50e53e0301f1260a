/* test-process-hostile.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <aioproc.h>

#include "adverse-functions.h"
#include "aioproc-test.h"
#include "process-functions.h"
#include "process-tree.h"

/* ThreadSanitizer reports descriptors whose numbers change hands behind everybody's back. */
#if defined(__SANITIZE_THREAD__)
# define HAS_TSAN 1
#elif defined(__has_feature)
# if __has_feature (thread_sanitizer)
#  define HAS_TSAN 1
# endif
#endif

/* A worker program in one line of shell: its control descriptor is 3, the other one 4. */
static AioprocContext *
new_shell_context (AioprocStartMethod  method,
                   const char         *script)
{
  AioprocContext *context = test_context_new (method);
  const char *argv[] = { "/bin/sh", "-c", script, NULL };

  aioproc_context_set_program (context, argv);

  return context;
}

static void
test_process_hostile_worker (void)
{
  const struct {
    const char *script;
    GQuark      domain;
    int         code;
    int         exit_code;
  } cases[] = {
    { "exit 0", AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED, 0 },
    { "exit 7", AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED, 7 },
    { "exec 3>&-; exit 7", AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED, 7 },
    { "kill -ABRT $$", AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED, -SIGABRT },
    { "kill -KILL $$", AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED, -SIGKILL },
    { "kill -SEGV $$", AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED, -SIGSEGV },
    /* Its channel is gone, and it does not end. */
    { "exec 3>&-; exec sleep 1000", AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED, -SIGKILL },
    { "exec 3>&- 4>&-; trap '' TERM; exec sleep 1000",
      AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED, -SIGKILL },
    { "exec 3>&-; kill -STOP $$", AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED, -SIGKILL },
    /* What it writes is no frame. */
    { "head -c 100 /dev/zero >&3; exec sleep 1000",
      G_IO_ERROR, G_IO_ERROR_INVALID_DATA, -SIGKILL },
    { "yes >&3", G_IO_ERROR, G_IO_ERROR_INVALID_DATA, -SIGKILL },
    { "head -c 100 /dev/zero >&3; kill -STOP $$",
      G_IO_ERROR, G_IO_ERROR_INVALID_DATA, -SIGKILL },
  };
  AioprocProcess *processes[G_N_ELEMENTS (cases)];
  GAsyncResult *results[G_N_ELEMENTS (cases)] = { NULL };

  g_test_summary ("A worker that does anything but begin is no process, and the start tells why");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(AioprocContext) context = new_shell_context (AIOPROC_START_METHOD_SPAWN,
                                                             cases[i].script);

      processes[i] = aioproc_process_new (context, "any", NULL);
      aioproc_process_start_async (processes[i], NULL, aioproc_test_store_result, &results[i]);
    }

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GError) error = NULL;
      int exit_code = 99;

      g_test_message ("%s", cases[i].script);
      aioproc_test_wait (&results[i]);
      g_assert_false (aioproc_process_start_finish (processes[i], results[i], &error));
      g_test_message ("→ %s", error->message);
      g_assert_error (error, cases[i].domain, cases[i].code);
      test_join (processes[i]);
      g_assert_true (aioproc_process_get_exit_code (processes[i], &exit_code));
      g_assert_cmpint (exit_code, ==, cases[i].exit_code);
      g_object_unref (results[i]);
      g_object_unref (processes[i]);
    }
}

/* Begins a start that nobody will ever answer. */
static AioprocProcess *
begin_start (AioprocContext  *context,
             GCancellable    *cancellable,
             GAsyncResult   **result)
{
  AioprocProcess *process = aioproc_process_new (context, "any", NULL);
  g_autoptr(GError) error = NULL;

  aioproc_process_start_async (process, cancellable, aioproc_test_store_result, result);
  g_assert_false (aioproc_process_join (process, 20000, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_true (aioproc_process_is_alive (process));

  return process;
}

static void
check_silent (AioprocContext *context)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) cancelled_result = NULL;
  g_autoptr(GAsyncResult) killed_result = NULL;
  g_autoptr(AioprocProcess) cancelled = begin_start (context, cancellable, &cancelled_result);
  g_autoptr(AioprocProcess) killed = begin_start (context, NULL, &killed_result);
  g_autoptr(GError) error = NULL;
  int exit_code = 99;

  g_cancellable_cancel (cancellable);
  aioproc_test_wait (&cancelled_result);
  g_assert_false (aioproc_process_start_finish (cancelled, cancelled_result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  test_join (cancelled);

  g_assert_true (aioproc_process_kill (killed, &error));
  g_assert_no_error (error);
  aioproc_test_wait (&killed_result);
  g_assert_false (aioproc_process_start_finish (killed, killed_result, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);
  test_join (killed);
  g_assert_true (aioproc_process_get_exit_code (killed, &exit_code));
  g_assert_cmpint (exit_code, ==, -SIGKILL);
}

static void
test_process_hostile_silent_worker (void)
{
  const char *scripts[] = {
    "exec sleep 1000",
    "trap '' TERM INT HUP; cat <&3 >/dev/null",
    "kill -STOP $$",
  };

  g_test_summary ("The start of a worker that never answers is cancelled, or ended by a kill");

  for (guint i = 0; i < G_N_ELEMENTS (scripts); i++)
    {
      g_autoptr(AioprocContext) context = new_shell_context (AIOPROC_START_METHOD_SPAWN,
                                                             scripts[i]);

      check_silent (context);
    }
}

static void
test_process_hostile_silent_forkserver (void)
{
  g_autoptr(AioprocContext) silent = new_shell_context (AIOPROC_START_METHOD_FORKSERVER,
                                                        "while :; do sleep 1000; done");
  g_autoptr(AioprocContext) stopped = new_shell_context (AIOPROC_START_METHOD_FORKSERVER,
                                                         "kill -STOP $$");
  g_autoptr(AioprocContext) hanging = test_context_new (AIOPROC_START_METHOD_FORKSERVER);
  const char * const preload[] = { "block", NULL };

  g_test_summary ("The same where it is the forkserver, or a preload, that never comes to an end");

  check_silent (silent);
  check_silent (stopped);

  aioproc_context_set_preload (hanging, preload);
  check_silent (hanging);
}

/* A forkserver that does not serve before there is a file. */
static AioprocContext *
new_late_context (const char *file)
{
  static const char script[] = "while ! [ -e \"$0\" ]; do sleep 0.01; done; exec \"$1\"";
  AioprocContext *context = test_context_new (AIOPROC_START_METHOD_FORKSERVER);
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  const char *argv[] = { "/bin/sh", "-c", script, file, program, NULL };

  aioproc_context_set_program (context, argv);

  return context;
}

static AioprocProcess *
new_setter (AioprocContext *context,
            AioprocEvent   *event)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  int handle = aioproc_message_append_object (message, G_OBJECT (event), NULL);

  aioproc_message_set_body (message, g_variant_new ("(h)", handle));

  return aioproc_process_new_with_message (context, "set", message);
}

static void
test_process_hostile_late_forkserver (void)
{
  g_autofree char *folder = g_dir_make_tmp ("aioproc-test-XXXXXX", NULL);
  g_autofree char *file = g_build_filename (folder, "serve", NULL);
  g_autoptr(AioprocContext) context = new_late_context (file);
  g_autoptr(AioprocEvent) event = NULL;
  g_autoptr(AioprocProcess) killed = NULL;
  g_autoptr(AioprocProcess) wanted = aioproc_process_new (context, "block", NULL);
  g_autoptr(GAsyncResult) killed_result = NULL;
  g_autoptr(GAsyncResult) wanted_result = NULL;
  g_autoptr(GError) error = NULL;
  pid_t forkserver;

  g_test_summary ("A start that was ended calls nothing later, and takes no other one along");

  event = aioproc_event_new (&error);
  g_assert_no_error (error);
  killed = new_setter (context, event);

  aioproc_process_start_async (killed, NULL, aioproc_test_store_result, &killed_result);
  aioproc_process_start_async (wanted, NULL, aioproc_test_store_result, &wanted_result);
  g_assert_true (aioproc_process_terminate (killed, &error));
  g_assert_no_error (error);
  aioproc_test_wait (&killed_result);
  g_assert_false (aioproc_process_start_finish (killed, killed_result, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);
  g_clear_error (&error);
  test_join (killed);
  g_assert_cmpint (aioproc_process_get_pid (killed), ==, 0);
  g_assert_true (aioproc_process_is_alive (wanted));

  g_assert_true (g_file_set_contents (file, "", 0, &error));
  g_assert_no_error (error);
  aioproc_test_wait (&wanted_result);
  g_assert_true (aioproc_process_start_finish (wanted, wanted_result, &error));
  g_assert_no_error (error);

  /* What was asked for first is gone, and reaped. */
  forkserver = test_tree_get_parent (aioproc_process_get_pid (wanted));
  while (test_tree_count_children (forkserver) != 1)
    g_thread_yield ();
  g_assert_false (aioproc_event_is_set (event));

  g_assert_true (aioproc_process_kill (wanted, NULL));
  test_join (wanted);
  g_assert_cmpint (g_unlink (file), ==, 0);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

static void
test_process_hostile_no_channel (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocProcess) returning = NULL;
  g_autoptr(AioprocProcess) living = NULL;
  g_autoptr(AioprocProcess) writing = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code = 99;

  g_test_summary ("A function that closes all descriptors, or writes to them, costs its result");

  returning = test_start (context, "close-all", g_variant_new ("(b)", FALSE));
  test_join (returning);
  g_assert_null (aioproc_process_dup_result (returning, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);
  g_clear_error (&error);

  living = test_start (context, "close-all", g_variant_new ("(b)", TRUE));
  g_assert_false (aioproc_process_join (living, 50000, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_true (aioproc_process_cancel (living, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_process_terminate (living, &error));
  g_assert_no_error (error);
  test_join (living);
  g_assert_true (aioproc_process_get_exit_code (living, &exit_code));
  g_assert_cmpint (exit_code, ==, -SIGTERM);

  writing = test_start (context, "scribble", NULL);
  test_join (writing);
  g_assert_null (aioproc_process_dup_result (writing, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_assert_true (aioproc_process_get_exit_code (writing, &exit_code));
  g_assert_cmpint (exit_code, ==, -SIGKILL);
}

/* A zombie, which is no longer this program's to reap, is not. */
static gboolean
is_running (pid_t pid)
{
  char state = test_tree_get_state (pid);

  return state != 0 && state != 'Z' && state != 'X';
}

static void
check_supervisor_killed (AioprocContext *context)
{
  g_autoptr(AioprocProcess) ended = test_start (context, "square", g_variant_new ("(i)", 3));
  AioprocProcess *processes[3];
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;
  pid_t supervisor;

  test_join (ended);
  for (guint i = 0; i < G_N_ELEMENTS (processes); i++)
    processes[i] = test_start (context, i == 0 ? "spin" : "block", NULL);

  supervisor = test_tree_get_parent (aioproc_process_get_pid (processes[0]));
  g_assert_cmpint (kill (supervisor, SIGKILL), ==, 0);

  for (guint i = 0; i < G_N_ELEMENTS (processes); i++)
    {
      int exit_code = -SIGKILL;

      test_join (processes[i]);
      g_assert_false (is_running (aioproc_process_get_pid (processes[i])));
      aioproc_process_get_exit_code (processes[i], &exit_code);
      g_assert_null (aioproc_process_dup_result (processes[i], &error));
      g_test_message ("%s", error->message);
      g_assert_true (error->domain == AIOPROC_ERROR);
      g_assert_cmpint (error->code, ==, aioproc_process_get_exit_code (processes[i], NULL)
                                        ? AIOPROC_ERROR_WORKER_DIED : AIOPROC_ERROR_STATUS_LOST);
      g_clear_error (&error);
      g_object_unref (processes[i]);
    }

  /* What was known before still is. */
  value = aioproc_process_dup_result (ended, &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (value, g_variant_new ("(i)", 9));
}

static void
test_process_hostile_supervisor_killed (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);

  g_test_summary ("Processes whose supervisor is killed end, as a failure; others can be started");

  for (guint i = 0; i < 5; i++)
    check_supervisor_killed (context);
}

/* --- In a program of its own: see hostile-main.c --- */

typedef struct
{
  const char         *name;
  const char         *summary;
  AioprocStartMethod  method;
} Case;

static void
test_process_hostile_program (gconstpointer data)
{
  const Case *test_case = data;
  g_autofree char *method = g_strdup_printf ("%d", (int) test_case->method);
  TestProgram program;
  int wait_status;

  g_test_summary (test_case->summary);

  test_program_start (&program, "aioproc-test-hostile", test_case->name, method, NULL);
  for (;;)
    {
      g_autofree char *line = test_program_read_line (&program);

      if (line == NULL)
        break;

      g_test_message ("%s", line);
    }
  wait_status = test_program_wait (&program);
  g_assert_true (WIFEXITED (wait_status));
  g_assert_cmpint (WEXITSTATUS (wait_status), ==, 0);
}

static void
add_programs (void)
{
  const struct {
    const char *name;
    const char *summary;
  } programs[] = {
    { "reaper", "Statuses are right although another thread reaps all children" },
    { "handler", "Statuses are right although a handler of SIGCHLD reaps all children" },
    { "ignored", "Statuses are right although SIGCHLD is ignored" },
    { "blocked", "Workers can be signalled although the program blocks and ignores all signals" },
    { "streams", "Standard streams that are closed are not mistaken for anything else" },
    { "limits", "Workers do not inherit what is this program's alone" },
    { "close-all", "A program that loses all its descriptors gets errors, and ends" },
    { "close-all-early", "The same before its first worker" },
    { "close-all-starting", "The same while a worker is being started" },
    { "close-all-joining", "The same while somebody joins" },
    { "close-each", "The same with each descriptor alone" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (programs); i++)
    {
      const char *methods[] = { NULL, "spawn", "forkserver", "fork" };
      int last = AIOPROC_START_METHOD_FORKSERVER;

#ifdef HAS_TSAN
      if (g_str_has_prefix (programs[i].name, "close-"))
        continue;
#endif

      /* Others have threads of their own, as have the runtimes of sanitizers: no fork is safe. */
#ifndef AIOPROC_SANITIZED
      if (g_str_has_prefix (programs[i].name, "close-"))
        last = AIOPROC_START_METHOD_FORK;
#endif

      for (int method = AIOPROC_START_METHOD_SPAWN; method <= last; method++)
        {
          Case *test_case = g_new (Case, 1);
          g_autofree char *path = NULL;

          test_case->name = programs[i].name;
          test_case->summary = programs[i].summary;
          test_case->method = (AioprocStartMethod) method;
          path = g_strdup_printf ("/aioproc/process-hostile/program/%s/%s", programs[i].name,
                                  methods[method]);
          aioproc_test_add_data_func_full (path, test_case, test_process_hostile_program, g_free);
        }
    }
}

int
main (int   argc,
      char *argv[])
{
  test_adverse_functions_init ();
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/process-hostile/worker", test_process_hostile_worker);
  aioproc_test_add_func ("/aioproc/process-hostile/silent/worker",
                         test_process_hostile_silent_worker);
  aioproc_test_add_func ("/aioproc/process-hostile/silent/forkserver",
                         test_process_hostile_silent_forkserver);
  aioproc_test_add_func ("/aioproc/process-hostile/late/forkserver",
                         test_process_hostile_late_forkserver);
  test_add_for_methods ("/aioproc/process-hostile/no-channel", test_process_hostile_no_channel);
  test_add_for_methods ("/aioproc/process-hostile/supervisor-killed",
                        test_process_hostile_supervisor_killed);
  add_programs ();

  return g_test_run ();
}
