/* aioproc-pool-loop.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "bench.h"

/* All cases: by how many milliseconds more than before a main loop is late, at most, for a tick,
 * while something is done with a pool in that loop.
 */

#define N_WORKERS       2
#define N_TASKS         10000
#define N_TASKS_AT_ONCE 100
#define N_BYTES         (1024 * 1024 * 1024)
#define TICK_MSEC       1
#define BEFORE_MSEC     200

static AioprocContext *context;
static AioprocPool *pool;
static gint64 last_tick_nsec;
static gint64 latest_nsec;
static int n_left;             /* calls that have not come back, and joins */

/* --- In workers --- */

static GVariant *
work (AioprocCall  *call,
      GError      **error)
{
  return g_variant_new ("(x)", (gint64) 1);
}

static GVariant *
wait (AioprocCall  *call,
      GError      **error)
{
  bench_pause ();

  return g_variant_new ("()");
}

static GVariant *
make_bytes (AioprocCall  *call,
            GError      **error)
{
  g_autoptr(GBytes) bytes = g_bytes_new_take (g_malloc0 (N_BYTES), N_BYTES);
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);

  aioproc_message_set_body (message,
                            g_variant_new_handle (aioproc_message_append_bytes (message, bytes)));
  aioproc_call_return_message (call, message);

  return NULL;
}

/* --- The main loop --- */

static void
note_tick (void)
{
  const gint64 now_nsec = bench_now_nsec ();
  const gint64 due_nsec = last_tick_nsec + TICK_MSEC * 1000 * 1000;

  latest_nsec = MAX (latest_nsec, now_nsec - due_nsec);
  last_tick_nsec = now_nsec;
}

static gboolean
tick_cb (gpointer user_data)
{
  note_tick ();

  return G_SOURCE_CONTINUE;
}

static gint64
take_latest_nsec (void)
{
  gint64 latest;

  note_tick ();
  latest = latest_nsec;
  latest_nsec = 0;

  return latest;
}

static double
measure (void (*begin_it) (void))
{
  guint source_id = g_timeout_add (TICK_MSEC, tick_cb, NULL);
  gint64 before_nsec;
  gint64 meanwhile_nsec;

  last_tick_nsec = bench_now_nsec ();
  latest_nsec = 0;
  bench_run_main_loop (BEFORE_MSEC);
  before_nsec = take_latest_nsec ();

  begin_it ();

  while (n_left > 0)
    g_main_context_iteration (NULL, TRUE);

  meanwhile_nsec = take_latest_nsec ();
  g_source_remove (source_id);

  return MAX (meanwhile_nsec - before_nsec, 0) / 1e6;
}

/* --- The pool --- */

static void
begin (void)
{
  context = aioproc_context_new ();
  aioproc_context_set_start_method (context, AIOPROC_START_METHOD_FORKSERVER);
}

static void
end (void)
{
  g_clear_object (&context);
}

static void
make_pool (void)
{
  g_autoptr(GError) error = NULL;

  pool = aioproc_pool_new (context, N_WORKERS, &error);
  bench_check_error (pool != NULL, error);
}

static void
join_pool (void)
{
  g_autoptr(GError) error = NULL;

  aioproc_pool_terminate (pool);
  bench_check_error (aioproc_pool_join (pool, -1, NULL, &error), error);
  g_clear_object (&pool);
}

static void
warm_up (void)
{
  g_autoptr(GVariant) result = NULL;
  g_autoptr(GError) error = NULL;

  make_pool ();
  result = aioproc_pool_apply (pool, "work", NULL, NULL, &error);
  bench_check_error (result != NULL, error);
}

static void
applied_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  value = aioproc_pool_apply_finish (AIOPROC_POOL (source), result, &error);
  bench_check_error (value != NULL, error);
  n_left--;
}

static void
cancelled_cb (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  value = aioproc_pool_apply_finish (AIOPROC_POOL (source), result, &error);
  bench_check_error (value != NULL || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED),
                     error);
  n_left--;
}

static void
made_bytes_cb (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GVariant) body = NULL;
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;

  message = aioproc_pool_apply_message_finish (AIOPROC_POOL (source), result, &error);
  bench_check_error (message != NULL, error);
  body = aioproc_message_dup_body (message);
  bytes = aioproc_message_dup_bytes (message, g_variant_get_handle (body), &error);
  bench_check_error (bytes != NULL, error);
  bench_check (g_bytes_get_size (bytes) == N_BYTES, "A result is wrong");
  n_left--;
}

static void
joined_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr(GError) error = NULL;

  bench_check_error (aioproc_pool_join_finish (AIOPROC_POOL (source), result, &error), error);
  n_left--;
}

static void
submit (const char          *function,
        int                  n_tasks,
        GAsyncReadyCallback  callback)
{
  n_left += n_tasks;

  for (int i = 0; i < n_tasks; i++)
    aioproc_pool_apply_async (pool, function, NULL, NULL, callback, NULL);
}

/* --- Cases --- */

static void
begin_start (void)
{
  make_pool ();
  submit ("work", N_WORKERS, applied_cb);
}

static double
start (void)
{
  double value = measure (begin_start);

  join_pool ();

  return value;
}

static void
begin_terminate (void)
{
  aioproc_pool_terminate (pool);
  n_left++;
  aioproc_pool_join_async (pool, -1, NULL, joined_cb, NULL);
}

static double
terminate (void)
{
  double value;

  warm_up ();
  submit ("wait", N_TASKS, cancelled_cb);
  value = measure (begin_terminate);
  g_clear_object (&pool);

  return value;
}

/* What the program does at once makes it late itself. */
static gboolean
submit_cb (gpointer user_data)
{
  int *n_submitted = user_data;

  submit ("work", N_TASKS_AT_ONCE, applied_cb);
  *n_submitted += N_TASKS_AT_ONCE;

  return *n_submitted < N_TASKS;
}

static void
begin_submit (void)
{
  int n_submitted = 0;

  g_idle_add (submit_cb, &n_submitted);

  while (n_submitted < N_TASKS)
    g_main_context_iteration (NULL, TRUE);
}

static double
submit_many (void)
{
  double value;

  warm_up ();
  value = measure (begin_submit);
  join_pool ();

  return value;
}

static void
begin_result (void)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);

  n_left++;
  aioproc_pool_apply_message_async (pool, "make-bytes", message, NULL, made_bytes_cb, NULL);
}

static double
large_result (void)
{
  double value;

  warm_up ();
  value = measure (begin_result);
  join_pool ();

  return value;
}

static const BenchCase cases[] = {
  { "late-start", begin, start, end },
  { "late-terminate", begin, terminate, end },
  { "late-submit", begin, submit_many, end },
  { "late-result", begin, large_result, end },
  { NULL }
};

static const AioprocFunctionEntry functions[] = {
  { "work", work },
  { "wait", wait },
  { "make-bytes", make_bytes },
};

int
main (int   argc,
      char *argv[])
{
  aioproc_init (functions, G_N_ELEMENTS (functions));

  return bench_main (argc, argv, cases);
}
