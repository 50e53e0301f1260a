/* aioproc-pool-bell-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-shm-private.h"
#include "core/aioproc-waiter-private.h"

G_BEGIN_DECLS

/* What the workers of a pool have in common: a word that the program sleeps on until one of them
 * has something for it, and a bit for each that says who it is. No worker waits for anything here,
 * or takes a lock, so that one that dies, or is stopped, is in nobody's way.
 *
 * For any thread.
 */
typedef struct _AioprocPoolBell AioprocPoolBell;

/* The most workers of a pool at a time. */
#define AIOPROC_POOL_MAX_WORKERS 1024

AioprocPoolBell *aioproc_pool_bell_new        (const char          *name,
                                               GError             **error);
/* In a worker; takes @fd. */
AioprocPoolBell *aioproc_pool_bell_new_for_fd (int                  fd,
                                               GError             **error);
void             aioproc_pool_bell_free       (AioprocPoolBell     *self);
/* A descriptor for one worker, or -1. */
int              aioproc_pool_bell_open       (AioprocPoolBell     *self,
                                               GError             **error);
AioprocShm      *aioproc_pool_bell_get_shm    (AioprocPoolBell     *self);

/* The word that a wait queue of the program has. */
_Atomic guint32 *aioproc_pool_bell_get_word   (AioprocPoolBell     *self);
/* A second one, which aioproc_pool_bell_end() changes. */
_Atomic guint32 *aioproc_pool_bell_get_end    (AioprocPoolBell     *self);

/* Something was written for the program by the worker of this seat: what was written before is seen
 * by who takes the seat.
 */
void             aioproc_pool_bell_ring       (AioprocPoolBell     *self,
                                               guint                seat);
/* Whether anything can be taken. */
gboolean         aioproc_pool_bell_has_rung   (AioprocPoolBell     *self);
/* A seat that has rung since it was taken; -1: there is none. One thread at a time. */
int              aioproc_pool_bell_take       (AioprocPoolBell     *self);
/* In an attempt: FALSE, and the value that the word must have for a sleep, if nothing can be taken.
 * The word is marked: who changes that wakes.
 */
gboolean         aioproc_pool_bell_look       (AioprocPoolBell     *self,
                                               guint32             *expected);
/* Has all look again who sleep on the word in the program. */
void             aioproc_pool_bell_wake       (AioprocPoolBell     *self);
/* Nothing more will ring, which who sleeps on the second word is told. */
void             aioproc_pool_bell_end        (AioprocPoolBell     *self);
gboolean         aioproc_pool_bell_has_ended  (AioprocPoolBell     *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocPoolBell, aioproc_pool_bell_free)

G_END_DECLS
