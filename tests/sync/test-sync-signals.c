/* test-sync-signals.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include <aioproc.h>

#include "aioproc-test.h"

/* Signals with a handler end each sleep of a thread, which must sleep on. */

#define N_SIGNALS 1000

typedef gboolean (*WaitFunc) (gpointer       object,
                              gint64         timeout_usec,
                              GCancellable  *cancellable,
                              GError       **error);

typedef struct {
  /* Immutable */
  gpointer     object;
  WaitFunc     wait;
  gint64       timeout_usec;

  pthread_t    thread;         /* from the time when it is running */
  atomic_bool  is_running;
  atomic_bool  has_ended;

  /* From its end */
  gboolean     result;
  GError      *error;          /* (owned) (nullable) */
  gint64       elapsed_usec;
} Waiter;

static atomic_uint n_handled;

static void
handler (int signum)
{
  atomic_fetch_add (&n_handled, 1);
}

static gpointer
waiter_main (gpointer data)
{
  Waiter *waiter = data;
  gint64 before_usec = g_get_monotonic_time ();

  waiter->thread = pthread_self ();
  atomic_store (&waiter->is_running, TRUE);
  waiter->result = waiter->wait (waiter->object, waiter->timeout_usec, NULL, &waiter->error);
  waiter->elapsed_usec = g_get_monotonic_time () - before_usec;
  atomic_store (&waiter->has_ended, TRUE);

  return NULL;
}

static GThread *
waiter_start (Waiter   *waiter,
              gpointer  object,
              WaitFunc  wait,
              gint64    timeout_usec)
{
  struct sigaction action = { .sa_handler = handler };
  GThread *thread;

  /* Without SA_RESTART. */
  g_assert_cmpint (sigaction (SIGUSR1, &action, NULL), ==, 0);

  waiter->object = object;
  waiter->wait = wait;
  waiter->timeout_usec = timeout_usec;
  thread = g_thread_new ("waiter", waiter_main, waiter);

  while (!atomic_load (&waiter->is_running))
    g_thread_yield ();

  return thread;
}

/* With as many signals as go into it. */
static void
check_timeout (gpointer object,
               WaitFunc wait)
{
  const gint64 timeout_usec = 50 * G_TIME_SPAN_MILLISECOND;
  g_autoptr(GError) error = NULL;
  Waiter waiter = { NULL };
  GThread *thread = waiter_start (&waiter, object, wait, timeout_usec);

  while (!atomic_load (&waiter.has_ended))
    {
      pthread_kill (waiter.thread, SIGUSR1);
      g_thread_yield ();
    }

  g_thread_join (thread);
  error = waiter.error;
  g_assert_false (waiter.result);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpint (waiter.elapsed_usec, >=, timeout_usec);
}

static void
check_success (gpointer   object,
               WaitFunc   wait,
               gboolean (*release) (gpointer object, GError **error))
{
  g_autoptr(GError) error = NULL;
  Waiter waiter = { NULL };
  GThread *thread = waiter_start (&waiter, object, wait, -1);

  for (guint i = 0; i < N_SIGNALS; i++)
    {
      g_assert_cmpint (pthread_kill (waiter.thread, SIGUSR1), ==, 0);
      g_thread_yield ();
    }

  g_assert_false (atomic_load (&waiter.has_ended));
  g_assert_true (release (object, &error));
  g_assert_no_error (error);
  g_thread_join (thread);
  g_assert_no_error (waiter.error);
  g_assert_true (waiter.result);
  g_assert_cmpuint (atomic_load (&n_handled), >, 0);
}

static void
test_lock_signals (void)
{
  g_autoptr(AioprocLock) lock = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Signals neither end an acquire nor make its timeout longer or shorter");

  lock = aioproc_lock_new (&error);
  g_assert_no_error (error);
  g_assert_true (aioproc_lock_acquire (lock, -1, NULL, &error));
  g_assert_no_error (error);

  check_timeout (lock, (WaitFunc) aioproc_lock_acquire);
  check_success (lock, (WaitFunc) aioproc_lock_acquire,
                 (gboolean (*) (gpointer, GError **)) aioproc_lock_release);

  g_assert_true (aioproc_lock_release (lock, &error));
  g_assert_no_error (error);
  g_assert_finalize_object (g_steal_pointer (&lock));
}

static void
test_event_signals (void)
{
  g_autoptr(AioprocEvent) event = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Signals do not end a wait for an event");

  event = aioproc_event_new (&error);
  g_assert_no_error (error);

  check_timeout (event, (WaitFunc) aioproc_event_wait);
  check_success (event, (WaitFunc) aioproc_event_wait,
                 (gboolean (*) (gpointer, GError **)) aioproc_event_set);

  g_assert_finalize_object (g_steal_pointer (&event));
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/sync-signals/lock", test_lock_signals);
  aioproc_test_add_func ("/aioproc/sync-signals/event", test_event_signals);

  return g_test_run ();
}
