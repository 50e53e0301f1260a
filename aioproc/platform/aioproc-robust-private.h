/* aioproc-robust-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdatomic.h>

#include <glib.h>

G_BEGIN_DECLS

/* What the kernel must be told so that it announces the death of a process:
 *
 * - a region mapped twice: the shared memfd, and below it, at a fixed distance, private memory
 *   that holds the robust-list nodes, so that no peer can touch the list the kernel walks;
 * - the robust list of one immortal thread, with one entry, the process's live word, and for
 *   list_op_pending the poke word, which is always 0, so that the kernel wakes one sleeper there
 *   at every death of such a thread;
 * - byte locks of an open file description, which prove that a process is gone completely: they
 *   are released after the last thread of the process can no longer write to memory.
 */
typedef struct _AioprocRobustMapping AioprocRobustMapping;

struct _AioprocRobustMapping {
  gpointer base;       /* of the shared mapping */
  gsize    size;       /* page-rounded */
  gsize    distance;   /* bytes from a private node up to its shared word */
};

gboolean aioproc_robust_map        (AioprocRobustMapping  *mapping,
                                    int                    fd,
                                    gsize                  size,
                                    GError               **error);
void     aioproc_robust_unmap      (AioprocRobustMapping  *mapping);

/* Registers the calling thread, which must never end while the process lives, as the one whose
 * death marks @live with FUTEX_OWNER_DIED and wakes a sleeper on @poke. Stores the thread's id
 * with FUTEX_WAITERS in @live, which has to be aligned like a pointer.
 *
 * Once per mapping and process; a forked child may adopt in the mapping that it inherited. The
 * mapping has to stay. Takes the place of the C library's robust list of the thread, which must
 * not use robust mutexes.
 */
gboolean aioproc_robust_adopt      (const AioprocRobustMapping *mapping,
                                    _Atomic guint32            *live,
                                    _Atomic guint32            *poke,
                                    GError                    **error);
gboolean aioproc_robust_is_died    (guint32                live);

/* Open-file-description write lock of one byte. FALSE with no error: another one holds it. */
gboolean aioproc_ofd_try_lock      (int                    fd,
                                    guint64                offset,
                                    GError               **error);
void     aioproc_ofd_unlock        (int                    fd,
                                    guint64                offset);
/* Whether another open file description holds the byte. Async-signal-safe. */
gboolean aioproc_ofd_is_locked     (int                    fd,
                                    guint64                offset);

G_END_DECLS
