/* aioproc-fork-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether what this process has got may be a forked child's, too. An epoch lasts from one fork to
 * the next. Any thread, without a lock. A child that has nothing of it may be taken for one that
 * has, and never the other way round.
 */

/* The present one, or 0 while a fork is under way: then nobody can say. */
guint64  aioproc_fork_get_epoch (void);
/* Whether no fork has begun since aioproc_fork_get_epoch() returned @epoch, in this process or one
 * that it was forked from.
 */
gboolean aioproc_fork_is_epoch  (guint64 epoch);

G_END_DECLS
