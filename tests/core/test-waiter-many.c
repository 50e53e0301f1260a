/* test-waiter-many.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <sys/resource.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "core-test.h"
#include "waiter-test.h"

#define N_STORM   10000
#define N_PENDING 100000
#define N_THREADS 16

typedef struct {
  GCancellable **cancellables;
  guint          step;
  guint          first;
} StormRun;

static gpointer
storm_run (gpointer data)
{
  StormRun *run = data;

  for (guint i = run->first; i < N_STORM; i += run->step)
    g_cancellable_cancel (run->cancellables[i]);

  return NULL;
}

static void
test_waiter_storm (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();
  GCancellable **cancellables = g_new (GCancellable *, N_STORM);
  StormRun runs[] = { { cancellables, 2, 0 }, { cancellables, 2, 1 } };
  GThread *threads[3];

  g_test_summary ("10,000 operations are cancelled by two threads while a third one serves them");

  for (guint i = 0; i < N_STORM; i++)
    {
      cancellables[i] = g_cancellable_new ();
      waiter_test_start (test, i % 3 == 0 ? G_TIME_SPAN_HOUR : -1, cancellables[i]);
    }

  threads[0] = g_thread_new ("cancel", storm_run, &runs[0]);
  threads[1] = g_thread_new ("cancel", storm_run, &runs[1]);
  threads[2] = waiter_test_add_in_thread (test, N_STORM / 10);
  waiter_test_wait_for_all (test);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);

  g_assert_cmpuint (test->n_taken + test->n_cancelled, ==, N_STORM);
  g_assert_cmpuint (waiter_test_count (test) + test->n_taken, ==, N_STORM / 10);

  for (guint i = 0; i < N_STORM; i++)
    g_assert_finalize_object (cancellables[i]);

  g_free (cancellables);
}

static void
test_waiter_storm_one (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();

  g_test_summary ("One cancellable ends 10,000 operations");

  test->cancellable = g_cancellable_new ();
  waiter_test_start_many (test, N_STORM, -1, test->cancellable);
  g_cancellable_cancel (test->cancellable);
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_cancelled, ==, N_STORM);
}

static void
test_waiter_storm_timeout (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();

  g_test_summary ("10,000 operations time out, at as many moments");

  for (guint i = 0; i < N_STORM; i++)
    waiter_test_start (test, 1 + (i * 7919) % 50000, NULL);

  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_timed_out, ==, N_STORM);
}

static void
test_waiter_pending (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();
  guint n_threads;

  g_test_summary ("100,000 operations are pending on one object, and need one thread");

  waiter_test_start (test, -1, NULL);
  n_threads = aioproc_waiter_count_threads ();
  waiter_test_start_many (test, N_PENDING - 1, -1, NULL);
  g_assert_cmpuint (aioproc_waiter_count_threads (), ==, n_threads);
  waiter_test_add (test, N_PENDING);
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_taken, ==, N_PENDING);
  g_assert_true (test->in_order);
}

static void
test_waiter_pending_closed (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();

  g_test_summary ("100,000 pending operations end when their queue is closed");

  waiter_test_start_many (test, N_PENDING, -1, NULL);
  aioproc_wait_queue_close (test->queue);
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_closed, ==, N_PENDING);
}

/* Threads with contexts of their own. */
typedef struct {
  WaiterTest      *test;
  guint            n_ended;
  GThread         *thread;
} ContextRun;

static void
context_ended_cb (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  ContextRun *run = user_data;

  g_assert_true (g_task_propagate_boolean (G_TASK (result), NULL));
  g_assert_true (g_thread_self () == run->thread);
  run->n_ended++;
}

static gpointer
context_run (gpointer data)
{
  ContextRun *run = data;
  g_autoptr(GMainContext) context = g_main_context_new ();

  run->thread = g_thread_self ();
  g_main_context_push_thread_default (context);

  for (guint i = 0; i < 50; i++)
    {
      for (guint j = 0; j < 10; j++)
        waiter_test_start_task (run->test, g_task_new (run->test->object, NULL, context_ended_cb,
                                                       run), -1);

      /* For any of them. */
      waiter_test_add (run->test, 5);
      aioproc_wait_queue_serve (run->test->queue);
      waiter_test_add (run->test, 5);
      aioproc_test_wait_until (run->n_ended == (i + 1) * 10);
    }

  g_main_context_pop_thread_default (context);

  return NULL;
}

static void
test_waiter_contexts (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();
  ContextRun runs[N_THREADS] = { { NULL } };
  GThread *threads[N_THREADS];

  g_test_summary ("Threads get their operations back on contexts of their own");

  for (guint i = 0; i < N_THREADS; i++)
    {
      runs[i].test = test;
      threads[i] = g_thread_new ("context", context_run, &runs[i]);
    }

  for (guint i = 0; i < N_THREADS; i++)
    {
      g_thread_join (threads[i]);
      g_assert_cmpuint (runs[i].n_ended, ==, 500);
    }

  g_assert_cmpuint (waiter_test_count (test), ==, 0);
}

static void
test_waiter_objects (void)
{
  WaiterTest *tests[300];
  guint n_threads = aioproc_waiter_count_threads ();

  g_test_summary ("Operations on many objects end, also when groups of them come and go");

  for (guint round = 0; round < 3; round++)
    {
      for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
        {
          tests[i] = waiter_test_new ();
          waiter_test_start (tests[i], -1, NULL);
        }

      if (aioproc_futex_has_waitv ())
        g_assert_cmpuint (aioproc_waiter_count_threads (), <=, n_threads + 4);

      for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
        {
          WaiterTest *test = tests[i * 7 % G_N_ELEMENTS (tests)];

          waiter_test_add (test, 1);
          waiter_test_wait_for_all (test);
          g_assert_cmpuint (test->n_taken, ==, 1);
        }

      for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
        waiter_test_free (tests[i]);
    }
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/waiter-many/storm/each", test_waiter_storm);
  aioproc_test_add_func ("/aioproc/waiter-many/storm/one", test_waiter_storm_one);
  aioproc_test_add_func ("/aioproc/waiter-many/storm/timeout", test_waiter_storm_timeout);
  aioproc_test_add_func ("/aioproc/waiter-many/pending/taken", test_waiter_pending);
  aioproc_test_add_func ("/aioproc/waiter-many/pending/closed", test_waiter_pending_closed);
  aioproc_test_add_func ("/aioproc/waiter-many/contexts", test_waiter_contexts);
  aioproc_test_add_func ("/aioproc/waiter-many/objects", test_waiter_objects);

  return g_test_run ();
}
