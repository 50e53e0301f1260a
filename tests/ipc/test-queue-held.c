/* test-queue-held.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Bytes that were got and are not copied: they lie in the memory of the queue. */

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/core-test.h"
#include "ipc/aioproc-queue-grow-private.h"
#include "ipc/aioproc-queue-local-private.h"
#include "platform/platform-test.h"
#include "queue-test.h"

#define SIZE 5000

static GBytes *
get (AioprocQueue *queue)
{
  g_autoptr(GError) error = NULL;
  GBytes *bytes = aioproc_queue_get_bytes (queue, -1, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (bytes);

  return bytes;
}

static void
assert_content (GBytes *bytes,
                guint   seed)
{
  g_autoptr(GBytes) expected = queue_test_make_bytes (g_bytes_get_size (bytes), seed);

  g_assert_true (g_bytes_equal (bytes, expected));
}

static gboolean
is_in_place (AioprocQueue  *queue,
             gconstpointer  data)
{
  AioprocShm *shm = queue_test_get_shm (queue);
  const guint8 *base = aioproc_shm_get_base (shm);

  return (const guint8 *) data >= base &&
         (const guint8 *) data < base + aioproc_shm_get_mapped_size (shm);
}

static gboolean
are_in_place (AioprocQueue *queue,
              GBytes       *bytes)
{
  return is_in_place (queue, g_bytes_get_data (bytes, NULL));
}

/* Slots that are HELD, by whomever. */
static guint
count_held (AioprocQueue *queue)
{
  guint32 n_slots = atomic_load (&queue_test_get_header (queue)->n_slots);
  guint n_held = 0;

  for (guint32 i = 0; i < n_slots; i++)
    {
      guint32 state = atomic_load (&queue_test_get_slot (queue, i)->state);

      n_held += (state & AIOPROC_QUEUE_STATE_MASK) == AIOPROC_QUEUE_FREE &&
                state != AIOPROC_QUEUE_FREE;
    }

  return n_held;
}

/* As though nobody had used the queue for a while. */
static void
make_idle (AioprocQueue *queue)
{
  atomic_store (&queue_test_get_header (queue)->empty_since,
                g_get_monotonic_time () - 2 * AIOPROC_QUEUE_IDLE_USEC);
}

/* What this process is said to have of the queue. */
static gsize
get_n_held (AioprocQueue *queue)
{
  LocalQueue *local = queue->impl;

  return atomic_load (&local->slots.n_held);
}

/* How many mappings of queues this process has. */
static guint
count_mappings (void)
{
  g_autofree char *maps = NULL;
  g_autoptr(GError) error = NULL;
  guint n = 0;

  g_file_get_contents ("/proc/self/maps", &maps, NULL, &error);
  g_assert_no_error (error);

  for (const char *at = maps; (at = strstr (at, "memfd:queue")) != NULL; at++)
    n++;

  return n;
}

/* --- What is held --- */

static void
test_queue_held_content (void)
{
  static const gsize sizes[] = { 4097, 10, 40000, 65536, 1000, 300000, 20000 };
  AioprocQueue *queue = queue_test_new (2);
  g_autoptr(GPtrArray) kept = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  g_test_summary ("What was got stays what it is while the queue is used, and takes no room");

  for (guint i = 0; i < 200; i++)
    {
      gsize size = sizes[i % G_N_ELEMENTS (sizes)];
      GBytes *bytes;

      queue_test_put_bytes (queue, size, i);
      bytes = get (queue);
      g_assert_cmpuint (g_bytes_get_size (bytes), ==, size);
      g_assert_true (are_in_place (queue, bytes) == (size > AIOPROC_QUEUE_COPY_MAX));
      g_ptr_array_add (kept, bytes);

      g_assert_true (aioproc_queue_is_empty (queue));
      g_assert_cmpuint (aioproc_queue_get_n_bytes (queue), ==, 0);
      g_assert_cmpuint (atomic_load (&queue_test_get_header (queue)->n_used), ==, 0);

      /* What is let go is used again, what is kept is not. */
      if (i % 3 == 0)
        g_clear_pointer (&g_ptr_array_index (kept, i), g_bytes_unref);
    }

  for (guint i = 0; i < kept->len; i++)
    {
      if (g_ptr_array_index (kept, i) != NULL)
        assert_content (g_ptr_array_index (kept, i), i);
    }

  g_assert_cmpuint (count_held (queue), >, 0);
  g_ptr_array_set_size (kept, 0);
  g_assert_cmpuint (count_held (queue), ==, 0);
  g_assert_cmpuint (atomic_load (&queue_test_get_header (queue)->busy_first), ==, 0);
  g_assert_finalize_object (queue);
}

static void
test_queue_held_forms (void)
{
  AioprocQueue *queue = queue_test_new (0);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GPtrArray) many = NULL;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(AioprocQueueLease) lease = NULL;
  g_autoptr(GBytes) tried = NULL;
  g_autoptr(GBytes) got = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("All that gets bytes copies no large ones; values and leases are copies");

  for (guint i = 0; i < 7; i++)
    queue_test_put_bytes (queue, 100000, i);

  tried = aioproc_queue_try_get_bytes (queue, &error);
  g_assert_no_error (error);
  assert_content (tried, 0);
  g_assert_true (are_in_place (queue, tried));

  /* It is over when this returns: there is nothing to do for another thread. */
  aioproc_queue_get_bytes_async (queue, -1, NULL, aioproc_test_store_result, &result);
  g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 5);
  g_assert_cmpuint (count_held (queue), ==, 2);
  aioproc_test_wait (&result);
  got = aioproc_queue_get_bytes_finish (queue, result, &error);
  g_assert_no_error (error);
  assert_content (got, 1);
  g_assert_true (are_in_place (queue, got));

  many = aioproc_queue_try_get_many_bytes (queue, 2, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (many->len, ==, 2);

  for (guint i = 0; i < many->len; i++)
    {
      assert_content (g_ptr_array_index (many, i), 2 + i);
      g_assert_true (are_in_place (queue, g_ptr_array_index (many, i)));
    }

  g_assert_cmpuint (count_held (queue), ==, 4);

  value = aioproc_queue_try_get (queue, &error);
  g_assert_no_error (error);
  g_assert_false (is_in_place (queue, g_variant_get_data (value)));
  lease = aioproc_queue_try_get_leased (queue, &error);
  g_assert_no_error (error);
  g_assert_false (are_in_place (queue, aioproc_queue_lease_get_bytes (lease)));
  assert_content (aioproc_queue_lease_get_bytes (lease), 5);

  /* What comes back can be got so. */
  g_clear_object (&lease);
  g_clear_pointer (&got, g_bytes_unref);
  got = get (queue);
  assert_content (got, 5);
  g_assert_true (are_in_place (queue, got));
  g_assert_cmpuint (count_held (queue), ==, 4);

  g_clear_pointer (&got, g_bytes_unref);
  g_clear_pointer (&tried, g_bytes_unref);
  g_clear_pointer (&many, g_ptr_array_unref);
  g_clear_object (&result);
  g_assert_cmpuint (count_held (queue), ==, 0);
  g_assert_finalize_object (queue);
}

static void
test_queue_held_joinable (void)
{
  g_autoptr(GError) error = NULL;
  AioprocJoinableQueue *tasks = aioproc_joinable_queue_new (0, &error);
  AioprocQueue *queue = AIOPROC_QUEUE (tasks);
  g_autoptr(GBytes) bytes = NULL;

  g_test_summary ("What is got from a joinable queue is a copy, since it may come back");

  g_assert_no_error (error);
  queue_test_put_bytes (queue, SIZE, 1);
  bytes = get (queue);
  g_assert_false (are_in_place (queue, bytes));
  g_assert_false (aioproc_joinable_queue_try_join (tasks, NULL));
  g_assert_true (aioproc_joinable_queue_task_done (tasks, &error));
  g_assert_true (aioproc_joinable_queue_try_join (tasks, &error));
  g_assert_no_error (error);
  assert_content (bytes, 1);
  g_assert_finalize_object (tasks);
}

static void
test_queue_held_many (void)
{
  AioprocQueue *queue = queue_test_new (0);
  g_autoptr(GPtrArray) kept = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  const guint max = AIOPROC_QUEUE_HELD_MAX / AIOPROC_QUEUE_HELD_MIN;

  g_test_summary ("A process that keeps much gets copies of the rest");

  for (guint i = 0; i < max + 2; i++)
    {
      GBytes *bytes;

      queue_test_put_bytes (queue, SIZE, i);
      bytes = get (queue);
      assert_content (bytes, i);
      g_assert_true (are_in_place (queue, bytes) == (i < max));
      g_ptr_array_add (kept, bytes);
    }

  /* Copies are nothing that it has of the queue. */
  g_ptr_array_remove_index (kept, kept->len - 1);
  queue_test_put_bytes (queue, SIZE, 1);
  g_ptr_array_add (kept, get (queue));
  g_assert_false (are_in_place (queue, g_ptr_array_index (kept, kept->len - 1)));

  g_ptr_array_remove_index (kept, 0);
  queue_test_put_bytes (queue, SIZE, 2);
  g_ptr_array_add (kept, get (queue));
  g_assert_true (are_in_place (queue, g_ptr_array_index (kept, kept->len - 1)));

  g_ptr_array_set_size (kept, 0);
  g_assert_cmpuint (count_held (queue), ==, 0);
  g_assert_finalize_object (queue);
}

/* --- The end --- */

static gpointer
unref_run (gpointer data)
{
  g_bytes_unref (data);

  return NULL;
}

static void
test_queue_held_thread (void)
{
  AioprocQueue *queue = queue_test_new (0);
  AioprocQueueHeader *header = queue_test_get_header (queue);

  g_test_summary ("Any thread may let bytes go, while others use the queue");

  for (guint round = 0; round < 200; round++)
    {
      GThread *threads[4];

      for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
        {
          queue_test_put_bytes (queue, SIZE, i);
          threads[i] = g_thread_new ("unref", unref_run, get (queue));
        }

      for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
        g_thread_join (threads[i]);
    }

  g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 0);
  g_assert_cmpuint (count_held (queue), ==, 0);
  g_assert_cmpuint (atomic_load (&header->busy_first), ==, 0);
  /* All of them had the memory of a few. */
  g_assert_cmpuint (queue_test_get_n_allocated (queue), <, 1024 * 1024);
  g_assert_finalize_object (queue);
}

static void
test_queue_held_finalized (void)
{
  guint n_mappings = count_mappings ();
  AioprocQueue *queue = queue_test_new (0);
  g_autoptr(GBytes) small = NULL;
  g_autoptr(GBytes) large = NULL;

  g_test_summary ("Bytes outlive the queue, whose memory goes with the last of them");

  g_assert_cmpuint (count_mappings (), ==, n_mappings + 1);
  queue_test_put_bytes (queue, SIZE, 1);
  queue_test_put_bytes (queue, 1000000, 2);
  small = get (queue);
  large = get (queue);
  g_assert_finalize_object (queue);
  g_assert_cmpuint (count_mappings (), ==, n_mappings + 1);

  assert_content (small, 1);
  g_clear_pointer (&small, g_bytes_unref);
  g_assert_cmpuint (count_mappings (), ==, n_mappings + 1);
  assert_content (large, 2);
  g_clear_pointer (&large, g_bytes_unref);
  g_assert_cmpuint (count_mappings (), ==, n_mappings);
}

static void
test_queue_held_locked (void)
{
  AioprocQueue *queue = queue_test_new (0);
  AioprocQueueHeader *header = queue_test_get_header (queue);
  AioprocFamily *family = aioproc_shm_get_family (queue_test_get_shm (queue));
  g_autoptr(GBytes) first = NULL;
  g_autoptr(GBytes) second = NULL;

  g_test_summary ("Bytes are let go while another one has the lock of the queue");

  queue_test_put_bytes (queue, SIZE, 1);
  queue_test_put_bytes (queue, SIZE, 2);
  first = get (queue);
  second = get (queue);
  queue_test_put_bytes (queue, SIZE, 3);

  while (aioproc_lock_word_try (&header->lock, family) == AIOPROC_LOCK_BUSY)
    g_thread_yield ();

  g_clear_pointer (&first, g_bytes_unref);
  g_assert_cmpuint (count_held (queue), ==, 1);
  g_assert_true (aioproc_lock_word_release (&header->lock, family));

  /* The next one catches up. */
  queue_test_put_bytes (queue, 10, 4);
  g_assert_cmpuint (atomic_load (&header->stale), ==, 0);
  g_assert_cmpuint (atomic_load (&queue_test_get_slot (queue, atomic_load (&header->busy_first) -
                                                              1)->next), ==, 0);
  g_assert_cmpuint (atomic_load (&header->n_used), ==, 2);
  g_assert_cmpuint (aioproc_queue_get_n_bytes (queue), ==, SIZE + 10);
  assert_content (second, 2);
  g_clear_pointer (&second, g_bytes_unref);
  g_assert_cmpuint (atomic_load (&header->busy_first), ==, 0);
  g_assert_finalize_object (queue);
}

static void
test_queue_held_closed (void)
{
  AioprocQueue *queue = queue_test_new (0);
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A closed queue does not wait for bytes, which stay; then its memory goes");

  queue_test_put_bytes (queue, 4000000, 1);
  queue_test_put_bytes (queue, 4000000, 2);
  bytes = get (queue);
  g_assert_true (aioproc_queue_close (queue, TRUE, &error));
  g_assert_no_error (error);
  g_assert_null (aioproc_queue_get_bytes (queue, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);

  aioproc_queue_slots_trim (&((LocalQueue *) queue->impl)->slots);
  assert_content (bytes, 1);
  g_assert_cmpuint (queue_test_get_n_allocated (queue), >=, 4000000);
  g_clear_pointer (&bytes, g_bytes_unref);

  while (queue_test_get_n_allocated (queue) > AIOPROC_QUEUE_IDLE_KEEP)
    g_thread_yield ();

  g_object_unref (queue);
}

static void
test_queue_held_idle (void)
{
  AioprocQueue *queue = queue_test_new (0);
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("The memory of an empty queue is not given back as long as bytes lie in it");

  /* In a slot that is not there in a queue without items. */
  for (guint i = 0; i < AIOPROC_QUEUE_BIRTH_SLOTS; i++)
    queue_test_put_bytes (queue, 10, i);

  queue_test_put_bytes (queue, 4000000, 1);

  for (guint i = 0; i < AIOPROC_QUEUE_BIRTH_SLOTS; i++)
    g_bytes_unref (get (queue));

  bytes = get (queue);
  make_idle (queue);
  aioproc_queue_slots_trim (&((LocalQueue *) queue->impl)->slots);
  g_assert_null (aioproc_queue_get_bytes (queue, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  assert_content (bytes, 1);
  g_assert_cmpuint (queue_test_get_n_allocated (queue), >=, 4000000);

  /* Nobody gets anything, who could see to it. */
  make_idle (queue);
  g_clear_pointer (&bytes, g_bytes_unref);

  while (queue_test_get_n_allocated (queue) > AIOPROC_QUEUE_IDLE_KEEP)
    g_thread_yield ();

  queue_test_put_bytes (queue, SIZE, 2);
  bytes = get (queue);
  assert_content (bytes, 2);
  g_clear_pointer (&bytes, g_bytes_unref);
  g_object_unref (queue);
}

/* What is not ours any more by what a peer wrote is left alone. */
static void
test_queue_held_damaged (void)
{
  static const guint32 states[] = {
    AIOPROC_QUEUE_FREE, 1, 0x3fffffff, 0x20000401, AIOPROC_QUEUE_READY, AIOPROC_QUEUE_FAULTY,
    0x60000401, 0xe0000401, 0xffffffff,
  };

  g_test_summary ("Whatever a peer makes of a slot, its bytes are let go, and the queue goes on");

  for (guint i = 0; i < 2 * G_N_ELEMENTS (states); i++)
    {
      AioprocQueue *queue = queue_test_new (0);
      AioprocQueueHeader *header = queue_test_get_header (queue);
      g_autoptr(GBytes) bytes = NULL;
      guint32 link;

      queue_test_put_bytes (queue, SIZE, 1);
      queue_test_put_bytes (queue, SIZE, 2);
      bytes = get (queue);
      link = atomic_load (&header->busy_first);
      atomic_store (&queue_test_get_slot (queue, link - 1)->state, states[i / 2]);

      /* At once, and after a sweep. */
      if (i % 2 == 0)
        g_clear_pointer (&bytes, g_bytes_unref);

      atomic_fetch_or (&header->stale, AIOPROC_QUEUE_STALE_BUSY);
      queue_test_put_bytes (queue, SIZE, 3);
      g_clear_pointer (&bytes, g_bytes_unref);
      atomic_fetch_or (&header->stale, AIOPROC_QUEUE_STALE_ALL);

      for (guint j = 0; j < 4; j++)
        {
          GBytes *item = aioproc_queue_try_get_bytes (queue, NULL);

          queue_test_put_bytes (queue, SIZE, j);
          g_clear_pointer (&item, g_bytes_unref);
        }

      g_assert_finalize_object (queue);
    }
}

/* --- Other processes --- */

/* The child holds, and is killed. */
static int
child_holds_run (gpointer data)
{
  AioprocQueue **queues = data;
  g_autoptr(GBytes) bytes = get (queues[0]);

  assert_content (bytes, 1);
  g_assert_true (are_in_place (queues[0], bytes));
  queue_test_put_bytes (queues[1], 1, 1);

  for (;;)
    pause ();

  return 0;
}

static void
test_queue_held_killed (void)
{
  AioprocQueue *queues[2];
  pid_t pid;

  g_test_summary ("The memory of what a process had got is used again when it was killed");

#ifdef CORE_TEST_TSAN
  g_test_skip ("ThreadSanitizer is lost in a forked child that has threads");
  return;
#endif

  queues[0] = queue_test_new (0);
  queues[1] = queue_test_new (0);
  queue_test_put_bytes (queues[0], SIZE, 1);
  pid = platform_test_fork (child_holds_run, queues);
  g_bytes_unref (get (queues[1]));
  g_assert_cmpuint (count_held (queues[0]), ==, 1);
  kill (pid, SIGKILL);
  g_assert_cmpint (platform_test_wait (pid), ==, SIGKILL);

  /* Until its death was announced, and somebody has looked. */
  while (count_held (queues[0]) > 0)
    g_assert_cmpuint (aioproc_queue_get_size (queues[0]), ==, 0);

  g_assert_cmpuint (atomic_load (&queue_test_get_header (queues[0])->busy_first), ==, 0);
  g_assert_finalize_object (queues[0]);
  g_assert_finalize_object (queues[1]);
}

typedef struct {
  AioprocQueue *queue;
  AioprocQueue *there;
  AioprocQueue *back;
  GBytes       *bytes[2];
} Family;

/* The child has its parent's bytes, and bytes of its own. */
static int
child_of_holder_run (gpointer data)
{
  Family *self = data;
  g_autoptr(GBytes) own = NULL;

  g_bytes_unref (self->bytes[0]);
  g_assert_cmpuint (get_n_held (self->queue), ==, AIOPROC_QUEUE_HELD_MIN);
  own = get (self->queue);
  assert_content (own, 3);
  g_assert_true (are_in_place (self->queue, own));
  queue_test_put_bytes (self->back, 1, 1);

  /* By now the parent has let them go. */
  g_bytes_unref (get (self->there));
  assert_content (self->bytes[1], 2);
  g_clear_pointer (&self->bytes[1], g_bytes_unref);
  g_clear_pointer (&own, g_bytes_unref);

  return 0;
}

static void
test_queue_held_forked (void)
{
  Family self;
  g_autoptr(GBytes) later = NULL;
  pid_t pid;

  g_test_summary ("A forked child can read the bytes of its parent, which both let go");

#ifdef CORE_TEST_TSAN
  g_test_skip ("ThreadSanitizer is lost in a forked child that has threads");
  return;
#endif

  self.queue = queue_test_new (0);
  self.there = queue_test_new (0);
  self.back = queue_test_new (0);

  for (guint i = 1; i <= 3; i++)
    queue_test_put_bytes (self.queue, SIZE, i);

  self.bytes[0] = get (self.queue);
  self.bytes[1] = get (self.queue);
  pid = platform_test_fork (child_of_holder_run, &self);
  g_bytes_unref (get (self.back));

  /* Two of ours, and one of the child's. */
  g_assert_cmpuint (count_held (self.queue), ==, 3);
  assert_content (self.bytes[0], 1);
  assert_content (self.bytes[1], 2);
  g_bytes_unref (self.bytes[0]);
  g_bytes_unref (self.bytes[1]);
  g_assert_cmpuint (count_held (self.queue), ==, 3);
  g_assert_cmpuint (get_n_held (self.queue), ==, 2 * AIOPROC_QUEUE_HELD_MIN);

  for (guint i = 0; i < 10; i++)
    queue_test_put_bytes (self.queue, SIZE, 10 + i);

  queue_test_put_bytes (self.there, 1, 1);
  platform_test_wait_success (pid);

  /* The parent's stay; what is got after the fork is let go as ever. */
  later = get (self.queue);
  assert_content (later, 10);
  g_assert_cmpuint (count_held (self.queue), ==, 3);
  g_clear_pointer (&later, g_bytes_unref);
  g_assert_cmpuint (count_held (self.queue), ==, 2);

  g_assert_finalize_object (self.queue);
  g_assert_finalize_object (self.there);
  g_assert_finalize_object (self.back);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/queue/held/content", test_queue_held_content);
  aioproc_test_add_func ("/aioproc/queue/held/forms", test_queue_held_forms);
  aioproc_test_add_func ("/aioproc/queue/held/joinable", test_queue_held_joinable);
  aioproc_test_add_func ("/aioproc/queue/held/many", test_queue_held_many);
  aioproc_test_add_func ("/aioproc/queue/held/thread", test_queue_held_thread);
  aioproc_test_add_func ("/aioproc/queue/held/finalized", test_queue_held_finalized);
  aioproc_test_add_func ("/aioproc/queue/held/locked", test_queue_held_locked);
  aioproc_test_add_func ("/aioproc/queue/held/closed", test_queue_held_closed);
  aioproc_test_add_func ("/aioproc/queue/held/idle", test_queue_held_idle);
  aioproc_test_add_func ("/aioproc/queue/held/damaged", test_queue_held_damaged);
  aioproc_test_add_func ("/aioproc/queue/held/killed", test_queue_held_killed);
  aioproc_test_add_func ("/aioproc/queue/held/forked", test_queue_held_forked);

  return g_test_run ();
}
