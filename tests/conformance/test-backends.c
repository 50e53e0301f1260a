/* test-backends.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-test.h"
#include "core/aioproc-shareable-private.h"
#include "core/core-test.h"
#include "forward.h"

/* What the public functions make of their backends: one call each, and nothing else. */

static gpointer
new_forward (GType type)
{
  g_autoptr(GObject) inner = NULL;
  g_autoptr(GError) error = NULL;

  inner = g_initable_new (type, NULL, &error, NULL);
  g_assert_no_error (error);

  return forward_new (inner, NULL);
}

/* @expected: NULL for none, or with spaces between */
static void
assert_calls (const char *expected)
{
  g_autofree char *calls = forward_dup_calls ();

  g_assert_cmpstr (calls, ==, expected);
}

/* One function, with an @error of its own. */
#define DO(outcome, calls)                        \
  G_STMT_START                                    \
    {                                             \
      g_autoptr(GError) error = NULL;             \
                                                  \
      g_assert_true (outcome);                    \
      g_assert_no_error (error);                  \
      assert_calls (calls);                       \
    }                                             \
  G_STMT_END

static void
test_backends_lock (void)
{
  g_autoptr(AioprocLock) lock = new_forward (AIOPROC_TYPE_LOCK);
  g_autoptr(GAsyncResult) result = NULL;

  g_test_summary ("The functions of a lock are those of its backend");

  assert_calls (NULL);
  DO (!aioproc_lock_is_locked (lock), "forward_lock_is_locked");
  DO (aioproc_lock_try_acquire (lock, &error), "forward_lock_try_acquire");
  DO (aioproc_lock_release (lock, &error), "forward_lock_release");
  DO (aioproc_lock_acquire (lock, -1, NULL, &error), "forward_lock_acquire");
  DO (!aioproc_lock_get_was_abandoned (lock), "forward_lock_was_abandoned");
  DO (aioproc_lock_release (lock, &error), "forward_lock_release");
  aioproc_lock_acquire_async (lock, -1, NULL, aioproc_test_store_result, &result);
  assert_calls ("forward_lock_acquire_start");
  aioproc_test_wait (&result);
  DO (aioproc_lock_acquire_finish (lock, result, &error), NULL);
  DO (aioproc_lock_release (lock, &error), "forward_lock_release");
  g_clear_object (&result);
  g_assert_finalize_object (g_steal_pointer (&lock));
}

static void
test_backends_rlock (void)
{
  g_autoptr(AioprocRLock) lock = new_forward (AIOPROC_TYPE_RLOCK);
  g_autoptr(GAsyncResult) result = NULL;

  g_test_summary ("The functions of a recursive lock are those of its backend");

  assert_calls (NULL);
  DO (!aioproc_rlock_is_locked (lock), "forward_rlock_is_locked");
  DO (aioproc_rlock_try_acquire (lock, 7, &error), "forward_rlock_try_acquire");
  DO (aioproc_rlock_acquire (lock, 7, -1, NULL, &error), "forward_rlock_acquire");
  DO (!aioproc_rlock_get_was_abandoned (lock), "forward_rlock_was_abandoned");
  DO (aioproc_rlock_is_owned (lock, 7), "forward_rlock_count");
  DO (aioproc_rlock_get_depth (lock, 7) == 2, "forward_rlock_count");
  DO (aioproc_rlock_release (lock, 7, &error), "forward_rlock_release");
  aioproc_rlock_acquire_async (lock, 7, -1, NULL, aioproc_test_store_result, &result);
  assert_calls ("forward_rlock_acquire_start");
  aioproc_test_wait (&result);
  DO (aioproc_rlock_acquire_finish (lock, result, &error), NULL);
  DO (aioproc_rlock_release (lock, 7, &error), "forward_rlock_release");
  DO (aioproc_rlock_release (lock, 7, &error), "forward_rlock_release");
  g_clear_object (&result);
  g_assert_finalize_object (g_steal_pointer (&lock));
}

static void
test_backends_semaphore (gconstpointer data)
{
  GType type = GPOINTER_TO_SIZE (data);
  g_autoptr(AioprocSemaphore) semaphore = new_forward (type);
  g_autoptr(GAsyncResult) result = NULL;

  g_test_summary ("The functions of a semaphore are those of its backend");

  assert_calls ("forward_semaphore_get_initial");
  DO (aioproc_semaphore_get_initial_value (semaphore) == 1, NULL);
  DO (aioproc_semaphore_get_value (semaphore) == 1, "forward_semaphore_get_value");
  DO (!aioproc_semaphore_is_locked (semaphore), "forward_semaphore_get_value");
  DO (aioproc_semaphore_try_acquire (semaphore, &error), "forward_semaphore_try_acquire");
  DO (aioproc_semaphore_get_held (semaphore) == 1, "forward_semaphore_get_held");
  DO (aioproc_semaphore_consume (semaphore, &error), "forward_semaphore_consume");
  DO (aioproc_semaphore_post (semaphore, &error), "forward_semaphore_post");
  DO (aioproc_semaphore_acquire (semaphore, -1, NULL, &error), "forward_semaphore_acquire");
  DO (aioproc_semaphore_release (semaphore, &error), "forward_semaphore_release");
  aioproc_semaphore_acquire_async (semaphore, -1, NULL, aioproc_test_store_result, &result);
  assert_calls ("forward_semaphore_acquire_start");
  aioproc_test_wait (&result);
  DO (aioproc_semaphore_acquire_finish (semaphore, result, &error), NULL);
  DO (aioproc_semaphore_release (semaphore, &error), "forward_semaphore_release");
  g_clear_object (&result);
  g_assert_finalize_object (g_steal_pointer (&semaphore));
}

static void
test_backends_event (void)
{
  g_autoptr(AioprocEvent) event = new_forward (AIOPROC_TYPE_EVENT);
  g_autoptr(GAsyncResult) result = NULL;

  g_test_summary ("The functions of an event are those of its backend");

  assert_calls (NULL);
  DO (!aioproc_event_is_set (event), "forward_event_is_set");
  DO (aioproc_event_set (event, &error), "forward_event_set");
  DO (aioproc_event_wait (event, -1, NULL, &error), "forward_event_wait");
  aioproc_event_wait_async (event, -1, NULL, aioproc_test_store_result, &result);
  assert_calls ("forward_event_wait_start");
  aioproc_test_wait (&result);
  DO (aioproc_event_wait_finish (event, result, &error), NULL);
  DO (aioproc_event_clear (event, &error), "forward_event_clear");
  g_clear_object (&result);
  g_assert_finalize_object (g_steal_pointer (&event));
}

static void
test_backends_barrier (void)
{
  g_autoptr(AioprocBarrier) barrier = new_forward (AIOPROC_TYPE_BARRIER);
  g_autoptr(GAsyncResult) result = NULL;

  g_test_summary ("The functions of a barrier are those of its backend");

  assert_calls ("forward_barrier_get_parties");
  DO (aioproc_barrier_get_parties (barrier) == 2, NULL);
  DO (!aioproc_barrier_is_broken (barrier), "forward_barrier_is_broken");
  aioproc_barrier_wait_async (barrier, -1, NULL, aioproc_test_store_result, &result);
  assert_calls ("forward_barrier_wait_start");
  DO (aioproc_barrier_get_n_waiting (barrier) == 1, "forward_barrier_get_n_waiting");
  DO (aioproc_barrier_wait (barrier, -1, NULL, &error) == 1, "forward_barrier_wait");
  aioproc_test_wait (&result);
  DO (aioproc_barrier_wait_finish (barrier, result, &error) == 0, NULL);
  DO (aioproc_barrier_abort (barrier, &error), "forward_barrier_abort");
  DO (aioproc_barrier_reset (barrier, &error), "forward_barrier_reset");
  g_clear_object (&result);
  g_assert_finalize_object (g_steal_pointer (&barrier));
}

static gboolean
count_cb (AioprocCondition *condition,
          gpointer          user_data)
{
  guint *n_calls = user_data;

  return (*n_calls)++ > 0;
}

static void
test_backends_condition (void)
{
  g_autoptr(AioprocLock) lock = new_forward (AIOPROC_TYPE_LOCK);
  g_autoptr(AioprocCondition) inner = NULL;
  g_autoptr(AioprocCondition) condition = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) local_error = NULL;
  guint n_calls = 0;

  g_test_summary ("The functions of a condition are those of its backend, and not of its lock's");

  inner = aioproc_condition_new (forward_get_inner (lock), &local_error);
  g_assert_no_error (local_error);
  condition = forward_new (inner, lock);
  g_clear_object (&inner);
  assert_calls (NULL);
  DO (aioproc_condition_get_lock (condition) == AIOPROC_SHAREABLE (lock), NULL);
  DO (aioproc_lock_try_acquire (lock, &error), "forward_lock_try_acquire");
  DO (aioproc_condition_notify_n (condition, 0, 1, &error), "forward_condition_notify");
  DO (aioproc_condition_notify_all (condition, 0, &error), "forward_condition_notify");
  DO (!aioproc_condition_wait (condition, 0, 1, NULL, NULL), "forward_condition_wait");
  aioproc_condition_wait_async (condition, 0, 1, NULL, aioproc_test_store_result, &result);
  assert_calls ("forward_condition_wait_start");
  aioproc_test_wait (&result);
  DO (!aioproc_condition_wait_finish (condition, result, NULL), NULL);
  g_clear_object (&result);

  /* Asks whether the lock is held, before the function and after a wait that has failed. */
  DO (aioproc_condition_wait_for (condition, 0, count_cb, &n_calls, 1, NULL, &error),
      "forward_condition_notify forward_condition_wait forward_condition_notify");
  n_calls = 0;
  aioproc_condition_wait_for_async (condition, 0, count_cb, &n_calls, NULL, 1, NULL,
                                    aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  DO (aioproc_condition_wait_for_finish (condition, result, &error),
      "forward_condition_notify forward_condition_wait_start forward_condition_notify");
  DO (aioproc_lock_release (lock, &error), "forward_lock_release");
  g_clear_object (&result);
  g_assert_finalize_object (g_steal_pointer (&condition));
  g_assert_finalize_object (g_steal_pointer (&lock));
}

static gboolean
is_item (gpointer       item,
         GDestroyNotify unref)
{
  if (item == NULL)
    return FALSE;

  unref (item);

  return TRUE;
}

#define IS_VALUE(value) is_item (value, (GDestroyNotify) g_variant_unref)
#define IS_BYTES(bytes) is_item (bytes, (GDestroyNotify) g_bytes_unref)

static gboolean
is_one (GPtrArray *items)
{
  gboolean one = items != NULL && items->len == 1;

  g_clear_pointer (&items, g_ptr_array_unref);

  return one;
}

static void
test_backends_queue (void)
{
  g_autoptr(AioprocQueue) queue = new_forward (AIOPROC_TYPE_QUEUE);
  g_autoptr(GVariant) value = g_variant_ref_sink (g_variant_new_string ("x"));
  g_autoptr(GBytes) bytes = g_bytes_new_static ("x", 1);
  g_autoptr(AioprocQueueLease) lease = NULL;
  g_autoptr(GAsyncResult) result = NULL;

  g_test_summary ("The functions of a queue are those of its backend");

  assert_calls (NULL);
  DO (aioproc_queue_get_max_items (queue) == 0, "forward_queue_get_max_items");
  DO (aioproc_queue_get_max_bytes (queue) == 0, "forward_queue_get_max_bytes");
  DO (aioproc_queue_get_n_bytes (queue) == 0, "forward_queue_count");
  DO (aioproc_queue_get_peak_items (queue) == 0, "forward_queue_count");
  DO (aioproc_queue_get_peak_bytes (queue) == 0, "forward_queue_count");
  DO (aioproc_queue_is_empty (queue), "forward_queue_count");
  DO (aioproc_queue_try_put (queue, value, &error), "forward_queue_try_put");
  DO (aioproc_queue_put (queue, value, -1, NULL, &error), "forward_queue_put");
  DO (aioproc_queue_try_put_bytes (queue, bytes, &error), "forward_queue_try_put");
  DO (aioproc_queue_put_bytes (queue, bytes, -1, NULL, &error), "forward_queue_put");
  DO (aioproc_queue_get_size (queue) == 4, "forward_queue_count");
  DO (IS_VALUE (aioproc_queue_try_get (queue, &error)), "forward_queue_try_get");
  DO (IS_VALUE (aioproc_queue_get (queue, -1, NULL, &error)), "forward_queue_get");
  DO (IS_BYTES (aioproc_queue_try_get_bytes (queue, &error)), "forward_queue_try_get");
  DO (IS_BYTES (aioproc_queue_get_bytes (queue, -1, NULL, &error)), "forward_queue_get");

  aioproc_queue_put_async (queue, value, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  DO (aioproc_queue_put_finish (queue, result, &error), "forward_queue_put_start");
  g_clear_object (&result);
  aioproc_queue_put_bytes_async (queue, bytes, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  DO (aioproc_queue_put_bytes_finish (queue, result, &error), "forward_queue_put_start");
  g_clear_object (&result);
  aioproc_queue_get_async (queue, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  DO (IS_VALUE (aioproc_queue_get_finish (queue, result, &error)), "forward_queue_get_start");
  g_clear_object (&result);
  aioproc_queue_get_bytes_async (queue, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  DO (IS_BYTES (aioproc_queue_get_bytes_finish (queue, result, &error)),
      "forward_queue_get_start");
  g_clear_object (&result);

  DO (aioproc_queue_put (queue, value, -1, NULL, &error), "forward_queue_put");
  DO ((lease = aioproc_queue_try_get_leased (queue, &error)) != NULL, "forward_queue_try_get");
  DO (aioproc_queue_lease_is_open (lease), "forward_lease_is_ours");
  DO (aioproc_queue_lease_nack (lease, &error), "forward_lease_end");
  g_clear_object (&lease);
  DO ((lease = aioproc_queue_get_leased (queue, -1, NULL, &error)) != NULL, "forward_queue_get");
  DO (g_variant_equal (aioproc_queue_lease_get_value (lease), value), NULL);
  DO (aioproc_queue_lease_get_bytes (lease) == NULL, NULL);
  DO (aioproc_queue_lease_get_n_failures (lease) == 1, NULL);
  /* Given back. */
  g_clear_object (&lease);
  assert_calls ("forward_lease_end");
  aioproc_queue_get_leased_async (queue, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  DO ((lease = aioproc_queue_get_leased_finish (queue, result, &error)) != NULL,
      "forward_queue_get_start");
  g_clear_object (&result);
  DO (aioproc_queue_lease_ack (lease, &error), "forward_lease_end");
  g_clear_object (&lease);
  DO (aioproc_queue_try_put_many (queue, &value, 1, &error) == 1, "forward_queue_put_many");
  DO (aioproc_queue_put_many (queue, &value, 1, -1, NULL, &error) == 1, "forward_queue_put_many");
  DO (is_one (aioproc_queue_try_get_many (queue, 1, &error)), "forward_queue_get_many");
  DO (is_one (aioproc_queue_get_many (queue, 1, -1, NULL, &error)), "forward_queue_get_many");
  DO (aioproc_queue_try_put_many_bytes (queue, &bytes, 1, &error) == 1,
      "forward_queue_put_many");
  DO (aioproc_queue_put_many_bytes (queue, &bytes, 1, -1, NULL, &error) == 1,
      "forward_queue_put_many");
  DO (is_one (aioproc_queue_try_get_many_bytes (queue, 1, &error)), "forward_queue_get_many");
  DO (is_one (aioproc_queue_get_many_bytes (queue, 1, -1, NULL, &error)),
      "forward_queue_get_many");
  aioproc_queue_put_many_async (queue, &value, 1, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  DO (aioproc_queue_put_many_finish (queue, result, &error) == 1, "forward_queue_put_many_start");
  g_clear_object (&result);
  aioproc_queue_get_many_async (queue, 1, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  DO (is_one (aioproc_queue_get_many_finish (queue, result, &error)),
      "forward_queue_get_many_start");
  g_clear_object (&result);

  DO (!aioproc_queue_is_closed (queue), "forward_queue_is_shut");
  DO (aioproc_queue_close (queue, FALSE, &error), "forward_queue_shut");
  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_backends_joinable_queue (void)
{
  g_autoptr(AioprocJoinableQueue) queue = new_forward (AIOPROC_TYPE_JOINABLE_QUEUE);
  AioprocQueue *parent = AIOPROC_QUEUE (queue);
  g_autoptr(GVariant) value = g_variant_ref_sink (g_variant_new_string ("x"));
  g_autoptr(GAsyncResult) result = NULL;

  g_test_summary ("The functions of a joinable queue are those of its backend");

  DO (aioproc_queue_get_max_deliveries (parent) == 0, "forward_queue_get_max_deliveries");
  DO (aioproc_queue_get_n_failed (parent) == 0, "forward_queue_count_failed");
  DO (aioproc_queue_try_put (parent, value, &error), "forward_queue_try_put");
  DO (IS_VALUE (aioproc_queue_try_get (parent, &error)), "forward_queue_try_get");
  DO (aioproc_joinable_queue_task_done (queue, &error), "forward_queue_task_done");
  DO (aioproc_joinable_queue_try_join (queue, &error), "forward_queue_try_join");
  DO (aioproc_joinable_queue_join (queue, -1, NULL, &error), "forward_queue_join");
  aioproc_joinable_queue_join_async (queue, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  DO (aioproc_joinable_queue_join_finish (queue, result, &error), "forward_queue_join_start");
  g_clear_object (&result);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_backends_simple_queue (void)
{
  g_autoptr(AioprocSimpleQueue) queue = new_forward (AIOPROC_TYPE_SIMPLE_QUEUE);
  g_autoptr(GVariant) value = g_variant_ref_sink (g_variant_new_string ("x"));
  g_autoptr(GBytes) bytes = g_bytes_new_static ("x", 1);
  g_autoptr(GAsyncResult) result = NULL;

  g_test_summary ("The functions of a simple queue are those of its backend");

  DO (aioproc_simple_queue_is_empty (queue), "forward_simple_count");
  DO (aioproc_simple_queue_put (queue, value, -1, NULL, &error), "forward_simple_put");
  DO (aioproc_simple_queue_put_bytes (queue, bytes, -1, NULL, &error), "forward_simple_put");
  DO (IS_VALUE (aioproc_simple_queue_get (queue, -1, NULL, &error)), "forward_simple_get");
  DO (IS_BYTES (aioproc_simple_queue_get_bytes (queue, -1, NULL, &error)), "forward_simple_get");
  aioproc_simple_queue_put_async (queue, value, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  DO (aioproc_simple_queue_put_finish (queue, result, &error), "forward_simple_put_start");
  g_clear_object (&result);
  aioproc_simple_queue_get_async (queue, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  DO (IS_VALUE (aioproc_simple_queue_get_finish (queue, result, &error)),
      "forward_simple_get_start");
  g_clear_object (&result);
  DO (aioproc_simple_queue_close (queue, &error), "forward_simple_shut");
  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_backends_export (gconstpointer data)
{
  GType type = GPOINTER_TO_SIZE (data);
  gpointer object = new_forward (type);
  g_autoptr(GError) error = NULL;
  int fds[AIOPROC_SHAREABLE_MAX_FDS];
  guint32 kind;
  guint n_fds;

  g_test_summary ("An object that is in no memory of this machine cannot be sent, and says so");

  g_assert_null (aioproc_shareable_dup_id (object));
  g_assert_false (aioproc_shareable_export (object, &kind, fds, &n_fds, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_assert_cmpuint (n_fds, ==, 0);
  g_assert_finalize_object (object);
}

int
main (int   argc,
      char *argv[])
{
  const struct {
    const char *name;
    GType       type;
  } types[] = {
    { "barrier", AIOPROC_TYPE_BARRIER },
    { "event", AIOPROC_TYPE_EVENT },
    { "joinable-queue", AIOPROC_TYPE_JOINABLE_QUEUE },
    { "lock", AIOPROC_TYPE_LOCK },
    { "queue", AIOPROC_TYPE_QUEUE },
    { "rlock", AIOPROC_TYPE_RLOCK },
    { "semaphore", AIOPROC_TYPE_SEMAPHORE },
    { "simple-queue", AIOPROC_TYPE_SIMPLE_QUEUE },
  };

  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/backends/barrier", test_backends_barrier);
  aioproc_test_add_func ("/aioproc/backends/condition", test_backends_condition);
  aioproc_test_add_func ("/aioproc/backends/event", test_backends_event);
  aioproc_test_add_func ("/aioproc/backends/joinable-queue", test_backends_joinable_queue);
  aioproc_test_add_func ("/aioproc/backends/lock", test_backends_lock);
  aioproc_test_add_func ("/aioproc/backends/queue", test_backends_queue);
  aioproc_test_add_func ("/aioproc/backends/rlock", test_backends_rlock);
  aioproc_test_add_func ("/aioproc/backends/simple-queue", test_backends_simple_queue);
  aioproc_test_add_data_func ("/aioproc/backends/semaphore",
                              GSIZE_TO_POINTER (AIOPROC_TYPE_SEMAPHORE), test_backends_semaphore);
  aioproc_test_add_data_func ("/aioproc/backends/bounded-semaphore",
                              GSIZE_TO_POINTER (AIOPROC_TYPE_BOUNDED_SEMAPHORE),
                              test_backends_semaphore);

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      g_autofree char *path = g_strdup_printf ("/aioproc/backends/export/%s", types[i].name);

      aioproc_test_add_data_func (path, GSIZE_TO_POINTER (types[i].type), test_backends_export);
    }

  return g_test_run ();
}
