/* boost-sync.cpp
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <new>

#include <boost/interprocess/sync/interprocess_mutex.hpp>

#include "bench.h"

using boost::interprocess::interprocess_mutex;

static interprocess_mutex *mutex;

static void
mutex_begin ()
{
  mutex = new (bench_share (sizeof *mutex)) interprocess_mutex;
}

static void
lock_and_unlock (int n)
{
  for (int i = 0; i < n; i++)
    {
      mutex->lock ();
      mutex->unlock ();
    }
}

static double
lock_uncontended ()
{
  return bench_loop (lock_and_unlock, 50000);
}

static double
lock_contended ()
{
  return bench_contend (lock_and_unlock, 100);
}

static const BenchCase cases[] = {
  { "lock-uncontended", mutex_begin, lock_uncontended, nullptr },
  { "lock-contended", mutex_begin, lock_contended, nullptr },
  { nullptr, nullptr, nullptr, nullptr },
};

int
main (int   argc,
      char *argv[])
{
  return bench_main (argc, argv, cases);
}
