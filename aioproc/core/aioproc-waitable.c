/* aioproc-waitable.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-waitable-private.h"

#include "core/aioproc-wait-group-private.h"

/**
 * AioprocWaitable:
 *
 * Something that a program can wait for along with other things.
 *
 * It is *ready* when an operation that waits for it would not have to wait, be it for a success or
 * for a failure:
 *
 * - a [class@Connection] when there is something to be received, or it has come to its end or was
 *   closed;
 * - a [class@Listener] when somebody has arrived, or it was closed;
 * - a [class@Process] when it has ended;
 * - a [class@Queue], or [class@SimpleQueue], when an item can be got, or it is closed and empty;
 * - a [class@Descriptor] when the condition that it was made for holds, or an error.
 *
 * [func@wait_async] and [func@wait] wait for the first of many. What is ready may not be so any
 * more when it is used, if others use it, too: then a `try_` function says
 * [error@Gio.IOErrorEnum.WOULD_BLOCK].
 *
 * Locks and semaphores are none: that one could be acquired a moment ago is of no use, and a wait
 * for one of many would take the turn of those who wait for this one. Nor are events: a wait for
 * one also ends for a set that was cleared again, which does not show afterwards.
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
 * Tells whether an operation that waits for @self would not have to. Never blocks.
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

gboolean
aioproc_waitable_watch (AioprocWaitable  *self,
                        AioprocWatch     *watch,
                        GError          **error)
{
  return AIOPROC_WAITABLE_GET_IFACE (self)->watch (self, watch, error);
}

void
aioproc_waitable_unwatch (AioprocWaitable *self,
                          AioprocWatch    *watch)
{
  AIOPROC_WAITABLE_GET_IFACE (self)->unwatch (self, watch);
}

static void
check_fork (AioprocWatches *watches)
{
  guint generation = aioproc_wait_group_get_fork_generation ();

  if (G_LIKELY (watches->fork_generation == generation))
    return;

  watches->fork_generation = generation;
  g_queue_init (&watches->list);
}

gboolean
aioproc_watch_is_linked (AioprocWatch *self)
{
  return self->link.data != NULL &&
         self->fork_generation == aioproc_wait_group_get_fork_generation ();
}

void
aioproc_watch_link (AioprocWatch   *self,
                    AioprocWatches *watches,
                    int             fd,
                    short           events)
{
  self->fd = fd;
  self->events = events;
  check_fork (watches);

  if (aioproc_watch_is_linked (self))
    return;

  self->link = (GList) { .data = self };
  self->fork_generation = watches->fork_generation;
  g_queue_push_tail_link (&watches->list, &self->link);
}

void
aioproc_watch_unlink (AioprocWatch   *self,
                      AioprocWatches *watches)
{
  if (!aioproc_watch_is_linked (self))
    return;

  g_queue_unlink (&watches->list, &self->link);
  self->link.data = NULL;
}

void
aioproc_watches_notify (AioprocWatches *watches)
{
  check_fork (watches);

  for (GList *link = watches->list.head; link != NULL; link = link->next)
    {
      AioprocWatch *watch = link->data;

      watch->notify (watch);
    }
}

gboolean
aioproc_watches_is_empty (AioprocWatches *watches)
{
  check_fork (watches);

  return watches->list.head == NULL;
}
