/* aioproc-own-program.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process/aioproc-own-program-private.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* (owned) (nullable) Written once, at the beginning of the program. */
static char **remembered;

/* The file of this executable: its path, which other programs and people know it by; if it was
 * replaced or removed, what the kernel still has of it, for as long as this process lives.
 */
static char *
dup_own_executable (GError **error)
{
  g_autofree char *path = g_file_read_link ("/proc/self/exe", error);

  if (path == NULL)
    return NULL;

  if (!g_file_test (path, G_FILE_TEST_IS_EXECUTABLE))
    return g_strdup_printf ("/proc/%d/exe", (int) getpid ());

  return g_steal_pointer (&path);
}

/* The name by which this executable was called, if it still leads to it: an interpreter finds its
 * modules by it, as that of a Python environment, which is a symbolic link, does.
 */
static char *
resolve_name (const char *name)
{
  g_autofree char *path = NULL;
  struct stat own;
  struct stat named;

  if (strchr (name, '/') != NULL)
    path = g_canonicalize_filename (name, NULL);
  else
    path = g_find_program_in_path (name);

  if (path == NULL
      || stat (path, &named) != 0
      || stat ("/proc/self/exe", &own) != 0
      || named.st_dev != own.st_dev
      || named.st_ino != own.st_ino)
    return NULL;

  return g_steal_pointer (&path);
}

/* A script is found wherever its workers run. */
static char *
dup_argument (const char *argument)
{
  if (g_file_test (argument, G_FILE_TEST_IS_REGULAR))
    return g_canonicalize_filename (argument, NULL);

  return g_strdup (argument);
}

void
aioproc_own_program_remember (void)
{
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *contents = NULL;
  g_autofree char *path = NULL;
  const char *argument;
  gsize length;

  if (remembered != NULL
      || !g_file_get_contents ("/proc/self/cmdline", &contents, &length, NULL)
      || length == 0)
    return;

  path = resolve_name (contents);
  if (path == NULL && (path = dup_own_executable (NULL)) == NULL)
    return;

  g_strv_builder_add (builder, path);

  for (argument = contents + strlen (contents) + 1;
       argument < contents + length;
       argument += strlen (argument) + 1)
    {
      g_autofree char *copy = dup_argument (argument);

      g_strv_builder_add (builder, copy);
    }

  remembered = g_strv_builder_end (builder);
}

char **
aioproc_own_program_dup_argv (GError **error)
{
  g_auto(GStrv) argv = NULL;

  if (remembered != NULL && g_file_test (remembered[0], G_FILE_TEST_IS_EXECUTABLE))
    return g_strdupv (remembered);

  argv = g_new0 (char *, 2);
  argv[0] = dup_own_executable (error);
  if (argv[0] == NULL)
    return NULL;

  return g_steal_pointer (&argv);
}
