/* core-test.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core-test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "platform/platform-test.h"

void
core_test_init (int    *argc,
                char ***argv)
{
  g_setenv ("AIOPROC_DISABLE_BACKSTOP", "1", TRUE);
#ifdef CORE_TEST_BLIND
  g_setenv ("AIOPROC_DISABLE_WAITV", "1", TRUE);
#endif
  aioproc_test_init (argc, argv);
}

AioprocFamily *
core_test_get_family (void)
{
  g_autoptr(GError) error = NULL;
  AioprocFamily *family = aioproc_family_get_default (&error);

  g_assert_no_error (error);
  g_assert_nonnull (family);

  return family;
}

guint32
core_test_attach (AioprocFamily *family)
{
  g_autoptr(GError) error = NULL;
  guint32 owner = aioproc_family_attach (family, &error);

  g_assert_no_error (error);
  /* Asks the kernel, once: later there is no other call of this kind than those that wait. */
  aioproc_futex_has_waitv ();
  g_assert_cmphex (owner, !=, 0);

  return owner;
}

void
core_test_store (_Atomic guint32 *word,
                 guint32          value)
{
  atomic_store (word, value);
  aioproc_futex_wake (word, G_MAXUINT);
}

void
core_test_wait_for (_Atomic guint32 *word,
                    guint32          value)
{
  guint32 seen;

  while ((seen = atomic_load (word)) != value)
    aioproc_futex_wait (word, seen, -1);
}

guint32
core_test_wait_for_any (_Atomic guint32 *word)
{
  guint32 seen;

  while ((seen = atomic_load (word)) == 0)
    aioproc_futex_wait (word, 0, -1);

  return seen;
}

void
core_test_wait_beyond (_Atomic guint32 *word,
                       guint32          value)
{
  /* Nobody wakes for a mere count: look every now and then. */
  while ((gint32) (atomic_load (word) - value) <= 0)
    core_test_pass_time (50);
}

void
core_test_pass_time (gint64 usec)
{
  _Atomic guint32 word = 0;
  gint64 until_usec = g_get_monotonic_time () + usec;

  while (g_get_monotonic_time () < until_usec)
    aioproc_futex_wait (&word, 0, until_usec);
}

void
core_test_wait_for_death (AioprocFamily *family,
                          guint32        owner)
{
  _Atomic guint32 *sequence_word = aioproc_family_get_sequence (family);
  _Atomic guint32 never = 0;

  for (;;)
    {
      guint32 sequence = atomic_load (sequence_word);

      if (aioproc_family_is_dead (family, owner))
        return;

      aioproc_family_sleep (family, sequence, &never, 0, -1);
    }
}

void
core_test_kill (pid_t pid)
{
  int status;

  g_assert_no_errno (kill (pid, SIGKILL));
  status = platform_test_wait (pid);
  g_assert_true (WIFSIGNALED (status));
  g_assert_cmpint (WTERMSIG (status), ==, SIGKILL);
}

static gboolean
are_all_threads (pid_t pid,
                 char  state)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/task", (int) pid);
  g_autoptr(GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  g_assert_nonnull (dir);

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      if (platform_test_get_state (pid, (pid_t) g_ascii_strtoll (name, NULL, 10)) != state)
        return FALSE;
    }

  return TRUE;
}

void
core_test_stop (pid_t pid)
{
  g_assert_no_errno (kill (pid, SIGSTOP));

  while (!are_all_threads (pid, 'T'))
    g_thread_yield ();
}

void
core_test_wait_for_sleep (pid_t pid)
{
  guint n_seen = 0;

  /* More than once: one may have been woken by another that has gone to sleep since. */
  while (n_seen < 3)
    {
      n_seen = are_all_threads (pid, 'S') ? n_seen + 1 : 0;
      g_thread_yield ();
    }
}

typedef struct {
  GThreadFunc     func;
  gpointer        data;
  _Atomic guint32 ended;
} ThreadRun;

static gpointer
thread_run (gpointer data)
{
  ThreadRun *run = data;
  gpointer result = run->func (run->data);

  atomic_store (&run->ended, 1);
  g_main_context_wakeup (NULL);

  return result;
}

gpointer
core_test_run_in_thread (GThreadFunc func,
                         gpointer    data)
{
  ThreadRun run = { .func = func, .data = data };
  GThread *thread = g_thread_new ("test", thread_run, &run);

  aioproc_test_wait_until (atomic_load (&run.ended) != 0);

  return g_thread_join (thread);
}
