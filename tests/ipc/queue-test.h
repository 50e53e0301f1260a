/* queue-test.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <aioproc.h>

#include "ipc/aioproc-queue-layout-private.h"

G_BEGIN_DECLS

/* A new queue, with the name “test”. */
AioprocQueue       *queue_test_new              (guint         max_items);
/* Bytes that differ by @seed in all their places. */
GBytes             *queue_test_make_bytes       (gsize         size,
                                                 guint         seed);
/* Until an operation has marked the word that it is going to sleep on. */
void                queue_test_wait_for_sleeper (AioprocQueue *queue,
                                                 gboolean      put);
AioprocShm         *queue_test_get_shm          (AioprocQueue *queue);
AioprocQueueHeader *queue_test_get_header       (AioprocQueue *queue);
AioprocQueueSlot   *queue_test_get_slot         (AioprocQueue *queue,
                                                 guint         index);

G_END_DECLS
