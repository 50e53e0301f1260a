/* limit-pending.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <gio/gio.h>

#include "bench.h"

/* A queue of tasks in one thread: who is done lets the next one return, on an idle loop. */

#define N_PENDING 10000

static GObject *object;
static GMainLoop *loop;
static GQueue tasks = G_QUEUE_INIT;
static BenchUsage usage_before;
static int n_left;

static gboolean
return_cb (gpointer user_data)
{
  GTask *task = user_data;

  g_task_return_boolean (task, TRUE);
  g_object_unref (task);

  return G_SOURCE_REMOVE;
}

static void
release (void)
{
  GTask *task = g_queue_pop_head (&tasks);

  /* Not in here, or each would return inside of the one before it. */
  if (task != NULL)
    g_idle_add (return_cb, task);
}

static void
acquired_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  if (!g_task_propagate_boolean (G_TASK (result), NULL))
    g_abort ();

  release ();

  if (--n_left == 0)
    g_main_loop_quit (loop);
}

static void
start_all (void)
{
  n_left = N_PENDING;

  for (int i = 0; i < N_PENDING; i++)
    g_queue_push_tail (&tasks, g_task_new (object, NULL, acquired_cb, NULL));

  bench_run_main_loop (100);
}

static void
drain (void)
{
  release ();
  g_main_loop_run (loop);
}

static void
begin (void)
{
  object = g_object_new (G_TYPE_OBJECT, NULL);
  loop = g_main_loop_new (NULL, FALSE);
}

static void
end (void)
{
  g_main_loop_unref (loop);
  g_clear_object (&object);
}

/* --- pending-drain: milliseconds until all have had their turn --- */

static double
pending_drain (void)
{
  gint64 began;

  start_all ();
  began = bench_now_nsec ();
  drain ();

  return (bench_now_nsec () - began) / 1e6;
}

/* --- pending-threads, pending-memory: what the program has more than before --- */

static void
usage_begin (void)
{
  g_type_ensure (G_TYPE_TASK);
  begin ();
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
