/* word-count.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Counts the words of all files in a tree of folders, each of which is a task. */

#include <glib/gstdio.h>

#include <aioproc.h>

#define N_FILES   100
#define N_FOLDERS 10

/* In a worker: those of one folder. */
static GVariant *
count_words (AioprocCall  *call,
             GError      **error)
{
  g_autofree char *path = NULL;
  g_autoptr(GDir) folder = NULL;
  const char *name;
  guint n_words = 0;

  if (!aioproc_call_get_arguments (call, error, "(^ay)", &path) ||
      !(folder = g_dir_open (path, 0, error)))
    return NULL;

  while ((name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, NULL);
      g_autofree char *text = NULL;

      if (!g_file_get_contents (file, &text, NULL, error))
        return NULL;

      for (const char *p = text; *p != '\0'; p++)
        n_words += !g_ascii_isspace (p[0]) && (g_ascii_isspace (p[1]) || p[1] == '\0');
    }

  return g_variant_new_uint32 (n_words);
}

static const AioprocFunctionEntry functions[] = { { "count-words", count_words } };

static void
change_tree (const char *root,
             gboolean    is_made)
{
  for (guint i = 0; i < N_FILES; i++)
    {
      g_autofree char *folder = g_strdup_printf ("%s/%u", root, i % N_FOLDERS);
      g_autofree char *file = g_strdup_printf ("%s/%u.txt", folder, i);

      if (is_made && g_mkdir_with_parents (folder, 0700) == 0)
        g_file_set_contents (file, "To be, or not to be\n", -1, NULL);
      else if (g_unlink (file) == 0 && g_rmdir (folder) == 0)
        g_rmdir (root);
    }
}

int
main (void)
{
  g_autoptr(GPtrArray) counts = NULL;
  g_autoptr(AioprocPool) pool = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *root = NULL;
  GVariant *folders[N_FOLDERS];
  guint n_words = 0;

  aioproc_init (functions, G_N_ELEMENTS (functions));

  root = g_dir_make_tmp ("word-count-XXXXXX", &error);
  pool = root != NULL ? aioproc_pool_new (NULL, 0, &error) : NULL;
  if (pool == NULL)
    g_error ("%s", error->message);

  change_tree (root, TRUE);
  for (guint i = 0; i < N_FOLDERS; i++)
    {
      g_autofree char *folder = g_strdup_printf ("%s/%u", root, i);

      folders[i] = g_variant_new ("(^ay)", folder);
    }

  counts = aioproc_pool_map (pool, "count-words", folders, N_FOLDERS, 1, NULL, &error);
  change_tree (root, FALSE);
  if (counts == NULL)
    g_error ("%s", error->message);

  for (guint i = 0; i < counts->len; i++)
    n_words += g_variant_get_uint32 (g_ptr_array_index (counts, i));

  g_print ("%u words in %u files.\n", n_words, N_FILES);

  return n_words != 6 * N_FILES;
}
