/* child-application-main.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A program with workers, to be killed: `MODE METHOD`. It writes a line when it is what its mode
 * says, and waits for ever then.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child-test.h"

#define NOBODY 65534

static AioprocTestChild *
start (AioprocChildSpec *spec,
       const char       *command,
       gint64            number)
{
  AioprocTestChild *child = aioproc_test_child_new (spec, command, number);

  if (!aioproc_test_child_wait_started (child))
    g_error ("%s", child->error->message);

  return child;
}

static void
run_hang (AioprocChildSpec *spec)
{
  AioprocTestChild *stopped = start (spec, "hang", 0);

  aioproc_test_child_wait_frame (stopped, AIOPROC_FRAME_READY, NULL);
  aioproc_child_send_signal (stopped->child, SIGSTOP, NULL);

  start (spec, "unready", 0);
  start (spec, "close", 0);
}

static void
run_leave (AioprocChildSpec *spec)
{
  aioproc_test_child_wait_frame (start (spec, "leave", -1), AIOPROC_FRAME_RESULT, NULL);
}

static void
run_left (AioprocChildSpec *spec)
{
  aioproc_test_child_wait_ended (start (spec, "leave", 0));
}

static void
run_nest (AioprocChildSpec *spec)
{
  for (guint i = 0; i < G_N_ELEMENTS (aioproc_test_methods); i++)
    aioproc_test_child_wait_frame (start (spec, "nest-hang", aioproc_test_methods[i]),
                                   AIOPROC_FRAME_RESULT, NULL);
}

static void
run_stopped_supervisor (AioprocChildSpec *spec)
{
  AioprocTestChild *child = start (spec, "leave", -1);

  aioproc_test_child_wait_frame (child, AIOPROC_FRAME_RESULT, NULL);
  kill (aioproc_test_child_get_parent (child), SIGSTOP);

  aioproc_test_child_new (spec, "hang", 0);
  aioproc_test_wait_for_monitor ();
}

static void
run_preload (AioprocChildSpec *spec)
{
  spec->preload = g_strsplit ("hang", " ", -1);
  aioproc_test_child_new (spec, "hang", 0);
  aioproc_test_wait_for_monitor ();
}

/* A copy of the program, which lives on. */
static void
run_forked (AioprocChildSpec *spec)
{
  pid_t pid;

  aioproc_test_child_wait_frame (start (spec, "hang", 0), AIOPROC_FRAME_READY, NULL);
  pid = fork ();

  if (pid == 0)
    {
      for (;;)
        pause ();
    }

  printf ("%d ", (int) pid);
}

/* Starts and ends workers without a pause, and writes something for each. */
static void
run_busy (AioprocChildSpec *spec)
{
  const char *commands[] = { "exit", "hang", "leave", "silent" };
  AioprocTestChild *children[8] = { NULL };

  for (guint i = 0;; i = (i + 1) % G_N_ELEMENTS (children))
    {
      const char *command = commands[g_random_int_range (0, G_N_ELEMENTS (commands))];

      if (children[i] != NULL)
        {
          aioproc_child_send_signal (children[i]->child, SIGTERM, NULL);
          aioproc_test_child_free (children[i]);
        }

      children[i] = aioproc_test_child_new (spec, command, 0);
      printf (".");
      fflush (stdout);
    }
}

/* As a user who may have few processes and threads. Ends with 0 if each start either works or
 * fails cleanly, and both have happened.
 */
G_NORETURN static void
run_few_processes (AioprocChildSpec *spec)
{
  guint n_errors = 0;
  guint n_successes = 0;
  struct rlimit limit;

  if (getrlimit (RLIMIT_NPROC, &limit) != 0 ||
      setresgid (NOBODY, NOBODY, NOBODY) != 0 || setresuid (NOBODY, NOBODY, NOBODY) != 0 ||
      access (spec->argv[0], X_OK) != 0)
    exit (77);

  for (rlim_t n_processes = 1; n_processes < 12; n_processes++)
    {
      AioprocTestChild *child;
      int wait_status = -1;

      limit.rlim_cur = n_processes;

      if (setrlimit (RLIMIT_NPROC, &limit) != 0)
        exit (77);

      child = aioproc_test_child_new (spec, "exit", 0);
      aioproc_test_child_wait_ended (child);

      if (child->error != NULL)
        n_errors++;
      else if (aioproc_child_get_wait_status (child->child, &wait_status) && wait_status == 0)
        n_successes++;

      g_printerr ("%d: %s\n", (int) n_processes,
                  child->error != NULL ? child->error->message : "no error");
      aioproc_test_child_free (child);
    }

  exit (n_errors > 0 && n_successes > 0 ? 0 : 1);
}

static const struct
{
  const char  *name;
  void       (*run) (AioprocChildSpec *spec);
} modes[] = {
  { "hang", run_hang },
  { "leave", run_leave },
  { "left", run_left },
  { "nest", run_nest },
  { "stopped-supervisor", run_stopped_supervisor },
  { "preload", run_preload },
  { "forked", run_forked },
  { "busy", run_busy },
  { "few-processes", run_few_processes },
};

int
main (int   argc,
      char *argv[])
{
  g_assert_cmpint (argc, ==, 3);

  for (guint i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      if (g_str_equal (modes[i].name, argv[1]))
        modes[i].run (aioproc_test_child_spec_new (atoi (argv[2])));
    }

  printf ("ready\n");
  fflush (stdout);

  for (;;)
    pause ();
}
