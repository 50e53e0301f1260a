/* aioproc-process-start.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>
#include <unistd.h>

#include "aioproc-error.h"
#include "aioproc-process.h"
#include "core/aioproc-debug-private.h"
#include "core/aioproc-family-private.h"
#include "core/aioproc-message-private.h"
#include "platform/aioproc-fds-private.h"
#include "process/aioproc-exit-private.h"
#include "process/aioproc-process-private.h"
#include "process/aioproc-supervision-private.h"
#include "process/aioproc-worker-private.h"

/* A process that is about to become a worker, or is a worker that has not yet found its function,
 * would start another one each time this program is run.
 */
static gboolean
check_bootstrapped (GError **error)
{
  AioprocRole role = aioproc_worker_get_role ();

  if (role == AIOPROC_ROLE_FORKSERVER)
    {
      g_set_error_literal (error, AIOPROC_ERROR, AIOPROC_ERROR_BOOTSTRAPPING,
                           "A preload function may not start a process");
      return FALSE;
    }

  if (role == AIOPROC_ROLE_BOOTSTRAP || g_getenv (AIOPROC_SUPERVISION_ENVIRONMENT) != NULL)
    {
      g_set_error_literal (error, AIOPROC_ERROR, AIOPROC_ERROR_BOOTSTRAPPING,
                           "This worker started a process before its own bootstrap ended: call "
                           "aioproc_init() first in main()");
      return FALSE;
    }

  return TRUE;
}

/* The first thing that the worker reads: what to call it, and the call itself. The caller's handles
 * keep their numbers; that of the family comes after them.
 */
static AioprocFrame *
make_start_frame (AioprocProcess                *self,
                  const AioprocContextSettings  *settings,
                  GError                       **error)
{
  const AioprocFrameInfo info = { .kind = AIOPROC_FRAME_START };
  g_autoptr(AioprocMessage) arguments = NULL;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GVariant) body = NULL;
  g_autofree char *name = NULL;
  g_autofree char *parent_name = NULL;
  g_auto(GVariantDict) options = G_VARIANT_DICT_INIT (NULL);
  AioprocFamily *family;
  gboolean is_daemon;
  int family_fd;

  aioproc_mutex_lock (&self->mutex);
  name = g_strdup (self->name);
  is_daemon = self->is_daemon;
  if (self->message != NULL)
    {
      arguments = g_object_ref (self->message);
      body = aioproc_message_dup_body (arguments);
    }
  else if (self->arguments != NULL)
    {
      body = g_variant_ref (self->arguments);
    }
  aioproc_mutex_unlock (&self->mutex);

  if (body == NULL)
    body = g_variant_ref_sink (g_variant_new ("()"));

  family = aioproc_family_get_default (error);
  if (family == NULL)
    return NULL;

  family_fd = aioproc_family_open (family, error);
  if (family_fd < 0)
    return NULL;

  message = aioproc_message_derive (arguments, NULL);
  parent_name = aioproc_process_dup_name (aioproc_process_get_current ());

  g_variant_dict_insert (&options, "name", "s", name);
  g_variant_dict_insert (&options, "identity", "s", self->identity);
  g_variant_dict_insert (&options, "daemon", "b", is_daemon);
  g_variant_dict_insert (&options, "parent-name", "s", parent_name);
  g_variant_dict_insert (&options, "parent-pid", "u", (guint32) getpid ());
  g_variant_dict_insert (&options, "log-levels", "u", (guint32) settings->log_levels);
  g_variant_dict_insert (&options, "family", "h", aioproc_message_take_fd (message, family_fd));

  aioproc_message_set_body (message, g_variant_new ("(s@a{sv}v)", self->function,
                                                    g_variant_dict_end (&options), body));

  return aioproc_frame_new (&info, message, error);
}

/* The process can be started: nobody else can start it any more. */
static gboolean
claim_start (AioprocProcess  *self,
             GError         **error)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (!aioproc_process_check_child_locked (self, error))
    return FALSE;

  if (self->function == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "Process “%s” has no function to call", self->name);
      return FALSE;
    }

  if (self->state != AIOPROC_PROCESS_INITIAL)
    {
      g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE,
                   "Process “%s” has been started before", self->name);
      return FALSE;
    }

  self->state = AIOPROC_PROCESS_STARTING;

  return TRUE;
}

static void
unclaim_start (AioprocProcess *self)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  self->state = AIOPROC_PROCESS_INITIAL;
  aioproc_process_wake_locked (self);
}

/* The context of the thread. GLib ends the program where there is no descriptor for the default
 * one, which it has perhaps had no use for so far.
 */
static GMainContext *
dup_notify_context (GError **error)
{
  static int has_default;   /* (atomic) */
  GMainContext *context = g_main_context_get_thread_default ();

  if (context == NULL && !g_atomic_int_get (&has_default))
    {
      if (!aioproc_fds_check_free (1, error))
        {
          g_prefix_error (error, "Could not make a main context: ");
          return NULL;
        }

      g_main_context_default ();
      g_atomic_int_set (&has_default, TRUE);
    }

  return g_main_context_ref (context != NULL ? context : g_main_context_default ());
}

gboolean
aioproc_process_begin_start (AioprocProcess  *self,
                             GError         **error)
{
  g_autoptr(AioprocFrame) frame = NULL;
  g_autoptr(AioprocChildSpec) spec = NULL;
  g_autoptr(GMainContext) notify_context = NULL;
  AioprocContextSettings settings = { NULL };
  AioprocContext *context;
  AioprocChild *child;

  if (!check_bootstrapped (error) || !claim_start (self, error))
    return FALSE;

  context = self->context != NULL ? self->context : aioproc_context_get_default ();
  if (aioproc_context_begin_start (context, &settings, error))
    {
      spec = settings.spec;
      frame = make_start_frame (self, &settings, error);
    }

  if (frame != NULL)
    notify_context = dup_notify_context (error);

  if (notify_context == NULL)
    {
      unclaim_start (self);
      return FALSE;
    }

  aioproc_mutex_lock (&self->mutex);
  self->exit_timeout_usec = settings.exit_timeout_usec;
  self->log_fatal = settings.log_fatal;
  self->notify_context = g_steal_pointer (&notify_context);
  g_clear_pointer (&self->arguments, g_variant_unref);
  g_clear_object (&self->message);
  aioproc_mutex_unlock (&self->mutex);

  aioproc_exit_add_child (self);

  child = aioproc_child_start (spec, g_steal_pointer (&frame), &aioproc_process_child_ops,
                               g_object_ref (self), g_object_unref);

  aioproc_mutex_lock (&self->mutex);
  aioproc_process_set_child_locked (self, child);
  aioproc_mutex_unlock (&self->mutex);

  aioproc_child_unref (child);

  return TRUE;
}

/* What a start waits for. */
static gboolean
has_started (AioprocProcess *self)
{
  return self->state != AIOPROC_PROCESS_STARTING;
}

/* Ends a start whose wait ended with @wait_error, if not NULL, which it takes: a worker that nobody
 * waits for any more is killed, if its bootstrap was not done just now.
 */
static gboolean
end_start (AioprocProcess  *self,
           GError          *wait_error,
           GError         **error)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (self->is_ready)
    {
      g_clear_error (&wait_error);
      return TRUE;
    }

  if (wait_error != NULL)
    {
      if (self->error == NULL)
        self->error = g_error_copy (wait_error);
      aioproc_process_signal_locked (self, SIGKILL, NULL);
      g_propagate_error (error, wait_error);
      return FALSE;
    }

  g_propagate_error (error, g_error_copy (self->error));

  return FALSE;
}

/**
 * aioproc_process_start:
 * @self: a process
 * @cancellable: (nullable): a [class@Gio.Cancellable], or `NULL`
 * @error: return location for a [type@GLib.Error]
 *
 * Starts the process, and waits until its bootstrap is done.
 *
 * See [method@Aioproc.Process.start_async], which is the form for programs with a main loop.
 *
 * Errors: those of [method@Aioproc.Process.start_async].
 *
 * Returns: whether the process is running
 *
 * Since: 0.1
 */
gboolean
aioproc_process_start (AioprocProcess  *self,
                       GCancellable    *cancellable,
                       GError         **error)
{
  g_autoptr(GError) wait_error = NULL;

  g_return_val_if_fail (AIOPROC_IS_PROCESS (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  AIOPROC_DEBUG_CHECK_BLOCKING (-1);

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  if (!aioproc_process_begin_start (self, error))
    return FALSE;

  aioproc_process_wait (self, has_started, -1, cancellable, &wait_error);

  return end_start (self, g_steal_pointer (&wait_error), error);
}

static void
start_ready (AioprocProcess *self,
             GTask          *task,
             GError         *error)
{
  g_autoptr(GError) start_error = NULL;

  if (end_start (self, error, &start_error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, g_steal_pointer (&start_error));
}

/**
 * aioproc_process_start_async:
 * @self: a process
 * @cancellable: (nullable): a [class@Gio.Cancellable], or `NULL`
 * @callback: (scope async): what to call when the process is running, or could not be started
 * @user_data: data for @callback
 *
 * Starts the process.
 *
 * The start is complete when the worker has finished its bootstrap: it has joined this program’s
 * family of processes, received the arguments and found the function. What can go wrong with that
 * is an error of the start. When the start is cancelled before, the worker is killed. So is one
 * that closes its channel to this program before, and does not end within five seconds.
 *
 * A start has no time limit of its own: what a worker program, or a preload, does first may take
 * long. Where it hangs, [method@Gio.Cancellable.cancel], [method@Aioproc.Process.terminate] and
 * [method@Aioproc.Process.kill] end the start, also while there is no worker yet.
 *
 * A process is started at most once. One whose start was refused, because of
 * `AIOPROC_ERROR_NOT_INITIALIZED` or a wrong property of its context, say, can be started again;
 * one whose worker died, or was killed, before its bootstrap was done cannot.
 *
 * Errors:
 *
 * - `AIOPROC_ERROR_INVALID_STATE`: it has been started before, or is not a new process.
 * - `AIOPROC_ERROR_NOT_INITIALIZED`: the worker would be this executable, which never called
 *   [func@Aioproc.init].
 * - `AIOPROC_ERROR_BOOTSTRAPPING`: this process is itself a worker before the end of its bootstrap.
 * - `AIOPROC_ERROR_NOT_FOUND`: the worker program has no function of that name; the message lists
 *   those it has. Or it is a module that cannot be loaded.
 * - `AIOPROC_ERROR_FORK_REFUSED`: the start method is `AIOPROC_START_METHOD_FORK`, and this process
 *   has threads that Aioproc did not start.
 * - `AIOPROC_ERROR_WORKER_DIED`: the worker ended before its bootstrap was done.
 * - `G_IO_ERROR_CANCELLED`: the start was cancelled.
 * - `G_IO_ERROR_CLOSED`: the process was closed; or a connection in the arguments has come to its
 *   end.
 * - `G_IO_ERROR_BUSY`: a connection in the arguments has operations pending, or something left
 *   behind, or is being sent already.
 * - `G_IO_ERROR_NOT_SUPPORTED`: a connection in the arguments is over a stream.
 * - `G_IO_ERROR_INVALID_ARGUMENT`: its context has a program and a module, or an empty program;
 *   or it was made without a function; or the arguments are nested more than 32 levels deep.
 * - `G_IO_ERROR_MESSAGE_TOO_LARGE`: the arguments are more than a frame can carry.
 * - `G_IO_ERROR_INVALID_DATA`: the worker sent what is no frame, and was killed.
 * - `G_IO_ERROR_NO_SPACE`: no thread could be started that watches workers, or there was no room
 *   for the arguments.
 * - those of the operating system: no such program, no permission, too many processes or
 *   descriptors, no memory.
 *
 * Since: 0.1
 */
void
aioproc_process_start_async (AioprocProcess      *self,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  g_autoptr(GError) error = NULL;

  g_return_if_fail (AIOPROC_IS_PROCESS (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_process_start_async);
  /* Whoever has a running process has to know. */
  g_task_set_check_cancellable (task, FALSE);

  if (g_task_return_error_if_cancelled (task))
    return;

  if (!aioproc_process_begin_start (self, &error))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  aioproc_process_wait_async (self, has_started, -1, g_steal_pointer (&task), start_ready);
}

/**
 * aioproc_process_start_finish:
 * @self: a process
 * @result: the result given to the callback
 * @error: return location for a [type@GLib.Error]
 *
 * Finishes [method@Aioproc.Process.start_async].
 *
 * Errors: those of [method@Aioproc.Process.start_async].
 *
 * Returns: whether the process is running
 *
 * Since: 0.1
 */
gboolean
aioproc_process_start_finish (AioprocProcess  *self,
                              GAsyncResult    *result,
                              GError         **error)
{
  g_return_val_if_fail (AIOPROC_IS_PROCESS (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_process_start_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
