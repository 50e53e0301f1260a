/* test-child-application.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "child-test.h"

/* How often an application is killed at random: as many a second as there are starts in it. */
#ifdef AIOPROC_TEST_STRESS
# define N_ROUNDS 200
#else
# define N_ROUNDS 20
#endif

#define MARKER "AIOPROC_TEST_APPLICATION"

typedef struct
{
  pid_t  pid;
  FILE  *output;
  char  *marker;   /* in the environment of all its descendants */
} Application;

typedef struct
{
  const char         *mode;
  AioprocChildMethod  method;
} Case;

static void
application_start (Application        *self,
                   const char         *mode,
                   AioprocChildMethod  method)
{
  static guint n_started;
  g_autofree char *path = aioproc_test_build_helper_path ("aioproc-test-child-application");
  g_autofree char *number = g_strdup_printf ("%d", method);
  g_autofree char *value = g_strdup_printf ("%d-%u", (int) getpid (), n_started++);
  g_auto(GStrv) environment = g_environ_setenv (g_get_environ (), MARKER, value, TRUE);
  char *arguments[] = { path, (char *) mode, number, NULL };
  g_autoptr(GError) error = NULL;
  int fd;

  self->marker = g_strconcat (MARKER "=", value, NULL);
  g_spawn_async_with_pipes (NULL, arguments, environment, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                            &self->pid, NULL, &fd, NULL, &error);
  g_assert_no_error (error);
  self->output = fdopen (fd, "r");
}

static int
application_wait (Application *self)
{
  int wait_status;

  while (waitpid (self->pid, &wait_status, 0) != self->pid)
    g_assert_cmpint (errno, ==, EINTR);

  fclose (self->output);

  return wait_status;
}

static gboolean
has_marker (const char *pid,
            const char *marker)
{
  g_autofree char *path = g_build_filename ("/proc", pid, "environ", NULL);
  g_autofree char *environment = NULL;
  gsize length;

  if (!g_file_get_contents (path, &environment, &length, NULL))
    return FALSE;

  for (gsize i = 0; i < length; i += strlen (environment + i) + 1)
    {
      if (g_str_equal (environment + i, marker))
        return TRUE;
    }

  return FALSE;
}

/* Whether any process lives that came from the application, except for @excepted. */
static gboolean
has_descendants (Application *self,
                 pid_t        excepted)
{
  g_autoptr(GDir) folder = g_dir_open ("/proc", 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (folder)) != NULL)
    {
      pid_t pid = atoi (name);

      if (pid > 0 && pid != excepted && aioproc_test_process_lives (pid) &&
          has_marker (name, self->marker))
        return TRUE;
    }

  return FALSE;
}

static void
application_kill (Application *self,
                  pid_t        excepted)
{
  int wait_status;

  g_assert_true (has_descendants (self, -1));
  g_assert_cmpint (kill (self->pid, SIGKILL), ==, 0);
  wait_status = application_wait (self);
  g_assert_true (WIFSIGNALED (wait_status));
  g_assert_cmpint (WTERMSIG (wait_status), ==, SIGKILL);

  while (has_descendants (self, excepted))
    g_thread_yield ();

  g_free (self->marker);
}

static void
test_child_application_killed (gconstpointer data)
{
  const Case *test_case = data;
  Application application;
  char line[100] = { 0 };
  int excepted = -1;

  g_test_summary ("When an application is killed, nothing is left of its workers");

  application_start (&application, test_case->mode, test_case->method);
  g_assert_nonnull (fgets (line, sizeof line, application.output));

  if (g_str_equal (test_case->mode, "forked"))
    g_assert_cmpint (sscanf (line, "%d ready", &excepted), ==, 1);
  else
    g_assert_cmpstr (line, ==, "ready\n");

  application_kill (&application, excepted);

  if (excepted > 0)
    {
      g_assert_true (aioproc_test_process_lives (excepted));
      g_assert_cmpint (kill (excepted, SIGKILL), ==, 0);
    }
}

static void
test_child_application_busy (gconstpointer data)
{
  const Case *test_case = data;

  g_test_summary ("The same at any moment, while workers start and end");
  aioproc_test_arm_watchdog (60 + N_ROUNDS);

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      Application application;
      int n_starts = g_test_rand_int_range (1, 100);

      application_start (&application, test_case->mode, test_case->method);

      while (n_starts-- > 0)
        g_assert_cmpint (fgetc (application.output), ==, '.');

      application_kill (&application, -1);
    }
}

static void
test_child_application_few_processes (gconstpointer data)
{
  const Case *test_case = data;
  Application application;
  int wait_status;

  g_test_summary ("Where processes and threads run out, starts fail cleanly");

  application_start (&application, test_case->mode, test_case->method);
  wait_status = application_wait (&application);
  g_free (application.marker);
  g_assert_true (WIFEXITED (wait_status));

  if (WEXITSTATUS (wait_status) == 77)
    g_test_skip ("Only root can become a user without processes");
  else
    g_assert_cmpint (WEXITSTATUS (wait_status), ==, 0);
}

static void
add_for_methods (const char    *mode,
                 GTestDataFunc  func,
                 guint          first,
                 guint          n_methods)
{
  for (guint i = first; i < first + n_methods; i++)
    {
      Case *test_case = g_new (Case, 1);
      g_autofree char *path = NULL;

      test_case->mode = mode;
      test_case->method = aioproc_test_methods[i];
      path = g_strdup_printf ("/aioproc/child/application/%s/%s", mode,
                              aioproc_test_method_name (test_case->method));
      aioproc_test_add_data_func_full (path, test_case, func, g_free);
    }
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  add_for_methods ("hang", test_child_application_killed, 0, 3);
  /* A FORK worker has no supervisor that would kill its group. */
  add_for_methods ("leave", test_child_application_killed, 0, 2);
  add_for_methods ("left", test_child_application_killed, 0, 2);
  add_for_methods ("nest", test_child_application_killed, 0, 3);
  add_for_methods ("stopped-supervisor", test_child_application_killed, 0, 2);
  add_for_methods ("preload", test_child_application_killed, 1, 1);
  add_for_methods ("forked", test_child_application_killed, 0, 3);
  add_for_methods ("busy", test_child_application_busy, 0, 2);
  add_for_methods ("few-processes", test_child_application_few_processes, 0, 3);

  return g_test_run ();
}
