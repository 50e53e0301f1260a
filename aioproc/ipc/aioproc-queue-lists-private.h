/* aioproc-queue-lists-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ipc/aioproc-queue-slots-private.h"

G_BEGIN_DECLS

/* The lists that the slots of a queue are in, and the words that sleepers watch. All calls are
 * made under the lock, but for aioproc_queue_wakes_send().
 *
 * A link is the index of a slot + 1, so that 0 is none.
 */

/* Whom an operation wakes when it has freed the lock. */
typedef struct {
  guint32 items;       /* what the word was changed to, 0: nobody sleeps */
  guint32 room;
  guint32 idle;
  guint   n_items;     /* how many to wake */
  guint   n_room;
} AioprocQueueWakes;

static inline AioprocQueueSlot *
aioproc_queue_slots_at (AioprocQueueSlots *self,
                        guint32            link)
{
  if (G_UNLIKELY (link == 0 || link > aioproc_queue_peek (&self->header->n_slots) ||
                  link > AIOPROC_QUEUE_MAX_SLOTS))
    return NULL;

  return aioproc_queue_memory_at (&self->memory,
                                  AIOPROC_QUEUE_SLOTS_OFFSET +
                                  (guint64) (link - 1) * sizeof (AioprocQueueSlot),
                                  sizeof (AioprocQueueSlot));
}

/* The list of the free slots of a class. */
static inline _Atomic guint32 *
aioproc_queue_slots_get_free (AioprocQueueSlots *self,
                              guint              size_class)
{
  return size_class == 0 ? &self->header->free_first : &self->header->free_extents[size_class];
}

static inline void
aioproc_queue_slots_push_free (AioprocQueueSlots *self,
                               guint32            link,
                               AioprocQueueSlot  *slot,
                               guint              size_class)
{
  _Atomic guint32 *first = aioproc_queue_slots_get_free (self, size_class);

  aioproc_queue_poke (&slot->next, aioproc_queue_peek (first));
  aioproc_queue_poke (first, link);
}

/* Items that take room: all but those that are leased. */
static inline guint32
aioproc_queue_count_room_taken (AioprocQueueHeader *header)
{
  guint32 n_used = aioproc_queue_peek (&header->n_used);
  guint32 n_leased = aioproc_queue_peek (&header->n_leased);

  return n_used > n_leased ? n_used - n_leased : 0;
}

/* Never below 0. */
void     aioproc_queue_count              (_Atomic guint32    *counter,
                                           int                 change);
/* Payload bytes come, or go. */
void     aioproc_queue_slots_add_bytes    (AioprocQueueSlots  *self,
                                           guint64             length);
void     aioproc_queue_slots_take_bytes   (AioprocQueueSlots  *self,
                                           guint64             length);
/* FALSE: a list is not what it should be. */
gboolean aioproc_queue_slots_append_ready (AioprocQueueSlots  *self,
                                           guint32             link,
                                           AioprocQueueSlot   *slot);
/* At the place of its sequence number. */
gboolean aioproc_queue_slots_insert_ready (AioprocQueueSlots  *self,
                                           guint32             link,
                                           AioprocQueueSlot   *slot);
/* The same among those that have failed too often. */
gboolean aioproc_queue_slots_insert_faulty (AioprocQueueSlots *self,
                                           guint32             link,
                                           AioprocQueueSlot   *slot);
gboolean aioproc_queue_slots_link_busy    (AioprocQueueSlots  *self,
                                           guint32             link,
                                           AioprocQueueSlot   *slot);
gboolean aioproc_queue_slots_unlink_busy  (AioprocQueueSlots  *self,
                                           guint32             link,
                                           AioprocQueueSlot   *slot);
/* Puts a slot, FREE and in no list, on the list of its class, and counts it no longer. */
void     aioproc_queue_slots_retire       (AioprocQueueSlots  *self,
                                           guint32             link,
                                           AioprocQueueSlot   *slot,
                                           AioprocQueueWakes  *wakes);
/* An item is not to be got any more. */
void     aioproc_queue_slots_uncount      (AioprocQueueSlots  *self,
                                           AioprocQueueWakes  *wakes);
void     aioproc_queue_slots_wake_items   (AioprocQueueSlots  *self,
                                           AioprocQueueWakes  *wakes,
                                           guint               n_sleepers);
void     aioproc_queue_slots_wake_room    (AioprocQueueSlots  *self,
                                           AioprocQueueWakes  *wakes,
                                           guint               n_sleepers);
/* All who wait until there is nothing to do. */
void     aioproc_queue_slots_wake_idle    (AioprocQueueSlots  *self,
                                           AioprocQueueWakes  *wakes);
/* Marks a word before the caller sleeps on it. Returns the value that it then must have. */
guint32  aioproc_queue_word_mark          (_Atomic guint32    *word);
/* A sleeper gives up: a wake-up that it may have taken goes to another. Without the lock. */
void     aioproc_queue_word_pass_on       (_Atomic guint32    *word);
/* Once the lock is free. */
void     aioproc_queue_wakes_send         (const AioprocQueueWakes *wakes,
                                           AioprocQueueSlots  *self);

G_END_DECLS
