/* child-worker.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a worker of these tests does: the command `(sx)` in the body of its start frame.
 *
 * "exit" N:        READY, RESULT, EXIT N, then ends with status N
 * "silent" N:      ends with status N, without having said anything
 * "lie" N:         EXIT N, then ends by SIGKILL
 * "signal" N:      READY, then raises signal N
 * "hang" 0:        READY, then waits for ever
 * "unready" 0:     waits for ever, without having said anything
 * "echo" 0:        READY, then sends back what arrives as MESSAGE, until the channel ends, or until
 *                  that is `(i)` 0: then as "exit" 0
 * "describe" 0:    RESULT with what it finds itself in, then as "exit" 0
 * "leave" N:       forks a process that waits for ever, RESULT `(i)` its pid, then ends with N,
 *                  or hangs if N is -1
 * "garbage" 0:     READY, writes what is no frame, then waits for ever
 * "close" 0:       READY, closes its channel, then waits for ever
 * "cut" 0:         READY, half a frame, then ends with status 5
 * "nest-hang" N:   starts a worker by method N that hangs, RESULT, then waits for ever
 * "nest" N:        starts a worker by method N, and sends its wait status `(i)` as RESULT
 */
G_NORETURN void aioproc_test_worker_serve (int control_fd,
                                           int hangup_fd);

G_END_DECLS
