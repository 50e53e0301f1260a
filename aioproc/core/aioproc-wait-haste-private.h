/* aioproc-wait-haste-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Who stays awake for this long before it sleeps does so twice as long as it takes to wake a
 * sleeper on another processor, and so longer than it takes to be answered by one who had to be
 * woken.
 */
#define AIOPROC_WAIT_AWAKE_USEC 50
/* Who was let run for longer than this was not only doing its part, but computing. */
#define AIOPROC_WAIT_LATE_USEC  1000

/* Whether to let others run pays, of operations of one kind: that is found out by doing it. Zero at
 * first.
 */
typedef struct {
  _Atomic guint n_left;   /* (atomic) operations that are not to do it */
  _Atomic guint step;     /* (atomic) how many are not after one that did it in vain */
} AioprocWaitHaste;

/* TRUE: this operation is one that is not to let others run. */
gboolean aioproc_wait_haste_take  (AioprocWaitHaste *self);
void     aioproc_wait_haste_learn (AioprocWaitHaste *self,
                                   gboolean          in_vain);

G_END_DECLS
