/* aioproc-test.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-test.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define WATCHDOG_SECONDS 60

#ifndef sigev_notify_thread_id
# define sigev_notify_thread_id _sigev_un._tid
#endif

GQuark aioproc_error_quark (void) __attribute__ ((weak));

typedef struct TestCase TestCase;

struct TestCase
{
  TestCase       *next;
  GTestDataFunc   func;        /* called with @data, unless @plain_func is set */
  GTestFunc       plain_func;
  gpointer        data;        /* (owned) if @destroy is set, until the case has run */
  GDestroyNotify  destroy;
};

/* All only touched by the thread of main(), and by the signal handler that runs in it. */
static timer_t watchdog;
static gboolean watchdog_created;
static pid_t watchdog_pid;
static char watchdog_message[512];

/* All of the program: GLib forgets what belongs to cases that are not selected. */
static TestCase *test_cases;

static TestCase *
test_case_new (void)
{
  TestCase *test_case = g_new0 (TestCase, 1);

  test_case->next = test_cases;
  test_cases = test_case;

  return test_case;
}

static void
test_case_clear (gpointer user_data)
{
  TestCase *test_case = user_data;

  if (test_case->destroy != NULL)
    test_case->destroy (g_steal_pointer (&test_case->data));
}

static void
test_case_run (gconstpointer user_data)
{
  const TestCase *test_case = user_data;

  aioproc_test_arm_watchdog (WATCHDOG_SECONDS);

  if (test_case->plain_func != NULL)
    test_case->plain_func ();
  else
    test_case->func (test_case->data);

  aioproc_test_arm_watchdog (WATCHDOG_SECONDS);
}

/* Async-signal-safe: it interrupts the thread that hangs. */
static void
watchdog_cb (int signum)
{
  ssize_t written;

  written = write (STDERR_FILENO, watchdog_message, strlen (watchdog_message));
  (void) written;

  signal (SIGABRT, SIG_DFL);
  abort ();
}

static double
timeout_multiplier (void)
{
  const char *value = g_getenv ("AIOPROC_TEST_TIMEOUT_MULTIPLIER");
  double multiplier = 1.0;

  if (value != NULL)
    multiplier = g_ascii_strtod (value, NULL);

  return multiplier > 0.0 ? multiplier : 1.0;
}

static void
create_watchdog (void)
{
  struct sigaction action = { .sa_handler = watchdog_cb };
  struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM };

  if (sigaction (SIGALRM, &action, NULL) != 0)
    g_error ("Could not install the watchdog: %s", g_strerror (errno));

  event.sigev_notify_thread_id = gettid ();
  if (timer_create (CLOCK_MONOTONIC, &event, &watchdog) != 0)
    g_error ("Could not create the watchdog: %s", g_strerror (errno));

  watchdog_created = TRUE;
  watchdog_pid = getpid ();
}

/* g_test_trap_subprocess() passes the descriptor of gtester on, which then finds the start of a
 * case inside a case.
 */
static void
forget_log_of_parent (int    *argc,
                      char ***argv)
{
  gboolean is_subprocess = FALSE;
  int n_kept = 0;

  for (int i = 1; i < *argc; i++)
    is_subprocess |= g_str_equal ((*argv)[i], "--GTestSubprocess");

  if (!is_subprocess)
    return;

  for (int i = 0; i < *argc; i++)
    {
      if (g_str_equal ((*argv)[i], "--GTestLogFD"))
        i++;
      else if (!g_str_has_prefix ((*argv)[i], "--GTestLogFD="))
        (*argv)[n_kept++] = (*argv)[i];
    }

  (*argv)[n_kept] = NULL;
  *argc = n_kept;
}

/* Threads that make them at the same time store the same, which ThreadSanitizer cannot know. In the
 * helpers of tests too.
 */
__attribute__ ((constructor)) static void
make_error_domains (void)
{
  g_assert_cmpuint (G_IO_ERROR, !=, 0);
  g_assert_cmpuint (G_THREAD_ERROR, !=, 0);

  /* Not every program that uses this has the library too. */
  if (aioproc_error_quark != NULL)
    g_assert_cmpuint (aioproc_error_quark (), !=, 0);
}

void
aioproc_test_init (int    *argc,
                   char ***argv)
{
  /* Meson sets it; a program that is run by hand, or by gtester, has to find its launcher too. */
  g_setenv ("AIOPROC_LIBEXECDIR", AIOPROC_TEST_LIBEXECDIR, FALSE);

  forget_log_of_parent (argc, argv);
  g_test_init (argc, argv, NULL);

  create_watchdog ();
  aioproc_test_arm_watchdog (WATCHDOG_SECONDS);
}

void
aioproc_test_arm_watchdog (guint seconds)
{
  double limit = seconds * timeout_multiplier ();
  struct itimerspec spec = { 0 };
  const char *path;

  /* A forked child has no timer. */
  if (!watchdog_created || watchdog_pid != getpid ())
    return;

  spec.it_value.tv_sec = (time_t) limit;
  spec.it_value.tv_nsec = (long) ((limit - (double) spec.it_value.tv_sec) * 1e9);

  path = g_test_get_path ();
  g_snprintf (watchdog_message, sizeof watchdog_message,
              "Watchdog: %s hangs: no end after %.0f seconds\n",
              *path != '\0' ? path : g_get_prgname (), limit);

  if (timer_settime (watchdog, 0, &spec, NULL) != 0)
    g_error ("Could not arm the watchdog: %s", g_strerror (errno));
}

void
aioproc_test_add_func (const char *path,
                       GTestFunc   func)
{
  TestCase *test_case = test_case_new ();

  test_case->plain_func = func;
  g_test_add_data_func_full (path, test_case, test_case_run, test_case_clear);
}

void
aioproc_test_add_data_func (const char    *path,
                            gconstpointer  data,
                            GTestDataFunc  func)
{
  aioproc_test_add_data_func_full (path, (gpointer) data, func, NULL);
}

void
aioproc_test_add_data_func_full (const char     *path,
                                 gpointer        data,
                                 GTestDataFunc   func,
                                 GDestroyNotify  destroy)
{
  TestCase *test_case = test_case_new ();

  test_case->func = func;
  test_case->data = data;
  test_case->destroy = destroy;
  g_test_add_data_func_full (path, test_case, test_case_run, test_case_clear);
}

void
aioproc_test_store_result (GObject      *source,
                           GAsyncResult *result,
                           gpointer      user_data)
{
  GAsyncResult **result_out = user_data;

  g_assert_nonnull (result_out);
  g_assert_null (*result_out);

  *result_out = g_object_ref (result);
}

void
aioproc_test_wait (GAsyncResult **result)
{
  aioproc_test_wait_until (*result != NULL);
}

gboolean
aioproc_test_wait_subprocess (GSubprocess *process)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_subprocess_wait_async (process, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_true (g_subprocess_wait_finish (process, result, &error));
  g_assert_no_error (error);

  return g_subprocess_get_successful (process);
}

static guint
count_entries (const char *path)
{
  g_autoptr(GDir) dir = NULL;
  g_autoptr(GError) error = NULL;
  guint n = 0;

  dir = g_dir_open (path, 0, &error);
  g_assert_no_error (error);

  while (g_dir_read_name (dir) != NULL)
    n++;

  return n;
}

guint
aioproc_test_count_fds (void)
{
  /* Without the descriptor that reads the folder. */
  return count_entries ("/proc/self/fd") - 1;
}

guint
aioproc_test_count_threads (void)
{
  return count_entries ("/proc/self/task");
}

gpointer
aioproc_test_new_uninitialized (GType type)
{
  struct rlimit saved;
  struct rlimit none;
  gpointer object;
  int fd;

  /* The lowest number that is free. With a limit of 0, poll() would fail in other threads, too: it
   * takes no more entries than that.
   */
  fd = dup (STDOUT_FILENO);
  g_assert_no_errno (fd);
  close (fd);

  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &saved));
  none = saved;
  none.rlim_cur = fd;
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &none));
  object = g_object_new (type, NULL);
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &saved));

  return object;
}

char *
aioproc_test_build_helper_path (const char *name)
{
  g_autofree char *path = g_test_build_filename (G_TEST_BUILT, name, NULL);

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    g_error ("Could not find the helper “%s”", path);

  return g_canonicalize_filename (path, NULL);
}
