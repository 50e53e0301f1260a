/* aioproc-lock.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "sync/aioproc-lock-private.h"

#include "core/aioproc-debug-private.h"
#include "core/aioproc-shareable-private.h"

/**
 * AioprocLock:
 *
 * A mutual exclusion lock that processes share.
 *
 * Whoever acquires it holds it alone, until it is released. It is not recursive: a second
 * acquire waits for the release. The holder is the process, not the thread: any thread of the
 * process may release it, which is what an asynchronous program needs. Two operations of one
 * process exclude each other like those of two processes.
 *
 * ```c
 * static void
 * acquired_cb (GObject      *source,
 *              GAsyncResult *result,
 *              gpointer      user_data)
 * {
 *   AioprocLock *lock = AIOPROC_LOCK (source);
 *   GMainLoop *loop = user_data;
 *   g_autoptr(GError) error = NULL;
 *
 *   if (!aioproc_lock_acquire_finish (lock, result, &error))
 *     g_error ("%s", error->message);
 *
 *   if (aioproc_lock_get_was_abandoned (lock))
 *     g_print ("The last holder died: time to check what the lock guards.\n");
 *
 *   g_print ("Nobody else holds the lock now.\n");
 *
 *   aioproc_lock_release (lock, NULL);
 *   g_main_loop_quit (loop);
 * }
 * …
 * aioproc_lock_acquire_async (lock, -1, NULL, acquired_cb, loop);
 * ```
 *
 * # Thread safety
 *
 * All functions may be called from any thread. Asynchronous operations complete on the
 * thread-default main context of the thread that started them. The blocking
 * [method@Lock.acquire] never iterates a main context: use the asynchronous form in a thread
 * that runs one.
 *
 * # Process safety
 *
 * A lock is [iface@Shareable]. When its holder is killed, executes another program or ends in
 * any other way without releasing it, one waiter gets the lock, as soon as no thread of the dead
 * process can write any more. The new holder finds [property@Lock:was-abandoned] set, and should
 * check what the lock guards; a [property@Lock:strict] one gets an error instead. A holder that
 * is only stopped keeps the lock. A forked child holds nothing of what its parent holds, and its
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
struct _AioprocLock {
  GObject                   parent_instance;

  /* Immutable after construction and initialisation. */
  const AioprocLockBackend *backend;   /* (nullable) NULL: not initialised */
  gpointer                  impl;      /* (owned) (nullable) the backend's */
  char                     *name;      /* (owned) (nullable) */
  gboolean                  strict;
};

static void aioproc_lock_shareable_iface_init (AioprocShareableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (AioprocLock, aioproc_lock, G_TYPE_OBJECT,
  G_IMPLEMENT_INTERFACE (G_TYPE_INITABLE, aioproc_shareable_initable_iface_init)
  G_IMPLEMENT_INTERFACE (AIOPROC_TYPE_SHAREABLE, aioproc_lock_shareable_iface_init))

typedef enum {
  PROP_NAME = 1,
  PROP_STRICT,
  PROP_WAS_ABANDONED,
} AioprocLockProperty;

static GParamSpec *props[PROP_WAS_ABANDONED + 1];

static gboolean
aioproc_lock_check (AioprocLock  *self,
                    GError      **error)
{
  return G_LIKELY (self->backend != NULL) ||
         aioproc_shareable_check_initialized (AIOPROC_SHAREABLE (self), error);
}

static AioprocShm *
aioproc_lock_get_shm (AioprocShareable *shareable)
{
  AioprocLock *self = AIOPROC_LOCK (shareable);

  return self->backend != NULL ? self->backend->get_shm (self->impl) : NULL;
}

static gboolean
aioproc_lock_set_up (AioprocShareable  *shareable,
                     AioprocShm        *shm,
                     GError           **error)
{
  AioprocLock *self = AIOPROC_LOCK (shareable);

  return aioproc_lock_local_new (shm, self->name, self->strict, &self->backend, &self->impl, error);
}

static void
aioproc_lock_set_backend (AioprocShareable *shareable,
                          gconstpointer     backend,
                          gpointer          impl)
{
  AioprocLock *self = AIOPROC_LOCK (shareable);

  self->backend = backend;
  self->impl = impl;
}

static void
aioproc_lock_shareable_iface_init (AioprocShareableInterface *iface)
{
  iface->get_shm = aioproc_lock_get_shm;
  iface->set_up = aioproc_lock_set_up;
  iface->set_backend = aioproc_lock_set_backend;
}

static void
aioproc_lock_get_property (GObject    *object,
                           guint       prop_id,
                           GValue     *value,
                           GParamSpec *pspec)
{
  AioprocLock *self = AIOPROC_LOCK (object);

  switch ((AioprocLockProperty) prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;

    case PROP_STRICT:
      g_value_set_boolean (value, self->strict);
      break;

    case PROP_WAS_ABANDONED:
      g_value_set_boolean (value, aioproc_lock_get_was_abandoned (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_lock_set_property (GObject      *object,
                           guint         prop_id,
                           const GValue *value,
                           GParamSpec   *pspec)
{
  AioprocLock *self = AIOPROC_LOCK (object);

  switch ((AioprocLockProperty) prop_id)
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
aioproc_lock_dispose (GObject *object)
{
  AioprocLock *self = AIOPROC_LOCK (object);

  if (self->backend != NULL)
    self->backend->close (self->impl);

  G_OBJECT_CLASS (aioproc_lock_parent_class)->dispose (object);
}

static void
aioproc_lock_finalize (GObject *object)
{
  AioprocLock *self = AIOPROC_LOCK (object);

  if (self->backend != NULL)
    self->backend->free (self->impl);

  g_free (self->name);

  G_OBJECT_CLASS (aioproc_lock_parent_class)->finalize (object);
}

static void
aioproc_lock_class_init (AioprocLockClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = aioproc_lock_get_property;
  object_class->set_property = aioproc_lock_set_property;
  object_class->constructed = aioproc_shareable_constructed;
  object_class->dispose = aioproc_lock_dispose;
  object_class->finalize = aioproc_lock_finalize;

  /**
   * AioprocLock:name: (getter get_name)
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
   * AioprocLock:strict: (getter get_strict)
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
   * AioprocLock:was-abandoned: (getter get_was_abandoned)
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
aioproc_lock_init (AioprocLock *self)
{
}

gboolean
aioproc_lock_is_mine (AioprocLock *self)
{
  return self->backend != NULL && self->backend->is_mine (self->impl);
}

gboolean
aioproc_lock_reacquire (AioprocLock  *self,
                        GError      **error)
{
  return aioproc_lock_check (self, error) && self->backend->acquire (self->impl, -1, NULL, error);
}

/**
 * aioproc_lock_new:
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
AioprocLock *
aioproc_lock_new (GError **error)
{
  return g_initable_new (AIOPROC_TYPE_LOCK, NULL, error, NULL);
}

/**
 * aioproc_lock_get_name: (get-property name)
 * @self: a lock
 *
 * Gets what messages about the lock call it.
 *
 * Returns: (nullable): the name, or `NULL` if it has none
 *
 * Since: 0.1
 */
const char *
aioproc_lock_get_name (AioprocLock *self)
{
  g_return_val_if_fail (AIOPROC_IS_LOCK (self), NULL);

  return self->name;
}

/**
 * aioproc_lock_get_strict: (get-property strict)
 * @self: a lock
 *
 * Gets whether this process wants an error where it would get an abandoned lock.
 *
 * Returns: `TRUE` if the lock is strict
 *
 * Since: 0.1
 */
gboolean
aioproc_lock_get_strict (AioprocLock *self)
{
  g_return_val_if_fail (AIOPROC_IS_LOCK (self), FALSE);

  return self->strict;
}

/**
 * aioproc_lock_get_was_abandoned: (get-property was-abandoned)
 * @self: a lock
 *
 * Tells whether this process got the lock from a holder that had died.
 *
 * It is about the last acquire of this process. The answer holds while the caller holds the lock.
 *
 * Returns: `TRUE` if the former holder died while it held the lock
 *
 * Since: 0.1
 */
gboolean
aioproc_lock_get_was_abandoned (AioprocLock *self)
{
  g_return_val_if_fail (AIOPROC_IS_LOCK (self), FALSE);

  return self->backend != NULL && self->backend->was_abandoned (self->impl);
}

/**
 * aioproc_lock_is_locked:
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
aioproc_lock_is_locked (AioprocLock *self)
{
  g_return_val_if_fail (AIOPROC_IS_LOCK (self), FALSE);

  return self->backend != NULL && self->backend->is_locked (self->impl);
}

/**
 * aioproc_lock_try_acquire:
 * @self: a lock
 * @error: return location for an error
 *
 * Acquires the lock if that is possible at once. Never blocks.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.WOULD_BLOCK] if it is held, or promised to one that waits
 * - [error@Aioproc.Error.OWNER_DIED] if it is strict, and its holder has died
 * - [error@Gio.IOErrorEnum.CLOSED] if it was disposed of in this process
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if it could not be initialized
 *
 * Returns: `TRUE` if the caller holds the lock now
 *
 * Since: 0.1
 */
gboolean
aioproc_lock_try_acquire (AioprocLock  *self,
                          GError      **error)
{
  g_return_val_if_fail (AIOPROC_IS_LOCK (self), FALSE);

  if (!aioproc_lock_check (self, error))
    return FALSE;

  return self->backend->try_acquire (self->impl, error);
}

/**
 * aioproc_lock_acquire:
 * @self: a lock
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Acquires the lock, and blocks the calling thread until it has it.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if @timeout_usec went by first
 * - [error@Gio.IOErrorEnum.CANCELLED] if @cancellable was cancelled first; the caller does not
 *   hold the lock then
 * - [error@Aioproc.Error.OWNER_DIED] if it is strict, and its holder has died
 * - [error@Gio.IOErrorEnum.CLOSED] if it is disposed of in this process
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if it could not be initialized
 *
 * Signals do not end the wait.
 *
 * Returns: `TRUE` if the caller holds the lock now
 *
 * Since: 0.1
 */
gboolean
aioproc_lock_acquire (AioprocLock   *self,
                      gint64         timeout_usec,
                      GCancellable  *cancellable,
                      GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_LOCK (self), FALSE);
  g_return_val_if_fail (timeout_usec >= -1, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  if (!aioproc_lock_check (self, error))
    return FALSE;

  return self->backend->acquire (self->impl, timeout_usec, cancellable, error);
}

/**
 * aioproc_lock_acquire_async:
 * @self: a lock
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the lock is acquired, or is not going to be
 * @user_data: data for @callback
 *
 * Acquires the lock without blocking.
 *
 * A lock that is free is acquired at once; @callback is called later nevertheless. Operations of
 * one process get the lock in the order in which they were started.
 *
 * If @cancellable is cancelled when the lock was acquired already, the operation succeeds, and the
 * caller holds the lock.
 *
 * Since: 0.1
 */
void
aioproc_lock_acquire_async (AioprocLock         *self,
                            gint64               timeout_usec,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  GError *error = NULL;

  g_return_if_fail (AIOPROC_IS_LOCK (self));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_lock_acquire_async);

  /* Once acquired, the lock must reach the caller even if @cancellable fires before the callback
   * runs: otherwise nobody would know to release it.
   */
  g_task_set_check_cancellable (task, FALSE);

  if (!aioproc_lock_check (self, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  self->backend->acquire_start (self->impl, g_steal_pointer (&task), timeout_usec);
}

/**
 * aioproc_lock_acquire_finish:
 * @self: a lock
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Lock.acquire_async] has started.
 *
 * Fails as [method@Lock.acquire] does, and with [error@Gio.IOErrorEnum.NO_SPACE] if the lock was
 * held and no thread could be started to wait for it.
 *
 * Returns: `TRUE` if the caller holds the lock now
 *
 * Since: 0.1
 */
gboolean
aioproc_lock_acquire_finish (AioprocLock   *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_LOCK (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_lock_acquire_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * aioproc_lock_release:
 * @self: a lock
 * @error: return location for an error
 *
 * Releases the lock, which this process must hold.
 *
 * Never blocks. An operation of this process that waits gets the lock at once, unless others have
 * waited for too long.
 *
 * Fails with:
 *
 * - [error@Aioproc.Error.NOT_OWNER] if nobody holds it, or another process does
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if it could not be initialized
 *
 * Returns: `TRUE` if the lock was released
 *
 * Since: 0.1
 */
gboolean
aioproc_lock_release (AioprocLock  *self,
                      GError      **error)
{
  g_return_val_if_fail (AIOPROC_IS_LOCK (self), FALSE);

  if (!aioproc_lock_check (self, error))
    return FALSE;

  return self->backend->release (self->impl, error);
}
