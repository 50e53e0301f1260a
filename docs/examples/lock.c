/* lock.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Waits for a lock that somebody else holds, while the main loop goes on. */

#include <aioproc.h>

static void
acquired_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  AioprocLock *lock = AIOPROC_LOCK (source);
  GMainLoop *loop = user_data;
  g_autoptr(GError) error = NULL;

  if (!aioproc_lock_acquire_finish (lock, result, &error))
    g_error ("%s", error->message);

  if (aioproc_lock_get_was_abandoned (lock))
    g_print ("The last holder died: time to check what the lock guards.\n");

  g_print ("Nobody else holds the lock now.\n");

  aioproc_lock_release (lock, NULL);
  g_main_loop_quit (loop);
}

static gboolean
release_cb (gpointer user_data)
{
  AioprocLock *lock = user_data;
  g_autoptr(GError) error = NULL;

  g_print ("The main loop runs, and releases the lock.\n");

  if (!aioproc_lock_release (lock, &error))
    g_error ("%s", error->message);

  return G_SOURCE_REMOVE;
}

int
main (void)
{
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocLock) lock = aioproc_lock_new (&error);

  if (lock == NULL)
    g_error ("%s", error->message);

  /* Here the other holder is this program itself: that makes no difference. */
  if (!aioproc_lock_try_acquire (lock, &error))
    g_error ("%s", error->message);

  aioproc_lock_acquire_async (lock, -1, NULL, acquired_cb, loop);

  g_timeout_add (20, release_cb, lock);
  g_main_loop_run (loop);

  return 0;
}
