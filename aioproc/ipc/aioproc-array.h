/* aioproc-array.h
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

#define AIOPROC_TYPE_ARRAY (aioproc_array_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocArray, aioproc_array, AIOPROC, ARRAY, GObject)

AIOPROC_AVAILABLE_IN_ALL
AioprocArray     *aioproc_array_new              (const char    *type_string,
                                                  gsize          length,
                                                  GError       **error)
                                                  G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
AioprocArray     *aioproc_array_new_from_variant (GVariant      *values,
                                                  GError       **error)
                                                  G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
const char       *aioproc_array_get_name         (AioprocArray  *self);
AIOPROC_AVAILABLE_IN_ALL
AioprocShareable *aioproc_array_get_lock         (AioprocArray  *self);
AIOPROC_AVAILABLE_IN_ALL
const char       *aioproc_array_get_type_string  (AioprocArray  *self);
AIOPROC_AVAILABLE_IN_ALL
gsize             aioproc_array_get_length       (AioprocArray  *self);
AIOPROC_AVAILABLE_IN_ALL
GVariant         *aioproc_array_get              (AioprocArray  *self,
                                                  gsize          index,
                                                  GError       **error)
                                                  G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_array_set              (AioprocArray  *self,
                                                  gsize          index,
                                                  GVariant      *value,
                                                  GError       **error);
AIOPROC_AVAILABLE_IN_ALL
GVariant         *aioproc_array_get_slice        (AioprocArray  *self,
                                                  gsize          offset,
                                                  gsize          length,
                                                  GError       **error)
                                                  G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_array_set_slice        (AioprocArray  *self,
                                                  gsize          offset,
                                                  GVariant      *values,
                                                  GError       **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_array_add              (AioprocArray  *self,
                                                  gsize          index,
                                                  gint64         delta,
                                                  gint64        *old,
                                                  GError       **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_array_compare_and_swap (AioprocArray  *self,
                                                  gsize          index,
                                                  gint64         expected,
                                                  gint64         desired,
                                                  gint64        *old,
                                                  GError       **error);
AIOPROC_AVAILABLE_IN_ALL
gpointer          aioproc_array_get_data         (AioprocArray  *self);
AIOPROC_AVAILABLE_IN_ALL
GBytes           *aioproc_array_dup_bytes        (AioprocArray  *self,
                                                  GError       **error)
                                                  G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
