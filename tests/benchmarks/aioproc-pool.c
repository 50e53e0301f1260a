/* aioproc-pool.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>
#include <unistd.h>

#include <aioproc.h>

#include "bench.h"
#include "bench-pool.h"

#define N_STARTS 10

static AioprocContext *context;
static AioprocPool *pool;
static GVariant *items[BENCH_POOL_MAX_ITEMS];

/* --- In workers --- */

static GVariant *
settle (AioprocCall  *call,
        GError      **error)
{
  int cpu;

  if (!aioproc_call_get_arguments (call, error, "(i)", &cpu))
    return NULL;

  bench_pin (cpu);

  return g_variant_new ("()");
}

static GVariant *
work (AioprocCall  *call,
      GError      **error)
{
  gint64 number;

  if (!aioproc_call_get_arguments (call, error, "(x)", &number))
    return NULL;

  return g_variant_new ("(x)", number + 1);
}

static GVariant *
compute (AioprocCall  *call,
         GError      **error)
{
  return g_variant_new ("(x)", bench_pool_compute ());
}

static GVariant *
get_pid (AioprocCall  *call,
         GError      **error)
{
  return g_variant_new ("(i)", (int) getpid ());
}

static GVariant *
hang (AioprocCall  *call,
      GError      **error)
{
  g_autoptr(GObject) begun = NULL;
  int handle;

  if (!aioproc_call_get_arguments (call, error, "(h)", &handle))
    return NULL;

  begun = aioproc_call_dup_object (call, handle, error);

  if (begun == NULL || !aioproc_event_set (AIOPROC_EVENT (begun), error))
    return NULL;

  for (;;)
    pause ();
}

/* --- The pool --- */

static AioprocPool *
new_pool (AioprocContext *its_context,
          guint           n_workers)
{
  g_autoptr(GError) error = NULL;
  GVariant *arguments = g_variant_new ("(i)", bench_get_other_cpu ());
  gpointer result;

  result = g_initable_new (AIOPROC_TYPE_POOL, NULL, &error,
                           "context", its_context,
                           "n-workers", n_workers,
                           "initializer", "settle",
                           "initializer-arguments", arguments,
                           NULL);
  bench_check_error (result != NULL, error);

  return result;
}

static void
end_pool (AioprocPool *ended)
{
  g_autoptr(GError) error = NULL;

  aioproc_pool_terminate (ended);
  bench_check_error (aioproc_pool_join (ended, -1, NULL, &error), error);
  g_object_unref (ended);
}

static gint64
apply (AioprocPool *applied,
       gint64       number)
{
  g_autoptr(GVariant) result = NULL;
  g_autoptr(GError) error = NULL;
  gint64 value;

  result = aioproc_pool_apply (applied, "work", g_variant_new ("(x)", number), NULL, &error);
  bench_check_error (result != NULL, error);
  g_variant_get (result, "(x)", &value);

  return value;
}

static AioprocContext *
new_context (void)
{
  AioprocContext *made = aioproc_context_new ();

  aioproc_context_set_start_method (made, AIOPROC_START_METHOD_FORKSERVER);

  return made;
}

static void
begin (void)
{
  context = new_context ();
  pool = new_pool (context, BENCH_POOL_N_WORKERS);
  apply (pool, 0);
}

static void
end (void)
{
  end_pool (pool);
  g_clear_object (&context);
}

/* --- apply-asleep, apply --- */

static void
apply_next (void)
{
  static gint64 number;

  bench_check (apply (pool, number) == number + 1, "A result is wrong");
  number++;
}

static double
apply_asleep (void)
{
  return bench_pool_asleep (apply_next);
}

static double
apply_in_turn (void)
{
  return bench_pool_in_turn (apply_next);
}

/* --- map-… --- */

static GPtrArray *
map (const char *function,
     gsize       n_items,
     guint       chunk_size,
     gint64     *took_nsec)
{
  g_autoptr(GError) error = NULL;
  GPtrArray *results;
  gint64 began;

  for (gsize i = 0; i < n_items; i++)
    items[i] = g_variant_new ("(x)", (gint64) i);

  began = bench_now_nsec ();
  results = aioproc_pool_map (pool, function, items, n_items, chunk_size, NULL, &error);
  *took_nsec = bench_now_nsec () - began;
  bench_check_error (results != NULL, error);

  return results;
}

static double
measure_map (gsize n_items,
             guint chunk_size)
{
  g_autoptr(GPtrArray) results = NULL;
  gint64 took_nsec;

  results = map ("work", n_items, chunk_size, &took_nsec);

  for (gsize i = 0; i < n_items; i++)
    {
      gint64 value;

      g_variant_get (g_ptr_array_index (results, i), "(x)", &value);
      bench_check (value == (gint64) i + 1, "A result is wrong");
    }

  return n_items * 1e9 / took_nsec;
}

static double
map_by_one (void)
{
  return measure_map (BENCH_POOL_N_SINGLE, 1);
}

static double
map_by_chunks (void)
{
  return measure_map (BENCH_POOL_MAX_ITEMS, 0);
}

static double
map_busy (void)
{
  g_autoptr(GPtrArray) results = NULL;
  gint64 took_nsec;
  gint64 busy_nsec = 0;

  results = map ("compute", BENCH_POOL_N_PARTS, 1, &took_nsec);

  for (gsize i = 0; i < results->len; i++)
    {
      gint64 value;

      g_variant_get (g_ptr_array_index (results, i), "(x)", &value);
      busy_nsec += value;
    }

  return bench_pool_utilization (busy_nsec, took_nsec);
}

/* --- start-… --- */

static double
start (void)
{
  double values[N_STARTS];

  for (int i = 0; i < N_STARTS; i++)
    {
      gint64 began = bench_now_nsec ();
      AioprocPool *started = new_pool (context, BENCH_POOL_N_WORKERS);

      apply (started, i);
      values[i] = (bench_now_nsec () - began) / 1e3;
      end_pool (started);
    }

  return bench_median (values, N_STARTS);
}

/* Nobody else has a forkserver with such an environment. */
static double
start_cold (void)
{
  static int n_starts;
  double values[N_STARTS];

  for (int i = 0; i < N_STARTS; i++)
    {
      g_autofree char *number = g_strdup_printf ("%d", n_starts++);
      g_auto(GStrv) environment = g_environ_setenv (g_get_environ (), "BENCH_POOL_START", number,
                                                    TRUE);
      g_autoptr(AioprocContext) cold = new_context ();
      AioprocPool *started;
      gint64 began;

      aioproc_context_set_environment (cold, (const char * const *) environment);
      began = bench_now_nsec ();
      started = new_pool (cold, BENCH_POOL_N_WORKERS);
      apply (started, i);
      values[i] = (bench_now_nsec () - began) / 1e3;
      end_pool (started);
    }

  return bench_median (values, N_STARTS);
}

/* --- recovery --- */

static void
hung_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  gboolean *is_over = user_data;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GError) error = NULL;

  message = aioproc_pool_apply_message_finish (AIOPROC_POOL (source), result, &error);
  bench_check (g_error_matches (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED),
               "The call did not die with its worker");
  *is_over = TRUE;
}

static pid_t
ask_pid (AioprocPool *asked)
{
  g_autoptr(GVariant) result = NULL;
  g_autoptr(GError) error = NULL;
  int pid;

  result = aioproc_pool_apply (asked, "get-pid", NULL, NULL, &error);
  bench_check_error (result != NULL, error);
  g_variant_get (result, "(i)", &pid);

  return pid;
}

static double
recover_once (AioprocPool *single)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(AioprocEvent) begun = NULL;
  g_autoptr(GError) error = NULL;
  gboolean is_over = FALSE;
  pid_t pid = ask_pid (single);
  gint64 began;
  double value;
  int handle;

  begun = aioproc_event_new (&error);
  bench_check_error (begun != NULL, error);
  handle = aioproc_message_append_object (message, G_OBJECT (begun), &error);
  bench_check_error (handle >= 0, error);
  aioproc_message_set_body (message, g_variant_new ("(h)", handle));
  aioproc_pool_apply_message_async (single, "hang", message, NULL, hung_cb, &is_over);
  bench_check_error (aioproc_event_wait (begun, -1, NULL, &error), error);

  began = bench_now_nsec ();
  bench_check (kill (pid, SIGKILL) == 0, "Could not kill");
  bench_check (ask_pid (single) != pid, "A dead worker answered");
  value = (bench_now_nsec () - began) / 1e3;

  while (!is_over)
    g_main_context_iteration (NULL, TRUE);

  return value;
}

static double
recover (void)
{
  AioprocPool *single = new_pool (context, 1);
  double values[BENCH_POOL_N_DEATHS];

  for (int i = 0; i < BENCH_POOL_N_DEATHS; i++)
    values[i] = recover_once (single);

  end_pool (single);

  return bench_median (values, BENCH_POOL_N_DEATHS);
}

static const BenchCase cases[] = {
  { "apply-asleep", begin, apply_asleep, end },
  { "apply", begin, apply_in_turn, end },
  { "map-single", begin, map_by_one, end },
  { "map-chunks", begin, map_by_chunks, end },
  { "map-busy", begin, map_busy, end },
  { "start", begin, start, end },
  { "start-cold", begin, start_cold, end },
  { "recovery", begin, recover, end },
  { NULL }
};

static const AioprocFunctionEntry functions[] = {
  { "settle", settle },
  { "work", work },
  { "compute", compute },
  { "get-pid", get_pid },
  { "hang", hang },
};

int
main (int   argc,
      char *argv[])
{
  aioproc_init (functions, G_N_ELEMENTS (functions));

  return bench_main (argc, argv, cases);
}
