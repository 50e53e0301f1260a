/* test-process-waitable.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* The sources of processes, by which one of them is waited for along with other things. */

#include "aioproc-test.h"
#include "core/aioproc-waitable-private.h"
#include "process-functions.h"
#include "process/aioproc-process-private.h"

static gboolean
count_cb (gpointer user_data)
{
  guint *n_dispatched = user_data;

  (*n_dispatched)++;

  return G_SOURCE_CONTINUE;
}

static guint
count_waits (AioprocProcess *process)
{
  guint n;

  aioproc_mutex_lock (&process->mutex);
  n = process->waits->len;
  aioproc_mutex_unlock (&process->mutex);

  return n;
}

static GSource *
attach_source (AioprocProcess *process,
               GMainContext   *context,
               guint          *n_dispatched)
{
  GSource *source = aioproc_waitable_create_source (AIOPROC_WAITABLE (process));

  g_source_set_callback (source, count_cb, n_dispatched, NULL);
  g_source_attach (source, context);

  return source;
}

static void
test_process_waitable_ready (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  AioprocProcess *process = test_start (context, "block", NULL);
  g_autoptr(GSource) source = NULL;
  g_autoptr(GSource) late = NULL;
  g_autoptr(GError) error = NULL;
  guint n_dispatched = 0;
  guint n_late = 0;

  g_test_summary ("A source is dispatched when its process has ended, and at once after that");

  source = attach_source (process, NULL, &n_dispatched);
  g_assert_false (aioproc_waitable_is_ready (AIOPROC_WAITABLE (process)));
  g_main_context_iteration (NULL, FALSE);
  g_assert_cmpuint (count_waits (process), ==, 1);

  g_assert_true (aioproc_process_kill (process, &error));
  g_assert_no_error (error);
  aioproc_test_wait_until (aioproc_waitable_is_ready (AIOPROC_WAITABLE (process)) &&
                           n_dispatched > 0);

  late = attach_source (process, NULL, &n_late);
  aioproc_test_wait_until (n_late > 0);

  g_source_destroy (source);
  g_source_destroy (late);
  g_clear_pointer (&source, g_source_unref);
  g_clear_pointer (&late, g_source_unref);
  g_assert_cmpuint (count_waits (process), ==, 0);
  test_release (process);
}

static void
test_process_waitable_let_go (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  AioprocProcess *process = test_start (context, "block", NULL);
  GMainContext *main_context = g_main_context_new ();
  GSource *sources[100];
  GSource *last;
  guint n_dispatched = 0;

  g_test_summary ("Sources that are destroyed, never attached, or outlive anything are forgotten");

  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    sources[i] = attach_source (process, main_context, &n_dispatched);

  g_main_context_iteration (main_context, FALSE);
  g_assert_cmpuint (count_waits (process), ==, G_N_ELEMENTS (sources));

  for (guint i = 0; i < G_N_ELEMENTS (sources) / 2; i++)
    {
      g_source_destroy (sources[i]);
      g_source_unref (sources[i]);
    }

  g_assert_cmpuint (count_waits (process), ==, G_N_ELEMENTS (sources) / 2);

  g_main_context_unref (main_context);
  for (guint i = G_N_ELEMENTS (sources) / 2; i < G_N_ELEMENTS (sources); i++)
    g_source_unref (sources[i]);

  g_assert_cmpuint (count_waits (process), ==, 0);

  g_source_unref (aioproc_waitable_create_source (AIOPROC_WAITABLE (process)));
  g_assert_cmpuint (count_waits (process), ==, 0);

  last = attach_source (process, NULL, &n_dispatched);
  g_assert_true (aioproc_process_kill (process, NULL));
  test_release (process);
  g_source_destroy (last);
  g_source_unref (last);
}

typedef struct
{
  AioprocProcess *process;       /* not owned */
  int             n_destroyed;   /* atomic */
} Churn;

static gpointer
churn_thread (gpointer data)
{
  Churn *self = data;
  g_autoptr(GMainContext) main_context = g_main_context_new ();
  guint n_dispatched = 0;

  while (!aioproc_waitable_is_ready (AIOPROC_WAITABLE (self->process)))
    {
      g_autoptr(GSource) source = attach_source (self->process, main_context, &n_dispatched);

      while (g_main_context_iteration (main_context, FALSE))
        continue;

      g_source_destroy (source);
      g_atomic_int_inc (&self->n_destroyed);
    }

  return NULL;
}

static void
test_process_waitable_threads (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  Churn churn = { .process = test_start (context, "block", NULL) };
  GThread *threads[4];

  g_test_summary ("Threads make and destroy sources of a process, until it ends");

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("churn", churn_thread, &churn);

  while (g_atomic_int_get (&churn.n_destroyed) < 200)
    g_thread_yield ();

  g_assert_true (aioproc_process_kill (churn.process, NULL));

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);

  g_assert_cmpuint (count_waits (churn.process), ==, 0);
  test_release (churn.process);
}

int
main (int   argc,
      char *argv[])
{
  test_functions_init ();
  aioproc_test_init (&argc, &argv);

  test_add_for_methods ("/aioproc/process-waitable/ready", test_process_waitable_ready);
  test_add_for_methods ("/aioproc/process-waitable/let-go", test_process_waitable_let_go);
  test_add_for_methods ("/aioproc/process-waitable/threads", test_process_waitable_threads);

  return g_test_run ();
}
