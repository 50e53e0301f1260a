/* aioproc-process.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-process.h"
#include "process/aioproc-process-private.h"

#include <unistd.h>

#include "aioproc-error.h"

/**
 * AioprocProcess:
 *
 * A worker process, which runs one function.
 *
 * A process is made for a function, by name, and its arguments; it is started once, and ends when
 * the function has. The function’s result, or its error, is there after the end.
 *
 * ```c
 * static void
 * joined_cb (GObject      *source,
 *            GAsyncResult *result,
 *            gpointer      user_data)
 * {
 *   AioprocProcess *process = AIOPROC_PROCESS (source);
 *   g_autoptr(GVariant) value = NULL;
 *   g_autoptr(GError) error = NULL;
 *
 *   if (aioproc_process_join_finish (process, result, &error))
 *     value = aioproc_process_dup_result (process, &error);
 *
 *   if (value != NULL)
 *     {
 *       g_autofree char *text = g_variant_print (value, FALSE);
 *
 *       g_print ("The result is %s.\n", text);
 *     }
 *   else
 *     {
 *       g_warning ("%s", error->message);
 *     }
 *
 *   g_main_loop_quit (user_data);
 * }
 *
 * static void
 * started_cb (GObject      *source,
 *             GAsyncResult *result,
 *             gpointer      user_data)
 * {
 *   AioprocProcess *process = AIOPROC_PROCESS (source);
 *   g_autoptr(GError) error = NULL;
 *
 *   if (aioproc_process_start_finish (process, result, &error))
 *     {
 *       aioproc_process_join_async (process, -1, NULL, joined_cb, user_data);
 *     }
 *   else
 *     {
 *       g_warning ("%s", error->message);
 *       g_main_loop_quit (user_data);
 *     }
 * }
 *
 * process = aioproc_process_new (NULL, "count", g_variant_new ("(u)", 100000));
 * aioproc_process_start_async (process, NULL, started_cb, loop);
 * ```
 *
 * # Life
 *
 * The process runs whether or not the program keeps the object. It never outlives the program: see
 * [property@Aioproc.Context:exit-timeout] for its orderly end; when the program is killed, so is
 * the process. A process is *daemonic* if [property@Aioproc.Process:daemon] is set: the end of the
 * program terminates it rather than waiting for it. Daemonic processes may start processes of their
 * own.
 *
 * # Progress
 *
 * What the function reports by [method@Aioproc.Call.report_progress] is in
 * [property@Aioproc.Process:progress] and [property@Aioproc.Process:progress-text]; `notify` is
 * emitted in the thread-default main context of the thread that started the process.
 *
 * # Thread safety
 *
 * All functions may be called from any thread, and any number of threads may join.
 *
 * # Process safety
 *
 * The object is not shareable. In a process that was forked from the one which started the process,
 * other than by Aioproc, it must not be used.
 *
 * Since: 0.1
 */

static void aioproc_process_waitable_init (AioprocWaitableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (AioprocProcess, aioproc_process, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (AIOPROC_TYPE_WAITABLE,
                                                      aioproc_process_waitable_init))

GParamSpec *aioproc_process_props[AIOPROC_PROCESS_N_PROPS];

gboolean
aioproc_process_check_child_locked (AioprocProcess  *self,
                                    GError         **error)
{
  if (self->is_closed)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                   "Process “%s” is closed", self->name);
      return FALSE;
    }

  if (self->kind != AIOPROC_PROCESS_CHILD)
    {
      g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE,
                   "Process “%s” is not a child of this process", self->name);
      return FALSE;
    }

  return TRUE;
}

gboolean
aioproc_process_check_started_locked (AioprocProcess  *self,
                                      GError         **error)
{
  if (!aioproc_process_check_child_locked (self, error))
    return FALSE;

  if (self->state == AIOPROC_PROCESS_INITIAL)
    {
      g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE,
                   "Process “%s” has not been started", self->name);
      return FALSE;
    }

  return TRUE;
}

static void
aioproc_process_get_property (GObject    *object,
                              guint       prop_id,
                              GValue     *value,
                              GParamSpec *pspec)
{
  AioprocProcess *self = AIOPROC_PROCESS (object);

  switch ((AioprocProcessProperty) prop_id)
    {
    case AIOPROC_PROCESS_PROP_CONTEXT:
      g_value_set_object (value, self->context);
      break;

    case AIOPROC_PROCESS_PROP_FUNCTION:
      g_value_set_string (value, self->function);
      break;

    case AIOPROC_PROCESS_PROP_NAME:
      g_value_take_string (value, aioproc_process_dup_name (self));
      break;

    case AIOPROC_PROCESS_PROP_DAEMON:
      g_value_set_boolean (value, aioproc_process_get_daemon (self));
      break;

    case AIOPROC_PROCESS_PROP_PROGRESS:
      g_value_set_double (value, aioproc_process_get_progress (self));
      break;

    case AIOPROC_PROCESS_PROP_PROGRESS_TEXT:
      g_value_take_string (value, aioproc_process_dup_progress_text (self));
      break;

    case AIOPROC_PROCESS_PROP_ARGUMENTS:
    case AIOPROC_PROCESS_PROP_MESSAGE:
    case AIOPROC_PROCESS_N_PROPS:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_process_set_property (GObject      *object,
                              guint         prop_id,
                              const GValue *value,
                              GParamSpec   *pspec)
{
  AioprocProcess *self = AIOPROC_PROCESS (object);
  g_autoptr(GError) error = NULL;

  switch ((AioprocProcessProperty) prop_id)
    {
    case AIOPROC_PROCESS_PROP_CONTEXT:
      self->context = g_value_dup_object (value);
      break;

    case AIOPROC_PROCESS_PROP_FUNCTION:
      self->function = g_value_dup_string (value);
      break;

    case AIOPROC_PROCESS_PROP_ARGUMENTS:
      self->arguments = g_value_dup_variant (value);
      break;

    case AIOPROC_PROCESS_PROP_MESSAGE:
      self->message = g_value_dup_object (value);
      break;

    case AIOPROC_PROCESS_PROP_NAME:
      /* NULL at construction: the default. */
      if (g_value_get_string (value) != NULL)
        aioproc_process_set_name (self, g_value_get_string (value));
      break;

    case AIOPROC_PROCESS_PROP_DAEMON:
      if (!aioproc_process_set_daemon (self, g_value_get_boolean (value), &error))
        g_critical ("%s", error->message);
      break;

    case AIOPROC_PROCESS_PROP_PROGRESS:
    case AIOPROC_PROCESS_PROP_PROGRESS_TEXT:
    case AIOPROC_PROCESS_N_PROPS:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_process_constructed (GObject *object)
{
  AioprocProcess *self = AIOPROC_PROCESS (object);

  G_OBJECT_CLASS (aioproc_process_parent_class)->constructed (object);

  /* Those that stand for this process and its parent have no function, and no place below it. */
  if (self->function != NULL)
    aioproc_process_init_child (&self->identity, &self->is_daemon);
  else
    self->identity = g_strdup ("");

  if (self->name == NULL)
    self->name = g_strdup_printf ("Process-%s", self->identity);
}

static void
aioproc_process_finalize (GObject *object)
{
  AioprocProcess *self = AIOPROC_PROCESS (object);

  if (self->notify_source != NULL)
    {
      g_source_destroy (self->notify_source);
      g_clear_pointer (&self->notify_source, g_source_unref);
    }
  g_clear_pointer (&self->notify_context, g_main_context_unref);
  g_clear_pointer (&self->waits, g_ptr_array_unref);
  g_clear_pointer (&self->child, aioproc_child_unref);
  g_clear_pointer (&self->arguments, g_variant_unref);
  g_clear_object (&self->message);
  g_clear_object (&self->context);
  g_clear_object (&self->result);
  g_clear_error (&self->error);
  g_free (self->progress_text);
  g_free (self->function);
  g_free (self->identity);
  g_free (self->name);
  g_cond_clear (&self->cond);
  aioproc_mutex_clear (&self->mutex);

  G_OBJECT_CLASS (aioproc_process_parent_class)->finalize (object);
}

static void
aioproc_process_class_init (AioprocProcessClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamSpec **props = aioproc_process_props;

  object_class->get_property = aioproc_process_get_property;
  object_class->set_property = aioproc_process_set_property;
  object_class->constructed = aioproc_process_constructed;
  object_class->finalize = aioproc_process_finalize;

  /**
   * AioprocProcess:context: (getter get_context)
   *
   * How and where the process runs; `NULL` for the default context.
   *
   * Since: 0.1
   */
  props[AIOPROC_PROCESS_PROP_CONTEXT] =
    g_param_spec_object ("context", NULL, NULL, AIOPROC_TYPE_CONTEXT,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocProcess:function: (getter get_function)
   *
   * The name of the function that the process runs.
   *
   * Since: 0.1
   */
  props[AIOPROC_PROCESS_PROP_FUNCTION] =
    g_param_spec_string ("function", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocProcess:arguments:
   *
   * The arguments of the function, without handles; let go of by the start.
   *
   * Since: 0.1
   */
  props[AIOPROC_PROCESS_PROP_ARGUMENTS] =
    g_param_spec_variant ("arguments", NULL, NULL, G_VARIANT_TYPE_ANY, NULL,
                          G_PARAM_WRITABLE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocProcess:message:
   *
   * The arguments of the function, with what their handles name; let go of by the start.
   *
   * Since: 0.1
   */
  props[AIOPROC_PROCESS_PROP_MESSAGE] =
    g_param_spec_object ("message", NULL, NULL, AIOPROC_TYPE_MESSAGE,
                         G_PARAM_WRITABLE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocProcess:name: (getter dup_name) (setter set_name)
   *
   * A name for people. The default is “Process-1” and so on, and “Process-1:1” for its children.
   *
   * The worker has the name that was set when it was started.
   *
   * Since: 0.1
   */
  props[AIOPROC_PROCESS_PROP_NAME] =
    g_param_spec_string ("name", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_EXPLICIT_NOTIFY |
                         G_PARAM_STATIC_STRINGS);

  /**
   * AioprocProcess:daemon: (getter get_daemon)
   *
   * Whether the end of the program terminates the process, rather than waiting for it.
   *
   * The default is that of the process which makes the object. It can be set until the start.
   *
   * Since: 0.1
   */
  props[AIOPROC_PROCESS_PROP_DAEMON] =
    g_param_spec_boolean ("daemon", NULL, NULL, FALSE,
                          G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocProcess:progress: (getter get_progress)
   *
   * How much the function has done, from 0 to 1; -1 if it does not say.
   *
   * Since: 0.1
   */
  props[AIOPROC_PROCESS_PROP_PROGRESS] =
    g_param_spec_double ("progress", NULL, NULL, -1.0, 1.0, -1.0,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocProcess:progress-text: (getter dup_progress_text)
   *
   * What the function says that it is doing.
   *
   * Since: 0.1
   */
  props[AIOPROC_PROCESS_PROP_PROGRESS_TEXT] =
    g_param_spec_string ("progress-text", NULL, NULL, NULL,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, AIOPROC_PROCESS_N_PROPS, props);
}

static void
aioproc_process_init (AioprocProcess *self)
{
  aioproc_mutex_init (&self->mutex);
  g_cond_init (&self->cond);
  self->hangup_fd = -1;
  self->state = AIOPROC_PROCESS_INITIAL;
  self->progress = -1.0;
  self->waits = g_ptr_array_new_with_free_func ((GDestroyNotify) g_source_unref);
}

static gboolean
aioproc_process_is_ready (AioprocWaitable *waitable)
{
  AioprocProcess *self = AIOPROC_PROCESS (waitable);
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return aioproc_process_has_ended (self);
}

static void
aioproc_process_waitable_init (AioprocWaitableInterface *iface)
{
  iface->is_ready = aioproc_process_is_ready;
  iface->watch = aioproc_process_watch;
  iface->unwatch = aioproc_process_unwatch;
}

/**
 * aioproc_process_new:
 * @context: (nullable): how and where to run, or `NULL` for the default context
 * @function: the name of a function of the worker program
 * @arguments: (nullable): the arguments, or `NULL` for none; a floating value is taken
 *
 * Creates a process, which is not started yet.
 *
 * Arguments are usually a tuple. For arguments with handles, that is shared objects, bytes and
 * descriptors, use [ctor@Aioproc.Process.new_with_message].
 *
 * Returns: (transfer full): a new process
 *
 * Since: 0.1
 */
AioprocProcess *
aioproc_process_new (AioprocContext *context,
                     const char     *function,
                     GVariant       *arguments)
{
  g_return_val_if_fail (context == NULL || AIOPROC_IS_CONTEXT (context), NULL);
  g_return_val_if_fail (function != NULL, NULL);

  return g_object_new (AIOPROC_TYPE_PROCESS,
                       "context", context,
                       "function", function,
                       "arguments", arguments,
                       NULL);
}

/**
 * aioproc_process_new_with_message:
 * @context: (nullable): how and where to run, or `NULL` for the default context
 * @function: the name of a function of the worker program
 * @message: the arguments, and the shared objects, bytes and descriptors that they name
 *
 * Creates a process whose arguments have handles.
 *
 * The message must not be changed before the process is started.
 *
 * Returns: (transfer full): a new process
 *
 * Since: 0.1
 */
AioprocProcess *
aioproc_process_new_with_message (AioprocContext *context,
                                  const char     *function,
                                  AioprocMessage *message)
{
  g_return_val_if_fail (context == NULL || AIOPROC_IS_CONTEXT (context), NULL);
  g_return_val_if_fail (function != NULL, NULL);
  g_return_val_if_fail (AIOPROC_IS_MESSAGE (message), NULL);

  return g_object_new (AIOPROC_TYPE_PROCESS,
                       "context", context,
                       "function", function,
                       "message", message,
                       NULL);
}

/**
 * aioproc_process_get_context: (get-property context)
 * @self: a process
 *
 * Gets the context of the process.
 *
 * Returns: (transfer none) (nullable): the context, or `NULL` for the default one
 *
 * Since: 0.1
 */
AioprocContext *
aioproc_process_get_context (AioprocProcess *self)
{
  g_return_val_if_fail (AIOPROC_IS_PROCESS (self), NULL);

  return self->context;
}

/**
 * aioproc_process_get_function: (get-property function)
 * @self: a process
 *
 * Gets the name of the function that the process runs.
 *
 * Returns: (nullable): the name; `NULL` for the current process and its parent
 *
 * Since: 0.1
 */
const char *
aioproc_process_get_function (AioprocProcess *self)
{
  g_return_val_if_fail (AIOPROC_IS_PROCESS (self), NULL);

  return self->function;
}

/**
 * aioproc_process_dup_name: (get-property name)
 * @self: a process
 *
 * Gets the name of the process.
 *
 * Returns: (transfer full): a copy of the name
 *
 * Since: 0.1
 */
char *
aioproc_process_dup_name (AioprocProcess *self)
{
  g_return_val_if_fail (AIOPROC_IS_PROCESS (self), NULL);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return g_strdup (self->name);
}

/**
 * aioproc_process_set_name: (set-property name)
 * @self: a process
 * @name: a new name
 *
 * Sets the name of the process.
 *
 * Since: 0.1
 */
void
aioproc_process_set_name (AioprocProcess *self,
                          const char     *name)
{
  gboolean is_changed;

  g_return_if_fail (AIOPROC_IS_PROCESS (self));
  g_return_if_fail (name != NULL && g_utf8_validate (name, -1, NULL));

  aioproc_mutex_lock (&self->mutex);
  is_changed = g_strcmp0 (self->name, name) != 0;
  if (is_changed)
    {
      g_free (self->name);
      self->name = g_strdup (name);
    }
  aioproc_mutex_unlock (&self->mutex);

  if (is_changed)
    g_object_notify_by_pspec (G_OBJECT (self), aioproc_process_props[AIOPROC_PROCESS_PROP_NAME]);
}

/**
 * aioproc_process_get_daemon: (get-property daemon)
 * @self: a process
 *
 * Gets whether the end of the program terminates the process.
 *
 * Returns: `TRUE` for a daemonic process
 *
 * Since: 0.1
 */
gboolean
aioproc_process_get_daemon (AioprocProcess *self)
{
  g_return_val_if_fail (AIOPROC_IS_PROCESS (self), FALSE);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->is_daemon;
}

/**
 * aioproc_process_set_daemon:
 * @self: a process
 * @is_daemon: whether the end of the program is to terminate the process
 * @error: return location for a [type@GLib.Error]
 *
 * Sets whether the end of the program terminates the process.
 *
 * Otherwise it waits for the process.
 *
 * Errors:
 *
 * - `AIOPROC_ERROR_INVALID_STATE`: the process has been started, or is not a new one.
 * - `G_IO_ERROR_CLOSED`: the process was closed.
 *
 * Returns: whether the flag was set
 *
 * Since: 0.1
 */
gboolean
aioproc_process_set_daemon (AioprocProcess  *self,
                            gboolean         is_daemon,
                            GError         **error)
{
  gboolean is_changed;

  g_return_val_if_fail (AIOPROC_IS_PROCESS (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  aioproc_mutex_lock (&self->mutex);

  if (!aioproc_process_check_child_locked (self, error))
    {
      aioproc_mutex_unlock (&self->mutex);
      return FALSE;
    }

  if (self->state != AIOPROC_PROCESS_INITIAL)
    {
      g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE,
                   "Process “%s” has been started: it is too late to make it a daemon, or not one",
                   self->name);
      aioproc_mutex_unlock (&self->mutex);
      return FALSE;
    }

  is_changed = !self->is_daemon != !is_daemon;
  self->is_daemon = is_daemon;

  aioproc_mutex_unlock (&self->mutex);

  if (is_changed)
    g_object_notify_by_pspec (G_OBJECT (self), aioproc_process_props[AIOPROC_PROCESS_PROP_DAEMON]);

  return TRUE;
}

/**
 * aioproc_process_get_progress: (get-property progress)
 * @self: a process
 *
 * Gets how much the function has done.
 *
 * Returns: from 0 to 1, or -1 if it is not known
 *
 * Since: 0.1
 */
double
aioproc_process_get_progress (AioprocProcess *self)
{
  g_return_val_if_fail (AIOPROC_IS_PROCESS (self), -1.0);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->progress;
}

/**
 * aioproc_process_dup_progress_text: (get-property progress-text)
 * @self: a process
 *
 * Gets what the function says that it is doing.
 *
 * Returns: (transfer full) (nullable): a copy of the text, or `NULL`
 *
 * Since: 0.1
 */
char *
aioproc_process_dup_progress_text (AioprocProcess *self)
{
  g_return_val_if_fail (AIOPROC_IS_PROCESS (self), NULL);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return g_strdup (self->progress_text);
}

gint64
aioproc_process_get_exit_timeout (AioprocProcess *self)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->exit_timeout_usec;
}
