/* aioproc-handshake-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What two processes say to each other before the first frame: that they speak the same language,
 * and, where they have a key, that both know it and talk to each other over the connection that
 * each of them sees, and not through somebody between them.
 *
 *   client → server   hello: options, nonce
 *   client ← server   hello
 *   client → server   proof      with a key only
 *   client ← server   proof, or a refusal
 *
 * A state machine: no I/O, no threads, no allocation by what a peer says. docs/wire.md has the
 * bytes. Not thread-safe.
 */
typedef struct _AioprocHandshake AioprocHandshake;

#define AIOPROC_HANDSHAKE_KEY_SIZE 32

typedef enum {
  AIOPROC_HANDSHAKE_CLIENT,
  AIOPROC_HANDSHAKE_SERVER,
} AioprocHandshakeRole;

typedef enum {
  AIOPROC_HANDSHAKE_FLAGS_NONE   = 0,
  /* All that follows is to be sealed with the keys: there has to be a key. */
  AIOPROC_HANDSHAKE_FLAGS_SEALED = 1 << 0,
} AioprocHandshakeFlags;

/* Both sides need the same of all arguments but the role, or both get an error. @key: not empty,
 * (nullable): whoever comes is let in. @binding: of the TLS channel that it runs over, (nullable):
 * there is none. The addresses are those of the connection as this side sees them.
 */
AioprocHandshake *aioproc_handshake_new         (AioprocHandshakeRole     role,
                                                 GBytes                  *key,
                                                 AioprocHandshakeFlags    flags,
                                                 GBytes                  *binding,
                                                 GBytes                  *client_address,
                                                 GBytes                  *server_address);
/* Wipes what it knew, but for what GLib’s digests leave in freed memory. */
void              aioproc_handshake_free        (AioprocHandshake        *self);

/* What is to be sent now, (nullable): nothing. Valid until aioproc_handshake_sent(), which is to
 * be called when all of it was. After an error there may be something, too, that tells the peer:
 * it is sent, if it can be without a wait, before the connection is closed.
 */
const guint8     *aioproc_handshake_peek_output (AioprocHandshake        *self,
                                                 gsize                   *length);
void              aioproc_handshake_sent        (AioprocHandshake        *self);

/* How many bytes are to be received next, at most 48: exactly as many are to be read, for what
 * comes after the handshake is not its own. 0: none, since there is something to be sent first, or
 * it is over, or has failed.
 */
gsize             aioproc_handshake_get_wanted  (AioprocHandshake        *self);
/* @length: as wanted. G_IO_ERROR_INVALID_DATA for what is no handshake, G_IO_ERROR_NOT_SUPPORTED
 * for one of another version, AIOPROC_ERROR_AUTHENTICATION_FAILED where options or keys do not
 * match, or the peer has refused. After an error nothing more is wanted.
 */
gboolean          aioproc_handshake_receive     (AioprocHandshake        *self,
                                                 const guint8            *data,
                                                 gsize                    length,
                                                 GError                 **error);

/* Whether it has succeeded, and all was sent. */
gboolean          aioproc_handshake_is_over     (AioprocHandshake        *self);
/* For what follows, once it is over, and only with a key: both of AIOPROC_HANDSHAKE_KEY_SIZE. The
 * caller wipes them.
 */
void              aioproc_handshake_get_keys    (AioprocHandshake        *self,
                                                 guint8                  *send_key,
                                                 guint8                  *receive_key);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocHandshake, aioproc_handshake_free)

G_END_DECLS
