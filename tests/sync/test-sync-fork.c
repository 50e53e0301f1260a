/* test-sync-fork.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/core-test.h"
#include "platform/platform-test.h"
#include "scale-kinds.h"

/* A child that was forked, without exec, by a process which uses the object already. */

static int
stranger_run (gpointer data)
{
  AioprocLock *lock = data;
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_lock_is_locked (lock));
  g_assert_false (aioproc_lock_try_acquire (lock, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  g_assert_false (aioproc_lock_release (lock, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);
  g_clear_error (&error);
  g_assert_false (aioproc_lock_acquire (lock, 1000, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);

  return 0;
}

static int
holder_run (gpointer data)
{
  AioprocLock *lock = data;
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_lock_acquire (lock, -1, NULL, &error));
  g_assert_no_error (error);

  /* And ends. */
  return 0;
}

static void
test_lock_fork (void)
{
  g_autoptr(AioprocLock) lock = NULL;
  g_autoptr(GError) error = NULL;
  pid_t pid;

  g_test_summary ("A forked child holds nothing of what its parent holds, and can hold it itself");

#ifdef CORE_TEST_TSAN
  g_test_skip ("ThreadSanitizer is lost in a forked child that has threads");
  return;
#endif

  lock = aioproc_lock_new (&error);
  g_assert_no_error (error);
  g_assert_true (aioproc_lock_acquire (lock, -1, NULL, &error));
  g_assert_no_error (error);

  /* The end of the child lets nothing go, either. */
  for (guint i = 0; i < 2; i++)
    {
      platform_test_wait_success (platform_test_fork (stranger_run, lock));
      g_assert_true (aioproc_lock_is_locked (lock));
    }

  /* It waits, or comes later. */
  pid = platform_test_fork (holder_run, lock);
  g_assert_true (aioproc_lock_release (lock, &error));
  g_assert_no_error (error);
  platform_test_wait_success (pid);

  g_assert_true (aioproc_lock_acquire (lock, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_lock_get_was_abandoned (lock));
  g_assert_true (aioproc_lock_release (lock, &error));
  g_assert_no_error (error);
  g_assert_finalize_object (g_steal_pointer (&lock));
}

#define N_PENDING 100

typedef struct {
  const ScaleKind *kind;
  gpointer         object;
  guint            n_ended;
  _Atomic guint32 *started;   /* by the child: shared with it */
} Pending;

static void
pending_ended_cb (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  Pending *pending = user_data;
  g_autoptr(GError) error = NULL;

  g_assert_true (pending->kind->finish (pending->object, 1 + pending->n_ended, result, &error));
  g_assert_no_error (error);
  pending->n_ended++;
}

static void
pending_start (Pending             *pending,
               guint64              owner,
               GAsyncReadyCallback  callback,
               gpointer             user_data)
{
  if (pending->kind->prepare != NULL)
    pending->kind->prepare (pending->object);

  pending->kind->start (pending->object, owner, NULL, callback, user_data);
}

static int
heir_run (gpointer data)
{
  Pending *pending = data;
  /* That of the parent has the parent's descriptor to be woken by. */
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_main_context_push_thread_default (context);

  /* An operation of its own, of which the parent's are not in front. */
  pending_start (pending, 1, aioproc_test_store_result, &result);
  core_test_store (pending->started, 1);
  aioproc_test_wait (&result);
  g_assert_true (pending->kind->finish (pending->object, 1, result, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (pending->n_ended, ==, 0);
  g_main_context_pop_thread_default (context);

  return 0;
}

static void
test_fork_pending (gconstpointer data)
{
  Pending pending = { .kind = data };
  pid_t pid;

  g_test_summary ("Waits that are pending during a fork are the parent's; the child has others");

#ifdef CORE_TEST_TSAN
  g_test_skip ("ThreadSanitizer is lost in a forked child that has threads");
  return;
#endif

  pending.object = pending.kind->make ();
  pending.started = platform_test_map_shared (sizeof *pending.started);

  for (guint i = 0; i < N_PENDING; i++)
    pending_start (&pending, 1 + i, pending_ended_cb, &pending);

  pid = platform_test_fork (heir_run, &pending);
  core_test_wait_for (pending.started, 1);
  /* One for the child. */
  pending.kind->let (pending.object, N_PENDING + 1);
  aioproc_test_wait_until (pending.n_ended == N_PENDING);
  platform_test_wait_success (pid);

  if (pending.kind->check != NULL)
    pending.kind->check (pending.object, N_PENDING, N_PENDING);

  platform_test_unmap (pending.started, sizeof *pending.started);
  g_assert_finalize_object (pending.object);
}

static int
setter_run (gpointer data)
{
  AioprocEvent *event = data;
  g_autoptr(GError) error = NULL;

  g_assert_false (aioproc_event_is_set (event));
  g_assert_true (aioproc_event_set (event, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_event_wait (event, -1, NULL, &error));
  g_assert_no_error (error);

  return 0;
}

static void
test_event_fork (void)
{
  g_autoptr(AioprocEvent) event = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A forked child releases what its parent waits for, and has no part in the wait");

#ifdef CORE_TEST_TSAN
  g_test_skip ("ThreadSanitizer is lost in a forked child that has threads");
  return;
#endif

  event = aioproc_event_new (&error);
  g_assert_no_error (error);
  aioproc_event_wait_async (event, -1, NULL, aioproc_test_store_result, &result);
  platform_test_wait_success (platform_test_fork (setter_run, event));

  aioproc_test_wait (&result);
  g_assert_true (aioproc_event_wait_finish (event, result, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_event_is_set (event));
  g_clear_object (&result);
  g_assert_finalize_object (g_steal_pointer (&event));
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/sync-fork/lock", test_lock_fork);
  aioproc_test_add_func ("/aioproc/sync-fork/event", test_event_fork);

  for (guint i = 0; i < n_scale_kinds; i++)
    {
      g_autofree char *path = g_strdup_printf ("/aioproc/sync-fork/pending/%s",
                                               scale_kinds[i].name);

      aioproc_test_add_data_func (path, &scale_kinds[i], test_fork_pending);
    }

  return g_test_run ();
}
