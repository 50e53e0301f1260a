/* test-waiter-work.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-test.h"
#include "core-test.h"
#include "waiter-test.h"

#define N_OBJECTS 200

static guint
get_max_workers (void)
{
  return MAX (g_get_num_processors (), 2);
}

/* Operations whose work does not go on before it is let. */
static void
start_works (WaiterTest **tests,
             guint        n_tests)
{
  for (guint i = 0; i < n_tests; i++)
    {
      tests[i] = waiter_test_new ();
      tests[i]->with_work = TRUE;
      atomic_store (&tests[i]->work_stops, 1);
      waiter_test_add (tests[i], 1);
      waiter_test_start (tests[i], -1, NULL);
    }
}

static void
end_works (WaiterTest **tests,
           guint        n_tests)
{
  for (guint i = 0; i < n_tests; i++)
    {
      waiter_test_let_work (tests[i]);
      waiter_test_let_worked (tests[i]);
    }

  for (guint i = 0; i < n_tests; i++)
    {
      waiter_test_wait_for_all (tests[i]);
      g_assert_cmpuint (tests[i]->n_taken, ==, 1);
      g_assert_cmpuint (atomic_load (&tests[i]->n_worked), ==, 1);
      waiter_test_free (tests[i]);
    }
}

static guint
count_working (WaiterTest **tests,
               guint        n_tests)
{
  guint n = 0;

  for (guint i = 0; i < n_tests; i++)
    n += atomic_load (&tests[i]->n_working);

  return n;
}

static void
test_waiter_work_bounded (void)
{
  g_autoptr(WaiterTest) other = waiter_test_new ();
  WaiterTest *tests[N_OBJECTS];
  guint n_threads;

  g_test_summary ("Work of many objects has as many threads as processors; waits have their own");

  n_threads = aioproc_waiter_count_threads ();
  start_works (tests, N_OBJECTS);
  g_assert_cmpuint (aioproc_waiter_count_threads (), <=, n_threads + get_max_workers ());

  /* None of them can end. */
  while (count_working (tests, N_OBJECTS) < get_max_workers ())
    g_thread_yield ();

  g_assert_cmpuint (count_working (tests, N_OBJECTS), ==, get_max_workers ());

  /* Nothing else waits for them. */
  waiter_test_start (other, -1, NULL);
  waiter_test_add (other, 1);
  waiter_test_wait_for_all (other);
  g_assert_cmpuint (other->n_taken, ==, 1);

  end_works (tests, N_OBJECTS);

  /* The threads are there for the next. */
  n_threads = aioproc_waiter_count_threads ();
  start_works (tests, N_OBJECTS);
  end_works (tests, N_OBJECTS);
  g_assert_cmpuint (aioproc_waiter_count_threads (), <=, n_threads);
}

static void
test_waiter_work_asleep (void)
{
  WaiterTest *tests[N_OBJECTS];
  AioprocFamily *family = aioproc_family_get_default (NULL);
  WaiterTest *other;
  guint n_stuck = get_max_workers () + 1;

  g_test_summary ("Work that sleeps on the lock of an object keeps no other work from going on");

  g_assert_cmpuint (aioproc_family_attach (family, NULL), !=, 0);
  g_assert_cmpuint (n_stuck, <, N_OBJECTS);

  for (guint i = 0; i < n_stuck; i++)
    {
      tests[i] = waiter_test_new ();
      tests[i]->with_work = TRUE;
      tests[i]->with_lock = TRUE;
      g_assert_cmpint (aioproc_lock_word_try (waiter_test_get_lock (tests[i]), family), ==,
                       AIOPROC_LOCK_TAKEN);
      waiter_test_add (tests[i], 1);
      waiter_test_start (tests[i], -1, NULL);
    }

  other = waiter_test_new ();
  other->with_work = TRUE;
  waiter_test_add (other, 1);
  waiter_test_start (other, -1, NULL);
  waiter_test_wait_for_all (other);
  g_assert_cmpuint (other->n_taken, ==, 1);
  waiter_test_free (other);

  for (guint i = 0; i < n_stuck; i++)
    {
      g_assert_cmpuint (tests[i]->n_ended, ==, 0);
      g_assert_true (aioproc_lock_word_release (waiter_test_get_lock (tests[i]), family));
    }

  end_works (tests, n_stuck);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/waiter-work/bounded", test_waiter_work_bounded);
  aioproc_test_add_func ("/aioproc/waiter-work/asleep", test_waiter_work_asleep);

  return g_test_run ();
}
