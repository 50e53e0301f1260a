/* test-semaphore.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include <aioproc.h>

#include "aioproc-test.h"

#define MOST 1048575

static AioprocSemaphore *
new_semaphore (guint initial_value)
{
  g_autoptr(GError) error = NULL;
  AioprocSemaphore *semaphore = aioproc_semaphore_new (initial_value, &error);

  g_assert_no_error (error);
  g_assert_nonnull (semaphore);

  return semaphore;
}

static void
assert_units (AioprocSemaphore *semaphore,
              guint             n_free,
              guint             n_held)
{
  g_assert_cmpuint (aioproc_semaphore_get_value (semaphore), ==, n_free);
  g_assert_cmpuint (aioproc_semaphore_get_held (semaphore), ==, n_held);
  g_assert_cmpint (aioproc_semaphore_is_locked (semaphore), ==, n_free == 0);
}

static void
acquire (AioprocSemaphore *semaphore)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_semaphore_try_acquire (semaphore, &error));
  g_assert_no_error (error);
}

static void
release (AioprocSemaphore *semaphore)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_semaphore_release (semaphore, &error));
  g_assert_no_error (error);
}

static void
test_semaphore_count (void)
{
  g_autoptr(AioprocSemaphore) semaphore = new_semaphore (3);
  g_autoptr(GError) error = NULL;

  g_test_summary ("Units are free or held, and are counted");

  g_assert_cmpuint (aioproc_semaphore_get_initial_value (semaphore), ==, 3);
  assert_units (semaphore, 3, 0);

  for (guint i = 1; i <= 3; i++)
    {
      g_assert_true (aioproc_semaphore_acquire (semaphore, i - 2, NULL, &error));
      g_assert_no_error (error);
      assert_units (semaphore, 3 - i, i);
    }

  g_assert_false (aioproc_semaphore_try_acquire (semaphore, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  g_assert_false (aioproc_semaphore_acquire (semaphore, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);

  g_assert_true (aioproc_semaphore_consume (semaphore, &error));
  g_assert_no_error (error);
  assert_units (semaphore, 0, 2);
  g_assert_true (aioproc_semaphore_post (semaphore, &error));
  g_assert_no_error (error);
  assert_units (semaphore, 1, 2);
  release (semaphore);
  release (semaphore);
  assert_units (semaphore, 3, 0);

  g_assert_false (aioproc_semaphore_release (semaphore, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);
  g_clear_error (&error);
  g_assert_false (aioproc_semaphore_consume (semaphore, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);
  assert_units (semaphore, 3, 0);
  g_assert_cmpuint (aioproc_semaphore_get_initial_value (semaphore), ==, 3);

  g_assert_finalize_object (g_steal_pointer (&semaphore));
}

static void
test_semaphore_many (void)
{
  g_autoptr(AioprocSemaphore) semaphore = new_semaphore (1000);

  g_test_summary ("More units come and go than a balance notes");

  for (guint round = 0; round < 3; round++)
    {
      for (guint i = 0; i < 1000; i++)
        acquire (semaphore);

      assert_units (semaphore, 0, 1000);

      for (guint i = 0; i < 1000; i++)
        release (semaphore);

      assert_units (semaphore, 1000, 0);
    }

  g_assert_finalize_object (g_steal_pointer (&semaphore));
}

static void
test_semaphore_zero (void)
{
  g_autoptr(AioprocSemaphore) semaphore = new_semaphore (0);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A semaphore that begins with nothing is a signal that is counted");

  assert_units (semaphore, 0, 0);
  aioproc_semaphore_acquire_async (semaphore, -1, NULL, aioproc_test_store_result, &result);

  for (guint i = 0; i < 3; i++)
    {
      g_assert_true (aioproc_semaphore_post (semaphore, &error));
      g_assert_no_error (error);
    }

  aioproc_test_wait (&result);
  g_assert_true (aioproc_semaphore_acquire_finish (semaphore, result, &error));
  g_assert_no_error (error);
  g_clear_object (&result);
  assert_units (semaphore, 2, 1);

  g_assert_finalize_object (g_steal_pointer (&semaphore));
}

static void
test_semaphore_most (void)
{
  g_autoptr(AioprocSemaphore) semaphore = new_semaphore (MOST);
  g_autoptr(GError) error = NULL;

  g_test_summary ("There can be so many units, and no more");

  assert_units (semaphore, MOST, 0);
  g_assert_false (aioproc_semaphore_post (semaphore, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  acquire (semaphore);
  g_assert_false (aioproc_semaphore_post (semaphore, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);
  release (semaphore);
  assert_units (semaphore, MOST, 0);
  g_assert_finalize_object (g_steal_pointer (&semaphore));

  g_assert_null (aioproc_semaphore_new (MOST + 1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_null (aioproc_bounded_semaphore_new (G_MAXUINT, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

static void
test_semaphore_bounded (void)
{
  g_autoptr(AioprocBoundedSemaphore) bounded = NULL;
  AioprocSemaphore *semaphore;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A bounded semaphore never has more units than at first");

  bounded = aioproc_bounded_semaphore_new (2, &error);
  g_assert_no_error (error);
  semaphore = AIOPROC_SEMAPHORE (bounded);
  g_assert_true (AIOPROC_IS_BOUNDED_SEMAPHORE (semaphore));
  assert_units (semaphore, 2, 0);
  g_assert_false (aioproc_semaphore_post (semaphore, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);

  acquire (semaphore);
  g_assert_false (aioproc_semaphore_post (semaphore, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);

  g_assert_true (aioproc_semaphore_consume (semaphore, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_semaphore_post (semaphore, &error));
  g_assert_no_error (error);
  assert_units (semaphore, 2, 0);
  g_assert_false (aioproc_semaphore_release (semaphore, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);

  g_assert_finalize_object (g_steal_pointer (&bounded));
}

static void
test_semaphore_async_order (void)
{
  g_autoptr(AioprocSemaphore) semaphore = new_semaphore (2);
  g_autoptr(GError) error = NULL;
  GAsyncResult *results[100] = { NULL };

  g_test_summary ("Operations of one process get units in their order");

  acquire (semaphore);
  acquire (semaphore);

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    aioproc_semaphore_acquire_async (semaphore, -1, NULL, aioproc_test_store_result, &results[i]);

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    {
      g_assert_null (results[i]);
      release (semaphore);
      aioproc_test_wait (&results[i]);
      g_assert_true (aioproc_semaphore_acquire_finish (semaphore, results[i], &error));
      g_assert_no_error (error);
      g_clear_object (&results[i]);
    }

  assert_units (semaphore, 0, 2);
  g_assert_finalize_object (g_steal_pointer (&semaphore));
}

static void
test_semaphore_cancelled (void)
{
  g_autoptr(AioprocSemaphore) semaphore = new_semaphore (1);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GAsyncResult) other = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A cancelled operation holds no unit, and the one behind it gets it");

  acquire (semaphore);
  aioproc_semaphore_acquire_async (semaphore, -1, cancellable, aioproc_test_store_result, &result);
  aioproc_semaphore_acquire_async (semaphore, -1, NULL, aioproc_test_store_result, &other);
  g_cancellable_cancel (cancellable);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_semaphore_acquire_finish (semaphore, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_clear_object (&result);

  release (semaphore);
  aioproc_test_wait (&other);
  g_assert_true (aioproc_semaphore_acquire_finish (semaphore, other, &error));
  g_assert_no_error (error);
  g_clear_object (&other);
  assert_units (semaphore, 0, 1);
  release (semaphore);

  g_assert_false (aioproc_semaphore_acquire (semaphore, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_units (semaphore, 1, 0);
  g_assert_finalize_object (g_steal_pointer (&semaphore));
}

static void
test_semaphore_cancelled_late (void)
{
  g_autoptr(AioprocSemaphore) semaphore = new_semaphore (1);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A unit acquired before cancellation is still delivered to the caller");

  aioproc_semaphore_acquire_async (semaphore, -1, cancellable, aioproc_test_store_result, &result);
  g_cancellable_cancel (cancellable);
  aioproc_test_wait (&result);
  g_assert_true (aioproc_semaphore_acquire_finish (semaphore, result, &error));
  g_assert_no_error (error);
  g_clear_object (&result);
  assert_units (semaphore, 0, 1);
  g_assert_finalize_object (g_steal_pointer (&semaphore));
}

static void
test_semaphore_not_initialized (void)
{
  g_autoptr(AioprocSemaphore) semaphore = aioproc_test_new_uninitialized (AIOPROC_TYPE_SEMAPHORE);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  gboolean (*const funcs[]) (AioprocSemaphore  *self,
                             GError           **error) = {
    aioproc_semaphore_try_acquire, aioproc_semaphore_release, aioproc_semaphore_post,
    aioproc_semaphore_consume,
  };

  g_test_summary ("A semaphore that could not be initialised says so, and can be later");

  g_assert_cmpuint (aioproc_semaphore_get_value (semaphore), ==, 0);
  g_assert_cmpuint (aioproc_semaphore_get_held (semaphore), ==, 0);
  g_assert_false (aioproc_semaphore_is_locked (semaphore));

  for (guint i = 0; i < G_N_ELEMENTS (funcs); i++)
    {
      g_assert_false (funcs[i] (semaphore, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
      g_clear_error (&error);
    }

  g_assert_false (aioproc_semaphore_acquire (semaphore, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);

  aioproc_semaphore_acquire_async (semaphore, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_semaphore_acquire_finish (semaphore, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);
  g_clear_object (&result);

  g_assert_false (g_initable_init (G_INITABLE (semaphore), NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  g_clear_error (&error);
  g_assert_true (g_initable_init (G_INITABLE (semaphore), NULL, &error));
  g_assert_no_error (error);
  assert_units (semaphore, 1, 0);
  g_assert_finalize_object (g_steal_pointer (&semaphore));
}

static void
test_semaphore_construct (void)
{
  g_autoptr(AioprocSemaphore) semaphore = NULL;
  g_autofree char *name = NULL;
  guint initial_value;

  g_test_summary ("An object that was only constructed is ready, with its properties");

  semaphore = g_object_new (AIOPROC_TYPE_BOUNDED_SEMAPHORE, "name", "plain", "initial-value", 4,
                            NULL);
  g_object_get (semaphore, "name", &name, "initial-value", &initial_value, NULL);
  g_assert_cmpstr (name, ==, "plain");
  g_assert_cmpuint (initial_value, ==, 4);
  assert_units (semaphore, 4, 0);
  g_assert_true (g_initable_init (G_INITABLE (semaphore), NULL, NULL));
  assert_units (semaphore, 4, 0);
  g_assert_finalize_object (g_steal_pointer (&semaphore));
}

static void
test_semaphore_dispose_pending (void)
{
  g_autoptr(AioprocSemaphore) semaphore = new_semaphore (1);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Pending operations of a semaphore that is disposed of end as closed");

  acquire (semaphore);
  aioproc_semaphore_acquire_async (semaphore, -1, NULL, aioproc_test_store_result, &result);
  g_object_run_dispose (G_OBJECT (semaphore));
  aioproc_test_wait (&result);
  g_assert_false (aioproc_semaphore_acquire_finish (semaphore, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_clear_object (&result);

  /* What is held can still be released, but nothing is acquired any more. */
  release (semaphore);
  g_assert_false (aioproc_semaphore_try_acquire (semaphore, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_false (aioproc_semaphore_acquire (semaphore, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_assert_finalize_object (g_steal_pointer (&semaphore));
}

static void
test_semaphore_name (void)
{
  g_autoptr(AioprocSemaphore) semaphore = NULL;
  g_autoptr(AioprocSemaphore) nameless = new_semaphore (1);
  g_autoptr(GError) error = NULL;

  g_test_summary ("Errors name the semaphore");

  g_assert_null (aioproc_semaphore_get_name (nameless));
  semaphore = g_initable_new (AIOPROC_TYPE_SEMAPHORE, NULL, &error, "name", "Plätze",
                              "initial-value", 0, NULL);
  g_assert_no_error (error);
  g_assert_cmpstr (aioproc_semaphore_get_name (semaphore), ==, "Plätze");

  g_assert_false (aioproc_semaphore_release (semaphore, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);
  g_assert_nonnull (strstr (error->message, "“Plätze”"));
  g_clear_error (&error);
  g_assert_false (aioproc_semaphore_try_acquire (semaphore, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_assert_nonnull (strstr (error->message, "“Plätze”"));
  g_clear_error (&error);
  g_assert_false (aioproc_semaphore_acquire (semaphore, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_nonnull (strstr (error->message, "“Plätze”"));

  g_assert_finalize_object (g_steal_pointer (&semaphore));
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/semaphore/count", test_semaphore_count);
  aioproc_test_add_func ("/aioproc/semaphore/many", test_semaphore_many);
  aioproc_test_add_func ("/aioproc/semaphore/zero", test_semaphore_zero);
  aioproc_test_add_func ("/aioproc/semaphore/most", test_semaphore_most);
  aioproc_test_add_func ("/aioproc/semaphore/bounded", test_semaphore_bounded);
  aioproc_test_add_func ("/aioproc/semaphore/acquire/async-order", test_semaphore_async_order);
  aioproc_test_add_func ("/aioproc/semaphore/acquire/cancelled", test_semaphore_cancelled);
  aioproc_test_add_func ("/aioproc/semaphore/acquire/cancelled-late",
                         test_semaphore_cancelled_late);
  aioproc_test_add_func ("/aioproc/semaphore/not-initialized", test_semaphore_not_initialized);
  aioproc_test_add_func ("/aioproc/semaphore/construct", test_semaphore_construct);
  aioproc_test_add_func ("/aioproc/semaphore/dispose/pending", test_semaphore_dispose_pending);
  aioproc_test_add_func ("/aioproc/semaphore/name", test_semaphore_name);

  return g_test_run ();
}
