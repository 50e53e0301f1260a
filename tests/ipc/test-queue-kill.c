/* test-queue-kill.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"
#include "queue-torture.h"

/* How often all of it is done: 1,300 kills each time. */
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
test_queue_kill_none (void)
{
  const TortureSetup setup = { FALSE, 16, 2, 2, FALSE, FALSE, 0 };

  g_test_summary ("Several processes put and get, each its own part, and all of it arrives");

  torture (&setup);
}

static void
test_queue_kill_producers (void)
{
  const TortureSetup setup = { FALSE, 16, 2, 1, TRUE, FALSE, QUEUE_TORTURE_KILLS (300) };

  g_test_summary ("Producers are killed at random: what they put is there, once, and whole");

  torture (&setup);
}

static void
test_queue_kill_consumers (void)
{
  const TortureSetup setup = { FALSE, 16, 1, 2, FALSE, TRUE, QUEUE_TORTURE_KILLS (300) };

  g_test_summary ("Consumers are killed at random: all but what they were getting is there");

  torture (&setup);
}

static void
test_queue_kill_both (void)
{
  const TortureSetup setups[] = {
    { FALSE, 8, 2, 2, TRUE, TRUE, QUEUE_TORTURE_KILLS (200) },
    { FALSE, 0, 2, 2, TRUE, TRUE, QUEUE_TORTURE_KILLS (200) },
  };

  g_test_summary ("Both are killed at random, with and without a limit of the queue");

  torture (&setups[0]);
  torture (&setups[1]);
}

static void
test_queue_kill_trimmers (void)
{
  const TortureSetup setup = {
    .max_items = 1000,
    .n_producers = 2,
    .n_consumers = 2,
    .kill_producers = TRUE,
    .kill_consumers = TRUE,
    .n_kills = QUEUE_TORTURE_KILLS (300),
    .n_trimmers = 2,
  };
  guint n_trims = 0;

  g_test_summary ("The same while two processes give memory back, which are killed, too");

  for (guint i = 0; i < N_ROUNDS || n_trims == 0; i++)
    {
      aioproc_test_arm_watchdog (120);
      n_trims += queue_torture_assert (&setup).n_trims;
    }

  g_test_message ("%u rounds gave memory back", n_trims);
}

static void
test_queue_kill_control (void)
{
  const TortureSetup quiet = { TRUE, 16, 2, 2, FALSE, FALSE, 0 };
  const TortureSetup setup = { TRUE, 16, 2, 2, TRUE, TRUE, 100 };
  guint n_wrong = 0;

  g_test_summary ("The same torture finds what is wrong with a naive queue");

  queue_torture_assert (&quiet);

  for (guint i = 0; i < 50 && n_wrong == 0; i++)
    {
      TortureResult result = queue_torture (&setup);

      n_wrong += result.n_torn + result.n_doubled + result.hung;
      n_wrong += result.n_missing > result.n_doubts;
    }

  g_assert_cmpuint (n_wrong, >, 0);
}

int
main (int   argc,
      char *argv[])
{
  g_setenv ("AIOPROC_DISABLE_BACKSTOP", "1", TRUE);
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/queue/kill/none", test_queue_kill_none);
  aioproc_test_add_func ("/aioproc/queue/kill/producers", test_queue_kill_producers);
  aioproc_test_add_func ("/aioproc/queue/kill/consumers", test_queue_kill_consumers);
  aioproc_test_add_func ("/aioproc/queue/kill/both", test_queue_kill_both);
  aioproc_test_add_func ("/aioproc/queue/kill/trimmers", test_queue_kill_trimmers);
  aioproc_test_add_func ("/aioproc/queue/kill/control", test_queue_kill_control);

  return g_test_run ();
}
