/* test-queue-lease-kill.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"
#include "queue-torture.h"

/* How often all of it is done: 200 kills each time. */
#ifndef N_ROUNDS
# define N_ROUNDS 1
#endif

static void
torture (const TortureSetup *setup)
{
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      aioproc_test_arm_watchdog (120);
      queue_torture_assert (setup);
    }
}

static void
test_queue_lease_kill (void)
{
  const TortureSetup setup = {
    FALSE, 16, 2, 2, TRUE, TRUE, QUEUE_TORTURE_KILLS (100), TRUE, 0,
  };

  g_test_summary ("Producers and consumers are killed at random: each item is acknowledged once");

  torture (&setup);
}

static void
test_queue_lease_kill_failed (void)
{
  const TortureSetup setup = {
    FALSE, 0, 2, 2, TRUE, TRUE, QUEUE_TORTURE_KILLS (100), TRUE, 3,
  };

  g_test_summary ("The same, where what has failed three times is set aside");

  torture (&setup);
}

static void
test_queue_lease_kill_control (void)
{
  const TortureSetup quiet = { TRUE, 16, 2, 2, FALSE, FALSE, 0, TRUE, 0 };
  const TortureSetup setup = { TRUE, 16, 2, 2, TRUE, TRUE, 100, TRUE, 0 };
  guint n_wrong = 0;

  g_test_summary ("The same torture finds what a naive queue loses that knows no leases");

  queue_torture_assert (&quiet);

  for (guint i = 0; i < 50 && n_wrong == 0; i++)
    {
      TortureResult result = queue_torture (&setup);

      n_wrong += result.n_torn + result.n_doubled + result.n_missing + result.hung;
    }

  g_assert_cmpuint (n_wrong, >, 0);
}

int
main (int   argc,
      char *argv[])
{
  g_setenv ("AIOPROC_DISABLE_BACKSTOP", "1", TRUE);
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/queue/lease-kill", test_queue_lease_kill);
  aioproc_test_add_func ("/aioproc/queue/lease-kill/failed", test_queue_lease_kill_failed);
  aioproc_test_add_func ("/aioproc/queue/lease-kill/control", test_queue_lease_kill_control);

  return g_test_run ();
}
