/* test-queue-trim.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Memory that a queue gives back although it is not empty. */

#include <string.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "ipc/aioproc-queue-grow-private.h"
#include "ipc/aioproc-queue-slots-private.h"
#include "queue-test.h"

#define MIB (1024 * 1024)

/* What may stay, whatever is in the queue: it is not worth it. */
#define SLACK (2 * MIB)

/* --- By itself --- */

typedef struct {
  const char *name;
  gsize       max_size;
  gsize       sizes[4];   /* of the items, in turn */
} Burst;

/* The index of items does not get shorter. */
static guint64
get_bound (AioprocQueue *queue,
           guint64       n_bytes)
{
  guint32 n_slots = atomic_load (&queue_test_get_header (queue)->n_slots);

  return SLACK + n_slots * sizeof (AioprocQueueSlot) + n_bytes;
}

static gsize
get_size (const Burst *burst,
          guint        i)
{
  guint n = 0;

  while (n < G_N_ELEMENTS (burst->sizes) && burst->sizes[n] != 0)
    n++;

  return burst->sizes[i % n];
}

static void
test_queue_trim_backlog (gconstpointer data)
{
  const Burst *burst = data;
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  guint n_put = 0;
  guint n_got = 0;

  g_test_summary ("A queue that is never empty gives the memory of a burst back");

  for (guint round = 0; round < 2; round++)
    {
      guint64 n_bytes = 0;

      for (; n_bytes < 12 * MIB; n_put++)
        {
          queue_test_put_bytes (queue, get_size (burst, n_put), n_put);
          n_bytes += get_size (burst, n_put);
        }

      g_assert_cmpuint (queue_test_get_n_allocated (queue), >=, n_bytes);

      for (; n_got + 4 < n_put; n_got++)
        queue_test_get_bytes (queue, get_size (burst, n_got), n_got);

      /* A few items go on coming and going. */
      while (queue_test_get_n_allocated (queue) > get_bound (queue, 5 * burst->max_size))
        {
          queue_test_put_bytes (queue, get_size (burst, n_put), n_put);
          n_put++;
          queue_test_get_bytes (queue, get_size (burst, n_got), n_got);
          n_got++;
          g_thread_yield ();
        }
    }

  for (; n_got < n_put; n_got++)
    queue_test_get_bytes (queue, get_size (burst, n_got), n_got);

  g_assert_finalize_object (g_steal_pointer (&queue));
}

/* --- At once --- */

typedef struct {
  AioprocQueue      *queue;     /* (owned) */
  AioprocQueueSlots  slots;
} Trimmed;

static void
trimmed_open (Trimmed *self)
{
  g_autoptr(GError) error = NULL;

  *self = (Trimmed) { .queue = queue_test_new (0) };
  g_assert_true (aioproc_queue_slots_init (&self->slots, queue_test_get_shm (self->queue), FALSE,
                                           0, 0, 0, &error));
  g_assert_no_error (error);
}

static void
trimmed_close (Trimmed *self)
{
  aioproc_queue_slots_clear (&self->slots);
  g_assert_finalize_object (self->queue);
}

static void
test_queue_trim_content (gconstpointer data)
{
  const Burst *burst = data;
  Trimmed self;
  guint n_put = 0;
  guint n_got = 0;

  g_test_summary ("What is in the queue stays as it is, and what was given back comes again");

  trimmed_open (&self);

  for (guint round = 0; round < 3; round++)
    {
      guint64 n_bytes = 0;

      for (; n_bytes < 6 * MIB; n_put++)
        {
          queue_test_put_bytes (self.queue, get_size (burst, n_put), n_put);
          n_bytes += get_size (burst, n_put);
        }

      for (; n_got + 4 < n_put; n_got++)
        queue_test_get_bytes (self.queue, get_size (burst, n_got), n_got);

      queue_test_trim (&self.slots);
      g_assert_cmpuint (queue_test_count_cold (self.queue), >, 0);
      g_assert_cmpuint (queue_test_get_n_allocated (self.queue), <=,
                        get_bound (self.queue, 5 * burst->max_size));
    }

  for (; n_got < n_put; n_got++)
    queue_test_get_bytes (self.queue, get_size (burst, n_got), n_got);

  trimmed_close (&self);
}

static const Burst bursts[] = {
  { "256-bytes", 256, { 256 } },
  { "1000-bytes", 1000, { 1000 } },
  { "5000-bytes", 5000, { 5000 } },
  { "28-kib", 28 * 1024, { 28 * 1024 } },
  { "200-kib", 200 * 1024, { 200 * 1024 } },
  { "mixed", 300000, { 300, 4000, 20000, 300000 } },
};

#define N_ITEMS 1000

static const gsize item_sizes[] = { 50, 300, 3000, 5000, 33000, 200000, 100, 9000, 400000 };

static gpointer
put_run (gpointer data)
{
  AioprocQueue *queue = data;

  for (guint i = 0; i < N_ITEMS; i++)
    queue_test_put_bytes (queue, item_sizes[i % G_N_ELEMENTS (item_sizes)], i);

  return NULL;
}

static gpointer
get_run (gpointer data)
{
  AioprocQueue *queue = data;

  /* Else there may never be anything to give back: where each put lets a get run before the next.
   */
  while (aioproc_queue_get_size (queue) < N_ITEMS / 2)
    g_thread_yield ();

  for (guint i = 0; i < N_ITEMS; i++)
    queue_test_get_bytes (queue, item_sizes[i % G_N_ELEMENTS (item_sizes)], i);

  return NULL;
}

static void
test_queue_trim_busy (void)
{
  Trimmed self;
  g_autoptr(AioprocQueueLease) lease = NULL;
  g_autoptr(GBytes) expected = queue_test_make_bytes (500000, 78);
  g_autoptr(GBytes) held = NULL;
  g_autoptr(GError) error = NULL;
  GThread *threads[2];
  guint n_trims = 0;

  g_test_summary ("Puts and gets at the same time find what they are about");

  trimmed_open (&self);
  queue_test_put_bytes (self.queue, 500000, 77);
  lease = aioproc_queue_get_leased (self.queue, -1, NULL, &error);
  g_assert_no_error (error);
  queue_test_put_bytes (self.queue, 500000, 78);
  held = aioproc_queue_get_bytes (self.queue, -1, NULL, &error);
  g_assert_no_error (error);

  /* Until there was something to give back while they were at it. */
  for (guint64 n_items = 2 + N_ITEMS; n_trims == 0; n_items += N_ITEMS)
    {
      threads[0] = g_thread_new ("put", put_run, self.queue);
      threads[1] = g_thread_new ("get", get_run, self.queue);

      while (atomic_load (&self.slots.header->next_sequence) < n_items ||
             !aioproc_queue_is_empty (self.queue))
        {
          queue_test_trim (&self.slots);
          n_trims += queue_test_count_cold (self.queue) > 0;
        }

      g_thread_join (threads[0]);
      g_thread_join (threads[1]);
      aioproc_test_arm_watchdog (60);
    }

  g_test_message ("%u rounds gave memory back", n_trims);

  /* These stayed in the queue’s memory all the time. */
  g_assert_true (g_bytes_equal (held, expected));
  g_assert_true (aioproc_queue_lease_nack (lease, &error));
  queue_test_get_bytes (self.queue, 500000, 77);
  trimmed_close (&self);
}

/* --- Damage --- */

/* Memory that is free, of both kinds, and an item of each. */
static void
trimmed_open_to_damage (Trimmed *self)
{
  trimmed_open (self);

  for (guint i = 0; i < 10; i++)
    {
      queue_test_put_bytes (self->queue, i == 0 ? 1200000 : 5000, i);
      queue_test_get_bytes (self->queue, i == 0 ? 1200000 : 5000, i);
    }

  queue_test_put_bytes (self->queue, 300, 1);
  queue_test_put_bytes (self->queue, 70000, 2);
}

/* Whatever is in the memory, all of it returns. */
static void
trimmed_use_damaged (Trimmed *self)
{
  static const gsize sizes[] = { 300, 5000, 70000, 1200000 };

  for (guint round = 0; round < 2; round++)
    {
      queue_test_trim (&self->slots);

      for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
        {
          g_autoptr(GBytes) bytes = queue_test_make_bytes (sizes[i], i);
          g_autoptr(GBytes) got = NULL;
          g_autoptr(GError) error = NULL;

          if (!aioproc_queue_try_put_bytes (self->queue, bytes, &error))
            g_assert_nonnull (error);

          g_clear_error (&error);
          got = aioproc_queue_try_get_bytes (self->queue, &error);
          g_assert_true ((got == NULL) == (error != NULL));
        }
    }
}

static void
test_queue_trim_damaged (void)
{
  static const guint32 values[] = {
    1, 0x7fffffff, 0x80000000, 0xffffffff, 0x30000000, 0xc0000000, 0x8f00, 0xb100,
  };

  g_test_summary ("No word of what memory is given back by makes a process crash or hang");

  /* The count of the slots is checked elsewhere. */
  for (gsize offset = G_STRUCT_OFFSET (AioprocQueueHeader, n_allocated);
       offset < sizeof (AioprocQueueHeader); offset += 4)
    {
      aioproc_test_arm_watchdog (60);

      for (guint i = 0; i < G_N_ELEMENTS (values); i++)
        {
          Trimmed self;

          trimmed_open_to_damage (&self);
          memcpy ((guint8 *) self.slots.header + offset, &values[i], sizeof (values[i]));
          trimmed_use_damaged (&self);
          trimmed_close (&self);
        }
    }

  for (guint slot = 0; slot < 4; slot++)
    {
      aioproc_test_arm_watchdog (60);

      for (gsize offset = 0; offset < G_STRUCT_OFFSET (AioprocQueueSlot, payload); offset += 4)
        {
          for (guint i = 0; i < G_N_ELEMENTS (values); i++)
            {
              Trimmed self;

              trimmed_open_to_damage (&self);
              memcpy ((guint8 *) queue_test_get_slot (self.queue, slot) + offset, &values[i],
                      sizeof (values[i]));
              trimmed_use_damaged (&self);
              trimmed_close (&self);
            }
        }
    }
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  /* Some by themselves, which takes seconds, … */
  aioproc_test_add_data_func ("/aioproc/queue/trim/backlog/small", &bursts[0],
                              test_queue_trim_backlog);
  aioproc_test_add_data_func ("/aioproc/queue/trim/backlog/mixed",
                              &bursts[G_N_ELEMENTS (bursts) - 1], test_queue_trim_backlog);

  /* … and all at once. */
  for (guint i = 0; i < G_N_ELEMENTS (bursts); i++)
    {
      g_autofree char *path = g_strdup_printf ("/aioproc/queue/trim/content/%s", bursts[i].name);

      aioproc_test_add_data_func (path, &bursts[i], test_queue_trim_content);
    }

  aioproc_test_add_func ("/aioproc/queue/trim/busy", test_queue_trim_busy);
  aioproc_test_add_func ("/aioproc/queue/trim/damaged", test_queue_trim_damaged);

  return g_test_run ();
}
