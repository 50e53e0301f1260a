/* test-control.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "aioproc-test.h"
#include "core-test.h"

/* Tests that cannot fail prove nothing: the same tests, in programs with a fault built into the
 * library, must find it.
 */
static const struct {
  const char *program;
  const char *path;
  const char *fault;
  const char *finding;         /* (nullable) what it says besides that it hangs */
  gboolean    not_in_tsan;     /* the test is another one there, or none */
} controls[] = {
  { "barrier-death", "/aioproc/barrier-death/waiting", "no-announcement", NULL, TRUE },
  { "barrier-death", "/aioproc/barrier-death/waiting", "no-sweep", NULL, TRUE },
  { "barrier-death", "/aioproc/barrier-death/acting", "no-sweep", NULL, TRUE },
  { "condition", "/aioproc/condition/killed/lock", "no-passing-on", NULL, TRUE },
  { "condition", "/aioproc/condition/killed/rlock", "no-passing-on", NULL, TRUE },
  { "condition-kill", "/aioproc/condition-kill/one/lock", "no-passing-on", NULL, TRUE },
  { "condition-kill", "/aioproc/condition-kill/one/rlock", "no-passing-on", NULL, TRUE },
  { "death", "/aioproc/death/killed", "no-announcement", NULL },
  { "death", "/aioproc/death/corpse", "early-announcement", "corpse->target" },
  { "lock-death", "/aioproc/lock-death/woken/barger-sync", "no-announcement", NULL },
  { "lock-death", "/aioproc/lock-death/woken/barger-async", "no-announcement", NULL },
  { "lock-death", "/aioproc/lock-death/releasing/sync", "no-announcement", NULL },
  { "lock-death", "/aioproc/lock-death/corpse", "early-announcement", "fixture.target" },
  { "event-death", "/aioproc/event-death/setting/async", "no-announcement", NULL },
};

static gboolean
has_found (const char *output,
           guint       index)
{
  const char *finding = controls[index].finding;

  return strstr (output, "hangs") != NULL || (finding != NULL && strstr (output, finding) != NULL);
}

static void
test_control (gconstpointer data)
{
  guint index = GPOINTER_TO_UINT (data);
  g_autofree char *name = g_strdup_printf ("aioproc-test-%s-%s", controls[index].program,
                                           controls[index].fault);
  g_autofree char *program = aioproc_test_build_helper_path (name);
  const char *argv[] = { program, "-p", controls[index].path, NULL };
  g_autoptr(GSubprocessLauncher) launcher = NULL;
  g_autoptr(GSubprocess) subprocess = NULL;
  g_autoptr(GOutputStream) output = g_memory_output_stream_new_resizable ();
  g_autoptr(GError) error = NULL;
  const char *text;

  g_test_summary ("A test finds the fault that is built into the program");

  launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                        G_SUBPROCESS_FLAGS_STDERR_MERGE);
  /* Two seconds are a hang: what has no fault needs much less. */
  g_subprocess_launcher_setenv (launcher, "AIOPROC_TEST_TIMEOUT_MULTIPLIER", "0.034", TRUE);
  subprocess = g_subprocess_launcher_spawnv (launcher, argv, &error);
  g_assert_no_error (error);

  /* Not by g_subprocess_communicate(): what it cancels and what its thread lets go of is a race
   * inside of GIO, which ThreadSanitizer sees now and then.
   */
  g_output_stream_splice (output, g_subprocess_get_stdout_pipe (subprocess),
                          G_OUTPUT_STREAM_SPLICE_NONE, NULL, &error);
  g_assert_no_error (error);
  g_output_stream_write_all (output, "", 1, NULL, NULL, &error);
  g_assert_no_error (error);
  text = g_memory_output_stream_get_data (G_MEMORY_OUTPUT_STREAM (output));

  if (aioproc_test_wait_subprocess (subprocess) || !has_found (text, index))
    g_error ("%s has not found its fault: %s", name, text);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (controls); i++)
    {
      g_autofree char *path = g_strconcat ("/aioproc/control/", controls[i].fault,
                                           controls[i].path + strlen ("/aioproc"), NULL);

#ifdef CORE_TEST_TSAN
      if (controls[i].not_in_tsan)
        continue;
#endif

      aioproc_test_add_data_func (path, GUINT_TO_POINTER (i), test_control);
    }

  return g_test_run ();
}
