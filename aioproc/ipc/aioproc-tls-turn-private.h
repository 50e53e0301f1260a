/* aioproc-tls-turn-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Turns for the handshakes of TLS that strangers ask for. GIO keeps a thread of its pool, which all
 * of the process shares, for as long as one lasts, so that only a few are begun at a time, of all
 * listeners together. The others wait, without a thread, and the newest is the next: those who say
 * nothing have been there for longer. For who has come later than a peer whose next word is waited
 * for, that peer is given up after a moment.
 *
 * All of it in the streams' thread.
 */
typedef struct _AioprocTlsTurn AioprocTlsTurn;

/* How many are begun at a time: less than half of the ten that GIO's pool has at once. */
#define AIOPROC_TLS_TURNS_MAX 4

/* How long after its begin one is given up for another, if its peer says nothing. */
#define AIOPROC_TLS_TURN_PATIENCE_USEC (250 * 1000)

/* Called from a source of the thread's context, never from inside of a function here. */
typedef struct {
  /* Once: its turn has come, or it was woken. */
  void (*begin)   (gpointer data);
  /* At most once, and not before that: it is to be over soon. May not be so at once. */
  void (*give_up) (gpointer data);
} AioprocTlsTurnFuncs;

/* Waits for its turn. @socket: the peer's. @funcs is static. */
AioprocTlsTurn *aioproc_tls_turn_new  (GSocket                   *socket,
                                       const AioprocTlsTurnFuncs *funcs,
                                       gpointer                   data);
/* Has it begin soon, whether it is its turn or not: to find that it is of no use any more. */
void            aioproc_tls_turn_wake (AioprocTlsTurn            *self);
/* It is over, or will never begin: the turn is another's. */
void            aioproc_tls_turn_free (AioprocTlsTurn            *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocTlsTurn, aioproc_tls_turn_free)

G_END_DECLS
