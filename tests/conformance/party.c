/* party.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "party.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <glib-unix.h>

#include "aioproc-test.h"
#include "core/core-test.h"
#include "performer.h"
#include "platform/aioproc-fds-private.h"
#include "platform/platform-test.h"

typedef struct {
  guint32 operation;
  guint32 pad;
  gint64  timeout_usec;
} Command;

/* The flow of another process. A number there has nothing to do with the same number here. */
#define PROCESS_OWNER 1

typedef enum {
  REPLY_BEGUN,
  REPLY_ENDED,
} ReplyKind;

typedef struct {
  guint32 kind;
  guint32 outcome;
} Reply;

struct _Party {
  PartyKind     kind;
  gpointer      object;        /* (owned) (nullable) of this process */
  guint64       owner;         /* of a recursive lock */
  GCancellable *cancellable;   /* (owned) of the operation that is pending, or comes next */

  /* Of the main thread. */
  gboolean      pending;
  gboolean      ended;
  Outcome       outcome;

  /* A thread. */
  GThread      *thread;
  GAsyncQueue  *commands;      /* (owned) (element-type Command) */
  _Atomic guint32 tid;
  _Atomic guint32 state;       /* THREAD_IDLE… */
  _Atomic guint32 thread_outcome;

  /* A process. */
  GSubprocess  *process;       /* (owned) */
  int           socket_fd;     /* (owned) */
};

enum {
  THREAD_IDLE,
  THREAD_INSIDE,
  THREAD_ENDED,
};

static void
party_ended (Outcome  outcome,
             gpointer data)
{
  Party *self = data;

  self->outcome = outcome;
  self->ended = TRUE;
}

/* --- Threads --- */

static gpointer
party_thread_run (gpointer data)
{
  Party *self = data;

  core_test_store (&self->tid, gettid ());

  for (;;)
    {
      g_autofree Command *command = g_async_queue_pop (self->commands);

      if (command->operation == OPERATION_END)
        return NULL;

      atomic_store (&self->state, THREAD_INSIDE);
      atomic_store (&self->thread_outcome,
                    performer_block (self->object, self->owner, command->operation,
                                     command->timeout_usec, self->cancellable));
      core_test_store (&self->state, THREAD_ENDED);
      g_main_context_wakeup (NULL);
    }
}

static void
party_thread_send (Party     *self,
                   Operation  operation,
                   gint64     timeout_usec)
{
  Command *command = g_new0 (Command, 1);

  command->operation = operation;
  command->timeout_usec = timeout_usec;
  g_async_queue_push (self->commands, command);
}

static void
party_thread_begin (Party     *self,
                    Operation  operation,
                    gint64     timeout_usec)
{
  pid_t tid = core_test_wait_for_any (&self->tid);

  atomic_store (&self->state, THREAD_IDLE);
  party_thread_send (self, operation, timeout_usec);

  /* Inside, and asleep, or through. */
  while (atomic_load (&self->state) != THREAD_ENDED &&
         (atomic_load (&self->state) == THREAD_IDLE ||
          platform_test_get_state (getpid (), tid) != 'S'))
    g_thread_yield ();
}

/* --- Processes --- */

static void
party_process_send (Party     *self,
                    Operation  operation,
                    gint64     timeout_usec)
{
  const Command command = { .operation = operation, .timeout_usec = timeout_usec };
  g_autoptr(GError) error = NULL;
  gsize n_done;

  aioproc_fds_send (self->socket_fd, &command, sizeof command, NULL, 0, FALSE, &n_done, &error);
  g_assert_no_error (error);
}

static void
party_process_receive (Party *self)
{
  g_autoptr(GError) error = NULL;
  Reply reply;
  guint n_fds;
  gsize n_done;
  AioprocIOStatus status;

  status = aioproc_fds_receive (self->socket_fd, &reply, sizeof reply, NULL, 0, &n_fds, FALSE,
                                &n_done, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, AIOPROC_IO_OK);
  g_assert_cmpuint (n_done, ==, sizeof reply);

  if (reply.kind == REPLY_ENDED)
    party_ended (reply.outcome, self);
}

static void
party_process_start (Party         *self,
                     const Backend *backend)
{
  g_autofree char *program = aioproc_test_build_helper_path ("aioproc-test-conformance-peer");
  g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  const char *argv[] = {
    program, backend->name, self->kind == PARTY_BLOCKED ? "blocking" : "async", NULL
  };
  g_autoptr(GError) error = NULL;
  int fds[2];

  aioproc_fds_socketpair (SOCK_SEQPACKET, fds, &error);
  g_assert_no_error (error);
  g_subprocess_launcher_take_fd (launcher, fds[1], 3);
  self->process = g_subprocess_launcher_spawnv (launcher, argv, &error);
  g_assert_no_error (error);
  self->socket_fd = fds[0];
  backend->send (self->object, self->socket_fd);
  /* It has the object. */
  party_process_receive (self);
  g_clear_object (&self->object);
}

typedef struct {
  gpointer      object;
  GCancellable *cancellable;
  int           socket_fd;
  gboolean      blocking;
} Server;

static void
server_reply (Server    *server,
              ReplyKind  kind,
              Outcome    outcome)
{
  const Reply reply = { kind, outcome };
  g_autoptr(GError) error = NULL;
  gsize n_done;

  aioproc_fds_send (server->socket_fd, &reply, sizeof reply, NULL, 0, FALSE, &n_done, &error);
  g_assert_no_error (error);
}

static void
server_ended (Outcome  outcome,
              gpointer data)
{
  server_reply (data, REPLY_ENDED, outcome);
}

static gboolean
server_command_cb (int          fd,
                   GIOCondition condition,
                   gpointer     user_data)
{
  Server *server = user_data;
  g_autoptr(GError) error = NULL;
  Command command;
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

  if (server->blocking)
    {
      server_reply (server, REPLY_BEGUN, OUTCOME_FALSE);
      server_ended (performer_block (server->object, 0, command.operation, command.timeout_usec,
                                     NULL), server);
      return G_SOURCE_CONTINUE;
    }

  /* An asynchronous one has begun when it was started, and ends later. */
  if (!performer_is_async (command.operation))
    server_reply (server, REPLY_BEGUN, OUTCOME_FALSE);

  performer_start (server->object, PROCESS_OWNER, command.operation, command.timeout_usec,
                   server->cancellable, server_ended, server);

  if (performer_is_async (command.operation))
    server_reply (server, REPLY_BEGUN, OUTCOME_FALSE);

  return G_SOURCE_CONTINUE;
}

void
party_serve (const Backend *backend,
             int            socket_fd,
             gboolean       blocking)
{
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  Server server = { .socket_fd = socket_fd, .blocking = blocking };

  server.object = backend->receive (socket_fd);
  server.cancellable = g_cancellable_new ();
  server_reply (&server, REPLY_BEGUN, OUTCOME_FALSE);
  g_unix_fd_add (socket_fd, G_IO_IN, server_command_cb, &server);
  g_main_loop_run (loop);
}

/* --- All --- */

Party *
party_new (PartyKind      kind,
           const Backend *backend,
           gpointer       object)
{
  static guint64 n_flows;
  Party *self = g_new0 (Party, 1);

  self->kind = kind;
  /* A thread is one by itself; flows of one thread have to say who they are. */
  self->owner = kind == PARTY_FLOW ? ++n_flows : 0;
  self->object = g_object_ref (object);
  self->cancellable = g_cancellable_new ();
  self->socket_fd = -1;

  if (kind == PARTY_THREAD)
    {
      self->commands = g_async_queue_new ();
      self->thread = g_thread_new ("party", party_thread_run, self);
    }
  else if (kind == PARTY_PROCESS || kind == PARTY_BLOCKED)
    {
      party_process_start (self, backend);
    }

  return self;
}

void
party_free (Party *self)
{
  g_assert_false (self->pending);

  if (self->thread != NULL)
    {
      party_thread_send (self, OPERATION_END, 0);
      g_thread_join (self->thread);
      g_async_queue_unref (self->commands);
    }

  if (self->process != NULL)
    {
      party_process_send (self, OPERATION_END, 0);
      g_assert_true (aioproc_test_wait_subprocess (self->process));
      g_object_unref (self->process);
      close (self->socket_fd);
    }

  g_clear_object (&self->object);
  g_object_unref (self->cancellable);
  g_free (self);
}

gboolean
party_is_here (Party *self)
{
  return self->kind == PARTY_FLOW || self->kind == PARTY_THREAD;
}

gboolean
party_can_cancel (Party *self)
{
  return self->kind != PARTY_BLOCKED;
}

void
party_begin (Party     *self,
             Operation  operation,
             gint64     timeout_usec)
{
  g_assert_false (self->pending);
  self->pending = TRUE;
  self->ended = FALSE;

  switch (self->kind)
    {
    case PARTY_FLOW:
      performer_start (self->object, self->owner, operation, timeout_usec, self->cancellable,
                       party_ended, self);
      break;

    case PARTY_THREAD:
      party_thread_begin (self, operation, timeout_usec);
      break;

    case PARTY_PROCESS:
    case PARTY_BLOCKED:
      party_process_send (self, operation, timeout_usec);
      party_process_receive (self);

      /* It said so just before it began. */
      if (self->kind == PARTY_BLOCKED)
        {
          pid_t pid = atoi (g_subprocess_get_identifier (self->process));

          while (!aioproc_fds_poll (self->socket_fd, G_IO_IN, 0) &&
                 platform_test_get_state (pid, pid) != 'S')
            g_thread_yield ();
        }
      break;

    default:
      g_assert_not_reached ();
    }
}

gboolean
party_is_pending (Party *self)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;

  if (!self->pending || self->ended)
    return FALSE;

  switch (self->kind)
    {
    case PARTY_THREAD:
      return atomic_load (&self->state) != THREAD_ENDED;

    case PARTY_PROCESS:
    case PARTY_BLOCKED:
      return !aioproc_fds_poll (self->socket_fd, G_IO_IN, 0);

    case PARTY_FLOW:
    default:
      return TRUE;
    }
}

Outcome
party_end (Party *self)
{
  g_assert_true (self->pending);

  switch (self->kind)
    {
    case PARTY_FLOW:
      aioproc_test_wait_until (self->ended);
      break;

    case PARTY_THREAD:
      aioproc_test_wait_until (atomic_load (&self->state) == THREAD_ENDED);
      party_ended (atomic_load (&self->thread_outcome), self);
      break;

    case PARTY_PROCESS:
    case PARTY_BLOCKED:
      party_process_receive (self);
      g_assert_true (self->ended);
      break;

    default:
      g_assert_not_reached ();
    }

  self->pending = FALSE;

  return self->outcome;
}

Outcome
party_do (Party     *self,
          Operation  operation,
          gint64     timeout_usec)
{
  party_begin (self, operation, timeout_usec);

  return party_end (self);
}

void
party_cancel (Party *self)
{
  g_assert_true (party_can_cancel (self));

  if (self->kind == PARTY_PROCESS)
    party_process_send (self, OPERATION_CANCEL, 0);
  else
    g_cancellable_cancel (self->cancellable);
}

void
party_kill (Party *self)
{
  g_assert_nonnull (self->process);
  g_subprocess_force_exit (self->process);
  g_assert_false (aioproc_test_wait_subprocess (self->process));
  g_clear_object (&self->process);
  close (self->socket_fd);
  self->pending = FALSE;
}
