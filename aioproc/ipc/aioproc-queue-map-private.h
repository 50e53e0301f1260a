/* aioproc-queue-map-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ipc/aioproc-queue-memory-private.h"

G_BEGIN_DECLS

/* Which blocks of the queue's data are in no slot's hands: a buddy system of bitmaps, one an
 * order, in which a bit is a free block. It is a cache that is made anew from the slots when its
 * validity ended, and only looked at when the queue grows. All calls under the queue's lock.
 */

/* All is free. G_IO_ERROR_NO_SPACE. */
gboolean aioproc_queue_map_reset (AioprocQueueMemory  *self,
                                  AioprocQueueHeader  *header,
                                  GError             **error);
/* Takes a certain block out; FALSE: it, or a part of it, was not free. */
gboolean aioproc_queue_map_take  (AioprocQueueMemory  *self,
                                  AioprocQueueHeader  *header,
                                  guint64              offset,
                                  guint                order);
/* Takes any block out; FALSE: there is none of that size. */
gboolean aioproc_queue_map_find  (AioprocQueueMemory  *self,
                                  AioprocQueueHeader  *header,
                                  guint                order,
                                  guint64             *offset);

G_END_DECLS
