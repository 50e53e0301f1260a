/* aioproc-thread-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <signal.h>

#include <glib.h>

G_BEGIN_DECLS

/* Between these two calls every thread that the calling one starts has all signals blocked: the
 * signals of a program are for its own threads to handle.
 */
void     aioproc_thread_block_signals   (sigset_t     *saved);
void     aioproc_thread_restore_signals (const sigset_t *saved);

/* What programs are told where GLib cannot start @name, "a thread", since there are as many as the
 * system allows: G_IO_ERROR_NO_SPACE, as of everything else that has run out.
 */
void     aioproc_thread_set_error       (GError      **error,
                                         const char   *name,
                                         const GError *thread_error);

/* Starts a thread that is never joined, with all signals blocked. G_IO_ERROR_NO_SPACE. */
gboolean aioproc_thread_start           (const char   *name,
                                         GThreadFunc   func,
                                         gpointer      data,
                                         GError      **error);

G_END_DECLS
