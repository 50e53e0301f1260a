/* aioproc-queue-slots-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ipc/aioproc-queue-layout-private.h"
#include "ipc/aioproc-queue-memory-private.h"
#include "ipc/aioproc-queue-private.h"

G_BEGIN_DECLS

/* The protocol of a queue in shared memory: it never waits, and knows nothing of objects.
 *
 * put:   FREE → READY, for what is copied under the lock; else FREE → FILLING (owner), the copy,
 *        FILLING → READY.
 * get:   READY → FREE, once it is copied under the lock; else READY → LEASED (owner), the copy,
 *        LEASED → FREE.
 *        Or READY → HELD (owner), when it is got, and HELD → FREE, when it is read no more.
 * loan:  FREE → FILLING (owner), whatever the size, and much later FILLING → READY or → FREE.
 * lease: READY → LEASED (owner), the copy, and much later LEASED → FREE or LEASED → READY; or
 *        LEASED → FAULTY, if that has happened too often. FAULTY → LEASED → FREE, for who asks.
 *
 * Each arrow is one store, the only point at which the item comes or goes. Whoever finds the lock
 * abandoned repairs: makes the caches anew from the slots, frees what dead owners were filling or
 * had held, and makes READY again what they had leased. What an owner left behind that died outside
 * of the lock is found by the sweep that the next operation after an announced death makes.
 *
 * No call sleeps on the lock. The second arrow of a copy beside the lock needs none: where the
 * lock is not to be had, it is only stored, and the caches follow with the next operation.
 */
typedef struct {
  /* Immutable after construction. */
  AioprocQueueMemory  memory;
  AioprocQueueHeader *header;
  AioprocFamily      *family;
  const _Atomic guint32 *owner;      /* (atomic) the family's, of this process; 0: not attached */
  _Atomic guint32    *sequence;      /* the family's */
  const char         *description;   /* of the queue, for messages */
  guint32             max_items;     /* 0: no limit */
  guint32             max_failures;  /* 0: no limit */
  guint64             max_bytes;     /* 0: no limit */

  _Atomic gsize       n_held;        /* (atomic) what this process has in place; see HELD_MAX */
} AioprocQueueSlots;

typedef enum {
  AIOPROC_QUEUE_DONE,
  AIOPROC_QUEUE_BEGUN,      /* a transfer: to copy beside the lock, and to end */
  AIOPROC_QUEUE_IN_PLACE,   /* a transfer: to read where it lies, and to release */
  AIOPROC_QUEUE_WAIT,       /* empty, or full */
  AIOPROC_QUEUE_BUSY,       /* the lock was not to be had */
  AIOPROC_QUEUE_CLOSED,
  AIOPROC_QUEUE_MISMATCH,   /* the first item is no bytes */
  AIOPROC_QUEUE_FAILED,     /* with an error */
} AioprocQueueStatus;

typedef struct {
  AioprocQueueKind  kind;
  gconstpointer     data;     /* needed only up to COPY_MAX */
  guint64           length;   /* PAYLOAD_MAX at most */
} AioprocQueuePayload;

/* A slot that this process is filling, has leased, or holds. */
typedef struct {
  AioprocQueueSlot *slot;
  guint32           link;
  guint32           state;
  AioprocQueueKind  kind;
  guint             size_class;
  guint             n_failures;   /* deliveries that failed before */
  guint64           length;
  guint64           offset;
  guint64           sequence;     /* of what is leased, or held */
} AioprocQueueTransfer;

typedef enum {
  AIOPROC_QUEUE_GET_BYTES_ONLY = 1 << 0,
  AIOPROC_QUEUE_GET_KEEP = 1 << 1,   /* it stays leased after the copy */
  AIOPROC_QUEUE_GET_HOLD = 1 << 2,   /* what is large need not be copied */
  /* What is not copied under the lock is a MISMATCH, too, and so is what is damaged. */
  AIOPROC_QUEUE_GET_SMALL_ONLY = 1 << 3,
} AioprocQueueGetFlags;

/* Items that were copied out under one lock, which takes some 10 µs at most. Behind these bytes
 * there is room for one more item that is copied under it, whatever its length turns out to be.
 */
#define AIOPROC_QUEUE_BATCH_ITEMS 256
#define AIOPROC_QUEUE_BATCH_BYTES (12 * 1024)

typedef struct {
  guint                n_items;
  struct {
    AioprocQueueKind   kind;
    guint              length;
    guint              offset;   /* in @buffer */
  }                    items[AIOPROC_QUEUE_BATCH_ITEMS];
  guint64              buffer[(AIOPROC_QUEUE_BATCH_BYTES + AIOPROC_QUEUE_COPY_MAX) /
                              sizeof (guint64)];
  AioprocQueueTransfer scratch;
} AioprocQueueBatch;

/* Where a WAIT sleeps; NULL: it does not. */
typedef struct {
  gboolean trying;      /* it does not either: nobody has to wake it, which costs a system call */
  guint32  ticket;      /* of a put: what tells it from others of this process; 0: it has no turn */
  guint32  expected;    /* set on WAIT: the value of the items or room word, which is marked */
  gint64   idle_usec;   /* set on WAIT: when memory of an empty queue can be freed, -1: never */
  gint64   turn_usec;   /* set on WAIT of a put: when the turn of another one is over, -1: never */
} AioprocQueueSleep;

/* @create: formats memory that is all zeros. Else G_IO_ERROR_INVALID_DATA for one that is none of
 * a queue.
 */
gboolean           aioproc_queue_slots_init      (AioprocQueueSlots          *self,
                                                  AioprocShm                 *shm,
                                                  gboolean                    create,
                                                  guint32                     max_items,
                                                  guint32                     max_failures,
                                                  guint64                     max_bytes,
                                                  GError                    **error);
void               aioproc_queue_slots_clear     (AioprocQueueSlots          *self);

/* DONE: it is in the queue. BEGUN: fill, or allocate and copy, then commit or abort. */
AioprocQueueStatus aioproc_queue_slots_put       (AioprocQueueSlots          *self,
                                                  const AioprocQueuePayload  *payload,
                                                  AioprocQueueSleep          *sleep,
                                                  AioprocQueueTransfer       *transfer,
                                                  GError                    **error);
/* Room for @length bytes that are written later. BEGUN: allocate, write, then commit or abort. */
AioprocQueueStatus aioproc_queue_slots_loan      (AioprocQueueSlots          *self,
                                                  guint64                     length,
                                                  AioprocQueueSleep          *sleep,
                                                  AioprocQueueTransfer       *transfer,
                                                  GError                    **error);
/* As many of @payloads, all of COPY_MAX at most, as there is room for, under one lock. DONE: as
 * many as @n_put says, at least 1, are there. What stopped the next one is told to the next call.
 */
AioprocQueueStatus aioproc_queue_slots_put_many  (AioprocQueueSlots          *self,
                                                  const AioprocQueuePayload  *payloads,
                                                  guint                       n_payloads,
                                                  AioprocQueueSleep          *sleep,
                                                  guint                      *n_put,
                                                  GError                    **error);
/* A put that has waited for room ends without it: its turn is over. */
void               aioproc_queue_slots_give_up   (AioprocQueueSlots          *self,
                                                  guint32                     ticket);
/* Copies the payload of a transfer, beside the lock. G_IO_ERROR_NO_SPACE. */
gboolean           aioproc_queue_slots_fill      (AioprocQueueSlots          *self,
                                                  const AioprocQueueTransfer *transfer,
                                                  gconstpointer               data,
                                                  GError                    **error);
/* Allocates the pages of a transfer, beside the lock. G_IO_ERROR_NO_SPACE. */
gboolean           aioproc_queue_slots_allocate  (AioprocQueueSlots          *self,
                                                  const AioprocQueueTransfer *transfer,
                                                  GError                    **error);
/* The ends of a put. FALSE: it is not this process's any more, and nothing has happened. */
gboolean           aioproc_queue_slots_commit    (AioprocQueueSlots          *self,
                                                  const AioprocQueueTransfer *transfer);
gboolean           aioproc_queue_slots_abort     (AioprocQueueSlots          *self,
                                                  const AioprocQueueTransfer *transfer);
/* The same of one of which only the first @length bytes are put. */
gboolean           aioproc_queue_slots_commit_part (AioprocQueueSlots        *self,
                                                  const AioprocQueueTransfer *transfer,
                                                  guint64                     length);

/* DONE: the payload was copied to @buffer, which has COPY_MAX bytes; @transfer tells its kind and
 * length. BEGUN: copy it. Then, and after KEEP, acknowledge or give back. BYTES_ONLY: MISMATCH for
 * any other kind, which stays. IN_PLACE, after HOLD only: the item is gone from the queue, and lies
 * in one piece at the offset until it is released.
 */
AioprocQueueStatus aioproc_queue_slots_get       (AioprocQueueSlots          *self,
                                                  AioprocQueueGetFlags        flags,
                                                  AioprocQueueSleep          *sleep,
                                                  guint8                     *buffer,
                                                  AioprocQueueTransfer       *transfer,
                                                  GError                    **error);
/* As many items of COPY_MAX at most as are first, at most @max_items, under one lock. DONE: those
 * are in @batch. Else it is about the first item, as in aioproc_queue_slots_get().
 */
AioprocQueueStatus aioproc_queue_slots_get_many  (AioprocQueueSlots          *self,
                                                  AioprocQueueGetFlags        flags,
                                                  AioprocQueueSleep          *sleep,
                                                  AioprocQueueBatch          *batch,
                                                  guint                       max_items,
                                                  AioprocQueueTransfer       *transfer,
                                                  GError                    **error);

/* Looks whether a get would have to wait, and takes nothing: DONE, CLOSED and FAILED if not. WAIT:
 * sleep on the watch word.
 */
AioprocQueueStatus aioproc_queue_slots_watch     (AioprocQueueSlots          *self,
                                                  AioprocQueueSleep          *sleep,
                                                  GError                    **error);

/* The ends of a lease. FALSE: it is not this process's any more, and nothing has happened. */
gboolean           aioproc_queue_slots_ack       (AioprocQueueSlots          *self,
                                                  const AioprocQueueTransfer *transfer);
gboolean           aioproc_queue_slots_nack      (AioprocQueueSlots          *self,
                                                  const AioprocQueueTransfer *transfer);
gboolean           aioproc_queue_slots_give_back (AioprocQueueSlots          *self,
                                                  const AioprocQueueTransfer *transfer);

/* What was IN_PLACE is not read any more. TRUE: there is memory to give back, by
 * aioproc_queue_slots_trim().
 */
gboolean           aioproc_queue_slots_release   (AioprocQueueSlots          *self,
                                                  const AioprocQueueTransfer *transfer);
/* The same in a child that was forked since, where it is only not counted any more. */
void               aioproc_queue_slots_forget    (AioprocQueueSlots          *self,
                                                  const AioprocQueueTransfer *transfer);

/* The first item that has failed too often. BEGUN: copy it, then acknowledge or give back. WAIT:
 * there is none.
 */
AioprocQueueStatus aioproc_queue_slots_get_faulty (AioprocQueueSlots         *self,
                                                  AioprocQueueTransfer       *transfer,
                                                  GError                    **error);

/* For good, and for all processes. @immediate: what is READY is dropped, by the next who gets or
 * trims if the lock is not to be had now, and what is being copied when its copy ends.
 */
void               aioproc_queue_slots_close     (AioprocQueueSlots          *self,
                                                  gboolean                    immediate);
gboolean           aioproc_queue_slots_is_closed (AioprocQueueSlots          *self);
void               aioproc_queue_slots_count     (AioprocQueueSlots          *self,
                                                  AioprocQueueFigures        *figures);
/* Whether nothing is there that could be got, is being put, or is leased: DONE or WAIT. */
AioprocQueueStatus aioproc_queue_slots_join      (AioprocQueueSlots          *self,
                                                  AioprocQueueSleep          *sleep,
                                                  GError                    **error);
/* Gives memory back if the queue has been empty for a while, or nothing is put into it any more.
 * Sleeps on the lock.
 */
void               aioproc_queue_slots_trim      (AioprocQueueSlots          *self);
/* Gives memory back that has not been needed for a while, whatever else is in the queue. To be
 * called about once a second, by one thread of the process. FALSE: there will be none before more
 * is got. Sleeps on the lock.
 */
gboolean           aioproc_queue_slots_tend      (AioprocQueueSlots          *self);

G_END_DECLS
