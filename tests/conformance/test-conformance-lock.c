/* test-conformance-lock.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-test.h"
#include "core/core-test.h"
#include "lock-cases.h"

#define MSEC G_TIME_SPAN_MILLISECOND

static void
case_try (Cast *cast)
{
  g_assert_cmpint (party_do (cast->a, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do (cast->b, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_WOULD_BLOCK);
  g_assert_cmpint (party_do (cast->a, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_WOULD_BLOCK);
  lock_case_release (cast->a);
  g_assert_cmpint (party_do (cast->b, OPERATION_TRY_ACQUIRE, 0), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do (cast->b, OPERATION_WAS_ABANDONED, 0), ==, OUTCOME_FALSE);
  lock_case_release (cast->b);
}

static void
case_not_recursive (Cast *cast)
{
  lock_case_acquire (cast->a);
  g_assert_cmpint (party_do (cast->a, OPERATION_ACQUIRE, 2 * MSEC), ==, OUTCOME_TIMED_OUT);
  lock_case_release (cast->a);
  lock_case_assert_locked (cast, OUTCOME_FALSE);
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
      lock_case_assert_locked (cast, OUTCOME_FALSE);
    }
  else
    {
      g_assert_cmpint (party_do (cast->b, OPERATION_RELEASE, 0), ==, OUTCOME_NOT_OWNER);
      lock_case_assert_locked (cast, OUTCOME_TRUE);
      lock_case_release (cast->a);
    }
}

static const ConformanceCase cases[] = {
  { "try", "A held lock is not waited for by who only tries", case_try },
  { "not-recursive", "Who holds the lock cannot acquire it again", case_not_recursive },
  { "release-other", "The process that holds the lock can release it, and no other",
    case_release_other },
  LOCK_CASE_HOLDER_DIES,
};

static gpointer
create (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_LOCK, NULL);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);
  conformance_add ("lock", create, lock_cases, n_lock_cases);
  conformance_add ("lock", create, cases, G_N_ELEMENTS (cases));

  return g_test_run ();
}
