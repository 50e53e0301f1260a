/* aioproc-handshake.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-handshake-private.h"

#include <string.h>

#include "aioproc-error.h"
#include "core/aioproc-hmac-private.h"
#include "platform/aioproc-random-private.h"

#define VERSION 1

/* The hello. */
#define HELLO_MAGIC   "AIOHELLO"
#define HELLO_VERSION 8
#define HELLO_ROLE    10
#define HELLO_OPTIONS 12
#define HELLO_NONCE   16
#define HELLO_SIZE    48

/* The proof; with zeros for the code it is a refusal. */
#define PROOF_MAGIC   "AIOPROOF"
#define PROOF_CODE    8
#define PROOF_SIZE    40

#define MAGIC_SIZE    8
#define NONCE_SIZE    32

/* Options in a hello: each side says what it has, and both must have the same. */
#define OPTION_KEY    (1u << 0)
#define OPTION_TLS    (1u << 1)
#define OPTION_SEALED (1u << 2)
#define OPTIONS_ALL   (OPTION_KEY | OPTION_TLS | OPTION_SEALED)

/* What is derived from the key has a label of its own for each use and each side, so that nothing
 * that one side says can be said by the other.
 */
#define LABEL_KEY            "aioproc-handshake-1 key"
#define LABEL_CLIENT_PROOF   "aioproc-handshake-1 client proof"
#define LABEL_SERVER_PROOF   "aioproc-handshake-1 server proof"
#define LABEL_CLIENT_RECORDS "aioproc-handshake-1 client records"
#define LABEL_SERVER_RECORDS "aioproc-handshake-1 server records"

G_STATIC_ASSERT (HELLO_NONCE + NONCE_SIZE == HELLO_SIZE);
G_STATIC_ASSERT (PROOF_CODE + AIOPROC_HMAC_SIZE == PROOF_SIZE);
G_STATIC_ASSERT (AIOPROC_HMAC_SIZE == AIOPROC_HANDSHAKE_KEY_SIZE);
G_STATIC_ASSERT (sizeof HELLO_MAGIC - 1 == MAGIC_SIZE && sizeof PROOF_MAGIC - 1 == MAGIC_SIZE);

typedef enum {
  STATE_HELLO,   /* the peer's is next */
  STATE_PROOF,   /* the same */
  STATE_OVER,
  STATE_FAILED,
} State;

struct _AioprocHandshake {
  AioprocHandshakeRole role;
  State                state;
  guint32              options;
  GBytes              *binding;              /* (owned) (nullable) */
  GBytes              *addresses[2];         /* (owned) by role */
  guint8               key[AIOPROC_HMAC_SIZE]; /* derived from the real one */
  guint8               hellos[2][HELLO_SIZE]; /* by role */
  guint8               output[HELLO_SIZE];
  gsize                output_length;        /* 0: nothing is to be sent */
};

static AioprocHandshakeRole
other_role (AioprocHandshakeRole role)
{
  return role == AIOPROC_HANDSHAKE_CLIENT ? AIOPROC_HANDSHAKE_SERVER : AIOPROC_HANDSHAKE_CLIENT;
}

static const char *
role_name (AioprocHandshakeRole role)
{
  return role == AIOPROC_HANDSHAKE_CLIENT ? "client" : "server";
}

/* --- Numbers on the wire: little-endian, at any address --- */

static void
store_16 (guint8  *to,
          guint16  value)
{
  value = GUINT16_TO_LE (value);
  memcpy (to, &value, sizeof value);
}

static void
store_32 (guint8  *to,
          guint32  value)
{
  value = GUINT32_TO_LE (value);
  memcpy (to, &value, sizeof value);
}

static guint16
load_16 (const guint8 *from)
{
  guint16 value;

  memcpy (&value, from, sizeof value);

  return GUINT16_FROM_LE (value);
}

static guint32
load_32 (const guint8 *from)
{
  guint32 value;

  memcpy (&value, from, sizeof value);

  return GUINT32_FROM_LE (value);
}

/* --- What is derived from the key --- */

/* With its length before it, so that what is hashed can be read in one way only. */
static void
feed (GHmac        *hmac,
      const guint8 *data,
      gsize         length)
{
  guint8 prefix[4];

  g_assert (length <= G_MAXUINT32);
  store_32 (prefix, (guint32) length);
  g_hmac_update (hmac, prefix, sizeof prefix);

  if (length > 0)
    g_hmac_update (hmac, data, (gssize) length);
}

static void
feed_bytes (GHmac  *hmac,
            GBytes *bytes)
{
  gsize length;
  const guint8 *data = g_bytes_get_data (bytes, &length);

  feed (hmac, data, length);
}

/* A code over all that the two sides have said and see. Where there is no binding, the options in
 * the hellos say so.
 */
static void
aioproc_handshake_derive (AioprocHandshake *self,
                          const char       *label,
                          guint8            to[AIOPROC_HMAC_SIZE])
{
  g_autoptr(GHmac) hmac = aioproc_hmac_new (self->key, sizeof self->key);

  feed (hmac, (const guint8 *) label, strlen (label));
  feed (hmac, self->hellos[AIOPROC_HANDSHAKE_CLIENT], HELLO_SIZE);
  feed (hmac, self->hellos[AIOPROC_HANDSHAKE_SERVER], HELLO_SIZE);

  if (self->binding != NULL)
    feed_bytes (hmac, self->binding);
  else
    feed (hmac, NULL, 0);

  feed_bytes (hmac, self->addresses[AIOPROC_HANDSHAKE_CLIENT]);
  feed_bytes (hmac, self->addresses[AIOPROC_HANDSHAKE_SERVER]);
  aioproc_hmac_finish (hmac, to);
}

static void
aioproc_handshake_make_proof (AioprocHandshake     *self,
                              AioprocHandshakeRole  role,
                              guint8                proof[PROOF_SIZE])
{
  memcpy (proof, PROOF_MAGIC, MAGIC_SIZE);
  aioproc_handshake_derive (self,
                            role == AIOPROC_HANDSHAKE_CLIENT ? LABEL_CLIENT_PROOF
                                                             : LABEL_SERVER_PROOF,
                            proof + PROOF_CODE);
}

/* --- What is said --- */

static void
aioproc_handshake_say (AioprocHandshake *self,
                       const guint8     *data,
                       gsize             length)
{
  g_assert (self->output_length == 0 && length <= sizeof self->output);
  memcpy (self->output, data, length);
  self->output_length = length;
}

static void
aioproc_handshake_say_hello (AioprocHandshake *self)
{
  aioproc_handshake_say (self, self->hellos[self->role], HELLO_SIZE);
}

static void
aioproc_handshake_say_proof (AioprocHandshake *self)
{
  guint8 proof[PROOF_SIZE];

  aioproc_handshake_make_proof (self, self->role, proof);
  aioproc_handshake_say (self, proof, sizeof proof);
}

static void
aioproc_handshake_say_refusal (AioprocHandshake *self)
{
  static const guint8 refusal[PROOF_SIZE] = PROOF_MAGIC;

  aioproc_handshake_say (self, refusal, sizeof refusal);
}

/* --- What is heard --- */

/* What the peer says without a proof decides nothing but which error it is. */
static gboolean
aioproc_handshake_check_options (AioprocHandshake  *self,
                                 guint32            options,
                                 GError           **error)
{
  const char *peer = role_name (other_role (self->role));
  const char *own = role_name (self->role);
  guint32 difference = self->options ^ options;

  if (difference == 0)
    return TRUE;

  if ((options & ~OPTIONS_ALL) != 0)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                 "The %s wants something of a connection that this %s does not know", peer, own);
  else if ((difference & OPTION_KEY) != 0)
    g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_AUTHENTICATION_FAILED,
                 "The %s has %s key, and this %s has %s",
                 peer, (options & OPTION_KEY) != 0 ? "a" : "no",
                 own, (self->options & OPTION_KEY) != 0 ? "one" : "none");
  else if ((difference & OPTION_TLS) != 0)
    g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_AUTHENTICATION_FAILED,
                 "The %s talks to somebody %s TLS, and this %s %s it",
                 peer, (options & OPTION_TLS) != 0 ? "over" : "without",
                 own, (self->options & OPTION_TLS) != 0 ? "over" : "without");
  else
    g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_AUTHENTICATION_FAILED,
                 "The %s %s, and this %s does%s",
                 peer, (options & OPTION_SEALED) != 0 ? "seals what it sends"
                                                      : "does not seal what it sends",
                 own, (self->options & OPTION_SEALED) != 0 ? "" : " not");

  return FALSE;
}

static gboolean
aioproc_handshake_check_hello (AioprocHandshake  *self,
                               const guint8      *hello,
                               GError           **error)
{
  AioprocHandshakeRole peer = other_role (self->role);

  if (load_16 (hello + HELLO_VERSION) != VERSION)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                   "The %s greets in version %u, and this %s in version %u",
                   role_name (peer), load_16 (hello + HELLO_VERSION), role_name (self->role),
                   VERSION);
      return FALSE;
    }

  return aioproc_handshake_check_options (self, load_32 (hello + HELLO_OPTIONS), error);
}

static gboolean
aioproc_handshake_hear_hello (AioprocHandshake  *self,
                              const guint8      *hello,
                              GError           **error)
{
  AioprocHandshakeRole peer = other_role (self->role);
  gboolean is_good;

  /* Whoever says that will not understand an answer either. */
  if (memcmp (hello, HELLO_MAGIC, MAGIC_SIZE) != 0 ||
      load_16 (hello + HELLO_ROLE) != (guint16) peer + 1)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "What has %s is not a %s of this library",
                   self->role == AIOPROC_HANDSHAKE_CLIENT ? "answered" : "connected",
                   role_name (peer));
      return FALSE;
    }

  memcpy (self->hellos[peer], hello, HELLO_SIZE);
  is_good = aioproc_handshake_check_hello (self, hello, error);

  /* Even if it is not: its hello is what tells the peer. */
  if (self->role == AIOPROC_HANDSHAKE_SERVER)
    aioproc_handshake_say_hello (self);

  if (!is_good)
    return FALSE;

  if ((self->options & OPTION_KEY) == 0)
    {
      self->state = STATE_OVER;
      return TRUE;
    }

  /* The client proves first: so whoever can reach a server gets nothing of it to try keys on. */
  if (self->role == AIOPROC_HANDSHAKE_CLIENT)
    aioproc_handshake_say_proof (self);

  self->state = STATE_PROOF;

  return TRUE;
}

static gboolean
aioproc_handshake_hear_proof (AioprocHandshake  *self,
                              const guint8      *proof,
                              GError           **error)
{
  static const guint8 refusal[PROOF_SIZE] = PROOF_MAGIC;
  AioprocHandshakeRole peer = other_role (self->role);
  guint8 expected[PROOF_SIZE];
  gboolean is_good;

  /* Code and form at once, and all of it in any case: neither the answer nor its time tells what
   * was wrong.
   */
  aioproc_handshake_make_proof (self, peer, expected);
  is_good = aioproc_hmac_is_equal (proof, expected, PROOF_SIZE);
  explicit_bzero (expected, sizeof expected);

  if (is_good)
    {
      if (self->role == AIOPROC_HANDSHAKE_SERVER)
        aioproc_handshake_say_proof (self);

      self->state = STATE_OVER;

      return TRUE;
    }

  if (self->role == AIOPROC_HANDSHAKE_SERVER)
    aioproc_handshake_say_refusal (self);

  /* There is nothing secret in a refusal. */
  if (self->role == AIOPROC_HANDSHAKE_CLIENT && memcmp (proof, refusal, PROOF_SIZE) == 0)
    g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_AUTHENTICATION_FAILED,
                 "The server has refused this client: it has another key, or sees the connection "
                 "at other addresses, as behind a translation of addresses or a relay");
  else
    g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_AUTHENTICATION_FAILED,
                 "The %s could not prove that it has the same key and sees the connection at the "
                 "same addresses: it has another key, or there is a translation of addresses or a "
                 "relay between", role_name (peer));

  return FALSE;
}

/* --- The whole --- */

AioprocHandshake *
aioproc_handshake_new (AioprocHandshakeRole   role,
                       GBytes                *key,
                       AioprocHandshakeFlags  flags,
                       GBytes                *binding,
                       GBytes                *client_address,
                       GBytes                *server_address)
{
  AioprocHandshake *self = g_new0 (AioprocHandshake, 1);
  guint8 *hello = self->hellos[role];

  g_assert (key == NULL || g_bytes_get_size (key) > 0);
  g_assert (key != NULL || (flags & AIOPROC_HANDSHAKE_FLAGS_SEALED) == 0);

  self->role = role;
  self->state = STATE_HELLO;
  self->options = (key != NULL ? OPTION_KEY : 0) |
                  (binding != NULL ? OPTION_TLS : 0) |
                  ((flags & AIOPROC_HANDSHAKE_FLAGS_SEALED) != 0 ? OPTION_SEALED : 0);
  self->binding = binding != NULL ? g_bytes_ref (binding) : NULL;
  self->addresses[AIOPROC_HANDSHAKE_CLIENT] = g_bytes_ref (client_address);
  self->addresses[AIOPROC_HANDSHAKE_SERVER] = g_bytes_ref (server_address);

  if (key != NULL)
    {
      /* As the text: as a key, one that only has zeros more at its end would be the same. */
      g_autoptr(GHmac) hmac = aioproc_hmac_new ((const guint8 *) LABEL_KEY, strlen (LABEL_KEY));

      feed_bytes (hmac, key);
      aioproc_hmac_finish (hmac, self->key);
    }

  memcpy (hello, HELLO_MAGIC, MAGIC_SIZE);
  store_16 (hello + HELLO_VERSION, VERSION);
  store_16 (hello + HELLO_ROLE, (guint16) role + 1);
  store_32 (hello + HELLO_OPTIONS, self->options);
  aioproc_random_fill (hello + HELLO_NONCE, NONCE_SIZE);

  if (role == AIOPROC_HANDSHAKE_CLIENT)
    aioproc_handshake_say_hello (self);

  return self;
}

void
aioproc_handshake_free (AioprocHandshake *self)
{
  g_clear_pointer (&self->binding, g_bytes_unref);

  for (guint i = 0; i < G_N_ELEMENTS (self->addresses); i++)
    g_bytes_unref (self->addresses[i]);

  explicit_bzero (self, sizeof *self);
  g_free (self);
}

const guint8 *
aioproc_handshake_peek_output (AioprocHandshake *self,
                               gsize            *length)
{
  *length = self->output_length;

  return self->output_length > 0 ? self->output : NULL;
}

void
aioproc_handshake_sent (AioprocHandshake *self)
{
  g_assert (self->output_length > 0);
  self->output_length = 0;
}

gsize
aioproc_handshake_get_wanted (AioprocHandshake *self)
{
  if (self->output_length > 0)
    return 0;

  switch (self->state)
    {
    case STATE_HELLO:
      return HELLO_SIZE;

    case STATE_PROOF:
      return PROOF_SIZE;

    case STATE_OVER:
    case STATE_FAILED:
    default:
      return 0;
    }
}

gboolean
aioproc_handshake_receive (AioprocHandshake  *self,
                           const guint8      *data,
                           gsize              length,
                           GError           **error)
{
  gboolean is_good;

  g_assert (length > 0 && length == aioproc_handshake_get_wanted (self));

  is_good = self->state == STATE_HELLO ? aioproc_handshake_hear_hello (self, data, error)
                                       : aioproc_handshake_hear_proof (self, data, error);

  if (!is_good)
    {
      self->state = STATE_FAILED;
      explicit_bzero (self->key, sizeof self->key);
    }

  return is_good;
}

gboolean
aioproc_handshake_is_over (AioprocHandshake *self)
{
  return self->state == STATE_OVER && self->output_length == 0;
}

void
aioproc_handshake_get_keys (AioprocHandshake *self,
                            guint8           *send_key,
                            guint8           *receive_key)
{
  gboolean is_client = self->role == AIOPROC_HANDSHAKE_CLIENT;

  g_assert (aioproc_handshake_is_over (self) && (self->options & OPTION_KEY) != 0);

  aioproc_handshake_derive (self, LABEL_CLIENT_RECORDS, is_client ? send_key : receive_key);
  aioproc_handshake_derive (self, LABEL_SERVER_RECORDS, is_client ? receive_key : send_key);
}
