/* test-child-hostile.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aioproc-error.h"
#include "aioproc-test.h"
#include "child-test.h"

static void
assert_statuses_right (AioprocChildSpec *spec)
{
  for (guint i = 0; i < 20; i++)
    {
      AioprocTestChild *child = aioproc_test_child_new (spec, i % 2 == 0 ? "silent" : "signal",
                                                        i % 2 == 0 ? 7 : SIGTERM);
      int wait_status = aioproc_test_child_get_status (child);

      if (i % 2 == 0)
        {
          g_assert_true (WIFEXITED (wait_status));
          g_assert_cmpint (WEXITSTATUS (wait_status), ==, 7);
        }
      else
        {
          g_assert_true (WIFSIGNALED (wait_status));
          g_assert_cmpint (WTERMSIG (wait_status), ==, SIGTERM);
        }

      aioproc_test_child_free (child);
    }
}

static gpointer
reap_cb (gpointer data)
{
  int *is_stopped = data;

  while (!g_atomic_int_get (is_stopped))
    {
      if (waitpid (-1, NULL, WNOHANG) <= 0)
        g_thread_yield ();
    }

  return NULL;
}

static void
test_child_hostile_reaper (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));
  int is_stopped = FALSE;
  GThread *thread = g_thread_new ("reaper", reap_cb, &is_stopped);

  g_test_summary ("Exit statuses are right although another thread reaps all children");

  assert_statuses_right (spec);

  g_atomic_int_set (&is_stopped, TRUE);
  g_thread_join (thread);
}

static void
test_child_hostile_ignored (gconstpointer data)
{
  AioprocChildMethod method = GPOINTER_TO_INT (data);
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (method);

  g_test_summary ("Exit statuses are right although SIGCHLD is ignored");

  signal (SIGCHLD, SIG_IGN);

  if (method != AIOPROC_CHILD_FORK)
    assert_statuses_right (spec);

  /* Without a supervisor the status may be lost; it must not be a success then. */
  for (guint i = 0; i < 20 && method == AIOPROC_CHILD_FORK; i++)
    {
      AioprocTestChild *child = aioproc_test_child_new (spec, "silent", 7);
      int wait_status = 7 << 8;

      aioproc_test_child_wait_ended (child);
      g_assert_no_error (child->error);
      aioproc_child_get_wait_status (child->child, &wait_status);
      g_assert_cmpint (WEXITSTATUS (wait_status), ==, 7);
      aioproc_test_child_free (child);
    }

  signal (SIGCHLD, SIG_DFL);
}

static gpointer
start_cb (gpointer data)
{
  sigset_t all;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, NULL);

  return aioproc_test_child_new (data, "echo", 0);
}

static void
test_child_hostile_short_lived_thread (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));
  AioprocTestChild *children[10];

  g_test_summary ("A worker outlives the thread that started it, and its supervisor's");

  for (guint i = 0; i < G_N_ELEMENTS (children); i++)
    children[i] = g_thread_join (g_thread_new ("short-lived", start_cb, spec));

  for (guint i = 0; i < G_N_ELEMENTS (children); i++)
    {
      int wait_status;

      aioproc_test_child_send (children[i], g_variant_new ("(s)", "text"));
      g_assert_true (aioproc_test_child_wait_frame (children[i], AIOPROC_FRAME_MESSAGE, NULL));
      g_assert_true (aioproc_child_send_signal (children[i]->child, SIGTERM, NULL));
      wait_status = aioproc_test_child_get_status (children[i]);
      g_assert_true (WIFSIGNALED (wait_status));
      g_assert_cmpint (WTERMSIG (wait_status), ==, SIGTERM);
      aioproc_test_child_free (children[i]);
    }
}

static void
test_child_hostile_few_files (gconstpointer data)
{
  AioprocChildMethod method = GPOINTER_TO_INT (data);
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (method);
  guint n_successes = 0;
  guint n_errors = 0;
  struct rlimit saved;
  guint n_fds = aioproc_test_count_fds ();

  g_test_summary ("Whichever descriptor is one too many, the start fails, and nothing else does");

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &saved), ==, 0);

  for (rlim_t n_files = 3; n_files < 60; n_files++)
    {
      struct rlimit lowered = { .rlim_cur = n_files, .rlim_max = saved.rlim_max };
      AioprocTestChild *child;
      int wait_status;

      g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &lowered), ==, 0);
      child = aioproc_test_child_new (spec, "exit", 0);
      aioproc_test_child_wait_ended (child);
      g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &saved), ==, 0);

      if (child->error != NULL)
        {
          g_assert_error (child->error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
          g_assert_false (child->is_started);
          n_errors++;
        }
      else
        {
          /* A worker may have too few itself to execute its program. */
          g_assert_true (aioproc_child_get_wait_status (child->child, &wait_status));
          n_successes += wait_status == 0;
        }

      aioproc_test_child_free (child);
    }

  g_assert_cmpuint (n_errors, >, 0);
  g_assert_cmpuint (n_successes, >, 0);

  /* Two for the monitor, three for each supervisor: they stay, and nothing else does. */
  if (method == AIOPROC_CHILD_SPAWN)
    n_fds += 2;
  if (method != AIOPROC_CHILD_FORK)
    n_fds += 3;

  while (aioproc_test_count_fds () > n_fds)
    g_thread_yield ();
}

static void
add_for_methods (const char    *name,
                 GTestDataFunc  func,
                 guint          n_methods)
{
  for (guint i = 0; i < n_methods; i++)
    {
      AioprocChildMethod method = aioproc_test_methods[i];
      g_autofree char *path = g_strdup_printf ("/aioproc/child/hostile/%s/%s", name,
                                               aioproc_test_method_name (method));

      aioproc_test_add_data_func (path, GINT_TO_POINTER (method), func);
    }
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  /* First: what is made once must not be there yet. */
  add_for_methods ("few-files", test_child_hostile_few_files, 3);
  add_for_methods ("reaper", test_child_hostile_reaper, 2);
  add_for_methods ("ignored", test_child_hostile_ignored, 3);
  add_for_methods ("short-lived-thread", test_child_hostile_short_lived_thread, 2);

  return g_test_run ();
}
