/* aioproc-queue-local-watch.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-local-private.h"

/* A queue as one of many that are waited for. Who waits so sleeps on a word of its own, of which
 * all are woken: it takes no wake-up from those who wait to get, and none of those needs to pass
 * one on to it.
 */

static gboolean
local_queue_watch_attempt (gpointer            object,
                           AioprocWaitRequest *base_request,
                           guint32            *expected)
{
  LocalQueue *self = object;
  AioprocWordWatchRequest *request = (AioprocWordWatchRequest *) base_request;
  AioprocQueueSleep sleep = { 0 };

  /* Before anything else is looked at: it changes when that does. */
  *expected = atomic_load (&self->slots.header->watch);

  switch (aioproc_queue_slots_watch (&self->slots, &sleep, NULL))
    {
    case AIOPROC_QUEUE_WAIT:
      *expected = sleep.expected;

      if (sleep.idle_usec >= 0)
        local_queue_plan_trim (self, sleep.idle_usec, base_request);

      return FALSE;

    case AIOPROC_QUEUE_BUSY:
      base_request->retry_usec = local_queue_get_retry (request->n_tries++);
      return FALSE;

    case AIOPROC_QUEUE_DONE:
    case AIOPROC_QUEUE_BEGUN:
    case AIOPROC_QUEUE_IN_PLACE:
    case AIOPROC_QUEUE_CLOSED:
    case AIOPROC_QUEUE_MISMATCH:
    case AIOPROC_QUEUE_FAILED:
    default:
      return TRUE;
    }
}

static const AioprocWaitOps watch_ops = {
  .verb = "watch",
  .attempt = local_queue_watch_attempt,
  .ref = local_queue_keep,
  .unref = local_queue_let_go,
  .ended = aioproc_word_watch_ended,
};

AioprocWordWatch *
local_queue_watch_new (LocalQueue *self)
{
  return aioproc_word_watch_new (self->shm, &self->slots.header->watch, self, &watch_ops);
}

gboolean
local_queue_is_ready (gpointer impl)
{
  LocalQueue *self = impl;

  /* Where a get fails, it does so at once. */
  if (!local_queue_check (self, NULL))
    return TRUE;

  for (guint n_yields = 0; n_yields < LOCAL_QUEUE_MAX_YIELDS; n_yields++)
    {
      AioprocQueueStatus status = aioproc_queue_slots_watch (&self->slots, NULL, NULL);

      if (status != AIOPROC_QUEUE_BUSY)
        return status != AIOPROC_QUEUE_WAIT;

      g_thread_yield ();
    }

  /* A get would try again later, whatever there is. */
  return FALSE;
}

gboolean
local_queue_watch (gpointer       impl,
                   AioprocWatch  *watch,
                   GError       **error)
{
  LocalQueue *self = impl;

  /* That ends the wait: nothing more is to be told. */
  if (local_queue_is_ready (self))
    return TRUE;

  aioproc_word_watch_add (self->watch, watch, error);

  return FALSE;
}

void
local_queue_unwatch (gpointer      impl,
                     AioprocWatch *watch)
{
  LocalQueue *self = impl;

  aioproc_word_watch_remove (self->watch, watch);
}
