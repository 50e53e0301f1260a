/* test-conformance-condition.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-test.h"
#include "conformance.h"
#include "core/core-test.h"

#define MSEC G_TIME_SPAN_MILLISECOND

static void
acquire (Party *party)
{
  g_assert_cmpint (party_do (party, OPERATION_ACQUIRE, -1), ==, OUTCOME_TRUE);
}

static void
release (Party *party)
{
  g_assert_cmpint (party_do (party, OPERATION_RELEASE, 0), ==, OUTCOME_TRUE);
}

/* Whoever acquires the lock after this finds @party waiting. */
static void
begin_wait (Party *party)
{
  acquire (party);
  party_begin (party, OPERATION_WAIT, -1);
}

static void
notify (Party     *party,
        Operation  operation)
{
  acquire (party);
  g_assert_cmpint (party_do (party, operation, 0), ==, OUTCOME_TRUE);
  release (party);
}

/* Waits until one of both has ended its wait, which it has with success, and holds the lock. */
static Party *
end_either (Party *a,
            Party *b)
{
  Party *ended;

  while (party_is_pending (a) && party_is_pending (b))
    g_main_context_iteration (NULL, FALSE);

  ended = party_is_pending (a) ? b : a;
  g_assert_cmpint (party_end (ended), ==, OUTCOME_TRUE);
  g_assert_true (party_is_pending (ended == a ? b : a));

  return ended;
}

static void
case_notify (Cast *cast)
{
  for (guint i = 0; i < 20; i++)
    {
      Party *waiter = i % 2 == 0 ? cast->a : cast->b;
      Party *other = i % 2 == 0 ? cast->b : cast->a;

      begin_wait (waiter);
      acquire (other);
      g_assert_cmpint (party_do (other, OPERATION_NOTIFY, 0), ==, OUTCOME_TRUE);
      /* It has to have the lock first. */
      g_assert_true (party_is_pending (waiter));
      release (other);
      g_assert_cmpint (party_end (waiter), ==, OUTCOME_TRUE);
      g_assert_cmpint (party_do (other, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_WOULD_BLOCK);
      release (waiter);
    }
}

static void
case_nobody (Cast *cast)
{
  notify (cast->a, OPERATION_NOTIFY);
  notify (cast->a, OPERATION_NOTIFY_ALL);

  /* It is gone. */
  acquire (cast->b);
  g_assert_cmpint (party_do (cast->b, OPERATION_WAIT, 2 * MSEC), ==, OUTCOME_TIMED_OUT);
  release (cast->b);
}

static void
case_one_of_two (Cast *cast)
{
  for (guint i = 0; i < 20; i++)
    {
      Party *first;

      begin_wait (cast->a);
      begin_wait (cast->b);
      notify (cast->c, OPERATION_NOTIFY);
      first = end_either (cast->a, cast->b);
      release (first);

      /* The other was not told. */
      acquire (cast->c);
      g_assert_true (party_is_pending (first == cast->a ? cast->b : cast->a));
      g_assert_cmpint (party_do (cast->c, OPERATION_NOTIFY, 0), ==, OUTCOME_TRUE);
      release (cast->c);
      g_assert_cmpint (party_end (first == cast->a ? cast->b : cast->a), ==, OUTCOME_TRUE);
      release (first == cast->a ? cast->b : cast->a);
    }
}

static void
case_all (Cast *cast)
{
  for (guint i = 0; i < 20; i++)
    {
      Party *first;
      Party *second;

      begin_wait (cast->a);
      begin_wait (cast->b);
      notify (cast->c, OPERATION_NOTIFY_ALL);
      first = end_either (cast->a, cast->b);
      second = first == cast->a ? cast->b : cast->a;
      release (first);
      g_assert_cmpint (party_end (second), ==, OUTCOME_TRUE);
      release (second);
    }
}

static void
case_more_than_wait (Cast *cast)
{
  for (guint i = 0; i < 10; i++)
    {
      Party *first;
      Party *second;

      begin_wait (cast->a);
      begin_wait (cast->b);
      acquire (cast->c);
      g_assert_cmpint (party_do_with (cast->c, OPERATION_NOTIFY, i == 0 ? 2 : 10, 0), ==,
                       OUTCOME_TRUE);
      release (cast->c);
      first = end_either (cast->a, cast->b);
      second = first == cast->a ? cast->b : cast->a;
      release (first);
      g_assert_cmpint (party_end (second), ==, OUTCOME_TRUE);

      /* Nothing is left for the next one. */
      g_assert_cmpint (party_do (second, OPERATION_WAIT, 1 * MSEC), ==, OUTCOME_TIMED_OUT);
      release (second);
    }
}

static void
case_wait_for (Cast *cast)
{
  for (guint i = 0; i < 10; i++)
    {
      guint n_notified = 0;

      /* Not where it need not. */
      acquire (cast->b);
      g_assert_cmpint (party_do_with (cast->b, OPERATION_WAIT_FOR, 1, -1), ==, OUTCOME_TRUE);
      g_assert_cmpint (party_do (cast->a, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_WOULD_BLOCK);

      party_begin_with (cast->b, OPERATION_WAIT_FOR, 4, -1);

      while (party_is_pending (cast->b))
        {
          /* Not where it has ended by now, and holds the lock. */
          if (party_do (cast->a, OPERATION_TRY_ACQUIRE, 0) != OUTCOME_TRUE)
            continue;

          g_assert_cmpint (party_do (cast->a, OPERATION_NOTIFY, 0), ==, OUTCOME_TRUE);
          release (cast->a);
          n_notified++;
        }

      /* It looks before, and after each. */
      g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
      g_assert_cmpuint (n_notified, >=, 3);
      g_assert_cmpint (party_do (cast->a, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_WOULD_BLOCK);
      release (cast->b);
    }
}

static void
case_wait_for_timeout (Cast *cast)
{
  gint64 before_usec;

  g_assert_cmpint (party_do_with (cast->b, OPERATION_WAIT_FOR, 1, -1), ==, OUTCOME_NOT_OWNER);

  acquire (cast->b);
  before_usec = g_get_monotonic_time ();
  g_assert_cmpint (party_do_with (cast->b, OPERATION_WAIT_FOR, G_MAXUINT64, 20 * MSEC), ==,
                   OUTCOME_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - before_usec, >=, 20 * MSEC);
  /* It looks once more, at the end. */
  g_assert_cmpint (party_do_with (cast->b, OPERATION_WAIT_FOR, 2, 1 * MSEC), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do (cast->a, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_WOULD_BLOCK);
  release (cast->b);
}

static void
case_late (Cast *cast)
{
  for (guint i = 0; i < 20; i++)
    {
      begin_wait (cast->b);
      acquire (cast->c);
      g_assert_cmpint (party_do (cast->c, OPERATION_NOTIFY, 0), ==, OUTCOME_TRUE);
      party_begin (cast->c, OPERATION_WAIT, -1);
      g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
      g_assert_true (party_is_pending (cast->c));
      g_assert_cmpint (party_do (cast->b, OPERATION_NOTIFY, 0), ==, OUTCOME_TRUE);
      release (cast->b);
      g_assert_cmpint (party_end (cast->c), ==, OUTCOME_TRUE);
      release (cast->c);
    }
}

static void
case_timeout (Cast *cast)
{
  gint64 before_usec = g_get_monotonic_time ();

  acquire (cast->b);
  g_assert_cmpint (party_do (cast->b, OPERATION_WAIT, 0), ==, OUTCOME_TIMED_OUT);
  g_assert_cmpint (party_do (cast->b, OPERATION_WAIT, 20 * MSEC), ==, OUTCOME_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - before_usec, >=, 20 * MSEC);
  /* It holds the lock. */
  g_assert_cmpint (party_do (cast->a, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_WOULD_BLOCK);
  release (cast->b);

  /* Who has timed out cannot be told. */
  begin_wait (cast->a);
  notify (cast->b, OPERATION_NOTIFY);
  g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
  release (cast->a);
}

static void
case_cancelled (Cast *cast)
{
  begin_wait (cast->a);
  begin_wait (cast->b);
  acquire (cast->c);
  party_cancel (cast->b);
  /* It waits for the lock now. */
  g_assert_true (party_is_pending (cast->b));
  release (cast->c);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_CANCELLED);
  g_assert_true (party_is_pending (cast->a));
  g_assert_cmpint (party_do (cast->c, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_WOULD_BLOCK);

  /* The one that still waits is the one that is told. */
  g_assert_cmpint (party_do (cast->b, OPERATION_NOTIFY, 0), ==, OUTCOME_TRUE);
  release (cast->b);
  g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
  release (cast->a);
}

static void
case_not_owner (Cast *cast)
{
  g_assert_cmpint (party_do (cast->a, OPERATION_WAIT, -1), ==, OUTCOME_NOT_OWNER);
  g_assert_cmpint (party_do (cast->a, OPERATION_NOTIFY, 0), ==, OUTCOME_NOT_OWNER);
  g_assert_cmpint (party_do (cast->b, OPERATION_NOTIFY_ALL, 0), ==, OUTCOME_NOT_OWNER);
}

/* The holder of a lock is the process. */
static void
case_other_holds_lock (Cast *cast)
{
  gboolean same = party_is_here (cast->a) && party_is_here (cast->b);
  Outcome expected = same ? OUTCOME_TRUE : OUTCOME_NOT_OWNER;

  acquire (cast->b);
  g_assert_cmpint (party_do (cast->a, OPERATION_NOTIFY, 0), ==, expected);
  g_assert_cmpint (party_do (cast->a, OPERATION_NOTIFY_ALL, 0), ==, expected);
  g_assert_cmpint (party_do (cast->a, OPERATION_WAIT, 0), ==,
                   same ? OUTCOME_TIMED_OUT : OUTCOME_NOT_OWNER);
  release (cast->b);
}

static void
case_other_holds_rlock (Cast *cast)
{
  acquire (cast->b);
  g_assert_cmpint (party_do (cast->a, OPERATION_WAIT, -1), ==, OUTCOME_NOT_OWNER);
  g_assert_cmpint (party_do (cast->a, OPERATION_NOTIFY_ALL, 0), ==, OUTCOME_NOT_OWNER);
  release (cast->b);
}

static void
case_recursive (Cast *cast)
{
  acquire (cast->b);
  acquire (cast->b);
  party_begin (cast->b, OPERATION_WAIT, -1);
  notify (cast->a, OPERATION_NOTIFY);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
  release (cast->b);
  g_assert_cmpint (party_do (cast->a, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_WOULD_BLOCK);
  release (cast->b);
  acquire (cast->a);
  release (cast->a);
}

static void
case_waiter_dies (Cast *cast)
{
  Party **waiter = party_is_here (cast->b) ? &cast->a : &cast->b;
  Party *other = party_is_here (cast->b) ? cast->b : cast->a;

  begin_wait (*waiter);
  begin_wait (other);
  acquire (cast->c);
  party_kill (*waiter);
  g_clear_pointer (waiter, party_free);
  g_assert_true (party_is_pending (other));
  g_assert_cmpint (party_do (cast->c, OPERATION_NOTIFY, 0), ==, OUTCOME_TRUE);
  release (cast->c);
  g_assert_cmpint (party_end (other), ==, OUTCOME_TRUE);
  release (other);
  notify (cast->c, OPERATION_NOTIFY_ALL);
}

static void
case_notified_dies (Cast *cast)
{
  Party **waiter = party_is_here (cast->b) ? &cast->a : &cast->b;
  Party *other = party_is_here (cast->b) ? cast->b : cast->a;

  begin_wait (*waiter);
  begin_wait (other);
  acquire (cast->c);
  /* One of them, which cannot go on before the lock is free. */
  g_assert_cmpint (party_do (cast->c, OPERATION_NOTIFY, 0), ==, OUTCOME_TRUE);
  party_kill (*waiter);
  g_clear_pointer (waiter, party_free);
  release (cast->c);
  g_assert_cmpint (party_end (other), ==, OUTCOME_TRUE);
  release (other);
}

static void
case_closed (Cast *cast)
{
  begin_wait (cast->a);
  acquire (cast->c);
  g_assert_cmpint (party_do (cast->c, OPERATION_DISPOSE, 0), ==, OUTCOME_TRUE);
  g_assert_true (party_is_pending (cast->a));

  if (party_is_here (cast->a))
    {
      release (cast->c);
      g_assert_cmpint (party_end (cast->a), ==, OUTCOME_CLOSED);
      g_assert_cmpint (party_do (cast->a, OPERATION_WAIT, -1), ==, OUTCOME_CLOSED);
    }
  else
    {
      /* Nobody else is concerned. */
      g_assert_cmpint (party_do (cast->c, OPERATION_NOTIFY, 0), ==, OUTCOME_TRUE);
      release (cast->c);
      g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
    }

  release (cast->a);
}

static const ConformanceCase cases[] = {
  { "notify", "Who was notified goes on, with the lock", case_notify },
  { "nobody", "A notification that nobody waits for is gone", case_nobody },
  { "one-of-two", "One notification is for one", case_one_of_two },
  { "all", "All who wait are notified, and go on one after the other", case_all },
  { "more-than-wait", "A notification for more than wait is for those who do",
    case_more_than_wait },
  { "wait-for", "Who waits for something looks before, and whenever it is notified",
    case_wait_for },
  { "wait-for-timeout", "Who waits for something looks once more when the time is over",
    case_wait_for_timeout },
  { "late", "Who begins to wait after a notification does not take it", case_late },
  { "timeout", "A wait lasts as long as asked, no less, and ends with the lock", case_timeout },
  { "cancelled", "Who is cancelled has the lock, and takes no notification", case_cancelled,
    NEEDS_CANCEL },
  { "not-owner", "Who does not hold the lock can neither wait nor notify", case_not_owner },
  { "waiter-dies", "A waiter that was killed is skipped", case_waiter_dies, NEEDS_PROCESS },
  { "notified-dies", "What one was told who is killed before it goes on, another is told",
    case_notified_dies, NEEDS_PROCESS },
  { "closed", "Waits end, with the lock, when the condition is disposed of in their process",
    case_closed },
};

static const ConformanceCase lock_cases[] = {
  { "other-holds", "Who holds the lock is the process", case_other_holds_lock },
};

static const ConformanceCase rlock_cases[] = {
  { "other-holds", "Nobody waits or notifies for another who holds the lock",
    case_other_holds_rlock },
  { "recursive", "A wait gives up the lock however deep it was, and gets it back as deep",
    case_recursive },
};

static gpointer
create_over (const Backend *backend,
             GType          lock_type)
{
  g_autoptr(GObject) lock = backend->create (lock_type, NULL);

  return backend->create (AIOPROC_TYPE_CONDITION, "lock", lock, NULL);
}

static gpointer
create_over_lock (const Backend *backend)
{
  return create_over (backend, AIOPROC_TYPE_LOCK);
}

static gpointer
create_over_rlock (const Backend *backend)
{
  return create_over (backend, AIOPROC_TYPE_RLOCK);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);
  conformance_add ("condition/lock", create_over_lock, cases, G_N_ELEMENTS (cases));
  conformance_add ("condition/lock", create_over_lock, lock_cases, G_N_ELEMENTS (lock_cases));
  conformance_add ("condition/rlock", create_over_rlock, cases, G_N_ELEMENTS (cases));
  conformance_add ("condition/rlock", create_over_rlock, rlock_cases,
                   G_N_ELEMENTS (rlock_cases));

  return g_test_run ();
}
