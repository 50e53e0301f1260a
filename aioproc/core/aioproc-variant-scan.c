/* aioproc-variant-scan.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-variant-scan-private.h"

#include <string.h>

/* One complete type within a type string. */
typedef struct {
  const char *end;         /* the character after it */
  guint       alignment;   /* of its data */
  gsize       size;        /* of its data; 0: it varies */
  gboolean    variants;
  gboolean    handles;
} Type;

static gsize
align (gsize offset,
       guint alignment)
{
  return (offset + alignment - 1) & ~(gsize) (alignment - 1);
}

static AioprocVariantScan scan_type (const char *string,
                                     const char *limit,
                                     guint       levels,
                                     Type       *type);

/* The members of a tuple or an entry, from the one at @string on. */
static AioprocVariantScan
scan_members (const char *string,
              const char *limit,
              guint       levels,
              Type       *type)
{
  gboolean varies = FALSE;
  gsize size = 0;

  type->alignment = 1;

  while (string < limit && *string != ')' && *string != '}')
    {
      AioprocVariantScan result;
      Type member;

      result = scan_type (string, limit, levels, &member);

      if (result != AIOPROC_VARIANT_SCAN_OK)
        return result;

      type->alignment = MAX (type->alignment, member.alignment);
      type->variants |= member.variants;
      type->handles |= member.handles;
      varies |= member.size == 0;
      size = align (size, member.alignment) + member.size;
      string = member.end;
    }

  if (string == limit)
    return AIOPROC_VARIANT_SCAN_NOT_NORMAL;

  type->end = string + 1;

  /* The unit takes a byte. */
  if (!varies)
    type->size = MAX (align (size, type->alignment), 1);

  return AIOPROC_VARIANT_SCAN_OK;
}

/* Recursion is as deep as @levels at most. */
static AioprocVariantScan
scan_type (const char *string,
           const char *limit,
           guint       levels,
           Type       *type)
{
  AioprocVariantScan result;

  if (string == limit)
    return AIOPROC_VARIANT_SCAN_NOT_NORMAL;

  if (levels == 0)
    return AIOPROC_VARIANT_SCAN_TOO_DEEP;

  *type = (Type) { .end = string + 1, .alignment = 1 };

  switch (*string)
    {
    case 'y':
    case 'b':
      type->size = 1;
      return AIOPROC_VARIANT_SCAN_OK;

    case 'n':
    case 'q':
      type->size = type->alignment = 2;
      return AIOPROC_VARIANT_SCAN_OK;

    case 'i':
    case 'u':
    case 'h':
      type->size = type->alignment = 4;
      type->handles = *string == 'h';
      return AIOPROC_VARIANT_SCAN_OK;

    case 'x':
    case 't':
    case 'd':
      type->size = type->alignment = 8;
      return AIOPROC_VARIANT_SCAN_OK;

    case 's':
    case 'o':
    case 'g':
      return AIOPROC_VARIANT_SCAN_OK;

    case 'v':
      type->alignment = 8;
      type->variants = TRUE;
      return AIOPROC_VARIANT_SCAN_OK;

    case 'a':
    case 'm':
      result = scan_type (string + 1, limit, levels - 1, type);
      type->size = 0;
      return result;

    case '(':
    case '{':
      return scan_members (string + 1, limit, levels - 1, type);

    default:
      return AIOPROC_VARIANT_SCAN_NOT_NORMAL;
    }
}

/* Containers say where their children end, in numbers as wide as their own size needs. */
static guint
offset_size (gsize container_size)
{
  if (container_size <= G_MAXUINT8)
    return 1;

  if (container_size <= G_MAXUINT16)
    return 2;

  if (container_size <= G_MAXUINT32)
    return 4;

  return 8;
}

static guint64
read_offset (const guint8 *data,
             guint         size)
{
  guint64 offset = 0;

  memcpy (&offset, data, size);

  return GUINT64_FROM_LE (offset);
}

static AioprocVariantScan scan_data (const char   *string,
                                     const char   *limit,
                                     const guint8 *data,
                                     gsize         size,
                                     guint         levels,
                                     gboolean     *handles);

static AioprocVariantScan
scan_variant (const guint8 *data,
              gsize         size,
              guint         levels,
              gboolean     *handles)
{
  gsize seen = MIN (size, AIOPROC_VARIANT_MAX_TYPE_LENGTH + 1);
  AioprocVariantScan result;
  const guint8 *nul = NULL;
  const char *string;
  const char *limit;
  Type type;

  /* The value, NUL, and its type. */
  if (size > 0)
    nul = memrchr (data + size - seen, '\0', seen);

  if (nul == NULL)
    return seen < size ? AIOPROC_VARIANT_SCAN_TOO_LONG : AIOPROC_VARIANT_SCAN_NOT_NORMAL;

  string = (const char *) nul + 1;
  limit = (const char *) data + size;
  result = scan_type (string, limit, levels - 1, &type);

  if (result != AIOPROC_VARIANT_SCAN_OK)
    return result;

  if (type.end != limit)
    return AIOPROC_VARIANT_SCAN_NOT_NORMAL;

  if (type.handles)
    *handles = TRUE;

  if (!type.variants)
    return AIOPROC_VARIANT_SCAN_OK;

  return scan_data (string, limit, data, (gsize) (nul - data), levels - 1, handles);
}

/* Elements, then the end of each. */
static AioprocVariantScan
scan_array (const char   *string,
            const char   *limit,
            const guint8 *data,
            gsize         size,
            guint         levels,
            gboolean     *handles)
{
  guint width = offset_size (size);
  AioprocVariantScan result;
  gsize start = 0;
  guint64 last;
  Type type;

  if (size == 0)
    return AIOPROC_VARIANT_SCAN_OK;

  result = scan_type (string + 1, limit, levels - 1, &type);

  if (result != AIOPROC_VARIANT_SCAN_OK)
    return result;

  if (size < width)
    return AIOPROC_VARIANT_SCAN_NOT_NORMAL;

  last = read_offset (data + size - width, width);

  if (last > size - width || (size - last) % width != 0)
    return AIOPROC_VARIANT_SCAN_NOT_NORMAL;

  for (gsize at = last; at < size; at += width)
    {
      guint64 end = read_offset (data + at, width);

      start = align (start, type.alignment);

      if (start > end || end > last)
        return AIOPROC_VARIANT_SCAN_NOT_NORMAL;

      result = scan_data (string + 1, limit, data + start, end - start, levels - 1, handles);

      if (result != AIOPROC_VARIANT_SCAN_OK)
        return result;

      start = end;
    }

  return AIOPROC_VARIANT_SCAN_OK;
}

/* Members, then the end of each whose size varies, but for the last one, from the last to the
 * first.
 */
static AioprocVariantScan
scan_tuple (const char   *string,
            const char   *limit,
            const guint8 *data,
            gsize         size,
            guint         levels,
            gboolean     *handles)
{
  guint width = offset_size (size);
  gsize members_end = size;
  gsize start = 0;

  string++;

  while (string < limit && *string != ')' && *string != '}')
    {
      AioprocVariantScan result;
      guint64 end;
      Type type;

      result = scan_type (string, limit, levels - 1, &type);

      if (result != AIOPROC_VARIANT_SCAN_OK)
        return result;

      start = align (start, type.alignment);

      if (type.size > 0)
        {
          end = start + type.size;
        }
      else if (type.end < limit && (*type.end == ')' || *type.end == '}'))
        {
          end = members_end;
        }
      else
        {
          if (members_end < width)
            return AIOPROC_VARIANT_SCAN_NOT_NORMAL;

          members_end -= width;
          end = read_offset (data + members_end, width);
        }

      if (start > end || end > members_end)
        return AIOPROC_VARIANT_SCAN_NOT_NORMAL;

      if (type.variants)
        {
          result = scan_data (string, limit, data + start, end - start, levels - 1, handles);

          if (result != AIOPROC_VARIANT_SCAN_OK)
            return result;
        }

      start = end;
      string = type.end;
    }

  return AIOPROC_VARIANT_SCAN_OK;
}

/* @string has variants, and is not nested deeper than @levels. */
static AioprocVariantScan
scan_data (const char   *string,
           const char   *limit,
           const guint8 *data,
           gsize         size,
           guint         levels,
           gboolean     *handles)
{
  switch (*string)
    {
    case 'v':
      return scan_variant (data, size, levels, handles);

    case 'a':
      return scan_array (string, limit, data, size, levels, handles);

    case 'm':
      /* A value whose size varies is followed by a zero. */
      if (size == 0)
        return AIOPROC_VARIANT_SCAN_OK;

      return scan_data (string + 1, limit, data, size - 1, levels - 1, handles);

    default:
      return scan_tuple (string, limit, data, size, levels, handles);
    }
}

AioprocVariantScan
aioproc_variant_scan_type (const char *type,
                           gboolean   *variants,
                           gboolean   *handles)
{
  gsize length = strlen (type);
  AioprocVariantScan result;
  Type root;

  if (length > AIOPROC_VARIANT_MAX_TYPE_LENGTH)
    return AIOPROC_VARIANT_SCAN_TOO_LONG;

  result = scan_type (type, type + length, AIOPROC_VARIANT_MAX_DEPTH, &root);

  if (result != AIOPROC_VARIANT_SCAN_OK)
    return result;

  *variants = root.variants;
  *handles = root.handles;

  return AIOPROC_VARIANT_SCAN_OK;
}

AioprocVariantScan
aioproc_variant_scan_data (const char   *type,
                           const guint8 *data,
                           gsize         size,
                           gboolean     *handles)
{
  /* Nothing is in it, and @data may be NULL. */
  if (size == 0)
    return AIOPROC_VARIANT_SCAN_OK;

  return scan_data (type, type + strlen (type), data, size, AIOPROC_VARIANT_MAX_DEPTH, handles);
}
