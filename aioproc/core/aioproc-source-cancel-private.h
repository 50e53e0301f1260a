/* aioproc-source-cancel-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What wakes a source, by its ready time, when a cancellable is cancelled.
 *
 * It is connected when the source is dispatched for the first time: whoever cancels in another
 * thread looks at the context of the source, which is not to be set meanwhile. That is what goes
 * wrong with the source of a cancellable, which is connected before it is attached.
 *
 * Of the thread that dispatches or destroys the source. All zeros at first.
 */
typedef struct {
  GCancellable *cancellable;   /* (owned) (nullable) */
  gulong        id;            /* 0: none */
} AioprocSourceCancel;

/* Once; later ones do nothing. Whoever cancels after this makes @source ready, so whether it was
 * cancelled before is to be seen after this, and the ready time is to be set before.
 */
void aioproc_source_cancel_connect    (AioprocSourceCancel *self,
                                       GSource             *source,
                                       GCancellable        *cancellable);
/* When the source ends, or is destroyed: it keeps the source. Does not wait for a handler that
 * runs: a program may iterate the context of the source inside of another handler.
 */
void aioproc_source_cancel_disconnect (AioprocSourceCancel *self);

G_END_DECLS
