/* exhaustion-main.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A program that runs out of something: exhaustion-main CASE METHOD NUMBER. It writes what came of
 * a start under the limit, and fails unless a start works once the limit is lifted, and nothing is
 * lost.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <aioproc.h>

#include "adverse-functions.h"
#include "aioproc-test.h"
#include "process-functions.h"
#include "process-tree.h"

/* And the process id: a user that has no other process. */
#define FIRST_USER 1000000

/* It cannot be tested here. */
#define EXIT_SKIPPED 77

static AioprocContext *context;

static void
set_soft_limit (int    resource,
                rlim_t value)
{
  struct rlimit limit;

  g_assert_cmpint (getrlimit (resource, &limit), ==, 0);
  limit.rlim_cur = MIN (value, limit.rlim_max);
  g_assert_cmpint (setrlimit (resource, &limit), ==, 0);
}

static void
tell (const char   *what,
      const GError *error)
{
  if (error == NULL)
    printf ("%s: works\n", what);
  else
    printf ("%s: %s %d: %s\n", what, g_quark_to_string (error->domain), error->code,
            error->message);
}

/* A start with what @message has, to its end. */
static void
try_message (const char     *what,
             const char     *function,
             AioprocMessage *message)
{
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  process = aioproc_process_new_with_message (context, function, message);
  if (aioproc_process_start (process, NULL, &error))
    {
      test_join (process);
      value = aioproc_process_dup_result (process, &error);
    }

  g_assert_true ((value == NULL) == (error != NULL));
  tell (what, error);
}

static void
try_square (const char *what)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (g_variant_new ("(i)", 7));

  try_message (what, "square", message);
}

static void
check_square (void)
{
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  value = test_run (context, "square", g_variant_new ("(i)", 7), &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (value, g_variant_new ("(i)", 49));
}

/* What there is once all that stays has been made, and everything else has gone. */
static void
check_nothing_lost (guint n_fds_at_start)
{
  guint n_fds;

  for (guint i = 0; i < 3; i++)
    check_square ();

  /* The family, two of the monitor, three of the supervisor, and one of the main context. */
  n_fds = n_fds_at_start + 7;
  while (aioproc_test_count_fds () > n_fds)
    g_thread_yield ();

  g_assert_cmpuint (test_tree_count_children (getpid ()), ==, 1);
}

static void
run_files (rlim_t number)
{
  guint n_fds = aioproc_test_count_fds ();
  struct rlimit saved;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &saved), ==, 0);
  set_soft_limit (RLIMIT_NOFILE, number);
  try_square ("square");
  try_square ("again");
  set_soft_limit (RLIMIT_NOFILE, saved.rlim_cur);
  check_nothing_lost (n_fds);
}

/* With a worker that uses an object, which takes threads. */
static void
run_processes (rlim_t number)
{
  guint n_fds = aioproc_test_count_fds ();
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(AioprocEvent) event = NULL;
  uid_t user = FIRST_USER + (uid_t) getpid ();
  struct rlimit saved;
  g_autoptr(GError) error = NULL;
  int handle;

  g_assert_cmpint (getrlimit (RLIMIT_NPROC, &saved), ==, 0);
  if (setresgid (user, user, user) != 0 || setresuid (user, user, user) != 0
      || access ("/proc/self/exe", X_OK) != 0)
    exit (EXIT_SKIPPED);

  event = aioproc_event_new (&error);
  g_assert_no_error (error);
  handle = aioproc_message_append_object (message, G_OBJECT (event), &error);
  g_assert_no_error (error);
  aioproc_message_set_body (message, g_variant_new ("(h)", handle));

  set_soft_limit (RLIMIT_NPROC, number);
  try_square ("square");
  try_message ("set", "set", message);
  set_soft_limit (RLIMIT_NPROC, saved.rlim_cur);

  g_clear_object (&event);
  g_clear_object (&message);
  /* Two more of the event are the family's. */
  check_nothing_lost (n_fds + 2);
}

/* In KiB beyond what it has. */
static void
run_memory (rlim_t number)
{
  guint n_fds = aioproc_test_count_fds ();
  g_autofree char *status = NULL;
  struct rlimit saved;
  const char *line;
  rlim_t size;

  g_assert_true (g_file_get_contents ("/proc/self/status", &status, NULL, NULL));
  line = strstr (status, "\nVmSize:");
  g_assert_nonnull (line);
  size = g_ascii_strtoull (line + strlen ("\nVmSize:"), NULL, 10);

  g_assert_cmpint (getrlimit (RLIMIT_AS, &saved), ==, 0);
  set_soft_limit (RLIMIT_AS, (size + number) * 1024);
  try_square ("square");
  set_soft_limit (RLIMIT_AS, saved.rlim_cur);
  check_nothing_lost (n_fds);
}

/* The largest file that may be written, which shared memory is, too. */
static void
run_file_size (rlim_t number)
{
  guint n_fds = aioproc_test_count_fds ();
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(GBytes) bytes = g_bytes_new_take (g_malloc0 (4 << 20), 4 << 20);
  g_auto(GStrv) environment = aioproc_context_dup_environment (context);
  g_autofree char *value = g_strnfill (100 * 1000, 'x');
  struct rlimit saved;
  int handle;

  /* More than a packet can carry. */
  environment = g_environ_setenv (environment, "AIOPROC_TEST_LONG", value, TRUE);
  aioproc_context_set_environment (context, (const char * const *) environment);

  /* Without, a start fails before it comes to that. */
  if (number > 0)
    check_square ();

  /* Python, say, has its children ignore it. */
  signal (SIGXFSZ, SIG_DFL);
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &saved), ==, 0);
  set_soft_limit (RLIMIT_FSIZE, number);
  try_square ("square");

  handle = aioproc_message_append_bytes (message, bytes);
  aioproc_message_set_body (message, g_variant_new ("(h)", handle));
  try_message ("bytes", "echo", message);

  set_soft_limit (RLIMIT_FSIZE, saved.rlim_cur);
  g_clear_object (&message);
  check_nothing_lost (n_fds);
}

static const struct
{
  const char  *name;
  void       (*run) (rlim_t number);
} cases[] = {
  { "files", run_files },
  { "processes", run_processes },
  { "memory", run_memory },
  { "file-size", run_file_size },
};

int
main (int   argc,
      char *argv[])
{
  test_adverse_functions_init ();

  g_assert_cmpint (argc, ==, 4);
  context = test_context_new ((AioprocStartMethod) atoi (argv[2]));

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      if (g_str_equal (cases[i].name, argv[1]))
        {
          cases[i].run (strtoull (argv[3], NULL, 10));
          g_object_unref (context);
          return EXIT_SUCCESS;
        }
    }

  return EXIT_FAILURE;
}
