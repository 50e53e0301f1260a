/* test-waiter-end.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-test.h"
#include "core-test.h"
#include "waiter-test.h"

/* What an operation does beside its attempts: when it ends without its way, and when there is more
 * that it waits for.
 */

static void
test_waiter_end_give_up_sync (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();

  g_test_summary ("A blocking operation that ends without its way gives up what it has begun");

  waiter_test_add (test, 1);
  g_assert_true (waiter_test_take (test, -1, NULL, NULL));
  g_assert_cmpuint (atomic_load (&test->n_given_up), ==, 0);
  g_assert_false (waiter_test_take (test, 0, NULL, NULL));
  g_assert_cmpuint (atomic_load (&test->n_given_up), ==, 1);
  g_assert_false (waiter_test_take (test, G_TIME_SPAN_MILLISECOND, NULL, NULL));
  g_assert_cmpuint (atomic_load (&test->n_given_up), ==, 2);
  g_cancellable_cancel (cancellable);
  g_assert_false (waiter_test_take (test, -1, cancellable, NULL));
  g_assert_cmpuint (atomic_load (&test->n_given_up), ==, 3);

  /* Unless that tells it that it is over. */
  test->is_over = TRUE;
  g_assert_true (waiter_test_take (test, 0, NULL, NULL));
  g_assert_true (waiter_test_take (test, -1, cancellable, NULL));
  g_assert_cmpuint (atomic_load (&test->n_given_up), ==, 5);

  test->is_over = FALSE;
  aioproc_wait_queue_close (test->queue);
  g_assert_false (waiter_test_take (test, -1, NULL, NULL));
  g_assert_cmpuint (atomic_load (&test->n_given_up), ==, 6);
}

/* All ways to end, of which none needs this thread's main context. */
static void
end_in_all_ways (WaiterTest *test)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GCancellable) cancelled = g_cancellable_new ();

  g_cancellable_cancel (cancelled);
  waiter_test_start (test, -1, cancelled);
  g_assert_cmpuint (atomic_load (&test->n_given_up), ==, 1);
  waiter_test_start (test, 0, NULL);
  g_assert_cmpuint (atomic_load (&test->n_given_up), ==, 2);

  waiter_test_start (test, -1, cancellable);
  waiter_test_start (test, 5 * G_TIME_SPAN_MILLISECOND, NULL);
  waiter_test_start (test, -1, NULL);
  g_cancellable_cancel (cancellable);

  while (atomic_load (&test->n_given_up) < 4)
    g_thread_yield ();

  aioproc_wait_queue_close (test->queue);
  g_assert_cmpuint (atomic_load (&test->n_given_up), ==, 5);
  waiter_test_start (test, -1, NULL);
  g_assert_cmpuint (atomic_load (&test->n_given_up), ==, 6);

  g_assert_cmpuint (test->n_ended, ==, 0);
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (atomic_load (&test->n_given_up), ==, 6);
}

static void
test_waiter_end_give_up_async (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();

  g_test_summary ("An operation that ends without its way gives up before its main context knows");

  waiter_test_add (test, 1);
  waiter_test_start (test, -1, NULL);
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (atomic_load (&test->n_given_up), ==, 0);
  test->n_started = 0;
  test->n_ended = 0;
  g_array_set_size (test->ended_usec, 0);

  end_in_all_ways (test);
  g_assert_cmpuint (test->n_cancelled, ==, 2);
  g_assert_cmpuint (test->n_timed_out, ==, 2);
  g_assert_cmpuint (test->n_closed, ==, 2);
}

static void
test_waiter_end_give_up_over (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();

  g_test_summary ("An operation that learns so late that it was over succeeds");

  test->is_over = TRUE;
  end_in_all_ways (test);
  g_assert_cmpuint (test->n_taken, ==, 6);
}

static void
test_waiter_end_go_on (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();

  g_test_summary ("An operation of two parts goes from one to the other without its main context");

  test->with_two = TRUE;
  waiter_test_add (test, 1);
  /* One has its first token at once, the other one will have to wait for both. */
  waiter_test_start (test, -1, NULL);
  g_assert_cmpuint (waiter_test_count (test), ==, 0);
  waiter_test_start (test, -1, cancellable);

  /* The first one ends, the second one goes on, and is cancelled then, or about then. */
  waiter_test_add (test, 2);
  aioproc_test_wait_until (test->n_ended == 1);
  g_assert_cmpuint (test->n_taken, ==, 1);

  while (waiter_test_count (test) > 0)
    g_thread_yield ();

  g_cancellable_cancel (cancellable);

  while (atomic_load (&test->n_given_up) == 0)
    g_thread_yield ();

  g_assert_cmpuint (test->n_ended, ==, 1);
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_cancelled, ==, 1);

  /* Many, in one step. */
  waiter_test_start_many (test, 1000, -1, NULL);
  waiter_test_add (test, 2000);
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_taken, ==, 1001);
  g_assert_cmpuint (waiter_test_count (test), ==, 0);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/waiter-end/give-up/sync", test_waiter_end_give_up_sync);
  aioproc_test_add_func ("/aioproc/waiter-end/give-up/async", test_waiter_end_give_up_async);
  aioproc_test_add_func ("/aioproc/waiter-end/give-up/over", test_waiter_end_give_up_over);
  aioproc_test_add_func ("/aioproc/waiter-end/go-on", test_waiter_end_go_on);

  return g_test_run ();
}
