/* aioproc-barrier-local.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "sync/aioproc-barrier-private.h"

#include "aioproc-error.h"
#include "core/aioproc-completion-private.h"
#include "core/aioproc-mutex-private.h"
#include "core/aioproc-shareable-private.h"
#include "core/aioproc-waiter-private.h"
#include "platform/aioproc-memfd-private.h"
#include "sync/aioproc-rounds-private.h"

/* A wait has two parts: it arrives, for which it may have to wait until those of an earlier round
 * are gone; then it waits for the others. There is a queue for each, so that one who waits for the
 * others never keeps one from arriving. Who arrives last does the action, with no mutex held.
 *
 * Others wait for each step of an async wait but the last one, its callback. So none of them needs
 * the main context of the operation, which may not run: it goes from one queue to the other, or
 * breaks the round, in the thread that finds that out. Only the action is the program's.
 */

typedef struct {
  gatomicrefcount   ref_count;  /* of the object, and of steps that it may not outlive */
  AioprocRounds     rounds;

  /* Immutable after construction. */
  AioprocShm       *shm;        /* (owned) */
  AioprocWaitQueue *entrance;   /* (owned) of those who cannot arrive yet */
  AioprocWaitQueue *waiters;    /* (owned) of those who have */

  /* Operations are queued in the order of their rounds: the first one is tried first. Taken before
   * the mutexes of the queues, and never held across a system call that waits.
   */
  AioprocMutex      order;
} LocalBarrier;

/* Of either part. */
typedef struct {
  AioprocWaitRequest    parent;
  AioprocRoundsTicket   ticket;
  AioprocRoundResult    result;

  /* Of an async one. */
  LocalBarrier         *barrier;
  AioprocBarrierAction *action;          /* (owned) (nullable) */
  gint64                deadline_usec;   /* -1: none */
} BarrierRequest;

static LocalBarrier *
local_barrier_ref (LocalBarrier *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

static void
local_barrier_unref (LocalBarrier *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  aioproc_wait_queue_free (self->entrance);
  aioproc_wait_queue_free (self->waiters);
  aioproc_mutex_clear (&self->order);
  aioproc_shm_unref (self->shm);
  g_free (self);
}

static void
barrier_request_free (gpointer data)
{
  BarrierRequest *self = data;

  g_clear_pointer (&self->action, aioproc_barrier_action_unref);
  g_free (self);
}

/* --- The parts --- */

static gboolean
aioproc_barrier_local_attempt_arrive (gpointer            object,
                                      AioprocWaitRequest *base_request,
                                      guint32            *expected)
{
  LocalBarrier *self = object;
  BarrierRequest *request = (BarrierRequest *) base_request;

  request->result = aioproc_rounds_arrive (&self->rounds, &request->ticket, expected);

  return request->result != AIOPROC_ROUND_FULL;
}

static gboolean
aioproc_barrier_local_attempt_meet (gpointer            object,
                                    AioprocWaitRequest *base_request,
                                    guint32            *expected)
{
  LocalBarrier *self = object;
  BarrierRequest *request = (BarrierRequest *) base_request;

  request->result = aioproc_rounds_look (&self->rounds, &request->ticket, expected);

  return request->result != AIOPROC_ROUND_OPEN;
}

static guint
aioproc_barrier_local_peek (gpointer            object,
                            AioprocWaitRequest *base_request)
{
  LocalBarrier *self = object;
  BarrierRequest *request = (BarrierRequest *) base_request;

  return aioproc_rounds_peek (&self->rounds, &request->ticket);
}

/* It has arrived, and waits no more. */
static gboolean
aioproc_barrier_local_give_up (gpointer            object,
                               AioprocWaitRequest *base_request)
{
  LocalBarrier *self = object;
  BarrierRequest *request = (BarrierRequest *) base_request;

  request->result = aioproc_rounds_give_up (&self->rounds, &request->ticket);

  return request->result == AIOPROC_ROUND_MET;
}

/* The word has changed: those of other processes were woken. */
static void
aioproc_barrier_local_serve (LocalBarrier *self)
{
  aioproc_wait_queue_serve (self->waiters);
  aioproc_wait_queue_serve (self->entrance);
}

/* --- How a wait ends --- */

static int
aioproc_barrier_local_report (LocalBarrier        *self,
                              AioprocRoundsTicket *ticket,
                              AioprocRoundResult   result,
                              GError             **error)
{
  if (result == AIOPROC_ROUND_MET)
    return (int) ticket->index;

  g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_BROKEN_BARRIER,
               "Could not wait at %s: it is broken, or was reset",
               aioproc_shm_describe (self->shm));

  return -1;
}

static void
return_index (GTask  *task,
              int     index,
              GError *error)
{
  if (index < 0)
    g_task_return_error (task, error);
  else
    g_task_return_int (task, index);
}

static void
aioproc_barrier_local_complete (gpointer            object,
                                GTask              *task,
                                AioprocWaitRequest *base_request)
{
  BarrierRequest *request = (BarrierRequest *) base_request;
  GError *error = NULL;
  int index = aioproc_barrier_local_report (object, &request->ticket, request->result, &error);

  return_index (task, index, error);
}

static void
aioproc_barrier_local_complete_cb (GTask    *task,
                                   gpointer  data)
{
  aioproc_barrier_local_complete (data, task, g_task_get_task_data (task));
}

/* It has arrived last. */
static int
aioproc_barrier_local_finish_round (LocalBarrier          *self,
                                    AioprocBarrier        *barrier,
                                    AioprocBarrierAction  *action,
                                    AioprocRoundsTicket   *ticket,
                                    GError               **error)
{
  AioprocRoundResult result;
  GError *action_error = NULL;

  if (action != NULL && aioproc_rounds_is_open (&self->rounds, ticket))
    action->func (barrier, action->data, &action_error);

  if (action_error != NULL)
    {
      aioproc_rounds_give_up (&self->rounds, ticket);
      aioproc_barrier_local_serve (self);
      g_propagate_error (error, action_error);
      return -1;
    }

  result = aioproc_rounds_end (&self->rounds, ticket);
  aioproc_barrier_local_serve (self);

  return aioproc_barrier_local_report (self, ticket, result, error);
}

/* --- Wait, without blocking --- */

static gboolean
aioproc_barrier_local_finish_round_cb (gpointer user_data)
{
  GTask *task = user_data;
  BarrierRequest *request = g_task_get_task_data (task);
  AioprocBarrier *barrier = g_task_get_source_object (task);
  GError *error = NULL;
  int index = aioproc_barrier_local_finish_round (request->barrier, barrier, request->action,
                                                  &request->ticket, &error);

  return_index (task, index, error);

  return G_SOURCE_REMOVE;
}

/* The action is the program's: it is called like any callback. Takes @task. */
static void
aioproc_barrier_local_start_action (GTask *task)
{
  g_autoptr(GMainContext) context = g_main_context_ref (g_task_get_context (task));
  g_autoptr(GSource) source = g_idle_source_new ();

  g_source_set_static_name (source, "[aioproc] barrier action");
  g_source_set_priority (source, g_task_get_priority (task));
  g_source_set_callback (source, aioproc_barrier_local_finish_round_cb, task, g_object_unref);
  g_source_attach (source, context);
}

/* Both without withdraw(): a wake-up is for all. */
static const AioprocWaitOps meet_ops = {
  .verb = "wait at",
  .attempt = aioproc_barrier_local_attempt_meet,
  .peek = aioproc_barrier_local_peek,
  .give_up = aioproc_barrier_local_give_up,
  .complete = aioproc_barrier_local_complete,
};

/* Has arrived, or found the barrier broken. Takes @task, which may end in another thread at once,
 * and the object with it: the last reference to that is let go of where the program sees it.
 */
static void
aioproc_barrier_local_go_on (gpointer  object,
                             GTask    *task)
{
  LocalBarrier *self = object;
  BarrierRequest *request = g_task_get_task_data (task);
  gboolean is_open = FALSE;
  guint32 expected;

  if (request->result == AIOPROC_ROUND_BROKEN)
    {
      aioproc_completion_push (task, aioproc_barrier_local_complete_cb, self);
      return;
    }

  if (aioproc_rounds_is_last (&self->rounds, &request->ticket))
    {
      if (request->action != NULL)
        {
          aioproc_barrier_local_start_action (task);
          return;
        }

      request->result = aioproc_rounds_end (&self->rounds, &request->ticket);
      /* A thread watches for those at the entrance, who may be many rounds: it may be this one. */
      aioproc_wait_queue_serve (self->waiters);
      aioproc_completion_push (task, aioproc_barrier_local_complete_cb, self);
      return;
    }

  local_barrier_ref (self);
  aioproc_mutex_lock (&self->order);
  request->result = aioproc_rounds_look (&self->rounds, &request->ticket, &expected);
  is_open = request->result == AIOPROC_ROUND_OPEN;

  /* Nobody of a later round is queued before the mutex is free again. */
  if (is_open)
    aioproc_wait_queue_start (self->waiters, &meet_ops, task,
                              aioproc_wait_rest (request->deadline_usec));

  aioproc_mutex_unlock (&self->order);

  if (!is_open)
    aioproc_completion_push (task, aioproc_barrier_local_complete_cb, self);

  local_barrier_unref (self);
}

static const AioprocWaitOps arrive_ops = {
  .verb = "arrive at",
  .attempt = aioproc_barrier_local_attempt_arrive,
  .go_on = aioproc_barrier_local_go_on,
  .complete = aioproc_barrier_local_complete,
};

static void
aioproc_barrier_local_wait_start (gpointer              impl,
                                  AioprocBarrierAction *action,
                                  GTask                *task,
                                  gint64                timeout_usec)
{
  LocalBarrier *self = impl;
  BarrierRequest *request;
  GError *error = NULL;
  guint32 expected;

  if (g_task_return_error_if_cancelled (task))
    {
      g_object_unref (task);
      return;
    }

  if (!aioproc_shm_attach (self->shm, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  request = g_new0 (BarrierRequest, 1);
  request->barrier = self;
  request->action = action != NULL ? aioproc_barrier_action_ref (action) : NULL;
  request->deadline_usec = aioproc_wait_deadline (timeout_usec);
  request->result = AIOPROC_ROUND_FULL;
  g_task_set_task_data (task, request, barrier_request_free);

  /* The queue knows of an object that is closed, and who came before. */
  if (!aioproc_wait_queue_is_closed (self->entrance) &&
      !aioproc_wait_queue_has_pending (self->entrance))
    request->result = aioproc_rounds_arrive (&self->rounds, &request->ticket, &expected);

  if (request->result != AIOPROC_ROUND_FULL)
    {
      aioproc_barrier_local_go_on (self, task);
      return;
    }

  local_barrier_ref (self);
  aioproc_wait_queue_start (self->entrance, &arrive_ops, task, timeout_usec);
  local_barrier_unref (self);
}

/* --- Wait, in the caller's thread --- */

static int
aioproc_barrier_local_wait (gpointer               impl,
                            AioprocBarrier        *barrier,
                            AioprocBarrierAction  *action,
                            gint64                 timeout_usec,
                            GCancellable          *cancellable,
                            GError               **error)
{
  LocalBarrier *self = impl;
  BarrierRequest request = { 0 };
  gint64 deadline_usec = aioproc_wait_deadline (timeout_usec);

  if (!aioproc_shm_attach (self->shm, error) ||
      !aioproc_wait_queue_wait (self->entrance, &arrive_ops, &request.parent, timeout_usec,
                                cancellable, error))
    return -1;

  if (request.result == AIOPROC_ROUND_BROKEN)
    return aioproc_barrier_local_report (self, &request.ticket, request.result, error);

  if (aioproc_rounds_is_last (&self->rounds, &request.ticket))
    return aioproc_barrier_local_finish_round (self, barrier, action, &request.ticket, error);

  if (aioproc_wait_queue_wait (self->waiters, &meet_ops, &request.parent,
                               aioproc_wait_rest (deadline_usec), cancellable, error))
    return aioproc_barrier_local_report (self, &request.ticket, request.result, error);

  aioproc_barrier_local_serve (self);

  return -1;
}

/* --- The rest --- */

static gboolean
aioproc_barrier_local_abort (gpointer   impl,
                             GError   **error)
{
  LocalBarrier *self = impl;

  if (!aioproc_shm_attach (self->shm, error))
    return FALSE;

  aioproc_rounds_abort (&self->rounds);
  aioproc_barrier_local_serve (self);

  return TRUE;
}

static gboolean
aioproc_barrier_local_reset (gpointer   impl,
                             GError   **error)
{
  LocalBarrier *self = impl;

  if (!aioproc_shm_attach (self->shm, error))
    return FALSE;

  aioproc_rounds_reset (&self->rounds);
  aioproc_barrier_local_serve (self);

  return TRUE;
}

static gboolean
aioproc_barrier_local_is_broken (gpointer impl)
{
  LocalBarrier *self = impl;

  return aioproc_shm_attach (self->shm, NULL) && aioproc_rounds_is_broken (&self->rounds);
}

static guint
aioproc_barrier_local_get_n_waiting (gpointer impl)
{
  LocalBarrier *self = impl;

  return aioproc_shm_attach (self->shm, NULL) ? aioproc_rounds_get_n_waiting (&self->rounds) : 0;
}

static guint
aioproc_barrier_local_get_parties (gpointer impl)
{
  LocalBarrier *self = impl;

  return self->rounds.n_parties;
}

static AioprocShm *
aioproc_barrier_local_get_shm (gpointer impl)
{
  LocalBarrier *self = impl;

  return self->shm;
}

static void
aioproc_barrier_local_close (gpointer impl)
{
  LocalBarrier *self = impl;

  /* In this order: who has arrived by now finds the second one open, or closed behind it. */
  aioproc_wait_queue_close (self->entrance);
  aioproc_wait_queue_close (self->waiters);
}

static void
aioproc_barrier_local_free (gpointer impl)
{
  local_barrier_unref (impl);
}

static const AioprocBarrierBackend local_backend = {
  .wait = aioproc_barrier_local_wait,
  .wait_start = aioproc_barrier_local_wait_start,
  .abort = aioproc_barrier_local_abort,
  .reset = aioproc_barrier_local_reset,
  .is_broken = aioproc_barrier_local_is_broken,
  .get_n_waiting = aioproc_barrier_local_get_n_waiting,
  .get_parties = aioproc_barrier_local_get_parties,
  .get_shm = aioproc_barrier_local_get_shm,
  .close = aioproc_barrier_local_close,
  .free = aioproc_barrier_local_free,
};

/* --- Make --- */

static AioprocShm *
create_shm (const char  *name,
            guint        parties,
            GError     **error)
{
  g_autoptr(AioprocShm) shm = NULL;
  guint64 size;

  if (parties < 1 || parties > AIOPROC_ROUNDS_MAX_PARTIES)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "Could not make a barrier of %u parties: it has 1 to %u", parties,
                   AIOPROC_ROUNDS_MAX_PARTIES);
      return NULL;
    }

  size = AIOPROC_SHM_HEADER_SIZE + aioproc_rounds_get_size (parties);
  shm = aioproc_shm_new (AIOPROC_SHM_BARRIER, name, sizeof (AioprocRoundsState), size, error);

  if (shm == NULL || !aioproc_memfd_reserve (aioproc_shm_get_fd (shm), 0, size, error))
    return NULL;

  aioproc_rounds_create (aioproc_shm_get_state (shm), parties);

  return g_steal_pointer (&shm);
}

gboolean
aioproc_barrier_local_new (AioprocShm                   *shm,
                           const char                   *name,
                           guint                         parties,
                           const AioprocBarrierBackend **backend,
                           gpointer                     *impl,
                           GError                      **error)
{
  AioprocRoundsState *state;
  LocalBarrier *self;

  if (shm == NULL)
    shm = create_shm (name, parties, error);

  if (shm == NULL)
    return FALSE;

  state = aioproc_shm_get_state (shm);
  /* Read once, then checked. */
  parties = *(volatile guint32 *) &state->n_parties;

  if (parties < 1 || parties > AIOPROC_ROUNDS_MAX_PARTIES ||
      AIOPROC_SHM_HEADER_SIZE + aioproc_rounds_get_size (parties) >
        aioproc_shm_get_mapped_size (shm))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "Received %s with memory that is not for its %u parties",
                   aioproc_shm_describe (shm), parties);
      aioproc_shm_unref (shm);
      return FALSE;
    }

  self = g_new0 (LocalBarrier, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->shm = shm;
  aioproc_rounds_init (&self->rounds, state, parties, aioproc_shm_get_family (shm));
  aioproc_mutex_init (&self->order);
  self->entrance = aioproc_wait_queue_new (shm, &state->word, self);
  self->waiters = aioproc_wait_queue_new (shm, &state->word, self);

  *backend = &local_backend;
  *impl = self;

  return TRUE;
}

static AioprocShareable *
aioproc_barrier_import (AioprocShm  *shm,
                        GError     **error)
{
  return aioproc_shareable_new_for_shm (AIOPROC_TYPE_BARRIER, shm, error);
}

__attribute__ ((constructor)) static void
aioproc_barrier_register (void)
{
  aioproc_shareable_register (AIOPROC_SHM_BARRIER, sizeof (AioprocRoundsState),
                              aioproc_barrier_import);
}
