/* test-error.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"

static void
test_error_quark (void)
{
  g_test_summary ("The domain has the name that crosses process boundaries");

  g_assert_cmpstr (g_quark_to_string (AIOPROC_ERROR), ==, "aioproc-error-quark");
  g_assert_cmpuint (g_quark_try_string ("aioproc-error-quark"), ==, AIOPROC_ERROR);
}

static void
test_error_enum (void)
{
  g_autoptr(GEnumClass) enum_class = NULL;

  g_test_summary ("Codes are dense and stable, and each has a nick");

  enum_class = g_type_class_ref (AIOPROC_TYPE_ERROR);
  g_assert_cmpint (enum_class->minimum, ==, 0);
  g_assert_cmpint (enum_class->maximum, ==, AIOPROC_ERROR_NOT_SHAREABLE);
  g_assert_cmpuint (enum_class->n_values, ==, AIOPROC_ERROR_NOT_SHAREABLE + 1);

  for (int i = 0; i <= AIOPROC_ERROR_NOT_SHAREABLE; i++)
    {
      const GEnumValue *value = g_enum_get_value (enum_class, i);
      g_autofree char *name = NULL;

      g_assert_nonnull (value);

      /* AIOPROC_ERROR_OWNER_DIED is "owner-died". */
      g_assert_true (g_str_has_prefix (value->value_name, "AIOPROC_ERROR_"));
      name = g_ascii_strdown (value->value_name + strlen ("AIOPROC_ERROR_"), -1);
      g_assert_cmpstr (g_strdelimit (name, "_", '-'), ==, value->value_nick);
    }
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/error/quark", test_error_quark);
  aioproc_test_add_func ("/aioproc/error/enum", test_error_enum);

  return g_test_run ();
}
