/* aioproc-pool-submit.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "pool/aioproc-pool-private.h"

#include "pool/aioproc-task-private.h"

/* The call that a task stands for. */
typedef struct {
  AioprocPoolJob  parent;
  AioprocTask    *task;     /* (owned) (nullable) until it has ended */
} TaskJob;

static void
task_job_started (AioprocPoolJob *job,
                  int             worker_pid,
                  gint64          began_usec)
{
  TaskJob *self = (TaskJob *) job;

  aioproc_task_set_started (self->task, worker_pid, began_usec);
}

static void
task_job_progress (AioprocPoolJob *job,
                   double          fraction,
                   const char     *text)
{
  TaskJob *self = (TaskJob *) job;

  aioproc_task_set_progress (self->task, fraction, text);
}

static void
task_job_ended (AioprocPoolJob *job)
{
  TaskJob *self = (TaskJob *) job;

  aioproc_task_set_ended (self->task, job);
}

static void
task_job_clear (AioprocPoolJob *job)
{
  TaskJob *self = (TaskJob *) job;

  g_clear_object (&self->task);
}

static const AioprocPoolJobOps task_ops = {
  .size = sizeof (TaskJob),
  .started = task_job_started,
  .progress = task_job_progress,
  .ended = task_job_ended,
  .clear = task_job_clear,
};

/**
 * aioproc_pool_submit:
 * @self: a pool
 * @task: a task that has not been submitted
 * @error: return location for a [type@GLib.Error]
 *
 * Has the task done by a worker.
 *
 * Never blocks. What comes of the task is told by itself; what is told here is why it has not been
 * taken, after which it can be submitted again.
 *
 * Errors:
 *
 * - `AIOPROC_ERROR_INVALID_STATE`: the task was submitted before; or the pool belongs to the
 *   process that this one was forked from.
 * - `G_IO_ERROR_CLOSED`, `G_IO_ERROR_NOT_SUPPORTED`, `G_IO_ERROR_INVALID_ARGUMENT`,
 *   `G_IO_ERROR_NOT_INITIALIZED`, and why workers cannot be started: as of
 *   [method@Pool.apply_async].
 *
 * Returns: whether the pool has taken it
 *
 * Since: 0.1
 */
gboolean
aioproc_pool_submit (AioprocPool  *self,
                     AioprocTask  *task,
                     GError      **error)
{
  AioprocPoolCore *core;
  g_autoptr(AioprocPoolJob) job = NULL;

  g_return_val_if_fail (AIOPROC_IS_POOL (self), FALSE);
  g_return_val_if_fail (AIOPROC_IS_TASK (task), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  core = aioproc_pool_get_core (self, error);
  if (core == NULL)
    return FALSE;

  job = aioproc_pool_new_call (self, &task_ops, task->function, task->arguments, task->message,
                               error);
  if (job == NULL)
    return FALSE;

  job->flags = AIOPROC_POOL_TASK_TELLS;
  ((TaskJob *) job)->task = g_object_ref (task);

  if (!aioproc_task_claim (task, core, job, error))
    return FALSE;

  if (!aioproc_pool_core_submit (core, job, error))
    {
      aioproc_task_unclaim (task);
      return FALSE;
    }

  return TRUE;
}
