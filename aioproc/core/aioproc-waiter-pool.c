/* aioproc-waiter-pool.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <pthread.h>

#include "core/aioproc-mutex-private.h"
#include "core/aioproc-thread-private.h"
#include "core/aioproc-waiter-private.h"

/* The pool is exclusive: its threads are the library's alone and can be told from the program's,
 * and GLib starts no thread of its own beside it. It grows by a thread when none is idle, so that
 * nothing that blocks ever waits for another to end.
 *
 * Work, which computes and copies, would not end earlier with more threads than processors: it
 * queues up for so many. It never needs other work to be done first. Where it sleeps all the same,
 * on a lock inside of an object, whose holder may be stopped, another thread takes its place, so
 * that the work of other objects goes on.
 */

#define WORKERS_MIN 2

typedef struct {
  void     (*func) (gpointer data);
  gpointer   data;
  gboolean   is_work;
} PoolItem;

static AioprocMutex pool_mutex;
static GThreadPool *pool;    /* (owned); protected by @pool_mutex */
static guint n_idle;         /* threads without an item; protected by @pool_mutex */
static GQueue works;         /* (element-type PoolItem) not begun; protected by @pool_mutex */
static guint n_workers;      /* threads that do work, and are awake; protected by @pool_mutex */
static _Thread_local gboolean is_worker;

static PoolItem *
pool_item_new (void     (*func) (gpointer data),
               gpointer   data,
               gboolean   is_work)
{
  PoolItem *self = g_new (PoolItem, 1);

  self->func = func;
  self->data = data;
  self->is_work = is_work;

  return self;
}

static void
aioproc_waiter_pool_main (gpointer data,
                          gpointer user_data)
{
  PoolItem *item = data;

  is_worker = item->is_work;

  do
    {
      item->func (item->data);
      g_free (item);

      aioproc_mutex_lock (&pool_mutex);
      item = is_worker ? g_queue_pop_head (&works) : NULL;

      /* In one step, so that the next work finds this thread. */
      if (item == NULL)
        {
          n_workers -= is_worker;
          n_idle++;
        }

      aioproc_mutex_unlock (&pool_mutex);
    }
  while (item != NULL);
}

/* The threads stayed with the parent, and so does the pool. */
static void
aioproc_waiter_pool_forked_child (void)
{
  aioproc_mutex_init (&pool_mutex);
  pool = NULL;
  n_idle = 0;
  g_queue_init (&works);
  n_workers = 0;
  is_worker = FALSE;
}

static gboolean
aioproc_waiter_pool_grow_locked (GError **error)
{
  g_autoptr(GError) local_error = NULL;
  sigset_t saved;
  guint n_threads;

  if (pool == NULL)
    {
      static gsize fork_handler;

      if (g_once_init_enter (&fork_handler))
        {
          pthread_atfork (NULL, NULL, aioproc_waiter_pool_forked_child);
          g_once_init_leave (&fork_handler, 1);
        }

      aioproc_thread_block_signals (&saved);
      pool = g_thread_pool_new (aioproc_waiter_pool_main, NULL, 1, TRUE, &local_error);
      aioproc_thread_restore_signals (&saved);
    }
  else
    {
      n_threads = g_thread_pool_get_num_threads (pool);
      aioproc_thread_block_signals (&saved);
      g_thread_pool_set_max_threads (pool, n_threads + 1, &local_error);
      aioproc_thread_restore_signals (&saved);
    }

  if (local_error != NULL)
    {
      aioproc_thread_set_error (error, "a thread to wait in", local_error);
      return FALSE;
    }

  n_idle++;

  return TRUE;
}

static gboolean
aioproc_waiter_pool_push_locked (PoolItem  *item,
                                 GError   **error)
{
  if (n_idle == 0 && !aioproc_waiter_pool_grow_locked (error))
    return FALSE;

  n_idle--;
  /* Cannot fail: there is a thread for it. */
  g_thread_pool_push (pool, item, NULL);

  return TRUE;
}

gboolean
aioproc_waiter_run (void     (*func) (gpointer data),
                    gpointer   data,
                    GError   **error)
{
  AIOPROC_MUTEX_AUTO_LOCK (&pool_mutex, locker);
  PoolItem *item = pool_item_new (func, data, FALSE);

  if (!aioproc_waiter_pool_push_locked (item, error))
    {
      g_free (item);
      return FALSE;
    }

  return TRUE;
}

static guint
get_max_workers (void)
{
  return MAX (g_get_num_processors (), WORKERS_MIN);
}

gboolean
aioproc_waiter_run_work (void     (*func) (gpointer data),
                         gpointer   data)
{
  AIOPROC_MUTEX_AUTO_LOCK (&pool_mutex, locker);
  PoolItem *item = pool_item_new (func, data, TRUE);

  if (n_workers < get_max_workers () && aioproc_waiter_pool_push_locked (item, NULL))
    {
      n_workers++;
      return TRUE;
    }

  /* Those that are awake come to it. */
  if (n_workers > 0)
    {
      g_queue_push_tail (&works, item);
      return TRUE;
    }

  g_free (item);

  return FALSE;
}

void
aioproc_waiter_work_begin_sleep (void)
{
  PoolItem *item;

  if (!is_worker)
    return;

  aioproc_mutex_lock (&pool_mutex);
  n_workers--;
  item = n_workers < get_max_workers () ? g_queue_pop_head (&works) : NULL;

  if (item != NULL)
    {
      if (aioproc_waiter_pool_push_locked (item, NULL))
        n_workers++;
      else
        g_queue_push_head (&works, item);
    }

  aioproc_mutex_unlock (&pool_mutex);
}

void
aioproc_waiter_work_end_sleep (void)
{
  if (!is_worker)
    return;

  aioproc_mutex_lock (&pool_mutex);
  n_workers++;
  aioproc_mutex_unlock (&pool_mutex);
}

guint
aioproc_waiter_count_threads (void)
{
  AIOPROC_MUTEX_AUTO_LOCK (&pool_mutex, locker);

  return aioproc_family_count_threads () +
         (pool != NULL ? g_thread_pool_get_num_threads (pool) : 0);
}
