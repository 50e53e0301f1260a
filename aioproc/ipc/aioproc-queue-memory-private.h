/* aioproc-queue-memory-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <string.h>

#include "core/aioproc-shm-private.h"
#include "ipc/aioproc-queue-layout-private.h"

G_BEGIN_DECLS

/* How a process reaches the memory of a queue: through one mapping of all of it, or, where the
 * address space is limited, through pieces that are mapped as they are needed and stay.
 */
#define AIOPROC_QUEUE_PIECE_SIZE (G_GUINT64_CONSTANT (1) << 24)
#define AIOPROC_QUEUE_N_PIECES   (AIOPROC_QUEUE_FILE_SIZE / AIOPROC_QUEUE_PIECE_SIZE)

typedef struct {
  /* Immutable after construction. */
  AioprocShm       *shm;          /* (owned) */
  guint8           *base;
  guint64           mapped_size;
  _Atomic gpointer *pieces;       /* (owned) (nullable) (atomic) NULL until one is mapped */
} AioprocQueueMemory;

/* G_IO_ERROR_INVALID_DATA: the memory has not the size of a queue. */
gboolean aioproc_queue_memory_init      (AioprocQueueMemory  *self,
                                         AioprocShm          *shm,
                                         GError             **error);
void     aioproc_queue_memory_clear     (AioprocQueueMemory  *self);
gpointer aioproc_queue_memory_map_piece (AioprocQueueMemory  *self,
                                         guint64              offset,
                                         gsize                length);
/* A range that need not lie in one piece. */
gboolean aioproc_queue_memory_fill_pieces (AioprocQueueMemory *self,
                                           guint64             offset,
                                           gconstpointer       data,
                                           gsize               length);
gboolean aioproc_queue_memory_read_pieces (AioprocQueueMemory *self,
                                           guint64             offset,
                                           gpointer            data,
                                           gsize               length);

/* G_IO_ERROR_NO_SPACE, for when a range could not be mapped. */
void     aioproc_queue_memory_set_error (AioprocQueueMemory  *self,
                                         GError             **error);

/* The address of a range, or NULL where it cannot be had in one piece: never for a range inside
 * of an aligned block of PIECE_SIZE, unless the process has no address space left.
 */
static inline gpointer
aioproc_queue_memory_at (AioprocQueueMemory *self,
                         guint64             offset,
                         gsize               length)
{
  if (G_LIKELY (offset + length <= self->mapped_size))
    return self->base + offset;

  return aioproc_queue_memory_map_piece (self, offset, length);
}

/* Any range of the file. FALSE: a piece of it could not be mapped; part may have been copied. */
static inline gboolean
aioproc_queue_memory_copy_in (AioprocQueueMemory *self,
                              guint64             offset,
                              gconstpointer       data,
                              gsize               length)
{
  if (G_UNLIKELY (offset + length > self->mapped_size))
    return aioproc_queue_memory_fill_pieces (self, offset, data, length);

  if (length > 0)
    memcpy (self->base + offset, data, length);

  return TRUE;
}

static inline gboolean
aioproc_queue_memory_copy_out (AioprocQueueMemory *self,
                               guint64             offset,
                               gpointer            data,
                               gsize               length)
{
  if (G_UNLIKELY (offset + length > self->mapped_size))
    return aioproc_queue_memory_read_pieces (self, offset, data, length);

  if (length > 0)
    memcpy (data, self->base + offset, length);

  return TRUE;
}

G_END_DECLS
