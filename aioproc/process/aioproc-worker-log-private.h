/* aioproc-worker-log-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Makes the log writer of this process one that sends records to the program that started it, once
 * there is a channel; until then, and in processes without, it is GLib's default one. Once a
 * program.
 */
void aioproc_worker_log_install    (void);
/* Which records are sent. What is not is for GLib's default writer. */
void aioproc_worker_log_set_levels (GLogLevelFlags levels);

G_END_DECLS
