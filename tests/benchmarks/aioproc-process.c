/* aioproc-process.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <sys/mman.h>

#include <aioproc.h>

#include "bench.h"

/* All cases: microseconds to start a process whose function does nothing, and to join it. */

#define N_STARTS 20
#define BALLAST  (1024 * 1024 * 1024)

static AioprocContext *context;

static void
begin (AioprocStartMethod method)
{
  context = aioproc_context_new ();
  aioproc_context_set_start_method (context, method);
}

static void
begin_forkserver (void)
{
  begin (AIOPROC_START_METHOD_FORKSERVER);
}

static void
begin_spawn (void)
{
  begin (AIOPROC_START_METHOD_SPAWN);
}

/* Memory that a fork would have to copy the page tables of, in pages of the usual size. */
static void
take_ballast (void)
{
  char *ballast = mmap (NULL, BALLAST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  bench_check (ballast != MAP_FAILED, "Could not map memory");
  madvise (ballast, BALLAST, MADV_NOHUGEPAGE);

  for (gsize i = 0; i < BALLAST; i += 4096)
    ballast[i] = 1;
}

static void
begin_forkserver_1gib (void)
{
  take_ballast ();
  begin_forkserver ();
}

static void
begin_spawn_1gib (void)
{
  take_ballast ();
  begin_spawn ();
}

static void
end (void)
{
  g_clear_object (&context);
}

static GVariant *
do_nothing (AioprocCall  *call,
            GError      **error)
{
  return g_variant_new ("()");
}

static double
start_and_join (void)
{
  double values[N_STARTS];

  for (int i = 0; i < N_STARTS; i++)
    {
      g_autoptr(AioprocProcess) process = NULL;
      g_autoptr(GError) error = NULL;
      gint64 began = bench_now_nsec ();
      int exit_code;

      process = aioproc_process_new (context, "do-nothing", NULL);
      bench_check_error (aioproc_process_start (process, NULL, &error), error);
      bench_check_error (aioproc_process_join (process, -1, NULL, &error), error);
      values[i] = (bench_now_nsec () - began) / 1e3;
      bench_check (aioproc_process_get_exit_code (process, &exit_code) && exit_code == 0,
                   "The process failed");
    }

  return bench_median (values, N_STARTS);
}

static const BenchCase cases[] = {
  { "start-join-forkserver", begin_forkserver, start_and_join, end },
  { "start-join-forkserver-1gib", begin_forkserver_1gib, start_and_join, end },
  { "start-join-spawn", begin_spawn, start_and_join, end },
  { "start-join-spawn-1gib", begin_spawn_1gib, start_and_join, end },
  { NULL }
};

static const AioprocFunctionEntry functions[] = {
  { "do-nothing", do_nothing },
};

int
main (int   argc,
      char *argv[])
{
  aioproc_init (functions, G_N_ELEMENTS (functions));

  return bench_main (argc, argv, cases);
}
