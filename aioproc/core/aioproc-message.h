/* aioproc-message.h
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

#define AIOPROC_TYPE_MESSAGE (aioproc_message_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocMessage, aioproc_message, AIOPROC, MESSAGE, GObject)

AIOPROC_AVAILABLE_IN_ALL
AioprocMessage *aioproc_message_new           (GVariant          *body);
AIOPROC_AVAILABLE_IN_ALL
GVariant       *aioproc_message_dup_body      (AioprocMessage    *self);
AIOPROC_AVAILABLE_IN_ALL
void            aioproc_message_set_body      (AioprocMessage    *self,
                                               GVariant          *body);
AIOPROC_AVAILABLE_IN_ALL
int             aioproc_message_append_object (AioprocMessage    *self,
                                               GObject           *object,
                                               GError           **error);
AIOPROC_AVAILABLE_IN_ALL
int             aioproc_message_append_bytes  (AioprocMessage    *self,
                                               GBytes            *bytes);
AIOPROC_AVAILABLE_IN_ALL
int             aioproc_message_append_fd     (AioprocMessage    *self,
                                               int                fd,
                                               GError           **error);
AIOPROC_AVAILABLE_IN_ALL
guint           aioproc_message_get_n_handles (AioprocMessage    *self);
AIOPROC_AVAILABLE_IN_ALL
GObject        *aioproc_message_dup_object    (AioprocMessage    *self,
                                               int                handle,
                                               GError           **error);
AIOPROC_AVAILABLE_IN_ALL
GBytes         *aioproc_message_dup_bytes     (AioprocMessage    *self,
                                               int                handle,
                                               GError           **error);
AIOPROC_AVAILABLE_IN_ALL
int             aioproc_message_dup_fd        (AioprocMessage    *self,
                                               int                handle,
                                               GError           **error);

G_END_DECLS
