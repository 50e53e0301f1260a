/* rlock.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Two flows of one thread share a recursive lock, each under a number of its own. */

#include <aioproc.h>

#define N_FLOWS 2

typedef struct {
  guint64    id;
  GMainLoop *loop;
} Flow;

static int n_left = N_FLOWS;

/* Works whether its caller holds the lock or not. */
static void
write_record (AioprocRLock *lock,
              guint64       owner)
{
  if (!aioproc_rlock_try_acquire (lock, owner, NULL))
    return;

  g_print ("Flow %d writes.\n", (int) owner);
  aioproc_rlock_release (lock, owner, NULL);
}

static void
acquired_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  AioprocRLock *lock = AIOPROC_RLOCK (source);
  Flow *flow = user_data;
  g_autoptr(GError) error = NULL;

  if (!aioproc_rlock_acquire_finish (lock, result, &error))
    g_error ("%s", error->message);

  write_record (lock, flow->id);
  aioproc_rlock_release (lock, flow->id, NULL);

  if (--n_left == 0)
    g_main_loop_quit (flow->loop);
}

int
main (void)
{
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocRLock) lock = aioproc_rlock_new (&error);
  Flow flows[N_FLOWS];

  if (lock == NULL)
    g_error ("%s", error->message);

  for (int i = 0; i < N_FLOWS; i++)
    {
      flows[i] = (Flow) { i + 1, loop };
      aioproc_rlock_acquire_async (lock, flows[i].id, -1, NULL, acquired_cb, &flows[i]);
    }

  g_main_loop_run (loop);

  return 0;
}
