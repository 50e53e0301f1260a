/* aioproc-joinable-queue.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-joinable-queue.h"

#include "core/aioproc-debug-private.h"
#include "core/aioproc-shareable-private.h"
#include "ipc/aioproc-queue-layout-private.h"
#include "ipc/aioproc-queue-private.h"

/**
 * AioprocJoinableQueue:
 *
 * A queue of tasks, of which somebody can wait until all are done.
 *
 * Who gets an item from it says [method@JoinableQueue.task_done] when what the item asks for is
 * done. [method@JoinableQueue.join] waits until that was said of every item that was put. In all
 * else it is a [class@Queue].
 *
 * ```c
 * static void
 * joined_cb (GObject      *source,
 *            GAsyncResult *result,
 *            gpointer      user_data)
 * {
 *   GMainLoop *loop = user_data;
 *   g_autoptr(GError) error = NULL;
 *
 *   if (!aioproc_joinable_queue_join_finish (AIOPROC_JOINABLE_QUEUE (source), result, &error))
 *     g_error ("%s", error->message);
 *
 *   g_print ("All is done.\n");
 *   g_main_loop_quit (loop);
 * }
 * …
 * aioproc_joinable_queue_join_async (tasks, -1, NULL, joined_cb, loop);
 * ```
 *
 * An item that was got is leased to the process until it is done, as by
 * [method@Queue.get_leased]: its memory in the queue stays in use, it takes no room of
 * [property@Queue:max-items], and gets from a closed queue wait for it. Items that were set aside
 * because of [property@Queue:max-deliveries] are not waited for.
 *
 * A process that works on several items at a time does better with [method@Queue.get_leased], which
 * works with this class, too: [method@QueueLease.ack] is the `task_done()` of one certain item.
 *
 * # Thread safety
 *
 * As of [class@Queue]. The threads of a process have their tasks in common: who says that one is
 * done says it of the oldest, whichever thread got it.
 *
 * # Process safety
 *
 * As of [class@Queue], with one difference: an item that a process has got and not done when it is
 * killed, executes another program or ends in any other way is back in the queue, at its place, for
 * others to do. So a join does not wait for the dead. What it had done but not yet said to be done
 * is done twice then. In a forked child nothing of what its parent has got is to be done. An object
 * that is disposed of gives back what is not done; that counts as no failure.
 *
 * Since: 0.1
 */
struct _AioprocJoinableQueue {
  AioprocQueue parent_instance;
};

struct _AioprocJoinableQueueClass {
  AioprocQueueClass parent_class;
};

G_DEFINE_TYPE (AioprocJoinableQueue, aioproc_joinable_queue, AIOPROC_TYPE_QUEUE)

static void
aioproc_joinable_queue_class_init (AioprocJoinableQueueClass *klass)
{
  ((AioprocQueueClass *) klass)->kind = AIOPROC_SHM_JOINABLE_QUEUE;
}

static void
aioproc_joinable_queue_init (AioprocJoinableQueue *self)
{
}

/**
 * aioproc_joinable_queue_new:
 * @max_items: how many items the queue takes before a put waits, or 0 for no limit
 * @error: return location for an error
 *
 * Makes a new, empty queue that can be joined.
 *
 * Other processes get it as an argument of their function, or in a message.
 *
 * Fails as [ctor@Queue.new] does.
 *
 * Returns: (transfer full): a new queue
 *
 * Since: 0.1
 */
AioprocJoinableQueue *
aioproc_joinable_queue_new (guint    max_items,
                            GError **error)
{
  return g_initable_new (AIOPROC_TYPE_JOINABLE_QUEUE, NULL, error, "max-items", max_items, NULL);
}

/**
 * aioproc_joinable_queue_task_done:
 * @self: a queue
 * @error: return location for an error
 *
 * Says that an item which this process got is done: the oldest one of which that was not said yet.
 *
 * Never blocks. The item is gone from the queue then, for good.
 *
 * Fails with:
 *
 * - [error@Aioproc.Error.INVALID_STATE] if that was said of all items that this process got
 * - [error@Aioproc.Error.NOT_OWNER] if the item is not this process's any more, since another one
 *   has damaged the queue
 * - [error@Gio.IOErrorEnum.CLOSED] if this process disposed of the queue
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: `TRUE` if one item less is to be done
 *
 * Since: 0.1
 */
gboolean
aioproc_joinable_queue_task_done (AioprocJoinableQueue  *self,
                                  GError               **error)
{
  AioprocQueue *queue = (AioprocQueue *) self;

  g_return_val_if_fail (AIOPROC_IS_JOINABLE_QUEUE (self), FALSE);

  return aioproc_queue_check (queue, error) && queue->backend->task_done (queue->impl, error);
}

/**
 * aioproc_joinable_queue_try_join:
 * @self: a queue
 * @error: return location for an error
 *
 * Looks whether all that was put is done. Never blocks.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.WOULD_BLOCK] if it is not, or if a process is stopped in the middle of
 *   an operation
 * - [error@Gio.IOErrorEnum.CLOSED] if this process disposed of the queue
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: `TRUE` if no item is in the queue, is being put, or is got and not done
 *
 * Since: 0.1
 */
gboolean
aioproc_joinable_queue_try_join (AioprocJoinableQueue  *self,
                                 GError               **error)
{
  AioprocQueue *queue = (AioprocQueue *) self;

  g_return_val_if_fail (AIOPROC_IS_JOINABLE_QUEUE (self), FALSE);

  return aioproc_queue_check (queue, error) && queue->backend->try_join (queue->impl, error);
}

/**
 * aioproc_joinable_queue_join:
 * @self: a queue
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Blocks the calling thread until all that was put is done.
 *
 * At a queue that nobody has used it returns at once. A queue that goes on being used may never be
 * without anything to do: then close it first, [method@Queue.close].
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if @timeout_usec went by first
 * - [error@Gio.IOErrorEnum.CANCELLED] if @cancellable was cancelled first
 * - [error@Gio.IOErrorEnum.CLOSED] if this process disposed of the queue; not if it was closed
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the queue could not be initialized
 *
 * Returns: `TRUE` if there was nothing left to do
 *
 * Since: 0.1
 */
gboolean
aioproc_joinable_queue_join (AioprocJoinableQueue  *self,
                             gint64                 timeout_usec,
                             GCancellable          *cancellable,
                             GError               **error)
{
  AioprocQueue *queue = (AioprocQueue *) self;

  g_return_val_if_fail (AIOPROC_IS_JOINABLE_QUEUE (self), FALSE);
  g_return_val_if_fail (timeout_usec >= -1, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  return aioproc_queue_check (queue, error) &&
         queue->backend->join (queue->impl, timeout_usec, cancellable, error);
}

/**
 * aioproc_joinable_queue_join_async:
 * @self: a queue
 * @timeout_usec: microseconds, 0 to try once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when all is done, or is not waited for any more
 * @user_data: data for @callback
 *
 * Waits until all that was put is done, without blocking.
 *
 * Since: 0.1
 */
void
aioproc_joinable_queue_join_async (AioprocJoinableQueue *self,
                                   gint64                timeout_usec,
                                   GCancellable         *cancellable,
                                   GAsyncReadyCallback   callback,
                                   gpointer              user_data)
{
  AioprocQueue *queue = (AioprocQueue *) self;
  g_autoptr(GTask) task = NULL;
  GError *error = NULL;

  g_return_if_fail (AIOPROC_IS_JOINABLE_QUEUE (self));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_joinable_queue_join_async);

  /* The waiter asks @cancellable itself. */
  g_task_set_check_cancellable (task, FALSE);

  if (!aioproc_queue_check (queue, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  queue->backend->join_start (queue->impl, g_steal_pointer (&task), timeout_usec);
}

/**
 * aioproc_joinable_queue_join_finish:
 * @self: a queue
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Ends an operation that [method@JoinableQueue.join_async] has started.
 *
 * Fails as [method@JoinableQueue.join] does, and with [error@Gio.IOErrorEnum.NO_SPACE] if no thread
 * could be started to wait in.
 *
 * Returns: `TRUE` if there was nothing left to do
 *
 * Since: 0.1
 */
gboolean
aioproc_joinable_queue_join_finish (AioprocJoinableQueue  *self,
                                    GAsyncResult          *result,
                                    GError               **error)
{
  g_return_val_if_fail (AIOPROC_IS_JOINABLE_QUEUE (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_joinable_queue_join_async),
                        FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static AioprocShareable *
aioproc_joinable_queue_import (AioprocShm  *shm,
                               GError     **error)
{
  return aioproc_shareable_new_for_shm (AIOPROC_TYPE_JOINABLE_QUEUE, shm, error);
}

__attribute__ ((constructor)) static void
aioproc_joinable_queue_register (void)
{
  aioproc_shareable_register (AIOPROC_SHM_JOINABLE_QUEUE, AIOPROC_QUEUE_STATE_SIZE,
                              aioproc_joinable_queue_import);
}
