/* test-queue-fork.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/core-test.h"
#include "ipc/aioproc-queue-local-private.h"
#include "platform/platform-test.h"
#include "queue-test.h"

#define N_ITEMS 200

/* Of each sort: beside the slot, copied under the lock, and beside it. */
static gsize
get_size (guint i)
{
  const gsize sizes[] = { 10, 1000, 100000 };

  return sizes[i % G_N_ELEMENTS (sizes)];
}

static void
put_all (AioprocQueue *queue)
{
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < N_ITEMS; i++)
    {
      g_autoptr(GBytes) bytes = queue_test_make_bytes (get_size (i), i);

      g_assert_true (aioproc_queue_put_bytes (queue, bytes, -1, NULL, &error));
      g_assert_no_error (error);
    }
}

static void
get_all (AioprocQueue *queue)
{
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < N_ITEMS; i++)
    {
      g_autoptr(GBytes) expected = queue_test_make_bytes (get_size (i), i);
      g_autoptr(GBytes) bytes = aioproc_queue_get_bytes (queue, -1, NULL, &error);

      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (bytes, expected));
    }
}

static int
child_run (gpointer data)
{
  AioprocQueue **queues = data;

  get_all (queues[0]);
  put_all (queues[1]);

  return 0;
}

static void
test_queue_fork (void)
{
  AioprocQueue *queues[2];   /* one with room for few, so that both wait */
  pid_t pid;

  g_test_summary ("A forked child gets what its parent puts, and the other way round");

#ifdef CORE_TEST_TSAN
  g_test_skip ("ThreadSanitizer is lost in a forked child that has threads");
  return;
#endif

  queues[0] = queue_test_new (3);
  queues[1] = queue_test_new (0);

  pid = platform_test_fork (child_run, queues);
  put_all (queues[0]);
  platform_test_wait_success (pid);
  g_assert_true (aioproc_queue_is_empty (queues[0]));
  get_all (queues[1]);
  g_assert_true (aioproc_queue_is_empty (queues[1]));

  g_assert_finalize_object (queues[0]);
  g_assert_finalize_object (queues[1]);
}

static void
expect_item (AioprocQueue *queue,
             guint         i)
{
  g_autoptr(GBytes) expected = queue_test_make_bytes (10, i);
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = aioproc_queue_get_bytes (queue, -1, NULL, &error);

  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (bytes, expected));
}

static int
child_of_pending_run (gpointer data)
{
  AioprocQueue *queue = data;
  g_autoptr(GBytes) bytes = queue_test_make_bytes (10, 4);
  g_autoptr(GBytes) large = queue_test_make_bytes (100000, 5);
  g_autoptr(GAsyncResult) put = NULL;
  g_autoptr(GAsyncResult) got = NULL;
  g_autoptr(GBytes) item = NULL;
  g_autoptr(GError) error = NULL;
  /* The default one shares its descriptor with the parent's. */
  GMainContext *context = g_main_context_new ();

  for (guint i = 1; i <= 3; i++)
    expect_item (queue, i);

  g_assert_true (aioproc_queue_put_bytes (queue, bytes, -1, NULL, &error));
  g_assert_no_error (error);
  expect_item (queue, 4);

  g_main_context_push_thread_default (context);
  aioproc_queue_get_bytes_async (queue, -1, NULL, aioproc_test_store_result, &got);
  aioproc_queue_put_bytes_async (queue, large, -1, NULL, aioproc_test_store_result, &put);

  while (put == NULL || got == NULL)
    g_main_context_iteration (context, TRUE);

  g_assert_true (aioproc_queue_put_bytes_finish (queue, put, &error));
  g_assert_no_error (error);
  item = aioproc_queue_get_bytes_finish (queue, got, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (item, large));

  return 0;
}

static void
test_queue_fork_pending (void)
{
  AioprocQueue *queue;
  LocalQueue *local;
  GAsyncResult *results[2] = { NULL, NULL };
  g_autoptr(GError) error = NULL;
  pid_t pid;

  g_test_summary ("A forked child does not wait for operations that its parent has begun");

#ifdef CORE_TEST_TSAN
  g_test_skip ("ThreadSanitizer is lost in a forked child that has threads");
  return;
#endif

  queue = queue_test_new (1);
  local = queue->impl;

  for (guint i = 1; i <= 3; i++)
    {
      g_autoptr(GBytes) bytes = queue_test_make_bytes (10, i);

      if (i == 1)
        g_assert_true (aioproc_queue_put_bytes (queue, bytes, -1, NULL, &error));
      else
        aioproc_queue_put_bytes_async (queue, bytes, -1, NULL, aioproc_test_store_result,
                                       &results[i - 2]);
    }

  /* As though two threads were just copying. */
  atomic_store (&local->put_works, 1);
  atomic_store (&local->get_works, 1);
  pid = platform_test_fork (child_of_pending_run, queue);
  atomic_store (&local->put_works, 0);
  atomic_store (&local->get_works, 0);
  aioproc_wait_queue_serve (local->putters);

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    {
      aioproc_test_wait (&results[i]);
      g_assert_true (aioproc_queue_put_bytes_finish (queue, results[i], &error));
      g_assert_no_error (error);
      g_clear_object (&results[i]);
    }

  platform_test_wait_success (pid);
  g_assert_finalize_object (queue);
}

static int
child_of_leased_run (gpointer data)
{
  AioprocQueueLease **leases = data;
  g_autoptr(GError) error = NULL;

  g_assert_false (aioproc_queue_lease_is_open (leases[0]));
  g_assert_false (aioproc_queue_lease_ack (leases[0], &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);
  g_clear_error (&error);
  g_assert_false (aioproc_queue_lease_nack (leases[1], &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);
  /* Its end gives nothing back. */
  g_assert_finalize_object (leases[2]);

  return 0;
}

static void
test_queue_fork_leased (void)
{
  AioprocQueueLease *leases[3];
  AioprocQueue *queue;
  g_autoptr(GError) error = NULL;
  pid_t pid;

  g_test_summary ("What a process has leased is not its forked child's");

#ifdef CORE_TEST_TSAN
  g_test_skip ("ThreadSanitizer is lost in a forked child that has threads");
  return;
#endif

  queue = queue_test_new (0);

  for (guint i = 0; i < G_N_ELEMENTS (leases); i++)
    {
      g_autoptr(GBytes) bytes = queue_test_make_bytes (10, i);

      g_assert_true (aioproc_queue_put_bytes (queue, bytes, -1, NULL, &error));
      leases[i] = aioproc_queue_get_leased (queue, -1, NULL, &error);
      g_assert_no_error (error);
    }

  pid = platform_test_fork (child_of_leased_run, leases);
  platform_test_wait_success (pid);
  g_assert_true (aioproc_queue_is_empty (queue));

  for (guint i = 0; i < G_N_ELEMENTS (leases); i++)
    {
      g_assert_true (aioproc_queue_lease_is_open (leases[i]));
      g_assert_true (aioproc_queue_lease_ack (leases[i], &error));
      g_assert_no_error (error);
      g_assert_finalize_object (leases[i]);
    }

  g_assert_finalize_object (queue);
}

static int
child_of_lent_run (gpointer data)
{
  AioprocQueueLoan **loans = data;
  g_autoptr(GBytes) bytes = queue_test_make_bytes (10, 9);
  g_autoptr(GError) error = NULL;
  guint i;

  for (i = 0; loans[i] != NULL; i++)
    {
      g_assert_false (aioproc_queue_loan_is_open (loans[i]));
      g_assert_null (aioproc_queue_loan_get_data (loans[i], NULL));
      g_assert_false (aioproc_queue_loan_write_bytes (loans[i], 0, bytes, &error));
      g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);
      g_clear_error (&error);
    }

  g_assert_false (aioproc_queue_loan_commit (loans[0], 10, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);
  g_clear_error (&error);
  g_assert_false (aioproc_queue_loan_abort (loans[1], &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);

  for (i = 0; loans[i] != NULL; i++)
    g_object_unref (loans[i]);

  return 0;
}

static void
test_queue_fork_lent (void)
{
  AioprocQueueLoan *loans[6] = { NULL };
  AioprocQueue *queue;
  g_autoptr(GError) error = NULL;
  pid_t pid;

  g_test_summary ("What was lent to a process is not its forked child's");

#ifdef CORE_TEST_TSAN
  g_test_skip ("ThreadSanitizer is lost in a forked child that has threads");
  return;
#endif

  queue = queue_test_new (0);

  for (guint i = 0; i < G_N_ELEMENTS (loans) - 1; i++)
    {
      g_autoptr(GBytes) bytes = queue_test_make_bytes (100000 * i + 10, i);

      loans[i] = aioproc_queue_loan (queue, 100000 * i + 10, -1, NULL, &error);
      g_assert_no_error (error);
      g_assert_true (aioproc_queue_loan_write_bytes (loans[i], 0, bytes, &error));
    }

  pid = platform_test_fork (child_of_lent_run, loans);
  platform_test_wait_success (pid);
  g_assert_true (aioproc_queue_is_empty (queue));

  for (guint i = 0; i < G_N_ELEMENTS (loans) - 1; i++)
    {
      g_autoptr(GBytes) expected = queue_test_make_bytes (100000 * i + 10, i);
      g_autoptr(GBytes) bytes = NULL;

      g_assert_true (aioproc_queue_loan_is_open (loans[i]));
      g_assert_true (aioproc_queue_loan_commit (loans[i], 100000 * i + 10, &error));
      g_assert_no_error (error);
      g_assert_finalize_object (loans[i]);
      bytes = aioproc_queue_get_bytes (queue, -1, NULL, &error);
      g_assert_true (g_bytes_equal (bytes, expected));
    }

  g_assert_finalize_object (queue);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/queue/fork", test_queue_fork);
  aioproc_test_add_func ("/aioproc/queue/fork/pending", test_queue_fork_pending);
  aioproc_test_add_func ("/aioproc/queue/fork/leased", test_queue_fork_leased);
  aioproc_test_add_func ("/aioproc/queue/fork/lent", test_queue_fork_lent);

  return g_test_run ();
}
