/* aioproc-event-local.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "sync/aioproc-event-private.h"

#include "core/aioproc-shareable-private.h"
#include "core/aioproc-waiter-private.h"

/* All of an event is one word, so that nothing of it can be torn: WAIT | SET | sets (30 bits).
 *
 * The count of sets is what lets a set release all who waited before it, also when it is cleared
 * at once: who sleeps through both still sees that the count has changed. It wraps after 2^30
 * sets; a sleeper misses a set only if exactly so many, and clears, happen before it runs.
 *
 * WAIT is there from the first wait that must sleep until the waiters were woken: so when a setter
 * is stopped before it has woken them, the next one does.
 */
#define WAIT_BIT  0x80000000u
#define SET_BIT   0x40000000u
#define SETS_MASK 0x3fffffffu

/* In shared memory. */
typedef struct {
  _Atomic guint32 word;
} EventState;

G_STATIC_ASSERT (sizeof (EventState) == 4);

typedef struct {
  /* Immutable after construction. */
  AioprocShm       *shm;       /* (owned) */
  EventState       *state;
  AioprocWaitQueue *waiters;   /* (owned) */
} LocalEvent;

typedef struct {
  AioprocWaitRequest parent;
  guint32            sets;     /* how many there had been when the operation began */
} EventRequest;

static void
aioproc_event_local_begin (LocalEvent   *self,
                           EventRequest *request)
{
  request->sets = atomic_load_explicit (&self->state->word, memory_order_relaxed) & SETS_MASK;
}

static gboolean
aioproc_event_local_attempt (gpointer            object,
                             AioprocWaitRequest *base_request,
                             guint32            *expected)
{
  LocalEvent *self = object;
  EventRequest *request = (EventRequest *) base_request;
  /* Acquire: sees what the setter wrote before. Partner: aioproc_event_local_set(). */
  guint32 value = atomic_load_explicit (&self->state->word, memory_order_acquire);

  for (;;)
    {
      if ((value & SET_BIT) != 0 || (value & SETS_MASK) != request->sets)
        return TRUE;

      if ((value & WAIT_BIT) != 0 ||
          atomic_compare_exchange_weak_explicit (&self->state->word, &value, value | WAIT_BIT,
                                                 memory_order_acquire, memory_order_acquire))
        {
          *expected = value | WAIT_BIT;
          return FALSE;
        }
    }
}

static void
aioproc_event_local_complete (gpointer            object,
                              GTask              *task,
                              AioprocWaitRequest *request)
{
  g_task_return_boolean (task, TRUE);
}

/* Without withdraw(): a set wakes all. */
static const AioprocWaitOps wait_ops = {
  .verb = "wait for",
  .attempt = aioproc_event_local_attempt,
  .complete = aioproc_event_local_complete,
};

static gboolean
aioproc_event_local_set (gpointer   impl,
                         GError   **error)
{
  LocalEvent *self = impl;
  guint32 value;
  guint32 next;

  /* A setter that is killed before it has woken the waiters is announced; that needs membership. */
  if (!aioproc_shm_attach (self->shm, error))
    return FALSE;

  value = atomic_load_explicit (&self->state->word, memory_order_relaxed);

  do
    {
      next = value;

      if ((value & SET_BIT) != 0)
        break;

      next = (value & WAIT_BIT) | SET_BIT | ((value + 1) & SETS_MASK);
    }
  while (!atomic_compare_exchange_weak_explicit (&self->state->word, &value, next,
                                                 memory_order_release, memory_order_relaxed));

  if ((next & WAIT_BIT) != 0)
    {
      aioproc_wait_queue_serve (self->waiters);
      aioproc_futex_wake (&self->state->word, G_MAXUINT);
      /* Unless it was cleared: then the mark may be that of new waiters. */
      atomic_compare_exchange_strong_explicit (&self->state->word, &next, next & ~WAIT_BIT,
                                               memory_order_relaxed, memory_order_relaxed);
    }

  return TRUE;
}

static gboolean
aioproc_event_local_clear (gpointer   impl,
                           GError   **error)
{
  LocalEvent *self = impl;

  if (!aioproc_shm_attach (self->shm, error))
    return FALSE;

  atomic_fetch_and_explicit (&self->state->word, ~SET_BIT, memory_order_relaxed);

  return TRUE;
}

static gboolean
aioproc_event_local_is_set (gpointer impl)
{
  LocalEvent *self = impl;

  return (atomic_load_explicit (&self->state->word, memory_order_acquire) & SET_BIT) != 0;
}

static gboolean
aioproc_event_local_wait (gpointer       impl,
                          gint64         timeout_usec,
                          GCancellable  *cancellable,
                          GError       **error)
{
  LocalEvent *self = impl;
  EventRequest request = { 0 };

  if (!aioproc_shm_attach (self->shm, error))
    return FALSE;

  aioproc_event_local_begin (self, &request);

  return aioproc_wait_queue_wait (self->waiters, &wait_ops, &request.parent, timeout_usec,
                                  cancellable, error);
}

static void
aioproc_event_local_wait_start (gpointer  impl,
                                GTask    *task,
                                gint64    timeout_usec)
{
  LocalEvent *self = impl;
  EventRequest *request;
  GError *error = NULL;

  if (!aioproc_shm_attach (self->shm, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  request = g_new0 (EventRequest, 1);
  aioproc_event_local_begin (self, request);
  g_task_set_task_data (task, request, g_free);
  aioproc_wait_queue_start (self->waiters, &wait_ops, task, timeout_usec);
}

static AioprocShm *
aioproc_event_local_get_shm (gpointer impl)
{
  LocalEvent *self = impl;

  return self->shm;
}

static void
aioproc_event_local_close (gpointer impl)
{
  LocalEvent *self = impl;

  aioproc_wait_queue_close (self->waiters);
}

static void
aioproc_event_local_free (gpointer impl)
{
  LocalEvent *self = impl;

  aioproc_wait_queue_free (self->waiters);
  aioproc_shm_unref (self->shm);
  g_free (self);
}

static const AioprocEventBackend local_backend = {
  .set = aioproc_event_local_set,
  .clear = aioproc_event_local_clear,
  .is_set = aioproc_event_local_is_set,
  .wait = aioproc_event_local_wait,
  .wait_start = aioproc_event_local_wait_start,
  .get_shm = aioproc_event_local_get_shm,
  .close = aioproc_event_local_close,
  .free = aioproc_event_local_free,
};

gboolean
aioproc_event_local_new (AioprocShm                 *shm,
                         const char                 *name,
                         const AioprocEventBackend **backend,
                         gpointer                   *impl,
                         GError                    **error)
{
  LocalEvent *self;

  if (shm == NULL)
    shm = aioproc_shm_new (AIOPROC_SHM_EVENT, name, sizeof (EventState), 0, error);

  if (shm == NULL)
    return FALSE;

  self = g_new0 (LocalEvent, 1);
  self->shm = shm;
  self->state = aioproc_shm_get_state (shm);
  self->waiters = aioproc_wait_queue_new (shm, &self->state->word, self);

  *backend = &local_backend;
  *impl = self;

  return TRUE;
}

static AioprocShareable *
aioproc_event_import (AioprocShm  *shm,
                      GError     **error)
{
  return aioproc_shareable_new_for_shm (AIOPROC_TYPE_EVENT, shm, error);
}

__attribute__ ((constructor)) static void
aioproc_event_register (void)
{
  aioproc_shareable_register (AIOPROC_SHM_EVENT, sizeof (EventState), aioproc_event_import);
}
