/* aioproc-pool-worker-call.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "pool/aioproc-pool-worker-call-private.h"

#include "core/aioproc-mutex-private.h"
#include "core/aioproc-waiter-private.h"
#include "pool/aioproc-pool-parcel-private.h"
#include "process/aioproc-call-private.h"

struct _AioprocPoolWorkerCalls {
  /* Immutable. */
  AioprocPoolChannel *channel;       /* (owned) */
  AioprocConnection  *connection;    /* (owned) */
  GMainContext       *context;       /* of the thread of the worker; NULL: the default one */

  AioprocMutex        mutex;

  /* All protected by @mutex. */
  guint64             serial;        /* of the task; 0: none */
  gboolean            has_reported;  /* a call of that has reported progress */
  AioprocCall        *call;          /* that runs; NULL: none does */
  GCancellable       *cancellable;   /* (owned) (nullable) of @call, if that has asked for it */
  gboolean            is_watching;   /* a thread looks for what is to be cancelled */

  int                 is_waiting;    /* (atomic) the worker waits for @call to be returned */

  /* The worker's thread only: of the function that was called last. */
  char               *name;          /* (owned) (nullable) */
  AioprocFunctionRecord record;
  AioprocCall        *spare;         /* (owned) (nullable) a call of it, to be used again */
};

/* What the functions of a call have to go by. */
static AioprocPoolWorkerCalls *the_calls;

AioprocPoolWorkerCalls *
aioproc_pool_worker_calls_new (AioprocPoolChannel *channel,
                               AioprocConnection  *connection)
{
  AioprocPoolWorkerCalls *self = g_new0 (AioprocPoolWorkerCalls, 1);

  g_assert (the_calls == NULL);

  self->channel = aioproc_pool_channel_ref (channel);
  self->connection = g_object_ref (connection);
  self->context = g_main_context_get_thread_default ();
  aioproc_mutex_init (&self->mutex);
  the_calls = self;

  return self;
}

void
aioproc_pool_worker_calls_free (AioprocPoolWorkerCalls *self)
{
  gboolean is_watching;

  aioproc_mutex_lock (&self->mutex);
  is_watching = self->is_watching;
  aioproc_mutex_unlock (&self->mutex);

  /* The thread that watches goes with the process, which is about to end. */
  if (is_watching)
    return;

  the_calls = NULL;
  aioproc_pool_channel_unref (self->channel);
  g_object_unref (self->connection);
  aioproc_mutex_clear (&self->mutex);
  g_clear_object (&self->spare);
  g_free (self->name);
  g_free (self);
}

void
aioproc_pool_worker_calls_begin (AioprocPoolWorkerCalls *self,
                                 guint64                 serial)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  self->serial = serial;
  self->has_reported = FALSE;
}

gboolean
aioproc_pool_worker_calls_has_reported (AioprocPoolWorkerCalls *self)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->has_reported;
}

/* --- Cancellation --- */

/* The call that runs is cancelled, if that is what the program wants. */
static void
look_for_cancel (AioprocPoolWorkerCalls *self)
{
  g_autoptr(GCancellable) cancellable = NULL;

  aioproc_mutex_lock (&self->mutex);
  if (self->serial != 0 && self->serial == aioproc_pool_channel_get_cancelled (self->channel))
    g_set_object (&cancellable, self->cancellable);
  aioproc_mutex_unlock (&self->mutex);

  if (cancellable != NULL)
    g_cancellable_cancel (cancellable);
}

/* On a thread of the library's pool, for as long as the worker lives. */
static void
watch_cancel_thread (gpointer data)
{
  AioprocPoolWorkerCalls *self = data;
  guint32 n_cancels = 0;

  for (;;)
    {
      n_cancels = aioproc_pool_channel_wait_cancel (self->channel, n_cancels);
      look_for_cancel (self);
    }
}

static void
worker_watch_cancel (AioprocCall  *call,
                     GCancellable *cancellable)
{
  AioprocPoolWorkerCalls *self = the_calls;
  g_autoptr(GError) error = NULL;
  gboolean was_watching;

  aioproc_mutex_lock (&self->mutex);
  if (self->call == call)
    g_set_object (&self->cancellable, cancellable);
  was_watching = self->is_watching;
  self->is_watching = TRUE;
  aioproc_mutex_unlock (&self->mutex);

  if (was_watching)
    {
      look_for_cancel (self);
      return;
    }

  if (!aioproc_waiter_run (watch_cancel_thread, self, &error))
    {
      aioproc_mutex_lock (&self->mutex);
      self->is_watching = FALSE;
      aioproc_mutex_unlock (&self->mutex);

      g_warning ("The function “%s” cannot be cancelled: %s",
                 aioproc_call_get_name (call), error->message);
      look_for_cancel (self);
    }
}

/* --- Progress and the end --- */

static void
worker_report_progress (AioprocCall *call,
                        double       fraction,
                        const char  *text)
{
  AioprocPoolWorkerCalls *self = the_calls;
  g_autoptr(AioprocMessage) message = NULL;
  guint64 serial;

  aioproc_mutex_lock (&self->mutex);
  serial = self->call == call ? self->serial : 0;
  self->has_reported = self->has_reported || serial != 0;
  aioproc_mutex_unlock (&self->mutex);

  if (serial == 0)
    return;

  message = aioproc_message_new (g_variant_new (AIOPROC_POOL_PROGRESS_TYPE, serial, fraction,
                                                text != NULL ? text : ""));
  /* A program that does not listen has gone, or is about to be told of the result. */
  aioproc_connection_send (self->connection, message, -1, NULL, NULL);
}

static void
worker_returned (AioprocCall *call)
{
  AioprocPoolWorkerCalls *self = the_calls;

  /* Partner: the store before the worker looks whether the call was returned. */
  if (g_atomic_int_get (&self->is_waiting))
    g_main_context_wakeup (self->context);
}

static const AioprocCallOps call_ops = {
  .watch_cancel = worker_watch_cancel,
  .report_progress = worker_report_progress,
  .returned = worker_returned,
};

static gboolean
find_function (AioprocPoolWorkerCalls  *self,
               const char              *name,
               GError                 **error)
{
  if (g_strcmp0 (self->name, name) == 0)
    return TRUE;

  g_clear_pointer (&self->name, g_free);
  g_clear_object (&self->spare);

  if (!aioproc_functions_lookup (name, &self->record, error))
    return FALSE;

  self->name = g_strdup (name);

  return TRUE;
}

static void
wait_for_return (AioprocPoolWorkerCalls *self,
                 AioprocCall            *call)
{
  g_atomic_int_set (&self->is_waiting, TRUE);

  while (!aioproc_call_is_returned (call))
    g_main_context_iteration (self->context, TRUE);

  g_atomic_int_set (&self->is_waiting, FALSE);
}

/* Takes @arguments, if there is no @message. */
static AioprocCall *
make_call (AioprocPoolWorkerCalls *self,
           GVariant               *arguments,
           AioprocMessage         *message)
{
  AioprocCall *call = g_steal_pointer (&self->spare);

  if (message != NULL)
    {
      g_clear_object (&call);
      return aioproc_call_new (self->name, message, &call_ops);
    }

  if (call != NULL && aioproc_call_reuse (call, arguments))
    return call;

  g_clear_object (&call);

  return aioproc_call_new_for_arguments (self->name, arguments, &call_ops);
}

/* What the call was returned with. */
static GVariant *
take_result (AioprocCall     *call,
             AioprocMessage **result,
             GError         **error)
{
  g_autoptr(AioprocMessage) message = NULL;
  GVariant *value = aioproc_call_steal_value (call);

  if (value != NULL)
    return value;

  message = aioproc_call_dup_outcome (call, error);
  if (message == NULL)
    return NULL;

  if (aioproc_message_get_n_handles (message) > 0)
    {
      *result = g_steal_pointer (&message);
      return NULL;
    }

  value = aioproc_message_dup_body (message);

  return value != NULL ? value : g_variant_ref_sink (g_variant_new ("()"));
}

GVariant *
aioproc_pool_worker_calls_run (AioprocPoolWorkerCalls  *self,
                               const char              *function,
                               GVariant                *arguments,
                               AioprocMessage          *message,
                               AioprocMessage         **result,
                               GError                 **error)
{
  g_autoptr(AioprocCall) call = NULL;
  GError *call_error = NULL;
  GVariant *value;

  if (!find_function (self, function, error))
    {
      g_clear_pointer (&arguments, g_variant_unref);
      return NULL;
    }

  call = make_call (self, arguments, message);

  aioproc_mutex_lock (&self->mutex);
  self->call = call;
  aioproc_mutex_unlock (&self->mutex);

  value = aioproc_functions_call (&self->record, call, &call_error);
  aioproc_call_function_ended (call, value, call_error);

  if (!aioproc_call_is_returned (call))
    wait_for_return (self, call);

  aioproc_call_flush_progress (call);

  aioproc_mutex_lock (&self->mutex);
  self->call = NULL;
  g_clear_object (&self->cancellable);
  aioproc_mutex_unlock (&self->mutex);

  value = take_result (call, result, error);

  if (message == NULL)
    self->spare = g_steal_pointer (&call);

  return value;
}
