/* aioproc-family.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-family-private.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <gio/gio.h>

#include "core/aioproc-mutex-private.h"
#include "core/aioproc-thread-private.h"
#include "platform/aioproc-fds-private.h"
#include "platform/aioproc-memfd-private.h"
#include "platform/aioproc-random-private.h"
#include "platform/aioproc-robust-private.h"

/* How members learn of a death.
 *
 * Each member has one immortal thread, the anchor, whose robust list names the member's live
 * word and whose list_op_pending names the family's poke word. When the member dies, by whatever
 * cause, the kernel marks the live word and wakes one sleeper on each of the two. Sleepers are
 * the other members' anchors. An anchor that wakes waits until the dead member holds its byte
 * lock no more, which is when the last of its threads can write no more, then bumps the sequence
 * word and wakes all who sleep on it: those are the waits of the whole family, which look again.
 *
 * An anchor that is killed before it has announced announces itself by its own death. An anchor
 * that is about to sleep cannot miss a death either: it sleeps on the live words it has looked
 * at, and on the count of arrivals.
 */

#define FAMILY_MAGIC   0x4d465041u /* "APFM" */
#define FAMILY_VERSION 1
#define N_SLOTS        1024

#define SLOT_MASK        0x3ffu
#define GENERATION_SHIFT 10
#define GENERATION_MASK  0x7ffffu

#define STATE_MASK            0x3u
#define LIFE_GENERATION_SHIFT 2

/* Sleeps of an anchor while a member is dying: it looks again after 50 µs at first, every 100 ms in
 * the end, since a core dump may take seconds.
 */
#define DYING_MIN_USEC 50
#define DYING_MAX_USEC (100 * G_TIME_SPAN_MILLISECOND)

/* Every sleep ends then at the latest, should a wake-up ever be lost. */
#define BACKSTOP_USEC (30 * G_TIME_SPAN_SECOND)
/* The same without futex_waitv(), where a sleep sees its own word only. */
#define BLIND_USEC (50 * G_TIME_SPAN_MILLISECOND)

typedef enum {
  SLOT_IDLE = 0,    /* never used, or its member is just attaching, and owns nothing yet */
  SLOT_ATTACHED,    /* its member lives, or dies, or has died and is not announced yet */
  SLOT_ANNOUNCED,   /* its member is gone completely, and was announced */
} SlotState;

/* In shared memory. */
typedef struct {
  _Atomic guint32 live;         /* the anchor's thread id; the kernel adds FUTEX_OWNER_DIED */
  /* Generation of the member that holds the slot, or held it last, << 2 | SlotState. It is one
   * word, so that a mark which comes late cannot hit the next member. Written by who holds the byte
   * lock, but for the step to SLOT_ANNOUNCED, which is anybody's.
   */
  _Atomic guint32 life;
  guint32         reserved[2];
} FamilySlot;

typedef struct {
  guint32         magic;
  guint32         version;
  guint32         size;
  guint32         n_slots;
  guint8          id[AIOPROC_ID_LENGTH];
  _Atomic guint32 cursor;       /* where the search for a slot goes on */
  guint32         reserved[7];
  _Atomic guint32 poke;         /* always 0 */
  guint32         poke_line[15];
  _Atomic guint32 sequence;     /* deaths announced */
  guint32         sequence_line[15];
  _Atomic guint32 arrivals;     /* members attached */
  guint32         arrivals_line[15];
  FamilySlot      slots[N_SLOTS];
} FamilyRegion;

G_STATIC_ASSERT (sizeof (FamilySlot) == 16);
G_STATIC_ASSERT (offsetof (FamilyRegion, poke) == 64);
G_STATIC_ASSERT (offsetof (FamilyRegion, sequence) == 128);
G_STATIC_ASSERT (offsetof (FamilyRegion, slots) == 256);

struct _AioprocFamily {
  /* Immutable after construction. */
  AioprocFamily        *next;
  AioprocRobustMapping  mapping;
  FamilyRegion         *region;
  guint8                id[AIOPROC_ID_LENGTH];
  int                   fd;              /* (owned) opens further descriptions */

  AioprocMutex          mutex;
  /* Protected by @mutex, and immutable while @owner is set. */
  int                   own_fd;          /* (owned) holds the byte lock */
  guint                 slot;            /* the index of the byte */
  _Atomic guint32       owner;           /* (atomic) 0: not attached */

  _Atomic guint32       anchor_state;    /* (atomic) see AnchorState; a futex */
};

typedef enum {
  ANCHOR_NONE = 0,
  ANCHOR_STARTING,
  ANCHOR_READY,
  ANCHOR_FAILED,
} AnchorState;

/* All joined families, newest first; only ever grows. (atomic) */
static _Atomic (AioprocFamily *) families;
/* Guards additions to @families, and what follows. */
static AioprocMutex families_mutex;
static AioprocFamily *default_family;
static int inherited_fd = -1;   /* of what is to be the default family; -1: none, or joined */
/* (atomic) */
static _Atomic guint n_anchors;

static FamilySlot *
get_slot (AioprocFamily *self,
          guint32        owner)
{
  return &self->region->slots[owner & SLOT_MASK];
}

static guint32
life_new (guint32   generation,
          SlotState state)
{
  return (generation & GENERATION_MASK) << LIFE_GENERATION_SHIFT | state;
}

static guint32
life_get_generation (guint32 life)
{
  return (life >> LIFE_GENERATION_SHIFT) & GENERATION_MASK;
}

static SlotState
life_get_state (guint32 life)
{
  return life & STATE_MASK;
}

static void
announce (AioprocFamily *self)
{
  /* Partner: the acquire load of the sequence word before each wait. */
  atomic_fetch_add_explicit (&self->region->sequence, 1, memory_order_seq_cst);
  aioproc_futex_wake (&self->region->sequence, G_MAXUINT);
}

/* Announces the members that are gone, and collects what there is to watch. Returns whether some
 * are dying still, so that it has to be done again soon.
 */
static gboolean
aioproc_family_look_around (AioprocFamily    *self,
                            AioprocFutexWait *waits,
                            guint             max_waits,
                            guint            *n_waits,
                            gboolean         *all_watched)
{
  gboolean dying = FALSE;

  *n_waits = 0;
  *all_watched = TRUE;

  for (guint i = 0; i < N_SLOTS; i++)
    {
      FamilySlot *slot = &self->region->slots[i];
      guint32 life = atomic_load_explicit (&slot->life, memory_order_acquire);
      guint32 live;

      if (life_get_state (life) != SLOT_ATTACHED)
        continue;

      live = atomic_load_explicit (&slot->live, memory_order_acquire);

      if (!aioproc_robust_is_died (live))
        {
          if (*n_waits < max_waits)
            waits[(*n_waits)++] = (AioprocFutexWait) { &slot->live, live };
          else
            *all_watched = FALSE;

          continue;
        }

#ifndef AIOPROC_FAULT_EARLY_ANNOUNCEMENT
      if (aioproc_ofd_is_locked (self->own_fd, i))
        {
          dying = TRUE;
          continue;
        }
#endif

      /* First the announcement, then the mark that it was made: killed between, another does it
       * again. Refused the mark, another was faster, and the slot may have its next member.
       */
      announce (self);

      if (!atomic_compare_exchange_strong_explicit (&slot->life, &life,
                                                    life_new (life_get_generation (life),
                                                              SLOT_ANNOUNCED),
                                                    memory_order_acq_rel, memory_order_relaxed))
        dying = TRUE;
    }

  return dying;
}

static gpointer
aioproc_family_anchor_main (gpointer data)
{
  AioprocFamily *self = data;
  AioprocFutexWait waits[AIOPROC_FUTEX_WAITV_MAX];
  FamilySlot *slot = &self->region->slots[self->slot];
  gint64 nap_usec = DYING_MIN_USEC;
  gboolean adopted;

  adopted = aioproc_robust_adopt (&self->mapping, &slot->live, &self->region->poke, NULL);
  atomic_store (&self->anchor_state, adopted ? ANCHOR_READY : ANCHOR_FAILED);
  aioproc_futex_wake (&self->anchor_state, G_MAXUINT);

  if (!adopted)
    return NULL;

  for (;;)
    {
      guint n_waits;
      gboolean all_watched;
      gboolean dying;
      gint64 deadline_usec;

#ifdef AIOPROC_FAULT_NO_ANNOUNCEMENT
      aioproc_futex_wait (&self->anchor_state, ANCHOR_READY, -1);
      continue;
#endif

      waits[0] = (AioprocFutexWait) { &self->region->poke, 0 };
      /* Partner: the release of a member that has attached. */
      waits[1] = (AioprocFutexWait) {
        &self->region->arrivals,
        atomic_load_explicit (&self->region->arrivals, memory_order_acquire)
      };
      dying = aioproc_family_look_around (self, waits + 2, G_N_ELEMENTS (waits) - 2, &n_waits,
                                          &all_watched);

      if (dying)
        {
          deadline_usec = g_get_monotonic_time () + nap_usec;
          nap_usec = MIN (nap_usec * 2, DYING_MAX_USEC);
        }
      else
        {
          deadline_usec = all_watched ? -1 : aioproc_family_get_backstop ();
          nap_usec = DYING_MIN_USEC;
        }

      if (aioproc_futex_has_waitv ())
        aioproc_futex_waitv (waits, n_waits + 2, deadline_usec);
      else
        aioproc_futex_wait (&self->region->poke, 0,
                            dying ? deadline_usec : aioproc_family_get_backstop ());
    }

  return NULL;
}

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
  atomic_store (&n_anchors, 0);

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

/* Whether the last member of a slot, if there was one, is gone and was announced. */
static gboolean
aioproc_family_is_vacant (AioprocFamily *self,
                          guint          index)
{
  guint32 life = atomic_load_explicit (&self->region->slots[index].life, memory_order_acquire);

  return life_get_state (life) != SLOT_ATTACHED;
}

/* Locks the byte of a vacant slot, going round, so that a generation lasts as long as it can. The
 * byte of a dead member that was not announced is left alone: while we had it, those who wait for
 * its death would think it undone, and, with us killed, would not be told.
 */
static gboolean
aioproc_family_find_slot (AioprocFamily  *self,
                          GError        **error)
{
  guint32 start = atomic_fetch_add_explicit (&self->region->cursor, 1, memory_order_relaxed);

  for (guint i = 0; i < N_SLOTS; i++)
    {
      g_autoptr(GError) local_error = NULL;
      guint candidate = (start + i) % N_SLOTS;

      if (!aioproc_family_is_vacant (self, candidate))
        continue;

      if (!aioproc_ofd_try_lock (self->own_fd, candidate, &local_error))
        {
          if (local_error == NULL)
            continue;

          g_propagate_error (error, g_steal_pointer (&local_error));
          return FALSE;
        }

      if (aioproc_family_is_vacant (self, candidate))
        {
          if (i > 0)
            atomic_store_explicit (&self->region->cursor, candidate + 1, memory_order_relaxed);

          self->slot = candidate;
          return TRUE;
        }

      /* A member came and died since the first look: see above. */
      aioproc_ofd_unlock (self->own_fd, candidate);
      announce (self);
    }

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
               "Could not join a family: it has %d living processes, which is the most", N_SLOTS);

  return FALSE;
}

static gboolean
aioproc_family_take_slot (AioprocFamily  *self,
                          GError        **error)
{
  guint n_waits;
  gboolean all_watched;

  if (aioproc_family_find_slot (self, NULL))
    return TRUE;

  /* Perhaps nobody was left to announce the dead. */
  aioproc_family_look_around (self, NULL, 0, &n_waits, &all_watched);

  return aioproc_family_find_slot (self, error);
}

static gboolean
aioproc_family_start_anchor (AioprocFamily  *self,
                             GError        **error)
{
  guint32 state = ANCHOR_STARTING;

  atomic_store (&self->anchor_state, state);

  if (!aioproc_thread_start ("aioproc-anchor", aioproc_family_anchor_main, self, error))
    return FALSE;

  while ((state = atomic_load (&self->anchor_state)) == ANCHOR_STARTING)
    aioproc_futex_wait (&self->anchor_state, ANCHOR_STARTING, -1);

  if (state == ANCHOR_FAILED)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           "Could not join a family: the kernel has no robust futexes");
      return FALSE;
    }

  atomic_fetch_add (&n_anchors, 1);

  return TRUE;
}

static void
aioproc_family_let_go_locked (AioprocFamily *self)
{
  close (self->own_fd);
  self->own_fd = -1;
}

guint32
aioproc_family_attach (AioprocFamily  *self,
                       GError        **error)
{
  g_autoptr(AioprocMutexLocker) locker = NULL;
  guint32 owner = aioproc_family_get_owner (self);
  guint32 generation;
  FamilySlot *slot;

  if (owner != 0)
    return owner;

  locker = aioproc_mutex_locker_new (&self->mutex);
  owner = aioproc_family_get_owner (self);

  if (owner != 0)
    return owner;

  self->own_fd = aioproc_memfd_reopen (self->fd, error);

  if (self->own_fd < 0)
    return 0;

  if (!aioproc_family_take_slot (self, error))
    {
      aioproc_family_let_go_locked (self);
      return 0;
    }

  /* The generation first: it ends what the slot's last member owned, and the live word, which is
   * ours from then on, does not say any more that it has died. Partner: the acquire loads in
   * aioproc_family_is_dead().
   */
  slot = &self->region->slots[self->slot];
  generation = life_get_generation (atomic_load_explicit (&slot->life, memory_order_relaxed)) + 1;
  atomic_store_explicit (&slot->life, life_new (generation, SLOT_IDLE), memory_order_release);
  atomic_store_explicit (&slot->live, 0, memory_order_release);

  if (!aioproc_family_start_anchor (self, error))
    {
      aioproc_family_let_go_locked (self);
      return 0;
    }

  atomic_store_explicit (&slot->life, life_new (generation, SLOT_ATTACHED), memory_order_release);
  atomic_fetch_add_explicit (&self->region->arrivals, 1, memory_order_release);

  /* Last, since other threads may own something the moment they see it, and be killed. Partner: the
   * acquire load in aioproc_family_is_dead().
   */
  owner = AIOPROC_OWNER_BIT | (generation & GENERATION_MASK) << GENERATION_SHIFT | self->slot;
  atomic_store_explicit (&self->owner, owner, memory_order_release);

  return owner;
}

guint32
aioproc_family_get_owner (AioprocFamily *self)
{
  return atomic_load_explicit (&self->owner, memory_order_relaxed);
}

const _Atomic guint32 *
aioproc_family_peek_owner (AioprocFamily *self)
{
  return &self->owner;
}

_Atomic guint32 *
aioproc_family_get_sequence (AioprocFamily *self)
{
  return &self->region->sequence;
}

/* Whether the life that @owner names is over, by what its slot says. */
static gboolean
aioproc_family_is_past (AioprocFamily *self,
                        guint32        owner)
{
  /* Partner: the stores in aioproc_family_attach() and aioproc_family_look_around(). */
  guint32 life = atomic_load_explicit (&get_slot (self, owner)->life, memory_order_acquire);

  return life_get_generation (life) != ((owner >> GENERATION_SHIFT) & GENERATION_MASK) ||
         life_get_state (life) == SLOT_ANNOUNCED;
}

gboolean
aioproc_family_is_dying (AioprocFamily *self,
                         guint32        owner)
{
  return aioproc_family_is_past (self, owner) ||
         aioproc_robust_is_died (atomic_load_explicit (&get_slot (self, owner)->live,
                                                       memory_order_acquire)) ||
         aioproc_family_is_past (self, owner);
}

gboolean
aioproc_family_is_dead (AioprocFamily *self,
                        guint32        owner)
{
  /* Partner: the release in aioproc_family_attach(). With it comes the descriptor. */
  guint32 self_owner = atomic_load_explicit (&self->owner, memory_order_acquire);

  if ((owner & AIOPROC_OWNER_MASK) == self_owner)
    return FALSE;

  if (!aioproc_family_is_dying (self, owner))
    return FALSE;

  /* What is announced, or has another in its slot, has been found dead before. Else its byte lock
   * goes when its last thread has lost its memory. What was not past when it was asked may have
   * become so, and its slot be another's, before the others were: so ask again.
   */
  return aioproc_family_is_past (self, owner) ||
         !aioproc_ofd_is_locked (self->own_fd, owner & SLOT_MASK) ||
         aioproc_family_is_past (self, owner);
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

guint
aioproc_family_count_threads (void)
{
  return atomic_load (&n_anchors);
}
