/* aioproc-cells.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-cells-private.h"

#include <string.h>

#include "aioproc-lock.h"
#include "aioproc-rlock.h"
#include "platform/aioproc-memfd-private.h"

#define DATA_OFFSET (AIOPROC_SHM_HEADER_SIZE + sizeof (AioprocCellsState))

G_STATIC_ASSERT (DATA_OFFSET % 64 == 0);

guint
aioproc_cells_get_size (const char *type)
{
  if (strlen (type) != 1)
    return 0;

  switch (type[0])
    {
    case 'b':
    case 'y':
      return 1;

    case 'n':
    case 'q':
      return 2;

    case 'i':
    case 'u':
      return 4;

    case 'x':
    case 't':
    case 'd':
      return 8;

    default:
      return 0;
    }
}

static void
aioproc_cells_take (AioprocCells *self,
                    AioprocShm   *shm,
                    char          type,
                    gsize         length)
{
  self->type[0] = type;
  self->type[1] = '\0';
  self->element_size = aioproc_cells_get_size (self->type);
  self->length = length;
  self->data = (guint8 *) aioproc_shm_get_base (shm) + DATA_OFFSET;
  self->shm = shm;
}

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

gboolean
aioproc_cells_make (AioprocCells    *self,
                    AioprocShmKind   kind,
                    const char      *name,
                    const char      *type,
                    guint64          length,
                    GError         **error)
{
  g_autoptr(AioprocShm) shm = NULL;
  AioprocCellsState *state;
  guint size = aioproc_cells_get_size (type);
  guint64 needed;

  if (size == 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "There are no shared numbers of type “%s”: it must be one of b y n q i u x t d",
                   type);
      return FALSE;
    }

  if (length > (G_MAXSSIZE - DATA_OFFSET) / size)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "There cannot be %" G_GUINT64_FORMAT " shared numbers of %u bytes", length,
                   size);
      return FALSE;
    }

  needed = DATA_OFFSET + length * size;
  shm = aioproc_shm_new (kind, name, sizeof (AioprocCellsState), needed, error);

  /* All numbers are there from the start. */
  if (shm == NULL || !check_mapped (shm, needed, error) ||
      !aioproc_memfd_reserve (aioproc_shm_get_fd (shm), 0, needed, error))
    return FALSE;

  state = aioproc_shm_get_state (shm);
  state->length = length;
  state->type = type[0];
  aioproc_cells_take (self, g_steal_pointer (&shm), type[0], length);

  return TRUE;
}

gboolean
aioproc_cells_adopt (AioprocCells  *self,
                     AioprocShm    *shm,
                     GError       **error)
{
  g_autoptr(AioprocShm) owned = shm;
  /* One copy, which is checked and then used: the peer may write to the original. */
  const AioprocCellsState state = *(AioprocCellsState *) aioproc_shm_get_state (shm);
  const char type[] = { (char) state.type, '\0' };
  guint size = aioproc_cells_get_size (type);
  guint64 room = aioproc_shm_get_size (shm) - DATA_OFFSET;

  if (size == 0 || state.length > room / size)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "Could not receive %s: its memory does not hold %" G_GUINT64_FORMAT
                   " numbers of type 0x%x", aioproc_shm_describe (shm), state.length, state.type);
      return FALSE;
    }

  if (!check_mapped (shm, DATA_OFFSET + state.length * size, error))
    return FALSE;

  aioproc_cells_take (self, g_steal_pointer (&owned), type[0], state.length);

  return TRUE;
}

gboolean
aioproc_cells_find_lock (AioprocCells  *self,
                         gboolean       unlocked,
                         GError       **error)
{
  if (self->lock == NULL && !unlocked)
    {
      self->lock = (AioprocShareable *) aioproc_rlock_new (error);
      return self->lock != NULL;
    }

  if (self->lock == NULL || AIOPROC_IS_LOCK (self->lock) || AIOPROC_IS_RLOCK (self->lock))
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "Could not give shared numbers the lock %s: it must be a lock or a recursive lock",
               G_OBJECT_TYPE_NAME (self->lock));

  return FALSE;
}

void
aioproc_cells_drop (AioprocCells *self)
{
  g_clear_pointer (&self->shm, aioproc_shm_unref);
  self->data = NULL;
  self->length = 0;
}

/* --- Single numbers --- */

/* Relaxed would do for the number itself; whoever sees it may have to see what was written before
 * it, so all loads acquire, all stores release, and each is the other's partner.
 */

static guint64
load (AioprocCells *self,
      gsize         index)
{
  gconstpointer place = self->data + index * self->element_size;

  switch (self->element_size)
    {
    case 1:
      return __atomic_load_n ((const guint8 *) place, __ATOMIC_ACQUIRE);

    case 2:
      return __atomic_load_n ((const guint16 *) place, __ATOMIC_ACQUIRE);

    case 4:
      return __atomic_load_n ((const guint32 *) place, __ATOMIC_ACQUIRE);

    default:
      return __atomic_load_n ((const guint64 *) place, __ATOMIC_ACQUIRE);
    }
}

static void
store (AioprocCells *self,
       gsize         index,
       guint64       bits)
{
  gpointer place = self->data + index * self->element_size;

  switch (self->element_size)
    {
    case 1:
      __atomic_store_n ((guint8 *) place, (guint8) bits, __ATOMIC_RELEASE);
      break;

    case 2:
      __atomic_store_n ((guint16 *) place, (guint16) bits, __ATOMIC_RELEASE);
      break;

    case 4:
      __atomic_store_n ((guint32 *) place, (guint32) bits, __ATOMIC_RELEASE);
      break;

    default:
      __atomic_store_n ((guint64 *) place, bits, __ATOMIC_RELEASE);
    }
}

/* Of an integer. */
static gint64
widen (AioprocCells *self,
       guint64       bits)
{
  switch (self->type[0])
    {
    case 'n':
      return (gint16) bits;

    case 'i':
      return (gint32) bits;

    case 'y':
      return (guint8) bits;

    case 'q':
      return (guint16) bits;

    case 'u':
      return (guint32) bits;

    default:
      return (gint64) bits;
    }
}

static GVariant *
to_variant (AioprocCells *self,
            guint64       bits)
{
  double number;

  switch (self->type[0])
    {
    case 'b':
      return g_variant_new_boolean (bits != 0);

    case 'y':
      return g_variant_new_byte ((guint8) bits);

    case 'n':
      return g_variant_new_int16 ((gint16) bits);

    case 'q':
      return g_variant_new_uint16 ((guint16) bits);

    case 'i':
      return g_variant_new_int32 ((gint32) bits);

    case 'u':
      return g_variant_new_uint32 ((guint32) bits);

    case 'x':
      return g_variant_new_int64 ((gint64) bits);

    case 't':
      return g_variant_new_uint64 (bits);

    default:
      memcpy (&number, &bits, sizeof number);
      return g_variant_new_double (number);
    }
}

static guint64
from_memory (AioprocCells *self,
             const guint8 *place)
{
  guint64 bits = 0;
  guint16 two;
  guint32 four;

  switch (self->element_size)
    {
    case 1:
      return *place;

    case 2:
      memcpy (&two, place, sizeof two);
      return two;

    case 4:
      memcpy (&four, place, sizeof four);
      return four;

    default:
      memcpy (&bits, place, sizeof bits);
      return bits;
    }
}

static gboolean
check_range (AioprocCells  *self,
             gsize          offset,
             gsize          length,
             GError       **error)
{
  if (offset <= self->length && length <= self->length - offset)
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "There are no %" G_GSIZE_FORMAT " numbers at %" G_GSIZE_FORMAT " of %s, which has %"
               G_GSIZE_FORMAT, length, offset, aioproc_shm_describe (self->shm), self->length);

  return FALSE;
}

static gboolean
check_type (AioprocCells  *self,
            GVariant      *value,
            const char    *type,
            GError       **error)
{
  if (strcmp (g_variant_get_type_string (value), type) == 0)
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "Could not set %s to a value of type “%s”: it must be of type “%s”",
               aioproc_shm_describe (self->shm), g_variant_get_type_string (value), type);

  return FALSE;
}

GVariant *
aioproc_cells_get (AioprocCells  *self,
                   gsize          index,
                   GError       **error)
{
  if (!check_range (self, index, 1, error))
    return NULL;

  return g_variant_ref_sink (to_variant (self, load (self, index)));
}

gboolean
aioproc_cells_set (AioprocCells  *self,
                   gsize          index,
                   GVariant      *value,
                   GError       **error)
{
  g_autoptr(GVariant) normal = NULL;

  if (!check_range (self, index, 1, error) || !check_type (self, value, self->type, error))
    return FALSE;

  /* One that came from elsewhere may be of another size. */
  normal = g_variant_get_normal_form (value);
  store (self, index, from_memory (self, g_variant_get_data (normal)));

  return TRUE;
}

/* --- Several --- */

GVariant *
aioproc_cells_get_slice (AioprocCells  *self,
                         gsize          offset,
                         gsize          length,
                         GError       **error)
{
  g_autofree guint8 *copy = NULL;

  if (!check_range (self, offset, length, error))
    return NULL;

  copy = g_try_malloc (MAX (length * self->element_size, 1));

  if (copy == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                   "Could not copy %" G_GSIZE_FORMAT " numbers of %s: there is no memory", length,
                   aioproc_shm_describe (self->shm));
      return NULL;
    }

  for (gsize i = 0; i < length; i++)
    {
      guint64 bits = load (self, offset + i);
      guint8 *place = copy + i * self->element_size;

      switch (self->element_size)
        {
        case 1:
          /* A peer may have written more than GVariant has in a boolean. */
          *place = self->type[0] == 'b' ? bits != 0 : (guint8) bits;
          break;

        case 2:
          memcpy (place, &(guint16) { (guint16) bits }, 2);
          break;

        case 4:
          memcpy (place, &(guint32) { (guint32) bits }, 4);
          break;

        default:
          memcpy (place, &bits, 8);
        }
    }

  return g_variant_ref_sink (g_variant_new_fixed_array (G_VARIANT_TYPE (self->type), copy, length,
                                                        self->element_size));
}

gboolean
aioproc_cells_set_slice (AioprocCells  *self,
                         gsize          offset,
                         GVariant      *values,
                         GError       **error)
{
  const char type[] = { 'a', self->type[0], '\0' };
  g_autoptr(GVariant) normal = NULL;
  const guint8 *data;
  gsize length;

  if (!check_type (self, values, type, error))
    return FALSE;

  normal = g_variant_get_normal_form (values);
  data = g_variant_get_fixed_array (normal, &length, self->element_size);

  if (!check_range (self, offset, length, error))
    return FALSE;

  for (gsize i = 0; i < length; i++)
    store (self, offset + i, from_memory (self, data + i * self->element_size));

  return TRUE;
}

/* --- Integers --- */

static gboolean
check_integer (AioprocCells  *self,
               GError       **error)
{
  if (self->type[0] != 'b' && self->type[0] != 'd')
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
               "Numbers of type “%s”, as those of %s, are not added to and compared in memory",
               self->type, aioproc_shm_describe (self->shm));

  return FALSE;
}

/* One round of a change: FALSE, and @bits as they are now, if they are not as they were. */
static gboolean
exchange (AioprocCells *self,
          gsize         index,
          guint64      *bits,
          guint64       desired)
{
  gpointer place = self->data + index * self->element_size;
  guint8 one = (guint8) *bits;
  guint16 two = (guint16) *bits;
  guint32 four = (guint32) *bits;
  gboolean done;

  switch (self->element_size)
    {
    case 1:
      done = __atomic_compare_exchange_n ((guint8 *) place, &one, (guint8) desired, FALSE,
                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
      *bits = one;
      return done;

    case 2:
      done = __atomic_compare_exchange_n ((guint16 *) place, &two, (guint16) desired, FALSE,
                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
      *bits = two;
      return done;

    case 4:
      done = __atomic_compare_exchange_n ((guint32 *) place, &four, (guint32) desired, FALSE,
                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
      *bits = four;
      return done;

    default:
      return __atomic_compare_exchange_n ((guint64 *) place, bits, desired, FALSE,
                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    }
}

gboolean
aioproc_cells_add (AioprocCells  *self,
                   gsize          index,
                   gint64         delta,
                   gint64        *old,
                   GError       **error)
{
  guint64 bits;

  if (!check_range (self, index, 1, error) || !check_integer (self, error))
    return FALSE;

  bits = load (self, index);

  while (!exchange (self, index, &bits, bits + (guint64) delta))
    continue;

  if (old != NULL)
    *old = widen (self, bits);

  return TRUE;
}

static gboolean
check_fits (AioprocCells  *self,
            gint64         number,
            GError       **error)
{
  if (widen (self, (guint64) number) == number)
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "%" G_GINT64_FORMAT " is no number of type “%s”, as those of %s", number,
               self->type, aioproc_shm_describe (self->shm));

  return FALSE;
}

gboolean
aioproc_cells_compare_and_swap (AioprocCells  *self,
                                gsize          index,
                                gint64         expected,
                                gint64         desired,
                                gint64        *old,
                                GError       **error)
{
  guint64 bits = (guint64) expected;
  gboolean done;

  if (!check_range (self, index, 1, error) || !check_integer (self, error) ||
      !check_fits (self, expected, error) || !check_fits (self, desired, error))
    return FALSE;

  done = exchange (self, index, &bits, (guint64) desired);

  if (old != NULL)
    *old = widen (self, bits);

  return done;
}
