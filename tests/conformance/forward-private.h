/* forward-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "forward.h"
#include "ipc/aioproc-queue-private.h"
#include "sync/aioproc-barrier-private.h"
#include "sync/aioproc-condition-private.h"
#include "sync/aioproc-event-private.h"
#include "sync/aioproc-lock-private.h"
#include "sync/aioproc-rlock-private.h"
#include "sync/aioproc-semaphore-private.h"

G_BEGIN_DECLS

extern const AioprocBarrierBackend   forward_barrier_backend;
extern const AioprocConditionBackend forward_condition_backend;
extern const AioprocEventBackend     forward_event_backend;
extern const AioprocLockBackend      forward_lock_backend;
extern const AioprocQueueBackend     forward_queue_backend;
extern const AioprocRLockBackend     forward_rlock_backend;
extern const AioprocSemaphoreBackend forward_semaphore_backend;
extern const AioprocQueueBackend     forward_simple_queue_backend;

/* What belongs to each is the object that the work is left to. */

/* Every function says that it was called. */
void        forward_note       (const char *function);
/* Ends @task, which it takes, with @error, which it takes, or @result. */
void        forward_return     (GTask      *task,
                                gboolean    result,
                                GError     *error);

/* Of the backend of queues, and of simple ones. */
gboolean          forward_queue_is_ready   (gpointer       impl);
gboolean          forward_queue_watch      (gpointer       impl,
                                            AioprocWatch  *watch,
                                            GError       **error);
void              forward_queue_unwatch    (gpointer       impl,
                                            AioprocWatch  *watch);
/* Of the backend of queues. */
AioprocQueueLoan *forward_queue_try_loan   (gpointer       impl,
                                            gsize          size,
                                            GError       **error);
AioprocQueueLoan *forward_queue_loan       (gpointer       impl,
                                            gsize          size,
                                            gint64         timeout_usec,
                                            GCancellable  *cancellable,
                                            GError       **error);
void              forward_queue_loan_start (gpointer       impl,
                                            gsize          size,
                                            GTask         *task,
                                            gint64         timeout_usec);

AioprocShm *forward_get_no_shm (gpointer    impl);
void        forward_close      (gpointer    impl);

G_END_DECLS
