/* queue-steps.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "queue-steps.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/aioproc-memfd-private.h"
#include "queue-test.h"
#include "queue-torture.h"

/* It is worth it to give so much back. */
#define LARGE_SIZE  (1536 * 1024)
#define LARGE_CLASS (1 + AIOPROC_QUEUE_SMALL_CLASSES + 21 - AIOPROC_QUEUE_MIN_ORDER)
#define LARGE_KEPT  (16 * 1024)

void
queue_steps_init (void)
{
  cpu_set_t set;
  int cpu = sched_getcpu ();

  /* A step switches from one process to the other and back, which is much cheaper on one
   * processor.
   */
  g_assert_cmpint (cpu, >=, 0);
  CPU_ZERO (&set);
  CPU_SET (cpu, &set);
  g_assert_cmpint (sched_setaffinity (0, sizeof (set), &set), ==, 0);

  /* A string instruction traps for each byte that it moves: let the C library do with others. */
  g_setenv ("GLIBC_TUNABLES",
            "glibc.cpu.x86_rep_movsb_threshold=1000000000:"
            "glibc.cpu.x86_rep_stosb_threshold=1000000000", TRUE);

  g_setenv ("AIOPROC_DISABLE_BACKSTOP", "1", TRUE);
}

static int
wait_for_stop (pid_t pid)
{
  int status;

  g_assert_cmpint (waitpid (pid, &status, __WALL), ==, pid);
  g_assert_true (WIFSTOPPED (status));

  return WSTOPSIG (status);
}

pid_t
queue_steps_start (AioprocQueue *queue,
                   int           log_fd,
                   const char   *what,
                   guint32       size)
{
  int socket_fd;
  pid_t pid;

  pid = queue_test_spawn (queue, log_fd, what, size, &socket_fd);
  g_assert_cmpint (ptrace (PTRACE_SEIZE, pid, NULL, NULL), ==, 0);
  queue_test_send (queue, socket_fd);
  close (socket_fd);
  g_assert_cmpint (wait_for_stop (pid), ==, SIGUSR1);

  return pid;
}

gboolean
queue_steps_step (pid_t pid)
{
  g_assert_cmpint (ptrace (PTRACE_SINGLESTEP, pid, NULL, NULL), ==, 0);

  return wait_for_stop (pid) == SIGTRAP;
}

void
queue_steps_resume (pid_t pid)
{
  g_assert_cmpint (ptrace (PTRACE_DETACH, pid, NULL, NULL), ==, 0);
}

void
queue_steps_kill (AioprocQueue *queue,
                  pid_t         pid)
{
  AioprocFamily *family = aioproc_shm_get_family (queue_test_get_shm (queue));
  _Atomic guint32 *word = aioproc_family_get_sequence (family);
  guint32 sequence = atomic_load (word);

  kill (pid, SIGKILL);
  g_assert_cmpint (queue_test_reap (pid), ==, SIGKILL);

  while (atomic_load (word) == sequence)
    g_thread_yield ();
}

guint64
queue_steps_leave_memory (AioprocQueue *queue)
{
  int fd = aioproc_shm_get_fd (queue_test_get_shm (queue));
  guint64 large_offset = 0;
  static const gsize sizes[] = { LARGE_SIZE, 5000, 5000, 5000 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr(GBytes) item = queue_test_make_bytes (sizes[i], i);

      g_assert_true (aioproc_queue_put_bytes (queue, item, -1, NULL, NULL));
    }

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr(GBytes) item = aioproc_queue_get_bytes (queue, -1, NULL, NULL);

      g_assert_nonnull (item);
    }

  for (guint i = 0; i < AIOPROC_QUEUE_BIRTH_SLOTS; i++)
    {
      AioprocQueueSlot *slot = queue_test_get_slot (queue, i);

      if (aioproc_queue_info_get_class (atomic_load (&slot->info)) == LARGE_CLASS)
        large_offset = (guint64) atomic_load (&slot->extent) * AIOPROC_QUEUE_EXTENT_UNIT;
    }

  g_assert_cmpuint (large_offset, !=, 0);
  g_assert_true (aioproc_memfd_punch (fd, large_offset + LARGE_KEPT, LARGE_SIZE - LARGE_KEPT,
                                      NULL));

  return large_offset;
}

gboolean
queue_steps_give_back (AioprocQueue *queue,
                       guint64       large_offset)
{
  AioprocShm *shm = queue_test_get_shm (queue);
  AioprocQueueSlots slots = { 0 };
  off_t start;

  g_assert_true (aioproc_queue_slots_init (&slots, shm, FALSE, 0, 0, 0, NULL));
  queue_test_trim (&slots);
  aioproc_queue_slots_clear (&slots);
  start = lseek (aioproc_shm_get_fd (shm), (off_t) large_offset, SEEK_DATA);

  return start < 0 || (guint64) start >= large_offset + LARGE_SIZE;
}

gboolean
queue_steps_has_in_memory (pid_t   pid,
                           GBytes *item)
{
  g_autofree char *maps_path = g_strdup_printf ("/proc/%d/maps", pid);
  g_autofree char *memory_path = g_strdup_printf ("/proc/%d/mem", pid);
  g_autofree char *maps = NULL;
  g_auto(GStrv) lines = NULL;
  g_autoptr(GError) error = NULL;
  gboolean found = FALSE;
  FILE *memory;

  g_file_get_contents (maps_path, &maps, NULL, &error);
  g_assert_no_error (error);
  memory = fopen (memory_path, "r");
  g_assert_nonnull (memory);
  lines = g_strsplit (maps, "\n", -1);

  for (guint i = 0; lines[i] != NULL && !found; i++)
    {
      guint64 start = g_ascii_strtoull (lines[i], NULL, 16);
      const char *end = strchr (lines[i], '-');
      g_autofree char *copy = NULL;
      gsize length;

      if (end == NULL || strstr (lines[i], " rw-p ") == NULL ||
          (strstr (lines[i], "[heap]") == NULL && strstr (lines[i], "[stack]") == NULL))
        continue;

      length = g_ascii_strtoull (end + 1, NULL, 16) - start;
      copy = g_malloc (length);
      g_assert_cmpint (fseeko (memory, start, SEEK_SET), ==, 0);
      length = fread (copy, 1, length, memory);
      found = memmem (copy, length, g_bytes_get_data (item, NULL), g_bytes_get_size (item)) != NULL;
    }

  fclose (memory);

  return found;
}

void
queue_steps_copy_file (int from,
                       int to)
{
  off_t end = 0;
  off_t start;

  while ((start = lseek (from, end, SEEK_DATA)) >= 0)
    {
      end = lseek (from, start, SEEK_HOLE);

      for (off_t offset = start; offset < end; )
        {
          guint8 buffer[65536];
          ssize_t n = pread (from, buffer, MIN (sizeof (buffer), (gsize) (end - offset)), offset);

          g_assert_cmpint (n, >, 0);
          g_assert_cmpint (pwrite (to, buffer, n, offset), ==, n);
          offset += n;
        }
    }

  g_assert_cmpint (errno, ==, ENXIO);
}
