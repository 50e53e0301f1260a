/* aioproc-call-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-call.h"

G_BEGIN_DECLS

/* What a call needs of the worker that runs it; all are called from any thread, with no lock of
 * the call held.
 */
typedef struct
{
  /* From now on @cancellable is to be cancelled when the program that called asks for it. Called
   * at most once. */
  void (*watch_cancel)    (AioprocCall  *call,
                           GCancellable *cancellable);
  void (*report_progress) (AioprocCall  *call,
                           double        fraction,
                           const char   *text);
  /* The call has been returned: whoever iterates @context for it may stop. */
  void (*returned)        (AioprocCall  *call);
} AioprocCallOps;

AioprocCall    *aioproc_call_new             (const char            *name,
                                              AioprocMessage        *message,
                                              const AioprocCallOps  *ops);
/* The same without handles; takes @arguments, a reference. */
AioprocCall    *aioproc_call_new_for_arguments (const char          *name,
                                              GVariant              *arguments,
                                              const AioprocCallOps  *ops);
/* What the function itself gave back; takes both, of which either may be NULL. */
void            aioproc_call_function_ended  (AioprocCall           *self,
                                              GVariant              *value,
                                              GError                *error);
gboolean        aioproc_call_is_returned     (AioprocCall           *self);
/* Once returned: its result; or NULL and @error. */
AioprocMessage *aioproc_call_dup_outcome     (AioprocCall           *self,
                                              GError               **error);
/* Once returned: the result, if that is no message but a value, which the call has no more then. */
GVariant       *aioproc_call_steal_value     (AioprocCall           *self);
/* Makes a new call of the same function out of one that was returned. Takes @arguments. FALSE:
 * somebody still has it.
 */
gboolean        aioproc_call_reuse           (AioprocCall           *self,
                                              GVariant              *arguments);
/* Reports the latest progress, if it was held back. */
void            aioproc_call_flush_progress  (AioprocCall           *self);

G_END_DECLS
