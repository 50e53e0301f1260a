/* aioproc-parent-fd.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process/aioproc-parent-fd-private.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/aioproc-mutex-private.h"
#include "platform/aioproc-fds-private.h"
#include "platform/aioproc-pidfd-private.h"

#define MAX_HANDLERS 4

/* Held for a few system calls only, and across a fork. */
static AioprocMutex mutex;
static AioprocParentFd *first;                  /* protected by @mutex */
static void (*handlers[MAX_HANDLERS]) (void);   /* protected by @mutex */
static guint n_handlers;                        /* protected by @mutex */

guint64
aioproc_fd_identify (int fd)
{
  struct stat status;

  if (fd < 0 || fstat (fd, &status) != 0)
    return 0;

  /* A mode is never 0. */
  return ((guint64) status.st_ino << 32 | (guint32) status.st_dev << 16) ^ status.st_mode;
}

static gboolean
is_own (AioprocParentFd *self)
{
  return self->fd >= 0 && aioproc_fd_identify (self->fd) == self->identity;
}

/* Async-signal-safe. */
static void
close_own (int     fd,
           guint64 identity)
{
  if (fd >= 0 && aioproc_fd_identify (fd) == identity)
    close (fd);
}

static void
prepare_fork (void)
{
  aioproc_mutex_lock (&mutex);
}

static void
continue_parent (void)
{
  aioproc_mutex_unlock (&mutex);
}

static void
begin_child (void)
{
  while (first != NULL)
    {
      AioprocParentFd *self = first;

      first = self->next;
      self->previous = NULL;
      self->next = NULL;
      close_own (self->fd, self->identity);
      self->fd = -1;
    }

  for (guint i = 0; i < n_handlers; i++)
    handlers[i] ();

  aioproc_mutex_unlock (&mutex);
}

/* The mutex, held. */
static void
lock (void)
{
  static gsize initialized;

  if (g_once_init_enter (&initialized))
    {
      int result = pthread_atfork (prepare_fork, continue_parent, begin_child);

      if (result != 0)
        g_error ("Could not install the fork handlers of Aioproc: %s", g_strerror (result));

      g_once_init_leave (&initialized, 1);
    }

  aioproc_mutex_lock (&mutex);
}

static void
link_locked (AioprocParentFd *self,
             int              fd)
{
  g_assert (self->fd < 0);

  self->fd = fd;
  self->identity = aioproc_fd_identify (fd);
  self->previous = NULL;
  self->next = first;

  if (first != NULL)
    first->previous = self;

  first = self;
}

static int
unlink_locked (AioprocParentFd *self)
{
  int fd = self->fd;

  if (fd < 0)
    return -1;

  if (self->previous != NULL)
    self->previous->next = self->next;
  else
    first = self->next;

  if (self->next != NULL)
    self->next->previous = self->previous;

  self->fd = -1;
  self->previous = NULL;
  self->next = NULL;

  return fd;
}

void
aioproc_parent_fd_init (AioprocParentFd *self)
{
  *self = (AioprocParentFd) AIOPROC_PARENT_FD_INIT;
}

void
aioproc_parent_fd_set (AioprocParentFd *self,
                       int              fd)
{
  g_assert (fd >= 0);

  lock ();
  link_locked (self, fd);
  aioproc_mutex_unlock (&mutex);
}

gboolean
aioproc_parent_fd_set_pair (AioprocParentFd  *self,
                            AioprocParentFd  *other,
                            int               type,
                            GError          **error)
{
  int fds[2];
  gboolean success;

  lock ();

  success = aioproc_fds_socketpair (type, fds, error);

  if (success)
    {
      link_locked (self, fds[0]);
      link_locked (other, fds[1]);
    }

  aioproc_mutex_unlock (&mutex);

  return success;
}

void
aioproc_parent_fd_close (AioprocParentFd *self)
{
  int fd;

  lock ();

  fd = unlink_locked (self);
  close_own (fd, self->identity);

  aioproc_mutex_unlock (&mutex);
}

void
aioproc_parent_fd_forget (AioprocParentFd *self)
{
  lock ();
  unlink_locked (self);
  aioproc_mutex_unlock (&mutex);
}

gboolean
aioproc_parent_fd_reopen_pidfd (AioprocParentFd *self,
                                pid_t            pid)
{
  siginfo_t info;
  int pidfd;

  /* The number of a child is its own until it is reaped. */
  if (waitid (P_PID, (id_t) pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
    return FALSE;

  pidfd = aioproc_pidfd_open (pid, NULL);

  if (pidfd < 0)
    return FALSE;

  aioproc_parent_fd_forget (self);
  aioproc_parent_fd_set (self, pidfd);

  return TRUE;
}

gboolean
aioproc_parent_fd_is_own (AioprocParentFd *self)
{
  return is_own (self);
}

void
aioproc_parent_fd_move (AioprocParentFd *self,
                        AioprocParentFd *from)
{
  int fd;

  lock ();

  fd = unlink_locked (from);

  if (fd >= 0)
    link_locked (self, fd);

  aioproc_mutex_unlock (&mutex);
}

void
aioproc_parent_fd_shut_down_all (void)
{
  lock ();

  /* Fails for what is not a socket. */
  for (AioprocParentFd *self = first; self != NULL; self = self->next)
    {
      if (is_own (self))
        shutdown (self->fd, SHUT_RDWR);
    }

  aioproc_mutex_unlock (&mutex);
}

void
aioproc_parent_fd_add_handler (void (*func) (void))
{
  lock ();

  g_assert (n_handlers < MAX_HANDLERS);
  handlers[n_handlers++] = func;

  aioproc_mutex_unlock (&mutex);
}
