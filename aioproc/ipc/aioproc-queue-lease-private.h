/* aioproc-queue-lease-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-queue-lease.h"

G_BEGIN_DECLS

/* How a lease ends. */
typedef enum {
  AIOPROC_QUEUE_END_ACK,         /* the item is gone */
  AIOPROC_QUEUE_END_NACK,        /* it is in the queue again, one failed delivery more */
  AIOPROC_QUEUE_END_GIVE_BACK,   /* it is in the queue again, as though it had never been got */
} AioprocQueueEnd;

/* What a lease belongs to, as for the queue that it is from. */
typedef struct {
  /* Once at most. AIOPROC_ERROR_NOT_OWNER: it is not this process's any more. */
  gboolean (*end)     (gpointer          impl,
                       AioprocQueueEnd   end,
                       GError          **error);
  /* Whether it is this process's: not in a child that was forked. */
  gboolean (*is_ours) (gpointer          impl);
  void     (*free)    (gpointer          impl);
} AioprocQueueLeaseBackend;

/* Takes @impl, @value and @bytes, of which the last is NULL for a value of another type than `ay`.
 */
AioprocQueueLease *aioproc_queue_lease_new (const AioprocQueueLeaseBackend *backend,
                                            gpointer                        impl,
                                            GVariant                       *value,
                                            GBytes                         *bytes,
                                            guint                           n_failures);

G_END_DECLS
