/* test-condition.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/aioproc-shareable-private.h"
#include "core/core-test.h"
#include "platform/aioproc-fds-private.h"
#include "platform/platform-test.h"

#define MSEC G_TIME_SPAN_MILLISECOND
#define FLOW 7

static AioprocCondition *
new_condition (gpointer lock)
{
  g_autoptr(GError) error = NULL;
  AioprocCondition *condition = aioproc_condition_new (lock, &error);

  g_assert_no_error (error);
  g_assert_nonnull (condition);

  return condition;
}

static void
acquire (AioprocCondition *condition,
         guint64           owner)
{
  g_autoptr(GError) error = NULL;
  gpointer lock = aioproc_condition_get_lock (condition);

  if (AIOPROC_IS_RLOCK (lock))
    g_assert_true (aioproc_rlock_acquire (lock, owner, -1, NULL, &error));
  else
    g_assert_true (aioproc_lock_acquire (lock, -1, NULL, &error));

  g_assert_no_error (error);
}

static void
release (AioprocCondition *condition,
         guint64           owner)
{
  g_autoptr(GError) error = NULL;
  gpointer lock = aioproc_condition_get_lock (condition);

  if (AIOPROC_IS_RLOCK (lock))
    g_assert_true (aioproc_rlock_release (lock, owner, &error));
  else
    g_assert_true (aioproc_lock_release (lock, &error));

  g_assert_no_error (error);
}

static gboolean
is_locked (AioprocCondition *condition)
{
  gpointer lock = aioproc_condition_get_lock (condition);

  return AIOPROC_IS_RLOCK (lock) ? aioproc_rlock_is_locked (lock) : aioproc_lock_is_locked (lock);
}

static void
notify (AioprocCondition *condition,
        guint             n_waiters)
{
  g_autoptr(GError) error = NULL;

  acquire (condition, FLOW);
  g_assert_true (aioproc_condition_notify_n (condition, FLOW, n_waiters, &error));
  g_assert_no_error (error);
  release (condition, FLOW);
}

/* Both kinds of locks. */
static AioprocCondition *
new_condition_of (gconstpointer data)
{
  g_autoptr(AioprocLock) lock = NULL;

  if (data != NULL)
    return new_condition (NULL);

  lock = aioproc_lock_new (NULL);

  return new_condition (lock);
}

static void
test_condition_lock (void)
{
  g_autoptr(AioprocLock) lock = aioproc_lock_new (NULL);
  g_autoptr(AioprocEvent) event = aioproc_event_new (NULL);
  g_autoptr(AioprocCondition) condition = new_condition (lock);
  g_autoptr(AioprocCondition) other = new_condition (lock);
  g_autoptr(AioprocCondition) own = new_condition (NULL);
  g_autoptr(GError) error = NULL;

  g_test_summary ("A condition has the lock that it was given, or a recursive one of its own");

  g_assert_true ((gpointer) aioproc_condition_get_lock (condition) == lock);
  g_assert_true ((gpointer) aioproc_condition_get_lock (other) == lock);
  g_assert_true (AIOPROC_IS_RLOCK (aioproc_condition_get_lock (own)));
  g_assert_null (aioproc_condition_new (AIOPROC_SHAREABLE (event), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

static void
test_condition_not_owner (gconstpointer data)
{
  AioprocCondition *condition = new_condition_of (data);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Who does not hold the lock can neither wait nor notify");

  g_assert_false (aioproc_condition_wait (condition, 0, 0, NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);
  g_clear_error (&error);
  g_assert_false (aioproc_condition_notify_n (condition, 0, 1, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);
  g_clear_error (&error);
  g_assert_false (aioproc_condition_notify_all (condition, 0, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);
  g_clear_error (&error);
  aioproc_condition_wait_async (condition, 0, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_condition_wait_finish (condition, result, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);
  g_clear_object (&result);
  g_assert_finalize_object (condition);
}

static void
test_condition_timeout (gconstpointer data)
{
  AioprocCondition *condition = new_condition_of (data);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  gint64 before_usec;

  g_test_summary ("A wait that times out, or is cancelled, has the lock again");

  acquire (condition, 0);
  before_usec = g_get_monotonic_time ();
  g_assert_false (aioproc_condition_wait (condition, 0, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_true (is_locked (condition));
  g_clear_error (&error);
  g_assert_false (aioproc_condition_wait (condition, 0, 20 * MSEC, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - before_usec, >=, 20 * MSEC);
  g_assert_true (is_locked (condition));
  g_clear_error (&error);

  /* What came when nobody waited is not remembered. */
  g_assert_true (aioproc_condition_notify_all (condition, 0, NULL));
  g_assert_false (aioproc_condition_wait (condition, 0, 1 * MSEC, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);

  g_cancellable_cancel (cancellable);
  g_assert_false (aioproc_condition_wait (condition, 0, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  release (condition, 0);
  g_assert_false (is_locked (condition));
  g_assert_finalize_object (condition);
}

static void
test_condition_async (gconstpointer data)
{
  AioprocCondition *condition = new_condition_of (data);
  GAsyncResult *results[3] = { NULL };

  g_test_summary ("Flows of one thread are notified in the order in which they began to wait");

  for (guint i = 0; i < 3; i++)
    {
      acquire (condition, i + 1);
      aioproc_condition_wait_async (condition, i + 1, -1, NULL, aioproc_test_store_result,
                                    &results[i]);
      g_assert_false (is_locked (condition));
    }

  notify (condition, 1);
  aioproc_test_wait (&results[0]);
  g_assert_null (results[1]);
  g_assert_true (aioproc_condition_wait_finish (condition, results[0], NULL));
  /* The first one holds it now. */
  g_assert_true (is_locked (condition));
  g_assert_true (aioproc_condition_notify_all (condition, 1, NULL));
  release (condition, 1);

  for (guint i = 1; i < 3; i++)
    {
      aioproc_test_wait (&results[i]);
      g_assert_true (aioproc_condition_wait_finish (condition, results[i], NULL));
      release (condition, i + 1);
    }

  for (guint i = 0; i < 3; i++)
    g_clear_object (&results[i]);

  g_assert_finalize_object (condition);
}

static void
test_condition_async_cancelled (gconstpointer data)
{
  AioprocCondition *condition = new_condition_of (data);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A wait that is cancelled ends when it has the lock; a notification counts");

  for (guint i = 0; i < 2; i++)
    {
      acquire (condition, 1);
      aioproc_condition_wait_async (condition, 1, -1, cancellable, aioproc_test_store_result,
                                    &result);
      acquire (condition, FLOW);
      g_cancellable_cancel (cancellable);

      for (guint j = 0; j < 5; j++)
        g_main_context_iteration (NULL, FALSE);

      g_assert_null (result);

      if (i == 1)
        g_assert_true (aioproc_condition_notify_n (condition, FLOW, 1, NULL));

      release (condition, FLOW);
      aioproc_test_wait (&result);
      g_assert_cmpint (aioproc_condition_wait_finish (condition, result, &error), ==, i == 1);

      if (i == 0)
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

      g_clear_error (&error);
      g_clear_object (&result);
      g_cancellable_reset (cancellable);
      release (condition, 1);
    }

  g_assert_finalize_object (condition);
}

static gboolean
is_enough (AioprocCondition *condition,
           gpointer          user_data)
{
  g_assert_true (is_locked (condition));

  return *(guint *) user_data >= 3;
}

static void
count_destroy (gpointer data)
{
  *(guint *) data += 100;
}

static void
test_condition_async_wait_for (gconstpointer data)
{
  AioprocCondition *condition = new_condition_of (data);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  guint count = 0;

  g_test_summary ("A flow that waits for something goes on when it is there, or too late");

  g_assert_false (is_locked (condition));
  aioproc_condition_wait_for_async (condition, 1, is_enough, &count, count_destroy, -1, NULL,
                                    aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_condition_wait_for_finish (condition, result, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);
  g_clear_error (&error);
  g_clear_object (&result);
  g_assert_cmpuint (count, ==, 100);

  count = 0;
  acquire (condition, 1);
  aioproc_condition_wait_for_async (condition, 1, is_enough, &count, count_destroy, -1, NULL,
                                    aioproc_test_store_result, &result);

  while (count < 3)
    {
      g_assert_null (result);
      g_assert_false (is_locked (condition));
      acquire (condition, FLOW);
      count++;
      g_assert_true (aioproc_condition_notify_all (condition, FLOW, NULL));
      release (condition, FLOW);

      /* It looks, and lets go again. */
      for (guint i = 0; i < 20 && count < 3; i++)
        g_main_context_iteration (NULL, FALSE);

      aioproc_test_wait_until (count >= 3 || !is_locked (condition));
    }

  aioproc_test_wait (&result);
  g_assert_true (aioproc_condition_wait_for_finish (condition, result, &error));
  g_assert_no_error (error);
  g_clear_object (&result);
  g_assert_true (is_locked (condition));

  count = 0;
  aioproc_condition_wait_for_async (condition, 1, is_enough, &count, NULL, 5 * MSEC, NULL,
                                    aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_condition_wait_for_finish (condition, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  release (condition, 1);
  g_clear_object (&result);
  g_assert_finalize_object (condition);
}

static void
test_condition_closed (gconstpointer data)
{
  AioprocCondition *condition = new_condition_of (data);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A wait ends, with the lock, when its condition is disposed of");

  acquire (condition, 1);
  aioproc_condition_wait_async (condition, 1, -1, NULL, aioproc_test_store_result, &result);
  g_object_run_dispose (G_OBJECT (condition));
  aioproc_test_wait (&result);
  g_assert_false (aioproc_condition_wait_finish (condition, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_false (aioproc_condition_wait (condition, 1, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  release (condition, 1);
  g_clear_object (&result);
  g_assert_finalize_object (condition);
}

/* --- Threads --- */

#define N_ITEMS 2000

typedef struct {
  AioprocCondition *condition;
  guint             n_items;       /* plain: the lock alone makes it right */
  guint             n_taken;
} Store;

static gboolean
has_item (AioprocCondition *condition,
          gpointer          user_data)
{
  Store *store = user_data;

  return store->n_items > 0;
}

static gpointer
take_items (gpointer data)
{
  Store *store = data;

  for (guint i = 0; i < N_ITEMS; i++)
    {
      g_autoptr(GError) error = NULL;

      acquire (store->condition, 0);
      g_assert_true (aioproc_condition_wait_for (store->condition, 0, has_item, store, -1, NULL,
                                                 &error));
      g_assert_no_error (error);
      store->n_items--;
      store->n_taken++;
      release (store->condition, 0);
    }

  return NULL;
}

static gpointer
make_items (gpointer data)
{
  Store *store = data;

  for (guint i = 0; i < N_ITEMS; i++)
    {
      acquire (store->condition, 0);
      store->n_items++;
      g_assert_true (aioproc_condition_notify_n (store->condition, 0, 1, NULL));
      release (store->condition, 0);
    }

  return NULL;
}

static void
test_condition_threads (void)
{
  Store store = { .condition = new_condition (NULL) };
  GThread *threads[4];
  g_autoptr(GError) error = NULL;

  g_test_summary ("Threads that notify one for each item let each item be taken once");

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("store", i % 2 == 0 ? take_items : make_items, &store);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);

  g_assert_cmpuint (store.n_items, ==, 0);
  g_assert_cmpuint (store.n_taken, ==, 2 * N_ITEMS);

  acquire (store.condition, 0);
  g_assert_false (aioproc_condition_wait_for (store.condition, 0, has_item, &store, 2 * MSEC, NULL,
                                              &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  release (store.condition, 0);
  g_assert_finalize_object (store.condition);
}

/* --- Order --- */

#define N_ORDERED 300

typedef struct {
  AioprocCondition *condition;     /* with a lock */
  guint             n_begun;       /* these: by the lock alone */
  guint             n_ended;
  _Atomic guint32   n_notified;    /* that have ended, for those who do not have the lock */
} Order;

static gpointer
wait_in_order (gpointer data)
{
  Order *order = data;
  g_autoptr(GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);

  for (guint i = 0; i < N_ORDERED; i++)
    {
      g_autoptr(GAsyncResult) result = NULL;
      g_autoptr(GError) error = NULL;
      guint ticket;

      acquire (order->condition, 0);
      ticket = order->n_begun++;
      /* It lets go of the lock: from then on another one may begin as well. */
      aioproc_condition_wait_async (order->condition, 0, -1, NULL, aioproc_test_store_result,
                                    &result);
      aioproc_test_wait (&result);
      g_assert_true (aioproc_condition_wait_finish (order->condition, result, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (ticket, ==, order->n_ended);
      order->n_ended++;
      release (order->condition, 0);
      atomic_fetch_add (&order->n_notified, 1);
    }

  g_main_context_pop_thread_default (context);

  return NULL;
}

static void
test_condition_order (void)
{
  g_autoptr(AioprocLock) lock = aioproc_lock_new (NULL);
  Order order = { .condition = new_condition (lock) };
  GThread *threads[4];

  g_test_summary ("Waits that threads begin one after the other are notified in that order");

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("order", wait_in_order, &order);

  for (guint n = 0; n < G_N_ELEMENTS (threads) * N_ORDERED;)
    {
      gboolean is_waiting;

      acquire (order.condition, 0);
      is_waiting = order.n_begun > order.n_ended;

      if (is_waiting)
        g_assert_true (aioproc_condition_notify_n (order.condition, 0, 1, NULL));

      release (order.condition, 0);

      if (is_waiting)
        core_test_wait_beyond (&order.n_notified, n++);
      else
        g_thread_yield ();
    }

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);

  g_assert_finalize_object (order.condition);
}

static void
test_condition_depth (void)
{
  AioprocCondition *condition = new_condition (NULL);
  AioprocRLock *lock = AIOPROC_RLOCK (aioproc_condition_get_lock (condition));
  g_autoptr(GAsyncResult) result = NULL;

  g_test_summary ("A wait lets go of all levels of a recursive lock, and has them again");

  for (guint depth = 1; depth < 6; depth++)
    {
      for (guint i = 0; i < depth; i++)
        acquire (condition, 1);

      aioproc_condition_wait_async (condition, 1, -1, NULL, aioproc_test_store_result, &result);
      g_assert_cmpuint (aioproc_rlock_get_depth (lock, 1), ==, 0);
      g_assert_false (is_locked (condition));
      notify (condition, 1);
      aioproc_test_wait (&result);
      g_assert_true (aioproc_condition_wait_finish (condition, result, NULL));
      g_assert_cmpuint (aioproc_rlock_get_depth (lock, 1), ==, depth);

      for (guint i = 0; i < depth; i++)
        release (condition, 1);

      g_clear_object (&result);
    }

  g_assert_finalize_object (condition);
}

/* --- Processes --- */

typedef struct {
  AioprocCondition *condition;
  struct {
    _Atomic guint32 n_begun;
    _Atomic guint32 n_notified;
  } *shared;
} Fixture;

static int
waiter_run (gpointer user_data)
{
  Fixture *fixture = user_data;

  core_test_attach (core_test_get_family ());
  acquire (fixture->condition, 0);
  /* Seen by those who have the lock after the wait has begun. */
  atomic_fetch_add (&fixture->shared->n_begun, 1);
  g_assert_true (aioproc_condition_wait (fixture->condition, 0, -1, NULL, NULL));
  atomic_fetch_add (&fixture->shared->n_notified, 1);
  aioproc_futex_wake (&fixture->shared->n_notified, G_MAXUINT);
  release (fixture->condition, 0);

  return 0;
}

static pid_t
start_waiter (Fixture *fixture)
{
  guint32 n_begun = atomic_load (&fixture->shared->n_begun);
  pid_t pid = platform_test_fork (waiter_run, fixture);

  core_test_wait_beyond (&fixture->shared->n_begun, n_begun);
  /* It waits when it has let go of the lock. */
  acquire (fixture->condition, FLOW);
  release (fixture->condition, FLOW);

  return pid;
}

static void
test_condition_killed (gconstpointer data)
{
  Fixture fixture = { new_condition_of (data), platform_test_map_shared (sizeof *fixture.shared) };
  pid_t pids[3];

  g_test_summary ("Who is killed while it waits is skipped, and passes on what was for it");

  for (guint i = 0; i < 10; i++)
    {
      guint32 n_notified = atomic_load (&fixture.shared->n_notified);

      for (guint j = 0; j < 3; j++)
        pids[j] = start_waiter (&fixture);

      acquire (fixture.condition, FLOW);

      /* Killed before the notification, and after it, when it cannot have the lock yet. */
      core_test_kill (pids[i % 3]);
      g_assert_true (aioproc_condition_notify_n (fixture.condition, FLOW, 1, NULL));
      core_test_kill (pids[(i + 1) % 3]);
      release (fixture.condition, FLOW);
      core_test_wait_for (&fixture.shared->n_notified, n_notified + 1);
      platform_test_wait_success (pids[(i + 2) % 3]);

      acquire (fixture.condition, FLOW);
      g_assert_true (aioproc_condition_notify_all (fixture.condition, FLOW, NULL));
      release (fixture.condition, FLOW);
    }

  platform_test_unmap (fixture.shared, sizeof *fixture.shared);
  g_assert_finalize_object (fixture.condition);
}

static void
test_condition_shared (gconstpointer data)
{
  AioprocCondition *condition = new_condition_of (data);
  gpointer lock = g_object_ref (aioproc_condition_get_lock (condition));
  g_autofree char *id = aioproc_shareable_dup_id (AIOPROC_SHAREABLE (condition));
  g_autofree char *received_id = NULL;
  g_autoptr(GError) error = NULL;
  int fds[AIOPROC_SHAREABLE_MAX_FDS];
  int copies[AIOPROC_SHAREABLE_MAX_FDS];
  gpointer received;
  guint32 kind;
  guint n_fds;

  g_test_summary ("A condition brings its lock along, and is the same one if it comes twice");

  g_assert_true (aioproc_shareable_export (AIOPROC_SHAREABLE (condition), &kind, fds, &n_fds,
                                           &error));
  g_assert_no_error (error);
  g_assert_cmpuint (n_fds, ==, 4);

  for (guint i = 0; i < n_fds; i++)
    copies[i] = aioproc_fds_dup (fds[i], NULL);

  received = aioproc_shareable_import (kind, fds, n_fds, &error);
  g_assert_no_error (error);
  g_assert_true (received == condition);
  g_object_unref (received);
  g_assert_finalize_object (condition);

  /* Where only the lock is known. */
  received = aioproc_shareable_import (kind, copies, n_fds, &error);
  g_assert_no_error (error);
  g_assert_true (AIOPROC_IS_CONDITION (received));
  g_assert_true ((gpointer) aioproc_condition_get_lock (received) == lock);
  received_id = aioproc_shareable_dup_id (received);
  g_assert_cmpstr (received_id, ==, id);
  g_assert_finalize_object (received);
  g_assert_finalize_object (lock);
}

static int
no_descriptors_run (gpointer user_data)
{
  AioprocCondition *condition = new_condition_of (user_data);
  g_autoptr(GError) error = NULL;
  int fds[AIOPROC_SHAREABLE_MAX_FDS];
  guint32 kind;
  guint n_fds;
  int high;

  g_assert_true (aioproc_shareable_export (AIOPROC_SHAREABLE (condition), &kind, fds, &n_fds,
                                           &error));
  g_assert_no_error (error);

  /* The one that is closed first makes no room: its number is beyond the limit. */
  high = fcntl (fds[1], F_DUPFD_CLOEXEC, 500);
  g_assert_cmpint (high, >=, 500);
  close (fds[1]);
  fds[1] = high;
  platform_test_leave_fds (0);

  g_assert_null (aioproc_shareable_import (kind, fds, n_fds, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);

  /* They were taken, also by what has failed. */
  for (guint i = 0; i < n_fds; i++)
    g_assert_cmpint (fcntl (fds[i], F_GETFD), <, 0);

  return 0;
}

static void
test_condition_no_descriptors (gconstpointer data)
{
  g_test_summary ("Where the lock of a condition cannot be received, one error says why");

  platform_test_wait_success (platform_test_fork (no_descriptors_run, (gpointer) data));
}

static const struct {
  const char    *name;
  GTestDataFunc  func;
  gboolean       forks;
} cases[] = {
  { "not-owner", test_condition_not_owner },
  { "timeout", test_condition_timeout },
  { "async", test_condition_async },
  { "async-cancelled", test_condition_async_cancelled },
  { "async-wait-for", test_condition_async_wait_for },
  { "closed", test_condition_closed },
  { "killed", test_condition_killed, TRUE },
  { "shared", test_condition_shared },
  { "no-descriptors", test_condition_no_descriptors, TRUE },
};

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/condition/lock", test_condition_lock);

  for (guint i = 0; i < 2 * G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strdup_printf ("/aioproc/condition/%s/%s", cases[i / 2].name,
                                               i % 2 == 0 ? "lock" : "rlock");

#ifdef CORE_TEST_TSAN
      if (cases[i / 2].forks)
        continue;
#endif

      aioproc_test_add_data_func (path, GINT_TO_POINTER (i % 2), cases[i / 2].func);
    }

  aioproc_test_add_func ("/aioproc/condition/order", test_condition_order);
  aioproc_test_add_func ("/aioproc/condition/depth", test_condition_depth);
  aioproc_test_add_func ("/aioproc/condition/threads", test_condition_threads);

  return g_test_run ();
}
