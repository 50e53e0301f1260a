/* aioproc-value.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined (AIOPROC_INSIDE) && !defined (AIOPROC_COMPILATION)
# error "Only <aioproc.h> can be included directly."
#endif

#include <gio/gio.h>

#include "aioproc-shareable.h"
#include "aioproc-version-macros.h"

G_BEGIN_DECLS

#define AIOPROC_TYPE_VALUE (aioproc_value_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocValue, aioproc_value, AIOPROC, VALUE, GObject)

AIOPROC_AVAILABLE_IN_ALL
AioprocValue     *aioproc_value_new              (GVariant      *value,
                                                  GError       **error)
                                                  G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
const char       *aioproc_value_get_name         (AioprocValue  *self);
AIOPROC_AVAILABLE_IN_ALL
AioprocShareable *aioproc_value_get_lock         (AioprocValue  *self);
AIOPROC_AVAILABLE_IN_ALL
const char       *aioproc_value_get_type_string  (AioprocValue  *self);
AIOPROC_AVAILABLE_IN_ALL
GVariant         *aioproc_value_get              (AioprocValue  *self,
                                                  GError       **error)
                                                  G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_value_set              (AioprocValue  *self,
                                                  GVariant      *value,
                                                  GError       **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_value_add              (AioprocValue  *self,
                                                  gint64         delta,
                                                  gint64        *old,
                                                  GError       **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_value_compare_and_swap (AioprocValue  *self,
                                                  gint64         expected,
                                                  gint64         desired,
                                                  gint64        *old,
                                                  GError       **error);
AIOPROC_AVAILABLE_IN_ALL
gpointer          aioproc_value_get_data         (AioprocValue  *self);

G_END_DECLS
