/* aioproc-semaphore-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-shm-private.h"
#include "aioproc-semaphore.h"

G_BEGIN_DECLS

/* What is behind an AioprocSemaphore. The public functions check their arguments, and leave the
 * rest to one of these; @impl is the backend's own.
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
  gboolean    (*post)          (gpointer       impl,
                                GError       **error);
  gboolean    (*consume)       (gpointer       impl,
                                GError       **error);
  guint       (*get_value)     (gpointer       impl);
  guint       (*get_held)      (gpointer       impl);
  guint       (*get_initial)   (gpointer       impl);
  /* (nullable) NULL where the semaphore is not in memory of this machine. */
  AioprocShm *(*get_shm)       (gpointer       impl);
  /* Ends pending operations, and those to come, with G_IO_ERROR_CLOSED. */
  void        (*close)         (gpointer       impl);
  void        (*free)          (gpointer       impl);
} AioprocSemaphoreBackend;

/* Not for users, who cannot derive classes. */
struct _AioprocSemaphoreClass {
  GObjectClass parent_class;

  gboolean     bounded;
};

struct _AioprocSemaphore {
  GObject                        parent_instance;

  /* Immutable after construction and initialisation. */
  const AioprocSemaphoreBackend *backend;         /* (nullable) NULL: not initialised */
  gpointer                       impl;            /* (owned) (nullable) the backend's */
  char                          *name;            /* (owned) (nullable) */
  guint                          initial_value;
};

/* A semaphore in shared memory; takes @shm, or makes it where NULL. */
gboolean aioproc_semaphore_local_new (AioprocShm                     *shm,
                                      const char                     *name,
                                      guint                           initial_value,
                                      gboolean                        bounded,
                                      const AioprocSemaphoreBackend **backend,
                                      gpointer                       *impl,
                                      GError                        **error);

G_END_DECLS
