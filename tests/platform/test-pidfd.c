/* test-pidfd.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "platform-test.h"
#include "platform/aioproc-pidfd-private.h"

static int
exit_with (gpointer user_data)
{
  return GPOINTER_TO_INT (user_data);
}

static int
pause_for_ever (gpointer user_data)
{
  for (;;)
    pause ();

  return 0;
}

static int
raise_signal (gpointer user_data)
{
  int signum = GPOINTER_TO_INT (user_data);

  signal (signum, SIG_DFL);
  raise (signum);

  return 0;
}

static int
open_pidfd (pid_t pid)
{
  g_autoptr(GError) error = NULL;
  int pidfd = aioproc_pidfd_open (pid, &error);

  g_assert_no_error (error);
  g_assert_cmpint (pidfd, >=, 0);

  return pidfd;
}

static void
send_signal (int pidfd,
             int signum)
{
  g_autoptr(GError) error = NULL;
  gboolean sent = aioproc_pidfd_send_signal (pidfd, signum, &error);

  g_assert_no_error (error);
  g_assert_true (sent);
}

/* Reaps for sure, and closes. */
static int
reap (int pidfd)
{
  g_autoptr(GError) error = NULL;
  int status = -1;
  gboolean reaped = aioproc_pidfd_reap (pidfd, TRUE, &status, &error);

  g_assert_no_error (error);
  g_assert_true (reaped);
  close (pidfd);

  return status;
}

static void
wait_until_exited (int pidfd)
{
  while (!aioproc_pidfd_is_exited (pidfd))
    g_thread_yield ();
}

/* The kernel's word on whether it keeps the status of a reaped process: PIDFD_GET_INFO. */
static gboolean
kernel_keeps_status (void)
{
  guint64 info[8] = { 1 << 3 };
  pid_t pid = platform_test_fork (exit_with, GINT_TO_POINTER (9));
  int pidfd = open_pidfd (pid);
  gboolean keeps;

  platform_test_wait (pid);
  keeps = ioctl (pidfd, _IOWR (0xff, 11, info), info) == 0 && (info[0] & (1 << 3)) != 0;
  close (pidfd);

  return keeps;
}

/* What was reaped elsewhere has its own status or none, never a wrong one. */
static void
check_lost (int pidfd,
            int expected_status)
{
  g_autoptr(GError) error = NULL;
  int status = -1;

  if (aioproc_pidfd_reap (pidfd, TRUE, &status, &error))
    {
      g_assert_no_error (error);
      g_assert_cmphex (status, ==, expected_status);
    }
  else
    {
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
      g_assert_cmpint (status, ==, -1);
      g_assert_false (kernel_keeps_status ());
    }

  close (pidfd);
}

static void
test_open (void)
{
  pid_t pid = platform_test_fork (pause_for_ever, NULL);
  int pidfd = open_pidfd (pid);
  int status;

  g_test_summary ("A pidfd is closed by exec, and becomes readable when the process ends");

  g_assert_cmpint (fcntl (pidfd, F_GETFD) & FD_CLOEXEC, !=, 0);
  g_assert_false (aioproc_pidfd_is_exited (pidfd));

  send_signal (pidfd, SIGTERM);
  g_assert_cmpint (poll (&(struct pollfd) { pidfd, POLLIN, 0 }, 1, -1), ==, 1);
  g_assert_true (aioproc_pidfd_is_exited (pidfd));

  status = reap (pidfd);
  g_assert_true (WIFSIGNALED (status));
  g_assert_cmpint (WTERMSIG (status), ==, SIGTERM);
}

static void
test_open_gone (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *name = NULL;
  pid_t pid = platform_test_fork (exit_with, NULL);

  g_test_summary ("A process that is gone cannot be opened, and is named");

  platform_test_wait_success (pid);
  name = g_strdup_printf ("process %d:", (int) pid);

  g_assert_cmpint (aioproc_pidfd_open (pid, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, name));
}

static void
test_open_bad (void)
{
  g_autoptr(GError) error = NULL;

  g_test_summary ("No process has a negative number");

  g_assert_cmpint (aioproc_pidfd_open (-1, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

static int
open_without_fds (gpointer user_data)
{
  g_autoptr(GError) error = NULL;

  platform_test_leave_fds (0);
  g_assert_cmpint (aioproc_pidfd_open (getpid (), &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);

  return 0;
}

static void
test_open_no_fds (void)
{
  g_test_summary ("A process out of descriptors gets an error");

  platform_test_wait_success (platform_test_fork (open_without_fds, NULL));
}

static void
test_signal_gone (void)
{
  pid_t pid = platform_test_fork (exit_with, NULL);
  int pidfd = open_pidfd (pid);

  g_test_summary ("A signal to a zombie, or to who is gone, reaches nobody and is no error");

  wait_until_exited (pidfd);
  send_signal (pidfd, SIGKILL);
  platform_test_wait_success (pid);
  send_signal (pidfd, SIGKILL);
  close (pidfd);
}

static int
signal_the_tester (gpointer user_data)
{
  g_autoptr(GError) error = NULL;

  if (setresuid (65534, 65534, 65534) != 0)
    return 1;

  g_assert_false (aioproc_pidfd_send_signal (GPOINTER_TO_INT (user_data), SIGTERM, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_assert_nonnull (strstr (error->message, "signal 15"));

  return 0;
}

static void
test_signal_errors (void)
{
  g_autoptr(GError) error = NULL;
  int pidfd = open_pidfd (getpid ());

  g_test_summary ("A signal that cannot be sent is an error");

  send_signal (pidfd, 0);
  g_assert_false (aioproc_pidfd_send_signal (pidfd, 1000, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);

  if (geteuid () == 0)
    platform_test_wait_success (platform_test_fork (signal_the_tester, GINT_TO_POINTER (pidfd)));

  close (pidfd);
}

static void
test_stopped (void)
{
  g_autoptr(GError) error = NULL;
  pid_t pid = platform_test_fork (pause_for_ever, NULL);
  int pidfd = open_pidfd (pid);
  int status = -1;

  g_test_summary ("A stopped process has not ended, and can be killed");

  send_signal (pidfd, SIGSTOP);
  platform_test_wait_for_state (pid, pid, 'T');

  g_assert_false (aioproc_pidfd_is_exited (pidfd));
  g_assert_false (aioproc_pidfd_reap (pidfd, FALSE, &status, &error));
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, -1);

  send_signal (pidfd, SIGKILL);
  g_assert_cmphex (reap (pidfd), ==, SIGKILL);
}

static void
test_reap_exit (gconstpointer user_data)
{
  int code = GPOINTER_TO_INT (user_data);
  pid_t pid = platform_test_fork (exit_with, (gpointer) user_data);
  int status = reap (open_pidfd (pid));

  g_test_summary ("The exit code arrives, and the zombie is gone");

  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, code);
  g_assert_cmpint (waitpid (pid, NULL, 0), ==, -1);
  g_assert_cmpint (errno, ==, ECHILD);
}

static void
test_reap_signal (gconstpointer user_data)
{
  int signum = GPOINTER_TO_INT (user_data);
  int status = reap (open_pidfd (platform_test_fork (raise_signal, (gpointer) user_data)));

  g_test_summary ("The signal that ended a process arrives");

  g_assert_true (WIFSIGNALED (status));
  g_assert_cmpint (WTERMSIG (status), ==, signum);
}

static int
dump_core (gpointer user_data)
{
  const struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

  /* A dump may go into the current folder. */
  if (chdir (user_data) == 0)
    setrlimit (RLIMIT_CORE, &limit);

  return raise_signal (GINT_TO_POINTER (SIGQUIT));
}

static void
test_reap_core (void)
{
  g_autofree char *folder = g_dir_make_tmp ("aioproc-XXXXXX", NULL);
  g_autoptr(GDir) dir = NULL;
  const char *name;
  siginfo_t info = { 0 };
  pid_t pid;
  int pidfd;
  int status;

  g_test_summary ("Whether the core was dumped is told as the kernel tells it");

  g_assert_nonnull (folder);
  pid = platform_test_fork (dump_core, folder);
  pidfd = open_pidfd (pid);

  g_assert_no_errno (waitid (P_PID, (id_t) pid, &info, WEXITED | WNOWAIT));
  status = reap (pidfd);

  g_assert_true (WIFSIGNALED (status));
  g_assert_cmpint (WTERMSIG (status), ==, SIGQUIT);
  g_assert_cmpint (WCOREDUMP (status) != 0, ==, info.si_code == CLD_DUMPED);

  dir = g_dir_open (folder, 0, NULL);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      unlink (path);
    }
  rmdir (folder);
}

static void
test_reap_running (void)
{
  g_autoptr(GError) error = NULL;
  int pidfd = open_pidfd (platform_test_fork (pause_for_ever, NULL));
  int status = -1;

  g_test_summary ("A look at a running child does not wait and is no error");

  g_assert_false (aioproc_pidfd_reap (pidfd, FALSE, &status, &error));
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, -1);

  send_signal (pidfd, SIGKILL);
  g_assert_cmphex (reap (pidfd), ==, SIGKILL);
}

typedef struct {
  int              pidfd;
  int              status;
  _Atomic guint32  tid;
} Reaper;

static gpointer
reaper_run (gpointer user_data)
{
  Reaper *reaper = user_data;

  /* Release: pairs with the acquire load of the test. */
  atomic_store_explicit (&reaper->tid, (guint32) gettid (), memory_order_release);
  reaper->status = reap (reaper->pidfd);

  return NULL;
}

static void
test_reap_hang (void)
{
  Reaper reaper = { .pidfd = open_pidfd (platform_test_fork (pause_for_ever, NULL)) };
  GThread *thread = g_thread_new ("reaper", reaper_run, &reaper);
  guint32 tid;

  g_test_summary ("A thread can wait for the end of a child");

  while ((tid = atomic_load_explicit (&reaper.tid, memory_order_acquire)) == 0)
    g_thread_yield ();
  platform_test_wait_for_state (getpid (), (pid_t) tid, 'S');

  send_signal (reaper.pidfd, SIGUSR2);
  g_thread_join (thread);
  g_assert_cmphex (reaper.status, ==, SIGUSR2);
}

static void
test_reap_foreign (void)
{
  pid_t pid = platform_test_fork (exit_with, GINT_TO_POINTER (7));
  int pidfd = open_pidfd (pid);

  g_test_summary ("A child that somebody else has reaped never looks like a success");

  g_assert_cmpint (waitpid (-1, NULL, 0), ==, pid);
  g_assert_true (aioproc_pidfd_is_exited (pidfd));
  check_lost (pidfd, 7 << 8);

  pid = platform_test_fork (raise_signal, GINT_TO_POINTER (SIGKILL));
  pidfd = open_pidfd (pid);
  g_assert_cmpint (waitpid (-1, NULL, 0), ==, pid);
  check_lost (pidfd, SIGKILL);
}

static void
test_reap_twice (void)
{
  g_autoptr(GError) error = NULL;
  pid_t pid = platform_test_fork (exit_with, GINT_TO_POINTER (3));
  int pidfd = open_pidfd (pid);
  int status = -1;

  g_test_summary ("Who reaps twice gets the same status, or an error");

  g_assert_true (aioproc_pidfd_reap (pidfd, TRUE, &status, &error));
  g_assert_no_error (error);
  g_assert_cmphex (status, ==, 3 << 8);
  check_lost (pidfd, 3 << 8);
}

static int
ignore_children (gpointer user_data)
{
  signal (SIGCHLD, SIG_IGN);

  for (guint i = 0; i < 200; i++)
    {
      int gate[2];
      pid_t pid;
      int pidfd;
      char byte;

      g_assert_no_errno (pipe2 (gate, O_CLOEXEC));
      pid = fork ();

      if (pid == 0)
        {
          close (gate[1]);
          _exit (read (gate[0], &byte, 1) == 0 ? (int) (i & 0xff) : 255);
        }

      close (gate[0]);
      pidfd = open_pidfd (pid);
      close (gate[1]);
      check_lost (pidfd, (int) (i & 0xff) << 8);
    }

  return 0;
}

static void
test_reap_ignored (void)
{
  g_test_summary ("With SIGCHLD ignored, the kernel reaps: the status is right, or an error");

  platform_test_wait_success (platform_test_fork (ignore_children, NULL));
}

static void
test_reap_stranger (void)
{
  int fds[2];
  pid_t grandchild;
  pid_t pid;
  int pidfd;

  g_test_summary ("What is no child of this process is not waited for");

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr(GError) error = NULL;
      int status = -1;

      pidfd = open_pidfd (i == 0 ? getpid () : getppid ());
      g_assert_false (aioproc_pidfd_reap (pidfd, TRUE, &status, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
      close (pidfd);
    }

  /* A zombie that belongs to its own parent. */
  g_assert_no_errno (pipe2 (fds, O_CLOEXEC));
  pid = fork ();

  if (pid == 0)
    {
      prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
      grandchild = platform_test_fork (exit_with, GINT_TO_POINTER (5));
      if (write (fds[1], &grandchild, sizeof grandchild) != sizeof grandchild)
        _exit (1);
      pause_for_ever (NULL);
    }

  g_assert_cmpint (read (fds[0], &grandchild, sizeof grandchild), ==, sizeof grandchild);
  pidfd = open_pidfd (grandchild);
  wait_until_exited (pidfd);

  {
    g_autoptr(GError) error = NULL;
    int status = -1;

    g_assert_false (aioproc_pidfd_reap (pidfd, TRUE, &status, &error));
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  }

  close (pidfd);
  close (fds[0]);
  close (fds[1]);
  g_assert_no_errno (kill (pid, SIGKILL));
  platform_test_wait (pid);
}

static void
test_reap_no_pidfd (void)
{
  g_autoptr(GError) error = NULL;
  int status = -1;
  int fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);

  g_test_summary ("What is no pidfd is an error of its own");

  g_assert_false (aioproc_pidfd_reap (fd, FALSE, &status, &error));
  g_assert_nonnull (error);
  g_assert_false (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND));
  g_assert_false (aioproc_pidfd_is_exited (-1));
  close (fd);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/pidfd/open/plain", test_open);
  aioproc_test_add_func ("/aioproc/pidfd/open/gone", test_open_gone);
  aioproc_test_add_func ("/aioproc/pidfd/open/bad", test_open_bad);
  aioproc_test_add_func ("/aioproc/pidfd/open/no-fds", test_open_no_fds);
  aioproc_test_add_func ("/aioproc/pidfd/signal/gone", test_signal_gone);
  aioproc_test_add_func ("/aioproc/pidfd/signal/errors", test_signal_errors);
  aioproc_test_add_func ("/aioproc/pidfd/stopped", test_stopped);
  aioproc_test_add_data_func ("/aioproc/pidfd/reap/exit/0", GINT_TO_POINTER (0),
                              test_reap_exit);
  aioproc_test_add_data_func ("/aioproc/pidfd/reap/exit/7", GINT_TO_POINTER (7),
                              test_reap_exit);
  aioproc_test_add_data_func ("/aioproc/pidfd/reap/exit/255", GINT_TO_POINTER (255),
                              test_reap_exit);
  aioproc_test_add_data_func ("/aioproc/pidfd/reap/signal/kill", GINT_TO_POINTER (SIGKILL),
                              test_reap_signal);
  aioproc_test_add_data_func ("/aioproc/pidfd/reap/signal/real-time",
                              GINT_TO_POINTER (SIGRTMAX), test_reap_signal);
  aioproc_test_add_func ("/aioproc/pidfd/reap/core", test_reap_core);
  aioproc_test_add_func ("/aioproc/pidfd/reap/running", test_reap_running);
  aioproc_test_add_func ("/aioproc/pidfd/reap/hang", test_reap_hang);
  aioproc_test_add_func ("/aioproc/pidfd/reap/foreign", test_reap_foreign);
  aioproc_test_add_func ("/aioproc/pidfd/reap/twice", test_reap_twice);
  aioproc_test_add_func ("/aioproc/pidfd/reap/ignored", test_reap_ignored);
  aioproc_test_add_func ("/aioproc/pidfd/reap/stranger", test_reap_stranger);
  aioproc_test_add_func ("/aioproc/pidfd/reap/no-pidfd", test_reap_no_pidfd);

  return g_test_run ();
}
