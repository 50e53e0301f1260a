/* test-listener-bad.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Clients and listeners that do not know the key, say nothing, or say what they should not. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gio/gunixsocketaddress.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "connection-test.h"
#include "core/aioproc-handshake-private.h"
#include "ipc/aioproc-address-private.h"
#include "listener-test.h"

#define KEY   "of nobody but these tests, and long"
#define WRONG "of nobody but these tests, and lonG"

/* What an honest client gets in between. */
static void
check_undisturbed (AioprocListener *listener,
                   AioprocSecurity *security)
{
  AioprocConnection *ours, *theirs;

  listener_test_connect (listener, security, &ours, &theirs);
  listener_test_exchange (ours, theirs);
}

typedef struct {
  const char *name;
  const char *listener_key;
  const char *client_key;
} Keys;

static const Keys keys[] = {
  { "wrong", KEY, WRONG },
  { "missing-in-client", KEY, NULL },
  { "missing-in-listener", NULL, KEY },
  { "shorter", KEY, "of nobody but these tests" },
};

static void
check_keys (GSocketAddress *address,
            const Keys     *test)
{
  g_autoptr(AioprocSecurity) right = listener_test_new_security (test->listener_key);
  g_autoptr(AioprocSecurity) wrong = listener_test_new_security (test->client_key);
  AioprocListener *listener = listener_test_new (address, right);

  for (guint i = 1; i <= 5; i++)
    {
      /* Two attempts. */
      listener_test_fail (listener, wrong, AIOPROC_ERROR, AIOPROC_ERROR_AUTHENTICATION_FAILED);
      listener_test_wait_refused (listener, 2 * i, AIOPROC_ERROR,
                                  AIOPROC_ERROR_AUTHENTICATION_FAILED);
      check_undisturbed (listener, right);
    }

  g_assert_finalize_object (listener);
}

static void
test_keys (gconstpointer data)
{
  g_test_summary ("Keys that differ are an error at both ends, at once, and harm no one else");

  check_keys (NULL, data);
}

static void
test_keys_tcp (gconstpointer data)
{
  g_autoptr(GSocketAddress) address = listener_test_new_tcp ();

  g_test_summary ("The same over TCP");

  check_keys (address, data);
}

static void
test_empty (void)
{
  g_autoptr(AioprocSecurity) security = listener_test_new_security ("");
  g_autoptr(AioprocListener) listener = listener_test_new (NULL, NULL);
  g_autoptr(AioprocListener) refused = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("An empty key is no key");

  refused = aioproc_listener_new (NULL, security, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_null (refused);
  listener_test_fail (listener, security, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

/* What a client says first. */
static void
make_hello (AioprocListener *listener,
            GByteArray      *hello)
{
  g_autoptr(AioprocHandshake) handshake = NULL;
  g_autoptr(GBytes) nowhere = g_bytes_new_static ("\1", 1);
  g_autoptr(GBytes) there = aioproc_address_to_bytes (aioproc_listener_get_address (listener));
  const guint8 *data;
  gsize length;

  handshake = aioproc_handshake_new (AIOPROC_HANDSHAKE_CLIENT, NULL, AIOPROC_HANDSHAKE_FLAGS_NONE,
                                     NULL, nowhere, there);
  data = aioproc_handshake_peek_output (handshake, &length);
  g_byte_array_append (hello, data, (guint) length);
}

static void
send_all (int           fd,
          const guint8 *data,
          gsize         length)
{
  g_assert_cmpint (send (fd, data, length, MSG_NOSIGNAL), ==, (gssize) length);
}

static void
test_left (void)
{
  g_autoptr(AioprocSecurity) security = listener_test_new_security (NULL);
  g_autoptr(GByteArray) hello = g_byte_array_new ();
  AioprocListener *listener = listener_test_new (NULL, security);
  guint n_fds;

  g_test_summary ("A client that leaves after any number of bytes leaves nothing behind");

  make_hello (listener, hello);
  check_undisturbed (listener, security);
  n_fds = aioproc_test_count_fds ();

  for (guint i = 0; i < hello->len; i++)
    {
      int fd = listener_test_connect_raw (listener);

      if (i > 0)
        send_all (fd, hello->data, i);

      close (fd);
      listener_test_wait_refused (listener, i + 1, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
    }

  check_undisturbed (listener, security);

  /* A socket is closed a moment after it was refused. */
  while (aioproc_test_count_fds () != n_fds)
    g_thread_yield ();

  g_assert_finalize_object (listener);
}

/* The bytes that one side says next, of which @length go to @fd. */
static void
say (AioprocHandshake *handshake,
     int               fd,
     gsize             length)
{
  gsize n_bytes;
  const guint8 *data = aioproc_handshake_peek_output (handshake, &n_bytes);

  g_assert_cmpuint (length, <=, n_bytes);

  if (length > 0)
    send_all (fd, data, length);

  aioproc_handshake_sent (handshake);
}

/* All that it wants now. */
static void
hear (AioprocHandshake *handshake,
      int               fd)
{
  g_autoptr(GError) error = NULL;
  guint8 data[64];
  gsize length = aioproc_handshake_get_wanted (handshake);

  g_assert_cmpint (recv (fd, data, length, MSG_WAITALL), ==, (gssize) length);
  g_assert_true (aioproc_handshake_receive (handshake, data, length, &error));
  g_assert_no_error (error);
}

static GBytes *
get_address_bytes (int      fd,
                   gboolean is_peer)
{
  g_autoptr(GSocketAddress) address = NULL;
  struct sockaddr_storage native;
  socklen_t length = sizeof native;

  g_assert_cmpint ((is_peer ? getpeername : getsockname) (fd, (struct sockaddr *) &native,
                                                          &length), ==, 0);
  address = g_socket_address_new_from_native (&native, length);

  return aioproc_address_to_bytes (address);
}

static AioprocHandshake *
new_handshake (int                  fd,
               AioprocHandshakeRole role)
{
  gboolean is_client = role == AIOPROC_HANDSHAKE_CLIENT;
  g_autoptr(GBytes) key = g_bytes_new_static (KEY, strlen (KEY));
  g_autoptr(GBytes) client_address = get_address_bytes (fd, !is_client);
  g_autoptr(GBytes) server_address = get_address_bytes (fd, is_client);

  return aioproc_handshake_new (role, key, AIOPROC_HANDSHAKE_FLAGS_SEALED, NULL, client_address,
                                server_address);
}

static void
test_left_proof (void)
{
  g_autoptr(AioprocSecurity) security = listener_test_new_security (KEY);
  g_autoptr(GSocketAddress) address = listener_test_new_tcp ();
  AioprocListener *listener = listener_test_new (address, security);

  g_test_summary ("A client that leaves in the middle of its proof is refused");

  for (gsize i = 0; i < 40; i++)
    {
      int fd = listener_test_connect_raw (listener);
      g_autoptr(AioprocHandshake) handshake = new_handshake (fd, AIOPROC_HANDSHAKE_CLIENT);

      say (handshake, fd, 48);
      hear (handshake, fd);
      say (handshake, fd, i);
      close (fd);
      listener_test_wait_refused (listener, i + 1, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
    }

  check_undisturbed (listener, security);
  g_assert_finalize_object (listener);
}

static void
test_bytes (void)
{
  g_autoptr(AioprocSecurity) security = listener_test_new_security (NULL);
  g_autoptr(GByteArray) hello = g_byte_array_new ();
  g_autoptr(AioprocConnection) theirs = NULL;
  g_autoptr(AioprocConnection) ours = NULL;
  g_autoptr(GError) error = NULL;
  AioprocListener *listener = listener_test_new (NULL, security);
  guint8 answer[48];
  int fd;

  g_test_summary ("A hello that comes byte by byte is one, and what comes after it is kept");

  make_hello (listener, hello);
  fd = listener_test_connect_raw (listener);

  for (guint i = 0; i < hello->len; i++)
    {
      send_all (fd, hello->data + i, 1);
      g_thread_yield ();
    }

  g_assert_cmpint (recv (fd, answer, sizeof answer, MSG_WAITALL), ==, sizeof answer);
  theirs = aioproc_connection_new_for_fd (fd, &error);
  g_assert_no_error (error);
  connection_test_send_number (theirs, 5);
  ours = aioproc_listener_accept (listener, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (connection_test_recv_number (ours), ==, 5);
  g_assert_finalize_object (listener);
}

static void
test_garbage (void)
{
  g_autoptr(AioprocSecurity) security = listener_test_new_security (KEY);
  AioprocListener *listener = listener_test_new (NULL, security);
  guint8 data[4096];

  g_test_summary ("What is no handshake is refused as soon as there is enough of it");

  for (guint i = 1; i <= 20; i++)
    {
      int fd = listener_test_connect_raw (listener);

      for (guint j = 0; j < sizeof data; j++)
        data[j] = (guint8) g_test_rand_int ();

      /* Most of it may find nobody. */
      g_assert_cmpint (send (fd, data, sizeof data, MSG_NOSIGNAL), !=, 0);
      listener_test_wait_refused (listener, i, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
      close (fd);
      check_undisturbed (listener, security);
    }

  g_assert_finalize_object (listener);
}

static void
test_silent (void)
{
  g_autoptr(GBytes) key = g_bytes_new_static (KEY, strlen (KEY));
  g_autoptr(AioprocSecurity) security = listener_test_new_security (KEY);
  g_autoptr(AioprocSecurity) strict = NULL;
  AioprocListener *listener;
  int fds[4];

  g_test_summary ("Who says nothing is refused in the end, and keeps nobody waiting");

  strict = g_object_new (AIOPROC_TYPE_SECURITY, "auth-key", key, "handshake-timeout",
                         (gint64) 500000, NULL);
  listener = listener_test_new (NULL, strict);

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = listener_test_connect_raw (listener);

  check_undisturbed (listener, security);
  listener_test_wait_refused (listener, G_N_ELEMENTS (fds), G_IO_ERROR, G_IO_ERROR_TIMED_OUT);

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);

  g_assert_finalize_object (listener);
}

static void
test_crowd (void)
{
  g_autoptr(AioprocSecurity) security = NULL;
  g_autoptr(GError) refusal = NULL;
  g_autoptr(GByteArray) hello = g_byte_array_new ();
  AioprocListener *listener;
  int fds[300];

  g_test_summary ("Whoever comes when too many are in the door pushes one of them out");

  /* Nobody is late. */
  security = g_object_new (AIOPROC_TYPE_SECURITY, "handshake-timeout", G_MAXINT64, NULL);
  listener = listener_test_new (NULL, security);
  make_hello (listener, hello);

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      fds[i] = listener_test_connect_raw (listener);

      if (i % 2 == 0)
        send_all (fds[i], hello->data, 1);

      if (i % 50 == 49)
        check_undisturbed (listener, security);
    }

  check_undisturbed (listener, security);

  while (aioproc_listener_get_n_refused (listener) < G_N_ELEMENTS (fds) - 64)
    g_thread_yield ();

  refusal = aioproc_listener_dup_last_refusal (listener);
  g_assert_error (refusal, G_IO_ERROR, G_IO_ERROR_BUSY);

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);

  g_assert_finalize_object (listener);
}

static void
test_other_user (void)
{
  g_autoptr(AioprocSecurity) open = NULL;

  g_test_summary ("A process of another user is let in only if that is allowed");

  if (geteuid () != 0)
    {
      g_test_skip ("Only the superuser can become somebody else");
      return;
    }

  open = g_object_new (AIOPROC_TYPE_SECURITY, "other-users", TRUE, NULL);

  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *name = g_strdup_printf ("aioproc-test-user-%d-%u", (int) getpid (), i);
      g_autoptr(GSocketAddress) address = NULL;
      AioprocListener *listener;
      g_autoptr(GByteArray) hello = g_byte_array_new ();
      int status;
      pid_t pid;

      address = g_unix_socket_address_new_with_type (name, -1, G_UNIX_SOCKET_ADDRESS_ABSTRACT);
      listener = listener_test_new (address, i == 0 ? NULL : open);
      make_hello (listener, hello);
      pid = fork ();

      if (pid == 0)
        {
          char byte;
          int fd;

          if (setuid (65534) != 0)
            _exit (3);

          /* It may be refused before it has said anything. */
          fd = listener_test_connect_raw (listener);
          send (fd, hello->data, hello->len, MSG_NOSIGNAL);
          _exit (recv (fd, &byte, 1, 0) == 1 ? 1 : 0);
        }

      g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
      g_assert_true (WIFEXITED (status));
      g_assert_cmpint (WEXITSTATUS (status), ==, i);

      if (i == 0)
        listener_test_wait_refused (listener, 1, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);

      g_assert_finalize_object (listener);
    }
}

/* A socket that listens, and nothing more. */
static GSocket *
new_mute (GSocketAddress **address)
{
  g_autoptr(GSocketAddress) any = listener_test_new_tcp ();
  g_autoptr(GError) error = NULL;
  GSocket *socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM,
                                  G_SOCKET_PROTOCOL_TCP, &error);

  g_assert_no_error (error);
  g_assert_true (g_socket_bind (socket, any, TRUE, &error));
  g_assert_true (g_socket_listen (socket, &error));
  *address = g_socket_get_local_address (socket, &error);
  g_assert_no_error (error);

  return socket;
}

static void
test_listener_left (void)
{
  g_autoptr(GSocketAddress) address = NULL;
  g_autoptr(GSocket) mute = new_mute (&address);
  g_autoptr(AioprocSecurity) security = listener_test_new_security (KEY);
  g_autoptr(AioprocClient) client = aioproc_client_new (security);

  g_test_summary ("A listener that leaves after any number of bytes is an error at once");

  for (gsize i = 0; i < 48 + 40; i++)
    {
      g_autoptr(AioprocHandshake) handshake = NULL;
      g_autoptr(GSocket) peer = NULL;
      g_autoptr(GAsyncResult) result = NULL;
      g_autoptr(GError) error = NULL;
      int fd;

      aioproc_client_connect_to_async (client, G_SOCKET_CONNECTABLE (address), -1, NULL,
                                       aioproc_test_store_result, &result);
      peer = g_socket_accept (mute, NULL, &error);
      g_assert_no_error (error);
      fd = g_socket_get_fd (peer);
      g_assert_cmpint (fcntl (fd, F_SETFL, 0), ==, 0);
      handshake = new_handshake (fd, AIOPROC_HANDSHAKE_SERVER);
      hear (handshake, fd);
      say (handshake, fd, MIN (i, 48));

      if (i >= 48)
        {
          hear (handshake, fd);
          say (handshake, fd, i - 48);
        }

      g_assert_true (g_socket_close (peer, &error));
      aioproc_test_wait (&result);
      g_assert_null (aioproc_client_connect_to_finish (client, result, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
    }
}

static gpointer
cancel_thread (gpointer data)
{
  g_cancellable_cancel (data);

  return NULL;
}

static void
test_mute (void)
{
  g_autoptr(GSocketAddress) address = NULL;
  g_autoptr(GSocket) mute G_GNUC_UNUSED = new_mute (&address);
  g_autoptr(AioprocClient) client = aioproc_client_new (NULL);
  g_autoptr(AioprocSecurity) strict = NULL;
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) late = NULL;
  g_autoptr(GAsyncResult) cancelled = NULL;
  g_autoptr(GError) error = NULL;
  GSocketConnectable *connectable = G_SOCKET_CONNECTABLE (address);
  GThread *thread;

  g_test_summary ("A listener that does not answer keeps no client for ever");

  aioproc_client_connect_to_async (client, connectable, 1000, NULL, aioproc_test_store_result,
                                   &late);
  aioproc_client_connect_to_async (client, connectable, -1, cancellable,
                                   aioproc_test_store_result, &cancelled);
  aioproc_test_wait (&late);
  g_assert_null (aioproc_client_connect_to_finish (client, late, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_null (cancelled);

  thread = g_thread_new ("cancel", cancel_thread, cancellable);
  g_assert_null (aioproc_client_connect_to (client, connectable, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_thread_join (thread);
  aioproc_test_wait (&cancelled);
  g_assert_null (aioproc_client_connect_to_finish (client, cancelled, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  strict = g_object_new (AIOPROC_TYPE_SECURITY, "handshake-timeout", (gint64) 1000, NULL);
  g_clear_object (&client);
  client = aioproc_client_new (strict);
  g_assert_null (aioproc_client_connect_to (client, connectable, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

static void
test_beyond (void)
{
  const char *hosts[] = { "192.0.2.1", "2001:db8::1", "0.0.0.0", "::", "::ffff:192.0.2.1" };

  g_test_summary ("What can be read on the way is not sent beyond this machine");

  for (guint i = 0; i < G_N_ELEMENTS (hosts); i++)
    {
      g_autoptr(GSocketAddress) address = g_inet_socket_address_new_from_string (hosts[i], 4711);
      g_autoptr(GSocketConnectable) name = g_network_address_new (hosts[i], 4711);
      g_autoptr(AioprocSecurity) security = listener_test_new_security (KEY);
      g_autoptr(AioprocClient) client = aioproc_client_new (security);
      g_autoptr(AioprocListener) listener = NULL;
      g_autoptr(GError) error = NULL;

      listener = aioproc_listener_new (address, security, &error);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
      g_clear_error (&error);
      g_assert_null (aioproc_client_connect_to (client, G_SOCKET_CONNECTABLE (address), -1, NULL,
                                                &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
      g_clear_error (&error);
      g_assert_null (aioproc_client_connect_to (client, name, -1, NULL, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
    }
}

static void
test_insecure (void)
{
  g_autoptr(GSocketAddress) everywhere = g_inet_socket_address_new_from_string ("0.0.0.0", 0);
  g_autoptr(GBytes) key = g_bytes_new_static (KEY, strlen (KEY));
  g_autoptr(AioprocSecurity) insecure = NULL;
  g_autoptr(AioprocSecurity) strict = listener_test_new_security (KEY);
  g_autoptr(AioprocClient) client = aioproc_client_new (strict);
  g_autoptr(AioprocConnection) ours = NULL;
  g_autoptr(AioprocConnection) theirs = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GSocketConnectable) name = NULL;
  g_autoptr(GError) error = NULL;
  AioprocListener *listener;

  g_test_summary ("A listener that is told that the network is safe listens to it");

  insecure = g_object_new (AIOPROC_TYPE_SECURITY, "auth-key", key, "insecure", TRUE, NULL);
  listener = listener_test_new (everywhere, insecure);
  name = g_network_address_new ("127.0.0.1", g_inet_socket_address_get_port (
    G_INET_SOCKET_ADDRESS (aioproc_listener_get_address (listener))));
  aioproc_client_connect_to_async (client, name, -1, NULL, aioproc_test_store_result, &result);
  ours = aioproc_listener_accept (listener, -1, NULL, &error);
  g_assert_no_error (error);
  aioproc_test_wait (&result);
  theirs = aioproc_client_connect_to_finish (client, result, &error);
  g_assert_no_error (error);
  g_assert_finalize_object (listener);
}

int
main (int    argc,
      char **argv)
{
  listener_test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autofree char *path = g_strdup_printf ("/aioproc/listener/keys/%s", keys[i].name);
      g_autofree char *tcp_path = g_strdup_printf ("/aioproc/listener/keys-tcp/%s", keys[i].name);

      aioproc_test_add_data_func (path, &keys[i], test_keys);
      aioproc_test_add_data_func (tcp_path, &keys[i], test_keys_tcp);
    }

  aioproc_test_add_func ("/aioproc/listener/keys/empty", test_empty);
  aioproc_test_add_func ("/aioproc/listener/bad/left", test_left);
  aioproc_test_add_func ("/aioproc/listener/bad/left-proof", test_left_proof);
  aioproc_test_add_func ("/aioproc/listener/bad/bytes", test_bytes);
  aioproc_test_add_func ("/aioproc/listener/bad/garbage", test_garbage);
  aioproc_test_add_func ("/aioproc/listener/bad/silent", test_silent);
  aioproc_test_add_func ("/aioproc/listener/bad/crowd", test_crowd);
  aioproc_test_add_func ("/aioproc/listener/bad/other-user", test_other_user);
  aioproc_test_add_func ("/aioproc/client/bad/mute", test_mute);
  aioproc_test_add_func ("/aioproc/client/bad/listener-left", test_listener_left);
  aioproc_test_add_func ("/aioproc/client/address/beyond", test_beyond);
  aioproc_test_add_func ("/aioproc/client/address/insecure", test_insecure);

  return listener_test_run ();
}
