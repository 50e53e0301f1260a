/* aioproc-queue-local-join.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-local-private.h"

#include "aioproc-error.h"
#include "core/aioproc-wait-group-private.h"

/* What this process has got from a joinable queue and not done is leased to it: the queue knows it
 * without any count beside its slots, and has it back if the process dies.
 */

typedef struct {
  AioprocWaitRequest  parent;
  GError             *error;    /* (owned) (nullable) the outcome */
  guint               n_busy;
} JoinRequest;

/* --- Tasks --- */

/* Those that a process which forked this one has got are its own. */
static void
local_queue_check_tasks_locked (LocalQueue *self)
{
  guint generation = aioproc_wait_group_get_fork_generation ();

  if (self->tasks_generation == generation)
    return;

  g_queue_clear_full (&self->tasks, g_free);
  self->tasks_generation = generation;
}

void
local_queue_add_task (LocalQueue                 *self,
                      const AioprocQueueTransfer *transfer)
{
  AioprocQueueTransfer *task = g_new (AioprocQueueTransfer, 1);

  *task = *transfer;
  aioproc_mutex_lock (&self->tasks_mutex);
  local_queue_check_tasks_locked (self);
  g_queue_push_tail (&self->tasks, task);
  aioproc_mutex_unlock (&self->tasks_mutex);
}

/* The oldest task; NULL: there is none. */
static AioprocQueueTransfer *
local_queue_pop_task (LocalQueue *self)
{
  AioprocQueueTransfer *task;

  aioproc_mutex_lock (&self->tasks_mutex);
  local_queue_check_tasks_locked (self);
  task = g_queue_pop_head (&self->tasks);
  aioproc_mutex_unlock (&self->tasks_mutex);

  return task;
}

gboolean
local_queue_task_done (gpointer   impl,
                       GError   **error)
{
  LocalQueue *self = impl;
  g_autofree AioprocQueueTransfer *task = NULL;

  if (!local_queue_check (self, error))
    return FALSE;

  task = local_queue_pop_task (self);

  if (task == NULL)
    {
      g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE,
                   "All that this process has got from %s is done already",
                   self->slots.description);
      return FALSE;
    }

  return local_queue_end_lease (self, task, AIOPROC_QUEUE_END_ACK, error);
}

void
local_queue_give_tasks_back (LocalQueue *self)
{
  AioprocQueueTransfer *task;

  while ((task = local_queue_pop_task (self)) != NULL)
    {
      (void) local_queue_end_lease (self, task, AIOPROC_QUEUE_END_GIVE_BACK, NULL);
      g_free (task);
    }
}

/* --- Join --- */

static void
join_request_free (gpointer data)
{
  JoinRequest *self = data;

  g_clear_error (&self->error);
  g_free (self);
}

static gboolean
local_queue_join_attempt (gpointer            object,
                          AioprocWaitRequest *base_request,
                          guint32            *expected)
{
  LocalQueue *self = object;
  JoinRequest *request = (JoinRequest *) base_request;
  AioprocQueueSleep sleep;

  /* Before anything else is looked at: it changes when that does. */
  *expected = atomic_load (&self->slots.header->idle);

  switch (aioproc_queue_slots_join (&self->slots, &sleep, &request->error))
    {
    case AIOPROC_QUEUE_WAIT:
      *expected = sleep.expected;
      return FALSE;

    case AIOPROC_QUEUE_BUSY:
      base_request->retry_usec = local_queue_get_retry (request->n_busy++);
      return FALSE;

    default:
      return TRUE;
    }
}

static void
local_queue_join_complete (gpointer            object,
                           GTask              *task,
                           AioprocWaitRequest *base_request)
{
  JoinRequest *request = (JoinRequest *) base_request;

  if (request->error != NULL)
    g_task_return_error (task, g_steal_pointer (&request->error));
  else
    g_task_return_boolean (task, TRUE);
}

/* All who sleep are woken, so that nobody has to pass on anything. */
static const AioprocWaitOps join_ops = {
  .verb = "join",
  .attempt = local_queue_join_attempt,
  .complete = local_queue_join_complete,
};

/* FALSE: with an error, or it would have to wait. */
static gboolean
join_request_finish (JoinRequest  *self,
                     GError      **error)
{
  if (self->error == NULL)
    return TRUE;

  g_propagate_error (error, g_steal_pointer (&self->error));

  return FALSE;
}

gboolean
local_queue_try_join (gpointer   impl,
                      GError   **error)
{
  LocalQueue *self = impl;
  JoinRequest request = { 0 };

  if (!local_queue_check (self, error))
    return FALSE;

  if (local_queue_try (self, &join_ops, &request.parent, &request.n_busy))
    return join_request_finish (&request, error);

  local_queue_set_would_block (self, "not done yet, or in use", error);

  return FALSE;
}

gboolean
local_queue_join (gpointer       impl,
                  gint64         timeout_usec,
                  GCancellable  *cancellable,
                  GError       **error)
{
  LocalQueue *self = impl;
  JoinRequest request = { 0 };

  return local_queue_check (self, error) &&
         (cancellable == NULL || !g_cancellable_set_error_if_cancelled (cancellable, error)) &&
         aioproc_wait_queue_wait (self->joiners, &join_ops, &request.parent, timeout_usec,
                                  cancellable, error) &&
         join_request_finish (&request, error);
}

void
local_queue_join_start (gpointer  impl,
                        GTask    *task,
                        gint64    timeout_usec)
{
  LocalQueue *self = impl;
  GError *error = NULL;

  g_task_set_task_data (task, g_new0 (JoinRequest, 1), join_request_free);

  if (!local_queue_check (self, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  aioproc_wait_queue_start (self->joiners, &join_ops, task, timeout_usec);
}
