/* aioproc-queue-loan-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-queue-loan.h"

G_BEGIN_DECLS

/* What a loan belongs to, as for the queue whose room it is. */
typedef struct {
  /* The first @length bytes are put; once at most, in place of the next. AIOPROC_ERROR_NOT_OWNER:
   * it is not this process's any more. G_IO_ERROR_CLOSED.
   */
  gboolean (*commit)  (gpointer   impl,
                       gsize      length,
                       GError   **error);
  gboolean (*abort)   (gpointer   impl,
                       GError   **error);
  /* Whether it is this process's: not in a child that was forked. */
  gboolean (*is_ours) (gpointer   impl);
  void     (*free)    (gpointer   impl);
} AioprocQueueLoanBackend;

/* Takes @impl. @data lives as long as it. */
AioprocQueueLoan *aioproc_queue_loan_new (const AioprocQueueLoanBackend *backend,
                                          gpointer                       impl,
                                          gpointer                       data,
                                          gsize                          size);

G_END_DECLS
