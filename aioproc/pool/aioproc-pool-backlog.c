/* aioproc-pool-backlog.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "pool/aioproc-pool-backlog-private.h"

typedef struct {
  int    priority;
  GQueue jobs;        /* (element-type AioprocPoolJob); not empty */
} Level;

void
aioproc_pool_backlog_clear (AioprocPoolBacklog *self)
{
  g_assert (self->n_jobs == 0);

  g_clear_pointer (&self->levels, g_array_unref);
}

static Level *
get_level (AioprocPoolBacklog *self,
           guint               index)
{
  return &g_array_index (self->levels, Level, index);
}

/* Where the level of this priority is, or belongs. */
static guint
find_level (AioprocPoolBacklog *self,
            int                 priority)
{
  guint from = 0;
  guint to = self->levels->len;

  while (from < to)
    {
      const guint middle = from + (to - from) / 2;

      if (get_level (self, middle)->priority < priority)
        from = middle + 1;
      else
        to = middle;
    }

  return from;
}

static Level *
ensure_level (AioprocPoolBacklog *self,
              int                 priority)
{
  guint index;

  if (self->levels == NULL)
    self->levels = g_array_new (FALSE, TRUE, sizeof (Level));

  index = find_level (self, priority);

  if (index == self->levels->len || get_level (self, index)->priority != priority)
    {
      const Level level = { .priority = priority, .jobs = G_QUEUE_INIT };

      g_array_insert_val (self->levels, index, level);
    }

  return get_level (self, index);
}

void
aioproc_pool_backlog_push (AioprocPoolBacklog *self,
                           AioprocPoolJob     *job)
{
  g_queue_push_tail_link (&ensure_level (self, job->priority)->jobs, &job->link);
  self->n_jobs++;
}

void
aioproc_pool_backlog_push_front (AioprocPoolBacklog *self,
                                 AioprocPoolJob     *job)
{
  g_queue_push_head_link (&ensure_level (self, job->priority)->jobs, &job->link);
  self->n_jobs++;
}

AioprocPoolJob *
aioproc_pool_backlog_peek (AioprocPoolBacklog *self)
{
  return self->n_jobs > 0 ? g_queue_peek_head (&get_level (self, 0)->jobs) : NULL;
}

AioprocPoolJob *
aioproc_pool_backlog_remove (AioprocPoolBacklog *self,
                             AioprocPoolJob     *job)
{
  const guint index = find_level (self, job->priority);
  Level *level = get_level (self, index);

  g_assert (level->priority == job->priority);

  g_queue_unlink (&level->jobs, &job->link);
  self->n_jobs--;

  if (g_queue_is_empty (&level->jobs))
    g_array_remove_index (self->levels, index);

  return job;
}
