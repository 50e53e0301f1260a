/* test-handshake.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "aioproc-error.h"
#include "core/aioproc-hmac-private.h"

#include "aioproc-test.h"
#include "handshake-test.h"

/* --- Success --- */

static void
assert_keys (Talk   *talk,
             guint8  client_send[AIOPROC_HANDSHAKE_KEY_SIZE],
             guint8  server_send[AIOPROC_HANDSHAKE_KEY_SIZE])
{
  guint8 client_receive[AIOPROC_HANDSHAKE_KEY_SIZE];
  guint8 server_receive[AIOPROC_HANDSHAKE_KEY_SIZE];

  aioproc_handshake_get_keys (talk->client, client_send, client_receive);
  aioproc_handshake_get_keys (talk->server, server_send, server_receive);
  g_assert_cmpmem (client_send, AIOPROC_HANDSHAKE_KEY_SIZE,
                   server_receive, AIOPROC_HANDSHAKE_KEY_SIZE);
  g_assert_cmpmem (server_send, AIOPROC_HANDSHAKE_KEY_SIZE,
                   client_receive, AIOPROC_HANDSHAKE_KEY_SIZE);
  g_assert_cmpint (memcmp (client_send, server_send, AIOPROC_HANDSHAKE_KEY_SIZE), !=, 0);
}

static void
test_success (void)
{
  static const guint8 zeros[AIOPROC_HANDSHAKE_KEY_SIZE];
  Side client = client_side;
  Side server = server_side;

  g_test_summary ("Two sides that have the same of everything agree on keys");

  for (guint i = 0; i < 16; i++)
    {
      g_auto(Talk) talk = { NULL };
      g_auto(Talk) other = { NULL };
      guint8 keys[4][AIOPROC_HANDSHAKE_KEY_SIZE];
      gsize length;

      client.flags = server.flags = (i & 1) != 0 ? AIOPROC_HANDSHAKE_FLAGS_SEALED : 0;
      client.binding = server.binding = (i & 2) != 0 ? "a channel" : NULL;
      client.client_address = server.client_address = (i & 4) != 0 ? "here:1" : "";
      client.key = server.key = (i & 8) != 0
        ? "a very long one, of more bytes than the digest has in one of its blocks, which are 64"
        : "k";

      talk_through (&talk, &client, &server, NULL, NULL);
      g_assert_no_error (talk.client_error);
      g_assert_no_error (talk.server_error);
      g_assert_true (talk_is_over (&talk));
      g_assert_null (aioproc_handshake_peek_output (talk.client, &length));
      g_assert_null (aioproc_handshake_peek_output (talk.server, &length));
      g_assert_cmpuint (aioproc_handshake_get_wanted (talk.client), ==, 0);
      g_assert_cmpuint (aioproc_handshake_get_wanted (talk.server), ==, 0);
      assert_keys (&talk, keys[0], keys[1]);

      /* Nothing is as in another handshake of the same two. */
      talk_through (&other, &client, &server, NULL, NULL);
      g_assert_true (talk_is_over (&other));
      assert_keys (&other, keys[2], keys[3]);

      for (guint j = 0; j < G_N_ELEMENTS (keys); j++)
        {
          g_assert_cmpint (memcmp (keys[j], zeros, sizeof zeros), !=, 0);

          for (guint k = 0; k < j; k++)
            g_assert_cmpint (memcmp (keys[j], keys[k], sizeof keys[j]), !=, 0);
        }

      for (guint j = 0; j < N_SAID; j++)
        g_assert_false (g_bytes_equal (talk.said[j], other.said[j]));
    }
}

static void
test_no_key (void)
{
  g_auto(Talk) talk = { NULL };
  Side client = client_side;
  Side server = server_side;

  g_test_summary ("Without a key two hellos are all");

  client.key = server.key = NULL;
  client.flags = server.flags = 0;
  /* Nothing hangs on them. */
  server.client_address = "elsewhere";
  talk_through (&talk, &client, &server, NULL, NULL);
  g_assert_no_error (talk.client_error);
  g_assert_no_error (talk.server_error);
  g_assert_true (talk_is_over (&talk));
  g_assert_nonnull (talk.said[SERVER_HELLO]);
  g_assert_null (talk.said[CLIENT_PROOF]);
}

static void
append_with_length (GByteArray    *text,
                    gconstpointer  data,
                    gsize          length)
{
  guint32 prefix = GUINT32_TO_LE ((guint32) length);

  g_byte_array_append (text, (const guint8 *) &prefix, sizeof prefix);
  g_byte_array_append (text, data, length);
}

static void
assert_proof (Talk       *talk,
              Said        said,
              const char *label)
{
  g_autoptr(GByteArray) text = g_byte_array_new ();
  guint8 key[AIOPROC_HMAC_SIZE];
  guint8 code[AIOPROC_HMAC_SIZE];
  gsize size = sizeof key;
  g_autoptr(GHmac) key_hmac = NULL;
  g_autoptr(GHmac) hmac = NULL;
  const guint8 *proof = g_bytes_get_data (talk->said[said], NULL);

  key_hmac = g_hmac_new (G_CHECKSUM_SHA256, (const guchar *) "aioproc-handshake-1 key", 23);
  append_with_length (text, "the key", 7);
  g_hmac_update (key_hmac, text->data, text->len);
  g_hmac_get_digest (key_hmac, key, &size);

  g_byte_array_set_size (text, 0);
  append_with_length (text, label, strlen (label));
  append_with_length (text, g_bytes_get_data (talk->said[CLIENT_HELLO], NULL), HELLO_SIZE);
  append_with_length (text, g_bytes_get_data (talk->said[SERVER_HELLO], NULL), HELLO_SIZE);
  append_with_length (text, "", 0);
  append_with_length (text, "here:1", 6);
  append_with_length (text, "there:2", 7);
  hmac = g_hmac_new (G_CHECKSUM_SHA256, key, sizeof key);
  g_hmac_update (hmac, text->data, text->len);
  g_hmac_get_digest (hmac, code, &size);
  g_assert_cmpmem (proof, 8, "AIOPROOF", 8);
  g_assert_cmpmem (proof + 8, PROOF_SIZE - 8, code, sizeof code);
}

static void
test_bytes (void)
{
  g_auto(Talk) talk = { NULL };

  g_test_summary ("What is said has the bytes that are documented");
  talk_through (&talk, &client_side, &server_side, NULL, NULL);
  g_assert_true (talk_is_over (&talk));

  for (Said said = CLIENT_HELLO; said <= SERVER_HELLO; said++)
    {
      const guint8 *hello = g_bytes_get_data (talk.said[said], NULL);
      const guint8 fixed[] = {
        'A', 'I', 'O', 'H', 'E', 'L', 'L', 'O', 1, 0, said == CLIENT_HELLO ? 1 : 2, 0, 5, 0, 0, 0,
      };

      g_assert_cmpuint (g_bytes_get_size (talk.said[said]), ==, HELLO_SIZE);
      g_assert_cmpmem (hello, sizeof fixed, fixed, sizeof fixed);
    }

  g_assert_cmpuint (g_bytes_get_size (talk.said[CLIENT_PROOF]), ==, PROOF_SIZE);
  g_assert_cmpuint (g_bytes_get_size (talk.said[SERVER_PROOF]), ==, PROOF_SIZE);
  assert_proof (&talk, CLIENT_PROOF, "aioproc-handshake-1 client proof");
  assert_proof (&talk, SERVER_PROOF, "aioproc-handshake-1 server proof");
}

/* --- Two that do not fit together --- */

static void
test_wrong_key (void)
{
  static const char * const keys[] = { "another key", "k", "the ke", "the key ", "The key" };
  Side server = server_side;

  g_test_summary ("Another key is refused, and both know it");

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_auto(Talk) talk = { NULL };

      server.key = keys[i];
      talk_through (&talk, &client_side, &server, NULL, NULL);
      talk_assert_refused_by_proof (&talk);
    }
}

static void
test_zeros_at_the_end (void)
{
  static const guint8 zeros[64] = "key";
  g_autoptr(GBytes) address = g_bytes_new_static ("x", 1);
  g_autoptr(GBytes) client_key = g_bytes_new_static (zeros, 3);

  g_test_summary ("A key with zeros more at its end is another one, for all that HMAC knows");

  for (gsize size = 3; size <= sizeof zeros; size++)
    {
      g_autoptr(GBytes) key = g_bytes_new_static (zeros, size);
      g_autoptr(AioprocHandshake) server = NULL;
      g_autoptr(AioprocHandshake) client = NULL;
      g_autoptr(GBytes) client_hello = NULL;
      g_autoptr(GBytes) server_hello = NULL;
      g_autoptr(GBytes) proof = NULL;
      g_autoptr(GError) error = NULL;

      client = aioproc_handshake_new (AIOPROC_HANDSHAKE_CLIENT, client_key, 0, NULL, address,
                                      address);
      server = aioproc_handshake_new (AIOPROC_HANDSHAKE_SERVER, key, 0, NULL, address, address);
      client_hello = take_output (client);
      g_assert_true (hear (server, client_hello, &error));
      server_hello = take_output (server);
      g_assert_true (hear (client, server_hello, &error));
      proof = take_output (client);
      g_assert_cmpint (hear (server, proof, &error), ==, size == 3);
    }
}

static void
test_missing_key (void)
{
  Side client = client_side;
  Side server = server_side;

  g_test_summary ("A key on one side only is an error on both, at once");
  client.flags = server.flags = 0;

  for (guint i = 0; i < 2; i++)
    {
      g_auto(Talk) talk = { NULL };

      client.key = i == 0 ? NULL : "the key";
      server.key = i == 0 ? "the key" : NULL;
      talk_through (&talk, &client, &server, NULL, NULL);

      if (i == 0)
        talk_assert_refused (&talk, "The server has a key, and this client has none",
                        "The client has no key, and this server has one");
      else
        talk_assert_refused (&talk, "The server has no key, and this client has one",
                        "The client has a key, and this server has none");

      /* No proof was given away. */
      g_assert_null (talk.said[CLIENT_PROOF]);
    }
}

static void
test_other_options (void)
{
  Side client = client_side;
  Side server = server_side;

  g_test_summary ("TLS or sealing on one side only is an error on both");

  for (guint i = 0; i < 2; i++)
    {
      g_auto(Talk) tls = { NULL };
      g_auto(Talk) sealing = { NULL };

      client = client_side;
      server = server_side;
      *(i == 0 ? &client.binding : &server.binding) = "a channel";
      talk_through (&tls, &client, &server, NULL, NULL);
      talk_assert_refused (&tls, "The server talks to somebody *, and this client *",
                      "The client talks to somebody *, and this server *");

      client = client_side;
      server = server_side;
      *(i == 0 ? &client.flags : &server.flags) = 0;
      talk_through (&sealing, &client, &server, NULL, NULL);
      talk_assert_refused (&sealing, "The server *seal*, and this client does*",
                      "The client *seal*, and this server does*");
      g_assert_null (tls.said[CLIENT_PROOF]);
      g_assert_null (sealing.said[CLIENT_PROOF]);
    }
}

static void
test_other_views (void)
{
  /* Each differs from "a channel", "here:1", "there:2", and the last ones by nothing but where one
   * of them ends.
   */
  static const Side servers[] = {
    { AIOPROC_HANDSHAKE_SERVER, "the key", 0, "a channel", "here:1", "there:3" },
    { AIOPROC_HANDSHAKE_SERVER, "the key", 0, "a channel", "here:2", "there:2" },
    { AIOPROC_HANDSHAKE_SERVER, "the key", 0, "a channel", "there:2", "here:1" },
    { AIOPROC_HANDSHAKE_SERVER, "the key", 0, "another", "here:1", "there:2" },
    { AIOPROC_HANDSHAKE_SERVER, "the key", 0, "", "here:1", "there:2" },
    { AIOPROC_HANDSHAKE_SERVER, "the key", 0, "a channel", "here:1t", "here:2" },
    { AIOPROC_HANDSHAKE_SERVER, "the key", 0, "a channelh", "ere:1", "there:2" },
    { AIOPROC_HANDSHAKE_SERVER, "the key", 0, "a channelhere:1there:2", "", "" },
  };
  Side client = client_side;

  g_test_summary ("Somebody between the two is refused: each sees another connection");
  client.flags = 0;
  client.binding = "a channel";

  for (guint i = 0; i < G_N_ELEMENTS (servers); i++)
    {
      g_auto(Talk) talk = { NULL };

      talk_through (&talk, &client, &servers[i], NULL, NULL);
      talk_assert_refused_by_proof (&talk);
    }
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/handshake/success", test_success);
  aioproc_test_add_func ("/aioproc/handshake/no-key", test_no_key);
  aioproc_test_add_func ("/aioproc/handshake/bytes", test_bytes);
  aioproc_test_add_func ("/aioproc/handshake/wrong-key", test_wrong_key);
  aioproc_test_add_func ("/aioproc/handshake/zeros-at-the-end", test_zeros_at_the_end);
  aioproc_test_add_func ("/aioproc/handshake/missing-key", test_missing_key);
  aioproc_test_add_func ("/aioproc/handshake/other-options", test_other_options);
  aioproc_test_add_func ("/aioproc/handshake/other-views", test_other_views);

  return g_test_run ();
}
