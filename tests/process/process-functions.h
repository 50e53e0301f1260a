/* process-functions.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <aioproc.h>

G_BEGIN_DECLS

/* The functions that the test programs of processes have as workers:
 *
 * square (i) → (i), echo → what it got, fail (s) → G_IO_ERROR_NOT_FOUND, nothing → NULL,
 * exit (i), die (i) by a signal, abort, block → for ever, wait-cancel → until cancelled,
 * hold (hh) → sets the event, then waits for ever with the lock held,
 * set (h) → sets the event, take (h) → takes and gives back the lock,
 * who → (name, daemon, pid, parent's name, its pid, whether it is alive),
 * nested (s) → the name and the answer of a child's who,
 * defer (i) → (i) from an idle source, defer-thread (i) → from a thread, defer-error,
 * twice → returns twice, give → a message with bytes, an event and a descriptor,
 * progress → some reports, log (us) → logs, structured (us), error (s) → g_error(),
 * print (s) → to stdout, surroundings (s) → (variable, folder, memory, cpu, files),
 * descriptors → (what is open besides 0 to 2), exit-handler (s) → writes to that file at its end,
 * preloaded → (how often “preload” ran, in which process), preload, preload-fail, preload-thread,
 * huge → more than a frame can carry.
 */
void            test_functions_init        (void);

/* A context of a start method, with an environment in which warnings of workers are not fatal. */
AioprocContext *test_context_new           (AioprocStartMethod     method);

/* Runs a function to its end: its result, or NULL and @error. */
GVariant       *test_run                   (AioprocContext        *context,
                                            const char            *function,
                                            GVariant              *arguments,
                                            GError               **error);
/* Starts a process that has to start. */
AioprocProcess *test_start                 (AioprocContext        *context,
                                            const char            *function,
                                            GVariant              *arguments);
AioprocProcess *test_start_with_message    (AioprocContext        *context,
                                            const char            *function,
                                            AioprocMessage        *message);
void            test_join                  (AioprocProcess        *process);
/* Lets go of the process, and waits until all others have, too. */
void            test_release               (AioprocProcess        *process);

/* Adds a case for each start method: "/process/start/spawn" and so on. */
void            test_add_for_methods       (const char            *path,
                                            void                 (*func) (AioprocStartMethod));

G_END_DECLS
