/* test-handshake-attack.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "aioproc-error.h"

#include "aioproc-test.h"
#include "handshake-test.h"

/* --- Somebody between --- */

typedef struct {
  Said  said;
  guint bit;
} Flip;

static GBytes *
meddle_flip (Said      said,
             GBytes   *message,
             gpointer  data)
{
  const Flip *flip = data;
  GByteArray *changed;

  if (said != flip->said)
    return NULL;

  changed = g_bytes_unref_to_array (g_bytes_new (g_bytes_get_data (message, NULL),
                                                 g_bytes_get_size (message)));
  changed->data[flip->bit / 8] ^= 1u << flip->bit % 8;

  return g_byte_array_free_to_bytes (changed);
}

static void
test_flipped (void)
{
  g_test_summary ("No bit of any message can be changed");

  for (Said said = CLIENT_HELLO; said < N_SAID; said++)
    for (guint bit = 0; bit < 8 * (said <= SERVER_HELLO ? HELLO_SIZE : PROOF_SIZE); bit++)
      {
        g_auto(Talk) talk = { NULL };
        Flip flip = { said, bit };

        talk_through (&talk, &client_side, &server_side, meddle_flip, &flip);
        g_assert_false (aioproc_handshake_is_over (talk.client));

        /* The server has seen nothing wrong until its own proof was changed. */
        g_assert_cmpint (aioproc_handshake_is_over (talk.server), ==, said == SERVER_PROOF);
        g_assert_true (talk.client_error != NULL || talk.server_error != NULL);
      }
}

static GBytes *
meddle_downgrade (Said      said,
                  GBytes   *message,
                  gpointer  data)
{
  const Side *to = data;
  GByteArray *changed;

  if (said > SERVER_HELLO)
    return NULL;

  changed = g_bytes_unref_to_array (g_bytes_new (g_bytes_get_data (message, NULL),
                                                 g_bytes_get_size (message)));
  changed->data[12] = (to->key != NULL ? 1 : 0) | (to->binding != NULL ? 2 : 0) |
                      (to->flags != 0 ? 4 : 0);

  return g_byte_array_free_to_bytes (changed);
}

static void
test_downgrade (void)
{
  g_test_summary ("Who rewrites the options of both hellos gets nobody to do with less");

  for (guint i = 0; i < 8; i++)
    for (guint j = 0; j < 8; j++)
      {
        g_auto(Talk) talk = { NULL };
        Side client = client_side;
        Side server = server_side;
        Side told = client_side;

        client.key = server.key = (i & 1) != 0 ? "the key" : NULL;
        client.binding = server.binding = (i & 2) != 0 ? "a channel" : NULL;
        client.flags = server.flags = (i & 4) != 0 ? AIOPROC_HANDSHAKE_FLAGS_SEALED : 0;
        told.key = (j & 1) != 0 ? "the key" : NULL;
        told.binding = (j & 2) != 0 ? "a channel" : NULL;
        told.flags = (j & 4) != 0 ? AIOPROC_HANDSHAKE_FLAGS_SEALED : 0;

        if ((i & 4) != 0 && (i & 1) == 0)
          continue;

        talk_through (&talk, &client, &server, meddle_downgrade, &told);
        g_assert_cmpint (talk_is_over (&talk), ==, i == j);
        g_assert_cmpint (aioproc_handshake_is_over (talk.client), ==, i == j);
        g_assert_cmpint (aioproc_handshake_is_over (talk.server), ==, i == j);
      }
}

/* Both are told that the other has what they have, but they do not. */
static GBytes *
meddle_pretend (Said      said,
                GBytes   *message,
                gpointer  data)
{
  GByteArray *changed;

  if (said > SERVER_HELLO)
    return NULL;

  changed = g_bytes_unref_to_array (g_bytes_new (g_bytes_get_data (message, NULL),
                                                 g_bytes_get_size (message)));
  changed->data[12] ^= GPOINTER_TO_UINT (data);

  return g_byte_array_free_to_bytes (changed);
}

static void
test_pretended (void)
{
  Side server = server_side;

  g_test_summary ("Who tells each side that the other has the same options is found out");

  for (guint i = 0; i < 2; i++)
    {
      g_auto(Talk) talk = { NULL };

      server = server_side;

      if (i == 0)
        server.binding = "a channel";
      else
        server.flags = 0;

      talk_through (&talk, &client_side, &server, meddle_pretend,
                    GUINT_TO_POINTER (i == 0 ? 2 : 4));
      talk_assert_refused_by_proof (&talk);
    }
}

static void
test_reflected (void)
{
  g_auto(Talk) talk = { NULL };
  g_autoptr(AioprocHandshake) server = side_start (&server_side);
  g_autoptr(GError) error = NULL;

  g_test_summary ("A side that hears itself, or one like itself, does not take it for the other");

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr(AioprocHandshake) client = side_start (&client_side);
      g_autoptr(AioprocHandshake) other = side_start (&client_side);
      g_autoptr(GBytes) own_hello = take_output (client);
      g_autoptr(GBytes) other_hello = take_output (other);

      g_assert_false (hear (client, i == 0 ? own_hello : other_hello, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
      g_clear_error (&error);
    }

  talk_through (&talk, &client_side, &server_side, NULL, NULL);
  g_assert_false (hear (server, talk.said[SERVER_HELLO], &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
}

/* The client's own hello and proof come back to it, as those of a server. */
static void
test_reflected_as_other (void)
{
  g_autoptr(AioprocHandshake) client = side_start (&client_side);
  g_autoptr(AioprocHandshake) server = side_start (&server_side);
  g_autoptr(GBytes) hello = take_output (client);
  g_autoptr(GBytes) answer = NULL;
  g_autoptr(GBytes) proof = NULL;
  g_autoptr(GError) error = NULL;
  GByteArray *changed;

  g_test_summary ("A proof that comes back to its sender proves nothing");
  changed = g_bytes_unref_to_array (g_bytes_new (g_bytes_get_data (hello, NULL), HELLO_SIZE));
  changed->data[10] = 2;
  answer = g_byte_array_free_to_bytes (changed);
  g_assert_true (hear (client, answer, &error));
  proof = take_output (client);
  g_assert_false (hear (client, proof, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_AUTHENTICATION_FAILED);
  g_clear_error (&error);

  /* The server has nothing to reflect: it says nothing of the key before it knows the client. */
  g_bytes_unref (answer);
  g_assert_true (hear (server, hello, &error));
  answer = take_output (server);
  g_assert_cmpuint (aioproc_handshake_get_wanted (server), ==, PROOF_SIZE);
  g_assert_false (hear (server, proof, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_AUTHENTICATION_FAILED);
}

static void
test_replayed (void)
{
  g_auto(Talk) talk = { NULL };
  g_autoptr(AioprocHandshake) server = side_start (&server_side);
  g_autoptr(AioprocHandshake) client = side_start (&client_side);
  g_autoptr(GError) error = NULL;

  g_test_summary ("What was recorded is of no use again, to either side");
  talk_through (&talk, &client_side, &server_side, NULL, NULL);
  g_assert_true (talk_is_over (&talk));

  g_assert_true (hear (server, talk.said[CLIENT_HELLO], &error));
  drop_output (server);
  g_assert_false (hear (server, talk.said[CLIENT_PROOF], &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_AUTHENTICATION_FAILED);
  g_clear_error (&error);

  drop_output (client);
  g_assert_true (hear (client, talk.said[SERVER_HELLO], &error));
  drop_output (client);
  g_assert_false (hear (client, talk.said[SERVER_PROOF], &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_AUTHENTICATION_FAILED);
}

/* --- No oracle --- */

static void
test_same_answer (void)
{
  g_autofree char *text = NULL;
  g_autoptr(GBytes) first_answer = NULL;

  g_test_summary ("A proof in no form, one of zeros and one of another key get the same answer");

  for (guint i = 0; i < 4; i++)
    {
      g_autoptr(AioprocHandshake) server = side_start (&server_side);
      g_autoptr(AioprocHandshake) client = side_start (&client_side);
      g_autoptr(GBytes) hello = take_output (client);
      g_autoptr(GBytes) answer = NULL;
      g_autoptr(GBytes) bytes = NULL;
      g_autoptr(GError) error = NULL;
      guint8 proof[PROOF_SIZE] = "AIOPROOF";

      memset (proof + 8, i == 1 ? 0x55 : 0, PROOF_SIZE - 8);

      if (i == 2)
        memset (proof, 0, sizeof proof);

      if (i == 3)
        memcpy (proof, "AIOHELLO", 8);

      g_assert_true (hear (server, hello, &error));
      drop_output (server);
      bytes = g_bytes_new (proof, sizeof proof);
      g_assert_false (hear (server, bytes, &error));
      g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_AUTHENTICATION_FAILED);
      answer = take_output (server);

      if (i == 0)
        {
          text = g_strdup (error->message);
          first_answer = g_bytes_ref (answer);
        }

      g_assert_cmpstr (error->message, ==, text);
      g_assert_true (g_bytes_equal (answer, first_answer));
    }
}

static void
test_garbage (void)
{
  static const char * const said[] = {
    "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n", "AIO\1",
    "aiohello", "#CHALLENGE#", "",
    /* All but the first word is right, for a server and for a client. */
    "AIOHELLA\1\0\1\0\5\0\0", "AIOHELLA\1\0\2\0\5\0\0",
  };

  g_test_summary ("What is no handshake is an error, and gets no answer");

  for (guint i = 0; i < G_N_ELEMENTS (said); i++)
    {
      g_autoptr(AioprocHandshake) client = side_start (&client_side);
      g_autoptr(AioprocHandshake) server = side_start (&server_side);
      g_autoptr(GBytes) bytes = NULL;
      g_autoptr(GError) client_error = NULL;
      g_autoptr(GError) server_error = NULL;
      guint8 garbage[HELLO_SIZE] = { 0 };
      gsize length;

      memcpy (garbage, said[i], g_str_has_prefix (said[i], "AIOHELLA") ? 16 : strlen (said[i]));
      bytes = g_bytes_new (garbage, HELLO_SIZE);
      drop_output (client);
      g_assert_false (hear (client, bytes, &client_error));
      g_assert_error (client_error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
      g_assert_false (hear (server, bytes, &server_error));
      g_assert_error (server_error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
      g_assert_null (aioproc_handshake_peek_output (client, &length));
      g_assert_null (aioproc_handshake_peek_output (server, &length));
    }
}

static void
test_version (void)
{
  static const guint8 places[] = { 8, 9, 12, 13, 15 };

  g_test_summary ("Another version, or an option that nobody knows, is an error that says so");

  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    {
      g_auto(Talk) to_server = { NULL };
      g_auto(Talk) to_client = { NULL };
      Flip flip = { CLIENT_HELLO, 8 * places[i] + 7 };

      talk_through (&to_server, &client_side, &server_side, meddle_flip, &flip);
      g_assert_error (to_server.server_error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
      /* The server has greeted all the same: its version is in there. */
      g_assert_nonnull (to_server.said[SERVER_HELLO]);
      g_assert_null (to_server.said[SERVER_PROOF]);

      flip.said = SERVER_HELLO;
      talk_through (&to_client, &client_side, &server_side, meddle_flip, &flip);
      g_assert_error (to_client.client_error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
      g_assert_null (to_client.said[CLIENT_PROOF]);
    }
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/handshake/flipped", test_flipped);
  aioproc_test_add_func ("/aioproc/handshake/downgrade", test_downgrade);
  aioproc_test_add_func ("/aioproc/handshake/pretended", test_pretended);
  aioproc_test_add_func ("/aioproc/handshake/reflected", test_reflected);
  aioproc_test_add_func ("/aioproc/handshake/reflected-as-other", test_reflected_as_other);
  aioproc_test_add_func ("/aioproc/handshake/replayed", test_replayed);
  aioproc_test_add_func ("/aioproc/handshake/same-answer", test_same_answer);
  aioproc_test_add_func ("/aioproc/handshake/garbage", test_garbage);
  aioproc_test_add_func ("/aioproc/handshake/version", test_version);

  return g_test_run ();
}
