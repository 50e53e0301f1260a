/* aioproc-self.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "platform/aioproc-self-private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
# define SYS_pidfd_open 434
#endif

#ifndef SYS_close_range
# define SYS_close_range 436
#endif

/* struct linux_dirent64, which no header has. */
typedef struct {
  uint64_t       d_ino;
  int64_t        d_off;
  unsigned short d_reclen;
  unsigned char  d_type;
  char           d_name[];
} Dirent64;

bool
aioproc_self_die_with_parent (pid_t expected_parent)
{
  if (prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
    return false;

  /* A parent that ended before the call above is not announced anymore. */
  if (getppid () != expected_parent)
    {
      errno = ESRCH;
      return false;
    }

  return true;
}

bool
aioproc_self_kill_on_hangup (int fd)
{
  struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
  int flags = fcntl (fd, F_GETFL);
  int result;

  if (flags < 0 ||
      fcntl (fd, F_SETSIG, SIGKILL) != 0 ||
      fcntl (fd, F_SETOWN, getpid ()) != 0 ||
      fcntl (fd, F_SETFL, flags | O_ASYNC) != 0)
    return false;

  /* A peer that hung up before the last call is not announced anymore. */
  do
    result = poll (&poll_fd, 1, 0);
  while (result < 0 && errno == EINTR);

  if (result < 0)
    return false;

  if (result > 0)
    {
      errno = ECONNRESET;
      return false;
    }

  return true;
}

bool
aioproc_self_become_subreaper (void)
{
  return prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
}

void
aioproc_self_reset_signals (void)
{
  struct sigaction action = { .sa_handler = SIG_DFL };
  sigset_t none;

  sigemptyset (&action.sa_mask);

  /* Fails for SIGKILL, SIGSTOP and the C library's own, which nobody can have changed. */
  for (int signum = 1; signum < NSIG; signum++)
    sigaction (signum, &action, NULL);

  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
}

int
aioproc_self_lift_fd (int fd)
{
  int saved_errno;
  int copy;

  if (fd < 0 || fd > STDERR_FILENO)
    return fd;

  copy = fcntl (fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

  /* EINVAL: not even the first of these numbers is below the limit. */
  saved_errno = errno == EINVAL ? EMFILE : errno;
  close (fd);
  errno = saved_errno;

  return copy;
}

/* Parses the name of a descriptor in /proc/self/fd; -1 for anything else. */
static int
parse_fd (const char *name)
{
  int fd = 0;

  if (*name == '\0')
    return -1;

  for (; *name != '\0'; name++)
    {
      if (*name < '0' || *name > '9' || fd > (INT_MAX - 9) / 10)
        return -1;

      fd = fd * 10 + (*name - '0');
    }

  return fd;
}

/* For kernels and seccomp filters without close_range(). Closing while reading may make the
 * kernel skip entries, so this reads again until it has found nothing to close.
 */
static bool
close_listed (int first,
              int last)
{
  char buffer[4096] __attribute__ ((aligned (8)));
  int dir_fd = open ("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool found = true;

  if (dir_fd < 0)
    return false;

  while (found)
    {
      long n_read;

      found = false;

      if (lseek (dir_fd, 0, SEEK_SET) != 0)
        break;

      while ((n_read = syscall (SYS_getdents64, dir_fd, buffer, sizeof buffer)) > 0)
        {
          for (long offset = 0; offset < n_read;)
            {
              const Dirent64 *entry = (const void *) (buffer + offset);
              int fd = parse_fd (entry->d_name);

              if (fd >= first && fd <= last && fd != dir_fd)
                {
                  close (fd);
                  found = true;
                }

              offset += entry->d_reclen;
            }
        }
    }

  close (dir_fd);

  return !found;
}

static bool
close_range_of (int first,
                int last)
{
  if (first > last)
    return true;

  if (syscall (SYS_close_range, (unsigned) first, (unsigned) last, 0U) == 0)
    return true;

  if (close_listed (first, last))
    return true;

  errno = ENOSYS;

  return false;
}

bool
aioproc_self_close_fds_from (int lowest)
{
  return close_range_of (lowest, INT_MAX);
}

bool
aioproc_self_close_fds_except (int        lowest,
                               const int *keep,
                               unsigned   n_keep)
{
  for (unsigned i = 0; i < n_keep; i++)
    {
      if (keep[i] < lowest)
        continue;

      if (!close_range_of (lowest, keep[i] - 1))
        return false;

      if (keep[i] == INT_MAX)
        return true;

      lowest = keep[i] + 1;
    }

  return close_range_of (lowest, INT_MAX);
}

bool
aioproc_self_limit (int      resource,
                    uint64_t value)
{
  struct rlimit limit;

  if (getrlimit (resource, &limit) != 0)
    return false;

  if (limit.rlim_max > value)
    limit.rlim_max = value;

  if (limit.rlim_cur > value)
    limit.rlim_cur = value;

  return setrlimit (resource, &limit) == 0;
}

/* In the parent: a child that cannot be watched must not live. */
static pid_t
watch_child (pid_t  pid,
             int   *pidfd)
{
  int saved_errno;

  *pidfd = aioproc_self_lift_fd ((int) syscall (SYS_pidfd_open, pid, 0));

  if (*pidfd >= 0)
    return pid;

  saved_errno = errno;
  kill (pid, SIGKILL);

  while (waitpid (pid, NULL, 0) < 0 && errno == EINTR)
    continue;

  errno = saved_errno;

  return -1;
}

/* A signal to the child is not to be lost, or handled by what its parent does about it. */
static void
block_signals (sigset_t *saved)
{
  sigset_t all;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, saved);
}

static void
restore_signals (const sigset_t *saved)
{
  int saved_errno = errno;

  pthread_sigmask (SIG_SETMASK, saved, NULL);
  errno = saved_errno;
}

pid_t
aioproc_self_fork (int *pidfd)
{
  sigset_t saved;
  pid_t pid;

  *pidfd = -1;
  block_signals (&saved);
  pid = fork ();

  if (pid == 0)
    return 0;

  restore_signals (&saved);

  return pid < 0 ? -1 : watch_child (pid, pidfd);
}

pid_t
aioproc_self_vfork (void  (*func) (void *data),
                    void   *data,
                    int    *pidfd)
{
  sigset_t saved;
  pid_t pid;

  *pidfd = -1;
  block_signals (&saved);
  pid = vfork ();

  if (pid == 0)
    {
      func (data);
      _exit (127);
    }

  restore_signals (&saved);

  return pid < 0 ? -1 : watch_child (pid, pidfd);
}
