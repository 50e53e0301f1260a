/* test-conformance-memory.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-test.h"
#include "conformance.h"
#include "core/core-test.h"

#define SIZE     1000u
#define MAX_SIZE 100000u

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

static void
assert_size (Cast    *cast,
             guint64  expected)
{
  Party *parties[] = { cast->a, cast->b, cast->c };

  for (guint i = 0; i < G_N_ELEMENTS (parties); i++)
    {
      g_assert_cmpint (party_do (parties[i], OPERATION_GET_SIZE, 0), ==, OUTCOME_TRUE);
      g_assert_cmpuint (party_get_value (parties[i]), ==, expected);
    }
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
      store (cast->b, ~i);
      assert_value (cast->a, ~i);
    }
}

static void
case_resize (Cast *cast)
{
  store (cast->a, 5);
  assert_size (cast, SIZE);
  g_assert_cmpint (party_do_with (cast->a, OPERATION_RESIZE, 20 * SIZE, 0), ==, OUTCOME_TRUE);
  assert_size (cast, 20 * SIZE);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_RESIZE, MAX_SIZE, 0), ==, OUTCOME_TRUE);
  assert_size (cast, MAX_SIZE);

  /* Neither less, nor more. */
  g_assert_cmpint (party_do_with (cast->a, OPERATION_RESIZE, SIZE, 0), ==, OUTCOME_OTHER);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_RESIZE, 2 * MAX_SIZE, 0), ==, OUTCOME_OTHER);
  assert_size (cast, MAX_SIZE);
  assert_value (cast->b, 5);
}

static void
case_killed (Cast *cast)
{
  Party *victim = party_is_here (cast->b) ? cast->a : cast->b;
  Party *other = victim == cast->a ? cast->b : cast->a;

  g_assert_cmpint (party_do_with (victim, OPERATION_RESIZE, 2 * SIZE, 0), ==, OUTCOME_TRUE);
  store (victim, 7);
  party_kill (victim);
  assert_value (other, 7);
  store (other, 8);
  assert_value (cast->c, 8);
  g_assert_cmpint (party_do_with (cast->c, OPERATION_RESIZE, 3 * SIZE, 0), ==, OUTCOME_TRUE);
}

static const ConformanceCase cases[] = {
  { "content", "What one writes the others read", case_content },
  { "resize", "Anybody makes it larger, for all", case_resize },
  { "killed", "What a killed process has written stays", case_killed, NEEDS_PROCESS },
};

static void
case_list_killed (Cast *cast)
{
  Party *victim = party_is_here (cast->b) ? cast->a : cast->b;
  Party *other = victim == cast->a ? cast->b : cast->a;

  assert_size (cast, 3);
  store (victim, 7);
  party_kill (victim);
  assert_value (other, 7);
  store (other, 8);
  assert_value (cast->c, 8);
}

static const ConformanceCase list_cases[] = {
  { "content", "What one sets the others get", case_content },
  { "killed", "What a killed process has set stays", case_list_killed, NEEDS_PROCESS },
};

static gpointer
create_list (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_SHARED_LIST,
                          "items", g_variant_new_parsed ("('text', uint64 0, 0.5)"),
                          NULL);
}

static gpointer
create (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_SHARED_MEMORY,
                          "size", (guint64) SIZE,
                          "max-size", (guint64) MAX_SIZE,
                          NULL);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);
  conformance_add_memory ("shared-memory", create, cases, G_N_ELEMENTS (cases));
  conformance_add_memory ("shared-list", create_list, list_cases, G_N_ELEMENTS (list_cases));

  return g_test_run ();
}
