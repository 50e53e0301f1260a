/* performer.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "party.h"

G_BEGIN_DECLS

/* Does the operations of a party, where that is. */

typedef struct {
  Operation     operation;
  guint64       owner;         /* of a recursive lock */
  guint64       value;         /* what is put; what was got, then */
  gint64        timeout_usec;
  GCancellable *cancellable;   /* (nullable) */
} Act;

typedef void (*PerformerFunc) (Outcome  outcome,
                               guint64  value,
                               gpointer data);

/* At once, or by waiting in the calling thread. */
Outcome  performer_block    (gpointer       object,
                             Act           *act);
gboolean performer_is_async (Operation      operation);
/* By an asynchronous operation where there is one; @func is called later then, else at once. */
void     performer_start    (gpointer       object,
                             const Act     *act,
                             PerformerFunc  func,
                             gpointer       data);

/* How the operations are done with objects of one class. */
typedef struct {
  GType    (*get_type) (void);
  /* The outcome is that of the operation; @error says why it is FALSE. */
  gboolean (*block)    (gpointer             object,
                        Act                 *act,
                        GError             **error);
  void     (*start)    (gpointer             object,
                        const Act           *act,
                        GAsyncReadyCallback  callback,
                        gpointer             user_data);
  gboolean (*finish)   (gpointer             object,
                        Act                 *act,
                        GAsyncResult        *result,
                        GError             **error);
} Performer;

gboolean performer_barrier_block  (gpointer             object,
                                   Act                 *act,
                                   GError             **error);
void     performer_barrier_start  (gpointer             object,
                                   const Act           *act,
                                   GAsyncReadyCallback  callback,
                                   gpointer             user_data);
gboolean performer_barrier_finish (gpointer             object,
                                   Act                 *act,
                                   GAsyncResult        *result,
                                   GError             **error);

/* Shared lists and memory. Nothing of them is asynchronous. */
gboolean performer_list_block     (gpointer             object,
                                   Act                 *act,
                                   GError             **error);
gboolean performer_memory_block   (gpointer             object,
                                   Act                 *act,
                                   GError             **error);

gboolean performer_queue_block    (gpointer             object,
                                   Act                 *act,
                                   GError             **error);
void     performer_queue_start    (gpointer             object,
                                   const Act           *act,
                                   GAsyncReadyCallback  callback,
                                   gpointer             user_data);
gboolean performer_queue_finish   (gpointer             object,
                                   Act                 *act,
                                   GAsyncResult        *result,
                                   GError             **error);

gboolean performer_simple_queue_block  (gpointer             object,
                                        Act                 *act,
                                        GError             **error);
void     performer_simple_queue_start  (gpointer             object,
                                        const Act           *act,
                                        GAsyncReadyCallback  callback,
                                        gpointer             user_data);
gboolean performer_simple_queue_finish (gpointer             object,
                                        Act                 *act,
                                        GAsyncResult        *result,
                                        GError             **error);

/* Items of queues: bytes that a number says, and what was got, which is taken. */
GBytes  *performer_make_bytes          (gsize                size);
gboolean performer_got_bytes           (GBytes              *bytes,
                                        Act                 *act);
gboolean performer_got_value           (GVariant            *value,
                                        Act                 *act);

G_END_DECLS
