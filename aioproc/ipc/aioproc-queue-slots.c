/* aioproc-queue-slots.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-slots-private.h"

#include "ipc/aioproc-queue-enter-private.h"
#include "ipc/aioproc-queue-grow-private.h"
#include "ipc/aioproc-queue-repair-private.h"
#include "ipc/aioproc-queue-trim-private.h"
#include "platform/aioproc-futex-private.h"

#define peek(field)        aioproc_queue_peek (field)
#define poke(field, value) aioproc_queue_poke (field, value)

void
aioproc_queue_slots_set_corrupt (AioprocQueueSlots  *self,
                                 GError            **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The memory of %s is damaged", self->description);
}

gboolean
aioproc_queue_slots_init (AioprocQueueSlots  *self,
                          AioprocShm         *shm,
                          gboolean            create,
                          guint32             max_items,
                          guint32             max_failures,
                          guint64             max_bytes,
                          GError            **error)
{
  AioprocQueueHeader *header;
  guint32 n_slots;

  if (!aioproc_queue_memory_init (&self->memory, shm, error))
    return FALSE;

  header = aioproc_shm_get_state (shm);
  self->header = header;
  self->family = aioproc_shm_get_family (shm);
  self->owner = aioproc_family_peek_owner (self->family);
  self->sequence = aioproc_family_get_sequence (self->family);
  self->description = aioproc_shm_describe (shm);

  if (create)
    {
      poke (&header->max_items, max_items);
      poke (&header->max_failures, max_failures);
      poke (&header->max_bytes, max_bytes);
      poke (&header->n_slots, AIOPROC_QUEUE_BIRTH_SLOTS);

      for (guint32 link = AIOPROC_QUEUE_BIRTH_SLOTS; link > 0; link--)
        aioproc_queue_slots_push_free (self, link, aioproc_queue_slots_at_known (self, link), 0);
    }

  n_slots = peek (&header->n_slots);
  self->max_items = peek (&header->max_items);
  self->max_failures = peek (&header->max_failures);
  self->max_bytes = peek (&header->max_bytes);

  if (n_slots < AIOPROC_QUEUE_BIRTH_SLOTS || n_slots > AIOPROC_QUEUE_MAX_SLOTS)
    {
      aioproc_queue_slots_set_corrupt (self, error);
      return FALSE;
    }

  return TRUE;
}

void
aioproc_queue_slots_clear (AioprocQueueSlots *self)
{
  aioproc_queue_memory_clear (&self->memory);
}

/* --- The lock --- */

gboolean
aioproc_queue_slots_catch_up (AioprocQueueSlots  *self,
                              gboolean            abandoned,
                              AioprocQueueWakes  *wakes,
                              GError            **error)
{
  AioprocQueueHeader *header = self->header;

  if (!abandoned && (peek (&header->stale) & AIOPROC_QUEUE_STALE_ALL) == 0 &&
      aioproc_queue_sweep (self, wakes))
    return TRUE;

  if (aioproc_queue_repair (self, wakes, error))
    return TRUE;

  aioproc_queue_slots_leave (self, wakes);

  return FALSE;
}

guint32
aioproc_queue_slots_mark (AioprocQueueSlots *self,
                          _Atomic guint32   *word)
{
  guint32 value = aioproc_queue_word_mark (word);

  /* A slot has changed beside the lock, perhaps since this process has it and has caught up, and
   * the word was changed before it was marked: what it was not is no value to sleep on. Partner:
   * aioproc_queue_slots_end_unlocked(), which sets the flag before it changes the word.
   */
  atomic_thread_fence (memory_order_acquire);

  if (G_UNLIKELY (atomic_load (&self->header->stale) != 0))
    value -= AIOPROC_QUEUE_CHANGE;

  return value;
}

gboolean
aioproc_queue_slots_prepare_sleep (AioprocQueueSlots *self,
                                   _Atomic guint32   *word,
                                   AioprocQueueSleep *sleep)
{
  gboolean was_closed = peek (&self->header->closed) != 0;

  if (sleep == NULL)
    return TRUE;

  sleep->idle_usec = -1;

  if (sleep->trying)
    {
      sleep->expected = 0;
      return TRUE;
    }

  sleep->expected = aioproc_queue_slots_mark (self, word);

  /* Partner: aioproc_queue_slots_close(), which sets it before it changes the word. */
  return was_closed || atomic_load (&self->header->closed) == 0;
}

/* --- The whole queue --- */

void
aioproc_queue_slots_drop (AioprocQueueSlots *self,
                          AioprocQueueWakes *wakes)
{
  /* The repair frees what is ready, and may be killed. */
  if (aioproc_queue_is_dropped (self->header) && peek (&self->header->n_ready) != 0)
    (void) aioproc_queue_repair (self, wakes, NULL);
}

void
aioproc_queue_slots_close (AioprocQueueSlots *self,
                           gboolean           immediate)
{
  AioprocQueueHeader *header = self->header;
  AioprocQueueWakes wakes = { 0 };

  /* Partner: aioproc_queue_slots_prepare_sleep(), which looks at it after it has marked a word. */
  atomic_fetch_or (&header->closed,
                   AIOPROC_QUEUE_SHUT | (immediate ? AIOPROC_QUEUE_DROPPED : 0));

  atomic_fetch_add (&header->items, AIOPROC_QUEUE_CHANGE);
  atomic_fetch_add (&header->room, AIOPROC_QUEUE_CHANGE);
  atomic_fetch_add (&header->watch, AIOPROC_QUEUE_CHANGE);
  aioproc_futex_wake (&header->items, G_MAXINT);
  aioproc_futex_wake (&header->room, G_MAXINT);
  aioproc_futex_wake (&header->watch, G_MAXINT);

  if (immediate && aioproc_queue_slots_enter (self, &wakes, NULL) == AIOPROC_QUEUE_DONE)
    {
      aioproc_queue_slots_drop (self, &wakes);
      aioproc_queue_slots_leave (self, &wakes);
    }
}

gboolean
aioproc_queue_slots_is_closed (AioprocQueueSlots *self)
{
  return peek (&self->header->closed) != 0;
}

void
aioproc_queue_slots_count (AioprocQueueSlots   *self,
                           AioprocQueueFigures *figures)
{
  AioprocQueueHeader *header = self->header;
  AioprocQueueWakes wakes = { 0 };
  gboolean entered = aioproc_queue_slots_enter (self, &wakes, NULL) == AIOPROC_QUEUE_DONE;

  if (entered)
    aioproc_queue_slots_drop (self, &wakes);

  figures->n_ready = aioproc_queue_is_dropped (header) ? 0 : peek (&header->n_ready);
  figures->n_used = aioproc_queue_count_room_taken (header);
  figures->n_bytes = peek (&header->n_bytes);
  figures->peak_items = peek (&header->peak_items);
  figures->peak_bytes = peek (&header->peak_bytes);

  if (entered)
    aioproc_queue_slots_leave (self, &wakes);
}

AioprocQueueStatus
aioproc_queue_slots_join (AioprocQueueSlots  *self,
                          AioprocQueueSleep  *sleep,
                          GError            **error)
{
  AioprocQueueHeader *header = self->header;
  AioprocQueueWakes wakes = { 0 };
  AioprocQueueStatus status = aioproc_queue_slots_enter (self, &wakes, error);

  if (status != AIOPROC_QUEUE_DONE)
    return status;

  if (peek (&header->n_used) != 0)
    {
      sleep->expected = aioproc_queue_slots_mark (self, &header->idle);
      status = AIOPROC_QUEUE_WAIT;
    }

  aioproc_queue_slots_leave (self, &wakes);

  return status;
}

gboolean
aioproc_queue_slots_can_trim (AioprocQueueSlots *self)
{
  AioprocQueueHeader *header = self->header;

  /* What is busy and not used is held. */
  return peek (&header->n_used) == 0 && peek (&header->n_faulty) == 0 &&
         peek (&header->busy_first) == 0 &&
         peek (&header->n_allocated) > AIOPROC_QUEUE_IDLE_KEEP &&
         (aioproc_queue_is_dropped (header) ||
          g_get_monotonic_time () - peek (&header->empty_since) >= AIOPROC_QUEUE_IDLE_USEC) &&
         !aioproc_queue_is_trimmed (self, 0, AIOPROC_QUEUE_FILE_SIZE);
}
