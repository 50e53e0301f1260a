/* aioproc-wait-group.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-wait-group-private.h"

#include <pthread.h>

#include "core/aioproc-mutex-private.h"

/* A group is a thread of the pool that sleeps in futex_waitv() on the words of its queues, on the
 * sequence word of the family, which the announcement of a death bumps, and on a control word of
 * its own, which is bumped when a queue comes or must be polled before its time. It ends when it
 * has no queue left.
 */

/* All words of a futex_waitv() but the two others. */
#define GROUP_MAX (AIOPROC_FUTEX_WAITV_MAX - 2)

typedef struct {
  AioprocWaitQueue *queue;       /* (owned) */
  guint32           expected;
  gint64            wake_usec;   /* -1: never */
  gboolean          fresh;       /* not polled yet */
} Watched;

struct _AioprocWaitGroup {
  AioprocWaitGroup *next;        /* protected by @groups_mutex */
  AioprocFamily    *family;      /* immutable */
  guint             n_watches;   /* in @added and @watched; protected by @groups_mutex */
  GPtrArray        *added;       /* (owned) queues to watch; protected by @groups_mutex */
  _Atomic guint32   control;     /* (atomic) a futex */
  _Atomic gint64    sleep_until; /* (atomic) -1: not bounded; G_MAXINT64: the thread is awake */

  /* Of the group's thread. */
  Watched           watched[GROUP_MAX];
  guint             n_watched;
};

/* Taken after a queue's mutex, and before that of the pool. */
static AioprocMutex groups_mutex;
static AioprocWaitGroup *groups;
/* Held for reading by each group's thread while it is awake, and for writing during a fork: so a
 * child gets its copy of the queues between two steps, not within one.
 */
static GRWLock fork_gate;
/* (atomic) */
static _Atomic guint fork_generation;

static guint
get_group_max (void)
{
  /* Without futex_waitv() a thread can sleep on one word only. */
  return aioproc_futex_has_waitv () ? GROUP_MAX : 1;
}

static void
aioproc_wait_group_prepare_fork (void)
{
  g_rw_lock_writer_lock (&fork_gate);
}

static void
aioproc_wait_group_forked_parent (void)
{
  g_rw_lock_writer_unlock (&fork_gate);
}

/* The threads stayed with the parent. */
static void
aioproc_wait_group_forked_child (void)
{
  g_rw_lock_init (&fork_gate);
  aioproc_mutex_init (&groups_mutex);
  groups = NULL;
  atomic_fetch_add (&fork_generation, 1);
}

static void
aioproc_wait_group_install_fork_handlers (void)
{
  static gsize installed;

  if (g_once_init_enter (&installed))
    {
      /* Else the first who locks it makes it, which others need not see. */
      g_rw_lock_init (&fork_gate);
      pthread_atfork (aioproc_wait_group_prepare_fork, aioproc_wait_group_forked_parent,
                      aioproc_wait_group_forked_child);
      g_once_init_leave (&installed, 1);
    }
}

guint
aioproc_wait_group_get_fork_generation (void)
{
  aioproc_wait_group_install_fork_handlers ();

  return atomic_load_explicit (&fork_generation, memory_order_relaxed);
}

static void
aioproc_wait_group_kick (AioprocWaitGroup *self)
{
  atomic_fetch_add (&self->control, 1);
  aioproc_futex_wake (&self->control, 1);
}

/* FALSE: the group has nothing to watch any more, and is gone. */
static gboolean
aioproc_wait_group_take_added (AioprocWaitGroup *self)
{
  AIOPROC_MUTEX_AUTO_LOCK (&groups_mutex, locker);

  for (guint i = 0; i < self->added->len; i++)
    self->watched[self->n_watched++] = (Watched) {
      .queue = g_ptr_array_index (self->added, i),
      .wake_usec = -1,
      .fresh = TRUE,
    };

  g_ptr_array_set_size (self->added, 0);

  if (self->n_watches > 0)
    return TRUE;

  for (AioprocWaitGroup **link = &groups; *link != NULL; link = &(*link)->next)
    {
      if (*link == self)
        {
          *link = self->next;
          break;
        }
    }

  return FALSE;
}

static gboolean
watched_must_poll (const Watched *watched,
                   gint64         now_usec)
{
  guint32 value = atomic_load_explicit (aioproc_wait_queue_get_word (watched->queue),
                                        memory_order_acquire);

  return aioproc_wait_queue_take_poke (watched->queue) ||
         watched->fresh ||
         value != watched->expected ||
         (watched->wake_usec >= 0 && watched->wake_usec <= now_usec);
}

/* Polls what may have changed. Returns until when the thread may sleep. */
static gint64
aioproc_wait_group_poll (AioprocWaitGroup *self,
                         gboolean          all)
{
  gint64 now_usec = g_get_monotonic_time ();
  gint64 wake_usec = -1;
  guint i = 0;

  while (i < self->n_watched)
    {
      Watched *watched = &self->watched[i];

      if ((watched_must_poll (watched, now_usec) || all) &&
          !aioproc_wait_queue_poll (watched->queue, now_usec, !watched->fresh, &watched->expected,
                                    &watched->wake_usec))
        {
          aioproc_wait_queue_unref (watched->queue);
          *watched = self->watched[--self->n_watched];

          aioproc_mutex_lock (&groups_mutex);
          self->n_watches--;
          aioproc_mutex_unlock (&groups_mutex);
          continue;
        }

      watched->fresh = FALSE;

      if (watched->wake_usec >= 0 && (wake_usec < 0 || watched->wake_usec < wake_usec))
        wake_usec = watched->wake_usec;

      i++;
    }

  return wake_usec;
}

static void
aioproc_wait_group_sleep (AioprocWaitGroup *self,
                          guint32           control,
                          guint32           sequence,
                          gint64            deadline_usec)
{
  AioprocFutexWait waits[AIOPROC_FUTEX_WAITV_MAX];

  if (!aioproc_futex_has_waitv ())
    {
      if (self->n_watched > 0)
        aioproc_family_sleep (self->family, sequence,
                              aioproc_wait_queue_get_word (self->watched[0].queue),
                              self->watched[0].expected, deadline_usec);

      return;
    }

  waits[0] = (AioprocFutexWait) { &self->control, control };
  waits[1] = (AioprocFutexWait) { aioproc_family_get_sequence (self->family), sequence };

  for (guint i = 0; i < self->n_watched; i++)
    waits[i + 2] = (AioprocFutexWait) {
      aioproc_wait_queue_get_word (self->watched[i].queue),
      self->watched[i].expected,
    };

  aioproc_futex_waitv (waits, self->n_watched + 2, deadline_usec);
}

static void
aioproc_wait_group_main (gpointer data)
{
  AioprocWaitGroup *self = data;
  _Atomic guint32 *sequence_word = aioproc_family_get_sequence (self->family);
  guint32 last_sequence = atomic_load (sequence_word);

  g_rw_lock_reader_lock (&fork_gate);

  for (;;)
    {
      guint32 control = atomic_load (&self->control);
      /* Before the attempts read anything. Partner: the announcement of a death. */
      guint32 sequence = atomic_load (sequence_word);
      gint64 backstop_usec = aioproc_family_get_backstop ();
      gint64 wake_usec;

      if (!aioproc_wait_group_take_added (self))
        break;

      wake_usec = aioproc_wait_group_poll (self, sequence != last_sequence);
      last_sequence = sequence;

      if (wake_usec < 0 || (backstop_usec >= 0 && backstop_usec < wake_usec))
        wake_usec = backstop_usec;

      /* Partner: aioproc_wait_watch_hurry_locked(), which bumps the control word where it does not
       * see this store.
       */
      atomic_store (&self->sleep_until, wake_usec);
      g_rw_lock_reader_unlock (&fork_gate);
      aioproc_wait_group_sleep (self, control, sequence, wake_usec);
      g_rw_lock_reader_lock (&fork_gate);
      atomic_store (&self->sleep_until, G_MAXINT64);
    }

  g_rw_lock_reader_unlock (&fork_gate);
  g_ptr_array_unref (self->added);
  g_free (self);
}

static AioprocWaitGroup *
aioproc_wait_group_find_locked (AioprocFamily  *family,
                                GError        **error)
{
  AioprocWaitGroup *group;

  for (group = groups; group != NULL; group = group->next)
    {
      if (group->family == family && group->n_watches < get_group_max ())
        return group;
    }

  group = g_new0 (AioprocWaitGroup, 1);
  group->family = family;
  group->added = g_ptr_array_new ();
  atomic_store (&group->sleep_until, G_MAXINT64);
  /* The thread finds at least one queue: it takes the mutex that is held until there is one. */
  group->n_watches = 0;

  if (!aioproc_waiter_run (aioproc_wait_group_main, group, error))
    {
      g_ptr_array_unref (group->added);
      g_free (group);
      return NULL;
    }

  group->next = groups;
  groups = group;

  return group;
}

void
aioproc_wait_watch_init (AioprocWaitWatch *self,
                         AioprocWaitQueue *queue)
{
  self->queue = queue;
  self->group = NULL;
  atomic_store (&self->poked, 0);
}

gboolean
aioproc_wait_watch_begin_locked (AioprocWaitWatch  *self,
                                 gint64             wake_usec,
                                 GError           **error)
{
  AioprocWaitGroup *group;

  if (self->group != NULL)
    {
      aioproc_wait_watch_hurry_locked (self, wake_usec);
      return TRUE;
    }

  aioproc_mutex_lock (&groups_mutex);
  group = aioproc_wait_group_find_locked (aioproc_wait_queue_get_family (self->queue), error);

  if (group != NULL)
    {
      group->n_watches++;
      g_ptr_array_add (group->added, aioproc_wait_queue_ref (self->queue));
    }

  aioproc_mutex_unlock (&groups_mutex);

  if (group == NULL)
    return FALSE;

  self->group = group;
  aioproc_wait_group_kick (group);

  return TRUE;
}

void
aioproc_wait_watch_hurry_locked (AioprocWaitWatch *self,
                                 gint64            wake_usec)
{
  gint64 sleep_until;

  if (self->group == NULL || wake_usec < 0)
    return;

  atomic_store (&self->poked, 1);
  /* Partner: the store before the group's thread sleeps. */
  sleep_until = atomic_load (&self->group->sleep_until);

  if (sleep_until < 0 || wake_usec < sleep_until)
    aioproc_wait_group_kick (self->group);
}

void
aioproc_wait_watch_kick_locked (AioprocWaitWatch *self)
{
  if (self->group == NULL)
    return;

  atomic_store (&self->poked, 1);
  aioproc_wait_group_kick (self->group);
}

void
aioproc_wait_watch_end_locked (AioprocWaitWatch *self)
{
  self->group = NULL;
}
