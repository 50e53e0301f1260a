/* aioproc-queue-map.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-map-private.h"

#include <string.h>

#include "platform/aioproc-memfd-private.h"

typedef _Atomic guint64 MapWord;

/* Words of the bitmap of an order; bit n is the block at n << order of the whole file. */
static gsize
get_n_words (guint order)
{
  gsize n_blocks = AIOPROC_QUEUE_FILE_SIZE >> order;

  return (n_blocks + 63) / 64;
}

static gsize
get_map_size (void)
{
  gsize n_words = 0;

  for (guint order = AIOPROC_QUEUE_MIN_ORDER; order <= AIOPROC_QUEUE_MAX_ORDER; order++)
    n_words += get_n_words (order);

  return n_words * sizeof (MapWord);
}

/* Lies in the first 2 GiB, and in one piece: NULL only where no address space is left. */
static MapWord *
get_map (AioprocQueueMemory *self,
         guint               order)
{
  MapWord *words = aioproc_queue_memory_at (self, AIOPROC_QUEUE_MAP_OFFSET, get_map_size ());

  for (guint i = AIOPROC_QUEUE_MIN_ORDER; words != NULL && i < order; i++)
    words += get_n_words (i);

  return words;
}

static _Atomic guint32 *
get_count (AioprocQueueHeader *header,
           guint               order)
{
  return &header->n_free_blocks[order - AIOPROC_QUEUE_MIN_ORDER];
}

static gboolean
is_free (MapWord *map,
         guint64  block)
{
  return (aioproc_queue_peek (&map[block / 64]) >> (block % 64) & 1) != 0;
}

static void
set_free (AioprocQueueHeader *header,
          MapWord            *map,
          guint               order,
          guint64             block,
          gboolean            free)
{
  _Atomic guint32 *count = get_count (header, order);
  guint64 word = aioproc_queue_peek (&map[block / 64]);
  guint64 bit = G_GUINT64_CONSTANT (1) << (block % 64);

  aioproc_queue_poke (&map[block / 64], free ? word | bit : word & ~bit);
  aioproc_queue_poke (count, aioproc_queue_peek (count) + (free ? 1 : -1));
}

gboolean
aioproc_queue_map_reset (AioprocQueueMemory  *self,
                         AioprocQueueHeader  *header,
                         GError             **error)
{
  MapWord *map;

  G_STATIC_ASSERT (AIOPROC_QUEUE_DATA_OFFSET == G_GUINT64_CONSTANT (3) << 30);
  g_assert (get_map_size () <= AIOPROC_QUEUE_HISTORY_OFFSET - AIOPROC_QUEUE_MAP_OFFSET);

  if (!aioproc_memfd_reserve (aioproc_shm_get_fd (self->shm), AIOPROC_QUEUE_MAP_OFFSET,
                              get_map_size (), error))
    return FALSE;

  map = get_map (self, AIOPROC_QUEUE_MIN_ORDER);

  if (map == NULL)
    {
      aioproc_queue_memory_set_error (self, error);
      return FALSE;
    }

  memset (map, 0, get_map_size ());

  for (guint order = AIOPROC_QUEUE_MIN_ORDER; order <= AIOPROC_QUEUE_MAX_ORDER; order++)
    aioproc_queue_poke (get_count (header, order), 0);

  /* What lies from 3 GiB to 4, to 8 and to 16. */
  set_free (header, get_map (self, 30), 30, 3, TRUE);
  set_free (header, get_map (self, 32), 32, 1, TRUE);
  set_free (header, get_map (self, 33), 33, 1, TRUE);

  return TRUE;
}

/* Makes a free block of @order of the one at @offset, which is free and of @from_order. */
static gboolean
aioproc_queue_map_split (AioprocQueueMemory *self,
                         AioprocQueueHeader *header,
                         guint64             offset,
                         guint               from_order,
                         guint               order)
{
  MapWord *map = get_map (self, from_order);

  if (map == NULL)
    return FALSE;

  set_free (header, map, from_order, offset >> from_order, FALSE);

  for (guint half = from_order; half-- > order; )
    {
      map = get_map (self, half);
      set_free (header, map, half, (offset >> half) ^ 1, TRUE);
    }

  return TRUE;
}

gboolean
aioproc_queue_map_take (AioprocQueueMemory *self,
                        AioprocQueueHeader *header,
                        guint64             offset,
                        guint               order)
{
  for (guint from = order; from <= AIOPROC_QUEUE_MAX_ORDER; from++)
    {
      MapWord *map = get_map (self, from);

      if (map == NULL)
        return FALSE;

      if (is_free (map, offset >> from))
        return aioproc_queue_map_split (self, header, offset, from, order);
    }

  return FALSE;
}

/* The lowest free block of just this order. */
static gboolean
find_block (MapWord *map,
            guint    order,
            guint64 *block)
{
  gsize n_words = get_n_words (order);

  for (gsize i = 0; i < n_words; i++)
    {
      guint64 word = aioproc_queue_peek (&map[i]);

      if (word != 0)
        {
          *block = i * 64 + (guint) __builtin_ctzll (word);
          return TRUE;
        }
    }

  return FALSE;
}

gboolean
aioproc_queue_map_find (AioprocQueueMemory *self,
                        AioprocQueueHeader *header,
                        guint               order,
                        guint64            *offset)
{
  for (guint from = order; from <= AIOPROC_QUEUE_MAX_ORDER; from++)
    {
      guint64 block;
      MapWord *map;

      if (aioproc_queue_peek (get_count (header, from)) == 0)
        continue;

      map = get_map (self, from);

      if (map == NULL || !find_block (map, from, &block))
        continue;

      *offset = block << from;

      /* Whatever a peer has made of the map, what is used lies where data may lie. */
      if (*offset < AIOPROC_QUEUE_DATA_OFFSET ||
          *offset + (G_GUINT64_CONSTANT (1) << from) > AIOPROC_QUEUE_FILE_SIZE)
        return FALSE;

      return aioproc_queue_map_split (self, header, *offset, from, order);
    }

  return FALSE;
}
