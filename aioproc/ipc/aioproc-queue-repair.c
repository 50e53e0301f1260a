/* aioproc-queue-repair.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-repair-private.h"

#include <gio/gio.h>
#include <stdlib.h>

#include "ipc/aioproc-queue-grow-private.h"
#include "ipc/aioproc-queue-history-private.h"
#include "ipc/aioproc-queue-lists-private.h"
#include "ipc/aioproc-queue-map-private.h"
#include "platform/aioproc-memfd-private.h"

#define peek(field)        aioproc_queue_peek (field)
#define poke(field, value) aioproc_queue_poke (field, value)

typedef struct {
  guint64  sequence;
  guint32  link;
  gboolean faulty;
} ReadyItem;

typedef struct {
  AioprocQueueSlots *slots;
  /* Private memory: a list that is sorted where peers write can send us round in circles. */
  ReadyItem         *ready;          /* (owned) */
  gsize              n_ready;
  gsize              capacity;
  guint32            n_used;
  guint32            n_leased;
  guint64            n_bytes;
  guint64            next_sequence;
  guint32            known_owner;    /* whose state is_dead() was last asked */
  gboolean           known_dead;
} Repair;

static gboolean
is_dead (Repair  *self,
         guint32  state)
{
  guint32 owner = state & AIOPROC_OWNER_MASK;

  if (owner != self->known_owner)
    {
      self->known_owner = owner;
      self->known_dead = (owner & AIOPROC_OWNER_BIT) == 0 ||
                         aioproc_family_is_dead (self->slots->family, owner);
    }

  return self->known_dead;
}

/* One that is ready, or would be: in a queue that was closed at once it is free. */
static guint32
settle_ready (Repair           *self,
              AioprocQueueSlot *slot,
              guint32           state)
{
  if (state == AIOPROC_QUEUE_READY && aioproc_queue_is_dropped (self->slots->header))
    state = AIOPROC_QUEUE_FREE;

  atomic_store_explicit (&slot->state, state, memory_order_release);

  return state;
}

/* The slot's state, after the death of its owner was taken into account. */
static guint32
settle (Repair           *self,
        guint32           link,
        AioprocQueueSlot *slot)
{
  /* Acquire: the release of who made it what it is. */
  guint32 state = atomic_load_explicit (&slot->state, memory_order_acquire);

  switch (state & AIOPROC_QUEUE_STATE_MASK)
    {
    case AIOPROC_QUEUE_FILLING:
      if (!is_dead (self, state))
        return AIOPROC_QUEUE_FILLING;

      atomic_store_explicit (&slot->state, AIOPROC_QUEUE_FREE, memory_order_release);

      return AIOPROC_QUEUE_FREE;

    case AIOPROC_QUEUE_LEASED:
      if (!is_dead (self, state))
        return AIOPROC_QUEUE_LEASED;

      aioproc_queue_history_add (self->slots, link, slot, AIOPROC_QUEUE_DIED);

      return settle_ready (self, slot, aioproc_queue_history_judge (self->slots, slot));

    case AIOPROC_QUEUE_READY:
      return settle_ready (self, slot, state == AIOPROC_QUEUE_FAULTY ? AIOPROC_QUEUE_FAULTY
                                                                     : AIOPROC_QUEUE_READY);

    case AIOPROC_QUEUE_FREE:
    default:
      if (state == AIOPROC_QUEUE_FREE)
        return AIOPROC_QUEUE_FREE;

      if (!is_dead (self, state))
        return AIOPROC_QUEUE_HELD;

      atomic_store_explicit (&slot->state, AIOPROC_QUEUE_FREE, memory_order_release);

      return AIOPROC_QUEUE_FREE;
    }
}

static gboolean
aioproc_queue_repair_add_ready (Repair   *self,
                                guint32   link,
                                guint64   sequence,
                                gboolean  faulty,
                                GError  **error)
{
  if (self->n_ready == self->capacity)
    {
      gsize capacity = MAX (1024, 2 * self->capacity);
      gpointer ready = g_try_renew (ReadyItem, self->ready, capacity);

      if (ready == NULL)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                       "Could not repair %s: no memory to sort its items",
                       self->slots->description);
          return FALSE;
        }

      self->ready = ready;
      self->capacity = capacity;
    }

  self->ready[self->n_ready].link = link;
  self->ready[self->n_ready].sequence = sequence;
  self->ready[self->n_ready].faulty = faulty;
  self->n_ready++;

  return TRUE;
}

/* Sees to one slot; ready ones are linked later, in their order. */
static gboolean
aioproc_queue_repair_slot (Repair   *self,
                           guint32   link,
                           GError  **error)
{
  AioprocQueueSlots *slots = self->slots;
  AioprocQueueSlot *slot = aioproc_queue_slots_at_known (slots, link);
  guint64 sequence;
  guint32 state;
  guint size_class;

  if (slot == NULL)
    {
      aioproc_queue_memory_set_error (&slots->memory, error);
      return FALSE;
    }

  state = settle (self, link, slot);

  if (state == AIOPROC_QUEUE_FREE)
    {
      size_class = aioproc_queue_info_get_class (peek (&slot->info));

      if (size_class != 0 &&
          !aioproc_queue_extent_is_valid (size_class, (guint64) peek (&slot->extent) *
                                                      AIOPROC_QUEUE_EXTENT_UNIT))
        {
          size_class = 0;
          poke (&slot->info, 0);
        }

      aioproc_queue_slots_push_free (slots, link, slot, size_class);

      return TRUE;
    }

  sequence = peek (&slot->sequence);
  self->next_sequence = MAX (self->next_sequence, sequence + 1);

  if (state == AIOPROC_QUEUE_FAULTY)
    return aioproc_queue_repair_add_ready (self, link, sequence, TRUE, error);

  if (state == AIOPROC_QUEUE_HELD)
    {
      (void) aioproc_queue_slots_link_busy (slots, link, slot);

      return TRUE;
    }

  self->n_used++;

  if (state != AIOPROC_QUEUE_LEASED)
    self->n_bytes += MIN (peek (&slot->length), AIOPROC_QUEUE_PAYLOAD_MAX);

  if (state == AIOPROC_QUEUE_READY)
    {
      /* It is counted with what it has. */
      poke (&slot->info, peek (&slot->info) & ~AIOPROC_QUEUE_INFO_SHORTENED);
      poke (&slot->state, AIOPROC_QUEUE_READY);
      return aioproc_queue_repair_add_ready (self, link, sequence, FALSE, error);
    }

  if (state == AIOPROC_QUEUE_LEASED)
    self->n_leased++;

  /* Cannot fail: the list holds what was just put there. */
  (void) aioproc_queue_slots_link_busy (slots, link, slot);

  return TRUE;
}

static int
compare_ready (gconstpointer a,
               gconstpointer b)
{
  const ReadyItem *item_a = a;
  const ReadyItem *item_b = b;

  if (item_a->sequence != item_b->sequence)
    return item_a->sequence < item_b->sequence ? -1 : 1;

  return item_a->link < item_b->link ? -1 : 1;
}

static void
clear_caches (AioprocQueueHeader *header)
{
  poke (&header->n_ready, 0);
  poke (&header->n_used, 0);
  poke (&header->n_leased, 0);
  poke (&header->n_bytes, 0);
  poke (&header->ready_first, 0);
  poke (&header->ready_last, 0);
  poke (&header->n_faulty, 0);
  poke (&header->faulty_first, 0);
  poke (&header->faulty_last, 0);
  poke (&header->busy_first, 0);
  poke (&header->free_first, 0);
  poke (&header->map_valid, 0);

  for (guint i = 0; i < AIOPROC_QUEUE_N_CLASSES; i++)
    poke (&header->free_extents[i], 0);

  for (guint i = 0; i <= AIOPROC_QUEUE_SMALL_CLASSES; i++)
    poke (&header->next_piece[i], 0);
}

gboolean
aioproc_queue_count_slots (AioprocQueueSlots  *self,
                           guint32            *n_slots,
                           GError            **error)
{
  guint64 end;

  *n_slots = peek (&self->header->n_slots);
  end = AIOPROC_QUEUE_SLOTS_OFFSET + (guint64) *n_slots * sizeof (AioprocQueueSlot);

  if (*n_slots < AIOPROC_QUEUE_BIRTH_SLOTS || *n_slots > AIOPROC_QUEUE_MAX_SLOTS ||
      aioproc_memfd_find_hole (aioproc_shm_get_fd (self->memory.shm), 0) < end)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "The memory of %s is damaged",
                   self->description);
      return FALSE;
    }

  return TRUE;
}

gboolean
aioproc_queue_repair (AioprocQueueSlots  *slots,
                      AioprocQueueWakes  *wakes,
                      GError            **error)
{
  AioprocQueueHeader *header = slots->header;
  guint32 sequence_word = atomic_load_explicit (aioproc_family_get_sequence (slots->family),
                                                memory_order_acquire);
  Repair self = { .slots = slots, .next_sequence = peek (&header->next_sequence) };
  guint32 n_slots;
  gboolean repaired = TRUE;

  /* Until it is done; and what changes from here on sets it again. */
  atomic_store (&header->stale, AIOPROC_QUEUE_STALE_ALL);

  if (!aioproc_queue_count_slots (slots, &n_slots, error))
    return FALSE;

  clear_caches (header);

  /* Downwards, so that the lowest slots are used first. */
  for (guint32 link = n_slots; repaired && link > 0; link--)
    repaired = aioproc_queue_repair_slot (&self, link, error);

  if (repaired)
    {
      if (self.n_ready > 1)
        qsort (self.ready, self.n_ready, sizeof (ReadyItem), compare_ready);

      for (gsize i = 0; i < self.n_ready; i++)
        {
          guint32 link = self.ready[i].link;
          AioprocQueueSlot *slot = aioproc_queue_slots_at_known (slots, link);

          if (self.ready[i].faulty)
            (void) aioproc_queue_slots_insert_faulty (slots, link, slot);
          else
            (void) aioproc_queue_slots_append_ready (slots, link, slot);
        }

      poke (&header->n_used, self.n_used);
      poke (&header->n_leased, self.n_leased);
      poke (&header->n_bytes, self.n_bytes);
      poke (&header->next_sequence, self.next_sequence);

      if (self.n_used == 0 && peek (&header->n_allocated) > AIOPROC_QUEUE_IDLE_KEEP)
        poke (&header->empty_since, g_get_monotonic_time ());

      poke (&header->swept, sequence_word);
      atomic_fetch_and (&header->stale, ~AIOPROC_QUEUE_STALE_ALL);
    }

  g_free (self.ready);

  /* What they waited for is there, perhaps. */
  aioproc_queue_slots_wake_items (slots, wakes, G_MAXINT);
  aioproc_queue_slots_wake_room (slots, wakes, G_MAXINT);
  aioproc_queue_slots_wake_idle (slots, wakes);

  return repaired;
}

/* A slot is busy no more: was it leased? */
static void
aioproc_queue_sweep_lease (AioprocQueueSlots *slots,
                           AioprocQueueSlot  *slot)
{
  if ((peek (&slot->info) & AIOPROC_QUEUE_INFO_PLACED) != 0)
    aioproc_queue_count (&slots->header->n_leased, -1);
}

static gboolean
aioproc_queue_sweep_slot (Repair            *self,
                          guint32            link,
                          AioprocQueueSlot  *slot,
                          AioprocQueueWakes *wakes)
{
  AioprocQueueSlots *slots = self->slots;
  AioprocQueueHeader *header = slots->header;
  gboolean was_leased = (peek (&slot->info) & AIOPROC_QUEUE_INFO_PLACED) != 0;
  guint32 state = settle (self, link, slot);
  gboolean linked;

  /* The repair counts the bytes anew. */
  if (!was_leased && (state == AIOPROC_QUEUE_FREE || state == AIOPROC_QUEUE_READY) &&
      (peek (&slot->info) & AIOPROC_QUEUE_INFO_SHORTENED) != 0)
    return FALSE;

  switch (state)
    {
    case AIOPROC_QUEUE_FREE:
      if ((peek (&slot->info) & AIOPROC_QUEUE_INFO_HELD) != 0)
        {
          if (!aioproc_queue_slots_unlink_busy (slots, link, slot))
            return FALSE;

          aioproc_queue_slots_recycle (slots, link, slot);

          return TRUE;
        }

      if (!was_leased)
        aioproc_queue_slots_take_bytes (slots, peek (&slot->length));

      if (!aioproc_queue_slots_unlink_busy (slots, link, slot))
        return FALSE;

      aioproc_queue_sweep_lease (slots, slot);
      aioproc_queue_slots_retire (slots, link, slot, wakes);

      return TRUE;

    case AIOPROC_QUEUE_READY:
      if (!aioproc_queue_slots_unlink_busy (slots, link, slot))
        return FALSE;

      aioproc_queue_sweep_lease (slots, slot);

      if (was_leased)
        {
          aioproc_queue_slots_add_bytes (slots, peek (&slot->length));
          linked = aioproc_queue_slots_insert_ready (slots, link, slot);
        }
      else
        {
          guint64 sequence = peek (&header->next_sequence);

          poke (&header->next_sequence, sequence + 1);
          poke (&slot->sequence, sequence);
          linked = aioproc_queue_slots_append_ready (slots, link, slot);
        }

      aioproc_queue_slots_wake_items (slots, wakes, G_MAXINT);

      return linked;

    case AIOPROC_QUEUE_FAULTY:
      if (!aioproc_queue_slots_unlink_busy (slots, link, slot))
        return FALSE;

      aioproc_queue_sweep_lease (slots, slot);
      linked = aioproc_queue_slots_insert_faulty (slots, link, slot);
      aioproc_queue_slots_uncount (slots, wakes);

      return linked;

    default:
      return TRUE;
    }
}

gboolean
aioproc_queue_sweep (AioprocQueueSlots *slots,
                     AioprocQueueWakes *wakes)
{
  AioprocQueueHeader *header = slots->header;
  AioprocQueueWalk walk = { 0 };
  guint32 link;
  Repair self = { .slots = slots };

  /* Before the slots are looked at: what changes later sets it, or bumps it, again. Partners: the
   * announcement of a death, aioproc_queue_slots_end_unlocked().
   */
  poke (&header->swept, atomic_load_explicit (aioproc_family_get_sequence (slots->family),
                                              memory_order_acquire));
  atomic_exchange (&header->stale, 0);

  for (link = peek (&header->busy_first); link != 0; )
    {
      AioprocQueueSlot *slot = aioproc_queue_slots_at (slots, link);
      guint32 next;

      if (slot == NULL || !aioproc_queue_walk_step (&walk, link))
        return FALSE;

      next = peek (&slot->next);

      if (!aioproc_queue_sweep_slot (&self, link, slot, wakes))
        return FALSE;

      link = next;
    }

  return TRUE;
}

/* The block of 64 KiB or more that an extent lies in. */
static void
get_block (guint    size_class,
           guint64 *offset,
           guint   *order)
{
  *order = AIOPROC_QUEUE_MIN_ORDER;

  if (!aioproc_queue_class_is_small (size_class))
    *order = aioproc_queue_class_get_order (size_class);

  *offset = *offset >> *order << *order;
}

gboolean
aioproc_queue_rebuild_map (AioprocQueueSlots  *slots,
                           GError            **error)
{
  AioprocQueueHeader *header = slots->header;
  guint32 n_slots;

  if (!aioproc_queue_count_slots (slots, &n_slots, error) ||
      !aioproc_queue_map_reset (&slots->memory, header, error))
    return FALSE;

  for (guint32 link = 1; link <= n_slots; link++)
    {
      AioprocQueueSlot *slot = aioproc_queue_slots_at_known (slots, link);
      guint64 offset;
      guint size_class;
      guint order;

      if (slot == NULL)
        {
          aioproc_queue_memory_set_error (&slots->memory, error);
          return FALSE;
        }

      size_class = aioproc_queue_info_get_class (peek (&slot->info));
      offset = (guint64) peek (&slot->extent) * AIOPROC_QUEUE_EXTENT_UNIT;

      if (!aioproc_queue_extent_is_valid (size_class, offset))
        continue;

      /* Small extents share a block, which the first of them takes. */
      get_block (size_class, &offset, &order);
      (void) aioproc_queue_map_take (&slots->memory, header, offset, order);
    }

  poke (&header->map_valid, 1);

  return TRUE;
}
