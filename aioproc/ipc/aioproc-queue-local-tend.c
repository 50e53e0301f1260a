/* aioproc-queue-local-tend.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <pthread.h>

#include "ipc/aioproc-queue-local-private.h"

#include "core/aioproc-wait-group-private.h"
#include "ipc/aioproc-queue-grow-private.h"

/* Queues that this process has got from, and that have more memory than they may need: one thread
 * of the library's pool looks after all of them, once a second, and lets go of each as soon as
 * there is nothing that could be given back soon.
 */

/* To look at a slot takes some 30 ns, and may take a hundredth of the time. */
#define USEC_PER_SLOT 3

/* Guards all below. Nothing that waits or frees is called with it held, but at a fork; taken before
 * the mutex of the pool.
 */
static AioprocMutex mutex;
static GQueue tended;           /* (element-type LocalQueue) owned; by @tend_link */
static gboolean tender_runs;
static GCond tended_changed;

/* --- Forks --- */

static void
prepare_fork (void)
{
  aioproc_mutex_lock (&mutex);
}

static void
forked_parent (void)
{
  aioproc_mutex_unlock (&mutex);
}

/* The thread stayed with the parent. Nothing is freed here: another thread of the parent may have
 * been about to use it.
 */
static void
forked_child (void)
{
  aioproc_mutex_init (&mutex);
  g_cond_init (&tended_changed);
  tender_runs = FALSE;

  for (GList *link = tended.head; link != NULL; link = link->next)
    (void) g_atomic_ref_count_dec (&((LocalQueue *) link->data)->ref_count);

  g_queue_init (&tended);
}

static void
watch_forks (void)
{
  static gsize watching;

  if (g_once_init_enter (&watching))
    {
      pthread_atfork (prepare_fork, forked_parent, forked_child);
      g_once_init_leave (&watching, 1);
    }
}

/* --- The thread --- */

static guint
get_mark (void)
{
  return aioproc_wait_group_get_fork_generation () + 1;
}

static gboolean
is_tended (LocalQueue *self)
{
  return atomic_load (&self->tended) == get_mark ();
}

/* The reference of the list is the caller's. */
static void
remove_locked (LocalQueue *self)
{
  g_queue_unlink (&tended, &self->tend_link);
  atomic_store (&self->tended, 0);
}

static LocalQueue *
find_next_locked (void)
{
  LocalQueue *next = NULL;

  for (GList *link = tended.head; link != NULL; link = link->next)
    {
      LocalQueue *self = link->data;

      if (next == NULL || self->tend_usec < next->tend_usec)
        next = self;
    }

  return next;
}

/* One round with one queue, without the mutex. Returns when the next one is, or -1. */
static gint64
run_round (LocalQueue *self)
{
  gint64 n_slots = MIN (aioproc_queue_peek (&self->slots.header->n_slots),
                        AIOPROC_QUEUE_MAX_SLOTS);

  aioproc_queue_slots_trim (&self->slots);

  if (!aioproc_queue_slots_tend (&self->slots))
    return -1;

  return g_get_monotonic_time () + MAX (AIOPROC_QUEUE_IDLE_USEC, n_slots * USEC_PER_SLOT);
}

static void
tender_run (gpointer data)
{
  LocalQueue *self;

  aioproc_mutex_lock (&mutex);

  while ((self = find_next_locked ()) != NULL)
    {
      gint64 next_usec;

      if (g_get_monotonic_time () < self->tend_usec)
        {
          AIOPROC_TSAN_RELEASE (&mutex);
          g_cond_wait_until (&tended_changed, &mutex.mutex, self->tend_usec);
          AIOPROC_TSAN_ACQUIRE (&mutex);
          continue;
        }

      local_queue_ref (self);
      aioproc_mutex_unlock (&mutex);
      next_usec = run_round (self);
      aioproc_mutex_lock (&mutex);
      self->tend_usec = next_usec;

      if (next_usec < 0 && is_tended (self))
        {
          remove_locked (self);
          aioproc_mutex_unlock (&mutex);
          local_queue_unref (self);
          aioproc_mutex_lock (&mutex);
        }

      aioproc_mutex_unlock (&mutex);
      local_queue_unref (self);
      aioproc_mutex_lock (&mutex);
    }

  tender_runs = FALSE;
  aioproc_mutex_unlock (&mutex);
}

void
local_queue_begin_tending (LocalQueue *self)
{
  if (aioproc_queue_peek (&self->slots.header->n_allocated) <= AIOPROC_QUEUE_IDLE_KEEP ||
      is_tended (self))
    return;

  watch_forks ();
  aioproc_mutex_lock (&mutex);

  if (!tender_runs)
    tender_runs = aioproc_waiter_run (tender_run, NULL, NULL);

  if (tender_runs && !is_tended (self))
    {
      local_queue_ref (self);
      self->tend_usec = g_get_monotonic_time () + AIOPROC_QUEUE_IDLE_USEC;
      self->tend_link = (GList) { .data = self };
      g_queue_push_tail_link (&tended, &self->tend_link);
      atomic_store (&self->tended, get_mark ());
      g_cond_signal (&tended_changed);
    }

  aioproc_mutex_unlock (&mutex);
}

void
local_queue_end_tending (LocalQueue *self)
{
  gboolean removed;

  /* Nobody begins any more. */
  if (!is_tended (self))
    return;

  aioproc_mutex_lock (&mutex);
  removed = is_tended (self);

  if (removed)
    {
      remove_locked (self);
      g_cond_signal (&tended_changed);
    }

  aioproc_mutex_unlock (&mutex);

  if (removed)
    local_queue_unref (self);
}
