/* aioproc-sealed-input.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-sealed-input-private.h"

#include <string.h>

#include "core/aioproc-seal-private.h"

/* One record at least. */
#define BUFFER_SIZE AIOPROC_SEAL_SIZE (AIOPROC_SEAL_MAX)

/* GIO sees to it that there is one operation at a time, so nothing is protected by a mutex. */
struct _AioprocSealedInput {
  GInputStream  parent_instance;

  GInputStream *base;      /* (owned) */
  AioprocSeal  *seal;      /* (owned) */
  guint8       *buffer;    /* (owned) what was read of the base, from @begin to @end */
  gsize         begin;
  gsize         end;
  gsize         data;      /* where the bytes are of the record that was opened */
  gsize         n_data;    /* how many are left of them */
  gboolean      is_eof;    /* the last record has come */
  GError       *failure;   /* (owned) (nullable) of this and all later reads */
};

G_DEFINE_FINAL_TYPE (AioprocSealedInput, aioproc_sealed_input, G_TYPE_INPUT_STREAM)

typedef struct {
  guint8 *to;
  gsize   length;
} Read;

/* --- Without a wait --- */

/* Takes from the records that are there. Whether that is all that a read has to do; then @n_read,
 * or @error.
 */
static gboolean
aioproc_sealed_input_take (AioprocSealedInput  *self,
                           guint8              *to,
                           gsize                length,
                           gssize              *n_read,
                           GError             **error)
{
  gsize done = 0;

  while (done < length && !self->is_eof && self->failure == NULL)
    {
      gsize n = MIN (length - done, self->n_data);
      gssize opened;

      memcpy (to + done, self->buffer + self->data, n);
      self->data += n;
      self->n_data -= n;
      done += n;

      if (self->n_data > 0)
        break;

      if (!aioproc_seal_open (self->seal, self->buffer + self->begin, self->end - self->begin,
                              &opened, &self->failure) || opened < 0)
        break;

      self->is_eof = opened == 0;
      self->data = self->begin + AIOPROC_SEAL_HEAD;
      self->n_data = (gsize) opened;
      self->begin += AIOPROC_SEAL_SIZE ((gsize) opened);
    }

  /* An error waits until all that was good before it is taken. */
  *n_read = (gssize) done;

  if (done > 0 || self->is_eof)
    return TRUE;

  if (self->failure == NULL)
    return FALSE;

  *n_read = -1;
  g_propagate_error (error, g_error_copy (self->failure));

  return TRUE;
}

/* Where the base is to be read to: nothing is left of any record that was opened. */
static guint8 *
aioproc_sealed_input_make_room (AioprocSealedInput *self,
                                gsize              *room)
{
  g_assert (self->n_data == 0);

  memmove (self->buffer, self->buffer + self->begin, self->end - self->begin);
  self->end -= self->begin;
  self->begin = 0;
  *room = BUFFER_SIZE - self->end;
  g_assert (*room > 0);

  return self->buffer + self->end;
}

/* @n_read: of the base, no error. */
static void
aioproc_sealed_input_filled (AioprocSealedInput *self,
                             gssize              n_read)
{
  self->end += (gsize) n_read;

  if (n_read == 0)
    self->failure = g_error_new (G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT,
                                 "The stream has ended, and its peer has not said so: it has died, "
                                 "or somebody has cut off the stream");
}

/* --- GInputStream --- */

static gssize
aioproc_sealed_input_read (GInputStream  *stream,
                           void          *buffer,
                           gsize          count,
                           GCancellable  *cancellable,
                           GError       **error)
{
  AioprocSealedInput *self = AIOPROC_SEALED_INPUT (stream);
  gssize n_read;

  while (!aioproc_sealed_input_take (self, buffer, count, &n_read, error))
    {
      gsize room;
      guint8 *to = aioproc_sealed_input_make_room (self, &room);

      n_read = g_input_stream_read (self->base, to, room, cancellable, error);

      if (n_read < 0)
        return -1;

      aioproc_sealed_input_filled (self, n_read);
    }

  return n_read;
}

static void aioproc_sealed_input_go_on (GTask *task);

static void
aioproc_sealed_input_read_cb (GObject      *source,
                              GAsyncResult *result,
                              gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  AioprocSealedInput *self = g_task_get_source_object (task);
  GError *error = NULL;
  gssize n_read = g_input_stream_read_finish (self->base, result, &error);

  if (n_read < 0)
    {
      g_task_return_error (task, error);
      return;
    }

  aioproc_sealed_input_filled (self, n_read);
  aioproc_sealed_input_go_on (g_steal_pointer (&task));
}

/* Takes @task. */
static void
aioproc_sealed_input_go_on (GTask *task)
{
  AioprocSealedInput *self = g_task_get_source_object (task);
  Read *operation = g_task_get_task_data (task);
  GError *error = NULL;
  gssize n_read;
  guint8 *to;
  gsize room;

  if (!aioproc_sealed_input_take (self, operation->to, operation->length, &n_read, &error))
    {
      to = aioproc_sealed_input_make_room (self, &room);
      g_input_stream_read_async (self->base, to, room, g_task_get_priority (task),
                                 g_task_get_cancellable (task), aioproc_sealed_input_read_cb, task);
      return;
    }

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_int (task, n_read);

  g_object_unref (task);
}

static void
aioproc_sealed_input_read_async (GInputStream        *stream,
                                 void                *buffer,
                                 gsize                count,
                                 int                  io_priority,
                                 GCancellable        *cancellable,
                                 GAsyncReadyCallback  callback,
                                 gpointer             user_data)
{
  GTask *task = g_task_new (stream, cancellable, callback, user_data);
  Read *operation = g_new (Read, 1);

  g_task_set_source_tag (task, aioproc_sealed_input_read_async);
  g_task_set_priority (task, io_priority);
  /* What was taken would be lost. */
  g_task_set_check_cancellable (task, FALSE);
  operation->to = buffer;
  operation->length = count;
  g_task_set_task_data (task, operation, g_free);
  aioproc_sealed_input_go_on (task);
}

static gssize
aioproc_sealed_input_read_finish (GInputStream  *stream,
                                  GAsyncResult  *result,
                                  GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, stream), -1);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_sealed_input_read_async), -1);

  return g_task_propagate_int (G_TASK (result), error);
}

static gboolean
aioproc_sealed_input_close (GInputStream  *stream,
                            GCancellable  *cancellable,
                            GError       **error)
{
  return g_input_stream_close (AIOPROC_SEALED_INPUT (stream)->base, cancellable, error);
}

static void
aioproc_sealed_input_close_cb (GObject      *source,
                               GAsyncResult *result,
                               gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  GError *error = NULL;

  if (g_input_stream_close_finish (G_INPUT_STREAM (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
aioproc_sealed_input_close_async (GInputStream        *stream,
                                  int                  io_priority,
                                  GCancellable        *cancellable,
                                  GAsyncReadyCallback  callback,
                                  gpointer             user_data)
{
  GInputStream *base = AIOPROC_SEALED_INPUT (stream)->base;
  g_autoptr(GTask) task = g_task_new (stream, cancellable, callback, user_data);
  GError *error = NULL;

  g_task_set_source_tag (task, aioproc_sealed_input_close_async);
  g_task_set_check_cancellable (task, FALSE);

  /* For those that have nothing to do then, as sockets, GIO would start a thread. */
  if (G_INPUT_STREAM_GET_CLASS (base)->close_fn != NULL)
    g_input_stream_close_async (base, io_priority, cancellable, aioproc_sealed_input_close_cb,
                                g_steal_pointer (&task));
  else if (g_input_stream_close (base, cancellable, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static gboolean
aioproc_sealed_input_close_finish (GInputStream  *stream,
                                   GAsyncResult  *result,
                                   GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, stream), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_sealed_input_close_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* --- The whole --- */

static void
aioproc_sealed_input_finalize (GObject *object)
{
  AioprocSealedInput *self = AIOPROC_SEALED_INPUT (object);

  g_object_unref (self->base);
  aioproc_seal_free (self->seal);
  g_clear_error (&self->failure);
  g_free (self->buffer);

  G_OBJECT_CLASS (aioproc_sealed_input_parent_class)->finalize (object);
}

static void
aioproc_sealed_input_class_init (AioprocSealedInputClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GInputStreamClass *stream_class = G_INPUT_STREAM_CLASS (klass);

  object_class->finalize = aioproc_sealed_input_finalize;
  stream_class->read_fn = aioproc_sealed_input_read;
  stream_class->read_async = aioproc_sealed_input_read_async;
  stream_class->read_finish = aioproc_sealed_input_read_finish;
  stream_class->close_fn = aioproc_sealed_input_close;
  stream_class->close_async = aioproc_sealed_input_close_async;
  stream_class->close_finish = aioproc_sealed_input_close_finish;
}

static void
aioproc_sealed_input_init (AioprocSealedInput *self)
{
}

GInputStream *
aioproc_sealed_input_new (GInputStream *base,
                          const guint8 *key)
{
  AioprocSealedInput *self = g_object_new (AIOPROC_TYPE_SEALED_INPUT, NULL);

  self->base = g_object_ref (base);
  self->seal = aioproc_seal_new (key);
  self->buffer = g_malloc (BUFFER_SIZE);

  return G_INPUT_STREAM (self);
}
