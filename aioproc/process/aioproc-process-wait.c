/* aioproc-process-wait.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <glib-unix.h>

#include "core/aioproc-source-cancel-private.h"
#include "platform/aioproc-fds-private.h"
#include "process/aioproc-monitor-private.h"
#include "process/aioproc-process-private.h"

/* One pending wait: the data of its source, which is attached to the context of the task. */
typedef struct
{
  AioprocProcess          *process;         /* (owned) */
  AioprocProcessPredicate  predicate;
  AioprocProcessReadyFunc  ready;
  GTask                   *task;            /* (owned) (nullable) until it is ready */
  GSource                 *source;          /* not owned */
  gint64                   deadline_usec;
  AioprocSourceCancel      cancel;
} Wait;

static void
remove_wait (AioprocProcess *self,
             GSource        *source)
{
  aioproc_mutex_lock (&self->mutex);
  g_ptr_array_remove_fast (self->waits, source);
  aioproc_mutex_unlock (&self->mutex);
}

static void
wait_free (gpointer data)
{
  Wait *wait = data;

  aioproc_source_cancel_disconnect (&wait->cancel);
  remove_wait (wait->process, wait->source);
  g_clear_object (&wait->task);
  g_object_unref (wait->process);
  g_free (wait);
}

static gboolean
dispatch_cb (GSource     *source,
             GSourceFunc  callback,
             gpointer     user_data)
{
  return callback (user_data);
}

/* Its ready time makes it ready, which aioproc_process_wake_locked() sets, or its cancellable. */
static GSourceFuncs wait_source_funcs = {
  .dispatch = dispatch_cb,
};

void
aioproc_process_wake_locked (AioprocProcess *self)
{
  g_cond_broadcast (&self->cond);

  for (guint i = 0; i < self->waits->len; i++)
    g_source_set_ready_time (g_ptr_array_index (self->waits, i), 0);

  aioproc_watches_notify (&self->watches);
}

/* From now on @source is woken. */
static void
add_wait_locked (AioprocProcess *self,
                 GSource        *source)
{
  g_ptr_array_add (self->waits, g_source_ref (source));
}

static void
set_timed_out (AioprocProcess  *self,
               GError         **error)
{
  g_autofree char *name = aioproc_process_dup_name (self);

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
               "The wait for process “%s” timed out", name);
}

static gboolean
wait_ready_cb (gpointer user_data)
{
  Wait *wait = user_data;
  AioprocProcess *self = wait->process;
  GCancellable *cancellable = g_task_get_cancellable (wait->task);
  g_autoptr(GTask) task = NULL;
  g_autoptr(GError) error = NULL;
  gboolean has_come;
  gboolean is_cancelled;
  gboolean is_late = wait->deadline_usec >= 0 && g_get_monotonic_time () >= wait->deadline_usec;

  /* First: what happens from here on wakes it again. */
  g_source_set_ready_time (wait->source, wait->deadline_usec);
  aioproc_source_cancel_connect (&wait->cancel, wait->source, cancellable);
  is_cancelled = g_cancellable_is_cancelled (cancellable);

  aioproc_mutex_lock (&self->mutex);

  has_come = wait->predicate (self);
  if (!has_come && !is_cancelled && !is_late)
    {
      /* Woken for somebody else, or to begin. */
      aioproc_mutex_unlock (&self->mutex);
      return G_SOURCE_CONTINUE;
    }

  aioproc_mutex_unlock (&self->mutex);

  if (!has_come && is_cancelled)
    g_cancellable_set_error_if_cancelled (cancellable, &error);
  else if (!has_come)
    set_timed_out (self, &error);

  aioproc_source_cancel_disconnect (&wait->cancel);
  task = g_steal_pointer (&wait->task);
  wait->ready (self, task, g_steal_pointer (&error));

  return G_SOURCE_REMOVE;
}

void
aioproc_process_wait_async (AioprocProcess          *self,
                            AioprocProcessPredicate  predicate,
                            gint64                   deadline_usec,
                            GTask                   *task,
                            AioprocProcessReadyFunc  ready)
{
  GCancellable *cancellable = g_task_get_cancellable (task);
  g_autoptr(GTask) owned_task G_GNUC_UNUSED = task;
  g_autoptr(GSource) source = NULL;
  gboolean has_come;
  Wait *wait;

  if (self->kind == AIOPROC_PROCESS_CHILD)
    aioproc_monitor_check ();

  source = g_source_new (&wait_source_funcs, sizeof (GSource));
  g_source_set_static_name (source, "[aioproc] wait for a process");
  g_source_set_priority (source, g_task_get_priority (task));
  /* To a cancellable it is connected in its context. */
  g_source_set_ready_time (source, cancellable != NULL ? 0 : deadline_usec);

  if (self->kind == AIOPROC_PROCESS_PARENT)
    g_source_add_unix_fd (source, self->hangup_fd, G_IO_IN);

  wait = g_new0 (Wait, 1);
  wait->process = g_object_ref (self);
  wait->predicate = predicate;
  wait->ready = ready;
  wait->task = g_object_ref (task);
  wait->source = source;
  wait->deadline_usec = deadline_usec;
  g_source_set_callback (source, wait_ready_cb, wait, wait_free);

  aioproc_mutex_lock (&self->mutex);

  has_come = predicate (self);
  if (!has_come)
    {
      add_wait_locked (self, source);
      g_source_attach (source, g_task_get_context (task));
    }

  aioproc_mutex_unlock (&self->mutex);

  /* The task sees to it that nobody is called back before this returns. */
  if (has_come)
    ready (self, task, NULL);
}

static void
cancelled_cb (GCancellable *cancellable,
              gpointer      user_data)
{
  AioprocProcess *self = user_data;

  aioproc_mutex_lock (&self->mutex);
  g_cond_broadcast (&self->cond);
  aioproc_mutex_unlock (&self->mutex);
}

/* FALSE: the deadline has passed. */
static gboolean
wait_cond_locked (AioprocProcess *self,
                  gint64          deadline_usec)
{
  gboolean in_time = TRUE;

  AIOPROC_TSAN_RELEASE (&self->mutex);

  if (deadline_usec < 0)
    g_cond_wait (&self->cond, &self->mutex.mutex);
  else
    in_time = g_cond_wait_until (&self->cond, &self->mutex.mutex, deadline_usec);

  AIOPROC_TSAN_ACQUIRE (&self->mutex);

  return in_time;
}

gboolean
aioproc_process_wait (AioprocProcess           *self,
                      AioprocProcessPredicate   predicate,
                      gint64                    deadline_usec,
                      GCancellable             *cancellable,
                      GError                  **error)
{
  gulong handler_id = 0;
  gboolean in_time = TRUE;
  gboolean has_come;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  if (self->kind == AIOPROC_PROCESS_CHILD)
    aioproc_monitor_check ();

  if (cancellable != NULL)
    handler_id = g_cancellable_connect (cancellable, G_CALLBACK (cancelled_cb), self, NULL);

  aioproc_mutex_lock (&self->mutex);

  while (!(has_come = predicate (self)) && in_time && !g_cancellable_is_cancelled (cancellable))
    in_time = wait_cond_locked (self, deadline_usec);

  aioproc_mutex_unlock (&self->mutex);

  g_cancellable_disconnect (cancellable, handler_id);

  if (has_come)
    return TRUE;

  if (!g_cancellable_set_error_if_cancelled (cancellable, error))
    set_timed_out (self, error);

  return FALSE;
}

/* Nothing ever comes from the parent but its end. */
static gboolean
parent_has_ended (AioprocProcess *self)
{
  struct pollfd poll_fd = { .fd = self->hangup_fd, .events = POLLIN };

  return poll (&poll_fd, 1, 0) > 0;
}

gboolean
aioproc_process_has_ended (AioprocProcess *self)
{
  switch (self->kind)
    {
    case AIOPROC_PROCESS_CHILD:
      return self->state == AIOPROC_PROCESS_ENDED;

    case AIOPROC_PROCESS_PARENT:
      return parent_has_ended (self);

    case AIOPROC_PROCESS_CURRENT:
    default:
      return FALSE;
    }
}

gboolean
aioproc_process_wait_ended (AioprocProcess *self,
                            gint64          deadline_usec)
{
  return aioproc_process_wait (self, aioproc_process_has_ended, deadline_usec, NULL, NULL);
}

static void
write_byte_cb (GCancellable *cancellable,
               gpointer      user_data)
{
  ssize_t written = write (GPOINTER_TO_INT (user_data), "", 1);

  (void) written;
}

/* Waits for @fds, of which the second is to be written to by @cancellable. */
static gboolean
wait_parent_with_pipe (AioprocProcess *self,
                       gint64          deadline_usec,
                       GCancellable   *cancellable,
                       const int       pipe_fds[2])
{
  struct pollfd poll_fds[2] = {
    { .fd = self->hangup_fd, .events = POLLIN },
    { .fd = pipe_fds[0], .events = POLLIN },
  };
  gulong handler_id;
  int n_ready = -1;

  handler_id = g_cancellable_connect (cancellable, G_CALLBACK (write_byte_cb),
                                      GINT_TO_POINTER (pipe_fds[1]), NULL);

  while (n_ready < 0)
    {
      gint64 left_usec = deadline_usec - g_get_monotonic_time ();
      int timeout_msec = -1;

      if (deadline_usec >= 0)
        timeout_msec = (int) CLAMP ((left_usec + 999) / 1000, 0, G_MAXINT);

      n_ready = poll (poll_fds, G_N_ELEMENTS (poll_fds), timeout_msec);
      if (n_ready < 0 && errno != EINTR)
        break;
    }

  g_cancellable_disconnect (cancellable, handler_id);

  return n_ready > 0 && poll_fds[0].revents != 0;
}

gboolean
aioproc_process_wait_parent (AioprocProcess  *self,
                             gint64           deadline_usec,
                             GCancellable    *cancellable,
                             GError         **error)
{
  gboolean has_come;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  if (cancellable == NULL)
    {
      has_come = aioproc_fds_poll (self->hangup_fd, POLLIN, deadline_usec);
    }
  else
    {
      int pipe_fds[2];

      /* Not g_cancellable_get_fd(), which aborts where there is no descriptor to be had. */
      if (!g_unix_open_pipe (pipe_fds, FD_CLOEXEC, error))
        return FALSE;

      has_come = wait_parent_with_pipe (self, deadline_usec, cancellable, pipe_fds);
      close (pipe_fds[0]);
      close (pipe_fds[1]);
    }

  if (has_come)
    return TRUE;

  if (!g_cancellable_set_error_if_cancelled (cancellable, error))
    set_timed_out (self, error);

  return FALSE;
}

gboolean
aioproc_process_watch (AioprocWaitable  *waitable,
                       AioprocWatch     *watch,
                       GError          **error)
{
  AioprocProcess *self = AIOPROC_PROCESS (waitable);
  gboolean is_parent = self->kind == AIOPROC_PROCESS_PARENT;
  gboolean has_ended;

  if (self->kind == AIOPROC_PROCESS_CHILD)
    aioproc_monitor_check ();

  aioproc_mutex_lock (&self->mutex);
  has_ended = aioproc_process_has_ended (self);
  aioproc_watch_link (watch, &self->watches, is_parent ? self->hangup_fd : -1, POLLIN);
  aioproc_mutex_unlock (&self->mutex);

  return has_ended;
}

void
aioproc_process_unwatch (AioprocWaitable *waitable,
                         AioprocWatch    *watch)
{
  AioprocProcess *self = AIOPROC_PROCESS (waitable);

  aioproc_mutex_lock (&self->mutex);
  aioproc_watch_unlink (watch, &self->watches);
  aioproc_mutex_unlock (&self->mutex);
}
