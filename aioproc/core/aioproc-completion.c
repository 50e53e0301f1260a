/* aioproc-completion.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-completion-private.h"

#include <pthread.h>
#include <stdatomic.h>

#include "core/aioproc-mutex-private.h"

/* What a GTask does by itself, a source for each completion, costs twice as much as one source for
 * all that are ready, and calls back from inside the call that completes it when that is made in
 * the right context. Here a context keeps one source from its first completion on.
 *
 * A source is not attached, and given no ready time, by the thread that completes: GLib wakes the
 * context's thread while it holds the context's mutex, on which that thread then stops at once, to
 * be woken again. The source says itself whether it is ready, and the context is woken with no
 * mutex held.
 */

/* How many completions one dispatch does before it lets the context see to other sources. */
#define BATCH_MAX 64

typedef struct {
  GTask                 *task;   /* (owned) */
  AioprocCompletionFunc  func;
  gpointer               data;
} Completion;

typedef struct {
  GSource          source;
  GMainContext    *context;      /* immutable; alive while tasks of it are */
  GQueue           completions;  /* (element-type Completion); protected by @completion_mutex */
  _Atomic guint32  n_queued;     /* (atomic) the length of @completions */
  _Atomic guint32  asleep;       /* (atomic) the context was told that there is nothing to do */
} CompletionSource;

/* Guards the fields above, and @sources. Innermost: nothing is called with it held but GLib's
 * own functions on sources.
 */
static AioprocMutex completion_mutex;
/* (element-type GMainContext CompletionSource): all contexts that have had a completion. */
static GHashTable *sources;

static void
completion_free (Completion *completion)
{
  g_clear_object (&completion->task);
  g_free (completion);
}

static gboolean
aioproc_completion_source_prepare (GSource *source,
                                   int     *timeout)
{
  CompletionSource *self = (CompletionSource *) source;

  *timeout = -1;

  /* This store before that load; partner: aioproc_completion_push(). */
  atomic_store (&self->asleep, 1);

  if (atomic_load (&self->n_queued) == 0)
    return FALSE;

  atomic_store (&self->asleep, 0);

  return TRUE;
}

static gboolean
aioproc_completion_source_check (GSource *source)
{
  CompletionSource *self = (CompletionSource *) source;

  atomic_store (&self->asleep, 0);

  return atomic_load (&self->n_queued) > 0;
}

static gboolean
aioproc_completion_source_dispatch (GSource     *source,
                                    GSourceFunc  callback,
                                    gpointer     user_data)
{
  CompletionSource *self = (CompletionSource *) source;
  /* Not those of operations that the callbacks start: a GTask that is returned in the iteration of
   * the context in which it was made comes back through a source of its own, behind later ones.
   */
  guint n_batch = MIN (atomic_load (&self->n_queued), BATCH_MAX);

  for (guint i = 0; i < n_batch; i++)
    {
      Completion *completion;

      aioproc_mutex_lock (&completion_mutex);
      completion = g_queue_pop_head (&self->completions);

      if (completion != NULL)
        atomic_fetch_sub (&self->n_queued, 1);

      aioproc_mutex_unlock (&completion_mutex);

      if (completion == NULL)
        break;

      completion->func (completion->task, completion->data);
      completion_free (completion);
    }

  return G_SOURCE_CONTINUE;
}

/* With its context, when nothing is left to be done: each task keeps the context. */
static void
aioproc_completion_source_dispose (GSource *source)
{
  CompletionSource *self = (CompletionSource *) source;

  aioproc_mutex_lock (&completion_mutex);

  if (g_hash_table_lookup (sources, self->context) == self)
    g_hash_table_remove (sources, self->context);

  aioproc_mutex_unlock (&completion_mutex);
}

static GSourceFuncs completion_source_funcs = {
  .prepare = aioproc_completion_source_prepare,
  .check = aioproc_completion_source_check,
  .dispatch = aioproc_completion_source_dispatch,
};

static void
aioproc_completion_forked_child (void)
{
  aioproc_mutex_init (&completion_mutex);
}

static CompletionSource *
aioproc_completion_source_new (GMainContext *context)
{
  GSource *source = g_source_new (&completion_source_funcs, sizeof (CompletionSource));
  CompletionSource *self = (CompletionSource *) source;

  g_source_set_static_name (source, "[aioproc] completions");
  g_source_set_dispose_function (source, aioproc_completion_source_dispose);
  /* A callback may run a main loop of its own and wait there for the next completion. */
  g_source_set_can_recurse (source, TRUE);
  self->context = context;
  g_queue_init (&self->completions);

  return self;
}

gboolean
aioproc_completion_is_idle (GMainContext *context)
{
  AIOPROC_MUTEX_AUTO_LOCK (&completion_mutex, locker);
  CompletionSource *source = sources != NULL ? g_hash_table_lookup (sources, context) : NULL;

  return source == NULL || atomic_load (&source->n_queued) == 0;
}

void
aioproc_completion_push (GTask                 *task,
                         AioprocCompletionFunc  func,
                         gpointer               data)
{
  /* A reference of our own: the task may be done, and gone, before the context is woken. */
  g_autoptr(GMainContext) context = g_main_context_ref (g_task_get_context (task));
  Completion *completion = g_new (Completion, 1);
  CompletionSource *source;
  gboolean asleep;

  completion->task = task;
  completion->func = func;
  completion->data = data;

  aioproc_mutex_lock (&completion_mutex);

  if (sources == NULL)
    {
      sources = g_hash_table_new (NULL, NULL);
      pthread_atfork (NULL, NULL, aioproc_completion_forked_child);
    }

  source = g_hash_table_lookup (sources, context);

  if (source == NULL)
    {
      source = aioproc_completion_source_new (context);
      g_hash_table_insert (sources, context, source);
      /* Under the mutex, since until it is attached nobody may complete on it. */
      g_source_attach (&source->source, context);
      g_source_unref (&source->source);
    }

  g_queue_push_tail (&source->completions, completion);
  /* This store before that load; partner: aioproc_completion_source_prepare(). */
  atomic_fetch_add (&source->n_queued, 1);
  asleep = atomic_exchange (&source->asleep, 0) != 0;

  aioproc_mutex_unlock (&completion_mutex);

  if (asleep)
    g_main_context_wakeup (context);
}
