/* aioproc-pidfd.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "platform/aioproc-pidfd-private.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gio/gio.h>

#include "platform/aioproc-self-private.h"

#ifndef SYS_pidfd_send_signal
# define SYS_pidfd_send_signal 424
#endif

#ifndef SYS_pidfd_open
# define SYS_pidfd_open 434
#endif

/* P_PIDFD of <linux/wait.h>, which is an enumerator in newer C libraries only. */
#define AIOPROC_P_PIDFD ((idtype_t) 3)

/* struct pidfd_info in its first version (Linux 6.13). The exit status, and the bit that says so,
 * came with 6.15.
 */
typedef struct {
  guint64 mask;
  guint64 cgroup_id;
  guint32 pid;
  guint32 tgid;
  guint32 ppid;
  guint32 ids[8];
  gint32  exit_code;
} PidfdInfo;

G_STATIC_ASSERT (sizeof (PidfdInfo) == 64);

#define PIDFD_INFO_MASK_PID  (1 << 0)
#define PIDFD_INFO_MASK_EXIT (1 << 3)
#define PIDFD_IOCTL_GET_INFO _IOWR (0xff, 11, PidfdInfo)

/* PIDFD_SIGNAL_PROCESS_GROUP of <linux/pidfd.h>. */
#define SIGNAL_PROCESS_GROUP (1u << 2)

/* How often to look again, a millisecond apart, while somebody else reaps a child right now. */
#define N_REAPING_TRIES 100

int
aioproc_pidfd_open (pid_t    pid,
                    GError **error)
{
  int pidfd = aioproc_self_lift_fd ((int) syscall (SYS_pidfd_open, pid, 0));

  if (pidfd < 0)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR,
                   saved_errno == ESRCH ? G_IO_ERROR_NOT_FOUND
                                        : (int) g_io_error_from_errno (saved_errno),
                   "Could not open a descriptor of process %d: %s",
                   (int) pid, g_strerror (saved_errno));
    }

  return pidfd;
}

gboolean
aioproc_pidfd_send_signal (int      pidfd,
                           int      signum,
                           GError **error)
{
  if (syscall (SYS_pidfd_send_signal, pidfd, signum, NULL, 0) != 0 && errno != ESRCH)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not send signal %d to a process: %s",
                   signum, g_strerror (saved_errno));
      return FALSE;
    }

  return TRUE;
}

gboolean
aioproc_pidfd_signal_group (int pidfd,
                            int signum)
{
  return syscall (SYS_pidfd_send_signal, pidfd, signum, NULL, SIGNAL_PROCESS_GROUP) == 0;
}

gboolean
aioproc_pidfd_is_exited (int pidfd)
{
  struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };
  int result;

  do
    result = poll (&poll_fd, 1, 0);
  while (result < 0 && errno == EINTR);

  return result > 0 && (poll_fd.revents & (POLLIN | POLLHUP)) != 0;
}

static int
status_from_siginfo (const siginfo_t *info)
{
  switch (info->si_code)
    {
    case CLD_EXITED:
      return W_EXITCODE (info->si_status & 0xff, 0);

    case CLD_DUMPED:
      return W_EXITCODE (0, info->si_status) | WCOREFLAG;

    default:
      return W_EXITCODE (0, info->si_status);
    }
}

/* The status of a process that somebody else has reaped, or that nobody reaps because SIGCHLD is
 * ignored.
 */
static gboolean
read_kept_status (int  pidfd,
                  int *wait_status)
{
  for (guint i = 0; i < N_REAPING_TRIES; i++)
    {
      PidfdInfo info = { .mask = PIDFD_INFO_MASK_PID | PIDFD_INFO_MASK_EXIT };

      if (ioctl (pidfd, PIDFD_IOCTL_GET_INFO, &info) != 0)
        return FALSE;

      if ((info.mask & PIDFD_INFO_MASK_EXIT) != 0)
        {
          *wait_status = info.exit_code;
          return TRUE;
        }

      /* A child of ours that waitid() denies is being reaped at this moment; any other process
       * without exit status is alive, or a zombie that belongs to its own parent.
       */
      if ((info.mask & PIDFD_INFO_MASK_PID) != 0 && info.ppid != (guint32) getpid ())
        return FALSE;

      poll (NULL, 0, 1);
    }

  return FALSE;
}

gboolean
aioproc_pidfd_reap (int        pidfd,
                    gboolean   hang,
                    int       *wait_status,
                    GError   **error)
{
  siginfo_t info = { 0 };
  int result;
  int saved_errno;

  do
    result = waitid (AIOPROC_P_PIDFD, (id_t) pidfd, &info, WEXITED | (hang ? 0 : WNOHANG));
  while (result != 0 && errno == EINTR);

  if (result == 0)
    {
      if (info.si_pid == 0)
        return FALSE;

      *wait_status = status_from_siginfo (&info);
      return TRUE;
    }

  saved_errno = errno;

  if (saved_errno != ECHILD)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not wait for a process: %s", g_strerror (saved_errno));
      return FALSE;
    }

  if (read_kept_status (pidfd, wait_status))
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
               "The exit status of a process is lost, because it is no child of this process "
               "or was reaped by another part of it");

  return FALSE;
}
