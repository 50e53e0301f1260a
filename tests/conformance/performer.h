/* performer.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "party.h"

G_BEGIN_DECLS

/* Does the operations of a party, where that is. */

typedef void (*PerformerFunc) (Outcome  outcome,
                               gpointer data);

/* At once, or by waiting in the calling thread. @owner: of a recursive lock. */
Outcome  performer_block    (gpointer       object,
                             guint64        owner,
                             Operation      operation,
                             gint64         timeout_usec,
                             GCancellable  *cancellable);
gboolean performer_is_async (Operation      operation);
/* By an asynchronous operation where there is one; @func is called later then, else at once. */
void     performer_start    (gpointer       object,
                             guint64        owner,
                             Operation      operation,
                             gint64         timeout_usec,
                             GCancellable  *cancellable,
                             PerformerFunc  func,
                             gpointer       data);

G_END_DECLS
