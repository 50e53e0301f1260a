/* aioproc-spawn.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "platform/aioproc-spawn-private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gio/gio.h>

#include "platform/aioproc-fds-private.h"
#include "platform/aioproc-pidfd-private.h"

static gboolean
set_spawn_error (GError     **error,
                 const char  *path,
                 int          saved_errno)
{
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
               "Could not start “%s”: %s", path, g_strerror (saved_errno));

  return FALSE;
}

static gboolean
has_target (const AioprocSpawnFd *fds,
            guint                 n_fds,
            int                   target)
{
  for (guint i = 0; i < n_fds; i++)
    {
      if (fds[i].target == target)
        return TRUE;
    }

  return FALSE;
}

/* Copies the sources that another dup2() in the child could overwrite to above @max_target.
 * @sources gets what to use instead, @copies what to close later, or -1. Returns 0 or an errno.
 */
static int
copy_sources (const AioprocSpawnFd *fds,
              guint                 n_fds,
              int                   max_target,
              int                  *sources,
              int                  *copies)
{
  for (guint i = 0; i < n_fds; i++)
    {
      sources[i] = fds[i].source;
      copies[i] = -1;
    }

  for (guint i = 0; i < n_fds; i++)
    {
      if (fds[i].source == fds[i].target || !has_target (fds, n_fds, fds[i].source))
        continue;

      copies[i] = fcntl (fds[i].source, F_DUPFD_CLOEXEC, max_target + 1);

      /* EINVAL: not even the first of these numbers is below the limit. */
      if (copies[i] < 0)
        return errno == EINVAL ? EMFILE : errno;

      sources[i] = copies[i];
    }

  return 0;
}

/* Returns 0 or an errno. */
static int
add_file_actions (posix_spawn_file_actions_t *actions,
                  const AioprocSpawnFd       *fds,
                  guint                       n_fds,
                  int                         max_target,
                  const int                  *sources)
{
  int result = 0;

  for (guint i = 0; i < n_fds && result == 0; i++)
    result = posix_spawn_file_actions_adddup2 (actions, sources[i], fds[i].target);

  for (int fd = 0; fd <= max_target && result == 0; fd++)
    {
      if (has_target (fds, n_fds, fd))
        continue;

      if (fd > STDERR_FILENO)
        result = posix_spawn_file_actions_addclose (actions, fd);
      else if (fcntl (fd, F_GETFD) != 0)
        /* Closed, or another library's descriptor which has been given the number of a closed
         * stream, and is not meant for children: nothing may be taken for a stream by accident.
         */
        result = posix_spawn_file_actions_addopen (actions, fd, "/dev/null", O_RDWR, 0);
    }

  if (result == 0)
    result = posix_spawn_file_actions_addclosefrom_np (actions, max_target + 1);

  return result;
}

/* Returns 0 or an errno. */
static int
set_signals (posix_spawnattr_t *attributes)
{
  sigset_t all;
  sigset_t none;
  int result;

  /* Not sigfillset(): that leaves the C library's own signals out, which posix_spawn() would then
   * have the child ignore.
   */
  memset (&all, 0xff, sizeof all);
  sigemptyset (&none);

  result = posix_spawnattr_setsigdefault (attributes, &all);

  if (result == 0)
    result = posix_spawnattr_setsigmask (attributes, &none);

  if (result == 0)
    result = posix_spawnattr_setflags (attributes,
                                       POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);

  return result;
}

/* Returns 0 or an errno. */
static int
spawn (const char           *path,
       const char * const   *argv,
       const char * const   *envp,
       const AioprocSpawnFd *fds,
       guint                 n_fds,
       int                   max_target,
       const int            *sources,
       pid_t                *pid)
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int result;

  result = posix_spawn_file_actions_init (&actions);

  if (result != 0)
    return result;

  result = posix_spawnattr_init (&attributes);

  if (result == 0)
    {
      result = add_file_actions (&actions, fds, n_fds, max_target, sources);

      if (result == 0)
        result = set_signals (&attributes);

      if (result == 0)
        result = posix_spawn (pid, path, &actions, &attributes, (char * const *) argv,
                              (char * const *) envp);

      posix_spawnattr_destroy (&attributes);
    }

  posix_spawn_file_actions_destroy (&actions);

  return result;
}

static void
discard_child (pid_t pid)
{
  kill (pid, SIGKILL);

  while (waitpid (pid, NULL, 0) < 0 && errno == EINTR)
    continue;
}

gboolean
aioproc_spawn (const char            *path,
               const char * const    *argv,
               const char * const    *envp,
               const AioprocSpawnFd  *fds,
               guint                  n_fds,
               pid_t                 *pid,
               int                   *pidfd,
               GError               **error)
{
  g_autofree int *sources = g_new (int, n_fds);
  g_autofree int *copies = g_new (int, n_fds);
  g_autoptr(GError) local_error = NULL;
  int max_target = STDERR_FILENO;
  int placeholder;
  int result;

  *pid = -1;
  *pidfd = -1;

  for (guint i = 0; i < n_fds; i++)
    {
      g_assert (fds[i].target >= 0);
      g_assert (!has_target (fds, i, fds[i].target));

      max_target = MAX (max_target, fds[i].target);
    }

  /* Keeps a place free for the child's pidfd: a child that cannot be watched must not start. */
  placeholder = aioproc_pidfd_open (getpid (), &local_error);

  if (placeholder < 0)
    {
      g_propagate_prefixed_error (error, g_steal_pointer (&local_error),
                                  "Could not start “%s”: ", path);
      return FALSE;
    }

  result = copy_sources (fds, n_fds, max_target, sources, copies);

  if (result == 0)
    result = spawn (path, argv, envp, fds, n_fds, max_target, sources, pid);

  aioproc_fds_close_all (copies, n_fds);
  close (placeholder);

  if (result != 0)
    {
      *pid = -1;
      return set_spawn_error (error, path, result);
    }

  *pidfd = aioproc_pidfd_open (*pid, &local_error);

  if (*pidfd < 0)
    {
      /* Ended and reaped already by someone else: its number may be another process's by now. */
      if (!g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
        discard_child (*pid);

      *pid = -1;
      g_propagate_prefixed_error (error, g_steal_pointer (&local_error),
                                  "Could not watch “%s”: ", path);
      return FALSE;
    }

  return TRUE;
}

int
aioproc_process_count_threads (void)
{
  struct stat stat_buffer;

  /* One link for each thread beside the two of every folder: needs no descriptor, as opening it
   * would.
   */
  if (stat ("/proc/self/task", &stat_buffer) != 0 || stat_buffer.st_nlink <= 2)
    return -1;

  return (int) stat_buffer.st_nlink - 2;
}
