/* aioproc-tls-turn.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-tls-turn-private.h"

#include <sys/socket.h>

#include "ipc/aioproc-stream-thread-private.h"

/* How soon those are looked at again who are late, and not to blame for it. */
#define AGAIN_USEC (20 * 1000)

struct _AioprocTlsTurn {
  GList                      link;         /* in one of the lists */
  GSocket                   *socket;       /* (owned) */
  const AioprocTlsTurnFuncs *funcs;
  gpointer                   data;
  GSource                   *start;        /* (owned) has it begin */
  guint64                    number;       /* of those that have come */
  gint64                     begun_usec;   /* 0: it waits */
  gboolean                   is_given_up;
};

/* Of one thread: a forked child, where another one serves the streams, begins anew. */
typedef struct {
  GQueue   waiting;        /* (element-type AioprocTlsTurn) the newest first */
  GQueue   begun;          /* (element-type AioprocTlsTurn) the oldest first */
  guint    n_given_up;     /* of those that have begun */
  guint64  n_come;
  GSource *look;           /* (owned) (nullable) whenever somebody may be late */
} Turns;

static _Thread_local Turns turns;

/* Whether it is the peer that others wait for, and not a thread here that is yet to read what the
 * peer has said.
 */
static gboolean
is_silent (AioprocTlsTurn *self)
{
  guint8 byte;

  return recv (g_socket_get_fd (self->socket), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
}

/* One for each that waits and has come later: who is at it and newer than all that wait has its
 * time, as somebody who is to be let in is in a crowd that is not. When the next is late, or -1.
 */
static gint64
give_up_late (gint64 now_usec)
{
  GList *next = g_queue_peek_nth_link (&turns.waiting, turns.n_given_up);
  gint64 next_usec = -1;

  for (GList *link = turns.begun.head; link != NULL && next != NULL; link = link->next)
    {
      AioprocTlsTurn *turn = link->data;
      gint64 late_usec = turn->begun_usec + AIOPROC_TLS_TURN_PATIENCE_USEC;

      if (turn->is_given_up || turn->number > ((AioprocTlsTurn *) next->data)->number)
        continue;

      if (late_usec > now_usec || !is_silent (turn))
        {
          late_usec = late_usec > now_usec ? late_usec : now_usec + AGAIN_USEC;
          next_usec = next_usec < 0 ? late_usec : MIN (next_usec, late_usec);
          continue;
        }

      turn->is_given_up = TRUE;
      turns.n_given_up++;
      next = next->next;
      turn->funcs->give_up (turn->data);
    }

  return next_usec;
}

static void
stop_looking (void)
{
  if (turns.look != NULL)
    g_source_destroy (turns.look);

  g_clear_pointer (&turns.look, g_source_unref);
}

static gboolean aioproc_tls_turn_look_cb (gpointer user_data);

static void
look_in (gint64 usec)
{
  stop_looking ();
  turns.look = aioproc_stream_thread_new_timeout (usec, "[aioproc] turns of TLS");
  g_source_set_callback (turns.look, aioproc_tls_turn_look_cb, NULL, NULL);
  g_source_attach (turns.look, g_main_context_get_thread_default ());
}

static gboolean
aioproc_tls_turn_look_cb (gpointer user_data)
{
  gint64 now_usec = g_get_monotonic_time ();
  gint64 next_usec = give_up_late (now_usec);

  if (next_usec < 0)
    stop_looking ();
  else
    look_in (next_usec - now_usec);

  return G_SOURCE_REMOVE;
}

/* Some have come, or gone. */
static void
update (void)
{
  while (turns.waiting.length > 0 && turns.begun.length < AIOPROC_TLS_TURNS_MAX)
    {
      GList *link = g_queue_pop_head_link (&turns.waiting);
      AioprocTlsTurn *turn = link->data;

      turn->begun_usec = g_get_monotonic_time ();
      g_queue_push_tail_link (&turns.begun, link);
      g_source_set_ready_time (turn->start, 0);
    }

  if (turns.waiting.length > turns.n_given_up)
    look_in (0);
  else
    stop_looking ();
}

static gboolean
aioproc_tls_turn_start_cb (gpointer user_data)
{
  AioprocTlsTurn *self = user_data;

  self->funcs->begin (self->data);

  return G_SOURCE_REMOVE;
}

AioprocTlsTurn *
aioproc_tls_turn_new (GSocket                   *socket,
                      const AioprocTlsTurnFuncs *funcs,
                      gpointer                   data)
{
  AioprocTlsTurn *self = g_new0 (AioprocTlsTurn, 1);

  self->link.data = self;
  self->socket = g_object_ref (socket);
  self->funcs = funcs;
  self->data = data;
  self->number = ++turns.n_come;
  self->start = aioproc_stream_thread_new_timeout (G_MAXINT64, "[aioproc] a turn of TLS");
  g_source_set_callback (self->start, aioproc_tls_turn_start_cb, self, NULL);
  g_source_attach (self->start, g_main_context_get_thread_default ());
  g_queue_push_head_link (&turns.waiting, &self->link);
  update ();

  return self;
}

void
aioproc_tls_turn_wake (AioprocTlsTurn *self)
{
  g_source_set_ready_time (self->start, 0);
}

void
aioproc_tls_turn_free (AioprocTlsTurn *self)
{
  if (self->begun_usec == 0)
    {
      g_queue_unlink (&turns.waiting, &self->link);
    }
  else
    {
      g_queue_unlink (&turns.begun, &self->link);
      turns.n_given_up -= self->is_given_up;
    }

  g_source_destroy (self->start);
  g_source_unref (self->start);
  g_object_unref (self->socket);
  g_free (self);
  update ();
}
