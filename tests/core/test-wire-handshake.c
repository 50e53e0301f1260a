/* test-wire-handshake.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>
#include <sys/socket.h>

#include "aioproc-error.h"
#include "core/aioproc-handshake-private.h"
#include "core/aioproc-seal-private.h"
#include "platform/aioproc-fds-private.h"

#include "aioproc-test.h"

#define KEY    "the key"
#define CLIENT "the client's address"
#define SERVER "the server's address"

/* A Python program that knows only what docs/wire.md says. */
typedef struct {
  GSubprocess *program;
  int          socket_fd;
} Peer;

static gboolean
have_python (void)
{
  g_autoptr(GSubprocess) program = NULL;

  program = g_subprocess_new (G_SUBPROCESS_FLAGS_STDERR_SILENCE, NULL,
                              WIRE_PYTHON, "-c", "import hmac", NULL);

  return program != NULL && aioproc_test_wait_subprocess (program);
}

static gboolean
peer_start (Peer       *peer,
            const char *role)
{
  g_autoptr(GSubprocessLauncher) launcher = NULL;
  g_autoptr(GError) error = NULL;
  int sockets[2];

  if (!have_python ())
    {
      g_test_skip ("There is no Python");
      return FALSE;
    }

  g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, sockets, &error));
  launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  /* Takes the descriptor. */
  g_subprocess_launcher_take_fd (launcher, sockets[1], 3);
  peer->program = g_subprocess_launcher_spawn (launcher, &error, WIRE_PYTHON, WIRE_PEER, WIRE_PAGE,
                                               "3", role, KEY, CLIENT, SERVER, NULL);
  g_assert_no_error (error);
  peer->socket_fd = sockets[0];

  return TRUE;
}

static void
peer_stop (Peer *peer,
           int   status)
{
  aioproc_fds_close_all (&peer->socket_fd, 1);
  aioproc_test_wait_subprocess (peer->program);
  g_assert_true (g_subprocess_get_if_exited (peer->program));
  g_assert_cmpint (g_subprocess_get_exit_status (peer->program), ==, status);
  g_clear_object (&peer->program);
}

static void
send_all (Peer         *peer,
          const guint8 *data,
          gsize         length)
{
  while (length > 0)
    {
      g_autoptr(GError) error = NULL;
      gsize n_done;

      g_assert_cmpint (aioproc_fds_send (peer->socket_fd, data, length, NULL, 0, FALSE, &n_done,
                                         &error), ==, AIOPROC_IO_OK);
      data += n_done;
      length -= n_done;
    }
}

static void
receive_all (Peer   *peer,
             guint8 *data,
             gsize   length)
{
  g_assert_cmpint (recv (peer->socket_fd, data, length, MSG_WAITALL), ==, length);
}

static AioprocHandshake *
shake_hands (Peer                  *peer,
             AioprocHandshakeRole   role,
             const char            *key_text,
             GError               **error)
{
  g_autoptr(GBytes) key = g_bytes_new (key_text, strlen (key_text));
  g_autoptr(GBytes) client = g_bytes_new_static (CLIENT, strlen (CLIENT));
  g_autoptr(GBytes) server = g_bytes_new_static (SERVER, strlen (SERVER));
  AioprocHandshake *handshake;
  gboolean is_good = TRUE;

  handshake = aioproc_handshake_new (role, key, AIOPROC_HANDSHAKE_FLAGS_SEALED, NULL, client,
                                     server);

  while (!aioproc_handshake_is_over (handshake))
    {
      guint8 data[64];
      gsize wanted;
      gsize length;
      const guint8 *output = aioproc_handshake_peek_output (handshake, &length);

      if (output != NULL)
        {
          send_all (peer, output, length);
          aioproc_handshake_sent (handshake);
        }

      wanted = aioproc_handshake_get_wanted (handshake);

      if (wanted > 0)
        {
          receive_all (peer, data, wanted);
          is_good = aioproc_handshake_receive (handshake, data, wanted, error);
        }
      else if (!is_good)
        {
          break;
        }
    }

  return handshake;
}

/* Has the peer send back @length bytes. */
static void
echo (Peer        *peer,
      AioprocSeal *sender,
      AioprocSeal *receiver,
      gsize        length)
{
  g_autofree guint8 *sent = g_malloc (AIOPROC_SEAL_SIZE (length));
  g_autofree guint8 *received = g_malloc (AIOPROC_SEAL_SIZE (length));
  g_autoptr(GError) error = NULL;
  gssize n;

  for (gsize i = 0; i < length; i++)
    sent[AIOPROC_SEAL_HEAD + i] = (guint8) (i * 31 + length);

  aioproc_seal_close (sender, sent, length);
  send_all (peer, sent, AIOPROC_SEAL_SIZE (length));
  receive_all (peer, received, AIOPROC_SEAL_SIZE (length));
  g_assert_true (aioproc_seal_open (receiver, received, AIOPROC_SEAL_SIZE (length), &n, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (received + AIOPROC_SEAL_HEAD, n, sent + AIOPROC_SEAL_HEAD, length);
}

static void
test_role (AioprocHandshakeRole  role,
           const char           *peer_role)
{
  static const gsize lengths[] = { 1, 32, 1000, AIOPROC_SEAL_MAX, 0 };
  guint8 send_key[AIOPROC_HANDSHAKE_KEY_SIZE];
  guint8 receive_key[AIOPROC_HANDSHAKE_KEY_SIZE];
  g_autoptr(AioprocHandshake) handshake = NULL;
  g_autoptr(AioprocSeal) sender = NULL;
  g_autoptr(AioprocSeal) receiver = NULL;
  g_autoptr(GError) error = NULL;
  Peer peer;

  if (!peer_start (&peer, peer_role))
    return;

  handshake = shake_hands (&peer, role, KEY, &error);
  g_assert_no_error (error);
  g_assert_true (aioproc_handshake_is_over (handshake));
  aioproc_handshake_get_keys (handshake, send_key, receive_key);
  sender = aioproc_seal_new (send_key);
  receiver = aioproc_seal_new (receive_key);

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    echo (&peer, sender, receiver, lengths[i]);

  peer_stop (&peer, 0);
}

static void
test_client (void)
{
  g_test_summary ("A Python client that follows the documentation is let in, and can seal");
  test_role (AIOPROC_HANDSHAKE_SERVER, "client");
}

static void
test_server (void)
{
  g_test_summary ("A Python server that follows the documentation lets in, and can seal");
  test_role (AIOPROC_HANDSHAKE_CLIENT, "server");
}

static void
test_refused (void)
{
  g_test_summary ("With another key both are told so");

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr(AioprocHandshake) handshake = NULL;
      g_autoptr(GError) error = NULL;
      Peer peer;

      if (!peer_start (&peer, i == 0 ? "client" : "server"))
        return;

      handshake = shake_hands (&peer, i == 0 ? AIOPROC_HANDSHAKE_SERVER : AIOPROC_HANDSHAKE_CLIENT,
                               "another key", &error);
      g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_AUTHENTICATION_FAILED);
      g_assert_false (aioproc_handshake_is_over (handshake));
      peer_stop (&peer, 3);
    }
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/wire/handshake/client", test_client);
  aioproc_test_add_func ("/aioproc/wire/handshake/server", test_server);
  aioproc_test_add_func ("/aioproc/wire/handshake/refused", test_refused);

  return g_test_run ();
}
