/* queue-test.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <aioproc.h>

#include "ipc/aioproc-queue-slots-private.h"

G_BEGIN_DECLS

/* A new queue, with the name “test”. */
AioprocQueue       *queue_test_new              (guint         max_items);
/* Bytes that differ by @seed in all their places. */
GBytes             *queue_test_make_bytes       (gsize         size,
                                                 guint         seed);
/* Such bytes go in, and are what comes out. */
void                queue_test_put_bytes        (AioprocQueue *queue,
                                                 gsize         size,
                                                 guint         seed);
void                queue_test_get_bytes        (AioprocQueue *queue,
                                                 gsize         size,
                                                 guint         seed);
/* How many bytes of its memory there are. */
guint64             queue_test_get_n_allocated  (AioprocQueue *queue);
/* From here on the kernel has no memory for files. */
void                queue_test_forbid_growth    (void);
/* Until an operation has marked the word that it is going to sleep on. */
void                queue_test_wait_for_sleeper (AioprocQueue *queue,
                                                 gboolean      put);
AioprocShm         *queue_test_get_shm          (AioprocQueue *queue);
AioprocQueueHeader *queue_test_get_header       (AioprocQueue *queue);
AioprocQueueSlot   *queue_test_get_slot         (AioprocQueue *queue,
                                                 guint         index);

/* A round of what gives memory back, as though nothing of what is free had been used for long. */
void                queue_test_trim             (AioprocQueueSlots *slots);
/* Slots whose memory was given back. */
guint               queue_test_count_cold       (AioprocQueue *queue);

G_END_DECLS
