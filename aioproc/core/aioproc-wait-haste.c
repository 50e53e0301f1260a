/* aioproc-wait-haste.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-wait-haste-private.h"

#include <stdatomic.h>

/* How many operations do not let others run after one that did so in vain. */
#define MIN_HASTE 64
#define MAX_HASTE 2048

gboolean
aioproc_wait_haste_take (AioprocWaitHaste *self)
{
  guint n_left = atomic_load_explicit (&self->n_left, memory_order_relaxed);

  if (n_left == 0)
    return FALSE;

  /* Of two at once one may count for both. */
  atomic_store_explicit (&self->n_left, n_left - 1, memory_order_relaxed);

  return TRUE;
}

/* After each time that was in vain, twice as many operations are hasty as after the one before, and
 * a bit fewer for each time that was not: what is lost comes to a microsecond or two for each
 * operation.
 */
void
aioproc_wait_haste_learn (AioprocWaitHaste *self,
                          gboolean          in_vain)
{
  guint step = MAX (atomic_load_explicit (&self->step, memory_order_relaxed), MIN_HASTE);

  if (in_vain)
    {
      atomic_store_explicit (&self->n_left, step, memory_order_relaxed);
      step = MIN (2 * step, MAX_HASTE);
    }
  else
    {
      step -= step / MIN_HASTE;
    }

  atomic_store_explicit (&self->step, step, memory_order_relaxed);
}
