/* aioproc-monitor.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process/aioproc-monitor-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <gio/gio.h>

#include "core/aioproc-mutex-private.h"
#include "core/aioproc-waiter-private.h"
#include "platform/aioproc-self-private.h"
#include "process/aioproc-parent-fd-private.h"

#define MAX_EVENTS 32

typedef struct {
  void     (*func) (gpointer data);
  gpointer   data;
} Job;

/* Held by the monitor whenever it does not wait. Taken before all others. */
static AioprocMutex busy;

static AioprocMutex mutex;
static GQueue jobs = G_QUEUE_INIT;    /* protected by @mutex; (element-type Job) */
static gboolean is_running;           /* protected by @mutex: the thread serves, or is about to */
static gboolean is_woken;             /* protected by @mutex: the event descriptor is set */

/* Both are made before the thread, and stay. Set under @mutex; used by the monitor without, since
 * it starts later.
 */
static AioprocParentFd epoll_fd = AIOPROC_PARENT_FD_INIT;
static AioprocParentFd event_fd = AIOPROC_PARENT_FD_INIT;

/* Monitor thread only. */
static struct epoll_event pending[MAX_EVENTS];
static int n_pending;
static AioprocMonitorTimer *timers;    /* in no order: there are hardly ever any */

static GPrivate current = G_PRIVATE_INIT (NULL);   /* set in the monitor thread */

/* In a forked child: there is no monitor, and nothing of what it served. Async-signal-safe. */
static void
begin_child (void)
{
  aioproc_mutex_init (&busy);
  aioproc_mutex_init (&mutex);

  /* What the jobs own is lost. */
  g_queue_init (&jobs);
  is_running = FALSE;
  is_woken = FALSE;
  n_pending = 0;
  timers = NULL;
  g_private_set (&current, NULL);
}

static gboolean
open_descriptor_locked (AioprocParentFd  *self,
                        int               new_fd,
                        GError          **error)
{
  int fd = aioproc_self_lift_fd (new_fd);

  if (fd < 0)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not prepare to watch worker processes: %s", g_strerror (saved_errno));
      return FALSE;
    }

  aioproc_parent_fd_set (self, fd);

  return TRUE;
}

static gboolean
open_descriptors_locked (GError **error)
{
  static gboolean has_handler;
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };

  if (!has_handler)
    {
      aioproc_parent_fd_add_handler (begin_child);
      has_handler = TRUE;
    }

  if (epoll_fd.fd >= 0)
    return TRUE;

  if (!open_descriptor_locked (&event_fd, eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK), error))
    return FALSE;

  if (!open_descriptor_locked (&epoll_fd, epoll_create1 (EPOLL_CLOEXEC), error))
    {
      aioproc_parent_fd_close (&event_fd);
      return FALSE;
    }

  if (epoll_ctl (epoll_fd.fd, EPOLL_CTL_ADD, event_fd.fd, &event) != 0)
    {
      int saved_errno = errno;

      aioproc_parent_fd_close (&epoll_fd);
      aioproc_parent_fd_close (&event_fd);
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not prepare to watch worker processes: %s", g_strerror (saved_errno));
      return FALSE;
    }

  return TRUE;
}

static void
run_jobs (void)
{
  for (;;)
    {
      g_autofree Job *job = NULL;

      aioproc_mutex_lock (&mutex);
      job = g_queue_pop_head (&jobs);
      aioproc_mutex_unlock (&mutex);

      if (job == NULL)
        return;

      job->func (job->data);
    }
}

static void
take_wake_up (void)
{
  guint64 value;

  aioproc_mutex_lock (&mutex);

  if (read (event_fd.fd, &value, sizeof value) > 0)
    is_woken = FALSE;

  aioproc_mutex_unlock (&mutex);
}

static AioprocMonitorTimer *
find_next_timer (void)
{
  AioprocMonitorTimer *next = timers;

  for (AioprocMonitorTimer *timer = timers; timer != NULL; timer = timer->next)
    {
      if (timer->due_usec < next->due_usec)
        next = timer;
    }

  return next;
}

/* For epoll_wait(): milliseconds, not less than are left. */
static int
get_timeout (void)
{
  AioprocMonitorTimer *next = find_next_timer ();

  if (next == NULL)
    return -1;

  return (int) CLAMP ((next->due_usec - g_get_monotonic_time () + 999) / 1000, 0, G_MAXINT);
}

static void
run_timers (void)
{
  AioprocMonitorTimer *next;

  while ((next = find_next_timer ()) != NULL && next->due_usec <= g_get_monotonic_time ())
    {
      void (*func) (gpointer data) = next->func;

      aioproc_monitor_remove_timer (next);
      func (next->data);
    }
}

static void
wait_and_dispatch (void)
{
  int timeout_msec = get_timeout ();
  int n_events;

  aioproc_mutex_unlock (&busy);
  n_events = epoll_wait (epoll_fd.fd, pending, MAX_EVENTS, timeout_msec);
  aioproc_mutex_lock (&busy);

  if (n_events < 0)
    {
      /* Only a debugger or a stop interrupts a thread that blocks all signals. */
      g_assert (errno == EINTR);
      return;
    }

  n_pending = n_events;

  for (int i = 0; i < n_events; i++)
    {
      AioprocMonitorWatch *watch = pending[i].data.ptr;
      guint32 events = pending[i].events;

      /* Removed by one before it in this round. */
      if (events == 0)
        continue;

      pending[i].events = 0;

      if (watch == NULL)
        take_wake_up ();
      else
        watch->func (watch, events, watch->data);
    }

  n_pending = 0;
}

G_NORETURN static void
monitor_cb (gpointer data)
{
  aioproc_mutex_lock (&busy);
  g_private_set (&current, &current);

  for (;;)
    {
      run_jobs ();
      run_timers ();
      wait_and_dispatch ();
    }
}

static void
wake_locked (void)
{
  guint64 one = 1;

  if (is_woken)
    return;

  /* Cannot fail: the counter is 0. */
  if (write (event_fd.fd, &one, sizeof one) == sizeof one)
    is_woken = TRUE;
}

gboolean
aioproc_monitor_start (GError **error)
{
  AIOPROC_MUTEX_AUTO_LOCK (&mutex, locker);

  if (!is_running)
    is_running = open_descriptors_locked (error) && aioproc_waiter_run (monitor_cb, NULL, error);

  return is_running;
}

void
aioproc_monitor_run (void     (*func) (gpointer data),
                     gpointer   data)
{
  AIOPROC_MUTEX_AUTO_LOCK (&mutex, locker);
  Job *job = g_new (Job, 1);

  g_assert (is_running);

  job->func = func;
  job->data = data;
  g_queue_push_tail (&jobs, job);
  wake_locked ();
}

gboolean
aioproc_monitor_is_current (void)
{
  return g_private_get (&current) != NULL;
}

gboolean
aioproc_monitor_add_watch (AioprocMonitorWatch  *watch,
                           int                   fd,
                           guint32               events,
                           AioprocMonitorFunc    func,
                           gpointer              data,
                           GError              **error)
{
  struct epoll_event event = { .events = events, .data.ptr = watch };

  g_assert (watch->func == NULL);

  if (epoll_ctl (epoll_fd.fd, EPOLL_CTL_ADD, fd, &event) != 0)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not watch a worker process: %s", g_strerror (saved_errno));
      return FALSE;
    }

  watch->func = func;
  watch->data = data;
  watch->fd = fd;
  watch->events = events;

  return TRUE;
}

void
aioproc_monitor_change_watch (AioprocMonitorWatch *watch,
                              guint32              events)
{
  struct epoll_event event = { .events = events, .data.ptr = watch };

  if (watch->func == NULL || watch->events == events)
    return;

  /* Cannot fail: it needs no memory. */
  if (epoll_ctl (epoll_fd.fd, EPOLL_CTL_MOD, watch->fd, &event) != 0)
    g_error ("Could not change the watch of descriptor %d: %s", watch->fd, g_strerror (errno));

  watch->events = events;
}

void
aioproc_monitor_remove_watch (AioprocMonitorWatch *watch)
{
  if (watch->func == NULL)
    return;

  if (epoll_ctl (epoll_fd.fd, EPOLL_CTL_DEL, watch->fd, NULL) != 0)
    g_error ("Could not end the watch of descriptor %d: %s", watch->fd, g_strerror (errno));

  for (int i = 0; i < n_pending; i++)
    {
      if (pending[i].data.ptr == watch)
        pending[i].events = 0;
    }

  watch->func = NULL;
}

void
aioproc_monitor_add_timer (AioprocMonitorTimer *timer,
                           gint64               delay_usec,
                           void               (*func) (gpointer data),
                           gpointer             data)
{
  g_assert (timer->func == NULL);

  timer->func = func;
  timer->data = data;
  timer->due_usec = g_get_monotonic_time () + delay_usec;
  timer->next = timers;
  timers = timer;
}

void
aioproc_monitor_remove_timer (AioprocMonitorTimer *timer)
{
  AioprocMonitorTimer **link = &timers;

  if (timer->func == NULL)
    return;

  while (*link != timer)
    link = &(*link)->next;

  *link = timer->next;
  timer->func = NULL;
}

void
aioproc_monitor_pause (void)
{
  if (!aioproc_monitor_is_current ())
    aioproc_mutex_lock (&busy);
}

void
aioproc_monitor_resume (void)
{
  if (!aioproc_monitor_is_current ())
    aioproc_mutex_unlock (&busy);
}
