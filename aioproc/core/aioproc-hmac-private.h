/* aioproc-hmac-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* HMAC-SHA-256, as GLib has it. */
#define AIOPROC_HMAC_SIZE 32

static inline GHmac *
aioproc_hmac_new (const guint8 *key,
                  gsize         length)
{
  return g_hmac_new (G_CHECKSUM_SHA256, key, length);
}

/* It cannot be fed after that. */
static inline void
aioproc_hmac_finish (GHmac  *hmac,
                     guint8  to[AIOPROC_HMAC_SIZE])
{
  gsize length = AIOPROC_HMAC_SIZE;

  g_hmac_get_digest (hmac, to, &length);
  g_assert (length == AIOPROC_HMAC_SIZE);
}

/* Takes the same time wherever they differ. */
static inline gboolean
aioproc_hmac_is_equal (const guint8 *a,
                       const guint8 *b,
                       gsize         length)
{
  volatile guint8 difference = 0;

  for (gsize i = 0; i < length; i++)
    difference = (guint8) (difference | (a[i] ^ b[i]));

  return difference == 0;
}

G_END_DECLS
