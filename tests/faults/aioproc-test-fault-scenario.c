/* aioproc-test-fault-scenario.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* aioproc-test-fault-scenario SCENARIO MAX-DESCRIPTORS MAY-FAIL
 *
 * What runs while one call to the kernel fails. Where MAY-FAIL is 1 every function may fail with an
 * error, and the program goes on with whatever it got; afterwards nothing may be left over, and the
 * same has to succeed.
 *
 * Exits with 0 when no fault happened, 3 when one did, 1 when something is wrong. Prints how many
 * descriptors are open in the end.
 */

#include <dlfcn.h>
#include <stdlib.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "fault-scenario.h"

#define WAIT_USEC FAULT_WAIT_USEC

typedef void (*Scenario) (void);

static gboolean may_fail;

gboolean
fault_check (gboolean  success,
             GError  **error)
{
  if (success == (*error != NULL))
    {
      g_printerr ("%s with %s\n", success ? "Success" : "Failure",
                  *error != NULL ? (*error)->message : "no error");
      exit (1);
    }

  if (!success && !may_fail)
    {
      g_printerr ("Failure without a cause: %s\n", (*error)->message);
      exit (1);
    }

  g_clear_error (error);

  return success;
}

void
fault_check_vain (gboolean   success,
                  int        code,
                  GError   **error)
{
  g_assert_false (success);

  if (!may_fail)
    g_assert_error (*error, G_IO_ERROR, code);

  g_assert_nonnull (*error);
  g_clear_error (error);
}

static gboolean
check (gboolean  success,
       GError  **error)
{
  return fault_check (success, error);
}

static void
use_lock (AioprocLock *lock)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  if (!check (aioproc_lock_acquire (lock, WAIT_USEC, NULL, &error), &error))
    return;

  /* Held already: this one waits on a thread, and times out. */
  aioproc_lock_acquire_async (lock, WAIT_USEC, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_lock_acquire_finish (lock, result, &error));
  if (!may_fail)
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_assert_true (check (aioproc_lock_release (lock, &error), &error));
}

static void
run_objects (void)
{
  g_autoptr(AioprocLock) lock = NULL;
  g_autoptr(AioprocEvent) event = NULL;
  g_autoptr(AioprocQueue) queue = NULL;
  g_autoptr(GError) error = NULL;

  lock = aioproc_lock_new (&error);

  if (check (lock != NULL, &error))
    use_lock (lock);

  event = aioproc_event_new (&error);

  if (check (event != NULL, &error))
    check (aioproc_event_set (event, &error), &error);

  queue = aioproc_queue_new (0, &error);

  if (check (queue != NULL, &error))
    {
      g_autofree guint8 *data = g_malloc0 (3 * 1024 * 1024);
      g_autoptr(GBytes) bytes = g_bytes_new_static (data, 3 * 1024 * 1024);
      guint n_put = 0;

      for (guint i = 0; i < 4; i++)
        n_put += check (aioproc_queue_put_bytes (queue, bytes, -1, NULL, &error), &error);

      for (guint i = 0; i < 2; i++)
        {
          g_autoptr(AioprocQueueLoan) loan = aioproc_queue_loan (queue, 3 * 1024 * 1024, -1, NULL,
                                                                 &error);

          /* Once there is room nothing can fail any more. */
          if (check (loan != NULL, &error))
            {
              g_assert_true (aioproc_queue_loan_write_bytes (loan, 0, bytes, &error));
              g_assert_true (aioproc_queue_loan_commit (loan, 3 * 1024 * 1024, &error));
              n_put++;
            }
        }

      /* What was put is there, whatever failed. */
      for (guint i = 0; i < n_put; i++)
        {
          g_autoptr(GBytes) item = aioproc_queue_get_bytes (queue, 0, NULL, &error);

          if (check (item != NULL, &error))
            g_assert_cmpuint (g_bytes_get_size (item), ==, 3 * 1024 * 1024);
        }
    }
}

#define N_BATCH 5
/* One call fails at most, so that the next one does not. */
#define N_TRIES (N_BATCH + 2)

/* As many as are in the queue then. */
static guint
put_batch (AioprocQueue *queue)
{
  static const gsize sizes[N_BATCH] = { 50, 3000, 5000, 100, 300000 };
  g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autoptr(GError) error = NULL;
  guint n_put = 0;

  for (guint i = 0; i < N_BATCH; i++)
    g_ptr_array_add (items, g_bytes_new_take (g_malloc0 (sizes[i]), sizes[i]));

  for (guint i = 0; i < N_TRIES && n_put < N_BATCH; i++)
    {
      guint n = aioproc_queue_put_many_bytes (queue, (GBytes **) items->pdata + n_put,
                                              N_BATCH - n_put, -1, NULL, &error);

      check (n > 0, &error);
      n_put += n;
    }

  g_assert_cmpuint (n_put, ==, N_BATCH);

  return n_put;
}

/* All items fail, and are got as failed ones. */
static void
use_failures (AioprocQueue *queue)
{
  guint n_left = put_batch (queue);
  guint n_failed = 0;
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < N_TRIES && n_left > 0; i++)
    {
      g_autoptr(AioprocQueueLease) lease = aioproc_queue_try_get_leased (queue, &error);

      if (check (lease != NULL, &error))
        n_left -= check (aioproc_queue_lease_nack (lease, &error), &error);
    }

  g_assert_cmpuint (n_left, ==, 0);
  g_assert_cmpuint (aioproc_queue_get_n_failed (queue), ==, N_BATCH);

  for (guint i = 0; i < N_TRIES && n_failed < N_BATCH; i++)
    {
      g_autoptr(AioprocQueueFailure) failure = aioproc_queue_try_get_failed (queue, &error);

      n_failed += check (failure != NULL, &error);
    }

  g_assert_cmpuint (n_failed, ==, N_BATCH);
  g_assert_cmpuint (aioproc_queue_get_n_failed (queue), ==, 0);
}

static void
use_batches (AioprocQueue *queue)
{
  guint n_left = put_batch (queue);
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < N_TRIES && n_left > 0; i++)
    {
      g_autoptr(GPtrArray) items = aioproc_queue_try_get_many_bytes (queue, N_BATCH, &error);

      if (check (items != NULL, &error))
        n_left -= MIN (items->len, n_left);
    }

  g_assert_cmpuint (n_left, ==, 0);
  g_assert_true (aioproc_queue_is_empty (queue));
}

static void
use_tasks (AioprocJoinableQueue *queue)
{
  guint n_left = put_batch (AIOPROC_QUEUE (queue));
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < N_TRIES && n_left > 0; i++)
    {
      g_autoptr(GBytes) item = aioproc_queue_try_get_bytes (AIOPROC_QUEUE (queue), &error);

      if (check (item != NULL, &error))
        n_left -= check (aioproc_joinable_queue_task_done (queue, &error), &error);
    }

  g_assert_cmpuint (n_left, ==, 0);
  g_assert_true (check (aioproc_joinable_queue_join (queue, WAIT_USEC, NULL, &error), &error));
}

static void
run_queues (void)
{
  g_autoptr(AioprocQueue) queue = NULL;
  g_autoptr(AioprocJoinableQueue) joinable = NULL;
  g_autoptr(GError) error = NULL;

  queue = g_initable_new (AIOPROC_TYPE_QUEUE, NULL, &error, "max-deliveries", 1, NULL);

  if (check (queue != NULL, &error))
    {
      use_failures (queue);
      use_batches (queue);
    }

  joinable = aioproc_joinable_queue_new (0, &error);

  if (check (joinable != NULL, &error))
    use_tasks (joinable);
}

static void
run_waits (void)
{
  g_autoptr(AioprocEvent) event = NULL;
  g_autoptr(GError) error = NULL;
  GAsyncResult *results[200] = { NULL };

  event = aioproc_event_new (&error);

  if (!check (event != NULL, &error))
    return;

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    aioproc_event_wait_async (event, -1, NULL, aioproc_test_store_result, &results[i]);

  check (aioproc_event_set (event, &error), &error);

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    {
      aioproc_test_wait (&results[i]);
      check (aioproc_event_wait_finish (event, results[i], &error), &error);
      g_clear_object (&results[i]);
    }
}

static void
run_memory (void)
{
  g_autoptr(AioprocSharedMemory) memory = NULL;
  g_autoptr(AioprocSharedMemory) copy = NULL;
  g_autoptr(AioprocSharedMemory) reader = NULL;
  g_autoptr(GBytes) bytes = g_bytes_new_take (g_malloc0 (3 * 1024 * 1024), 3 * 1024 * 1024);
  g_autoptr(GError) error = NULL;

  memory = g_initable_new (AIOPROC_TYPE_SHARED_MEMORY, NULL, &error,
                           "size", (guint64) 4096,
                           "max-size", (guint64) 1024 * 1024,
                           NULL);

  if (check (memory != NULL, &error))
    {
      gboolean resized = check (aioproc_shared_memory_resize (memory, 1024 * 1024, &error), &error);

      g_assert_cmpuint (aioproc_shared_memory_get_size (memory), ==, resized ? 1024 * 1024 : 4096);
      reader = aioproc_shared_memory_dup_read_only (memory, &error);
      check (reader != NULL, &error);
    }

  copy = aioproc_shared_memory_new_from_bytes (bytes, &error);

  if (check (copy != NULL, &error))
    {
      g_autoptr(GBytes) content = aioproc_shared_memory_dup_bytes (copy, NULL);

      g_assert_true (g_bytes_equal (content, bytes));

      /* What was given to a reader is freed at once, and not kept to be used again. */
      g_clear_object (&reader);
      reader = aioproc_shared_memory_dup_read_only (copy, &error);
      check (reader != NULL, &error);
    }
}

static void
run_cells (void)
{
  g_autoptr(AioprocValue) value = NULL;
  g_autoptr(AioprocArray) array = NULL;
  g_autoptr(AioprocSharedList) list = NULL;
  g_autoptr(GError) error = NULL;

  value = aioproc_value_new (g_variant_new_int64 (7), &error);

  if (check (value != NULL, &error))
    {
      g_autoptr(GVariant) number = NULL;

      check (aioproc_value_add (value, 1, NULL, &error), &error);
      number = aioproc_value_get (value, &error);

      if (check (number != NULL, &error))
        g_assert_cmpint (g_variant_get_int64 (number), >=, 7);
    }

  array = aioproc_array_new ("d", 100000, &error);

  if (check (array != NULL, &error))
    g_assert_cmpuint (aioproc_array_get_length (array), ==, 100000);

  list = aioproc_shared_list_new (g_variant_new ("(si)", "text", 7), &error);

  if (check (list != NULL, &error))
    {
      g_autoptr(GVariant) item = NULL;

      check (aioproc_shared_list_set (list, 1, g_variant_new_int32 (8), &error), &error);
      item = aioproc_shared_list_get (list, 1, &error);

      if (check (item != NULL, &error))
        g_assert_true (g_variant_is_of_type (item, G_VARIANT_TYPE_INT32));
    }
}

static GVariant *
put_and_answer (AioprocCall  *call,
                GError      **error)
{
  g_autoptr(GObject) queue = aioproc_call_dup_object (call, 0, error);

  if (queue == NULL ||
      !aioproc_queue_put (AIOPROC_QUEUE (queue), g_variant_new_int32 (7), -1, NULL, error))
    return NULL;

  return g_variant_new_int32 (42);
}

static void
run_process (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = aioproc_context_new ();
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(AioprocQueue) queue = NULL;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GVariant) result = NULL;
  g_autoptr(GError) error = NULL;
  int handle;

  aioproc_context_set_start_method (context, method);
  queue = aioproc_queue_new (0, &error);

  if (!check (queue != NULL, &error))
    return;

  message = aioproc_message_new (NULL);
  handle = aioproc_message_append_object (message, G_OBJECT (queue), &error);

  if (!check (handle >= 0, &error))
    return;

  aioproc_message_set_body (message, g_variant_new ("(h)", handle));
  process = aioproc_process_new_with_message (context, "put-and-answer", message);

  if (!check (aioproc_process_start (process, NULL, &error), &error))
    return;

  g_assert_true (check (aioproc_process_join (process, -1, NULL, &error), &error));
  result = aioproc_process_dup_result (process, &error);

  if (check (result != NULL, &error))
    g_assert_cmpint (g_variant_get_int32 (result), ==, 42);

  check (aioproc_process_close (process, &error), &error);
}

static void
run_spawn (void)
{
  run_process (AIOPROC_START_METHOD_SPAWN);
}

static void
run_forkserver (void)
{
  run_process (AIOPROC_START_METHOD_FORKSERVER);
}

static Scenario
find_scenario (const char *name)
{
  if (g_str_equal (name, "objects"))
    return run_objects;
  if (g_str_equal (name, "queues"))
    return run_queues;
  if (g_str_equal (name, "waits"))
    return run_waits;
  if (g_str_equal (name, "memory"))
    return run_memory;
  if (g_str_equal (name, "cells"))
    return run_cells;
  if (g_str_equal (name, "spawn"))
    return run_spawn;
  if (g_str_equal (name, "forkserver"))
    return run_forkserver;
  if (g_str_equal (name, "connections"))
    return fault_run_connections;
  if (g_str_equal (name, "many"))
    return fault_run_many;

  g_assert_not_reached ();
}

int
main (int   argc,
      char *argv[])
{
  static const AioprocFunctionEntry functions[] = { { "put-and-answer", put_and_answer } };
  void (*arm) (void);
  gboolean (*disarm) (void);
  Scenario scenario;
  guint64 max_fds;
  gboolean fired;

  aioproc_init (functions, G_N_ELEMENTS (functions));

  g_assert_cmpint (argc, ==, 4);
  scenario = find_scenario (argv[1]);
  max_fds = g_ascii_strtoull (argv[2], NULL, 10);
  may_fail = g_str_equal (argv[3], "1");
  *(void **) &arm = dlsym (RTLD_DEFAULT, "aioproc_test_fault_arm");
  *(void **) &disarm = dlsym (RTLD_DEFAULT, "aioproc_test_fault_disarm");
  g_assert_true (arm != NULL && disarm != NULL);

  /* GLib starts a thread of its own at the first GTask, and aborts where it cannot. */
  g_type_ensure (G_TYPE_TASK);

  arm ();
  scenario ();
  fired = disarm ();

  /* The same once more, without a fault: what failed has broken nothing for later. */
  may_fail = FALSE;
  scenario ();

  /* The library's threads let go of what they watched a moment later. A leak never ends. */
  while (aioproc_test_count_fds () > max_fds)
    g_thread_yield ();

  g_print ("%u\n", aioproc_test_count_fds ());

  return fired ? 3 : 0;
}
