/* test-seal.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "core/aioproc-seal-private.h"

#include "aioproc-test.h"

static const guint8 key[AIOPROC_SEAL_KEY_SIZE] = "the key of one direction";
static const guint8 other_key[AIOPROC_SEAL_KEY_SIZE] = "the key of the other";

static GBytes *
seal_text (AioprocSeal *seal,
           const char  *text)
{
  gsize length = strlen (text);
  gsize size = AIOPROC_SEAL_SIZE (length);
  guint8 *record = g_malloc (size);

  memcpy (record + AIOPROC_SEAL_HEAD, text, length);
  g_assert_cmpuint (aioproc_seal_close (seal, record, length), ==, size);

  return g_bytes_new_take (record, size);
}

static void
assert_opens (AioprocSeal *seal,
              GBytes      *record,
              const char  *text)
{
  g_autoptr(GError) error = NULL;
  gsize size;
  const guint8 *data = g_bytes_get_data (record, &size);
  gssize length;

  g_assert_true (aioproc_seal_open (seal, data, size, &length, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (data + AIOPROC_SEAL_HEAD, length, text, strlen (text));
}

static void
assert_bad (AioprocSeal  *seal,
            const guint8 *data,
            gsize         size)
{
  g_autoptr(GError) error = NULL;
  /* Of just this size, so that a read beyond it is found. */
  g_autofree guint8 *copy = g_memdup2 (data, size);
  gssize length;

  g_assert_false (aioproc_seal_open (seal, copy, size, &length, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_assert_cmpint (length, ==, -1);
}

static void
test_good (void)
{
  g_autoptr(AioprocSeal) from = aioproc_seal_new (key);
  g_autoptr(AioprocSeal) to = aioproc_seal_new (key);

  g_test_summary ("Records open in their order, the last one too");

  for (guint i = 0; i < 300; i++)
    {
      g_autofree char *text = g_strnfill (i, 'x');
      g_autoptr(GBytes) record = seal_text (from, text);

      assert_opens (to, record, text);
    }
}

static void
test_bytes (void)
{
  static const guint8 head[2][AIOPROC_SEAL_HEAD] = {
    { 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, { 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 },
  };
  static const char * const texts[] = { "one", "more" };
  g_autoptr(AioprocSeal) seal = aioproc_seal_new (key);

  g_test_summary ("A record has the bytes that are documented");

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr(GBytes) record = seal_text (seal, texts[i]);
      gsize length = strlen (texts[i]);
      const guint8 *data = g_bytes_get_data (record, NULL);
      g_autoptr(GHmac) hmac = g_hmac_new (G_CHECKSUM_SHA256, key, sizeof key);
      guint8 code[32];
      gsize size = sizeof code;

      g_hmac_update (hmac, head[i], sizeof head[i]);
      g_hmac_update (hmac, (const guchar *) texts[i], (gssize) length);
      g_hmac_get_digest (hmac, code, &size);
      g_assert_cmpmem (data, AIOPROC_SEAL_HEAD, head[i], sizeof head[i]);
      g_assert_cmpmem (data + AIOPROC_SEAL_HEAD, length, texts[i], length);
      g_assert_cmpmem (data + AIOPROC_SEAL_HEAD + length, AIOPROC_SEAL_TAIL, code, sizeof code);
    }
}

static void
test_incomplete (void)
{
  g_autoptr(AioprocSeal) from = aioproc_seal_new (key);
  g_autoptr(AioprocSeal) to = aioproc_seal_new (key);
  g_autoptr(GBytes) record = seal_text (from, "some text");
  g_autoptr(GError) error = NULL;
  gsize size;
  const guint8 *data = g_bytes_get_data (record, &size);

  g_test_summary ("As long as bytes are missing nothing is known, and nothing changes");

  for (gsize n = 0; n < size; n++)
    {
      g_autofree guint8 *copy = g_memdup2 (data, MAX (n, 1));
      gssize length = 0;

      g_assert_true (aioproc_seal_open (to, copy, n, &length, &error));
      g_assert_no_error (error);
      g_assert_cmpint (length, ==, -1);
    }

  assert_opens (to, record, "some text");
}

static void
test_flipped (void)
{
  g_autoptr(AioprocSeal) from = aioproc_seal_new (key);
  g_autoptr(GBytes) record = seal_text (from, "some text");
  gsize size;
  const guint8 *data = g_bytes_get_data (record, &size);

  g_test_summary ("No bit of a record can be changed");

  for (gsize bit = 0; bit < 8 * size; bit++)
    {
      g_autoptr(AioprocSeal) to = aioproc_seal_new (key);
      /* A length that was made longer waits for as much. */
      g_autofree guint8 *copy = g_malloc0 (AIOPROC_SEAL_SIZE (AIOPROC_SEAL_MAX));

      memcpy (copy, data, size);
      copy[bit / 8] ^= 1u << bit % 8;
      assert_bad (to, copy, AIOPROC_SEAL_SIZE (AIOPROC_SEAL_MAX));
    }
}

static void
test_long (void)
{
  static const guint32 lengths[] = { AIOPROC_SEAL_MAX + 1, G_MAXINT32, 1u << 31, G_MAXUINT32 };

  g_test_summary ("A length that is too large is told by the head alone");

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_autoptr(AioprocSeal) to = aioproc_seal_new (key);
      guint8 head[AIOPROC_SEAL_HEAD] = { 0 };
      guint32 length = GUINT32_TO_LE (lengths[i]);

      memcpy (head, &length, sizeof length);
      assert_bad (to, head, sizeof head);
    }
}

static void
test_order (void)
{
  g_autoptr(AioprocSeal) from = aioproc_seal_new (key);
  g_autoptr(AioprocSeal) back = aioproc_seal_new (other_key);
  g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  static const char * const texts[] = { "first", "other", "third", "" };

  g_test_summary ("Only the next record of that direction opens, not another of the same stream");

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_ptr_array_add (records, seal_text (from, texts[i]));

  g_ptr_array_add (records, seal_text (back, texts[0]));

  for (guint n_good = 0; n_good < G_N_ELEMENTS (texts); n_good++)
    for (guint next = 0; next < records->len; next++)
      {
        g_autoptr(AioprocSeal) to = aioproc_seal_new (key);
        GBytes *record = records->pdata[next];

        for (guint i = 0; i < n_good; i++)
          assert_opens (to, records->pdata[i], texts[i]);

        if (next == n_good)
          assert_opens (to, record, texts[next]);
        else
          assert_bad (to, g_bytes_get_data (record, NULL), g_bytes_get_size (record));
      }
}

static void
test_renumbered (void)
{
  g_autoptr(AioprocSeal) from = aioproc_seal_new (key);
  g_autoptr(AioprocSeal) to = aioproc_seal_new (key);
  g_autoptr(GBytes) record = seal_text (from, "first");
  g_autofree guint8 *copy = g_memdup2 (g_bytes_get_data (record, NULL), g_bytes_get_size (record));

  g_test_summary ("A record with the number of the next one is still the old one");
  assert_opens (to, record, "first");
  copy[4]++;
  assert_bad (to, copy, g_bytes_get_size (record));
}

static void
test_taken_back (void)
{
  g_autoptr(AioprocSeal) from = aioproc_seal_new (key);
  g_autoptr(AioprocSeal) to = aioproc_seal_new (key);
  g_autoptr(GBytes) first = seal_text (from, "first");
  g_autoptr(GBytes) never = seal_text (from, "never sent");
  g_autoptr(GBytes) second = NULL;

  g_test_summary ("What was never sent is not missed");
  aioproc_seal_take_back (from);
  second = seal_text (from, "second");
  assert_opens (to, first, "first");
  assert_opens (to, second, "second");
  assert_bad (to, g_bytes_get_data (never, NULL), g_bytes_get_size (never));
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/seal/good", test_good);
  aioproc_test_add_func ("/aioproc/seal/bytes", test_bytes);
  aioproc_test_add_func ("/aioproc/seal/incomplete", test_incomplete);
  aioproc_test_add_func ("/aioproc/seal/flipped", test_flipped);
  aioproc_test_add_func ("/aioproc/seal/long", test_long);
  aioproc_test_add_func ("/aioproc/seal/order", test_order);
  aioproc_test_add_func ("/aioproc/seal/renumbered", test_renumbered);
  aioproc_test_add_func ("/aioproc/seal/taken-back", test_taken_back);

  return g_test_run ();
}
