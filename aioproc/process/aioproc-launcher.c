/* aioproc-launcher.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* The supervisor of workers whose program is executed (SPAWN). It stays small, with libc only: its
 * start and its forks are part of what the first and every worker cost.
 *
 * With arguments, it becomes the forkserver that they name. Until that has come as far as to bind
 * itself to the application, if it ever does, it is bound by what was done here.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/aioproc-self-private.h"
#include "process/aioproc-supervision-private.h"

typedef struct {
  const AioprocSupervisionRequest *request;
  pid_t                            launcher;
  char                           **argv;
  char                           **envp;
  bool                             failed;
  AioprocSupervisionFailure        failure;
} Execution;

/* In the child, on the launcher's memory. */
static void
execute (void *data)
{
  Execution *execution = data;
  const AioprocSupervisionRequest *request = execution->request;

  /* Both are above: the launcher's own descriptors have these numbers. */
  if (!aioproc_supervision_become_worker (request->packet, execution->launcher,
                                          request->hangup_fd, request->directory_fd,
                                          &execution->failure))
    {
      execution->failed = true;
      return;
    }

  execution->failure.stage = AIOPROC_SUPERVISION_STAGE_EXECUTE;

  /* A copy by dup2() stays open in the program. */
  if (dup2 (request->control_fd, AIOPROC_SUPERVISION_CONTROL_FD) >= 0 &&
      dup2 (request->hangup_fd, AIOPROC_SUPERVISION_WORKER_HANGUP_FD) >= 0)
    {
      aioproc_self_close_fds_from (AIOPROC_SUPERVISION_WORKER_HANGUP_FD + 1);
      execve (execution->argv[0], execution->argv, execution->envp);
    }

  execution->failure.error = errno;
  execution->failed = true;
}

static const char *
take_strings (char       **strings,
              uint32_t     n_strings,
              const char  *payload)
{
  for (uint32_t i = 0; i < n_strings; i++)
    {
      strings[i] = (char *) payload;
      payload += strlen (payload) + 1;
    }

  strings[n_strings] = NULL;

  return payload;
}

static pid_t
start_program (const AioprocSupervisionRequest *request,
               int                             *pidfd,
               AioprocSupervisionFailure       *failure)
{
  const AioprocSupervisionPacket *packet = request->packet;
  Execution execution = { .request = request, .launcher = getpid () };
  char **strings;
  pid_t pid;

  if (packet->n_arguments == 0)
    {
      failure->error = EINVAL;
      return -1;
    }

  /* Not more than there are bytes in the payload. */
  strings = malloc (((size_t) packet->n_arguments + packet->n_environment + 2) * sizeof *strings);

  if (strings == NULL)
    {
      failure->error = ENOMEM;
      return -1;
    }

  execution.argv = strings;
  execution.envp = strings + packet->n_arguments + 1;
  take_strings (execution.envp, packet->n_environment,
                take_strings (execution.argv, packet->n_arguments, request->payload));

  pid = aioproc_self_vfork (execute, &execution, pidfd);

  if (pid < 0)
    {
      failure->stage = AIOPROC_SUPERVISION_STAGE_FORK;
      failure->error = errno;
    }
  else if (execution.failed)
    {
      /* It waits to be reaped, and is in no table. */
      *failure = execution.failure;
      failure->text = execution.argv[0];
      close (*pidfd);
      *pidfd = -1;
      pid = -1;
    }

  free (strings);

  return pid;
}

__attribute__ ((noreturn))
static void
become_forkserver (char *argv[])
{
  AioprocSupervisionPacket packet = {
    .kind = AIOPROC_SUPERVISION_FAILED,
    .stage = AIOPROC_SUPERVISION_STAGE_EXECUTE,
    .payload_length = strlen (argv[0]),
  };

  /* Fails for the leader of a session, whose group is its own already. */
  setpgid (0, 0);

  if (!aioproc_self_kill_on_hangup (AIOPROC_SUPERVISION_HANGUP_FD))
    _exit (EXIT_FAILURE);

  execve (argv[0], argv, environ);
  packet.status = errno;
  aioproc_supervision_send (&packet, argv[0], -1);
  _exit (EXIT_FAILURE);
}

int
main (int   argc,
      char *argv[])
{
  int type;
  socklen_t length = sizeof type;

  if (getsockopt (AIOPROC_SUPERVISION_SOCKET_FD, SOL_SOCKET, SO_TYPE, &type, &length) != 0 ||
      type != SOCK_SEQPACKET)
    {
      fputs ("aioproc-launcher is started by programs that use Aioproc, not by hand.\n", stderr);
      return EXIT_FAILURE;
    }

  if (argc > 1)
    become_forkserver (argv + 1);

  if (!aioproc_supervision_begin ())
    return EXIT_FAILURE;

  aioproc_supervision_serve (start_program);
}
