/* aioproc-process-control.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>
#include <unistd.h>

#include "aioproc-error.h"
#include "aioproc-process.h"
#include "core/aioproc-debug-private.h"
#include "process/aioproc-process-private.h"

static gint64
make_deadline (gint64 timeout_usec)
{
  gint64 now_usec = g_get_monotonic_time ();

  if (timeout_usec < 0 || timeout_usec > G_MAXINT64 - now_usec)
    return -1;

  return now_usec + timeout_usec;
}

static gboolean
check_joinable (AioprocProcess  *self,
                GError         **error)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->kind == AIOPROC_PROCESS_PARENT || aioproc_process_check_started_locked (self, error);
}

/**
 * aioproc_process_join:
 * @self: a process
 * @timeout_usec: microseconds, -1 to wait for ever, 0 not to wait
 * @cancellable: (nullable): a [class@Gio.Cancellable], or `NULL`
 * @error: return location for a [type@GLib.Error]
 *
 * Waits in the calling thread until the process has ended.
 *
 * See [method@Aioproc.Process.join_async], which is the form for programs with a main loop.
 *
 * Errors: those of [method@Aioproc.Process.join_async].
 *
 * Returns: whether the process has ended
 *
 * Since: 0.1
 */
gboolean
aioproc_process_join (AioprocProcess  *self,
                      gint64           timeout_usec,
                      GCancellable    *cancellable,
                      GError         **error)
{
  gint64 deadline_usec;

  g_return_val_if_fail (AIOPROC_IS_PROCESS (self), FALSE);
  g_return_val_if_fail (timeout_usec >= -1, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec);

  deadline_usec = make_deadline (timeout_usec);

  if (!check_joinable (self, error))
    return FALSE;

  if (self->kind == AIOPROC_PROCESS_PARENT)
    return aioproc_process_wait_parent (self, deadline_usec, cancellable, error);

  return aioproc_process_wait (self, aioproc_process_has_ended, deadline_usec, cancellable, error);
}

static void
join_ready (AioprocProcess *self,
            GTask          *task,
            GError         *error)
{
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

/**
 * aioproc_process_join_async:
 * @self: a process
 * @timeout_usec: microseconds, -1 to wait for ever, 0 not to wait
 * @cancellable: (nullable): a [class@Gio.Cancellable], or `NULL`
 * @callback: (scope async): what to call when the process has ended
 * @user_data: data for @callback
 *
 * Waits until the process has ended.
 *
 * It has ended when it is gone and its exit status is known, as far as it can be; all that it sent
 * has arrived. How it ended, and what its function returned, is asked for separately: by
 * [method@Aioproc.Process.get_exit_code] and [method@Aioproc.Process.dup_result].
 *
 * Any number of threads and operations may join, at the same time and later.
 *
 * Errors:
 *
 * - `G_IO_ERROR_TIMED_OUT`: the time is over, and the process runs on.
 * - `G_IO_ERROR_CANCELLED`: the wait was cancelled, and the process runs on.
 * - `G_IO_ERROR_CLOSED`: the process was closed.
 * - `AIOPROC_ERROR_INVALID_STATE`: the process has not been started, or is the current one.
 *
 * Since: 0.1
 */
void
aioproc_process_join_async (AioprocProcess      *self,
                            gint64               timeout_usec,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  g_autoptr(GError) error = NULL;

  g_return_if_fail (AIOPROC_IS_PROCESS (self));
  g_return_if_fail (timeout_usec >= -1);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_process_join_async);

  if (g_task_return_error_if_cancelled (task))
    return;

  if (!check_joinable (self, &error))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  aioproc_process_wait_async (self, aioproc_process_has_ended, make_deadline (timeout_usec),
                              g_steal_pointer (&task), join_ready);
}

/**
 * aioproc_process_join_finish:
 * @self: a process
 * @result: the result given to the callback
 * @error: return location for a [type@GLib.Error]
 *
 * Finishes [method@Aioproc.Process.join_async].
 *
 * Errors: those of [method@Aioproc.Process.join_async].
 *
 * Returns: whether the process has ended
 *
 * Since: 0.1
 */
gboolean
aioproc_process_join_finish (AioprocProcess  *self,
                             GAsyncResult    *result,
                             GError         **error)
{
  g_return_val_if_fail (AIOPROC_IS_PROCESS (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_process_join_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * aioproc_process_cancel:
 * @self: a process
 * @error: return location for a [type@GLib.Error]
 *
 * Asks the function politely to stop.
 *
 * The cancellable of its call, [method@Aioproc.Call.get_cancellable], is cancelled. A function that
 * does not look at it goes on; a process that has ended is no error.
 *
 * Errors:
 *
 * - `AIOPROC_ERROR_INVALID_STATE`: the process has not been started by this one.
 * - `G_IO_ERROR_CLOSED`: the process was closed.
 *
 * Returns: whether the function has been asked, or has ended already
 *
 * Since: 0.1
 */
gboolean
aioproc_process_cancel (AioprocProcess  *self,
                        GError         **error)
{
  g_return_val_if_fail (AIOPROC_IS_PROCESS (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (!aioproc_process_check_started_locked (self, error))
    return FALSE;

  aioproc_process_send_cancel_locked (self);

  return TRUE;
}

/**
 * aioproc_process_terminate:
 * @self: a process
 * @error: return location for a [type@GLib.Error]
 *
 * Sends `SIGTERM` to the process.
 *
 * It ends without exit handlers, unless it handles the signal. Locks that it holds are found
 * abandoned by the next who acquires them; other objects that it uses stay whole. Processes that it
 * started itself end with it. A process that has ended is no error.
 *
 * Errors: those of [method@Aioproc.Process.send_signal].
 *
 * Returns: whether the signal was sent, or is not needed
 *
 * Since: 0.1
 */
gboolean
aioproc_process_terminate (AioprocProcess  *self,
                           GError         **error)
{
  return aioproc_process_send_signal (self, SIGTERM, error);
}

/**
 * aioproc_process_kill:
 * @self: a process
 * @error: return location for a [type@GLib.Error]
 *
 * Sends `SIGKILL` to the process.
 *
 * As [method@Aioproc.Process.terminate], but the process cannot handle it.
 *
 * Errors: those of [method@Aioproc.Process.send_signal].
 *
 * Returns: whether the signal was sent, or is not needed
 *
 * Since: 0.1
 */
gboolean
aioproc_process_kill (AioprocProcess  *self,
                      GError         **error)
{
  return aioproc_process_send_signal (self, SIGKILL, error);
}

/**
 * aioproc_process_send_signal:
 * @self: a process
 * @signum: a signal, as `SIGUSR1`
 * @error: return location for a [type@GLib.Error]
 *
 * Sends a signal to the process, and never to another one that got its pid.
 *
 * A process that is just being started gets it as soon as it exists. While its forkserver has not
 * come as far as to fork anything, `SIGTERM` and `SIGKILL` end the start at once, and the process
 * counts as ended by that signal. A process that has ended is no error.
 *
 * Errors:
 *
 * - `AIOPROC_ERROR_INVALID_STATE`: the process has not been started by this one.
 * - `G_IO_ERROR_CLOSED`: the process was closed.
 * - `G_IO_ERROR_PERMISSION_DENIED`: the process runs as another user.
 *
 * Returns: whether the signal was sent, or is not needed
 *
 * Since: 0.1
 */
gboolean
aioproc_process_send_signal (AioprocProcess  *self,
                             int              signum,
                             GError         **error)
{
  g_return_val_if_fail (AIOPROC_IS_PROCESS (self), FALSE);
  g_return_val_if_fail (signum > 0 && signum <= 64, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return aioproc_process_check_started_locked (self, error) &&
         aioproc_process_signal_locked (self, signum, error);
}

/**
 * aioproc_process_close:
 * @self: a process
 * @error: return location for a [type@GLib.Error]
 *
 * Lets go of all that the object holds: descriptors, and the result.
 *
 * Letting go of the object itself does the same. A closed process still has its name, its daemon
 * flag, its pid and its exit code; everything else fails with `G_IO_ERROR_CLOSED`. Closing it again
 * is no error, and neither is closing one that has not been started.
 *
 * Errors:
 *
 * - `AIOPROC_ERROR_INVALID_STATE`: the process is running, or is not a child of this one.
 *
 * Returns: whether the process is closed
 *
 * Since: 0.1
 */
gboolean
aioproc_process_close (AioprocProcess  *self,
                       GError         **error)
{
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(AioprocMessage) result = NULL;
  g_autoptr(GVariant) arguments = NULL;
  AioprocChild *child;

  g_return_val_if_fail (AIOPROC_IS_PROCESS (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  aioproc_mutex_lock (&self->mutex);

  if (!self->is_closed && !aioproc_process_check_child_locked (self, error))
    {
      aioproc_mutex_unlock (&self->mutex);
      return FALSE;
    }

  if (self->state == AIOPROC_PROCESS_STARTING || self->state == AIOPROC_PROCESS_RUNNING)
    {
      g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE,
                   "Process “%s” cannot be closed while it is running", self->name);
      aioproc_mutex_unlock (&self->mutex);
      return FALSE;
    }

  self->is_closed = TRUE;
  child = g_steal_pointer (&self->child);
  message = g_steal_pointer (&self->message);
  result = g_steal_pointer (&self->result);
  arguments = g_steal_pointer (&self->arguments);

  aioproc_mutex_unlock (&self->mutex);

  g_clear_pointer (&child, aioproc_child_unref);

  return TRUE;
}

/**
 * aioproc_process_is_alive:
 * @self: a process
 *
 * Tells whether the process is running.
 *
 * Returns: `TRUE` from the start of the process until a join would return at once; always `TRUE`
 *   for the current process
 *
 * Since: 0.1
 */
gboolean
aioproc_process_is_alive (AioprocProcess *self)
{
  g_return_val_if_fail (AIOPROC_IS_PROCESS (self), FALSE);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->state != AIOPROC_PROCESS_INITIAL && !aioproc_process_has_ended (self);
}

/**
 * aioproc_process_get_pid:
 * @self: a process
 *
 * Gets the process id.
 *
 * It is for people, and to be compared. The system may give it to another process once this one has
 * ended: to do something to the process, use this object, or its sentinel.
 *
 * Returns: the process id as the process itself, or who started it, sees it; 0 before the start
 *
 * Since: 0.1
 */
int
aioproc_process_get_pid (AioprocProcess *self)
{
  g_return_val_if_fail (AIOPROC_IS_PROCESS (self), 0);

  if (self->kind == AIOPROC_PROCESS_CURRENT)
    return getpid ();

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->pid;
}

/**
 * aioproc_process_get_sentinel:
 * @self: a process
 * @error: return location for a [type@GLib.Error]
 *
 * Gets a descriptor that becomes readable when the process ends.
 *
 * It is a pidfd, to be given to `poll()` along with others. It belongs to the object, which closes
 * it by [method@Aioproc.Process.close] or when it is finalized: do not close it. A moment may pass
 * between the end of the process and the time when its exit code is known, so join it afterwards.
 *
 * Errors:
 *
 * - `AIOPROC_ERROR_INVALID_STATE`: the process has not been started, or is the current one.
 * - `G_IO_ERROR_CLOSED`: the process was closed.
 *
 * Returns: a descriptor, or -1 with @error set
 *
 * Since: 0.1
 */
int
aioproc_process_get_sentinel (AioprocProcess  *self,
                              GError         **error)
{
  int fd;

  g_return_val_if_fail (AIOPROC_IS_PROCESS (self), -1);
  g_return_val_if_fail (error == NULL || *error == NULL, -1);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (self->kind == AIOPROC_PROCESS_PARENT)
    return self->hangup_fd;

  if (!aioproc_process_check_started_locked (self, error))
    return -1;

  fd = self->child != NULL ? aioproc_child_get_pidfd (self->child) : -1;
  if (fd < 0)
    g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE,
                 "Process “%s” does not exist yet, or never came to be", self->name);

  return fd;
}

/**
 * aioproc_process_get_exit_code:
 * @self: a process
 * @exit_code: (out) (optional): where to store the exit code
 *
 * Gets how the process ended.
 *
 * The exit code is 0 if the function returned a value, 1 if it failed, N if the process called
 * `exit (N)`, and -N if it was killed by signal N.
 *
 * Returns: whether the exit code is known; not before the end of the process, nor if it was lost
 *   with the supervisor of the process
 *
 * Since: 0.1
 */
gboolean
aioproc_process_get_exit_code (AioprocProcess *self,
                               int            *exit_code)
{
  g_return_val_if_fail (AIOPROC_IS_PROCESS (self), FALSE);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (exit_code != NULL)
    *exit_code = self->exit_code;

  return self->has_exit_code;
}

/**
 * aioproc_process_dup_result:
 * @self: a process
 * @error: return location for a [type@GLib.Error]
 *
 * Gets what the function returned.
 *
 * Errors:
 *
 * - those of the function itself, with their own domain, code and message; with
 *   `AIOPROC_ERROR_REMOTE` if this program does not know the domain.
 * - `AIOPROC_ERROR_REMOTE`: the function returned neither a value nor an error.
 * - `AIOPROC_ERROR_WORKER_DIED`: the process ended before the function did; the message has its pid
 *   and the signal or exit status.
 * - `AIOPROC_ERROR_STATUS_LOST`: the process ended before the function did, it cannot be known how.
 * - `G_IO_ERROR_INVALID_DATA`: the process sent what is no frame, and was killed.
 * - `AIOPROC_ERROR_INVALID_STATE`: the process has not ended.
 * - `G_IO_ERROR_CLOSED`: the process was closed.
 * - that of the start, if it failed.
 *
 * Returns: (transfer full): the result, or `NULL` with @error set
 *
 * Since: 0.1
 */
GVariant *
aioproc_process_dup_result (AioprocProcess  *self,
                            GError         **error)
{
  g_autoptr(AioprocMessage) message = aioproc_process_dup_result_message (self, error);

  if (message == NULL)
    return NULL;

  return aioproc_message_dup_body (message);
}

/**
 * aioproc_process_dup_result_message:
 * @self: a process
 * @error: return location for a [type@GLib.Error]
 *
 * Gets what the function returned, with what its handles name.
 *
 * Errors: those of [method@Aioproc.Process.dup_result].
 *
 * Returns: (transfer full): the result, or `NULL` with @error set
 *
 * Since: 0.1
 */
AioprocMessage *
aioproc_process_dup_result_message (AioprocProcess  *self,
                                    GError         **error)
{
  g_return_val_if_fail (AIOPROC_IS_PROCESS (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (!aioproc_process_check_started_locked (self, error))
    return NULL;

  if (self->state != AIOPROC_PROCESS_ENDED)
    {
      g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE,
                   "Process “%s” has not ended", self->name);
      return NULL;
    }

  if (self->result != NULL)
    return g_object_ref (self->result);

  g_propagate_error (error, g_error_copy (self->error));

  return NULL;
}
