/* aioproc-queue.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-other.h"

static AioprocQueue *there;
static AioprocQueue *back;

static void
begin_bounded (guint max_items)
{
  g_autoptr(GError) error = NULL;

  bench_other_begin ();
  there = aioproc_queue_new (max_items, &error);
  bench_check_error (there != NULL, error);
  back = aioproc_queue_new (max_items, &error);
  bench_check_error (back != NULL, error);
}

static void
begin (void)
{
  begin_bounded (0);
}

static void
begin_small (void)
{
  begin_bounded (BENCH_CAPACITY_SMALL);
}

static void
begin_large (void)
{
  begin_bounded (BENCH_CAPACITY);
}

static void
end (void)
{
  g_clear_object (&there);
  g_clear_object (&back);
}

/* --- queue-*: messages a second from another process, each by one call on each side --- */

static GVariant *
produce (AioprocCall  *call,
         GError      **error)
{
  g_autoptr(GBytes) message = NULL;
  gsize size;

  bench_other_enter (call, (gpointer *) &there, (gpointer *) &back);
  size = bench_shared->size;
  message = g_bytes_new_take (g_malloc0 (size), size);
  bench_meet_other (&bench_shared->meeting);

  for (int i = 0; i < bench_shared->n_messages; i++)
    {
      if (!aioproc_queue_put_bytes (there, message, -1, NULL, error))
        return NULL;
    }

  return g_variant_new ("()");
}

static AioprocProcess *
start_producer (gsize size,
                int   n_messages)
{
  bench_shared->size = size;
  bench_shared->n_messages = n_messages;

  return bench_other_start ("produce", there, back);
}

static double
stream (gsize size,
        int   n_messages)
{
  AioprocProcess *other = start_producer (size, n_messages);
  g_autoptr(GError) error = NULL;
  gint64 began;
  gint64 took;

  bench_meet_own (&bench_shared->meeting);
  began = bench_now_nsec ();

  for (int i = 0; i < n_messages; i++)
    {
      GBytes *message = aioproc_queue_get_bytes (there, -1, NULL, &error);

      bench_check_error (message != NULL && g_bytes_get_size (message) == size, error);
      g_bytes_unref (message);
    }

  took = bench_now_nsec () - began;
  bench_other_join (other);

  return n_messages * 1e9 / took;
}

static double
queue_64 (void)
{
  return stream (64, 200000);
}

static double
queue_1k (void)
{
  return stream (1024, 100000);
}

static double
queue_64k (void)
{
  return stream (64 * 1024, 5000);
}

static double
queue_1m (void)
{
  return stream (1024 * 1024, 300);
}

/* --- queue-64-async: the same on a main loop --- */

static GMainLoop *loop;
static int n_left;

static void
got_cb (GObject      *source,
        GAsyncResult *result,
        gpointer      user_data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) message = aioproc_queue_get_bytes_finish (there, result, &error);

  bench_check_error (message != NULL, error);

  if (--n_left > 0)
    aioproc_queue_get_bytes_async (there, -1, NULL, got_cb, NULL);
  else
    g_main_loop_quit (loop);
}

static double
queue_async (void)
{
  const int n_messages = 30000;
  AioprocProcess *other = start_producer (64, n_messages);
  gint64 began;
  gint64 took;

  loop = g_main_loop_new (NULL, FALSE);
  n_left = n_messages;
  bench_meet_own (&bench_shared->meeting);
  began = bench_now_nsec ();
  aioproc_queue_get_bytes_async (there, -1, NULL, got_cb, NULL);
  g_main_loop_run (loop);
  took = bench_now_nsec () - began;
  g_main_loop_unref (loop);
  bench_other_join (other);

  return n_messages * 1e9 / took;
}

/* --- queue-round-trip: microseconds for a message to another process, and its answer --- */

#define N_TRIPS 300

static GVariant *
answer (AioprocCall  *call,
        GError      **error)
{
  bench_other_enter (call, (gpointer *) &there, (gpointer *) &back);

  for (int i = 0; i < N_TRIPS; i++)
    {
      g_autoptr(GBytes) message = aioproc_queue_get_bytes (there, -1, NULL, error);

      if (message == NULL || !aioproc_queue_put_bytes (back, message, -1, NULL, error))
        return NULL;
    }

  return g_variant_new ("()");
}

static double
round_trip (void)
{
  AioprocProcess *other = bench_other_start ("answer", there, back);
  g_autoptr(GBytes) message = g_bytes_new_take (g_malloc0 (64), 64);
  g_autoptr(GError) error = NULL;
  double values[N_TRIPS];

  for (int i = 0; i < N_TRIPS; i++)
    {
      g_autoptr(GBytes) received = NULL;
      gint64 began = bench_now_nsec ();

      bench_check_error (aioproc_queue_put_bytes (there, message, -1, NULL, &error), error);
      received = aioproc_queue_get_bytes (back, -1, NULL, &error);
      values[i] = (bench_now_nsec () - began) / 1e3;
      bench_check_error (received != NULL, error);
    }

  bench_other_join (other);

  return bench_median (values, N_TRIPS);
}

static const BenchCase cases[] = {
  { "queue-64", begin, queue_64, end },
  { "queue-1k", begin, queue_1k, end },
  { "queue-64k", begin, queue_64k, end },
  { "queue-1m", begin, queue_1m, end },
  { "bounded-64", begin_small, queue_64, end },
  { "bounded-1k", begin_large, queue_1k, end },
  { "bounded-64k", begin_large, queue_64k, end },
  { "bounded-1m", begin_large, queue_1m, end },
  { "queue-64-async", begin, queue_async, end },
  { "queue-round-trip", begin, round_trip, end },
  { NULL }
};

static const AioprocFunctionEntry functions[] = {
  { "produce", produce },
  { "answer", answer },
};

int
main (int   argc,
      char *argv[])
{
  aioproc_init (functions, G_N_ELEMENTS (functions));

  return bench_main (argc, argv, cases);
}
