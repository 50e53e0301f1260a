/* test-wire.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include <sys/socket.h>

#include "core/aioproc-message-private.h"

#include "aioproc-test-frame.h"
#include "aioproc-test.h"

/* A Python program that knows only what docs/wire.md says. */
typedef struct {
  GSubprocess        *program;
  AioprocFrameReader *reader;
  int                 socket_fd;
} Peer;

static gboolean
have_python (void)
{
  g_autoptr(GSubprocess) program = NULL;

  program = g_subprocess_new (G_SUBPROCESS_FLAGS_STDERR_SILENCE, NULL,
                              WIRE_PYTHON, "-c", "from gi.repository import GLib", NULL);

  return program != NULL && aioproc_test_wait_subprocess (program);
}

static gboolean
peer_start (Peer *peer)
{
  g_autoptr(GSubprocessLauncher) launcher = NULL;
  g_autoptr(GError) error = NULL;
  int sockets[2];

  if (!have_python ())
    {
      g_test_skip ("There is no Python with PyGObject");
      return FALSE;
    }

  g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, sockets, &error));
  launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  /* Takes the descriptor. */
  g_subprocess_launcher_take_fd (launcher, sockets[1], 3);
  peer->program = g_subprocess_launcher_spawn (launcher, &error, WIRE_PYTHON, WIRE_PEER, WIRE_PAGE,
                                               "3", NULL);
  g_assert_no_error (error);
  peer->socket_fd = sockets[0];
  peer->reader = aioproc_frame_reader_new (sockets[0], G_MAXUINT64);

  return TRUE;
}

static void
peer_stop (Peer *peer)
{
  g_clear_pointer (&peer->reader, aioproc_frame_reader_free);
  aioproc_fds_close_all (&peer->socket_fd, 1);
  g_assert_true (aioproc_test_wait_subprocess (peer->program));
  g_clear_object (&peer->program);
}

static AioprocMessage *
peer_echo (Peer           *peer,
           AioprocMessage *message)
{
  const AioprocFrameInfo sent = { AIOPROC_FRAME_PROGRESS, 41 };
  g_autoptr(AioprocMessage) received = NULL;
  g_autoptr(AioprocFrame) frame = NULL;
  g_autoptr(GError) error = NULL;
  AioprocFrameInfo info;
  gboolean done;

  frame = aioproc_frame_new (&sent, message, &error);
  g_assert_no_error (error);
  g_assert_true (aioproc_frame_write (frame, peer->socket_fd, FALSE, &done, &error));
  g_assert_true (done);
  aioproc_frame_reader_read (peer->reader, FALSE, &info, &received, &error);
  g_assert_no_error (error);
  g_assert_nonnull (received);
  g_assert_cmpint (info.kind, ==, sent.kind);
  g_assert_cmpuint (info.serial, ==, sent.serial + 1);

  return g_steal_pointer (&received);
}

static void
test_wire_values (void)
{
  static const char * const values[] = {
    "7", "'text'", "()", "@av []", "('a', <1>, {'b': <[1, 2]>}, 2.5)", "@mms just nothing",
    "@ay []", "(byte 1, int64 2)",
  };
  g_autoptr(AioprocMessage) nothing = NULL;
  g_autoptr(GVariant) none = NULL;
  Peer peer;

  g_test_summary ("A Python program that follows the documentation understands values");

  if (!peer_start (&peer))
    return;

  nothing = peer_echo (&peer, NULL);
  none = aioproc_message_dup_body (nothing);
  g_assert_null (none);

  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autoptr(GVariant) value = g_variant_parse (NULL, values[i], NULL, NULL, NULL);
      g_autoptr(AioprocMessage) message = aioproc_message_new (value);
      g_autoptr(AioprocMessage) received = peer_echo (&peer, message);
      g_autoptr(GVariant) body = aioproc_message_dup_body (received);

      g_assert_cmpvariant (body, value);
    }

  peer_stop (&peer);
}

static void
test_wire_parts (void)
{
  static const gsize sizes[] = { 0, 1, 8, 100001, AIOPROC_FRAME_SEALED_MIN };
  g_autoptr(AioprocMessage) message = aioproc_message_new (g_variant_new ("(hhh)", 0, 1, 2));
  g_autoptr(AioprocMessage) received = NULL;
  g_autoptr(GError) error = NULL;
  Peer peer;
  int fd;

  g_test_summary ("A Python program that follows the documentation understands all parts");

  if (!peer_start (&peer))
    return;

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr(GBytes) bytes = aioproc_test_frame_pattern (sizes[i]);

      aioproc_message_append_bytes (message, bytes);
      aioproc_message_take_fd (message, aioproc_test_frame_file ("content"));
    }

  received = peer_echo (&peer, message);

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr(GBytes) bytes = aioproc_test_frame_pattern (sizes[i]);
      g_autoptr(GBytes) found = NULL;

      found = aioproc_message_dup_bytes (received, 2 * i, &error);
      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (found, bytes));
      fd = aioproc_message_dup_fd (received, 2 * i + 1, &error);
      g_assert_no_error (error);
      aioproc_test_frame_assert_file (fd, "content");
      aioproc_fds_close_all (&fd, 1);
    }

  peer_stop (&peer);
}

static void
test_wire_sealed (void)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(AioprocMessage) received = NULL;
  g_autoptr(GBytes) bytes = aioproc_test_frame_pattern (AIOPROC_FRAME_SEALED_MIN + 1);
  g_autoptr(GBytes) found = NULL;
  g_autoptr(GError) error = NULL;
  Peer peer;

  g_test_summary ("A Python program that follows the documentation can seal bytes");

  if (!peer_start (&peer))
    return;

  aioproc_message_append_bytes (message, bytes);
  received = peer_echo (&peer, message);
  found = aioproc_message_dup_bytes (received, 0, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (found, bytes));
  peer_stop (&peer);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/wire/values", test_wire_values);
  aioproc_test_add_func ("/aioproc/wire/parts", test_wire_parts);
  aioproc_test_add_func ("/aioproc/wire/sealed", test_wire_sealed);

  return g_test_run ();
}
