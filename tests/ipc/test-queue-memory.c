/* test-queue-memory.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* The memory of a queue: how it grows and shrinks, and what becomes of one that is damaged. */

#include <string.h>
#include <sys/resource.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "ipc/aioproc-queue-grow-private.h"
#include "ipc/aioproc-queue-slots-private.h"
#include "queue-test.h"

/* --- Layout --- */

static void
test_queue_memory_classes (void)
{
  guint64 last_size = 0;

  g_test_summary ("Each length has the smallest class that holds it, wasting a quarter at most");

  for (guint size_class = 1; size_class < AIOPROC_QUEUE_N_CLASSES; size_class++)
    {
      guint64 size = aioproc_queue_class_get_size (size_class);

      g_assert_cmpuint (size, >, last_size);
      g_assert_cmpuint (size % AIOPROC_QUEUE_EXTENT_UNIT, ==, 0);
      g_assert_cmpuint (aioproc_queue_class_for_length (size), ==, size_class);
      g_assert_cmpuint (aioproc_queue_class_for_length (size - 1), ==, size_class);
      g_assert_true (aioproc_queue_extent_is_valid (size_class, AIOPROC_QUEUE_DATA_OFFSET) ||
                     AIOPROC_QUEUE_DATA_OFFSET % size != 0);
      g_assert_false (aioproc_queue_extent_is_valid (size_class, AIOPROC_QUEUE_FILE_SIZE));
      g_assert_false (aioproc_queue_extent_is_valid (size_class, 0));

      if (size_class < AIOPROC_QUEUE_N_CLASSES - 1)
        g_assert_cmpuint (aioproc_queue_class_for_length (size + 1), ==, size_class + 1);

      if (size_class > 1 && aioproc_queue_class_is_small (size_class))
        g_assert_cmpuint (4 * (size - last_size), <=, size);

      last_size = size;
    }

  g_assert_cmpuint (last_size, ==, AIOPROC_QUEUE_PAYLOAD_MAX);
  g_assert_cmpuint (aioproc_queue_class_for_length (0), ==, 0);
  g_assert_cmpuint (aioproc_queue_class_for_length (AIOPROC_QUEUE_INLINE_SIZE), ==, 0);
  g_assert_cmpuint (aioproc_queue_class_for_length (AIOPROC_QUEUE_INLINE_SIZE + 1), ==, 1);
}

static void
test_queue_memory_birth (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);

  g_test_summary ("A queue of small items needs 16 KiB");

  for (guint i = 0; i < AIOPROC_QUEUE_BIRTH_SLOTS; i++)
    queue_test_put_bytes (queue, 64, i);

  g_assert_cmpuint (queue_test_get_n_allocated (queue), <=, AIOPROC_QUEUE_BIRTH_SIZE);

  for (guint i = 0; i < AIOPROC_QUEUE_BIRTH_SLOTS; i++)
    queue_test_get_bytes (queue, 64, i);

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_memory_reuse (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  static const gsize sizes[] = { 64, 300, 3000, 5000, 33000, 200000, 1500000 };
  guint64 n_allocated = 0;

  g_test_summary ("A queue that is drained again and again uses the same memory again");

  for (guint round = 0; round < 20; round++)
    {
      for (guint i = 0; i < 4 * G_N_ELEMENTS (sizes); i++)
        queue_test_put_bytes (queue, sizes[i % G_N_ELEMENTS (sizes)], i);

      for (guint i = 0; i < 4 * G_N_ELEMENTS (sizes); i++)
        queue_test_get_bytes (queue, sizes[i % G_N_ELEMENTS (sizes)], i);

      if (round == 0)
        n_allocated = queue_test_get_n_allocated (queue);
    }

  g_assert_cmpuint (queue_test_get_n_allocated (queue), ==, n_allocated);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_memory_shrink (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GError) error = NULL;

  g_test_summary ("A queue gives the memory of a burst back when it has been empty for a while");

  for (guint round = 0; round < 2; round++)
    {
      for (guint i = 0; i < 20000; i++)
        queue_test_put_bytes (queue, 200, i);

      for (guint i = 0; i < 8; i++)
        queue_test_put_bytes (queue, 1000000, i);

      g_assert_cmpuint (queue_test_get_n_allocated (queue), >, 8 * 1000000);

      for (guint i = 0; i < 20000; i++)
        queue_test_get_bytes (queue, 200, i);

      for (guint i = 0; i < 8; i++)
        queue_test_get_bytes (queue, 1000000, i);

      /* A getter that waits sees to it; it is not waited for in vain if the memory goes. */
      while (queue_test_get_n_allocated (queue) > AIOPROC_QUEUE_IDLE_KEEP)
        {
          g_assert_null (aioproc_queue_get (queue, AIOPROC_QUEUE_IDLE_USEC / 2, NULL, &error));
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
          g_clear_error (&error);
        }
    }

  queue_test_put_bytes (queue, 64, 1);
  queue_test_get_bytes (queue, 64, 1);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

/* Extents by themselves, without pages: all of the reservation can be handed out. */
static void
test_queue_memory_reclaim (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  AioprocQueueSlots slots = { 0 };
  AioprocQueueTransfer transfers[3];
  AioprocQueueTransfer transfer;
  AioprocQueuePayload payload = { AIOPROC_QUEUE_BYTES, NULL, 0 };
  /* The 13 GiB that there are. */
  const guint64 gib = G_GUINT64_CONSTANT (1) << 30;
  const guint64 sizes[] = { 1 * gib, 4 * gib, 8 * gib };
  g_autoptr(GError) error = NULL;

  g_test_summary ("Extents of one size become extents of another, and what is held is not touched");

  g_assert_true (aioproc_queue_slots_init (&slots, queue_test_get_shm (queue), FALSE, 0, 0, 0,
                                           &error));

  for (guint round = 0; round < 3; round++)
    {
      for (guint i = 0; i < G_N_ELEMENTS (transfers); i++)
        {
          payload.length = sizes[i];
          g_assert_cmpint (aioproc_queue_slots_put (&slots, &payload, NULL, &transfers[i], &error),
                           ==, AIOPROC_QUEUE_BEGUN);
          g_assert_no_error (error);
        }

      payload.length = 50000;
      g_assert_cmpint (aioproc_queue_slots_put (&slots, &payload, NULL, &transfer, &error), ==,
                       AIOPROC_QUEUE_FAILED);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
      g_clear_error (&error);

      /* What is small needs none. */
      queue_test_put_bytes (queue, 64, 1);
      queue_test_get_bytes (queue, 64, 1);

      aioproc_queue_slots_abort (&slots, &transfers[0]);
      payload.length = sizes[0] / 2;
      g_assert_cmpint (aioproc_queue_slots_put (&slots, &payload, NULL, &transfers[0], &error), ==,
                       AIOPROC_QUEUE_BEGUN);
      g_assert_no_error (error);
      queue_test_put_bytes (queue, 100000, 1);
      queue_test_get_bytes (queue, 100000, 1);

      for (guint i = 0; i < G_N_ELEMENTS (transfers); i++)
        aioproc_queue_slots_abort (&slots, &transfers[i]);

      g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 0);
      g_assert_cmpuint (atomic_load (&queue_test_get_header (queue)->n_used), ==, 0);
    }

  aioproc_queue_slots_clear (&slots);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

/* --- Limits of the process --- */

static void
test_queue_memory_address_space (void)
{
  struct rlimit limit;

#ifdef HAVE_SANITIZER
  g_test_skip ("A sanitizer needs all of the address space");
  return;
#endif

  if (!g_test_subprocess ())
    {
      g_test_summary ("Where 16 GiB cannot be mapped, a queue is mapped in pieces");
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  getrlimit (RLIMIT_AS, &limit);
  limit.rlim_cur = (rlim_t) 1 << 30;
  g_assert_cmpint (setrlimit (RLIMIT_AS, &limit), ==, 0);

  {
    g_autoptr(AioprocQueue) queue = queue_test_new (0);
    g_autoptr(AioprocQueue) other = queue_test_new (0);
    g_autoptr(GVariant) value = NULL;
    g_autoptr(GVariant) got = NULL;
    g_autoptr(GError) error = NULL;
    GVariantBuilder builder;
    static const gsize sizes[] = { 64, 1000, 5000, 100000, 1000000, 20000000, 40000000 };

    g_assert_cmpuint (aioproc_shm_get_mapped_size (queue_test_get_shm (queue)), <,
                      AIOPROC_QUEUE_FILE_SIZE);

    for (guint round = 0; round < 2; round++)
      {
        for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
          {
            queue_test_put_bytes (queue, sizes[i], i);
            queue_test_put_bytes (other, sizes[i], i + 1);
          }

        for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
          {
            queue_test_get_bytes (queue, sizes[i], i);
            queue_test_get_bytes (other, sizes[i], i + 1);
          }
      }

    /* A value that lies in several pieces. */
    g_variant_builder_init (&builder, G_VARIANT_TYPE ("as"));

    for (guint i = 0; i < 1000000; i++)
      g_variant_builder_add (&builder, "s", "an element of a large array");

    value = g_variant_ref_sink (g_variant_builder_end (&builder));
    g_assert_cmpuint (g_variant_get_size (value), >, AIOPROC_QUEUE_PIECE_SIZE);
    g_assert_true (aioproc_queue_put (queue, value, -1, NULL, &error));
    g_assert_no_error (error);
    got = aioproc_queue_get (queue, -1, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpvariant (got, value);

    g_assert_finalize_object (g_steal_pointer (&queue));
    g_assert_finalize_object (g_steal_pointer (&other));
  }
}

static void
test_queue_memory_file_size (void)
{
  g_autoptr(AioprocQueue) queue = NULL;
  g_autoptr(GError) error = NULL;
  struct rlimit limit;

  if (!g_test_subprocess ())
    {
      g_test_summary ("A limit of the file size is an error of the new queue, and no signal");
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  getrlimit (RLIMIT_FSIZE, &limit);
  limit.rlim_cur = 1 << 20;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);

  queue = aioproc_queue_new (0, &error);
  g_assert_null (queue);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
}

static void
test_queue_memory_file_size_later (void)
{
  g_autoptr(AioprocQueue) queue = NULL;
  struct rlimit limit;

  if (!g_test_subprocess ())
    {
      g_test_summary ("A limit of the file size that comes later does not matter");
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  queue = queue_test_new (0);
  getrlimit (RLIMIT_FSIZE, &limit);
  limit.rlim_cur = 1 << 20;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);

  for (guint round = 0; round < 2; round++)
    {
      queue_test_put_bytes (queue, 1000, 1);
      queue_test_put_bytes (queue, 3000000, 2);
      queue_test_get_bytes (queue, 1000, 1);
      queue_test_get_bytes (queue, 3000000, 2);
    }

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_memory_no_space (void)
{
  g_autoptr(AioprocQueue) queue = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  static const gsize sizes[] = { 1000, 5000, 200000 };
  guint n_put = 0;

  if (!g_test_subprocess ())
    {
      g_test_summary ("Without memory a put fails, and the queue works on with what it has");
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  queue = queue_test_new (10000);
  queue_test_put_bytes (queue, 200000, 0);
  queue_test_forbid_growth ();

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr(GBytes) bytes = queue_test_make_bytes (sizes[i], i);

      g_assert_false (aioproc_queue_put_bytes (queue, bytes, -1, NULL, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
      g_assert_nonnull (strstr (error->message, "queue “test”"));
      g_clear_error (&error);

      aioproc_queue_put_bytes_async (queue, bytes, -1, NULL, aioproc_test_store_result, &result);
      aioproc_test_wait (&result);
      g_assert_false (aioproc_queue_put_bytes_finish (queue, result, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
      g_clear_error (&error);
      g_clear_object (&result);
    }

  /* Small ones go on until there is no slot left. */
  while (error == NULL)
    {
      g_autoptr(GBytes) bytes = queue_test_make_bytes (50, n_put);

      n_put += aioproc_queue_put_bytes (queue, bytes, -1, NULL, &error);
    }

  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_clear_error (&error);
  g_assert_cmpuint (n_put, >, AIOPROC_QUEUE_BIRTH_SLOTS / 2);
  g_assert_cmpuint (aioproc_queue_get_size (queue), ==, n_put + 1);
  g_assert_cmpuint (atomic_load (&queue_test_get_header (queue)->n_used), ==, n_put + 1);

  queue_test_get_bytes (queue, 200000, 0);
  queue_test_put_bytes (queue, 200000, 7);

  for (guint i = 0; i < n_put; i++)
    queue_test_get_bytes (queue, 50, i);

  queue_test_get_bytes (queue, 200000, 7);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

/* --- Damage --- */

/* Whatever is in the memory, every function returns, with a result or an error. */
static void
use_damaged (AioprocQueue *queue)
{
  static const gsize sizes[] = { 10, 1000, 5000, 70000 };
  gboolean worked = TRUE;

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr(GBytes) bytes = queue_test_make_bytes (sizes[i], i);
      g_autoptr(GError) error = NULL;

      worked = aioproc_queue_try_put_bytes (queue, bytes, &error);
      g_assert_true (worked == (error == NULL));
    }

  aioproc_queue_get_size (queue);
  aioproc_queue_is_full (queue);

  for (guint i = 0; i < 50; i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(GVariant) value = NULL;
      g_autoptr(GBytes) bytes = NULL;

      if (i % 2 == 0)
        value = aioproc_queue_try_get (queue, &error);
      else
        bytes = aioproc_queue_try_get_bytes (queue, &error);

      g_assert_true ((value == NULL && bytes == NULL) == (error != NULL));
    }
}

static AioprocQueue *
new_to_damage (void)
{
  AioprocQueue *queue = queue_test_new (0);
  g_autoptr(GError) error = NULL;

  queue_test_put_bytes (queue, 10, 1);
  queue_test_put_bytes (queue, 1000, 2);
  queue_test_put_bytes (queue, 5000, 3);
  g_assert_true (aioproc_queue_put (queue, g_variant_new ("(us)", 1, "text"), -1, NULL, &error));
  queue_test_put_bytes (queue, 70000, 4);
  queue_test_get_bytes (queue, 10, 1);

  return queue;
}

static void
test_queue_memory_damaged_header (void)
{
  static const guint32 values[] = {
    0, 1, 2, 5, 95, 96, 97, 1000, 0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000, 0xc0000001,
    0xffffffff, AIOPROC_QUEUE_MAX_SLOTS, AIOPROC_QUEUE_MAX_SLOTS + 1,
  };

  g_test_summary ("No word of the header can make a process crash or hang");

  /* The lock comes first: a process that lives can hold it for as long as it likes. */
  for (gsize offset = 4; offset < sizeof (AioprocQueueHeader); offset += 4)
    {
      for (guint i = 0; i < G_N_ELEMENTS (values); i++)
        {
          g_autoptr(AioprocQueue) queue = new_to_damage ();
          guint8 *header = (guint8 *) queue_test_get_header (queue);

          memcpy (header + offset, &values[i], sizeof (values[i]));
          use_damaged (queue);
          g_assert_cmpuint (queue_test_get_n_allocated (queue), <, 64 * 1024 * 1024);
          g_assert_finalize_object (g_steal_pointer (&queue));
        }
    }
}

static void
test_queue_memory_damaged_slots (void)
{
  static const guint64 values[] = {
    0, 1, 81, 0xc8, 0x2f00, 0xff00, 0x4000000000000000, 0x7fffffffffffffff, 0xffffffffffffffff,
    0x80000000, 0xc0000000, 0x4000000020000001, 0xe0000400, 0x20000401, 0x3fffffff,
  };

  g_test_summary ("No word of a slot can make a process crash, hang or read elsewhere");

  for (guint slot = 0; slot < 40; slot++)
    {
      for (gsize offset = 0; offset < 48; offset += 4)
        {
          for (guint i = 0; i < G_N_ELEMENTS (values); i++)
            {
              g_autoptr(AioprocQueue) queue = new_to_damage ();
              guint8 *bytes = (guint8 *) queue_test_get_slot (queue, slot);

              memcpy (bytes + offset, &values[i], offset % 8 == 0 ? 8 : 4);
              use_damaged (queue);
              g_assert_finalize_object (g_steal_pointer (&queue));
            }
        }
    }
}

typedef struct {
  _Atomic gpointer slot;   /* (nullable) an AioprocQueueSlot, of 4096 bytes … */
  _Atomic gboolean stop;
} Resizer;

/* … or of less. */
static gpointer
resize_run (gpointer data)
{
  Resizer *resizer = data;

  while (!atomic_load (&resizer->stop))
    {
      AioprocQueueSlot *slot = atomic_load (&resizer->slot);

      if (slot == NULL)
        continue;

      atomic_store (&slot->length, 100);
      atomic_store (&slot->length, AIOPROC_QUEUE_COPY_MAX);
    }

  return NULL;
}

static void
test_queue_memory_damaged_batch (void)
{
  static const gsize sizes[] = { 4096, 4096, 4096, 2048, 4096 };
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  AioprocQueueHeader *header = queue_test_get_header (queue);
  Resizer resizer = { NULL, FALSE };
  GThread *thread = g_thread_new ("resizer", resize_run, &resizer);

  g_test_summary ("No item of a batch is longer than the room that was found for it");

  for (guint i = 0; i < 2000; i++)
    {
      g_autoptr(GError) error = NULL;
      guint n_left = G_N_ELEMENTS (sizes);
      guint32 last;

      for (guint j = 0; j < G_N_ELEMENTS (sizes); j++)
        queue_test_put_bytes (queue, sizes[j], j);

      last = atomic_load (&header->ready_last);
      atomic_store (&resizer.slot, queue_test_get_slot (queue, last - 1));

      while (n_left > 0 && error == NULL)
        {
          g_autoptr(GPtrArray) items = aioproc_queue_try_get_many_bytes (queue, 100, &error);

          if (items != NULL)
            n_left -= MIN (items->len, n_left);
        }

      atomic_store (&resizer.slot, NULL);
    }

  atomic_store (&resizer.stop, TRUE);
  g_thread_join (thread);
}

/* A peer writes at random while this process works. */
static void
test_queue_memory_damaged_random (void)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed (g_test_rand_int ());

  g_test_summary ("Random words, again and again, cannot make a process crash or hang");

  for (guint round = 0; round < 200; round++)
    {
      g_autoptr(AioprocQueue) queue = new_to_damage ();
      guint8 *base = aioproc_shm_get_base (queue_test_get_shm (queue));

      for (guint i = 0; i < 20; i++)
        {
          gsize offset = AIOPROC_SHM_HEADER_SIZE + 4 * g_rand_int_range (rand, 1, 3900);
          guint32 value = g_rand_int (rand);

          switch (g_rand_int_range (rand, 0, 4))
            {
            case 0:
              value %= 200;
              break;

            case 1:
              value = 1u << value % 32;
              break;

            case 2:
              value = value % 4 << 30;
              break;

            default:
              break;
            }

          /* A length of the index that is true for no memory is a test of its own. */
          if (offset == AIOPROC_SHM_HEADER_SIZE + G_STRUCT_OFFSET (AioprocQueueHeader, n_slots))
            continue;

          memcpy (base + offset, &value, sizeof (value));
          use_damaged (queue);
        }

      g_assert_finalize_object (g_steal_pointer (&queue));
    }
}

static void
test_queue_memory_damaged_value (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A value that is none is reported, and is not in the way of the next one");

  g_assert_true (aioproc_queue_put (queue, g_variant_new_string ("damaged"), -1, NULL, &error));
  g_assert_true (aioproc_queue_put (queue, g_variant_new_string ("whole"), -1, NULL, &error));
  queue_test_get_slot (queue, 0)->payload[0] = '?';

  g_assert_null (aioproc_queue_get (queue, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_clear_error (&error);
  value = aioproc_queue_get (queue, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "whole");

  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_memory_damaged_lists (void)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  AioprocQueueHeader *header = queue_test_get_header (queue);

  g_test_summary ("Lists and counts that were damaged are made anew from the slots");

  for (guint i = 0; i < 20; i++)
    queue_test_put_bytes (queue, i % 2 == 0 ? 50 : 2000, i);

  atomic_store (&header->ready_first, 77);
  atomic_store (&header->ready_last, 3);
  atomic_store (&header->free_first, 2);
  atomic_store (&header->n_ready, 1000);
  atomic_store (&header->n_used, 0);

  for (guint i = 0; i < 20; i++)
    queue_test_get_bytes (queue, i % 2 == 0 ? 50 : 2000, i);

  g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 0);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/queue/memory/classes", test_queue_memory_classes);
  aioproc_test_add_func ("/aioproc/queue/memory/birth", test_queue_memory_birth);
  aioproc_test_add_func ("/aioproc/queue/memory/reuse", test_queue_memory_reuse);
  aioproc_test_add_func ("/aioproc/queue/memory/shrink", test_queue_memory_shrink);
  aioproc_test_add_func ("/aioproc/queue/memory/reclaim", test_queue_memory_reclaim);
  aioproc_test_add_func ("/aioproc/queue/memory/address-space", test_queue_memory_address_space);
  aioproc_test_add_func ("/aioproc/queue/memory/file-size", test_queue_memory_file_size);
  aioproc_test_add_func ("/aioproc/queue/memory/file-size-later",
                         test_queue_memory_file_size_later);
  aioproc_test_add_func ("/aioproc/queue/memory/no-space", test_queue_memory_no_space);
  aioproc_test_add_func ("/aioproc/queue/memory/damaged/header", test_queue_memory_damaged_header);
  aioproc_test_add_func ("/aioproc/queue/memory/damaged/slots", test_queue_memory_damaged_slots);
  aioproc_test_add_func ("/aioproc/queue/memory/damaged/batch", test_queue_memory_damaged_batch);
  aioproc_test_add_func ("/aioproc/queue/memory/damaged/random", test_queue_memory_damaged_random);
  aioproc_test_add_func ("/aioproc/queue/memory/damaged/value", test_queue_memory_damaged_value);
  aioproc_test_add_func ("/aioproc/queue/memory/damaged/lists", test_queue_memory_damaged_lists);

  return g_test_run ();
}
