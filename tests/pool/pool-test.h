/* pool-test.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <aioproc.h>

#include "aioproc-test.h"
#include "../process/process-functions.h"

G_BEGIN_DECLS

/* Besides those of process-functions.h, workers have:
 *
 * work (x) → (x), one more, pid → (i), stop → stops itself by SIGSTOP, sleep-until (h) → waits for
 * the event, meet (hh) → sets the first event and waits for the second one, slow-exit →
 * does not end when told to, grow (u) → so many bytes, count → how often this worker was called,
 * nest (u) → the depth of pools below, of so many, polite (hh) → sets the first event, waits to be
 * cancelled, and sets the second one.
 */
void            test_pool_init       (void);

/* A pool that has to be there. */
AioprocPool    *test_pool_new        (guint           n_workers);
/* The same, with more to say: properties as in g_object_new(). */
AioprocPool    *test_pool_new_with   (const char     *first_property,
                                      ...) G_GNUC_NULL_TERMINATED;
/* Has its workers end, and waits for that. */
void            test_pool_end        (AioprocPool    *pool);
/* A result that has to be there. */
GVariant       *test_pool_apply      (AioprocPool    *pool,
                                      const char     *function,
                                      GVariant       *arguments);
/* A message with these objects (nullable), and their handles as a tuple for its body. */
AioprocMessage *test_pool_message    (gpointer        first,
                                      gpointer        second);
/* Begins a call, and waits until the event it gets as the first of two is set. */
void            test_pool_begin      (AioprocPool    *pool,
                                      const char     *function,
                                      AioprocEvent   *second,
                                      GCancellable   *cancellable,
                                      GAsyncResult  **result);
/* The error of a call that was begun so. */
GError         *test_pool_fail       (AioprocPool    *pool,
                                      GAsyncResult  **result);
AioprocEvent   *test_event_new       (void);

G_END_DECLS
