/* aioproc-thread.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-thread-private.h"

#include <gio/gio.h>

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

void
aioproc_thread_set_error (GError       **error,
                          const char    *name,
                          const GError  *thread_error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "Could not start %s: %s", name,
               thread_error->message);
}

gboolean
aioproc_thread_start (const char   *name,
                      GThreadFunc   func,
                      gpointer      data,
                      GError      **error)
{
  g_autoptr(GError) local_error = NULL;
  sigset_t saved;
  GThread *thread;

  aioproc_thread_block_signals (&saved);
  thread = g_thread_try_new (name, func, data, &local_error);
  aioproc_thread_restore_signals (&saved);

  if (thread == NULL)
    {
      aioproc_thread_set_error (error, "a thread", local_error);
      return FALSE;
    }

  g_thread_unref (thread);

  return TRUE;
}
