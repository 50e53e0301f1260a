/* aioproc-shared-list.h
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

#define AIOPROC_TYPE_SHARED_LIST (aioproc_shared_list_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocSharedList, aioproc_shared_list, AIOPROC, SHARED_LIST, GObject)

AIOPROC_AVAILABLE_IN_ALL
AioprocSharedList *aioproc_shared_list_new        (GVariant           *items,
                                                   GError            **error)
                                                   G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
const char        *aioproc_shared_list_get_name   (AioprocSharedList  *self);
AIOPROC_AVAILABLE_IN_ALL
guint              aioproc_shared_list_get_length (AioprocSharedList  *self);
AIOPROC_AVAILABLE_IN_ALL
gsize              aioproc_shared_list_get_room   (AioprocSharedList  *self,
                                                   guint               index);
AIOPROC_AVAILABLE_IN_ALL
GVariant          *aioproc_shared_list_get        (AioprocSharedList  *self,
                                                   guint               index,
                                                   GError            **error)
                                                   G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
gboolean           aioproc_shared_list_set        (AioprocSharedList  *self,
                                                   guint               index,
                                                   GVariant           *value,
                                                   GError            **error);
AIOPROC_AVAILABLE_IN_ALL
GVariant          *aioproc_shared_list_dup_items  (AioprocSharedList  *self,
                                                   GError            **error)
                                                   G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
gboolean           aioproc_shared_list_find       (AioprocSharedList  *self,
                                                   GVariant           *value,
                                                   guint              *index,
                                                   GError            **error);

G_END_DECLS
