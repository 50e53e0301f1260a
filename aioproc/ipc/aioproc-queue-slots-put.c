/* aioproc-queue-slots-put.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-slots-private.h"

#include "ipc/aioproc-queue-enter-private.h"
#include "ipc/aioproc-queue-grow-private.h"
#include "ipc/aioproc-queue-repair-private.h"
#include "ipc/aioproc-queue-trim-private.h"
#include "platform/aioproc-futex-private.h"

#define peek(field)        aioproc_queue_peek (field)
#define poke(field, value) aioproc_queue_poke (field, value)

/* How long the turn of one that waits for room lasts, unless it looks again. */
#define TURN_USEC (200 * G_TIME_SPAN_MILLISECOND)

static guint64
make_claim (AioprocQueueSlots *self,
            guint32            ticket)
{
  return (guint64) aioproc_queue_slots_get_owner (self) << 32 | ticket;
}

/* Takes a free slot with an extent of @size_class off its list. NULL: none is to be had. */
static inline AioprocQueueSlot *
aioproc_queue_slots_pop_free (AioprocQueueSlots  *self,
                              guint               size_class,
                              guint32            *link_out,
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
            return NULL;

          continue;
        }

      slot = aioproc_queue_slots_at (self, link);

      if (slot != NULL && peek (&slot->state) == AIOPROC_QUEUE_FREE &&
          aioproc_queue_info_is_warm (peek (&slot->info), size_class) &&
          (size_class == 0 ||
           aioproc_queue_extent_is_valid (size_class, (guint64) peek (&slot->extent) *
                                                      AIOPROC_QUEUE_EXTENT_UNIT)))
        {
          next = peek (&slot->next);
          poke (first, next);
          aioproc_queue_slots_prefetch (self, next);
          *link_out = link;

          return slot;
        }

      if (slot != NULL && aioproc_queue_is_slot_cold (slot, size_class))
        {
          if (!aioproc_queue_warm_up (self, slot, size_class, wakes, error))
            return 0;

          continue;
        }

      if (repaired)
        {
          aioproc_queue_slots_set_corrupt (self, error);
          return NULL;
        }

      if (!aioproc_queue_repair (self, wakes, error))
        return NULL;

      repaired = TRUE;
    }
}

/* Is there room for @length bytes more, and nobody before us who waits for some? Who does not find
 * enough has the next turn, so that a large item is not passed by small ones for ever. It must
 * look again from time to time, or a turn is over: a process that is stopped, or killed, holds up
 * the others for no longer.
 */
static gboolean
aioproc_queue_slots_has_bytes (AioprocQueueSlots *self,
                               guint64            length,
                               AioprocQueueSleep *sleep,
                               AioprocQueueWakes *wakes)
{
  AioprocQueueHeader *header = self->header;
  guint64 claim = peek (&header->claim);
  guint64 own = 0;
  guint64 n_bytes = peek (&header->n_bytes);

  if (sleep != NULL && sleep->ticket != 0)
    own = make_claim (self, sleep->ticket);

  if (claim != 0 && claim != own)
    {
      gint64 since_usec = peek (&header->claim_usec);
      gint64 age_usec = g_get_monotonic_time () - since_usec;

      if (age_usec >= 0 && age_usec < TURN_USEC)
        {
          if (sleep != NULL)
            sleep->turn_usec = since_usec + TURN_USEC;

          return FALSE;
        }
    }

  if (length <= self->max_bytes && n_bytes <= self->max_bytes - length)
    {
      if (claim != 0)
        {
          poke (&header->claim, 0);
          aioproc_queue_slots_wake_room (self, wakes, G_MAXINT);
        }

      return TRUE;
    }

  if (own != 0)
    {
      gint64 now_usec = g_get_monotonic_time ();

      poke (&header->claim_usec, now_usec);
      poke (&header->claim, own);
      sleep->turn_usec = now_usec + TURN_USEC / 2;
    }

  return FALSE;
}

static gboolean
aioproc_queue_slots_has_room (AioprocQueueSlots *self,
                              guint64            length,
                              AioprocQueueSleep *sleep,
                              AioprocQueueWakes *wakes)
{
  if (self->max_items != 0 && aioproc_queue_count_room_taken (self->header) >= self->max_items)
    return FALSE;

  return self->max_bytes == 0 || aioproc_queue_slots_has_bytes (self, length, sleep, wakes);
}

void
aioproc_queue_slots_give_up (AioprocQueueSlots *self,
                             guint32            ticket)
{
  AioprocQueueHeader *header = self->header;
  guint64 claim = make_claim (self, ticket);

  if (ticket == 0 || !atomic_compare_exchange_strong (&header->claim, &claim, 0))
    return;

  atomic_fetch_add (&header->room, AIOPROC_QUEUE_CHANGE);
  aioproc_futex_wake (&header->room, G_MAXINT);
}

/* An item takes room. */
static void
aioproc_queue_slots_count_in (AioprocQueueSlots *self,
                              guint64            length)
{
  AioprocQueueHeader *header = self->header;
  guint32 n_items;
  guint64 n_bytes;

  poke (&header->n_used, peek (&header->n_used) + 1);
  aioproc_queue_slots_add_bytes (self, length);
  n_items = aioproc_queue_count_room_taken (header);
  n_bytes = peek (&header->n_bytes);

  if (n_items > peek (&header->peak_items))
    poke (&header->peak_items, n_items);

  if (n_bytes > peek (&header->peak_bytes))
    poke (&header->peak_bytes, n_bytes);
}

/* Under the lock. @beside_min: what has so many bytes or more is not copied under it, but begun,
 * which @transfer is needed for.
 */
G_ALWAYS_INLINE static inline AioprocQueueStatus
aioproc_queue_slots_put_locked (AioprocQueueSlots          *self,
                                const AioprocQueuePayload  *payload,
                                guint64                     beside_min,
                                AioprocQueueSleep          *sleep,
                                AioprocQueueTransfer       *transfer,
                                AioprocQueueWakes          *wakes,
                                GError                    **error)
{
  AioprocQueueHeader *header = self->header;
  guint size_class = aioproc_queue_class_for_length (payload->length);
  AioprocQueueSlot *slot;
  guint64 sequence;
  guint64 offset;
  guint32 link;

  if (G_UNLIKELY (peek (&header->closed)))
    return AIOPROC_QUEUE_CLOSED;

  if (!aioproc_queue_slots_has_room (self, payload->length, sleep, wakes))
    return aioproc_queue_slots_prepare_sleep (self, &header->room, sleep) ? AIOPROC_QUEUE_WAIT
                                                                          : AIOPROC_QUEUE_CLOSED;

  slot = aioproc_queue_slots_pop_free (self, size_class, &link, wakes, error);

  if (G_UNLIKELY (slot == NULL))
    return AIOPROC_QUEUE_FAILED;

  sequence = peek (&header->next_sequence);
  poke (&header->next_sequence, sequence + 1);
  poke (&slot->sequence, sequence);
  poke (&slot->length, payload->length);
  poke (&slot->info, aioproc_queue_info (payload->kind, size_class, 0));
  offset = aioproc_queue_slot_get_offset (slot, link, size_class);
  aioproc_queue_slots_count_in (self, payload->length);
  aioproc_queue_note_cpu (&header->put_cpu, sequence);

  if (payload->length >= beside_min)
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

      return AIOPROC_QUEUE_BEGUN;
    }

  if (!aioproc_queue_memory_copy_in (&self->memory, offset, payload->data, payload->length))
    {
      aioproc_queue_slots_take_bytes (self, payload->length);
      aioproc_queue_slots_retire (self, link, slot, wakes);
      aioproc_queue_memory_set_error (&self->memory, error);

      return AIOPROC_QUEUE_FAILED;
    }

  /* The item is in the queue. Release: a getter's acquire of the state. */
  atomic_store_explicit (&slot->state, AIOPROC_QUEUE_READY, memory_order_release);

  if (!aioproc_queue_slots_append_ready (self, link, slot))
    atomic_fetch_or (&header->stale, AIOPROC_QUEUE_STALE_ALL);

  aioproc_queue_slots_wake_items (self, wakes, 1);

  return AIOPROC_QUEUE_DONE;
}

AioprocQueueStatus
aioproc_queue_slots_put (AioprocQueueSlots          *self,
                         const AioprocQueuePayload  *payload,
                         AioprocQueueSleep          *sleep,
                         AioprocQueueTransfer       *transfer,
                         GError                    **error)
{
  AioprocQueueWakes wakes = { 0 };
  AioprocQueueStatus status = aioproc_queue_slots_enter (self, &wakes, error);

  if (status != AIOPROC_QUEUE_DONE)
    return status;

  status = aioproc_queue_slots_put_locked (self, payload, AIOPROC_QUEUE_COPY_MAX + 1, sleep,
                                           transfer, &wakes, error);
  aioproc_queue_slots_leave (self, &wakes);

  return status;
}

AioprocQueueStatus
aioproc_queue_slots_loan (AioprocQueueSlots     *self,
                          guint64                length,
                          AioprocQueueSleep     *sleep,
                          AioprocQueueTransfer  *transfer,
                          GError               **error)
{
  const AioprocQueuePayload payload = { .kind = AIOPROC_QUEUE_BYTES, .length = length };
  AioprocQueueWakes wakes = { 0 };
  AioprocQueueStatus status = aioproc_queue_slots_enter (self, &wakes, error);

  if (status != AIOPROC_QUEUE_DONE)
    return status;

  status = aioproc_queue_slots_put_locked (self, &payload, 0, sleep, transfer, &wakes, error);
  aioproc_queue_slots_leave (self, &wakes);

  return status;
}

AioprocQueueStatus
aioproc_queue_slots_put_many (AioprocQueueSlots          *self,
                              const AioprocQueuePayload  *payloads,
                              guint                       n_payloads,
                              AioprocQueueSleep          *sleep,
                              guint                      *n_put,
                              GError                    **error)
{
  AioprocQueueWakes wakes = { 0 };
  AioprocQueueStatus status = aioproc_queue_slots_enter (self, &wakes, error);

  *n_put = 0;

  if (status != AIOPROC_QUEUE_DONE)
    return status;

  /* What stops a later one is told to the next call. */
  while (*n_put < n_payloads && status == AIOPROC_QUEUE_DONE)
    {
      gboolean first = *n_put == 0;

      status = aioproc_queue_slots_put_locked (self, &payloads[*n_put], AIOPROC_QUEUE_COPY_MAX + 1,
                                               first ? sleep : NULL, NULL, &wakes,
                                               first ? error : NULL);
      *n_put += status == AIOPROC_QUEUE_DONE;
    }

  if (*n_put > 1)
    aioproc_queue_slots_wake_items (self, &wakes, *n_put);

  aioproc_queue_slots_leave (self, &wakes);

  return *n_put > 0 ? AIOPROC_QUEUE_DONE : status;
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
  /* What lies in its slot is there. */
  return transfer->size_class == 0 ||
         aioproc_queue_grow_extent (self, transfer->slot, transfer->size_class, transfer->offset,
                                    transfer->length, error);
}
