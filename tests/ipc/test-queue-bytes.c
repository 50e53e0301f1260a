/* test-queue-bytes.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Queues with a limit to the bytes in them. */

#include <string.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "platform/aioproc-futex-private.h"
#include "queue-test.h"

#define MAX_BYTES 1000

static AioprocQueue *
new_queue (void)
{
  g_autoptr(GError) error = NULL;
  AioprocQueue *queue = g_initable_new (AIOPROC_TYPE_QUEUE, NULL, &error,
                                        "name", "test",
                                        "max-bytes", (guint64) MAX_BYTES,
                                        NULL);

  g_assert_no_error (error);

  return queue;
}

static gboolean
try_put (AioprocQueue *queue,
         gsize         size)
{
  g_autoptr(GBytes) bytes = queue_test_make_bytes (size, 1);
  g_autoptr(GError) error = NULL;
  gboolean success = aioproc_queue_try_put_bytes (queue, bytes, &error);

  if (!success)
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);

  return success;
}

static gsize
get (AioprocQueue *queue)
{
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;

  bytes = aioproc_queue_get_bytes (queue, -1, NULL, &error);
  g_assert_no_error (error);

  return g_bytes_get_size (bytes);
}

static void
test_queue_bytes_limit (void)
{
  g_autoptr(AioprocQueue) queue = new_queue ();
  guint64 max_bytes;
  guint64 peak_bytes;
  guint peak_items;

  g_test_summary ("A queue takes as many bytes as it may, and tells how many there are and were");

  g_object_get (queue, "max-bytes", &max_bytes, NULL);
  g_assert_cmpuint (max_bytes, ==, MAX_BYTES);
  g_assert_cmpuint (aioproc_queue_get_max_bytes (queue), ==, MAX_BYTES);
  g_assert_cmpuint (aioproc_queue_get_n_bytes (queue), ==, 0);

  for (guint round = 0; round < 3; round++)
    {
      g_assert_true (try_put (queue, 400));
      g_assert_true (try_put (queue, 599));
      g_assert_false (aioproc_queue_is_full (queue));
      g_assert_false (try_put (queue, 2));
      g_assert_true (try_put (queue, 1));
      g_assert_true (aioproc_queue_is_full (queue));
      g_assert_false (try_put (queue, 1));
      /* What needs no room has some. */
      g_assert_true (try_put (queue, 0));
      g_assert_cmpuint (aioproc_queue_get_n_bytes (queue), ==, MAX_BYTES);
      g_assert_cmpuint (get (queue), ==, 400);
      g_assert_cmpuint (aioproc_queue_get_n_bytes (queue), ==, 600);
      g_assert_cmpuint (get (queue), ==, 599);
      g_assert_cmpuint (get (queue), ==, 1);
      g_assert_cmpuint (get (queue), ==, 0);
      g_assert_cmpuint (aioproc_queue_get_n_bytes (queue), ==, 0);
    }

  g_object_get (queue, "peak-items", &peak_items, "peak-bytes", &peak_bytes, NULL);
  g_assert_cmpuint (peak_items, ==, 4);
  g_assert_cmpuint (peak_bytes, ==, MAX_BYTES);
  g_assert_cmpuint (aioproc_queue_get_peak_items (queue), ==, 4);
  g_assert_cmpuint (aioproc_queue_get_peak_bytes (queue), ==, MAX_BYTES);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_bytes_too_large (void)
{
  g_autoptr(AioprocQueue) queue = new_queue ();
  g_autoptr(GBytes) bytes = queue_test_make_bytes (MAX_BYTES + 1, 1);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("An item that will never have room is refused, with the limit");

  g_assert_false (aioproc_queue_put_bytes (queue, bytes, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_assert_nonnull (strstr (error->message, "1000"));
  g_assert_nonnull (strstr (error->message, "“test”"));
  g_clear_error (&error);
  g_assert_false (aioproc_queue_try_put_bytes (queue, bytes, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_clear_error (&error);
  aioproc_queue_put_bytes_async (queue, bytes, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_queue_put_bytes_finish (queue, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_clear_error (&error);
  g_clear_object (&result);

  /* The type of a value counts. */
  value = g_variant_ref_sink (g_variant_new_fixed_array (G_VARIANT_TYPE_UINT64,
                                                         (guint64[MAX_BYTES / 8]) { 0 },
                                                         MAX_BYTES / 8, 8));
  g_assert_cmpuint (g_variant_get_size (value), ==, MAX_BYTES);
  g_assert_false (aioproc_queue_put (queue, value, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_assert_cmpuint (aioproc_queue_get_n_bytes (queue), ==, 0);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

typedef struct {
  AioprocQueue *queue;
  GCancellable *cancellable;   /* (nullable) */
  gsize         size;
  guint         n_items;
  gboolean      success;
} Putter;

static gpointer
putter_main (gpointer data)
{
  Putter *self = data;
  g_autoptr(GBytes) bytes = queue_test_make_bytes (self->size, 1);

  self->success = TRUE;

  for (guint i = 0; i < self->n_items && self->success; i++)
    self->success = aioproc_queue_put_bytes (self->queue, bytes, -1, self->cancellable, NULL);

  return NULL;
}

/* A put of 900 bytes waits, and it has its turn. */
static GThread *
start_large (Putter *putter)
{
  AioprocQueueHeader *header = queue_test_get_header (putter->queue);
  GThread *thread;

  for (guint i = 0; i < 10; i++)
    g_assert_true (try_put (putter->queue, 100));

  thread = g_thread_new ("large", putter_main, putter);

  /* It looks for room once more when it has slept. */
  while (atomic_load (&header->claim) == 0)
    {
      atomic_fetch_add (&header->room, AIOPROC_QUEUE_CHANGE);
      aioproc_futex_wake (&header->room, G_MAXINT);
      g_thread_yield ();
    }

  return thread;
}

static void
test_queue_bytes_turn (void)
{
  g_autoptr(AioprocQueue) queue = new_queue ();
  AioprocQueueHeader *header = queue_test_get_header (queue);
  Putter putter = { queue, NULL, 900, 1, FALSE };
  GThread *thread = start_large (&putter);

  g_test_summary ("Small items do not pass a large one that waits for room");

  for (guint i = 0; i < 8; i++)
    {
      gint64 now_usec = g_get_monotonic_time ();

      g_assert_cmpuint (get (queue), ==, 100);
      atomic_store (&header->claim_usec, now_usec);

      /* On a machine that is that slow the turn may be over. */
      if (try_put (queue, 1))
        g_assert_cmpint (g_get_monotonic_time () - now_usec, >=, 100 * G_TIME_SPAN_MILLISECOND);
    }

  /* It gets room as soon as there is some, and is the last but what is put now. */
  while (get (queue) != 900)
    ;

  g_thread_join (thread);
  g_assert_true (putter.success);
  g_assert_true (try_put (queue, 1));
  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_bytes_turn_cancelled (void)
{
  g_autoptr(AioprocQueue) queue = new_queue ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Putter putter = { queue, cancellable, 900, 1, FALSE };
  GThread *thread = start_large (&putter);

  g_test_summary ("A turn ends with the operation that has it");

  g_assert_cmpuint (get (queue), ==, 100);
  g_cancellable_cancel (cancellable);
  g_thread_join (thread);
  g_assert_false (putter.success);
  g_assert_true (try_put (queue, 100));
  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_bytes_turn_over (void)
{
  g_autoptr(AioprocQueue) queue = new_queue ();
  AioprocQueueHeader *header = queue_test_get_header (queue);
  g_autoptr(GBytes) bytes = queue_test_make_bytes (10, 1);
  g_autoptr(GError) error = NULL;

  g_test_summary ("The turn of a process that is stopped ends, and others go on");

  atomic_store (&header->claim_usec, g_get_monotonic_time ());
  atomic_store (&header->claim, 1);
  g_assert_true (aioproc_queue_put_bytes (queue, bytes, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (atomic_load (&header->claim), ==, 0);

  /* One from the future is none. */
  atomic_store (&header->claim_usec, g_get_monotonic_time () + G_TIME_SPAN_DAY);
  atomic_store (&header->claim, 1);
  g_assert_true (try_put (queue, 10));
  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_bytes_sizes (void)
{
  static const gsize sizes[] = { 1, 90, 400, 999, 1000 };
  g_autoptr(AioprocQueue) queue = new_queue ();
  Putter putters[G_N_ELEMENTS (sizes)];
  GThread *threads[G_N_ELEMENTS (sizes)];
  guint n_got[G_N_ELEMENTS (sizes)] = { 0 };

  g_test_summary ("Many that wait for room for items of different sizes all get some");

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      putters[i] = (Putter) { queue, NULL, sizes[i], 200, FALSE };
      threads[i] = g_thread_new ("putter", putter_main, &putters[i]);
    }

  for (guint n = 0; n < 200 * G_N_ELEMENTS (sizes); n++)
    {
      gsize size = get (queue);

      for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
        n_got[i] += sizes[i] == size;

      g_assert_cmpuint (aioproc_queue_get_n_bytes (queue), <=, MAX_BYTES);
    }

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_thread_join (threads[i]);
      g_assert_true (putters[i].success);
      g_assert_cmpuint (n_got[i], ==, 200);
    }

  g_assert_cmpuint (aioproc_queue_get_n_bytes (queue), ==, 0);
  g_assert_cmpuint (aioproc_queue_get_peak_bytes (queue), <=, MAX_BYTES);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_bytes_order (void)
{
  g_autoptr(AioprocQueue) queue = new_queue ();
  GAsyncResult *results[2] = { NULL };
  g_autoptr(GBytes) large = queue_test_make_bytes (900, 1);
  g_autoptr(GBytes) small = queue_test_make_bytes (1, 1);
  g_autoptr(GError) error = NULL;

  g_test_summary ("Asynchronous puts keep their order, although one would fit earlier");

  g_assert_true (try_put (queue, 500));
  g_assert_true (try_put (queue, 400));
  aioproc_queue_put_bytes_async (queue, large, -1, NULL, aioproc_test_store_result, &results[0]);
  aioproc_queue_put_bytes_async (queue, small, -1, NULL, aioproc_test_store_result, &results[1]);
  g_assert_cmpuint (get (queue), ==, 500);
  g_assert_cmpuint (get (queue), ==, 400);
  g_assert_cmpuint (get (queue), ==, 900);
  g_assert_cmpuint (get (queue), ==, 1);

  for (guint i = 0; i < 2; i++)
    {
      aioproc_test_wait (&results[i]);
      g_assert_true (aioproc_queue_put_bytes_finish (queue, results[i], &error));
      g_clear_object (&results[i]);
    }

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_bytes_repair (void)
{
  g_autoptr(AioprocQueue) queue = new_queue ();
  AioprocQueueHeader *header = queue_test_get_header (queue);

  g_test_summary ("A repair counts the bytes anew");

  g_assert_true (try_put (queue, 100));
  g_assert_true (try_put (queue, 200));
  atomic_store (&header->n_bytes, G_MAXUINT64 - 5);
  atomic_fetch_or (&header->stale, AIOPROC_QUEUE_STALE_ALL);
  g_assert_cmpuint (aioproc_queue_get_n_bytes (queue), ==, 300);
  g_assert_true (try_put (queue, 700));
  g_assert_finalize_object (g_steal_pointer (&queue));
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/queue/bytes/limit", test_queue_bytes_limit);
  aioproc_test_add_func ("/aioproc/queue/bytes/too-large", test_queue_bytes_too_large);
  aioproc_test_add_func ("/aioproc/queue/bytes/turn", test_queue_bytes_turn);
  aioproc_test_add_func ("/aioproc/queue/bytes/turn-cancelled", test_queue_bytes_turn_cancelled);
  aioproc_test_add_func ("/aioproc/queue/bytes/turn-over", test_queue_bytes_turn_over);
  aioproc_test_add_func ("/aioproc/queue/bytes/sizes", test_queue_bytes_sizes);
  aioproc_test_add_func ("/aioproc/queue/bytes/order", test_queue_bytes_order);
  aioproc_test_add_func ("/aioproc/queue/bytes/repair", test_queue_bytes_repair);

  return g_test_run ();
}
