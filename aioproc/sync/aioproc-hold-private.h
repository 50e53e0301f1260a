/* aioproc-hold-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Who holds a recursive lock within a process, and how often. */
typedef struct {
  guint64  owner;       /* what the program calls it, or the number of a thread */
  gboolean of_thread;
  guint64  depth;
} AioprocHold;

/* Of threads, which are counted from 1 on: unlike an address, none comes twice. */
guint64  aioproc_hold_get_thread       (void);

/* @owner as the public functions have it: 0 is the calling thread. Once. */
static inline AioprocHold
aioproc_hold_for (guint64 owner)
{
  if (owner == 0)
    return (AioprocHold) { aioproc_hold_get_thread (), TRUE, 1 };

  return (AioprocHold) { owner, FALSE, 1 };
}

/* What a condition needs of @lock, an AioprocLock or an AioprocRLock. An AioprocLock is held by the
 * process, whatever @self says.
 */

gboolean aioproc_hold_is_held          (const AioprocHold    *self,
                                        gpointer              lock);
/* Releases it however often @self has acquired it, and keeps in @self how often that was.
 * AIOPROC_ERROR_NOT_OWNER: @self does not hold it.
 */
gboolean aioproc_hold_release          (AioprocHold          *self,
                                        gpointer              lock,
                                        GError              **error);
/* Waits for it without limit, and acquires it as often. Fails as an acquire does: with
 * AIOPROC_ERROR_OWNER_DIED of a strict one, which is not held then, or G_IO_ERROR_CLOSED.
 */
gboolean aioproc_hold_reacquire        (const AioprocHold    *self,
                                        gpointer              lock,
                                        GError              **error);
/* The same. @callback gets @lock as its source; @self is copied. */
void     aioproc_hold_reacquire_async  (const AioprocHold    *self,
                                        gpointer              lock,
                                        GAsyncReadyCallback   callback,
                                        gpointer              user_data);
gboolean aioproc_hold_reacquire_finish (gpointer              lock,
                                        GAsyncResult         *result,
                                        GError              **error);

G_END_DECLS
