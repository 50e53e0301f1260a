/* aioproc-wait.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined (AIOPROC_INSIDE) && !defined (AIOPROC_COMPILATION)
# error "Only <aioproc.h> can be included directly."
#endif

#include "aioproc-waitable.h"

G_BEGIN_DECLS

AIOPROC_AVAILABLE_IN_ALL
GPtrArray *aioproc_wait        (AioprocWaitable     **waitables,
                                guint                 n_waitables,
                                gint64                timeout_usec,
                                GCancellable         *cancellable,
                                GError              **error) G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
void       aioproc_wait_async  (AioprocWaitable     **waitables,
                                guint                 n_waitables,
                                gint64                timeout_usec,
                                GCancellable         *cancellable,
                                GAsyncReadyCallback   callback,
                                gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
GPtrArray *aioproc_wait_finish (GAsyncResult         *result,
                                GError              **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
