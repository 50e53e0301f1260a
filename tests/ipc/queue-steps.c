/* queue-steps.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "queue-steps.h"

#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queue-test.h"
#include "queue-torture.h"

void
queue_steps_init (void)
{
  cpu_set_t set;
  int cpu = sched_getcpu ();

  /* A step switches from one process to the other and back, which is much cheaper on one
   * processor.
   */
  g_assert_cmpint (cpu, >=, 0);
  CPU_ZERO (&set);
  CPU_SET (cpu, &set);
  g_assert_cmpint (sched_setaffinity (0, sizeof (set), &set), ==, 0);

  /* A string instruction traps for each byte that it moves: let the C library do with others. */
  g_setenv ("GLIBC_TUNABLES",
            "glibc.cpu.x86_rep_movsb_threshold=1000000000:"
            "glibc.cpu.x86_rep_stosb_threshold=1000000000", TRUE);

  g_setenv ("AIOPROC_DISABLE_BACKSTOP", "1", TRUE);
}

static int
wait_for_stop (pid_t pid)
{
  int status;

  g_assert_cmpint (waitpid (pid, &status, __WALL), ==, pid);
  g_assert_true (WIFSTOPPED (status));

  return WSTOPSIG (status);
}

pid_t
queue_steps_start (AioprocQueue *queue,
                   int           log_fd,
                   const char   *what,
                   guint32       size)
{
  int socket_fd;
  pid_t pid;

  pid = queue_test_spawn (queue, log_fd, what, size, &socket_fd);
  g_assert_cmpint (ptrace (PTRACE_SEIZE, pid, NULL, NULL), ==, 0);
  queue_test_send (queue, socket_fd);
  close (socket_fd);
  g_assert_cmpint (wait_for_stop (pid), ==, SIGUSR1);

  return pid;
}

gboolean
queue_steps_step (pid_t pid)
{
  g_assert_cmpint (ptrace (PTRACE_SINGLESTEP, pid, NULL, NULL), ==, 0);

  return wait_for_stop (pid) == SIGTRAP;
}

void
queue_steps_resume (pid_t pid)
{
  g_assert_cmpint (ptrace (PTRACE_DETACH, pid, NULL, NULL), ==, 0);
}

void
queue_steps_kill (AioprocQueue *queue,
                  pid_t         pid)
{
  AioprocFamily *family = aioproc_shm_get_family (queue_test_get_shm (queue));
  _Atomic guint32 *word = aioproc_family_get_sequence (family);
  guint32 sequence = atomic_load (word);

  kill (pid, SIGKILL);
  g_assert_cmpint (queue_test_reap (pid), ==, SIGKILL);

  while (atomic_load (word) == sequence)
    g_thread_yield ();
}
