/* aioproc-supervisor-error.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process/aioproc-supervisor-error-private.h"

#include <string.h>
#include <sys/wait.h>

#include "aioproc-error.h"

GError *
aioproc_supervisor_error_from_failure (const char                     *program,
                                       const AioprocSupervisionPacket *packet,
                                       const char                     *text)
{
  int code = g_io_error_from_errno (packet->status);
  const char *reason = g_strerror (packet->status);

  switch ((AioprocSupervisionStage) packet->stage)
    {
    case AIOPROC_SUPERVISION_STAGE_THREADS:
      return g_error_new (AIOPROC_ERROR, AIOPROC_ERROR_FORK_REFUSED,
                          "Forkserver “%s” cannot fork safely: %s", program, text);

    case AIOPROC_SUPERVISION_STAGE_FORK:
      return g_error_new (G_IO_ERROR, code, "Could not fork a worker of “%s”: %s",
                          program, reason);

    case AIOPROC_SUPERVISION_STAGE_DIRECTORY:
      return g_error_new (G_IO_ERROR, code, "A worker could not enter its working directory: %s",
                          reason);

    case AIOPROC_SUPERVISION_STAGE_LIMIT:
      return g_error_new (G_IO_ERROR, code, "A worker could not limit its resources: %s", reason);

    case AIOPROC_SUPERVISION_STAGE_EXECUTE:
      return g_error_new (G_IO_ERROR, code, "Could not execute worker program “%s”: %s",
                          text, reason);

    case AIOPROC_SUPERVISION_STAGE_RECEIVE:
    case AIOPROC_SUPERVISION_STAGE_PREPARE:
    default:
      return g_error_new (G_IO_ERROR, code, "Supervisor “%s” could not start a worker: %s",
                          program, reason);
    }
}

GError *
aioproc_supervisor_error_from_refusal (int         code,
                                       const char *payload,
                                       gsize       length)
{
  const char *message = memchr (payload, '\0', length);
  GQuark domain = 0;

  if (message != NULL && message + 1 < payload + length)
    {
      message++;
      domain = g_quark_try_string (payload);
    }
  else
    {
      message = "The forkserver gave no reason why it cannot serve";
    }

  if (domain == 0)
    return g_error_new_literal (AIOPROC_ERROR, AIOPROC_ERROR_REMOTE, message);

  return g_error_new_literal (domain, code, message);
}

GError *
aioproc_supervisor_error_from_end (const char *program,
                                   int         pid,
                                   gboolean    is_unready_server,
                                   const int  *wait_status)
{
  g_autofree char *how = NULL;

  if (wait_status == NULL)
    how = g_strdup ("ended");
  else if (WIFSIGNALED (*wait_status))
    how = g_strdup_printf ("was killed by signal %d (%s)", WTERMSIG (*wait_status),
                           g_strsignal (WTERMSIG (*wait_status)));
  else
    how = g_strdup_printf ("ended with exit status %d", WEXITSTATUS (*wait_status));

  if (is_unready_server && (wait_status == NULL || WIFEXITED (*wait_status)))
    return g_error_new (AIOPROC_ERROR, AIOPROC_ERROR_NOT_INITIALIZED,
                        "Worker program “%s” %s before it served as a forkserver: does its "
                        "main() begin with aioproc_init()?", program, how);

  return g_error_new (AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED,
                      "Supervisor “%s” (process %d) %s before it had started the worker",
                      program, pid, how);
}
