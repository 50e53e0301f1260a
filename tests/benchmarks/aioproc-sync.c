/* aioproc-sync.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-other.h"

/* --- lock-uncontended: nanoseconds for an acquire and a release --- */

static AioprocLock *lock;

static void
lock_begin (void)
{
  g_autoptr(GError) error = NULL;

  bench_other_begin ();
  lock = aioproc_lock_new (&error);
  bench_check_error (lock != NULL, error);
}

static void
lock_end (void)
{
  g_clear_object (&lock);
}

static void
acquire_and_release (int n)
{
  g_autoptr(GError) error = NULL;

  for (int i = 0; i < n; i++)
    {
      if (!aioproc_lock_acquire (lock, -1, NULL, &error) || !aioproc_lock_release (lock, &error))
        bench_check_error (FALSE, error);
    }
}

static double
lock_uncontended (void)
{
  return bench_loop (acquire_and_release, 50000);
}

/* --- lock-contended: the same, while another process does it, too --- */

static GVariant *
lock_contend (AioprocCall  *call,
              GError      **error)
{
  gpointer nothing;

  bench_other_enter (call, (gpointer *) &lock, &nothing);
  bench_contend_other (&bench_shared->meeting, acquire_and_release, 100);

  return g_variant_new ("()");
}

static double
lock_contended (void)
{
  AioprocProcess *other = bench_other_start ("contend", lock, NULL);
  double value = bench_contend_own (&bench_shared->meeting, acquire_and_release, 100);

  bench_other_join (other);

  return value;
}

/* --- lock-async: nanoseconds for an async acquire of a free lock, and its release --- */

static GMainLoop *loop;
static int n_left;

static void
lock_acquired_cb (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  g_autoptr(GError) error = NULL;

  if (!aioproc_lock_acquire_finish (lock, result, &error) || !aioproc_lock_release (lock, &error))
    bench_check_error (FALSE, error);

  if (--n_left > 0)
    aioproc_lock_acquire_async (lock, -1, NULL, lock_acquired_cb, NULL);
  else
    g_main_loop_quit (loop);
}

static void
acquire_async_and_release (int n)
{
  loop = g_main_loop_new (NULL, FALSE);
  n_left = n;
  aioproc_lock_acquire_async (lock, -1, NULL, lock_acquired_cb, NULL);
  g_main_loop_run (loop);
  g_main_loop_unref (loop);
}

static double
lock_async (void)
{
  return bench_loop (acquire_async_and_release, 1000);
}

/* --- event-async: microseconds from a set in another process to the callback --- */

#define N_SETS 100

static AioprocEvent *go;
static AioprocEvent *ready;
static double delays[N_SETS];

static void
event_begin (void)
{
  g_autoptr(GError) error = NULL;

  bench_other_begin ();
  go = aioproc_event_new (&error);
  bench_check_error (go != NULL, error);
  ready = aioproc_event_new (&error);
  bench_check_error (ready != NULL, error);
}

static void
event_end (void)
{
  g_clear_object (&go);
  g_clear_object (&ready);
}

static GVariant *
event_setter (AioprocCall  *call,
              GError      **error)
{
  bench_other_enter (call, (gpointer *) &go, (gpointer *) &ready);

  for (int i = 0; i < N_SETS; i++)
    {
      if (!aioproc_event_wait (ready, -1, NULL, error) || !aioproc_event_clear (ready, error))
        return NULL;

      bench_pause ();
      bench_shared->stamps[i] = bench_now_nsec ();

      if (!aioproc_event_set (go, error))
        return NULL;
    }

  return g_variant_new ("()");
}

static void
event_is_set_cb (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  gint64 now = bench_now_nsec ();
  int i = N_SETS - n_left;
  g_autoptr(GError) error = NULL;

  bench_check_error (aioproc_event_wait_finish (go, result, &error), error);
  bench_check_error (aioproc_event_clear (go, &error), error);
  delays[i] = (now - bench_shared->stamps[i]) / 1e3;

  if (--n_left == 0)
    {
      g_main_loop_quit (loop);
      return;
    }

  aioproc_event_wait_async (go, -1, NULL, event_is_set_cb, NULL);
  bench_check_error (aioproc_event_set (ready, &error), error);
}

static double
event_async (void)
{
  g_autoptr(GError) error = NULL;
  AioprocProcess *other = bench_other_start ("set", go, ready);

  loop = g_main_loop_new (NULL, FALSE);
  n_left = N_SETS;
  aioproc_event_wait_async (go, -1, NULL, event_is_set_cb, NULL);
  bench_check_error (aioproc_event_set (ready, &error), error);
  g_main_loop_run (loop);
  g_main_loop_unref (loop);
  bench_other_join (other);

  return bench_median (delays, N_SETS);
}

/* --- idle: what the program costs while a wait is pending on each of many objects --- */

#define N_IDLE 1000

static AioprocEvent *idle_events[N_IDLE];
static BenchUsage usage_before;

static void
idle_is_set_cb (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  g_autoptr(GError) error = NULL;

  aioproc_event_wait_finish (AIOPROC_EVENT (source), result, &error);
  bench_check_error (FALSE, error);
}

static void
idle_begin (void)
{
  g_autoptr(GError) error = NULL;

  bench_allow_descriptors ();
  /* Every program that uses GIO's asynchronous operations has GLib's own thread. */
  g_type_ensure (G_TYPE_TASK);
  usage_before = bench_get_usage ();

  for (int i = 0; i < N_IDLE; i++)
    {
      idle_events[i] = aioproc_event_new (&error);
      bench_check_error (idle_events[i] != NULL, error);
      aioproc_event_wait_async (idle_events[i], -1, NULL, idle_is_set_cb, NULL);
    }

  /* Until all threads have come to rest. */
  bench_run_main_loop (500);
}

static double
idle_wakeups (void)
{
  const int n_seconds = 2;
  gint64 before = bench_get_usage ().n_switches;

  bench_run_main_loop (n_seconds * 1000);

  /* One is that of the timer here. */
  return (double) (bench_get_usage ().n_switches - before - 1) / n_seconds;
}

static double
idle_threads (void)
{
  return bench_get_usage ().n_threads - usage_before.n_threads;
}

static double
idle_memory (void)
{
  return bench_get_usage ().memory_kib - usage_before.memory_kib;
}

static const BenchCase cases[] = {
  { "lock-uncontended", lock_begin, lock_uncontended, lock_end },
  { "lock-contended", lock_begin, lock_contended, lock_end },
  { "lock-async", lock_begin, lock_async, lock_end },
  { "event-async", event_begin, event_async, event_end },
  { "idle-wakeups", idle_begin, idle_wakeups, NULL },
  { "idle-threads", idle_begin, idle_threads, NULL },
  { "idle-memory", idle_begin, idle_memory, NULL },
  { NULL }
};

static const AioprocFunctionEntry functions[] = {
  { "contend", lock_contend },
  { "set", event_setter },
};

int
main (int   argc,
      char *argv[])
{
  aioproc_init (functions, G_N_ELEMENTS (functions));

  return bench_main (argc, argv, cases);
}
