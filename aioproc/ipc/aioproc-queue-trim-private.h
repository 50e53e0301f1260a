/* aioproc-queue-trim-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ipc/aioproc-queue-lists-private.h"

G_BEGIN_DECLS

/* Memory that free slots have and do not need. Their extents stay with them: only the pages go,
 * and a flag in the slot, COLD, says so. A page goes when all that lies in it is in free slots that
 * nothing was in for an epoch at least.
 *
 * Pages are given back beside the lock, since it takes microseconds for each. A range in the header
 * says which, and who does it: meanwhile nobody takes a cold slot with an extent in there. When
 * that process has died, nobody does it any more, and the slots can be taken.
 *
 * All below under the lock.
 */

/* Whether pages of the range are being given back right now, perhaps by this process. */
gboolean aioproc_queue_is_trimmed      (AioprocQueueSlots  *self,
                                        guint64             start,
                                        guint64             end);
/* The same of the extent of a slot, if it has one. */
gboolean aioproc_queue_is_slot_trimmed (AioprocQueueSlots  *self,
                                        AioprocQueueSlot   *slot);
/* @slot is first on the list of its class, and cold: makes that a slot that is not.
 * G_IO_ERROR_NO_SPACE.
 */
gboolean aioproc_queue_warm_up         (AioprocQueueSlots  *self,
                                        AioprocQueueSlot   *slot,
                                        guint               size_class,
                                        AioprocQueueWakes  *wakes,
                                        GError            **error);

static inline gboolean
aioproc_queue_is_slot_cold (AioprocQueueSlot *slot,
                            guint             size_class)
{
  guint32 info = aioproc_queue_peek (&slot->info);

  return aioproc_queue_peek (&slot->state) == AIOPROC_QUEUE_FREE &&
         (info & AIOPROC_QUEUE_INFO_COLD) != 0 &&
         aioproc_queue_info_get_class (info) == size_class;
}

G_END_DECLS
