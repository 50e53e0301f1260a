/* loan-test.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "loan-test.h"

#include "queue-test.h"

const gsize loan_test_sizes[LOAN_TEST_N_SIZES] = { 0, 1, 80, 81, 4096, 4097, 40000, 300000 };

AioprocQueueLoan *
loan_test_lend (AioprocQueue *queue,
                gsize         size,
                guint         seed)
{
  g_autoptr(GBytes) bytes = queue_test_make_bytes (size, seed);
  g_autoptr(GError) error = NULL;
  AioprocQueueLoan *loan = aioproc_queue_try_loan (queue, size, &error);

  g_assert_no_error (error);
  g_assert_true (aioproc_queue_loan_is_open (loan));
  g_assert_cmpuint (aioproc_queue_loan_get_size (loan), ==, size);
  g_assert_true (aioproc_queue_loan_write_bytes (loan, 0, bytes, &error));
  g_assert_no_error (error);

  return loan;
}

void
loan_test_commit (AioprocQueueLoan *loan,
                  gsize             length)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_queue_loan_commit (loan, length, &error));
  g_assert_no_error (error);
  g_assert_false (aioproc_queue_loan_is_open (loan));
  g_assert_finalize_object (loan);
}

void
loan_test_abort (AioprocQueueLoan *loan)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_queue_loan_abort (loan, &error));
  g_assert_no_error (error);
  g_assert_false (aioproc_queue_loan_is_open (loan));
  g_assert_finalize_object (loan);
}

void
loan_test_expect (AioprocQueue *queue,
                  gsize         size,
                  gsize         length,
                  guint         seed)
{
  g_autoptr(GBytes) all = queue_test_make_bytes (size, seed);
  g_autoptr(GBytes) expected = g_bytes_new_from_bytes (all, 0, length);
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = aioproc_queue_try_get_bytes (queue, &error);

  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (bytes, expected));
}

void
loan_test_assert_empty (AioprocQueue *queue)
{
  AioprocQueueHeader *header = queue_test_get_header (queue);
  g_autoptr(GError) error = NULL;

  g_assert_null (aioproc_queue_try_get (queue, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_assert_cmpuint (atomic_load (&header->n_used), ==, 0);
  g_assert_cmpuint (atomic_load (&header->n_ready), ==, 0);
  g_assert_cmpuint (aioproc_queue_get_n_bytes (queue), ==, 0);
}
