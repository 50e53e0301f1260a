/* aioproc-wait-entry.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-wait-queue-private.h"

#include "core/aioproc-completion-private.h"

void
aioproc_wait_entry_unref (AioprocWaitEntry *entry)
{
  if (!g_atomic_ref_count_dec (&entry->ref_count))
    return;

  g_assert (!entry->pending);
  g_clear_object (&entry->task);
  g_clear_error (&entry->error);
  aioproc_wait_queue_unref (entry->queue);
  g_free (entry);
}

static void
aioproc_wait_entry_disconnect (AioprocWaitEntry *entry,
                               GTask            *task)
{
  /* Does not wait for a handler that runs, as g_cancellable_disconnect() does: a program may
   * iterate its context inside of another handler. Ours has a reference of its own.
   */
  if (entry->cancelled_id != 0)
    g_signal_handler_disconnect (g_task_get_cancellable (task), entry->cancelled_id);
}

static void
aioproc_wait_entry_complete_cb (GTask    *task,
                                gpointer  data)
{
  AioprocWaitEntry *entry = data;

  aioproc_wait_entry_disconnect (entry, task);

  if (entry->error != NULL)
    g_task_return_error (task, g_steal_pointer (&entry->error));
  else
    entry->ops->complete (entry->queue->object, task, entry->request);

  aioproc_wait_entry_unref (entry);
}

void
aioproc_wait_entry_push (AioprocWaitEntry *entry)
{
  /* The handler, which may be the last to have the entry, must not be the last to have the task. */
  aioproc_completion_push (g_steal_pointer (&entry->task), aioproc_wait_entry_complete_cb, entry);
}

/* What is not done by a completion. */
static void
aioproc_wait_entry_go_on (AioprocWaitEntry *entry)
{
  if (entry->task == NULL)
    {
      entry->ops->ended (entry->queue->object, entry->request);
      aioproc_wait_entry_unref (entry);
      return;
    }

  aioproc_wait_entry_disconnect (entry, entry->task);
  entry->ops->go_on (entry->queue->object, g_steal_pointer (&entry->task));
  aioproc_wait_entry_unref (entry);
}

static void
aioproc_wait_entry_work (gpointer data)
{
  AioprocWaitEntry *entry = data;
  const AioprocWaitOps *ops = entry->ops;
  gpointer object = entry->queue->object;

  ops->work (object, entry->request);

  if (ops->worked == NULL)
    {
      aioproc_wait_entry_push (entry);
      return;
    }

  /* The completion may be done, and have let go of the object, before this thread goes on: what
   * follows needs a reference of its own, and no main loop ever waits for it.
   */
  ops->ref (object);
  aioproc_wait_entry_push (entry);
  ops->worked (object);
  ops->unref (object);
}

/* Lets go of the mutex, and completes what was popped under it. Two threads that do so one after
 * the other complete in that order, since the second cannot pass the first on its way from the one
 * mutex to the other; and a main loop that is woken by a completion finds @mutex free.
 */
void
aioproc_wait_queue_unlock (AioprocWaitQueue *self,
                           GQueue           *done)
{
  GQueue undone = G_QUEUE_INIT;
  GQueue not_over = G_QUEUE_INIT;
  GList *link;

  if (done->length == 0)
    {
      aioproc_mutex_unlock (&self->mutex);
      return;
    }

  aioproc_mutex_lock (&self->order);
  aioproc_mutex_unlock (&self->mutex);

  while ((link = g_queue_pop_head_link (done)) != NULL)
    {
      AioprocWaitEntry *entry = link->data;

      if (entry->task == NULL || (entry->error == NULL && entry->ops->go_on != NULL))
        g_queue_push_tail_link (&not_over, link);
      else if (entry->error != NULL || !entry->request->has_work)
        aioproc_wait_entry_push (entry);
      else if (!aioproc_waiter_run_work (aioproc_wait_entry_work, entry))
        g_queue_push_tail_link (&undone, link);
    }

  aioproc_mutex_unlock (&self->order);

  while ((link = g_queue_pop_head_link (&not_over)) != NULL)
    aioproc_wait_entry_go_on (link->data);

  /* Without a thread, the work is this one's. */
  while ((link = g_queue_pop_head_link (&undone)) != NULL)
    aioproc_wait_entry_work (link->data);
}

static void
aioproc_wait_entry_cancelled_cb (GCancellable *cancellable,
                                 gpointer      user_data)
{
  AioprocWaitEntry *entry = user_data;
  AioprocWaitQueue *self = entry->queue;
  GQueue done = G_QUEUE_INIT;

  aioproc_wait_queue_lock (self);

  /* What was pending when the process forked is the parent's. */
  if (!entry->pending)
    entry->cancelled = TRUE;
  else if (entry->fork_generation == self->fork_generation)
    aioproc_wait_queue_fail_locked (self, entry, G_IO_ERROR_CANCELLED, &done);

  aioproc_wait_queue_unlock (self, &done);
}

AioprocWaitEntry *
aioproc_wait_entry_new (AioprocWaitQueue     *self,
                        const AioprocWaitOps *ops,
                        GTask                *task,
                        AioprocWaitRequest   *request)
{
  AioprocWaitEntry *entry = g_new0 (AioprocWaitEntry, 1);

  g_atomic_ref_count_init (&entry->ref_count);
  entry->link.data = entry;
  entry->queue = aioproc_wait_queue_ref (self);
  entry->ops = ops;
  entry->task = task;
  entry->request = request;
  entry->deadline_usec = -1;
  entry->fork_generation = aioproc_wait_group_get_fork_generation ();

  return entry;
}

void
aioproc_wait_entry_set_limits (AioprocWaitEntry *entry,
                               gint64            timeout_usec)
{
  GCancellable *cancellable = g_task_get_cancellable (entry->task);

  entry->deadline_usec = aioproc_wait_deadline (timeout_usec);

  if (cancellable != NULL)
    {
      g_atomic_ref_count_inc (&entry->ref_count);
      entry->cancelled_id = g_cancellable_connect (cancellable,
                                                   G_CALLBACK (aioproc_wait_entry_cancelled_cb),
                                                   entry,
                                                   (GDestroyNotify) aioproc_wait_entry_unref);
    }
}
