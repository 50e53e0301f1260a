/* test-process-killed.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "aioproc-test.h"
#include "process-tree.h"

#ifdef AIOPROC_TEST_STRESS
# define N_ROUNDS 200
#else
# define N_ROUNDS 20
#endif

/* Who is killed. */
typedef enum
{
  VICTIM_PROGRAM,
  VICTIM_BOTH,          /* the program first, then its supervisors, or the other way round */
  VICTIM_SUPERVISORS,   /* then, later, the program */
} Victim;

static void
kill_program (TestProgram *program)
{
  g_assert_cmpint (kill (program->pid, SIGKILL), ==, 0);
}

/* They are its only children. */
static void
kill_supervisors (TestProgram *program)
{
  g_autoptr(GArray) supervisors = test_tree_list_children (program->pid);

  for (guint i = 0; i < supervisors->len; i++)
    kill (g_array_index (supervisors, pid_t, i), SIGKILL);
}

static void
finish_round (TestProgram *program)
{
  int wait_status = test_program_wait (program);
  gint64 end_usec;
  guint n_left;

  g_assert_true (WIFSIGNALED (wait_status));
  g_assert_cmpint (WTERMSIG (wait_status), ==, SIGKILL);

  end_usec = g_get_monotonic_time ();
  n_left = test_program_wait_for_rest ();
  end_usec = g_get_monotonic_time () - end_usec;
  g_test_message ("%u processes were gone after %.1f ms", n_left, end_usec / 1000.0);

#ifdef AIOPROC_TEST_STRESS
  g_assert_cmpint (end_usec, <=, G_USEC_PER_SEC);
#endif
}

static void
run_round (const char *mode,
           Victim      victim)
{
  int n_steps = g_test_rand_int_range (0, 40);
  TestProgram program;

  test_program_start (&program, "aioproc-test-application", mode, NULL);

  for (int i = 0; i < n_steps; i++)
    {
      g_autofree char *line = test_program_read_line (&program);

      g_assert_nonnull (line);
    }

  /* Any moment between two steps. */
  poll (NULL, 0, g_test_rand_int_range (0, 8));

  switch (victim)
    {
    case VICTIM_PROGRAM:
      kill_program (&program);
      break;

    case VICTIM_BOTH:
      if (g_test_rand_bit ())
        {
          kill_supervisors (&program);
          kill_program (&program);
        }
      else
        {
          g_autoptr(GArray) supervisors = test_tree_list_children (program.pid);

          kill_program (&program);
          for (guint i = 0; i < supervisors->len; i++)
            kill (g_array_index (supervisors, pid_t, i), SIGKILL);
        }
      break;

    case VICTIM_SUPERVISORS:
    default:
      /* The program goes on with new ones. */
      for (guint i = 0; i < 3; i++)
        {
          kill_supervisors (&program);

          for (guint j = 0; j < 2 * 6; j++)
            {
              g_autofree char *line = test_program_read_line (&program);

              g_assert_nonnull (line);
            }
        }

      kill_program (&program);
    }

  finish_round (&program);
}

static void
test_process_killed_quiet (void)
{
  TestProgram program;
  g_autofree char *line = NULL;
  g_autoptr(GArray) descendants = NULL;

  g_test_summary ("When a program is killed, nothing that belongs to its workers lives on");

  test_program_start (&program, "aioproc-test-application", "quiet", NULL);
  line = test_program_read_line (&program);
  g_assert_cmpstr (line, ==, "ready");

  /* For each method: the supervisor, six workers, the four that two of them have left, and two
   * below a worker, with their supervisor.
   */
  descendants = test_tree_list_descendants (program.pid);
  g_assert_cmpuint (descendants->len, >=, 2 * (1 + 6 + 4 + 3));

  kill_program (&program);
  finish_round (&program);
}

static void
test_process_killed_busy (void)
{
  g_test_summary ("The same at any moment of a program's life");
  aioproc_test_arm_watchdog (60 + N_ROUNDS);

  for (guint i = 0; i < N_ROUNDS; i++)
    run_round ("busy-leaving", VICTIM_PROGRAM);
}

/* What workers leave in their groups is for their supervisor to kill: here there is nothing. */
static void
test_process_killed_both (void)
{
  g_test_summary ("Nothing lives on when the program is killed together with its supervisors");
  aioproc_test_arm_watchdog (60 + N_ROUNDS);

  for (guint i = 0; i < N_ROUNDS; i++)
    run_round ("busy", VICTIM_BOTH);
}

static void
test_process_killed_supervisors (void)
{
  g_test_summary ("A program whose supervisors are killed goes on, and leaves nothing later");
  aioproc_test_arm_watchdog (60 + N_ROUNDS);

  for (guint i = 0; i < N_ROUNDS; i++)
    run_round ("busy", VICTIM_SUPERVISORS);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/process-killed/quiet", test_process_killed_quiet);
  aioproc_test_add_func ("/aioproc/process-killed/busy", test_process_killed_busy);
  aioproc_test_add_func ("/aioproc/process-killed/both", test_process_killed_both);
  aioproc_test_add_func ("/aioproc/process-killed/supervisors", test_process_killed_supervisors);

  return g_test_run ();
}
