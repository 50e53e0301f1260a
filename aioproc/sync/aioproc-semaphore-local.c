/* aioproc-semaphore-local.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "sync/aioproc-semaphore-private.h"

#include "aioproc-bounded-semaphore.h"
#include "aioproc-error.h"
#include "core/aioproc-shareable-private.h"
#include "core/aioproc-waiter-private.h"
#include "sync/aioproc-turn-private.h"
#include "sync/aioproc-units-private.h"

typedef struct {
  AioprocUnits        units;

  /* Immutable after construction. */
  AioprocShm         *shm;         /* (owned) */
  AioprocWaitQueue   *waiters;     /* (owned) */
  const _Atomic guint *n_pending;  /* for the fast paths */

  _Atomic guint32     closed;      /* (atomic) */
  AioprocTurn         turn;        /* (atomic) of this process's operations */
} LocalSemaphore;

typedef struct {
  AioprocWaitRequest parent;
  AioprocUnitsTicket ticket;
} SemaphoreRequest;

/* --- Acquire --- */

static gboolean
aioproc_semaphore_local_attempt (gpointer            object,
                                 AioprocWaitRequest *base_request,
                                 guint32            *expected)
{
  LocalSemaphore *self = object;
  SemaphoreRequest *request = (SemaphoreRequest *) base_request;

  request->ticket.slept |= base_request->slept;

  return aioproc_units_attempt (&self->units, &request->ticket, expected,
                                &base_request->retry_usec);
}

static guint
aioproc_semaphore_local_peek (gpointer            object,
                              AioprocWaitRequest *request)
{
  LocalSemaphore *self = object;

  return aioproc_units_peek_free (&self->units);
}

static void
aioproc_semaphore_local_complete (gpointer            object,
                                  GTask              *task,
                                  AioprocWaitRequest *request)
{
  g_task_return_boolean (task, TRUE);
}

static const AioprocWaitOps acquire_ops = {
  .verb = "acquire",
  .attempt = aioproc_semaphore_local_attempt,
  .peek = aioproc_semaphore_local_peek,
  .withdraw = aioproc_units_withdraw,
  .complete = aioproc_semaphore_local_complete,
};

static inline gboolean
aioproc_semaphore_local_take_free (LocalSemaphore *self)
{
  return atomic_load_explicit (&self->closed, memory_order_relaxed) == 0 &&
         aioproc_units_take_free (&self->units);
}

static gboolean
aioproc_semaphore_local_try_acquire (gpointer   impl,
                                     GError   **error)
{
  LocalSemaphore *self = impl;

  if (G_LIKELY (aioproc_semaphore_local_take_free (self)))
    return TRUE;

  if (atomic_load_explicit (&self->closed, memory_order_relaxed) != 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                   "Could not use %s: it was closed in this process",
                   aioproc_shm_describe (self->shm));
      return FALSE;
    }

  if (!aioproc_shm_attach (self->shm, error))
    return FALSE;

  if (aioproc_units_try (&self->units))
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "The %s has no free unit",
               aioproc_shm_describe (self->shm));

  return FALSE;
}

static gboolean
aioproc_semaphore_local_acquire (gpointer       impl,
                                 gint64         timeout_usec,
                                 GCancellable  *cancellable,
                                 GError       **error)
{
  LocalSemaphore *self = impl;
  SemaphoreRequest request = { 0 };

  if (G_LIKELY (cancellable == NULL && aioproc_semaphore_local_take_free (self)))
    return TRUE;

  return aioproc_shm_attach (self->shm, error) &&
         aioproc_wait_queue_wait (self->waiters, &acquire_ops, &request.parent, timeout_usec,
                                  cancellable, error);
}

static void
aioproc_semaphore_local_acquire_start (gpointer  impl,
                                       GTask    *task,
                                       gint64    timeout_usec)
{
  LocalSemaphore *self = impl;
  GError *error = NULL;

  if (!aioproc_shm_attach (self->shm, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  g_task_set_task_data (task, g_new0 (SemaphoreRequest, 1), g_free);
  aioproc_wait_queue_start (self->waiters, &acquire_ops, task, timeout_usec);
}

/* --- Release, post, consume --- */

/* Whether the unit that is about to be free goes to an operation of this process, if one waits; and
 * if not, whether it is kept for those who have slept.
 */
static gboolean
aioproc_semaphore_local_may_keep (LocalSemaphore *self,
                                  gboolean       *fair)
{
  gboolean is_pending = aioproc_wait_queue_has_pending (self->waiters);

  *fair = aioproc_units_is_hungry (&self->units);

  if (is_pending && !*fair)
    {
      if (aioproc_turn_goes_on (&self->turn))
        return TRUE;

      *fair = TRUE;
    }

  aioproc_turn_end (&self->turn);

  return FALSE;
}

static void
aioproc_semaphore_local_wake (LocalSemaphore *self,
                              gboolean        keep)
{
  if (keep)
    aioproc_wait_queue_serve (self->waiters);

  aioproc_units_wake (&self->units);
}

static gboolean
aioproc_semaphore_local_report (LocalSemaphore      *self,
                                AioprocUnitsResult   result,
                                const char          *verb,
                                GError             **error)
{
  const char *what = aioproc_shm_describe (self->shm);

  switch (result)
    {
    case AIOPROC_UNITS_NOT_HELD:
      g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER,
                   "Could not %s a unit of %s: this process holds none", verb, what);
      return FALSE;

    case AIOPROC_UNITS_TOO_MANY:
      g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE,
                   "Could not %s a unit of %s: it has %u already, which is the most it can have",
                   verb, what, MIN (self->units.state->most, AIOPROC_UNITS_MAX));
      return FALSE;

    case AIOPROC_UNITS_DONE:
    default:
      return TRUE;
    }
}

static gboolean
aioproc_semaphore_local_release (gpointer   impl,
                                 GError   **error)
{
  LocalSemaphore *self = impl;
  AioprocUnitsResult result;
  gboolean fair;
  gboolean keep;

  /* An operation that is just about to become pending has marked the word of the sleepers before it
   * looked again.
   */
  if (G_LIKELY (atomic_load_explicit (self->n_pending, memory_order_relaxed) == 0 &&
                !aioproc_units_is_hungry (&self->units) &&
                aioproc_units_free_taken (&self->units)))
    {
      if (G_UNLIKELY (aioproc_units_has_sleepers (&self->units)))
        aioproc_units_wake (&self->units);

      return TRUE;
    }

  if (!aioproc_shm_attach (self->shm, error))
    return FALSE;

  keep = aioproc_semaphore_local_may_keep (self, &fair);
  result = aioproc_units_release (&self->units, fair);

  if (result == AIOPROC_UNITS_DONE)
    aioproc_semaphore_local_wake (self, keep);

  return aioproc_semaphore_local_report (self, result, "release", error);
}

static gboolean
aioproc_semaphore_local_post (gpointer   impl,
                              GError   **error)
{
  LocalSemaphore *self = impl;
  AioprocUnitsResult result;
  gboolean fair;
  gboolean keep;

  if (!aioproc_shm_attach (self->shm, error))
    return FALSE;

  keep = aioproc_semaphore_local_may_keep (self, &fair);
  result = aioproc_units_post (&self->units, fair);

  if (result == AIOPROC_UNITS_DONE)
    aioproc_semaphore_local_wake (self, keep);

  return aioproc_semaphore_local_report (self, result, "post", error);
}

static gboolean
aioproc_semaphore_local_consume (gpointer   impl,
                                 GError   **error)
{
  LocalSemaphore *self = impl;

  return aioproc_shm_attach (self->shm, error) &&
         aioproc_semaphore_local_report (self, aioproc_units_consume (&self->units), "consume",
                                         error);
}

/* --- The rest --- */

static guint
aioproc_semaphore_local_get_value (gpointer impl)
{
  LocalSemaphore *self = impl;

  return aioproc_shm_attach (self->shm, NULL) ? aioproc_units_get_free (&self->units) : 0;
}

static guint
aioproc_semaphore_local_get_held (gpointer impl)
{
  LocalSemaphore *self = impl;

  return aioproc_units_get_held (&self->units);
}

static guint
aioproc_semaphore_local_get_initial (gpointer impl)
{
  LocalSemaphore *self = impl;

  return MIN (self->units.state->initial, AIOPROC_UNITS_MAX);
}

static AioprocShm *
aioproc_semaphore_local_get_shm (gpointer impl)
{
  LocalSemaphore *self = impl;

  return self->shm;
}

static void
aioproc_semaphore_local_close (gpointer impl)
{
  LocalSemaphore *self = impl;

  atomic_store_explicit (&self->closed, 1, memory_order_relaxed);
  aioproc_wait_queue_close (self->waiters);
}

static void
leave (gpointer data)
{
  LocalSemaphore *self = data;

  aioproc_units_leave (&self->units);
}

static void
aioproc_semaphore_local_free (gpointer impl)
{
  LocalSemaphore *self = impl;

  /* Nobody is left in this process to release what it holds; but if another object stands for the
   * same semaphore already, received while this one was let go, it goes to that.
   */
  aioproc_shareable_let_go (aioproc_shm_get_id (self->shm), leave, self);
  aioproc_wait_queue_free (self->waiters);
  aioproc_shm_unref (self->shm);
  g_free (self);
}

static const AioprocSemaphoreBackend local_backend = {
  .try_acquire = aioproc_semaphore_local_try_acquire,
  .acquire = aioproc_semaphore_local_acquire,
  .acquire_start = aioproc_semaphore_local_acquire_start,
  .release = aioproc_semaphore_local_release,
  .post = aioproc_semaphore_local_post,
  .consume = aioproc_semaphore_local_consume,
  .get_value = aioproc_semaphore_local_get_value,
  .get_held = aioproc_semaphore_local_get_held,
  .get_initial = aioproc_semaphore_local_get_initial,
  .get_shm = aioproc_semaphore_local_get_shm,
  .close = aioproc_semaphore_local_close,
  .free = aioproc_semaphore_local_free,
};

gboolean
aioproc_semaphore_local_new (AioprocShm                     *shm,
                             const char                     *name,
                             guint                           initial_value,
                             gboolean                        bounded,
                             const AioprocSemaphoreBackend **backend,
                             gpointer                       *impl,
                             GError                        **error)
{
  LocalSemaphore *self;

  if (shm == NULL)
    {
      if (initial_value > AIOPROC_UNITS_MAX)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                       "Could not make a semaphore of %u units: the most is %u", initial_value,
                       AIOPROC_UNITS_MAX);
          return FALSE;
        }

      shm = aioproc_shm_new (bounded ? AIOPROC_SHM_BOUNDED_SEMAPHORE : AIOPROC_SHM_SEMAPHORE, name,
                             sizeof (AioprocUnitsState), 0, error);

      if (shm == NULL)
        return FALSE;

      aioproc_units_create (aioproc_shm_get_state (shm), initial_value,
                            bounded ? initial_value : AIOPROC_UNITS_MAX);
    }

  self = g_new0 (LocalSemaphore, 1);
  self->shm = shm;
  aioproc_units_init (&self->units, aioproc_shm_get_state (shm), aioproc_shm_get_family (shm));
  self->waiters = aioproc_wait_queue_new (shm, &self->units.state->sleepers, self);
  self->n_pending = aioproc_wait_queue_peek_pending (self->waiters);

  *backend = &local_backend;
  *impl = self;

  return TRUE;
}

static AioprocShareable *
aioproc_semaphore_import (AioprocShm  *shm,
                          GError     **error)
{
  return aioproc_shareable_new_for_shm (AIOPROC_TYPE_SEMAPHORE, shm, error);
}

static AioprocShareable *
aioproc_bounded_semaphore_import (AioprocShm  *shm,
                                  GError     **error)
{
  return aioproc_shareable_new_for_shm (AIOPROC_TYPE_BOUNDED_SEMAPHORE, shm, error);
}

__attribute__ ((constructor)) static void
aioproc_semaphore_register (void)
{
  aioproc_shareable_register (AIOPROC_SHM_SEMAPHORE, sizeof (AioprocUnitsState),
                              aioproc_semaphore_import);
  aioproc_shareable_register (AIOPROC_SHM_BOUNDED_SEMAPHORE, sizeof (AioprocUnitsState),
                              aioproc_bounded_semaphore_import);
}
