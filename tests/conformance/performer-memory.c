/* performer-memory.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "performer.h"

/* A number lies at a place of its own. */
#define PLACE 100

gboolean
performer_memory_block (gpointer   object,
                        Act       *act,
                        GError   **error)
{
  g_autoptr(GBytes) bytes = NULL;

  switch ((int) act->operation)
    {
    case OPERATION_LOAD:
      bytes = aioproc_shared_memory_read_bytes (object, PLACE, sizeof act->value, error);

      if (bytes == NULL)
        return FALSE;

      memcpy (&act->value, g_bytes_get_data (bytes, NULL), sizeof act->value);
      return TRUE;

    case OPERATION_STORE:
      bytes = g_bytes_new (&act->value, sizeof act->value);
      return aioproc_shared_memory_write_bytes (object, PLACE, bytes, error);

    case OPERATION_RESIZE:
      return aioproc_shared_memory_resize (object, act->value, error);

    case OPERATION_GET_SIZE:
      act->value = aioproc_shared_memory_get_size (object);
      return TRUE;

    default:
      g_assert_not_reached ();
    }
}

gboolean
performer_list_block (gpointer   object,
                      Act       *act,
                      GError   **error)
{
  g_autoptr(GVariant) item = NULL;

  switch ((int) act->operation)
    {
    case OPERATION_LOAD:
      item = aioproc_shared_list_get (object, 1, error);
      act->value = item != NULL ? g_variant_get_uint64 (item) : 0;
      return item != NULL;

    case OPERATION_STORE:
      return aioproc_shared_list_set (object, 1, g_variant_new_uint64 (act->value), error);

    case OPERATION_GET_SIZE:
      act->value = aioproc_shared_list_get_length (object);
      return TRUE;

    default:
      g_assert_not_reached ();
    }
}
