/* aioproc-simple-queue.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-simple-queue.h"

#include "core/aioproc-debug-private.h"
#include "core/aioproc-shareable-private.h"
#include "ipc/aioproc-queue-layout-private.h"
#include "ipc/aioproc-queue-private.h"

/**
 * AioprocSimpleQueue:
 *
 * A queue without a limit, which is put into, got from, and no more.
 *
 * It carries what a [class@Queue] carries, in the same way, and has the same promises: what was
 * put is there for one who gets, also when the process that put it is gone. Who needs a limit,
 * leases, numbers or tasks takes one of the other classes.
 *
 * ```c
 * static void
 * got_cb (GObject      *source,
 *         GAsyncResult *result,
 *         gpointer      user_data)
 * {
 *   AioprocSimpleQueue *queue = AIOPROC_SIMPLE_QUEUE (source);
 *   GMainLoop *loop = user_data;
 *   g_autoptr(GVariant) value = NULL;
 *   g_autoptr(GError) error = NULL;
 *
 *   value = aioproc_simple_queue_get_finish (queue, result, &error);
 *
 *   if (value == NULL)
 *     g_error ("%s", error->message);
 *
 *   g_print ("Got “%s”.\n", g_variant_get_string (value, NULL));
 *   g_main_loop_quit (loop);
 * }
 * …
 * aioproc_simple_queue_get_async (queue, -1, NULL, got_cb, loop);
 * ```
 *
 * # Thread safety
 *
 * As of [class@Queue].
 *
 * # Process safety
 *
 * As of [class@Queue].
 *
 * Since: 0.1
 */
struct _AioprocSimpleQueue {
  GObject                    parent_instance;

  /* Immutable after construction and initialisation. */
  const AioprocQueueBackend *backend;     /* (nullable) NULL: not initialised */
  gpointer                   impl;        /* (owned) (nullable) the backend's */
  char                      *name;        /* (owned) (nullable) */
};

static void aioproc_simple_queue_shareable_iface_init (AioprocShareableInterface *iface);
static void aioproc_simple_queue_waitable_iface_init (AioprocWaitableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (AioprocSimpleQueue, aioproc_simple_queue, G_TYPE_OBJECT,
  G_IMPLEMENT_INTERFACE (G_TYPE_INITABLE, aioproc_shareable_initable_iface_init)
  G_IMPLEMENT_INTERFACE (AIOPROC_TYPE_SHAREABLE, aioproc_simple_queue_shareable_iface_init)
  G_IMPLEMENT_INTERFACE (AIOPROC_TYPE_WAITABLE, aioproc_simple_queue_waitable_iface_init))

typedef enum {
  PROP_NAME = 1,
} AioprocSimpleQueueProperty;

static GParamSpec *props[PROP_NAME + 1];

static gboolean
aioproc_simple_queue_check (AioprocSimpleQueue  *self,
                            GError             **error)
{
  return G_LIKELY (self->backend != NULL) ||
         aioproc_shareable_check_initialized (AIOPROC_SHAREABLE (self), error);
}

static AioprocShm *
aioproc_simple_queue_get_shm (AioprocShareable *shareable)
{
  AioprocSimpleQueue *self = AIOPROC_SIMPLE_QUEUE (shareable);

  return self->backend != NULL ? self->backend->get_shm (self->impl) : NULL;
}

static gboolean
aioproc_simple_queue_set_up (AioprocShareable  *shareable,
                             AioprocShm        *shm,
                             GError           **error)
{
  AioprocSimpleQueue *self = AIOPROC_SIMPLE_QUEUE (shareable);
  const AioprocQueueConfig config = { .kind = AIOPROC_SHM_SIMPLE_QUEUE, .name = self->name };

  return aioproc_queue_local_new (shm, &config, &self->backend, &self->impl, error);
}

static void
aioproc_simple_queue_set_backend (AioprocShareable *shareable,
                                  gconstpointer     backend,
                                  gpointer          impl)
{
  AioprocSimpleQueue *self = AIOPROC_SIMPLE_QUEUE (shareable);

  self->backend = backend;
  self->impl = impl;
}

static void
aioproc_simple_queue_shareable_iface_init (AioprocShareableInterface *iface)
{
  iface->get_shm = aioproc_simple_queue_get_shm;
  iface->set_up = aioproc_simple_queue_set_up;
  iface->set_backend = aioproc_simple_queue_set_backend;
}

static gboolean
aioproc_simple_queue_is_ready (AioprocWaitable *waitable)
{
  AioprocSimpleQueue *self = AIOPROC_SIMPLE_QUEUE (waitable);

  return self->backend == NULL || self->backend->is_ready (self->impl);
}

static gboolean
aioproc_simple_queue_watch (AioprocWaitable  *waitable,
                            AioprocWatch     *watch,
                            GError          **error)
{
  AioprocSimpleQueue *self = AIOPROC_SIMPLE_QUEUE (waitable);

  return self->backend == NULL || self->backend->watch (self->impl, watch, error);
}

static void
aioproc_simple_queue_unwatch (AioprocWaitable *waitable,
                              AioprocWatch    *watch)
{
  AioprocSimpleQueue *self = AIOPROC_SIMPLE_QUEUE (waitable);

  if (self->backend != NULL)
    self->backend->unwatch (self->impl, watch);
}

static void
aioproc_simple_queue_waitable_iface_init (AioprocWaitableInterface *iface)
{
  iface->is_ready = aioproc_simple_queue_is_ready;
  iface->watch = aioproc_simple_queue_watch;
  iface->unwatch = aioproc_simple_queue_unwatch;
}

static void
aioproc_simple_queue_get_property (GObject    *object,
                                   guint       prop_id,
                                   GValue     *value,
                                   GParamSpec *pspec)
{
  AioprocSimpleQueue *self = AIOPROC_SIMPLE_QUEUE (object);

  switch ((AioprocSimpleQueueProperty) prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_simple_queue_set_property (GObject      *object,
                                   guint         prop_id,
                                   const GValue *value,
                                   GParamSpec   *pspec)
{
  AioprocSimpleQueue *self = AIOPROC_SIMPLE_QUEUE (object);

  switch ((AioprocSimpleQueueProperty) prop_id)
    {
    case PROP_NAME:
      self->name = g_value_dup_string (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_simple_queue_dispose (GObject *object)
{
  AioprocSimpleQueue *self = AIOPROC_SIMPLE_QUEUE (object);

  if (self->backend != NULL)
    self->backend->close (self->impl);

  G_OBJECT_CLASS (aioproc_simple_queue_parent_class)->dispose (object);
}

static void
aioproc_simple_queue_finalize (GObject *object)
{
  AioprocSimpleQueue *self = AIOPROC_SIMPLE_QUEUE (object);

  if (self->backend != NULL)
    self->backend->free (self->impl);

  g_free (self->name);

  G_OBJECT_CLASS (aioproc_simple_queue_parent_class)->finalize (object);
}

static void
aioproc_simple_queue_class_init (AioprocSimpleQueueClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = aioproc_simple_queue_get_property;
  object_class->set_property = aioproc_simple_queue_set_property;
  object_class->constructed = aioproc_shareable_constructed;
  object_class->dispose = aioproc_simple_queue_dispose;
  object_class->finalize = aioproc_simple_queue_finalize;

  /**
   * AioprocSimpleQueue:name: (getter get_name)
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

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
aioproc_simple_queue_init (AioprocSimpleQueue *self)
{
}

/* Takes @task. */
static void
aioproc_simple_queue_start (AioprocSimpleQueue     *self,
                            const AioprocQueueItem *item,
                            AioprocQueueForm        form,
                            GTask                  *task,
                            gint64                  timeout_usec)
{
  g_autoptr(GTask) owned = task;
  GError *error = NULL;

  /* Once taken, an item must reach the caller even if @cancellable fires before the callback
   * runs; and once it is put, nothing takes it back.
   */
  g_task_set_check_cancellable (owned, FALSE);

  if (!aioproc_simple_queue_check (self, &error))
    g_task_return_error (owned, error);
  else if (item != NULL)
    self->backend->put_start (self->impl, item, g_steal_pointer (&owned), timeout_usec);
  else
    self->backend->get_start (self->impl, form, g_steal_pointer (&owned), timeout_usec);
}

/**
 * aioproc_simple_queue_new:
 * @error: return location for an error
 *
 * Makes a new, empty queue.
 *
 * Other processes get it as an argument of their function, or in a message.
 *
 * Fails as [ctor@Queue.new] does.
 *
 * Returns: (transfer full): a new queue
 *
 * Since: 0.1
 */
AioprocSimpleQueue *
aioproc_simple_queue_new (GError **error)
{
  return g_initable_new (AIOPROC_TYPE_SIMPLE_QUEUE, NULL, error, NULL);
}

/**
 * aioproc_simple_queue_get_name: (get-property name)
 * @self: a queue
 *
 * Gets what messages about the queue call it.
 *
 * Returns: (nullable): the name, or `NULL` if it has none
 *
 * Since: 0.1
 */
const char *
aioproc_simple_queue_get_name (AioprocSimpleQueue *self)
{
  g_return_val_if_fail (AIOPROC_IS_SIMPLE_QUEUE (self), NULL);

  return self->name;
}

/**
 * aioproc_simple_queue_is_empty:
 * @self: a queue
 *
 * Tells whether there is nothing to get at this moment. Never blocks.
 *
 * Returns: `TRUE` if no item is ready
 *
 * Since: 0.1
 */
gboolean
aioproc_simple_queue_is_empty (AioprocSimpleQueue *self)
{
  AioprocQueueFigures figures = { 0 };

  g_return_val_if_fail (AIOPROC_IS_SIMPLE_QUEUE (self), TRUE);

  if (self->backend != NULL)
    self->backend->count (self->impl, &figures);

  return figures.n_ready == 0;
}

/**
 * aioproc_simple_queue_put:
 * @self: a queue
 * @value: a value, which is consumed if it is floating
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Puts a value into the queue.
 *
 * There is always room: it blocks the calling thread only while asynchronous puts of this process
 * are under way, or another process is stopped in the middle of an operation.
 *
 * Fails as [method@Queue.put] does.
 *
 * Returns: `TRUE` if the item is in the queue now
 *
 * Since: 0.1
 */
gboolean
aioproc_simple_queue_put (AioprocSimpleQueue  *self,
                          GVariant            *value,
                          gint64               timeout_usec,
                          GCancellable        *cancellable,
                          GError             **error)
{
  const AioprocQueueItem item = { .variant = value };
  g_autoptr(GVariant) owned = NULL;

  g_return_val_if_fail (AIOPROC_IS_SIMPLE_QUEUE (self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);
  g_return_val_if_fail (timeout_usec >= -1, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  owned = g_variant_ref_sink (value);

  return aioproc_simple_queue_check (self, error) &&
         self->backend->put (self->impl, &item, timeout_usec, cancellable, error);
}

/**
 * aioproc_simple_queue_put_async:
 * @self: a queue
 * @value: a value, which is consumed if it is floating
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the item is in the queue, or is not going to be
 * @user_data: data for @callback
 *
 * Puts a value into the queue without blocking, as [method@Queue.put_async] does.
 *
 * Since: 0.1
 */
void
aioproc_simple_queue_put_async (AioprocSimpleQueue  *self,
                                GVariant            *value,
                                gint64               timeout_usec,
                                GCancellable        *cancellable,
                                GAsyncReadyCallback  callback,
                                gpointer             user_data)
{
  const AioprocQueueItem item = { .variant = value };
  g_autoptr(GVariant) owned = NULL;
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (AIOPROC_IS_SIMPLE_QUEUE (self));
  g_return_if_fail (value != NULL);
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  owned = g_variant_ref_sink (value);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_simple_queue_put_async);
  aioproc_simple_queue_start (self, &item, AIOPROC_QUEUE_AS_VALUE, g_steal_pointer (&task),
                              timeout_usec);
}

/**
 * aioproc_simple_queue_put_finish:
 * @self: a queue
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@SimpleQueue.put_async] has started.
 *
 * Fails as [method@Queue.put_finish] does.
 *
 * Returns: `TRUE` if the item is in the queue now
 *
 * Since: 0.1
 */
gboolean
aioproc_simple_queue_put_finish (AioprocSimpleQueue  *self,
                                 GAsyncResult        *result,
                                 GError             **error)
{
  g_return_val_if_fail (AIOPROC_IS_SIMPLE_QUEUE (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_simple_queue_put_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * aioproc_simple_queue_get:
 * @self: a queue
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Gets a value from the queue, and blocks the calling thread until there is one.
 *
 * Fails as [method@Queue.get] does.
 *
 * Returns: (transfer full): the value, or `NULL` with @error set
 *
 * Since: 0.1
 */
GVariant *
aioproc_simple_queue_get (AioprocSimpleQueue  *self,
                          gint64               timeout_usec,
                          GCancellable        *cancellable,
                          GError             **error)
{
  g_return_val_if_fail (AIOPROC_IS_SIMPLE_QUEUE (self), NULL);
  g_return_val_if_fail (timeout_usec >= -1, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  if (!aioproc_simple_queue_check (self, error))
    return NULL;

  return self->backend->get (self->impl, AIOPROC_QUEUE_AS_VALUE, timeout_usec, cancellable, error);
}

/**
 * aioproc_simple_queue_get_async:
 * @self: a queue
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when an item was got, or is not going to be
 * @user_data: data for @callback
 *
 * Gets a value from the queue without blocking, as [method@Queue.get_async] does.
 *
 * Since: 0.1
 */
void
aioproc_simple_queue_get_async (AioprocSimpleQueue  *self,
                                gint64               timeout_usec,
                                GCancellable        *cancellable,
                                GAsyncReadyCallback  callback,
                                gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (AIOPROC_IS_SIMPLE_QUEUE (self));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_simple_queue_get_async);
  aioproc_simple_queue_start (self, NULL, AIOPROC_QUEUE_AS_VALUE, g_steal_pointer (&task),
                              timeout_usec);
}

/**
 * aioproc_simple_queue_get_finish:
 * @self: a queue
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@SimpleQueue.get_async] has started.
 *
 * Fails as [method@Queue.get_finish] does.
 *
 * Returns: (transfer full): the value, or `NULL` with @error set
 *
 * Since: 0.1
 */
GVariant *
aioproc_simple_queue_get_finish (AioprocSimpleQueue  *self,
                                 GAsyncResult        *result,
                                 GError             **error)
{
  g_return_val_if_fail (AIOPROC_IS_SIMPLE_QUEUE (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_simple_queue_get_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * aioproc_simple_queue_put_bytes:
 * @self: a queue
 * @bytes: bytes
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Puts bytes into the queue.
 *
 * There is always room: it blocks the calling thread only while asynchronous puts of this process
 * are under way, or another process is stopped in the middle of an operation.
 *
 * Fails as [method@Queue.put_bytes] does.
 *
 * Returns: `TRUE` if the item is in the queue now
 *
 * Since: 0.1
 */
gboolean
aioproc_simple_queue_put_bytes (AioprocSimpleQueue  *self,
                                GBytes              *bytes,
                                gint64               timeout_usec,
                                GCancellable        *cancellable,
                                GError             **error)
{
  const AioprocQueueItem item = { .bytes = bytes };

  g_return_val_if_fail (AIOPROC_IS_SIMPLE_QUEUE (self), FALSE);
  g_return_val_if_fail (bytes != NULL, FALSE);
  g_return_val_if_fail (timeout_usec >= -1, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  return aioproc_simple_queue_check (self, error) &&
         self->backend->put (self->impl, &item, timeout_usec, cancellable, error);
}

/**
 * aioproc_simple_queue_put_bytes_async:
 * @self: a queue
 * @bytes: bytes
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the item is in the queue, or is not going to be
 * @user_data: data for @callback
 *
 * Puts bytes into the queue without blocking, as [method@Queue.put_bytes_async] does.
 *
 * Since: 0.1
 */
void
aioproc_simple_queue_put_bytes_async (AioprocSimpleQueue  *self,
                                      GBytes              *bytes,
                                      gint64               timeout_usec,
                                      GCancellable        *cancellable,
                                      GAsyncReadyCallback  callback,
                                      gpointer             user_data)
{
  const AioprocQueueItem item = { .bytes = bytes };
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (AIOPROC_IS_SIMPLE_QUEUE (self));
  g_return_if_fail (bytes != NULL);
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_simple_queue_put_bytes_async);
  aioproc_simple_queue_start (self, &item, AIOPROC_QUEUE_AS_BYTES, g_steal_pointer (&task),
                              timeout_usec);
}

/**
 * aioproc_simple_queue_put_bytes_finish:
 * @self: a queue
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@SimpleQueue.put_bytes_async] has started.
 *
 * Fails as [method@Queue.put_bytes_finish] does.
 *
 * Returns: `TRUE` if the item is in the queue now
 *
 * Since: 0.1
 */
gboolean
aioproc_simple_queue_put_bytes_finish (AioprocSimpleQueue  *self,
                                       GAsyncResult        *result,
                                       GError             **error)
{
  g_return_val_if_fail (AIOPROC_IS_SIMPLE_QUEUE (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_simple_queue_put_bytes_async),
                        FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * aioproc_simple_queue_get_bytes:
 * @self: a queue
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Gets bytes from the queue, and blocks the calling thread until there are some.
 *
 * More than 4 KiB are not copied, see [method@Queue.get_bytes].
 *
 * Fails as [method@Queue.get_bytes] does.
 *
 * Returns: (transfer full): the bytes, or `NULL` with @error set
 *
 * Since: 0.1
 */
GBytes *
aioproc_simple_queue_get_bytes (AioprocSimpleQueue  *self,
                                gint64               timeout_usec,
                                GCancellable        *cancellable,
                                GError             **error)
{
  g_return_val_if_fail (AIOPROC_IS_SIMPLE_QUEUE (self), NULL);
  g_return_val_if_fail (timeout_usec >= -1, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  if (!aioproc_simple_queue_check (self, error))
    return NULL;

  return self->backend->get (self->impl, AIOPROC_QUEUE_AS_BYTES, timeout_usec, cancellable, error);
}

/**
 * aioproc_simple_queue_get_bytes_async:
 * @self: a queue
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when an item was got, or is not going to be
 * @user_data: data for @callback
 *
 * Gets bytes from the queue without blocking, as [method@Queue.get_bytes_async] does.
 *
 * Since: 0.1
 */
void
aioproc_simple_queue_get_bytes_async (AioprocSimpleQueue  *self,
                                      gint64               timeout_usec,
                                      GCancellable        *cancellable,
                                      GAsyncReadyCallback  callback,
                                      gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (AIOPROC_IS_SIMPLE_QUEUE (self));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_simple_queue_get_bytes_async);
  aioproc_simple_queue_start (self, NULL, AIOPROC_QUEUE_AS_BYTES, g_steal_pointer (&task),
                              timeout_usec);
}

/**
 * aioproc_simple_queue_get_bytes_finish:
 * @self: a queue
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@SimpleQueue.get_bytes_async] has started.
 *
 * Fails as [method@Queue.get_bytes_finish] does.
 *
 * Returns: (transfer full): the bytes, or `NULL` with @error set
 *
 * Since: 0.1
 */
GBytes *
aioproc_simple_queue_get_bytes_finish (AioprocSimpleQueue  *self,
                                       GAsyncResult        *result,
                                       GError             **error)
{
  g_return_val_if_fail (AIOPROC_IS_SIMPLE_QUEUE (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_simple_queue_get_bytes_async),
                        NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * aioproc_simple_queue_close:
 * @self: a queue
 * @error: return location for an error
 *
 * Closes the queue, for all processes and for good. Never blocks.
 *
 * Every put fails with [error@Gio.IOErrorEnum.CLOSED] from now on. What is in the queue can still
 * be got; then every get fails with the same error, those that wait included.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: `TRUE` if the queue is closed
 *
 * Since: 0.1
 */
gboolean
aioproc_simple_queue_close (AioprocSimpleQueue  *self,
                            GError             **error)
{
  g_return_val_if_fail (AIOPROC_IS_SIMPLE_QUEUE (self), FALSE);

  return aioproc_simple_queue_check (self, error) && self->backend->shut (self->impl, FALSE, error);
}

static AioprocShareable *
aioproc_simple_queue_import (AioprocShm  *shm,
                             GError     **error)
{
  return aioproc_shareable_new_for_shm (AIOPROC_TYPE_SIMPLE_QUEUE, shm, error);
}

__attribute__ ((constructor)) static void
aioproc_simple_queue_register (void)
{
  aioproc_shareable_register (AIOPROC_SHM_SIMPLE_QUEUE, AIOPROC_QUEUE_STATE_SIZE,
                              aioproc_simple_queue_import);
}
