/* aioproc-security.h
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

#define AIOPROC_TYPE_SECURITY (aioproc_security_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocSecurity, aioproc_security, AIOPROC, SECURITY, GObject)

AIOPROC_AVAILABLE_IN_ALL
AioprocSecurity *aioproc_security_new (GBytes *auth_key) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
