/* pool-test.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "pool-test.h"

#include <signal.h>
#include <unistd.h>

/* --- In workers --- */

static GVariant *
work (AioprocCall  *call,
      gpointer      user_data,
      GError      **error)
{
  gint64 number;

  if (!aioproc_call_get_arguments (call, error, "(x)", &number))
    return NULL;

  return g_variant_new ("(x)", number + 1);
}

static GVariant *
get_worker_pid (AioprocCall  *call,
                gpointer      user_data,
                GError      **error)
{
  return g_variant_new ("(i)", (int) getpid ());
}

static GVariant *
count (AioprocCall  *call,
       gpointer      user_data,
       GError      **error)
{
  static guint n_calls;

  return g_variant_new ("(u)", ++n_calls);
}

static GVariant *
grow (AioprocCall  *call,
      gpointer      user_data,
      GError      **error)
{
  g_autofree char *text = NULL;
  guint32 length;

  if (!aioproc_call_get_arguments (call, error, "(u)", &length))
    return NULL;

  text = g_strnfill (length, 'x');

  return g_variant_new_string (text);
}

/* The objects that the first two handles stand for. */
static gboolean
get_events (AioprocCall   *call,
            AioprocEvent **first,
            AioprocEvent **second,
            GError       **error)
{
  GObject *object;
  int handles[2];

  if (!aioproc_call_get_arguments (call, error, "(hh)", &handles[0], &handles[1]))
    return FALSE;

  object = aioproc_call_dup_object (call, handles[0], error);
  if (object == NULL)
    return FALSE;
  *first = AIOPROC_EVENT (object);

  object = aioproc_call_dup_object (call, handles[1], error);
  if (object == NULL)
    return FALSE;
  *second = AIOPROC_EVENT (object);

  return TRUE;
}

static GVariant *
meet (AioprocCall  *call,
      gpointer      user_data,
      GError      **error)
{
  g_autoptr(AioprocEvent) first = NULL;
  g_autoptr(AioprocEvent) second = NULL;

  if (!get_events (call, &first, &second, error) || !aioproc_event_set (first, error) ||
      !aioproc_event_wait (second, -1, NULL, error))
    return NULL;

  return g_variant_new ("(i)", (int) getpid ());
}

static GVariant *
polite (AioprocCall  *call,
        gpointer      user_data,
        GError      **error)
{
  GCancellable *cancellable = aioproc_call_get_cancellable (call);
  g_autoptr(AioprocEvent) first = NULL;
  g_autoptr(AioprocEvent) second = NULL;
  g_autoptr(AioprocEvent) never = NULL;

  if (!get_events (call, &first, &second, error))
    return NULL;

  never = aioproc_event_new (error);
  if (never == NULL || !aioproc_event_set (first, error))
    return NULL;

  aioproc_event_wait (never, -1, cancellable, error);
  aioproc_event_set (second, NULL);

  return NULL;
}

static GVariant *
stop (AioprocCall  *call,
      gpointer      user_data,
      GError      **error)
{
  raise (SIGSTOP);

  return g_variant_new ("()");
}

/* Also how deep those below are. */
static GVariant *
nest (AioprocCall  *call,
      gpointer      user_data,
      GError      **error)
{
  g_autoptr(AioprocPool) pool = NULL;
  g_autoptr(GVariant) result = NULL;
  guint32 depth;
  guint32 below;

  if (!aioproc_call_get_arguments (call, error, "(u)", &depth))
    return NULL;

  if (depth == 0)
    return g_variant_new ("(u)", 0);

  pool = aioproc_pool_new (NULL, 1, error);
  if (pool == NULL)
    return NULL;

  result = aioproc_pool_apply (pool, "nest", g_variant_new ("(u)", depth - 1), NULL, error);
  if (result == NULL)
    return NULL;

  g_variant_get (result, "(u)", &below);

  return g_variant_new ("(u)", below + 1);
}

/* Has every worker of a pool fail before it is one. */
static GVariant *
refuse (AioprocCall  *call,
        gpointer      user_data,
        GError      **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_MOUNTED, "No, said the initializer");

  return NULL;
}

/* The same, as if something were missing that may be there later. */
static GVariant *
refuse_busy (AioprocCall  *call,
             gpointer      user_data,
             GError      **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BUSY, "Not now, said the initializer");

  return NULL;
}

void
test_pool_init (void)
{
  static GType (* const types[]) (void) = {
    aioproc_connection_get_type, aioproc_event_get_type, aioproc_pool_get_type,
    aioproc_process_get_type, aioproc_task_get_type,
  };

  aioproc_worker_add_function ("work", work, NULL, NULL);
  aioproc_worker_add_function ("pid", get_worker_pid, NULL, NULL);
  aioproc_worker_add_function ("count", count, NULL, NULL);
  aioproc_worker_add_function ("grow", grow, NULL, NULL);
  aioproc_worker_add_function ("meet", meet, NULL, NULL);
  aioproc_worker_add_function ("polite", polite, NULL, NULL);
  aioproc_worker_add_function ("stop", stop, NULL, NULL);
  aioproc_worker_add_function ("nest", nest, NULL, NULL);
  aioproc_worker_add_function ("refuse", refuse, NULL, NULL);
  aioproc_worker_add_function ("refuse-busy", refuse_busy, NULL, NULL);
  test_functions_init ();

  /* GLib looks at the interfaces of types without a lock, and reads again what has changed; a type
   * that is registered while a thread of the library does that is a race to ThreadSanitizer.
   */
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    g_type_ensure (types[i] ());
}

/* --- In the program --- */

AioprocPool *
test_pool_new (guint n_workers)
{
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORKSERVER);
  g_autoptr(GError) error = NULL;
  AioprocPool *pool = aioproc_pool_new (context, n_workers, &error);

  g_assert_no_error (error);

  return pool;
}

AioprocPool *
test_pool_new_with (const char *first_property,
                    ...)
{
  g_autoptr(GError) error = NULL;
  GObject *pool;
  va_list args;

  va_start (args, first_property);
  pool = g_initable_new_valist (AIOPROC_TYPE_POOL, first_property, args, NULL, &error);
  va_end (args);
  g_assert_no_error (error);

  return AIOPROC_POOL (pool);
}

void
test_pool_end (AioprocPool *pool)
{
  g_autoptr(GError) error = NULL;

  aioproc_pool_close (pool);
  aioproc_pool_join (pool, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_finalize_object (pool);
}

GVariant *
test_pool_apply (AioprocPool *pool,
                 const char  *function,
                 GVariant    *arguments)
{
  g_autoptr(GError) error = NULL;
  GVariant *result = aioproc_pool_apply (pool, function, arguments, NULL, &error);

  g_assert_no_error (error);

  return result;
}

AioprocMessage *
test_pool_message (gpointer first,
                   gpointer second)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(GError) error = NULL;
  int handles[2] = { -1, -1 };

  handles[0] = aioproc_message_append_object (message, first, &error);
  g_assert_no_error (error);

  if (second == NULL)
    {
      aioproc_message_set_body (message, g_variant_new ("(h)", handles[0]));
      return g_steal_pointer (&message);
    }

  handles[1] = aioproc_message_append_object (message, second, &error);
  g_assert_no_error (error);
  aioproc_message_set_body (message, g_variant_new ("(hh)", handles[0], handles[1]));

  return g_steal_pointer (&message);
}

AioprocEvent *
test_event_new (void)
{
  g_autoptr(GError) error = NULL;
  AioprocEvent *event = aioproc_event_new (&error);

  g_assert_no_error (error);

  return event;
}

void
test_pool_begin (AioprocPool   *pool,
                 const char    *function,
                 AioprocEvent  *second,
                 GCancellable  *cancellable,
                 GAsyncResult **result)
{
  g_autoptr(AioprocEvent) first = test_event_new ();
  g_autoptr(AioprocMessage) message = test_pool_message (first, second);
  g_autoptr(GError) error = NULL;

  aioproc_pool_apply_message_async (pool, function, message, cancellable,
                                    aioproc_test_store_result, result);
  aioproc_event_wait (first, -1, NULL, &error);
  g_assert_no_error (error);
}

GError *
test_pool_fail (AioprocPool   *pool,
                GAsyncResult **result)
{
  g_autoptr(AioprocMessage) message = NULL;
  GError *error = NULL;

  aioproc_test_wait (result);
  message = aioproc_pool_apply_message_finish (pool, *result, &error);
  g_assert_null (message);
  g_assert_nonnull (error);
  g_clear_object (result);

  return error;
}
