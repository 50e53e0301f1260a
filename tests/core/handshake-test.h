/* handshake-test.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-handshake-private.h"

G_BEGIN_DECLS

#define HELLO_SIZE 48
#define PROOF_SIZE 40

/* All that a side is made of. */
typedef struct {
  AioprocHandshakeRole   role;
  const char            *key;
  AioprocHandshakeFlags  flags;
  const char            *binding;
  const char            *client_address;
  const char            *server_address;
} Side;

/* Two that fit together. */
extern const Side client_side;
extern const Side server_side;

AioprocHandshake *side_start    (const Side        *side);
/* There has to be some. */
GBytes           *take_output   (AioprocHandshake  *handshake) G_GNUC_WARN_UNUSED_RESULT;
/* The same for who does not look at it. */
void              drop_output   (AioprocHandshake  *handshake);
/* Of the length that is wanted. */
gboolean          hear          (AioprocHandshake  *handshake,
                                 GBytes            *message,
                                 GError           **error);

/* The messages of one handshake, in their order. */
typedef enum { CLIENT_HELLO, SERVER_HELLO, CLIENT_PROOF, SERVER_PROOF, N_SAID } Said;

/* What somebody between the two may do to a message. Returns another one, or NULL. */
typedef GBytes *(*Meddle) (Said      said,
                           GBytes   *message,
                           gpointer  data);

typedef struct {
  AioprocHandshake *client;
  AioprocHandshake *server;
  GError           *client_error;
  GError           *server_error;
  GBytes           *said[N_SAID];
} Talk;

/* Carries messages until nobody has anything to say to somebody who listens. */
void     talk_through                 (Talk       *talk,
                                       const Side *client,
                                       const Side *server,
                                       Meddle      meddle,
                                       gpointer    data);
void     talk_clear                   (Talk       *talk);
gboolean talk_is_over                 (Talk       *talk);
/* Both have an error of authentication with such a text. */
void     talk_assert_refused          (Talk       *talk,
                                       const char *client_text,
                                       const char *server_text);
void     talk_assert_refused_by_proof (Talk       *talk);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Talk, talk_clear)

G_END_DECLS
