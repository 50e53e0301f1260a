/* aioproc-waitable-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-waitable.h"

G_BEGIN_DECLS

struct _AioprocWaitableInterface {
  GTypeInterface parent_iface;

  /* Whether a wait for @self would end at once. Never blocks. Any thread. */
  gboolean  (*is_ready)      (AioprocWaitable *self);
  /* A new source that is dispatched, with a GSourceFunc, when @self may be ready: ask again then.
   * It does not take anything from @self, and does not keep it alive.
   */
  GSource  *(*create_source) (AioprocWaitable *self);
};

GSource *aioproc_waitable_create_source (AioprocWaitable *self);

G_END_DECLS
