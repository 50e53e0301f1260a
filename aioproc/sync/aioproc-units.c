/* aioproc-units.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "sync/aioproc-units-private.h"

#define FREE_MASK        AIOPROC_UNITS_FREE_MASK
#define CHANGE_ONE       AIOPROC_UNITS_CHANGE_ONE
#define CHANGE_SHIFT     20
#define CHANGE_MASK      AIOPROC_UNITS_CHANGE_MASK
#define CHANGE_ZERO      AIOPROC_UNITS_CHANGE_ZERO
#define CHANGE_MAX       64
#define SLOT_SHIFT       AIOPROC_UNITS_SLOT_SHIFT
#define SLOT_MASK        AIOPROC_UNITS_SLOT_MASK
#define SEALED           AIOPROC_UNITS_SEALED
#define FAIR             AIOPROC_UNITS_FAIR
/* Of the balance and of accounts. */
#define TENURE_MASK      G_GUINT64_CONSTANT (0xffffff8000000000)
#define TENURE_ONE       G_GUINT64_CONSTANT (0x0000008000000000)

#define HELD_MASK        G_GUINT64_CONSTANT (0x00000000000fffff)
#define GENERATION_SHIFT 20
#define GENERATION_MASK  G_GUINT64_CONSTANT (0x0000007ffff00000)

#define WAIT             AIOPROC_UNITS_WAIT
#define LOOKED           AIOPROC_UNITS_LOOKED
#define HUNGRY           AIOPROC_UNITS_HUNGRY
#define CHANGES_MASK     0x1fffffffu

/* A waiter is hungry when it was refused for so long, and the next unit is kept for those who have
 * slept, for so long: as for a lock word, which see.
 */
#define HUNGRY_USEC (1 * G_TIME_SPAN_MILLISECOND)
#define FAIR_USEC   (10 * G_TIME_SPAN_MILLISECOND)

G_STATIC_ASSERT (AIOPROC_UNITS_MAX == FREE_MASK);

/* All atomic operations here that do not say otherwise are in one order: balance, accounts and
 * sleepers speak of each other.
 */

static guint
get_slot (guint64 balance)
{
  return (balance & SLOT_MASK) >> SLOT_SHIFT;
}

static int
get_change (guint64 balance)
{
  return (int) ((balance & CHANGE_MASK) >> CHANGE_SHIFT) - CHANGE_MAX;
}

static guint
get_free (guint64 balance)
{
  return balance & FREE_MASK;
}

static guint
get_held (guint64 account)
{
  return account & HELD_MASK;
}

static gboolean
is_added (guint64 balance,
          guint64 account)
{
  return ((balance ^ account) & TENURE_MASK) == 0;
}

static guint64
get_generation (guint32 owner)
{
  return (guint64) ((owner & AIOPROC_OWNER_MASK & ~AIOPROC_OWNER_BIT) >> 10) << GENERATION_SHIFT;
}

/* Whose account it is. */
static guint32
get_owner (guint64 account,
           guint   slot)
{
  return AIOPROC_OWNER_BIT | (guint32) ((account & GENERATION_MASK) >> GENERATION_SHIFT) << 10 |
         slot;
}

/* A balance after @settled, whose tenant is @slot, which has @account. */
static guint64
begin_tenure (guint64 settled,
              guint64 account,
              guint   slot,
              int     free_change,
              int     held_change)
{
  guint64 tenure = (settled & TENURE_MASK) + TENURE_ONE;

  /* As though it had been added already. */
  if (tenure == (account & TENURE_MASK))
    tenure += TENURE_ONE;

  return tenure | (settled & FAIR) | (guint64) slot << SLOT_SHIFT |
         (guint64) (CHANGE_MAX + held_change) << CHANGE_SHIFT |
         ((get_free (settled) + (guint) free_change) & FREE_MASK);
}

/* Ends the tenure: all accounts are exact as long as the balance is what this returns. */
static guint64
aioproc_units_settle (AioprocUnits *self)
{
  guint64 balance = atomic_load (&self->state->balance);

  for (;;)
    {
      _Atomic guint64 *word = &self->state->accounts[get_slot (balance)];
      guint64 account;
      guint64 now;

      if ((balance & SEALED) == 0)
        {
          if (!atomic_compare_exchange_strong (&self->state->balance, &balance, balance | SEALED))
            continue;

          balance |= SEALED;
        }

      account = atomic_load (word);
      now = atomic_load (&self->state->balance);

      /* Is the balance still the same, so is the account, or has this tenure in it. */
      if (now != balance)
        {
          balance = now;
          continue;
        }

      if (is_added (balance, account) ||
          atomic_compare_exchange_strong (word, &account,
                                          (balance & TENURE_MASK) | (account & GENERATION_MASK) |
                                          ((account + (guint64) get_change (balance)) & HELD_MASK)))
        return balance;
    }
}

/* --- Wake-ups --- */

static void
aioproc_units_wake_many (AioprocUnits *self,
                         guint         n)
{
  _Atomic guint32 *sleepers = &self->state->sleepers;
  guint32 value = atomic_load (sleepers);
  guint32 next;

  do
    {
      if ((value & WAIT) == 0)
        return;

      next = WAIT | ((value + 1) & CHANGES_MASK);
    }
  while (!atomic_compare_exchange_weak (sleepers, &value, next));

  /* Killed before this wake-up, we are announced, and all who sleep look again.
   *
   * The mark goes only when nobody sleeps, and nobody has looked since: so a sleeper that was woken
   * but is stopped does not keep the next unit from waking another.
   */
  if (aioproc_futex_wake (sleepers, n) == 0)
    atomic_compare_exchange_strong (sleepers, &next, next & ~WAIT);
}

void
aioproc_units_wake (AioprocUnits *self)
{
  if (get_free (atomic_load (&self->state->balance)) > 0)
    aioproc_units_wake_many (self, 1);
}

void
aioproc_units_withdraw (_Atomic guint32 *sleepers)
{
  if ((atomic_load (sleepers) & WAIT) != 0)
    aioproc_futex_wake (sleepers, 1);
}

/* --- The dead --- */

/* Gives back what @owner, which is dead or this process, holds. */
static guint
aioproc_units_give_back (AioprocUnits *self,
                         guint32       owner)
{
  guint slot = owner % AIOPROC_UNITS_N_SLOTS;
  guint n_given = 0;

  for (;;)
    {
      guint64 settled = aioproc_units_settle (self);
      guint64 account = atomic_load (&self->state->accounts[slot]);
      guint n = MIN (get_held (account), CHANGE_MAX);

      /* No more than fits, whatever the memory says. */
      n = MIN (n, AIOPROC_UNITS_MAX - get_free (settled));

      if (atomic_load (&self->state->balance) != settled)
        continue;

      if (get_owner (account, slot) != owner || n == 0)
        break;

      /* Read the balance first, then the account: had the slot a new owner that has taken a unit
       * since, the balance would be another one.
       */
      if (atomic_compare_exchange_strong (&self->state->balance, &settled,
                                          begin_tenure (settled, account, slot, (int) n,
                                                        -(int) n)))
        n_given += n;
    }

  if (n_given > 0)
    aioproc_units_wake_many (self, n_given);

  return n_given;
}

/* Looks for the dead. Returns how many units they had. */
static guint
aioproc_units_sweep (AioprocUnits *self)
{
  guint64 balance = atomic_load (&self->state->balance);
  guint slot = get_slot (balance);
  guint64 account = atomic_load (&self->state->accounts[slot]);
  guint n_given = 0;

  /* What a dead tenant has taken is not in its account yet. */
  if (!is_added (balance, account) &&
      aioproc_family_is_dead (self->family, get_owner (account, slot)))
    aioproc_units_settle (self);

  for (guint i = 0; i < G_N_ELEMENTS (self->state->used); i++)
    {
      guint64 bits = atomic_load (&self->state->used[i]);

      for (slot = i * 64; bits != 0; bits >>= 1, slot++)
        {
          if ((bits & 1) == 0)
            continue;

          account = atomic_load (&self->state->accounts[slot]);

          if (get_held (account) > 0 &&
              aioproc_family_is_dead (self->family, get_owner (account, slot)))
            n_given += aioproc_units_give_back (self, get_owner (account, slot));
        }
    }

  return n_given;
}

/* --- The account of this process --- */

static void
aioproc_units_join (AioprocUnits *self,
                    guint32       owner)
{
  guint slot = owner % AIOPROC_UNITS_N_SLOTS;
  _Atomic guint64 *word = &self->state->accounts[slot];

  if (G_LIKELY (atomic_load_explicit (&self->joined, memory_order_relaxed) == owner))
    return;

  atomic_fetch_or (&self->state->used[slot / 64], G_GUINT64_CONSTANT (1) << slot % 64);

  for (;;)
    {
      guint64 settled = aioproc_units_settle (self);
      guint64 account = atomic_load (word);

      if (atomic_load (&self->state->balance) != settled)
        continue;

      if (get_owner (account, slot) == owner)
        break;

      /* Of one who had the slot before, and so is dead. */
      if (get_held (account) > 0)
        aioproc_units_give_back (self, get_owner (account, slot));
      else if (atomic_compare_exchange_strong (word, &account,
                                               (account & TENURE_MASK) | get_generation (owner)))
        break;
    }

  atomic_store_explicit (&self->joined, owner, memory_order_relaxed);
}

static guint32
aioproc_units_enter (AioprocUnits *self)
{
  guint32 owner = atomic_load_explicit (self->owner, memory_order_relaxed);

  g_assert (owner != 0);
  aioproc_units_join (self, owner);

  return owner;
}

/* --- Take --- */

static guint32
stamp_now (gint64 now_usec)
{
  return (guint32) (now_usec / G_TIME_SPAN_MILLISECOND);
}

/* Microseconds until units are anybody's again; 0 or less: they are. */
static gint64
aioproc_units_get_fair_rest (AioprocUnits *self,
                             gint64        now_usec)
{
  guint32 since = atomic_load (&self->state->fair_since);
  gint32 age_msec = (gint32) (stamp_now (now_usec) - since);
  gint64 age_usec = age_msec * G_TIME_SPAN_MILLISECOND;

  /* @now_usec was read a moment before; what lies further ahead was never written by a clock. */
  return age_usec < -FAIR_USEC ? 0 : FAIR_USEC - age_usec;
}

/* Whether there is a unit in @balance for who asks. */
static gboolean
aioproc_units_may_take (AioprocUnits *self,
                        guint64       balance,
                        gboolean      slept,
                        gint64       *deadline_usec)
{
  gint64 now_usec;
  gint64 rest_usec;

  if (get_free (balance) == 0)
    return FALSE;

  if ((balance & FAIR) == 0 || slept)
    return TRUE;

  now_usec = g_get_monotonic_time ();
  rest_usec = aioproc_units_get_fair_rest (self, now_usec);

  if (rest_usec <= 0)
    return TRUE;

  *deadline_usec = now_usec + rest_usec;

  return FALSE;
}

static gboolean
aioproc_units_take (AioprocUnits *self,
                    gboolean      slept,
                    gint64       *deadline_usec)
{
  guint32 owner = aioproc_units_enter (self);
  guint slot = owner % AIOPROC_UNITS_N_SLOTS;

  *deadline_usec = -1;

  for (;;)
    {
      guint64 balance = atomic_load (&self->state->balance);
      guint64 next;

      if (get_free (balance) == 0 && aioproc_units_sweep (self) > 0)
        continue;

      if (!aioproc_units_may_take (self, balance, slept, deadline_usec))
        return FALSE;

      if (aioproc_units_is_open (self, balance & ~FAIR, owner))
        {
          next = balance - 1 + CHANGE_ONE;
        }
      else
        {
          balance = aioproc_units_settle (self);

          if (!aioproc_units_may_take (self, balance, slept, deadline_usec))
            continue;

          next = begin_tenure (balance, atomic_load (&self->state->accounts[slot]), slot, -1, 1);
        }

      if (atomic_compare_exchange_strong (&self->state->balance, &balance, next & ~FAIR))
        return TRUE;
    }
}

gboolean
aioproc_units_try (AioprocUnits *self)
{
  gint64 deadline_usec;

  return aioproc_units_take_free (self) || aioproc_units_take (self, FALSE, &deadline_usec);
}

gboolean
aioproc_units_attempt (AioprocUnits       *self,
                       AioprocUnitsTicket *ticket,
                       guint32            *expected,
                       gint64             *deadline_usec)
{
  _Atomic guint32 *sleepers = &self->state->sleepers;
  guint32 mark = WAIT | LOOKED;
  gint64 now_usec;
  guint32 value;

  if (aioproc_units_take (self, ticket->slept, deadline_usec))
    return TRUE;

  now_usec = g_get_monotonic_time ();

  if (ticket->since_usec == 0)
    ticket->since_usec = now_usec;
  else if (now_usec - ticket->since_usec > HUNGRY_USEC)
    mark |= HUNGRY;

  value = atomic_load (sleepers);

  while ((value & mark) != mark)
    {
      if (atomic_compare_exchange_weak (sleepers, &value, value | mark))
        value |= mark;
    }

  *expected = value;

  /* Who gave one back before it could see the mark does not wake. */
  return aioproc_units_take (self, ticket->slept, deadline_usec);
}

/* --- Give --- */

/* Takes one from what this process holds. */
static AioprocUnitsResult
aioproc_units_change (AioprocUnits *self,
                      int           free_change,
                      gboolean      fair)
{
  guint32 owner = aioproc_units_enter (self);
  guint slot = owner % AIOPROC_UNITS_N_SLOTS;

  if (fair)
    atomic_store (&self->state->fair_since, stamp_now (g_get_monotonic_time ()));

  for (;;)
    {
      guint64 balance = atomic_load (&self->state->balance);
      guint64 account = atomic_load (&self->state->accounts[slot]);
      guint64 next;
      int n_held = (int) get_held (account);

      if (aioproc_units_is_open (self, balance & ~FAIR, owner))
        {
          n_held += get_change (balance);
          next = balance + (guint64) free_change - CHANGE_ONE;
        }
      else
        {
          balance = aioproc_units_settle (self);
          account = atomic_load (&self->state->accounts[slot]);
          n_held = (int) get_held (account);
          next = begin_tenure (balance, account, slot, free_change, -1);
        }

      if (n_held <= 0 || get_free (balance) + (guint) free_change > AIOPROC_UNITS_MAX)
        {
          if (atomic_load (&self->state->balance) != balance)
            continue;

          return n_held <= 0 ? AIOPROC_UNITS_NOT_HELD : AIOPROC_UNITS_TOO_MANY;
        }

      if (atomic_compare_exchange_strong (&self->state->balance, &balance,
                                          next | (fair ? FAIR : 0)))
        return AIOPROC_UNITS_DONE;
    }
}

AioprocUnitsResult
aioproc_units_release (AioprocUnits *self,
                       gboolean      fair)
{
  return aioproc_units_change (self, 1, fair);
}

AioprocUnitsResult
aioproc_units_consume (AioprocUnits *self)
{
  return aioproc_units_change (self, 0, FALSE);
}

AioprocUnitsResult
aioproc_units_post (AioprocUnits *self,
                    gboolean      fair)
{
  if (fair)
    atomic_store (&self->state->fair_since, stamp_now (g_get_monotonic_time ()));

  for (;;)
    {
      guint64 settled = aioproc_units_settle (self);
      guint64 n_units = get_free (settled);

      for (guint i = 0; i < AIOPROC_UNITS_N_SLOTS; i++)
        {
          /* Mostly nobody has ever been in any of 64. */
          if (i % 64 == 0 && atomic_load (&self->state->used[i / 64]) == 0)
            i += 63;
          else
            n_units += get_held (atomic_load (&self->state->accounts[i]));
        }

      if (n_units >= MIN (self->state->most, AIOPROC_UNITS_MAX))
        {
          if (atomic_load (&self->state->balance) != settled)
            continue;

          return AIOPROC_UNITS_TOO_MANY;
        }

      if (atomic_compare_exchange_strong (&self->state->balance, &settled,
                                          (settled + 1) | (fair ? FAIR : 0)))
        return AIOPROC_UNITS_DONE;
    }
}

void
aioproc_units_leave (AioprocUnits *self)
{
  guint32 owner = atomic_load_explicit (self->owner, memory_order_relaxed);

  /* Also what it has acquired by an object before this one. */
  if (owner != 0)
    aioproc_units_give_back (self, owner);
}

/* --- Look --- */

guint
aioproc_units_get_free (AioprocUnits *self)
{
  aioproc_units_sweep (self);

  return get_free (atomic_load (&self->state->balance));
}

guint
aioproc_units_get_held (AioprocUnits *self)
{
  guint32 owner = atomic_load_explicit (self->owner, memory_order_relaxed);
  guint slot = owner % AIOPROC_UNITS_N_SLOTS;

  if (owner == 0)
    return 0;

  for (;;)
    {
      guint64 balance = atomic_load (&self->state->balance);
      guint64 account = atomic_load (&self->state->accounts[slot]);

      if (atomic_load (&self->state->balance) != balance)
        continue;

      /* Of one who had the slot before. */
      if (get_owner (account, slot) != owner)
        return 0;

      if (get_slot (balance) != slot || is_added (balance, account))
        return get_held (account);

      return (guint) ((int) get_held (account) + get_change (balance)) & HELD_MASK;
    }
}

/* --- Make --- */

void
aioproc_units_create (AioprocUnitsState *state,
                      guint              initial,
                      guint              most)
{
  g_assert (initial <= AIOPROC_UNITS_MAX);

  state->initial = initial;
  state->most = most;
  /* The tenure of nobody, which is added already. */
  atomic_store (&state->balance, CHANGE_ZERO | SEALED | initial);
}

void
aioproc_units_init (AioprocUnits      *self,
                    AioprocUnitsState *state,
                    AioprocFamily     *family)
{
  self->state = state;
  self->family = family;
  self->owner = aioproc_family_peek_owner (family);
}
