/* test-listener-attack.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Somebody without the key who sits between two who have it, and passes on what they say, or
 * changes it.
 */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "connection-test.h"
#include "listener-test.h"

#define KEY   "of nobody but these tests, and long"

/* What both sides have sent by the time that the handshake is over, each. */
#define HANDSHAKE_SIZE (48 + 40)

typedef struct {
  GSocket  *socket;        /* (owned) where clients come to */
  GSocketAddress *target;  /* (owned) */
  GThread  *thread;
  int       change_from;   /* whose byte is changed: the client's (0), the listener's (1), none */
  gsize     change_at;     /* the number of that byte */
  guint8    change_bits;
} Relay;

static int
connect_to (GSocketAddress *address)
{
  gssize size = g_socket_address_get_native_size (address);
  struct sockaddr_storage native;
  int fd;

  g_assert_true (g_socket_address_to_native (address, &native, sizeof native, NULL));
  fd = socket (native.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (connect (fd, (struct sockaddr *) &native, (socklen_t) size), ==, 0);

  return fd;
}

/* One piece, from one side to the other. FALSE: it is over. */
static gboolean
pass_on (Relay *relay,
         int    from,
         int    fds[2],
         gsize  counts[2])
{
  guint8 data[65536];
  gssize n_read = recv (fds[from], data, sizeof data, 0);
  gsize at = relay->change_at - counts[from];

  if (n_read <= 0)
    return FALSE;

  if (relay->change_from == from && relay->change_at >= counts[from] && at < (gsize) n_read)
    data[at] ^= relay->change_bits;

  if (send (fds[1 - from], data, (gsize) n_read, MSG_NOSIGNAL) != n_read)
    return FALSE;

  counts[from] += (gsize) n_read;

  return TRUE;
}

/* Of one client. */
static gpointer
relay_thread (gpointer data)
{
  Relay *relay = data;
  g_autoptr(GSocket) client = NULL;
  gsize counts[2] = { 0, 0 };
  gboolean goes_on = TRUE;
  int fds[2];

  client = g_socket_accept (relay->socket, NULL, NULL);
  g_assert_nonnull (client);
  g_socket_set_blocking (client, TRUE);
  fds[0] = g_socket_get_fd (client);
  fds[1] = connect_to (relay->target);

  while (goes_on)
    {
      struct pollfd polls[2] = { { .fd = fds[0], .events = POLLIN },
                                 { .fd = fds[1], .events = POLLIN } };

      g_assert_true (poll (polls, 2, -1) > 0 || errno == EINTR);

      for (int i = 0; i < 2 && goes_on; i++)
        {
          if (polls[i].revents != 0)
            goes_on = pass_on (relay, i, fds, counts);
        }
    }

  close (fds[1]);

  return NULL;
}

/* @address: where it waits for clients, (nullable): at any port. */
static void
relay_start (Relay          *relay,
             GSocketAddress *address,
             GSocketAddress *target)
{
  g_autoptr(GSocketAddress) any = listener_test_new_tcp ();
  g_autoptr(GError) error = NULL;

  relay->socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP,
                                &error);
  g_assert_no_error (error);
  g_assert_true (g_socket_bind (relay->socket, address != NULL ? address : any, TRUE, &error));
  g_assert_true (g_socket_listen (relay->socket, &error));
  g_assert_no_error (error);
  relay->target = g_object_ref (target);
  relay->thread = g_thread_new ("relay", relay_thread, relay);
}

static void
relay_end (Relay *relay)
{
  g_thread_join (relay->thread);
  g_clear_object (&relay->socket);
  g_clear_object (&relay->target);
}

/* Through the relay. Both ends are told of the same failure. */
static void
check_refused (Relay           *relay,
               AioprocListener *listener,
               AioprocSecurity *security,
               guint64          n_refused)
{
  g_autoptr(AioprocClient) client = aioproc_client_new (security);
  g_autoptr(GSocketAddress) address = g_socket_get_local_address (relay->socket, NULL);
  g_autoptr(AioprocConnection) connection = NULL;
  g_autoptr(AioprocConnection) accepted = NULL;
  g_autoptr(GError) error = NULL;

  connection = aioproc_client_connect_to (client, G_SOCKET_CONNECTABLE (address), -1, NULL,
                                          &error);
  g_assert_null (connection);
  g_assert_nonnull (error);
  g_assert_false (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT));

  while (aioproc_listener_get_n_refused (listener) < n_refused)
    g_thread_yield ();

  accepted = aioproc_listener_try_accept (listener, NULL);
  g_assert_null (accepted);
}

static void
test_other_port (void)
{
  g_autoptr(AioprocSecurity) security = listener_test_new_security (KEY);
  g_autoptr(GSocketAddress) any = listener_test_new_tcp ();
  AioprocListener *listener = listener_test_new (any, security);
  AioprocConnection *ours, *theirs;

  g_test_summary ("A relay at another port, which changes nothing, does not get in");

  for (guint i = 1; i <= 5; i++)
    {
      Relay relay = { .change_from = -1 };

      relay_start (&relay, NULL, aioproc_listener_get_address (listener));
      check_refused (&relay, listener, security, i);
      listener_test_wait_refused (listener, i, AIOPROC_ERROR, AIOPROC_ERROR_AUTHENTICATION_FAILED);
      relay_end (&relay);
    }

  listener_test_connect (listener, security, &ours, &theirs);
  listener_test_exchange (ours, theirs);
  g_assert_finalize_object (listener);
}

static void
test_moved (void)
{
  g_autoptr(AioprocSecurity) security = listener_test_new_security (KEY);
  g_autoptr(GSocketAddress) any = listener_test_new_tcp ();
  g_autoptr(GSocketAddress) old = NULL;
  AioprocListener *listener = listener_test_new (any, security);
  Relay relay = { .change_from = -1 };

  g_test_summary ("Nor does one that has taken the port that the listener had before");

  old = g_object_ref (aioproc_listener_get_address (listener));
  g_assert_finalize_object (listener);
  listener = listener_test_new (any, security);
  relay_start (&relay, old, aioproc_listener_get_address (listener));
  check_refused (&relay, listener, security, 1);
  listener_test_wait_refused (listener, 1, AIOPROC_ERROR, AIOPROC_ERROR_AUTHENTICATION_FAILED);
  relay_end (&relay);
  g_assert_finalize_object (listener);
}

/* A byte of the handshake, which also has what each side asks for: a key, seals, TLS. */
static void
test_changed (void)
{
  g_autoptr(AioprocSecurity) security = listener_test_new_security (KEY);
  g_autoptr(GSocketAddress) any = listener_test_new_tcp ();
  AioprocListener *listener = listener_test_new (any, security);
  guint64 n_refused = 0;

  g_test_summary ("A handshake with any byte changed comes to nothing, and so does a downgrade");

  for (int from = 0; from < 2; from++)
    {
      for (gsize at = 0; at < HANDSHAKE_SIZE; at += at >= 12 && at < 16 ? 1 : 5)
        {
          Relay relay = { .change_from = from, .change_at = at, .change_bits = 7 };

          relay_start (&relay, NULL, aioproc_listener_get_address (listener));
          check_refused (&relay, listener, security, ++n_refused);
          relay_end (&relay);
        }
    }

  g_assert_finalize_object (listener);
}

static void
test_reflected (void)
{
  g_autoptr(AioprocSecurity) security = listener_test_new_security (KEY);
  g_autoptr(AioprocClient) client = aioproc_client_new (security);
  g_autoptr(GSocketAddress) any = listener_test_new_tcp ();
  g_autoptr(GSocketAddress) address = NULL;
  g_autoptr(GSocket) socket = NULL;
  g_autoptr(GSocket) peer = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  guint8 data[HANDSHAKE_SIZE];
  gssize n_read;

  g_test_summary ("A client that hears itself does not believe it");

  socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &error);
  g_assert_true (g_socket_bind (socket, any, TRUE, &error));
  g_assert_true (g_socket_listen (socket, &error));
  g_assert_no_error (error);
  address = g_socket_get_local_address (socket, &error);
  aioproc_client_connect_to_async (client, G_SOCKET_CONNECTABLE (address), -1, NULL,
                                   aioproc_test_store_result, &result);
  peer = g_socket_accept (socket, NULL, &error);
  g_assert_no_error (error);

  while ((n_read = g_socket_receive (peer, (char *) data, sizeof data, NULL, NULL)) > 0)
    {
      if (g_socket_send (peer, (char *) data, (gsize) n_read, NULL, NULL) <= 0)
        break;
    }

  aioproc_test_wait (&result);
  g_assert_null (aioproc_client_connect_to_finish (client, result, &error));
  g_assert_nonnull (error);
  g_assert_false (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT));
}

int
main (int    argc,
      char **argv)
{
  listener_test_init (&argc, &argv);
  aioproc_test_add_func ("/aioproc/listener/attack/other-port", test_other_port);
  aioproc_test_add_func ("/aioproc/listener/attack/moved", test_moved);
  aioproc_test_add_func ("/aioproc/listener/attack/changed", test_changed);
  aioproc_test_add_func ("/aioproc/listener/attack/reflected", test_reflected);

  return listener_test_run ();
}
