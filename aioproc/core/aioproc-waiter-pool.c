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
 */

typedef struct {
  void     (*func) (gpointer data);
  gpointer   data;
} PoolItem;

static AioprocMutex pool_mutex;
static GThreadPool *pool;    /* (owned); protected by @pool_mutex */
static guint n_idle;         /* threads without an item; protected by @pool_mutex */

static void
aioproc_waiter_pool_main (gpointer data,
                          gpointer user_data)
{
  PoolItem *item = data;

  item->func (item->data);
  g_free (item);

  aioproc_mutex_lock (&pool_mutex);
  n_idle++;
  aioproc_mutex_unlock (&pool_mutex);
}

/* The threads stayed with the parent, and so does the pool. */
static void
aioproc_waiter_pool_forked_child (void)
{
  aioproc_mutex_init (&pool_mutex);
  pool = NULL;
  n_idle = 0;
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
      g_propagate_prefixed_error (error, g_steal_pointer (&local_error),
                                  "Could not start a thread to wait in: ");
      return FALSE;
    }

  n_idle++;

  return TRUE;
}

gboolean
aioproc_waiter_run (void     (*func) (gpointer data),
                    gpointer   data,
                    GError   **error)
{
  AIOPROC_MUTEX_AUTO_LOCK (&pool_mutex, locker);
  PoolItem *item;

  if (n_idle == 0 && !aioproc_waiter_pool_grow_locked (error))
    return FALSE;

  item = g_new (PoolItem, 1);
  item->func = func;
  item->data = data;
  n_idle--;
  /* Cannot fail: there is a thread for it. */
  g_thread_pool_push (pool, item, NULL);

  return TRUE;
}

guint
aioproc_waiter_count_threads (void)
{
  AIOPROC_MUTEX_AUTO_LOCK (&pool_mutex, locker);

  return aioproc_family_count_threads () +
         (pool != NULL ? g_thread_pool_get_num_threads (pool) : 0);
}
