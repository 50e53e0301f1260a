/* listener-test.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <aioproc.h>

G_BEGIN_DECLS

/* Gives the program a runtime folder of its own, which is removed, and has to be empty by then.
 * Before anything asks for it.
 */
void               listener_test_init         (int              *argc,
                                               char           ***argv);
int                listener_test_run          (void);
/* The same, after the tests. */
int                listener_test_end          (int               status);
AioprocSecurity   *listener_test_new_security (const char       *key);
GSocketAddress    *listener_test_new_tcp      (void);
/* @address NULL: a fresh Unix socket. */
AioprocListener   *listener_test_new          (GSocketAddress   *address,
                                               AioprocSecurity  *security);
/* Both ends: of an accept and a connect that pend at the same time. */
void               listener_test_connect      (AioprocListener  *listener,
                                               AioprocSecurity  *security,
                                               AioprocConnection **ours,
                                               AioprocConnection **theirs);
/* Of a thread: a connection, without a key, to the listener that @data is. */
gpointer           listener_test_connect_thread (gpointer         data);
/* That both ends are ends of the same thing, and release them. */
void               listener_test_exchange     (AioprocConnection *ours,
                                               AioprocConnection *theirs);
/* A connect that fails, with a code of @domain. */
void               listener_test_fail         (AioprocListener  *listener,
                                               AioprocSecurity  *security,
                                               GQuark            domain,
                                               int               code);
/* A socket of somebody who does not use the library. */
int                listener_test_connect_raw  (AioprocListener  *listener);
/* The same, with a socket that is there. */
void               listener_test_connect_by   (AioprocListener  *listener,
                                               int               fd);
/* Until so many were refused: the last of them for this. */
void               listener_test_wait_refused (AioprocListener  *listener,
                                               guint64           n_refused,
                                               GQuark            domain,
                                               int               code);

G_END_DECLS
