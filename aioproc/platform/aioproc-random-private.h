/* aioproc-random-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Fills @buffer, of at most 256 bytes, from the kernel's random number generator: for identities
 * and keys. Never fails on a running system.
 */
void aioproc_random_fill (guint8 *buffer,
                          gsize   length);

G_END_DECLS
