/* queue-test.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "queue-test.h"

#include "core/aioproc-shareable-private.h"

AioprocQueue *
queue_test_new (guint max_items)
{
  g_autoptr(GError) error = NULL;
  AioprocQueue *queue = g_initable_new (AIOPROC_TYPE_QUEUE, NULL, &error,
                                        "name", "test",
                                        "max-items", max_items,
                                        NULL);

  g_assert_no_error (error);
  g_assert_nonnull (queue);

  return queue;
}

GBytes *
queue_test_make_bytes (gsize size,
                       guint seed)
{
  guint8 *data = g_malloc (size);
  guint32 state = seed * 2654435761u + 1;

  for (gsize i = 0; i < size; i++)
    {
      state = state * 1664525u + 1013904223u;
      data[i] = state >> 24;
    }

  return g_bytes_new_take (data, size);
}

AioprocShm *
queue_test_get_shm (AioprocQueue *queue)
{
  return AIOPROC_SHAREABLE_GET_IFACE (queue)->get_shm (AIOPROC_SHAREABLE (queue));
}

AioprocQueueHeader *
queue_test_get_header (AioprocQueue *queue)
{
  return aioproc_shm_get_state (queue_test_get_shm (queue));
}

AioprocQueueSlot *
queue_test_get_slot (AioprocQueue *queue,
                     guint         index)
{
  gpointer region = aioproc_shm_get_base (queue_test_get_shm (queue));
  AioprocQueueSlot *slots = G_STRUCT_MEMBER_P (region, AIOPROC_QUEUE_SLOTS_OFFSET);

  return &slots[index];
}

void
queue_test_wait_for_sleeper (AioprocQueue *queue,
                             gboolean      put)
{
  AioprocQueueHeader *header = queue_test_get_header (queue);
  _Atomic guint32 *word = put ? &header->room : &header->items;

  while ((atomic_load (word) & AIOPROC_QUEUE_MARKED) == 0)
    g_thread_yield ();
}
