/* aioproc-pool-map.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "pool/aioproc-pool-private.h"

#include "core/aioproc-completion-private.h"
#include "core/aioproc-debug-private.h"
#include "core/aioproc-waiter-private.h"

/* Chunks for each worker, if nobody says how large they are to be: few, since each costs something,
 * and several, since they do not all take as long.
 */
#define CHUNKS_PER_WORKER  4
/* One that is as large goes no further. */
#define MAX_CHUNK_BYTES    (1024 * 1024)
/* Chunks that are on their way for each worker: what it may have at hand, and as many again. */
#define MAX_OUTSTANDING    64
/* With more items than these the work that they make is not for the caller's thread. */
#define MAX_ITEMS_IN_PLACE 64

/* All calls of one map. */
typedef struct {
  gatomicrefcount   ref_count;

  /* Immutable. */
  AioprocPoolCore  *core;             /* (owned) */
  char             *function;         /* (owned) a GRefString */
  GVariant        **items;            /* (owned) (array length=n_items) */
  gsize             n_items;
  gsize             chunk_size;
  guint             max_outstanding;
  gint64            timeout_usec;
  guint             max_retries;
  gboolean          is_waited_for;
  gulong            cancelled_id;     /* 0: none */

  AioprocMutex      mutex;

  /* All protected by @mutex. */
  GTask            *task;             /* (owned) (nullable) of an async one, until it ends */
  gboolean          is_admitted;      /* to the pool, until it ends */
  gsize             next;             /* the first item that is in no chunk yet */
  GList            *chunks;           /* (element-type ChunkJob) on their way */
  guint             n_outstanding;    /* those, and one that is being made */
  gboolean          is_filling;       /* a thread makes chunks */
  GVariant        **results;          /* (owned) (array length=n_items) */
  GError           *error;            /* (owned) (nullable) of the first item that failed */
  gsize             error_index;
  gboolean          is_cancelled;     /* what was begun is to end, too */

  _Atomic guint32   is_over;          /* (atomic) a flag of aioproc_pool_core_wait() */
} Map;

/* A chunk of it. */
typedef struct {
  AioprocPoolJob  parent;
  Map            *map;                /* (owned) */
  gsize           first;
  gsize           n_items;
  GList           chunk_link;         /* in the map's @chunks */
} ChunkJob;

static void map_fill (Map *self);

/* --- The map --- */

/* The pool has admitted it, until it ends. */
static Map *
map_new (AioprocPool      *pool,
         AioprocPoolCore  *core,
         const char       *function,
         GVariant        **items,
         gsize             n_items,
         guint             chunk_size)
{
  Map *self = g_new0 (Map, 1);
  const gsize n_chunks = (gsize) core->n_seats * CHUNKS_PER_WORKER;

  g_atomic_ref_count_init (&self->ref_count);
  aioproc_mutex_init (&self->mutex);
  self->core = aioproc_pool_core_ref (core);
  self->is_admitted = TRUE;
  /* Until it has begun it cannot end. */
  self->is_filling = TRUE;
  self->function = g_ref_string_new (function);
  self->items = g_new (GVariant *, MAX (n_items, 1));
  self->results = g_new0 (GVariant *, MAX (n_items, 1));
  self->n_items = n_items;
  self->chunk_size = chunk_size > 0 ? chunk_size : MAX ((n_items + n_chunks - 1) / n_chunks, 1);
  self->max_outstanding = core->n_seats * MAX_OUTSTANDING;
  self->timeout_usec = aioproc_pool_get_task_timeout (pool);
  self->max_retries = aioproc_pool_get_max_retries (pool);

  for (gsize i = 0; i < n_items; i++)
    self->items[i] = g_variant_ref_sink (items[i]);

  return self;
}

/* What becomes of items without a map: those that are floating are consumed. */
static void
discard_items (GVariant **items,
               gsize      n_items)
{
  for (gsize i = 0; i < n_items; i++)
    g_variant_unref (g_variant_ref_sink (items[i]));
}

static Map *
map_ref (Map *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

static void
map_unref (Map *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  for (gsize i = 0; i < self->n_items; i++)
    {
      g_clear_pointer (&self->items[i], g_variant_unref);
      g_clear_pointer (&self->results[i], g_variant_unref);
    }

  g_free (self->items);
  g_free (self->results);
  g_ref_string_release (self->function);
  g_clear_object (&self->task);
  g_clear_error (&self->error);
  aioproc_pool_core_unref (self->core);
  aioproc_mutex_clear (&self->mutex);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Map, map_unref)

/* (transfer container) the results; they are gone from the map. */
static GPtrArray *
map_take_results (Map *self)
{
  GPtrArray *results = g_ptr_array_new_full ((guint) self->n_items,
                                             (GDestroyNotify) g_variant_unref);

  for (gsize i = 0; i < self->n_items; i++)
    g_ptr_array_add (results, g_steal_pointer (&self->results[i]));

  return results;
}

static void
map_complete (GTask    *task,
              gpointer  data)
{
  g_autoptr(Map) self = data;

  g_cancellable_disconnect (g_task_get_cancellable (task), self->cancelled_id);

  /* It stays, since it keeps whoever has not begun yet from beginning. */
  if (self->error != NULL)
    g_task_return_error (task, g_error_copy (self->error));
  else
    g_task_return_pointer (task, map_take_results (self), (GDestroyNotify) g_ptr_array_unref);
}

/* Whether nothing is left to be done, or to come back; then it is told, once. */
static void
map_settle (Map *self)
{
  g_autoptr(GTask) task = NULL;
  gboolean was_admitted = FALSE;
  gboolean is_over;

  aioproc_mutex_lock (&self->mutex);

  is_over = self->n_outstanding == 0 && !self->is_filling &&
            (self->next == self->n_items || self->error != NULL) &&
            atomic_load (&self->is_over) == 0;

  if (is_over)
    {
      task = g_steal_pointer (&self->task);
      was_admitted = self->is_admitted;
      self->is_admitted = FALSE;
      /* Partner: aioproc_pool_core_wait(). */
      atomic_store (&self->is_over, 1);
    }

  aioproc_mutex_unlock (&self->mutex);

  if (was_admitted)
    aioproc_pool_core_dismiss (self->core);

  if (task != NULL)
    aioproc_completion_push (g_steal_pointer (&task), map_complete, map_ref (self));
  else if (is_over)
    aioproc_pool_bell_wake (self->core->bell);
}

/* Notes an error; that of the earliest item counts. Takes it. */
static void
set_error_locked (Map    *self,
                  gsize   index,
                  GError *error)
{
  if (self->error != NULL && self->error_index <= index)
    {
      g_error_free (error);
      return;
    }

  g_clear_error (&self->error);
  self->error = error;
  self->error_index = index;
}

/* What nobody has begun is not done any more; if the map is cancelled, what was begun neither. */
static void
map_stop_job (Map            *self,
              AioprocPoolJob *job,
              gboolean        is_cancelled)
{
  GError *error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED,
                                       "Another call of the map has failed");

  if (is_cancelled)
    aioproc_pool_core_end_job (self->core, job, error);
  else
    aioproc_pool_core_withdraw_job (self->core, job, error);
}

static void
map_stop (Map *self)
{
  g_autoptr(GPtrArray) jobs = NULL;
  gboolean is_cancelled;

  jobs = g_ptr_array_new_with_free_func ((GDestroyNotify) aioproc_pool_job_unref);

  aioproc_mutex_lock (&self->mutex);
  for (GList *link = self->chunks; link != NULL; link = link->next)
    {
      ChunkJob *chunk = link->data;

      g_ptr_array_add (jobs, aioproc_pool_job_ref (&chunk->parent));
    }
  is_cancelled = self->is_cancelled;
  aioproc_mutex_unlock (&self->mutex);

  for (guint i = 0; i < jobs->len; i++)
    map_stop_job (self, g_ptr_array_index (jobs, i), is_cancelled);
}

static void
map_cancel (Map    *self,
            GError *error)
{
  aioproc_mutex_lock (&self->mutex);
  if (atomic_load (&self->is_over) == 0)
    {
      /* Before those of items, whichever they are. */
      g_clear_error (&self->error);
      self->error = g_steal_pointer (&error);
      self->error_index = 0;
      self->is_cancelled = TRUE;
    }
  aioproc_mutex_unlock (&self->mutex);
  g_clear_error (&error);

  map_stop (self);
  map_settle (self);
}

/* --- Chunks --- */

/* The error of one call, with its place. Takes @error. */
static GError *
place_error (gsize   index,
             GError *error)
{
  g_prefix_error (&error, "Item %" G_GSIZE_FORMAT ": ", index);

  return error;
}

/* What has come back, up to the first call that has failed. */
static void
chunk_load_locked (ChunkJob *self)
{
  Map *map = self->map;
  gboolean is_error = FALSE;
  GError *error = NULL;
  gsize offset = 0;

  for (gsize i = 0; i < self->n_items; i++)
    {
      GVariant *outcome = aioproc_pool_items_next (self->parent.outcomes, &offset, &is_error,
                                                   &error);

      if (outcome == NULL)
        {
          if (error == NULL)
            error = g_error_new (G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                                 "The worker that ran “%s” returned %" G_GSIZE_FORMAT
                                 " results instead of %" G_GSIZE_FORMAT,
                                 self->parent.function, i, self->n_items);
          set_error_locked (map, self->first + i, place_error (self->first + i, error));
          return;
        }

      if (is_error)
        {
          set_error_locked (map, self->first + i,
                            place_error (self->first + i,
                                         aioproc_codec_error_from_variant (outcome)));
          g_variant_unref (outcome);
          return;
        }

      map->results[self->first + i] = outcome;
    }
}

static void
chunk_ended (AioprocPoolJob *job)
{
  ChunkJob *self = (ChunkJob *) job;
  g_autoptr(Map) map = map_ref (self->map);
  gboolean has_failed;
  gboolean is_first;

  aioproc_mutex_lock (&map->mutex);

  is_first = map->error == NULL;

  if (job->error == NULL)
    chunk_load_locked (self);
  else if (map->error == NULL || !g_error_matches (job->error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    set_error_locked (map, self->first, place_error (self->first,
                                                     g_steal_pointer (&job->error)));

  map->chunks = g_list_remove_link (map->chunks, &self->chunk_link);
  map->n_outstanding--;
  has_failed = map->error != NULL;

  aioproc_mutex_unlock (&map->mutex);

  if (has_failed && is_first)
    map_stop (map);
  else if (!has_failed)
    map_fill (map);

  map_settle (map);
}

static void
chunk_clear (AioprocPoolJob *job)
{
  ChunkJob *self = (ChunkJob *) job;

  map_unref (self->map);
}

static const AioprocPoolJobOps chunk_ops = {
  .size = sizeof (ChunkJob),
  .ended = chunk_ended,
  .clear = chunk_clear,
};

/* The next chunk, from @first on: as many items as it takes, and no more than are good for one. */
static ChunkJob *
make_chunk (Map     *map,
            gsize    first,
            GError **error)
{
  g_autoptr(GByteArray) bytes = g_byte_array_new ();
  const gsize end = first + MIN (map->chunk_size, map->n_items - first);
  AioprocPoolJob *job;
  ChunkJob *self;
  gsize i;

  for (i = first; i < end && (i == first || bytes->len < MAX_CHUNK_BYTES); i++)
    {
      g_autoptr(GVariant) item = aioproc_codec_variant_prepare (map->items[i], FALSE, error);

      if (item == NULL)
        {
          g_prefix_error (error, "Item %" G_GSIZE_FORMAT " cannot be sent: ", i);
          return NULL;
        }

      if (!aioproc_pool_items_append (bytes, item, FALSE))
        {
          if (i > first)
            break;

          g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                       "Item %" G_GSIZE_FORMAT " cannot be sent: it has %" G_GSIZE_FORMAT " bytes",
                       i, g_variant_get_size (item));
          return NULL;
        }
    }

  job = aioproc_pool_job_new (&chunk_ops, AIOPROC_POOL_TASK_CHUNK, map->function);
  job->items = g_byte_array_free_to_bytes (g_steal_pointer (&bytes));
  job->flags = AIOPROC_POOL_TASK_STOPS;
  job->timeout_usec = map->timeout_usec;
  job->max_retries = map->max_retries;
  job->is_admitted = TRUE;
  job->is_waited_for = map->is_waited_for;

  self = (ChunkJob *) job;
  self->map = map_ref (map);
  self->first = first;
  self->n_items = i - first;
  self->chunk_link.data = self;

  return self;
}

/* Whether this thread is to make another chunk, of the items from *@first on. */
static gboolean
map_claim (Map   *self,
           gsize *first)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (self->error != NULL || self->next == self->n_items ||
      self->n_outstanding >= self->max_outstanding)
    {
      self->is_filling = FALSE;
      return FALSE;
    }

  *first = self->next;

  return TRUE;
}

/* FALSE: the chunk could not be submitted. */
static gboolean
map_add (Map       *self,
         ChunkJob  *chunk,
         GError   **error)
{
  /* It may end, in another thread, before this returns. */
  aioproc_mutex_lock (&self->mutex);
  self->next = chunk->first + chunk->n_items;
  self->n_outstanding++;
  self->chunks = g_list_concat (&chunk->chunk_link, self->chunks);
  aioproc_mutex_unlock (&self->mutex);

  if (aioproc_pool_core_submit (self->core, &chunk->parent, error))
    {
      gboolean is_cancelled;
      gboolean is_stopped;

      /* Who stopped the map meanwhile could not stop what was not submitted. */
      aioproc_mutex_lock (&self->mutex);
      is_stopped = self->error != NULL;
      is_cancelled = self->is_cancelled;
      aioproc_mutex_unlock (&self->mutex);

      if (is_stopped)
        map_stop_job (self, &chunk->parent, is_cancelled);

      return TRUE;
    }

  aioproc_mutex_lock (&self->mutex);
  self->chunks = g_list_remove_link (self->chunks, &chunk->chunk_link);
  self->n_outstanding--;
  aioproc_mutex_unlock (&self->mutex);

  return FALSE;
}

/* Makes chunks as long as there is room for them; in one thread, which @is_filling stands for. */
static void
map_go_on (Map *self)
{
  gsize first;

  while (map_claim (self, &first))
    {
      GError *error = NULL;
      ChunkJob *chunk = make_chunk (self, first, &error);

      if (chunk == NULL || !map_add (self, chunk, &error))
        {
          aioproc_mutex_lock (&self->mutex);
          set_error_locked (self, first, error);
          aioproc_mutex_unlock (&self->mutex);
          map_stop (self);
        }

      if (chunk != NULL)
        aioproc_pool_job_unref (&chunk->parent);
    }
}

static void
map_fill (Map *self)
{
  gboolean was_filling;

  aioproc_mutex_lock (&self->mutex);
  was_filling = self->is_filling;
  self->is_filling = TRUE;
  aioproc_mutex_unlock (&self->mutex);

  if (!was_filling)
    map_go_on (self);
}

static void
map_begin (gpointer data)
{
  g_autoptr(Map) self = data;

  map_go_on (self);
  map_settle (self);
}

/* --- Public --- */

/**
 * aioproc_pool_map:
 * @self: a pool
 * @function: the name of a function of the worker program
 * @items: (array length=n_items): the arguments of each call, of any types without handles. Those
 *   that are floating are consumed
 * @n_items: how many calls there are
 * @chunk_size: how many calls go to a worker together, or 0 to have that found out
 * @cancellable: (nullable): a [class@Gio.Cancellable], or `NULL`
 * @error: return location for a [type@GLib.Error]
 *
 * Has workers call a function once for each item, and waits for all results.
 *
 * See [method@Pool.map_async], which is the form for programs with a main loop.
 *
 * Errors: those of [method@Pool.map_async].
 *
 * Returns: (transfer container) (element-type GLib.Variant): what the calls returned, in the
 *   order of @items, or `NULL`
 *
 * Since: 0.1
 */
GPtrArray *
aioproc_pool_map (AioprocPool   *self,
                  const char    *function,
                  GVariant     **items,
                  gsize          n_items,
                  guint          chunk_size,
                  GCancellable  *cancellable,
                  GError       **error)
{
  g_autoptr(Map) map = NULL;
  AioprocPoolCore *core;
  GError *wait_error = NULL;

  g_return_val_if_fail (AIOPROC_IS_POOL (self), NULL);
  g_return_val_if_fail (function != NULL, NULL);
  g_return_val_if_fail (items != NULL || n_items == 0, NULL);
  g_return_val_if_fail (n_items <= G_MAXUINT, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  AIOPROC_DEBUG_CHECK_BLOCKING (-1);

  core = aioproc_pool_get_core (self, error);
  if (core == NULL || g_cancellable_set_error_if_cancelled (cancellable, error) ||
      !aioproc_pool_core_admit (core, error))
    {
      discard_items (items, n_items);
      return NULL;
    }

  map = map_new (self, core, function, items, n_items, chunk_size);
  map->is_waited_for = TRUE;
  map_begin (map_ref (map));

  if (!aioproc_pool_core_wait (core, &map->is_over, cancellable, &wait_error))
    {
      map_cancel (map, wait_error);
      /* All that is left of it has ended, and is told by the threads that did it. */
      aioproc_pool_core_wait (core, &map->is_over, NULL, NULL);
    }

  if (map->error != NULL)
    {
      g_propagate_error (error, g_error_copy (map->error));
      return NULL;
    }

  return map_take_results (map);
}

static void
map_cancelled_cb (GCancellable *cancellable,
                  gpointer      user_data)
{
  Map *self = user_data;

  map_cancel (self, g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED,
                                 "The map of “%s” was cancelled", self->function));
}

static void
map_release (gpointer data)
{
  map_unref (data);
}

/**
 * aioproc_pool_map_async:
 * @self: a pool
 * @function: the name of a function of the worker program
 * @items: (array length=n_items): the arguments of each call, of any types without handles. Those
 *   that are floating are consumed
 * @n_items: how many calls there are
 * @chunk_size: how many calls go to a worker together, or 0 to have that found out
 * @cancellable: (nullable): a [class@Gio.Cancellable], or `NULL`
 * @callback: (scope async): what to call when there are all results
 * @user_data: data for @callback
 *
 * Has workers call a function once for each item.
 *
 * An item is the arguments of one call, a tuple for a function of several: what other libraries
 * call “starmap” is the same. Without items, the result is empty.
 *
 * Items go to the workers in chunks, which are tasks of the pool. Of calls that take long, each
 * should be a chunk of its own; of short ones, a chunk should take a millisecond or more. Without a
 * @chunk_size there are about four chunks for each worker.
 *
 * When a call fails, no more chunks are begun, and those that were are brought to their end, but
 * for a chunk in which a call has failed, which ends there. The error is that of the earliest item
 * of those that were called and have failed; its message begins with the number of that item, from
 * 0 on.
 *
 * Errors: those of [method@Pool.apply_async], for any of the calls.
 *
 * Since: 0.1
 */
void
aioproc_pool_map_async (AioprocPool          *self,
                        const char           *function,
                        GVariant            **items,
                        gsize                 n_items,
                        guint                 chunk_size,
                        GCancellable         *cancellable,
                        GAsyncReadyCallback   callback,
                        gpointer              user_data)
{
  g_autoptr(GTask) task = NULL;
  g_autoptr(Map) map = NULL;
  AioprocPoolCore *core;
  GError *error = NULL;

  g_return_if_fail (AIOPROC_IS_POOL (self));
  g_return_if_fail (function != NULL);
  g_return_if_fail (items != NULL || n_items == 0);
  g_return_if_fail (n_items <= G_MAXUINT);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, aioproc_pool_map_async);
  g_task_set_check_cancellable (task, FALSE);

  core = aioproc_pool_get_core (self, &error);
  if (core == NULL || g_cancellable_set_error_if_cancelled (cancellable, &error) ||
      !aioproc_pool_core_admit (core, &error))
    {
      discard_items (items, n_items);
      g_task_return_error (task, error);
      return;
    }

  map = map_new (self, core, function, items, n_items, chunk_size);
  map->task = g_object_ref (task);

  if (cancellable != NULL)
    map->cancelled_id = g_cancellable_connect (cancellable, G_CALLBACK (map_cancelled_cb),
                                               map_ref (map), map_release);

  map_ref (map);
  if (n_items <= MAX_ITEMS_IN_PLACE || !aioproc_waiter_run_work (map_begin, map))
    map_begin (map);
}

/**
 * aioproc_pool_map_finish:
 * @self: a pool
 * @result: the result given to the callback
 * @error: return location for a [type@GLib.Error]
 *
 * Finishes [method@Pool.map_async].
 *
 * Errors: those of [method@Pool.map_async].
 *
 * Returns: (transfer container) (element-type GLib.Variant): what the calls returned, in the
 *   order of the items, or `NULL`
 *
 * Since: 0.1
 */
GPtrArray *
aioproc_pool_map_finish (AioprocPool   *self,
                         GAsyncResult  *result,
                         GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_POOL (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, aioproc_pool_map_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
