/* test-queue-fork.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/core-test.h"
#include "platform/platform-test.h"
#include "queue-test.h"

#define N_ITEMS 200

/* Of each sort: beside the slot, copied under the lock, and beside it. */
static gsize
get_size (guint i)
{
  const gsize sizes[] = { 10, 1000, 100000 };

  return sizes[i % G_N_ELEMENTS (sizes)];
}

static void
put_all (AioprocQueue *queue)
{
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < N_ITEMS; i++)
    {
      g_autoptr(GBytes) bytes = queue_test_make_bytes (get_size (i), i);

      g_assert_true (aioproc_queue_put_bytes (queue, bytes, -1, NULL, &error));
      g_assert_no_error (error);
    }
}

static void
get_all (AioprocQueue *queue)
{
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < N_ITEMS; i++)
    {
      g_autoptr(GBytes) expected = queue_test_make_bytes (get_size (i), i);
      g_autoptr(GBytes) bytes = aioproc_queue_get_bytes (queue, -1, NULL, &error);

      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (bytes, expected));
    }
}

static int
child_run (gpointer data)
{
  AioprocQueue **queues = data;

  get_all (queues[0]);
  put_all (queues[1]);

  return 0;
}

static void
test_queue_fork (void)
{
  AioprocQueue *queues[2];   /* one with room for few, so that both wait */
  pid_t pid;

  g_test_summary ("A forked child gets what its parent puts, and the other way round");

#ifdef CORE_TEST_TSAN
  g_test_skip ("ThreadSanitizer is lost in a forked child that has threads");
  return;
#endif

  queues[0] = queue_test_new (3);
  queues[1] = queue_test_new (0);

  pid = platform_test_fork (child_run, queues);
  put_all (queues[0]);
  platform_test_wait_success (pid);
  g_assert_true (aioproc_queue_is_empty (queues[0]));
  get_all (queues[1]);
  g_assert_true (aioproc_queue_is_empty (queues[1]));

  g_assert_finalize_object (queues[0]);
  g_assert_finalize_object (queues[1]);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/queue/fork", test_queue_fork);

  return g_test_run ();
}
