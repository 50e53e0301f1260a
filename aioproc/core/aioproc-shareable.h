/* aioproc-shareable.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined (AIOPROC_INSIDE) && !defined (AIOPROC_COMPILATION)
# error "Only <aioproc.h> can be included directly."
#endif

#include <gio/gio.h>

#include "aioproc-version-macros.h"

G_BEGIN_DECLS

#define AIOPROC_TYPE_SHAREABLE (aioproc_shareable_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_INTERFACE (AioprocShareable, aioproc_shareable, AIOPROC, SHAREABLE, GObject)

AIOPROC_AVAILABLE_IN_ALL
char *aioproc_shareable_dup_id (AioprocShareable *self);

G_END_DECLS
