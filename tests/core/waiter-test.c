/* waiter-test.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "waiter-test.h"

#include <sys/types.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "core-test.h"

#define STATE_SIZE 64

typedef struct {
  AioprocWaitRequest parent;
  guint              index;
} WaiterRequest;

static gboolean
waiter_test_attempt (gpointer            object,
                     AioprocWaitRequest *request,
                     guint32            *expected)
{
  WaiterTest *self = object;
  guint32 value = atomic_load (self->word);
  gint64 ready_usec = atomic_load (&self->ready_usec);

  if (g_get_monotonic_time () < ready_usec)
    {
      *expected = value;
      request->retry_usec = ready_usec;
      return FALSE;
    }

  while (value > 0)
    {
      if (atomic_compare_exchange_strong (self->word, &value, value - 1))
        {
          request->has_work = self->with_work;
          return TRUE;
        }
    }

  *expected = 0;

  return FALSE;
}

static void
waiter_test_work (gpointer            object,
                  AioprocWaitRequest *request)
{
  WaiterTest *self = object;
  AioprocFamily *family = aioproc_shm_get_family (self->shm);

  atomic_fetch_add (&self->n_working, 1);
  aioproc_futex_wake (&self->n_working, G_MAXUINT);

  while (atomic_load (&self->work_stops) != 0)
    aioproc_futex_wait (&self->work_stops, 1, -1);

  if (self->with_lock)
    {
      g_assert_cmpint (aioproc_lock_word_lock (waiter_test_get_lock (self), family), ==,
                       AIOPROC_LOCK_TAKEN);
      aioproc_lock_word_release (waiter_test_get_lock (self), family);
    }

  atomic_fetch_add (&self->n_worked, 1);
  atomic_store (&self->worked_here, getpid () == gettid ());
}

static void
waiter_test_worked (gpointer object)
{
  WaiterTest *self = object;

  g_assert_cmpuint (atomic_load (&self->n_refs), >, 0);

  while (atomic_load (&self->worked_stops) != 0)
    aioproc_futex_wait (&self->worked_stops, 1, -1);
}

static void
waiter_test_ref (gpointer object)
{
  WaiterTest *self = object;

  atomic_fetch_add (&self->n_refs, 1);
}

static void
waiter_test_unref (gpointer object)
{
  WaiterTest *self = object;

  atomic_fetch_sub (&self->n_refs, 1);
  aioproc_futex_wake (&self->n_refs, G_MAXUINT);
}

/* The test may be gone by now, but not its memory. */
static void
waiter_test_withdraw (_Atomic guint32 *word)
{
  atomic_fetch_add (word + 1, 1);
}

static gboolean
waiter_test_give_up (gpointer            object,
                     AioprocWaitRequest *request)
{
  WaiterTest *self = object;

  atomic_fetch_add (&self->n_given_up, 1);

  return self->is_over;
}

static void
waiter_test_complete (gpointer            object,
                      GTask              *task,
                      AioprocWaitRequest *request)
{
  g_task_return_boolean (task, TRUE);
}

static const AioprocWaitOps take_ops = {
  .verb = "take from",
  .attempt = waiter_test_attempt,
  .work = waiter_test_work,
  .withdraw = waiter_test_withdraw,
  .give_up = waiter_test_give_up,
  .complete = waiter_test_complete,
};

static void
waiter_test_go_on (gpointer  object,
                   GTask    *task)
{
  WaiterTest *self = object;

  aioproc_wait_queue_start (self->queue, &take_ops, task, -1);
}

static const AioprocWaitOps take_two_ops = {
  .verb = "take from",
  .attempt = waiter_test_attempt,
  .give_up = waiter_test_give_up,
  .go_on = waiter_test_go_on,
  .complete = waiter_test_complete,
};

static const AioprocWaitOps take_and_more_ops = {
  .verb = "take from",
  .attempt = waiter_test_attempt,
  .work = waiter_test_work,
  .worked = waiter_test_worked,
  .ref = waiter_test_ref,
  .unref = waiter_test_unref,
  .withdraw = waiter_test_withdraw,
  .complete = waiter_test_complete,
};

static guint
waiter_test_peek (gpointer            object,
                  AioprocWaitRequest *request)
{
  WaiterTest *self = object;

  if (++self->n_peeks == self->n_peeks_needed)
    atomic_store (self->word, 1);

  return atomic_load (self->word) > 0;
}

static gboolean
waiter_test_attempt_peeked (gpointer            object,
                            AioprocWaitRequest *request,
                            guint32            *expected)
{
  WaiterTest *self = object;

  self->n_peeked_attempts++;

  if (waiter_test_attempt (object, request, expected))
    return TRUE;

  /* So that the word is not what is slept on. */
  atomic_store (self->word, 1);

  return FALSE;
}

static const AioprocWaitOps take_awake_ops = {
  .verb = "take from",
  .attempt = waiter_test_attempt_peeked,
  .peek = waiter_test_peek,
  .complete = waiter_test_complete,
};

void
waiter_test_take_awake (WaiterTest *self,
                        gint64      timeout_usec)
{
  WaiterRequest request = { 0 };
  g_autoptr(GError) error = NULL;

  self->n_peeks = 0;
  self->n_peeked_attempts = 0;

  if (!aioproc_wait_queue_wait (self->queue, &take_awake_ops, &request.parent, timeout_usec, NULL,
                                &error))
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);

  atomic_store (self->word, 0);
}

WaiterTest *
waiter_test_new (void)
{
  WaiterTest *self = g_new0 (WaiterTest, 1);
  g_autoptr(GError) error = NULL;

  self->shm = aioproc_shm_new (AIOPROC_SHM_EVENT, "tokens", STATE_SIZE, 0, &error);
  g_assert_no_error (error);
  self->word = aioproc_shm_get_state (self->shm);
  self->queue = aioproc_wait_queue_new (self->shm, self->word, self);
  self->object = g_object_new (G_TYPE_OBJECT, NULL);
  self->in_order = TRUE;
  self->ended_usec = g_array_new (FALSE, TRUE, sizeof (gint64));
  self->last_ended = -1;

  return self;
}

void
waiter_test_free (WaiterTest *self)
{
  g_assert_cmpuint (self->n_ended, ==, self->n_started);
  g_assert_false (aioproc_wait_queue_has_pending (self->queue));

  aioproc_wait_queue_free (self->queue);
  aioproc_shm_unref (self->shm);
  g_clear_object (&self->cancellable);
  g_array_unref (self->ended_usec);
  /* No operation holds it any more. */
  g_assert_finalize_object (self->object);
  g_free (self);
}

guint
waiter_test_count (WaiterTest *self)
{
  return atomic_load (self->word);
}

guint
waiter_test_count_withdrawn (WaiterTest *self)
{
  return atomic_load (self->word + 1);
}

void
waiter_test_add (WaiterTest *self,
                 guint       n_tokens)
{
  atomic_fetch_add (self->word, n_tokens);
  aioproc_futex_wake (self->word, G_MAXUINT);
}

typedef struct {
  WaiterTest *test;
  guint       n_tokens;
} AddRun;

static gpointer
add_run (gpointer data)
{
  g_autofree AddRun *run = data;

  for (guint i = 0; i < run->n_tokens; i++)
    waiter_test_add (run->test, 1);

  return NULL;
}

GThread *
waiter_test_add_in_thread (WaiterTest *self,
                           guint       n_tokens)
{
  AddRun *run = g_new (AddRun, 1);

  run->test = self;
  run->n_tokens = n_tokens;

  return g_thread_new ("add", add_run, run);
}

void
waiter_test_add_later (WaiterTest *self,
                       guint       n_tokens)
{
  g_assert_null (self->thread);
  self->thread = waiter_test_add_in_thread (self, n_tokens);
}

void
waiter_test_join (WaiterTest *self)
{
  g_thread_join (g_steal_pointer (&self->thread));
}

AioprocLockWord *
waiter_test_get_lock (WaiterTest *self)
{
  return self->word + 2;
}

void
waiter_test_let_work (WaiterTest *self)
{
  atomic_store (&self->work_stops, 0);
  aioproc_futex_wake (&self->work_stops, G_MAXUINT);
}

void
waiter_test_let_worked (WaiterTest *self)
{
  guint32 n_refs;

  atomic_store (&self->worked_stops, 0);
  aioproc_futex_wake (&self->worked_stops, G_MAXUINT);

  while ((n_refs = atomic_load (&self->n_refs)) > 0)
    aioproc_futex_wait (&self->n_refs, n_refs, -1);
}

gboolean
waiter_test_take (WaiterTest    *self,
                  gint64         timeout_usec,
                  GCancellable  *cancellable,
                  GError       **error)
{
  AioprocWaitRequest request = { 0 };

  return aioproc_wait_queue_wait (self->queue, &take_ops, &request, timeout_usec, cancellable,
                                  error);
}

void
waiter_test_start_task (WaiterTest *self,
                        GTask      *task,
                        gint64      timeout_usec)
{
  WaiterRequest *request = g_new0 (WaiterRequest, 1);
  const AioprocWaitOps *ops = self->with_worked ? &take_and_more_ops : &take_ops;

  request->index = self->n_started;
  g_task_set_task_data (task, request, g_free);
  g_task_set_source_tag (task, waiter_test_start_task);
  g_task_set_check_cancellable (task, FALSE);
  aioproc_wait_queue_start (self->queue, self->with_two ? &take_two_ops : ops, task, timeout_usec);
}

void
waiter_test_start_with (WaiterTest          *self,
                        gint64               timeout_usec,
                        GCancellable        *cancellable,
                        GAsyncReadyCallback  callback)
{
  GTask *task = g_task_new (self->object, cancellable, callback, self);
  guint n_ended = self->n_ended;

  waiter_test_start_task (self, task, timeout_usec);
  self->n_started++;
  /* Never from inside. */
  g_assert_cmpuint (self->n_ended, ==, n_ended);
}

void
waiter_test_start (WaiterTest   *self,
                   gint64        timeout_usec,
                   GCancellable *cancellable)
{
  waiter_test_start_with (self, timeout_usec, cancellable, waiter_test_ended_cb);
}

void
waiter_test_start_many (WaiterTest   *self,
                        guint         n_operations,
                        gint64        timeout_usec,
                        GCancellable *cancellable)
{
  for (guint i = 0; i < n_operations; i++)
    waiter_test_start (self, timeout_usec, cancellable);
}

gint64
waiter_test_get_ended (WaiterTest *self,
                       guint       index)
{
  return index < self->ended_usec->len ? g_array_index (self->ended_usec, gint64, index) : 0;
}

void
waiter_test_ended_cb (GObject      *source,
                      GAsyncResult *result,
                      gpointer      user_data)
{
  WaiterTest *self = user_data;
  WaiterRequest *request = g_task_get_task_data (G_TASK (result));
  g_autoptr(GError) error = NULL;

  g_assert_true (source == self->object);
  g_assert_true (g_async_result_is_tagged (result, waiter_test_start_task));

  if (g_task_propagate_boolean (G_TASK (result), &error))
    self->n_taken++;
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    self->n_timed_out++;
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    self->n_cancelled++;
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    self->n_closed++;
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE))
    self->n_failed++;
  else
    g_assert_no_error (error);

  if (self->ended_usec->len <= request->index)
    g_array_set_size (self->ended_usec, request->index + 1);

  g_assert_cmpint (g_array_index (self->ended_usec, gint64, request->index), ==, 0);
  g_array_index (self->ended_usec, gint64, request->index) = g_get_monotonic_time ();
  self->n_ended++;
  self->in_order &= (int) request->index > self->last_ended;
  self->last_ended = (int) request->index;
}

void
waiter_test_wait_for_all (WaiterTest *self)
{
  aioproc_test_wait_until (self->n_ended == self->n_started);
}
