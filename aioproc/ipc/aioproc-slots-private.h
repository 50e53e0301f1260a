/* aioproc-slots-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "core/aioproc-lock-word-private.h"
#include "core/aioproc-shm-private.h"

G_BEGIN_DECLS

/* Values in shared memory, each of which can be replaced as long as it fits: what a shared list is
 * made of. A slot has two places. A value is written to the one that is not looked at, then one
 * store makes that the one that is; so nothing is torn by a kill, and readers need no lock. Writers
 * exclude each other by a robust lock word, whose owner leaves nothing to repair.
 */

/* In shared memory, behind the header; the slots follow, then their places. */
typedef struct {
  guint32         length;
  AioprocLockWord lock;      /* of who writes */
  guint8          rest[56];
} AioprocSlotsState;

G_STATIC_ASSERT (sizeof (AioprocSlotsState) == 64);

typedef struct {
  guint64 state;             /* atomic: sequence (32) | length (31) | place (1) */
  guint64 offset;            /* of the first place; never changes, as what follows */
  guint64 room;              /* of one place */
  guint64 rest;
} AioprocSlotState;

G_STATIC_ASSERT (sizeof (AioprocSlotState) == 32);

/* What was checked once. */
typedef struct {
  AioprocSlotState *state;
  guint8           *places;
  gsize             room;
} AioprocSlot;

typedef struct {
  /* Immutable once made. */
  AioprocShm  *shm;          /* (owned) (nullable) NULL: not made */
  AioprocSlot *slots;        /* (owned) (array length=length) */
  guint        length;
} AioprocSlots;

/* @values: (element-type GVariant). */
gboolean  aioproc_slots_make  (AioprocSlots  *self,
                               const char    *name,
                               GPtrArray     *values,
                               guint64        least_room,
                               GError       **error);
/* Takes @shm, which a peer has sent. */
gboolean  aioproc_slots_adopt (AioprocSlots  *self,
                               AioprocShm    *shm,
                               GError       **error);
void      aioproc_slots_drop  (AioprocSlots  *self);
/* The errors are those of aioproc_shared_list_get() and _set(). */
GVariant *aioproc_slots_get   (AioprocSlots  *self,
                               guint          index,
                               GError       **error);
gboolean  aioproc_slots_set   (AioprocSlots  *self,
                               guint          index,
                               GVariant      *value,
                               GError       **error);

G_END_DECLS
