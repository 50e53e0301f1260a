/* test-codec.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "aioproc-error.h"
#include "core/aioproc-codec-private.h"
#include "core/aioproc-variant-scan-private.h"

#include "aioproc-test.h"

static const char * const values[] = {
  "true", "false", "byte 7", "int16 -7", "uint16 7", "-7", "uint32 7", "int64 -7", "uint64 7",
  "7.5", "handle 7", "''", "'a string with “quotes” and 𝄞'", "objectpath '/a/b'",
  "signature 'a{sv}'", "b'bytes'", "@ay []", "@as []", "['one', '', 'three']", "@av []",
  "[<1>, <'two'>, <@av []>]", "@a{sv} {}", "{'a': <1>, 'b': <'two'>, 'c': <[1, 2, 3]>}",
  "@ms nothing", "@ms just ''", "@mi just 3", "@mmi just nothing", "@mmi just just 3",
  "@m(is) just (1, 'x')", "()", "@a() []", "[(), ()]", "@aay [b'', b'x', b'yy']",
  "(1, 'two', 3.5)", "(byte 1, int64 2, byte 3)", "@a(yx) [(1, 2), (3, 4)]", "<1>", "<<<<1>>>>",
  "@(v) (<(1, <'deep'>)>,)", "[true, false, true]", "[1.5, -2.5, 0.0]", "[int16 1, 2, 3]",
  "[uint64 1, 2]", "@a{u(sv)} {1: ('a', <1>), 2: ('b', <@as []>)}", "[handle 1, 0]",
  "[[[[1, 2], [3]], []], @aaai []]", "@a{yy} {1: 2, 3: 4}", "[[true]]", "[('', [<b'x'>])]",
};

static GBytes *
store (GVariant *value)
{
  g_autoptr(GVariant) prepared = NULL;
  g_autoptr(GError) error = NULL;
  gsize size;
  guint8 *data;

  prepared = aioproc_codec_variant_prepare (value, TRUE, &error);
  g_assert_no_error (error);
  size = aioproc_codec_variant_size (prepared);
  data = g_malloc (size);
  memset (data, 0xee, size);
  aioproc_codec_variant_store (prepared, data);

  return g_bytes_new_take (data, size);
}

static void
assert_round_trip (GVariant *value)
{
  g_autoptr(GBytes) bytes = store (value);
  g_autoptr(GBytes) shifted = NULL;
  g_autoptr(GVariant) loaded = NULL;
  g_autoptr(GVariant) loaded_shifted = NULL;
  g_autoptr(GError) error = NULL;
  guint8 *copy;

  loaded = aioproc_codec_variant_load (bytes, &error);
  g_assert_no_error (error);
  g_assert_cmpvariant (loaded, value);
  g_assert_false (g_variant_is_floating (loaded));
  g_assert_true (g_variant_is_normal_form (loaded));

  /* At an odd address, too. */
  copy = g_malloc (g_bytes_get_size (bytes) + 1);
  memcpy (copy + 1, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  shifted = g_bytes_new_take (copy, g_bytes_get_size (bytes) + 1);
  loaded_shifted = aioproc_codec_variant_load_part (copy + 1, g_bytes_get_size (bytes), shifted,
                                                    &error);
  g_assert_no_error (error);
  g_assert_cmpvariant (loaded_shifted, value);

  /* The value keeps the memory that it is in. */
  g_clear_pointer (&bytes, g_bytes_unref);
  g_assert_cmpvariant (loaded, value);
}

static void
test_variant_round_trip (void)
{
  g_test_summary ("Values of all kinds come back equal, as trees and as serialised data");

  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autoptr(GVariant) tree = NULL;
      g_autoptr(GVariant) serialised = NULL;
      g_autoptr(GBytes) bytes = NULL;
      g_autoptr(GError) error = NULL;

      tree = g_variant_parse (NULL, values[i], NULL, NULL, &error);
      g_assert_no_error (error);
      assert_round_trip (tree);

      bytes = g_variant_get_data_as_bytes (tree);
      serialised = g_variant_new_from_bytes (g_variant_get_type (tree), bytes, FALSE);
      g_variant_ref_sink (serialised);
      assert_round_trip (serialised);
    }
}

static void
test_variant_round_trip_large (void)
{
  g_autofree gint64 *numbers = g_new (gint64, 100000);
  g_autoptr(GVariant) array = NULL;
  g_autoptr(GVariant) variants = NULL;
  GVariantBuilder builder;

  g_test_summary ("Arrays of 100,000 elements come back equal");

  for (guint i = 0; i < 100000; i++)
    numbers[i] = (gint64) i * -123456789;

  array = g_variant_new_fixed_array (G_VARIANT_TYPE_INT64, numbers, 100000, sizeof (gint64));
  g_variant_ref_sink (array);
  assert_round_trip (array);

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < 100000; i++)
    g_variant_builder_add (&builder, "v", i % 2 == 0 ? g_variant_new_uint32 (i)
                                                     : g_variant_new_string ("odd"));
  variants = g_variant_ref_sink (g_variant_builder_end (&builder));
  assert_round_trip (variants);
}

static void
test_variant_layout (void)
{
  static const guint8 expected[] = {
    '(', 's', 'u', 'x', ')', 0, 0, 0,
    'h', 'i', 0, 0,
    1, 0, 0, 0,
    0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    3,
  };
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GBytes) bytes = NULL;

  g_test_summary ("The bytes are those that the documentation shows");

  value = g_variant_ref_sink (g_variant_new ("(sux)", "hi", 1, (gint64) -2));
  bytes = store (value);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes),
                   expected, sizeof expected);
}

static void
test_variant_not_normal (void)
{
  /* A string without its NUL, an array of booleans that are none, an array of a size that fits no
   * element, a tuple that is too short.
   */
  static const struct {
    const char *type;
    const char *data;
    gsize       size;
  } cases[] = {
    { "s", "abc", 3 },
    { "s", "\xff\xff", 3 },
    { "ab", "\x02\x01", 2 },
    { "ai", "\x01\x02\x03", 3 },
    { "(ss)", "a", 1 },
    { "v", "abc", 3 },
    { "as", "abc\0\xf0", 5 },
    { "d", "abc", 3 },
    { "o", "no/path", 8 },
  };

  g_test_summary ("A value that is not in normal form is sent as one, and refused if received");

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GBytes) data = g_bytes_new_static (cases[i].data, cases[i].size);
      g_autoptr(GBytes) bytes = NULL;
      g_autoptr(GVariant) value = NULL;
      g_autoptr(GVariant) normal = NULL;
      g_autoptr(GVariant) loaded = NULL;
      g_autoptr(GError) error = NULL;
      guint8 raw[16] = { 0 };

      value = g_variant_new_from_bytes (G_VARIANT_TYPE (cases[i].type), data, FALSE);
      g_variant_ref_sink (value);
      normal = g_variant_get_normal_form (value);
      bytes = store (value);
      loaded = aioproc_codec_variant_load (bytes, &error);
      g_assert_no_error (error);
      g_assert_cmpvariant (loaded, normal);

      g_clear_pointer (&loaded, g_variant_unref);
      g_clear_pointer (&bytes, g_bytes_unref);
      memcpy (raw, cases[i].type, strlen (cases[i].type));
      memcpy (raw + 8, cases[i].data, cases[i].size);
      bytes = g_bytes_new (raw, 8 + cases[i].size);
      loaded = aioproc_codec_variant_load (bytes, &error);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
      g_assert_null (loaded);
    }
}

static GVariant *
nest (guint    levels,
      gboolean by_variant)
{
  GVariant *value = g_variant_new_byte (1);

  for (guint i = 1; i < levels; i++)
    value = by_variant ? g_variant_new_variant (value) : g_variant_new_tuple (&value, 1);

  return g_variant_ref_sink (value);
}

/* What a sender without our limits would send. */
static GBytes *
store_unlimited (GVariant *value)
{
  gsize size = aioproc_codec_variant_size (value);
  guint8 *data = g_malloc (size);

  aioproc_codec_variant_store (value, data);

  return g_bytes_new_take (data, size);
}

static void
assert_limit (GVariant *good,
              GVariant *bad)
{
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  assert_round_trip (good);

  value = aioproc_codec_variant_prepare (bad, TRUE, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_null (value);
  g_clear_error (&error);

  bytes = store_unlimited (bad);
  value = aioproc_codec_variant_load (bytes, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_assert_null (value);
}

static void
test_variant_depth (void)
{
  g_test_summary ("A value may have 32 levels, and neither sender nor receiver takes more");

  for (int by_variant = 0; by_variant <= 1; by_variant++)
    {
      g_autoptr(GVariant) good = nest (AIOPROC_VARIANT_MAX_DEPTH, by_variant);
      g_autoptr(GVariant) bad = nest (AIOPROC_VARIANT_MAX_DEPTH + 1, by_variant);
      g_autoptr(GVariant) worse = nest (120, by_variant);
      g_autoptr(GVariant) hidden = NULL;

      assert_limit (good, bad);
      assert_limit (good, worse);

      /* Beside something flat, in an entry of a dictionary. */
      hidden = g_variant_ref_sink (g_variant_new ("(sa{sv}s)", "a", NULL, "b"));
      assert_limit (hidden, bad);
      g_clear_pointer (&hidden, g_variant_unref);

      if (by_variant)
        {
          GVariantBuilder builder;

          g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
          g_variant_builder_add (&builder, "{sv}", "flat", g_variant_new_byte (1));
          g_variant_builder_add_parsed (&builder, "{'deep', %v}", good);
          hidden = g_variant_ref_sink (g_variant_builder_end (&builder));
          assert_limit (good, hidden);
        }
    }
}

static void
test_variant_type_length (void)
{
  g_autofree GVariant **children = g_new (GVariant *, 300);
  g_autoptr(GVariant) good = NULL;
  g_autoptr(GVariant) bad = NULL;
  g_autoptr(GVariant) bad_inside = NULL;

  g_test_summary ("A type may have 255 characters, and neither sender nor receiver takes more");

  for (guint i = 0; i < 300; i++)
    children[i] = g_variant_ref_sink (g_variant_new_byte (i));

  good = g_variant_ref_sink (g_variant_new_tuple (children, 253));
  bad = g_variant_ref_sink (g_variant_new_tuple (children, 254));
  bad_inside = g_variant_ref_sink (g_variant_new_variant (bad));
  assert_limit (good, bad);
  assert_limit (good, bad_inside);

  for (guint i = 0; i < 300; i++)
    g_variant_unref (children[i]);
}

static void
test_variant_handles (void)
{
  static const char * const with[] = {
    "handle 0", "[handle 0]", "@ah []", "(1, [('a', <[<handle 0>]>)])", "{'a': <handle 0>}",
  };
  static const char * const without[] = {
    "'handle h'", "{'h': <'h'>}", "signature 'h'", "[<1>, <'h'>]",
  };

  g_test_summary ("Handles are found wherever they are");

  for (gsize i = 0; i < G_N_ELEMENTS (with); i++)
    {
      g_autoptr(GVariant) value = g_variant_parse (NULL, with[i], NULL, NULL, NULL);
      g_autoptr(GVariant) prepared = NULL;
      g_autoptr(GError) error = NULL;

      prepared = aioproc_codec_variant_prepare (value, FALSE, &error);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
      g_assert_null (prepared);
    }

  for (gsize i = 0; i < G_N_ELEMENTS (without); i++)
    {
      g_autoptr(GVariant) value = g_variant_parse (NULL, without[i], NULL, NULL, NULL);
      g_autoptr(GVariant) prepared = NULL;
      g_autoptr(GError) error = NULL;

      prepared = aioproc_codec_variant_prepare (value, FALSE, &error);
      g_assert_no_error (error);
      g_assert_cmpvariant (prepared, value);
    }
}

static void
assert_bad (const void *data,
            gsize       size)
{
  g_autoptr(GBytes) bytes = g_bytes_new (data, size);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  value = aioproc_codec_variant_load (bytes, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_assert_null (value);
}

static void
test_variant_bad_type (void)
{
  g_autofree char *brackets = g_strnfill (4096, '(');
  g_autofree char *arrays = g_strnfill (4096, 'a');

  g_test_summary ("A type string that is none, or not of one type, is refused");

  assert_bad (NULL, 0);
  assert_bad ("i", 1);
  assert_bad ("\0\0\0\0\0\0\0\0", 8);
  assert_bad ("i\0\0\0\0\0\0", 7);
  assert_bad ("i\0\0\0\0\0\0\0\1\0\0", 11);
  assert_bad ("i\0\1\0\0\0\0\0\1\0\0\0", 12);
  assert_bad ("?\0\0\0\0\0\0\0\1\0\0\0", 12);
  assert_bad ("r\0\0\0\0\0\0\0\1\0\0\0", 12);
  assert_bad ("*\0\0\0\0\0\0\0\1\0\0\0", 12);
  assert_bad ("ii\0\0\0\0\0\0\1\0\0\0\1\0\0\0", 16);
  assert_bad ("{vs}\0\0\0\0", 8);
  assert_bad ("(i\0\0\0\0\0\0\1\0\0\0", 12);
  assert_bad ("a\0\0\0\0\0\0\0", 8);
  assert_bad ("\xc3\xa9\0\0\0\0\0\0", 8);
  assert_bad (brackets, 4096);
  assert_bad (arrays, 4096);

  for (guint length = 1; length <= 255; length++)
    {
      g_autofree char *data = g_malloc0 (264);

      memcpy (data, arrays, length - 1);
      data[length - 1] = 'y';

      if (length > AIOPROC_VARIANT_MAX_DEPTH)
        assert_bad (data, (length + 8) / 8 * 8);
    }
}

static void
test_variant_garbled (void)
{
  guint n_valid = 0;

  g_test_summary ("A value garbled at any byte, or cut anywhere, is refused, or another value");

  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autoptr(GVariant) value = g_variant_parse (NULL, values[i], NULL, NULL, NULL);
      g_autoptr(GBytes) bytes = store (value);
      gsize size = g_bytes_get_size (bytes);

      for (gsize at = 0; at < size; at++)
        for (guint flip = 0; flip <= 8; flip++)
          {
            /* Of the exact size, so that a sanitizer sees each byte read behind it. */
            gsize new_size = flip == 8 ? at : size;
            g_autofree guint8 *data = g_malloc (MAX (new_size, 1));
            g_autoptr(GBytes) garbled = NULL;
            g_autoptr(GVariant) loaded = NULL;
            g_autoptr(GError) error = NULL;

            memcpy (data, g_bytes_get_data (bytes, NULL), new_size);

            if (flip < 8)
              data[at] ^= 1 << flip;

            garbled = g_bytes_new_take (g_steal_pointer (&data), new_size);
            loaded = aioproc_codec_variant_load (garbled, &error);

            if (loaded != NULL)
              {
                g_autofree char *text = g_variant_print (loaded, TRUE);

                g_assert_no_error (error);
                g_assert_nonnull (text);
                g_assert_true (g_variant_is_normal_form (loaded));
                n_valid++;
              }
            else
              {
                g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
              }
          }
    }

  /* Numbers and letters, for example. */
  g_assert_cmpuint (n_valid, >, 0);
}

static void
test_error_round_trip (void)
{
  g_autoptr(GError) sent = NULL;
  g_autoptr(GError) received = NULL;
  g_autoptr(GVariant) value = NULL;

  g_test_summary ("An error crosses with its domain, code and message");

  sent = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "No %s “file”");
  value = g_variant_ref_sink (aioproc_codec_error_to_variant (sent));
  g_assert_cmpstr (g_variant_get_type_string (value), ==, "(sis)");
  received = aioproc_codec_error_from_variant (value);
  g_assert_error (received, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_cmpstr (received->message, ==, "No %s “file”");

  g_clear_error (&sent);
  g_clear_error (&received);
  g_clear_pointer (&value, g_variant_unref);
  sent = g_error_new_literal (AIOPROC_ERROR, AIOPROC_ERROR_REMOTE, "Latin \xe9");
  value = g_variant_ref_sink (aioproc_codec_error_to_variant (sent));
  received = aioproc_codec_error_from_variant (value);
  g_assert_error (received, AIOPROC_ERROR, AIOPROC_ERROR_REMOTE);
  g_assert_true (g_utf8_validate (received->message, -1, NULL));
  g_assert_true (g_str_has_prefix (received->message, "Latin "));
}

static void
test_error_unknown (void)
{
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A domain that this process does not know becomes REMOTE, and is not learned");

  value = g_variant_ref_sink (g_variant_new ("(sis)", "nobody-knows-error-quark", 42, "Oh %d no"));
  error = aioproc_codec_error_from_variant (value);
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_REMOTE);
  g_assert_cmpstr (error->message, ==, "Oh %d no (nobody-knows-error-quark 42)");
  g_assert_cmpuint (g_quark_try_string ("nobody-knows-error-quark"), ==, 0);
}

static void
test_error_bad (void)
{
  static const char * const bad[] = { "'text'", "(1, 2)", "('a', 1, 2)", "@as []", "()" };
  g_autoptr(GError) none = NULL;

  g_test_summary ("A value that is no error becomes REMOTE");

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr(GVariant) value = g_variant_parse (NULL, bad[i], NULL, NULL, NULL);
      g_autoptr(GError) error = aioproc_codec_error_from_variant (value);

      g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_REMOTE);
      g_assert_nonnull (strstr (error->message, g_variant_get_type_string (value)));
    }

  none = aioproc_codec_error_from_variant (NULL);
  g_assert_error (none, AIOPROC_ERROR, AIOPROC_ERROR_REMOTE);
}

static void
test_variant_plain (void)
{
  static const char * const types[] = {
    "y", "x", "b", "ay", "au", "ab", "(x)", "(xi)", "(ix)", "(ii)", "(yn)", "(ny)", "(yy)", "(dxt)",
    "(b)", "(xb)", "()", "(h)", "a(x)", "(ay)", "((x))", "(yyyyx)", "(iiyyyy)", "(qyu)", "{yy}",
  };

  g_test_summary ("What is taken without a look is what GLib finds to be in normal form");

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      for (gsize size = 0; size <= 40; size++)
        {
          guint8 raw[64] = { 0 };
          const gsize offset = (strlen (types[i]) + 8) & ~(gsize) 7;
          g_autoptr(GBytes) bytes = NULL;
          g_autoptr(GBytes) data = NULL;
          g_autoptr(GVariant) value = NULL;
          g_autoptr(GVariant) loaded = NULL;

          strcpy ((char *) raw, types[i]);
          for (gsize j = 0; j < size; j++)
            raw[offset + j] = (guint8) g_test_rand_int_range (1, 256);

          bytes = g_bytes_new (raw, offset + size);
          data = g_bytes_new (raw + offset, size);
          value = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (types[i]), data,
                                                                FALSE));
          loaded = aioproc_codec_variant_load (bytes, NULL);

          if (g_variant_is_normal_form (value))
            g_assert_cmpvariant (loaded, value);
          else
            g_assert_null (loaded);
        }
    }
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/codec/variant/round-trip", test_variant_round_trip);
  aioproc_test_add_func ("/aioproc/codec/variant/round-trip-large", test_variant_round_trip_large);
  aioproc_test_add_func ("/aioproc/codec/variant/layout", test_variant_layout);
  aioproc_test_add_func ("/aioproc/codec/variant/not-normal", test_variant_not_normal);
  aioproc_test_add_func ("/aioproc/codec/variant/plain", test_variant_plain);
  aioproc_test_add_func ("/aioproc/codec/variant/depth", test_variant_depth);
  aioproc_test_add_func ("/aioproc/codec/variant/type-length", test_variant_type_length);
  aioproc_test_add_func ("/aioproc/codec/variant/handles", test_variant_handles);
  aioproc_test_add_func ("/aioproc/codec/variant/bad-type", test_variant_bad_type);
  aioproc_test_add_func ("/aioproc/codec/variant/garbled", test_variant_garbled);
  aioproc_test_add_func ("/aioproc/codec/error/round-trip", test_error_round_trip);
  aioproc_test_add_func ("/aioproc/codec/error/unknown", test_error_unknown);
  aioproc_test_add_func ("/aioproc/codec/error/bad", test_error_bad);

  return g_test_run ();
}
