/* aioproc-lock-core-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-lock-word-private.h"
#include "core/aioproc-shm-private.h"
#include "core/aioproc-waiter-private.h"
#include "sync/aioproc-turn-private.h"

G_BEGIN_DECLS

/* What the locks of this machine are made of: a lock word, which a process owns, and whoever waits
 * for it here. Who within the process holds it is the business of the class.
 */
typedef struct {
  /* Immutable after construction. */
  AioprocShm            *shm;              /* (owned) */
  AioprocFamily         *family;
  AioprocLockWord       *word;
  AioprocWaitQueue      *waiters;          /* (owned) */
  gboolean               strict;
  /* What the fast paths look at, wherever it stands. */
  const _Atomic guint32 *owner;
  const _Atomic guint   *n_pending;

  _Atomic guint32        closed;           /* (atomic) */
  _Atomic guint32        abandoned;        /* (atomic) of this process's latest hold */
  AioprocTurn            turn;             /* (atomic) of this process's operations */
} AioprocLockCore;

/* Begins each class's request. */
typedef struct {
  AioprocWaitRequest parent;
  AioprocLockTicket  ticket;
  gboolean           abandoned;
} AioprocLockRequest;

/* @self begins the object that the functions of the wait queue get. Takes @shm, whose state begins
 * with the word.
 */
void     aioproc_lock_core_init      (AioprocLockCore     *self,
                                      AioprocShm          *shm,
                                      gboolean             strict);
void     aioproc_lock_core_close     (AioprocLockCore     *self);
/* @held: this process holds it by way of this object, and nobody is left here to release it. */
void     aioproc_lock_core_clear     (AioprocLockCore     *self,
                                      gboolean             held);

/* Whether it is open, and this process a member of its family. */
gboolean aioproc_lock_core_check     (AioprocLockCore     *self,
                                      GError             **error);
/* One try. FALSE: G_IO_ERROR_WOULD_BLOCK. */
gboolean aioproc_lock_core_try       (AioprocLockCore     *self,
                                      gboolean            *abandoned,
                                      GError             **error);
/* For the attempt of the class. */
gboolean aioproc_lock_core_attempt   (AioprocLockCore     *self,
                                      AioprocLockRequest  *request,
                                      guint32             *expected);
/* It was taken, and abandoned, and must not be had so: lets it go again. */
void     aioproc_lock_core_refuse    (AioprocLockCore     *self,
                                      GError             **error);
/* Hands it to the first operation of this process that waits, after @fill has written that, or to
 * whoever takes it. FALSE: this process does not hold it.
 */
gboolean aioproc_lock_core_release   (AioprocLockCore     *self,
                                      AioprocWaitFillFunc  fill,
                                      GError             **error);
gboolean aioproc_lock_core_is_locked (AioprocLockCore     *self);
gboolean aioproc_lock_core_is_mine   (AioprocLockCore     *self);

static inline void
aioproc_lock_core_note_taken (AioprocLockCore *self,
                              gboolean         abandoned)
{
  atomic_store_explicit (&self->abandoned, abandoned, memory_order_relaxed);
  aioproc_turn_end (&self->turn);
}

/* What an acquire mostly is. FALSE: go the long way, which finds out why. */
static inline gboolean
aioproc_lock_core_take_free (AioprocLockCore *self)
{
  guint32 owner = atomic_load_explicit (self->owner, memory_order_relaxed);

  if (owner == 0 || atomic_load_explicit (&self->closed, memory_order_relaxed) != 0 ||
      !aioproc_lock_word_take_free (self->word, owner))
    return FALSE;

  aioproc_lock_core_note_taken (self, FALSE);

  return TRUE;
}

/* What a release mostly is. */
static inline gboolean
aioproc_lock_core_free_taken (AioprocLockCore *self)
{
  guint32 owner = atomic_load_explicit (self->owner, memory_order_relaxed);

  /* An operation that is just about to become pending has marked the word before. */
  return owner != 0 && atomic_load_explicit (self->n_pending, memory_order_relaxed) == 0 &&
         aioproc_lock_word_free_taken (self->word, owner);
}

G_END_DECLS
