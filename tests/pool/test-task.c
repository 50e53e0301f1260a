/* test-task.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>
#include <string.h>

#include "pool-test.h"

#define N_TASKS 500
#define N_POOLS 30

static void
submit (AioprocPool *pool,
        AioprocTask *task)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_pool_submit (pool, task, &error));
  g_assert_no_error (error);
}

static void
wait_for (AioprocTask *task)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_task_wait (task, -1, NULL, &error));
  g_assert_no_error (error);
}

/* The last reference of a task that has ended: its job may be on its way out in another thread. */
static void
release (AioprocTask *task)
{
  GWeakRef weak_ref;
  GObject *object;

  g_weak_ref_init (&weak_ref, task);
  g_object_unref (task);

  while ((object = g_weak_ref_get (&weak_ref)) != NULL)
    {
      g_object_unref (object);
      g_thread_yield ();
    }

  g_weak_ref_clear (&weak_ref);
}

static void
test_result (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (1);
  AioprocTask *task = aioproc_task_new ("work", g_variant_new ("(x)", G_GINT64_CONSTANT (41)));
  const gint64 before_usec = g_get_monotonic_time ();
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GVariant) result = NULL;
  g_autoptr(GVariant) body = NULL;
  g_autoptr(GVariant) pid = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A task tells what became of it, when, and where.");

  g_assert_cmpstr (aioproc_task_get_function (task), ==, "work");
  g_assert_cmpint (aioproc_task_get_state (task), ==, AIOPROC_TASK_STATE_NEW);
  g_assert_cmpint (aioproc_task_get_worker_pid (task), ==, 0);
  g_assert_false (aioproc_waitable_is_ready (AIOPROC_WAITABLE (task)));

  submit (pool, task);
  wait_for (task);

  g_assert_cmpint (aioproc_task_get_state (task), ==, AIOPROC_TASK_STATE_SUCCEEDED);
  g_assert_true (aioproc_waitable_is_ready (AIOPROC_WAITABLE (task)));
  result = aioproc_task_dup_result (task, &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (result, g_variant_new ("(x)", G_GINT64_CONSTANT (42)));
  message = aioproc_task_dup_result_message (task, &error);
  g_assert_no_error (error);
  body = aioproc_message_dup_body (message);
  g_assert_cmpvariant (body, result);

  pid = test_pool_apply (pool, "pid", NULL);
  aioproc_test_assert_variant (pid, g_variant_new ("(i)", aioproc_task_get_worker_pid (task)));
  g_assert_cmpint (aioproc_task_get_started_time (task), >=, before_usec);
  g_assert_cmpint (aioproc_task_get_finished_time (task), >=,
                   aioproc_task_get_started_time (task));
  g_assert_cmpint (aioproc_task_get_finished_time (task), <=, g_get_monotonic_time ());

  release (task);
  test_pool_end (g_steal_pointer (&pool));
}

static void
test_failures (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (1);
  AioprocTask *task = aioproc_task_new ("fail", g_variant_new ("(s)", "Nowhere"));
  g_autoptr(GError) error = NULL;

  g_test_summary ("A task that fails says why; it cannot be had twice, nor before it has ended.");

  g_assert_null (aioproc_task_dup_result (task, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_false (aioproc_task_wait (task, 0, NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  aioproc_task_cancel (task);

  submit (pool, task);
  g_assert_false (aioproc_pool_submit (pool, task, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);

  wait_for (task);
  g_assert_cmpint (aioproc_task_get_state (task), ==, AIOPROC_TASK_STATE_FAILED);
  g_assert_null (aioproc_task_dup_result (task, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_cmpstr (error->message, ==, "Nowhere");
  g_clear_error (&error);
  release (task);

  task = aioproc_task_new ("die", g_variant_new ("(i)", SIGKILL));
  submit (pool, task);
  wait_for (task);
  g_assert_null (aioproc_task_dup_result (task, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);
  g_assert_cmpint (aioproc_task_get_worker_pid (task), >, 0);
  g_clear_error (&error);
  release (task);

  /* What is refused can be given to another pool. */
  task = aioproc_task_new ("work", g_variant_new ("(x)", G_GINT64_CONSTANT (1)));
  aioproc_pool_close (pool);
  g_assert_false (aioproc_pool_submit (pool, task, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_assert_cmpint (aioproc_task_get_state (task), ==, AIOPROC_TASK_STATE_NEW);
  g_clear_error (&error);
  test_pool_end (g_steal_pointer (&pool));

  pool = test_pool_new (1);
  submit (pool, task);
  wait_for (task);
  g_assert_cmpint (aioproc_task_get_state (task), ==, AIOPROC_TASK_STATE_SUCCEEDED);
  release (task);
  test_pool_end (g_steal_pointer (&pool));
}

static void
test_running (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new_with ("n-workers", 1, "cancel-grace",
                                                    G_GINT64_CONSTANT (1000), NULL);
  g_autoptr(AioprocEvent) first = test_event_new ();
  g_autoptr(AioprocEvent) never = test_event_new ();
  g_autoptr(AioprocMessage) message = test_pool_message (first, never);
  AioprocTask *task = aioproc_task_new_with_message ("meet", message);
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;

  g_test_summary ("A task that runs says so before it ends, and can be cancelled.");

  submit (pool, task);
  aioproc_test_wait_until (aioproc_task_get_state (task) == AIOPROC_TASK_STATE_RUNNING);
  g_assert_cmpint (aioproc_task_get_worker_pid (task), >, 0);
  g_assert_cmpint (aioproc_task_get_started_time (task), >, 0);
  g_assert_cmpint (aioproc_task_get_finished_time (task), ==, 0);
  g_assert_null (aioproc_task_dup_result (task, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);

  g_assert_false (aioproc_task_wait (task, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);

  aioproc_task_wait_async (task, -1, NULL, aioproc_test_store_result, &result);
  aioproc_task_cancel (task);
  aioproc_test_wait (&result);
  g_assert_true (aioproc_task_wait_finish (task, result, &error));
  g_assert_no_error (error);
  g_clear_object (&result);
  g_assert_cmpint (aioproc_task_get_state (task), ==, AIOPROC_TASK_STATE_CANCELLED);
  g_assert_null (aioproc_task_dup_result (task, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  aioproc_task_cancel (task);

  g_variant_unref (test_pool_apply (pool, "pid", NULL));
  release (task);
  test_pool_end (g_steal_pointer (&pool));
}

static void
test_worker_pid (void)
{
  g_test_summary ("The first task of a new worker has its pid, too.");

  for (guint i = 0; i < N_POOLS; i++)
    {
      AioprocPool *pool = test_pool_new (2);
      AioprocTask *task = aioproc_task_new ("pid", NULL);
      g_autoptr(GVariant) result = NULL;
      g_autoptr(GError) error = NULL;

      submit (pool, task);
      wait_for (task);
      result = aioproc_task_dup_result (task, &error);
      g_assert_no_error (error);
      aioproc_test_assert_variant (result,
                                   g_variant_new ("(i)", aioproc_task_get_worker_pid (task)));
      release (task);
      test_pool_end (pool);
    }
}

static void
changed_cb (AioprocTask *task,
            GParamSpec  *pspec,
            gpointer     user_data)
{
  g_hash_table_add (user_data, (gpointer) g_intern_string (pspec->name));
}

static void
test_notify (void)
{
  static const char * const names[] = {
    "state", "progress", "progress-text", "worker-pid", "started-time", "finished-time",
  };
  g_autoptr(AioprocPool) pool = test_pool_new (1);
  AioprocTask *task = aioproc_task_new ("progress", NULL);
  g_autoptr(GHashTable) changed = g_hash_table_new (g_str_hash, g_str_equal);
  g_autofree char *text = NULL;

  g_test_summary ("The program is told of all that changes, in its main context.");

  g_signal_connect (task, "notify", G_CALLBACK (changed_cb), changed);
  g_assert_cmpfloat (aioproc_task_get_progress (task), ==, -1.0);
  submit (pool, task);
  aioproc_test_wait_until (g_hash_table_contains (changed, "finished-time"));

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    g_assert_true (g_hash_table_contains (changed, names[i]));

  g_assert_cmpfloat (aioproc_task_get_progress (task), >=, 0.0);
  text = aioproc_task_dup_progress_text (task);
  g_assert_nonnull (text);

  release (task);
  test_pool_end (g_steal_pointer (&pool));
}

static void
test_priority (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (1);
  g_autoptr(AioprocEvent) go = test_event_new ();
  g_autoptr(GError) error = NULL;
  GAsyncResult *first = NULL;
  g_autoptr(AioprocMessage) answer = NULL;
  AioprocTask *tasks[8];

  g_test_summary ("Of tasks that wait, those of a lower number come first.");

  test_pool_begin (pool, "meet", go, NULL, &first);

  for (int i = 0; i < (int) G_N_ELEMENTS (tasks); i++)
    {
      tasks[i] = aioproc_task_new ("count", NULL);
      aioproc_task_set_priority (tasks[i], i % 2 == 0 ? 10 : -10);
      g_assert_cmpint (aioproc_task_get_priority (tasks[i]), ==, i % 2 == 0 ? 10 : -10);
      submit (pool, tasks[i]);
      aioproc_task_set_priority (tasks[i], 0);
      g_assert_cmpint (aioproc_task_get_priority (tasks[i]), !=, 0);
    }

  aioproc_event_set (go, &error);
  g_assert_no_error (error);
  aioproc_test_wait (&first);
  answer = aioproc_pool_apply_message_finish (pool, first, &error);
  g_assert_no_error (error);
  g_clear_object (&first);

  for (int i = 0; i < (int) G_N_ELEMENTS (tasks); i++)
    {
      g_autoptr(GVariant) result = NULL;
      guint32 count;

      wait_for (tasks[i]);
      result = aioproc_task_dup_result (tasks[i], &error);
      g_assert_no_error (error);
      g_variant_get (result, "(u)", &count);

      /* The worker had one ahead, whichever that was. */
      if (i % 2 == 0)
        g_assert_cmpuint (count, >=, i == 0 ? 1 : G_N_ELEMENTS (tasks) / 2);
      else
        g_assert_cmpuint (count, <=, G_N_ELEMENTS (tasks) / 2 + 1);
      release (tasks[i]);
    }

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_timeout (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new_with ("n-workers", 1, "cancel-grace",
                                                    G_GINT64_CONSTANT (1000), NULL);
  AioprocTask *task = aioproc_task_new ("block", NULL);
  g_autoptr(GError) error = NULL;

  g_test_summary ("A task has a limit of its own.");

  g_assert_cmpint (aioproc_task_get_timeout (task), ==, -1);
  aioproc_task_set_timeout (task, 5000);
  g_assert_cmpint (aioproc_task_get_timeout (task), ==, 5000);
  submit (pool, task);
  wait_for (task);
  g_assert_cmpint (aioproc_task_get_state (task), ==, AIOPROC_TASK_STATE_FAILED);
  g_assert_null (aioproc_task_dup_result (task, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);

  release (task);
  test_pool_end (g_steal_pointer (&pool));
}

static void
test_many (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (2);
  g_autoptr(GPtrArray) tasks = g_ptr_array_new ();

  g_test_summary ("Many tasks are waited for together, and dropped ones are done, too.");

  for (gint64 i = 0; i < N_TASKS; i++)
    {
      g_autoptr(AioprocTask) dropped = aioproc_task_new ("work", g_variant_new ("(x)", i));

      g_ptr_array_add (tasks, aioproc_task_new ("work", g_variant_new ("(x)", i)));
      submit (pool, tasks->pdata[i]);
      submit (pool, dropped);
    }

  while (tasks->len > 0)
    {
      g_autoptr(GPtrArray) ready = NULL;
      g_autoptr(GError) error = NULL;

      ready = aioproc_wait ((AioprocWaitable **) tasks->pdata, tasks->len, -1, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (ready->len, >, 0);

      for (guint i = 0; i < ready->len; i++)
        {
          AioprocTask *task = g_ptr_array_index (ready, i);

          g_assert_cmpint (aioproc_task_get_state (task), ==, AIOPROC_TASK_STATE_SUCCEEDED);
          g_assert_true (g_ptr_array_remove_fast (tasks, task));
          g_object_unref (task);
        }
    }

  test_pool_end (g_steal_pointer (&pool));
}

int
main (int   argc,
      char *argv[])
{
  test_pool_init ();
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/task/outcome/result", test_result);
  aioproc_test_add_func ("/aioproc/task/outcome/failures", test_failures);
  aioproc_test_add_func ("/aioproc/task/outcome/running", test_running);
  aioproc_test_add_func ("/aioproc/task/outcome/worker-pid", test_worker_pid);
  aioproc_test_add_func ("/aioproc/task/properties/notify", test_notify);
  aioproc_test_add_func ("/aioproc/task/properties/priority", test_priority);
  aioproc_test_add_func ("/aioproc/task/properties/timeout", test_timeout);
  aioproc_test_add_func ("/aioproc/task/wait/many", test_many);

  return g_test_run ();
}
