/* aioproc-queue-failure.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-failure-private.h"

/**
 * AioprocQueueFailure:
 *
 * An item of a queue that was delivered in vain too often, and what has become of it.
 *
 * One bad item can kill worker after worker, or fail again and again, while all others wait. A
 * queue with [property@Queue:max-deliveries] sets it aside when that many deliveries have failed:
 * gets do not see it any more, and [method@Queue.try_get_failed] gives it to who wants to look at
 * it, repair it, or put it again.
 *
 * # Thread safety
 *
 * It never changes, and may be used from any thread.
 *
 * # Process safety
 *
 * It belongs to the process that got it, and is in the queue no more.
 *
 * Since: 0.1
 */
struct _AioprocQueueFailure {
  GObject   parent_instance;

  /* Immutable after construction. */
  GVariant *value;        /* (owned) */
  GBytes   *bytes;        /* (owned) (nullable) */
  guint     n_failures;
  GVariant *history;      /* (owned) */
};

G_DEFINE_FINAL_TYPE (AioprocQueueFailure, aioproc_queue_failure, G_TYPE_OBJECT)

static void
aioproc_queue_failure_finalize (GObject *object)
{
  AioprocQueueFailure *self = AIOPROC_QUEUE_FAILURE (object);

  g_variant_unref (self->value);
  g_clear_pointer (&self->bytes, g_bytes_unref);
  g_variant_unref (self->history);

  G_OBJECT_CLASS (aioproc_queue_failure_parent_class)->finalize (object);
}

static void
aioproc_queue_failure_class_init (AioprocQueueFailureClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = aioproc_queue_failure_finalize;
}

static void
aioproc_queue_failure_init (AioprocQueueFailure *self)
{
}

AioprocQueueFailure *
aioproc_queue_failure_new (GVariant *value,
                           GBytes   *bytes,
                           guint     n_failures,
                           GVariant *history)
{
  AioprocQueueFailure *self = g_object_new (AIOPROC_TYPE_QUEUE_FAILURE, NULL);

  self->value = value;
  self->bytes = bytes;
  self->n_failures = n_failures;
  self->history = history;

  return self;
}

/**
 * aioproc_queue_failure_get_value:
 * @self: a failure
 *
 * Gets the item as a value. What was put as bytes is a value of type `ay`.
 *
 * Returns: (transfer none): the value, which lives as long as the failure
 *
 * Since: 0.1
 */
GVariant *
aioproc_queue_failure_get_value (AioprocQueueFailure *self)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE_FAILURE (self), NULL);

  return self->value;
}

/**
 * aioproc_queue_failure_get_bytes:
 * @self: a failure
 *
 * Gets the item as bytes.
 *
 * Returns: (transfer none) (nullable): the bytes, which live as long as the failure, or `NULL` if
 *   the item is a value of another type than `ay`
 *
 * Since: 0.1
 */
GBytes *
aioproc_queue_failure_get_bytes (AioprocQueueFailure *self)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE_FAILURE (self), NULL);

  return self->bytes;
}

/**
 * aioproc_queue_failure_get_n_failures:
 * @self: a failure
 *
 * Gets how often the item was delivered in vain.
 *
 * Returns: the number of deliveries that failed
 *
 * Since: 0.1
 */
guint
aioproc_queue_failure_get_n_failures (AioprocQueueFailure *self)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE_FAILURE (self), 0);

  return self->n_failures;
}

/**
 * aioproc_queue_failure_get_history:
 * @self: a failure
 *
 * Gets which deliveries have failed, and how.
 *
 * These are the last four at most, the oldest one first. One for which there was no memory is
 * missing. The value is of type `a(uxs)`; of each failure it has
 *
 * - the process id of who had the item, as that process saw it
 * - when it failed, or was found to have failed, in microseconds since 1970, of the system's clock
 * - `nack` if it gave the item back, or `death`
 *
 * Returns: (transfer none): an array, which lives as long as the failure
 *
 * Since: 0.1
 */
GVariant *
aioproc_queue_failure_get_history (AioprocQueueFailure *self)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE_FAILURE (self), NULL);

  return self->history;
}
