/* aioproc-pool-worker-call-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-connection.h"
#include "pool/aioproc-pool-bell-private.h"
#include "pool/aioproc-pool-channel-private.h"
#include "process/aioproc-functions-private.h"

G_BEGIN_DECLS

/* Calls of functions in a worker of a pool, one at a time. There is one of these in a process. */
typedef struct _AioprocPoolWorkerCalls AioprocPoolWorkerCalls;

AioprocPoolWorkerCalls *aioproc_pool_worker_calls_new  (AioprocPoolChannel      *channel,
                                                        AioprocConnection       *connection);
void                    aioproc_pool_worker_calls_free (AioprocPoolWorkerCalls  *self);
/* The task whose calls follow; 0: none. */
void                    aioproc_pool_worker_calls_begin (AioprocPoolWorkerCalls *self,
                                                         guint64                 serial);
/* Whether one of them has reported progress, by the connection. */
gboolean                aioproc_pool_worker_calls_has_reported (AioprocPoolWorkerCalls *self);
/* Calls the function: the result, as a value, or as a @result with handles; or NULL for both, and
 * @error. Takes @arguments, a reference of its own, if there is no @message, which has them else.
 */
GVariant               *aioproc_pool_worker_calls_run  (AioprocPoolWorkerCalls  *self,
                                                        const char              *function,
                                                        GVariant                *arguments,
                                                        AioprocMessage          *message,
                                                        AioprocMessage         **result,
                                                        GError                 **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocPoolWorkerCalls, aioproc_pool_worker_calls_free)

G_END_DECLS
