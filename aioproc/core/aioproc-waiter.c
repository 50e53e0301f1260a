/* aioproc-waiter.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-waiter-private.h"

#include "core/aioproc-wait-queue-private.h"

/* --- The waiter's threads --- */

gboolean
aioproc_wait_queue_poll (AioprocWaitQueue *self,
                         gint64            now_usec,
                         gboolean          slept,
                         guint32          *expected,
                         gint64           *wake_usec)
{
  GQueue done = G_QUEUE_INIT;
  gint64 retry_usec;
  gboolean more;

  aioproc_mutex_lock (&self->mutex);
  aioproc_wait_queue_try_locked (self, slept, expected, &retry_usec, &done);
  aioproc_wait_queue_expire_locked (self, now_usec, &done);
  *wake_usec = aioproc_wait_earlier (self->first_deadline_usec, retry_usec);
  more = self->entries.length > 0;

  /* Under the mutex, so that the next operation sees that nobody watches. The thread has slept on
   * the word since the last operation went, and may have been woken in the stead of another.
   */
  if (!more)
    {
      aioproc_wait_watch_end_locked (&self->watch);

      if (self->withdraw != NULL)
        self->withdraw (self->word);
    }

  aioproc_wait_queue_unlock (self, &done);

  return more;
}

AioprocFamily *
aioproc_wait_queue_get_family (AioprocWaitQueue *self)
{
  return self->family;
}

_Atomic guint32 *
aioproc_wait_queue_get_word (AioprocWaitQueue *self)
{
  return self->word;
}

gboolean
aioproc_wait_queue_take_poke (AioprocWaitQueue *self)
{
  /* Partner: the store before the group's control word is bumped. */
  return atomic_load (&self->watch.poked) != 0 && atomic_exchange (&self->watch.poked, 0) != 0;
}

/* --- For the classes --- */

AioprocWaitQueue *
aioproc_wait_queue_new (AioprocShm      *shm,
                        _Atomic guint32 *word,
                        gpointer         object)
{
  AioprocWaitQueue *self = g_new0 (AioprocWaitQueue, 1);

  g_assert (object != NULL);

  g_atomic_ref_count_init (&self->ref_count);
  self->shm = aioproc_shm_ref (shm);
  self->family = aioproc_shm_get_family (shm);
  self->word = word;
  self->object = object;
  self->first_deadline_usec = -1;
  self->fork_generation = aioproc_wait_group_get_fork_generation ();
  g_queue_init (&self->entries);
  aioproc_mutex_init (&self->mutex);
  aioproc_mutex_init (&self->order);
  aioproc_wait_watch_init (&self->watch, self);

  return self;
}

void
aioproc_wait_queue_free (AioprocWaitQueue *self)
{
  aioproc_wait_queue_close (self);
  aioproc_wait_queue_unref (self);
}

void
aioproc_wait_queue_close (AioprocWaitQueue *self)
{
  GQueue done = G_QUEUE_INIT;

  aioproc_wait_queue_lock (self);

  if (atomic_exchange (&self->closed, 1) == 0)
    aioproc_futex_wake (&self->closed, G_MAXUINT);

  while (self->entries.head != NULL)
    {
      AioprocWaitEntry *entry = self->entries.head->data;

      aioproc_wait_queue_fail_locked (self, entry, G_IO_ERROR_CLOSED, &done);
    }

  /* A thread that watches the word keeps it mapped: let it look, and let go. */
  aioproc_wait_watch_kick_locked (&self->watch);
  aioproc_wait_queue_unlock (self, &done);
}

gboolean
aioproc_wait_queue_is_closed (AioprocWaitQueue *self)
{
  return atomic_load_explicit (&self->closed, memory_order_relaxed) != 0;
}

const _Atomic guint *
aioproc_wait_queue_peek_pending (AioprocWaitQueue *self)
{
  return &self->n_pending;
}

gboolean
aioproc_wait_queue_has_pending (AioprocWaitQueue *self)
{
  return atomic_load (&self->n_pending) > 0;
}

/* Has the word watched for an entry that was pushed. What its attempt has seen may have changed
 * before that, and who changed it did not know of the entry. A thread that begins to watch tries
 * anew; where one does already, this one tries. FALSE: there is no thread.
 */
static gboolean
aioproc_wait_queue_watch_locked (AioprocWaitQueue  *self,
                                 gint64             wake_usec,
                                 GQueue            *done,
                                 GError           **error)
{
  gboolean was_watched = self->watch.group != NULL;
  gint64 retry_usec = -1;
  guint32 expected;

  if (!aioproc_wait_watch_begin_locked (&self->watch, wake_usec, error))
    return FALSE;

  /* Behind others it is tried when they are over. */
  if (was_watched && self->entries.length == 1)
    aioproc_wait_queue_try_locked (self, FALSE, &expected, &retry_usec, done);

  if (retry_usec >= 0)
    aioproc_wait_watch_hurry_locked (&self->watch, retry_usec);

  return TRUE;
}

void
aioproc_wait_queue_start (AioprocWaitQueue     *self,
                          const AioprocWaitOps *ops,
                          GTask                *task,
                          gint64                timeout_usec)
{
  AioprocWaitRequest *request = g_task_get_task_data (task);
  GQueue done = G_QUEUE_INIT;
  AioprocWaitEntry *entry;
  GError *error = NULL;
  guint32 expected;
  gboolean over = FALSE;

  aioproc_wait_queue_lock (self);

  if (g_cancellable_is_cancelled (g_task_get_cancellable (task)))
    error = aioproc_wait_error_new (self, ops, G_IO_ERROR_CANCELLED);
  else if (atomic_load (&self->closed))
    error = aioproc_wait_error_new (self, ops, G_IO_ERROR_CLOSED);
  else if (self->entries.length == 0)
    over = aioproc_wait_queue_attempt (self, ops, request, &expected);

  if (!over && error == NULL && timeout_usec == 0)
    error = aioproc_wait_error_new (self, ops, G_IO_ERROR_TIMED_OUT);

  if (error != NULL && aioproc_wait_queue_give_up (self, ops, request))
    {
      g_clear_error (&error);
      over = TRUE;
    }

  aioproc_mutex_unlock (&self->mutex);

  if (over && ops->go_on != NULL)
    {
      ops->go_on (self->object, task);
      return;
    }

  entry = aioproc_wait_entry_new (self, ops, task, request);

  /* Completed like those that had to wait, so that it stays in front of them. */
  if (error != NULL || (over && !request->has_work))
    {
      entry->error = error;
      aioproc_wait_entry_push (entry);
      return;
    }

  aioproc_wait_entry_set_limits (entry, timeout_usec);
  aioproc_wait_queue_lock (self);

  if (over)
    {
      g_queue_push_tail_link (&done, &entry->link);
    }
  else
    {
      aioproc_wait_queue_push_locked (self, entry);

      if (atomic_load (&self->closed))
        aioproc_wait_queue_fail_locked (self, entry, G_IO_ERROR_CLOSED, &done);
      else if (entry->cancelled)
        aioproc_wait_queue_fail_locked (self, entry, G_IO_ERROR_CANCELLED, &done);
      else if (!aioproc_wait_queue_watch_locked (self, entry->deadline_usec, &done, &error))
        aioproc_wait_queue_pop_locked (self, entry, error, &done);
    }

  aioproc_wait_queue_unlock (self, &done);
}

gboolean
aioproc_wait_queue_start_bare (AioprocWaitQueue      *self,
                               const AioprocWaitOps  *ops,
                               AioprocWaitRequest    *request,
                               GError               **error)
{
  AioprocWaitEntry *entry = aioproc_wait_entry_new (self, ops, NULL, request);
  GQueue done = G_QUEUE_INIT;
  GQueue undone = G_QUEUE_INIT;
  guint32 expected;

  aioproc_wait_queue_lock (self);

  if (atomic_load (&self->closed) ||
      (self->entries.length == 0 && aioproc_wait_queue_attempt (self, ops, request, &expected)))
    {
      g_queue_push_tail_link (&done, &entry->link);
    }
  else
    {
      aioproc_wait_queue_push_locked (self, entry);

      if (!aioproc_wait_queue_watch_locked (self, request->retry_usec, &done, error))
        aioproc_wait_queue_pop_locked (self, entry, NULL, &undone);
    }

  aioproc_wait_queue_unlock (self, &done);

  if (undone.length == 0)
    return TRUE;

  aioproc_wait_entry_unref (entry);

  return FALSE;
}

void
aioproc_wait_queue_serve (AioprocWaitQueue *self)
{
  GQueue done = G_QUEUE_INIT;
  guint32 expected;
  gint64 retry_usec;

  if (!aioproc_wait_queue_has_pending (self))
    return;

  aioproc_wait_queue_lock (self);
  aioproc_wait_queue_try_locked (self, FALSE, &expected, &retry_usec, &done);

  if (retry_usec >= 0)
    aioproc_wait_watch_hurry_locked (&self->watch, retry_usec);

  aioproc_wait_queue_unlock (self, &done);
}

gboolean
aioproc_wait_queue_hand_over (AioprocWaitQueue    *self,
                              AioprocWaitFillFunc  fill)
{
  GQueue done = G_QUEUE_INIT;
  gboolean handed_over;

  if (!aioproc_wait_queue_has_pending (self))
    return FALSE;

  aioproc_wait_queue_lock (self);
  handed_over = self->entries.head != NULL;

  if (handed_over)
    {
      AioprocWaitEntry *entry = self->entries.head->data;

      if (fill != NULL)
        fill (entry->request);

      aioproc_wait_queue_pop_locked (self, entry, NULL, &done);
    }

  aioproc_wait_queue_unlock (self, &done);

  return handed_over;
}
