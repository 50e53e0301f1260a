/* test-conformance-barrier.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-test.h"
#include "conformance.h"
#include "core/core-test.h"

#define MSEC G_TIME_SPAN_MILLISECOND

static void
begin (Party *party)
{
  party_begin (party, OPERATION_WAIT, -1);
}

static void
end_met (Party *party,
         guint  index)
{
  g_assert_cmpint (party_end (party), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (party), ==, index);
}

static void
end_broken (Party *party)
{
  g_assert_cmpint (party_end (party), ==, OUTCOME_BROKEN);
}

static void
assert_outcome (Party     *party,
                Operation  operation,
                Outcome    outcome)
{
  g_assert_cmpint (party_do (party, operation, 0), ==, outcome);
}

static void
assert_n_waiting (Cast  *cast,
                  guint  n_waiting)
{
  /* The flow of the test: the others may be about to wait. */
  assert_outcome (cast->c, OPERATION_GET_N_WAITING, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (cast->c), ==, n_waiting);
}

static void
reset (Party *party)
{
  assert_outcome (party, OPERATION_RESET, OUTCOME_TRUE);
  assert_outcome (party, OPERATION_IS_BROKEN, OUTCOME_FALSE);
}

static void
assert_round (Party *first,
              Party *second)
{
  begin (first);
  begin (second);
  /* It may have to do the action before the other can end. */
  end_met (second, 1);
  end_met (first, 0);
}

static guint
count_actions (Party *party)
{
  assert_outcome (party, OPERATION_GET_N_ACTIONS, OUTCOME_TRUE);

  return party_get_value (party);
}

/* --- Two parties --- */

static void
case_meet (Cast *cast)
{
  for (guint i = 0; i < 20; i++)
    {
      Party *first = i % 2 == 0 ? cast->a : cast->b;
      Party *second = i % 2 == 0 ? cast->b : cast->a;

      assert_n_waiting (cast, 0);
      begin (first);
      g_assert_true (party_is_pending (first));
      assert_n_waiting (cast, 1);
      begin (second);
      end_met (first, 0);
      end_met (second, 1);
    }
}

static void
case_extra (Cast *cast)
{
  for (guint i = 0; i < 20; i++)
    {
      begin (cast->a);
      begin (cast->b);
      begin (cast->c);
      end_met (cast->a, 0);
      end_met (cast->b, 1);
      g_assert_true (party_is_pending (cast->c));
      begin (cast->a);
      end_met (cast->c, 0);
      end_met (cast->a, 1);
    }
}

static void
case_timeout (Cast *cast)
{
  gint64 before_usec = g_get_monotonic_time ();

  begin (cast->a);
  /* No others than two make a round. */
  g_assert_cmpint (party_do (cast->b, OPERATION_WAIT, 0), ==, OUTCOME_TRUE);
  end_met (cast->a, 0);

  g_assert_cmpint (party_do (cast->b, OPERATION_WAIT, 20 * MSEC), ==, OUTCOME_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - before_usec, >=, 20 * MSEC);
  assert_outcome (cast->a, OPERATION_IS_BROKEN, OUTCOME_TRUE);
  g_assert_cmpint (party_do (cast->a, OPERATION_WAIT, -1), ==, OUTCOME_BROKEN);
  reset (cast->b);
  g_assert_cmpint (party_do (cast->a, OPERATION_WAIT, 0), ==, OUTCOME_TIMED_OUT);
  reset (cast->a);
  assert_round (cast->b, cast->a);
}

static void
case_abort (Cast *cast)
{
  for (guint i = 0; i < 10; i++)
    {
      Party *waiter = i % 2 == 0 ? cast->a : cast->b;
      Party *other = i % 2 == 0 ? cast->b : cast->a;

      begin (waiter);
      assert_outcome (other, OPERATION_ABORT, OUTCOME_TRUE);
      end_broken (waiter);
      assert_outcome (waiter, OPERATION_IS_BROKEN, OUTCOME_TRUE);
      assert_n_waiting (cast, 0);
      g_assert_cmpint (party_do (other, OPERATION_WAIT, -1), ==, OUTCOME_BROKEN);
      assert_outcome (waiter, OPERATION_ABORT, OUTCOME_TRUE);
      reset (waiter);
      assert_round (waiter, other);
    }
}

static void
case_reset (Cast *cast)
{
  for (guint i = 0; i < 10; i++)
    {
      Party *waiter = i % 2 == 0 ? cast->a : cast->b;
      Party *other = i % 2 == 0 ? cast->b : cast->a;

      reset (other);
      begin (waiter);
      reset (other);
      begin (other);
      end_broken (waiter);
      g_assert_true (party_is_pending (other));
      begin (waiter);
      end_met (other, 0);
      end_met (waiter, 1);
    }
}

static void
case_action (Cast *cast)
{
  assert_outcome (cast->a, OPERATION_SET_ACTION, OUTCOME_TRUE);
  assert_outcome (cast->b, OPERATION_SET_ACTION, OUTCOME_TRUE);

  for (guint i = 0; i < 10; i++)
    {
      Party *first = i % 2 == 0 ? cast->a : cast->b;
      Party *last = i % 2 == 0 ? cast->b : cast->a;
      gboolean same = party_is_here (first) && party_is_here (last);
      guint n_first = count_actions (first);
      guint n_last = count_actions (last);

      assert_round (first, last);
      g_assert_cmpuint (count_actions (last), ==, n_last + 1);
      g_assert_cmpuint (count_actions (first), ==, same ? n_first + 1 : n_first);
    }
}

static void
case_action_fails (Cast *cast)
{
  party_do_with (cast->a, OPERATION_SET_ACTION, 1, 0);
  party_do_with (cast->b, OPERATION_SET_ACTION, 1, 0);

  for (guint i = 0; i < 4; i++)
    {
      Party *first = i % 2 == 0 ? cast->a : cast->b;
      Party *last = i % 2 == 0 ? cast->b : cast->a;

      begin (first);
      begin (last);
      /* That of the action. */
      g_assert_cmpint (party_end (last), ==, OUTCOME_INVALID_DATA);
      end_broken (first);
      assert_outcome (first, OPERATION_IS_BROKEN, OUTCOME_TRUE);
      reset (first);
    }
}

static void
case_closed (Cast *cast)
{
  begin (cast->a);
  assert_outcome (cast->c, OPERATION_DISPOSE, OUTCOME_TRUE);

  if (party_is_here (cast->a))
    {
      g_assert_cmpint (party_end (cast->a), ==, OUTCOME_CLOSED);
      g_assert_cmpint (party_do (cast->a, OPERATION_WAIT, -1), ==, OUTCOME_CLOSED);
    }
  else
    {
      /* Nobody of that process waits: nobody else is concerned. */
      g_assert_true (party_is_pending (cast->a));
      assert_outcome (cast->c, OPERATION_IS_BROKEN, OUTCOME_FALSE);
      assert_outcome (cast->c, OPERATION_ABORT, OUTCOME_TRUE);
      end_broken (cast->a);
    }
}

static const ConformanceCase cases[] = {
  { "meet", "All go on when the last one comes, each with a number of its own", case_meet },
  { "extra", "Who is one too many is of the next round", case_extra },
  { "timeout", "Who times out breaks the barrier; who comes last does not wait", case_timeout },
  { "abort", "After an abort nobody waits, until a reset", case_abort },
  { "reset", "Who waits at a reset is told, and not of the new round", case_reset },
  { "action", "The one that comes last does the action, once", case_action },
  { "action-fails", "An action that fails breaks the barrier, and its error is told to the one that"
    " does it", case_action_fails },
};

/* --- Three --- */

static void
case_three (Cast *cast)
{
  for (guint i = 0; i < 10; i++)
    {
      begin (cast->b);
      begin (cast->a);
      g_assert_true (party_is_pending (cast->a));
      g_assert_true (party_is_pending (cast->b));
      begin (cast->c);
      end_met (cast->b, 0);
      end_met (cast->a, 1);
      end_met (cast->c, 2);
    }
}

static void
case_timeout_for_all (Cast *cast)
{
  begin (cast->a);
  begin (cast->b);
  assert_n_waiting (cast, 2);
  reset (cast->c);
  end_broken (cast->a);
  end_broken (cast->b);

  begin (cast->a);
  g_assert_cmpint (party_do (cast->b, OPERATION_WAIT, 2 * MSEC), ==, OUTCOME_TIMED_OUT);
  end_broken (cast->a);
  g_assert_cmpint (party_do (cast->c, OPERATION_WAIT, -1), ==, OUTCOME_BROKEN);
  reset (cast->c);
  case_three (cast);
}

static void
case_cancelled (Cast *cast)
{
  begin (cast->a);
  begin (cast->b);
  party_cancel (cast->b);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_CANCELLED);
  end_broken (cast->a);
  assert_outcome (cast->c, OPERATION_IS_BROKEN, OUTCOME_TRUE);
  g_assert_cmpint (party_do (cast->c, OPERATION_WAIT, -1), ==, OUTCOME_BROKEN);
}

static void
case_cancelled_before (Cast *cast)
{
  begin (cast->a);
  party_cancel (cast->b);
  g_assert_cmpint (party_do (cast->b, OPERATION_WAIT, -1), ==, OUTCOME_CANCELLED);
  assert_outcome (cast->c, OPERATION_IS_BROKEN, OUTCOME_FALSE);
  assert_n_waiting (cast, 1);
  g_assert_true (party_is_pending (cast->a));
  assert_outcome (cast->c, OPERATION_ABORT, OUTCOME_TRUE);
  end_broken (cast->a);
}

static void
case_killed (Cast *cast)
{
  Party **victim = party_is_here (cast->b) ? &cast->a : &cast->b;
  Party *other = party_is_here (cast->b) ? cast->b : cast->a;

  begin (*victim);
  begin (other);
  assert_n_waiting (cast, 2);
  party_kill (*victim);
  g_clear_pointer (victim, party_free);
  end_broken (other);
  assert_outcome (cast->c, OPERATION_IS_BROKEN, OUTCOME_TRUE);
  g_assert_cmpint (party_do (cast->c, OPERATION_WAIT, -1), ==, OUTCOME_BROKEN);
  reset (cast->c);
  begin (other);
  assert_n_waiting (cast, 1);
  reset (cast->c);
  end_broken (other);
}

static const ConformanceCase three_cases[] = {
  { "meet", "Nobody goes on before all are there", case_three },
  { "timeout", "Who times out breaks the barrier for all others", case_timeout_for_all },
  { "cancelled", "Who is cancelled breaks the barrier for all others", case_cancelled,
    NEEDS_CANCEL },
  { "cancelled-before", "Who is cancelled before it comes breaks nothing", case_cancelled_before,
    NEEDS_CANCEL },
  { "killed", "Who is killed while it waits breaks the barrier for all others", case_killed,
    NEEDS_PROCESS },
  { "closed", "Waits end when the barrier is disposed of in their process", case_closed },
};

/* --- One --- */

static void
case_alone (Cast *cast)
{
  Party *parties[] = { cast->a, cast->b, cast->c };

  for (guint i = 0; i < 30; i++)
    {
      /* Who comes last does not wait. */
      g_assert_cmpint (party_do (parties[i % 3], OPERATION_WAIT, i % 2 == 0 ? 0 : -1), ==,
                       OUTCOME_TRUE);
      g_assert_cmpuint (party_get_value (parties[i % 3]), ==, 0);
      assert_n_waiting (cast, 0);
    }

  assert_outcome (cast->a, OPERATION_ABORT, OUTCOME_TRUE);
  g_assert_cmpint (party_do (cast->b, OPERATION_WAIT, -1), ==, OUTCOME_BROKEN);
  reset (cast->b);
  g_assert_cmpint (party_do (cast->a, OPERATION_WAIT, -1), ==, OUTCOME_TRUE);
}

static const ConformanceCase one_cases[] = {
  { "alone", "Who is alone goes on at once", case_alone },
};

static gpointer
create_for_one (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_BARRIER, "parties", 1, NULL);
}

static gpointer
create_for_two (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_BARRIER, "parties", 2, NULL);
}

static gpointer
create_for_three (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_BARRIER, "parties", 3, NULL);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);
  conformance_add ("barrier/one", create_for_one, one_cases, G_N_ELEMENTS (one_cases));
  conformance_add_refused ("barrier", AIOPROC_TYPE_BARRIER, "parties", 0);
  conformance_add_refused ("barrier", AIOPROC_TYPE_BARRIER, "parties", 65536);
  conformance_add ("barrier/two", create_for_two, cases, G_N_ELEMENTS (cases));
  conformance_add ("barrier/three", create_for_three, three_cases, G_N_ELEMENTS (three_cases));

  return g_test_run ();
}
