/* aioproc-lock-word-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdatomic.h>

#include <glib.h>

#include "core/aioproc-family-private.h"

G_BEGIN_DECLS

/* The robust lock: one word of shared memory, owned by a process, any thread of which may free it.
 *
 *   owned:        WAIT | HUNGRY | OWN | generation (19) | slot (10)
 *   free:         0
 *   handed over:  WAIT | FAIR | stamp (29): free for a thread that has slept only, until the
 *                 stamp is some milliseconds old
 *
 * WAIT asks the owner for a wake-up. HUNGRY says that a waiter was passed over for too long, and
 * turns the next release into a hand-over.
 */
typedef _Atomic guint32 AioprocLockWord;

typedef enum {
  AIOPROC_LOCK_BUSY,
  AIOPROC_LOCK_TAKEN,
  AIOPROC_LOCK_ABANDONED,   /* taken from a dead process: repair what the lock guards */
} AioprocLockResult;

/* One waiter's history with one word; zero when its wait begins. */
typedef struct {
  gint64   since_usec;      /* when it was first refused; 0: not yet */
  gboolean slept;           /* it has slept on the word, so it may take what was handed over */
} AioprocLockTicket;

/* One try, without a trace. */
AioprocLockResult aioproc_lock_word_try          (AioprocLockWord   *word,
                                                  AioprocFamily     *family);
/* One try of a waiter. BUSY: a wake-up is asked for, and the caller sleeps on the family's
 * sequence word (as read before this call) and on *@word == @expected, until @deadline_usec (-1:
 * no limit), then sets ticket->slept and tries again.
 */
AioprocLockResult aioproc_lock_word_attempt      (AioprocLockWord   *word,
                                                  AioprocFamily     *family,
                                                  AioprocLockTicket *ticket,
                                                  guint32           *expected,
                                                  gint64            *deadline_usec);
/* A waiter that was told BUSY gives up: a wake-up that it may have taken goes to the next. */
void              aioproc_lock_word_withdraw     (AioprocLockWord   *word);
/* Frees a word, and wakes one waiter. FALSE: this process does not own it. */
gboolean          aioproc_lock_word_release      (AioprocLockWord   *word,
                                                  AioprocFamily     *family);
/* The same, but hands over whenever anybody waits: for an owner that has served its own process
 * long enough.
 */
gboolean          aioproc_lock_word_release_fair (AioprocLockWord   *word,
                                                  AioprocFamily     *family);
gboolean          aioproc_lock_word_has_waiters  (AioprocLockWord   *word);
gboolean          aioproc_lock_word_is_hungry    (AioprocLockWord   *word);
gboolean          aioproc_lock_word_is_mine      (AioprocLockWord   *word,
                                                  AioprocFamily     *family);
/* Whether a process that lives holds it. */
gboolean          aioproc_lock_word_is_held      (AioprocLockWord   *word,
                                                  AioprocFamily     *family);

/* The whole of an uncontended acquire and release, inline. FALSE: call the functions above. */
static inline gboolean
aioproc_lock_word_take_free (AioprocLockWord *word,
                             guint32          owner)
{
  guint32 value = 0;

  /* Partner: every release. */
  return atomic_compare_exchange_strong_explicit (word, &value, owner, memory_order_acquire,
                                                  memory_order_relaxed);
}

static inline gboolean
aioproc_lock_word_free_taken (AioprocLockWord *word,
                              guint32          owner)
{
  guint32 value = owner;

  /* Partner: every acquire. */
  return atomic_compare_exchange_strong_explicit (word, &value, 0, memory_order_release,
                                                  memory_order_relaxed);
}

/* For locks internal to an object, which are held for short bounded work only: never across a
 * callback or a system call that may wait.
 */

/* Sleeps until it has the word: TAKEN or ABANDONED. For calls that may sleep anyhow. */
AioprocLockResult aioproc_lock_word_lock         (AioprocLockWord   *word,
                                                  AioprocFamily     *family);
/* Tries for some microseconds, never sleeps. For calls on a user's thread that may not sleep: the
 * owner of a word that is BUSY for so long is not running, and may be stopped.
 */
AioprocLockResult aioproc_lock_word_spin         (AioprocLockWord   *word,
                                                  AioprocFamily     *family);

G_END_DECLS
