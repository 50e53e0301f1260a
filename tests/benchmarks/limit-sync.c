/* limit-sync.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <gio/gio.h>

#include "bench.h"

static void
futex_wait (_Atomic guint32 *word,
            guint32          value)
{
  syscall (SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static void
futex_wake (_Atomic guint32 *word)
{
  syscall (SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* The smallest mutex there is: 0 free, 1 held, 2 held and waited for. */
static void
mutex_lock (_Atomic guint32 *word)
{
  guint32 value = 0;

  if (atomic_compare_exchange_strong_explicit (word, &value, 1, memory_order_acquire,
                                               memory_order_relaxed))
    return;

  while (atomic_exchange_explicit (word, 2, memory_order_acquire) != 0)
    futex_wait (word, 2);
}

static void
mutex_unlock (_Atomic guint32 *word)
{
  if (atomic_exchange_explicit (word, 0, memory_order_release) == 2)
    futex_wake (word);
}

/* --- lock-uncontended: a futex mutex in shared memory --- */

static _Atomic guint32 *mutex;

static void
mutex_begin (void)
{
  mutex = bench_share (sizeof *mutex);
}

static void
lock_and_unlock (int n)
{
  for (int i = 0; i < n; i++)
    {
      mutex_lock (mutex);
      mutex_unlock (mutex);
    }
}

static double
lock_uncontended (void)
{
  return bench_loop (lock_and_unlock, 50000);
}

/* --- lock-contended: a robust mutex of the C library --- */

static pthread_mutex_t *robust;

static void
robust_begin (void)
{
  pthread_mutexattr_t attributes;

  robust = bench_share (sizeof *robust);
  pthread_mutexattr_init (&attributes);
  pthread_mutexattr_setpshared (&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust (&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init (robust, &attributes);
}

static void
lock_and_unlock_robust (int n)
{
  for (int i = 0; i < n; i++)
    {
      if (pthread_mutex_lock (robust) != 0 || pthread_mutex_unlock (robust) != 0)
        g_abort ();
    }
}

static double
lock_contended (void)
{
  return bench_contend (lock_and_unlock_robust, 100);
}

/* --- lock-async: a try, and a GTask that returns on an idle loop --- */

static GMainLoop *loop;
static int n_left;
static GObject *object;

static void
object_begin (void)
{
  mutex_begin ();
  object = g_object_new (G_TYPE_OBJECT, NULL);
}

static void
object_end (void)
{
  g_clear_object (&object);
}

static void
acquire_async (GAsyncReadyCallback callback)
{
  GTask *task = g_task_new (object, NULL, callback, NULL);
  guint32 value = 0;

  if (!atomic_compare_exchange_strong (mutex, &value, 1))
    g_abort ();

  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
acquired_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  if (!g_task_propagate_boolean (G_TASK (result), NULL))
    g_abort ();

  mutex_unlock (mutex);

  if (--n_left > 0)
    acquire_async (acquired_cb);
  else
    g_main_loop_quit (loop);
}

static void
acquire_async_and_release (int n)
{
  loop = g_main_loop_new (NULL, FALSE);
  n_left = n;
  acquire_async (acquired_cb);
  g_main_loop_run (loop);
  g_main_loop_unref (loop);
}

static double
lock_async (void)
{
  return bench_loop (acquire_async_and_release, 1000);
}

/* --- event-async: a thread that waits on a futex, and g_main_context_invoke() --- */

#define N_SETS 100

typedef struct {
  _Atomic guint32 go;
  _Atomic guint32 ready;
  gint64          set_at[N_SETS];
} Event;

static Event *event;
static double delays[N_SETS];

static void
wait_for_change (_Atomic guint32 *word,
                 guint32          value)
{
  while (atomic_load (word) == value)
    futex_wait (word, value);
}

static void
event_setter (void)
{
  for (guint32 i = 0; i < N_SETS; i++)
    {
      wait_for_change (&event->ready, i);
      bench_pause ();
      event->set_at[i] = bench_now_nsec ();
      atomic_store (&event->go, i + 1);
      futex_wake (&event->go);
    }
}

static gboolean
event_is_set_cb (gpointer user_data)
{
  gint64 now = bench_now_nsec ();
  int i = N_SETS - n_left;

  delays[i] = (now - event->set_at[i]) / 1e3;

  if (--n_left == 0)
    {
      g_main_loop_quit (loop);
      return G_SOURCE_REMOVE;
    }

  atomic_fetch_add (&event->ready, 1);
  futex_wake (&event->ready);

  return G_SOURCE_REMOVE;
}

static gpointer
event_waiter (gpointer data)
{
  for (guint32 i = 0; i < N_SETS; i++)
    {
      wait_for_change (&event->go, i);
      g_main_context_invoke (NULL, event_is_set_cb, NULL);
    }

  return NULL;
}

static gboolean
event_start_cb (gpointer user_data)
{
  atomic_fetch_add (&event->ready, 1);
  futex_wake (&event->ready);

  return G_SOURCE_REMOVE;
}

static void
event_begin (void)
{
  event = bench_share (sizeof *event);
}

static double
event_async (void)
{
  GThread *waiter;
  pid_t pid;

  atomic_store (&event->go, 0);
  atomic_store (&event->ready, 0);
  n_left = N_SETS;
  pid = bench_fork (event_setter);
  waiter = g_thread_new ("waiter", event_waiter, NULL);

  loop = g_main_loop_new (NULL, FALSE);
  /* Once the loop runs, and owns the context: else the waiter would call back itself. */
  g_idle_add (event_start_cb, NULL);
  g_main_loop_run (loop);
  g_main_loop_unref (loop);
  g_thread_join (waiter);
  bench_join (pid);

  return bench_median (delays, N_SETS);
}

static const BenchCase cases[] = {
  { "lock-uncontended", mutex_begin, lock_uncontended, NULL },
  { "lock-contended", robust_begin, lock_contended, NULL },
  { "lock-async", object_begin, lock_async, object_end },
  { "event-async", event_begin, event_async, NULL },
  { NULL }
};

int
main (int   argc,
      char *argv[])
{
  return bench_main (argc, argv, cases);
}
