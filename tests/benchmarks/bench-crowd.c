/* bench-crowd.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <poll.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define CROWD_MSEC 200

static BenchCrowd *forked;
static const BenchCrowdFuncs *forked_funcs;

static void
meet (BenchCrowd *crowd)
{
  crowd->n_ready++;

  while (!crowd->go)
    sched_yield ();
}

void
bench_crowd_produce (BenchCrowd            *crowd,
                     const BenchCrowdFuncs *funcs)
{
  meet (crowd);

  while (!crowd->stop)
    funcs->put (FALSE);

  funcs->put (TRUE);
}

void
bench_crowd_consume (BenchCrowd            *crowd,
                     const BenchCrowdFuncs *funcs)
{
  gint64 n_messages = 1;

  meet (crowd);

  /* Each producer has one last message, and each consumer ends with one of them: so all that was
   * put is got.
   */
  while (!funcs->get ())
    n_messages++;

  crowd->n_messages += n_messages;
  crowd->n_over++;
}

double
bench_crowd_measure (BenchCrowd *crowd)
{
  gint64 began;

  while (crowd->n_ready < 2 * BENCH_CROWD_SIDE)
    sched_yield ();

  began = bench_now_nsec ();
  crowd->go = 1;
  poll (NULL, 0, CROWD_MSEC);
  crowd->stop = 1;

  while (crowd->n_over < BENCH_CROWD_SIDE)
    sched_yield ();

  return crowd->n_messages * 1e9 / (bench_now_nsec () - began);
}

static void
produce (void)
{
  bench_crowd_produce (forked, forked_funcs);
}

static void
consume (void)
{
  bench_crowd_consume (forked, forked_funcs);
}

double
bench_crowd (const BenchCrowdFuncs *funcs)
{
  pid_t pids[2 * BENCH_CROWD_SIDE];
  double value;

  if (forked == NULL)
    forked = bench_share (sizeof *forked);

  memset (forked, 0, sizeof *forked);
  forked_funcs = funcs;

  for (int i = 0; i < 2 * BENCH_CROWD_SIDE; i++)
    pids[i] = bench_fork (i % 2 == 0 ? produce : consume);

  value = bench_crowd_measure (forked);

  for (int i = 0; i < 2 * BENCH_CROWD_SIDE; i++)
    bench_join (pids[i]);

  return value;
}
