/* test-conformance-event.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-test.h"
#include "conformance.h"
#include "core/core-test.h"

#define MSEC G_TIME_SPAN_MILLISECOND

static void
set (Party *party)
{
  g_assert_cmpint (party_do (party, OPERATION_SET, 0), ==, OUTCOME_TRUE);
}

static void
clear (Party *party)
{
  g_assert_cmpint (party_do (party, OPERATION_CLEAR, 0), ==, OUTCOME_TRUE);
}

static void
assert_set (Cast    *cast,
            Outcome  expected)
{
  g_assert_cmpint (party_do (cast->a, OPERATION_IS_SET, 0), ==, expected);
  g_assert_cmpint (party_do (cast->b, OPERATION_IS_SET, 0), ==, expected);
  g_assert_cmpint (party_do (cast->c, OPERATION_IS_SET, 0), ==, expected);
}

static void
case_set (Cast *cast)
{
  assert_set (cast, OUTCOME_FALSE);

  for (guint i = 0; i < 3; i++)
    {
      set (cast->a);
      assert_set (cast, OUTCOME_TRUE);
      set (cast->b);
      assert_set (cast, OUTCOME_TRUE);
      clear (cast->b);
      assert_set (cast, OUTCOME_FALSE);
      clear (cast->a);
      assert_set (cast, OUTCOME_FALSE);
    }
}

static void
case_wait_set (Cast *cast)
{
  set (cast->a);

  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpint (party_do (cast->b, OPERATION_WAIT, -1), ==, OUTCOME_TRUE);
      g_assert_cmpint (party_do (cast->a, OPERATION_WAIT, 0), ==, OUTCOME_TRUE);
    }

  /* A wait takes nothing. */
  assert_set (cast, OUTCOME_TRUE);
}

static void
case_timeout (Cast *cast)
{
  gint64 before_usec = g_get_monotonic_time ();

  g_assert_cmpint (party_do (cast->b, OPERATION_WAIT, 0), ==, OUTCOME_TIMED_OUT);
  g_assert_cmpint (party_do (cast->b, OPERATION_WAIT, 20 * MSEC), ==, OUTCOME_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - before_usec, >=, 20 * MSEC);

  /* Also after a set that was taken back. */
  set (cast->a);
  clear (cast->a);
  g_assert_cmpint (party_do (cast->b, OPERATION_WAIT, 2 * MSEC), ==, OUTCOME_TIMED_OUT);
}

static void
case_waits (Cast *cast)
{
  for (guint i = 0; i < 50; i++)
    {
      party_begin (cast->b, OPERATION_WAIT, -1);
      g_assert_true (party_is_pending (cast->b));
      set (cast->a);
      g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
      clear (i % 2 == 0 ? cast->a : cast->b);
    }
}

static void
case_both_wait (Cast *cast)
{
  for (guint i = 0; i < 50; i++)
    {
      party_begin (cast->a, OPERATION_WAIT, -1);
      party_begin (cast->b, OPERATION_WAIT, 3600 * G_TIME_SPAN_SECOND);
      set (cast->c);
      g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
      g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
      clear (cast->c);
    }
}

static void
case_cleared_at_once (Cast *cast)
{
  for (guint i = 0; i < 50; i++)
    {
      party_begin (cast->a, OPERATION_WAIT, -1);
      party_begin (cast->b, OPERATION_WAIT, -1);
      set (cast->c);
      clear (cast->c);
      g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
      g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
      assert_set (cast, OUTCOME_FALSE);
    }
}

static void
case_alternates (Cast *cast)
{
  /* One who is told answers by the same event. */
  for (guint i = 0; i < 50; i++)
    {
      Party *waiter = i % 2 == 0 ? cast->a : cast->b;
      Party *setter = i % 2 == 0 ? cast->b : cast->a;

      party_begin (waiter, OPERATION_WAIT, -1);
      set (setter);
      g_assert_cmpint (party_end (waiter), ==, OUTCOME_TRUE);
      clear (waiter);
    }
}

static void
case_cancelled (Cast *cast)
{
  party_begin (cast->a, OPERATION_WAIT, -1);
  party_begin (cast->b, OPERATION_WAIT, -1);
  party_cancel (cast->b);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_CANCELLED);
  g_assert_true (party_is_pending (cast->a));
  set (cast->c);
  g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);

  /* Also where it need not wait. */
  g_assert_cmpint (party_do (cast->b, OPERATION_WAIT, -1), ==, OUTCOME_CANCELLED);
}

static void
case_setter_dies (Cast *cast)
{
  Party **setter = party_is_here (cast->b) ? &cast->a : &cast->b;
  Party *other = party_is_here (cast->b) ? cast->b : cast->a;

  party_begin (other, OPERATION_WAIT, -1);
  set (*setter);
  party_kill (*setter);
  g_clear_pointer (setter, party_free);
  g_assert_cmpint (party_end (other), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do (other, OPERATION_IS_SET, 0), ==, OUTCOME_TRUE);
}

static void
case_waiter_dies (Cast *cast)
{
  Party **waiter = party_is_here (cast->b) ? &cast->a : &cast->b;
  Party *other = party_is_here (cast->b) ? cast->b : cast->a;

  party_begin (*waiter, OPERATION_WAIT, -1);
  party_begin (other, OPERATION_WAIT, -1);
  party_kill (*waiter);
  g_clear_pointer (waiter, party_free);
  g_assert_true (party_is_pending (other));
  set (cast->c);
  g_assert_cmpint (party_end (other), ==, OUTCOME_TRUE);
}

static void
case_closed (Cast *cast)
{
  party_begin (cast->a, OPERATION_WAIT, -1);
  g_assert_cmpint (party_do (cast->c, OPERATION_DISPOSE, 0), ==, OUTCOME_TRUE);

  if (party_is_here (cast->a))
    {
      g_assert_cmpint (party_end (cast->a), ==, OUTCOME_CLOSED);
      g_assert_cmpint (party_do (cast->a, OPERATION_WAIT, -1), ==, OUTCOME_CLOSED);
    }
  else
    {
      /* Nobody else is concerned. */
      g_assert_true (party_is_pending (cast->a));
      set (cast->c);
      g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
    }
}

static const ConformanceCase cases[] = {
  { "set", "An event is set until it is cleared, and all see it", case_set },
  { "wait-set", "Nobody waits for an event that is set", case_wait_set },
  { "timeout", "An event is waited for as long as asked, no less", case_timeout },
  { "waits", "Who waits is released by a set", case_waits },
  { "both-wait", "A set releases all who wait", case_both_wait },
  { "cleared-at-once", "A set releases who waited before, also if it is cleared at once",
    case_cleared_at_once },
  { "alternates", "Two tell each other in turns", case_alternates },
  { "cancelled", "Who is cancelled does not wait", case_cancelled, NEEDS_CANCEL },
  { "setter-dies", "What a process has set stays set when it is killed",
    case_setter_dies, NEEDS_PROCESS },
  { "waiter-dies", "One who waits and is killed does not hinder the others",
    case_waiter_dies, NEEDS_PROCESS },
  { "closed", "Waits end when the event is disposed of in their process", case_closed },
};

static gpointer
create (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_EVENT, NULL);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);
  conformance_add ("event", create, cases, G_N_ELEMENTS (cases));

  return g_test_run ();
}
