/* aioproc-grants-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdatomic.h>

#include <glib.h>

#include "core/aioproc-lock-word-private.h"
#include "core/aioproc-mutex-private.h"

G_BEGIN_DECLS

/* Targeted grants: who may go on is chosen among those who wait, when that is decided, and not by
 * who comes first to an open door. So nobody who comes later takes what was another's, and what was
 * given to a process that died is given to another.
 *
 * Each process has a slot, that of the family, with counts of its waiters in one word, which is
 * changed by one exchange at a time, without a lock: who is killed or stopped has done it, or not.
 * Which of a process's waiters a grant is for, is the business of that process, and in its private
 * memory: the one that has waited longest.
 *
 *   counts:  version (13) | orphans (17) | waiting (17) | granted (17)
 *
 * A grant stays in the counts until its waiter has got what it waits for, and says so. Those of a
 * dead process are orphans, which are passed on, by one process at a time, under a lock; everybody
 * who waits tries that after each death. Who is killed while passing on may have given one that is
 * given again: a grant is never lost while somebody waits, but may come twice then.
 */
#define AIOPROC_GRANTS_N_SLOTS 1024
/* In one process. */
#define AIOPROC_GRANTS_MAX     0x1ffff

/* In shared memory. */
typedef struct {
  _Atomic guint64 counts;
  _Atomic guint32 life;       /* the owner word of the process whose they are */
  _Atomic guint32 signal;     /* what its waiters sleep on; bumped after each grant */
} AioprocGrantsSlot;

typedef struct {
  AioprocLockWord   lock;     /* of who passes on */
  _Atomic guint32   cursor;   /* the slot after the one that was given to last */
  _Atomic guint64   used[AIOPROC_GRANTS_N_SLOTS / 64];    /* a bit for each slot ever used */
  AioprocGrantsSlot slots[AIOPROC_GRANTS_N_SLOTS];
} AioprocGrantsState;

G_STATIC_ASSERT (sizeof (AioprocGrantsSlot) == 16);
G_STATIC_ASSERT (sizeof (AioprocGrantsState) == 16520);
G_STATIC_ASSERT (ATOMIC_LLONG_LOCK_FREE == 2);

typedef struct {
  /* Immutable after construction. */
  AioprocGrantsState *state;
  AioprocFamily      *family;

  /* Never held across a system call that waits. */
  AioprocMutex        mutex;
  guint32             life;       /* whose the rest is; protected by @mutex */
  GQueue              waiters;    /* without a grant, in their order; protected by @mutex */
  guint               n_chosen;   /* that have one, and have not ended; protected by @mutex */
  gboolean            swept;      /* ever; protected by @mutex */
  guint32             sequence;   /* of the family, at the last sweep; protected by @mutex */
  guint               n_busy;     /* sweeps in a row that another one held up; as above */
} AioprocGrants;

/* One who waits. Zero before; protected by the mutex of its grants. */
typedef struct {
  GList    link;
  guint32  life;                  /* of its process, 0: it does not wait */
  gboolean chosen;
} AioprocGrantsWaiter;

void             aioproc_grants_init          (AioprocGrants        *self,
                                               AioprocGrantsState   *state,
                                               AioprocFamily        *family);
void             aioproc_grants_clear         (AioprocGrants        *self);

/* For all below this process has to be a member of the family. None of them sleeps. */

/* The word that the waiters of this process sleep on. */
_Atomic guint32 *aioproc_grants_get_word      (AioprocGrants        *self);
/* FALSE: there are too many in this process. */
gboolean         aioproc_grants_begin         (AioprocGrants        *self,
                                               AioprocGrantsWaiter  *waiter);
/* Whether @waiter was given a grant. FALSE: sleep on the word == @expected until @retry_usec. */
gboolean         aioproc_grants_is_chosen     (AioprocGrants        *self,
                                               AioprocGrantsWaiter  *waiter,
                                               guint32              *expected,
                                               gint64               *retry_usec);
/* Whether there may be a grant for one of this process: a look, without a trace. */
gboolean         aioproc_grants_peek          (AioprocGrants        *self);
/* @waiter waits no more. TRUE: it was given a grant, which it has used up. */
gboolean         aioproc_grants_end           (AioprocGrants        *self,
                                               AioprocGrantsWaiter  *waiter);
/* Gives to at most @n of those who wait now, one in each process in turn. Wakes them, but for the
 * pending operations of this process, which are to be served if @own. Returns how many.
 */
guint            aioproc_grants_give          (AioprocGrants        *self,
                                               guint                 n,
                                               gboolean             *own);

G_END_DECLS
