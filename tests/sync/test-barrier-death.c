/* test-barrier-death.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/aioproc-shareable-private.h"
#include "core/core-test.h"
#include "platform/platform-test.h"
#include "sync-test.h"
#include "sync/aioproc-rounds-private.h"

/* Another process at the same barrier, which waits once. */

typedef struct {
  AioprocBarrier *barrier;
  /* What both share. */
  struct {
    _Atomic guint32 acting;      /* the child is in its action */
    _Atomic guint32 ended;
    _Atomic gint32  index;       /* of the child, -1: it was broken */
  } *shared;
  gboolean        acts;
} Fixture;

static void
sleep_for_ever (AioprocBarrier  *barrier,
                gpointer         user_data,
                GError         **error)
{
  Fixture *fixture = user_data;
  _Atomic guint32 never = 0;

  core_test_store (&fixture->shared->acting, 1);
  core_test_wait_for (&never, 1);
}

static int
child_run (gpointer user_data)
{
  Fixture *fixture = user_data;
  g_autoptr(GError) error = NULL;
  int index;

  if (fixture->acts)
    aioproc_barrier_set_action (fixture->barrier, sleep_for_ever, fixture, NULL);

  index = aioproc_barrier_wait (fixture->barrier, -1, NULL, &error);

  if (index < 0)
    g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_BROKEN_BARRIER);

  atomic_store (&fixture->shared->index, index);
  core_test_store (&fixture->shared->ended, 1);

  return 0;
}

static void
fixture_init (Fixture *self,
              guint    n_parties)
{
  g_autoptr(GError) error = NULL;

  *self = (Fixture) { aioproc_barrier_new (n_parties, &error), NULL, FALSE };
  g_assert_no_error (error);
  self->shared = platform_test_map_shared (sizeof *self->shared);
}

static void
fixture_clear (Fixture *self)
{
  platform_test_unmap (self->shared, sizeof *self->shared);
  g_assert_finalize_object (self->barrier);
}

/* Returns when it has arrived, and sleeps. */
static pid_t
start_child (Fixture *self)
{
  guint n_waiting = aioproc_barrier_get_n_waiting (self->barrier);
  pid_t pid;

  atomic_store (&self->shared->ended, 0);
  pid = platform_test_fork (child_run, self);

  while (aioproc_barrier_get_n_waiting (self->barrier) == n_waiting)
    g_thread_yield ();

  core_test_wait_for_sleep (pid);

  return pid;
}

static void
end_child (Fixture *self,
           pid_t    pid,
           int      index)
{
  core_test_wait_for (&self->shared->ended, 1);
  platform_test_wait_success (pid);
  g_assert_cmpint (atomic_load (&self->shared->index), ==, index);
}

static void
begin_wait (Fixture       *self,
            GAsyncResult **result)
{
  aioproc_barrier_wait_async (self->barrier, -1, NULL, aioproc_test_store_result, result);
}

static void
end_wait (Fixture       *self,
          GAsyncResult **result,
          int            index)
{
  g_autoptr(GError) error = NULL;

  aioproc_test_wait (result);
  g_assert_cmpint (aioproc_barrier_wait_finish (self->barrier, *result, &error), ==, index);
  g_clear_object (result);

  if (index >= 0)
    g_assert_no_error (error);
  else
    g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_BROKEN_BARRIER);
}

static gboolean
is_over (GAsyncResult **result)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;

  return *result != NULL;
}

/* Two waits of this process meet. */
static void
check_pair (Fixture *self)
{
  GAsyncResult *results[2] = { NULL };

  begin_wait (self, &results[0]);
  begin_wait (self, &results[1]);
  end_wait (self, &results[0], 0);
  end_wait (self, &results[1], 1);
}

static void
reset (Fixture *self)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_barrier_reset (self->barrier, &error));
  g_assert_no_error (error);
  g_assert_false (aioproc_barrier_is_broken (self->barrier));
}

static void
test_barrier_killed_waiting (void)
{
  GAsyncResult *result = NULL;
  g_autoptr(GError) error = NULL;
  Fixture fixture;

  g_test_summary ("A party that is killed while it waits breaks the barrier for the others");

  fixture_init (&fixture, 3);

  for (guint i = 0; i < 10; i++)
    {
      pid_t pid;

      /* Before the others come, and after. */
      if (i % 2 == 0)
        begin_wait (&fixture, &result);

      pid = start_child (&fixture);

      if (i % 2 != 0)
        begin_wait (&fixture, &result);

      g_assert_false (is_over (&result));
      core_test_kill (pid);
      end_wait (&fixture, &result, -1);
      g_assert_true (aioproc_barrier_is_broken (fixture.barrier));
      g_assert_cmpint (aioproc_barrier_wait (fixture.barrier, -1, NULL, &error), ==, -1);
      g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_BROKEN_BARRIER);
      g_clear_error (&error);
      reset (&fixture);
    }

  /* Nobody was there to hear of it. */
  core_test_kill (start_child (&fixture));

  while (!aioproc_barrier_is_broken (fixture.barrier))
    g_thread_yield ();

  reset (&fixture);
  fixture_clear (&fixture);
}

static void
test_barrier_killed_acting (void)
{
  Fixture fixture;

  g_test_summary ("A party that is killed within the action breaks the barrier");

  fixture_init (&fixture, 2);
  fixture.acts = TRUE;

  for (guint i = 0; i < 10; i++)
    {
      GAsyncResult *result = NULL;
      pid_t pid;

      atomic_store (&fixture.shared->acting, 0);
      begin_wait (&fixture, &result);
      pid = start_child (&fixture);
      core_test_wait_for (&fixture.shared->acting, 1);
      g_assert_cmpuint (aioproc_barrier_get_n_waiting (fixture.barrier), ==, 2);
      g_assert_false (is_over (&result));
      core_test_kill (pid);
      end_wait (&fixture, &result, -1);
      reset (&fixture);
      check_pair (&fixture);
    }

  fixture_clear (&fixture);
}

/* Has the child stopped when its round is over, which it has not seen. */
static pid_t
stop_child_before_it_leaves (Fixture *self)
{
  GAsyncResult *result = NULL;
  pid_t pid = start_child (self);

  core_test_stop (pid);
  begin_wait (self, &result);
  end_wait (self, &result, 1);

  return pid;
}

static void
test_barrier_killed_leaving (void)
{
  Fixture fixture;

  g_test_summary ("A party that is killed when its round is over hinders nobody");

  fixture_init (&fixture, 2);

  for (guint i = 0; i < 10; i++)
    {
      pid_t pid = stop_child_before_it_leaves (&fixture);
      GAsyncResult *results[2] = { NULL };

      check_pair (&fixture);

      /* This one would need its place. */
      begin_wait (&fixture, &results[0]);
      begin_wait (&fixture, &results[1]);
      g_assert_false (is_over (&results[0]));
      g_assert_cmpuint (aioproc_barrier_get_n_waiting (fixture.barrier), ==, 0);
      core_test_kill (pid);
      end_wait (&fixture, &results[0], 0);
      end_wait (&fixture, &results[1], 1);
      check_pair (&fixture);
    }

  fixture_clear (&fixture);
}

static void
test_barrier_drain (void)
{
  Fixture fixture;

  g_test_summary ("The next but one round waits for those that have not left, and the main loop"
                  " does not");

  fixture_init (&fixture, 2);

  for (guint i = 0; i < 10; i++)
    {
      pid_t pid = stop_child_before_it_leaves (&fixture);
      GAsyncResult *results[2] = { NULL };

      check_pair (&fixture);
      begin_wait (&fixture, &results[0]);
      begin_wait (&fixture, &results[1]);
      g_assert_false (is_over (&results[0]));
      kill (pid, SIGCONT);
      end_child (&fixture, pid, 0);
      end_wait (&fixture, &results[0], 0);
      end_wait (&fixture, &results[1], 1);
    }

  fixture_clear (&fixture);
}

static void
test_barrier_late (void)
{
  Fixture fixture;

  g_test_summary ("However late a party looks, it learns how its own round has ended");

  fixture_init (&fixture, 2);

  for (guint i = 0; i < 10; i++)
    {
      GAsyncResult *result = NULL;
      pid_t pid = start_child (&fixture);

      /* Broken, and then there are rounds that are not, and resets. */
      core_test_stop (pid);
      reset (&fixture);
      check_pair (&fixture);
      g_assert_true (aioproc_barrier_abort (fixture.barrier, NULL));
      reset (&fixture);
      check_pair (&fixture);
      kill (pid, SIGCONT);
      end_child (&fixture, pid, -1);
      g_assert_false (aioproc_barrier_is_broken (fixture.barrier));

      /* Met, and then there are some that are broken. */
      pid = stop_child_before_it_leaves (&fixture);

      for (guint j = 0; j < 5; j++)
        {
          g_assert_true (aioproc_barrier_abort (fixture.barrier, NULL));
          reset (&fixture);
        }

      begin_wait (&fixture, &result);
      kill (pid, SIGCONT);
      end_child (&fixture, pid, 0);
      g_assert_true (aioproc_barrier_abort (fixture.barrier, NULL));
      end_wait (&fixture, &result, -1);
      reset (&fixture);
    }

  fixture_clear (&fixture);
}

static void
test_barrier_exits (void)
{
  Fixture fixture;

  g_test_summary ("A process that ends with a wait pending breaks the barrier");

  fixture_init (&fixture, 3);

  for (guint i = 0; i < 5; i++)
    {
      GAsyncResult *result = NULL;
      pid_t pid;

      begin_wait (&fixture, &result);
      pid = start_child (&fixture);
      kill (pid, SIGTERM);
      platform_test_wait (pid);
      end_wait (&fixture, &result, -1);
      reset (&fixture);
    }

  fixture_clear (&fixture);
}

/* --- Waits whose main context does not run --- */

typedef enum {
  BY_TIMEOUT,
  BY_CANCEL,
  BY_CLOSE,
} End;

static void
begin_wait_unheard (Fixture       *self,
                    gint64         timeout_usec,
                    GCancellable  *cancellable,
                    GAsyncResult **result)
{
  aioproc_barrier_wait_async (self->barrier, timeout_usec, cancellable, aioproc_test_store_result,
                              result);
}

static void
make_end (Fixture      *self,
          End           end,
          GCancellable *cancellable)
{
  if (end == BY_CANCEL)
    g_cancellable_cancel (cancellable);
  else if (end == BY_CLOSE)
    g_object_run_dispose (G_OBJECT (self->barrier));
}

static void
end_wait_unheard (Fixture       *self,
                  End            end,
                  GAsyncResult **result)
{
  const int codes[] = { G_IO_ERROR_TIMED_OUT, G_IO_ERROR_CANCELLED, G_IO_ERROR_CLOSED };
  g_autoptr(GError) error = NULL;

  aioproc_test_wait (result);
  g_assert_cmpint (aioproc_barrier_wait_finish (self->barrier, *result, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, codes[end]);
  g_clear_object (result);
}

static void
test_barrier_unheard (gconstpointer data)
{
  End end = GPOINTER_TO_UINT (data);

  g_test_summary ("A wait that ends breaks the barrier although its main context does not run");

  for (guint i = 0; i < 10; i++)
    {
      gint64 timeout_usec = end == BY_TIMEOUT ? i * G_TIME_SPAN_MILLISECOND : -1;
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      GAsyncResult *result = NULL;
      Fixture fixture;
      pid_t pid;

      fixture_init (&fixture, 3);
      pid = start_child (&fixture);
      begin_wait_unheard (&fixture, timeout_usec, cancellable, &result);
      make_end (&fixture, end, cancellable);
      end_child (&fixture, pid, -1);
      g_assert_null (result);
      end_wait_unheard (&fixture, end, &result);
      fixture_clear (&fixture);
    }
}

/* Whether it has arrived before its time was over. */
static gboolean
try_unheard_late (End    end,
                  gint64 timeout_usec)
{
  gint64 until_usec = g_get_monotonic_time () + timeout_usec;
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *result = NULL;
  gboolean has_arrived = FALSE;
  Fixture fixture;
  pid_t pid;

  fixture_init (&fixture, 2);
  pid = stop_child_before_it_leaves (&fixture);
  check_pair (&fixture);
  begin_wait_unheard (&fixture, end == BY_TIMEOUT ? timeout_usec : -1, cancellable, &result);
  g_assert_cmpuint (aioproc_barrier_get_n_waiting (fixture.barrier), ==, 0);
  kill (pid, SIGCONT);
  end_child (&fixture, pid, 0);

  while (!has_arrived && (end != BY_TIMEOUT || g_get_monotonic_time () < until_usec))
    has_arrived = aioproc_barrier_get_n_waiting (fixture.barrier) == 1;

  make_end (&fixture, end, cancellable);

  while (has_arrived && !aioproc_barrier_is_broken (fixture.barrier))
    g_thread_yield ();

  g_assert_null (result);
  end_wait_unheard (&fixture, end, &result);
  fixture_clear (&fixture);

  return has_arrived;
}

static void
test_barrier_unheard_late (gconstpointer data)
{
  gint64 timeout_usec = 20 * G_TIME_SPAN_MILLISECOND;

  g_test_summary ("So does one that had to wait for its place");

  for (guint i = 0; i < 10; i++)
    {
      while (!try_unheard_late (GPOINTER_TO_UINT (data), timeout_usec))
        timeout_usec *= 2;
    }
}

/* --- Fork --- */

static int
heir_run (gpointer user_data)
{
  Fixture *fixture = user_data;
  g_autoptr(GError) error = NULL;

  /* The wait of the parent is the parent's. */
  g_assert_cmpuint (aioproc_barrier_get_n_waiting (fixture->barrier), ==, 1);
  g_assert_cmpint (aioproc_barrier_wait (fixture->barrier, -1, NULL, &error), ==, 1);
  g_assert_no_error (error);

  return 0;
}

static int
bystander_run (gpointer user_data)
{
  Fixture *fixture = user_data;

  g_assert_cmpuint (aioproc_barrier_get_n_waiting (fixture->barrier), ==, 1);

  return 0;
}

static void
test_barrier_fork (void)
{
  Fixture fixture;

  g_test_summary ("A forked child has no part in the waits of its parent, and can be a party");

  fixture_init (&fixture, 2);

  for (guint i = 0; i < 5; i++)
    {
      GAsyncResult *result = NULL;

      begin_wait (&fixture, &result);
      platform_test_wait_success (platform_test_fork (bystander_run, &fixture));
      g_assert_false (is_over (&result));
      platform_test_wait_success (platform_test_fork (heir_run, &fixture));
      end_wait (&fixture, &result, 0);
    }

  fixture_clear (&fixture);
}

/* --- What peers send --- */

static void
test_barrier_shared (void)
{
  SyncParcel parcel = sync_test_create_with (AIOPROC_TYPE_BARRIER, "parties", 3);
  g_autoptr(AioprocBarrier) barrier = sync_test_import (&parcel);
  g_autoptr(AioprocBarrier) same = sync_test_import (&parcel);

  g_test_summary ("A barrier that is received twice is one object, with the parties it had");

  g_assert_true (same == barrier);
  g_assert_cmpuint (aioproc_barrier_get_parties (barrier), ==, 3);
  sync_test_parcel_clear (&parcel);
}

static void
test_barrier_bad (void)
{
  const guint32 wrong[] = { 0, 1000, 65535, 65536, G_MAXUINT32 };

  g_test_summary ("A barrier whose memory is not for its parties is refused");

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      SyncParcel parcel = sync_test_create_with (AIOPROC_TYPE_BARRIER, "parties", 3);
      gsize offset = AIOPROC_SHM_HEADER_SIZE + G_STRUCT_OFFSET (AioprocRoundsState, n_parties);
      g_autoptr(GError) error = NULL;

      g_assert_cmpint (pwrite (parcel.fds[0], &wrong[i], sizeof wrong[i], offset), ==,
                       sizeof wrong[i]);
      /* Takes the descriptors. */
      g_assert_null (aioproc_shareable_import (parcel.kind, parcel.fds, 2, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
    }
}

static const struct {
  const char *path;
  GTestFunc   func;
  gboolean    forks;
} cases[] = {
  { "/aioproc/barrier-death/waiting", test_barrier_killed_waiting, TRUE },
  { "/aioproc/barrier-death/acting", test_barrier_killed_acting, TRUE },
  { "/aioproc/barrier-death/leaving", test_barrier_killed_leaving, TRUE },
  { "/aioproc/barrier-death/drain", test_barrier_drain, TRUE },
  { "/aioproc/barrier-death/late", test_barrier_late, TRUE },
  { "/aioproc/barrier-death/exits", test_barrier_exits, TRUE },
  { "/aioproc/barrier-death/fork", test_barrier_fork, TRUE },
  { "/aioproc/barrier-death/shared", test_barrier_shared, FALSE },
  { "/aioproc/barrier-death/bad", test_barrier_bad, FALSE },
};

static const char * const ends[] = { "timeout", "cancel", "close" };

/* ThreadSanitizer does not follow a process with threads that forks. */
#ifdef CORE_TEST_TSAN
# define CAN_FORK FALSE
#else
# define CAN_FORK TRUE
#endif

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      if (CAN_FORK || !cases[i].forks)
        aioproc_test_add_func (cases[i].path, cases[i].func);
    }

  for (guint end = 0; CAN_FORK && end < G_N_ELEMENTS (ends); end++)
    {
      g_autofree char *path = g_strdup_printf ("/aioproc/barrier-death/unheard/%s", ends[end]);
      g_autofree char *late = g_strdup_printf ("%s/late", path);

      aioproc_test_add_data_func (path, GUINT_TO_POINTER (end), test_barrier_unheard);
      aioproc_test_add_data_func (late, GUINT_TO_POINTER (end), test_barrier_unheard_late);
    }

  return g_test_run ();
}
