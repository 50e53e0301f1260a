/* aioproc-sealed-stream.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-sealed-stream-private.h"

#include "ipc/aioproc-sealed-input-private.h"
#include "ipc/aioproc-sealed-output-private.h"

struct _AioprocSealedStream {
  GIOStream      parent_instance;

  /* Immutable after construction. */
  GIOStream     *base;     /* (owned) */
  GInputStream  *input;    /* (owned) */
  GOutputStream *output;   /* (owned) */
};

G_DEFINE_FINAL_TYPE (AioprocSealedStream, aioproc_sealed_stream, G_TYPE_IO_STREAM)

static GInputStream *
aioproc_sealed_stream_get_input_stream (GIOStream *stream)
{
  return AIOPROC_SEALED_STREAM (stream)->input;
}

static GOutputStream *
aioproc_sealed_stream_get_output_stream (GIOStream *stream)
{
  return AIOPROC_SEALED_STREAM (stream)->output;
}

/* --- The end: the output's first, which has something to say --- */

static gboolean
aioproc_sealed_stream_close (GIOStream     *stream,
                             GCancellable  *cancellable,
                             GError       **error)
{
  AioprocSealedStream *self = AIOPROC_SEALED_STREAM (stream);
  GError *first_error = NULL;

  g_output_stream_close (self->output, cancellable, &first_error);
  g_input_stream_close (self->input, cancellable, first_error == NULL ? &first_error : NULL);
  g_io_stream_close (self->base, cancellable, first_error == NULL ? &first_error : NULL);

  if (first_error == NULL)
    return TRUE;

  g_propagate_error (error, first_error);

  return FALSE;
}

static void
error_free (gpointer data)
{
  GError **error = data;

  g_clear_error (error);
  g_free (error);
}

/* Where an error of a close goes: only the first is told. */
static GError **
peek_error (GTask *task)
{
  GError **error = g_task_get_task_data (task);

  return *error == NULL ? error : NULL;
}

static void
aioproc_sealed_stream_base_closed_cb (GObject      *source,
                                      GAsyncResult *result,
                                      gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  GError **error = g_task_get_task_data (task);

  g_io_stream_close_finish (G_IO_STREAM (source), result, peek_error (task));

  if (*error != NULL)
    g_task_return_error (task, g_steal_pointer (error));
  else
    g_task_return_boolean (task, TRUE);
}

static void
aioproc_sealed_stream_input_closed_cb (GObject      *source,
                                       GAsyncResult *result,
                                       gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  AioprocSealedStream *self = g_task_get_source_object (task);

  g_input_stream_close_finish (self->input, result, peek_error (task));
  g_io_stream_close_async (self->base, g_task_get_priority (task), g_task_get_cancellable (task),
                           aioproc_sealed_stream_base_closed_cb, g_object_ref (task));
}

static void
aioproc_sealed_stream_output_closed_cb (GObject      *source,
                                        GAsyncResult *result,
                                        gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  AioprocSealedStream *self = g_task_get_source_object (task);

  g_output_stream_close_finish (self->output, result, peek_error (task));
  g_input_stream_close_async (self->input, g_task_get_priority (task),
                              g_task_get_cancellable (task),
                              aioproc_sealed_stream_input_closed_cb, g_object_ref (task));
}

static void
aioproc_sealed_stream_close_async (GIOStream           *stream,
                                   int                  io_priority,
                                   GCancellable        *cancellable,
                                   GAsyncReadyCallback  callback,
                                   gpointer             user_data)
{
  AioprocSealedStream *self = AIOPROC_SEALED_STREAM (stream);
  GTask *task = g_task_new (stream, cancellable, callback, user_data);

  g_task_set_source_tag (task, aioproc_sealed_stream_close_async);
  g_task_set_priority (task, io_priority);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, g_new0 (GError *, 1), error_free);
  g_output_stream_close_async (self->output, io_priority, cancellable,
                               aioproc_sealed_stream_output_closed_cb, task);
}

static gboolean
aioproc_sealed_stream_close_finish (GIOStream     *stream,
                                    GAsyncResult  *result,
                                    GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, stream), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_sealed_stream_close_async),
                        FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* --- The whole --- */

static void
aioproc_sealed_stream_finalize (GObject *object)
{
  AioprocSealedStream *self = AIOPROC_SEALED_STREAM (object);

  g_object_unref (self->input);
  g_object_unref (self->output);
  g_object_unref (self->base);

  G_OBJECT_CLASS (aioproc_sealed_stream_parent_class)->finalize (object);
}

static void
aioproc_sealed_stream_class_init (AioprocSealedStreamClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GIOStreamClass *stream_class = G_IO_STREAM_CLASS (klass);

  object_class->finalize = aioproc_sealed_stream_finalize;
  stream_class->get_input_stream = aioproc_sealed_stream_get_input_stream;
  stream_class->get_output_stream = aioproc_sealed_stream_get_output_stream;
  stream_class->close_fn = aioproc_sealed_stream_close;
  stream_class->close_async = aioproc_sealed_stream_close_async;
  stream_class->close_finish = aioproc_sealed_stream_close_finish;
}

static void
aioproc_sealed_stream_init (AioprocSealedStream *self)
{
}

GIOStream *
aioproc_sealed_stream_new (GIOStream    *base,
                           const guint8 *send_key,
                           const guint8 *receive_key)
{
  AioprocSealedStream *self = g_object_new (AIOPROC_TYPE_SEALED_STREAM, NULL);

  self->base = g_object_ref (base);
  self->input = aioproc_sealed_input_new (g_io_stream_get_input_stream (base), receive_key);
  self->output = aioproc_sealed_output_new (g_io_stream_get_output_stream (base), send_key);

  return G_IO_STREAM (self);
}

GIOStream *
aioproc_sealed_stream_peek_base (AioprocSealedStream *self)
{
  return self->base;
}
