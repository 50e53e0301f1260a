/* test-connection-source.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A connection as one of many that a main context waits for: of each kind, what can be ready. */

#include <aioproc.h>

#include "aioproc-test.h"
#include "connection-kinds.h"
#include "connection-test.h"

static gboolean
is_ready (AioprocConnection *connection)
{
  return aioproc_waitable_is_ready (AIOPROC_WAITABLE (connection));
}

/* A wait that is under way on the context, which is the thread's default. */
static void
begin (AioprocConnection  *connection,
       GAsyncResult      **result)
{
  AioprocWaitable *waitable = AIOPROC_WAITABLE (connection);

  aioproc_wait_async (&waitable, 1, -1, NULL, aioproc_test_store_result, result);
}

static void
end (AioprocConnection  *connection,
     GAsyncResult      **result)
{
  g_autoptr(GPtrArray) found = NULL;
  g_autoptr(GError) error = NULL;

  aioproc_test_wait (result);
  found = aioproc_wait_finish (*result, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (found->len, ==, 1);
  g_assert_true (g_ptr_array_index (found, 0) == connection);
  g_assert_true (is_ready (connection));
  g_clear_object (result);
}

/* While it is not ready, the context comes to rest. */
static void
begin_at_rest (AioprocConnection  *connection,
               GMainContext       *context,
               GAsyncResult      **result)
{
  g_assert_false (is_ready (connection));
  begin (connection, result);

  while (g_main_context_iteration (context, FALSE))
    continue;

  g_assert_false (g_main_context_iteration (context, FALSE));
  g_assert_null (*result);
}

static void
test_source_message (gconstpointer data)
{
  const ConnectionKind *kind = data;
  const char *lack = connection_kind_get_lack (kind);
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GAsyncResult) result = NULL;
  AioprocConnection *a, *b;

  g_test_summary ("A wait ends for what has come, takes nothing, and rests before");

  if (lack != NULL)
    {
      g_test_skip (lack);
      return;
    }

  g_main_context_push_thread_default (context);
  connection_kind_make (kind, &a, &b);

  for (guint32 i = 0; i < 20; i++)
    {
      begin_at_rest (b, context, &result);
      connection_test_send_number (a, i);
      end (b, &result);
      begin (b, &result);
      end (b, &result);
      g_assert_cmpuint (connection_test_recv_number (b), ==, i);
    }

  /* The end of the peer is something, too. */
  begin_at_rest (b, context, &result);
  aioproc_connection_close (a);
  end (b, &result);
  connection_test_assert_recv (b, G_IO_ERROR_CLOSED);
  begin (b, &result);
  end (b, &result);

  g_assert_finalize_object (a);
  g_assert_finalize_object (b);
  g_main_context_pop_thread_default (context);
}

static void
test_source_held (void)
{
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GBytes) bytes = g_bytes_new_static ("0123456789", 10);
  g_autoptr(GAsyncResult) early = NULL;
  g_autoptr(GAsyncResult) late = NULL;
  g_autoptr(GBytes) received = NULL;
  g_autoptr(GError) error = NULL;
  AioprocConnection *a, *b;

  g_test_summary ("A message that was left behind shows, which the descriptor does not");

  g_main_context_push_thread_default (context);
  connection_test_pipe (&a, &b);
  begin_at_rest (b, context, &early);
  g_assert_true (aioproc_connection_send_bytes (a, bytes, 0, -1, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_null (aioproc_connection_recv_bytes (b, 5, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_clear_error (&error);

  end (b, &early);
  begin (b, &late);
  end (b, &late);
  received = aioproc_connection_recv_bytes (b, 10, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_false (is_ready (b));

  g_assert_finalize_object (a);
  g_assert_finalize_object (b);
  g_main_context_pop_thread_default (context);
}

static void
test_source_parsed (void)
{
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GAsyncResult) ready = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GAsyncResult) sent = NULL;
  g_autoptr(AioprocMessage) large = connection_test_new_large (1);
  g_autoptr(GBytes) none = NULL;
  g_autoptr(GError) error = NULL;
  AioprocConnection *a, *b;

  g_test_summary ("A message that another thread has parsed, and nobody could take, ends a wait");

  g_main_context_push_thread_default (context);
  connection_test_pipe (&a, &b);
  aioproc_connection_recv_bytes_async (b, -1, -1, NULL, aioproc_test_store_result, &result);
  aioproc_connection_send_async (a, large, -1, NULL, aioproc_test_store_result, &sent);
  aioproc_test_wait (&result);
  begin (b, &ready);
  none = aioproc_connection_recv_bytes_finish (b, result, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_assert_null (none);
  g_clear_object (&result);
  end (b, &ready);
  g_assert_cmpuint (connection_test_recv_number (b), ==, 1);
  begin_at_rest (b, context, &ready);
  connection_test_finish_send (a, &sent, -1);
  aioproc_connection_close (b);
  end (b, &ready);

  g_assert_finalize_object (a);
  g_assert_finalize_object (b);
  g_main_context_pop_thread_default (context);
}

static gpointer
close_thread (gpointer data)
{
  aioproc_connection_close (data);

  return NULL;
}

static void
test_source_closed (gconstpointer data)
{
  const ConnectionKind *kind = data;
  const char *lack = connection_kind_get_lack (kind);

  g_test_summary ("A close here wakes a wait, from any thread, at any moment");

  if (lack != NULL)
    {
      g_test_skip (lack);
      return;
    }

  for (guint i = 0; i < 50; i++)
    {
      g_autoptr(GMainContext) context = g_main_context_new ();
      g_autoptr(GAsyncResult) result = NULL;
      AioprocConnection *a, *b;
      GThread *thread;

      g_main_context_push_thread_default (context);
      connection_kind_make (kind, &a, &b);

      if (i % 2 == 0)
        begin_at_rest (b, context, &result);
      else
        begin (b, &result);

      thread = g_thread_new ("close", close_thread, b);
      end (b, &result);
      g_thread_join (thread);
      begin (b, &result);
      end (b, &result);
      g_assert_finalize_object (a);
      g_assert_finalize_object (b);
      g_main_context_pop_thread_default (context);
    }
}

static void
test_source_life (void)
{
  g_autoptr(AioprocConnection) nothing = g_object_new (AIOPROC_TYPE_CONNECTION, NULL);
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GAsyncResult) result = NULL;
  AioprocConnection *a, *b;
  gpointer weak;

  g_test_summary ("A wait keeps the connection, until it ends; one that has nothing is ready");

  g_main_context_push_thread_default (context);
  begin (nothing, &result);
  end (nothing, &result);

  connection_test_pipe (&a, &b);
  begin_at_rest (b, context, &result);
  weak = b;
  g_object_add_weak_pointer (weak, &weak);
  g_object_unref (b);
  g_assert_nonnull (weak);
  g_assert_finalize_object (a);
  aioproc_test_wait (&result);
  g_clear_object (&result);
  g_assert_null (weak);
  g_main_context_pop_thread_default (context);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  for (guint i = 0; i < n_connection_kinds; i++)
    {
      const ConnectionKind *kind = &connection_kinds[i];
      g_autofree char *path = NULL;
      g_autofree char *closed_path = NULL;

      if (kind->is_tls != WITH_TLS)
        continue;

      path = g_strdup_printf ("/aioproc/connection/source/message/%s", kind->name);
      aioproc_test_add_data_func (path, kind, test_source_message);
      closed_path = g_strdup_printf ("/aioproc/connection/source/closed/%s", kind->name);
      aioproc_test_add_data_func (closed_path, kind, test_source_closed);
    }

  if (!WITH_TLS)
    {
      aioproc_test_add_func ("/aioproc/connection/source/held", test_source_held);
      aioproc_test_add_func ("/aioproc/connection/source/parsed", test_source_parsed);
      aioproc_test_add_func ("/aioproc/connection/source/life", test_source_life);
    }

  return g_test_run ();
}
