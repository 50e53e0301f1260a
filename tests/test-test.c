/* test-test.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <fcntl.h>
#include <unistd.h>

#include "aioproc-test.h"

static void
test_watchdog_fires (void)
{
  g_test_summary ("A test case that hangs is named, and aborted");

  if (g_test_subprocess ())
    {
      g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);

      aioproc_test_arm_watchdog (1);
      g_main_loop_run (loop);
      return;
    }

  g_setenv ("AIOPROC_TEST_TIMEOUT_MULTIPLIER", "0.05", TRUE);
  g_test_trap_subprocess (NULL, 0, 0);
  g_unsetenv ("AIOPROC_TEST_TIMEOUT_MULTIPLIER");

  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*Watchdog: /aioproc/test/watchdog/fires hangs*");
}

static void
test_count_fds (void)
{
  guint n_fds;
  int fd;

  g_test_summary ("An open descriptor is counted once");

  n_fds = aioproc_test_count_fds ();
  fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds + 1);
  close (fd);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
}

static void
test_helper_path (void)
{
  g_autofree char *path = NULL;

  g_test_summary ("What is built beside the test program is found by an absolute name");

  path = aioproc_test_build_helper_path ("test-test");
  g_assert_true (g_path_is_absolute (path));
  g_assert_true (g_file_test (path, G_FILE_TEST_IS_EXECUTABLE));
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/test/watchdog/fires", test_watchdog_fires);
  aioproc_test_add_func ("/aioproc/test/count-fds", test_count_fds);
  aioproc_test_add_func ("/aioproc/test/helper-path", test_helper_path);

  return g_test_run ();
}
