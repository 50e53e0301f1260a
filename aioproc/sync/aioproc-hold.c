/* aioproc-hold.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "sync/aioproc-hold-private.h"

#include <stdatomic.h>

#include "sync/aioproc-lock-private.h"
#include "sync/aioproc-rlock-private.h"

guint64
aioproc_hold_get_thread (void)
{
  static _Atomic guint64 n_threads;
  static _Thread_local guint64 thread;

  if (G_UNLIKELY (thread == 0))
    thread = atomic_fetch_add_explicit (&n_threads, 1, memory_order_relaxed) + 1;

  return thread;
}

gboolean
aioproc_hold_is_held (const AioprocHold *self,
                      gpointer           lock)
{
  if (AIOPROC_IS_RLOCK (lock))
    return aioproc_rlock_count_hold (lock, self) > 0;

  return aioproc_lock_is_mine (lock);
}

gboolean
aioproc_hold_release (AioprocHold  *self,
                      gpointer      lock,
                      GError      **error)
{
  if (AIOPROC_IS_RLOCK (lock))
    return aioproc_rlock_release_hold (lock, self, error);

  return aioproc_lock_release (lock, error);
}

gboolean
aioproc_hold_reacquire (const AioprocHold  *self,
                        gpointer            lock,
                        GError            **error)
{
  if (AIOPROC_IS_RLOCK (lock))
    return aioproc_rlock_acquire_hold (lock, self, error);

  return aioproc_lock_reacquire (lock, error);
}

void
aioproc_hold_reacquire_async (const AioprocHold   *self,
                              gpointer             lock,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data)
{
  if (AIOPROC_IS_RLOCK (lock))
    aioproc_rlock_acquire_hold_async (lock, self, callback, user_data);
  else
    aioproc_lock_acquire_async (lock, -1, NULL, callback, user_data);
}

gboolean
aioproc_hold_reacquire_finish (gpointer       lock,
                               GAsyncResult  *result,
                               GError       **error)
{
  if (AIOPROC_IS_RLOCK (lock))
    return aioproc_rlock_acquire_finish (lock, result, error);

  return aioproc_lock_acquire_finish (lock, result, error);
}
