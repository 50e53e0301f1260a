/* aioproc-word-watch-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-waitable-private.h"
#include "core/aioproc-waiter-private.h"

G_BEGIN_DECLS

/* The watches of this process for a waitable that is a word of shared memory.
 *
 * For all of them there is one operation, in a wait queue of its own, so that it is in nobody's
 * way. It ends with the first change that they may wait for, and is started anew by the first who
 * goes on to wait after that. When nobody waits any more it stays, so that a program that waits
 * again and again finds it there: it costs one wake-up, at the next change.
 */
typedef struct _AioprocWordWatch AioprocWordWatch;

/* What attempts get. */
typedef struct {
  AioprocWaitRequest  parent;
  AioprocWordWatch   *word_watch;
  guint               n_tries;      /* since it was started; the attempt's */
} AioprocWordWatchRequest;

/* @attempt says TRUE if the waitable may be ready. @ref and @unref keep @object, which the watch is
 * a part of. @verb: for messages.
 */
AioprocWordWatch *aioproc_word_watch_new    (AioprocShm            *shm,
                                             _Atomic guint32       *word,
                                             gpointer               object,
                                             const AioprocWaitOps  *ops);
/* What @ops has as its ended(). */
void              aioproc_word_watch_ended  (gpointer               object,
                                             AioprocWaitRequest    *request);
void              aioproc_word_watch_free   (AioprocWordWatch      *self);
/* All who watch are notified. Those who watch from now on are at once. */
void              aioproc_word_watch_close  (AioprocWordWatch      *self);
/* As watch() and unwatch(); but of what is ready already @watch is notified, and FALSE says that
 * there is an error.
 */
gboolean          aioproc_word_watch_add    (AioprocWordWatch      *self,
                                             AioprocWatch          *watch,
                                             GError               **error);
void              aioproc_word_watch_remove (AioprocWordWatch      *self,
                                             AioprocWatch          *watch);

G_END_DECLS
