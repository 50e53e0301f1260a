/* aioproc-waiter.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-waiter-private.h"

#include "core/aioproc-completion-private.h"
#include "core/aioproc-mutex-private.h"
#include "core/aioproc-wait-group-private.h"

typedef struct {
  GList                 link;           /* in the queue's FIFO; protected by the queue's mutex */
  AioprocWaitQueue     *queue;          /* (owned) */
  const AioprocWaitOps *ops;
  GTask                *task;           /* (owned) until its completion is pushed */
  AioprocWaitRequest   *request;        /* the task data */
  gint64                deadline_usec;  /* -1: none */
  gulong                cancelled_id;   /* written before the entry is in the FIFO, 0: none */
  guint                 fork_generation; /* of the process that started it */
  gboolean              pending;        /* in the FIFO; protected by the queue's mutex */
  gboolean              cancelled;      /* before that; protected by the queue's mutex */
  AioprocMutex          worked;         /* held between the push of a completion and what follows */
  GError               *error;          /* (owned) (nullable) it ended without having its way */
  gatomicrefcount       ref_count;      /* of the FIFO or completion, of the handler */
} WaitEntry;

struct _AioprocWaitQueue {
  gatomicrefcount  ref_count;

  /* Immutable after construction. */
  AioprocShm      *shm;                 /* (owned) */
  AioprocFamily   *family;
  _Atomic guint32 *word;
  gpointer         object;              /* valid while an operation runs or is pending */

  /* Serialises attempts, so that the FIFO is one. Never held across completions. Taken before the
   * mutex of the groups.
   */
  AioprocMutex     mutex;
  AioprocMutex     order;               /* held while completing; taken before @mutex is let go */
  GQueue           entries;             /* (element-type WaitEntry); protected by @mutex */
  gint64           first_deadline_usec; /* or earlier, -1: none; protected by @mutex */
  void           (*withdraw) (_Atomic guint32 *word); /* of the last entry; protected by @mutex */
  guint            fork_generation;     /* of this process; protected by @mutex */
  _Atomic guint    n_pending;           /* (atomic) the length of @entries */
  _Atomic guint32  closed;              /* (atomic) a futex that sync operations watch: 0 or 1 */
  AioprocWaitWatch watch;               /* what the groups keep of a queue */
};

static gint64
earlier (gint64 a_usec,
         gint64 b_usec)
{
  if (a_usec < 0)
    return b_usec;

  if (b_usec < 0)
    return a_usec;

  return MIN (a_usec, b_usec);
}

static gint64
deadline_from_timeout (gint64 timeout_usec)
{
  gint64 now_usec = g_get_monotonic_time ();

  if (timeout_usec < 0 || timeout_usec > G_MAXINT64 - now_usec)
    return -1;

  return now_usec + timeout_usec;
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

static void
wait_entry_unref (WaitEntry *entry)
{
  if (!g_atomic_ref_count_dec (&entry->ref_count))
    return;

  g_assert (!entry->pending);
  aioproc_mutex_clear (&entry->worked);
  g_clear_object (&entry->task);
  g_clear_error (&entry->error);
  aioproc_wait_queue_unref (entry->queue);
  g_free (entry);
}

static GError *
wait_error_new (AioprocWaitQueue     *self,
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

static gboolean
aioproc_wait_queue_attempt (AioprocWaitQueue     *self,
                            const AioprocWaitOps *ops,
                            AioprocWaitRequest   *request,
                            guint32              *expected)
{
  request->retry_usec = -1;

  return ops->attempt (self->object, request, expected);
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

static void
aioproc_wait_queue_lock (AioprocWaitQueue *self)
{
  aioproc_mutex_lock (&self->mutex);
  aioproc_wait_queue_check_fork_locked (self);
}

static void
aioproc_wait_queue_push_locked (AioprocWaitQueue *self,
                                WaitEntry        *entry)
{
  entry->pending = TRUE;
  g_queue_push_tail_link (&self->entries, &entry->link);
  self->withdraw = entry->ops->withdraw;
  self->first_deadline_usec = earlier (self->first_deadline_usec, entry->deadline_usec);
  atomic_fetch_add (&self->n_pending, 1);
}

/* Moves @entry from the FIFO to @done; the reference goes along. */
static void
aioproc_wait_queue_pop_locked (AioprocWaitQueue *self,
                               WaitEntry        *entry,
                               GError           *error,
                               GQueue           *done)
{
  entry->pending = FALSE;
  entry->error = error;
  g_queue_unlink (&self->entries, &entry->link);
  g_queue_push_tail_link (done, &entry->link);
  atomic_fetch_sub (&self->n_pending, 1);

  if (self->entries.length == 0)
    self->first_deadline_usec = -1;
}

static void
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
      WaitEntry *entry = link->data;

      next = link->next;

      if (entry->deadline_usec >= 0 && entry->deadline_usec <= now_usec)
        aioproc_wait_queue_pop_locked (self, entry,
                                       wait_error_new (self, entry->ops, G_IO_ERROR_TIMED_OUT),
                                       done);
      else
        first_usec = earlier (first_usec, entry->deadline_usec);
    }

  self->first_deadline_usec = first_usec;
}

/* Tries for the entries in their order, until one must wait. */
static void
aioproc_wait_queue_try_locked (AioprocWaitQueue *self,
                               gboolean          slept,
                               guint32          *expected,
                               gint64           *retry_usec,
                               GQueue           *done)
{
  *retry_usec = -1;

  while (self->entries.head != NULL)
    {
      WaitEntry *entry = self->entries.head->data;

      entry->request->slept |= slept;

      if (!aioproc_wait_queue_attempt (self, entry->ops, entry->request, expected))
        {
          *retry_usec = entry->request->retry_usec;
          return;
        }

      aioproc_wait_queue_pop_locked (self, entry, NULL, done);
    }
}

/* --- Completion --- */

static void
wait_entry_complete_cb (GTask    *task,
                        gpointer  data)
{
  WaitEntry *entry = data;

  /* What the thread that did the work does behind it is short, and needs the object. */
  aioproc_mutex_lock (&entry->worked);
  aioproc_mutex_unlock (&entry->worked);

  /* Does not wait for a handler that runs, as g_cancellable_disconnect() does: a program may
   * iterate this context inside of another handler. Ours has a reference of its own.
   */
  if (entry->cancelled_id != 0)
    g_signal_handler_disconnect (g_task_get_cancellable (task), entry->cancelled_id);

  if (entry->error != NULL)
    g_task_return_error (task, g_steal_pointer (&entry->error));
  else
    entry->ops->complete (entry->queue->object, task, entry->request);

  wait_entry_unref (entry);
}

static void
wait_entry_push (WaitEntry *entry)
{
  /* The handler, which may be the last to have the entry, must not be the last to have the task. */
  aioproc_completion_push (g_steal_pointer (&entry->task), wait_entry_complete_cb, entry);
}

static void
wait_entry_work (gpointer data)
{
  WaitEntry *entry = data;
  const AioprocWaitOps *ops = entry->ops;
  gpointer object = entry->queue->object;

  ops->work (object, entry->request);

  if (ops->worked == NULL)
    {
      wait_entry_push (entry);
      return;
    }

  /* The completion, which may let go of the object, passes this mutex first. */
  g_atomic_ref_count_inc (&entry->ref_count);
  aioproc_mutex_lock (&entry->worked);
  wait_entry_push (entry);
  ops->worked (object);
  aioproc_mutex_unlock (&entry->worked);
  wait_entry_unref (entry);
}

/* Lets go of the mutex, and completes what was popped under it. Two threads that do so one after
 * the other complete in that order, since the second cannot pass the first on its way from the one
 * mutex to the other; and a main loop that is woken by a completion finds @mutex free.
 */
static void
aioproc_wait_queue_unlock (AioprocWaitQueue *self,
                           GQueue           *done)
{
  GQueue undone = G_QUEUE_INIT;
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
      WaitEntry *entry = link->data;

      if (entry->error != NULL || !entry->request->has_work)
        wait_entry_push (entry);
      else if (!aioproc_waiter_run (wait_entry_work, entry, NULL))
        g_queue_push_tail_link (&undone, link);
    }

  aioproc_mutex_unlock (&self->order);

  /* Without a thread, the work is this one's. */
  while ((link = g_queue_pop_head_link (&undone)) != NULL)
    wait_entry_work (link->data);
}

static void
wait_entry_cancelled_cb (GCancellable *cancellable,
                         gpointer      user_data)
{
  WaitEntry *entry = user_data;
  AioprocWaitQueue *self = entry->queue;
  GQueue done = G_QUEUE_INIT;

  aioproc_wait_queue_lock (self);

  /* What was pending when the process forked is the parent's. */
  if (!entry->pending)
    entry->cancelled = TRUE;
  else if (entry->fork_generation == self->fork_generation)
    aioproc_wait_queue_pop_locked (self, entry,
                                   wait_error_new (self, entry->ops, G_IO_ERROR_CANCELLED), &done);

  aioproc_wait_queue_unlock (self, &done);
}

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
  *wake_usec = earlier (self->first_deadline_usec, retry_usec);
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
      WaitEntry *entry = self->entries.head->data;

      aioproc_wait_queue_pop_locked (self, entry,
                                     wait_error_new (self, entry->ops, G_IO_ERROR_CLOSED), &done);
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

static WaitEntry *
wait_entry_new (AioprocWaitQueue     *self,
                const AioprocWaitOps *ops,
                GTask                *task)
{
  WaitEntry *entry = g_new0 (WaitEntry, 1);

  g_atomic_ref_count_init (&entry->ref_count);
  aioproc_mutex_init (&entry->worked);
  entry->link.data = entry;
  entry->queue = aioproc_wait_queue_ref (self);
  entry->ops = ops;
  entry->task = task;
  entry->request = g_task_get_task_data (task);
  entry->deadline_usec = -1;
  entry->fork_generation = aioproc_wait_group_get_fork_generation ();

  return entry;
}

/* Before the entry is in the FIFO, and without the mutex, which the handler takes. */
static void
wait_entry_set_limits (WaitEntry *entry,
                       gint64     timeout_usec)
{
  GCancellable *cancellable = g_task_get_cancellable (entry->task);

  entry->deadline_usec = deadline_from_timeout (timeout_usec);

  if (cancellable != NULL)
    {
      g_atomic_ref_count_inc (&entry->ref_count);
      entry->cancelled_id = g_cancellable_connect (cancellable,
                                                   G_CALLBACK (wait_entry_cancelled_cb), entry,
                                                   (GDestroyNotify) wait_entry_unref);
    }
}

void
aioproc_wait_queue_start (AioprocWaitQueue     *self,
                          const AioprocWaitOps *ops,
                          GTask                *task,
                          gint64                timeout_usec)
{
  AioprocWaitRequest *request = g_task_get_task_data (task);
  GQueue done = G_QUEUE_INIT;
  WaitEntry *entry = NULL;
  GError *error = NULL;
  guint32 expected;
  gboolean over = FALSE;

  if (g_task_return_error_if_cancelled (task))
    {
      g_object_unref (task);
      return;
    }

  aioproc_wait_queue_lock (self);

  if (atomic_load (&self->closed))
    error = wait_error_new (self, ops, G_IO_ERROR_CLOSED);
  else if (self->entries.length == 0)
    over = aioproc_wait_queue_attempt (self, ops, request, &expected);

  if (!over && error == NULL && timeout_usec == 0)
    error = wait_error_new (self, ops, G_IO_ERROR_TIMED_OUT);

  aioproc_mutex_unlock (&self->mutex);

  if (error != NULL)
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  /* Completed like those that had to wait, so that it stays in front of them. */
  if (over && !request->has_work)
    {
      wait_entry_push (wait_entry_new (self, ops, task));
      return;
    }

  entry = wait_entry_new (self, ops, task);
  wait_entry_set_limits (entry, timeout_usec);
  aioproc_wait_queue_lock (self);

  if (over)
    {
      g_queue_push_tail_link (&done, &entry->link);
    }
  else
    {
      aioproc_wait_queue_push_locked (self, entry);

      if (atomic_load (&self->closed))
        aioproc_wait_queue_pop_locked (self, entry, wait_error_new (self, ops, G_IO_ERROR_CLOSED),
                                       &done);
      else if (entry->cancelled)
        aioproc_wait_queue_pop_locked (self, entry,
                                       wait_error_new (self, ops, G_IO_ERROR_CANCELLED), &done);
      else if (!aioproc_wait_watch_begin_locked (&self->watch, entry->deadline_usec, &error))
        aioproc_wait_queue_pop_locked (self, entry, error, &done);
    }

  aioproc_wait_queue_unlock (self, &done);
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
      WaitEntry *entry = self->entries.head->data;

      if (fill != NULL)
        fill (entry->request);

      aioproc_wait_queue_pop_locked (self, entry, NULL, &done);
    }

  aioproc_wait_queue_unlock (self, &done);

  return handed_over;
}

static void
wake_sync_wait_cb (GCancellable *cancellable,
                   gpointer      user_data)
{
  _Atomic guint32 *cancelled = user_data;

  atomic_store (cancelled, 1);
  aioproc_futex_wake (cancelled, 1);
}

static void
aioproc_wait_queue_sleep (AioprocWaitQueue *self,
                          guint32           sequence,
                          guint32           expected,
                          _Atomic guint32  *cancelled,
                          gint64            deadline_usec)
{
  AioprocFutexWait waits[] = {
    { self->word, expected },
    { aioproc_family_get_sequence (self->family), sequence },
    { &self->closed, 0 },
    { cancelled, 0 },
  };

  if (aioproc_futex_has_waitv ())
    aioproc_futex_waitv (waits, G_N_ELEMENTS (waits),
                         earlier (deadline_usec, aioproc_family_get_backstop ()));
  else
    aioproc_family_sleep (self->family, sequence, self->word, expected, deadline_usec);
}

gboolean
aioproc_wait_queue_wait (AioprocWaitQueue      *self,
                         const AioprocWaitOps  *ops,
                         AioprocWaitRequest    *request,
                         gint64                 timeout_usec,
                         GCancellable          *cancellable,
                         GError               **error)
{
  _Atomic guint32 *sequence_word = aioproc_family_get_sequence (self->family);
  _Atomic guint32 cancelled = 0;
  gint64 deadline_usec = -1;
  gulong cancelled_id = 0;
  gboolean over = FALSE;
  GIOErrorEnum code;

  request->slept = FALSE;
  request->has_work = FALSE;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  for (;;)
    {
      /* Before the attempt reads anything. Partner: the announcement of a death. */
      guint32 sequence = atomic_load_explicit (sequence_word, memory_order_acquire);
      guint32 expected;

      if (atomic_load (&self->closed))
        {
          code = G_IO_ERROR_CLOSED;
          break;
        }

      over = aioproc_wait_queue_attempt (self, ops, request, &expected);

      if (over)
        break;

      if (!request->slept && timeout_usec != 0)
        {
          deadline_usec = deadline_from_timeout (timeout_usec);

          if (cancellable != NULL)
            cancelled_id = g_cancellable_connect (cancellable, G_CALLBACK (wake_sync_wait_cb),
                                                  (gpointer) &cancelled, NULL);
        }

      if (timeout_usec == 0 ||
          (deadline_usec >= 0 && g_get_monotonic_time () >= deadline_usec))
        {
          code = G_IO_ERROR_TIMED_OUT;
          break;
        }

      if (atomic_load (&cancelled))
        {
          code = G_IO_ERROR_CANCELLED;
          break;
        }

      aioproc_wait_queue_sleep (self, sequence, expected, &cancelled,
                                earlier (deadline_usec, request->retry_usec));
      request->slept = TRUE;
    }

  g_cancellable_disconnect (cancellable, cancelled_id);

  if (!over)
    {
      if (request->slept && ops->withdraw != NULL)
        ops->withdraw (self->word);

      g_propagate_error (error, wait_error_new (self, ops, code));
      return FALSE;
    }

  if (request->has_work)
    ops->work (self->object, request);

  return TRUE;
}
