/* aioproc-sealed-stream-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A stream over another one, which has an input and an output, of which nobody between the two
 * ends can change a byte unseen: see core/aioproc-seal-private.h. Its asynchronous forms use those
 * of the other stream, so that no thread waits, if that one needs none.
 *
 * A read after a change is G_IO_ERROR_INVALID_DATA, and one after an end that the peer has not
 * sealed is G_IO_ERROR_PARTIAL_INPUT, for ever. What was written is sent at once; a write that is
 * cancelled half-way has written, and the next operation, or the close, sends the rest. A close of
 * the output tells the peer that it is the end.
 */
#define AIOPROC_TYPE_SEALED_STREAM (aioproc_sealed_stream_get_type ())

G_DECLARE_FINAL_TYPE (AioprocSealedStream, aioproc_sealed_stream, AIOPROC, SEALED_STREAM, GIOStream)

/* Keeps @base, and closes it. The keys are of AIOPROC_SEAL_KEY_SIZE. */
GIOStream *aioproc_sealed_stream_new       (GIOStream           *base,
                                            const guint8        *send_key,
                                            const guint8        *receive_key);
GIOStream *aioproc_sealed_stream_peek_base (AioprocSealedStream *self);

G_END_DECLS
