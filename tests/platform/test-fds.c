/* test-fds.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "platform-test.h"
#include "platform/aioproc-fds-private.h"

#define SHORT_USEC (20 * G_TIME_SPAN_MILLISECOND)

static void
make_pair (int type,
           int fds[2])
{
  g_autoptr(GError) error = NULL;
  gboolean made = aioproc_fds_socketpair (type, fds, &error);

  g_assert_no_error (error);
  g_assert_true (made);
}

static void
close_pair (int fds[2])
{
  aioproc_fds_close_all (fds, 2);
}

/* @n_fds times the same descriptor. */
static void
send_copies (int   socket_fd,
             int   fd,
             guint n_fds)
{
  g_autoptr(GError) error = NULL;
  g_autofree int *fds = g_new (int, n_fds);
  gsize n_done = 0;

  for (guint i = 0; i < n_fds; i++)
    fds[i] = fd;

  g_assert_cmpint (aioproc_fds_send (socket_fd, "x", 1, fds, n_fds, TRUE, &n_done, &error), ==,
                   AIOPROC_IO_OK);
  g_assert_no_error (error);
  g_assert_cmpuint (n_done, ==, 1);
}

static gboolean
is_same_file (int a,
              int b)
{
  struct stat stat_a;
  struct stat stat_b;

  g_assert_no_errno (fstat (a, &stat_a));
  g_assert_no_errno (fstat (b, &stat_b));

  return stat_a.st_dev == stat_b.st_dev && stat_a.st_ino == stat_b.st_ino;
}

static void
test_socketpair (gconstpointer user_data)
{
  int type = GPOINTER_TO_INT (user_data);
  int fds[2];

  g_test_summary ("Both ends of a pair are closed by exec, and of the type asked for");

  make_pair (type, fds);

  for (guint i = 0; i < 2; i++)
    {
      int real_type = 0;
      socklen_t length = sizeof real_type;

      g_assert_cmpint (fcntl (fds[i], F_GETFD) & FD_CLOEXEC, !=, 0);
      g_assert_no_errno (getsockopt (fds[i], SOL_SOCKET, SO_TYPE, &real_type, &length));
      g_assert_cmpint (real_type, ==, type);
    }

  close_pair (fds);
  g_assert_cmpint (fds[0], ==, -1);
  g_assert_cmpint (fds[1], ==, -1);
  close_pair (fds);
}

static int
starve (gpointer user_data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GError) dup_error = NULL;
  int fds[2] = { 0, 0 };

  platform_test_leave_fds (2);
  g_assert_true (aioproc_fds_check_free (2, &error));
  g_assert_no_error (error);
  /* None of them was kept. */
  g_assert_true (aioproc_fds_check_free (2, &error));
  g_assert_false (aioproc_fds_check_free (3, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  g_clear_error (&error);

  platform_test_leave_fds (1);
  g_assert_false (aioproc_fds_socketpair (SOCK_STREAM, fds, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  g_assert_cmpint (fds[0], ==, -1);
  g_assert_cmpint (fds[1], ==, -1);

  g_assert_cmpint (dup (STDERR_FILENO), >=, 0);
  g_assert_cmpint (aioproc_fds_dup (STDERR_FILENO, &dup_error), ==, -1);
  g_assert_error (dup_error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);

  return 0;
}

static void
test_no_fds (void)
{
  g_test_summary ("A process out of descriptors gets an error");

  platform_test_wait_success (platform_test_fork (starve, NULL));
}

static void
test_dup (void)
{
  g_autoptr(GError) error = NULL;
  int saved = fcntl (STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
  int fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  int copy;

  g_test_summary ("A copy is closed by exec, and never takes the place of a standard stream");

  close (STDIN_FILENO);
  copy = aioproc_fds_dup (fd, &error);
  g_assert_cmpint (dup2 (saved, STDIN_FILENO), ==, STDIN_FILENO);
  close (saved);

  g_assert_no_error (error);
  g_assert_cmpint (copy, >, STDERR_FILENO);
  g_assert_cmpint (fcntl (copy, F_GETFD) & FD_CLOEXEC, !=, 0);
  g_assert_true (is_same_file (fd, copy));
  close (copy);
  close (fd);

  g_assert_cmpint (aioproc_fds_dup (fd, &error), ==, -1);
  g_assert_nonnull (error);
}

static void
test_transfer (gconstpointer user_data)
{
  guint n_sent = GPOINTER_TO_UINT (user_data);
  g_autoptr(GError) error = NULL;
  int pair[2];
  int received[AIOPROC_FDS_MAX];
  char data[16] = "";
  guint n_fds = 99;
  gsize n_done = 0;
  int fd = open ("/dev/zero", O_RDONLY | O_CLOEXEC);
  guint n_open;

  g_test_summary ("Descriptors arrive with their byte, in any number up to the limit");

  make_pair (SOCK_STREAM, pair);
  n_open = aioproc_test_count_fds ();
  send_copies (pair[0], fd, n_sent);

  g_assert_cmpint (aioproc_fds_receive (pair[1], data, sizeof data, received, AIOPROC_FDS_MAX,
                                        &n_fds, TRUE, &n_done, &error), ==, AIOPROC_IO_OK);
  g_assert_no_error (error);
  g_assert_cmpuint (n_done, ==, 1);
  g_assert_cmpint (data[0], ==, 'x');
  g_assert_cmpuint (n_fds, ==, n_sent);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_open + n_sent);

  for (guint i = 0; i < n_fds; i++)
    {
      g_assert_cmpint (fcntl (received[i], F_GETFD) & FD_CLOEXEC, !=, 0);
      g_assert_true (is_same_file (received[i], fd));
    }

  aioproc_fds_close_all (received, n_fds);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_open);

  close (fd);
  close_pair (pair);
}

static void
test_send_too_many (void)
{
  g_autoptr(GError) error = NULL;
  int fds[AIOPROC_FDS_MAX + 1];
  int pair[2];
  gsize n_done = 1;

  g_test_summary ("More descriptors than fit into a message are refused, and nothing is sent");

  make_pair (SOCK_STREAM, pair);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = STDERR_FILENO;

  g_assert_cmpint (aioproc_fds_send (pair[0], "x", 1, fds, G_N_ELEMENTS (fds), TRUE, &n_done,
                                     &error), ==, AIOPROC_IO_ERROR);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_cmpuint (n_done, ==, 0);
  g_assert_false (aioproc_fds_poll (pair[1], POLLIN, 0));

  close_pair (pair);
}

static void
test_send_closed_fd (void)
{
  g_autoptr(GError) error = NULL;
  int pair[2];
  int fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  gsize n_done = 1;

  g_test_summary ("A descriptor that is not open cannot be sent");

  make_pair (SOCK_STREAM, pair);
  close (fd);
  g_assert_cmpint (aioproc_fds_send (pair[0], "x", 1, &fd, 1, TRUE, &n_done, &error), ==,
                   AIOPROC_IO_ERROR);
  g_assert_nonnull (error);
  g_assert_nonnull (strstr (error->message, "1 bytes and 1 descriptors"));
  g_assert_cmpuint (n_done, ==, 0);

  close_pair (pair);
}

static void
test_send_partial (void)
{
  enum { SIZE = 8 * 1024 * 1024 };
  g_autoptr(GError) error = NULL;
  g_autofree char *data = g_malloc0 (SIZE);
  int pair[2];
  gsize total_sent = 0;
  gsize total_received = 0;
  gsize n_done;
  AioprocIOStatus status;

  g_test_summary ("What a full socket takes is counted, then it would block");

  make_pair (SOCK_STREAM, pair);

  while ((status = aioproc_fds_send (pair[0], data, SIZE, NULL, 0, TRUE, &n_done, &error)) ==
         AIOPROC_IO_OK)
    {
      g_assert_cmpuint (n_done, >, 0);
      g_assert_cmpuint (n_done, <, SIZE);
      total_sent += n_done;
    }

  g_assert_no_error (error);
  g_assert_cmpint (status, ==, AIOPROC_IO_AGAIN);
  g_assert_cmpuint (n_done, ==, 0);
  g_assert_cmpuint (total_sent, >, 0);
  close (pair[0]);

  for (;;)
    {
      guint n_fds;

      status = aioproc_fds_receive (pair[1], data, SIZE, NULL, 0, &n_fds, TRUE, &n_done, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (n_fds, ==, 0);

      if (status == AIOPROC_IO_EOF)
        break;

      g_assert_cmpint (status, ==, AIOPROC_IO_OK);
      total_received += n_done;
    }

  g_assert_cmpuint (total_received, ==, total_sent);
  g_assert_cmpuint (n_done, ==, 0);
  close (pair[1]);
}

static void
test_send_no_peer (void)
{
  g_autoptr(GError) error = NULL;
  int pair[2];
  gsize n_done = 1;

  g_test_summary ("A message to nobody is an error, not a signal");

  signal (SIGPIPE, SIG_DFL);
  make_pair (SOCK_STREAM, pair);
  close (pair[1]);

  g_assert_cmpint (aioproc_fds_send (pair[0], "x", 1, NULL, 0, TRUE, &n_done, &error), ==,
                   AIOPROC_IO_ERROR);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_assert_cmpuint (n_done, ==, 0);
  close (pair[0]);
}

static void
test_receive_empty (void)
{
  g_autoptr(GError) error = NULL;
  int pair[2];
  char byte;
  guint n_fds = 1;
  gsize n_done = 1;

  g_test_summary ("An empty socket would block");

  make_pair (SOCK_STREAM, pair);
  g_assert_cmpint (aioproc_fds_receive (pair[1], &byte, 1, NULL, 0, &n_fds, TRUE, &n_done,
                                        &error), ==, AIOPROC_IO_AGAIN);
  g_assert_no_error (error);
  g_assert_cmpuint (n_fds, ==, 0);
  g_assert_cmpuint (n_done, ==, 0);

  close_pair (pair);
}

static void
test_receive_reset (void)
{
  g_autoptr(GError) error = NULL;
  int pair[2];
  char byte;
  guint n_fds = 1;
  gsize n_done = 1;

  g_test_summary ("A peer that closes without having read is an error, not a normal end");

  make_pair (SOCK_STREAM, pair);
  send_copies (pair[0], STDERR_FILENO, 0);
  close (pair[1]);

  g_assert_cmpint (aioproc_fds_receive (pair[0], &byte, 1, NULL, 0, &n_fds, TRUE, &n_done,
                                        &error), ==, AIOPROC_IO_ERROR);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
  close (pair[0]);
}

/* Sends @n_sent, takes @max_fds: refused, with nothing left open. */
static void
check_too_many (int   type,
                guint n_sent,
                guint max_fds)
{
  g_autoptr(GError) error = NULL;
  int pair[2];
  int received[AIOPROC_FDS_MAX];
  guint n_open;
  guint n_fds = 99;
  gsize n_done = 99;
  char byte;

  make_pair (type, pair);
  n_open = aioproc_test_count_fds ();
  send_copies (pair[0], STDERR_FILENO, n_sent);

  g_assert_cmpint (aioproc_fds_receive (pair[1], &byte, 1, received, max_fds, &n_fds, TRUE,
                                        &n_done, &error), ==, AIOPROC_IO_ERROR);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_assert_cmpuint (n_fds, ==, 0);
  g_assert_cmpuint (n_done, ==, 0);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_open);

  close_pair (pair);
}

static void
test_receive_too_many (void)
{
  g_test_summary ("Descriptors that nobody expects make the message an error and do not leak");

  for (guint n_sent = 1; n_sent <= 9; n_sent++)
    {
      for (guint max_fds = 0; max_fds < n_sent; max_fds++)
        {
          check_too_many (SOCK_STREAM, n_sent, max_fds);
          check_too_many (SOCK_SEQPACKET, n_sent, max_fds);
        }
    }

  check_too_many (SOCK_STREAM, AIOPROC_FDS_MAX, AIOPROC_FDS_MAX - 1);
  check_too_many (SOCK_STREAM, AIOPROC_FDS_MAX, 0);
}

/* The limit only goes down, so each number of free places needs a process of its own. */
static int
receive_with_n_fds (gpointer user_data)
{
  guint n_free = GPOINTER_TO_UINT (user_data);
  g_autoptr(GError) error = NULL;
  int pair[2];
  int received[4];
  guint n_fds = 99;
  gsize n_done = 99;
  char byte;

  make_pair (SOCK_STREAM, pair);
  send_copies (pair[0], STDERR_FILENO, 4);
  platform_test_leave_fds (n_free);

  g_assert_cmpint (aioproc_fds_receive (pair[1], &byte, 1, received, 4, &n_fds, TRUE, &n_done,
                                        &error), ==, AIOPROC_IO_ERROR);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_assert_cmpuint (n_fds, ==, 0);

  /* All places that were free are free again. */
  for (guint i = 0; i < n_free; i++)
    g_assert_cmpint (dup (STDERR_FILENO), >=, 0);
  g_assert_cmpint (dup (STDERR_FILENO), ==, -1);

  return 0;
}

static void
test_receive_no_fds (void)
{
  g_test_summary ("Where only some descriptors fit, the message is an error and none leaks");

  for (guint n_free = 0; n_free < 4; n_free++)
    platform_test_wait_success (platform_test_fork (receive_with_n_fds,
                                                    GUINT_TO_POINTER (n_free)));
}

static void
test_receive_apart (void)
{
  g_autoptr(GError) error = NULL;
  int pair[2];
  int received[8];
  char data[16];
  guint total_fds = 0;
  gsize total = 0;

  g_test_summary ("Descriptors of two messages never come in one, so that counts can be checked");

  make_pair (SOCK_STREAM, pair);
  send_copies (pair[0], STDERR_FILENO, 2);
  send_copies (pair[0], STDERR_FILENO, 3);
  send_copies (pair[0], STDERR_FILENO, 0);

  while (total < 3)
    {
      guint n_fds;
      gsize n_done;

      g_assert_cmpint (aioproc_fds_receive (pair[1], data, sizeof data, received, 8, &n_fds, TRUE,
                                            &n_done, &error), ==, AIOPROC_IO_OK);
      g_assert_no_error (error);
      g_assert_cmpuint (n_fds, ==, total == 0 ? 2 : total == 1 ? 3 : 0);
      aioproc_fds_close_all (received, n_fds);
      total_fds += n_fds;
      total += n_done;
    }

  g_assert_cmpuint (total_fds, ==, 5);
  close_pair (pair);
}

static void
test_receive_long_packet (void)
{
  g_autoptr(GError) error = NULL;
  int pair[2];
  int received[2];
  guint n_open;
  guint n_fds;
  gsize n_done;
  char data[4];
  const int fds[2] = { STDERR_FILENO, STDERR_FILENO };

  g_test_summary ("A packet longer than expected is an error, and its descriptors are closed");

  make_pair (SOCK_SEQPACKET, pair);
  n_open = aioproc_test_count_fds ();

  g_assert_cmpint (aioproc_fds_send (pair[0], "12345", 5, fds, 2, TRUE, &n_done, &error), ==,
                   AIOPROC_IO_OK);
  g_assert_no_error (error);
  g_assert_cmpuint (n_done, ==, 5);

  g_assert_cmpint (aioproc_fds_receive (pair[1], data, sizeof data, received, 2, &n_fds, TRUE,
                                        &n_done, &error), ==, AIOPROC_IO_ERROR);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_assert_nonnull (strstr (error->message, "longer than 4 bytes"));
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_open);

  close_pair (pair);
}

static gpointer
receive_blocking (gpointer user_data)
{
  g_autoptr(GError) error = NULL;
  char byte = 0;
  guint n_fds;
  gsize n_done;

  g_assert_cmpint (aioproc_fds_receive (GPOINTER_TO_INT (user_data), &byte, 1, NULL, 0, &n_fds,
                                        FALSE, &n_done, &error), ==, AIOPROC_IO_OK);
  g_assert_no_error (error);

  return GINT_TO_POINTER (byte);
}

static void
test_receive_blocking (void)
{
  GThread *thread;
  int pair[2];

  g_test_summary ("Without dont_wait, a blocking socket waits");

  make_pair (SOCK_STREAM, pair);
  thread = g_thread_new ("receiver", receive_blocking, GINT_TO_POINTER (pair[1]));
  send_copies (pair[0], -1, 0);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (thread)), ==, 'x');

  close_pair (pair);
}

static void
test_close_all (void)
{
  int fds[] = { -1, dup (STDERR_FILENO), -1, dup (STDERR_FILENO) };
  guint n_open = aioproc_test_count_fds ();

  g_test_summary ("Closing skips what is absent, marks what is closed, and leaves errno alone");

  errno = EDOM;
  aioproc_fds_close_all (fds, G_N_ELEMENTS (fds));
  g_assert_cmpint (errno, ==, EDOM);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_open - 2);

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    g_assert_cmpint (fds[i], ==, -1);

  aioproc_fds_close_all (NULL, 0);
}

static void
test_poll (void)
{
  gint64 deadline = g_get_monotonic_time () + SHORT_USEC;
  int pair[2];

  g_test_summary ("A poll ends at its deadline, not before, or when something happens");

  make_pair (SOCK_STREAM, pair);

  g_assert_false (aioproc_fds_poll (pair[1], POLLIN, deadline));
  g_assert_cmpint (g_get_monotonic_time (), >=, deadline);
  g_assert_false (aioproc_fds_poll (pair[1], POLLIN, deadline));
  g_assert_false (aioproc_fds_poll (pair[1], POLLIN, 0));
  g_assert_true (aioproc_fds_poll (pair[1], POLLIN | POLLOUT, 0));

  send_copies (pair[0], STDERR_FILENO, 0);
  g_assert_true (aioproc_fds_poll (pair[1], POLLIN, 0));
  g_assert_true (aioproc_fds_poll (pair[1], POLLIN, -1));

  close (pair[0]);
  g_assert_true (aioproc_fds_poll (pair[1], 0, -1));
  close (pair[1]);
}

static void
do_nothing (int signum)
{
}

static gpointer
send_when_timed_out (gpointer user_data)
{
  int fd = GPOINTER_TO_INT (user_data);
  sigset_t all;

  /* The signals are for the thread that receives. */
  sigfillset (&all);
  pthread_sigmask (SIG_BLOCK, &all, NULL);

  g_assert_false (aioproc_fds_poll (fd, POLLIN, g_get_monotonic_time () + SHORT_USEC));
  send_copies (fd, -1, 0);

  return NULL;
}

static int
wait_under_timer (gpointer user_data)
{
  const struct sigaction action = { .sa_handler = do_nothing };
  const struct itimerval storm = { { 0, 200 }, { 0, 200 } };
  g_autoptr(GError) error = NULL;
  gint64 deadline;
  GThread *thread;
  int pair[2];
  char byte;
  guint n_fds;
  gsize n_done;

  make_pair (SOCK_STREAM, pair);
  thread = g_thread_new ("sender", send_when_timed_out, GINT_TO_POINTER (pair[0]));

  /* Without SA_RESTART: each signal interrupts what is going on. */
  g_assert_no_errno (sigaction (SIGALRM, &action, NULL));
  g_assert_no_errno (setitimer (ITIMER_REAL, &storm, NULL));

  deadline = g_get_monotonic_time () + SHORT_USEC / 4;
  g_assert_false (aioproc_fds_poll (pair[1], POLLPRI, deadline));
  g_assert_cmpint (g_get_monotonic_time (), >=, deadline);

  g_assert_cmpint (aioproc_fds_receive (pair[1], &byte, 1, NULL, 0, &n_fds, FALSE, &n_done,
                                        &error), ==, AIOPROC_IO_OK);
  g_assert_no_error (error);
  g_thread_join (thread);

  return 0;
}

static void
test_signals (void)
{
  g_test_summary ("A storm of signals ends no wait before its time, and loses nothing");

  platform_test_wait_success (platform_test_fork (wait_under_timer, NULL));
}

/* The child's end of a pair, and what the child waits for. */
typedef struct {
  int              pair[2];
  _Atomic guint32 *ready;
} Hangup;

static int
live_until_hangup (gpointer user_data)
{
  Hangup *hangup = user_data;
  g_autoptr(GError) error = NULL;
  sigset_t all;

  close (hangup->pair[0]);
  sigfillset (&all);
  sigprocmask (SIG_BLOCK, &all, NULL);

  g_assert_true (aioproc_fds_kill_on_hangup (hangup->pair[1], &error));
  g_assert_no_error (error);

  /* Release: pairs with the acquire load of the test. */
  atomic_store_explicit (hangup->ready, 1, memory_order_release);

  for (;;)
    pause ();

  return 0;
}

static void
test_hangup (gconstpointer user_data)
{
  gboolean stop = GPOINTER_TO_INT (user_data);
  Hangup hangup;
  int status;
  pid_t pid;

  g_test_summary ("A process dies when its peer hangs up, even if it is stopped");

  hangup.ready = platform_test_map_shared (4096);
  make_pair (SOCK_STREAM, hangup.pair);
  pid = platform_test_fork (live_until_hangup, &hangup);
  close (hangup.pair[1]);
  platform_test_wait_for_word (hangup.ready, 1);

  if (stop)
    {
      g_assert_no_errno (kill (pid, SIGSTOP));
      platform_test_wait_for_state (pid, pid, 'T');
    }

  g_assert_cmpint (waitpid (pid, NULL, WNOHANG), ==, 0);
  close (hangup.pair[0]);

  status = platform_test_wait (pid);
  g_assert_true (WIFSIGNALED (status));
  g_assert_cmpint (WTERMSIG (status), ==, SIGKILL);
  platform_test_unmap (hangup.ready, 4096);
}

static void
test_hangup_too_late (void)
{
  g_autoptr(GError) error = NULL;
  int pair[2];

  g_test_summary ("A peer that has hung up already is told, as no signal will come");

  make_pair (SOCK_STREAM, pair);
  close (pair[0]);
  g_assert_false (aioproc_fds_kill_on_hangup (pair[1], &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
  close (pair[1]);
  g_clear_error (&error);

  g_assert_false (aioproc_fds_kill_on_hangup (-1, &error));
  g_assert_nonnull (error);
  g_assert_false (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED));
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_data_func ("/aioproc/fds/socketpair/stream", GINT_TO_POINTER (SOCK_STREAM),
                              test_socketpair);
  aioproc_test_add_data_func ("/aioproc/fds/socketpair/packets",
                              GINT_TO_POINTER (SOCK_SEQPACKET), test_socketpair);
  aioproc_test_add_func ("/aioproc/fds/no-fds", test_no_fds);
  aioproc_test_add_func ("/aioproc/fds/dup", test_dup);
  aioproc_test_add_data_func ("/aioproc/fds/transfer/0", GUINT_TO_POINTER (0), test_transfer);
  aioproc_test_add_data_func ("/aioproc/fds/transfer/1", GUINT_TO_POINTER (1), test_transfer);
  aioproc_test_add_data_func ("/aioproc/fds/transfer/2", GUINT_TO_POINTER (2), test_transfer);
  aioproc_test_add_data_func ("/aioproc/fds/transfer/max", GUINT_TO_POINTER (AIOPROC_FDS_MAX),
                              test_transfer);
  aioproc_test_add_func ("/aioproc/fds/send/too-many", test_send_too_many);
  aioproc_test_add_func ("/aioproc/fds/send/closed-fd", test_send_closed_fd);
  aioproc_test_add_func ("/aioproc/fds/send/partial", test_send_partial);
  aioproc_test_add_func ("/aioproc/fds/send/no-peer", test_send_no_peer);
  aioproc_test_add_func ("/aioproc/fds/receive/empty", test_receive_empty);
  aioproc_test_add_func ("/aioproc/fds/receive/reset", test_receive_reset);
  aioproc_test_add_func ("/aioproc/fds/receive/too-many", test_receive_too_many);
  aioproc_test_add_func ("/aioproc/fds/receive/no-fds", test_receive_no_fds);
  aioproc_test_add_func ("/aioproc/fds/receive/apart", test_receive_apart);
  aioproc_test_add_func ("/aioproc/fds/receive/long-packet", test_receive_long_packet);
  aioproc_test_add_func ("/aioproc/fds/receive/blocking", test_receive_blocking);
  aioproc_test_add_func ("/aioproc/fds/close-all", test_close_all);
  aioproc_test_add_func ("/aioproc/fds/poll", test_poll);
  aioproc_test_add_func ("/aioproc/fds/signals", test_signals);
  aioproc_test_add_data_func ("/aioproc/fds/hangup/running", GINT_TO_POINTER (FALSE),
                              test_hangup);
  aioproc_test_add_data_func ("/aioproc/fds/hangup/stopped", GINT_TO_POINTER (TRUE),
                              test_hangup);
  aioproc_test_add_func ("/aioproc/fds/hangup/too-late", test_hangup_too_late);

  return g_test_run ();
}
