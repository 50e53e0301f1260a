/* test-event.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include <aioproc.h>

#include "aioproc-test.h"

static AioprocEvent *
new_event (void)
{
  g_autoptr(GError) error = NULL;
  AioprocEvent *event = aioproc_event_new (&error);

  g_assert_no_error (error);
  g_assert_nonnull (event);

  return event;
}

static void
test_event_set_clear (void)
{
  g_autoptr(AioprocEvent) event = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("An event is set until it is cleared; both may be said twice");

  event = new_event ();
  g_assert_false (aioproc_event_is_set (event));
  g_assert_false (aioproc_event_wait (event, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);

  for (guint i = 0; i < 2; i++)
    {
      g_assert_true (aioproc_event_set (event, &error));
      g_assert_no_error (error);
      g_assert_true (aioproc_event_is_set (event));
      g_assert_true (aioproc_event_wait (event, -1, NULL, &error));
      g_assert_no_error (error);
    }

  for (guint i = 0; i < 2; i++)
    {
      g_assert_true (aioproc_event_clear (event, &error));
      g_assert_no_error (error);
      g_assert_false (aioproc_event_is_set (event));
    }

  g_assert_finalize_object (g_steal_pointer (&event));
}

static void
test_event_set_then_cleared (void)
{
  g_autoptr(AioprocEvent) event = NULL;
  g_autoptr(GError) error = NULL;
  GAsyncResult *results[10] = { NULL };
  g_autoptr(GAsyncResult) late = NULL;

  g_test_summary ("A set releases all who waited before it, and nobody else, though it is cleared");

  event = new_event ();

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    aioproc_event_wait_async (event, -1, NULL, aioproc_test_store_result, &results[i]);

  g_assert_true (aioproc_event_set (event, &error));
  g_assert_true (aioproc_event_clear (event, &error));
  g_assert_no_error (error);

  aioproc_event_wait_async (event, 10 * G_TIME_SPAN_MILLISECOND, NULL, aioproc_test_store_result,
                            &late);

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    {
      aioproc_test_wait (&results[i]);
      g_assert_true (aioproc_event_wait_finish (event, results[i], &error));
      g_assert_no_error (error);
      g_clear_object (&results[i]);
    }

  aioproc_test_wait (&late);
  g_assert_false (aioproc_event_wait_finish (event, late, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_object (&late);

  g_assert_finalize_object (g_steal_pointer (&event));
}

static gpointer
set_event (gpointer data)
{
  g_assert_true (aioproc_event_set (data, NULL));

  return NULL;
}

static void
test_event_set_from_thread (void)
{
  g_autoptr(AioprocEvent) event = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A set from another thread completes a wait on the context of the waiter");

  event = new_event ();

  for (guint i = 0; i < 1000; i++)
    {
      GThread *thread;

      aioproc_event_wait_async (event, -1, NULL, aioproc_test_store_result, &result);
      thread = g_thread_new ("setter", set_event, event);
      aioproc_test_wait (&result);
      g_assert_true (aioproc_event_wait_finish (event, result, &error));
      g_assert_no_error (error);
      g_clear_object (&result);
      g_thread_join (thread);
      g_assert_true (aioproc_event_clear (event, &error));
    }

  g_assert_finalize_object (g_steal_pointer (&event));
}

static void
test_event_wait_cancelled (void)
{
  g_autoptr(AioprocEvent) event = NULL;
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A wait can be cancelled, before it begins and while it lasts");

  event = new_event ();
  aioproc_event_wait_async (event, -1, cancellable, aioproc_test_store_result, &result);
  g_cancellable_cancel (cancellable);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_event_wait_finish (event, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_clear_object (&result);

  g_assert_false (aioproc_event_wait (event, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_finalize_object (g_steal_pointer (&event));
}

static void
test_event_not_initialized (void)
{
  g_autoptr(AioprocEvent) event = aioproc_test_new_uninitialized (AIOPROC_TYPE_EVENT);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("An event that could not be initialised says so, from every function");

  g_assert_false (aioproc_event_is_set (event));
  g_assert_false (aioproc_event_set (event, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);
  g_assert_false (aioproc_event_clear (event, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);
  g_assert_false (aioproc_event_wait (event, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);

  aioproc_event_wait_async (event, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_event_wait_finish (event, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_object (&result);

  g_assert_finalize_object (g_steal_pointer (&event));
}

static void
test_event_initialize_anew (void)
{
  g_autoptr(AioprocEvent) event = aioproc_test_new_uninitialized (AIOPROC_TYPE_EVENT);
  g_autoptr(GError) error = NULL;

  g_test_summary ("An initialisation tells once that construction has failed, then tries again");

  g_assert_false (g_initable_init (G_INITABLE (event), NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  g_clear_error (&error);
  g_assert_true (g_initable_init (G_INITABLE (event), NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_event_set (event, &error));
  g_assert_no_error (error);
  g_assert_finalize_object (g_steal_pointer (&event));
}

static void
test_event_construct (void)
{
  g_autoptr(AioprocEvent) event = g_object_new (AIOPROC_TYPE_EVENT, "name", "plain", NULL);
  g_autoptr(GError) error = NULL;

  g_test_summary ("An object that was only constructed is ready");

  g_assert_true (aioproc_event_set (event, &error));
  g_assert_no_error (error);
  g_assert_true (g_initable_init (G_INITABLE (event), NULL, &error));
  g_assert_no_error (error);
  g_assert_finalize_object (g_steal_pointer (&event));
}

static void
test_event_initialize_twice (void)
{
  g_autoptr(AioprocEvent) event = new_event ();
  g_autoptr(GError) error = NULL;

  g_test_summary ("To initialise an event again changes nothing");

  g_assert_true (aioproc_event_set (event, &error));
  g_assert_no_error (error);
  g_assert_true (g_initable_init (G_INITABLE (event), NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_event_is_set (event));
  g_assert_finalize_object (g_steal_pointer (&event));
}

static void
test_event_name (void)
{
  g_autoptr(AioprocEvent) event = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Errors name the event");

  event = g_initable_new (AIOPROC_TYPE_EVENT, NULL, &error, "name", "ready", NULL);
  g_assert_no_error (error);
  g_assert_cmpstr (aioproc_event_get_name (event), ==, "ready");
  g_assert_false (aioproc_event_wait (event, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_nonnull (strstr (error->message, "“ready”"));
  g_assert_finalize_object (g_steal_pointer (&event));
}

static void
test_event_dispose_pending (void)
{
  g_autoptr(AioprocEvent) event = new_event ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Pending waits for an event that is disposed of end as closed");

  aioproc_event_wait_async (event, -1, NULL, aioproc_test_store_result, &result);
  g_object_run_dispose (G_OBJECT (event));
  aioproc_test_wait (&result);
  g_assert_false (aioproc_event_wait_finish (event, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_clear_object (&result);

  g_assert_false (aioproc_event_wait (event, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_assert_finalize_object (g_steal_pointer (&event));
}

typedef struct {
  AioprocEvent *event;
  int           n_waiting;   /* (atomic) */
} Rally;

static void
assert_owner_cb (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  g_assert_true (g_main_context_is_owner (g_main_context_get_thread_default ()));
  aioproc_test_store_result (source, result, user_data);
}

static gpointer
wait_on_own_context (gpointer data)
{
  Rally *rally = data;
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_main_context_push_thread_default (context);

  aioproc_event_wait_async (rally->event, -1, NULL, assert_owner_cb, &result);
  g_atomic_int_inc (&rally->n_waiting);
  aioproc_test_wait (&result);
  g_assert_true (aioproc_event_wait_finish (rally->event, result, &error));
  g_assert_no_error (error);

  g_main_context_pop_thread_default (context);

  return NULL;
}

static void
test_event_wait_contexts (void)
{
  g_autoptr(AioprocEvent) event = new_event ();
  g_autoptr(GError) error = NULL;
  Rally rally = { event, 0 };
  GThread *threads[8];

  g_test_summary ("One set ends waits on the contexts of all the threads that began them");

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("own-context", wait_on_own_context, &rally);
  while (g_atomic_int_get (&rally.n_waiting) < (int) G_N_ELEMENTS (threads))
    g_thread_yield ();

  g_assert_true (aioproc_event_set (event, &error));
  g_assert_no_error (error);
  /* That they have waited counts, not that it is set when they run. */
  g_assert_true (aioproc_event_clear (event, &error));
  g_assert_no_error (error);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);

  g_assert_finalize_object (g_steal_pointer (&event));
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/event/set/clear", test_event_set_clear);
  aioproc_test_add_func ("/aioproc/event/set/then-cleared", test_event_set_then_cleared);
  aioproc_test_add_func ("/aioproc/event/set/from-thread", test_event_set_from_thread);
  aioproc_test_add_func ("/aioproc/event/wait/cancelled", test_event_wait_cancelled);
  aioproc_test_add_func ("/aioproc/event/wait/contexts", test_event_wait_contexts);
  aioproc_test_add_func ("/aioproc/event/not-initialized", test_event_not_initialized);
  aioproc_test_add_func ("/aioproc/event/construct", test_event_construct);
  aioproc_test_add_func ("/aioproc/event/initialize-anew", test_event_initialize_anew);
  aioproc_test_add_func ("/aioproc/event/initialize-twice", test_event_initialize_twice);
  aioproc_test_add_func ("/aioproc/event/name", test_event_name);
  aioproc_test_add_func ("/aioproc/event/dispose/pending", test_event_dispose_pending);

  return g_test_run ();
}
