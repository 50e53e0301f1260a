/* aioproc-approach.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-approach-private.h"

#include "core/aioproc-completion-private.h"
#include "core/aioproc-mutex-private.h"
#include "ipc/aioproc-address-private.h"
#include "ipc/aioproc-greeting-private.h"
#include "ipc/aioproc-stream-thread-private.h"
#include "platform/aioproc-futex-private.h"

/* How long to wait where so many others wait already that the system has no place for one more. */
#define RETRY_USEC (10 * 1000)

typedef struct {
  gatomicrefcount      ref_count;

  /* Immutable once it is started. */
  GMainContext        *context;        /* not owned, never freed */
  AioprocSecurity     *security;       /* (owned) */
  GSocketConnectable  *connectable;    /* (owned) */
  gint64               timeout_usec;
  GTask               *task;           /* (owned) (nullable) asynchronous: until it ends */
  gulong               cancelled_id;
  _Atomic guint32      is_over;        /* (atomic) a futex of a blocking one */

  /* Streams' thread only. */
  GCancellable        *cancellable;    /* (owned) of what is under way */
  GSource             *timeout;        /* (owned) (nullable) */
  AioprocGreeting     *greeting;       /* (owned) (nullable) */
  GIOErrorEnum         given_up;       /* why, or 0 */

  /* The outcome: of the streams' thread, and then of who has started it. */
  AioprocConnection   *connection;     /* (owned) (nullable) */
  GError              *error;          /* (owned) (nullable) */
} Approach;

static void approach_try (Approach *self);

static Approach *
approach_ref (Approach *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

static void
approach_unref (Approach *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_clear_object (&self->security);
  g_clear_object (&self->connectable);
  g_clear_object (&self->task);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->connection);
  g_clear_error (&self->error);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Approach, approach_unref)

/* Takes @source, whose function gets a reference. */
static void
attach (Approach    *self,
        GSource     *source,
        GSourceFunc  func)
{
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, func, approach_ref (self), (GDestroyNotify) approach_unref);
  g_source_attach (source, self->context);
  g_source_unref (source);
}

static void
run_in_thread (Approach    *self,
               GSourceFunc  func)
{
  GSource *source = g_idle_source_new ();

  g_source_set_static_name (source, "[aioproc] something to be done for a client");
  attach (self, source, func);
}

/* In the context of @task. */
static void
complete (GTask    *task,
          gpointer  data)
{
  g_autoptr(Approach) self = data;

  if (self->cancelled_id != 0)
    g_signal_handler_disconnect (g_task_get_cancellable (task), self->cancelled_id);

  if (self->connection != NULL)
    g_task_return_pointer (task, g_steal_pointer (&self->connection), g_object_unref);
  else
    g_task_return_error (task, g_steal_pointer (&self->error));
}

/* Once; takes both. */
static void
finish (Approach          *self,
        AioprocConnection *connection,
        GError            *error)
{
  if (self->timeout != NULL)
    g_source_destroy (self->timeout);

  g_clear_pointer (&self->timeout, g_source_unref);

  if (self->given_up == G_IO_ERROR_TIMED_OUT && connection == NULL)
    {
      g_clear_error (&error);
      error = g_error_new (G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "Timed out waiting to connect");
    }
  else if (self->given_up == G_IO_ERROR_CANCELLED && connection == NULL)
    {
      g_clear_error (&error);
      error = g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, "The wait to connect was cancelled");
    }

  self->connection = connection;
  self->error = error;

  if (self->task != NULL)
    {
      aioproc_completion_push (g_steal_pointer (&self->task), complete, approach_ref (self));
      return;
    }

  atomic_store_explicit (&self->is_over, 1, memory_order_release);
  aioproc_futex_wake (&self->is_over, 1);
}

static void
give_up (Approach     *self,
         GIOErrorEnum  code)
{
  if (self->given_up != 0)
    return;

  self->given_up = code;
  g_cancellable_cancel (self->cancellable);

  if (self->greeting != NULL)
    aioproc_greeting_give_up (self->greeting, g_error_new (G_IO_ERROR, code, "It was given up"));
}

static gboolean
approach_cancel_cb (gpointer user_data)
{
  give_up (user_data, G_IO_ERROR_CANCELLED);

  return G_SOURCE_REMOVE;
}

static gboolean
approach_late_cb (gpointer user_data)
{
  give_up (user_data, G_IO_ERROR_TIMED_OUT);

  return G_SOURCE_REMOVE;
}

static gboolean
approach_retry_cb (gpointer user_data)
{
  approach_try (user_data);

  return G_SOURCE_REMOVE;
}

static void
approach_greeting_cb (AioprocGreeting   *greeting,
                      AioprocConnection *connection,
                      GError            *error,
                      gpointer           data)
{
  g_autoptr(Approach) self = data;

  g_clear_pointer (&self->greeting, aioproc_greeting_free);
  finish (self, connection, error);
}

static void
approach_connected_cb (GObject      *source,
                       GAsyncResult *result,
                       gpointer      user_data)
{
  g_autoptr(Approach) self = user_data;
  g_autoptr(GSocketConnection) connection = NULL;
  g_autoptr(GSocketAddress) address = NULL;
  GError *error = NULL;

  connection = g_socket_client_connect_finish (G_SOCKET_CLIENT (source), result, &error);

  if (connection == NULL && self->given_up == 0 &&
      g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    {
      g_error_free (error);
      attach (self, aioproc_stream_thread_new_timeout (RETRY_USEC,
                                                       "[aioproc] a client comes again"),
              approach_retry_cb);
      return;
    }

  if (connection != NULL)
    address = g_socket_connection_get_remote_address (connection, &error);

  /* Of a name only now is known where it leads to. Nothing was said yet. */
  if (address == NULL || !aioproc_security_check_address (self->security, address, &error) ||
      !aioproc_security_check_user (self->security, g_socket_connection_get_socket (connection),
                                    &error))
    {
      finish (self, NULL, error);
      return;
    }

  self->greeting = aioproc_greeting_new (AIOPROC_HANDSHAKE_CLIENT, connection, self->connectable,
                                         self->security, approach_greeting_cb,
                                         approach_ref (self));

  if (self->given_up != 0)
    aioproc_greeting_give_up (self->greeting,
                              g_error_new (G_IO_ERROR, self->given_up, "It was given up"));
}

/* An address that is known is not even tried. NULL: the connectable is a name. */
static GSocketAddress *
get_known_address (GSocketConnectable *connectable)
{
  GNetworkAddress *network_address;
  const char *host;

  if (G_IS_SOCKET_ADDRESS (connectable))
    return G_SOCKET_ADDRESS (g_object_ref (connectable));

  if (!G_IS_NETWORK_ADDRESS (connectable))
    return NULL;

  network_address = G_NETWORK_ADDRESS (connectable);
  host = g_network_address_get_hostname (network_address);

  return g_inet_socket_address_new_from_string (host, g_network_address_get_port (network_address));
}

static void
approach_try (Approach *self)
{
  g_autoptr(GSocketClient) client = g_socket_client_new ();

  /* It is direct, or not at all. */
  g_socket_client_set_enable_proxy (client, FALSE);
  g_socket_client_connect_async (client, self->connectable, self->cancellable,
                                 approach_connected_cb, approach_ref (self));
}

static gboolean
approach_begin_cb (gpointer user_data)
{
  Approach *self = user_data;
  g_autoptr(GSocketAddress) address = get_known_address (self->connectable);
  GError *error = NULL;

  if (address != NULL && !aioproc_security_check_address (self->security, address, &error))
    {
      finish (self, NULL, error);
      return G_SOURCE_REMOVE;
    }

  if (self->timeout_usec >= 0)
    {
      self->timeout = aioproc_stream_thread_new_timeout (self->timeout_usec,
                                                         "[aioproc] a client is late");
      attach (self, g_source_ref (self->timeout), approach_late_cb);
    }

  approach_try (self);

  return G_SOURCE_REMOVE;
}

/* In any thread: the streams' own does the rest, since what it gives up may call back. */
static void
cancelled_cb (GCancellable *cancellable,
              gpointer      user_data)
{
  Approach *self = user_data;

  run_in_thread (self, approach_cancel_cb);
}

static Approach *
approach_new (AioprocSecurity     *security,
              GSocketConnectable  *connectable,
              gint64               timeout_usec,
              GError             **error)
{
  GMainContext *context = aioproc_stream_thread_get_context (error);
  g_autoptr(AioprocSecurity) own = NULL;
  Approach *self;

  if (context == NULL)
    return NULL;

  own = aioproc_security_ensure (security, error);

  if (own == NULL)
    return NULL;

  self = g_new0 (Approach, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->context = context;
  self->security = g_steal_pointer (&own);
  self->connectable = g_object_ref (connectable);
  self->timeout_usec = timeout_usec;
  self->cancellable = g_cancellable_new ();

  return self;
}

static void
approach_begin (Approach     *self,
                GCancellable *cancellable)
{
  if (cancellable != NULL)
    self->cancelled_id = g_cancellable_connect (cancellable, G_CALLBACK (cancelled_cb),
                                                approach_ref (self),
                                                (GDestroyNotify) approach_unref);

  run_in_thread (self, approach_begin_cb);
}

AioprocConnection *
aioproc_approach_run (AioprocSecurity     *security,
                      GSocketConnectable  *connectable,
                      gint64               timeout_usec,
                      GCancellable        *cancellable,
                      GError             **error)
{
  g_autoptr(Approach) self = NULL;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;

  self = approach_new (security, connectable, timeout_usec, error);

  if (self == NULL)
    return NULL;

  approach_begin (self, cancellable);

  while (atomic_load_explicit (&self->is_over, memory_order_acquire) == 0)
    aioproc_futex_wait (&self->is_over, 0, -1);

  if (self->cancelled_id != 0)
    g_signal_handler_disconnect (cancellable, self->cancelled_id);

  if (self->connection == NULL)
    g_propagate_error (error, g_steal_pointer (&self->error));

  return g_steal_pointer (&self->connection);
}

void
aioproc_approach_start (AioprocSecurity    *security,
                        GSocketConnectable *connectable,
                        gint64              timeout_usec,
                        GTask              *task)
{
  g_autoptr(GTask) owned = task;
  g_autoptr(Approach) self = NULL;
  GError *error = NULL;

  if (g_task_return_error_if_cancelled (task))
    return;

  self = approach_new (security, connectable, timeout_usec, &error);

  if (self == NULL)
    {
      g_task_return_error (task, error);
      return;
    }

  self->task = g_steal_pointer (&owned);
  approach_begin (self, g_task_get_cancellable (task));
}
