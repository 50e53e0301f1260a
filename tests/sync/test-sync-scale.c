/* test-sync-scale.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "scale-kinds.h"

/* A sanitizer says no more about many than about some. */
#ifdef HAVE_SANITIZER
# define N_PENDING 10000
#else
# define N_PENDING 100000
#endif
#define N_STORM    10000
#define N_DISPOSED 5000
#define N_THREADS  16

/* How many words one thread of the library watches. */
#define N_WATCHED 126

/* --- One thread's operations on one object --- */

typedef struct {
  const ScaleKind *kind;
  gpointer    object;
  GThread    *thread;      /* where all of them end */
  guint       n_started;
  guint       n_let;       /* how they ended */
  guint       n_cancelled;
  guint       n_closed;
} Run;

static guint
run_count_ended (const Run *run)
{
  return run->n_let + run->n_cancelled + run->n_closed;
}

typedef struct {
  Run     *run;
  guint64  owner;
} Operation;

static void
run_ended_cb (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autofree Operation *operation = user_data;
  Run *run = operation->run;
  g_autoptr(GError) error = NULL;

  g_assert_true (g_thread_self () == run->thread);
  g_assert_true ((gpointer) source == run->object);

  if (run->kind->finish (run->object, operation->owner, result, &error))
    run->n_let++;
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    run->n_cancelled++;
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    run->n_closed++;
  else
    g_error ("%s", error->message);
}

static void
run_start (Run          *run,
           GCancellable *cancellable)
{
  static _Atomic guint64 n_owners;
  Operation *operation = g_new (Operation, 1);
  guint n_ended;

  *operation = (Operation) { run, atomic_fetch_add (&n_owners, 1) + 1 };
  run->thread = g_thread_self ();

  if (run->kind->prepare != NULL)
    run->kind->prepare (run->object);

  n_ended = run_count_ended (run);
  run->kind->start (run->object, operation->owner, cancellable, run_ended_cb, operation);
  run->n_started++;
  g_assert_cmpuint (run_count_ended (run), ==, n_ended);
}

static void
run_wait (const Run *run)
{
  aioproc_test_wait_until (run_count_ended (run) == run->n_started);
}

/* What was let through is nobody's. */
static void
run_free_object (Run *run)
{
  if (run->kind->end != NULL)
    run->kind->end (run->object);

  g_assert_finalize_object (g_steal_pointer (&run->object));
}

static gboolean
has_waitv (void)
{
  if (g_getenv ("AIOPROC_DISABLE_WAITV") != NULL)
    return FALSE;

  return syscall (SYS_futex_waitv, NULL, 0, 0, NULL, 0) < 0 && errno != ENOSYS;
}

/* --- The cases --- */

static void
test_pending (gconstpointer data)
{
  const ScaleKind *kind = data;
  Run run = { .kind = kind, .object = kind->make () };
  guint n_threads;

  g_test_summary ("Very many operations wait for one object, need one thread, and all end");

  run_start (&run, NULL);
  n_threads = aioproc_test_count_threads ();

  while (run.n_started < N_PENDING)
    run_start (&run, NULL);

  g_assert_cmpuint (aioproc_test_count_threads (), <=, n_threads);

  kind->let (run.object, N_PENDING);
  run_wait (&run);
  g_assert_cmpuint (run.n_let, ==, N_PENDING);

  if (kind->check != NULL)
    kind->check (run.object, N_PENDING, N_PENDING);

  run_free_object (&run);
}

static void
test_objects (gconstpointer data)
{
  const ScaleKind *kind = data;
  g_autofree Run *runs = g_new0 (Run, kind->n_objects);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  struct rlimit limit;
  guint n_threads;

  g_test_summary ("Many objects with pending operations need few threads, and end each in its way");

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);

  if (limit.rlim_max < 2 * kind->n_fds * kind->n_objects)
    {
      g_test_skip ("There are not enough descriptors");
      return;
    }

  limit.rlim_cur = MAX (limit.rlim_cur, 2 * kind->n_fds * kind->n_objects);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);

  for (guint i = 0; i < kind->n_objects; i++)
    runs[i] = (Run) { .kind = kind, .object = kind->make () };

  /* GLib's own thread, which comes with the first task. */
  g_type_ensure (G_TYPE_TASK);
  n_threads = aioproc_test_count_threads ();

  for (guint i = 0; i < kind->n_objects; i++)
    {
      run_start (&runs[i], cancellable);
      run_start (&runs[i], NULL);
    }

  if (has_waitv ())
    g_assert_cmpuint (aioproc_test_count_threads (), <=,
                      n_threads + (kind->n_objects + N_WATCHED - 1) / N_WATCHED);

  /* One of two of each, all at once. */
  g_cancellable_cancel (cancellable);

  for (guint i = 0; i < kind->n_objects; i++)
    {
      aioproc_test_wait_until (runs[i].n_cancelled == 1);

      if (i % 2 == 0)
        kind->let (runs[i].object, 1);
      else
        g_object_run_dispose (runs[i].object);
    }

  for (guint i = 0; i < kind->n_objects; i++)
    {
      run_wait (&runs[i]);
      g_assert_cmpuint (runs[i].n_let + runs[i].n_closed, ==, 1);

      /* Of those that break the end may come before or after it. */
      if (i % 2 == 0 || !kind->breaks)
        g_assert_cmpuint (runs[i].n_let, ==, i % 2 == 0);

      run_free_object (&runs[i]);
    }
}

typedef struct {
  GCancellable **cancellables;
  guint          first;
} StormRun;

static gpointer
storm_thread (gpointer data)
{
  StormRun *storm = data;

  for (guint i = storm->first; i < N_STORM; i += 2)
    g_cancellable_cancel (storm->cancellables[i]);

  return NULL;
}

static void
test_storm (gconstpointer data)
{
  const ScaleKind *kind = data;
  Run run = { .kind = kind, .object = kind->make () };
  g_autofree GCancellable **cancellables = g_new (GCancellable *, N_STORM);
  StormRun storms[] = { { cancellables, 0 }, { cancellables, 1 } };
  GThread *threads[G_N_ELEMENTS (storms)];

  g_test_summary ("Two threads cancel 10,000 operations while a third lets them through");

  for (guint i = 0; i < N_STORM; i++)
    {
      cancellables[i] = g_cancellable_new ();
      run_start (&run, cancellables[i]);
    }

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("cancel", storm_thread, &storms[i]);

  kind->let (run.object, N_STORM / 10);
  run_wait (&run);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);

  g_assert_cmpuint (run.n_let + run.n_cancelled, ==, N_STORM);

  /* Each was let through or cancelled, and never both. */
  if (kind->check != NULL)
    kind->check (run.object, N_STORM / 10, run.n_let);

  for (guint i = 0; i < N_STORM; i++)
    g_assert_finalize_object (cancellables[i]);

  run_free_object (&run);
}

static gpointer
dispose_thread (gpointer object)
{
  g_object_run_dispose (object);

  return NULL;
}

static void
test_disposed (gconstpointer data)
{
  const ScaleKind *kind = data;
  Run run = { .kind = kind, .object = kind->make () };
  GThread *thread;

  g_test_summary ("Another thread disposes of an object while thousands of operations start");

  while (run.n_started < N_DISPOSED)
    run_start (&run, NULL);

  thread = g_thread_new ("dispose", dispose_thread, run.object);

  while (run.n_started < 2 * N_DISPOSED)
    run_start (&run, NULL);

  g_thread_join (thread);
  run_start (&run, NULL);
  run_wait (&run);
  g_assert_cmpuint (run.n_closed + (kind->breaks ? run.n_let : 0), ==, run.n_started);
  g_assert_cmpuint (run.n_closed, >, N_DISPOSED);
  run_free_object (&run);
}

typedef struct {
  Run              run;
  _Atomic guint32 *n_waiting;
} ContextRun;

static gpointer
context_thread (gpointer data)
{
  ContextRun *context_run = data;
  g_autoptr(GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);

  for (guint i = 0; i < 100; i++)
    run_start (&context_run->run, NULL);

  atomic_fetch_add (context_run->n_waiting, 1);
  run_wait (&context_run->run);
  g_main_context_pop_thread_default (context);

  return NULL;
}

static void
test_contexts (gconstpointer data)
{
  const ScaleKind *kind = data;
  ContextRun runs[N_THREADS];
  GThread *threads[N_THREADS];
  gpointer object = kind->make ();
  _Atomic guint32 n_waiting = 0;

  g_test_summary ("Threads that wait for one object get each their own operations back");

  for (guint i = 0; i < N_THREADS; i++)
    {
      runs[i] = (ContextRun) { { .kind = kind, .object = object }, &n_waiting };
      threads[i] = g_thread_new ("context", context_thread, &runs[i]);
    }

  while (atomic_load (&n_waiting) < N_THREADS)
    g_thread_yield ();

  kind->let (object, N_THREADS * 100);

  for (guint i = 0; i < N_THREADS; i++)
    {
      g_thread_join (threads[i]);
      g_assert_cmpuint (runs[i].run.n_let, ==, 100);
    }

  g_assert_finalize_object (object);
}

int
main (int   argc,
      char *argv[])
{
  static const struct {
    const char    *name;
    GTestDataFunc  func;
  } cases[] = {
    { "pending", test_pending },
    { "objects", test_objects },
    { "storm", test_storm },
    { "disposed", test_disposed },
    { "contexts", test_contexts },
  };

  aioproc_test_init (&argc, &argv);

  for (guint i = 0; i < n_scale_kinds; i++)
    {
      for (guint j = 0; j < G_N_ELEMENTS (cases); j++)
        {
          const ScaleKind *kind = &scale_kinds[i];
          g_autofree char *path = g_strdup_printf ("/aioproc/sync-scale/%s/%s", kind->name,
                                                   cases[j].name);

          aioproc_test_add_data_func (path, kind, cases[j].func);
        }
    }

  return g_test_run ();
}
