/* aioproc-pool-channel-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-shm-private.h"

G_BEGIN_DECLS

/* A ring of slots between a pool and one of its workers: each takes a task there and its result
 * back. Which side may touch a slot is in its stage, which changes by one atomic step; there is no
 * lock, so that what a worker leaves when it is killed is, at any instruction, the ring with some
 * slots at work.
 *
 * The program's side belongs to the pool, which calls one function at a time; the worker's to one
 * thread, unless said otherwise. Reference-counted.
 */
typedef struct _AioprocPoolChannel AioprocPoolChannel;

#define AIOPROC_POOL_CHANNEL_N_SLOTS 64
/* Bytes of a task, or of its result; what is longer goes another way. */
#define AIOPROC_POOL_CHANNEL_MAX     472

typedef enum {
  AIOPROC_POOL_SLOT_FREE = 0,
  AIOPROC_POOL_SLOT_READY,     /* a task, which either side may take */
  AIOPROC_POOL_SLOT_TAKEN,     /* taken back by the program: the worker passes it over */
  AIOPROC_POOL_SLOT_RUNNING,   /* the worker is at it */
  AIOPROC_POOL_SLOT_DONE,      /* a result */
} AioprocPoolSlotStage;

/* What is in a slot: a copy, or what is to be written. */
typedef struct {
  guint32 kind;
  guint32 length;
  guint32 run_usec;            /* of a result: how long it has run, at most G_MAXUINT32 */
  guint64 serial;              /* of the task; not 0 */
  guint8  data[AIOPROC_POOL_CHANNEL_MAX] __attribute__ ((aligned (8)));
} AioprocPoolSlotContent;

AioprocPoolChannel *aioproc_pool_channel_new        (const char              *name,
                                                     GError                 **error);
/* In the worker; takes @fd. */
AioprocPoolChannel *aioproc_pool_channel_new_for_fd (int                      fd,
                                                     GError                 **error);
AioprocPoolChannel *aioproc_pool_channel_ref        (AioprocPoolChannel      *self);
void                aioproc_pool_channel_unref      (AioprocPoolChannel      *self);
/* A descriptor for the worker, or -1. */
int                 aioproc_pool_channel_open       (AioprocPoolChannel      *self,
                                                     GError                 **error);

/* --- The program --- */

/* Where the next task goes: its data can be written there. NULL: the ring is full. */
guint8             *aioproc_pool_channel_begin_post (AioprocPoolChannel      *self);
/* The same, once that was so: whatever the worker has made of the slot since. */
guint8             *aioproc_pool_channel_get_task_data (AioprocPoolChannel   *self);
/* Posts what was written. Returns the position of the slot, for the functions below. */
guint32             aioproc_pool_channel_post       (AioprocPoolChannel      *self,
                                                     guint64                  serial,
                                                     guint32                  kind,
                                                     guint32                  length);
/* After one or several posts: the worker is woken if it sleeps. */
void                aioproc_pool_channel_wake       (AioprocPoolChannel      *self);
/* FALSE: the worker has begun with it. */
gboolean            aioproc_pool_channel_take_back  (AioprocPoolChannel      *self,
                                                     guint32                  position);
AioprocPoolSlotStage aioproc_pool_channel_get_stage (AioprocPoolChannel      *self,
                                                     guint32                  position);
/* When the task that runs was begun, in g_get_monotonic_time(); -1: it does not run, yet or any
 * more.
 */
gint64              aioproc_pool_channel_get_began  (AioprocPoolChannel      *self,
                                                     guint32                  position);
/* Takes the result out of its slot. FALSE: it is not there yet; or, with @error, what is there is
 * no result.
 */
gboolean            aioproc_pool_channel_take_result (AioprocPoolChannel     *self,
                                                     guint32                  position,
                                                     guint64                  serial,
                                                     AioprocPoolSlotContent  *result,
                                                     GError                 **error);
/* Whether the worker has ever said that it is up: what comes then is the program's doing. */
gboolean            aioproc_pool_channel_is_up      (AioprocPoolChannel      *self);
/* What the worker says of itself then: there before it begins with its first task. 0: nothing. */
int                 aioproc_pool_channel_get_pid    (AioprocPoolChannel      *self);
/* Has the call of this task cancelled, if it runs, or once it does. */
void                aioproc_pool_channel_cancel     (AioprocPoolChannel      *self,
                                                     guint64                  serial);

/* --- The worker --- */

void                aioproc_pool_channel_set_up     (AioprocPoolChannel      *self);
/* Waits for the next task, and begins it. FALSE: @deadline_usec (-1: none) has come first, or slots
 * that were taken back became free, which the program may be waiting for. It stays awake for some
 * microseconds before it sleeps, if @stays_awake.
 */
gboolean            aioproc_pool_channel_next       (AioprocPoolChannel      *self,
                                                     gboolean                 stays_awake,
                                                     gint64                   deadline_usec,
                                                     AioprocPoolSlotContent  *task);
/* Where the result of the task that was begun can be written. */
guint8             *aioproc_pool_channel_get_result_data (AioprocPoolChannel *self);
/* Ends it. */
void                aioproc_pool_channel_finish     (AioprocPoolChannel      *self,
                                                     guint32                  kind,
                                                     guint32                  length,
                                                     guint32                  run_usec);
/* The task whose call was to be cancelled last, or 0. Any thread. */
guint64             aioproc_pool_channel_get_cancelled (AioprocPoolChannel   *self);
/* Sleeps until the number of those is no more @n_cancels, and returns it. Any thread. */
guint32             aioproc_pool_channel_wait_cancel (AioprocPoolChannel     *self,
                                                      guint32                 n_cancels);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocPoolChannel, aioproc_pool_channel_unref)

G_END_DECLS
