/* test-self.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "platform-test.h"
#include "platform/aioproc-pidfd-private.h"
#include "platform/aioproc-self-private.h"

#ifndef SYS_close_range
# define SYS_close_range 436
#endif

/* Words of a page that the test shares with its children. */
enum {
  PID,
  READY,
  N_WORDS,
};

static void
set_word (_Atomic guint32 *words,
          guint            index,
          guint32          value)
{
  /* Release: pairs with the acquire load of platform_test_wait_for_word(). */
  atomic_store_explicit (&words[index], value, memory_order_release);
}

static int
open_pidfd (pid_t pid)
{
  g_autoptr(GError) error = NULL;
  int pidfd = aioproc_pidfd_open (pid, &error);

  g_assert_no_error (error);

  return pidfd;
}

/* Has a child that is bound to it, and waits. */
static int
be_parent (gpointer user_data)
{
  _Atomic guint32 *words = user_data;
  pid_t parent = getpid ();
  pid_t pid = fork ();

  if (pid == 0)
    {
      g_assert_true (aioproc_self_die_with_parent (parent));
      set_word (words, READY, 1);

      for (;;)
        pause ();
    }

  set_word (words, PID, (guint32) pid);

  for (;;)
    pause ();

  return 0;
}

static void
test_die_with_parent (void)
{
  _Atomic guint32 *words = platform_test_map_shared (4096);
  pid_t pid = platform_test_fork (be_parent, words);
  int pidfd;

  g_test_summary ("A child dies when its parent is killed");

  platform_test_wait_for_word (&words[READY], 1);
  while (atomic_load_explicit (&words[PID], memory_order_acquire) == 0)
    g_thread_yield ();
  pidfd = open_pidfd ((pid_t) words[PID]);
  g_assert_false (aioproc_pidfd_is_exited (pidfd));

  g_assert_no_errno (kill (pid, SIGKILL));
  platform_test_wait (pid);

  while (!aioproc_pidfd_is_exited (pidfd))
    g_thread_yield ();

  close (pidfd);
  platform_test_unmap (words, 4096);
}

static int
have_wrong_parent (gpointer user_data)
{
  g_assert_false (aioproc_self_die_with_parent (getpid ()));
  g_assert_cmpint (errno, ==, ESRCH);
  g_assert_true (aioproc_self_die_with_parent (getppid ()));

  return 0;
}

static void
test_die_too_late (void)
{
  g_test_summary ("A child whose parent is another one by now is told");

  platform_test_wait_success (platform_test_fork (have_wrong_parent, NULL));
}

static int
adopt_orphan (gpointer user_data)
{
  _Atomic guint32 *words = user_data;
  pid_t pid;

  g_assert_true (aioproc_self_become_subreaper ());
  pid = fork ();

  if (pid == 0)
    {
      pid_t orphan = fork ();

      if (orphan == 0)
        {
          platform_test_wait_for_word (&words[READY], 1);
          _exit (17);
        }

      set_word (words, PID, (guint32) orphan);
      _exit (0);
    }

  platform_test_wait_success (pid);
  set_word (words, READY, 1);
  g_assert_cmphex (platform_test_wait ((pid_t) words[PID]), ==, 17 << 8);

  return 0;
}

static void
test_subreaper (void)
{
  _Atomic guint32 *words = platform_test_map_shared (4096);

  g_test_summary ("Orphaned descendants become children of a subreaper");

  platform_test_wait_success (platform_test_fork (adopt_orphan, words));
  platform_test_unmap (words, 4096);
}

static void
do_nothing (int signum)
{
}

static int
reset_signals (gpointer user_data)
{
  sigset_t set;

  for (int signum = 1; signum < NSIG; signum++)
    signal (signum, signum % 2 == 0 ? SIG_IGN : do_nothing);

  sigfillset (&set);
  sigprocmask (SIG_BLOCK, &set, NULL);

  aioproc_self_reset_signals ();

  sigprocmask (SIG_BLOCK, NULL, &set);

  for (int signum = 1; signum < NSIG; signum++)
    {
      struct sigaction action;

      g_assert_cmpint (sigismember (&set, signum), <=, 0);

      if (sigaction (signum, NULL, &action) == 0)
        g_assert_true (action.sa_handler == SIG_DFL);
    }

  return 0;
}

static void
test_reset_signals (void)
{
  g_test_summary ("All signals get their default disposition, and none is blocked");

  platform_test_wait_success (platform_test_fork (reset_signals, NULL));
}

static void
assert_open (int      fd,
             gboolean open)
{
  g_assert_cmpint (fcntl (fd, F_GETFD) >= 0, ==, open);
}

static int
close_fds (gpointer user_data)
{
  const int keep[] = { 2, 50, 51, 90 };

  if (user_data != NULL && !platform_test_deny_syscall (SYS_close_range, ENOSYS))
    return 0;

  for (int fd = 40; fd < 100; fd++)
    g_assert_cmpint (dup2 (STDERR_FILENO, fd), ==, fd);
  g_assert_cmpint (dup2 (STDERR_FILENO, 900), ==, 900);

  g_assert_true (aioproc_self_close_fds_except (45, keep, G_N_ELEMENTS (keep)));

  for (int fd = 40; fd < 100; fd++)
    assert_open (fd, fd < 45 || fd == 50 || fd == 51 || fd == 90);
  assert_open (900, FALSE);
  assert_open (STDERR_FILENO, TRUE);

  for (int fd = 3; fd < 1000; fd++)
    dup2 (STDERR_FILENO, fd);

  g_assert_true (aioproc_self_close_fds_from (3));
  for (int fd = 0; fd < 1000; fd++)
    assert_open (fd, fd < 3);

  /* Nothing to close is no error, nor is nothing to keep. */
  g_assert_true (aioproc_self_close_fds_from (3));
  g_assert_true (aioproc_self_close_fds_except (3, NULL, 0));
  g_assert_true (aioproc_self_close_fds_except (3, (const int[]) { G_MAXINT }, 1));
  g_assert_cmpuint (aioproc_test_count_fds (), ==, 3);

  return 0;
}

static void
test_close_fds (gconstpointer user_data)
{
  g_test_summary ("All descriptors are closed but those to keep, with close_range() or without");

  platform_test_wait_success (platform_test_fork (close_fds, (gpointer) user_data));
}

static int
limit_core (gpointer user_data)
{
  struct rlimit limit;

  g_assert_true (aioproc_self_limit (RLIMIT_NOFILE, 100));
  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &limit));
  g_assert_cmpuint (limit.rlim_cur, ==, 100);
  g_assert_cmpuint (limit.rlim_max, ==, 100);

  /* Never up. */
  g_assert_true (aioproc_self_limit (RLIMIT_NOFILE, 200));
  g_assert_true (aioproc_self_limit (RLIMIT_NOFILE, G_MAXUINT64));
  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &limit));
  g_assert_cmpuint (limit.rlim_cur, ==, 100);
  g_assert_cmpuint (limit.rlim_max, ==, 100);

  g_assert_true (aioproc_self_limit (RLIMIT_NOFILE, 50));
  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &limit));
  g_assert_cmpuint (limit.rlim_cur, ==, 50);

  g_assert_false (aioproc_self_limit (1000, 1));
  g_assert_cmpint (errno, ==, EINVAL);

  return 0;
}

static void
test_lift_fd (void)
{
  struct rlimit saved;
  int null_fd;
  int saved_stdin = fcntl (STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  int lifted;

  g_test_summary ("A new descriptor never has the number of a standard stream");

  g_assert_cmpint (saved_stdin, >, STDERR_FILENO);
  g_assert_cmpint (close (STDIN_FILENO), ==, 0);

  null_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (null_fd, ==, STDIN_FILENO);
  lifted = aioproc_self_lift_fd (null_fd);
  g_assert_cmpint (lifted, >, STDERR_FILENO);
  g_assert_cmpint (fcntl (lifted, F_GETFD) & FD_CLOEXEC, !=, 0);
  g_assert_cmpint (fcntl (STDIN_FILENO, F_GETFD), ==, -1);
  g_assert_cmpint (aioproc_self_lift_fd (lifted), ==, lifted);

  /* Where there is no room, it is closed. */
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &saved), ==, 0);
  null_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (null_fd, ==, STDIN_FILENO);
  for (rlim_t n_files = 1; n_files <= 3; n_files += 2)
    {
      const struct rlimit lowered = { n_files, saved.rlim_max };

      g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &lowered), ==, 0);
      g_assert_cmpint (aioproc_self_lift_fd (dup2 (saved_stdin, STDIN_FILENO)), ==, -1);
      g_assert_cmpint (errno, ==, EMFILE);
      g_assert_cmpint (fcntl (STDIN_FILENO, F_GETFD), ==, -1);
    }
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &saved), ==, 0);

  errno = ENFILE;
  g_assert_cmpint (aioproc_self_lift_fd (-1), ==, -1);
  g_assert_cmpint (errno, ==, ENFILE);

  close (lifted);
  g_assert_cmpint (dup2 (saved_stdin, STDIN_FILENO), ==, STDIN_FILENO);
  close (saved_stdin);
}

static void
test_limit (void)
{
  g_test_summary ("Limits go down, never up");

  platform_test_wait_success (platform_test_fork (limit_core, NULL));
}

static void
test_fork (void)
{
  guint n_open = aioproc_test_count_fds ();
  g_autoptr(GError) error = NULL;
  int status = -1;
  int pidfd = 0;
  pid_t pid = aioproc_self_fork (&pidfd);

  if (pid == 0)
    _exit (pidfd == -1 ? 23 : 1);

  g_test_summary ("A fork comes with its pidfd");

  g_assert_cmpint (pid, >, 0);
  g_assert_cmpint (fcntl (pidfd, F_GETFD) & FD_CLOEXEC, !=, 0);
  g_assert_true (aioproc_pidfd_reap (pidfd, TRUE, &status, &error));
  g_assert_no_error (error);
  g_assert_cmphex (status, ==, 23 << 8);
  close (pidfd);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_open);
}

static int
fork_without_fds (gpointer user_data)
{
  int pidfd = 0;
  pid_t pid;

  platform_test_leave_fds (0);
  pid = aioproc_self_fork (&pidfd);

  if (pid == 0)
    {
      for (;;)
        pause ();
    }

  g_assert_cmpint (pid, ==, -1);
  g_assert_cmpint (errno, ==, EMFILE);
  g_assert_cmpint (pidfd, ==, -1);
  g_assert_cmpint (waitpid (-1, NULL, 0), ==, -1);
  g_assert_cmpint (errno, ==, ECHILD);

  return 0;
}

static void
test_fork_no_fds (void)
{
  g_test_summary ("A child that cannot be watched does not live on");

  platform_test_wait_success (platform_test_fork (fork_without_fds, NULL));
}

static int
keep_lifeline (gpointer user_data)
{
  const int *pair = user_data;

  close (pair[0]);
  g_assert_true (aioproc_self_kill_on_hangup (pair[1]));

  /* The socket survives the exec, and with it the order to kill. */
  g_assert_no_errno (fcntl (pair[1], F_SETFD, 0));
  execl ("/bin/sleep", "sleep", "1000", NULL);

  return 127;
}

static void
test_hangup_exec (void)
{
  int pair[2];
  int status;
  pid_t pid;

  g_test_summary ("The end of a peer still kills after an exec");

  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
  pid = platform_test_fork (keep_lifeline, pair);
  close (pair[1]);

  for (;;)
    {
      g_autofree char *path = g_strdup_printf ("/proc/%d/comm", (int) pid);
      g_autofree char *name = NULL;

      g_assert_true (g_file_get_contents (path, &name, NULL, NULL));
      if (strcmp (name, "sleep\n") == 0)
        break;
      g_thread_yield ();
    }

  close (pair[0]);
  status = platform_test_wait (pid);
  g_assert_true (WIFSIGNALED (status));
  g_assert_cmpint (WTERMSIG (status), ==, SIGKILL);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/self/die-with-parent/killed", test_die_with_parent);
  aioproc_test_add_func ("/aioproc/self/die-with-parent/too-late", test_die_too_late);
  aioproc_test_add_func ("/aioproc/self/subreaper", test_subreaper);
  aioproc_test_add_func ("/aioproc/self/reset-signals", test_reset_signals);
  aioproc_test_add_data_func ("/aioproc/self/close-fds/range", GINT_TO_POINTER (0),
                              test_close_fds);
  aioproc_test_add_data_func ("/aioproc/self/close-fds/listed", GINT_TO_POINTER (1),
                              test_close_fds);
  aioproc_test_add_func ("/aioproc/self/lift-fd", test_lift_fd);
  aioproc_test_add_func ("/aioproc/self/limit", test_limit);
  aioproc_test_add_func ("/aioproc/self/fork/plain", test_fork);
  aioproc_test_add_func ("/aioproc/self/fork/no-fds", test_fork_no_fds);
  aioproc_test_add_func ("/aioproc/self/hangup-exec", test_hangup_exec);

  return g_test_run ();
}
