/* aioproc-lock-local.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "sync/aioproc-lock-private.h"

#include "aioproc-error.h"
#include "core/aioproc-lock-word-private.h"
#include "core/aioproc-shareable-private.h"
#include "core/aioproc-waiter-private.h"

/* For so long a process may hand its lock from one of its operations to the next while others
 * sleep, which costs it nothing; then it is their turn.
 */
#define OWN_TURN_USEC (1 * G_TIME_SPAN_MILLISECOND)

/* In shared memory. */
typedef struct {
  AioprocLockWord word;
} LockState;

G_STATIC_ASSERT (sizeof (LockState) == 4);

typedef struct {
  /* Immutable after construction. */
  AioprocShm       *shm;              /* (owned) */
  AioprocFamily    *family;
  LockState        *state;
  AioprocWaitQueue *waiters;          /* (owned) */
  gboolean          strict;
  /* What the fast paths look at, wherever it stands. */
  const _Atomic guint32 *owner;
  const _Atomic guint   *n_pending;

  _Atomic guint32   closed;           /* (atomic) */
  _Atomic guint32   held;             /* (atomic) by way of this object, which is to be released */
  _Atomic guint32   abandoned;        /* (atomic) of this process's latest hold */
  _Atomic gint64    turn_began_usec;  /* (atomic) 0: not handed over within the process yet */
} LocalLock;

typedef struct {
  AioprocWaitRequest parent;
  AioprocLockTicket  ticket;
  gboolean           abandoned;
} LockRequest;

static void
aioproc_lock_local_note_taken (LocalLock *self,
                               gboolean   abandoned)
{
  atomic_store_explicit (&self->held, TRUE, memory_order_relaxed);
  atomic_store_explicit (&self->abandoned, abandoned, memory_order_relaxed);
  atomic_store_explicit (&self->turn_began_usec, 0, memory_order_relaxed);
}

/* Before it is freed: the next owner may be of this process, and notes that it has it. */
static void
aioproc_lock_local_note_freed (LocalLock *self)
{
  atomic_store_explicit (&self->held, FALSE, memory_order_relaxed);
}

static gboolean
aioproc_lock_local_attempt (gpointer            object,
                            AioprocWaitRequest *base_request,
                            guint32            *expected)
{
  LocalLock *self = object;
  LockRequest *request = (LockRequest *) base_request;
  AioprocLockResult result;

  request->ticket.slept |= base_request->slept;
  result = aioproc_lock_word_attempt (&self->state->word, self->family, &request->ticket, expected,
                                      &base_request->retry_usec);

  if (result == AIOPROC_LOCK_BUSY)
    return FALSE;

  request->abandoned = result == AIOPROC_LOCK_ABANDONED;
  aioproc_lock_local_note_taken (self, request->abandoned);

  return TRUE;
}

/* The lock is held: FALSE lets it go again, because a strict caller must not have it so. */
static gboolean
aioproc_lock_local_accept (LocalLock  *self,
                           gboolean    abandoned,
                           GError    **error)
{
  if (G_LIKELY (!abandoned || !self->strict))
    return TRUE;

  aioproc_lock_local_note_freed (self);
  aioproc_lock_word_release (&self->state->word, self->family);
  g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_OWNER_DIED,
               "The process that held %s died: check what it guards, then acquire it again",
               aioproc_shm_describe (self->shm));

  return FALSE;
}

static void
aioproc_lock_local_complete (gpointer            object,
                             GTask              *task,
                             AioprocWaitRequest *base_request)
{
  LocalLock *self = object;
  LockRequest *request = (LockRequest *) base_request;
  GError *error = NULL;

  if (aioproc_lock_local_accept (self, request->abandoned, &error))
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

static gboolean
aioproc_lock_local_check (LocalLock  *self,
                          GError    **error)
{
  if (G_UNLIKELY (atomic_load_explicit (&self->closed, memory_order_relaxed) != 0))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                   "Could not use %s: it was closed in this process",
                   aioproc_shm_describe (self->shm));
      return FALSE;
    }

  return aioproc_shm_attach (self->shm, error);
}

/* What an acquire mostly is. FALSE: go the long way, which finds out why. */
static inline gboolean
aioproc_lock_local_take_free (LocalLock *self)
{
  guint32 owner = atomic_load_explicit (self->owner, memory_order_relaxed);

  if (owner == 0 || atomic_load_explicit (&self->closed, memory_order_relaxed) != 0 ||
      !aioproc_lock_word_take_free (&self->state->word, owner))
    return FALSE;

  aioproc_lock_local_note_taken (self, FALSE);

  return TRUE;
}

static gboolean
aioproc_lock_local_try_acquire (gpointer   impl,
                                GError   **error)
{
  LocalLock *self = impl;
  AioprocLockResult result;

  if (G_LIKELY (aioproc_lock_local_take_free (self)))
    return TRUE;

  if (!aioproc_lock_local_check (self, error))
    return FALSE;

  result = aioproc_lock_word_try (&self->state->word, self->family);

  if (result == AIOPROC_LOCK_BUSY)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "The %s is held",
                   aioproc_shm_describe (self->shm));
      return FALSE;
    }

  aioproc_lock_local_note_taken (self, result == AIOPROC_LOCK_ABANDONED);

  return aioproc_lock_local_accept (self, result == AIOPROC_LOCK_ABANDONED, error);
}

static gboolean
aioproc_lock_local_acquire (gpointer       impl,
                            gint64         timeout_usec,
                            GCancellable  *cancellable,
                            GError       **error)
{
  LocalLock *self = impl;
  LockRequest request = { 0 };

  if (G_LIKELY (cancellable == NULL && aioproc_lock_local_take_free (self)))
    return TRUE;

  if (!aioproc_shm_attach (self->shm, error))
    return FALSE;

  if (!aioproc_wait_queue_wait (self->waiters, &acquire_ops, &request.parent, timeout_usec,
                                cancellable, error))
    return FALSE;

  return aioproc_lock_local_accept (self, request.abandoned, error);
}

static void
aioproc_lock_local_acquire_start (gpointer  impl,
                                  GTask    *task,
                                  gint64    timeout_usec)
{
  LocalLock *self = impl;
  GError *error = NULL;

  if (!aioproc_shm_attach (self->shm, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  g_task_set_task_data (task, g_new0 (LockRequest, 1), g_free);
  aioproc_wait_queue_start (self->waiters, &acquire_ops, task, timeout_usec);
}

/* Whether the next holder may be of this process although others sleep. */
static gboolean
aioproc_lock_local_may_keep (LocalLock *self)
{
  gint64 now_usec;
  gint64 began_usec;

  if (aioproc_lock_word_is_hungry (&self->state->word))
    return FALSE;

  now_usec = g_get_monotonic_time ();
  began_usec = atomic_load_explicit (&self->turn_began_usec, memory_order_relaxed);

  if (began_usec == 0)
    {
      atomic_store_explicit (&self->turn_began_usec, now_usec, memory_order_relaxed);
      return TRUE;
    }

  return now_usec - began_usec < OWN_TURN_USEC;
}

static void
aioproc_lock_local_fill (AioprocWaitRequest *base_request)
{
  ((LockRequest *) base_request)->abandoned = FALSE;
}

static gboolean
aioproc_lock_local_release (gpointer   impl,
                            GError   **error)
{
  LocalLock *self = impl;
  AioprocLockWord *word = &self->state->word;
  guint32 owner = atomic_load_explicit (self->owner, memory_order_relaxed);
  gboolean released;

  aioproc_lock_local_note_freed (self);

  /* An operation that is just about to become pending has marked the word before. */
  if (G_LIKELY (owner != 0 && atomic_load_explicit (self->n_pending, memory_order_relaxed) == 0 &&
                aioproc_lock_word_free_taken (word, owner)))
    return TRUE;

  if (!aioproc_shm_attach (self->shm, error))
    return FALSE;

  if (!aioproc_wait_queue_has_pending (self->waiters))
    {
      released = aioproc_lock_word_release (word, self->family);
    }
  else if (!aioproc_lock_word_is_mine (word, self->family))
    {
      released = FALSE;
    }
  else if (aioproc_lock_local_may_keep (self))
    {
      atomic_store_explicit (&self->held, TRUE, memory_order_relaxed);
      atomic_store_explicit (&self->abandoned, FALSE, memory_order_relaxed);
      released = aioproc_wait_queue_hand_over (self->waiters, aioproc_lock_local_fill);

      if (!released)
        {
          aioproc_lock_local_note_freed (self);
          released = aioproc_lock_word_release (word, self->family);
        }
    }
  else
    {
      released = aioproc_lock_word_release_fair (word, self->family);
    }

  if (!released)
    g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER, "Could not release %s: %s",
                 aioproc_shm_describe (self->shm),
                 aioproc_lock_word_is_held (word, self->family)
                   ? "another process holds it, so only that can release it"
                   : "it is not held");

  return released;
}

static gboolean
aioproc_lock_local_is_locked (gpointer impl)
{
  LocalLock *self = impl;

  return aioproc_shm_attach (self->shm, NULL) &&
         aioproc_lock_word_is_held (&self->state->word, self->family);
}

static gboolean
aioproc_lock_local_was_abandoned (gpointer impl)
{
  LocalLock *self = impl;

  return atomic_load_explicit (&self->abandoned, memory_order_relaxed) != 0;
}

static AioprocShm *
aioproc_lock_local_get_shm (gpointer impl)
{
  LocalLock *self = impl;

  return self->shm;
}

static void
aioproc_lock_local_close (gpointer impl)
{
  LocalLock *self = impl;

  atomic_store_explicit (&self->closed, 1, memory_order_relaxed);
  aioproc_wait_queue_close (self->waiters);
}

static void
aioproc_lock_local_free (gpointer impl)
{
  LocalLock *self = impl;

  /* Nobody is left in this process to release it. But another object may stand for the same lock
   * already, received while this one was let go: what was acquired there is not ours to release.
   */
  if (atomic_load_explicit (&self->held, memory_order_relaxed) &&
      aioproc_family_get_owner (self->family) != 0)
    aioproc_lock_word_release (&self->state->word, self->family);

  aioproc_wait_queue_free (self->waiters);
  aioproc_shm_unref (self->shm);
  g_free (self);
}

static const AioprocLockBackend local_backend = {
  .try_acquire = aioproc_lock_local_try_acquire,
  .acquire = aioproc_lock_local_acquire,
  .acquire_start = aioproc_lock_local_acquire_start,
  .release = aioproc_lock_local_release,
  .is_locked = aioproc_lock_local_is_locked,
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
  self->shm = shm;
  self->family = aioproc_shm_get_family (shm);
  self->state = aioproc_shm_get_state (shm);
  self->waiters = aioproc_wait_queue_new (shm, &self->state->word, self);
  self->strict = strict;
  self->owner = aioproc_family_peek_owner (self->family);
  self->n_pending = aioproc_wait_queue_peek_pending (self->waiters);

  *backend = &local_backend;
  *impl = self;

  return TRUE;
}

static AioprocShareable *
aioproc_lock_import (AioprocShm  *shm,
                     GError     **error)
{
  return AIOPROC_SHAREABLE (aioproc_lock_new_for_shm (shm, error));
}

__attribute__ ((constructor)) static void
aioproc_lock_register (void)
{
  aioproc_shareable_register (AIOPROC_SHM_LOCK, sizeof (LockState), aioproc_lock_import);
}
