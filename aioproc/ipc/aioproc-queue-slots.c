/* aioproc-queue-slots.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-slots-private.h"

#include <string.h>

#include "ipc/aioproc-queue-grow-private.h"
#include "ipc/aioproc-queue-lists-private.h"
#include "ipc/aioproc-queue-repair-private.h"
#include "platform/aioproc-cpu-private.h"
#include "platform/aioproc-futex-private.h"

#define peek(field)        aioproc_queue_peek (field)
#define poke(field, value) aioproc_queue_poke (field, value)

static void
set_corrupt_error (AioprocQueueSlots  *self,
                   GError            **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The memory of %s is damaged", self->description);
}

gboolean
aioproc_queue_slots_init (AioprocQueueSlots  *self,
                          AioprocShm         *shm,
                          gboolean            create,
                          guint32             max_items,
                          GError            **error)
{
  AioprocQueueHeader *header;
  guint32 n_slots;

  if (!aioproc_queue_memory_init (&self->memory, shm, error))
    return FALSE;

  header = aioproc_shm_get_state (shm);
  self->header = header;
  self->family = aioproc_shm_get_family (shm);
  self->sequence = aioproc_family_get_sequence (self->family);
  self->description = aioproc_shm_describe (shm);

  if (create)
    {
      poke (&header->max_items, max_items);
      poke (&header->n_slots, AIOPROC_QUEUE_BIRTH_SLOTS);

      for (guint32 link = AIOPROC_QUEUE_BIRTH_SLOTS; link > 0; link--)
        aioproc_queue_slots_push_free (self, link, aioproc_queue_slots_at (self, link), 0);
    }

  n_slots = peek (&header->n_slots);
  self->max_items = peek (&header->max_items);

  if (n_slots < AIOPROC_QUEUE_BIRTH_SLOTS || n_slots > AIOPROC_QUEUE_MAX_SLOTS)
    {
      set_corrupt_error (self, error);
      return FALSE;
    }

  return TRUE;
}

void
aioproc_queue_slots_clear (AioprocQueueSlots *self)
{
  aioproc_queue_memory_clear (&self->memory);
}

/* --- The lock --- */

static void
aioproc_queue_slots_leave (AioprocQueueSlots       *self,
                           const AioprocQueueWakes *wakes)
{
  AioprocLockWord *lock = &self->header->lock;

  if (G_UNLIKELY (!aioproc_lock_word_free_taken (lock, aioproc_family_get_owner (self->family))))
    aioproc_lock_word_release (lock, self->family);

  if (G_UNLIKELY ((wakes->items | wakes->room) != 0))
    aioproc_queue_wakes_send (wakes, self);
}

/* The lock is held: brings up to date what it guards. Frees it on failure. */
static gboolean
aioproc_queue_slots_catch_up (AioprocQueueSlots  *self,
                              gboolean            abandoned,
                              AioprocQueueWakes  *wakes,
                              GError            **error)
{
  AioprocQueueHeader *header = self->header;

  if (!abandoned && (peek (&header->stale) & AIOPROC_QUEUE_STALE_ALL) == 0 &&
      aioproc_queue_sweep (self, wakes))
    return TRUE;

  if (aioproc_queue_repair (self, wakes, error))
    return TRUE;

  aioproc_queue_slots_leave (self, wakes);

  return FALSE;
}

/* Takes the lock: DONE, BUSY or FAILED. */
static AioprocQueueStatus
aioproc_queue_slots_enter (AioprocQueueSlots  *self,
                           AioprocQueueWakes  *wakes,
                           GError            **error)
{
  AioprocQueueHeader *header = self->header;
  guint32 owner = aioproc_family_get_owner (self->family);
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
  if (G_UNLIKELY (result == AIOPROC_LOCK_ABANDONED || peek (&header->stale) != 0 ||
                  peek (self->sequence) != peek (&header->swept)) &&
      !aioproc_queue_slots_catch_up (self, result == AIOPROC_LOCK_ABANDONED, wakes, error))
    return AIOPROC_QUEUE_FAILED;

  return AIOPROC_QUEUE_DONE;
}

static guint32
get_owner (AioprocQueueSlots *self)
{
  return aioproc_family_get_owner (self->family);
}

static void
note_cpu (_Atomic guint32 *field)
{
  guint32 cpu = (guint32) (aioproc_cpu_get_current () + 1);

  if (G_UNLIKELY (peek (field) != cpu))
    poke (field, cpu);
}

/* Fetches what the next operation of this kind will touch. */
static void
prefetch (AioprocQueueSlots *self,
          guint32            link)
{
  AioprocQueueSlot *slot;

  if (link == 0)
    return;

  slot = aioproc_queue_slots_at (self, link);
  __builtin_prefetch (slot, 1);
  __builtin_prefetch ((guint8 *) slot + 64, 1);
}

/* The caller of a call that may sleep found nothing: it marks the word. FALSE: the queue was closed
 * meanwhile, perhaps before the mark, so that the wake-up did not reach it.
 */
static gboolean
prepare_sleep (AioprocQueueSlots *self,
               _Atomic guint32   *word,
               AioprocQueueSleep *sleep)
{
  gboolean was_closed = peek (&self->header->closed) != 0;

  if (sleep == NULL)
    return TRUE;

  sleep->expected = aioproc_queue_word_mark (word);
  sleep->idle_usec = -1;

  /* Partner: aioproc_queue_slots_close(), which sets it before it changes the word. */
  return was_closed || atomic_load (&self->header->closed) == 0;
}

/* --- Put --- */

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
          prefetch (self, next);

          return link;
        }

      if (repaired)
        {
          set_corrupt_error (self, error);
          return 0;
        }

      if (!aioproc_queue_repair (self, wakes, error))
        return 0;

      repaired = TRUE;
    }
}

static guint64
get_offset (AioprocQueueSlot *slot,
            guint32           link,
            guint             size_class)
{
  if (size_class != 0)
    return (guint64) peek (&slot->extent) * AIOPROC_QUEUE_EXTENT_UNIT;

  return AIOPROC_QUEUE_SLOTS_OFFSET + (guint64) (link - 1) * sizeof (AioprocQueueSlot) +
         G_STRUCT_OFFSET (AioprocQueueSlot, payload);
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

  if (self->max_items != 0 && peek (&header->n_used) >= self->max_items)
    {
      status = prepare_sleep (self, &header->room, sleep) ? AIOPROC_QUEUE_WAIT
                                                          : AIOPROC_QUEUE_CLOSED;
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
  offset = get_offset (slot, link, size_class);
  poke (&header->n_used, peek (&header->n_used) + 1);
  note_cpu (&header->put_cpu);

  if (payload->length > AIOPROC_QUEUE_COPY_MAX)
    {
      transfer->slot = slot;
      transfer->link = link;
      transfer->state = AIOPROC_QUEUE_FILLING | get_owner (self);
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

/* --- The end of a transfer --- */

/* The slot changes where the lock cannot be had: the store counts, and who sleeps is woken to bring
 * the caches up to date.
 */
static void
aioproc_queue_slots_end_unlocked (AioprocQueueSlots          *self,
                                  const AioprocQueueTransfer *transfer,
                                  guint32                     state)
{
  AioprocQueueHeader *header = self->header;

  /* Release: the acquire of the sweep. */
  atomic_store_explicit (&transfer->slot->state, state, memory_order_release);
  atomic_fetch_or (&header->stale, AIOPROC_QUEUE_STALE_BUSY);
  atomic_fetch_add (&header->items, AIOPROC_QUEUE_CHANGE);
  atomic_fetch_add (&header->room, AIOPROC_QUEUE_CHANGE);
  aioproc_futex_wake (&header->items, 1);
  aioproc_futex_wake (&header->room, 1);
}

static void
aioproc_queue_slots_end (AioprocQueueSlots          *self,
                         const AioprocQueueTransfer *transfer,
                         guint32                     state)
{
  AioprocQueueHeader *header = self->header;
  AioprocQueueSlot *slot = transfer->slot;
  AioprocQueueWakes wakes = { 0 };
  gboolean linked;

  if (aioproc_queue_slots_enter (self, &wakes, NULL) != AIOPROC_QUEUE_DONE)
    {
      aioproc_queue_slots_end_unlocked (self, transfer, state);
      return;
    }

  /* Another process wrote to what is ours: it is not ours any more. */
  if (G_UNLIKELY (peek (&slot->state) != transfer->state))
    {
      aioproc_queue_slots_leave (self, &wakes);
      return;
    }

  linked = aioproc_queue_slots_unlink_busy (self, transfer->link, slot);

  if (state == AIOPROC_QUEUE_READY && transfer->state == (AIOPROC_QUEUE_FILLING | get_owner (self)))
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
      aioproc_queue_slots_retire (self, transfer->link, slot, &wakes);
    }
  else
    {
      if (!aioproc_queue_slots_insert_ready (self, transfer->link, slot))
        atomic_fetch_or (&header->stale, AIOPROC_QUEUE_STALE_ALL);

      aioproc_queue_slots_wake_items (self, &wakes, 1);
    }

  aioproc_queue_slots_leave (self, &wakes);
}

void
aioproc_queue_slots_commit (AioprocQueueSlots          *self,
                            const AioprocQueueTransfer *transfer)
{
  aioproc_queue_slots_end (self, transfer, AIOPROC_QUEUE_READY);
}

void
aioproc_queue_slots_abort (AioprocQueueSlots          *self,
                           const AioprocQueueTransfer *transfer)
{
  aioproc_queue_slots_end (self, transfer, AIOPROC_QUEUE_FREE);
}

void
aioproc_queue_slots_ack (AioprocQueueSlots          *self,
                         const AioprocQueueTransfer *transfer)
{
  aioproc_queue_slots_end (self, transfer, AIOPROC_QUEUE_FREE);
}

void
aioproc_queue_slots_give_back (AioprocQueueSlots          *self,
                               const AioprocQueueTransfer *transfer)
{
  aioproc_queue_slots_end (self, transfer, AIOPROC_QUEUE_READY);
}

/* --- Get --- */

/* Whether the item in a READY slot lies where an item of its length may lie. */
static gboolean
check_item (const AioprocQueueTransfer *item)
{
  if (item->kind != AIOPROC_QUEUE_BYTES && item->kind != AIOPROC_QUEUE_VARIANT)
    return FALSE;

  if (item->size_class == 0)
    return item->length <= AIOPROC_QUEUE_INLINE_SIZE;

  return aioproc_queue_extent_is_valid (item->size_class, item->offset) &&
         item->length <= aioproc_queue_class_get_size (item->size_class);
}

/* Looks at the first item: everything of it is read once. FALSE: there is none. */
static gboolean
aioproc_queue_slots_look (AioprocQueueSlots    *self,
                          AioprocQueueWakes    *wakes,
                          AioprocQueueTransfer *item,
                          GError              **error)
{
  gboolean repaired = FALSE;
  guint32 info;

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
          set_corrupt_error (self, error);
          return FALSE;
        }

      if (!aioproc_queue_repair (self, wakes, error))
        return FALSE;

      repaired = TRUE;
    }

  info = peek (&item->slot->info);
  item->state = AIOPROC_QUEUE_READY;
  item->kind = aioproc_queue_info_get_kind (info);
  item->size_class = aioproc_queue_info_get_class (info);
  item->length = peek (&item->slot->length);
  item->offset = get_offset (item->slot, item->link, item->size_class);

  return TRUE;
}

/* Takes the first item, which was looked at, off the list of what is ready. */
static void
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

  prefetch (self, next);
}

static void
aioproc_queue_slots_free_item (AioprocQueueSlots          *self,
                               const AioprocQueueTransfer *item,
                               AioprocQueueWakes          *wakes)
{
  aioproc_queue_slots_pop_ready (self, item);

  /* The item is gone. Release: its copy is made before. */
  atomic_store_explicit (&item->slot->state, AIOPROC_QUEUE_FREE, memory_order_release);
  aioproc_queue_slots_retire (self, item->link, item->slot, wakes);
}

static AioprocQueueStatus
aioproc_queue_slots_get_none (AioprocQueueSlots *self,
                              AioprocQueueSleep *sleep)
{
  AioprocQueueHeader *header = self->header;

  /* What is being filled or is leased may become ready yet. */
  if (peek (&header->n_used) == 0 &&
      (peek (&header->closed) || !prepare_sleep (self, &header->items, sleep)))
    return AIOPROC_QUEUE_CLOSED;

  if (peek (&header->n_used) != 0)
    prepare_sleep (self, &header->items, sleep);
  else if (sleep != NULL && peek (&header->n_allocated) > AIOPROC_QUEUE_IDLE_KEEP)
    sleep->idle_usec = peek (&header->empty_since) + AIOPROC_QUEUE_IDLE_USEC;

  return AIOPROC_QUEUE_WAIT;
}

AioprocQueueStatus
aioproc_queue_slots_get (AioprocQueueSlots     *self,
                         gboolean               bytes_only,
                         AioprocQueueSleep     *sleep,
                         guint8                *buffer,
                         AioprocQueueTransfer  *transfer,
                         GError               **error)
{
  AioprocQueueHeader *header = self->header;
  AioprocQueueWakes wakes = { 0 };
  AioprocQueueStatus status;
  g_autoptr(GError) local_error = NULL;

  status = aioproc_queue_slots_enter (self, &wakes, error);

  if (status != AIOPROC_QUEUE_DONE)
    return status;

  if (!aioproc_queue_slots_look (self, &wakes, transfer, &local_error))
    {
      status = local_error != NULL ? AIOPROC_QUEUE_FAILED
                                   : aioproc_queue_slots_get_none (self, sleep);
    }
  else if (G_UNLIKELY (!check_item (transfer)))
    {
      aioproc_queue_slots_free_item (self, transfer, &wakes);
      set_corrupt_error (self, &local_error);
      status = AIOPROC_QUEUE_FAILED;
    }
  else if (bytes_only && transfer->kind != AIOPROC_QUEUE_BYTES)
    {
      status = AIOPROC_QUEUE_MISMATCH;
    }
  else if (transfer->length > AIOPROC_QUEUE_COPY_MAX)
    {
      transfer->state = AIOPROC_QUEUE_LEASED | get_owner (self);
      poke (&transfer->slot->info,
            peek (&transfer->slot->info) | AIOPROC_QUEUE_INFO_PLACED);
      aioproc_queue_slots_pop_ready (self, transfer);

      /* Release: the acquire of the sweep. */
      atomic_store_explicit (&transfer->slot->state, transfer->state, memory_order_release);

      if (!aioproc_queue_slots_link_busy (self, transfer->link, transfer->slot))
        atomic_fetch_or (&header->stale, AIOPROC_QUEUE_STALE_ALL);

      note_cpu (&header->get_cpu);
      status = AIOPROC_QUEUE_BEGUN;
    }
  else if (!aioproc_queue_memory_copy_out (&self->memory, transfer->offset, buffer,
                                           transfer->length))
    {
      aioproc_queue_memory_set_error (&self->memory, &local_error);
      status = AIOPROC_QUEUE_FAILED;
    }
  else
    {
      aioproc_queue_slots_free_item (self, transfer, &wakes);
      note_cpu (&header->get_cpu);
      status = AIOPROC_QUEUE_DONE;
    }

  aioproc_queue_slots_leave (self, &wakes);

  if (local_error != NULL)
    g_propagate_error (error, g_steal_pointer (&local_error));

  return status;
}

/* --- The whole queue --- */

void
aioproc_queue_slots_close (AioprocQueueSlots *self)
{
  AioprocQueueHeader *header = self->header;

  /* Partner: prepare_sleep(), which looks at it after it has marked a word. */
  atomic_store (&header->closed, 1);
  atomic_fetch_add (&header->items, AIOPROC_QUEUE_CHANGE);
  atomic_fetch_add (&header->room, AIOPROC_QUEUE_CHANGE);
  aioproc_futex_wake (&header->items, G_MAXINT);
  aioproc_futex_wake (&header->room, G_MAXINT);
}

gboolean
aioproc_queue_slots_is_closed (AioprocQueueSlots *self)
{
  return peek (&self->header->closed) != 0;
}

void
aioproc_queue_slots_count (AioprocQueueSlots *self,
                           guint             *n_ready,
                           guint             *n_used)
{
  AioprocQueueHeader *header = self->header;
  AioprocQueueWakes wakes = { 0 };
  gboolean entered = aioproc_queue_slots_enter (self, &wakes, NULL) == AIOPROC_QUEUE_DONE;

  *n_ready = peek (&header->n_ready);
  *n_used = peek (&header->n_used);

  if (entered)
    aioproc_queue_slots_leave (self, &wakes);
}

void
aioproc_queue_slots_trim (AioprocQueueSlots *self)
{
  AioprocQueueHeader *header = self->header;
  AioprocQueueWakes wakes = { 0 };
  AioprocLockResult result;

  if (aioproc_family_attach (self->family, NULL) == 0)
    return;

  result = aioproc_lock_word_lock (&header->lock, self->family);

  if (!aioproc_queue_slots_catch_up (self, result == AIOPROC_LOCK_ABANDONED, &wakes, NULL))
    return;

  if (peek (&header->n_used) == 0 && peek (&header->n_allocated) > AIOPROC_QUEUE_IDLE_KEEP &&
      g_get_monotonic_time () - peek (&header->empty_since) >= AIOPROC_QUEUE_IDLE_USEC)
    aioproc_queue_shrink (self);

  aioproc_queue_slots_leave (self, &wakes);
}
