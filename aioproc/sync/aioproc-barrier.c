/* aioproc-barrier.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "sync/aioproc-barrier-private.h"

#include "core/aioproc-debug-private.h"
#include "core/aioproc-mutex-private.h"
#include "core/aioproc-shareable-private.h"

/**
 * AioprocBarrier:
 *
 * A place where processes wait until all of them are there.
 *
 * A barrier is for a number of parties. Each one that calls [method@Barrier.wait] waits until as
 * many have called it, and then all go on, each with a number of its own, from 0 for the one that
 * came first. That is one round; the next one begins at once, and no party of one round is ever
 * taken for one of another. A party is one wait: two asynchronous waits of one process meet like
 * those of two processes.
 *
 * A party that has arrived and does not wait any more breaks the barrier, since the others would
 * wait in vain: one that times out, is cancelled or killed, or whose barrier is disposed of in its
 * process. Then all waits of the round, and those to come, fail with
 * [error@Aioproc.Error.BROKEN_BARRIER], until [method@Barrier.reset]. [method@Barrier.abort] breaks
 * it on purpose. A process that is killed before it arrives cannot be known to be a party: a
 * timeout is what helps then.
 *
 * Where more wait than there are parties, those who find a round full wait for a later one. A round
 * can begin while those of the last one have not gone yet, but not while some of the one before
 * that have not: they are waited for.
 *
 * ```c
 * static void
 * wait_cb (GObject      *source,
 *          GAsyncResult *result,
 *          gpointer      user_data)
 * {
 *   Party *party = user_data;
 *   g_autoptr(GError) error = NULL;
 *   int index = aioproc_barrier_wait_finish (AIOPROC_BARRIER (source), result, &error);
 *
 *   if (index < 0)
 *     g_error ("%s", error->message);
 *
 *   g_print ("%s goes on, and was number %d.\n", party->name, index);
 * }
 * …
 * aioproc_barrier_wait_async (barrier, -1, NULL, wait_cb, &party);
 * ```
 *
 * # Thread safety
 *
 * All functions may be called from any thread. Asynchronous operations complete on the
 * thread-default main context of the thread that started them, and occupy no thread. The blocking
 * [method@Barrier.wait] never iterates a main context: use the asynchronous form in a thread that
 * runs one.
 *
 * # Process safety
 *
 * A barrier is [iface@Shareable]; its action is not shared. When a process is killed that waits, or
 * that runs the action, the barrier breaks as soon as no thread of it can write any more. One that
 * is killed when its round has ended already hinders nobody. A forked child has no part in the
 * waits of its parent.
 *
 * Since: 0.1
 */
struct _AioprocBarrier {
  GObject                      parent_instance;

  /* Immutable after construction and initialisation. */
  const AioprocBarrierBackend *backend;   /* (nullable) NULL: not initialised */
  gpointer                     impl;      /* (owned) (nullable) the backend's */
  char                        *name;      /* (owned) (nullable) */
  guint                        parties;

  AioprocMutex                 mutex;
  AioprocBarrierAction        *action;    /* (owned) (nullable); protected by @mutex */
};

static void aioproc_barrier_shareable_iface_init (AioprocShareableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (AioprocBarrier, aioproc_barrier, G_TYPE_OBJECT,
  G_IMPLEMENT_INTERFACE (G_TYPE_INITABLE, aioproc_shareable_initable_iface_init)
  G_IMPLEMENT_INTERFACE (AIOPROC_TYPE_SHAREABLE, aioproc_barrier_shareable_iface_init))

typedef enum {
  PROP_PARTIES = 1,
  PROP_NAME,
  PROP_BROKEN,
  PROP_N_WAITING,
} AioprocBarrierProperty;

static GParamSpec *props[PROP_N_WAITING + 1];

AioprocBarrierAction *
aioproc_barrier_action_ref (AioprocBarrierAction *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
aioproc_barrier_action_unref (AioprocBarrierAction *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  if (self->destroy != NULL)
    self->destroy (self->data);

  g_free (self);
}

static gboolean
aioproc_barrier_check (AioprocBarrier  *self,
                       GError         **error)
{
  return G_LIKELY (self->backend != NULL) ||
         aioproc_shareable_check_initialized (AIOPROC_SHAREABLE (self), error);
}

static AioprocBarrierAction *
aioproc_barrier_dup_action (AioprocBarrier *self)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->action != NULL ? aioproc_barrier_action_ref (self->action) : NULL;
}

static AioprocShm *
aioproc_barrier_get_shm (AioprocShareable *shareable)
{
  AioprocBarrier *self = AIOPROC_BARRIER (shareable);

  return self->backend != NULL ? self->backend->get_shm (self->impl) : NULL;
}

static gboolean
aioproc_barrier_set_up (AioprocShareable  *shareable,
                        AioprocShm        *shm,
                        GError           **error)
{
  AioprocBarrier *self = AIOPROC_BARRIER (shareable);

  if (!aioproc_barrier_local_new (shm, self->name, self->parties, &self->backend, &self->impl,
                                  error))
    return FALSE;

  /* That of a peer's memory was not known to the constructor. */
  self->parties = self->backend->get_parties (self->impl);

  return TRUE;
}

static void
aioproc_barrier_set_backend (AioprocShareable *shareable,
                             gconstpointer     backend,
                             gpointer          impl)
{
  AioprocBarrier *self = AIOPROC_BARRIER (shareable);

  self->backend = backend;
  self->impl = impl;
  self->parties = self->backend->get_parties (self->impl);
}

static void
aioproc_barrier_shareable_iface_init (AioprocShareableInterface *iface)
{
  iface->get_shm = aioproc_barrier_get_shm;
  iface->set_up = aioproc_barrier_set_up;
  iface->set_backend = aioproc_barrier_set_backend;
}

static void
aioproc_barrier_get_property (GObject    *object,
                              guint       prop_id,
                              GValue     *value,
                              GParamSpec *pspec)
{
  AioprocBarrier *self = AIOPROC_BARRIER (object);

  switch ((AioprocBarrierProperty) prop_id)
    {
    case PROP_PARTIES:
      g_value_set_uint (value, self->parties);
      break;

    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;

    case PROP_BROKEN:
      g_value_set_boolean (value, aioproc_barrier_is_broken (self));
      break;

    case PROP_N_WAITING:
      g_value_set_uint (value, aioproc_barrier_get_n_waiting (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_barrier_set_property (GObject      *object,
                              guint         prop_id,
                              const GValue *value,
                              GParamSpec   *pspec)
{
  AioprocBarrier *self = AIOPROC_BARRIER (object);

  switch ((AioprocBarrierProperty) prop_id)
    {
    case PROP_PARTIES:
      self->parties = g_value_get_uint (value);
      break;

    case PROP_NAME:
      self->name = g_value_dup_string (value);
      break;

    case PROP_BROKEN:
    case PROP_N_WAITING:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_barrier_dispose (GObject *object)
{
  AioprocBarrier *self = AIOPROC_BARRIER (object);

  if (self->backend != NULL)
    self->backend->close (self->impl);

  /* Its data may have a reference to the barrier. */
  aioproc_barrier_set_action (self, NULL, NULL, NULL);

  G_OBJECT_CLASS (aioproc_barrier_parent_class)->dispose (object);
}

static void
aioproc_barrier_finalize (GObject *object)
{
  AioprocBarrier *self = AIOPROC_BARRIER (object);

  if (self->backend != NULL)
    self->backend->free (self->impl);

  aioproc_mutex_clear (&self->mutex);
  g_free (self->name);

  G_OBJECT_CLASS (aioproc_barrier_parent_class)->finalize (object);
}

static void
aioproc_barrier_class_init (AioprocBarrierClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = aioproc_shareable_constructed;
  object_class->get_property = aioproc_barrier_get_property;
  object_class->set_property = aioproc_barrier_set_property;
  object_class->dispose = aioproc_barrier_dispose;
  object_class->finalize = aioproc_barrier_finalize;

  /**
   * AioprocBarrier:parties: (getter get_parties)
   *
   * How many have to arrive, from 1 to 65535.
   *
   * Since: 0.1
   */
  props[PROP_PARTIES] =
    g_param_spec_uint ("parties", NULL, NULL,
                       0, G_MAXUINT, 2,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocBarrier:name: (getter get_name)
   *
   * What messages about the barrier call it, in every process; at most 63 bytes, of which more are
   * cut off for other processes. It identifies nothing.
   *
   * Since: 0.1
   */
  props[PROP_NAME] =
    g_param_spec_string ("name", NULL, NULL,
                         NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocBarrier:broken: (getter is_broken)
   *
   * Whether the barrier is broken, at this moment.
   *
   * It is not notified of.
   *
   * Since: 0.1
   */
  props[PROP_BROKEN] =
    g_param_spec_boolean ("broken", NULL, NULL,
                          FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocBarrier:n-waiting: (getter get_n_waiting)
   *
   * How many have arrived in the round that gathers, at this moment.
   *
   * It is not notified of.
   *
   * Since: 0.1
   */
  props[PROP_N_WAITING] =
    g_param_spec_uint ("n-waiting", NULL, NULL,
                       0, G_MAXUINT, 0,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
aioproc_barrier_init (AioprocBarrier *self)
{
  aioproc_mutex_init (&self->mutex);
}

/**
 * aioproc_barrier_new:
 * @parties: how many have to arrive, from 1 to 65535
 * @error: return location for an error
 *
 * Makes a new barrier.
 *
 * Other processes get it as an argument of their function, or in a message.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if @parties is 0, or too large
 * - another error of the domain [error@Gio.IOErrorEnum] where the system has no descriptor, memory
 *   or thread for it: `TOO_MANY_OPEN_FILES` …
 *
 * Returns: (transfer full): a new barrier
 *
 * Since: 0.1
 */
AioprocBarrier *
aioproc_barrier_new (guint    parties,
                     GError **error)
{
  return g_initable_new (AIOPROC_TYPE_BARRIER, NULL, error, "parties", parties, NULL);
}

/**
 * aioproc_barrier_get_name: (get-property name)
 * @self: a barrier
 *
 * Gets what messages about the barrier call it.
 *
 * Returns: (nullable): the name, or `NULL` if it has none
 *
 * Since: 0.1
 */
const char *
aioproc_barrier_get_name (AioprocBarrier *self)
{
  g_return_val_if_fail (AIOPROC_IS_BARRIER (self), NULL);

  return self->name;
}

/**
 * aioproc_barrier_get_parties: (get-property parties)
 * @self: a barrier
 *
 * Gets how many have to arrive.
 *
 * Returns: the number of parties
 *
 * Since: 0.1
 */
guint
aioproc_barrier_get_parties (AioprocBarrier *self)
{
  g_return_val_if_fail (AIOPROC_IS_BARRIER (self), 0);

  return self->parties;
}

/**
 * aioproc_barrier_get_n_waiting: (get-property n-waiting)
 * @self: a barrier
 *
 * Tells how many have arrived in the round that gathers, at this moment.
 *
 * Never blocks. While the action runs, it is all of them.
 *
 * Returns: the number of those who wait for the others; 0 also where the barrier is broken, or
 *   could not be initialized
 *
 * Since: 0.1
 */
guint
aioproc_barrier_get_n_waiting (AioprocBarrier *self)
{
  g_return_val_if_fail (AIOPROC_IS_BARRIER (self), 0);

  return self->backend != NULL ? self->backend->get_n_waiting (self->impl) : 0;
}

/**
 * aioproc_barrier_is_broken: (get-property broken)
 * @self: a barrier
 *
 * Tells whether the barrier is broken, at this moment.
 *
 * Never blocks.
 *
 * Returns: `TRUE` if every wait fails; `FALSE` also where the barrier could not be initialized
 *
 * Since: 0.1
 */
gboolean
aioproc_barrier_is_broken (AioprocBarrier *self)
{
  g_return_val_if_fail (AIOPROC_IS_BARRIER (self), FALSE);

  return self->backend != NULL && self->backend->is_broken (self->impl);
}

/**
 * aioproc_barrier_set_action:
 * @self: a barrier
 * @func: (nullable) (scope notified) (closure user_data) (destroy destroy): what is done between
 *   two rounds, or `NULL` for nothing
 * @user_data: data for @func
 * @destroy: (nullable): frees @user_data
 *
 * Sets what is done in each round when all have arrived, before any of them goes on.
 *
 * The party that arrived last does it, and each process has an action of its own: set it in every
 * process that waits at the barrier. It is done once in a round; if it fails, or its process is
 * killed, the barrier breaks. So it does if a party stops waiting meanwhile: the action is not cut
 * short.
 *
 * A wait in the blocking form calls @func in its thread, an asynchronous one on its main context.
 * Waits that have begun keep the action that there was then.
 *
 * Since: 0.1
 */
void
aioproc_barrier_set_action (AioprocBarrier           *self,
                            AioprocBarrierActionFunc  func,
                            gpointer                  user_data,
                            GDestroyNotify            destroy)
{
  AioprocBarrierAction *action = NULL;
  AioprocBarrierAction *former;

  g_return_if_fail (AIOPROC_IS_BARRIER (self));

  if (func != NULL)
    {
      action = g_new (AioprocBarrierAction, 1);
      g_atomic_ref_count_init (&action->ref_count);
      action->func = func;
      action->data = user_data;
      action->destroy = destroy;
    }

  aioproc_mutex_lock (&self->mutex);
  former = self->action;
  self->action = action;
  aioproc_mutex_unlock (&self->mutex);

  g_clear_pointer (&former, aioproc_barrier_action_unref);
}

/**
 * aioproc_barrier_wait:
 * @self: a barrier
 * @timeout_usec: microseconds, 0 to come last or not at all, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Arrives, and waits until all parties have arrived.
 *
 * Blocks the calling thread. Everything that any party wrote to shared memory before it arrived,
 * and what the action wrote, is seen by all when they go on.
 *
 * A wait that has arrived and ends by an error has broken the barrier, or found it broken. One that
 * was refused at once, or found no place up to its end, breaks nothing. If all have arrived when
 * the time goes by or @cancellable fires, and the action has ended, the wait succeeds.
 *
 * Fails with:
 *
 * - [error@Aioproc.Error.BROKEN_BARRIER] if the barrier is broken, breaks meanwhile, or is reset
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if @timeout_usec went by first
 * - [error@Gio.IOErrorEnum.CANCELLED] if @cancellable was cancelled first
 * - [error@Gio.IOErrorEnum.CLOSED] if the barrier is disposed of in this process
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the barrier could not be initialized
 * - the error of the action, if this party came last
 *
 * Returns: the number of this party, the first one’s is 0, each has another; or -1 if there was an
 *   error
 *
 * Since: 0.1
 */
int
aioproc_barrier_wait (AioprocBarrier  *self,
                      gint64           timeout_usec,
                      GCancellable    *cancellable,
                      GError         **error)
{
  g_autoptr(AioprocBarrierAction) action = NULL;

  g_return_val_if_fail (AIOPROC_IS_BARRIER (self), -1);
  g_return_val_if_fail (timeout_usec >= -1, -1);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), -1);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  if (!aioproc_barrier_check (self, error))
    return -1;

  action = aioproc_barrier_dup_action (self);

  return self->backend->wait (self->impl, self, action, timeout_usec, cancellable, error);
}

/**
 * aioproc_barrier_wait_async:
 * @self: a barrier
 * @timeout_usec: microseconds, 0 to come last or not at all, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when all have arrived, or the wait ends without
 * @user_data: data for @callback
 *
 * Arrives, and waits until all parties have arrived, without blocking.
 *
 * This party has arrived when the function returns, if there is a place for it. For the others it
 * makes no difference whether its main context runs: they go on, and if it times out or is
 * cancelled the barrier breaks, at that moment. Only the action needs the main context of the party
 * that came last. That party does not wait any more, and neither @timeout_usec nor @cancellable end
 * it; the time that the others have does.
 *
 * Since: 0.1
 */
void
aioproc_barrier_wait_async (AioprocBarrier      *self,
                            gint64               timeout_usec,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  g_autoptr(AioprocBarrierAction) action = NULL;
  g_autoptr(GTask) task = NULL;
  GError *error = NULL;

  g_return_if_fail (AIOPROC_IS_BARRIER (self));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_barrier_wait_async);

  /* All others have gone on: so must the caller, even if @cancellable fires before the callback
   * runs.
   */
  g_task_set_check_cancellable (task, FALSE);

  if (!aioproc_barrier_check (self, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  action = aioproc_barrier_dup_action (self);
  self->backend->wait_start (self->impl, action, g_steal_pointer (&task), timeout_usec);
}

/**
 * aioproc_barrier_wait_finish:
 * @self: a barrier
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@Barrier.wait_async] has started.
 *
 * Fails as [method@Barrier.wait] does, and with [error@Gio.IOErrorEnum.NO_SPACE] if no thread could
 * be started to wait for it, which breaks the barrier.
 *
 * Returns: the number of this party, the first one’s is 0, each has another; or -1 if there was an
 *   error
 *
 * Since: 0.1
 */
int
aioproc_barrier_wait_finish (AioprocBarrier  *self,
                             GAsyncResult    *result,
                             GError         **error)
{
  g_return_val_if_fail (AIOPROC_IS_BARRIER (self), -1);
  g_return_val_if_fail (g_task_is_valid (result, self), -1);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_barrier_wait_async), -1);

  return (int) g_task_propagate_int (G_TASK (result), error);
}

/**
 * aioproc_barrier_abort:
 * @self: a barrier
 * @error: return location for an error
 *
 * Breaks the barrier: those who wait, and all who come, fail, until it is reset.
 *
 * Never blocks. Does nothing if the barrier is broken already.
 *
 * Fails with [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the barrier could not be initialized, and
 * in a forked child, on its first use of the barrier, where the system has no descriptor or thread
 * for it.
 *
 * Returns: `TRUE` if the barrier is broken now
 *
 * Since: 0.1
 */
gboolean
aioproc_barrier_abort (AioprocBarrier  *self,
                       GError         **error)
{
  g_return_val_if_fail (AIOPROC_IS_BARRIER (self), FALSE);

  return aioproc_barrier_check (self, error) && self->backend->abort (self->impl, error);
}

/**
 * aioproc_barrier_reset:
 * @self: a barrier
 * @error: return location for an error
 *
 * Begins a new round: those who wait fail, and the barrier is not broken any more.
 *
 * Never blocks. Who waits gets [error@Aioproc.Error.BROKEN_BARRIER], and is none of the parties of
 * the new round, however late it finds out. Does nothing if nobody waits and the barrier is whole.
 *
 * Fails as [method@Barrier.abort] does.
 *
 * Returns: `TRUE` if the barrier is whole now
 *
 * Since: 0.1
 */
gboolean
aioproc_barrier_reset (AioprocBarrier  *self,
                       GError         **error)
{
  g_return_val_if_fail (AIOPROC_IS_BARRIER (self), FALSE);

  return aioproc_barrier_check (self, error) && self->backend->reset (self->impl, error);
}
