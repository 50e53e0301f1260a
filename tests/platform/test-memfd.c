/* test-memfd.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "platform-test.h"
#include "platform/aioproc-memfd-private.h"
#include "platform/aioproc-robust-private.h"

#ifndef MFD_NOEXEC_SEAL
# define MFD_NOEXEC_SEAL 0x0008U
#endif

#ifndef F_SEAL_EXEC
# define F_SEAL_EXEC 0x0020
#endif

#define SIZE      (64 * 1024)
#define BIG_SIZE  (32 * 1024 * 1024)
#define MAP_LARGE (64 * 1024 * 1024)

static int
new_memfd (guint64 size)
{
  g_autoptr(GError) error = NULL;
  int fd = aioproc_memfd_new ("test", size, &error);

  g_assert_no_error (error);
  g_assert_cmpint (fd, >=, 0);

  return fd;
}

static gint64
get_size (int fd)
{
  struct stat stat_buffer;

  g_assert_no_errno (fstat (fd, &stat_buffer));

  return stat_buffer.st_size;
}

static gint64
get_allocated (int fd)
{
  struct stat stat_buffer;

  g_assert_no_errno (fstat (fd, &stat_buffer));

  return (gint64) stat_buffer.st_blocks * 512;
}

static void
seal (int fd,
      int seals)
{
  g_autoptr(GError) error = NULL;
  gboolean result = aioproc_memfd_seal (fd, seals, &error);

  g_assert_no_error (error);
  g_assert_true (result);
}

static void
test_new (void)
{
  int fd = new_memfd (SIZE);
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autofree char *target = g_file_read_link (link, NULL);
  g_autofree char *content = g_malloc (SIZE);
  int plain_fd;

  g_test_summary ("A new memfd has its name and size, is zeroed, sealable, closed by exec");

  g_assert_cmpstr (target, ==, "/memfd:test (deleted)");
  g_assert_cmpint (get_size (fd), ==, SIZE);
  g_assert_cmpint (get_allocated (fd), ==, 0);
  g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, !=, 0);
  g_assert_cmpint (fcntl (fd, F_GET_SEALS) & F_SEAL_SEAL, ==, 0);

  memset (content, 1, SIZE);
  g_assert_cmpint (pread (fd, content, SIZE, 0), ==, SIZE);
  for (guint i = 0; i < SIZE; i++)
    g_assert_cmpint (content[i], ==, 0);

  /* Where the kernel knows the flag, nobody can make it executable. */
  plain_fd = memfd_create ("plain", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
  if (plain_fd >= 0)
    {
      g_assert_cmpint (fcntl (fd, F_GET_SEALS) & F_SEAL_EXEC, !=, 0);
      g_assert_cmpint (fchmod (fd, 0700), ==, -1);
      close (plain_fd);
    }

  close (fd);
}

static void
test_new_empty (void)
{
  int fd = new_memfd (0);

  g_test_summary ("A memfd may be born empty");

  g_assert_cmpint (get_size (fd), ==, 0);
  close (fd);
}

static void
test_new_bad_name (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *name = g_strnfill (300, 'n');
  guint n_fds = aioproc_test_count_fds ();

  g_test_summary ("A name that is too long is refused by name");

  g_assert_cmpint (aioproc_memfd_new (name, SIZE, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, name));
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
}

static void
test_new_too_large (void)
{
  guint n_fds = aioproc_test_count_fds ();

  g_test_summary ("A size that no file can have is refused, and nothing stays open");

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr(GError) error = NULL;
      guint64 size = i == 0 ? G_MAXUINT64 : (guint64) G_MAXINT64 + 1;

      g_assert_cmpint (aioproc_memfd_new ("huge", size, &error), ==, -1);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
      g_assert_nonnull (strstr (error->message, "“huge”"));
    }

  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
}

static int
new_on_old_kernel (gpointer user_data)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *name = g_strnfill (300, 'n');
  int fd;

  if (!platform_test_deny_flags (SYS_memfd_create, 1, MFD_NOEXEC_SEAL, EINVAL))
    return 0;

  g_assert_cmpint (memfd_create ("new", MFD_NOEXEC_SEAL), ==, -1);

  fd = new_memfd (SIZE);
  g_assert_cmpint (get_size (fd), ==, SIZE);
  g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, !=, 0);
  seal (fd, F_SEAL_SHRINK);

  g_assert_cmpint (aioproc_memfd_new (name, SIZE, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);

  return 0;
}

static void
test_new_old_kernel (void)
{
  g_test_summary ("A kernel that cannot forbid execution makes a memfd without it");

  platform_test_wait_success (platform_test_fork (new_on_old_kernel, NULL));
}

static int
new_without_fds (gpointer user_data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GError) reopen_error = NULL;
  int fd = new_memfd (SIZE);

  platform_test_leave_fds (0);

  g_assert_cmpint (aioproc_memfd_new ("starved", SIZE, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  g_assert_nonnull (strstr (error->message, "“starved”"));

  g_assert_cmpint (aioproc_memfd_reopen (fd, &reopen_error), ==, -1);
  g_assert_error (reopen_error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);

  return 0;
}

static void
test_new_no_fds (void)
{
  g_test_summary ("A process out of descriptors gets an error");

  platform_test_wait_success (platform_test_fork (new_without_fds, NULL));
}

typedef enum {
  XFSZ_DEFAULT,
  XFSZ_HANDLED,
  XFSZ_BLOCKED,
  XFSZ_PENDING,
} XfszCase;

static _Atomic guint32 n_signals;

static void
count_signal (int signum)
{
  atomic_fetch_add_explicit (&n_signals, 1, memory_order_relaxed);
}

static int
exceed_file_size (gpointer user_data)
{
  XfszCase xfsz = GPOINTER_TO_INT (user_data);
  const struct rlimit limit = { SIZE, SIZE };
  g_autoptr(GError) error = NULL;
  g_autoptr(GError) reserve_error = NULL;
  guint n_fds = aioproc_test_count_fds ();
  sigset_t set;
  sigset_t before;
  sigset_t after;
  int fd;

  signal (SIGXFSZ, xfsz == XFSZ_HANDLED ? count_signal : SIG_DFL);

  sigemptyset (&set);
  sigaddset (&set, SIGXFSZ);

  if (xfsz == XFSZ_BLOCKED || xfsz == XFSZ_PENDING)
    sigprocmask (SIG_BLOCK, &set, NULL);

  if (xfsz == XFSZ_PENDING)
    raise (SIGXFSZ);

  sigprocmask (SIG_BLOCK, NULL, &before);
  g_assert_no_errno (setrlimit (RLIMIT_FSIZE, &limit));

  g_assert_cmpint (aioproc_memfd_new ("limited", SIZE + 1, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_assert_nonnull (strstr (error->message, "“limited” to 65537 bytes"));
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);

  fd = new_memfd (SIZE);
  g_assert_false (aioproc_memfd_reserve (fd, SIZE, 4096, &reserve_error));
  g_assert_error (reserve_error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_assert_nonnull (strstr (reserve_error->message, "4096 bytes"));
  g_assert_cmpint (get_size (fd), ==, SIZE);

  sigprocmask (SIG_BLOCK, NULL, &after);
  for (int signum = 1; signum < NSIG; signum++)
    g_assert_cmpint (sigismember (&before, signum), ==, sigismember (&after, signum));

  sigpending (&set);
  g_assert_cmpint (sigismember (&set, SIGXFSZ), ==, xfsz == XFSZ_PENDING);
  g_assert_cmpuint (atomic_load_explicit (&n_signals, memory_order_relaxed), ==, 0);

  return 0;
}

static void
test_file_size_limit (gconstpointer user_data)
{
  g_test_summary ("A file size limit is an error, and its signal neither kills nor gets lost");

  platform_test_wait_success (platform_test_fork (exceed_file_size, (gpointer) user_data));
}

static void
test_seal (void)
{
  g_autoptr(GError) error = NULL;
  int fd = new_memfd (SIZE);

  g_test_summary ("Seals hold, for size and for more seals");

  seal (fd, F_SEAL_SHRINK | F_SEAL_GROW);
  g_assert_cmpint (ftruncate (fd, SIZE - 1), ==, -1);
  g_assert_cmpint (ftruncate (fd, SIZE + 1), ==, -1);
  seal (fd, F_SEAL_SEAL);

  g_assert_false (aioproc_memfd_seal (fd, F_SEAL_WRITE, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_assert_nonnull (strstr (error->message, "0x8"));

  close (fd);
}

static void
test_seal_busy (void)
{
  g_autoptr(GError) error = NULL;
  int fd = new_memfd (SIZE);
  gpointer base = aioproc_memfd_map (fd, 0, SIZE, TRUE, &error);

  g_test_summary ("What is mapped writable cannot be sealed against writing");

  g_assert_no_error (error);
  g_assert_false (aioproc_memfd_seal (fd, F_SEAL_WRITE, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);

  aioproc_memfd_unmap (base, SIZE);
  seal (fd, F_SEAL_WRITE);
  close (fd);
}

static void
test_check (void)
{
  g_autoptr(GError) error = NULL;
  int fd = new_memfd (SIZE);
  guint64 size = 0;

  g_test_summary ("A memfd passes with the seals that it needs, or more");

  seal (fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);

  g_assert_true (aioproc_memfd_check (fd, F_SEAL_SHRINK | F_SEAL_SEAL, &size, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (size, ==, SIZE);

  size = 0;
  g_assert_true (aioproc_memfd_check (fd, 0, &size, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (size, ==, SIZE);

  g_assert_false (aioproc_memfd_check (fd, F_SEAL_SHRINK | F_SEAL_WRITE, &size, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_assert_nonnull (strstr (error->message, "needs 0xa"));

  close (fd);
}

static void
assert_no_memfd (int fd)
{
  g_autoptr(GError) error = NULL;
  guint64 size = 42;

  g_assert_cmpint (fd, >=, 0);
  g_assert_false (aioproc_memfd_check (fd, F_SEAL_SHRINK, &size, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_assert_cmpuint (size, ==, 42);
  close (fd);
}

/* A descriptor of the same file that can do nothing. Takes @fd. */
static int
open_path (int fd)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  int path_fd = open (path, O_PATH | O_CLOEXEC);

  g_assert_no_errno (close (fd));

  return path_fd;
}

static void
test_check_strangers (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "aioproc-test-XXXXXX", NULL);
  guint n_fds = aioproc_test_count_fds ();
  guint64 size = 42;
  int pipe_fds[2];
  int huge_fd;
  int fd;

  g_test_summary ("Whatever else a peer may send is refused, and stays the caller's to close");

  assert_no_memfd (open ("/dev/null", O_RDWR | O_CLOEXEC));
  assert_no_memfd (open ("/", O_RDONLY | O_CLOEXEC));
  assert_no_memfd (open ("/dev/null", O_PATH | O_CLOEXEC));
  assert_no_memfd (open_path (new_memfd (SIZE)));
  assert_no_memfd (socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  assert_no_memfd (g_mkstemp_full (path, O_RDWR | O_CLOEXEC, 0600));
  g_assert_no_errno (unlink (path));
  g_assert_no_errno (pipe2 (pipe_fds, O_CLOEXEC));
  assert_no_memfd (pipe_fds[0]);
  assert_no_memfd (pipe_fds[1]);

  /* Sealable, but not sealed; and what cannot be sealed at all. */
  assert_no_memfd (new_memfd (SIZE));
  assert_no_memfd (memfd_create ("unsealable", MFD_CLOEXEC));

  huge_fd = memfd_create ("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);
  if (huge_fd >= 0)
    {
      seal (huge_fd, F_SEAL_SHRINK);
      assert_no_memfd (huge_fd);
    }

  fd = open ("/dev/null", O_RDWR | O_CLOEXEC);
  close (fd);
  g_assert_false (aioproc_memfd_check (fd, 0, &size, &error));
  g_assert_nonnull (error);

  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
}

static int
shrink (gpointer user_data)
{
  return ftruncate (GPOINTER_TO_INT (user_data), 0) == 0 ? 0 : errno;
}

static void
test_check_shrinking_peer (void)
{
  g_autoptr(GError) error = NULL;
  int fd = new_memfd (SIZE);
  guint64 size = 0;
  char *base;
  int status;

  g_test_summary ("A peer can shrink what passes no check, and nothing that does");

  g_assert_false (aioproc_memfd_check (fd, F_SEAL_SHRINK, &size, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  platform_test_wait_success (platform_test_fork (shrink, GINT_TO_POINTER (fd)));
  g_assert_cmpint (get_size (fd), ==, 0);
  close (fd);
  g_clear_error (&error);

  fd = new_memfd (SIZE);
  seal (fd, F_SEAL_SHRINK | F_SEAL_SEAL);
  g_assert_true (aioproc_memfd_check (fd, F_SEAL_SHRINK, &size, &error));
  g_assert_no_error (error);
  base = aioproc_memfd_map (fd, 0, size, TRUE, &error);
  g_assert_no_error (error);

  status = platform_test_wait (platform_test_fork (shrink, GINT_TO_POINTER (fd)));
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, EPERM);
  base[SIZE - 1] = 1;
  g_assert_cmpint (base[SIZE - 1], ==, 1);

  aioproc_memfd_unmap (base, size);
  close (fd);
}

static void
test_reserve (void)
{
  g_autoptr(GError) error = NULL;
  int fd = new_memfd (SIZE);

  g_test_summary ("Pages are allocated once, keep what is in them, and grow an unsealed file");

  g_assert_cmpint (pwrite (fd, "x", 1, 5000), ==, 1);
  g_assert_true (aioproc_memfd_reserve (fd, 0, SIZE / 2, &error));
  g_assert_true (aioproc_memfd_reserve (fd, 0, SIZE / 2, &error));
  g_assert_true (aioproc_memfd_reserve (fd, 0, 0, &error));
  g_assert_no_error (error);
  g_assert_cmpint (get_allocated (fd), >=, SIZE / 2);
  g_assert_cmpint (get_allocated (fd), <, SIZE);
  g_assert_cmpint (get_size (fd), ==, SIZE);

  g_assert_true (aioproc_memfd_reserve (fd, SIZE, SIZE, &error));
  g_assert_no_error (error);
  g_assert_cmpint (get_size (fd), ==, 2 * SIZE);

  seal (fd, F_SEAL_GROW);
  g_assert_false (aioproc_memfd_reserve (fd, SIZE, 2 * SIZE, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_assert_cmpint (get_size (fd), ==, 2 * SIZE);

  close (fd);
}

static void
test_reserve_bad_range (void)
{
  int fd = new_memfd (SIZE);
  const guint64 ranges[][2] = {
    { G_MAXUINT64, 1 }, { 0, G_MAXUINT64 }, { 4096, G_MAXINT64 }, { G_MAXINT64, G_MAXINT64 },
  };

  g_test_summary ("Ranges that overflow are refused");

  for (guint i = 0; i < G_N_ELEMENTS (ranges); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(GError) punch_error = NULL;

      g_assert_false (aioproc_memfd_reserve (fd, ranges[i][0], ranges[i][1], &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
      g_assert_false (aioproc_memfd_punch (fd, ranges[i][0], ranges[i][1], &punch_error));
      g_assert_nonnull (punch_error);
    }

  close (fd);
}

static int
reserve_under_timer (gpointer user_data)
{
  g_autoptr(GError) error = NULL;
  const struct itimerval storm = { { 0, 50 }, { 0, 50 } };
  const struct itimerval calm = { 0 };
  int fd = new_memfd (BIG_SIZE);

  signal (SIGALRM, count_signal);
  g_assert_no_errno (setitimer (ITIMER_REAL, &storm, NULL));

  g_assert_true (aioproc_memfd_reserve (fd, 0, BIG_SIZE, &error));
  g_assert_no_error (error);
  g_assert_cmpint (get_allocated (fd), ==, BIG_SIZE);

  while (atomic_load_explicit (&n_signals, memory_order_relaxed) == 0)
    g_thread_yield ();

  g_assert_no_errno (setitimer (ITIMER_REAL, &calm, NULL));

  return 0;
}

static void
test_reserve_signals (void)
{
  g_test_summary ("A storm of signals does not keep an allocation from ending");

  platform_test_wait_success (platform_test_fork (reserve_under_timer, NULL));
}

static void
test_punch (void)
{
  g_autoptr(GError) error = NULL;
  int fd = new_memfd (SIZE);
  char *base = aioproc_memfd_map (fd, 0, SIZE, TRUE, &error);

  g_test_summary ("A range that was given back reads as zeros and costs no memory");

  g_assert_no_error (error);
  memset (base, 'x', SIZE);
  g_assert_cmpint (get_allocated (fd), ==, SIZE);

  g_assert_true (aioproc_memfd_punch (fd, SIZE / 2, SIZE / 2, &error));
  g_assert_no_error (error);
  g_assert_cmpint (get_size (fd), ==, SIZE);
  g_assert_cmpint (get_allocated (fd), ==, SIZE / 2);
  g_assert_cmpint (base[SIZE / 2 - 1], ==, 'x');
  g_assert_cmpint (base[SIZE / 2], ==, 0);
  g_assert_cmpint (base[SIZE - 1], ==, 0);

  aioproc_memfd_unmap (base, SIZE);
  seal (fd, F_SEAL_WRITE);
  g_assert_false (aioproc_memfd_punch (fd, 0, 4096, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_assert_nonnull (strstr (error->message, "4096 bytes"));

  close (fd);
}

static void
test_map (void)
{
  g_autoptr(GError) error = NULL;
  int fd = new_memfd (SIZE);
  char *writable = aioproc_memfd_map (fd, 0, SIZE, TRUE, &error);
  const char *readable = aioproc_memfd_map (fd, SIZE / 2, SIZE / 2, FALSE, &error);

  g_test_summary ("Two mappings show the same memory, each from its offset");

  g_assert_no_error (error);
  writable[SIZE / 2 + 3] = 'x';
  g_assert_cmpint (readable[3], ==, 'x');

  aioproc_memfd_unmap (writable, SIZE);
  aioproc_memfd_unmap ((gpointer) readable, SIZE / 2);
  aioproc_memfd_unmap (NULL, 0);
  close (fd);
}

static void
assert_map_fails (int      fd,
                  guint64  offset,
                  gsize    length,
                  gboolean writable,
                  int      code)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *size = g_strdup_printf (" %" G_GSIZE_FORMAT " bytes", length);

  g_assert_null (aioproc_memfd_map (fd, offset, length, writable, &error));
  g_assert_error (error, G_IO_ERROR, code);
  g_assert_nonnull (strstr (error->message, size));
}

static void
test_map_errors (void)
{
  g_autoptr(GError) error = NULL;
  int fd = new_memfd (SIZE);
  int read_fd = aioproc_memfd_reopen_readonly (fd, &error);

  g_test_summary ("What cannot be mapped is refused with its size");

  g_assert_no_error (error);
  assert_map_fails (fd, 0, 0, TRUE, G_IO_ERROR_INVALID_ARGUMENT);
  assert_map_fails (fd, 1, 4096, TRUE, G_IO_ERROR_INVALID_ARGUMENT);
  assert_map_fails (fd, (guint64) G_MAXINT64 + 1, 4096, TRUE, G_IO_ERROR_INVALID_ARGUMENT);
  assert_map_fails (fd, 0, G_MAXSIZE / 4, TRUE, G_IO_ERROR_NO_SPACE);
  assert_map_fails (read_fd, 0, SIZE, TRUE, G_IO_ERROR_PERMISSION_DENIED);
  assert_map_fails (-1, 0, SIZE, TRUE, G_IO_ERROR_FAILED);

  seal (fd, F_SEAL_FUTURE_WRITE);
  assert_map_fails (fd, 0, SIZE, TRUE, G_IO_ERROR_PERMISSION_DENIED);

  close (read_fd);
  close (fd);
}

/* The flags that the kernel shows for the mapping at @base. */
static char *
read_flags (gpointer base)
{
  g_autofree char *smaps = NULL;
  g_autofree char *start = g_strdup_printf ("%" G_GINTPTR_MODIFIER "x-", (guintptr) base);
  const char *mapping;
  const char *flags;

  g_assert_true (g_file_get_contents ("/proc/self/smaps", &smaps, NULL, NULL));
  mapping = strstr (smaps, start);
  g_assert_nonnull (mapping);
  flags = strstr (mapping, "VmFlags:");
  g_assert_nonnull (flags);

  return g_strndup (flags, strchr (flags, '\n') - flags);
}

static void
test_map_dump (void)
{
  g_autoptr(GError) error = NULL;
  int fd = new_memfd (MAP_LARGE);
  gpointer large = aioproc_memfd_map (fd, 0, MAP_LARGE, TRUE, &error);
  gpointer small = aioproc_memfd_map (fd, 0, MAP_LARGE / 2, TRUE, &error);
  g_autofree char *large_flags = NULL;
  g_autofree char *small_flags = NULL;

  g_test_summary ("Large mappings stay out of core dumps");

  g_assert_no_error (error);
  large_flags = read_flags (large);
  small_flags = read_flags (small);
  g_assert_nonnull (strstr (large_flags, " dd"));
  g_assert_null (strstr (small_flags, " dd"));

  aioproc_memfd_unmap (large, MAP_LARGE);
  aioproc_memfd_unmap (small, MAP_LARGE / 2);
  close (fd);
}

static void
test_reopen (void)
{
  g_autoptr(GError) error = NULL;
  int fd = new_memfd (SIZE);
  int other = aioproc_memfd_reopen (fd, &error);

  g_test_summary ("A memfd opened again is the same memory, with locks of its own");

  g_assert_no_error (error);
  g_assert_cmpint (other, !=, fd);
  g_assert_cmpint (fcntl (other, F_GETFD) & FD_CLOEXEC, !=, 0);
  g_assert_cmpint (pwrite (other, "x", 1, 17), ==, 1);
  g_assert_cmpint (get_allocated (fd), >, 0);

  g_assert_true (aioproc_ofd_try_lock (fd, 0, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_ofd_is_locked (other, 0));

  close (other);
  close (fd);
}

static void
test_reopen_readonly (void)
{
  g_autoptr(GError) error = NULL;
  int fd = new_memfd (SIZE);
  int other = aioproc_memfd_reopen_readonly (fd, &error);
  char byte;

  g_test_summary ("A read-only copy reads, and does not write");

  g_assert_no_error (error);
  g_assert_cmpint (fcntl (other, F_GETFD) & FD_CLOEXEC, !=, 0);
  g_assert_cmpint (pwrite (fd, "x", 1, 17), ==, 1);
  g_assert_cmpint (pread (other, &byte, 1, 17), ==, 1);
  g_assert_cmpint (byte, ==, 'x');
  g_assert_cmpint (pwrite (other, "x", 1, 17), ==, -1);
  g_assert_cmpint (errno, ==, EBADF);
  g_assert_cmpint (ftruncate (other, 0), ==, -1);

  close (other);
  close (fd);
}

static void
test_reopen_closed (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = NULL;
  int fd = new_memfd (SIZE);

  g_test_summary ("A descriptor that is not open cannot be opened again");

  close (fd);
  path = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_assert_cmpint (aioproc_memfd_reopen (fd, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, path));
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/memfd/new/plain", test_new);
  aioproc_test_add_func ("/aioproc/memfd/new/empty", test_new_empty);
  aioproc_test_add_func ("/aioproc/memfd/new/bad-name", test_new_bad_name);
  aioproc_test_add_func ("/aioproc/memfd/new/too-large", test_new_too_large);
  aioproc_test_add_func ("/aioproc/memfd/new/old-kernel", test_new_old_kernel);
  aioproc_test_add_func ("/aioproc/memfd/new/no-fds", test_new_no_fds);
  aioproc_test_add_data_func ("/aioproc/memfd/file-size-limit/default",
                              GINT_TO_POINTER (XFSZ_DEFAULT), test_file_size_limit);
  aioproc_test_add_data_func ("/aioproc/memfd/file-size-limit/handled",
                              GINT_TO_POINTER (XFSZ_HANDLED), test_file_size_limit);
  aioproc_test_add_data_func ("/aioproc/memfd/file-size-limit/blocked",
                              GINT_TO_POINTER (XFSZ_BLOCKED), test_file_size_limit);
  aioproc_test_add_data_func ("/aioproc/memfd/file-size-limit/pending",
                              GINT_TO_POINTER (XFSZ_PENDING), test_file_size_limit);
  aioproc_test_add_func ("/aioproc/memfd/seal/plain", test_seal);
  aioproc_test_add_func ("/aioproc/memfd/seal/busy", test_seal_busy);
  aioproc_test_add_func ("/aioproc/memfd/check/plain", test_check);
  aioproc_test_add_func ("/aioproc/memfd/check/strangers", test_check_strangers);
  aioproc_test_add_func ("/aioproc/memfd/check/shrinking-peer", test_check_shrinking_peer);
  aioproc_test_add_func ("/aioproc/memfd/reserve/plain", test_reserve);
  aioproc_test_add_func ("/aioproc/memfd/reserve/bad-range", test_reserve_bad_range);
  aioproc_test_add_func ("/aioproc/memfd/reserve/signals", test_reserve_signals);
  aioproc_test_add_func ("/aioproc/memfd/punch/plain", test_punch);
  aioproc_test_add_func ("/aioproc/memfd/map/plain", test_map);
  aioproc_test_add_func ("/aioproc/memfd/map/errors", test_map_errors);
  aioproc_test_add_func ("/aioproc/memfd/map/dump", test_map_dump);
  aioproc_test_add_func ("/aioproc/memfd/reopen/plain", test_reopen);
  aioproc_test_add_func ("/aioproc/memfd/reopen/read-only", test_reopen_readonly);
  aioproc_test_add_func ("/aioproc/memfd/reopen/closed", test_reopen_closed);

  return g_test_run ();
}
