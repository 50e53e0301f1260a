/* test-process-concurrency.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "process-functions.h"
#include "process-tree.h"

#define N_THREADS 8
#define N_EACH 7      /* 56 processes in all */
#define N_JOINERS 32

/* What many threads are let through at once. */
typedef struct
{
  GMutex   mutex;
  GCond    cond;
  gboolean is_open;
} Gate;

static void
gate_init (Gate *self)
{
  g_mutex_init (&self->mutex);
  g_cond_init (&self->cond);
  self->is_open = FALSE;
}

static void
gate_clear (Gate *self)
{
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->cond);
}

static void
gate_pass (Gate *self)
{
  g_mutex_lock (&self->mutex);
  while (!self->is_open)
    g_cond_wait (&self->cond, &self->mutex);
  g_mutex_unlock (&self->mutex);
}

static void
gate_open (Gate *self)
{
  g_mutex_lock (&self->mutex);
  self->is_open = TRUE;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->mutex);
}

/* Runs @func for each of @n elements at @data, of @size bytes, in a thread of its own. */
static void
run_threads (GThreadFunc  func,
             gpointer     data,
             gsize        size,
             guint        n)
{
  g_autofree GThread **threads = g_new (GThread *, n);

  for (guint i = 0; i < n; i++)
    threads[i] = g_thread_new ("test", func, (char *) data + i * size);
  for (guint i = 0; i < n; i++)
    g_thread_join (threads[i]);
}

/* What there is once a first worker has ended: a supervisor and what it takes to watch it, and a
 * thread of GLib, which comes with the first asynchronous operation.
 */
static guint
warm_up (AioprocContext *context)
{
  g_autoptr(AioprocProcess) process = aioproc_process_new (context, "nothing", NULL);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  aioproc_process_start_async (process, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_true (aioproc_process_start_finish (process, result, &error));
  g_assert_no_error (error);
  test_join (process);

  return aioproc_test_count_fds ();
}

/* Waits until nothing is left of the workers: descriptors, zombies, or processes of any kind. */
static void
wait_for_nothing (guint n_fds)
{
  g_autoptr(GPtrArray) active = aioproc_process_get_active_children ();
  g_autoptr(GArray) children = test_tree_list_children (getpid ());

  g_assert_cmpuint (active->len, ==, 0);

  while (aioproc_test_count_fds () > n_fds)
    g_thread_yield ();

  /* These are supervisors. */
  for (guint i = 0; i < children->len; i++)
    {
      pid_t pid = g_array_index (children, pid_t, i);

      g_assert_cmpint (test_tree_get_state (pid), !=, 'Z');
      while (test_tree_count_children (pid) > 0)
        g_thread_yield ();
    }
}

typedef struct
{
  Gate           *gate;
  AioprocContext *context;
  AioprocProcess *processes[N_EACH];
} Starter;

static gpointer
start_thread (gpointer data)
{
  Starter *self = data;
  g_autoptr(GMainContext) main_context = g_main_context_new ();
  GAsyncResult *results[N_EACH] = { NULL };

  g_main_context_push_thread_default (main_context);
  gate_pass (self->gate);

  for (guint i = 0; i < N_EACH; i++)
    {
      self->processes[i] = aioproc_process_new (self->context, "wait-cancel", NULL);
      aioproc_process_start_async (self->processes[i], NULL, aioproc_test_store_result,
                                   &results[i]);
    }

  for (guint i = 0; i < N_EACH; i++)
    {
      g_autoptr(GError) error = NULL;

      aioproc_test_wait (&results[i]);
      g_assert_true (aioproc_process_start_finish (self->processes[i], results[i], &error));
      g_assert_no_error (error);
      g_object_unref (results[i]);
    }

  g_main_context_pop_thread_default (main_context);

  return NULL;
}

static gpointer
open_thread (gpointer data)
{
  gate_open (data);

  return NULL;
}

static gpointer
stop_thread (gpointer data)
{
  Starter *self = data;

  for (guint i = 0; i < N_EACH; i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_true (aioproc_process_cancel (self->processes[i], &error));
      g_assert_no_error (error);
    }

  for (guint i = 0; i < N_EACH; i++)
    {
      g_autoptr(GError) error = NULL;
      int exit_code = 99;

      test_join (self->processes[i]);
      g_assert_null (aioproc_process_dup_result (self->processes[i], &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_assert_true (aioproc_process_get_exit_code (self->processes[i], &exit_code));
      g_assert_cmpint (exit_code, ==, 1);
      test_release (self->processes[i]);
    }

  return NULL;
}

static void
test_process_concurrency_start (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(GHashTable) pids = g_hash_table_new (NULL, NULL);
  g_autoptr(GPtrArray) active = NULL;
  Starter starters[N_THREADS];
  GThread *opener;
  Gate gate;
  guint n_fds = warm_up (context);

  g_test_summary ("Many processes that many threads start at once all run, at the same time");

  gate_init (&gate);
  for (guint i = 0; i < N_THREADS; i++)
    starters[i] = (Starter) { .gate = &gate, .context = context };

  opener = g_thread_new ("opener", open_thread, &gate);
  run_threads (start_thread, starters, sizeof *starters, N_THREADS);
  g_thread_join (opener);

  for (guint i = 0; i < N_THREADS; i++)
    {
      for (guint j = 0; j < N_EACH; j++)
        {
          AioprocProcess *process = starters[i].processes[j];

          g_assert_true (aioproc_process_is_alive (process));
          g_hash_table_add (pids, GINT_TO_POINTER (aioproc_process_get_pid (process)));
        }
    }
  g_assert_cmpuint (g_hash_table_size (pids), ==, N_THREADS * N_EACH);

  active = aioproc_process_get_active_children ();
  g_assert_cmpuint (active->len, ==, N_THREADS * N_EACH);
  g_clear_pointer (&active, g_ptr_array_unref);

  run_threads (stop_thread, starters, sizeof *starters, N_THREADS);
  wait_for_nothing (n_fds);
  gate_clear (&gate);
}

static gpointer
run_thread (gpointer data)
{
  Starter *self = data;

  gate_pass (self->gate);

  for (int i = 0; i < N_EACH; i++)
    {
      g_autoptr(GVariant) value = NULL;
      g_autoptr(GError) error = NULL;

      value = test_run (self->context, "square", g_variant_new ("(i)", i), &error);
      g_assert_no_error (error);
      aioproc_test_assert_variant (value, g_variant_new ("(i)", i * i));
    }

  return NULL;
}

static void
test_process_concurrency_run (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  Starter starters[N_THREADS];
  GThread *opener;
  Gate gate;
  guint n_fds = warm_up (context);

  g_test_summary ("Threads that run one process after another get their own results");

  gate_init (&gate);
  for (guint i = 0; i < N_THREADS; i++)
    starters[i] = (Starter) { .gate = &gate, .context = context };

  opener = g_thread_new ("opener", open_thread, &gate);
  run_threads (run_thread, starters, sizeof *starters, N_THREADS);
  g_thread_join (opener);

  wait_for_nothing (n_fds);
  gate_clear (&gate);
}

typedef struct
{
  AioprocProcess *process;   /* not owned */
  guint           number;
} Joiner;

/* Until the process has ended: by joins that time out. */
static void
join_impatiently (AioprocProcess *process)
{
  g_autoptr(GError) error = NULL;

  while (!aioproc_process_join (process, 1000, NULL, &error))
    {
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
      g_clear_error (&error);
    }
}

/* One that is cancelled, and one that is not, in a context of the thread's own. */
static void
join_in_loop (AioprocProcess *process)
{
  g_autoptr(GMainContext) main_context = g_main_context_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) cancelled = NULL;
  g_autoptr(GAsyncResult) joined = NULL;
  g_autoptr(GError) error = NULL;

  g_main_context_push_thread_default (main_context);

  aioproc_process_join_async (process, -1, cancellable, aioproc_test_store_result, &cancelled);
  aioproc_process_join_async (process, -1, NULL, aioproc_test_store_result, &joined);
  g_cancellable_cancel (cancellable);

  aioproc_test_wait (&cancelled);
  g_assert_false (aioproc_process_join_finish (process, cancelled, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  aioproc_test_wait (&joined);
  g_assert_true (aioproc_process_join_finish (process, joined, &error));
  g_assert_no_error (error);

  g_main_context_pop_thread_default (main_context);
}

static gpointer
join_thread (gpointer data)
{
  Joiner *self = data;
  g_autoptr(GError) error = NULL;
  int exit_code = 99;

  switch (self->number % 4)
    {
    case 0:
      join_impatiently (self->process);
      break;

    case 1:
      join_in_loop (self->process);
      break;

    default:
      test_join (self->process);
      break;
    }

  /* They all see the same end, also those who ask again. */
  test_join (self->process);
  g_assert_true (aioproc_process_get_exit_code (self->process, &exit_code));
  g_assert_cmpint (exit_code, ==, -SIGKILL);
  g_assert_null (aioproc_process_dup_result (self->process, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);

  return NULL;
}

static gpointer
kill_thread (gpointer data)
{
  g_autoptr(GError) error = NULL;

  /* Not before some of the joins wait. */
  g_assert_false (aioproc_process_join (data, 20000, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);

  g_assert_true (aioproc_process_kill (data, &error));
  g_assert_no_error (error);

  return NULL;
}

static void
test_process_concurrency_join (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  guint n_fds = warm_up (context);

  g_test_summary ("Joins of one process in many threads, of all kinds, end as they should");

  for (guint round = 0; round < 5; round++)
    {
      AioprocProcess *process = test_start (context, "block", NULL);
      Joiner joiners[N_JOINERS];
      GThread *killer;

      for (guint i = 0; i < N_JOINERS; i++)
        joiners[i] = (Joiner) { .process = process, .number = i };

      killer = g_thread_new ("killer", kill_thread, process);
      run_threads (join_thread, joiners, sizeof *joiners, N_JOINERS);
      g_thread_join (killer);
      test_release (process);
    }

  wait_for_nothing (n_fds);
}

int
main (int   argc,
      char *argv[])
{
  test_functions_init ();
  aioproc_test_init (&argc, &argv);

  test_add_for_methods ("/aioproc/process-concurrency/start", test_process_concurrency_start);
  test_add_for_methods ("/aioproc/process-concurrency/run", test_process_concurrency_run);
  test_add_for_methods ("/aioproc/process-concurrency/join", test_process_concurrency_join);

  return g_test_run ();
}
