/* aioproc-grants.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "sync/aioproc-grants-private.h"

#define FIELD_MASK     G_GUINT64_CONSTANT (0x1ffff)
#define GRANTED_ONE    G_GUINT64_CONSTANT (1)
#define WAITING_SHIFT  17
#define WAITING_ONE    (G_GUINT64_CONSTANT (1) << WAITING_SHIFT)
#define ORPHANS_SHIFT  34
#define ORPHANS_ONE    (G_GUINT64_CONSTANT (1) << ORPHANS_SHIFT)
#define VERSION_ONE    (G_GUINT64_CONSTANT (1) << 51)
#define VERSION_MASK   (~G_GUINT64_CONSTANT (0) << 51)

/* Who passes on holds the lock for microseconds: one for whom it is BUSY looks again. */
#define RETRY_USEC_MIN 100
#define RETRY_USEC_MAX (10 * G_TIME_SPAN_MILLISECOND)

/* All atomic operations here are in one order: what a waiter reads before it sleeps, and what is
 * done before it is woken, speak of each other.
 */

static guint
get_granted (guint64 counts)
{
  return counts & FIELD_MASK;
}

static guint
get_waiting (guint64 counts)
{
  return counts >> WAITING_SHIFT & FIELD_MASK;
}

static guint
get_orphans (guint64 counts)
{
  return counts >> ORPHANS_SHIFT & FIELD_MASK;
}

/* The counts of a process that is dead. */
static guint64
bury (guint64 counts)
{
  guint n_orphans = get_orphans (counts) + get_granted (counts);

  return (counts & VERSION_MASK) | (guint64) MIN (n_orphans, FIELD_MASK) << ORPHANS_SHIFT;
}

static AioprocGrantsSlot *
aioproc_grants_get_slot (AioprocGrants *self,
                         guint32        owner)
{
  return &self->state->slots[owner % AIOPROC_GRANTS_N_SLOTS];
}

static gboolean
aioproc_grants_is_used (AioprocGrants *self,
                        guint          slot)
{
  return (atomic_load (&self->state->used[slot / 64]) >> slot % 64 & 1) != 0;
}

static void
aioproc_grants_wake (AioprocGrantsSlot *slot)
{
  /* Killed before this, we are announced, and all who sleep look again. */
  atomic_fetch_add (&slot->signal, 1);
  aioproc_futex_wake (&slot->signal, G_MAXUINT);
}

/* --- Giving --- */

/* Gives @n of those who wait in one process a grant. Returns how many there were. A process that
 * dies after it was looked at is no hindrance: either it is buried before the exchange, which fails
 * then, since nobody waits there any more, or it is buried later, with what it was given.
 */
static guint
aioproc_grants_give_slot (AioprocGrants     *self,
                          AioprocGrantsSlot *slot,
                          guint              n)
{
  guint64 counts = atomic_load (&slot->counts);
  guint n_given;

  do
    {
      n_given = MIN (n, get_waiting (counts));
      n_given = MIN (n_given, AIOPROC_GRANTS_MAX - get_granted (counts));

      if (n_given == 0 || aioproc_family_is_dying (self->family, atomic_load (&slot->life)))
        return 0;
    }
  while (!atomic_compare_exchange_weak (&slot->counts, &counts,
                                        counts - n_given * WAITING_ONE + n_given * GRANTED_ONE));

  return n_given;
}

/* One round: @each to each process. */
static guint
aioproc_grants_give_round (AioprocGrants *self,
                           guint          n,
                           guint          each,
                           guint32       *given)
{
  guint start = atomic_load (&self->state->cursor) % AIOPROC_GRANTS_N_SLOTS;
  guint n_given = 0;

  for (guint i = 0; i < AIOPROC_GRANTS_N_SLOTS && n_given < n; i++)
    {
      guint slot = (start + i) % AIOPROC_GRANTS_N_SLOTS;
      guint n_here;

      /* Mostly nobody has ever been in any of 64. */
      if (slot % 64 == 0 && atomic_load (&self->state->used[slot / 64]) == 0)
        {
          i += 63;
          continue;
        }

      if (!aioproc_grants_is_used (self, slot))
        continue;

      n_here = aioproc_grants_give_slot (self, &self->state->slots[slot], MIN (each, n - n_given));

      if (n_here > 0)
        {
          n_given += n_here;
          given[slot / 32] |= 1u << slot % 32;
          atomic_store (&self->state->cursor, slot + 1);
        }
    }

  return n_given;
}

guint
aioproc_grants_give (AioprocGrants *self,
                     guint          n,
                     gboolean      *own)
{
  guint32 given[AIOPROC_GRANTS_N_SLOTS / 32] = { 0 };
  guint32 owner = aioproc_family_get_owner (self->family) % AIOPROC_GRANTS_N_SLOTS;
  guint n_given = 0;
  guint n_round;

  do
    {
      n_round = aioproc_grants_give_round (self, n - n_given, n == G_MAXUINT ? n : 1, given);
      n_given += n_round;
    }
  while (n_round > 0 && n_given < n && n != G_MAXUINT);

  for (guint i = 0; i < G_N_ELEMENTS (given); i++)
    {
      for (guint32 bits = given[i]; bits != 0; bits &= bits - 1)
        aioproc_grants_wake (&self->state->slots[i * 32 + (guint) __builtin_ctz (bits)]);
    }

  *own = (given[owner / 32] >> owner % 32 & 1) != 0;

  return n_given;
}

/* --- The dead --- */

static void
aioproc_grants_bury_slot (AioprocGrants     *self,
                          AioprocGrantsSlot *slot)
{
  guint32 life = atomic_load (&slot->life);
  guint64 counts = atomic_load (&slot->counts);

  /* The counts belong to that life if it is the same behind them: the one who takes over the slot
   * gives them another version first.
   */
  while ((get_waiting (counts) > 0 || get_granted (counts) > 0) &&
         aioproc_family_is_dead (self->family, life) && atomic_load (&slot->life) == life)
    {
      if (atomic_compare_exchange_strong (&slot->counts, &counts, bury (counts)))
        break;
    }
}

/* Passes on what is left of one process. */
static void
aioproc_grants_pass_on (AioprocGrants     *self,
                        AioprocGrantsSlot *slot)
{
  guint64 counts = atomic_load (&slot->counts);

#ifdef AIOPROC_FAULT_NO_PASSING_ON
  return;
#endif

  while (get_orphans (counts) > 0)
    {
      gboolean own;

      /* With nobody there to wait, it was for nobody. First given, then taken: see above. */
      if (aioproc_grants_give (self, 1, &own) > 0)
        counts = atomic_fetch_sub (&slot->counts, ORPHANS_ONE) - ORPHANS_ONE;
      else if (atomic_compare_exchange_strong (&slot->counts, &counts,
                                               counts & ~(FIELD_MASK << ORPHANS_SHIFT)))
        break;
    }
}

static void
aioproc_grants_for_each (AioprocGrants *self,
                         void         (*func) (AioprocGrants     *self,
                                               AioprocGrantsSlot *slot))
{
  for (guint i = 0; i < G_N_ELEMENTS (self->state->used); i++)
    {
      for (guint64 bits = atomic_load (&self->state->used[i]); bits != 0; bits &= bits - 1)
        func (self, &self->state->slots[i * 64 + (guint) __builtin_ctzll (bits)]);
    }
}

/* FALSE: another one is at it, or was stopped there. */
static gboolean
aioproc_grants_sweep (AioprocGrants *self)
{
  if (aioproc_lock_word_spin (&self->state->lock, self->family) == AIOPROC_LOCK_BUSY)
    return FALSE;

  aioproc_grants_for_each (self, aioproc_grants_bury_slot);
  aioproc_grants_for_each (self, aioproc_grants_pass_on);
  aioproc_lock_word_release (&self->state->lock, self->family);

  return TRUE;
}

/* When to look again, -1: at the next death. */
static gint64
aioproc_grants_sweep_locked (AioprocGrants *self)
{
  guint32 sequence = atomic_load (aioproc_family_get_sequence (self->family));

  if (self->swept && self->sequence == sequence)
    return -1;

  if (!aioproc_grants_sweep (self))
    {
      gint64 wait_usec = self->n_busy < 7 ? RETRY_USEC_MIN << self->n_busy : RETRY_USEC_MAX;

      self->n_busy++;

      return g_get_monotonic_time () + MIN (wait_usec, RETRY_USEC_MAX);
    }

  self->swept = TRUE;
  self->sequence = sequence;
  self->n_busy = 0;

  return -1;
}

/* --- Waiting --- */

/* The slot of this process, with counts that are its own. */
static AioprocGrantsSlot *
aioproc_grants_enter_locked (AioprocGrants *self)
{
  guint32 owner = aioproc_family_get_owner (self->family);
  AioprocGrantsSlot *slot = aioproc_grants_get_slot (self, owner);
  guint index = owner % AIOPROC_GRANTS_N_SLOTS;

  g_assert (owner != 0);

  if (G_LIKELY (self->life == owner))
    return slot;

  /* What a parent had before the fork is the parent's. */
  g_queue_init (&self->waiters);
  self->n_chosen = 0;
  self->swept = FALSE;

  if (atomic_load (&slot->life) != owner)
    {
      guint64 counts = atomic_load (&slot->counts);

      while (!atomic_compare_exchange_weak (&slot->counts, &counts, bury (counts) + VERSION_ONE))
        continue;

      atomic_store (&slot->life, owner);
    }

  atomic_fetch_or (&self->state->used[index / 64], G_GUINT64_CONSTANT (1) << index % 64);
  self->life = owner;

  return slot;
}

/* Gives those who have waited longest what there is for this process. */
static void
aioproc_grants_choose_locked (AioprocGrants     *self,
                              AioprocGrantsSlot *slot)
{
  guint n_granted = get_granted (atomic_load (&slot->counts));
  GList *link;

  while (self->n_chosen < n_granted &&
         (link = g_queue_pop_head_link (&self->waiters)) != NULL)
    {
      AioprocGrantsWaiter *waiter = link->data;

      waiter->chosen = TRUE;
      self->n_chosen++;
    }
}

_Atomic guint32 *
aioproc_grants_get_word (AioprocGrants *self)
{
  return &aioproc_grants_get_slot (self, aioproc_family_get_owner (self->family))->signal;
}

gboolean
aioproc_grants_begin (AioprocGrants       *self,
                      AioprocGrantsWaiter *waiter)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);
  AioprocGrantsSlot *slot = aioproc_grants_enter_locked (self);

  if (self->waiters.length + self->n_chosen >= AIOPROC_GRANTS_MAX)
    return FALSE;

  /* So that it is not given what was for those who are not there any more. */
  aioproc_grants_sweep_locked (self);

  waiter->link.data = waiter;
  waiter->life = self->life;
  waiter->chosen = FALSE;
  g_queue_push_tail_link (&self->waiters, &waiter->link);
  atomic_fetch_add (&slot->counts, WAITING_ONE);

  return TRUE;
}

gboolean
aioproc_grants_is_chosen (AioprocGrants       *self,
                          AioprocGrantsWaiter *waiter,
                          guint32             *expected,
                          gint64              *retry_usec)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);
  AioprocGrantsSlot *slot = aioproc_grants_enter_locked (self);

  /* Before anything else is looked at: it changes after that does. */
  *expected = atomic_load (&slot->signal);
  *retry_usec = aioproc_grants_sweep_locked (self);
  aioproc_grants_choose_locked (self, slot);

  return waiter->chosen;
}

gboolean
aioproc_grants_peek (AioprocGrants *self)
{
  guint32 owner = aioproc_family_get_owner (self->family);

  return get_granted (atomic_load (&aioproc_grants_get_slot (self, owner)->counts)) > 0;
}

gboolean
aioproc_grants_end (AioprocGrants       *self,
                    AioprocGrantsWaiter *waiter)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);
  AioprocGrantsSlot *slot = aioproc_grants_enter_locked (self);
  guint64 counts = atomic_load (&slot->counts);

  if (waiter->life != self->life)
    return FALSE;

  for (;;)
    {
      guint64 one;

      aioproc_grants_choose_locked (self, slot);
      counts = atomic_load (&slot->counts);
      one = waiter->chosen ? GRANTED_ONE : WAITING_ONE;

      /* Given meanwhile. */
      if (!waiter->chosen && get_granted (counts) > self->n_chosen)
        continue;

      /* Nothing to take, whatever the memory says. */
      if ((waiter->chosen ? get_granted (counts) : get_waiting (counts)) == 0)
        break;

      if (atomic_compare_exchange_strong (&slot->counts, &counts, counts - one))
        break;
    }

  waiter->life = 0;

  if (!waiter->chosen)
    {
      g_queue_unlink (&self->waiters, &waiter->link);
      return FALSE;
    }

  self->n_chosen--;

  return TRUE;
}

/* --- Make --- */

void
aioproc_grants_init (AioprocGrants      *self,
                     AioprocGrantsState *state,
                     AioprocFamily      *family)
{
  self->state = state;
  self->family = family;
  aioproc_mutex_init (&self->mutex);
  g_queue_init (&self->waiters);
}

void
aioproc_grants_clear (AioprocGrants *self)
{
  aioproc_mutex_clear (&self->mutex);
}
