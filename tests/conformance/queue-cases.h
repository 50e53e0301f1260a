/* queue-cases.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "conformance.h"

G_BEGIN_DECLS

/* What the cases for queues are made of, those for queues with a limit, for batches, for leases,
 * for loans, and for a queue with a limit of deliveries.
 */

#define QUEUE_CASE_MAX_ITEMS      2
#define QUEUE_CASE_MAX_DELIVERIES 2

extern const ConformanceCase queue_bounded_cases[];
extern const guint           n_queue_bounded_cases;
extern const ConformanceCase queue_lease_cases[];
extern const guint           n_queue_lease_cases;
extern const ConformanceCase queue_loan_cases[];
extern const guint           n_queue_loan_cases;
extern const ConformanceCase queue_loan_bounded_cases[];
extern const guint           n_queue_loan_bounded_cases;
extern const ConformanceCase queue_failed_cases[];
extern const guint           n_queue_failed_cases;

#define QUEUE_CASE_MAX_BYTES 1000

extern const ConformanceCase queue_bytes_cases[];
extern const guint           n_queue_bytes_cases;

extern const ConformanceCase queue_many_cases[];
extern const guint           n_queue_many_cases;
extern const ConformanceCase queue_many_bounded_cases[];
extern const guint           n_queue_many_bounded_cases;

void    queue_case_put           (Party   *party,
                                  guint64  value);
guint64 queue_case_get           (Party   *party);
void    queue_case_assert_get    (Party   *party,
                                  guint64  expected);
void    queue_case_close         (Party   *party);
/* So many items are in the queue, as all see it. */
void    queue_case_assert_size   (Cast    *cast,
                                  guint    expected);
void    queue_case_assert_closed (Cast    *cast,
                                  Outcome  expected);

G_END_DECLS
