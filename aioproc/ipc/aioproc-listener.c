/* aioproc-listener.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-listener.h"

#include "core/aioproc-debug-private.h"
#include "core/aioproc-waitable-private.h"
#include "ipc/aioproc-acceptor-private.h"

/**
 * AioprocListener:
 *
 * Something that other processes connect to.
 *
 * A listener listens from its construction on, at a Unix socket or a TCP port.
 * [method@Listener.accept] gets the next [class@Connection]; at the other end a [class@Client]
 * makes it.
 *
 * ```c
 *   g_autoptr(AioprocListener) listener = aioproc_listener_new (NULL, security, &error);
 *
 *   if (listener == NULL)
 *     g_error ("%s", error->message);
 *
 *   aioproc_listener_accept_async (listener, -1, NULL, accepted_cb, NULL);
 * ```
 *
 * # Who is let in
 *
 * With each process that connects there is a handshake, of which [class@Security] tells what is
 * demanded. It takes place while nobody accepts, too, at the same time with everybody, and never in
 * a thread of the program. Who does not pass it, or takes too long, is refused: an accept goes on
 * waiting, and [method@Listener.dup_last_refusal] tells why. As many as
 * [property@Listener:backlog] that have passed it wait to be accepted.
 *
 * At most 64 can be in the middle of the handshake. When there are more, one of those that stopped
 * where most of them did is refused: so many silent peers do not keep others out.
 *
 * A process that can open no more descriptors lets nobody in until it can; who wants to connect
 * waits.
 *
 * # Unix sockets
 *
 * Without an address, the socket is in a fresh folder that only this user may enter. Its file, and
 * the folder, are removed when the listener is closed; so is the file of a socket whose name the
 * program has chosen, unless another one is in its place by then. Messages over a Unix socket may
 * have descriptors and objects in them.
 *
 * # Thread safety
 *
 * All functions may be called from any thread. Asynchronous operations complete on the
 * thread-default main context of the thread that started them. The blocking
 * [method@Listener.accept] never iterates a main context: use the asynchronous form in a thread
 * that runs one.
 *
 * # Process safety
 *
 * A listener is of the process that made it. A child that was forked must not accept from it. If
 * the process is killed, the file of a Unix socket stays, and nobody listens at it.
 *
 * Since: 0.1
 */
struct _AioprocListener {
  GObject          parent_instance;

  /* Immutable after construction. */
  GSocketAddress  *address;     /* (owned) (nullable) that was asked for */
  AioprocSecurity *security;    /* (owned) (nullable) */
  guint            backlog;
  AioprocAcceptor *acceptor;    /* (owned) (nullable) until it is initialized */
};

typedef enum {
  PROP_ADDRESS = 1,
  PROP_SECURITY,
  PROP_BACKLOG,
  PROP_CLOSED,
} AioprocListenerProperty;

static GParamSpec *props[PROP_CLOSED + 1];

static void aioproc_listener_initable_iface_init (GInitableIface *iface);
static void aioproc_listener_waitable_iface_init (AioprocWaitableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (AioprocListener, aioproc_listener, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_INITABLE,
                                                      aioproc_listener_initable_iface_init)
                               G_IMPLEMENT_INTERFACE (AIOPROC_TYPE_WAITABLE,
                                                      aioproc_listener_waitable_iface_init))

static gboolean
aioproc_listener_initable_init (GInitable     *initable,
                                GCancellable  *cancellable,
                                GError       **error)
{
  AioprocListener *self = AIOPROC_LISTENER (initable);
  g_autoptr(AioprocSecurity) security = NULL;

  if (self->acceptor != NULL)
    return TRUE;

  security = aioproc_security_ensure (self->security, error);

  if (security == NULL)
    return FALSE;

  self->acceptor = aioproc_acceptor_new (self->address, security, self->backlog, error);

  return self->acceptor != NULL;
}

static void
aioproc_listener_initable_iface_init (GInitableIface *iface)
{
  iface->init = aioproc_listener_initable_init;
}

static gboolean
aioproc_listener_is_ready (AioprocWaitable *waitable)
{
  AioprocListener *self = AIOPROC_LISTENER (waitable);

  return self->acceptor == NULL || aioproc_acceptor_is_ready (self->acceptor);
}

static gboolean
aioproc_listener_watch (AioprocWaitable  *waitable,
                        AioprocWatch     *watch,
                        GError          **error)
{
  AioprocListener *self = AIOPROC_LISTENER (waitable);

  return self->acceptor == NULL || aioproc_acceptor_watch (self->acceptor, watch);
}

static void
aioproc_listener_unwatch (AioprocWaitable *waitable,
                          AioprocWatch    *watch)
{
  AioprocListener *self = AIOPROC_LISTENER (waitable);

  if (self->acceptor != NULL)
    aioproc_acceptor_unwatch (self->acceptor, watch);
}

static void
aioproc_listener_waitable_iface_init (AioprocWaitableInterface *iface)
{
  iface->is_ready = aioproc_listener_is_ready;
  iface->watch = aioproc_listener_watch;
  iface->unwatch = aioproc_listener_unwatch;
}

static gboolean
check_initialized (AioprocListener  *self,
                   GError          **error)
{
  if (self->acceptor != NULL)
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED,
               "This listener could not be initialized");

  return FALSE;
}

static void
aioproc_listener_get_property (GObject    *object,
                               guint       prop_id,
                               GValue     *value,
                               GParamSpec *pspec)
{
  AioprocListener *self = AIOPROC_LISTENER (object);

  switch ((AioprocListenerProperty) prop_id)
    {
    case PROP_ADDRESS:
      g_value_set_object (value, aioproc_listener_get_address (self));
      break;

    case PROP_SECURITY:
      g_value_set_object (value, self->security);
      break;

    case PROP_BACKLOG:
      g_value_set_uint (value, self->backlog);
      break;

    case PROP_CLOSED:
      g_value_set_boolean (value, aioproc_listener_is_closed (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_listener_set_property (GObject      *object,
                               guint         prop_id,
                               const GValue *value,
                               GParamSpec   *pspec)
{
  AioprocListener *self = AIOPROC_LISTENER (object);

  switch ((AioprocListenerProperty) prop_id)
    {
    case PROP_ADDRESS:
      self->address = g_value_dup_object (value);
      break;

    case PROP_SECURITY:
      self->security = g_value_dup_object (value);
      break;

    case PROP_BACKLOG:
      self->backlog = g_value_get_uint (value);
      break;

    case PROP_CLOSED:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_listener_dispose (GObject *object)
{
  AioprocListener *self = AIOPROC_LISTENER (object);

  /* Not the public function: there is nobody to be notified at the end. */
  if (self->acceptor != NULL)
    aioproc_acceptor_close (self->acceptor);

  G_OBJECT_CLASS (aioproc_listener_parent_class)->dispose (object);
}

static void
aioproc_listener_finalize (GObject *object)
{
  AioprocListener *self = AIOPROC_LISTENER (object);

  g_clear_pointer (&self->acceptor, aioproc_acceptor_unref);
  g_clear_object (&self->address);
  g_clear_object (&self->security);

  G_OBJECT_CLASS (aioproc_listener_parent_class)->finalize (object);
}

static void
aioproc_listener_class_init (AioprocListenerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = aioproc_listener_get_property;
  object_class->set_property = aioproc_listener_set_property;
  object_class->dispose = aioproc_listener_dispose;
  object_class->finalize = aioproc_listener_finalize;

  /**
   * AioprocListener:address: (getter get_address)
   *
   * Where it listens: for a port of 0, with the one that the system has chosen.
   *
   * A [class@Gio.InetSocketAddress], or a [class@Gio.UnixSocketAddress]; `NULL`, to make one: that
   * of a Unix socket in a fresh folder.
   *
   * Since: 0.1
   */
  props[PROP_ADDRESS] =
    g_param_spec_object ("address", NULL, NULL,
                         G_TYPE_SOCKET_ADDRESS,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocListener:security:
   *
   * What is demanded of those who connect. `NULL`: nothing that is not the default.
   *
   * Since: 0.1
   */
  props[PROP_SECURITY] =
    g_param_spec_object ("security", NULL, NULL,
                         AIOPROC_TYPE_SECURITY,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocListener:backlog: (getter get_backlog)
   *
   * How many that have passed the handshake may wait to be accepted, before no more are let in.
   *
   * Those that have begun it by then are not counted. Others wait in the system.
   *
   * Since: 0.1
   */
  props[PROP_BACKLOG] =
    g_param_spec_uint ("backlog", NULL, NULL,
                       1, G_MAXUINT, 128,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocListener:closed: (getter is_closed)
   *
   * Whether the listener was closed.
   *
   * It is notified in the thread that closes it.
   *
   * Since: 0.1
   */
  props[PROP_CLOSED] =
    g_param_spec_boolean ("closed", NULL, NULL, FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
aioproc_listener_init (AioprocListener *self)
{
}

/**
 * aioproc_listener_new:
 * @address: (nullable): where to listen, or `NULL` for a fresh Unix socket
 * @security: (nullable): what is demanded of those who connect, or `NULL` for the default
 * @error: return location for an error
 *
 * Makes a new listener, which listens from now on. Never blocks.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.ADDRESS_IN_USE] if somebody listens there, or the file is there
 * - [error@Gio.IOErrorEnum.PERMISSION_DENIED] if other machines can reach @address, where what is
 *   sent would not be encrypted; or if this process may not listen there
 * - [error@Gio.IOErrorEnum.NOT_SUPPORTED] if @address is neither of a Unix socket nor of TCP, or of
 *   a Unix socket with TLS
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if the auth key is empty, or TLS lacks something
 * - [error@Gio.TlsError.UNAVAILABLE] if GIO has no TLS
 * - [error@Gio.IOErrorEnum.NO_SPACE] if no thread can be started
 * - another [error@Gio.IOErrorEnum], as `TOO_MANY_OPEN_FILES`, if the system refuses it
 *
 * Returns: (transfer full): a new listener
 *
 * Since: 0.1
 */
AioprocListener *
aioproc_listener_new (GSocketAddress   *address,
                      AioprocSecurity  *security,
                      GError          **error)
{
  g_return_val_if_fail (address == NULL || G_IS_SOCKET_ADDRESS (address), NULL);
  g_return_val_if_fail (security == NULL || AIOPROC_IS_SECURITY (security), NULL);

  return g_initable_new (AIOPROC_TYPE_LISTENER, NULL, error,
                         "address", address,
                         "security", security,
                         NULL);
}

/**
 * aioproc_listener_get_address: (get-property address)
 * @self: a listener
 *
 * Gets where it listens, which is what a [class@Client] connects to.
 *
 * Returns: (transfer none) (nullable): the address, with the port or the file that was chosen;
 *   `NULL` if it could not be initialized, and none was asked for
 *
 * Since: 0.1
 */
GSocketAddress *
aioproc_listener_get_address (AioprocListener *self)
{
  g_return_val_if_fail (AIOPROC_IS_LISTENER (self), NULL);

  return self->acceptor != NULL ? self->acceptor->address : self->address;
}

/**
 * aioproc_listener_get_backlog: (get-property backlog)
 * @self: a listener
 *
 * Gets how many may wait to be accepted.
 *
 * Returns: the number of connections
 *
 * Since: 0.1
 */
guint
aioproc_listener_get_backlog (AioprocListener *self)
{
  g_return_val_if_fail (AIOPROC_IS_LISTENER (self), 0);

  return self->backlog;
}

/**
 * aioproc_listener_is_closed: (get-property closed)
 * @self: a listener
 *
 * Tells whether it was closed by [method@Listener.close].
 *
 * Returns: `TRUE` if it was
 *
 * Since: 0.1
 */
gboolean
aioproc_listener_is_closed (AioprocListener *self)
{
  g_return_val_if_fail (AIOPROC_IS_LISTENER (self), FALSE);

  return self->acceptor != NULL && aioproc_acceptor_is_closed (self->acceptor);
}

/**
 * aioproc_listener_dup_last_accepted:
 * @self: a listener
 *
 * Gets the address of the peer whose connection was accepted last.
 *
 * That of a Unix socket is empty, as a rule: clients have no name there.
 *
 * Returns: (transfer full) (nullable): the address, or `NULL` if nothing was accepted yet
 *
 * Since: 0.1
 */
GSocketAddress *
aioproc_listener_dup_last_accepted (AioprocListener *self)
{
  GSocketAddress *address = NULL;

  g_return_val_if_fail (AIOPROC_IS_LISTENER (self), NULL);

  if (self->acceptor == NULL)
    return NULL;

  aioproc_mutex_lock (&self->acceptor->mutex);
  g_set_object (&address, self->acceptor->last_accepted);
  aioproc_mutex_unlock (&self->acceptor->mutex);

  return address;
}

/**
 * aioproc_listener_get_n_refused:
 * @self: a listener
 *
 * Tells how many that have connected were refused, or left in the middle of the handshake.
 *
 * Returns: their number, until now
 *
 * Since: 0.1
 */
guint64
aioproc_listener_get_n_refused (AioprocListener *self)
{
  guint64 n_refused;

  g_return_val_if_fail (AIOPROC_IS_LISTENER (self), 0);

  if (self->acceptor == NULL)
    return 0;

  aioproc_mutex_lock (&self->acceptor->mutex);
  n_refused = self->acceptor->n_refused;
  aioproc_mutex_unlock (&self->acceptor->mutex);

  return n_refused;
}

/**
 * aioproc_listener_dup_last_refusal:
 * @self: a listener
 *
 * Tells why the last one that was refused was.
 *
 * It may be, among others:
 *
 * - [error@Aioproc.Error.AUTHENTICATION_FAILED] if it has not the same key, or none, or is not
 *   connected to what it believes it is
 * - [error@Gio.IOErrorEnum.INVALID_DATA] if what it sent is no handshake
 * - [error@Gio.IOErrorEnum.NOT_SUPPORTED] if it is one of another version
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if it took too long
 * - [error@Gio.IOErrorEnum.CONNECTION_CLOSED] if it has left
 * - [error@Gio.IOErrorEnum.BUSY] if it had to make room for others
 * - [error@Gio.IOErrorEnum.PERMISSION_DENIED] if it is a process of another user
 * - [error@Gio.TlsError], if its certificate is not good
 *
 * Returns: (transfer full) (nullable): an error, or `NULL` if nobody was refused yet
 *
 * Since: 0.1
 */
GError *
aioproc_listener_dup_last_refusal (AioprocListener *self)
{
  GError *refusal = NULL;

  g_return_val_if_fail (AIOPROC_IS_LISTENER (self), NULL);

  if (self->acceptor == NULL)
    return NULL;

  aioproc_mutex_lock (&self->acceptor->mutex);

  if (self->acceptor->last_refusal != NULL)
    refusal = g_error_copy (self->acceptor->last_refusal);

  aioproc_mutex_unlock (&self->acceptor->mutex);

  return refusal;
}

/**
 * aioproc_listener_try_accept:
 * @self: a listener
 * @error: return location for an error
 *
 * Accepts a connection if one waits to be accepted. Never blocks.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.WOULD_BLOCK] if none does
 * - else as [method@Listener.accept] does
 *
 * Returns: (transfer full): a connection, or `NULL` with @error set
 *
 * Since: 0.1
 */
AioprocConnection *
aioproc_listener_try_accept (AioprocListener  *self,
                             GError          **error)
{
  g_return_val_if_fail (AIOPROC_IS_LISTENER (self), NULL);

  if (!check_initialized (self, error))
    return NULL;

  return aioproc_acceptor_accept (self->acceptor, 0, G_IO_ERROR_WOULD_BLOCK, NULL, error);
}

/**
 * aioproc_listener_accept:
 * @self: a listener
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Accepts a connection, and blocks the calling thread until there is one.
 *
 * Those who are refused do not end it.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if @timeout_usec went by first
 * - [error@Gio.IOErrorEnum.CANCELLED] if @cancellable was cancelled first
 * - [error@Gio.IOErrorEnum.CLOSED] if the listener was closed
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if it could not be initialized
 *
 * Returns: (transfer full): a connection, or `NULL` with @error set
 *
 * Since: 0.1
 */
AioprocConnection *
aioproc_listener_accept (AioprocListener  *self,
                         gint64            timeout_usec,
                         GCancellable     *cancellable,
                         GError          **error)
{
  g_return_val_if_fail (AIOPROC_IS_LISTENER (self), NULL);
  g_return_val_if_fail (timeout_usec >= -1, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  if (!check_initialized (self, error))
    return NULL;

  return aioproc_acceptor_accept (self->acceptor, timeout_usec, G_IO_ERROR_TIMED_OUT, cancellable,
                                  error);
}

/**
 * aioproc_listener_accept_async:
 * @self: a listener
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when a connection was accepted, or is not going to be
 * @user_data: data for @callback
 *
 * Accepts a connection without blocking.
 *
 * Any number of accepts may be pending: they get connections in the order in which they were
 * started. If @cancellable is cancelled when a connection was accepted already, the operation
 * succeeds, and the caller gets it.
 *
 * Since: 0.1
 */
void
aioproc_listener_accept_async (AioprocListener     *self,
                               gint64               timeout_usec,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  GError *error = NULL;

  g_return_if_fail (AIOPROC_IS_LISTENER (self));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_listener_accept_async);
  /* Once accepted, a connection must reach the caller. */
  g_task_set_check_cancellable (task, FALSE);

  if (!check_initialized (self, &error))
    g_task_return_error (task, error);
  else if (!g_task_return_error_if_cancelled (task))
    aioproc_acceptor_accept_async (self->acceptor, g_steal_pointer (&task), timeout_usec);
}

/**
 * aioproc_listener_accept_finish:
 * @self: a listener
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Listener.accept_async] has started.
 *
 * Fails as [method@Listener.accept] does.
 *
 * Returns: (transfer full): a connection, or `NULL` with @error set
 *
 * Since: 0.1
 */
AioprocConnection *
aioproc_listener_accept_finish (AioprocListener  *self,
                                GAsyncResult     *result,
                                GError          **error)
{
  g_return_val_if_fail (AIOPROC_IS_LISTENER (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_listener_accept_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * aioproc_listener_close:
 * @self: a listener
 *
 * Stops listening. Never blocks.
 *
 * Accepts that are pending, and those to come, fail with [error@Gio.IOErrorEnum.CLOSED]. Those who
 * wait to be accepted, or are in the middle of the handshake, find their connection closed. What
 * was accepted is not touched. From now on somebody else can listen at the address, but for an
 * abstract name of a Unix socket, which is free a moment later.
 *
 * It may be called twice. The end of the object closes it, too.
 *
 * Since: 0.1
 */
void
aioproc_listener_close (AioprocListener *self)
{
  g_return_if_fail (AIOPROC_IS_LISTENER (self));

  if (self->acceptor != NULL && aioproc_acceptor_close (self->acceptor))
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_CLOSED]);
}
