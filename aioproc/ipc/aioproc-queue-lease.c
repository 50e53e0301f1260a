/* aioproc-queue-lease.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-lease-private.h"

#include <stdatomic.h>

#include "aioproc-error.h"

/**
 * AioprocQueueLease:
 *
 * An item that was got from a queue, and stays in it until its getter has done with it.
 *
 * A get gives away: if the process is killed before it has done what the item says, nobody does
 * it. A lease lends: [method@Queue.get_leased] hides the item from others, and only
 * [method@QueueLease.ack] takes it out. If the process is killed before that, executes another
 * program or ends in any other way, the item is back in the queue, at its old place, and another
 * process gets it. The same happens at once with [method@QueueLease.nack]. So every item is done
 * once, if that and its ack cannot be torn apart, or at least once, if they can.
 *
 * The queue counts how often an item has come back, [method@QueueLease.get_n_failures], so that an
 * item which kills everybody who gets it can be told from others.
 *
 * A lease that is finalized while it is open gives the item back, too; that counts as no failure.
 *
 * ```c
 * static void
 * leased_cb (GObject      *source,
 *            GAsyncResult *result,
 *            gpointer      user_data)
 * {
 *   AioprocQueue *jobs = AIOPROC_QUEUE (source);
 *   GMainLoop *loop = user_data;
 *   g_autoptr(AioprocQueueLease) lease = NULL;
 *   g_autoptr(GError) error = NULL;
 *
 *   lease = aioproc_queue_get_leased_finish (jobs, result, &error);
 *
 *   if (lease == NULL)
 *     {
 *       g_print ("%s.\n", error->message);
 *       g_main_loop_quit (loop);
 *       return;
 *     }
 *
 *   if (do_job (aioproc_queue_lease_get_value (lease), aioproc_queue_lease_get_n_failures (lease)))
 *     aioproc_queue_lease_ack (lease, NULL);
 *   else
 *     aioproc_queue_lease_nack (lease, NULL);
 *
 *   aioproc_queue_get_leased_async (jobs, -1, NULL, leased_cb, loop);
 * }
 * …
 *   aioproc_queue_get_leased_async (jobs, -1, NULL, leased_cb, loop);
 * ```
 *
 * # Thread safety
 *
 * All functions may be called from any thread, also of those that have not got the item. None of
 * them ever blocks.
 *
 * # Process safety
 *
 * A lease belongs to the process that got it, and cannot be sent to another. In a child that was
 * forked from it, it is not open, and its end changes nothing. A process that is only stopped keeps
 * what it has leased.
 *
 * What was got is a copy: other processes cannot change it. The memory in the queue is needed until
 * the lease ends, since the item may have to be delivered again.
 *
 * Since: 0.1
 */
struct _AioprocQueueLease {
  GObject                         parent_instance;

  /* Immutable after construction. */
  const AioprocQueueLeaseBackend *backend;
  gpointer                        impl;         /* (owned) the backend's */
  GVariant                       *value;        /* (owned) */
  GBytes                         *bytes;        /* (owned) (nullable) */
  guint                           n_failures;

  _Atomic guint32                 open;         /* (atomic) */
};

G_DEFINE_FINAL_TYPE (AioprocQueueLease, aioproc_queue_lease, G_TYPE_OBJECT)

static gboolean
aioproc_queue_lease_end (AioprocQueueLease  *self,
                         AioprocQueueEnd     end,
                         GError            **error)
{
  if (atomic_exchange (&self->open, 0) == 0)
    {
      g_set_error_literal (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE,
                           "This item was acknowledged or given back already");
      return FALSE;
    }

  return self->backend->end (self->impl, end, error);
}

static void
aioproc_queue_lease_finalize (GObject *object)
{
  AioprocQueueLease *self = AIOPROC_QUEUE_LEASE (object);

  (void) aioproc_queue_lease_end (self, AIOPROC_QUEUE_END_GIVE_BACK, NULL);
  self->backend->free (self->impl);
  g_variant_unref (self->value);
  g_clear_pointer (&self->bytes, g_bytes_unref);

  G_OBJECT_CLASS (aioproc_queue_lease_parent_class)->finalize (object);
}

static void
aioproc_queue_lease_class_init (AioprocQueueLeaseClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = aioproc_queue_lease_finalize;
}

static void
aioproc_queue_lease_init (AioprocQueueLease *self)
{
}

AioprocQueueLease *
aioproc_queue_lease_new (const AioprocQueueLeaseBackend *backend,
                         gpointer                        impl,
                         GVariant                       *value,
                         GBytes                         *bytes,
                         guint                           n_failures)
{
  AioprocQueueLease *self = g_object_new (AIOPROC_TYPE_QUEUE_LEASE, NULL);

  self->backend = backend;
  self->impl = impl;
  self->value = value;
  self->bytes = bytes;
  self->n_failures = n_failures;
  atomic_store (&self->open, 1);

  return self;
}

/**
 * aioproc_queue_lease_get_value:
 * @self: a lease
 *
 * Gets the item as a value. What was put as bytes is a value of type `ay`.
 *
 * Returns: (transfer none): the value, which lives as long as the lease
 *
 * Since: 0.1
 */
GVariant *
aioproc_queue_lease_get_value (AioprocQueueLease *self)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE_LEASE (self), NULL);

  return self->value;
}

/**
 * aioproc_queue_lease_get_bytes:
 * @self: a lease
 *
 * Gets the item as bytes.
 *
 * Returns: (transfer none) (nullable): the bytes, which live as long as the lease, or `NULL` if
 *   the item is a value of another type than `ay`
 *
 * Since: 0.1
 */
GBytes *
aioproc_queue_lease_get_bytes (AioprocQueueLease *self)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE_LEASE (self), NULL);

  return self->bytes;
}

/**
 * aioproc_queue_lease_get_n_failures:
 * @self: a lease
 *
 * Gets how often the item was delivered before in vain: given back with
 * [method@QueueLease.nack], or by the death of the process that had it.
 *
 * Returns: the number of deliveries that failed, at most 65535
 *
 * Since: 0.1
 */
guint
aioproc_queue_lease_get_n_failures (AioprocQueueLease *self)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE_LEASE (self), 0);

  return self->n_failures;
}

/**
 * aioproc_queue_lease_is_open:
 * @self: a lease
 *
 * Tells whether the item was neither acknowledged nor given back.
 *
 * Returns: `TRUE` if the item is this process's, `FALSE` in a forked child of it
 *
 * Since: 0.1
 */
gboolean
aioproc_queue_lease_is_open (AioprocQueueLease *self)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE_LEASE (self), FALSE);

  return atomic_load (&self->open) != 0 && self->backend->is_ours (self->impl);
}

/**
 * aioproc_queue_lease_ack:
 * @self: a lease
 * @error: return location for an error
 *
 * Takes the item out of the queue, for good: what it asks for is done. Never blocks.
 *
 * The lease is over, whether this succeeds or not.
 *
 * Fails with:
 *
 * - [error@Aioproc.Error.INVALID_STATE] if the item was acknowledged or given back before
 * - [error@Aioproc.Error.NOT_OWNER] in a child that was forked from the process which got the item,
 *   or if the item is not leased to this process any more, since another one has damaged the
 *   queue: it may have been delivered again
 *
 * Returns: `TRUE` if the item is gone, `FALSE` with @error set
 *
 * Since: 0.1
 */
gboolean
aioproc_queue_lease_ack (AioprocQueueLease  *self,
                         GError            **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE_LEASE (self), FALSE);

  return aioproc_queue_lease_end (self, AIOPROC_QUEUE_END_ACK, error);
}

/**
 * aioproc_queue_lease_nack:
 * @self: a lease
 * @error: return location for an error
 *
 * Gives the item back to the queue, for others to get: this delivery has failed. Never blocks.
 *
 * The item is at its old place: before all that were put later. A process that gets from the queue
 * after it has given back an item may get the same one.
 *
 * The lease is over, whether this succeeds or not.
 *
 * Fails as [method@QueueLease.ack] does.
 *
 * Returns: `TRUE` if the item is in the queue again, `FALSE` with @error set
 *
 * Since: 0.1
 */
gboolean
aioproc_queue_lease_nack (AioprocQueueLease  *self,
                          GError            **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE_LEASE (self), FALSE);

  return aioproc_queue_lease_end (self, AIOPROC_QUEUE_END_NACK, error);
}
