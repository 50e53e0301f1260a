/* test-shared-memory-recycled.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/aioproc-segment-private.h"
#include "core/aioproc-shareable-private.h"

/* Shared memory whose pages another one had before. Nobody may see that. */

#define SIZE (1000u * 1000u)

/* What crosses a socket. */
typedef struct {
  guint32 kind;
  int     fds[AIOPROC_SHAREABLE_MAX_FDS];
  guint   n_fds;
} Parcel;

static AioprocSharedMemory *
new_memory (void)
{
  g_autoptr(GError) error = NULL;
  AioprocSharedMemory *memory = aioproc_shared_memory_new (SIZE, &error);

  g_assert_no_error (error);

  return memory;
}

static void
assert_all (AioprocSharedMemory *memory,
            gsize                from,
            guint8               expected)
{
  gsize size;
  const guint8 *data = aioproc_shared_memory_map (memory, &size);

  g_assert_cmpuint (size, ==, SIZE);

  for (gsize i = from; i < size; i++)
    g_assert_cmpuint (data[i], ==, expected);
}

static void
fill (AioprocSharedMemory *memory,
      guint8               byte)
{
  gsize size;
  gpointer data = aioproc_shared_memory_map (memory, &size);

  memset (data, byte, size);
}

static void
send_memory (AioprocSharedMemory *memory,
             Parcel              *parcel)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_shareable_export (AIOPROC_SHAREABLE (memory), &parcel->kind, parcel->fds,
                                           &parcel->n_fds, &error));
  g_assert_no_error (error);
}

static AioprocSharedMemory *
receive_memory (const Parcel *parcel)
{
  g_autoptr(GError) error = NULL;
  AioprocShareable *object;

  object = aioproc_shareable_import (parcel->kind, parcel->fds, parcel->n_fds, &error);
  g_assert_no_error (error);

  return AIOPROC_SHARED_MEMORY (object);
}

static void
test_content (void)
{
  g_autoptr(GBytes) bytes = g_bytes_new_static ("content", 7);

  g_test_summary ("Memory is zeroed, or has its first content, and an identity of its own");

  for (guint i = 0; i < 4; i++)
    {
      AioprocSharedMemory *memory = new_memory ();
      g_autofree char *id = aioproc_shareable_dup_id (AIOPROC_SHAREABLE (memory));
      g_autofree char *other_id = NULL;
      g_autoptr(GError) error = NULL;

      assert_all (memory, 0, 0);
      fill (memory, 7);
      g_assert_finalize_object (memory);

      memory = g_initable_new (AIOPROC_TYPE_SHARED_MEMORY, NULL, &error,
                               "content", bytes,
                               "name", "again",
                               "size", (guint64) SIZE,
                               NULL);
      g_assert_no_error (error);
      other_id = aioproc_shareable_dup_id (AIOPROC_SHAREABLE (memory));
      g_assert_cmpstr (id, !=, other_id);
      g_assert_cmpmem (aioproc_shared_memory_map (memory, NULL), 7, "content", 7);
      assert_all (memory, 7, 0);
      fill (memory, 8);
      g_assert_finalize_object (memory);

      /* That it is not this one’s content: it has no name, either. */
      memory = new_memory ();
      g_assert_null (aioproc_shared_memory_get_name (memory));
      assert_all (memory, 0, 0);
      g_assert_finalize_object (memory);
    }
}

static void
test_received (void)
{
  AioprocSharedMemory *memory = new_memory ();
  g_autoptr(AioprocSharedMemory) other = NULL;
  g_autoptr(AioprocSharedMemory) received = NULL;
  Parcel parcel;

  g_test_summary ("What is on its way, or was received, keeps its content");

  fill (memory, 7);
  send_memory (memory, &parcel);
  g_assert_finalize_object (memory);
  other = new_memory ();
  assert_all (other, 0, 0);
  fill (other, 9);

  received = receive_memory (&parcel);
  g_clear_object (&other);
  other = new_memory ();
  fill (other, 11);
  assert_all (received, 0, 7);
}

static void
test_dup_bytes (void)
{
  AioprocSharedMemory *memory = new_memory ();
  g_autoptr(AioprocSharedMemory) other = NULL;
  g_autoptr(GBytes) bytes = aioproc_shared_memory_dup_bytes (memory, NULL);
  const guint8 *data = g_bytes_get_data (bytes, NULL);

  g_test_summary ("Bytes that lie in it keep it");

  fill (memory, 7);
  g_assert_finalize_object (memory);
  other = new_memory ();
  fill (other, 9);
  g_assert_cmpuint (data[0], ==, 7);
  g_assert_cmpuint (data[SIZE - 1], ==, 7);
}

static void
test_read_only (void)
{
  AioprocSharedMemory *memory = new_memory ();
  g_autoptr(AioprocSharedMemory) reader = aioproc_shared_memory_dup_read_only (memory, NULL);
  g_autoptr(AioprocSharedMemory) other = NULL;

  g_test_summary ("Who reads it keeps it");

  fill (memory, 7);
  aioproc_segment_trim ();
  g_assert_finalize_object (memory);
  g_assert_cmpuint (aioproc_segment_get_idle (), ==, 0);
  other = new_memory ();
  fill (other, 9);
  assert_all (reader, 0, 7);
}

int
main (int    argc,
      char **argv)
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/shared-memory/recycled/content", test_content);
  aioproc_test_add_func ("/aioproc/shared-memory/recycled/received", test_received);
  aioproc_test_add_func ("/aioproc/shared-memory/recycled/dup-bytes", test_dup_bytes);
  aioproc_test_add_func ("/aioproc/shared-memory/recycled/read-only", test_read_only);

  return g_test_run ();
}
