/* trace-test.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "trace-test.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "platform/platform-test.h"

/* <linux/ptrace.h> cannot be included beside <sys/ptrace.h>. */
#define SYSCALL_STOP   (SIGTRAP | 0x80)
#define MARK           SIGUSR1
#define LOOK_EVERY     16

typedef struct {
  int      (*func) (gpointer data);
  gpointer   data;
} TraceRun;

static int
trace_run (gpointer user_data)
{
  TraceRun *run = user_data;

  if (ptrace (PTRACE_TRACEME, 0, NULL, NULL) != 0)
    _exit (126);

  raise (SIGSTOP);

  return run->func (run->data);
}

void
trace_test_mark (void)
{
  raise (MARK);
}

/* Returns the signal that it stands at. */
static int
wait_for_stop (pid_t pid)
{
  int status;
  pid_t result;

  do
    result = waitpid (pid, &status, __WALL);
  while (result < 0 && errno == EINTR);

  g_assert_cmpint (result, ==, pid);

  if (!WIFSTOPPED (status))
    g_error ("The child has ended with status 0x%x", (guint) status);

  return WSTOPSIG (status);
}

static void
resume (pid_t pid,
        int   request)
{
  g_assert_no_errno (ptrace (request, pid, NULL, NULL));
}

pid_t
trace_test_fork (int      (*func) (gpointer data),
                 gpointer   data)
{
  TraceRun run = { func, data };
  pid_t pid = platform_test_fork (trace_run, &run);

  g_assert_cmpint (wait_for_stop (pid), ==, SIGSTOP);
  g_assert_no_errno (ptrace (PTRACE_SETOPTIONS, pid, NULL,
                             PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
  trace_test_run_to_mark (pid);

  return pid;
}

void
trace_test_run_to_mark (pid_t pid)
{
  resume (pid, PTRACE_CONT);
  g_assert_cmpint (wait_for_stop (pid), ==, MARK);
}

void
trace_test_run_to_syscall (pid_t pid,
                           long  number)
{
  for (;;)
    {
      struct __ptrace_syscall_info info;

      resume (pid, PTRACE_SYSCALL);
      g_assert_cmpint (wait_for_stop (pid), ==, SYSCALL_STOP);
      g_assert_cmpint (ptrace (PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info), >, 0);

      if (info.op == PTRACE_SYSCALL_INFO_ENTRY && (long) info.entry.nr == number)
        return;
    }
}

void
trace_test_run_to_sleep (pid_t pid,
                         long  number)
{
  for (;;)
    {
      int status;

      trace_test_run_to_syscall (pid, number);
      resume (pid, PTRACE_SYSCALL);

      /* What it would have slept on may have changed before, as at the end of another process. */
      while (waitpid (pid, &status, __WALL | WNOHANG) == 0)
        {
          if (platform_test_get_state (pid, pid) == 'S')
            return;
        }

      g_assert_true (WIFSTOPPED (status) && WSTOPSIG (status) == SYSCALL_STOP);
    }
}

void
trace_test_end_syscall (pid_t pid)
{
  g_assert_cmpint (wait_for_stop (pid), ==, SYSCALL_STOP);
}

TraceTestStep
trace_test_step (pid_t pid)
{
  static pid_t asleep;
  int status;
  int signum;
  pid_t result;

  if (asleep != pid)
    resume (pid, PTRACE_SINGLESTEP);

  asleep = 0;

  /* An instruction takes no time, but for a system call, of which few sleep: a look at the state
   * takes far longer.
   */
  for (guint i = 1; (result = waitpid (pid, &status, __WALL | WNOHANG)) == 0; i++)
    {
      if (i % LOOK_EVERY != 0)
        {
          g_thread_yield ();
          continue;
        }

      if (platform_test_get_state (pid, pid) == 'S' &&
          (result = waitpid (pid, &status, __WALL | WNOHANG)) == 0)
        {
          asleep = pid;
          return TRACE_TEST_ASLEEP;
        }

      if (result > 0)
        break;
    }

  g_assert_cmpint (result, ==, pid);

  if (!WIFSTOPPED (status))
    g_error ("The child has ended with status 0x%x", (guint) status);

  signum = WSTOPSIG (status);

  if (signum == MARK)
    return TRACE_TEST_MARKED;

  g_assert_cmpint (signum, ==, SIGTRAP);

  return TRACE_TEST_STEPPED;
}

guint
trace_test_step_many (pid_t          pid,
                      guint          n_steps,
                      TraceTestStep *last)
{
  *last = TRACE_TEST_STEPPED;

  for (guint i = 0; i < n_steps; i++)
    {
      *last = trace_test_step (pid);

      if (*last != TRACE_TEST_STEPPED)
        return i;
    }

  return n_steps;
}

void
trace_test_let_go (pid_t pid)
{
  g_assert_no_errno (ptrace (PTRACE_DETACH, pid, NULL, NULL));
}
