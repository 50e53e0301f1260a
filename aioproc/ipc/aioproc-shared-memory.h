/* aioproc-shared-memory.h
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

#define AIOPROC_TYPE_SHARED_MEMORY (aioproc_shared_memory_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocSharedMemory, aioproc_shared_memory, AIOPROC, SHARED_MEMORY, GObject)

AIOPROC_AVAILABLE_IN_ALL
AioprocSharedMemory *aioproc_shared_memory_new            (gsize                 size,
                                                           GError              **error)
                                                           G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
AioprocSharedMemory *aioproc_shared_memory_new_from_bytes (GBytes               *bytes,
                                                           GError              **error)
                                                           G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
AioprocSharedMemory *aioproc_shared_memory_dup_read_only  (AioprocSharedMemory  *self,
                                                           GError              **error)
                                                           G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
const char          *aioproc_shared_memory_get_name       (AioprocSharedMemory  *self);
AIOPROC_AVAILABLE_IN_ALL
gsize                aioproc_shared_memory_get_size       (AioprocSharedMemory  *self);
AIOPROC_AVAILABLE_IN_ALL
gsize                aioproc_shared_memory_get_max_size   (AioprocSharedMemory  *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean             aioproc_shared_memory_get_read_only  (AioprocSharedMemory  *self);
AIOPROC_AVAILABLE_IN_ALL
gpointer             aioproc_shared_memory_map            (AioprocSharedMemory  *self,
                                                           gsize                *size);
AIOPROC_AVAILABLE_IN_ALL
GBytes              *aioproc_shared_memory_dup_bytes      (AioprocSharedMemory  *self,
                                                           GError              **error)
                                                           G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
GBytes              *aioproc_shared_memory_read_bytes     (AioprocSharedMemory  *self,
                                                           gsize                 offset,
                                                           gsize                 length,
                                                           GError              **error)
                                                           G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
gboolean             aioproc_shared_memory_write_bytes    (AioprocSharedMemory  *self,
                                                           gsize                 offset,
                                                           GBytes               *bytes,
                                                           GError              **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean             aioproc_shared_memory_resize         (AioprocSharedMemory  *self,
                                                           gsize                 size,
                                                           GError              **error);

G_END_DECLS
