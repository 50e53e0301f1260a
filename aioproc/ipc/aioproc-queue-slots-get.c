/* aioproc-queue-slots-get.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <unistd.h>

#include "ipc/aioproc-queue-enter-private.h"
#include "ipc/aioproc-queue-grow-private.h"
#include "ipc/aioproc-queue-repair-private.h"
#include "platform/aioproc-memfd-private.h"

/* See aioproc_queue_slots_begin(). */
#define LIE_MAX (1024 * 1024)

#define peek(field)        aioproc_queue_peek (field)
#define poke(field, value) aioproc_queue_poke (field, value)

/* Whether the item in a READY slot lies where an item of its length may lie. */
static inline gboolean
check_item (const AioprocQueueTransfer *item)
{
  if (item->kind != AIOPROC_QUEUE_BYTES && item->kind != AIOPROC_QUEUE_VARIANT)
    return FALSE;

  if (item->size_class == 0)
    return item->length <= AIOPROC_QUEUE_INLINE_SIZE;

  return aioproc_queue_extent_is_valid (item->size_class, item->offset) &&
         item->length <= aioproc_queue_class_get_size (item->size_class);
}

/* An item that is to be read beside the lock, BEGUN or IN_PLACE. What a peer says to be there need
 * not be, and a look at pages that are none allocates them. Up to LIE_MAX bytes that is let be: to
 * ask takes a tenth of what it takes to copy what is asked for.
 */
static AioprocQueueStatus
aioproc_queue_slots_begin (AioprocQueueSlots          *self,
                           const AioprocQueueTransfer *item,
                           AioprocQueueStatus          status,
                           GError                    **error)
{
  if (G_LIKELY (item->length <= LIE_MAX) ||
      aioproc_memfd_find_hole (aioproc_shm_get_fd (self->memory.shm), item->offset) >=
      item->offset + item->length)
    return status;

  if (status == AIOPROC_QUEUE_IN_PLACE)
    (void) aioproc_queue_slots_release (self, item);
  else
    (void) aioproc_queue_slots_ack (self, item);

  aioproc_queue_slots_set_corrupt (self, error);

  return AIOPROC_QUEUE_FAILED;
}

/* Reads everything of an item once. */
static inline void
read_item (AioprocQueueTransfer *item)
{
  guint32 info = peek (&item->slot->info);

  item->kind = aioproc_queue_info_get_kind (info);
  item->size_class = aioproc_queue_info_get_class (info);
  item->n_failures = aioproc_queue_info_get_failures (info);
  item->length = peek (&item->slot->length);
  item->sequence = peek (&item->slot->sequence);
  item->offset = aioproc_queue_slot_get_offset (item->slot, item->link, item->size_class);
}

/* Looks at the first item. FALSE: there is none. */
static inline gboolean
aioproc_queue_slots_look (AioprocQueueSlots    *self,
                          AioprocQueueWakes    *wakes,
                          AioprocQueueTransfer *item,
                          GError              **error)
{
  gboolean repaired = FALSE;

  for (;;)
    {
      item->link = peek (&self->header->ready_first);

      if (item->link == 0)
        return FALSE;

      item->slot = aioproc_queue_slots_at (self, item->link);

      /* Acquire: what the putter wrote before its release. */
      if (item->slot != NULL &&
          atomic_load_explicit (&item->slot->state, memory_order_acquire) == AIOPROC_QUEUE_READY)
        break;

      if (repaired)
        {
          aioproc_queue_slots_set_corrupt (self, error);
          return FALSE;
        }

      if (!aioproc_queue_repair (self, wakes, error))
        return FALSE;

      repaired = TRUE;
    }

  item->state = AIOPROC_QUEUE_READY;
  read_item (item);

  return TRUE;
}

/* Takes the first item, which was looked at, off the list of what is ready. */
static inline void
aioproc_queue_slots_pop_ready (AioprocQueueSlots          *self,
                               const AioprocQueueTransfer *item)
{
  AioprocQueueHeader *header = self->header;
  guint32 next = peek (&item->slot->next);
  guint32 n_ready = peek (&header->n_ready);

  poke (&header->ready_first, next);

  if (next == 0)
    poke (&header->ready_last, 0);

  if (n_ready > 0)
    poke (&header->n_ready, n_ready - 1);

  aioproc_queue_slots_take_bytes (self, item->length);

  aioproc_queue_slots_prefetch (self, next);
}

static inline void
aioproc_queue_slots_free_item (AioprocQueueSlots          *self,
                               const AioprocQueueTransfer *item,
                               AioprocQueueWakes          *wakes)
{
  aioproc_queue_slots_pop_ready (self, item);

  /* The item is gone. Release: its copy is made before. */
  atomic_store_explicit (&item->slot->state, AIOPROC_QUEUE_FREE, memory_order_release);
  aioproc_queue_slots_retire (self, item->link, item->slot, wakes);
}

/* The first item, which was looked at, is this process's. It takes no room any more: who leases
 * an item and puts what comes of it before it acknowledges would wait for itself.
 */
static void
aioproc_queue_slots_lease_item (AioprocQueueSlots    *self,
                                AioprocQueueTransfer *item,
                                AioprocQueueWakes    *wakes)
{
  AioprocQueueHeader *header = self->header;
  guint32 info = peek (&item->slot->info);

  item->state = AIOPROC_QUEUE_LEASED | aioproc_queue_slots_get_owner (self);
  poke (&item->slot->holder, (guint32) getpid ());
  poke (&item->slot->info, (info | AIOPROC_QUEUE_INFO_PLACED) & ~AIOPROC_QUEUE_INFO_COUNTED);
  aioproc_queue_slots_pop_ready (self, item);
  poke (&header->n_leased, peek (&header->n_leased) + 1);

  /* Release: the acquire of the sweep. */
  atomic_store_explicit (&item->slot->state, item->state, memory_order_release);

  if (!aioproc_queue_slots_link_busy (self, item->link, item->slot))
    atomic_fetch_or (&header->stale, AIOPROC_QUEUE_STALE_ALL);

  if (self->max_items != 0 || self->max_bytes != 0)
    aioproc_queue_slots_wake_room (self, wakes, 1);

  aioproc_queue_note_cpu (&header->get_cpu, item->sequence);
}

/* The first item, which was looked at, is taken off the queue; its memory is this process's. FALSE:
 * it is to be copied.
 */
static gboolean
aioproc_queue_slots_hold_item (AioprocQueueSlots    *self,
                               AioprocQueueTransfer *item,
                               AioprocQueueWakes    *wakes)
{
  AioprocQueueHeader *header = self->header;
  guint32 info = peek (&item->slot->info);

  if (atomic_load_explicit (&self->n_held, memory_order_relaxed) >= AIOPROC_QUEUE_HELD_MAX ||
      aioproc_queue_memory_at (&self->memory, item->offset, item->length) == NULL)
    return FALSE;

  item->state = AIOPROC_QUEUE_FREE | aioproc_queue_slots_get_owner (self);
  info &= ~(AIOPROC_QUEUE_INFO_PLACED | AIOPROC_QUEUE_INFO_COUNTED);
  poke (&item->slot->info, info | AIOPROC_QUEUE_INFO_HELD);
  aioproc_queue_slots_pop_ready (self, item);

  /* The item is gone. Release: the acquire of the sweep. */
  atomic_store_explicit (&item->slot->state, item->state, memory_order_release);

  if (!aioproc_queue_slots_link_busy (self, item->link, item->slot))
    atomic_fetch_or (&header->stale, AIOPROC_QUEUE_STALE_ALL);

  aioproc_queue_slots_uncount (self, wakes);
  aioproc_queue_note_cpu (&header->get_cpu, item->sequence);
  atomic_fetch_add_explicit (&self->n_held, MAX (item->length, AIOPROC_QUEUE_HELD_MIN),
                             memory_order_relaxed);

  return TRUE;
}

static AioprocQueueStatus
aioproc_queue_slots_get_none (AioprocQueueSlots *self,
                              AioprocQueueSleep *sleep)
{
  AioprocQueueHeader *header = self->header;

  /* What is being filled or is leased may become ready yet. */
  if (peek (&header->n_used) == 0 &&
      (peek (&header->closed) || !aioproc_queue_slots_prepare_sleep (self, &header->items, sleep)))
    return AIOPROC_QUEUE_CLOSED;

  if (peek (&header->n_used) != 0)
    aioproc_queue_slots_prepare_sleep (self, &header->items, sleep);
  else if (sleep != NULL && peek (&header->n_faulty) == 0 && peek (&header->busy_first) == 0 &&
           peek (&header->n_allocated) > AIOPROC_QUEUE_IDLE_KEEP)
    sleep->idle_usec = peek (&header->empty_since) + AIOPROC_QUEUE_IDLE_USEC;

  return AIOPROC_QUEUE_WAIT;
}

/* Under the lock. */
static inline AioprocQueueStatus
aioproc_queue_slots_get_locked (AioprocQueueSlots     *self,
                                AioprocQueueGetFlags   flags,
                                AioprocQueueSleep     *sleep,
                                guint8                *buffer,
                                AioprocQueueTransfer  *transfer,
                                AioprocQueueWakes     *wakes,
                                GError               **error)
{
  AioprocQueueHeader *header = self->header;
  AioprocQueueStatus status;
  g_autoptr(GError) local_error = NULL;

  if (G_UNLIKELY (aioproc_queue_is_dropped (header)))
    {
      aioproc_queue_slots_drop (self, wakes);
      status = AIOPROC_QUEUE_CLOSED;
    }
  else if (!aioproc_queue_slots_look (self, wakes, transfer, &local_error))
    {
      status = local_error != NULL ? AIOPROC_QUEUE_FAILED
                                   : aioproc_queue_slots_get_none (self, sleep);
    }
  else if ((flags & AIOPROC_QUEUE_GET_SMALL_ONLY) != 0 &&
           (transfer->length > AIOPROC_QUEUE_COPY_MAX || !check_item (transfer)))
    {
      status = AIOPROC_QUEUE_MISMATCH;
    }
  else if (G_UNLIKELY (!check_item (transfer)))
    {
      aioproc_queue_slots_free_item (self, transfer, wakes);
      aioproc_queue_slots_set_corrupt (self, &local_error);
      status = AIOPROC_QUEUE_FAILED;
    }
  else if ((flags & AIOPROC_QUEUE_GET_BYTES_ONLY) != 0 && transfer->kind != AIOPROC_QUEUE_BYTES)
    {
      status = AIOPROC_QUEUE_MISMATCH;
    }
  else if (transfer->length > AIOPROC_QUEUE_COPY_MAX &&
           (flags & AIOPROC_QUEUE_GET_HOLD) != 0 &&
           aioproc_queue_slots_hold_item (self, transfer, wakes))
    {
      status = AIOPROC_QUEUE_IN_PLACE;
    }
  else if (transfer->length > AIOPROC_QUEUE_COPY_MAX)
    {
      aioproc_queue_slots_lease_item (self, transfer, wakes);
      status = AIOPROC_QUEUE_BEGUN;
    }
  else if (!aioproc_queue_memory_copy_out (&self->memory, transfer->offset, buffer,
                                           transfer->length))
    {
      aioproc_queue_memory_set_error (&self->memory, &local_error);
      status = AIOPROC_QUEUE_FAILED;
    }
  else if ((flags & AIOPROC_QUEUE_GET_KEEP) != 0)
    {
      aioproc_queue_slots_lease_item (self, transfer, wakes);
      status = AIOPROC_QUEUE_DONE;
    }
  else
    {
      aioproc_queue_slots_free_item (self, transfer, wakes);
      aioproc_queue_note_cpu (&header->get_cpu, transfer->sequence);
      status = AIOPROC_QUEUE_DONE;
    }

  if (local_error != NULL)
    g_propagate_error (error, g_steal_pointer (&local_error));

  return status;
}

AioprocQueueStatus
aioproc_queue_slots_get (AioprocQueueSlots     *self,
                         AioprocQueueGetFlags   flags,
                         AioprocQueueSleep     *sleep,
                         guint8                *buffer,
                         AioprocQueueTransfer  *transfer,
                         GError               **error)
{
  AioprocQueueWakes wakes = { 0 };
  AioprocQueueStatus status = aioproc_queue_slots_enter (self, &wakes, error);

  if (status != AIOPROC_QUEUE_DONE)
    return status;

  status = aioproc_queue_slots_get_locked (self, flags, sleep, buffer, transfer, &wakes,
                                           error);
  aioproc_queue_slots_leave (self, &wakes);

  if (status == AIOPROC_QUEUE_BEGUN || status == AIOPROC_QUEUE_IN_PLACE)
    return aioproc_queue_slots_begin (self, transfer, status, error);

  return status;
}

/* Whether the next item can be copied under the lock, too. It is read again when it is taken. */
static gboolean
aioproc_queue_slots_is_next_small (AioprocQueueSlots    *self,
                                   AioprocQueueGetFlags  flags,
                                   AioprocQueueWakes    *wakes)
{
  AioprocQueueTransfer item;

  return aioproc_queue_slots_look (self, wakes, &item, NULL) && check_item (&item) &&
         ((flags & AIOPROC_QUEUE_GET_BYTES_ONLY) == 0 || item.kind == AIOPROC_QUEUE_BYTES) &&
         item.length <= AIOPROC_QUEUE_COPY_MAX;
}

AioprocQueueStatus
aioproc_queue_slots_get_many (AioprocQueueSlots     *self,
                              AioprocQueueGetFlags   flags,
                              AioprocQueueSleep     *sleep,
                              AioprocQueueBatch     *batch,
                              guint                  max_items,
                              AioprocQueueTransfer  *transfer,
                              GError               **error)
{
  AioprocQueueWakes wakes = { 0 };
  AioprocQueueStatus status = aioproc_queue_slots_enter (self, &wakes, error);
  guint8 *buffer = (guint8 *) batch->buffer;
  gsize used = 0;

  batch->n_items = 0;

  if (status != AIOPROC_QUEUE_DONE)
    return status;

  /* Only one transfer can be told. */
  max_items = (flags & AIOPROC_QUEUE_GET_KEEP) != 0 ? 1
                                                    : MIN (max_items, AIOPROC_QUEUE_BATCH_ITEMS);

  do
    {
      AioprocQueueTransfer *item = batch->n_items == 0 ? transfer : &batch->scratch;

      status = aioproc_queue_slots_get_locked (self, flags, batch->n_items == 0 ? sleep : NULL,
                                               buffer + used, item, &wakes,
                                               batch->n_items == 0 ? error : NULL);

      if (status != AIOPROC_QUEUE_DONE)
        break;

      /* What a peer makes larger after a look at it is given back. */
      flags &= ~AIOPROC_QUEUE_GET_HOLD;

      batch->items[batch->n_items].kind = item->kind;
      batch->items[batch->n_items].length = item->length;
      batch->items[batch->n_items].offset = used;
      batch->n_items++;
      /* Aligned as the codec wants it. */
      used += (item->length + 7) / 8 * 8;
    }
  while (batch->n_items < max_items && used <= AIOPROC_QUEUE_BATCH_BYTES &&
         aioproc_queue_slots_is_next_small (self, flags, &wakes));

  if (self->max_items != 0 && batch->n_items > 1)
    aioproc_queue_slots_wake_room (self, &wakes, batch->n_items);

  aioproc_queue_slots_leave (self, &wakes);

  if (batch->n_items == 0 && (status == AIOPROC_QUEUE_BEGUN || status == AIOPROC_QUEUE_IN_PLACE))
    return aioproc_queue_slots_begin (self, transfer, status, error);

  if (batch->n_items == 0)
    return status;

  /* A peer made it longer in between. */
  if (G_UNLIKELY (status == AIOPROC_QUEUE_BEGUN))
    (void) aioproc_queue_slots_give_back (self, &batch->scratch);

  return AIOPROC_QUEUE_DONE;
}

AioprocQueueStatus
aioproc_queue_slots_watch (AioprocQueueSlots  *self,
                           AioprocQueueSleep  *sleep,
                           GError            **error)
{
  AioprocQueueHeader *header = self->header;
  AioprocQueueWakes wakes = { 0 };
  AioprocQueueStatus status = aioproc_queue_slots_enter (self, &wakes, error);
  AioprocQueueTransfer item;
  GError *local_error = NULL;
  guint32 expected = 0;

  if (status != AIOPROC_QUEUE_DONE)
    return status;

  /* Before the other word, which who changes the queue looks at first, and before the look at what
   * a close sets before it changes either.
   */
  if (sleep != NULL)
    expected = aioproc_queue_slots_mark (self, &header->watch);

  if (G_UNLIKELY (aioproc_queue_is_dropped (header)))
    {
      aioproc_queue_slots_drop (self, &wakes);
      status = AIOPROC_QUEUE_CLOSED;
    }
  else if (!aioproc_queue_slots_look (self, &wakes, &item, &local_error))
    {
      status = local_error != NULL ? AIOPROC_QUEUE_FAILED
                                   : aioproc_queue_slots_get_none (self, sleep);

      if (status == AIOPROC_QUEUE_WAIT && sleep != NULL)
        sleep->expected = expected;
    }

  aioproc_queue_slots_leave (self, &wakes);

  if (local_error != NULL)
    g_propagate_error (error, local_error);

  return status;
}

/* --- What has failed too often --- */

AioprocQueueStatus
aioproc_queue_slots_get_faulty (AioprocQueueSlots     *self,
                                AioprocQueueTransfer  *transfer,
                                GError               **error)
{
  AioprocQueueHeader *header = self->header;
  AioprocQueueWakes wakes = { 0 };
  AioprocQueueStatus status;
  AioprocQueueSlot *slot;

  status = aioproc_queue_slots_enter (self, &wakes, error);

  if (status != AIOPROC_QUEUE_DONE)
    return status;

  transfer->link = peek (&header->faulty_first);
  transfer->slot = slot = aioproc_queue_slots_at (self, transfer->link);

  if (transfer->link == 0)
    {
      aioproc_queue_slots_leave (self, &wakes);
      return AIOPROC_QUEUE_WAIT;
    }

  /* Acquire: what its last holder wrote. */
  if (slot == NULL ||
      atomic_load_explicit (&slot->state, memory_order_acquire) != AIOPROC_QUEUE_FAULTY)
    {
      atomic_fetch_or (&header->stale, AIOPROC_QUEUE_STALE_ALL);
      aioproc_queue_slots_leave (self, &wakes);
      aioproc_queue_slots_set_corrupt (self, error);

      return AIOPROC_QUEUE_FAILED;
    }

  read_item (transfer);
  transfer->state = AIOPROC_QUEUE_LEASED | aioproc_queue_slots_get_owner (self);
  poke (&header->faulty_first, peek (&slot->next));

  if (peek (&slot->next) == 0)
    poke (&header->faulty_last, 0);

  aioproc_queue_count (&header->n_faulty, -1);
  poke (&header->n_used, peek (&header->n_used) + 1);
  poke (&header->n_leased, peek (&header->n_leased) + 1);

  /* That its last delivery has failed was counted already, so that ours counts for nothing: until
   * it is taken out it comes back to where it was. Release: the acquire of the sweep.
   */
  atomic_store_explicit (&slot->state, transfer->state, memory_order_release);

  if (!aioproc_queue_slots_link_busy (self, transfer->link, slot))
    atomic_fetch_or (&header->stale, AIOPROC_QUEUE_STALE_ALL);

  aioproc_queue_slots_leave (self, &wakes);

  if (check_item (transfer))
    return aioproc_queue_slots_begin (self, transfer, AIOPROC_QUEUE_BEGUN, error);

  (void) aioproc_queue_slots_ack (self, transfer);
  aioproc_queue_slots_set_corrupt (self, error);

  return AIOPROC_QUEUE_FAILED;
}
