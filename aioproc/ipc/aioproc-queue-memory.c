/* aioproc-queue-memory.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-memory-private.h"

#include "platform/aioproc-memfd-private.h"

gboolean
aioproc_queue_memory_init (AioprocQueueMemory  *self,
                           AioprocShm          *shm,
                           GError             **error)
{
  if (aioproc_shm_get_size (shm) != AIOPROC_QUEUE_FILE_SIZE)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "The memory of %s has %" G_GUINT64_FORMAT " bytes, not %" G_GUINT64_FORMAT,
                   aioproc_shm_describe (shm), aioproc_shm_get_size (shm),
                   AIOPROC_QUEUE_FILE_SIZE);
      return FALSE;
    }

  self->shm = aioproc_shm_ref (shm);
  self->base = aioproc_shm_get_base (shm);
  self->mapped_size = aioproc_shm_get_mapped_size (shm);

  if (self->mapped_size < AIOPROC_QUEUE_FILE_SIZE)
    self->pieces = g_new0 (_Atomic gpointer, AIOPROC_QUEUE_N_PIECES);

  return TRUE;
}

void
aioproc_queue_memory_clear (AioprocQueueMemory *self)
{
  if (self->pieces != NULL)
    {
      for (gsize i = 0; i < AIOPROC_QUEUE_N_PIECES; i++)
        aioproc_memfd_unmap (atomic_load (&self->pieces[i]), AIOPROC_QUEUE_PIECE_SIZE);
    }

  g_clear_pointer (&self->pieces, g_free);
  g_clear_pointer (&self->shm, aioproc_shm_unref);
}

gpointer
aioproc_queue_memory_map_piece (AioprocQueueMemory *self,
                                guint64             offset,
                                gsize               length)
{
  guint64 index = offset / AIOPROC_QUEUE_PIECE_SIZE;
  guint64 start = offset % AIOPROC_QUEUE_PIECE_SIZE;
  guint8 *piece;

  if (self->pieces == NULL || index >= AIOPROC_QUEUE_N_PIECES ||
      length > AIOPROC_QUEUE_PIECE_SIZE - start)
    return NULL;

  /* Acquire: the thread that mapped it. */
  piece = atomic_load_explicit (&self->pieces[index], memory_order_acquire);

  if (piece == NULL)
    {
      gpointer other = NULL;

      piece = aioproc_memfd_map (aioproc_shm_get_fd (self->shm), index * AIOPROC_QUEUE_PIECE_SIZE,
                                 AIOPROC_QUEUE_PIECE_SIZE, TRUE, NULL);

      if (piece == NULL)
        return NULL;

      if (!atomic_compare_exchange_strong (&self->pieces[index], &other, piece))
        {
          aioproc_memfd_unmap (piece, AIOPROC_QUEUE_PIECE_SIZE);
          piece = other;
        }
    }

  return piece + start;
}

void
aioproc_queue_memory_set_error (AioprocQueueMemory  *self,
                                GError             **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
               "Could not map the memory of %s: no address space is left",
               aioproc_shm_describe (self->shm));
}

/* How much of a range lies in one piece. */
static gsize
get_part (AioprocQueueMemory *self,
          guint64             offset,
          gsize               length)
{
  if (offset + length <= self->mapped_size)
    return length;

  return MIN (length, AIOPROC_QUEUE_PIECE_SIZE - offset % AIOPROC_QUEUE_PIECE_SIZE);
}

gboolean
aioproc_queue_memory_fill_pieces (AioprocQueueMemory *self,
                                  guint64             offset,
                                  gconstpointer       data,
                                  gsize               length)
{
  const guint8 *from = data;

  while (length > 0)
    {
      gsize part = get_part (self, offset, length);
      gpointer to = aioproc_queue_memory_at (self, offset, part);

      if (to == NULL)
        return FALSE;

      memcpy (to, from, part);
      from += part;
      offset += part;
      length -= part;
    }

  return TRUE;
}

gboolean
aioproc_queue_memory_read_pieces (AioprocQueueMemory *self,
                                  guint64             offset,
                                  gpointer            data,
                                  gsize               length)
{
  guint8 *to = data;

  while (length > 0)
    {
      gsize part = get_part (self, offset, length);
      gconstpointer from = aioproc_queue_memory_at (self, offset, part);

      if (from == NULL)
        return FALSE;

      memcpy (to, from, part);
      to += part;
      offset += part;
      length -= part;
    }

  return TRUE;
}
