/* handshake-test.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "handshake-test.h"

#include <string.h>

#include "aioproc-error.h"

const Side client_side = {
  AIOPROC_HANDSHAKE_CLIENT, "the key", AIOPROC_HANDSHAKE_FLAGS_SEALED, NULL, "here:1", "there:2",
};
const Side server_side = {
  AIOPROC_HANDSHAKE_SERVER, "the key", AIOPROC_HANDSHAKE_FLAGS_SEALED, NULL, "here:1", "there:2",
};

static GBytes *
bytes_or_null (const char *text)
{
  return text != NULL ? g_bytes_new (text, strlen (text)) : NULL;
}

AioprocHandshake *
side_start (const Side *side)
{
  g_autoptr(GBytes) key = bytes_or_null (side->key);
  g_autoptr(GBytes) binding = bytes_or_null (side->binding);
  g_autoptr(GBytes) client_address = bytes_or_null (side->client_address);
  g_autoptr(GBytes) server_address = bytes_or_null (side->server_address);

  return aioproc_handshake_new (side->role, key, side->flags, binding, client_address,
                                server_address);
}

GBytes *
take_output (AioprocHandshake *handshake)
{
  gsize length;
  const guint8 *data = aioproc_handshake_peek_output (handshake, &length);
  GBytes *output;

  g_assert_nonnull (data);
  g_assert_cmpuint (length, >, 0);
  g_assert_cmpuint (aioproc_handshake_get_wanted (handshake), ==, 0);
  g_assert_false (aioproc_handshake_is_over (handshake));
  output = g_bytes_new (data, length);
  aioproc_handshake_sent (handshake);
  g_assert_null (aioproc_handshake_peek_output (handshake, &length));
  g_assert_cmpuint (length, ==, 0);

  return output;
}

void
drop_output (AioprocHandshake *handshake)
{
  g_bytes_unref (take_output (handshake));
}

gboolean
hear (AioprocHandshake  *handshake,
      GBytes            *message,
      GError           **error)
{
  gsize length;
  const guint8 *data = g_bytes_get_data (message, &length);
  /* Of just this size, so that a read beyond it is found. */
  g_autofree guint8 *copy = g_memdup2 (data, length);
  gboolean result;

  g_assert_cmpuint (aioproc_handshake_get_wanted (handshake), ==, length);
  result = aioproc_handshake_receive (handshake, copy, length, error);

  if (!result)
    {
      g_assert_cmpuint (aioproc_handshake_get_wanted (handshake), ==, 0);
      g_assert_false (aioproc_handshake_is_over (handshake));
    }

  return result;
}

void
talk_clear (Talk *talk)
{
  g_clear_pointer (&talk->client, aioproc_handshake_free);
  g_clear_pointer (&talk->server, aioproc_handshake_free);
  g_clear_error (&talk->client_error);
  g_clear_error (&talk->server_error);

  for (guint i = 0; i < N_SAID; i++)
    g_clear_pointer (&talk->said[i], g_bytes_unref);
}

void
talk_through (Talk       *talk,
              const Side *client,
              const Side *server,
              Meddle      meddle,
              gpointer    data)
{
  talk->client = side_start (client);
  talk->server = side_start (server);

  for (Said said = CLIENT_HELLO; said < N_SAID; said++)
    {
      gboolean to_server = said == CLIENT_HELLO || said == CLIENT_PROOF;
      AioprocHandshake *from = to_server ? talk->client : talk->server;
      AioprocHandshake *to = to_server ? talk->server : talk->client;
      GError **error = to_server ? &talk->server_error : &talk->client_error;
      g_autoptr(GBytes) heard = NULL;
      gsize length;

      if (aioproc_handshake_peek_output (from, &length) == NULL)
        return;

      talk->said[said] = take_output (from);
      heard = meddle != NULL ? meddle (said, talk->said[said], data) : NULL;

      if (heard == NULL)
        heard = g_bytes_ref (talk->said[said]);

      if (aioproc_handshake_get_wanted (to) != g_bytes_get_size (heard))
        return;

      hear (to, heard, error);
    }
}

gboolean
talk_is_over (Talk *talk)
{
  return aioproc_handshake_is_over (talk->client) && aioproc_handshake_is_over (talk->server);
}

void
talk_assert_refused (Talk       *talk,
                     const char *client_text,
                     const char *server_text)
{
  g_assert_false (aioproc_handshake_is_over (talk->client));
  g_assert_false (aioproc_handshake_is_over (talk->server));
  g_assert_error (talk->client_error, AIOPROC_ERROR, AIOPROC_ERROR_AUTHENTICATION_FAILED);
  g_assert_error (talk->server_error, AIOPROC_ERROR, AIOPROC_ERROR_AUTHENTICATION_FAILED);

  if (!g_pattern_match_simple (client_text, talk->client_error->message))
    g_error ("Client: %s", talk->client_error->message);

  if (!g_pattern_match_simple (server_text, talk->server_error->message))
    g_error ("Server: %s", talk->server_error->message);
}

void
talk_assert_refused_by_proof (Talk *talk)
{
  talk_assert_refused (talk, "The server has refused this client: it has another key, or *relay",
                       "The client could not prove that it has the same key *relay between");
}
