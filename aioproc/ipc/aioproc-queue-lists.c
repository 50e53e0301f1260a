/* aioproc-queue-lists.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-lists-private.h"

#include "ipc/aioproc-queue-grow-private.h"
#include "platform/aioproc-futex-private.h"

#define peek(field)        aioproc_queue_peek (field)
#define poke(field, value) aioproc_queue_poke (field, value)

/* Links and counts come from memory that peers write to: each is checked where it is used. A list
 * that a peer has bent costs a repair, or an item its turn, and no more.
 */

/* Items in the order of their sequence numbers. */
typedef struct {
  _Atomic guint32 *first;
  _Atomic guint32 *last;
  _Atomic guint32 *n;
} ItemList;

static inline ItemList
get_ready (AioprocQueueHeader *header)
{
  return (ItemList) { &header->ready_first, &header->ready_last, &header->n_ready };
}

static inline ItemList
get_faulty (AioprocQueueHeader *header)
{
  return (ItemList) { &header->faulty_first, &header->faulty_last, &header->n_faulty };
}

static inline gboolean
item_list_append (const ItemList    *list,
                  AioprocQueueSlots *slots,
                  guint32            link,
                  AioprocQueueSlot  *slot)
{
  guint32 last = peek (list->last);

  poke (&slot->next, 0);

  if (peek (list->first) == 0)
    {
      poke (list->first, link);
    }
  else
    {
      AioprocQueueSlot *last_slot = aioproc_queue_slots_at (slots, last);

      if (last_slot == NULL)
        return FALSE;

      poke (&last_slot->next, link);
    }

  poke (list->last, link);
  aioproc_queue_count (list->n, 1);

  return TRUE;
}

static gboolean
item_list_insert (const ItemList    *list,
                  AioprocQueueSlots *slots,
                  guint32            link,
                  AioprocQueueSlot  *slot)
{
  guint64 sequence = peek (&slot->sequence);
  AioprocQueueWalk walk = { 0 };
  AioprocQueueSlot *last_slot = aioproc_queue_slots_at (slots, peek (list->last));
  AioprocQueueSlot *before = NULL;
  guint32 after = peek (list->first);

  /* Nearly always it is the newest. */
  if (after == 0 || (last_slot != NULL && peek (&last_slot->sequence) < sequence))
    return item_list_append (list, slots, link, slot);

  while (after != 0)
    {
      AioprocQueueSlot *after_slot = aioproc_queue_slots_at (slots, after);

      if (after_slot == NULL || !aioproc_queue_walk_step (&walk, after))
        return FALSE;

      if (peek (&after_slot->sequence) > sequence)
        break;

      before = after_slot;
      after = peek (&after_slot->next);
    }

  if (after == 0)
    return item_list_append (list, slots, link, slot);

  poke (&slot->next, after);
  poke (before != NULL ? &before->next : list->first, link);
  aioproc_queue_count (list->n, 1);

  return TRUE;
}

gboolean
aioproc_queue_slots_append_ready (AioprocQueueSlots *self,
                                  guint32            link,
                                  AioprocQueueSlot  *slot)
{
  const ItemList list = get_ready (self->header);

  return item_list_append (&list, self, link, slot);
}

gboolean
aioproc_queue_slots_insert_ready (AioprocQueueSlots *self,
                                  guint32            link,
                                  AioprocQueueSlot  *slot)
{
  const ItemList list = get_ready (self->header);

  return item_list_insert (&list, self, link, slot);
}

gboolean
aioproc_queue_slots_insert_faulty (AioprocQueueSlots *self,
                                   guint32            link,
                                   AioprocQueueSlot  *slot)
{
  const ItemList list = get_faulty (self->header);

  return item_list_insert (&list, self, link, slot);
}

gboolean
aioproc_queue_slots_link_busy (AioprocQueueSlots *self,
                               guint32            link,
                               AioprocQueueSlot  *slot)
{
  AioprocQueueHeader *header = self->header;
  guint32 first = peek (&header->busy_first);

  if (first != 0)
    {
      AioprocQueueSlot *first_slot = aioproc_queue_slots_at (self, first);

      if (first_slot == NULL)
        return FALSE;

      poke (&first_slot->previous, link);
    }

  poke (&slot->next, first);
  poke (&slot->previous, 0);
  poke (&header->busy_first, link);

  return TRUE;
}

gboolean
aioproc_queue_slots_unlink_busy (AioprocQueueSlots *self,
                                 guint32            link,
                                 AioprocQueueSlot  *slot)
{
  AioprocQueueHeader *header = self->header;
  guint32 previous = peek (&slot->previous);
  guint32 next = peek (&slot->next);
  AioprocQueueSlot *previous_slot = NULL;
  AioprocQueueSlot *next_slot = NULL;

  if (previous != 0)
    previous_slot = aioproc_queue_slots_at (self, previous);

  if (next != 0)
    next_slot = aioproc_queue_slots_at (self, next);

  if ((previous != 0 && previous_slot == NULL) || (next != 0 && next_slot == NULL) ||
      peek (previous_slot != NULL ? &previous_slot->next : &header->busy_first) != link)
    return FALSE;

  poke (previous_slot != NULL ? &previous_slot->next : &header->busy_first, next);

  if (next_slot != NULL)
    poke (&next_slot->previous, previous);

  return TRUE;
}

void
aioproc_queue_slots_note_empty (AioprocQueueSlots *self,
                                AioprocQueueWakes *wakes)
{
  AioprocQueueHeader *header = self->header;

  aioproc_queue_slots_wake_idle (self, wakes);

  if (peek (&header->n_allocated) > AIOPROC_QUEUE_IDLE_KEEP)
    poke (&header->empty_since, g_get_monotonic_time ());

  /* Getters of a closed queue wait until nothing can come back any more. */
  if (peek (&header->closed))
    aioproc_queue_slots_wake_items (self, wakes, G_MAXINT);
}

/* --- Words --- */

void
aioproc_queue_slots_wake_idle (AioprocQueueSlots *self,
                               AioprocQueueWakes *wakes)
{
  guint32 value = aioproc_queue_word_announce (&self->header->idle);

  if (value != 0)
    wakes->idle = value;
}

guint32
aioproc_queue_word_mark (_Atomic guint32 *word)
{
  guint32 value = peek (word);
  guint32 next;

  do
    {
      next = value | AIOPROC_QUEUE_SLEEPERS | AIOPROC_QUEUE_MARKED;

      if (next == value)
        break;
    }
  while (!atomic_compare_exchange_weak (word, &value, next));

  return next;
}

void
aioproc_queue_word_pass_on (_Atomic guint32 *word)
{
  if ((peek (word) & AIOPROC_QUEUE_SLEEPERS) == 0)
    return;

  atomic_fetch_add (word, AIOPROC_QUEUE_CHANGE);
  aioproc_futex_wake (word, 1);
}

static void
wake (_Atomic guint32 *word,
      guint32          value,
      guint            n_sleepers)
{
  if (value == 0)
    return;

  /* Killed before this, we are announced, and all who sleep look again. */
  if (aioproc_futex_wake (word, n_sleepers) < n_sleepers)
    atomic_compare_exchange_strong (word, &value, value & ~AIOPROC_QUEUE_SLEEPERS);
}

void
aioproc_queue_wakes_send (const AioprocQueueWakes *wakes,
                          AioprocQueueSlots       *self)
{
  wake (&self->header->items, wakes->items, wakes->n_items);
  wake (&self->header->room, wakes->room, wakes->n_room);
  wake (&self->header->idle, wakes->idle, G_MAXINT);
  /* They take nothing, so that each has to know. */
  wake (&self->header->watch, wakes->watch, G_MAXINT);
}
