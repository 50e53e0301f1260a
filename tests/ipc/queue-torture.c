/* queue-torture.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "queue-torture.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "core/aioproc-shareable-private.h"
#include "platform/aioproc-fds-private.h"
#include "platform/aioproc-memfd-private.h"
#include "platform/aioproc-spawn-private.h"
#include "queue-test.h"

#define MAX_PEERS 8

/* After so long without an item a naive queue hangs; for the real one the watchdog decides. */
#define NAIVE_HANG_USEC (2 * G_TIME_SPAN_SECOND)

typedef struct {
  const TortureSetup *setup;
  TortureResult       result;
  AioprocQueue       *queue;               /* (owned) */
  QueueLog           *log;
  int                 log_fd;
  guint32             n_lives;
  pid_t               pids[MAX_PEERS];     /* producers first */
  guint32             lives[MAX_PEERS];
  GRand              *rand;                /* (owned) */
} Torture;

void
queue_test_send (AioprocQueue *queue,
                 int           socket_fd)
{
  g_autoptr(GError) error = NULL;
  int fds[AIOPROC_SHAREABLE_MAX_FDS];
  guint32 kind;
  guint n_fds;
  gsize n_done;

  aioproc_shareable_export (AIOPROC_SHAREABLE (queue), &kind, fds, &n_fds, &error);
  g_assert_no_error (error);
  aioproc_fds_send (socket_fd, "q", 1, fds, n_fds, FALSE, &n_done, &error);
  g_assert_no_error (error);
  aioproc_fds_close_all (fds, n_fds);
}

pid_t
queue_test_spawn (AioprocQueue *queue,
                  int           log_fd,
                  const char   *what,
                  guint32       argument,
                  int          *socket_fd)
{
  g_autofree char *path = aioproc_test_build_helper_path ("aioproc-test-queue-peer");
  g_autofree char *text = g_strdup_printf ("%u", argument);
  g_auto(GStrv) environment = g_get_environ ();
  const char *argv[] = { path, what, text, NULL };
  g_autoptr(GError) error = NULL;
  AioprocSpawnFd spawn_fds[2];
  int sockets[2];
  int pidfd;
  pid_t pid;

  aioproc_fds_socketpair (SOCK_STREAM, sockets, &error);
  g_assert_no_error (error);

  spawn_fds[0] = (AioprocSpawnFd) { sockets[1], QUEUE_PEER_SOCKET };
  spawn_fds[1] = (AioprocSpawnFd) { log_fd, QUEUE_PEER_LOG };
  aioproc_spawn (path, argv, (const char * const *) environment, spawn_fds,
                 G_N_ELEMENTS (spawn_fds), &pid, &pidfd, &error);
  g_assert_no_error (error);
  close (pidfd);
  close (sockets[1]);

  if (socket_fd != NULL)
    {
      *socket_fd = sockets[0];
    }
  else
    {
      queue_test_send (queue, sockets[0]);
      close (sockets[0]);
    }

  return pid;
}

int
queue_test_reap (pid_t pid)
{
  int status;

  while (waitpid (pid, &status, 0) < 0)
    g_assert_cmpint (errno, ==, EINTR);

  return status;
}

static const char *
get_role (const TortureSetup *setup,
          guint               i)
{
  if (i >= setup->n_producers + setup->n_consumers)
    return "trim";

  if (i < setup->n_producers)
    return setup->naive ? "naive-produce" : "produce";

  if (setup->leased)
    return setup->naive ? "naive-consume-leased" : "consume-leased";

  return setup->naive ? "naive-consume" : "consume";
}

static void
torture_start (Torture *self,
               guint    i)
{
  guint32 life = self->n_lives++;

  g_assert_cmpuint (life, <, QUEUE_LOG_MAX_LIVES);
  self->lives[i] = life;
  self->pids[i] = queue_test_spawn (self->queue, self->log_fd,
                                    get_role (self->setup, i), life, NULL);
}

static void
torture_wait_random (Torture *self)
{
  gint64 end_usec = g_get_monotonic_time () + g_rand_int_range (self->rand, 0, 1000);

  while (g_get_monotonic_time () < end_usec)
    g_thread_yield ();
}

static void
torture_kill (Torture *self,
              guint    i)
{
  guint32 life = self->lives[i];

  while (!atomic_load (&self->log->lives[life].ready))
    g_thread_yield ();

  torture_wait_random (self);
  kill (self->pids[i], SIGKILL);
  g_assert_cmpint (queue_test_reap (self->pids[i]), ==, SIGKILL);

  if (atomic_load (&self->log->lives[life].doubt))
    self->result.n_doubts++;

  torture_start (self, i);
}

/* Somebody gets something, whoever is dead. */
static void
torture_wait_progress (Torture *self)
{
  guint32 n_records = atomic_load (&self->log->n_records);
  gint64 before = g_get_monotonic_time ();

  while (atomic_load (&self->log->n_records) == n_records && !self->result.hung)
    {
      g_thread_yield ();

      if (self->setup->naive && g_get_monotonic_time () - before > NAIVE_HANG_USEC)
        self->result.hung = TRUE;
    }
}

/* Every item that a put returned for came out once, and no other but the one that a killed
 * producer had put when it was killed.
 */
static void
torture_check (Torture *self)
{
  TortureResult *result = &self->result;
  QueueLog *log = self->log;
  g_autofree GArray **seen = g_new0 (GArray *, self->n_lives);
  g_autofree GArray **intended = g_new0 (GArray *, self->n_lives);
  guint32 n_records = atomic_load (&log->n_records);

  for (guint32 life = 0; life < self->n_lives; life++)
    {
      guint32 n_put = atomic_load (&log->lives[life].n_put);

      seen[life] = g_array_new (FALSE, TRUE, 1);
      g_array_set_size (seen[life], n_put + 1);
      intended[life] = g_array_new (FALSE, TRUE, 1);
      g_array_set_size (intended[life], n_put + 1);
      result->n_items += n_put;
    }

  for (guint32 i = 0; i < n_records; i++)
    {
      guint64 record = atomic_load (&log->records[i]);
      guint32 life = record >> 32 & 0xfffff;
      guint32 number = record & G_MAXUINT32;

      /* Its consumer was killed before it could write it down. */
      if (record == 0)
        continue;

      if ((record & QUEUE_LOG_BAD) != 0 || life >= self->n_lives || number >= seen[life]->len)
        result->n_torn++;
      else if ((record & QUEUE_LOG_INTENT) != 0)
        g_array_index (intended[life], guint8, number) = 1;
      else if (g_array_index (seen[life], guint8, number)++ > 0)
        result->n_doubled++;
    }

  for (guint32 life = 0; life < self->n_lives; life++)
    {
      for (guint32 number = 0; number + 1 < seen[life]->len; number++)
        {
          if (g_array_index (seen[life], guint8, number) > 0)
            continue;

          if (g_array_index (intended[life], guint8, number) > 0)
            result->n_unknown++;
          else
            result->n_missing++;
        }

      g_array_unref (seen[life]);
      g_array_unref (intended[life]);
    }
}

/* What was set aside is there, too: once, and whole. */
static void
torture_take_failed (Torture *self)
{
  AioprocQueueFailure *failure;

  while ((failure = aioproc_queue_try_get_failed (self->queue, NULL)) != NULL)
    {
      GBytes *item = aioproc_queue_failure_get_bytes (failure);
      guint64 record = QUEUE_LOG_RECORD;
      guint32 life = 0;
      guint32 number = 0;

      g_assert_cmpuint (aioproc_queue_failure_get_n_failures (failure), ==,
                        self->setup->max_deliveries);
      queue_log_read_item (item, &life, &number);
      record |= (guint64) (life & 0xfffff) << 32 | number;
      record |= queue_log_check_item (item) ? 0 : QUEUE_LOG_BAD;
      atomic_store (&self->log->records[atomic_fetch_add (&self->log->n_records, 1)], record);
      self->result.n_failed++;
      g_object_unref (failure);
    }

  g_assert_cmpuint (aioproc_queue_get_n_failed (self->queue), ==, 0);
}

/* Producers stop, then consumers take what is left. */
static void
torture_finish (Torture *self)
{
  guint n_producers = self->setup->n_producers;
  guint n_others = n_producers + self->setup->n_consumers;
  guint n_peers = n_others + self->setup->n_trimmers;
  g_autoptr(GError) error = NULL;

  atomic_store (&self->log->stop, 1);

  for (guint i = 0; i < n_producers; i++)
    g_assert_cmpint (queue_test_reap (self->pids[i]), ==, 0);

  for (guint i = n_others; i < n_peers; i++)
    g_assert_cmpint (queue_test_reap (self->pids[i]), ==, 0);

  atomic_store (&self->log->drain, 1);
  g_assert_true (aioproc_queue_close (self->queue, FALSE, &error));

  for (guint i = n_producers; i < n_others; i++)
    g_assert_cmpint (queue_test_reap (self->pids[i]), ==, 0);

  self->result.n_trims = atomic_load (&self->log->n_trims);
  g_assert_null (aioproc_queue_try_get (self->queue, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  torture_take_failed (self);
}

TortureResult
queue_torture (const TortureSetup *setup)
{
  Torture self = { .setup = setup };
  g_autoptr(GError) error = NULL;
  guint first = setup->kill_producers ? 0 : setup->n_producers;
  guint n_peers = setup->n_producers + setup->n_consumers + setup->n_trimmers;
  guint n_victims = setup->n_trimmers;

  n_victims += setup->kill_producers ? setup->n_producers : 0;
  n_victims += setup->kill_consumers ? setup->n_consumers : 0;
  g_assert_cmpuint (n_peers, <=, MAX_PEERS);

  self.queue = g_initable_new (AIOPROC_TYPE_QUEUE, NULL, &error,
                               "name", "torture",
                               "max-items", setup->max_items,
                               "max-deliveries", setup->max_deliveries,
                               NULL);
  g_assert_no_error (error);
  self.log_fd = aioproc_memfd_new ("log", sizeof (QueueLog), &error);
  g_assert_no_error (error);
  self.log = queue_log_map (self.log_fd);
  self.rand = g_rand_new_with_seed (g_test_rand_int ());

  for (guint i = 0; i < n_peers; i++)
    torture_start (&self, i);

  for (guint i = 0; i < setup->n_kills && !self.result.hung; i++)
    {
      torture_kill (&self, first + g_rand_int_range (self.rand, 0, n_victims));

      if (i % 16 == 0)
        torture_wait_progress (&self);
    }

  for (guint i = 0; i < 100; i++)
    torture_wait_progress (&self);

  torture_finish (&self);
  torture_check (&self);
  g_test_message ("%u items: %u missing (%u killed in a get), %u set aside, %u unknown, "
                  "%u doubled, %u torn%s",
                  self.result.n_items, self.result.n_missing, self.result.n_doubts,
                  self.result.n_failed, self.result.n_unknown, self.result.n_doubled,
                  self.result.n_torn, self.result.hung ? ", hung" : "");

  munmap (self.log, sizeof (QueueLog));
  close (self.log_fd);
  g_rand_free (self.rand);
  g_assert_finalize_object (self.queue);

  return self.result;
}

TortureResult
queue_torture_assert (const TortureSetup *setup)
{
  TortureResult result = queue_torture (setup);

  g_assert_cmpuint (result.n_torn, ==, 0);
  g_assert_cmpuint (result.n_doubled, ==, 0);
  g_assert_cmpuint (result.n_missing, <=, setup->leased ? 0 : result.n_doubts);
  /* One consumer at a time, with a few items each. */
  g_assert_cmpuint (result.n_unknown, <=, setup->n_kills);

  return result;
}
