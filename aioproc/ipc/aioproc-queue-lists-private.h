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
  guint32 watch;
  guint   n_items;     /* how many to wake */
  guint   n_room;
} AioprocQueueWakes;

/* The slot of a link from 1 to MAX_SLOTS, whatever a peer says meanwhile of how many there are.
 * NULL: it cannot be mapped, and never was.
 */
static inline AioprocQueueSlot *
aioproc_queue_slots_at_known (AioprocQueueSlots *self,
                              guint32            link)
{
  return aioproc_queue_memory_at (&self->memory,
                                  AIOPROC_QUEUE_SLOTS_OFFSET +
                                  (guint64) (link - 1) * sizeof (AioprocQueueSlot),
                                  sizeof (AioprocQueueSlot));
}

/* The slot of a link that was read, or NULL if it is none. */
static inline AioprocQueueSlot *
aioproc_queue_slots_at (AioprocQueueSlots *self,
                        guint32            link)
{
  if (G_UNLIKELY (link == 0 || link > aioproc_queue_peek (&self->header->n_slots) ||
                  link > AIOPROC_QUEUE_MAX_SLOTS))
    return NULL;

  return aioproc_queue_slots_at_known (self, link);
}

/* On the way along a list, a link at a time: FALSE, soon, if it goes round in a circle, as a peer
 * may have bent it. The mark is set anew after 1, 2, 4… steps.
 */
typedef struct {
  guint32 n_steps;
  guint32 mark;
} AioprocQueueWalk;

static inline gboolean
aioproc_queue_walk_step (AioprocQueueWalk *self,
                         guint32           link)
{
  if (G_UNLIKELY (link == self->mark))
    return FALSE;

  if ((self->n_steps & (self->n_steps - 1)) == 0)
    self->mark = link;

  self->n_steps++;

  return TRUE;
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
static inline void
aioproc_queue_count (_Atomic guint32 *counter,
                     int              change)
{
  guint32 value = aioproc_queue_peek (counter);

  if (G_LIKELY (change > 0 || value > 0))
    aioproc_queue_poke (counter, value + change);
}

/* Payload bytes come, or go. Some of the lengths were read from slots. */
static inline void
aioproc_queue_slots_add_bytes (AioprocQueueSlots *self,
                               guint64            length)
{
  _Atomic guint64 *n_bytes = &self->header->n_bytes;

  aioproc_queue_poke (n_bytes,
                      aioproc_queue_peek (n_bytes) + MIN (length, AIOPROC_QUEUE_PAYLOAD_MAX));
}

static inline void
aioproc_queue_slots_take_bytes (AioprocQueueSlots *self,
                                guint64            length)
{
  guint64 n_bytes = aioproc_queue_peek (&self->header->n_bytes);

  aioproc_queue_poke (&self->header->n_bytes, n_bytes - MIN (length, n_bytes));
}

/* A change has been made that sleepers on @word wait for. Returns what the word is now, or 0 where
 * nobody sleeps.
 *
 * SLEEPERS stays until a wake-up has found nobody, so that a woken process which is stopped or slow
 * does not keep the next change from waking another one. Nobody is missed then: who has marked the
 * word since sees to it that the compare-and-swap of aioproc_queue_wakes_send() fails, and who had
 * marked it before but was not asleep yet finds it changed.
 */
static inline guint32
aioproc_queue_word_announce (_Atomic guint32 *word)
{
  guint32 value = aioproc_queue_peek (word);
  guint32 next;

  do
    {
      if (G_LIKELY ((value & AIOPROC_QUEUE_SLEEPERS) == 0))
        return 0;

      next = (value + AIOPROC_QUEUE_CHANGE) & ~AIOPROC_QUEUE_MARKED;
    }
  while (!atomic_compare_exchange_weak (word, &value, next));

  return next;
}

static inline void
aioproc_queue_slots_wake_items (AioprocQueueSlots *self,
                                AioprocQueueWakes *wakes,
                                guint              n_sleepers)
{
  guint32 value = aioproc_queue_word_announce (&self->header->items);

  if (G_LIKELY (value == 0))
    return;

  wakes->items = value;
  wakes->n_items = MAX (wakes->n_items, n_sleepers);

  /* Who watches has marked both words, so that all others need to look at one only. */
  value = aioproc_queue_word_announce (&self->header->watch);

  if (value != 0)
    wakes->watch = value;
}

static inline void
aioproc_queue_slots_wake_room (AioprocQueueSlots *self,
                               AioprocQueueWakes *wakes,
                               guint              n_sleepers)
{
  guint32 value = aioproc_queue_word_announce (&self->header->room);

  if (G_LIKELY (value == 0))
    return;

  wakes->room = value;
  /* What does not suffice for one may suffice for another. */
  wakes->n_room = self->max_bytes != 0 ? G_MAXINT : MAX (wakes->n_room, n_sleepers);
}

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

/* All items are gone: wakes who waits for that. */
void     aioproc_queue_slots_note_empty   (AioprocQueueSlots  *self,
                                           AioprocQueueWakes  *wakes);

/* An item is not to be got any more. */
static inline void
aioproc_queue_slots_uncount (AioprocQueueSlots *self,
                             AioprocQueueWakes *wakes)
{
  aioproc_queue_count (&self->header->n_used, -1);
  aioproc_queue_slots_wake_room (self, wakes, 1);

  if (aioproc_queue_peek (&self->header->n_used) == 0)
    aioproc_queue_slots_note_empty (self, wakes);
}

/* Puts a slot, FREE and in no list, on the list of its class. */
static inline void
aioproc_queue_slots_recycle (AioprocQueueSlots *self,
                             guint32            link,
                             AioprocQueueSlot  *slot)
{
  guint size_class = aioproc_queue_info_get_class (aioproc_queue_peek (&slot->info));

  /* A class that is none: a peer wrote it. The extent, if there was one, comes back when the free
   * map is made anew.
   */
  if (G_UNLIKELY (size_class >= AIOPROC_QUEUE_N_CLASSES))
    {
      size_class = 0;
      aioproc_queue_poke (&slot->info, 0);
    }

  /* What lies in the slot itself is not given back. */
  if (size_class != 0)
    aioproc_queue_poke (&slot->holder, aioproc_queue_peek (&self->header->epoch));

  aioproc_queue_slots_push_free (self, link, slot, size_class);
}

/* The same, and counts it no longer. */
static inline void
aioproc_queue_slots_retire (AioprocQueueSlots *self,
                            guint32            link,
                            AioprocQueueSlot  *slot,
                            AioprocQueueWakes *wakes)
{
  aioproc_queue_slots_recycle (self, link, slot);
  aioproc_queue_slots_uncount (self, wakes);
}

G_END_DECLS
