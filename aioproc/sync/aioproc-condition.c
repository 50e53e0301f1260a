/* aioproc-condition.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "sync/aioproc-condition-private.h"

#include "core/aioproc-debug-private.h"
#include "core/aioproc-shareable-private.h"
#include "aioproc-lock.h"
#include "aioproc-rlock.h"

/**
 * AioprocCondition:
 *
 * A condition variable that processes share.
 *
 * Who holds its lock can wait: that lets go of the lock, however often it was acquired, until
 * another one, who has changed what the lock guards, notifies; then it acquires the lock again, as
 * often. Whoever is notified has to look whether there is what it waits for.
 *
 * A notification chooses among those who wait at that moment. It is not remembered where nobody
 * does, and who comes later does not get it.
 *
 * All operations say on whose behalf they are, as those of [class@RLock] do: `owner` is 0 for the
 * calling thread. With a [class@Lock], which is held by the process, it means nothing.
 *
 * # Thread safety
 *
 * All functions may be called from any thread. Asynchronous operations complete on the
 * thread-default main context of the thread that started them. The blocking
 * [method@Condition.wait] and [method@Condition.wait_for] never iterate a main context: use the
 * asynchronous form in a thread that runs one.
 *
 * # Process safety
 *
 * A condition is [iface@Shareable], and brings its lock along. A process that is killed while it
 * waits is skipped; if it had been chosen already, another one that waits is chosen in its stead. A
 * notification is never lost while somebody waits. Where the process that passes it on is killed
 * too, it may be given twice. A process that is killed within a notification has notified some, and
 * leaves the lock abandoned. A forked child has no part in the waits of its parent.
 *
 * Since: 0.1
 */
struct _AioprocCondition {
  GObject                        parent_instance;

  /* Immutable after construction and initialisation. */
  const AioprocConditionBackend *backend;   /* (nullable) NULL: not initialised */
  gpointer                       impl;      /* (owned) (nullable) the backend's */
  AioprocShareable              *lock;      /* (owned) (nullable) NULL: not initialised */
  char                          *name;      /* (owned) (nullable) */
};

static void aioproc_condition_shareable_iface_init (AioprocShareableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (AioprocCondition, aioproc_condition, G_TYPE_OBJECT,
  G_IMPLEMENT_INTERFACE (G_TYPE_INITABLE, aioproc_shareable_initable_iface_init)
  G_IMPLEMENT_INTERFACE (AIOPROC_TYPE_SHAREABLE, aioproc_condition_shareable_iface_init))

typedef enum {
  PROP_LOCK = 1,
  PROP_NAME,
} AioprocConditionProperty;

static GParamSpec *props[PROP_NAME + 1];

static gboolean
aioproc_condition_check (AioprocCondition  *self,
                         GError           **error)
{
  return G_LIKELY (self->backend != NULL) ||
         aioproc_shareable_check_initialized (AIOPROC_SHAREABLE (self), error);
}

static AioprocShm *
aioproc_condition_get_shm (AioprocShareable *shareable)
{
  AioprocCondition *self = AIOPROC_CONDITION (shareable);

  return self->backend != NULL ? self->backend->get_shm (self->impl) : NULL;
}

/* The lock that it was given, or one of its own. */
static gboolean
aioproc_condition_find_lock (AioprocCondition  *self,
                             GError           **error)
{
  if (self->lock == NULL)
    {
      self->lock = (AioprocShareable *) aioproc_rlock_new (error);
      return self->lock != NULL;
    }

  if (AIOPROC_IS_LOCK (self->lock) || AIOPROC_IS_RLOCK (self->lock))
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "Could not make a condition of %s: it needs a lock or a recursive lock",
               G_OBJECT_TYPE_NAME (self->lock));

  return FALSE;
}

static gboolean
aioproc_condition_set_up (AioprocShareable  *shareable,
                          AioprocShm        *shm,
                          GError           **error)
{
  AioprocCondition *self = AIOPROC_CONDITION (shareable);

  /* What came with a lock was checked by its import. */
  return aioproc_condition_find_lock (self, error) &&
         aioproc_condition_local_new (shm, self->name, self->lock, &self->backend, &self->impl,
                                      error);
}

static AioprocShareable *
aioproc_condition_get_its_lock (AioprocShareable *shareable)
{
  return AIOPROC_CONDITION (shareable)->lock;
}

static void
aioproc_condition_set_backend (AioprocShareable *shareable,
                               gconstpointer     backend,
                               gpointer          impl)
{
  AioprocCondition *self = AIOPROC_CONDITION (shareable);

  /* Not one of memory of this machine. */
  g_assert (self->lock != NULL);

  self->backend = backend;
  self->impl = impl;
}

static void
aioproc_condition_shareable_iface_init (AioprocShareableInterface *iface)
{
  iface->get_lock = aioproc_condition_get_its_lock;
  iface->get_shm = aioproc_condition_get_shm;
  iface->set_up = aioproc_condition_set_up;
  iface->set_backend = aioproc_condition_set_backend;
}

static void
aioproc_condition_get_property (GObject    *object,
                                guint       prop_id,
                                GValue     *value,
                                GParamSpec *pspec)
{
  AioprocCondition *self = AIOPROC_CONDITION (object);

  switch ((AioprocConditionProperty) prop_id)
    {
    case PROP_LOCK:
      g_value_set_object (value, self->lock);
      break;

    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_condition_set_property (GObject      *object,
                                guint         prop_id,
                                const GValue *value,
                                GParamSpec   *pspec)
{
  AioprocCondition *self = AIOPROC_CONDITION (object);

  switch ((AioprocConditionProperty) prop_id)
    {
    case PROP_LOCK:
      self->lock = g_value_dup_object (value);
      break;

    case PROP_NAME:
      self->name = g_value_dup_string (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_condition_dispose (GObject *object)
{
  AioprocCondition *self = AIOPROC_CONDITION (object);

  if (self->backend != NULL)
    self->backend->close (self->impl);

  G_OBJECT_CLASS (aioproc_condition_parent_class)->dispose (object);
}

static void
aioproc_condition_finalize (GObject *object)
{
  AioprocCondition *self = AIOPROC_CONDITION (object);

  if (self->backend != NULL)
    self->backend->free (self->impl);

  g_clear_object (&self->lock);
  g_free (self->name);

  G_OBJECT_CLASS (aioproc_condition_parent_class)->finalize (object);
}

static void
aioproc_condition_class_init (AioprocConditionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = aioproc_shareable_constructed;
  object_class->get_property = aioproc_condition_get_property;
  object_class->set_property = aioproc_condition_set_property;
  object_class->dispose = aioproc_condition_dispose;
  object_class->finalize = aioproc_condition_finalize;

  /**
   * AioprocCondition:lock: (getter get_lock)
   *
   * The lock of the condition, a [class@Lock] or a [class@RLock].
   *
   * Several conditions can have the same lock. A condition that is made without one makes a
   * recursive lock of its own.
   *
   * Since: 0.1
   */
  props[PROP_LOCK] =
    g_param_spec_object ("lock", NULL, NULL,
                         AIOPROC_TYPE_SHAREABLE,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocCondition:name: (getter get_name)
   *
   * What messages about the condition call it, in every process; at most 63 bytes, of which more
   * are cut off for other processes. It identifies nothing.
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
aioproc_condition_init (AioprocCondition *self)
{
}

/**
 * aioproc_condition_new:
 * @lock: (nullable): a [class@Lock] or a [class@RLock], or `NULL` for a recursive lock of its own
 * @error: return location for an error
 *
 * Makes a new condition.
 *
 * Other processes get it as an argument of their function, or in a message; with it they get its
 * lock.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if @lock is another object
 * - another error of the domain [error@Gio.IOErrorEnum] where the system has no descriptor, memory
 *   or thread for it: `TOO_MANY_OPEN_FILES` …
 *
 * Returns: (transfer full): a new condition
 *
 * Since: 0.1
 */
AioprocCondition *
aioproc_condition_new (AioprocShareable  *lock,
                       GError           **error)
{
  g_return_val_if_fail (lock == NULL || AIOPROC_IS_SHAREABLE (lock), NULL);

  return g_initable_new (AIOPROC_TYPE_CONDITION, NULL, error, "lock", lock, NULL);
}

/**
 * aioproc_condition_get_name: (get-property name)
 * @self: a condition
 *
 * Gets what messages about the condition call it.
 *
 * Returns: (nullable): the name, or `NULL` if it has none
 *
 * Since: 0.1
 */
const char *
aioproc_condition_get_name (AioprocCondition *self)
{
  g_return_val_if_fail (AIOPROC_IS_CONDITION (self), NULL);

  return self->name;
}

/**
 * aioproc_condition_get_lock: (get-property lock)
 * @self: a condition
 *
 * Gets the lock of the condition.
 *
 * Returns: (transfer none) (nullable): a [class@Lock] or a [class@RLock], or `NULL`
 *
 * Since: 0.1
 */
AioprocShareable *
aioproc_condition_get_lock (AioprocCondition *self)
{
  g_return_val_if_fail (AIOPROC_IS_CONDITION (self), NULL);

  return self->lock;
}

/**
 * aioproc_condition_wait:
 * @self: a condition
 * @owner: who holds the lock: a number of the program's choice, or 0 for the calling thread
 * @timeout_usec: microseconds, 0 to look once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Lets go of the lock, waits for a notification, and acquires the lock again.
 *
 * Blocks the calling thread. The time that it takes to get the lock again is not limited by
 * @timeout_usec or @cancellable: when this returns, the lock is held as often as before, but for
 * the errors below that say otherwise. A notification that arrives until then counts.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if @timeout_usec went by first
 * - [error@Gio.IOErrorEnum.CANCELLED] if @cancellable was cancelled first
 * - [error@Gio.IOErrorEnum.CLOSED] if the condition is disposed of in this process; or its lock,
 *   which is not held then
 * - [error@Aioproc.Error.NOT_OWNER] if @owner does not hold the lock
 * - [error@Aioproc.Error.OWNER_DIED] if the lock is strict, and its holder died meanwhile; it is
 *   not held then
 * - [error@Gio.IOErrorEnum.NO_SPACE] if 131,071 operations of this process wait already
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the condition was never initialized
 *
 * Returns: `TRUE` if there was a notification
 *
 * Since: 0.1
 */
gboolean
aioproc_condition_wait (AioprocCondition  *self,
                        guint64            owner,
                        gint64             timeout_usec,
                        GCancellable      *cancellable,
                        GError           **error)
{
  AioprocHold hold = aioproc_hold_for (owner);

  g_return_val_if_fail (AIOPROC_IS_CONDITION (self), FALSE);
  g_return_val_if_fail (timeout_usec >= -1, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  /* To have the lock again may take longer than the wait. */
  AIOPROC_DEBUG_CHECK_BLOCKING (-1);

  return aioproc_condition_check (self, error) &&
         self->backend->wait (self->impl, &hold, timeout_usec, cancellable, error);
}

/**
 * aioproc_condition_wait_async:
 * @self: a condition
 * @owner: who holds the lock: a number of the program's choice, or 0 for the calling thread
 * @timeout_usec: microseconds, 0 to look once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the lock is held again
 * @user_data: data for @callback
 *
 * Lets go of the lock, waits for a notification, and acquires the lock again, without blocking.
 *
 * The lock is free when this returns, and held as often as before when @callback is called.
 *
 * Since: 0.1
 */
void
aioproc_condition_wait_async (AioprocCondition    *self,
                              guint64              owner,
                              gint64               timeout_usec,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data)
{
  AioprocHold hold = aioproc_hold_for (owner);
  g_autoptr(GTask) task = NULL;
  GError *error = NULL;

  g_return_if_fail (AIOPROC_IS_CONDITION (self));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_condition_wait_async);

  /* A notification must reach the caller even if @cancellable fires before the callback runs:
   * another one was not chosen for it.
   */
  g_task_set_check_cancellable (task, FALSE);

  if (!aioproc_condition_check (self, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  self->backend->wait_start (self->impl, &hold, g_steal_pointer (&task), timeout_usec);
}

/**
 * aioproc_condition_wait_finish:
 * @self: a condition
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Condition.wait_async] has started.
 *
 * Fails as [method@Condition.wait] does.
 *
 * Returns: `TRUE` if there was a notification
 *
 * Since: 0.1
 */
gboolean
aioproc_condition_wait_finish (AioprocCondition  *self,
                               GAsyncResult      *result,
                               GError           **error)
{
  g_return_val_if_fail (AIOPROC_IS_CONDITION (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_condition_wait_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * aioproc_condition_wait_for:
 * @self: a condition
 * @owner: who holds the lock: a number of the program's choice, or 0 for the calling thread
 * @func: (scope call) (closure user_data): tells whether there is what is waited for
 * @user_data: data for @func
 * @timeout_usec: microseconds, 0 to look once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Waits until @func says so, which is asked at first and after each notification.
 *
 * Blocks the calling thread. @func is called in it, with the lock held; and once more after the
 * timeout or the cancellation, so that what has come late counts.
 *
 * Fails as [method@Condition.wait] does.
 *
 * Returns: `TRUE` if @func has returned `TRUE`
 *
 * Since: 0.1
 */
gboolean
aioproc_condition_wait_for (AioprocCondition      *self,
                            guint64                owner,
                            AioprocConditionFunc   func,
                            gpointer               user_data,
                            gint64                 timeout_usec,
                            GCancellable          *cancellable,
                            GError               **error)
{
  g_autoptr(GError) local_error = NULL;
  AioprocHold hold = aioproc_hold_for (owner);
  gint64 now_usec = g_get_monotonic_time ();
  gint64 deadline_usec = -1;

  g_return_val_if_fail (AIOPROC_IS_CONDITION (self), FALSE);
  g_return_val_if_fail (func != NULL, FALSE);
  g_return_val_if_fail (timeout_usec >= -1, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  AIOPROC_DEBUG_CHECK_BLOCKING (-1);

  /* Notifies nobody, and says whether the lock is held. */
  if (!aioproc_condition_check (self, error) ||
      !self->backend->notify (self->impl, &hold, 0, error))
    return FALSE;

  if (timeout_usec >= 0 && timeout_usec <= G_MAXINT64 - now_usec)
    deadline_usec = now_usec + timeout_usec;

  while (!func (self, user_data))
    {
      gint64 rest_usec = -1;

      if (local_error != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return FALSE;
        }

      if (deadline_usec >= 0)
        rest_usec = MAX (deadline_usec - g_get_monotonic_time (), 0);

      if (!self->backend->wait (self->impl, &hold, rest_usec, cancellable, &local_error) &&
          !self->backend->notify (self->impl, &hold, 0, NULL))
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return FALSE;
        }
    }

  return TRUE;
}

typedef struct {
  AioprocHold           hold;
  AioprocConditionFunc  func;
  gpointer              data;            /* (owned) where there is @destroy */
  GDestroyNotify        destroy;         /* (nullable) */
  gint64                deadline_usec;   /* -1: none */
} WaitFor;

static void
wait_for_free (gpointer data)
{
  WaitFor *self = data;

  if (self->destroy != NULL)
    self->destroy (self->data);

  g_free (self);
}

static void aioproc_condition_wait_for_cb (GObject      *source,
                                           GAsyncResult *result,
                                           gpointer      user_data);

/* With the lock held, in the context of @task. Takes @task, and the error of the last wait. */
static void
aioproc_condition_wait_for_step (GTask  *owned_task,
                                 GError *owned_error)
{
  g_autoptr(GTask) task = owned_task;
  g_autoptr(GError) error = owned_error;
  AioprocCondition *self = g_task_get_source_object (task);
  GMainContext *context = g_task_get_context (task);
  WaitFor *wait_for = g_task_get_task_data (task);
  gint64 rest_usec = -1;
  GTask *wait;

  /* Not where the lock could not be had again. */
  if (error == NULL || self->backend->notify (self->impl, &wait_for->hold, 0, NULL))
    {
      if (wait_for->func (self, wait_for->data))
        {
          g_task_return_boolean (task, TRUE);
          return;
        }
    }

  if (error != NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  if (wait_for->deadline_usec >= 0)
    rest_usec = MAX (wait_for->deadline_usec - g_get_monotonic_time (), 0);

  g_main_context_push_thread_default (context);
  wait = g_task_new (self, g_task_get_cancellable (task), aioproc_condition_wait_for_cb,
                     g_object_ref (task));
  g_task_set_source_tag (wait, aioproc_condition_wait_for_step);
  g_task_set_check_cancellable (wait, FALSE);
  self->backend->wait_start (self->impl, &wait_for->hold, wait, rest_usec);
  g_main_context_pop_thread_default (context);
}

static void
aioproc_condition_wait_for_cb (GObject      *source,
                               GAsyncResult *result,
                               gpointer      user_data)
{
  GError *error = NULL;

  g_task_propagate_boolean (G_TASK (result), &error);
  aioproc_condition_wait_for_step (user_data, error);
}

/**
 * aioproc_condition_wait_for_async:
 * @self: a condition
 * @owner: who holds the lock: a number of the program's choice, or 0 for the calling thread
 * @func: (scope notified) (closure data) (destroy func_destroy): tells whether there is what
 *   is waited for
 * @data: data for @func
 * @func_destroy: (nullable): frees @data
 * @timeout_usec: microseconds, 0 to look once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (closure user_data): called when the wait is over
 * @user_data: data for @callback
 *
 * Waits until @func says so, without blocking.
 *
 * @func is called at first by this function, then on the context of the operation, each time with
 * the lock held. When @callback is called, the lock is held as often as before.
 *
 * Since: 0.1
 */
void
aioproc_condition_wait_for_async (AioprocCondition     *self,
                                  guint64               owner,
                                  AioprocConditionFunc  func,
                                  gpointer              data,
                                  GDestroyNotify        func_destroy,
                                  gint64                timeout_usec,
                                  GCancellable         *cancellable,
                                  GAsyncReadyCallback   callback,
                                  gpointer              user_data)
{
  g_autoptr(GTask) task = NULL;
  gint64 now_usec = g_get_monotonic_time ();
  GError *error = NULL;
  WaitFor *wait_for;

  g_return_if_fail (AIOPROC_IS_CONDITION (self));
  g_return_if_fail (func != NULL);
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_condition_wait_for_async);
  /* What @func has found is the caller's, also if @cancellable fires before the callback runs. */
  g_task_set_check_cancellable (task, FALSE);

  wait_for = g_new0 (WaitFor, 1);
  wait_for->hold = aioproc_hold_for (owner);
  wait_for->func = func;
  wait_for->data = data;
  wait_for->destroy = func_destroy;
  wait_for->deadline_usec = -1;
  g_task_set_task_data (task, wait_for, wait_for_free);

  if (timeout_usec >= 0 && timeout_usec <= G_MAXINT64 - now_usec)
    wait_for->deadline_usec = now_usec + timeout_usec;

  /* Notifies nobody, and says whether the lock is held. */
  if (!aioproc_condition_check (self, &error) ||
      !self->backend->notify (self->impl, &wait_for->hold, 0, &error))
    g_task_return_error (task, error);
  else
    aioproc_condition_wait_for_step (g_steal_pointer (&task), NULL);
}

/**
 * aioproc_condition_wait_for_finish:
 * @self: a condition
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Condition.wait_for_async] has started.
 *
 * Fails as [method@Condition.wait] does.
 *
 * Returns: `TRUE` if the function has returned `TRUE`
 *
 * Since: 0.1
 */
gboolean
aioproc_condition_wait_for_finish (AioprocCondition  *self,
                                   GAsyncResult      *result,
                                   GError           **error)
{
  g_return_val_if_fail (AIOPROC_IS_CONDITION (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_condition_wait_for_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * aioproc_condition_notify_n:
 * @self: a condition
 * @owner: who holds the lock: a number of the program's choice, or 0 for the calling thread
 * @n_waiters: how many are to go on, at most
 * @error: return location for an error
 *
 * Notifies some of those who wait.
 *
 * Never blocks. Processes are chosen from in turn; within a process, the one that has waited
 * longest. They go on when the caller has let go of the lock.
 *
 * Fails with:
 *
 * - [error@Aioproc.Error.NOT_OWNER] if @owner does not hold the lock
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the condition was never initialized
 *
 * Returns: `TRUE` if those were notified, be there any or not
 *
 * Since: 0.1
 */
gboolean
aioproc_condition_notify_n (AioprocCondition  *self,
                            guint64            owner,
                            guint              n_waiters,
                            GError           **error)
{
  AioprocHold hold = aioproc_hold_for (owner);

  g_return_val_if_fail (AIOPROC_IS_CONDITION (self), FALSE);

  return aioproc_condition_check (self, error) &&
         self->backend->notify (self->impl, &hold, n_waiters, error);
}

/**
 * aioproc_condition_notify_all:
 * @self: a condition
 * @owner: who holds the lock: a number of the program's choice, or 0 for the calling thread
 * @error: return location for an error
 *
 * Notifies all who wait.
 *
 * Never blocks. Fails as [method@Condition.notify_n] does.
 *
 * Returns: `TRUE` if those were notified, be there any or not
 *
 * Since: 0.1
 */
gboolean
aioproc_condition_notify_all (AioprocCondition  *self,
                              guint64            owner,
                              GError           **error)
{
  return aioproc_condition_notify_n (self, owner, G_MAXUINT, error);
}
