/* aioproc-completion.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-completion-private.h"

#include <pthread.h>

#include "core/aioproc-mutex-private.h"

/* What a GTask does by itself, a source for each completion, costs twice as much as one source for
 * all that are ready, and calls back from inside the call that completes it when that is made in
 * the right context. Here a context has one source while there is anything to complete. */

/* How many completions one dispatch does before it lets the context see to other sources. */
#define BATCH_MAX 64

typedef struct {
  GTask                 *task;   /* (owned) */
  AioprocCompletionFunc  func;
  gpointer               data;
} Completion;

typedef struct {
  GSource  source;
  GQueue   completions;          /* (element-type Completion); protected by @completion_mutex */
  gboolean listed;               /* protected by @completion_mutex */
} CompletionSource;

/* Guards the fields above, and @sources. Innermost: nothing is called with it held but GLib's
 * own functions on sources.
 */
static AioprocMutex completion_mutex;
/* (element-type GMainContext CompletionSource): contexts with a source that takes more. */
static GHashTable *sources;

static void
completion_free (Completion *completion)
{
  g_clear_object (&completion->task);
  g_free (completion);
}

static gboolean
aioproc_completion_source_dispatch (GSource     *source,
                                    GSourceFunc  callback,
                                    gpointer     user_data)
{
  CompletionSource *self = (CompletionSource *) source;

  for (guint i = 0; i < BATCH_MAX; i++)
    {
      Completion *completion;

      aioproc_mutex_lock (&completion_mutex);
      completion = g_queue_pop_head (&self->completions);

      if (completion == NULL && self->listed)
        {
          g_hash_table_remove (sources, g_source_get_context (source));
          self->listed = FALSE;
        }

      aioproc_mutex_unlock (&completion_mutex);

      if (completion == NULL)
        return G_SOURCE_REMOVE;

      completion->func (completion->task, completion->data);
      completion_free (completion);
    }

  return G_SOURCE_CONTINUE;
}

/* Also when the context ends with completions undone, as GTask's own then are too. */
static void
aioproc_completion_source_dispose (GSource *source)
{
  CompletionSource *self = (CompletionSource *) source;
  GHashTableIter iter;
  gpointer value;

  aioproc_mutex_lock (&completion_mutex);

  if (self->listed)
    {
      g_hash_table_iter_init (&iter, sources);

      while (g_hash_table_iter_next (&iter, NULL, &value))
        {
          if (value == self)
            g_hash_table_iter_remove (&iter);
        }

      self->listed = FALSE;
    }

  aioproc_mutex_unlock (&completion_mutex);
}

static void
aioproc_completion_source_finalize (GSource *source)
{
  CompletionSource *self = (CompletionSource *) source;

  g_queue_clear_full (&self->completions, (GDestroyNotify) completion_free);
}

static GSourceFuncs completion_source_funcs = {
  .dispatch = aioproc_completion_source_dispatch,
  .finalize = aioproc_completion_source_finalize,
};

static void
aioproc_completion_forked_child (void)
{
  aioproc_mutex_init (&completion_mutex);
}

static CompletionSource *
aioproc_completion_source_new (void)
{
  GSource *source = g_source_new (&completion_source_funcs, sizeof (CompletionSource));

  g_source_set_static_name (source, "[aioproc] completions");
  g_source_set_dispose_function (source, aioproc_completion_source_dispose);
  g_source_set_ready_time (source, 0);
  /* A callback may run a main loop of its own and wait there for the next completion. */
  g_source_set_can_recurse (source, TRUE);
  g_queue_init (&((CompletionSource *) source)->completions);

  return (CompletionSource *) source;
}

void
aioproc_completion_push (GTask                 *task,
                         AioprocCompletionFunc  func,
                         gpointer               data)
{
  GMainContext *context = g_task_get_context (task);
  Completion *completion = g_new (Completion, 1);
  CompletionSource *source;
  gboolean fresh = FALSE;

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
      source = aioproc_completion_source_new ();
      source->listed = TRUE;
      g_hash_table_insert (sources, context, source);
      fresh = TRUE;
    }

  g_queue_push_tail (&source->completions, completion);

  if (fresh)
    {
      /* Attached under the mutex: else a second thread might find the source before it has a
       * context.
       */
      g_source_attach (&source->source, context);
      g_source_unref (&source->source);
    }

  aioproc_mutex_unlock (&completion_mutex);
}
