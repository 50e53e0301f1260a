/* aioproc-word-watch.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-word-watch-private.h"

#include "core/aioproc-mutex-private.h"
#include "core/aioproc-wait-group-private.h"

struct _AioprocWordWatch {
  /* Immutable after construction. */
  AioprocWaitQueue        *queue;            /* (owned) with one operation, or none */
  const AioprocWaitOps    *ops;
  gpointer                 object;           /* which owns this */

  AioprocMutex             mutex;
  AioprocWatches           watches;          /* protected by @mutex */
  gboolean                 is_armed;         /* the operation is under way, and keeps the object;
                                              * protected by @mutex */
  guint                    fork_generation;  /* of this process; protected by @mutex */

  AioprocWordWatchRequest  request;          /* of the operation */
};

AioprocWordWatch *
aioproc_word_watch_new (AioprocShm           *shm,
                        _Atomic guint32      *word,
                        gpointer              object,
                        const AioprocWaitOps *ops)
{
  AioprocWordWatch *self = g_new0 (AioprocWordWatch, 1);

  self->queue = aioproc_wait_queue_new (shm, word, object);
  self->ops = ops;
  self->object = object;
  self->fork_generation = aioproc_wait_group_get_fork_generation ();
  aioproc_mutex_init (&self->mutex);

  return self;
}

void
aioproc_word_watch_free (AioprocWordWatch *self)
{
  aioproc_wait_queue_free (self->queue);
  aioproc_mutex_clear (&self->mutex);
  g_free (self);
}

/* TRUE: the operation is that of the process which this one was forked from, and goes on there
 * only. The caller unrefs the object, without the mutex.
 */
static gboolean
check_fork_locked (AioprocWordWatch *self)
{
  guint generation = aioproc_wait_group_get_fork_generation ();
  gboolean was_armed = self->is_armed;

  if (G_LIKELY (self->fork_generation == generation))
    return FALSE;

  self->fork_generation = generation;
  self->is_armed = FALSE;

  return was_armed;
}

void
aioproc_word_watch_close (AioprocWordWatch *self)
{
  gboolean is_parents;

  aioproc_wait_queue_close (self->queue);

  aioproc_mutex_lock (&self->mutex);
  is_parents = check_fork_locked (self);
  aioproc_watches_notify (&self->watches);
  aioproc_mutex_unlock (&self->mutex);

  if (is_parents)
    self->ops->unref (self->object);
}

static void
disarm (AioprocWordWatch *self)
{
  aioproc_mutex_lock (&self->mutex);
  self->is_armed = FALSE;
  aioproc_watches_notify (&self->watches);
  aioproc_mutex_unlock (&self->mutex);

  self->ops->unref (self->object);
}

void
aioproc_word_watch_ended (gpointer            object,
                          AioprocWaitRequest *request)
{
  disarm (((AioprocWordWatchRequest *) request)->word_watch);
}

gboolean
aioproc_word_watch_add (AioprocWordWatch  *self,
                        AioprocWatch      *watch,
                        GError           **error)
{
  gboolean is_parents;
  gboolean is_first;

  aioproc_mutex_lock (&self->mutex);
  is_parents = check_fork_locked (self);
  is_first = !self->is_armed;
  self->is_armed = TRUE;
  aioproc_watch_link (watch, &self->watches, -1, 0);

  if (is_first && !is_parents)
    self->ops->ref (self->object);

  aioproc_mutex_unlock (&self->mutex);

  if (!is_first)
    return TRUE;

  self->request = (AioprocWordWatchRequest) { .word_watch = self };

  if (aioproc_wait_queue_start_bare (self->queue, self->ops, &self->request.parent, error))
    return TRUE;

  /* Others may have come who rely on it: they look, and try themselves. */
  disarm (self);

  return FALSE;
}

void
aioproc_word_watch_remove (AioprocWordWatch *self,
                           AioprocWatch     *watch)
{
  gboolean is_parents;

  aioproc_mutex_lock (&self->mutex);
  is_parents = check_fork_locked (self);
  aioproc_watch_unlink (watch, &self->watches);
  aioproc_mutex_unlock (&self->mutex);

  if (is_parents)
    self->ops->unref (self->object);
}
