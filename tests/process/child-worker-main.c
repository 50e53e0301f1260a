/* child-worker-main.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A worker program: what aioproc_init() and the public classes are for others. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "aioproc-error.h"
#include "child-test.h"
#include "child-worker.h"
#include "platform/aioproc-packet-private.h"
#include "process/aioproc-forkserver-private.h"
#include "process/aioproc-supervision-private.h"

static gpointer
thread_cb (gpointer data)
{
  for (;;)
    pause ();

  return NULL;
}

static gpointer
nothing_cb (gpointer data)
{
  return NULL;
}

/* "count", "thread", "joined-thread", "fail", "exit", "crash", "hang" */
static gboolean
preload (const char  *name,
         GError     **error)
{
  if (g_str_equal (name, "count"))
    aioproc_test_preloaded++;

  if (g_str_equal (name, "thread"))
    g_thread_unref (g_thread_new ("preloaded", thread_cb, NULL));

  if (g_str_equal (name, "joined-thread"))
    g_thread_join (g_thread_new ("preloaded", nothing_cb, NULL));

  if (g_str_equal (name, "exit"))
    exit (7);

  if (g_str_equal (name, "crash"))
    raise (SIGSEGV);

  if (g_str_equal (name, "hang"))
    pause ();

  if (g_str_equal (name, "fail"))
    {
      g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_FOUND,
                   "There is no preload function “%s”", name);
      return FALSE;
    }

  return TRUE;
}

/* Says of the first start that it has failed, and never that it serves. */
G_NORETURN static void
answer_early (int socket_fd)
{
  union {
    AioprocSupervisionPacket packet;
    char                     bytes[65536];
  } buffer = { .packet = { 0 } };
  int fds[AIOPROC_PACKET_MAX_FDS];
  unsigned n_fds;
  bool fds_lost;

  while (buffer.packet.kind != AIOPROC_SUPERVISION_START)
    aioproc_packet_receive (socket_fd, &buffer, sizeof buffer, fds, &n_fds, &fds_lost, false);

  buffer.packet.kind = AIOPROC_SUPERVISION_FAILED;
  buffer.packet.status = ENOENT;
  buffer.packet.payload_length = 0;
  aioproc_supervision_send (&buffer.packet, NULL, -1);

  for (;;)
    pause ();
}

int
main (int   argc,
      char *argv[])
{
  g_autofree char *role = g_strdup (g_getenv (AIOPROC_SUPERVISION_ENVIRONMENT));
  int first;
  int second;

  g_unsetenv (AIOPROC_SUPERVISION_ENVIRONMENT);

  if (role != NULL && sscanf (role, "worker:%d:%d", &first, &second) == 2)
    {
      fcntl (first, F_SETFD, FD_CLOEXEC);
      fcntl (second, F_SETFD, FD_CLOEXEC);
      aioproc_test_worker_serve (first, second);
    }

  if (role != NULL && sscanf (role, "forkserver:%d:%d", &first, &second) == 2)
    {
      g_autoptr(GError) error = NULL;

      if (argc > 1 && g_str_equal (argv[1], "refuse"))
        {
          g_set_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "No module “%s”", argv[1]);
          aioproc_forkserver_refuse (first, error);
        }

      if (argc > 1 && g_str_equal (argv[1], "answer-early"))
        answer_early (first);

      aioproc_forkserver_main (first, second, preload, aioproc_test_worker_serve);
    }

  return 3;
}
