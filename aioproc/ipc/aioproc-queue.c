/* aioproc-queue.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-private.h"

#include "core/aioproc-shareable-private.h"
#include "ipc/aioproc-queue-layout-private.h"

/**
 * AioprocQueue:
 *
 * A queue of values or bytes that any number of processes put into and get from.
 *
 * An item is a [struct@GLib.Variant] or [struct@GLib.Bytes]. It is copied into memory that the
 * processes share when it is put, and out of it by the one process that gets it, but for large
 * bytes, which that process reads where they lie: there is no thread in between, nothing is lost
 * when a process ends right after a put, and a process never waits at its end for others to read.
 * Items of one process come out in the order in which it put them; between processes there is no
 * order.
 *
 * ```c
 * static void
 * got_cb (GObject      *source,
 *         GAsyncResult *result,
 *         gpointer      user_data)
 * {
 *   AioprocQueue *queue = AIOPROC_QUEUE (source);
 *   GMainLoop *loop = user_data;
 *   g_autoptr(GVariant) value = NULL;
 *   g_autoptr(GError) error = NULL;
 *
 *   value = aioproc_queue_get_finish (queue, result, &error);
 *
 *   if (value != NULL)
 *     {
 *       g_print ("Got %d.\n", g_variant_get_int32 (value));
 *       aioproc_queue_get_async (queue, -1, NULL, got_cb, loop);
 *     }
 *   else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
 *     {
 *       g_print ("There is no more.\n");
 *       g_main_loop_quit (loop);
 *     }
 *   else
 *     {
 *       g_error ("%s", error->message);
 *     }
 * }
 * …
 * aioproc_queue_get_async (queue, -1, NULL, got_cb, loop);
 * ```
 *
 * Bytes that were put can be got as a value of type `ay`, and an `ay` as bytes. More than 4 KiB
 * that are got as bytes cost one copy, and arrays of bytes otherwise two; other values are checked
 * when they are got, which takes some nanoseconds a byte. An item has 8 GiB at most. A value cannot
 * hold a handle (`h`), since memory cannot carry a descriptor. What is large and only being made
 * can be built in the memory of the queue, which costs no copy: see [class@QueueLoan].
 *
 * A queue without a limit grows as long as there is memory, up to 13 GiB of payloads and 16 million
 * items; a put then fails with [error@Gio.IOErrorEnum.NO_SPACE]. Memory is kept for the next items;
 * what none has needed for a second or two is given back by the processes that get, and all of it
 * once the queue has been empty for a second.
 *
 * # Thread safety
 *
 * All functions may be called from any thread. Asynchronous operations complete on the
 * thread-default main context of the thread that started them; those of one process are served in
 * the order in which they were started. Payloads of more than 64 KiB are then copied, if at all, on
 * threads of the library, smaller ones where the operation is started. The blocking functions never
 * iterate a main context, and copy in the calling thread.
 *
 * # Process safety
 *
 * A queue is [iface@Shareable]. A process may be killed at any instruction of any of these
 * functions: an item is then in the queue or it is not, whole, once, and the other processes go on.
 * An item that a process was getting when it was killed stays in the queue, at its place, until the
 * copy is complete; from then on it belongs to the process, and is gone with it (it is delivered at
 * most once). Who must not lose it leases it: see [class@QueueLease]. The room of an item that was
 * being put is free again. A process that is stopped does not stop the others: `try_` functions may
 * say [error@Gio.IOErrorEnum.WOULD_BLOCK], others wait, if it was stopped within the few
 * instructions that hold the queue's lock.
 *
 * A forked child may use the queue; its first operation fails where the system has no descriptor or
 * thread for that. Processes that share a queue trust each other: one can garble
 * the items of another. Nothing that is in the memory makes a function crash, read what is not the
 * queue's, or run code: what is damaged is reported as [error@Gio.IOErrorEnum.INVALID_DATA].
 *
 * Since: 0.1
 */
#define AIOPROC_QUEUE_GET_CLASS(object) \
  (G_TYPE_INSTANCE_GET_CLASS ((object), AIOPROC_TYPE_QUEUE, AioprocQueueClass))

static void aioproc_queue_shareable_iface_init (AioprocShareableInterface *iface);
static void aioproc_queue_waitable_iface_init (AioprocWaitableInterface *iface);

G_DEFINE_TYPE_WITH_CODE (AioprocQueue, aioproc_queue, G_TYPE_OBJECT,
  G_IMPLEMENT_INTERFACE (G_TYPE_INITABLE, aioproc_shareable_initable_iface_init)
  G_IMPLEMENT_INTERFACE (AIOPROC_TYPE_SHAREABLE, aioproc_queue_shareable_iface_init)
  G_IMPLEMENT_INTERFACE (AIOPROC_TYPE_WAITABLE, aioproc_queue_waitable_iface_init))

typedef enum {
  PROP_NAME = 1,
  PROP_MAX_ITEMS,
  PROP_MAX_DELIVERIES,
  PROP_MAX_BYTES,
  PROP_PEAK_ITEMS,
  PROP_PEAK_BYTES,
} AioprocQueueProperty;

static GParamSpec *props[PROP_PEAK_BYTES + 1];

gboolean
aioproc_queue_check (AioprocQueue  *self,
                     GError       **error)
{
  return G_LIKELY (self->backend != NULL) ||
         aioproc_shareable_check_initialized (AIOPROC_SHAREABLE (self), error);
}

static AioprocShm *
aioproc_queue_get_shm (AioprocShareable *shareable)
{
  AioprocQueue *self = AIOPROC_QUEUE (shareable);

  return self->backend != NULL ? self->backend->get_shm (self->impl) : NULL;
}

static gboolean
aioproc_queue_set_up (AioprocShareable  *shareable,
                      AioprocShm        *shm,
                      GError           **error)
{
  AioprocQueue *self = AIOPROC_QUEUE (shareable);

  const AioprocQueueConfig config = {
    .kind = AIOPROC_QUEUE_GET_CLASS (self)->kind,
    .name = self->name,
    .max_items = self->max_items,
    .max_deliveries = self->max_deliveries,
    .max_bytes = self->max_bytes,
  };

  return aioproc_queue_local_new (shm, &config, &self->backend, &self->impl, error);
}

static void
aioproc_queue_set_backend (AioprocShareable *shareable,
                           gconstpointer     backend,
                           gpointer          impl)
{
  AioprocQueue *self = AIOPROC_QUEUE (shareable);

  self->backend = backend;
  self->impl = impl;
}

static void
aioproc_queue_shareable_iface_init (AioprocShareableInterface *iface)
{
  iface->get_shm = aioproc_queue_get_shm;
  iface->set_up = aioproc_queue_set_up;
  iface->set_backend = aioproc_queue_set_backend;
}

static gboolean
aioproc_queue_is_ready (AioprocWaitable *waitable)
{
  AioprocQueue *self = AIOPROC_QUEUE (waitable);

  return self->backend == NULL || self->backend->is_ready (self->impl);
}

static gboolean
aioproc_queue_watch (AioprocWaitable  *waitable,
                     AioprocWatch     *watch,
                     GError          **error)
{
  AioprocQueue *self = AIOPROC_QUEUE (waitable);

  return self->backend == NULL || self->backend->watch (self->impl, watch, error);
}

static void
aioproc_queue_unwatch (AioprocWaitable *waitable,
                       AioprocWatch    *watch)
{
  AioprocQueue *self = AIOPROC_QUEUE (waitable);

  if (self->backend != NULL)
    self->backend->unwatch (self->impl, watch);
}

static void
aioproc_queue_waitable_iface_init (AioprocWaitableInterface *iface)
{
  iface->is_ready = aioproc_queue_is_ready;
  iface->watch = aioproc_queue_watch;
  iface->unwatch = aioproc_queue_unwatch;
}

static void
aioproc_queue_get_property (GObject    *object,
                            guint       prop_id,
                            GValue     *value,
                            GParamSpec *pspec)
{
  AioprocQueue *self = AIOPROC_QUEUE (object);

  switch ((AioprocQueueProperty) prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;

    case PROP_MAX_ITEMS:
      g_value_set_uint (value, aioproc_queue_get_max_items (self));
      break;

    case PROP_MAX_DELIVERIES:
      g_value_set_uint (value, aioproc_queue_get_max_deliveries (self));
      break;

    case PROP_MAX_BYTES:
      g_value_set_uint64 (value, aioproc_queue_get_max_bytes (self));
      break;

    case PROP_PEAK_ITEMS:
      g_value_set_uint (value, aioproc_queue_get_peak_items (self));
      break;

    case PROP_PEAK_BYTES:
      g_value_set_uint64 (value, aioproc_queue_get_peak_bytes (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_queue_set_property (GObject      *object,
                            guint         prop_id,
                            const GValue *value,
                            GParamSpec   *pspec)
{
  AioprocQueue *self = AIOPROC_QUEUE (object);

  switch ((AioprocQueueProperty) prop_id)
    {
    case PROP_NAME:
      self->name = g_value_dup_string (value);
      break;

    case PROP_MAX_ITEMS:
      self->max_items = g_value_get_uint (value);
      break;

    case PROP_MAX_DELIVERIES:
      self->max_deliveries = g_value_get_uint (value);
      break;

    case PROP_MAX_BYTES:
      self->max_bytes = g_value_get_uint64 (value);
      break;

    case PROP_PEAK_ITEMS:
    case PROP_PEAK_BYTES:

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_queue_dispose (GObject *object)
{
  AioprocQueue *self = AIOPROC_QUEUE (object);

  if (self->backend != NULL)
    self->backend->close (self->impl);

  G_OBJECT_CLASS (aioproc_queue_parent_class)->dispose (object);
}

static void
aioproc_queue_finalize (GObject *object)
{
  AioprocQueue *self = AIOPROC_QUEUE (object);

  if (self->backend != NULL)
    self->backend->free (self->impl);

  g_free (self->name);

  G_OBJECT_CLASS (aioproc_queue_parent_class)->finalize (object);
}

static void
aioproc_queue_class_init (AioprocQueueClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = aioproc_queue_get_property;
  object_class->set_property = aioproc_queue_set_property;
  object_class->constructed = aioproc_shareable_constructed;
  object_class->dispose = aioproc_queue_dispose;
  object_class->finalize = aioproc_queue_finalize;
  klass->kind = AIOPROC_SHM_QUEUE;

  /**
   * AioprocQueue:name: (getter get_name)
   *
   * What messages about the queue call it, in every process; at most 63 bytes, of which more are
   * cut off for other processes. It identifies nothing.
   *
   * Since: 0.1
   */
  props[PROP_NAME] =
    g_param_spec_string ("name", NULL, NULL,
                         NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocQueue:max-items: (getter get_max_items)
   *
   * How many items the queue takes before a put waits, or 0 for no limit.
   *
   * Items that are being put at this moment count, those that are leased or being got do not: a
   * process that puts what comes of an item before it acknowledges that would wait for itself. So
   * there may be more when they come back.
   *
   * Since: 0.1
   */
  props[PROP_MAX_ITEMS] =
    g_param_spec_uint ("max-items", NULL, NULL,
                       0, G_MAXUINT, 0,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocQueue:max-deliveries: (getter get_max_deliveries)
   *
   * How often an item is delivered in vain before it is set aside, or 0 for as often as it takes.
   *
   * A delivery is in vain if the item comes back with [method@QueueLease.nack], or by the death of
   * the process that had leased it, or was getting it. Items that were set aside are not got any
   * more, take no room, and are there for [method@Queue.try_get_failed].
   *
   * Since: 0.1
   */
  props[PROP_MAX_DELIVERIES] =
    g_param_spec_uint ("max-deliveries", NULL, NULL,
                       0, 65535, 0,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocQueue:max-bytes: (getter get_max_bytes)
   *
   * How many bytes of payload the queue takes before a put waits, or 0 for no limit.
   *
   * The payload of bytes is their number; that of a value is its size, and that of its type.
   * What the queue needs beside the payloads does not count. An item that has more bytes than this
   * by itself cannot be put. Items that are being put count, those that are being got do not.
   *
   * Since: 0.1
   */
  props[PROP_MAX_BYTES] =
    g_param_spec_uint64 ("max-bytes", NULL, NULL,
                         0, G_MAXUINT64, 0,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocQueue:peak-items: (getter get_peak_items)
   *
   * The most items that were ever in the queue at once, for all processes. Changes are not
   * notified.
   *
   * Since: 0.1
   */
  props[PROP_PEAK_ITEMS] =
    g_param_spec_uint ("peak-items", NULL, NULL,
                       0, G_MAXUINT, 0,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocQueue:peak-bytes: (getter get_peak_bytes)
   *
   * The most bytes of payload that were ever in the queue at once, for all processes. Changes are
   * not notified.
   *
   * Since: 0.1
   */
  props[PROP_PEAK_BYTES] =
    g_param_spec_uint64 ("peak-bytes", NULL, NULL,
                         0, G_MAXUINT64, 0,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
aioproc_queue_init (AioprocQueue *self)
{
}

/**
 * aioproc_queue_new:
 * @max_items: how many items the queue takes before a put waits, or 0 for no limit
 * @error: return location for an error
 *
 * Makes a new, empty queue.
 *
 * Other processes get it as an argument of their function, or in a message.
 *
 * Fails with an error of the domain [error@Gio.IOErrorEnum] where the system has no descriptor,
 * memory or thread for it: `TOO_MANY_OPEN_FILES`, `NO_SPACE` …
 *
 * Returns: (transfer full): a new queue
 *
 * Since: 0.1
 */
AioprocQueue *
aioproc_queue_new (guint    max_items,
                   GError **error)
{
  return g_initable_new (AIOPROC_TYPE_QUEUE, NULL, error, "max-items", max_items, NULL);
}

/**
 * aioproc_queue_get_name: (get-property name)
 * @self: a queue
 *
 * Gets what messages about the queue call it.
 *
 * Returns: (nullable): the name, or `NULL` if it has none
 *
 * Since: 0.1
 */
const char *
aioproc_queue_get_name (AioprocQueue *self)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), NULL);

  return self->name;
}

/**
 * aioproc_queue_get_max_items: (get-property max-items)
 * @self: a queue
 *
 * Gets how many items the queue takes before a put waits.
 *
 * Returns: the limit, or 0 for none
 *
 * Since: 0.1
 */
guint
aioproc_queue_get_max_items (AioprocQueue *self)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), 0);

  return self->backend != NULL ? self->backend->get_max_items (self->impl) : self->max_items;
}

/**
 * aioproc_queue_get_max_deliveries: (get-property max-deliveries)
 * @self: a queue
 *
 * Gets how often an item is delivered in vain before it is set aside.
 *
 * Returns: the limit, or 0 for none
 *
 * Since: 0.1
 */
guint
aioproc_queue_get_max_deliveries (AioprocQueue *self)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), 0);

  if (self->backend == NULL)
    return self->max_deliveries;

  return self->backend->get_max_deliveries (self->impl);
}

/**
 * aioproc_queue_get_max_bytes: (get-property max-bytes)
 * @self: a queue
 *
 * Gets how many bytes of payload the queue takes before a put waits.
 *
 * Returns: the limit, or 0 for none
 *
 * Since: 0.1
 */
guint64
aioproc_queue_get_max_bytes (AioprocQueue *self)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), 0);

  return self->backend != NULL ? self->backend->get_max_bytes (self->impl) : self->max_bytes;
}

/* All are 0 if the object is uninitialised. */
static AioprocQueueFigures
aioproc_queue_count (AioprocQueue *self)
{
  AioprocQueueFigures figures = { 0 };

  if (self->backend != NULL)
    self->backend->count (self->impl, &figures);

  return figures;
}

/**
 * aioproc_queue_get_size:
 * @self: a queue
 *
 * Gets how many items can be got at this moment.
 *
 * Never blocks. Other processes may have changed it when this returns.
 *
 * Returns: the number of items that are ready
 *
 * Since: 0.1
 */
guint
aioproc_queue_get_size (AioprocQueue *self)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), 0);

  return aioproc_queue_count (self).n_ready;
}

/**
 * aioproc_queue_get_n_bytes:
 * @self: a queue
 *
 * Gets how many bytes of payload are in the queue at this moment.
 *
 * This is what [property@Queue:max-bytes] limits: items that are being put count, those that are
 * being got do not. Never blocks.
 *
 * Returns: the number of bytes
 *
 * Since: 0.1
 */
guint64
aioproc_queue_get_n_bytes (AioprocQueue *self)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), 0);

  return aioproc_queue_count (self).n_bytes;
}

/**
 * aioproc_queue_get_peak_items: (get-property peak-items)
 * @self: a queue
 *
 * Gets the most items that were ever in the queue at once. Never blocks.
 *
 * Returns: the number of items, those included that were being put
 *
 * Since: 0.1
 */
guint
aioproc_queue_get_peak_items (AioprocQueue *self)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), 0);

  return aioproc_queue_count (self).peak_items;
}

/**
 * aioproc_queue_get_peak_bytes: (get-property peak-bytes)
 * @self: a queue
 *
 * Gets the most bytes of payload that were ever in the queue at once. Never blocks.
 *
 * Returns: the number of bytes, those included that were being put
 *
 * Since: 0.1
 */
guint64
aioproc_queue_get_peak_bytes (AioprocQueue *self)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), 0);

  return aioproc_queue_count (self).peak_bytes;
}

/**
 * aioproc_queue_is_empty:
 * @self: a queue
 *
 * Tells whether there is nothing to get at this moment. Never blocks.
 *
 * Returns: `TRUE` if no item is ready
 *
 * Since: 0.1
 */
gboolean
aioproc_queue_is_empty (AioprocQueue *self)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), TRUE);

  return aioproc_queue_get_size (self) == 0;
}

/**
 * aioproc_queue_is_full:
 * @self: a queue
 *
 * Tells whether a put would wait at this moment. Never blocks.
 *
 * Returns: `TRUE` if there are as many items as [property@Queue:max-items] allows, or more, those
 *   that are being put included, or as many bytes as [property@Queue:max-bytes] allows
 *
 * Since: 0.1
 */
gboolean
aioproc_queue_is_full (AioprocQueue *self)
{
  AioprocQueueFigures figures;
  guint64 max_bytes;
  guint max_items;

  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), FALSE);

  max_items = aioproc_queue_get_max_items (self);
  max_bytes = aioproc_queue_get_max_bytes (self);
  figures = aioproc_queue_count (self);

  return (max_items != 0 && figures.n_used >= max_items) ||
         (max_bytes != 0 && figures.n_bytes >= max_bytes);
}

/**
 * aioproc_queue_is_closed:
 * @self: a queue
 *
 * Tells whether any process has closed the queue. Never blocks.
 *
 * Returns: `TRUE` if puts fail; there may be items left to get
 *
 * Since: 0.1
 */
gboolean
aioproc_queue_is_closed (AioprocQueue *self)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), FALSE);

  return self->backend != NULL && self->backend->is_shut (self->impl);
}

/**
 * aioproc_queue_get_n_failed:
 * @self: a queue
 *
 * Gets how many items were set aside, since they were delivered in vain as often as
 * [property@Queue:max-deliveries] allows.
 *
 * Never blocks.
 *
 * Returns: how many items [method@Queue.try_get_failed] could get at this moment
 *
 * Since: 0.1
 */
guint
aioproc_queue_get_n_failed (AioprocQueue *self)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), 0);

  return self->backend != NULL ? self->backend->count_failed (self->impl) : 0;
}

/**
 * aioproc_queue_try_get_failed:
 * @self: a queue
 * @error: return location for an error
 *
 * Takes the first of the items that were set aside out of the queue. Never blocks.
 *
 * They are in the order in which they were put, and stay when the queue is closed.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.WOULD_BLOCK] if there is none, or if a process is stopped in the
 *   middle of an operation
 * - [error@Gio.IOErrorEnum.CLOSED] if this process disposed of the queue
 * - [error@Gio.IOErrorEnum.INVALID_DATA] if the item was damaged, and is dropped
 * - [error@Gio.IOErrorEnum.NO_SPACE] if there is no memory for the copy; the item stays
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: (transfer full): the item, with its history, or `NULL` with @error set
 *
 * Since: 0.1
 */
AioprocQueueFailure *
aioproc_queue_try_get_failed (AioprocQueue  *self,
                              GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), NULL);

  if (!aioproc_queue_check (self, error))
    return NULL;

  return self->backend->try_get_failed (self->impl, error);
}

/**
 * aioproc_queue_close:
 * @self: a queue
 * @immediate: `TRUE` to drop what is in the queue, `FALSE` to let it be got
 * @error: return location for an error
 *
 * Closes the queue, for all processes and for good. Never blocks.
 *
 * Every put fails with [error@Gio.IOErrorEnum.CLOSED] from now on, those that wait at once.
 *
 * If @immediate is `FALSE`, what is in the queue can still be got, and so can items whose puts had
 * begun to copy, or for which room was lent; then every get fails with
 * [error@Gio.IOErrorEnum.CLOSED], those that wait included. Items that are leased may come back,
 * and those of loans may be committed: gets wait until all leases and loans have ended.
 *
 * If @immediate is `TRUE`, every get fails at once, those that wait included. What is in the
 * queue is dropped, and its memory given back. A put or a get that is copying at this moment ends
 * as though it had been over before; what it has put is dropped as well, and so is what is leased
 * and comes back.
 *
 * To close a queue again does nothing, but that one which was closed can be closed immediately
 * later. A queue is not closed by the end of a process, nor by that of an object.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.CLOSED] if this process disposed of the queue, and @immediate is `TRUE`
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: `TRUE` if the queue is closed
 *
 * Since: 0.1
 */
gboolean
aioproc_queue_close (AioprocQueue  *self,
                     gboolean       immediate,
                     GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE (self), FALSE);

  return aioproc_queue_check (self, error) &&
         self->backend->shut (self->impl, immediate, error);
}

static AioprocShareable *
aioproc_queue_import (AioprocShm  *shm,
                      GError     **error)
{
  return aioproc_shareable_new_for_shm (AIOPROC_TYPE_QUEUE, shm, error);
}

__attribute__ ((constructor)) static void
aioproc_queue_register (void)
{
  aioproc_shareable_register (AIOPROC_SHM_QUEUE, AIOPROC_QUEUE_STATE_SIZE, aioproc_queue_import);
}
