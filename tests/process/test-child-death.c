/* test-child-death.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aioproc-error.h"
#include "aioproc-test.h"
#include "child-test.h"
#include "platform/aioproc-pidfd-private.h"

static guint n_fds_at_start;

static void
assert_killed (AioprocTestChild *child)
{
  int wait_status = aioproc_test_child_get_status (child);

  g_assert_true (WIFSIGNALED (wait_status));
  g_assert_cmpint (WTERMSIG (wait_status), ==, SIGKILL);
}

static void
assert_start_works (AioprocChildSpec *spec)
{
  AioprocTestChild *child = aioproc_test_child_new (spec, "exit", 42);

  g_assert_cmpint (WEXITSTATUS (aioproc_test_child_get_status (child)), ==, 42);
  aioproc_test_child_free (child);
}

/* The supervisor of a spec; it has no worker. */
static pid_t
find_supervisor (AioprocChildSpec *spec)
{
  AioprocTestChild *child = aioproc_test_child_new (spec, "hang", 0);
  pid_t supervisor;

  g_assert_true (aioproc_test_child_wait_frame (child, AIOPROC_FRAME_READY, NULL));
  supervisor = aioproc_test_child_get_parent (child);
  g_assert_true (aioproc_child_send_signal (child->child, SIGKILL, NULL));
  assert_killed (child);
  aioproc_test_child_free (child);

  return supervisor;
}

static void
test_child_death_stages (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));
  AioprocTestChild *child;

  g_test_summary ("A worker can be killed at any time, and it is known that it was");

  for (guint i = 0; i < 20; i++)
    {
      child = aioproc_test_child_new (spec, "hang", 0);
      g_assert_true (aioproc_child_send_signal (child->child, SIGKILL, NULL));
      assert_killed (child);
      /* It has ended: no error. */
      g_assert_true (aioproc_child_send_signal (child->child, SIGKILL, NULL));
      aioproc_test_child_free (child);

      child = aioproc_test_child_new (spec, "unready", 0);
      g_assert_true (aioproc_test_child_wait_started (child));
      g_assert_true (aioproc_child_send_signal (child->child, SIGKILL, NULL));
      assert_killed (child);
      aioproc_test_child_free (child);

      child = aioproc_test_child_new (spec, "hang", 0);
      g_assert_true (aioproc_test_child_wait_frame (child, AIOPROC_FRAME_READY, NULL));
      g_assert_true (aioproc_child_send_signal (child->child, SIGKILL, NULL));
      assert_killed (child);
      aioproc_test_child_free (child);
    }
}

static void
test_child_death_early_signal (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));

  g_test_summary ("A signal reaches a worker however early, and whatever its parent does about it");

  signal (SIGTERM, SIG_IGN);

  for (guint i = 0; i < 200; i++)
    {
      AioprocTestChild *child = aioproc_test_child_new (spec, "hang", 0);
      int wait_status;

      g_assert_true (aioproc_child_send_signal (child->child, SIGTERM, NULL));
      wait_status = aioproc_test_child_get_status (child);
      g_assert_true (WIFSIGNALED (wait_status));
      g_assert_cmpint (WTERMSIG (wait_status), ==, SIGTERM);
      aioproc_test_child_free (child);
    }

  signal (SIGTERM, SIG_DFL);
}

static void
test_child_death_bad_signal (void)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (AIOPROC_CHILD_SPAWN);
  AioprocTestChild *child = aioproc_test_child_new (spec, "hang", 0);
  g_autoptr(GError) error = NULL;

  g_test_summary ("A signal that does not exist is refused, before and after the start");

  g_assert_false (aioproc_child_send_signal (child->child, 1000, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_true (aioproc_child_send_signal (child->child, 0, NULL));

  g_assert_true (aioproc_test_child_wait_started (child));
  g_assert_false (aioproc_child_send_signal (child->child, -1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_true (aioproc_child_send_signal (child->child, 0, NULL));

  g_assert_true (aioproc_child_send_signal (child->child, SIGKILL, NULL));
  assert_killed (child);
  aioproc_test_child_free (child);
}

static void
test_child_death_garbage (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));
  AioprocTestChild *child = aioproc_test_child_new (spec, "garbage", 0);
  int wait_status;

  g_test_summary ("A worker that sends what is no frame is killed, and the end says why");

  aioproc_test_child_wait_ended (child);
  g_assert_error (child->error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_assert_true (aioproc_child_get_wait_status (child->child, &wait_status));
  g_assert_true (WIFSIGNALED (wait_status));
  g_assert_cmpint (WTERMSIG (wait_status), ==, SIGKILL);
  aioproc_test_child_free (child);
}

static void
test_child_death_closed_channel (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));
  AioprocTestChild *child = aioproc_test_child_new (spec, "close", 0);

  g_test_summary ("A worker that closes its channel lives on until it ends");

  g_assert_true (aioproc_test_child_wait_frame (child, AIOPROC_FRAME_READY, NULL));
  aioproc_test_child_send (child, g_variant_new ("(s)", "lost"));
  g_assert_true (aioproc_test_process_lives (aioproc_child_get_pid (child->child)));
  g_assert_true (aioproc_child_send_signal (child->child, SIGKILL, NULL));
  assert_killed (child);
  aioproc_test_child_free (child);
}

static void
test_child_death_cut_frame (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));
  AioprocTestChild *child = aioproc_test_child_new (spec, "cut", 0);

  g_test_summary ("A worker that ends within a frame has an exit status like any other");

  g_assert_cmpint (WEXITSTATUS (aioproc_test_child_get_status (child)), ==, 5);
  aioproc_test_child_free (child);
}

static void
test_child_death_grandchild (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));
  AioprocTestChild *child = aioproc_test_child_new (spec, "leave", 9);
  g_autoptr(GVariant) body = NULL;
  int grandchild;

  g_test_summary ("What a worker leaves behind with its channel does not hold up its end");

  g_assert_cmpint (WEXITSTATUS (aioproc_test_child_get_status (child)), ==, 9);
  g_assert_true (aioproc_test_child_wait_frame (child, AIOPROC_FRAME_RESULT, &body));
  g_variant_get (body, "(i)", &grandchild);
  g_assert_true (aioproc_test_process_lives (grandchild));

  g_assert_cmpint (kill (grandchild, SIGKILL), ==, 0);
  aioproc_test_wait_for_death (grandchild);
  aioproc_test_child_free (child);
}

static void
test_child_death_supervisor (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));

  g_test_summary ("Workers end with their supervisor, never as a success; the next start works");

  for (guint i = 0; i < 5; i++)
    {
      AioprocTestChild *children[3];
      pid_t supervisor;

      for (guint j = 0; j < G_N_ELEMENTS (children); j++)
        {
          children[j] = aioproc_test_child_new (spec, j == 0 ? "hang" : "unready", 0);
          g_assert_true (aioproc_test_child_wait_started (children[j]));
        }

      supervisor = aioproc_test_child_get_parent (children[0]);
      g_assert_cmpint (kill (supervisor, SIGKILL), ==, 0);

      for (guint j = 0; j < G_N_ELEMENTS (children); j++)
        {
          int wait_status = SIGKILL;

          aioproc_test_child_wait_ended (children[j]);
          g_assert_no_error (children[j]->error);
          g_assert_false (aioproc_test_process_lives (aioproc_child_get_pid (children[j]->child)));

          /* Unless the kernel has kept it, the status is lost. */
          aioproc_child_get_wait_status (children[j]->child, &wait_status);
          g_assert_cmpint (wait_status, ==, SIGKILL);
          aioproc_test_child_free (children[j]);
        }

      g_assert_cmpint (find_supervisor (spec), !=, supervisor);
    }

  assert_start_works (spec);
}

static void
test_child_death_idle_supervisor (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));

  g_test_summary ("A supervisor that died without a worker is replaced, unnoticed");

  for (guint i = 0; i < 10; i++)
    {
      pid_t supervisor = find_supervisor (spec);

      g_assert_cmpint (kill (supervisor, SIGKILL), ==, 0);
      aioproc_test_wait_for_death (supervisor);

      /* It does not stay a zombie until somebody needs another one. */
      while (i % 2 == 0 && kill (supervisor, 0) == 0)
        g_thread_yield ();

      assert_start_works (spec);
      g_assert_cmpint (find_supervisor (spec), !=, supervisor);
    }
}

static void
test_child_death_record (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));
  AioprocTestChild *child = aioproc_test_child_new (spec, "echo", 0);
  pid_t supervisor;

  g_test_summary ("A worker's own record counts where its status was lost");

  g_assert_true (aioproc_test_child_wait_frame (child, AIOPROC_FRAME_READY, NULL));
  supervisor = aioproc_test_child_get_parent (child);
  g_assert_cmpint (kill (supervisor, SIGSTOP), ==, 0);

  aioproc_test_child_send (child, g_variant_new ("(i)", 0));
  g_assert_true (aioproc_test_child_wait_frame (child, AIOPROC_FRAME_EXIT, NULL));
  aioproc_test_child_wait_exited (child);
  g_assert_cmpint (kill (supervisor, SIGKILL), ==, 0);

  g_assert_cmpint (aioproc_test_child_get_status (child), ==, 0);
  aioproc_test_child_free (child);
  assert_start_works (spec);
}

static void
test_child_death_stopped_supervisor (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));
  pid_t supervisor = find_supervisor (spec);
  AioprocTestChild *children[3];

  g_test_summary ("Starts wait for a supervisor that is stopped, and fail if it is killed");

  g_assert_cmpint (kill (supervisor, SIGSTOP), ==, 0);

  for (guint i = 0; i < G_N_ELEMENTS (children); i++)
    children[i] = aioproc_test_child_new (spec, "exit", i);

  g_assert_cmpint (kill (supervisor, SIGCONT), ==, 0);

  for (guint i = 0; i < G_N_ELEMENTS (children); i++)
    {
      g_assert_cmpint (WEXITSTATUS (aioproc_test_child_get_status (children[i])), ==, i);
      aioproc_test_child_free (children[i]);
    }

  g_assert_cmpint (kill (supervisor, SIGSTOP), ==, 0);

  for (guint i = 0; i < G_N_ELEMENTS (children); i++)
    {
      children[i] = aioproc_test_child_new (spec, "exit", i);
      g_assert_cmpint (aioproc_child_get_pid (children[i]->child), ==, 0);
    }

  /* Now it has been asked for them. */
  aioproc_test_wait_for_monitor ();
  g_assert_cmpint (kill (supervisor, SIGKILL), ==, 0);

  for (guint i = 0; i < G_N_ELEMENTS (children); i++)
    {
      int wait_status;

      aioproc_test_child_wait_ended (children[i]);
      g_assert_error (children[i]->error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);
      g_assert_nonnull (strstr (children[i]->error->message, "signal 9"));
      g_assert_false (children[i]->is_started);
      g_assert_cmpint (aioproc_child_get_pid (children[i]->child), ==, 0);
      g_assert_cmpint (aioproc_child_get_pidfd (children[i]->child), ==, -1);
      g_assert_false (aioproc_child_get_wait_status (children[i]->child, &wait_status));
      aioproc_test_child_free (children[i]);
    }

  assert_start_works (spec);
}

static void
test_child_death_group (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));
  AioprocTestChild *child;
  g_autoptr(GVariant) body = NULL;
  int grandchild;
  int pidfd;

  g_test_summary ("A supervisor's death takes the groups of its workers along");

  child = aioproc_test_child_new (spec, "leave", -1);
  g_assert_true (aioproc_test_child_wait_frame (child, AIOPROC_FRAME_RESULT, &body));
  g_variant_get (body, "(i)", &grandchild);

  pidfd = aioproc_child_get_pidfd (child->child);

  if (!aioproc_pidfd_signal_group (pidfd, 0))
    {
      g_test_skip ("This kernel cannot signal the group of a process descriptor");
      g_assert_cmpint (kill (grandchild, SIGKILL), ==, 0);
      g_assert_true (aioproc_child_send_signal (child->child, SIGKILL, NULL));
    }
  else
    {
      g_assert_cmpint (kill (aioproc_test_child_get_parent (child), SIGKILL), ==, 0);
    }

  aioproc_test_child_wait_ended (child);
  aioproc_test_wait_for_death (grandchild);
  aioproc_test_child_free (child);
}

static void
test_child_death_kill_all (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));
  AioprocTestChild *children[4];

  g_test_summary ("All workers can be killed in one go");

  for (guint i = 0; i < G_N_ELEMENTS (children); i++)
    {
      children[i] = aioproc_test_child_new (spec, "hang", 0);
      g_assert_true (aioproc_test_child_wait_frame (children[i], AIOPROC_FRAME_READY, NULL));
    }

  /* Even one that cannot run. */
  g_assert_true (aioproc_child_send_signal (children[0]->child, SIGSTOP, NULL));

  aioproc_child_kill_all ();

  for (guint i = 0; i < G_N_ELEMENTS (children); i++)
    {
      int wait_status = SIGKILL;

      aioproc_test_child_wait_ended (children[i]);
      g_assert_no_error (children[i]->error);
      aioproc_child_get_wait_status (children[i]->child, &wait_status);
      g_assert_cmpint (wait_status, ==, SIGKILL);
      g_assert_false (aioproc_test_process_lives (aioproc_child_get_pid (children[i]->child)));
      aioproc_test_child_free (children[i]);
    }

  assert_start_works (spec);
}

static void
check_in_forked_child (AioprocTestChild *child,
                       AioprocChildSpec *spec)
{
  g_autoptr(GError) error = NULL;
  AioprocTestChild *own;

  g_assert_cmpint (aioproc_child_get_pid (child->child), >, 0);
  g_assert_cmpint (aioproc_child_get_pidfd (child->child), ==, -1);
  g_assert_false (aioproc_child_send_signal (child->child, SIGKILL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  aioproc_test_child_send (child, g_variant_new ("(i)", 0));
  aioproc_child_kill_all ();

  own = aioproc_test_child_new (spec, "exit", 21);
  g_assert_cmpint (WEXITSTATUS (aioproc_test_child_get_status (own)), ==, 21);
}

static void
test_child_death_forked_child (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));
  AioprocTestChild *child;
  int wait_status;
  pid_t pid;

  g_test_summary ("A forked child has no part in its parent's workers, and can have its own");

  child = aioproc_test_child_new (spec, "echo", 0);
  g_assert_true (aioproc_test_child_wait_frame (child, AIOPROC_FRAME_READY, NULL));

  pid = fork ();

  if (pid == 0)
    {
      g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds_at_start);
      check_in_forked_child (child, spec);
      _exit (23);
    }

  g_assert_cmpint (waitpid (pid, &wait_status, 0), ==, pid);
  g_assert_true (WIFEXITED (wait_status));
  g_assert_cmpint (WEXITSTATUS (wait_status), ==, 23);

  /* It still is there, and what the forked child wanted to send has not come. */
  aioproc_test_child_send (child, g_variant_new ("(s)", "text"));
  g_assert_true (aioproc_test_child_wait_frame (child, AIOPROC_FRAME_MESSAGE, NULL));
  aioproc_test_child_send (child, g_variant_new ("(i)", 0));
  g_assert_cmpint (aioproc_test_child_get_status (child), ==, 0);
  aioproc_test_child_free (child);
}

static void
add_for_methods (const char    *name,
                 GTestDataFunc  func,
                 guint          n_methods)
{
  for (guint i = 0; i < n_methods; i++)
    {
      AioprocChildMethod method = aioproc_test_methods[i];
      g_autofree char *path = g_strdup_printf ("/aioproc/child/death/%s/%s", name,
                                               aioproc_test_method_name (method));

      aioproc_test_add_data_func (path, GINT_TO_POINTER (method), func);
    }
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);
  n_fds_at_start = aioproc_test_count_fds ();

  add_for_methods ("stages", test_child_death_stages, 3);
  add_for_methods ("early-signal", test_child_death_early_signal, 3);
  add_for_methods ("garbage", test_child_death_garbage, 3);
  add_for_methods ("closed-channel", test_child_death_closed_channel, 3);
  add_for_methods ("cut-frame", test_child_death_cut_frame, 3);
  add_for_methods ("grandchild", test_child_death_grandchild, 3);
  add_for_methods ("supervisor", test_child_death_supervisor, 2);
  add_for_methods ("idle-supervisor", test_child_death_idle_supervisor, 2);
  add_for_methods ("record", test_child_death_record, 2);
  add_for_methods ("stopped-supervisor", test_child_death_stopped_supervisor, 2);
  add_for_methods ("group", test_child_death_group, 2);
  add_for_methods ("kill-all", test_child_death_kill_all, 3);
  add_for_methods ("forked-child", test_child_death_forked_child, 3);
  aioproc_test_add_func ("/aioproc/child/death/bad-signal", test_child_death_bad_signal);

  return g_test_run ();
}
