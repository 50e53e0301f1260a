/* aioproc-seal.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-seal-private.h"

#include <string.h>

#include "core/aioproc-hmac-private.h"

G_STATIC_ASSERT (AIOPROC_SEAL_TAIL == AIOPROC_HMAC_SIZE);
G_STATIC_ASSERT (AIOPROC_SEAL_HEAD == sizeof (guint32) + sizeof (guint64));

struct _AioprocSeal {
  GHmac   *hmac;     /* (owned) with the key, and nothing else yet */
  guint64  number;   /* of the next record */
};

AioprocSeal *
aioproc_seal_new (const guint8 *key)
{
  AioprocSeal *self = g_new0 (AioprocSeal, 1);

  self->hmac = aioproc_hmac_new (key, AIOPROC_SEAL_KEY_SIZE);

  return self;
}

void
aioproc_seal_free (AioprocSeal *self)
{
  g_hmac_unref (self->hmac);
  g_free (self);
}

/* Over head and data. A new one would have to hash the key again, which takes 0.3 µs. */
static void
aioproc_seal_compute (AioprocSeal  *self,
                      const guint8 *record,
                      gsize         length,
                      guint8        code[AIOPROC_HMAC_SIZE])
{
  g_autoptr(GHmac) hmac = g_hmac_copy (self->hmac);

  g_hmac_update (hmac, record, (gssize) (AIOPROC_SEAL_HEAD + length));
  aioproc_hmac_finish (hmac, code);
}

gsize
aioproc_seal_close (AioprocSeal *self,
                    guint8      *record,
                    gsize        length)
{
  guint32 wire_length = GUINT32_TO_LE ((guint32) length);
  guint64 wire_number = GUINT64_TO_LE (self->number);

  g_assert (length <= AIOPROC_SEAL_MAX);

  memcpy (record, &wire_length, sizeof wire_length);
  memcpy (record + sizeof wire_length, &wire_number, sizeof wire_number);
  aioproc_seal_compute (self, record, length, record + AIOPROC_SEAL_HEAD + length);
  self->number++;

  return AIOPROC_SEAL_SIZE (length);
}

void
aioproc_seal_take_back (AioprocSeal *self)
{
  g_assert (self->number > 0);
  self->number--;
}

gboolean
aioproc_seal_open (AioprocSeal   *self,
                   const guint8  *record,
                   gsize          n_there,
                   gssize        *length,
                   GError       **error)
{
  guint8 code[AIOPROC_HMAC_SIZE];
  gboolean is_good = FALSE;
  guint32 wire_length;
  guint64 wire_number;

  *length = -1;

  if (n_there < AIOPROC_SEAL_HEAD)
    return TRUE;

  memcpy (&wire_length, record, sizeof wire_length);
  memcpy (&wire_number, record + sizeof wire_length, sizeof wire_number);
  wire_length = GUINT32_FROM_LE (wire_length);

  /* Before the rest is waited for. */
  if (wire_length <= AIOPROC_SEAL_MAX && GUINT64_FROM_LE (wire_number) == self->number)
    {
      if (n_there < AIOPROC_SEAL_SIZE (wire_length))
        return TRUE;

      aioproc_seal_compute (self, record, wire_length, code);
      is_good = aioproc_hmac_is_equal (record + AIOPROC_SEAL_HEAD + wire_length, code,
                                       sizeof code);
      explicit_bzero (code, sizeof code);
    }

  if (!is_good)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "Something was received that is not what the peer sent next: somebody changes "
                   "the stream");
      return FALSE;
    }

  self->number++;
  *length = (gssize) wire_length;

  return TRUE;
}
