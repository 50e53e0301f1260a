/* sync-torture.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "sync-torture.h"

#include <unistd.h>

#include "aioproc-test.h"
#include "core/core-test.h"
#include "platform/platform-test.h"

#define MAX_PROCESSES 8
#define N_THREADS     2
#define CHECK_EVERY   4

typedef struct {
  _Atomic guint32 n_steps[MAX_PROCESSES][N_THREADS];
  guint64         state[];
} TortureShared;

typedef struct {
  const TortureSetup *setup;
  TortureShared      *shared;
  SyncParcel          parcel;
  guint               index;         /* of the process */
} TortureProcess;

typedef struct {
  gpointer            object;
  TortureStep         step;
  gpointer            state;
  _Atomic guint32    *count;         /* (nullable) */
  guint               n_steps;       /* 0: until told to end */
  gboolean            async;
  _Atomic guint32     end;
} TortureThread;

static gpointer
torture_thread_run (gpointer data)
{
  TortureThread *self = data;
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GRand) random = g_rand_new ();

  g_main_context_push_thread_default (context);

  for (guint i = 0; self->n_steps == 0 ? !atomic_load (&self->end) : i < self->n_steps; i++)
    {
      self->step (self->object, self->async, self->state, random);

      if (self->count != NULL)
        atomic_fetch_add (self->count, 1);
    }

  g_main_context_pop_thread_default (context);

  return NULL;
}

static int
torture_process_run (gpointer user_data)
{
  TortureProcess *self = user_data;
  TortureThread threads[N_THREADS];
  gpointer object = sync_test_import (&self->parcel);

  for (guint i = 0; i < N_THREADS; i++)
    {
      threads[i] = (TortureThread) {
        .object = object,
        .step = self->setup->steps[self->index % 2],
        .state = self->shared->state,
        .count = &self->shared->n_steps[self->index][i],
        .async = i == 1,
      };

      if (i > 0)
        g_thread_unref (g_thread_new ("torture", torture_thread_run, &threads[i]));
    }

  torture_thread_run (&threads[0]);

  return 0;
}

static pid_t
torture_process_start (TortureProcess *self)
{
  return self->setup->orphans ? sync_test_fork_orphan (torture_process_run, self)
                              : platform_test_fork (torture_process_run, self);
}

static void
torture_process_kill (TortureProcess *self,
                      pid_t           pid)
{
  if (self->setup->orphans)
    sync_test_kill_orphan (pid);
  else
    core_test_kill (pid);
}

/* Hangs where a thread does, but for those of process @except. */
static void
wait_for_threads (const TortureSetup *setup,
                  TortureShared      *shared,
                  guint               except)
{
  guint32 before[MAX_PROCESSES][N_THREADS];

  for (guint i = 0; i < setup->n_processes; i++)
    {
      for (guint j = 0; j < N_THREADS; j++)
        before[i][j] = atomic_load (&shared->n_steps[i][j]);
    }

  for (guint i = 0; i < setup->n_processes; i++)
    {
      for (guint j = 0; j < N_THREADS && i != except; j++)
        core_test_wait_beyond (&shared->n_steps[i][j], before[i][j]);
    }

  aioproc_test_arm_watchdog (60);
}

static int
check_object_run (gpointer user_data)
{
  TortureProcess *self = user_data;
  g_autoptr(GObject) object = sync_test_import (&self->parcel);

  self->setup->check_object (object, self->shared->state);

  return 0;
}

static void
torture_processes (const TortureSetup *setup,
                   guint               n_kills)
{
  gsize size = sizeof (TortureShared) + setup->state_size;
  TortureShared *shared = platform_test_map_shared (size);
  TortureProcess processes[MAX_PROCESSES];
  pid_t pids[MAX_PROCESSES];
  guint check_every = setup->check_every > 0 ? setup->check_every : CHECK_EVERY;
  SyncParcel parcel = setup->make != NULL
                        ? sync_test_create_by (setup->make)
                        : sync_test_create_with (setup->type, setup->property, setup->value);

  g_assert_cmpuint (setup->n_processes, <=, MAX_PROCESSES);

  for (guint i = 0; i < setup->n_processes; i++)
    {
      processes[i] = (TortureProcess) { setup, shared, parcel, i };
      pids[i] = torture_process_start (&processes[i]);
    }

  wait_for_threads (setup, shared, MAX_PROCESSES);

  for (guint n = 1; n <= n_kills; n++)
    {
      guint i = g_test_rand_int_range (0, setup->n_processes);

      core_test_pass_time (g_test_rand_int_range (0, 600));
      torture_process_kill (&processes[i], pids[i]);

      /* Before the new one comes, which might announce the death in passing. */
      if (n % check_every == 0)
        wait_for_threads (setup, shared, i);

      pids[i] = torture_process_start (&processes[i]);
    }

  wait_for_threads (setup, shared, MAX_PROCESSES);

  for (guint i = 0; i < setup->n_processes; i++)
    torture_process_kill (&processes[i], pids[i]);

  setup->check (shared->state);

  if (setup->check_object != NULL)
    platform_test_wait_success (platform_test_fork (check_object_run, &processes[0]));

  sync_test_parcel_clear (&parcel);
  platform_test_unmap (shared, size);
}

static void
torture_threads (const TortureSetup *setup,
                 guint               n_threads,
                 guint               n_steps)
{
  g_autoptr(GError) error = NULL;
  g_autofree TortureThread *contexts = g_new (TortureThread, n_threads);
  g_autofree GThread **threads = g_new (GThread *, n_threads);
  g_autofree gpointer state = g_malloc0 (setup->state_size);
  gpointer object = setup->make != NULL
                      ? setup->make ()
                      : g_initable_new (setup->type, NULL, &error, setup->property, setup->value,
                                        NULL);

  g_assert_no_error (error);

  for (guint i = 0; i < n_threads; i++)
    {
      contexts[i] = (TortureThread) {
        .object = object,
        .step = setup->steps[i / 2 % 2],
        .state = state,
        .n_steps = i / 2 % 2 == 0 && setup->steps[0] != setup->steps[1] ? 0 : n_steps,
        .async = i % 2 == 1,
      };
      threads[i] = g_thread_new ("torture", torture_thread_run, &contexts[i]);
    }

  /* Those of the second kind need the others until they are done. */
  for (guint i = 0; i < n_threads; i++)
    {
      if (contexts[i].n_steps > 0)
        g_thread_join (threads[i]);
    }

  for (guint i = 0; i < n_threads; i++)
    {
      if (contexts[i].n_steps > 0)
        continue;

      atomic_store (&contexts[i].end, 1);
      g_thread_join (threads[i]);
    }

  if (setup->check_object != NULL)
    setup->check_object (object, state);

  g_assert_finalize_object (object);
}

void
torture (const TortureSetup *setup,
         guint               n_kills,
         guint               n_threads,
         guint               n_steps)
{
#ifdef CORE_TEST_TSAN
  const gboolean in_threads = TRUE;
#else
  const gboolean in_threads = FALSE;
#endif

  if (in_threads)
    torture_threads (setup, n_threads, n_steps);
  else
    torture_processes (setup, n_kills);
}

/* --- Operations --- */

typedef struct {
  gint64        timeout_usec;
  GCancellable *cancellable;   /* (owned) (nullable) */
} Limits;

/* One of eight has a short timeout, one is cancelled. */
static Limits
limits_new (GRand *random)
{
  Limits limits = { -1, NULL };

  switch (g_rand_int_range (random, 0, 8))
    {
    case 0:
      limits.timeout_usec = g_rand_int_range (random, 0, 200);
      break;

    case 1:
      limits.cancellable = g_cancellable_new ();
      break;

    default:
      break;
    }

  return limits;
}

static gboolean
is_expected (const Limits *limits,
             const GError *error)
{
  return (limits->timeout_usec >= 0 && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)) ||
         (limits->cancellable != NULL && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
}

static gboolean
finish_operation (Limits       *limits,
                  gboolean      done,
                  const GError *error)
{
  if (!done && !is_expected (limits, error))
    g_error ("%s", error->message);

  g_clear_object (&limits->cancellable);

  return done;
}

static void
wait_for_result (GAsyncResult **result,
                 Limits        *limits)
{
  if (limits->cancellable != NULL)
    {
      g_main_context_iteration (g_main_context_get_thread_default (), FALSE);
      g_cancellable_cancel (limits->cancellable);
    }

  aioproc_test_wait (result);
}

gboolean
torture_acquire (AioprocLock *lock,
                 gboolean     async,
                 GRand       *random)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  Limits limits = limits_new (random);
  gboolean done;

  if (async)
    {
      aioproc_lock_acquire_async (lock, limits.timeout_usec, limits.cancellable,
                                  aioproc_test_store_result, &result);
      wait_for_result (&result, &limits);
      done = aioproc_lock_acquire_finish (lock, result, &error);
    }
  else
    {
      done = aioproc_lock_acquire (lock, limits.timeout_usec, limits.cancellable, &error);
    }

  return finish_operation (&limits, done, error);
}

gboolean
torture_acquire_rlock (AioprocRLock *lock,
                       guint64       owner,
                       gboolean      async,
                       GRand        *random)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  Limits limits = limits_new (random);
  gboolean done;

  if (async)
    {
      aioproc_rlock_acquire_async (lock, owner, limits.timeout_usec, limits.cancellable,
                                   aioproc_test_store_result, &result);
      wait_for_result (&result, &limits);
      done = aioproc_rlock_acquire_finish (lock, result, &error);
    }
  else
    {
      done = aioproc_rlock_acquire (lock, owner, limits.timeout_usec, limits.cancellable, &error);
    }

  return finish_operation (&limits, done, error);
}

gboolean
torture_acquire_unit (AioprocSemaphore *semaphore,
                      gboolean          async,
                      GRand            *random)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  Limits limits = limits_new (random);
  gboolean done;

  if (async)
    {
      aioproc_semaphore_acquire_async (semaphore, limits.timeout_usec, limits.cancellable,
                                       aioproc_test_store_result, &result);
      wait_for_result (&result, &limits);
      done = aioproc_semaphore_acquire_finish (semaphore, result, &error);
    }
  else
    {
      done = aioproc_semaphore_acquire (semaphore, limits.timeout_usec, limits.cancellable, &error);
    }

  return finish_operation (&limits, done, error);
}

gboolean
torture_wait_notified (AioprocCondition *condition,
                       guint64           owner,
                       gboolean          async,
                       GRand            *random)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  Limits limits = limits_new (random);
  gboolean done;

  if (async)
    {
      aioproc_condition_wait_async (condition, owner, limits.timeout_usec, limits.cancellable,
                                    aioproc_test_store_result, &result);
      wait_for_result (&result, &limits);
      done = aioproc_condition_wait_finish (condition, result, &error);
    }
  else
    {
      done = aioproc_condition_wait (condition, owner, limits.timeout_usec, limits.cancellable,
                                     &error);
    }

  return finish_operation (&limits, done, error);
}

gboolean
torture_wait (AioprocEvent *event,
              gboolean      async,
              GRand        *random)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  Limits limits = limits_new (random);
  gboolean done;

  if (async)
    {
      aioproc_event_wait_async (event, limits.timeout_usec, limits.cancellable,
                                aioproc_test_store_result, &result);
      wait_for_result (&result, &limits);
      done = aioproc_event_wait_finish (event, result, &error);
    }
  else
    {
      done = aioproc_event_wait (event, limits.timeout_usec, limits.cancellable, &error);
    }

  return finish_operation (&limits, done, error);
}

int
torture_meet (AioprocBarrier *barrier,
              gboolean        async,
              GRand          *random)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  Limits limits = limits_new (random);
  int index;

#ifdef CORE_TEST_TSAN
  /* Of threads that do so and so many steps, the last ones find nobody to meet. */
  if (limits.timeout_usec < 0)
    limits.timeout_usec = 20 * G_TIME_SPAN_MILLISECOND;
#endif

  if (async)
    {
      aioproc_barrier_wait_async (barrier, limits.timeout_usec, limits.cancellable,
                                  aioproc_test_store_result, &result);
      wait_for_result (&result, &limits);
      index = aioproc_barrier_wait_finish (barrier, result, &error);
    }
  else
    {
      index = aioproc_barrier_wait (barrier, limits.timeout_usec, limits.cancellable, &error);
    }

  /* Another one has broken it. */
  if (g_error_matches (error, AIOPROC_ERROR, AIOPROC_ERROR_BROKEN_BARRIER))
    g_clear_object (&limits.cancellable);
  else
    finish_operation (&limits, index >= 0, error);

  return index;
}
