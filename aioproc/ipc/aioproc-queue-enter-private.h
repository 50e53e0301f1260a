/* aioproc-queue-enter-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ipc/aioproc-queue-lists-private.h"
#include "platform/aioproc-cpu-private.h"

G_BEGIN_DECLS

/* What all operations on the slots of a queue have in common: they take its lock, bring up to date
 * what it guards, and free it.
 */

/* G_IO_ERROR_INVALID_DATA */
void     aioproc_queue_slots_set_corrupt   (AioprocQueueSlots  *self,
                                            GError            **error);
/* The lock is held: brings up to date what it guards. Frees it on failure. */
gboolean aioproc_queue_slots_catch_up      (AioprocQueueSlots  *self,
                                            gboolean            abandoned,
                                            AioprocQueueWakes  *wakes,
                                            GError            **error);
/* Marks @word, and returns what it will be when who goes to sleep may sleep. */
guint32  aioproc_queue_slots_mark          (AioprocQueueSlots  *self,
                                            _Atomic guint32    *word);
/* The caller of a call that may sleep found nothing: it marks the word. FALSE: the queue was closed
 * meanwhile, perhaps before the mark, so that the wake-up did not reach it.
 */
gboolean aioproc_queue_slots_prepare_sleep (AioprocQueueSlots  *self,
                                            _Atomic guint32    *word,
                                            AioprocQueueSleep  *sleep);
/* Under the lock: whether the memory of the queue can be given back. */
gboolean aioproc_queue_slots_can_trim      (AioprocQueueSlots  *self);
/* Frees what is ready in a queue that was closed at once. */
void     aioproc_queue_slots_drop          (AioprocQueueSlots  *self,
                                            AioprocQueueWakes  *wakes);

static inline guint32
aioproc_queue_slots_get_owner (AioprocQueueSlots *self)
{
  return aioproc_queue_peek (self->owner);
}

static inline void
aioproc_queue_slots_leave (AioprocQueueSlots       *self,
                           const AioprocQueueWakes *wakes)
{
  AioprocLockWord *lock = &self->header->lock;

  if (G_UNLIKELY (!aioproc_lock_word_free_taken (lock, aioproc_queue_slots_get_owner (self))))
    aioproc_lock_word_release (lock, self->family);

  if (G_UNLIKELY ((wakes->items | wakes->room | wakes->idle) != 0))
    aioproc_queue_wakes_send (wakes, self);
}

/* Takes the lock: DONE, BUSY or FAILED. */
static inline AioprocQueueStatus
aioproc_queue_slots_enter (AioprocQueueSlots  *self,
                           AioprocQueueWakes  *wakes,
                           GError            **error)
{
  AioprocQueueHeader *header = self->header;
  guint32 owner = aioproc_queue_slots_get_owner (self);
  AioprocLockResult result = AIOPROC_LOCK_TAKEN;

  /* After a fork. */
  if (G_UNLIKELY (owner == 0))
    {
      owner = aioproc_family_attach (self->family, error);

      if (owner == 0)
        return AIOPROC_QUEUE_FAILED;
    }

  if (!aioproc_lock_word_take_free (&header->lock, owner))
    {
      result = aioproc_lock_word_spin (&header->lock, self->family);

      if (result == AIOPROC_LOCK_BUSY)
        return AIOPROC_QUEUE_BUSY;
    }

  /* Relaxed: who announces a death, or sets @stale, wakes those who missed it. */
  if (G_UNLIKELY (result == AIOPROC_LOCK_ABANDONED || aioproc_queue_peek (&header->stale) != 0 ||
                  aioproc_queue_peek (self->sequence) != aioproc_queue_peek (&header->swept)) &&
      !aioproc_queue_slots_catch_up (self, result == AIOPROC_LOCK_ABANDONED, wakes, error))
    return AIOPROC_QUEUE_FAILED;

  return AIOPROC_QUEUE_DONE;
}

/* Notes where we run, if nobody has yet, and else with one item in eight: to ask takes longer than
 * all that the lists need.
 */
static inline void
aioproc_queue_note_cpu (_Atomic guint32 *field,
                        guint64          sequence)
{
  guint32 known = aioproc_queue_peek (field);
  guint32 cpu;

  if (G_LIKELY (known != 0 && sequence % 8 != 0))
    return;

  cpu = (guint32) (aioproc_cpu_get_current () + 1);

  if (G_UNLIKELY (known != cpu))
    aioproc_queue_poke (field, cpu);
}

/* Fetches what the next operation of this kind will touch. */
static inline void
aioproc_queue_slots_prefetch (AioprocQueueSlots *self,
                              guint32            link)
{
  AioprocQueueSlot *slot;

  slot = aioproc_queue_slots_at (self, link);

  if (slot == NULL)
    return;

  __builtin_prefetch (slot, 1);
  __builtin_prefetch ((guint8 *) slot + 64, 1);
}

/* Where the payload lies. */
static inline guint64
aioproc_queue_slot_get_offset (AioprocQueueSlot *slot,
                               guint32           link,
                               guint             size_class)
{
  if (size_class != 0)
    return (guint64) aioproc_queue_peek (&slot->extent) * AIOPROC_QUEUE_EXTENT_UNIT;

  return AIOPROC_QUEUE_SLOTS_OFFSET + (guint64) (link - 1) * sizeof (AioprocQueueSlot) +
         G_STRUCT_OFFSET (AioprocQueueSlot, payload);
}

G_END_DECLS
