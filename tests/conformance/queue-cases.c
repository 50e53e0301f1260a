/* queue-cases.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "queue-cases.h"

#define MSEC G_TIME_SPAN_MILLISECOND

void
queue_case_put (Party   *party,
                guint64  value)
{
  g_assert_cmpint (party_do_with (party, OPERATION_PUT, value, -1), ==, OUTCOME_TRUE);
}

guint64
queue_case_get (Party *party)
{
  g_assert_cmpint (party_do (party, OPERATION_GET, -1), ==, OUTCOME_TRUE);

  return party_get_value (party);
}

void
queue_case_assert_get (Party   *party,
                       guint64  expected)
{
  g_assert_cmpuint (queue_case_get (party), ==, expected);
}

void
queue_case_close (Party *party)
{
  g_assert_cmpint (party_do (party, OPERATION_CLOSE, 0), ==, OUTCOME_TRUE);
}

static void
assert_size (Party *party,
             guint  expected)
{
  g_assert_cmpint (party_do (party, OPERATION_GET_SIZE, 0), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (party), ==, expected);
  g_assert_cmpint (party_do (party, OPERATION_IS_EMPTY, 0), ==,
                   expected == 0 ? OUTCOME_TRUE : OUTCOME_FALSE);
}

void
queue_case_assert_size (Cast  *cast,
                        guint  expected)
{
  assert_size (cast->a, expected);
  assert_size (cast->b, expected);
  assert_size (cast->c, expected);
}

void
queue_case_assert_closed (Cast    *cast,
                          Outcome  expected)
{
  g_assert_cmpint (party_do (cast->a, OPERATION_IS_CLOSED, 0), ==, expected);
  g_assert_cmpint (party_do (cast->b, OPERATION_IS_CLOSED, 0), ==, expected);
  g_assert_cmpint (party_do (cast->c, OPERATION_IS_CLOSED, 0), ==, expected);
}

static void
assert_full (Cast    *cast,
             Outcome  expected)
{
  g_assert_cmpint (party_do (cast->a, OPERATION_IS_FULL, 0), ==, expected);
  g_assert_cmpint (party_do (cast->b, OPERATION_IS_FULL, 0), ==, expected);
  g_assert_cmpint (party_do (cast->c, OPERATION_IS_FULL, 0), ==, expected);
}

/* 0 and 1. */
static void
fill (Party *party)
{
  for (guint i = 0; i < QUEUE_CASE_MAX_ITEMS; i++)
    queue_case_put (party, i);
}

static void
case_full (Cast *cast)
{
  gint64 before_usec;

  for (guint i = 0; i < 3; i++)
    {
      assert_full (cast, OUTCOME_FALSE);
      fill (cast->a);
      assert_full (cast, OUTCOME_TRUE);
      g_assert_cmpint (party_do_with (cast->a, OPERATION_TRY_PUT, 5, 0), ==, OUTCOME_WOULD_BLOCK);
      g_assert_cmpint (party_do_with (cast->b, OPERATION_TRY_PUT, 5, 0), ==, OUTCOME_WOULD_BLOCK);
      g_assert_cmpint (party_do_with (cast->b, OPERATION_TRY_PUT_BYTES, 5, 0), ==,
                       OUTCOME_WOULD_BLOCK);
      g_assert_cmpint (party_do_with (cast->b, OPERATION_PUT, 5, 0), ==, OUTCOME_TIMED_OUT);
      before_usec = g_get_monotonic_time ();
      g_assert_cmpint (party_do_with (cast->b, OPERATION_PUT, 5, 20 * MSEC), ==,
                       OUTCOME_TIMED_OUT);
      g_assert_cmpint (g_get_monotonic_time () - before_usec, >=, 20 * MSEC);
      g_assert_cmpint (party_do_with (cast->b, OPERATION_PUT_BYTES, 5, 2 * MSEC), ==,
                       OUTCOME_TIMED_OUT);
      queue_case_assert_size (cast, QUEUE_CASE_MAX_ITEMS);

      /* Nothing of that is in the queue. */
      queue_case_assert_get (cast->b, 0);
      assert_full (cast, OUTCOME_FALSE);
      queue_case_put (cast->b, 2);
      assert_full (cast, OUTCOME_TRUE);
      queue_case_assert_get (cast->a, 1);
      queue_case_assert_get (cast->b, 2);
      queue_case_assert_size (cast, 0);
    }
}

static void
case_limit (Cast *cast)
{
  g_assert_cmpint (party_do (cast->a, OPERATION_GET_MAX_ITEMS, 0), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (cast->a), ==, QUEUE_CASE_MAX_ITEMS);
  g_assert_cmpint (party_do (cast->b, OPERATION_GET_MAX_ITEMS, 0), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (cast->b), ==, QUEUE_CASE_MAX_ITEMS);
}

static void
case_put_waits (Cast *cast)
{
  fill (cast->a);

  for (guint i = 0; i < 20; i++)
    {
      party_begin_with (cast->a, OPERATION_PUT, QUEUE_CASE_MAX_ITEMS + i, -1);
      g_assert_true (party_is_pending (cast->a));
      queue_case_assert_get (cast->b, i);
      g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
      assert_full (cast, OUTCOME_TRUE);
    }
}

static void
case_both_put_wait (Cast *cast)
{
  for (guint i = 0; i < 20; i++)
    {
      guint64 sum = 0;

      fill (cast->c);
      party_begin_with (cast->a, OPERATION_PUT, 10, -1);
      party_begin_with (cast->b, OPERATION_PUT, 20, -1);
      queue_case_assert_get (cast->c, 0);

      /* Either may be the first, and only that one ends. */
      while (party_is_pending (cast->a) && party_is_pending (cast->b))
        g_thread_yield ();

      g_assert_true (party_is_pending (cast->a) || party_is_pending (cast->b));
      assert_size (cast->c, QUEUE_CASE_MAX_ITEMS);
      queue_case_assert_get (cast->c, 1);
      g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
      g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);

      for (guint j = 0; j < 2; j++)
        sum += queue_case_get (cast->c);

      g_assert_cmpuint (sum, ==, 30);
    }
}

static void
case_put_cancelled (Cast *cast)
{
  fill (cast->a);
  party_begin_with (cast->b, OPERATION_PUT, 5, -1);
  party_begin_with (cast->a, OPERATION_PUT, 6, -1);
  party_cancel (cast->b);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_CANCELLED);
  queue_case_assert_get (cast->c, 0);
  g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
  queue_case_assert_get (cast->c, 1);
  queue_case_assert_get (cast->c, 6);
  queue_case_assert_size (cast, 0);
}

static void
case_put_closed (Cast *cast)
{
  fill (cast->a);
  party_begin_with (cast->a, OPERATION_PUT, 5, -1);
  party_begin_with (cast->b, OPERATION_PUT_BYTES, 6, -1);
  queue_case_close (cast->c);
  g_assert_cmpint (party_end (cast->a), ==, OUTCOME_CLOSED);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_CLOSED);

  /* They have put nothing. */
  queue_case_assert_size (cast, QUEUE_CASE_MAX_ITEMS);
  queue_case_assert_get (cast->b, 0);
  queue_case_assert_get (cast->a, 1);
  g_assert_cmpint (party_do (cast->b, OPERATION_GET, -1), ==, OUTCOME_CLOSED);
}

static void
case_put_closed_now (Cast *cast)
{
  fill (cast->a);
  party_begin_with (cast->a, OPERATION_PUT, 5, -1);
  party_begin_with (cast->b, OPERATION_PUT_BYTES, 6, -1);
  g_assert_cmpint (party_do (cast->c, OPERATION_CLOSE_NOW, 0), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_end (cast->a), ==, OUTCOME_CLOSED);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_CLOSED);
  queue_case_assert_size (cast, 0);
}

static void
case_putter_dies (Cast *cast)
{
  Party **putter = party_is_here (cast->b) ? &cast->a : &cast->b;
  Party *other = party_is_here (cast->b) ? cast->b : cast->a;

  fill (cast->c);
  party_begin_with (*putter, OPERATION_PUT, 5, -1);
  party_begin_with (other, OPERATION_PUT, 6, -1);
  party_kill (*putter);
  g_clear_pointer (putter, party_free);
  g_assert_true (party_is_pending (other));
  queue_case_assert_get (cast->c, 0);
  g_assert_cmpint (party_end (other), ==, OUTCOME_TRUE);
  queue_case_assert_get (cast->c, 1);
  queue_case_assert_get (cast->c, 6);
  g_assert_cmpint (party_do (other, OPERATION_TRY_GET, 0), ==, OUTCOME_WOULD_BLOCK);
}

static void
case_getter_dies (Cast *cast)
{
  Party **getter = party_is_here (cast->b) ? &cast->a : &cast->b;
  Party *other = party_is_here (cast->b) ? cast->b : cast->a;

  fill (cast->c);
  party_begin_with (other, OPERATION_PUT, 2, -1);
  queue_case_assert_get (*getter, 0);
  party_kill (*getter);
  g_clear_pointer (getter, party_free);
  /* The room of what it has got is there. */
  g_assert_cmpint (party_end (other), ==, OUTCOME_TRUE);
  queue_case_assert_get (other, 1);
  queue_case_assert_get (other, 2);
}

const ConformanceCase queue_bounded_cases[] = {
  { "full", "A full queue takes nothing from who does not wait", case_full },
  { "limit", "All know the limit", case_limit },
  { "put-waits", "Who waits for room puts when another has got an item", case_put_waits },
  { "both-put-wait", "Of two who wait for room one puts, and then the other",
    case_both_put_wait },
  { "put-cancelled", "Who is cancelled puts nothing, and the next one does", case_put_cancelled,
    NEEDS_CANCEL },
  { "put-closed", "A close by anybody ends all waits for room", case_put_closed },
  { "put-closed-now", "An immediate close by anybody ends all waits for room",
    case_put_closed_now },
  { "putter-dies", "One who waits for room and is killed puts nothing", case_putter_dies,
    NEEDS_PROCESS },
  { "getter-dies", "The room of an item that was got is there when the process is killed",
    case_getter_dies, NEEDS_PROCESS },
};

const guint n_queue_bounded_cases = G_N_ELEMENTS (queue_bounded_cases);

/* --- A limit to the bytes --- */

static void
assert_figure (Cast      *cast,
               Operation  figure,
               guint64    expected)
{
  Party *parties[] = { cast->a, cast->b, cast->c };

  for (guint i = 0; i < G_N_ELEMENTS (parties); i++)
    {
      g_assert_cmpint (party_do (parties[i], figure, 0), ==, OUTCOME_TRUE);
      g_assert_cmpuint (party_get_value (parties[i]), ==, expected);
    }
}

static void
case_bytes_full (Cast *cast)
{
  assert_figure (cast, OPERATION_GET_MAX_BYTES, QUEUE_CASE_MAX_BYTES);

  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpint (party_do_with (cast->a, OPERATION_PUT_BYTES, 400, -1), ==, OUTCOME_TRUE);
      assert_full (cast, OUTCOME_FALSE);
      g_assert_cmpint (party_do_with (cast->b, OPERATION_TRY_PUT_BYTES, 601, 0), ==,
                       OUTCOME_WOULD_BLOCK);
      g_assert_cmpint (party_do_with (cast->b, OPERATION_PUT_BYTES, 601, 2 * MSEC), ==,
                       OUTCOME_TIMED_OUT);
      g_assert_cmpint (party_do_with (cast->b, OPERATION_PUT_BYTES, 600, -1), ==, OUTCOME_TRUE);
      assert_full (cast, OUTCOME_TRUE);
      assert_figure (cast, OPERATION_GET_N_BYTES, 1000);
      g_assert_cmpint (party_do (cast->b, OPERATION_GET_BYTES, -1), ==, OUTCOME_TRUE);
      assert_figure (cast, OPERATION_GET_N_BYTES, 600);
      g_assert_cmpint (party_do (cast->a, OPERATION_GET_BYTES, -1), ==, OUTCOME_TRUE);
      assert_figure (cast, OPERATION_GET_N_BYTES, 0);
    }

  assert_figure (cast, OPERATION_GET_PEAK_ITEMS, 2);
  assert_figure (cast, OPERATION_GET_PEAK_BYTES, 1000);
}

static void
case_bytes_too_large (Cast *cast)
{
  g_assert_cmpint (party_do_with (cast->a, OPERATION_PUT_BYTES, 1001, -1), ==, OUTCOME_TOO_LARGE);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_PUT_BYTES, 1001, -1), ==, OUTCOME_TOO_LARGE);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_TRY_PUT_BYTES, 1001, 0), ==,
                   OUTCOME_TOO_LARGE);
  queue_case_assert_size (cast, 0);
}

static void
case_bytes_put_waits (Cast *cast)
{
  for (guint i = 0; i < 20; i++)
    {
      g_assert_cmpint (party_do_with (cast->c, OPERATION_PUT_BYTES, 500, -1), ==, OUTCOME_TRUE);
      g_assert_cmpint (party_do_with (cast->c, OPERATION_PUT_BYTES, 500, -1), ==, OUTCOME_TRUE);
      party_begin_with (cast->a, OPERATION_PUT_BYTES, 900, -1);
      party_begin_with (cast->b, OPERATION_PUT_BYTES, 100 + i, -1);
      g_assert_true (party_is_pending (cast->a));
      g_assert_cmpint (party_do (cast->c, OPERATION_GET_BYTES, -1), ==, OUTCOME_TRUE);
      g_assert_true (party_is_pending (cast->a));
      g_assert_cmpint (party_do (cast->c, OPERATION_GET_BYTES, -1), ==, OUTCOME_TRUE);
      g_assert_cmpint (party_do (cast->c, OPERATION_GET_BYTES, -1), ==, OUTCOME_TRUE);
      g_assert_cmpint (party_do (cast->c, OPERATION_GET_BYTES, -1), ==, OUTCOME_TRUE);
      g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
      g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
      queue_case_assert_size (cast, 0);
    }
}

const ConformanceCase queue_bytes_cases[] = {
  { "full", "A queue takes no more bytes than it may, and all see how many there are",
    case_bytes_full },
  { "too-large", "What has more bytes by itself is refused", case_bytes_too_large },
  { "put-waits", "Items of different sizes that wait for room get it", case_bytes_put_waits },
};

const guint n_queue_bytes_cases = G_N_ELEMENTS (queue_bytes_cases);

/* --- Batches --- */

static void
do_many (Party     *party,
         Operation  operation,
         guint      n_items,
         guint      n_done)
{
  g_assert_cmpint (party_do_with (party, operation, n_items, -1), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (party), ==, n_done);
}

static void
case_many (Cast *cast)
{
  for (guint i = 0; i < 3; i++)
    {
      do_many (cast->a, OPERATION_PUT_MANY, 300, 300);
      queue_case_assert_size (cast, 300);
      do_many (cast->b, OPERATION_GET_MANY, 100, 100);
      do_many (cast->c, OPERATION_TRY_GET_MANY, 150, 150);
      queue_case_assert_get (cast->a, 250);
      do_many (cast->b, OPERATION_GET_MANY, 1000, 49);
      /* From nothing to 19 KiB each: some are copied beside the lock. */
      do_many (cast->b, OPERATION_PUT_MANY_BYTES, 200, 200);
      do_many (cast->a, OPERATION_GET_MANY_BYTES, 500, 200);
      do_many (cast->b, OPERATION_TRY_PUT_MANY, 5, 5);
      do_many (cast->a, OPERATION_GET_MANY, 500, 5);
      queue_case_assert_size (cast, 0);
    }
}

static void
case_many_waits (Cast *cast)
{
  for (guint i = 0; i < 20; i++)
    {
      guint64 n_got;

      party_begin_with (cast->a, OPERATION_GET_MANY, 100, -1);
      g_assert_true (party_is_pending (cast->a));
      do_many (cast->b, OPERATION_PUT_MANY, 10, 10);
      g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
      n_got = party_get_value (cast->a);
      g_assert_cmpuint (n_got, >=, 1);

      /* What came later is there. */
      if (n_got < 10)
        do_many (cast->c, OPERATION_GET_MANY, 100, 10 - n_got);

      queue_case_assert_size (cast, 0);
    }

  g_assert_cmpint (party_do_with (cast->a, OPERATION_TRY_GET_MANY, 5, 0), ==, OUTCOME_WOULD_BLOCK);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_GET_MANY, 5, 2 * MSEC), ==,
                   OUTCOME_TIMED_OUT);
}

static void
case_many_closed (Cast *cast)
{
  do_many (cast->a, OPERATION_PUT_MANY, 3, 3);
  party_begin_with (cast->b, OPERATION_GET_MANY, 2, -1);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
  queue_case_close (cast->c);
  g_assert_cmpint (party_do_with (cast->a, OPERATION_PUT_MANY, 3, -1), ==, OUTCOME_CLOSED);
  do_many (cast->a, OPERATION_GET_MANY, 5, 1);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_GET_MANY, 5, -1), ==, OUTCOME_CLOSED);
}

const ConformanceCase queue_many_cases[] = {
  { "many", "A batch is so many items, in their order", case_many },
  { "waits", "Who waits for a batch gets what is there when the first is", case_many_waits },
  { "closed", "A close ends batches as it ends single items", case_many_closed },
};

const guint n_queue_many_cases = G_N_ELEMENTS (queue_many_cases);

static void
case_many_bounded (Cast *cast)
{
  /* They go in as others make room. */
  party_begin_with (cast->a, OPERATION_PUT_MANY, 20, -1);

  for (guint i = 0; i < 20; i++)
    queue_case_assert_get (cast->b, i);

  g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (cast->a), ==, 20);

  /* What has no room in time is not there, and the rest is. */
  do_many (cast->b, OPERATION_TRY_PUT_MANY, 10, QUEUE_CASE_MAX_ITEMS);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_TRY_PUT_MANY, 10, 0), ==,
                   OUTCOME_WOULD_BLOCK);
  g_assert_cmpint (party_do_with (cast->a, OPERATION_PUT_MANY, 10, 2 * MSEC), ==,
                   OUTCOME_TIMED_OUT);
  queue_case_assert_get (cast->a, 0);
  g_assert_cmpint (party_do_with (cast->a, OPERATION_PUT_MANY, 10, 2 * MSEC), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (cast->a), ==, 1);
  queue_case_assert_size (cast, QUEUE_CASE_MAX_ITEMS);
}

static void
case_many_cancelled (Cast *cast)
{
  party_begin_with (cast->b, OPERATION_PUT_MANY, 10, -1);
  queue_case_assert_get (cast->c, 0);
  queue_case_assert_get (cast->c, 1);
  queue_case_assert_get (cast->c, 2);

  while (party_do (cast->c, OPERATION_IS_FULL, 0) == OUTCOME_FALSE)
    g_thread_yield ();

  party_cancel (cast->b);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (cast->b), ==, 3 + QUEUE_CASE_MAX_ITEMS);
  queue_case_assert_get (cast->c, 3);
  queue_case_assert_get (cast->c, 4);
  queue_case_assert_size (cast, 0);
}

const ConformanceCase queue_many_bounded_cases[] = {
  { "room", "A batch that waits for room goes in as others make some", case_many_bounded },
  { "cancelled", "A batch that is cancelled half-way tells how much is there",
    case_many_cancelled, NEEDS_CANCEL },
};

const guint n_queue_many_bounded_cases = G_N_ELEMENTS (queue_many_bounded_cases);
