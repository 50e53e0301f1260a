/* aioproc-link-pump.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <poll.h>
#include <stdatomic.h>

#include <glib-unix.h>

#include "ipc/aioproc-link-private.h"

/* One for each main context that has pending operations, as long as it has, and until that context
 * goes on: most that have just had their way start the next.
 */
struct _AioprocLinkPump {
  GSource       source;
  AioprocLink  *link;            /* (owned) */
  GMainContext *context;         /* kept by the tasks of the operations */

  /* All protected by the link's mutex. */
  guint         n_receives;      /* and polls */
  guint         n_sends;
  gpointer      receive_tag;     /* (nullable) of the descriptor */
  gpointer      send_tag;        /* (nullable) of the descriptor */
  gint64        ready_usec;

  _Atomic guint is_idle;         /* (atomic) nothing is pending */
};

static void
remove_pump_locked (AioprocLink     *self,
                    AioprocLinkPump *pump)
{
  self->pumps = g_slist_remove (self->pumps, pump);
  g_source_destroy (&pump->source);
  g_source_unref (&pump->source);
}

static gboolean
aioproc_link_pump_prepare (GSource *source,
                           int     *timeout_msec)
{
  AioprocLinkPump *self = (AioprocLinkPump *) source;
  AioprocLink *link = self->link;
  GQueue done = G_QUEUE_INIT;

  *timeout_msec = -1;

  if (!atomic_load (&self->is_idle))
    return FALSE;

  aioproc_link_lock (link);

  /* And nobody else has removed it, or used it again. */
  if (atomic_load (&self->is_idle) && !g_source_is_destroyed (source))
    remove_pump_locked (link, self);

  aioproc_link_unlock (link, &done);

  return FALSE;
}

static gboolean
aioproc_link_pump_dispatch (GSource     *source,
                            GSourceFunc  callback,
                            gpointer     user_data)
{
  AioprocLinkPump *self = (AioprocLinkPump *) source;
  AioprocLink *link = self->link;
  GQueue done = G_QUEUE_INIT;

  aioproc_link_lock (link);
  aioproc_link_expire_locked (link, &done);
  aioproc_link_serve_from (link, source, FALSE, &done);

  return G_SOURCE_CONTINUE;
}

static void
aioproc_link_pump_finalize (GSource *source)
{
  AioprocLinkPump *self = (AioprocLinkPump *) source;

  aioproc_link_unref (self->link);
}

static GSourceFuncs pump_source_funcs = {
  .prepare = aioproc_link_pump_prepare,
  .dispatch = aioproc_link_pump_dispatch,
  .finalize = aioproc_link_pump_finalize,
};

static AioprocLinkPump *
find_pump_locked (AioprocLink  *self,
                  GMainContext *context)
{
  for (GSList *link = self->pumps; link != NULL; link = link->next)
    {
      AioprocLinkPump *pump = link->data;

      if (pump->context == context)
        return pump;
    }

  return NULL;
}

static AioprocLinkPump *
make_pump_locked (AioprocLink  *self,
                  GMainContext *context,
                  int           priority)
{
  GSource *source = g_source_new (&pump_source_funcs, sizeof (AioprocLinkPump));
  AioprocLinkPump *pump = (AioprocLinkPump *) source;

  g_source_set_static_name (source, "[aioproc] connection");
  g_source_set_priority (source, priority);
  /* A callback may run a main loop of its own and wait there for the next message. */
  g_source_set_can_recurse (source, TRUE);
  pump->link = aioproc_link_ref (self);
  pump->context = context;
  pump->ready_usec = -1;
  self->pumps = g_slist_prepend (self->pumps, pump);
  g_source_attach (source, context);

  return pump;
}

void
aioproc_link_pump_add_locked (AioprocLink   *self,
                              AioprocLinkOp *op)
{
  GMainContext *context = g_task_get_context (op->task);
  AioprocLinkPump *pump = find_pump_locked (self, context);
  int priority = g_task_get_priority (op->task);

  /* An idle one may be that of a former context, which is gone. */
  if (pump != NULL && atomic_load (&pump->is_idle) &&
      (g_source_is_destroyed (&pump->source) ||
       g_source_get_priority (&pump->source) != priority))
    remove_pump_locked (self, g_steal_pointer (&pump));

  if (pump == NULL)
    pump = make_pump_locked (self, context, priority);

  atomic_store (&pump->is_idle, FALSE);

  if (op->kind == AIOPROC_LINK_SEND)
    pump->n_sends++;
  else
    pump->n_receives++;

  op->pump = pump;
}

void
aioproc_link_pump_remove_locked (AioprocLinkOp *op)
{
  AioprocLinkPump *pump = g_steal_pointer (&op->pump);

  if (op->kind == AIOPROC_LINK_SEND)
    pump->n_sends--;
  else
    pump->n_receives--;
}

short
aioproc_link_wanted_locked (AioprocLink *self)
{
  AioprocLinkOp *first = g_queue_peek_head (&self->sends);
  short wanted = 0;

  if (self->is_closed)
    return 0;

  if ((self->receives.length > 0 || self->polls.length > 0) && !self->is_parsing)
    wanted |= POLLIN;

  if (first != NULL && !first->is_encoding)
    wanted |= POLLOUT;

  return wanted;
}

/* Watched for nothing, a descriptor would still tell of a hang-up, again and again. */
static void
watch (GSource      *source,
       gpointer     *tag,
       int           fd,
       GIOCondition  wanted)
{
  if (wanted == 0 && *tag != NULL)
    g_source_remove_unix_fd (source, g_steal_pointer (tag));
  else if (wanted != 0 && *tag == NULL)
    *tag = g_source_add_unix_fd (source, fd, wanted);
}

static void
update_pump_locked (AioprocLink     *self,
                    AioprocLinkPump *pump,
                    short            wanted)
{
  GSource *source = &pump->source;

  watch (source, &pump->receive_tag, self->fd,
         pump->n_receives > 0 ? (GIOCondition) (wanted & POLLIN) : 0);
  watch (source, &pump->send_tag, self->send_fd,
         pump->n_sends > 0 ? (GIOCondition) (wanted & POLLOUT) : 0);

  if (pump->ready_usec != self->first_deadline_usec)
    {
      pump->ready_usec = self->first_deadline_usec;
      g_source_set_ready_time (source, pump->ready_usec);
    }
}

/* Blocking operations that could not look at the socket when they went to sleep. */
static void
wake_dozing_locked (GQueue   *ops,
                    gboolean  is_wanted)
{
  if (!is_wanted)
    return;

  for (GList *link = ops->head; link != NULL; link = link->next)
    {
      AioprocLinkOp *op = link->data;

      if (op->dozes)
        aioproc_link_wake (op->wake_fd);
    }
}

void
aioproc_link_pumps_update_locked (AioprocLink *self)
{
  short wanted = aioproc_link_wanted_locked (self);
  GSList *next;

  if (self->n_dozing > 0)
    {
      wake_dozing_locked (&self->receives, (wanted & POLLIN) != 0);
      wake_dozing_locked (&self->polls, (wanted & POLLIN) != 0);
      wake_dozing_locked (&self->sends, (wanted & POLLOUT) != 0);
    }

  for (GSList *link = self->pumps; link != NULL; link = next)
    {
      AioprocLinkPump *pump = link->data;

      next = link->next;

      if (pump->n_receives > 0 || pump->n_sends > 0)
        update_pump_locked (self, pump, wanted);
      else if (self->is_closed)
        remove_pump_locked (self, pump);
      else
        atomic_store (&pump->is_idle, TRUE);
    }
}

/* --- One of many --- */

gboolean
aioproc_link_watch (AioprocLink  *self,
                    AioprocWatch *watch)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  aioproc_watch_link (watch, &self->watches, self->is_parsing ? -1 : self->fd, POLLIN);

  /* What is still in the socket the descriptor tells. */
  return aioproc_link_has_held_locked (self) || self->receive_end != NULL || self->is_closed ||
         (!self->is_parsing && aioproc_frame_reader_is_ahead (self->reader));
}

void
aioproc_link_unwatch (AioprocLink  *self,
                      AioprocWatch *watch)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  aioproc_watch_unlink (watch, &self->watches);
}
