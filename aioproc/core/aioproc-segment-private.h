/* aioproc-segment-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A piece of shared memory that is used again. A fresh page costs 2 to 3 microseconds, so a segment
 * that nobody needs any more stays mapped, with its pages, for the next one who wants its size:
 * until it has been idle for a second, or too much of them is.
 *
 * It may only be used again when no other process can look into it. The kernel tells that: each
 * receiver gets an open file description of its own, by aioproc_segment_open(), and a lease for
 * writing is granted only to the last one there is, whether the others are open, mapped or on
 * their way. A forked child has the description of its parent, which the lease does not see: what
 * was there at a fork is never used again. Nor is what was handed out in another way, which
 * aioproc_segment_spoil() says. Whatever is not certain is freed.
 *
 * Reference-counted; for any thread.
 */
typedef struct _AioprocSegment AioprocSegment;

/* Smaller memory is not worth it, and freed at once. */
#define AIOPROC_SEGMENT_MIN (64 * 1024)

/* @size is rounded up to whole pages. All pages are there; size is sealed, content is not. *@used:
 * it has a content that may be anything, else zeros. G_IO_ERROR_NO_SPACE … as in memfd.
 */
AioprocSegment *aioproc_segment_new      (const char      *name,
                                          guint64          size,
                                          gboolean        *used,
                                          GError         **error);
/* The same, but one that is not *@used has no pages yet: the caller writes or reserves all of it,
 * or spoils it.
 */
AioprocSegment *aioproc_segment_new_bare (const char      *name,
                                          guint64          size,
                                          gboolean        *used,
                                          GError         **error);
AioprocSegment *aioproc_segment_ref      (AioprocSegment  *self);
void            aioproc_segment_unref    (AioprocSegment  *self);
gpointer        aioproc_segment_get_base (AioprocSegment  *self);
gsize           aioproc_segment_get_size (AioprocSegment  *self);
/* For calls on it. Not for a receiver, who gets one of aioproc_segment_open(). */
int             aioproc_segment_get_fd   (AioprocSegment  *self);
/* A descriptor for one receiver, or -1. */
int             aioproc_segment_open     (AioprocSegment  *self,
                                          GError         **error);
/* Somebody may have it of whom the kernel does not tell. */
void            aioproc_segment_spoil    (AioprocSegment  *self);

/* The bytes of those that wait to be used again, and the most that there may be. */
gsize           aioproc_segment_get_idle (void);
gsize           aioproc_segment_get_max_idle (void);
/* Frees those. */
void            aioproc_segment_trim     (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocSegment, aioproc_segment_unref)

G_END_DECLS
