/* aioproc-bounded-semaphore.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-bounded-semaphore.h"

#include "sync/aioproc-semaphore-private.h"

/**
 * AioprocBoundedSemaphore:
 *
 * A semaphore that never has more units than it began with.
 *
 * It finds a program that gives back more than it took: [method@Semaphore.post] fails with
 * [error@Aioproc.Error.INVALID_STATE] while there are as many units, free and held, as
 * [property@Semaphore:initial-value] says. In all else it is a [class@Semaphore].
 *
 * # Thread safety
 *
 * As of [class@Semaphore].
 *
 * # Process safety
 *
 * As of [class@Semaphore].
 *
 * Since: 0.1
 */
struct _AioprocBoundedSemaphore {
  AioprocSemaphore parent_instance;
};

struct _AioprocBoundedSemaphoreClass {
  AioprocSemaphoreClass parent_class;
};

G_DEFINE_TYPE (AioprocBoundedSemaphore, aioproc_bounded_semaphore, AIOPROC_TYPE_SEMAPHORE)

static void
aioproc_bounded_semaphore_class_init (AioprocBoundedSemaphoreClass *klass)
{
  ((AioprocSemaphoreClass *) klass)->bounded = TRUE;
}

static void
aioproc_bounded_semaphore_init (AioprocBoundedSemaphore *self)
{
}

/**
 * aioproc_bounded_semaphore_new:
 * @initial_value: how many units it has, at most 1048575
 * @error: return location for an error
 *
 * Makes a new semaphore of which all units are free, and which never has more.
 *
 * Other processes get it as an argument of their function, or in a message.
 *
 * Fails as [ctor@Semaphore.new] does.
 *
 * Returns: (transfer full): a new semaphore
 *
 * Since: 0.1
 */
AioprocBoundedSemaphore *
aioproc_bounded_semaphore_new (guint    initial_value,
                               GError **error)
{
  return g_initable_new (AIOPROC_TYPE_BOUNDED_SEMAPHORE, NULL, error,
                         "initial-value", initial_value,
                         NULL);
}
