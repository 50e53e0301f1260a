/* aioproc-queue-slots-end.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-slots-private.h"

#include "ipc/aioproc-queue-enter-private.h"
#include "ipc/aioproc-queue-history-private.h"
#include "platform/aioproc-futex-private.h"

#define peek(field)        aioproc_queue_peek (field)
#define poke(field, value) aioproc_queue_poke (field, value)

/* The slot changes where the lock cannot be had: the store counts, and who sleeps is woken to bring
 * the caches up to date.
 */
static void
aioproc_queue_slots_end_unlocked (AioprocQueueSlots          *self,
                                  const AioprocQueueTransfer *transfer,
                                  guint32                     state)
{
  AioprocQueueHeader *header = self->header;

  /* Its place, if a repair is the first to find it: behind all that was put before. */
  if ((transfer->state & AIOPROC_QUEUE_STATE_MASK) == AIOPROC_QUEUE_FILLING)
    poke (&transfer->slot->sequence, peek (&header->next_sequence));

  /* Release: the acquire of the sweep. */
  atomic_store_explicit (&transfer->slot->state, state, memory_order_release);
  atomic_fetch_or (&header->stale, AIOPROC_QUEUE_STALE_BUSY);
  atomic_fetch_add (&header->items, AIOPROC_QUEUE_CHANGE);
  atomic_fetch_add (&header->room, AIOPROC_QUEUE_CHANGE);
  atomic_fetch_add (&header->idle, AIOPROC_QUEUE_CHANGE);
  atomic_fetch_add (&header->watch, AIOPROC_QUEUE_CHANGE);
  aioproc_futex_wake (&header->items, 1);
  aioproc_futex_wake (&header->room, 1);
  aioproc_futex_wake (&header->idle, 1);
  aioproc_futex_wake (&header->watch, G_MAXINT);
}

/* The same under the lock. */
static void
aioproc_queue_slots_end_locked (AioprocQueueSlots          *self,
                                const AioprocQueueTransfer *transfer,
                                guint32                     state,
                                AioprocQueueWakes          *wakes)
{
  AioprocQueueHeader *header = self->header;
  AioprocQueueSlot *slot = transfer->slot;
  gboolean linked = aioproc_queue_slots_unlink_busy (self, transfer->link, slot);
  gboolean leased = (transfer->state & AIOPROC_QUEUE_STATE_MASK) == AIOPROC_QUEUE_LEASED;

  if (state == AIOPROC_QUEUE_READY && aioproc_queue_is_dropped (header))
    state = AIOPROC_QUEUE_FREE;

  /* What is leased takes no room. */
  if (leased && state == AIOPROC_QUEUE_READY)
    aioproc_queue_slots_add_bytes (self, transfer->length);
  else if (!leased && state == AIOPROC_QUEUE_FREE)
    aioproc_queue_slots_take_bytes (self, transfer->length);

  if (leased)
    {
      aioproc_queue_count (&header->n_leased, -1);
    }
  else if (state == AIOPROC_QUEUE_READY)
    {
      guint64 sequence = peek (&header->next_sequence);

      poke (&header->next_sequence, sequence + 1);
      poke (&slot->sequence, sequence);
    }

  /* The item comes or goes. Release: the acquire of the next who looks at the slot. */
  atomic_store_explicit (&slot->state, state, memory_order_release);

  if (!linked)
    {
      atomic_fetch_or (&header->stale, AIOPROC_QUEUE_STALE_ALL);
    }
  else if (state == AIOPROC_QUEUE_FREE)
    {
      aioproc_queue_slots_retire (self, transfer->link, slot, wakes);
    }
  else if (state == AIOPROC_QUEUE_FAULTY)
    {
      if (!aioproc_queue_slots_insert_faulty (self, transfer->link, slot))
        atomic_fetch_or (&header->stale, AIOPROC_QUEUE_STALE_ALL);

      aioproc_queue_slots_uncount (self, wakes);
    }
  else
    {
      if (!aioproc_queue_slots_insert_ready (self, transfer->link, slot))
        atomic_fetch_or (&header->stale, AIOPROC_QUEUE_STALE_ALL);

      aioproc_queue_slots_wake_items (self, wakes, 1);
    }
}

/* What is being put is shorter than the room that it has. */
static void
aioproc_queue_slots_shorten (AioprocQueueSlots          *self,
                             const AioprocQueueTransfer *transfer,
                             guint64                     length,
                             gboolean                    entered,
                             AioprocQueueWakes          *wakes)
{
  AioprocQueueSlot *slot = transfer->slot;

  if (entered)
    {
      /* Who is killed in between leaves the lock, and so a repair, behind. */
      aioproc_queue_slots_take_bytes (self, transfer->length - length);
      poke (&slot->length, length);

      if (self->max_bytes != 0)
        aioproc_queue_slots_wake_room (self, wakes, 1);
    }
  else
    {
      poke (&slot->info, peek (&slot->info) | AIOPROC_QUEUE_INFO_SHORTENED);
      /* Release: who finds the length, perhaps after we were killed, finds the flag. */
      atomic_store_explicit (&slot->length, length, memory_order_release);
    }
}

/* FALSE: another process wrote to what is ours, so that it is not ours any more. @length: how much
 * there is of it now.
 */
static gboolean
aioproc_queue_slots_end (AioprocQueueSlots          *self,
                         const AioprocQueueTransfer *transfer,
                         guint64                     length,
                         guint32                     state,
                         gboolean                    failed)
{
  AioprocQueueSlot *slot = transfer->slot;
  AioprocQueueTransfer item = *transfer;
  gboolean leased = (transfer->state & AIOPROC_QUEUE_STATE_MASK) == AIOPROC_QUEUE_LEASED;
  AioprocQueueWakes wakes = { 0 };
  gboolean entered = aioproc_queue_slots_enter (self, &wakes, NULL) == AIOPROC_QUEUE_DONE;
  gboolean ours = peek (&slot->state) == transfer->state &&
                  (!leased || peek (&slot->sequence) == transfer->sequence);

  if (G_LIKELY (ours))
    {
      item.length = length;

      if (length < transfer->length)
        aioproc_queue_slots_shorten (self, transfer, length, entered, &wakes);

      if (failed)
        aioproc_queue_history_add (self, transfer->link, slot, AIOPROC_QUEUE_NACKED);

      if (leased && state == AIOPROC_QUEUE_READY)
        state = aioproc_queue_history_judge (self, slot);

      if (entered)
        aioproc_queue_slots_end_locked (self, &item, state, &wakes);
      else
        aioproc_queue_slots_end_unlocked (self, &item, state);
    }

  if (entered)
    aioproc_queue_slots_leave (self, &wakes);

  return ours;
}

gboolean
aioproc_queue_slots_commit (AioprocQueueSlots          *self,
                            const AioprocQueueTransfer *transfer)
{
  return aioproc_queue_slots_end (self, transfer, transfer->length, AIOPROC_QUEUE_READY, FALSE);
}

gboolean
aioproc_queue_slots_commit_part (AioprocQueueSlots          *self,
                                 const AioprocQueueTransfer *transfer,
                                 guint64                     length)
{
  return aioproc_queue_slots_end (self, transfer, length, AIOPROC_QUEUE_READY, FALSE);
}

gboolean
aioproc_queue_slots_abort (AioprocQueueSlots          *self,
                           const AioprocQueueTransfer *transfer)
{
  return aioproc_queue_slots_end (self, transfer, transfer->length, AIOPROC_QUEUE_FREE, FALSE);
}

gboolean
aioproc_queue_slots_ack (AioprocQueueSlots          *self,
                         const AioprocQueueTransfer *transfer)
{
  return aioproc_queue_slots_end (self, transfer, transfer->length, AIOPROC_QUEUE_FREE, FALSE);
}

gboolean
aioproc_queue_slots_nack (AioprocQueueSlots          *self,
                          const AioprocQueueTransfer *transfer)
{
  return aioproc_queue_slots_end (self, transfer, transfer->length, AIOPROC_QUEUE_READY, TRUE);
}

gboolean
aioproc_queue_slots_give_back (AioprocQueueSlots          *self,
                               const AioprocQueueTransfer *transfer)
{
  return aioproc_queue_slots_end (self, transfer, transfer->length, AIOPROC_QUEUE_READY, FALSE);
}
