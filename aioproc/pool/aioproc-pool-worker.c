/* aioproc-pool-worker.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "pool/aioproc-pool-core-private.h"

#include "core/aioproc-message-private.h"
#include "core/aioproc-wait-haste-private.h"
#include "pool/aioproc-pool-worker-call-private.h"

/* No function of a program is called so. */
const char aioproc_pool_worker_function[] = "[aioproc] pool worker";

/* A worker of a pool: it takes one task after the other out of its channel. */
typedef struct {
  AioprocPoolChannel     *channel;      /* (owned) */
  AioprocPoolBell        *bell;         /* (owned) */
  AioprocConnection      *connection;   /* (owned) */
  AioprocPoolWorkerCalls *calls;        /* (owned) (nullable) */
  guint32                 seat;
  AioprocWaitHaste        haste;        /* whether to stay awake for the next task */

  /* The task that runs. */
  AioprocPoolSlotContent  task;
  gint64                  began_usec;
} Worker;

static void
worker_clear (Worker *self)
{
  g_clear_pointer (&self->calls, aioproc_pool_worker_calls_free);
  g_clear_pointer (&self->channel, aioproc_pool_channel_unref);
  g_clear_pointer (&self->bell, aioproc_pool_bell_free);
  g_clear_object (&self->connection);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Worker, worker_clear)

/* --- The beginning --- */

static int
take_fd (AioprocCall   *call,
         GVariantDict  *options,
         const char    *name,
         GError       **error)
{
  gint32 handle = -1;

  g_variant_dict_lookup (options, name, "h", &handle);

  return aioproc_call_dup_fd (call, handle, error);
}

static gboolean
worker_init (Worker        *self,
             AioprocCall   *call,
             GVariantDict  *options,
             GError       **error)
{
  gint32 handle = -1;
  int fd;

  /* That of the program, in which the memory below is. */
  if (aioproc_family_get_default (error) == NULL)
    return FALSE;

  fd = take_fd (call, options, "channel", error);
  if (fd < 0)
    return FALSE;
  self->channel = aioproc_pool_channel_new_for_fd (fd, error);
  if (self->channel == NULL)
    return FALSE;

  fd = take_fd (call, options, "bell", error);
  if (fd < 0)
    return FALSE;
  self->bell = aioproc_pool_bell_new_for_fd (fd, error);
  if (self->bell == NULL)
    return FALSE;

  g_variant_dict_lookup (options, "seat", "u", &self->seat);
  g_variant_dict_lookup (options, "connection", "h", &handle);
  self->connection = (AioprocConnection *) aioproc_call_dup_object (call, handle, error);
  if (self->connection == NULL)
    return FALSE;

  /* What the program sends is its own business. */
  aioproc_connection_set_max_message_size (self->connection, AIOPROC_FRAME_MAX_LENGTH);
  self->calls = aioproc_pool_worker_calls_new (self->channel, self->connection);

  return TRUE;
}

static gboolean
run_initializer (Worker        *self,
                 GVariantDict  *options,
                 GError       **error)
{
  g_autoptr(GVariant) arguments = NULL;
  g_autoptr(AioprocMessage) result = NULL;
  g_autoptr(GVariant) value = NULL;
  const char *function;

  if (!g_variant_dict_lookup (options, "initializer", "&s", &function))
    return TRUE;

  arguments = g_variant_dict_lookup_value (options, "initializer-arguments", NULL);
  if (arguments == NULL)
    arguments = g_variant_ref_sink (g_variant_new ("()"));

  value = aioproc_pool_worker_calls_run (self->calls, function, g_steal_pointer (&arguments),
                                         NULL, &result, error);
  if (value != NULL || result != NULL)
    return TRUE;

  g_prefix_error (error, "The initializer “%s” failed: ", function);

  return FALSE;
}

/* --- Results --- */

static guint32
get_run_usec (Worker *self)
{
  return (guint32) CLAMP (g_get_monotonic_time () - self->began_usec, 0, G_MAXUINT32);
}

static void
finish (Worker  *self,
        guint32  kind,
        gsize    length)
{
  aioproc_pool_channel_finish (self->channel, kind, (guint32) length, get_run_usec (self));
  aioproc_pool_bell_ring (self->bell, self->seat);
}

static gboolean
send_result (Worker          *self,
             guint32          kind,
             GVariant        *value,
             AioprocMessage  *handles,
             GError         **error)
{
  g_autoptr(AioprocMessage) message = aioproc_message_derive (handles, NULL);

  aioproc_message_set_body (message, g_variant_new (AIOPROC_POOL_RESULT_TYPE, self->task.serial,
                                                    kind, value));

  return aioproc_connection_send (self->connection, message, -1, NULL, error);
}

/* A result that does not fit. The slot is left first, so that the program need not wait to give it
 * to another task.
 */
static void
finish_by_message (Worker         *self,
                   guint32         kind,
                   GVariant       *value,
                   AioprocMessage *handles)
{
  g_autoptr(GError) error = NULL;

  finish (self, kind | AIOPROC_POOL_PARCEL_SENT, 0);

  if (!send_result (self, kind, value, handles, &error))
    {
      g_prefix_error (&error, "Could not send the result: ");
      send_result (self, AIOPROC_POOL_RESULT_ERROR, aioproc_codec_error_to_variant (error), NULL,
                   NULL);
    }
}

/* A value, prepared, that has no handles. */
static void
finish_with_value (Worker   *self,
                   guint32   kind,
                   GVariant *value)
{
  const gsize size = aioproc_codec_variant_size (value);

  /* What was reported on the way comes before the result, if both go the same way. */
  if (size > AIOPROC_POOL_CHANNEL_MAX || aioproc_pool_worker_calls_has_reported (self->calls))
    {
      finish_by_message (self, kind, value, NULL);
      return;
    }

  aioproc_codec_variant_store (value, aioproc_pool_channel_get_result_data (self->channel));
  finish (self, kind, size);
}

static void
finish_with_error (Worker       *self,
                   const GError *error)
{
  g_autoptr(GVariant) value = g_variant_ref_sink (aioproc_codec_error_to_variant (error));
  g_autoptr(GVariant) prepared = aioproc_codec_variant_prepare (value, FALSE, NULL);

  finish_with_value (self, AIOPROC_POOL_RESULT_ERROR, prepared);
}

/* With a @value, or a @result that has handles, or @error, which it takes. */
static void
finish_call (Worker         *self,
             GVariant       *value,
             AioprocMessage *result,
             GError         *error)
{
  g_autoptr(GVariant) body = NULL;
  g_autoptr(GVariant) prepared = NULL;

  if (result != NULL)
    {
      body = aioproc_message_dup_body (result);
      if (body == NULL)
        body = g_variant_ref_sink (g_variant_new ("()"));
      finish_by_message (self, AIOPROC_POOL_RESULT_VALUE, body, result);
      return;
    }

  if (value != NULL)
    {
      prepared = aioproc_codec_variant_prepare (value, FALSE, &error);
      if (prepared == NULL)
        g_prefix_error (&error, "Could not send the result: ");
    }

  if (prepared != NULL)
    finish_with_value (self, AIOPROC_POOL_RESULT_VALUE, prepared);
  else
    finish_with_error (self, error);

  g_clear_error (&error);
}

/* --- Tasks --- */

/* What is sent beside a slot; *@arguments is the last part. */
static AioprocMessage *
receive_task (Worker      *self,
              char       **function,
              GVariant   **arguments,
              GError     **error)
{
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GVariant) body = NULL;
  guint64 serial;

  message = aioproc_connection_recv (self->connection, -1, NULL, error);
  if (message == NULL)
    return NULL;

  body = aioproc_message_dup_body (message);
  if (body == NULL || !g_variant_is_of_type (body, G_VARIANT_TYPE (AIOPROC_POOL_TASK_TYPE)))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "A worker of a pool was sent what is no task");
      return NULL;
    }

  g_variant_get (body, "(tsv)", &serial, function, arguments);

  return aioproc_message_derive (message, *arguments);
}

static void
run_call (Worker *self)
{
  const guint8 *data = self->task.data;
  g_autofree char *received_name = NULL;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(AioprocMessage) result = NULL;
  g_autoptr(GVariant) arguments = NULL;
  g_autoptr(GVariant) value = NULL;
  const char *name;
  GError *error = NULL;
  gsize size;

  if ((self->task.kind & AIOPROC_POOL_PARCEL_SENT) != 0)
    {
      message = receive_task (self, &received_name, &arguments, &error);
      name = received_name;
      if (message == NULL)
        name = NULL;
    }
  else
    {
      name = aioproc_pool_parcel_peek_name (data, self->task.length, &error);
      if (name != NULL)
        {
          size = aioproc_pool_parcel_name_size (name);
          arguments = aioproc_pool_parcel_load_value (data + size, self->task.length - size,
                                                      &error);
          if (arguments == NULL)
            name = NULL;
        }
    }

  if (name != NULL)
    value = aioproc_pool_worker_calls_run (self->calls, name,
                                           message == NULL ? g_steal_pointer (&arguments) : NULL,
                                           message, &result, &error);

  finish_call (self, value, result, error);
}

/* One item of a chunk: its outcome. Takes @arguments. */
static GVariant *
run_item (Worker     *self,
          const char *name,
          GVariant   *arguments,
          gboolean   *is_error)
{
  g_autoptr(AioprocMessage) result = NULL;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GVariant) prepared = NULL;
  g_autoptr(GError) error = NULL;

  value = aioproc_pool_worker_calls_run (self->calls, name, arguments, NULL, &result, &error);

  if (result != NULL)
    g_set_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                 "The result of “%s” has handles, which results of a map cannot have", name);
  else if (value != NULL)
    prepared = aioproc_codec_variant_prepare (value, FALSE, &error);

  *is_error = prepared == NULL;
  if (prepared == NULL)
    {
      g_clear_pointer (&value, g_variant_unref);
      value = g_variant_ref_sink (aioproc_codec_error_to_variant (error));
      prepared = aioproc_codec_variant_prepare (value, FALSE, NULL);
    }

  return g_steal_pointer (&prepared);
}

/* What is in it is run until one fails, if that ends it, or the task is cancelled. */
static GByteArray *
run_items (Worker      *self,
           const char  *name,
           GBytes      *items,
           GError     **error)
{
  const gboolean stops = (self->task.kind & AIOPROC_POOL_TASK_STOPS) != 0;
  g_autoptr(GByteArray) outcomes = g_byte_array_new ();
  GError *load_error = NULL;
  gboolean is_error = FALSE;
  gsize offset = 0;
  GVariant *arguments;

  while (!(is_error && stops) &&
         aioproc_pool_channel_get_cancelled (self->channel) != self->task.serial &&
         (arguments = aioproc_pool_items_next (items, &offset, &is_error, &load_error)) != NULL)
    {
      g_autoptr(GVariant) outcome = run_item (self, name, arguments, &is_error);

      if (!aioproc_pool_items_append (outcomes, outcome, is_error))
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                       "The results of a chunk of “%s” are too large for one message", name);
          return NULL;
        }
    }

  if (load_error != NULL)
    {
      g_propagate_error (error, load_error);
      return NULL;
    }

  return g_steal_pointer (&outcomes);
}

static GBytes *
load_chunk (Worker  *self,
            char   **function,
            GError **error)
{
  const guint8 *data = self->task.data;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GVariant) arguments = NULL;
  const char *name;
  gsize size;

  if ((self->task.kind & AIOPROC_POOL_PARCEL_SENT) == 0)
    {
      name = aioproc_pool_parcel_peek_name (data, self->task.length, error);
      if (name == NULL)
        return NULL;

      size = aioproc_pool_parcel_name_size (name);
      *function = g_strdup (name);
      return g_bytes_new (data + size, self->task.length - size);
    }

  message = receive_task (self, function, &arguments, error);
  if (message == NULL)
    return NULL;

  return aioproc_message_dup_bytes (message, g_variant_is_of_type (arguments,
                                                                   G_VARIANT_TYPE_HANDLE)
                                             ? g_variant_get_handle (arguments) : -1, error);
}

static void
finish_chunk (Worker     *self,
              GByteArray *outcomes)
{
  g_autoptr(AioprocMessage) handles = NULL;
  g_autoptr(GBytes) bytes = NULL;

  if (outcomes->len <= AIOPROC_POOL_CHANNEL_MAX)
    {
      if (outcomes->len > 0)
        memcpy (aioproc_pool_channel_get_result_data (self->channel), outcomes->data,
                outcomes->len);
      finish (self, AIOPROC_POOL_RESULT_ITEMS, outcomes->len);
      g_byte_array_unref (outcomes);
      return;
    }

  bytes = g_byte_array_free_to_bytes (outcomes);
  handles = aioproc_message_new (NULL);
  finish_by_message (self, AIOPROC_POOL_RESULT_ITEMS,
                     g_variant_new_handle (aioproc_message_append_bytes (handles, bytes)),
                     handles);
}

static void
run_chunk (Worker *self)
{
  g_autofree char *name = NULL;
  g_autoptr(GBytes) items = NULL;
  g_autoptr(GError) error = NULL;
  GByteArray *outcomes = NULL;

  items = load_chunk (self, &name, &error);
  if (items != NULL)
    outcomes = run_items (self, name, items, &error);

  if (outcomes != NULL)
    finish_chunk (self, outcomes);
  else
    finish_with_error (self, error);
}

/* Waits for a task. */
static void
next_task (Worker *self)
{
  const gboolean stays_awake = !aioproc_wait_haste_take (&self->haste);
  const gint64 since_usec = g_get_monotonic_time ();

  while (!aioproc_pool_channel_next (self->channel, stays_awake, -1, &self->task))
    aioproc_pool_bell_ring (self->bell, self->seat);

  self->began_usec = g_get_monotonic_time ();

  if ((self->task.kind & AIOPROC_POOL_TASK_TELLS) != 0)
    aioproc_pool_bell_ring (self->bell, self->seat);

  if (stays_awake)
    aioproc_wait_haste_learn (&self->haste,
                              self->began_usec - since_usec > AIOPROC_WAIT_AWAKE_USEC);
}

static GVariant *
pool_worker_main (AioprocCall  *call,
                  GError      **error)
{
  g_auto(Worker) self = { NULL };
  g_auto(GVariantDict) options = G_VARIANT_DICT_INIT (NULL);
  g_autoptr(GVariant) arguments = aioproc_call_dup_arguments (call);

  g_variant_dict_init (&options, arguments);

  if (!worker_init (&self, call, &options, error))
    return NULL;

  aioproc_pool_channel_set_up (self.channel);

  if (!run_initializer (&self, &options, error))
    return NULL;

  for (;;)
    {
      next_task (&self);
      aioproc_pool_worker_calls_begin (self.calls, self.task.serial);

      switch (self.task.kind & AIOPROC_POOL_PARCEL_KIND_MASK)
        {
        case AIOPROC_POOL_TASK_CALL:
          run_call (&self);
          break;

        case AIOPROC_POOL_TASK_CHUNK:
          run_chunk (&self);
          break;

        case AIOPROC_POOL_TASK_EXIT:
        default:
          return g_variant_new ("()");
        }

      aioproc_pool_worker_calls_begin (self.calls, 0);
    }
}

/* Before main(): a worker has to find it. */
__attribute__ ((constructor)) static void
register_function (void)
{
  aioproc_functions_add_internal (aioproc_pool_worker_function, pool_worker_main);
}
