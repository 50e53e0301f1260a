/* aioproc-memfd-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Seals: values of F_SEAL_* or'ed. New memfds are O_CLOEXEC, sealable and, where the kernel
 * knows it, not executable. Errors are G_IO_ERROR from errno, and name @name or the size; a file
 * size limit (RLIMIT_FSIZE) is G_IO_ERROR_NO_SPACE, and never the signal SIGXFSZ.
 */
int      aioproc_memfd_new     (const char  *name,
                                guint64      size,
                                GError     **error);
gboolean aioproc_memfd_seal    (int          fd,
                                int          seals,
                                GError     **error);
/* Checks a descriptor that came from a peer: a memfd of ordinary pages, with at least
 * @required_seals, else G_IO_ERROR_INVALID_DATA. Returns its size, which holds from then on only
 * if F_SEAL_SHRINK (and F_SEAL_GROW) are among the seals.
 */
gboolean aioproc_memfd_check   (int          fd,
                                int          required_seals,
                                guint64     *size,
                                GError     **error);
/* Allocates pages with fallocate(): G_IO_ERROR_NO_SPACE, never SIGBUS. Grows a file that ends
 * before and is not sealed against it.
 */
gboolean aioproc_memfd_reserve (int          fd,
                                guint64      offset,
                                guint64      length,
                                GError     **error);
/* Writes without a mapping, which for pages that are new costs half of what it costs through one:
 * they need not be zeroed, nor faulted in. G_IO_ERROR_NO_SPACE, never SIGBUS or SIGXFSZ. FALSE
 * without an error: the limit of the file size forbids it, but not to reserve and to map.
 */
gboolean aioproc_memfd_write   (int          fd,
                                guint64      offset,
                                gconstpointer data,
                                gsize        length,
                                GError     **error);
/* Gives pages back; the range reads as zeros again. */
gboolean aioproc_memfd_punch   (int          fd,
                                guint64      offset,
                                guint64      length,
                                GError     **error);
/* Where the first range from @offset on begins that has no pages; the size if there is none. */
guint64  aioproc_memfd_find_hole (int        fd,
                                  guint64    offset);
/* @length is not checked against the size: what lies beyond raises SIGBUS until it has grown. */
gpointer aioproc_memfd_map     (int          fd,
                                guint64      offset,
                                gsize        length,
                                gboolean     writable,
                                GError     **error);
void     aioproc_memfd_unmap   (gpointer     base,
                                gsize        length);
/* A new open file description of the same memfd, through /proc/self/fd. */
int      aioproc_memfd_reopen  (int          fd,
                                GError     **error);
/* A new read-only open file description of the same memfd. Who may open /proc/self/fd can make it
 * writable again: seal with F_SEAL_FUTURE_WRITE against that.
 */
int      aioproc_memfd_reopen_readonly (int          fd,
                                        GError     **error);
/* Whether no other open file description of the memfd is left, neither open nor mapped nor on its
 * way, in any process. Who else has the same description, by a fork or a copy of the descriptor, it
 * does not say. FALSE where the kernel does not tell, as it never does for the description of
 * aioproc_memfd_new().
 */
gboolean aioproc_memfd_is_sole   (int        fd);

G_END_DECLS
