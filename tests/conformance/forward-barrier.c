/* forward-barrier.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "forward-private.h"

/* The action of one wait, which is called with the outer barrier. */
typedef struct {
  AioprocBarrier       *barrier;   /* not owned: it waits */
  AioprocBarrierAction *action;    /* (owned) */
} ForwardAction;

static void
forward_action_free (gpointer data)
{
  ForwardAction *self = data;

  aioproc_barrier_action_unref (self->action);
  g_free (self);
}

static void
forward_action_run (AioprocBarrier  *inner,
                    gpointer         user_data,
                    GError         **error)
{
  ForwardAction *self = user_data;

  self->action->func (self->barrier, self->action->data, error);
}

static void
forward_barrier_set_action (gpointer              impl,
                            AioprocBarrier       *barrier,
                            AioprocBarrierAction *action)
{
  ForwardAction *forward;

  if (action == NULL)
    {
      aioproc_barrier_set_action (impl, NULL, NULL, NULL);
      return;
    }

  forward = g_new (ForwardAction, 1);
  forward->barrier = barrier;
  forward->action = aioproc_barrier_action_ref (action);
  aioproc_barrier_set_action (impl, forward_action_run, forward, forward_action_free);
}

static int
forward_barrier_wait (gpointer               impl,
                      AioprocBarrier        *barrier,
                      AioprocBarrierAction  *action,
                      gint64                 timeout_usec,
                      GCancellable          *cancellable,
                      GError               **error)
{
  forward_note (G_STRFUNC);
  forward_barrier_set_action (impl, barrier, action);

  return aioproc_barrier_wait (impl, timeout_usec, cancellable, error);
}

static void
forward_barrier_waited_cb (GObject      *source,
                           GAsyncResult *result,
                           gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  GError *error = NULL;
  int index = aioproc_barrier_wait_finish (AIOPROC_BARRIER (source), result, &error);

  if (index < 0)
    g_task_return_error (task, error);
  else
    g_task_return_int (task, index);
}

static void
forward_barrier_wait_start (gpointer              impl,
                            AioprocBarrierAction *action,
                            GTask                *task,
                            gint64                timeout_usec)
{
  forward_note (G_STRFUNC);
  forward_barrier_set_action (impl, g_task_get_source_object (task), action);
  aioproc_barrier_wait_async (impl, timeout_usec, g_task_get_cancellable (task),
                              forward_barrier_waited_cb, task);
}

static gboolean
forward_barrier_abort (gpointer   impl,
                       GError   **error)
{
  forward_note (G_STRFUNC);

  return aioproc_barrier_abort (impl, error);
}

static gboolean
forward_barrier_reset (gpointer   impl,
                       GError   **error)
{
  forward_note (G_STRFUNC);

  return aioproc_barrier_reset (impl, error);
}

static gboolean
forward_barrier_is_broken (gpointer impl)
{
  forward_note (G_STRFUNC);

  return aioproc_barrier_is_broken (impl);
}

static guint
forward_barrier_get_n_waiting (gpointer impl)
{
  forward_note (G_STRFUNC);

  return aioproc_barrier_get_n_waiting (impl);
}

static guint
forward_barrier_get_parties (gpointer impl)
{
  forward_note (G_STRFUNC);

  return aioproc_barrier_get_parties (impl);
}

const AioprocBarrierBackend forward_barrier_backend = {
  .wait = forward_barrier_wait,
  .wait_start = forward_barrier_wait_start,
  .abort = forward_barrier_abort,
  .reset = forward_barrier_reset,
  .is_broken = forward_barrier_is_broken,
  .get_n_waiting = forward_barrier_get_n_waiting,
  .get_parties = forward_barrier_get_parties,
  .get_shm = forward_get_no_shm,
  .close = forward_close,
  .free = g_object_unref,
};
