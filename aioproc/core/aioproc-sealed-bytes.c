/* aioproc-sealed-bytes.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-sealed-bytes-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gio/gio.h>

#include "platform/aioproc-memfd-private.h"

/* Against SIGBUS in who reads it, and against a change after it was checked. */
#define CONTENT_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

typedef struct {
  gpointer base;
  gsize    length;
} Mapping;

static void
mapping_free (gpointer data)
{
  Mapping *mapping = data;

  aioproc_memfd_unmap (mapping->base, mapping->length);
  g_free (mapping);
}

/* write() fills the pages of a memfd in half the time that a mapping takes, which faults each. */
static gboolean
fill (int            fd,
      const guint8  *data,
      gsize          length,
      GError       **error)
{
  gsize done = 0;

  while (done < length)
    {
      gssize result = write (fd, data + done, length - done);

      if (result < 0)
        {
          int saved_errno = errno;

          if (saved_errno == EINTR)
            continue;

          g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                       "Could not write %" G_GSIZE_FORMAT " bytes to shared memory: %s",
                       length, g_strerror (saved_errno));
          return FALSE;
        }

      done += (gsize) result;
    }

  return TRUE;
}

int
aioproc_sealed_bytes_new (const void  *data,
                          gsize        length,
                          GError     **error)
{
  int fd;

  g_assert (length > 0);

  /* At its full size at once, so that the file size limit of the process is an error here, and
   * not the signal that write() would raise.
   */
  fd = aioproc_memfd_new ("aioproc-bytes", length, error);

  if (fd < 0)
    return -1;

  if (!fill (fd, data, length, error) ||
      !aioproc_memfd_seal (fd, CONTENT_SEALS | F_SEAL_SEAL, error))
    {
      close (fd);
      return -1;
    }

  return fd;
}

GBytes *
aioproc_sealed_bytes_map (int       fd,
                          guint64   length,
                          GError  **error)
{
  struct stat stat_buffer;
  Mapping *mapping;
  gpointer base;
  guint64 size;

  if (!aioproc_memfd_check (fd, CONTENT_SEALS, &size, error))
    return NULL;

  if (size != length || size == 0 || size > G_MAXSIZE)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "Sealed bytes of %" G_GUINT64_FORMAT " bytes were received where %"
                   G_GUINT64_FORMAT " were announced", size, length);
      return NULL;
    }

  /* Who sends bytes pays for them: reading a hole would allocate its pages for the reader. */
  if (fstat (fd, &stat_buffer) != 0 || (guint64) stat_buffer.st_blocks < size / 512)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "Sealed bytes of %" G_GUINT64_FORMAT " bytes were received that have holes",
                   size);
      return NULL;
    }

  base = aioproc_memfd_map (fd, 0, size, FALSE, error);

  if (base == NULL)
    return NULL;

  mapping = g_new (Mapping, 1);
  mapping->base = base;
  mapping->length = size;

  return g_bytes_new_with_free_func (base, size, mapping_free, mapping);
}
