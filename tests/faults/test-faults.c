/* test-faults.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Fails the first, second, third… call of each function that takes something from the kernel,
 * until a run has no such call any more. Whatever fails, the program gets a GError or has its
 * way; it does not abort, hang or leak.
 */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include <gio/gio.h>

#include "aioproc-test.h"

/* More calls than any run makes; so that a fault that always happens is not endless. */
#define MAX_CALLS 400

/* Exit statuses of the scenario. */
#define STATUS_NO_FAULT 0
#define STATUS_FAULT    3

typedef struct {
  const char *name;
  guint64     n_fds;   /* that are open in the end, when nothing fails, or 0 */
} Scenario;

typedef struct {
  Scenario   *scenario;
  const char *function;
  int         fault_errno;
} Fault;

/* Returns the exit status, or -1 if something is wrong. No more than @max_n_fds descriptors may be
 * open in the end; @n_fds are.
 */
static int
run_scenario (const Fault *fault,
              guint        n,
              guint64      max_n_fds,
              guint64     *n_fds)
{
  g_autofree char *max_fds = g_strdup_printf ("%" G_GUINT64_FORMAT, max_n_fds);
  g_autofree char *program = aioproc_test_build_helper_path ("aioproc-test-fault-scenario");
  g_autofree char *shim = g_test_build_filename (G_TEST_BUILT, "libaioproc-test-fault-shim.so",
                                                 NULL);
  g_autofree char *value = g_strdup_printf ("%s:%u:%d", fault->function, n, fault->fault_errno);
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;
  g_auto(GStrv) environment = g_get_environ ();
  g_autoptr(GError) error = NULL;
  /* To be interrupted, to be served in parts, or to come in a bad moment, is no failure. */
  gboolean may_fail = fault->fault_errno != EINTR && fault->fault_errno != EBUSY &&
                      fault->fault_errno != 0;
  const char *argv[] = { program, fault->scenario->name, max_fds, may_fail ? "1" : "0", NULL };
  int wait_status;

  environment = g_environ_setenv (environment, "LD_PRELOAD", shim, TRUE);
  environment = g_environ_setenv (environment, "AIOPROC_TEST_FAULT", value, TRUE);
  g_spawn_sync (NULL, (char **) argv, environment, G_SPAWN_DEFAULT, NULL, NULL, &output, &errors,
                &wait_status, &error);
  g_assert_no_error (error);

  if (!WIFEXITED (wait_status) ||
      (WEXITSTATUS (wait_status) != STATUS_NO_FAULT && WEXITSTATUS (wait_status) != STATUS_FAULT))
    {
      /* Not g_test_message(), which gtester keeps to itself. */
      g_printerr ("%s with %s: wait status 0x%x\n%s%s", fault->scenario->name, value,
                  wait_status, output, errors);
      g_test_fail ();
      return -1;
    }

  *n_fds = g_ascii_strtoull (output, NULL, 10);
  g_assert_cmpuint (*n_fds, >, 0);

  return WEXITSTATUS (wait_status);
}

static void
test_faults (gconstpointer data)
{
  const Fault *fault = data;
  Scenario *scenario = fault->scenario;
  guint64 n_fds;
  guint n = 1;

  g_test_summary ("Whichever call fails, there is an error or success, and nothing is left over; "
                  "one that is interrupted, served in parts, or too early, is a success");

  if (scenario->n_fds == 0)
    g_assert_cmpint (run_scenario (fault, MAX_CALLS, G_MAXUINT64, &scenario->n_fds), ==,
                     STATUS_NO_FAULT);

  for (; n < MAX_CALLS; n++)
    {
      aioproc_test_arm_watchdog (60);

      if (run_scenario (fault, n, scenario->n_fds, &n_fds) != STATUS_FAULT)
        break;
    }

  g_test_message ("%s of %s: %u calls", fault->function, scenario->name, n - 1);
  g_assert_cmpuint (n, <, MAX_CALLS);
}

int
main (int   argc,
      char *argv[])
{
  static const struct {
    const char *function;
    int         fault_errno;
  } functions[] = {
    { "memfd_create", EMFILE },
    { "ftruncate", EFBIG },
    { "fallocate", ENOSPC },
    { "add_seals", EBUSY },
    { "mmap", ENOMEM },
    { "open", EMFILE },
    { "dup", EMFILE },
    { "ofd_setlk", ENOLCK },
    { "socketpair", EMFILE },
    { "eventfd", EMFILE },
    { "epoll_create1", EMFILE },
    { "epoll_ctl", ENOSPC },
    { "sendmsg", ENOBUFS },
    { "recvmsg", ENOMEM },
    { "posix_spawn", EAGAIN },
    { "pidfd_open", EMFILE },
    { "set_robust_list", ENOSYS },
    { "pthread_create", EAGAIN },
    { "g_try_malloc", ENOMEM },
    { "pwrite", ENOSPC },
    { "fallocate", EINTR },
    { "sendmsg", EINTR },
    { "recvmsg", EINTR },
    { "pwrite", EINTR },
    { "epoll_wait", EINTR },
    { "futex_waitv", EINTR },
    { "ppoll", ENOMEM },
    { "ppoll", EINTR },
    { "sendmsg", 0 },
    { "recvmsg", 0 },
    { "pwrite", 0 },
  };
  static Scenario scenarios[] = {
    { "objects" }, { "queues" }, { "waits" }, { "memory" }, { "cells" }, { "spawn" },
    { "forkserver" }, { "connections" }, { "many" },
  };
  static Fault faults[G_N_ELEMENTS (scenarios) * G_N_ELEMENTS (functions)];

  aioproc_test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (scenarios); i++)
    {
      for (guint j = 0; j < G_N_ELEMENTS (functions); j++)
        {
          Fault *fault = &faults[i * G_N_ELEMENTS (functions) + j];
          g_autofree char *path = g_strdup_printf ("/aioproc/faults/%s/%s/%s", scenarios[i].name,
                                                   functions[j].function,
                                                   functions[j].fault_errno != 0
                                                     ? g_strerror (functions[j].fault_errno)
                                                     : "Short");

          *fault = (Fault) { &scenarios[i], functions[j].function, functions[j].fault_errno };
          aioproc_test_add_data_func (path, fault, test_faults);
        }
    }

  return g_test_run ();
}
