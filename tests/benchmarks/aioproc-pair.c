/* aioproc-pair.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-other.h"

/* What two processes do in turn: each case is the microseconds for one there and back. */

#define N_LOOPS    50
#define LOOP_TRIPS 10
#define N_TRIPS    (N_LOOPS * LOOP_TRIPS)

static gpointer first;
static gpointer second;

static void
end (void)
{
  g_clear_object (&first);
  g_clear_object (&second);
}

/* Loops, since two in turn need not take the same time: at a barrier, who comes last and goes on at
 * once comes first the next time, and waits. Not from the first trip on, which also counts how long
 * the other process takes to begin.
 */
static double
measure (const char *function,
         void      (*trip) (void))
{
  AioprocProcess *other = bench_other_start (function, first, second);
  double values[N_LOOPS];

  trip ();

  for (int i = 0; i < N_LOOPS; i++)
    {
      gint64 began = bench_now_nsec ();

      for (int j = 0; j < LOOP_TRIPS; j++)
        trip ();

      values[i] = (bench_now_nsec () - began) / 1e3 / LOOP_TRIPS;
    }

  bench_other_join (other);

  return bench_median (values, N_LOOPS);
}

/* --- semaphore-round-trip: a unit is posted there, and one back --- */

static void
semaphore_begin (void)
{
  g_autoptr(GError) error = NULL;

  bench_other_begin ();
  first = aioproc_semaphore_new (0, &error);
  bench_check_error (first != NULL, error);
  second = aioproc_semaphore_new (0, &error);
  bench_check_error (second != NULL, error);
}

/* As those do who get units that others post, and do not give them back. */
static gboolean
semaphore_take (AioprocSemaphore  *semaphore,
                GError           **error)
{
  return aioproc_semaphore_acquire (semaphore, -1, NULL, error) &&
         aioproc_semaphore_consume (semaphore, error);
}

static GVariant *
semaphore_answer (AioprocCall  *call,
                  GError      **error)
{
  bench_other_enter (call, &first, &second);

  for (int i = 0; i <= N_TRIPS; i++)
    {
      if (!semaphore_take (first, error) || !aioproc_semaphore_post (second, error))
        return NULL;
    }

  return g_variant_new ("()");
}

static void
semaphore_trip (void)
{
  g_autoptr(GError) error = NULL;

  if (!aioproc_semaphore_post (first, &error) || !semaphore_take (second, &error))
    bench_check_error (FALSE, error);
}

static double
semaphore_round_trip (void)
{
  return measure ("semaphore-answer", semaphore_trip);
}

/* --- condition-round-trip: a turn goes there and back, under a lock --- */

static void
condition_begin (void)
{
  g_autoptr(GError) error = NULL;

  bench_other_begin ();
  second = aioproc_lock_new (&error);
  bench_check_error (second != NULL, error);
  first = aioproc_condition_new (second, &error);
  bench_check_error (first != NULL, error);
}

/* Waits for @turn, and gives the other one: called again and again, a turn there and back. */
static gboolean
condition_take_turn (int      turn,
                     GError **error)
{
  if (!aioproc_lock_acquire (second, -1, NULL, error))
    return FALSE;

  while (bench_shared->turn != turn)
    {
      if (!aioproc_condition_wait (first, 0, -1, NULL, error))
        return FALSE;
    }

  bench_shared->turn = !turn;

  return aioproc_condition_notify_n (first, 0, 1, error) && aioproc_lock_release (second, error);
}

static GVariant *
condition_answer (AioprocCall  *call,
                  GError      **error)
{
  bench_other_enter (call, &first, &second);

  for (int i = 0; i <= N_TRIPS; i++)
    {
      if (!condition_take_turn (1, error))
        return NULL;
    }

  return g_variant_new ("()");
}

static void
condition_trip (void)
{
  g_autoptr(GError) error = NULL;

  bench_check_error (condition_take_turn (0, &error), error);
}

static double
condition_round_trip (void)
{
  bench_shared->turn = 0;

  return measure ("condition-answer", condition_trip);
}

/* --- barrier-round: both arrive at a barrier of two --- */

static void
barrier_begin (void)
{
  g_autoptr(GError) error = NULL;

  bench_other_begin ();
  first = aioproc_barrier_new (2, &error);
  bench_check_error (first != NULL, error);
}

static void
barrier_trip (void)
{
  g_autoptr(GError) error = NULL;

  bench_check_error (aioproc_barrier_wait (first, -1, NULL, &error) >= 0, error);
}

static GVariant *
barrier_answer (AioprocCall  *call,
                GError      **error)
{
  bench_other_enter (call, &first, &second);

  for (int i = 0; i <= N_TRIPS; i++)
    barrier_trip ();

  return g_variant_new ("()");
}

static double
barrier_round (void)
{
  return measure ("barrier-answer", barrier_trip);
}

static const BenchCase cases[] = {
  { "semaphore-round-trip", semaphore_begin, semaphore_round_trip, end },
  { "condition-round-trip", condition_begin, condition_round_trip, end },
  { "barrier-round", barrier_begin, barrier_round, end },
  { NULL }
};

static const AioprocFunctionEntry functions[] = {
  { "semaphore-answer", semaphore_answer },
  { "condition-answer", condition_answer },
  { "barrier-answer", barrier_answer },
};

int
main (int   argc,
      char *argv[])
{
  aioproc_init (functions, G_N_ELEMENTS (functions));

  return bench_main (argc, argv, cases);
}
