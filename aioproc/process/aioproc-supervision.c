/* aioproc-supervision.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process/aioproc-supervision-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/aioproc-packet-private.h"
#include "platform/aioproc-self-private.h"

/* Fits into what the application reads of an answer. */
#define MAX_TEXT 1024

/* A worker, or what a worker that has ended left behind in its process group. */
typedef struct {
  pid_t    pid;      /* of the worker, and of its group */
  uint32_t serial;
  bool     ended;
} Group;

/* There is one supervisor in a process, and it has one thread. */
static Group *groups;
static size_t n_groups;
static size_t max_groups;

static union {
  AioprocSupervisionPacket packet;
  char                     bytes[sizeof (AioprocSupervisionPacket) +
                                 AIOPROC_SUPERVISION_MAX_PAYLOAD];
} received;

/* Signals that are the application's to handle, or nobody's. */
static const int ignored_signals[] = {
  SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU,
};

static void
sigchld_cb (int signum)
{
  /* Only interrupts ppoll(). */
}

bool
aioproc_supervision_send (const AioprocSupervisionPacket *packet,
                          const char                     *payload,
                          int                             fd)
{
  struct iovec pieces[] = {
    { .iov_base = (void *) packet, .iov_len = sizeof *packet },
    { .iov_base = (void *) payload, .iov_len = packet->payload_length },
  };

  return aioproc_packet_send (AIOPROC_SUPERVISION_SOCKET_FD, pieces, payload != NULL ? 2 : 1,
                              &fd, fd >= 0 ? 1 : 0, false);
}

bool
aioproc_supervision_begin (void)
{
  int null_fd;

  if (fcntl (AIOPROC_SUPERVISION_SOCKET_FD, F_SETFD, FD_CLOEXEC) != 0 ||
      fcntl (AIOPROC_SUPERVISION_HANGUP_FD, F_SETFD, FD_CLOEXEC) != 0)
    return false;

  /* Fails for the leader of a session, whose group is its own already. */
  setpgid (0, 0);

  for (size_t i = 0; i < sizeof ignored_signals / sizeof *ignored_signals; i++)
    signal (ignored_signals[i], SIG_IGN);

  null_fd = open ("/dev/null", O_RDWR | O_CLOEXEC);

  if (null_fd >= 0)
    {
      dup2 (null_fd, STDIN_FILENO);
      close (null_fd);
    }

  /* Until it serves, there are no workers that it would have to take along. */
  return aioproc_self_kill_on_hangup (AIOPROC_SUPERVISION_HANGUP_FD);
}

/* Whether a child of this process is in the group: then its number cannot have been given to
 * another group.
 */
static bool
has_child_in_group (pid_t group)
{
  siginfo_t info;
  int result;

  do
    result = waitid (P_PGID, (id_t) group, &info, WEXITED | WNOHANG | WNOWAIT);
  while (result != 0 && errno == EINTR);

  return result == 0;
}

__attribute__ ((noreturn))
static void
end (void)
{
  for (size_t i = 0; i < n_groups; i++)
    {
      if (groups[i].ended)
        {
          if (has_child_in_group (groups[i].pid))
            kill (-groups[i].pid, SIGKILL);

          continue;
        }

      /* Perhaps it has not come as far as to make its group. */
      kill (groups[i].pid, SIGKILL);
      kill (-groups[i].pid, SIGKILL);
    }

  _exit (EXIT_SUCCESS);
}

static void
send_or_end (const AioprocSupervisionPacket *packet,
             const char                     *payload,
             int                             fd)
{
  if (aioproc_supervision_send (packet, payload, fd))
    return;

  /* Too many descriptors are on their way to the application: it learns how the worker ends all
   * the same.
   */
  if (fd >= 0 && errno == ETOOMANYREFS && aioproc_supervision_send (packet, payload, -1))
    return;

  end ();
}

static void
send_failure (uint32_t                         serial,
              const AioprocSupervisionFailure *failure)
{
  AioprocSupervisionPacket packet = {
    .kind = AIOPROC_SUPERVISION_FAILED,
    .serial = serial,
    .status = failure->error,
    .stage = failure->stage,
    .payload_length = failure->text != NULL ? strnlen (failure->text, MAX_TEXT) : 0,
  };

  send_or_end (&packet, failure->text, -1);
}

static void
reap (void)
{
  bool is_pruning = false;
  size_t n_kept = 0;
  int status;
  pid_t pid;

  while ((pid = waitpid (-1, &status, WNOHANG)) > 0)
    {
      size_t i = 0;

      while (i < n_groups && (groups[i].pid != pid || groups[i].ended))
        i++;

      is_pruning = true;

      if (i < n_groups)
        {
          AioprocSupervisionPacket packet = {
            .kind = AIOPROC_SUPERVISION_EXITED,
            .serial = groups[i].serial,
            .pid = pid,
            .status = status,
          };

          groups[i].ended = true;
          send_or_end (&packet, NULL, -1);
        }
    }

  if (!is_pruning)
    return;

  /* What an ended worker left in its group was adopted by this process, and has to be killed when
   * the application ends.
   */
  for (size_t i = 0; i < n_groups; i++)
    {
      if (!groups[i].ended || has_child_in_group (groups[i].pid))
        groups[n_kept++] = groups[i];
    }

  n_groups = n_kept;
}

/* Before the worker is there: a worker that is not in the table would outlive the application. */
static bool
reserve_group (void)
{
  Group *grown;

  if (n_groups < max_groups)
    return true;

  grown = realloc (groups, (max_groups * 2 + 16) * sizeof *groups);

  if (grown == NULL)
    return false;

  groups = grown;
  max_groups = max_groups * 2 + 16;

  return true;
}

/* Whether the payload is as many strings as the packet says. */
static bool
check_payload (const AioprocSupervisionRequest *request)
{
  const AioprocSupervisionPacket *packet = request->packet;
  uint64_t n_strings = (uint64_t) packet->n_arguments + packet->n_environment;
  uint64_t n_found = 0;

  for (uint64_t i = 0; i < packet->payload_length; i++)
    n_found += request->payload[i] == '\0';

  return n_found == n_strings &&
         (n_strings == 0 || request->payload[packet->payload_length - 1] == '\0');
}

static void
take_fds (AioprocSupervisionRequest *request,
          const int                 *fds,
          unsigned                   n_fds)
{
  uint32_t flags = request->packet->flags;
  unsigned n_taken = 0;

  request->control_fd = -1;
  request->hangup_fd = -1;
  request->directory_fd = -1;
  request->payload_fd = -1;

  if (request->packet->kind == AIOPROC_SUPERVISION_START && n_fds >= 2)
    {
      request->control_fd = fds[n_taken++];
      request->hangup_fd = fds[n_taken++];
    }

  if ((flags & AIOPROC_SUPERVISION_DIRECTORY) != 0 && n_taken < n_fds)
    request->directory_fd = fds[n_taken++];

  if ((flags & AIOPROC_SUPERVISION_PAYLOAD) != 0 && n_taken < n_fds)
    request->payload_fd = fds[n_taken++];

  while (n_taken < n_fds)
    close (fds[--n_fds]);
}

static bool
has_all_fds (const AioprocSupervisionRequest *request)
{
  uint32_t flags = request->packet->flags;

  return (request->packet->kind != AIOPROC_SUPERVISION_START || request->hangup_fd >= 0) &&
         ((flags & AIOPROC_SUPERVISION_DIRECTORY) == 0 || request->directory_fd >= 0) &&
         ((flags & AIOPROC_SUPERVISION_PAYLOAD) == 0 || request->payload_fd >= 0);
}

void
aioproc_supervision_request_clear (AioprocSupervisionRequest *request)
{
  int fds[] = {
    request->control_fd, request->hangup_fd, request->directory_fd, request->payload_fd,
  };

  for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
    {
      if (fds[i] >= 0)
        close (fds[i]);
    }

  if (request->mapping != NULL)
    munmap (request->mapping, request->packet->payload_length);
}

bool
aioproc_supervision_receive (AioprocSupervisionRequest *request,
                             bool                       dont_wait)
{
  int fds[AIOPROC_PACKET_MAX_FDS];
  unsigned n_fds;
  bool fds_lost;
  ssize_t length;

  length = aioproc_packet_receive (AIOPROC_SUPERVISION_SOCKET_FD, &received, sizeof received,
                                   fds, &n_fds, &fds_lost, dont_wait);

  if (length < 0 && errno == EAGAIN)
    return false;

  /* If it cannot be understood, the application has to start another supervisor. */
  if (length < (ssize_t) sizeof received.packet)
    end ();

  *request = (AioprocSupervisionRequest) {
    .packet = &received.packet,
    .payload = received.bytes + sizeof received.packet,
  };
  take_fds (request, fds, n_fds);

  if (!has_all_fds (request))
    {
      request->error = fds_lost ? EMFILE : EBADMSG;
    }
  else if (request->payload_fd >= 0)
    {
      void *mapping = mmap (NULL, received.packet.payload_length, PROT_READ, MAP_PRIVATE,
                            request->payload_fd, 0);

      if (mapping != MAP_FAILED)
        request->payload = request->mapping = mapping;
      else
        request->error = errno;
    }
  else if (received.packet.payload_length != (size_t) length - sizeof received.packet)
    {
      end ();
    }

  if (request->error == 0 && !check_payload (request))
    request->error = EBADMSG;

  return true;
}

static void
start_worker (const AioprocSupervisionRequest *request,
              AioprocSupervisionStartFunc      start_func)
{
  AioprocSupervisionFailure failure = {
    .stage = AIOPROC_SUPERVISION_STAGE_RECEIVE,
    .error = request->error,
  };
  AioprocSupervisionPacket packet = {
    .kind = AIOPROC_SUPERVISION_STARTED,
    .serial = request->packet->serial,
  };
  pid_t pid = -1;
  int pidfd = -1;

  if (request->error == 0)
    {
      if (reserve_group ())
        pid = start_func (request, &pidfd, &failure);
      else
        failure.error = ENOMEM;
    }

  if (pid < 0)
    {
      send_failure (request->packet->serial, &failure);
      return;
    }

  groups[n_groups++] = (Group) { .pid = pid, .serial = request->packet->serial };

  packet.pid = pid;
  send_or_end (&packet, NULL, pidfd);
  close (pidfd);
}

static void
follow_limit (const AioprocSupervisionPacket *packet)
{
  struct rlimit limit = {
    .rlim_cur = packet->soft_limit,
    .rlim_max = packet->hard_limit,
  };

  /* What it may not raise stays as it is. */
  setrlimit (packet->resource, &limit);
}

static void
serve_request (AioprocSupervisionStartFunc start_func)
{
  AioprocSupervisionRequest request;

  if (!aioproc_supervision_receive (&request, true))
    return;

  switch (request.packet->kind)
    {
    case AIOPROC_SUPERVISION_LIMIT:
      follow_limit (request.packet);
      break;

    case AIOPROC_SUPERVISION_START:
      start_worker (&request, start_func);
      break;

    default:
      end ();
    }

  aioproc_supervision_request_clear (&request);
}

void
aioproc_supervision_serve (AioprocSupervisionStartFunc start_func)
{
  AioprocSupervisionPacket ready = {
    .kind = AIOPROC_SUPERVISION_READY,
    .pid = getpid (),
    .status = AIOPROC_SUPERVISION_VERSION,
  };
  struct sigaction action = { .sa_handler = sigchld_cb };
  struct pollfd poll_fd = { .fd = AIOPROC_SUPERVISION_SOCKET_FD, .events = POLLIN };
  sigset_t blocked;
  sigset_t unblocked;

  sigemptyset (&action.sa_mask);
  sigaction (SIGCHLD, &action, NULL);

  sigemptyset (&unblocked);
  sigemptyset (&blocked);
  sigaddset (&blocked, SIGCHLD);
  sigprocmask (SIG_SETMASK, &blocked, NULL);

  aioproc_self_become_subreaper ();

  /* From now on it has to see to it that no worker survives, so it must not be killed when the
   * application ends. But should it be stopped then, it has to go on.
   */
  fcntl (AIOPROC_SUPERVISION_HANGUP_FD, F_SETSIG, SIGCONT);

  send_or_end (&ready, NULL, -1);

  for (;;)
    {
      reap ();

      if (ppoll (&poll_fd, 1, NULL, &unblocked) < 0)
        {
          if (errno == EINTR || errno == EAGAIN || errno == ENOMEM)
            continue;

          end ();
        }

      /* What the application still asked for before it ended is of no use anymore. */
      if ((poll_fd.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
        end ();

      serve_request (start_func);
    }
}

static bool
lower_limits (const AioprocSupervisionPacket *packet)
{
  if (packet->memory_limit > 0 && !aioproc_self_limit (RLIMIT_AS, packet->memory_limit))
    return false;

  if (packet->file_limit > 0 && !aioproc_self_limit (RLIMIT_NOFILE, packet->file_limit))
    return false;

  if (packet->cpu_time_limit > 0)
    {
      struct rlimit limit;

      /* The kernel warns with SIGXCPU at the soft limit, and kills at the hard one. */
      if (!aioproc_self_limit (RLIMIT_CPU, packet->cpu_time_limit + 1) ||
          getrlimit (RLIMIT_CPU, &limit) != 0)
        return false;

      if (limit.rlim_cur > packet->cpu_time_limit)
        limit.rlim_cur = packet->cpu_time_limit;

      if (setrlimit (RLIMIT_CPU, &limit) != 0)
        return false;
    }

  return true;
}

bool
aioproc_supervision_become_worker (const AioprocSupervisionPacket *packet,
                                   pid_t                           supervisor,
                                   int                             hangup_fd,
                                   int                             directory_fd,
                                   AioprocSupervisionFailure      *failure)
{
  failure->text = NULL;
  failure->stage = AIOPROC_SUPERVISION_STAGE_PREPARE;

  if (setpgid (0, 0) != 0 ||
      (supervisor > 0 && !aioproc_self_die_with_parent (supervisor)) ||
      !aioproc_self_kill_on_hangup (hangup_fd) ||
      ((packet->flags & AIOPROC_SUPERVISION_STDOUT_TO_STDERR) != 0 &&
       dup2 (STDERR_FILENO, STDOUT_FILENO) < 0))
    {
      failure->error = errno;
      return false;
    }

  failure->stage = AIOPROC_SUPERVISION_STAGE_DIRECTORY;

  if (directory_fd >= 0 && fchdir (directory_fd) != 0)
    {
      failure->error = errno;
      return false;
    }

  failure->stage = AIOPROC_SUPERVISION_STAGE_LIMIT;

  if (!lower_limits (packet))
    {
      failure->error = errno;
      return false;
    }

  aioproc_self_reset_signals ();

  return true;
}
