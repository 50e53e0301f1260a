/* test-spawn.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "platform-test.h"
#include "platform/aioproc-memfd-private.h"
#include "platform/aioproc-pidfd-private.h"
#include "platform/aioproc-spawn-private.h"

#ifndef SYS_pidfd_open
# define SYS_pidfd_open 434
#endif

/* What the helper reports of itself. */
typedef struct {
  GHashTable *fds;        /* (element-type int guint64): inode by descriptor */
  guint64     blocked;
  guint64     ignored;
  GPtrArray  *args;       /* (element-type utf8) */
  GPtrArray  *variables;  /* (element-type utf8) */
} Report;

static void
report_free (Report *report)
{
  g_hash_table_unref (report->fds);
  g_ptr_array_unref (report->args);
  g_ptr_array_unref (report->variables);
  g_free (report);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Report, report_free)

static Report *
read_report (int fd)
{
  Report *report = g_new0 (Report, 1);
  g_autoptr(GString) text = g_string_new (NULL);
  g_auto(GStrv) lines = NULL;
  char buffer[4096];
  gssize n_read;

  while ((n_read = read (fd, buffer, sizeof buffer)) > 0)
    g_string_append_len (text, buffer, n_read);
  g_assert_cmpint (n_read, ==, 0);

  report->fds = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  report->args = g_ptr_array_new_with_free_func (g_free);
  report->variables = g_ptr_array_new_with_free_func (g_free);
  lines = g_strsplit (text->str, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    {
      if (g_str_has_prefix (lines[i], "fd "))
        {
          char *inode;
          int number = (int) g_ascii_strtoll (lines[i] + 3, &inode, 10);
          guint64 value = g_ascii_strtoull (inode, NULL, 10);

          g_hash_table_insert (report->fds, GINT_TO_POINTER (number),
                               g_memdup2 (&value, sizeof value));
        }
      else if (g_str_has_prefix (lines[i], "SigBlk "))
        report->blocked = g_ascii_strtoull (lines[i] + 7, NULL, 16);
      else if (g_str_has_prefix (lines[i], "SigIgn "))
        report->ignored = g_ascii_strtoull (lines[i] + 7, NULL, 16);
      else if (g_str_has_prefix (lines[i], "arg "))
        g_ptr_array_add (report->args, g_strdup (lines[i] + 4));
      else if (g_str_has_prefix (lines[i], "env "))
        g_ptr_array_add (report->variables, g_strdup (lines[i] + 4));
    }

  return report;
}

/* A memfd: an inode that is told from all others. */
static int
make_fd (void)
{
  g_autoptr(GError) error = NULL;
  int fd = aioproc_memfd_new ("passed", 0, &error);

  g_assert_no_error (error);

  return fd;
}

static int
make_fd_at (int number)
{
  int fd = make_fd ();

  g_assert_cmpint (fcntl (number, F_GETFD), ==, -1);
  g_assert_cmpint (dup3 (fd, number, O_CLOEXEC), ==, number);
  close (fd);

  return number;
}

/* Where standard streams are closed, it does not take their place. */
static void
make_pipe (int fds[2])
{
  g_assert_no_errno (pipe2 (fds, O_CLOEXEC));

  for (guint i = 0; i < 2; i++)
    {
      int fd = fcntl (fds[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

      g_assert_cmpint (fd, >, STDERR_FILENO);
      close (fds[i]);
      fds[i] = fd;
    }
}

static guint64
get_inode (int fd)
{
  struct stat stat_buffer;

  g_assert_no_errno (fstat (fd, &stat_buffer));

  return stat_buffer.st_ino;
}

static void
assert_reports (const Report *report,
                int           fd,
                guint64       inode)
{
  const guint64 *found = g_hash_table_lookup (report->fds, GINT_TO_POINTER (fd));

  g_assert_nonnull (found);
  g_assert_cmpuint (*found, ==, inode);
}

/* Starts the helper with @fds, and its report on @report_target. The helper ends with 42. */
static Report *
spawn_and_report (const AioprocSpawnFd *fds,
                  guint                 n_fds,
                  int                   report_target)
{
  g_autofree char *path = aioproc_test_build_helper_path ("aioproc-test-spawn-child");
  g_autofree char *report_variable = g_strdup_printf ("REPORT_FD=%d", report_target);
  g_autofree char *library_variable = g_strdup_printf ("LD_LIBRARY_PATH=%s",
                                                       g_getenv ("LD_LIBRARY_PATH"));
  const char * const argv[] = { "a name", "", "two words", NULL };
  const char * const envp[] = { report_variable, library_variable, "EXIT_CODE=42", NULL };
  g_autofree AioprocSpawnFd *all_fds = g_new (AioprocSpawnFd, n_fds + 1);
  g_autoptr(GError) error = NULL;
  Report *report;
  gboolean spawned;
  guint n_open;
  int pipe_fds[2];
  int status = -1;
  int pidfd;
  pid_t pid;

  make_pipe (pipe_fds);

  if (n_fds > 0)
    memcpy (all_fds, fds, n_fds * sizeof *fds);
  all_fds[n_fds] = (AioprocSpawnFd) { pipe_fds[1], report_target };
  n_open = aioproc_test_count_fds ();

  spawned = aioproc_spawn (path, argv, envp, all_fds, n_fds + 1, &pid, &pidfd, &error);
  g_assert_no_error (error);
  g_assert_true (spawned);
  g_assert_cmpint (pid, >, 0);
  g_assert_cmpint (pidfd, >, STDERR_FILENO);
  g_assert_cmpint (fcntl (pidfd, F_GETFD) & FD_CLOEXEC, !=, 0);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_open + 1);

  close (pipe_fds[1]);
  report = read_report (pipe_fds[0]);
  close (pipe_fds[0]);

  g_assert_true (aioproc_pidfd_reap (pidfd, TRUE, &status, &error));
  g_assert_no_error (error);
  g_assert_cmphex (status, ==, 42 << 8);
  close (pidfd);

  g_assert_cmpuint (report->args->len, ==, 3);
  g_assert_cmpstr (report->args->pdata[0], ==, "a name");
  g_assert_cmpstr (report->args->pdata[1], ==, "");
  g_assert_cmpstr (report->args->pdata[2], ==, "two words");
  g_assert_cmpuint (report->variables->len, ==, 3);
  g_assert_cmpstr (report->variables->pdata[2], ==, "EXIT_CODE=42");

  return report;
}

static void
test_plain (void)
{
  g_autoptr(Report) report = NULL;

  g_test_summary ("A child has the standard streams, its arguments, its environment, no more");

  report = spawn_and_report (NULL, 0, 3);
  g_assert_cmpuint (g_hash_table_size (report->fds), ==, 3);

  for (int fd = 0; fd < 3; fd++)
    assert_reports (report, fd, get_inode (fd));
}

static void
test_fds (void)
{
  AioprocSpawnFd fds[4];
  guint64 inodes[4];
  g_autoptr(Report) report = NULL;
  int leak;

  g_test_summary ("A child has the descriptors on the list, where they should be, and no other");

  /* Inheritable by exec: must not arrive all the same. */
  leak = fcntl (STDERR_FILENO, F_DUPFD, 100);
  g_assert_cmpint (leak, >=, 100);

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      fds[i].source = make_fd ();
      fds[i].target = 4 + 3 * (int) i;
      inodes[i] = get_inode (fds[i].source);
    }

  report = spawn_and_report (fds, G_N_ELEMENTS (fds), 3);
  g_assert_cmpuint (g_hash_table_size (report->fds), ==, 3 + G_N_ELEMENTS (fds));

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      assert_reports (report, fds[i].target, inodes[i]);
      g_assert_cmpuint (get_inode (fds[i].source), ==, inodes[i]);
      close (fds[i].source);
    }

  close (leak);
}

static void
test_fds_swapped (void)
{
  const int numbers[] = { 30, 31, 32, 33 };
  const AioprocSpawnFd fds[] = {
    { 30, 31 }, { 31, 32 }, { 32, 30 },  /* in a circle */
    { 33, 33 },                          /* itself */
    { 33, 34 },                          /* twice */
  };
  guint64 inodes[4];
  g_autoptr(Report) report = NULL;

  g_test_summary ("Descriptors may trade places, stay where they are, and be passed twice");

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    inodes[i] = get_inode (make_fd_at (numbers[i]));

  report = spawn_and_report (fds, G_N_ELEMENTS (fds), 40);
  g_assert_cmpuint (g_hash_table_size (report->fds), ==, 3 + G_N_ELEMENTS (fds));
  assert_reports (report, 31, inodes[0]);
  assert_reports (report, 32, inodes[1]);
  assert_reports (report, 30, inodes[2]);
  assert_reports (report, 33, inodes[3]);
  assert_reports (report, 34, inodes[3]);

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      g_assert_cmpuint (get_inode (numbers[i]), ==, inodes[i]);
      g_assert_cmpint (fcntl (numbers[i], F_GETFD) & FD_CLOEXEC, !=, 0);
      close (numbers[i]);
    }
}

static void
test_fds_standard (void)
{
  int fd = make_fd ();
  const AioprocSpawnFd fds[] = { { fd, STDIN_FILENO }, { STDIN_FILENO, 5 } };
  guint64 inode = get_inode (fd);
  g_autoptr(Report) report = NULL;

  g_test_summary ("A standard stream can be replaced, and passed elsewhere");

  report = spawn_and_report (fds, G_N_ELEMENTS (fds), 3);
  g_assert_cmpuint (g_hash_table_size (report->fds), ==, 4);
  assert_reports (report, STDIN_FILENO, inode);
  assert_reports (report, STDOUT_FILENO, get_inode (STDOUT_FILENO));
  assert_reports (report, STDERR_FILENO, get_inode (STDERR_FILENO));
  assert_reports (report, 5, get_inode (STDIN_FILENO));

  close (fd);
}

static int
spawn_without_streams (gpointer user_data)
{
  g_autoptr(Report) report = NULL;
  int null_fd = open ("/dev/null", O_RDWR | O_CLOEXEC);
  guint64 null_inode = get_inode (null_fd);

  close (STDIN_FILENO);
  close (STDOUT_FILENO);

  /* What is not for children is no stream of theirs either. */
  g_assert_cmpint (eventfd (0, EFD_CLOEXEC), ==, STDIN_FILENO);

  report = spawn_and_report (NULL, 0, 3);
  g_assert_cmpuint (g_hash_table_size (report->fds), ==, 3);
  assert_reports (report, STDIN_FILENO, null_inode);
  assert_reports (report, STDOUT_FILENO, null_inode);
  assert_reports (report, STDERR_FILENO, get_inode (STDERR_FILENO));

  return 0;
}

static void
test_fds_no_streams (void)
{
  g_test_summary ("A child always has three standard streams");

  platform_test_wait_success (platform_test_fork (spawn_without_streams, NULL));
}

static int
spawn_with_hostile_signals (gpointer user_data)
{
  g_autoptr(Report) report = NULL;
  sigset_t all;

  for (int signum = 1; signum < NSIG; signum++)
    {
      if (signum != SIGCHLD)
        signal (signum, SIG_IGN);
    }

  sigfillset (&all);
  sigprocmask (SIG_BLOCK, &all, NULL);

  report = spawn_and_report (NULL, 0, 3);
  g_assert_cmphex (report->blocked, ==, 0);
  g_assert_cmphex (report->ignored, ==, 0);

  /* This process's own are as they were. */
  sigprocmask (SIG_BLOCK, NULL, &all);
  g_assert_cmpint (sigismember (&all, SIGTERM), ==, 1);
  g_assert_true (signal (SIGTERM, SIG_DFL) == SIG_IGN);

  return 0;
}

static void
test_signals (void)
{
  g_autoptr(Report) report = NULL;

  g_test_summary ("A child has no signal blocked or ignored, whatever its parent has");

  report = spawn_and_report (NULL, 0, 3);
  g_assert_cmphex (report->blocked, ==, 0);
  g_assert_cmphex (report->ignored, ==, 0);

  platform_test_wait_success (platform_test_fork (spawn_with_hostile_signals, NULL));
}

static void
check_error (const char           *path,
             const AioprocSpawnFd *fds,
             guint                 n_fds,
             int                   code)
{
  const char * const argv[] = { "name", NULL };
  const char * const envp[] = { NULL };
  g_autofree char *quoted = g_strdup_printf ("“%s”", path);
  g_autoptr(GError) error = NULL;
  guint n_open = aioproc_test_count_fds ();
  pid_t pid = 1;
  int pidfd = 1;

  g_assert_false (aioproc_spawn (path, argv, envp, fds, n_fds, &pid, &pidfd, &error));
  g_assert_error (error, G_IO_ERROR, code);
  g_assert_nonnull (strstr (error->message, quoted));
  g_assert_cmpint (pid, ==, -1);
  g_assert_cmpint (pidfd, ==, -1);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_open);

  /* No zombie either. */
  g_assert_cmpint (waitpid (-1, NULL, WNOHANG), ==, -1);
  g_assert_cmpint (errno, ==, ECHILD);
}

static void
test_errors (void)
{
  g_autofree char *folder = g_dir_make_tmp ("aioproc-XXXXXX", NULL);
  g_autofree char *plain = g_build_filename (folder, "plain", NULL);
  g_autofree char *broken = g_build_filename (folder, "broken", NULL);
  g_autofree char *script = g_build_filename (folder, "script", NULL);
  g_autofree char *below = g_build_filename (plain, "below", NULL);
  const AioprocSpawnFd closed = { 99, 3 };

  g_test_summary ("What cannot be started is named, and nothing is left behind");

  g_assert_true (g_file_set_contents (plain, "x", 1, NULL));
  g_assert_true (g_file_set_contents (broken, "x", 1, NULL));
  g_assert_no_errno (chmod (broken, 0700));
  g_assert_true (g_file_set_contents (script, "#!/nowhere/at-all\n", -1, NULL));
  g_assert_no_errno (chmod (script, 0700));

  check_error ("/nowhere/at-all", NULL, 0, G_IO_ERROR_NOT_FOUND);
  check_error ("", NULL, 0, G_IO_ERROR_NOT_FOUND);
  check_error ("sh", NULL, 0, G_IO_ERROR_NOT_FOUND);
  check_error (plain, NULL, 0, G_IO_ERROR_PERMISSION_DENIED);
  check_error (folder, NULL, 0, G_IO_ERROR_PERMISSION_DENIED);
  check_error (below, NULL, 0, G_IO_ERROR_NOT_DIRECTORY);
  check_error (broken, NULL, 0, G_IO_ERROR_FAILED);
  check_error (script, NULL, 0, G_IO_ERROR_NOT_FOUND);
  check_error ("/bin/true", &closed, 1, G_IO_ERROR_FAILED);

  g_assert_no_errno (unlink (plain));
  g_assert_no_errno (unlink (broken));
  g_assert_no_errno (unlink (script));
  g_assert_no_errno (rmdir (folder));
}

static int
spawn_with_few_fds (gpointer user_data)
{
  const char * const argv[] = { "true", NULL };
  const char * const envp[] = { NULL };
  const int a = dup (STDERR_FILENO);
  const int b = dup (STDERR_FILENO);
  const AioprocSpawnFd fds[] = { { a, b }, { b, a } };
  guint n_free = GPOINTER_TO_UINT (user_data);
  g_autoptr(GError) error = NULL;
  gboolean spawned;
  int status = -1;
  pid_t pid;
  int pidfd;

  platform_test_leave_fds (n_free);
  spawned = aioproc_spawn ("/bin/true", argv, envp, fds, G_N_ELEMENTS (fds), &pid, &pidfd,
                           &error);

  /* The pidfd and one copy for each source that is a target, too. */
  if (n_free >= 1 + G_N_ELEMENTS (fds))
    {
      g_assert_no_error (error);
      g_assert_true (spawned);
      g_assert_true (aioproc_pidfd_reap (pidfd, TRUE, &status, &error));
      g_assert_no_error (error);
      g_assert_cmpint (status, ==, 0);
      return 0;
    }

  g_assert_false (spawned);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  g_assert_nonnull (strstr (error->message, "“/bin/true”"));
  g_assert_cmpint (waitpid (-1, NULL, WNOHANG), ==, -1);

  for (guint i = 0; i < n_free; i++)
    g_assert_cmpint (dup (STDERR_FILENO), >=, 0);

  return 0;
}

static void
test_no_fds (void)
{
  g_test_summary ("A process out of descriptors starts nothing, and leaks nothing");

  for (guint n_free = 0; n_free < 5; n_free++)
    platform_test_wait_success (platform_test_fork (spawn_with_few_fds,
                                                    GUINT_TO_POINTER (n_free)));
}

static int
spawn_without_pidfds (gpointer user_data)
{
  if (platform_test_deny_syscall (SYS_pidfd_open, ENOSYS))
    check_error ("/bin/true", NULL, 0, G_IO_ERROR_NOT_SUPPORTED);

  return 0;
}

static void
test_no_pidfds (void)
{
  g_test_summary ("Where a child could not be watched, none is started");

  platform_test_wait_success (platform_test_fork (spawn_without_pidfds, NULL));
}

static int
spawn_without_processes (gpointer user_data)
{
  const char * const argv[] = { "true", NULL };
  const char * const envp[] = { NULL };
  const struct rlimit limit = { 1, 1 };
  g_autoptr(GError) error = NULL;
  pid_t pid;
  int pidfd;

  /* The limit does not bind root. */
  if (setresuid (65533, 65533, 65533) != 0 && geteuid () == 0)
    return 1;

  g_assert_no_errno (setrlimit (RLIMIT_NPROC, &limit));
  g_assert_false (aioproc_spawn ("/bin/true", argv, envp, NULL, 0, &pid, &pidfd, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_assert_nonnull (strstr (error->message, "“/bin/true”"));

  return 0;
}

static void
test_no_processes (void)
{
  g_test_summary ("A user who may have no more processes gets an error");

  platform_test_wait_success (platform_test_fork (spawn_without_processes, NULL));
}

static int
spawn_with_children_ignored (gpointer user_data)
{
  const char * const argv[] = { "true", NULL };
  const char * const envp[] = { NULL };

  signal (SIGCHLD, SIG_IGN);

  for (guint i = 0; i < 50; i++)
    {
      g_autoptr(GError) error = NULL;
      pid_t pid;
      int pidfd;

      /* It may be gone before there is a pidfd: then, that is what the error says. */
      if (aioproc_spawn ("/bin/true", argv, envp, NULL, 0, &pid, &pidfd, &error))
        {
          g_assert_no_error (error);
          close (pidfd);
        }
      else
        {
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
          g_assert_cmpint (pidfd, ==, -1);
        }
    }

  return 0;
}

static void
test_children_ignored (void)
{
  g_test_summary ("With SIGCHLD ignored, a child can be watched, or is known to have ended");

  platform_test_wait_success (platform_test_fork (spawn_with_children_ignored, NULL));
}

static void
test_many (void)
{
  const char * const argv[] = { "true", NULL };
  const char * const envp[] = { NULL };
  guint n_open = aioproc_test_count_fds ();

  g_test_summary ("Many starts leave no descriptor and no zombie");

  for (guint i = 0; i < 200; i++)
    {
      g_autoptr(GError) error = NULL;
      int status = -1;
      pid_t pid;
      int pidfd;

      g_assert_true (aioproc_spawn ("/bin/true", argv, envp, NULL, 0, &pid, &pidfd, &error));
      g_assert_no_error (error);
      g_assert_true (aioproc_pidfd_reap (pidfd, TRUE, &status, &error));
      g_assert_no_error (error);
      g_assert_cmpint (status, ==, 0);
      close (pidfd);
    }

  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_open);
  g_assert_cmpint (waitpid (-1, NULL, WNOHANG), ==, -1);
}

static void
test_same_target (void)
{
  g_test_summary ("Two descriptors in one place are a mistake of the caller");

  if (g_test_subprocess ())
    {
      const char * const argv[] = { "true", NULL };
      const char * const envp[] = { NULL };
      const AioprocSpawnFd fds[] = { { 0, 3 }, { 1, 3 } };
      pid_t pid;
      int pidfd;

      aioproc_spawn ("/bin/true", argv, envp, fds, G_N_ELEMENTS (fds), &pid, &pidfd, NULL);
      return;
    }

  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*has_target*");
}

static gpointer
wait_for_gate (gpointer user_data)
{
  platform_test_wait_for_word (user_data, 1);

  return NULL;
}

static void
test_count_threads (void)
{
  static _Atomic guint32 gates[2];
  GThread *first;
  GThread *threads[3];
  int n_threads;

  g_test_summary ("Threads are counted, as the kernel counts them");

  /* With the first one come threads of GLib's or of a sanitizer's, if any. */
  first = g_thread_new ("first", wait_for_gate, (gpointer) &gates[0]);
  n_threads = aioproc_process_count_threads ();
  g_assert_cmpint (n_threads, ==, (int) aioproc_test_count_threads ());
  g_assert_cmpint (n_threads, >=, 2);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("counted", wait_for_gate, (gpointer) &gates[1]);

  g_assert_cmpint (aioproc_process_count_threads (), ==, n_threads + 3);

  /* Release: pairs with the acquire load of the threads. */
  atomic_store_explicit (&gates[1], 1, memory_order_release);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);

  /* The kernel lets a joined thread go a moment later. */
  while (aioproc_process_count_threads () != n_threads)
    g_thread_yield ();

  atomic_store_explicit (&gates[0], 1, memory_order_release);
  g_thread_join (first);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/spawn/plain", test_plain);
  aioproc_test_add_func ("/aioproc/spawn/fds/plain", test_fds);
  aioproc_test_add_func ("/aioproc/spawn/fds/swapped", test_fds_swapped);
  aioproc_test_add_func ("/aioproc/spawn/fds/standard", test_fds_standard);
  aioproc_test_add_func ("/aioproc/spawn/fds/no-streams", test_fds_no_streams);
  aioproc_test_add_func ("/aioproc/spawn/fds/same-target", test_same_target);
  aioproc_test_add_func ("/aioproc/spawn/signals", test_signals);
  aioproc_test_add_func ("/aioproc/spawn/errors", test_errors);
  aioproc_test_add_func ("/aioproc/spawn/no-fds", test_no_fds);
  aioproc_test_add_func ("/aioproc/spawn/no-pidfds", test_no_pidfds);
  aioproc_test_add_func ("/aioproc/spawn/no-processes", test_no_processes);
  aioproc_test_add_func ("/aioproc/spawn/children-ignored", test_children_ignored);
  aioproc_test_add_func ("/aioproc/spawn/many", test_many);
  aioproc_test_add_func ("/aioproc/spawn/count-threads", test_count_threads);

  return g_test_run ();
}
