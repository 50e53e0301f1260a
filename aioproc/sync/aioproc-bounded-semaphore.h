/* aioproc-bounded-semaphore.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined (AIOPROC_INSIDE) && !defined (AIOPROC_COMPILATION)
# error "Only <aioproc.h> can be included directly."
#endif

#include "aioproc-semaphore.h"

G_BEGIN_DECLS

#define AIOPROC_TYPE_BOUNDED_SEMAPHORE       (aioproc_bounded_semaphore_get_type ())
#define AIOPROC_BOUNDED_SEMAPHORE(object)    (G_TYPE_CHECK_INSTANCE_CAST ((object),       \
                                                AIOPROC_TYPE_BOUNDED_SEMAPHORE,           \
                                                AioprocBoundedSemaphore))
#define AIOPROC_IS_BOUNDED_SEMAPHORE(object) (G_TYPE_CHECK_INSTANCE_TYPE ((object),       \
                                                AIOPROC_TYPE_BOUNDED_SEMAPHORE))

typedef struct _AioprocBoundedSemaphore      AioprocBoundedSemaphore;
typedef struct _AioprocBoundedSemaphoreClass AioprocBoundedSemaphoreClass;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocBoundedSemaphore, g_object_unref)

AIOPROC_AVAILABLE_IN_ALL
GType                    aioproc_bounded_semaphore_get_type (void);

AIOPROC_AVAILABLE_IN_ALL
AioprocBoundedSemaphore *aioproc_bounded_semaphore_new      (guint     initial_value,
                                                             GError  **error)
                                                             G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
