/* test-blocking.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"

typedef struct {
  AioprocLock      *lock;
  AioprocRLock     *rlock;
  AioprocSemaphore *semaphore;
  AioprocCondition *condition;
  AioprocEvent     *event;
  AioprocQueue     *queue;
  AioprocProcess   *process;
  gint64            timeout_usec;
} Objects;

static void
objects_init (Objects *self)
{
  g_autoptr(GError) error = NULL;

  self->lock = aioproc_lock_new (&error);
  g_assert_no_error (error);
  self->rlock = aioproc_rlock_new (&error);
  g_assert_no_error (error);
  self->semaphore = aioproc_semaphore_new (1, &error);
  g_assert_no_error (error);
  self->condition = aioproc_condition_new (AIOPROC_SHAREABLE (self->lock), &error);
  g_assert_no_error (error);
  self->event = aioproc_event_new (&error);
  g_assert_no_error (error);
  self->queue = aioproc_queue_new (0, &error);
  g_assert_no_error (error);
  self->process = aioproc_process_new (NULL, "never-run", NULL);
  self->timeout_usec = -1;
}

static void
objects_clear (Objects *self)
{
  g_assert_finalize_object (self->condition);
  g_assert_finalize_object (self->lock);
  g_assert_finalize_object (self->rlock);
  g_assert_finalize_object (self->semaphore);
  g_assert_finalize_object (self->event);
  g_assert_finalize_object (self->queue);
  g_assert_finalize_object (self->process);
}

static gboolean
true_cb (AioprocCondition *condition,
         gpointer          user_data)
{
  return TRUE;
}

/* To have the lock again may take longer than the wait: with a timeout of 0 too. */
static void
wait_for_condition (Objects *self)
{
  g_autoptr(GError) error = NULL;

  if (self->timeout_usec == 0)
    return;

  g_assert_true (aioproc_lock_try_acquire (self->lock, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_condition_wait_for (self->condition, 0, true_cb, NULL, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (aioproc_condition_wait (self->condition, 0, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_true (aioproc_lock_release (self->lock, &error));
  g_assert_no_error (error);
}

/* None of them has to wait. */
static void
block (Objects *self)
{
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GBytes) bytes = g_bytes_new_static ("x", 1);
  g_autoptr(GBytes) got = NULL;
  g_autoptr(GCancellable) cancelled = g_cancellable_new ();
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_lock_acquire (self->lock, self->timeout_usec, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_lock_release (self->lock, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_rlock_acquire (self->rlock, 1, self->timeout_usec, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_rlock_release (self->rlock, 1, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_semaphore_acquire (self->semaphore, self->timeout_usec, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_semaphore_release (self->semaphore, &error));
  g_assert_no_error (error);
  wait_for_condition (self);
  g_assert_true (aioproc_event_set (self->event, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_event_wait (self->event, self->timeout_usec, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_queue_put (self->queue, g_variant_new_string ("x"), self->timeout_usec,
                                    NULL, &error));
  g_assert_no_error (error);
  value = aioproc_queue_get (self->queue, self->timeout_usec, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (value);
  g_assert_true (aioproc_queue_put_bytes (self->queue, bytes, self->timeout_usec, NULL, &error));
  g_assert_no_error (error);
  got = aioproc_queue_get_bytes (self->queue, self->timeout_usec, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (bytes, got));

  g_assert_false (aioproc_process_join (self->process, self->timeout_usec, NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
  g_clear_error (&error);

  /* A start has no timeout. */
  if (self->timeout_usec == 0)
    return;

  g_cancellable_cancel (cancelled);
  g_assert_false (aioproc_process_start (self->process, cancelled, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static gboolean
block_cb (gpointer user_data)
{
  block (user_data);

  return G_SOURCE_REMOVE;
}

static gpointer
block_run (gpointer user_data)
{
  block (user_data);

  return NULL;
}

static void
block_in_callback (Objects *objects)
{
  g_autoptr(GSource) source = g_idle_source_new ();

  g_source_set_callback (source, block_cb, objects, NULL);
  g_source_attach (source, NULL);

  while (!g_source_is_destroyed (source))
    g_main_context_iteration (NULL, TRUE);
}

static void
expect_warning (const char *function)
{
  g_autofree char *pattern = g_strdup_printf ("*%s() was called by a callback of a main loop*"
                                              "use %s_async()", function, function);

  g_test_expect_message ("Aioproc", G_LOG_LEVEL_WARNING, pattern);
}

/* Warnings end the program, where they are not expected. */
static void
test_blocking_on (void)
{
  Objects objects;

  g_test_summary ("A callback that blocks is warned of once, for each function");

  objects_init (&objects);

  /* Outside of callbacks, without a wait, and in other threads it is right. */
  block (&objects);
  g_thread_join (g_thread_new ("block", block_run, &objects));
  objects.timeout_usec = 0;
  block_in_callback (&objects);
  objects.timeout_usec = -1;

  expect_warning ("aioproc_lock_acquire");
  expect_warning ("aioproc_rlock_acquire");
  expect_warning ("aioproc_semaphore_acquire");
  expect_warning ("aioproc_condition_wait_for");
  expect_warning ("aioproc_condition_wait");
  expect_warning ("aioproc_event_wait");
  expect_warning ("aioproc_queue_put");
  expect_warning ("aioproc_queue_get");
  expect_warning ("aioproc_queue_put_bytes");
  expect_warning ("aioproc_queue_get_bytes");
  expect_warning ("aioproc_process_join");
  expect_warning ("aioproc_process_start");
  block_in_callback (&objects);
  g_test_assert_expected_messages ();

  block_in_callback (&objects);
  objects_clear (&objects);
}

static void
test_blocking_off (void)
{
  Objects objects;

  g_test_summary ("Nobody is warned who has not asked for it");

  if (g_test_subprocess ())
    {
      objects_init (&objects);
      block_in_callback (&objects);
      objects_clear (&objects);
      return;
    }

  g_setenv ("AIOPROC_DEBUG", "", TRUE);
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_setenv ("AIOPROC_DEBUG", "blocking", TRUE);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr_unmatched ("*_async()*");
}

int
main (int   argc,
      char *argv[])
{
  /* Before the first operation, and not over what the cases say. */
  g_setenv ("AIOPROC_DEBUG", "blocking", FALSE);
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/blocking/off", test_blocking_off);
  aioproc_test_add_func ("/aioproc/blocking/on", test_blocking_on);

  return g_test_run ();
}
