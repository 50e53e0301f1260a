/* aioproc-waitable-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-waitable.h"

G_BEGIN_DECLS

/* One who waits for a waitable, among others perhaps. All zeros before it is used first. */
typedef struct _AioprocWatch AioprocWatch;

struct _AioprocWatch {
  /* The waitable may be ready now. Called in any thread, under mutexes of the waitable: it must not
   * call anything of that. Immutable.
   */
  void  (*notify) (AioprocWatch *self);
  /* Set by watch(): the waitable may also be ready when @fd, -1 for none, is ready for @events of
   * poll(). It is the waitable's, and may be closed at any time after a notification.
   */
  int     fd;
  short   events;

  /* The waitable's, protected by its mutex. */
  GList   link;
  guint   fork_generation;   /* of the process in which it was linked */
};

/* Those of a waitable. All zeros at first. In a forked child it has none: they are its parent's, of
 * whom some are on stacks of threads that the child has not.
 */
typedef struct {
  GQueue list;               /* (element-type AioprocWatch) */
  guint  fork_generation;    /* of the process that they are in */
} AioprocWatches;

struct _AioprocWaitableInterface {
  GTypeInterface parent_iface;

  /* Whether a wait for @self would end at once. Never blocks. Any thread. */
  gboolean (*is_ready) (AioprocWaitable  *self);
  /* From now on until unwatch(), @watch is notified once when @self may have become ready, or
   * descriptors have changed: who goes on to wait then calls this again. It takes nothing from
   * @self, and no wake-up from others who wait for it. Any thread. TRUE: it is ready now, and need
   * not be notified any more. What the descriptor will tell need not be told here. FALSE: not yet,
   * or, with @error, it cannot be watched.
   */
  gboolean (*watch)    (AioprocWaitable  *self,
                        AioprocWatch     *watch,
                        GError          **error);
  /* After this, @watch is not notified any more. Any thread; of one that was never watched nothing
   * happens.
   */
  void     (*unwatch)  (AioprocWaitable  *self,
                        AioprocWatch     *watch);
};

gboolean aioproc_waitable_watch   (AioprocWaitable  *self,
                                   AioprocWatch     *watch,
                                   GError          **error);
void     aioproc_waitable_unwatch (AioprocWaitable  *self,
                                   AioprocWatch     *watch);

/* For waitables, each under its mutex. */
void     aioproc_watch_link       (AioprocWatch     *self,
                                   AioprocWatches   *watches,
                                   int               fd,
                                   short             events);
void     aioproc_watch_unlink     (AioprocWatch     *self,
                                   AioprocWatches   *watches);
void     aioproc_watches_notify   (AioprocWatches   *watches);
gboolean aioproc_watches_is_empty (AioprocWatches   *watches);
/* For who watches: whether unwatch() is needed. */
gboolean aioproc_watch_is_linked  (AioprocWatch     *self);

G_END_DECLS
