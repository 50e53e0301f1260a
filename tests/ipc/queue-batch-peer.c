/* queue-batch-peer.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "queue-batch-peer.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include <aioproc.h>

#include "core/aioproc-shareable-private.h"
#include "platform/aioproc-fds-private.h"
#include "queue-log.h"
#include "queue-test.h"

/* A process that does one operation of a queue that is about several items, failed ones or tasks:
 * WHAT SIZE.
 */

/* What is done for the first time in a process, types and symbols, is no part of an operation. */
static void
warm_up (GBytes *item)
{
  g_autoptr(AioprocJoinableQueue) joinable = NULL;
  g_autoptr(AioprocQueue) queue = NULL;
  g_autoptr(GError) error = NULL;

  queue = g_initable_new (AIOPROC_TYPE_QUEUE, NULL, &error, "max-deliveries", 1, NULL);
  joinable = aioproc_joinable_queue_new (0, NULL);

  if (queue == NULL || joinable == NULL)
    g_error ("Could not warm up");

  for (guint i = 0; i < 2; i++)
    {
      GBytes *items[] = { item, item };
      g_autoptr(AioprocQueueFailure) failure = NULL;
      g_autoptr(AioprocQueueLease) lease = NULL;
      g_autoptr(GPtrArray) got = NULL;
      g_autoptr(GBytes) task = NULL;

      if (aioproc_queue_put_many_bytes (queue, items, 2, 0, NULL, NULL) == 0 ||
          (got = aioproc_queue_try_get_many_bytes (queue, 2, NULL)) == NULL ||
          !aioproc_queue_put_bytes (queue, item, 0, NULL, NULL) ||
          (lease = aioproc_queue_try_get_leased (queue, NULL)) == NULL ||
          !aioproc_queue_lease_nack (lease, NULL) ||
          (failure = aioproc_queue_try_get_failed (queue, NULL)) == NULL ||
          !aioproc_queue_put_bytes (AIOPROC_QUEUE (joinable), item, 0, NULL, NULL) ||
          (task = aioproc_queue_try_get_bytes (AIOPROC_QUEUE (joinable), NULL)) == NULL ||
          !aioproc_joinable_queue_task_done (joinable, NULL))
        g_error ("Could not warm up");
    }
}

/* Once, between two signals by which a tracer knows where it begins and ends. */
static void
step (AioprocQueue *queue,
      QueueLog     *log,
      const char   *what,
      guint32       size)
{
  g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autoptr(AioprocQueueFailure) failure = NULL;
  g_autoptr(AioprocQueueLease) lease = NULL;
  g_autoptr(GPtrArray) got = NULL;
  g_autoptr(GBytes) task = NULL;
  gboolean success;

  for (guint i = 0; i < QUEUE_BATCH_ITEMS; i++)
    g_ptr_array_add (items, queue_log_make_item (1, QUEUE_BATCH_FIRST + i, size));

  if (g_str_equal (what, "task-done"))
    task = aioproc_queue_try_get_bytes (queue, NULL);
  else if (g_str_equal (what, "fail"))
    lease = aioproc_queue_try_get_leased (queue, NULL);

  atomic_store (&log->owner,
                aioproc_family_get_owner (aioproc_shm_get_family (queue_test_get_shm (queue))));
  raise (SIGUSR1);

  if (g_str_equal (what, "put-many"))
    success = aioproc_queue_put_many_bytes (queue, (GBytes **) items->pdata, items->len, 0,
                                            NULL, NULL) == items->len;
  else if (g_str_equal (what, "get-many"))
    success = (got = aioproc_queue_try_get_many_bytes (queue, 2, NULL)) != NULL;
  else if (g_str_equal (what, "get-failed"))
    success = (failure = aioproc_queue_try_get_failed (queue, NULL)) != NULL;
  else if (g_str_equal (what, "task-get"))
    success = (task = aioproc_queue_try_get_bytes (queue, NULL)) != NULL;
  else if (g_str_equal (what, "fail"))
    success = aioproc_queue_lease_nack (lease, NULL);
  else
    success = aioproc_joinable_queue_task_done (AIOPROC_JOINABLE_QUEUE (queue), NULL);

  raise (success ? SIGUSR2 : SIGQUIT);
}

int
main (int   argc,
      char *argv[])
{
  int fds[AIOPROC_SHAREABLE_MAX_FDS];
  g_autoptr(AioprocShareable) queue = NULL;
  g_autoptr(GBytes) item = NULL;
  g_autoptr(GError) error = NULL;
  gboolean joinable;
  guint n_fds;
  gsize n_done;
  char byte;

  if (argc != 3)
    return EXIT_FAILURE;

  /* A test that fails leaves nobody behind. */
  prctl (PR_SET_PDEATHSIG, SIGKILL);

  if (aioproc_fds_receive (QUEUE_PEER_SOCKET, &byte, 1, fds, G_N_ELEMENTS (fds), &n_fds, FALSE,
                           &n_done, &error) != AIOPROC_IO_OK)
    g_error ("Could not receive a queue: %s", error != NULL ? error->message : "no message");

  joinable = g_str_has_prefix (argv[1], "task");
  queue = aioproc_shareable_import (joinable ? AIOPROC_SHM_JOINABLE_QUEUE : AIOPROC_SHM_QUEUE,
                                    fds, n_fds, &error);

  if (queue == NULL)
    g_error ("Could not import a queue: %s", error->message);

  item = queue_log_make_item (1, 0, strtoul (argv[2], NULL, 10));
  warm_up (item);
  step (AIOPROC_QUEUE (queue), queue_log_map (QUEUE_PEER_LOG), argv[1],
        strtoul (argv[2], NULL, 10));

  return EXIT_SUCCESS;
}
