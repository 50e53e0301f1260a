/* aioproc-waitable.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-waitable-private.h"

/**
 * AioprocWaitable:
 *
 * Something that a program can wait for along with other things.
 *
 * A process is ready when it has ended.
 *
 * The interface can only be implemented inside the library.
 *
 * # Thread safety
 *
 * All functions may be called from any thread.
 *
 * # Process safety
 *
 * An object stands for itself in the process that has it. In a process that was forked from that
 * one, it is not waited for.
 *
 * Since: 0.1
 */
G_DEFINE_INTERFACE (AioprocWaitable, aioproc_waitable, G_TYPE_OBJECT)

static void
aioproc_waitable_default_init (AioprocWaitableInterface *iface)
{
}

/**
 * aioproc_waitable_is_ready:
 * @self: a waitable
 *
 * Tells whether a wait for @self would end at once. Never blocks.
 *
 * Returns: `TRUE` if @self is ready
 *
 * Since: 0.1
 */
gboolean
aioproc_waitable_is_ready (AioprocWaitable *self)
{
  g_return_val_if_fail (AIOPROC_IS_WAITABLE (self), FALSE);

  return AIOPROC_WAITABLE_GET_IFACE (self)->is_ready (self);
}

GSource *
aioproc_waitable_create_source (AioprocWaitable *self)
{
  return AIOPROC_WAITABLE_GET_IFACE (self)->create_source (self);
}
