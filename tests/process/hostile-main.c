/* hostile-main.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A program that is hostile to its own libraries: hostile-main CASE METHOD. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <aioproc.h>

#include "adverse-functions.h"
#include "aioproc-test.h"
#include "process-functions.h"

static void
check_end (AioprocContext *context,
           const char     *function,
           int             argument,
           int             expected_exit_code)
{
  g_autoptr(AioprocProcess) process = test_start (context, function,
                                                  g_variant_new ("(i)", argument));
  int exit_code = 99;

  test_join (process);
  g_assert_true (aioproc_process_get_exit_code (process, &exit_code));
  g_assert_cmpint (exit_code, ==, expected_exit_code);
}

/* Results, statuses and signals are what they are. */
static void
check_all_right (AioprocContext *context)
{
  for (guint i = 0; i < 10; i++)
    {
      g_autoptr(AioprocProcess) blocking = test_start (context, "block", NULL);
      g_autoptr(GVariant) value = NULL;
      g_autoptr(GError) error = NULL;
      int exit_code = 99;

      value = test_run (context, "square", g_variant_new ("(i)", 5), &error);
      g_assert_no_error (error);
      aioproc_test_assert_variant (value, g_variant_new ("(i)", 25));

      check_end (context, "exit", 7, 7);
      check_end (context, "die", SIGKILL, -SIGKILL);
      check_end (context, "die", SIGTERM, -SIGTERM);

      g_assert_true (aioproc_process_terminate (blocking, &error));
      g_assert_no_error (error);
      test_join (blocking);
      g_assert_true (aioproc_process_get_exit_code (blocking, &exit_code));
      g_assert_cmpint (exit_code, ==, -SIGTERM);
    }
}

static gpointer
reap_thread (gpointer data)
{
  for (;;)
    {
      if (waitpid (-1, NULL, 0) < 0)
        g_thread_yield ();
    }

  return NULL;
}

static void
run_reaper (AioprocContext *context)
{
  g_thread_unref (g_thread_new ("reaper", reap_thread, NULL));
  check_all_right (context);
}

static void
reap_cb (int signum)
{
  int saved_errno = errno;

  while (waitpid (-1, NULL, WNOHANG) > 0)
    continue;

  errno = saved_errno;
}

static void
run_handler (AioprocContext *context)
{
  signal (SIGCHLD, reap_cb);
  check_all_right (context);
}

static void
run_ignored (AioprocContext *context)
{
  signal (SIGCHLD, SIG_IGN);
  check_all_right (context);
}

static void
run_blocked (AioprocContext *context)
{
  sigset_t all;

  for (int signum = 1; signum < NSIG; signum++)
    signal (signum, SIG_IGN);

  sigfillset (&all);
  g_assert_cmpint (pthread_sigmask (SIG_SETMASK, &all, NULL), ==, 0);
  check_all_right (context);
}

static void
check_streams (AioprocContext *context)
{
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *text = NULL;

  value = test_run (context, "descriptors", NULL, &error);
  g_assert_no_error (error);
  text = g_variant_print (value, FALSE);

  /* No standard stream is a socket or the like, and each exists. */
  for (int fd = 0; fd <= STDERR_FILENO; fd++)
    {
      g_autofree char *any = g_strdup_printf ("'%d:", fd);
      g_autofree char *a_socket = g_strdup_printf ("'%d:socket", fd);
      g_autofree char *anonymous = g_strdup_printf ("'%d:anon", fd);
      g_autofree char *a_memfd = g_strdup_printf ("'%d:/memfd", fd);

      if (strstr (text, any) == NULL || strstr (text, a_socket) != NULL
          || strstr (text, anonymous) != NULL || strstr (text, a_memfd) != NULL)
        g_error ("Standard streams of a worker: %s", text);
    }

  g_clear_pointer (&value, g_variant_unref);
  value = test_run (context, "print", g_variant_new ("(s)", "Text\n"), &error);
  g_assert_no_error (error);
}

/* Each in a process of its own, since what is closed first decides what its number is given to. */
static void
run_streams (AioprocContext *context)
{
  for (int closed = 1; closed < 8; closed++)
    {
      int wait_status;
      pid_t pid = fork ();

      if (pid == 0)
        {
          for (int fd = 0; fd <= STDERR_FILENO; fd++)
            {
              if ((closed & 1 << fd) != 0)
                close (fd);
            }

          check_streams (context);
          check_all_right (context);
          _exit (EXIT_SUCCESS);
        }

      g_assert_cmpint (waitpid (pid, &wait_status, 0), ==, pid);
      if (wait_status != 0)
        g_error ("With closed standard streams %d: wait status %d", closed, wait_status);
    }
}

static void
run_limits (AioprocContext *context)
{
  int fd = open ("/dev/null", O_RDWR);   /* not close-on-exec */
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *text = NULL;

  g_assert_cmpint (dup2 (fd, 77), ==, 77);
  value = test_run (context, "descriptors", NULL, &error);
  g_assert_no_error (error);
  text = g_variant_print (value, FALSE);
  g_assert_null (strstr (text, "'77:"));
}

static void
close_all (void)
{
  close_range (STDERR_FILENO + 1, ~0u, 0);
}

/* Whatever it does, it has to come to an end. */
static void
check_after_loss (AioprocContext *context)
{
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr(AioprocProcess) process = aioproc_process_new (context, "square",
                                                               g_variant_new ("(i)", 2));
      g_autoptr(GError) error = NULL;

      if (!aioproc_process_start (process, NULL, &error))
        {
          g_print ("Start: %s\n", error->message);
          continue;
        }

      g_print ("Start: works\n");
      test_join (process);
    }
}

static void
check_lost (AioprocProcess *process)
{
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_process_join (process, -1, NULL, &error));
  g_assert_no_error (error);

  value = aioproc_process_dup_result (process, &error);
  g_assert_null (value);
  g_print ("Result: %s\n", error->message);
}

static void
run_close_all (AioprocContext *context)
{
  g_autoptr(AioprocProcess) process = test_start (context, "block", NULL);

  close_all ();
  check_after_loss (context);
  aioproc_process_kill (process, NULL);
  check_lost (process);
}

static void
run_close_all_early (AioprocContext *context)
{
  close_all ();
  check_after_loss (context);
}

static void
run_close_all_starting (AioprocContext *context)
{
  g_autoptr(AioprocProcess) process = aioproc_process_new (context, "block", NULL);

  aioproc_process_start_async (process, NULL, NULL, NULL);
  close_all ();
  check_after_loss (context);
  aioproc_process_kill (process, NULL);
  check_lost (process);
}

static gpointer
join_thread (gpointer data)
{
  check_lost (data);

  return NULL;
}

static void
run_close_all_joining (AioprocContext *context)
{
  g_autoptr(AioprocProcess) process = test_start (context, "block", NULL);
  GThread *thread = g_thread_new ("join", join_thread, process);

  close_all ();
  g_thread_join (thread);
  check_after_loss (context);
}

/* What closes one descriptor only. */
static void
check_without (AioprocContext *context,
               int             fd)
{
  g_autoptr(AioprocProcess) process = test_start (context, "block", NULL);
  g_autoptr(AioprocProcess) other = aioproc_process_new (context, "block", NULL);

  if (fcntl (fd, F_GETFD) < 0)
    return;

  /* Not close(), for which ThreadSanitizer would rightly blame this program. */
  g_assert_cmpint (close_range ((unsigned) fd, (unsigned) fd, 0), ==, 0);
  check_after_loss (context);
  if (aioproc_process_start (other, NULL, NULL))
    aioproc_process_kill (other, NULL);
  aioproc_process_kill (process, NULL);
  check_lost (process);
  if (aioproc_process_is_alive (other))
    check_lost (other);
}

/* Each in a process of its own, and all at once, since the library may take seconds to notice. */
static void
run_close_each (AioprocContext *context)
{
  pid_t pids[32];

  setbuf (stdout, NULL);

  for (int fd = STDERR_FILENO + 1; fd < (int) G_N_ELEMENTS (pids); fd++)
    {
      pids[fd] = fork ();

      if (pids[fd] == 0)
        {
          check_without (context, fd);
          _exit (EXIT_SUCCESS);
        }
    }

  for (int fd = STDERR_FILENO + 1; fd < (int) G_N_ELEMENTS (pids); fd++)
    {
      int wait_status;

      g_assert_cmpint (waitpid (pids[fd], &wait_status, 0), ==, pids[fd]);
      if (wait_status != 0)
        g_error ("Without descriptor %d: wait status %d", fd, wait_status);
    }
}


static const struct
{
  const char  *name;
  void       (*run) (AioprocContext *context);
} cases[] = {
  { "reaper", run_reaper },
  { "handler", run_handler },
  { "ignored", run_ignored },
  { "blocked", run_blocked },
  { "streams", run_streams },
  { "limits", run_limits },
  { "close-all", run_close_all },
  { "close-all-early", run_close_all_early },
  { "close-all-starting", run_close_all_starting },
  { "close-all-joining", run_close_all_joining },
  { "close-each", run_close_each },
};

int
main (int   argc,
      char *argv[])
{
  g_autoptr(AioprocContext) context = NULL;

  /* A program that loses its descriptors while it waits is not told by the kernel. */
  g_unsetenv ("AIOPROC_DISABLE_BACKSTOP");

  test_adverse_functions_init ();

  g_assert_cmpint (argc, ==, 3);
  context = test_context_new ((AioprocStartMethod) atoi (argv[2]));

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      if (g_str_equal (cases[i].name, argv[1]))
        {
          cases[i].run (context);
          return EXIT_SUCCESS;
        }
    }

  return EXIT_FAILURE;
}
