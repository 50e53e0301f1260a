/* aioproc-queue-lease.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined (AIOPROC_INSIDE) && !defined (AIOPROC_COMPILATION)
# error "Only <aioproc.h> can be included directly."
#endif

#include <gio/gio.h>

#include "aioproc-version-macros.h"

G_BEGIN_DECLS

#define AIOPROC_TYPE_QUEUE_LEASE (aioproc_queue_lease_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocQueueLease, aioproc_queue_lease, AIOPROC, QUEUE_LEASE, GObject)

AIOPROC_AVAILABLE_IN_ALL
GVariant *aioproc_queue_lease_get_value      (AioprocQueueLease  *self);
AIOPROC_AVAILABLE_IN_ALL
GBytes   *aioproc_queue_lease_get_bytes      (AioprocQueueLease  *self);
AIOPROC_AVAILABLE_IN_ALL
guint     aioproc_queue_lease_get_n_failures (AioprocQueueLease  *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean  aioproc_queue_lease_is_open        (AioprocQueueLease  *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean  aioproc_queue_lease_ack            (AioprocQueueLease  *self,
                                              GError            **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean  aioproc_queue_lease_nack           (AioprocQueueLease  *self,
                                              GError            **error);

G_END_DECLS
