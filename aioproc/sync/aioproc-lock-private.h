/* aioproc-lock-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-shm-private.h"
#include "aioproc-lock.h"

G_BEGIN_DECLS

/* What is behind an AioprocLock. The public functions check their arguments, and leave the rest to
 * one of these; @impl is the backend's own.
 */
typedef struct {
  gboolean    (*try_acquire)   (gpointer       impl,
                                GError       **error);
  gboolean    (*acquire)       (gpointer       impl,
                                gint64         timeout_usec,
                                GCancellable  *cancellable,
                                GError       **error);
  /* Takes @task, which returns a boolean. */
  void        (*acquire_start) (gpointer       impl,
                                GTask         *task,
                                gint64         timeout_usec);
  gboolean    (*release)       (gpointer       impl,
                                GError       **error);
  gboolean    (*is_locked)     (gpointer       impl);
  /* Whether whoever asks may release it: this process, for a lock of this machine. */
  gboolean    (*is_mine)       (gpointer       impl);
  gboolean    (*was_abandoned) (gpointer       impl);
  /* (nullable) NULL where the lock is not in memory of this machine. */
  AioprocShm *(*get_shm)       (gpointer       impl);
  /* Ends pending operations, and those to come, with G_IO_ERROR_CLOSED. */
  void        (*close)         (gpointer       impl);
  void        (*free)          (gpointer       impl);
} AioprocLockBackend;

/* For aioproc-hold.c. Whether this process holds it. */
gboolean aioproc_lock_is_mine   (AioprocLock  *self);
/* As aioproc_lock_acquire() without limit, but not on behalf of who calls that. */
gboolean aioproc_lock_reacquire (AioprocLock  *self,
                                 GError      **error);

/* A lock in shared memory; takes @shm, or makes it where NULL. */
gboolean aioproc_lock_local_new (AioprocShm                *shm,
                                 const char                *name,
                                 gboolean                   strict,
                                 const AioprocLockBackend **backend,
                                 gpointer                  *impl,
                                 GError                   **error);

G_END_DECLS
