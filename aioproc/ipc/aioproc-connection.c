/* aioproc-connection.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-connection.h"
#include "ipc/aioproc-connection-private.h"

#include "core/aioproc-shareable-private.h"
#include "core/aioproc-waitable-private.h"

/**
 * AioprocConnection:
 *
 * One end of a two-way stream of messages between two processes.
 *
 * [func@Aioproc.pipe] makes both ends; a process inherits one of them, or gets its descriptor.
 * What one end sends, the other receives, whole and in order.
 *
 * A message is a [class@Aioproc.Message]: a value, with objects, bytes and descriptors beside it.
 * Bytes alone have functions of their own, [method@Connection.send_bytes] and
 * [method@Connection.recv_bytes]; on the way they are a message without a body, with one handle
 * that is bytes. Large bytes travel as memory that the receiver maps.
 *
 * ```c
 *   g_autoptr(AioprocConnection) ours = NULL;
 *   g_autoptr(AioprocConnection) theirs = NULL;
 *
 *   if (!aioproc_pipe (TRUE, &ours, &theirs, &error))
 *     g_error ("%s", error->message);
 * ```
 *
 * # Timeouts and cancellables
 *
 * Neither ever leaves half a message in the stream. A receive that is cancelled, or too late,
 * has taken nothing: what has come of the message so far stays in the connection, for the next
 * receive. A send that is cancelled, or too late, has sent nothing; if a part of the message was
 * sent already, it succeeds instead, and the connection sends the rest by itself.
 *
 * # The end
 *
 * When the peer closes its end, or ends in any way, what it has sent can still be received, and
 * then every receive fails with [error@Gio.IOErrorEnum.CLOSED]. A send fails with
 * [error@Gio.IOErrorEnum.BROKEN_PIPE] as soon as the system knows that there is nobody to
 * receive it.
 *
 * What comes is not trusted. A message that is not in order, or larger than
 * [property@Connection:max-message-size], ends the connection: that receive and those after it fail
 * with the reason, sends fail with [error@Gio.IOErrorEnum.CLOSED], and the peer finds the
 * connection closed.
 *
 * # Passing a connection on
 *
 * A connection may be part of a message, and so an argument of a process's function. Who sends it
 * gives it away: with the first byte of the message it is the receiver's, whose object is as new,
 * with what the peer has sent and nobody received. The object here is closed once the send is over
 * and all of the message is sent; until then its operations fail with
 * [error@Gio.IOErrorEnum.BUSY]. If nothing of the message is sent, the connection can be used
 * again.
 *
 * A connection that has operations pending, or has received more than 64 KiB that nobody has asked
 * for yet, or holds a message that a receive has left behind, stays, and the send fails with
 * [error@Gio.IOErrorEnum.BUSY].
 *
 * # Thread safety
 *
 * All functions may be called from any thread, and any number of operations may be pending at one
 * end: messages stay whole, and receives get them in the order in which they were started.
 *
 * # Process safety
 *
 * An end belongs to one process. A child that was forked must not use that of its parent: it would
 * take parts of the parent's messages. A peer may be killed at any time; it can be noticed as
 * described above.
 *
 * Since: 0.1
 */

typedef enum {
  PROP_READABLE = 1,
  PROP_WRITABLE,
  PROP_CLOSED,
  PROP_MAX_MESSAGE_SIZE,
} AioprocConnectionProperty;

static GParamSpec *props[PROP_MAX_MESSAGE_SIZE + 1];

static void aioproc_connection_shareable_init (AioprocShareableInterface *iface);
static void aioproc_connection_waitable_init (AioprocWaitableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (AioprocConnection, aioproc_connection, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (AIOPROC_TYPE_SHAREABLE,
                                                      aioproc_connection_shareable_init)
                               G_IMPLEMENT_INTERFACE (AIOPROC_TYPE_WAITABLE,
                                                      aioproc_connection_waitable_init))

static void
set_not_initialized (GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED,
               "This connection has nothing to be connected by: get one from a pipe");
}

AioprocLinkOp *
aioproc_connection_begin (AioprocConnection  *self,
                          AioprocLinkKind     kind,
                          GError            **error)
{
  if (self->link != NULL)
    return aioproc_link_op_new (self->link, kind);

  set_not_initialized (error);

  return NULL;
}

static gboolean
aioproc_connection_is_ready (AioprocWaitable *waitable)
{
  AioprocConnection *self = AIOPROC_CONNECTION (waitable);

  return self->link == NULL || aioproc_link_is_ready (self->link);
}

static gboolean
aioproc_connection_watch (AioprocWaitable  *waitable,
                          AioprocWatch     *watch,
                          GError          **error)
{
  AioprocConnection *self = AIOPROC_CONNECTION (waitable);

  return self->link == NULL || aioproc_link_watch (self->link, watch);
}

static void
aioproc_connection_unwatch (AioprocWaitable *waitable,
                            AioprocWatch    *watch)
{
  AioprocConnection *self = AIOPROC_CONNECTION (waitable);

  if (self->link != NULL)
    aioproc_link_unwatch (self->link, watch);
}

static void
aioproc_connection_waitable_init (AioprocWaitableInterface *iface)
{
  iface->is_ready = aioproc_connection_is_ready;
  iface->watch = aioproc_connection_watch;
  iface->unwatch = aioproc_connection_unwatch;
}

static void
aioproc_connection_get_property (GObject    *object,
                                 guint       prop_id,
                                 GValue     *value,
                                 GParamSpec *pspec)
{
  AioprocConnection *self = AIOPROC_CONNECTION (object);

  switch ((AioprocConnectionProperty) prop_id)
    {
    case PROP_READABLE:
      g_value_set_boolean (value, aioproc_connection_is_readable (self));
      break;

    case PROP_WRITABLE:
      g_value_set_boolean (value, aioproc_connection_is_writable (self));
      break;

    case PROP_CLOSED:
      g_value_set_boolean (value, aioproc_connection_is_closed (self));
      break;

    case PROP_MAX_MESSAGE_SIZE:
      g_value_set_uint64 (value, aioproc_connection_get_max_message_size (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_connection_set_property (GObject      *object,
                                 guint         prop_id,
                                 const GValue *value,
                                 GParamSpec   *pspec)
{
  AioprocConnection *self = AIOPROC_CONNECTION (object);

  switch ((AioprocConnectionProperty) prop_id)
    {
    case PROP_MAX_MESSAGE_SIZE:
      aioproc_connection_set_max_message_size (self, g_value_get_uint64 (value));
      break;

    case PROP_READABLE:
    case PROP_WRITABLE:
    case PROP_CLOSED:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_connection_dispose (GObject *object)
{
  AioprocConnection *self = AIOPROC_CONNECTION (object);

  /* Not the public function: there is nobody to be notified at the end. */
  if (self->link != NULL)
    aioproc_link_close (self->link);

  G_OBJECT_CLASS (aioproc_connection_parent_class)->dispose (object);
}

static void
aioproc_connection_finalize (GObject *object)
{
  AioprocConnection *self = AIOPROC_CONNECTION (object);

  g_clear_pointer (&self->link, aioproc_link_unref);

  G_OBJECT_CLASS (aioproc_connection_parent_class)->finalize (object);
}

static void
aioproc_connection_class_init (AioprocConnectionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = aioproc_connection_get_property;
  object_class->set_property = aioproc_connection_set_property;
  object_class->dispose = aioproc_connection_dispose;
  object_class->finalize = aioproc_connection_finalize;

  /**
   * AioprocConnection:readable: (getter is_readable)
   *
   * Whether something can be received at this end: not at the sending end of a one-way pipe, nor
   * once it is closed.
   *
   * It is notified in the thread that closes the connection.
   *
   * Since: 0.1
   */
  props[PROP_READABLE] =
    g_param_spec_boolean ("readable", NULL, NULL, FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocConnection:writable: (getter is_writable)
   *
   * Whether something can be sent at this end: not at the receiving end of a one-way pipe, nor
   * once it is closed, or closed for sending.
   *
   * It is notified in the thread that closes the connection.
   *
   * Since: 0.1
   */
  props[PROP_WRITABLE] =
    g_param_spec_boolean ("writable", NULL, NULL, FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocConnection:closed: (getter is_closed)
   *
   * Whether this end was closed. That the other end was, a receive will tell.
   *
   * It is notified in the thread that closes the connection.
   *
   * Since: 0.1
   */
  props[PROP_CLOSED] =
    g_param_spec_boolean ("closed", NULL, NULL, FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocConnection:max-message-size: (getter get_max_message_size) (setter set_max_message_size)
   *
   * The largest message, in bytes, that is received or sent: 64 MiB, unless it is changed.
   *
   * It limits what a peer can make this process allocate. All of a message counts, but over a
   * Unix socket not its parts of 4 MiB and more, which are mapped and not allocated. A send of a
   * larger message fails; a larger one that comes ends the connection.
   *
   * It holds for messages that begin to come, or are sent, from then on, and is notified in the
   * thread that sets it.
   *
   * Since: 0.1
   */
  props[PROP_MAX_MESSAGE_SIZE] =
    g_param_spec_uint64 ("max-message-size", NULL, NULL, 0, AIOPROC_FRAME_MAX_LENGTH,
                         AIOPROC_CONNECTION_DEFAULT_MAX,
                         G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
aioproc_connection_init (AioprocConnection *self)
{
}

/* --- On its way to another process --- */

static guint
aioproc_connection_lend (AioprocShareable  *shareable,
                         guint32           *kind,
                         int               *fds,
                         GError           **error)
{
  AioprocConnection *self = AIOPROC_CONNECTION (shareable);
  gboolean can_receive;
  gboolean can_send;
  guint n_fds;

  if (self->link == NULL)
    {
      set_not_initialized (error);
      return 0;
    }

  n_fds = aioproc_link_lend (self->link, &can_receive, &can_send, fds, error);

  if (n_fds > 0)
    *kind = AIOPROC_SHAREABLE_FIRST_LENT +
            (can_receive ? AIOPROC_CONNECTION_KIND_RECEIVES : 0) +
            (can_send ? AIOPROC_CONNECTION_KIND_SENDS : 0);

  return n_fds;
}

static void
aioproc_connection_settle (AioprocShareable *shareable,
                           gboolean          is_gone)
{
  AioprocConnection *self = AIOPROC_CONNECTION (shareable);

  if (is_gone)
    aioproc_connection_close (self);
  else
    aioproc_link_take_back (self->link);
}

static void
aioproc_connection_shareable_init (AioprocShareableInterface *iface)
{
  iface->lend = aioproc_connection_lend;
  iface->settle = aioproc_connection_settle;
}

/**
 * aioproc_connection_is_readable: (get-property readable)
 * @self: a connection
 *
 * Tells whether something can be received at this end.
 *
 * Returns: `FALSE` for the sending end of a one-way pipe, and for an end that was closed
 *
 * Since: 0.1
 */
gboolean
aioproc_connection_is_readable (AioprocConnection *self)
{
  g_return_val_if_fail (AIOPROC_IS_CONNECTION (self), FALSE);

  return self->link != NULL && self->link->can_receive && !aioproc_connection_is_closed (self);
}

/**
 * aioproc_connection_is_writable: (get-property writable)
 * @self: a connection
 *
 * Tells whether something can be sent at this end.
 *
 * Returns: `FALSE` for the receiving end of a one-way pipe, and for an end that was closed, or
 *   closed for sending
 *
 * Since: 0.1
 */
gboolean
aioproc_connection_is_writable (AioprocConnection *self)
{
  gboolean is_writable;

  g_return_val_if_fail (AIOPROC_IS_CONNECTION (self), FALSE);

  if (self->link == NULL || !self->link->can_send)
    return FALSE;

  aioproc_mutex_lock (&self->link->mutex);
  is_writable = !self->link->is_closed && !self->link->is_send_closed;
  aioproc_mutex_unlock (&self->link->mutex);

  return is_writable;
}

/**
 * aioproc_connection_is_closed: (get-property closed)
 * @self: a connection
 *
 * Tells whether this end was closed by [method@Connection.close].
 *
 * Returns: `TRUE` if it was
 *
 * Since: 0.1
 */
gboolean
aioproc_connection_is_closed (AioprocConnection *self)
{
  gboolean is_closed;

  g_return_val_if_fail (AIOPROC_IS_CONNECTION (self), FALSE);

  if (self->link == NULL)
    return FALSE;

  aioproc_mutex_lock (&self->link->mutex);
  is_closed = self->link->is_closed;
  aioproc_mutex_unlock (&self->link->mutex);

  return is_closed;
}

/**
 * aioproc_connection_get_max_message_size: (get-property max-message-size)
 * @self: a connection
 *
 * Gets how large a message may be.
 *
 * Returns: the number of bytes
 *
 * Since: 0.1
 */
guint64
aioproc_connection_get_max_message_size (AioprocConnection *self)
{
  guint64 max_message_size;

  g_return_val_if_fail (AIOPROC_IS_CONNECTION (self), 0);

  if (self->link == NULL)
    return AIOPROC_CONNECTION_DEFAULT_MAX;

  aioproc_mutex_lock (&self->link->mutex);
  max_message_size = self->link->max_length;
  aioproc_mutex_unlock (&self->link->mutex);

  return max_message_size;
}

/**
 * aioproc_connection_set_max_message_size: (set-property max-message-size)
 * @self: a connection
 * @max_message_size: a number of bytes, at most 2³⁰
 *
 * Sets how large a message may be: see [property@Connection:max-message-size].
 *
 * Since: 0.1
 */
void
aioproc_connection_set_max_message_size (AioprocConnection *self,
                                         guint64            max_message_size)
{
  gboolean is_changed;

  g_return_if_fail (AIOPROC_IS_CONNECTION (self));
  g_return_if_fail (max_message_size <= AIOPROC_FRAME_MAX_LENGTH);

  if (self->link == NULL)
    return;

  is_changed = aioproc_link_set_max_length (self->link, max_message_size);

  if (is_changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_MAX_MESSAGE_SIZE]);
}

/**
 * aioproc_connection_get_fd:
 * @self: a connection
 *
 * Gets the descriptor of a connection, for a loop that watches descriptors.
 *
 * It still belongs to the connection, and is not to be read, written or closed. When it is ready
 * for reading, [method@Connection.try_recv] may get a message. Call this before the first receive:
 * from then on a receive reads no further than to the end of its message. What one has read of the
 * next ones before does not show there, nor what a connection that came from another process has
 * brought along, nor a message that a receive has left behind. So, before the descriptor is
 * watched, call [method@Connection.try_recv] until it says [error@Gio.IOErrorEnum.WOULD_BLOCK];
 * [method@Connection.poll] knows of all that.
 *
 * Returns: a descriptor, or -1 once the connection is closed
 *
 * Since: 0.1
 */
int
aioproc_connection_get_fd (AioprocConnection *self)
{
  int fd;

  g_return_val_if_fail (AIOPROC_IS_CONNECTION (self), -1);

  if (self->link == NULL)
    return -1;

  aioproc_link_stop_reading_ahead (self->link);
  aioproc_mutex_lock (&self->link->mutex);
  fd = self->link->fd;
  aioproc_mutex_unlock (&self->link->mutex);

  return fd;
}

/**
 * aioproc_connection_close:
 * @self: a connection
 *
 * Closes this end. Never blocks.
 *
 * Operations that are pending, and those to come, fail with [error@Gio.IOErrorEnum.CLOSED]. What
 * was sent can still be received by the peer; what was to be sent, and was not yet, is lost, and a
 * message of which a part was sent ends the stream for the peer with
 * [error@Gio.IOErrorEnum.PARTIAL_INPUT]. What was not received is lost.
 *
 * It may be called twice. The end of the object closes it, too.
 *
 * Since: 0.1
 */
void
aioproc_connection_close (AioprocConnection *self)
{
  gboolean was_readable;
  gboolean was_writable;

  g_return_if_fail (AIOPROC_IS_CONNECTION (self));

  was_readable = aioproc_connection_is_readable (self);
  was_writable = aioproc_connection_is_writable (self);

  if (self->link == NULL || !aioproc_link_close (self->link))
    return;

  g_object_freeze_notify (G_OBJECT (self));
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_CLOSED]);

  if (was_readable)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_READABLE]);

  if (was_writable)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_WRITABLE]);

  g_object_thaw_notify (G_OBJECT (self));
}

/**
 * aioproc_connection_close_send:
 * @self: a connection
 * @error: return location for an error
 *
 * Tells the peer that nothing more will be sent. Never blocks.
 *
 * The peer receives what was sent, and sends that are pending, and then
 * [error@Gio.IOErrorEnum.CLOSED]. From now on sends at this end fail with
 * [error@Gio.IOErrorEnum.CLOSED]; it can still receive. It may be called twice.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.CLOSED] if this end was closed
 * - [error@Gio.IOErrorEnum.PERMISSION_DENIED] if it can only receive
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if it has nothing to be connected by
 *
 * Returns: `TRUE`, or `FALSE` with @error set
 *
 * Since: 0.1
 */
gboolean
aioproc_connection_close_send (AioprocConnection  *self,
                               GError            **error)
{
  g_autoptr(AioprocLinkOp) op = NULL;

  g_return_val_if_fail (AIOPROC_IS_CONNECTION (self), FALSE);

  op = aioproc_connection_begin (self, AIOPROC_LINK_SEND, error);

  if (op == NULL || !aioproc_link_op_check (op, error))
    return FALSE;

  if (aioproc_connection_is_closed (self))
    {
      g_propagate_error (error, aioproc_link_error_new (op, G_IO_ERROR_CLOSED));
      return FALSE;
    }

  if (aioproc_link_close_send (self->link))
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_WRITABLE]);

  return TRUE;
}
