/* aioproc-supervisor-spawn.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process/aioproc-supervisor-spawn-private.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/aioproc-spawn-private.h"
#include "process/aioproc-supervision-private.h"

char *
aioproc_build_program_path (const char *name)
{
  const char *folder = secure_getenv ("AIOPROC_LIBEXECDIR");
  Dl_info info;

  if (folder != NULL)
    return g_build_filename (folder, name, NULL);

  /* Where the library was built, its programs are beside it. */
  if (dladdr (aioproc_build_program_path, &info) != 0 && info.dli_fname != NULL)
    {
      g_autofree char *library_folder = g_path_get_dirname (info.dli_fname);
      g_autofree char *path = g_build_filename (library_folder, name, NULL);

      if (access (path, X_OK) == 0)
        return g_steal_pointer (&path);
    }

  return g_build_filename (AIOPROC_PKGLIBEXECDIR, name, NULL);
}

gboolean
aioproc_supervisor_spawn (char            **forkserver_argv,
                          char            **forkserver_environment,
                          AioprocParentFd  *socket_fd,
                          AioprocParentFd  *hangup_fd,
                          AioprocParentFd  *pidfd,
                          pid_t            *pid,
                          GError          **error)
{
  g_auto(AioprocParentFd) peer_socket = AIOPROC_PARENT_FD_INIT;
  g_auto(AioprocParentFd) peer_hangup = AIOPROC_PARENT_FD_INIT;
  g_autofree char *launcher = aioproc_build_program_path ("aioproc-launcher");
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new ();
  g_auto(GStrv) environment = NULL;
  g_auto(GStrv) argv = NULL;
  AioprocSpawnFd fds[2];
  int fd;

  if (!aioproc_parent_fd_set_pair (socket_fd, &peer_socket, SOCK_SEQPACKET, error) ||
      !aioproc_parent_fd_set_pair (hangup_fd, &peer_hangup, SOCK_STREAM, error))
    return FALSE;

  g_strv_builder_add (builder, launcher);

  /* Which becomes the forkserver. */
  if (forkserver_argv != NULL)
    {
      g_autofree char *marker = NULL;

      marker = g_strdup_printf ("forkserver:%d:%d", AIOPROC_SUPERVISION_SOCKET_FD,
                                AIOPROC_SUPERVISION_HANGUP_FD);
      environment = g_environ_setenv (g_strdupv (forkserver_environment),
                                      AIOPROC_SUPERVISION_ENVIRONMENT, marker, TRUE);
      g_strv_builder_addv (builder, (const char **) forkserver_argv);
    }
  else
    {
      environment = g_new0 (char *, 1);
    }

  argv = g_strv_builder_end (builder);

  fds[0] = (AioprocSpawnFd) { peer_socket.fd, AIOPROC_SUPERVISION_SOCKET_FD };
  fds[1] = (AioprocSpawnFd) { peer_hangup.fd, AIOPROC_SUPERVISION_HANGUP_FD };

  if (!aioproc_spawn (launcher, (const char * const *) argv, (const char * const *) environment,
                      fds, G_N_ELEMENTS (fds), pid, &fd, error))
    return FALSE;

  aioproc_parent_fd_set (pidfd, fd);

  return TRUE;
}
