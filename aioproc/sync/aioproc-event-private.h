/* aioproc-event-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-shm-private.h"
#include "aioproc-event.h"

G_BEGIN_DECLS

/* What is behind an AioprocEvent; @impl is the backend's own. */
typedef struct {
  gboolean    (*set)        (gpointer       impl,
                             GError       **error);
  gboolean    (*clear)      (gpointer       impl,
                             GError       **error);
  gboolean    (*is_set)     (gpointer       impl);
  gboolean    (*wait)       (gpointer       impl,
                             gint64         timeout_usec,
                             GCancellable  *cancellable,
                             GError       **error);
  /* Takes @task, which returns a boolean. */
  void        (*wait_start) (gpointer       impl,
                             GTask         *task,
                             gint64         timeout_usec);
  /* (nullable) NULL where the event is not in memory of this machine. */
  AioprocShm *(*get_shm)    (gpointer       impl);
  /* Ends pending operations, and those to come, with G_IO_ERROR_CLOSED. */
  void        (*close)      (gpointer       impl);
  void        (*free)       (gpointer       impl);
} AioprocEventBackend;

/* An event in shared memory; takes @shm, or makes it where NULL. */
gboolean      aioproc_event_local_new   (AioprocShm                 *shm,
                                         const char                 *name,
                                         const AioprocEventBackend **backend,
                                         gpointer                   *impl,
                                         GError                    **error);

G_END_DECLS
