/* loan-test.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <aioproc.h>

G_BEGIN_DECLS

/* In its slot, in a small extent, in larger ones, and in one that another thread allocates. */
#define LOAN_TEST_N_SIZES 8

extern const gsize loan_test_sizes[LOAN_TEST_N_SIZES];

/* A loan that is filled with bytes of @seed. */
AioprocQueueLoan *loan_test_lend         (AioprocQueue     *queue,
                                          gsize             size,
                                          guint             seed);
/* These take the loan. */
void              loan_test_commit       (AioprocQueueLoan *loan,
                                          gsize             length);
void              loan_test_abort        (AioprocQueueLoan *loan);
/* The next item is the first @length bytes of a loan of @size. */
void              loan_test_expect       (AioprocQueue     *queue,
                                          gsize             size,
                                          gsize             length,
                                          guint             seed);
/* Nothing is in the queue, lent, or counted. */
void              loan_test_assert_empty (AioprocQueue     *queue);

G_END_DECLS
