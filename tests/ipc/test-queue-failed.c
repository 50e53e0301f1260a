/* test-queue-failed.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <sys/resource.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "ipc/aioproc-queue-grow-private.h"
#include "queue-test.h"

/* What is delivered in vain too often. */

static AioprocQueue *
new_queue (guint max_deliveries)
{
  g_autoptr(GError) error = NULL;
  AioprocQueue *queue = g_initable_new (AIOPROC_TYPE_QUEUE, NULL, &error,
                                        "max-deliveries", max_deliveries,
                                        NULL);

  g_assert_no_error (error);
  g_assert_cmpuint (aioproc_queue_get_max_deliveries (queue), ==, max_deliveries);

  return queue;
}

static void
put (AioprocQueue *queue,
     gsize         size,
     guint         i)
{
  g_autoptr(GBytes) bytes = queue_test_make_bytes (size, i);
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_queue_try_put_bytes (queue, bytes, &error));
  g_assert_no_error (error);
}

/* Leases the first item, and gives it back. */
static void
fail (AioprocQueue *queue,
      guint         n_failures)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocQueueLease) lease = aioproc_queue_try_get_leased (queue, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (aioproc_queue_lease_get_n_failures (lease), ==, n_failures);
  g_assert_true (aioproc_queue_lease_nack (lease, &error));
  g_assert_no_error (error);
}

static AioprocQueueFailure *
get_failed (AioprocQueue *queue)
{
  g_autoptr(GError) error = NULL;
  AioprocQueueFailure *failure = aioproc_queue_try_get_failed (queue, &error);

  g_assert_no_error (error);
  g_assert_nonnull (failure);

  return failure;
}

static void
assert_none (AioprocQueue *queue)
{
  g_autoptr(GError) error = NULL;

  g_assert_cmpuint (aioproc_queue_get_n_failed (queue), ==, 0);
  g_assert_null (aioproc_queue_try_get_failed (queue, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
}

/* Every record is a nack of this process. */
static void
assert_history (AioprocQueueFailure *failure,
                guint                n_records,
                gint64               before_usec)
{
  GVariant *history = aioproc_queue_failure_get_history (failure);

  g_assert_cmpstr (g_variant_get_type_string (history), ==, "a(uxs)");
  g_assert_cmpuint (g_variant_n_children (history), ==, n_records);

  for (guint i = 0; i < n_records; i++)
    {
      const char *cause;
      gint64 time_usec;
      guint32 pid;

      g_variant_get_child (history, i, "(ux&s)", &pid, &time_usec, &cause);
      g_assert_cmpuint (pid, ==, getpid ());
      g_assert_cmpint (time_usec, >=, before_usec);
      g_assert_cmpstr (cause, ==, "nack");
      before_usec = time_usec;
    }
}

static void
test_queue_failed_sizes (void)
{
  static const gsize sizes[] = { 0, 10, 1000, 40000, 300000 };
  g_autoptr(AioprocQueue) queue = new_queue (2);

  g_test_summary ("Items of any size are set aside, and come out whole, with their history");

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr(GBytes) expected = queue_test_make_bytes (sizes[i], i);
      g_autoptr(AioprocQueueFailure) failure = NULL;
      g_autoptr(GBytes) bytes = NULL;
      gint64 before_usec = g_get_real_time ();

      assert_none (queue);
      put (queue, sizes[i], i);
      fail (queue, 0);
      assert_none (queue);
      fail (queue, 1);
      g_assert_cmpuint (aioproc_queue_get_n_failed (queue), ==, 1);
      g_assert_true (aioproc_queue_is_empty (queue));
      failure = get_failed (queue);
      g_assert_true (g_bytes_equal (aioproc_queue_failure_get_bytes (failure), expected));
      bytes = g_variant_get_data_as_bytes (aioproc_queue_failure_get_value (failure));
      g_assert_true (g_bytes_equal (bytes, expected));
      g_assert_cmpuint (aioproc_queue_failure_get_n_failures (failure), ==, 2);
      assert_history (failure, 2, before_usec);
      g_assert_finalize_object (g_steal_pointer (&failure));
    }

  assert_none (queue);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_failed_value (void)
{
  g_autoptr(AioprocQueue) queue = new_queue (7);
  g_autoptr(GVariant) value = g_variant_ref_sink (g_variant_new ("(sd)", "pi", 3.14159));
  g_autoptr(AioprocQueueFailure) failure = NULL;
  g_autoptr(GError) error = NULL;
  gint64 before_usec = g_get_real_time ();

  g_test_summary ("Of a value that has failed seven times, the last four are known");

  g_assert_true (aioproc_queue_try_put (queue, value, &error));

  for (guint i = 0; i < 7; i++)
    fail (queue, i);

  failure = get_failed (queue);
  g_assert_cmpvariant (aioproc_queue_failure_get_value (failure), value);
  g_assert_null (aioproc_queue_failure_get_bytes (failure));
  g_assert_cmpuint (aioproc_queue_failure_get_n_failures (failure), ==, 7);
  assert_history (failure, AIOPROC_QUEUE_N_HISTORY, before_usec);
}

static void
test_queue_failed_order (void)
{
  g_autoptr(AioprocQueue) queue = new_queue (1);
  AioprocQueueLease *leases[3];
  g_autoptr(GError) error = NULL;

  g_test_summary ("Items are set aside in the order of their puts, also by a repair");

  for (guint round = 0; round < 2; round++)
    {
      for (guint i = 0; i < G_N_ELEMENTS (leases); i++)
        {
          put (queue, 10 + i, i);
          leases[i] = aioproc_queue_try_get_leased (queue, &error);
          g_assert_no_error (error);
        }

      for (guint i = 0; i < G_N_ELEMENTS (leases); i++)
        {
          g_assert_true (aioproc_queue_lease_nack (leases[(i + 1) % 3], &error));
          g_assert_finalize_object (leases[(i + 1) % 3]);
        }

      if (round == 1)
        atomic_fetch_or (&queue_test_get_header (queue)->stale, AIOPROC_QUEUE_STALE_ALL);

      for (guint i = 0; i < G_N_ELEMENTS (leases); i++)
        {
          g_autoptr(AioprocQueueFailure) failure = NULL;

          g_assert_cmpuint (aioproc_queue_get_n_failed (queue), ==, 3 - i);
          failure = get_failed (queue);
          g_assert_cmpuint (g_bytes_get_size (aioproc_queue_failure_get_bytes (failure)), ==,
                            10 + i);
        }

      assert_none (queue);
      g_assert_cmpuint (atomic_load (&queue_test_get_header (queue)->n_used), ==, 0);
    }
}

static void
test_queue_failed_locked (void)
{
  g_autoptr(AioprocQueue) queue = new_queue (1);
  AioprocQueueHeader *header = queue_test_get_header (queue);
  AioprocFamily *family = aioproc_shm_get_family (queue_test_get_shm (queue));
  g_autoptr(AioprocQueueLease) lease = NULL;
  g_autoptr(AioprocQueueFailure) failure = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("An item is set aside while the queue is locked, and who comes next sees it");

  put (queue, 10, 1);
  put (queue, 10, 2);
  lease = aioproc_queue_try_get_leased (queue, &error);
  g_assert_no_error (error);
  g_assert_cmpint (aioproc_lock_word_lock (&header->lock, family), ==, AIOPROC_LOCK_TAKEN);
  g_assert_true (aioproc_queue_lease_nack (lease, &error));
  g_assert_null (aioproc_queue_try_get_failed (queue, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  aioproc_lock_word_release (&header->lock, family);

  g_assert_cmpuint (aioproc_queue_get_n_failed (queue), ==, 1);
  g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 1);
  failure = get_failed (queue);
  assert_history (failure, 1, 0);
}

static void
test_queue_failed_closed (void)
{
  g_autoptr(AioprocQueue) queue = new_queue (1);
  g_autoptr(AioprocQueueLease) lease = NULL;
  g_autoptr(AioprocQueueFailure) failure = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Gets from a closed queue end when the last item is set aside, which stays");

  put (queue, 10, 1);
  lease = aioproc_queue_try_get_leased (queue, &error);
  g_assert_no_error (error);
  g_assert_true (aioproc_queue_close (queue, FALSE, &error));
  aioproc_queue_get_async (queue, -1, NULL, aioproc_test_store_result, &result);
  queue_test_wait_for_sleeper (queue, FALSE);
  g_assert_true (aioproc_queue_lease_nack (lease, &error));
  aioproc_test_wait (&result);
  g_assert_null (aioproc_queue_get_finish (queue, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  failure = get_failed (queue);
  assert_none (queue);
}

/* There is no memory for the history: a limit of the size of files is one way to that. */
static void
test_queue_failed_no_history (void)
{
  g_autoptr(AioprocQueue) queue = new_queue (3);
  g_autoptr(AioprocQueueFailure) failure = NULL;
  struct rlimit old_limit;
  struct rlimit limit;

  g_test_summary ("Where there is no memory for it the history is lost, and not the item");

  put (queue, 10, 1);
  fail (queue, 0);
  g_assert_no_errno (getrlimit (RLIMIT_FSIZE, &old_limit));
  limit = old_limit;
  limit.rlim_cur = 4096;
  g_assert_no_errno (setrlimit (RLIMIT_FSIZE, &limit));
  fail (queue, 1);
  g_assert_no_errno (setrlimit (RLIMIT_FSIZE, &old_limit));
  fail (queue, 2);

  failure = get_failed (queue);
  g_assert_cmpuint (aioproc_queue_failure_get_n_failures (failure), ==, 3);
  assert_history (failure, 2, 0);
}

/* A slot that was used before has a history of another item. */
static void
test_queue_failed_reused (void)
{
  g_autoptr(AioprocQueue) queue = new_queue (2);

  g_test_summary ("An item has a history of its own, wherever it lies");

  for (guint i = 0; i < 50; i++)
    {
      g_autoptr(AioprocQueueFailure) failure = NULL;
      g_autoptr(AioprocQueueLease) lease = NULL;
      g_autoptr(GError) error = NULL;

      put (queue, 10, i);
      fail (queue, 0);
      fail (queue, 1);
      failure = get_failed (queue);
      assert_history (failure, 2, 0);

      /* One that fails once, and is then done. */
      put (queue, 10, i);
      fail (queue, 0);
      lease = aioproc_queue_try_get_leased (queue, &error);
      g_assert_no_error (error);
      g_assert_true (aioproc_queue_lease_ack (lease, &error));
    }

  assert_none (queue);
}

/* What is set aside is not given back with the memory of an empty queue. */
static void
test_queue_failed_kept (void)
{
  g_autoptr(AioprocQueue) queue = new_queue (1);
  g_autoptr(AioprocQueueFailure) failure = NULL;
  g_autoptr(GBytes) expected = queue_test_make_bytes (3000000, 1);
  AioprocQueueHeader *header = queue_test_get_header (queue);
  g_autoptr(GError) error = NULL;

  g_test_summary ("What is set aside stays when an empty queue gives its memory back");

  put (queue, 3000000, 1);
  fail (queue, 0);
  g_assert_cmpuint (atomic_load (&header->n_allocated), >, AIOPROC_QUEUE_IDLE_KEEP);

  /* As though it had been empty for long. */
  atomic_store (&header->empty_since, 1);

  for (guint i = 0; i < 3; i++)
    {
      g_assert_null (aioproc_queue_get (queue, 20 * G_TIME_SPAN_MILLISECOND, NULL, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
      g_clear_error (&error);
    }

  failure = get_failed (queue);
  g_assert_true (g_bytes_equal (aioproc_queue_failure_get_bytes (failure), expected));
}

int
main (int   argc,
      char *argv[])
{
  g_setenv ("AIOPROC_DISABLE_BACKSTOP", "1", TRUE);
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/queue/failed/sizes", test_queue_failed_sizes);
  aioproc_test_add_func ("/aioproc/queue/failed/value", test_queue_failed_value);
  aioproc_test_add_func ("/aioproc/queue/failed/order", test_queue_failed_order);
  aioproc_test_add_func ("/aioproc/queue/failed/locked", test_queue_failed_locked);
  aioproc_test_add_func ("/aioproc/queue/failed/closed", test_queue_failed_closed);
  aioproc_test_add_func ("/aioproc/queue/failed/no-history", test_queue_failed_no_history);
  aioproc_test_add_func ("/aioproc/queue/failed/reused", test_queue_failed_reused);
  aioproc_test_add_func ("/aioproc/queue/failed/kept", test_queue_failed_kept);

  return g_test_run ();
}
