/* aioproc-pool-end.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "pool/aioproc-pool-core-private.h"

#include "aioproc-error.h"

/* From a SIGTERM to a SIGKILL. */
#define TERMINATE_USEC G_USEC_PER_SEC

void
aioproc_pool_core_settle_locked (AioprocPoolCore    *self,
                                 AioprocPoolActions *actions)
{
  if (self->state == AIOPROC_POOL_OPEN || self->is_over || self->backlog.n_jobs > 0 ||
      (self->state == AIOPROC_POOL_CLOSED && self->n_admitted > 0))
    return;

  if (self->state == AIOPROC_POOL_CLOSED)
    {
      GList *next;

      for (GList *link = self->idle.head; link != NULL; link = next)
        {
          next = link->next;
          aioproc_pool_seat_dismiss_locked (link->data);
        }
    }

  if (self->n_live == 0)
    {
      self->is_over = TRUE;
      actions->service = g_steal_pointer (&self->service);
    }
}

void
aioproc_pool_core_close (AioprocPoolCore *self)
{
  AioprocPoolActions actions = { 0 };

  if (aioproc_pool_core_is_foreign (self, NULL))
    return;

  aioproc_mutex_lock (&self->mutex);

  if (self->state == AIOPROC_POOL_OPEN)
    self->state = AIOPROC_POOL_CLOSED;

  aioproc_pool_core_drain_locked (self, &actions);
  aioproc_pool_core_unlock (self, &actions);
}

/* Ends all jobs, with copies of @error, whether or not a worker has them. */
static void
end_jobs_locked (AioprocPoolCore    *self,
                 const GError       *error,
                 AioprocPoolActions *actions)
{
  AioprocPoolJob *job;

  while ((job = aioproc_pool_backlog_peek (&self->backlog)) != NULL)
    aioproc_pool_core_end_job_locked (self, aioproc_pool_backlog_remove (&self->backlog, job),
                                      g_error_copy (error), actions);

  for (guint i = 0; i < self->n_seats; i++)
    {
      AioprocPoolSeat *seat = &self->seats[i];
      GQueue *queues[] = { &seat->posted, &seat->awaited };

      for (guint j = 0; j < G_N_ELEMENTS (queues); j++)
        {
          for (GList *link = queues[j]->head; link != NULL; link = link->next)
            {
              job = link->data;
              if (job->state != AIOPROC_POOL_JOB_ENDED)
                aioproc_pool_core_end_job_locked (self, aioproc_pool_job_ref (job),
                                                  g_error_copy (error), actions);
            }
        }

      job = seat->sending;
      if (job != NULL && job->state != AIOPROC_POOL_JOB_ENDED)
        aioproc_pool_core_end_job_locked (self, aioproc_pool_job_ref (job), g_error_copy (error),
                                          actions);
    }
}

/* Has all workers end, with or without their consent. */
static void
end_workers_locked (AioprocPoolCore    *self,
                    AioprocPoolActions *actions)
{
  const gint64 kill_usec = g_get_monotonic_time () + TERMINATE_USEC;

  for (guint i = 0; i < self->n_seats; i++)
    {
      AioprocPoolSeat *seat = &self->seats[i];

      if (seat->state == AIOPROC_POOL_SEAT_EMPTY)
        continue;

      seat->state = AIOPROC_POOL_SEAT_LEAVING;
      aioproc_pool_seat_update_idle_locked (seat);

      /* One that has no process yet is killed by the thread that starts it. */
      if (seat->process != NULL)
        {
          g_queue_push_tail (&actions->terminated, g_object_ref (seat->process));
          seat->kill_usec = kill_usec;
          seat->stopping = 0;
          aioproc_pool_service_hurry_locked (self, kill_usec);
        }
    }
}

void
aioproc_pool_core_terminate (AioprocPoolCore *self)
{
  AioprocPoolActions actions = { 0 };
  g_autofree char *description = aioproc_pool_core_describe (self);
  g_autoptr(GError) error = NULL;

  if (aioproc_pool_core_is_foreign (self, NULL))
    return;

  error = g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED,
                       "The task was cancelled, since %s was terminated", description);

  aioproc_mutex_lock (&self->mutex);

  if (self->state < AIOPROC_POOL_TERMINATED)
    {
      self->state = AIOPROC_POOL_TERMINATED;
      end_jobs_locked (self, error, &actions);
      end_workers_locked (self, &actions);
    }

  aioproc_pool_core_settle_locked (self, &actions);
  aioproc_pool_core_unlock (self, &actions);
}

void
aioproc_pool_core_fail_locked (AioprocPoolCore    *self,
                               GError             *error,
                               AioprocPoolActions *actions)
{
  if (self->state >= AIOPROC_POOL_TERMINATED)
    {
      g_error_free (error);
      return;
    }

  self->state = AIOPROC_POOL_FAILED;
  self->failure = error;
  end_jobs_locked (self, error, actions);
  end_workers_locked (self, actions);
}

/* --- Join --- */

static gboolean
join_attempt (gpointer            object,
              AioprocWaitRequest *request,
              guint32            *expected)
{
  AioprocPoolCore *self = object;

  /* Before the look. Partner: aioproc_pool_bell_end(). */
  *expected = atomic_load (aioproc_pool_bell_get_end (self->bell));

  return aioproc_pool_bell_has_ended (self->bell);
}

static void
join_complete (gpointer            object,
               GTask              *task,
               AioprocWaitRequest *request)
{
  g_task_return_boolean (task, TRUE);
}

static const AioprocWaitOps join_ops = {
  .verb = "join",
  .attempt = join_attempt,
  .complete = join_complete,
};

gboolean
aioproc_pool_core_check_join (AioprocPoolCore  *self,
                              GError          **error)
{
  g_autofree char *description = NULL;
  gboolean is_open;

  if (aioproc_pool_core_is_foreign (self, error))
    return FALSE;

  aioproc_mutex_lock (&self->mutex);
  is_open = self->state == AIOPROC_POOL_OPEN;
  aioproc_mutex_unlock (&self->mutex);

  if (!is_open)
    return TRUE;

  description = aioproc_pool_core_describe (self);
  g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE,
               "Could not join %s, which is running: close or terminate it before", description);

  return FALSE;
}

gboolean
aioproc_pool_core_join (AioprocPoolCore  *self,
                        gint64            timeout_usec,
                        GCancellable     *cancellable,
                        GError          **error)
{
  AioprocWaitRequest request = { 0 };

  return aioproc_pool_core_check_join (self, error) &&
         aioproc_wait_queue_wait (self->joins, &join_ops, &request, timeout_usec, cancellable,
                                  error);
}

void
aioproc_pool_core_join_start (AioprocPoolCore *self,
                              GTask           *task,
                              gint64           timeout_usec)
{
  GError *error = NULL;

  if (!aioproc_pool_core_check_join (self, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  g_task_set_task_data (task, g_new0 (AioprocWaitRequest, 1), g_free);
  aioproc_wait_queue_start (self->joins, &join_ops, task, timeout_usec);
}
