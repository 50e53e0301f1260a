/* aioproc-processors-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How many processors' worth of time the control groups of this process allow, rounded up; @limit
 * where they allow more, or nothing is said. @root is put before the names of all files that are
 * read: "", or a folder of a test.
 */
guint aioproc_processors_apply_quota (const char *root,
                                      guint       limit);

G_END_DECLS
