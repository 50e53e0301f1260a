/* test-process-waitable.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* How one of many processes is watched: what waits for many stand on. */

#include "aioproc-test.h"
#include "core/aioproc-waitable-private.h"
#include "process-functions.h"
#include "process/aioproc-process-private.h"

typedef struct {
  AioprocWatch watch;
  int          n_notified;     /* atomic */
} TestWatch;

static void
notify_cb (AioprocWatch *watch)
{
  g_atomic_int_inc (&((TestWatch *) watch)->n_notified);
}

static gboolean
test_watch (TestWatch      *self,
            AioprocProcess *process)
{
  g_autoptr(GError) error = NULL;
  gboolean is_ready;

  self->watch.notify = notify_cb;
  is_ready = aioproc_waitable_watch (AIOPROC_WAITABLE (process), &self->watch, &error);
  g_assert_no_error (error);

  return is_ready;
}

static void
test_unwatch (TestWatch      *self,
              AioprocProcess *process)
{
  aioproc_waitable_unwatch (AIOPROC_WAITABLE (process), &self->watch);
}

static guint
count_watches (AioprocProcess *process)
{
  guint n;

  aioproc_mutex_lock (&process->mutex);
  n = process->watches.list.length;
  aioproc_mutex_unlock (&process->mutex);

  return n;
}

static void
test_process_waitable_ready (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  AioprocProcess *process = test_start (context, "block", NULL);
  g_autoptr(GError) error = NULL;
  TestWatch early = { 0 };
  TestWatch late = { 0 };
  TestWatch never = { 0 };

  g_test_summary ("Who watches is notified when the process has ended, and told so after that");

  g_assert_false (test_watch (&early, process));
  g_assert_false (test_watch (&early, process));
  g_assert_cmpuint (count_watches (process), ==, 1);
  g_assert_cmpint (early.watch.fd, ==, -1);

  g_assert_true (aioproc_process_kill (process, &error));
  g_assert_no_error (error);
  test_join (process);
  g_assert_cmpint (g_atomic_int_get (&early.n_notified), >, 0);
  g_assert_true (test_watch (&early, process));
  g_assert_true (test_watch (&late, process));

  test_unwatch (&early, process);
  test_unwatch (&early, process);
  test_unwatch (&late, process);
  test_unwatch (&never, process);
  g_assert_cmpuint (count_watches (process), ==, 0);
  test_release (process);
}

typedef struct
{
  AioprocProcess *process;     /* not owned */
  int             n_watches;   /* atomic */
} Churn;

static gpointer
churn_thread (gpointer data)
{
  Churn *self = data;
  gboolean is_ready;

  do
    {
      TestWatch watch = { 0 };

      is_ready = test_watch (&watch, self->process);
      test_unwatch (&watch, self->process);
      g_atomic_int_inc (&self->n_watches);
    }
  while (!is_ready);

  return NULL;
}

static void
test_process_waitable_threads (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  Churn churn = { .process = test_start (context, "block", NULL) };
  GThread *threads[4];

  g_test_summary ("Threads begin and end to watch a process, until it ends");

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("churn", churn_thread, &churn);

  while (g_atomic_int_get (&churn.n_watches) < 200)
    g_thread_yield ();

  g_assert_true (aioproc_process_kill (churn.process, NULL));

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);

  g_assert_cmpuint (count_watches (churn.process), ==, 0);
  test_release (churn.process);
}

int
main (int   argc,
      char *argv[])
{
  test_functions_init ();
  aioproc_test_init (&argc, &argv);

  test_add_for_methods ("/aioproc/process-waitable/ready", test_process_waitable_ready);
  test_add_for_methods ("/aioproc/process-waitable/threads", test_process_waitable_threads);

  return g_test_run ();
}
