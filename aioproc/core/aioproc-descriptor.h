/* aioproc-descriptor.h
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

#define AIOPROC_TYPE_DESCRIPTOR (aioproc_descriptor_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocDescriptor, aioproc_descriptor, AIOPROC, DESCRIPTOR, GObject)

AIOPROC_AVAILABLE_IN_ALL
AioprocDescriptor *aioproc_descriptor_new           (int                fd,
                                                     GIOCondition       condition);

AIOPROC_AVAILABLE_IN_ALL
int                aioproc_descriptor_get_fd        (AioprocDescriptor *self);
AIOPROC_AVAILABLE_IN_ALL
GIOCondition       aioproc_descriptor_get_condition (AioprocDescriptor *self);
AIOPROC_AVAILABLE_IN_ALL
GIOCondition       aioproc_descriptor_check         (AioprocDescriptor *self);

G_END_DECLS
