/* test-control.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-test.h"
#include "core-test.h"

/* Tests that cannot fail prove nothing: the same tests, in programs with a fault built into the
 * library, must find it.
 */
static const struct {
  const char *name;
  const char *program;
  const char *path;
  const char *finding;
  const char *summary;
} controls[] = {
  {
    "death/no-announcement", "aioproc-test-death-no-announcement", "/aioproc/death/killed", "hangs",
    "It is found when deaths are not announced",
  },
  {
    "death/early-announcement", "aioproc-test-death-early-announcement", "/aioproc/death/corpse",
    "corpse->target",
    "It is found when deaths are announced before the last thread can write no more",
  },
};

static void
test_control (gconstpointer data)
{
  guint index = GPOINTER_TO_UINT (data);
  g_autofree char *program = aioproc_test_build_helper_path (controls[index].program);
  const char *argv[] = { program, "-p", controls[index].path, NULL };
  g_autoptr(GSubprocessLauncher) launcher = NULL;
  g_autoptr(GSubprocess) subprocess = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *output = NULL;
  gboolean communicated;

  g_test_summary (controls[index].summary);

  launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                        G_SUBPROCESS_FLAGS_STDERR_MERGE);
  /* Three seconds are a hang. */
  g_subprocess_launcher_setenv (launcher, "AIOPROC_TEST_TIMEOUT_MULTIPLIER", "0.05", TRUE);
  subprocess = g_subprocess_launcher_spawnv (launcher, argv, &error);
  g_assert_no_error (error);
  communicated = g_subprocess_communicate_utf8 (subprocess, NULL, NULL, &output, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (communicated);

  if (g_subprocess_get_successful (subprocess) || strstr (output, controls[index].finding) == NULL)
    g_error ("%s has not found its fault: %s", controls[index].program, output);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (controls); i++)
    {
      g_autofree char *path = g_strconcat ("/aioproc/control/", controls[i].name, NULL);

      aioproc_test_add_data_func (path, GUINT_TO_POINTER (i), test_control);
    }

  return g_test_run ();
}
