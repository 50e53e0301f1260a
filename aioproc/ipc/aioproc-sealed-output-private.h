/* aioproc-sealed-output-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The output of an AioprocSealedStream. */
#define AIOPROC_TYPE_SEALED_OUTPUT (aioproc_sealed_output_get_type ())

G_DECLARE_FINAL_TYPE (AioprocSealedOutput, aioproc_sealed_output, AIOPROC, SEALED_OUTPUT,
                      GOutputStream)

GOutputStream *aioproc_sealed_output_new (GOutputStream *base,
                                          const guint8  *key);

G_END_DECLS
