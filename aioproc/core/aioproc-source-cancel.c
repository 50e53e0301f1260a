/* aioproc-source-cancel.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-source-cancel-private.h"

static void
cancelled_cb (GCancellable *cancellable,
              gpointer      user_data)
{
  g_source_set_ready_time (user_data, 0);
}

void
aioproc_source_cancel_connect (AioprocSourceCancel *self,
                               GSource             *source,
                               GCancellable        *cancellable)
{
  if (cancellable == NULL || self->cancellable != NULL)
    return;

  self->cancellable = g_object_ref (cancellable);
  self->id = g_cancellable_connect (cancellable, G_CALLBACK (cancelled_cb),
                                    g_source_ref (source), (GDestroyNotify) g_source_unref);
}

void
aioproc_source_cancel_disconnect (AioprocSourceCancel *self)
{
  if (self->id != 0)
    g_signal_handler_disconnect (self->cancellable, self->id);

  self->id = 0;
  g_clear_object (&self->cancellable);
}
