/* aioproc-queue-failure-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-queue-failure.h"

G_BEGIN_DECLS

/* Takes @value, @bytes, of which the latter is NULL for a value of another type than `ay`, and
 * @history.
 */
AioprocQueueFailure *aioproc_queue_failure_new (GVariant *value,
                                                GBytes   *bytes,
                                                guint     n_failures,
                                                GVariant *history);

G_END_DECLS
