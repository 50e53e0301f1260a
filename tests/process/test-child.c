/* test-child.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "child-test.h"
#include "core/aioproc-mutex-private.h"

static void
test_child_exit (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));
  const int statuses[] = { 0, 1, 7, 255 };

  g_test_summary ("A worker's frames and exit status arrive");

  for (guint i = 0; i < G_N_ELEMENTS (statuses); i++)
    {
      AioprocTestChild *child = aioproc_test_child_new (spec, "exit", statuses[i]);
      g_autoptr(GVariant) body = NULL;
      int wait_status = aioproc_test_child_get_status (child);
      gint64 number;

      g_assert_true (WIFEXITED (wait_status));
      g_assert_cmpint (WEXITSTATUS (wait_status), ==, statuses[i]);

      g_assert_cmpuint (child->frames->len, ==, 3);
      g_assert_true (aioproc_test_child_wait_frame (child, AIOPROC_FRAME_READY, NULL));
      g_assert_true (aioproc_test_child_wait_frame (child, AIOPROC_FRAME_EXIT, NULL));
      g_assert_true (aioproc_test_child_wait_frame (child, AIOPROC_FRAME_RESULT, &body));
      g_variant_get (body, "(x)", &number);
      g_assert_cmpint (number, ==, statuses[i]);

      aioproc_test_child_free (child);
    }
}

static void
test_child_silent (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));
  AioprocTestChild *child = aioproc_test_child_new (spec, "silent", 3);
  int wait_status;

  g_test_summary ("A worker that ends before it has said anything has an exit status, too");

  wait_status = aioproc_test_child_get_status (child);
  g_assert_true (WIFEXITED (wait_status));
  g_assert_cmpint (WEXITSTATUS (wait_status), ==, 3);
  g_assert_cmpuint (child->frames->len, ==, 0);

  aioproc_test_child_free (child);
}

static void
test_child_signal (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));
  const int signals[] = { SIGTERM, SIGKILL, SIGUSR1, SIGPIPE, SIGINT, SIGHUP, SIGALRM };

  g_test_summary ("The signal that kills a worker is known, and none is ignored or blocked in it");

  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    {
      AioprocTestChild *child = aioproc_test_child_new (spec, "signal", signals[i]);
      int wait_status = aioproc_test_child_get_status (child);

      g_assert_true (WIFSIGNALED (wait_status));
      g_assert_cmpint (WTERMSIG (wait_status), ==, signals[i]);
      aioproc_test_child_free (child);
    }
}

static void
test_child_lie (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));
  AioprocTestChild *child = aioproc_test_child_new (spec, "lie", 0);
  int wait_status;

  g_test_summary ("The real status counts, not what the worker said that it would be");

  wait_status = aioproc_test_child_get_status (child);
  g_assert_true (WIFSIGNALED (wait_status));
  g_assert_cmpint (WTERMSIG (wait_status), ==, SIGKILL);
  aioproc_test_child_free (child);
}

static void
test_child_echo (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));
  AioprocTestChild *child = aioproc_test_child_new (spec, "echo", 0);
  g_autofree char *text = g_strnfill (50000, 'x');
  guint n_messages = 0;

  g_test_summary ("Frames go both ways, in order, also more than a socket takes");

  for (guint i = 0; i < 100; i++)
    aioproc_test_child_send (child, g_variant_new ("(us)", i, text));

  g_mutex_lock (&child->mutex);
  while (child->frames->len < 101)
    g_cond_wait (&child->cond, &child->mutex);
  g_mutex_unlock (&child->mutex);

  g_assert_true (aioproc_child_send_signal (child->child, SIGTERM, NULL));
  g_assert_true (WIFSIGNALED (aioproc_test_child_get_status (child)));

  for (guint i = 0; i < child->frames->len; i++)
    {
      AioprocTestFrame *frame = g_ptr_array_index (child->frames, i);
      const char *received;
      guint number;

      if (frame->kind != AIOPROC_FRAME_MESSAGE)
        continue;

      g_variant_get (frame->body, "(u&s)", &number, &received);
      g_assert_cmpuint (number, ==, n_messages++);
      g_assert_cmpstr (received, ==, text);
    }

  g_assert_cmpuint (n_messages, ==, 100);

  /* Is dropped. */
  aioproc_test_child_send (child, g_variant_new ("(us)", 0, text));
  aioproc_test_child_free (child);
}

static GVariant *
get_description (AioprocChildSpec *spec)
{
  AioprocTestChild *child = aioproc_test_child_new (spec, "describe", 0);
  g_autoptr(GVariant) body = NULL;
  int pid = 0;

  g_assert_cmpint (aioproc_test_child_get_status (child), ==, 0);
  g_assert_true (aioproc_test_child_wait_frame (child, AIOPROC_FRAME_RESULT, &body));
  g_assert_true (g_variant_lookup (body, "pid", "i", &pid));
  g_assert_cmpint (pid, ==, aioproc_child_get_pid (child->child));
  aioproc_test_child_free (child);

  return g_steal_pointer (&body);
}

static gint64
lookup_number (GVariant   *description,
               const char *key)
{
  g_autoptr(GVariant) value = g_variant_lookup_value (description, key, NULL);

  g_assert_nonnull (value);

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT32))
    return g_variant_get_int32 (value);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT32))
    return g_variant_get_uint32 (value);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    return g_variant_get_boolean (value);

  return (gint64) g_variant_get_uint64 (value);
}

static void
test_child_surroundings (gconstpointer data)
{
  AioprocChildMethod method = GPOINTER_TO_INT (data);
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (method);
  g_autoptr(GVariant) description = NULL;
  g_autofree char *directory = g_get_current_dir ();
  const char *string;
  sigset_t blocked;
  sigset_t saved;
  guint64 ignored = 0;

  g_test_summary ("A worker begins in a process that its program could have been started in");

  sigfillset (&blocked);
  pthread_sigmask (SIG_SETMASK, &blocked, &saved);
  signal (SIGUSR2, SIG_IGN);
  description = get_description (spec);
  signal (SIGUSR2, SIG_DFL);
  pthread_sigmask (SIG_SETMASK, &saved, NULL);

  g_assert_cmpint (lookup_number (description, "group"), ==, lookup_number (description, "pid"));
  g_assert_cmpint (lookup_number (description, "blocked"), ==, 0);
  g_assert_cmpint (lookup_number (description, "ignored"), ==, ignored);
  g_assert_true (g_variant_lookup (description, "input", "&s", &string));
  g_assert_cmpstr (string, ==, "/dev/null");
  g_assert_true (g_variant_lookup (description, "directory", "&s", &string));
  g_assert_cmpstr (string, ==, directory);
  g_assert_true (g_variant_lookup (description, "environment", "&s", &string));
  g_assert_null (strstr (string, "AIOPROC_WORKER="));

  if (method == AIOPROC_CHILD_FORK)
    {
      g_assert_cmpint (lookup_number (description, "parent"), ==, getpid ());
      return;
    }

  g_assert_cmpint (lookup_number (description, "parent"), !=, getpid ());
  g_assert_cmpint (lookup_number (description, "death-signal"), ==, SIGKILL);
  /* Three streams, the channel, the bond. */
  g_assert_cmpint (lookup_number (description, "fds"), ==, 5);
#ifndef AIOPROC_SANITIZED
  g_assert_cmpint (lookup_number (description, "caught"), ==, 0);
  g_assert_cmpint (lookup_number (description, "threads"), ==, 1);
#endif
}

static void
check_limit (GVariant   *description,
             const char *key,
             guint64     expected_soft,
             guint64     expected_hard)
{
  guint64 soft;
  guint64 hard;

  g_assert_true (g_variant_lookup (description, key, "(tt)", &soft, &hard));
  g_assert_cmpuint (soft, ==, expected_soft);
  g_assert_cmpuint (hard, ==, expected_hard);
}

static void
test_child_spec (gconstpointer data)
{
  AioprocChildMethod method = GPOINTER_TO_INT (data);
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (method);
  g_autoptr(GVariant) description = NULL;
  const char *string;

  g_test_summary ("A worker gets the environment, directory, limits and output of its spec");

  spec->environment = g_get_environ ();
  spec->environment = g_environ_setenv (spec->environment, "AIOPROC_TEST_OWN", "1", TRUE);
  spec->working_directory = g_strdup ("/");
  spec->cpu_time_limit = 100;
  spec->file_limit = 40;
  spec->stdout_to_stderr = TRUE;
#ifndef AIOPROC_SANITIZED
  spec->memory_limit = G_GUINT64_CONSTANT (1) << 32;
#endif

  description = get_description (spec);

  check_limit (description, "cpu", 100, 101);
  check_limit (description, "files", 40, 40);
#ifndef AIOPROC_SANITIZED
  check_limit (description, "memory", spec->memory_limit, spec->memory_limit);
#endif
  g_assert_true (lookup_number (description, "same-output"));

  if (method == AIOPROC_CHILD_FORK)
    return;

  g_assert_true (g_variant_lookup (description, "directory", "&s", &string));
  g_assert_cmpstr (string, ==, "/");
  g_assert_true (g_variant_lookup (description, "environment", "&s", &string));
  g_assert_nonnull (strstr (string, "AIOPROC_TEST_OWN=1"));
}

static void
test_child_file_limit_follows (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));
  g_autoptr(GVariant) before = NULL;
  g_autoptr(GVariant) after = NULL;
  struct rlimit saved;
  struct rlimit lowered;

  g_test_summary ("The limit of open files is the program's at the start of the worker");

  before = get_description (spec);

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &saved), ==, 0);
  lowered = saved;
  lowered.rlim_cur = 100;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &lowered), ==, 0);
  after = get_description (spec);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &saved), ==, 0);

  check_limit (before, "files", saved.rlim_cur, saved.rlim_max);
  check_limit (after, "files", lowered.rlim_cur, lowered.rlim_max);
}

static void
test_child_large_environment (void)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (AIOPROC_CHILD_SPAWN);
  g_autoptr(GVariant) description = NULL;
  const char *string;

  g_test_summary ("An environment that fits into no packet arrives");

  spec->environment = g_get_environ ();

  for (guint i = 0; i < 10; i++)
    {
      g_autofree char *name = g_strdup_printf ("AIOPROC_TEST_LARGE_%u", i);
      g_autofree char *value = g_strnfill (60000, 'a' + i);

      spec->environment = g_environ_setenv (spec->environment, name, value, TRUE);
    }

  description = get_description (spec);
  g_assert_true (g_variant_lookup (description, "environment", "&s", &string));

  for (guint i = 0; i < 10; i++)
    {
      g_autofree char *name = g_strdup_printf ("AIOPROC_TEST_LARGE_%u", i);
      g_autofree char *value = g_strnfill (60000, 'a' + i);
      g_autofree char *line = g_strconcat (name, "=", value, NULL);

      g_assert_nonnull (strstr (string, line));
    }
}

static void
test_child_removed_directory (void)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (AIOPROC_CHILD_SPAWN);
  g_autofree char *directory = g_get_current_dir ();
  g_autofree char *removed = g_dir_make_tmp ("aioproc-XXXXXX", NULL);
  AioprocTestChild *child;

  g_test_summary ("A program whose directory has no name anymore can start workers");

  g_assert_cmpint (chdir (removed), ==, 0);
  g_assert_cmpint (rmdir (removed), ==, 0);

  child = aioproc_test_child_new (spec, "exit", 0);
  g_assert_cmpint (aioproc_test_child_get_status (child), ==, 0);
  aioproc_test_child_free (child);

  g_assert_cmpint (chdir (directory), ==, 0);
}

static void
test_child_preload (void)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (AIOPROC_CHILD_FORKSERVER);

  g_test_summary ("Preload functions run once for all workers of a forkserver");

  spec->preload = g_strsplit ("count joined-thread count", " ", -1);

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr(GVariant) description = get_description (spec);

      g_assert_cmpint (lookup_number (description, "preloaded"), ==, 2);
    }
}

static void
test_child_sharing (gconstpointer data)
{
  AioprocChildMethod method = GPOINTER_TO_INT (data);
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (method);
  g_autoptr(AioprocChildSpec) same = aioproc_test_child_spec_new (method);
  g_autoptr(AioprocChildSpec) other = aioproc_test_child_spec_new (method);
  AioprocChildSpec *specs[] = { spec, same, other };
  gint64 parents[3];

  g_test_summary ("Workers of equal specs have one supervisor; a program has one launcher");

  other->working_directory = g_strdup ("/tmp");

  for (guint i = 0; i < G_N_ELEMENTS (parents); i++)
    {
      g_autoptr(GVariant) description = get_description (specs[i]);

      parents[i] = lookup_number (description, "parent");
    }

  g_assert_cmpint (parents[0], ==, parents[1]);

  if (method == AIOPROC_CHILD_SPAWN)
    g_assert_cmpint (parents[0], ==, parents[2]);
  else
    g_assert_cmpint (parents[0], !=, parents[2]);
}

static void
test_child_many_forkservers (void)
{
  guint n_fds = 0;

  g_test_summary ("Forkservers that nobody uses do not pile up");

  for (guint i = 0; i < 40; i++)
    {
      g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (AIOPROC_CHILD_FORKSERVER);
      g_autoptr(GVariant) description = NULL;

      spec->environment = g_get_environ ();
      spec->environment = g_environ_setenv (spec->environment, "AIOPROC_TEST_NUMBER",
                                            g_ascii_dtostr ((char[64]) { 0 }, 64, i), TRUE);
      description = get_description (spec);

      if (i == 20)
        n_fds = aioproc_test_count_fds ();
    }

  while (aioproc_test_count_fds () > n_fds)
    g_thread_yield ();
}

static void
test_child_nested (gconstpointer data)
{
  AioprocChildMethod method = GPOINTER_TO_INT (data);
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (method);

  g_test_summary ("A worker starts workers of its own");

  for (guint i = 0; i < G_N_ELEMENTS (aioproc_test_methods); i++)
    {
      g_autoptr(GVariant) body = NULL;
      AioprocTestChild *child;
      int wait_status;

#ifdef AIOPROC_TSAN
      /* Its runtime starts another thread of its own in a forked child. */
      if (method == AIOPROC_CHILD_FORKSERVER && aioproc_test_methods[i] == AIOPROC_CHILD_FORK)
        continue;
#endif

      child = aioproc_test_child_new (spec, "nest", aioproc_test_methods[i]);
      g_assert_cmpint (aioproc_test_child_get_status (child), ==, 0);
      g_assert_true (aioproc_test_child_wait_frame (child, AIOPROC_FRAME_RESULT, &body));
      g_variant_get (body, "(i)", &wait_status);
      g_assert_true (WIFEXITED (wait_status));
      g_assert_cmpint (WEXITSTATUS (wait_status), ==, 17);
      aioproc_test_child_free (child);
    }
}

static void
test_child_many (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));
  AioprocTestChild *children[60];

  g_test_summary ("Many workers at the same time, started in one go");

  for (guint i = 0; i < G_N_ELEMENTS (children); i++)
    children[i] = aioproc_test_child_new (spec, "hang", 0);

  for (guint i = 0; i < G_N_ELEMENTS (children); i++)
    g_assert_true (aioproc_test_child_wait_frame (children[i], AIOPROC_FRAME_READY, NULL));

  for (guint i = 0; i < G_N_ELEMENTS (children); i++)
    g_assert_true (aioproc_child_send_signal (children[i]->child, SIGTERM, NULL));

  for (guint i = 0; i < G_N_ELEMENTS (children); i++)
    {
      int wait_status = aioproc_test_child_get_status (children[i]);

      g_assert_true (WIFSIGNALED (wait_status));
      g_assert_cmpint (WTERMSIG (wait_status), ==, SIGTERM);
      aioproc_test_child_free (children[i]);
    }
}

static void
test_child_cycles (gconstpointer data)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (GPOINTER_TO_INT (data));
  guint n_fds = 0;
  guint n_threads = 0;

  g_test_summary ("Descriptors and threads stay the same over 300 workers");

  for (guint i = 0; i < 300; i++)
    {
      AioprocTestChild *child = aioproc_test_child_new (spec, "exit", i % 256);

      g_assert_cmpint (WEXITSTATUS (aioproc_test_child_get_status (child)), ==, i % 256);
      aioproc_test_child_free (child);

      /* The monitor lets go of it a moment after it has told of its end. */
      if (i == 0)
        {
          while (n_fds == 0 || aioproc_test_count_fds () < n_fds)
            n_fds = aioproc_test_count_fds ();
          n_threads = aioproc_test_count_threads ();
        }
    }

  while (aioproc_test_count_fds () > n_fds)
    g_thread_yield ();
  g_assert_cmpuint (aioproc_test_count_threads (), <=, n_threads);
}

static void
add_for_methods (const char    *name,
                 GTestDataFunc  func,
                 guint          n_methods)
{
  for (guint i = 0; i < n_methods; i++)
    {
      AioprocChildMethod method = aioproc_test_methods[i];
      g_autofree char *path = g_strdup_printf ("/aioproc/child/%s/%s", name,
                                               aioproc_test_method_name (method));

      aioproc_test_add_data_func (path, GINT_TO_POINTER (method), func);
    }
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  add_for_methods ("exit", test_child_exit, 3);
  add_for_methods ("silent", test_child_silent, 3);
  add_for_methods ("signal", test_child_signal, 3);
  add_for_methods ("lie", test_child_lie, 3);
  add_for_methods ("echo", test_child_echo, 3);
  add_for_methods ("surroundings", test_child_surroundings, 3);
  add_for_methods ("spec", test_child_spec, 3);
  add_for_methods ("file-limit-follows", test_child_file_limit_follows, 3);
  add_for_methods ("sharing", test_child_sharing, 2);
  add_for_methods ("nested", test_child_nested, 3);
  add_for_methods ("many", test_child_many, 3);
  add_for_methods ("cycles", test_child_cycles, 3);
  aioproc_test_add_func ("/aioproc/child/large-environment", test_child_large_environment);
  aioproc_test_add_func ("/aioproc/child/removed-directory", test_child_removed_directory);
  aioproc_test_add_func ("/aioproc/child/preload", test_child_preload);
  aioproc_test_add_func ("/aioproc/child/many-forkservers", test_child_many_forkservers);

  return g_test_run ();
}
