/* test-event.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

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

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/event/set/clear", test_event_set_clear);
  aioproc_test_add_func ("/aioproc/event/set/then-cleared", test_event_set_then_cleared);
  aioproc_test_add_func ("/aioproc/event/set/from-thread", test_event_set_from_thread);
  aioproc_test_add_func ("/aioproc/event/wait/cancelled", test_event_wait_cancelled);

  return g_test_run ();
}
