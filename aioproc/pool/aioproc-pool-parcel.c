/* aioproc-pool-parcel.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "pool/aioproc-pool-parcel-private.h"

#include <string.h>

#define ROUND_UP(size) (((size) + 7) & ~(gsize) 7)

/* Bytes of all items of a chunk, or of their results. */
#define MAX_ITEMS ((gsize) 1 << 30)

/* Before each item. */
typedef struct {
  guint32 size;       /* of the value, without the zeros after it */
  guint32 is_error;
} ItemHeader;

G_STATIC_ASSERT (sizeof (ItemHeader) == 8);

gsize
aioproc_pool_parcel_name_size (const char *name)
{
  return ROUND_UP (strlen (name) + 1);
}

void
aioproc_pool_parcel_store_name (const char *name,
                                guint8     *to)
{
  const gsize size = aioproc_pool_parcel_name_size (name);
  const gsize length = strlen (name);

  memcpy (to, name, length);
  memset (to + length, 0, size - length);
}

const char *
aioproc_pool_parcel_peek_name (const guint8  *data,
                               gsize          length,
                               GError       **error)
{
  const guint8 *end = memchr (data, '\0', length);

  if (end == NULL || aioproc_pool_parcel_name_size ((const char *) data) > length)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                           "A task of a pool has no name of a function");
      return NULL;
    }

  return (const char *) data;
}

GVariant *
aioproc_pool_parcel_load_value (const guint8  *data,
                                gsize          length,
                                GError       **error)
{
  g_autoptr(GBytes) bytes = g_bytes_new (data, length);

  return aioproc_codec_variant_load (bytes, error);
}

gboolean
aioproc_pool_items_append (GByteArray *items,
                           GVariant   *value,
                           gboolean    is_error)
{
  const gsize size = aioproc_codec_variant_size (value);
  const ItemHeader header = { .size = (guint32) size, .is_error = is_error };
  const guint offset = items->len;
  const gsize end = offset + sizeof header + size;

  if (ROUND_UP (end) > MAX_ITEMS)
    return FALSE;

  g_byte_array_set_size (items, (guint) ROUND_UP (end));
  memcpy (items->data + offset, &header, sizeof header);
  aioproc_codec_variant_store (value, items->data + offset + sizeof header);
  memset (items->data + end, 0, ROUND_UP (end) - end);

  return TRUE;
}

GVariant *
aioproc_pool_items_next (GBytes    *items,
                         gsize     *offset,
                         gboolean  *is_error,
                         GError   **error)
{
  gsize length;
  const guint8 *data = g_bytes_get_data (items, &length);
  ItemHeader header;
  GVariant *value;

  if (*offset >= length)
    return NULL;

  if (length - *offset < sizeof header)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "An item of a pool is cut off after %" G_GSIZE_FORMAT " bytes",
                   length - *offset);
      return NULL;
    }

  memcpy (&header, data + *offset, sizeof header);

  if (header.size > length - *offset - sizeof header)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "An item of a pool has %u bytes, of which %" G_GSIZE_FORMAT " are there",
                   header.size, length - *offset - sizeof header);
      return NULL;
    }

  value = aioproc_codec_variant_load_part (data + *offset + sizeof header, header.size, items,
                                           error);
  *offset += sizeof header + ROUND_UP (header.size);
  *is_error = header.is_error != 0;

  return value;
}
