/* test-process-leaving.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>
#include <sys/wait.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "process-tree.h"

typedef struct
{
  const char *name;
  const char *summary;
  const char *expected;   /* what the program writes */
  int         signum;     /* that it dies of; 0: it exits with status 3 */
} Leaving;

static const Leaving leavings[] = {
  { "from-thread", "Any thread may end the program while others wait for workers", "", 0 },
  { "from-callback", "A callback may end the program", "", 0 },
  { "from-log-writer", "A log writer may end the program", "", 0 },
  { "at-once", "A program that ends without exit handlers leaves nothing", "", 0 },
  { "quickly", "Neither does one that uses quick_exit()", "", 0 },
  { "by-abort", "Neither does one that is aborted", "", SIGABRT },
  { "by-exec", "Workers end when their program becomes another one", "executed\n", 0 },
  { "main-loop", "Operations that are still pending do not hold up the end", "", 0 },
  { "stopped", "Workers that are stopped do not hold up the end", "", 0 },
  { "starting", "Starts that never end do not hold up the end", "", 0 },
  { "busily", "Threads that start processes do not hold up the end", "", 0 },
  { "talking", "Workers that log for ever do not hold up the end", "", 0 },
  { "in-order", "Daemons are terminated first, then others are waited for",
    "daemon -15\nother 0\n", 0 },
  { "starting-late", "Exit handlers may start processes, which end with the program",
    "late works\n", 0 },
};

typedef struct
{
  const Leaving      *leaving;
  AioprocStartMethod  method;
} Case;

static void
test_process_leaving (gconstpointer data)
{
  const Case *test_case = data;
  g_autofree char *method = g_strdup_printf ("%d", (int) test_case->method);
  g_autoptr(GString) output = g_string_new (NULL);
  TestProgram program;
  int wait_status;

  g_test_summary (test_case->leaving->summary);

  test_program_start (&program, "aioproc-test-leaving", test_case->leaving->name, method, NULL);
  for (;;)
    {
      g_autofree char *line = test_program_read_line (&program);

      if (line == NULL)
        break;

      g_string_append_printf (output, "%s\n", line);
    }

  wait_status = test_program_wait (&program);
  g_assert_cmpstr (output->str, ==, test_case->leaving->expected);

  if (test_case->leaving->signum != 0)
    {
      g_assert_true (WIFSIGNALED (wait_status));
      g_assert_cmpint (WTERMSIG (wait_status), ==, test_case->leaving->signum);
    }
  else
    {
      g_assert_true (WIFEXITED (wait_status));
      g_assert_cmpint (WEXITSTATUS (wait_status), ==, 3);
    }

  test_program_wait_for_rest ();
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (leavings); i++)
    {
      for (int method = AIOPROC_START_METHOD_SPAWN;
           method <= AIOPROC_START_METHOD_FORKSERVER;
           method++)
        {
          Case *test_case = g_new (Case, 1);
          g_autofree char *path = NULL;

          test_case->leaving = &leavings[i];
          test_case->method = (AioprocStartMethod) method;
          path = g_strdup_printf ("/aioproc/process-leaving/%s/%s", leavings[i].name,
                                  method == AIOPROC_START_METHOD_SPAWN ? "spawn" : "forkserver");
          aioproc_test_add_data_func_full (path, test_case, test_process_leaving, g_free);
        }
    }

  return g_test_run ();
}
