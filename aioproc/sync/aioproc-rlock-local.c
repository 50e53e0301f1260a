/* aioproc-rlock-local.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "sync/aioproc-rlock-private.h"

#include "aioproc-error.h"
#include "core/aioproc-shareable-private.h"
#include "sync/aioproc-lock-core-private.h"

/* Only threads and flows of the process that owns the word can acquire it again. So who they are,
 * and how often they did, is private memory of that process: it dies with it, no peer can garble
 * it, and a kill finds no count that is behind the word.
 *
 * It is one word more: generation (23) | OF_THREAD | depth (40). The generation is that of the
 * hold, so that nobody who has looked at one hold adds to the next. A depth of 40 bits is not
 * reached by hours of nothing but acquiring.
 */
#define DEPTH_MASK      G_GUINT64_CONSTANT (0x000000ffffffffff)
#define OF_THREAD       G_GUINT64_CONSTANT (0x0000010000000000)
#define GENERATION_ONE  G_GUINT64_CONSTANT (0x0000020000000000)
#define GENERATION_MASK G_GUINT64_CONSTANT (0xfffffe0000000000)

/* In shared memory. */
typedef struct {
  AioprocLockWord word;
} RLockState;

G_STATIC_ASSERT (sizeof (RLockState) == 4);

typedef struct {
  AioprocLockCore core;

  /* (atomic) The latest hold by way of this object. Written by who has taken the word only. */
  _Atomic guint64 hold;
  _Atomic guint64 owner;
  _Atomic guint32 life;      /* the owner word, which is another one in a forked child */
} LocalRLock;

typedef struct {
  AioprocLockRequest parent;
  LocalRLock        *lock;
  AioprocHold        hold;
} RLockRequest;

/* --- The hold --- */

static inline void
aioproc_rlock_local_note_taken (LocalRLock        *self,
                                const AioprocHold *hold)
{
  guint64 value = atomic_load_explicit (&self->hold, memory_order_relaxed);

  atomic_store_explicit (&self->owner, hold->owner, memory_order_relaxed);
  atomic_store_explicit (&self->life,
                         atomic_load_explicit (self->core.owner, memory_order_relaxed),
                         memory_order_relaxed);
  /* Release: with it, the owner is there. Partner: aioproc_rlock_local_is_held(). */
  atomic_store_explicit (&self->hold,
                         (value & GENERATION_MASK) + GENERATION_ONE +
                         (hold->of_thread ? OF_THREAD : 0) + hold->depth,
                         memory_order_release);
}

/* Whether @value, which was just read, is a hold of this owner. Only an exchange with @value is
 * sure that it still is.
 */
static inline gboolean
aioproc_rlock_local_is_held (LocalRLock        *self,
                             guint64            value,
                             const AioprocHold *hold)
{
  return (value & DEPTH_MASK) != 0 && ((value & OF_THREAD) != 0) == hold->of_thread &&
         atomic_load_explicit (&self->owner, memory_order_relaxed) == hold->owner &&
         atomic_load_explicit (&self->life, memory_order_relaxed) ==
           atomic_load_explicit (self->core.owner, memory_order_relaxed);
}

/* Acquires it once more. FALSE: this owner does not hold it. */
static inline gboolean
aioproc_rlock_local_recurse (LocalRLock        *self,
                             const AioprocHold *hold)
{
  guint64 value = atomic_load_explicit (&self->hold, memory_order_acquire);

  do
    {
      if (!aioproc_rlock_local_is_held (self, value, hold))
        return FALSE;
    }
  /* The same owner may act in several threads: what each did before its release, the others see. */
  while (!atomic_compare_exchange_weak_explicit (&self->hold, &value, value + hold->depth,
                                                 memory_order_acquire, memory_order_acquire));

  return TRUE;
}

/* Takes one or all from the depth, and tells how many; 0: this owner does not hold it. The last one
 * does so before the word is freed: the next owner may be of this process.
 */
static inline guint64
aioproc_rlock_local_descend (LocalRLock        *self,
                             const AioprocHold *hold,
                             gboolean           all,
                             gboolean          *last)
{
  guint64 value = atomic_load_explicit (&self->hold, memory_order_acquire);
  guint64 n_levels;

  do
    {
      if (!aioproc_rlock_local_is_held (self, value, hold))
        return 0;

      n_levels = all ? value & DEPTH_MASK : 1;
    }
  while (!atomic_compare_exchange_weak_explicit (&self->hold, &value, value - n_levels,
                                                 memory_order_acq_rel, memory_order_acquire));

  *last = (value & DEPTH_MASK) == n_levels;

  return n_levels;
}

static gboolean
aioproc_rlock_local_is_held_here (LocalRLock *self)
{
  return (atomic_load_explicit (&self->hold, memory_order_relaxed) & DEPTH_MASK) != 0 &&
         atomic_load_explicit (&self->life, memory_order_relaxed) ==
           atomic_load_explicit (self->core.owner, memory_order_relaxed);
}

/* --- Waiting --- */

static gboolean
aioproc_rlock_local_attempt (gpointer            object,
                             AioprocWaitRequest *base_request,
                             guint32            *expected)
{
  LocalRLock *self = object;
  RLockRequest *request = (RLockRequest *) base_request;

  /* The same owner may have got it by another operation meanwhile. A wake-up that came for this
   * one is for others then.
   */
  if (aioproc_rlock_local_recurse (self, &request->hold))
    {
      if (base_request->slept)
        aioproc_lock_word_withdraw (self->core.word);

      return TRUE;
    }

  if (!aioproc_lock_core_attempt (&self->core, &request->parent, expected))
    return FALSE;

  aioproc_rlock_local_note_taken (self, &request->hold);

  return TRUE;
}

/* It is held: FALSE lets it go again, because a strict caller must not have it so. */
static gboolean
aioproc_rlock_local_accept (LocalRLock         *self,
                            const AioprocHold  *hold,
                            gboolean            abandoned,
                            GError            **error)
{
  gboolean last;

  if (G_LIKELY (!abandoned || !self->core.strict))
    return TRUE;

  aioproc_rlock_local_descend (self, hold, TRUE, &last);
  aioproc_lock_core_refuse (&self->core, error);

  return FALSE;
}

static void
aioproc_rlock_local_complete (gpointer            object,
                              GTask              *task,
                              AioprocWaitRequest *base_request)
{
  LocalRLock *self = object;
  RLockRequest *request = (RLockRequest *) base_request;
  GError *error = NULL;

  if (aioproc_rlock_local_accept (self, &request->hold, request->parent.abandoned, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static const AioprocWaitOps acquire_ops = {
  .verb = "acquire",
  .attempt = aioproc_rlock_local_attempt,
  .withdraw = aioproc_lock_word_withdraw,
  .complete = aioproc_rlock_local_complete,
};

/* --- The operations --- */

static inline gboolean
aioproc_rlock_local_take (LocalRLock        *self,
                          const AioprocHold *hold)
{
  /* What is closed can be released, but not acquired once more. */
  if (atomic_load_explicit (&self->core.closed, memory_order_relaxed) != 0)
    return FALSE;

  if (aioproc_rlock_local_recurse (self, hold))
    return TRUE;

  if (!aioproc_lock_core_take_free (&self->core))
    return FALSE;

  aioproc_rlock_local_note_taken (self, hold);

  return TRUE;
}

static gboolean
aioproc_rlock_local_try_acquire (gpointer            impl,
                                 const AioprocHold  *hold,
                                 GError            **error)
{
  LocalRLock *self = impl;
  gboolean abandoned;

  if (G_LIKELY (aioproc_rlock_local_take (self, hold)))
    return TRUE;

  if (!aioproc_lock_core_check (&self->core, error) ||
      !aioproc_lock_core_try (&self->core, &abandoned, error))
    return FALSE;

  aioproc_rlock_local_note_taken (self, hold);

  return aioproc_rlock_local_accept (self, hold, abandoned, error);
}

static gboolean
aioproc_rlock_local_acquire (gpointer            impl,
                             const AioprocHold  *hold,
                             gint64              timeout_usec,
                             GCancellable       *cancellable,
                             GError            **error)
{
  LocalRLock *self = impl;
  RLockRequest request = { .lock = self, .hold = *hold };

  if (G_LIKELY (cancellable == NULL && aioproc_rlock_local_take (self, hold)))
    return TRUE;

  if (!aioproc_shm_attach (self->core.shm, error))
    return FALSE;

  if (!aioproc_wait_queue_wait (self->core.waiters, &acquire_ops, &request.parent.parent,
                                timeout_usec, cancellable, error))
    return FALSE;

  return aioproc_rlock_local_accept (self, hold, request.parent.abandoned, error);
}

static void
aioproc_rlock_local_acquire_start (gpointer           impl,
                                   const AioprocHold *hold,
                                   GTask             *task,
                                   gint64             timeout_usec)
{
  LocalRLock *self = impl;
  RLockRequest *request;
  GError *error = NULL;

  if (!aioproc_shm_attach (self->core.shm, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  /* Not behind those of other owners, which wait for this one. */
  if (atomic_load_explicit (&self->core.closed, memory_order_relaxed) == 0 &&
      !g_cancellable_is_cancelled (g_task_get_cancellable (task)) &&
      aioproc_rlock_local_recurse (self, hold))
    {
      g_task_return_boolean (task, TRUE);
      g_object_unref (task);
      return;
    }

  request = g_new0 (RLockRequest, 1);
  request->lock = self;
  request->hold = *hold;
  g_task_set_task_data (task, request, g_free);
  aioproc_wait_queue_start (self->core.waiters, &acquire_ops, task, timeout_usec);
}

/* The lock goes from one operation of this process to the next. */
static void
aioproc_rlock_local_fill (AioprocWaitRequest *base_request)
{
  RLockRequest *request = (RLockRequest *) base_request;

  request->parent.abandoned = FALSE;
  aioproc_rlock_local_note_taken (request->lock, &request->hold);
}

static gboolean
aioproc_rlock_local_release (gpointer      impl,
                             AioprocHold  *hold,
                             gboolean      all,
                             GError      **error)
{
  LocalRLock *self = impl;
  gboolean last;
  guint64 n_levels = aioproc_rlock_local_descend (self, hold, all, &last);

  if (n_levels == 0)
    {
      g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER, "Could not release %s: %s",
                   aioproc_shm_describe (self->core.shm),
                   !aioproc_lock_core_is_locked (&self->core) ? "it is not held" :
                   aioproc_lock_core_is_mine (&self->core)
                     ? "another thread or owner of this process holds it"
                     : "another process holds it, so only that can release it");
      return FALSE;
    }

  if (all)
    hold->depth = n_levels;

  return !last || G_LIKELY (aioproc_lock_core_free_taken (&self->core)) ||
         aioproc_lock_core_release (&self->core, aioproc_rlock_local_fill, error);
}

static guint64
aioproc_rlock_local_count (gpointer           impl,
                           const AioprocHold *hold)
{
  LocalRLock *self = impl;
  guint64 value = atomic_load_explicit (&self->hold, memory_order_acquire);

  return aioproc_rlock_local_is_held (self, value, hold) ? value & DEPTH_MASK : 0;
}

static gboolean
aioproc_rlock_local_is_locked (gpointer impl)
{
  LocalRLock *self = impl;

  return aioproc_lock_core_is_locked (&self->core);
}

static gboolean
aioproc_rlock_local_was_abandoned (gpointer impl)
{
  LocalRLock *self = impl;

  return atomic_load_explicit (&self->core.abandoned, memory_order_relaxed) != 0;
}

static AioprocShm *
aioproc_rlock_local_get_shm (gpointer impl)
{
  LocalRLock *self = impl;

  return self->core.shm;
}

static void
aioproc_rlock_local_close (gpointer impl)
{
  LocalRLock *self = impl;

  aioproc_lock_core_close (&self->core);
}

static void
aioproc_rlock_local_free (gpointer impl)
{
  LocalRLock *self = impl;

  /* Nobody is left in this process to release it. */
  aioproc_lock_core_clear (&self->core, aioproc_rlock_local_is_held_here (self));
  g_free (self);
}

static const AioprocRLockBackend local_backend = {
  .try_acquire = aioproc_rlock_local_try_acquire,
  .acquire = aioproc_rlock_local_acquire,
  .acquire_start = aioproc_rlock_local_acquire_start,
  .release = aioproc_rlock_local_release,
  .count = aioproc_rlock_local_count,
  .is_locked = aioproc_rlock_local_is_locked,
  .was_abandoned = aioproc_rlock_local_was_abandoned,
  .get_shm = aioproc_rlock_local_get_shm,
  .close = aioproc_rlock_local_close,
  .free = aioproc_rlock_local_free,
};

gboolean
aioproc_rlock_local_new (AioprocShm                 *shm,
                         const char                 *name,
                         gboolean                    strict,
                         const AioprocRLockBackend **backend,
                         gpointer                   *impl,
                         GError                    **error)
{
  LocalRLock *self;

  if (shm == NULL)
    shm = aioproc_shm_new (AIOPROC_SHM_RLOCK, name, sizeof (RLockState), 0, error);

  if (shm == NULL)
    return FALSE;

  self = g_new0 (LocalRLock, 1);
  aioproc_lock_core_init (&self->core, shm, strict);

  *backend = &local_backend;
  *impl = self;

  return TRUE;
}

static AioprocShareable *
aioproc_rlock_import (AioprocShm  *shm,
                      GError     **error)
{
  return aioproc_shareable_new_for_shm (AIOPROC_TYPE_RLOCK, shm, error);
}

__attribute__ ((constructor)) static void
aioproc_rlock_register (void)
{
  aioproc_shareable_register (AIOPROC_SHM_RLOCK, sizeof (RLockState), aioproc_rlock_import);
}
