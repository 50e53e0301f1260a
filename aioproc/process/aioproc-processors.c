/* aioproc-processors.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process/aioproc-processors-private.h"

#include <string.h>

/* Fields of a line of /proc/self/mountinfo before those that may be missing. */
#define MOUNTINFO_ROOT        3
#define MOUNTINFO_MOUNT_POINT 4

static char **
read_lines (const char *root,
            const char *path)
{
  g_autofree char *filename = g_strconcat (root, path, NULL);
  g_autofree char *contents = NULL;

  if (!g_file_get_contents (filename, &contents, NULL, NULL))
    return g_new0 (char *, 1);

  return g_strsplit (contents, "\n", -1);
}

static gboolean
has_word (const char *list,
          const char *word)
{
  g_auto(GStrv) words = g_strsplit (list, ",", -1);

  return g_strv_contains ((const char * const *) words, word);
}

/* The first number of a file, and its second one where there are two. FALSE: "max", -1, no file. */
static gboolean
read_quota (const char *root,
            const char *folder,
            const char *name,
            guint64    *first,
            guint64    *second)
{
  g_autofree char *filename = g_strconcat (root, folder, "/", name, NULL);
  g_autofree char *contents = NULL;
  char *end = NULL;

  if (!g_file_get_contents (filename, &contents, NULL, NULL) || !g_ascii_isdigit (contents[0]))
    return FALSE;

  *first = g_ascii_strtoull (contents, &end, 10);
  if (second != NULL)
    *second = g_ascii_strtoull (end, NULL, 10);

  return TRUE;
}

static guint
quota_of_group (const char *root,
                const char *folder,
                gboolean    is_unified,
                guint       limit)
{
  guint64 quota = 0;
  guint64 period = 0;

  if (is_unified)
    {
      if (!read_quota (root, folder, "cpu.max", &quota, &period))
        return limit;
    }
  else if (!read_quota (root, folder, "cpu.cfs_quota_us", &quota, NULL)
           || !read_quota (root, folder, "cpu.cfs_period_us", &period, NULL))
    {
      return limit;
    }

  if (quota == 0 || period == 0 || quota / period >= limit)
    return limit;

  return (guint) ((quota + period - 1) / period);
}

/* A group is bound by the quota of each group above it too. */
static guint
quota_of_mount (const char *root,
                const char *mount_root,
                const char *mount_point,
                const char *group,
                gboolean    is_unified,
                guint       limit)
{
  g_autofree char *folder = NULL;
  gsize mount_point_length = strlen (mount_point);

  /* Only the part of the hierarchy below @mount_root is visible. */
  if (g_str_equal (mount_root, "/"))
    mount_root = "";
  if (g_str_has_prefix (group, mount_root) && strstr (group, "/..") == NULL)
    group += strlen (mount_root);
  else
    group = "";

  folder = g_strconcat (mount_point, group, NULL);

  for (;;)
    {
      char *slash;

      limit = quota_of_group (root, folder, is_unified, limit);

      slash = strrchr (folder, '/');
      if (slash == NULL || (gsize) (slash - folder) < mount_point_length)
        return limit;
      *slash = '\0';
    }
}

/* The group of this process in the hierarchy of the cpu controller, or in the unified one. */
static char *
find_group (char     **lines,
            gboolean   is_unified)
{
  for (guint i = 0; lines[i] != NULL; i++)
    {
      /* number:controllers:group */
      g_auto(GStrv) fields = g_strsplit (lines[i], ":", 3);

      if (g_strv_length (fields) != 3)
        continue;
      if (is_unified ? fields[1][0] == '\0' : has_word (fields[1], "cpu"))
        return g_strdup (fields[2]);
    }

  return NULL;
}

guint
aioproc_processors_apply_quota (const char *root,
                                guint       limit)
{
  g_auto(GStrv) groups = read_lines (root, "/proc/self/cgroup");
  g_auto(GStrv) mounts = read_lines (root, "/proc/self/mountinfo");

  for (guint i = 0; mounts[i] != NULL; i++)
    {
      const char *separator = strstr (mounts[i], " - ");
      g_auto(GStrv) fields = NULL;
      g_auto(GStrv) type = NULL;
      g_autofree char *group = NULL;
      gboolean is_unified;

      if (separator == NULL)
        continue;

      fields = g_strsplit (mounts[i], " ", 6);
      type = g_strsplit (separator + 3, " ", 3);
      if (g_strv_length (fields) < 6 || g_strv_length (type) != 3)
        continue;

      is_unified = g_str_equal (type[0], "cgroup2");
      if (!is_unified && !(g_str_equal (type[0], "cgroup") && has_word (type[2], "cpu")))
        continue;

      group = find_group (groups, is_unified);
      if (group != NULL)
        limit = quota_of_mount (root, fields[MOUNTINFO_ROOT], fields[MOUNTINFO_MOUNT_POINT],
                                group, is_unified, limit);
    }

  return MAX (limit, 1);
}
