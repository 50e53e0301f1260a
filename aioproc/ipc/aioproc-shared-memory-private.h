/* aioproc-shared-memory-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-shm-private.h"
#include "aioproc-shared-memory.h"

G_BEGIN_DECLS

/* In shared memory, behind the header. The content begins at a multiple of 4096, which is a page of
 * most machines.
 */
typedef struct {
  guint64 size;   /* atomic; only grows */
  guint8  rest[4096 - AIOPROC_SHM_HEADER_SIZE - sizeof (guint64)];
} AioprocMemoryState;

#define AIOPROC_MEMORY_CONTENT_OFFSET (AIOPROC_SHM_HEADER_SIZE + sizeof (AioprocMemoryState))

G_STATIC_ASSERT (AIOPROC_MEMORY_CONTENT_OFFSET == 4096);

struct _AioprocSharedMemory {
  GObject     parent_instance;

  /* Immutable after construction and initialisation. */
  AioprocShm *shm;        /* (owned) (nullable) NULL: not initialised */
  char       *name;       /* (owned) (nullable) */
  guint64     size;       /* what was asked for */
  guint64     max_size;   /* the same; 0: as size */
  GBytes     *content;    /* (owned) (nullable) until it is initialised */
};

static inline AioprocMemoryState *
aioproc_shared_memory_get_state (AioprocSharedMemory *self)
{
  return aioproc_shm_get_state (self->shm);
}

static inline guint8 *
aioproc_shared_memory_get_content (AioprocSharedMemory *self)
{
  return (guint8 *) aioproc_shm_get_base (self->shm) + AIOPROC_MEMORY_CONTENT_OFFSET;
}

/* G_IO_ERROR_NOT_INITIALIZED. */
gboolean aioproc_shared_memory_check (AioprocSharedMemory  *self,
                                      GError              **error);

G_END_DECLS
