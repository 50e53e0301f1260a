/* aioproc-lock-local.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "sync/aioproc-lock-private.h"

#include "core/aioproc-shareable-private.h"
#include "sync/aioproc-lock-core-private.h"

/* In shared memory. */
typedef struct {
  AioprocLockWord word;
} LockState;

G_STATIC_ASSERT (sizeof (LockState) == 4);

typedef struct {
  AioprocLockCore core;
  _Atomic guint32 held;   /* (atomic) by way of this object, which is to be released */
} LocalLock;

typedef struct {
  AioprocLockRequest parent;
  LocalLock         *lock;
} LockRequest;

static inline void
aioproc_lock_local_note_held (LocalLock *self)
{
  atomic_store_explicit (&self->held, TRUE, memory_order_relaxed);
}

/* Before it is freed: the next owner may be of this process, and notes that it has it. */
static inline void
aioproc_lock_local_note_freed (LocalLock *self)
{
  atomic_store_explicit (&self->held, FALSE, memory_order_relaxed);
}

static gboolean
aioproc_lock_local_attempt (gpointer            object,
                            AioprocWaitRequest *request,
                            guint32            *expected)
{
  LocalLock *self = object;

  if (!aioproc_lock_core_attempt (&self->core, (AioprocLockRequest *) request, expected))
    return FALSE;

  aioproc_lock_local_note_held (self);

  return TRUE;
}

/* The lock is held: FALSE lets it go again, because a strict caller must not have it so. */
static gboolean
aioproc_lock_local_accept (LocalLock  *self,
                           gboolean    abandoned,
                           GError    **error)
{
  if (G_LIKELY (!abandoned || !self->core.strict))
    return TRUE;

  aioproc_lock_local_note_freed (self);
  aioproc_lock_core_refuse (&self->core, error);

  return FALSE;
}

static void
aioproc_lock_local_complete (gpointer            object,
                             GTask              *task,
                             AioprocWaitRequest *request)
{
  LocalLock *self = object;
  GError *error = NULL;

  if (aioproc_lock_local_accept (self, ((AioprocLockRequest *) request)->abandoned, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static const AioprocWaitOps acquire_ops = {
  .verb = "acquire",
  .attempt = aioproc_lock_local_attempt,
  .withdraw = aioproc_lock_word_withdraw,
  .complete = aioproc_lock_local_complete,
};

static inline gboolean
aioproc_lock_local_take_free (LocalLock *self)
{
  if (!aioproc_lock_core_take_free (&self->core))
    return FALSE;

  aioproc_lock_local_note_held (self);

  return TRUE;
}

static gboolean
aioproc_lock_local_try_acquire (gpointer   impl,
                                GError   **error)
{
  LocalLock *self = impl;
  gboolean abandoned;

  if (G_LIKELY (aioproc_lock_local_take_free (self)))
    return TRUE;

  if (!aioproc_lock_core_check (&self->core, error) ||
      !aioproc_lock_core_try (&self->core, &abandoned, error))
    return FALSE;

  aioproc_lock_local_note_held (self);

  return aioproc_lock_local_accept (self, abandoned, error);
}

static gboolean
aioproc_lock_local_acquire (gpointer       impl,
                            gint64         timeout_usec,
                            GCancellable  *cancellable,
                            GError       **error)
{
  LocalLock *self = impl;
  LockRequest request = { .lock = self };

  if (G_LIKELY (cancellable == NULL && aioproc_lock_local_take_free (self)))
    return TRUE;

  if (!aioproc_shm_attach (self->core.shm, error))
    return FALSE;

  if (!aioproc_wait_queue_wait (self->core.waiters, &acquire_ops, &request.parent.parent,
                                timeout_usec, cancellable, error))
    return FALSE;

  return aioproc_lock_local_accept (self, request.parent.abandoned, error);
}

static void
aioproc_lock_local_acquire_start (gpointer  impl,
                                  GTask    *task,
                                  gint64    timeout_usec)
{
  LocalLock *self = impl;
  LockRequest *request;
  GError *error = NULL;

  if (!aioproc_shm_attach (self->core.shm, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  request = g_new0 (LockRequest, 1);
  request->lock = self;
  g_task_set_task_data (task, request, g_free);
  aioproc_wait_queue_start (self->core.waiters, &acquire_ops, task, timeout_usec);
}

/* The lock goes from one operation of this process to the next. */
static void
aioproc_lock_local_fill (AioprocWaitRequest *base_request)
{
  LockRequest *request = (LockRequest *) base_request;

  request->parent.abandoned = FALSE;
  aioproc_lock_local_note_held (request->lock);
}

static gboolean
aioproc_lock_local_release (gpointer   impl,
                            GError   **error)
{
  LocalLock *self = impl;

  aioproc_lock_local_note_freed (self);

  return G_LIKELY (aioproc_lock_core_free_taken (&self->core)) ||
         aioproc_lock_core_release (&self->core, aioproc_lock_local_fill, error);
}

static gboolean
aioproc_lock_local_is_locked (gpointer impl)
{
  LocalLock *self = impl;

  return aioproc_lock_core_is_locked (&self->core);
}

static gboolean
aioproc_lock_local_is_mine (gpointer impl)
{
  LocalLock *self = impl;

  return aioproc_lock_core_is_mine (&self->core);
}

static gboolean
aioproc_lock_local_was_abandoned (gpointer impl)
{
  LocalLock *self = impl;

  return atomic_load_explicit (&self->core.abandoned, memory_order_relaxed) != 0;
}

static AioprocShm *
aioproc_lock_local_get_shm (gpointer impl)
{
  LocalLock *self = impl;

  return self->core.shm;
}

static void
aioproc_lock_local_close (gpointer impl)
{
  LocalLock *self = impl;

  aioproc_lock_core_close (&self->core);
}

static void
aioproc_lock_local_free (gpointer impl)
{
  LocalLock *self = impl;

  /* Nobody is left in this process to release it. But another object may stand for the same lock
   * already, received while this one was let go: what was acquired there is not ours to release.
   */
  aioproc_lock_core_clear (&self->core,
                           atomic_load_explicit (&self->held, memory_order_relaxed) != 0);
  g_free (self);
}

static const AioprocLockBackend local_backend = {
  .try_acquire = aioproc_lock_local_try_acquire,
  .acquire = aioproc_lock_local_acquire,
  .acquire_start = aioproc_lock_local_acquire_start,
  .release = aioproc_lock_local_release,
  .is_locked = aioproc_lock_local_is_locked,
  .is_mine = aioproc_lock_local_is_mine,
  .was_abandoned = aioproc_lock_local_was_abandoned,
  .get_shm = aioproc_lock_local_get_shm,
  .close = aioproc_lock_local_close,
  .free = aioproc_lock_local_free,
};

gboolean
aioproc_lock_local_new (AioprocShm                *shm,
                        const char                *name,
                        gboolean                   strict,
                        const AioprocLockBackend **backend,
                        gpointer                  *impl,
                        GError                   **error)
{
  LocalLock *self;

  if (shm == NULL)
    shm = aioproc_shm_new (AIOPROC_SHM_LOCK, name, sizeof (LockState), 0, error);

  if (shm == NULL)
    return FALSE;

  self = g_new0 (LocalLock, 1);
  aioproc_lock_core_init (&self->core, shm, strict);

  *backend = &local_backend;
  *impl = self;

  return TRUE;
}

static AioprocShareable *
aioproc_lock_import (AioprocShm  *shm,
                     GError     **error)
{
  return aioproc_shareable_new_for_shm (AIOPROC_TYPE_LOCK, shm, error);
}

__attribute__ ((constructor)) static void
aioproc_lock_register (void)
{
  aioproc_shareable_register (AIOPROC_SHM_LOCK, sizeof (LockState), aioproc_lock_import);
}
