/* aioproc-queue-local-lease.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-local-private.h"

#include "aioproc-error.h"

/* A lease keeps this process's end of the queue, and not the object that its user has. */
typedef struct {
  LocalQueue           *queue;      /* (owned) */
  AioprocQueueTransfer  transfer;
} LocalLease;

gboolean
local_queue_owns (LocalQueue                 *self,
                  const AioprocQueueTransfer *transfer)
{
  return (transfer->state & AIOPROC_OWNER_MASK) ==
         aioproc_family_get_owner (self->slots.family);
}

static gboolean
local_queue_end (LocalQueue                 *self,
                 const AioprocQueueTransfer *transfer,
                 AioprocQueueEnd             end)
{
  switch (end)
    {
    case AIOPROC_QUEUE_END_ACK:
      return aioproc_queue_slots_ack (&self->slots, transfer);

    case AIOPROC_QUEUE_END_NACK:
      return aioproc_queue_slots_nack (&self->slots, transfer);

    case AIOPROC_QUEUE_END_GIVE_BACK:
    default:
      return aioproc_queue_slots_give_back (&self->slots, transfer);
    }
}

gboolean
local_queue_end_lease (LocalQueue                  *self,
                       const AioprocQueueTransfer  *transfer,
                       AioprocQueueEnd              end,
                       GError                     **error)
{
  /* Never attach for this: a child that was forked owns nothing. */
  if (!local_queue_owns (self, transfer))
    {
      g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER,
                   "This item of %s is leased to the process that this one was forked from",
                   self->slots.description);
      return FALSE;
    }

  if (!local_queue_end (self, transfer, end))
    {
      g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER,
                   "This item of %s is not leased to this process any more",
                   self->slots.description);
      return FALSE;
    }

  if (end != AIOPROC_QUEUE_END_ACK)
    local_queue_serve_getters (self);

  return TRUE;
}

static gboolean
local_lease_end (gpointer          impl,
                 AioprocQueueEnd   end,
                 GError          **error)
{
  LocalLease *self = impl;

  return local_queue_end_lease (self->queue, &self->transfer, end, error);
}

static gboolean
local_lease_is_ours (gpointer impl)
{
  LocalLease *self = impl;

  return local_queue_owns (self->queue, &self->transfer);
}

static void
local_lease_free (gpointer impl)
{
  LocalLease *self = impl;

  local_queue_unref (self->queue);
  g_free (self);
}

static const AioprocQueueLeaseBackend local_lease_backend = {
  .end = local_lease_end,
  .is_ours = local_lease_is_ours,
  .free = local_lease_free,
};

AioprocQueueLease *
local_queue_make_lease (LocalQueue                 *self,
                        const AioprocQueueTransfer *transfer,
                        GVariant                   *value,
                        GBytes                     *bytes)
{
  LocalLease *lease = g_new (LocalLease, 1);

  lease->queue = local_queue_ref (self);
  lease->transfer = *transfer;

  return aioproc_queue_lease_new (&local_lease_backend, lease, value, bytes,
                                  transfer->n_failures);
}
