/* test-pool-uninitialized.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"

/* This program cannot be a worker: it does not call aioproc_init(). */

static void
test_new (void)
{
  g_autoptr(AioprocPool) pool = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A pool whose workers cannot be started, ever, is not made.");

  pool = aioproc_pool_new (NULL, 2, &error);
  g_assert_null (pool);
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_INITIALIZED);
}

static void
test_use (void)
{
  g_autoptr(AioprocPool) pool = g_object_new (AIOPROC_TYPE_POOL, "n-workers", 1, NULL);
  GVariant *items[] = { g_variant_new ("(x)", G_GINT64_CONSTANT (1)) };
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;

  g_test_summary ("One that a binding has made without asking says so whenever it is used.");

  g_assert_null (aioproc_pool_apply (pool, "work", g_variant_new ("(x)", G_GINT64_CONSTANT (1)),
                                     NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);

  g_assert_null (aioproc_pool_map (pool, "work", items, 1, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);

  g_assert_false (aioproc_pool_join (pool, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);

  aioproc_pool_apply_async (pool, "work", NULL, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_null (aioproc_pool_apply_finish (pool, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);
  g_clear_object (&result);

  aioproc_pool_join_async (pool, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_pool_join_finish (pool, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_object (&result);

  aioproc_pool_close (pool);
  aioproc_pool_terminate (pool);
  g_assert_finalize_object (g_steal_pointer (&pool));
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/pool/uninitialized/new", test_new);
  aioproc_test_add_func ("/aioproc/pool/uninitialized/use", test_use);

  return g_test_run ();
}
