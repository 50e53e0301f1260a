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

/* How often it looks, during a vigil, whether its descriptors are still there. */
#define LOOK_USEC (10 * G_USEC_PER_SEC)

typedef struct {
  void     (*func) (gpointer data);
  gpointer   data;
} Job;

/* Held by the monitor whenever it does not wait. Taken before all others. */
static AioprocMutex busy;

static AioprocMutex mutex;

/* All protected by @mutex */
static GQueue jobs = G_QUEUE_INIT;    /* (element-type Job) */
static guint generation;              /* of the thread that serves: earlier ones are left behind */
static gboolean is_running;           /* that thread serves, or is about to */
static gboolean is_woken;             /* it is to wake up, and has not */
static AioprocParentFd epoll_fd = AIOPROC_PARENT_FD_INIT;
static AioprocParentFd event_fd = AIOPROC_PARENT_FD_INIT;   /* always readable, watched at need */

/* All monitor thread only */
static GQueue watches = G_QUEUE_INIT;    /* (element-type AioprocMonitorWatch) not owned */
static GHashTable *by_serial;            /* (element-type guint AioprocMonitorWatch) the same */
static guint last_serial;
static gboolean has_lost;                /* one of them may be lost, and not know it */
static struct epoll_event *pending;      /* what is left of this round */
static int n_pending;
static AioprocMonitorTimer *timers;      /* in no order: there are hardly ever any */
static AioprocMonitorTimer look_timer;
static guint n_vigils;

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
  g_queue_init (&watches);
  by_serial = NULL;
  has_lost = FALSE;
  n_pending = 0;
  timers = NULL;
  look_timer.func = NULL;
  n_vigils = 0;
  g_private_set (&current, NULL);
}

/* FALSE: one of the descriptors is lost. */
static gboolean
arm_locked (void)
{
  struct epoll_event event = {
    .events = EPOLLONESHOT | (is_woken ? EPOLLIN : 0),
    .data.u64 = 0,
  };

  /* Unlike a write, this can do no harm to what has the number of a descriptor that is lost. */
  return epoll_ctl (epoll_fd.fd, EPOLL_CTL_MOD, event_fd.fd, &event) == 0;
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
  struct epoll_event event = { .events = EPOLLONESHOT, .data.u64 = 0 };

  if (!has_handler)
    {
      aioproc_parent_fd_add_handler (begin_child);
      has_handler = TRUE;
    }

  if (epoll_fd.fd >= 0 && arm_locked ())
    return TRUE;

  /* Nobody can tell these from others of their kind. */
  aioproc_parent_fd_forget (&epoll_fd);
  aioproc_parent_fd_forget (&event_fd);

  if (!open_descriptor_locked (&event_fd, eventfd (1, EFD_CLOEXEC | EFD_NONBLOCK), error))
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

static int
get_epoll_fd (void)
{
  AIOPROC_MUTEX_AUTO_LOCK (&mutex, locker);

  return epoll_fd.fd;
}

static gboolean
is_own (AioprocMonitorWatch *watch)
{
  return aioproc_fd_identify (watch->fd) == watch->identity;
}

static void
tell_lost (void)
{
  while (has_lost)
    {
      AioprocMonitorWatch *lost = NULL;

      for (GList *link = watches.head; link != NULL && lost == NULL; link = link->next)
        {
          AioprocMonitorWatch *watch = link->data;

          if (watch->is_lost)
            lost = watch;
        }

      has_lost = lost != NULL;

      if (has_lost)
        {
          lost->is_lost = FALSE;
          lost->func (lost, AIOPROC_MONITOR_LOST, lost->data);
        }
    }
}

static gboolean
is_watched (AioprocMonitorWatch *watch)
{
  struct epoll_event event = { .events = watch->events, .data.u64 = watch->serial };
  int fd = get_epoll_fd ();

  /* Anew, where the descriptor of epoll was lost, but not this one. */
  return is_own (watch) &&
         (epoll_ctl (fd, EPOLL_CTL_MOD, watch->fd, &event) == 0 ||
          (errno == ENOENT && epoll_ctl (fd, EPOLL_CTL_ADD, watch->fd, &event) == 0));
}

/* Sees to it that all are watched, and tells those that cannot be. */
static void
check_watches (void)
{
  for (GList *link = watches.head; link != NULL; link = link->next)
    {
      AioprocMonitorWatch *watch = link->data;

      if (!is_watched (watch))
        watch->is_lost = has_lost = TRUE;
    }

  tell_lost ();
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

/* Whether another thread has taken over from this one. It may have waited with the descriptors of
 * its successor, and taken a wake-up of that.
 */
static gboolean
is_left_behind (guint self)
{
  AIOPROC_MUTEX_AUTO_LOCK (&mutex, locker);

  if (self == generation)
    return FALSE;

  if (is_running)
    {
      is_woken = TRUE;
      arm_locked ();
    }

  return TRUE;
}

/* Epoll watches something that nobody here can name anymore: a descriptor that was lost, while
 * others have copies of what it was. Only another one gets rid of that. FALSE: none can be had.
 */
static gboolean
renew_epoll (void)
{
  gboolean success;

  aioproc_mutex_lock (&mutex);

  if (arm_locked ())
    {
      aioproc_parent_fd_close (&epoll_fd);
      aioproc_parent_fd_close (&event_fd);
    }

  success = open_descriptors_locked (NULL);

  if (success)
    {
      arm_locked ();
    }
  else
    {
      generation++;
      is_running = FALSE;
    }

  aioproc_mutex_unlock (&mutex);

  if (success)
    check_watches ();

  return success;
}

/* FALSE: there is no epoll descriptor anymore. */
static gboolean
dispatch (struct epoll_event *events,
          int                 n_events)
{
  gboolean has_orphans = FALSE;

  pending = events;
  n_pending = n_events;

  for (int i = 0; i < n_events; i++)
    {
      guint serial = (guint) pending[i].data.u64;
      guint32 reported = pending[i].events;
      AioprocMonitorWatch *watch;

      /* Removed by one before it in this round. */
      if (reported == 0)
        continue;

      pending[i].events = 0;

      if (serial == 0)
        {
          aioproc_mutex_lock (&mutex);
          is_woken = FALSE;
          aioproc_mutex_unlock (&mutex);
          continue;
        }

      watch = by_serial != NULL ? g_hash_table_lookup (by_serial, GUINT_TO_POINTER (serial)) : NULL;

      if (watch != NULL)
        watch->func (watch, reported, watch->data);
      else
        has_orphans = TRUE;
    }

  n_pending = 0;
  pending = NULL;

  return !has_orphans || renew_epoll ();
}

/* FALSE: another thread has taken over, or has to. */
static gboolean
wait_and_dispatch (guint self)
{
  struct epoll_event events[MAX_EVENTS];
  int timeout_msec = get_timeout ();
  int fd = get_epoll_fd ();
  int n_events;
  int saved_errno;

  if (is_left_behind (self))
    return FALSE;

  aioproc_mutex_unlock (&busy);
  n_events = epoll_wait (fd, events, MAX_EVENTS, timeout_msec);
  saved_errno = errno;
  aioproc_mutex_lock (&busy);

  if (is_left_behind (self))
    return FALSE;

  /* Only a debugger or a stop interrupts a thread that blocks all signals. All else is the loss of
   * the descriptor.
   */
  if (n_events < 0 && saved_errno != EINTR)
    {
      aioproc_monitor_check ();
      return !is_left_behind (self);
    }

  return n_events <= 0 || dispatch (events, n_events);
}

/* There are no descriptors for a successor: whoever waits for anything is told. */
static void
give_up (void)
{
  for (GList *link = watches.head; link != NULL; link = link->next)
    {
      AioprocMonitorWatch *watch = link->data;

      watch->is_lost = has_lost = TRUE;
    }

  tell_lost ();
  run_jobs ();
}

static void
monitor_cb (gpointer data)
{
  guint self = GPOINTER_TO_UINT (data);
  gboolean has_successor;

  aioproc_mutex_lock (&busy);
  g_private_set (&current, &current);

  check_watches ();

  do
    {
      run_jobs ();
      run_timers ();
      tell_lost ();
    }
  while (wait_and_dispatch (self));

  aioproc_mutex_lock (&mutex);
  has_successor = is_running;
  aioproc_mutex_unlock (&mutex);

  if (!has_successor)
    give_up ();

  g_private_set (&current, NULL);
  aioproc_mutex_unlock (&busy);
}

static gboolean
start_thread_locked (GError **error)
{
  if (aioproc_waiter_run (monitor_cb, GUINT_TO_POINTER (generation), error))
    return TRUE;

  g_prefix_error (error, "Could not watch worker processes: ");

  return FALSE;
}

/* Has a thread serve with descriptors that are there. */
static gboolean
ensure_locked (GError **error)
{
  if (is_running && arm_locked ())
    return TRUE;

  generation++;
  is_woken = FALSE;
  is_running = open_descriptors_locked (error) && start_thread_locked (error);

  return is_running;
}

gboolean
aioproc_monitor_start (GError **error)
{
  AIOPROC_MUTEX_AUTO_LOCK (&mutex, locker);

  return ensure_locked (error);
}

void
aioproc_monitor_check (void)
{
  AIOPROC_MUTEX_AUTO_LOCK (&mutex, locker);

  if (is_running)
    ensure_locked (NULL);
}

void
aioproc_monitor_run (void     (*func) (gpointer data),
                     gpointer   data)
{
  AIOPROC_MUTEX_AUTO_LOCK (&mutex, locker);
  Job *job = g_new (Job, 1);

  job->func = func;
  job->data = data;
  g_queue_push_tail (&jobs, job);

  is_woken = TRUE;
  ensure_locked (NULL);
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
  struct epoll_event event = { .events = events };

  g_assert (watch->func == NULL);

  if (++last_serial == 0)
    last_serial = 1;

  event.data.u64 = last_serial;

  if (epoll_ctl (get_epoll_fd (), EPOLL_CTL_ADD, fd, &event) != 0)
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
  watch->identity = aioproc_fd_identify (fd);
  watch->serial = last_serial;
  watch->is_lost = FALSE;
  watch->link.data = watch;
  g_queue_push_tail_link (&watches, &watch->link);

  if (by_serial == NULL)
    by_serial = g_hash_table_new (NULL, NULL);

  g_hash_table_insert (by_serial, GUINT_TO_POINTER (watch->serial), watch);

  return TRUE;
}

void
aioproc_monitor_change_watch (AioprocMonitorWatch *watch,
                              guint32              events)
{
  struct epoll_event event = { .events = events, .data.u64 = watch->serial };

  if (watch->func == NULL || watch->events == events)
    return;

  watch->events = events;

  /* It needs no memory, so it fails only for what is lost. */
  if (!is_own (watch) || epoll_ctl (get_epoll_fd (), EPOLL_CTL_MOD, watch->fd, &event) != 0)
    watch->is_lost = has_lost = TRUE;
}

void
aioproc_monitor_remove_watch (AioprocMonitorWatch *watch)
{
  if (watch->func == NULL)
    return;

  /* Fails where there is nothing to be removed. */
  if (is_own (watch))
    epoll_ctl (get_epoll_fd (), EPOLL_CTL_DEL, watch->fd, NULL);

  for (int i = 0; i < n_pending; i++)
    {
      if (pending[i].data.u64 == watch->serial)
        pending[i].events = 0;
    }

  g_hash_table_remove (by_serial, GUINT_TO_POINTER (watch->serial));
  g_queue_unlink (&watches, &watch->link);
  watch->func = NULL;
}

static void
look_cb (gpointer data)
{
  aioproc_monitor_add_timer (&look_timer, LOOK_USEC, look_cb, NULL);
  aioproc_monitor_check ();
  check_watches ();
}

void
aioproc_monitor_begin_vigil (void)
{
  /* As for other sleeps, what must not need it to work can be tested so. */
  if (n_vigils++ == 0 && g_getenv ("AIOPROC_DISABLE_BACKSTOP") == NULL)
    aioproc_monitor_add_timer (&look_timer, LOOK_USEC, look_cb, NULL);
}

void
aioproc_monitor_end_vigil (void)
{
  if (--n_vigils == 0)
    aioproc_monitor_remove_timer (&look_timer);
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
