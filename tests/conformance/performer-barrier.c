/* performer-barrier.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <stdatomic.h>

#include "performer.h"

/* Of this process. */
static _Atomic guint n_actions;

static void
count_action (AioprocBarrier  *barrier,
              gpointer         user_data,
              GError         **error)
{
  atomic_fetch_add (&n_actions, 1);
}

static void
fail_action (AioprocBarrier  *barrier,
             gpointer         user_data,
             GError         **error)
{
  atomic_fetch_add (&n_actions, 1);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "The action fails");
}

static gboolean
take_index (Act *act,
            int  index)
{
  act->value = index < 0 ? 0 : (guint64) index;

  return index >= 0;
}

gboolean
performer_barrier_block (gpointer   object,
                         Act       *act,
                         GError   **error)
{
  switch ((int) act->operation)
    {
    case OPERATION_WAIT:
      return take_index (act, aioproc_barrier_wait (object, act->timeout_usec, act->cancellable,
                                                    error));

    case OPERATION_ABORT:
      return aioproc_barrier_abort (object, error);

    case OPERATION_RESET:
      return aioproc_barrier_reset (object, error);

    case OPERATION_IS_BROKEN:
      return aioproc_barrier_is_broken (object);

    case OPERATION_GET_N_WAITING:
      act->value = aioproc_barrier_get_n_waiting (object);
      return TRUE;

    case OPERATION_SET_ACTION:
      aioproc_barrier_set_action (object, act->value == 0 ? count_action : fail_action, NULL, NULL);
      return TRUE;

    case OPERATION_GET_N_ACTIONS:
      act->value = atomic_load (&n_actions);
      return TRUE;

    default:
      g_assert_not_reached ();
    }
}

void
performer_barrier_start (gpointer             object,
                         const Act           *act,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  aioproc_barrier_wait_async (object, act->timeout_usec, act->cancellable, callback, user_data);
}

gboolean
performer_barrier_finish (gpointer       object,
                          Act           *act,
                          GAsyncResult  *result,
                          GError       **error)
{
  return take_index (act, aioproc_barrier_wait_finish (object, result, error));
}
