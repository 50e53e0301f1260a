/* aioproc-family.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-family-private.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <gio/gio.h>

#include "core/aioproc-family-region-private.h"
#include "platform/aioproc-fds-private.h"
#include "platform/aioproc-memfd-private.h"
#include "platform/aioproc-random-private.h"

#define FAMILY_MAGIC   0x4d465041u /* "APFM" */
#define FAMILY_VERSION 1

/* Every sleep ends then at the latest, should a wake-up ever be lost. */
#define BACKSTOP_USEC (30 * G_TIME_SPAN_SECOND)
/* The same without futex_waitv(), where a sleep sees its own word only. */
#define BLIND_USEC (50 * G_TIME_SPAN_MILLISECOND)

/* All joined families, newest first; only ever grows. (atomic) */
static _Atomic (AioprocFamily *) families;
/* Guards additions to @families, and what follows. */
static AioprocMutex families_mutex;
static AioprocFamily *default_family;
static int inherited_fd = -1;   /* of what is to be the default family; -1: none, or joined */

/* No thread is amid an attach when the process forks: a description that only that thread knew of
 * would stay open in the child, and keep the parent's byte locked when the parent is dead.
 */
static void
aioproc_family_prepare_fork (void)
{
  aioproc_mutex_lock (&families_mutex);

  for (AioprocFamily *self = atomic_load (&families); self != NULL; self = self->next)
    aioproc_mutex_lock (&self->mutex);
}

static void
aioproc_family_forked_parent (void)
{
  for (AioprocFamily *self = atomic_load (&families); self != NULL; self = self->next)
    aioproc_mutex_unlock (&self->mutex);

  aioproc_mutex_unlock (&families_mutex);
}

/* The child of a fork is nobody in the family yet. Async-signal-safe. */
static void
aioproc_family_forked_child (void)
{
  aioproc_mutex_init (&families_mutex);
  aioproc_family_forget_anchors ();

  for (AioprocFamily *self = atomic_load (&families); self != NULL; self = self->next)
    {
      /* The description is the parent's: its lock must not outlive the parent in us. */
      if (self->own_fd >= 0)
        close (self->own_fd);

      self->own_fd = -1;
      aioproc_mutex_init (&self->mutex);
      atomic_store (&self->owner, 0);
      atomic_store (&self->anchor_state, ANCHOR_NONE);
    }
}

static AioprocFamily *
aioproc_family_new_for_fd (int      fd,
                           GError **error)
{
  g_autofree AioprocFamily *self = g_new0 (AioprocFamily, 1);
  static gsize fork_handler;

  if (!aioproc_robust_map (&self->mapping, fd, sizeof (FamilyRegion), error))
    return NULL;

  if (g_once_init_enter (&fork_handler))
    {
      pthread_atfork (aioproc_family_prepare_fork, aioproc_family_forked_parent,
                      aioproc_family_forked_child);
      g_once_init_leave (&fork_handler, 1);
    }

  aioproc_mutex_init (&self->mutex);
  self->region = self->mapping.base;
  self->fd = fd;
  self->own_fd = -1;

  return g_steal_pointer (&self);
}

static void
aioproc_family_publish (AioprocFamily *self,
                        const guint8  *id)
{
  memcpy (self->id, id, sizeof (self->id));
  self->next = atomic_load (&families);
  /* Partner: lookups, which read without the mutex. */
  atomic_store_explicit (&families, self, memory_order_release);
}

static AioprocFamily *
aioproc_family_create (GError **error)
{
  AioprocFamily *self;
  guint8 id[AIOPROC_ID_LENGTH];
  int fd;

  fd = aioproc_memfd_new ("aioproc-family", sizeof (FamilyRegion), error);

  if (fd < 0)
    return NULL;

  if (!aioproc_memfd_reserve (fd, 0, sizeof (FamilyRegion), error) ||
      !aioproc_memfd_seal (fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, error))
    {
      close (fd);
      return NULL;
    }

  self = aioproc_family_new_for_fd (fd, error);

  if (self == NULL)
    {
      close (fd);
      return NULL;
    }

  self->region->magic = FAMILY_MAGIC;
  self->region->version = FAMILY_VERSION;
  self->region->size = sizeof (FamilyRegion);
  self->region->n_slots = N_SLOTS;
  aioproc_random_fill (id, sizeof (id));
  memcpy (self->region->id, id, sizeof (id));
  aioproc_family_publish (self, id);

  return self;
}

AioprocFamily *
aioproc_family_lookup (const guint8 *id)
{
  /* Partner: the release in aioproc_family_publish(). */
  for (AioprocFamily *family = atomic_load_explicit (&families, memory_order_acquire);
       family != NULL;
       family = family->next)
    {
      if (memcmp (family->id, id, AIOPROC_ID_LENGTH) == 0)
        return family;
    }

  return NULL;
}

static AioprocFamily *
aioproc_family_join_locked (int      fd,
                            GError **error)
{
  AioprocFamily *self;
  AioprocFamily *known;
  guint8 id[AIOPROC_ID_LENGTH];
  guint64 size;

  if (!aioproc_memfd_check (fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, &size, error))
    {
      close (fd);
      return NULL;
    }

  if (size < sizeof (FamilyRegion))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "Could not join a family: its memory has %" G_GUINT64_FORMAT " bytes, not %"
                   G_GSIZE_FORMAT, size, sizeof (FamilyRegion));
      close (fd);
      return NULL;
    }

  self = aioproc_family_new_for_fd (fd, error);

  if (self == NULL)
    {
      close (fd);
      return NULL;
    }

  if (self->region->magic != FAMILY_MAGIC ||
      self->region->version != FAMILY_VERSION ||
      self->region->n_slots != N_SLOTS)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                           "Could not join a family: its memory is not of this version of Aioproc");
      known = NULL;
    }
  else
    {
      /* Once, so that what is looked up is what is kept: a peer may write to the original. */
      memcpy (id, self->region->id, sizeof (id));
      known = aioproc_family_lookup (id);

      if (known == NULL)
        {
          aioproc_family_publish (self, id);
          return self;
        }
    }

  aioproc_robust_unmap (&self->mapping);
  close (self->fd);
  g_free (self);

  return known;
}

AioprocFamily *
aioproc_family_join (int      fd,
                     GError **error)
{
  AIOPROC_MUTEX_AUTO_LOCK (&families_mutex, locker);

  return aioproc_family_join_locked (fd, error);
}

void
aioproc_family_inherit (int fd)
{
  AIOPROC_MUTEX_AUTO_LOCK (&families_mutex, locker);

  if (inherited_fd >= 0)
    close (inherited_fd);
  inherited_fd = fd;
  default_family = NULL;
}

AioprocFamily *
aioproc_family_get_default (GError **error)
{
  AIOPROC_MUTEX_AUTO_LOCK (&families_mutex, locker);

  if (default_family == NULL)
    {
      /* It stays open, so that a join that has failed can be tried again. */
      int fd = inherited_fd >= 0 ? aioproc_fds_dup (inherited_fd, error) : -1;

      if (fd >= 0)
        default_family = aioproc_family_join_locked (fd, error);
      else if (inherited_fd < 0)
        default_family = aioproc_family_create (error);
    }

  return default_family;
}

int
aioproc_family_open (AioprocFamily  *self,
                     GError        **error)
{
  return aioproc_memfd_reopen (self->fd, error);
}

const guint8 *
aioproc_family_get_id (AioprocFamily *self)
{
  return self->id;
}

_Atomic guint32 *
aioproc_family_get_sequence (AioprocFamily *self)
{
  return &self->region->sequence;
}

gint64
aioproc_family_get_backstop (void)
{
  /* (atomic): 0 not known yet, 1 on, 2 off, as tests want it that must see a lost wake-up. */
  static _Atomic guint32 cached;
  guint32 answer = atomic_load_explicit (&cached, memory_order_relaxed);

  if (answer == 0)
    {
      answer = g_getenv ("AIOPROC_DISABLE_BACKSTOP") != NULL ? 2 : 1;
      atomic_store_explicit (&cached, answer, memory_order_relaxed);
    }

  return answer == 2 ? -1 : g_get_monotonic_time () + BACKSTOP_USEC;
}

AioprocFutexResult
aioproc_family_sleep (AioprocFamily   *self,
                      guint32          sequence,
                      _Atomic guint32 *word,
                      guint32          expected,
                      gint64           deadline_usec)
{
  AioprocFutexWait waits[] = {
    { word, expected },
    { &self->region->sequence, sequence },
  };
  gint64 backstop_usec = aioproc_family_get_backstop ();

  if (!aioproc_futex_has_waitv ())
    {
      backstop_usec = g_get_monotonic_time () + BLIND_USEC;

      if (deadline_usec < 0 || deadline_usec > backstop_usec)
        deadline_usec = backstop_usec;

      return aioproc_futex_wait (word, expected, deadline_usec);
    }

  if (deadline_usec < 0 || (backstop_usec >= 0 && deadline_usec > backstop_usec))
    deadline_usec = backstop_usec;

  return aioproc_futex_waitv (waits, G_N_ELEMENTS (waits), deadline_usec);
}
