/* aioproc-frame-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-codec-private.h"

G_BEGIN_DECLS

/* The layout of a frame, for who writes and who reads one. See docs/wire.md. */

/* "AIO" and the version of the layout. */
#define AIOPROC_FRAME_MAGIC ((guint32) 'A' | (guint32) 'I' << 8 | (guint32) 'O' << 16 | 1u << 24)

/* Sections begin at multiples of this; values and numbers in bytes can be used where they are. */
#define AIOPROC_FRAME_ALIGN(size) (((guint64) (size) + 7) & ~G_GUINT64_CONSTANT (7))

/* Bytes from this size on travel as a sealed memfd. The socket is about three times as fast at any
 * size (1 MiB: 0.15 ms against 0.57 ms, the kernel's work on fresh pages), but keeps writer and
 * reader for as long as the bytes take, and all frames behind them. This is where that begins to
 * matter to a main loop. The receiver of a memfd maps it in some microseconds, and allocates
 * nothing of a size that its peer chose.
 */
#define AIOPROC_FRAME_SEALED_MIN (4 * 1024 * 1024)

typedef struct {
  guint32 magic;
  guint16 kind;
  guint16 n_fds;
  guint32 serial;
  guint32 n_parts;
  guint32 reserved;      /* 0 */
  guint32 body_length;   /* 0: no body */
  guint64 length;        /* of all after the header */
} AioprocFrameHeader;

G_STATIC_ASSERT (sizeof (AioprocFrameHeader) == 32);
G_STATIC_ASSERT (G_STRUCT_OFFSET (AioprocFrameHeader, serial) == 8);
G_STATIC_ASSERT (G_STRUCT_OFFSET (AioprocFrameHeader, length) == 24);

typedef enum {
  AIOPROC_FRAME_PART_INLINE = 1,   /* bytes, in the frame after the body */
  AIOPROC_FRAME_PART_SEALED,       /* bytes, in a sealed memfd */
  AIOPROC_FRAME_PART_FD,
  AIOPROC_FRAME_PART_OBJECT,
} AioprocFramePartType;

typedef struct {
  guint16 type;
  guint16 n_fds;
  guint32 object_kind;   /* 0: no object */
  guint64 size;          /* of bytes, else 0 */
} AioprocFramePart;

G_STATIC_ASSERT (sizeof (AioprocFramePart) == 16);
G_STATIC_ASSERT (G_STRUCT_OFFSET (AioprocFramePart, size) == 8);

/* Checks all that a header can be checked for by itself. */
gboolean        aioproc_frame_parse_header  (const guint8              *data,
                                             guint64                    max_length,
                                             AioprocFrameHeader        *header,
                                             GError                   **error);
/* @payload: header->length bytes of private memory, aligned to 8; @fds: as many as the header
 * says, of which all are taken, whatever happens.
 */
AioprocMessage *aioproc_frame_parse_payload (const AioprocFrameHeader  *header,
                                             GBytes                    *payload,
                                             int                       *fds,
                                             GError                   **error);
/* A whole frame in memory, with the descriptors that came with it, which are taken: what the
 * reader does, without a socket.
 */
gboolean        aioproc_frame_parse         (GBytes                    *frame,
                                             int                       *fds,
                                             guint                      n_fds,
                                             guint64                    max_length,
                                             AioprocFrameInfo          *info,
                                             AioprocMessage           **message,
                                             GError                   **error);

G_END_DECLS
