/* fuzz-frame.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-frame-private.h"
#include "fuzz.h"

G_BEGIN_DECLS

/* One frame, with a header that can be, unless the input wants another. */
static inline GBytes *
fuzz_frame_take (FuzzInput *input,
                 guint      n_fds)
{
  guint8 wanted = fuzz_input_take_byte (input);
  gsize length = MAX (input->left, sizeof (AioprocFrameHeader));
  guint8 *data = g_malloc (length);
  AioprocFrameHeader header;

  fuzz_input_take (input, data, length);
  memcpy (&header, data, sizeof header);

  if ((wanted & 1) == 0)
    {
      header.magic = GUINT32_TO_LE (AIOPROC_FRAME_MAGIC);
      header.reserved = 0;
      header.kind = GUINT16_TO_LE (GUINT16_FROM_LE (header.kind) % (AIOPROC_FRAME_LAST + 1));
    }

  if ((wanted & 2) == 0)
    header.n_fds = GUINT16_TO_LE (n_fds);

  if ((wanted & 4) == 0)
    header.length = GUINT64_TO_LE (length - sizeof header);

  if ((wanted & 8) == 0)
    {
      header.n_parts = GUINT32_TO_LE (GUINT32_FROM_LE (header.n_parts) % 8);
      header.body_length = GUINT32_TO_LE (GUINT32_FROM_LE (header.body_length) % 256);
    }

  memcpy (data, &header, sizeof header);

  return g_bytes_new_take (data, length);
}

G_END_DECLS
