/* test-conformance-rlock.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-test.h"
#include "core/core-test.h"
#include "lock-cases.h"

static void
assert_owned (Party   *party,
              Outcome  expected)
{
  g_assert_cmpint (party_do (party, OPERATION_IS_OWNED, 0), ==, expected);
}

static void
case_try (Cast *cast)
{
  g_assert_cmpint (party_do (cast->a, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do (cast->b, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_WOULD_BLOCK);
  g_assert_cmpint (party_do (cast->a, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_TRUE);
  lock_case_release (cast->a);
  g_assert_cmpint (party_do (cast->b, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_WOULD_BLOCK);
  lock_case_release (cast->a);
  g_assert_cmpint (party_do (cast->b, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_TRUE);
  lock_case_release (cast->b);
}

static void
case_recursive (Cast *cast)
{
  for (guint i = 0; i < 100; i++)
    lock_case_acquire (cast->a);

  for (guint i = 0; i < 100; i++)
    {
      lock_case_assert_locked (cast, OUTCOME_TRUE);
      lock_case_release (cast->a);
    }

  lock_case_assert_locked (cast, OUTCOME_FALSE);
  lock_case_acquire (cast->b);
  lock_case_release (cast->b);
}

static void
case_recursive_waits (Cast *cast)
{
  for (guint i = 0; i < 20; i++)
    {
      lock_case_acquire (cast->a);
      party_begin (cast->b, OPERATION_ACQUIRE, -1);
      /* Past the one that waits. */
      lock_case_acquire (cast->a);
      g_assert_cmpint (party_do (cast->a, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_TRUE);
      g_assert_cmpint (party_do (cast->a, OPERATION_ACQUIRE, 0), ==, OUTCOME_TRUE);

      for (guint j = 0; j < 4; j++)
        {
          g_assert_true (party_is_pending (cast->b));
          lock_case_release (cast->a);
        }

      g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
      lock_case_acquire (cast->b);
      lock_case_release (cast->b);
      g_assert_cmpint (party_do (cast->a, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_WOULD_BLOCK);
      lock_case_release (cast->b);
      lock_case_assert_locked (cast, OUTCOME_FALSE);
    }
}

static void
case_owned (Cast *cast)
{
  assert_owned (cast->a, OUTCOME_FALSE);
  assert_owned (cast->b, OUTCOME_FALSE);
  lock_case_acquire (cast->a);
  assert_owned (cast->a, OUTCOME_TRUE);
  assert_owned (cast->b, OUTCOME_FALSE);
  lock_case_acquire (cast->a);
  lock_case_release (cast->a);
  assert_owned (cast->a, OUTCOME_TRUE);
  assert_owned (cast->c, OUTCOME_FALSE);
  lock_case_release (cast->a);
  assert_owned (cast->a, OUTCOME_FALSE);
}

static void
case_release_other (Cast *cast)
{
  lock_case_acquire (cast->a);
  g_assert_cmpint (party_do (cast->b, OPERATION_RELEASE, 0), ==, OUTCOME_NOT_OWNER);
  g_assert_cmpint (party_do (cast->c, OPERATION_RELEASE, 0), ==, OUTCOME_NOT_OWNER);
  lock_case_assert_locked (cast, OUTCOME_TRUE);
  lock_case_release (cast->a);
  lock_case_assert_locked (cast, OUTCOME_FALSE);
}

static void
case_recursive_cancelled (Cast *cast)
{
  lock_case_acquire (cast->b);
  party_cancel (cast->b);
  g_assert_cmpint (party_do (cast->b, OPERATION_ACQUIRE, -1), ==, OUTCOME_CANCELLED);
  lock_case_release (cast->b);
  lock_case_assert_locked (cast, OUTCOME_FALSE);
}

static void
case_recursive_holder_dies (Cast *cast)
{
  Party **holder = party_is_here (cast->b) ? &cast->a : &cast->b;
  Party *other = party_is_here (cast->b) ? cast->b : cast->a;

  for (guint i = 0; i < 3; i++)
    lock_case_acquire (*holder);

  party_begin (other, OPERATION_ACQUIRE, -1);
  party_kill (*holder);
  g_clear_pointer (holder, party_free);
  g_assert_cmpint (party_end (other), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do (other, OPERATION_WAS_ABANDONED, 0), ==, OUTCOME_TRUE);

  /* Not as deep as it was. */
  g_assert_cmpint (party_do (other, OPERATION_ACQUIRE, -1), ==, OUTCOME_TRUE);
  lock_case_release (other);
  assert_owned (other, OUTCOME_TRUE);
  lock_case_release (other);
  assert_owned (other, OUTCOME_FALSE);
  lock_case_acquire (cast->c);
  lock_case_release (cast->c);
}

static void
case_recursive_closed (Cast *cast)
{
  lock_case_acquire (cast->c);
  lock_case_acquire (cast->c);
  g_assert_cmpint (party_do (cast->c, OPERATION_DISPOSE, 0), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do (cast->c, OPERATION_ACQUIRE, -1), ==, OUTCOME_CLOSED);
  g_assert_cmpint (party_do (cast->c, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_CLOSED);
  lock_case_release (cast->c);
  lock_case_assert_locked (cast, OUTCOME_TRUE);
  lock_case_release (cast->c);
  lock_case_assert_locked (cast, OUTCOME_FALSE);
}

static const ConformanceCase cases[] = {
  { "try", "A held lock is not waited for by who only tries, and had by who holds it", case_try },
  { "recursive", "A lock is free when it was released as often as acquired", case_recursive },
  { "recursive-waits", "Who holds the lock acquires it again although others wait",
    case_recursive_waits },
  { "owned", "Everybody knows whether they hold the lock", case_owned },
  { "release-other", "Only who holds the lock can release it", case_release_other },
  { "recursive-cancelled", "Who is cancelled does not acquire what they hold",
    case_recursive_cancelled, NEEDS_CANCEL },
  { "recursive-holder-dies", "The lock of a holder that is killed is had once, however deep it was",
    case_recursive_holder_dies, NEEDS_PROCESS },
  { "recursive-closed", "A lock that was disposed of is not acquired again, but released",
    case_recursive_closed },
  LOCK_CASE_HOLDER_DIES,
};

static gpointer
create (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_RLOCK, NULL);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);
  conformance_add ("rlock", create, lock_cases, n_lock_cases);
  conformance_add ("rlock", create, cases, G_N_ELEMENTS (cases));

  return g_test_run ();
}
