/* test-processors.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <glib/gstdio.h>

#include "aioproc-test.h"
#include "process/aioproc-processors-private.h"

#define LIMIT 16

static char *
make_root (void)
{
  g_autoptr(GError) error = NULL;
  char *root = g_dir_make_tmp ("aioproc-test-XXXXXX", &error);

  g_assert_no_error (error);

  return root;
}

static void
put (const char *root,
     const char *path,
     const char *contents)
{
  g_autofree char *filename = g_strconcat (root, path, NULL);
  g_autofree char *folder = g_path_get_dirname (filename);
  g_autoptr(GError) error = NULL;

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_file_set_contents (filename, contents, -1, &error);
  g_assert_no_error (error);
}

static void
remove_folder (const char *folder)
{
  g_autoptr(GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        remove_folder (path);
      else
        g_unlink (path);
    }

  g_rmdir (folder);
}

#define MOUNT_2 "31 24 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"

static void
test_processors_unified (void)
{
  g_autofree char *root = make_root ();

  g_test_summary ("Quotas of the unified hierarchy bind a group and those below it");

  put (root, "/proc/self/mountinfo", "23 1 0:21 / / rw - ext4 /dev/sda1 rw\n" MOUNT_2);
  put (root, "/proc/self/cgroup", "0::/user.slice/app.scope\n");
  g_assert_cmpuint (aioproc_processors_apply_quota (root, LIMIT), ==, LIMIT);

  put (root, "/sys/fs/cgroup/user.slice/app.scope/cpu.max", "max 100000\n");
  put (root, "/sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
  g_assert_cmpuint (aioproc_processors_apply_quota (root, LIMIT), ==, LIMIT);

  /* Rounded up, never more than there are */
  put (root, "/sys/fs/cgroup/user.slice/cpu.max", "450000 100000\n");
  g_assert_cmpuint (aioproc_processors_apply_quota (root, LIMIT), ==, 5);
  g_assert_cmpuint (aioproc_processors_apply_quota (root, 3), ==, 3);

  put (root, "/sys/fs/cgroup/user.slice/app.scope/cpu.max", "200000 100000\n");
  g_assert_cmpuint (aioproc_processors_apply_quota (root, LIMIT), ==, 2);
  put (root, "/sys/fs/cgroup/user.slice/app.scope/cpu.max", "1000 100000\n");
  g_assert_cmpuint (aioproc_processors_apply_quota (root, LIMIT), ==, 1);

  remove_folder (root);
}

static void
test_processors_container (void)
{
  g_autofree char *root = make_root ();

  g_test_summary ("In a container only the part below the group that is its root is there");

  put (root, "/proc/self/mountinfo",
       "31 24 0:27 /docker/ab /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  put (root, "/proc/self/cgroup", "0::/docker/ab/inner\n");
  put (root, "/sys/fs/cgroup/cpu.max", "700000 100000\n");
  put (root, "/sys/fs/cgroup/inner/cpu.max", "300000 100000\n");
  g_assert_cmpuint (aioproc_processors_apply_quota (root, LIMIT), ==, 3);

  /* A group outside of what is mounted */
  put (root, "/proc/self/cgroup", "0::/../other\n");
  g_assert_cmpuint (aioproc_processors_apply_quota (root, LIMIT), ==, 7);

  remove_folder (root);
}

static void
test_processors_legacy (void)
{
  g_autofree char *root = make_root ();

  g_test_summary ("The hierarchy of the cpu controller is heeded, and no other of that kind");

  put (root, "/proc/self/mountinfo",
       "33 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
       "34 31 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n");
  put (root, "/proc/self/cgroup", "3:cpuset:/box\n2:cpu,cpuacct:/box\n1:name=systemd:/\n");
  put (root, "/sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us", "50000\n");
  put (root, "/sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "-1\n");
  put (root, "/sys/fs/cgroup/cpuset/box/cpu.cfs_period_us", "50000\n");
  put (root, "/sys/fs/cgroup/cpuset/box/cpu.cfs_quota_us", "50000\n");
  g_assert_cmpuint (aioproc_processors_apply_quota (root, LIMIT), ==, LIMIT);

  put (root, "/sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "75000\n");
  g_assert_cmpuint (aioproc_processors_apply_quota (root, LIMIT), ==, 2);

  remove_folder (root);
}

static void
test_processors_nonsense (void)
{
  g_autofree char *root = make_root ();

  g_test_summary ("Files that are missing, or make no sense, bind nothing");

  g_assert_cmpuint (aioproc_processors_apply_quota (root, LIMIT), ==, LIMIT);
  g_assert_cmpuint (aioproc_processors_apply_quota (root, 0), ==, 1);

  put (root, "/proc/self/mountinfo", "\n - \nx - cgroup2\n" MOUNT_2);
  put (root, "/proc/self/cgroup", "\n0\n0:\n0::/a\n");
  put (root, "/sys/fs/cgroup/a/cpu.max", "");
  g_assert_cmpuint (aioproc_processors_apply_quota (root, LIMIT), ==, LIMIT);
  put (root, "/sys/fs/cgroup/a/cpu.max", "5 0");
  g_assert_cmpuint (aioproc_processors_apply_quota (root, LIMIT), ==, LIMIT);
  put (root, "/sys/fs/cgroup/a/cpu.max", "0 5");
  g_assert_cmpuint (aioproc_processors_apply_quota (root, LIMIT), ==, LIMIT);
  put (root, "/sys/fs/cgroup/a/cpu.max", "99999999999999999999999 1");
  g_assert_cmpuint (aioproc_processors_apply_quota (root, LIMIT), ==, LIMIT);

  remove_folder (root);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/processors/unified", test_processors_unified);
  aioproc_test_add_func ("/aioproc/processors/container", test_processors_container);
  aioproc_test_add_func ("/aioproc/processors/legacy", test_processors_legacy);
  aioproc_test_add_func ("/aioproc/processors/nonsense", test_processors_nonsense);

  return g_test_run ();
}
