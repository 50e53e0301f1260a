/* aioproc-greeting-tls-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-handshake-private.h"
#include "ipc/aioproc-security-private.h"

G_BEGIN_DECLS

/* The TLS of a greeting. In the streams' thread. */

typedef enum {
  AIOPROC_GREETING_HELLO_WHOLE,
  AIOPROC_GREETING_HELLO_PART,    /* look again when the socket is readable */
  AIOPROC_GREETING_HELLO_EARLY,   /* look again in a moment, since it is readable already */
  AIOPROC_GREETING_HELLO_BAD,     /* @error is set: it is no TLS, or nothing more will come */
} AioprocGreetingHello;

/* How much of what a client of TLS says first has come by a socket that is readable. GIO keeps a
 * thread for as long as a handshake lasts, which is not to be begun for those who say nothing.
 * @wanted is 0 at first, and then what the last call has left there.
 */
AioprocGreetingHello aioproc_greeting_tls_peek_hello
                                           (GSocket               *socket,
                                            gsize                 *wanted,
                                            GError               **error);
/* @identity: of the listener, for a client. */
GIOStream *aioproc_greeting_tls_new        (AioprocHandshakeRole   role,
                                            GIOStream             *base,
                                            GSocketConnectable    *identity,
                                            AioprocSecurity       *security,
                                            GError               **error);
/* After its handshake: what both ends know of this channel and nobody else has one like.
 * NULL: the peer has the wrong certificate, or there is nothing of that kind.
 */
GBytes    *aioproc_greeting_tls_verify     (GIOStream             *stream,
                                            AioprocSecurity       *security,
                                            GError               **error);

G_END_DECLS
