/* test-queue-lag.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Much goes through a queue without a limit, and whoever gets it lags behind: how much memory does
 * the queue have?
 */

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "platform/aioproc-memfd-private.h"
#include "queue-test.h"
#include "queue-torture.h"

#define MIB       G_GUINT64_CONSTANT (1048576)
#define GIB       (1024 * MIB)
#define N_BYTES   (10 * GIB)
#define MAX_LAG   (1 * GIB)
#define MIN_LAG   (16 * MIB)
#define STEP      (64 * MIB)
#define MIN_FREE  (4 * GIB)

/* Seconds for a step: much is written and compared by one processor. */
#define WATCHDOG  600

typedef struct {
  const char *name;
  guint32     size;       /* of the items, 0: of all sizes */
  double      factor;     /* of what the queue may have for each byte that is in it */
} Setup;

typedef struct {
  const Setup  *setup;
  AioprocQueue *queue;    /* (owned) */
  QueueLog     *log;
  guint64       n_got;    /* bytes */
  guint32       number;   /* of the next item */
  guint64       peak;     /* backlog, since memory was last found to follow it down */
} Lag;

static guint64
get_free_memory (void)
{
  g_autofree char *text = NULL;
  const char *line;
  guint64 kib = 0;

  if (!g_file_get_contents ("/proc/meminfo", &text, NULL, NULL) ||
      (line = strstr (text, "MemAvailable:")) == NULL ||
      sscanf (line, "MemAvailable: %" G_GUINT64_FORMAT, &kib) != 1)
    return 0;

  return kib * 1024;
}

static guint64
lag_get_allocated (Lag *self)
{
  struct stat buffer;

  g_assert_cmpint (fstat (aioproc_shm_get_fd (queue_test_get_shm (self->queue)), &buffer), ==, 0);

  return (guint64) buffer.st_blocks * 512;
}

/* What a backlog of @n_bytes may need, with the index of all the items that there ever were. */
static guint64
lag_get_bound (Lag     *self,
               guint64  n_bytes)
{
  guint32 n_slots = atomic_load (&queue_test_get_header (self->queue)->n_slots);

  return (guint64) (self->setup->factor * n_bytes) + n_slots * sizeof (AioprocQueueSlot) +
         8 * MIB;
}

static guint64
lag_get_backlog (Lag *self)
{
  guint64 backlog = aioproc_queue_get_n_bytes (self->queue);

  self->peak = MAX (self->peak, backlog);

  return backlog;
}

static void
lag_get (Lag *self)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) item = aioproc_queue_get_bytes (self->queue, -1, NULL, &error);
  guint32 life;
  guint32 number;

  g_assert_no_error (error);
  queue_log_read_item (item, &life, &number);
  g_assert_cmpuint (number, ==, self->number);
  g_assert_true (queue_log_check_item (item));
  self->number++;
  self->n_got += g_bytes_get_size (item);
}

/* Goes on until so much was got, @lag behind. */
static void
lag_run (Lag     *self,
         guint64  n_bytes,
         guint64  lag)
{
  guint64 end = self->n_got + n_bytes;
  guint64 next = self->n_got;

  while (self->n_got < end)
    {
      atomic_store (&self->log->max_bytes, self->n_got + lag);

      /* It is behind, if the other one is so fast. */
      while (atomic_load (&self->log->n_bytes) < self->n_got + lag - MIN (lag, 4 * MIB))
        g_thread_yield ();

      lag_get (self);

      if (self->n_got < next)
        continue;

      lag_get_backlog (self);
      next += STEP;
      aioproc_test_arm_watchdog (WATCHDOG);
      g_assert_cmpuint (lag_get_allocated (self), <=, lag_get_bound (self, self->peak));
    }
}

/* Until the memory has followed the backlog down. */
static void
lag_settle (Lag     *self,
            guint64  lag)
{
  guint64 before = lag_get_allocated (self);

  self->peak = 0;

  while (lag_get_allocated (self) > lag_get_bound (self, MAX (self->peak, lag)))
    {
      lag_get_backlog (self);
      atomic_store (&self->log->max_bytes, self->n_got + lag);
      lag_get (self);
    }

  g_test_message ("%s: %" G_GUINT64_FORMAT " MiB got, backlog %" G_GUINT64_FORMAT " MiB: memory %"
                  G_GUINT64_FORMAT " MiB, then %" G_GUINT64_FORMAT " MiB", self->setup->name,
                  self->n_got / MIB, self->peak / MIB, before / MIB,
                  lag_get_allocated (self) / MIB);
}

static void
lag_drain (Lag     *self,
           guint64  lag)
{
  atomic_store (&self->log->max_bytes, 0);

  while (lag_get_backlog (self) > lag)
    {
      lag_get (self);
      aioproc_test_arm_watchdog (WATCHDOG);
    }
}

static void
test_queue_lag (gconstpointer data)
{
  Lag self = { .setup = data };
  g_autoptr(GError) error = NULL;
  int log_fd;
  pid_t pid;

  g_test_summary ("The memory of a queue without a limit follows the backlog up and down");

  if (get_free_memory () < MIN_FREE)
    {
      g_test_skip ("There is too little memory");
      return;
    }

  self.queue = queue_test_new (0);
  log_fd = aioproc_memfd_new ("log", sizeof (QueueLog), &error);
  g_assert_no_error (error);
  self.log = queue_log_map (log_fd);
  aioproc_test_arm_watchdog (WATCHDOG);
  pid = queue_test_spawn (self.queue, log_fd, "fill", self.setup->size, NULL);

  for (guint round = 0; round < 2; round++)
    {
      lag_run (&self, N_BYTES / 2, MAX_LAG);
      lag_drain (&self, MIN_LAG);
      lag_settle (&self, MIN_LAG);
    }

  g_assert_cmpuint (self.n_got, >=, N_BYTES);
  atomic_store (&self.log->stop, 1);
  g_assert_cmpint (queue_test_reap (pid), ==, 0);
  munmap (self.log, sizeof (QueueLog));
  close (log_fd);
  g_assert_finalize_object (g_steal_pointer (&self.queue));
}

static const Setup setups[] = {
  { "1000-bytes", 1000, 1.1 },
  { "64-kib", 65536, 1.1 },
  { "1-mib", 1048576, 1.1 },
  { "mixed", 0, 1.5 },
};

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (setups); i++)
    {
      g_autofree char *path = g_strdup_printf ("/aioproc/queue/lag/%s", setups[i].name);

      aioproc_test_add_data_func (path, &setups[i], test_queue_lag);
    }

  return g_test_run ();
}
