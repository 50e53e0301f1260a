/* aioproc-stream-thread-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The main context of the thread that serves all streams of this process, which is started when
 * the first one comes and never ends. NULL: G_IO_ERROR_TOO_MANY_OPEN_FILES, G_IO_ERROR_NO_SPACE.
 * Owned by nobody.
 */
GMainContext *aioproc_stream_thread_get_context (GError     **error);
/* A source, not attached yet, that is ready once, in so many microseconds. @name is static. */
GSource      *aioproc_stream_thread_new_timeout (gint64       usec,
                                                 const char  *name);

G_END_DECLS
