/* scale-kinds.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "scale-kinds.h"

#include "aioproc-test.h"
#include "core/core-test.h"

/* Each has 16 GiB of addresses, of which ThreadSanitizer leaves 1.5 TiB. */
#ifdef CORE_TEST_TSAN
# define N_QUEUES 32
#else
# define N_QUEUES 1000
#endif

/* Nobody else's. */
#define MAKER G_MAXUINT64

static gpointer
make (GType type)
{
  g_autoptr(GError) error = NULL;
  gpointer object = g_initable_new (type, NULL, &error, NULL);

  g_assert_no_error (error);

  return object;
}

/* --- Lock --- */

static void
let_lock (gpointer object,
          guint    n_operations)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_lock_release (object, &error));
  g_assert_no_error (error);
}

static gpointer
make_lock (void)
{
  g_autoptr(GError) error = NULL;
  AioprocLock *lock = make (AIOPROC_TYPE_LOCK);

  g_assert_true (aioproc_lock_try_acquire (lock, &error));
  g_assert_no_error (error);

  return lock;
}

static void
start_lock (gpointer             object,
            guint64              owner,
            GCancellable        *cancellable,
            GAsyncReadyCallback  callback,
            gpointer             user_data)
{
  aioproc_lock_acquire_async (object, -1, cancellable, callback, user_data);
}

static gboolean
finish_lock (gpointer       object,
             guint64        owner,
             GAsyncResult  *result,
             GError       **error)
{
  if (!aioproc_lock_acquire_finish (object, result, error))
    return FALSE;

  let_lock (object, 1);

  return TRUE;
}

static void
check_lock (gpointer object,
            guint    n_operations,
            guint    n_let)
{
  g_assert_false (aioproc_lock_is_locked (object));
}

/* --- RLock --- */

static void
release_rlock (gpointer object,
               guint64  owner)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_rlock_release (object, owner, &error));
  g_assert_no_error (error);
}

static gpointer
make_rlock (void)
{
  g_autoptr(GError) error = NULL;
  AioprocRLock *lock = make (AIOPROC_TYPE_RLOCK);

  g_assert_true (aioproc_rlock_try_acquire (lock, MAKER, &error));
  g_assert_no_error (error);

  return lock;
}

static void
start_rlock (gpointer             object,
             guint64              owner,
             GCancellable        *cancellable,
             GAsyncReadyCallback  callback,
             gpointer             user_data)
{
  aioproc_rlock_acquire_async (object, owner, -1, cancellable, callback, user_data);
}

static gboolean
finish_rlock (gpointer       object,
              guint64        owner,
              GAsyncResult  *result,
              GError       **error)
{
  if (!aioproc_rlock_acquire_finish (object, result, error))
    return FALSE;

  g_assert_cmpuint (aioproc_rlock_get_depth (object, owner), ==, 1);
  release_rlock (object, owner);

  return TRUE;
}

static void
let_rlock (gpointer object,
           guint    n_operations)
{
  release_rlock (object, MAKER);
}

static void
check_rlock (gpointer object,
             guint    n_operations,
             guint    n_let)
{
  g_assert_false (aioproc_rlock_is_locked (object));
}

/* --- Semaphore, of two units --- */

static void
release_semaphore (gpointer object)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_semaphore_release (object, &error));
  g_assert_no_error (error);
}

static gpointer
make_semaphore (void)
{
  g_autoptr(GError) error = NULL;
  AioprocSemaphore *semaphore = aioproc_semaphore_new (2, &error);

  g_assert_no_error (error);

  for (guint i = 0; i < 2; i++)
    {
      g_assert_true (aioproc_semaphore_try_acquire (semaphore, &error));
      g_assert_no_error (error);
    }

  return semaphore;
}

static void
start_semaphore (gpointer             object,
                 guint64              owner,
                 GCancellable        *cancellable,
                 GAsyncReadyCallback  callback,
                 gpointer             user_data)
{
  aioproc_semaphore_acquire_async (object, -1, cancellable, callback, user_data);
}

static gboolean
finish_semaphore (gpointer       object,
                  guint64        owner,
                  GAsyncResult  *result,
                  GError       **error)
{
  if (!aioproc_semaphore_acquire_finish (object, result, error))
    return FALSE;

  release_semaphore (object);

  return TRUE;
}

static void
let_semaphore (gpointer object,
               guint    n_operations)
{
  release_semaphore (object);
  release_semaphore (object);
}

static void
check_semaphore (gpointer object,
                 guint    n_operations,
                 guint    n_let)
{
  g_assert_cmpuint (aioproc_semaphore_get_value (object), ==, 2);
  g_assert_cmpuint (aioproc_semaphore_get_held (object), ==, 0);
}

/* --- Condition, over a lock of its own, which is held from a prepare to a start, by a let, and by
 * each operation when it ends ---
 */

static gpointer
make_condition (void)
{
  g_autoptr(AioprocLock) lock = make (AIOPROC_TYPE_LOCK);
  g_autoptr(GError) error = NULL;
  AioprocCondition *condition = aioproc_condition_new (AIOPROC_SHAREABLE (lock), &error);

  g_assert_no_error (error);

  return condition;
}

static void
prepare_condition (gpointer object)
{
  AioprocLock *lock = AIOPROC_LOCK (aioproc_condition_get_lock (object));
  GMainContext *context = g_main_context_get_thread_default ();

  /* Operations that have ended hold it until they are called back, here or in another thread. */
  while (!aioproc_lock_try_acquire (lock, NULL))
    {
      g_main_context_iteration (context, FALSE);
      g_thread_yield ();
    }
}

static void
release_condition (gpointer object)
{
  let_lock (aioproc_condition_get_lock (object), 1);
}

static void
start_condition (gpointer             object,
                 guint64              owner,
                 GCancellable        *cancellable,
                 GAsyncReadyCallback  callback,
                 gpointer             user_data)
{
  aioproc_condition_wait_async (object, 0, -1, cancellable, callback, user_data);
}

static gboolean
finish_condition (gpointer       object,
                  guint64        owner,
                  GAsyncResult  *result,
                  GError       **error)
{
  gboolean done = aioproc_condition_wait_finish (object, result, error);

  /* However it ended. */
  release_condition (object);

  return done;
}

static void
let_condition (gpointer object,
               guint    n_operations)
{
  g_autoptr(GError) error = NULL;

  prepare_condition (object);
  g_assert_true (aioproc_condition_notify_n (object, 0, n_operations, &error));
  g_assert_no_error (error);
  release_condition (object);
}

static void
check_condition (gpointer object,
                 guint    n_operations,
                 guint    n_let)
{
  g_assert_cmpuint (n_let, <=, n_operations);
  check_lock (aioproc_condition_get_lock (object), 0, 0);
}

/* --- Event --- */

static gpointer
make_event (void)
{
  return make (AIOPROC_TYPE_EVENT);
}

static void
start_event (gpointer             object,
             guint64              owner,
             GCancellable        *cancellable,
             GAsyncReadyCallback  callback,
             gpointer             user_data)
{
  aioproc_event_wait_async (object, -1, cancellable, callback, user_data);
}

static gboolean
finish_event (gpointer       object,
              guint64        owner,
              GAsyncResult  *result,
              GError       **error)
{
  return aioproc_event_wait_finish (object, result, error);
}

static void
let_event (gpointer object,
           guint    n_operations)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_event_set (object, &error));
  g_assert_no_error (error);
}

/* --- Barrier, of more parties than come: they wait for it to break --- */

/* As many as there can be. */
#define MAX_PARTIES 65535

static gpointer
make_barrier (void)
{
  g_autoptr(GError) error = NULL;
  AioprocBarrier *barrier = aioproc_barrier_new (MAX_PARTIES, &error);

  g_assert_no_error (error);

  return barrier;
}

static void
start_barrier (gpointer             object,
               guint64              owner,
               GCancellable        *cancellable,
               GAsyncReadyCallback  callback,
               gpointer             user_data)
{
  aioproc_barrier_wait_async (object, -1, cancellable, callback, user_data);
}

static gboolean
finish_barrier (gpointer       object,
                guint64        owner,
                GAsyncResult  *result,
                GError       **error)
{
  g_autoptr(GError) local_error = NULL;

  if (aioproc_barrier_wait_finish (object, result, &local_error) >= 0 ||
      g_error_matches (local_error, AIOPROC_ERROR, AIOPROC_ERROR_BROKEN_BARRIER))
    return TRUE;

  g_propagate_error (error, g_steal_pointer (&local_error));

  return FALSE;
}

static void
let_barrier (gpointer object,
             guint    n_operations)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_barrier_abort (object, &error));
  g_assert_no_error (error);
}

static void
check_barrier (gpointer object,
               guint    n_operations,
               guint    n_let)
{
  g_assert_true (aioproc_barrier_is_broken (object));
  g_assert_cmpuint (aioproc_barrier_get_n_waiting (object), ==, 0);
}

/* --- The same, of one party, which has come, and does not get to its action: so others have no
 * place. With one, they do not wait.
 */

typedef struct {
  GMainContext *context;   /* (owned) where the action is done */
  GAsyncResult *result;    /* (owned) (nullable) */
} FirstParty;

static void
do_nothing (AioprocBarrier  *barrier,
            gpointer         user_data,
            GError         **error)
{
}

static void
let_first_party (gpointer object)
{
  FirstParty *party = g_object_steal_data (object, "first-party");
  g_autoptr(GError) error = NULL;

  if (party == NULL)
    return;

  while (party->result == NULL)
    g_main_context_iteration (party->context, TRUE);

  g_assert_cmpint (aioproc_barrier_wait_finish (object, party->result, &error), ==, 0);
  g_assert_no_error (error);
  g_object_unref (party->result);
  g_main_context_unref (party->context);
  g_free (party);
}

static gpointer
make_place (void)
{
  g_autoptr(GError) error = NULL;
  AioprocBarrier *barrier = aioproc_barrier_new (1, &error);
  FirstParty *party = g_new0 (FirstParty, 1);

  g_assert_no_error (error);
  party->context = g_main_context_new ();
  g_object_set_data (G_OBJECT (barrier), "first-party", party);
  aioproc_barrier_set_action (barrier, do_nothing, NULL, NULL);
  g_main_context_push_thread_default (party->context);
  aioproc_barrier_wait_async (barrier, -1, NULL, aioproc_test_store_result, &party->result);
  g_main_context_pop_thread_default (party->context);
  aioproc_barrier_set_action (barrier, NULL, NULL, NULL);

  return barrier;
}

static gboolean
finish_place (gpointer       object,
              guint64        owner,
              GAsyncResult  *result,
              GError       **error)
{
  int index = aioproc_barrier_wait_finish (object, result, error);

  g_assert_cmpint (index, <=, 0);

  return index == 0;
}

static void
let_place (gpointer object,
           guint    n_operations)
{
  let_first_party (object);
}

static void
check_place (gpointer object,
             guint    n_operations,
             guint    n_let)
{
  g_assert_false (aioproc_barrier_is_broken (object));
  g_assert_cmpuint (aioproc_barrier_get_n_waiting (object), ==, 0);
}

/* --- Queue --- */

static gpointer
make_queue (void)
{
  return make (AIOPROC_TYPE_QUEUE);
}

static void
start_queue (gpointer             object,
             guint64              owner,
             GCancellable        *cancellable,
             GAsyncReadyCallback  callback,
             gpointer             user_data)
{
  aioproc_queue_get_async (object, -1, cancellable, callback, user_data);
}

static gboolean
finish_queue (gpointer       object,
              guint64        owner,
              GAsyncResult  *result,
              GError       **error)
{
  g_autoptr(GVariant) value = aioproc_queue_get_finish (object, result, error);

  return value != NULL;
}

static void
let_queue (gpointer object,
           guint    n_operations)
{
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < n_operations; i++)
    {
      g_assert_true (aioproc_queue_put (object, g_variant_new_uint32 (i), -1, NULL, &error));
      g_assert_no_error (error);
    }
}

static void
check_queue (gpointer object,
             guint    n_operations,
             guint    n_let)
{
  /* None was lost. */
  g_assert_cmpuint (aioproc_queue_get_size (object) + n_let, ==, n_operations);
}

const ScaleKind scale_kinds[] = {
  { "lock", 1000, 1, FALSE, make_lock, NULL, start_lock, finish_lock, let_lock, check_lock, NULL },
  { "rlock", 1000, 1, FALSE, make_rlock, NULL, start_rlock, finish_rlock, let_rlock, check_rlock,
    NULL },
  { "semaphore", 1000, 1, FALSE, make_semaphore, NULL, start_semaphore, finish_semaphore,
    let_semaphore, check_semaphore, NULL },
  { "condition", 1000, 2, FALSE, make_condition, prepare_condition, start_condition,
    finish_condition, let_condition, check_condition, NULL },
  { "event", 1000, 1, FALSE, make_event, NULL, start_event, finish_event, let_event, NULL, NULL },
  /* Each has a MiB of places. */
  { "barrier", 100, 1, TRUE, make_barrier, NULL, start_barrier, finish_barrier, let_barrier,
    check_barrier, NULL },
  { "barrier-place", 1000, 2, FALSE, make_place, NULL, start_barrier, finish_place, let_place,
    check_place, let_first_party },
  { "queue", N_QUEUES, 1, FALSE, make_queue, NULL, start_queue, finish_queue, let_queue,
    check_queue, NULL },
};

const guint n_scale_kinds = G_N_ELEMENTS (scale_kinds);
