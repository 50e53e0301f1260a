/* limit-pair.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>

#include <glib.h>

#include "bench.h"

/* What two processes do in turn, by the C library. */

#define N_LOOPS    50
#define LOOP_TRIPS 10
#define N_TRIPS    (N_LOOPS * LOOP_TRIPS)

static double
measure (void (*answer) (void),
         void (*trip) (void))
{
  pid_t pid = bench_fork (answer);
  double values[N_LOOPS];

  trip ();

  for (int i = 0; i < N_LOOPS; i++)
    {
      gint64 began = bench_now_nsec ();

      for (int j = 0; j < LOOP_TRIPS; j++)
        trip ();

      values[i] = (bench_now_nsec () - began) / 1e3 / LOOP_TRIPS;
    }

  bench_join (pid);

  return bench_median (values, N_LOOPS);
}

/* The functions of threads return errors. */
static void
check (int error)
{
  errno = error;
  bench_check (error == 0, "The C library failed");
}

/* --- semaphore-round-trip: two sem_t --- */

typedef struct {
  sem_t there;
  sem_t back;
} Semaphores;

static Semaphores *semaphores;

static void
semaphore_begin (void)
{
  semaphores = bench_share (sizeof *semaphores);

  bench_check (sem_init (&semaphores->there, TRUE, 0) == 0, "Could not make a semaphore");
  bench_check (sem_init (&semaphores->back, TRUE, 0) == 0, "Could not make a semaphore");
}

static void
semaphore_take (sem_t *semaphore)
{
  while (sem_wait (semaphore) < 0)
    bench_check (errno == EINTR, "Could not wait for a semaphore");
}

static void
semaphore_answer (void)
{
  for (int i = 0; i <= N_TRIPS; i++)
    {
      semaphore_take (&semaphores->there);
      sem_post (&semaphores->back);
    }
}

static void
semaphore_trip (void)
{
  sem_post (&semaphores->there);
  semaphore_take (&semaphores->back);
}

static double
semaphore_round_trip (void)
{
  return measure (semaphore_answer, semaphore_trip);
}

/* --- condition-round-trip: a mutex and a condition, neither of them robust --- */

typedef struct {
  pthread_mutex_t mutex;
  pthread_cond_t  condition;
  int             turn;
} Turns;

static Turns *turns;

static void
condition_begin (void)
{
  pthread_mutexattr_t mutex_attributes;
  pthread_condattr_t condition_attributes;

  turns = bench_share (sizeof *turns);
  check (pthread_mutexattr_init (&mutex_attributes));
  check (pthread_mutexattr_setpshared (&mutex_attributes, PTHREAD_PROCESS_SHARED));
  check (pthread_mutex_init (&turns->mutex, &mutex_attributes));
  check (pthread_condattr_init (&condition_attributes));
  check (pthread_condattr_setpshared (&condition_attributes, PTHREAD_PROCESS_SHARED));
  check (pthread_cond_init (&turns->condition, &condition_attributes));
}

static void
condition_take_turn (int turn)
{
  check (pthread_mutex_lock (&turns->mutex));

  while (turns->turn != turn)
    check (pthread_cond_wait (&turns->condition, &turns->mutex));

  turns->turn = !turn;
  check (pthread_cond_signal (&turns->condition));
  check (pthread_mutex_unlock (&turns->mutex));
}

static void
condition_answer (void)
{
  for (int i = 0; i <= N_TRIPS; i++)
    condition_take_turn (1);
}

static void
condition_trip (void)
{
  condition_take_turn (0);
}

static double
condition_round_trip (void)
{
  turns->turn = 0;

  return measure (condition_answer, condition_trip);
}

/* --- barrier-round: a barrier of two --- */

static pthread_barrier_t *barrier;

static void
barrier_begin (void)
{
  pthread_barrierattr_t attributes;

  barrier = bench_share (sizeof *barrier);
  check (pthread_barrierattr_init (&attributes));
  check (pthread_barrierattr_setpshared (&attributes, PTHREAD_PROCESS_SHARED));
  check (pthread_barrier_init (barrier, &attributes, 2));
}

static void
barrier_trip (void)
{
  int result = pthread_barrier_wait (barrier);

  check (result == PTHREAD_BARRIER_SERIAL_THREAD ? 0 : result);
}

static void
barrier_answer (void)
{
  for (int i = 0; i <= N_TRIPS; i++)
    barrier_trip ();
}

static double
barrier_round (void)
{
  return measure (barrier_answer, barrier_trip);
}

static const BenchCase cases[] = {
  { "semaphore-round-trip", semaphore_begin, semaphore_round_trip, NULL },
  { "condition-round-trip", condition_begin, condition_round_trip, NULL },
  { "barrier-round", barrier_begin, barrier_round, NULL },
  { NULL }
};

int
main (int   argc,
      char *argv[])
{
  return bench_main (argc, argv, cases);
}
