/* aioproc-rlock.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "sync/aioproc-rlock-private.h"

#include "core/aioproc-debug-private.h"
#include "core/aioproc-shareable-private.h"

/**
 * AioprocRLock:
 *
 * A lock that processes share, and that its owner can acquire again.
 *
 * It excludes others as [class@Lock] does, and is free when it was released as often as it was
 * acquired. Its owner is one within a process, which goes by a number: `0` is the calling thread,
 * any other number is what the program makes of it. Threads say nothing about the flows of an
 * asynchronous program, many of which run in one thread: give each of them a number of its own, or
 * they enter each other's sections as though they were one.
 *
 * ```c
 * // Works whether its caller holds the lock or not.
 * static void
 * write_record (AioprocRLock *lock,
 *               guint64       owner)
 * {
 *   if (!aioproc_rlock_try_acquire (lock, owner, NULL))
 *     return;
 *
 *   g_print ("Flow %d writes.\n", (int) owner);
 *   aioproc_rlock_release (lock, owner, NULL);
 * }
 *
 * static void
 * acquired_cb (GObject      *source,
 *              GAsyncResult *result,
 *              gpointer      user_data)
 * {
 *   AioprocRLock *lock = AIOPROC_RLOCK (source);
 *   Flow *flow = user_data;
 *   g_autoptr(GError) error = NULL;
 *
 *   if (!aioproc_rlock_acquire_finish (lock, result, &error))
 *     g_error ("%s", error->message);
 *
 *   write_record (lock, flow->id);
 *   aioproc_rlock_release (lock, flow->id, NULL);
 *
 *   if (--n_left == 0)
 *     g_main_loop_quit (flow->loop);
 * }
 * …
 * aioproc_rlock_acquire_async (lock, flow->id, -1, NULL, acquired_cb, flow);
 * ```
 *
 * # Thread safety
 *
 * All functions may be called from any thread, and a number may be used in several. Asynchronous
 * operations complete on the thread-default main context of the thread that started them; with the
 * owner `0` it is that thread which owns the lock. The blocking [method@RLock.acquire] never
 * iterates a main context. A thread that ends while it owns the lock leaves it locked.
 *
 * # Process safety
 *
 * A recursive lock is [iface@Shareable]. Numbers are those of a process: the same number in another
 * process is another owner. When a process that holds the lock is killed, executes another program
 * or ends in any other way, one waiter gets it, acquired once, as soon as no thread of the dead
 * process can write any more. The new owner finds [property@RLock:was-abandoned] set, and should
 * check what the lock guards; a [property@RLock:strict] one gets an error instead. A holder that is
 * only stopped keeps the lock. A forked child holds nothing of what its parent holds, and its
 * first operation fails where the system has no descriptor or thread for it. An object that is
 * finalized while its process holds the lock releases it.
 *
 * No function may be called in a signal handler; `g_unix_signal_add()` makes a source of a signal,
 * which is free to do anything.
 *
 * Waiters of several processes may overtake each other, but not for long: a waiter that was
 * overtaken for more than a millisecond is given the lock by the next release.
 *
 * Since: 0.1
 */
struct _AioprocRLock {
  GObject                   parent_instance;

  /* Immutable after construction and initialisation. */
  const AioprocRLockBackend *backend;   /* (nullable) NULL: not initialised */
  gpointer                  impl;      /* (owned) (nullable) the backend's */
  char                     *name;      /* (owned) (nullable) */
  gboolean                  strict;
};

static void aioproc_rlock_shareable_iface_init (AioprocShareableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (AioprocRLock, aioproc_rlock, G_TYPE_OBJECT,
  G_IMPLEMENT_INTERFACE (G_TYPE_INITABLE, aioproc_shareable_initable_iface_init)
  G_IMPLEMENT_INTERFACE (AIOPROC_TYPE_SHAREABLE, aioproc_rlock_shareable_iface_init))

typedef enum {
  PROP_NAME = 1,
  PROP_STRICT,
  PROP_WAS_ABANDONED,
} AioprocRLockProperty;

static GParamSpec *props[PROP_WAS_ABANDONED + 1];

static gboolean
aioproc_rlock_check (AioprocRLock  *self,
                     GError       **error)
{
  return G_LIKELY (self->backend != NULL) ||
         aioproc_shareable_check_initialized (AIOPROC_SHAREABLE (self), error);
}

static AioprocShm *
aioproc_rlock_get_shm (AioprocShareable *shareable)
{
  AioprocRLock *self = AIOPROC_RLOCK (shareable);

  return self->backend != NULL ? self->backend->get_shm (self->impl) : NULL;
}

static gboolean
aioproc_rlock_set_up (AioprocShareable  *shareable,
                      AioprocShm        *shm,
                      GError           **error)
{
  AioprocRLock *self = AIOPROC_RLOCK (shareable);

  return aioproc_rlock_local_new (shm, self->name, self->strict, &self->backend, &self->impl,
                                  error);
}

static void
aioproc_rlock_set_backend (AioprocShareable *shareable,
                           gconstpointer     backend,
                           gpointer          impl)
{
  AioprocRLock *self = AIOPROC_RLOCK (shareable);

  self->backend = backend;
  self->impl = impl;
}

static void
aioproc_rlock_shareable_iface_init (AioprocShareableInterface *iface)
{
  iface->get_shm = aioproc_rlock_get_shm;
  iface->set_up = aioproc_rlock_set_up;
  iface->set_backend = aioproc_rlock_set_backend;
}

static void
aioproc_rlock_get_property (GObject    *object,
                            guint       prop_id,
                            GValue     *value,
                            GParamSpec *pspec)
{
  AioprocRLock *self = AIOPROC_RLOCK (object);

  switch ((AioprocRLockProperty) prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;

    case PROP_STRICT:
      g_value_set_boolean (value, self->strict);
      break;

    case PROP_WAS_ABANDONED:
      g_value_set_boolean (value, aioproc_rlock_get_was_abandoned (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_rlock_set_property (GObject      *object,
                            guint         prop_id,
                            const GValue *value,
                            GParamSpec   *pspec)
{
  AioprocRLock *self = AIOPROC_RLOCK (object);

  switch ((AioprocRLockProperty) prop_id)
    {
    case PROP_NAME:
      self->name = g_value_dup_string (value);
      break;

    case PROP_STRICT:
      self->strict = g_value_get_boolean (value);
      break;

    case PROP_WAS_ABANDONED:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_rlock_dispose (GObject *object)
{
  AioprocRLock *self = AIOPROC_RLOCK (object);

  if (self->backend != NULL)
    self->backend->close (self->impl);

  G_OBJECT_CLASS (aioproc_rlock_parent_class)->dispose (object);
}

static void
aioproc_rlock_finalize (GObject *object)
{
  AioprocRLock *self = AIOPROC_RLOCK (object);

  if (self->backend != NULL)
    self->backend->free (self->impl);

  g_free (self->name);

  G_OBJECT_CLASS (aioproc_rlock_parent_class)->finalize (object);
}

static void
aioproc_rlock_class_init (AioprocRLockClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = aioproc_rlock_get_property;
  object_class->set_property = aioproc_rlock_set_property;
  object_class->constructed = aioproc_shareable_constructed;
  object_class->dispose = aioproc_rlock_dispose;
  object_class->finalize = aioproc_rlock_finalize;

  /**
   * AioprocRLock:name: (getter get_name)
   *
   * What messages about the lock call it, in every process; at most 63 bytes, of which more are cut
   * off for other processes. It identifies nothing.
   *
   * Since: 0.1
   */
  props[PROP_NAME] =
    g_param_spec_string ("name", NULL, NULL,
                         NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocRLock:strict: (getter get_strict)
   *
   * Whether this process wants an error where it would get an abandoned lock.
   *
   * An acquire of a strict lock whose holder has died fails with
   * [error@Aioproc.Error.OWNER_DIED], once, and leaves the lock free. Locks that are received
   * from other processes are not strict.
   *
   * Since: 0.1
   */
  props[PROP_STRICT] =
    g_param_spec_boolean ("strict", NULL, NULL,
                          FALSE,
                          G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocRLock:was-abandoned: (getter get_was_abandoned)
   *
   * Whether this process got the lock, when it acquired it last, from a holder that had died.
   *
   * Changes with each acquire, without notification.
   *
   * Since: 0.1
   */
  props[PROP_WAS_ABANDONED] =
    g_param_spec_boolean ("was-abandoned", NULL, NULL,
                          FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
aioproc_rlock_init (AioprocRLock *self)
{
}

guint64
aioproc_rlock_count_hold (AioprocRLock      *self,
                          const AioprocHold *hold)
{
  return self->backend != NULL ? self->backend->count (self->impl, hold) : 0;
}

gboolean
aioproc_rlock_release_hold (AioprocRLock  *self,
                            AioprocHold   *hold,
                            GError       **error)
{
  return aioproc_rlock_check (self, error) &&
         self->backend->release (self->impl, hold, TRUE, error);
}

gboolean
aioproc_rlock_acquire_hold (AioprocRLock       *self,
                            const AioprocHold  *hold,
                            GError            **error)
{
  return aioproc_rlock_check (self, error) &&
         self->backend->acquire (self->impl, hold, -1, NULL, error);
}

/* Takes @task. */
static void
aioproc_rlock_start (AioprocRLock      *self,
                     const AioprocHold *hold,
                     GTask             *task,
                     gint64             timeout_usec)
{
  GError *error = NULL;

  /* Once acquired, the lock must reach the caller even if it is cancelled before the callback runs:
   * otherwise nobody would know to release it.
   */
  g_task_set_check_cancellable (task, FALSE);

  if (aioproc_rlock_check (self, &error))
    {
      self->backend->acquire_start (self->impl, hold, task, timeout_usec);
      return;
    }

  g_task_return_error (task, error);
  g_object_unref (task);
}

void
aioproc_rlock_acquire_hold_async (AioprocRLock        *self,
                                  const AioprocHold   *hold,
                                  GAsyncReadyCallback  callback,
                                  gpointer             user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);

  g_task_set_source_tag (task, aioproc_rlock_acquire_async);
  aioproc_rlock_start (self, hold, task, -1);
}

/**
 * aioproc_rlock_new:
 * @error: return location for an error
 *
 * Makes a new lock, which nobody holds.
 *
 * Other processes get it as an argument of their function, or in a message.
 *
 * Fails with an error of the domain [error@Gio.IOErrorEnum] where the system has no descriptor,
 * memory or thread for it: `TOO_MANY_OPEN_FILES` …
 *
 * Returns: (transfer full): a new lock
 *
 * Since: 0.1
 */
AioprocRLock *
aioproc_rlock_new (GError **error)
{
  return g_initable_new (AIOPROC_TYPE_RLOCK, NULL, error, NULL);
}

/**
 * aioproc_rlock_get_name: (get-property name)
 * @self: a lock
 *
 * Gets what messages about the lock call it.
 *
 * Returns: (nullable): the name, or `NULL` if it has none
 *
 * Since: 0.1
 */
const char *
aioproc_rlock_get_name (AioprocRLock *self)
{
  g_return_val_if_fail (AIOPROC_IS_RLOCK (self), NULL);

  return self->name;
}

/**
 * aioproc_rlock_get_strict: (get-property strict)
 * @self: a lock
 *
 * Gets whether this process wants an error where it would get an abandoned lock.
 *
 * Returns: `TRUE` if the lock is strict
 *
 * Since: 0.1
 */
gboolean
aioproc_rlock_get_strict (AioprocRLock *self)
{
  g_return_val_if_fail (AIOPROC_IS_RLOCK (self), FALSE);

  return self->strict;
}

/**
 * aioproc_rlock_get_was_abandoned: (get-property was-abandoned)
 * @self: a lock
 *
 * Tells whether this process got the lock, when it acquired it last, from a holder that had died.
 *
 * The answer holds while the caller holds the lock.
 *
 * Returns: `TRUE` if the former holder died while it held the lock
 *
 * Since: 0.1
 */
gboolean
aioproc_rlock_get_was_abandoned (AioprocRLock *self)
{
  g_return_val_if_fail (AIOPROC_IS_RLOCK (self), FALSE);

  return self->backend != NULL && self->backend->was_abandoned (self->impl);
}

/**
 * aioproc_rlock_is_locked:
 * @self: a lock
 *
 * Tells whether any process holds the lock, at this moment.
 *
 * Never blocks. A lock whose holder has died is not locked.
 *
 * Returns: `TRUE` if the lock is held; `FALSE` also where it could not be initialized
 *
 * Since: 0.1
 */
gboolean
aioproc_rlock_is_locked (AioprocRLock *self)
{
  g_return_val_if_fail (AIOPROC_IS_RLOCK (self), FALSE);

  return self->backend != NULL && self->backend->is_locked (self->impl);
}

/**
 * aioproc_rlock_is_owned:
 * @self: a lock
 * @owner: a number of the program's choice, or 0 for the calling thread
 *
 * Tells whether this owner holds the lock.
 *
 * Never blocks. For an owner that asks for itself the answer is certain.
 *
 * Returns: `TRUE` if @owner holds the lock; `FALSE` also where it could not be initialized
 *
 * Since: 0.1
 */
gboolean
aioproc_rlock_is_owned (AioprocRLock *self,
                        guint64       owner)
{
  return aioproc_rlock_get_depth (self, owner) > 0;
}

/**
 * aioproc_rlock_get_depth:
 * @self: a lock
 * @owner: a number of the program's choice, or 0 for the calling thread
 *
 * Tells how often this owner has to release the lock until it is free.
 *
 * Never blocks. For an owner that asks for itself the answer is certain.
 *
 * Returns: the number of acquires that were not released yet; 0 if @owner does not hold the lock
 *
 * Since: 0.1
 */
guint64
aioproc_rlock_get_depth (AioprocRLock *self,
                         guint64       owner)
{
  AioprocHold hold;

  g_return_val_if_fail (AIOPROC_IS_RLOCK (self), 0);

  hold = aioproc_hold_for (owner);

  return aioproc_rlock_count_hold (self, &hold);
}

/**
 * aioproc_rlock_try_acquire:
 * @self: a lock
 * @owner: a number of the program's choice, or 0 for the calling thread
 * @error: return location for an error
 *
 * Acquires the lock if that is possible at once. Never blocks.
 *
 * An owner that holds it already acquires it once more.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.WOULD_BLOCK] if another owner or process holds it, or it is promised to
 *   one that waits
 * - [error@Aioproc.Error.OWNER_DIED] if it is strict, and its holder has died
 * - [error@Gio.IOErrorEnum.CLOSED] if it was disposed of in this process
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if it could not be initialized
 *
 * Returns: `TRUE` if @owner has acquired the lock
 *
 * Since: 0.1
 */
gboolean
aioproc_rlock_try_acquire (AioprocRLock  *self,
                           guint64        owner,
                           GError       **error)
{
  AioprocHold hold;

  g_return_val_if_fail (AIOPROC_IS_RLOCK (self), FALSE);

  if (!aioproc_rlock_check (self, error))
    return FALSE;

  hold = aioproc_hold_for (owner);

  return self->backend->try_acquire (self->impl, &hold, error);
}

/**
 * aioproc_rlock_acquire:
 * @self: a lock
 * @owner: a number of the program's choice, or 0 for the calling thread
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Acquires the lock, and blocks the calling thread until it has it.
 *
 * An owner that holds it already acquires it once more, and does not wait.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if @timeout_usec went by first
 * - [error@Gio.IOErrorEnum.CANCELLED] if @cancellable was cancelled first; @owner has not acquired
 *   the lock then
 * - [error@Aioproc.Error.OWNER_DIED] if it is strict, and its holder has died
 * - [error@Gio.IOErrorEnum.CLOSED] if it is disposed of in this process
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if it could not be initialized
 *
 * Returns: `TRUE` if @owner has acquired the lock
 *
 * Since: 0.1
 */
gboolean
aioproc_rlock_acquire (AioprocRLock  *self,
                       guint64        owner,
                       gint64         timeout_usec,
                       GCancellable  *cancellable,
                       GError       **error)
{
  AioprocHold hold;

  g_return_val_if_fail (AIOPROC_IS_RLOCK (self), FALSE);
  g_return_val_if_fail (timeout_usec >= -1, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  if (!aioproc_rlock_check (self, error))
    return FALSE;

  hold = aioproc_hold_for (owner);

  return self->backend->acquire (self->impl, &hold, timeout_usec, cancellable, error);
}

/**
 * aioproc_rlock_acquire_async:
 * @self: a lock
 * @owner: a number of the program's choice, or 0 for the calling thread
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the lock is acquired, or is not going to be
 * @user_data: data for @callback
 *
 * Acquires the lock without blocking.
 *
 * A lock that is free, or that @owner holds, is acquired at once; @callback is called later
 * nevertheless. Operations of one process that must wait get the lock in the order in which they
 * were started, also where they are of one owner: let each owner have one at a time.
 *
 * If @cancellable is cancelled when the lock was acquired already, the operation succeeds, and
 * @owner holds the lock.
 *
 * Since: 0.1
 */
void
aioproc_rlock_acquire_async (AioprocRLock        *self,
                             guint64              owner,
                             gint64               timeout_usec,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data)
{
  AioprocHold hold;
  GTask *task;

  g_return_if_fail (AIOPROC_IS_RLOCK (self));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  hold = aioproc_hold_for (owner);
  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_rlock_acquire_async);
  aioproc_rlock_start (self, &hold, task, timeout_usec);
}

/**
 * aioproc_rlock_acquire_finish:
 * @self: a lock
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@RLock.acquire_async] has started.
 *
 * Fails as [method@RLock.acquire] does, and with [error@Gio.IOErrorEnum.NO_SPACE] if the lock was
 * held and no thread could be started to wait for it.
 *
 * Returns: `TRUE` if the owner has acquired the lock
 *
 * Since: 0.1
 */
gboolean
aioproc_rlock_acquire_finish (AioprocRLock  *self,
                              GAsyncResult  *result,
                              GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_RLOCK (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_rlock_acquire_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * aioproc_rlock_release:
 * @self: a lock
 * @owner: a number of the program's choice, or 0 for the calling thread
 * @error: return location for an error
 *
 * Releases the lock once. It is free when that was done as often as it was acquired.
 *
 * Never blocks. An operation of this process that waits gets a lock that becomes free at once,
 * unless others have waited for too long.
 *
 * Fails with:
 *
 * - [error@Aioproc.Error.NOT_OWNER] if @owner does not hold it: nobody does, or another owner, or
 *   another process
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if it could not be initialized
 *
 * Returns: `TRUE` if the lock was released once
 *
 * Since: 0.1
 */
gboolean
aioproc_rlock_release (AioprocRLock  *self,
                       guint64        owner,
                       GError       **error)
{
  AioprocHold hold;

  g_return_val_if_fail (AIOPROC_IS_RLOCK (self), FALSE);

  if (!aioproc_rlock_check (self, error))
    return FALSE;

  hold = aioproc_hold_for (owner);

  return self->backend->release (self->impl, &hold, FALSE, error);
}
