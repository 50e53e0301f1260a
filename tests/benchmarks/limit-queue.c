/* limit-queue.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib-unix.h>

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
pipe_put (gconstpointer message,
          gsize         size)
{
  bench_write_all (there[1], message, size);
}

static void
pipe_get (gpointer message,
          gsize    size)
{
  bench_read_all (there[0], message, size);
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

/* --- queue-64-async: a ring for one reader and one writer, and a GTask for each message --- */

#define N_ASYNC 30000
/* More than that, so that the writer never waits, as that of a queue without a bound does not. */
#define N_SLOTS 32768

typedef struct {
  _Atomic guint32 head;              /* what is written */
  char            padding1[60];
  _Atomic guint32 tail;              /* what is read */
  char            padding2[60];
  _Atomic guint32 asleep;            /* the reader has to be woken */
  char            padding3[60];
  char            slots[N_SLOTS][64];
} Ring;

static Ring *ring;
static BenchMeeting *meeting;
static int doorbell;
static GObject *object;
static GMainLoop *loop;
static GTask *pending;               /* (owned) (nullable) */
static int n_left;

static void
ring_begin (void)
{
  ring = bench_share (sizeof *ring);
  meeting = bench_share (sizeof *meeting);
  object = g_object_new (G_TYPE_OBJECT, NULL);
  doorbell = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  bench_check (doorbell >= 0, "Could not make a doorbell");
}

static void
ring_end (void)
{
  g_object_unref (object);
}

static void
ring_produce (void)
{
  char data[64] = { 0 };
  guint64 one = 1;

  bench_meet_other (meeting);

  for (int i = 0; i < N_ASYNC; i++)
    {
      guint32 head = atomic_load_explicit (&ring->head, memory_order_relaxed);

      memcpy (ring->slots[head % N_SLOTS], data, sizeof data);
      /* This store before that load; partner: ring_get_or_wait(). */
      atomic_store (&ring->head, head + 1);

      if (atomic_load (&ring->asleep) && atomic_exchange (&ring->asleep, 0))
        bench_check (write (doorbell, &one, sizeof one) == sizeof one, "Could not ring");
    }
}

static gboolean
ring_get (GTask *task)
{
  guint32 tail = atomic_load_explicit (&ring->tail, memory_order_relaxed);
  GBytes *bytes;

  if (atomic_load (&ring->head) == tail)
    return FALSE;

  bytes = g_bytes_new (ring->slots[tail % N_SLOTS], 64);
  atomic_store_explicit (&ring->tail, tail + 1, memory_order_release);
  g_task_return_pointer (task, bytes, (GDestroyNotify) g_bytes_unref);

  return TRUE;
}

/* Takes @task. */
static void
ring_get_or_wait (GTask *task)
{
  if (!ring_get (task))
    {
      atomic_store (&ring->asleep, 1);

      if (!ring_get (task))
        {
          pending = task;
          return;
        }

      atomic_store (&ring->asleep, 0);
    }

  g_object_unref (task);
}

static gboolean
doorbell_cb (int          fd,
             GIOCondition condition,
             gpointer     user_data)
{
  guint64 n;

  bench_check (read (fd, &n, sizeof n) == sizeof n, "Could not hear the doorbell");

  if (pending != NULL)
    ring_get_or_wait (g_steal_pointer (&pending));

  return G_SOURCE_CONTINUE;
}

static void
ring_get_async (GAsyncReadyCallback callback)
{
  ring_get_or_wait (g_task_new (object, NULL, callback, NULL));
}

static void
ring_got_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr(GBytes) message_got = g_task_propagate_pointer (G_TASK (result), NULL);

  bench_check (g_bytes_get_size (message_got) == 64, "A message is torn");

  if (--n_left > 0)
    ring_get_async (ring_got_cb);
  else
    g_main_loop_quit (loop);
}

static double
queue_async (void)
{
  guint id = g_unix_fd_add (doorbell, G_IO_IN, doorbell_cb, NULL);
  gint64 began;
  gint64 took;
  pid_t pid;

  memset (meeting, 0, sizeof *meeting);
  loop = g_main_loop_new (NULL, FALSE);
  n_left = N_ASYNC;
  pid = bench_fork (ring_produce);
  bench_meet_own (meeting);
  began = bench_now_nsec ();
  ring_get_async (ring_got_cb);
  g_main_loop_run (loop);
  took = bench_now_nsec () - began;
  g_main_loop_unref (loop);
  g_source_remove (id);
  bench_join (pid);

  return N_ASYNC * 1e9 / took;
}

/* --- queue-round-trip: two pipes --- */

#define N_TRIPS 300

static void
answer (void)
{
  char data[64];

  for (int i = 0; i < N_TRIPS; i++)
    {
      bench_read_all (there[0], data, sizeof data);
      bench_write_all (back[1], data, sizeof data);
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

      bench_write_all (there[1], data, sizeof data);
      bench_read_all (back[0], data, sizeof data);
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
  { "queue-64-async", ring_begin, queue_async, ring_end },
  { "queue-round-trip", pipe_begin, round_trip, NULL },
  { NULL }
};

int
main (int   argc,
      char *argv[])
{
  return bench_main (argc, argv, cases);
}
