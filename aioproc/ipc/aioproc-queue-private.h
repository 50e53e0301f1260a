/* aioproc-queue-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-queue.h"
#include "core/aioproc-shm-private.h"

G_BEGIN_DECLS

/* An item on its way in: one of the two. */
typedef struct {
  GVariant *variant;   /* not floating */
  GBytes   *bytes;
} AioprocQueueItem;

/* What a queue is made of; one backend is there for each way to reach one. The start functions take
 * the task. What a get returns is a GBytes if @as_bytes, else a GVariant; the task returns it as
 * a pointer.
 */
typedef struct {
  gboolean    (*try_put)         (gpointer                 impl,
                                  const AioprocQueueItem  *item,
                                  GError                 **error);
  gboolean    (*put)             (gpointer                 impl,
                                  const AioprocQueueItem  *item,
                                  gint64                   timeout_usec,
                                  GCancellable            *cancellable,
                                  GError                 **error);
  void        (*put_start)       (gpointer                 impl,
                                  const AioprocQueueItem  *item,
                                  GTask                   *task,
                                  gint64                   timeout_usec);
  gpointer    (*try_get)         (gpointer                 impl,
                                  gboolean                 as_bytes,
                                  GError                 **error);
  gpointer    (*get)             (gpointer                 impl,
                                  gboolean                 as_bytes,
                                  gint64                   timeout_usec,
                                  GCancellable            *cancellable,
                                  GError                 **error);
  void        (*get_start)       (gpointer                 impl,
                                  gboolean                 as_bytes,
                                  GTask                   *task,
                                  gint64                   timeout_usec);
  /* Closes the queue, for everybody. */
  gboolean    (*shut)            (gpointer                 impl,
                                  GError                 **error);
  gboolean    (*is_shut)         (gpointer                 impl);
  guint       (*get_max_items)   (gpointer                 impl);
  /* Items that can be got, and items that take room. */
  void        (*count)           (gpointer                 impl,
                                  guint                   *n_ready,
                                  guint                   *n_used);
  /* (nullable) result: not in the memory of this machine */
  AioprocShm *(*get_shm)         (gpointer                 impl);
  /* The object is disposed of: all operations of this process end. */
  void        (*close)           (gpointer                 impl);
  void        (*free)            (gpointer                 impl);
} AioprocQueueBackend;

struct _AioprocQueue {
  GObject                    parent_instance;

  /* Immutable after construction and initialisation. */
  const AioprocQueueBackend *backend;     /* (nullable) NULL: not initialised */
  gpointer                   impl;        /* (owned) (nullable) the backend's */
  char                      *name;        /* (owned) (nullable) */
  guint                      max_items;   /* of a new one */
};

/* G_IO_ERROR_NOT_INITIALIZED: there is no backend. */
gboolean      aioproc_queue_check       (AioprocQueue                *self,
                                         GError                     **error);
/* In shared memory: new, or that which a peer sent in @shm, which is taken. */
gboolean      aioproc_queue_local_new   (AioprocShm                  *shm,
                                         const char                  *name,
                                         guint                        max_items,
                                         const AioprocQueueBackend  **backend,
                                         gpointer                    *impl,
                                         GError                     **error);

G_END_DECLS
