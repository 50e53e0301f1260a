/* aioproc-barrier.h
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

#define AIOPROC_TYPE_BARRIER (aioproc_barrier_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocBarrier, aioproc_barrier, AIOPROC, BARRIER, GObject)

/**
 * AioprocBarrierActionFunc:
 * @barrier: a barrier, at which all parties have arrived
 * @user_data: the data that came with the function
 * @error: return location for an error
 *
 * Does what is to be done between two rounds, while all parties wait.
 *
 * It fails by setting @error. Then the barrier breaks: the party that runs the function gets that
 * error, and the others get [error@Aioproc.Error.BROKEN_BARRIER].
 *
 * Since: 0.1
 */
typedef void (*AioprocBarrierActionFunc)     (AioprocBarrier            *barrier,
                                              gpointer                   user_data,
                                              GError                   **error);

AIOPROC_AVAILABLE_IN_ALL
AioprocBarrier *aioproc_barrier_new           (guint                      parties,
                                               GError                   **error)
                                               G_GNUC_WARN_UNUSED_RESULT;

AIOPROC_AVAILABLE_IN_ALL
const char     *aioproc_barrier_get_name      (AioprocBarrier            *self);
AIOPROC_AVAILABLE_IN_ALL
guint           aioproc_barrier_get_parties   (AioprocBarrier            *self);
AIOPROC_AVAILABLE_IN_ALL
guint           aioproc_barrier_get_n_waiting (AioprocBarrier            *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean        aioproc_barrier_is_broken     (AioprocBarrier            *self);

AIOPROC_AVAILABLE_IN_ALL
void            aioproc_barrier_set_action    (AioprocBarrier            *self,
                                               AioprocBarrierActionFunc   func,
                                               gpointer                   user_data,
                                               GDestroyNotify             destroy);

AIOPROC_AVAILABLE_IN_ALL
int             aioproc_barrier_wait          (AioprocBarrier            *self,
                                               gint64                     timeout_usec,
                                               GCancellable              *cancellable,
                                               GError                   **error);
AIOPROC_AVAILABLE_IN_ALL
void            aioproc_barrier_wait_async    (AioprocBarrier            *self,
                                               gint64                     timeout_usec,
                                               GCancellable              *cancellable,
                                               GAsyncReadyCallback        callback,
                                               gpointer                   user_data);
AIOPROC_AVAILABLE_IN_ALL
int             aioproc_barrier_wait_finish   (AioprocBarrier            *self,
                                               GAsyncResult              *result,
                                               GError                   **error);

AIOPROC_AVAILABLE_IN_ALL
gboolean        aioproc_barrier_abort         (AioprocBarrier            *self,
                                               GError                   **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean        aioproc_barrier_reset         (AioprocBarrier            *self,
                                               GError                   **error);

G_END_DECLS
