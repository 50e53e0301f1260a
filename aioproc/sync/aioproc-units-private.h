/* aioproc-units-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdatomic.h>

#include <glib.h>

#include "core/aioproc-family-private.h"

G_BEGIN_DECLS

/* The units of a semaphore: how many are free, and how many each process holds, so that those of a
 * process that died are free again. Without a lock: each operation is one exchange of one word, the
 * balance, and who is killed or stopped has done it or not.
 *
 *   balance:  tenure (25) | FAIR | SEALED | slot (10) | change (7) | free (20)
 *   account:  tenure (25) | generation (19) | held (20), one for each slot
 *
 * The balance has a tenant, the process of the slot. What that one takes and gives back is in
 * @change, beside its account; so as long as nobody else comes, an operation touches nothing but
 * the balance. Another process ends the tenure first: it seals the balance, so that the tenant
 * cannot go on, adds @change to the account, and begins a tenure of its own, with its own change.
 * All of that anybody can do for anybody, in any number: an account says which tenure was added
 * last, so it is added once.
 *
 * Tenures are counted, so that no exchange succeeds by mistake: who stands still between its look
 * at an account and the exchange has to miss a multiple of 2^25 tenures, exactly, and then find
 * all the rest as it was.
 */
#define AIOPROC_UNITS_MAX     0xfffff
#define AIOPROC_UNITS_N_SLOTS 1024

/* In shared memory. */
typedef struct {
  _Atomic guint64 balance;
  /* WAIT | LOOKED | HUNGRY | changes (29): what those sleep on that wait for a unit. */
  _Atomic guint32 sleepers;
  /* When a unit was last kept for them. */
  _Atomic guint32 fair_since;
  /* Written by who makes it. */
  guint32         initial;
  guint32         most;                                  /* that there may ever be */
  _Atomic guint64 used[AIOPROC_UNITS_N_SLOTS / 64];      /* a bit for each account ever used */
  _Atomic guint64 accounts[AIOPROC_UNITS_N_SLOTS];
} AioprocUnitsState;

G_STATIC_ASSERT (sizeof (AioprocUnitsState) == 8344);
G_STATIC_ASSERT (ATOMIC_LLONG_LOCK_FREE == 2);

typedef struct {
  /* Immutable after construction. */
  AioprocUnitsState     *state;
  AioprocFamily         *family;
  const _Atomic guint32 *owner;   /* where that of this process stands */

  _Atomic guint32        joined;  /* (atomic) the life of this process that has an account */
} AioprocUnits;

typedef enum {
  AIOPROC_UNITS_DONE,
  AIOPROC_UNITS_NOT_HELD,         /* by this process */
  AIOPROC_UNITS_TOO_MANY,
} AioprocUnitsResult;

/* One waiter's history; zero when its wait begins. */
typedef struct {
  gint64   since_usec;            /* when it was first refused; 0: not yet */
  gboolean slept;                 /* it may take what is kept for those who have */
} AioprocUnitsTicket;

void               aioproc_units_create    (AioprocUnitsState   *state,
                                            guint                initial,
                                            guint                most);
void               aioproc_units_init      (AioprocUnits        *self,
                                            AioprocUnitsState   *state,
                                            AioprocFamily       *family);

/* For all below this process has to be a member of the family. */

/* One try, without a trace. */
gboolean           aioproc_units_try       (AioprocUnits        *self);
/* One try of a waiter. FALSE: it sleeps on @state->sleepers == @expected, until @deadline_usec. */
gboolean           aioproc_units_attempt   (AioprocUnits        *self,
                                            AioprocUnitsTicket  *ticket,
                                            guint32             *expected,
                                            gint64              *deadline_usec);
/* A waiter gives up: a wake-up that it may have taken goes to the next. */
void               aioproc_units_withdraw  (_Atomic guint32     *sleepers);
/* Gives back a unit that this process holds. @fair: it is kept for those who have slept. Wakes
 * nobody, as the next two.
 */
AioprocUnitsResult aioproc_units_release   (AioprocUnits        *self,
                                            gboolean             fair);
/* Gives up a unit that this process holds, for good. */
AioprocUnitsResult aioproc_units_consume   (AioprocUnits        *self);
/* Makes one that nobody has held. */
AioprocUnitsResult aioproc_units_post      (AioprocUnits        *self,
                                            gboolean             fair);
/* Gives back all that this process holds, and wakes as many. */
void               aioproc_units_leave     (AioprocUnits        *self);
/* Wakes one of those who sleep, if a unit is free. */
void               aioproc_units_wake      (AioprocUnits        *self);
/* Looks for units of the dead first. */
guint              aioproc_units_get_free  (AioprocUnits        *self);
guint              aioproc_units_get_held  (AioprocUnits        *self);

#define AIOPROC_UNITS_FREE_MASK    G_GUINT64_CONSTANT (0x00000000000fffff)
#define AIOPROC_UNITS_CHANGE_ONE   G_GUINT64_CONSTANT (0x0000000000100000)
#define AIOPROC_UNITS_CHANGE_MASK  G_GUINT64_CONSTANT (0x0000000007f00000)
#define AIOPROC_UNITS_CHANGE_ZERO  G_GUINT64_CONSTANT (0x0000000004000000)  /* 64: it has no sign */
#define AIOPROC_UNITS_SLOT_SHIFT   27
#define AIOPROC_UNITS_SLOT_MASK    G_GUINT64_CONSTANT (0x0000001ff8000000)
#define AIOPROC_UNITS_SEALED       G_GUINT64_CONSTANT (0x0000002000000000)
#define AIOPROC_UNITS_FAIR         G_GUINT64_CONSTANT (0x0000004000000000)

#define AIOPROC_UNITS_WAIT         0x80000000u
#define AIOPROC_UNITS_LOOKED       0x40000000u
#define AIOPROC_UNITS_HUNGRY       0x20000000u

/* Whether this process is the tenant, and may change @balance by one in either direction. */
static inline gboolean
aioproc_units_is_open (AioprocUnits *self,
                       guint64       balance,
                       guint32       owner)
{
  guint64 change = balance & AIOPROC_UNITS_CHANGE_MASK;

  return owner != 0 && atomic_load_explicit (&self->joined, memory_order_relaxed) == owner &&
         (balance & (AIOPROC_UNITS_SLOT_MASK | AIOPROC_UNITS_SEALED | AIOPROC_UNITS_FAIR)) ==
           (guint64) (owner & (AIOPROC_UNITS_N_SLOTS - 1)) << AIOPROC_UNITS_SLOT_SHIFT &&
         change != 0 && change != AIOPROC_UNITS_CHANGE_MASK;
}

/* What an acquire mostly is. FALSE: call the functions above. */
static inline gboolean
aioproc_units_take_free (AioprocUnits *self)
{
  guint64 balance = atomic_load_explicit (&self->state->balance, memory_order_relaxed);
  guint32 owner = atomic_load_explicit (self->owner, memory_order_relaxed);

  /* Acquire: sees what was done before the unit was given back. Partner: every release. */
  return (balance & AIOPROC_UNITS_FREE_MASK) != 0 && aioproc_units_is_open (self, balance, owner) &&
         atomic_compare_exchange_strong_explicit (&self->state->balance, &balance,
                                                  balance - 1 + AIOPROC_UNITS_CHANGE_ONE,
                                                  memory_order_acquire, memory_order_relaxed);
}

/* What a release mostly is. FALSE: call the functions above. */
static inline gboolean
aioproc_units_free_taken (AioprocUnits *self)
{
  guint64 balance = atomic_load_explicit (&self->state->balance, memory_order_relaxed);
  guint32 owner = atomic_load_explicit (self->owner, memory_order_relaxed);

  /* More taken than given back in this tenure: so it holds one. */
  return (balance & AIOPROC_UNITS_CHANGE_MASK) > AIOPROC_UNITS_CHANGE_ZERO &&
         (balance & AIOPROC_UNITS_FREE_MASK) != AIOPROC_UNITS_FREE_MASK &&
         aioproc_units_is_open (self, balance, owner) &&
         atomic_compare_exchange_strong (&self->state->balance, &balance,
                                         balance + 1 - AIOPROC_UNITS_CHANGE_ONE);
}

/* Whether a unit is free for all. */
static inline gboolean
aioproc_units_peek_free (AioprocUnits *self)
{
  guint64 balance = atomic_load_explicit (&self->state->balance, memory_order_relaxed);

  return (balance & AIOPROC_UNITS_FREE_MASK) != 0 && (balance & AIOPROC_UNITS_FAIR) == 0;
}

/* After a release. In one order with the exchange there: who marks the word looks again behind it.
 */
static inline gboolean
aioproc_units_has_sleepers (AioprocUnits *self)
{
  return (atomic_load (&self->state->sleepers) & AIOPROC_UNITS_WAIT) != 0;
}

static inline gboolean
aioproc_units_is_hungry (AioprocUnits *self)
{
  return (atomic_load_explicit (&self->state->sleepers, memory_order_relaxed) &
          AIOPROC_UNITS_HUNGRY) != 0;
}

G_END_DECLS
