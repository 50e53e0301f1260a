/* condition.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* The main loop goes on when all parcels are there, which a thread brings. */

#include <aioproc.h>

#define N_PARCELS 3

typedef struct {
  AioprocLock      *lock;
  AioprocCondition *arrived;
  GMainLoop        *loop;
  int               n_parcels;   /* protected by @lock */
} Office;

static gpointer
bring_parcels (gpointer data)
{
  Office *office = data;
  g_autoptr(GError) error = NULL;

  for (int i = 0; i < N_PARCELS; i++)
    {
      if (!aioproc_lock_acquire (office->lock, -1, NULL, &error))
        g_error ("%s", error->message);

      office->n_parcels++;
      g_print ("One is brought.\n");

      if (!aioproc_condition_notify_all (office->arrived, 0, &error) ||
          !aioproc_lock_release (office->lock, &error))
        g_error ("%s", error->message);
    }

  return NULL;
}

/* Called with the lock held. */
static gboolean
are_all_there (AioprocCondition *arrived,
               gpointer          user_data)
{
  Office *office = user_data;

  return office->n_parcels == N_PARCELS;
}

static void
all_there_cb (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  Office *office = user_data;
  g_autoptr(GError) error = NULL;

  if (!aioproc_condition_wait_for_finish (office->arrived, result, &error))
    g_error ("%s", error->message);

  /* The lock is held again. */
  g_print ("All %d are there.\n", office->n_parcels);
  aioproc_lock_release (office->lock, NULL);
  g_main_loop_quit (office->loop);
}

int
main (void)
{
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocLock) lock = aioproc_lock_new (&error);
  g_autoptr(AioprocCondition) arrived = NULL;
  Office office = { lock, NULL, loop, 0 };
  GThread *thread;

  if (lock == NULL || !aioproc_lock_acquire (lock, -1, NULL, &error))
    g_error ("%s", error->message);

  office.arrived = arrived = aioproc_condition_new (AIOPROC_SHAREABLE (lock), &error);

  if (arrived == NULL)
    g_error ("%s", error->message);

  thread = g_thread_new ("parcels", bring_parcels, &office);
  /* Lets go of the lock meanwhile. */
  aioproc_condition_wait_for_async (arrived, 0, are_all_there, &office, NULL, -1, NULL,
                                    all_there_cb, &office);
  g_main_loop_run (loop);
  g_thread_join (thread);

  return 0;
}
