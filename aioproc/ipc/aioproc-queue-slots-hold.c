/* aioproc-queue-slots-hold.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-slots-private.h"

#include "ipc/aioproc-queue-enter-private.h"

#define peek(field)        aioproc_queue_peek (field)
#define poke(field, value) aioproc_queue_poke (field, value)

void
aioproc_queue_slots_forget (AioprocQueueSlots          *self,
                            const AioprocQueueTransfer *transfer)
{
  atomic_fetch_sub_explicit (&self->n_held, MAX (transfer->length, AIOPROC_QUEUE_HELD_MIN),
                             memory_order_relaxed);
}

/* Nothing counts what is held, and nobody waits for it: a put that finds no memory fails. So where
 * the lock is not to be had, there is nobody to wake either.
 */
gboolean
aioproc_queue_slots_release (AioprocQueueSlots          *self,
                             const AioprocQueueTransfer *transfer)
{
  AioprocQueueHeader *header = self->header;
  AioprocQueueSlot *slot = transfer->slot;
  AioprocQueueWakes wakes = { 0 };
  gboolean entered = aioproc_queue_slots_enter (self, &wakes, NULL) == AIOPROC_QUEUE_DONE;
  /* Or another process wrote to what is ours. */
  gboolean ours = peek (&slot->state) == transfer->state &&
                  peek (&slot->sequence) == transfer->sequence;
  gboolean linked = ours && entered &&
                    aioproc_queue_slots_unlink_busy (self, transfer->link, slot);
  gboolean idle;

  aioproc_queue_slots_forget (self, transfer);

  /* Release: it was read before. Partner: the acquire of the sweep, or of the lock. */
  if (ours)
    atomic_store_explicit (&slot->state, AIOPROC_QUEUE_FREE, memory_order_release);

  if (linked)
    aioproc_queue_slots_recycle (self, transfer->link, slot);
  else if (ours)
    atomic_fetch_or (&header->stale,
                     entered ? AIOPROC_QUEUE_STALE_ALL : AIOPROC_QUEUE_STALE_BUSY);

  if (!entered)
    return FALSE;

  /* A getter that waits has given up, since this was held. */
  idle = aioproc_queue_slots_can_trim (self);
  aioproc_queue_slots_leave (self, &wakes);

  return idle;
}
