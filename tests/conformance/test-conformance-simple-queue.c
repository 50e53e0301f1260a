/* test-conformance-simple-queue.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-test.h"
#include "core/core-test.h"
#include "queue-cases.h"

#define MSEC G_TIME_SPAN_MILLISECOND

static void
assert_empty (Cast    *cast,
              Outcome  expected)
{
  g_assert_cmpint (party_do (cast->a, OPERATION_IS_EMPTY, 0), ==, expected);
  g_assert_cmpint (party_do (cast->b, OPERATION_IS_EMPTY, 0), ==, expected);
  g_assert_cmpint (party_do (cast->c, OPERATION_IS_EMPTY, 0), ==, expected);
}

static void
case_items (Cast *cast)
{
  assert_empty (cast, OUTCOME_TRUE);

  for (guint i = 0; i < 100; i++)
    queue_case_put (cast->a, i);

  assert_empty (cast, OUTCOME_FALSE);

  for (guint i = 0; i < 100; i++)
    queue_case_assert_get (i % 3 == 0 ? cast->a : cast->b, i);

  assert_empty (cast, OUTCOME_TRUE);
}

static void
case_bytes (Cast *cast)
{
  const guint64 lengths[] = { 0, 80, 4096, 4097, 100000 };

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_assert_cmpint (party_do_with (cast->a, OPERATION_PUT_BYTES, lengths[i], -1), ==,
                       OUTCOME_TRUE);
      g_assert_cmpint (party_do (cast->b, OPERATION_GET_BYTES, -1), ==, OUTCOME_TRUE);
      g_assert_cmpuint (party_get_value (cast->b), ==, lengths[i]);
    }

  /* A value is not got as bytes, and stays. */
  queue_case_put (cast->a, 1);
  g_assert_cmpint (party_do (cast->b, OPERATION_GET_BYTES, -1), ==, OUTCOME_INVALID_DATA);
  queue_case_assert_get (cast->b, 1);
}

static void
case_waits (Cast *cast)
{
  gint64 before_usec = g_get_monotonic_time ();

  g_assert_cmpint (party_do (cast->b, OPERATION_GET, 0), ==, OUTCOME_TIMED_OUT);
  g_assert_cmpint (party_do (cast->b, OPERATION_GET, 20 * MSEC), ==, OUTCOME_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - before_usec, >=, 20 * MSEC);

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
case_cancelled (Cast *cast)
{
  party_begin (cast->b, OPERATION_GET, -1);
  g_assert_true (party_is_pending (cast->b));
  party_cancel (cast->b);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_CANCELLED);
  queue_case_put (cast->a, 1);

  /* Also where an item is there, or room. */
  g_assert_cmpint (party_do (cast->b, OPERATION_GET, -1), ==, OUTCOME_CANCELLED);
  g_assert_cmpint (party_do (cast->b, OPERATION_GET_BYTES, -1), ==, OUTCOME_CANCELLED);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_PUT, 2, -1), ==, OUTCOME_CANCELLED);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_PUT_BYTES, 3, -1), ==, OUTCOME_CANCELLED);
  queue_case_assert_get (cast->a, 1);
  assert_empty (cast, OUTCOME_TRUE);
}

static void
case_putter_dies (Cast *cast)
{
  Party *victim = party_is_here (cast->b) ? cast->a : cast->b;

  queue_case_put (victim, 1);
  queue_case_put (victim, 2);
  queue_case_assert_get (victim, 1);
  party_begin (cast->c, OPERATION_GET, -1);
  g_assert_cmpint (party_end (cast->c), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (cast->c), ==, 2);
  queue_case_put (victim, 3);
  party_kill (victim);
  queue_case_assert_get (cast->c, 3);
}

static void
case_close (Cast *cast)
{
  queue_case_put (cast->a, 1);
  queue_case_close (cast->b);
  queue_case_close (cast->b);
  g_assert_cmpint (party_do_with (cast->a, OPERATION_PUT, 2, -1), ==, OUTCOME_CLOSED);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_PUT_BYTES, 2, -1), ==, OUTCOME_CLOSED);
  queue_case_assert_get (cast->a, 1);
  g_assert_cmpint (party_do (cast->a, OPERATION_GET, -1), ==, OUTCOME_CLOSED);
  g_assert_cmpint (party_do (cast->b, OPERATION_GET_BYTES, -1), ==, OUTCOME_CLOSED);
  assert_empty (cast, OUTCOME_TRUE);
}

static void
case_close_waiting (Cast *cast)
{
  party_begin (cast->a, OPERATION_GET, -1);
  party_begin (cast->b, OPERATION_GET_BYTES, -1);
  g_assert_true (party_is_pending (cast->a));
  g_assert_true (party_is_pending (cast->b));
  queue_case_close (cast->c);
  g_assert_cmpint (party_end (cast->a), ==, OUTCOME_CLOSED);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_CLOSED);
}

static const ConformanceCase cases[] = {
  { "items", "Of many who get each gets other items, in their order", case_items },
  { "bytes", "Bytes of any size arrive as they are", case_bytes },
  { "waits", "Who waits gets what another puts", case_waits },
  { "cancelled", "Who is cancelled takes nothing, and puts nothing", case_cancelled,
    NEEDS_CANCEL },
  { "putter-dies", "What a process has put is there when it is killed", case_putter_dies,
    NEEDS_PROCESS },
  { "close", "After a close nothing is put, and what is left can be got", case_close },
  { "close-waiting", "A close by anybody ends all waits", case_close_waiting },
};

static gpointer
create (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_SIMPLE_QUEUE, NULL);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);
  conformance_add ("simple-queue", create, cases, G_N_ELEMENTS (cases));

  return g_test_run ();
}
