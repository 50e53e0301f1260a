/* aioproc-barrier-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-shm-private.h"
#include "aioproc-barrier.h"

G_BEGIN_DECLS

/* What a party does that comes last; of this process. Immutable. */
typedef struct {
  gatomicrefcount          ref_count;
  AioprocBarrierActionFunc func;
  gpointer                 data;       /* (owned) where there is @destroy */
  GDestroyNotify           destroy;    /* (nullable) */
} AioprocBarrierAction;

AioprocBarrierAction *aioproc_barrier_action_ref   (AioprocBarrierAction  *self);
void                  aioproc_barrier_action_unref (AioprocBarrierAction  *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocBarrierAction, aioproc_barrier_action_unref)

/* What is behind an AioprocBarrier. The public functions check their arguments, and leave the rest
 * to one of these; @impl is the backend's own.
 */
typedef struct {
  /* Returns the index, or -1. @action: (nullable) */
  int         (*wait)          (gpointer               impl,
                                AioprocBarrier        *barrier,
                                AioprocBarrierAction  *action,
                                gint64                 timeout_usec,
                                GCancellable          *cancellable,
                                GError               **error);
  /* Takes @task, whose source object is the barrier, and which returns the index. */
  void        (*wait_start)    (gpointer               impl,
                                AioprocBarrierAction  *action,
                                GTask                 *task,
                                gint64                 timeout_usec);
  gboolean    (*abort)         (gpointer               impl,
                                GError               **error);
  gboolean    (*reset)         (gpointer               impl,
                                GError               **error);
  gboolean    (*is_broken)     (gpointer               impl);
  guint       (*get_n_waiting) (gpointer               impl);
  guint       (*get_parties)   (gpointer               impl);
  /* (nullable) NULL where the barrier is not in memory of this machine. */
  AioprocShm *(*get_shm)       (gpointer               impl);
  /* Ends pending operations, and those to come, with G_IO_ERROR_CLOSED. */
  void        (*close)         (gpointer               impl);
  void        (*free)          (gpointer               impl);
} AioprocBarrierBackend;

/* A barrier in shared memory; takes @shm, or makes it where NULL. */
gboolean aioproc_barrier_local_new (AioprocShm                   *shm,
                                    const char                   *name,
                                    guint                         parties,
                                    const AioprocBarrierBackend **backend,
                                    gpointer                     *impl,
                                    GError                      **error);

G_END_DECLS
