/* aioproc-condition-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-shm-private.h"
#include "sync/aioproc-hold-private.h"
#include "aioproc-condition.h"

G_BEGIN_DECLS

/* What is behind an AioprocCondition. The public functions check their arguments, and leave the
 * rest to one of these; @impl is the backend's own.
 */
typedef struct {
  gboolean    (*wait)       (gpointer            impl,
                             const AioprocHold  *hold,
                             gint64              timeout_usec,
                             GCancellable       *cancellable,
                             GError            **error);
  /* Takes @task, which returns a boolean. */
  void        (*wait_start) (gpointer            impl,
                             const AioprocHold  *hold,
                             GTask              *task,
                             gint64              timeout_usec);
  /* @n_waiters: G_MAXUINT is all. */
  gboolean    (*notify)     (gpointer            impl,
                             const AioprocHold  *hold,
                             guint               n_waiters,
                             GError            **error);
  /* (nullable) NULL where the condition is not in memory of this machine. */
  AioprocShm *(*get_shm)    (gpointer            impl);
  /* Ends pending operations, and those to come, with G_IO_ERROR_CLOSED. */
  void        (*close)      (gpointer            impl);
  void        (*free)       (gpointer            impl);
} AioprocConditionBackend;

/* A condition in shared memory, for @lock, an AioprocLock or AioprocRLock; takes @shm, or makes it
 * where NULL.
 */
gboolean aioproc_condition_local_new (AioprocShm                     *shm,
                                      const char                     *name,
                                      AioprocShareable               *lock,
                                      const AioprocConditionBackend **backend,
                                      gpointer                       *impl,
                                      GError                        **error);

G_END_DECLS
