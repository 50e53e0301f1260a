/* aioproc-test-asan.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <dirent.h>
#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aioproc-test.h"

/* What forks of a program with threads need under AddressSanitizer. Linked into every test program
 * and helper, and without effect in a build that has no AddressSanitizer.
 *
 * Its allocator, unlike that of the C library, is not made for forks: a child in which a thread of
 * the parent held a lock of it never allocates again. A thread that begins allocates before it runs
 * anything that could take a lock of ours. So a fork waits until all other threads sleep, which
 * none does with such a lock.
 *
 * Its LeakSanitizer believes that the threads of the parent run in a forked child too, cannot look
 * at their stacks, and takes for lost what only they know. There it has to be silent.
 */

static gboolean had_threads;   /* at the last fork; only touched by the thread that forks */
static int is_turned_off;      /* by a child before it has threads, or by the program */

void __lsan_do_leak_check (void) __attribute__ ((weak));

static gboolean
thread_sleeps (int         tasks_fd,
               const char *name)
{
  char path[64];
  char text[256];
  const char *state;
  gssize length;
  int fd;

  g_snprintf (path, sizeof path, "%s/stat", name);
  fd = openat (tasks_fd, path, O_RDONLY | O_CLOEXEC);

  /* It has ended since. */
  if (fd < 0)
    return TRUE;

  length = read (fd, text, sizeof text - 1);
  close (fd);
  text[MAX (length, 0)] = '\0';
  /* Behind the name, which may hold anything. */
  state = strrchr (text, ')');

  return state == NULL || strchr ("RD", state[2]) == NULL;
}

/* FALSE where nothing can be told, too. */
static gboolean
another_thread_runs (void)
{
  DIR *tasks = opendir ("/proc/self/task");
  gboolean runs = FALSE;
  struct dirent *entry;

  if (tasks == NULL)
    return FALSE;

  while (!runs && (entry = readdir (tasks)) != NULL)
    runs = entry->d_name[0] != '.' && atoi (entry->d_name) != gettid () &&
           !thread_sleeps (dirfd (tasks), entry->d_name);

  closedir (tasks);

  return runs;
}

/* A thread is a link to the folder of threads. To ask so needs no descriptor, which a test may have
 * used up.
 */
static void
prepare_cb (void)
{
  /* One that never sleeps is at work, and seldom in the allocator. */
  gint64 give_up_usec = g_get_monotonic_time () + G_TIME_SPAN_SECOND;
  struct stat status;

  had_threads = stat ("/proc/self/task", &status) != 0 || status.st_nlink > 3;

  while (had_threads && another_thread_runs () && g_get_monotonic_time () < give_up_usec)
    sched_yield ();
}

static void
child_cb (void)
{
  if (had_threads)
    is_turned_off = 1;
}

__attribute__ ((constructor)) static void
watch_forks (void)
{
  if (__lsan_do_leak_check != NULL)
    pthread_atfork (prepare_cb, NULL, child_cb);
}

void
aioproc_test_ignore_leaks (void)
{
  is_turned_off = 1;
}

int __lsan_is_turned_off (void);

int
/* lint-allow: underscore, because this is how LeakSanitizer asks */
__lsan_is_turned_off (void)
{
  return is_turned_off;
}
