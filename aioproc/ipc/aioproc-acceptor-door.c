/* aioproc-acceptor-door.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <string.h>

#include "ipc/aioproc-acceptor-private.h"
#include "platform/aioproc-fds-private.h"

/* How many may be in the middle of their handshake. Whoever comes when there are as many has one of
 * them sent away: if new ones were, those who say nothing could lock out all others.
 */
#define GREETINGS_MAX 64

/* How many are taken before those that are there already have a turn. Not so many that one who has
 * said something at once can be sent away before it is read.
 */
#define TURN_MAX 16

/* How far the peer can have come, and still be in the middle of it. */
#define N_STAGES 5

/* How long the door stays closed when something has run out. */
#define PAUSE_USEC (100 * 1000)

/* How often that is logged, at most. */
#define LOG_USEC (60 * G_USEC_PER_SEC)

typedef struct {
  GSource          source;
  AioprocAcceptor *acceptor;   /* (owned) */
  gpointer         tag;
} DoorSource;

static void
refuse (AioprocAcceptor *self,
        GError          *error)
{
  g_autoptr(GError) last = NULL;

  aioproc_mutex_lock (&self->mutex);

  if (self->fd >= 0)
    {
      self->n_refused++;
      last = g_steal_pointer (&self->last_refusal);
      self->last_refusal = g_error_copy (error);
    }

  aioproc_mutex_unlock (&self->mutex);
  g_debug ("A listener has refused somebody: %s", error->message);
}

static void
aioproc_acceptor_greeting_cb (AioprocGreeting   *greeting,
                              AioprocConnection *connection,
                              GError            *error,
                              gpointer           data)
{
  g_autoptr(AioprocAcceptor) self = data;

  g_queue_remove (&self->greetings, greeting);

  if (connection != NULL)
    {
      AioprocArrival *arrival = g_new0 (AioprocArrival, 1);

      arrival->connection = connection;
      arrival->address = g_object_ref (aioproc_greeting_get_remote (greeting));
      aioproc_acceptor_arrived (self, arrival);
    }
  else
    {
      refuse (self, error);
      g_error_free (error);
    }

  aioproc_greeting_free (greeting);
}

/* Those who say nothing make room for each other, and so do those who stop at any other point: how
 * many there are of a kind is what tells an attack from a peer that is about to go on.
 */
static void
make_room (AioprocAcceptor *self)
{
  guint counts[N_STAGES] = { 0 };
  guint most = 0;

  if (self->greetings.length < GREETINGS_MAX)
    return;

  for (GList *link = self->greetings.head; link != NULL; link = link->next)
    counts[MIN (aioproc_greeting_get_stage (link->data), N_STAGES - 1)]++;

  for (guint i = 1; i < N_STAGES; i++)
    {
      if (counts[i] > counts[most])
        most = i;
    }

  for (GList *link = self->greetings.head; link != NULL; link = link->next)
    {
      AioprocGreeting *greeting = link->data;

      if (MIN (aioproc_greeting_get_stage (greeting), N_STAGES - 1) != most)
        continue;

      g_queue_delete_link (&self->greetings, link);
      aioproc_greeting_give_up (greeting,
                                g_error_new (G_IO_ERROR, G_IO_ERROR_BUSY,
                                             "Too many others came before the handshake was over"));
      return;
    }
}

/* Takes @fd. */
static void
greet (AioprocAcceptor *self,
       int              fd)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GSocket) socket = g_socket_new_from_fd (fd, &error);
  g_autoptr(GSocketConnection) connection = NULL;

  if (socket == NULL)
    {
      aioproc_fds_close_all (&fd, 1);
      refuse (self, error);
      return;
    }

  if (!aioproc_security_check_user (self->security, socket, &error))
    {
      refuse (self, error);
      return;
    }

  make_room (self);
  connection = g_socket_connection_factory_create_connection (socket);
  g_queue_push_tail (&self->greetings,
                     aioproc_greeting_new (AIOPROC_HANDSHAKE_SERVER, connection, NULL,
                                           self->security, aioproc_acceptor_greeting_cb,
                                           aioproc_acceptor_ref (self)));
}

/* A descriptor for one who has connected, or -1 with errno. */
static int
accept_one (AioprocAcceptor *self)
{
  int saved_errno;
  int fd;

  aioproc_mutex_lock (&self->mutex);

  if (self->fd < 0)
    {
      fd = -1;
      errno = EAGAIN;
    }
  else if (self->arrivals.length >= self->backlog)
    {
      self->is_full = TRUE;
      fd = -1;
      errno = EBUSY;
    }
  else
    {
      fd = aioproc_fds_accept (self->fd);
    }

  saved_errno = errno;
  aioproc_mutex_unlock (&self->mutex);
  errno = saved_errno;

  return fd;
}

/* Whoever wants to come in waits meanwhile, in the system. */
static void
pause_door (DoorSource *door,
            int         reason)
{
  AioprocAcceptor *self = door->acceptor;
  gint64 now_usec = g_get_monotonic_time ();

  g_source_modify_unix_fd (&door->source, door->tag, 0);
  g_source_set_ready_time (&door->source, now_usec + PAUSE_USEC);

  if (now_usec < self->next_log_usec)
    return;

  self->next_log_usec = now_usec + LOG_USEC;
  g_message ("A listener takes nobody until it can: %s", g_strerror (reason));
}

static gboolean
door_dispatch (GSource     *source,
               GSourceFunc  callback,
               gpointer     user_data)
{
  DoorSource *door = (DoorSource *) source;
  AioprocAcceptor *self = door->acceptor;

  g_source_set_ready_time (source, -1);

  for (guint i = 0; i < TURN_MAX; i++)
    {
      int fd = accept_one (self);

      if (fd >= 0)
        {
          greet (self, fd);
          continue;
        }

      if (errno == EAGAIN)
        break;

      if (errno == EBUSY)
        /* Whoever accepts the first that has arrived wakes the door. */
        g_source_modify_unix_fd (source, door->tag, 0);
      else
        pause_door (door, errno);

      return G_SOURCE_CONTINUE;
    }

  g_source_modify_unix_fd (source, door->tag, G_IO_IN);

  return G_SOURCE_CONTINUE;
}

static void
door_finalize (GSource *source)
{
  g_clear_pointer (&((DoorSource *) source)->acceptor, aioproc_acceptor_unref);
}

static GSourceFuncs door_source_funcs = {
  .dispatch = door_dispatch,
  .finalize = door_finalize,
};

GSource *
aioproc_acceptor_new_door (AioprocAcceptor *self)
{
  GSource *source = g_source_new (&door_source_funcs, sizeof (DoorSource));
  DoorSource *door = (DoorSource *) source;

  g_source_set_static_name (source, "[aioproc] the door of a listener");
  door->acceptor = aioproc_acceptor_ref (self);
  door->tag = g_source_add_unix_fd (source, self->fd, G_IO_IN);

  return source;
}
