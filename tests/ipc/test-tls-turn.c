/* test-tls-turn.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Whose turn it is to have a handshake, without a handshake. */

#include <sys/socket.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "ipc/aioproc-tls-turn-private.h"

#define N_PEERS (2 * AIOPROC_TLS_TURNS_MAX)

typedef struct {
  GSocket        *socket;      /* (owned) */
  int             fd;          /* its other end */
  AioprocTlsTurn *turn;        /* (owned) (nullable) until it is over */
  gint64          came_usec;
  gint64          begun_usec;  /* 0: not yet */
  gboolean        is_given_up;
} Peer;

static void
begin (gpointer data)
{
  Peer *peer = data;

  g_assert_cmpint (peer->begun_usec, ==, 0);
  peer->begun_usec = g_get_monotonic_time ();
}

static void
give_up (gpointer data)
{
  Peer *peer = data;

  g_assert_cmpint (peer->begun_usec, !=, 0);
  g_assert_false (peer->is_given_up);
  peer->is_given_up = TRUE;
}

static const AioprocTlsTurnFuncs funcs = { begin, give_up };

static void
peer_come (Peer *peer)
{
  g_autoptr(GError) error = NULL;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  peer->socket = g_socket_new_from_fd (fds[0], &error);
  g_assert_no_error (error);
  peer->fd = fds[1];
  peer->came_usec = g_get_monotonic_time ();
  peer->turn = aioproc_tls_turn_new (peer->socket, &funcs, peer);

  /* From inside no other call. */
  g_assert_cmpint (peer->begun_usec, ==, 0);
}

static void
peer_go (Peer *peer)
{
  if (peer->turn == NULL)
    return;

  g_clear_pointer (&peer->turn, aioproc_tls_turn_free);
  close (peer->fd);
  g_clear_object (&peer->socket);
}

/* All who have a turn come to it, and nobody else. */
static void
settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static guint
count_begun (const Peer *peers,
             guint       n_peers)
{
  guint n = 0;

  for (guint i = 0; i < n_peers; i++)
    n += peers[i].begun_usec != 0;

  return n;
}

static guint
count_given_up (const Peer *peers,
                guint       n_peers)
{
  guint n = 0;

  for (guint i = 0; i < n_peers; i++)
    n += peers[i].is_given_up;

  return n;
}

static void
test_newest (void)
{
  Peer peers[N_PEERS] = { 0 };
  guint max = AIOPROC_TLS_TURNS_MAX;

  g_test_summary ("No more than a few begin at a time, and who has come last is the next");

  for (guint i = 0; i < N_PEERS; i++)
    {
      peer_come (&peers[i]);
      settle ();
      g_assert_cmpint (peers[i].begun_usec != 0, ==, i < max);
    }

  for (guint i = 0; i < max; i++)
    {
      peer_go (&peers[i]);
      settle ();
      g_assert_cmpint (peers[N_PEERS - 1 - i].begun_usec, !=, 0);
      g_assert_cmpuint (count_begun (peers, N_PEERS), ==, max + 1 + i);
    }

  for (guint i = 0; i < N_PEERS; i++)
    peer_go (&peers[i]);

  g_assert_false (g_main_context_pending (NULL));
}

static void
test_patience (void)
{
  Peer peers[AIOPROC_TLS_TURNS_MAX + 2] = { 0 };
  guint max = AIOPROC_TLS_TURNS_MAX;
  guint n_peers = G_N_ELEMENTS (peers);

  g_test_summary ("Those who say nothing are given up, after a while, one for each that waits");

  for (guint i = 0; i < n_peers; i++)
    peer_come (&peers[i]);

  /* Something that a thread here has not read yet. */
  g_assert_cmpint (send (peers[0].fd, "!", 1, MSG_NOSIGNAL), ==, 1);
  aioproc_test_wait_until (peers[1].is_given_up);
  g_assert_cmpint (g_get_monotonic_time () - peers[1].came_usec, >=,
                   AIOPROC_TLS_TURN_PATIENCE_USEC);
  aioproc_test_wait_until (peers[2].is_given_up);
  settle ();
  g_assert_cmpuint (count_given_up (peers, n_peers), ==, 2);

  /* Their turns are over when they say so, and then nobody waits for another. */
  g_assert_cmpuint (count_begun (peers, n_peers), ==, max);
  peer_go (&peers[1]);
  peer_go (&peers[2]);
  settle ();
  g_assert_cmpuint (count_begun (peers, n_peers), ==, n_peers);
  g_assert_cmpuint (count_given_up (peers, n_peers), ==, 2);

  for (guint i = 0; i < n_peers; i++)
    peer_go (&peers[i]);

  g_assert_false (g_main_context_pending (NULL));
}

static void
test_heard (void)
{
  Peer peers[AIOPROC_TLS_TURNS_MAX + 1] = { 0 };
  guint8 byte;

  g_test_summary ("Whose word was not read yet is not given up before it was");

  for (guint i = 0; i < G_N_ELEMENTS (peers); i++)
    {
      peer_come (&peers[i]);
      g_assert_cmpint (send (peers[i].fd, "!", 1, MSG_NOSIGNAL), ==, 1);
    }

  aioproc_test_wait_until (peers[0].begun_usec != 0);

  while (g_get_monotonic_time () < peers[0].begun_usec + 2 * AIOPROC_TLS_TURN_PATIENCE_USEC)
    g_main_context_iteration (NULL, TRUE);

  g_assert_cmpuint (count_given_up (peers, G_N_ELEMENTS (peers)), ==, 0);
  g_assert_cmpint (recv (g_socket_get_fd (peers[2].socket), &byte, 1, 0), ==, 1);
  aioproc_test_wait_until (peers[2].is_given_up);
  g_assert_cmpuint (count_given_up (peers, G_N_ELEMENTS (peers)), ==, 1);

  for (guint i = 0; i < G_N_ELEMENTS (peers); i++)
    peer_go (&peers[i]);
}

static void
test_later (void)
{
  Peer peers[2 * AIOPROC_TLS_TURNS_MAX + 1] = { 0 };
  guint max = AIOPROC_TLS_TURNS_MAX;
  Peer *last = &peers[2 * AIOPROC_TLS_TURNS_MAX];

  g_test_summary ("For those who have come before it nobody is given up");

  for (guint i = 0; i < G_N_ELEMENTS (peers); i++)
    peer_come (&peers[i]);

  for (guint i = 0; i < max; i++)
    aioproc_test_wait_until (peers[i].is_given_up);

  /* One of those who wait stays, the oldest. */
  for (guint i = 0; i < max; i++)
    peer_go (&peers[i]);

  settle ();
  g_assert_cmpint (last->begun_usec, !=, 0);
  g_assert_cmpint (peers[max].begun_usec, ==, 0);
  g_assert_false (g_main_context_pending (NULL));

  /* Nothing is ready any more, but by the clock. */
  while (g_get_monotonic_time () < last->begun_usec + 2 * AIOPROC_TLS_TURN_PATIENCE_USEC)
    settle ();

  g_assert_cmpuint (count_given_up (peers, G_N_ELEMENTS (peers)), ==, max);

  for (guint i = 0; i < G_N_ELEMENTS (peers); i++)
    peer_go (&peers[i]);
}

static void
test_woken (void)
{
  Peer peers[AIOPROC_TLS_TURNS_MAX + 2] = { 0 };
  guint max = AIOPROC_TLS_TURNS_MAX;

  g_test_summary ("Who is woken while it waits takes no turn from anybody");

  for (guint i = 0; i < G_N_ELEMENTS (peers); i++)
    peer_come (&peers[i]);

  aioproc_tls_turn_wake (peers[max + 1].turn);
  settle ();
  g_assert_cmpint (peers[max + 1].begun_usec, !=, 0);
  g_assert_cmpint (peers[max].begun_usec, ==, 0);
  peer_go (&peers[max + 1]);
  settle ();
  g_assert_cmpint (peers[max].begun_usec, ==, 0);
  peer_go (&peers[0]);
  settle ();
  g_assert_cmpint (peers[max].begun_usec, !=, 0);

  for (guint i = 0; i < G_N_ELEMENTS (peers); i++)
    peer_go (&peers[i]);

  g_assert_false (g_main_context_pending (NULL));
}

int
main (int    argc,
      char **argv)
{
  aioproc_test_init (&argc, &argv);
  aioproc_test_add_func ("/aioproc/tls-turn/newest", test_newest);
  aioproc_test_add_func ("/aioproc/tls-turn/patience", test_patience);
  aioproc_test_add_func ("/aioproc/tls-turn/heard", test_heard);
  aioproc_test_add_func ("/aioproc/tls-turn/later", test_later);
  aioproc_test_add_func ("/aioproc/tls-turn/woken", test_woken);

  return g_test_run ();
}
