/* aioproc-rlock-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-shm-private.h"
#include "sync/aioproc-hold-private.h"
#include "aioproc-rlock.h"

G_BEGIN_DECLS

/* What is behind an AioprocRLock. The public functions check their arguments, and leave the rest to
 * one of these; @impl is the backend's own.
 */
typedef struct {
  /* Those that acquire do so @hold->depth times. */
  gboolean    (*try_acquire)   (gpointer            impl,
                                const AioprocHold  *hold,
                                GError            **error);
  gboolean    (*acquire)       (gpointer            impl,
                                const AioprocHold  *hold,
                                gint64              timeout_usec,
                                GCancellable       *cancellable,
                                GError            **error);
  /* Takes @task, which returns a boolean. */
  void        (*acquire_start) (gpointer            impl,
                                const AioprocHold  *hold,
                                GTask              *task,
                                gint64              timeout_usec);
  /* @all: however often it was acquired, which is written to @hold; else once. */
  gboolean    (*release)       (gpointer            impl,
                                AioprocHold        *hold,
                                gboolean            all,
                                GError            **error);
  /* How often the owner of @hold has acquired it. */
  guint64     (*count)         (gpointer            impl,
                                const AioprocHold  *hold);
  gboolean    (*is_locked)     (gpointer            impl);
  gboolean    (*was_abandoned) (gpointer            impl);
  /* (nullable) NULL where the lock is not in memory of this machine. */
  AioprocShm *(*get_shm)       (gpointer            impl);
  /* Ends pending operations, and those to come, with G_IO_ERROR_CLOSED. */
  void        (*close)         (gpointer            impl);
  void        (*free)          (gpointer            impl);
} AioprocRLockBackend;

/* For aioproc-hold.c. */
guint64  aioproc_rlock_count_hold         (AioprocRLock         *self,
                                           const AioprocHold    *hold);
gboolean aioproc_rlock_release_hold       (AioprocRLock         *self,
                                           AioprocHold          *hold,
                                           GError              **error);
gboolean aioproc_rlock_acquire_hold       (AioprocRLock         *self,
                                           const AioprocHold    *hold,
                                           GError              **error);
/* Ends with aioproc_rlock_acquire_finish(). */
void     aioproc_rlock_acquire_hold_async (AioprocRLock         *self,
                                           const AioprocHold    *hold,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);

/* A lock in shared memory; takes @shm, or makes it where NULL. */
gboolean aioproc_rlock_local_new (AioprocShm                 *shm,
                                  const char                 *name,
                                  gboolean                    strict,
                                  const AioprocRLockBackend **backend,
                                  gpointer                   *impl,
                                  GError                    **error);

G_END_DECLS
