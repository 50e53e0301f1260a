/* fuzz-handshake.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A peer that knows the key, or not, and says what the input wants. What it says is right by
 * itself, codes included, so that an input gets to the end, unless the input changes it. The two
 * have to agree only if they have the same of everything and nothing was changed.
 */

#include "aioproc-error.h"
#include "core/aioproc-handshake-private.h"
#include "fuzz.h"

#define HELLO_SIZE 48
#define PROOF_SIZE 40
#define MAX_SAID   2
#define CODE_SIZE  32

/* The peer’s codes are wrong. */
gboolean fuzz_has_fault;

/* What a side has and sees. */
typedef struct {
  guint32  options;        /* as in the hello */
  GBytes  *key;            /* (owned) used if the options say so */
  GBytes  *binding;        /* (owned) the same */
  GBytes  *addresses[2];   /* (owned) by role */
} Side;

/* One byte of one message is changed. */
typedef struct {
  guint8 message;
  guint8 at;
  guint8 value;     /* 0: none is */
} Change;

typedef struct {
  AioprocHandshakeRole role;      /* of the library’s side */
  Side                 own;
  Side                 peer;
  Change               changes[MAX_SAID];
  gboolean             is_changed;
  guint8               hellos[2][HELLO_SIZE];   /* as they were said */
  guint8               heard_hello[HELLO_SIZE]; /* the peer’s, as it came */
  guint                n_said;
} Talk;

/* --- What is random is the same each time --- */

/* The linker sends calls of it here. */
#define WRAP(name) __wrap_ ## name

void WRAP (aioproc_random_fill) (guint8 *buffer,
                                 gsize   length);

void
WRAP (aioproc_random_fill) (guint8 *buffer,
                            gsize   length)
{
  memset (buffer, 0x5a, length);
}

/* --- Sides --- */

static GBytes *
take_bytes (FuzzInput *input,
            gsize      min_length)
{
  gsize length = fuzz_input_take_byte (input) % 70;
  guint8 *data;

  length = MAX (length, min_length);
  data = g_malloc (MAX (length, 1));
  fuzz_input_take (input, data, length);

  return g_bytes_new_take (data, length);
}

static void
side_take (Side      *self,
           FuzzInput *input)
{
  self->options = fuzz_input_take_byte (input) % 8;

  /* There is nothing to seal with. */
  if ((self->options & 1) == 0)
    self->options &= ~4u;

  self->key = take_bytes (input, 1);
  self->binding = take_bytes (input, 0);
  self->addresses[0] = take_bytes (input, 0);
  self->addresses[1] = take_bytes (input, 0);
}

/* The other one’s, but for what the input wants to be its own. */
static void
side_take_like (Side       *self,
                const Side *other,
                FuzzInput  *input)
{
  guint8 own = fuzz_input_take_byte (input);

  self->options = (own & 1) != 0 ? fuzz_input_take_byte (input) % 8 : other->options;
  self->key = (own & 2) != 0 ? take_bytes (input, 1) : g_bytes_ref (other->key);
  self->binding = (own & 4) != 0 ? take_bytes (input, 0) : g_bytes_ref (other->binding);

  for (guint i = 0; i < 2; i++)
    self->addresses[i] = (own & 8 << i) != 0 ? take_bytes (input, 0)
                                             : g_bytes_ref (other->addresses[i]);
}

static void
side_clear (Side *self)
{
  g_bytes_unref (self->key);
  g_bytes_unref (self->binding);
  g_bytes_unref (self->addresses[0]);
  g_bytes_unref (self->addresses[1]);
}

static gboolean
sides_agree (const Side *a,
             const Side *b)
{
  if (a->options != b->options)
    return FALSE;

  /* Without a key nothing else is told. */
  if ((a->options & 1) == 0)
    return TRUE;

  return g_bytes_equal (a->key, b->key) &&
         ((a->options & 2) == 0 || g_bytes_equal (a->binding, b->binding)) &&
         g_bytes_equal (a->addresses[0], b->addresses[0]) &&
         g_bytes_equal (a->addresses[1], b->addresses[1]);
}

static AioprocHandshake *
side_start (const Side           *self,
            AioprocHandshakeRole  role)
{
  return aioproc_handshake_new (role, (self->options & 1) != 0 ? self->key : NULL,
                                (self->options & 4) != 0 ? AIOPROC_HANDSHAKE_FLAGS_SEALED : 0,
                                (self->options & 2) != 0 ? self->binding : NULL,
                                self->addresses[AIOPROC_HANDSHAKE_CLIENT],
                                self->addresses[AIOPROC_HANDSHAKE_SERVER]);
}

/* --- The peer’s codes, by what is documented --- */

static void
append (GByteArray    *text,
        gconstpointer  data,
        gsize          length)
{
  guint32 prefix = GUINT32_TO_LE ((guint32) length);

  g_byte_array_append (text, (const guint8 *) &prefix, sizeof prefix);

  if (length > 0)
    g_byte_array_append (text, data, (guint) length);
}

static void
append_bytes (GByteArray *text,
              GBytes     *bytes)
{
  append (text, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

static void
compute (const guint8 *key,
         gsize         key_length,
         GByteArray   *text,
         guint8        code[CODE_SIZE])
{
  g_autoptr(GHmac) hmac = g_hmac_new (G_CHECKSUM_SHA256, key, key_length);
  gsize size = CODE_SIZE;

  g_hmac_update (hmac, text->data, text->len);
  g_hmac_get_digest (hmac, code, &size);
}

static void
derive (Talk       *talk,
        const char *what,
        guint8      code[CODE_SIZE])
{
  static const char key_label[] = "aioproc-handshake-1 key";
  g_autofree char *label = g_strconcat ("aioproc-handshake-1 ", what, NULL);
  g_autoptr(GByteArray) text = g_byte_array_new ();
  guint8 key[CODE_SIZE];

  append_bytes (text, talk->peer.key);
  compute ((const guint8 *) key_label, strlen (key_label), text, key);
  g_byte_array_set_size (text, 0);
  append (text, label, strlen (label));
  append (text, talk->hellos[AIOPROC_HANDSHAKE_CLIENT], HELLO_SIZE);
  append (text, talk->hellos[AIOPROC_HANDSHAKE_SERVER], HELLO_SIZE);

  if ((talk->peer.options & 2) != 0)
    append_bytes (text, talk->peer.binding);
  else
    append (text, NULL, 0);

  append_bytes (text, talk->peer.addresses[AIOPROC_HANDSHAKE_CLIENT]);
  append_bytes (text, talk->peer.addresses[AIOPROC_HANDSHAKE_SERVER]);
  compute (key, sizeof key, text, code);
  code[0] ^= fuzz_has_fault;
}

/* --- The talk --- */

/* What the peer says next. Returns its length. */
static gsize
talk_say (Talk   *talk,
          guint8 *said)
{
  AioprocHandshakeRole peer = talk->role == AIOPROC_HANDSHAKE_CLIENT ? AIOPROC_HANDSHAKE_SERVER
                                                                    : AIOPROC_HANDSHAKE_CLIENT;
  const Change *change = &talk->changes[talk->n_said];
  gsize length = talk->n_said == 0 ? HELLO_SIZE : PROOF_SIZE;

  g_assert_cmpuint (talk->n_said, <, MAX_SAID);
  memset (said, 0, length);

  if (talk->n_said == 0)
    {
      memcpy (said, "AIOHELLO", 8);
      said[8] = 1;
      said[10] = peer == AIOPROC_HANDSHAKE_CLIENT ? 1 : 2;
      said[12] = (guint8) talk->peer.options;
      memset (said + 16, 0xa5, 32);
      memcpy (talk->hellos[peer], said, HELLO_SIZE);
    }
  else
    {
      memcpy (said, "AIOPROOF", 8);
      derive (talk, peer == AIOPROC_HANDSHAKE_CLIENT ? "client proof" : "server proof", said + 8);
    }

  if (change->value != 0)
    {
      said[change->at % length] ^= change->value;
      talk->is_changed = TRUE;
    }

  if (talk->n_said == 0)
    memcpy (talk->heard_hello, said, HELLO_SIZE);

  talk->n_said++;

  return length;
}

/* What the library’s side says. */
static void
talk_hear (Talk         *talk,
           const guint8 *heard,
           gsize         length)
{
  g_assert_true (length == HELLO_SIZE || length == PROOF_SIZE);

  if (length == HELLO_SIZE)
    {
      g_assert_cmpmem (heard, 8, "AIOHELLO", 8);
      g_assert_cmpuint (heard[12], ==, talk->own.options);
      memcpy (talk->hellos[talk->role], heard, HELLO_SIZE);
    }
  else
    {
      g_assert_cmpmem (heard, 8, "AIOPROOF", 8);
    }
}

static void
assert_error (const GError *error)
{
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA) &&
      !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED) &&
      !g_error_matches (error, AIOPROC_ERROR, AIOPROC_ERROR_AUTHENTICATION_FAILED))
    g_error ("Unexpected error: %s", error->message);

  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

static void
assert_keys (Talk             *talk,
             AioprocHandshake *handshake)
{
  gboolean is_client = talk->role == AIOPROC_HANDSHAKE_CLIENT;
  guint8 send_key[AIOPROC_HANDSHAKE_KEY_SIZE];
  guint8 receive_key[AIOPROC_HANDSHAKE_KEY_SIZE];
  guint8 client_key[CODE_SIZE];
  guint8 server_key[CODE_SIZE];

  aioproc_handshake_get_keys (handshake, send_key, receive_key);
  derive (talk, "client records", client_key);
  derive (talk, "server records", server_key);
  g_assert_cmpmem (is_client ? send_key : receive_key, CODE_SIZE, client_key, CODE_SIZE);
  g_assert_cmpmem (is_client ? receive_key : send_key, CODE_SIZE, server_key, CODE_SIZE);
}

/* Whether all but the nonce is as @role, with those options, wants it. */
static gboolean
hello_is_good (const guint8         *hello,
               AioprocHandshakeRole  role,
               guint32               options)
{
  const guint8 good[] = {
    'A', 'I', 'O', 'H', 'E', 'L', 'L', 'O', 1, 0, role == AIOPROC_HANDSHAKE_CLIENT ? 2 : 1, 0,
    (guint8) options, 0, 0, 0,
  };

  return memcmp (hello, good, sizeof good) == 0;
}

/* With the target’s own peer. */
static void
fuzz_peer (Talk *talk)
{
  g_autoptr(AioprocHandshake) handshake = side_start (&talk->own, talk->role);
  g_autoptr(GError) error = NULL;
  gboolean expected;
  const guint8 *output;
  gsize length;

  for (;;)
    {
      g_autofree guint8 *said = NULL;
      gsize wanted;

      while ((output = aioproc_handshake_peek_output (handshake, &length)) != NULL)
        {
          g_assert_cmpuint (aioproc_handshake_get_wanted (handshake), ==, 0);
          g_assert_false (aioproc_handshake_is_over (handshake));
          talk_hear (talk, output, length);
          aioproc_handshake_sent (handshake);
        }

      wanted = aioproc_handshake_get_wanted (handshake);

      if (wanted == 0)
        break;

      g_assert_null (error);
      said = g_malloc (wanted);
      g_assert_cmpuint (talk_say (talk, said), ==, wanted);

      if (!aioproc_handshake_receive (handshake, said, wanted, &error))
        assert_error (error);
    }

  /* Without a key nobody can tell whether a nonce was changed, or what the peer has. */
  if ((talk->own.options & 1) != 0)
    expected = sides_agree (&talk->own, &talk->peer) && !talk->is_changed;
  else
    expected = hello_is_good (talk->heard_hello, talk->role, talk->own.options);

  g_assert_cmpint (error == NULL, ==, expected);
  g_assert_cmpint (aioproc_handshake_is_over (handshake), ==, expected);

  if (error == NULL && (talk->own.options & 1) != 0)
    assert_keys (talk, handshake);
}

/* Two of the library’s, with somebody between them who changes some messages. */
static void
fuzz_between (Talk *talk)
{
  const Side *sides[2] = { &talk->own, &talk->peer };
  AioprocHandshake *handshakes[2];
  GError *errors[2] = { NULL, NULL };
  gboolean is_changed[4] = { FALSE };
  gboolean is_good[2] = { FALSE };   /* by role: the hello that it has heard */
  gboolean expected[2];
  gboolean agree = sides_agree (sides[0], sides[1]);

  for (guint i = 0; i < 2; i++)
    handshakes[i] = side_start (sides[i], i);

  for (guint n = 0; n < 4; n++)
    {
      guint from = n % 2;
      gsize length;
      const guint8 *output = aioproc_handshake_peek_output (handshakes[from], &length);
      g_autofree guint8 *said = NULL;

      if (output == NULL)
        break;

      said = g_memdup2 (output, length);

      for (guint i = 0; i < MAX_SAID; i++)
        if (talk->changes[i].message % 4 == n)
          said[talk->changes[i].at % length] ^= talk->changes[i].value;

      is_changed[n] = memcmp (said, output, length) != 0;
      aioproc_handshake_sent (handshakes[from]);

      if (aioproc_handshake_get_wanted (handshakes[!from]) != length)
        break;

      if (n < 2)
        is_good[!from] = hello_is_good (said, !from, sides[!from]->options);

      if (!aioproc_handshake_receive (handshakes[!from], said, length, &errors[!from]))
        assert_error (errors[!from]);
    }

  expected[1] = (sides[1]->options & 1) == 0
    ? is_good[1]
    : agree && !is_changed[0] && !is_changed[1] && !is_changed[2];
  expected[0] = (sides[0]->options & 1) == 0
    ? is_good[0]
    : agree && !is_changed[0] && !is_changed[1] && !is_changed[2] && !is_changed[3];

  for (guint i = 0; i < 2; i++)
    {
      g_assert_cmpint (aioproc_handshake_is_over (handshakes[i]), ==, expected[i]);
      g_assert_false (expected[i] && errors[i] != NULL);
      g_clear_error (&errors[i]);
      aioproc_handshake_free (handshakes[i]);
    }
}

int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  FuzzInput input = { data, size };
  Talk talk = { 0 };
  guint8 kind = fuzz_input_take_byte (&input);

  talk.role = (kind & 1) != 0 ? AIOPROC_HANDSHAKE_SERVER : AIOPROC_HANDSHAKE_CLIENT;

  for (guint i = 0; i < MAX_SAID; i++)
    {
      talk.changes[i].message = fuzz_input_take_byte (&input);
      talk.changes[i].at = fuzz_input_take_byte (&input);
      talk.changes[i].value = fuzz_input_take_byte (&input);
    }

  side_take (&talk.own, &input);
  side_take_like (&talk.peer, &talk.own, &input);

  if (kind % 4 < 2)
    {
      fuzz_peer (&talk);
    }
  else
    {
      /* A side of the library’s cannot seal without a key. */
      if ((talk.peer.options & 1) == 0)
        talk.peer.options &= ~4u;

      fuzz_between (&talk);
    }

  side_clear (&talk.own);
  side_clear (&talk.peer);

  return 0;
}
