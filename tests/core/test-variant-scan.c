/* test-variant-scan.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include <gio/gio.h>

#include "core/aioproc-variant-scan-private.h"

#include "aioproc-test.h"

/* What a scan should find, found with GVariant's own means. */
static guint
measure_type (const char **cursor)
{
  guint deepest = 0;

  switch (*(*cursor)++)
    {
    case 'a':
    case 'm':
      return 1 + measure_type (cursor);

    case '(':
    case '{':
      while (**cursor != ')' && **cursor != '}')
        {
          guint depth = measure_type (cursor);

          deepest = MAX (deepest, depth);
        }

      (*cursor)++;

      return 1 + deepest;

    default:
      return 1;
    }
}

static guint
measure (GVariant *value,
         gboolean *handles)
{
  const char *type = g_variant_get_type_string (value);
  const char *cursor = type;
  guint deepest = measure_type (&cursor);

  if (strchr (type, 'h') != NULL)
    *handles = TRUE;

  if (g_variant_is_container (value))
    for (gsize i = 0; i < g_variant_n_children (value); i++)
      {
        g_autoptr(GVariant) child = g_variant_get_child_value (value, i);
        guint depth = 1 + measure (child, handles);

        deepest = MAX (deepest, depth);
      }

  return deepest;
}

static AioprocVariantScan
scan (const char   *type,
      const guint8 *data,
      gsize         size,
      gboolean     *handles)
{
  gboolean variants = FALSE;
  AioprocVariantScan result = aioproc_variant_scan_type (type, &variants, handles);

  if (result == AIOPROC_VARIANT_SCAN_OK)
    {
      g_assert_cmpint (variants, ==, strchr (type, 'v') != NULL);

      if (variants)
        result = aioproc_variant_scan_data (type, data, size, handles);
    }

  return result;
}

/* A type with up to @levels levels. */
static void
append_random_type (GString *type,
                    guint    levels)
{
  static const char basic[] = "ybnqiuxtdhsogvvvv";
  int choice = levels > 1 ? g_test_rand_int_range (0, 10) : 9;
  int n_members;

  switch (choice)
    {
    case 0:
    case 1:
    case 2:
      g_string_append_c (type, 'a');
      append_random_type (type, levels - 1);
      break;

    case 3:
      g_string_append_c (type, 'm');
      append_random_type (type, levels - 1);
      break;

    case 4:
    case 5:
      n_members = g_test_rand_int_range (0, 4);
      g_string_append_c (type, '(');
      for (int i = 0; i < n_members && type->len < 200; i++)
        append_random_type (type, levels - 1);
      g_string_append_c (type, ')');
      break;

    case 6:
      g_string_append (type, "a{");
      g_string_append_c (type, basic[g_test_rand_int_range (0, 13)]);
      append_random_type (type, levels - 1);
      g_string_append_c (type, '}');
      break;

    default:
      g_string_append_c (type, basic[g_test_rand_int_range (0, sizeof basic - 1)]);
      break;
    }
}

/* A floating value; those inside of variants have types of their own. */
static GVariant *
make_random_value (const GVariantType *type,
                   int                *budget)
{
  static const char * const strings[] = { "", "a", "am(ahv)", "a longer text, as they are" };
  GVariantBuilder builder;
  int n_children;

  (*budget)--;

  switch (g_variant_type_peek_string (type)[0])
    {
    case 'y':
      return g_variant_new_byte ((guint8) g_test_rand_int ());
    case 'b':
      return g_variant_new_boolean (g_test_rand_bit ());
    case 'n':
      return g_variant_new_int16 ((gint16) g_test_rand_int ());
    case 'q':
      return g_variant_new_uint16 ((guint16) g_test_rand_int ());
    case 'i':
      return g_variant_new_int32 (g_test_rand_int ());
    case 'u':
      return g_variant_new_uint32 (g_test_rand_int ());
    case 'h':
      return g_variant_new_handle (g_test_rand_int ());
    case 'x':
      return g_variant_new_int64 (g_test_rand_int ());
    case 't':
      return g_variant_new_uint64 (g_test_rand_int ());
    case 'd':
      return g_variant_new_double (g_test_rand_double ());
    case 's':
      return g_variant_new_string (strings[g_test_rand_int_range (0, 4)]);
    case 'o':
      return g_variant_new_object_path ("/a/b");
    case 'g':
      return g_variant_new_signature ("a{hv}");

    case 'v':
      {
        g_autoptr(GString) string = g_string_new (NULL);

        append_random_type (string, *budget > 0 ? g_test_rand_int_range (1, 8) : 1);

        /* An end to it. */
        if (*budget <= 0)
          g_string_assign (string, "s");

        return g_variant_new_variant (make_random_value (G_VARIANT_TYPE (string->str), budget));
      }

    case 'm':
      g_variant_builder_init (&builder, type);
      if (g_test_rand_bit ())
        g_variant_builder_add_value (&builder,
                                     make_random_value (g_variant_type_element (type), budget));
      return g_variant_builder_end (&builder);

    case 'a':
      g_variant_builder_init (&builder, type);
      n_children = *budget > 0 ? g_test_rand_int_range (0, 6) : 0;
      /* Sizes that need wider offsets. */
      if (*budget > 0 && g_test_rand_int_range (0, 20) == 0)
        n_children = 80;
      for (int i = 0; i < n_children; i++)
        g_variant_builder_add_value (&builder,
                                     make_random_value (g_variant_type_element (type), budget));
      return g_variant_builder_end (&builder);

    default:
      g_variant_builder_init (&builder, type);
      for (const GVariantType *member = g_variant_type_first (type);
           member != NULL;
           member = g_variant_type_next (member))
        g_variant_builder_add_value (&builder, make_random_value (member, budget));
      return g_variant_builder_end (&builder);
    }
}

static void
test_scan_random (void)
{
  guint n_too_deep = 0;
  guint n_handles = 0;

  g_test_summary ("The scan finds what GVariant finds, in values of random types");

  for (int round = 0; round < 5000; round++)
    {
      g_autoptr(GString) type = g_string_new (NULL);
      g_autoptr(GVariant) value = NULL;
      gboolean expected_handles = FALSE;
      gboolean handles = FALSE;
      AioprocVariantScan result;
      int budget = 200;
      guint depth;

      append_random_type (type, g_test_rand_int_range (1, 8));
      value = g_variant_ref_sink (make_random_value (G_VARIANT_TYPE (type->str), &budget));
      depth = measure (value, &expected_handles);
      result = scan (type->str, g_variant_get_data (value), g_variant_get_size (value), &handles);

      if (depth > AIOPROC_VARIANT_MAX_DEPTH)
        {
          g_assert_cmpint (result, ==, AIOPROC_VARIANT_SCAN_TOO_DEEP);
          n_too_deep++;
        }
      else
        {
          g_assert_cmpint (result, ==, AIOPROC_VARIANT_SCAN_OK);
          g_assert_cmpint (handles, ==, expected_handles);
          n_handles += handles;
        }
    }

  g_test_message ("%u with handles, %u too deep", n_handles, n_too_deep);
  g_assert_cmpuint (n_handles, >, 100);
  g_assert_cmpuint (n_handles, <, 4900);
}

static void
test_scan_depth (void)
{
  g_test_summary ("A value of 32 levels passes, one of 33 does not, however they are made");

  for (int round = 0; round < 2000; round++)
    for (guint extra = 0; extra <= 1; extra++)
      {
        GVariant *value = g_variant_new_string ("bottom");
        guint levels = AIOPROC_VARIANT_MAX_DEPTH + extra;
        g_autoptr(GVariant) sunk = NULL;
        gboolean handles = FALSE;

        for (guint i = 1; i < levels; i++)
          {
            const GVariantType *type = g_variant_get_type (value);
            GVariant *members[3] = { g_variant_new_byte (1), value, g_variant_new_string ("") };

            switch (strlen (g_variant_get_type_string (value)) > 200
                    ? 0 : g_test_rand_int_range (0, 6))
              {
              case 0:
              case 1:
                value = g_variant_new_variant (value);
                break;

              case 2:
                value = g_variant_new_array (type, &value, 1);
                break;

              case 3:
                value = g_variant_new_maybe (type, value);
                break;

              case 4:
                value = g_variant_new_tuple (members, 3);
                members[0] = members[2] = NULL;
                break;

              default:
                value = g_variant_new_dict_entry (members[2], value);
                members[2] = NULL;
                break;
              }

            if (members[0] != NULL)
              g_variant_unref (g_variant_ref_sink (members[0]));

            if (members[2] != NULL)
              g_variant_unref (g_variant_ref_sink (members[2]));
          }

        sunk = g_variant_ref_sink (value);
        g_assert_cmpint (scan (g_variant_get_type_string (sunk), g_variant_get_data (sunk),
                               g_variant_get_size (sunk), &handles), ==,
                         extra > 0 ? AIOPROC_VARIANT_SCAN_TOO_DEEP : AIOPROC_VARIANT_SCAN_OK);
      }
}

static void
test_scan_garbled (void)
{
  g_test_summary ("The scan reads nothing outside of the data, whatever is in it");

  for (int round = 0; round < 20000; round++)
    {
      g_autoptr(GString) type = g_string_new (NULL);
      g_autoptr(GVariant) value = NULL;
      g_autofree guint8 *data = NULL;
      gboolean handles = FALSE;
      int budget = 30;
      gsize size;

      append_random_type (type, g_test_rand_int_range (1, 6));
      value = g_variant_ref_sink (make_random_value (G_VARIANT_TYPE (type->str), &budget));
      size = g_variant_get_size (value);
      size = g_test_rand_bit () ? size : (gsize) g_test_rand_int_range (0, size + 1);

      /* Of the exact size, for sanitizers. */
      data = g_malloc (MAX (size, 1));
      g_variant_get_data (value);

      if (size > 0)
        {
          memcpy (data, g_variant_get_data (value), size);

          for (int i = g_test_rand_int_range (0, 4); i > 0; i--)
            data[g_test_rand_int_range (0, size)] = (guint8) g_test_rand_int ();
        }

      scan (type->str, data, size, &handles);
    }
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/variant-scan/random", test_scan_random);
  aioproc_test_add_func ("/aioproc/variant-scan/depth", test_scan_depth);
  aioproc_test_add_func ("/aioproc/variant-scan/garbled", test_scan_garbled);

  return g_test_run ();
}
