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
#include "scale-kinds.h"

#define MAX_THREADS  9
#define LOOK_SECONDS 2

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

/* On a machine with much to do it takes a while until all have fallen asleep: the watchdog ends
 * what never is quiet.
 */
static void
assert_idle (void)
{
  guint64 n_switches;

  do
    {
      n_switches = count_switches ();
      core_test_pass_time (LOOK_SECONDS * G_TIME_SPAN_SECOND);
    }
  while (count_switches () - n_switches >= LOOK_SECONDS);
}
#else
static void
assert_idle (void)
{
}
#endif

typedef struct {
  const ScaleKind *kind;
  guint            n_ended;
} Run;

static void
ended_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  Run *run = user_data;
  g_autoptr(GError) error = NULL;

  g_assert_true (run->kind->finish (source, 1, result, &error));
  g_assert_no_error (error);
  run->n_ended++;
}

static void
test_idle (gconstpointer data)
{
  const ScaleKind *kind = data;
  g_autofree gpointer *objects = g_new (gpointer, kind->n_objects);
  Run run = { .kind = kind };
  struct rlimit limit;
  guint n_fds = kind->n_fds * kind->n_objects + 100;
  guint n_threads;

  g_test_summary ("1,000 objects with a pending wait each need few threads, which sleep");

  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &limit));

  if (limit.rlim_max < n_fds)
    {
      g_test_skip ("Not enough descriptors");
      return;
    }

  limit.rlim_cur = MAX (limit.rlim_cur, n_fds);
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &limit));

  /* GLib's own, which comes with the first task. */
  g_type_ensure (G_TYPE_TASK);
  n_threads = aioproc_test_count_threads ();

  for (guint i = 0; i < kind->n_objects; i++)
    {
      objects[i] = kind->make ();

      if (kind->prepare != NULL)
        kind->prepare (objects[i]);

      kind->start (objects[i], 1, NULL, ended_cb, &run);
    }

  g_assert_cmpuint (aioproc_test_count_threads () - n_threads, <=, MAX_THREADS);
  assert_idle ();
  g_assert_cmpuint (run.n_ended, ==, 0);

  for (guint i = 0; i < kind->n_objects; i++)
    kind->let (objects[i], 1);

  aioproc_test_wait_until (run.n_ended == kind->n_objects);

  for (guint i = 0; i < kind->n_objects; i++)
    g_assert_finalize_object (objects[i]);

  g_assert_cmpuint (aioproc_test_count_threads () - n_threads, <=, MAX_THREADS);
}

int
main (int   argc,
      char *argv[])
{
  /* With the backstop, which is part of what an idle program does. */
  aioproc_test_init (&argc, &argv);

  for (guint i = 0; i < n_scale_kinds; i++)
    {
      g_autofree char *path = g_strdup_printf ("/aioproc/idle/%s", scale_kinds[i].name);

      aioproc_test_add_data_func (path, &scale_kinds[i], test_idle);
    }

  return g_test_run ();
}
