/* aioproc-turn-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdatomic.h>

#include <glib.h>

G_BEGIN_DECLS

/* For so long a process may hand what it gives back from one of its operations to the next while
 * others sleep, which costs it nothing; then it is their turn.
 */
#define AIOPROC_TURN_USEC (1 * G_TIME_SPAN_MILLISECOND)

/* When it began, 0: not yet. Of private memory; whoever ends it writes 0. */
typedef _Atomic gint64 AioprocTurn;

static inline gboolean
aioproc_turn_goes_on (AioprocTurn *began_usec)
{
  gint64 now_usec = g_get_monotonic_time ();
  gint64 then_usec = atomic_load_explicit (began_usec, memory_order_relaxed);

  if (then_usec == 0)
    {
      atomic_store_explicit (began_usec, now_usec, memory_order_relaxed);
      return TRUE;
    }

  return now_usec - then_usec < AIOPROC_TURN_USEC;
}

static inline void
aioproc_turn_end (AioprocTurn *began_usec)
{
  atomic_store_explicit (began_usec, 0, memory_order_relaxed);
}

G_END_DECLS
