/* aioproc-queue-loan.h
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

#define AIOPROC_TYPE_QUEUE_LOAN (aioproc_queue_loan_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocQueueLoan, aioproc_queue_loan, AIOPROC, QUEUE_LOAN, GObject)

AIOPROC_AVAILABLE_IN_ALL
gsize     aioproc_queue_loan_get_size    (AioprocQueueLoan  *self);
AIOPROC_AVAILABLE_IN_ALL
gpointer  aioproc_queue_loan_get_data    (AioprocQueueLoan  *self,
                                          gsize             *size);
AIOPROC_AVAILABLE_IN_ALL
gboolean  aioproc_queue_loan_is_open     (AioprocQueueLoan  *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean  aioproc_queue_loan_write_bytes (AioprocQueueLoan  *self,
                                          gsize              offset,
                                          GBytes            *bytes,
                                          GError           **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean  aioproc_queue_loan_commit      (AioprocQueueLoan  *self,
                                          gsize              length,
                                          GError           **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean  aioproc_queue_loan_abort       (AioprocQueueLoan  *self,
                                          GError           **error);

G_END_DECLS
