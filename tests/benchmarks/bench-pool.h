/* bench-pool.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "bench.h"

G_BEGIN_DECLS

/* What all pools have to do. Python's does the same, by numbers of its own. */

#define BENCH_POOL_N_WORKERS 2
#define BENCH_POOL_MAX_ITEMS 100000
#define BENCH_POOL_N_SINGLE  20000
#define BENCH_POOL_N_PARTS   64
#define BENCH_POOL_N_DEATHS  10

/* The microseconds that one call takes, in the median, of workers that have had nothing to do. */
double bench_pool_asleep      (void (*call) (void));
/* Calls a second, one after the other. */
double bench_pool_in_turn     (void (*call) (void));

/* One of the parts of work for a processor. Returns the nanoseconds that it had one. */
gint64 bench_pool_compute     (void);
/* The share of the time of as many processors as there are workers, in percent. */
double bench_pool_utilization (gint64 busy_nsec,
                               gint64 took_nsec);

G_END_DECLS
