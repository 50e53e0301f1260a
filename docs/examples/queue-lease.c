/* queue-lease.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Leases jobs, so that each is done although the process that does it may be killed. */

#include <aioproc.h>

static gboolean
do_job (GVariant *job,
        guint     n_failures)
{
  g_print ("%s, failed %u times before.\n", g_variant_get_string (job, NULL), n_failures);

  /* The first time that one is tried, it fails. */
  return n_failures > 0 || !g_str_equal (g_variant_get_string (job, NULL), "difficult");
}

static void
leased_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  AioprocQueue *jobs = AIOPROC_QUEUE (source);
  GMainLoop *loop = user_data;
  g_autoptr(AioprocQueueLease) lease = NULL;
  g_autoptr(GError) error = NULL;

  lease = aioproc_queue_get_leased_finish (jobs, result, &error);

  if (lease == NULL)
    {
      g_print ("%s.\n", error->message);
      g_main_loop_quit (loop);
      return;
    }

  if (do_job (aioproc_queue_lease_get_value (lease), aioproc_queue_lease_get_n_failures (lease)))
    aioproc_queue_lease_ack (lease, NULL);
  else
    aioproc_queue_lease_nack (lease, NULL);

  aioproc_queue_get_leased_async (jobs, -1, NULL, leased_cb, loop);
}

int
main (void)
{
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocQueue) jobs = aioproc_queue_new (0, &error);

  if (jobs == NULL ||
      !aioproc_queue_try_put (jobs, g_variant_new_string ("easy"), &error) ||
      !aioproc_queue_try_put (jobs, g_variant_new_string ("difficult"), &error) ||
      !aioproc_queue_close (jobs, FALSE, &error))
    g_error ("%s", error->message);

  aioproc_queue_get_leased_async (jobs, -1, NULL, leased_cb, loop);
  g_main_loop_run (loop);

  return 0;
}
