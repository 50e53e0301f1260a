/* limit-pool.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "bench-pool.h"

#define N_SLOTS 64

/* A ring for all workers, who sleep on one word; the program sleeps on another. Every slot is
 * filled before anybody is woken, so that who takes a number below @n_posted has a task.
 */
typedef struct {
  _Atomic guint32 n_posted;
  _Atomic guint32 n_taken;
  _Atomic guint32 n_done;
  _Atomic guint32 n_awaited;   /* when the program is to be woken */
  gint64          slots[N_SLOTS];
} Ring;

static Ring *ring;
static pid_t pids[BENCH_POOL_N_WORKERS];
static int n_pids;

static void
sleep_on (_Atomic guint32 *word,
          guint32          value)
{
  syscall (SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static void
wake (_Atomic guint32 *word,
      int              n_sleepers)
{
  syscall (SYS_futex, word, FUTEX_WAKE, n_sleepers, NULL, NULL, 0);
}

/* --- Workers --- */

/* The slot of the next task. */
static guint32
take (void)
{
  for (;;)
    {
      guint32 n_posted = atomic_load (&ring->n_posted);
      guint32 n_taken = atomic_load (&ring->n_taken);

      if (n_taken == n_posted)
        sleep_on (&ring->n_posted, n_posted);
      else if (atomic_compare_exchange_weak (&ring->n_taken, &n_taken, n_taken + 1))
        return n_taken % N_SLOTS;
    }
}

static void
finish (void)
{
  if (atomic_fetch_add (&ring->n_done, 1) + 1 == atomic_load (&ring->n_awaited))
    wake (&ring->n_done, 1);
}

static void
serve (void)
{
  for (;;)
    {
      ring->slots[take ()]++;
      finish ();
    }
}

static void
serve_busy (void)
{
  for (;;)
    {
      guint32 slot = take ();

      ring->slots[slot] = bench_pool_compute ();
      finish ();
    }
}

/* --- The program --- */

static void
start_workers (void (*func) (void),
               int    n_workers)
{
  ring = bench_share (sizeof *ring);

  while (n_pids < n_workers)
    pids[n_pids++] = bench_fork (func);
}

static void
begin_apply (void)
{
  start_workers (serve, 1);
}

static void
begin_busy (void)
{
  start_workers (serve_busy, BENCH_POOL_N_WORKERS);
}

static void
end (void)
{
  while (n_pids > 0)
    {
      n_pids--;
      bench_check (kill (pids[n_pids], SIGKILL) == 0 && waitpid (pids[n_pids], NULL, 0) > 0,
                   "Could not end a worker");
    }
}

/* Posts what the next @n_tasks slots have, and waits until that is done. */
static void
run (guint32 n_tasks)
{
  guint32 n_all = atomic_load (&ring->n_posted) + n_tasks;
  guint32 n_done;

  atomic_store (&ring->n_awaited, n_all);
  atomic_store (&ring->n_posted, n_all);
  wake (&ring->n_posted, BENCH_POOL_N_WORKERS);

  while ((n_done = atomic_load (&ring->n_done)) != n_all)
    sleep_on (&ring->n_done, n_done);
}

/* --- apply-asleep, apply --- */

static void
apply_next (void)
{
  static gint64 number;
  guint32 slot = atomic_load (&ring->n_posted) % N_SLOTS;

  ring->slots[slot] = number;
  run (1);
  bench_check (ring->slots[slot] == ++number, "A result is wrong");
}

static double
apply_asleep (void)
{
  return bench_pool_asleep (apply_next);
}

static double
apply_in_turn (void)
{
  return bench_pool_in_turn (apply_next);
}

/* --- map-busy --- */

static double
map_busy (void)
{
  gint64 began = bench_now_nsec ();
  gint64 busy_nsec = 0;
  gint64 took_nsec;

  run (BENCH_POOL_N_PARTS);
  took_nsec = bench_now_nsec () - began;

  for (int i = 0; i < BENCH_POOL_N_PARTS; i++)
    busy_nsec += ring->slots[i];

  return bench_pool_utilization (busy_nsec, took_nsec);
}

/* --- recovery: pidfd, fork, hello --- */

static void
say_hello (void)
{
  run (1);

  for (;;)
    pause ();
}

static void
begin_recovery (void)
{
  ring = bench_share (sizeof *ring);
}

static void
await_hello (void)
{
  guint32 n_posted;

  while ((n_posted = atomic_load (&ring->n_posted)) == atomic_load (&ring->n_done))
    sleep_on (&ring->n_posted, n_posted);

  atomic_store (&ring->n_done, n_posted);
  wake (&ring->n_done, 1);
}

static double
recover (void)
{
  double values[BENCH_POOL_N_DEATHS];
  pid_t pid = bench_fork (say_hello);

  await_hello ();

  for (int i = 0; i < BENCH_POOL_N_DEATHS; i++)
    {
      struct pollfd end = { syscall (SYS_pidfd_open, pid, 0), POLLIN };
      gint64 began = bench_now_nsec ();

      bench_check (end.fd >= 0 && kill (pid, SIGKILL) == 0 && poll (&end, 1, -1) == 1 &&
                   waitpid (pid, NULL, 0) == pid, "Could not see the end of a worker");
      pid = bench_fork (say_hello);
      await_hello ();
      values[i] = (bench_now_nsec () - began) / 1e3;
      close (end.fd);
    }

  bench_check (kill (pid, SIGKILL) == 0 && waitpid (pid, NULL, 0) == pid,
               "Could not end a worker");

  return bench_median (values, BENCH_POOL_N_DEATHS);
}

static const BenchCase cases[] = {
  { "apply-asleep", begin_apply, apply_asleep, end },
  { "apply", begin_apply, apply_in_turn, end },
  { "map-busy", begin_busy, map_busy, end },
  { "recovery", begin_recovery, recover, NULL },
  { NULL }
};

int
main (int   argc,
      char *argv[])
{
  return bench_main (argc, argv, cases);
}
