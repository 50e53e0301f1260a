/* aioproc-sealed-bytes-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Bytes as memory that can never change again, whoever has it: a memfd, filled and sealed. Returns
 * a descriptor, or -1. @data is not empty.
 */
int     aioproc_sealed_bytes_new (const void  *data,
                                  gsize        length,
                                  GError     **error);
/* Maps what a peer sent, once it is known to be sealed, @length bytes long and without holes. The
 * descriptor is not kept.
 */
GBytes *aioproc_sealed_bytes_map (int          fd,
                                  guint64      length,
                                  GError     **error);

G_END_DECLS
