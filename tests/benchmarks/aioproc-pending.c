/* aioproc-pending.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "bench.h"

/* Thousands of operations of one program that wait for one lock. */

#define N_PENDING 10000

static AioprocLock *lock;
static GMainLoop *loop;
static BenchUsage usage_before;
static int n_left;

static void
acquired_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr(GError) error = NULL;

  if (!aioproc_lock_acquire_finish (lock, result, &error) || !aioproc_lock_release (lock, &error))
    bench_check_error (FALSE, error);

  if (--n_left == 0)
    g_main_loop_quit (loop);
}

static void
hold (void)
{
  g_autoptr(GError) error = NULL;

  bench_check_error (aioproc_lock_acquire (lock, -1, NULL, &error), error);
}

static void
start_all (void)
{
  n_left = N_PENDING;

  for (int i = 0; i < N_PENDING; i++)
    aioproc_lock_acquire_async (lock, -1, NULL, acquired_cb, NULL);

  /* Until all threads have come to rest. */
  bench_run_main_loop (100);
}

static void
drain (void)
{
  g_autoptr(GError) error = NULL;

  bench_check_error (aioproc_lock_release (lock, &error), error);
  g_main_loop_run (loop);
}

static void
begin (void)
{
  g_autoptr(GError) error = NULL;

  lock = aioproc_lock_new (&error);
  bench_check_error (lock != NULL, error);
  loop = g_main_loop_new (NULL, FALSE);
}

static void
end (void)
{
  g_main_loop_unref (loop);
  g_clear_object (&lock);
}

/* --- pending-drain: milliseconds until all have had the lock, one after the other --- */

static double
pending_drain (void)
{
  gint64 began;

  hold ();
  start_all ();
  began = bench_now_nsec ();
  drain ();

  return (bench_now_nsec () - began) / 1e6;
}

/* --- pending-threads, pending-memory: what the program has more than with the lock alone --- */

static void
usage_begin (void)
{
  /* Every program that uses GIO's asynchronous operations has GLib's own thread. */
  g_type_ensure (G_TYPE_TASK);
  begin ();
  /* One thread looks after the objects of a process, whatever is pending. */
  hold ();
  usage_before = bench_get_usage ();
  start_all ();
}

static void
usage_end (void)
{
  drain ();
  end ();
}

static double
pending_threads (void)
{
  return bench_get_usage ().n_threads - usage_before.n_threads;
}

static double
pending_memory (void)
{
  return bench_get_usage ().memory_kib - usage_before.memory_kib;
}

static const BenchCase cases[] = {
  { "pending-drain", begin, pending_drain, end },
  { "pending-threads", usage_begin, pending_threads, usage_end },
  { "pending-memory", usage_begin, pending_memory, usage_end },
  { NULL }
};

int
main (int   argc,
      char *argv[])
{
  return bench_main (argc, argv, cases);
}
