/* aioproc-queue-history.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-history-private.h"

#include "platform/aioproc-memfd-private.h"

#define peek(field)        aioproc_queue_peek (field)
#define poke(field, value) aioproc_queue_poke (field, value)

/* Most items never fail, so that most of the history has no memory. What is to be written is
 * written without a mapping: where there is no memory it fails, and a record is missing.
 */

static guint64
get_offset (guint32 link,
            guint   n)
{
  return AIOPROC_QUEUE_HISTORY_OFFSET +
         ((guint64) (link - 1) * AIOPROC_QUEUE_N_HISTORY + n % AIOPROC_QUEUE_N_HISTORY) *
         sizeof (AioprocQueueRecord);
}

static guint32
make_tag (guint64           sequence,
          AioprocQueueCause cause)
{
  return (guint32) sequence << 8 | cause;
}

void
aioproc_queue_history_add (AioprocQueueSlots *self,
                           guint32            link,
                           AioprocQueueSlot  *slot,
                           AioprocQueueCause  cause)
{
  guint32 info = peek (&slot->info);
  guint n_failures = aioproc_queue_info_get_failures (info);
  AioprocQueueRecord record = {
    .pid = peek (&slot->holder),
    .tag = make_tag (peek (&slot->sequence), cause),
    .time_usec = g_get_real_time (),
  };

  /* By somebody who was killed after this. */
  if ((info & AIOPROC_QUEUE_INFO_COUNTED) != 0)
    return;

  if (aioproc_memfd_write (aioproc_shm_get_fd (self->memory.shm), get_offset (link, n_failures),
                           &record, sizeof (record), NULL))
    atomic_fetch_add_explicit (&self->header->n_allocated, sizeof (record),
                               memory_order_relaxed);

  if (n_failures < 0xffff)
    info += 1u << 16;

  poke (&slot->info, info | AIOPROC_QUEUE_INFO_COUNTED);
}

guint32
aioproc_queue_history_judge (AioprocQueueSlots *self,
                             AioprocQueueSlot  *slot)
{
  guint n_failures = aioproc_queue_info_get_failures (peek (&slot->info));

  return self->max_failures != 0 && n_failures >= self->max_failures ? AIOPROC_QUEUE_FAULTY
                                                                     : AIOPROC_QUEUE_READY;
}

/* FALSE: it was never written. Nothing is allocated for a look. */
static gboolean
read_record (AioprocQueueSlots  *self,
             guint64             offset,
             AioprocQueueRecord *record)
{
  int fd = aioproc_shm_get_fd (self->memory.shm);

  return aioproc_memfd_find_hole (fd, offset) >= offset + sizeof (*record) &&
         aioproc_queue_memory_copy_out (&self->memory, offset, record, sizeof (*record));
}

guint
aioproc_queue_history_get (AioprocQueueSlots  *self,
                           guint32             link,
                           guint64             sequence,
                           guint               n_failures,
                           AioprocQueueRecord *records)
{
  guint first = n_failures > AIOPROC_QUEUE_N_HISTORY ? n_failures - AIOPROC_QUEUE_N_HISTORY : 0;
  guint n_records = 0;

  for (guint i = first; i < n_failures; i++)
    {
      AioprocQueueRecord *record = &records[n_records];

      if (read_record (self, get_offset (link, i), record) &&
          (record->tag == make_tag (sequence, AIOPROC_QUEUE_NACKED) ||
           record->tag == make_tag (sequence, AIOPROC_QUEUE_DIED)))
        n_records++;
    }

  return n_records;
}
