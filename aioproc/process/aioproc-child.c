/* aioproc-child.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process/aioproc-child-private.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/aioproc-mutex-private.h"
#include "core/aioproc-waiter-private.h"
#include "platform/aioproc-fds-private.h"
#include "platform/aioproc-pidfd-private.h"
#include "process/aioproc-child-fork-private.h"
#include "process/aioproc-child-instance-private.h"
#include "process/aioproc-monitor-private.h"
#include "process/aioproc-parent-fd-private.h"
#include "process/aioproc-supervisor-private.h"

/* Frames read in one go, before others get their turn. */
#define MAX_READ 64

/* More than what the buffer of a socket can hold: once the worker is gone, somebody else who has
 * its end must not keep this one reading for ever.
 */
#define MAX_DRAINED 8192

/* A worker that ends closes its channel first, some languages long before. */
#define HUNG_UP_USEC (5 * G_USEC_PER_SEC)

#define SIGNAL_BIT(signum) (G_GUINT64_CONSTANT (1) << ((signum) - 1))

static void
close_channel (AioprocChild *self)
{
  aioproc_monitor_remove_watch (&self->control_watch);
  g_clear_pointer (&self->reader, aioproc_frame_reader_free);
  aioproc_parent_fd_close (&self->control);
}

/* Takes the monitor's reference. */
static void
finish (AioprocChild *self,
        const GError *error)
{
  close_channel (self);

  if (self->has_vigil)
    aioproc_monitor_end_vigil ();

  aioproc_monitor_remove_watch (&self->pidfd_watch);
  aioproc_monitor_remove_timer (&self->hung_up_timer);
  /* Whatever is left of a worker that never came to be ends with this. */
  aioproc_parent_fd_close (&self->hangup);

  aioproc_mutex_lock (&self->mutex);
  self->has_ended = TRUE;
  aioproc_mutex_unlock (&self->mutex);

  aioproc_child_drop_outgoing (self);

  self->ops->ended (self, error, self->user_data);

  if (self->destroy != NULL)
    self->destroy (self->user_data);

  g_clear_error (&self->error);
  aioproc_child_unref (self);
}

static void
begin_vigil (AioprocChild *self)
{
  self->has_vigil = TRUE;
  aioproc_monitor_begin_vigil ();
}

/* Not if it is another process that the descriptor, closed by this program, refers to now. */
static void
kill_process (AioprocChild *self)
{
  if (aioproc_parent_fd_is_own (&self->pidfd))
    aioproc_pidfd_send_signal (self->pidfd.fd, SIGKILL, NULL);
}

/* The end will be noticed, and then told with @error, which is taken. */
static void
kill_for (AioprocChild *self,
          GError       *error)
{
  if (self->error == NULL)
    self->error = error;
  else
    g_error_free (error);

  aioproc_parent_fd_close (&self->hangup);
  kill_process (self);
  close_channel (self);
}

/* Whether that is how a peer looks that has ended in the middle of something. */
static gboolean
is_peer_gone (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
}

/* Writes what the socket takes. FALSE: it failed, and not because the worker is gone. */
static gboolean
flush (AioprocChild  *self,
       GError       **error)
{
  for (;;)
    {
      g_autoptr(GError) local_error = NULL;
      AioprocFrame *frame;
      gboolean is_done = FALSE;

      aioproc_mutex_lock (&self->mutex);
      frame = g_queue_peek_head (&self->outgoing);
      aioproc_mutex_unlock (&self->mutex);

      if (frame == NULL)
        break;

      /* Nor is anything written to what has the number of a channel that is lost. */
      if (!aioproc_parent_fd_is_own (&self->control))
        {
          aioproc_child_drop_outgoing (self);
          break;
        }

      if (!aioproc_frame_write (frame, self->control.fd, TRUE, &is_done, &local_error))
        {
          aioproc_child_drop_outgoing (self);

          if (is_peer_gone (local_error))
            break;

          g_propagate_error (error, g_steal_pointer (&local_error));
          return FALSE;
        }

      if (!is_done)
        {
          aioproc_monitor_change_watch (&self->control_watch, EPOLLIN | EPOLLOUT);
          return TRUE;
        }

      aioproc_mutex_lock (&self->mutex);
      g_queue_pop_head (&self->outgoing);
      aioproc_mutex_unlock (&self->mutex);
      aioproc_frame_free (frame);
    }

  aioproc_monitor_change_watch (&self->control_watch, EPOLLIN);

  return TRUE;
}

static void
take_exit_record (AioprocChild   *self,
                  AioprocMessage *message)
{
  g_autoptr(GVariant) body = aioproc_message_dup_body (message);
  int exit_code;

  if (body == NULL || !g_variant_is_of_type (body, G_VARIANT_TYPE ("(i)")))
    return;

  g_variant_get (body, "(i)", &exit_code);

  aioproc_mutex_lock (&self->mutex);
  self->has_record = TRUE;
  self->record = exit_code;
  aioproc_mutex_unlock (&self->mutex);
}

/* Reads up to @n_max frames, and closes the channel at its end. */
static void
read_frames (AioprocChild *self,
             guint         n_max)
{
  if (!aioproc_parent_fd_is_own (&self->control))
    close_channel (self);

  for (guint i = 0; i < n_max && self->reader != NULL; i++)
    {
      g_autoptr(AioprocMessage) message = NULL;
      g_autoptr(GError) error = NULL;
      AioprocFrameInfo info;

      switch (aioproc_frame_reader_read (self->reader, TRUE, &info, &message, &error))
        {
        case AIOPROC_IO_OK:
          if (info.kind == AIOPROC_FRAME_EXIT)
            take_exit_record (self, message);

          self->ops->frame (self, &info, message, self->user_data);
          break;

        case AIOPROC_IO_AGAIN:
          return;

        case AIOPROC_IO_EOF:
          close_channel (self);
          return;

        case AIOPROC_IO_ERROR:
        default:
          if (is_peer_gone (error))
            close_channel (self);
          else
            kill_for (self, g_steal_pointer (&error));

          return;
        }
    }
}

static void
hung_up_cb (gpointer data)
{
  AioprocChild *self = data;

  self->ops->hung_up (self, self->user_data);
}

static void
control_ready_cb (AioprocMonitorWatch *watch,
                  guint32              events,
                  gpointer             data)
{
  AioprocChild *self = data;
  GError *error = NULL;

  if ((events & ~(guint32) EPOLLOUT) != 0)
    {
      read_frames (self, MAX_READ);

      if (self->reader == NULL && self->error == NULL && self->ops->hung_up != NULL)
        aioproc_monitor_add_timer (&self->hung_up_timer, HUNG_UP_USEC, hung_up_cb, self);
    }

  if ((events & EPOLLOUT) != 0 && self->reader != NULL && !flush (self, &error))
    kill_for (self, error);
}

/* The process is gone. What it has written before is still there. */
static void
end_worker (AioprocChild *self,
            gboolean      has_status,
            int           wait_status)
{
  g_autoptr(GError) error = NULL;

  aioproc_mutex_lock (&self->mutex);
  self->has_status = has_status;
  self->wait_status = wait_status;
  aioproc_mutex_unlock (&self->mutex);

  read_frames (self, MAX_DRAINED);

  error = g_steal_pointer (&self->error);
  finish (self, error);
}

/* Not before its own definition: it may have to be called again. */
static void watch_end (AioprocChild *self);

static void
worker_ended_cb (AioprocMonitorWatch *watch,
                 guint32              events,
                 gpointer             data)
{
  AioprocChild *self = data;
  g_autoptr(GError) error = NULL;
  int wait_status = 0;
  gboolean has_status;

  if ((events & AIOPROC_MONITOR_LOST) != 0)
    {
      aioproc_monitor_remove_watch (&self->pidfd_watch);
      watch_end (self);
      return;
    }

  has_status = aioproc_pidfd_reap (self->pidfd.fd, FALSE, &wait_status, &error);

  if (has_status || error != NULL)
    end_worker (self, has_status, wait_status);
}

/* A forked child is one of this process, so that its lost pidfd can be replaced. */
static gboolean
has_pidfd (AioprocChild *self)
{
  gboolean has;

  aioproc_mutex_lock (&self->mutex);
  has = aioproc_parent_fd_is_own (&self->pidfd) ||
        aioproc_parent_fd_reopen_pidfd (&self->pidfd, self->pid);
  aioproc_mutex_unlock (&self->mutex);

  return has;
}

static void
watch_end (AioprocChild *self)
{
  if (has_pidfd (self) &&
      aioproc_monitor_add_watch (&self->pidfd_watch, self->pidfd.fd, EPOLLIN, worker_ended_cb,
                                 self, NULL))
    return;

  /* Nobody would notice its end. */
  aioproc_parent_fd_close (&self->hangup);
  kill_process (self);
  end_worker (self, FALSE, 0);
}

/* The worker's process exists. Takes @pidfd. */
static void
begin_worker (AioprocChild *self,
              pid_t         pid,
              int           pidfd)
{
  GError *error = NULL;
  guint64 signals;

  aioproc_mutex_lock (&self->mutex);
  self->pid = pid;
  aioproc_parent_fd_set (&self->pidfd, pidfd);
  signals = self->pending_signals;
  self->pending_signals = 0;
  aioproc_mutex_unlock (&self->mutex);

  for (int signum = 1; signals != 0; signum++, signals >>= 1)
    {
      if ((signals & 1) != 0)
        aioproc_pidfd_send_signal (pidfd, signum, NULL);
    }

  self->ops->started (self, self->user_data);

  if (!aioproc_monitor_add_watch (&self->control_watch, self->control.fd, EPOLLIN,
                                  control_ready_cb, self, &error) ||
      !flush (self, &error))
    kill_for (self, error);
}

static void
supervisor_started_cb (gpointer user_data,
                       pid_t    pid,
                       int      pidfd)
{
  begin_worker (user_data, pid, pidfd);
}

static void
supervisor_failed_cb (gpointer  user_data,
                      GError   *error)
{
  g_autoptr(GError) owned_error = error;

  finish (user_data, owned_error);
}

static void
supervisor_exited_cb (gpointer user_data,
                      int      wait_status)
{
  end_worker (user_data, TRUE, wait_status);
}

static void
supervisor_lost_cb (gpointer user_data)
{
  AioprocChild *self = user_data;

  /* The kernel has killed it already, unless it has got rid of that bond; and nobody is left to
   * kill what it has started.
   */
  aioproc_parent_fd_close (&self->hangup);

  if (aioproc_parent_fd_is_own (&self->pidfd))
    aioproc_pidfd_signal_group (self->pidfd.fd, SIGKILL);

  watch_end (self);
}

static const AioprocSupervisorOps supervisor_ops = {
  .started = supervisor_started_cb,
  .failed = supervisor_failed_cb,
  .exited = supervisor_exited_cb,
  .lost = supervisor_lost_cb,
};

static void
start_cb (gpointer data)
{
  AioprocChild *self = data;
  g_auto(AioprocParentFd) peer_control = AIOPROC_PARENT_FD_INIT;
  g_auto(AioprocParentFd) peer_hangup = AIOPROC_PARENT_FD_INIT;
  g_autoptr(GError) error = NULL;

  begin_vigil (self);

  if (!aioproc_parent_fd_set_pair (&self->control, &peer_control, SOCK_STREAM, &error) ||
      !aioproc_parent_fd_set_pair (&self->hangup, &peer_hangup, SOCK_STREAM, &error))
    {
      finish (self, error);
      return;
    }

  self->reader = aioproc_frame_reader_new (self->control.fd, AIOPROC_FRAME_MAX_LENGTH);

  /* The start frame goes first, so that the worker never waits for it. Nothing is read before it
   * is known to exist.
   */
  if (!flush (self, &error) ||
      !aioproc_supervisor_start_worker (self->spec, self->environment, &peer_control, &peer_hangup,
                                        &supervisor_ops, self, &error))
    finish (self, error);
}

static void
flush_cb (gpointer data)
{
  AioprocChild *self = data;
  GError *error = NULL;

  aioproc_mutex_lock (&self->mutex);
  self->is_flushing = FALSE;
  aioproc_mutex_unlock (&self->mutex);

  /* Before it was started, that is when it is done. */
  if (self->control_watch.func != NULL && !flush (self, &error))
    kill_for (self, error);

  aioproc_child_unref (self);
}

/* Where a supervisor has never served, there is no process yet, and perhaps never will be. */
static void
withdraw_cb (gpointer data)
{
  AioprocChild *self = data;
  gboolean is_open;

  aioproc_mutex_lock (&self->mutex);
  is_open = self->pid == 0 && !self->has_ended && !self->is_foreign;
  aioproc_mutex_unlock (&self->mutex);

  if (is_open && aioproc_supervisor_withdraw_worker (self))
    {
      aioproc_mutex_lock (&self->mutex);
      self->has_status = TRUE;
      self->wait_status = (self->pending_signals & SIGNAL_BIT (SIGKILL)) != 0 ? SIGKILL : SIGTERM;
      aioproc_mutex_unlock (&self->mutex);

      finish (self, NULL);
    }

  aioproc_child_unref (self);
}

/* Which kills it as well, where that cannot be done by its pidfd. */
static void
hang_up_cb (gpointer data)
{
  AioprocChild *self = data;

  aioproc_parent_fd_close (&self->hangup);
  aioproc_child_unref (self);
}

static void
forked_cb (gpointer data)
{
  AioprocChild *self = data;

  begin_vigil (self);
  begin_worker (self, self->forked_pid, self->forked_pidfd);
  watch_end (self);
}

static void
fail_cb (gpointer data)
{
  AioprocChild *self = data;
  g_autoptr(GError) error = g_steal_pointer (&self->error);

  finish (self, error);
}

static void
start_by_fork (AioprocChild *self)
{
  int control[2];
  int hangup[2];

  if (aioproc_fds_socketpair (SOCK_STREAM, control, &self->error))
    {
      aioproc_parent_fd_set (&self->control, control[0]);

      if (aioproc_fds_socketpair (SOCK_STREAM, hangup, &self->error))
        {
          aioproc_parent_fd_set (&self->hangup, hangup[0]);
          self->reader = aioproc_frame_reader_new (control[0], AIOPROC_FRAME_MAX_LENGTH);

          aioproc_child_fork (self->spec, control[1], hangup[1], aioproc_child_drop_all, NULL,
                              self->ops->forked, &self->forked_pid, &self->forked_pidfd,
                              &self->error);
          close (hangup[1]);
        }

      close (control[1]);
    }

  aioproc_monitor_run (self->error == NULL ? forked_cb : fail_cb, self);
}

AioprocChild *
aioproc_child_start (AioprocChildSpec      *spec,
                     AioprocFrame          *start_frame,
                     const AioprocChildOps *ops,
                     gpointer               user_data,
                     GDestroyNotify         destroy)
{
  AioprocChild *self = aioproc_child_new (spec, ops, user_data, destroy);

  g_queue_push_tail (&self->outgoing, start_frame);
  aioproc_child_ref (self);

  if (!aioproc_monitor_start (&self->error))
    {
      /* From now on frames are dropped: nobody would write them. */
      self->has_ended = TRUE;

      if (!aioproc_waiter_run (fail_cb, self, NULL))
        fail_cb (self);
    }
  else if (spec->method == AIOPROC_CHILD_FORK)
    {
      start_by_fork (self);
    }
  else
    {
      aioproc_monitor_run (start_cb, self);
    }

  return self;
}

pid_t
aioproc_child_get_pid (AioprocChild *self)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->pid;
}

int
aioproc_child_get_pidfd (AioprocChild *self)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->pidfd.fd;
}

void
aioproc_child_send (AioprocChild *self,
                    AioprocFrame *frame)
{
  gboolean is_dropped;
  gboolean is_first = FALSE;

  aioproc_mutex_lock (&self->mutex);

  is_dropped = self->has_ended || self->is_foreign;

  if (!is_dropped)
    {
      g_queue_push_tail (&self->outgoing, frame);
      is_first = !self->is_flushing;
      self->is_flushing = TRUE;
    }

  aioproc_mutex_unlock (&self->mutex);

  if (is_dropped)
    aioproc_frame_free (frame);

  if (is_first)
    aioproc_monitor_run (flush_cb, aioproc_child_ref (self));
}

gboolean
aioproc_child_send_signal (AioprocChild  *self,
                           int            signum,
                           GError       **error)
{
  g_autoptr(AioprocMutexLocker) locker = NULL;

  if (signum < 0 || signum >= NSIG)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "There is no signal %d", signum);
      return FALSE;
    }

  locker = aioproc_mutex_locker_new (&self->mutex);

  if (self->is_foreign)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                   "Process %d is a worker of the process that this one was forked from",
                   (int) self->pid);
      return FALSE;
    }

  if (self->has_ended)
    return TRUE;

  if (aioproc_parent_fd_is_own (&self->pidfd))
    return aioproc_pidfd_send_signal (self->pidfd.fd, signum, error);

  if (self->pidfd.fd >= 0 && signum == SIGKILL)
    {
      g_clear_pointer (&locker, aioproc_mutex_locker_free);
      aioproc_monitor_run (hang_up_cb, aioproc_child_ref (self));
      return TRUE;
    }

  if (self->pidfd.fd >= 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                   "The descriptor of process %d was closed by another part of this program",
                   (int) self->pid);
      return FALSE;
    }

  if (signum > 0)
    self->pending_signals |= SIGNAL_BIT (signum);

  g_clear_pointer (&locker, aioproc_mutex_locker_free);

  if (signum == SIGTERM || signum == SIGKILL)
    aioproc_monitor_run (withdraw_cb, aioproc_child_ref (self));

  return TRUE;
}

gboolean
aioproc_child_get_wait_status (AioprocChild *self,
                               int          *wait_status)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (self->has_status)
    *wait_status = self->wait_status;
  else if (self->has_record)
    *wait_status = W_EXITCODE (self->record & 0xff, 0);

  return self->has_status || self->has_record;
}

void
aioproc_child_kill_all (void)
{
  aioproc_parent_fd_shut_down_all ();
}
