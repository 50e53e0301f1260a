/* aioproc-robust.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "platform/aioproc-robust-private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <gio/gio.h>

/* The layout of a mapping, from low to high addresses:
 *
 *   head page | private half: nodes | shared half: words
 *
 * Only the shared half can be reached by peers. The list head has a page of its own, that a forked
 * child gets empty: the child's threads have no robust list until one of them adopts.
 */

static gsize
get_page_size (void)
{
  return (gsize) sysconf (_SC_PAGESIZE);
}

static struct robust_list_head *
get_head (const AioprocRobustMapping *mapping)
{
  return (gpointer) ((char *) mapping->base - mapping->distance - get_page_size ());
}

static struct robust_list *
get_node (const AioprocRobustMapping *mapping,
          _Atomic guint32            *word)
{
  return (gpointer) ((char *) word - mapping->distance);
}

static gboolean
set_map_error (GError **error,
               gsize    size,
               int      saved_errno)
{
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
               "Could not map %" G_GSIZE_FORMAT " bytes of shared memory with their shadow: %s",
               size, g_strerror (saved_errno));

  return FALSE;
}

gboolean
aioproc_robust_map (AioprocRobustMapping  *mapping,
                    int                    fd,
                    gsize                  size,
                    GError               **error)
{
  gsize page_size = get_page_size ();
  gsize rounded;
  gsize total;
  char *start;

  mapping->base = NULL;
  mapping->size = 0;
  mapping->distance = 0;

  if (size == 0 || size > G_MAXSIZE / 4)
    return set_map_error (error, size, size == 0 ? EINVAL : ENOMEM);

  rounded = (size + page_size - 1) / page_size * page_size;
  total = page_size + 2 * rounded;

  start = mmap (NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                -1, 0);

  if (start == MAP_FAILED)
    return set_map_error (error, size, errno);

  if (madvise (start, page_size, MADV_WIPEONFORK) != 0 ||
      mmap (start + page_size + rounded, rounded, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
            fd, 0) == MAP_FAILED)
    {
      int saved_errno = errno;

      munmap (start, total);
      return set_map_error (error, size, saved_errno);
    }

  mapping->base = start + page_size + rounded;
  mapping->size = rounded;
  mapping->distance = rounded;

  return TRUE;
}

void
aioproc_robust_unmap (AioprocRobustMapping *mapping)
{
  gsize page_size = get_page_size ();

  if (mapping->base == NULL)
    return;

  munmap ((char *) mapping->base - mapping->distance - page_size,
          page_size + 2 * mapping->size);

  mapping->base = NULL;
  mapping->size = 0;
  mapping->distance = 0;
}

gboolean
aioproc_robust_adopt (const AioprocRobustMapping  *mapping,
                      _Atomic guint32             *live,
                      _Atomic guint32             *poke,
                      GError                     **error)
{
  struct robust_list_head *head = get_head (mapping);
  struct robust_list *node = get_node (mapping, live);

  g_assert (head->list.next == NULL);
  /* The node is wider than the word, and must not reach from the private into the shared half. */
  g_assert ((guintptr) node % sizeof *node == 0);

  /* The list is complete before the kernel hears of it. While the live word does not hold this
   * thread's id, a death here leaves it alone and only wakes the sleeper on @poke.
   */
  node->next = &head->list;
  head->list.next = node;
  head->futex_offset = (long) mapping->distance;
  head->list_op_pending = get_node (mapping, poke);

  if (syscall (SYS_set_robust_list, head, sizeof *head) != 0)
    {
      int saved_errno = errno;

      head->list.next = NULL;
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not register a thread's robust list: %s", g_strerror (saved_errno));
      return FALSE;
    }

  /* Release: who reads the word (acquire) sees what was written to this process's slot before. */
  atomic_store_explicit (live, (guint32) syscall (SYS_gettid) | FUTEX_WAITERS,
                         memory_order_release);

  return TRUE;
}

gboolean
aioproc_robust_is_died (guint32 live)
{
  return (live & FUTEX_OWNER_DIED) != 0;
}

gboolean
aioproc_ofd_try_lock (int       fd,
                      guint64   offset,
                      GError  **error)
{
  struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t) offset,
                        .l_len = 1 };
  int saved_errno;

  while (fcntl (fd, F_OFD_SETLK, &lock) != 0)
    {
      saved_errno = errno;

      if (saved_errno == EINTR)
        continue;

      if (saved_errno != EAGAIN && saved_errno != EACCES)
        g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                     "Could not lock byte %" G_GUINT64_FORMAT " of shared memory: %s",
                     offset, g_strerror (saved_errno));

      return FALSE;
    }

  return TRUE;
}

void
aioproc_ofd_unlock (int     fd,
                    guint64 offset)
{
  struct flock lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = (off_t) offset,
                        .l_len = 1 };

  while (fcntl (fd, F_OFD_SETLK, &lock) != 0 && errno == EINTR)
    continue;
}

gboolean
aioproc_ofd_is_locked (int     fd,
                       guint64 offset)
{
  struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t) offset,
                        .l_len = 1 };
  int saved_errno = errno;
  int result;

  do
    result = fcntl (fd, F_OFD_GETLK, &lock);
  while (result != 0 && errno == EINTR);

  errno = saved_errno;

  /* What cannot be asked is not proven dead. */
  return result != 0 || lock.l_type != F_UNLCK;
}
