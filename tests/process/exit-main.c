/* exit-main.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <aioproc.h>

/* A program that ends while workers of it run: exit-main CASE METHOD FILE. What it and they do at
 * the end is written to FILE.
 */

static const char *file_name;

static void
write_word (const char *path,
            const char *word)
{
  g_autofree char *text = g_strconcat (word, " ", NULL);
  int fd = open (path, O_WRONLY | O_APPEND | O_CLOEXEC);

  if (fd < 0 || write (fd, text, strlen (text)) < 0)
    abort ();
  close (fd);
}

static GVariant *
finish_soon (AioprocCall  *call,
             GError      **error)
{
  const char *path;

  if (!aioproc_call_get_arguments (call, error, "(&s)", &path))
    return NULL;

  poll (NULL, 0, 300);
  write_word (path, "finished");

  return g_variant_new ("()");
}

/* Ends by SIGTERM only. */
static GVariant *
await_term (AioprocCall  *call,
            GError      **error)
{
  const char *path;
  g_autoptr(GObject) event = NULL;
  sigset_t signals;
  int handle;
  int signum;

  if (!aioproc_call_get_arguments (call, error, "(&sh)", &path, &handle))
    return NULL;

  sigemptyset (&signals);
  sigaddset (&signals, SIGTERM);
  sigprocmask (SIG_BLOCK, &signals, NULL);

  event = aioproc_call_dup_object (call, handle, error);
  if (event == NULL || !aioproc_event_set (AIOPROC_EVENT (event), error))
    return NULL;

  sigwait (&signals, &signum);
  write_word (path, "terminated");

  return g_variant_new ("()");
}

/* Ends by SIGKILL only. */
static GVariant *
be_stubborn (AioprocCall  *call,
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

  for (;;)
    pause ();

  return NULL;
}

/* Fills the channel, which nobody reads once the program has gone. */
static GVariant *
log_forever (AioprocCall  *call,
             GError      **error)
{
  for (;;)
    g_debug ("And so on");

  return NULL;
}

static AioprocContext *
new_context (const char *method,
             gint64      exit_timeout_usec)
{
  AioprocContext *context = aioproc_context_new ();

  aioproc_context_set_start_method (context, atoi (method));
  aioproc_context_set_exit_timeout (context, exit_timeout_usec);

  return context;
}

static void
start (AioprocProcess *process)
{
  g_autoptr(GError) error = NULL;

  if (!aioproc_process_start (process, NULL, &error))
    g_error ("%s", error->message);
}

/* Starts a process that sets an event once it is as it has to be, and waits for that. */
static void
start_and_wait (AioprocContext *context,
                const char     *function,
                const char     *path,
                gboolean        is_daemon)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(AioprocEvent) event = NULL;
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(GError) error = NULL;
  int handle;

  event = aioproc_event_new (&error);
  g_assert_no_error (error);
  handle = aioproc_message_append_object (message, G_OBJECT (event), &error);
  g_assert_no_error (error);
  aioproc_message_set_body (message, path != NULL ? g_variant_new ("(sh)", path, handle)
                                                  : g_variant_new ("(h)", handle));

  process = aioproc_process_new_with_message (context, function, message);
  aioproc_process_set_daemon (process, is_daemon, NULL);
  start (process);
  aioproc_event_wait (event, -1, NULL, &error);
  g_assert_no_error (error);
}

static GVariant *
leave_child (AioprocCall  *call,
             GError      **error)
{
  g_autoptr(AioprocContext) context = new_context ("2", 50000);

  start_and_wait (context, "be-stubborn", NULL, FALSE);

  return g_variant_new ("()");
}

static const AioprocFunctionEntry functions[] = {
  { "finish-soon", finish_soon },
  { "await-term", await_term },
  { "be-stubborn", be_stubborn },
  { "leave-child", leave_child },
  { "log-forever", log_forever },
};

static void
write_handler_cb (gpointer data)
{
  write_word (file_name, data);
}

/* What a forked child does at its end is nothing of what its parent has to do. */
static void
fork_and_exit (void)
{
  pid_t pid = fork ();
  int wait_status;

  if (pid == 0)
    exit (0);

  waitpid (pid, &wait_status, 0);
  write_word (file_name, wait_status == 0 ? "forked" : "failed");
}

int
main (int   argc,
      char *argv[])
{
  g_autoptr(AioprocContext) context = NULL;
  g_autoptr(AioprocProcess) process = NULL;
  const char *name;

  aioproc_init (functions, G_N_ELEMENTS (functions));

  g_assert_cmpint (argc, ==, 4);
  name = argv[1];
  file_name = argv[3];

  if (g_str_equal (name, "joins"))
    {
      context = new_context (argv[2], 60 * G_USEC_PER_SEC);
      process = aioproc_process_new (context, "finish-soon", g_variant_new ("(s)", file_name));
      start (process);
    }
  else if (g_str_equal (name, "terminates"))
    {
      context = new_context (argv[2], 60 * G_USEC_PER_SEC);
      start_and_wait (context, "await-term", file_name, TRUE);
    }
  else if (g_str_equal (name, "kills"))
    {
      context = new_context (argv[2], 50000);
      start_and_wait (context, "be-stubborn", NULL, FALSE);
      start_and_wait (context, "be-stubborn", NULL, TRUE);
    }
  else if (g_str_equal (name, "killed"))
    {
      context = new_context (argv[2], 60 * G_USEC_PER_SEC);
      start_and_wait (context, "be-stubborn", NULL, FALSE);
      raise (SIGKILL);
    }
  else if (g_str_equal (name, "floods"))
    {
      context = new_context (argv[2], 50000);
      aioproc_context_set_log_forwarding (context, G_LOG_LEVEL_DEBUG);
      process = aioproc_process_new (context, "log-forever", NULL);
      start (process);
    }
  else if (g_str_equal (name, "starting"))
    {
      context = new_context (argv[2], 50000);
      process = aioproc_process_new (context, "finish-soon", g_variant_new ("(s)", file_name));
      aioproc_process_start_async (process, NULL, NULL, NULL);
    }
  else if (g_str_equal (name, "forks"))
    {
      context = new_context (argv[2], 60 * G_USEC_PER_SEC);
      aioproc_worker_add_exit_handler (write_handler_cb, (gpointer) "handler", NULL);
      process = aioproc_process_new (context, "finish-soon", g_variant_new ("(s)", file_name));
      start (process);
      fork_and_exit ();
    }
  else if (g_str_equal (name, "grandchildren"))
    {
      context = new_context (argv[2], 60 * G_USEC_PER_SEC);
      process = aioproc_process_new (context, "leave-child", NULL);
      start (process);
      aioproc_process_join (process, -1, NULL, NULL);
      write_word (file_name, "joined");
    }
  else
    {
      return 2;
    }

  return 0;
}
