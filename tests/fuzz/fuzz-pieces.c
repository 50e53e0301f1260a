/* fuzz-pieces.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "fuzz-pieces.h"

void
fuzz_pieces_take (FuzzPieces *self,
                  FuzzInput  *input)
{
  fuzz_input_take (input, self->sizes, sizeof self->sizes);
  self->next = 0;
  self->was_refused = FALSE;
  self->is_patient = FALSE;
}

guint8
fuzz_pieces_next (FuzzPieces *self)
{
  return self->sizes[self->next++ % G_N_ELEMENTS (self->sizes)];
}

gsize
fuzz_pieces_choose (FuzzPieces *self,
                    gsize       length)
{
  guint8 size = fuzz_pieces_next (self);

  /* 0, as what an input does not say, is all. */
  if (size % 2 == 1 && !self->was_refused && !self->is_patient)
    {
      self->was_refused = TRUE;
      return 0;
    }

  self->was_refused = FALSE;

  return size / 2 == 0 ? length : MIN (length, size / 2);
}

/* --- A carrier --- */

static AioprocIOStatus
fuzz_carrier_receive (AioprocCarrier  *carrier,
                      void            *data,
                      gsize            length,
                      gsize           *n_done,
                      GError         **error)
{
  FuzzCarrier *self = (FuzzCarrier *) carrier;

  g_assert_cmpuint (length, >, 0);
  *n_done = 0;

  if (self->length == 0)
    return AIOPROC_IO_EOF;

  *n_done = fuzz_pieces_choose (self->pieces, MIN (length, self->length));

  if (*n_done == 0)
    return AIOPROC_IO_AGAIN;

  memcpy (data, self->data, *n_done);
  self->data += *n_done;
  self->length -= *n_done;

  return AIOPROC_IO_OK;
}

static AioprocIOStatus
fuzz_carrier_send (AioprocCarrier  *carrier,
                   const void      *data,
                   gsize            length,
                   gsize           *n_done,
                   GError         **error)
{
  FuzzCarrier *self = (FuzzCarrier *) carrier;
  gsize n = self->n_at_work;

  g_assert_cmpuint (length, >, 0);

  if (n == 0)
    {
      n = fuzz_pieces_choose (self->pieces, length);

      /* It is at work on all of them. */
      if (n == 0)
        {
          self->n_at_work = length;
          g_byte_array_append (self->sent, data, length);
          *n_done = 0;
          return AIOPROC_IO_AGAIN;
        }

      g_byte_array_append (self->sent, data, n);
    }

  g_assert_cmpuint (length, >=, n);
  g_assert_cmpmem (data, n, self->sent->data + self->sent->len - n, n);
  self->n_at_work = 0;
  *n_done = n;

  return AIOPROC_IO_OK;
}

FuzzCarrier *
fuzz_carrier_new (const guint8 *data,
                  gsize         length,
                  FuzzPieces   *pieces)
{
  FuzzCarrier *self = g_new0 (FuzzCarrier, 1);

  self->carrier.receive = fuzz_carrier_receive;
  self->carrier.send = fuzz_carrier_send;
  self->data = data;
  self->length = length;
  self->pieces = pieces;
  self->sent = g_byte_array_new ();

  return self;
}

void
fuzz_carrier_free (FuzzCarrier *self)
{
  g_byte_array_unref (self->sent);
  g_free (self);
}

/* --- Streams --- */

static gsize
choose_or_fail (FuzzPieces  *pieces,
                gsize        length,
                GError     **error)
{
  gsize n = fuzz_pieces_choose (pieces, length);

  if (n == 0)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "Not now");

  return n;
}

typedef struct {
  GInputStream  parent_instance;

  const guint8 *data;
  gsize         length;
  FuzzPieces   *pieces;
} FuzzInputStream;

typedef struct {
  GInputStreamClass parent_class;
} FuzzInputStreamClass;

static GType fuzz_input_stream_get_type (void);

G_DEFINE_FINAL_TYPE (FuzzInputStream, fuzz_input_stream, G_TYPE_INPUT_STREAM)

static gssize
fuzz_input_stream_read (GInputStream  *stream,
                        void          *buffer,
                        gsize          count,
                        GCancellable  *cancellable,
                        GError       **error)
{
  FuzzInputStream *self = (FuzzInputStream *) stream;
  gsize n;

  if (self->length == 0)
    return 0;

  n = choose_or_fail (self->pieces, MIN (count, self->length), error);

  if (n == 0)
    return -1;

  memcpy (buffer, self->data, n);
  self->data += n;
  self->length -= n;

  return (gssize) n;
}

static void
fuzz_input_stream_class_init (FuzzInputStreamClass *klass)
{
  G_INPUT_STREAM_CLASS (klass)->read_fn = fuzz_input_stream_read;
}

static void
fuzz_input_stream_init (FuzzInputStream *self)
{
}

GInputStream *
fuzz_input_stream_new (const guint8 *data,
                       gsize         length,
                       FuzzPieces   *pieces)
{
  FuzzInputStream *self = g_object_new (fuzz_input_stream_get_type (), NULL);

  self->data = data;
  self->length = length;
  self->pieces = pieces;

  return G_INPUT_STREAM (self);
}

typedef struct {
  GOutputStream  parent_instance;

  GByteArray    *to;
  FuzzPieces    *pieces;
} FuzzOutputStream;

typedef struct {
  GOutputStreamClass parent_class;
} FuzzOutputStreamClass;

static GType fuzz_output_stream_get_type (void);

G_DEFINE_FINAL_TYPE (FuzzOutputStream, fuzz_output_stream, G_TYPE_OUTPUT_STREAM)

static gssize
fuzz_output_stream_write (GOutputStream  *stream,
                          const void     *buffer,
                          gsize           count,
                          GCancellable   *cancellable,
                          GError        **error)
{
  FuzzOutputStream *self = (FuzzOutputStream *) stream;
  gsize n = choose_or_fail (self->pieces, count, error);

  if (n == 0)
    return -1;

  g_byte_array_append (self->to, buffer, (guint) n);

  return (gssize) n;
}

static void
fuzz_output_stream_class_init (FuzzOutputStreamClass *klass)
{
  G_OUTPUT_STREAM_CLASS (klass)->write_fn = fuzz_output_stream_write;
}

static void
fuzz_output_stream_init (FuzzOutputStream *self)
{
}

GOutputStream *
fuzz_output_stream_new (GByteArray *to,
                        FuzzPieces *pieces)
{
  FuzzOutputStream *self = g_object_new (fuzz_output_stream_get_type (), NULL);

  self->to = to;
  self->pieces = pieces;

  return G_OUTPUT_STREAM (self);
}
