/* limit-connection.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>

#include "bench.h"

/* A bare pair of stream sockets, and for TCP a bare connection over the loopback device: the bytes
 * of a message, whose length both sides know, by one write() and one read(), or as many as it
 * takes. No header, no descriptors, no limits, no deadline, no wake-up by anybody else, and one
 * buffer for all messages.
 */

#define N_TRIPS 1000
#define TRIP_SIZE 64

static int near;
static int far;

static void
begin (void)
{
  int fds[2];

  bench_check (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0,
               "Could not make a pair of sockets");
  near = fds[0];
  far = fds[1];
}

static void
begin_tcp (void)
{
  struct sockaddr_in address = {
    .sin_family = AF_INET,
    .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
  };
  int listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  socklen_t length = sizeof address;
  int on = 1;

  bench_check (listener >= 0 && bind (listener, (gpointer) &address, sizeof address) == 0 &&
               listen (listener, 1) == 0 &&
               getsockname (listener, (gpointer) &address, &length) == 0, "Could not listen");
  near = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bench_check (near >= 0 && connect (near, (gpointer) &address, sizeof address) == 0,
               "Could not connect");
  far = accept (listener, NULL, NULL);
  bench_check (far >= 0, "Could not accept");
  close (listener);

  bench_check (setsockopt (near, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
               setsockopt (far, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0,
               "Could not have TCP send at once");
}

/* --- connection-64, connection-1m --- */

static void
put (gconstpointer message,
     gsize         size)
{
  bench_write_all (far, message, size);
}

static void
get (gpointer message,
     gsize    size)
{
  bench_read_all (near, message, size);
}

static const BenchStream stream = { put, get };

static double
connection_64 (void)
{
  return bench_stream (&stream, 64, 100000);
}

static double
connection_1m (void)
{
  return bench_stream (&stream, 1024 * 1024, 300);
}

/* --- connection-round-trip --- */

static void
answer (void)
{
  char data[TRIP_SIZE];

  for (int i = 0; i < N_TRIPS; i++)
    {
      bench_read_all (far, data, sizeof data);
      bench_write_all (far, data, sizeof data);
    }
}

static double
round_trip (void)
{
  double values[N_TRIPS];
  char data[TRIP_SIZE] = { 0 };
  pid_t pid = bench_fork (answer);

  for (int i = 0; i < N_TRIPS; i++)
    {
      gint64 began = bench_now_nsec ();

      bench_write_all (near, data, sizeof data);
      bench_read_all (near, data, sizeof data);
      values[i] = (bench_now_nsec () - began) / 1e3;
    }

  bench_join (pid);

  return bench_median (values, N_TRIPS);
}

/* --- connection-round-trip-async: a source that watches the descriptor, in a main loop of each
 * process
 */

static GMainLoop *loop;
static gint64 began;
static double trips[N_TRIPS];
static int n_done;

static void
watch (int               fd,
       GUnixFDSourceFunc callback)
{
  loop = g_main_loop_new (NULL, FALSE);
  n_done = 0;
  g_unix_fd_add (fd, G_IO_IN, callback, NULL);
}

static void
run (void)
{
  g_main_loop_run (loop);
  g_main_loop_unref (loop);
}

static gboolean
is_last (void)
{
  if (++n_done < N_TRIPS)
    return FALSE;

  g_main_loop_quit (loop);

  return TRUE;
}

static gboolean
answer_cb (int          fd,
           GIOCondition condition,
           gpointer     user_data)
{
  char data[TRIP_SIZE];

  bench_read_all (fd, data, sizeof data);
  bench_write_all (fd, data, sizeof data);

  return is_last () ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static void
answer_async (void)
{
  watch (far, answer_cb);
  run ();
}

static void
ask (void)
{
  char data[TRIP_SIZE] = { 0 };

  began = bench_now_nsec ();
  bench_write_all (near, data, sizeof data);
}

static gboolean
answered_cb (int          fd,
             GIOCondition condition,
             gpointer     user_data)
{
  char data[TRIP_SIZE];

  bench_read_all (fd, data, sizeof data);
  trips[n_done] = (bench_now_nsec () - began) / 1e3;

  if (is_last ())
    return G_SOURCE_REMOVE;

  ask ();

  return G_SOURCE_CONTINUE;
}

static double
round_trip_async (void)
{
  pid_t pid = bench_fork (answer_async);

  watch (near, answered_cb);
  ask ();
  run ();
  bench_join (pid);

  return bench_median (trips, N_TRIPS);
}

static const BenchCase cases[] = {
  { "connection-64", begin, connection_64, NULL },
  { "connection-1m", begin, connection_1m, NULL },
  { "connection-round-trip", begin, round_trip, NULL },
  { "connection-round-trip-tcp", begin_tcp, round_trip, NULL },
  { "connection-round-trip-async", begin, round_trip_async, NULL },
  { NULL }
};

int
main (int   argc,
      char *argv[])
{
  return bench_main (argc, argv, cases);
}
