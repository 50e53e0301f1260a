/* test-event-death.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>
#include <sys/syscall.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/core-test.h"
#include "core/trace-test.h"
#include "platform/platform-test.h"
#include "sync-test.h"

#ifndef SYS_futex_waitv
# define SYS_futex_waitv 449
#endif

typedef struct {
  /* What the children inherit. */
  AioprocEvent *event;       /* (owned) */
  gboolean      async;

  /* What they share. */
  struct {
    _Atomic guint32 begun;
    _Atomic guint32 ended;
  } *shared;
  pid_t         waiter;
} Fixture;

static int
waiter_run (gpointer user_data)
{
  Fixture *fixture = user_data;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  gboolean set;

  core_test_attach (core_test_get_family ());

  if (fixture->async)
    {
      g_autoptr(GMainContext) context = g_main_context_new ();

      g_main_context_push_thread_default (context);
      aioproc_event_wait_async (fixture->event, -1, NULL, aioproc_test_store_result, &result);
      core_test_store (&fixture->shared->begun, 1);
      aioproc_test_wait (&result);
      set = aioproc_event_wait_finish (fixture->event, result, &error);
    }
  else
    {
      core_test_store (&fixture->shared->begun, 1);
      set = aioproc_event_wait (fixture->event, -1, NULL, &error);
    }

  g_assert_no_error (error);
  g_assert_true (set);
  core_test_store (&fixture->shared->ended, 1);

  return 0;
}

static void
fixture_init (Fixture *fixture,
              gboolean async)
{
  g_autoptr(GError) error = NULL;

  memset (fixture, 0, sizeof *fixture);
  fixture->event = aioproc_event_new (&error);
  g_assert_no_error (error);
  fixture->async = async;
  fixture->shared = platform_test_map_shared (sizeof *fixture->shared);
  fixture->waiter = platform_test_fork (waiter_run, fixture);
  core_test_wait_for (&fixture->shared->begun, 1);
  core_test_wait_for_sleep (fixture->waiter);
  g_assert_cmpuint (atomic_load (&fixture->shared->ended), ==, 0);
}

/* The waiter ends. */
static void
fixture_clear (Fixture *fixture)
{
  core_test_wait_for (&fixture->shared->ended, 1);
  platform_test_wait_success (fixture->waiter);
  platform_test_unmap (fixture->shared, sizeof *fixture->shared);
  g_assert_finalize_object (fixture->event);
}

static int
setter_run (gpointer user_data)
{
  Fixture *fixture = user_data;

  core_test_attach (core_test_get_family ());
  trace_test_mark ();
  g_assert_true (aioproc_event_set (fixture->event, NULL));

  return 1;
}

static void
test_event_death_setting (gconstpointer data)
{
  gboolean clear = GPOINTER_TO_INT (data) & 2;

  g_test_summary ("A setter is killed that has set the event, and has not woken its waiters yet");

  for (guint i = 0; i < 5; i++)
    {
      Fixture fixture;
      pid_t pid;

      fixture_init (&fixture, GPOINTER_TO_INT (data) & 1);
      pid = trace_test_fork (setter_run, &fixture);
      trace_test_run_to_syscall (pid, SYS_futex);
      g_assert_true (aioproc_event_is_set (fixture.event));

      /* What was set for them counts for those who waited. */
      if (clear)
        g_assert_true (aioproc_event_clear (fixture.event, NULL));

      core_test_kill (pid);
      core_test_wait_for (&fixture.shared->ended, 1);
      g_assert_true (aioproc_event_is_set (fixture.event) != clear);
      fixture_clear (&fixture);
    }
}

static void
test_event_death_stopped (gconstpointer data)
{
  g_test_summary ("A setter that is stopped within a set does not hinder another that sets");

  for (guint i = 0; i < 2; i++)
    {
      Fixture fixture;
      pid_t pid;

      fixture_init (&fixture, data != NULL);
      pid = trace_test_fork (setter_run, &fixture);
      trace_test_run_to_syscall (pid, SYS_futex);

      if (i == 1)
        g_assert_true (aioproc_event_clear (fixture.event, NULL));

      g_assert_true (aioproc_event_set (fixture.event, NULL));
      core_test_wait_for (&fixture.shared->ended, 1);
      core_test_kill (pid);
      fixture_clear (&fixture);
    }
}

static int
traced_waiter_run (gpointer user_data)
{
  Fixture *fixture = user_data;

  core_test_attach (core_test_get_family ());
  trace_test_mark ();
  g_assert_true (aioproc_event_wait (fixture->event, -1, NULL, NULL));

  return 1;
}

static void
test_event_death_waiting (gconstpointer data)
{
  g_test_summary ("A waiter is killed that was woken, or sleeps, and the others do not notice");

  for (guint i = 0; i < 2; i++)
    {
      Fixture fixture;
      pid_t pid;

      fixture_init (&fixture, data != NULL);
      pid = trace_test_fork (traced_waiter_run, &fixture);
      trace_test_run_to_sleep (pid, SYS_futex_waitv);

      if (i == 0)
        {
          g_assert_true (aioproc_event_set (fixture.event, NULL));
          trace_test_end_syscall (pid);
          core_test_kill (pid);
        }
      else
        {
          core_test_kill (pid);
          g_assert_true (aioproc_event_set (fixture.event, NULL));
        }

      fixture_clear (&fixture);
    }
}

static const struct {
  const char    *path;
  GTestDataFunc  func;
  guint          data;
} cases[] = {
  { "setting/sync", test_event_death_setting, 0 },
  { "setting/async", test_event_death_setting, 1 },
  { "setting/cleared-sync", test_event_death_setting, 2 },
  { "setting/cleared-async", test_event_death_setting, 3 },
  { "stopped/sync", test_event_death_stopped, 0 },
  { "stopped/async", test_event_death_stopped, 1 },
  { "waiting/sync", test_event_death_waiting, 0 },
  { "waiting/async", test_event_death_waiting, 1 },
};

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/aioproc/event-death/", cases[i].path, NULL);

      aioproc_test_add_data_func (path, GUINT_TO_POINTER (cases[i].data), cases[i].func);
    }

  return g_test_run ();
}
