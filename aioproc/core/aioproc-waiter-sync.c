/* aioproc-waiter-sync.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-wait-queue-private.h"
#include "platform/aioproc-cpu-private.h"

/* Each further operation that was made possible spares a sleep and a wake-up. */
#define SPARE_USEC 5
/* Between two moments at which others may run. */
#define N_LOOKS    8

static void
wake_sync_wait_cb (GCancellable *cancellable,
                   gpointer      user_data)
{
  _Atomic guint32 *cancelled = user_data;

  atomic_store (cancelled, 1);
  aioproc_futex_wake (cancelled, 1);
}

/* Who is to change the word may be running on another processor, and then is faster than a wake-up;
 * or it waits for this one, and then to let it run costs half of what it costs to sleep and to be
 * woken. But one who computes there keeps the processor for milliseconds.
 */
gboolean
aioproc_wait_queue_stay_awake (AioprocWaitQueue    *self,
                               AioprocWaitPeekFunc  peek,
                               AioprocWaitRequest  *request,
                               gint64               timeout_usec)
{
  gint64 limit_usec = timeout_usec < 0 ? AIOPROC_WAIT_AWAKE_USEC
                                       : MIN (timeout_usec, AIOPROC_WAIT_AWAKE_USEC);
  guint n_found = 0;
  gint64 began_usec;
  gint64 spent_usec;
  gint64 late_usec;

  if (aioproc_wait_haste_take (&self->sleep_haste))
    return FALSE;

  began_usec = g_get_monotonic_time ();

  do
    {
      g_thread_yield ();
      n_found = peek (self->object, request);

      for (guint i = 1; i < N_LOOKS && n_found == 0; i++)
        {
          aioproc_cpu_relax ();
          n_found = peek (self->object, request);
        }

      spent_usec = g_get_monotonic_time () - began_usec;
    }
  while (n_found == 0 && spent_usec < limit_usec);

  late_usec = AIOPROC_WAIT_LATE_USEC + ((gint64) n_found - 1) * SPARE_USEC;
  aioproc_wait_haste_learn (&self->sleep_haste, n_found == 0 || spent_usec >= late_usec);

  return n_found > 0;
}

/* Who is woken often takes the processor from who has woken it. Where several processes share one,
 * each change would be followed by a sleeper that makes use of it, finds no other, and sleeps
 * again: two switches for each. Once the waker goes on, and nobody sleeps, it makes as many changes
 * as it can.
 */
static void
aioproc_wait_queue_defer (AioprocWaitQueue     *self,
                          const AioprocWaitOps *ops)
{
  gint64 began_usec;

  if (ops->defers == NULL || !ops->defers (self->object) ||
      aioproc_wait_haste_take (&self->wake_haste))
    return;

  began_usec = g_get_monotonic_time ();
  g_thread_yield ();
  aioproc_wait_haste_learn (&self->wake_haste,
                            g_get_monotonic_time () - began_usec >= AIOPROC_WAIT_LATE_USEC);
}

static void
aioproc_wait_queue_sleep (AioprocWaitQueue *self,
                          guint32           sequence,
                          guint32           expected,
                          _Atomic guint32  *cancelled,
                          gint64            deadline_usec)
{
  AioprocFutexWait waits[] = {
    { self->word, expected },
    { aioproc_family_get_sequence (self->family), sequence },
    { &self->closed, 0 },
    { cancelled, 0 },
  };
  /* Each of them costs. */
  guint n_waits = G_N_ELEMENTS (waits) - (cancelled == NULL ? 1 : 0);

  if (aioproc_futex_has_waitv ())
    aioproc_futex_waitv (waits, n_waits,
                         aioproc_wait_earlier (deadline_usec, aioproc_family_get_backstop ()));
  else
    aioproc_family_sleep (self->family, sequence, self->word, expected, deadline_usec);
}

gboolean
aioproc_wait_queue_wait (AioprocWaitQueue      *self,
                         const AioprocWaitOps  *ops,
                         AioprocWaitRequest    *request,
                         gint64                 timeout_usec,
                         GCancellable          *cancellable,
                         GError               **error)
{
  _Atomic guint32 *sequence_word = aioproc_family_get_sequence (self->family);
  _Atomic guint32 cancelled = 0;
  gint64 deadline_usec = -1;
  gulong cancelled_id = 0;
  gboolean over = FALSE;
  GIOErrorEnum code;

  request->slept = FALSE;
  request->has_work = FALSE;

  if (g_cancellable_is_cancelled (cancellable))
    {
      if (aioproc_wait_queue_give_up (self, ops, request))
        return TRUE;

      g_propagate_error (error, aioproc_wait_error_new (self, ops, G_IO_ERROR_CANCELLED));
      return FALSE;
    }

  if (ops->peek != NULL && timeout_usec != 0)
    aioproc_wait_queue_stay_awake (self, ops->peek, request, timeout_usec);

  for (;;)
    {
      /* Before the attempt reads anything. Partner: the announcement of a death. */
      guint32 sequence = atomic_load_explicit (sequence_word, memory_order_acquire);
      guint32 expected;

      if (atomic_load (&self->closed))
        {
          code = G_IO_ERROR_CLOSED;
          break;
        }

      over = aioproc_wait_queue_attempt (self, ops, request, &expected);

      if (over)
        break;

      if (!request->slept && timeout_usec != 0)
        {
          deadline_usec = aioproc_wait_deadline (timeout_usec);

          if (cancellable != NULL)
            cancelled_id = g_cancellable_connect (cancellable, G_CALLBACK (wake_sync_wait_cb),
                                                  (gpointer) &cancelled, NULL);
        }

      if (timeout_usec == 0 ||
          (deadline_usec >= 0 && g_get_monotonic_time () >= deadline_usec))
        {
          code = G_IO_ERROR_TIMED_OUT;
          break;
        }

      if (atomic_load (&cancelled))
        {
          code = G_IO_ERROR_CANCELLED;
          break;
        }

      aioproc_wait_queue_sleep (self, sequence, expected, cancellable != NULL ? &cancelled : NULL,
                                aioproc_wait_earlier (deadline_usec, request->retry_usec));
      request->slept = TRUE;
      aioproc_wait_queue_defer (self, ops);
    }

  g_cancellable_disconnect (cancellable, cancelled_id);

  if (!over)
    {
      if (request->slept && ops->withdraw != NULL)
        ops->withdraw (self->word);

      if (aioproc_wait_queue_give_up (self, ops, request))
        return TRUE;

      g_propagate_error (error, aioproc_wait_error_new (self, ops, code));
      return FALSE;
    }

  if (request->has_work)
    ops->work (self->object, request);

  return TRUE;
}
