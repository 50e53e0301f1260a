/* aioproc-slots.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-slots-private.h"

#include <string.h>

#include "core/aioproc-codec-private.h"
#include "platform/aioproc-memfd-private.h"

/* Any number fits: 8 bytes for its type, and 8. */
#define MIN_ROOM 16

#define MAX_ROOM ((guint64) 1 << 30)

/* How often a reader starts anew before it takes the lock. */
#define MAX_TRIES 100

#define PATIENCE_USEC (10 * G_TIME_SPAN_MILLISECOND)

#define SLOTS_OFFSET (AIOPROC_SHM_HEADER_SIZE + sizeof (AioprocSlotsState))

static guint64
round_to_8 (guint64 size)
{
  return (size + 7) & ~(guint64) 7;
}

static AioprocSlotsState *
get_state (AioprocSlots *self)
{
  return aioproc_shm_get_state (self->shm);
}

static void
aioproc_slots_init_slot (AioprocSlot *slot,
                         AioprocShm  *shm,
                         guint        index,
                         guint64      offset,
                         guint64      room)
{
  guint8 *base = aioproc_shm_get_base (shm);

  slot->state = (AioprocSlotState *) (gpointer) (base + SLOTS_OFFSET) + index;
  slot->places = base + offset;
  slot->room = room;
}

/* --- One slot --- */

/* The words of a place are written while others may read them, who start anew then: each is atomic,
 * and none passes the state, which says so.
 */

static void
store_words (guint8       *place,
             const guint8 *data,
             gsize         length)
{
  guint64 *to = (gpointer) place;
  const guint64 *from = (gconstpointer) data;

  /* Release: after the state that has sent readers away from here. */
  for (gsize i = 0; i < round_to_8 (length) / 8; i++)
    __atomic_store_n (&to[i], from[i], __ATOMIC_RELEASE);
}

static void
load_words (guint8       *data,
            const guint8 *place,
            gsize         length)
{
  guint64 *to = (gpointer) data;
  const guint64 *from = (gconstpointer) place;

  /* Acquire: before the second look at the state. */
  for (gsize i = 0; i < round_to_8 (length) / 8; i++)
    to[i] = __atomic_load_n (&from[i], __ATOMIC_ACQUIRE);
}

static gsize
get_length (guint64 state)
{
  return (state >> 1) & G_MAXINT32;
}

static void
aioproc_slot_write (AioprocSlot  *slot,
                    const guint8 *data,
                    gsize         length)
{
  guint64 state = __atomic_load_n (&slot->state->state, __ATOMIC_RELAXED);
  guint64 place = (state & 1) ^ 1;
  guint64 sequence = (state >> 32) + 1;

  store_words (slot->places + place * slot->room, data, length);

  /* Partner: readers. */
  __atomic_store_n (&slot->state->state, sequence << 32 | (guint64) length << 1 | place,
                    __ATOMIC_RELEASE);
}

/* A buffer for what has @length bytes; words, whatever its length is. */
static guint8 *
new_buffer (gsize    length,
            GError **error)
{
  guint8 *buffer = g_try_malloc (MAX (round_to_8 (length), 8));

  if (buffer == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                 "Could not copy %" G_GSIZE_FORMAT " bytes: there is no memory", length);

  return buffer;
}

/* --- Their values --- */

/* (nullable) @value as it is stored, and its size. */
static guint8 *
encode (GVariant  *value,
        gsize     *length,
        GError   **error)
{
  g_autoptr(GVariant) prepared = aioproc_codec_variant_prepare (value, FALSE, error);
  guint8 *data;

  if (prepared == NULL)
    return NULL;

  *length = aioproc_codec_variant_size (prepared);
  data = new_buffer (*length, error);

  if (data != NULL)
    {
      /* Behind it, too. */
      memset (data + round_to_8 (*length) - 8, 0, 8);
      aioproc_codec_variant_store (prepared, data);
    }

  return data;
}

static gboolean
check_index (AioprocSlots  *self,
             guint          index,
             GError       **error)
{
  if (index < self->length)
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "There is no item %u of %s, which has %u", index, aioproc_shm_describe (self->shm),
               self->length);

  return FALSE;
}

/* Its owner may wait for a processor, but not for anything else: who does not free it within
 * PATIENCE_USEC is stopped, as a rule.
 */
static gboolean
aioproc_slots_lock (AioprocSlots  *self,
                    GError       **error)
{
  AioprocFamily *family = aioproc_shm_get_family (self->shm);
  gint64 end_usec = g_get_monotonic_time () + PATIENCE_USEC;

  if (!aioproc_shm_attach (self->shm, error))
    return FALSE;

  do
    {
      /* One who died there has left nothing to repair. */
      if (aioproc_lock_word_spin (&get_state (self)->lock, family) != AIOPROC_LOCK_BUSY)
        return TRUE;

      g_thread_yield ();
    }
  while (g_get_monotonic_time () < end_usec);

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK,
               "A process is setting an item of %s, and does not end that",
               aioproc_shm_describe (self->shm));

  return FALSE;
}

static void
aioproc_slots_unlock (AioprocSlots *self)
{
  aioproc_lock_word_release (&get_state (self)->lock, aioproc_shm_get_family (self->shm));
}

/* (nullable) A copy of what is in the slot. NULL without an error: it was replaced meanwhile. */
static guint8 *
try_copy (AioprocSlots  *self,
          guint          index,
          gsize         *length,
          GError       **error)
{
  AioprocSlot *slot = &self->slots[index];
  /* Partner: who writes. */
  guint64 state = __atomic_load_n (&slot->state->state, __ATOMIC_ACQUIRE);
  g_autofree guint8 *data = NULL;

  *length = get_length (state);

  if (*length > slot->room)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "Item %u of %s has %" G_GSIZE_FORMAT " bytes where there are %" G_GSIZE_FORMAT,
                   index, aioproc_shm_describe (self->shm), *length, slot->room);
      return NULL;
    }

  data = new_buffer (*length, error);

  if (data == NULL)
    return NULL;

  load_words (data, slot->places + (state & 1) * slot->room, *length);

  /* Not before the words. */
  if (__atomic_load_n (&slot->state->state, __ATOMIC_ACQUIRE) != state)
    return NULL;

  return g_steal_pointer (&data);
}

static guint8 *
copy (AioprocSlots  *self,
      guint          index,
      gsize         *length,
      GError       **error)
{
  g_autoptr(GError) local_error = NULL;
  guint8 *data = NULL;

  for (guint i = 0; i < MAX_TRIES && data == NULL && local_error == NULL; i++)
    data = try_copy (self, index, length, &local_error);

  /* Others are at it all the time. */
  if (data == NULL && local_error == NULL && aioproc_slots_lock (self, &local_error))
    {
      data = try_copy (self, index, length, &local_error);
      aioproc_slots_unlock (self);

      if (data == NULL && local_error == NULL)
        g_set_error (&local_error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                     "Item %u of %s was set without its lock", index,
                     aioproc_shm_describe (self->shm));
    }

  if (local_error != NULL)
    g_propagate_error (error, g_steal_pointer (&local_error));

  return data;
}

GVariant *
aioproc_slots_get (AioprocSlots  *self,
                   guint          index,
                   GError       **error)
{
  g_autoptr(GBytes) bytes = NULL;
  guint8 *data;
  gsize length;

  if (!check_index (self, index, error))
    return NULL;

  data = copy (self, index, &length, error);

  if (data == NULL)
    return NULL;

  bytes = g_bytes_new_take (data, length);

  return aioproc_codec_variant_load (bytes, error);
}

static gboolean
check_room (AioprocSlots  *self,
            guint          index,
            gsize          length,
            GError       **error)
{
  if (length <= self->slots[index].room)
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
               "A value of %" G_GSIZE_FORMAT " bytes does not fit into item %u of %s, which has %"
               G_GSIZE_FORMAT, length, index, aioproc_shm_describe (self->shm),
               self->slots[index].room);

  return FALSE;
}

gboolean
aioproc_slots_set (AioprocSlots  *self,
                   guint          index,
                   GVariant      *value,
                   GError       **error)
{
  g_autofree guint8 *data = NULL;
  gsize length;

  if (!check_index (self, index, error))
    return FALSE;

  data = encode (value, &length, error);

  if (data == NULL || !check_room (self, index, length, error) ||
      !aioproc_slots_lock (self, error))
    return FALSE;

  aioproc_slot_write (&self->slots[index], data, length);
  aioproc_slots_unlock (self);

  return TRUE;
}

/* --- All --- */

/* Where address space is limited, less may be mapped than there is. */
static gboolean
check_mapped (AioprocShm  *shm,
              guint64      needed,
              GError     **error)
{
  if (aioproc_shm_get_mapped_size (shm) >= needed)
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
               "Could not map all %" G_GUINT64_FORMAT " bytes of %s: the address space of this "
               "process is limited", needed, aioproc_shm_describe (shm));

  return FALSE;
}

/* The room that a slot for each of @values needs; 0: an error. */
static guint64
get_room (GVariant  *value,
          guint64    least_room,
          GError   **error)
{
  g_autoptr(GVariant) prepared = aioproc_codec_variant_prepare (value, FALSE, error);
  guint64 room;

  if (prepared == NULL)
    return 0;

  room = MAX (aioproc_codec_variant_size (prepared), MAX (least_room, MIN_ROOM));

  if (room > MAX_ROOM)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                   "An item of a shared list cannot have %" G_GUINT64_FORMAT " bytes", room);
      return 0;
    }

  return round_to_8 (room);
}

gboolean
aioproc_slots_make (AioprocSlots  *self,
                    const char    *name,
                    GPtrArray     *values,
                    guint64        least_room,
                    GError       **error)
{
  g_autofree AioprocSlot *slots = g_new0 (AioprocSlot, values->len + 1);
  guint64 needed = SLOTS_OFFSET + (guint64) values->len * sizeof (AioprocSlotState);
  g_autoptr(AioprocShm) shm = NULL;
  guint64 offset = needed;

  for (guint i = 0; i < values->len; i++)
    {
      slots[i].room = get_room (values->pdata[i], least_room, error);

      if (slots[i].room == 0)
        return FALSE;

      /* 2^32 times 2^31 at most. */
      needed += 2 * slots[i].room;
    }

  shm = aioproc_shm_new (AIOPROC_SHM_LIST, name, sizeof (AioprocSlotsState), needed, error);

  if (shm == NULL || !check_mapped (shm, needed, error) ||
      !aioproc_memfd_reserve (aioproc_shm_get_fd (shm), 0, needed, error))
    return FALSE;

  ((AioprocSlotsState *) aioproc_shm_get_state (shm))->length = values->len;

  for (guint i = 0; i < values->len; i++)
    {
      g_autofree guint8 *data = NULL;
      gsize length;

      aioproc_slots_init_slot (&slots[i], shm, i, offset, slots[i].room);
      slots[i].state->offset = offset;
      slots[i].state->room = slots[i].room;
      offset += 2 * slots[i].room;
      data = encode (values->pdata[i], &length, error);

      if (data == NULL)
        return FALSE;

      aioproc_slot_write (&slots[i], data, length);
    }

  self->shm = g_steal_pointer (&shm);
  self->slots = g_steal_pointer (&slots);
  self->length = values->len;

  return TRUE;
}

gboolean
aioproc_slots_adopt (AioprocSlots  *self,
                     AioprocShm    *shm,
                     GError       **error)
{
  g_autoptr(AioprocShm) owned = shm;
  g_autofree AioprocSlot *slots = NULL;
  const AioprocSlotsState *state = aioproc_shm_get_state (shm);
  guint64 size = aioproc_shm_get_size (shm);
  /* Each is read once, checked and then used: the peer may write to it. */
  guint32 length = __atomic_load_n (&state->length, __ATOMIC_RELAXED);

  if (length > (size - SLOTS_OFFSET) / sizeof (AioprocSlotState))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "Could not receive %s: its memory does not hold %u items",
                   aioproc_shm_describe (shm), length);
      return FALSE;
    }

  if (!check_mapped (shm, size, error))
    return FALSE;

  /* The peer has chosen how many. */
  slots = g_try_new0 (AioprocSlot, (gsize) length + 1);

  if (slots == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                   "Could not receive %s: there is no memory for %u items",
                   aioproc_shm_describe (shm), length);
      return FALSE;
    }

  for (guint i = 0; i < length; i++)
    {
      guint64 offset;
      guint64 room;

      aioproc_slots_init_slot (&slots[i], shm, i, 0, 0);
      offset = __atomic_load_n (&slots[i].state->offset, __ATOMIC_RELAXED);
      room = __atomic_load_n (&slots[i].state->room, __ATOMIC_RELAXED);

      if (offset > size || offset % 8 != 0 || room > MAX_ROOM || room % 8 != 0 ||
          2 * room > size - offset)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                       "Could not receive %s: item %u lies outside of its memory",
                       aioproc_shm_describe (shm), i);
          return FALSE;
        }

      aioproc_slots_init_slot (&slots[i], shm, i, offset, room);
    }

  self->shm = g_steal_pointer (&owned);
  self->slots = g_steal_pointer (&slots);
  self->length = length;

  return TRUE;
}

void
aioproc_slots_drop (AioprocSlots *self)
{
  g_clear_pointer (&self->shm, aioproc_shm_unref);
  g_clear_pointer (&self->slots, g_free);
  self->length = 0;
}
