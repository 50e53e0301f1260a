/* platform-test.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "platform-test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t
platform_test_fork (PlatformTestFunc func,
                    gpointer         user_data)
{
  pid_t parent = getpid ();
  pid_t pid = fork ();

  g_assert_cmpint (pid, >=, 0);

  if (pid > 0)
    return pid;

  if (prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid () != parent)
    _exit (127);

  _exit (func (user_data));
}

int
platform_test_wait (pid_t pid)
{
  int status;
  pid_t result;

  do
    result = waitpid (pid, &status, 0);
  while (result < 0 && errno == EINTR);

  g_assert_cmpint (result, ==, pid);

  return status;
}

void
platform_test_wait_success (pid_t pid)
{
  g_assert_cmphex (platform_test_wait (pid), ==, 0);
}

char
platform_test_get_state (pid_t pid,
                         pid_t tid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/task/%d/stat", (int) pid, (int) tid);
  g_autofree char *content = NULL;
  const char *after_name;

  if (!g_file_get_contents (path, &content, NULL, NULL))
    return '\0';

  after_name = strrchr (content, ')');
  g_assert_nonnull (after_name);

  return after_name[2];
}

gboolean
platform_test_is_exiting (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", (int) pid);
  g_autofree char *content = NULL;
  const char *after_name;
  unsigned int flags;

  if (!g_file_get_contents (path, &content, NULL, NULL))
    return TRUE;

  after_name = strrchr (content, ')');
  g_assert_nonnull (after_name);
  g_assert_cmpint (sscanf (after_name + 1, " %*c %*d %*d %*d %*d %*d %u", &flags), ==, 1);

  /* PF_EXITING of the kernel, which proc(5) leaves to it. */
  return (flags & 0x4) != 0;
}

void
platform_test_wait_for_state (pid_t pid,
                              pid_t tid,
                              char  state)
{
  while (platform_test_get_state (pid, tid) != state)
    g_thread_yield ();
}

gpointer
platform_test_map_shared (gsize length)
{
  gpointer base = mmap (NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  g_assert_true (base != MAP_FAILED);

  return base;
}

void
platform_test_unmap (gpointer base,
                     gsize    length)
{
  g_assert_no_errno (munmap (base, length));
}

void
platform_test_wait_for_word (_Atomic guint32 *word,
                             guint32          value)
{
  /* Acquire: pairs with the release store of the thread or process that announces itself. */
  while (atomic_load_explicit (word, memory_order_acquire) != value)
    g_thread_yield ();
}

static gboolean
install_filter (struct sock_filter *filter,
                gsize               length)
{
  const struct sock_fprog program = { .len = length, .filter = filter };

  return prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

gboolean
platform_test_deny_syscall (long number,
                            int  errno_value)
{
  struct sock_filter filter[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, (guint32) number, 0, 1),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (guint32) errno_value),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };

  return install_filter (filter, G_N_ELEMENTS (filter));
}

gboolean
platform_test_deny_flags (long    number,
                          guint   arg,
                          guint32 flags,
                          int     errno_value)
{
  /* The lower half of the argument. */
  const guint32 offset = offsetof (struct seccomp_data, args) + 8 * arg +
                         (G_BYTE_ORDER == G_BIG_ENDIAN ? 4 : 0);
  struct sock_filter filter[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, (guint32) number, 0, 3),
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offset),
    BPF_JUMP (BPF_JMP | BPF_JSET | BPF_K, flags, 0, 1),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (guint32) errno_value),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };

  return install_filter (filter, G_N_ELEMENTS (filter));
}

void
platform_test_leave_fds (guint n_free)
{
  struct rlimit limit;
  int fd;

  /* All numbers below the lowest free one are taken. */
  for (;;)
    {
      int next;

      fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
      g_assert_cmpint (fd, >=, 0);
      next = fcntl (fd, F_DUPFD_CLOEXEC, 0);
      g_assert_cmpint (next, >=, 0);
      close (next);

      if (next == fd + 1)
        break;
    }

  close (fd);

  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &limit));
  limit.rlim_cur = (rlim_t) fd + n_free;
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &limit));
}
