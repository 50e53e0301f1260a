/* test-queue-loan-room.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "loan-test.h"
#include "queue-test.h"

static AioprocQueue *
new_with_bytes (guint64 max_bytes)
{
  g_autoptr(GError) error = NULL;
  AioprocQueue *queue;

  queue = g_initable_new (AIOPROC_TYPE_QUEUE, NULL, &error, "max-bytes", max_bytes, NULL);
  g_assert_no_error (error);

  return queue;
}

static AioprocQueueLoan *
loan_finish (AioprocQueue  *queue,
             GAsyncResult **result)
{
  g_autoptr(GError) error = NULL;
  AioprocQueueLoan *loan;

  aioproc_test_wait (result);
  loan = aioproc_queue_loan_finish (queue, *result, &error);
  g_assert_no_error (error);
  g_clear_object (result);

  return loan;
}

static void
assert_no_room (AioprocQueue *queue,
                gsize         size)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (aioproc_queue_try_loan (queue, size, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  g_assert_null (aioproc_queue_loan (queue, size, 2 * G_TIME_SPAN_MILLISECOND, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

static void
test_queue_loan_room_items (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (2);
  g_autoptr(GBytes) bytes = queue_test_make_bytes (10, 5);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GAsyncResult) put = NULL;
  g_autoptr(GError) error = NULL;
  AioprocQueueLoan *first = loan_test_lend (queue, 10, 1);
  AioprocQueueLoan *second = loan_test_lend (queue, 300000, 2);

  g_test_summary ("A loan counts as an item, and waits where there are too many");

  g_assert_true (aioproc_queue_is_full (queue));
  g_assert_cmpuint (aioproc_queue_get_peak_items (queue), ==, 2);
  assert_no_room (queue, 0);
  g_assert_false (aioproc_queue_try_put_bytes (queue, bytes, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);

  aioproc_queue_loan_async (queue, 20, -1, NULL, aioproc_test_store_result, &result);
  aioproc_queue_put_bytes_async (queue, bytes, -1, NULL, aioproc_test_store_result, &put);
  queue_test_wait_for_sleeper (queue, TRUE);
  loan_test_abort (first);
  first = loan_finish (queue, &result);
  g_assert_cmpuint (aioproc_queue_loan_get_size (first), ==, 20);
  g_assert_null (put);

  /* A commit makes no room, but what is got then does. */
  loan_test_commit (second, 300000);
  g_assert_true (aioproc_queue_is_full (queue));
  loan_test_expect (queue, 300000, 300000, 2);
  aioproc_test_wait (&put);
  g_assert_true (aioproc_queue_put_bytes_finish (queue, put, &error));
  g_assert_true (aioproc_queue_is_full (queue));
  loan_test_abort (first);
  loan_test_expect (queue, 10, 10, 5);
  loan_test_assert_empty (queue);
}

static void
test_queue_loan_room_bytes (void)
{
  g_autoptr(AioprocQueue) queue = new_with_bytes (100000);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  AioprocQueueLoan *first = loan_test_lend (queue, 60000, 1);
  AioprocQueueLoan *second;

  g_test_summary ("A loan counts with all of its bytes, its item with what it has");

  assert_no_room (queue, 40001);
  loan_test_abort (loan_test_lend (queue, 40000, 2));
  aioproc_queue_loan_async (queue, 70000, -1, NULL, aioproc_test_store_result, &result);
  queue_test_wait_for_sleeper (queue, TRUE);
  loan_test_commit (first, 30000);
  second = loan_finish (queue, &result);
  g_assert_cmpuint (aioproc_queue_get_n_bytes (queue), ==, 100000);
  g_assert_cmpuint (aioproc_queue_get_peak_bytes (queue), ==, 100000);
  assert_no_room (queue, 1);
  loan_test_expect (queue, 60000, 30000, 1);
  g_assert_cmpuint (aioproc_queue_get_n_bytes (queue), ==, 70000);
  loan_test_abort (second);
  loan_test_assert_empty (queue);

  g_assert_null (aioproc_queue_try_loan (queue, 100001, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_clear_error (&error);
  aioproc_queue_loan_async (queue, 100001, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_null (aioproc_queue_loan_finish (queue, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
}

static void
test_queue_loan_room_too_large (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  const guint64 too_large[] = { AIOPROC_QUEUE_PAYLOAD_MAX + 1, (guint64) 1 << 62, G_MAXUINT64 };

  g_test_summary ("What has more than 8 GiB is not lent");

  for (guint i = 0; i < G_N_ELEMENTS (too_large); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (aioproc_queue_loan (queue, too_large[i], -1, NULL, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
    }

  loan_test_assert_empty (queue);
}

/* --- Async --- */

static void
test_queue_loan_room_async (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (1);
  GAsyncResult *results[LOAN_TEST_N_SIZES] = { NULL };

  g_test_summary ("Loans that are waited for come in the order of their starts");

  for (guint i = 0; i < LOAN_TEST_N_SIZES; i++)
    aioproc_queue_loan_async (queue, loan_test_sizes[i], -1, NULL, aioproc_test_store_result,
                              &results[i]);

  for (guint i = 0; i < LOAN_TEST_N_SIZES; i++)
    {
      AioprocQueueLoan *loan = loan_finish (queue, &results[i]);
      g_autoptr(GBytes) bytes = queue_test_make_bytes (loan_test_sizes[i], i);
      g_autoptr(GError) error = NULL;

      g_assert_cmpuint (aioproc_queue_loan_get_size (loan), ==, loan_test_sizes[i]);
      g_assert_true (aioproc_queue_loan_write_bytes (loan, 0, bytes, &error));
      loan_test_commit (loan, loan_test_sizes[i]);
      loan_test_expect (queue, loan_test_sizes[i], loan_test_sizes[i], i);
    }

  /* Nobody takes the result. */
  for (guint i = 0; i < LOAN_TEST_N_SIZES; i++)
    {
      aioproc_queue_loan_async (queue, loan_test_sizes[i], -1, NULL, aioproc_test_store_result,
                                &results[0]);
      aioproc_test_wait (&results[0]);
      g_assert_true (aioproc_queue_is_full (queue));
      g_clear_object (&results[0]);
      loan_test_assert_empty (queue);
    }

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_loan_room_cancelled (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (1);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  AioprocQueueLoan *loan = loan_test_lend (queue, 10, 1);

  g_test_summary ("Who is cancelled reserves nothing; what was reserved before is delivered");

  aioproc_queue_loan_async (queue, 20, -1, cancellable, aioproc_test_store_result, &result);
  queue_test_wait_for_sleeper (queue, TRUE);
  g_cancellable_cancel (cancellable);
  aioproc_test_wait (&result);
  g_assert_null (aioproc_queue_loan_finish (queue, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_clear_object (&result);
  loan_test_abort (loan);
  loan_test_assert_empty (queue);

  g_assert_null (aioproc_queue_loan (queue, 20, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  loan_test_assert_empty (queue);

  for (guint i = 0; i < LOAN_TEST_N_SIZES; i++)
    {
      g_cancellable_reset (cancellable);
      aioproc_queue_loan_async (queue, loan_test_sizes[i], -1, cancellable,
                                aioproc_test_store_result, &result);
      g_cancellable_cancel (cancellable);
      loan_test_abort (loan_finish (queue, &result));
      loan_test_assert_empty (queue);
    }
}

/* A large item, an async put, does not hold up the loans behind it for longer than it takes. */
static void
test_queue_loan_room_behind (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GBytes) bytes = queue_test_make_bytes (3000000, 5);
  g_autoptr(GAsyncResult) put = NULL;
  g_autoptr(GAsyncResult) async = NULL;
  g_autoptr(GError) error = NULL;
  AioprocQueueLoan *first;
  AioprocQueueLoan *second;

  g_test_summary ("Loans have their room after the puts that were started before them");

  for (guint i = 0; i < 20; i++)
    {
      aioproc_queue_put_bytes_async (queue, bytes, -1, NULL, aioproc_test_store_result, &put);
      aioproc_queue_loan_async (queue, 200000, -1, NULL, aioproc_test_store_result, &async);
      first = aioproc_queue_loan (queue, 10, -1, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 1);
      second = loan_finish (queue, &async);
      loan_test_abort (second);
      loan_test_abort (first);
      aioproc_test_wait (&put);
      g_assert_true (aioproc_queue_put_bytes_finish (queue, put, &error));
      g_clear_object (&put);
      loan_test_expect (queue, 3000000, 3000000, 5);
    }

  loan_test_assert_empty (queue);
}

/* --- Threads --- */

#define N_THREADS 3
#define N_ITEMS   400

static gpointer
build (gpointer data)
{
  AioprocQueue *queue = data;

  for (guint i = 0; i < N_ITEMS; i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(AioprocQueueLoan) loan = NULL;
      gsize size = loan_test_sizes[i % LOAN_TEST_N_SIZES] % 50000 + 4;
      guint32 *room;

      loan = aioproc_queue_loan (queue, size, -1, NULL, &error);
      g_assert_no_error (error);
      room = aioproc_queue_loan_get_data (loan, NULL);
      memset (room, i, size);
      *room = i;

      /* Every fifth one comes to nothing, in one way or the other. */
      if (i % 5 == 0)
        g_assert_true (i % 10 == 0 || aioproc_queue_loan_abort (loan, &error));
      else
        g_assert_true (aioproc_queue_loan_commit (loan, i % 3 == 0 ? 4 : size, &error));
    }

  return NULL;
}

static void
test_queue_loan_room_threads (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (5);
  GThread *threads[N_THREADS];
  guint n_seen[N_ITEMS] = { 0 };
  g_autoptr(GError) error = NULL;

  g_test_summary ("Threads build at once: each item is there as often as it was committed");

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("build", build, queue);

  for (guint i = 0; i < N_THREADS * N_ITEMS * 4 / 5; i++)
    {
      g_autoptr(GBytes) item = aioproc_queue_get_bytes (queue, -1, NULL, &error);
      const guint8 *data = g_bytes_get_data (item, NULL);
      guint32 number;

      g_assert_no_error (error);
      memcpy (&number, data, 4);
      g_assert_cmpuint (number, <, N_ITEMS);
      n_seen[number]++;

      for (gsize j = 4; j < g_bytes_get_size (item); j++)
        g_assert_cmpuint (data[j], ==, (guint8) number);
    }

  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);

  for (guint i = 0; i < N_ITEMS; i++)
    g_assert_cmpuint (n_seen[i], ==, i % 5 == 0 ? 0 : N_THREADS);

  loan_test_assert_empty (queue);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

/* Several write to one loan while another one tries to end it. */
typedef struct {
  AioprocQueueLoan *loan;
  guint             index;
} Writer;

#define WRITER_SIZE 100000

static gpointer
write_part (gpointer data)
{
  const Writer *writer = data;
  g_autoptr(GBytes) bytes = queue_test_make_bytes (WRITER_SIZE, writer->index);
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < 20; i++)
    g_assert_true (aioproc_queue_loan_write_bytes (writer->loan, writer->index * WRITER_SIZE, bytes,
                                                   &error));

  return NULL;
}

static void
test_queue_loan_room_writers (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  AioprocQueueLoan *loan = loan_test_lend (queue, N_THREADS * WRITER_SIZE, 9);
  Writer writers[N_THREADS];
  GThread *threads[N_THREADS];
  g_autoptr(GBytes) item = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Several threads write to one loan");

  for (guint i = 0; i < N_THREADS; i++)
    {
      writers[i] = (Writer) { loan, i };
      threads[i] = g_thread_new ("write", write_part, &writers[i]);
    }

  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);

  loan_test_commit (loan, N_THREADS * WRITER_SIZE);
  item = aioproc_queue_try_get_bytes (queue, &error);
  g_assert_no_error (error);

  for (guint i = 0; i < N_THREADS; i++)
    {
      g_autoptr(GBytes) expected = queue_test_make_bytes (WRITER_SIZE, i);
      g_autoptr(GBytes) part = g_bytes_new_from_bytes (item, i * WRITER_SIZE, WRITER_SIZE);

      g_assert_true (g_bytes_equal (part, expected));
    }
}

int
main (int   argc,
      char *argv[])
{
  g_setenv ("AIOPROC_DISABLE_BACKSTOP", "1", TRUE);
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/queue/loan-room/items", test_queue_loan_room_items);
  aioproc_test_add_func ("/aioproc/queue/loan-room/bytes", test_queue_loan_room_bytes);
  aioproc_test_add_func ("/aioproc/queue/loan-room/too-large", test_queue_loan_room_too_large);
  aioproc_test_add_func ("/aioproc/queue/loan-room/async", test_queue_loan_room_async);
  aioproc_test_add_func ("/aioproc/queue/loan-room/cancelled", test_queue_loan_room_cancelled);
  aioproc_test_add_func ("/aioproc/queue/loan-room/behind", test_queue_loan_room_behind);
  aioproc_test_add_func ("/aioproc/queue/loan-room/threads", test_queue_loan_room_threads);
  aioproc_test_add_func ("/aioproc/queue/loan-room/writers", test_queue_loan_room_writers);

  return g_test_run ();
}
