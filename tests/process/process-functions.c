/* process-functions.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process-functions.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aioproc-test.h"

static guint n_preloads;
static pid_t preload_pid;

static GVariant *
square (AioprocCall  *call,
        GError      **error)
{
  int number;

  if (!aioproc_call_get_arguments (call, error, "(i)", &number))
    return NULL;

  return g_variant_new ("(i)", number * number);
}

static GVariant *
echo (AioprocCall  *call,
      GError      **error)
{
  g_autoptr(AioprocMessage) message = aioproc_call_dup_message (call);

  aioproc_call_return_message (call, message);

  return NULL;
}

static GVariant *
fail (AioprocCall  *call,
      GError      **error)
{
  const char *text;

  if (!aioproc_call_get_arguments (call, error, "(&s)", &text))
    return NULL;

  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, text);

  return NULL;
}

static GVariant *
fail_strangely (AioprocCall  *call,
                GError      **error)
{
  g_set_error_literal (error, g_quark_from_string ("nobody-knows-this-quark"), 7, "Strange");

  return NULL;
}

static GVariant *
nothing (AioprocCall  *call,
         GError      **error)
{
  return NULL;
}

static GVariant *
call_exit (AioprocCall  *call,
           GError      **error)
{
  int status;

  if (!aioproc_call_get_arguments (call, error, "(i)", &status))
    return NULL;

  exit (status);
}

static GVariant *
die (AioprocCall  *call,
     GError      **error)
{
  int signum;

  if (!aioproc_call_get_arguments (call, error, "(i)", &signum))
    return NULL;

  kill (getpid (), signum);

  return g_variant_new ("()");
}

static GVariant *
block (AioprocCall  *call,
       GError      **error)
{
  for (;;)
    pause ();

  return NULL;
}

/* Does not end by SIGTERM. */
static GVariant *
block_stubbornly (AioprocCall  *call,
                  GError      **error)
{
  g_autoptr(GObject) event = NULL;
  int handle;

  if (!aioproc_call_get_arguments (call, error, "(h)", &handle))
    return NULL;

  signal (SIGTERM, SIG_IGN);

  event = aioproc_call_dup_object (call, handle, error);
  if (event == NULL || !aioproc_event_set (AIOPROC_EVENT (event), error))
    return NULL;

  return block (call, error);
}

static GVariant *
wait_cancel (AioprocCall  *call,
             GError      **error)
{
  GCancellable *cancellable = aioproc_call_get_cancellable (call);
  GPollFD poll_fd;

  if (!g_cancellable_make_pollfd (cancellable, &poll_fd))
    return NULL;

  g_poll (&poll_fd, 1, -1);
  g_cancellable_release_fd (cancellable);
  g_cancellable_set_error_if_cancelled (cancellable, error);

  return NULL;
}

static GVariant *
hold (AioprocCall  *call,
      GError      **error)
{
  g_autoptr(GObject) lock = NULL;
  g_autoptr(GObject) event = NULL;
  int lock_handle;
  int event_handle;

  if (!aioproc_call_get_arguments (call, error, "(hh)", &lock_handle, &event_handle))
    return NULL;

  lock = aioproc_call_dup_object (call, lock_handle, error);
  event = lock != NULL ? aioproc_call_dup_object (call, event_handle, error) : NULL;
  if (event == NULL
      || !aioproc_lock_acquire (AIOPROC_LOCK (lock), -1, NULL, error)
      || !aioproc_event_set (AIOPROC_EVENT (event), error))
    return NULL;

  return block (call, error);
}

static GVariant *
set (AioprocCall  *call,
     GError      **error)
{
  g_autoptr(GObject) event = NULL;
  int handle;

  if (!aioproc_call_get_arguments (call, error, "(h)", &handle))
    return NULL;

  event = aioproc_call_dup_object (call, handle, error);
  if (event == NULL || !aioproc_event_set (AIOPROC_EVENT (event), error))
    return NULL;

  return g_variant_new ("(b)", aioproc_event_is_set (AIOPROC_EVENT (event)));
}

static GVariant *
who (AioprocCall  *call,
     GError      **error)
{
  AioprocProcess *current = aioproc_process_get_current ();
  AioprocProcess *parent = aioproc_process_get_parent ();
  g_autofree char *name = aioproc_process_dup_name (current);
  g_autofree char *parent_name = aioproc_process_dup_name (parent);

  return g_variant_new ("(sbisib)", name, aioproc_process_get_daemon (current),
                        aioproc_process_get_pid (current), parent_name,
                        aioproc_process_get_pid (parent), aioproc_process_is_alive (parent));
}

static gpointer
cancel_thread (gpointer data)
{
  g_cancellable_cancel (data);

  return NULL;
}

/* What the parent of the worker says to all that can be done to it. */
static GVariant *
ask_parent (AioprocCall  *call,
            GError      **error)
{
  AioprocProcess *parent = aioproc_process_get_parent ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) local_error = NULL;
  GThread *thread;

  g_assert_false (aioproc_process_join (parent, 0, NULL, &local_error));
  g_assert_error (local_error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&local_error);

  g_assert_false (aioproc_process_join (parent, 10000, cancellable, &local_error));
  g_assert_error (local_error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&local_error);

  aioproc_process_join_async (parent, 10000, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_process_join_finish (parent, result, &local_error));
  g_assert_error (local_error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&local_error);

  thread = g_thread_new ("cancel", cancel_thread, cancellable);
  g_assert_false (aioproc_process_join (parent, -1, cancellable, &local_error));
  g_assert_error (local_error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&local_error);
  g_thread_join (thread);

  g_assert_false (aioproc_process_kill (parent, &local_error));
  g_assert_error (local_error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&local_error);
  g_assert_cmpint (aioproc_process_get_sentinel (parent, &local_error), >=, 0);
  g_assert_no_error (local_error);
  g_assert_false (aioproc_waitable_is_ready (AIOPROC_WAITABLE (parent)));
  g_assert_true (aioproc_process_is_alive (parent));

  return g_variant_new ("()");
}

static GVariant *
nested (AioprocCall  *call,
        GError      **error)
{
  g_autoptr(AioprocProcess) child = NULL;
  g_autoptr(GVariant) answer = NULL;
  g_autofree char *name = NULL;

  child = aioproc_process_new (NULL, "who", NULL);
  if (!aioproc_process_start (child, NULL, error)
      || !aioproc_process_join (child, -1, NULL, error))
    return NULL;

  answer = aioproc_process_dup_result (child, error);
  if (answer == NULL)
    return NULL;

  name = aioproc_process_dup_name (child);

  return g_variant_new ("(s@(sbisib))", name, answer);
}

static gboolean
return_cb (gpointer user_data)
{
  AioprocCall *call = user_data;
  int number = 0;

  if (aioproc_call_get_arguments (call, NULL, "(i)", &number))
    aioproc_call_return_value (call, g_variant_new ("(i)", number));

  return G_SOURCE_REMOVE;
}

static GVariant *
defer (AioprocCall  *call,
       GError      **error)
{
  g_autoptr(GSource) source = g_idle_source_new ();

  aioproc_call_defer (call);
  g_source_set_callback (source, return_cb, g_object_ref (call), g_object_unref);
  g_source_attach (source, g_main_context_get_thread_default ());

  return NULL;
}

static gpointer
return_thread (gpointer data)
{
  g_autoptr(AioprocCall) call = data;

  return_cb (call);

  return NULL;
}

static GVariant *
defer_thread (AioprocCall  *call,
              GError      **error)
{
  GThread *thread;

  aioproc_call_defer (call);
  thread = g_thread_try_new ("return", return_thread, g_object_ref (call), error);
  if (thread != NULL)
    g_thread_unref (thread);

  return NULL;
}

static gboolean
return_error_cb (gpointer user_data)
{
  g_autoptr(GError) error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_BUSY, "Busy");

  aioproc_call_return_error (user_data, error);

  return G_SOURCE_REMOVE;
}

static GVariant *
defer_error (AioprocCall  *call,
             GError      **error)
{
  g_autoptr(GSource) source = g_idle_source_new ();

  aioproc_call_defer (call);
  g_source_set_callback (source, return_error_cb, g_object_ref (call), g_object_unref);
  g_source_attach (source, g_main_context_get_thread_default ());

  return NULL;
}

static GVariant *
twice (AioprocCall  *call,
       GError      **error)
{
  aioproc_call_return_value (call, g_variant_new ("(s)", "first"));

  return g_variant_new ("(s)", "second");
}

static GVariant *
give (AioprocCall  *call,
      GError      **error)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(AioprocEvent) event = aioproc_event_new (error);
  g_autoptr(GBytes) bytes = g_bytes_new_static ("given", 5);
  int event_handle;
  int bytes_handle;
  int fd_handle;

  if (event == NULL || !aioproc_event_set (event, error))
    return NULL;

  event_handle = aioproc_message_append_object (message, G_OBJECT (event), error);
  bytes_handle = aioproc_message_append_bytes (message, bytes);
  fd_handle = aioproc_message_append_fd (message, STDERR_FILENO, error);
  if (event_handle < 0 || fd_handle < 0)
    return NULL;

  aioproc_message_set_body (message,
                            g_variant_new ("(hhh)", event_handle, bytes_handle, fd_handle));
  aioproc_call_return_message (call, message);

  return NULL;
}

static GVariant *
progress (AioprocCall  *call,
          GError      **error)
{
  aioproc_call_report_progress (call, -1.0, "Thinking");

  for (guint i = 0; i <= 1000; i++)
    aioproc_call_report_progress (call, i / 1000.0, "Working");

  return g_variant_new ("()");
}

static GVariant *
log_old (AioprocCall  *call,
         GError      **error)
{
  guint32 level;
  const char *text;

  if (!aioproc_call_get_arguments (call, error, "(u&s)", &level, &text))
    return NULL;

  g_log ("Worker-Domain", (GLogLevelFlags) level, "%s", text);

  return g_variant_new ("()");
}

static GVariant *
log_structured (AioprocCall  *call,
                GError      **error)
{
  guint32 level;
  const char *text;

  if (!aioproc_call_get_arguments (call, error, "(u&s)", &level, &text))
    return NULL;

  {
    const GLogField fields[] = {
      { "MESSAGE", text, -1 },
      { "GLIB_DOMAIN", "Worker-Domain", -1 },
      { "MY_BINARY", "a\0b", 3 },
      { "GLIB_OLD_LOG_API", "1", -1 },
      { "AIOPROC_WORKER_PID", "1", -1 },
      { "not a key", "x", -1 },
    };

    g_log_structured_array ((GLogLevelFlags) level, fields, G_N_ELEMENTS (fields));
  }

  return g_variant_new ("()");
}

/* More than what fits into the channel, while nobody may be reading. */
static GVariant *
log_much (AioprocCall  *call,
          GError      **error)
{
  for (guint i = 0; i < 20000; i++)
    g_log ("Worker-Domain", G_LOG_LEVEL_MESSAGE, "Number %u", i);

  return g_variant_new ("()");
}

static GVariant *
print (AioprocCall  *call,
       GError      **error)
{
  const char *text;

  if (!aioproc_call_get_arguments (call, error, "(&s)", &text))
    return NULL;

  fputs (text, stdout);
  g_print ("%s", text);

  return g_variant_new ("()");
}

/* Lines of one letter, each in pieces. */
static GVariant *
print_lines (AioprocCall  *call,
             GError      **error)
{
  const char *letter;

  if (!aioproc_call_get_arguments (call, error, "(&s)", &letter))
    return NULL;

  for (guint i = 0; i < 200; i++)
    {
      for (guint j = 0; j < 50; j++)
        fputs (letter, stdout);
      fputc ('\n', stdout);
    }

  return g_variant_new ("()");
}

static GVariant *
surroundings (AioprocCall  *call,
              GError      **error)
{
  g_autofree char *folder = g_get_current_dir ();
  struct rlimit memory;
  struct rlimit cpu;
  struct rlimit files;
  const char *variable;
  const char *value;

  if (!aioproc_call_get_arguments (call, error, "(&s)", &variable))
    return NULL;

  value = g_getenv (variable);
  getrlimit (RLIMIT_AS, &memory);
  getrlimit (RLIMIT_CPU, &cpu);
  getrlimit (RLIMIT_NOFILE, &files);

  return g_variant_new ("(mssttt)", value, folder, (guint64) memory.rlim_cur,
                        (guint64) cpu.rlim_cur, (guint64) files.rlim_cur);
}

static void
write_file_cb (gpointer user_data)
{
  char **parts = user_data;
  g_autofree char *contents = NULL;
  g_autofree char *appended = NULL;

  g_file_get_contents (parts[0], &contents, NULL, NULL);
  appended = g_strconcat (contents != NULL ? contents : "", parts[1], NULL);
  g_file_set_contents (parts[0], appended, -1, NULL);
}

static void
free_parts_cb (gpointer data)
{
  g_strfreev (data);
}

static void
add_exit_handler (const char *path,
                  const char *text)
{
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new ();

  g_strv_builder_add_many (builder, path, text, NULL);
  aioproc_worker_add_exit_handler (write_file_cb, g_strv_builder_end (builder), free_parts_cb);
}

static GVariant *
exit_handler (AioprocCall  *call,
              GError      **error)
{
  const char *path;
  gboolean calls_exit;

  if (!aioproc_call_get_arguments (call, error, "(&sb)", &path, &calls_exit))
    return NULL;

  add_exit_handler (path, "1");
  add_exit_handler (path, "2");

  if (calls_exit)
    exit (5);

  return g_variant_new ("()");
}

static GVariant *
spin (AioprocCall  *call,
      GError      **error)
{
  volatile guint64 n = 0;

  for (;;)
    n++;

  return NULL;
}

static GVariant *
preload (AioprocCall  *call,
         GError      **error)
{
  n_preloads++;
  preload_pid = getpid ();

  return g_variant_new ("()");
}

static GVariant *
preload_fail (AioprocCall  *call,
              GError      **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "No room");

  return NULL;
}

static GVariant *
preload_start (AioprocCall  *call,
               GError      **error)
{
  g_autoptr(AioprocProcess) child = aioproc_process_new (NULL, "who", NULL);

  if (!aioproc_process_start (child, NULL, error))
    return NULL;

  return g_variant_new ("()");
}

static GVariant *
preloaded (AioprocCall  *call,
           GError      **error)
{
  return g_variant_new ("(ub)", n_preloads, preload_pid != getpid ());
}

static GVariant *
huge (AioprocCall  *call,
      GError      **error)
{
  const gsize size = (gsize) 1 << 30;
  g_autoptr(GBytes) bytes = g_bytes_new_take (g_malloc0 (size), size);

  /* Not copied, so that the memory is never touched. */
  return g_variant_new_from_bytes (G_VARIANT_TYPE ("at"), bytes, TRUE);
}

/* Named by number, as the name is for the test to tell. */
static GVariant *
descriptors (AioprocCall  *call,
             GError      **error)
{
  g_autoptr(GDir) dir = g_dir_open ("/proc/self/fd", 0, error);
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("as"));
  const char *name;

  if (dir == NULL)
    return NULL;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *link = g_build_filename ("/proc/self/fd", name, NULL);
      g_autofree char *target = g_file_read_link (link, NULL);

      /* Not the one that reads the folder. */
      if (target != NULL && !g_str_has_prefix (target, "/proc/"))
        g_variant_builder_add_value (&builder,
                                     g_variant_new_take_string (g_strconcat (name, ":", target,
                                                                             NULL)));
    }

  return g_variant_new ("(as)", &builder);
}

static const AioprocFunctionEntry functions[] = {
  { "square", square },
  { "echo", echo },
  { "fail", fail },
  { "fail-strangely", fail_strangely },
  { "nothing", nothing },
  { "exit", call_exit },
  { "die", die },
  { "block", block },
  { "block-stubbornly", block_stubbornly },
  { "wait-cancel", wait_cancel },
  { "hold", hold },
  { "set", set },
  { "who", who },
  { "ask-parent", ask_parent },
  { "nested", nested },
  { "defer", defer },
  { "defer-thread", defer_thread },
  { "defer-error", defer_error },
  { "twice", twice },
  { "give", give },
  { "progress", progress },
  { "log", log_old },
  { "log-structured", log_structured },
  { "log-much", log_much },
  { "print", print },
  { "print-lines", print_lines },
  { "surroundings", surroundings },
  { "exit-handler", exit_handler },
  { "spin", spin },
  { "preload", preload },
  { "preload-fail", preload_fail },
  { "preload-start", preload_start },
  { "preloaded", preloaded },
  { "huge", huge },
  { "descriptors", descriptors },
};

void
test_functions_init (void)
{
  aioproc_init (functions, G_N_ELEMENTS (functions));
}
