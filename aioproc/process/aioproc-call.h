/* aioproc-call.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined (AIOPROC_INSIDE) && !defined (AIOPROC_COMPILATION)
# error "Only <aioproc.h> can be included directly."
#endif

#include <gio/gio.h>

#include "aioproc-message.h"
#include "aioproc-version-macros.h"

G_BEGIN_DECLS

#define AIOPROC_TYPE_CALL (aioproc_call_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocCall, aioproc_call, AIOPROC, CALL, GObject)

AIOPROC_AVAILABLE_IN_ALL
const char     *aioproc_call_get_name         (AioprocCall     *self);
AIOPROC_AVAILABLE_IN_ALL
GCancellable   *aioproc_call_get_cancellable  (AioprocCall     *self);

AIOPROC_AVAILABLE_IN_ALL
GVariant       *aioproc_call_dup_arguments    (AioprocCall     *self);
AIOPROC_AVAILABLE_IN_ALL
AioprocMessage *aioproc_call_dup_message      (AioprocCall     *self);
AIOPROC_AVAILABLE_IN_ALL
gboolean        aioproc_call_check_arguments  (AioprocCall     *self,
                                               const char      *type_string,
                                               GError         **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean        aioproc_call_get_arguments    (AioprocCall     *self,
                                               GError         **error,
                                               const char      *format_string,
                                               ...);
AIOPROC_AVAILABLE_IN_ALL
GObject        *aioproc_call_dup_object       (AioprocCall     *self,
                                               int              handle,
                                               GError         **error);
AIOPROC_AVAILABLE_IN_ALL
GBytes         *aioproc_call_dup_bytes        (AioprocCall     *self,
                                               int              handle,
                                               GError         **error);
AIOPROC_AVAILABLE_IN_ALL
int             aioproc_call_dup_fd           (AioprocCall     *self,
                                               int              handle,
                                               GError         **error);

AIOPROC_AVAILABLE_IN_ALL
void            aioproc_call_report_progress  (AioprocCall     *self,
                                               double           fraction,
                                               const char      *text);

AIOPROC_AVAILABLE_IN_ALL
void            aioproc_call_defer            (AioprocCall     *self);
AIOPROC_AVAILABLE_IN_ALL
void            aioproc_call_return_value     (AioprocCall     *self,
                                               GVariant        *value);
AIOPROC_AVAILABLE_IN_ALL
void            aioproc_call_return_message   (AioprocCall     *self,
                                               AioprocMessage  *message);
AIOPROC_AVAILABLE_IN_ALL
void            aioproc_call_return_error     (AioprocCall     *self,
                                               const GError    *error);

G_END_DECLS
