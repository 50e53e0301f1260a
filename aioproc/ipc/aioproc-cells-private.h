/* aioproc-cells-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "aioproc-shareable.h"
#include "core/aioproc-shm-private.h"

G_BEGIN_DECLS

/* Numbers of one type side by side in shared memory, with a lock that goes with them: what a value
 * and an array are made of. Each is read and written as a whole, without a lock. The functions are
 * for any thread.
 */
typedef struct {
  /* Immutable once made. */
  AioprocShm       *shm;            /* (owned) (nullable) NULL: not made */
  AioprocShareable *lock;           /* (owned) (nullable) a Lock or a RLock */
  guint8           *data;
  gsize             length;
  char              type[2];        /* of GVariant */
  guint             element_size;   /* 1, 2, 4 or 8 */
} AioprocCells;

/* What is behind the header; the numbers follow, aligned to a cache line. */
typedef struct {
  guint64 length;
  guint8  type;
  guint8  rest[55];
} AioprocCellsState;

G_STATIC_ASSERT (sizeof (AioprocCellsState) == 64);

/* The bytes of one number of @type, or 0 for a type that is not there. */
guint     aioproc_cells_get_size         (const char        *type);
/* Makes @length zeros. G_IO_ERROR_INVALID_ARGUMENT for another type, or more than can be. */
gboolean  aioproc_cells_make             (AioprocCells      *self,
                                          AioprocShmKind     kind,
                                          const char        *name,
                                          const char        *type,
                                          guint64            length,
                                          GError           **error);
/* Takes @shm, which a peer has sent. */
gboolean  aioproc_cells_adopt            (AioprocCells      *self,
                                          AioprocShm        *shm,
                                          GError           **error);
/* Sees that the lock is one, or makes a recursive one, unless there is to be none. */
gboolean  aioproc_cells_find_lock        (AioprocCells      *self,
                                          gboolean           unlocked,
                                          GError           **error);
/* The memory, but not the lock. */
void      aioproc_cells_drop             (AioprocCells      *self);

/* @index and ranges: G_IO_ERROR_INVALID_ARGUMENT if they are not there; @value of another type,
 * too. Those that change several numbers change all or none.
 */
GVariant *aioproc_cells_get              (AioprocCells      *self,
                                          gsize              index,
                                          GError           **error);
gboolean  aioproc_cells_set              (AioprocCells      *self,
                                          gsize              index,
                                          GVariant          *value,
                                          GError           **error);
GVariant *aioproc_cells_get_slice        (AioprocCells      *self,
                                          gsize              offset,
                                          gsize              length,
                                          GError           **error);
gboolean  aioproc_cells_set_slice        (AioprocCells      *self,
                                          gsize              offset,
                                          GVariant          *values,
                                          GError           **error);
/* Of integers; else G_IO_ERROR_NOT_SUPPORTED. */
gboolean  aioproc_cells_add              (AioprocCells      *self,
                                          gsize              index,
                                          gint64             delta,
                                          gint64            *old,
                                          GError           **error);
/* FALSE without an error: there was another number than @expected. */
gboolean  aioproc_cells_compare_and_swap (AioprocCells      *self,
                                          gsize              index,
                                          gint64             expected,
                                          gint64             desired,
                                          gint64            *old,
                                          GError           **error);

G_END_DECLS
