/* aioproc-queue-grow.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-grow-private.h"

#include <gio/gio.h>

#include "ipc/aioproc-queue-lists-private.h"
#include "ipc/aioproc-queue-map-private.h"
#include "ipc/aioproc-queue-repair-private.h"
#include "ipc/aioproc-queue-trim-private.h"
#include "platform/aioproc-memfd-private.h"

#define peek(field)        aioproc_queue_peek (field)
#define poke(field, value) aioproc_queue_poke (field, value)

/* Slots are added in steps of half of what there is: 4 KiB at least, and at most what the kernel
 * allocates in some 80 µs, since the lock is held meanwhile.
 */
#define MIN_STEP 32
#define MAX_STEP 2048
/* Small extents are cut so many at a time, or as many as a block has. */
#define MAX_PIECES 16
/* Large extents are allocated to a page beyond the payload, rounded to an eighth of their size. */
#define PAGE_SIZE 4096

gboolean
aioproc_queue_allocate (AioprocQueueSlots  *self,
                        guint64             offset,
                        guint64             length,
                        GError            **error)
{
  if (!aioproc_memfd_reserve (aioproc_shm_get_fd (self->memory.shm), offset, length, error))
    {
      g_prefix_error (error, "Could not grow %s: ", self->description);
      return FALSE;
    }

  atomic_fetch_add_explicit (&self->header->n_allocated, length, memory_order_relaxed);

  return TRUE;
}

static gboolean
aioproc_queue_add_slots (AioprocQueueSlots  *self,
                         GError            **error)
{
  AioprocQueueHeader *header = self->header;
  guint32 n_slots = peek (&header->n_slots);
  guint32 n_more = CLAMP (n_slots / 2 / MIN_STEP * MIN_STEP, MIN_STEP, MAX_STEP);

  if (n_slots >= AIOPROC_QUEUE_MAX_SLOTS)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                   "Could not grow %s: it has %u items", self->description, n_slots);
      return FALSE;
    }

  n_more = MIN (n_more, AIOPROC_QUEUE_MAX_SLOTS - n_slots);

  if (!aioproc_queue_allocate (self,
                               AIOPROC_QUEUE_SLOTS_OFFSET +
                               (guint64) n_slots * sizeof (AioprocQueueSlot),
                               (guint64) n_more * sizeof (AioprocQueueSlot), error))
    return FALSE;

  for (guint32 i = n_slots; i < n_slots + n_more; i++)
    {
      AioprocQueueSlot *slot = aioproc_queue_slots_at_known (self, i + 1);

      if (slot == NULL)
        {
          aioproc_queue_memory_set_error (&self->memory, error);
          return FALSE;
        }

      /* A queue that was shrunk by a process which was killed has left something here. */
      poke (&slot->info, 0);
      poke (&slot->state, AIOPROC_QUEUE_FREE);
    }

  /* Release: they are free before a repair looks at them. */
  atomic_store_explicit (&header->n_slots, n_slots + n_more, memory_order_release);

  for (guint32 link = n_slots + n_more; link > n_slots; link--)
    aioproc_queue_slots_push_free (self, link, aioproc_queue_slots_at_known (self, link), 0);

  return TRUE;
}

/* Takes a free slot without an extent. */
static guint32
aioproc_queue_pop_bare (AioprocQueueSlots  *self,
                        GError            **error)
{
  AioprocQueueHeader *header = self->header;
  AioprocQueueSlot *slot;
  guint32 link;

  if (peek (&header->free_first) == 0 && !aioproc_queue_add_slots (self, error))
    return 0;

  link = peek (&header->free_first);
  slot = aioproc_queue_slots_at (self, link);

  if (slot == NULL || peek (&slot->state) != AIOPROC_QUEUE_FREE ||
      aioproc_queue_info_get_class (peek (&slot->info)) != 0)
    {
      atomic_fetch_or (&header->stale, AIOPROC_QUEUE_STALE_ALL);
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "The memory of %s is damaged", self->description);
      return 0;
    }

  poke (&header->free_first, peek (&slot->next));

  return link;
}

/* Gives an extent to a slot that is free and has none. */
static void
aioproc_queue_attach (AioprocQueueSlots *self,
                      guint32            link,
                      guint              size_class,
                      guint64            offset)
{
  AioprocQueueSlot *slot = aioproc_queue_slots_at_known (self, link);

  poke (&slot->extent, offset / AIOPROC_QUEUE_EXTENT_UNIT);
  poke (&slot->n_pages, 0);
  poke (&slot->holder, peek (&self->header->epoch));
  /* Release: the class says that the extent is valid. */
  atomic_store_explicit (&slot->info, aioproc_queue_info (0, size_class, 0),
                         memory_order_release);
  aioproc_queue_slots_push_free (self, link, slot, size_class);
}

/* Takes the extents of all free slots from them, so that the free map gets what they had, in
 * blocks as large as can be. FALSE: there was nothing to take.
 */
static gboolean
aioproc_queue_reclaim (AioprocQueueSlots *self,
                       AioprocQueueWakes *wakes)
{
  AioprocQueueHeader *header = self->header;
  gboolean taken = FALSE;
  guint32 n_slots;

  for (guint i = 1; i < AIOPROC_QUEUE_N_CLASSES && !taken; i++)
    taken = peek (&header->free_extents[i]) != 0;

  if (!taken || !aioproc_queue_count_slots (self, &n_slots, NULL))
    return FALSE;

  for (guint32 link = 1; link <= n_slots; link++)
    {
      AioprocQueueSlot *slot = aioproc_queue_slots_at_known (self, link);

      if (slot != NULL && peek (&slot->state) == AIOPROC_QUEUE_FREE &&
          !aioproc_queue_is_slot_trimmed (self, slot))
        poke (&slot->info, 0);
    }

  return aioproc_queue_repair (self, wakes, NULL);
}

/* A block of the data region. */
static gboolean
aioproc_queue_find_block (AioprocQueueSlots  *self,
                          guint               order,
                          guint64            *offset,
                          AioprocQueueWakes  *wakes,
                          GError            **error)
{
  AioprocQueueHeader *header = self->header;

  if (peek (&header->map_valid) == 0 && !aioproc_queue_rebuild_map (self, error))
    return FALSE;

  if (aioproc_queue_map_find (&self->memory, header, order, offset))
    return TRUE;

  if (aioproc_queue_reclaim (self, wakes) && aioproc_queue_rebuild_map (self, NULL) &&
      aioproc_queue_map_find (&self->memory, header, order, offset))
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
               "Could not grow %s: it has no room for %" G_GUINT64_FORMAT " bytes more",
               self->description, G_GUINT64_CONSTANT (1) << order);

  return FALSE;
}

static gboolean
aioproc_queue_cut_pieces (AioprocQueueSlots  *self,
                          guint               size_class,
                          AioprocQueueWakes  *wakes,
                          GError            **error)
{
  AioprocQueueHeader *header = self->header;
  guint64 size = aioproc_queue_class_get_size (size_class);
  guint64 offset = peek (&header->next_piece[size_class]);
  guint64 n_pieces;

  if (!aioproc_queue_extent_is_valid (size_class, offset) &&
      !aioproc_queue_find_block (self, AIOPROC_QUEUE_MIN_ORDER, &offset, wakes, error))
    return FALSE;

  n_pieces = (AIOPROC_QUEUE_BLOCK_SIZE - offset % AIOPROC_QUEUE_BLOCK_SIZE) / size;
  n_pieces = MIN (n_pieces, MAX_PIECES);

  if (!aioproc_queue_allocate (self, offset, n_pieces * size, error))
    return FALSE;

  poke (&header->next_piece[size_class], offset);

  for (guint64 i = 0; i < n_pieces; i++)
    {
      guint32 link = aioproc_queue_pop_bare (self, error);

      if (link == 0)
        return FALSE;

      aioproc_queue_attach (self, link, size_class, offset);
      offset += size;
      /* The block that begins where this one ends is not ours. */
      poke (&header->next_piece[size_class], offset % AIOPROC_QUEUE_BLOCK_SIZE != 0 ? offset : 0);
    }

  return TRUE;
}

gboolean
aioproc_queue_grow (AioprocQueueSlots  *self,
                    guint               size_class,
                    AioprocQueueWakes  *wakes,
                    GError            **error)
{
  guint64 offset;
  guint32 link;

  if (size_class == 0)
    return aioproc_queue_add_slots (self, error);

  if (aioproc_queue_class_is_small (size_class))
    return aioproc_queue_cut_pieces (self, size_class, wakes, error);

  if (!aioproc_queue_find_block (self, aioproc_queue_class_get_order (size_class), &offset, wakes,
                                 error))
    return FALSE;

  link = aioproc_queue_pop_bare (self, error);

  if (link == 0)
    {
      poke (&self->header->map_valid, 0);
      return FALSE;
    }

  aioproc_queue_attach (self, link, size_class, offset);

  return TRUE;
}

gboolean
aioproc_queue_grow_extent (AioprocQueueSlots  *self,
                           AioprocQueueSlot   *slot,
                           guint               size_class,
                           guint64             offset,
                           guint64             length,
                           GError            **error)
{
  guint64 size = aioproc_queue_class_get_size (size_class);
  guint64 step = size / 8;
  guint64 wanted = (length + step - 1) / step * step;
  guint64 there = (guint64) peek (&slot->n_pages) * PAGE_SIZE;

  if (aioproc_queue_class_is_small (size_class) || there >= wanted)
    return TRUE;

  if (!aioproc_queue_allocate (self, offset + there, wanted - there, error))
    return FALSE;

  poke (&slot->n_pages, wanted / PAGE_SIZE);

  return TRUE;
}

static gboolean
aioproc_queue_copy_in (AioprocQueueSlots  *self,
                       guint64             offset,
                       gconstpointer       data,
                       guint64             length,
                       GError            **error)
{
  if (aioproc_queue_memory_copy_in (&self->memory, offset, data, length))
    return TRUE;

  aioproc_queue_memory_set_error (&self->memory, error);

  return FALSE;
}

gboolean
aioproc_queue_fill_extent (AioprocQueueSlots  *self,
                           AioprocQueueSlot   *slot,
                           guint               size_class,
                           guint64             offset,
                           gconstpointer       data,
                           guint64             length,
                           GError            **error)
{
  const guint8 *bytes = data;
  guint64 n_pages = (length + PAGE_SIZE - 1) / PAGE_SIZE;
  guint64 there = length;
  g_autoptr(GError) local_error = NULL;

  /* The pages of small extents were allocated when they were cut. */
  if (!aioproc_queue_class_is_small (size_class))
    there = MIN (length, (guint64) peek (&slot->n_pages) * PAGE_SIZE);

  /* Pages that are there are perhaps mapped already, and in a cache; others are written. */
  if (!aioproc_queue_copy_in (self, offset, bytes, there, error))
    return FALSE;

  if (there == length)
    return TRUE;

  if (aioproc_memfd_write (aioproc_shm_get_fd (self->memory.shm), offset + there, bytes + there,
                           length - there, &local_error))
    {
      atomic_fetch_add_explicit (&self->header->n_allocated, n_pages * PAGE_SIZE - there,
                                 memory_order_relaxed);
      poke (&slot->n_pages, n_pages);
      return TRUE;
    }

  if (local_error != NULL)
    {
      g_propagate_prefixed_error (error, g_steal_pointer (&local_error), "Could not grow %s: ",
                                  self->description);
      return FALSE;
    }

  return aioproc_queue_grow_extent (self, slot, size_class, offset, length, error) &&
         aioproc_queue_copy_in (self, offset + there, bytes + there, length - there, error);
}

void
aioproc_queue_shrink (AioprocQueueSlots *self)
{
  AioprocQueueHeader *header = self->header;
  int fd = aioproc_shm_get_fd (self->memory.shm);

  /* First nothing refers to the memory any more, then it goes: whoever repairs after a kill in
   * between finds free slots.
   */
  for (guint32 link = 1; link <= AIOPROC_QUEUE_BIRTH_SLOTS; link++)
    {
      AioprocQueueSlot *slot = aioproc_queue_slots_at_known (self, link);

      if (slot == NULL || peek (&slot->state) != AIOPROC_QUEUE_FREE)
        return;

      poke (&slot->info, 0);
    }

  atomic_fetch_or (&header->stale, AIOPROC_QUEUE_STALE_ALL);
  poke (&header->n_slots, AIOPROC_QUEUE_BIRTH_SLOTS);
  aioproc_memfd_punch (fd, AIOPROC_QUEUE_BIRTH_SIZE,
                       AIOPROC_QUEUE_MAP_OFFSET - AIOPROC_QUEUE_BIRTH_SIZE, NULL);
  aioproc_memfd_punch (fd, AIOPROC_QUEUE_HISTORY_OFFSET,
                       AIOPROC_QUEUE_FILE_SIZE - AIOPROC_QUEUE_HISTORY_OFFSET, NULL);
  poke (&header->n_allocated, 0);
}
