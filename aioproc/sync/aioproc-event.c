/* aioproc-event.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "sync/aioproc-event-private.h"

#include "core/aioproc-debug-private.h"
#include "core/aioproc-shareable-private.h"

/**
 * AioprocEvent:
 *
 * A flag that processes share, and can wait for.
 *
 * It is not set at first. [method@Event.set] sets it and releases all who wait; while it is set,
 * a wait ends at once. [method@Event.clear] takes it back.
 *
 * A set releases everybody who has begun to wait before it, also when it is cleared again before
 * they run.
 *
 * ```c
 * static void
 * ready_cb (GObject      *source,
 *           GAsyncResult *result,
 *           gpointer      user_data)
 * {
 *   AioprocEvent *event = AIOPROC_EVENT (source);
 *   GMainLoop *loop = user_data;
 *   g_autoptr(GError) error = NULL;
 *
 *   if (aioproc_event_wait_finish (event, result, &error))
 *     g_print ("The event is set.\n");
 *   else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
 *     g_error ("Nobody has set the event in five seconds");
 *   else
 *     g_error ("%s", error->message);
 *
 *   g_main_loop_quit (loop);
 * }
 * …
 * aioproc_event_wait_async (event, 5 * G_TIME_SPAN_SECOND, NULL, ready_cb, loop);
 * ```
 *
 * # Thread safety
 *
 * All functions may be called from any thread. Asynchronous operations complete on the
 * thread-default main context of the thread that started them. The blocking [method@Event.wait]
 * never iterates a main context: use the asynchronous form in a thread that runs one.
 *
 * # Process safety
 *
 * An event is [iface@Shareable]. A process that is killed at any instruction of any of these
 * functions leaves the event set or not set, nothing between; those who wait when it is killed
 * within a set are released. A forked child may use the event.
 *
 * No function may be called in a signal handler; `g_unix_signal_add()` makes a source of a signal,
 * which is free to do anything.
 *
 * Since: 0.1
 */
struct _AioprocEvent {
  GObject                    parent_instance;

  /* Immutable after construction and initialisation. */
  const AioprocEventBackend *backend;   /* (nullable) NULL: not initialised */
  gpointer                   impl;      /* (owned) (nullable) the backend's */
  char                      *name;      /* (owned) (nullable) */
};

static void aioproc_event_shareable_iface_init (AioprocShareableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (AioprocEvent, aioproc_event, G_TYPE_OBJECT,
  G_IMPLEMENT_INTERFACE (G_TYPE_INITABLE, aioproc_shareable_initable_iface_init)
  G_IMPLEMENT_INTERFACE (AIOPROC_TYPE_SHAREABLE, aioproc_event_shareable_iface_init))

typedef enum {
  PROP_NAME = 1,
} AioprocEventProperty;

static GParamSpec *props[PROP_NAME + 1];

static gboolean
aioproc_event_check (AioprocEvent  *self,
                     GError      **error)
{
  return G_LIKELY (self->backend != NULL) ||
         aioproc_shareable_check_initialized (AIOPROC_SHAREABLE (self), error);
}

static AioprocShm *
aioproc_event_get_shm (AioprocShareable *shareable)
{
  AioprocEvent *self = AIOPROC_EVENT (shareable);

  return self->backend != NULL ? self->backend->get_shm (self->impl) : NULL;
}

static gboolean
aioproc_event_set_up (AioprocShareable  *shareable,
                      AioprocShm        *shm,
                      GError           **error)
{
  AioprocEvent *self = AIOPROC_EVENT (shareable);

  return aioproc_event_local_new (shm, self->name, &self->backend, &self->impl, error);
}

static void
aioproc_event_set_backend (AioprocShareable *shareable,
                           gconstpointer     backend,
                           gpointer          impl)
{
  AioprocEvent *self = AIOPROC_EVENT (shareable);

  self->backend = backend;
  self->impl = impl;
}

static void
aioproc_event_shareable_iface_init (AioprocShareableInterface *iface)
{
  iface->get_shm = aioproc_event_get_shm;
  iface->set_up = aioproc_event_set_up;
  iface->set_backend = aioproc_event_set_backend;
}

static void
aioproc_event_get_property (GObject    *object,
                            guint       prop_id,
                            GValue     *value,
                            GParamSpec *pspec)
{
  AioprocEvent *self = AIOPROC_EVENT (object);

  switch ((AioprocEventProperty) prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_event_set_property (GObject      *object,
                            guint         prop_id,
                            const GValue *value,
                            GParamSpec   *pspec)
{
  AioprocEvent *self = AIOPROC_EVENT (object);

  switch ((AioprocEventProperty) prop_id)
    {
    case PROP_NAME:
      self->name = g_value_dup_string (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_event_dispose (GObject *object)
{
  AioprocEvent *self = AIOPROC_EVENT (object);

  if (self->backend != NULL)
    self->backend->close (self->impl);

  G_OBJECT_CLASS (aioproc_event_parent_class)->dispose (object);
}

static void
aioproc_event_finalize (GObject *object)
{
  AioprocEvent *self = AIOPROC_EVENT (object);

  if (self->backend != NULL)
    self->backend->free (self->impl);

  g_free (self->name);

  G_OBJECT_CLASS (aioproc_event_parent_class)->finalize (object);
}

static void
aioproc_event_class_init (AioprocEventClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = aioproc_event_get_property;
  object_class->set_property = aioproc_event_set_property;
  object_class->constructed = aioproc_shareable_constructed;
  object_class->dispose = aioproc_event_dispose;
  object_class->finalize = aioproc_event_finalize;

  /**
   * AioprocEvent:name: (getter get_name)
   *
   * What messages about the event call it, in every process; at most 63 bytes, of which more are
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
aioproc_event_init (AioprocEvent *self)
{
}

/**
 * aioproc_event_new:
 * @error: return location for an error
 *
 * Makes a new event, which is not set.
 *
 * Other processes get it as an argument of their function, or in a message.
 *
 * Fails with an error of the domain [error@Gio.IOErrorEnum] where the system has no descriptor,
 * memory or thread for it: `TOO_MANY_OPEN_FILES` …
 *
 * Returns: (transfer full): a new event
 *
 * Since: 0.1
 */
AioprocEvent *
aioproc_event_new (GError **error)
{
  return g_initable_new (AIOPROC_TYPE_EVENT, NULL, error, NULL);
}

/**
 * aioproc_event_get_name: (get-property name)
 * @self: an event
 *
 * Gets what messages about the event call it.
 *
 * Returns: (nullable): the name, or `NULL` if it has none
 *
 * Since: 0.1
 */
const char *
aioproc_event_get_name (AioprocEvent *self)
{
  g_return_val_if_fail (AIOPROC_IS_EVENT (self), NULL);

  return self->name;
}

/**
 * aioproc_event_is_set:
 * @self: an event
 *
 * Tells whether the event is set, at this moment.
 *
 * Never blocks. Who sees the event set also sees what the process that set it wrote to shared
 * memory before.
 *
 * Returns: `TRUE` if the event is set; `FALSE` also where it could not be initialized
 *
 * Since: 0.1
 */
gboolean
aioproc_event_is_set (AioprocEvent *self)
{
  g_return_val_if_fail (AIOPROC_IS_EVENT (self), FALSE);

  return self->backend != NULL && self->backend->is_set (self->impl);
}

/**
 * aioproc_event_set:
 * @self: an event
 * @error: return location for an error
 *
 * Sets the event, and releases all operations of all processes that wait for it.
 *
 * Never blocks. Does nothing if the event is set already.
 *
 * Fails with [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the event could not be initialized, and in
 * a forked child, on its first use of the event, where the system has no descriptor or thread for
 * it.
 *
 * Returns: `TRUE` if the event is set now
 *
 * Since: 0.1
 */
gboolean
aioproc_event_set (AioprocEvent  *self,
                   GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_EVENT (self), FALSE);

  if (!aioproc_event_check (self, error))
    return FALSE;

  return self->backend->set (self->impl, error);
}

/**
 * aioproc_event_clear:
 * @self: an event
 * @error: return location for an error
 *
 * Takes back a set: waits that begin from now on wait for the next one.
 *
 * Never blocks. Does nothing if the event is not set.
 *
 * Fails as [method@Event.set] does.
 *
 * Returns: `TRUE` if the event was cleared, or was not set
 *
 * Since: 0.1
 */
gboolean
aioproc_event_clear (AioprocEvent  *self,
                     GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_EVENT (self), FALSE);

  if (!aioproc_event_check (self, error))
    return FALSE;

  return self->backend->clear (self->impl, error);
}

/**
 * aioproc_event_wait:
 * @self: an event
 * @timeout_usec: microseconds, 0 to look once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Waits until the event is set, and blocks the calling thread meanwhile.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if @timeout_usec went by first
 * - [error@Gio.IOErrorEnum.CANCELLED] if @cancellable was cancelled first
 * - [error@Gio.IOErrorEnum.CLOSED] if the event is disposed of in this process
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if it could not be initialized
 *
 * Returns: `TRUE` if the event was set
 *
 * Since: 0.1
 */
gboolean
aioproc_event_wait (AioprocEvent  *self,
                    gint64         timeout_usec,
                    GCancellable  *cancellable,
                    GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_EVENT (self), FALSE);
  g_return_val_if_fail (timeout_usec >= -1, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  if (!aioproc_event_check (self, error))
    return FALSE;

  return self->backend->wait (self->impl, timeout_usec, cancellable, error);
}

/**
 * aioproc_event_wait_async:
 * @self: an event
 * @timeout_usec: microseconds, 0 to look once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the event is set, or the wait ends without
 * @user_data: data for @callback
 *
 * Waits until the event is set, without blocking.
 *
 * Since: 0.1
 */
void
aioproc_event_wait_async (AioprocEvent        *self,
                          gint64               timeout_usec,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  GError *error = NULL;

  g_return_if_fail (AIOPROC_IS_EVENT (self));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_event_wait_async);

  /* A set that was seen is reported, even if it is cleared again before the callback runs. */
  g_task_set_check_cancellable (task, FALSE);

  if (!aioproc_event_check (self, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  self->backend->wait_start (self->impl, g_steal_pointer (&task), timeout_usec);
}

/**
 * aioproc_event_wait_finish:
 * @self: an event
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Event.wait_async] has started.
 *
 * Fails as [method@Event.wait] does, and with [error@Gio.IOErrorEnum.NO_SPACE] if the event was not
 * set and no thread could be started to wait for it.
 *
 * Returns: `TRUE` if the event was set
 *
 * Since: 0.1
 */
gboolean
aioproc_event_wait_finish (AioprocEvent  *self,
                           GAsyncResult  *result,
                           GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_EVENT (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_event_wait_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
