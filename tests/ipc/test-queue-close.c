/* test-queue-close.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Both ways to close a queue. */

#include <sys/stat.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "ipc/aioproc-queue-grow-private.h"
#include "ipc/aioproc-queue-slots-private.h"
#include "queue-test.h"

static void
test_queue_close (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (2);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GBytes) bytes = queue_test_make_bytes (10, 1);
  g_autoptr(GError) error = NULL;

  g_test_summary ("A closed queue takes nothing, gives what is left, then says that it is closed");

  g_assert_true (aioproc_queue_try_put (queue, g_variant_new_uint32 (1), &error));
  g_assert_true (aioproc_queue_close (queue, FALSE, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_queue_is_closed (queue));
  g_assert_true (aioproc_queue_close (queue, FALSE, &error));
  g_assert_no_error (error);

  g_assert_false (aioproc_queue_try_put_bytes (queue, bytes, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_false (aioproc_queue_put_bytes (queue, bytes, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);

  value = aioproc_queue_get (queue, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_variant_get_uint32 (value), ==, 1);

  g_assert_null (aioproc_queue_try_get (queue, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_null (aioproc_queue_get_bytes (queue, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
assert_dropped (AioprocQueue *queue)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_queue_is_closed (queue));
  g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 0);
  g_assert_null (aioproc_queue_get (queue, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_null (aioproc_queue_try_get_bytes (queue, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_false (aioproc_queue_try_put (queue, g_variant_new_uint32 (1), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

static void
test_queue_close_now (gconstpointer data)
{
  gboolean closed = GPOINTER_TO_INT (data);
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GError) error = NULL;

  g_test_summary ("What is in a queue that is closed immediately is gone, closed before or not");

  for (guint i = 0; i < 100; i++)
    {
      g_autoptr(GBytes) bytes = queue_test_make_bytes (i * 100, i);

      g_assert_true (aioproc_queue_try_put_bytes (queue, bytes, &error));
    }

  if (closed)
    g_assert_true (aioproc_queue_close (queue, FALSE, &error));

  g_assert_true (aioproc_queue_close (queue, TRUE, &error));
  g_assert_no_error (error);
  assert_dropped (queue);

  /* It does not come back. */
  g_assert_true (aioproc_queue_close (queue, FALSE, &error));
  assert_dropped (queue);
  g_assert_cmpuint (atomic_load (&queue_test_get_header (queue)->n_used), ==, 0);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

/* What is between two states ends as the protocol says. */
static void
test_queue_close_now_copying (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GBytes) bytes = queue_test_make_bytes (2 * AIOPROC_QUEUE_COPY_MAX, 1);
  AioprocQueueSlots slots = { 0 };
  AioprocQueueTransfer transfers[4];
  AioprocQueuePayload payload = { AIOPROC_QUEUE_BYTES, NULL, g_bytes_get_size (bytes) };
  g_autoptr(GError) error = NULL;

  g_test_summary ("Copies that are under way end quietly when the queue is closed immediately");

  g_assert_true (aioproc_queue_slots_init (&slots, queue_test_get_shm (queue), FALSE, 0, 0, 0,
                                           &error));

  for (guint i = 0; i < 3; i++)
    g_assert_true (aioproc_queue_try_put_bytes (queue, bytes, &error));

  for (guint i = 0; i < 2; i++)
    g_assert_cmpint (aioproc_queue_slots_get (&slots, TRUE, NULL, NULL, &transfers[i], &error), ==,
                     AIOPROC_QUEUE_BEGUN);

  for (guint i = 2; i < 4; i++)
    {
      g_assert_cmpint (aioproc_queue_slots_put (&slots, &payload, NULL, &transfers[i], &error), ==,
                       AIOPROC_QUEUE_BEGUN);
      g_assert_true (aioproc_queue_slots_fill (&slots, &transfers[i],
                                               g_bytes_get_data (bytes, NULL), &error));
    }

  g_assert_true (aioproc_queue_close (queue, TRUE, &error));
  assert_dropped (queue);
  g_assert_cmpuint (atomic_load (&queue_test_get_header (queue)->n_used), ==, 4);
  aioproc_queue_slots_ack (&slots, &transfers[0]);
  aioproc_queue_slots_give_back (&slots, &transfers[1]);
  aioproc_queue_slots_commit (&slots, &transfers[2]);
  aioproc_queue_slots_abort (&slots, &transfers[3]);
  assert_dropped (queue);
  g_assert_cmpuint (atomic_load (&queue_test_get_header (queue)->n_used), ==, 0);

  aioproc_queue_slots_clear (&slots);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

typedef struct {
  AioprocQueue *queue;
  GCancellable *cancellable;   /* (nullable) */
  gboolean      put;
  GError       *error;
} Blocked;

static gpointer
block_main (gpointer data)
{
  Blocked *blocked = data;

  if (blocked->put)
    {
      g_autoptr(GBytes) bytes = queue_test_make_bytes (10, 1);

      g_assert_false (aioproc_queue_put_bytes (blocked->queue, bytes, -1, blocked->cancellable,
                                               &blocked->error));
    }
  else
    {
      g_assert_null (aioproc_queue_get (blocked->queue, -1, blocked->cancellable,
                                        &blocked->error));
    }

  return NULL;
}

typedef enum {
  UNBLOCK_CANCEL,
  UNBLOCK_CLOSE,
  UNBLOCK_CLOSE_NOW,
} Unblock;

/* How a blocked call ends: by a close of the queue, or by its cancellable. */
static void
test_queue_unblock (gconstpointer data)
{
  Unblock by = GPOINTER_TO_INT (data);
  int code = by != UNBLOCK_CANCEL ? G_IO_ERROR_CLOSED : G_IO_ERROR_CANCELLED;

  g_test_summary ("Blocked puts and gets end at once when the queue is closed, or when cancelled");

  for (guint put = 0; put < 2; put++)
    {
      g_autoptr(AioprocQueue) queue = queue_test_new (1);
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      g_autoptr(GError) error = NULL;
      Blocked blocked = { queue, cancellable, put, NULL };
      GThread *thread;

      if (put)
        g_assert_true (aioproc_queue_put (queue, g_variant_new_uint32 (1), -1, NULL, &error));

      thread = g_thread_new ("blocked", block_main, &blocked);
      queue_test_wait_for_sleeper (queue, put);

      if (by != UNBLOCK_CANCEL)
        g_assert_true (aioproc_queue_close (queue, by == UNBLOCK_CLOSE_NOW, &error));
      else
        g_cancellable_cancel (cancellable);

      g_thread_join (thread);
      g_assert_error (blocked.error, G_IO_ERROR, code);
      g_clear_error (&blocked.error);
      g_assert_cmpuint (aioproc_queue_get_size (queue), ==, by == UNBLOCK_CLOSE_NOW ? 0 : put);
      g_assert_finalize_object (g_steal_pointer (&queue));
    }
}

static void
test_queue_close_now_memory (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GBytes) bytes = queue_test_make_bytes (1000000, 1);
  g_autoptr(GError) error = NULL;
  struct stat buffer;

  g_test_summary ("The memory of what was dropped goes without a wait, and although nobody gets");

  for (guint i = 0; i < 16; i++)
    g_assert_true (aioproc_queue_put_bytes (queue, bytes, -1, NULL, &error));

  g_assert_true (aioproc_queue_close (queue, TRUE, &error));

  /* On a thread of the library. */
  do
    {
      g_thread_yield ();
      g_assert_cmpint (fstat (aioproc_shm_get_fd (queue_test_get_shm (queue)), &buffer), ==, 0);
    }
  while (buffer.st_blocks * 512 > AIOPROC_QUEUE_IDLE_KEEP);

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_close_now_disposed (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GError) error = NULL;

  g_test_summary ("A queue that was disposed of here is not closed immediately");

  g_object_run_dispose (G_OBJECT (queue));
  g_assert_false (aioproc_queue_close (queue, TRUE, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_assert_false (aioproc_queue_is_closed (queue));
  g_assert_finalize_object (g_steal_pointer (&queue));
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/queue/close", test_queue_close);
  aioproc_test_add_data_func ("/aioproc/queue/close-now/open", GINT_TO_POINTER (FALSE),
                              test_queue_close_now);
  aioproc_test_add_data_func ("/aioproc/queue/close-now/closed", GINT_TO_POINTER (TRUE),
                              test_queue_close_now);
  aioproc_test_add_func ("/aioproc/queue/close-now/copying", test_queue_close_now_copying);
  aioproc_test_add_func ("/aioproc/queue/close-now/memory", test_queue_close_now_memory);
  aioproc_test_add_func ("/aioproc/queue/close-now/disposed", test_queue_close_now_disposed);
  aioproc_test_add_data_func ("/aioproc/queue/unblock/close", GINT_TO_POINTER (UNBLOCK_CLOSE),
                              test_queue_unblock);
  aioproc_test_add_data_func ("/aioproc/queue/unblock/close-now",
                              GINT_TO_POINTER (UNBLOCK_CLOSE_NOW), test_queue_unblock);
  aioproc_test_add_data_func ("/aioproc/queue/unblock/cancel", GINT_TO_POINTER (UNBLOCK_CANCEL),
                              test_queue_unblock);

  return g_test_run ();
}
