/* aioproc-pool.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "pool/aioproc-pool-private.h"

#include "core/aioproc-debug-private.h"

/**
 * AioprocPool:
 *
 * Worker processes that run tasks, one each at a time.
 *
 * A task is a call of a function of the worker program, by its name, with a [struct@GLib.Variant]
 * of arguments; see [func@init]. The pool hands tasks out to workers that have nothing to do, in
 * the order in which they were given, and keeps all workers busy as long as there are any.
 *
 * ```c
 *   pool = aioproc_pool_new (NULL, 0, &error);
 * …
 *   for (guint i = 0; i < N_RANGES; i++)
 *     ranges[i] = g_variant_new ("(u)", i * RANGE_SIZE);
 *
 *   aioproc_pool_map_async (pool, "count-primes", ranges, N_RANGES, 0, NULL, mapped_cb, loop);
 * ```
 *
 * Nothing is lost with a worker but the task that it was at: that one fails with
 * `AIOPROC_ERROR_WORKER_DIED`, whose message says how the worker ended, or is run again if
 * [property@Pool:max-retries] says so. Another worker takes the place of the one that died.
 *
 * A task that is cancelled is dropped if no worker has begun with it. A worker that is at it is
 * told so by [method@Call.get_cancellable]; if it has not brought the task to an end after
 * [property@Pool:cancel-grace], that worker is killed, with the processes that it has started, and
 * replaced. The operation itself ends at once. The same happens when a task runs for longer than
 * [property@Pool:task-timeout].
 *
 * The pool is ended by [method@Pool.close], after which the tasks that it has are still done, or by
 * [method@Pool.terminate], which cancels them; [method@Pool.join] waits for its workers. Dropping
 * the last reference terminates the pool without a wait. Workers do not outlive the program.
 *
 * # Thread safety
 *
 * All functions may be called from any thread. Asynchronous operations complete on the
 * thread-default main context of the thread that began them.
 *
 * # Process safety
 *
 * A pool belongs to the process that made it: it cannot be sent, and a forked child cannot use it.
 * No lock is shared with a worker, so that one which is killed, or stopped, at any moment keeps
 * nothing from the others. Workers can have pools of their own, up to ten deep.
 *
 * Since: 0.1
 */

static void aioproc_pool_initable_iface_init (GInitableIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (AioprocPool, aioproc_pool, G_TYPE_OBJECT,
  G_IMPLEMENT_INTERFACE (G_TYPE_INITABLE, aioproc_pool_initable_iface_init))

typedef enum {
  PROP_CONTEXT = 1,
  PROP_NAME,
  PROP_N_WORKERS,
  PROP_INITIALIZER,
  PROP_INITIALIZER_ARGUMENTS,
  PROP_CANCEL_GRACE,
  PROP_MAX_TASKS_PER_WORKER,
  PROP_TASK_TIMEOUT,
  PROP_MAX_RETRIES,
} AioprocPoolProperty;

static GParamSpec *props[PROP_MAX_RETRIES + 1];

#define DEFAULT_CANCEL_GRACE G_USEC_PER_SEC

/* --- Initialisation --- */

static void
aioproc_pool_constructed (GObject *object)
{
  AioprocPool *self = AIOPROC_POOL (object);
  AioprocPoolConfig config = { NULL };

  G_OBJECT_CLASS (aioproc_pool_parent_class)->constructed (object);

  if (self->n_workers == 0)
    self->n_workers = MIN (aioproc_get_processor_count (), AIOPROC_POOL_MAX_WORKERS);

  if (self->context != NULL)
    config.context = g_object_ref (self->context);
  config.name = g_strdup (self->name);
  config.n_workers = self->n_workers;
  config.initializer = g_strdup (self->initializer);
  if (self->initializer_arguments != NULL)
    config.initializer_arguments = g_variant_ref (self->initializer_arguments);
  config.grace_usec = self->cancel_grace;
  config.max_tasks = self->max_tasks_per_worker;

  self->core = aioproc_pool_core_new (&config, &self->init_error);
}

static gboolean
aioproc_pool_init_sync (GInitable     *initable,
                        GCancellable  *cancellable,
                        GError       **error)
{
  AioprocPool *self = AIOPROC_POOL (initable);

  if (self->core != NULL)
    return TRUE;

  g_propagate_error (error, g_error_copy (self->init_error));

  return FALSE;
}

static void
aioproc_pool_initable_iface_init (GInitableIface *iface)
{
  iface->init = aioproc_pool_init_sync;
}

static void
aioproc_pool_dispose (GObject *object)
{
  AioprocPool *self = AIOPROC_POOL (object);

  /* Its workers end by themselves, or are killed. */
  if (self->core != NULL)
    aioproc_pool_core_terminate (self->core);

  G_OBJECT_CLASS (aioproc_pool_parent_class)->dispose (object);
}

static void
aioproc_pool_finalize (GObject *object)
{
  AioprocPool *self = AIOPROC_POOL (object);

  g_clear_pointer (&self->core, aioproc_pool_core_unref);
  g_clear_error (&self->init_error);
  g_clear_object (&self->context);
  g_free (self->name);
  g_free (self->initializer);
  g_clear_pointer (&self->initializer_arguments, g_variant_unref);
  aioproc_mutex_clear (&self->mutex);

  G_OBJECT_CLASS (aioproc_pool_parent_class)->finalize (object);
}

static void
aioproc_pool_get_property (GObject    *object,
                           guint       prop_id,
                           GValue     *value,
                           GParamSpec *pspec)
{
  AioprocPool *self = AIOPROC_POOL (object);

  switch ((AioprocPoolProperty) prop_id)
    {
    case PROP_CONTEXT:
      g_value_set_object (value, self->context);
      break;

    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;

    case PROP_N_WORKERS:
      g_value_set_uint (value, self->n_workers);
      break;

    case PROP_INITIALIZER:
      g_value_set_string (value, self->initializer);
      break;

    case PROP_INITIALIZER_ARGUMENTS:
      g_value_set_variant (value, self->initializer_arguments);
      break;

    case PROP_CANCEL_GRACE:
      g_value_set_int64 (value, self->cancel_grace);
      break;

    case PROP_MAX_TASKS_PER_WORKER:
      g_value_set_uint64 (value, self->max_tasks_per_worker);
      break;

    case PROP_TASK_TIMEOUT:
      g_value_set_int64 (value, aioproc_pool_get_task_timeout (self));
      break;

    case PROP_MAX_RETRIES:
      g_value_set_uint (value, aioproc_pool_get_max_retries (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_pool_set_property (GObject      *object,
                           guint         prop_id,
                           const GValue *value,
                           GParamSpec   *pspec)
{
  AioprocPool *self = AIOPROC_POOL (object);

  switch ((AioprocPoolProperty) prop_id)
    {
    case PROP_CONTEXT:
      self->context = g_value_dup_object (value);
      break;

    case PROP_NAME:
      self->name = g_value_dup_string (value);
      break;

    case PROP_N_WORKERS:
      self->n_workers = g_value_get_uint (value);
      break;

    case PROP_INITIALIZER:
      self->initializer = g_value_dup_string (value);
      break;

    case PROP_INITIALIZER_ARGUMENTS:
      self->initializer_arguments = g_value_dup_variant (value);
      break;

    case PROP_CANCEL_GRACE:
      self->cancel_grace = g_value_get_int64 (value);
      break;

    case PROP_MAX_TASKS_PER_WORKER:
      self->max_tasks_per_worker = g_value_get_uint64 (value);
      break;

    case PROP_TASK_TIMEOUT:
      aioproc_pool_set_task_timeout (self, g_value_get_int64 (value));
      break;

    case PROP_MAX_RETRIES:
      aioproc_pool_set_max_retries (self, g_value_get_uint (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_pool_class_init (AioprocPoolClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags construct_only = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY;
  const GParamFlags writable = G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY;

  object_class->constructed = aioproc_pool_constructed;
  object_class->dispose = aioproc_pool_dispose;
  object_class->finalize = aioproc_pool_finalize;
  object_class->get_property = aioproc_pool_get_property;
  object_class->set_property = aioproc_pool_set_property;

  /**
   * AioprocPool:context:
   *
   * How and where the workers run; `NULL` for the default context.
   *
   * Since: 0.1
   */
  props[PROP_CONTEXT] = g_param_spec_object ("context", NULL, NULL, AIOPROC_TYPE_CONTEXT,
                                             construct_only | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocPool:name:
   *
   * What messages call the pool.
   *
   * Since: 0.1
   */
  props[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL,
                                          construct_only | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocPool:n-workers:
   *
   * How many workers there are; 0 when it is made stands for [func@get_processor_count].
   *
   * Since: 0.1
   */
  props[PROP_N_WORKERS] = g_param_spec_uint ("n-workers", NULL, NULL, 0, AIOPROC_POOL_MAX_WORKERS,
                                             0, construct_only | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocPool:initializer:
   *
   * The function that each worker calls before its first task, or `NULL`.
   *
   * A worker whose initializer fails, or dies, ends. After five such workers in a row the pool
   * fails, and all its tasks with it.
   *
   * Since: 0.1
   */
  props[PROP_INITIALIZER] = g_param_spec_string ("initializer", NULL, NULL, NULL,
                                                 construct_only | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocPool:initializer-arguments:
   *
   * The arguments of [property@Pool:initializer], `NULL` for `()`.
   *
   * Since: 0.1
   */
  props[PROP_INITIALIZER_ARGUMENTS] =
    g_param_spec_variant ("initializer-arguments", NULL, NULL, G_VARIANT_TYPE_ANY, NULL,
                          construct_only | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocPool:cancel-grace:
   *
   * How many microseconds a worker has to bring a task that was cancelled, or has run for too long,
   * to an end, before it is killed: one second, if nothing else is said.
   *
   * Since: 0.1
   */
  props[PROP_CANCEL_GRACE] = g_param_spec_int64 ("cancel-grace", NULL, NULL, 0,
                                                 G_MAXINT64 / 2, DEFAULT_CANCEL_GRACE,
                                                 construct_only | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocPool:max-tasks-per-worker:
   *
   * How many tasks a worker does before another one takes its place; 0, as a rule, for no limit. Of
   * a map, each chunk is a task.
   *
   * Functions that leave memory, descriptors or the like behind do that in a process that ends.
   *
   * Since: 0.1
   */
  props[PROP_MAX_TASKS_PER_WORKER] =
    g_param_spec_uint64 ("max-tasks-per-worker", NULL, NULL, 0, G_MAXUINT64, 0,
                         construct_only | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocPool:task-timeout:
   *
   * How many microseconds a task may run, from when a worker begins with it; -1 for no limit. Of a
   * map, each chunk is a task.
   *
   * Since: 0.1
   */
  props[PROP_TASK_TIMEOUT] = g_param_spec_int64 ("task-timeout", NULL, NULL, -1,
                                                 G_MAXINT64 / 2, -1,
                                                 writable | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocPool:max-retries:
   *
   * How many times a task whose worker died is run again before it fails.
   *
   * Only set this for functions that can be called twice with the same arguments, of which one call
   * was not brought to its end.
   *
   * Since: 0.1
   */
  props[PROP_MAX_RETRIES] = g_param_spec_uint ("max-retries", NULL, NULL, 0, G_MAXUINT, 0,
                                               writable | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
aioproc_pool_init (AioprocPool *self)
{
  aioproc_mutex_init (&self->mutex);
  self->cancel_grace = DEFAULT_CANCEL_GRACE;
  self->task_timeout = -1;
}

/* --- For the other files --- */

AioprocPoolCore *
aioproc_pool_get_core (AioprocPool  *self,
                       GError      **error)
{
  if (self->core == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED,
                 "The pool could not be made: %s", self->init_error->message);

  return self->core;
}

void
aioproc_pool_set_up_job (AioprocPool    *self,
                         AioprocPoolJob *job)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  job->timeout_usec = self->task_timeout;
  job->max_retries = self->max_retries;
}

/* --- Public --- */

/**
 * aioproc_pool_new:
 * @context: (nullable): how and where the workers run, or `NULL` for the default context
 * @n_workers: how many workers there are, up to 1024; 0 for [func@get_processor_count]
 * @error: return location for a [type@GLib.Error]
 *
 * Makes a pool, and begins to start its workers.
 *
 * It does not wait for them. Tasks can be given at once.
 *
 * Where a worker cannot be started for want of descriptors, memory or processes, that is tried
 * again, up to a second later; tasks wait meanwhile, or are done by those that run. Five workers in
 * a row that end without having been at a task, because there is no such program, say, or its
 * initializer fails, are too many: then the pool fails, with `AIOPROC_ERROR_WORKER_DIED` and the
 * reason of the last one, and so does every task that it has, or is given.
 *
 * Errors:
 *
 * - `AIOPROC_ERROR_NOT_INITIALIZED`, `AIOPROC_ERROR_BOOTSTRAPPING`, `AIOPROC_ERROR_FORK_REFUSED`,
 *   `G_IO_ERROR_INVALID_ARGUMENT`: as of [method@Process.start_async].
 * - `AIOPROC_ERROR_INVALID_STATE`: this process is a worker of a worker, and so on, ten deep.
 * - `G_IO_ERROR_NO_SPACE`: there is no memory for the pool, or a thread could not be started.
 * - `G_IO_ERROR_TOO_MANY_OPEN_FILES`: there is no descriptor left for it.
 *
 * Returns: (transfer full): a pool, or `NULL`
 *
 * Since: 0.1
 */
AioprocPool *
aioproc_pool_new (AioprocContext  *context,
                  guint            n_workers,
                  GError         **error)
{
  g_return_val_if_fail (context == NULL || AIOPROC_IS_CONTEXT (context), NULL);
  g_return_val_if_fail (n_workers <= AIOPROC_POOL_MAX_WORKERS, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return g_initable_new (AIOPROC_TYPE_POOL, NULL, error,
                         "context", context,
                         "n-workers", n_workers,
                         NULL);
}

/**
 * aioproc_pool_get_context:
 * @self: a pool
 *
 * Gets [property@Pool:context].
 *
 * Returns: (transfer none) (nullable): the context, or `NULL` for the default one
 *
 * Since: 0.1
 */
AioprocContext *
aioproc_pool_get_context (AioprocPool *self)
{
  g_return_val_if_fail (AIOPROC_IS_POOL (self), NULL);

  return self->context;
}

/**
 * aioproc_pool_get_name:
 * @self: a pool
 *
 * Gets [property@Pool:name].
 *
 * Returns: (nullable): the name, or `NULL`
 *
 * Since: 0.1
 */
const char *
aioproc_pool_get_name (AioprocPool *self)
{
  g_return_val_if_fail (AIOPROC_IS_POOL (self), NULL);

  return self->name;
}

/**
 * aioproc_pool_get_n_workers:
 * @self: a pool
 *
 * Gets [property@Pool:n-workers].
 *
 * Returns: how many workers there are
 *
 * Since: 0.1
 */
guint
aioproc_pool_get_n_workers (AioprocPool *self)
{
  g_return_val_if_fail (AIOPROC_IS_POOL (self), 0);

  return self->n_workers;
}

/**
 * aioproc_pool_get_task_timeout:
 * @self: a pool
 *
 * Gets [property@Pool:task-timeout].
 *
 * Returns: microseconds, or -1 for no limit
 *
 * Since: 0.1
 */
gint64
aioproc_pool_get_task_timeout (AioprocPool *self)
{
  g_return_val_if_fail (AIOPROC_IS_POOL (self), -1);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->task_timeout;
}

/**
 * aioproc_pool_set_task_timeout:
 * @self: a pool
 * @timeout_usec: microseconds, or -1 for no limit
 *
 * Sets [property@Pool:task-timeout], for the tasks to come.
 *
 * Since: 0.1
 */
void
aioproc_pool_set_task_timeout (AioprocPool *self,
                               gint64       timeout_usec)
{
  gboolean is_changed;

  g_return_if_fail (AIOPROC_IS_POOL (self));
  g_return_if_fail (timeout_usec >= -1 && timeout_usec <= G_MAXINT64 / 2);

  aioproc_mutex_lock (&self->mutex);
  is_changed = self->task_timeout != timeout_usec;
  self->task_timeout = timeout_usec;
  aioproc_mutex_unlock (&self->mutex);

  if (is_changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_TASK_TIMEOUT]);
}

/**
 * aioproc_pool_get_max_retries:
 * @self: a pool
 *
 * Gets [property@Pool:max-retries].
 *
 * Returns: how many times a task is run again
 *
 * Since: 0.1
 */
guint
aioproc_pool_get_max_retries (AioprocPool *self)
{
  g_return_val_if_fail (AIOPROC_IS_POOL (self), 0);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->max_retries;
}

/**
 * aioproc_pool_set_max_retries:
 * @self: a pool
 * @max_retries: how many times a task whose worker died is run again
 *
 * Sets [property@Pool:max-retries], for the tasks to come.
 *
 * Since: 0.1
 */
void
aioproc_pool_set_max_retries (AioprocPool *self,
                              guint        max_retries)
{
  gboolean is_changed;

  g_return_if_fail (AIOPROC_IS_POOL (self));

  aioproc_mutex_lock (&self->mutex);
  is_changed = self->max_retries != max_retries;
  self->max_retries = max_retries;
  aioproc_mutex_unlock (&self->mutex);

  if (is_changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_MAX_RETRIES]);
}

/**
 * aioproc_pool_close:
 * @self: a pool
 *
 * Has the pool take no more tasks, and its workers end when they have done those that it has.
 *
 * Never blocks. A worker that does not end by itself then is killed after
 * [property@Context:exit-timeout]. Closing a pool twice, or one that was terminated, does nothing.
 *
 * Since: 0.1
 */
void
aioproc_pool_close (AioprocPool *self)
{
  g_return_if_fail (AIOPROC_IS_POOL (self));

  if (self->core != NULL)
    aioproc_pool_core_close (self->core);
}

/**
 * aioproc_pool_terminate:
 * @self: a pool
 *
 * Ends the pool at once.
 *
 * All its tasks end with `G_IO_ERROR_CANCELLED`. Its workers are sent `SIGTERM`, and killed a
 * second later. Never blocks.
 *
 * Since: 0.1
 */
void
aioproc_pool_terminate (AioprocPool *self)
{
  g_return_if_fail (AIOPROC_IS_POOL (self));

  if (self->core != NULL)
    aioproc_pool_core_terminate (self->core);
}

/**
 * aioproc_pool_join:
 * @self: a pool
 * @timeout_usec: microseconds to wait, or -1 to wait for ever
 * @cancellable: (nullable): a [class@Gio.Cancellable], or `NULL`
 * @error: return location for a [type@GLib.Error]
 *
 * Waits until all workers of a pool that was closed or terminated have ended.
 *
 * See [method@Pool.join_async], which is the form for programs with a main loop.
 *
 * Errors: those of [method@Pool.join_async].
 *
 * Returns: whether they have
 *
 * Since: 0.1
 */
gboolean
aioproc_pool_join (AioprocPool   *self,
                   gint64         timeout_usec,
                   GCancellable  *cancellable,
                   GError       **error)
{
  AioprocPoolCore *core;

  g_return_val_if_fail (AIOPROC_IS_POOL (self), FALSE);
  g_return_val_if_fail (timeout_usec >= -1, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  core = aioproc_pool_get_core (self, error);

  return core != NULL && aioproc_pool_core_join (core, timeout_usec, cancellable, error);
}

/**
 * aioproc_pool_join_async:
 * @self: a pool
 * @timeout_usec: microseconds to wait, or -1 to wait for ever
 * @cancellable: (nullable): a [class@Gio.Cancellable], or `NULL`
 * @callback: (scope async): what to call when they have ended
 * @user_data: data for @callback
 *
 * Waits until all workers of a pool that was closed or terminated have ended.
 *
 * A pool that has failed can be joined, too.
 *
 * Errors:
 *
 * - `AIOPROC_ERROR_INVALID_STATE`: the pool has not been closed or terminated, or belongs to the
 *   process that this one was forked from.
 * - `G_IO_ERROR_TIMED_OUT`: it takes longer.
 * - `G_IO_ERROR_CANCELLED`: the wait was cancelled.
 * - `G_IO_ERROR_NO_SPACE`: a thread could not be started.
 * - `G_IO_ERROR_NOT_INITIALIZED`: the pool could not be made.
 *
 * Since: 0.1
 */
void
aioproc_pool_join_async (AioprocPool         *self,
                         gint64               timeout_usec,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  AioprocPoolCore *core;
  GError *error = NULL;

  g_return_if_fail (AIOPROC_IS_POOL (self));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_pool_join_async);
  g_task_set_check_cancellable (task, FALSE);

  core = aioproc_pool_get_core (self, &error);
  if (core == NULL)
    {
      g_task_return_error (task, error);
      return;
    }

  aioproc_pool_core_join_start (core, g_steal_pointer (&task), timeout_usec);
}

/**
 * aioproc_pool_join_finish:
 * @self: a pool
 * @result: the result given to the callback
 * @error: return location for a [type@GLib.Error]
 *
 * Finishes [method@Pool.join_async].
 *
 * Errors: those of [method@Pool.join_async].
 *
 * Returns: whether all workers have ended
 *
 * Since: 0.1
 */
gboolean
aioproc_pool_join_finish (AioprocPool   *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_POOL (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_pool_join_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
