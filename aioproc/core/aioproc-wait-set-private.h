/* aioproc-wait-set-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <poll.h>

#include "core/aioproc-waitable-private.h"

G_BEGIN_DECLS

/* The waitables of one wait. Those that were notified, or whose descriptor has something to tell,
 * are looked at; the others are not.
 *
 * It belongs to one thread at a time; notifications come from any.
 */
typedef struct _AioprocWaitSet AioprocWaitSet;

typedef struct {
  AioprocWatch     watch;
  AioprocWaitSet  *set;
  AioprocWaitable *waitable;     /* (owned) */
  _Atomic guint    must_look;    /* (atomic) it was notified, or not looked at yet */
  gboolean         is_ready;
  guint            n_poll_fd;    /* where it is among @poll_fds, + 1; 0: it is not */

  /* Of who waits in a main context. */
  gpointer         tag;          /* (nullable) of what is watched there */
  int              tag_fd;
  short            tag_events;
} AioprocWaitMember;

struct _AioprocWaitSet {
  /* Immutable after construction. */
  AioprocWaitMember *members;    /* (owned) each waitable once, in the order of the array */
  guint              n_members;
  /* Ends the sleep of who waits, in any thread; must call nothing. */
  void             (*wake)       (gpointer data);
  gpointer           wake_data;

  struct pollfd     *poll_fds;   /* (owned) one for each member, and one more */
  _Atomic guint      is_woken;   /* (atomic) wake() was called since the last look */
};

/* Nothing is watched before the first look. */
void       aioproc_wait_set_init    (AioprocWaitSet   *self,
                                     AioprocWaitable **waitables,
                                     guint             n_waitables,
                                     void            (*wake) (gpointer data),
                                     gpointer          wake_data);
/* All is unwatched, and let go. May be called twice. */
void       aioproc_wait_set_clear   (AioprocWaitSet   *self);
/* Looks, then polls once until @deadline_usec, -1 for ever, unless something was found. @wake_fd,
 * -1 for none, ends that too; it is an eventfd, and emptied. FALSE, with @error: something cannot
 * be waited for. TRUE: @found, if anything is ready, has all that is.
 */
gboolean   aioproc_wait_set_look    (AioprocWaitSet   *self,
                                     int               wake_fd,
                                     gint64            deadline_usec,
                                     GPtrArray       **found,
                                     GError          **error);

G_END_DECLS
