/* process-tree.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process-tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aioproc-test.h"

static gboolean
read_stat (pid_t  pid,
           char  *state,
           pid_t *parent)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", (int) pid);
  g_autofree char *contents = NULL;
  const char *rest;
  int number;

  if (!g_file_get_contents (path, &contents, NULL, NULL))
    return FALSE;

  /* The name of the program, which is between brackets, may have any. */
  rest = strrchr (contents, ')');
  if (rest == NULL || sscanf (rest, ") %c %d", state, &number) != 2)
    return FALSE;

  *parent = number;

  return TRUE;
}

GArray *
test_tree_list_children (pid_t pid)
{
  g_autoptr(GArray) children = g_array_new (FALSE, FALSE, sizeof (pid_t));
  g_autoptr(GDir) folder = g_dir_open ("/proc", 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (folder)) != NULL)
    {
      pid_t candidate = atoi (name);
      pid_t parent;
      char state;

      if (candidate > 0 && read_stat (candidate, &state, &parent) && parent == pid)
        g_array_append_val (children, candidate);
    }

  return g_steal_pointer (&children);
}

GArray *
test_tree_list_descendants (pid_t pid)
{
  GArray *descendants = test_tree_list_children (pid);

  for (guint i = 0; i < descendants->len; i++)
    {
      g_autoptr(GArray) children = NULL;

      children = test_tree_list_children (g_array_index (descendants, pid_t, i));
      g_array_append_vals (descendants, children->data, children->len);
    }

  return descendants;
}

guint
test_tree_count_children (pid_t pid)
{
  g_autoptr(GArray) children = test_tree_list_children (pid);

  return children->len;
}

char
test_tree_get_state (pid_t pid)
{
  pid_t parent;
  char state;

  return read_stat (pid, &state, &parent) ? state : 0;
}

pid_t
test_tree_get_parent (pid_t pid)
{
  pid_t parent;
  char state;

  return read_stat (pid, &state, &parent) ? parent : 0;
}

static guint
count_entries (pid_t       pid,
               const char *name)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/%s", (int) pid, name);
  g_autoptr(GDir) folder = NULL;
  g_autoptr(GError) error = NULL;
  guint n = 0;

  folder = g_dir_open (path, 0, &error);
  g_assert_no_error (error);

  while (g_dir_read_name (folder) != NULL)
    n++;

  return n;
}

guint
test_tree_count_fds (pid_t pid)
{
  /* Without the descriptor that reads the folder. */
  return count_entries (pid, "fd") - (pid == getpid () ? 1 : 0);
}

guint
test_tree_count_threads (pid_t pid)
{
  return count_entries (pid, "task");
}

guint64
test_tree_get_memory (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/status", (int) pid);
  g_autofree char *contents = NULL;
  g_autoptr(GError) error = NULL;
  const char *line;

  g_file_get_contents (path, &contents, NULL, &error);
  g_assert_no_error (error);
  line = strstr (contents, "\nVmRSS:");
  g_assert_nonnull (line);

  return g_ascii_strtoull (line + strlen ("\nVmRSS:"), NULL, 10);
}

void
test_program_start (TestProgram *self,
                    const char  *name,
                    const char  *first_argument,
                    ...)
{
  g_autoptr(GPtrArray) argv = g_ptr_array_new ();
  g_autofree char *path = aioproc_test_build_helper_path (name);
  g_autoptr(GError) error = NULL;
  const char *argument;
  va_list args;
  int fd;

  g_assert_cmpint (prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), ==, 0);

  g_ptr_array_add (argv, path);
  va_start (args, first_argument);
  for (argument = first_argument; argument != NULL; argument = va_arg (args, const char *))
    g_ptr_array_add (argv, (gpointer) argument);
  va_end (args);
  g_ptr_array_add (argv, NULL);

  g_spawn_async_with_pipes (NULL, (char **) argv->pdata, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                            NULL, &self->pid, NULL, &fd, NULL, &error);
  g_assert_no_error (error);
  self->output = fdopen (fd, "r");
  g_assert_nonnull (self->output);
}

char *
test_program_read_line (TestProgram *self)
{
  g_autoptr(GString) line = g_string_new (NULL);
  int c;

  while ((c = fgetc (self->output)) != EOF && c != '\n')
    g_string_append_c (line, (char) c);

  if (c == EOF)
    return NULL;

  return g_string_free (g_steal_pointer (&line), FALSE);
}

int
test_program_wait (TestProgram *self)
{
  int wait_status;

  while (waitpid (self->pid, &wait_status, 0) != self->pid)
    g_assert_cmpint (errno, ==, EINTR);

  fclose (self->output);

  return wait_status;
}

guint
test_program_wait_for_rest (void)
{
  guint n = 0;

  for (;;)
    {
      if (waitpid (-1, NULL, 0) > 0)
        {
          n++;
          continue;
        }

      if (errno == ECHILD)
        return n;

      g_assert_cmpint (errno, ==, EINTR);
    }
}
