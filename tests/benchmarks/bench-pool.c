/* bench-pool.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "bench-pool.h"

#include <time.h>

#define N_CALLS_ASLEEP  50
#define N_CALLS_IN_TURN 2000

/* Some milliseconds. */
#define N_STEPS         (3 * 1000 * 1000)

double
bench_pool_asleep (void (*call) (void))
{
  double values[N_CALLS_ASLEEP];

  for (int i = 0; i < N_CALLS_ASLEEP; i++)
    {
      gint64 began;

      bench_pause ();
      began = bench_now_nsec ();
      call ();
      values[i] = (bench_now_nsec () - began) / 1e3;
    }

  return bench_median (values, N_CALLS_ASLEEP);
}

double
bench_pool_in_turn (void (*call) (void))
{
  gint64 began = bench_now_nsec ();

  for (int i = 0; i < N_CALLS_IN_TURN; i++)
    call ();

  return N_CALLS_IN_TURN * 1e9 / (bench_now_nsec () - began);
}

static gint64
get_busy_nsec (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);

  return now.tv_sec * G_GINT64_CONSTANT (1000000000) + now.tv_nsec;
}

gint64
bench_pool_compute (void)
{
  static G_GNUC_UNUSED volatile guint64 sink;   /* so that the work is not left out */
  gint64 began = get_busy_nsec ();
  guint64 number = began;

  for (int i = 0; i < N_STEPS; i++)
    number = number * G_GUINT64_CONSTANT (6364136223846793005) + 1;

  sink = number;

  return get_busy_nsec () - began;
}

double
bench_pool_utilization (gint64 busy_nsec,
                        gint64 took_nsec)
{
  return 100.0 * busy_nsec / (BENCH_POOL_N_WORKERS * (double) took_nsec);
}
