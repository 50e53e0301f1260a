/* fault-scenario.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <aioproc.h>

G_BEGIN_DECLS

#define FAULT_WAIT_USEC (10 * G_TIME_SPAN_MILLISECOND)

/* A failure needs a reason, and to be allowed; success must have none. Returns @success, and clears
 * @error.
 */
gboolean fault_check           (gboolean   success,
                                GError   **error);
/* The same of what has to end in vain: with @code, unless something else fails. */
void     fault_check_vain      (gboolean   success,
                                int        code,
                                GError   **error);

/* The scenarios of connections, and of waits for many. */
void     fault_run_connections (void);
void     fault_run_many        (void);

G_END_DECLS
