/* lock-cases.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "lock-cases.h"

#define MSEC G_TIME_SPAN_MILLISECOND

void
lock_case_assert_locked (Cast    *cast,
                         Outcome  expected)
{
  g_assert_cmpint (party_do (cast->a, OPERATION_IS_LOCKED, 0), ==, expected);
  g_assert_cmpint (party_do (cast->b, OPERATION_IS_LOCKED, 0), ==, expected);
  g_assert_cmpint (party_do (cast->c, OPERATION_IS_LOCKED, 0), ==, expected);
}

void
lock_case_acquire (Party *party)
{
  g_assert_cmpint (party_do (party, OPERATION_ACQUIRE, -1), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do (party, OPERATION_WAS_ABANDONED, 0), ==, OUTCOME_FALSE);
}

void
lock_case_release (Party *party)
{
  g_assert_cmpint (party_do (party, OPERATION_RELEASE, 0), ==, OUTCOME_TRUE);
}

static void
case_acquire (Cast *cast)
{
  for (guint i = 0; i < 3; i++)
    {
      lock_case_assert_locked (cast, OUTCOME_FALSE);
      lock_case_acquire (cast->a);
      lock_case_assert_locked (cast, OUTCOME_TRUE);
      lock_case_release (cast->a);
      lock_case_assert_locked (cast, OUTCOME_FALSE);
      lock_case_acquire (cast->b);
      lock_case_assert_locked (cast, OUTCOME_TRUE);
      lock_case_release (cast->b);
    }
}

static void
case_once (Cast *cast)
{
  lock_case_acquire (cast->a);
  g_assert_cmpint (party_do (cast->b, OPERATION_ACQUIRE, 0), ==, OUTCOME_TIMED_OUT);
  lock_case_release (cast->a);
  g_assert_cmpint (party_do (cast->b, OPERATION_ACQUIRE, 0), ==, OUTCOME_TRUE);
  lock_case_release (cast->b);
}

static void
case_timeout (Cast *cast)
{
  gint64 before_usec;

  lock_case_acquire (cast->a);
  before_usec = g_get_monotonic_time ();
  g_assert_cmpint (party_do (cast->b, OPERATION_ACQUIRE, 20 * MSEC), ==, OUTCOME_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - before_usec, >=, 20 * MSEC);
  lock_case_assert_locked (cast, OUTCOME_TRUE);
  lock_case_release (cast->a);
  lock_case_assert_locked (cast, OUTCOME_FALSE);
  g_assert_cmpint (party_do (cast->b, OPERATION_ACQUIRE, 20 * MSEC), ==, OUTCOME_TRUE);
  lock_case_release (cast->b);
}

static void
case_waits (Cast *cast)
{
  for (guint i = 0; i < 20; i++)
    {
      lock_case_acquire (cast->a);
      party_begin (cast->b, OPERATION_ACQUIRE, -1);
      g_assert_true (party_is_pending (cast->b));
      lock_case_release (cast->a);
      g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
      g_assert_cmpint (party_do (cast->b, OPERATION_WAS_ABANDONED, 0), ==, OUTCOME_FALSE);
      g_assert_cmpint (party_do (cast->a, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_WOULD_BLOCK);
      lock_case_release (cast->b);
    }
}

static void
case_alternates (Cast *cast)
{
  Party *holder = cast->a;
  Party *waiter = cast->b;

  lock_case_acquire (holder);

  for (guint i = 0; i < 100; i++)
    {
      Party *last = holder;

      party_begin (waiter, OPERATION_ACQUIRE, -1);
      lock_case_release (holder);
      g_assert_cmpint (party_end (waiter), ==, OUTCOME_TRUE);
      holder = waiter;
      waiter = last;
    }

  lock_case_release (holder);
  lock_case_assert_locked (cast, OUTCOME_FALSE);
}

static void
case_both_wait (Cast *cast)
{
  for (guint i = 0; i < 20; i++)
    {
      lock_case_acquire (cast->c);
      party_begin (cast->a, OPERATION_ACQUIRE, -1);
      party_begin (cast->b, OPERATION_ACQUIRE, -1);
      lock_case_release (cast->c);

      /* Either may be the first, and only that one ends. */
      while (party_is_pending (cast->a) && party_is_pending (cast->b))
        g_thread_yield ();

      if (party_is_pending (cast->b))
        {
          g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
          lock_case_release (cast->a);
          g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
          lock_case_release (cast->b);
        }
      else
        {
          g_assert_true (party_is_pending (cast->a));
          g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
          lock_case_release (cast->b);
          g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
          lock_case_release (cast->a);
        }
    }
}

static void
case_cancelled (Cast *cast)
{
  lock_case_acquire (cast->a);
  party_begin (cast->b, OPERATION_ACQUIRE, -1);
  party_cancel (cast->b);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_CANCELLED);
  lock_case_assert_locked (cast, OUTCOME_TRUE);
  lock_case_release (cast->a);
  lock_case_assert_locked (cast, OUTCOME_FALSE);

  /* Also where the lock is free. */
  g_assert_cmpint (party_do (cast->b, OPERATION_ACQUIRE, -1), ==, OUTCOME_CANCELLED);
  lock_case_assert_locked (cast, OUTCOME_FALSE);
}

static void
case_cancelled_between (Cast *cast)
{
  lock_case_acquire (cast->c);
  party_begin (cast->b, OPERATION_ACQUIRE, -1);
  party_begin (cast->a, OPERATION_ACQUIRE, -1);
  party_cancel (cast->b);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_CANCELLED);
  lock_case_release (cast->c);
  g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
  lock_case_release (cast->a);
}

static void
case_timed_out_between (Cast *cast)
{
  lock_case_acquire (cast->c);
  party_begin (cast->b, OPERATION_ACQUIRE, 2 * MSEC);
  party_begin (cast->a, OPERATION_ACQUIRE, -1);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TIMED_OUT);
  lock_case_release (cast->c);
  g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
  lock_case_release (cast->a);
}

static void
case_release_free (Cast *cast)
{
  g_assert_cmpint (party_do (cast->a, OPERATION_RELEASE, 0), ==, OUTCOME_NOT_OWNER);
  lock_case_acquire (cast->a);
  lock_case_release (cast->a);
  g_assert_cmpint (party_do (cast->a, OPERATION_RELEASE, 0), ==, OUTCOME_NOT_OWNER);
  g_assert_cmpint (party_do (cast->b, OPERATION_RELEASE, 0), ==, OUTCOME_NOT_OWNER);
  lock_case_assert_locked (cast, OUTCOME_FALSE);
}

void
lock_case_holder_dies (Cast *cast)
{
  Party **holder = party_is_here (cast->b) ? &cast->a : &cast->b;
  Party *other = party_is_here (cast->b) ? cast->b : cast->a;

  lock_case_acquire (*holder);
  party_begin (other, OPERATION_ACQUIRE, -1);
  g_assert_true (party_is_pending (other));
  party_kill (*holder);
  g_clear_pointer (holder, party_free);
  g_assert_cmpint (party_end (other), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do (other, OPERATION_WAS_ABANDONED, 0), ==, OUTCOME_TRUE);
  lock_case_release (other);

  /* Once. */
  lock_case_acquire (cast->c);
  lock_case_release (cast->c);
}

static void
case_waiter_dies (Cast *cast)
{
  Party **waiter = party_is_here (cast->b) ? &cast->a : &cast->b;
  Party *other = party_is_here (cast->b) ? cast->b : cast->a;

  lock_case_acquire (cast->c);
  party_begin (*waiter, OPERATION_ACQUIRE, -1);
  party_begin (other, OPERATION_ACQUIRE, -1);
  party_kill (*waiter);
  g_clear_pointer (waiter, party_free);
  lock_case_release (cast->c);
  g_assert_cmpint (party_end (other), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do (other, OPERATION_WAS_ABANDONED, 0), ==, OUTCOME_FALSE);
  lock_case_release (other);
}

static void
case_closed (Cast *cast)
{
  lock_case_acquire (cast->c);
  party_begin (cast->a, OPERATION_ACQUIRE, -1);
  g_assert_cmpint (party_do (cast->c, OPERATION_DISPOSE, 0), ==, OUTCOME_TRUE);

  if (party_is_here (cast->a))
    {
      g_assert_cmpint (party_end (cast->a), ==, OUTCOME_CLOSED);
      g_assert_cmpint (party_do (cast->a, OPERATION_ACQUIRE, -1), ==, OUTCOME_CLOSED);
      g_assert_cmpint (party_do (cast->a, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_CLOSED);
      /* What is held can still be released. */
      lock_case_release (cast->c);
      lock_case_assert_locked (cast, OUTCOME_FALSE);
    }
  else
    {
      /* Nobody else is concerned. */
      g_assert_true (party_is_pending (cast->a));
      lock_case_release (cast->c);
      g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
      lock_case_release (cast->a);
    }
}

const ConformanceCase lock_cases[] = {
  { "acquire", "A lock is held from its acquire to its release, and all see it", case_acquire },
  { "once", "A timeout of 0 looks once", case_once },
  { "timeout", "A held lock is waited for as long as asked, no less", case_timeout },
  { "waits", "Who waits gets the lock when it is released", case_waits },
  { "alternates", "Two hand the lock to each other", case_alternates },
  { "both-wait", "Of two who wait one gets the lock, and then the other", case_both_wait },
  { "cancelled", "Who is cancelled holds nothing", case_cancelled, NEEDS_CANCEL },
  { "cancelled-between", "The next one gets the lock when one is cancelled",
    case_cancelled_between, NEEDS_CANCEL },
  { "timed-out-between", "The next one gets the lock when one's time is over",
    case_timed_out_between },
  { "release-free", "A free lock cannot be released", case_release_free },
  { "waiter-dies", "One who waits and is killed keeps the lock from nobody",
    case_waiter_dies, NEEDS_PROCESS },
  { "closed", "Operations end when the lock is disposed of in their process", case_closed },
};

const guint n_lock_cases = G_N_ELEMENTS (lock_cases);
