/* test-ofd.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "platform-test.h"
#include "platform/aioproc-memfd-private.h"
#include "platform/aioproc-robust-private.h"

#define CORPSE_SIZE (32 * 1024 * 1024)
#define BYTE        7

/* Words of a page that the test shares with its children. */
enum {
  LOCKED,
  GO,
  N_WORDS,
};

typedef struct {
  int              fd;      /* the test's own description */
  _Atomic guint32 *words;
  gboolean         go_on;   /* what the child does when it is told to */
} Fixture;

static void
fixture_init (Fixture *fixture)
{
  g_autoptr(GError) error = NULL;

  fixture->fd = aioproc_memfd_new ("locks", 4096, &error);
  g_assert_no_error (error);
  fixture->words = platform_test_map_shared (4096);
}

static void
fixture_clear (Fixture *fixture)
{
  platform_test_unmap (fixture->words, 4096);
  close (fixture->fd);
}

static void
set_word (Fixture *fixture,
          guint    index)
{
  /* Release: pairs with the acquire load of platform_test_wait_for_word(). */
  atomic_store_explicit (&fixture->words[index], 1, memory_order_release);
}

static int
reopen (int fd)
{
  g_autoptr(GError) error = NULL;
  int other = aioproc_memfd_reopen (fd, &error);

  g_assert_no_error (error);

  return other;
}

static void
lock (int     fd,
      guint64 offset)
{
  g_autoptr(GError) error = NULL;
  gboolean locked = aioproc_ofd_try_lock (fd, offset, &error);

  g_assert_no_error (error);
  g_assert_true (locked);
}

static void
wait_until_unlocked (int fd)
{
  while (aioproc_ofd_is_locked (fd, BYTE))
    g_thread_yield ();
}

static void
test_plain (void)
{
  g_autoptr(GError) error = NULL;
  Fixture fixture;
  int a;
  int b;

  g_test_summary ("A byte belongs to one open file description, until that is closed");

  fixture_init (&fixture);
  a = reopen (fixture.fd);
  b = reopen (fixture.fd);

  g_assert_false (aioproc_ofd_is_locked (b, BYTE));
  lock (a, BYTE);
  lock (a, BYTE);
  g_assert_true (aioproc_ofd_is_locked (b, BYTE));
  g_assert_false (aioproc_ofd_is_locked (a, BYTE));
  g_assert_false (aioproc_ofd_try_lock (b, BYTE, &error));
  g_assert_no_error (error);

  g_assert_false (aioproc_ofd_is_locked (b, BYTE - 1));
  g_assert_false (aioproc_ofd_is_locked (b, BYTE + 1));
  lock (b, BYTE + 1);
  lock (b, G_MAXINT64);
  g_assert_true (aioproc_ofd_is_locked (a, G_MAXINT64));

  close (a);
  g_assert_false (aioproc_ofd_is_locked (b, BYTE));
  lock (b, BYTE);

  close (b);
  fixture_clear (&fixture);
}

static void
test_errors (void)
{
  g_autoptr(GError) error = NULL;
  Fixture fixture;
  int read_fd;

  g_test_summary ("What cannot be locked is an error, and what cannot be asked counts as locked");

  fixture_init (&fixture);
  read_fd = aioproc_memfd_reopen_readonly (fixture.fd, &error);
  g_assert_no_error (error);

  g_assert_false (aioproc_ofd_try_lock (read_fd, BYTE, &error));
  g_assert_nonnull (error);
  g_assert_nonnull (strstr (error->message, "byte 7 "));
  g_clear_error (&error);
  g_assert_false (aioproc_ofd_is_locked (read_fd, BYTE));

  g_assert_false (aioproc_ofd_try_lock (-1, BYTE, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);

  g_assert_false (aioproc_ofd_try_lock (fixture.fd, G_MAXUINT64, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);

  errno = EDOM;
  g_assert_true (aioproc_ofd_is_locked (-1, BYTE));
  g_assert_cmpint (errno, ==, EDOM);

  close (read_fd);
  fixture_clear (&fixture);
}

static gpointer
outlive_main_thread (gpointer user_data)
{
  _Atomic guint32 *words = user_data;

  platform_test_wait_for_word (&words[GO], 1);
  _exit (0);

  return NULL;
}

static int
lose_main_thread (gpointer user_data)
{
  Fixture *fixture = user_data;

  lock (reopen (fixture->fd), BYTE);
  g_thread_unref (g_thread_new ("last", outlive_main_thread, fixture->words));
  set_word (fixture, LOCKED);
  pthread_exit (NULL);
}

static void
test_last_thread (void)
{
  Fixture fixture;
  pid_t pid;

  g_test_summary ("A byte stays locked until the last thread of a process has ended");

  fixture_init (&fixture);
  pid = platform_test_fork (lose_main_thread, &fixture);
  platform_test_wait_for_word (&fixture.words[LOCKED], 1);

  platform_test_wait_for_state (pid, pid, 'Z');
  g_assert_true (aioproc_ofd_is_locked (fixture.fd, BYTE));

  set_word (&fixture, GO);
  wait_until_unlocked (fixture.fd);

  platform_test_wait_success (pid);
  fixture_clear (&fixture);
}

static int
lock_and_pause (gpointer user_data)
{
  Fixture *fixture = user_data;

  lock (reopen (fixture->fd), BYTE);
  set_word (fixture, LOCKED);

  for (;;)
    pause ();

  return 0;
}

static void
test_zombie (void)
{
  Fixture fixture;
  pid_t pid;

  g_test_summary ("A dead process holds nothing, even if nobody reaps it");

  fixture_init (&fixture);
  pid = platform_test_fork (lock_and_pause, &fixture);
  platform_test_wait_for_word (&fixture.words[LOCKED], 1);

  g_assert_no_errno (kill (pid, SIGSTOP));
  platform_test_wait_for_state (pid, pid, 'T');
  g_assert_true (aioproc_ofd_is_locked (fixture.fd, BYTE));

  g_assert_no_errno (kill (pid, SIGKILL));
  wait_until_unlocked (fixture.fd);

  platform_test_wait (pid);
  fixture_clear (&fixture);
}

static int
lock_and_exec (gpointer user_data)
{
  Fixture *fixture = user_data;

  lock (reopen (fixture->fd), BYTE);
  set_word (fixture, LOCKED);
  platform_test_wait_for_word (&fixture->words[GO], 1);
  execl ("/bin/cat", "cat", NULL);

  return 127;
}

static void
test_exec (void)
{
  Fixture fixture;
  int fds[2];
  int old_stdin;
  pid_t pid;

  g_test_summary ("A new program in the same process holds nothing");

  fixture_init (&fixture);
  g_assert_no_errno (pipe2 (fds, O_CLOEXEC));
  old_stdin = fcntl (STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
  g_assert_cmpint (dup2 (fds[0], STDIN_FILENO), ==, STDIN_FILENO);
  pid = platform_test_fork (lock_and_exec, &fixture);
  g_assert_cmpint (dup2 (old_stdin, STDIN_FILENO), ==, STDIN_FILENO);
  close (old_stdin);
  close (fds[0]);

  platform_test_wait_for_word (&fixture.words[LOCKED], 1);
  g_assert_true (aioproc_ofd_is_locked (fixture.fd, BYTE));

  set_word (&fixture, GO);
  wait_until_unlocked (fixture.fd);
  g_assert_cmpint (waitpid (pid, NULL, WNOHANG), ==, 0);

  close (fds[1]);
  platform_test_wait_success (pid);
  fixture_clear (&fixture);
}

/* Locks, and forks a child that tells its id, and keeps its copy of the description or not. */
static int
lock_and_fork (gpointer user_data)
{
  Fixture *fixture = user_data;
  int fd = reopen (fixture->fd);
  pid_t parent = getpid ();
  pid_t pid;

  lock (fd, BYTE);
  pid = fork ();

  if (pid == 0)
    {
      if (!fixture->go_on)
        close (fd);

      set_word (fixture, LOCKED);
      platform_test_wait_for_word (&fixture->words[GO], 1);
      _exit (0);
    }

  g_assert_cmpint (parent, ==, getpid ());

  for (;;)
    pause ();

  return 0;
}

static void
test_fork (gconstpointer user_data)
{
  gboolean keeps = GPOINTER_TO_INT (user_data);
  Fixture fixture;
  pid_t pid;

  g_test_summary ("A forked child holds its parent's byte exactly as long as it keeps the copy");

  fixture_init (&fixture);
  fixture.go_on = keeps;
  pid = platform_test_fork (lock_and_fork, &fixture);
  platform_test_wait_for_word (&fixture.words[LOCKED], 1);

  /* The child has closed its copy, or not: its parent holds the byte. */
  g_assert_true (aioproc_ofd_is_locked (fixture.fd, BYTE));

  g_assert_no_errno (kill (pid, SIGKILL));
  platform_test_wait (pid);

  /* The child lives. */
  g_assert_cmpint (aioproc_ofd_is_locked (fixture.fd, BYTE), ==, keeps);

  set_word (&fixture, GO);
  wait_until_unlocked (fixture.fd);
  fixture_clear (&fixture);
}

typedef struct {
  Fixture *fixture;
  int      source;
  char    *target;   /* shared, of CORPSE_SIZE */
} Corpse;

static gpointer
read_for_long (gpointer user_data)
{
  const Corpse *corpse = user_data;

  /* A killed thread still finishes what the kernel copies on its behalf. */
  for (;;)
    {
      if (pread (corpse->source, corpse->target, CORPSE_SIZE, 0) != CORPSE_SIZE)
        _exit (1);
    }

  return NULL;
}

static int
become_corpse (gpointer user_data)
{
  Corpse *corpse = user_data;

  lock (reopen (corpse->fixture->fd), BYTE);
  g_thread_unref (g_thread_new ("reader", read_for_long, corpse));
  set_word (corpse->fixture, LOCKED);

  for (;;)
    pause ();

  return 0;
}

static void
test_corpse (void)
{
  enum { N_ROUNDS = 8 };
  g_autoptr(GError) error = NULL;
  int source = aioproc_memfd_new ("source", CORPSE_SIZE, &error);
  char *target = platform_test_map_shared (CORPSE_SIZE);
  char *content;

  g_test_summary ("Once the byte is free, the dead process does not write to memory anymore");

  g_assert_no_error (error);
  content = aioproc_memfd_map (source, 0, CORPSE_SIZE, TRUE, &error);
  g_assert_no_error (error);
  memset (content, 'x', CORPSE_SIZE);

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      Fixture fixture;
      Corpse corpse = { &fixture, source, target };
      pid_t pid;

      fixture_init (&fixture);
      pid = platform_test_fork (become_corpse, &corpse);
      platform_test_wait_for_word (&fixture.words[LOCKED], 1);

      /* Kill it somewhere inside a copy. */
      memset (target, 0, CORPSE_SIZE);
      while (((_Atomic char *) target)[i * 4096] == 0)
        g_thread_yield ();

      g_assert_no_errno (kill (pid, SIGKILL));
      wait_until_unlocked (fixture.fd);

      memset (target, 0, CORPSE_SIZE);
      platform_test_wait (pid);
      for (guint j = 0; j < CORPSE_SIZE; j += 64)
        {
          if (target[j] != 0)
            g_error ("The corpse wrote to byte %u", j);
        }

      fixture_clear (&fixture);
    }

  aioproc_memfd_unmap (content, CORPSE_SIZE);
  platform_test_unmap (target, CORPSE_SIZE);
  close (source);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/ofd/plain", test_plain);
  aioproc_test_add_func ("/aioproc/ofd/errors", test_errors);
  aioproc_test_add_func ("/aioproc/ofd/last-thread", test_last_thread);
  aioproc_test_add_func ("/aioproc/ofd/zombie", test_zombie);
  aioproc_test_add_func ("/aioproc/ofd/exec", test_exec);
  aioproc_test_add_data_func ("/aioproc/ofd/fork/closes", GINT_TO_POINTER (FALSE), test_fork);
  aioproc_test_add_data_func ("/aioproc/ofd/fork/keeps", GINT_TO_POINTER (TRUE), test_fork);
  aioproc_test_add_func ("/aioproc/ofd/corpse", test_corpse);

  return g_test_run ();
}
