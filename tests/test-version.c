/* test-version.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"

static void
test_version_check (void)
{
  g_autofree char *version = NULL;

  g_test_summary ("The version macros agree with each other");

  version = g_strdup_printf ("%d.%d.%d",
                             AIOPROC_MAJOR_VERSION,
                             AIOPROC_MINOR_VERSION,
                             AIOPROC_MICRO_VERSION);
  g_assert_cmpstr (version, ==, AIOPROC_VERSION_S);

  g_assert_true (AIOPROC_CHECK_VERSION (AIOPROC_MAJOR_VERSION,
                                        AIOPROC_MINOR_VERSION,
                                        AIOPROC_MICRO_VERSION));
  g_assert_true (AIOPROC_CHECK_VERSION (0, 0, 0));
  g_assert_false (AIOPROC_CHECK_VERSION (AIOPROC_MAJOR_VERSION,
                                         AIOPROC_MINOR_VERSION,
                                         AIOPROC_MICRO_VERSION + 1));
  g_assert_false (AIOPROC_CHECK_VERSION (AIOPROC_MAJOR_VERSION,
                                         AIOPROC_MINOR_VERSION + 1,
                                         0));
  g_assert_false (AIOPROC_CHECK_VERSION (AIOPROC_MAJOR_VERSION + 1, 0, 0));
}

static void
test_version_series (void)
{
  g_test_summary ("A program may name the series that it is written for");

  g_assert_cmpint (AIOPROC_VERSION_0_1, ==, G_ENCODE_VERSION (0, 1));
  g_assert_cmpint (AIOPROC_VERSION_MIN_REQUIRED, <=, AIOPROC_VERSION_MAX_ALLOWED);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/version/check", test_version_check);
  aioproc_test_add_func ("/aioproc/version/series", test_version_series);

  return g_test_run ();
}
