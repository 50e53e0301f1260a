/* aioproc-queue-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-queue.h"
#include "core/aioproc-shm-private.h"
#include "core/aioproc-waitable-private.h"
#include "ipc/aioproc-queue-failure-private.h"
#include "ipc/aioproc-queue-lease-private.h"
#include "ipc/aioproc-queue-loan-private.h"

G_BEGIN_DECLS

/* An item on its way in: one of the two. */
typedef struct {
  GVariant *variant;   /* not floating */
  GBytes   *bytes;
} AioprocQueueItem;

/* What a get returns, its caller's: a GVariant, a GBytes, or an AioprocQueueLease, by which the
 * item stays in the queue.
 */
typedef enum {
  AIOPROC_QUEUE_AS_VALUE,
  AIOPROC_QUEUE_AS_BYTES,
  AIOPROC_QUEUE_AS_LEASE,
} AioprocQueueForm;

/* What is in a queue, and was. */
typedef struct {
  guint   n_ready;      /* items that can be got */
  guint   n_used;       /* items that take room */
  guint64 n_bytes;      /* their payloads */
  guint   peak_items;   /* the most that took room at once */
  guint64 peak_bytes;
} AioprocQueueFigures;

/* What a queue is made of; one backend is there for each way to reach one. The start functions take
 * the task. What a get returns the task returns as a pointer.
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
  /* Loans: of room for @size bytes. The task returns one as a pointer. */
  AioprocQueueLoan *(*try_loan)  (gpointer                 impl,
                                  gsize                    size,
                                  GError                 **error);
  AioprocQueueLoan *(*loan)      (gpointer                 impl,
                                  gsize                    size,
                                  gint64                   timeout_usec,
                                  GCancellable            *cancellable,
                                  GError                 **error);
  void        (*loan_start)      (gpointer                 impl,
                                  gsize                    size,
                                  GTask                   *task,
                                  gint64                   timeout_usec);
  gpointer    (*try_get)         (gpointer                 impl,
                                  AioprocQueueForm         form,
                                  GError                 **error);
  gpointer    (*get)             (gpointer                 impl,
                                  AioprocQueueForm         form,
                                  gint64                   timeout_usec,
                                  GCancellable            *cancellable,
                                  GError                 **error);
  void        (*get_start)       (gpointer                 impl,
                                  AioprocQueueForm         form,
                                  GTask                   *task,
                                  gint64                   timeout_usec);
  /* Batches: of GBytes if @as_bytes, else of GVariant. @n_put, which lives as long as the task, is
   * 0 at first, and counts what is in the queue, also where the outcome is an error. @try: fails
   * with WOULD_BLOCK rather than to wait.
   */
  gboolean    (*put_many)        (gpointer                 impl,
                                  GPtrArray               *items,
                                  gboolean                 as_bytes,
                                  guint                   *n_put,
                                  gboolean                 try,
                                  gint64                   timeout_usec,
                                  GCancellable            *cancellable,
                                  GError                 **error);
  void        (*put_many_start)  (gpointer                 impl,
                                  GPtrArray               *items,
                                  gboolean                 as_bytes,
                                  guint                   *n_put,
                                  GTask                   *task,
                                  gint64                   timeout_usec);
  GPtrArray * (*get_many)        (gpointer                 impl,
                                  gboolean                 as_bytes,
                                  guint                    max_items,
                                  gboolean                 try,
                                  gint64                   timeout_usec,
                                  GCancellable            *cancellable,
                                  GError                 **error);
  void        (*get_many_start)  (gpointer                 impl,
                                  gboolean                 as_bytes,
                                  guint                    max_items,
                                  GTask                   *task,
                                  gint64                   timeout_usec);
  /* Those of a waitable: ready when a get would not wait. */
  gboolean    (*is_ready)        (gpointer                 impl);
  gboolean    (*watch)           (gpointer                 impl,
                                  AioprocWatch            *watch,
                                  GError                 **error);
  void        (*unwatch)         (gpointer                 impl,
                                  AioprocWatch            *watch);
  /* Closes the queue, for everybody; @immediate: drops what is in it. */
  gboolean    (*shut)            (gpointer                 impl,
                                  gboolean                 immediate,
                                  GError                 **error);
  gboolean    (*is_shut)         (gpointer                 impl);
  guint       (*get_max_items)   (gpointer                 impl);
  guint       (*get_max_deliveries) (gpointer              impl);
  guint64     (*get_max_bytes)   (gpointer                 impl);
  void        (*count)           (gpointer                 impl,
                                  AioprocQueueFigures     *figures);
  AioprocQueueFailure *(*try_get_failed) (gpointer         impl,
                                  GError                 **error);
  guint       (*count_failed)    (gpointer                 impl);
  /* The rest for joinable queues only, by which all that is got stays leased until it is done. */
  gboolean    (*task_done)       (gpointer                 impl,
                                  GError                 **error);
  gboolean    (*try_join)        (gpointer                 impl,
                                  GError                 **error);
  gboolean    (*join)            (gpointer                 impl,
                                  gint64                   timeout_usec,
                                  GCancellable            *cancellable,
                                  GError                 **error);
  void        (*join_start)      (gpointer                 impl,
                                  GTask                   *task,
                                  gint64                   timeout_usec);
  /* (nullable) result: not in the memory of this machine */
  AioprocShm *(*get_shm)         (gpointer                 impl);
  /* The object is disposed of: all operations of this process end. */
  void        (*close)           (gpointer                 impl);
  void        (*free)            (gpointer                 impl);
} AioprocQueueBackend;

/* Not for users, who cannot derive classes. */
struct _AioprocQueueClass {
  GObjectClass   parent_class;

  AioprocShmKind kind;
};

/* What a new queue is to be. */
typedef struct {
  AioprocShmKind  kind;
  const char     *name;             /* (nullable) */
  guint           max_items;
  guint           max_deliveries;
  guint64         max_bytes;
} AioprocQueueConfig;

struct _AioprocQueue {
  GObject                    parent_instance;

  /* Immutable after construction and initialisation. */
  const AioprocQueueBackend *backend;     /* (nullable) NULL: not initialised */
  gpointer                   impl;        /* (owned) (nullable) the backend's */
  char                      *name;        /* (owned) (nullable) */
  guint                      max_items;   /* of a new one */
  guint                      max_deliveries; /* of a new one */
  guint64                    max_bytes;   /* of a new one */
};

/* G_IO_ERROR_NOT_INITIALIZED: there is no backend. */
gboolean      aioproc_queue_check       (AioprocQueue                *self,
                                         GError                     **error);
/* Starts a get; takes @task. */
void          aioproc_queue_start_get   (AioprocQueue                *self,
                                         AioprocQueueForm             form,
                                         GTask                       *task,
                                         gint64                       timeout_usec);
/* In shared memory: new, or that which a peer sent in @shm, which is taken, of the same kind. */
gboolean      aioproc_queue_local_new   (AioprocShm                  *shm,
                                         const AioprocQueueConfig    *config,
                                         const AioprocQueueBackend  **backend,
                                         gpointer                    *impl,
                                         GError                     **error);

G_END_DECLS
