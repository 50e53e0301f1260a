/* aioproc-semaphore.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "sync/aioproc-semaphore-private.h"

#include "core/aioproc-debug-private.h"
#include "core/aioproc-shareable-private.h"

/**
 * AioprocSemaphore:
 *
 * A number of units that processes share.
 *
 * An acquire takes a unit that is free, or waits for one; a release gives it back. So at most as
 * many as there are units do at a time what needs one. A semaphore counts what each process holds:
 * a process can release what it has acquired, in any of its threads, and no more.
 *
 * Beside that, units come and go: [method@Semaphore.post] makes a new one, and
 * [method@Semaphore.consume] gives up one that is held, for good. That is how one process signals
 * to another: who posts wakes one that waits, and who was woken consumes. At any moment the units
 * that are free and those that processes hold are together as many as the semaphore began with,
 * plus those posted, minus those consumed.
 *
 * ```c
 * static void
 * acquired_cb (GObject      *source,
 *              GAsyncResult *result,
 *              gpointer      user_data)
 * {
 *   Jobs *jobs = user_data;
 *   g_autoptr(GError) error = NULL;
 *
 *   if (!aioproc_semaphore_acquire_finish (jobs->slots, result, &error))
 *     g_error ("%s", error->message);
 *
 *   g_print ("One runs.\n");
 *   g_timeout_add (20, job_done_cb, jobs);
 * }
 * …
 * for (int i = 0; i < N_JOBS; i++)
 *   aioproc_semaphore_acquire_async (slots, -1, NULL, acquired_cb, &jobs);
 * ```
 *
 * # Thread safety
 *
 * All functions may be called from any thread. Asynchronous operations complete on the
 * thread-default main context of the thread that started them. The blocking
 * [method@Semaphore.acquire] never iterates a main context: use the asynchronous form in a thread
 * that runs one.
 *
 * # Process safety
 *
 * A semaphore is [iface@Shareable]. When a process that holds units is killed, executes another
 * program or ends in any other way, its units are free again as soon as no thread of it can write
 * any more. What it has posted or consumed stays so. A process that is only stopped keeps its
 * units, and locks no one out. A forked child holds nothing of what its parent holds. An object
 * that is finalized while its process holds units gives them back.
 *
 * Waiters of several processes may overtake each other, but not for long: the next unit is kept for
 * who has waited for more than a millisecond.
 *
 * A semaphore has at most 1048575 units.
 *
 * Since: 0.1
 */
#define AIOPROC_SEMAPHORE_GET_CLASS(object) \
  (G_TYPE_INSTANCE_GET_CLASS ((object), AIOPROC_TYPE_SEMAPHORE, AioprocSemaphoreClass))

static void aioproc_semaphore_shareable_iface_init (AioprocShareableInterface *iface);

G_DEFINE_TYPE_WITH_CODE (AioprocSemaphore, aioproc_semaphore, G_TYPE_OBJECT,
  G_IMPLEMENT_INTERFACE (G_TYPE_INITABLE, aioproc_shareable_initable_iface_init)
  G_IMPLEMENT_INTERFACE (AIOPROC_TYPE_SHAREABLE, aioproc_semaphore_shareable_iface_init))

typedef enum {
  PROP_NAME = 1,
  PROP_INITIAL_VALUE,
} AioprocSemaphoreProperty;

static GParamSpec *props[PROP_INITIAL_VALUE + 1];

static gboolean
aioproc_semaphore_check (AioprocSemaphore  *self,
                         GError           **error)
{
  return G_LIKELY (self->backend != NULL) ||
         aioproc_shareable_check_initialized (AIOPROC_SHAREABLE (self), error);
}

static AioprocShm *
aioproc_semaphore_get_shm (AioprocShareable *shareable)
{
  AioprocSemaphore *self = AIOPROC_SEMAPHORE (shareable);

  return self->backend != NULL ? self->backend->get_shm (self->impl) : NULL;
}

static gboolean
aioproc_semaphore_set_up (AioprocShareable  *shareable,
                          AioprocShm        *shm,
                          GError           **error)
{
  AioprocSemaphore *self = AIOPROC_SEMAPHORE (shareable);

  if (!aioproc_semaphore_local_new (shm, self->name, self->initial_value,
                                    AIOPROC_SEMAPHORE_GET_CLASS (self)->bounded, &self->backend,
                                    &self->impl, error))
    return FALSE;

  /* That of a peer's memory was not known to the constructor. */
  self->initial_value = self->backend->get_initial (self->impl);

  return TRUE;
}

static void
aioproc_semaphore_set_backend (AioprocShareable *shareable,
                               gconstpointer     backend,
                               gpointer          impl)
{
  AioprocSemaphore *self = AIOPROC_SEMAPHORE (shareable);

  self->backend = backend;
  self->impl = impl;
  self->initial_value = self->backend->get_initial (impl);
}

static void
aioproc_semaphore_shareable_iface_init (AioprocShareableInterface *iface)
{
  iface->get_shm = aioproc_semaphore_get_shm;
  iface->set_up = aioproc_semaphore_set_up;
  iface->set_backend = aioproc_semaphore_set_backend;
}

static void
aioproc_semaphore_get_property (GObject    *object,
                                guint       prop_id,
                                GValue     *value,
                                GParamSpec *pspec)
{
  AioprocSemaphore *self = AIOPROC_SEMAPHORE (object);

  switch ((AioprocSemaphoreProperty) prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;

    case PROP_INITIAL_VALUE:
      g_value_set_uint (value, self->initial_value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_semaphore_set_property (GObject      *object,
                                guint         prop_id,
                                const GValue *value,
                                GParamSpec   *pspec)
{
  AioprocSemaphore *self = AIOPROC_SEMAPHORE (object);

  switch ((AioprocSemaphoreProperty) prop_id)
    {
    case PROP_NAME:
      self->name = g_value_dup_string (value);
      break;

    case PROP_INITIAL_VALUE:
      self->initial_value = g_value_get_uint (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_semaphore_dispose (GObject *object)
{
  AioprocSemaphore *self = AIOPROC_SEMAPHORE (object);

  if (self->backend != NULL)
    self->backend->close (self->impl);

  G_OBJECT_CLASS (aioproc_semaphore_parent_class)->dispose (object);
}

static void
aioproc_semaphore_finalize (GObject *object)
{
  AioprocSemaphore *self = AIOPROC_SEMAPHORE (object);

  if (self->backend != NULL)
    self->backend->free (self->impl);

  g_free (self->name);

  G_OBJECT_CLASS (aioproc_semaphore_parent_class)->finalize (object);
}

static void
aioproc_semaphore_class_init (AioprocSemaphoreClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = aioproc_semaphore_get_property;
  object_class->set_property = aioproc_semaphore_set_property;
  object_class->constructed = aioproc_shareable_constructed;
  object_class->dispose = aioproc_semaphore_dispose;
  object_class->finalize = aioproc_semaphore_finalize;

  /**
   * AioprocSemaphore:name: (getter get_name)
   *
   * What messages about the semaphore call it, in every process; at most 63 bytes, of which more
   * are cut off for other processes. It identifies nothing.
   *
   * Since: 0.1
   */
  props[PROP_NAME] =
    g_param_spec_string ("name", NULL, NULL,
                         NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocSemaphore:initial-value: (getter get_initial_value)
   *
   * How many units the semaphore began with, at most 1048575; more are refused by init().
   *
   * Since: 0.1
   */
  props[PROP_INITIAL_VALUE] =
    g_param_spec_uint ("initial-value", NULL, NULL,
                       0, G_MAXUINT, 1,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
aioproc_semaphore_init (AioprocSemaphore *self)
{
}

/**
 * aioproc_semaphore_new:
 * @initial_value: how many units it begins with, at most 1048575
 * @error: return location for an error
 *
 * Makes a new semaphore, of which all units are free.
 *
 * Other processes get it as an argument of their function, or in a message.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if @initial_value is too large
 * - an error of the domain [error@Gio.IOErrorEnum] where the system has no descriptor, memory or
 *   thread for it: `TOO_MANY_OPEN_FILES` …
 *
 * Returns: (transfer full): a new semaphore
 *
 * Since: 0.1
 */
AioprocSemaphore *
aioproc_semaphore_new (guint    initial_value,
                       GError **error)
{
  return g_initable_new (AIOPROC_TYPE_SEMAPHORE, NULL, error,
                         "initial-value", initial_value,
                         NULL);
}

/**
 * aioproc_semaphore_get_name: (get-property name)
 * @self: a semaphore
 *
 * Gets what messages about the semaphore call it.
 *
 * Returns: (nullable): the name, or `NULL` if it has none
 *
 * Since: 0.1
 */
const char *
aioproc_semaphore_get_name (AioprocSemaphore *self)
{
  g_return_val_if_fail (AIOPROC_IS_SEMAPHORE (self), NULL);

  return self->name;
}

/**
 * aioproc_semaphore_get_initial_value: (get-property initial-value)
 * @self: a semaphore
 *
 * Gets how many units the semaphore began with.
 *
 * Returns: the number of units, free and held, when it was made
 *
 * Since: 0.1
 */
guint
aioproc_semaphore_get_initial_value (AioprocSemaphore *self)
{
  g_return_val_if_fail (AIOPROC_IS_SEMAPHORE (self), 0);

  return self->initial_value;
}

/**
 * aioproc_semaphore_get_value:
 * @self: a semaphore
 *
 * Tells how many units are free, at this moment.
 *
 * Never blocks. Units of processes that have died are free.
 *
 * Returns: the number of free units; 0 also where it could not be initialized
 *
 * Since: 0.1
 */
guint
aioproc_semaphore_get_value (AioprocSemaphore *self)
{
  g_return_val_if_fail (AIOPROC_IS_SEMAPHORE (self), 0);

  return self->backend != NULL ? self->backend->get_value (self->impl) : 0;
}

/**
 * aioproc_semaphore_get_held:
 * @self: a semaphore
 *
 * Tells how many units this process holds, at this moment.
 *
 * Never blocks.
 *
 * Returns: how many units this process has acquired, and neither released nor consumed
 *
 * Since: 0.1
 */
guint
aioproc_semaphore_get_held (AioprocSemaphore *self)
{
  g_return_val_if_fail (AIOPROC_IS_SEMAPHORE (self), 0);

  return self->backend != NULL ? self->backend->get_held (self->impl) : 0;
}

/**
 * aioproc_semaphore_is_locked:
 * @self: a semaphore
 *
 * Tells whether no unit is free, at this moment.
 *
 * Never blocks.
 *
 * Returns: `TRUE` if an acquire would have to wait; `FALSE` also where it could not be initialized
 *
 * Since: 0.1
 */
gboolean
aioproc_semaphore_is_locked (AioprocSemaphore *self)
{
  g_return_val_if_fail (AIOPROC_IS_SEMAPHORE (self), FALSE);

  return self->backend != NULL && self->backend->get_value (self->impl) == 0;
}

/**
 * aioproc_semaphore_try_acquire:
 * @self: a semaphore
 * @error: return location for an error
 *
 * Acquires a unit if one is free. Never blocks.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.WOULD_BLOCK] if none is free, or it is kept for those who have waited
 *   for long
 * - [error@Gio.IOErrorEnum.CLOSED] if it was disposed of in this process
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if it could not be initialized
 *
 * Returns: `TRUE` if this process holds one unit more
 *
 * Since: 0.1
 */
gboolean
aioproc_semaphore_try_acquire (AioprocSemaphore  *self,
                               GError           **error)
{
  g_return_val_if_fail (AIOPROC_IS_SEMAPHORE (self), FALSE);

  if (!aioproc_semaphore_check (self, error))
    return FALSE;

  return self->backend->try_acquire (self->impl, error);
}

/**
 * aioproc_semaphore_acquire:
 * @self: a semaphore
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Acquires a unit, and blocks the calling thread until it has one.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if @timeout_usec went by first
 * - [error@Gio.IOErrorEnum.CANCELLED] if @cancellable was cancelled first; no unit was acquired
 *   then
 * - [error@Gio.IOErrorEnum.CLOSED] if it is disposed of in this process
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if it could not be initialized
 *
 * Returns: `TRUE` if this process holds one unit more
 *
 * Since: 0.1
 */
gboolean
aioproc_semaphore_acquire (AioprocSemaphore  *self,
                           gint64             timeout_usec,
                           GCancellable      *cancellable,
                           GError           **error)
{
  g_return_val_if_fail (AIOPROC_IS_SEMAPHORE (self), FALSE);
  g_return_val_if_fail (timeout_usec >= -1, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  if (!aioproc_semaphore_check (self, error))
    return FALSE;

  return self->backend->acquire (self->impl, timeout_usec, cancellable, error);
}

/**
 * aioproc_semaphore_acquire_async:
 * @self: a semaphore
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when a unit is acquired, or is not going to be
 * @user_data: data for @callback
 *
 * Acquires a unit without blocking.
 *
 * A unit that is free is acquired at once; @callback is called later nevertheless. Operations of
 * one process get units in the order in which they were started.
 *
 * If @cancellable is cancelled when a unit was acquired already, the operation succeeds, and this
 * process holds the unit.
 *
 * Since: 0.1
 */
void
aioproc_semaphore_acquire_async (AioprocSemaphore    *self,
                                 gint64               timeout_usec,
                                 GCancellable        *cancellable,
                                 GAsyncReadyCallback  callback,
                                 gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  GError *error = NULL;

  g_return_if_fail (AIOPROC_IS_SEMAPHORE (self));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_semaphore_acquire_async);

  /* Once acquired, the unit must reach the caller even if @cancellable fires before the callback
   * runs: otherwise nobody would know to release it.
   */
  g_task_set_check_cancellable (task, FALSE);

  if (!aioproc_semaphore_check (self, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  self->backend->acquire_start (self->impl, g_steal_pointer (&task), timeout_usec);
}

/**
 * aioproc_semaphore_acquire_finish:
 * @self: a semaphore
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Semaphore.acquire_async] has started.
 *
 * Fails as [method@Semaphore.acquire] does.
 *
 * Returns: `TRUE` if this process holds one unit more
 *
 * Since: 0.1
 */
gboolean
aioproc_semaphore_acquire_finish (AioprocSemaphore  *self,
                                  GAsyncResult      *result,
                                  GError           **error)
{
  g_return_val_if_fail (AIOPROC_IS_SEMAPHORE (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_semaphore_acquire_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * aioproc_semaphore_release:
 * @self: a semaphore
 * @error: return location for an error
 *
 * Gives back a unit that this process holds.
 *
 * Never blocks. An operation of this process that waits gets the unit at once, unless others have
 * waited for too long.
 *
 * Fails with:
 *
 * - [error@Aioproc.Error.NOT_OWNER] if this process holds no unit; what others hold is not its to
 *   release, but see [method@Semaphore.post]
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if it could not be initialized
 *
 * Returns: `TRUE` if this process holds one unit less
 *
 * Since: 0.1
 */
gboolean
aioproc_semaphore_release (AioprocSemaphore  *self,
                           GError           **error)
{
  g_return_val_if_fail (AIOPROC_IS_SEMAPHORE (self), FALSE);

  if (!aioproc_semaphore_check (self, error))
    return FALSE;

  return self->backend->release (self->impl, error);
}

/**
 * aioproc_semaphore_post:
 * @self: a semaphore
 * @error: return location for an error
 *
 * Makes a new unit, which is free.
 *
 * Never blocks. It stays when the process ends. Whoever acquires units that others post, and never
 * gives them back, should consume them, see [method@Semaphore.consume].
 *
 * Fails with:
 *
 * - [error@Aioproc.Error.INVALID_STATE] if there are as many units as there may be, free and held:
 *   1048575, or of a [class@BoundedSemaphore] those that it began with
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if it could not be initialized
 *
 * Returns: `TRUE` if there is one unit more
 *
 * Since: 0.1
 */
gboolean
aioproc_semaphore_post (AioprocSemaphore  *self,
                        GError           **error)
{
  g_return_val_if_fail (AIOPROC_IS_SEMAPHORE (self), FALSE);

  if (!aioproc_semaphore_check (self, error))
    return FALSE;

  return self->backend->post (self->impl, error);
}

/**
 * aioproc_semaphore_consume:
 * @self: a semaphore
 * @error: return location for an error
 *
 * Gives up a unit that this process holds, for good.
 *
 * Never blocks. The unit does not come back, neither now nor when the process ends: what it stood
 * for is done.
 *
 * Fails with:
 *
 * - [error@Aioproc.Error.NOT_OWNER] if this process holds no unit
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if it could not be initialized
 *
 * Returns: `TRUE` if there is one unit less
 *
 * Since: 0.1
 */
gboolean
aioproc_semaphore_consume (AioprocSemaphore  *self,
                           GError           **error)
{
  g_return_val_if_fail (AIOPROC_IS_SEMAPHORE (self), FALSE);

  if (!aioproc_semaphore_check (self, error))
    return FALSE;

  return self->backend->consume (self->impl, error);
}
