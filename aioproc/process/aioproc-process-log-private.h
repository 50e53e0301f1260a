/* aioproc-process-log-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Gives a record of the worker @name with @pid, the `(ua(say))` of a LOG frame, to the log writer
 * of this program. FALSE: @record is something else.
 */
gboolean aioproc_process_log_emit (GVariant   *record,
                                   const char *name,
                                   int         pid,
                                   gboolean    may_be_fatal);

G_END_DECLS
