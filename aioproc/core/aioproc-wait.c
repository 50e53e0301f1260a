/* aioproc-wait.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-wait.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/aioproc-debug-private.h"
#include "core/aioproc-source-cancel-private.h"
#include "core/aioproc-wait-set-private.h"
#include "core/aioproc-waiter-private.h"
#include "platform/aioproc-self-private.h"

/* Up to so many are looked at one by one before they are watched. */
#define LOOK_ONCE_MAX 16

static gboolean
are_waitables (AioprocWaitable **waitables,
               guint             n_waitables)
{
  if (waitables == NULL && n_waitables > 0)
    return FALSE;

  for (guint i = 0; i < n_waitables; i++)
    {
      if (!AIOPROC_IS_WAITABLE (waitables[i]))
        return FALSE;
    }

  return TRUE;
}

static GError *
error_new (GIOErrorEnum code,
           guint        n_waitables)
{
  switch ((int) code)
    {
    case G_IO_ERROR_TIMED_OUT:
      return g_error_new (G_IO_ERROR, code, "The wait for the first of %u timed out", n_waitables);

    case G_IO_ERROR_CANCELLED:
      return g_error_new (G_IO_ERROR, code, "The wait for the first of %u was cancelled",
                          n_waitables);

    case G_IO_ERROR_INVALID_ARGUMENT:
      return g_error_new (G_IO_ERROR, code, "There is nothing to wait for");

    default:
      g_assert_not_reached ();
    }
}

/* FALSE: the wait is over before it has begun. */
static gboolean
check (guint          n_waitables,
       GCancellable  *cancellable,
       GError       **error)
{
  if (n_waitables > 0 && !g_cancellable_is_cancelled (cancellable))
    return TRUE;

  g_propagate_error (error, error_new (n_waitables == 0 ? G_IO_ERROR_INVALID_ARGUMENT
                                                        : G_IO_ERROR_CANCELLED, n_waitables));

  return FALSE;
}

/* --- In the thread of the caller --- */

typedef struct {
  AioprocWaitSet set;
  int            wake_fd;      /* (owned) an eventfd */
  _Atomic guint  cancelled;    /* (atomic) */
} BlockingWait;

static void
blocking_wait_wake (gpointer data)
{
  BlockingWait *self = data;

  eventfd_write (self->wake_fd, 1);
}

static void
blocking_wait_cancelled_cb (GCancellable *cancellable,
                            gpointer      user_data)
{
  BlockingWait *self = user_data;

  atomic_store (&self->cancelled, 1);
  blocking_wait_wake (self);
}

/* NULL: it was cancelled, or too late, or has failed. */
static GPtrArray *
blocking_wait_run (BlockingWait  *self,
                   gint64         deadline_usec,
                   GError       **error)
{
  guint n_members = self->set.n_members;

  for (;;)
    {
      gboolean is_late = deadline_usec >= 0 && g_get_monotonic_time () >= deadline_usec;
      gboolean is_cancelled = atomic_load (&self->cancelled) != 0;
      GPtrArray *found;

      /* At least once, and after the deadline once more. */
      if (!aioproc_wait_set_look (&self->set, self->wake_fd,
                                  is_late || is_cancelled ? 0 : deadline_usec, &found, error))
        return NULL;

      if (found != NULL)
        return found;

      if (is_cancelled || is_late)
        {
          g_propagate_error (error, error_new (is_cancelled ? G_IO_ERROR_CANCELLED
                                                            : G_IO_ERROR_TIMED_OUT, n_members));
          return NULL;
        }
    }
}

/* What is ready at once, without watching anything. */
static GPtrArray *
look_once (AioprocWaitable **waitables,
           guint             n_waitables)
{
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr(GHashTable) seen = NULL;

  for (guint i = 0; i < n_waitables; i++)
    {
      if (!aioproc_waitable_is_ready (waitables[i]))
        continue;

      if (seen == NULL)
        seen = g_hash_table_new (NULL, NULL);

      if (g_hash_table_add (seen, waitables[i]))
        g_ptr_array_add (found, g_object_ref (waitables[i]));
    }

  return found->len > 0 ? g_steal_pointer (&found) : NULL;
}

/**
 * aioproc_wait:
 * @waitables: (array length=n_waitables): waitables
 * @n_waitables: how many there are
 * @timeout_usec: microseconds, 0 to look once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Waits until at least one of many is ready, and blocks the calling thread.
 *
 * What “ready” is, is said at [iface@Waitable]. Nothing is taken from any of them. One that is
 * given twice counts once. Each is kept until the wait is over.
 *
 * No main context is iterated. The calling thread sleeps on all descriptors at once; for queues,
 * which have none, it is woken by a thread of the library, one for some hundred of them.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.TIMED_OUT] if none was ready before @timeout_usec went by
 * - [error@Gio.IOErrorEnum.CANCELLED] if @cancellable was cancelled first
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if there is nothing to wait for, since the wait would
 *   not end, or if there are more descriptors than the system allows to poll
 * - [error@Gio.IOErrorEnum.TOO_MANY_OPEN_FILES] if it has to sleep, and there is no descriptor to
 *   be woken by
 * - [error@Gio.IOErrorEnum.NO_SPACE] if a thread could not be started that watches a queue
 *
 * Returns: (transfer container) (element-type Aioproc.Waitable): all that are ready, at least one,
 *   in the order of @waitables, or `NULL` with @error set
 *
 * Since: 0.1
 */
GPtrArray *
aioproc_wait (AioprocWaitable **waitables,
              guint             n_waitables,
              gint64            timeout_usec,
              GCancellable     *cancellable,
              GError          **error)
{
  BlockingWait self = { .wake_fd = -1 };
  gint64 deadline_usec = aioproc_wait_deadline (timeout_usec);
  GPtrArray *found;
  gulong cancelled_id;

  g_return_val_if_fail (are_waitables (waitables, n_waitables), NULL);
  g_return_val_if_fail (timeout_usec >= -1, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  if (!check (n_waitables, cancellable, error))
    return NULL;

  /* Cheaper than to watch, and so good where there is always something to be done. */
  found = n_waitables <= LOOK_ONCE_MAX || timeout_usec == 0 ? look_once (waitables, n_waitables)
                                                            : NULL;

  if (found != NULL)
    return found;

  if (timeout_usec == 0)
    {
      g_propagate_error (error, error_new (G_IO_ERROR_TIMED_OUT, n_waitables));
      return NULL;
    }

  self.wake_fd = aioproc_self_lift_fd (eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK));

  if (self.wake_fd < 0)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not wait for the first of %u: %s", n_waitables,
                   g_strerror (saved_errno));
      return NULL;
    }

  aioproc_wait_set_init (&self.set, waitables, n_waitables, blocking_wait_wake, &self);
  cancelled_id = cancellable != NULL
                 ? g_cancellable_connect (cancellable, G_CALLBACK (blocking_wait_cancelled_cb),
                                          &self, NULL)
                 : 0;
  found = blocking_wait_run (&self, deadline_usec, error);
  g_cancellable_disconnect (cancellable, cancelled_id);
  aioproc_wait_set_clear (&self.set);
  close (self.wake_fd);

  return found;
}

/* --- In a main context --- */

typedef struct {
  GSource              source;
  AioprocWaitSet       set;
  GTask               *task;           /* (owned) (nullable) until it returns */
  gint64               deadline_usec;  /* -1: none */
  AioprocSourceCancel  cancel;
} WaitSource;

static void
wait_source_wake (gpointer data)
{
  GSource *source = data;

  g_source_set_ready_time (source, 0);
}

/* The context polls what the set would. */
static void
wait_source_update (WaitSource *self)
{
  for (guint i = 0; i < self->set.n_members; i++)
    {
      AioprocWaitMember *member = &self->set.members[i];
      int fd = member->watch.fd;
      short events = member->watch.events;

      if (member->tag != NULL && (member->tag_fd != fd || member->tag_events != events))
        g_source_remove_unix_fd (&self->source, g_steal_pointer (&member->tag));

      if (member->tag != NULL || fd < 0)
        continue;

      member->tag = g_source_add_unix_fd (&self->source, fd, (GIOCondition) events);
      member->tag_fd = fd;
      member->tag_events = events;
    }
}

static gboolean
wait_source_dispatch (GSource     *source,
                      GSourceFunc  callback,
                      gpointer     user_data)
{
  WaitSource *self = (WaitSource *) source;
  guint n_members = self->set.n_members;
  gboolean is_late = self->deadline_usec >= 0 && g_get_monotonic_time () >= self->deadline_usec;
  GCancellable *cancellable = g_task_get_cancellable (self->task);
  g_autoptr(GTask) task = NULL;
  gboolean is_cancelled;
  GError *error = NULL;
  GPtrArray *found;

  /* First: who notifies from here on makes it ready again. */
  g_source_set_ready_time (source, self->deadline_usec);
  aioproc_source_cancel_connect (&self->cancel, source, cancellable);
  is_cancelled = g_cancellable_is_cancelled (cancellable);

  if (aioproc_wait_set_look (&self->set, -1, 0, &found, &error) && found == NULL)
    {
      if (!is_cancelled && !is_late)
        {
          wait_source_update (self);
          return G_SOURCE_CONTINUE;
        }

      error = error_new (is_cancelled ? G_IO_ERROR_CANCELLED : G_IO_ERROR_TIMED_OUT, n_members);
    }

  /* The callback finds nothing left of the wait. */
  task = g_steal_pointer (&self->task);
  aioproc_source_cancel_disconnect (&self->cancel);
  aioproc_wait_set_clear (&self->set);

  if (found != NULL)
    g_task_return_pointer (task, found, (GDestroyNotify) g_ptr_array_unref);
  else
    g_task_return_error (task, error);

  return G_SOURCE_REMOVE;
}

/* What it is dispatched by is its own; this is there for what comes with it. */
static gboolean
wait_source_no_callback (gpointer user_data)
{
  return G_SOURCE_REMOVE;
}

static void
wait_source_destroyed (gpointer user_data)
{
  aioproc_source_cancel_disconnect (&((WaitSource *) user_data)->cancel);
}

static void
wait_source_finalize (GSource *source)
{
  WaitSource *self = (WaitSource *) source;

  aioproc_wait_set_clear (&self->set);
  g_clear_object (&self->task);
}

static GSourceFuncs wait_source_funcs = {
  .dispatch = wait_source_dispatch,
  .finalize = wait_source_finalize,
};

/**
 * aioproc_wait_async:
 * @waitables: (array length=n_waitables): waitables
 * @n_waitables: how many there are
 * @timeout_usec: microseconds, 0 to look once, or -1 to wait for ever
 * @cancellable: (nullable): a cancellable
 * @callback: (nullable) (scope async): a callback
 * @user_data: data for @callback
 *
 * Waits until at least one of many is ready.
 *
 * The asynchronous form of [func@wait]. All of it is one source of the thread-default main context
 * of the caller, which needs no descriptor of its own.
 *
 * Since: 0.1
 */
void
aioproc_wait_async (AioprocWaitable     **waitables,
                    guint                 n_waitables,
                    gint64                timeout_usec,
                    GCancellable         *cancellable,
                    GAsyncReadyCallback   callback,
                    gpointer              user_data)
{
  g_autoptr(GTask) task = NULL;
  g_autoptr(GSource) source = NULL;
  GError *error = NULL;
  WaitSource *self;

  g_return_if_fail (are_waitables (waitables, n_waitables));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (NULL, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_wait_async);

  if (!check (n_waitables, cancellable, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  source = g_source_new (&wait_source_funcs, sizeof (WaitSource));
  g_source_set_static_name (source, "[aioproc] wait for the first of many");
  g_source_set_priority (source, g_task_get_priority (task));
  self = (WaitSource *) source;
  self->deadline_usec = aioproc_wait_deadline (timeout_usec);
  self->task = g_object_ref (task);
  g_source_set_callback (source, wait_source_no_callback, self, wait_source_destroyed);
  aioproc_wait_set_init (&self->set, waitables, n_waitables, wait_source_wake, source);

  /* The first look is made in the context, which is where the task returns in any case: the source
   * is not to be touched by a notification before it has one.
   */
  g_source_set_ready_time (source, 0);
  g_source_attach (source, g_task_get_context (task));
}

/**
 * aioproc_wait_finish:
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Finishes a wait that was started by [func@wait_async].
 *
 * Fails as [func@wait] does, but never for want of a descriptor.
 *
 * Returns: (transfer container) (element-type Aioproc.Waitable): all that are ready, at least one,
 *   in the order of the array, or `NULL` with @error set
 *
 * Since: 0.1
 */
GPtrArray *
aioproc_wait_finish (GAsyncResult  *result,
                     GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_wait_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
