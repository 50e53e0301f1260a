/* party-server.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>

#include "aioproc-test.h"
#include "party-wire.h"
#include "performer.h"
#include "platform/aioproc-fds-private.h"

/* The flow of another process. A number there has nothing to do with the same number here. */
#define PROCESS_OWNER 1

typedef struct {
  gpointer      object;
  GCancellable *cancellable;
  int           socket_fd;
  gboolean      blocking;
} Server;

static void
server_reply (Server    *server,
              ReplyKind  kind,
              Outcome    outcome,
              guint64    value)
{
  const Reply reply = { kind, outcome, value };
  g_autoptr(GError) error = NULL;
  gsize n_done;

  aioproc_fds_send (server->socket_fd, &reply, sizeof reply, NULL, 0, FALSE, &n_done, &error);
  g_assert_no_error (error);
}

static void
server_ended (Outcome  outcome,
              guint64  value,
              gpointer data)
{
  server_reply (data, REPLY_ENDED, outcome, value);
}

static gboolean
server_command_cb (int          fd,
                   GIOCondition condition,
                   gpointer     user_data)
{
  Server *server = user_data;
  g_autoptr(GError) error = NULL;
  Command command;
  Act act;
  guint n_fds;
  gsize n_done;

  /* The end of the test is the end of this process. */
  if (aioproc_fds_receive (server->socket_fd, &command, sizeof command, NULL, 0, &n_fds, FALSE,
                           &n_done, &error) != AIOPROC_IO_OK ||
      command.operation == OPERATION_END)
    _exit (0);

  if (command.operation == OPERATION_CANCEL)
    {
      g_cancellable_cancel (server->cancellable);
      return G_SOURCE_CONTINUE;
    }

  act = (Act) { .operation = command.operation, .value = command.value,
                .timeout_usec = command.timeout_usec };

  if (server->blocking)
    {
      Outcome outcome;

      server_reply (server, REPLY_BEGUN, OUTCOME_FALSE, 0);
      outcome = performer_block (server->object, &act);
      server_ended (outcome, act.value, server);
      return G_SOURCE_CONTINUE;
    }

  /* An asynchronous one has begun when it was started, and ends later. */
  if (!performer_is_async (act.operation))
    server_reply (server, REPLY_BEGUN, OUTCOME_FALSE, 0);

  act.owner = PROCESS_OWNER;
  act.cancellable = server->cancellable;
  performer_start (server->object, &act, server_ended, server);

  if (performer_is_async (act.operation))
    server_reply (server, REPLY_BEGUN, OUTCOME_FALSE, 0);

  return G_SOURCE_CONTINUE;
}

void
party_serve (const Backend *backend,
             int            socket_fd,
             int            object_fd,
             gboolean       blocking)
{
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  Server server = { .socket_fd = socket_fd, .blocking = blocking };

  server.object = backend->receive (object_fd);
  server.cancellable = g_cancellable_new ();
  server_reply (&server, REPLY_BEGUN, OUTCOME_FALSE, getpid ());
  g_unix_fd_add (socket_fd, G_IO_IN, server_command_cb, &server);
  g_main_loop_run (loop);
}

int
party_relay (const Backend *backend,
             int            socket_fd,
             const char    *program)
{
  g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  const char *argv[] = { program, backend->name, "heir", NULL };
  g_autoptr(GObject) object = backend->receive (socket_fd);
  g_autoptr(GSubprocess) process = NULL;
  g_autoptr(GError) error = NULL;
  int fds[2];

  aioproc_fds_socketpair (SOCK_SEQPACKET, fds, &error);
  g_assert_no_error (error);
  /* Closed here, so that the other end hangs up when the grandchild is gone. */
  g_subprocess_launcher_take_fd (launcher, socket_fd, PARTY_SOCKET_FD);
  g_subprocess_launcher_take_fd (launcher, fds[1], PARTY_OBJECT_FD);
  process = g_subprocess_launcher_spawnv (launcher, argv, &error);
  g_assert_no_error (error);
  g_clear_object (&launcher);
  backend->send (object, fds[0]);

  return aioproc_test_wait_subprocess (process) ? 0 : 1;
}
