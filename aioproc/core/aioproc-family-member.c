/* aioproc-family-member.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <unistd.h>

#include <gio/gio.h>

#include "core/aioproc-family-region-private.h"
#include "platform/aioproc-memfd-private.h"

/* Whether the last member of a slot, if there was one, is gone and was announced. */
static gboolean
aioproc_family_is_vacant (AioprocFamily *self,
                          guint          index)
{
  guint32 life = atomic_load_explicit (&self->region->slots[index].life, memory_order_acquire);

  return life_get_state (life) != SLOT_ATTACHED;
}

/* Locks the byte of a vacant slot, going round, so that a generation lasts as long as it can. The
 * byte of a dead member that was not announced is left alone: while we had it, those who wait for
 * its death would think it undone, and, with us killed, would not be told.
 */
static gboolean
aioproc_family_find_slot (AioprocFamily  *self,
                          GError        **error)
{
  guint32 start = atomic_fetch_add_explicit (&self->region->cursor, 1, memory_order_relaxed);

  for (guint i = 0; i < N_SLOTS; i++)
    {
      g_autoptr(GError) local_error = NULL;
      guint candidate = (start + i) % N_SLOTS;

      if (!aioproc_family_is_vacant (self, candidate))
        continue;

      if (!aioproc_ofd_try_lock (self->own_fd, candidate, &local_error))
        {
          if (local_error == NULL)
            continue;

          g_propagate_error (error, g_steal_pointer (&local_error));
          return FALSE;
        }

      if (aioproc_family_is_vacant (self, candidate))
        {
          if (i > 0)
            atomic_store_explicit (&self->region->cursor, candidate + 1, memory_order_relaxed);

          self->slot = candidate;
          return TRUE;
        }

      /* A member came and died since the first look: see above. */
      aioproc_ofd_unlock (self->own_fd, candidate);
      aioproc_family_announce (self);
    }

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
               "Could not join a family: it has %d living processes, which is the most", N_SLOTS);

  return FALSE;
}

static gboolean
aioproc_family_take_slot (AioprocFamily  *self,
                          GError        **error)
{
  guint n_waits;
  gboolean all_watched;

  if (aioproc_family_find_slot (self, NULL))
    return TRUE;

  /* Perhaps nobody was left to announce the dead. */
  aioproc_family_look_around (self, NULL, 0, &n_waits, &all_watched);

  return aioproc_family_find_slot (self, error);
}

static void
aioproc_family_let_go_locked (AioprocFamily *self)
{
  close (self->own_fd);
  self->own_fd = -1;
}

guint32
aioproc_family_attach (AioprocFamily  *self,
                       GError        **error)
{
  g_autoptr(AioprocMutexLocker) locker = NULL;
  guint32 owner = aioproc_family_get_owner (self);
  guint32 generation;
  FamilySlot *slot;

  if (owner != 0)
    return owner;

  locker = aioproc_mutex_locker_new (&self->mutex);
  owner = aioproc_family_get_owner (self);

  if (owner != 0)
    return owner;

  self->own_fd = aioproc_memfd_reopen (self->fd, error);

  if (self->own_fd < 0)
    return 0;

  if (!aioproc_family_take_slot (self, error))
    {
      aioproc_family_let_go_locked (self);
      return 0;
    }

  /* The generation first: it ends what the slot's last member owned, and the live word, which is
   * ours from then on, does not say any more that it has died. Partner: the acquire loads in
   * aioproc_family_is_dead().
   */
  slot = &self->region->slots[self->slot];
  generation = life_get_generation (atomic_load_explicit (&slot->life, memory_order_relaxed)) + 1;
  atomic_store_explicit (&slot->life, life_new (generation, SLOT_IDLE), memory_order_release);
  atomic_store_explicit (&slot->live, 0, memory_order_release);

  if (!aioproc_family_start_anchor (self, error))
    {
      aioproc_family_let_go_locked (self);
      return 0;
    }

  atomic_store_explicit (&slot->life, life_new (generation, SLOT_ATTACHED), memory_order_release);
  atomic_fetch_add_explicit (&self->region->arrivals, 1, memory_order_release);

  /* Last, since other threads may own something the moment they see it, and be killed. Partner: the
   * acquire load in aioproc_family_is_dead().
   */
  owner = AIOPROC_OWNER_BIT | (generation & GENERATION_MASK) << GENERATION_SHIFT | self->slot;
  atomic_store_explicit (&self->owner, owner, memory_order_release);

  return owner;
}

guint32
aioproc_family_get_owner (AioprocFamily *self)
{
  return atomic_load_explicit (&self->owner, memory_order_relaxed);
}

const _Atomic guint32 *
aioproc_family_peek_owner (AioprocFamily *self)
{
  return &self->owner;
}

/* Whether the life that @owner names is over, by what its slot says. */
static gboolean
aioproc_family_is_past (AioprocFamily *self,
                        guint32        owner)
{
  /* Partner: the stores in aioproc_family_attach() and aioproc_family_look_around(). */
  guint32 life = atomic_load_explicit (&get_slot (self, owner)->life, memory_order_acquire);

  return life_get_generation (life) != ((owner >> GENERATION_SHIFT) & GENERATION_MASK) ||
         life_get_state (life) == SLOT_ANNOUNCED;
}

gboolean
aioproc_family_is_dying (AioprocFamily *self,
                         guint32        owner)
{
  return aioproc_family_is_past (self, owner) ||
         aioproc_robust_is_died (atomic_load_explicit (&get_slot (self, owner)->live,
                                                       memory_order_acquire)) ||
         aioproc_family_is_past (self, owner);
}

gboolean
aioproc_family_is_dead (AioprocFamily *self,
                        guint32        owner)
{
  /* Partner: the release in aioproc_family_attach(). With it comes the descriptor. */
  guint32 self_owner = atomic_load_explicit (&self->owner, memory_order_acquire);

  if ((owner & AIOPROC_OWNER_MASK) == self_owner)
    return FALSE;

  if (!aioproc_family_is_dying (self, owner))
    return FALSE;

  /* What is announced, or has another in its slot, has been found dead before. Else its byte lock
   * goes when its last thread has lost its memory. What was not past when it was asked may have
   * become so, and its slot be another's, before the others were: so ask again.
   */
  return aioproc_family_is_past (self, owner) ||
         !aioproc_ofd_is_locked (self->own_fd, owner & SLOT_MASK) ||
         aioproc_family_is_past (self, owner);
}
