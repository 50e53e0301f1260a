/* test-waiter.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "core-test.h"
#include "core/aioproc-waiter-private.h"
#include "platform/platform-test.h"
#include "waiter-test.h"

static gpointer
cancel_run (gpointer data)
{
  g_cancellable_cancel (data);

  return NULL;
}

/* --- Operations that block --- */

static void
test_waiter_sync (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();
  g_autoptr(GError) error = NULL;
  gint64 before_usec;

  g_test_summary ("A blocking operation takes what is there, and waits as long as it may, no less");

  waiter_test_add (test, 1);
  g_assert_true (waiter_test_take (test, -1, NULL, &error));
  g_assert_no_error (error);
  waiter_test_add (test, 1);
  g_assert_true (waiter_test_take (test, 0, NULL, &error));
  g_assert_no_error (error);

  g_assert_false (waiter_test_take (test, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpstr (error->message, ==, "Timed out waiting to take from event “tokens”");
  g_clear_error (&error);
  g_assert_cmpuint (waiter_test_count_withdrawn (test), ==, 0);

  before_usec = g_get_monotonic_time ();
  g_assert_false (waiter_test_take (test, 20 * G_TIME_SPAN_MILLISECOND, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_cmpint (g_get_monotonic_time () - before_usec, >=, 20 * G_TIME_SPAN_MILLISECOND);
  g_assert_cmpuint (waiter_test_count_withdrawn (test), ==, 1);

  /* So long that the moment cannot be counted. */
  waiter_test_add_later (test, 1);
  g_assert_true (waiter_test_take (test, G_MAXINT64, NULL, &error));
  g_assert_no_error (error);
  waiter_test_join (test);
}

static void
test_waiter_sync_cancelled (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;

  g_test_summary ("A blocking operation that is cancelled before takes nothing");

  waiter_test_add (test, 1);
  g_cancellable_cancel (cancellable);
  g_assert_false (waiter_test_take (test, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (waiter_test_count (test), ==, 1);
}

static gpointer
cancel_sleeper_run (gpointer data)
{
  WaiterTest *test = data;

  platform_test_wait_for_state (getpid (), core_test_wait_for_any (&test->sleeper), 'S');
  g_cancellable_cancel (test->cancellable);

  return NULL;
}

static void
test_waiter_sync_cancelled_asleep (void)
{
  g_test_summary ("A blocking operation that is cancelled while it sleeps ends, and withdraws");

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr(WaiterTest) test = waiter_test_new ();
      g_autoptr(GError) error = NULL;
      GThread *thread;

      test->cancellable = g_cancellable_new ();
      core_test_store (&test->sleeper, gettid ());
      thread = g_thread_new ("cancel", cancel_sleeper_run, test);
      g_assert_false (waiter_test_take (test, -1, test->cancellable, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_thread_join (thread);

      /* Unless it was cancelled before it could sleep. */
      g_assert_cmpuint (waiter_test_count_withdrawn (test), <=, 1);
    }
}

static gpointer
close_sleeper_run (gpointer data)
{
  WaiterTest *test = data;

  platform_test_wait_for_state (getpid (), core_test_wait_for_any (&test->sleeper), 'S');
  aioproc_wait_queue_close (test->queue);

  return NULL;
}

static void
test_waiter_sync_closed (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();
  g_autoptr(GError) error = NULL;
  GThread *thread;

  g_test_summary ("A blocking operation ends when its queue is closed, and so do later ones");

  core_test_store (&test->sleeper, gettid ());
  thread = g_thread_new ("close", close_sleeper_run, test);
  g_assert_false (waiter_test_take (test, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_thread_join (thread);
  g_assert_true (aioproc_wait_queue_is_closed (test->queue));

  waiter_test_add (test, 1);
  g_assert_false (waiter_test_take (test, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
}

static void
test_waiter_sync_retry (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();
  g_autoptr(GError) error = NULL;

  g_test_summary ("An attempt that asks to be made again at some time is made again");

  atomic_store (&test->ready_usec, g_get_monotonic_time () + 20 * G_TIME_SPAN_MILLISECOND);
  waiter_test_add (test, 1);
  g_assert_true (waiter_test_take (test, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_get_monotonic_time (), >=, atomic_load (&test->ready_usec));
}

/* --- Asynchronous ones --- */

static void
test_waiter_sync_awake (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();

  g_test_summary ("A blocking operation stays awake for what comes soon");

  test->n_peeks_needed = 3;

  /* Soon is a few microseconds, in which another program may have the processor. */
  do
    waiter_test_take_awake (test, -1);
  while (test->n_peeked_attempts > 1);

  g_assert_cmpuint (test->n_peeks, ==, 3);

  waiter_test_take_awake (test, 0);
  g_assert_cmpuint (test->n_peeks, ==, 0);
}

static void
test_waiter_sync_hasty (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();
  guint n_hasty = 64;

  g_test_summary ("The more often it was awake in vain, the seldomer it is");

  for (guint i = 0; i < 4; i++)
    {
      waiter_test_take_awake (test, -1);
      g_assert_cmpuint (test->n_peeks, >, 0);
      g_assert_cmpuint (test->n_peeked_attempts, ==, 2);

      for (guint j = 0; j < n_hasty; j++)
        {
          waiter_test_take_awake (test, -1);
          g_assert_cmpuint (test->n_peeks, ==, 0);
          g_assert_cmpuint (test->n_peeked_attempts, ==, 2);
        }

      n_hasty *= 2;
    }
}

static void
test_waiter_async_order (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();

  g_test_summary ("Pending operations end in the order in which they began");

  waiter_test_add (test, 1);
  waiter_test_start_many (test, 101, -1, NULL);
  g_assert_cmpuint (test->n_ended, ==, 0);

  for (guint i = 0; i < 100; i += 10)
    waiter_test_add (test, 10);

  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_taken, ==, 101);
  g_assert_true (test->in_order);
  g_assert_false (aioproc_wait_queue_has_pending (test->queue));
}

static void
test_waiter_async_order_served (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();

  g_test_summary ("Operations that this process serves end in order, with those handed over");

  waiter_test_start_many (test, 100, -1, NULL);

  for (guint i = 0; i < 50; i++)
    {
      g_assert_true (aioproc_wait_queue_hand_over (test->queue, NULL));
      atomic_fetch_add (test->word, 1);
      aioproc_wait_queue_serve (test->queue);
    }

  g_assert_cmpuint (test->n_ended, ==, 0);
  g_assert_false (aioproc_wait_queue_has_pending (test->queue));
  g_assert_false (aioproc_wait_queue_hand_over (test->queue, NULL));
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_taken, ==, 100);
  g_assert_true (test->in_order);
}

static void
test_waiter_async_timeout (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();
  gint64 before_usec = g_get_monotonic_time ();

  g_test_summary ("Pending operations time out, each at its time, and the others wait on");

  waiter_test_start (test, -1, NULL);
  waiter_test_start (test, 40 * G_TIME_SPAN_MILLISECOND, NULL);
  waiter_test_start (test, 20 * G_TIME_SPAN_MILLISECOND, NULL);
  waiter_test_start (test, G_MAXINT64, NULL);
  waiter_test_start (test, 0, NULL);
  g_assert_cmpuint (test->n_ended, ==, 0);

  aioproc_test_wait_until (test->n_timed_out == 3);
  g_assert_cmpuint (test->n_ended, ==, 3);
  g_assert_cmpint (waiter_test_get_ended (test, 1) - before_usec,
                   >=, 40 * G_TIME_SPAN_MILLISECOND);
  g_assert_cmpint (waiter_test_get_ended (test, 2) - before_usec,
                   >=, 20 * G_TIME_SPAN_MILLISECOND);
  g_assert_cmpint (waiter_test_get_ended (test, 4), >, 0);

  waiter_test_add (test, 2);
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_taken, ==, 2);
}

static void
test_waiter_async_timeout_behind (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();

  g_test_summary ("An operation with a timeout is not forgotten by a thread that sleeps already");

  waiter_test_start (test, -1, NULL);

  for (guint i = 0; i < 20; i++)
    {
      /* Into the sleep of the thread, at any point. */
      core_test_pass_time (g_random_int_range (0, 200));
      waiter_test_start (test, 1 + i * 100, NULL);
      aioproc_test_wait_until (test->n_timed_out == i + 1);
    }

  waiter_test_add (test, 1);
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_taken, ==, 1);
}

static void
test_waiter_async_retry (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();

  g_test_summary ("A pending operation is tried again when its attempt asked for it");

  atomic_store (&test->ready_usec, g_get_monotonic_time () + 20 * G_TIME_SPAN_MILLISECOND);
  waiter_test_add (test, 1);
  waiter_test_start (test, -1, NULL);
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_taken, ==, 1);
  g_assert_cmpint (g_get_monotonic_time (), >=, atomic_load (&test->ready_usec));
}

static void
test_waiter_async_retry_watched (void)
{
  g_test_summary ("So is one whose word is watched already, for one that was before it");

  for (guint i = 0; i < 50; i++)
    {
      g_autoptr(WaiterTest) test = waiter_test_new ();

      waiter_test_start (test, -1, NULL);
      /* Until the thread that watches sleeps: some of these are long enough. */
      core_test_pass_time (i * 50);

      /* Nothing wakes it: it goes on to watch. */
      atomic_store (test->word, 1);
      aioproc_wait_queue_serve (test->queue);
      atomic_store (&test->ready_usec, g_get_monotonic_time () + 5 * G_TIME_SPAN_MILLISECOND);
      atomic_store (test->word, 1);
      waiter_test_start (test, -1, NULL);
      waiter_test_wait_for_all (test);
      g_assert_cmpuint (test->n_taken, ==, 2);
    }
}

static void
test_waiter_async_cancelled (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();

  g_test_summary ("A cancelled operation takes nothing, unless it had taken before");

  /* After. */
  waiter_test_add (test, 1);
  waiter_test_start (test, -1, cancellable);
  /* While. */
  waiter_test_start (test, -1, cancellable);
  waiter_test_start (test, -1, NULL);
  g_cancellable_cancel (cancellable);
  /* Before. */
  waiter_test_start (test, -1, cancellable);

  aioproc_test_wait_until (test->n_ended == 3);
  g_assert_cmpuint (test->n_taken, ==, 1);
  g_assert_cmpuint (test->n_cancelled, ==, 2);

  waiter_test_add (test, 1);
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_taken, ==, 2);
}

static void
test_waiter_async_cancelled_served (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();

  g_test_summary ("An operation that was served when it is cancelled is delivered");

  waiter_test_start (test, -1, cancellable);
  atomic_fetch_add (test->word, 1);
  aioproc_wait_queue_serve (test->queue);
  g_cancellable_cancel (cancellable);
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_taken, ==, 1);
}

static void
test_waiter_async_passes_on (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();

  g_test_summary ("A process that no longer waits passes the wake-up on that it takes");

  waiter_test_start (test, -1, cancellable);
  g_cancellable_cancel (cancellable);
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_cancelled, ==, 1);

  /* Its thread sleeps on the word still: this wakes it. */
  waiter_test_add (test, 1);

  while (waiter_test_count_withdrawn (test) == 0)
    g_thread_yield ();

  g_assert_true (waiter_test_take (test, 0, NULL, NULL));
}

static void
test_waiter_async_closed (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();

  g_test_summary ("Closing ends what is pending, once, and what begins later");

  waiter_test_start_many (test, 100, -1, NULL);
  waiter_test_start (test, 10 * G_TIME_SPAN_SECOND, NULL);
  aioproc_wait_queue_close (test->queue);
  g_assert_cmpuint (test->n_ended, ==, 0);
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_closed, ==, 101);
  g_assert_true (test->in_order);

  waiter_test_start (test, -1, NULL);
  aioproc_wait_queue_close (test->queue);
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_closed, ==, 102);
}

static void
test_waiter_async_work (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();

  g_test_summary ("The long part of operations is done on other threads, before they end");

  test->with_work = TRUE;
  waiter_test_add (test, 5);
  waiter_test_start_many (test, 10, -1, NULL);
  waiter_test_add (test, 5);
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_taken, ==, 10);
  g_assert_cmpuint (atomic_load (&test->n_worked), ==, 10);
  g_assert_false (atomic_load (&test->worked_here));

  waiter_test_add (test, 1);
  g_assert_true (waiter_test_take (test, -1, NULL, NULL));
  g_assert_cmpuint (atomic_load (&test->n_worked), ==, 11);
  g_assert_true (atomic_load (&test->worked_here));
}

static void
test_waiter_async_worked (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();

  g_test_summary ("No operation's end waits for what another thread does behind its work");

  test->with_work = TRUE;
  test->with_worked = TRUE;
  atomic_store (&test->worked_stops, 1);
  waiter_test_add (test, 2);
  waiter_test_start_many (test, 2, -1, NULL);
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_taken, ==, 2);
  g_assert_cmpuint (atomic_load (&test->n_refs), >=, 1);

  /* They are in the middle of it, and what they need is there. */
  waiter_test_let_worked (test);
}

/* --- Re-entrance --- */

static void
nested_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  WaiterTest *test = user_data;
  guint n_ended = test->n_ended;

  waiter_test_ended_cb (source, result, test);

  if (test->depth == 0)
    return;

  /* Those behind us in the same batch end inside, and so do new ones. */
  test->depth--;
  waiter_test_start_with (test, -1, NULL, nested_cb);
  aioproc_wait_queue_hand_over (test->queue, NULL);
  aioproc_test_wait_until (test->n_ended >= n_ended + 3);
}

static void
test_waiter_nested_loop (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();

  g_test_summary ("A callback may iterate the main context, and wait there for other operations");

  test->depth = 20;

  for (guint i = 0; i < 100; i++)
    waiter_test_start_with (test, -1, NULL, nested_cb);

  waiter_test_add (test, 100 - 10);
  aioproc_test_wait_until (test->n_ended >= 80);

  while (aioproc_wait_queue_has_pending (test->queue))
    waiter_test_add (test, 1);

  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_taken, ==, test->n_started);
}

static void
cancelled_iterates_cb (GCancellable *cancellable,
                       gpointer      user_data)
{
  WaiterTest *test = user_data;

  aioproc_test_wait_until (test->n_ended == 2);
}

static void
test_waiter_nested_in_cancelled (gconstpointer data)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  gboolean first = data != NULL;

  g_test_summary ("A handler of a cancellable may iterate the context until its operations ended");

  if (first)
    g_cancellable_connect (cancellable, G_CALLBACK (cancelled_iterates_cb), test, NULL);

  waiter_test_start (test, -1, cancellable);
  waiter_test_start (test, -1, cancellable);

  if (first)
    {
      /* One that ends otherwise inside of the handler. */
      g_assert_true (aioproc_wait_queue_hand_over (test->queue, NULL));
      g_assert_true (aioproc_wait_queue_hand_over (test->queue, NULL));
    }
  else
    {
      g_cancellable_connect (cancellable, G_CALLBACK (cancelled_iterates_cb), test, NULL);
    }

  g_cancellable_cancel (cancellable);
  g_assert_cmpuint (test->n_taken, ==, first ? 2 : 0);
  g_assert_cmpuint (test->n_cancelled, ==, first ? 0 : 2);
}

static void
cancel_others_cb (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  WaiterTest *test = user_data;

  waiter_test_ended_cb (source, result, test);
  g_cancellable_cancel (test->cancellable);
}

static void
test_waiter_cancel_in_callback (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();

  g_test_summary ("A callback may cancel others, also those that end in the same batch");

  test->cancellable = g_cancellable_new ();
  waiter_test_start_with (test, -1, NULL, cancel_others_cb);
  waiter_test_start_many (test, 50, -1, test->cancellable);
  waiter_test_add (test, 10);
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_taken + test->n_cancelled, ==, 51);
  g_assert_cmpuint (test->n_taken, >=, 1);
  g_assert_cmpuint (waiter_test_count (test) + test->n_taken, ==, 10);
}

/* --- Forks, and what runs out --- */

typedef struct {
  WaiterTest   *test;
  GCancellable *cancellable;   /* of what is pending in the parent */
} ForkRun;

static int
forked_run (gpointer user_data)
{
  ForkRun *run = user_data;
  WaiterTest *test = run->test;
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GError) error = NULL;

  atomic_store (&test->ready_usec, 0);
  g_main_context_push_thread_default (context);
  core_test_attach (aioproc_shm_get_family (test->shm));

  for (guint i = 0; i < 3; i++)
    {
      waiter_test_start (test, -1, NULL);
      g_assert_true (aioproc_wait_queue_has_pending (test->queue));

      if (i == 0)
        g_cancellable_cancel (run->cancellable);

      g_assert_true (aioproc_wait_queue_has_pending (test->queue));
      waiter_test_add (test, 1);
      aioproc_test_wait_until (test->n_ended == i + 1);
      g_assert_cmpuint (test->n_taken, ==, i + 1);
      g_assert_false (aioproc_wait_queue_has_pending (test->queue));
    }

  g_assert_false (waiter_test_take (test, 1000, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);

  return 0;
}

static void
test_waiter_fork (void)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  ForkRun run = { test, cancellable };
  pid_t pid;

  g_test_summary ("A forked child has none of what is pending, and can do operations of its own");

  waiter_test_start_many (test, 10, -1, cancellable);
  waiter_test_start (test, 60 * G_TIME_SPAN_SECOND, cancellable);
  /* What the child adds is not for the parent. */
  atomic_store (&test->ready_usec, g_get_monotonic_time () + G_TIME_SPAN_HOUR);
  pid = platform_test_fork (forked_run, &run);
  platform_test_wait_success (pid);

  g_assert_cmpuint (test->n_ended, ==, 0);
  atomic_store (&test->ready_usec, 0);
  waiter_test_add (test, 11);
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_taken, ==, 11);
}

static int
no_threads_run (gpointer user_data)
{
  g_autoptr(WaiterTest) test = waiter_test_new ();

  /* GLib itself aborts where it cannot start the thread that the type needs. */
  g_type_ensure (G_TYPE_TASK);

  if (!platform_test_deny_syscall (SYS_clone3, EAGAIN) ||
      !platform_test_deny_syscall (SYS_clone, EAGAIN))
    return 77;

  waiter_test_start_many (test, 3, -1, NULL);
  g_assert_cmpuint (test->n_ended, ==, 0);
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_failed, ==, 3);
  g_assert_cmpuint (atomic_load (&test->n_given_up), ==, test->n_failed);
  g_assert_false (aioproc_wait_queue_has_pending (test->queue));

  /* What need not wait needs no thread; work is done here then. */
  test->with_work = TRUE;
  waiter_test_add (test, 2);
  waiter_test_start_many (test, 2, -1, NULL);
  waiter_test_wait_for_all (test);
  g_assert_cmpuint (test->n_taken, ==, 2);
  g_assert_false (waiter_test_take (test, 1000, NULL, NULL));

  return 0;
}

static void
test_waiter_no_thread (void)
{
  int status;

  g_test_summary ("Where no thread can be started, what would have to wait fails, nothing hangs");

  /* A process that has no idle thread yet. */
  status = platform_test_wait (platform_test_fork (no_threads_run, NULL));

  if (status == 77 << 8)
    g_test_skip ("No filter can be installed here");
  else
    g_assert_cmphex (status, ==, 0);
}

static void
test_waiter_close_with_threads (void)
{
  g_test_summary ("A queue may be closed, and freed, while its operations end in all ways");

  for (guint i = 0; i < 50; i++)
    {
      g_autoptr(WaiterTest) test = waiter_test_new ();
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      GThread *threads[2];

      waiter_test_start_many (test, 20, -1, cancellable);
      waiter_test_start_many (test, 20, i * 10, NULL);
      threads[0] = g_thread_new ("cancel", cancel_run, cancellable);
      threads[1] = waiter_test_add_in_thread (test, 10);
      aioproc_wait_queue_close (test->queue);
      waiter_test_wait_for_all (test);
      g_thread_join (threads[0]);
      g_thread_join (threads[1]);
      g_assert_cmpuint (test->n_taken + test->n_cancelled + test->n_timed_out + test->n_closed,
                        ==, 40);
      g_assert_cmpuint (waiter_test_count (test) + test->n_taken, ==, 10);
    }
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/waiter/no-thread", test_waiter_no_thread);
  aioproc_test_add_func ("/aioproc/waiter/sync/timeout", test_waiter_sync);
  aioproc_test_add_func ("/aioproc/waiter/sync/cancelled-before", test_waiter_sync_cancelled);
  aioproc_test_add_func ("/aioproc/waiter/sync/cancelled-asleep",
                         test_waiter_sync_cancelled_asleep);
  aioproc_test_add_func ("/aioproc/waiter/sync/closed", test_waiter_sync_closed);
  aioproc_test_add_func ("/aioproc/waiter/sync/retry", test_waiter_sync_retry);
  aioproc_test_add_func ("/aioproc/waiter/sync/awake", test_waiter_sync_awake);
  aioproc_test_add_func ("/aioproc/waiter/sync/hasty", test_waiter_sync_hasty);
  aioproc_test_add_func ("/aioproc/waiter/async/order", test_waiter_async_order);
  aioproc_test_add_func ("/aioproc/waiter/async/order-served", test_waiter_async_order_served);
  aioproc_test_add_func ("/aioproc/waiter/async/timeout", test_waiter_async_timeout);
  aioproc_test_add_func ("/aioproc/waiter/async/timeout-behind",
                         test_waiter_async_timeout_behind);
  aioproc_test_add_func ("/aioproc/waiter/async/retry", test_waiter_async_retry);
  aioproc_test_add_func ("/aioproc/waiter/async/retry-watched", test_waiter_async_retry_watched);
  aioproc_test_add_func ("/aioproc/waiter/async/cancelled", test_waiter_async_cancelled);
  aioproc_test_add_func ("/aioproc/waiter/async/cancelled-served",
                         test_waiter_async_cancelled_served);
  aioproc_test_add_func ("/aioproc/waiter/async/passes-on", test_waiter_async_passes_on);
  aioproc_test_add_func ("/aioproc/waiter/async/closed", test_waiter_async_closed);
  aioproc_test_add_func ("/aioproc/waiter/async/work", test_waiter_async_work);
  aioproc_test_add_func ("/aioproc/waiter/async/worked", test_waiter_async_worked);
  aioproc_test_add_func ("/aioproc/waiter/nested/loop", test_waiter_nested_loop);
  aioproc_test_add_data_func ("/aioproc/waiter/nested/cancelled-after", NULL,
                              test_waiter_nested_in_cancelled);
  aioproc_test_add_data_func ("/aioproc/waiter/nested/cancelled-before", GINT_TO_POINTER (1),
                              test_waiter_nested_in_cancelled);
  aioproc_test_add_func ("/aioproc/waiter/nested/cancel", test_waiter_cancel_in_callback);
  aioproc_test_add_func ("/aioproc/waiter/fork", test_waiter_fork);
  aioproc_test_add_func ("/aioproc/waiter/close-with-threads", test_waiter_close_with_threads);

  return g_test_run ();
}
