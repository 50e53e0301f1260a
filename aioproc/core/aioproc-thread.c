/* aioproc-thread.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-thread-private.h"

void
aioproc_thread_block_signals (sigset_t *saved)
{
  sigset_t all;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, saved);
}

void
aioproc_thread_restore_signals (const sigset_t *saved)
{
  pthread_sigmask (SIG_SETMASK, saved, NULL);
}

gboolean
aioproc_thread_start (const char   *name,
                      GThreadFunc   func,
                      gpointer      data,
                      GError      **error)
{
  sigset_t saved;
  GThread *thread;

  aioproc_thread_block_signals (&saved);
  thread = g_thread_try_new (name, func, data, error);
  aioproc_thread_restore_signals (&saved);

  if (thread == NULL)
    return FALSE;

  g_thread_unref (thread);

  return TRUE;
}
