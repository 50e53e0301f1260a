/* aioproc-child-fork.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process/aioproc-child-fork-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "aioproc-error.h"
#include "core/aioproc-mutex-private.h"
#include "core/aioproc-waiter-private.h"
#include "platform/aioproc-self-private.h"
#include "platform/aioproc-spawn-private.h"
#include "process/aioproc-monitor-private.h"
#include "process/aioproc-supervision-private.h"

/* A thread that was joined is still counted for a moment. So often a millisecond is waited. */
#define N_THREAD_TRIES 20

/* The caller's; the runtime of ThreadSanitizer has another one. */
#ifdef AIOPROC_TSAN
# define N_THREADS 2
#else
# define N_THREADS 1
#endif

static gboolean
check_threads (GError **error)
{
  for (guint i = 0; i < N_THREAD_TRIES; i++)
    {
      int n_threads = aioproc_process_count_threads ();

      if (n_threads >= 0 && n_threads <= N_THREADS + (int) aioproc_waiter_count_threads ())
        return TRUE;

      poll (NULL, 0, 1);
    }

  g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_FORK_REFUSED,
               "This process cannot be forked safely, because it has threads that Aioproc did not "
               "start: %d in all, %u of Aioproc. Use another start method",
               aioproc_process_count_threads (), aioproc_waiter_count_threads ());

  return FALSE;
}

/* Here, where it can still be an error of the start. -1 with success: the worker stays where the
 * program is.
 */
static gboolean
open_directory (const AioprocChildSpec  *spec,
                int                     *fd,
                GError                 **error)
{
  int saved_errno;

  *fd = -1;

  if (spec->working_directory == NULL)
    return TRUE;

  *fd = aioproc_self_lift_fd (open (spec->working_directory,
                                    O_PATH | O_DIRECTORY | O_CLOEXEC));

  if (*fd >= 0)
    return TRUE;

  saved_errno = errno;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
               "Could not open working directory “%s”: %s", spec->working_directory,
               g_strerror (saved_errno));

  return FALSE;
}

static gboolean
become_worker (const AioprocChildSpec *spec,
               int                     hangup_fd,
               int                     directory_fd)
{
  AioprocSupervisionPacket packet = {
    .memory_limit = spec->memory_limit,
    .cpu_time_limit = spec->cpu_time_limit,
    .file_limit = spec->file_limit,
    .flags = spec->stdout_to_stderr ? AIOPROC_SUPERVISION_STDOUT_TO_STDERR : 0,
  };
  AioprocSupervisionFailure failure;
  int null_fd = open ("/dev/null", O_RDWR | O_CLOEXEC);

  if (null_fd >= 0)
    {
      dup2 (null_fd, STDIN_FILENO);

      if (null_fd != STDIN_FILENO)
        close (null_fd);
    }

  /* Not bound to the life of the parent's thread, which may end before the program. */
  if (!aioproc_supervision_become_worker (&packet, 0, hangup_fd, directory_fd, &failure))
    return FALSE;

  if (directory_fd >= 0)
    close (directory_fd);

  /* It is this process's copy, and lives as long. */
  if (spec->environment != NULL)
    environ = spec->environment;

  return TRUE;
}

gboolean
aioproc_child_fork (const AioprocChildSpec  *spec,
                    int                      control_fd,
                    int                      hangup_fd,
                    void                   (*clean) (gpointer data),
                    gpointer                 data,
                    void                   (*worker) (int control_fd,
                                                      int hangup_fd),
                    pid_t                   *pid,
                    int                     *pidfd,
                    GError                 **error)
{
  int saved_errno;
  int directory_fd;

  if (!check_threads (error) || !open_directory (spec, &directory_fd, error))
    return FALSE;

  /* Else the worker would write what this process has left in the buffers. */
  fflush (stdout);
  fflush (stderr);

  /* No lock may be held by a thread that does not exist in the new process. */
  aioproc_monitor_pause ();
  *pid = aioproc_self_fork (pidfd);
  saved_errno = errno;

  if (*pid == 0)
    {
      /* Fails only where nobody is left to be told. */
      if (become_worker (spec, hangup_fd, directory_fd))
        {
          clean (data);
          worker (control_fd, hangup_fd);
        }

      _exit (127);
    }

  aioproc_monitor_resume ();

  if (directory_fd >= 0)
    close (directory_fd);

  if (*pid > 0)
    return TRUE;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
               "Could not fork this process: %s", g_strerror (saved_errno));

  return FALSE;
}
