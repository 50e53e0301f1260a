/* aioproc-waitable.h
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

#define AIOPROC_TYPE_WAITABLE (aioproc_waitable_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_INTERFACE (AioprocWaitable, aioproc_waitable, AIOPROC, WAITABLE, GObject)

AIOPROC_AVAILABLE_IN_ALL
gboolean aioproc_waitable_is_ready (AioprocWaitable *self);

G_END_DECLS
