/* aioproc-sealed-input-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The input of an AioprocSealedStream. */
#define AIOPROC_TYPE_SEALED_INPUT (aioproc_sealed_input_get_type ())

G_DECLARE_FINAL_TYPE (AioprocSealedInput, aioproc_sealed_input, AIOPROC, SEALED_INPUT, GInputStream)

GInputStream *aioproc_sealed_input_new (GInputStream *base,
                                        const guint8 *key);

G_END_DECLS
