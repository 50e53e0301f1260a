/* aioproc-family-region-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-family-private.h"
#include "core/aioproc-mutex-private.h"
#include "platform/aioproc-robust-private.h"

G_BEGIN_DECLS

/* The inside of a family, for the files that share the work: aioproc-family.c joins families,
 * aioproc-family-member.c makes this process a member and tells whether others live, and
 * aioproc-family-anchor.c learns of deaths and announces them.
 */

#define N_SLOTS        1024

#define SLOT_MASK        0x3ffu
#define GENERATION_SHIFT 10
#define GENERATION_MASK  0x7ffffu

#define STATE_MASK            0x3u
#define LIFE_GENERATION_SHIFT 2

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

static inline FamilySlot *
get_slot (AioprocFamily *self,
          guint32        owner)
{
  return &self->region->slots[owner & SLOT_MASK];
}

static inline guint32
life_new (guint32   generation,
          SlotState state)
{
  return (generation & GENERATION_MASK) << LIFE_GENERATION_SHIFT | state;
}

static inline guint32
life_get_generation (guint32 life)
{
  return (life >> LIFE_GENERATION_SHIFT) & GENERATION_MASK;
}

static inline SlotState
life_get_state (guint32 life)
{
  return life & STATE_MASK;
}

/* Wakes all waits of the family, which look again: somebody has died. */
void     aioproc_family_announce        (AioprocFamily     *self);
/* Announces the members that are gone, and collects what there is to watch. Returns whether some
 * are dying still, so that it has to be done again soon.
 */
gboolean aioproc_family_look_around     (AioprocFamily     *self,
                                         AioprocFutexWait  *waits,
                                         guint              max_waits,
                                         guint             *n_waits,
                                         gboolean          *all_watched);
/* Of the member that holds the slot. Returns when the kernel knows of it. */
gboolean aioproc_family_start_anchor    (AioprocFamily     *self,
                                         GError           **error);
/* In the child of a fork, where there is none. Async-signal-safe. */
void     aioproc_family_forget_anchors  (void);

G_END_DECLS
