/* aioproc-task.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "pool/aioproc-task-private.h"

#include "core/aioproc-waitable-private.h"

/**
 * AioprocTask:
 *
 * A call of a function by a pool that can be looked at.
 *
 * A task is made, given to a pool by [method@Pool.submit], and tells by its properties how far it
 * is; a widget can be bound to them. It can be cancelled, and waited for, also together with others
 * and with other waitables, by [func@wait].
 *
 * ```c
 * g_autoptr(AioprocTask) task = aioproc_task_new ("render", g_variant_new ("(s)", path));
 *
 * g_object_bind_property (task, "progress", bar, "fraction", G_BINDING_DEFAULT);
 * aioproc_pool_submit (pool, task, &error);
 * aioproc_task_wait_async (task, -1, NULL, rendered_cb, NULL);
 * ```
 *
 * A pool keeps a task until it has ended, whether or not the program does. Where nothing of this is
 * of use, [method@Pool.apply_async] costs less.
 *
 * # Thread safety
 *
 * All functions may be called from any thread. Notifications come on the thread-default main
 * context of the thread that submitted the task, one for all changes since the last.
 *
 * # Process safety
 *
 * A task belongs to its process, as the pool does.
 *
 * Since: 0.1
 */

static void aioproc_task_waitable_iface_init (AioprocWaitableInterface *iface);

G_DEFINE_ENUM_TYPE (AioprocTaskState, aioproc_task_state,
  G_DEFINE_ENUM_VALUE (AIOPROC_TASK_STATE_NEW, "new"),
  G_DEFINE_ENUM_VALUE (AIOPROC_TASK_STATE_QUEUED, "queued"),
  G_DEFINE_ENUM_VALUE (AIOPROC_TASK_STATE_RUNNING, "running"),
  G_DEFINE_ENUM_VALUE (AIOPROC_TASK_STATE_SUCCEEDED, "succeeded"),
  G_DEFINE_ENUM_VALUE (AIOPROC_TASK_STATE_FAILED, "failed"),
  G_DEFINE_ENUM_VALUE (AIOPROC_TASK_STATE_CANCELLED, "cancelled"))

G_DEFINE_FINAL_TYPE_WITH_CODE (AioprocTask, aioproc_task, G_TYPE_OBJECT,
  G_IMPLEMENT_INTERFACE (AIOPROC_TYPE_WAITABLE, aioproc_task_waitable_iface_init))

GParamSpec *aioproc_task_props[AIOPROC_TASK_N_PROPS];

/* --- Waitable --- */

static gboolean
aioproc_task_is_ready (AioprocWaitable *waitable)
{
  AioprocTask *self = AIOPROC_TASK (waitable);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return aioproc_task_has_ended_locked (self);
}

static gboolean
aioproc_task_watch (AioprocWaitable  *waitable,
                    AioprocWatch     *watch,
                    GError          **error)
{
  AioprocTask *self = AIOPROC_TASK (waitable);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  aioproc_watch_link (watch, &self->watches, -1, 0);

  return aioproc_task_has_ended_locked (self);
}

static void
aioproc_task_unwatch (AioprocWaitable *waitable,
                      AioprocWatch    *watch)
{
  AioprocTask *self = AIOPROC_TASK (waitable);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  aioproc_watch_unlink (watch, &self->watches);
}

static void
aioproc_task_waitable_iface_init (AioprocWaitableInterface *iface)
{
  iface->is_ready = aioproc_task_is_ready;
  iface->watch = aioproc_task_watch;
  iface->unwatch = aioproc_task_unwatch;
}

/* --- Object --- */

static void
aioproc_task_finalize (GObject *object)
{
  AioprocTask *self = AIOPROC_TASK (object);

  if (self->notify_source != NULL)
    g_source_destroy (self->notify_source);
  g_clear_pointer (&self->notify_source, g_source_unref);
  g_clear_pointer (&self->notify_context, g_main_context_unref);
  g_clear_pointer (&self->job, aioproc_pool_job_unref);
  g_clear_pointer (&self->core, aioproc_pool_core_unref);
  g_clear_pointer (&self->value, g_variant_unref);
  g_clear_object (&self->result);
  g_clear_error (&self->error);
  g_free (self->function);
  g_clear_pointer (&self->arguments, g_variant_unref);
  g_clear_object (&self->message);
  g_free (self->progress_text);
  aioproc_mutex_clear (&self->mutex);

  G_OBJECT_CLASS (aioproc_task_parent_class)->finalize (object);
}

static void
aioproc_task_get_property (GObject    *object,
                           guint       prop_id,
                           GValue     *value,
                           GParamSpec *pspec)
{
  AioprocTask *self = AIOPROC_TASK (object);

  switch ((AioprocTaskProperty) prop_id)
    {
    case AIOPROC_TASK_PROP_FUNCTION:
      g_value_set_string (value, self->function);
      break;

    case AIOPROC_TASK_PROP_ARGUMENTS:
      g_value_set_variant (value, self->arguments);
      break;

    case AIOPROC_TASK_PROP_MESSAGE:
      g_value_set_object (value, self->message);
      break;

    case AIOPROC_TASK_PROP_PRIORITY:
      g_value_set_int (value, aioproc_task_get_priority (self));
      break;

    case AIOPROC_TASK_PROP_TIMEOUT:
      g_value_set_int64 (value, aioproc_task_get_timeout (self));
      break;

    case AIOPROC_TASK_PROP_STATE:
      g_value_set_enum (value, (int) aioproc_task_get_state (self));
      break;

    case AIOPROC_TASK_PROP_PROGRESS:
      g_value_set_double (value, aioproc_task_get_progress (self));
      break;

    case AIOPROC_TASK_PROP_PROGRESS_TEXT:
      g_value_take_string (value, aioproc_task_dup_progress_text (self));
      break;

    case AIOPROC_TASK_PROP_WORKER_PID:
      g_value_set_int (value, aioproc_task_get_worker_pid (self));
      break;

    case AIOPROC_TASK_PROP_STARTED_TIME:
      g_value_set_int64 (value, aioproc_task_get_started_time (self));
      break;

    case AIOPROC_TASK_PROP_FINISHED_TIME:
      g_value_set_int64 (value, aioproc_task_get_finished_time (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_task_set_property (GObject      *object,
                           guint         prop_id,
                           const GValue *value,
                           GParamSpec   *pspec)
{
  AioprocTask *self = AIOPROC_TASK (object);

  switch ((AioprocTaskProperty) prop_id)
    {
    case AIOPROC_TASK_PROP_FUNCTION:
      self->function = g_value_dup_string (value);
      break;

    case AIOPROC_TASK_PROP_ARGUMENTS:
      self->arguments = g_value_dup_variant (value);
      break;

    case AIOPROC_TASK_PROP_MESSAGE:
      self->message = g_value_dup_object (value);
      break;

    case AIOPROC_TASK_PROP_PRIORITY:
      aioproc_task_set_priority (self, g_value_get_int (value));
      break;

    case AIOPROC_TASK_PROP_TIMEOUT:
      aioproc_task_set_timeout (self, g_value_get_int64 (value));
      break;

    case AIOPROC_TASK_PROP_STATE:
    case AIOPROC_TASK_PROP_PROGRESS:
    case AIOPROC_TASK_PROP_PROGRESS_TEXT:
    case AIOPROC_TASK_PROP_WORKER_PID:
    case AIOPROC_TASK_PROP_STARTED_TIME:
    case AIOPROC_TASK_PROP_FINISHED_TIME:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_task_class_init (AioprocTaskClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags construct_only = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY;
  const GParamFlags writable = G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY;

  object_class->finalize = aioproc_task_finalize;
  object_class->get_property = aioproc_task_get_property;
  object_class->set_property = aioproc_task_set_property;

  /**
   * AioprocTask:function:
   *
   * The name of the function of the worker program.
   *
   * Since: 0.1
   */
  aioproc_task_props[AIOPROC_TASK_PROP_FUNCTION] =
    g_param_spec_string ("function", NULL, NULL, NULL, construct_only | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocTask:arguments:
   *
   * Its arguments, of any type without handles; `NULL` for `()`, or if there is a message.
   *
   * Since: 0.1
   */
  aioproc_task_props[AIOPROC_TASK_PROP_ARGUMENTS] =
    g_param_spec_variant ("arguments", NULL, NULL, G_VARIANT_TYPE_ANY, NULL,
                          construct_only | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocTask:message:
   *
   * Its arguments with objects, bytes and descriptors, or `NULL`.
   *
   * Since: 0.1
   */
  aioproc_task_props[AIOPROC_TASK_PROP_MESSAGE] =
    g_param_spec_object ("message", NULL, NULL, AIOPROC_TYPE_MESSAGE,
                         construct_only | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocTask:priority:
   *
   * Tasks of a lower number come first, of those that no worker has yet. Once the task is submitted
   * it does not change.
   *
   * Since: 0.1
   */
  aioproc_task_props[AIOPROC_TASK_PROP_PRIORITY] =
    g_param_spec_int ("priority", NULL, NULL, G_MININT, G_MAXINT, 0,
                      writable | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocTask:timeout:
   *
   * How many microseconds it may run, from when a worker begins with it; -1 for
   * [property@Pool:task-timeout]. Once the task is submitted it does not change.
   *
   * Since: 0.1
   */
  aioproc_task_props[AIOPROC_TASK_PROP_TIMEOUT] =
    g_param_spec_int64 ("timeout", NULL, NULL, -1, G_MAXINT64 / 2, -1,
                        writable | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocTask:state:
   *
   * How far it is.
   *
   * Since: 0.1
   */
  aioproc_task_props[AIOPROC_TASK_PROP_STATE] =
    g_param_spec_enum ("state", NULL, NULL, AIOPROC_TYPE_TASK_STATE, AIOPROC_TASK_STATE_NEW,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocTask:progress:
   *
   * What [method@Call.report_progress] has said last, from 0 to 1; -1 if that is not known.
   *
   * Since: 0.1
   */
  aioproc_task_props[AIOPROC_TASK_PROP_PROGRESS] =
    g_param_spec_double ("progress", NULL, NULL, -1.0, 1.0, -1.0,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocTask:progress-text:
   *
   * What the function said to that, or `NULL`.
   *
   * Since: 0.1
   */
  aioproc_task_props[AIOPROC_TASK_PROP_PROGRESS_TEXT] =
    g_param_spec_string ("progress-text", NULL, NULL, NULL,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocTask:worker-pid:
   *
   * The process of the worker that is at it, or was; 0 before one has begun.
   *
   * Since: 0.1
   */
  aioproc_task_props[AIOPROC_TASK_PROP_WORKER_PID] =
    g_param_spec_int ("worker-pid", NULL, NULL, 0, G_MAXINT, 0,
                      G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocTask:started-time:
   *
   * When a worker began with it, in [func@GLib.get_monotonic_time]; 0 before that.
   *
   * Since: 0.1
   */
  aioproc_task_props[AIOPROC_TASK_PROP_STARTED_TIME] =
    g_param_spec_int64 ("started-time", NULL, NULL, 0, G_MAXINT64, 0,
                        G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocTask:finished-time:
   *
   * When it ended, in [func@GLib.get_monotonic_time]; 0 before that.
   *
   * Since: 0.1
   */
  aioproc_task_props[AIOPROC_TASK_PROP_FINISHED_TIME] =
    g_param_spec_int64 ("finished-time", NULL, NULL, 0, G_MAXINT64, 0,
                        G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, AIOPROC_TASK_N_PROPS, aioproc_task_props);
}

static void
aioproc_task_init (AioprocTask *self)
{
  aioproc_mutex_init (&self->mutex);
  self->state = AIOPROC_TASK_STATE_NEW;
  self->timeout_usec = -1;
  self->progress = -1.0;
}

/* --- Public --- */

/**
 * aioproc_task_new:
 * @function: the name of a function of the worker program
 * @arguments: (nullable): its arguments, of any type without handles; `NULL` for `()`. If it is
 *   floating, it is consumed
 *
 * Makes a task.
 *
 * Returns: (transfer full): a task
 *
 * Since: 0.1
 */
AioprocTask *
aioproc_task_new (const char *function,
                  GVariant   *arguments)
{
  g_return_val_if_fail (function != NULL, NULL);

  return g_object_new (AIOPROC_TYPE_TASK,
                       "function", function,
                       "arguments", arguments,
                       NULL);
}

/**
 * aioproc_task_new_with_message:
 * @function: the name of a function of the worker program
 * @message: its arguments, with objects, bytes and descriptors
 *
 * Makes a task of a message, which is not to be changed before it has ended.
 *
 * Returns: (transfer full): a task
 *
 * Since: 0.1
 */
AioprocTask *
aioproc_task_new_with_message (const char     *function,
                               AioprocMessage *message)
{
  g_return_val_if_fail (function != NULL, NULL);
  g_return_val_if_fail (AIOPROC_IS_MESSAGE (message), NULL);

  return g_object_new (AIOPROC_TYPE_TASK,
                       "function", function,
                       "message", message,
                       NULL);
}

/**
 * aioproc_task_get_function:
 * @self: a task
 *
 * Gets [property@Task:function].
 *
 * Returns: the name
 *
 * Since: 0.1
 */
const char *
aioproc_task_get_function (AioprocTask *self)
{
  g_return_val_if_fail (AIOPROC_IS_TASK (self), NULL);

  return self->function;
}

/**
 * aioproc_task_get_priority:
 * @self: a task
 *
 * Gets [property@Task:priority].
 *
 * Returns: the priority
 *
 * Since: 0.1
 */
int
aioproc_task_get_priority (AioprocTask *self)
{
  g_return_val_if_fail (AIOPROC_IS_TASK (self), 0);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->priority;
}

/**
 * aioproc_task_set_priority:
 * @self: a task
 * @priority: the lower, the earlier
 *
 * Sets [property@Task:priority] of a task that has not been submitted.
 *
 * Since: 0.1
 */
void
aioproc_task_set_priority (AioprocTask *self,
                           int          priority)
{
  gboolean is_changed;

  g_return_if_fail (AIOPROC_IS_TASK (self));

  aioproc_mutex_lock (&self->mutex);
  is_changed = self->state == AIOPROC_TASK_STATE_NEW && self->priority != priority;
  if (is_changed)
    self->priority = priority;
  aioproc_mutex_unlock (&self->mutex);

  if (is_changed)
    g_object_notify_by_pspec (G_OBJECT (self), aioproc_task_props[AIOPROC_TASK_PROP_PRIORITY]);
}

/**
 * aioproc_task_get_timeout:
 * @self: a task
 *
 * Gets [property@Task:timeout].
 *
 * Returns: microseconds, or -1 for that of the pool
 *
 * Since: 0.1
 */
gint64
aioproc_task_get_timeout (AioprocTask *self)
{
  g_return_val_if_fail (AIOPROC_IS_TASK (self), -1);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->timeout_usec;
}

/**
 * aioproc_task_set_timeout:
 * @self: a task
 * @timeout_usec: microseconds, or -1 for that of the pool
 *
 * Sets [property@Task:timeout] of a task that has not been submitted.
 *
 * Since: 0.1
 */
void
aioproc_task_set_timeout (AioprocTask *self,
                          gint64       timeout_usec)
{
  gboolean is_changed;

  g_return_if_fail (AIOPROC_IS_TASK (self));
  g_return_if_fail (timeout_usec >= -1 && timeout_usec <= G_MAXINT64 / 2);

  aioproc_mutex_lock (&self->mutex);
  is_changed = self->state == AIOPROC_TASK_STATE_NEW && self->timeout_usec != timeout_usec;
  if (is_changed)
    self->timeout_usec = timeout_usec;
  aioproc_mutex_unlock (&self->mutex);

  if (is_changed)
    g_object_notify_by_pspec (G_OBJECT (self), aioproc_task_props[AIOPROC_TASK_PROP_TIMEOUT]);
}

/**
 * aioproc_task_get_state:
 * @self: a task
 *
 * Gets [property@Task:state].
 *
 * Returns: how far it is
 *
 * Since: 0.1
 */
AioprocTaskState
aioproc_task_get_state (AioprocTask *self)
{
  g_return_val_if_fail (AIOPROC_IS_TASK (self), AIOPROC_TASK_STATE_NEW);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->state;
}

/**
 * aioproc_task_get_progress:
 * @self: a task
 *
 * Gets [property@Task:progress].
 *
 * Returns: from 0 to 1; -1 if it is not known
 *
 * Since: 0.1
 */
double
aioproc_task_get_progress (AioprocTask *self)
{
  g_return_val_if_fail (AIOPROC_IS_TASK (self), -1.0);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->progress;
}

/**
 * aioproc_task_dup_progress_text:
 * @self: a task
 *
 * Gets [property@Task:progress-text].
 *
 * Returns: (transfer full) (nullable): a text, or `NULL`
 *
 * Since: 0.1
 */
char *
aioproc_task_dup_progress_text (AioprocTask *self)
{
  g_return_val_if_fail (AIOPROC_IS_TASK (self), NULL);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return g_strdup (self->progress_text);
}

/**
 * aioproc_task_get_worker_pid:
 * @self: a task
 *
 * Gets [property@Task:worker-pid].
 *
 * Returns: the process of the worker, or 0
 *
 * Since: 0.1
 */
int
aioproc_task_get_worker_pid (AioprocTask *self)
{
  g_return_val_if_fail (AIOPROC_IS_TASK (self), 0);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->worker_pid;
}

/**
 * aioproc_task_get_started_time:
 * @self: a task
 *
 * Gets [property@Task:started-time].
 *
 * Returns: microseconds, or 0
 *
 * Since: 0.1
 */
gint64
aioproc_task_get_started_time (AioprocTask *self)
{
  g_return_val_if_fail (AIOPROC_IS_TASK (self), 0);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->started_usec;
}

/**
 * aioproc_task_get_finished_time:
 * @self: a task
 *
 * Gets [property@Task:finished-time].
 *
 * Returns: microseconds, or 0
 *
 * Since: 0.1
 */
gint64
aioproc_task_get_finished_time (AioprocTask *self)
{
  g_return_val_if_fail (AIOPROC_IS_TASK (self), 0);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->finished_usec;
}
