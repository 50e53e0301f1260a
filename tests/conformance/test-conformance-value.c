/* test-conformance-value.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-test.h"
#include "conformance.h"
#include "core/core-test.h"

#define MSEC G_TIME_SPAN_MILLISECOND

static void
assert_value (Party   *party,
              guint64  expected)
{
  g_assert_cmpint (party_do (party, OPERATION_LOAD, 0), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (party), ==, expected);
}

static void
store (Party   *party,
       guint64  value)
{
  g_assert_cmpint (party_do_with (party, OPERATION_STORE, value, 0), ==, OUTCOME_TRUE);
}

/* Tells what was there. */
static guint64
add (Party   *party,
     guint64  delta)
{
  g_assert_cmpint (party_do_with (party, OPERATION_ADD, delta, 0), ==, OUTCOME_TRUE);

  return party_get_value (party);
}

static void
case_content (Cast *cast)
{
  assert_value (cast->a, 0);
  assert_value (cast->b, 0);

  for (guint64 i = 1; i < 50; i++)
    {
      store (cast->a, i);
      assert_value (cast->b, i);
      assert_value (cast->c, i);
      store (cast->b, i << 40);
      assert_value (cast->a, i << 40);
    }
}

static void
case_add (Cast *cast)
{
  for (guint64 i = 0; i < 30; i++)
    {
      g_assert_cmpuint (add (cast->a, 1), ==, 3 * i);
      g_assert_cmpuint (add (cast->b, 2), ==, 3 * i + 1);
    }

  assert_value (cast->c, 90);
}

static void
case_swap (Cast *cast)
{
  /* From 0 to the number. */
  g_assert_cmpint (party_do_with (cast->a, OPERATION_SWAP, 5, 0), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_SWAP, 6, 0), ==, OUTCOME_FALSE);
  g_assert_cmpuint (party_get_value (cast->b), ==, 5);
  assert_value (cast->c, 5);
  store (cast->c, 0);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_SWAP, 6, 0), ==, OUTCOME_TRUE);
  assert_value (cast->a, 6);
}

static void
case_lock (Cast *cast)
{
  g_assert_cmpint (party_do (cast->a, OPERATION_ACQUIRE, -1), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do (cast->b, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_WOULD_BLOCK);
  g_assert_cmpint (party_do (cast->b, OPERATION_ACQUIRE, 2 * MSEC), ==, OUTCOME_TIMED_OUT);

  /* The number itself waits for nobody. */
  store (cast->b, 3);
  assert_value (cast->a, 3);

  party_begin (cast->b, OPERATION_ACQUIRE, -1);
  g_assert_true (party_is_pending (cast->b));
  g_assert_cmpint (party_do (cast->a, OPERATION_RELEASE, 0), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do (cast->b, OPERATION_RELEASE, 0), ==, OUTCOME_TRUE);
}

static void
case_killed (Cast *cast)
{
  Party *victim = party_is_here (cast->b) ? cast->a : cast->b;
  Party *other = victim == cast->a ? cast->b : cast->a;

  g_assert_cmpint (party_do (victim, OPERATION_ACQUIRE, -1), ==, OUTCOME_TRUE);
  store (victim, 7);
  party_begin (other, OPERATION_ACQUIRE, -1);
  g_assert_true (party_is_pending (other));
  party_kill (victim);
  g_assert_cmpint (party_end (other), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do (other, OPERATION_WAS_ABANDONED, 0), ==, OUTCOME_TRUE);
  assert_value (other, 7);
  g_assert_cmpint (party_do (other, OPERATION_RELEASE, 0), ==, OUTCOME_TRUE);
}

static const ConformanceCase cases[] = {
  { "content", "What one sets the others get", case_content },
  { "add", "Sums of several come together", case_add },
  { "swap", "Only one swaps what both expect", case_swap },
  { "lock", "The lock comes along, and excludes", case_lock },
  { "killed", "A killed process leaves its number, and the lock to the next", case_killed,
    NEEDS_PROCESS },
};

static gpointer
create_value (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_VALUE,
                          "value", g_variant_new_uint64 (0),
                          NULL);
}

static gpointer
create_array (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_ARRAY,
                          "type-string", "t",
                          "length", (guint64) 100,
                          NULL);
}

/* With a lock that was there before. */
static gpointer
create_with_lock (const Backend *backend)
{
  g_autoptr(GObject) lock = backend->create (AIOPROC_TYPE_LOCK, NULL);

  return backend->create (AIOPROC_TYPE_VALUE,
                          "lock", lock,
                          "value", g_variant_new_uint64 (0),
                          NULL);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);
  conformance_add_memory ("value", create_value, cases, G_N_ELEMENTS (cases));
  conformance_add_memory ("value-with-lock", create_with_lock, cases, G_N_ELEMENTS (cases));
  conformance_add_memory ("array", create_array, cases, G_N_ELEMENTS (cases));

  return g_test_run ();
}
