/* aioproc-family-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdatomic.h>

#include <glib.h>

#include "platform/aioproc-futex-private.h"

G_BEGIN_DECLS

/* A family: the processes that share objects, which is one trust domain. One sealed memfd with a
 * table of slots; a process is a member while it holds a slot. Family objects are immortal: a
 * process never leaves a family while it lives.
 */
typedef struct _AioprocFamily AioprocFamily;

#define AIOPROC_ID_LENGTH 16

/* An owner word names one life of one process: OWN | generation (19 bits) | slot (10 bits). It is
 * never 0, and never looks like a thread id to the kernel.
 */
#define AIOPROC_OWNER_BIT  0x20000000u
#define AIOPROC_OWNER_MASK 0x3fffffffu

/* The family of this process: the one it was started in, else one of its own, made now. */
AioprocFamily      *aioproc_family_get_default  (GError           **error);
/* Joins the family of @fd, which came from a member and is taken. The same family twice is the
 * same object.
 */
AioprocFamily      *aioproc_family_join         (int                fd,
                                                 GError           **error);
/* The family of @fd, which is taken, is to be the default: for the bootstrap of a worker. It is
 * joined when the default is first asked for, which most workers never do.
 */
void                aioproc_family_inherit      (int                fd);
/* A joined family, or NULL. */
AioprocFamily      *aioproc_family_lookup       (const guint8      *id);
/* A descriptor for one other process to join with: an open file description of its own. */
int                 aioproc_family_open         (AioprocFamily     *self,
                                                 GError           **error);
const guint8       *aioproc_family_get_id       (AioprocFamily     *self);
/* This process's owner word; attaches on first use, and anew after a fork. 0 and @error where
 * there is no slot, descriptor or thread to be had.
 */
guint32             aioproc_family_attach       (AioprocFamily     *self,
                                                 GError           **error);
/* This process's owner word, or 0 where it is not attached. One relaxed load. */
guint32             aioproc_family_get_owner    (AioprocFamily     *self);
/* Where the owner word stands in this process: for fast paths. */
const _Atomic guint32 *aioproc_family_peek_owner (AioprocFamily    *self);
/* Bumped, and its sleepers woken, after the full death of a member. */
_Atomic guint32    *aioproc_family_get_sequence (AioprocFamily     *self);
/* Whether the death of @owner has begun, and may have ended. No system call. */
gboolean            aioproc_family_is_dying     (AioprocFamily     *self,
                                                 guint32            owner);
/* Whether @owner is gone completely: no thread of it can write to memory any more. */
gboolean            aioproc_family_is_dead      (AioprocFamily     *self,
                                                 guint32            owner);
/* Sleeps until *@word is not @expected, a member died after @sequence was read from the family's
 * sequence word, or @deadline_usec. May return early: look again, always.
 */
AioprocFutexResult  aioproc_family_sleep        (AioprocFamily     *self,
                                                 guint32            sequence,
                                                 _Atomic guint32   *word,
                                                 guint32            expected,
                                                 gint64             deadline_usec);
/* The latest moment until which anything may sleep on a shared word without looking again. */
gint64              aioproc_family_get_backstop (void);
/* How many anchor threads this process runs. */
guint               aioproc_family_count_threads (void);

G_END_DECLS
