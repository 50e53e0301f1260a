/* aioproc-rounds.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "sync/aioproc-rounds-private.h"

/* WAIT: somebody sleeps until the word changes. DRAIN: somebody sleeps until a seat is given up. */
#define WAIT        0x80000000u
#define DRAIN       0x40000000u
#define MARKS       (WAIT | DRAIN)
#define PHASE_MASK  0x30000000u
#define ROUND_MASK  0x0fffffffu

/* All have met, and it is not written down yet: anybody who sees that does it. */
#define PHASE_OPEN   0x00000000u
#define PHASE_MET    0x10000000u
#define PHASE_BROKEN 0x20000000u

#define PRESENT          (G_GUINT64_CONSTANT (1) << 32)
#define SEAT_ROUND_SHIFT 33

#define SWEPT_MARK (G_GUINT64_CONSTANT (1) << 32)

/* Seats that nobody ever had are of round 0, and of nobody. */
#define FIRST_ROUND 2

/* All atomic operations here are in one order: what is looked at before a sleep, and what is done
 * before a wake-up, speak of each other.
 */

static guint32
get_round (guint32 word)
{
  return word & ROUND_MASK;
}

static guint32
get_phase (guint32 word)
{
  return word & PHASE_MASK;
}

static guint32
next_round (guint32 round)
{
  return (round + 1) & ROUND_MASK;
}

static guint32
get_seat_round (guint64 seat)
{
  return seat >> SEAT_ROUND_SHIFT & ROUND_MASK;
}

static guint32
get_seat_owner (guint64 seat)
{
  return (guint32) seat;
}

static _Atomic guint64 *
aioproc_rounds_get_seat (AioprocRounds *self,
                         guint32        round,
                         guint          index)
{
  return &self->state->seats[(round & 1) * self->n_parties + index];
}

/* Whether somebody has it who lives, as far as is known. */
static gboolean
aioproc_rounds_is_taken (AioprocRounds *self,
                         guint64        seat)
{
  return (seat & PRESENT) != 0 && !aioproc_family_is_dead (self->family, get_seat_owner (seat));
}

/* --- The word --- */

/* From @word, which stays what it was where this fails, to @next, without marks. */
static gboolean
aioproc_rounds_exchange (AioprocRounds *self,
                         guint32        word,
                         guint32        next)
{
  if (!atomic_compare_exchange_strong (&self->state->word, &word, next))
    return FALSE;

  /* Killed before this, we are announced, and all who sleep look again. */
  if ((word & MARKS) != 0)
    aioproc_futex_wake (&self->state->word, G_MAXUINT);

  return TRUE;
}

/* Reads the word, which is that of a round that is open or broken: an end that another one has
 * begun is brought to its end.
 */
static guint32
aioproc_rounds_read (AioprocRounds *self)
{
  for (;;)
    {
      guint32 word = atomic_load (&self->state->word);
      guint32 round = get_round (word);
      _Atomic guint32 *met = &self->state->met[round & 1];
      guint32 before;

      if (get_phase (word) != PHASE_MET)
        return word;

      before = atomic_load (met);

      /* Is it still being written down, then @before is what was there before, or has it. */
      if (before != round && atomic_load (&self->state->word) == word)
        atomic_compare_exchange_strong (met, &before, round);

      aioproc_rounds_exchange (self, word, PHASE_OPEN | next_round (round));
    }
}

/* Breaks @round, if it is open. */
static gboolean
aioproc_rounds_break (AioprocRounds *self,
                      guint32        round)
{
  for (;;)
    {
      guint32 word = aioproc_rounds_read (self);

      if (get_phase (word) != PHASE_OPEN || get_round (word) != round)
        return FALSE;

      if (aioproc_rounds_exchange (self, word, PHASE_BROKEN | round))
        return TRUE;
    }
}

/* --- The seats --- */

/* How many are surely taken in @round. */
static guint
aioproc_rounds_get_hint (AioprocRounds *self,
                         guint32        round)
{
  guint64 hint = atomic_load (&self->state->hints[round & 1]);

  return hint >> 32 == round && (guint32) hint <= self->n_parties ? (guint32) hint : 0;
}

static void
aioproc_rounds_give_hint (AioprocRounds *self,
                          guint32        round,
                          guint          n_taken)
{
  atomic_store (&self->state->hints[round & 1], (guint64) round << 32 | n_taken);
}

/* They are taken one after the other. */
static guint
aioproc_rounds_count (AioprocRounds *self,
                      guint32        round)
{
  guint n = aioproc_rounds_get_hint (self, round);

  while (n < self->n_parties &&
         get_seat_round (atomic_load (aioproc_rounds_get_seat (self, round, n))) == round)
    n++;

  return n;
}

/* Takes the first seat that nobody has in the round of @word. FALSE: there is none, and what has to
 * change for that is in @marks; or 0 where @word is not the word any more.
 */
static gboolean
aioproc_rounds_sit (AioprocRounds       *self,
                    guint32              word,
                    AioprocRoundsTicket *ticket,
                    guint32             *marks)
{
  guint32 owner = aioproc_family_get_owner (self->family);
  guint32 round = get_round (word);
  guint64 own = (guint64) round << SEAT_ROUND_SHIFT | PRESENT | owner;
  guint index = aioproc_rounds_get_hint (self, round);

  g_assert (owner != 0);

  while (index < self->n_parties)
    {
      _Atomic guint64 *place = aioproc_rounds_get_seat (self, round, index);
      guint64 seat = atomic_load (place);

      if (get_seat_round (seat) == round)
        {
          index++;
          continue;
        }

      /* Is the round the same behind it, then the seat is of an earlier one. So the rounds of a
       * seat only grow, and nobody takes one for a round in which all have met already.
       */
      if (((atomic_load (&self->state->word) ^ word) & ~MARKS) != 0)
        {
          *marks = 0;
          return FALSE;
        }

      if (aioproc_rounds_is_taken (self, seat))
        {
          *marks = MARKS;
          return FALSE;
        }

      if (atomic_compare_exchange_strong (place, &seat, own))
        {
          aioproc_rounds_give_hint (self, round, index + 1);
          ticket->round = round;
          ticket->index = index;
          ticket->seated = TRUE;
          return TRUE;
        }
    }

  *marks = WAIT;

  return FALSE;
}

static void
aioproc_rounds_leave (AioprocRounds       *self,
                      AioprocRoundsTicket *ticket)
{
  guint32 word;

  if (!ticket->seated)
    return;

  ticket->seated = FALSE;
  /* It stays one of that round. Nobody else writes to it as long as we live. */
  atomic_store (aioproc_rounds_get_seat (self, ticket->round, ticket->index),
                (guint64) ticket->round << SEAT_ROUND_SHIFT);
  word = atomic_load (&self->state->word);

  while ((word & DRAIN) != 0)
    {
      if (atomic_compare_exchange_strong (&self->state->word, &word, word & ~DRAIN))
        {
          aioproc_futex_wake (&self->state->word, G_MAXUINT);
          break;
        }
    }
}

/* Asks for a wake-up. FALSE: @word is another one by now. */
static gboolean
aioproc_rounds_mark (AioprocRounds *self,
                     guint32        word,
                     guint32        marks,
                     guint32       *expected)
{
  *expected = word | marks;

  return (word & marks) == marks ||
         atomic_compare_exchange_strong (&self->state->word, &word, word | marks);
}

/* --- The dead --- */

/* Breaks the round if one who has arrived is dead: of whom nobody was told yet, or by what can be
 * seen now.
 */
static void
aioproc_rounds_sweep (AioprocRounds *self,
                      gboolean       now)
{
  /* Before all that is looked at: who dies after that is announced after it. */
  guint32 sequence = atomic_load (aioproc_family_get_sequence (self->family));
  guint32 word;
  guint32 round;

#ifdef AIOPROC_FAULT_NO_SWEEP
  return;
#endif

  if (!now && atomic_load (&self->swept) == (SWEPT_MARK | sequence))
    return;

  word = aioproc_rounds_read (self);
  round = get_round (word);

  for (guint i = 0; get_phase (word) == PHASE_OPEN && i < self->n_parties; i++)
    {
      guint64 seat = atomic_load (aioproc_rounds_get_seat (self, round, i));

      if (get_seat_round (seat) != round)
        break;

      if ((seat & PRESENT) != 0 &&
          aioproc_family_is_dead (self->family, get_seat_owner (seat)))
        {
          aioproc_rounds_break (self, round);
          break;
        }
    }

  atomic_store (&self->swept, SWEPT_MARK | sequence);
}

/* --- One round of one party --- */

AioprocRoundResult
aioproc_rounds_arrive (AioprocRounds       *self,
                       AioprocRoundsTicket *ticket,
                       guint32             *expected)
{
  for (;;)
    {
      guint32 word;
      guint32 marks;

      aioproc_rounds_sweep (self, FALSE);
      word = aioproc_rounds_read (self);

      if (get_phase (word) == PHASE_BROKEN)
        return AIOPROC_ROUND_BROKEN;

      if (aioproc_rounds_sit (self, word, ticket, &marks))
        return AIOPROC_ROUND_OPEN;

      /* It looks again with the marks there: who gave up a seat before it could see them does not
       * wake.
       */
      if (marks != 0 && (word & marks) == marks)
        {
          *expected = word;
          return AIOPROC_ROUND_FULL;
        }

      aioproc_rounds_mark (self, word, marks, expected);
    }
}

/* How a round that is not open any more has ended. */
static AioprocRoundResult
aioproc_rounds_get_end (AioprocRounds       *self,
                        AioprocRoundsTicket *ticket)
{
  return atomic_load (&self->state->met[ticket->round & 1]) == ticket->round
           ? AIOPROC_ROUND_MET : AIOPROC_ROUND_BROKEN;
}

AioprocRoundResult
aioproc_rounds_look (AioprocRounds       *self,
                     AioprocRoundsTicket *ticket,
                     guint32             *expected)
{
  for (;;)
    {
      AioprocRoundResult result;
      guint32 word;

      aioproc_rounds_sweep (self, FALSE);
      word = aioproc_rounds_read (self);

      if (get_phase (word) == PHASE_OPEN && get_round (word) == ticket->round)
        {
          if (aioproc_rounds_mark (self, word, WAIT, expected))
            return AIOPROC_ROUND_OPEN;

          continue;
        }

      result = aioproc_rounds_get_end (self, ticket);
      aioproc_rounds_leave (self, ticket);

      return result;
    }
}

gboolean
aioproc_rounds_peek (AioprocRounds       *self,
                     AioprocRoundsTicket *ticket)
{
  guint32 word = atomic_load_explicit (&self->state->word, memory_order_relaxed);

  return get_round (word) != ticket->round || get_phase (word) != PHASE_OPEN;
}

gboolean
aioproc_rounds_is_last (AioprocRounds       *self,
                        AioprocRoundsTicket *ticket)
{
  return ticket->index == self->n_parties - 1;
}

gboolean
aioproc_rounds_is_open (AioprocRounds       *self,
                        AioprocRoundsTicket *ticket)
{
  guint32 word;

  aioproc_rounds_sweep (self, FALSE);
  word = aioproc_rounds_read (self);

  return get_phase (word) == PHASE_OPEN && get_round (word) == ticket->round;
}

AioprocRoundResult
aioproc_rounds_end (AioprocRounds       *self,
                    AioprocRoundsTicket *ticket)
{
  AioprocRoundResult result = AIOPROC_ROUND_BROKEN;
  guint32 word = aioproc_rounds_read (self);

  while (get_phase (word) == PHASE_OPEN && get_round (word) == ticket->round)
    {
      /* With its marks, for the one who brings it to its end. */
      if (atomic_compare_exchange_strong (&self->state->word, &word, word | PHASE_MET))
        {
          aioproc_rounds_read (self);
          result = AIOPROC_ROUND_MET;
          break;
        }
    }

  aioproc_rounds_leave (self, ticket);

  return result;
}

AioprocRoundResult
aioproc_rounds_give_up (AioprocRounds       *self,
                        AioprocRoundsTicket *ticket)
{
  AioprocRoundResult result = AIOPROC_ROUND_OPEN;

  if (ticket->seated && !aioproc_rounds_break (self, ticket->round))
    result = aioproc_rounds_get_end (self, ticket);

  aioproc_rounds_leave (self, ticket);

  return result;
}

/* --- All of it --- */

void
aioproc_rounds_abort (AioprocRounds *self)
{
  guint32 word;

  do
    word = aioproc_rounds_read (self);
  while (get_phase (word) == PHASE_OPEN && !aioproc_rounds_break (self, get_round (word)));
}

void
aioproc_rounds_reset (AioprocRounds *self)
{
  for (;;)
    {
      guint32 word = aioproc_rounds_read (self);
      guint32 round = get_round (word);

      /* Nothing to end. */
      if (get_phase (word) == PHASE_OPEN && aioproc_rounds_count (self, round) == 0)
        return;

      if (aioproc_rounds_exchange (self, word, PHASE_OPEN | next_round (round)))
        return;
    }
}

gboolean
aioproc_rounds_is_broken (AioprocRounds *self)
{
  aioproc_rounds_sweep (self, TRUE);

  return get_phase (aioproc_rounds_read (self)) == PHASE_BROKEN;
}

guint
aioproc_rounds_get_n_waiting (AioprocRounds *self)
{
  guint32 word;

  aioproc_rounds_sweep (self, TRUE);
  word = aioproc_rounds_read (self);

  return get_phase (word) == PHASE_OPEN ? aioproc_rounds_count (self, get_round (word)) : 0;
}

/* --- Make --- */

gsize
aioproc_rounds_get_size (guint n_parties)
{
  return sizeof (AioprocRoundsState) + 2 * (gsize) n_parties * sizeof (guint64);
}

void
aioproc_rounds_create (AioprocRoundsState *state,
                       guint               n_parties)
{
  state->n_parties = n_parties;
  atomic_store (&state->word, PHASE_OPEN | FIRST_ROUND);
}

void
aioproc_rounds_init (AioprocRounds      *self,
                     AioprocRoundsState *state,
                     guint               n_parties,
                     AioprocFamily      *family)
{
  self->state = state;
  self->n_parties = n_parties;
  self->family = family;
}
