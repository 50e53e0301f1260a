/* test-segment.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "core-test.h"
#include "core/aioproc-segment-private.h"
#include "platform/aioproc-fds-private.h"
#include "platform/aioproc-memfd-private.h"

#define SIZE (1024 * 1024)

static AioprocSegment *
new_segment (gsize     size,
             gboolean *used)
{
  g_autoptr(GError) error = NULL;
  AioprocSegment *segment = aioproc_segment_new ("test", size, used, &error);

  g_assert_no_error (error);

  return segment;
}

static int
open_segment (AioprocSegment *segment)
{
  g_autoptr(GError) error = NULL;
  int fd = aioproc_segment_open (segment, &error);

  g_assert_no_error (error);

  return fd;
}

/* Whether the next one of the size is an old one, with its content. */
static gboolean
is_used_again (void)
{
  gboolean used;
  AioprocSegment *segment = new_segment (SIZE, &used);
  const guint8 *base = aioproc_segment_get_base (segment);

  if (!used)
    {
      for (gsize i = 0; i < SIZE; i++)
        g_assert_cmpuint (base[i], ==, 0);
    }

  aioproc_segment_unref (segment);
  aioproc_segment_trim ();

  return used;
}

/* One with a content. */
static AioprocSegment *
new_full (void)
{
  gboolean used;
  AioprocSegment *segment;

  aioproc_segment_trim ();
  segment = new_segment (SIZE, &used);
  g_assert_false (used);
  memset (aioproc_segment_get_base (segment), 7, SIZE);

  return segment;
}

static gboolean
can_tell (void)
{
  g_autoptr(GError) error = NULL;
  int fd = aioproc_memfd_new ("probe", 4096, &error);
  int other = aioproc_memfd_reopen (fd, &error);
  gboolean sole;

  g_assert_no_error (error);
  close (fd);
  sole = aioproc_memfd_is_sole (other);
  close (other);

  if (!sole)
    g_test_skip ("This kernel grants no leases");

  return sole;
}

static void
test_again (void)
{
  AioprocSegment *segment;
  AioprocSegment *same;
  gpointer base;
  gboolean used;

  g_test_summary ("What nobody needs any more is used again, where it lies");

  if (!can_tell ())
    return;

  segment = new_full ();
  base = aioproc_segment_get_base (segment);
  g_assert_cmpuint (aioproc_segment_get_size (segment), ==, SIZE);
  aioproc_segment_unref (aioproc_segment_ref (segment));
  g_assert_cmpuint (aioproc_segment_get_idle (), ==, 0);
  aioproc_segment_unref (segment);
  g_assert_cmpuint (aioproc_segment_get_idle (), ==, SIZE);

  same = new_segment (SIZE - 5, &used);
  g_assert_true (used);
  g_assert_true (aioproc_segment_get_base (same) == base);
  g_assert_cmpuint (((guint8 *) base)[SIZE - 1], ==, 7);
  g_assert_cmpuint (aioproc_segment_get_idle (), ==, 0);
  aioproc_segment_unref (same);

  /* Of another size. */
  segment = new_segment (2 * SIZE, &used);
  g_assert_false (used);
  aioproc_segment_unref (segment);
  aioproc_segment_trim ();
  g_assert_cmpuint (aioproc_segment_get_idle (), ==, 0);
}

static void
test_receivers (void)
{
  gpointer mapping;
  int fds[2];
  int fd;
  gsize n_done;
  guint n_fds;
  g_autoptr(GError) error = NULL;

  g_test_summary ("What somebody has open, mapped or in flight is never used again");

  if (!can_tell ())
    return;

  for (guint i = 0; i < 4; i++)
    {
      AioprocSegment *segment = new_full ();

      fd = open_segment (segment);
      mapping = i == 1 ? aioproc_memfd_map (fd, 0, SIZE, FALSE, &error) : NULL;
      g_assert_no_error (error);

      /* 0: it is open. */
      if (i == 1)
        {
          close (fd);
        }
      else if (i == 2)
        {
          aioproc_fds_socketpair (SOCK_STREAM, fds, &error);
          g_assert_no_error (error);
          aioproc_fds_send (fds[0], "x", 1, &fd, 1, FALSE, &n_done, &error);
          g_assert_no_error (error);
          close (fd);
        }
      else if (i == 3)
        {
          /* Passed on as the same description. */
          int copy = aioproc_fds_dup (fd, &error);

          g_assert_no_error (error);
          close (fd);
          fd = copy;
        }

      aioproc_segment_unref (segment);
      g_assert_cmpuint (aioproc_segment_get_idle (), ==, 0);
      g_assert_false (is_used_again ());

      if (i == 1)
        {
          g_assert_cmpuint (*(guint8 *) mapping, ==, 7);
          aioproc_memfd_unmap (mapping, SIZE);
        }
      else if (i == 2)
        {
          char byte;

          aioproc_fds_receive (fds[1], &byte, 1, &fd, 1, &n_fds, FALSE, &n_done, &error);
          g_assert_no_error (error);
          close (fds[0]);
          close (fds[1]);
        }

      if (i != 1)
        {
          guint8 byte;

          g_assert_cmpint (pread (fd, &byte, 1, SIZE - 1), ==, 1);
          g_assert_cmpuint (byte, ==, 7);
          close (fd);
        }
    }
}

static void
test_returned (void)
{
  AioprocSegment *segment;
  gpointer mapping;
  int fd;

  g_test_summary ("What all receivers have let go of is used again");

  if (!can_tell ())
    return;

  segment = new_full ();
  fd = open_segment (segment);
  mapping = aioproc_memfd_map (fd, 0, SIZE, TRUE, NULL);
  close (fd);
  aioproc_memfd_unmap (mapping, SIZE);
  aioproc_segment_unref (segment);
  g_assert_cmpuint (aioproc_segment_get_idle (), ==, SIZE);
  g_assert_true (is_used_again ());
}

static void
test_process (void)
{
  char *argv[] = { (char *) "cat", NULL };
  posix_spawn_file_actions_t actions;
  AioprocSegment *segment;
  int fds[2];
  int fd;
  pid_t pid;
  int status;

  g_test_summary ("Another process has it until it is dead");

  if (!can_tell ())
    return;

  /* It waits for the end of the pipe, which does not come. */
  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  segment = new_full ();
  fd = open_segment (segment);
  posix_spawn_file_actions_init (&actions);
  posix_spawn_file_actions_adddup2 (&actions, fds[0], 0);
  posix_spawn_file_actions_adddup2 (&actions, fd, 5);
  g_assert_cmpint (posix_spawnp (&pid, "cat", &actions, NULL, argv, environ), ==, 0);
  posix_spawn_file_actions_destroy (&actions);
  close (fd);
  g_assert_false (aioproc_memfd_is_sole (aioproc_segment_get_fd (segment)));

  g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (aioproc_memfd_is_sole (aioproc_segment_get_fd (segment)));
  aioproc_segment_unref (segment);
  g_assert_true (is_used_again ());
  close (fds[0]);
  close (fds[1]);
}

static void
test_fork (void)
{
  AioprocSegment *segment = new_full ();
  gboolean used;
  pid_t pid;
  int status;

  g_test_summary ("What was there at a fork is never used again, here or in the child");

  pid = fork ();
  g_assert_cmpint (pid, >=, 0);

  if (pid == 0)
    {
      /* It is still there, and the child has segments of its own. */
      if (*(guint8 *) aioproc_segment_get_base (segment) != 7)
        _exit (1);

      aioproc_segment_unref (segment);

      if (aioproc_segment_get_idle () != 0)
        _exit (2);

      segment = new_segment (SIZE, &used);

      if (used)
        _exit (3);

      aioproc_segment_unref (segment);
      _exit (aioproc_segment_get_idle () <= SIZE ? 0 : 4);
    }

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
  aioproc_segment_unref (segment);
  g_assert_cmpuint (aioproc_segment_get_idle (), ==, 0);
  g_assert_false (is_used_again ());

  if (!can_tell ())
    return;

  /* An idle one. */
  aioproc_segment_unref (new_full ());
  g_assert_cmpuint (aioproc_segment_get_idle (), ==, SIZE);
  pid = fork ();
  g_assert_cmpint (pid, >=, 0);

  if (pid == 0)
    _exit (aioproc_segment_get_idle () == 0 ? 0 : 1);

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
  g_assert_false (is_used_again ());
}

static void
test_spoiled (void)
{
  AioprocSegment *segment = new_full ();

  g_test_summary ("What was handed out unseen is not used again");

  aioproc_segment_spoil (segment);
  aioproc_segment_unref (segment);
  g_assert_cmpuint (aioproc_segment_get_idle (), ==, 0);
  g_assert_false (is_used_again ());
}

static void
test_small (void)
{
  gboolean used;
  AioprocSegment *segment = new_segment (1, &used);

  g_test_summary ("What is small is made and freed");

  g_assert_false (used);
  g_assert_cmpuint (aioproc_segment_get_size (segment), >=, 4096);
  aioproc_segment_unref (segment);
  g_assert_cmpuint (aioproc_segment_get_idle (), ==, 0);
}

static void
test_bounded (void)
{
  gsize max = aioproc_segment_get_max_idle ();
  AioprocSegment *segments[40];
  gboolean used;

  g_test_summary ("Idle segments are bounded in bytes, and gone after a while");

  if (!can_tell ())
    return;

  g_assert_cmpuint (max, >, 0);
  aioproc_segment_trim ();

  for (guint i = 0; i < G_N_ELEMENTS (segments); i++)
    segments[i] = new_segment (SIZE + i * 4096, &used);

  for (guint i = 0; i < G_N_ELEMENTS (segments); i++)
    {
      aioproc_segment_unref (segments[i]);
      g_assert_cmpuint (aioproc_segment_get_idle (), <=, max);
    }

  while (aioproc_segment_get_idle () > 0)
    g_thread_yield ();
}

static void
test_bad (void)
{
  static const guint64 sizes[] = { 0, (guint64) 1 << 62, G_MAXUINT64, G_MAXINT64 };

  g_test_summary ("A size that cannot be is an error");

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr(GError) error = NULL;
      gboolean used;

      g_assert_null (aioproc_segment_new ("test", sizes[i], &used, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
    }
}

static gpointer
churn (gpointer data)
{
  for (guint i = 0; i < 300; i++)
    {
      gboolean used;
      AioprocSegment *segment = new_segment (AIOPROC_SEGMENT_MIN, &used);
      guint8 *base = aioproc_segment_get_base (segment);

      /* Nobody else has it. */
      base[5] = (guint8) i;
      g_thread_yield ();
      g_assert_cmpuint (base[5], ==, (guint8) i);

      if (i % 100 == 0)
        aioproc_segment_trim ();

      aioproc_segment_unref (segment);
    }

  return NULL;
}

static void
test_threads (void)
{
  GThread *threads[4];
  guint n_fds;

  g_test_summary ("Threads never have the same segment");

  aioproc_segment_trim ();
  n_fds = aioproc_test_count_fds ();

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("churn", churn, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);

  aioproc_segment_trim ();
  g_assert_cmpuint (aioproc_segment_get_idle (), ==, 0);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/segment/again", test_again);
  aioproc_test_add_func ("/aioproc/segment/receivers", test_receivers);
  aioproc_test_add_func ("/aioproc/segment/returned", test_returned);
  aioproc_test_add_func ("/aioproc/segment/process", test_process);
  aioproc_test_add_func ("/aioproc/segment/fork", test_fork);
  aioproc_test_add_func ("/aioproc/segment/spoiled", test_spoiled);
  aioproc_test_add_func ("/aioproc/segment/small", test_small);
  aioproc_test_add_func ("/aioproc/segment/bounded", test_bounded);
  aioproc_test_add_func ("/aioproc/segment/bad", test_bad);
  aioproc_test_add_func ("/aioproc/segment/threads", test_threads);

  return g_test_run ();
}
