/* test-futex.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "platform-test.h"
#include "platform/aioproc-futex-private.h"
#include "platform/aioproc-memfd-private.h"

#ifndef SYS_futex_waitv
# define SYS_futex_waitv 449
#endif

#define SHORT_USEC (20 * G_TIME_SPAN_MILLISECOND)

/* A thread, or another process, that waits once. */
typedef struct {
  const AioprocFutexWait *waits;       /* immutable */
  guint                   n_waits;     /* immutable; 0: plain wait on the first */
  gint64                  deadline;    /* immutable */
  AioprocFutexResult      result;      /* read after join */
  _Atomic guint32         tid;         /* (atomic) */
  _Atomic guint32         done;        /* (atomic) */
} Sleeper;

static gpointer
sleeper_run (gpointer user_data)
{
  Sleeper *sleeper = user_data;

  /* Release and acquire: platform_test_wait_for_word() in the other thread. */
  atomic_store_explicit (&sleeper->tid, (guint32) gettid (), memory_order_release);

  if (sleeper->n_waits == 0)
    sleeper->result = aioproc_futex_wait (sleeper->waits[0].word, sleeper->waits[0].expected,
                                          sleeper->deadline);
  else
    sleeper->result = aioproc_futex_waitv (sleeper->waits, sleeper->n_waits, sleeper->deadline);

  atomic_store_explicit (&sleeper->done, 1, memory_order_release);

  return NULL;
}

static gboolean
skip_without_waitv (void)
{
  if (aioproc_futex_has_waitv ())
    return FALSE;

  g_test_skip ("This system has no futex_waitv()");

  return TRUE;
}

static void
wake_one_for_sure (_Atomic guint32 *word)
{
  guint n_woken;

  /* Until the sleeper is there. */
  while ((n_woken = aioproc_futex_wake (word, 1)) == 0)
    g_thread_yield ();

  g_assert_cmpuint (n_woken, ==, 1);
}

static void
test_wait_changed (void)
{
  _Atomic guint32 word = 7;

  g_test_summary ("A wait for a value that is not there returns at once, whatever the deadline");

  g_assert_cmpint (aioproc_futex_wait (&word, 6, -1), ==, AIOPROC_FUTEX_CHANGED);
  g_assert_cmpint (aioproc_futex_wait (&word, 6, 0), ==, AIOPROC_FUTEX_CHANGED);
  g_assert_cmpint (aioproc_futex_wait (&word, 6, g_get_monotonic_time () - 1), ==,
                   AIOPROC_FUTEX_CHANGED);
  g_assert_cmpint (aioproc_futex_wait (&word, G_MAXUINT32, G_MAXINT64), ==,
                   AIOPROC_FUTEX_CHANGED);
}

static void
test_wait_timed_out (void)
{
  _Atomic guint32 word = G_MAXUINT32;
  gint64 deadline = g_get_monotonic_time () + SHORT_USEC;

  g_test_summary ("A wait ends at its deadline, not before, and at once if that has passed");

  g_assert_cmpint (aioproc_futex_wait (&word, G_MAXUINT32, deadline), ==,
                   AIOPROC_FUTEX_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time (), >=, deadline);

  g_assert_cmpint (aioproc_futex_wait (&word, G_MAXUINT32, deadline), ==,
                   AIOPROC_FUTEX_TIMED_OUT);
  g_assert_cmpint (aioproc_futex_wait (&word, G_MAXUINT32, 0), ==, AIOPROC_FUTEX_TIMED_OUT);
}

static void
test_wait_signal (void)
{
  _Atomic guint32 word = 0;
  AioprocFutexWait wait = { &word, 0 };
  Sleeper sleeper = { .waits = &wait, .deadline = -1 };
  struct sigaction action = { .sa_handler = (void (*) (int)) g_thread_yield };
  struct sigaction old_action;
  pthread_t thread;

  g_test_summary ("A signal handler ends a wait as if it had been woken");

  g_assert_no_errno (sigaction (SIGUSR1, &action, &old_action));
  g_assert_cmpint (pthread_create (&thread, NULL, sleeper_run, &sleeper), ==, 0);

  /* A signal may come before the thread sleeps. */
  while (atomic_load_explicit (&sleeper.done, memory_order_acquire) == 0)
    {
      pthread_kill (thread, SIGUSR1);
      g_thread_yield ();
    }

  g_assert_cmpint (pthread_join (thread, NULL), ==, 0);
  g_assert_no_errno (sigaction (SIGUSR1, &old_action, NULL));

  g_assert_cmpint (sleeper.result, ==, AIOPROC_FUTEX_WOKEN);
}

static void
test_wait_misuse (void)
{
  g_test_summary ("A wait on memory that is not there is fatal, as it could only spin");

  if (g_test_subprocess ())
    {
      gpointer page = platform_test_map_shared (4096);

      platform_test_unmap (page, 4096);
      aioproc_futex_wait (page, 0, -1);
      return;
    }

  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*Could not wait on a shared word: *");
}

static void
test_wake_nobody (void)
{
  _Atomic guint32 word = 0;

  g_test_summary ("To wake nobody is no error, and leaves errno alone");

  errno = EDOM;
  g_assert_cmpuint (aioproc_futex_wake (&word, 1), ==, 0);
  g_assert_cmpuint (aioproc_futex_wake (&word, G_MAXUINT), ==, 0);
  g_assert_cmpint (errno, ==, EDOM);
}

static void
test_wake_count (void)
{
  enum { N_SLEEPERS = 4 };
  _Atomic guint32 word = 3;
  AioprocFutexWait wait = { &word, 3 };
  Sleeper sleepers[N_SLEEPERS];
  GThread *threads[N_SLEEPERS];
  guint n_woken = 0;

  g_test_summary ("As many sleepers wake as were asked for, and are counted");

  for (guint i = 0; i < N_SLEEPERS; i++)
    {
      sleepers[i] = (Sleeper) { .waits = &wait, .deadline = -1 };
      threads[i] = g_thread_new ("sleeper", sleeper_run, &sleepers[i]);
      while (atomic_load_explicit (&sleepers[i].tid, memory_order_acquire) == 0)
        g_thread_yield ();
      platform_test_wait_for_state (getpid (), (pid_t) sleepers[i].tid, 'S');
    }

  g_assert_cmpuint (aioproc_futex_wake (&word, 1), ==, 1);

  while (n_woken == 0)
    {
      for (guint i = 0; i < N_SLEEPERS; i++)
        n_woken += atomic_load_explicit (&sleepers[i].done, memory_order_acquire);
    }

  g_assert_cmpuint (n_woken, ==, 1);
  g_assert_cmpuint (aioproc_futex_wake (&word, 2), ==, 2);
  g_assert_cmpuint (aioproc_futex_wake (&word, G_MAXUINT), ==, 1);

  for (guint i = 0; i < N_SLEEPERS; i++)
    {
      g_thread_join (threads[i]);
      g_assert_cmpint (sleepers[i].result, ==, AIOPROC_FUTEX_WOKEN);
    }
}

static int
sleep_in_child (gpointer user_data)
{
  int fd = GPOINTER_TO_INT (user_data);
  g_autoptr(GError) error = NULL;
  _Atomic guint32 *words = aioproc_memfd_map (fd, 0, 4096, TRUE, &error);
  AioprocFutexWait waits[] = { { &words[0], 0 }, { &words[1], 0 } };

  g_assert_no_error (error);
  g_assert_cmpint (aioproc_futex_wait (&words[0], 0, -1), ==, AIOPROC_FUTEX_WOKEN);

  if (aioproc_futex_has_waitv ())
    g_assert_cmpint (aioproc_futex_waitv (waits, 2, -1), ==, AIOPROC_FUTEX_WOKEN);

  return 0;
}

static void
test_wake_process (void)
{
  g_autoptr(GError) error = NULL;
  int fd = aioproc_memfd_new ("futex", 4096, &error);
  _Atomic guint32 *words;
  pid_t pid;

  g_test_summary ("A process wakes another one that has mapped the word elsewhere");

  g_assert_no_error (error);
  words = aioproc_memfd_map (fd, 0, 4096, TRUE, &error);
  g_assert_no_error (error);

  pid = platform_test_fork (sleep_in_child, GINT_TO_POINTER (fd));
  wake_one_for_sure (&words[0]);
  if (aioproc_futex_has_waitv ())
    wake_one_for_sure (&words[1]);
  platform_test_wait_success (pid);

  aioproc_memfd_unmap (words, 4096);
  close (fd);
}

static void
test_waitv_changed (void)
{
  _Atomic guint32 words[AIOPROC_FUTEX_WAITV_MAX];
  AioprocFutexWait waits[AIOPROC_FUTEX_WAITV_MAX];

  g_test_summary ("One word of many that differs is enough not to sleep");

  if (skip_without_waitv ())
    return;

  for (guint i = 0; i < AIOPROC_FUTEX_WAITV_MAX; i++)
    {
      words[i] = i;
      waits[i] = (AioprocFutexWait) { &words[i], i };
    }

  for (guint i = 0; i < AIOPROC_FUTEX_WAITV_MAX; i++)
    {
      waits[i].expected = i + 1;
      g_assert_cmpint (aioproc_futex_waitv (waits, AIOPROC_FUTEX_WAITV_MAX, -1), ==,
                       AIOPROC_FUTEX_CHANGED);
      g_assert_cmpint (aioproc_futex_waitv (waits, AIOPROC_FUTEX_WAITV_MAX, 0), ==,
                       AIOPROC_FUTEX_CHANGED);
      waits[i].expected = i;
    }
}

static void
test_waitv_timed_out (void)
{
  _Atomic guint32 words[2] = { 1, 2 };
  AioprocFutexWait waits[] = { { &words[0], 1 }, { &words[1], 2 } };
  gint64 deadline;

  g_test_summary ("A wait on many words ends at its deadline, not before");

  if (skip_without_waitv ())
    return;

  deadline = g_get_monotonic_time () + SHORT_USEC;
  g_assert_cmpint (aioproc_futex_waitv (waits, 2, deadline), ==, AIOPROC_FUTEX_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time (), >=, deadline);

  g_assert_cmpint (aioproc_futex_waitv (waits, 2, deadline), ==, AIOPROC_FUTEX_TIMED_OUT);
  g_assert_cmpint (aioproc_futex_waitv (waits, 1, 0), ==, AIOPROC_FUTEX_TIMED_OUT);
}

static void
test_waitv_woken (void)
{
  _Atomic guint32 words[AIOPROC_FUTEX_WAITV_MAX] = { 0 };
  AioprocFutexWait waits[AIOPROC_FUTEX_WAITV_MAX];

  g_test_summary ("Each of the most words that fit wakes the sleeper");

  if (skip_without_waitv ())
    return;

  for (guint i = 0; i < AIOPROC_FUTEX_WAITV_MAX; i++)
    waits[i] = (AioprocFutexWait) { &words[i], 0 };

  for (guint i = 0; i < AIOPROC_FUTEX_WAITV_MAX; i++)
    {
      Sleeper sleeper = {
        .waits = waits, .n_waits = AIOPROC_FUTEX_WAITV_MAX, .deadline = -1,
      };
      GThread *thread = g_thread_new ("sleeper", sleeper_run, &sleeper);

      wake_one_for_sure (&words[i]);
      g_thread_join (thread);
      g_assert_cmpint (sleeper.result, ==, AIOPROC_FUTEX_WOKEN);
    }
}

static void
test_waitv_misuse (void)
{
  g_test_summary ("A wait on no word, or on too many, is a mistake of the caller");

  if (g_test_subprocess ())
    {
      _Atomic guint32 word = 0;
      AioprocFutexWait waits[AIOPROC_FUTEX_WAITV_MAX + 1];

      for (guint i = 0; i < G_N_ELEMENTS (waits); i++)
        waits[i] = (AioprocFutexWait) { &word, 1 };

      aioproc_futex_waitv (waits, g_getenv ("TEST_NONE") != NULL ? 0 : G_N_ELEMENTS (waits), 0);
      return;
    }

  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*n_waits*");

  g_setenv ("TEST_NONE", "1", TRUE);
  g_test_trap_subprocess (NULL, 0, 0);
  g_unsetenv ("TEST_NONE");
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*n_waits*");
}

static void
test_waitv_no_memory (void)
{
  _Atomic guint32 words[2] = { 0, 0 };
  AioprocFutexWait waits[] = { { &words[0], 0 }, { &words[1], 0 } };
  gint64 start;

  g_test_summary ("A kernel short of memory makes a wait bounded, not an endless loop");

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, 0);
      g_test_trap_assert_passed ();
      return;
    }

  /* Under a filter no leak checker works. */
  if (!platform_test_deny_syscall (SYS_futex_waitv, ENOMEM))
    _exit (0);

  start = g_get_monotonic_time ();
  g_assert_cmpint (aioproc_futex_waitv (waits, 2, -1), ==, AIOPROC_FUTEX_WOKEN);
  g_assert_cmpint (g_get_monotonic_time (), >, start);

  g_assert_cmpint (aioproc_futex_waitv (waits, 2, start), ==, AIOPROC_FUTEX_TIMED_OUT);
  g_assert_cmpint (aioproc_futex_waitv (waits, 2, start + G_TIME_SPAN_HOUR), ==,
                   AIOPROC_FUTEX_WOKEN);

  waits[0].expected = 1;
  g_assert_cmpint (aioproc_futex_waitv (waits, 2, -1), ==, AIOPROC_FUTEX_CHANGED);
  _exit (0);
}

static void
test_has_waitv_disabled (void)
{
  g_test_summary ("The environment can switch the call off");

  if (!g_test_subprocess ())
    {
      g_setenv ("AIOPROC_DISABLE_WAITV", "1", TRUE);
      g_test_trap_subprocess (NULL, 0, 0);
      g_unsetenv ("AIOPROC_DISABLE_WAITV");
      g_test_trap_assert_passed ();
      return;
    }

  g_assert_false (aioproc_futex_has_waitv ());

  /* Once asked, the answer stays. */
  g_unsetenv ("AIOPROC_DISABLE_WAITV");
  g_assert_false (aioproc_futex_has_waitv ());
}

static void
test_has_waitv_filtered (gconstpointer user_data)
{
  g_test_summary ("A kernel or a seccomp filter that lacks the call is recognised");

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, 0);
      g_test_trap_assert_passed ();
      return;
    }

  if (platform_test_deny_syscall (SYS_futex_waitv, GPOINTER_TO_INT (user_data)))
    g_assert_false (aioproc_futex_has_waitv ());

  /* Under a filter no leak checker works. */
  _exit (0);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/futex/wait/changed", test_wait_changed);
  aioproc_test_add_func ("/aioproc/futex/wait/timed-out", test_wait_timed_out);
  aioproc_test_add_func ("/aioproc/futex/wait/signal", test_wait_signal);
  aioproc_test_add_func ("/aioproc/futex/wait/misuse", test_wait_misuse);
  aioproc_test_add_func ("/aioproc/futex/wake/nobody", test_wake_nobody);
  aioproc_test_add_func ("/aioproc/futex/wake/count", test_wake_count);
  aioproc_test_add_func ("/aioproc/futex/wake/process", test_wake_process);
  aioproc_test_add_func ("/aioproc/futex/waitv/changed", test_waitv_changed);
  aioproc_test_add_func ("/aioproc/futex/waitv/timed-out", test_waitv_timed_out);
  aioproc_test_add_func ("/aioproc/futex/waitv/woken", test_waitv_woken);
  aioproc_test_add_func ("/aioproc/futex/waitv/misuse", test_waitv_misuse);
  aioproc_test_add_func ("/aioproc/futex/waitv/no-memory", test_waitv_no_memory);
  aioproc_test_add_func ("/aioproc/futex/has-waitv/disabled", test_has_waitv_disabled);
  aioproc_test_add_data_func ("/aioproc/futex/has-waitv/unknown", GINT_TO_POINTER (ENOSYS),
                              test_has_waitv_filtered);
  aioproc_test_add_data_func ("/aioproc/futex/has-waitv/forbidden", GINT_TO_POINTER (EPERM),
                              test_has_waitv_filtered);

  return g_test_run ();
}
