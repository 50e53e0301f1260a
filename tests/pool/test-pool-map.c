/* test-pool-map.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>
#include <string.h>

#include "pool-test.h"

#define N_ITEMS 10000

static GVariant **
new_items (gsize n_items)
{
  GVariant **items = g_new (GVariant *, n_items + 1);

  for (gsize i = 0; i < n_items; i++)
    items[i] = g_variant_new ("(x)", (gint64) i);

  return items;
}

static void
check_results (GPtrArray *results,
               gsize      n_items)
{
  g_assert_cmpuint (results->len, ==, n_items);

  for (gsize i = 0; i < n_items; i++)
    aioproc_test_assert_variant (g_ptr_array_index (results, i),
                                 g_variant_new ("(x)", (gint64) i + 1));
}

static void
test_sync (void)
{
  const guint chunk_sizes[] = { 0, 1, 7, 1000, 2 * N_ITEMS };
  g_autoptr(AioprocPool) pool = test_pool_new (2);

  g_test_summary ("The results of a map are in order, whatever the size of its chunks.");

  for (guint i = 0; i < G_N_ELEMENTS (chunk_sizes); i++)
    {
      g_autofree GVariant **items = new_items (N_ITEMS);
      g_autoptr(GPtrArray) results = NULL;
      g_autoptr(GError) error = NULL;

      results = aioproc_pool_map (pool, "work", items, N_ITEMS, chunk_sizes[i], NULL, &error);
      g_assert_no_error (error);
      check_results (results, N_ITEMS);
    }

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_async (void)
{
  const gsize n_items[] = { 0, 1, 3, 100, N_ITEMS };
  g_autoptr(AioprocPool) pool = test_pool_new (2);
  GAsyncResult *async_results[G_N_ELEMENTS (n_items)] = { NULL };

  g_test_summary ("Several maps are made at once; one without items has no results.");

  for (guint i = 0; i < G_N_ELEMENTS (n_items); i++)
    {
      g_autofree GVariant **items = new_items (n_items[i]);

      aioproc_pool_map_async (pool, "work", items, n_items[i], i % 2, NULL,
                              aioproc_test_store_result, &async_results[i]);
    }

  for (guint i = 0; i < G_N_ELEMENTS (n_items); i++)
    {
      g_autoptr(GPtrArray) results = NULL;
      g_autoptr(GError) error = NULL;

      aioproc_test_wait (&async_results[i]);
      results = aioproc_pool_map_finish (pool, async_results[i], &error);
      g_assert_no_error (error);
      check_results (results, n_items[i]);
      g_clear_object (&async_results[i]);
    }

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_large_items (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (2);
  g_autofree char *text = g_strnfill (300000, 'x');
  g_autoptr(GPtrArray) results = NULL;
  g_autoptr(GError) error = NULL;
  GVariant *items[20];

  g_test_summary ("Items may be large.");

  for (guint i = 0; i < G_N_ELEMENTS (items); i++)
    items[i] = g_variant_new ("(us)", i, text);

  results = aioproc_pool_map (pool, "echo", items, G_N_ELEMENTS (items), 5, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (results->len, ==, G_N_ELEMENTS (items));
  for (guint i = 0; i < G_N_ELEMENTS (items); i++)
    aioproc_test_assert_variant (g_ptr_array_index (results, i), g_variant_new ("(us)", i, text));

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_failing (void)
{
  const guint chunk_sizes[] = { 0, 1, 10 };
  g_autoptr(AioprocPool) pool = test_pool_new (1);

  g_test_summary ("A map fails with the first of its calls that fails, and makes no more.");

  for (guint i = 0; i < G_N_ELEMENTS (chunk_sizes); i++)
    {
      g_autofree GVariant **items = new_items (N_ITEMS);
      g_autoptr(GPtrArray) results = NULL;
      g_autoptr(GError) error = NULL;

      g_variant_unref (g_variant_ref_sink (items[42]));
      items[42] = g_variant_new ("(s)", "no number");
      results = aioproc_pool_map (pool, "work", items, N_ITEMS, chunk_sizes[i], NULL, &error);
      g_assert_null (results);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_assert_true (g_str_has_prefix (error->message, "Item 42: "));
    }

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_bad_item (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (1);
  g_autofree GVariant **items = new_items (N_ITEMS);
  g_autoptr(GPtrArray) results = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A map with an item that cannot be sent fails, and says which it is.");

  g_variant_unref (g_variant_ref_sink (items[N_ITEMS - 1]));
  items[N_ITEMS - 1] = g_variant_new ("(h)", 0);
  results = aioproc_pool_map (pool, "work", items, N_ITEMS, 10, NULL, &error);
  g_assert_null (results);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_assert_nonnull (strstr (error->message, "Item 9999"));

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_death (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (2);
  g_autofree GVariant **items = new_items (4);
  g_autoptr(GPtrArray) results = NULL;
  g_autoptr(GVariant) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A map one of whose workers dies fails, and the pool goes on.");

  for (guint i = 0; i < 4; i++)
    {
      g_variant_unref (g_variant_ref_sink (items[i]));
      items[i] = g_variant_new ("(i)", SIGKILL);
    }

  results = aioproc_pool_map (pool, "die", items, 4, 1, NULL, &error);
  g_assert_null (results);
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);

  result = test_pool_apply (pool, "pid", NULL);

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_cancel (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new_with ("n-workers", 2, "cancel-grace",
                                                    G_GINT64_CONSTANT (1000), NULL);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autofree GVariant **items = new_items (N_ITEMS);
  g_autoptr(GVariant) result = NULL;
  g_autoptr(GError) error = NULL;
  GAsyncResult *async_result = NULL;

  g_test_summary ("A map that is cancelled ends, and so do its calls.");

  aioproc_pool_map_async (pool, "block", items, N_ITEMS, 1, cancellable, aioproc_test_store_result,
                          &async_result);
  g_cancellable_cancel (cancellable);
  aioproc_test_wait (&async_result);
  g_assert_null (aioproc_pool_map_finish (pool, async_result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_clear_object (&async_result);

  g_assert_null (aioproc_pool_map (pool, "block", items, 0, 1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  result = test_pool_apply (pool, "pid", NULL);

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_closed (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (2);
  g_autofree GVariant **items = new_items (N_ITEMS);
  g_autoptr(GPtrArray) results = NULL;
  g_autoptr(GError) error = NULL;
  GAsyncResult *async_result = NULL;

  g_test_summary ("A map that was begun before its pool is closed is brought to its end.");

  aioproc_pool_map_async (pool, "work", items, N_ITEMS, 1, NULL, aioproc_test_store_result,
                          &async_result);
  aioproc_pool_close (pool);
  aioproc_test_wait (&async_result);
  results = aioproc_pool_map_finish (pool, async_result, &error);
  g_assert_no_error (error);
  check_results (results, N_ITEMS);
  g_clear_object (&async_result);

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_terminated (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (2);
  g_autofree GVariant **items = new_items (N_ITEMS);
  g_autoptr(GError) error = NULL;
  GAsyncResult *async_result = NULL;

  g_test_summary ("A map ends with its pool.");

  aioproc_pool_map_async (pool, "block", items, N_ITEMS, 1, NULL, aioproc_test_store_result,
                          &async_result);
  aioproc_pool_terminate (pool);
  aioproc_test_wait (&async_result);
  g_assert_null (aioproc_pool_map_finish (pool, async_result, &error));
  g_assert_true (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ||
                 g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED));
  g_clear_error (&error);
  g_clear_object (&async_result);

  g_assert_true (aioproc_pool_join (pool, -1, NULL, &error));
}

int
main (int   argc,
      char *argv[])
{
  test_pool_init ();
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/pool/map/sync", test_sync);
  aioproc_test_add_func ("/aioproc/pool/map/async", test_async);
  aioproc_test_add_func ("/aioproc/pool/map/large-items", test_large_items);
  aioproc_test_add_func ("/aioproc/pool/map/failing", test_failing);
  aioproc_test_add_func ("/aioproc/pool/map/bad-item", test_bad_item);
  aioproc_test_add_func ("/aioproc/pool/map/death", test_death);
  aioproc_test_add_func ("/aioproc/pool/map/cancel", test_cancel);
  aioproc_test_add_func ("/aioproc/pool/map/closed", test_closed);
  aioproc_test_add_func ("/aioproc/pool/map/terminated", test_terminated);

  return g_test_run ();
}
