/* aioproc-queue-failure.h
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

#define AIOPROC_TYPE_QUEUE_FAILURE (aioproc_queue_failure_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocQueueFailure, aioproc_queue_failure, AIOPROC, QUEUE_FAILURE, GObject)

AIOPROC_AVAILABLE_IN_ALL
GVariant *aioproc_queue_failure_get_value      (AioprocQueueFailure *self);
AIOPROC_AVAILABLE_IN_ALL
GBytes   *aioproc_queue_failure_get_bytes      (AioprocQueueFailure *self);
AIOPROC_AVAILABLE_IN_ALL
guint     aioproc_queue_failure_get_n_failures (AioprocQueueFailure *self);
AIOPROC_AVAILABLE_IN_ALL
GVariant *aioproc_queue_failure_get_history    (AioprocQueueFailure *self);

G_END_DECLS
