/* test-queue-wake.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "ipc/aioproc-queue-slots-private.h"
#include "platform/aioproc-memfd-private.h"
#include "queue-steps.h"
#include "queue-test.h"
#include "queue-torture.h"

#define MAX_ITEMS 4

#ifdef STEPS_ALL
# define LATE_STRIDE 1
#else
# define LATE_STRIDE 5
#endif

typedef struct {
  const char *name;
  const char *what;
  guint32     size;
  guint       stride;   /* of the instructions after which the peer is killed */
  gboolean    watched;  /* by a wait for many */
} Setup;

static gpointer
sleep_get_main (gpointer data)
{
  AioprocQueue *queue = data;
  GBytes *item;

  while ((item = aioproc_queue_get_bytes (queue, -1, NULL, NULL)) != NULL)
    g_bytes_unref (item);

  return NULL;
}

/* The same by a wait for many. */
static gpointer
sleep_watch_main (gpointer data)
{
  AioprocQueue *queue = data;
  AioprocWaitable *waitable = data;

  while (!aioproc_queue_is_closed (queue))
    {
      g_autoptr(GPtrArray) found = aioproc_wait (&waitable, 1, -1, NULL, NULL);
      GBytes *item = aioproc_queue_try_get_bytes (queue, NULL);

      g_assert_nonnull (found);
      g_clear_pointer (&item, g_bytes_unref);
    }

  return NULL;
}

static gpointer
sleep_put_main (gpointer data)
{
  AioprocQueue *queue = data;
  g_autoptr(GBytes) item = queue_log_make_item (1, 1, 64);

  while (aioproc_queue_put_bytes (queue, item, -1, NULL, NULL))
    continue;

  return NULL;
}

static guint
count_used (AioprocQueue *queue)
{
  guint n_used = 0;

  for (guint i = 0; i < AIOPROC_QUEUE_BIRTH_SLOTS; i++)
    n_used += atomic_load (&queue_test_get_slot (queue, i)->state) != AIOPROC_QUEUE_FREE;

  return n_used;
}

/* A peer is killed in the middle of what a sleeper of this process waits for. Was the item put, or
 * taken, the sleeper goes on, though nobody else does anything any more. FALSE: the operation is
 * shorter.
 */
static gboolean
kill_at_point (const Setup *setup,
               int          log_fd,
               guint        n_steps)
{
  gboolean put = g_str_equal (setup->what, "step-put");
  g_autoptr(AioprocQueue) queue = queue_test_new (MAX_ITEMS);
  g_autoptr(GBytes) item = queue_log_make_item (1, 0, setup->size);
  guint n_used = put ? 0 : MAX_ITEMS;
  g_autoptr(GError) error = NULL;
  gboolean done = FALSE;
  GThread *thread;
  pid_t pid;

  for (guint i = 0; i < n_used; i++)
    g_assert_true (aioproc_queue_try_put_bytes (queue, item, &error));

  thread = g_thread_new ("sleeper",
                         setup->watched ? sleep_watch_main : put ? sleep_get_main : sleep_put_main,
                         queue);
  queue_test_wait_for_sleeper (queue, !put);
  pid = queue_steps_start (queue, log_fd, setup->what, setup->size);

  for (guint i = 0; i < n_steps && !done; i++)
    done = !queue_steps_step (pid);

  queue_steps_kill (queue, pid);

  /* The watchdog is the limit. */
  while (count_used (queue) != n_used)
    g_thread_yield ();

  g_assert_true (aioproc_queue_close (queue, FALSE, NULL));
  g_thread_join (thread);
  g_assert_finalize_object (g_steal_pointer (&queue));

  return !done;
}

static void
test_queue_wake (gconstpointer data)
{
  const Setup *setup = data;
  g_autoptr(GError) error = NULL;
  guint n_steps = 0;
  int log_fd;

  g_test_summary ("Whoever dies after whichever instruction, who slept for what it did goes on");

  log_fd = aioproc_memfd_new ("log", sizeof (QueueLog), &error);
  g_assert_no_error (error);

  while (kill_at_point (setup, log_fd, n_steps))
    {
      aioproc_test_arm_watchdog (60);
      n_steps += setup->stride;
    }

  g_test_message ("%u instructions", n_steps);
  g_assert_cmpuint (n_steps, >, 0);
  close (log_fd);
}

/* A peer that has stopped while it holds the lock of the queue. */
static pid_t
stop_with_lock (AioprocQueue *queue,
                int           log_fd)
{
  AioprocQueueHeader *header = queue_test_get_header (queue);
  pid_t pid = queue_steps_start (queue, log_fd, "step-put", 64);

  while (atomic_load (&header->lock) == 0)
    g_assert_true (queue_steps_step (pid));

  return pid;
}

static void
test_queue_wake_stopped (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GAsyncResult) other = NULL;
  g_autoptr(GBytes) item = queue_log_make_item (1, 1, 64);
  g_autoptr(GBytes) beside = queue_log_make_item (1, 2, 5000);
  g_autoptr(GBytes) got = NULL;
  g_autoptr(GError) error = NULL;
  AioprocQueuePayload payload = { AIOPROC_QUEUE_BYTES, NULL, 5000 };
  AioprocQueueTransfer transfer;
  AioprocQueueSlots slots = { 0 };
  guint n_seen[3] = { 0 };
  pid_t pid;
  int log_fd;

  g_test_summary ("A peer that is stopped with the lock holds up nobody who may not wait");

  log_fd = aioproc_memfd_new ("log", sizeof (QueueLog), &error);
  g_assert_no_error (error);
  g_assert_true (aioproc_queue_try_put_bytes (queue, item, &error));

  /* A copy beside the lock has begun, and ends while the lock cannot be had. */
  g_assert_true (aioproc_queue_slots_init (&slots, queue_test_get_shm (queue), FALSE, 0, 0, 0,
                                           &error));
  g_assert_cmpint (aioproc_queue_slots_put (&slots, &payload, NULL, &transfer, &error), ==,
                   AIOPROC_QUEUE_BEGUN);
  g_assert_true (aioproc_queue_slots_allocate (&slots, &transfer, &error));
  g_assert_true (aioproc_queue_memory_copy_in (&slots.memory, transfer.offset,
                                               g_bytes_get_data (beside, NULL), 5000));
  pid = stop_with_lock (queue, log_fd);
  aioproc_queue_slots_commit (&slots, &transfer);
  aioproc_queue_slots_clear (&slots);

  g_assert_false (aioproc_queue_try_put_bytes (queue, item, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  g_assert_null (aioproc_queue_try_get (queue, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  g_assert_null (aioproc_queue_get (queue, 20 * G_TIME_SPAN_MILLISECOND, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 1);

  aioproc_queue_get_bytes_async (queue, -1, cancellable, aioproc_test_store_result, &result);
  aioproc_queue_get_bytes_async (queue, -1, NULL, aioproc_test_store_result, &other);
  g_cancellable_cancel (cancellable);
  aioproc_test_wait (&result);
  g_assert_null (aioproc_queue_get_bytes_finish (queue, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_clear_object (&result);

  /* It goes on, and everything is there. */
  queue_steps_resume (pid);
  aioproc_test_wait (&other);
  got = aioproc_queue_get_bytes_finish (queue, other, &error);
  g_assert_no_error (error);
  g_clear_object (&other);

  for (guint i = 0; i < 3; i++)
    {
      guint32 life;
      guint32 number;

      g_assert_true (queue_log_check_item (got));
      queue_log_read_item (got, &life, &number);
      n_seen[number]++;
      g_clear_pointer (&got, g_bytes_unref);

      if (i < 2)
        got = aioproc_queue_get_bytes (queue, -1, NULL, &error);

      g_assert_no_error (error);
    }

  for (guint i = 0; i < G_N_ELEMENTS (n_seen); i++)
    g_assert_cmpuint (n_seen[i], ==, 1);

  g_assert_cmpint (queue_test_reap (pid), ==, SIGUSR2);
  close (log_fd);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

/* A copy beside the lock ends while a peer has the lock that is about to wait for the item: so who
 * ends it can neither tell the others nor wake that one. FALSE: the peer sleeps by then.
 */
static gboolean
commit_late (int   log_fd,
             guint n_steps)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  AioprocQueueHeader *header = queue_test_get_header (queue);
  AioprocQueuePayload payload = { AIOPROC_QUEUE_BYTES, NULL, 5000 };
  AioprocQueueTransfer transfer;
  AioprocQueueSlots slots = { 0 };
  g_autoptr(GError) error = NULL;
  guint n_held = 0;
  pid_t pid;

  g_assert_true (aioproc_queue_slots_init (&slots, queue_test_get_shm (queue), FALSE, 0, 0, 0,
                                           &error));
  g_assert_cmpint (aioproc_queue_slots_put (&slots, &payload, NULL, &transfer, &error), ==,
                   AIOPROC_QUEUE_BEGUN);
  g_assert_true (aioproc_queue_slots_allocate (&slots, &transfer, &error));
  pid = queue_steps_start (queue, log_fd, "step-await", 64);

  /* Steps that it has the lock for, of the try and of the attempt before it sleeps. */
  while (n_held <= n_steps && (atomic_load (&header->items) & AIOPROC_QUEUE_MARKED) == 0)
    {
      g_assert_true (queue_steps_step (pid));
      n_held += atomic_load (&header->lock) != 0;
    }

  aioproc_queue_slots_commit (&slots, &transfer);
  queue_steps_resume (pid);
  /* The watchdog is the limit. */
  g_assert_cmpint (queue_test_reap (pid), ==, SIGUSR2);
  aioproc_queue_slots_clear (&slots);
  g_assert_finalize_object (g_steal_pointer (&queue));

  return n_held > n_steps;
}

static void
test_queue_wake_late (void)
{
  g_autoptr(GError) error = NULL;
  guint n_steps = 0;
  int log_fd;

  g_test_summary ("What is put while who waits for it has the lock, and does not run, is got");

  log_fd = aioproc_memfd_new ("log", sizeof (QueueLog), &error);
  g_assert_no_error (error);

  while (commit_late (log_fd, n_steps))
    {
      aioproc_test_arm_watchdog (60);
      n_steps += LATE_STRIDE;
    }

  g_test_message ("%u instructions", n_steps);
  g_assert_cmpuint (n_steps, >, 0);
  close (log_fd);
}

static const Setup setups[] = {
#ifdef STEPS_ALL
  { "put", "step-put", 64, 1 },
  { "put-watched", "step-put", 64, 1, TRUE },
  { "get", "step-get", 64, 1 },
  { "put-beside", "step-put", 4200, 11 },
  { "get-beside", "step-get", 4200, 11 },
#else
  { "put", "step-put", 64, 19 },
  { "put-watched", "step-put", 64, 23, TRUE },
  { "get", "step-get", 64, 19 },
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
      g_autofree char *path = g_strdup_printf ("/aioproc/queue/wake/%s", setups[i].name);

      aioproc_test_add_data_func (path, &setups[i], test_queue_wake);
    }

  aioproc_test_add_func ("/aioproc/queue/wake/stopped", test_queue_wake_stopped);
  aioproc_test_add_func ("/aioproc/queue/wake/late", test_queue_wake_late);

  return g_test_run ();
}
