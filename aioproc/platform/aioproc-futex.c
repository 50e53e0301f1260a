/* aioproc-futex.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "platform/aioproc-futex-private.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
# define SYS_futex_waitv 449
#endif

#ifndef FUTEX_32
# define FUTEX_32 2
#endif

/* Where the kernel has two calls, only the newer one takes a 64-bit time. */
#ifdef SYS_futex_time64
# define AIOPROC_SYS_FUTEX SYS_futex_time64
#else
# define AIOPROC_SYS_FUTEX SYS_futex
#endif

/* How long a wait may rest on one word alone when the kernel is short of memory for more. */
#define FALLBACK_USEC (10 * G_TIME_SPAN_MILLISECOND)

/* struct __kernel_timespec and struct futex_waitv, which older headers lack. */
typedef struct {
  gint64 tv_sec;
  gint64 tv_nsec;
} KernelTimespec;

typedef struct {
  guint64 val;
  guint64 uaddr;
  guint32 flags;
  guint32 reserved;
} KernelWaitv;

G_STATIC_ASSERT (sizeof (KernelWaitv) == 24);
G_STATIC_ASSERT (sizeof (_Atomic guint32) == sizeof (guint32));
G_STATIC_ASSERT (ATOMIC_INT_LOCK_FREE == 2);

/* The kernel counts g_get_monotonic_time() from the same start: both are CLOCK_MONOTONIC. */
static const KernelTimespec *
deadline_to_timespec (gint64          deadline_usec,
                      KernelTimespec *timespec)
{
  if (deadline_usec < 0)
    return NULL;

  timespec->tv_sec = deadline_usec / G_USEC_PER_SEC;
  timespec->tv_nsec = (deadline_usec % G_USEC_PER_SEC) * 1000;

  return timespec;
}

static AioprocFutexResult
result_from_errno (int saved_errno)
{
  switch (saved_errno)
    {
    case EINTR:
      return AIOPROC_FUTEX_WOKEN;

    case EAGAIN:
      return AIOPROC_FUTEX_CHANGED;

    case ETIMEDOUT:
      return AIOPROC_FUTEX_TIMED_OUT;

    default:
      /* The word is not mapped or not aligned. To return would make the caller spin. */
      g_error ("Could not wait on a shared word: %s", g_strerror (saved_errno));
    }
}

AioprocFutexResult
aioproc_futex_wait (_Atomic guint32 *word,
                    guint32          expected,
                    gint64           deadline_usec)
{
  KernelTimespec storage;
  const KernelTimespec *deadline = deadline_to_timespec (deadline_usec, &storage);

  /* FUTEX_WAIT takes a relative time, FUTEX_WAIT_BITSET an absolute one. */
  if (syscall (AIOPROC_SYS_FUTEX, word, FUTEX_WAIT_BITSET, expected, deadline, NULL,
               FUTEX_BITSET_MATCH_ANY) == 0)
    return AIOPROC_FUTEX_WOKEN;

  return result_from_errno (errno);
}

AioprocFutexResult
aioproc_futex_waitv (const AioprocFutexWait *waits,
                     guint                   n_waits,
                     gint64                  deadline_usec)
{
  KernelWaitv kernel_waits[AIOPROC_FUTEX_WAITV_MAX];
  KernelTimespec storage;
  const KernelTimespec *deadline = deadline_to_timespec (deadline_usec, &storage);
  AioprocFutexResult result;
  gint64 bound;

  g_assert (n_waits > 0 && n_waits <= AIOPROC_FUTEX_WAITV_MAX);

  for (guint i = 0; i < n_waits; i++)
    {
      kernel_waits[i].val = waits[i].expected;
      kernel_waits[i].uaddr = (uintptr_t) waits[i].word;
      kernel_waits[i].flags = FUTEX_32;
      kernel_waits[i].reserved = 0;
    }

  if (syscall (SYS_futex_waitv, kernel_waits, n_waits, 0, deadline, CLOCK_MONOTONIC) >= 0)
    return AIOPROC_FUTEX_WOKEN;

  if (errno != ENOMEM)
    return result_from_errno (errno);

  bound = g_get_monotonic_time () + FALLBACK_USEC;

  if (deadline_usec >= 0 && deadline_usec <= bound)
    return aioproc_futex_wait (waits[0].word, waits[0].expected, deadline_usec);

  result = aioproc_futex_wait (waits[0].word, waits[0].expected, bound);

  return result == AIOPROC_FUTEX_TIMED_OUT ? AIOPROC_FUTEX_WOKEN : result;
}

guint
aioproc_futex_wake (_Atomic guint32 *word,
                    guint            n_sleepers)
{
  int saved_errno = errno;
  long n_woken;

  n_woken = syscall (AIOPROC_SYS_FUTEX, word, FUTEX_WAKE, MIN (n_sleepers, (guint) INT_MAX),
                     NULL, NULL, 0);
  errno = saved_errno;

  return n_woken > 0 ? (guint) n_woken : 0;
}

gboolean
aioproc_futex_has_waitv (void)
{
  /* (atomic): 0 not known yet, 1 no, 2 yes. Two threads that ask first find the same. */
  static _Atomic guint32 cached;
  guint32 answer = atomic_load_explicit (&cached, memory_order_relaxed);

  if (answer == 0)
    {
      _Atomic guint32 word = 1;
      KernelWaitv wait = { .val = 0, .uaddr = (uintptr_t) &word, .flags = FUTEX_32 };

      /* The word differs from what is expected, so that a kernel with the call never sleeps. */
      if (g_getenv ("AIOPROC_DISABLE_WAITV") == NULL &&
          syscall (SYS_futex_waitv, &wait, 1, 0, NULL, CLOCK_MONOTONIC) < 0 &&
          errno == EAGAIN)
        answer = 2;
      else
        answer = 1;

      atomic_store_explicit (&cached, answer, memory_order_relaxed);
    }

  return answer == 2;
}
