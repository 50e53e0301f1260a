/* queue-test.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "queue-test.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

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
  guint64 state = (seed + G_GUINT64_CONSTANT (1)) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  gsize done;

  /* In words: some tests fill many megabytes, and a sanitizer looks at each store. */
  for (done = 0; size - done >= sizeof state; done += sizeof state)
    {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      memcpy (data + done, &state, sizeof state);
    }

  if (done < size)
    memcpy (data + done, &state, size - done);

  return g_bytes_new_take (data, size);
}

void
queue_test_put_bytes (AioprocQueue *queue,
                      gsize         size,
                      guint         seed)
{
  g_autoptr(GBytes) bytes = queue_test_make_bytes (size, seed);
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_queue_put_bytes (queue, bytes, -1, NULL, &error));
  g_assert_no_error (error);
}

void
queue_test_get_bytes (AioprocQueue *queue,
                      gsize         size,
                      guint         seed)
{
  g_autoptr(GBytes) expected = queue_test_make_bytes (size, seed);
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;

  bytes = aioproc_queue_get_bytes (queue, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (bytes, expected));
}

guint64
queue_test_get_n_allocated (AioprocQueue *queue)
{
  struct stat buffer;

  g_assert_cmpint (fstat (aioproc_shm_get_fd (queue_test_get_shm (queue)), &buffer), ==, 0);

  return (guint64) buffer.st_blocks * 512;
}

void
queue_test_forbid_growth (void)
{
  struct sock_filter filter[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, G_STRUCT_OFFSET (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_fallocate, 1, 0),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_pwrite64, 0, 1),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSPC),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = { G_N_ELEMENTS (filter), filter };

  g_assert_cmpint (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), ==, 0);
  g_assert_cmpint (prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), ==, 0);
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

void
queue_test_trim (AioprocQueueSlots *slots)
{
  AioprocQueueHeader *header = slots->header;

  atomic_fetch_add (&header->epoch, 2);
  atomic_store (&header->epoch_usec, 0);
  atomic_fetch_add (&header->n_allocated, 64 * 1024 * 1024);
  (void) aioproc_queue_slots_tend (slots);
}

guint
queue_test_count_cold (AioprocQueue *queue)
{
  guint32 n_slots = atomic_load (&queue_test_get_header (queue)->n_slots);
  guint n = 0;

  for (guint32 i = 0; i < n_slots; i++)
    {
      AioprocQueueSlot *slot = queue_test_get_slot (queue, i);

      n += atomic_load (&slot->state) == AIOPROC_QUEUE_FREE &&
           (atomic_load (&slot->info) & AIOPROC_QUEUE_INFO_COLD) != 0;
    }

  return n;
}
