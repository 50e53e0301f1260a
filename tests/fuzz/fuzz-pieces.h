/* fuzz-pieces.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-carrier-private.h"
#include "fuzz.h"

G_BEGIN_DECLS

/* In which pieces something comes and goes, and when not. */
typedef struct {
  guint8   sizes[8];
  guint    next;
  gboolean was_refused;   /* something goes on after each refusal */
  gboolean is_patient;    /* nothing is refused any more */
} FuzzPieces;

void     fuzz_pieces_take   (FuzzPieces *self,
                             FuzzInput  *input);
guint8   fuzz_pieces_next   (FuzzPieces *self);
/* Of what could be read or written, or 0: not now. */
gsize    fuzz_pieces_choose (FuzzPieces *self,
                             gsize       length);

/* Gives @data to who receives, and keeps what was sent. None of the arguments is owned. */
typedef struct {
  AioprocCarrier  carrier;
  const guint8   *data;
  gsize           length;
  FuzzPieces     *pieces;
  GByteArray     *sent;        /* (owned) */
  gsize           n_at_work;   /* at the end of @sent, which are to be sent once more */
} FuzzCarrier;

FuzzCarrier *fuzz_carrier_new (const guint8 *data,
                               gsize         length,
                               FuzzPieces   *pieces);
void         fuzz_carrier_free (FuzzCarrier *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FuzzCarrier, fuzz_carrier_free)

/* Streams that fail with G_IO_ERROR_CANCELLED where something is refused. */
GInputStream  *fuzz_input_stream_new  (const guint8 *data,
                                       gsize         length,
                                       FuzzPieces   *pieces);
GOutputStream *fuzz_output_stream_new (GByteArray   *to,
                                       FuzzPieces   *pieces);

G_END_DECLS
