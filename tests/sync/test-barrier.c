/* test-barrier.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"

#define MSEC G_TIME_SPAN_MILLISECOND

static AioprocBarrier *
new_barrier (guint parties)
{
  g_autoptr(GError) error = NULL;
  AioprocBarrier *barrier = aioproc_barrier_new (parties, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (aioproc_barrier_get_parties (barrier), ==, parties);

  return barrier;
}

/* One asynchronous wait. */
typedef struct {
  AioprocBarrier *barrier;
  GCancellable   *cancellable;   /* (owned) */
  GAsyncResult   *result;        /* (owned) (nullable) */
} Wait;

static void
wait_begin (Wait           *self,
            AioprocBarrier *barrier,
            gint64          timeout_usec)
{
  *self = (Wait) { barrier, g_cancellable_new (), NULL };
  aioproc_barrier_wait_async (barrier, timeout_usec, self->cancellable, aioproc_test_store_result,
                              &self->result);
}

static gboolean
wait_is_over (Wait *self)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;

  return self->result != NULL;
}

static int
wait_end (Wait    *self,
          GError **error)
{
  int index;

  aioproc_test_wait (&self->result);
  index = aioproc_barrier_wait_finish (self->barrier, self->result, error);
  g_clear_object (&self->result);
  g_clear_object (&self->cancellable);

  return index;
}

static void
wait_end_met (Wait *self,
              int   index)
{
  g_autoptr(GError) error = NULL;

  g_assert_cmpint (wait_end (self, &error), ==, index);
  g_assert_no_error (error);
}

static void
wait_end_error (Wait   *self,
                GQuark  domain,
                int     code)
{
  g_autoptr(GError) error = NULL;

  g_assert_cmpint (wait_end (self, &error), ==, -1);
  g_assert_error (error, domain, code);
}

static void
wait_end_broken (Wait *self)
{
  wait_end_error (self, AIOPROC_ERROR, AIOPROC_ERROR_BROKEN_BARRIER);
}

static void
reset (AioprocBarrier *barrier)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_barrier_reset (barrier, &error));
  g_assert_no_error (error);
  g_assert_false (aioproc_barrier_is_broken (barrier));
  g_assert_cmpuint (aioproc_barrier_get_n_waiting (barrier), ==, 0);
}

/* All parties meet. */
static void
check_round (AioprocBarrier *barrier)
{
  guint n_parties = aioproc_barrier_get_parties (barrier);
  g_autofree Wait *waits = g_new (Wait, n_parties);

  for (guint i = 0; i < n_parties; i++)
    {
      g_assert_cmpuint (aioproc_barrier_get_n_waiting (barrier), ==, i);
      wait_begin (&waits[i], barrier, -1);
    }

  for (guint i = 0; i < n_parties; i++)
    wait_end_met (&waits[i], i);

  g_assert_cmpuint (aioproc_barrier_get_n_waiting (barrier), ==, 0);
}

static void
test_barrier_new (void)
{
  const guint wrong[] = { 0, 65536, G_MAXUINT };
  AioprocBarrier *barrier = new_barrier (65535);
  g_autoptr(GError) error = NULL;
  gboolean is_broken;
  guint n_waiting;
  guint n_parties;

  g_test_summary ("A barrier has as many parties as asked for");

  g_assert_null (aioproc_barrier_get_name (barrier));
  g_assert_finalize_object (barrier);

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_assert_null (aioproc_barrier_new (wrong[i], &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
    }

  barrier = g_initable_new (AIOPROC_TYPE_BARRIER, NULL, &error, "parties", 3, "name", "start",
                            NULL);
  g_assert_no_error (error);
  g_assert_cmpstr (aioproc_barrier_get_name (barrier), ==, "start");
  g_object_get (barrier, "parties", &n_parties, "n-waiting", &n_waiting, "broken", &is_broken,
                NULL);
  g_assert_cmpuint (n_parties, ==, 3);
  g_assert_cmpuint (n_waiting, ==, 0);
  g_assert_false (is_broken);
  g_assert_finalize_object (barrier);
}

static void
test_barrier_rounds (gconstpointer data)
{
  AioprocBarrier *barrier = new_barrier (GPOINTER_TO_UINT (data));
  g_autoptr(GError) error = NULL;

  g_test_summary ("All parties meet, in round after round, each with a number of its own");

  for (guint i = 0; i < 10; i++)
    check_round (barrier);

  if (GPOINTER_TO_UINT (data) == 1)
    {
      g_assert_cmpint (aioproc_barrier_wait (barrier, 0, NULL, &error), ==, 0);
      g_assert_no_error (error);
    }

  g_assert_finalize_object (barrier);
}

static void
test_barrier_more (void)
{
  AioprocBarrier *barrier = new_barrier (2);
  Wait waits[7];

  g_test_summary ("Of more waits than parties, as many meet as make a round");

  for (guint i = 0; i < G_N_ELEMENTS (waits); i++)
    wait_begin (&waits[i], barrier, -1);

  for (guint i = 0; i < 6; i++)
    wait_end_met (&waits[i], i % 2);

  g_assert_false (wait_is_over (&waits[6]));
  g_assert_cmpuint (aioproc_barrier_get_n_waiting (barrier), ==, 1);
  wait_begin (&waits[0], barrier, -1);
  wait_end_met (&waits[6], 0);
  wait_end_met (&waits[0], 1);
  g_assert_finalize_object (barrier);
}

static void
test_barrier_timeout (void)
{
  AioprocBarrier *barrier = new_barrier (3);
  gint64 before_usec = g_get_monotonic_time ();
  g_autoptr(GError) error = NULL;
  Wait other;
  Wait late;

  g_test_summary ("A wait that times out breaks the barrier for all");

  wait_begin (&other, barrier, -1);
  wait_begin (&late, barrier, 20 * MSEC);
  wait_end_error (&late, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - before_usec, >=, 20 * MSEC);
  wait_end_broken (&other);
  g_assert_true (aioproc_barrier_is_broken (barrier));
  g_assert_cmpuint (aioproc_barrier_get_n_waiting (barrier), ==, 0);

  /* Also for those who come. */
  wait_begin (&other, barrier, -1);
  wait_end_broken (&other);
  g_assert_cmpint (aioproc_barrier_wait (barrier, -1, NULL, &error), ==, -1);
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_BROKEN_BARRIER);
  g_clear_error (&error);

  reset (barrier);
  check_round (barrier);

  /* The blocking form. */
  wait_begin (&other, barrier, -1);
  g_assert_cmpint (aioproc_barrier_wait (barrier, 0, NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  wait_end_broken (&other);
  reset (barrier);

  /* Who comes last does not wait. */
  wait_begin (&other, barrier, -1);
  wait_begin (&late, barrier, 60 * G_TIME_SPAN_SECOND);
  g_clear_error (&error);
  g_assert_cmpint (aioproc_barrier_wait (barrier, 0, NULL, &error), ==, 2);
  g_assert_no_error (error);
  wait_end_met (&other, 0);
  wait_end_met (&late, 1);
  g_assert_finalize_object (barrier);
}

static void
test_barrier_cancel (void)
{
  AioprocBarrier *barrier = new_barrier (3);
  g_autoptr(GCancellable) cancelled = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  Wait waits[3];

  g_test_summary ("A wait that is cancelled breaks the barrier, unless it had not begun");

  g_cancellable_cancel (cancelled);
  g_assert_cmpint (aioproc_barrier_wait (barrier, -1, cancelled, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  waits[0] = (Wait) { barrier, g_object_ref (cancelled), NULL };
  aioproc_barrier_wait_async (barrier, -1, cancelled, aioproc_test_store_result,
                              &waits[0].result);
  wait_end_error (&waits[0], G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (aioproc_barrier_is_broken (barrier));

  wait_begin (&waits[0], barrier, -1);
  wait_begin (&waits[1], barrier, -1);
  g_cancellable_cancel (waits[0].cancellable);
  wait_end_error (&waits[0], G_IO_ERROR, G_IO_ERROR_CANCELLED);
  wait_end_broken (&waits[1]);
  g_assert_true (aioproc_barrier_is_broken (barrier));
  reset (barrier);

  /* All are there: it is too late. */
  for (guint i = 0; i < 3; i++)
    wait_begin (&waits[i], barrier, -1);

  for (guint i = 0; i < 3; i++)
    g_cancellable_cancel (waits[i].cancellable);

  for (guint i = 0; i < 3; i++)
    wait_end_met (&waits[i], i);

  g_assert_finalize_object (barrier);
}

static void
test_barrier_abort (void)
{
  AioprocBarrier *barrier = new_barrier (3);
  g_autoptr(GError) error = NULL;
  Wait waits[2];

  g_test_summary ("An abort breaks the barrier until it is reset");

  for (guint i = 0; i < 5; i++)
    {
      wait_begin (&waits[0], barrier, -1);
      wait_begin (&waits[1], barrier, -1);

      for (guint j = 0; j < 2; j++)
        {
          g_assert_true (aioproc_barrier_abort (barrier, &error));
          g_assert_no_error (error);
          g_assert_true (aioproc_barrier_is_broken (barrier));
        }

      wait_end_broken (&waits[0]);
      wait_end_broken (&waits[1]);
      reset (barrier);
      check_round (barrier);
    }

  g_assert_finalize_object (barrier);
}

static void
test_barrier_reset (void)
{
  AioprocBarrier *barrier = new_barrier (2);
  Wait olds[10];
  Wait wait;

  g_test_summary ("Those who wait at a reset are none of the parties of the new round");

  /* None of them has heard of it when the next one comes. */
  for (guint i = 0; i < G_N_ELEMENTS (olds); i++)
    {
      wait_begin (&olds[i], barrier, -1);
      reset (barrier);
    }

  wait_begin (&wait, barrier, -1);

  for (guint i = 0; i < G_N_ELEMENTS (olds); i++)
    wait_end_broken (&olds[i]);

  g_assert_false (wait_is_over (&wait));

  wait_begin (&olds[0], barrier, -1);
  wait_end_met (&wait, 0);
  wait_end_met (&olds[0], 1);

  /* Nothing to do. */
  reset (barrier);
  reset (barrier);
  check_round (barrier);
  g_assert_finalize_object (barrier);
}

/* --- The action --- */

typedef struct {
  guint    n_calls;
  guint    n_waiting;
  gboolean fails;
  gboolean is_gone;
  Wait     extra;         /* begun by the action, if its barrier is set */
} Action;

static void
act (AioprocBarrier  *barrier,
     gpointer         user_data,
     GError         **error)
{
  Action *action = user_data;

  action->n_calls++;
  action->n_waiting = aioproc_barrier_get_n_waiting (barrier);

  if (action->fails)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BUSY, "The action does not like it");
}

static void
action_gone (gpointer data)
{
  Action *action = data;

  g_assert_false (action->is_gone);
  action->is_gone = TRUE;
}

static void
test_barrier_action (void)
{
  AioprocBarrier *barrier = new_barrier (2);
  g_autoptr(GError) error = NULL;
  Action action = { 0 };
  Action other = { 0 };
  Wait waits[2];

  g_test_summary ("The action is done once, by the last one, before any goes on");

  aioproc_barrier_set_action (barrier, act, &action, action_gone);

  for (guint i = 0; i < 5; i++)
    {
      wait_begin (&waits[0], barrier, -1);
      g_assert_false (wait_is_over (&waits[0]));
      g_assert_cmpuint (action.n_calls, ==, i);

      if (i % 2 == 0)
        {
          wait_begin (&waits[1], barrier, -1);
          /* Not by the function that began the wait. */
          g_assert_cmpuint (action.n_calls, ==, i);
          g_assert_cmpuint (aioproc_barrier_get_n_waiting (barrier), ==, 2);
          wait_end_met (&waits[1], 1);
        }
      else
        {
          g_assert_cmpint (aioproc_barrier_wait (barrier, -1, NULL, &error), ==, 1);
          g_assert_no_error (error);
        }

      wait_end_met (&waits[0], 0);
      g_assert_cmpuint (action.n_calls, ==, i + 1);
      g_assert_cmpuint (action.n_waiting, ==, 2);
    }

  /* Waits keep theirs. */
  wait_begin (&waits[0], barrier, -1);
  wait_begin (&waits[1], barrier, -1);
  aioproc_barrier_set_action (barrier, act, &other, action_gone);
  g_assert_false (action.is_gone);
  wait_end_met (&waits[0], 0);
  wait_end_met (&waits[1], 1);
  g_assert_true (action.is_gone);
  g_assert_cmpuint (other.n_calls, ==, 0);
  check_round (barrier);
  g_assert_cmpuint (action.n_calls, ==, 6);
  g_assert_cmpuint (other.n_calls, ==, 1);
  g_assert_finalize_object (barrier);
  g_assert_true (other.is_gone);
}

static void
test_barrier_action_fails (void)
{
  AioprocBarrier *barrier = new_barrier (2);
  g_autoptr(GError) error = NULL;
  Action action = { .fails = TRUE };
  Wait waits[2];

  g_test_summary ("An action that fails breaks the barrier");

  aioproc_barrier_set_action (barrier, act, &action, NULL);
  wait_begin (&waits[0], barrier, -1);
  wait_begin (&waits[1], barrier, -1);
  wait_end_error (&waits[1], G_IO_ERROR, G_IO_ERROR_BUSY);
  wait_end_broken (&waits[0]);
  g_assert_true (aioproc_barrier_is_broken (barrier));
  reset (barrier);

  wait_begin (&waits[0], barrier, -1);
  g_assert_cmpint (aioproc_barrier_wait (barrier, -1, NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);
  wait_end_broken (&waits[0]);
  g_assert_cmpuint (action.n_calls, ==, 2);

  reset (barrier);
  action.fails = FALSE;
  wait_begin (&waits[0], barrier, -1);
  wait_begin (&waits[1], barrier, -1);
  wait_end_met (&waits[0], 0);
  wait_end_met (&waits[1], 1);
  g_assert_finalize_object (barrier);
}

static void
test_barrier_action_aborted (void)
{
  AioprocBarrier *barrier = new_barrier (2);
  Action action = { 0 };
  Wait waits[2];

  g_test_summary ("The action is not done for a round that has broken before");

  aioproc_barrier_set_action (barrier, act, &action, NULL);
  wait_begin (&waits[0], barrier, -1);
  wait_begin (&waits[1], barrier, -1);
  g_assert_true (aioproc_barrier_abort (barrier, NULL));
  wait_end_broken (&waits[0]);
  wait_end_broken (&waits[1]);
  g_assert_cmpuint (action.n_calls, ==, 0);
  g_assert_finalize_object (barrier);
}

static void
begin_extra (AioprocBarrier  *barrier,
             gpointer         user_data,
             GError         **error)
{
  Action *action = user_data;

  if (action->n_calls++ == 0)
    wait_begin (&action->extra, barrier, -1);
}

static void
test_barrier_action_full (void)
{
  AioprocBarrier *barrier = new_barrier (2);
  Action action = { 0 };
  Wait waits[2];
  Wait refused;

  g_test_summary ("Who comes while the action is done is one of the next round");

  aioproc_barrier_set_action (barrier, begin_extra, &action, NULL);
  wait_begin (&waits[0], barrier, -1);
  wait_begin (&waits[1], barrier, -1);
  /* No place, and no time to wait for one: that breaks nothing. */
  wait_begin (&refused, barrier, 0);
  wait_end_met (&waits[0], 0);
  wait_end_met (&waits[1], 1);
  wait_end_error (&refused, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_false (aioproc_barrier_is_broken (barrier));
  g_assert_false (wait_is_over (&action.extra));
  aioproc_test_wait_until (aioproc_barrier_get_n_waiting (barrier) == 1);
  wait_begin (&waits[0], barrier, -1);
  wait_end_met (&action.extra, 0);
  wait_end_met (&waits[0], 1);
  g_assert_cmpuint (action.n_calls, ==, 2);
  g_assert_finalize_object (barrier);
}

/* --- The end of the object --- */

static void
test_barrier_closed (void)
{
  AioprocBarrier *barrier = new_barrier (3);
  g_autoptr(GError) error = NULL;
  Wait waits[2];

  g_test_summary ("Waits end when the barrier is disposed of in their process");

  wait_begin (&waits[0], barrier, -1);
  wait_begin (&waits[1], barrier, -1);
  g_object_run_dispose (G_OBJECT (barrier));

  for (guint i = 0; i < 2; i++)
    wait_end_error (&waits[i], G_IO_ERROR, G_IO_ERROR_CLOSED);

  g_assert_cmpint (aioproc_barrier_wait (barrier, -1, NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  wait_begin (&waits[0], barrier, -1);
  wait_end_error (&waits[0], G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_assert_finalize_object (barrier);
}

static void
test_barrier_not_initialized (void)
{
  g_autoptr(AioprocBarrier) barrier = aioproc_test_new_uninitialized (AIOPROC_TYPE_BARRIER);
  g_autoptr(GError) error = NULL;
  Wait wait;

  g_test_summary ("A barrier that could not be initialised says so, and can be later");

  g_assert_cmpuint (aioproc_barrier_get_n_waiting (barrier), ==, 0);
  g_assert_false (aioproc_barrier_is_broken (barrier));
  g_assert_false (aioproc_barrier_abort (barrier, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);
  g_assert_false (aioproc_barrier_reset (barrier, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);
  g_assert_cmpint (aioproc_barrier_wait (barrier, -1, NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);
  wait_begin (&wait, barrier, -1);
  wait_end_error (&wait, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);

  g_assert_false (g_initable_init (G_INITABLE (barrier), NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  g_clear_error (&error);
  g_assert_true (g_initable_init (G_INITABLE (barrier), NULL, &error));
  g_assert_no_error (error);
  check_round (barrier);
}

/* --- Threads --- */

#define N_THREADS 4
#ifdef HAVE_SANITIZER
# define N_ROUNDS 100
#else
# define N_ROUNDS 500
#endif

typedef struct {
  AioprocBarrier *barrier;
  guint           n_indices[N_THREADS];   /* plain: the barrier alone makes it right */
  guint           n_rounds;
} Meeting;

static void
count_round (AioprocBarrier  *barrier,
             gpointer         user_data,
             GError         **error)
{
  Meeting *meeting = user_data;

  for (guint i = 0; i < N_THREADS; i++)
    g_assert_cmpuint (meeting->n_indices[i], ==, meeting->n_rounds);

  meeting->n_rounds++;
}

static gpointer
meet (gpointer data)
{
  Meeting *meeting = data;
  g_autoptr(GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_autoptr(GAsyncResult) result = NULL;
      g_autoptr(GError) error = NULL;
      int index;

      if (i % 3 == 0)
        {
          aioproc_barrier_wait_async (meeting->barrier, -1, NULL, aioproc_test_store_result,
                                      &result);
          aioproc_test_wait (&result);
          index = aioproc_barrier_wait_finish (meeting->barrier, result, &error);
        }
      else
        {
          index = aioproc_barrier_wait (meeting->barrier, -1, NULL, &error);
        }

      g_assert_no_error (error);
      g_assert_cmpint (index, <, N_THREADS);
      g_assert_cmpuint (meeting->n_rounds, ==, i + 1);
      /* Two of one number would miss one, or race. */
      meeting->n_indices[index]++;
    }

  g_main_context_pop_thread_default (context);

  return NULL;
}

static void
test_barrier_threads (void)
{
  Meeting meeting = { .barrier = new_barrier (N_THREADS) };
  GThread *threads[N_THREADS];

  g_test_summary ("Threads that meet see what all did before, and none is a round ahead");

  aioproc_barrier_set_action (meeting.barrier, count_round, &meeting, NULL);

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("meet", meet, &meeting);

  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);

  g_assert_cmpuint (meeting.n_rounds, ==, N_ROUNDS);
  g_assert_finalize_object (meeting.barrier);
}

static gpointer
wait_for_break (gpointer data)
{
  AioprocBarrier *barrier = data;
  g_autoptr(GError) error = NULL;

  g_assert_cmpint (aioproc_barrier_wait (barrier, -1, NULL, &error), ==, -1);
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_BROKEN_BARRIER);

  return NULL;
}

static void
test_barrier_unheard (void)
{
  AioprocBarrier *barrier = new_barrier (3);

  g_test_summary ("A wait that ends breaks the barrier although its main context does not run");

  for (guint i = 0; i < 20; i++)
    {
      GThread *thread = g_thread_new ("wait", wait_for_break, barrier);
      Wait wait;

      while (aioproc_barrier_get_n_waiting (barrier) == 0)
        g_thread_yield ();

      wait_begin (&wait, barrier, i % 2 == 0 ? -1 : i * MSEC / 4);

      if (i % 2 == 0)
        g_cancellable_cancel (wait.cancellable);

      g_thread_join (thread);
      g_assert_null (wait.result);
      wait_end_error (&wait, G_IO_ERROR,
                      i % 2 == 0 ? G_IO_ERROR_CANCELLED : G_IO_ERROR_TIMED_OUT);
      reset (barrier);
    }

  g_assert_finalize_object (barrier);
}

static void
test_barrier_many (void)
{
  AioprocBarrier *barrier = new_barrier (10001);
  g_autofree Wait *waits = g_new (Wait, 10000);
  guint n_threads;
  Wait last;

  g_test_summary ("Asynchronous waits do not occupy a thread each");

  check_round (barrier);
  n_threads = aioproc_test_count_threads ();

  for (guint i = 0; i < 10000; i++)
    wait_begin (&waits[i], barrier, -1);

  g_assert_cmpuint (aioproc_test_count_threads (), <=, n_threads + 1);
  wait_begin (&last, barrier, -1);

  for (guint i = 0; i < 10000; i++)
    wait_end_met (&waits[i], i);

  wait_end_met (&last, 10000);
  g_assert_finalize_object (barrier);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/barrier/new", test_barrier_new);
  aioproc_test_add_data_func ("/aioproc/barrier/rounds/1", GUINT_TO_POINTER (1),
                              test_barrier_rounds);
  aioproc_test_add_data_func ("/aioproc/barrier/rounds/2", GUINT_TO_POINTER (2),
                              test_barrier_rounds);
  aioproc_test_add_data_func ("/aioproc/barrier/rounds/50", GUINT_TO_POINTER (50),
                              test_barrier_rounds);
  aioproc_test_add_func ("/aioproc/barrier/more", test_barrier_more);
  aioproc_test_add_func ("/aioproc/barrier/timeout", test_barrier_timeout);
  aioproc_test_add_func ("/aioproc/barrier/cancel", test_barrier_cancel);
  aioproc_test_add_func ("/aioproc/barrier/abort", test_barrier_abort);
  aioproc_test_add_func ("/aioproc/barrier/reset", test_barrier_reset);
  aioproc_test_add_func ("/aioproc/barrier/action", test_barrier_action);
  aioproc_test_add_func ("/aioproc/barrier/action/fails", test_barrier_action_fails);
  aioproc_test_add_func ("/aioproc/barrier/action/aborted", test_barrier_action_aborted);
  aioproc_test_add_func ("/aioproc/barrier/action/full", test_barrier_action_full);
  aioproc_test_add_func ("/aioproc/barrier/closed", test_barrier_closed);
  aioproc_test_add_func ("/aioproc/barrier/not-initialized", test_barrier_not_initialized);
  aioproc_test_add_func ("/aioproc/barrier/threads", test_barrier_threads);
  aioproc_test_add_func ("/aioproc/barrier/unheard", test_barrier_unheard);
  aioproc_test_add_func ("/aioproc/barrier/many", test_barrier_many);

  return g_test_run ();
}
