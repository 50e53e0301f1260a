/* aioproc-forkserver.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process/aioproc-forkserver-private.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gio/gio.h>

#include "core/aioproc-mutex-private.h"
#include "platform/aioproc-self-private.h"
#include "platform/aioproc-spawn-private.h"
#include "process/aioproc-supervision-private.h"

/* A thread that was joined is still counted for a moment. So often a millisecond is waited. */
#define N_THREAD_TRIES 50

/* Fits into what the application reads of a refusal. */
#define MAX_MESSAGE 3000

/* The runtime of ThreadSanitizer has a thread of its own. */
#ifdef AIOPROC_TSAN
# define N_THREADS 2
#else
# define N_THREADS 1
#endif

static AioprocForkserverWorker worker_func;

static gboolean
has_more_threads (void)
{
  for (guint i = 0; i < N_THREAD_TRIES; i++)
    {
      /* Where that cannot be counted, the preloads are believed. */
      if (aioproc_process_count_threads () <= N_THREADS)
        return FALSE;

      poll (NULL, 0, 1);
    }

  return TRUE;
}

static pid_t
fork_worker (const AioprocSupervisionRequest *request,
             int                             *pidfd,
             AioprocSupervisionFailure       *failure)
{
  pid_t forkserver = getpid ();
  pid_t pid;

  failure->stage = AIOPROC_SUPERVISION_STAGE_THREADS;

  if (has_more_threads ())
    {
      failure->error = EBUSY;
      failure->text = "it has more than one thread, perhaps started by a preload function or by "
                      "what ran before aioproc_init()";
      return -1;
    }

  failure->stage = AIOPROC_SUPERVISION_STAGE_FORK;
  pid = aioproc_self_fork (pidfd);

  if (pid < 0)
    failure->error = errno;

  if (pid != 0)
    return pid;

  /* Fails only where nobody is left to be told. */
  if (!aioproc_supervision_become_worker (request->packet, forkserver, request->hangup_fd, -1,
                                          failure))
    _exit (127);

  /* Nothing else is the forkserver's: it was started with these only. What the preloads have
   * opened is part of what they prepared.
   */
  close (AIOPROC_SUPERVISION_SOCKET_FD);
  close (AIOPROC_SUPERVISION_HANGUP_FD);

  worker_func (request->control_fd, request->hangup_fd);
  _exit (127);
}

G_NORETURN static void
refuse (const GError *error)
{
  g_autoptr(GString) strings = g_string_new (g_quark_to_string (error->domain));
  AioprocSupervisionPacket packet = {
    .kind = AIOPROC_SUPERVISION_REFUSED,
    .status = error->code,
    .n_arguments = 2,
  };

  g_string_append_c (strings, '\0');
  g_string_append_len (strings, error->message, MIN (strlen (error->message), MAX_MESSAGE));
  g_string_append_c (strings, '\0');
  packet.payload_length = strings->len;

  aioproc_supervision_send (&packet, strings->str, -1);
  _exit (EXIT_FAILURE);
}

static void
set_up (AioprocForkserverPreload preload)
{
  AioprocSupervisionRequest request;
  const char *name;

  aioproc_supervision_receive (&request, false);

  if (request.packet->kind != AIOPROC_SUPERVISION_SETUP || request.error != 0)
    {
      g_autoptr(GError) error = NULL;

      g_set_error (&error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "The forkserver was not set up: %s",
                   g_strerror (request.error != 0 ? request.error : EBADMSG));
      refuse (error);
    }

  if (request.directory_fd >= 0 && fchdir (request.directory_fd) != 0)
    {
      g_autoptr(GError) error = NULL;
      int saved_errno = errno;

      g_set_error (&error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "The forkserver could not enter its working directory: %s",
                   g_strerror (saved_errno));
      refuse (error);
    }

  name = request.payload;

  for (guint i = 0; i < request.packet->n_arguments; i++)
    {
      g_autoptr(GError) error = NULL;

      if (!preload (name, &error))
        refuse (error);

      name += strlen (name) + 1;
    }

  aioproc_supervision_request_clear (&request);
}

void
aioproc_forkserver_main (int                      socket_fd,
                         int                      hangup_fd,
                         AioprocForkserverPreload preload,
                         AioprocForkserverWorker  worker)
{
  if (socket_fd != AIOPROC_SUPERVISION_SOCKET_FD || hangup_fd != AIOPROC_SUPERVISION_HANGUP_FD)
    g_error ("A forkserver has to be started with descriptors %d and %d",
             AIOPROC_SUPERVISION_SOCKET_FD, AIOPROC_SUPERVISION_HANGUP_FD);

  worker_func = worker;

  if (!aioproc_supervision_begin ())
    _exit (EXIT_FAILURE);

  set_up (preload);

  /* Else each worker would write what the preloads have left in the buffers. */
  fflush (NULL);

  aioproc_supervision_serve (fork_worker);
}

void
aioproc_forkserver_refuse (int           socket_fd,
                           const GError *error)
{
  refuse (error);
}
