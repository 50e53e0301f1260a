/* test-queue-async.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"
#include "queue-test.h"

static void
finish_put (AioprocQueue  *queue,
            GAsyncResult **result)
{
  g_autoptr(GError) error = NULL;

  aioproc_test_wait (result);
  g_assert_true (aioproc_queue_put_bytes_finish (queue, *result, &error));
  g_assert_no_error (error);
  g_clear_object (result);
}

static guint32
finish_get_number (AioprocQueue  *queue,
                   GAsyncResult **result)
{
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  aioproc_test_wait (result);
  value = aioproc_queue_get_finish (queue, *result, &error);
  g_assert_no_error (error);
  g_clear_object (result);

  return g_variant_get_uint32 (value);
}

static void
finish_get_error (AioprocQueue  *queue,
                  GAsyncResult **result,
                  int            code)
{
  g_autoptr(GError) error = NULL;

  aioproc_test_wait (result);
  g_assert_null (aioproc_queue_get_finish (queue, *result, &error));
  g_assert_error (error, G_IO_ERROR, code);
  g_clear_object (result);
}

static void
finish_put_error (AioprocQueue  *queue,
                  GAsyncResult **result,
                  int            code)
{
  g_autoptr(GError) error = NULL;

  aioproc_test_wait (result);
  g_assert_false (aioproc_queue_put_bytes_finish (queue, *result, &error));
  g_assert_error (error, G_IO_ERROR, code);
  g_clear_object (result);
}

static void
put_number (AioprocQueue *queue,
            guint32       number)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_queue_put (queue, g_variant_new_uint32 (number), -1, NULL, &error));
  g_assert_no_error (error);
}

static void
test_queue_async_get_there (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GAsyncResult) result = NULL;

  g_test_summary ("An item that is there is taken at once, and delivered later");

  put_number (queue, 5);
  aioproc_queue_get_async (queue, -1, NULL, aioproc_test_store_result, &result);
  g_assert_null (result);
  g_assert_true (aioproc_queue_is_empty (queue));
  g_assert_cmpuint (finish_get_number (queue, &result), ==, 5);

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_async_get_order (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  GAsyncResult *results[1000] = { NULL };

  g_test_summary ("Pending gets get the items in the order of both");

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    aioproc_queue_get_async (queue, -1, NULL, aioproc_test_store_result, &results[i]);

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    put_number (queue, i);

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    g_assert_cmpuint (finish_get_number (queue, &results[i]), ==, i);

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_async_put_order (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (1);
  g_autoptr(GError) error = NULL;
  GAsyncResult *results[200] = { NULL };

  g_test_summary ("Puts that wait for room put their items in their order");

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    aioproc_queue_put_async (queue, g_variant_new_uint32 (i), -1, NULL, aioproc_test_store_result,
                             &results[i]);

  /* It would come before those that wait. */
  g_assert_false (aioproc_queue_try_put (queue, g_variant_new_uint32 (1000), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    {
      g_autoptr(GVariant) value = aioproc_queue_get (queue, -1, NULL, &error);

      g_assert_no_error (error);
      g_assert_cmpuint (g_variant_get_uint32 (value), ==, i);

      aioproc_test_wait (&results[i]);
      g_assert_true (aioproc_queue_put_finish (queue, results[i], &error));
      g_assert_no_error (error);
      g_clear_object (&results[i]);
    }

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_async_large_order (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GError) error = NULL;
  GAsyncResult *puts[40] = { NULL };
  GAsyncResult *gets[41] = { NULL };

  g_test_summary ("Large items, which other threads copy, keep their place among small ones");

  for (guint round = 0; round < 3; round++)
    {
      for (guint i = 0; i < G_N_ELEMENTS (puts); i++)
        {
          g_autoptr(GBytes) bytes = queue_test_make_bytes (i % 2 == 0 ? 300000 : 10, i);

          aioproc_queue_put_bytes_async (queue, bytes, -1, NULL, aioproc_test_store_result,
                                         &puts[i]);
        }

      /* A blocking put comes behind them, although nothing runs the main context meanwhile. */
      g_assert_true (aioproc_queue_put (queue, g_variant_new_string ("last"), -1, NULL, &error));
      g_assert_no_error (error);

      for (guint i = 0; i < G_N_ELEMENTS (gets); i++)
        aioproc_queue_get_async (queue, -1, NULL, aioproc_test_store_result, &gets[i]);

      for (guint i = 0; i < G_N_ELEMENTS (puts); i++)
        finish_put (queue, &puts[i]);

      for (guint i = 0; i < G_N_ELEMENTS (gets); i++)
        {
          g_autoptr(GVariant) value = NULL;

          aioproc_test_wait (&gets[i]);
          value = aioproc_queue_get_finish (queue, gets[i], &error);
          g_assert_no_error (error);
          g_clear_object (&gets[i]);

          if (i < G_N_ELEMENTS (puts))
            {
              g_autoptr(GBytes) expected = queue_test_make_bytes (i % 2 == 0 ? 300000 : 10, i);
              g_autoptr(GBytes) bytes = g_variant_get_data_as_bytes (value);

              g_assert_true (g_bytes_equal (bytes, expected));
            }
          else
            {
              g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "last");
            }
        }
    }

  g_assert_finalize_object (g_steal_pointer (&queue));
}

/* The thread that has copied a large item tells so before it lets the next one go on. */
static void
test_queue_async_large_done (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GBytes) large = queue_test_make_bytes (100000, 0);
  g_autoptr(GBytes) small = queue_test_make_bytes (10, 1);

  g_test_summary ("Whose large put is done can try the next one at once");

  for (guint i = 0; i < 2000; i++)
    {
      GBytes *batch[] = { small, large };
      g_autoptr(GBytes) bytes = NULL;
      g_autoptr(GError) error = NULL;
      GAsyncResult *result = NULL;

      if (i % 2 == 0)
        {
          aioproc_queue_put_bytes_async (queue, large, -1, NULL, aioproc_test_store_result,
                                         &result);
          finish_put (queue, &result);
        }
      else
        {
          aioproc_queue_put_many_bytes_async (queue, batch, 2, -1, NULL,
                                              aioproc_test_store_result, &result);
          aioproc_test_wait (&result);
          g_assert_cmpuint (aioproc_queue_put_many_bytes_finish (queue, result, &error), ==, 2);
          g_assert_no_error (error);
          g_clear_object (&result);
        }

      aioproc_queue_try_put_bytes (queue, small, &error);
      g_assert_no_error (error);

      while ((bytes = aioproc_queue_try_get_bytes (queue, NULL)) != NULL)
        g_clear_pointer (&bytes, g_bytes_unref);
    }

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_async_large_value (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GVariant) got = NULL;
  g_autoptr(GAsyncResult) put = NULL;
  g_autoptr(GAsyncResult) get = NULL;
  g_autoptr(GError) error = NULL;
  GVariantBuilder builder;

  g_test_summary ("A large value goes through other threads in both directions");

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("as"));

  for (guint i = 0; i < 50000; i++)
    g_variant_builder_add (&builder, "s", "an element of the array");

  value = g_variant_ref_sink (g_variant_builder_end (&builder));
  aioproc_queue_get_async (queue, -1, NULL, aioproc_test_store_result, &get);
  aioproc_queue_put_async (queue, value, -1, NULL, aioproc_test_store_result, &put);
  aioproc_test_wait (&get);
  got = aioproc_queue_get_finish (queue, get, &error);
  g_assert_no_error (error);
  g_assert_cmpvariant (got, value);
  aioproc_test_wait (&put);
  g_assert_true (aioproc_queue_put_finish (queue, put, &error));
  g_assert_no_error (error);

  g_clear_object (&put);
  g_clear_object (&get);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_async_cancel_before (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GBytes) bytes = queue_test_make_bytes (100000, 1);
  g_autoptr(GAsyncResult) result = NULL;

  g_test_summary ("Operations that are cancelled before they start take nothing and put nothing");

  put_number (queue, 1);
  g_cancellable_cancel (cancellable);

  aioproc_queue_get_async (queue, -1, cancellable, aioproc_test_store_result, &result);
  finish_get_error (queue, &result, G_IO_ERROR_CANCELLED);
  aioproc_queue_put_bytes_async (queue, bytes, -1, cancellable, aioproc_test_store_result, &result);
  finish_put_error (queue, &result, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 1);

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_async_cancel_while (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (1);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GBytes) bytes = queue_test_make_bytes (100000, 1);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GAsyncResult) other = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Operations that are cancelled while they wait take nothing and put nothing");

  aioproc_queue_get_async (queue, -1, cancellable, aioproc_test_store_result, &result);
  aioproc_queue_get_async (queue, -1, NULL, aioproc_test_store_result, &other);
  g_cancellable_cancel (cancellable);
  finish_get_error (queue, &result, G_IO_ERROR_CANCELLED);
  put_number (queue, 1);
  g_assert_cmpuint (finish_get_number (queue, &other), ==, 1);

  g_cancellable_reset (cancellable);
  put_number (queue, 2);
  aioproc_queue_put_bytes_async (queue, bytes, -1, cancellable, aioproc_test_store_result, &result);
  aioproc_queue_put_bytes_async (queue, bytes, -1, NULL, aioproc_test_store_result, &other);
  g_cancellable_cancel (cancellable);
  finish_put_error (queue, &result, G_IO_ERROR_CANCELLED);
  value = aioproc_queue_get (queue, -1, NULL, &error);
  g_assert_no_error (error);
  finish_put (queue, &other);
  g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 1);

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_async_cancel_after (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GBytes) bytes = queue_test_make_bytes (10, 1);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GAsyncResult) put = NULL;

  g_test_summary ("What was done before the cancellation is delivered");

  put_number (queue, 7);
  aioproc_queue_get_async (queue, -1, cancellable, aioproc_test_store_result, &result);
  aioproc_queue_put_bytes_async (queue, bytes, -1, cancellable, aioproc_test_store_result, &put);
  g_cancellable_cancel (cancellable);
  g_assert_cmpuint (finish_get_number (queue, &result), ==, 7);
  finish_put (queue, &put);
  g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 1);

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_async_cancel_race (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  guint n_got = 0;
  guint n_left = 0;

  g_test_summary ("An item is delivered or left, whatever a cancellation meets");

  for (guint i = 0; i < 2000; i++)
    {
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      g_autoptr(GAsyncResult) result = NULL;
      g_autoptr(GVariant) value = NULL;
      g_autoptr(GError) error = NULL;

      aioproc_queue_get_async (queue, -1, cancellable, aioproc_test_store_result, &result);
      put_number (queue, i);

      if (i % 3 != 0)
        g_thread_yield ();

      g_cancellable_cancel (cancellable);
      aioproc_test_wait (&result);
      value = aioproc_queue_get_finish (queue, result, &error);

      if (value == NULL)
        {
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
          g_clear_error (&error);
          value = aioproc_queue_get (queue, -1, NULL, &error);
          g_assert_no_error (error);
          n_left++;
        }
      else
        {
          n_got++;
        }

      /* One that was left too often would come next. */
      g_assert_cmpuint (g_variant_get_uint32 (value), ==, i);
    }

  g_assert_cmpuint (n_got + n_left, ==, 2000);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_async_timeout (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (1);
  g_autoptr(GBytes) bytes = queue_test_make_bytes (10, 1);
  g_autoptr(GAsyncResult) result = NULL;
  gint64 before;

  g_test_summary ("Operations wait as long as asked, and no less");

  aioproc_queue_get_async (queue, 0, NULL, aioproc_test_store_result, &result);
  finish_get_error (queue, &result, G_IO_ERROR_TIMED_OUT);

  before = g_get_monotonic_time ();
  aioproc_queue_get_async (queue, 20 * G_TIME_SPAN_MILLISECOND, NULL, aioproc_test_store_result,
                           &result);
  finish_get_error (queue, &result, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - before, >=, 20 * G_TIME_SPAN_MILLISECOND);

  put_number (queue, 1);
  before = g_get_monotonic_time ();
  aioproc_queue_put_bytes_async (queue, bytes, 20 * G_TIME_SPAN_MILLISECOND, NULL,
                                 aioproc_test_store_result, &result);
  finish_put_error (queue, &result, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - before, >=, 20 * G_TIME_SPAN_MILLISECOND);
  g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 1);

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_async_close (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (1);
  g_autoptr(GBytes) bytes = queue_test_make_bytes (10, 1);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GAsyncResult) other = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A close ends what waits; what is left can be got");

  put_number (queue, 1);
  aioproc_queue_put_bytes_async (queue, bytes, -1, NULL, aioproc_test_store_result, &result);
  g_assert_true (aioproc_queue_close (queue, FALSE, &error));
  finish_put_error (queue, &result, G_IO_ERROR_CLOSED);

  aioproc_queue_get_async (queue, -1, NULL, aioproc_test_store_result, &result);
  aioproc_queue_get_async (queue, -1, NULL, aioproc_test_store_result, &other);
  g_assert_cmpuint (finish_get_number (queue, &result), ==, 1);
  finish_get_error (queue, &other, G_IO_ERROR_CLOSED);
  g_assert_finalize_object (g_steal_pointer (&queue));

  queue = queue_test_new (0);
  aioproc_queue_get_async (queue, -1, NULL, aioproc_test_store_result, &result);
  aioproc_queue_get_async (queue, -1, NULL, aioproc_test_store_result, &other);
  g_assert_true (aioproc_queue_close (queue, FALSE, &error));
  finish_get_error (queue, &result, G_IO_ERROR_CLOSED);
  finish_get_error (queue, &other, G_IO_ERROR_CLOSED);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_async_dispose (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (1);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GBytes) bytes = queue_test_make_bytes (10, 1);
  g_autoptr(GError) error = NULL;

  g_test_summary ("An object that is disposed of ends its operations, and works no more");

  aioproc_queue_get_async (queue, -1, NULL, aioproc_test_store_result, &result);
  g_object_run_dispose (G_OBJECT (queue));
  finish_get_error (queue, &result, G_IO_ERROR_CLOSED);

  g_assert_false (aioproc_queue_try_put_bytes (queue, bytes, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  aioproc_queue_put_bytes_async (queue, bytes, -1, NULL, aioproc_test_store_result, &result);
  finish_put_error (queue, &result, G_IO_ERROR_CLOSED);

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static gpointer
context_main (gpointer data)
{
  AioprocQueue *queue = data;
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GAsyncResult) put = NULL;
  g_autoptr(GBytes) bytes = queue_test_make_bytes (100000, 1);

  g_main_context_push_thread_default (context);

  for (guint i = 0; i < 100; i++)
    {
      aioproc_queue_get_async (queue, -1, NULL, aioproc_test_store_result, &result);
      g_assert_cmpuint (finish_get_number (queue, &result), ==, i);
    }

  aioproc_queue_put_bytes_async (queue, bytes, -1, NULL, aioproc_test_store_result, &put);
  finish_put (queue, &put);
  g_main_context_pop_thread_default (context);

  return NULL;
}

static void
test_queue_async_context (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;
  GThread *thread;

  g_test_summary ("Operations complete on the thread-default context of their thread");

  thread = g_thread_new ("context", context_main, queue);

  for (guint i = 0; i < 100; i++)
    put_number (queue, i);

  g_thread_join (thread);
  bytes = aioproc_queue_get_bytes (queue, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, 100000);

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_async_many (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autofree GAsyncResult **results = g_new0 (GAsyncResult *, 10000);
  g_autoptr(GError) error = NULL;
  guint n_threads;

  g_test_summary ("10,000 pending gets need one thread");

  aioproc_queue_get_async (queue, -1, NULL, aioproc_test_store_result, &results[0]);
  n_threads = aioproc_test_count_threads ();

  for (guint i = 1; i < 10000; i++)
    aioproc_queue_get_async (queue, -1, NULL, aioproc_test_store_result, &results[i]);

  g_assert_cmpuint (aioproc_test_count_threads (), ==, n_threads);
  g_assert_true (aioproc_queue_close (queue, FALSE, &error));

  for (guint i = 0; i < 10000; i++)
    finish_get_error (queue, &results[i], G_IO_ERROR_CLOSED);

  g_assert_finalize_object (g_steal_pointer (&queue));
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/queue/async/get-there", test_queue_async_get_there);
  aioproc_test_add_func ("/aioproc/queue/async/get-order", test_queue_async_get_order);
  aioproc_test_add_func ("/aioproc/queue/async/put-order", test_queue_async_put_order);
  aioproc_test_add_func ("/aioproc/queue/async/large-order", test_queue_async_large_order);
  aioproc_test_add_func ("/aioproc/queue/async/large-done", test_queue_async_large_done);
  aioproc_test_add_func ("/aioproc/queue/async/large-value", test_queue_async_large_value);
  aioproc_test_add_func ("/aioproc/queue/async/cancel-before", test_queue_async_cancel_before);
  aioproc_test_add_func ("/aioproc/queue/async/cancel-while", test_queue_async_cancel_while);
  aioproc_test_add_func ("/aioproc/queue/async/cancel-after", test_queue_async_cancel_after);
  aioproc_test_add_func ("/aioproc/queue/async/cancel-race", test_queue_async_cancel_race);
  aioproc_test_add_func ("/aioproc/queue/async/timeout", test_queue_async_timeout);
  aioproc_test_add_func ("/aioproc/queue/async/close", test_queue_async_close);
  aioproc_test_add_func ("/aioproc/queue/async/dispose", test_queue_async_dispose);
  aioproc_test_add_func ("/aioproc/queue/async/context", test_queue_async_context);
  aioproc_test_add_func ("/aioproc/queue/async/many", test_queue_async_many);

  return g_test_run ();
}
