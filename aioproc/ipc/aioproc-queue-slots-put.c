/* aioproc-queue-slots-put.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-slots-private.h"

#include "ipc/aioproc-queue-enter-private.h"
#include "ipc/aioproc-queue-grow-private.h"
#include "ipc/aioproc-queue-repair-private.h"

#define peek(field)        aioproc_queue_peek (field)
#define poke(field, value) aioproc_queue_poke (field, value)

/* Takes a free slot with an extent of @size_class off its list. */
static guint32
aioproc_queue_slots_pop_free (AioprocQueueSlots  *self,
                              guint               size_class,
                              AioprocQueueWakes  *wakes,
                              GError            **error)
{
  _Atomic guint32 *first = aioproc_queue_slots_get_free (self, size_class);
  gboolean repaired = FALSE;

  for (;;)
    {
      guint32 link = peek (first);
      AioprocQueueSlot *slot;
      guint32 next;

      if (link == 0)
        {
          if (!aioproc_queue_grow (self, size_class, wakes, error))
            return 0;

          continue;
        }

      slot = aioproc_queue_slots_at (self, link);

      if (slot != NULL && peek (&slot->state) == AIOPROC_QUEUE_FREE &&
          aioproc_queue_info_get_class (peek (&slot->info)) == size_class &&
          (size_class == 0 ||
           aioproc_queue_extent_is_valid (size_class, (guint64) peek (&slot->extent) *
                                                      AIOPROC_QUEUE_EXTENT_UNIT)))
        {
          next = peek (&slot->next);
          poke (first, next);
          aioproc_queue_slots_prefetch (self, next);

          return link;
        }

      if (repaired)
        {
          aioproc_queue_slots_set_corrupt (self, error);
          return 0;
        }

      if (!aioproc_queue_repair (self, wakes, error))
        return 0;

      repaired = TRUE;
    }
}

AioprocQueueStatus
aioproc_queue_slots_put (AioprocQueueSlots          *self,
                         const AioprocQueuePayload  *payload,
                         AioprocQueueSleep          *sleep,
                         AioprocQueueTransfer       *transfer,
                         GError                    **error)
{
  AioprocQueueHeader *header = self->header;
  guint size_class = aioproc_queue_class_for_length (payload->length);
  AioprocQueueWakes wakes = { 0 };
  AioprocQueueStatus status;
  AioprocQueueSlot *slot;
  guint64 sequence;
  guint64 offset;
  guint32 link;

  status = aioproc_queue_slots_enter (self, &wakes, error);

  if (status != AIOPROC_QUEUE_DONE)
    return status;

  if (G_UNLIKELY (peek (&header->closed)))
    {
      aioproc_queue_slots_leave (self, &wakes);
      return AIOPROC_QUEUE_CLOSED;
    }

  if (self->max_items != 0 && aioproc_queue_count_room_taken (header) >= self->max_items)
    {
      status = AIOPROC_QUEUE_WAIT;

      if (!aioproc_queue_slots_prepare_sleep (self, &header->room, sleep))
        status = AIOPROC_QUEUE_CLOSED;

      aioproc_queue_slots_leave (self, &wakes);
      return status;
    }

  link = aioproc_queue_slots_pop_free (self, size_class, &wakes, error);
  slot = link != 0 ? aioproc_queue_slots_at (self, link) : NULL;

  if (G_UNLIKELY (slot == NULL))
    {
      aioproc_queue_slots_leave (self, &wakes);
      return AIOPROC_QUEUE_FAILED;
    }

  sequence = peek (&header->next_sequence);
  poke (&header->next_sequence, sequence + 1);
  poke (&slot->sequence, sequence);
  poke (&slot->length, payload->length);
  poke (&slot->info, aioproc_queue_info (payload->kind, size_class, 0));
  offset = aioproc_queue_slot_get_offset (slot, link, size_class);
  poke (&header->n_used, peek (&header->n_used) + 1);
  aioproc_queue_note_cpu (&header->put_cpu);

  if (payload->length > AIOPROC_QUEUE_COPY_MAX)
    {
      transfer->slot = slot;
      transfer->link = link;
      transfer->state = AIOPROC_QUEUE_FILLING | aioproc_queue_slots_get_owner (self);
      transfer->kind = payload->kind;
      transfer->size_class = size_class;
      transfer->length = payload->length;
      transfer->offset = offset;

      /* Release: the sweep and the repair, which must find the extent. */
      atomic_store_explicit (&slot->state, transfer->state, memory_order_release);

      if (!aioproc_queue_slots_link_busy (self, link, slot))
        atomic_fetch_or (&header->stale, AIOPROC_QUEUE_STALE_ALL);

      aioproc_queue_slots_leave (self, &wakes);

      return AIOPROC_QUEUE_BEGUN;
    }

  if (!aioproc_queue_memory_copy_in (&self->memory, offset, payload->data, payload->length))
    {
      aioproc_queue_slots_retire (self, link, slot, &wakes);
      aioproc_queue_slots_leave (self, &wakes);
      aioproc_queue_memory_set_error (&self->memory, error);

      return AIOPROC_QUEUE_FAILED;
    }

  /* The item is in the queue. Release: a getter's acquire of the state. */
  atomic_store_explicit (&slot->state, AIOPROC_QUEUE_READY, memory_order_release);

  if (!aioproc_queue_slots_append_ready (self, link, slot))
    atomic_fetch_or (&header->stale, AIOPROC_QUEUE_STALE_ALL);

  aioproc_queue_slots_wake_items (self, &wakes, 1);
  aioproc_queue_slots_leave (self, &wakes);

  return AIOPROC_QUEUE_DONE;
}

gboolean
aioproc_queue_slots_fill (AioprocQueueSlots          *self,
                          const AioprocQueueTransfer *transfer,
                          gconstpointer               data,
                          GError                    **error)
{
  return aioproc_queue_fill_extent (self, transfer->slot, transfer->size_class, transfer->offset,
                                    data, transfer->length, error);
}

gboolean
aioproc_queue_slots_allocate (AioprocQueueSlots          *self,
                              const AioprocQueueTransfer *transfer,
                              GError                    **error)
{
  return aioproc_queue_grow_extent (self, transfer->slot, transfer->size_class, transfer->offset,
                                    transfer->length, error);
}
