/* queue-loan-cases.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "queue-cases.h"

/* Room that is lent is neither there nor free. A loan is known by its size. */

#define MSEC G_TIME_SPAN_MILLISECOND

static void
lend (Party   *party,
      guint64  size)
{
  g_assert_cmpint (party_do_with (party, OPERATION_LOAN, size, -1), ==, OUTCOME_TRUE);
}

static Outcome
end (Party     *party,
     Operation  how,
     guint64    size)
{
  return party_do_with (party, how, size, 0);
}

static void
assert_empty (Party *party)
{
  g_assert_cmpint (party_do (party, OPERATION_TRY_GET_BYTES, 0), ==, OUTCOME_WOULD_BLOCK);
}

static void
assert_bytes (Party   *party,
              guint64  expected)
{
  g_assert_cmpint (party_do (party, OPERATION_GET_BYTES, -1), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (party), ==, expected);
}

static void
case_loan_commit (Cast *cast)
{
  const guint64 sizes[] = { 0, 1, 80, 81, 4096, 4097, 100000, 1000000 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      lend (cast->a, sizes[i]);
      queue_case_assert_size (cast, 0);
      assert_empty (cast->b);
      g_assert_cmpint (end (cast->a, OPERATION_COMMIT, sizes[i]), ==, OUTCOME_TRUE);
      queue_case_assert_size (cast, 1);
      assert_bytes (cast->b, sizes[i]);
    }
}

static void
case_loan_part (Cast *cast)
{
  const guint64 sizes[] = { 1, 80, 5000, 300000 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      lend (cast->a, sizes[i]);
      g_assert_cmpint (end (cast->a, OPERATION_COMMIT_HALF, sizes[i]), ==, OUTCOME_TRUE);
      assert_bytes (cast->b, sizes[i] / 2);
    }
}

static void
case_loan_abort (Cast *cast)
{
  lend (cast->a, 1000);
  g_assert_cmpint (end (cast->a, OPERATION_ABORT_LOAN, 1000), ==, OUTCOME_TRUE);
  assert_empty (cast->b);
  lend (cast->a, 1001);
  g_assert_cmpint (end (cast->a, OPERATION_DROP_LOAN, 1001), ==, OUTCOME_TRUE);
  assert_empty (cast->a);
  queue_case_assert_size (cast, 0);
}

static void
case_loan_twice (Cast *cast)
{
  lend (cast->a, 10);
  lend (cast->a, 11);
  g_assert_cmpint (end (cast->a, OPERATION_COMMIT, 10), ==, OUTCOME_TRUE);
  g_assert_cmpint (end (cast->a, OPERATION_ABORT_LOAN, 10), ==, OUTCOME_INVALID_STATE);
  g_assert_cmpint (end (cast->a, OPERATION_COMMIT, 10), ==, OUTCOME_INVALID_STATE);
  g_assert_cmpint (end (cast->a, OPERATION_ABORT_LOAN, 11), ==, OUTCOME_TRUE);
  g_assert_cmpint (end (cast->a, OPERATION_COMMIT, 11), ==, OUTCOME_INVALID_STATE);
  g_assert_cmpint (end (cast->a, OPERATION_ABORT_LOAN, 11), ==, OUTCOME_INVALID_STATE);
  assert_bytes (cast->b, 10);
  assert_empty (cast->b);
}

static void
case_loan_order (Cast *cast)
{
  lend (cast->a, 100);
  lend (cast->b, 200);
  g_assert_cmpint (party_do_with (cast->a, OPERATION_PUT_BYTES, 1, -1), ==, OUTCOME_TRUE);
  g_assert_cmpint (end (cast->b, OPERATION_COMMIT, 200), ==, OUTCOME_TRUE);
  g_assert_cmpint (end (cast->a, OPERATION_COMMIT, 100), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do_with (cast->a, OPERATION_PUT_BYTES, 2, -1), ==, OUTCOME_TRUE);
  assert_bytes (cast->c, 1);
  assert_bytes (cast->c, 200);
  assert_bytes (cast->c, 100);
  assert_bytes (cast->c, 2);
}

static void
case_loan_close (Cast *cast)
{
  lend (cast->a, 100);
  lend (cast->a, 101);
  queue_case_close (cast->b);
  g_assert_cmpint (party_do_with (cast->a, OPERATION_LOAN, 102, -1), ==, OUTCOME_CLOSED);

  /* What was reserved before may still be put, so gets wait for it. */
  assert_empty (cast->b);
  party_begin (cast->b, OPERATION_GET_BYTES, -1);
  g_assert_true (party_is_pending (cast->b));
  g_assert_cmpint (end (cast->a, OPERATION_COMMIT, 100), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (cast->b), ==, 100);
  party_begin (cast->b, OPERATION_GET_BYTES, -1);
  g_assert_true (party_is_pending (cast->b));
  g_assert_cmpint (end (cast->a, OPERATION_ABORT_LOAN, 101), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_CLOSED);
}

static void
case_loan_close_now (Cast *cast)
{
  lend (cast->a, 100);
  lend (cast->a, 101);
  g_assert_cmpint (party_do (cast->b, OPERATION_CLOSE_NOW, 0), ==, OUTCOME_TRUE);
  g_assert_cmpint (end (cast->a, OPERATION_COMMIT, 100), ==, OUTCOME_CLOSED);
  g_assert_cmpint (end (cast->a, OPERATION_ABORT_LOAN, 101), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do (cast->b, OPERATION_GET_BYTES, -1), ==, OUTCOME_CLOSED);
  queue_case_assert_size (cast, 0);
}

const ConformanceCase queue_loan_cases[] = {
  { "commit", "What is built in a loan of any size is there from its commit on, and not before",
    case_loan_commit },
  { "part", "An item may be shorter than its loan", case_loan_part },
  { "abort", "What is aborted, or dropped, was never there", case_loan_abort },
  { "twice", "A loan ends once", case_loan_twice },
  { "order", "The place of an item is that of its commit", case_loan_order },
  { "close", "A closed queue takes what was reserved before, and gets wait for it",
    case_loan_close },
  { "close-now", "One that was closed immediately does not", case_loan_close_now },
};

const guint n_queue_loan_cases = G_N_ELEMENTS (queue_loan_cases);

/* --- Two items at most --- */

static void
case_loan_room (Cast *cast)
{
  gint64 before_usec = g_get_monotonic_time ();

  lend (cast->a, 100);
  queue_case_put (cast->b, 1);
  g_assert_cmpint (party_do (cast->c, OPERATION_IS_FULL, 0), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_TRY_PUT, 2, 0), ==, OUTCOME_WOULD_BLOCK);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_TRY_LOAN, 2, 0), ==, OUTCOME_WOULD_BLOCK);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_LOAN, 2, 20 * MSEC), ==, OUTCOME_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - before_usec, >=, 20 * MSEC);

  /* A loan waits for what is got, and a put for what is aborted. */
  party_begin_with (cast->b, OPERATION_LOAN, 5, -1);
  g_assert_true (party_is_pending (cast->b));
  queue_case_assert_get (cast->c, 1);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
  party_begin_with (cast->c, OPERATION_PUT, 7, -1);
  g_assert_true (party_is_pending (cast->c));
  g_assert_cmpint (end (cast->b, OPERATION_ABORT_LOAN, 5), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_end (cast->c), ==, OUTCOME_TRUE);
  g_assert_cmpint (end (cast->a, OPERATION_COMMIT, 100), ==, OUTCOME_TRUE);
  queue_case_assert_get (cast->a, 7);
  assert_bytes (cast->b, 100);
}

static void
case_loan_cancelled (Cast *cast)
{
  queue_case_put (cast->a, 1);
  queue_case_put (cast->a, 2);
  party_begin_with (cast->b, OPERATION_LOAN, 5, -1);
  g_assert_true (party_is_pending (cast->b));
  party_cancel (cast->b);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_CANCELLED);

  /* Also where there is room. */
  queue_case_assert_get (cast->a, 1);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_LOAN, 6, -1), ==, OUTCOME_CANCELLED);
  queue_case_put (cast->a, 3);
  queue_case_assert_get (cast->a, 2);
  queue_case_assert_get (cast->a, 3);
}

static void
case_loan_holder_dies (Cast *cast)
{
  Party *victim = party_is_here (cast->b) ? cast->a : cast->b;

  lend (victim, 100);
  lend (victim, 300000);
  g_assert_cmpint (party_do_with (cast->c, OPERATION_TRY_PUT, 2, 0), ==, OUTCOME_WOULD_BLOCK);
  party_begin_with (cast->c, OPERATION_PUT, 3, -1);
  g_assert_true (party_is_pending (cast->c));
  party_kill (victim);
  g_assert_cmpint (party_end (cast->c), ==, OUTCOME_TRUE);
  queue_case_put (cast->c, 4);
  queue_case_assert_get (cast->c, 3);
  queue_case_assert_get (cast->c, 4);
  assert_empty (cast->c);
}

const ConformanceCase queue_loan_bounded_cases[] = {
  { "room", "A loan takes room, waits for it, and gives it back", case_loan_room },
  { "cancelled", "Who is cancelled reserves nothing", case_loan_cancelled, NEEDS_CANCEL },
  { "holder-dies", "What a process has reserved is free when it is killed",
    case_loan_holder_dies, NEEDS_PROCESS },
};

const guint n_queue_loan_bounded_cases = G_N_ELEMENTS (queue_loan_bounded_cases);
