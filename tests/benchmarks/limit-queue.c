/* limit-queue.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

/* --- queue-64, queue-1k, queue-64k: a pipe, for one reader and one writer --- */

static int there[2];
static int back[2];

static void
pipe_begin (void)
{
  bench_check (pipe (there) == 0 && pipe (back) == 0, "Could not make a pipe");
}

static void
write_all (int         fd,
           const char *data,
           gsize       size)
{
  while (size > 0)
    {
      gssize n = write (fd, data, size);

      bench_check (n > 0, "Could not write");
      data += n;
      size -= n;
    }
}

static void
read_all (int    fd,
          char  *data,
          gsize  size)
{
  while (size > 0)
    {
      gssize n = read (fd, data, size);

      bench_check (n > 0, "Could not read");
      data += n;
      size -= n;
    }
}

static void
pipe_put (gconstpointer message,
          gsize         size)
{
  write_all (there[1], message, size);
}

static void
pipe_get (gpointer message,
          gsize    size)
{
  read_all (there[0], message, size);
}

static const BenchStream pipe_stream = { pipe_put, pipe_get };

static double
queue_64 (void)
{
  return bench_stream (&pipe_stream, 64, 200000);
}

static double
queue_1k (void)
{
  return bench_stream (&pipe_stream, 1024, 100000);
}

static double
queue_64k (void)
{
  return bench_stream (&pipe_stream, 64 * 1024, 5000);
}

/* --- queue-1m: into shared memory, and out of it, with nothing else --- */

static char *shared;
static char *message;

static void
copy_begin (void)
{
  shared = bench_share (1024 * 1024);
  message = g_malloc0 (1024 * 1024);
}

static void
copy (int n)
{
  for (int i = 0; i < n; i++)
    {
      memcpy (shared, message, 1024 * 1024);
      memcpy (message, shared, 1024 * 1024);
    }
}

static double
queue_1m (void)
{
  return 1e9 / bench_loop (copy, 5);
}

/* --- queue-round-trip: two pipes --- */

#define N_TRIPS 300

static void
answer (void)
{
  char data[64];

  for (int i = 0; i < N_TRIPS; i++)
    {
      read_all (there[0], data, sizeof data);
      write_all (back[1], data, sizeof data);
    }
}

static double
round_trip (void)
{
  double values[N_TRIPS];
  char data[64] = { 0 };
  pid_t pid = bench_fork (answer);

  for (int i = 0; i < N_TRIPS; i++)
    {
      gint64 began = bench_now_nsec ();

      write_all (there[1], data, sizeof data);
      read_all (back[0], data, sizeof data);
      values[i] = (bench_now_nsec () - began) / 1e3;
    }

  bench_join (pid);

  return bench_median (values, N_TRIPS);
}

static const BenchCase cases[] = {
  { "queue-64", pipe_begin, queue_64, NULL },
  { "queue-1k", pipe_begin, queue_1k, NULL },
  { "queue-64k", pipe_begin, queue_64k, NULL },
  { "queue-1m", copy_begin, queue_1m, NULL },
  { "queue-round-trip", pipe_begin, round_trip, NULL },
  { NULL }
};

int
main (int   argc,
      char *argv[])
{
  return bench_main (argc, argv, cases);
}
