/* test-conformance-queue.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-test.h"
#include "core/core-test.h"
#include "queue-cases.h"

#define MSEC G_TIME_SPAN_MILLISECOND

static void
case_item (Cast *cast)
{
  for (guint i = 0; i < 10; i++)
    {
      queue_case_assert_size (cast, 0);
      queue_case_put (cast->a, i);
      queue_case_assert_size (cast, 1);
      queue_case_assert_get (cast->b, i);
      queue_case_assert_size (cast, 0);
      queue_case_put (cast->b, i);
      queue_case_assert_size (cast, 1);
      queue_case_assert_get (cast->a, i);
    }

  queue_case_assert_size (cast, 0);
}

static void
case_order (Cast *cast)
{
  guint n_of_a = 0;
  guint n_of_b = 0;

  for (guint i = 0; i < 50; i++)
    {
      queue_case_put (cast->a, i);
      queue_case_put (cast->b, 1000 + i);
    }

  /* Between the two there is no order. */
  for (guint i = 0; i < 100; i++)
    {
      guint64 value = queue_case_get (cast->c);

      if (value < 1000)
        g_assert_cmpuint (value, ==, n_of_a++);
      else
        g_assert_cmpuint (value, ==, 1000 + n_of_b++);
    }

  queue_case_assert_size (cast, 0);
}

static void
case_each_once (Cast *cast)
{
  for (guint i = 0; i < 50; i++)
    queue_case_put (cast->c, i);

  for (guint i = 0; i < 50; i++)
    queue_case_assert_get (i % 3 == 0 ? cast->a : cast->b, i);

  g_assert_cmpint (party_do (cast->a, OPERATION_TRY_GET, 0), ==, OUTCOME_WOULD_BLOCK);
  g_assert_cmpint (party_do (cast->b, OPERATION_TRY_GET, 0), ==, OUTCOME_WOULD_BLOCK);
}

static void
case_try (Cast *cast)
{
  g_assert_cmpint (party_do (cast->b, OPERATION_TRY_GET, 0), ==, OUTCOME_WOULD_BLOCK);
  g_assert_cmpint (party_do (cast->b, OPERATION_TRY_GET_BYTES, 0), ==, OUTCOME_WOULD_BLOCK);
  g_assert_cmpint (party_do_with (cast->a, OPERATION_TRY_PUT, 7, 0), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do_with (cast->a, OPERATION_TRY_PUT_BYTES, 70, 0), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do (cast->b, OPERATION_TRY_GET, 0), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (cast->b), ==, 7);
  g_assert_cmpint (party_do (cast->b, OPERATION_TRY_GET_BYTES, 0), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (cast->b), ==, 70);
  g_assert_cmpint (party_do (cast->b, OPERATION_TRY_GET, 0), ==, OUTCOME_WOULD_BLOCK);
}

static void
case_timeout (Cast *cast)
{
  gint64 before_usec = g_get_monotonic_time ();

  g_assert_cmpint (party_do (cast->b, OPERATION_GET, 0), ==, OUTCOME_TIMED_OUT);
  g_assert_cmpint (party_do (cast->b, OPERATION_GET, 20 * MSEC), ==, OUTCOME_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - before_usec, >=, 20 * MSEC);
  g_assert_cmpint (party_do (cast->b, OPERATION_GET_BYTES, 2 * MSEC), ==, OUTCOME_TIMED_OUT);

  /* Who has timed out takes nothing. */
  queue_case_put (cast->a, 1);
  queue_case_assert_size (cast, 1);
  g_assert_cmpint (party_do (cast->b, OPERATION_GET, 0), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (cast->b), ==, 1);
}

static void
case_waits (Cast *cast)
{
  for (guint i = 0; i < 20; i++)
    {
      party_begin (cast->b, OPERATION_GET, -1);
      g_assert_true (party_is_pending (cast->b));
      queue_case_put (cast->a, i);
      g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
      g_assert_cmpuint (party_get_value (cast->b), ==, i);
    }
}

static void
case_both_wait (Cast *cast)
{
  for (guint i = 0; i < 20; i++)
    {
      Party *first;
      Party *second;

      party_begin (cast->a, OPERATION_GET, -1);
      party_begin (cast->b, OPERATION_GET, -1);
      queue_case_put (cast->c, 2 * i);

      /* Either may be the first, and only that one ends. */
      while (party_is_pending (cast->a) && party_is_pending (cast->b))
        g_thread_yield ();

      first = party_is_pending (cast->a) ? cast->b : cast->a;
      second = first == cast->a ? cast->b : cast->a;
      g_assert_cmpint (party_end (first), ==, OUTCOME_TRUE);
      g_assert_cmpuint (party_get_value (first), ==, 2 * i);
      g_assert_true (party_is_pending (second));
      queue_case_put (cast->c, 2 * i + 1);
      g_assert_cmpint (party_end (second), ==, OUTCOME_TRUE);
      g_assert_cmpuint (party_get_value (second), ==, 2 * i + 1);
    }
}

static void
case_alternates (Cast *cast)
{
  for (guint i = 0; i < 100; i++)
    {
      Party *getter = i % 2 == 0 ? cast->a : cast->b;
      Party *putter = i % 2 == 0 ? cast->b : cast->a;

      party_begin (getter, OPERATION_GET, -1);
      queue_case_put (putter, i);
      g_assert_cmpint (party_end (getter), ==, OUTCOME_TRUE);
      g_assert_cmpuint (party_get_value (getter), ==, i);
    }
}

static void
case_cancelled (Cast *cast)
{
  party_begin (cast->b, OPERATION_GET, -1);
  party_cancel (cast->b);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_CANCELLED);
  queue_case_put (cast->a, 1);
  queue_case_assert_size (cast, 1);

  /* Also where an item is there. */
  g_assert_cmpint (party_do (cast->b, OPERATION_GET, -1), ==, OUTCOME_CANCELLED);
  g_assert_cmpint (party_do (cast->b, OPERATION_GET_BYTES, -1), ==, OUTCOME_CANCELLED);
  queue_case_assert_size (cast, 1);

  /* Or room. */
  g_assert_cmpint (party_do_with (cast->b, OPERATION_PUT, 2, -1), ==, OUTCOME_CANCELLED);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_PUT_BYTES, 3, -1), ==, OUTCOME_CANCELLED);
  queue_case_assert_size (cast, 1);
  queue_case_assert_get (cast->a, 1);
}

static void
case_cancelled_between (Cast *cast)
{
  party_begin (cast->b, OPERATION_GET, -1);
  party_begin (cast->a, OPERATION_GET, -1);
  party_cancel (cast->b);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_CANCELLED);
  queue_case_put (cast->c, 1);
  g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (cast->a), ==, 1);
}

static void
case_timed_out_between (Cast *cast)
{
  party_begin (cast->b, OPERATION_GET, 2 * MSEC);
  party_begin (cast->a, OPERATION_GET, -1);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TIMED_OUT);
  queue_case_put (cast->c, 1);
  g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (cast->a), ==, 1);
}

static void
case_bytes (Cast *cast)
{
  static const guint64 sizes[] = { 0, 1, 100, 4096, 4097, 65536, 65537, 1 << 20 };

  for (guint i = 0; i < 2 * G_N_ELEMENTS (sizes); i++)
    {
      guint64 size = sizes[i / 2];
      Party *putter = i % 2 == 0 ? cast->a : cast->b;
      Party *getter = i % 2 == 0 ? cast->b : cast->a;

      g_assert_cmpint (party_do_with (putter, OPERATION_PUT_BYTES, size, -1), ==, OUTCOME_TRUE);
      g_assert_cmpint (party_do (getter, OPERATION_GET_BYTES, -1), ==, OUTCOME_TRUE);
      g_assert_cmpuint (party_get_value (getter), ==, size);

      /* They are a value as well. */
      party_begin (getter, OPERATION_GET, -1);
      g_assert_cmpint (party_do_with (putter, OPERATION_PUT_BYTES, size, -1), ==, OUTCOME_TRUE);
      g_assert_cmpint (party_end (getter), ==, OUTCOME_TRUE);
      g_assert_cmpuint (party_get_value (getter), ==, size);
      queue_case_assert_size (cast, 0);
    }
}

static void
case_not_bytes (Cast *cast)
{
  queue_case_put (cast->a, 1);
  g_assert_cmpint (party_do (cast->b, OPERATION_TRY_GET_BYTES, 0), ==, OUTCOME_INVALID_DATA);
  g_assert_cmpint (party_do (cast->b, OPERATION_GET_BYTES, -1), ==, OUTCOME_INVALID_DATA);
  /* It stays. */
  queue_case_assert_size (cast, 1);
  queue_case_assert_get (cast->b, 1);
}

static void
case_unbounded (Cast *cast)
{
  g_assert_cmpint (party_do (cast->b, OPERATION_GET_MAX_ITEMS, 0), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (cast->b), ==, 0);

  /* More than a pipe takes, and nobody reads. */
  for (guint i = 0; i < 100; i++)
    {
      g_assert_cmpint (party_do_with (cast->a, OPERATION_PUT_BYTES, 4000, 0), ==, OUTCOME_TRUE);
      g_assert_cmpint (party_do (cast->b, OPERATION_IS_FULL, 0), ==, OUTCOME_FALSE);
    }

  queue_case_assert_size (cast, 100);
}

static void
case_putter_ends (Cast *cast)
{
  for (guint i = 0; i < 100; i++)
    g_assert_cmpint (party_do_with (cast->a, OPERATION_PUT_BYTES, 4000, -1), ==, OUTCOME_TRUE);

  /* Does not wait for somebody who reads, and loses nothing. */
  g_clear_pointer (&cast->a, party_free);

  for (guint i = 0; i < 100; i++)
    {
      g_assert_cmpint (party_do (cast->b, OPERATION_GET_BYTES, -1), ==, OUTCOME_TRUE);
      g_assert_cmpuint (party_get_value (cast->b), ==, 4000);
    }
}

static void
case_putter_dies (Cast *cast)
{
  Party **putter = party_is_here (cast->b) ? &cast->a : &cast->b;
  Party *other = party_is_here (cast->b) ? cast->b : cast->a;

  for (guint i = 0; i < 10; i++)
    queue_case_put (*putter, i);

  party_kill (*putter);
  g_clear_pointer (putter, party_free);

  for (guint i = 0; i < 10; i++)
    queue_case_assert_get (other, i);

  party_begin (other, OPERATION_GET, -1);
  queue_case_put (cast->c, 10);
  g_assert_cmpint (party_end (other), ==, OUTCOME_TRUE);
}

static void
case_getter_dies (Cast *cast)
{
  Party **getter = party_is_here (cast->b) ? &cast->a : &cast->b;
  Party *other = party_is_here (cast->b) ? cast->b : cast->a;

  for (guint i = 0; i < 3; i++)
    queue_case_put (other, i);

  /* What it has got is gone with it. */
  queue_case_assert_get (*getter, 0);
  party_kill (*getter);
  g_clear_pointer (getter, party_free);
  queue_case_assert_get (other, 1);
  queue_case_assert_get (cast->c, 2);
  g_assert_cmpint (party_do (other, OPERATION_TRY_GET, 0), ==, OUTCOME_WOULD_BLOCK);
}

static void
case_waiter_dies (Cast *cast)
{
  Party **waiter = party_is_here (cast->b) ? &cast->a : &cast->b;
  Party *other = party_is_here (cast->b) ? cast->b : cast->a;

  party_begin (*waiter, OPERATION_GET, -1);
  party_begin (other, OPERATION_GET, -1);
  party_kill (*waiter);
  g_clear_pointer (waiter, party_free);
  g_assert_true (party_is_pending (other));
  queue_case_put (cast->c, 1);
  g_assert_cmpint (party_end (other), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (other), ==, 1);
}

static void
case_close (Cast *cast)
{
  queue_case_put (cast->a, 1);
  queue_case_put (cast->b, 2);
  queue_case_assert_closed (cast, OUTCOME_FALSE);
  queue_case_close (cast->a);
  queue_case_assert_closed (cast, OUTCOME_TRUE);

  /* What is in the queue can still be got, and no more comes. */
  g_assert_cmpint (party_do_with (cast->a, OPERATION_PUT, 3, -1), ==, OUTCOME_CLOSED);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_PUT, 3, -1), ==, OUTCOME_CLOSED);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_TRY_PUT, 3, 0), ==, OUTCOME_CLOSED);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_PUT_BYTES, 3, -1), ==, OUTCOME_CLOSED);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_TRY_PUT_BYTES, 3, 0), ==, OUTCOME_CLOSED);
  queue_case_assert_size (cast, 2);
  queue_case_assert_get (cast->b, 1);
  queue_case_close (cast->b);
  queue_case_assert_get (cast->a, 2);
  queue_case_assert_size (cast, 0);

  g_assert_cmpint (party_do (cast->a, OPERATION_GET, -1), ==, OUTCOME_CLOSED);
  g_assert_cmpint (party_do (cast->b, OPERATION_GET, -1), ==, OUTCOME_CLOSED);
  g_assert_cmpint (party_do (cast->b, OPERATION_TRY_GET, 0), ==, OUTCOME_CLOSED);
  g_assert_cmpint (party_do (cast->b, OPERATION_GET_BYTES, -1), ==, OUTCOME_CLOSED);
  g_assert_cmpint (party_do (cast->b, OPERATION_TRY_GET_BYTES, 0), ==, OUTCOME_CLOSED);
}

static void
case_close_unused (Cast *cast)
{
  queue_case_close (cast->b);
  queue_case_assert_closed (cast, OUTCOME_TRUE);
  queue_case_assert_size (cast, 0);
  g_assert_cmpint (party_do (cast->a, OPERATION_GET, -1), ==, OUTCOME_CLOSED);
}

static void
case_close_waiting (Cast *cast)
{
  party_begin (cast->a, OPERATION_GET, -1);
  party_begin (cast->b, OPERATION_GET_BYTES, -1);
  queue_case_close (cast->c);
  g_assert_cmpint (party_end (cast->a), ==, OUTCOME_CLOSED);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_CLOSED);
}

static void
case_close_now (Cast *cast)
{
  queue_case_put (cast->a, 1);
  queue_case_put (cast->b, 2);
  g_assert_cmpint (party_do (cast->a, OPERATION_CLOSE_NOW, 0), ==, OUTCOME_TRUE);
  queue_case_assert_closed (cast, OUTCOME_TRUE);
  queue_case_assert_size (cast, 0);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_PUT, 3, -1), ==, OUTCOME_CLOSED);
  g_assert_cmpint (party_do (cast->a, OPERATION_GET, -1), ==, OUTCOME_CLOSED);
  g_assert_cmpint (party_do (cast->b, OPERATION_GET, -1), ==, OUTCOME_CLOSED);
  g_assert_cmpint (party_do (cast->c, OPERATION_TRY_GET_BYTES, 0), ==, OUTCOME_CLOSED);
}

static void
case_close_then_now (Cast *cast)
{
  queue_case_put (cast->a, 1);
  queue_case_put (cast->b, 2);
  queue_case_close (cast->a);
  queue_case_assert_get (cast->b, 1);
  g_assert_cmpint (party_do (cast->b, OPERATION_CLOSE_NOW, 0), ==, OUTCOME_TRUE);
  queue_case_assert_size (cast, 0);
  g_assert_cmpint (party_do (cast->a, OPERATION_GET, -1), ==, OUTCOME_CLOSED);
}

static void
case_close_now_waiting (Cast *cast)
{
  party_begin (cast->a, OPERATION_GET, -1);
  party_begin (cast->b, OPERATION_GET_BYTES, -1);
  g_assert_cmpint (party_do (cast->c, OPERATION_CLOSE_NOW, 0), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_end (cast->a), ==, OUTCOME_CLOSED);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_CLOSED);
}

static void
case_disposed (Cast *cast)
{
  party_begin (cast->a, OPERATION_GET, -1);
  g_assert_cmpint (party_do (cast->c, OPERATION_DISPOSE, 0), ==, OUTCOME_TRUE);

  if (party_is_here (cast->a))
    {
      g_assert_cmpint (party_end (cast->a), ==, OUTCOME_CLOSED);
      g_assert_cmpint (party_do (cast->a, OPERATION_GET, -1), ==, OUTCOME_CLOSED);
      g_assert_cmpint (party_do (cast->a, OPERATION_TRY_GET, 0), ==, OUTCOME_CLOSED);
      g_assert_cmpint (party_do_with (cast->a, OPERATION_PUT, 1, -1), ==, OUTCOME_CLOSED);
    }
  else
    {
      /* Nobody else is concerned. */
      g_assert_true (party_is_pending (cast->a));

      if (party_is_here (cast->b))
        {
          party_cancel (cast->a);
          g_assert_cmpint (party_end (cast->a), ==, OUTCOME_CANCELLED);
        }
      else
        {
          queue_case_put (cast->b, 1);
          g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
        }

      g_assert_cmpint (party_do (cast->a, OPERATION_IS_CLOSED, 0), ==, OUTCOME_FALSE);
    }
}

static const ConformanceCase cases[] = {
  { "item", "An item that one puts another gets, and all see how many there are", case_item },
  { "order", "Items of each are got in the order in which they were put", case_order },
  { "each-once", "Of many who get each gets other items", case_each_once },
  { "try", "An empty queue is not waited for by who only tries", case_try },
  { "timeout", "An item is waited for as long as asked, no less", case_timeout },
  { "waits", "Who waits gets the item that another puts", case_waits },
  { "both-wait", "Of two who wait one gets the item, and the other the next", case_both_wait },
  { "alternates", "Two send items to each other through one queue", case_alternates },
  { "cancelled", "Who is cancelled takes nothing, and puts nothing", case_cancelled,
    NEEDS_CANCEL },
  { "cancelled-between", "The next one gets the item when one is cancelled",
    case_cancelled_between, NEEDS_CANCEL },
  { "timed-out-between", "The next one gets the item when one's time is over",
    case_timed_out_between },
  { "bytes", "Bytes of any size arrive as they are, as bytes or as a value", case_bytes },
  { "not-bytes", "A value that is not bytes is not got as bytes, and stays", case_not_bytes },
  { "unbounded", "A queue without a limit is never full", case_unbounded },
  { "putter-ends", "Who has put many items can end before anybody gets them",
    case_putter_ends },
  { "putter-dies", "What a process has put is there when it is killed", case_putter_dies,
    NEEDS_PROCESS },
  { "getter-dies", "What a process has not got is there when it is killed", case_getter_dies,
    NEEDS_PROCESS },
  { "waiter-dies", "One who waits and is killed takes no item", case_waiter_dies, NEEDS_PROCESS },
  { "close", "After a close by anybody nothing is put, and what is left can be got", case_close },
  { "close-unused", "A queue that nobody has used can be closed, and asked", case_close_unused },
  { "close-waiting", "A close by anybody ends all waits for items", case_close_waiting },
  { "close-now", "After an immediate close by anybody nothing can be got", case_close_now },
  { "close-then-now", "What a close has left is dropped by an immediate one",
    case_close_then_now },
  { "close-now-waiting", "An immediate close by anybody ends all waits", case_close_now_waiting },
  { "disposed", "Operations end when the queue is disposed of in their process", case_disposed },
};

static gpointer
create (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_QUEUE, NULL);
}

static gpointer
create_bounded (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_QUEUE, "max-items", QUEUE_CASE_MAX_ITEMS, NULL);
}

static gpointer
create_with_deliveries (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_QUEUE, "max-deliveries", QUEUE_CASE_MAX_DELIVERIES, NULL);
}

static gpointer
create_bytes (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_QUEUE, "max-bytes", (guint64) QUEUE_CASE_MAX_BYTES, NULL);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);
  conformance_add ("queue", create, cases, G_N_ELEMENTS (cases));
  conformance_add ("queue/bounded", create_bounded, queue_bounded_cases, n_queue_bounded_cases);
  conformance_add ("queue/lease", create, queue_lease_cases, n_queue_lease_cases);
  conformance_add ("queue/loan", create, queue_loan_cases, n_queue_loan_cases);
  conformance_add ("queue/loan-bounded", create_bounded, queue_loan_bounded_cases,
                   n_queue_loan_bounded_cases);
  conformance_add ("queue/failed", create_with_deliveries, queue_failed_cases,
                   n_queue_failed_cases);
  conformance_add ("queue/bytes", create_bytes, queue_bytes_cases, n_queue_bytes_cases);
  conformance_add ("queue/many", create, queue_many_cases, n_queue_many_cases);
  conformance_add ("queue/many-bounded", create_bounded, queue_many_bounded_cases,
                   n_queue_many_bounded_cases);

  return g_test_run ();
}
