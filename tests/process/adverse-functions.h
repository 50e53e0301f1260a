/* adverse-functions.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* test_functions_init(), with more functions, which do what a worker should not do:
 *
 * close-all (b) → closes all descriptors, and returns, or waits for ever,
 * scribble → writes to all sockets, for ever,
 * eat (b) → how much memory it got, or aborts; only to be used with a limit,
 * log-for-ever,
 * await-end (i) → when no process has that id any more.
 */
void test_adverse_functions_init (void);

G_END_DECLS
