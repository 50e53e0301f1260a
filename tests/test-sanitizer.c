/* test-sanitizer.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <gio/gio.h>

#include "aioproc-test.h"

/* A build with a sanitizer proves something only if the sanitizer finds what is wrong, and
 * nothing else: ThreadSanitizer needs a GLib that is instrumented too.
 */

#if defined (__has_feature)
# if __has_feature (address_sanitizer)
#  define HAVE_ASAN 1
# endif
# if __has_feature (thread_sanitizer)
#  define HAVE_TSAN 1
# endif
#endif
#ifdef __SANITIZE_ADDRESS__
# define HAVE_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
# define HAVE_TSAN 1
#endif

static void
double_cb (GTask        *task,
           gpointer      source_object,
           gpointer      task_data,
           GCancellable *cancellable)
{
  int *value = task_data;

  *value *= 2;
  g_task_return_boolean (task, TRUE);
}

static void
test_sanitizer_hand_over (void)
{
  g_test_summary ("What a GTask hands over between threads is no race");

  for (int i = 0; i < 100; i++)
    {
      g_autoptr(GAsyncResult) result = NULL;
      g_autoptr(GTask) task = NULL;
      int *value = g_new (int, 1);

      *value = i;
      task = g_task_new (NULL, NULL, aioproc_test_store_result, &result);
      g_task_set_source_tag (task, test_sanitizer_hand_over);
      g_task_set_task_data (task, value, g_free);
      g_task_run_in_thread (task, double_cb);
      aioproc_test_wait (&result);

      g_assert_true (g_task_propagate_boolean (G_TASK (result), NULL));
      g_assert_cmpint (*value, ==, 2 * i);
    }
}

static void
test_sanitizer_use_after_free (void)
{
  g_test_summary ("A use of freed memory is found");

#ifndef HAVE_ASAN
  g_test_skip ("Not a build with AddressSanitizer");
#else
  if (g_test_subprocess ())
    {
      char * volatile text = g_strdup ("gone");

      g_free (text);
      text[0] = 'G';
      return;
    }

  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*heap-use-after-free*");
#endif
}

static void
test_sanitizer_leak (void)
{
  g_test_summary ("A leak is found");

#ifndef HAVE_ASAN
  g_test_skip ("Not a build with LeakSanitizer");
#else
  if (g_test_subprocess ())
    {
      char * volatile text = g_strdup ("lost");

      text = NULL;
      g_assert_null (text);
      return;
    }

  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*LeakSanitizer*");
#endif
}

#ifdef HAVE_TSAN
static int racy_counter;

static gpointer
race_cb (gpointer user_data)
{
  for (int i = 0; i < 1000; i++)
    racy_counter++;

  return NULL;
}
#endif

static void
test_sanitizer_race (void)
{
  g_test_summary ("A race is found");

#ifndef HAVE_TSAN
  g_test_skip ("Not a build with ThreadSanitizer");
#else
  if (g_test_subprocess ())
    {
      GThread *thread = g_thread_new ("race", race_cb, NULL);

      race_cb (NULL);
      g_thread_join (thread);
      return;
    }

  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*data race*");
#endif
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/sanitizer/hand-over", test_sanitizer_hand_over);
  aioproc_test_add_func ("/aioproc/sanitizer/use-after-free", test_sanitizer_use_after_free);
  aioproc_test_add_func ("/aioproc/sanitizer/leak", test_sanitizer_leak);
  aioproc_test_add_func ("/aioproc/sanitizer/race", test_sanitizer_race);

  return g_test_run ();
}
