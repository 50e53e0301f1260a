/* aioproc-memfd.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "platform/aioproc-memfd-private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib/gstdio.h>

#include "platform/aioproc-self-private.h"

#ifndef MFD_NOEXEC_SEAL
# define MFD_NOEXEC_SEAL 0x0008U
#endif

/* From this size on, a mapping stays out of core dumps: a sparse reservation of 16 GiB makes a
 * dump take seconds.
 */
#define DONTDUMP_MIN (64 * 1024 * 1024)

/* How often it is tried to seal what is busy. */
#define MAX_SEAL_TRIES 8

typedef struct {
  sigset_t mask;
  gboolean was_pending;
} HeldSignals;

/* Growing past RLIMIT_FSIZE raises SIGXFSZ, which kills by default: hold it, and take it back if
 * it came from here. The other signals are held because fallocate() undoes all its work and fails
 * whenever one arrives, so that a profiling timer could make it fail for ever.
 */
static void
hold_signals (HeldSignals *held)
{
  sigset_t all;
  sigset_t pending;

  sigfillset (&all);
  pthread_sigmask (SIG_BLOCK, &all, &held->mask);
  sigpending (&pending);
  held->was_pending = sigismember (&pending, SIGXFSZ);
}

static void
release_signals (const HeldSignals *held,
                 int                saved_errno)
{
  if (saved_errno == EFBIG && !held->was_pending)
    {
      const struct timespec now = { 0, 0 };
      sigset_t set;

      sigemptyset (&set);
      sigaddset (&set, SIGXFSZ);

      while (sigtimedwait (&set, NULL, &now) < 0 && errno == EINTR)
        continue;
    }

  pthread_sigmask (SIG_SETMASK, &held->mask, NULL);
}

/* A file size limit is, for who asked for memory, as good as no space. */
static int
error_code_from_errno (int saved_errno)
{
  return saved_errno == EFBIG ? G_IO_ERROR_NO_SPACE : (int) g_io_error_from_errno (saved_errno);
}

/* Returns 0 or an errno. */
static int
resize (int     fd,
        guint64 size)
{
  HeldSignals held;
  int saved_errno = 0;

  if (size > G_MAXINT64)
    return EFBIG;

  hold_signals (&held);

  while (ftruncate (fd, size) != 0)
    {
      saved_errno = errno;

      if (saved_errno != EINTR)
        break;

      saved_errno = 0;
    }

  release_signals (&held, saved_errno);

  return saved_errno;
}

/* Returns 0 or an errno. */
static int
allocate (int     fd,
          int     mode,
          guint64 offset,
          guint64 length)
{
  HeldSignals held;
  int saved_errno = 0;

  if (length == 0)
    return 0;

  if (offset > G_MAXINT64 || length > G_MAXINT64 - offset)
    return EFBIG;

  hold_signals (&held);

  /* A stop and a continuation still interrupt it. */
  while (fallocate (fd, mode, offset, length) != 0)
    {
      saved_errno = errno;

      if (saved_errno != EINTR)
        break;

      saved_errno = 0;
    }

  release_signals (&held, saved_errno);

  return saved_errno;
}

int
aioproc_memfd_new (const char  *name,
                   guint64      size,
                   GError     **error)
{
  int saved_errno;
  int fd;

  fd = memfd_create (name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

  /* Kernels before 6.3 do not know the flag. */
  if (fd < 0 && errno == EINVAL)
    fd = memfd_create (name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

  fd = aioproc_self_lift_fd (fd);

  if (fd < 0)
    {
      saved_errno = errno;
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not create shared memory “%s”: %s", name, g_strerror (saved_errno));
      return -1;
    }

  saved_errno = resize (fd, size);

  if (saved_errno != 0)
    {
      close (fd);
      g_set_error (error, G_IO_ERROR, error_code_from_errno (saved_errno),
                   "Could not size shared memory “%s” to %" G_GUINT64_FORMAT " bytes: %s",
                   name, size, g_strerror (saved_errno));
      return -1;
    }

  return fd;
}

gboolean
aioproc_memfd_seal (int      fd,
                    int      seals,
                    GError **error)
{
  guint n_tries = 1;

  /* Before it seals against writing, the kernel waits for I/O into the pages, about 150 ms. It
   * cannot tell that from what it does itself with pages that were just written, for which, on a
   * machine with much to do, this may be too short.
   */
  while (fcntl (fd, F_ADD_SEALS, seals) != 0)
    {
      int saved_errno = errno;

      if (saved_errno == EBUSY && n_tries++ < MAX_SEAL_TRIES)
        continue;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not seal shared memory with 0x%x: %s",
                   (guint) seals, g_strerror (saved_errno));
      return FALSE;
    }

  return TRUE;
}

gboolean
aioproc_memfd_check (int       fd,
                     int       required_seals,
                     guint64  *size,
                     GError  **error)
{
  struct stat stat_buffer;
  struct statfs statfs_buffer;
  int saved_errno;
  int seals;

  seals = fcntl (fd, F_GET_SEALS);
  saved_errno = errno;

  /* Of a descriptor that was opened with O_PATH the kernel says that there is none. */
  if (seals < 0 && saved_errno != EINVAL &&
      !(saved_errno == EBADF && fcntl (fd, F_GETFD) >= 0))
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not look at a descriptor of shared memory: %s",
                   g_strerror (saved_errno));
      return FALSE;
    }

  if (seals < 0 || fstat (fd, &stat_buffer) != 0 || !S_ISREG (stat_buffer.st_mode) ||
      fstatfs (fd, &statfs_buffer) != 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "The descriptor received is not shared memory");
      return FALSE;
    }

  /* Huge pages cannot be mapped at any page boundary, and raise SIGBUS where none is left. */
  if ((guint32) statfs_buffer.f_type == HUGETLBFS_MAGIC)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "The shared memory received is made of huge pages");
      return FALSE;
    }

  if ((seals & required_seals) != required_seals)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "The shared memory received has seals 0x%x but needs 0x%x",
                   (guint) seals, (guint) required_seals);
      return FALSE;
    }

  *size = stat_buffer.st_size;

  return TRUE;
}

gboolean
aioproc_memfd_reserve (int       fd,
                       guint64   offset,
                       guint64   length,
                       GError  **error)
{
  int saved_errno = allocate (fd, 0, offset, length);

  if (saved_errno != 0)
    {
      g_set_error (error, G_IO_ERROR, error_code_from_errno (saved_errno),
                   "Could not allocate %" G_GUINT64_FORMAT " bytes of shared memory: %s",
                   length, g_strerror (saved_errno));
      return FALSE;
    }

  return TRUE;
}

gboolean
aioproc_memfd_write (int            fd,
                     guint64        offset,
                     gconstpointer  data,
                     gsize          length,
                     GError       **error)
{
  const guint8 *bytes = data;
  HeldSignals held;
  int saved_errno = 0;

  if (offset > G_MAXINT64 || length > G_MAXINT64 - offset)
    return FALSE;

  hold_signals (&held);

  while (length > 0)
    {
      ssize_t n = pwrite (fd, bytes, length, (off_t) offset);

      if (n > 0)
        {
          bytes += n;
          offset += n;
          length -= n;
        }
      else if (n == 0 || errno != EINTR)
        {
          saved_errno = n == 0 ? ENOSPC : errno;
          break;
        }
    }

  release_signals (&held, saved_errno);

  if (saved_errno != 0 && saved_errno != EFBIG)
    g_set_error (error, G_IO_ERROR, error_code_from_errno (saved_errno),
                 "Could not write %" G_GSIZE_FORMAT " bytes of shared memory: %s",
                 length, g_strerror (saved_errno));

  return saved_errno == 0;
}

gboolean
aioproc_memfd_punch (int       fd,
                     guint64   offset,
                     guint64   length,
                     GError  **error)
{
  int saved_errno = allocate (fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);

  if (saved_errno != 0)
    {
      g_set_error (error, G_IO_ERROR, error_code_from_errno (saved_errno),
                   "Could not give back %" G_GUINT64_FORMAT " bytes of shared memory: %s",
                   length, g_strerror (saved_errno));
      return FALSE;
    }

  return TRUE;
}

guint64
aioproc_memfd_find_hole (int     fd,
                         guint64 offset)
{
  off_t hole;

  /* The position in the file that it changes is of no use to anybody. */
  hole = offset <= G_MAXINT64 ? lseek (fd, (off_t) offset, SEEK_HOLE) : -1;

  return hole >= 0 ? (guint64) hole : offset;
}

gpointer
aioproc_memfd_map (int        fd,
                   guint64    offset,
                   gsize      length,
                   gboolean   writable,
                   GError   **error)
{
  gpointer base = MAP_FAILED;
  int saved_errno = EINVAL;

  if (offset <= G_MAXINT64)
    {
      base = mmap (NULL, length, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
                   fd, (off_t) offset);
      saved_errno = errno;
    }

  if (base == MAP_FAILED)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not map %" G_GSIZE_FORMAT " bytes of shared memory: %s",
                   length, g_strerror (saved_errno));
      return NULL;
    }

  if (length >= DONTDUMP_MIN)
    madvise (base, length, MADV_DONTDUMP);

  return base;
}

void
aioproc_memfd_unmap (gpointer base,
                     gsize    length)
{
  if (base != NULL && munmap (base, length) != 0)
    g_error ("Could not unmap %" G_GSIZE_FORMAT " bytes of shared memory: %s",
             length, g_strerror (errno));
}

static int
reopen (int      fd,
        int      flags,
        GError **error)
{
  char path[sizeof "/proc/self/fd/" + 3 * sizeof (int)];
  int new_fd;

  g_snprintf (path, sizeof path, "/proc/self/fd/%d", fd);

  do
    new_fd = open (path, flags | O_CLOEXEC);
  while (new_fd < 0 && errno == EINTR);

  new_fd = aioproc_self_lift_fd (new_fd);

  if (new_fd < 0)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not open shared memory again through “%s”: %s",
                   path, g_strerror (saved_errno));
    }

  return new_fd;
}

int
aioproc_memfd_reopen (int      fd,
                      GError **error)
{
  return reopen (fd, O_RDWR, error);
}

int
aioproc_memfd_reopen_readonly (int      fd,
                               GError **error)
{
  return reopen (fd, O_RDONLY, error);
}

gboolean
aioproc_memfd_is_sole (int fd)
{
  /* A lease for writing is granted to the only description there is. While it is held, whoever
   * opens the file makes the kernel send a signal, which would end the process by default: let it
   * be one that does nothing.
   */
  if (fcntl (fd, F_SETSIG, SIGURG) != 0 || fcntl (fd, F_SETLEASE, F_WRLCK) != 0)
    return FALSE;

  fcntl (fd, F_SETLEASE, F_UNLCK);

  return TRUE;
}
