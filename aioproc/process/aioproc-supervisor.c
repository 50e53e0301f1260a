/* aioproc-supervisor.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process/aioproc-supervisor-private.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aioproc-error.h"
#include "platform/aioproc-fds-private.h"
#include "platform/aioproc-packet-private.h"
#include "platform/aioproc-pidfd-private.h"
#include "process/aioproc-monitor-private.h"
#include "process/aioproc-start-packet-private.h"
#include "process/aioproc-supervision-private.h"
#include "process/aioproc-supervisor-error-private.h"
#include "process/aioproc-supervisor-spawn-private.h"

/* Forkservers without workers are kept for the next start, but not more than this. */
#define MAX_SUPERVISORS 16

/* Packets read in one go, before others get their turn. */
#define MAX_RECEIVED 64

typedef struct {
  AioprocChildSpec           *spec;          /* (owned) immutable */
  char                      **environment;   /* (owned) immutable: what @spec stands for */
  char                       *program;       /* (owned) immutable: its own */
  pid_t                       pid;
  gboolean                    is_ready;      /* it has said so */
  GError                     *refusal;       /* (owned) (nullable) */
  struct rlimit               limits[RLIM_NLIMITS];   /* that it has */
  AioprocParentFd             socket;
  AioprocParentFd             hangup;
  AioprocParentFd             pidfd;
  AioprocMonitorWatch         socket_watch;
  AioprocMonitorWatch         pidfd_watch;   /* once it is about to end */
  GHashTable                 *requests;      /* (owned) (element-type guint Request) by serial */
  GQueue                      unsent;        /* (element-type Request) not owned */
} Supervisor;

typedef struct {
  guint32                     serial;
  const AioprocSupervisorOps *ops;
  gpointer                    user_data;
  AioprocStartPacket         *packet;        /* (owned) (nullable) NULL: sent */
  gboolean                    is_started;
  gboolean                    is_withdrawn;  /* @ops are not to be called anymore */
} Request;

/* All monitor thread only. */
static GList *supervisors;     /* (element-type Supervisor) those that serve; last used first */
static guint32 last_serial;

static void
request_free (gpointer data)
{
  Request *self = data;

  g_clear_pointer (&self->packet, aioproc_start_packet_free);
  g_free (self);
}

static void
supervisor_free (Supervisor *self)
{
  aioproc_monitor_remove_watch (&self->socket_watch);
  aioproc_monitor_remove_watch (&self->pidfd_watch);
  aioproc_parent_fd_close (&self->socket);
  aioproc_parent_fd_close (&self->hangup);
  aioproc_parent_fd_close (&self->pidfd);
  g_queue_clear (&self->unsent);
  g_hash_table_unref (self->requests);
  aioproc_child_spec_unref (self->spec);
  g_clear_error (&self->refusal);
  g_strfreev (self->environment);
  g_free (self->program);
  g_free (self);
}

/* In a forked child: they are the parent's. */
static void
begin_child (void)
{
  static GList *forgotten;

  forgotten = g_steal_pointer (&supervisors);
  (void) forgotten;
}

static gboolean
is_forkserver (Supervisor *self)
{
  return self->spec->method == AIOPROC_CHILD_FORKSERVER;
}

/* The process is gone: nothing is left to do but to tell the starts that were never answered. */
static void
bury (Supervisor *self)
{
  g_autoptr(GError) error = g_steal_pointer (&self->refusal);
  gboolean has_status;
  int wait_status = 0;
  GHashTableIter iter;
  gpointer value;

  /* Its status may have been taken by the program, which is no harm. */
  has_status = aioproc_parent_fd_is_own (&self->pidfd) &&
               aioproc_pidfd_reap (self->pidfd.fd, FALSE, &wait_status, NULL);

  if (error == NULL)
    error = aioproc_supervisor_error_from_end (self->program, self->pid,
                                               !self->is_ready && is_forkserver (self),
                                               has_status ? &wait_status : NULL);

  g_hash_table_iter_init (&iter, self->requests);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      Request *request = value;

      /* Nobody adds to the table anymore, whatever the callee does. */
      if (!request->is_withdrawn)
        request->ops->failed (request->user_data, g_error_copy (error));
    }

  supervisor_free (self);
}

static void watch_end (Supervisor *self);

static void
supervisor_ended_cb (AioprocMonitorWatch *watch,
                     guint32              events,
                     gpointer             data)
{
  Supervisor *self = data;

  if ((events & AIOPROC_MONITOR_LOST) == 0)
    {
      bury (self);
      return;
    }

  aioproc_monitor_remove_watch (&self->pidfd_watch);
  watch_end (self);
}

/* Where this program has closed the descriptor, too, there is still the process id. */
static gboolean
has_pidfd (Supervisor *self)
{
  return aioproc_parent_fd_is_own (&self->pidfd) ||
         aioproc_parent_fd_reopen_pidfd (&self->pidfd, self->pid);
}

static void
watch_end (Supervisor *self)
{
  if (!has_pidfd (self) ||
      !aioproc_monitor_add_watch (&self->pidfd_watch, self->pidfd.fd, EPOLLIN,
                                  supervisor_ended_cb, self, NULL))
    bury (self);
}

/* It serves no more starts, and is about to end, or has done so. */
static void
supervisor_retire (Supervisor *self)
{
  g_autoptr(GPtrArray) lost = g_ptr_array_new_with_free_func (request_free);
  GHashTableIter iter;
  gpointer value;

  supervisors = g_list_remove (supervisors, self);

  aioproc_monitor_remove_watch (&self->socket_watch);
  aioproc_parent_fd_close (&self->socket);
  aioproc_parent_fd_close (&self->hangup);

  g_hash_table_iter_init (&iter, self->requests);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      if (!((Request *) value)->is_started)
        continue;

      g_ptr_array_add (lost, value);
      g_hash_table_iter_steal (&iter);
    }

  for (guint i = 0; i < lost->len; i++)
    {
      Request *request = g_ptr_array_index (lost, i);

      if (!request->is_withdrawn)
        request->ops->lost (request->user_data);
    }

  watch_end (self);
}

/* The same for one that has closed its socket or talks nonsense, or that nobody wants: what is left
 * of it must not go on, nor what it has started itself.
 */
static void
supervisor_kill (Supervisor *self)
{
  if (has_pidfd (self))
    {
      aioproc_pidfd_signal_group (self->pidfd.fd, SIGKILL);
      aioproc_pidfd_send_signal (self->pidfd.fd, SIGKILL, NULL);
    }

  supervisor_retire (self);
}

/* FALSE: it is useless. @text: its payload, a string unless it is a refusal. @pidfd: -1 if none
 * came, or once it was taken.
 */
static gboolean
supervisor_handle (Supervisor                     *self,
                   const AioprocSupervisionPacket *packet,
                   const char                     *text,
                   gsize                           length,
                   int                            *pidfd)
{
  gpointer key = GUINT_TO_POINTER (packet->serial);
  Request *request = g_hash_table_lookup (self->requests, key);

  switch ((AioprocSupervisionKind) packet->kind)
    {
    case AIOPROC_SUPERVISION_READY:
      self->is_ready = TRUE;

      if (packet->status == AIOPROC_SUPERVISION_VERSION)
        return TRUE;

      g_set_error (&self->refusal, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                   "“%s” uses another version of Aioproc than this program (protocol %d, not %d)",
                   self->program, packet->status, AIOPROC_SUPERVISION_VERSION);
      return FALSE;

    case AIOPROC_SUPERVISION_REFUSED:
      g_clear_error (&self->refusal);
      self->refusal = aioproc_supervisor_error_from_refusal (packet->status, text, length);
      return TRUE;

    /* Who does not serve yet cannot have answered a start, which can still be withdrawn. */
    case AIOPROC_SUPERVISION_STARTED:
      if (!self->is_ready || request == NULL || request->is_started)
        return FALSE;

      if (request->is_withdrawn)
        {
          /* Its channel has hung up already. */
          if (*pidfd >= 0)
            aioproc_pidfd_send_signal (*pidfd, SIGKILL, NULL);

          request->is_started = TRUE;
          return TRUE;
        }

      if (*pidfd >= 0)
        {
          request->is_started = TRUE;
          request->ops->started (request->user_data, packet->pid, g_steal_fd (pidfd));
          return TRUE;
        }

      /* The worker ends when the caller lets go of it. */
      g_hash_table_steal (self->requests, key);
      request->ops->failed (request->user_data,
                            g_error_new (G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES,
                                         "Too many open files to watch worker process %d",
                                         packet->pid));
      request_free (request);
      return TRUE;

    case AIOPROC_SUPERVISION_FAILED:
      if (packet->serial == 0)
        {
          g_clear_error (&self->refusal);
          self->refusal = aioproc_supervisor_error_from_failure (self->program, packet, text);
          return TRUE;
        }

      if (!self->is_ready || request == NULL || request->is_started)
        return FALSE;

      g_hash_table_steal (self->requests, key);
      if (!request->is_withdrawn)
        request->ops->failed (request->user_data,
                              aioproc_supervisor_error_from_failure (self->program, packet, text));
      request_free (request);
      return TRUE;

    case AIOPROC_SUPERVISION_EXITED:
      if (!self->is_ready)
        return FALSE;

      /* Perhaps of a worker that could not be watched. */
      if (request == NULL)
        return TRUE;

      g_hash_table_steal (self->requests, key);
      if (!request->is_withdrawn)
        request->ops->exited (request->user_data, packet->status);
      request_free (request);
      return TRUE;

    case AIOPROC_SUPERVISION_SETUP:
    case AIOPROC_SUPERVISION_LIMIT:
    case AIOPROC_SUPERVISION_START:
    default:
      return FALSE;
    }
}

static gboolean
has_socket (Supervisor *self)
{
  return aioproc_parent_fd_is_own (&self->socket);
}

/* FALSE: it has ended, or is useless. */
static gboolean
supervisor_receive (Supervisor *self)
{
  union {
    AioprocSupervisionPacket packet;
    char                     bytes[sizeof (AioprocSupervisionPacket) + 4096];
  } buffer;

  for (guint i = 0; i < MAX_RECEIVED && has_socket (self); i++)
    {
      int fds[AIOPROC_PACKET_MAX_FDS];
      unsigned n_fds;
      bool fds_lost;
      gboolean is_useful;
      gssize length;

      length = aioproc_packet_receive (self->socket.fd, &buffer, sizeof buffer - 1, fds, &n_fds,
                                       &fds_lost, true);

      if (length < 0 && errno == EAGAIN)
        return TRUE;

      /* Said once if it ended with starts unread; what it has said before comes after that. */
      if (length < 0 && errno == ECONNRESET)
        continue;

      if (n_fds == 0)
        fds[0] = -1;

      buffer.bytes[MAX (length, 0)] = '\0';
      is_useful = length >= (gssize) sizeof buffer.packet &&
                  supervisor_handle (self, &buffer.packet, buffer.bytes + sizeof buffer.packet,
                                     length - sizeof buffer.packet, &fds[0]);
      aioproc_fds_close_all (fds, MAX (n_fds, 1));

      if (!is_useful)
        return FALSE;
    }

  return has_socket (self);
}

/* Its workers inherit the limits of the application, not those that it had when the supervisor was
 * started. 0: it has them. Else EAGAIN or another errno.
 */
static int
supervisor_send_limits (Supervisor *self)
{
  for (int resource = 0; resource < RLIM_NLIMITS; resource++)
    {
      AioprocSupervisionPacket packet = {
        .kind = AIOPROC_SUPERVISION_LIMIT,
        .resource = resource,
      };
      struct iovec piece = { .iov_base = &packet, .iov_len = sizeof packet };
      struct rlimit limit;

      if (getrlimit (resource, &limit) != 0 ||
          (limit.rlim_cur == self->limits[resource].rlim_cur &&
           limit.rlim_max == self->limits[resource].rlim_max))
        continue;

      packet.soft_limit = limit.rlim_cur;
      packet.hard_limit = limit.rlim_max;

      if (!aioproc_packet_send (self->socket.fd, &piece, 1, NULL, 0, true))
        return errno;

      self->limits[resource] = limit;
    }

  return 0;
}

/* FALSE: it is gone. */
static gboolean
supervisor_flush (Supervisor *self)
{
  Request *request;

  while ((request = g_queue_peek_head (&self->unsent)) != NULL)
    {
      int result = has_socket (self) ? supervisor_send_limits (self) : EPIPE;

      if (result == 0)
        result = aioproc_start_packet_send (request->packet, self->socket.fd);

      if (result == EPIPE || result == ECONNRESET)
        return FALSE;

      if (result == EAGAIN)
        break;

      g_queue_pop_head (&self->unsent);

      if (result == 0)
        {
          g_clear_pointer (&request->packet, aioproc_start_packet_free);
          continue;
        }

      g_hash_table_steal (self->requests, GUINT_TO_POINTER (request->serial));
      request->ops->failed (request->user_data,
                            g_error_new (G_IO_ERROR,
                                         result == ETOOMANYREFS
                                           ? G_IO_ERROR_TOO_MANY_OPEN_FILES
                                           : (int) g_io_error_from_errno (result),
                                         "Could not send a start to supervisor “%s”: %s",
                                         self->program, g_strerror (result)));
      request_free (request);
    }

  aioproc_monitor_change_watch (&self->socket_watch,
                                self->unsent.length > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);

  return TRUE;
}

static gboolean
supervisor_set_up (Supervisor  *self,
                   GError     **error)
{
  g_autoptr(AioprocStartPacket) setup = NULL;
  int result;

  if (!is_forkserver (self))
    return TRUE;

  setup = aioproc_start_packet_new_setup (self->spec, error);

  if (setup == NULL)
    return FALSE;

  result = aioproc_start_packet_send (setup, self->socket.fd);

  /* If it is gone already, that will be noticed, and told better, by who reads. */
  if (result == 0 || result == EPIPE)
    return TRUE;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (result),
               "Could not set up forkserver “%s”: %s", self->program, g_strerror (result));

  return FALSE;
}

static void
retire_idle (void)
{
  GList *last = g_list_last (supervisors);

  if (g_list_length (supervisors) < MAX_SUPERVISORS)
    return;

  while (last != NULL && g_hash_table_size (((Supervisor *) last->data)->requests) > 0)
    last = last->prev;

  /* It ends when it finds that its socket has hung up. */
  if (last != NULL)
    supervisor_retire (last->data);
}

/* Not before its own definition: it may replace the supervisor by a new one. */
static void supervisor_ready_cb (AioprocMonitorWatch *watch,
                                 guint32              events,
                                 gpointer             data);

static Supervisor *
supervisor_new (AioprocChildSpec  *spec,
                char             **environment,
                GError           **error)
{
  static gboolean has_handler;
  Supervisor *self = g_new0 (Supervisor, 1);

  if (!has_handler)
    {
      aioproc_parent_fd_add_handler (begin_child);
      has_handler = TRUE;
    }

  self->spec = aioproc_child_spec_ref (spec);
  self->environment = g_strdupv (environment);
  self->program = spec->method == AIOPROC_CHILD_SPAWN
                    ? aioproc_build_program_path ("aioproc-launcher")
                    : g_strdup (spec->argv[0]);
  self->requests = g_hash_table_new_full (NULL, NULL, NULL, request_free);
  g_queue_init (&self->unsent);
  aioproc_parent_fd_init (&self->socket);
  aioproc_parent_fd_init (&self->hangup);
  aioproc_parent_fd_init (&self->pidfd);

  for (int resource = 0; resource < RLIM_NLIMITS; resource++)
    getrlimit (resource, &self->limits[resource]);

  if (!aioproc_supervisor_spawn (is_forkserver (self) ? spec->argv : NULL, environment,
                                 &self->socket, &self->hangup, &self->pidfd, &self->pid, error))
    {
      supervisor_free (self);
      return NULL;
    }

  retire_idle ();
  supervisors = g_list_prepend (supervisors, self);

  if (!supervisor_set_up (self, error) ||
      !aioproc_monitor_add_watch (&self->socket_watch, self->socket.fd, EPOLLIN,
                                  supervisor_ready_cb, self, error))
    {
      supervisor_kill (self);
      return NULL;
    }

  return self;
}

static void
fail_all (GQueue       *requests,
          const GError *error)
{
  Request *request;

  while ((request = g_queue_pop_head (requests)) != NULL)
    {
      request->ops->failed (request->user_data, g_error_copy (error));
      request_free (request);
    }
}

/* It died, or is useless. If it had served, perhaps for long, another one takes on what it was not
 * even asked for. One that has never served would have no better successor.
 */
static void
supervisor_fail (Supervisor *self)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_child_spec_ref (self->spec);
  g_auto(GStrv) environment = g_strdupv (self->environment);
  g_autoptr(GError) error = NULL;
  GQueue unsent = G_QUEUE_INIT;
  Supervisor *successor;
  Request *request;

  while (self->is_ready && (request = g_queue_pop_head (&self->unsent)) != NULL)
    {
      g_hash_table_steal (self->requests, GUINT_TO_POINTER (request->serial));
      g_queue_push_tail (&unsent, request);
    }

  supervisor_kill (self);

  if (unsent.length == 0)
    return;

  successor = supervisor_new (spec, environment, &error);

  if (successor == NULL)
    {
      fail_all (&unsent, error);
      return;
    }

  while ((request = g_queue_pop_head (&unsent)) != NULL)
    {
      g_hash_table_insert (successor->requests, GUINT_TO_POINTER (request->serial), request);
      g_queue_push_tail (&successor->unsent, request);
    }

  /* If it is gone already, its socket says so, too. */
  supervisor_flush (successor);
}

static void
supervisor_flush_or_fail (Supervisor *self)
{
  if (supervisor_flush (self))
    return;

  /* Why it has gone may be there to be read, and how its workers have ended. */
  for (guint i = 0; i < MAX_RECEIVED && supervisor_receive (self); i++)
    continue;

  supervisor_fail (self);
}

static void
supervisor_ready_cb (AioprocMonitorWatch *watch,
                     guint32              events,
                     gpointer             data)
{
  Supervisor *self = data;

  if ((events & ~(guint32) EPOLLOUT) != 0 && !supervisor_receive (self))
    supervisor_fail (self);
  else if ((events & EPOLLOUT) != 0)
    supervisor_flush_or_fail (self);
}

static Supervisor *
supervisor_find (AioprocChildSpec *spec)
{
  for (GList *link = supervisors; link != NULL; link = link->next)
    {
      Supervisor *self = link->data;

      if (aioproc_child_spec_shares_supervisor (self->spec, spec))
        {
          supervisors = g_list_remove_link (supervisors, link);
          supervisors = g_list_concat (link, supervisors);

          return self;
        }
    }

  return NULL;
}

gboolean
aioproc_supervisor_start_worker (AioprocChildSpec            *spec,
                                 char                       **environment,
                                 AioprocParentFd             *control,
                                 AioprocParentFd             *hangup,
                                 const AioprocSupervisorOps  *ops,
                                 gpointer                     user_data,
                                 GError                     **error)
{
  Supervisor *supervisor = supervisor_find (spec);
  Request *request;

  if (supervisor == NULL)
    supervisor = supervisor_new (spec, environment, error);

  if (supervisor == NULL)
    return FALSE;

  request = g_new0 (Request, 1);
  request->serial = ++last_serial;
  request->ops = ops;
  request->user_data = user_data;
  request->packet = aioproc_start_packet_new (spec, environment, request->serial, control, hangup,
                                              error);

  if (request->packet == NULL)
    {
      request_free (request);
      return FALSE;
    }

  g_hash_table_insert (supervisor->requests, GUINT_TO_POINTER (request->serial), request);
  g_queue_push_tail (&supervisor->unsent, request);

  supervisor_flush_or_fail (supervisor);

  return TRUE;
}

/* Supervisor and request of @user_data, where it has not served. */
static Supervisor *
find_unready (gpointer   user_data,
              Request  **request)
{
  for (GList *link = supervisors; link != NULL; link = link->next)
    {
      Supervisor *self = link->data;
      GHashTableIter iter;
      gpointer value;

      g_hash_table_iter_init (&iter, self->requests);
      while (!self->is_ready && g_hash_table_iter_next (&iter, NULL, &value))
        {
          *request = value;

          if ((*request)->user_data == user_data && !(*request)->is_withdrawn)
            return self;
        }
    }

  return NULL;
}

static gboolean
is_wanted (Supervisor *self)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->requests);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      if (!((Request *) value)->is_withdrawn)
        return TRUE;
    }

  return FALSE;
}

gboolean
aioproc_supervisor_withdraw_worker (gpointer user_data)
{
  Request *request = NULL;
  Supervisor *self = find_unready (user_data, &request);

  if (self == NULL)
    return FALSE;

  /* It may have said in the meantime that it serves, or that it does not, and then answers. */
  if (!supervisor_receive (self))
    {
      supervisor_fail (self);
      return FALSE;
    }

  if (self->is_ready || self->refusal != NULL)
    return FALSE;

  request->is_withdrawn = TRUE;

  if (request->packet != NULL)
    {
      g_queue_remove (&self->unsent, request);
      g_hash_table_remove (self->requests, GUINT_TO_POINTER (request->serial));
    }

  /* A program that hangs would hang the next start, too. */
  if (!is_wanted (self))
    supervisor_kill (self);

  return TRUE;
}
