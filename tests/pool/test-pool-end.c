/* test-pool-end.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>
#include <unistd.h>

#include "pool-test.h"

/* How pools end. */

#define N_CALLS  100
#define N_QUEUED 10000
#define N_ROUNDS 20

static void
test_close (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (2);
  GAsyncResult *results[N_CALLS] = { NULL };
  g_autoptr(GError) error = NULL;

  g_test_summary ("A pool that is closed does what it has, and takes nothing more.");

  for (guint i = 0; i < N_CALLS; i++)
    aioproc_pool_apply_async (pool, "work", g_variant_new ("(x)", (gint64) i), NULL,
                              aioproc_test_store_result, &results[i]);

  aioproc_pool_close (pool);
  aioproc_pool_close (pool);

  g_assert_null (aioproc_pool_apply (pool, "work", g_variant_new ("(x)", (gint64) 1), NULL,
                                     &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);

  g_assert_true (aioproc_pool_join (pool, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_pool_join (pool, 0, NULL, &error));
  g_assert_no_error (error);

  for (guint i = 0; i < N_CALLS; i++)
    {
      g_autoptr(GVariant) result = NULL;

      aioproc_test_wait (&results[i]);
      result = aioproc_pool_apply_finish (pool, results[i], &error);
      g_assert_no_error (error);
      aioproc_test_assert_variant (result, g_variant_new ("(x)", (gint64) i + 1));
      g_clear_object (&results[i]);
    }

  g_assert_finalize_object (g_steal_pointer (&pool));
}

static void
test_close_dying (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (1);
  GAsyncResult *results[3] = { NULL };
  g_autoptr(GVariant) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A worker that dies in a closed pool is replaced, if something is left to do.");

  aioproc_pool_apply_async (pool, "die", g_variant_new ("(i)", SIGKILL), NULL,
                            aioproc_test_store_result, &results[0]);
  aioproc_pool_apply_async (pool, "die", g_variant_new ("(i)", SIGKILL), NULL,
                            aioproc_test_store_result, &results[1]);
  aioproc_pool_apply_async (pool, "work", g_variant_new ("(x)", (gint64) 1), NULL,
                            aioproc_test_store_result, &results[2]);
  aioproc_pool_close (pool);

  for (guint i = 0; i < 2; i++)
    {
      aioproc_test_wait (&results[i]);
      g_assert_null (aioproc_pool_apply_finish (pool, results[i], &error));
      g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);
      g_clear_error (&error);
      g_clear_object (&results[i]);
    }

  aioproc_test_wait (&results[2]);
  result = aioproc_pool_apply_finish (pool, results[2], &error);
  g_assert_no_error (error);
  g_clear_object (&results[2]);

  g_assert_true (aioproc_pool_join (pool, -1, NULL, &error));
  g_assert_finalize_object (g_steal_pointer (&pool));
}

static void
test_terminate (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (2);
  g_autofree GAsyncResult **results = g_new0 (GAsyncResult *, N_QUEUED);
  g_autoptr(GError) error = NULL;

  g_test_summary ("Each call of a pool that is terminated ends, however many there are.");

  for (guint i = 0; i < N_QUEUED; i++)
    aioproc_pool_apply_async (pool, "block", NULL, NULL, aioproc_test_store_result, &results[i]);

  aioproc_pool_terminate (pool);
  aioproc_pool_terminate (pool);

  for (guint i = 0; i < N_QUEUED; i++)
    {
      aioproc_test_wait (&results[i]);
      g_assert_null (aioproc_pool_apply_finish (pool, results[i], &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_clear_error (&error);
      g_clear_object (&results[i]);
    }

  g_assert_null (aioproc_pool_apply (pool, "pid", NULL, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);

  g_assert_true (aioproc_pool_join (pool, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_finalize_object (g_steal_pointer (&pool));
}

static void
test_terminate_stubborn (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (1);
  g_autoptr(AioprocEvent) event = test_event_new ();
  g_autoptr(AioprocMessage) message = test_pool_message (event, NULL);
  GAsyncResult *result = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GError) call_error = NULL;

  g_test_summary ("A worker that ignores SIGTERM is killed.");

  aioproc_pool_apply_message_async (pool, "block-stubbornly", message, NULL,
                                    aioproc_test_store_result, &result);
  g_assert_true (aioproc_event_wait (event, -1, NULL, &error));
  aioproc_pool_terminate (pool);
  call_error = test_pool_fail (pool, &result);
  g_assert_error (call_error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  g_assert_true (aioproc_pool_join (pool, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_finalize_object (g_steal_pointer (&pool));
}

static void
test_join_limits (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (1);
  g_autoptr(AioprocEvent) go = test_event_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(AioprocMessage) answer = NULL;
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;
  GAsyncResult *joins[3] = { NULL };

  g_test_summary ("A join waits for a pool that was closed, has a limit, and can be cancelled.");

  g_assert_false (aioproc_pool_join (pool, -1, NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);

  aioproc_pool_join_async (pool, -1, NULL, aioproc_test_store_result, &joins[0]);
  aioproc_test_wait (&joins[0]);
  g_assert_false (aioproc_pool_join_finish (pool, joins[0], &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_clear_object (&joins[0]);

  test_pool_begin (pool, "meet", go, NULL, &result);
  aioproc_pool_close (pool);

  g_assert_false (aioproc_pool_join (pool, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);

  aioproc_pool_join_async (pool, 1000, NULL, aioproc_test_store_result, &joins[0]);
  aioproc_pool_join_async (pool, -1, cancellable, aioproc_test_store_result, &joins[1]);
  aioproc_pool_join_async (pool, -1, NULL, aioproc_test_store_result, &joins[2]);
  g_cancellable_cancel (cancellable);

  aioproc_test_wait (&joins[0]);
  g_assert_false (aioproc_pool_join_finish (pool, joins[0], &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_clear_object (&joins[0]);

  aioproc_test_wait (&joins[1]);
  g_assert_false (aioproc_pool_join_finish (pool, joins[1], &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_clear_object (&joins[1]);

  aioproc_event_set (go, &error);
  aioproc_test_wait (&result);
  answer = aioproc_pool_apply_message_finish (pool, result, &error);
  g_assert_no_error (error);
  g_clear_object (&result);

  aioproc_test_wait (&joins[2]);
  g_assert_true (aioproc_pool_join_finish (pool, joins[2], &error));
  g_assert_no_error (error);
  g_clear_object (&joins[2]);

  g_assert_finalize_object (g_steal_pointer (&pool));
}

/* Until the process is no more. */
static void
wait_for_end (int pid)
{
  while (kill (pid, 0) == 0)
    g_thread_yield ();
}

static void
test_dropped (void)
{
  AioprocPool *pool = test_pool_new (1);
  g_autoptr(GVariant) result = test_pool_apply (pool, "pid", NULL);
  int pid;

  g_test_summary ("A pool that is dropped takes its workers along, without a wait.");

  g_variant_get (result, "(i)", &pid);
  g_assert_finalize_object (pool);
  wait_for_end (pid);
}

static void
test_recycled (void)
{
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORKSERVER);
  AioprocPool *pool = test_pool_new_with ("context", context, "n-workers", 2,
                                          "max-tasks-per-worker", G_GUINT64_CONSTANT (3), NULL);
  GAsyncResult *results[N_CALLS] = { NULL };
  GVariant *items[N_CALLS];
  g_autoptr(GPtrArray) counts = NULL;
  g_autoptr(GError) error = NULL;
  guint64 max_tasks;

  g_test_summary ("No worker does more tasks than it is to do, and no task is lost by that.");

  g_object_get (pool, "max-tasks-per-worker", &max_tasks, NULL);
  g_assert_cmpuint (max_tasks, ==, 3);

  for (guint i = 0; i < N_CALLS; i++)
    aioproc_pool_apply_async (pool, "count", NULL, NULL, aioproc_test_store_result, &results[i]);

  for (guint i = 0; i < N_CALLS; i++)
    {
      g_autoptr(GVariant) result = NULL;
      guint32 count;

      aioproc_test_wait (&results[i]);
      result = aioproc_pool_apply_finish (pool, results[i], &error);
      g_assert_no_error (error);
      g_variant_get (result, "(u)", &count);
      g_assert_cmpuint (count, <=, 3);
      g_clear_object (&results[i]);
    }

  /* Of a map, chunks are counted; then it is closed with some of that left to do. */
  for (guint i = 0; i < N_CALLS; i++)
    items[i] = g_variant_new ("()");
  counts = aioproc_pool_map (pool, "count", items, N_CALLS, 2, NULL, &error);
  g_assert_no_error (error);

  for (guint i = 0; i < N_CALLS; i++)
    {
      guint32 count;

      g_variant_get (g_ptr_array_index (counts, i), "(u)", &count);
      g_assert_cmpuint (count, <=, 6);
      aioproc_pool_apply_async (pool, "count", NULL, NULL, aioproc_test_store_result, &results[i]);
    }

  aioproc_pool_close (pool);

  for (guint i = 0; i < N_CALLS; i++)
    {
      g_autoptr(GVariant) result = NULL;

      aioproc_test_wait (&results[i]);
      result = aioproc_pool_apply_finish (pool, results[i], &error);
      g_assert_no_error (error);
      g_clear_object (&results[i]);
    }

  test_pool_end (pool);
}

static void
test_nothing_left (void)
{
  guint n_fds = 0;
  guint n_threads = 0;

  g_test_summary ("Pools leave no descriptor and no thread behind.");

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_autoptr(AioprocPool) pool = test_pool_new (2);
      g_autoptr(GVariant) grown = test_pool_apply (pool, "grow", g_variant_new ("(u)", 100000));
      GAsyncResult *async_result = NULL;
      g_autoptr(GVariant) result = NULL;
      g_autoptr(GError) error = NULL;

      aioproc_pool_apply_async (pool, "pid", NULL, NULL, aioproc_test_store_result, &async_result);
      aioproc_test_wait (&async_result);
      result = aioproc_pool_apply_finish (pool, async_result, &error);
      g_assert_no_error (error);
      g_assert_nonnull (result);
      g_assert_nonnull (grown);
      g_clear_object (&async_result);

      test_pool_end (g_steal_pointer (&pool));

      /* What all pools have in common is there after the first one. */
      if (i == 1)
        {
          n_fds = aioproc_test_count_fds ();
          n_threads = aioproc_test_count_threads ();
        }
    }

  while (aioproc_test_count_fds () > n_fds)
    g_thread_yield ();
  while (aioproc_test_count_threads () > n_threads)
    g_thread_yield ();
}

int
main (int   argc,
      char *argv[])
{
  test_pool_init ();
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/pool/close/busy", test_close);
  aioproc_test_add_func ("/aioproc/pool/close/dying", test_close_dying);
  aioproc_test_add_func ("/aioproc/pool/terminate/queued", test_terminate);
  aioproc_test_add_func ("/aioproc/pool/terminate/stubborn", test_terminate_stubborn);
  aioproc_test_add_func ("/aioproc/pool/join/limits", test_join_limits);
  aioproc_test_add_func ("/aioproc/pool/end/dropped", test_dropped);
  aioproc_test_add_func ("/aioproc/pool/end/recycled", test_recycled);
  aioproc_test_add_func ("/aioproc/pool/end/nothing-left", test_nothing_left);

  return g_test_run ();
}
