/* aioproc-waiter-sync.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-wait-queue-private.h"

static void
wake_sync_wait_cb (GCancellable *cancellable,
                   gpointer      user_data)
{
  _Atomic guint32 *cancelled = user_data;

  atomic_store (cancelled, 1);
  aioproc_futex_wake (cancelled, 1);
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

  if (aioproc_futex_has_waitv ())
    aioproc_futex_waitv (waits, G_N_ELEMENTS (waits),
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

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

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

      aioproc_wait_queue_sleep (self, sequence, expected, &cancelled,
                                aioproc_wait_earlier (deadline_usec, request->retry_usec));
      request->slept = TRUE;
    }

  g_cancellable_disconnect (cancellable, cancelled_id);

  if (!over)
    {
      if (request->slept && ops->withdraw != NULL)
        ops->withdraw (self->word);

      g_propagate_error (error, aioproc_wait_error_new (self, ops, code));
      return FALSE;
    }

  if (request->has_work)
    ops->work (self->object, request);

  return TRUE;
}
