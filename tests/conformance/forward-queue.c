/* forward-queue.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "forward-private.h"

static gboolean
forward_queue_try_put (gpointer                 impl,
                       const AioprocQueueItem  *item,
                       GError                 **error)
{
  forward_note (G_STRFUNC);

  if (item->bytes != NULL)
    return aioproc_queue_try_put_bytes (impl, item->bytes, error);

  return aioproc_queue_try_put (impl, item->variant, error);
}

static gboolean
forward_queue_put (gpointer                 impl,
                   const AioprocQueueItem  *item,
                   gint64                   timeout_usec,
                   GCancellable            *cancellable,
                   GError                 **error)
{
  forward_note (G_STRFUNC);

  if (item->bytes != NULL)
    return aioproc_queue_put_bytes (impl, item->bytes, timeout_usec, cancellable, error);

  return aioproc_queue_put (impl, item->variant, timeout_usec, cancellable, error);
}

static void
forward_queue_put_cb (GObject      *source,
                      GAsyncResult *result,
                      gpointer      user_data)
{
  GError *error = NULL;
  gboolean done = aioproc_queue_put_finish (AIOPROC_QUEUE (source), result, &error);

  forward_return (user_data, done, error);
}

static void
forward_queue_put_bytes_cb (GObject      *source,
                            GAsyncResult *result,
                            gpointer      user_data)
{
  GError *error = NULL;
  gboolean done = aioproc_queue_put_bytes_finish (AIOPROC_QUEUE (source), result, &error);

  forward_return (user_data, done, error);
}

static void
forward_queue_put_start (gpointer                impl,
                         const AioprocQueueItem *item,
                         GTask                  *task,
                         gint64                  timeout_usec)
{
  forward_note (G_STRFUNC);

  if (item->bytes != NULL)
    aioproc_queue_put_bytes_async (impl, item->bytes, timeout_usec, g_task_get_cancellable (task),
                                   forward_queue_put_bytes_cb, task);
  else
    aioproc_queue_put_async (impl, item->variant, timeout_usec, g_task_get_cancellable (task),
                             forward_queue_put_cb, task);
}

static gboolean
forward_lease_end (gpointer          impl,
                   AioprocQueueEnd   end,
                   GError          **error)
{
  forward_note (G_STRFUNC);

  switch (end)
    {
    case AIOPROC_QUEUE_END_ACK:
      return aioproc_queue_lease_ack (impl, error);

    case AIOPROC_QUEUE_END_NACK:
      return aioproc_queue_lease_nack (impl, error);

    case AIOPROC_QUEUE_END_GIVE_BACK:
    default:
      /* It is finalized next. */
      return TRUE;
    }
}

static gboolean
forward_lease_is_ours (gpointer impl)
{
  forward_note (G_STRFUNC);

  return aioproc_queue_lease_is_open (impl);
}

static const AioprocQueueLeaseBackend forward_lease_backend = {
  .end = forward_lease_end,
  .is_ours = forward_lease_is_ours,
  .free = g_object_unref,
};

/* Takes @inner, which may be NULL. */
static AioprocQueueLease *
forward_lease_new (AioprocQueueLease *inner)
{
  GBytes *bytes;

  if (inner == NULL)
    return NULL;

  bytes = aioproc_queue_lease_get_bytes (inner);

  return aioproc_queue_lease_new (&forward_lease_backend, inner,
                                  g_variant_ref (aioproc_queue_lease_get_value (inner)),
                                  bytes != NULL ? g_bytes_ref (bytes) : NULL,
                                  aioproc_queue_lease_get_n_failures (inner));
}

static gpointer
forward_queue_try_get (gpointer           impl,
                       AioprocQueueForm   form,
                       GError           **error)
{
  forward_note (G_STRFUNC);

  switch (form)
    {
    case AIOPROC_QUEUE_AS_BYTES:
      return aioproc_queue_try_get_bytes (impl, error);

    case AIOPROC_QUEUE_AS_LEASE:
      return forward_lease_new (aioproc_queue_try_get_leased (impl, error));

    case AIOPROC_QUEUE_AS_VALUE:
    default:
      return aioproc_queue_try_get (impl, error);
    }
}

static gpointer
forward_queue_get (gpointer           impl,
                   AioprocQueueForm   form,
                   gint64             timeout_usec,
                   GCancellable      *cancellable,
                   GError           **error)
{
  forward_note (G_STRFUNC);

  switch (form)
    {
    case AIOPROC_QUEUE_AS_BYTES:
      return aioproc_queue_get_bytes (impl, timeout_usec, cancellable, error);

    case AIOPROC_QUEUE_AS_LEASE:
      return forward_lease_new (aioproc_queue_get_leased (impl, timeout_usec, cancellable,
                                                          error));

    case AIOPROC_QUEUE_AS_VALUE:
    default:
      return aioproc_queue_get (impl, timeout_usec, cancellable, error);
    }
}

static void
forward_queue_got_cb (GObject      *source,
                      GAsyncResult *result,
                      gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  GError *error = NULL;
  GVariant *item = aioproc_queue_get_finish (AIOPROC_QUEUE (source), result, &error);

  if (item != NULL)
    g_task_return_pointer (task, item, (GDestroyNotify) g_variant_unref);
  else
    g_task_return_error (task, error);
}

static void
forward_queue_got_bytes_cb (GObject      *source,
                            GAsyncResult *result,
                            gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  GError *error = NULL;
  GBytes *item = aioproc_queue_get_bytes_finish (AIOPROC_QUEUE (source), result, &error);

  if (item != NULL)
    g_task_return_pointer (task, item, (GDestroyNotify) g_bytes_unref);
  else
    g_task_return_error (task, error);
}

static void
forward_queue_got_leased_cb (GObject      *source,
                             GAsyncResult *result,
                             gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  GError *error = NULL;
  AioprocQueueLease *lease;

  lease = aioproc_queue_get_leased_finish (AIOPROC_QUEUE (source), result, &error);

  if (lease != NULL)
    g_task_return_pointer (task, forward_lease_new (lease), g_object_unref);
  else
    g_task_return_error (task, error);
}

static void
forward_queue_get_start (gpointer          impl,
                         AioprocQueueForm  form,
                         GTask            *task,
                         gint64            timeout_usec)
{
  GCancellable *cancellable = g_task_get_cancellable (task);

  forward_note (G_STRFUNC);

  switch (form)
    {
    case AIOPROC_QUEUE_AS_BYTES:
      aioproc_queue_get_bytes_async (impl, timeout_usec, cancellable, forward_queue_got_bytes_cb,
                                     task);
      break;

    case AIOPROC_QUEUE_AS_LEASE:
      aioproc_queue_get_leased_async (impl, timeout_usec, cancellable,
                                      forward_queue_got_leased_cb, task);
      break;

    case AIOPROC_QUEUE_AS_VALUE:
    default:
      aioproc_queue_get_async (impl, timeout_usec, cancellable, forward_queue_got_cb, task);
    }
}

/* --- Batches --- */

/* Some items are a success here. */
static gboolean
forward_queue_put_many (gpointer       impl,
                        GPtrArray     *items,
                        gboolean       as_bytes,
                        guint         *n_put,
                        gboolean       try,
                        gint64         timeout_usec,
                        GCancellable  *cancellable,
                        GError       **error)
{
  gpointer data = items->pdata;

  forward_note (G_STRFUNC);

  if (try)
    *n_put = as_bytes ? aioproc_queue_try_put_many_bytes (impl, data, items->len, error)
                      : aioproc_queue_try_put_many (impl, data, items->len, error);
  else if (as_bytes)
    *n_put = aioproc_queue_put_many_bytes (impl, data, items->len, timeout_usec, cancellable,
                                           error);
  else
    *n_put = aioproc_queue_put_many (impl, data, items->len, timeout_usec, cancellable, error);

  return *n_put == items->len;
}

typedef struct {
  GTask    *task;
  guint    *n_put;
  gboolean  as_bytes;
} ForwardPutMany;

static void
forward_queue_put_many_cb (GObject      *source,
                           GAsyncResult *result,
                           gpointer      user_data)
{
  g_autofree ForwardPutMany *self = user_data;
  AioprocQueue *queue = AIOPROC_QUEUE (source);
  GError *error = NULL;

  *self->n_put = self->as_bytes ? aioproc_queue_put_many_bytes_finish (queue, result, &error)
                                : aioproc_queue_put_many_finish (queue, result, &error);
  forward_return (self->task, error == NULL, error);
}

static void
forward_queue_put_many_start (gpointer   impl,
                              GPtrArray *items,
                              gboolean   as_bytes,
                              guint     *n_put,
                              GTask     *task,
                              gint64     timeout_usec)
{
  ForwardPutMany *self = g_new0 (ForwardPutMany, 1);
  gpointer data = items->pdata;

  forward_note (G_STRFUNC);
  *self = (ForwardPutMany) { task, n_put, as_bytes };

  if (as_bytes)
    aioproc_queue_put_many_bytes_async (impl, data, items->len, timeout_usec,
                                        g_task_get_cancellable (task), forward_queue_put_many_cb,
                                        self);
  else
    aioproc_queue_put_many_async (impl, data, items->len, timeout_usec,
                                  g_task_get_cancellable (task), forward_queue_put_many_cb, self);
}

static GPtrArray *
forward_queue_get_many (gpointer       impl,
                        gboolean       as_bytes,
                        guint          max_items,
                        gboolean       try,
                        gint64         timeout_usec,
                        GCancellable  *cancellable,
                        GError       **error)
{
  forward_note (G_STRFUNC);

  if (try)
    return as_bytes ? aioproc_queue_try_get_many_bytes (impl, max_items, error)
                    : aioproc_queue_try_get_many (impl, max_items, error);

  if (as_bytes)
    return aioproc_queue_get_many_bytes (impl, max_items, timeout_usec, cancellable, error);

  return aioproc_queue_get_many (impl, max_items, timeout_usec, cancellable, error);
}

static void
forward_queue_return_many (GTask     *task,
                           GPtrArray *items,
                           GError    *error)
{
  if (items != NULL)
    g_task_return_pointer (task, items, (GDestroyNotify) g_ptr_array_unref);
  else
    g_task_return_error (task, error);

  g_object_unref (task);
}

static void
forward_queue_got_many_cb (GObject      *source,
                           GAsyncResult *result,
                           gpointer      user_data)
{
  GError *error = NULL;
  GPtrArray *items = aioproc_queue_get_many_finish (AIOPROC_QUEUE (source), result, &error);

  forward_queue_return_many (user_data, items, error);
}

static void
forward_queue_got_many_bytes_cb (GObject      *source,
                                 GAsyncResult *result,
                                 gpointer      user_data)
{
  GError *error = NULL;
  GPtrArray *items = aioproc_queue_get_many_bytes_finish (AIOPROC_QUEUE (source), result, &error);

  forward_queue_return_many (user_data, items, error);
}

static void
forward_queue_get_many_start (gpointer  impl,
                              gboolean  as_bytes,
                              guint     max_items,
                              GTask    *task,
                              gint64    timeout_usec)
{
  forward_note (G_STRFUNC);

  if (as_bytes)
    aioproc_queue_get_many_bytes_async (impl, max_items, timeout_usec,
                                        g_task_get_cancellable (task),
                                        forward_queue_got_many_bytes_cb, task);
  else
    aioproc_queue_get_many_async (impl, max_items, timeout_usec, g_task_get_cancellable (task),
                                  forward_queue_got_many_cb, task);
}

static gboolean
forward_queue_shut (gpointer   impl,
                    gboolean   immediate,
                    GError   **error)
{
  forward_note (G_STRFUNC);

  return aioproc_queue_close (impl, immediate, error);
}

static gboolean
forward_queue_is_shut (gpointer impl)
{
  forward_note (G_STRFUNC);

  return aioproc_queue_is_closed (impl);
}

static guint
forward_queue_get_max_items (gpointer impl)
{
  forward_note (G_STRFUNC);

  return aioproc_queue_get_max_items (impl);
}

static guint64
forward_queue_get_max_bytes (gpointer impl)
{
  forward_note (G_STRFUNC);

  return aioproc_queue_get_max_bytes (impl);
}

static void
forward_queue_count (gpointer             impl,
                     AioprocQueueFigures *figures)
{
  guint max_items = aioproc_queue_get_max_items (impl);

  forward_note (G_STRFUNC);

  figures->n_ready = aioproc_queue_get_size (impl);
  figures->n_bytes = aioproc_queue_get_n_bytes (impl);
  figures->peak_items = aioproc_queue_get_peak_items (impl);
  figures->peak_bytes = aioproc_queue_get_peak_bytes (impl);
  /* All that a public function tells of it. */
  figures->n_used = figures->n_ready;

  if (max_items != 0 && aioproc_queue_is_full (impl))
    figures->n_used = max_items;
}

static guint
forward_queue_get_max_deliveries (gpointer impl)
{
  forward_note (G_STRFUNC);

  return aioproc_queue_get_max_deliveries (impl);
}

static AioprocQueueFailure *
forward_queue_try_get_failed (gpointer   impl,
                              GError   **error)
{
  forward_note (G_STRFUNC);

  return aioproc_queue_try_get_failed (impl, error);
}

static guint
forward_queue_count_failed (gpointer impl)
{
  forward_note (G_STRFUNC);

  return aioproc_queue_get_n_failed (impl);
}

static gboolean
forward_queue_task_done (gpointer   impl,
                         GError   **error)
{
  forward_note (G_STRFUNC);

  return aioproc_joinable_queue_task_done (impl, error);
}

static gboolean
forward_queue_try_join (gpointer   impl,
                        GError   **error)
{
  forward_note (G_STRFUNC);

  return aioproc_joinable_queue_try_join (impl, error);
}

static gboolean
forward_queue_join (gpointer       impl,
                    gint64         timeout_usec,
                    GCancellable  *cancellable,
                    GError       **error)
{
  forward_note (G_STRFUNC);

  return aioproc_joinable_queue_join (impl, timeout_usec, cancellable, error);
}

static void
forward_queue_joined_cb (GObject      *source,
                         GAsyncResult *result,
                         gpointer      user_data)
{
  GError *error = NULL;
  gboolean done;

  done = aioproc_joinable_queue_join_finish (AIOPROC_JOINABLE_QUEUE (source), result, &error);
  forward_return (user_data, done, error);
}

static void
forward_queue_join_start (gpointer  impl,
                          GTask    *task,
                          gint64    timeout_usec)
{
  forward_note (G_STRFUNC);

  aioproc_joinable_queue_join_async (impl, timeout_usec, g_task_get_cancellable (task),
                                     forward_queue_joined_cb, task);
}

gboolean
forward_queue_is_ready (gpointer impl)
{
  forward_note (G_STRFUNC);

  return aioproc_waitable_is_ready (impl);
}

gboolean
forward_queue_watch (gpointer       impl,
                     AioprocWatch  *watch,
                     GError       **error)
{
  forward_note (G_STRFUNC);

  return aioproc_waitable_watch (impl, watch, error);
}

void
forward_queue_unwatch (gpointer      impl,
                       AioprocWatch *watch)
{
  forward_note (G_STRFUNC);

  aioproc_waitable_unwatch (impl, watch);
}

const AioprocQueueBackend forward_queue_backend = {
  .try_put = forward_queue_try_put,
  .put = forward_queue_put,
  .put_start = forward_queue_put_start,
  .try_loan = forward_queue_try_loan,
  .loan = forward_queue_loan,
  .loan_start = forward_queue_loan_start,
  .try_get = forward_queue_try_get,
  .get = forward_queue_get,
  .get_start = forward_queue_get_start,
  .put_many = forward_queue_put_many,
  .put_many_start = forward_queue_put_many_start,
  .get_many = forward_queue_get_many,
  .get_many_start = forward_queue_get_many_start,
  .is_ready = forward_queue_is_ready,
  .watch = forward_queue_watch,
  .unwatch = forward_queue_unwatch,
  .shut = forward_queue_shut,
  .is_shut = forward_queue_is_shut,
  .get_max_items = forward_queue_get_max_items,
  .get_max_deliveries = forward_queue_get_max_deliveries,
  .get_max_bytes = forward_queue_get_max_bytes,
  .count = forward_queue_count,
  .try_get_failed = forward_queue_try_get_failed,
  .count_failed = forward_queue_count_failed,
  .task_done = forward_queue_task_done,
  .try_join = forward_queue_try_join,
  .join = forward_queue_join,
  .join_start = forward_queue_join_start,
  .get_shm = forward_get_no_shm,
  .close = forward_close,
  .free = g_object_unref,
};
