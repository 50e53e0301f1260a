/* test-queue.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "queue-test.h"

static void
test_queue_new (void)
{
  g_autoptr(AioprocQueue) queue = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *name = NULL;
  guint max_items;

  g_test_summary ("A new queue has the properties that it was given, and nothing in it");

  queue = g_initable_new (AIOPROC_TYPE_QUEUE, NULL, &error,
                          "name", "jobs",
                          "max-items", 3,
                          NULL);
  g_assert_no_error (error);

  g_object_get (queue, "name", &name, "max-items", &max_items, NULL);
  g_assert_cmpstr (name, ==, "jobs");
  g_assert_cmpuint (max_items, ==, 3);
  g_assert_cmpstr (aioproc_queue_get_name (queue), ==, "jobs");
  g_assert_cmpuint (aioproc_queue_get_max_items (queue), ==, 3);
  g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 0);
  g_assert_true (aioproc_queue_is_empty (queue));
  g_assert_false (aioproc_queue_is_full (queue));
  g_assert_false (aioproc_queue_is_closed (queue));

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_not_initialized (void)
{
  g_autoptr(AioprocQueue) queue = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GBytes) bytes = g_bytes_new_static ("x", 1);
  g_autoptr(GError) error = NULL;

  g_test_summary ("A queue that could not be initialised says so, and does nothing else");

  queue = aioproc_test_new_uninitialized (AIOPROC_TYPE_QUEUE);

  g_assert_false (aioproc_queue_try_put_bytes (queue, bytes, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);
  g_assert_false (aioproc_queue_put (queue, g_variant_new_string ("x"), -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);
  g_assert_null (aioproc_queue_try_get (queue, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);
  g_assert_null (aioproc_queue_get_bytes (queue, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);
  g_assert_false (aioproc_queue_close (queue, FALSE, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);

  aioproc_queue_get_async (queue, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_null (aioproc_queue_get_finish (queue, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);
  g_clear_object (&result);

  aioproc_queue_put_bytes_async (queue, bytes, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_queue_put_bytes_finish (queue, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_object (&result);

  g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 0);
  g_assert_true (aioproc_queue_is_empty (queue));
  g_assert_false (aioproc_queue_is_full (queue));
  g_assert_false (aioproc_queue_is_closed (queue));

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_initialize_anew (void)
{
  g_autoptr(AioprocQueue) queue = aioproc_test_new_uninitialized (AIOPROC_TYPE_QUEUE);
  g_autoptr(GError) error = NULL;

  g_test_summary ("An initialisation tells once that construction has failed, then tries again");

  g_assert_false (g_initable_init (G_INITABLE (queue), NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  g_clear_error (&error);
  g_assert_true (g_initable_init (G_INITABLE (queue), NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_queue_try_put (queue, g_variant_new_string ("x"), &error));
  g_assert_no_error (error);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_construct (void)
{
  g_autoptr(AioprocQueue) queue = g_object_new (AIOPROC_TYPE_QUEUE, "name", "plain", NULL);
  g_autoptr(GError) error = NULL;

  g_test_summary ("An object that was only constructed is ready");

  g_assert_true (aioproc_queue_try_put (queue, g_variant_new_string ("x"), &error));
  g_assert_no_error (error);
  g_assert_true (g_initable_init (G_INITABLE (queue), NULL, &error));
  g_assert_no_error (error);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_order (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GError) error = NULL;

  g_test_summary ("Values come out as they went in, in their order, also many of them");

  for (guint32 i = 0; i < 10000; i++)
    {
      g_assert_true (aioproc_queue_put (queue, g_variant_new ("(us)", i, "an item"), -1, NULL,
                                        &error));
      g_assert_no_error (error);
    }

  g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 10000);
  g_assert_false (aioproc_queue_is_empty (queue));
  g_assert_false (aioproc_queue_is_full (queue));

  for (guint32 i = 0; i < 10000; i++)
    {
      g_autoptr(GVariant) value = aioproc_queue_get (queue, -1, NULL, &error);
      const char *text;
      guint32 number;

      g_assert_no_error (error);
      g_assert_cmpstr (g_variant_get_type_string (value), ==, "(us)");
      g_assert_false (g_variant_is_floating (value));
      g_variant_get (value, "(u&s)", &number, &text);
      g_assert_cmpuint (number, ==, i);
      g_assert_cmpstr (text, ==, "an item");
    }

  g_assert_true (aioproc_queue_is_empty (queue));
  g_assert_finalize_object (g_steal_pointer (&queue));
}

/* Around every limit of the layout: inside of the slot, the classes of extents, what is copied
 * beside the lock, and pages.
 */
static const gsize sizes[] = {
  0, 1, 7, 79, 80, 81, 255, 256, 257, 320, 321, 511, 512, 513, 1024, 4095, 4096, 4097, 32767,
  32768, 32769, 65535, 65536, 65537, 100000, 1048575, 1048576, 1048577, 5000000,
};

static void
test_queue_sizes (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GError) error = NULL;

  g_test_summary ("Bytes of any length come out as they went in, as bytes and as a value");

  for (guint round = 0; round < 3; round++)
    {
      for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
        {
          g_autoptr(GBytes) bytes = queue_test_make_bytes (sizes[i], round + i);

          g_assert_true (aioproc_queue_put_bytes (queue, bytes, -1, NULL, &error));
          g_assert_no_error (error);
        }

      for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
        {
          g_autoptr(GBytes) expected = queue_test_make_bytes (sizes[i], round + i);
          g_autoptr(GBytes) bytes = NULL;

          if ((round + i) % 2 == 0)
            {
              bytes = aioproc_queue_get_bytes (queue, -1, NULL, &error);
            }
          else
            {
              g_autoptr(GVariant) value = aioproc_queue_get (queue, -1, NULL, &error);

              g_assert_no_error (error);
              g_assert_true (g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING));
              bytes = g_variant_get_data_as_bytes (value);
            }

          g_assert_no_error (error);
          g_assert_true (g_bytes_equal (bytes, expected));
        }
    }

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_values (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GError) error = NULL;
  static const char * const texts[] = {
    "'text'", "@ay []", "byte 0x42", "uint64 18446744073709551615", "@a{sv} {}", "(1, 'two', 3.0)",
    "{'a': <1>, 'b': <'x'>, 'c': <[<true>, <@mi nothing>]>}", "[[1, 2], [], [3]]", "@(ay) ([0x1],)",
    "<<<<'deep'>>>>", "@mms just nothing", "()",
  };

  g_test_summary ("Values of all kinds come out as they went in");

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr(GVariant) value = g_variant_parse (NULL, texts[i], NULL, NULL, &error);
      g_autoptr(GVariant) got = NULL;

      g_assert_no_error (error);
      g_assert_true (aioproc_queue_try_put (queue, value, &error));
      g_assert_no_error (error);
      got = aioproc_queue_try_get (queue, &error);
      g_assert_no_error (error);
      g_assert_cmpvariant (got, value);
      g_assert_true (g_variant_is_of_type (got, g_variant_get_type (value)));
    }

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_large_value (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GVariant) got = NULL;
  g_autoptr(GError) error = NULL;
  GVariantBuilder builder;

  g_test_summary ("A value of some hundred kilobytes comes out as it went in");

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{sv}"));

  for (guint i = 0; i < 5000; i++)
    {
      g_autofree char *key = g_strdup_printf ("the key of number %u", i);

      g_variant_builder_add (&builder, "{sv}", key, g_variant_new ("(uad)", i, NULL));
    }

  value = g_variant_ref_sink (g_variant_builder_end (&builder));
  g_assert_true (aioproc_queue_put (queue, value, -1, NULL, &error));
  g_assert_no_error (error);
  got = aioproc_queue_get (queue, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpvariant (got, value);

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_floating (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (1);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Floating values are consumed, also by puts that fail; others are not");

  /* A leak of these is found by the sanitizer. */
  g_assert_true (aioproc_queue_try_put (queue, g_variant_new_string ("in"), &error));
  g_assert_no_error (error);
  g_assert_false (aioproc_queue_try_put (queue, g_variant_new_string ("out"), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  g_assert_false (aioproc_queue_put (queue, g_variant_new_string ("out"), 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  aioproc_queue_put_async (queue, g_variant_new_string ("out"), 0, NULL, aioproc_test_store_result,
                           &result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_queue_put_finish (queue, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_clear_object (&result);

  value = g_variant_ref_sink (g_variant_new_string ("mine"));
  g_assert_false (aioproc_queue_try_put (queue, value, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "mine");

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static GVariant *
nest (guint depth)
{
  GVariant *value = g_variant_new_uint32 (depth);

  for (guint i = 0; i < depth; i++)
    value = g_variant_new_variant (value);

  return value;
}

static void
test_queue_bad_values (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GVariant) got = NULL;
  g_autoptr(GError) error = NULL;
  static const char * const handles[] = { "@h 0", "@ah []", "(1, <@h 3>)", "{'a': <[<@h 0>]>}" };

  g_test_summary ("What a queue cannot carry is refused by the put, with its reason");

  for (guint i = 0; i < G_N_ELEMENTS (handles); i++)
    {
      g_autoptr(GVariant) value = g_variant_parse (NULL, handles[i], NULL, NULL, &error);

      g_assert_no_error (error);
      g_assert_false (aioproc_queue_try_put (queue, value, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
      g_assert_nonnull (strstr (error->message, "send it over a Connection"));
      g_assert_nonnull (strstr (error->message, "queue “test”"));
      g_clear_error (&error);
    }

  g_assert_false (aioproc_queue_put (queue, nest (40), -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_true (aioproc_queue_is_empty (queue));

  g_assert_true (aioproc_queue_put (queue, nest (20), -1, NULL, &error));
  g_assert_no_error (error);
  got = aioproc_queue_get (queue, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_type_string (got), ==, "v");

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_mismatch (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A value is not got as bytes, and stays the first item; an array of bytes is");

  g_assert_true (aioproc_queue_try_put (queue, g_variant_new_string ("first"), &error));
  g_assert_true (aioproc_queue_try_put (queue, g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE,
                                                                           "second", 6, 1),
                                        &error));

  g_assert_null (aioproc_queue_try_get_bytes (queue, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_clear_error (&error);
  g_assert_null (aioproc_queue_get_bytes (queue, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_clear_error (&error);
  aioproc_queue_get_bytes_async (queue, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_null (aioproc_queue_get_bytes_finish (queue, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_clear_error (&error);
  g_clear_object (&result);
  g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 2);

  value = aioproc_queue_try_get (queue, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "first");
  bytes = aioproc_queue_try_get_bytes (queue, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "second", 6);

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_empty (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GBytes) bytes = g_bytes_new_static ("x", 1);
  g_autoptr(GError) error = NULL;
  gint64 before;

  g_test_summary ("An empty queue is waited for as long as asked, and no less");

  g_assert_null (aioproc_queue_try_get (queue, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  g_assert_null (aioproc_queue_try_get_bytes (queue, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  g_assert_null (aioproc_queue_get (queue, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);

  before = g_get_monotonic_time ();
  g_assert_null (aioproc_queue_get_bytes (queue, 20 * G_TIME_SPAN_MILLISECOND, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_nonnull (strstr (error->message, "queue “test”"));
  g_clear_error (&error);
  g_assert_cmpint (g_get_monotonic_time () - before, >=, 20 * G_TIME_SPAN_MILLISECOND);

  /* Cancelled before: nothing is taken, though there is something. */
  g_assert_true (aioproc_queue_try_put_bytes (queue, bytes, &error));
  g_cancellable_cancel (cancellable);
  g_assert_null (aioproc_queue_get (queue, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_false (aioproc_queue_put_bytes (queue, bytes, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 1);

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_full (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (2);
  g_autoptr(GBytes) bytes = queue_test_make_bytes (10, 1);
  g_autoptr(GBytes) large = queue_test_make_bytes (100000, 1);
  g_autoptr(GBytes) got = NULL;
  g_autoptr(GError) error = NULL;
  gint64 before;

  g_test_summary ("A full queue is waited for as long as asked, and nothing is put");

  g_assert_true (aioproc_queue_put_bytes (queue, bytes, -1, NULL, &error));
  g_assert_false (aioproc_queue_is_full (queue));
  g_assert_true (aioproc_queue_put_bytes (queue, large, -1, NULL, &error));
  g_assert_true (aioproc_queue_is_full (queue));

  g_assert_false (aioproc_queue_try_put_bytes (queue, bytes, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  g_assert_false (aioproc_queue_try_put_bytes (queue, large, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  g_assert_false (aioproc_queue_put_bytes (queue, bytes, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);

  before = g_get_monotonic_time ();
  g_assert_false (aioproc_queue_put_bytes (queue, large, 20 * G_TIME_SPAN_MILLISECOND, NULL,
                                           &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_cmpint (g_get_monotonic_time () - before, >=, 20 * G_TIME_SPAN_MILLISECOND);
  g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 2);

  got = aioproc_queue_try_get_bytes (queue, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (got, bytes));
  g_assert_false (aioproc_queue_is_full (queue));
  g_assert_true (aioproc_queue_try_put_bytes (queue, bytes, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_queue_is_full (queue));

  g_assert_finalize_object (g_steal_pointer (&queue));
}

#define N_THREADS     3
#define N_PER_THREAD  3000

typedef struct {
  AioprocQueue *queue;
  guint32       first;
  guint8       *seen;   /* (array) of consumers */
} Worker;

static gpointer
producer_main (gpointer data)
{
  Worker *worker = data;

  for (guint32 i = 0; i < N_PER_THREAD; i++)
    {
      g_autoptr(GError) error = NULL;
      guint32 number = worker->first + i;
      g_autoptr(GBytes) filling = queue_test_make_bytes (number % 50 == 0 ? 6000 : number % 200, 0);
      GVariant *value = g_variant_new ("(u@ay)", number,
                                       g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING,
                                                                 filling, TRUE));

      g_assert_true (aioproc_queue_put (worker->queue, value, -1, NULL, &error));
      g_assert_no_error (error);
    }

  return NULL;
}

static gpointer
consumer_main (gpointer data)
{
  Worker *worker = data;
  guint32 last[N_THREADS] = { 0 };
  GVariant *value;

  while ((value = aioproc_queue_get (worker->queue, -1, NULL, NULL)) != NULL)
    {
      guint32 number;

      g_variant_get (value, "(u@ay)", &number, NULL);
      worker->seen[number]++;

      /* Of one producer, a consumer gets what comes later later. */
      g_assert_true (last[number / N_PER_THREAD] == 0 || last[number / N_PER_THREAD] < number);
      last[number / N_PER_THREAD] = number;
      g_variant_unref (value);
    }

  return NULL;
}

static void
test_queue_threads (void)
{
  guint8 seen[N_THREADS][N_THREADS * N_PER_THREAD] = { { 0 } };

  g_test_summary ("Threads of one process share a queue as processes do");

  for (guint max_items = 0; max_items < 10; max_items += 5)
    {
      g_autoptr(AioprocQueue) queue = queue_test_new (max_items);
      GThread *producers[N_THREADS];
      GThread *consumers[N_THREADS];
      Worker workers[N_THREADS];

      memset (seen, 0, sizeof (seen));

      for (guint i = 0; i < N_THREADS; i++)
        {
          workers[i] = (Worker) { queue, i * N_PER_THREAD, seen[i] };
          producers[i] = g_thread_new ("producer", producer_main, &workers[i]);
          consumers[i] = g_thread_new ("consumer", consumer_main, &workers[i]);
        }

      for (guint i = 0; i < N_THREADS; i++)
        g_thread_join (producers[i]);

      g_assert_true (aioproc_queue_close (queue, FALSE, NULL));

      for (guint i = 0; i < N_THREADS; i++)
        g_thread_join (consumers[i]);

      for (guint number = 0; number < N_THREADS * N_PER_THREAD; number++)
        g_assert_cmpuint (seen[0][number] + seen[1][number] + seen[2][number], ==, 1);

      g_assert_finalize_object (g_steal_pointer (&queue));
    }
}

static void
test_queue_too_large (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("More than 8 GiB are refused when they are put");

  /* Nothing reads them. */
  bytes = g_bytes_new_static ("x", ((gsize) 1 << 33) + 1);

  g_assert_false (aioproc_queue_put_bytes (queue, bytes, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_clear_error (&error);
  aioproc_queue_put_bytes_async (queue, bytes, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_queue_put_bytes_finish (queue, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);

  g_clear_object (&result);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_descriptors (void)
{
  guint n_fds;

  g_test_summary ("Queues that are gone leave no descriptor behind");

  /* What the library keeps is made with the first one. */
  g_assert_finalize_object (queue_test_new (0));
  n_fds = aioproc_test_count_fds ();

  for (guint i = 0; i < 200; i++)
    {
      g_autoptr(AioprocQueue) queue = queue_test_new (i);
      g_autoptr(GBytes) bytes = queue_test_make_bytes (200000, i);
      g_autoptr(GError) error = NULL;

      g_assert_true (aioproc_queue_put_bytes (queue, bytes, -1, NULL, &error));
      g_assert_no_error (error);
      g_assert_finalize_object (g_steal_pointer (&queue));
    }

  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/queue/new", test_queue_new);
  aioproc_test_add_func ("/aioproc/queue/not-initialized", test_queue_not_initialized);
  aioproc_test_add_func ("/aioproc/queue/construct", test_queue_construct);
  aioproc_test_add_func ("/aioproc/queue/initialize-anew", test_queue_initialize_anew);
  aioproc_test_add_func ("/aioproc/queue/order", test_queue_order);
  aioproc_test_add_func ("/aioproc/queue/sizes", test_queue_sizes);
  aioproc_test_add_func ("/aioproc/queue/values", test_queue_values);
  aioproc_test_add_func ("/aioproc/queue/large-value", test_queue_large_value);
  aioproc_test_add_func ("/aioproc/queue/floating", test_queue_floating);
  aioproc_test_add_func ("/aioproc/queue/bad-values", test_queue_bad_values);
  aioproc_test_add_func ("/aioproc/queue/mismatch", test_queue_mismatch);
  aioproc_test_add_func ("/aioproc/queue/empty", test_queue_empty);
  aioproc_test_add_func ("/aioproc/queue/full", test_queue_full);
  aioproc_test_add_func ("/aioproc/queue/threads", test_queue_threads);
  aioproc_test_add_func ("/aioproc/queue/too-large", test_queue_too_large);
  aioproc_test_add_func ("/aioproc/queue/descriptors", test_queue_descriptors);

  return g_test_run ();
}
