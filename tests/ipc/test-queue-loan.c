/* test-queue-loan.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "ipc/aioproc-queue-grow-private.h"
#include "loan-test.h"
#include "queue-test.h"

static void
test_queue_loan_commit (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GError) error = NULL;

  g_test_summary ("An item of any size is built where it lies, and is there when it is committed");

  for (guint i = 0; i < 4 * LOAN_TEST_N_SIZES; i++)
    {
      gsize size = loan_test_sizes[i % LOAN_TEST_N_SIZES];
      g_autoptr(GBytes) bytes = queue_test_make_bytes (size, i);
      AioprocQueueLoan *loan = aioproc_queue_loan (queue, size, -1, NULL, &error);
      gsize n_there = 1;
      guint8 *data;

      g_assert_no_error (error);
      data = aioproc_queue_loan_get_data (loan, &n_there);
      g_assert_nonnull (data);
      g_assert_cmpuint ((gsize) data % 16, ==, 0);
      g_assert_cmpuint (n_there, ==, size);

      if (size > 0)
        memcpy (data, g_bytes_get_data (bytes, NULL), size);

      g_assert_true (aioproc_queue_is_empty (queue));
      g_assert_cmpuint (aioproc_queue_get_n_bytes (queue), ==, size);
      g_assert_null (aioproc_queue_try_get (queue, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
      g_clear_error (&error);
      loan_test_commit (loan, size);
      g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 1);
      loan_test_expect (queue, size, size, i);
      loan_test_assert_empty (queue);
    }

  g_assert_finalize_object (g_steal_pointer (&queue));
}

/* Where the payload lies, as this process has mapped it. */
static gpointer
find_payload (AioprocQueue *queue)
{
  AioprocShm *shm = queue_test_get_shm (queue);
  AioprocQueueHeader *header = queue_test_get_header (queue);
  AioprocQueueSlot *slot = queue_test_get_slot (queue, atomic_load (&header->ready_first) - 1);

  return (guint8 *) aioproc_shm_get_base (shm) +
         (guint64) atomic_load (&slot->extent) * AIOPROC_QUEUE_EXTENT_UNIT;
}

static void
test_queue_loan_in_place (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GBytes) bytes = queue_test_make_bytes (1 << 20, 1);
  AioprocQueueLoan *loan;
  gpointer data;

  g_test_summary ("What is written to a loan lies where the item lies: nothing is copied");

  /* It must be possible to say where that is. */
  if (aioproc_shm_get_mapped_size (queue_test_get_shm (queue)) < AIOPROC_QUEUE_FILE_SIZE)
    {
      g_test_skip ("The address space is limited");
      return;
    }

  loan = loan_test_lend (queue, 1 << 20, 1);
  data = aioproc_queue_loan_get_data (loan, NULL);
  loan_test_commit (loan, 1 << 20);
  g_assert_true (find_payload (queue) == data);
  g_assert_cmpmem (data, 1 << 20, g_bytes_get_data (bytes, NULL), 1 << 20);
  loan_test_expect (queue, 1 << 20, 1 << 20, 1);
}

static void
test_queue_loan_part (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);

  g_test_summary ("An item may be shorter than its loan, down to nothing");

  for (guint i = 0; i < LOAN_TEST_N_SIZES; i++)
    {
      gsize size = loan_test_sizes[i];
      const gsize lengths[] = { 0, size / 2, MAX (size, 1) - 1, size };

      for (guint j = 0; j < G_N_ELEMENTS (lengths); j++)
        {
          AioprocQueueLoan *loan = loan_test_lend (queue, size, i);

          g_assert_cmpuint (aioproc_queue_get_n_bytes (queue), ==, size);
          loan_test_commit (loan, lengths[j]);
          g_assert_cmpuint (aioproc_queue_get_n_bytes (queue), ==, lengths[j]);
          loan_test_expect (queue, size, lengths[j], i);
          loan_test_assert_empty (queue);
        }
    }
}

static void
test_queue_loan_write (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GBytes) all = queue_test_make_bytes (100, 3);
  static const struct { gsize offset, length; } bad[] = {
    { 0, 101 }, { 1, 100 }, { 100, 1 }, { 101, 0 }, { G_MAXSIZE, 1 }, { G_MAXSIZE - 1, 100 },
  };
  AioprocQueueLoan *loan = loan_test_lend (queue, 100, 2);
  g_autoptr(GError) error = NULL;

  g_test_summary ("Bytes are written where there is room for them, and nowhere else");

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr(GBytes) bytes = queue_test_make_bytes (bad[i].length, 3);

      g_assert_false (aioproc_queue_loan_write_bytes (loan, bad[i].offset, bytes, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
    }

  /* In parts, the last one first. */
  for (guint i = 10; i-- > 0; )
    {
      g_autoptr(GBytes) part = g_bytes_new_from_bytes (all, 10 * i, 10);

      g_assert_true (aioproc_queue_loan_write_bytes (loan, 10 * i, part, &error));
    }

  g_assert_false (aioproc_queue_loan_commit (loan, 101, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_true (aioproc_queue_loan_is_open (loan));
  loan_test_commit (loan, 100);
  loan_test_expect (queue, 100, 100, 3);
}

static void
assert_over (AioprocQueueLoan *loan)
{
  g_autoptr(GBytes) bytes = queue_test_make_bytes (1, 0);
  g_autoptr(GError) error = NULL;
  gsize size = 0;

  g_assert_false (aioproc_queue_loan_is_open (loan));
  g_assert_null (aioproc_queue_loan_get_data (loan, &size));
  g_assert_cmpuint (size, ==, 10);
  g_assert_false (aioproc_queue_loan_commit (loan, 1, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_false (aioproc_queue_loan_abort (loan, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_false (aioproc_queue_loan_write_bytes (loan, 0, bytes, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
}

static void
test_queue_loan_twice (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(AioprocQueueLoan) first = loan_test_lend (queue, 10, 1);
  g_autoptr(AioprocQueueLoan) second = loan_test_lend (queue, 10, 2);
  g_autoptr(GError) error = NULL;

  g_test_summary ("A loan ends once, also when its room is lent again meanwhile");

  g_assert_true (aioproc_queue_loan_abort (first, &error));
  assert_over (first);
  g_assert_true (aioproc_queue_loan_commit (second, 10, &error));
  assert_over (second);
  loan_test_expect (queue, 10, 10, 2);

  {
    g_autoptr(AioprocQueueLoan) third = loan_test_lend (queue, 10, 3);

    assert_over (first);
    assert_over (second);
    g_clear_object (&first);
    g_clear_object (&second);
    g_assert_true (aioproc_queue_loan_is_open (third));
    g_assert_true (aioproc_queue_loan_commit (third, 10, &error));
  }

  loan_test_expect (queue, 10, 10, 3);
  loan_test_assert_empty (queue);
}

static void
test_queue_loan_dropped (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (1);
  AioprocQueueLoan *loan;

  g_test_summary ("A loan that nobody has any more gives its room back");

  for (guint i = 0; i < 5; i++)
    {
      loan = loan_test_lend (queue, 5000, i);
      g_assert_true (aioproc_queue_is_full (queue));
      g_assert_finalize_object (loan);
      loan_test_assert_empty (queue);
    }

  /* The queue's object may be gone before. */
  loan = loan_test_lend (queue, 5000, 7);
  g_assert_finalize_object (g_steal_pointer (&queue));
  g_assert_true (aioproc_queue_loan_is_open (loan));
  memset (aioproc_queue_loan_get_data (loan, NULL), 1, 5000);
  loan_test_commit (loan, 5000);
}

static void
test_queue_loan_disposed (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GError) error = NULL;
  AioprocQueueLoan *first = loan_test_lend (queue, 100, 1);
  AioprocQueueLoan *second = loan_test_lend (queue, 100, 2);

  g_test_summary ("A queue that is disposed of lends nothing, and ends no loan");

  g_object_run_dispose (G_OBJECT (queue));
  g_assert_null (aioproc_queue_try_loan (queue, 1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  loan_test_commit (first, 100);
  g_assert_cmpuint (atomic_load (&queue_test_get_header (queue)->n_ready), ==, 1);
  loan_test_abort (second);
  g_assert_cmpuint (atomic_load (&queue_test_get_header (queue)->n_used), ==, 1);
}

static void
test_queue_loan_order (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GBytes) bytes = queue_test_make_bytes (100, 9);
  AioprocQueueLoan *loans[4];
  g_autoptr(GError) error = NULL;

  g_test_summary ("The place of an item is that of its commit, not of its loan");

  for (guint i = 0; i < G_N_ELEMENTS (loans); i++)
    loans[i] = loan_test_lend (queue, 100, i);

  loan_test_commit (loans[2], 100);
  g_assert_true (aioproc_queue_try_put_bytes (queue, bytes, &error));
  loan_test_commit (loans[0], 100);
  loan_test_commit (loans[3], 100);
  loan_test_commit (loans[1], 100);
  loan_test_expect (queue, 100, 100, 2);
  loan_test_expect (queue, 100, 100, 9);
  loan_test_expect (queue, 100, 100, 0);
  loan_test_expect (queue, 100, 100, 3);
  loan_test_expect (queue, 100, 100, 1);
  loan_test_assert_empty (queue);
}

/* --- Close --- */

static void
test_queue_loan_closed (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GAsyncResult) end = NULL;
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;
  AioprocQueueLoan *first = loan_test_lend (queue, 5000, 1);
  AioprocQueueLoan *second = loan_test_lend (queue, 5000, 2);

  g_test_summary ("Gets from a closed queue wait for what is lent, which may still be put");

  g_assert_true (aioproc_queue_close (queue, FALSE, &error));
  g_assert_null (aioproc_queue_try_loan (queue, 1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_null (aioproc_queue_try_get (queue, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);

  aioproc_queue_get_bytes_async (queue, -1, NULL, aioproc_test_store_result, &result);
  aioproc_queue_get_bytes_async (queue, -1, NULL, aioproc_test_store_result, &end);
  queue_test_wait_for_sleeper (queue, FALSE);
  loan_test_commit (first, 5000);
  aioproc_test_wait (&result);
  bytes = aioproc_queue_get_bytes_finish (queue, result, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, 5000);
  loan_test_abort (second);
  aioproc_test_wait (&end);
  g_assert_null (aioproc_queue_get_bytes_finish (queue, end, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

static void
test_queue_loan_closed_waiting (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (1);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  AioprocQueueLoan *loan = loan_test_lend (queue, 10, 1);

  g_test_summary ("A close ends those who wait for room");

  aioproc_queue_loan_async (queue, 10, -1, NULL, aioproc_test_store_result, &result);
  queue_test_wait_for_sleeper (queue, TRUE);
  g_assert_true (aioproc_queue_close (queue, FALSE, &error));
  aioproc_test_wait (&result);
  g_assert_null (aioproc_queue_loan_finish (queue, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  loan_test_abort (loan);
}

static void
test_queue_loan_closed_now (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  AioprocQueueHeader *header = queue_test_get_header (queue);
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocQueueLoan) first = loan_test_lend (queue, 8000000, 1);
  AioprocQueueLoan *second = loan_test_lend (queue, 10, 2);

  g_test_summary ("A queue that was closed immediately takes nothing, and gives memory back");

  g_assert_true (aioproc_queue_close (queue, TRUE, &error));
  g_assert_true (aioproc_queue_loan_is_open (first));
  g_assert_false (aioproc_queue_loan_commit (first, 8000000, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_false (aioproc_queue_loan_is_open (first));
  g_assert_cmpuint (atomic_load (&header->n_allocated), >, AIOPROC_QUEUE_IDLE_KEEP);
  loan_test_abort (second);
  g_assert_cmpuint (atomic_load (&header->n_used), ==, 0);
  g_assert_cmpuint (aioproc_queue_get_n_bytes (queue), ==, 0);

  /* On another thread. */
  while (atomic_load (&header->n_allocated) > AIOPROC_QUEUE_IDLE_KEEP)
    g_thread_yield ();

  g_assert_null (aioproc_queue_try_get (queue, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

/* --- Whom nobody waits for --- */

/* Somebody who is stopped holds the lock of the queue. */
static void
test_queue_loan_locked (void)
{
  static const gsize some[] = { 60, 1000, 5000, 100000 };

  g_test_summary ("Loans end while the queue is locked, and who comes next sees it");

  for (guint i = 0; i < G_N_ELEMENTS (some); i++)
    {
      g_autoptr(AioprocQueue) queue = queue_test_new (0);
      AioprocQueueHeader *header = queue_test_get_header (queue);
      AioprocFamily *family = aioproc_shm_get_family (queue_test_get_shm (queue));
      g_autoptr(GBytes) bytes = queue_test_make_bytes (some[i], 9);
      AioprocQueueLoan *all = loan_test_lend (queue, some[i], 1);
      AioprocQueueLoan *part = loan_test_lend (queue, some[i], 2);
      AioprocQueueLoan *aborted = loan_test_lend (queue, some[i], 3);
      AioprocQueueLoan *dropped = loan_test_lend (queue, some[i], 4);
      g_autoptr(GError) error = NULL;

      g_assert_true (aioproc_queue_try_put_bytes (queue, bytes, &error));
      g_assert_cmpint (aioproc_lock_word_lock (&header->lock, family), ==, AIOPROC_LOCK_TAKEN);
      g_assert_null (aioproc_queue_try_loan (queue, 10, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
      loan_test_commit (part, some[i] / 3);
      loan_test_abort (aborted);
      loan_test_commit (all, some[i]);
      g_assert_finalize_object (dropped);
      aioproc_lock_word_release (&header->lock, family);

      g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 3);
      g_assert_cmpuint (aioproc_queue_get_n_bytes (queue), ==, 2 * some[i] + some[i] / 3);
      loan_test_expect (queue, some[i], some[i], 9);

      /* In any order: nobody has seen which of them was first. */
      for (guint j = 0; j < 2; j++)
        {
          g_autoptr(GBytes) item = aioproc_queue_try_get_bytes (queue, &error);
          gsize length = g_bytes_get_size (item);
          g_autoptr(GBytes) expected = queue_test_make_bytes (some[i], length == some[i] ? 1 : 2);

          g_assert_true (length == some[i] || length == some[i] / 3);
          g_assert_cmpmem (g_bytes_get_data (item, NULL), length,
                           g_bytes_get_data (expected, NULL), length);
        }

      loan_test_assert_empty (queue);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_setenv ("AIOPROC_DISABLE_BACKSTOP", "1", TRUE);
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/queue/loan/commit", test_queue_loan_commit);
  aioproc_test_add_func ("/aioproc/queue/loan/in-place", test_queue_loan_in_place);
  aioproc_test_add_func ("/aioproc/queue/loan/part", test_queue_loan_part);
  aioproc_test_add_func ("/aioproc/queue/loan/write", test_queue_loan_write);
  aioproc_test_add_func ("/aioproc/queue/loan/twice", test_queue_loan_twice);
  aioproc_test_add_func ("/aioproc/queue/loan/dropped", test_queue_loan_dropped);
  aioproc_test_add_func ("/aioproc/queue/loan/disposed", test_queue_loan_disposed);
  aioproc_test_add_func ("/aioproc/queue/loan/order", test_queue_loan_order);
  aioproc_test_add_func ("/aioproc/queue/loan/closed", test_queue_loan_closed);
  aioproc_test_add_func ("/aioproc/queue/loan/closed-waiting", test_queue_loan_closed_waiting);
  aioproc_test_add_func ("/aioproc/queue/loan/closed-now", test_queue_loan_closed_now);
  aioproc_test_add_func ("/aioproc/queue/loan/locked", test_queue_loan_locked);

  return g_test_run ();
}
