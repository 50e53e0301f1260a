/* test-queue-many.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Queues that come and go, and memory that is not what a queue needs. */

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/aioproc-shareable-private.h"
#include "core/aioproc-waiter-private.h"
#include "platform/aioproc-fds-private.h"
#include "platform/aioproc-memfd-private.h"
#include "queue-test.h"

#define N_QUEUES 1000

/* --- A thousand --- */

/* What is mapped of files in memory. */
static guint
count_mappings (void)
{
  g_autofree char *maps = NULL;
  g_auto(GStrv) lines = NULL;
  g_autoptr(GError) error = NULL;
  guint n = 0;

  g_file_get_contents ("/proc/self/maps", &maps, NULL, &error);
  g_assert_no_error (error);
  lines = g_strsplit (maps, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    n += strstr (lines[i], "/memfd:") != NULL;

  return n;
}

/* One that has been used in every way, and is dropped with items in it, and with a get that waits
 * for one at times.
 */
static void
use_and_drop (guint i)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) got = NULL;
  g_autoptr(GAsyncResult) put = NULL;
  g_autoptr(GBytes) large = queue_test_make_bytes (i % 8 == 0 ? 2000000 : 70000, i);
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;

  aioproc_queue_get_bytes_async (queue, -1, cancellable, aioproc_test_store_result, &got);
  aioproc_queue_put_bytes_async (queue, large, -1, NULL, aioproc_test_store_result, &put);
  aioproc_test_wait (&put);
  g_assert_true (aioproc_queue_put_bytes_finish (queue, put, &error));
  g_assert_no_error (error);
  aioproc_test_wait (&got);
  bytes = aioproc_queue_get_bytes_finish (queue, got, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (bytes, large));
  g_clear_object (&got);

  aioproc_queue_get_bytes_async (queue, -1, cancellable, aioproc_test_store_result, &got);

  if (i % 2 == 0)
    g_cancellable_cancel (cancellable);
  else
    g_object_run_dispose (G_OBJECT (queue));

  aioproc_test_wait (&got);
  g_assert_null (aioproc_queue_get_bytes_finish (queue, got, &error));

  if (i % 2 == 0)
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  else
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);

  g_clear_error (&error);

  if (i % 2 == 0)
    g_assert_true (aioproc_queue_put_bytes (queue, large, -1, NULL, &error));

  g_clear_object (&got);
  g_clear_object (&put);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

static void
test_queue_many (void)
{
  guint n_fds;
  guint n_mappings;

  g_test_summary ("A thousand queues leave no descriptor, no mapping and no thread");

  /* What the process has for all of them. */
  for (guint i = 0; i < 16; i++)
    use_and_drop (i);

  n_fds = aioproc_test_count_fds ();
  n_mappings = count_mappings ();

  for (guint i = 0; i < N_QUEUES; i++)
    {
      use_and_drop (i);

      if (i % 100 == 0)
        aioproc_test_arm_watchdog (60);
    }

  /* A thread of the library may be about to let go of the last ones. */
  while (aioproc_test_count_fds () > n_fds || count_mappings () > n_mappings)
    g_thread_yield ();

  /* One that waits, one that looks after memory, and one for each copy at a time. */
  g_test_message ("%u threads of the library", aioproc_waiter_count_threads ());
  g_assert_cmpuint (aioproc_waiter_count_threads (), <=, 8 + 2 * g_get_num_processors ());
}

/* --- What a peer hands over --- */

static void
assert_import_fails (int         fd,
                     const char *what)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GError) error = NULL;
  int fds[AIOPROC_SHAREABLE_MAX_FDS];
  guint32 kind;
  guint n_fds;
  guint n_fds_before;

  aioproc_shareable_export (AIOPROC_SHAREABLE (queue), &kind, fds, &n_fds, &error);
  g_assert_no_error (error);
  close (fds[0]);
  fds[0] = fd;
  n_fds_before = aioproc_test_count_fds ();

  g_assert_null (aioproc_shareable_import (kind, fds, n_fds, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);

  if (strstr (error->message, what) == NULL)
    g_error ("“%s” does not say “%s”", error->message, what);

  /* All of them were taken. */
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds_before - n_fds);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

/* A copy of the start of a queue’s memory, all that it has. */
static int
copy_queue (guint64 size,
            int     seals)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  g_autoptr(GError) error = NULL;
  int fd = aioproc_memfd_new ("hostile", size, &error);

  g_assert_no_error (error);
  g_assert_true (aioproc_memfd_write (fd, 0, aioproc_shm_get_base (queue_test_get_shm (queue)),
                                      MIN (size, AIOPROC_QUEUE_BIRTH_SIZE), &error));
  g_assert_true (aioproc_memfd_seal (fd, seals, &error));

  return fd;
}

static void
test_queue_hostile (void)
{
  const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  static const guint64 sizes[] = {
    4096, AIOPROC_QUEUE_BIRTH_SIZE, AIOPROC_QUEUE_FILE_SIZE - 4096,
    AIOPROC_QUEUE_FILE_SIZE + 4096,
  };
  int null_fd;

  g_test_summary ("Memory that a peer could shrink, or of another size, makes no queue");

  /* Whoever can shrink it can raise SIGBUS here. */
  assert_import_fails (copy_queue (AIOPROC_QUEUE_FILE_SIZE, 0), "seals");
  assert_import_fails (copy_queue (AIOPROC_QUEUE_FILE_SIZE, F_SEAL_GROW), "seals");

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    assert_import_fails (copy_queue (sizes[i], seals), "bytes");

  null_fd = open ("/dev/null", O_RDWR | O_CLOEXEC);
  g_assert_cmpint (null_fd, >=, 0);
  assert_import_fails (null_fd, "not shared memory");
}

/* --- No address space --- */

static void
test_queue_no_address_space (void)
{
  g_autoptr(AioprocQueue) queue = NULL;
  g_autoptr(AioprocQueue) other = NULL;
  g_autoptr(GBytes) small = queue_test_make_bytes (60, 1);
  g_autoptr(GBytes) large = queue_test_make_bytes (5000, 2);
  g_autoptr(GError) put_error = NULL;
  g_autoptr(GError) new_error = NULL;
  g_autoptr(GError) error = NULL;
  gboolean success;
  struct rlimit limit;
  rlim_t unlimited;

#ifdef HAVE_SANITIZER
  g_test_skip ("A sanitizer needs all of the address space");
  return;
#endif

  if (!g_test_subprocess ())
    {
      g_test_summary ("A process without address space fails, and all others go on");
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  /* Mapped in pieces, of which there is the first. */
  getrlimit (RLIMIT_AS, &limit);
  unlimited = limit.rlim_cur;
  limit.rlim_cur = (rlim_t) 1 << 30;
  g_assert_cmpint (setrlimit (RLIMIT_AS, &limit), ==, 0);
  queue = queue_test_new (0);
  g_assert_true (aioproc_queue_put_bytes (queue, small, -1, NULL, &error));

  limit.rlim_cur = 1 << 20;
  g_assert_cmpint (setrlimit (RLIMIT_AS, &limit), ==, 0);
  success = aioproc_queue_put_bytes (queue, large, 0, NULL, &put_error);
  other = aioproc_queue_new (0, &new_error);
  limit.rlim_cur = unlimited;
  g_assert_cmpint (setrlimit (RLIMIT_AS, &limit), ==, 0);

  g_assert_false (success);
  g_assert_error (put_error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_assert_nonnull (strstr (put_error->message, "queue “test”"));
  g_assert_null (other);
  g_assert_error (new_error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);

  /* It was not there, and then it is. */
  g_assert_cmpuint (aioproc_queue_get_size (queue), ==, 1);
  g_assert_cmpuint (atomic_load (&queue_test_get_header (queue)->n_used), ==, 1);
  g_assert_true (aioproc_queue_put_bytes (queue, large, 0, NULL, &error));
  g_assert_no_error (error);

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr(GBytes) bytes = aioproc_queue_get_bytes (queue, 0, NULL, &error);

      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (bytes, i == 0 ? small : large));
    }

  g_assert_finalize_object (g_steal_pointer (&queue));
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/queue/many", test_queue_many);
  aioproc_test_add_func ("/aioproc/queue/hostile", test_queue_hostile);
  aioproc_test_add_func ("/aioproc/queue/no-address-space", test_queue_no_address_space);

  return g_test_run ();
}
