/* aioproc-variant-scan-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Looks through a serialised value for what its type does not tell: how deep it is nested and
 * whether it has handles, inside its variants. GVariant can tell it, too, but makes an instance for
 * each child, which takes four times as long as the check for normal form.
 */
typedef enum {
  AIOPROC_VARIANT_SCAN_OK,
  AIOPROC_VARIANT_SCAN_TOO_DEEP,
  AIOPROC_VARIANT_SCAN_TOO_LONG,     /* a type string */
  AIOPROC_VARIANT_SCAN_NOT_NORMAL,   /* as far as it was seen: the format was not checked */
} AioprocVariantScan;

/* Limits of a value: characters of a type string, and levels of containers and variants. */
#define AIOPROC_VARIANT_MAX_TYPE_LENGTH 255
#define AIOPROC_VARIANT_MAX_DEPTH       32

/* The type alone, which has to be valid. @variants: whether the data has to be looked at. */
AioprocVariantScan aioproc_variant_scan_type (const char    *type,
                                              gboolean      *variants,
                                              gboolean      *handles);
/* Sets *@handles if it finds one. Reads nothing outside of @data, whatever is in it. */
AioprocVariantScan aioproc_variant_scan_data (const char    *type,
                                              const guint8  *data,
                                              gsize          size,
                                              gboolean      *handles);

G_END_DECLS
