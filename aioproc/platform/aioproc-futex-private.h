/* aioproc-futex-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdatomic.h>

#include <glib.h>

G_BEGIN_DECLS

/* The most words that one aioproc_futex_waitv() may watch. */
#define AIOPROC_FUTEX_WAITV_MAX 128

typedef struct {
  _Atomic guint32 *word;
  guint32          expected;
} AioprocFutexWait;

typedef enum {
  AIOPROC_FUTEX_WOKEN,       /* woken, perhaps spuriously, or by a signal */
  AIOPROC_FUTEX_CHANGED,     /* a word did not hold its expected value */
  AIOPROC_FUTEX_TIMED_OUT,   /* the deadline passed */
} AioprocFutexResult;

/* All calls are process-shared: they work on private memory too. Deadlines are absolute
 * microseconds of g_get_monotonic_time(), or -1 for none.
 */
AioprocFutexResult aioproc_futex_wait      (_Atomic guint32        *word,
                                            guint32                 expected,
                                            gint64                  deadline_usec);
AioprocFutexResult aioproc_futex_waitv     (const AioprocFutexWait *waits,
                                            guint                   n_waits,
                                            gint64                  deadline_usec);
/* Returns how many sleepers were woken. Async-signal-safe. */
guint              aioproc_futex_wake      (_Atomic guint32        *word,
                                            guint                   n_sleepers);
/* FALSE where the kernel, a seccomp filter or valgrind lacks futex_waitv, or where
 * AIOPROC_DISABLE_WAITV is set in the environment (for tests): callers fall back to
 * a bounded aioproc_futex_wait(). Cached after the first call.
 */
gboolean           aioproc_futex_has_waitv (void);

G_END_DECLS
