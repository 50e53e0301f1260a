/* queue-log.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdatomic.h>

#include <aioproc.h>

#include "naive-queue.h"

G_BEGIN_DECLS

/* What processes that share a queue tell the test, in memory that outlives them. A life is one
 * process; its items are numbered from 0.
 */
#define QUEUE_LOG_MAX_LIVES   65536
#define QUEUE_LOG_MAX_RECORDS (1 << 24)

typedef struct {
  _Atomic guint32 stop;        /* producers end */
  _Atomic guint32 drain;       /* consumers of a naive queue end when it is empty */
  _Atomic guint32 owner;       /* the owner word of who is stepped */
  _Atomic guint64 n_bytes;     /* put by one who fills the queue, … */
  _Atomic guint64 max_bytes;   /* … who puts no more than so many */
  _Atomic guint32 n_trims;     /* rounds after which memory was given back */
  _Atomic guint32 n_records;   /* begun; those of consumers that were killed may be 0 */
  struct {
    _Atomic guint32 ready;     /* it has begun */
    _Atomic guint32 doubt;     /* it is in a get, or has not yet written down what it got */
    _Atomic guint32 n_put;     /* puts that have returned */
  } lives[QUEUE_LOG_MAX_LIVES];
  _Atomic guint64 records[QUEUE_LOG_MAX_RECORDS];   /* RECORD | life (20) | number (32) */
  NaiveQueue      naive;
} QueueLog;

#define QUEUE_LOG_RECORD (G_GUINT64_CONSTANT (1) << 63)
#define QUEUE_LOG_BAD    (G_GUINT64_CONSTANT (1) << 62)
/* Of an item that is leased: it is about to be acknowledged. Once it was, this goes. */
#define QUEUE_LOG_INTENT (G_GUINT64_CONSTANT (1) << 61)

/* The descriptors of a peer program. */
#define QUEUE_PEER_SOCKET 3
#define QUEUE_PEER_LOG    4

/* What an item looks like: all of it follows from the life, the number and the size. */
GBytes   *queue_log_make_item  (guint32    life,
                                guint32    number,
                                gsize      size);
/* What it says it is. */
void      queue_log_read_item  (GBytes    *item,
                                guint32   *life,
                                guint32   *number);
/* FALSE: it is torn, or no item. */
gboolean  queue_log_check_item (GBytes    *item);
QueueLog *queue_log_map        (int        fd);

G_END_DECLS
