/* queue-copy.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "queue-copy.h"

#include <fcntl.h>

#include "core/aioproc-shareable-private.h"
#include "platform/aioproc-memfd-private.h"
#include "queue-steps.h"
#include "queue-test.h"

static guint32
bury (guint32 word,
      guint32 owner,
      guint32 dead_owner)
{
  return (word & AIOPROC_OWNER_MASK) == owner ? (word & ~AIOPROC_OWNER_MASK) | dead_owner : word;
}

AioprocQueue *
queue_copy_new (AioprocQueue *queue,
                guint32       owner,
                guint32       dead_owner)
{
  AioprocShm *shm = queue_test_get_shm (queue);
  g_autoptr(GError) error = NULL;
  AioprocQueueHeader *header;
  AioprocShareable *copy;
  guint32 n_slots;
  int fd;

  fd = aioproc_memfd_new ("copy", aioproc_shm_get_size (shm), &error);
  g_assert_no_error (error);
  queue_steps_copy_file (aioproc_shm_get_fd (shm), fd);
  aioproc_memfd_seal (fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, &error);
  g_assert_no_error (error);

  shm = aioproc_shm_new_for_fd (aioproc_shm_get_kind (shm), fd, AIOPROC_QUEUE_STATE_SIZE, &error);
  g_assert_no_error (error);
  copy = aioproc_shareable_new_for_shm (G_OBJECT_TYPE (queue), shm, &error);
  g_assert_no_error (error);

  header = queue_test_get_header (AIOPROC_QUEUE (copy));
  n_slots = atomic_load (&header->n_slots);
  atomic_store (&header->lock, bury (atomic_load (&header->lock), owner, dead_owner));
  atomic_store (&header->trim_owner,
                bury (atomic_load (&header->trim_owner), owner, dead_owner));
  /* The death was announced. */
  atomic_store (&header->swept, atomic_load (&header->swept) - 1);

  for (guint32 i = 0; i < n_slots; i++)
    {
      AioprocQueueSlot *slot = queue_test_get_slot (AIOPROC_QUEUE (copy), i);

      atomic_store (&slot->state, bury (atomic_load (&slot->state), owner, dead_owner));
    }

  return AIOPROC_QUEUE (copy);
}
