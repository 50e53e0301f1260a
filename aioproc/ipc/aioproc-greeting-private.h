/* aioproc-greeting-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-connection.h"
#include "core/aioproc-handshake-private.h"
#include "ipc/aioproc-security-private.h"

G_BEGIN_DECLS

/* The handshake of one socket, from the first byte until it is a connection, or is not going to be.
 * It runs in the thread of all streams, and everything here is called there.
 */
typedef struct _AioprocGreeting AioprocGreeting;

/* Once, from inside no other call: the connection, or why there is none. Both are taken. */
typedef void (*AioprocGreetingFunc) (AioprocGreeting   *greeting,
                                     AioprocConnection *connection,
                                     GError            *error,
                                     gpointer           data);

/* Keeps @base, which is closed if it comes to nothing. @identity (nullable): of the listener, for a
 * client.
 */
AioprocGreeting *aioproc_greeting_new       (AioprocHandshakeRole   role,
                                             GSocketConnection     *base,
                                             GSocketConnectable    *identity,
                                             AioprocSecurity       *security,
                                             AioprocGreetingFunc    func,
                                             gpointer               data);
/* No sooner than @func was called. */
void             aioproc_greeting_free      (AioprocGreeting       *self);
/* Takes @error, and has @func get it soon, unless it is over before. */
void             aioproc_greeting_give_up   (AioprocGreeting       *self,
                                             GError                *error);
/* How far the peer has come: a number that grows. */
guint            aioproc_greeting_get_stage (AioprocGreeting       *self);
/* The peer's address, once there is a connection. */
GSocketAddress  *aioproc_greeting_get_remote (AioprocGreeting      *self);

G_END_DECLS
