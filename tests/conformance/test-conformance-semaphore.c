/* test-conformance-semaphore.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-test.h"
#include "core/core-test.h"
#include "lock-cases.h"

/* A semaphore of one unit: so it is a lock as well. */

static void
post (Party *party)
{
  g_assert_cmpint (party_do (party, OPERATION_POST, 0), ==, OUTCOME_TRUE);
}

static void
consume (Party *party)
{
  g_assert_cmpint (party_do (party, OPERATION_CONSUME, 0), ==, OUTCOME_TRUE);
}

/* So many units are free, for @party as for all. */
static void
assert_free (Party *party,
             guint  n_units)
{
  for (guint i = 0; i < n_units; i++)
    g_assert_cmpint (party_do (party, OPERATION_ACQUIRE, -1), ==, OUTCOME_TRUE);

  g_assert_cmpint (party_do (party, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_WOULD_BLOCK);

  for (guint i = 0; i < n_units; i++)
    lock_case_release (party);
}

static void
case_units (Cast *cast)
{
  post (cast->a);
  post (cast->b);

  for (guint i = 0; i < 3; i++)
    {
      lock_case_acquire (cast->a);
      lock_case_acquire (cast->a);
      lock_case_assert_locked (cast, OUTCOME_FALSE);
      lock_case_acquire (cast->b);
      lock_case_assert_locked (cast, OUTCOME_TRUE);
      g_assert_cmpint (party_do (cast->c, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_WOULD_BLOCK);
      lock_case_release (cast->a);
      lock_case_acquire (cast->c);
      g_assert_cmpint (party_do (cast->b, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_WOULD_BLOCK);
      lock_case_release (cast->b);
      lock_case_release (cast->c);
      lock_case_release (cast->a);
      assert_free (cast->a, 3);
      assert_free (cast->b, 3);
    }
}

static void
case_release_other (Cast *cast)
{
  gboolean same = party_is_here (cast->a) && party_is_here (cast->b);

  lock_case_acquire (cast->a);

  /* The holder is the process. */
  if (same)
    {
      lock_case_release (cast->b);
    }
  else
    {
      g_assert_cmpint (party_do (cast->b, OPERATION_RELEASE, 0), ==, OUTCOME_NOT_OWNER);
      g_assert_cmpint (party_do (cast->b, OPERATION_CONSUME, 0), ==, OUTCOME_NOT_OWNER);
      lock_case_assert_locked (cast, OUTCOME_TRUE);
      lock_case_release (cast->a);
    }

  assert_free (cast->b, 1);
}

static void
case_post (Cast *cast)
{
  lock_case_acquire (cast->c);

  for (guint i = 0; i < 20; i++)
    {
      party_begin (cast->b, OPERATION_ACQUIRE, -1);
      g_assert_true (party_is_pending (cast->b));
      post (cast->a);
      g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
      lock_case_assert_locked (cast, OUTCOME_TRUE);
      consume (cast->b);
    }

  lock_case_release (cast->c);
  assert_free (cast->a, 1);
}

static void
case_post_two (Cast *cast)
{
  for (guint i = 0; i < 20; i++)
    {
      lock_case_acquire (cast->c);
      party_begin (cast->a, OPERATION_ACQUIRE, -1);
      party_begin (cast->b, OPERATION_ACQUIRE, -1);
      post (cast->c);
      post (cast->c);
      g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
      g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
      lock_case_assert_locked (cast, OUTCOME_TRUE);
      consume (cast->a);
      consume (cast->b);
      lock_case_release (cast->c);
    }

  assert_free (cast->b, 1);
}

static void
case_consume (Cast *cast)
{
  g_assert_cmpint (party_do (cast->a, OPERATION_CONSUME, 0), ==, OUTCOME_NOT_OWNER);
  lock_case_acquire (cast->a);
  consume (cast->a);
  g_assert_cmpint (party_do (cast->a, OPERATION_CONSUME, 0), ==, OUTCOME_NOT_OWNER);
  g_assert_cmpint (party_do (cast->a, OPERATION_RELEASE, 0), ==, OUTCOME_NOT_OWNER);
  assert_free (cast->b, 0);
  post (cast->b);
  assert_free (cast->a, 1);
}

static void
case_holder_dies (Cast *cast)
{
  Party **holder = party_is_here (cast->b) ? &cast->a : &cast->b;
  Party *other = party_is_here (cast->b) ? cast->b : cast->a;

  post (*holder);
  lock_case_acquire (*holder);
  lock_case_acquire (*holder);
  party_begin (other, OPERATION_ACQUIRE, -1);
  g_assert_true (party_is_pending (other));
  party_kill (*holder);
  g_clear_pointer (holder, party_free);
  g_assert_cmpint (party_end (other), ==, OUTCOME_TRUE);
  lock_case_acquire (cast->c);
  g_assert_cmpint (party_do (other, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_WOULD_BLOCK);
  lock_case_release (other);
  lock_case_release (cast->c);
  assert_free (cast->c, 2);
}

static void
case_consumer_dies (Cast *cast)
{
  Party **victim = party_is_here (cast->b) ? &cast->a : &cast->b;
  Party *other = party_is_here (cast->b) ? cast->b : cast->a;

  post (*victim);
  lock_case_acquire (*victim);
  lock_case_acquire (*victim);
  consume (*victim);
  post (*victim);
  consume (*victim);
  party_kill (*victim);
  g_clear_pointer (victim, party_free);
  assert_free (other, 1);
  assert_free (cast->c, 1);
}

static void
assert_value (Cast  *cast,
              guint  expected)
{
  Party *parties[] = { cast->a, cast->b, cast->c };

  for (guint i = 0; i < G_N_ELEMENTS (parties); i++)
    {
      g_assert_cmpint (party_do (parties[i], OPERATION_GET_VALUE, 0), ==, OUTCOME_TRUE);
      g_assert_cmpuint (party_get_value (parties[i]), ==, expected);
    }
}

static void
case_value (Cast *cast)
{
  gboolean same = party_is_here (cast->a) && party_is_here (cast->b);

  assert_value (cast, 1);
  post (cast->a);
  post (cast->b);
  assert_value (cast, 3);
  lock_case_acquire (cast->a);
  assert_value (cast, 2);
  lock_case_acquire (cast->b);
  assert_value (cast, 1);

  /* What the process holds. */
  g_assert_cmpint (party_do (cast->a, OPERATION_GET_HELD, 0), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (cast->a), ==, same ? 2 : 1);
  g_assert_cmpint (party_do (cast->b, OPERATION_GET_HELD, 0), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (cast->b), ==, same ? 2 : 1);

  consume (cast->a);
  assert_value (cast, 1);
  lock_case_release (cast->b);
  assert_value (cast, 2);
  g_assert_cmpint (party_do (cast->b, OPERATION_GET_HELD, 0), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (cast->b), ==, 0);
}

static const ConformanceCase cases[] = {
  { "value", "All know how many units are free, and how many their process holds", case_value },
  { "units", "As many hold a unit as there are, and no more", case_units },
  { "release-other", "The process that holds a unit can give it back or up, and no other",
    case_release_other },
  { "post", "Who waits gets the unit that another makes", case_post },
  { "post-two", "Two who wait get the two units that another makes", case_post_two },
  { "consume", "A unit that is held can be given up, once", case_consume },
  { "holder-dies", "All units of a holder that is killed come back", case_holder_dies,
    NEEDS_PROCESS },
  { "consumer-dies", "What a process that is killed has posted and consumed stays so",
    case_consumer_dies, NEEDS_PROCESS },
};

/* --- The bounds of what it begins with, of either kind --- */

#define MAX_UNITS 1048575

static void
case_none (Cast *cast)
{
  assert_value (cast, 0);
  g_assert_cmpint (party_do (cast->a, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_WOULD_BLOCK);
  g_assert_cmpint (party_do (cast->b, OPERATION_ACQUIRE, 0), ==, OUTCOME_TIMED_OUT);
  g_assert_cmpint (party_do (cast->a, OPERATION_RELEASE, 0), ==, OUTCOME_NOT_OWNER);
  assert_value (cast, 0);
}

static void
case_none_yet (Cast *cast)
{
  case_none (cast);
  party_begin (cast->b, OPERATION_ACQUIRE, -1);
  g_assert_true (party_is_pending (cast->b));
  post (cast->a);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
  consume (cast->b);
  case_none (cast);
}

static void
assert_full (Party *party)
{
  g_assert_cmpint (party_do (party, OPERATION_POST, 0), ==, OUTCOME_INVALID_STATE);
}

static void
case_most (Cast *cast)
{
  assert_value (cast, MAX_UNITS);
  assert_full (cast->a);
  lock_case_acquire (cast->a);
  lock_case_acquire (cast->b);
  assert_value (cast, MAX_UNITS - 2);
  /* Those that are held count. */
  assert_full (cast->b);
  consume (cast->a);
  post (cast->b);
  assert_full (cast->a);
  lock_case_release (cast->b);
  assert_value (cast, MAX_UNITS);
}

static void
case_never (Cast *cast)
{
  case_none (cast);
  assert_full (cast->a);
  assert_full (cast->b);
  case_none (cast);
}

static const ConformanceCase none_cases[] = {
  { "none-yet", "Where there are no units at first, those that are posted can be had",
    case_none_yet },
};

static const ConformanceCase most_cases[] = {
  { "most", "There can be as many units as this, free and held, and no more", case_most },
};

static const ConformanceCase never_cases[] = {
  { "never", "Of no units there are never more", case_never },
};

/* --- Bounded --- */

static void
case_full (Cast *cast)
{
  assert_full (cast->a);
  assert_full (cast->b);
  /* One that is held is one all the same. */
  lock_case_acquire (cast->a);
  assert_full (cast->a);
  assert_full (cast->b);
  lock_case_release (cast->a);
  assert_full (cast->b);
  assert_free (cast->b, 1);
}

static void
case_full_again (Cast *cast)
{
  for (guint i = 0; i < 3; i++)
    {
      lock_case_acquire (cast->a);
      consume (cast->a);
      lock_case_assert_locked (cast, OUTCOME_TRUE);
      post (cast->b);
      assert_full (cast->a);
      assert_free (cast->b, 1);
    }
}

static void
case_full_dead (Cast *cast)
{
  Party **holder = party_is_here (cast->b) ? &cast->a : &cast->b;
  Party *other = party_is_here (cast->b) ? cast->b : cast->a;

  lock_case_acquire (*holder);
  party_kill (*holder);
  g_clear_pointer (holder, party_free);
  /* It was not released, and is there nevertheless. */
  assert_full (other);
  assert_free (other, 1);
  assert_full (other);
}

static const ConformanceCase bounded_cases[] = {
  { "full", "There are never more units than there were", case_full },
  { "full-again", "A unit can be made for one that was given up", case_full_again },
  { "full-dead", "A unit of a dead process counts", case_full_dead, NEEDS_PROCESS },
};

static gpointer
create (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_SEMAPHORE, NULL);
}

static gpointer
create_bounded (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_BOUNDED_SEMAPHORE, NULL);
}

static gpointer
create_none (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_SEMAPHORE, "initial-value", 0, NULL);
}

static gpointer
create_most (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_SEMAPHORE, "initial-value", MAX_UNITS, NULL);
}

static gpointer
create_bounded_none (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_BOUNDED_SEMAPHORE, "initial-value", 0, NULL);
}

static gpointer
create_bounded_most (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_BOUNDED_SEMAPHORE, "initial-value", MAX_UNITS, NULL);
}

static void
add_refused (guint value)
{
  conformance_add_refused ("semaphore", AIOPROC_TYPE_SEMAPHORE, "initial-value", value);
  conformance_add_refused ("bounded-semaphore", AIOPROC_TYPE_BOUNDED_SEMAPHORE, "initial-value",
                           value);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);
  conformance_add ("semaphore", create, lock_cases, n_lock_cases);
  conformance_add ("semaphore", create, cases, G_N_ELEMENTS (cases));
  conformance_add ("bounded-semaphore", create_bounded, lock_cases, n_lock_cases);
  conformance_add ("bounded-semaphore", create_bounded, bounded_cases,
                   G_N_ELEMENTS (bounded_cases));
  conformance_add ("semaphore", create_none, none_cases, G_N_ELEMENTS (none_cases));
  conformance_add ("semaphore", create_most, most_cases, G_N_ELEMENTS (most_cases));
  conformance_add ("bounded-semaphore", create_bounded_none, never_cases,
                   G_N_ELEMENTS (never_cases));
  conformance_add ("bounded-semaphore", create_bounded_most, most_cases,
                   G_N_ELEMENTS (most_cases));
  add_refused (MAX_UNITS + 1);
  add_refused (G_MAXUINT);

  return g_test_run ();
}
