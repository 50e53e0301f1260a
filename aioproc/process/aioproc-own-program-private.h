/* aioproc-own-program-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What has to be run for this program to run again, as a worker. */

/* Says that this executable may be an interpreter, which needs its command line to be this program
 * again. For the beginning of the program: later the command line may have been written over, and
 * the folder have changed that its file names start from.
 */
void    aioproc_own_program_remember (void);

char  **aioproc_own_program_dup_argv (GError **error);

G_END_DECLS
