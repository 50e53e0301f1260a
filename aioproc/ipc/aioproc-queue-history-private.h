/* aioproc-queue-history-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ipc/aioproc-queue-slots-private.h"

G_BEGIN_DECLS

/* Which deliveries of an item have failed: by the process that has the slot, or under the lock. */

/* A delivery of an item that is LEASED, to us or to somebody dead, has failed: writes that down,
 * and counts it, once. Killed meanwhile, it is as though it had not begun.
 */
void     aioproc_queue_history_add     (AioprocQueueSlots   *self,
                                        guint32              link,
                                        AioprocQueueSlot    *slot,
                                        AioprocQueueCause    cause);
/* What an item becomes that is LEASED and comes back: READY, or FAULTY. */
guint32  aioproc_queue_history_judge   (AioprocQueueSlots   *self,
                                        AioprocQueueSlot    *slot);
/* The records of an item that was delivered in vain so often, oldest first. Returns how many there
 * are.
 */
guint    aioproc_queue_history_get     (AioprocQueueSlots   *self,
                                        guint32              link,
                                        guint64              sequence,
                                        guint                n_failures,
                                        AioprocQueueRecord  *records);

G_END_DECLS
