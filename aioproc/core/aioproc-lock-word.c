/* aioproc-lock-word.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-lock-word-private.h"

#include "core/aioproc-waiter-private.h"

#define WAIT_BIT   0x80000000u
#define HUNGRY_BIT 0x40000000u /* of an owned word */
#define FAIR_BIT   0x40000000u /* of a free word */
#define STAMP_MASK 0x1fffffffu

/* A stamp counts 256 µs; its 29 bits wrap after 38 hours. One that has wrapped looks young again
 * for twice FAIR_USEC, no more.
 */
#define STAMP_SHIFT 8

/* A waiter is hungry when it was refused for so long. A hand-over costs two wake-ups, 13 to 27 µs
 * on the machine of the first measurements, a pair of uncontended calls some nanoseconds: so
 * hand-overs must be rare.
 */
#define HUNGRY_USEC (1 * G_TIME_SPAN_MILLISECOND)
/* How long a hand-over is kept for threads that have slept. It ends at all because they may be
 * killed, or give up.
 */
#define FAIR_USEC (10 * G_TIME_SPAN_MILLISECOND)

/* How long a spin looks away between two tries, in pauses of the processor: each look takes the
 * word's cache line, and what lies beside the word, from the owner, and so slows it down. An owner
 * that is let alone for a while does many operations at the cost of one transfer.
 */
#define SPIN_PAUSES_MIN 32
#define SPIN_PAUSES_MAX 128
/* About 20 µs: what it takes until a sleeping owner would run. */
#define SPIN_TRIES      12

#if defined (__i386__) || defined (__x86_64__)
# define relax() __builtin_ia32_pause ()
#elif defined (__aarch64__)
# define relax() __asm__ volatile ("yield" ::: "memory")
#else
# define relax() atomic_signal_fence (memory_order_seq_cst)
#endif

static guint32
stamp_now (gint64 now_usec)
{
  return (guint32) (now_usec >> STAMP_SHIFT) & STAMP_MASK;
}

/* Microseconds until the hand-over in @value ends; 0 or less: it has. */
static gint64
get_fair_rest (guint32 value,
               gint64  now_usec)
{
  gint64 age = (stamp_now (now_usec) - value) & STAMP_MASK;

  /* @now_usec was read a moment before @value. */
  if (age > STAMP_MASK / 2)
    age -= (gint64) STAMP_MASK + 1;

  age *= 1 << STAMP_SHIFT;

  /* What lies further ahead is a stamp that has wrapped. */
  return age < -FAIR_USEC ? 0 : FAIR_USEC - age;
}

static gboolean
is_owned (guint32 value)
{
  return (value & AIOPROC_OWNER_BIT) != 0;
}

static guint32
get_owner (guint32 value)
{
  return value & AIOPROC_OWNER_MASK;
}

static inline gboolean
exchange (AioprocLockWord *word,
          guint32         *value,
          guint32          next)
{
  /* Acquire: sees all that the last owner wrote before its release. */
  return atomic_compare_exchange_strong_explicit (word, value, next, memory_order_acquire,
                                                  memory_order_relaxed);
}

static AioprocLockResult
aioproc_lock_word_try_slowly (AioprocLockWord *word,
                              AioprocFamily   *family,
                              guint32          self)
{
  guint32 value = atomic_load_explicit (word, memory_order_relaxed);

  for (;;)
    {
      if (!is_owned (value))
        {
          if ((value & FAIR_BIT) != 0 && get_fair_rest (value, g_get_monotonic_time ()) > 0)
            return AIOPROC_LOCK_BUSY;

          if (exchange (word, &value, self | (value & WAIT_BIT)))
            return AIOPROC_LOCK_TAKEN;
        }
      else if (get_owner (value) != self && aioproc_family_is_dead (family, get_owner (value)))
        {
          /* Who slept on the dead owner's word is woken by our release. */
          if (exchange (word, &value, self | WAIT_BIT))
            return AIOPROC_LOCK_ABANDONED;
        }
      else
        {
          return AIOPROC_LOCK_BUSY;
        }
    }
}

AioprocLockResult
aioproc_lock_word_try (AioprocLockWord *word,
                       AioprocFamily   *family)
{
  guint32 self = aioproc_family_get_owner (family);

  if (G_LIKELY (aioproc_lock_word_take_free (word, self)))
    return AIOPROC_LOCK_TAKEN;

  return aioproc_lock_word_try_slowly (word, family, self);
}

AioprocLockResult
aioproc_lock_word_attempt (AioprocLockWord   *word,
                           AioprocFamily     *family,
                           AioprocLockTicket *ticket,
                           guint32           *expected,
                           gint64            *deadline_usec)
{
  guint32 self = aioproc_family_get_owner (family);
  guint32 value;
  gint64 now_usec;

  *deadline_usec = -1;

  if (!ticket->slept && aioproc_lock_word_take_free (word, self))
    return AIOPROC_LOCK_TAKEN;

  now_usec = g_get_monotonic_time ();

  if (ticket->since_usec == 0)
    ticket->since_usec = now_usec;

  value = atomic_load_explicit (word, memory_order_relaxed);

  for (;;)
    {
      if (!is_owned (value))
        {
          gboolean fair = (value & FAIR_BIT) != 0;
          gint64 rest_usec = fair ? get_fair_rest (value, now_usec) : 0;

          if (rest_usec > 0 && !ticket->slept)
            {
              *expected = value;
              *deadline_usec = now_usec + rest_usec;
              return AIOPROC_LOCK_BUSY;
            }

          /* One that has slept was perhaps not the only sleeper, and the word forgot them when
           * it was freed.
           */
          if (exchange (word, &value, self | (value & WAIT_BIT) | (ticket->slept ? WAIT_BIT : 0)))
            return AIOPROC_LOCK_TAKEN;
        }
      else if (get_owner (value) != self && aioproc_family_is_dead (family, get_owner (value)))
        {
          if (exchange (word, &value, self | WAIT_BIT))
            return AIOPROC_LOCK_ABANDONED;
        }
      else
        {
          guint32 wanted = value | WAIT_BIT;

          if (now_usec - ticket->since_usec > HUNGRY_USEC)
            wanted |= HUNGRY_BIT;

          /* If the owner is killed from here on, the bump of the family's sequence word, which
           * the caller has read, ends the sleep.
           */
          if (value == wanted || exchange (word, &value, wanted))
            {
              *expected = wanted;
              return AIOPROC_LOCK_BUSY;
            }
        }
    }
}

void
aioproc_lock_word_withdraw (AioprocLockWord *word)
{
  guint32 value = atomic_load_explicit (word, memory_order_relaxed);

  for (;;)
    {
      if (!is_owned (value))
        {
          /* Handed over to us, perhaps: now it is anybody's. */
          if (value == 0 || exchange (word, &value, 0))
            break;
        }
      else if ((value & WAIT_BIT) != 0 || exchange (word, &value, value | WAIT_BIT))
        {
          return;
        }
    }

  aioproc_futex_wake (word, 1);
}

static gboolean
aioproc_lock_word_release_slowly (AioprocLockWord *word,
                                  guint32          self,
                                  gboolean         fair)
{
  guint32 value = atomic_load_explicit (word, memory_order_relaxed);
  guint32 next;

  do
    {
      if (!is_owned (value) || get_owner (value) != self)
        return FALSE;

      if ((value & WAIT_BIT) != 0 && (fair || (value & HUNGRY_BIT) != 0))
        next = WAIT_BIT | FAIR_BIT | stamp_now (g_get_monotonic_time ());
      else
        next = 0;
    }
  /* Release: the next owner's acquire. */
  while (!atomic_compare_exchange_weak_explicit (word, &value, next, memory_order_release,
                                                 memory_order_relaxed));

  /* Killed before this wake-up, we are announced, and all who sleep look again. */
  if ((value & WAIT_BIT) != 0)
    aioproc_futex_wake (word, 1);

  return TRUE;
}

gboolean
aioproc_lock_word_release (AioprocLockWord *word,
                           AioprocFamily   *family)
{
  guint32 self = aioproc_family_get_owner (family);

  if (G_LIKELY (aioproc_lock_word_free_taken (word, self)))
    return TRUE;

  return aioproc_lock_word_release_slowly (word, self, FALSE);
}

gboolean
aioproc_lock_word_release_fair (AioprocLockWord *word,
                                AioprocFamily   *family)
{
  return aioproc_lock_word_release_slowly (word, aioproc_family_get_owner (family), TRUE);
}

gboolean
aioproc_lock_word_has_waiters (AioprocLockWord *word)
{
  return (atomic_load_explicit (word, memory_order_relaxed) & WAIT_BIT) != 0;
}

gboolean
aioproc_lock_word_is_hungry (AioprocLockWord *word)
{
  guint32 value = atomic_load_explicit (word, memory_order_relaxed);

  return is_owned (value) && (value & HUNGRY_BIT) != 0;
}

gboolean
aioproc_lock_word_is_mine (AioprocLockWord *word,
                           AioprocFamily   *family)
{
  guint32 value = atomic_load_explicit (word, memory_order_relaxed);

  return is_owned (value) && get_owner (value) == aioproc_family_get_owner (family);
}

gboolean
aioproc_lock_word_is_held (AioprocLockWord *word,
                           AioprocFamily   *family)
{
  guint32 value = atomic_load_explicit (word, memory_order_relaxed);

  return is_owned (value) && !aioproc_family_is_dead (family, get_owner (value));
}

AioprocLockResult
aioproc_lock_word_spin (AioprocLockWord *word,
                        AioprocFamily   *family)
{
  AioprocLockResult result = aioproc_lock_word_try (word, family);
  guint n_pauses = SPIN_PAUSES_MIN;

  for (guint i = 0; result == AIOPROC_LOCK_BUSY && i < SPIN_TRIES; i++)
    {
      for (guint j = 0; j < n_pauses; j++)
        relax ();

      n_pauses = MIN (2 * n_pauses, SPIN_PAUSES_MAX);

      /* Looks before it tries, so that the line stays shared while there is nothing to take. */
      if (!is_owned (atomic_load_explicit (word, memory_order_relaxed)))
        result = aioproc_lock_word_try (word, family);
    }

  return result;
}

AioprocLockResult
aioproc_lock_word_lock (AioprocLockWord *word,
                        AioprocFamily   *family)
{
  AioprocLockResult result = aioproc_lock_word_spin (word, family);
  AioprocLockTicket ticket = { 0 };

  while (result == AIOPROC_LOCK_BUSY)
    {
      guint32 expected;
      gint64 deadline_usec;
      guint32 sequence;

      /* Partner: the announcement of a death. */
      sequence = atomic_load_explicit (aioproc_family_get_sequence (family), memory_order_acquire);
      result = aioproc_lock_word_attempt (word, family, &ticket, &expected, &deadline_usec);

      if (result == AIOPROC_LOCK_BUSY)
        {
          aioproc_waiter_work_begin_sleep ();
          aioproc_family_sleep (family, sequence, word, expected, deadline_usec);
          aioproc_waiter_work_end_sleep ();
          ticket.slept = TRUE;
        }
    }

  return result;
}
