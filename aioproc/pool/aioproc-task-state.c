/* aioproc-task-state.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "pool/aioproc-task-private.h"

#include "aioproc-error.h"

#define CHANGED(property) (1u << (property))

/* --- Notification --- */

static void
weak_ref_free (gpointer data)
{
  g_weak_ref_clear (data);
  g_free (data);
}

static gboolean
notify_cb (gpointer user_data)
{
  g_autoptr(AioprocTask) self = g_weak_ref_get (user_data);
  guint changed;

  if (self == NULL)
    return G_SOURCE_REMOVE;

  aioproc_mutex_lock (&self->mutex);
  g_clear_pointer (&self->notify_source, g_source_unref);
  changed = self->n_changed;
  self->n_changed = 0;
  aioproc_mutex_unlock (&self->mutex);

  g_object_freeze_notify (G_OBJECT (self));
  for (guint i = 1; i < AIOPROC_TASK_N_PROPS; i++)
    {
      if ((changed & CHANGED (i)) != 0)
        g_object_notify_by_pspec (G_OBJECT (self), aioproc_task_props[i]);
    }
  g_object_thaw_notify (G_OBJECT (self));

  return G_SOURCE_REMOVE;
}

/* One notification for all that comes until the program has time for it; it may have none, ever,
 * which must not keep the task.
 */
static void
notify_locked (AioprocTask *self,
               guint        changed)
{
  GWeakRef *weak_ref;

  self->n_changed |= changed;

  if (self->notify_source != NULL || self->notify_context == NULL)
    return;

  weak_ref = g_new0 (GWeakRef, 1);
  g_weak_ref_init (weak_ref, self);
  self->notify_source = g_idle_source_new ();
  g_source_set_static_name (self->notify_source, "[aioproc] changes of a task");
  g_source_set_priority (self->notify_source, G_PRIORITY_DEFAULT);
  g_source_set_callback (self->notify_source, notify_cb, weak_ref, weak_ref_free);
  g_source_attach (self->notify_source, self->notify_context);
}

gboolean
aioproc_task_has_ended_locked (AioprocTask *self)
{
  return self->state >= AIOPROC_TASK_STATE_SUCCEEDED;
}

void
aioproc_task_set_started (AioprocTask *self,
                          int          worker_pid,
                          gint64       started_usec)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (aioproc_task_has_ended_locked (self))
    return;

  self->state = AIOPROC_TASK_STATE_RUNNING;
  self->worker_pid = worker_pid;
  self->started_usec = started_usec;
  notify_locked (self, CHANGED (AIOPROC_TASK_PROP_STATE) | CHANGED (AIOPROC_TASK_PROP_WORKER_PID) |
                       CHANGED (AIOPROC_TASK_PROP_STARTED_TIME));
}

void
aioproc_task_set_progress (AioprocTask *self,
                           double       fraction,
                           const char  *text)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (aioproc_task_has_ended_locked (self))
    return;

  self->progress = fraction;
  g_free (self->progress_text);
  self->progress_text = *text != '\0' ? g_strdup (text) : NULL;
  notify_locked (self, CHANGED (AIOPROC_TASK_PROP_PROGRESS) |
                       CHANGED (AIOPROC_TASK_PROP_PROGRESS_TEXT));
}

void
aioproc_task_set_ended (AioprocTask    *self,
                        AioprocPoolJob *job)
{
  guint changed = CHANGED (AIOPROC_TASK_PROP_STATE) | CHANGED (AIOPROC_TASK_PROP_FINISHED_TIME);
  AioprocPoolCore *core;

  aioproc_mutex_lock (&self->mutex);

  if (job->value != NULL)
    self->value = g_variant_ref (job->value);
  if (job->result != NULL)
    self->result = g_object_ref (job->result);
  if (job->error != NULL)
    self->error = g_error_copy (job->error);

  if (job->error == NULL)
    self->state = AIOPROC_TASK_STATE_SUCCEEDED;
  else if (g_error_matches (job->error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    self->state = AIOPROC_TASK_STATE_CANCELLED;
  else
    self->state = AIOPROC_TASK_STATE_FAILED;

  self->finished_usec = g_get_monotonic_time ();

  /* One that has run before anybody could see it. */
  if (self->started_usec == 0 && job->worker_pid != 0)
    {
      self->worker_pid = job->worker_pid;
      self->started_usec = MAX (self->finished_usec - job->run_usec, 1);
      changed |= CHANGED (AIOPROC_TASK_PROP_WORKER_PID) | CHANGED (AIOPROC_TASK_PROP_STARTED_TIME);
    }

  core = g_steal_pointer (&self->core);
  self->job = NULL;
  notify_locked (self, changed);
  aioproc_watches_notify (&self->watches);

  aioproc_mutex_unlock (&self->mutex);

  /* Each had the other. */
  aioproc_pool_job_unref (job);
  aioproc_pool_core_unref (core);
}

gboolean
aioproc_task_claim (AioprocTask      *self,
                    AioprocPoolCore  *core,
                    AioprocPoolJob   *job,
                    GError          **error)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (self->state != AIOPROC_TASK_STATE_NEW)
    {
      g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE,
                   "The task of “%s” has been submitted before", self->function);
      return FALSE;
    }

  job->priority = self->priority;
  if (self->timeout_usec >= 0)
    job->timeout_usec = self->timeout_usec;

  self->state = AIOPROC_TASK_STATE_QUEUED;
  self->core = aioproc_pool_core_ref (core);
  self->job = aioproc_pool_job_ref (job);
  self->notify_context = g_main_context_ref_thread_default ();
  notify_locked (self, CHANGED (AIOPROC_TASK_PROP_STATE));

  return TRUE;
}

void
aioproc_task_unclaim (AioprocTask *self)
{
  AioprocPoolCore *core;
  AioprocPoolJob *job;

  aioproc_mutex_lock (&self->mutex);
  self->state = AIOPROC_TASK_STATE_NEW;
  core = g_steal_pointer (&self->core);
  job = g_steal_pointer (&self->job);
  notify_locked (self, CHANGED (AIOPROC_TASK_PROP_STATE));
  g_clear_pointer (&self->notify_context, g_main_context_unref);
  aioproc_mutex_unlock (&self->mutex);

  aioproc_pool_job_unref (job);
  aioproc_pool_core_unref (core);
}
