/* boost-queue.cpp
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <new>
#include <string>

#include <unistd.h>

#include <boost/interprocess/ipc/message_queue.hpp>

#include "bench.h"

using namespace boost::interprocess;

/* A queue of it is bounded, and has a name. */
static message_queue *there;
static message_queue *back;

static message_queue *
make_queue (const char *what,
            gsize       size)
{
  std::string name = std::string ("aioproc-bench-") + what + "-" + std::to_string (getpid ());
  message_queue *queue = new message_queue (create_only, name.c_str (),
                                            size <= 64 ? BENCH_CAPACITY_SMALL : BENCH_CAPACITY,
                                            size);

  message_queue::remove (name.c_str ());

  return queue;
}

static void
put (gconstpointer message,
     gsize         size)
{
  there->send (message, size, 0);
}

static void
get (gpointer message,
     gsize    size)
{
  message_queue::size_type received;
  unsigned int priority;

  there->receive (message, size, received, priority);
  bench_check (received == size, "A message is torn");
}

static const BenchStream boost_stream = { put, get };

template <gsize size>
static void
begin ()
{
  there = make_queue ("there", size);
  back = make_queue ("back", size);
}

template <gsize size, guint n_messages>
static double
stream ()
{
  return bench_stream (&boost_stream, size, n_messages);
}

static const char crowd_messages[2][64] = { { 0 }, { 1 } };

static void
put_in_crowd (gboolean is_last)
{
  put (crowd_messages[is_last], sizeof crowd_messages[is_last]);
}

static gboolean
get_in_crowd ()
{
  char data[64];

  get (data, sizeof data);

  return data[0];
}

static const BenchCrowdFuncs crowd_funcs = { put_in_crowd, get_in_crowd };

static double
crowd ()
{
  return bench_crowd (&crowd_funcs);
}

#define N_TRIPS 300

static void
answer ()
{
  message_queue::size_type received;
  unsigned int priority;
  char data[64];

  for (int i = 0; i < N_TRIPS; i++)
    {
      there->receive (data, sizeof data, received, priority);
      back->send (data, sizeof data, 0);
    }
}

static double
round_trip ()
{
  message_queue::size_type received;
  unsigned int priority;
  double values[N_TRIPS];
  char data[64] = { 0 };
  pid_t pid = bench_fork (answer);

  for (int i = 0; i < N_TRIPS; i++)
    {
      gint64 began = bench_now_nsec ();

      there->send (data, sizeof data, 0);
      back->receive (data, sizeof data, received, priority);
      values[i] = (bench_now_nsec () - began) / 1e3;
    }

  bench_join (pid);

  return bench_median (values, N_TRIPS);
}

static const BenchCase cases[] = {
  { "bounded-64", begin<64>, stream<64, 200000>, nullptr },
  { "bounded-1k", begin<1024>, stream<1024, 100000>, nullptr },
  { "bounded-64k", begin<65536>, stream<65536, 5000>, nullptr },
  { "bounded-1m", begin<1048576>, stream<1048576, 300>, nullptr },
  { "bounded-64-2x2", begin<64>, crowd, nullptr },
  { "queue-round-trip", begin<64>, round_trip, nullptr },
  { nullptr, nullptr, nullptr, nullptr },
};

int
main (int   argc,
      char *argv[])
{
  return bench_main (argc, argv, cases);
}
