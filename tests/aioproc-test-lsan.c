/* aioproc-test-lsan.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <glib.h>
#include <pthread.h>
#include <sys/stat.h>

/* LeakSanitizer believes that the threads of the parent run in a forked child too, cannot look at
 * their stacks, and takes for lost what only they know. There it has to be silent. Linked into
 * every test program and helper, and without effect in a build that has no LeakSanitizer.
 */

static gboolean had_threads;   /* at the last fork; only touched by the thread that forks */
static int is_turned_off;      /* only touched by a child before it has threads */

void __lsan_do_leak_check (void) __attribute__ ((weak));

/* A thread is a link to the folder of threads. To ask so needs no descriptor, which a test may have
 * used up.
 */
static void
prepare_cb (void)
{
  struct stat status;

  had_threads = stat ("/proc/self/task", &status) != 0 || status.st_nlink > 3;
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

int __lsan_is_turned_off (void);

int
/* lint-allow: underscore, because this is how LeakSanitizer asks */
__lsan_is_turned_off (void)
{
  return is_turned_off;
}
