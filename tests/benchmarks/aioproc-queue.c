/* aioproc-queue.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "aioproc-other.h"

/* How many messages one operation moves, at most. */
#define BATCH 1000

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
start_producer (const char *function,
                gsize       size,
                int         n_messages)
{
  bench_shared->size = size;
  bench_shared->n_messages = n_messages;

  return bench_other_start (function, there, back);
}

static double
stream (gsize size,
        int   n_messages)
{
  AioprocProcess *other = start_producer ("produce", size, n_messages);
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

/* --- bounded-64-2x2: of two other processes to two more --- */

static GBytes *crowd_messages[2];

static void
crowd_put (gboolean is_last)
{
  g_autoptr(GError) error = NULL;

  bench_check_error (aioproc_queue_put_bytes (there, crowd_messages[is_last], -1, NULL, &error),
                     error);
}

static gboolean
crowd_get (void)
{
  g_autoptr(GError) error = NULL;
  GBytes *message = aioproc_queue_get_bytes (there, -1, NULL, &error);
  gboolean is_last;

  bench_check_error (message != NULL && g_bytes_get_size (message) == 64, error);
  is_last = *(const char *) g_bytes_get_data (message, NULL);
  g_bytes_unref (message);

  return is_last;
}

static const BenchCrowdFuncs crowd_funcs = { crowd_put, crowd_get };

static GVariant *
produce_in_crowd (AioprocCall  *call,
                  GError      **error)
{
  bench_other_enter (call, (gpointer *) &there, (gpointer *) &back);

  for (int i = 0; i < 2; i++)
    {
      char data[64] = { i };

      crowd_messages[i] = g_bytes_new (data, sizeof data);
    }

  bench_crowd_produce (&bench_shared->crowd, &crowd_funcs);

  return g_variant_new ("()");
}

static GVariant *
consume_in_crowd (AioprocCall  *call,
                  GError      **error)
{
  bench_other_enter (call, (gpointer *) &there, (gpointer *) &back);
  bench_crowd_consume (&bench_shared->crowd, &crowd_funcs);

  return g_variant_new ("()");
}

static double
queue_crowd (void)
{
  AioprocProcess *others[2 * BENCH_CROWD_SIDE];
  double value;

  memset (&bench_shared->crowd, 0, sizeof bench_shared->crowd);

  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    others[i] = bench_other_start (i % 2 == 0 ? "produce-in-crowd" : "consume-in-crowd",
                                   there, back);

  value = bench_crowd_measure (&bench_shared->crowd);

  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    bench_other_join (others[i]);

  return value;
}

/* --- queue-64-async: as queue-64 on a main loop --- */

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

static void
get_async (void)
{
  aioproc_queue_get_bytes_async (there, -1, NULL, got_cb, NULL);
}

static double
stream_async (const char  *function,
              int          n_messages,
              void       (*start) (void))
{
  AioprocProcess *other = start_producer (function, 64, n_messages);
  gint64 began;
  gint64 took;

  loop = g_main_loop_new (NULL, FALSE);
  n_left = n_messages;
  bench_meet_own (&bench_shared->meeting);
  began = bench_now_nsec ();
  start ();
  g_main_loop_run (loop);
  took = bench_now_nsec () - began;
  g_main_loop_unref (loop);
  bench_other_join (other);

  return n_messages * 1e9 / took;
}

static double
queue_async (void)
{
  return stream_async ("produce", 30000, get_async);
}

/* --- queue-64-async-many: by batches on both sides --- */

static GVariant *
produce_many (AioprocCall  *call,
              GError      **error)
{
  GBytes *messages[BATCH];

  bench_other_enter (call, (gpointer *) &there, (gpointer *) &back);

  for (guint i = 0; i < BATCH; i++)
    messages[i] = g_bytes_new_take (g_malloc0 (bench_shared->size), bench_shared->size);

  bench_meet_other (&bench_shared->meeting);

  for (gint64 i = 0; i < bench_shared->n_messages; i += BATCH)
    {
      if (aioproc_queue_put_many_bytes (there, messages, BATCH, -1, NULL, error) != BATCH)
        return NULL;
    }

  return g_variant_new ("()");
}

static void
got_many_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) messages = aioproc_queue_get_many_bytes_finish (there, result, &error);

  bench_check_error (messages != NULL, error);
  n_left -= messages->len;

  if (n_left > 0)
    aioproc_queue_get_many_bytes_async (there, BATCH, -1, NULL, got_many_cb, NULL);
  else
    g_main_loop_quit (loop);
}

static void
get_many_async (void)
{
  aioproc_queue_get_many_bytes_async (there, BATCH, -1, NULL, got_many_cb, NULL);
}

static double
queue_async_many (void)
{
  return stream_async ("produce-many", 1000 * BATCH, get_many_async);
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
  { "bounded-64-2x2", begin_small, queue_crowd, end },
  { "queue-64-async", begin, queue_async, end },
  { "queue-64-async-many", begin, queue_async_many, end },
  { "queue-round-trip", begin, round_trip, end },
  { NULL }
};

static const AioprocFunctionEntry functions[] = {
  { "produce", produce },
  { "produce-in-crowd", produce_in_crowd },
  { "consume-in-crowd", consume_in_crowd },
  { "produce-many", produce_many },
  { "answer", answer },
};

int
main (int   argc,
      char *argv[])
{
  aioproc_init (functions, G_N_ELEMENTS (functions));

  return bench_main (argc, argv, cases);
}
