/* aioproc-queue-repair-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ipc/aioproc-queue-lists-private.h"

G_BEGIN_DECLS

/* All under the lock, and each may be killed at any instruction: the next one who takes the lock
 * begins anew.
 */

/* How many slots there are, before all of them are looked at: no more than have memory, since a
 * look at others would allocate it. G_IO_ERROR_INVALID_DATA.
 */
gboolean aioproc_queue_count_slots  (AioprocQueueSlots  *self,
                                     guint32            *n_slots,
                                     GError            **error);
/* Makes all caches from the slots. */
gboolean aioproc_queue_repair       (AioprocQueueSlots  *self,
                                     AioprocQueueWakes  *wakes,
                                     GError            **error);
/* Looks after the slots that are being filled or are leased: the ones whose owners died, and the
 * ones that changed outside of the lock. FALSE: the list is not what it should be: repair.
 */
gboolean aioproc_queue_sweep        (AioprocQueueSlots  *self,
                                     AioprocQueueWakes  *wakes);
/* Makes the free map from the slots. */
gboolean aioproc_queue_rebuild_map  (AioprocQueueSlots  *self,
                                     GError            **error);

G_END_DECLS
