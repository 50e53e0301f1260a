/* death-things.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "death-things.h"

#include "aioproc-test.h"
#include "core/core-test.h"

/* --- All alike --- */

static gboolean
acquire_within (gpointer   object,
                gint64     timeout_usec,
                GError   **error)
{
  if (AIOPROC_IS_LOCK (object))
    return aioproc_lock_acquire (object, timeout_usec, NULL, error);

  if (AIOPROC_IS_RLOCK (object))
    return aioproc_rlock_acquire (object, 0, timeout_usec, NULL, error);

  return aioproc_semaphore_acquire (object, timeout_usec, NULL, error);
}

static void
acquire (gpointer object)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (acquire_within (object, -1, &error));
  g_assert_no_error (error);
}

static void
acquire_async (gpointer object)
{
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  gboolean acquired;

  g_main_context_push_thread_default (context);

  if (AIOPROC_IS_LOCK (object))
    {
      aioproc_lock_acquire_async (object, -1, NULL, aioproc_test_store_result, &result);
      aioproc_test_wait (&result);
      acquired = aioproc_lock_acquire_finish (object, result, &error);
    }
  else if (AIOPROC_IS_RLOCK (object))
    {
      aioproc_rlock_acquire_async (object, 0, -1, NULL, aioproc_test_store_result, &result);
      aioproc_test_wait (&result);
      acquired = aioproc_rlock_acquire_finish (object, result, &error);
    }
  else
    {
      aioproc_semaphore_acquire_async (object, -1, NULL, aioproc_test_store_result, &result);
      aioproc_test_wait (&result);
      acquired = aioproc_semaphore_acquire_finish (object, result, &error);
    }

  g_main_context_pop_thread_default (context);
  g_assert_no_error (error);
  g_assert_true (acquired);
}

static void
release (gpointer object)
{
  g_autoptr(GError) error = NULL;

  if (AIOPROC_IS_LOCK (object))
    g_assert_true (aioproc_lock_release (object, &error));
  else if (AIOPROC_IS_RLOCK (object))
    g_assert_true (aioproc_rlock_release (object, 0, &error));
  else
    g_assert_true (aioproc_semaphore_release (object, &error));

  g_assert_no_error (error);
}

static gboolean
was_abandoned (gpointer object)
{
  if (AIOPROC_IS_LOCK (object))
    return aioproc_lock_get_was_abandoned (object);

  return AIOPROC_IS_RLOCK (object) && aioproc_rlock_get_was_abandoned (object);
}

/* --- Locks and units --- */

static gpointer
make_lock (void)
{
  return aioproc_lock_new (NULL);
}

static gpointer
make_rlock (void)
{
  return aioproc_rlock_new (NULL);
}

static gpointer
make_semaphore (void)
{
  return aioproc_semaphore_new (1, NULL);
}

static gpointer
make_bounded_semaphore (void)
{
  return aioproc_bounded_semaphore_new (1, NULL);
}

static void
hold (Fixture *self)
{
  acquire (self->object);

  /* Of which nothing is left. */
  if (AIOPROC_IS_RLOCK (self->object))
    acquire (self->object);

  core_test_store (&self->shared->held, 1);
}

static void
let_go (Fixture *self)
{
  release (self->object);

  if (AIOPROC_IS_RLOCK (self->object))
    release (self->object);
}

static gboolean
wait_for_object (Fixture *self)
{
  gboolean told;

  core_test_store (&self->shared->begun, 1);

  if (self->async)
    acquire_async (self->object);
  else
    acquire (self->object);

  told = was_abandoned (self->object);

  if (AIOPROC_IS_RLOCK (self->object))
    g_assert_cmpuint (aioproc_rlock_get_depth (self->object, 0), ==, 1);

  release (self->object);

  return told;
}

static void
check_held (Fixture *self)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (acquire_within (self->object, 20 * G_TIME_SPAN_MILLISECOND, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

/* --- Conditions --- */

static gpointer
make_condition (void)
{
  g_autoptr(AioprocLock) lock = aioproc_lock_new (NULL);

  return aioproc_condition_new (AIOPROC_SHAREABLE (lock), NULL);
}

static gpointer
make_condition_of_rlock (void)
{
  return aioproc_condition_new (NULL, NULL);
}

static void
notify (Fixture *self)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_condition_notify_n (self->object, 0, 1, &error));
  g_assert_no_error (error);
}

static void
hold_condition (Fixture *self)
{
  acquire (aioproc_condition_get_lock (self->object));
  notify (self);
  core_test_store (&self->shared->held, 1);
}

static void
let_go_of_condition (Fixture *self)
{
  release (aioproc_condition_get_lock (self->object));
}

static gboolean
wait_for_condition (Fixture *self)
{
  gpointer lock = aioproc_condition_get_lock (self->object);
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  gboolean told;

  acquire (lock);
  core_test_store (&self->shared->begun, 1);

  if (self->async)
    {
      g_main_context_push_thread_default (context);
      aioproc_condition_wait_async (self->object, 0, -1, NULL, aioproc_test_store_result, &result);
      aioproc_test_wait (&result);
      g_assert_true (aioproc_condition_wait_finish (self->object, result, &error));
      g_main_context_pop_thread_default (context);
    }
  else
    {
      g_assert_true (aioproc_condition_wait (self->object, 0, -1, NULL, &error));
    }

  g_assert_no_error (error);
  told = was_abandoned (lock);
  release (lock);

  return told;
}

static void
wait_to_die (Fixture *self)
{
  g_autoptr(GError) error = NULL;

  acquire (aioproc_condition_get_lock (self->object));
  core_test_store (&self->shared->held, 1);
  g_assert_true (aioproc_condition_wait (self->object, 0, -1, NULL, &error));
  g_assert_no_error (error);
}

/* It was chosen, and may tell the other now. */
static void
tell_other (Fixture *self)
{
  notify (self);
  release (aioproc_condition_get_lock (self->object));
}

/* The victim is chosen, whose slot comes first: and has to wait for the lock, which is ours. */
static void
choose_victim (Fixture *self)
{
  acquire (aioproc_condition_get_lock (self->object));
  notify (self);
}

static void
let_chosen_go (Fixture *self)
{
  release (aioproc_condition_get_lock (self->object));
}

/* Nothing is passed on, neither to the other nor to us. */
static void
check_waits (Fixture *self)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (aioproc_condition_wait (self->object, 0, 20 * G_TIME_SPAN_MILLISECOND, NULL,
                                          &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpuint (atomic_load (&self->shared->got), ==, 0);
}

static void
check_condition_held (Fixture *self)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (acquire_within (aioproc_condition_get_lock (self->object),
                                  20 * G_TIME_SPAN_MILLISECOND, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

static void
notify_after (Fixture *self)
{
  acquire (aioproc_condition_get_lock (self->object));
  notify (self);
  release (aioproc_condition_get_lock (self->object));
}

/* --- Barriers, whose parties the other two are --- */

static gpointer
make_barrier_of_2 (void)
{
  return aioproc_barrier_new (2, NULL);
}

static gpointer
make_barrier_of_3 (void)
{
  return aioproc_barrier_new (3, NULL);
}

/* Returns whether it was broken. */
static gboolean
end_barrier_wait (int     index,
                  GError *error)
{
  if (index >= 0)
    {
      g_assert_no_error (error);
      return FALSE;
    }

  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_BROKEN_BARRIER);
  g_error_free (error);

  return TRUE;
}

/* @self: (nullable) whom to tell that it has arrived. */
static gboolean
wait_at_barrier_async (AioprocBarrier *barrier,
                       Fixture        *self)
{
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GAsyncResult) result = NULL;
  GError *error = NULL;
  int index;

  g_main_context_push_thread_default (context);
  aioproc_barrier_wait_async (barrier, -1, NULL, aioproc_test_store_result, &result);

  if (self != NULL)
    core_test_store (&self->shared->held, 1);

  aioproc_test_wait (&result);
  index = aioproc_barrier_wait_finish (barrier, result, &error);
  g_main_context_pop_thread_default (context);

  return end_barrier_wait (index, error);
}

static gboolean
wait_at_barrier (Fixture *self)
{
  GError *error = NULL;
  int index;

  core_test_store (&self->shared->begun, 1);

  if (self->async)
    return wait_at_barrier_async (self->object, NULL);

  index = aioproc_barrier_wait (self->object, -1, NULL, &error);

  return end_barrier_wait (index, error);
}

static void
wait_at_barrier_to_die (Fixture *self)
{
  g_assert_false (wait_at_barrier_async (self->object, self));
}

static void
act_to_die (AioprocBarrier  *barrier,
            gpointer         user_data,
            GError         **error)
{
  Fixture *self = user_data;

  core_test_store (&self->shared->held, 1);
  core_test_wait_for (&self->shared->go, 2);
}

/* Comes last. */
static void
act_at_barrier (Fixture *self)
{
  GError *error = NULL;
  int index;

  while (aioproc_barrier_get_n_waiting (self->object) == 0)
    g_thread_yield ();

  aioproc_barrier_set_action (self->object, act_to_die, self, NULL);
  index = aioproc_barrier_wait (self->object, -1, NULL, &error);
  g_assert_false (end_barrier_wait (index, error));
}

static void
do_no_more (Fixture *self)
{
}

/* Who is stopped is there. */
static void
check_barrier_whole (Fixture *self)
{
  g_assert_false (aioproc_barrier_is_broken (self->object));
  g_assert_cmpuint (atomic_load (&self->shared->got), ==, 0);
}

static void
repair_barrier (Fixture *self)
{
  g_autoptr(GError) error = NULL;

  if (self->end == END_STOPPED_CONTINUES)
    return;

  /* Not before the other one knows, which need not have come when the victim died. */
  core_test_wait_for_any (&self->shared->got);
  g_assert_true (aioproc_barrier_is_broken (self->object));
  g_assert_true (aioproc_barrier_reset (self->object, &error));
  g_assert_no_error (error);
}

/* This process is a party, too, which comes only if nobody dies. */
static void
come_or_repair_barrier (Fixture *self)
{
  if (self->end == END_STOPPED_CONTINUES)
    g_assert_false (wait_at_barrier_async (self->object, NULL));

  repair_barrier (self);
}

const Thing death_things[] = {
  { "lock", make_lock, hold, let_go, wait_for_object, FALSE, NULL, check_held, NULL, TRUE },
  { "rlock", make_rlock, hold, let_go, wait_for_object, FALSE, NULL, check_held, NULL, TRUE },
  { "semaphore", make_semaphore, hold, let_go, wait_for_object, FALSE, NULL, check_held, NULL,
    FALSE },
  { "bounded-semaphore", make_bounded_semaphore, hold, let_go, wait_for_object, FALSE, NULL,
    check_held, NULL, FALSE },
  { "condition/notifying", make_condition, hold_condition, let_go_of_condition, wait_for_condition,
    TRUE, NULL, check_condition_held, NULL, TRUE },
  { "condition/notifying-rlock", make_condition_of_rlock, hold_condition, let_go_of_condition,
    wait_for_condition, TRUE, NULL, check_condition_held, NULL, TRUE },
  { "condition/waiting", make_condition, wait_to_die, tell_other, wait_for_condition, FALSE, NULL,
    NULL, notify_after, FALSE },
  { "condition/chosen", make_condition, wait_to_die, tell_other, wait_for_condition, FALSE,
    choose_victim, check_waits, let_chosen_go, FALSE },
  { "condition/chosen-rlock", make_condition_of_rlock, wait_to_die, tell_other,
    wait_for_condition, FALSE, choose_victim, check_waits, let_chosen_go, FALSE },
  { "barrier/waiting", make_barrier_of_3, wait_at_barrier_to_die, do_no_more, wait_at_barrier,
    FALSE, NULL, check_barrier_whole, come_or_repair_barrier, TRUE },
  { "barrier/acting", make_barrier_of_2, act_at_barrier, do_no_more, wait_at_barrier, TRUE, NULL,
    check_barrier_whole, repair_barrier, TRUE },
};

const guint n_death_things = G_N_ELEMENTS (death_things);

void
death_things_check_free (gpointer object)
{
  if (AIOPROC_IS_CONDITION (object))
    object = aioproc_condition_get_lock (object);

  if (AIOPROC_IS_LOCK (object))
    g_assert_false (aioproc_lock_is_locked (object));
  else if (AIOPROC_IS_RLOCK (object))
    g_assert_false (aioproc_rlock_is_locked (object));
  else if (AIOPROC_IS_BARRIER (object))
    g_assert_true (!aioproc_barrier_is_broken (object) &&
                   aioproc_barrier_get_n_waiting (object) == 0);
  else
    g_assert_cmpuint (aioproc_semaphore_get_value (object), ==, 1);
}
