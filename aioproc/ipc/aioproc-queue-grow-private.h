/* aioproc-queue-grow-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ipc/aioproc-queue-lists-private.h"

G_BEGIN_DECLS

/* How long a queue is empty before its memory is given back, and how much of it stays. */
#define AIOPROC_QUEUE_IDLE_USEC G_TIME_SPAN_SECOND
#define AIOPROC_QUEUE_IDLE_KEEP (1024 * 1024)

/* Under the lock. Makes at least one free slot with an extent of @size_class.
 * G_IO_ERROR_NO_SPACE.
 */
gboolean aioproc_queue_grow        (AioprocQueueSlots  *self,
                                    guint               size_class,
                                    AioprocQueueWakes  *wakes,
                                    GError            **error);
/* Allocates pages, under the lock or beside it. G_IO_ERROR_NO_SPACE. */
gboolean aioproc_queue_allocate    (AioprocQueueSlots  *self,
                                    guint64             offset,
                                    guint64             length,
                                    GError            **error);
/* The pages of a large extent up to @length bytes, which @slot, FILLING and ours, has. */
gboolean aioproc_queue_grow_extent (AioprocQueueSlots  *self,
                                    AioprocQueueSlot   *slot,
                                    guint               size_class,
                                    guint64             offset,
                                    guint64             length,
                                    GError            **error);
/* Fills the extent of @slot, FILLING and ours, with @data. */
gboolean aioproc_queue_fill_extent (AioprocQueueSlots  *self,
                                    AioprocQueueSlot   *slot,
                                    guint               size_class,
                                    guint64             offset,
                                    gconstpointer       data,
                                    guint64             length,
                                    GError            **error);
/* Under the lock, on an empty queue. */
void     aioproc_queue_shrink      (AioprocQueueSlots  *self);

G_END_DECLS
