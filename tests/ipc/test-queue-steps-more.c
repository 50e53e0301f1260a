/* test-queue-steps-more.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* The same question as in test-queue-steps.c, for operations on several items, items that have
 * failed, and tasks: what becomes of a queue when a process is killed after any single instruction?
 *
 * Items have numbers: 1 to N_BEFORE are there before, N_BEFORE + 1 and up are put by the victim.
 * Afterwards each that was there is in the queue, or has failed, or is gone, just once. What may
 * have become of it depends on the operation, and whether it may have become so is told by how far
 * that has come.
 */

#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "platform/aioproc-fds-private.h"
#include "platform/aioproc-memfd-private.h"
#include "platform/aioproc-spawn-private.h"
#include "queue-batch-peer.h"
#include "queue-copy.h"
#include "queue-steps.h"
#include "queue-test.h"
#include "queue-torture.h"

#define N_BEFORE 3
#define N_OWN    QUEUE_BATCH_ITEMS
#define N_ITEMS  (N_BEFORE + N_OWN)

/* Peers need this long at most to see what is free. */
#define WAIT_USEC (20 * G_TIME_SPAN_SECOND)

/* Where items are that may have been moved by the operation, when it has not begun, and when it has
 * ended.
 */
typedef enum {
  PLACE_QUEUE,
  PLACE_FAILED,
  PLACE_NOWHERE,
} Place;

typedef struct {
  const char *name;
  const char *what;       /* for the peer */
  gboolean    joinable;
  guint       max_deliveries;
  guint       first;      /* the items that move … */
  guint       n_moved;
  Place       from;
  Place       to;
  guint32     size;       /* of all items */
  guint       stride;     /* instructions between two looks */
} Setup;

typedef struct {
  guint n_points;
  guint n_before;         /* points at which all were where they had been */
  guint n_after;          /* and at which all had moved */
} Outcome;

typedef struct {
  const Setup  *setup;
  Outcome       outcome;
  AioprocQueue *queue;    /* (owned) */
  QueueLog     *log;
  int           log_fd;
} Steps;

/* --- Before --- */

static void
steps_begin (Steps *self)
{
  const Setup *setup = self->setup;
  g_autoptr(GError) error = NULL;

  self->queue = g_initable_new (setup->joinable ? AIOPROC_TYPE_JOINABLE_QUEUE : AIOPROC_TYPE_QUEUE,
                                NULL, &error,
                                "name", "test",
                                "max-deliveries", setup->max_deliveries,
                                NULL);
  g_assert_no_error (error);
  G_STATIC_ASSERT (QUEUE_BATCH_FIRST == N_BEFORE + 1);

  for (guint i = 1; i <= N_BEFORE; i++)
    {
      g_autoptr(GBytes) item = queue_log_make_item (1, i, setup->size);

      g_assert_true (aioproc_queue_put_bytes (self->queue, item, WAIT_USEC, NULL, &error));
    }

  /* The first has failed already. */
  if (g_str_equal (setup->what, "get-failed"))
    {
      g_autoptr(AioprocQueueLease) lease = NULL;

      lease = aioproc_queue_try_get_leased (self->queue, &error);
      g_assert_no_error (error);
      g_assert_true (aioproc_queue_lease_nack (lease, &error));
      g_assert_cmpuint (aioproc_queue_get_n_failed (self->queue), ==, 1);
    }
}

/* --- After --- */

static void
count_item (GBytes *item,
            guint  *seen,
            guint  *last)
{
  guint32 life;
  guint32 number;

  queue_log_read_item (item, &life, &number);
  g_assert_true (queue_log_check_item (item));
  g_assert_cmpuint (life, ==, 1);
  g_assert_true (number >= 1 && number <= N_ITEMS);
  /* In their order. */
  g_assert_cmpuint (number, >, *last);
  *last = number;
  seen[number]++;
}

/* A queue that a process has died in: which items are there, and is all of it usable? */
static void
steps_check (Steps        *self,
             AioprocQueue *queue)
{
  const Setup *setup = self->setup;
  AioprocQueueHeader *header = queue_test_get_header (queue);
  guint ready[N_ITEMS + 1] = { 0 };
  guint failed[N_ITEMS + 1] = { 0 };
  guint last = 0;
  guint n_moved = 0;
  guint n_stayed = 0;
  g_autoptr(GError) error = NULL;

  for (;;)
    {
      g_autoptr(AioprocQueueLease) lease = aioproc_queue_try_get_leased (queue, NULL);

      if (lease == NULL)
        break;

      count_item (aioproc_queue_lease_get_bytes (lease), ready, &last);
      g_assert_true (aioproc_queue_lease_ack (lease, &error));
    }

  last = 0;

  for (;;)
    {
      g_autoptr(AioprocQueueFailure) failure = aioproc_queue_try_get_failed (queue, NULL);

      if (failure == NULL)
        break;

      count_item (aioproc_queue_failure_get_bytes (failure), failed, &last);
      g_assert_cmpuint (aioproc_queue_failure_get_n_failures (failure), ==, 1);
      g_assert_cmpuint (g_variant_n_children (aioproc_queue_failure_get_history (failure)), ==, 1);
    }

  for (guint i = 1; i <= N_ITEMS; i++)
    {
      gboolean moves = i >= setup->first && i < setup->first + setup->n_moved;
      Place place = failed[i] > 0 ? PLACE_FAILED : ready[i] > 0 ? PLACE_QUEUE : PLACE_NOWHERE;

      g_assert_cmpuint (ready[i] + failed[i], <=, 1);

      if (!moves)
        {
          g_assert_cmpint (place, ==, i <= N_BEFORE ? PLACE_QUEUE : PLACE_NOWHERE);
          continue;
        }

      /* They move one after the other. */
      if (place == setup->to)
        n_moved += n_stayed == 0;
      else
        n_stayed++;

      g_assert_true (place == setup->to || place == setup->from);
    }

  g_assert_cmpuint (n_moved + n_stayed, ==, setup->n_moved);
  self->outcome.n_before += n_moved == 0;
  self->outcome.n_after += n_stayed == 0;

  /* Nothing is counted that is not there, nobody waits for it, and it works. */
  g_assert_cmpuint (atomic_load (&header->n_used), ==, 0);
  g_assert_cmpuint (atomic_load (&header->n_leased), ==, 0);
  g_assert_cmpuint (atomic_load (&header->n_bytes), ==, 0);
  g_assert_cmpuint (atomic_load (&header->n_faulty), ==, 0);

  if (setup->joinable)
    g_assert_true (aioproc_joinable_queue_try_join (AIOPROC_JOINABLE_QUEUE (queue), &error));

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr(GBytes) item = queue_log_make_item (1, 1 + i, setup->size);
      g_autoptr(AioprocQueueLease) lease = NULL;

      g_assert_true (aioproc_queue_put_bytes (queue, item, WAIT_USEC, NULL, &error));
      lease = aioproc_queue_try_get_leased (queue, &error);
      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (aioproc_queue_lease_get_bytes (lease), item));
      g_assert_true (aioproc_queue_lease_ack (lease, &error));
    }
}

/* --- Runs --- */

/* A victim that has stopped where its operation begins. */
static pid_t
steps_start (Steps *self)
{
  g_autofree char *path = aioproc_test_build_helper_path ("aioproc-test-queue-batch-peer");
  g_autofree char *size = g_strdup_printf ("%u", self->setup->size);
  g_auto(GStrv) environment = g_get_environ ();
  const char *argv[] = { path, self->setup->what, size, NULL };
  g_autoptr(GError) error = NULL;
  AioprocSpawnFd spawn_fds[2];
  int sockets[2];
  int status;
  int pidfd;
  pid_t pid;

  steps_begin (self);
  aioproc_fds_socketpair (SOCK_STREAM, sockets, &error);
  g_assert_no_error (error);
  spawn_fds[0] = (AioprocSpawnFd) { sockets[1], QUEUE_PEER_SOCKET };
  spawn_fds[1] = (AioprocSpawnFd) { self->log_fd, QUEUE_PEER_LOG };
  aioproc_spawn (path, argv, (const char * const *) environment, spawn_fds,
                 G_N_ELEMENTS (spawn_fds), &pid, &pidfd, &error);
  g_assert_no_error (error);
  close (pidfd);
  close (sockets[1]);
  g_assert_cmpint (ptrace (PTRACE_SEIZE, pid, NULL, NULL), ==, 0);
  queue_test_send (self->queue, sockets[0]);
  close (sockets[0]);
  g_assert_cmpint (waitpid (pid, &status, __WALL), ==, pid);
  g_assert_true (WIFSTOPPED (status) && WSTOPSIG (status) == SIGUSR1);

  return pid;
}

/* The owner word of a process that is dead. */
static guint32
steps_find_dead (Steps *self)
{
  pid_t pid = steps_start (self);
  guint32 owner = atomic_load (&self->log->owner);

  queue_steps_kill (self->queue, pid);
  g_assert_true (aioproc_family_is_dead (aioproc_shm_get_family (queue_test_get_shm (self->queue)),
                                         owner));
  g_assert_finalize_object (g_steal_pointer (&self->queue));

  return owner;
}

static void
steps_run_copies (Steps *self)
{
  guint32 dead_owner = steps_find_dead (self);
  pid_t pid = steps_start (self);
  guint32 owner = atomic_load (&self->log->owner);
  gboolean more = TRUE;

  while (more)
    {
      AioprocQueue *copy = queue_copy_new (self->queue, owner, dead_owner);

      steps_check (self, copy);
      g_assert_finalize_object (copy);
      self->outcome.n_points++;
      aioproc_test_arm_watchdog (60);

      for (guint i = 0; i < self->setup->stride && more; i++)
        more = queue_steps_step (pid);
    }

  /* After the last one, too. */
  queue_steps_kill (self->queue, pid);
  steps_check (self, self->queue);
  g_assert_finalize_object (g_steal_pointer (&self->queue));
}

/* Really killed, at some points. */
static void
steps_run_kills (Steps *self,
                 guint  stride)
{
  gboolean more = TRUE;

  for (guint n_steps = 0; more; n_steps += stride)
    {
      pid_t pid = steps_start (self);

      for (guint i = 0; i < n_steps && more; i++)
        more = queue_steps_step (pid);

      queue_steps_kill (self->queue, pid);
      steps_check (self, self->queue);
      g_assert_finalize_object (g_steal_pointer (&self->queue));
      self->outcome.n_points++;
      aioproc_test_arm_watchdog (60);
    }
}

static void
test_queue_steps (gconstpointer data)
{
  const Setup *setup = data;
  Steps self = { .setup = setup };
  g_autoptr(GError) error = NULL;

  g_test_summary ("Whoever dies after whichever instruction, each item is where it may be, once");

  self.log_fd = aioproc_memfd_new ("log", sizeof (QueueLog), &error);
  g_assert_no_error (error);
  self.log = queue_log_map (self.log_fd);

  steps_run_copies (&self);
  steps_run_kills (&self, 40 * setup->stride + 1);

  g_test_message ("%s: at %u points: before %u, after %u", setup->name, self.outcome.n_points,
                  self.outcome.n_before, self.outcome.n_after);

  /* It did what it is about. */
  if (setup->from != setup->to)
    {
      g_assert_cmpuint (self.outcome.n_before, >, 0);
      g_assert_cmpuint (self.outcome.n_after, >, 0);
    }

  munmap (self.log, sizeof (QueueLog));
  close (self.log_fd);
}

#ifdef STEPS_ALL
# define STRIDE 1
#else
# define STRIDE 23
#endif

static const Setup setups[] = {
  { "put-many", "put-many", FALSE, 0, N_BEFORE + 1, N_OWN, PLACE_NOWHERE, PLACE_QUEUE, 64,
    STRIDE },
  { "get-many", "get-many", FALSE, 0, 1, 2, PLACE_QUEUE, PLACE_NOWHERE, 64, STRIDE },
  { "fail", "fail", FALSE, 1, 1, 1, PLACE_FAILED, PLACE_FAILED, 64, STRIDE },
  { "get-failed", "get-failed", FALSE, 1, 1, 1, PLACE_FAILED, PLACE_NOWHERE, 64, STRIDE },
  { "task-get", "task-get", TRUE, 0, 1, 1, PLACE_QUEUE, PLACE_QUEUE, 64, STRIDE },
  { "task-done", "task-done", TRUE, 0, 1, 1, PLACE_QUEUE, PLACE_NOWHERE, 64, STRIDE },
#ifdef STEPS_ALL
  { "put-many/small", "put-many", FALSE, 0, N_BEFORE + 1, N_OWN, PLACE_NOWHERE, PLACE_QUEUE,
    1000, 1 },
  { "get-many/small", "get-many", FALSE, 0, 1, 2, PLACE_QUEUE, PLACE_NOWHERE, 1000, 1 },
  { "get-failed/beside", "get-failed", FALSE, 1, 1, 1, PLACE_FAILED, PLACE_NOWHERE, 4200, 1 },
  { "task-get/beside", "task-get", TRUE, 0, 1, 1, PLACE_QUEUE, PLACE_QUEUE, 4200, 1 },
  { "task-done/beside", "task-done", TRUE, 0, 1, 1, PLACE_QUEUE, PLACE_NOWHERE, 4200, 1 },
#endif
};

int
main (int   argc,
      char *argv[])
{
  queue_steps_init ();
  aioproc_test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (setups); i++)
    {
      g_autofree char *path = g_strdup_printf ("/aioproc/queue/steps/%s", setups[i].name);

      aioproc_test_add_data_func (path, &setups[i], test_queue_steps);
    }

  return g_test_run ();
}
