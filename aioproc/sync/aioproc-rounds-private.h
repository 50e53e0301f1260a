/* aioproc-rounds-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdatomic.h>

#include <glib.h>

#include "core/aioproc-family-private.h"

G_BEGIN_DECLS

/* The rounds of a barrier: parties arrive, and go on when all are there. Without a lock: each step
 * is one exchange of one word, and who is killed or stopped has done it or not.
 *
 *   word:  WAIT | DRAIN | phase (2) | round (28)
 *   seat:  round (28) | PRESENT | owner (32)
 *
 * Who arrives takes the first seat that nobody has in this round, and its number is its index. So
 * the seats tell whose parties have arrived, and a round breaks where one of them is dead. Who has
 * the last seat ends the round.
 *
 * There are two banks of seats, which rounds have in turn: those of one round can leave while the
 * next one gathers, but the one after that has to wait for them. A seat is kept until its party
 * knows how the round has ended. That is written down for each bank, and stays there meanwhile: the
 * bank has no other round in which all meet as long as that seat is taken.
 */
#define AIOPROC_ROUNDS_MAX_PARTIES 65535

/* In shared memory. */
typedef struct {
  _Atomic guint32 word;        /* what all who wait sleep on */
  guint32         n_parties;   /* written by who makes it */
  _Atomic guint32 met[2];      /* of each bank: the latest round in which all met */
  _Atomic guint64 hints[2];    /* of each bank: round | how many seats of it are surely taken */
  _Atomic guint64 seats[];     /* two for each party */
} AioprocRoundsState;

G_STATIC_ASSERT (sizeof (AioprocRoundsState) == 32);
G_STATIC_ASSERT (ATOMIC_LLONG_LOCK_FREE == 2);

typedef struct {
  /* Immutable after construction. */
  AioprocRoundsState *state;
  AioprocFamily      *family;
  guint               n_parties;

  _Atomic guint64     swept;   /* (atomic) the family's sequence at the last sweep, with a mark */
} AioprocRounds;

typedef enum {
  AIOPROC_ROUND_OPEN,          /* not over */
  AIOPROC_ROUND_MET,           /* all were there */
  AIOPROC_ROUND_BROKEN,
  AIOPROC_ROUND_FULL,          /* no seat is free: come again */
} AioprocRoundResult;

/* One party's place. Zero before. */
typedef struct {
  guint32  round;
  guint    index;
  gboolean seated;
} AioprocRoundsTicket;

/* How many bytes the state has. */
gsize              aioproc_rounds_get_size      (guint                n_parties);
void               aioproc_rounds_create        (AioprocRoundsState  *state,
                                                 guint                n_parties);
/* @n_parties: as the state says, and checked. */
void               aioproc_rounds_init          (AioprocRounds       *self,
                                                 AioprocRoundsState  *state,
                                                 guint                n_parties,
                                                 AioprocFamily       *family);

/* For all below this process has to be a member of the family. None of them sleeps. Each wakes
 * those who sleep on the word, if they have cause to look again.
 */

/* Takes a seat: OPEN, and it is taken; BROKEN; or FULL: sleep on the word == @expected. */
AioprocRoundResult aioproc_rounds_arrive        (AioprocRounds       *self,
                                                 AioprocRoundsTicket *ticket,
                                                 guint32             *expected);
/* Whether its round is over. If so the seat is given up. OPEN: sleep on the word == @expected. */
AioprocRoundResult aioproc_rounds_look          (AioprocRounds       *self,
                                                 AioprocRoundsTicket *ticket,
                                                 guint32             *expected);
/* Whether its round may be over: a look without a trace. */
gboolean           aioproc_rounds_peek          (AioprocRounds       *self,
                                                 AioprocRoundsTicket *ticket);
/* Whether @ticket is the last of its round, which has to end it. */
gboolean           aioproc_rounds_is_last       (AioprocRounds       *self,
                                                 AioprocRoundsTicket *ticket);
/* Whether its round still gathers. Looks for the dead. */
gboolean           aioproc_rounds_is_open       (AioprocRounds       *self,
                                                 AioprocRoundsTicket *ticket);
/* For the last: lets all go on. MET or BROKEN; gives up the seat. */
AioprocRoundResult aioproc_rounds_end           (AioprocRounds       *self,
                                                 AioprocRoundsTicket *ticket);
/* Waits no more: breaks the round of @ticket, if it has a seat, and gives that up. MET or BROKEN:
 * that had happened before.
 */
AioprocRoundResult aioproc_rounds_give_up       (AioprocRounds       *self,
                                                 AioprocRoundsTicket *ticket);
void               aioproc_rounds_abort         (AioprocRounds       *self);
void               aioproc_rounds_reset         (AioprocRounds       *self);
/* These look for the dead first. */
gboolean           aioproc_rounds_is_broken     (AioprocRounds       *self);
guint              aioproc_rounds_get_n_waiting (AioprocRounds       *self);

G_END_DECLS
