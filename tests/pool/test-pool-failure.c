/* test-pool-failure.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "pool-test.h"

/* Workers that die, calls that are cancelled, or take too long. */

#define N_CALLS 200
#define N_BYTES (8 * 1024 * 1024)
#define N_KILLS 30
#define N_CANCELS 300

static int
get_pid (AioprocPool *pool)
{
  g_autoptr(GVariant) result = test_pool_apply (pool, "pid", NULL);
  int pid;

  g_variant_get (result, "(i)", &pid);

  return pid;
}

static void
test_killed_busy (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (1);
  g_autoptr(AioprocEvent) never = test_event_new ();
  const int pid = get_pid (pool);
  g_autofree char *pid_text = g_strdup_printf ("%d", pid);
  GAsyncResult *result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A worker that is killed costs the call that it was at, which says so.");

  test_pool_begin (pool, "meet", never, NULL, &result);
  kill (pid, SIGKILL);
  error = test_pool_fail (pool, &result);
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);
  g_assert_nonnull (strstr (error->message, "meet"));
  g_assert_nonnull (strstr (error->message, pid_text));
  g_assert_nonnull (strstr (error->message, "9"));

  g_assert_cmpint (get_pid (pool), !=, pid);

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_killed_idle (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (1);

  g_test_summary ("A worker that is killed while it has nothing to do costs nothing.");

  for (guint i = 0; i < N_KILLS; i++)
    {
      const int pid = get_pid (pool);

      kill (pid, SIGKILL);

      /* A call may have been begun by one that died at the same moment. */
      for (;;)
        {
          g_autoptr(GError) error = NULL;
          g_autoptr(GVariant) result = aioproc_pool_apply (pool, "pid", NULL, NULL, &error);

          if (result != NULL)
            {
              aioproc_test_assert_variant (result, g_variant_new ("(i)", get_pid (pool)));
              break;
            }

          g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);
        }
    }

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_others_go_on (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (2);
  GAsyncResult *results[N_CALLS] = { NULL };
  guint n_dead = 0;

  g_test_summary ("Of many calls, among which some kill their worker, only those fail.");

  for (guint i = 0; i < N_CALLS; i++)
    {
      if (i % 20 == 7)
        aioproc_pool_apply_async (pool, "die", g_variant_new ("(i)", SIGKILL), NULL,
                                  aioproc_test_store_result, &results[i]);
      else
        aioproc_pool_apply_async (pool, "work", g_variant_new ("(x)", (gint64) i), NULL,
                                  aioproc_test_store_result, &results[i]);
    }

  for (guint i = 0; i < N_CALLS; i++)
    {
      g_autoptr(GVariant) result = NULL;
      g_autoptr(GError) error = NULL;

      aioproc_test_wait (&results[i]);
      result = aioproc_pool_apply_finish (pool, results[i], &error);
      g_clear_object (&results[i]);

      if (i % 20 == 7)
        {
          g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);
          n_dead++;
        }
      else
        {
          g_assert_no_error (error);
          aioproc_test_assert_variant (result, g_variant_new ("(x)", (gint64) i + 1));
        }
    }

  g_assert_cmpuint (n_dead, ==, N_CALLS / 20);

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_exit (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (1);
  g_autoptr(GVariant) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A function that ends its process, or aborts, is a worker that died.");

  g_assert_null (aioproc_pool_apply (pool, "exit", g_variant_new ("(i)", 3), NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);
  g_assert_nonnull (strstr (error->message, "3"));
  g_clear_error (&error);

  g_assert_null (aioproc_pool_apply (pool, "die", g_variant_new ("(i)", SIGSEGV), NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);
  g_clear_error (&error);

  result = test_pool_apply (pool, "work", g_variant_new ("(x)", (gint64) 1));

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_retry (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (1);
  g_autoptr(AioprocEvent) never = test_event_new ();
  g_autoptr(AioprocEvent) first = test_event_new ();
  g_autoptr(AioprocMessage) message = test_pool_message (first, never);
  g_autoptr(AioprocMessage) answer = NULL;
  g_autoptr(GVariant) body = NULL;
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;
  const int pid = get_pid (pool);
  int second_pid;

  g_test_summary ("A call is run again by another worker, if the program wants that.");

  aioproc_pool_set_max_retries (pool, 1);
  g_assert_cmpuint (aioproc_pool_get_max_retries (pool), ==, 1);

  aioproc_pool_apply_message_async (pool, "meet", message, NULL, aioproc_test_store_result,
                                    &result);
  g_assert_true (aioproc_event_wait (first, -1, NULL, &error));
  g_assert_true (aioproc_event_clear (first, &error));
  kill (pid, SIGKILL);
  g_assert_true (aioproc_event_wait (first, -1, NULL, &error));
  g_assert_true (aioproc_event_set (never, &error));
  g_assert_no_error (error);

  aioproc_test_wait (&result);
  answer = aioproc_pool_apply_message_finish (pool, result, &error);
  g_assert_no_error (error);
  body = aioproc_message_dup_body (answer);
  g_variant_get (body, "(i)", &second_pid);
  g_assert_cmpint (second_pid, !=, pid);
  g_clear_object (&result);

  /* Not for ever. */
  g_assert_null (aioproc_pool_apply (pool, "die", g_variant_new ("(i)", SIGKILL), NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_cancel_polite (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new_with ("n-workers", 1, "cancel-grace",
                                                    G_MAXINT64 / 2, NULL);
  g_autoptr(AioprocEvent) second = test_event_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *result = NULL;
  g_autoptr(GError) error = NULL;
  const int pid = get_pid (pool);

  g_test_summary ("A function that listens to its cancellable keeps its worker.");

  for (guint i = 0; i < 10; i++)
    {
      g_autoptr(GError) cancel_error = NULL;

      test_pool_begin (pool, "polite", second, cancellable, &result);
      g_cancellable_cancel (cancellable);
      cancel_error = test_pool_fail (pool, &result);
      g_assert_error (cancel_error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

      g_assert_true (aioproc_event_wait (second, -1, NULL, &error));
      g_assert_true (aioproc_event_clear (second, &error));
      g_assert_no_error (error);
      g_assert_cmpint (get_pid (pool), ==, pid);
      g_cancellable_reset (cancellable);
    }

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_cancel_rude (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new_with ("n-workers", 1, "cancel-grace",
                                                    G_GINT64_CONSTANT (1000), NULL);
  g_autoptr(AioprocEvent) never = test_event_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *result = NULL;
  g_autoptr(GError) error = NULL;
  const int pid = get_pid (pool);

  g_test_summary ("A function that does not listen loses its worker, and another one comes.");

  test_pool_begin (pool, "meet", never, cancellable, &result);
  g_cancellable_cancel (cancellable);
  error = test_pool_fail (pool, &result);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (get_pid (pool), !=, pid);

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_cancel_next (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new_with ("n-workers", 1, "cancel-grace",
                                                    G_GINT64_CONSTANT (1000), NULL);

  g_test_summary ("A call that is cancelled just after the one before it is over is stopped, too.");

  for (guint i = 0; i < N_CANCELS; i++)
    {
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      g_autoptr(GVariant) result = NULL;
      g_autoptr(GError) error = NULL;
      g_autoptr(GError) cancel_error = NULL;
      GAsyncResult *work = NULL;
      GAsyncResult *block = NULL;
      gint64 end_usec;

      /* A worker that is there, and has slept or not. */
      get_pid (pool);

      aioproc_pool_apply_async (pool, "work", g_variant_new ("(x)", G_GINT64_CONSTANT (1)), NULL,
                                aioproc_test_store_result, &work);
      aioproc_pool_apply_async (pool, "block", NULL, cancellable, aioproc_test_store_result,
                                &block);

      end_usec = g_get_monotonic_time () + i % 100;
      while (g_get_monotonic_time () < end_usec)
        continue;

      g_cancellable_cancel (cancellable);

      aioproc_test_wait (&block);
      g_assert_null (aioproc_pool_apply_finish (pool, block, &cancel_error));
      g_assert_error (cancel_error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_clear_object (&block);

      aioproc_test_wait (&work);
      result = aioproc_pool_apply_finish (pool, work, &error);
      g_assert_no_error (error);
      g_clear_object (&work);
    }

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_cancel_queued (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (1);
  g_autoptr(AioprocEvent) go = test_event_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *first = NULL;
  GAsyncResult *results[N_CALLS] = { NULL };
  g_autoptr(AioprocMessage) answer = NULL;
  g_autoptr(GVariant) counted = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Calls that are cancelled before a worker has begun with them are never made.");

  counted = test_pool_apply (pool, "count", NULL);
  test_pool_begin (pool, "meet", go, NULL, &first);

  for (guint i = 0; i < N_CALLS; i++)
    aioproc_pool_apply_async (pool, "count", NULL, cancellable, aioproc_test_store_result,
                              &results[i]);

  g_cancellable_cancel (cancellable);

  for (guint i = 0; i < N_CALLS; i++)
    {
      g_autoptr(GError) cancel_error = NULL;

      aioproc_test_wait (&results[i]);
      g_assert_null (aioproc_pool_apply_finish (pool, results[i], &cancel_error));
      g_assert_error (cancel_error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_clear_object (&results[i]);
    }

  aioproc_event_set (go, &error);
  g_assert_no_error (error);
  aioproc_test_wait (&first);
  answer = aioproc_pool_apply_message_finish (pool, first, &error);
  g_assert_no_error (error);
  g_clear_object (&first);

  g_clear_pointer (&counted, g_variant_unref);
  counted = test_pool_apply (pool, "count", NULL);
  aioproc_test_assert_variant (counted, g_variant_new ("(u)", 2));

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_cancel_sending (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new_with ("n-workers", 1, "cancel-grace",
                                                    G_GINT64_CONSTANT (1000), NULL);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autofree char *text = g_strnfill (N_BYTES, 'x');
  GAsyncResult *result = NULL;
  g_autoptr(GError) error = NULL;
  const int pid = get_pid (pool);

  g_test_summary ("A worker that does not take the message of a call that is cancelled is killed.");

  kill (pid, SIGSTOP);
  aioproc_pool_apply_async (pool, "echo", g_variant_new ("(s)", text), cancellable,
                            aioproc_test_store_result, &result);
  g_cancellable_cancel (cancellable);
  aioproc_test_wait (&result);
  g_assert_null (aioproc_pool_apply_finish (pool, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_object (&result);

  g_assert_cmpint (get_pid (pool), !=, pid);

  test_pool_end (g_steal_pointer (&pool));
}

static gpointer
cancel_thread (gpointer data)
{
  g_cancellable_cancel (data);

  return NULL;
}

static void
test_cancel_sync (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new_with ("n-workers", 1, "cancel-grace",
                                                    G_GINT64_CONSTANT (1000), NULL);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  GThread *thread;

  g_test_summary ("A thread that waits for a call is let go when that is cancelled.");

  thread = g_thread_new ("cancel", cancel_thread, cancellable);
  g_assert_null (aioproc_pool_apply (pool, "block", NULL, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
  get_pid (pool);

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_timeout (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new_with ("n-workers", 1, "cancel-grace",
                                                    G_GINT64_CONSTANT (1000), NULL);
  g_autoptr(GError) error = NULL;
  const int pid = get_pid (pool);

  g_test_summary ("A call that runs for too long fails, and its worker is replaced.");

  aioproc_pool_set_task_timeout (pool, 10 * 1000);
  g_assert_cmpint (aioproc_pool_get_task_timeout (pool), ==, 10 * 1000);
  g_assert_null (aioproc_pool_apply (pool, "block", NULL, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_nonnull (strstr (error->message, "block"));

  aioproc_pool_set_task_timeout (pool, -1);
  g_assert_cmpint (get_pid (pool), !=, pid);

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_timeout_stopped (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new_with ("n-workers", 1, "cancel-grace",
                                                    G_GINT64_CONSTANT (1000), NULL);
  g_autoptr(GError) error = NULL;

  g_test_summary ("A worker that is stopped at its call holds up nothing but that.");

  aioproc_pool_set_task_timeout (pool, 10 * 1000);
  g_assert_null (aioproc_pool_apply (pool, "stop", NULL, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  aioproc_pool_set_task_timeout (pool, -1);
  get_pid (pool);

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_initializer_fails (void)
{
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORKSERVER);
  g_autoptr(AioprocPool) pool = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A pool whose workers cannot be initialised fails, and says why.");

  pool = test_pool_new_with ("context", context, "n-workers", 2, "initializer", "refuse", NULL);

  g_assert_null (aioproc_pool_apply (pool, "pid", NULL, NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);
  g_assert_nonnull (strstr (error->message, "No, said the initializer"));
  g_clear_error (&error);

  g_assert_null (aioproc_pool_apply (pool, "pid", NULL, NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);
  g_clear_error (&error);

  g_assert_true (aioproc_pool_join (pool, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_finalize_object (g_steal_pointer (&pool));
}

static void
test_initializer_busy (void)
{
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORKSERVER);
  g_autoptr(AioprocPool) pool = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("An initializer that always says that something is busy is not run for ever.");

  pool = test_pool_new_with ("context", context, "n-workers", 2, "initializer", "refuse-busy",
                             NULL);

  g_assert_null (aioproc_pool_apply (pool, "pid", NULL, NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);
  g_assert_nonnull (strstr (error->message, "Not now, said the initializer"));
  g_assert_finalize_object (g_steal_pointer (&pool));
}

static void
test_no_program (void)
{
  const char * const program[] = { "/nonexistent/worker", NULL };
  g_autoptr(AioprocContext) context = aioproc_context_new ();
  g_autoptr(AioprocPool) pool = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A pool whose worker program is not there fails, and says so.");

  aioproc_context_set_program (context, program);
  pool = test_pool_new_with ("context", context, "n-workers", 2, NULL);

  g_assert_null (aioproc_pool_apply (pool, "pid", NULL, NULL, &error));
  g_assert_nonnull (strstr (error->message, "/nonexistent/worker"));
  g_assert_finalize_object (g_steal_pointer (&pool));
}

int
main (int   argc,
      char *argv[])
{
  test_pool_init ();
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/pool/death/busy", test_killed_busy);
  aioproc_test_add_func ("/aioproc/pool/death/idle", test_killed_idle);
  aioproc_test_add_func ("/aioproc/pool/death/others", test_others_go_on);
  aioproc_test_add_func ("/aioproc/pool/death/exit", test_exit);
  aioproc_test_add_func ("/aioproc/pool/death/retry", test_retry);
  aioproc_test_add_func ("/aioproc/pool/cancel/polite", test_cancel_polite);
  aioproc_test_add_func ("/aioproc/pool/cancel/rude", test_cancel_rude);
  aioproc_test_add_func ("/aioproc/pool/cancel/next", test_cancel_next);
  aioproc_test_add_func ("/aioproc/pool/cancel/queued", test_cancel_queued);
  aioproc_test_add_func ("/aioproc/pool/cancel/sending", test_cancel_sending);
  aioproc_test_add_func ("/aioproc/pool/cancel/sync", test_cancel_sync);
  aioproc_test_add_func ("/aioproc/pool/timeout/busy", test_timeout);
  aioproc_test_add_func ("/aioproc/pool/timeout/stopped", test_timeout_stopped);
  aioproc_test_add_func ("/aioproc/pool/start/initializer", test_initializer_fails);
  aioproc_test_add_func ("/aioproc/pool/start/initializer-busy", test_initializer_busy);
  aioproc_test_add_func ("/aioproc/pool/start/no-program", test_no_program);

  return g_test_run ();
}
