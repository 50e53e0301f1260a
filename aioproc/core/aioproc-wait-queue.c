/* aioproc-wait-queue.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-wait-queue-private.h"

gint64
aioproc_wait_earlier (gint64 a_usec,
                      gint64 b_usec)
{
  if (a_usec < 0)
    return b_usec;

  if (b_usec < 0)
    return a_usec;

  return MIN (a_usec, b_usec);
}

gint64
aioproc_wait_deadline (gint64 timeout_usec)
{
  gint64 now_usec = g_get_monotonic_time ();

  if (timeout_usec < 0 || timeout_usec > G_MAXINT64 - now_usec)
    return -1;

  return now_usec + timeout_usec;
}

gint64
aioproc_wait_rest (gint64 deadline_usec)
{
  return deadline_usec < 0 ? -1 : MAX (deadline_usec - g_get_monotonic_time (), 0);
}

AioprocWaitQueue *
aioproc_wait_queue_ref (AioprocWaitQueue *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
aioproc_wait_queue_unref (AioprocWaitQueue *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  aioproc_shm_unref (self->shm);
  aioproc_mutex_clear (&self->mutex);
  aioproc_mutex_clear (&self->order);
  g_free (self);
}

GError *
aioproc_wait_error_new (AioprocWaitQueue     *self,
                        const AioprocWaitOps *ops,
                        GIOErrorEnum          code)
{
  const char *what = aioproc_shm_describe (self->shm);

  switch ((int) code)
    {
    case G_IO_ERROR_TIMED_OUT:
      return g_error_new (G_IO_ERROR, code, "Timed out waiting to %s %s", ops->verb, what);

    case G_IO_ERROR_CANCELLED:
      return g_error_new (G_IO_ERROR, code, "The wait to %s %s was cancelled", ops->verb, what);

    case G_IO_ERROR_CLOSED:
      return g_error_new (G_IO_ERROR, code, "Could not %s %s: it was closed in this process",
                          ops->verb, what);

    default:
      g_assert_not_reached ();
    }
}

gboolean
aioproc_wait_queue_attempt (AioprocWaitQueue     *self,
                            const AioprocWaitOps *ops,
                            AioprocWaitRequest   *request,
                            guint32              *expected)
{
  request->retry_usec = -1;

  return ops->attempt (self->object, request, expected);
}

gboolean
aioproc_wait_queue_give_up (AioprocWaitQueue     *self,
                            const AioprocWaitOps *ops,
                            AioprocWaitRequest   *request)
{
  return ops->give_up != NULL && ops->give_up (self->object, request);
}

/* --- The FIFO --- */

/* What the parent's FIFO held belongs to the parent: its tasks, threads and contexts are there. The
 * entries are left alone, since whatever they point to may be half-made.
 */
static void
aioproc_wait_queue_check_fork_locked (AioprocWaitQueue *self)
{
  guint generation = aioproc_wait_group_get_fork_generation ();

  if (G_LIKELY (self->fork_generation == generation))
    return;

  self->fork_generation = generation;
  g_queue_init (&self->entries);
  self->first_deadline_usec = -1;
  atomic_store (&self->n_pending, 0);
  aioproc_wait_watch_init (&self->watch, self);
}

void
aioproc_wait_queue_lock (AioprocWaitQueue *self)
{
  aioproc_mutex_lock (&self->mutex);
  aioproc_wait_queue_check_fork_locked (self);
}

void
aioproc_wait_queue_push_locked (AioprocWaitQueue *self,
                                AioprocWaitEntry *entry)
{
  entry->pending = TRUE;
  g_queue_push_tail_link (&self->entries, &entry->link);
  self->withdraw = entry->ops->withdraw;
  self->first_deadline_usec = aioproc_wait_earlier (self->first_deadline_usec,
                                                    entry->deadline_usec);
  atomic_fetch_add (&self->n_pending, 1);
}

void
aioproc_wait_queue_pop_locked (AioprocWaitQueue *self,
                               AioprocWaitEntry *entry,
                               GError           *error,
                               GQueue           *done)
{
  if (error != NULL && aioproc_wait_queue_give_up (self, entry->ops, entry->request))
    g_clear_error (&error);

  entry->pending = FALSE;
  entry->error = error;
  g_queue_unlink (&self->entries, &entry->link);
  g_queue_push_tail_link (done, &entry->link);
  atomic_fetch_sub (&self->n_pending, 1);

  if (self->entries.length == 0)
    self->first_deadline_usec = -1;
}

void
aioproc_wait_queue_fail_locked (AioprocWaitQueue *self,
                                AioprocWaitEntry *entry,
                                GIOErrorEnum      code,
                                GQueue           *done)
{
  aioproc_wait_queue_pop_locked (self, entry, aioproc_wait_error_new (self, entry->ops, code),
                                 done);
}

void
aioproc_wait_queue_expire_locked (AioprocWaitQueue *self,
                                  gint64            now_usec,
                                  GQueue           *done)
{
  GList *next;
  gint64 first_usec = -1;

  if (self->first_deadline_usec < 0 || now_usec < self->first_deadline_usec)
    return;

  for (GList *link = self->entries.head; link != NULL; link = next)
    {
      AioprocWaitEntry *entry = link->data;

      next = link->next;

      if (entry->deadline_usec >= 0 && entry->deadline_usec <= now_usec)
        aioproc_wait_queue_fail_locked (self, entry, G_IO_ERROR_TIMED_OUT, done);
      else
        first_usec = aioproc_wait_earlier (first_usec, entry->deadline_usec);
    }

  self->first_deadline_usec = first_usec;
}

void
aioproc_wait_queue_try_locked (AioprocWaitQueue *self,
                               gboolean          slept,
                               guint32          *expected,
                               gint64           *retry_usec,
                               GQueue           *done)
{
  *retry_usec = -1;

  while (self->entries.head != NULL)
    {
      AioprocWaitEntry *entry = self->entries.head->data;

      entry->request->slept |= slept;

      if (!aioproc_wait_queue_attempt (self, entry->ops, entry->request, expected))
        {
          *retry_usec = entry->request->retry_usec;
          return;
        }

      aioproc_wait_queue_pop_locked (self, entry, NULL, done);
    }
}
