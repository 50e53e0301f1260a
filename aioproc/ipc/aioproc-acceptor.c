/* aioproc-acceptor.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-acceptor-private.h"

#include <sys/socket.h>
#include <unistd.h>

#include <gio/gunixsocketaddress.h>

#include "ipc/aioproc-address-private.h"
#include "ipc/aioproc-listening-socket-private.h"
#include "ipc/aioproc-stream-thread-private.h"
#include "platform/aioproc-fds-private.h"

/* Where it listens, and what is to be removed from there in the end. */
static gboolean
aioproc_acceptor_listen (AioprocAcceptor  *self,
                         GSocketAddress   *address,
                         GError          **error)
{
  g_autoptr(AioprocSocketPath) path = NULL;
  g_autoptr(GSocketAddress) fresh = NULL;

  if (address == NULL)
    {
      path = aioproc_socket_path_new_private (error);

      if (path == NULL)
        return FALSE;

      fresh = g_unix_socket_address_new (aioproc_socket_path_get_name (path));
      address = fresh;
    }
  else if (aioproc_address_is_unix (address) &&
           g_unix_socket_address_get_address_type (G_UNIX_SOCKET_ADDRESS (address)) ==
             G_UNIX_SOCKET_ADDRESS_PATH)
    {
      path = aioproc_socket_path_new (
        g_unix_socket_address_get_path (G_UNIX_SOCKET_ADDRESS (address)));
    }

  if (!aioproc_security_check_address (self->security, address, error))
    return FALSE;

  self->fd = aioproc_listening_socket_new (address, &self->address, error);

  if (self->fd < 0)
    return FALSE;

  if (path != NULL)
    aioproc_socket_path_set_bound (path);

  self->path = g_steal_pointer (&path);

  return TRUE;
}

AioprocAcceptor *
aioproc_acceptor_new (GSocketAddress   *address,
                      AioprocSecurity  *security,
                      guint             backlog,
                      GError          **error)
{
  GMainContext *context = aioproc_stream_thread_get_context (error);
  g_autoptr(AioprocAcceptor) self = NULL;

  if (context == NULL)
    return NULL;

  self = g_new0 (AioprocAcceptor, 1);
  g_atomic_ref_count_init (&self->ref_count);
  aioproc_mutex_init (&self->mutex);
  self->pid = getpid ();
  self->context = context;
  self->security = g_object_ref (security);
  self->backlog = backlog;
  self->fd = -1;

  if (!aioproc_acceptor_listen (self, address, error))
    return NULL;

  self->door = aioproc_acceptor_new_door (self);
  g_source_attach (self->door, context);

  return g_steal_pointer (&self);
}

AioprocAcceptor *
aioproc_acceptor_ref (AioprocAcceptor *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
aioproc_acceptor_unref (AioprocAcceptor *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_assert (self->fd < 0 && self->ops.length == 0 && self->arrivals.length == 0);
  g_object_unref (self->security);
  g_clear_object (&self->address);
  g_clear_object (&self->last_accepted);
  g_clear_error (&self->last_refusal);
  aioproc_mutex_clear (&self->mutex);
  g_free (self);
}

void
aioproc_arrival_free (AioprocArrival *arrival)
{
  g_clear_object (&arrival->connection);
  g_clear_object (&arrival->address);
  g_free (arrival);
}

/* In the streams' thread. */
static gboolean
aioproc_acceptor_send_away_cb (gpointer user_data)
{
  g_autoptr(AioprocAcceptor) self = user_data;

  for (GList *link = self->greetings.head; link != NULL; link = link->next)
    aioproc_greeting_give_up (link->data, g_error_new (G_IO_ERROR, G_IO_ERROR_CLOSED,
                                                       "The listener was closed"));

  return G_SOURCE_REMOVE;
}

gboolean
aioproc_acceptor_close (AioprocAcceptor *self)
{
  g_autoptr(GSource) door = NULL;
  g_autoptr(GSource) end = NULL;
  GQueue arrivals = G_QUEUE_INIT;
  int fd;

  /* What a forked child has is a copy, whose mutex may be locked for ever. */
  if (self->pid != getpid ())
    {
      aioproc_fds_close_all (&self->fd, 1);
      return FALSE;
    }

  aioproc_mutex_lock (&self->mutex);
  door = g_steal_pointer (&self->door);
  fd = g_steal_fd (&self->fd);

  while (self->arrivals.head != NULL)
    g_queue_push_tail_link (&arrivals, g_queue_pop_head_link (&self->arrivals));

  aioproc_watches_notify (&self->watches);
  aioproc_mutex_unlock (&self->mutex);

  if (door == NULL)
    return FALSE;

  /* The streams' thread may be looking at it, and hold it open for a moment. */
  shutdown (fd, SHUT_RDWR);
  g_source_destroy (door);
  aioproc_fds_close_all (&fd, 1);
  g_clear_pointer (&self->path, aioproc_socket_path_remove);
  g_queue_clear_full (&arrivals, (GDestroyNotify) aioproc_arrival_free);
  aioproc_acceptor_end_ops (self);

  end = g_idle_source_new ();
  g_source_set_static_name (end, "[aioproc] a listener was closed");
  g_source_set_priority (end, G_PRIORITY_DEFAULT);
  g_source_set_callback (end, aioproc_acceptor_send_away_cb, aioproc_acceptor_ref (self), NULL);
  g_source_attach (end, self->context);

  return TRUE;
}

gboolean
aioproc_acceptor_is_closed (AioprocAcceptor *self)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->fd < 0;
}

gboolean
aioproc_acceptor_is_ready (AioprocAcceptor *self)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->fd < 0 || self->arrivals.length > 0;
}

void
aioproc_acceptor_note_locked (AioprocAcceptor *self,
                              AioprocArrival  *arrival)
{
  GSocketAddress *before = self->last_accepted;

  self->last_accepted = arrival->address;
  arrival->address = before;
}

AioprocArrival *
aioproc_acceptor_take_locked (AioprocAcceptor *self)
{
  AioprocArrival *arrival = g_queue_pop_head (&self->arrivals);

  if (arrival == NULL)
    return NULL;

  aioproc_acceptor_note_locked (self, arrival);

  if (self->is_full)
    {
      self->is_full = FALSE;
      g_source_set_ready_time (self->door, 0);
    }

  return arrival;
}

/* --- One of many --- */

gboolean
aioproc_acceptor_watch (AioprocAcceptor *self,
                        AioprocWatch    *watch)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  aioproc_watch_link (watch, &self->watches, -1, 0);

  return self->fd < 0 || self->arrivals.length > 0;
}

void
aioproc_acceptor_unwatch (AioprocAcceptor *self,
                          AioprocWatch    *watch)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  aioproc_watch_unlink (watch, &self->watches);
}
