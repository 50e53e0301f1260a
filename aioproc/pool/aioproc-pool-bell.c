/* aioproc-pool-bell.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "pool/aioproc-pool-bell-private.h"

#include "platform/aioproc-futex-private.h"

/* The word is WAIT | a count of wake-ups (31 bits), which lets who is about to sleep see that it
 * was woken, also if another one has marked the word again since.
 */
#define WAIT_BIT   0x80000000u
#define COUNT_MASK 0x7fffffffu

#define N_GROUPS    (AIOPROC_POOL_MAX_WORKERS / 64)
#define GROUPS_MASK ((1u << N_GROUPS) - 1)

/* In shared memory; what is written in one place by different processes has cache lines of its own.
 */
typedef struct {
  _Atomic guint32 word;
  guint32         pad0[15];
  _Atomic guint32 end;
  guint32         pad1[15];
  _Atomic guint32 groups;          /* bit N: there may be one in the Nth of @seats */
  guint32         pad2[15];
  _Atomic guint64 seats[N_GROUPS]; /* bit N % 64 of the N / 64th: that of seat N */
} BellState;

G_STATIC_ASSERT (sizeof (BellState) == 192 + 8 * N_GROUPS);
G_STATIC_ASSERT (N_GROUPS < 32);

struct _AioprocPoolBell {
  /* Immutable. */
  AioprocShm      *shm;     /* (owned) */
  BellState       *state;

  _Atomic guint32  has_ended; /* (atomic) whatever the workers have made of the word */
};

static AioprocPoolBell *
bell_new (AioprocShm *shm)
{
  AioprocPoolBell *self;

  if (shm == NULL)
    return NULL;

  self = g_new0 (AioprocPoolBell, 1);
  self->shm = shm;
  self->state = aioproc_shm_get_state (shm);

  return self;
}

AioprocPoolBell *
aioproc_pool_bell_new (const char  *name,
                       GError     **error)
{
  return bell_new (aioproc_shm_new (AIOPROC_SHM_POOL_BELL, name, sizeof (BellState), 0, error));
}

AioprocPoolBell *
aioproc_pool_bell_new_for_fd (int      fd,
                              GError **error)
{
  return bell_new (aioproc_shm_new_for_fd (AIOPROC_SHM_POOL_BELL, fd, sizeof (BellState), error));
}

void
aioproc_pool_bell_free (AioprocPoolBell *self)
{
  aioproc_shm_unref (self->shm);
  g_free (self);
}

int
aioproc_pool_bell_open (AioprocPoolBell  *self,
                        GError          **error)
{
  return aioproc_shm_open (self->shm, error);
}

AioprocShm *
aioproc_pool_bell_get_shm (AioprocPoolBell *self)
{
  return self->shm;
}

_Atomic guint32 *
aioproc_pool_bell_get_word (AioprocPoolBell *self)
{
  return &self->state->word;
}

_Atomic guint32 *
aioproc_pool_bell_get_end (AioprocPoolBell *self)
{
  return &self->state->end;
}

void
aioproc_pool_bell_wake (AioprocPoolBell *self)
{
  guint32 value;

  /* What was changed before is changed before the look whether anybody sleeps. Partner:
   * aioproc_pool_bell_look().
   */
  atomic_thread_fence (memory_order_seq_cst);
  value = atomic_load (&self->state->word);

  while ((value & WAIT_BIT) != 0)
    {
      if (atomic_compare_exchange_weak (&self->state->word, &value, (value + 1) & COUNT_MASK))
        {
          aioproc_futex_wake (&self->state->word, G_MAXUINT);
          return;
        }
    }
}

void
aioproc_pool_bell_ring (AioprocPoolBell *self,
                        guint            seat)
{
  const guint64 bit = G_GUINT64_CONSTANT (1) << (seat % 64);
  const guint32 group_bit = 1u << (seat / 64);
  _Atomic guint64 *group;

  g_assert (seat < AIOPROC_POOL_MAX_WORKERS);

  group = &self->state->seats[seat / 64];

  /* The fence is the partner of the exchange in aioproc_pool_bell_take(): who finds the bit there
   * knows that it is still to be taken, and what was written before with it.
   */
  atomic_thread_fence (memory_order_seq_cst);

  if ((atomic_load (group) & bit) == 0)
    atomic_fetch_or (group, bit);

  if ((atomic_load (&self->state->groups) & group_bit) == 0)
    atomic_fetch_or (&self->state->groups, group_bit);

  aioproc_pool_bell_wake (self);
}

gboolean
aioproc_pool_bell_has_rung (AioprocPoolBell *self)
{
  return atomic_load_explicit (&self->state->groups, memory_order_acquire) != 0;
}

int
aioproc_pool_bell_take (AioprocPoolBell *self)
{
  guint32 groups = atomic_load (&self->state->groups);

  /* No worker of ours sets those. */
  if ((groups & ~GROUPS_MASK) != 0)
    atomic_fetch_and (&self->state->groups, GROUPS_MASK);

  for (guint i = 0; i < N_GROUPS && groups != 0; i++)
    {
      _Atomic guint64 *group = &self->state->seats[i];
      guint64 seats;

      if ((groups & (1u << i)) == 0)
        continue;

      seats = atomic_load (group);

      if (seats == 0)
        {
          /* The group first: a seat that rings after that marks it again. */
          atomic_fetch_and (&self->state->groups, ~(1u << i));
          seats = atomic_load (group);

          if (seats == 0)
            continue;

          atomic_fetch_or (&self->state->groups, 1u << i);
        }

      atomic_fetch_and (group, ~(seats & -seats));

      return (int) (i * 64) + __builtin_ctzll (seats);
    }

  return -1;
}

gboolean
aioproc_pool_bell_look (AioprocPoolBell *self,
                        guint32         *expected)
{
  guint32 value = atomic_load (&self->state->word);

  for (;;)
    {
      /* Also for what the caller looks at besides. Partner: aioproc_pool_bell_wake(). */
      atomic_thread_fence (memory_order_seq_cst);

      if (atomic_load (&self->state->groups) != 0)
        return TRUE;

      if ((value & WAIT_BIT) != 0)
        {
          *expected = value;
          return FALSE;
        }

      /* Then look again. */
      if (atomic_compare_exchange_weak (&self->state->word, &value, value | WAIT_BIT))
        value |= WAIT_BIT;
    }
}

void
aioproc_pool_bell_end (AioprocPoolBell *self)
{
  atomic_store (&self->has_ended, 1);
  /* Partner: the look at the word, then at the flag, of who is about to sleep. */
  atomic_fetch_add (&self->state->end, 1);
  aioproc_futex_wake (&self->state->end, G_MAXUINT);
}

gboolean
aioproc_pool_bell_has_ended (AioprocPoolBell *self)
{
  return atomic_load (&self->has_ended) != 0;
}
