/* aioproc-client.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-client.h"

#include "core/aioproc-debug-private.h"
#include "ipc/aioproc-approach-private.h"

/**
 * AioprocClient:
 *
 * What connects to a [class@Listener].
 *
 * ```c
 *   g_autoptr(AioprocClient) client = aioproc_client_new (security);
 *
 *   aioproc_client_connect_to_async (client, G_SOCKET_CONNECTABLE (address), -1, NULL,
 *                                    connected_cb, NULL);
 * ```
 *
 * A client connects directly, never through a proxy, to a Unix socket or a TCP port, and has the
 * handshake that [class@Security] tells of. One object makes any number of connections, at the same
 * time, too.
 *
 * # Thread safety
 *
 * All functions may be called from any thread. Asynchronous operations complete on the
 * thread-default main context of the thread that started them. The blocking
 * [method@Client.connect_to] never iterates a main context: use the asynchronous form in a thread
 * that runs one.
 *
 * # Process safety
 *
 * A client has nothing that belongs to a process: a forked child may use it, for connections of its
 * own. But names are looked up, and handshakes of TLS take place, in threads of GIO, which do not
 * survive a fork: a child whose parent has used them, and that does not execute another program,
 * can connect only to a [class@Gio.SocketAddress], and without TLS.
 *
 * Since: 0.1
 */
struct _AioprocClient {
  GObject          parent_instance;

  AioprocSecurity *security;    /* (owned) (nullable) immutable after construction */
};

typedef enum {
  PROP_SECURITY = 1,
} AioprocClientProperty;

static GParamSpec *props[PROP_SECURITY + 1];

G_DEFINE_FINAL_TYPE (AioprocClient, aioproc_client, G_TYPE_OBJECT)

static void
aioproc_client_get_property (GObject    *object,
                             guint       prop_id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  AioprocClient *self = AIOPROC_CLIENT (object);

  switch ((AioprocClientProperty) prop_id)
    {
    case PROP_SECURITY:
      g_value_set_object (value, self->security);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_client_set_property (GObject      *object,
                             guint         prop_id,
                             const GValue *value,
                             GParamSpec   *pspec)
{
  AioprocClient *self = AIOPROC_CLIENT (object);

  switch ((AioprocClientProperty) prop_id)
    {
    case PROP_SECURITY:
      self->security = g_value_dup_object (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_client_finalize (GObject *object)
{
  AioprocClient *self = AIOPROC_CLIENT (object);

  g_clear_object (&self->security);

  G_OBJECT_CLASS (aioproc_client_parent_class)->finalize (object);
}

static void
aioproc_client_class_init (AioprocClientClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = aioproc_client_get_property;
  object_class->set_property = aioproc_client_set_property;
  object_class->finalize = aioproc_client_finalize;

  /**
   * AioprocClient:security:
   *
   * What is demanded of listeners. `NULL`: nothing that is not the default.
   *
   * Since: 0.1
   */
  props[PROP_SECURITY] =
    g_param_spec_object ("security", NULL, NULL,
                         AIOPROC_TYPE_SECURITY,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
aioproc_client_init (AioprocClient *self)
{
}

/**
 * aioproc_client_new:
 * @security: (nullable): what is demanded of listeners, or `NULL` for the default
 *
 * Makes a new client, which is not connected to anything yet.
 *
 * Returns: (transfer full): a new client
 *
 * Since: 0.1
 */
AioprocClient *
aioproc_client_new (AioprocSecurity *security)
{
  g_return_val_if_fail (security == NULL || AIOPROC_IS_SECURITY (security), NULL);

  return g_object_new (AIOPROC_TYPE_CLIENT,
                       "security", security,
                       NULL);
}

/**
 * aioproc_client_connect_to:
 * @self: a client
 * @connectable: where to connect to, as a [class@Gio.SocketAddress] or a
 *   [class@Gio.NetworkAddress]
 * @timeout_usec: microseconds, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Connects to a listener, and blocks the calling thread until the handshake is over.
 *
 * It may take @timeout_usec for all of it, and [property@Security:handshake-timeout] for the
 * handshake. With 0 it fails: with [error@Gio.IOErrorEnum.TIMED_OUT], if not for another reason at
 * once.
 *
 * Names are looked up by GIO, which has threads of its own for that. It keeps one of them for the
 * time of a handshake of TLS, too.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if @timeout_usec, or the time for the handshake, went by
 *   first: it is what a listener that is too busy looks like, too
 * - [error@Gio.IOErrorEnum.CANCELLED] if @cancellable was cancelled first
 * - [error@Gio.IOErrorEnum.NOT_FOUND] if there is no Unix socket of that name
 * - [error@Gio.IOErrorEnum.CONNECTION_REFUSED] if nobody listens there
 * - [error@Gio.IOErrorEnum.CONNECTION_CLOSED] if the listener has closed the connection instead of
 *   going on with the handshake
 * - [error@Aioproc.Error.AUTHENTICATION_FAILED] if the keys are not the same, or one side has none,
 *   or the two sides do not see the same addresses: then somebody is between them
 * - [error@Gio.IOErrorEnum.INVALID_DATA] if what is there is not a listener
 * - [error@Gio.IOErrorEnum.NOT_SUPPORTED] if it is one of another version, or the address is
 *   neither of a Unix socket nor of TCP, or of a Unix socket with TLS
 * - [error@Gio.IOErrorEnum.PERMISSION_DENIED] if the address is of another machine, where what is
 *   sent would not be encrypted; or if the listener is of another user
 * - [error@Gio.TlsError], if a certificate is not good, or TLS fails in another way
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if the auth key is empty, or TLS lacks something
 * - [error@Gio.IOErrorEnum.TOO_MANY_OPEN_FILES] if this process can open no more descriptors
 * - [error@Gio.IOErrorEnum.NO_SPACE] if no thread can be started
 * - another [error@Gio.IOErrorEnum] or [error@Gio.ResolverError] if there is no way to @connectable
 *
 * Returns: (transfer full): a connection, or `NULL` with @error set
 *
 * Since: 0.1
 */
AioprocConnection *
aioproc_client_connect_to (AioprocClient       *self,
                           GSocketConnectable  *connectable,
                           gint64               timeout_usec,
                           GCancellable        *cancellable,
                           GError             **error)
{
  g_return_val_if_fail (AIOPROC_IS_CLIENT (self), NULL);
  g_return_val_if_fail (G_IS_SOCKET_CONNECTABLE (connectable), NULL);
  g_return_val_if_fail (timeout_usec >= -1, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  return aioproc_approach_run (self->security, connectable, timeout_usec, cancellable, error);
}

/**
 * aioproc_client_connect_to_async:
 * @self: a client
 * @connectable: where to connect to, as a [class@Gio.SocketAddress] or a
 *   [class@Gio.NetworkAddress]
 * @timeout_usec: microseconds, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when it is connected, or is not going to be
 * @user_data: data for @callback
 *
 * Connects to a listener without blocking.
 *
 * A listener may have accepted a connection by the time that @cancellable is cancelled, or the time
 * is over. If the handshake was over by then, the connection is delivered.
 *
 * Since: 0.1
 */
void
aioproc_client_connect_to_async (AioprocClient       *self,
                                 GSocketConnectable  *connectable,
                                 gint64               timeout_usec,
                                 GCancellable        *cancellable,
                                 GAsyncReadyCallback  callback,
                                 gpointer             user_data)
{
  GTask *task;

  g_return_if_fail (AIOPROC_IS_CLIENT (self));
  g_return_if_fail (G_IS_SOCKET_CONNECTABLE (connectable));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_client_connect_to_async);
  /* A listener has accepted it by then. */
  g_task_set_check_cancellable (task, FALSE);
  aioproc_approach_start (self->security, connectable, timeout_usec, task);
}

/**
 * aioproc_client_connect_to_finish:
 * @self: a client
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Client.connect_to_async] has started.
 *
 * Fails as [method@Client.connect_to] does.
 *
 * Returns: (transfer full): a connection, or `NULL` with @error set
 *
 * Since: 0.1
 */
AioprocConnection *
aioproc_client_connect_to_finish (AioprocClient  *self,
                                  GAsyncResult   *result,
                                  GError        **error)
{
  g_return_val_if_fail (AIOPROC_IS_CLIENT (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_client_connect_to_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
