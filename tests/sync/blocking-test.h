/* blocking-test.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <aioproc.h>

G_BEGIN_DECLS

/* What the blocking forms are called of. */
typedef struct {
  AioprocLock      *lock;
  AioprocRLock     *rlock;
  AioprocSemaphore *semaphore;
  AioprocCondition *condition;
  AioprocBarrier   *barrier;
  AioprocEvent     *event;
  AioprocQueue     *queue;
  AioprocJoinableQueue *joinable_queue;
  AioprocSimpleQueue *simple_queue;
  AioprocProcess   *process;
  AioprocPool      *pool;
  AioprocConnection *here;
  AioprocConnection *there;
  AioprocListener  *listener;
  AioprocClient    *client;
} Objects;

/* Those of queues: what may block, though here none of it has to. */
void block_queue_put              (Objects *objects,
                                   gint64   timeout_usec);
void block_queue_get              (Objects *objects,
                                   gint64   timeout_usec);
void block_queue_put_bytes        (Objects *objects,
                                   gint64   timeout_usec);
void block_queue_get_bytes        (Objects *objects,
                                   gint64   timeout_usec);
void block_queue_put_many         (Objects *objects,
                                   gint64   timeout_usec);
void block_queue_get_many         (Objects *objects,
                                   gint64   timeout_usec);
void block_queue_put_many_bytes   (Objects *objects,
                                   gint64   timeout_usec);
void block_queue_get_many_bytes   (Objects *objects,
                                   gint64   timeout_usec);
void block_queue_get_leased       (Objects *objects,
                                   gint64   timeout_usec);
void block_queue_loan             (Objects *objects,
                                   gint64   timeout_usec);
void block_joinable_queue_join    (Objects *objects,
                                   gint64   timeout_usec);
void block_simple_queue_put       (Objects *objects,
                                   gint64   timeout_usec);
void block_simple_queue_put_bytes (Objects *objects,
                                   gint64   timeout_usec);
void block_simple_queue_get       (Objects *objects,
                                   gint64   timeout_usec);
void block_simple_queue_get_bytes (Objects *objects,
                                   gint64   timeout_usec);

G_END_DECLS
