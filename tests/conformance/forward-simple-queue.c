/* forward-simple-queue.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "forward-private.h"

/* What a simple queue asks of its backend. */

static gboolean
forward_simple_put (gpointer                 impl,
                    const AioprocQueueItem  *item,
                    gint64                   timeout_usec,
                    GCancellable            *cancellable,
                    GError                 **error)
{
  forward_note (G_STRFUNC);

  if (item->bytes != NULL)
    return aioproc_simple_queue_put_bytes (impl, item->bytes, timeout_usec, cancellable, error);

  return aioproc_simple_queue_put (impl, item->variant, timeout_usec, cancellable, error);
}

static void
forward_simple_put_cb (GObject      *source,
                       GAsyncResult *result,
                       gpointer      user_data)
{
  GError *error = NULL;
  gboolean done = aioproc_simple_queue_put_finish (AIOPROC_SIMPLE_QUEUE (source), result, &error);

  forward_return (user_data, done, error);
}

static void
forward_simple_put_bytes_cb (GObject      *source,
                             GAsyncResult *result,
                             gpointer      user_data)
{
  GError *error = NULL;
  gboolean done;

  done = aioproc_simple_queue_put_bytes_finish (AIOPROC_SIMPLE_QUEUE (source), result, &error);
  forward_return (user_data, done, error);
}

static void
forward_simple_put_start (gpointer                impl,
                          const AioprocQueueItem *item,
                          GTask                  *task,
                          gint64                  timeout_usec)
{
  GCancellable *cancellable = g_task_get_cancellable (task);

  forward_note (G_STRFUNC);

  if (item->bytes != NULL)
    aioproc_simple_queue_put_bytes_async (impl, item->bytes, timeout_usec, cancellable,
                                          forward_simple_put_bytes_cb, task);
  else
    aioproc_simple_queue_put_async (impl, item->variant, timeout_usec, cancellable,
                                    forward_simple_put_cb, task);
}

static gpointer
forward_simple_get (gpointer           impl,
                    AioprocQueueForm   form,
                    gint64             timeout_usec,
                    GCancellable      *cancellable,
                    GError           **error)
{
  forward_note (G_STRFUNC);

  if (form == AIOPROC_QUEUE_AS_BYTES)
    return aioproc_simple_queue_get_bytes (impl, timeout_usec, cancellable, error);

  return aioproc_simple_queue_get (impl, timeout_usec, cancellable, error);
}

static void
forward_simple_got_cb (GObject      *source,
                       GAsyncResult *result,
                       gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  GError *error = NULL;
  GVariant *item = aioproc_simple_queue_get_finish (AIOPROC_SIMPLE_QUEUE (source), result, &error);

  if (item != NULL)
    g_task_return_pointer (task, item, (GDestroyNotify) g_variant_unref);
  else
    g_task_return_error (task, error);
}

static void
forward_simple_got_bytes_cb (GObject      *source,
                             GAsyncResult *result,
                             gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  GError *error = NULL;
  GBytes *item;

  item = aioproc_simple_queue_get_bytes_finish (AIOPROC_SIMPLE_QUEUE (source), result, &error);

  if (item != NULL)
    g_task_return_pointer (task, item, (GDestroyNotify) g_bytes_unref);
  else
    g_task_return_error (task, error);
}

static void
forward_simple_get_start (gpointer          impl,
                          AioprocQueueForm  form,
                          GTask            *task,
                          gint64            timeout_usec)
{
  GCancellable *cancellable = g_task_get_cancellable (task);

  forward_note (G_STRFUNC);

  if (form == AIOPROC_QUEUE_AS_BYTES)
    aioproc_simple_queue_get_bytes_async (impl, timeout_usec, cancellable,
                                          forward_simple_got_bytes_cb, task);
  else
    aioproc_simple_queue_get_async (impl, timeout_usec, cancellable, forward_simple_got_cb, task);
}

static gboolean
forward_simple_shut (gpointer   impl,
                     gboolean   immediate,
                     GError   **error)
{
  g_assert_false (immediate);
  forward_note (G_STRFUNC);

  return aioproc_simple_queue_close (impl, error);
}

static void
forward_simple_count (gpointer             impl,
                      AioprocQueueFigures *figures)
{
  forward_note (G_STRFUNC);

  /* All that a public function tells of it. */
  figures->n_ready = aioproc_simple_queue_is_empty (impl) ? 0 : 1;
  figures->n_used = figures->n_ready;
}

const AioprocQueueBackend forward_simple_queue_backend = {
  .put = forward_simple_put,
  .put_start = forward_simple_put_start,
  .get = forward_simple_get,
  .get_start = forward_simple_get_start,
  .is_ready = forward_queue_is_ready,
  .watch = forward_queue_watch,
  .unwatch = forward_queue_unwatch,
  .shut = forward_simple_shut,
  .count = forward_simple_count,
  .get_shm = forward_get_no_shm,
  .close = forward_close,
  .free = g_object_unref,
};
