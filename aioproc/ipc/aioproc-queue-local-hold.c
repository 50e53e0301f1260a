/* aioproc-queue-local-hold.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-local-private.h"

#include "core/aioproc-fork-private.h"

/* Bytes that were got and lie in the queue's memory. They keep this process's end of the queue, and
 * with it the mapping, and not the object that its user has.
 */
typedef struct {
  LocalQueue           *queue;      /* (owned) */
  AioprocQueueTransfer  transfer;
  guint64               epoch;      /* of the forks of this process, when they were got */
} LocalHold;

/* In any thread, and at any time. */
static void
local_hold_free (gpointer data)
{
  LocalHold *self = data;
  LocalQueue *queue = self->queue;

  if (!local_queue_owns (queue, &self->transfer))
    {
      /* We are a forked child: they are our parent's, who counts them, too. */
      aioproc_queue_slots_forget (&queue->slots, &self->transfer);
    }
  else if (aioproc_fork_is_epoch (self->epoch))
    {
      if (aioproc_queue_slots_release (&queue->slots, &self->transfer))
        local_queue_start_trim (queue);
    }

  /* Else a child has them, too, which may read them as long as it likes. Nobody would tell us, so
   * they are ours, and count as ours, until we end.
   */

  local_queue_unref (queue);
  g_free (self);
}

GBytes *
local_queue_hold (LocalQueue                 *self,
                  const AioprocQueueTransfer *transfer)
{
  LocalHold *hold = g_new (LocalHold, 1);

  hold->queue = local_queue_ref (self);
  hold->transfer = *transfer;
  hold->epoch = aioproc_fork_get_epoch ();

  return g_bytes_new_with_free_func (aioproc_queue_memory_at (&self->slots.memory,
                                                              transfer->offset, transfer->length),
                                     transfer->length, local_hold_free, hold);
}
