/* aioproc-pool-parcel-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-codec-private.h"

G_BEGIN_DECLS

/* What is in the slots of a channel and in the messages that go beside it.
 *
 * A task is the name of a function, NUL, zeros up to a multiple of 8, and a value (CALL) or items
 * (CHUNK). A result is a value, an error as `(sis)`, or items. Values are as in
 * aioproc_codec_variant_store().
 *
 * With the flag SENT the slot is empty, and the rest is a message on the worker's connection: of
 * the program `(tsv)`, serial, function and arguments; of the worker `(tuv)`, serial, kind of the
 * result, and that. Items are a handle, of bytes, in the variant.
 */
typedef enum {
  AIOPROC_POOL_TASK_CALL = 1,
  AIOPROC_POOL_TASK_CHUNK,    /* the function is called once for each item */
  AIOPROC_POOL_TASK_EXIT,     /* the worker ends */
} AioprocPoolTaskKind;

typedef enum {
  AIOPROC_POOL_RESULT_VALUE = 1,
  AIOPROC_POOL_RESULT_ERROR,
  AIOPROC_POOL_RESULT_ITEMS,
} AioprocPoolResultKind;

#define AIOPROC_POOL_PARCEL_SENT      (1u << 8)
/* The bell rings when it begins, too. */
#define AIOPROC_POOL_TASK_TELLS       (1u << 10)
/* Of a CHUNK: it ends with the first item that fails. */
#define AIOPROC_POOL_TASK_STOPS       (1u << 9)
#define AIOPROC_POOL_PARCEL_KIND_MASK 0xffu

/* What a worker reports between, a message: serial, fraction, text. */
#define AIOPROC_POOL_PROGRESS_TYPE "(tds)"
#define AIOPROC_POOL_TASK_TYPE     "(tsv)"
#define AIOPROC_POOL_RESULT_TYPE   "(tuv)"

/* How many bytes the name of a function takes. */
gsize     aioproc_pool_parcel_name_size   (const char    *name);
void      aioproc_pool_parcel_store_name  (const char    *name,
                                           guint8        *to);
/* The name in the @length bytes at @data; NULL: G_IO_ERROR_INVALID_DATA. */
const char *aioproc_pool_parcel_peek_name (const guint8  *data,
                                           gsize          length,
                                           GError       **error);
/* A copy of what is there, as a value. */
GVariant *aioproc_pool_parcel_load_value  (const guint8  *data,
                                           gsize          length,
                                           GError       **error);

/* Items: each its size, whether it is an error, and that, up to a multiple of 8. @value was
 * prepared, see aioproc_codec_variant_prepare(). FALSE: it is too much for one message.
 */
gboolean  aioproc_pool_items_append       (GByteArray    *items,
                                           GVariant      *value,
                                           gboolean       is_error);
/* Takes the next one at *@offset of @items, which it keeps. NULL: there is no other, or, with
 * @error, it is bad.
 */
GVariant *aioproc_pool_items_next         (GBytes        *items,
                                           gsize         *offset,
                                           gboolean      *is_error,
                                           GError       **error);

G_END_DECLS
