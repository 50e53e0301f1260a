/* test-queue-lease.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"
#include "queue-test.h"

/* In its slot, copied under the lock, beside it, and by another thread. */
static const gsize sizes[] = { 10, 1000, 40000, 300000 };

static void
put (AioprocQueue *queue,
     guint         i)
{
  g_autoptr(GBytes) bytes = queue_test_make_bytes (sizes[i % G_N_ELEMENTS (sizes)], i);
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_queue_try_put_bytes (queue, bytes, &error));
  g_assert_no_error (error);
}

static void
assert_bytes (GBytes *bytes,
              guint   i)
{
  g_autoptr(GBytes) expected = queue_test_make_bytes (sizes[i % G_N_ELEMENTS (sizes)], i);

  g_assert_true (g_bytes_equal (bytes, expected));
}

static void
assert_item (AioprocQueueLease *lease,
             guint              i,
             guint              n_failures)
{
  g_autoptr(GBytes) bytes = NULL;

  g_assert_true (aioproc_queue_lease_is_open (lease));
  assert_bytes (aioproc_queue_lease_get_bytes (lease), i);
  bytes = g_variant_get_data_as_bytes (aioproc_queue_lease_get_value (lease));
  assert_bytes (bytes, i);
  g_assert_cmpuint (aioproc_queue_lease_get_n_failures (lease), ==, n_failures);
}

static AioprocQueueLease *
get_leased (AioprocQueue *queue,
            guint         i,
            guint         n_failures)
{
  g_autoptr(GError) error = NULL;
  AioprocQueueLease *lease = aioproc_queue_try_get_leased (queue, &error);

  g_assert_no_error (error);
  assert_item (lease, i, n_failures);

  return lease;
}

static void
ack (AioprocQueueLease *lease)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_queue_lease_ack (lease, &error));
  g_assert_no_error (error);
  g_assert_false (aioproc_queue_lease_is_open (lease));
  g_assert_finalize_object (lease);
}

static void
nack (AioprocQueueLease *lease)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_queue_lease_nack (lease, &error));
  g_assert_no_error (error);
  g_assert_false (aioproc_queue_lease_is_open (lease));
  g_assert_finalize_object (lease);
}

static void
assert_nothing_left (AioprocQueue *queue)
{
  AioprocQueueHeader *header = queue_test_get_header (queue);
  g_autoptr(GError) error = NULL;

  g_assert_null (aioproc_queue_try_get (queue, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_assert_cmpuint (atomic_load (&header->n_used), ==, 0);
  g_assert_cmpuint (atomic_load (&header->n_leased), ==, 0);
  g_assert_cmpuint (atomic_load (&header->n_ready), ==, 0);
}

static void
test_queue_lease_ack (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);

  g_test_summary ("An item of any size is copied when it is leased, and gone when acknowledged");

  for (guint i = 0; i < 4 * G_N_ELEMENTS (sizes); i++)
    {
      AioprocQueueLease *lease;

      put (queue, i);
      lease = get_leased (queue, i, 0);
      g_assert_true (aioproc_queue_is_empty (queue));
      ack (lease);
      assert_nothing_left (queue);
    }

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_lease_nack (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);

  g_test_summary ("An item that is given back is at its place, and has failed once more");

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    put (queue, i);

  for (guint n = 0; n < 5; n++)
    {
      AioprocQueueLease *leases[G_N_ELEMENTS (sizes)];

      for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
        leases[i] = get_leased (queue, i, n);

      g_assert_true (aioproc_queue_is_empty (queue));

      /* In another order. */
      for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
        nack (leases[(i + n) % G_N_ELEMENTS (sizes)]);

      g_assert_cmpuint (aioproc_queue_get_size (queue), ==, G_N_ELEMENTS (sizes));
    }

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    ack (get_leased (queue, i, 5));

  assert_nothing_left (queue);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_lease_dropped (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  AioprocQueueLease *lease;

  g_test_summary ("A lease that nobody has any more gives its item back, which is no failure");

  put (queue, 1);
  put (queue, 2);

  for (guint i = 0; i < 5; i++)
    {
      g_autoptr(AioprocQueueLease) dropped = get_leased (queue, 1, 0);

      g_assert_true (aioproc_queue_lease_is_open (dropped));
      g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 1);
    }

  ack (get_leased (queue, 1, 0));

  /* The queue's object may be gone before. */
  lease = get_leased (queue, 2, 0);
  g_assert_finalize_object (g_steal_pointer (&queue));
  g_assert_true (aioproc_queue_lease_is_open (lease));
  ack (lease);
}

static void
assert_over (AioprocQueueLease *lease)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (aioproc_queue_lease_is_open (lease));
  g_assert_false (aioproc_queue_lease_ack (lease, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_false (aioproc_queue_lease_nack (lease, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
}

static void
test_queue_lease_twice (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(AioprocQueueLease) first = NULL;
  g_autoptr(AioprocQueueLease) second = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A lease ends once, also when its item is leased again meanwhile");

  put (queue, 3);
  first = get_leased (queue, 3, 0);
  g_assert_true (aioproc_queue_lease_nack (first, &error));
  assert_over (first);

  second = get_leased (queue, 3, 1);
  assert_over (first);
  g_assert_true (aioproc_queue_lease_is_open (second));
  g_clear_object (&first);
  g_assert_true (aioproc_queue_is_empty (queue));
  g_assert_true (aioproc_queue_lease_ack (second, &error));
  assert_over (second);
  assert_nothing_left (queue);
}

static void
test_queue_lease_value (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GVariant) value = g_variant_ref_sink (g_variant_new ("(sd)", "pi", 3.14159));
  g_autoptr(AioprocQueueLease) lease = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A lease of a value that is not bytes has no bytes");

  g_assert_true (aioproc_queue_try_put (queue, value, &error));
  lease = aioproc_queue_get_leased (queue, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpvariant (aioproc_queue_lease_get_value (lease), value);
  g_assert_null (aioproc_queue_lease_get_bytes (lease));
  g_assert_true (aioproc_queue_lease_ack (lease, &error));
  assert_nothing_left (queue);
}

static AioprocQueueLease *
get_leased_finish (AioprocQueue  *queue,
                   GAsyncResult **result)
{
  g_autoptr(GError) error = NULL;
  AioprocQueueLease *lease;

  aioproc_test_wait (result);
  lease = aioproc_queue_get_leased_finish (queue, *result, &error);
  g_assert_no_error (error);
  g_clear_object (result);

  return lease;
}

static void
test_queue_lease_async (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  GAsyncResult *results[8] = { NULL };
  g_autoptr(AioprocQueueLease) lease = NULL;

  g_test_summary ("Leases that are waited for come in the order of their starts");

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    aioproc_queue_get_leased_async (queue, -1, NULL, aioproc_test_store_result, &results[i]);

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    put (queue, i);

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    {
      g_autoptr(AioprocQueueLease) one = get_leased_finish (queue, &results[i]);

      assert_item (one, i, 0);
      ack (g_steal_pointer (&one));
    }

  assert_nothing_left (queue);

  /* One waits for what another gives back. */
  put (queue, 2);
  lease = get_leased (queue, 2, 0);
  aioproc_queue_get_leased_async (queue, -1, NULL, aioproc_test_store_result, &results[0]);
  nack (g_steal_pointer (&lease));
  lease = get_leased_finish (queue, &results[0]);
  assert_item (lease, 2, 1);

  /* And nobody takes the result. */
  g_clear_object (&lease);
  aioproc_queue_get_leased_async (queue, -1, NULL, aioproc_test_store_result, &results[0]);
  aioproc_test_wait (&results[0]);
  g_assert_true (aioproc_queue_is_empty (queue));
  g_clear_object (&results[0]);
  ack (get_leased (queue, 2, 1));
  assert_nothing_left (queue);
}

static void
test_queue_lease_room (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (2);
  g_autoptr(GBytes) bytes = queue_test_make_bytes (10, 5);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  AioprocQueueLease *first;
  AioprocQueueLease *second;

  g_test_summary ("What is leased takes no room, and there may be more when it comes back");

  put (queue, 0);
  put (queue, 1);
  g_assert_true (aioproc_queue_is_full (queue));
  aioproc_queue_put_bytes_async (queue, bytes, -1, NULL, aioproc_test_store_result, &result);
  first = get_leased (queue, 0, 0);

  /* Who waited for room has it. */
  aioproc_test_wait (&result);
  g_assert_true (aioproc_queue_put_bytes_finish (queue, result, &error));
  g_assert_true (aioproc_queue_is_full (queue));
  second = get_leased (queue, 1, 0);
  g_assert_false (aioproc_queue_is_full (queue));
  nack (first);
  nack (second);
  g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 3);
  g_assert_true (aioproc_queue_is_full (queue));
  g_assert_false (aioproc_queue_try_put_bytes (queue, bytes, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  ack (get_leased (queue, 0, 1));
  g_assert_true (aioproc_queue_is_full (queue));
  ack (get_leased (queue, 1, 1));
  g_assert_false (aioproc_queue_is_full (queue));
}

static void
test_queue_lease_closed (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;
  AioprocQueueLease *lease;

  g_test_summary ("Gets from a closed queue wait for what is leased");

  put (queue, 1);
  lease = get_leased (queue, 1, 0);
  g_assert_true (aioproc_queue_close (queue, FALSE, &error));
  g_assert_null (aioproc_queue_try_get (queue, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);

  aioproc_queue_get_bytes_async (queue, -1, NULL, aioproc_test_store_result, &result);
  nack (lease);
  aioproc_test_wait (&result);
  bytes = aioproc_queue_get_bytes_finish (queue, result, &error);
  g_assert_no_error (error);
  assert_bytes (bytes, 1);
  g_assert_null (aioproc_queue_try_get_leased (queue, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

static void
test_queue_lease_closed_ack (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  AioprocQueueLease *lease;

  g_test_summary ("Gets from a closed queue end with the last lease");

  put (queue, 1);
  lease = get_leased (queue, 1, 0);
  g_assert_true (aioproc_queue_close (queue, FALSE, &error));
  aioproc_queue_get_async (queue, -1, NULL, aioproc_test_store_result, &result);
  queue_test_wait_for_sleeper (queue, FALSE);
  ack (lease);
  aioproc_test_wait (&result);
  g_assert_null (aioproc_queue_get_finish (queue, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

static void
test_queue_lease_disposed (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GError) error = NULL;
  AioprocQueueLease *lease;

  g_test_summary ("A queue that is disposed of gives no lease, and ends none");

  put (queue, 2);
  lease = get_leased (queue, 2, 0);
  g_object_run_dispose (G_OBJECT (queue));
  g_assert_null (aioproc_queue_try_get_leased (queue, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  assert_item (lease, 2, 0);
  ack (lease);
  g_assert_cmpuint (atomic_load (&queue_test_get_header (queue)->n_used), ==, 0);
}

/* Somebody who is stopped holds the lock of the queue. */
static void
test_queue_lease_locked (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  AioprocQueueHeader *header = queue_test_get_header (queue);
  AioprocFamily *family = aioproc_shm_get_family (queue_test_get_shm (queue));
  g_autoptr(GError) error = NULL;
  AioprocQueueLease *leases[3];

  g_test_summary ("Leases end while the queue is locked, and who comes next sees it");

  for (guint i = 0; i < G_N_ELEMENTS (leases); i++)
    put (queue, i);

  for (guint i = 0; i < G_N_ELEMENTS (leases); i++)
    leases[i] = get_leased (queue, i, 0);

  g_assert_cmpint (aioproc_lock_word_lock (&header->lock, family), ==, AIOPROC_LOCK_TAKEN);
  g_assert_null (aioproc_queue_try_get_leased (queue, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  nack (leases[1]);
  ack (leases[0]);
  /* Given back without a failure. */
  g_assert_finalize_object (leases[2]);
  aioproc_lock_word_release (&header->lock, family);

  g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 2);
  ack (get_leased (queue, 1, 1));
  ack (get_leased (queue, 2, 0));
  assert_nothing_left (queue);
}

/* Another process wrote to the slot. */
static void
test_queue_lease_damaged (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);

  g_test_summary ("A lease ends nothing that another process has made its own");

  for (guint i = 0; i < 4; i++)
    {
      AioprocQueueSlot *slot = queue_test_get_slot (queue, 0);
      g_autoptr(AioprocQueueLease) lease = NULL;
      g_autoptr(GError) error = NULL;
      guint32 state;
      gboolean done;

      put (queue, 0);
      lease = get_leased (queue, 0, 0);
      state = atomic_load (&slot->state);
      g_assert_cmpuint (state & AIOPROC_QUEUE_STATE_MASK, ==, AIOPROC_QUEUE_LEASED);

      if (i / 2 == 0)
        atomic_fetch_add (&slot->sequence, 1);
      else
        atomic_store (&slot->state, state ^ 1);

      if (i % 2 == 0)
        done = aioproc_queue_lease_ack (lease, &error);
      else
        done = aioproc_queue_lease_nack (lease, &error);

      g_assert_false (done);
      g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);
      assert_over (lease);
      g_assert_finalize_object (g_steal_pointer (&queue));
      queue = queue_test_new (0);
    }
}

/* --- Threads --- */

#define N_THREADS 3
#define N_ITEMS   600

typedef struct {
  AioprocQueue   *queue;
  _Atomic guint   n_acked[N_ITEMS];   /* (atomic) */
} Shared;

static gpointer
work (gpointer data)
{
  Shared *shared = data;
  g_autoptr(AioprocQueueLease) lease = NULL;
  g_autoptr(GError) error = NULL;

  while ((lease = aioproc_queue_get_leased (shared->queue, -1, NULL, &error)) != NULL)
    {
      guint32 number = g_variant_get_uint32 (aioproc_queue_lease_get_value (lease));

      /* Every third one fails first. */
      if (number % 3 == 0 && aioproc_queue_lease_get_n_failures (lease) == 0)
        {
          g_assert_true (aioproc_queue_lease_nack (lease, &error));
        }
      else
        {
          atomic_fetch_add (&shared->n_acked[number], 1);
          g_assert_true (aioproc_queue_lease_ack (lease, &error));
        }

      g_clear_object (&lease);
    }

  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);

  return NULL;
}

static void
test_queue_lease_threads (void)
{
  Shared shared = { queue_test_new (7) };
  GThread *threads[N_THREADS];
  g_autoptr(GError) error = NULL;

  g_test_summary ("Threads lease, acknowledge and give back at once: each item is done once");

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("work", work, &shared);

  for (guint i = 0; i < N_ITEMS; i++)
    g_assert_true (aioproc_queue_put (shared.queue, g_variant_new_uint32 (i), -1, NULL, &error));

  g_assert_true (aioproc_queue_close (shared.queue, FALSE, &error));

  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);

  for (guint i = 0; i < N_ITEMS; i++)
    g_assert_cmpuint (atomic_load (&shared.n_acked[i]), ==, 1);

  g_assert_finalize_object (shared.queue);
}

int
main (int   argc,
      char *argv[])
{
  g_setenv ("AIOPROC_DISABLE_BACKSTOP", "1", TRUE);
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/queue/lease/ack", test_queue_lease_ack);
  aioproc_test_add_func ("/aioproc/queue/lease/nack", test_queue_lease_nack);
  aioproc_test_add_func ("/aioproc/queue/lease/dropped", test_queue_lease_dropped);
  aioproc_test_add_func ("/aioproc/queue/lease/twice", test_queue_lease_twice);
  aioproc_test_add_func ("/aioproc/queue/lease/value", test_queue_lease_value);
  aioproc_test_add_func ("/aioproc/queue/lease/async", test_queue_lease_async);
  aioproc_test_add_func ("/aioproc/queue/lease/room", test_queue_lease_room);
  aioproc_test_add_func ("/aioproc/queue/lease/closed", test_queue_lease_closed);
  aioproc_test_add_func ("/aioproc/queue/lease/closed-ack", test_queue_lease_closed_ack);
  aioproc_test_add_func ("/aioproc/queue/lease/disposed", test_queue_lease_disposed);
  aioproc_test_add_func ("/aioproc/queue/lease/locked", test_queue_lease_locked);
  aioproc_test_add_func ("/aioproc/queue/lease/damaged", test_queue_lease_damaged);
  aioproc_test_add_func ("/aioproc/queue/lease/threads", test_queue_lease_threads);

  return g_test_run ();
}
