/* aioproc-child-instance.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process/aioproc-child-instance-private.h"

#include <pthread.h>

/* Of all that exist: a forked child has to make them usable for itself. Taken with no other held.
 */
static AioprocMutex all_mutex;
static AioprocChild *all_children;   /* protected by @all_mutex */

static void
prepare_fork (void)
{
  aioproc_mutex_lock (&all_mutex);
}

static void
continue_parent (void)
{
  aioproc_mutex_unlock (&all_mutex);
}

/* The workers stay the parent's, and so does what is to be told of them. Their descriptors are
 * closed by who keeps them. Async-signal-safe.
 */
static void
begin_child (void)
{
  for (AioprocChild *self = all_children; self != NULL; self = self->next)
    {
      aioproc_mutex_init (&self->mutex);
      self->is_foreign = TRUE;
    }

  aioproc_mutex_unlock (&all_mutex);
}

static void
link_child (AioprocChild *self)
{
  static gsize initialized;

  if (g_once_init_enter (&initialized))
    {
      int result = pthread_atfork (prepare_fork, continue_parent, begin_child);

      if (result != 0)
        g_error ("Could not install the fork handlers of Aioproc: %s", g_strerror (result));

      g_once_init_leave (&initialized, 1);
    }

  aioproc_mutex_lock (&all_mutex);

  self->next = all_children;

  if (all_children != NULL)
    all_children->previous = self;

  all_children = self;

  aioproc_mutex_unlock (&all_mutex);
}

static void
unlink_child (AioprocChild *self)
{
  AIOPROC_MUTEX_AUTO_LOCK (&all_mutex, locker);

  if (self->previous != NULL)
    self->previous->next = self->next;
  else
    all_children = self->next;

  if (self->next != NULL)
    self->next->previous = self->previous;
}

AioprocChild *
aioproc_child_new (AioprocChildSpec      *spec,
                   const AioprocChildOps *ops,
                   gpointer               user_data,
                   GDestroyNotify         destroy)
{
  AioprocChild *self = g_new0 (AioprocChild, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->spec = aioproc_child_spec_ref (spec);
  self->ops = ops;
  self->user_data = user_data;
  self->destroy = destroy;
  aioproc_mutex_init (&self->mutex);
  g_queue_init (&self->outgoing);
  aioproc_parent_fd_init (&self->pidfd);
  aioproc_parent_fd_init (&self->control);
  aioproc_parent_fd_init (&self->hangup);

  /* Here, not on the monitor: the caller's program may change its environment as soon as this
   * returns.
   */
  if (spec->environment != NULL)
    self->environment = g_strdupv (spec->environment);
  else if (spec->method != AIOPROC_CHILD_FORK)
    self->environment = g_get_environ ();

  link_child (self);

  return self;
}

AioprocChild *
aioproc_child_ref (AioprocChild *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
aioproc_child_unref (AioprocChild *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  unlink_child (self);
  aioproc_parent_fd_close (&self->pidfd);
  aioproc_mutex_clear (&self->mutex);
  g_strfreev (self->environment);
  aioproc_child_spec_unref (self->spec);
  g_free (self);
}

void
aioproc_child_drop_outgoing (AioprocChild *self)
{
  GQueue dropped;

  aioproc_mutex_lock (&self->mutex);
  dropped = self->outgoing;
  g_queue_init (&self->outgoing);
  aioproc_mutex_unlock (&self->mutex);

  g_queue_clear_full (&dropped, (GDestroyNotify) aioproc_frame_free);
}

void
aioproc_child_drop_all (gpointer data)
{
  for (AioprocChild *self = all_children; self != NULL; self = self->next)
    {
      aioproc_child_drop_outgoing (self);
      g_clear_pointer (&self->reader, aioproc_frame_reader_free);
    }
}
