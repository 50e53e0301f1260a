/* test-connection-fork.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Connections in a process that forks. */

#include <aioproc.h>

#include "aioproc-test.h"
#include "connection-kinds.h"
#include "connection-test.h"
#include "core/core-test.h"
#include "platform/platform-test.h"

static int
child_run (gpointer data)
{
  AioprocConnection **connections = data;

  /* What it has are copies, and the stream is its parent's. */
  for (guint i = 0; i < 2; i++)
    {
      aioproc_connection_close (connections[i]);
      g_object_unref (connections[i]);
    }

  return 0;
}

static void
test_fork (gconstpointer data)
{
  const ConnectionKind *kind = data;
  AioprocConnection *connections[2];
  g_autoptr(GAsyncResult) result = NULL;

  g_test_summary ("A forked child that drops its copies does nothing to the connections");

#ifdef CORE_TEST_TSAN
  g_test_skip ("ThreadSanitizer is lost in a forked child that has threads");
  return;
#endif

  connection_kind_make (kind, &connections[0], &connections[1]);
  connection_test_send_number (connections[0], 0);
  g_assert_cmpuint (connection_test_recv_number (connections[1]), ==, 0);
  connection_test_send_number (connections[0], 1);
  aioproc_connection_recv_async (connections[0], -1, NULL, aioproc_test_store_result, &result);

  for (guint i = 0; i < 2; i++)
    platform_test_wait_success (platform_test_fork (child_run, connections));

  g_assert_false (aioproc_connection_is_closed (connections[0]));
  g_assert_cmpuint (connection_test_recv_number (connections[1]), ==, 1);
  connection_test_send_number (connections[1], 2);
  g_assert_cmpuint (connection_test_finish_number (connections[0], &result), ==, 2);
  connection_test_release (connections[0], connections[1]);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  for (guint i = 0; i < n_connection_kinds; i++)
    {
      const ConnectionKind *kind = &connection_kinds[i];
      g_autofree char *path = g_strdup_printf ("/aioproc/connection/fork/%s", kind->name);

      if (!kind->is_tls)
        aioproc_test_add_data_func_full (path, (gpointer) kind, test_fork, NULL);
    }

  return g_test_run ();
}
