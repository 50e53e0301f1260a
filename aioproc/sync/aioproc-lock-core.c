/* aioproc-lock-core.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "sync/aioproc-lock-core-private.h"

#include "aioproc-error.h"

void
aioproc_lock_core_init (AioprocLockCore *self,
                        AioprocShm      *shm,
                        gboolean         strict)
{
  self->shm = shm;
  self->family = aioproc_shm_get_family (shm);
  self->word = aioproc_shm_get_state (shm);
  self->waiters = aioproc_wait_queue_new (shm, self->word, self);
  self->strict = strict;
  self->owner = aioproc_family_peek_owner (self->family);
  self->n_pending = aioproc_wait_queue_peek_pending (self->waiters);
}

void
aioproc_lock_core_close (AioprocLockCore *self)
{
  atomic_store_explicit (&self->closed, 1, memory_order_relaxed);
  aioproc_wait_queue_close (self->waiters);
}

void
aioproc_lock_core_clear (AioprocLockCore *self,
                         gboolean         held)
{
  if (held && aioproc_family_get_owner (self->family) != 0)
    aioproc_lock_word_release (self->word, self->family);

  aioproc_wait_queue_free (self->waiters);
  aioproc_shm_unref (self->shm);
}

gboolean
aioproc_lock_core_check (AioprocLockCore  *self,
                         GError          **error)
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

gboolean
aioproc_lock_core_try (AioprocLockCore  *self,
                       gboolean         *abandoned,
                       GError          **error)
{
  AioprocLockResult result = aioproc_lock_word_try (self->word, self->family);

  if (result == AIOPROC_LOCK_BUSY)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "The %s is held",
                   aioproc_shm_describe (self->shm));
      return FALSE;
    }

  *abandoned = result == AIOPROC_LOCK_ABANDONED;
  aioproc_lock_core_note_taken (self, *abandoned);

  return TRUE;
}

gboolean
aioproc_lock_core_attempt (AioprocLockCore    *self,
                           AioprocLockRequest *request,
                           guint32            *expected)
{
  AioprocLockResult result;

  request->ticket.slept |= request->parent.slept;
  result = aioproc_lock_word_attempt (self->word, self->family, &request->ticket, expected,
                                      &request->parent.retry_usec);

  if (result == AIOPROC_LOCK_BUSY)
    return FALSE;

  request->abandoned = result == AIOPROC_LOCK_ABANDONED;
  aioproc_lock_core_note_taken (self, request->abandoned);

  return TRUE;
}

void
aioproc_lock_core_refuse (AioprocLockCore  *self,
                          GError          **error)
{
  aioproc_lock_word_release (self->word, self->family);
  g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_OWNER_DIED,
               "The process that held %s died: check what it guards, then acquire it again",
               aioproc_shm_describe (self->shm));
}

gboolean
aioproc_lock_core_release (AioprocLockCore      *self,
                           AioprocWaitFillFunc   fill,
                           GError              **error)
{
  gboolean released;

  if (!aioproc_shm_attach (self->shm, error))
    return FALSE;

  if (!aioproc_wait_queue_has_pending (self->waiters))
    {
      released = aioproc_lock_word_release (self->word, self->family);
    }
  else if (!aioproc_lock_word_is_mine (self->word, self->family))
    {
      released = FALSE;
    }
  else if (!aioproc_lock_word_is_hungry (self->word) && aioproc_turn_goes_on (&self->turn))
    {
      atomic_store_explicit (&self->abandoned, FALSE, memory_order_relaxed);
      released = aioproc_wait_queue_hand_over (self->waiters, fill) ||
                 aioproc_lock_word_release (self->word, self->family);
    }
  else
    {
      released = aioproc_lock_word_release_fair (self->word, self->family);
    }

  if (!released)
    g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER, "Could not release %s: %s",
                 aioproc_shm_describe (self->shm),
                 aioproc_lock_word_is_held (self->word, self->family)
                   ? "another process holds it, so only that can release it"
                   : "it is not held");

  return released;
}

gboolean
aioproc_lock_core_is_locked (AioprocLockCore *self)
{
  return aioproc_shm_attach (self->shm, NULL) &&
         aioproc_lock_word_is_held (self->word, self->family);
}

gboolean
aioproc_lock_core_is_mine (AioprocLockCore *self)
{
  return aioproc_family_get_owner (self->family) != 0 &&
         aioproc_lock_word_is_mine (self->word, self->family);
}
