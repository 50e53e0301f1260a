/* test-process-cycles.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <malloc.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "process-functions.h"
#include "process-tree.h"

#ifdef AIOPROC_TEST_STRESS
# define N_CYCLES 10000
# define SECONDS  600
#else
# define N_CYCLES 500
# define SECONDS  60
#endif

/* By then all that is made once has been made. */
#define N_WARM_UP 100

/* The C library keeps some of what is freed, for each thread. */
#define HEAP_SLACK 16384

/* What a process holds. */
typedef struct
{
  guint   n_fds;
  guint   n_threads;
  guint64 memory;      /* KiB */
} Holdings;

static void
take_stock (pid_t     pid,
            Holdings *holdings)
{
  holdings->n_fds = test_tree_count_fds (pid);
  holdings->n_threads = test_tree_count_threads (pid);
  holdings->memory = test_tree_get_memory (pid);
}

/* At most 5 % more than before, and @slack. */
static void
assert_memory (guint64     before,
               guint64     after,
               guint64     slack,
               const char *what)
{
  g_test_message ("%s: %" G_GUINT64_FORMAT " before, %" G_GUINT64_FORMAT " after", what, before,
                  after);

#ifndef AIOPROC_SANITIZED
  g_assert_cmpuint (after, <=, before + before / 20 + slack);
#endif
}

/* Waits until the process holds no more than @holdings, in which something of the worker that had
 * just ended may have been counted.
 */
static void
assert_holdings (pid_t           pid,
                 const Holdings *holdings,
                 const char     *what)
{
  while (test_tree_count_fds (pid) > holdings->n_fds
         || test_tree_count_threads (pid) > holdings->n_threads)
    g_thread_yield ();

  assert_memory (holdings->memory, test_tree_get_memory (pid), 0, what);
}

/* The parent of the workers of @context, once it has none. */
static pid_t
wait_for_idle_supervisor (AioprocContext *context)
{
  g_autoptr(AioprocProcess) process = test_start (context, "block", NULL);
  pid_t supervisor = test_tree_get_parent (aioproc_process_get_pid (process));

  g_assert_cmpint (test_tree_get_parent (supervisor), ==, getpid ());
  aioproc_process_kill (process, NULL);
  test_join (process);

  while (test_tree_count_children (supervisor) > 0)
    g_thread_yield ();

  return supervisor;
}

static void
assert_no_zombies (void)
{
  g_autoptr(GArray) children = test_tree_list_children (getpid ());

  for (guint i = 0; i < children->len; i++)
    g_assert_cmpint (test_tree_get_state (g_array_index (children, pid_t, i)), !=, 'Z');
}

static void
run_once (AioprocContext *context,
          int             number)
{
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code = -1;

  process = aioproc_process_new (context, "square", g_variant_new ("(i)", number));

  if (number % 2 == 0)
    {
      g_assert_true (aioproc_process_start (process, NULL, &error));
      g_assert_no_error (error);
      test_join (process);
    }
  else
    {
      g_autoptr(GAsyncResult) started = NULL;
      g_autoptr(GAsyncResult) joined = NULL;

      aioproc_process_start_async (process, NULL, aioproc_test_store_result, &started);
      aioproc_process_join_async (process, -1, NULL, aioproc_test_store_result, &joined);
      aioproc_test_wait (&started);
      g_assert_true (aioproc_process_start_finish (process, started, &error));
      g_assert_no_error (error);
      aioproc_test_wait (&joined);
      g_assert_true (aioproc_process_join_finish (process, joined, &error));
      g_assert_no_error (error);
    }

  value = aioproc_process_dup_result (process, &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (value, g_variant_new ("(i)", number * number));
  g_assert_true (aioproc_process_get_exit_code (process, &exit_code));
  g_assert_cmpint (exit_code, ==, 0);
}

static void
test_process_cycles (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  Holdings own;
  Holdings supervisors;
  struct mallinfo2 heap;
  pid_t supervisor;

  g_test_summary ("Descriptors, threads, processes and memory are constant over many cycles");
  aioproc_test_arm_watchdog (SECONDS);

  for (int i = 0; i < N_WARM_UP; i++)
    run_once (context, i);

  supervisor = wait_for_idle_supervisor (context);
  take_stock (supervisor, &supervisors);
  take_stock (getpid (), &own);
  heap = mallinfo2 ();

  for (int i = 0; i < N_CYCLES; i++)
    run_once (context, i);

  g_assert_cmpint (wait_for_idle_supervisor (context), ==, supervisor);
  assert_holdings (supervisor, &supervisors, "Memory of the supervisor in KiB");
  assert_holdings (getpid (), &own, "Memory of the program in KiB");
  assert_memory (heap.uordblks, mallinfo2 ().uordblks, HEAP_SLACK,
                 "Heap of the program in bytes");
  assert_no_zombies ();
}

/* Cycles that do not end well. */
static void
fail_once (AioprocContext *context,
           guint           number)
{
  static const char * const functions[] = { "die", "exit", "fail", "no-such-function" };
  const char *function = functions[number % G_N_ELEMENTS (functions)];
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(GError) error = NULL;

  process = aioproc_process_new (context, function,
                                 number % G_N_ELEMENTS (functions) == 2
                                   ? g_variant_new ("(s)", "Gone")
                                   : g_variant_new ("(i)", 9));

  if (number % 3 == 0)
    {
      aioproc_process_start_async (process, NULL, NULL, NULL);
      g_assert_true (aioproc_process_kill (process, &error));
      g_assert_no_error (error);
    }
  else
    {
      aioproc_process_start (process, NULL, NULL);
    }

  test_join (process);
  g_assert_null (aioproc_process_dup_result (process, &error));
  g_assert_nonnull (error);
}

static void
test_process_cycles_failing (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  Holdings own;
  Holdings supervisors;
  struct mallinfo2 heap;
  pid_t supervisor;

  g_test_summary ("The same for processes that are killed, fail, or cannot be started");
  aioproc_test_arm_watchdog (SECONDS);

  for (guint i = 0; i < N_WARM_UP; i++)
    fail_once (context, i);
  while (g_main_context_iteration (NULL, FALSE))
    continue;

  supervisor = wait_for_idle_supervisor (context);
  take_stock (supervisor, &supervisors);
  take_stock (getpid (), &own);
  heap = mallinfo2 ();

  for (guint i = 0; i < N_CYCLES / 2; i++)
    {
      fail_once (context, i);
      while (g_main_context_iteration (NULL, FALSE))
        continue;
    }

  g_assert_cmpint (wait_for_idle_supervisor (context), ==, supervisor);
  assert_holdings (supervisor, &supervisors, "Memory of the supervisor in KiB");
  assert_holdings (getpid (), &own, "Memory of the program in KiB");
  assert_memory (heap.uordblks, mallinfo2 ().uordblks, HEAP_SLACK,
                 "Heap of the program in bytes");
  assert_no_zombies ();
}

int
main (int   argc,
      char *argv[])
{
  test_functions_init ();
  aioproc_test_init (&argc, &argv);

  test_add_for_methods ("/aioproc/process-cycles/ending", test_process_cycles);
  test_add_for_methods ("/aioproc/process-cycles/failing", test_process_cycles_failing);

  return g_test_run ();
}
