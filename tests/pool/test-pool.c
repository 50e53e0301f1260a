/* test-pool.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pool-test.h"

/* Calls that succeed, or fail by themselves. */

#define N_CALLS 1000
#define N_BYTES (4 * 1024 * 1024)

static void
test_apply (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (2);

  g_test_summary ("Calls are made one after the other, in processes that stay.");

  for (int i = 0; i < N_CALLS; i++)
    {
      g_autoptr(GVariant) result = test_pool_apply (pool, "work",
                                                      g_variant_new ("(x)", (gint64) i));

      aioproc_test_assert_variant (result, g_variant_new ("(x)", (gint64) i + 1));
    }

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_apply_async (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (2);
  GAsyncResult *results[N_CALLS] = { NULL };

  g_test_summary ("Many calls are on their way at once, and each has its own result.");

  for (int i = 0; i < N_CALLS; i++)
    aioproc_pool_apply_async (pool, "work", g_variant_new ("(x)", (gint64) i), NULL,
                              aioproc_test_store_result, &results[i]);

  for (int i = 0; i < N_CALLS; i++)
    {
      g_autoptr(GVariant) result = NULL;
      g_autoptr(GError) error = NULL;

      aioproc_test_wait (&results[i]);
      result = aioproc_pool_apply_finish (pool, results[i], &error);
      g_assert_no_error (error);
      aioproc_test_assert_variant (result, g_variant_new ("(x)", (gint64) i + 1));
      g_clear_object (&results[i]);
    }

  test_pool_end (g_steal_pointer (&pool));
}

static gpointer
apply_thread (gpointer data)
{
  AioprocPool *pool = data;

  for (int i = 0; i < N_CALLS; i++)
    {
      g_autoptr(GVariant) result = test_pool_apply (pool, "work",
                                                      g_variant_new ("(x)", (gint64) i));

      aioproc_test_assert_variant (result, g_variant_new ("(x)", (gint64) i + 1));
    }

  return NULL;
}

static void
test_threads (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (2);
  GThread *threads[4];

  g_test_summary ("Several threads have a pool together, each of which waits for its own calls.");

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("apply", apply_thread, pool);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_large (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (1);
  g_autoptr(GVariant) grown = NULL;
  g_autoptr(GVariant) echoed = NULL;
  g_autofree char *text = g_strnfill (N_BYTES, 'x');

  g_test_summary ("Arguments and results may be too large for a slot.");

  grown = test_pool_apply (pool, "grow", g_variant_new ("(u)", N_BYTES));
  g_assert_cmpstr (g_variant_get_string (grown, NULL), ==, text);

  echoed = test_pool_apply (pool, "echo", g_variant_new ("(s)", text));
  aioproc_test_assert_variant (echoed, g_variant_new ("(s)", text));

  /* Around the size of a slot, to the byte. */
  for (guint32 length = 400; length < 500; length++)
    {
      g_autoptr(GVariant) result = test_pool_apply (pool, "grow", g_variant_new ("(u)", length));
      g_autoptr(GVariant) echo = test_pool_apply (pool, "echo", result);

      g_assert_cmpuint (strlen (g_variant_get_string (echo, NULL)), ==, length);
    }

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_message (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (1);
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(AioprocMessage) result = NULL;
  g_autoptr(AioprocEvent) event = test_event_new ();
  g_autoptr(GBytes) bytes = g_bytes_new_take (g_malloc0 (N_BYTES), N_BYTES);
  g_autoptr(GBytes) received = NULL;
  g_autoptr(GObject) object = NULL;
  g_autoptr(GVariant) body = NULL;
  g_autoptr(GError) error = NULL;
  int handles[2];

  g_test_summary ("Objects and bytes travel with a call, and with its result.");

  handles[0] = aioproc_message_append_bytes (message, bytes);
  handles[1] = aioproc_message_append_object (message, G_OBJECT (event), &error);
  g_assert_no_error (error);
  aioproc_message_set_body (message, g_variant_new ("(hh)", handles[0], handles[1]));

  result = aioproc_pool_apply_message (pool, "echo", message, NULL, &error);
  g_assert_no_error (error);
  body = aioproc_message_dup_body (result);
  g_variant_get (body, "(hh)", &handles[0], &handles[1]);

  received = aioproc_message_dup_bytes (result, handles[0], &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (received, bytes));

  object = aioproc_message_dup_object (result, handles[1], &error);
  g_assert_no_error (error);
  g_assert_true (object == G_OBJECT (event));

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_errors (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (1);
  g_autoptr(GVariant) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A call that fails has the error of its function, and costs nothing else.");

  g_assert_null (aioproc_pool_apply (pool, "fail", g_variant_new ("(s)", "Nowhere"), NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_cmpstr (error->message, ==, "Nowhere");
  g_clear_error (&error);

  g_assert_null (aioproc_pool_apply (pool, "fail-strangely", NULL, NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_REMOTE);
  g_clear_error (&error);

  g_assert_null (aioproc_pool_apply (pool, "no-such-function", NULL, NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "no-such-function"));
  g_clear_error (&error);

  g_assert_null (aioproc_pool_apply (pool, "work", g_variant_new ("(s)", "x"), NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);

  g_assert_null (aioproc_pool_apply (pool, "work", g_variant_new ("(h)", 0), NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);

  result = test_pool_apply (pool, "count", NULL);
  aioproc_test_assert_variant (result, g_variant_new ("(u)", 1));

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_deferred (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (1);

  g_test_summary ("Functions may return later, from a source or a thread of the worker.");

  for (int i = 0; i < 10; i++)
    {
      g_autoptr(GVariant) result = test_pool_apply (pool, "defer", g_variant_new ("(i)", i));
      g_autoptr(GVariant) other = test_pool_apply (pool, "defer-thread", g_variant_new ("(i)", i));

      aioproc_test_assert_variant (result, g_variant_new ("(i)", i));
      aioproc_test_assert_variant (other, g_variant_new ("(i)", i));
    }

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_initializer (void)
{
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_SPAWN);
  g_autoptr(AioprocPool) pool = NULL;
  g_autoptr(GVariant) result = NULL;

  g_test_summary ("Each worker runs the initializer before its first task.");

  pool = test_pool_new_with ("context", context, "n-workers", 1, "initializer", "count",
                             "initializer-arguments", g_variant_new ("(s)", "unused"),
                             "name", "initialized", NULL);
  g_assert_cmpstr (aioproc_pool_get_name (pool), ==, "initialized");
  g_assert_true (aioproc_pool_get_context (pool) == context);
  g_assert_cmpuint (aioproc_pool_get_n_workers (pool), ==, 1);

  result = test_pool_apply (pool, "count", NULL);
  aioproc_test_assert_variant (result, g_variant_new ("(u)", 2));

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_all_work (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (3);
  g_autoptr(AioprocEvent) go = test_event_new ();
  g_autoptr(GHashTable) pids = g_hash_table_new (NULL, NULL);
  GAsyncResult *results[3] = { NULL };
  g_autoptr(GError) error = NULL;

  g_test_summary ("As many calls run at once as there are workers.");

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    test_pool_begin (pool, "meet", go, NULL, &results[i]);

  aioproc_event_set (go, &error);
  g_assert_no_error (error);

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    {
      g_autoptr(AioprocMessage) message = NULL;
      g_autoptr(GVariant) body = NULL;
      int pid;

      aioproc_test_wait (&results[i]);
      message = aioproc_pool_apply_message_finish (pool, results[i], &error);
      g_assert_no_error (error);
      body = aioproc_message_dup_body (message);
      g_variant_get (body, "(i)", &pid);
      g_hash_table_add (pids, GINT_TO_POINTER (pid));
      g_clear_object (&results[i]);
    }

  g_assert_cmpuint (g_hash_table_size (pids), ==, G_N_ELEMENTS (results));

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_nested (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (1);
  g_autoptr(GVariant) result = NULL;

  g_test_summary ("Workers have pools of their own.");

  result = test_pool_apply (pool, "nest", g_variant_new ("(u)", 3));
  aioproc_test_assert_variant (result, g_variant_new ("(u)", 3));

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_too_deep (void)
{
  g_autoptr(AioprocPool) pool = test_pool_new (1);
  g_autoptr(GVariant) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Those have limits, which a program that runs away meets.");

  result = test_pool_apply (pool, "nest", g_variant_new ("(u)", 9));
  aioproc_test_assert_variant (result, g_variant_new ("(u)", 9));

  g_assert_null (aioproc_pool_apply (pool, "nest", g_variant_new ("(u)", 10), NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_assert_nonnull (strstr (error->message, "10 processes below"));

  test_pool_end (g_steal_pointer (&pool));
}

static void
test_forked (void)
{
  AioprocPool *pool = test_pool_new (1);
  g_autoptr(GVariant) result = test_pool_apply (pool, "pid", NULL);
  int status;
  pid_t pid;

  g_test_summary ("A forked child cannot use the pool of its parent, nor harm it.");

  pid = fork ();

  if (pid == 0)
    {
      g_autoptr(GError) error = NULL;

      if (aioproc_pool_apply (pool, "pid", NULL, NULL, &error) != NULL ||
          !g_error_matches (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE))
        _exit (1);

      aioproc_pool_close (pool);
      aioproc_pool_terminate (pool);
      g_clear_error (&error);
      if (aioproc_pool_join (pool, -1, NULL, &error) ||
          !g_error_matches (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE))
        _exit (2);

      _exit (0);
    }

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);

  g_clear_pointer (&result, g_variant_unref);
  result = test_pool_apply (pool, "pid", NULL);

  test_pool_end (pool);
}

int
main (int   argc,
      char *argv[])
{
  test_pool_init ();
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/pool/apply/sync", test_apply);
  aioproc_test_add_func ("/aioproc/pool/apply/async", test_apply_async);
  aioproc_test_add_func ("/aioproc/pool/apply/threads", test_threads);
  aioproc_test_add_func ("/aioproc/pool/apply/large", test_large);
  aioproc_test_add_func ("/aioproc/pool/apply/message", test_message);
  aioproc_test_add_func ("/aioproc/pool/apply/errors", test_errors);
  aioproc_test_add_func ("/aioproc/pool/apply/deferred", test_deferred);
  aioproc_test_add_func ("/aioproc/pool/apply/initializer", test_initializer);
  aioproc_test_add_func ("/aioproc/pool/apply/all-work", test_all_work);
  aioproc_test_add_func ("/aioproc/pool/apply/nested", test_nested);
  aioproc_test_add_func ("/aioproc/pool/apply/too-deep", test_too_deep);
  aioproc_test_add_func ("/aioproc/pool/apply/forked", test_forked);

  return g_test_run ();
}
