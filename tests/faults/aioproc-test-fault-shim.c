/* aioproc-test-fault-shim.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A preloaded module that makes the Nth call of one libc function fail, with the errno that the
 * kernel would give. Only calls that the library itself makes are counted, and only while the
 * program has armed the module; threads are an exception, since GLib starts them for the library.
 *
 * AIOPROC_TEST_FAULT is FUNCTION:N:ERRNO. Where ERRNO is 0 the call does less than it was asked
 * for, as the kernel may.
 */

/* Else both names of a function would be one. */
#undef _FILE_OFFSET_BITS

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static char function_name[64];
static int fault_errno;
static atomic_long countdown;
static atomic_bool armed;
static atomic_bool fired;

/* The program calls these; without the module it finds none. */
void aioproc_test_fault_arm (void);
bool aioproc_test_fault_disarm (void);

__attribute__ ((constructor)) static void
read_environment (void)
{
  const char *text = getenv ("AIOPROC_TEST_FAULT");
  long n;

  if (text != NULL && sscanf (text, "%63[^:]:%ld:%d", function_name, &n, &fault_errno) == 3)
    atomic_store (&countdown, n);

  /* Children of the program run as they are. */
  unsetenv ("LD_PRELOAD");
  unsetenv ("AIOPROC_TEST_FAULT");
}

void
aioproc_test_fault_arm (void)
{
  atomic_store (&armed, true);
}

/* Whether the fault has happened. */
bool
aioproc_test_fault_disarm (void)
{
  atomic_store (&armed, false);

  return atomic_load (&fired);
}

static bool
is_library (void *address)
{
  Dl_info info;

  return dladdr (address, &info) != 0 && info.dli_fname != NULL &&
         strstr (info.dli_fname, "libaioproc-1") != NULL;
}

static bool
must_fail (const char *name,
           void       *caller)
{
  if (!atomic_load (&armed) || strcmp (name, function_name) != 0 ||
      (caller != NULL && !is_library (caller)))
    return false;

  if (atomic_fetch_sub (&countdown, 1) != 1)
    return false;

  atomic_store (&fired, true);
  errno = fault_errno;

  return true;
}

#define CALLER __builtin_return_address (0)

/* The function that would have been called. */
#define NEXT(name) ((__typeof__ (&name)) dlsym (RTLD_NEXT, #name))

int
memfd_create (const char  *name,
              unsigned int flags)
{
  return must_fail ("memfd_create", CALLER) ? -1 : NEXT (memfd_create) (name, flags);
}

int
ftruncate (int   fd,
           off_t length)
{
  return must_fail ("ftruncate", CALLER) ? -1 : NEXT (ftruncate) (fd, length);
}

int
ftruncate64 (int     fd,
             off64_t length)
{
  return must_fail ("ftruncate", CALLER) ? -1 : NEXT (ftruncate64) (fd, length);
}

int
fallocate (int   fd,
           int   mode,
           off_t offset,
           off_t length)
{
  return must_fail ("fallocate", CALLER) ? -1 : NEXT (fallocate) (fd, mode, offset, length);
}

int
fallocate64 (int     fd,
             int     mode,
             off64_t offset,
             off64_t length)
{
  return must_fail ("fallocate", CALLER) ? -1 : NEXT (fallocate64) (fd, mode, offset, length);
}

void *
mmap (void   *address,
      size_t  length,
      int     protection,
      int     flags,
      int     fd,
      off_t   offset)
{
  return must_fail ("mmap", CALLER)
           ? MAP_FAILED
           : NEXT (mmap) (address, length, protection, flags, fd, offset);
}

void *
mmap64 (void   *address,
        size_t  length,
        int     protection,
        int     flags,
        int     fd,
        off64_t offset)
{
  return must_fail ("mmap", CALLER)
           ? MAP_FAILED
           : NEXT (mmap64) (address, length, protection, flags, fd, offset);
}

int
open (const char *path,
      int         flags,
      ...)
{
  va_list arguments;
  mode_t mode = 0;

  va_start (arguments, flags);

  if ((flags & (O_CREAT | O_TMPFILE)) != 0)
    mode = va_arg (arguments, mode_t);

  va_end (arguments);

  return must_fail ("open", CALLER) ? -1 : NEXT (open) (path, flags, mode);
}

int
open64 (const char *path,
        int         flags,
        ...)
{
  va_list arguments;
  mode_t mode = 0;

  va_start (arguments, flags);

  if ((flags & (O_CREAT | O_TMPFILE)) != 0)
    mode = va_arg (arguments, mode_t);

  va_end (arguments);

  return must_fail ("open", CALLER) ? -1 : NEXT (open64) (path, flags, mode);
}

int
socketpair (int domain,
            int type,
            int protocol,
            int fds[2])
{
  return must_fail ("socketpair", CALLER) ? -1 : NEXT (socketpair) (domain, type, protocol, fds);
}

int
eventfd (unsigned int value,
         int          flags)
{
  return must_fail ("eventfd", CALLER) ? -1 : NEXT (eventfd) (value, flags);
}

int
epoll_create1 (int flags)
{
  return must_fail ("epoll_create1", CALLER) ? -1 : NEXT (epoll_create1) (flags);
}

int
epoll_ctl (int                 epoll_fd,
           int                 operation,
           int                 fd,
           struct epoll_event *event)
{
  /* The other operations need no memory. */
  if (operation == EPOLL_CTL_ADD && must_fail ("epoll_ctl", CALLER))
    return -1;

  return NEXT (epoll_ctl) (epoll_fd, operation, fd, event);
}

static int
fcntl_or_fail (int   fd,
               int   command,
               void *argument,
               void *caller)
{
  /* Only what takes something from the kernel: reading flags cannot fail. */
  if ((command == F_DUPFD_CLOEXEC && must_fail ("dup", caller)) ||
      (command == F_OFD_SETLK && must_fail ("ofd_setlk", caller)) ||
      (command == F_ADD_SEALS && must_fail ("add_seals", caller)))
    return -1;

  return NEXT (fcntl64) (fd, command, argument);
}

int
fcntl (int fd,
       int command,
       ...)
{
  va_list arguments;
  void *argument;

  va_start (arguments, command);
  argument = va_arg (arguments, void *);
  va_end (arguments);

  return fcntl_or_fail (fd, command, argument, CALLER);
}

int
fcntl64 (int fd,
         int command,
         ...)
{
  va_list arguments;
  void *argument;

  va_start (arguments, command);
  argument = va_arg (arguments, void *);
  va_end (arguments);

  return fcntl_or_fail (fd, command, argument, CALLER);
}

/* A part of @message, of which one byte is left; of a packet all, as the kernel has it. */
static struct msghdr
shorten (int                  fd,
         const struct msghdr *message,
         struct iovec        *piece)
{
  struct msghdr part = *message;
  socklen_t length = sizeof (int);
  int type = 0;

  if (getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_STREAM)
    return part;

  for (size_t i = 0; i < message->msg_iovlen; i++)
    {
      if (message->msg_iov[i].iov_len > 0)
        {
          piece->iov_base = message->msg_iov[i].iov_base;
          piece->iov_len = 1;
          part.msg_iov = piece;
          part.msg_iovlen = 1;
          break;
        }
    }

  return part;
}

ssize_t
sendmsg (int                  fd,
         const struct msghdr *message,
         int                  flags)
{
  struct msghdr part;
  struct iovec piece;

  if (!must_fail ("sendmsg", CALLER))
    return NEXT (sendmsg) (fd, message, flags);

  if (fault_errno != 0)
    return -1;

  part = shorten (fd, message, &piece);
  return NEXT (sendmsg) (fd, &part, flags);
}

ssize_t
recvmsg (int            fd,
         struct msghdr *message,
         int            flags)
{
  struct msghdr part;
  struct iovec piece;
  ssize_t result;

  if (!must_fail ("recvmsg", CALLER))
    return NEXT (recvmsg) (fd, message, flags);

  if (fault_errno != 0)
    return -1;

  part = shorten (fd, message, &piece);
  result = NEXT (recvmsg) (fd, &part, flags);
  message->msg_namelen = part.msg_namelen;
  message->msg_controllen = part.msg_controllen;
  message->msg_flags = part.msg_flags;

  return result;
}

ssize_t
pwrite (int         fd,
        const void *data,
        size_t      length,
        off_t       offset)
{
  if (!must_fail ("pwrite", CALLER))
    return NEXT (pwrite) (fd, data, length, offset);

  return fault_errno != 0 ? -1 : NEXT (pwrite) (fd, data, length < 1 ? length : 1, offset);
}

ssize_t
pwrite64 (int         fd,
          const void *data,
          size_t      length,
          off64_t     offset)
{
  if (!must_fail ("pwrite", CALLER))
    return NEXT (pwrite64) (fd, data, length, offset);

  return fault_errno != 0 ? -1 : NEXT (pwrite64) (fd, data, length < 1 ? length : 1, offset);
}

int
epoll_wait (int                 epoll_fd,
            struct epoll_event *events,
            int                 n_events,
            int                 timeout)
{
  return must_fail ("epoll_wait", CALLER)
           ? -1
           : NEXT (epoll_wait) (epoll_fd, events, n_events, timeout);
}

int
ppoll (struct pollfd         *fds,
       nfds_t                 n_fds,
       const struct timespec *timeout,
       const sigset_t        *mask)
{
  /* For one or two the kernel needs no memory. */
  if ((fault_errno == EINTR || n_fds > 2) && must_fail ("ppoll", CALLER))
    return -1;

  return NEXT (ppoll) (fds, n_fds, timeout, mask);
}

/* Of GLib, which calls malloc(): whatever may be large, or of a size that somebody else says. */
void *g_try_malloc    (size_t  size);
void *g_try_malloc_n  (size_t  n,
                       size_t  size);
void *g_try_realloc   (void   *memory,
                       size_t  size);
void *g_try_realloc_n (void   *memory,
                       size_t  n,
                       size_t  size);

void *
g_try_malloc (size_t size)
{
  return must_fail ("g_try_malloc", CALLER) ? NULL : NEXT (g_try_malloc) (size);
}

void *
g_try_malloc_n (size_t n,
                size_t size)
{
  return must_fail ("g_try_malloc", CALLER) ? NULL : NEXT (g_try_malloc_n) (n, size);
}

void *
g_try_realloc (void   *memory,
               size_t  size)
{
  return must_fail ("g_try_malloc", CALLER) ? NULL : NEXT (g_try_realloc) (memory, size);
}

void *
g_try_realloc_n (void   *memory,
                 size_t  n,
                 size_t  size)
{
  return must_fail ("g_try_malloc", CALLER) ? NULL : NEXT (g_try_realloc_n) (memory, n, size);
}

int
posix_spawn (pid_t                            *pid,
             const char                       *path,
             const posix_spawn_file_actions_t *actions,
             const posix_spawnattr_t          *attributes,
             char * const                      argv[],
             char * const                      envp[])
{
  if (must_fail ("posix_spawn", CALLER))
    return fault_errno;

  return NEXT (posix_spawn) (pid, path, actions, attributes, argv, envp);
}

int
pthread_create (pthread_t            *thread,
                const pthread_attr_t *attributes,
                void               *(*function) (void *),
                void                 *data)
{
  /* By GLib, for the library: whoever calls. */
  if (must_fail ("pthread_create", NULL))
    return fault_errno;

  return NEXT (pthread_create) (thread, attributes, function, data);
}

long
syscall (long number,
         ...)
{
  va_list arguments;
  long a[6];

  va_start (arguments, number);

  for (int i = 0; i < 6; i++)
    a[i] = va_arg (arguments, long);

  va_end (arguments);

  if ((number == SYS_pidfd_open && must_fail ("pidfd_open", CALLER)) ||
      (number == SYS_futex_waitv && must_fail ("futex_waitv", CALLER)) ||
      (number == SYS_set_robust_list && must_fail ("set_robust_list", CALLER)))
    return -1;

  return NEXT (syscall) (number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
