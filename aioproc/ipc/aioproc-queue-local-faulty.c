/* aioproc-queue-local-faulty.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-local-private.h"

#include "core/aioproc-codec-private.h"
#include "ipc/aioproc-queue-failure-private.h"
#include "ipc/aioproc-queue-history-private.h"

/* Who died or gave back when: a(uxs). */
static GVariant *
make_history (const AioprocQueueRecord *records,
              guint                     n_records)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(uxs)"));

  for (guint i = 0; i < n_records; i++)
    {
      const char *cause = (records[i].tag & 0xff) == AIOPROC_QUEUE_NACKED ? "nack" : "death";

      g_variant_builder_add (&builder, "(uxs)", records[i].pid, records[i].time_usec, cause);
    }

  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

/* The item that is leased, which is gone then. */
static AioprocQueueFailure *
local_queue_take_faulty (LocalQueue                  *self,
                         const AioprocQueueTransfer  *transfer,
                         GError                     **error)
{
  AioprocQueueRecord records[AIOPROC_QUEUE_N_HISTORY];
  guint n_records = aioproc_queue_history_get (&self->slots, transfer->link, transfer->sequence,
                                               transfer->n_failures, records);
  gpointer data = g_try_malloc (MAX (transfer->length, 1));
  g_autoptr(GBytes) bytes = NULL;
  GVariant *value;

  if (data == NULL ||
      !aioproc_queue_memory_copy_out (&self->slots.memory, transfer->offset, data,
                                      transfer->length))
    {
      g_free (data);
      (void) aioproc_queue_slots_give_back (&self->slots, transfer);
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                   "Could not get from %s: no memory for an item of %" G_GUINT64_FORMAT " bytes",
                   self->slots.description, transfer->length);
      return NULL;
    }

  (void) aioproc_queue_slots_ack (&self->slots, transfer);
  bytes = g_bytes_new_take (data, transfer->length);

  if (transfer->kind == AIOPROC_QUEUE_BYTES)
    {
      value = g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE);
      g_variant_ref_sink (value);
    }
  else
    {
      value = aioproc_codec_variant_load (bytes, error);
      g_clear_pointer (&bytes, g_bytes_unref);
    }

  if (value == NULL)
    {
      g_prefix_error (error, "An item of %s was dropped: ", self->slots.description);
      return NULL;
    }

  return aioproc_queue_failure_new (value, g_steal_pointer (&bytes), transfer->n_failures,
                                    make_history (records, n_records));
}

AioprocQueueFailure *
local_queue_try_get_failed (gpointer   impl,
                            GError   **error)
{
  LocalQueue *self = impl;
  AioprocQueueTransfer transfer;

  if (!local_queue_check (self, error))
    return NULL;

  for (guint n_yields = 0; n_yields <= LOCAL_QUEUE_MAX_YIELDS; n_yields++)
    {
      switch (aioproc_queue_slots_get_faulty (&self->slots, &transfer, error))
        {
        case AIOPROC_QUEUE_BEGUN:
          return local_queue_take_faulty (self, &transfer, error);

        case AIOPROC_QUEUE_FAILED:
          return NULL;

        case AIOPROC_QUEUE_BUSY:
          g_thread_yield ();
          break;

        default:
          n_yields = LOCAL_QUEUE_MAX_YIELDS;
        }
    }

  local_queue_set_would_block (self, "without failed items, or in use", error);

  return NULL;
}

guint
local_queue_count_failed (gpointer impl)
{
  LocalQueue *self = impl;
  AioprocQueueFigures figures;

  /* Brings up to date what is counted. */
  aioproc_queue_slots_count (&self->slots, &figures);

  return aioproc_queue_peek (&self->slots.header->n_faulty);
}
