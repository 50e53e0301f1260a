/* party.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "party.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "core/core-test.h"
#include "party-wire.h"
#include "performer.h"
#include "platform/aioproc-fds-private.h"
#include "platform/platform-test.h"

struct _Party {
  PartyKind     kind;
  gpointer      object;        /* (owned) (nullable) of this process */
  guint64       owner;         /* of a recursive lock */
  GCancellable *cancellable;   /* (owned) of the operation that is pending, or comes next */

  /* Of the main thread. */
  gboolean      pending;
  gboolean      ended;
  Outcome       outcome;
  guint64       value;

  /* A thread. */
  GThread      *thread;
  GAsyncQueue  *commands;      /* (owned) (element-type Command) */
  _Atomic guint32 tid;
  _Atomic guint32 state;       /* THREAD_IDLE… */
  _Atomic guint32 thread_outcome;
  _Atomic guint64 thread_value;

  /* A process. */
  GSubprocess  *process;       /* (owned) ends when the party has ended */
  pid_t         pid;           /* of the party */
  int           socket_fd;     /* (owned) */
};

enum {
  THREAD_IDLE,
  THREAD_INSIDE,
  THREAD_ENDED,
};

static void
party_ended (Outcome  outcome,
             guint64  value,
             gpointer data)
{
  Party *self = data;

  self->outcome = outcome;
  self->value = value;
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
      Act act = { command->operation, self->owner, command->value, command->timeout_usec,
                  self->cancellable };

      if (command->operation == OPERATION_END)
        return NULL;

      atomic_store (&self->state, THREAD_INSIDE);
      atomic_store (&self->thread_outcome, performer_block (self->object, &act));
      atomic_store (&self->thread_value, act.value);
      core_test_store (&self->state, THREAD_ENDED);
      g_main_context_wakeup (NULL);
    }
}

static void
party_thread_send (Party     *self,
                   Operation  operation,
                   guint64    value,
                   gint64     timeout_usec)
{
  Command *command = g_new0 (Command, 1);

  command->operation = operation;
  command->value = value;
  command->timeout_usec = timeout_usec;
  g_async_queue_push (self->commands, command);
}

static void
party_thread_begin (Party     *self,
                    Operation  operation,
                    guint64    value,
                    gint64     timeout_usec)
{
  pid_t tid = core_test_wait_for_any (&self->tid);

  atomic_store (&self->state, THREAD_IDLE);
  party_thread_send (self, operation, value, timeout_usec);

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
                    guint64    value,
                    gint64     timeout_usec)
{
  const Command command = { .operation = operation, .value = value, .timeout_usec = timeout_usec };
  g_autoptr(GError) error = NULL;
  gsize n_done;

  aioproc_fds_send (self->socket_fd, &command, sizeof command, NULL, 0, FALSE, &n_done, &error);
  g_assert_no_error (error);
}

/* The number in the reply. */
static guint64
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
    party_ended (reply.outcome, reply.value, self);

  return reply.value;
}

static const char *
get_mode (PartyKind kind)
{
  switch (kind)
    {
    case PARTY_BLOCKED:
      return "blocking";

    case PARTY_GRANDCHILD:
      return "relay";

    case PARTY_PROCESS:
      return "async";

    case PARTY_FLOW:
    case PARTY_THREAD:
    default:
      g_assert_not_reached ();
    }
}

static void
party_process_start (Party         *self,
                     const Backend *backend)
{
  g_autofree char *program = aioproc_test_build_helper_path ("aioproc-test-conformance-peer");
  g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  const char *argv[] = { program, backend->name, get_mode (self->kind), NULL };
  g_autoptr(GError) error = NULL;
  int fds[2];

  aioproc_fds_socketpair (SOCK_SEQPACKET, fds, &error);
  g_assert_no_error (error);
  g_subprocess_launcher_take_fd (launcher, fds[1], PARTY_SOCKET_FD);
  self->process = g_subprocess_launcher_spawnv (launcher, argv, &error);
  g_assert_no_error (error);
  self->socket_fd = fds[0];
  backend->send (self->object, self->socket_fd);
  /* It has the object. */
  self->pid = party_process_receive (self);
  g_clear_object (&self->object);
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
  else if (kind != PARTY_FLOW)
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
      party_thread_send (self, OPERATION_END, 0, 0);
      g_thread_join (self->thread);
      g_async_queue_unref (self->commands);
    }

  if (self->process != NULL)
    {
      party_process_send (self, OPERATION_END, 0, 0);
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
party_begin_with (Party     *self,
                  Operation  operation,
                  guint64    value,
                  gint64     timeout_usec)
{
  const Act act = { operation, self->owner, value, timeout_usec, self->cancellable };

  g_assert_false (self->pending);
  self->pending = TRUE;
  self->ended = FALSE;

  switch (self->kind)
    {
    case PARTY_FLOW:
      performer_start (self->object, &act, party_ended, self);
      break;

    case PARTY_THREAD:
      party_thread_begin (self, operation, value, timeout_usec);
      break;

    case PARTY_PROCESS:
    case PARTY_BLOCKED:
    case PARTY_GRANDCHILD:
      party_process_send (self, operation, value, timeout_usec);
      party_process_receive (self);

      /* It said so just before it began. */
      if (self->kind == PARTY_BLOCKED)
        {
          while (!aioproc_fds_poll (self->socket_fd, G_IO_IN, 0) &&
                 platform_test_get_state (self->pid, self->pid) != 'S')
            g_thread_yield ();
        }
      break;

    default:
      g_assert_not_reached ();
    }
}

void
party_begin (Party     *self,
             Operation  operation,
             gint64     timeout_usec)
{
  party_begin_with (self, operation, 0, timeout_usec);
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
    case PARTY_GRANDCHILD:
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
      party_ended (atomic_load (&self->thread_outcome), atomic_load (&self->thread_value),
                   self);
      break;

    case PARTY_PROCESS:
    case PARTY_BLOCKED:
    case PARTY_GRANDCHILD:
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
party_do_with (Party     *self,
               Operation  operation,
               guint64    value,
               gint64     timeout_usec)
{
  party_begin_with (self, operation, value, timeout_usec);

  return party_end (self);
}

Outcome
party_do (Party     *self,
          Operation  operation,
          gint64     timeout_usec)
{
  return party_do_with (self, operation, 0, timeout_usec);
}

guint64
party_get_value (Party *self)
{
  g_assert_false (self->pending);

  return self->value;
}

void
party_cancel (Party *self)
{
  g_assert_true (party_can_cancel (self));

  if (self->process != NULL)
    party_process_send (self, OPERATION_CANCEL, 0, 0);
  else
    g_cancellable_cancel (self->cancellable);
}

void
party_kill (Party *self)
{
  g_assert_nonnull (self->process);
  g_assert_no_errno (kill (self->pid, SIGKILL));
  g_assert_false (aioproc_test_wait_subprocess (self->process));
  g_clear_object (&self->process);
  close (self->socket_fd);
  self->pending = FALSE;
}
