/* aioproc-shared-memory-content.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "ipc/aioproc-shared-memory-private.h"
#include "platform/aioproc-memfd-private.h"

static gboolean
aioproc_shared_memory_check_writable (AioprocSharedMemory  *self,
                                      GError              **error)
{
  if (!aioproc_shared_memory_check (self, error))
    return FALSE;

  if (aioproc_shm_is_read_only (self->shm))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                   "Could not write to %s: this object is for reading only",
                   aioproc_shm_describe (self->shm));
      return FALSE;
    }

  return TRUE;
}

static gboolean
aioproc_shared_memory_check_range (AioprocSharedMemory  *self,
                                   gsize                 offset,
                                   gsize                 length,
                                   GError              **error)
{
  gsize size = aioproc_shared_memory_get_size (self);

  if (offset <= size && length <= size - offset)
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "There are no %" G_GSIZE_FORMAT " bytes at %" G_GSIZE_FORMAT " of %s, which has %"
               G_GSIZE_FORMAT, length, offset, aioproc_shm_describe (self->shm), size);

  return FALSE;
}

/**
 * aioproc_shared_memory_map: (skip)
 * @self: shared memory
 * @size: (out) (optional): the bytes that are there
 *
 * Gets the address of the memory, a multiple of 4096.
 *
 * It stays the same as long as @self lives, also when the memory is resized. Where
 * [property@SharedMemory:read-only] is set, to write there ends the process.
 *
 * Returns: (transfer none) (nullable): the address; `NULL` where the memory could not be
 *   initialized
 *
 * Since: 0.1
 */
gpointer
aioproc_shared_memory_map (AioprocSharedMemory *self,
                           gsize               *size)
{
  g_return_val_if_fail (AIOPROC_IS_SHARED_MEMORY (self), NULL);

  if (size != NULL)
    *size = aioproc_shared_memory_get_size (self);

  return self->shm != NULL ? aioproc_shared_memory_get_content (self) : NULL;
}

static void
unref_shm (gpointer data)
{
  aioproc_shm_unref (data);
}

/**
 * aioproc_shared_memory_dup_bytes:
 * @self: shared memory
 * @error: return location for an error
 *
 * Gets bytes that lie in the shared memory: nothing is copied.
 *
 * They may outlive @self. Who is not sure that nobody writes to the memory any more should not
 * rely on them to stay as they are; [method@SharedMemory.read_bytes] copies.
 *
 * Fails with [error@Gio.IOErrorEnum.NOT_INITIALIZED] if @self could not be initialized.
 *
 * Returns: (transfer full): all bytes that there are
 *
 * Since: 0.1
 */
GBytes *
aioproc_shared_memory_dup_bytes (AioprocSharedMemory  *self,
                                 GError              **error)
{
  g_return_val_if_fail (AIOPROC_IS_SHARED_MEMORY (self), NULL);

  if (!aioproc_shared_memory_check (self, error))
    return NULL;

  return g_bytes_new_with_free_func (aioproc_shared_memory_get_content (self),
                                     aioproc_shared_memory_get_size (self),
                                     unref_shm, aioproc_shm_ref (self->shm));
}

/**
 * aioproc_shared_memory_read_bytes:
 * @self: shared memory
 * @offset: the first byte, counted from 0
 * @length: how many bytes
 * @error: return location for an error
 *
 * Copies bytes out of the memory.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if some of the bytes are not there
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if @self could not be initialized
 *
 * Returns: (transfer full): a copy
 *
 * Since: 0.1
 */
GBytes *
aioproc_shared_memory_read_bytes (AioprocSharedMemory  *self,
                                  gsize                 offset,
                                  gsize                 length,
                                  GError              **error)
{
  g_return_val_if_fail (AIOPROC_IS_SHARED_MEMORY (self), NULL);

  if (!aioproc_shared_memory_check (self, error) ||
      !aioproc_shared_memory_check_range (self, offset, length, error))
    return NULL;

  return g_bytes_new (aioproc_shared_memory_get_content (self) + offset, length);
}

/**
 * aioproc_shared_memory_write_bytes:
 * @self: shared memory
 * @offset: where the first byte goes, counted from 0
 * @bytes: what to write
 * @error: return location for an error
 *
 * Copies bytes into the memory, all or none of them.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if there is no room for some of the bytes
 * - [error@Gio.IOErrorEnum.PERMISSION_DENIED] if @self is for reading only
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if @self could not be initialized
 *
 * Returns: `TRUE` if the bytes are there
 *
 * Since: 0.1
 */
gboolean
aioproc_shared_memory_write_bytes (AioprocSharedMemory  *self,
                                   gsize                 offset,
                                   GBytes               *bytes,
                                   GError              **error)
{
  gconstpointer data;
  gsize length;

  g_return_val_if_fail (AIOPROC_IS_SHARED_MEMORY (self), FALSE);
  g_return_val_if_fail (bytes != NULL, FALSE);

  data = g_bytes_get_data (bytes, &length);

  if (!aioproc_shared_memory_check_writable (self, error) ||
      !aioproc_shared_memory_check_range (self, offset, length, error))
    return FALSE;

  /* They may be bytes of the same memory. */
  if (length > 0)
    memmove (aioproc_shared_memory_get_content (self) + offset, data, length);

  return TRUE;
}

/**
 * aioproc_shared_memory_resize:
 * @self: shared memory
 * @size: bytes, at least the present size
 * @error: return location for an error
 *
 * Makes the memory larger, for all processes. What is new is 0.
 *
 * When several processes do so at once, the largest size is what there is. Nothing moves.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if @size is less than the size, or more than
 *   [property@SharedMemory:max-size]
 * - [error@Gio.IOErrorEnum.NO_SPACE] if there is not enough memory; the size stays what it was
 * - [error@Gio.IOErrorEnum.PERMISSION_DENIED] if @self is for reading only
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if @self could not be initialized
 *
 * Returns: `TRUE` if there are at least @size bytes
 *
 * Since: 0.1
 */
gboolean
aioproc_shared_memory_resize (AioprocSharedMemory  *self,
                              gsize                 size,
                              GError              **error)
{
  gsize max_size;
  guint64 old;

  g_return_val_if_fail (AIOPROC_IS_SHARED_MEMORY (self), FALSE);

  if (!aioproc_shared_memory_check_writable (self, error))
    return FALSE;

  old = aioproc_shared_memory_get_size (self);
  max_size = aioproc_shared_memory_get_max_size (self);

  if (size < old || size > max_size)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "Could not resize %s to %" G_GSIZE_FORMAT " bytes: it has %" G_GUINT64_FORMAT
                   ", and can have %" G_GSIZE_FORMAT, aioproc_shm_describe (self->shm), size, old,
                   max_size);
      return FALSE;
    }

  /* Pages first: a process that is killed in between has only reserved what the next one will. */
  if (!aioproc_memfd_reserve (aioproc_shm_get_fd (self->shm), AIOPROC_MEMORY_CONTENT_OFFSET + old,
                              size - old, error))
    return FALSE;

  while (size > old &&
         !__atomic_compare_exchange_n (&aioproc_shared_memory_get_state (self)->size, &old, size,
                                       FALSE, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
    continue;

  return TRUE;
}
