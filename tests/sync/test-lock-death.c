/* test-lock-death.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/core-test.h"
#include "core/trace-test.h"
#include "platform/aioproc-memfd-private.h"
#include "platform/platform-test.h"
#include "sync-test.h"

#ifndef SYS_futex_waitv
# define SYS_futex_waitv 449
#endif

/* Processes that die at a certain moment, and one that waits. See also test-sync-death.c. */
typedef struct {
  /* What the children inherit. */
  AioprocLock     *lock;        /* (owned) */
  AioprocLock     *other;       /* (owned) (nullable) of another family */
  gboolean         async;       /* how the waiter waits */
  int              source_fd;
  guint8          *target;

  /* What they share. */
  struct {
    _Atomic guint32 begun;
    _Atomic guint32 got;        /* 1: acquired, 2: acquired, and told that it was abandoned */
    _Atomic guint32 go;
    _Atomic guint32 n_reads;
  } *shared;
  pid_t            waiter;
} Fixture;

static void
fixture_init (Fixture *fixture,
              gboolean async)
{
  g_autoptr(GError) error = NULL;

  memset (fixture, 0, sizeof *fixture);
  fixture->lock = aioproc_lock_new (&error);
  g_assert_no_error (error);
  fixture->async = async;
  fixture->shared = platform_test_map_shared (sizeof *fixture->shared);
}

static void
fixture_clear (Fixture *fixture)
{
  platform_test_unmap (fixture->shared, sizeof *fixture->shared);
  g_assert_finalize_object (fixture->lock);
}

static void
acquire (AioprocLock *lock,
         gboolean     async)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GError) error = NULL;
  gboolean acquired;

  if (async)
    {
      g_main_context_push_thread_default (context);
      aioproc_lock_acquire_async (lock, -1, NULL, aioproc_test_store_result, &result);
      aioproc_test_wait (&result);
      acquired = aioproc_lock_acquire_finish (lock, result, &error);
      g_main_context_pop_thread_default (context);
    }
  else
    {
      acquired = aioproc_lock_acquire (lock, -1, NULL, &error);
    }

  g_assert_no_error (error);
  g_assert_true (acquired);
}

static int
waiter_run (gpointer user_data)
{
  Fixture *fixture = user_data;

  core_test_attach (core_test_get_family ());
  core_test_store (&fixture->shared->begun, 1);
  acquire (fixture->lock, fixture->async);
  core_test_store (&fixture->shared->got, aioproc_lock_get_was_abandoned (fixture->lock) ? 2 : 1);
  core_test_wait_for (&fixture->shared->go, 1);
  g_assert_true (aioproc_lock_release (fixture->lock, NULL));

  return 0;
}

/* Starts the one that waits, and lets it fall asleep. */
static void
fixture_start_waiter (Fixture *fixture)
{
  fixture->waiter = platform_test_fork (waiter_run, fixture);
  core_test_wait_for (&fixture->shared->begun, 1);
  core_test_wait_for_sleep (fixture->waiter);
  g_assert_cmpuint (atomic_load (&fixture->shared->got), ==, 0);
}

/* The waiter gets the lock, as it should be. */
static void
fixture_expect (Fixture *fixture,
                gboolean abandoned)
{
  g_assert_cmpuint (core_test_wait_for_any (&fixture->shared->got), ==, abandoned ? 2 : 1);
  core_test_store (&fixture->shared->go, 1);
  platform_test_wait_success (fixture->waiter);
  g_assert_false (aioproc_lock_is_locked (fixture->lock));
}

/* --- Traced ones --- */

static int
traced_acquirer_run (gpointer user_data)
{
  Fixture *fixture = user_data;

  core_test_attach (core_test_get_family ());
  trace_test_mark ();
  acquire (fixture->lock, FALSE);

  return 1;
}

static int
traced_releaser_run (gpointer user_data)
{
  Fixture *fixture = user_data;

  acquire (fixture->lock, FALSE);
  trace_test_mark ();
  g_assert_true (aioproc_lock_release (fixture->lock, NULL));

  return 1;
}

static void
test_lock_death_woken (gconstpointer data)
{
  guint variant = GPOINTER_TO_UINT (data);
  gboolean barge = (variant & 2) != 0;
  gboolean hungry = (variant & 4) != 0;
  guint n_barged = 0;
  Fixture fixture;
  gboolean barged;
  pid_t pid;

  g_test_summary ("A waiter is killed that was woken, and has not taken the lock yet");

  /* On a slow machine the waiter is refused for so long that nobody can come between: once more. */
  for (guint i = 0; i < 5 || (barge && n_barged == 0); i++)
    {
      fixture_init (&fixture, variant & 1);
      g_assert_true (aioproc_lock_try_acquire (fixture.lock, NULL));

      /* The first to sleep is the first to be woken. */
      pid = trace_test_fork (traced_acquirer_run, &fixture);
      trace_test_run_to_sleep (pid, SYS_futex_waitv);
      fixture_start_waiter (&fixture);

      if (hungry)
        {
          /* One more, which is refused for long enough to ask for the lock to be handed over. */
          core_test_pass_time (2 * G_TIME_SPAN_MILLISECOND);
          g_assert_false (aioproc_lock_acquire (fixture.lock, 3 * G_TIME_SPAN_MILLISECOND, NULL,
                                                NULL));
        }

      g_assert_true (aioproc_lock_release (fixture.lock, NULL));
      trace_test_end_syscall (pid);

      /* A third one has it in between, and sees nobody waiting: unless the waiter was refused
       * twice, with more than a millisecond between, so that the lock was handed over.
       */
      barged = barge && aioproc_lock_try_acquire (fixture.lock, NULL);
      n_barged += barged;
      core_test_kill (pid);

      if (barged)
        g_assert_true (aioproc_lock_release (fixture.lock, NULL));

      fixture_expect (&fixture, FALSE);
      fixture_clear (&fixture);
    }
}

static void
test_lock_death_releasing (gconstpointer data)
{
  g_test_summary ("A holder is killed that has freed the lock, and has not woken its waiter yet");

  for (guint i = 0; i < 5; i++)
    {
      Fixture fixture;
      pid_t pid;

      fixture_init (&fixture, data != NULL);
      pid = trace_test_fork (traced_releaser_run, &fixture);
      fixture_start_waiter (&fixture);
      trace_test_run_to_syscall (pid, SYS_futex);
      g_assert_false (aioproc_lock_is_locked (fixture.lock));
      core_test_kill (pid);
      fixture_expect (&fixture, FALSE);
      fixture_clear (&fixture);
    }
}

/* --- Holders --- */

static int
holder_run (gpointer user_data)
{
  Fixture *fixture = user_data;

  acquire (fixture->lock, FALSE);

  if (fixture->other != NULL)
    acquire (fixture->other, FALSE);

  core_test_store (&fixture->shared->begun, 2);
  core_test_wait_for (&fixture->shared->go, 2);

  return 0;
}

static pid_t
fixture_start_holder (Fixture *fixture,
                      int    (*func) (gpointer data))
{
  pid_t pid = platform_test_fork (func, fixture);

  core_test_wait_for (&fixture->shared->begun, 2);
  atomic_store (&fixture->shared->begun, 0);

  return pid;
}

/* --- A holder that still writes --- */

#define CORPSE_SIZE (64 * 1024 * 1024)
#define PAGE        4096

static gpointer
corpse_read (gpointer data)
{
  Fixture *fixture = data;

  for (;;)
    {
      atomic_fetch_add (&fixture->shared->n_reads, 1);
      g_assert_cmpint (pread (fixture->source_fd, fixture->target, CORPSE_SIZE, 0),
                       ==, CORPSE_SIZE);
    }

  return NULL;
}

static int
corpse_run (gpointer user_data)
{
  Fixture *fixture = user_data;

  acquire (fixture->lock, FALSE);
  g_thread_unref (g_thread_new ("read", corpse_read, fixture));
  core_test_wait_beyond (&fixture->shared->n_reads, 1);
  core_test_store (&fixture->shared->begun, 2);
  core_test_wait_for (&fixture->shared->go, 2);

  return 0;
}

static void
test_lock_death_corpse (void)
{
  Fixture fixture;

  g_test_summary ("A holder is dead only when none of its threads can write what the lock guards");

  for (guint i = 0; i < 8; i++)
    {
      g_autoptr(GError) error = NULL;
      pid_t pid;

      fixture_init (&fixture, FALSE);
      fixture.source_fd = aioproc_memfd_new ("corpse", CORPSE_SIZE, &error);
      g_assert_no_error (error);
      fixture.target = platform_test_map_shared (CORPSE_SIZE);
      pid = fixture_start_holder (&fixture, corpse_run);
      core_test_pass_time (g_test_rand_int_range (0, 5000));
      g_assert_no_errno (kill (pid, SIGKILL));

      g_assert_true (aioproc_lock_acquire (fixture.lock, -1, NULL, &error));
      g_assert_no_error (error);
      g_assert_true (aioproc_lock_get_was_abandoned (fixture.lock));

      for (gsize offset = CORPSE_SIZE; offset > 0; offset -= PAGE)
        fixture.target[offset - 1] = 1;

      platform_test_wait (pid);

      for (gsize offset = CORPSE_SIZE; offset > 0; offset -= PAGE)
        g_assert_cmpuint (fixture.target[offset - 1], ==, 1);

      platform_test_unmap (fixture.target, CORPSE_SIZE);
      close (fixture.source_fd);
      fixture_clear (&fixture);
    }
}

/* --- And the rest --- */

static void
test_lock_death_families (void)
{
  SyncParcel parcel = sync_test_create (AIOPROC_TYPE_LOCK);
  g_autoptr(GError) error = NULL;
  Fixture fixture;
  pid_t pid;

  g_test_summary ("A member of two families dies, and leaves a lock of each");

  fixture_init (&fixture, FALSE);
  fixture.other = sync_test_import (&parcel);
  pid = fixture_start_holder (&fixture, holder_run);
  g_assert_true (aioproc_lock_is_locked (fixture.lock));
  g_assert_true (aioproc_lock_is_locked (fixture.other));
  core_test_kill (pid);

  g_assert_true (aioproc_lock_acquire (fixture.other, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_lock_get_was_abandoned (fixture.other));
  g_assert_true (aioproc_lock_acquire (fixture.lock, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_lock_get_was_abandoned (fixture.lock));

  sync_test_parcel_clear (&parcel);
  g_assert_finalize_object (fixture.other);
  fixture_clear (&fixture);
}

static void
test_lock_death_strict (gconstpointer data)
{
  gboolean async = data != NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  Fixture fixture;
  pid_t pid;

  g_test_summary ("Who is strict gets an error in place of an abandoned lock, once");

  fixture_init (&fixture, async);
  g_assert_finalize_object (fixture.lock);
  fixture.lock = g_initable_new (AIOPROC_TYPE_LOCK, NULL, &error, "strict", TRUE, NULL);
  g_assert_no_error (error);
  pid = fixture_start_holder (&fixture, holder_run);
  core_test_kill (pid);

  if (async)
    {
      aioproc_lock_acquire_async (fixture.lock, -1, NULL, aioproc_test_store_result, &result);
      aioproc_test_wait (&result);
      g_assert_false (aioproc_lock_acquire_finish (fixture.lock, result, &error));
      g_clear_object (&result);
    }
  else
    {
      g_assert_false (aioproc_lock_acquire (fixture.lock, -1, NULL, &error));
    }

  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_OWNER_DIED);
  g_clear_error (&error);
  g_assert_false (aioproc_lock_is_locked (fixture.lock));
  g_assert_true (aioproc_lock_try_acquire (fixture.lock, &error));
  g_assert_no_error (error);
  g_assert_false (aioproc_lock_get_was_abandoned (fixture.lock));
  fixture_clear (&fixture);
}

static const struct {
  const char    *path;
  GTestDataFunc  func;
  guint          data;
} cases[] = {
  { "woken/sync", test_lock_death_woken, 0 },
  { "woken/async", test_lock_death_woken, 1 },
  { "woken/barger-sync", test_lock_death_woken, 2 },
  { "woken/barger-async", test_lock_death_woken, 3 },
  { "woken/hungry-sync", test_lock_death_woken, 4 },
  { "woken/hungry-async", test_lock_death_woken, 5 },
  { "releasing/sync", test_lock_death_releasing, 0 },
  { "releasing/async", test_lock_death_releasing, 1 },
  { "strict/sync", test_lock_death_strict, 0 },
  { "strict/async", test_lock_death_strict, 1 },
};

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/aioproc/lock-death/", cases[i].path, NULL);

      aioproc_test_add_data_func (path, GUINT_TO_POINTER (cases[i].data), cases[i].func);
    }

  aioproc_test_add_func ("/aioproc/lock-death/corpse", test_lock_death_corpse);
  aioproc_test_add_func ("/aioproc/lock-death/families", test_lock_death_families);

  return g_test_run ();
}
