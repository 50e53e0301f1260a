/* fuzz.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <string.h>

#include <gio/gio.h>

G_BEGIN_DECLS

/* One input. Whatever is in it, the call returns, says 0, and leaves nothing behind. libFuzzer
 * calls it, and where there is none fuzz-corpus-main.c.
 */
int LLVMFuzzerTestOneInput (const guint8 *data,
                            gsize         size);

/* For a test of the targets themselves: what they look for is there. */
extern gboolean fuzz_has_fault;

/* What is left of an input. At its end all is 0, so that each input means something. */
typedef struct {
  const guint8 *data;
  gsize         left;
} FuzzInput;

static inline void
fuzz_input_take (FuzzInput *self,
                 gpointer   to,
                 gsize      size)
{
  gsize n = MIN (size, self->left);

  memset (to, 0, size);

  if (n > 0)
    memcpy (to, self->data, n);

  self->data += n;
  self->left -= n;
}

static inline guint8
fuzz_input_take_byte (FuzzInput *self)
{
  guint8 value;

  fuzz_input_take (self, &value, sizeof value);

  return value;
}

static inline guint16
fuzz_input_take_uint16 (FuzzInput *self)
{
  guint16 value;

  fuzz_input_take (self, &value, sizeof value);

  return GUINT16_FROM_LE (value);
}

static inline guint32
fuzz_input_take_uint32 (FuzzInput *self)
{
  guint32 value;

  fuzz_input_take (self, &value, sizeof value);

  return GUINT32_FROM_LE (value);
}

static inline guint64
fuzz_input_take_uint64 (FuzzInput *self)
{
  guint64 value;

  fuzz_input_take (self, &value, sizeof value);

  return GUINT64_FROM_LE (value);
}

G_END_DECLS
