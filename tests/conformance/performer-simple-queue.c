/* performer-simple-queue.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "performer.h"

gboolean
performer_simple_queue_block (gpointer   object,
                              Act       *act,
                              GError   **error)
{
  g_autoptr(GBytes) bytes = NULL;

  switch ((int) act->operation)
    {
    case OPERATION_PUT:
      return aioproc_simple_queue_put (object, g_variant_new_uint64 (act->value),
                                       act->timeout_usec, act->cancellable, error);

    case OPERATION_PUT_BYTES:
      bytes = performer_make_bytes (act->value);
      return aioproc_simple_queue_put_bytes (object, bytes, act->timeout_usec, act->cancellable,
                                             error);

    case OPERATION_GET:
      return performer_got_value (aioproc_simple_queue_get (object, act->timeout_usec,
                                                            act->cancellable, error), act);

    case OPERATION_GET_BYTES:
      return performer_got_bytes (aioproc_simple_queue_get_bytes (object, act->timeout_usec,
                                                                  act->cancellable, error), act);

    case OPERATION_IS_EMPTY:
      return aioproc_simple_queue_is_empty (object);

    case OPERATION_CLOSE:
      return aioproc_simple_queue_close (object, error);

    default:
      g_assert_not_reached ();
    }
}

void
performer_simple_queue_start (gpointer             object,
                              const Act           *act,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data)
{
  g_autoptr(GBytes) bytes = NULL;

  switch ((int) act->operation)
    {
    case OPERATION_PUT:
      aioproc_simple_queue_put_async (object, g_variant_new_uint64 (act->value),
                                      act->timeout_usec, act->cancellable, callback, user_data);
      break;

    case OPERATION_PUT_BYTES:
      bytes = performer_make_bytes (act->value);
      aioproc_simple_queue_put_bytes_async (object, bytes, act->timeout_usec, act->cancellable,
                                            callback, user_data);
      break;

    case OPERATION_GET:
      aioproc_simple_queue_get_async (object, act->timeout_usec, act->cancellable, callback,
                                      user_data);
      break;

    case OPERATION_GET_BYTES:
      aioproc_simple_queue_get_bytes_async (object, act->timeout_usec, act->cancellable, callback,
                                            user_data);
      break;

    default:
      g_assert_not_reached ();
    }
}

gboolean
performer_simple_queue_finish (gpointer       object,
                               Act           *act,
                               GAsyncResult  *result,
                               GError       **error)
{
  switch ((int) act->operation)
    {
    case OPERATION_PUT:
      return aioproc_simple_queue_put_finish (object, result, error);

    case OPERATION_PUT_BYTES:
      return aioproc_simple_queue_put_bytes_finish (object, result, error);

    case OPERATION_GET:
      return performer_got_value (aioproc_simple_queue_get_finish (object, result, error), act);

    case OPERATION_GET_BYTES:
      return performer_got_bytes (aioproc_simple_queue_get_bytes_finish (object, result, error),
                                  act);

    default:
      g_assert_not_reached ();
    }
}
