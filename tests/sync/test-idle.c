/* test-idle.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/core-test.h"

#define N_OBJECTS    1000
#define MAX_THREADS  9
#define LOOK_SECONDS 3

/* ThreadSanitizer has a thread of its own, which is not idle. */
#ifndef CORE_TEST_TSAN
/* How often the threads of this process, but for the one that asks, have gone to sleep: each time
 * they were woken before, but for the first.
 */
static guint64
count_switches (void)
{
  g_autoptr(GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  const char *name;
  guint64 sum = 0;

  g_assert_nonnull (dir);

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_strdup_printf ("/proc/self/task/%s/status", name);
      g_autofree char *content = NULL;
      const char *line;

      if (atoi (name) == gettid () || !g_file_get_contents (path, &content, NULL, NULL))
        continue;

      line = strstr (content, "\nvoluntary_ctxt_switches:");
      g_assert_nonnull (line);
      sum += g_ascii_strtoull (line + strlen ("\nvoluntary_ctxt_switches:"), NULL, 10);
    }

  return sum;
}

static void
assert_idle (void)
{
  guint64 n_switches;

  /* Until all have fallen asleep. */
  do
    {
      n_switches = count_switches ();
      core_test_pass_time (50 * G_TIME_SPAN_MILLISECOND);
    }
  while (count_switches () != n_switches);

  core_test_pass_time (LOOK_SECONDS * G_TIME_SPAN_SECOND);
  g_assert_cmpuint (count_switches () - n_switches, <, LOOK_SECONDS);
}
#else
static void
assert_idle (void)
{
}
#endif

static void
test_idle (gconstpointer data)
{
  gboolean locks = data != NULL;
  g_autofree gpointer *objects = g_new (gpointer, N_OBJECTS);
  g_autofree GAsyncResult **results = g_new0 (GAsyncResult *, N_OBJECTS);
  g_autoptr(GError) error = NULL;
  struct rlimit limit;
  guint n_threads;

  g_test_summary ("1,000 objects with a pending wait each need few threads, which sleep");

  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &limit));

  if (limit.rlim_max < N_OBJECTS + 100)
    {
      g_test_skip ("Not enough descriptors");
      return;
    }

  limit.rlim_cur = MIN (limit.rlim_max, 4 * N_OBJECTS);
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &limit));

  /* GLib's own, which comes with the first task. */
  g_type_ensure (G_TYPE_TASK);
  n_threads = aioproc_test_count_threads ();

  for (guint i = 0; i < N_OBJECTS; i++)
    {
      objects[i] = g_initable_new (locks ? AIOPROC_TYPE_LOCK : AIOPROC_TYPE_EVENT, NULL, &error,
                                   NULL);
      g_assert_no_error (error);

      if (locks)
        {
          g_assert_true (aioproc_lock_try_acquire (objects[i], NULL));
          aioproc_lock_acquire_async (objects[i], -1, NULL, aioproc_test_store_result,
                                      &results[i]);
        }
      else
        {
          aioproc_event_wait_async (objects[i], -1, NULL, aioproc_test_store_result, &results[i]);
        }
    }

  g_assert_cmpuint (aioproc_test_count_threads () - n_threads, <=, MAX_THREADS);
  assert_idle ();

  for (guint i = 0; i < N_OBJECTS; i++)
    {
      g_assert_null (results[i]);

      if (locks)
        g_assert_true (aioproc_lock_release (objects[i], NULL));
      else
        g_assert_true (aioproc_event_set (objects[i], NULL));
    }

  for (guint i = 0; i < N_OBJECTS; i++)
    {
      aioproc_test_wait (&results[i]);
      g_clear_object (&results[i]);
      g_assert_finalize_object (objects[i]);
    }

  g_assert_cmpuint (aioproc_test_count_threads () - n_threads, <=, MAX_THREADS);
}

int
main (int   argc,
      char *argv[])
{
  /* With the backstop, which is part of what an idle program does. */
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_data_func ("/aioproc/idle/events", NULL, test_idle);
  aioproc_test_add_data_func ("/aioproc/idle/locks", GINT_TO_POINTER (1), test_idle);

  return g_test_run ();
}
