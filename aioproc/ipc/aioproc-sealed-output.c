/* aioproc-sealed-output.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-sealed-output-private.h"

#include <string.h>

#include "core/aioproc-seal-private.h"

/* GIO sees to it that there is one operation at a time, so nothing is protected by a mutex. */
struct _AioprocSealedOutput {
  GOutputStream  parent_instance;

  GOutputStream *base;      /* (owned) */
  AioprocSeal   *seal;      /* (owned) */
  guint8        *record;    /* (owned) the last one that was made */
  gsize          begin;     /* of what is left of it to be sent, to @end */
  gsize          end;
  gboolean       is_ended;  /* the last one of all was made */
};

G_DEFINE_FINAL_TYPE (AioprocSealedOutput, aioproc_sealed_output, G_TYPE_OUTPUT_STREAM)

typedef enum { OPERATION_WRITE, OPERATION_FLUSH, OPERATION_CLOSE } OperationKind;

typedef struct {
  OperationKind  kind;
  const guint8  *from;       /* of a write */
  gsize          length;
  gboolean       has_record; /* its own record was made */
  GError        *error;      /* (owned) (nullable) the first one of a close, which goes on */
} Operation;

static void
operation_free (gpointer data)
{
  Operation *operation = data;

  g_clear_error (&operation->error);
  g_free (operation);
}

/* --- Records --- */

/* Returns how many bytes went into it. */
static gsize
aioproc_sealed_output_make_record (AioprocSealedOutput *self,
                                   const guint8        *from,
                                   gsize                length)
{
  length = MIN (length, AIOPROC_SEAL_MAX);
  g_assert (self->begin == self->end && !self->is_ended);

  if (length > 0)
    memcpy (self->record + AIOPROC_SEAL_HEAD, from, length);

  self->begin = 0;
  self->end = aioproc_seal_close (self->seal, self->record, length);
  self->is_ended = length == 0;

  return length;
}

/* Whether a write that has failed after it made its record has written nothing. If a part of the
 * record is gone the rest has to follow, so that its bytes are written as far as anybody can tell.
 */
static gboolean
aioproc_sealed_output_take_back (AioprocSealedOutput *self)
{
  if (self->begin > 0)
    return FALSE;

  aioproc_seal_take_back (self->seal);
  self->end = 0;

  return TRUE;
}

static gboolean
aioproc_sealed_output_must_flush (AioprocSealedOutput *self)
{
  /* For those that have nothing to flush GIO would start a thread. */
  return G_OUTPUT_STREAM_GET_CLASS (self->base)->flush != NULL;
}

/* --- Blocking --- */

static gboolean
aioproc_sealed_output_send (AioprocSealedOutput  *self,
                            GCancellable         *cancellable,
                            GError              **error)
{
  gsize n_written = 0;
  gboolean result;

  if (self->begin == self->end)
    return TRUE;

  result = g_output_stream_write_all (self->base, self->record + self->begin,
                                      self->end - self->begin, &n_written, cancellable, error);
  self->begin += n_written;

  return result;
}

static gssize
aioproc_sealed_output_write (GOutputStream  *stream,
                             const void     *buffer,
                             gsize           count,
                             GCancellable   *cancellable,
                             GError        **error)
{
  AioprocSealedOutput *self = AIOPROC_SEALED_OUTPUT (stream);
  g_autoptr(GError) own_error = NULL;
  gsize n;

  if (!aioproc_sealed_output_send (self, cancellable, error))
    return -1;

  n = aioproc_sealed_output_make_record (self, buffer, count);

  if (!aioproc_sealed_output_send (self, cancellable, &own_error) &&
      aioproc_sealed_output_take_back (self))
    {
      g_propagate_error (error, g_steal_pointer (&own_error));
      return -1;
    }

  return (gssize) n;
}

static gboolean
aioproc_sealed_output_flush (GOutputStream  *stream,
                             GCancellable   *cancellable,
                             GError        **error)
{
  AioprocSealedOutput *self = AIOPROC_SEALED_OUTPUT (stream);

  return aioproc_sealed_output_send (self, cancellable, error) &&
         (!aioproc_sealed_output_must_flush (self) ||
          g_output_stream_flush (self->base, cancellable, error));
}

static gboolean
aioproc_sealed_output_close (GOutputStream  *stream,
                             GCancellable   *cancellable,
                             GError        **error)
{
  AioprocSealedOutput *self = AIOPROC_SEALED_OUTPUT (stream);
  g_autoptr(GError) first_error = NULL;
  gboolean is_sent;

  is_sent = aioproc_sealed_output_send (self, cancellable, &first_error);

  if (is_sent)
    {
      aioproc_sealed_output_make_record (self, NULL, 0);
      is_sent = aioproc_sealed_output_send (self, cancellable, &first_error);
    }

  if (!g_output_stream_close (self->base, cancellable, is_sent ? &first_error : NULL) || !is_sent)
    {
      g_propagate_error (error, g_steal_pointer (&first_error));
      return FALSE;
    }

  return TRUE;
}

/* --- Asynchronous --- */

static void aioproc_sealed_output_go_on (GTask *task);

static void
return_done (GTask  *task,
             GError *error)
{
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static void
aioproc_sealed_output_flush_cb (GObject      *source,
                                GAsyncResult *result,
                                gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  GError *error = NULL;

  g_output_stream_flush_finish (G_OUTPUT_STREAM (source), result, &error);
  return_done (task, error);
}

static void
aioproc_sealed_output_close_cb (GObject      *source,
                                GAsyncResult *result,
                                gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  Operation *operation = g_task_get_task_data (task);

  g_output_stream_close_finish (G_OUTPUT_STREAM (source), result,
                                operation->error == NULL ? &operation->error : NULL);
  return_done (task, g_steal_pointer (&operation->error));
}

/* Takes @task. */
static void
aioproc_sealed_output_close_base (AioprocSealedOutput *self,
                                  GTask               *task)
{
  GCancellable *cancellable = g_task_get_cancellable (task);
  Operation *operation = g_task_get_task_data (task);

  if (aioproc_sealed_output_must_flush (self) ||
      G_OUTPUT_STREAM_GET_CLASS (self->base)->close_fn != NULL)
    {
      g_output_stream_close_async (self->base, g_task_get_priority (task), cancellable,
                                   aioproc_sealed_output_close_cb, task);
      return;
    }

  /* Here, too, GIO would start a thread. */
  g_output_stream_close (self->base, cancellable,
                         operation->error == NULL ? &operation->error : NULL);
  return_done (task, g_steal_pointer (&operation->error));
  g_object_unref (task);
}

static void
aioproc_sealed_output_write_cb (GObject      *source,
                                GAsyncResult *result,
                                gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  AioprocSealedOutput *self = g_task_get_source_object (task);
  Operation *operation = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  gsize n_written = 0;

  g_output_stream_write_all_finish (self->base, result, &n_written, &error);
  self->begin += n_written;

  if (operation->kind == OPERATION_CLOSE)
    {
      operation->error = g_steal_pointer (&error);
      aioproc_sealed_output_go_on (g_steal_pointer (&task));
    }
  else if (error != NULL && (!operation->has_record || aioproc_sealed_output_take_back (self)))
    {
      g_task_return_error (task, g_steal_pointer (&error));
    }
  else if (operation->has_record)
    {
      g_task_return_int (task, (gssize) operation->length);
    }
  else
    {
      aioproc_sealed_output_go_on (g_steal_pointer (&task));
    }
}

/* Takes @task. */
static void
aioproc_sealed_output_send_async (AioprocSealedOutput *self,
                                  GTask               *task)
{
  g_output_stream_write_all_async (self->base, self->record + self->begin, self->end - self->begin,
                                   g_task_get_priority (task), g_task_get_cancellable (task),
                                   aioproc_sealed_output_write_cb, task);
}

/* What is left of a record before it first, then what it is itself. Takes @task. */
static void
aioproc_sealed_output_go_on (GTask *task)
{
  AioprocSealedOutput *self = g_task_get_source_object (task);
  Operation *operation = g_task_get_task_data (task);
  GCancellable *cancellable = g_task_get_cancellable (task);
  int priority = g_task_get_priority (task);

  if (self->begin < self->end && operation->error == NULL)
    {
      aioproc_sealed_output_send_async (self, task);
      return;
    }

  switch (operation->kind)
    {
    case OPERATION_WRITE:
      operation->length = aioproc_sealed_output_make_record (self, operation->from,
                                                             operation->length);
      operation->has_record = TRUE;
      aioproc_sealed_output_send_async (self, task);
      break;

    case OPERATION_FLUSH:
      if (aioproc_sealed_output_must_flush (self))
        {
          g_output_stream_flush_async (self->base, priority, cancellable,
                                       aioproc_sealed_output_flush_cb, task);
        }
      else
        {
          g_task_return_boolean (task, TRUE);
          g_object_unref (task);
        }

      break;

    case OPERATION_CLOSE:
      if (operation->error == NULL && !self->is_ended)
        {
          aioproc_sealed_output_make_record (self, NULL, 0);
          aioproc_sealed_output_send_async (self, task);
        }
      else
        {
          aioproc_sealed_output_close_base (self, task);
        }

      break;

    default:
      g_assert_not_reached ();
    }
}

/* Takes @task. */
static void
aioproc_sealed_output_begin (GTask         *task,
                             int            io_priority,
                             OperationKind  kind,
                             const guint8  *from,
                             gsize          length)
{
  Operation *operation = g_new0 (Operation, 1);

  g_task_set_priority (task, io_priority);
  /* What was written was written. */
  g_task_set_check_cancellable (task, FALSE);
  operation->kind = kind;
  operation->from = from;
  operation->length = length;
  g_task_set_task_data (task, operation, operation_free);
  aioproc_sealed_output_go_on (task);
}

static void
aioproc_sealed_output_write_async (GOutputStream       *stream,
                                   const void          *buffer,
                                   gsize                count,
                                   int                  io_priority,
                                   GCancellable        *cancellable,
                                   GAsyncReadyCallback  callback,
                                   gpointer             user_data)
{
  GTask *task = g_task_new (stream, cancellable, callback, user_data);

  g_task_set_source_tag (task, aioproc_sealed_output_write_async);
  aioproc_sealed_output_begin (task, io_priority, OPERATION_WRITE, buffer, count);
}

static gssize
aioproc_sealed_output_write_finish (GOutputStream  *stream,
                                    GAsyncResult   *result,
                                    GError        **error)
{
  g_return_val_if_fail (g_task_is_valid (result, stream), -1);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_sealed_output_write_async), -1);

  return g_task_propagate_int (G_TASK (result), error);
}

static void
aioproc_sealed_output_flush_async (GOutputStream       *stream,
                                   int                  io_priority,
                                   GCancellable        *cancellable,
                                   GAsyncReadyCallback  callback,
                                   gpointer             user_data)
{
  GTask *task = g_task_new (stream, cancellable, callback, user_data);

  g_task_set_source_tag (task, aioproc_sealed_output_flush_async);
  aioproc_sealed_output_begin (task, io_priority, OPERATION_FLUSH, NULL, 0);
}

static gboolean
aioproc_sealed_output_flush_finish (GOutputStream  *stream,
                                    GAsyncResult   *result,
                                    GError        **error)
{
  g_return_val_if_fail (g_task_is_valid (result, stream), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_sealed_output_flush_async),
                        FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
aioproc_sealed_output_close_async (GOutputStream       *stream,
                                   int                  io_priority,
                                   GCancellable        *cancellable,
                                   GAsyncReadyCallback  callback,
                                   gpointer             user_data)
{
  GTask *task = g_task_new (stream, cancellable, callback, user_data);

  g_task_set_source_tag (task, aioproc_sealed_output_close_async);
  aioproc_sealed_output_begin (task, io_priority, OPERATION_CLOSE, NULL, 0);
}

static gboolean
aioproc_sealed_output_close_finish (GOutputStream  *stream,
                                    GAsyncResult   *result,
                                    GError        **error)
{
  g_return_val_if_fail (g_task_is_valid (result, stream), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_sealed_output_close_async),
                        FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* --- The whole --- */

static void
aioproc_sealed_output_finalize (GObject *object)
{
  AioprocSealedOutput *self = AIOPROC_SEALED_OUTPUT (object);

  g_object_unref (self->base);
  aioproc_seal_free (self->seal);
  g_free (self->record);

  G_OBJECT_CLASS (aioproc_sealed_output_parent_class)->finalize (object);
}

static void
aioproc_sealed_output_class_init (AioprocSealedOutputClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GOutputStreamClass *stream_class = G_OUTPUT_STREAM_CLASS (klass);

  object_class->finalize = aioproc_sealed_output_finalize;
  stream_class->write_fn = aioproc_sealed_output_write;
  stream_class->write_async = aioproc_sealed_output_write_async;
  stream_class->write_finish = aioproc_sealed_output_write_finish;
  stream_class->flush = aioproc_sealed_output_flush;
  stream_class->flush_async = aioproc_sealed_output_flush_async;
  stream_class->flush_finish = aioproc_sealed_output_flush_finish;
  stream_class->close_fn = aioproc_sealed_output_close;
  stream_class->close_async = aioproc_sealed_output_close_async;
  stream_class->close_finish = aioproc_sealed_output_close_finish;
}

static void
aioproc_sealed_output_init (AioprocSealedOutput *self)
{
}

GOutputStream *
aioproc_sealed_output_new (GOutputStream *base,
                           const guint8  *key)
{
  AioprocSealedOutput *self = g_object_new (AIOPROC_TYPE_SEALED_OUTPUT, NULL);

  self->base = g_object_ref (base);
  self->seal = aioproc_seal_new (key);
  self->record = g_malloc (AIOPROC_SEAL_SIZE (AIOPROC_SEAL_MAX));

  return G_OUTPUT_STREAM (self);
}
