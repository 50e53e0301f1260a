/* test-queue-wake.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <sys/mman.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "platform/aioproc-memfd-private.h"
#include "queue-steps.h"
#include "queue-test.h"
#include "queue-torture.h"

#define MAX_ITEMS 4

typedef struct {
  const char *name;
  const char *what;
  guint32     size;
  guint       stride;   /* of the instructions after which the peer is killed */
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

  thread = g_thread_new ("sleeper", put ? sleep_get_main : sleep_put_main, queue);
  queue_test_wait_for_sleeper (queue, !put);
  pid = queue_steps_start (queue, log_fd, setup->what, setup->size);

  for (guint i = 0; i < n_steps && !done; i++)
    done = !queue_steps_step (pid);

  queue_steps_kill (queue, pid);

  /* The watchdog is the limit. */
  while (count_used (queue) != n_used)
    g_thread_yield ();

  g_assert_true (aioproc_queue_close (queue, NULL));
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

static const Setup setups[] = {
#ifdef STEPS_ALL
  { "put", "step-put", 64, 1 },
  { "get", "step-get", 64, 1 },
  { "put-beside", "step-put", 4200, 11 },
  { "get-beside", "step-get", 4200, 11 },
#else
  { "put", "step-put", 64, 19 },
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

  return g_test_run ();
}
