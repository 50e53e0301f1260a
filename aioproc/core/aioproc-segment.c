/* aioproc-segment.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-segment-private.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include <gio/gio.h>

#include "core/aioproc-mutex-private.h"
#include "core/aioproc-thread-private.h"
#include "platform/aioproc-fds-private.h"
#include "platform/aioproc-memfd-private.h"

#define SEGMENT_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* How long one waits to be used again. */
#define IDLE_USEC G_TIME_SPAN_SECOND

/* The most of them together: this, or an eighth of the machine. */
#define MAX_IDLE ((gsize) 1 << 30)

struct _AioprocSegment {
  gatomicrefcount ref_count;

  /* Immutable after construction. */
  int             fd;           /* (owned) */
  gpointer        base;
  gsize           size;
  guint           n_forks;      /* of this process, before */

  _Atomic gboolean spoiled;

  gint64          since_usec;   /* protected by @mutex; idle since then */
};

/* Guards all below. Nothing that waits or frees is called with it held, but at a fork. */
static AioprocMutex mutex;
static GQueue idle;             /* (element-type AioprocSegment) the one that waits longest first */
static gsize idle_size;
static gboolean trimmer_runs;
static GCond idle_changed;

static _Atomic guint n_forks;

static guint
get_n_forks (void)
{
  return atomic_load (&n_forks);
}

static guint64
round_to_pages (guint64 size)
{
  guint64 page_size = (guint64) sysconf (_SC_PAGESIZE);

  return (size + page_size - 1) / page_size * page_size;
}

static void
aioproc_segment_free (AioprocSegment *self)
{
  if (self->base != NULL)
    aioproc_memfd_unmap (self->base, self->size);

  if (self->fd >= 0)
    close (self->fd);

  g_free (self);
}

static void
free_segment (gpointer data)
{
  aioproc_segment_free (data);
}

/* --- Forks --- */

/* The child has the mutex as it was, which nobody may hold then. */
static void
aioproc_segment_prepare_fork (void)
{
  aioproc_mutex_lock (&mutex);
}

/* Segments of this process are the child's, too, from now on. */
static void
aioproc_segment_forked_parent (void)
{
  atomic_fetch_add (&n_forks, 1);
  aioproc_mutex_unlock (&mutex);
}

/* It leaves its parent's idle ones alone, but for the address space: they are used again there, so
 * that it must not have them mapped.
 */
static void
aioproc_segment_forked_child (void)
{
  atomic_fetch_add (&n_forks, 1);
  aioproc_mutex_init (&mutex);
  g_cond_init (&idle_changed);
  trimmer_runs = FALSE;
  idle_size = 0;

  for (GList *link = idle.head; link != NULL; link = link->next)
    {
      AioprocSegment *segment = link->data;

      aioproc_memfd_unmap (segment->base, segment->size);
      close (segment->fd);
    }

  /* Its lists are not freed: another thread of the parent may have held the lock of malloc(). */
  g_queue_init (&idle);
}

static void
watch_forks (void)
{
  static gsize watching;

  if (g_once_init_enter (&watching))
    {
      pthread_atfork (aioproc_segment_prepare_fork, aioproc_segment_forked_parent,
                      aioproc_segment_forked_child);
      g_once_init_leave (&watching, 1);
    }
}

/* --- Idle ones --- */

gsize
aioproc_segment_get_max_idle (void)
{
  static gsize max_idle;

  if (g_once_init_enter (&max_idle))
    {
      guint64 memory = (guint64) sysconf (_SC_PHYS_PAGES) * (guint64) sysconf (_SC_PAGESIZE);

      g_once_init_leave (&max_idle, (gsize) CLAMP (memory / 8, 1, MAX_IDLE));
    }

  return max_idle;
}

gsize
aioproc_segment_get_idle (void)
{
  AIOPROC_MUTEX_AUTO_LOCK (&mutex, locker);

  return idle_size;
}

static AioprocSegment *
pop_oldest_locked (void)
{
  AioprocSegment *segment = g_queue_pop_head (&idle);

  if (segment != NULL)
    idle_size -= segment->size;

  return segment;
}

void
aioproc_segment_trim (void)
{
  GQueue freed = G_QUEUE_INIT;

  aioproc_mutex_lock (&mutex);

  for (AioprocSegment *segment; (segment = pop_oldest_locked ()) != NULL;)
    g_queue_push_tail (&freed, segment);

  g_cond_signal (&idle_changed);
  aioproc_mutex_unlock (&mutex);
  g_queue_clear_full (&freed, free_segment);
}

/* Ends with the last idle segment. */
static gpointer
trimmer_run (gpointer data)
{
  aioproc_mutex_lock (&mutex);

  while (idle.head != NULL)
    {
      AioprocSegment *oldest = g_queue_peek_head (&idle);
      gint64 end_usec = oldest->since_usec + IDLE_USEC;

      if (g_get_monotonic_time () < end_usec)
        {
          AIOPROC_TSAN_RELEASE (&mutex);
          g_cond_wait_until (&idle_changed, &mutex.mutex, end_usec);
          AIOPROC_TSAN_ACQUIRE (&mutex);
          continue;
        }

      pop_oldest_locked ();
      aioproc_mutex_unlock (&mutex);
      aioproc_segment_free (oldest);
      aioproc_mutex_lock (&mutex);
    }

  trimmer_runs = FALSE;
  aioproc_mutex_unlock (&mutex);

  return NULL;
}

static gboolean
ensure_trimmer_locked (void)
{
  if (!trimmer_runs)
    trimmer_runs = aioproc_thread_start ("aioproc-segments", trimmer_run, NULL, NULL);

  return trimmer_runs;
}

/* What nobody else has waits for the next one; FALSE: @self is still there. */
static gboolean
aioproc_segment_keep (AioprocSegment *self)
{
  GQueue freed = G_QUEUE_INIT;
  gboolean kept = FALSE;

  if (self->size < AIOPROC_SEGMENT_MIN || self->size > aioproc_segment_get_max_idle () ||
      atomic_load (&self->spoiled) || !aioproc_memfd_is_sole (self->fd))
    return FALSE;

  aioproc_mutex_lock (&mutex);

  /* No fork comes in between. */
  if (self->n_forks == get_n_forks () && ensure_trimmer_locked ())
    {
      while (idle_size > aioproc_segment_get_max_idle () - self->size)
        g_queue_push_tail (&freed, pop_oldest_locked ());

      self->since_usec = g_get_monotonic_time ();
      g_queue_push_tail (&idle, self);
      idle_size += self->size;
      kept = TRUE;
    }

  aioproc_mutex_unlock (&mutex);
  g_queue_clear_full (&freed, free_segment);

  return kept;
}

/* The one that was used last is the most likely to be in a cache. */
static AioprocSegment *
take_idle (gsize size)
{
  AIOPROC_MUTEX_AUTO_LOCK (&mutex, locker);

  for (GList *link = idle.tail; link != NULL; link = link->prev)
    {
      AioprocSegment *segment = link->data;

      if (segment->size == size && segment->n_forks == get_n_forks ())
        {
          g_queue_delete_link (&idle, link);
          idle_size -= size;
          return segment;
        }
    }

  return NULL;
}

/* --- Segments --- */

/* The description that a memfd is born with does not count for the kernel, so it is given up for
 * one that does.
 */
static void
aioproc_segment_exchange_fd (AioprocSegment *self)
{
  int fd = aioproc_memfd_reopen (self->fd, NULL);

  if (fd < 0)
    {
      aioproc_segment_spoil (self);
      return;
    }

  close (self->fd);
  self->fd = fd;
}

AioprocSegment *
aioproc_segment_new_bare (const char  *name,
                          guint64      size,
                          gboolean    *used,
                          GError     **error)
{
  g_autoptr(AioprocSegment) self = NULL;
  gsize rounded;

  if (size == 0 || size > G_MAXSSIZE / 2)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                   "Could not make shared memory of %" G_GUINT64_FORMAT " bytes", size);
      return NULL;
    }

  watch_forks ();
  rounded = round_to_pages (size);
  self = take_idle (rounded);
  *used = self != NULL;

  if (self != NULL)
    {
      g_atomic_ref_count_init (&self->ref_count);
      return g_steal_pointer (&self);
    }

  self = g_new0 (AioprocSegment, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->size = rounded;
  self->n_forks = get_n_forks ();
  self->fd = aioproc_memfd_new (name, rounded, error);

  if (self->fd < 0)
    return NULL;

  if (rounded >= AIOPROC_SEGMENT_MIN)
    aioproc_segment_exchange_fd (self);
  else
    aioproc_segment_spoil (self);

  if (!aioproc_memfd_seal (self->fd, SEGMENT_SEALS, error))
    return NULL;

  self->base = aioproc_memfd_map (self->fd, 0, rounded, TRUE, error);

  if (self->base == NULL)
    return NULL;

  return g_steal_pointer (&self);
}

AioprocSegment *
aioproc_segment_new (const char  *name,
                     guint64      size,
                     gboolean    *used,
                     GError     **error)
{
  g_autoptr(AioprocSegment) self = aioproc_segment_new_bare (name, size, used, error);

  if (self == NULL)
    return NULL;

  if (!*used && !aioproc_memfd_reserve (self->fd, 0, self->size, error))
    {
      aioproc_segment_spoil (self);
      return NULL;
    }

  return g_steal_pointer (&self);
}

AioprocSegment *
aioproc_segment_ref (AioprocSegment *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
aioproc_segment_unref (AioprocSegment *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  if (self->base == NULL || !aioproc_segment_keep (self))
    aioproc_segment_free (self);
}

gpointer
aioproc_segment_get_base (AioprocSegment *self)
{
  return self->base;
}

gsize
aioproc_segment_get_size (AioprocSegment *self)
{
  return self->size;
}

int
aioproc_segment_get_fd (AioprocSegment *self)
{
  return self->fd;
}

int
aioproc_segment_open (AioprocSegment  *self,
                      GError         **error)
{
  int fd = -1;

  if (!atomic_load (&self->spoiled))
    fd = aioproc_memfd_reopen (self->fd, NULL);

  if (fd >= 0)
    return fd;

  aioproc_segment_spoil (self);

  return aioproc_fds_dup (self->fd, error);
}

void
aioproc_segment_spoil (AioprocSegment *self)
{
  atomic_store (&self->spoiled, TRUE);
}
