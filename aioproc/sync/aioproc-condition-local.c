/* aioproc-condition-local.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "aioproc-error.h"
#include "core/aioproc-mutex-private.h"
#include "core/aioproc-shareable-private.h"
#include "core/aioproc-waiter-private.h"
#include "sync/aioproc-condition-private.h"
#include "sync/aioproc-grants-private.h"

/* One who waits is among those who can be chosen before it lets go of the lock, and until it has
 * the lock again: so a notification that came for it is never lost, be it that it timed out or was
 * cancelled meanwhile, or that it was killed, after which another one is chosen.
 */

/* In shared memory. */
typedef struct {
  AioprocGrantsState grants;
  guint8             lock_id[AIOPROC_ID_LENGTH];   /* written by who makes it */
  guint8             pad[8];
} ConditionState;

G_STATIC_ASSERT (sizeof (ConditionState) == 16544);

typedef struct {
  /* Immutable after construction. */
  AioprocShm        *shm;        /* (owned) */
  AioprocShareable  *lock;       /* (owned) */
  AioprocGrants      grants;

  /* Held while an async wait begins: the order of @grants is that of the wait queue. Taken before
   * all others.
   */
  AioprocMutex       order;
  AioprocMutex       mutex;
  /* On the word of this process's slot; another one after a fork. */
  AioprocWaitQueue  *waiters;    /* (owned) (nullable); protected by @mutex */
  guint32            life;       /* whose they are; protected by @mutex */
  gboolean           closed;     /* protected by @mutex */
} LocalCondition;

typedef struct {
  AioprocWaitRequest  parent;
  AioprocGrantsWaiter waiter;
  AioprocHold         hold;

  /* Of an async one. */
  LocalCondition     *condition;
  GTask              *task;      /* (owned) (nullable) the caller's */
  GError             *error;     /* (owned) (nullable) why it ended without a notification */
} ConditionRequest;

static void
condition_request_free (gpointer data)
{
  ConditionRequest *self = data;

  g_clear_object (&self->task);
  g_clear_error (&self->error);
  g_free (self);
}

static gboolean
aioproc_condition_local_attempt (gpointer            object,
                                 AioprocWaitRequest *base_request,
                                 guint32            *expected)
{
  LocalCondition *self = object;
  ConditionRequest *request = (ConditionRequest *) base_request;

  return aioproc_grants_is_chosen (&self->grants, &request->waiter, expected,
                                   &base_request->retry_usec);
}

static guint
aioproc_condition_local_peek (gpointer            object,
                              AioprocWaitRequest *request)
{
  LocalCondition *self = object;

  return aioproc_grants_peek (&self->grants);
}

static void
aioproc_condition_local_complete (gpointer            object,
                                  GTask              *task,
                                  AioprocWaitRequest *request)
{
  g_task_return_boolean (task, TRUE);
}

/* Without withdraw(): a wake-up is for all sleepers of the process. */
static const AioprocWaitOps wait_ops = {
  .verb = "wait for",
  .attempt = aioproc_condition_local_attempt,
  .peek = aioproc_condition_local_peek,
  .complete = aioproc_condition_local_complete,
};

static AioprocWaitQueue *
aioproc_condition_local_get_waiters (LocalCondition *self)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);
  guint32 life = aioproc_family_get_owner (aioproc_shm_get_family (self->shm));

  if (self->waiters == NULL || self->life != life)
    {
      /* What a parent had is left alone: its tasks and threads are there. */
      self->waiters = aioproc_wait_queue_new (self->shm, aioproc_grants_get_word (&self->grants),
                                              self);
      self->life = life;

      if (self->closed)
        aioproc_wait_queue_close (self->waiters);
    }

  return self->waiters;
}

static gboolean
aioproc_condition_local_check_held (LocalCondition     *self,
                                    const AioprocHold  *hold,
                                    const char         *verb,
                                    GError            **error)
{
  if (!aioproc_shm_attach (self->shm, error))
    return FALSE;

  if (G_LIKELY (aioproc_hold_is_held (hold, self->lock)))
    return TRUE;

  g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER,
               "Could not %s %s: its lock must be held for that", verb,
               aioproc_shm_describe (self->shm));

  return FALSE;
}

static void
aioproc_condition_local_give (LocalCondition *self,
                              guint           n_waiters)
{
  gboolean own;

  aioproc_grants_give (&self->grants, n_waiters, &own);

  if (own)
    aioproc_wait_queue_serve (aioproc_condition_local_get_waiters (self));
}

/* Is among those who wait, and has let go of the lock. FALSE: neither. */
static gboolean
aioproc_condition_local_begin (LocalCondition    *self,
                               ConditionRequest  *request,
                               GError           **error)
{
  if (!aioproc_condition_local_check_held (self, &request->hold, "wait for", error))
    return FALSE;

  if (!aioproc_grants_begin (&self->grants, &request->waiter))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                   "Could not wait for %s: %u operations of this process do, which is the most",
                   aioproc_shm_describe (self->shm), AIOPROC_GRANTS_MAX);
      return FALSE;
    }

  if (aioproc_hold_release (&request->hold, self->lock, error))
    return TRUE;

  /* Another thread has let go of it, and somebody may have given this one a notification since. */
  if (aioproc_grants_end (&self->grants, &request->waiter))
    aioproc_condition_local_give (self, 1);

  return FALSE;
}

/* @lock_error: (nullable) why the lock could not be had again. Takes both errors. */
static gboolean
aioproc_condition_local_end (LocalCondition    *self,
                             ConditionRequest  *request,
                             GError            *wait_error,
                             GError            *lock_error,
                             GError           **error)
{
  gboolean notified = aioproc_grants_end (&self->grants, &request->waiter);

  if (lock_error != NULL)
    {
      /* Who is notified goes on with the lock; this one cannot. */
      if (notified)
        aioproc_condition_local_give (self, 1);

      g_clear_error (&wait_error);
      g_propagate_error (error, lock_error);
      return FALSE;
    }

  if (notified)
    {
      g_clear_error (&wait_error);
      return TRUE;
    }

  g_propagate_error (error, wait_error);

  return FALSE;
}

static gboolean
aioproc_condition_local_wait (gpointer            impl,
                              const AioprocHold  *hold,
                              gint64              timeout_usec,
                              GCancellable       *cancellable,
                              GError            **error)
{
  LocalCondition *self = impl;
  ConditionRequest request = { .hold = *hold };
  GError *wait_error = NULL;
  GError *lock_error = NULL;

  if (g_cancellable_set_error_if_cancelled (cancellable, error) ||
      !aioproc_condition_local_begin (self, &request, error))
    return FALSE;

  aioproc_wait_queue_wait (aioproc_condition_local_get_waiters (self), &wait_ops, &request.parent,
                           timeout_usec, cancellable, &wait_error);
  aioproc_hold_reacquire (&request.hold, self->lock, &lock_error);

  return aioproc_condition_local_end (self, &request, wait_error, lock_error, error);
}

static void
aioproc_condition_local_reacquired_cb (GObject      *source,
                                       GAsyncResult *result,
                                       gpointer      user_data)
{
  g_autoptr(GTask) wait = user_data;
  ConditionRequest *request = g_task_get_task_data (wait);
  g_autoptr(GTask) task = g_steal_pointer (&request->task);
  GError *lock_error = NULL;
  GError *error = NULL;

  aioproc_hold_reacquire_finish (source, result, &lock_error);

  if (aioproc_condition_local_end (request->condition, request, g_steal_pointer (&request->error),
                                   lock_error, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
aioproc_condition_local_waited_cb (GObject      *source,
                                   GAsyncResult *result,
                                   gpointer      user_data)
{
  GTask *wait = G_TASK (result);
  ConditionRequest *request = g_task_get_task_data (wait);
  GMainContext *context = g_task_get_context (wait);

  g_task_propagate_boolean (wait, &request->error);

  /* The thread that runs the context need not have said so. */
  g_main_context_push_thread_default (context);
  aioproc_hold_reacquire_async (&request->hold, request->condition->lock,
                                aioproc_condition_local_reacquired_cb, g_object_ref (wait));
  g_main_context_pop_thread_default (context);
}

static void
aioproc_condition_local_wait_start (gpointer           impl,
                                    const AioprocHold *hold,
                                    GTask             *task,
                                    gint64             timeout_usec)
{
  LocalCondition *self = impl;
  g_autoptr(GObject) source = NULL;
  ConditionRequest *request;
  GError *error = NULL;
  GTask *wait;

  if (g_task_return_error_if_cancelled (task))
    {
      g_object_unref (task);
      return;
    }

  request = g_new0 (ConditionRequest, 1);
  request->hold = *hold;
  request->condition = self;

  aioproc_mutex_lock (&self->order);

  if (!aioproc_condition_local_begin (self, request, &error))
    {
      aioproc_mutex_unlock (&self->order);
      condition_request_free (request);
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  wait = g_task_new (g_task_get_source_object (task), g_task_get_cancellable (task),
                     aioproc_condition_local_waited_cb, NULL);
  g_task_set_source_tag (wait, aioproc_condition_local_wait_start);
  g_task_set_check_cancellable (wait, FALSE);
  g_task_set_task_data (wait, request, condition_request_free);
  request->task = task;
  /* It may end in another thread at once, and the object with it. */
  source = g_object_ref (g_task_get_source_object (task));
  aioproc_wait_queue_start (aioproc_condition_local_get_waiters (self), &wait_ops, wait,
                            timeout_usec);
  aioproc_mutex_unlock (&self->order);
}

static gboolean
aioproc_condition_local_notify (gpointer            impl,
                                const AioprocHold  *hold,
                                guint               n_waiters,
                                GError            **error)
{
  LocalCondition *self = impl;

  if (!aioproc_condition_local_check_held (self, hold, "notify", error))
    return FALSE;

  if (n_waiters > 0)
    aioproc_condition_local_give (self, n_waiters);

  return TRUE;
}

static AioprocShm *
aioproc_condition_local_get_shm (gpointer impl)
{
  LocalCondition *self = impl;

  return self->shm;
}

static void
aioproc_condition_local_close (gpointer impl)
{
  LocalCondition *self = impl;
  AioprocWaitQueue *waiters;

  aioproc_mutex_lock (&self->mutex);
  self->closed = TRUE;
  waiters = self->waiters;
  aioproc_mutex_unlock (&self->mutex);

  if (waiters != NULL)
    aioproc_wait_queue_close (waiters);
}

static void
aioproc_condition_local_free (gpointer impl)
{
  LocalCondition *self = impl;

  g_clear_pointer (&self->waiters, aioproc_wait_queue_free);
  aioproc_grants_clear (&self->grants);
  aioproc_mutex_clear (&self->mutex);
  aioproc_mutex_clear (&self->order);
  g_object_unref (self->lock);
  aioproc_shm_unref (self->shm);
  g_free (self);
}

static const AioprocConditionBackend local_backend = {
  .wait = aioproc_condition_local_wait,
  .wait_start = aioproc_condition_local_wait_start,
  .notify = aioproc_condition_local_notify,
  .get_shm = aioproc_condition_local_get_shm,
  .close = aioproc_condition_local_close,
  .free = aioproc_condition_local_free,
};

gboolean
aioproc_condition_local_new (AioprocShm                     *shm,
                             const char                     *name,
                             AioprocShareable               *lock,
                             const AioprocConditionBackend **backend,
                             gpointer                       *impl,
                             GError                        **error)
{
  AioprocShm *lock_shm = AIOPROC_SHAREABLE_GET_IFACE (lock)->get_shm (lock);
  gboolean is_new = shm == NULL;
  ConditionState *state;
  LocalCondition *self;

  if (lock_shm == NULL)
    {
      g_clear_pointer (&shm, aioproc_shm_unref);
      return aioproc_shareable_check_initialized (lock, error);
    }

  if (is_new)
    shm = aioproc_shm_new (AIOPROC_SHM_CONDITION, name, sizeof (ConditionState), 0, error);

  if (shm == NULL)
    return FALSE;

  state = aioproc_shm_get_state (shm);

  if (is_new)
    {
      memcpy (state->lock_id, aioproc_shm_get_id (lock_shm), AIOPROC_ID_LENGTH);
    }
  else if (memcmp (state->lock_id, aioproc_shm_get_id (lock_shm), AIOPROC_ID_LENGTH) != 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "Received %s with a lock that is not its own", aioproc_shm_describe (shm));
      aioproc_shm_unref (shm);
      return FALSE;
    }

  self = g_new0 (LocalCondition, 1);
  self->shm = shm;
  self->lock = g_object_ref (lock);
  aioproc_mutex_init (&self->order);
  aioproc_mutex_init (&self->mutex);
  aioproc_grants_init (&self->grants, &state->grants, aioproc_shm_get_family (shm));

  *backend = &local_backend;
  *impl = self;

  return TRUE;
}

static AioprocShareable *
aioproc_condition_import (AioprocShm        *shm,
                          AioprocShareable  *lock,
                          GError           **error)
{
  return aioproc_shareable_new_with_lock (AIOPROC_TYPE_CONDITION, shm, lock, error);
}

__attribute__ ((constructor)) static void
aioproc_condition_register (void)
{
  aioproc_shareable_register_with_lock (AIOPROC_SHM_CONDITION, sizeof (ConditionState),
                                        aioproc_condition_import);
}
