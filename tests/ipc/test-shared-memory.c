/* test-shared-memory.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/aioproc-shareable-private.h"
#include "platform/aioproc-fds-private.h"
#include "platform/aioproc-memfd-private.h"

#define SIZE 10000u

/* What crosses a socket. */
typedef struct {
  guint32 kind;
  int     fds[AIOPROC_SHAREABLE_MAX_FDS];
  guint   n_fds;
} Parcel;

static AioprocSharedMemory *
new_memory (gsize size,
            gsize max_size)
{
  g_autoptr(GError) error = NULL;
  AioprocSharedMemory *memory;

  memory = g_initable_new (AIOPROC_TYPE_SHARED_MEMORY, NULL, &error,
                           "name", "test",
                           "size", (guint64) size,
                           "max-size", (guint64) max_size,
                           NULL);
  g_assert_no_error (error);

  return memory;
}

static AioprocSharedMemory *
dup_read_only (AioprocSharedMemory *memory)
{
  g_autoptr(GError) error = NULL;
  AioprocSharedMemory *reader = aioproc_shared_memory_dup_read_only (memory, &error);

  g_assert_no_error (error);

  return reader;
}

static void
export_memory (AioprocSharedMemory *memory,
               Parcel              *parcel)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_shareable_export (AIOPROC_SHAREABLE (memory), &parcel->kind, parcel->fds,
                                           &parcel->n_fds, &error));
  g_assert_no_error (error);
}

static AioprocSharedMemory *
import_memory (const Parcel *parcel)
{
  g_autoptr(GError) error = NULL;
  AioprocShareable *object;

  object = aioproc_shareable_import (parcel->kind, parcel->fds, parcel->n_fds, &error);
  g_assert_no_error (error);

  return AIOPROC_SHARED_MEMORY (object);
}

static void
assert_import_fails (const Parcel *parcel,
                     int           code,
                     const char   *part)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (aioproc_shareable_import (parcel->kind, parcel->fds, parcel->n_fds, &error));
  g_assert_error (error, G_IO_ERROR, code);
  g_assert_nonnull (strstr (error->message, part));
}

static void
assert_content (AioprocSharedMemory *memory,
                gsize                offset,
                const char          *expected)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = NULL;
  gsize length = strlen (expected);

  bytes = aioproc_shared_memory_read_bytes (memory, offset, length, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), expected, length);
}

static void
write_string (AioprocSharedMemory *memory,
              gsize                offset,
              const char          *string)
{
  g_autoptr(GBytes) bytes = g_bytes_new_static (string, strlen (string));
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_shared_memory_write_bytes (memory, offset, bytes, &error));
  g_assert_no_error (error);
}

static void
assert_zeros (AioprocSharedMemory *memory,
              gsize                from)
{
  gsize size;
  const guint8 *data = aioproc_shared_memory_map (memory, &size);

  for (gsize i = from; i < size; i++)
    g_assert_cmpuint (data[i], ==, 0);
}

/* Runs @func in a forked child, which must end as @expected_signal says; 0: by itself. */
static void
run_in_child (void                (*func) (AioprocSharedMemory *memory),
              AioprocSharedMemory  *memory,
              int                   expected_signal)
{
  const struct rlimit no_core = { 0, 0 };
  int status;
  pid_t pid = fork ();

  g_assert_cmpint (pid, >=, 0);

  if (pid == 0)
    {
      setrlimit (RLIMIT_CORE, &no_core);
      func (memory);
      _exit (0);
    }

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);

  if (expected_signal != 0)
    {
      g_assert_true (WIFSIGNALED (status));
      g_assert_cmpint (WTERMSIG (status), ==, expected_signal);
    }
  else
    {
      g_assert_true (WIFEXITED (status));
      g_assert_cmpint (WEXITSTATUS (status), ==, 0);
    }
}

/* --- Making it --- */

static void
test_new (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocSharedMemory) memory = NULL;
  guint64 size;
  guint64 max_size;
  gboolean read_only;
  gsize mapped;

  g_test_summary ("New memory has its size, and is zeroed");

  memory = aioproc_shared_memory_new (SIZE, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (aioproc_shared_memory_get_size (memory), ==, SIZE);
  g_assert_cmpuint (aioproc_shared_memory_get_max_size (memory), >=, SIZE);
  g_assert_null (aioproc_shared_memory_get_name (memory));
  g_assert_false (aioproc_shared_memory_get_read_only (memory));
  g_assert_cmpuint ((guintptr) aioproc_shared_memory_map (memory, &mapped) % 4096, ==, 0);
  g_assert_cmpuint (mapped, ==, SIZE);
  assert_zeros (memory, 0);

  g_object_get (memory,
                "size", &size,
                "max-size", &max_size,
                "read-only", &read_only,
                NULL);
  g_assert_cmpuint (size, ==, SIZE);
  g_assert_cmpuint (max_size, ==, aioproc_shared_memory_get_max_size (memory));
  g_assert_false (read_only);
}

static void
test_new_from_bytes (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocSharedMemory) memory = NULL;
  g_autoptr(AioprocSharedMemory) larger = NULL;
  g_autoptr(GBytes) bytes = g_bytes_new_static ("content", 7);

  g_test_summary ("Memory can begin with bytes, and with more room than they take");

  memory = aioproc_shared_memory_new_from_bytes (bytes, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (aioproc_shared_memory_get_size (memory), ==, 7);
  assert_content (memory, 0, "content");

  larger = g_initable_new (AIOPROC_TYPE_SHARED_MEMORY, NULL, &error,
                           "content", bytes,
                           "size", (guint64) SIZE,
                           NULL);
  g_assert_no_error (error);
  g_assert_cmpuint (aioproc_shared_memory_get_size (larger), ==, SIZE);
  assert_content (larger, 0, "content");
  assert_zeros (larger, 7);
}

static void
test_allocated (void)
{
  g_autoptr(AioprocSharedMemory) memory = new_memory (100 * SIZE, 1000 * SIZE);
  struct stat stat_buffer;
  Parcel parcel;

  g_test_summary ("All of the size is allocated, and nothing of what it may become");

  export_memory (memory, &parcel);
  g_assert_cmpint (fstat (parcel.fds[0], &stat_buffer), ==, 0);
  g_assert_cmpint (stat_buffer.st_blocks * 512, >=, 100 * SIZE);
  g_assert_cmpint (stat_buffer.st_blocks * 512, <, 200 * SIZE);
  aioproc_fds_close_all (parcel.fds, parcel.n_fds);
}

static void
test_bad_size (void)
{
  static const struct {
    guint64 size;
    guint64 max_size;
  } cases[] = {
    { 0, 0 },
    { 0, SIZE },
    { SIZE, SIZE - 1 },
    { G_MAXUINT64, 0 },
    { G_MAXINT64, 0 },
    { SIZE, G_MAXINT64 },
    { 1, G_MAXUINT64 },
  };

  g_test_summary ("A size that cannot be is an error that names it");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autofree char *number = g_strdup_printf ("%" G_GUINT64_FORMAT " bytes", cases[i].size);

      g_assert_null (g_initable_new (AIOPROC_TYPE_SHARED_MEMORY, NULL, &error,
                                     "size", cases[i].size,
                                     "max-size", cases[i].max_size,
                                     NULL));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, number));
    }
}

static void
test_uninitialized (void)
{
  g_autoptr(AioprocSharedMemory) memory = NULL;
  g_autoptr(GBytes) bytes = g_bytes_new_static ("x", 1);
  g_autoptr(GError) dup_error = NULL;
  g_autoptr(GError) read_error = NULL;
  g_autoptr(GError) write_error = NULL;
  g_autoptr(GError) resize_error = NULL;
  g_autoptr(GError) read_only_error = NULL;

  g_test_summary ("Memory that could not be made answers with errors");

  memory = aioproc_test_new_uninitialized (AIOPROC_TYPE_SHARED_MEMORY);
  g_assert_cmpuint (aioproc_shared_memory_get_size (memory), ==, 0);
  g_assert_cmpuint (aioproc_shared_memory_get_max_size (memory), ==, 0);
  g_assert_false (aioproc_shared_memory_get_read_only (memory));
  g_assert_null (aioproc_shared_memory_map (memory, NULL));
  g_assert_null (aioproc_shared_memory_dup_bytes (memory, &dup_error));
  g_assert_error (dup_error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_assert_null (aioproc_shared_memory_read_bytes (memory, 0, 0, &read_error));
  g_assert_error (read_error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_assert_false (aioproc_shared_memory_write_bytes (memory, 0, bytes, &write_error));
  g_assert_error (write_error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_assert_false (aioproc_shared_memory_resize (memory, 1, &resize_error));
  g_assert_error (resize_error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_assert_null (aioproc_shared_memory_dup_read_only (memory, &read_only_error));
  g_assert_error (read_only_error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
}

/* --- Its content --- */

static void
test_read_and_write (void)
{
  g_autoptr(AioprocSharedMemory) memory = new_memory (SIZE, 0);
  g_autoptr(GBytes) none = g_bytes_new (NULL, 0);
  g_autoptr(GBytes) overlapping = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Bytes go in at their place and come out as copies");

  write_string (memory, 0, "first");
  write_string (memory, SIZE - 4, "last");
  assert_content (memory, 0, "first");
  assert_content (memory, SIZE - 4, "last");
  assert_content (memory, SIZE, "");

  g_assert_true (aioproc_shared_memory_write_bytes (memory, SIZE, none, &error));
  g_assert_no_error (error);

  overlapping = aioproc_shared_memory_dup_bytes (memory, &error);
  g_assert_no_error (error);
  g_clear_pointer (&none, g_bytes_unref);
  none = g_bytes_new_from_bytes (overlapping, 0, 5);
  g_assert_true (aioproc_shared_memory_write_bytes (memory, 2, none, &error));
  assert_content (memory, 0, "fifirst");
}

static void
test_bad_range (void)
{
  static const struct {
    gsize offset;
    gsize length;
  } cases[] = {
    { SIZE, 1 },
    { SIZE + 1, 0 },
    { 0, SIZE + 1 },
    { SIZE - 3, 4 },
    { G_MAXSIZE, 1 },
    { 1, G_MAXSIZE },
    { (gsize) 1 << 62, 1 },
    { 1, (gsize) 1 << 62 },
  };
  /* Rounded up to a page by max-size, but not by the size. */
  g_autoptr(AioprocSharedMemory) memory = new_memory (SIZE, 2 * SIZE);

  g_test_summary ("What is not there is neither read nor written");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GError) read_error = NULL;
      g_autoptr(GError) write_error = NULL;
      g_autoptr(GBytes) bytes = NULL;

      g_assert_null (aioproc_shared_memory_read_bytes (memory, cases[i].offset, cases[i].length,
                                                       &read_error));
      g_assert_error (read_error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (read_error->message, "“test”, which has 10000"));

      if (cases[i].length > 2 * SIZE)
        continue;

      bytes = g_bytes_new_take (g_malloc0 (cases[i].length), cases[i].length);
      g_assert_false (aioproc_shared_memory_write_bytes (memory, cases[i].offset, bytes,
                                                         &write_error));
      g_assert_error (write_error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
    }
}

static void
test_dup_bytes (void)
{
  AioprocSharedMemory *memory = new_memory (SIZE, 0);
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;
  gsize length;

  g_test_summary ("Bytes without a copy see what is written, and outlive the object");

  bytes = aioproc_shared_memory_dup_bytes (memory, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_get_data (bytes, &length) == aioproc_shared_memory_map (memory, NULL));
  g_assert_cmpuint (length, ==, SIZE);
  write_string (memory, 1, "later");
  g_assert_finalize_object (memory);
  g_assert_cmpmem ((const guint8 *) g_bytes_get_data (bytes, NULL) + 1, 5, "later", 5);
}

static void
write_and_resize (AioprocSharedMemory *memory)
{
  g_assert_true (aioproc_shared_memory_resize (memory, SIZE + 3, NULL));
  write_string (memory, SIZE - 2, "child");
}

static void
test_fork (void)
{
  g_autoptr(AioprocSharedMemory) memory = new_memory (SIZE, 2 * SIZE);

  g_test_summary ("A forked child has the same memory");

  run_in_child (write_and_resize, memory, 0);
  g_assert_cmpuint (aioproc_shared_memory_get_size (memory), ==, SIZE + 3);
  assert_content (memory, SIZE - 2, "child");
}

/* --- Its size --- */

static void
test_resize (void)
{
  g_autoptr(AioprocSharedMemory) memory = new_memory (SIZE, 100 * SIZE);
  gpointer address = aioproc_shared_memory_map (memory, NULL);
  g_autoptr(GError) error = NULL;

  g_test_summary ("Memory grows where it lies, with zeros");

  write_string (memory, SIZE - 4, "last");

  for (gsize size = SIZE; size <= 100 * SIZE; size += 9 * SIZE)
    {
      g_assert_true (aioproc_shared_memory_resize (memory, size, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (aioproc_shared_memory_get_size (memory), ==, size);
      g_assert_true (aioproc_shared_memory_map (memory, NULL) == address);
      assert_zeros (memory, SIZE);
    }

  assert_content (memory, SIZE - 4, "last");
}

static void
test_bad_resize (void)
{
  g_autoptr(AioprocSharedMemory) memory = new_memory (SIZE, 2 * SIZE);
  const gsize sizes[] = { 0, SIZE - 1, 4 * SIZE, G_MAXSIZE, (gsize) 1 << 62 };

  g_test_summary ("Memory grows to no less than it has and no more than it can have");

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autofree char *number = g_strdup_printf ("to %" G_GSIZE_FORMAT " bytes", sizes[i]);

      g_assert_false (aioproc_shared_memory_resize (memory, sizes[i], &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, number));
      g_assert_cmpuint (aioproc_shared_memory_get_size (memory), ==, SIZE);
    }
}

static gpointer
resize_thread (gpointer user_data)
{
  AioprocSharedMemory *memory = user_data;

  for (gsize size = SIZE; size <= 100 * SIZE; size += 4096)
    {
      g_autoptr(GError) error = NULL;

      /* Another thread may be ahead. */
      if (!aioproc_shared_memory_resize (memory, size, &error))
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);

      g_assert_cmpuint (aioproc_shared_memory_get_size (memory), >=, size);
    }

  return NULL;
}

static void
test_resize_threads (void)
{
  g_autoptr(AioprocSharedMemory) memory = new_memory (SIZE, 101 * SIZE);
  GThread *threads[4];

  g_test_summary ("Of several who make memory larger at once the largest wins");

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("resize", resize_thread, memory);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);

  g_assert_cmpuint (aioproc_shared_memory_get_size (memory), >, 99 * SIZE);
  g_assert_cmpuint (aioproc_shared_memory_get_size (memory), <=, 100 * SIZE);
  assert_zeros (memory, 0);
}

static void
exceed_file_size (AioprocSharedMemory *memory)
{
  const struct rlimit limit = { 20 * SIZE, 20 * SIZE };
  g_autofree guint8 *zeros = g_malloc0 (30 * SIZE);
  g_autoptr(GBytes) large = g_bytes_new_static (zeros, 30 * SIZE);
  g_autoptr(GError) new_error = NULL;
  g_autoptr(GError) bytes_error = NULL;
  g_autoptr(GError) resize_error = NULL;

  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  g_assert_null (aioproc_shared_memory_new (30 * SIZE, &new_error));
  g_assert_error (new_error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_assert_null (aioproc_shared_memory_new_from_bytes (large, &bytes_error));
  g_assert_error (bytes_error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);

  /* What was there already, and its size, are as they were. */
  if (!aioproc_shared_memory_resize (memory, 90 * SIZE, &resize_error))
    {
      g_assert_error (resize_error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
      g_assert_cmpuint (aioproc_shared_memory_get_size (memory), ==, SIZE);
    }
}

static void
test_file_size_limit (void)
{
  g_autoptr(AioprocSharedMemory) memory = new_memory (SIZE, 100 * SIZE);

  g_test_summary ("A limit of the file size is an error, and no signal");

  run_in_child (exceed_file_size, memory, 0);
}

/* --- Reading only --- */

static void
test_read_only (void)
{
  g_autoptr(AioprocSharedMemory) memory = new_memory (SIZE, 2 * SIZE);
  g_autoptr(AioprocSharedMemory) reader = dup_read_only (memory);
  g_autoptr(AioprocSharedMemory) again = dup_read_only (memory);
  g_autoptr(AioprocSharedMemory) same = dup_read_only (reader);
  g_autofree char *id = aioproc_shareable_dup_id (AIOPROC_SHAREABLE (memory));
  g_autofree char *reader_id = aioproc_shareable_dup_id (AIOPROC_SHAREABLE (reader));
  g_autoptr(GBytes) bytes = g_bytes_new_static ("x", 1);
  g_autoptr(GError) write_error = NULL;
  g_autoptr(GError) resize_error = NULL;

  g_test_summary ("An object for reading sees all and changes nothing");

  g_assert_true (aioproc_shared_memory_get_read_only (reader));
  g_assert_true (again == reader);
  g_assert_true (same == reader);
  g_assert_cmpstr (id, !=, reader_id);
  g_assert_cmpstr (aioproc_shared_memory_get_name (reader), ==, "test");

  write_string (memory, 7, "seen");
  assert_content (reader, 7, "seen");

  g_assert_true (aioproc_shared_memory_resize (memory, 2 * SIZE, NULL));
  g_assert_cmpuint (aioproc_shared_memory_get_size (reader), ==, 2 * SIZE);

  g_assert_false (aioproc_shared_memory_write_bytes (reader, 0, bytes, &write_error));
  g_assert_error (write_error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_assert_nonnull (strstr (write_error->message, "“test”"));
  g_assert_false (aioproc_shared_memory_resize (reader, 2 * SIZE, &resize_error));
  g_assert_error (resize_error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
}

static void
write_through (AioprocSharedMemory *memory)
{
  struct sigaction action = { .sa_handler = SIG_DFL };

  /* Sanitizers have handlers of their own. */
  sigaction (SIGSEGV, &action, NULL);
  *(volatile guint8 *) aioproc_shared_memory_map (memory, NULL) = 1;
}

static void
test_read_only_map (void)
{
  g_autoptr(AioprocSharedMemory) memory = new_memory (SIZE, 0);
  g_autoptr(AioprocSharedMemory) reader = dup_read_only (memory);

  g_test_summary ("Who writes where only reading is allowed is ended by the kernel");

  run_in_child (write_through, reader, SIGSEGV);
  assert_zeros (memory, 0);
}

static void
test_read_only_passed (void)
{
  g_autoptr(AioprocSharedMemory) memory = new_memory (SIZE, 0);
  AioprocSharedMemory *reader = dup_read_only (memory);
  g_autoptr(AioprocSharedMemory) received = NULL;
  g_autoptr(GError) error = NULL;
  Parcel parcel;

  g_test_summary ("Who receives what is for reading can map it for nothing else");

  export_memory (reader, &parcel);
  g_assert_finalize_object (reader);
  g_assert_null (aioproc_memfd_map (parcel.fds[0], 0, 4096, TRUE, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);

  received = import_memory (&parcel);
  g_assert_true (received != memory);
  g_assert_true (aioproc_shared_memory_get_read_only (received));
  write_string (memory, 0, "seen");
  assert_content (received, 0, "seen");
  run_in_child (write_through, received, SIGSEGV);
}

/* --- Passing it on --- */

static void
test_same (void)
{
  g_autoptr(AioprocSharedMemory) memory = new_memory (SIZE, 0);
  guint n_fds = aioproc_test_count_fds ();

  g_test_summary ("Memory that comes back is the same object");

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr(AioprocSharedMemory) same = NULL;
      Parcel parcel;

      export_memory (memory, &parcel);
      same = import_memory (&parcel);
      g_assert_true (same == memory);
    }

  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
  g_assert_finalize_object (g_steal_pointer (&memory));
}

static void
test_survives (void)
{
  AioprocSharedMemory *memory = new_memory (SIZE, 2 * SIZE);
  g_autoptr(AioprocSharedMemory) received = NULL;
  Parcel parcel;

  g_test_summary ("Memory lives as long as anybody has it, with its name, sizes and content");

  write_string (memory, 3, "content");
  g_assert_true (aioproc_shared_memory_resize (memory, SIZE + 5, NULL));
  export_memory (memory, &parcel);
  g_assert_finalize_object (memory);

  received = import_memory (&parcel);
  g_assert_cmpstr (aioproc_shared_memory_get_name (received), ==, "test");
  g_assert_cmpuint (aioproc_shared_memory_get_size (received), ==, SIZE + 5);
  g_assert_cmpuint (aioproc_shared_memory_get_max_size (received), >=, 2 * SIZE);
  g_assert_false (aioproc_shared_memory_get_read_only (received));
  assert_content (received, 3, "content");
}

static void
limit_address_space (AioprocSharedMemory *memory)
{
  const struct rlimit limit = { (rlim_t) 4 << 30, (rlim_t) 4 << 30 };
  g_autoptr(GError) error = NULL;
  Parcel parcel;

  export_memory (memory, &parcel);
  g_object_unref (memory);
  g_assert_cmpint (setrlimit (RLIMIT_AS, &limit), ==, 0);
  assert_import_fails (&parcel, G_IO_ERROR_NO_SPACE, "address space");
  g_assert_null (g_initable_new (AIOPROC_TYPE_SHARED_MEMORY, NULL, &error,
                                 "size", (guint64) SIZE,
                                 "max-size", (guint64) 1 << 40,
                                 NULL));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
}

static void
test_address_space (void)
{
  AioprocSharedMemory *memory;

#ifdef HAVE_SANITIZER
  g_test_skip ("A sanitizer needs more address space than any limit");
  return;
#endif

  g_test_summary ("Who cannot map all of the memory gets an error");

  memory = new_memory (SIZE, (gsize) 1 << 40);
  run_in_child (limit_address_space, memory, 0);
  g_object_unref (memory);
}

static void
test_hostile (void)
{
  g_autoptr(GError) error = NULL;
  Parcel good;
  Parcel parcel;
  guint64 lie = G_MAXUINT64;
  g_autoptr(AioprocSharedMemory) memory = new_memory (SIZE, 0);
  g_autoptr(AioprocSharedMemory) received = NULL;
  guint8 page[4096];
  gsize size;

  g_test_summary ("Memory that a peer has damaged is refused, or stays within its bounds");

  export_memory (memory, &good);
  g_assert_cmpint (pread (good.fds[0], page, sizeof page, 0), ==, sizeof page);
  g_assert_finalize_object (g_steal_pointer (&memory));

  /* A file that can shrink. */
  parcel = good;
  parcel.fds[0] = aioproc_memfd_new ("hostile", 4 * SIZE, &error);
  g_assert_no_error (error);
  g_assert_cmpint (pwrite (parcel.fds[0], page, sizeof page, 0), ==, sizeof page);
  parcel.fds[1] = aioproc_fds_dup (good.fds[1], &error);
  g_assert_no_error (error);
  assert_import_fails (&parcel, G_IO_ERROR_INVALID_DATA, "seals");

  /* One that is shorter than what describes it. */
  parcel.fds[0] = aioproc_memfd_new ("hostile", 1000, &error);
  g_assert_no_error (error);
  g_assert_cmpint (pwrite (parcel.fds[0], page, 1000, 0), ==, 1000);
  g_assert_true (aioproc_memfd_seal (parcel.fds[0], F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
                                     &error));
  g_assert_no_error (error);
  parcel.fds[1] = aioproc_fds_dup (good.fds[1], &error);
  g_assert_no_error (error);
  assert_import_fails (&parcel, G_IO_ERROR_INVALID_DATA, "1000 bytes");

  /* A size beyond the end. */
  g_assert_cmpint (pwrite (good.fds[0], &lie, sizeof lie, AIOPROC_SHM_HEADER_SIZE), ==,
                   sizeof lie);
  received = import_memory (&good);
  g_assert_cmpuint (aioproc_shared_memory_get_size (received), ==,
                    aioproc_shared_memory_get_max_size (received));
  aioproc_shared_memory_map (received, &size);
  g_assert_cmpuint (size, ==, aioproc_shared_memory_get_max_size (received));
  assert_zeros (received, 0);
}

int
main (int    argc,
      char **argv)
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/shared-memory/new", test_new);
  aioproc_test_add_func ("/aioproc/shared-memory/new-from-bytes", test_new_from_bytes);
  aioproc_test_add_func ("/aioproc/shared-memory/allocated", test_allocated);
  aioproc_test_add_func ("/aioproc/shared-memory/bad-size", test_bad_size);
  aioproc_test_add_func ("/aioproc/shared-memory/uninitialized", test_uninitialized);
  aioproc_test_add_func ("/aioproc/shared-memory/read-and-write", test_read_and_write);
  aioproc_test_add_func ("/aioproc/shared-memory/bad-range", test_bad_range);
  aioproc_test_add_func ("/aioproc/shared-memory/dup-bytes", test_dup_bytes);
  aioproc_test_add_func ("/aioproc/shared-memory/fork", test_fork);
  aioproc_test_add_func ("/aioproc/shared-memory/resize", test_resize);
  aioproc_test_add_func ("/aioproc/shared-memory/bad-resize", test_bad_resize);
  aioproc_test_add_func ("/aioproc/shared-memory/resize-threads", test_resize_threads);
  aioproc_test_add_func ("/aioproc/shared-memory/file-size-limit", test_file_size_limit);
  aioproc_test_add_func ("/aioproc/shared-memory/read-only", test_read_only);
  aioproc_test_add_func ("/aioproc/shared-memory/read-only-map", test_read_only_map);
  aioproc_test_add_func ("/aioproc/shared-memory/read-only-passed", test_read_only_passed);
  aioproc_test_add_func ("/aioproc/shared-memory/same", test_same);
  aioproc_test_add_func ("/aioproc/shared-memory/survives", test_survives);
  aioproc_test_add_func ("/aioproc/shared-memory/address-space", test_address_space);
  aioproc_test_add_func ("/aioproc/shared-memory/hostile", test_hostile);

  return g_test_run ();
}
